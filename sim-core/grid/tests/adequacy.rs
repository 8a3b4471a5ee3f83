//! Exact adequacy: published figures of reference systems, hand-made enumerations, and laws that any system obeys.

#[path = "support/rts79.rs"]
mod rts79;

use std::path::PathBuf;

use bastide_grid::adequacy::{
    AdequacyError, ConvolutionOptions, DeratedState, ExactAdequacy, HostOptions, Metric, Storage, System, SystemFault, Tie, Tier, TierKind,
    TwoState, Unit, convolve, enumerate, equivalent_firm_capacity, host, largest_size, load_carrying_capability, outage_table,
};
use proptest::prelude::*;
use rts79::{area, unit};

fn close(found: f64, expected: f64, relative: f64) {
    assert!((found - expected).abs() <= relative * expected.abs(), "{found} is not {expected} within {relative}");
}

fn exact(system: &System) -> ExactAdequacy {
    convolve(system, &ConvolutionOptions::default()).unwrap()
}

/// A class of units of which only the unavailability is known.
fn plain(capacity_mw: f64, count: u32, unavailability: f64) -> Unit {
    Unit { outage: TwoState::Unavailability(unavailability), ..unit(capacity_mw, count, 1.0, 1.0) }
}

#[expect(clippy::print_stdout, reason = "a skipped comparison is to be seen")]
fn reference(file: &str) -> Option<String> {
    let folder = std::env::var_os("BASTIDE_REFERENCE_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let path = folder.join("grid/rts79").join(file);
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        println!("skipped: no reference data at {}", path.display());
    }
    text
}

fn rbts() -> System {
    // Billinton et al., IEEE Trans. Power Systems 4(3), 1238-1244, 1989: 240 MW, peak 185 MW, the load shape of the RTS.
    let units = [(40.0, 2, 0.03), (40.0, 1, 0.02), (20.0, 1, 0.025), (10.0, 1, 0.02), (20.0, 4, 0.015), (5.0, 2, 0.01)];
    let units = units.iter().map(|&(mw, count, q)| plain(mw, count, q)).collect();
    area(rts79::load_mw(185.0), units)
}

/// Allan, Billinton & Abdel-Gawad, IEEE Trans. Power Systems 1(4), 1986.
#[test]
fn rts79_has_its_published_indices() {
    let system = rts79::system(2850.0);
    let found = convolve(&system, &ConvolutionOptions { snapshots: true, ..ConvolutionOptions::default() }).unwrap();
    close(found.energy_mwh, 15_297_074.713_74, 1e-12);
    close(found.lole_h, 9.394_18, 1e-6);
    close(found.eue_mwh, 1176.0, 5e-4);
    close(found.lole_days, 1.368_86, 3e-6);
    close(found.lolp[8441], 0.084_578_060_83, 1e-9);
    close(found.neue_ppm, 1_176.298_46 / 15.297_074_713_74, 1e-8);
    // The chains of the units are continuous, and a shortfall in the first hour is an event.
    close(found.events.unwrap(), 2.019_674_775, 1e-9);
    close(found.snapshot_events.unwrap(), 1.913_130_858, 1e-9);
    close(found.mean_duration_h.unwrap(), found.lole_h / found.events.unwrap(), 1e-12);
    assert_eq!(found.bounds, None);
}

