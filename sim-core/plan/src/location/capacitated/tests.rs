use bastide_units::Duration;
use proptest::prelude::*;
use rstest::rstest;

use super::cover::{Cover, State};
use super::dense::Dense;
use super::relaxation::Relaxation;
use super::transport::Transport;
use crate::location::{Located, Location, Search, Sited, general};

const EXACT: Search = Search { gap: 1e-9, time_limit: Duration::from_s(600.0) };
const NEVER: f64 = f64::INFINITY;

fn solve(location: &Location) -> Sited {
    super::solve(location, &EXACT)
}

/// A problem from capacities, fixed costs, costs by facility, then customer, and demands.
fn location(capacity: &[f64], fixed: &[f64], cost: &[f64], demand: &[f64]) -> Location {
    let open = (0, fixed.len());
    Location { fixed: fixed.to_vec(), capacity: capacity.to_vec(), demand: demand.to_vec(), cost: cost.to_vec(), open, single: false }
}

/// What must hold for any answer, from the answer alone.
fn check(location: &Location, found: &Located) {
    let (m, n) = (location.facilities(), location.customers());
    let (mut load, mut served) = (vec![0.0; m], vec![0.0; n]);
    for (facility, customer, share) in &found.shares {
        assert!(*share > 0.0 && found.open[*facility] && location.cost_of(*facility, *customer).is_finite(), "{found:?}");
        load[*facility] += share * location.demand[*customer];
        served[*customer] += share;
    }
    assert!(served.iter().all(|share| (share - 1.0).abs() < 1e-9), "{served:?}");
    assert!(load.iter().zip(&location.capacity).all(|(load, capacity)| *load == 0.0 || *load <= capacity + 1e-9), "{load:?}");
    let number = found.open.iter().filter(|open| **open).count();
    assert!(number >= location.open.0 && number <= location.open.1);
    assert!(found.shares.is_sorted_by_key(|(facility, customer, _)| (*customer, *facility)));
    assert!((found.objective - location.value(&found.open, &found.shares)).abs() <= 1e-9 * found.objective.abs());
    assert!(found.bound <= found.objective);
}

fn best(location: &Location) -> Option<f64> {
    match solve(location) {
        Sited::Found(found) => {
            check(location, &found);
            assert!(!found.limited && found.objective - found.bound <= 1e-9 * found.objective.abs(), "{found:?}");
            Some(found.objective)
        }
        Sited::Infeasible => None,
        Sited::Unknown(bound) => panic!("no limit was set, yet unknown: {bound}"),
    }
}

#[rstest]
// Both open: 10 + 6 + 4 (customer 0 at a) + 3 (customer 1 at b) = 23; only a is too small.
#[case(&[5.0, 4.0], &[10.0, 6.0], &[4.0, 9.0, 9.0, 3.0], &[4.0, 4.0], Some(23.0))]
// Customer 1 is split: a has 2 units left at 8 per 4 units, b 2 units at 4 per 4: 10 + 6 + 4 + 4 + 2 = 26.
#[case(&[6.0, 2.0], &[10.0, 6.0], &[4.0, 8.0, 9.0, 4.0], &[4.0, 4.0], Some(26.0))]
// A chain: c0 prefers a, which is full of c1, which can only be at a; c0 goes to b in part (2 of 4 units): 1 + 1 + 2 + 1 + 5 = 10.
#[case(&[6.0, 2.0], &[1.0, 1.0], &[2.0, 2.0, 10.0, NEVER], &[4.0, 4.0], Some(10.0))]
// No facility may serve customer 1.
#[case(&[6.0], &[1.0], &[2.0, NEVER], &[4.0, 1.0], None)]
// Room for 5 of 6.
#[case(&[2.0, 3.0], &[1.0, 1.0], &[1.0, 1.0], &[6.0], None)]
// Capacity that is exactly enough: 1 + 1 + 6 shares of a cost of 1.
#[case(&[2.0, 4.0], &[1.0, 1.0], &[1.0, 1.0], &[6.0], Some(3.0))]
// A customer without demand is served where it is cheapest among the open: 5 + 1 + 7.
#[case(&[4.0, 4.0], &[5.0, 50.0], &[1.0, 7.0, 1.0, 2.0], &[4.0, 0.0], Some(13.0))]
// A facility without capacity serves a customer without demand: 5 + 1 + 3 + 2.
#[case(&[4.0, 0.0], &[5.0, 3.0], &[1.0, 7.0, 1.0, 2.0], &[4.0, 0.0], Some(11.0))]
// Nobody to serve: nothing opens.
#[case(&[4.0], &[5.0], &[], &[], Some(0.0))]
// Nobody to serve them.
#[case(&[], &[], &[], &[1.0], None)]
#[case(&[], &[], &[], &[0.0], None)]
#[case(&[], &[], &[], &[], Some(0.0))]
// All is free.
#[case(&[1.0, 1.0], &[0.0, 0.0], &[0.0, 0.0, 0.0, 0.0], &[1.0, 1.0], Some(0.0))]
fn hand(#[case] capacity: &[f64], #[case] fixed: &[f64], #[case] cost: &[f64], #[case] demand: &[f64], #[case] least: Option<f64>) {
    let found = best(&location(capacity, fixed, cost, demand));
    assert!(
        found.is_some() == least.is_some() && found.zip(least).is_none_or(|(one, other)| (one - other).abs() < 1e-9),
        "{found:?}, not {least:?}"
    );
}

