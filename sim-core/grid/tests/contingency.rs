//! Contingency screening against reference answers, plain solves and small networks worked out by hand.

#[path = "support/random.rs"]
mod random;
#[path = "support/reference.rs"]
mod reference;

use bastide_engine::Pool;
use bastide_grid::{BusKind, Case, Contingency, Convention, Element, Islands, PickUp, Sensitivity, Splits, bridges, injections};
use proptest::prelude::*;

#[test]
fn single_outages_of_the_reference() {
    let Some(folder) = reference::folder("single_outages_of_the_reference") else { return };
    for name in ["case24_ieee_rts", "case30"] {
        let case = reference::case(&folder, &format!("matpower/{name}.m"));
        let contingency = Contingency::new(&case, Convention::Matpower, &[]).unwrap();
        let screening = contingency.branches(&Pool::new(1), Splits::Solve);
        assert_eq!(screening.outages.len(), case.branches.len());
        for (row, outage) in reference::table(&folder, &format!("expected_n1_{name}.csv")).iter().zip(&screening.outages) {
            let number = |cell: usize| -> f64 { row[cell].parse().unwrap() };
            assert_eq!(outage.element, Element::Branch(row[0].parse().unwrap()));
            assert_eq!(outage.islanding, row[3] == "1", "{name} {row:?}");
            assert!(outage.solved);
            if !outage.islanding {
                assert_eq!(f64::from(outage.overloads), number(4), "{name} {row:?} {outage:?}");
                assert!((outage.worst_loading - number(5)).abs() < 1e-6, "{name} {row:?} {outage:?}");
                assert_eq!(outage.worst_row, Some(row[6].parse().unwrap()), "{name} {row:?} {outage:?}");
                assert!((outage.max_abs_flow_mw - number(7)).abs() < 1e-5, "{name} {row:?} {outage:?}");
            }
        }
    }
}

/// Flows of the dispatch of a case with some branches out, by dense elimination; `None` where that splits an island.
fn solved(case: &Case, convention: Convention, out: &[u32]) -> Option<Vec<f64>> {
    let (network, mut alive) = random::network(case, convention);
    let before = random::islands(&network, &alive).1;
    out.iter().for_each(|&row| alive[row as usize] = false);
    if random::islands(&network, &alive).1 != before {
        return None;
    }
    // Every island is balanced by its slack, wherever that is in the dense solution.
    let islands = network.islands(&network.susceptance_mw);
    let mut injection = injections(case);
    for (island, &slack) in islands.slack.iter().enumerate() {
        let sum: f64 = (0..injection.len()).filter(|&bus| islands.of[bus] as usize == island).map(|bus| injection[bus]).sum();
        injection[slack as usize] -= sum;
    }
    Some(random::flows(&network, &alive, &injection))
}