/// Every row of the reference tables, to the digits that they print.
#[test]
fn reference_tables() {
    let Some(indices) = reference("expected_adequacy.csv") else { return };
    let three_areas = System {
        areas: vec![rts79::system(2850.0).areas[0].clone(); 3],
        units: (0..3).flat_map(|area| rts79::units().into_iter().map(move |unit| Unit { area, ..unit })).collect(),
        ..rts79::system(2850.0)
    };
    let mut rows = 0;
    for line in indices.lines().skip(1) {
        // Names in quotes hold commas.
        let parts = line.split('"').enumerate();
        let line: String = parts.map(|(k, part)| if k % 2 == 1 { part.replace(',', "") } else { part.to_owned() }).collect();
        let fields: Vec<&str> = line.split(',').collect();
        let system = match fields[0] {
            "RTS-79" => rts79::system(2850.0),
            name if name.starts_with("RTS-79 3 areas") => three_areas.clone(),
            name if name.starts_with("RBTS") => rbts(),
            name => rts79::system(name.strip_prefix("RTS-79 peak ").unwrap().parse().unwrap()),
        };
        let snapshots = fields[1].contains("snapshots");
        let options = ConvolutionOptions { copper_plate: true, snapshots, ..ConvolutionOptions::default() };
        let found = convolve(&system, &options).unwrap();
        let value = match fields[1] {
            "LOLH" => found.lole_h,
            "EUE" => found.eue_mwh,
            "LOLE daily peak" => found.lole_days,
            "energy" => found.energy_mwh,
            "LOLP at 2850 MW" => found.lolp[8441],
            name if name.contains("snapshots") => found.snapshot_events.unwrap(),
            name if name.contains("continuous") => found.events.unwrap(),
            "load factor" => found.energy_mwh / 8736.0 / 28.5,
            name => panic!("unknown index {name}"),
        };
        // The load factor is rounded as published.
        close(value, fields[2].parse().unwrap(), if fields[1] == "load factor" { 1e-6 } else { 1e-9 });
        rows += 1;
    }
    assert!(rows >= 22, "{rows} rows");

    let system = rts79::system(2850.0);
    let table = outage_table(&system, 0, 1 << 20).unwrap();
    let copt = reference("expected_copt.csv").unwrap();
    for line in copt.lines().skip(1) {
        let row: Vec<f64> = line.split(',').map(|field| field.parse().unwrap()).collect();
        let state = table.outage_mw.iter().position(|&mw| (mw - row[0]).abs() < 1e-6).unwrap();
        close(table.probability[state], row[1], 1e-11);
        close(table.cumulative[state], row[2], 1e-11);
    }
    let found = exact(&system);
    for line in reference("expected_top50_hours.csv").unwrap().lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let hour: usize = fields[0].parse().unwrap();
        close(found.lolp[hour], fields[2].parse().unwrap(), 1e-9);
        close(found.eue_by_hour_mwh[hour], fields[3].parse().unwrap(), 1e-9);
    }
}

/// NREL/PRAS, PRASCore.jl/src/Systems/TestData.jl: capacities of failing units by hour.
#[test]
fn pras_single_nodes() {
    let times = TwoState::Times { mttf_h: 10.0, mttr_h: 10.0 / 9.0 };
    let failing = |capacity_mw: f64, profile: &[f64]| Unit { outage: times, profile: profile.to_vec(), ..unit(capacity_mw, 1, 1.0, 1.0) };
    let perfect = |mw: &[f64]| {
        let most = mw.iter().copied().fold(0.0, f64::max);
        let profile = mw.iter().map(|mw| mw / most).collect();
        Unit { outage: TwoState::Perfect, profile, ..unit(most, 1, 1.0, 1.0) }
    };
    let a = area(vec![25.0, 28.0, 27.0, 24.0], vec![Unit { count: 3, ..failing(10.0, &[]) }, perfect(&[5.0, 6.0, 7.0, 8.0])]);
    let (a, shares) = (exact(&a), [2.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0, 1.0, 1.0, 1.0]);
    close(a.lole_h, 0.355, 1e-12);
    close(a.eue_mwh, 1.59, 1e-12);
    for (hour, (lolp, eue)) in [(0.028, 0.29), (0.271, 0.832), (0.028, 0.29), (0.028, 0.178)].into_iter().enumerate() {
        close(a.lolp[hour], lolp, 1e-12);
        close(a.eue_by_hour_mwh[hour], eue, 1e-12);
    }
    let b = area(
        vec![28.0, 29.0, 30.0, 31.0, 32.0, 33.0],
        vec![failing(15.0, &shares), failing(25.0, &[0.8, 0.8, 0.8, 1.0, 1.0, 1.0]), perfect(&[7.0, 8.0, 9.0, 9.0, 8.0, 7.0])],
    );
    let b = exact(&b);
    close(b.lole_h, 0.96, 1e-12);
    close(b.eue_mwh, 7.11, 1e-12);
    for (hour, (lolp, eue)) in [(0.19, 1.29), (0.19, 1.29), (0.19, 1.29), (0.1, 0.85), (0.1, 1.05), (0.19, 1.34)].into_iter().enumerate() {
        close(b.lolp[hour], lolp, 1e-12);
        close(b.eue_by_hour_mwh[hour], eue, 1e-12);
    }
}

/// The same source: two regions with 15 MW at 0.9 each, loads 8 and 9 MW, a tie of 8 MW at 0.9.
#[test]
fn two_regions_with_a_tie() {
    let mut system = area(vec![8.0], vec![plain(15.0, 1, 0.1), Unit { area: 1, ..plain(15.0, 1, 0.1) }]);
    system.areas.push(system.areas[0].clone());
    system.areas[1].load_mw = vec![9.0];
    let outage = TwoState::Unavailability(0.1);
    system.ties.push(Tie { name: "1-2".into(), from: 0, to: 1, forward_mw: 8.0, backward_mw: 8.0, outage });
    let found = enumerate(&system).unwrap();
    close(found.lole_h, 0.19, 1e-12);
    close(found.eue_mwh, 0.647, 1e-12);
    for (area, eue_mwh) in found.areas.iter().zip([0.314, 0.333]) {
        close(area.lole_h, 0.1, 1e-12);
        close(area.eue_mwh, eue_mwh, 1e-12);
    }
    assert_eq!(convolve(&system, &ConvolutionOptions::default()), Err(AdequacyError::SeveralAreas(2)));
}

