//! RTS-GMLC as plain arrays: units, hourly maxima, demand by bus, lines.

use std::collections::BTreeMap;
use std::path::Path;

use bastide_grid::Offer;
use bastide_grid::opf::{Battery, ChronologyLine};

pub struct Rts {
    pub buses: usize,
    pub units: Vec<Offer>,
    pub available_mw: Vec<f64>,
    pub demand_mw: Vec<f64>,
    pub lines: Vec<ChronologyLine>,
    pub battery: Battery,
}

fn csv(path: &Path) -> (Vec<String>, Vec<Vec<String>>) {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines().map(|line| line.trim().split(',').map(|word| word.trim().to_owned()).collect::<Vec<String>>());
    (lines.next().unwrap(), lines.filter(|row| row.len() > 1).collect())
}

/// The first hours of the year.
pub fn read(folder: &Path, hours: usize) -> Rts {
    let (_, bus_rows) = csv(&folder.join("bus.csv"));
    let number: Vec<&str> = bus_rows.iter().map(|row| row[0].as_str()).collect();
    let at = |name: &str| number.iter().position(|number| *number == name).unwrap();
    let load: Vec<f64> = bus_rows.iter().map(|row| row[4].parse().unwrap()).collect();
    let area: Vec<usize> = bus_rows.iter().map(|row| row[10].parse().unwrap()).collect();
    let mut by_area = [0.0; 4];
    load.iter().zip(&area).for_each(|(load, &area)| by_area[area] += load);
    let (_, demand) = csv(&folder.join("DAY_AHEAD_regional_Load.csv"));
    let mut demand_mw = Vec::new();
    for row in &demand[..hours] {
        for (load, &area) in load.iter().zip(&area) {
            demand_mw.push(row[3 + area].parse::<f64>().unwrap() * load / by_area[area]);
        }
    }
    let mut series: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for file in ["hydro", "pv", "rtpv", "wind"] {
        let (names, rows) = csv(&folder.join(format!("DAY_AHEAD_{file}.csv")));
        for (column, name) in names.iter().enumerate().skip(4) {
            series.insert(name.clone(), rows[..hours].iter().map(|row| row[column].parse().unwrap()).collect());
        }
    }
    let (_, unit_rows) = csv(&folder.join("ed_generators.csv"));
    let units: Vec<Offer> = unit_rows.iter().map(|row| Offer { bus: at(&row[1]), cost_eur_per_mwh: row[3].parse().unwrap() }).collect();
    let mut available_mw = Vec::with_capacity(hours * units.len());
    // By hour, then unit.
    #[allow(clippy::needless_range_loop)]
    for hour in 0..hours {
        for row in &unit_rows {
            available_mw.push(if row[4].is_empty() { row[2].parse().unwrap() } else { series[&row[4]][hour] });
        }
    }
    let (_, line_rows) = csv(&folder.join("branch.csv"));
    let lines = line_rows
        .iter()
        .map(|row| {
            let tap: f64 = row[11].parse().unwrap();
            let x: f64 = row[4].parse().unwrap();
            let rate = row[6].parse().unwrap();
            let susceptance_mw = Some(100.0 / (x * if tap == 0.0 { 1.0 } else { tap }));
            ChronologyLine { from: at(&row[1]), to: at(&row[2]), susceptance_mw, limit_mw: rate, reverse_mw: rate }
        })
        .collect();
    let share = 0.85_f64.sqrt();
    let battery = Battery {
        bus: at("313"),
        power_mw: 50.0,
        energy_mwh: 200.0,
        charge_efficiency: share,
        discharge_efficiency: share,
        initial_mwh: 100.0,
        final_mwh: None,
    };
    Rts { buses: number.len(), units, available_mw, demand_mw, lines, battery }
}
