//! Systems whose indices can be written down.

use bastide_engine::Estimate;
use bastide_grid::adequacy::{
    Area, RecordedYear, SequentialAdequacy, SequentialError, SequentialOptions, SnapshotOptions, Storage, System, Tie, Tier, TierKind,
    TwoState, Unit, Weather, WeightedMean, sample_snapshots, simulate,
};

use crate::rts79;

pub fn unit(name: &str, area: usize, count: u32, capacity_mw: f64, outage: TwoState) -> Unit {
    Unit { name: name.into(), area, count, capacity_mw, profile: Vec::new(), outage, derated: None, maintenance: Vec::new() }
}

pub fn area(name: &str, load_mw: Vec<f64>) -> Area {
    Area { name: name.into(), load_mw, ..Area::default() }
}

pub fn tier(name: &str, kind: TierKind, mw: Vec<f64>) -> Tier {
    Tier { name: name.into(), kind, mw, backup_mw: 0.0, backup_h: 0.0, most_h_per_day: 24.0 }
}

pub fn run(system: &System, years: u32) -> SequentialAdequacy {
    simulate(system, &SequentialOptions { years, seed: 11, ..SequentialOptions::default() }).unwrap()
}

/// Within `errors` standard errors; without an error, equal.
pub fn near(estimate: &Estimate, value: f64, errors: f64, what: &str) {
    let deviation = estimate.deviation(value).unwrap();
    assert!(
        deviation.abs() <= errors || (estimate.mean - value).abs() < 1e-9,
        "{what}: {estimate:?} against {value}, {deviation:.2} errors"
    );
}

fn near_weighted(estimate: WeightedMean, value: f64, errors: f64, what: &str) {
    let deviation = (estimate.mean - value) / estimate.stderr;
    assert!(
        deviation.abs() <= errors || (estimate.mean - value).abs() < 1e-9,
        "{what}: {estimate:?} against {value}, {deviation:.2} errors"
    );
}

/// Exact figures: convolution (hours, energy, daily peaks; Allan, Billinton & Abdel-Gawad 1986 print 9.39418, 1176 and
/// 1.36886), and the joint law of two following hours (hourly and continuous frequency).
#[test]
fn the_reliability_test_system_has_its_published_indices() {
    let result = run(&rts79::system(2850.0), 40_000);
    near(&result.system.lole_h, 9.394_175_489, 3.0, "hours");
    near(&result.system.eue_mwh, 1_176.298_46, 3.0, "energy");
    near(&result.system.peak_days, 1.368_862_906, 3.0, "peak days");
    near(&result.system.neue_ppm, 1_176.298_46 / 15_297_074.713_74 * 1e6, 3.0, "ppm");
    let events = result.system.events.as_ref().unwrap();
    near(&events.frequency, 1.913_130_858, 3.0, "hourly events");
    near(events.continuous_frequency.as_ref().unwrap(), 2.019_674_775, 3.0, "events");
    near(events.duration_h.as_ref().unwrap(), 9.394_175_489 / 1.913_130_858, 3.0, "duration");
    assert!(result.system.days.mean >= result.system.peak_days.mean && result.system.days.mean <= events.frequency.mean);
    let hours: u64 = events.lengths.iter().zip(1_u64..).map(|(count, hours)| count * hours).sum();
    assert!((hours as f64 / 40_000.0 - result.system.lole_h.mean).abs() < 1e-9);
    assert_eq!(result.areas[0], result.system);
}

#[test]
fn weighted_snapshots_agree_with_the_published_indices() {
    for seed in 0..3 {
        let options = SnapshotOptions { seed, ..SnapshotOptions::default() };
        let result = sample_snapshots(&rts79::system(2850.0), &options).unwrap();
        let system = result.system;
        near_weighted(system.lole_h, 9.394_175_489, 3.5, "hours");
        assert!(system.lole_h.stderr < 0.015 * system.lole_h.mean, "{system:?}");
        near_weighted(system.eue_mwh, 1_176.298_46, 3.5, "energy");
        near_weighted(system.peak_days, 1.368_862_906, 3.5, "peak days");
        near_weighted(system.frequency.unwrap(), 1.913_130_858, 3.5, "hourly events");
        near_weighted(system.continuous_frequency.unwrap(), 2.019_674_775, 3.5, "events");
        near_weighted(system.duration_h.unwrap(), 9.394_175_489 / 1.913_130_858, 3.5, "duration");
    }
}