/// Without limits on the ties, areas are a copper plate; with limits of zero, each is alone.
#[test]
fn ties_between_nothing_and_copper() {
    let units = [(30.0, 2, 0.1), (12.5, 3, 0.05), (40.0, 1, 0.2)];
    let units: Vec<Unit> = (0..3).flat_map(|area| units.iter().map(move |&(mw, count, q)| Unit { area, ..plain(mw, count, q) })).collect();
    let mut system = area(vec![85.0, 70.0], units);
    system.areas = vec![system.areas[0].clone(); 3];
    system.areas[1].load_mw = vec![100.0, 40.0];
    let tie = |from, to, mw| Tie { name: String::new(), from, to, forward_mw: mw, backward_mw: mw, outage: TwoState::Perfect };
    system.ties = vec![tie(0, 1, 1e6), tie(2, 1, 1e6)];
    let wide = enumerate(&system).unwrap();
    let copper = convolve(&system, &ConvolutionOptions { copper_plate: true, ..ConvolutionOptions::default() }).unwrap();
    close(wide.lole_h, copper.lole_h, 1e-12);
    close(wide.eue_mwh, copper.eue_mwh, 1e-12);
    system.ties = vec![tie(0, 1, 0.0), tie(2, 1, 0.0)];
    let narrow = enumerate(&system).unwrap();
    for (k, found) in narrow.areas.iter().enumerate() {
        let units = system.units.iter().filter(|unit| unit.area == k).map(|unit| Unit { area: 0, ..unit.clone() });
        let alone = exact(&area(system.areas[k].load_mw.clone(), units.collect()));
        close(found.lole_h, alone.lole_h, 1e-12);
        close(found.eue_mwh, alone.eue_mwh, 1e-12);
    }
}

/// A derated unit, by hand: full 100 MW, half with MTTF 400 h and MTTR 40 h, none with MTTF 1000 h and MTTR 50 h.
#[test]
fn three_states() {
    let derated = DeratedState { capacity_share: 0.5, outage: TwoState::Times { mttf_h: 400.0, mttr_h: 40.0 } };
    let three = Unit { derated: Some(derated), ..unit(100.0, 1, 1000.0, 50.0) };
    let found = exact(&area(vec![80.0; 24], vec![three.clone()]));
    // Odds 1 : 0.1 : 0.05 of full, derated, out.
    let full = 1.0 / 1.15;
    close(found.lolp[3], 0.15 * full, 1e-12);
    close(found.eue_mwh, 24.0 * full * (0.1 * 30.0 + 0.05 * 80.0), 1e-12);
    // One shortfall at the start, and falls from full in each of 24 hours.
    close(found.events.unwrap(), 0.15 * full + 24.0 * full * (1.0 / 400.0 + 1.0 / 1000.0), 1e-12);
    let given = Unit {
        outage: TwoState::Unavailability(0.05),
        derated: Some(DeratedState { outage: TwoState::Unavailability(0.2), ..derated }),
        ..three
    };
    let found = exact(&area(vec![80.0; 24], vec![given]));
    close(found.lolp[3], 0.25, 1e-12);
    close(found.eue_mwh, 24.0 * (0.2 * 30.0 + 0.05 * 80.0), 1e-12);
    assert_eq!(found.events, None);
}

/// One unit, by hand: continuous events need a failure; snapshots miss outages that end within the hour.
#[test]
fn events_of_one_unit() {
    let (fail, repair): (f64, f64) = (1.0 / 50.0, 1.0 / 2.0);
    let system = area(vec![5.0; 48], vec![unit(10.0, 1, 50.0, 2.0)]);
    let found = convolve(&system, &ConvolutionOptions { snapshots: true, ..ConvolutionOptions::default() }).unwrap();
    let (out, up) = (fail / (fail + repair), repair / (fail + repair));
    close(found.events.unwrap(), out + 48.0 * up * fail, 1e-12);
    let fails_in_an_hour = out * (1.0 - (-(fail + repair)).exp());
    close(found.snapshot_events.unwrap(), out + 47.0 * up * fails_in_an_hour, 1e-12);
}

