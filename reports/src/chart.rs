//! Charts as inline SVG, drawn by plotters. The one file that names it.
//!
//! Colours are classes (`c0`..`c5`, `ink`, `grid`), so that one drawing serves light, dark and paper: the drawing uses
//! marker colours which `dress` replaces.

use std::fmt::Write as _;

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::ReportError;

/// Drawing units per CSS pixel: plotters places everything on whole units.
const FINE: u32 = 4;
const INK: RGBColor = RGBColor(1, 1, 1);
const GRID: RGBColor = RGBColor(2, 2, 2);
/// Colours of the palette; more series than that share them.
pub const COLOURS: usize = 6;

const fn colour(series: usize) -> RGBColor {
    RGBColor(3, 3, (series % COLOURS) as u8)
}

/// A line with a band around it.
#[derive(Clone, Debug)]
pub struct Line {
    /// Colour.
    pub series: usize,
    /// `(x, value, low, high)`.
    pub points: Vec<(f64, f64, f64, f64)>,
}

/// Axes of a chart.
#[derive(Clone, Debug)]
pub struct Axes {
    /// Title of the drawing, for those who cannot see it.
    pub title: String,
    /// What it shows, in a sentence.
    pub description: String,
    /// Words at the horizontal axis.
    pub x: String,
    /// Words at the vertical axis.
    pub y: String,
    /// Vertical range.
    pub range: (f64, f64),
    /// Whether vertical values are logarithms to the base of ten, and are to be labelled as what they stand for.
    pub log: bool,
}

/// A bar made of parts, with the error of its end.
#[derive(Clone, Debug)]
pub struct Bar {
    /// Words above it.
    pub label: String,
    /// Parts: (colour, length).
    pub parts: Vec<(usize, f64)>,
    /// Standard error of the total.
    pub stderr: f64,
    /// Words at its end.
    pub value: String,
}

fn font(pixels: f64) -> TextStyle<'static> {
    // The SVG backend writes size / 1.24 (its idea of points), so that this is the size in CSS pixels.
    ("system-ui, sans-serif", pixels * 1.24 * f64::from(FINE)).into_font().color(&INK)
}

fn draw(
    size: (u32, u32),
    axes: &Axes,
    body: impl FnOnce(&DrawingArea<SVGBackend<'_>, Shift>) -> Result<(), DrawingAreaErrorKind<std::io::Error>>,
) -> Result<String, ReportError> {
    let mut svg = String::new();
    let drawn = {
        let area = SVGBackend::with_string(&mut svg, (size.0 * FINE, size.1 * FINE)).into_drawing_area();
        body(&area).and_then(|()| area.present())
    };
    drawn.map_err(|error| ReportError::Chart(format!("{}: {error}", axes.title)))?;
    Ok(dress(&svg, size, axes))
}

/// Lines with bands, over time.
///
/// # Errors
/// [`ReportError::Chart`] if plotters cannot draw it.
pub fn lines(axes: &Axes, lines: &[Line]) -> Result<String, ReportError> {
    let size = (460, 270);
    draw(size, axes, |area| {
        let all = || lines.iter().flat_map(|line| &line.points);
        let (start, end) = all().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), point| (low.min(point.0), high.max(point.0)));
        let (start, end) = if start < end { (start, end) } else { (0.0, 1.0) };
        let mut chart = ChartBuilder::on(area)
            .margin(8 * FINE)
            .margin_right(16 * FINE)
            .x_label_area_size(38 * FINE)
            .y_label_area_size(54 * FINE)
            .build_cartesian_2d(start..end, axes.range.0..axes.range.1)?;
        mesh(&mut chart, axes)?;
        // Many bands on each other stay light.
        let strength = (0.4 / lines.len().max(1) as f64).min(0.16);
        for line in lines {
            let band = line.points.iter().map(|point| (point.0, point.3)).chain(line.points.iter().rev().map(|point| (point.0, point.2)));
            let band: Vec<(f64, f64)> = band.map(|(x, y)| (x, clamp(y, axes.range))).collect();
            chart.draw_series([Polygon::new(band, colour(line.series).mix(strength).filled())])?;
        }
        for line in lines {
            let points = line.points.iter().map(|point| (point.0, clamp(point.1, axes.range)));
            chart.draw_series(LineSeries::new(points, colour(line.series).stroke_width(2 * FINE)))?;
        }
        Ok(())
    })
}

