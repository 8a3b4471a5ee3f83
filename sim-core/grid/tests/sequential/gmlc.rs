//! The three-region RTS-GMLC from its source data, as far as adequacy needs it.

use std::path::Path;

use bastide_grid::adequacy::{Area, SnapshotOptions, Storage, System, Tie, TwoState, Unit, sample_snapshots};

use crate::small::run;

/// Columns by name.
struct Table {
    names: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn read(path: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(path).ok()?;
        let mut lines = text.lines().map(|line| {
            // Commas in quotes stay.
            let mut quoted = false;
            let split = line.trim_end().split(move |letter| {
                quoted ^= letter == '"';
                letter == ',' && !quoted
            });
            split.map(String::from).collect::<Vec<_>>()
        });
        Some(Self { names: lines.next()?, rows: lines.collect() })
    }

    fn at<'t>(&self, row: &'t [String], name: &str) -> &'t str {
        self.names.iter().position(|found| found == name).and_then(|place| row.get(place)).map_or("", String::as_str)
    }

    fn number(&self, row: &[String], name: &str) -> f64 {
        self.at(row, name).parse().unwrap_or(0.0)
    }
}

/// Thermal units with their failures; wind, sun and river as recorded; the battery; lines between areas as ties.
pub fn system(folder: &Path) -> Option<System> {
    let buses = Table::read(&folder.join("bus.csv"))?;
    let area_of = |bus: &str| -> Option<usize> {
        let row = buses.rows.iter().find(|row| buses.at(row, "Bus ID") == bus)?;
        Some(buses.number(row, "Area") as usize - 1)
    };
    let load = Table::read(&folder.join("DAY_AHEAD_regional_Load.csv"))?;
    let hours = load.rows.len();
    let mut system = System { hours, ..System::default() };
    for name in ["1", "2", "3"] {
        let load_mw = load.rows.iter().map(|row| load.number(row, name)).collect();
        system.areas.push(Area { name: name.into(), load_mw, variable_mw: vec![0.0; hours], ..Area::default() });
    }
    for file in ["wind", "pv", "rtpv", "hydro"] {
        let table = Table::read(&folder.join(format!("DAY_AHEAD_{file}.csv")))?;
        for (column, name) in table.names.iter().enumerate().skip(4) {
            let area = area_of(name.split('_').next()?)?;
            for (hour, row) in table.rows.iter().enumerate() {
                system.areas[area].variable_mw[hour] += row[column].parse::<f64>().unwrap_or(0.0);
            }
        }
    }
    let gens = Table::read(&folder.join("gen.csv"))?;
    for row in &gens.rows {
        let (mttf_h, mttr_h) = (gens.number(row, "MTTF Hr"), gens.number(row, "MTTR Hr"));
        let area = area_of(gens.at(row, "Bus ID"))?;
        let kind = gens.at(row, "Unit Type");
        if kind == "STORAGE" {
            let root = 0.85_f64.sqrt();
            system.storages.push(Storage {
                name: gens.at(row, "GEN UID").into(),
                area,
                charge_mw: 50.0,
                discharge_mw: 50.0,
                energy_mwh: 150.0,
                charge_efficiency: root,
                discharge_efficiency: root,
                initial: 0.5,
                outage: TwoState::Perfect,
            });
        } else if ["CT", "STEAM", "CC", "NUCLEAR"].contains(&kind) && mttf_h > 0.0 && mttr_h > 0.0 {
            system.units.push(Unit {
                name: gens.at(row, "GEN UID").into(),
                area,
                count: 1,
                capacity_mw: gens.number(row, "PMax MW"),
                profile: Vec::new(),
                outage: TwoState::Times { mttf_h, mttr_h },
                derated: None,
                maintenance: Vec::new(),
            });
        }
    }
    let branches = Table::read(&folder.join("branch.csv"))?;
    for row in &branches.rows {
        let (from, to) = (area_of(branches.at(row, "From Bus"))?, area_of(branches.at(row, "To Bus"))?);
        let (from, to) = (from.min(to), from.max(to));
        if from != to {
            let rating = branches.number(row, "Cont Rating");
            if let Some(tie) = system.ties.iter_mut().find(|tie| (tie.from, tie.to) == (from, to)) {
                tie.forward_mw += rating;
                tie.backward_mw += rating;
            } else {
                let name = format!("{}-{}", from + 1, to + 1);
                system.ties.push(Tie { name, from, to, forward_mw: rating, backward_mw: rating, outage: TwoState::Perfect });
            }
        }
    }
    Some(system)
}

/// With 15 % more load the system is short for about an hour and a half a year: years and weighted snapshots must agree.
#[test]
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn three_regions_share_their_surplus() {
    let data = std::env::var("BASTIDE_REFERENCE_DATA")
        .map_or_else(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), Into::into);
    let Some(mut system) = system(&data.join("grid/rts_gmlc")) else {
        println!("skipped: no RTS-GMLC data in {}", data.display());
        return;
    };
    assert_eq!((system.hours, system.ties.len(), system.storages.len()), (8784, 3, 1));
    for area in &mut system.areas {
        area.load_mw.iter_mut().for_each(|mw| *mw *= 1.15);
    }
    let with = run(&system, 1500);
    system.storages.clear();
    let without = run(&system, 1500);
    assert!(with.annual_eue_mwh.iter().zip(&without.annual_eue_mwh).all(|(with, without)| *with <= without + 1e-6));
    assert!(with.system.eue_mwh.mean < 0.9 * without.system.eue_mwh.mean);
    let sampled = sample_snapshots(&system, &SnapshotOptions::default()).unwrap().system;
    for (years, sampled) in [(&without.system.lole_h, sampled.lole_h), (&without.system.eue_mwh, sampled.eue_mwh)] {
        let apart = (years.mean - sampled.mean) / years.stderr.unwrap().hypot(sampled.stderr);
        assert!(apart.abs() < 3.5, "{years:?} {sampled:?}");
    }
    // Islands: each region alone is worse off than together.
    system.ties.clear();
    let alone = run(&system, 300);
    assert!(alone.system.lole_h.mean > 5.0 * without.system.lole_h.mean);
}