/// NREL/PRAS, `TestData.jl`, single node systems A and B: three units, one of them variable.
#[test]
fn the_small_systems_of_pras_have_their_indices() {
    let law = TwoState::Unavailability(0.1);
    let mut a = System { hours: 4, areas: vec![area("a", vec![25.0, 28.0, 27.0, 24.0])], ..System::default() };
    a.areas[0].variable_mw = vec![5.0, 6.0, 7.0, 8.0];
    a.units = vec![unit("g", 0, 3, 10.0, law)];
    let result = run(&a, 100_000);
    near(&result.system.lole_h, 0.355, 3.0, "a: hours");
    near(&result.system.eue_mwh, 1.59, 3.0, "a: energy");
    assert!(result.system.events.is_none());
    let mut b = System { hours: 6, areas: vec![area("b", vec![28.0, 29.0, 30.0, 31.0, 32.0, 33.0])], ..System::default() };
    b.areas[0].variable_mw = vec![7.0, 8.0, 9.0, 9.0, 8.0, 7.0];
    b.units = vec![unit("g", 0, 1, 15.0, law), unit("h", 0, 1, 25.0, law)];
    b.units[0].profile = vec![10.0 / 15.0, 10.0 / 15.0, 10.0 / 15.0, 1.0, 1.0, 1.0];
    b.units[1].profile = vec![0.8, 0.8, 0.8, 1.0, 1.0, 1.0];
    let result = run(&b, 100_000);
    near(&result.system.lole_h, 0.96, 3.0, "b: hours");
    near(&result.system.eue_mwh, 7.11, 3.0, "b: energy");
}

fn two_regions() -> System {
    let law = TwoState::Unavailability(0.1);
    System {
        hours: 1,
        areas: vec![area("a", vec![8.0]), area("b", vec![9.0])],
        units: vec![unit("g", 0, 1, 15.0, law), unit("h", 1, 1, 15.0, law)],
        ties: vec![Tie { name: "t".into(), from: 0, to: 1, forward_mw: 8.0, backward_mw: 8.0, outage: law }],
        ..System::default()
    }
}

/// NREL/PRAS, `TestData.jl`, `test1`: two regions and a line, all available with 0.9.
#[test]
fn the_two_regions_of_pras_have_their_indices() {
    let result = run(&two_regions(), 200_000);
    near(&result.system.lole_h, 0.19, 3.0, "hours");
    near(&result.system.eue_mwh, 0.647, 3.0, "energy");
    for (area, (hours, energy)) in [(0.1, 0.314), (0.1, 0.333)].into_iter().enumerate() {
        near(&result.areas[area].lole_h, hours, 3.0, "hours of a region");
        near(&result.areas[area].eue_mwh, energy, 3.0, "energy of a region");
    }
    let tie = &result.ties[0];
    // Flow: 7 to b when it alone is dark (0.9 0.1 0.9), 6 to a when it is.
    near(&tie.forward_mwh, 0.567, 3.0, "flow");
    near(&tie.backward_mwh, 0.486, 3.0, "flow back");
    // What PRAS publishes, in its own terms: net flow; utilisation, in which a line that is out counts as fully used; surplus =
    // what the units could give, less the load that is served.
    let net = tie.forward_mwh.mean - tie.backward_mwh.mean;
    assert!((net - 0.081).abs() < 0.02, "{net}");
    let utilisation = (tie.forward_mwh.mean + tie.backward_mwh.mean) / 8.0 + 0.1;
    assert!((utilisation - 0.231_625).abs() < 0.002, "{utilisation}");
    let surplus = 0.9 * 30.0 - 17.0 + result.system.eue_mwh.mean;
    assert!((surplus - 10.647).abs() < 0.02, "{surplus}");
    let sampled = sample_snapshots(&two_regions(), &SnapshotOptions { relative_error: 0.005, ..SnapshotOptions::default() }).unwrap();
    near_weighted(sampled.system.lole_h, 0.19, 3.5, "snapshots: hours");
    near_weighted(sampled.system.eue_mwh, 0.647, 3.5, "snapshots: energy");
    near_weighted(sampled.areas[0].eue_mwh, 0.314, 3.5, "snapshots: energy of a");
    near_weighted(sampled.areas[1].eue_mwh, 0.333, 3.5, "snapshots: energy of b");
}