/// Planned maintenance and seasonal ratings against a fresh system for each part of the year.
#[test]
fn maintenance_and_seasons() {
    let mut system = rts79::system(2850.0);
    system.units[8].maintenance = vec![0..100, 8000..8300];
    system.units[2].maintenance = std::iter::once(50..200).collect();
    system.units[5].profile = (0..8736).map(|hour| if hour % 2 == 0 { 1.0 } else { 0.9 }).collect();
    let found = exact(&system);
    assert_eq!(found.bounds, None);
    let (mut lole_h, mut eue_mwh, mut starts) = (0.0, 0.0, 0.0);
    for (hour, load_mw) in rts79::load_mw(2850.0).into_iter().enumerate().filter(|(hour, _)| hour % 97 == 0) {
        let mut units = rts79::units();
        units.retain(|unit| {
            let position = rts79::units().iter().position(|other| other.capacity_mw == unit.capacity_mw).unwrap();
            !system.units[position].maintenance.iter().any(|range| range.contains(&hour))
        });
        for unit in units.iter_mut().filter(|unit| unit.capacity_mw == 155.0 && hour % 2 == 1) {
            unit.capacity_mw = 139.5;
        }
        let alone = exact(&area(vec![load_mw], units));
        close(found.lolp[hour], alone.lole_h, 1e-9);
        close(found.eue_by_hour_mwh[hour], alone.eue_mwh, 1e-9);
        lole_h += alone.lole_h;
        eue_mwh += alone.eue_mwh;
        starts += alone.events.unwrap();
    }
    assert!(lole_h > 0.0 && eue_mwh > 0.0 && starts > lole_h);
    // Units that leave for maintenance begin shortfalls: an outage of 24 hours begins at most 24 more.
    let more = found.events.unwrap();
    assert!(more > exact(&rts79::system(2850.0)).events.unwrap(), "{more}");
    // The same system with the profile made restless: convolved hour by hour, it gives the same.
    let mut restless = system.clone();
    restless.units[5].profile = (0..8736).map(|h| (if h % 2 == 0 { 1.0 } else { 0.9 }) + f64::from(h % 600) * 1e-15 - 6e-13).collect();
    let other = exact(&restless);
    close(other.lole_h, found.lole_h, 1e-9);
    close(other.eue_mwh, found.eue_mwh, 1e-9);
    close(other.events.unwrap(), more, 1e-9);
}

/// A unit that stops for maintenance takes load with it: by hand.
#[test]
fn maintenance_begins_an_event() {
    let stopped = Unit { maintenance: std::iter::once(2..4).collect(), ..unit(10.0, 1, 50.0, 2.0) };
    let system = area(vec![15.0; 6], vec![stopped, unit(10.0, 1, 50.0, 2.0)]);
    let found = convolve(&system, &ConvolutionOptions { snapshots: true, ..ConvolutionOptions::default() }).unwrap();
    let (fail, repair): (f64, f64) = (0.02, 0.5);
    let up = repair / (fail + repair);
    let short = 1.0 - up * up;
    let events = short + 4.0 * 2.0 * up * up * fail + (1.0 - short);
    close(found.events.unwrap(), events, 1e-12);
    close(found.lole_h, 4.0 * short + 2.0, 1e-12);
    // Between snapshots both stay up or one of them fails.
    let stays = up + (1.0 - up) * (-(fail + repair)).exp();
    let falls = up * up * (1.0 - stays * stays);
    close(found.snapshot_events.unwrap(), short + (1.0 - short) + 2.0 * falls, 1e-12);
}

