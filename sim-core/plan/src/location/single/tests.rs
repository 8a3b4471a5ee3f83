use bastide_units::Duration;
use proptest::prelude::*;

use super::*;
use crate::location::general;

const SEARCH: Search = Search { gap: 1e-9, time_limit: Duration::from_s(60.0) };

fn located(location: &Location) -> Located {
    match solve(location, &SEARCH) {
        Sited::Found(located) => located,
        other => panic!("{other:?}"),
    }
}

/// Two sites for 10 each, capacity 5; customers of 3, 3 and 2 at 1, 2, 3 from the first and 4, 3, 1 from the second. One site is too
/// small for 8. Pairs that fit: {3} and {3, 2}, or {3, 3} never. Best: the first customer at the first site, the others at the second:
/// 1 + 3 + 1 = 5; or the first and third at the first: 1 + 3 + 3 = 7; or the second at the first: 2 + 4 + 1 = 7. In all 25.
#[test]
fn customers_are_not_split() {
    let location = Location {
        fixed: vec![10.0, 10.0],
        capacity: vec![5.0, 5.0],
        demand: vec![3.0, 3.0, 2.0],
        cost: vec![1.0, 2.0, 3.0, 4.0, 3.0, 1.0],
        open: (0, 2),
        single: true,
    };
    let found = located(&location);
    assert_eq!((found.objective, found.bound), (25.0, 25.0));
    assert_eq!(found.shares, [(0, 0, 1.0), (1, 1, 1.0), (1, 2, 1.0)]);
    // Split demand would fit into 9 units, single sources do not: 3 + 3 > 5 and 3 + 2 > 4.
    let tight = Location { capacity: vec![5.0, 4.0], demand: vec![3.0, 3.0, 3.0], ..location.clone() };
    assert_eq!(solve(&tight, &SEARCH), Sited::Infeasible);
    assert_eq!(solve(&Location { open: (0, 1), ..location }, &SEARCH), Sited::Infeasible);
}

/// Six points of demand 1 at 0, 1, 2 and 10, 11, 12: two medians that hold three each cost 4; that hold two each: none; three medians
/// that hold two each: 0-1, 2-10 and 11-12 cost 1 + 8 + 1 = 10.
#[test]
fn medians_with_capacity() {
    let points: [f64; 6] = [0.0, 1.0, 2.0, 10.0, 11.0, 12.0];
    let cost: Vec<f64> = points.iter().flat_map(|from| points.iter().map(move |to| (from - to).abs())).collect();
    let medians = |count, capacity: f64| Location {
        fixed: vec![0.0; 6],
        capacity: vec![capacity; 6],
        demand: vec![1.0; 6],
        cost: cost.clone(),
        open: (count, count),
        single: true,
    };
    assert_eq!(located(&medians(2, 3.0)).objective, 4.0);
    assert_eq!(solve(&medians(2, 2.0), &SEARCH), Sited::Infeasible);
    assert_eq!(located(&medians(3, 2.0)).objective, 10.0);
}

/// Three loads of a tenth fill three tenths, although their sum is a little more in binary.
#[test]
fn rounding_is_no_overload() {
    let location =
        Location { fixed: vec![1.0, 2.0], capacity: vec![0.3, 1.0], demand: vec![0.1; 3], cost: vec![0.0; 6], open: (1, 1), single: true };
    assert_eq!(located(&location).objective, 1.0);
}

#[test]
fn no_time_is_said_so() {
    let location =
        Location { fixed: vec![1.0; 2], capacity: vec![2.0; 2], demand: vec![1.0; 3], cost: vec![1.0; 6], open: (0, 2), single: true };
    match solve(&location, &Search { time_limit: Duration::from_s(0.0), ..SEARCH }) {
        Sited::Unknown(bound) => assert!(bound <= 5.0),
        other => panic!("{other:?}"),
    }
}

fn locations() -> impl Strategy<Value = Location> {
    (1..6usize, 1..8usize).prop_flat_map(|(m, n)| {
        let whole = |most: u32| (0..most).prop_map(f64::from);
        let tenths = |most: u32| (0..most).prop_map(|tenths| f64::from(tenths) / 10.0);
        let cost = prop_oneof![8 => whole(30), 1 => tenths(300), 1 => Just(f64::INFINITY)];
        let range = prop_oneof![3 => Just((0, m)), 2 => (0..=m).prop_map(|p| (p, p)), 1 => (0..=m, 0..=m)];
        let demand = prop_oneof![prop::collection::vec(whole(9), n), prop::collection::vec(tenths(90), n)];
        let capacity = prop_oneof![6 => (5..30u32).prop_map(f64::from), 1 => Just(f64::INFINITY), 1 => Just(0.0), 1 => tenths(200)];
        (prop::collection::vec(whole(40), m), prop::collection::vec(capacity, m), demand, prop::collection::vec(cost, m * n), range)
            .prop_map(|(fixed, capacity, demand, cost, open)| Location { fixed, capacity, demand, cost, open, single: true })
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
                for facility in 0..location.facilities() {
                    let load: f64 = one.shares.iter().filter(|pair| pair.0 == facility).map(|pair| location.demand[pair.1]).sum();
                    prop_assert!(load <= location.capacity[facility] + 1e-7);
                }
            }
            (one, other) => prop_assert_eq!(one, other),
        }
    }

    /// Table and tree agree, and no choice of items gains more.
    #[test]
    fn the_best_filling(sizes in prop::collection::vec((1..20u32, 0..15u32), 0..10), capacity in 0..60u32) {
        let items: Vec<knapsack::Item> = sizes.iter().enumerate().map(|(customer, (gain, size))| knapsack::Item { customer, gain: f64::from(*gain), size: f64::from(*size) }).collect();
        let sum = |mask: usize, of: &dyn Fn(&knapsack::Item) -> f64| items.iter().enumerate().filter(|(at, _)| mask >> at & 1 == 1).map(|(_, item)| of(item)).sum::<f64>();
        let fits = |mask: &usize| sum(*mask, &|item| item.size) <= f64::from(capacity);
        let best = (0..1_usize << items.len()).filter(fits).map(|mask| sum(mask, &|item| item.gain)).fold(0.0, f64::max);
        for whole in [true, false] {
            let (mut filled, mut chosen) = (knapsack::Knapsack::default(), Vec::new());
            let value = filled.fill(&mut items.clone(), f64::from(capacity), whole, &mut chosen);
            let mask = chosen.iter().map(|customer| 1 << customer).sum();
            prop_assert!(fits(&mask) && (value - best).abs() < 1e-9 && (sum(mask, &|item| item.gain) - best).abs() < 1e-9, "{whole}: {value} {best}");
        }
    }
}