#[rstest]
// The first alone serves both: 6 + 2 + 2; the second as well; the third is too small for both.
#[case((0, 3), Some(10.0))]
#[case((0, 1), Some(10.0))]
// The second and the third: 6 + 6 + 1 + 1.
#[case((2, 3), Some(14.0))]
#[case((3, 3), Some(20.0))]
#[case((4, 9), None)]
#[case((0, 0), None)]
#[case((2, 1), None)]
fn number_of_open(#[case] open: (usize, usize), #[case] cost: Option<f64>) {
    let mut location = location(&[8.0, 8.0, 7.0], &[6.0, 6.0, 6.0], &[2.0, 2.0, 1.0, 3.0, 3.0, 1.0], &[4.0, 4.0]);
    location.open = open;
    assert_eq!(best(&location), cost);
}

/// Coordinates and two more random numbers.
type Spot = (f64, f64, f64, f64);

#[test]
fn numbers_that_are_none_do_no_harm() {
    let plain = location(&[5.0, 4.0, 4.0, f64::NAN], &[10.0, 6.0, f64::NAN, 0.1], &[4.0, 9.0, 9.0, 3.0, 0.0, 0.0, 0.0, 0.0], &[4.0, 4.0]);
    assert_eq!(best(&plain), Some(23.0));
    let nan = location(&[5.0, 4.0, 4.0], &[10.0, 6.0, NEVER], &[4.0, f64::NAN, 9.0, 3.0, 0.0, 0.0], &[4.0, 4.0]);
    assert_eq!(best(&nan), Some(23.0));
}

#[rstest]
#[case(0.0)]
#[case(-1.0)]
#[case(f64::NAN)]
fn no_time_leaves_an_honest_answer(#[case] seconds: f64) {
    let location = spread(12, 60, 7);
    let exact = best(&location).expect("feasible");
    match super::solve(&location, &Search { gap: 1e-9, time_limit: Duration::from_s(seconds) }) {
        Sited::Found(found) => {
            check(&location, &found);
            assert!(found.limited && found.bound <= exact * (1.0 + 1e-9) && found.objective >= exact * (1.0 - 1e-9), "{exact} {found:?}");
        }
        Sited::Unknown(bound) => assert!(bound <= exact * (1.0 + 1e-9)),
        Sited::Infeasible => panic!("feasible"),
    }
}

