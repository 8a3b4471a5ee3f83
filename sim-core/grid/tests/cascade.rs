//! DC-Cascade v1 against reference answers, a plain implementation and small networks worked out by hand.

#[path = "support/random.rs"]
mod random;
#[path = "support/reference.rs"]
mod reference;

use bastide_engine::Pool;
use bastide_grid::{
    BusKind, Cascade, Case, Convention, Frequency, Outcome, RatedCascade, RatedRules, RestorationAction, RestorationRules, blackout_sizes,
    restoration,
};
use proptest::prelude::*;

#[test]
fn strikes_of_the_reference() {
    let Some(folder) = reference::folder("strikes_of_the_reference") else { return };
    let mut checked = 0;
    let mut wrong = Vec::new();
    let rows = reference::table(&folder, "expected_strikes.csv");
    for row in &rows {
        let number = |cell: usize| -> f64 { row[cell].parse().unwrap() };
        let case = reference::case(&folder, &format!("pglib/pglib_opf_{}.m", row[0]));
        let cascade = Cascade::new(&case, Convention::PowerModels, &[]).unwrap();
        let (mut scratch, mut outcome) = (cascade.scratch(), Outcome::default());
        // Units are counted among those in service.
        let in_service: Vec<u32> = (0..case.generators.len() as u32).filter(|&unit| case.generators[unit as usize].in_service).collect();
        let units: Vec<u32> = reference::rows(&row[2]).into_iter().map(|unit| in_service[unit as usize]).collect();
        cascade.run(&mut scratch, &reference::rows(&row[1]), &units, &mut outcome);
        if number(8) < 1e-6 {
            continue;
        }
        checked += 1;
        let counts = [outcome.rounds, outcome.trips, outcome.islands].map(f64::from);
        let same = counts == [number(3), number(4), number(5)]
            && (outcome.load_mw - number(6)).abs() < 1e-6
            && (outcome.shed_mw - number(7)).abs() < 1e-6
            && (outcome.min_rel_margin - number(8)).abs() <= 0.006 * number(8);
        if !same {
            wrong.push(format!("{row:?}: {counts:?} {} {} {}", outcome.load_mw, outcome.shed_mw, outcome.min_rel_margin));
        }
    }
    assert!(wrong.is_empty(), "{} of {checked} rows differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(checked > 0);
}

/// DC-Cascade v1 with dense matrices and no state but plain arrays.
struct Plain {
    rounds: u32,
    trips: Vec<u32>,
    islands: usize,
    shed_mw: f64,
    margin: f64,
    flow: Vec<f64>,
}

fn plain(case: &Case, branches: &[u32], units: &[u32]) -> Plain {
    let (network, mut alive) = random::network(case, Convention::PowerModels);
    let mut load: Vec<f64> = case.buses.iter().map(|bus| bus.demand_mw.max(0.0)).collect();
    (0..load.len()).filter(|&bus| !network.connected[bus]).for_each(|bus| load[bus] = 0.0);
    let runs = |unit: &bastide_grid::Generator| unit.in_service && network.connected[unit.bus];
    let mut capacity: Vec<f64> = case.generators.iter().map(|unit| if runs(unit) { unit.max_mw.max(0.0) } else { 0.0 }).collect();
    let total: f64 = capacity.iter().sum();
    let demand: f64 = load.iter().sum();
    let mut output: Vec<f64> = capacity.iter().map(|unit| if total > 0.0 { unit * (demand / total).min(1.0) } else { 0.0 }).collect();
    let (_, base_islands) = random::islands(&network, &alive);
    let solve = |alive: &[bool], load: &[f64], output: &[f64]| {
        let mut injection: Vec<f64> = load.iter().map(|load| -load).collect();
        case.generators.iter().zip(output).for_each(|(unit, output)| injection[unit.bus] += output);
        random::flows(&network, alive, &injection)
    };
    let balance = |alive: &[bool], load: &mut [f64], output: &mut [f64], capacity: &[f64]| {
        let (label, count) = random::islands(&network, alive);
        for island in 0..count {
            let buses: Vec<usize> = (0..load.len()).filter(|&bus| label[bus] == island).collect();
            let units: Vec<usize> = (0..output.len()).filter(|&unit| label[case.generators[unit].bus] == island).collect();
            let needed: f64 = buses.iter().map(|&bus| load[bus]).sum();
            let made: f64 = units.iter().map(|&unit| output[unit]).sum();
            let able: f64 = units.iter().map(|&unit| capacity[unit]).sum();
            if made > needed {
                units.iter().for_each(|&unit| output[unit] *= needed / made);
            } else if made < needed && able >= needed {
                units.iter().for_each(|&unit| output[unit] += (capacity[unit] - output[unit]) * (needed - made) / (able - made));
            } else if made < needed {
                units.iter().for_each(|&unit| output[unit] = capacity[unit]);
                buses.iter().for_each(|&bus| load[bus] *= able / needed);
            }
        }
        count
    };
    // Only the flows that ratings start from are those of balanced islands.
    let (mut start_load, mut start_output) = (load.clone(), output.clone());
    if base_islands > 1 || total < demand {
        balance(&alive, &mut start_load, &mut start_output, &capacity);
    }
    let start = solve(&alive, &start_load, &start_output);
    let rating: Vec<f64> = case
        .branches
        .iter()
        .zip(&start)
        .map(|(branch, flow)| branch.rate_a_mw.filter(|rate| *rate > 0.0).unwrap_or(f64::INFINITY).max(1.05 * flow.abs()))
        .collect();
    branches.iter().for_each(|&row| alive[row as usize] = false);
    for &unit in units {
        (capacity[unit as usize], output[unit as usize]) = (0.0, 0.0);
    }
    let mut result = Plain { rounds: 0, trips: Vec::new(), islands: 0, shed_mw: 0.0, margin: f64::INFINITY, flow: Vec::new() };
    loop {
        result.islands = balance(&alive, &mut load, &mut output, &capacity);
        result.flow = solve(&alive, &load, &output);
        let over: Vec<usize> = (0..rating.len()).filter(|&row| result.flow[row].abs() > rating[row] * (1.0 + 1e-6)).collect();
        let margins = result.flow.iter().zip(&rating).map(|(flow, rating)| (flow.abs() / rating - 1.0).abs());
        result.margin = margins.fold(result.margin, f64::min);
        if over.is_empty() {
            break;
        }
        result.rounds += 1;
        for row in over {
            alive[row] = false;
            result.trips.push(row as u32);
        }
    }
    result.shed_mw = demand - load.iter().sum::<f64>();
    result
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fast_equals_plain(seed in any::<u64>(), rating in 0.05..3.0) {
        let case = random::case(seed, rating);
        let Ok(cascade) = Cascade::new(&case, Convention::PowerModels, &[]) else { return Ok(()) };
        let (mut scratch, mut outcome) = (cascade.scratch(), Outcome::default());
        let mut s = random::stream(!seed);
        // One scratch for several outages: nothing of one may reach the next.
        for _ in 0..4 {
            let (branches, units) = (random::rows(&mut s, case.branches.len(), 5), random::rows(&mut s, case.generators.len(), 2));
            cascade.run(&mut scratch, &branches, &units, &mut outcome);
            let expected = plain(&case, &branches, &units);
            prop_assert!(outcome.sound);
            // Where a loading is at a rating but for rounding, both answers are right.
            if expected.margin < 1e-9 || (expected.margin - 1e-6).abs() < 1e-9 {
                continue;
            }
            prop_assert_eq!(outcome.rounds, expected.rounds);
            prop_assert_eq!(&outcome.tripped, &expected.trips);
            prop_assert_eq!(outcome.islands as usize, expected.islands);
            prop_assert!((outcome.shed_mw - expected.shed_mw).abs() < 1e-9 * (1.0 + outcome.load_mw), "{} {}", outcome.shed_mw, expected.shed_mw);
            prop_assert!(outcome.min_rel_margin == expected.margin || (outcome.min_rel_margin - expected.margin).abs() < 1e-9);
            for (flow, expected) in scratch.end().flow_mw().iter().zip(&expected.flow) {
                prop_assert!((flow - expected).abs() < 1e-9 * (1.0 + outcome.load_mw), "{} {}", flow, expected);
            }
            let steps: f64 = outcome.shed.iter().map(|(_, mw)| mw).sum();
            prop_assert!((steps - outcome.shed_mw).abs() < 1e-9 * (1.0 + outcome.load_mw));
            prop_assert_eq!(outcome.steps.len() as u32, outcome.rounds + 1);
        }
    }

    #[test]
    fn every_outage_has_an_answer(seed in any::<u64>(), rating in 0.05..3.0) {
        let case = random::case(seed, rating);
        let ai: Vec<f64> = case.buses.iter().map(|bus| 0.5 * bus.demand_mw).collect();
        let (all_branches, all_units): (Vec<u32>, Vec<u32>) =
            ((0..case.branches.len() as u32).collect(), (0..case.generators.len() as u32).collect());
        let mut s = random::stream(!seed);
        for convention in [Convention::Matpower, Convention::PowerModels] {
            let Ok(cascade) = Cascade::new(&case, convention, &ai) else { continue };
            let rated = RatedCascade::new(&case, convention, RatedRules::default(), &ai).unwrap();
            let (mut scratch, mut rated_scratch, mut outcome) = (cascade.scratch(), rated.scratch(), Outcome::default());
            let some = (random::rows(&mut s, case.branches.len(), 6), random::rows(&mut s, case.generators.len(), 3));
            for (branches, units) in [(&all_branches, &all_units), (&all_branches, &some.1), (&some.0, &all_units), (&some.0, &some.1)] {
                cascade.run(&mut scratch, branches, units, &mut outcome);
                prop_assert!(scratch.end().imbalance_mw() < 1e-9 * (1.0 + outcome.load_mw));
                prop_assert!(outcome.shed_mw >= -1e-9 && outcome.shed_mw <= outcome.load_mw + 1e-9);
                prop_assert!(outcome.ai_shed_mw >= -1e-9 && outcome.ai_shed_mw <= outcome.shed_mw + 1e-9);
                rated.run(&mut rated_scratch, branches, units, &mut outcome);
                prop_assert!(rated_scratch.end().imbalance_mw() < 1e-9 * (1.0 + outcome.load_mw));
                prop_assert!(rated_scratch.end().served_mw().iter().all(|mw| *mw >= -1e-9));
                prop_assert!(outcome.shed_mw >= -1e-9 && outcome.shed_mw <= outcome.load_mw + 1e-9);
                prop_assert!(outcome.ai_shed_mw >= -1e-9 && outcome.ai_shed_mw <= outcome.shed_mw + 1e-9);
                prop_assert!(outcome.steps.windows(2).all(|pair| pair[0].time_s <= pair[1].time_s));
                let steps: f64 = outcome.shed.iter().map(|(_, mw)| mw).sum();
                prop_assert!((steps - outcome.shed_mw).abs() < 1e-9 * (1.0 + outcome.load_mw), "{} {}", steps, outcome.shed_mw);
            }
        }
    }

    #[test]
    fn restorations_end(seed in any::<u64>()) {
        let case = random::case(seed, 1.0);
        let first: Vec<u32> = (0..case.generators.len().min(2) as u32).collect();
        let rules = RestorationRules { horizon_minutes: 2000, ..RestorationRules::default() };
        let plan = restoration(&case, &first, &[], rules);
        prop_assert!(plan.served_mw.windows(2).all(|pair| pair[0] <= pair[1] + 1e-9));
        for (served, capability) in plan.served_mw.iter().zip(&plan.capability_mw) {
            prop_assert!(*served <= capability + 1e-6 && *served <= plan.load_mw + 1e-6);
        }
    }
}

/// Two buses, two equal lines of 60 MW, 100 MW from one to the other: with one line out the other carries 100 and trips, and the load is
/// alone.
fn pair() -> Case {
    Case {
        base_mva: 100.0,
        buses: vec![random::bus(1, BusKind::Reference, 0.0), random::bus(2, BusKind::Load, 100.0)],
        branches: vec![random::branch(0, 1, 0.1, Some(60.0)), random::branch(0, 1, 0.1, Some(60.0))],
        generators: vec![random::unit(0, 100.0, 200.0)],
        ..Case::default()
    }
}

#[test]
fn the_second_of_two_lines_follows_the_first() {
    let cascade = Cascade::new(&pair(), Convention::PowerModels, &[0.0, 40.0]).unwrap();
    let (mut scratch, mut outcome) = (cascade.scratch(), Outcome::default());
    cascade.run(&mut scratch, &[0], &[], &mut outcome);
    assert_eq!((outcome.rounds, outcome.trips, outcome.islands, outcome.shed_mw), (1, 1, 2, 100.0));
    // 40 of the 100 MW are AI load, and all are lost.
    assert_eq!(outcome.ai_shed_mw, 40.0);
    // The margin: 100 / 60 - 1, before the only trip. Lines that are out carry 0, and |0 - 1| = 1.
    assert!((outcome.min_rel_margin - 2.0 / 3.0).abs() < 1e-12);
    assert!(outcome.tripped_in(0).is_empty());
    assert_eq!(outcome.tripped_in(1), [1]);
    assert_eq!(outcome.shed_in(1), [(1, 100.0)]);
}

#[test]
fn relays_take_their_time_and_operators_come_first() {
    let mut case = pair();
    // Rating A 80 MW, B 90 MW, C 120 MW: 100 MW is 25 % beyond A and 11.1 % beyond B.
    for branch in &mut case.branches {
        (branch.rate_a_mw, branch.rate_b_mw, branch.rate_c_mw) = (Some(80.0), Some(90.0), Some(120.0));
    }
    let rules = RatedRules { redispatch_s: f64::INFINITY, ..RatedRules::default() };
    let cascade = RatedCascade::new(&case, Convention::PowerModels, rules, &[]).unwrap();
    let (mut scratch, mut outcome) = (cascade.scratch(), Outcome::default());
    cascade.run(&mut scratch, &[0], &[], &mut outcome);
    // A: 1200 s * 0.1 / 0.25 = 480 s; B: 300 s * 0.1 / (1 / 9) = 270 s. B is first.
    assert_eq!((outcome.trips, outcome.shed_mw), (1, 100.0));
    assert!((outcome.steps[1].time_s - 270.0).abs() < 1e-9);
    // Operators after 60 s shed 20 MW of load with the unit that feeds it: the line is at its rating, and stays.
    let rules = RatedRules { redispatch_s: 60.0, ..RatedRules::default() };
    let cascade = RatedCascade::new(&case, Convention::PowerModels, rules, &[0.0, 30.0]).unwrap();
    cascade.run(&mut cascade.scratch(), &[0], &[], &mut outcome);
    assert_eq!((outcome.trips, outcome.islands), (0, 1));
    assert!((outcome.shed_mw - 20.0).abs() < 1e-9 && (outcome.ai_shed_mw - 20.0).abs() < 1e-9);
    assert!((outcome.steps[1].time_s - 60.0).abs() < 1e-9);
}

#[test]
fn islands_shed_ai_load_first_and_other_load_in_steps() {
    // 100 MW of load, 60 of it met over the line that goes out; the own unit makes 40 of its 50 MW and can add 5 % of 50 = 2.5 at once.
    let case = Case {
        base_mva: 100.0,
        buses: vec![random::bus(1, BusKind::Reference, 0.0), random::bus(2, BusKind::Load, 100.0)],
        branches: vec![random::branch(0, 1, 0.1, None)],
        generators: vec![random::unit(0, 60.0, 200.0), random::unit(1, 40.0, 50.0)],
        ..Case::default()
    };
    let run = |ai: &[f64], frequency: Frequency| {
        let cascade = RatedCascade::new(&case, Convention::Matpower, RatedRules { frequency, ..RatedRules::default() }, ai).unwrap();
        let mut outcome = Outcome::default();
        cascade.run(&mut cascade.scratch(), &[0], &[], &mut outcome);
        (outcome.shed_mw, outcome.ai_shed_mw)
    };
    let near = |(a, b): (f64, f64), (c, d): (f64, f64)| (a - c).abs() < 1e-9 && (b - d).abs() < 1e-9;
    // 57.5 are missing. 80 MW of AI load: exactly those go.
    assert!(near(run(&[0.0, 80.0], Frequency::default()), (57.5, 57.5)));
    // 30 MW of AI load go first; 27.5 of the other 70 MW are missing: four steps of 7 MW, 28 in all.
    assert!(near(run(&[0.0, 30.0], Frequency::default()), (58.0, 30.0)));
    // No AI load: six steps of 10 MW would be needed, five exist: black.
    assert!(near(run(&[], Frequency::default()), (100.0, 0.0)));
    // Without trips of units, what is missing is shed.
    assert!(near(run(&[], Frequency { units_trip: false, ..Frequency::default() }), (57.5, 0.0)));
}

#[test]
fn blackout_sizes_do_not_depend_on_threads() {
    // A ring of four buses whose lines trip when two are out: shares can be told by hand for k = 1 and 2.
    let cascade = Cascade::new(&pair(), Convention::PowerModels, &[]).unwrap();
    let one = blackout_sizes(&cascade, &Pool::new(1), 7, 2000, 0, 1);
    assert_eq!(one, blackout_sizes(&cascade, &Pool::new(3), 7, 2000, 0, 1));
    // No outage sheds nothing, one outage all: the share is 1/2 within four standard errors.
    let (p, error) = one.exceedance(0.5);
    assert!((p - 0.5).abs() < 4.0 * error && (error - (p * (1.0 - p) / 2000.0).sqrt()).abs() < 1e-12);
    assert_eq!(one.exceedance(1.0), (0.0, 0.0));
    assert!((one.share.unwrap().mean - p).abs() < 1e-12);
}

#[test]
fn a_black_start_by_hand() {
    // Unit 0 (10 MW, black start) at bus 0; a line to bus 1 (load 3 MW), and on to bus 2 with unit 1 (100 MW, load 50 MW).
    let case = Case {
        base_mva: 100.0,
        buses: vec![random::bus(1, BusKind::Reference, 0.0), random::bus(2, BusKind::Load, 3.0), random::bus(3, BusKind::Load, 50.0)],
        branches: vec![random::branch(0, 1, 0.1, None), random::branch(1, 2, 0.1, None)],
        generators: vec![random::unit(0, 0.0, 10.0), random::unit(2, 0.0, 100.0)],
        ..Case::default()
    };
    let rules = RestorationRules {
        start_up_share: 0.07,
        start_minutes: 30,
        ramp_share_per_minute: 0.1,
        switching_minutes: 5,
        horizon_minutes: 500,
    };
    let plan = restoration(&case, &[0], &[], rules);
    let of = |wanted: RestorationAction| plan.actions.iter().find(|(_, action)| *action == wanted).map(|(minute, _)| *minute);
    assert_eq!(of(RestorationAction::UnitOnLine { unit: 0 }), Some(30));
    // Five minutes for each branch of the cranking path.
    assert_eq!(of(RestorationAction::Energise { bus: 1, branch: Some(0) }), Some(35));
    assert_eq!(of(RestorationAction::Energise { bus: 2, branch: Some(1) }), Some(40));
    // At minute 35 the unit can make 5 MW and serves the 3 MW of bus 1; at 40 it makes all of 10, 7 are free: just the start-up power
    // of 7 % of 100 MW.
    assert_eq!(of(RestorationAction::PickUp { bus: 1, mw: 3.0 }), Some(35));
    assert_eq!(of(RestorationAction::StartUnit { unit: 1 }), Some(40));
    assert_eq!(of(RestorationAction::UnitOnLine { unit: 1 }), Some(70));
    // On line at 70 its start-up power is free: 7 MW for bus 2. Then 10 MW a minute: 7 + 40 at 74, all of 50 at 75.
    assert!((plan.served_mw[70] - 10.0).abs() < 1e-9 && (plan.served_mw[74] - 50.0).abs() < 1e-9);
    assert_eq!(plan.minutes_to(1.0), Some(75));
    assert_eq!(restoration(&case, &[], &[], rules).served_mw, [0.0]);
}
