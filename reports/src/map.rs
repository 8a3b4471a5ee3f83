//! A map from the places in the results: graticule, nations, lines of the grid, data links, sites by size.
//!
//! Equirectangular, scaled by the cosine of the middle latitude: true to scale along the middle, and plain to read. No coast
//! is drawn, because none is in the results.

use std::fmt::Write as _;

use crate::chart::escape;

/// A site on the map.
#[derive(Clone, Debug)]
pub struct Spot {
    /// Words.
    pub label: String,
    /// `core`, `regional`, `edge`, `pool`.
    pub tier: String,
    /// (latitude, longitude).
    pub place: (f64, f64),
    /// IT power; zero for a candidate that is not built.
    pub mw: f64,
}

/// A line or link between two places.
#[derive(Clone, Debug)]
pub struct Tie {
    /// Words.
    pub label: String,
    /// Whether it carries data instead of power.
    pub data: bool,
    /// Ends.
    pub ends: [(f64, f64); 2],
    /// Relative width, 0 to 1.
    pub weight: f64,
}

/// What is drawn.
#[derive(Clone, Debug, Default)]
pub struct Map {
    /// Width of the drawing \[px\]; words keep their size.
    pub width: f64,
    /// Whether places that are not built have names.
    pub names: bool,
    /// IT power of the largest circle \[MW\], the same on maps to be compared.
    pub largest: f64,
    /// Title for those who cannot see it.
    pub title: String,
    /// What it shows, in a sentence.
    pub description: String,
    /// Nations or zones: words and place.
    pub regions: Vec<(String, (f64, f64))>,
    /// Lines and links.
    pub ties: Vec<Tie>,
    /// Sites.
    pub spots: Vec<Spot>,
}

const MARGIN: f64 = 46.0;
/// Mean advance of a letter of a wide sans-serif face, regular and bold, as a share of its size.
const ADVANCE: [f64; 2] = [0.57, 0.66];

#[derive(Clone, Copy)]
struct Box {
    x: f64,
    y: f64,
    w: f64,
    h: f64,
}

impl Box {
    /// Shared area.
    fn overlap(&self, other: &Self) -> f64 {
        let w = (self.x + self.w).min(other.x + other.w) - self.x.max(other.x);
        let h = (self.y + self.h).min(other.y + other.h) - self.y.max(other.y);
        if w > 0.0 && h > 0.0 { w * h } else { 0.0 }
    }
}

struct Projection {
    west: f64,
    north: f64,
    /// Pixels per degree.
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

impl Projection {
    fn of(places: &[(f64, f64)], width: f64) -> Option<Self> {
        let first = places.first()?;
        let mut bounds = (first.0, first.0, first.1, first.1);
        for place in places {
            bounds = (bounds.0.min(place.0), bounds.1.max(place.0), bounds.2.min(place.1), bounds.3.max(place.1));
        }
        let (south, north, west, east) = bounds;
        let cosine = f64::midpoint(south, north).to_radians().cos().max(0.1);
        // A degree around a lone place; otherwise not less than a third of the width, nor more than one and a quarter.
        let (mut wide, mut tall) = (((east - west) * cosine).max(1.0), (north - south).max(1.0));
        wide = wide.max(tall / 1.15);
        tall = tall.max(wide / 3.0);
        let scale = (width - 2.0 * MARGIN - 40.0).max(1.0) / wide;
        Some(Self {
            west: f64::midpoint(west, east) - wide / cosine / 2.0,
            north: f64::midpoint(south, north) + tall / 2.0,
            x: scale * cosine,
            y: scale,
            width,
            height: tall * scale + 2.0 * MARGIN,
        })
    }

    fn at(&self, place: (f64, f64)) -> (f64, f64) {
        ((place.1 - self.west) * self.x + MARGIN + 20.0, (self.north - place.0) * self.y + MARGIN)
    }