#[test]
fn forbidden_pairs_decide_how_many_must_open() {
    // Customers 0 and 1 have one facility each that reaches them, 2 and 3 share a third: 3 to open and 4 to serve.
    let cost = [[1.0, NEVER, NEVER, NEVER], [NEVER, 1.0, NEVER, NEVER], [NEVER, NEVER, 1.0, 1.0], [NEVER, NEVER, NEVER, 1.0]];
    let mut location = location(&[5.0; 4], &[1.0; 4], cost.as_flattened(), &[1.0; 4]);
    location.open = (0, 2);
    assert_eq!(solve(&location), Sited::Infeasible);
    location.open = (0, 3);
    assert_eq!(best(&location), Some(7.0));
}

/// A problem whose numbers repeat from a small generator: facilities and customers in a square, capacities of all sizes.
fn spread(facilities: usize, customers: usize, seed: u64) -> Location {
    let mut state = seed;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1_u64 << 24) as f64
    };
    let mut point = |_| (draw(), draw(), draw(), draw());
    let places: Vec<_> = (0..facilities).map(&mut point).collect();
    let people: Vec<_> = (0..customers).map(&mut point).collect();
    let demand: Vec<f64> = people.iter().map(|it| 5.0 + 30.0 * it.2).collect();
    let all: f64 = demand.iter().sum();
    let capacity: Vec<f64> = places.iter().map(|it| (1.0 + 4.0 * it.2) * all / facilities as f64).collect();
    let cost = |(facility, customer): (&Spot, &Spot)| 10.0 * customer.2 * (facility.0 - customer.0).hypot(facility.1 - customer.1);
    Location {
        fixed: places.iter().map(|it| 20.0 + 50.0 * it.2.sqrt() + 20.0 * it.3).collect(),
        capacity,
        demand,
        cost: places.iter().flat_map(|facility| people.iter().map(move |customer| (facility, customer))).map(cost).collect(),
        open: (0, facilities),
        single: false,
    }
}

#[rstest]
#[case(8, 20, 1)]
#[case(12, 30, 2)]
#[case(15, 25, 3)]
#[case(20, 40, 4)]
fn the_general_program_agrees(#[case] facilities: usize, #[case] customers: usize, #[case] seed: u64) {
    let location = spread(facilities, customers, seed);
    let Ok(Sited::Found(peer)) = general::solve(&location, &EXACT) else { panic!("feasible") };
    let cost = best(&location).expect("feasible");
    assert!((cost - peer.objective).abs() <= 1e-6 * cost, "{cost} {}", peer.objective);
}

#[test]
fn same_answer_twice() {
    let location = spread(20, 80, 5);
    assert_eq!(solve(&location), solve(&location));
}

