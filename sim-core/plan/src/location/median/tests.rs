use bastide_units::Duration;
use proptest::prelude::*;

use super::*;
use crate::location::general;

const SEARCH: Search = Search { gap: 1e-9, time_limit: Duration::from_s(60.0) };

fn location(fixed: &[f64], cost: &[&[f64]], open: (usize, usize)) -> Location {
    let customers = cost.first().map_or(0, |row| row.len());
    Location {
        fixed: fixed.to_vec(),
        capacity: vec![f64::INFINITY; fixed.len()],
        demand: vec![1.0; customers],
        cost: cost.concat(),
        open,
        single: false,
    }
}

fn located(location: &Location) -> Located {
    match solve(location, &SEARCH) {
        Sited::Found(located) => located,
        other => panic!("{other:?}"),
    }
}

/// Points 0, 1, 3, 7, 8 of a line. One median: 3, with 3 + 2 + 0 + 4 + 5 = 14. Two: 1 and 7 (or 8): 1 + 0 + 2 + 0 + 1 = 4. Three: 1
/// (or 0), 3, 7: 1 + 0 + 0 + 0 + 1 = 2.
#[test]
fn medians_of_a_line() {
    let points: [f64; 5] = [0.0, 1.0, 3.0, 7.0, 8.0];
    let rows: Vec<Vec<f64>> = points.iter().map(|from| points.iter().map(|to| (from - to).abs()).collect()).collect();
    let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
    for (count, best) in [(1, 14.0), (2, 4.0), (3, 2.0), (4, 1.0), (5, 0.0)] {
        let found = located(&location(&[0.0; 5], &rows, (count, count)));
        assert!((found.objective, found.bound) == (best, best) && !found.limited, "{count}: {found:?}");
        assert_eq!((found.open.iter().filter(|open| **open).count(), found.shares.len()), (count, 5));
    }
    assert_eq!(located(&location(&[0.0; 5], &rows, (1, 1))).open, [false, false, true, false, false]);
}

/// Three facilities for 3, 2 and 4; both customers from the third: 4 + 2 + 2 = 8; from the first and second: 3 + 2 + 1 + 1 = 7; from
/// the second: 2 + 9 + 1 = 12. Where 9 is forbidden and one may be open: 8.
#[test]
fn fixed_costs_against_nearness() {
    let fixed = [3.0, 2.0, 4.0];
    let cost: [&[f64]; 3] = [&[1.0, 9.0], &[9.0, 1.0], &[2.0, 2.0]];
    assert_eq!(located(&location(&fixed, &cost, (0, 3))).objective, 7.0);
    assert_eq!(located(&location(&fixed, &cost, (0, 1))).objective, 8.0);
    assert_eq!(located(&location(&fixed, &cost, (3, 3))).objective, 11.0);
    let never = f64::INFINITY;
    let cost: [&[f64]; 3] = [&[1.0, never], &[never, 1.0], &[2.0, never]];
    assert_eq!(solve(&location(&fixed, &cost, (0, 1)), &SEARCH), Sited::Infeasible);
    assert_eq!(located(&location(&fixed, &cost, (0, 2))).objective, 7.0);
}

#[test]
fn odd_input_is_answered() {
    // Nobody to serve: the cheapest facilities that must be open.
    let nobody = located(&location(&[3.0, 1.0, 2.0], &[&[], &[], &[]], (2, 3)));
    assert_eq!((nobody.objective, nobody.open), (3.0, vec![false, true, true]));
    for (count, at) in [(0, 0), (2, 1), (4, 9)] {
        assert_eq!(solve(&location(&[1.0; 3], &[&[1.0], &[1.0], &[1.0]], (count, at)), &SEARCH), Sited::Infeasible);
    }
    assert_eq!(
        solve(&location(&[], &[], (0, 0)), &SEARCH).clone(),
        Sited::Found(Located { open: vec![], shares: vec![], objective: 0.0, bound: 0.0, nodes: 1, limited: false })
    );
    // What cannot be priced may not be used.
    let strange = located(&location(&[f64::NAN, 1.0, f64::INFINITY], &[&[0.0, 0.0], &[1.0, f64::MIN_POSITIVE], &[0.0, 0.0]], (0, 3)));
    assert_eq!(strange.open, [false, true, false]);
    assert_eq!(solve(&location(&[1.0], &[&[f64::NAN]], (0, 1)), &SEARCH), Sited::Infeasible);
    let huge = located(&location(&[1e300, 1e300], &[&[1e300, 0.0], &[0.0, 1e300]], (1, 2)));
    assert_eq!(huge.objective, 2e300);
}

