//! Cases and expected answers for the tests.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::path::PathBuf;

use bastide_grid::{Branch, Bus, BusKind, Case, Generator};

/// The folder of reference data, or a visible line and `None`.
pub fn folder(test: &str) -> Option<PathBuf> {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("BASTIDE_REFERENCE_DATA").map_or(default, PathBuf::from).join("grid");
    if !folder.is_dir() {
        eprintln!("skipped: {test}: no reference data (set BASTIDE_REFERENCE_DATA)");
        return None;
    }
    Some(folder)
}

/// Rows of a table without its header, cells as text.
pub fn table(folder: &std::path::Path, file: &str) -> Vec<Vec<String>> {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().skip(1).map(|line| line.split(',').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// Row numbers separated by semicolons.
pub fn rows(cell: &str) -> Vec<u32> {
    cell.split(';').filter(|row| !row.is_empty()).map(|row| row.parse().unwrap()).collect()
}

pub fn case(folder: &std::path::Path, file: &str) -> Case {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    read(&text)
}

fn read(text: &str) -> Case {
    let matrix = |name: &str| -> Vec<Vec<f64>> {
        let Some(start) = text.find(&format!("mpc.{name} = [")) else { return Vec::new() };
        let body = &text[start..];
        let body = &body[body.find('[').unwrap() + 1..body.find("];").unwrap()];
        body.lines()
            .map(|line| line.split('%').next().unwrap().trim().trim_end_matches(';'))
            .filter(|line| !line.is_empty())
            .map(|line| line.split_whitespace().map(|cell| cell.parse().unwrap()).collect())
            .collect()
    };
    let base = text.split("mpc.baseMVA =").nth(1).unwrap().split(';').next().unwrap().trim().parse().unwrap();
    let buses: Vec<Bus> = matrix("bus")
        .iter()
        .map(|row| Bus {
            number: row[0] as u64,
            kind: match row[1] as u8 {
                2 => BusKind::Generator,
                3 => BusKind::Reference,
                4 => BusKind::Isolated,
                _ => BusKind::Load,
            },
            demand_mw: row[2],
            shunt_mw: row[4],
            angle_deg: row[8],
            ..Bus::default()
        })
        .collect();
    let bus = |number: f64| buses.iter().position(|bus| bus.number == number as u64).unwrap();
    let generators = matrix("gen")
        .iter()
        .map(|row| Generator { bus: bus(row[0]), in_service: row[7] > 0.0, output_mw: row[1], min_mw: row[9], max_mw: row[8], cost: None })
        .collect();
    let rate = |value: f64| (value != 0.0).then_some(value);
    let branches = matrix("branch")
        .iter()
        .map(|row| Branch {
            from: bus(row[0]),
            to: bus(row[1]),
            in_service: row[10] != 0.0,
            resistance_pu: row[2],
            reactance_pu: row[3],
            rate_a_mw: rate(row[5]),
            rate_b_mw: rate(row[6]),
            rate_c_mw: rate(row[7]),
            tap: if row[8] == 0.0 { 1.0 } else { row[8] },
            shift_deg: row[9],
            angle_min_deg: None,
            angle_max_deg: None,
        })
        .collect();
    Case { base_mva: base, buses: buses.clone(), generators, branches, ..Case::default() }
}