/// Small problems with ties, decimals, forbidden pairs, customers without demand and facilities without capacity.
fn problems() -> impl Strategy<Value = Location> {
    (1..6_usize, 1..7_usize).prop_flat_map(|(m, n)| {
        let fixed = prop::collection::vec(0..20_u8, m);
        let capacity = prop::collection::vec(prop_oneof![1 => Just(0_u8), 8 => 4..60_u8, 1 => Just(u8::MAX)], m);
        let demand = prop::collection::vec(prop_oneof![1 => Just(0_u8), 6 => 1..30_u8], n);
        let cost = prop::collection::vec(prop_oneof![1 => Just(u8::MAX), 7 => 0..40_u8], m * n);
        (fixed, capacity, demand, cost, 0..3_usize, 1..7_usize).prop_map(|(fixed, capacity, demand, cost, fewest, most)| Location {
            fixed: fixed.into_iter().map(|it| f64::from(it) * 0.7).collect(),
            capacity: capacity.into_iter().map(|it| if it == u8::MAX { f64::INFINITY } else { f64::from(it) / 4.0 }).collect(),
            demand: demand.into_iter().map(|it| f64::from(it) / 4.0).collect(),
            cost: cost.into_iter().map(|it| if it == u8::MAX { NEVER } else { f64::from(it) * 0.3 }).collect(),
            open: (fewest, most),
            single: false,
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_small_problem_ends_as_the_general_program_does(location in problems()) {
        let peer = match general::solve(&location, &EXACT) {
            Ok(Sited::Found(found)) => Some(found.objective),
            Ok(Sited::Infeasible) => None,
            other => panic!("{other:?}"),
        };
        let cost = best(&location);
        prop_assert_eq!(cost.is_some(), peer.is_some());
        if let Some((cost, peer)) = cost.zip(peer) {
            prop_assert!((cost - peer).abs() <= 1e-6 * peer.abs().max(1.0), "{} {}", cost, peer);
        }
    }

    #[test]
    fn more_capacity_or_another_facility_never_costs_more(location in problems(), at in any::<prop::sample::Index>(), more in 0.0..10.0_f64) {
        let Some(before) = best(&location) else { return Ok(()) };
        let at = at.index(location.facilities());
        let mut larger = location.clone();
        larger.capacity[at] += more;
        prop_assert!(best(&larger).is_some_and(|after| after <= before + 1e-9 * before.abs()));
        let mut further = location.clone();
        further.fixed.push(location.fixed[at]);
        further.capacity.push(more);
        further.cost.extend((0..location.customers()).map(|customer| location.cost_of(at, customer) * 0.9));
        prop_assert!(best(&further).is_some_and(|after| after <= before + 1e-9 * before.abs()));
    }

    #[test]
    fn any_multipliers_give_a_bound(location in problems(), multipliers in prop::collection::vec(-5.0..20.0_f64, 7)) {
        let Some(cost) = best(&location) else { return Ok(()) };
        let dense = Dense::new(&location);
        let mut relaxation = Relaxation::new(&dense);
        let state = vec![State::Free; location.facilities()];
        let bound = relaxation.evaluate(&multipliers[..dense.columns()], &state);
        prop_assert!(bound.is_some_and(|bound| bound <= cost + 1e-9), "{:?} {}", bound, cost);
        // Looking only at columns that may matter changes nothing.
        relaxation.focus(&vec![0.1; dense.columns()]);
        let again = relaxation.evaluate(&multipliers[..dense.columns()], &state);
        prop_assert!(bound.zip(again).is_some_and(|(one, other)| (one - other).abs() < 1e-9), "{:?} {:?}", bound, again);
    }

    #[test]
    fn a_cover_is_the_cheapest(location in problems(), value in prop::collection::vec(-9.0..20.0_f64, 6), settled in prop::collection::vec(0..4_u8, 6)) {
        let dense = Dense::new(&location);
        let m = dense.facilities;
        let state: Vec<State> = settled[..m].iter().map(|it| [State::Free, State::Free, State::Open, State::Closed][usize::from(*it)]).collect();
        let mut least = f64::INFINITY;
        for set in 0..1_u32 << m {
            let holds = |i: &usize| set >> i & 1 == 1;
            let fits = (0..m).all(|i| state[i] == State::Free || (state[i] == State::Open) == holds(&i));
            let room: f64 = (0..m).filter(holds).map(|i| dense.capacity[i]).sum();
            let number = (0..m).filter(holds).count();
            if fits && room >= dense.total && number >= dense.open.0 && number <= dense.open.1 {
                least = least.min((0..m).filter(holds).map(|i| value[i]).sum());
            }
        }
        let mut cover = Cover::default();
        match cover.solve(&dense, &state, &value) {
            // It may be too low where capacity and number both bind; never too high.
            Some(found) => prop_assert!(found <= least + 1e-9, "{} {}", found, least),
            None => prop_assert_eq!(least, f64::INFINITY),
        }
        if location.open.0 == 0 && location.open.1 >= m && least < f64::INFINITY {
            let chosen: f64 = (0..m).map(|i| cover.chosen[i] * value[i]).sum();
            prop_assert!((chosen - least).abs() < 1e-9);
        }
    }

    #[test]
    fn a_transport_says_no_only_beyond_its_cutoff(location in problems(), share in 0.0..2.0_f64) {
        let dense = Dense::new(&location);
        let open: Vec<usize> = (0..dense.facilities).collect();
        let mut transport = Transport::default();
        if let Some(cost) = transport.route(&dense, &open, f64::INFINITY) {
            let again = transport.route(&dense, &open, cost * share);
            prop_assert_eq!(again, (cost < cost * share).then_some(cost));
        }
    }
}