/// Points joined by lines, each with a bar from its low to its high value; series stand a little apart, so that bars do not cover each other.
///
/// # Errors
/// [`ReportError::Chart`] if plotters cannot draw it.
pub fn points(axes: &Axes, lines: &[Line]) -> Result<String, ReportError> {
    draw((460, 270), axes, |area| {
        let all = || lines.iter().flat_map(|line| &line.points);
        let (start, end) = all().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), point| (low.min(point.0), high.max(point.0)));
        let (start, end) = if start < end { (start, end) } else { (0.0, 1.0) };
        let room = 0.04 * (end - start);
        let mut chart = ChartBuilder::on(area)
            .margin(8 * FINE)
            .margin_right(16 * FINE)
            .x_label_area_size(38 * FINE)
            .y_label_area_size(54 * FINE)
            .build_cartesian_2d(start - room..end + room, axes.range.0..axes.range.1)?;
        mesh(&mut chart, axes)?;
        for (index, line) in lines.iter().enumerate() {
            let shift = (index as f64 - (lines.len() - 1) as f64 / 2.0) * 0.012 * (end - start);
            let at = |point: &(f64, f64, f64, f64), y: f64| (point.0 + shift, clamp(y, axes.range));
            let ink = colour(line.series);
            chart.draw_series(LineSeries::new(line.points.iter().map(|point| at(point, point.1)), ink.stroke_width(2 * FINE)))?;
            for point in &line.points {
                chart.draw_series(LineSeries::new([at(point, point.2), at(point, point.3)], ink.stroke_width(FINE * 3 / 2)))?;
            }
            chart.draw_series(line.points.iter().map(|point| Circle::new(at(point, point.1), 3 * FINE, ink.filled())))?;
        }
        Ok(())
    })
}

fn clamp(value: f64, range: (f64, f64)) -> f64 {
    value.clamp(range.0, range.1)
}

fn mesh(
    chart: &mut ChartContext<'_, SVGBackend<'_>, Cartesian2d<RangedCoordf64, RangedCoordf64>>,
    axes: &Axes,
) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
    let label = |value: &f64| crate::number::significant(*value, 4);
    let power = |value: &f64| crate::number::significant(10_f64.powf(*value), 1);
    let vertical: &dyn Fn(&f64) -> String = if axes.log { &power } else { &label };
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID.stroke_width(FINE))
        .axis_style(INK.stroke_width(FINE))
        .label_style(font(12.0))
        .axis_desc_style(font(12.0))
        .x_labels(6)
        .y_labels(7)
        .x_label_formatter(&label)
        .y_label_formatter(&vertical)
        .x_desc(axes.x.as_str())
        .y_desc(axes.y.as_str())
        .draw()
}

/// Horizontal bars, each under its words, from zero on.
///
/// # Errors
/// [`ReportError::Chart`] if plotters cannot draw it.
pub fn bars(axes: &Axes, bars: &[Bar]) -> Result<String, ReportError> {
    let size = (460, 54 + 46 * bars.len() as u32);
    draw(size, axes, |area| {
        let longest = bars.iter().map(|bar| bar.parts.iter().map(|part| part.1).sum::<f64>() + bar.stderr).fold(0.0, f64::max);
        // Room for the words at the ends, at seven and a half pixels a letter.
        let letters = bars.iter().map(|bar| bar.value.chars().count()).max().unwrap_or(0) as f64;
        let room = ((letters * 7.5 + 14.0) / f64::from(size.0 - 16)).min(0.6);
        let end = if longest > 0.0 { longest / (1.0 - room) } else { 1.0 };
        let mut chart = ChartBuilder::on(area)
            .margin(4 * FINE)
            .margin_right(12 * FINE)
            .x_label_area_size(38 * FINE)
            .y_label_area_size(8 * FINE)
            .build_cartesian_2d(0.0..end, 0.0..bars.len() as f64)?;
        let label = |value: &f64| crate::number::significant(*value, 4);
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID.stroke_width(FINE))
            .axis_style(INK.stroke_width(FINE))
            .label_style(font(12.0))
            .axis_desc_style(font(12.0))
            .x_labels(5)
            .x_label_formatter(&label)
            .x_desc(axes.x.as_str())
            .draw()?;
        for (index, bar) in bars.iter().enumerate() {
            let top = (bars.len() - index) as f64;
            let mut from = 0.0;
            for (series, length) in &bar.parts {
                let corners = [(from, top - 0.5), (from + length, top - 0.92)];
                chart.draw_series([Rectangle::new(corners, colour(*series).filled())])?;
                from += length;
            }
            let middle = top - 0.71;
            if bar.stderr > 0.0 {
                let whisker = [(from - bar.stderr, middle), (from + bar.stderr, middle)];
                chart.draw_series(LineSeries::new(whisker, INK.stroke_width(2 * FINE)))?;
            }
            let left = font(12.5).pos(Pos::new(HPos::Left, VPos::Center));
            chart.draw_series([Text::new(bar.label.clone(), (0.0, top - 0.27), left.clone())])?;
            chart.draw_series([Text::new(bar.value.clone(), (from + bar.stderr + end * 0.015, middle), left)])?;
        }
        Ok(())
    })
}