/// Overloads (row, flow) of flows, unless one is at its limit but for rounding.
fn overloads(case: &Case, flows: &[f64]) -> Option<Vec<(u32, f64)>> {
    let mut over = Vec::new();
    for (row, flow) in flows.iter().enumerate() {
        if let Some(rate) = case.branches[row].rate_a_mw.filter(|rate| *rate > 0.0) {
            let beyond = flow.abs() / (rate * (1.0 + 1e-6)) - 1.0;
            if beyond.abs() < 1e-9 {
                return None;
            }
            if beyond > 0.0 {
                over.push((row as u32, *flow));
            }
        }
    }
    Some(over)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn factors_predict_what_a_new_solution_finds(seed in any::<u64>(), rating in 0.1..4.0) {
        let case = random::case(seed, rating);
        let convention = Convention::Matpower;
        let scale = 1.0 + case.buses.iter().map(|bus| bus.demand_mw.abs()).sum::<f64>();
        let Ok(contingency) = Contingency::new(&case, convention, &[]) else { return Ok(()) };
        for (flow, expected) in contingency.base_flow_mw().iter().zip(&solved(&case, convention, &[]).unwrap()) {
            prop_assert!((flow - expected).abs() < 1e-9 * scale);
        }
        let screening = contingency.branches(&Pool::new(1), Splits::Solve);
        prop_assert_eq!(&screening, &contingency.branches(&Pool::new(3), Splits::Solve));
        for (place, outage) in screening.outages.iter().enumerate() {
            let Element::Branch(row) = outage.element else { panic!("a unit") };
            prop_assert!(outage.solved);
            let Some(flows) = solved(&case, convention, &[row]) else {
                prop_assert!(outage.islanding);
                continue;
            };
            prop_assert!(!outage.islanding);
            let Some(expected) = overloads(&case, &flows) else { continue };
            let found: Vec<_> = screening.overloads.iter().filter(|over| over.outage as usize == place).collect();
            prop_assert_eq!(found.iter().map(|over| over.row).collect::<Vec<_>>(), expected.iter().map(|over| over.0).collect::<Vec<_>>());
            prop_assert_eq!(outage.overloads as usize, expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                prop_assert!((found.flow_mw - expected.1).abs() < 1e-8 * scale);
            }
            let largest = flows.iter().fold(0.0, |most: f64, flow| most.max(flow.abs()));
            prop_assert!((outage.max_abs_flow_mw - largest).abs() < 1e-8 * scale);
            let loadings = flows.iter().zip(contingency.limit_mw()).map(|(flow, limit)| flow.abs() / limit);
            prop_assert!((outage.worst_loading - loadings.fold(0.0, f64::max)).abs() < 1e-8 * scale);
        }
        // Injections times PTDF, and shifts times PSDF, are the flows.
        let (network, _) = random::network(&case, convention);
        let islands = network.islands(&network.susceptance_mw);
        let sensitivity = Sensitivity::new(network.clone()).unwrap();
        let rows: Vec<usize> = (0..case.branches.len()).collect();
        let (ptdf, psdf) = (sensitivity.ptdf(&rows), sensitivity.psdf(&rows));
        let injection = injections(&case);
        for row in rows {
            let by_injection: f64 = (0..case.buses.len()).filter(|&bus| islands.of[bus] != Islands::NONE).map(|bus| ptdf[row * case.buses.len() + bus] * injection[bus]).sum();
            let by_shift: f64 = case.branches.iter().zip(&psdf).map(|(branch, column)| column[row] * branch.shift_deg.to_radians()).sum();
            prop_assert!((by_injection + by_shift - contingency.base_flow_mw()[row]).abs() < 1e-8 * scale);
        }
    }

    #[test]
    fn pairs_are_exact(seed in any::<u64>(), rating in 0.1..8.0) {
        let case = random::case(seed, rating);
        let convention = Convention::Matpower;
        let scale = 1.0 + case.buses.iter().map(|bus| bus.demand_mw.abs()).sum::<f64>();
        let Ok(contingency) = Contingency::new(&case, convention, &[]) else { return Ok(()) };
        let pairs = contingency.pairs(&Pool::new(1), usize::MAX / 4);
        prop_assert_eq!(&pairs, &contingency.pairs(&Pool::new(3), usize::MAX / 4));
        let mixed = contingency.branch_unit_pairs(&Pool::new(1), usize::MAX / 4);
        let (network, alive) = random::network(&case, convention);
        let bridge = bridges(&network);
        let in_service: Vec<u32> = (0..alive.len() as u32).filter(|&row| alive[row as usize]).collect();
        let (mut count, mut islanding, mut cuts) = (0, 0, Vec::new());
        for (place, &i) in in_service.iter().enumerate() {
            for &j in &in_service[place + 1..] {
                count += 1;
                let listed = pairs.worst.iter().find(|pair| pair.elements == [Element::Branch(i), Element::Branch(j)]);
                let Some(flows) = solved(&case, convention, &[i, j]) else {
                    islanding += 1;
                    if !bridge[i as usize] && !bridge[j as usize] {
                        cuts.push([i, j]);
                    }
                    prop_assert!(listed.is_none());
                    continue;
                };
                let Some(expected) = overloads(&case, &flows) else { continue };
                prop_assert_eq!(listed.map_or(0, |pair| pair.overloads as usize), expected.len());
                if let Some(pair) = listed {
                    let worst = expected.iter().map(|(row, flow)| flow.abs() / contingency.limit_mw()[*row as usize]).fold(0.0, f64::max);
                    prop_assert!((pair.worst_loading - worst).abs() < 1e-7 * worst * scale);
                }
            }
        }
        prop_assert_eq!((pairs.pairs, pairs.islanding), (count, islanding));
        prop_assert_eq!(pairs.cuts, cuts);
        prop_assert_eq!(pairs.worst.len() as u64, pairs.overloaded);
        // A branch with a unit: as the outage of both.
        let mut scratch = contingency.scratch();
        for &row in &in_service {
            for unit in 0..case.generators.len() as u32 {
                let generator = &case.generators[unit as usize];
                if !generator.in_service || case.buses[generator.bus].kind == BusKind::Isolated {
                    continue;
                }
                let (outage, _) = contingency.outage(&mut scratch, &[row], &[unit]);
                let listed = mixed.worst.iter().find(|pair| pair.elements == [Element::Branch(row), Element::Unit(unit)]);
                if !bridge[row as usize] && (outage.worst_loading - (1.0 + 1e-6)).abs() > 1e-9 {
                    if outage.overloads > 0 {
                        let listed = listed.map_or(0.0, |pair| pair.worst_loading);
                        prop_assert!((listed - outage.worst_loading).abs() < 1e-7 * scale * outage.worst_loading, "{} {}", listed, outage.worst_loading);
                    } else {
                        prop_assert!(listed.is_none());
                    }
                }
            }
        }
    }
}