    fn degrees(&self, x: f64, y: f64) -> (f64, f64) {
        (self.north - (y - MARGIN) / self.y, self.west + (x - MARGIN - 20.0) / self.x)
    }
}

/// Radius of a site: area in proportion to power.
fn radius(mw: f64, largest: f64) -> f64 {
    if mw <= 0.0 || largest <= 0.0 { 4.0 } else { (24.0 * (mw / largest).sqrt()).max(4.0) }
}

/// The drawing; `None` without any place.
#[must_use]
pub fn draw(map: &Map) -> Option<String> {
    let finite = |place: &(f64, f64)| place.0.is_finite() && place.1.is_finite();
    let mut places: Vec<(f64, f64)> = map.regions.iter().map(|x| x.1).chain(map.spots.iter().map(|x| x.place)).collect();
    places.extend(map.ties.iter().flat_map(|x| x.ends));
    places.retain(finite);
    let projection = Projection::of(&places, map.width)?;
    let (width, height) = (projection.width, projection.height);
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "<svg class=\"map\" viewBox=\"0 0 {width} {height:.0}\" role=\"img\"><title>{}</title><desc>{}</desc><rect class=\"sea\" width=\"{width}\" height=\"{height:.0}\"/>",
        escape(&map.title),
        escape(&map.description)
    );
    graticule(&mut out, &projection);
    let mut taken = vec![Box { x: 0.0, y: 0.0, w: 4.0, h: height }];
    for tie in map.ties.iter().filter(|tie| tie.ends.iter().all(finite)) {
        draw_tie(&mut out, &projection, tie);
        if tie.data {
            continue;
        }
        // Beads along it, so that labels rather stand beside.
        let (a, b) = (projection.at(tie.ends[0]), projection.at(tie.ends[1]));
        let beads = ((b.0 - a.0).hypot(b.1 - a.1) / 8.0).ceil().clamp(1.0, 400.0) as u32;
        taken.extend((0..=beads).map(|bead| {
            let share = f64::from(bead) / f64::from(beads);
            Box { x: a.0 + (b.0 - a.0) * share - 2.0, y: a.1 + (b.1 - a.1) * share - 2.0, w: 4.0, h: 4.0 }
        }));
    }
    let largest = map.spots.iter().map(|spot| spot.mw).fold(map.largest, f64::max);
    let mut spots: Vec<&Spot> = map.spots.iter().filter(|spot| finite(&spot.place)).collect();
    // Large ones below small ones; names as a last resort for order.
    spots.sort_by(|a, b| b.mw.total_cmp(&a.mw).then_with(|| a.label.cmp(&b.label)));
    for spot in &spots {
        let ((x, y), r) = (projection.at(spot.place), radius(spot.mw, largest));
        taken.push(Box { x: x - r, y: y - r, w: 2.0 * r, h: 2.0 * r });
        let class = if spot.mw > 0.0 { format!("site t-{}", tier_class(&spot.tier)) } else { "site none".to_string() };
        let _ = write!(out, "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{r:.1}\"/>");
    }
    for spot in &spots {
        let ((x, y), r) = (projection.at(spot.place), radius(spot.mw, largest));
        let built = spot.mw > 0.0;
        if !built && !map.names {
            continue;
        }
        let text = if built { format!("{} {}", spot.label, crate::number::plain("MW", spot.mw)) } else { spot.label.clone() };
        let size = if built { 13.0 } else { 11.0 };
        place_label(&mut out, &mut taken, (x, y, r), &text, size, if built { "name" } else { "name none" }, (width, height));
    }
    for (label, place) in map.regions.iter().filter(|region| finite(&region.1)) {
        let (x, y) = projection.at(*place);
        place_label(&mut out, &mut taken, (x, y, -1.0), &label.to_uppercase(), 12.0, "nation", (width, height));
    }
    out.push_str("</svg>");
    Some(out)
}

fn tier_class(tier: &str) -> &'static str {
    match tier {
        "core" => "core",
        "regional" => "regional",
        "edge" => "edge",
        _ => "pool",
    }
}