/// Capacities without a common step are listed when few, and rounded within stated bounds when many.
#[test]
fn capacities_without_a_common_step() {
    let irrational: Vec<Unit> = (1..=8).map(|k| unit(10.0 * f64::from(k).sqrt(), 1, 900.0, 60.0 + f64::from(k))).collect();
    let loads: Vec<f64> = (0..48).map(|hour| 100.0 + f64::from(hour)).collect();
    let listed = exact(&area(loads.clone(), irrational.clone()));
    assert_eq!(listed.bounds, None);
    let mut by_hand = 0.0;
    for mask in 0_u32..256 {
        let up = |k: &(usize, &Unit)| mask >> k.0 & 1 == 1;
        let mw: f64 = irrational.iter().enumerate().filter(up).map(|(_, unit)| unit.capacity_mw).sum();
        let p: f64 = irrational
            .iter()
            .enumerate()
            .map(|(k, unit)| if mask >> k & 1 == 1 { 1.0 - unit.outage.unavailability() } else { unit.outage.unavailability() })
            .product();
        by_hand += p * loads.iter().filter(|load| **load > mw).count() as f64;
    }
    close(listed.lole_h, by_hand, 1e-12);

    let many: Vec<Unit> = (1..=40).map(|k| unit(10.0 * f64::from(k).sqrt(), 2, 900.0, 60.0)).collect();
    let total: f64 = many.iter().map(|unit| 2.0 * unit.capacity_mw).sum();
    let loads: Vec<f64> = (0..48).map(|hour| total * (0.7 + 0.005 * f64::from(hour))).collect();
    let rounded = |most_cells| {
        let options = ConvolutionOptions { most_cells, ..ConvolutionOptions::default() };
        convolve(&area(loads.clone(), many.clone()), &options).unwrap()
    };
    let (coarse, fine) = (rounded(1000), rounded(50_000));
    let (bounds, finer) = (coarse.bounds.unwrap(), fine.bounds.unwrap());
    assert!(bounds.lole_h[0] < finer.lole_h[0] && finer.lole_h[1] < bounds.lole_h[1], "{bounds:?} {finer:?}");
    assert!(finer.eue_mwh[0] <= fine.eue_mwh && fine.eue_mwh <= finer.eue_mwh[1]);
    assert!(bounds.lole_h[0] < fine.lole_h && fine.lole_h < bounds.lole_h[1]);
    close(coarse.lole_h, fine.lole_h, 3e-2);
    // Shared between neighbours, capacities spread: unserved energy, convex in the capacity, is never less for it.
    assert!(coarse.eue_mwh > fine.eue_mwh);
    close(coarse.eue_mwh, fine.eue_mwh, 1e-2);
}

/// Billinton & Allan (1996, section 2.8): seven steps are 0.006, 0.061, 0.242, 0.382 and mirrored.
#[test]
fn forecast_error_in_seven_steps() {
    let load_mw = rts79::load_mw(2850.0);
    let uncertain = |steps| {
        let mut system = rts79::system(2850.0);
        system.areas[0].forecast_error = 0.04;
        convolve(&system, &ConvolutionOptions { forecast_steps: steps, ..ConvolutionOptions::default() }).unwrap()
    };
    let weights = [0.006_209_67, 0.060_597_54, 0.241_730_34, 0.382_924_92, 0.241_730_34, 0.060_597_54, 0.006_209_67];
    let (mut lole_h, mut events) = (0.0, 0.0);
    for (k, weight) in weights.into_iter().enumerate() {
        let factor = 1.0 + 0.04 * (k as f64 - 3.0);
        let certain = exact(&area(load_mw.iter().map(|mw| mw * factor).collect(), rts79::units()));
        lole_h += weight * certain.lole_h;
        events += weight * certain.events.unwrap();
    }
    let seven = uncertain(7);
    close(seven.lole_h, lole_h, 1e-6);
    close(seven.events.unwrap(), events, 1e-6);
    let (fine, finer) = (uncertain(201), uncertain(2001));
    close(fine.lole_h, finer.lole_h, 1e-3);
    close(fine.eue_mwh, finer.eue_mwh, 1e-3);
    assert!(fine.lole_h > exact(&rts79::system(2850.0)).lole_h);
}

fn tier(kind: TierKind, mw: f64, hours: usize) -> Tier {
    Tier { name: "AI".into(), kind, mw: vec![mw; hours], backup_mw: 0.0, backup_h: 0.0, most_h_per_day: 24.0 }
}

/// Tiers are levels above the firm load: each is the brute-force addition of those shed after it.
#[test]
fn tiers_against_added_load() {
    let base = rts79::system(2700.0);
    let plus = |mw: f64| exact(&area(base.areas[0].load_mw.iter().map(|load| load + mw).collect(), rts79::units()));
    let mut system = base.clone();
    let first = Tier { backup_mw: 30.0, backup_h: 8.0, ..tier(TierKind::Interruptible, 100.0, 8736) };
    system.areas[0].tiers = vec![first, tier(TierKind::Firm, 50.0, 8736), tier(TierKind::Interruptible, 25.0, 8736)];
    let found = exact(&system);
    close(found.lole_h, plus(75.0).lole_h, 1e-12);
    close(found.events.unwrap(), plus(75.0).events.unwrap(), 1e-12);
    close(found.eue_mwh, plus(0.0).eue_mwh + plus(75.0).eue_mwh - plus(25.0).eue_mwh, 1e-10);
    let [first, _, last] = &found.tiers[..] else { panic!("three tiers") };
    close(first.yield_h, plus(175.0).lole_h, 1e-12);
    close(first.yield_mwh, plus(175.0).eue_mwh - plus(75.0).eue_mwh, 1e-10);
    close(first.lost_h, plus(145.0).lole_h, 1e-12);
    close(first.lost_mwh, plus(145.0).eue_mwh - plus(75.0).eue_mwh, 1e-10);
    assert!(first.fuel_limited && !last.fuel_limited);
    close(last.yield_mwh, plus(25.0).eue_mwh - plus(0.0).eue_mwh, 1e-10);
}