/// Bus 1 (100 of 200 MW) – bus 2 (load 90, of it 50 AI; unit 20 of 60 MW) – bus 3 (load 30 MW) in a row.
fn row_of_three() -> Case {
    Case {
        base_mva: 100.0,
        buses: vec![random::bus(1, BusKind::Reference, 0.0), random::bus(2, BusKind::Load, 90.0), random::bus(3, BusKind::Load, 30.0)],
        branches: vec![random::branch(0, 1, 0.1, Some(110.0)), random::branch(1, 2, 0.1, Some(25.0))],
        generators: vec![random::unit(0, 100.0, 200.0), random::unit(1, 20.0, 60.0)],
        ..Case::default()
    }
}

#[test]
fn a_bridge_cuts_off_what_its_side_cannot_serve() {
    let contingency = Contingency::new(&row_of_three(), Convention::Matpower, &[0.0, 50.0, 0.0]).unwrap();
    assert_eq!(contingency.bridges(), [true, true]);
    let screening = contingency.branches(&Pool::new(1), Splits::Solve);
    // Line 1 out: buses 2 and 3 have 60 MW for 120: half of all is shed, of the AI load 25; line 2 carries 15.
    let first = screening.outages[0];
    assert!(first.islanding && first.solved && first.overloads == 0);
    assert!((first.shed_mw - 60.0).abs() < 1e-9 && (first.ai_shed_mw - 25.0).abs() < 1e-9 && (first.max_abs_flow_mw - 15.0).abs() < 1e-9);
    // Line 2 out: 30 MW are shed; both units go down to 90 / 120 of their output, and 75 MW cross line 1.
    let second = screening.outages[1];
    assert!((second.shed_mw - 30.0).abs() < 1e-9 && second.ai_shed_mw == 0.0 && (second.max_abs_flow_mw - 75.0).abs() < 1e-9);
    // Worst loading: 15 / 25 = 0.6 on line 2 of the first; 75 / 110 = 0.68 on line 1 of the second.
    assert_eq!((first.worst_row, second.worst_row), (Some(1), Some(0)));
    assert_eq!(screening.ranked_by_overload(), [1, 0]);
    assert_eq!(screening.ranked_by_ai_load_lost(), [0, 1]);
    let listed = contingency.branches(&Pool::new(1), Splits::List);
    assert!(listed.outages.iter().all(|outage| outage.islanding && !outage.solved));
}

#[test]
fn a_lost_unit_is_made_up_for() {
    let contingency = Contingency::new(&row_of_three(), Convention::Matpower, &[]).unwrap();
    // Unit 2 (20 MW) out: the other one has 100 MW of headroom, and all 120 MW cross line 1 of 110; line 2 carries 30 of 25.
    let by_headroom = contingency.units(&Pool::new(2), PickUp::Headroom);
    assert_eq!(by_headroom.outages[1].overloads, 2);
    assert!((by_headroom.outages[1].worst_loading - 1.2).abs() < 1e-9);
    assert_eq!(by_headroom.outages[1].worst_row, Some(1));
    // Unit 1 (100 MW) out: unit 2 makes its 60 MW, and half of the load is shed.
    assert!((by_headroom.outages[0].shed_mw - 60.0).abs() < 1e-9);
    // By the slack: unit 1 is at the slack bus itself, so nothing changes; unit 2 moves there.
    let by_slack = contingency.units(&Pool::new(2), PickUp::Slack);
    assert!((by_slack.outages[0].max_abs_flow_mw - 100.0).abs() < 1e-9);
    assert!((by_slack.outages[1].max_abs_flow_mw - 120.0).abs() < 1e-9);
    let pairs = contingency.unit_pairs(&Pool::new(2), 5);
    // Both units: nothing is left to overload a line.
    assert_eq!((pairs.pairs, pairs.overloaded), (1, 0));
}