fn draw_tie(out: &mut String, projection: &Projection, tie: &Tie) {
    let (a, b) = (projection.at(tie.ends[0]), projection.at(tie.ends[1]));
    if tie.data {
        // Bent to one side, so that it does not lie on the power line between the same places.
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let (x, y) = (f64::midpoint(a.0, b.0) - dy * 0.13, f64::midpoint(a.1, b.1) + dx * 0.13);
        let path = format!("M{:.1} {:.1}Q{x:.1} {y:.1} {:.1} {:.1}", a.0, a.1, b.0, b.1);
        let _ = write!(out, "<path class=\"link\" d=\"{path}\"><title>{}</title></path>", escape(&tie.label));
    } else {
        let width = 1.2 + 4.0 * tie.weight.clamp(0.0, 1.0);
        let ends = format!("x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"", a.0, a.1, b.0, b.1);
        let _ = write!(out, "<line class=\"wire\" {ends} stroke-width=\"{width:.1}\"><title>{}</title></line>", escape(&tie.label));
    }
}

/// Side of a label that is next to its place: faces differ in width, and the gap should not.
#[derive(Clone, Copy)]
enum Anchor {
    Start,
    Middle,
    End,
}

/// Puts a label where it covers least: right, left, above, below, the corners, then the same further out; with `r < 0` on the
/// place itself or near it.
fn place_label(out: &mut String, taken: &mut Vec<Box>, spot: (f64, f64, f64), text: &str, size: f64, class: &str, sheet: (f64, f64)) {
    use Anchor::{End, Middle, Start};
    let (x, y, r) = spot;
    let letters = text.chars().count() as f64;
    let spacing = if class == "nation" { 0.2 } else { 0.0 };
    let advance = ADVANCE[usize::from(class == "name")] + spacing;
    let (w, h) = (letters * size * advance + 2.0, size * 1.15);
    let middle = (x - w / 2.0, y - h / 2.0);
    let mut corners = Vec::new();
    for further in [0.0, h * 0.8, h * 1.6] {
        let gap = r.max(0.0) + 4.0 + further;
        let diagonal = gap * 0.75;
        corners.extend([
            (x + gap, y - h / 2.0, Start),
            (x - gap - w, y - h / 2.0, End),
            (middle.0, y - gap - h, Middle),
            (middle.0, y + gap, Middle),
            (x + diagonal, y - diagonal - h, Start),
            (x + diagonal, y + diagonal, Start),
            (x - diagonal - w, y - diagonal - h, End),
            (x - diagonal - w, y + diagonal, End),
        ]);
    }
    if r < 0.0 {
        corners.clear();
        for step in [0.0, 16.0, 32.0, 52.0, 76.0] {
            corners.extend(
                [(0.0, -step), (0.0, step), (step, 0.0), (-step, 0.0), (step, step), (-step, step), (step, -step), (-step, -step)]
                    .map(|(dx, dy)| (middle.0 + dx, middle.1 + dy, Middle)),
            );
        }
    }
    let cost = |corner: &(f64, f64, Anchor)| {
        // From the place to the nearest edge.
        let apart = |middle: f64, half: f64, at: f64| ((middle - at).abs() - half).max(0.0);
        let distance = apart(corner.0 + w / 2.0, w / 2.0, x).hypot(apart(corner.1 + h / 2.0, h / 2.0, y));
        let place = Box { x: corner.0, y: corner.1, w, h };
        let outside = (-corner.0).max(0.0) + (corner.0 + w - sheet.0).max(0.0) + (-corner.1).max(0.0) + (corner.1 + h - sheet.1).max(0.0);
        taken.iter().map(|other| place.overlap(other)).sum::<f64>() + outside * 100.0 + distance * 0.6
    };
    let best = corners.iter().map(|corner| (cost(corner), *corner)).reduce(|best, next| if next.0 < best.0 { next } else { best });
    let Some((_, corner)) = best else { return };
    let (share, anchor) = match corner.2 {
        Start => (0.0, "start"),
        Middle => (0.5, "middle"),
        End => (1.0, "end"),
    };
    taken.push(Box { x: corner.0 - 1.0, y: corner.1, w: w + 2.0, h });
    let base = corner.1 + size * 0.92;
    let _ = write!(
        out,
        "<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{:.1}\" y=\"{base:.1}\" font-size=\"{size}\">{}</text>",
        corner.0 + share * w,
        escape(text)
    );
}

fn graticule(out: &mut String, projection: &Projection) {
    let (north, west) = projection.degrees(0.0, 0.0);
    let (south, east) = projection.degrees(projection.width, projection.height);
    let span = (north - south).max(east - west);
    let step = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0].into_iter().find(|step| span / step <= 9.0).unwrap_or(60.0);
    let (width, height) = (projection.width, projection.height);
    let degrees = |value: f64, positive: char, negative: char| {
        let side = if value < 0.0 { negative } else { positive };
        format!("{}° {side}", crate::number::significant(value.abs(), 4))
    };
    let ticks = |from: f64, to: f64| {
        let first = (from / step).ceil() as i64;
        let last = (to / step).floor() as i64;
        (first..=last).map(move |tick| tick as f64 * step)
    };
    for latitude in ticks(south, north) {
        let y = projection.at((latitude, 0.0)).1;
        let _ = write!(out, "<line class=\"graticule\" x1=\"0\" x2=\"{width}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>");
        let label = degrees(latitude, 'N', 'S');
        let _ = write!(out, "<text class=\"degree\" x=\"6\" y=\"{:.1}\" font-size=\"10\">{label}</text>", y - 3.0);
    }
    for longitude in ticks(west, east) {
        let x = projection.at((0.0, longitude)).0;
        let _ = write!(out, "<line class=\"graticule\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"0\" y2=\"{height:.0}\"/>");
        let label = degrees(longitude, 'E', 'W');
        let _ = write!(out, "<text class=\"degree\" x=\"{:.1}\" y=\"{:.1}\" font-size=\"10\">{label}</text>", x + 3.0, height - 5.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(label: &str, latitude: f64, longitude: f64, mw: f64) -> Spot {
        Spot { label: label.into(), tier: "core".into(), place: (latitude, longitude), mw }
    }

    #[test]
    fn north_is_up_and_east_is_right() {
        let projection = Projection::of(&[(50.0, 10.0), (60.0, 30.0)], 760.0).unwrap();
        let (low, high) = (projection.at((50.0, 10.0)), projection.at((60.0, 30.0)));
        assert!(high.1 < low.1 && high.0 > low.0);
        // A degree of longitude at 55 degrees north is cos 55 = 0.5736 of one of latitude.
        assert!((projection.x / projection.y - 55f64.to_radians().cos()).abs() < 1e-12);
        let back = projection.degrees(low.0, low.1);
        assert!((back.0 - 50.0).abs() < 1e-9 && (back.1 - 10.0).abs() < 1e-9);
    }

    #[test]
    fn near_names_do_not_cover_each_other() {
        let mut out = String::new();
        let mut taken = Vec::new();
        for index in 0..4 {
            place_label(&mut out, &mut taken, (300.0, 200.0 + f64::from(index), 5.0), "Gdynia 12 MW", 13.0, "name", (760.0, 400.0));
        }
        for (index, a) in taken.iter().enumerate() {
            assert!(taken[..index].iter().all(|b| a.overlap(b) == 0.0), "label {index}");
        }
    }

    #[test]
    fn hostile_and_lonely_places_are_drawn() {
        let map =
            Map { width: 760.0, title: "<b>".into(), spots: vec![spot("<script>alert(1)</script>", 59.0, 25.0, 3.0)], ..Map::default() };
        let svg = draw(&map).unwrap();
        assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;") && !svg.contains("NaN"));
        assert!(draw(&Map::default()).is_none());
        let odd = Map { width: 760.0, spots: vec![spot("x", f64::NAN, 1.0, 1.0)], ..Map::default() };
        assert!(draw(&odd).is_none());
    }
}