/// Every point of the hosting curve, and the solved sizes, by adding the load and running adequacy again.
#[test]
fn hosting_against_brute_force() {
    let base = rts79::system(2600.0);
    let profile: Vec<f64> = (0..8736).map(|hour| if hour % 24 < 8 { 0.8 } else { 1.0 }).collect();
    let options = HostOptions { profile: profile.clone(), backup_mw: 60.0, backup_h: 12.0, ..HostOptions::default() };
    let found = host(&base, &options).unwrap();
    let plus = |mw: f64| {
        let loads = base.areas[0].load_mw.iter().zip(&profile).map(|(load, share)| load + mw * share);
        exact(&area(loads.collect(), rts79::units()))
    };
    let alone = exact(&base);
    assert_eq!(found.lole_h, alone.lole_h);
    assert_eq!(found.curve.len(), 25);
    for point in found.curve.iter().step_by(6) {
        let more = plus(point.mw);
        close(point.firm_lole_h, more.lole_h, 1e-9);
        close(point.firm_eue_mwh, more.eue_mwh, 1e-9);
        assert_eq!(point.others_lole_h, alone.lole_h);
        close(point.yield_h, more.lole_h, 1e-9);
        close(point.yield_mwh, more.eue_mwh - alone.eue_mwh, 1e-9);
        close(point.yield_energy_share, point.yield_mwh / (point.mw * profile.iter().sum::<f64>()), 1e-9);
        assert!(point.lost_h < point.yield_h && point.lost_mwh < point.yield_mwh);
    }
    let firm = found.firm.unwrap();
    assert!(plus(firm.mw).lole_h <= 3.0 && plus(firm.misses_mw.unwrap()).lole_h > 3.0);
    assert!(firm.misses_mw.unwrap() - firm.mw <= 0.01);
    let interruptible = found.interruptible.unwrap();
    assert!(plus(interruptible.mw).lole_h <= 87.36 && plus(interruptible.misses_mw.unwrap()).lole_h > 87.36);
    assert!(found.backed_up.unwrap().mw > interruptible.mw && found.fuel_limited);
    // The published system has 9.4 h/y: no room for firm load at 3 h/y.
    assert_eq!(host(&rts79::system(2850.0), &HostOptions::default()).unwrap().firm, None);
}

/// A firm resource is worth itself; a failing one less; the definition holds by brute force.
#[test]
fn load_carrying_capability_of_a_unit() {
    let base = rts79::system(2850.0);
    let with = |added: Unit| System { units: [rts79::units(), vec![added]].concat(), ..base.clone() };
    let options = ConvolutionOptions::default();
    let perfect = Unit { outage: TwoState::Perfect, ..unit(100.0, 1, 1.0, 1.0) };
    for metric in [Metric::Lole, Metric::Eue, Metric::LoleDays] {
        let size = load_carrying_capability(&base, &with(perfect.clone()), metric, 1e-3, &options).unwrap().unwrap();
        assert!((size.mw - 100.0).abs() < 0.5, "{metric:?} {size:?}");
        let size = equivalent_firm_capacity(&base, &with(perfect.clone()), metric, 1e-3, &options).unwrap().unwrap();
        assert!((size.mw - 100.0).abs() < 0.5, "{metric:?} {size:?}");
    }
    let failing = with(unit(100.0, 1, 1200.0, 50.0));
    let size = load_carrying_capability(&base, &failing, Metric::Eue, 1e-3, &options).unwrap().unwrap();
    assert!(size.mw > 70.0 && size.mw < 96.0, "{size:?}");
    let shifted = |mw: f64| {
        let loads = base.areas[0].load_mw.iter().map(|load| load + mw).collect();
        exact(&area(loads, failing.units.clone())).eue_mwh
    };
    let risk = exact(&base).eue_mwh;
    assert!(shifted(size.mw) <= risk * (1.0 + 1e-9) && shifted(size.misses_mw.unwrap()) > risk);
}