#[test]
fn an_interruptible_tier_yields_before_the_firm_load_of_another_area() {
    // Area b has 10 of load and nothing; area a has 20 of supply, 5 of load and 12 of tier. 15 can flow: the tier keeps 5.
    let mut system = System {
        hours: 1,
        areas: vec![area("a", vec![5.0]), area("b", vec![10.0])],
        units: vec![unit("g", 0, 1, 20.0, TwoState::Perfect)],
        ties: vec![Tie { name: "t".into(), from: 0, to: 1, forward_mw: 15.0, backward_mw: 15.0, outage: TwoState::Perfect }],
        ..System::default()
    };
    system.areas[0].tiers = vec![tier("ai", TierKind::Interruptible, vec![12.0])];
    let result = run(&system, 3);
    assert_eq!((result.system.lole_h.mean, result.tiers[0][0].curtailed_mwh.mean), (0.0, 7.0));
    assert_eq!(result.ties[0].forward_mwh.mean, 10.0);
    // A narrow tie: 4 arrive, 6 of firm load go dark, the tier keeps 11.
    system.ties[0].forward_mw = 4.0;
    let result = run(&system, 3);
    assert_eq!((result.areas[1].eue_mwh.mean, result.tiers[0][0].curtailed_mwh.mean), (6.0, 1.0));
    // The same tier as a firm one yields too, and counts.
    system.areas[0].tiers[0].kind = TierKind::Firm;
    let result = run(&system, 3);
    assert_eq!((result.areas[0].eue_mwh.mean, result.system.eue_mwh.mean), (1.0, 7.0));
}

#[test]
fn tiers_yield_in_order_run_on_fuel_and_rest() {
    // 10 of supply, 8 of load, tiers of 4 (first to go) and 2: 4 are missing each hour, all from the first tier.
    let hours = 96;
    let mut system = System {
        hours,
        areas: vec![area("a", vec![8.0; hours])],
        units: vec![unit("g", 0, 1, 10.0, TwoState::Perfect)],
        ..System::default()
    };
    system.areas[0].tiers =
        vec![tier("ai", TierKind::Interruptible, vec![4.0; hours]), tier("dr", TierKind::Interruptible, vec![2.0; hours])];
    // Three hours at 4 MW of fuel: 12 MWh once, then never again, as it is curtailed every hour but runs none: a day without
    // running refills it. Runs in hours 0-2, refilled for 27-29, 54-56, 81-83.
    system.areas[0].tiers[0].backup_mw = 4.0;
    system.areas[0].tiers[0].backup_h = 3.0;
    let result = run(&system, 2);
    let ai = &result.tiers[0][0];
    assert_eq!((ai.hours.mean, ai.curtailed_mwh.mean), (96.0, 384.0));
    assert_eq!((ai.backup_mwh.mean, ai.lost_mwh.mean, ai.lost_hours.mean), (48.0, 336.0, 84.0));
    assert_eq!((result.tiers[0][1].hours.mean, result.system.lole_h.mean), (0.0, 0.0));
    // At most 6 hours a day: then the other tier gives 2 and the firm load (with the first tier) loses 2.
    system.areas[0].tiers[0].most_h_per_day = 6.0;
    let result = run(&system, 2);
    assert_eq!((result.tiers[0][0].hours.mean, result.tiers[0][1].hours.mean), (24.0, 72.0));
    assert_eq!((result.system.lole_h.mean, result.system.eue_mwh.mean), (72.0, 144.0));
}

#[test]
fn storage_carries_surplus_into_the_short_hours() {
    // Surplus 3, 3, short 4, 4: charges 2 a hour at 0.5, holds 2 + 1 (initial) and delivers them at 1.
    let system = System {
        hours: 4,
        areas: vec![area("a", vec![7.0, 7.0, 14.0, 14.0])],
        units: vec![unit("g", 0, 1, 10.0, TwoState::Perfect)],
        storages: vec![Storage {
            name: "s".into(),
            area: 0,
            charge_mw: 2.0,
            discharge_mw: 2.5,
            energy_mwh: 10.0,
            charge_efficiency: 0.5,
            discharge_efficiency: 1.0,
            initial: 0.1,
            outage: TwoState::Perfect,
        }],
        ..System::default()
    };
    let result = run(&system, 2);
    assert_eq!((result.storages[0].charged_mwh.mean, result.storages[0].discharged_mwh.mean), (4.0, 3.0));
    assert_eq!((result.system.eue_mwh.mean, result.system.lole_h.mean), (5.0, 2.0));
}