/// Classes for colours, words for those who cannot see, a size that follows the page.
fn dress(svg: &str, size: (u32, u32), axes: &Axes) -> String {
    let mut text = svg.to_string();
    let mut replace = |marker: RGBColor, class: &str| {
        let hex = format!("#{:02X}{:02X}{:02X}", marker.0, marker.1, marker.2);
        text = text.replace(&format!("fill=\"{hex}\""), &format!("class=\"f-{class}\""));
        text = text.replace(&format!("stroke=\"{hex}\""), &format!("class=\"s-{class}\""));
    };
    replace(INK, "ink");
    replace(GRID, "grid");
    for series in 0..COLOURS {
        replace(colour(series), &format!("c{series}"));
    }
    let body = text.split_once('>').map_or("", |(_, body)| body);
    let (width, height) = (size.0 * FINE, size.1 * FINE);
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "<svg class=\"chart\" viewBox=\"0 0 {width} {height}\" role=\"img\"><title>{}</title><desc>{}</desc>{body}",
        escape(&axes.title),
        escape(&axes.description)
    );
    out
}

/// Colours of a drawing that stands alone, on white paper: those of the report's style sheet.
const STANDALONE: &str = "<style>text{font-family:system-ui,sans-serif}.f-ink{fill:#16202c}.s-ink{stroke:#16202c}.f-grid{fill:#d5dae0}.s-grid{stroke:#d5dae0}\
    .f-c0{fill:#0072b2}.s-c0{stroke:#0072b2}.f-c1{fill:#d55e00}.s-c1{stroke:#d55e00}.f-c2{fill:#009e73}.s-c2{stroke:#009e73}\
    .f-c3{fill:#b0568e}.s-c3{stroke:#b0568e}.f-c4{fill:#c98a00}.s-c4{stroke:#c98a00}.f-c5{fill:#3d9bd1}.s-c5{stroke:#3d9bd1}</style>\
    <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>";

/// A drawing as a file of its own, with its colours.
#[must_use]
pub fn standalone(svg: &str) -> String {
    let (open, body) = svg.split_once('>').unwrap_or(("<svg", svg));
    format!("{open} xmlns=\"http://www.w3.org/2000/svg\">{STANDALONE}{body}\n")
}

/// Text for use inside SVG.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // XML has no way to write these.
            c if c.is_control() && !c.is_whitespace() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes(title: &str) -> Axes {
        Axes { title: title.into(), description: "d".into(), x: "day".into(), y: "%".into(), range: (0.0, 100.0), log: false }
    }

    #[test]
    fn colours_are_classes_and_words_are_escaped() {
        let points = (0..10).map(|x| (f64::from(x), 50.0 + f64::from(x), 40.0, 120.0)).collect();
        let svg = lines(&axes("<script>"), &[Line { series: 1, points }]).unwrap();
        assert!(svg.contains("<title>&lt;script&gt;</title>") && svg.contains("class=\"s-c1\"") && svg.contains("class=\"f-c1\""));
        assert!(!svg.contains("<script") && !svg.contains("#0"), "no colour may stay behind");
        assert!(svg.trim_end().ends_with("</svg>"));
    }

    #[test]
    fn bars_have_their_words() {
        let bar = |label: &str| Bar { label: label.into(), parts: vec![(0, 3.0), (1, 2.0)], stderr: 0.5, value: "5 t".into() };
        let svg = bars(&axes("carbon"), &[bar("A & B"), bar("C")]).unwrap();
        assert!(svg.contains("A &amp; B") && svg.matches("class=\"f-c0\"").count() == 2);
        // Nothing to show is still a drawing.
        assert!(bars(&axes("empty"), &[]).is_ok() && lines(&axes("empty"), &[]).is_ok() && points(&axes("empty"), &[]).is_ok());
    }
}
