//! Maps: one for each alternative.

use bastide_sim::results::AlternativeFacts;

use super::{Facts, Figure, Table, words};
use crate::map::{self, Map, Spot, Tie};
use crate::number;

pub(super) fn maps(facts: &Facts<'_>) -> Vec<Figure> {
    let mut largest = 0.0_f64;
    for alternative in facts.alternatives {
        for site in facts.study.entities.iter().filter(|x| x.kind == "site") {
            largest = largest.max(it_power(alternative, &site.name).1);
        }
    }
    (0..facts.alternatives.len()).filter_map(|index| one(facts, index, largest)).collect()
}

/// Accelerators and IT power \[MW\] at a site.
fn it_power(alternative: &AlternativeFacts, site: &str) -> (u32, f64) {
    let here = alternative.plan.builds.iter().chain(&alternative.plan.fleets).filter(|x| x.site == site);
    here.fold((0, 0.0), |sum, x| (sum.0 + x.count, sum.1 + x.it_mw))
}

fn one(facts: &Facts<'_>, index: usize, largest: f64) -> Option<Figure> {
    let alternative = &facts.alternatives[index];
    let entities = &facts.study.entities;
    let place = |kind: &str, name: &str| {
        let entity = entities.iter().find(|x| x.kind == kind && x.name == name)?;
        Some((entity.latitude?, entity.longitude?))
    };
    let of_kind = |kind: &'static str| entities.iter().filter(move |x| x.kind == kind);
    let mut spots = Vec::new();
    let caption = format!("Sites of {}", alternative.title);
    let mut table = Table::new(caption.clone(), &["Site", "Tier", "Nation", "#Accelerators", "#IT power [MW]", "#Connection [MW]"]);
    let (mut all, mut power) = (0, 0.0);
    for site in of_kind("site") {
        let (count, mw) = it_power(alternative, &site.name);
        if let (Some(latitude), Some(longitude)) = (site.latitude, site.longitude) {
            let tier = site.tier.clone().unwrap_or_default();
            spots.push(Spot { label: site.title.clone(), tier, place: (latitude, longitude), mw });
        }
        if count > 0 {
            all += count;
            power += mw;
            table.push(vec![
                site.title.as_str().into(),
                words::capital(site.tier.as_deref().unwrap_or_default()).into(),
                facts.title("nation", site.nation.as_deref().unwrap_or_default()).into(),
                number::count(count).into(),
                number::fixed(mw, 2).into(),
                number::significant(site.capacity.unwrap_or(0.0), 3).into(),
            ]);
        }
    }
    table.total(vec!["All".into(), "".into(), "".into(), number::count(all).into(), number::fixed(power, 2).into(), "".into()]);
    let mut ties = Vec::new();
    let widest = of_kind("line").filter_map(|x| x.capacity).fold(0.0, f64::max);
    for line in of_kind("line") {
        let end = |name: &Option<String>| name.as_deref().and_then(|name| place("bus", name));
        if let (Some(from), Some(to)) = (end(&line.from), end(&line.to)) {
            let capacity = line.capacity.unwrap_or(0.0);
            let weight = if widest > 0.0 { capacity / widest } else { 0.0 };
            let label = format!("{}, {}", line.title, number::plain("MW", capacity));
            ties.push(Tie { label, data: false, ends: [from, to], weight });
        }
    }
    for link in of_kind("link") {
        let end = |name: &Option<String>| name.as_deref().and_then(|name| name.split_once('.')).and_then(|(kind, name)| place(kind, name));
        if let (Some(from), Some(to)) = (end(&link.from), end(&link.to)) {
            let label =
                format!("{}, {} {}", link.title, number::significant(link.capacity.unwrap_or(0.0), 4), link.note.as_deref().unwrap_or(""));
            ties.push(Tie { label, data: true, ends: [from, to], weight: 0.0 });
        }
    }
    let regions = of_kind("nation").filter_map(|x| {
        // The label stands where the nation's zone is drawn, which is nearer its middle than its hub.
        let zone = of_kind("bus").find(|bus| bus.nation.as_deref() == Some(x.name.as_str()) && bus.latitude.is_some());
        let at = zone.unwrap_or(x);
        // Remarks after a comma are for tables.
        let name = x.title.split(',').next().unwrap_or_default();
        Some((name.to_string(), (at.latitude?, at.longitude?)))
    });
    let map = Map {
        largest,
        names: index == 0,
        width: if index == 0 { 760.0 } else { 540.0 },
        title: format!("Map of {}", alternative.title),
        description: format!(
            "{} sites with {} of IT power, lines of the grid and data links.",
            table.rows.len() - 1,
            number::plain("MW", power)
        ),
        regions: regions.collect(),
        ties,
        spots,
    };
    let svg = map::draw(&map)?;
    let caption =
        format!("{}: {} accelerators, {}. Circles grow with IT power.", alternative.title, number::count(all), number::plain("MW", power));
    let source = "Source: entities.parquet and plans of this study. Equirectangular projection.".to_string();
    Some(Figure { title: alternative.title.clone(), caption, svg, table: Some(table), source })
}