/// 100 MW against a load of 90 (1 + 0.1 z): short when z > 10 / 9, for the whole year. P = 0.133260.
#[test]
fn a_forecast_error_moves_a_whole_year() {
    let mut system = System { hours: 48, units: vec![unit("g", 0, 1, 100.0, TwoState::Perfect)], ..System::default() };
    system.areas = vec![area("a", vec![90.0; 48])];
    system.areas[0].forecast_error = 0.1;
    let result = run(&system, 40_000);
    near(&result.system.lole_h, 48.0 * 0.133_260, 3.0, "hours");
    near(&result.system.days, 2.0 * 0.133_260, 3.0, "days");
    near_weighted(sample_snapshots(&system, &SnapshotOptions::default()).unwrap().system.lole_h, 48.0 * 0.133_260, 3.5, "snapshots");
    // Two such areas: independent, or short together.
    system.areas.push(system.areas[0].clone());
    system.areas[1].name = "b".into();
    system.units.push(unit("h", 1, 1, 100.0, TwoState::Perfect));
    let together = SequentialOptions { years: 20_000, correlated_forecast: true, ..SequentialOptions::default() };
    near(&simulate(&system, &together).unwrap().system.lole_h, 48.0 * 0.133_260, 3.0, "together");
    near(&run(&system, 20_000).system.lole_h, 48.0 * (1.0 - 0.866_740_f64.powi(2)), 3.0, "apart");
}

#[test]
fn recorded_years_are_as_likely_and_keep_load_and_wind_together() {
    // Each recorded day has a load and a wind that cancel: 100 + x and 50 + x; never short if they stay together.
    let hours = 24 * 28;
    let swing = |year: usize| -> Vec<f64> { (0..hours).map(|hour| ((hour * 7 + year * 13) % 40) as f64).collect() };
    let mut system = System { hours, units: vec![unit("g", 0, 1, 50.0, TwoState::Perfect)], ..System::default() };
    system.areas = vec![area("a", vec![100.0; hours])];
    let year = |number: usize, more: f64| RecordedYear {
        load_mw: vec![swing(number).iter().map(|x| 100.0 + more + x).collect()],
        variable_mw: vec![swing(number).iter().map(|x| 50.0 + x).collect()],
        ..RecordedYear::default()
    };
    let weather = |block_days: usize, years: Vec<RecordedYear>| Weather { years, block_days, window_days: 9, whole_weeks: false };
    let options = |weather| SequentialOptions { years: 4000, weather: Some(weather), ..SequentialOptions::default() };
    let good = simulate(&system, &options(weather(3, vec![year(0, 0.0), year(1, 0.0), year(2, 0.0)]))).unwrap();
    assert_eq!(good.system.lole_h.max, 0.0);
    // One recorded year in four is short in every hour.
    let years = || vec![year(0, 0.0), year(1, 1.0), year(2, 0.0), year(3, 0.0)];
    let whole = simulate(&system, &options(weather(0, years()))).unwrap();
    near(&whole.system.lole_h, hours as f64 / 4.0, 3.0, "whole years");
    assert!(whole.system.lole_h.min == 0.0 && whole.system.lole_h.max == hours as f64);
    let blocks = simulate(&system, &options(weather(4, years()))).unwrap();
    near(&blocks.system.lole_h, hours as f64 / 4.0, 3.0, "blocks");
    assert!(blocks.system.lole_h.stderr < whole.system.lole_h.stderr);
}

#[test]
fn what_cannot_be_simulated_is_refused() {
    let good = rts79::system(2850.0);
    let refuse = |change: &dyn Fn(&mut System)| {
        let mut system = good.clone();
        change(&mut system);
        assert!(matches!(simulate(&system, &SequentialOptions::default()), Err(SequentialError::Input(_))));
        assert!(matches!(sample_snapshots(&system, &SnapshotOptions::default()), Err(SequentialError::Input(_))));
    };
    refuse(&|system| system.hours = 0);
    refuse(&|system| system.areas[0].load_mw[7] = f64::NAN);
    refuse(&|system| system.areas[0].load_mw.truncate(9));
    refuse(&|system| system.units[0].area = 3);
    refuse(&|system| system.units[0].outage = TwoState::Times { mttf_h: 10.0, mttr_h: 0.0 });
    refuse(&|system| system.units[0].outage = TwoState::Unavailability(1.5));
    refuse(&|system| system.units[0].profile = vec![1.0]);
    refuse(&|system| {
        system.ties = vec![Tie { name: "t".into(), from: 0, to: 0, forward_mw: 1.0, backward_mw: 1.0, outage: TwoState::Perfect }];
    });
    let none = SequentialOptions { years: 0, ..SequentialOptions::default() };
    assert!(matches!(simulate(&good, &none), Err(SequentialError::Input(_))));
    let empty = Weather { years: Vec::new(), block_days: 0, window_days: 0, whole_weeks: false };
    let empty = SequentialOptions { weather: Some(empty), ..SequentialOptions::default() };
    assert!(matches!(simulate(&good, &empty), Err(SequentialError::Input(_))));
}