#[test]
fn search_for_the_largest_size() {
    let linear = |mw: f64| Ok::<_, ()>((mw / 10.0, 0.1));
    let size = largest_size(linear, 3.0, (0.0, 100.0), 1e-6).unwrap().unwrap();
    assert!((size.mw - 30.0).abs() < 1e-6 && size.stderr == 0.1);
    assert_eq!(largest_size(linear, 3.0, (0.0, 20.0), 1e-6).unwrap().unwrap().misses_mw, None);
    assert_eq!(largest_size(linear, -1.0, (0.0, 20.0), 1e-6), Ok(None));
    assert_eq!(largest_size(|_| Err(7), 1.0, (0.0, 1.0), 0.1), Err(7));
}

#[test]
fn faults_name_their_component() {
    let mut system = rts79::system(2850.0);
    system.units[3].outage = TwoState::Times { mttf_h: 1960.0, mttr_h: 0.0 };
    system.units[4].capacity_mw = -1.0;
    system.units[5].maintenance = std::iter::once(8700..8800).collect();
    system.units[6].area = 3;
    system.areas[0].load_mw[17] = f64::NAN;
    let faults = system.check();
    let text: Vec<String> = faults.iter().map(SystemFault::to_string).collect();
    assert_eq!(
        text,
        [
            "area `area`: `load_mw` at hour 17 must be a number of at most 1e12: NaN",
            "unit `U76`: `mttr_h` must be a time above 0 (from 1e-6 to 1e12 h): 0",
            "unit `U100`: `capacity_mw` must be a number from 0 to 1e12: -1",
            "unit `U155`: maintenance from hour 8700 to 8800 is not within the horizon of 8736 h",
            "unit `U197`: there is no area 3, the system has 1",
        ]
    );
    assert!(matches!(convolve(&system, &ConvolutionOptions::default()), Err(AdequacyError::Faults(_))));
    let storage = Storage {
        name: "pumped".into(),
        area: 0,
        charge_mw: 1.0,
        discharge_mw: 1.0,
        energy_mwh: 4.0,
        charge_efficiency: 0.9,
        discharge_efficiency: 0.9,
        initial: 0.5,
        outage: TwoState::Perfect,
    };
    let system = System { storages: vec![storage], ..rts79::system(2850.0) };
    let error = convolve(&system, &ConvolutionOptions::default()).unwrap_err();
    assert!(error.to_string().starts_with("storage `pumped` links the hours"), "{error}");
    let one = System { hours: 0, ..System::default() };
    assert_eq!(one.check(), [SystemFault::NoHours]);
}