/// Without time: no answer is invented, and the bound is true.
#[test]
fn no_time_is_said_so() {
    let cost: [&[f64]; 2] = [&[1.0, 9.0], &[9.0, 1.0]];
    match solve(&location(&[3.0, 2.0], &cost, (1, 2)), &Search { time_limit: Duration::from_s(0.0), ..SEARCH }) {
        Sited::Unknown(bound) => assert!(bound <= 7.0),
        other => panic!("{other:?}"),
    }
}

fn locations() -> impl Strategy<Value = Location> {
    (1..7usize, 1..9usize).prop_flat_map(|(m, n)| {
        let number = || prop_oneof![8 => (0..40u32).prop_map(f64::from), 2 => (0..400u32).prop_map(|tenths| f64::from(tenths) / 10.0)];
        let cost = prop_oneof![9 => number(), 1 => Just(f64::INFINITY)];
        let range = prop_oneof![Just((0, m)), (0..=m).prop_map(|p| (p, p)), (0..=m, 0..=m)];
        (prop::collection::vec(number(), m), prop::collection::vec(cost, m * n), range, prop::collection::vec(0..3u32, n), any::<bool>())
            .prop_map(move |(fixed, cost, open, demand, single)| Location {
                fixed,
                capacity: vec![f64::INFINITY; m],
                demand: demand.into_iter().map(f64::from).collect(),
                cost,
                open,
                single,
            })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// The same as the plain program says.
    #[test]
    fn as_cheap_as_the_program(location in locations()) {
        match (solve(&location, &SEARCH), general::solve(&location, &SEARCH).unwrap()) {
            (Sited::Found(one), Sited::Found(other)) => {
                prop_assert!((one.objective - other.objective).abs() < 1e-6, "{one:?} {other:?}");
                prop_assert!(one.bound <= one.objective && one.objective - one.bound < 1e-6);
                prop_assert_eq!(location.value(&one.open, &one.shares), one.objective);
                let count = one.open.iter().filter(|open| **open).count();
                prop_assert!((location.open.0..=location.open.1).contains(&count));
                prop_assert!(one.shares.iter().enumerate().all(|(at, (facility, customer, share))| *customer == at && one.open[*facility] && *share == 1.0));
            }
            (one, other) => prop_assert_eq!(one, other),
        }
    }

    /// One more median never costs more; the bound without time for branching is true.
    #[test]
    fn more_medians_never_cost_more(location in locations()) {
        let free = |count| Location { fixed: vec![0.0; location.facilities()], open: (count, count), ..location.clone() };
        let costs: Vec<f64> = (1..=location.facilities()).map(|count| match solve(&free(count), &SEARCH) {
            Sited::Found(found) => found.objective,
            _ => f64::INFINITY,
        }).collect();
        prop_assert!(costs.windows(2).all(|pair| pair[1] <= pair[0]), "{costs:?}");
        for gap in [0.5, 0.1] {
            if let Sited::Found(found) = solve(&free(1), &Search { gap, ..SEARCH }) {
                prop_assert!(found.bound <= costs[0] + 1e-9 && costs[0] <= found.objective + 1e-9);
                prop_assert!(found.objective - found.bound <= gap * found.objective.abs() + 1e-6);
            }
        }
    }
}