prop_compose! {
    fn any_unit()(
        capacity in 1_u32..60, half in any::<bool>(), count in 0_u32..4, mttf in 20.0..900.0_f64, mttr in 1.0..90.0_f64,
        derated in proptest::option::of((0.0..=1.0_f64, 20.0..900.0_f64, 1.0..90.0_f64)),
    ) -> Unit {
        let capacity_mw = f64::from(capacity) + if half { 0.5 } else { 0.0 };
        let derated = derated.map(|(share, mttf_h, mttr_h)| DeratedState {
            capacity_share: (share * 20.0).round() / 20.0,
            outage: TwoState::Times { mttf_h, mttr_h },
        });
        Unit { derated, ..unit(capacity_mw, count, mttf, mttr) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn laws(units in proptest::collection::vec(any_unit(), 1..6), loads in proptest::collection::vec(0.0..200.0_f64, 24..49)) {
        let system = area(loads.clone(), units.clone());
        let options = ConvolutionOptions { snapshots: true, ..ConvolutionOptions::default() };
        let found = convolve(&system, &options).unwrap();
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (1.0 + b.abs());

        // Probabilities sum to one, and the table's mean outage is the sum of the units'.
        let table = outage_table(&system, 0, 1 << 20).unwrap();
        prop_assert!(near(table.probability.iter().sum::<f64>(), 1.0) && table.exact);

        // A class is its units one by one, in any order.
        let mut singles: Vec<Unit> =
            units.iter().flat_map(|unit| vec![Unit { count: 1, ..unit.clone() }; unit.count as usize]).collect();
        singles.reverse();
        let single = convolve(&area(loads.clone(), singles), &options).unwrap();
        prop_assert!(near(single.lole_h, found.lole_h) && near(single.eue_mwh, found.eue_mwh));
        // Counts of events are absent where the law of two moments would be too large.
        let same = |a: Option<f64>, b: Option<f64>| a.zip(b).is_none_or(|(a, b)| near(a, b));
        prop_assert!(same(single.events, found.events));
        prop_assert!(same(single.snapshot_events, found.snapshot_events));

        // The enumeration of one area is its convolution.
        let enumerated = enumerate(&system).unwrap();
        prop_assert!(near(enumerated.lole_h, found.lole_h) && near(enumerated.eue_mwh, found.eue_mwh));

        // Risk falls with a unit and rises with load.
        let more = [units.clone(), vec![unit(10.0, 1, 100.0, 10.0)]].concat();
        let more = convolve(&area(loads.clone(), more), &options).unwrap();
        prop_assert!(more.lole_h <= found.lole_h + 1e-9 && more.eue_mwh <= found.eue_mwh + 1e-9);
        let heavier = convolve(&area(loads.iter().map(|mw| mw + 3.0).collect(), units.clone()), &options).unwrap();
        prop_assert!(heavier.lole_h >= found.lole_h - 1e-9 && heavier.eue_mwh >= found.eue_mwh - 1e-9);

        // Snapshots see no more events than there are; hours that follow an hour are short as often as they are.
        if let (Some(events), Some(seen)) = (found.events, found.snapshot_events) {
            prop_assert!(seen <= events + 1e-9, "{seen} {events}");
            prop_assert!(seen >= found.lolp[0] - 1e-9);
        }
    }

    /// Extreme numbers give an answer or an error in words, and neither a panic nor a probability above one.
    #[test]
    fn extremes(
        mw in proptest::sample::select(vec![0.0, 1e-12, 1e-3, 0.1 + 0.2, 3.3, 1e6, 1e12, -1.0, f64::NAN, f64::INFINITY]),
        count in proptest::sample::select(vec![0_u32, 1, 7, 5000, u32::MAX]),
        mttr in proptest::sample::select(vec![1e-6, 1.0, 1e12, 0.0, f64::NAN]),
        load in proptest::sample::select(vec![-5.0, 0.0, 3.3, 1e6, 1e12, f64::NAN]),
        maintenance in 0_usize..5, profile in any::<bool>(), cells in 64_usize..5000,
    ) {
        let mut system = area(vec![load; 3], vec![unit(mw, count, 1000.0, mttr), unit(0.7, 3, 1.0, 1.0)]);
        system.units[1].maintenance = std::iter::once(maintenance..3).collect();
        if profile {
            system.units[0].profile = vec![0.3, 0.0, 1.0 / 3.0];
        }
        let options = ConvolutionOptions { snapshots: true, most_cells: cells, forecast_steps: 9, ..ConvolutionOptions::default() };
        match convolve(&system, &options) {
            Ok(found) => prop_assert!(found.lolp.iter().all(|p| (-1e-9..=1.0 + 1e-9).contains(p)), "{found:?}"),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
        let _ = enumerate(&system);
        let _ = outage_table(&system, 1, cells);
        let _ = host(&system, &HostOptions { points: 2, convolution: options, ..HostOptions::default() });
    }

    /// Frequency balance: on a long flat horizon as many events begin as end, each end being a rise of the capacity.
    #[test]
    fn frequency_balance(units in proptest::collection::vec(any_unit(), 1..4), load in 1.0..100.0_f64) {
        let found = exact(&area(vec![load], units.clone()));
        let falls = found.events.unwrap() - found.lolp[0];
        // By enumeration of all states of single units: rises from short states to states that serve.
        let singles: Vec<&Unit> = units.iter().flat_map(|unit| vec![unit; unit.count as usize]).collect();
        let mut rises = 0.0;
        for code in 0..3_usize.pow(singles.len() as u32) {
            let state = |k: usize| code / 3_usize.pow(k as u32) % 3;
            let odds = |outage: TwoState| match outage {
                TwoState::Times { mttf_h, mttr_h } => (mttr_h / mttf_h, 1.0 / mttr_h),
                _ => (0.0, 0.0),
            };
            let (mut p, mut mw) = (1.0, 0.0);
            let mut gains: Vec<(f64, f64)> = Vec::new();
            for (k, unit) in singles.iter().enumerate() {
                let share = unit.derated.map_or(1.0, |derated| derated.capacity_share);
                let (out, derated) = (odds(unit.outage), odds(unit.derated.map_or(TwoState::Perfect, |d| d.outage)));
                let full = 1.0 / (1.0 + out.0 + derated.0);
                match state(k) {
                    0 => { p *= full; mw += unit.capacity_mw; }
                    1 => { p *= full * derated.0; mw += unit.capacity_mw * share;
                           gains.push((unit.capacity_mw * (1.0 - share), derated.1)); }
                    _ => { p *= full * out.0; gains.push((unit.capacity_mw, out.1)); }
                }
            }
            if p > 0.0 && mw < load - 1e-6 {
                rises += gains.iter().filter(|gain| mw + gain.0 >= load - 1e-6).map(|gain| p * gain.1).sum::<f64>();
            }
        }
        prop_assert!((falls - rises).abs() <= 1e-9, "{falls} {rises}");
    }
}
