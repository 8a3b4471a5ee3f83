//! Hand-computed cases, and laws over random systems.

use bastide_grid::{Dispatch, Dispatcher, GridError, Line, Load, Network, Offer};
use microlp::{ComparisonOp, OptimizationDirection, Problem};
use proptest::prelude::*;

/// One network and several hours of numbers for it.
#[derive(Clone, Debug)]
struct System {
    network: Network,
    offers: Vec<Offer>,
    loads: Vec<Load>,
    hours: Vec<Hour>,
}

#[derive(Clone, Debug)]
struct Hour {
    available: Vec<f64>,
    demand: Vec<f64>,
    forward: Vec<f64>,
    reverse: Vec<f64>,
}

fn solve(system: &System, dispatcher: &mut Dispatcher, hour: &Hour) -> Dispatch {
    let mut out = Dispatch::default();
    dispatcher.solve(&hour.available, &hour.demand, &hour.forward, &hour.reverse, &mut out);
    assert!(out.optimal, "{system:?}");
    out
}

fn dispatcher(system: &System) -> Dispatcher {
    Dispatcher::new(&system.network, &system.offers, &system.loads).unwrap()
}

fn offer(bus: usize, cost_eur_per_mwh: f64) -> Offer {
    Offer { bus, cost_eur_per_mwh }
}

fn load(bus: usize, value_eur_per_mwh: f64) -> Load {
    Load { bus, value_eur_per_mwh }
}

fn line(from: usize, to: usize) -> Line {
    Line { from, to }
}

/// Solves one hour from scratch.
fn once(network: &Network, offers: &[Offer], loads: &[Load], [available, demand, forward, reverse]: [&[f64]; 4]) -> Dispatch {
    let mut out = Dispatch::default();
    Dispatcher::new(network, offers, loads).unwrap().solve(available, demand, forward, reverse, &mut out);
    assert!(out.optimal);
    assert!(out.imbalance_mw(network, offers, loads, demand) < 1e-9);
    out
}

#[test]
fn two_zones_share_one_merit_order_until_the_line_is_full() {
    let network = Network { buses: 2, lines: vec![line(0, 1)] };
    let offers = [offer(0, 10.0), offer(0, 40.0), offer(1, 30.0), offer(1, 100.0)];
    let loads = [load(0, 3000.0), load(1, 3000.0)];
    // 300 MW in all: 100 at 10, 100 at 30, 100 at 40. Zone 0 makes 200, uses 100, sends 100 <= 150. Price 40.
    // Cost 1,000 + 3,000 + 4,000 = 8,000.
    let out = once(&network, &offers, &loads, [&[100.0, 200.0, 100.0, 500.0], &[100.0, 200.0], &[150.0], &[150.0]]);
    assert_eq!(out.generation_mw, [100.0, 100.0, 100.0, 0.0]);
    assert_eq!(out.flow_mw, [100.0]);
    assert_eq!(out.price_eur_per_mwh, [40.0, 40.0]);
    assert_eq!(out.cost_eur_per_h, 8000.0);
    // With 60 MW of line: zone 0 makes 160 (100 at 10, 60 at 40); zone 1 makes 140 (100 at 30, 40 at 100).
    // Cost 1,000 + 2,400 + 3,000 + 4,000 = 10,400. Rent 60 * (100 - 40) = 3,600.
    let out = once(&network, &offers, &loads, [&[100.0, 200.0, 100.0, 500.0], &[100.0, 200.0], &[60.0], &[60.0]]);
    assert_eq!(out.generation_mw, [100.0, 60.0, 100.0, 40.0]);
    assert_eq!(out.price_eur_per_mwh, [40.0, 100.0]);
    assert_eq!(out.cost_eur_per_h, 10_400.0);
    assert!((out.congestion_rent(&network).as_eur_per_d() - 24.0 * 3600.0).abs() < 1e-6);
    // Limits by direction: 0 MW towards zone 1, any backwards. Zone 1 sheds nothing: 100 at 30, 100 at 100.
    let out = once(&network, &offers, &loads, [&[100.0, 200.0, 100.0, 500.0], &[100.0, 200.0], &[0.0], &[f64::INFINITY]]);
    assert_eq!(out.flow_mw, [0.0]);
    assert_eq!(out.price_eur_per_mwh, [40.0, 100.0]);
}

#[test]
fn the_line_carries_power_against_its_direction() {
    // Line 1 -> 0 is named backwards: 50 MW from bus 0 to bus 1 is a flow of -50, limited by `reverse`.
    let network = Network { buses: 2, lines: vec![line(1, 0)] };
    let out = once(&network, &[offer(0, 5.0), offer(1, 60.0)], &[load(1, 1000.0)], [&[500.0, 500.0], &[80.0], &[0.0], &[50.0]]);
    assert_eq!(out.flow_mw, [-50.0]);
    assert_eq!(out.generation_mw, [50.0, 30.0]);
    assert_eq!(out.price_eur_per_mwh, [5.0, 60.0]);
}

#[test]
fn a_ring_of_three_uses_both_ways_round() {
    // Bus 0 cheap (10), bus 1 middling (50), bus 2 has the load (200 MW) and 90 EUR/MWh.
    // Lines 0-2 (60 MW), 0-1 (100 MW), 1-2 (110 MW): 60 direct and 100 by bus 1 come from bus 0; 1-2 has 10 left, from bus 1;
    // 30 from bus 2. Cost 160 * 10 + 10 * 50 + 30 * 90 = 4,800.
    let network = Network { buses: 3, lines: vec![line(0, 2), line(0, 1), line(1, 2)] };
    let offers = [offer(0, 10.0), offer(1, 50.0), offer(2, 90.0)];
    let loads = [load(2, 5000.0)];
    let limits = [60.0, 100.0, 110.0];
    let out = once(&network, &offers, &loads, [&[1000.0; 3], &[200.0], &limits, &limits]);
    assert_eq!(out.generation_mw, [160.0, 10.0, 30.0]);
    assert_eq!(out.flow_mw, [60.0, 100.0, 110.0]);
    assert_eq!(out.price_eur_per_mwh, [10.0, 50.0, 90.0]);
    assert_eq!(out.cost_eur_per_h, 4800.0);
    // With 50 MW of load everything goes the short way, and nothing circulates.
    let out = once(&network, &offers, &loads, [&[1000.0; 3], &[50.0], &limits, &limits]);
    assert_eq!(out.flow_mw, [50.0, 0.0, 0.0]);
    assert_eq!(out.price_eur_per_mwh, [10.0; 3]);
}

#[test]
fn the_lowest_value_is_shed_first_in_the_whole_zone() {
    // 100 MW for 40 MW worth 300, 50 MW worth 2,000 (bus 0) and 60 MW worth 1e6 (bus 1); lines are wide.
    // 150 - 100 = 50 MW short: all 40 MW worth 300, then 10 MW worth 2,000. Cost 100 + 12,000 + 20,000 = 32,100.
    let network = Network { buses: 2, lines: vec![line(0, 1)] };
    let loads = [load(1, 1e6), load(0, 2000.0), load(0, 300.0)];
    let wide = [f64::INFINITY];
    let out = once(&network, &[offer(0, 1.0)], &loads, [&[100.0], &[60.0, 50.0, 40.0], &wide, &wide]);
    assert_eq!(out.shed_mw, [0.0, 10.0, 40.0]);
    assert_eq!(out.price_eur_per_mwh, [2000.0, 2000.0]);
    assert_eq!(out.cost_eur_per_h, 32_100.0);
}

#[test]
fn everything_is_shed_when_nothing_runs() {
    let network = Network { buses: 3, lines: vec![line(0, 1)] };
    let loads = [load(0, 100.0), load(1, 9000.0)];
    let out = once(&network, &[offer(0, 1.0)], &loads, [&[0.0], &[5.0, 7.0], &[10.0], &[10.0]]);
    assert_eq!(out.shed_mw, [5.0, 7.0]);
    // Nothing more can be shed at any bus, so the price is the cap; also at bus 2, an island with nothing.
    assert_eq!(out.price_eur_per_mwh, [9000.0; 3]);
    assert_eq!(out.cost_eur_per_h, 500.0 + 63_000.0);
}

#[test]
fn the_price_is_that_of_the_next_megawatt() {
    let network = Network { buses: 1, lines: vec![] };
    let offers = [offer(0, 10.0), offer(0, 20.0)];
    let loads = [load(0, 500.0)];
    // Demand exactly uses up the first offer, so the next megawatt costs 20; without demand it costs 10.
    assert_eq!(once(&network, &offers, &loads, [&[100.0, 50.0], &[100.0], &[], &[]]).price_eur_per_mwh, [20.0]);
    assert_eq!(once(&network, &offers, &loads, [&[100.0, 50.0], &[0.0], &[], &[]]).price_eur_per_mwh, [10.0]);
    assert_eq!(once(&network, &offers, &loads, [&[100.0, 50.0], &[150.0], &[], &[]]).price_eur_per_mwh, [500.0]);
    // An offer of 0 MW sets no price.
    assert_eq!(once(&network, &offers, &loads, [&[0.0, 50.0], &[20.0], &[], &[]]).price_eur_per_mwh, [20.0]);
}

#[test]
fn ties_go_to_generation_then_home_then_the_lower_index() {
    let network = Network { buses: 2, lines: vec![line(0, 1)] };
    let offers = [offer(0, 50.0), offer(1, 50.0), offer(1, 50.0)];
    let loads = [load(1, 50.0)];
    let out = once(&network, &offers, &loads, [&[100.0, 30.0, 30.0], &[80.0], &[100.0], &[100.0]]);
    assert_eq!(out.generation_mw, [20.0, 30.0, 30.0]);
    assert_eq!(out.shed_mw, [0.0]);
    let out = once(&network, &offers, &loads, [&[100.0, 30.0, 30.0], &[40.0], &[100.0], &[100.0]]);
    assert_eq!(out.generation_mw, [0.0, 30.0, 10.0]);
}

#[test]
fn odd_numbers_are_survived() {
    let network = Network { buses: 2, lines: vec![line(0, 1)] };
    let offers = [offer(0, -30.0), offer(1, 2e6)];
    let loads = [load(1, 1e6)];
    // Undefined and negative limits are zero; infinite power is not a problem; an offer above every value never runs.
    let out = once(&network, &offers, &loads, [&[f64::INFINITY, 100.0], &[10.0], &[f64::NAN], &[-5.0]]);
    assert_eq!(out.generation_mw, [0.0, 0.0]);
    assert_eq!(out.shed_mw, [10.0]);
    assert_eq!(out.price_eur_per_mwh, [-30.0, 1e6]);
    let out = once(&network, &offers, &loads, [&[f64::INFINITY, 100.0], &[10.0], &[f64::INFINITY], &[f64::INFINITY]]);
    assert_eq!(out.generation_mw, [10.0, 0.0]);
    assert_eq!(out.cost_eur_per_h, -300.0);
    // No network at all.
    let out = once(&Network::default(), &[], &[], [&[], &[], &[], &[]]);
    assert_eq!(out.cost_eur_per_h, 0.0);
    // No load at all: nothing runs, and the cap is the dearest offer.
    let out = once(&network, &offers, &[], [&[5.0, 5.0], &[], &[1.0], &[1.0]]);
    assert_eq!(out.generation_mw, [0.0, 0.0]);
}

#[test]
fn mistakes_are_named() {
    let network = Network { buses: 2, lines: vec![line(0, 1)] };
    let unknown = Dispatcher::new(&network, &[offer(2, 1.0)], &[]).unwrap_err();
    assert_eq!(unknown, GridError::UnknownBus { what: "offer", index: 0, bus: 2, buses: 2 });
    assert_eq!(unknown.to_string(), "offer 0 is at bus 2, but the network has 2 buses");
    let loop_line = Network { buses: 2, lines: vec![line(0, 1), line(1, 1)] };
    assert_eq!(Dispatcher::new(&loop_line, &[], &[]).unwrap_err(), GridError::LoopLine { index: 1, bus: 1 });
    assert!(matches!(Dispatcher::new(&network, &[], &[load(0, f64::NAN)]), Err(GridError::PriceNotFinite { what: "load", index: 0, .. })));
}

#[test]
fn thousands_of_buses_work() {
    // A grid of 40 x 50 buses; offers get dearer to the east, loads are everywhere.
    let (rows, columns) = (40, 50);
    let at = |r: usize, c: usize| r * columns + c;
    let mut network = Network { buses: rows * columns, lines: vec![] };
    for r in 0..rows {
        for c in 0..columns {
            if c + 1 < columns {
                network.lines.push(line(at(r, c), at(r, c + 1)));
            }
            if r + 1 < rows {
                network.lines.push(line(at(r, c), at(r + 1, c)));
            }
        }
    }
    let buses = network.buses;
    let offers: Vec<Offer> = (0..2 * buses).map(|i| offer(i % buses, ((i % buses) % columns * 2 + i * 7919 % 31) as f64)).collect();
    let loads: Vec<Load> = (0..buses).map(|i| load(i, 1000.0 + (i % 3) as f64)).collect();
    let available: Vec<f64> = (0..2 * buses).map(|i| (i * 104_729 % 97) as f64).collect();
    let demand: Vec<f64> = (0..buses).map(|i| (i * 15_485_863 % 83) as f64).collect();
    let limit: Vec<f64> = (0..network.lines.len()).map(|i| (i * 32_452_843 % 60) as f64).collect();
    let system = System { network, offers, loads, hours: vec![Hour { available, demand, forward: limit.clone(), reverse: limit }] };
    let out = solve(&system, &mut dispatcher(&system), &system.hours[0]);
    certify(&system, &system.hours[0], &out);
}

/// Proves an answer optimal without another solver: it is feasible, and its prices give a lower bound equal to its cost
/// (strong duality). Then complementary slackness holds as well; it is checked block by block for clearer failures.
fn certify(system: &System, hour: &Hour, out: &Dispatch) {
    let System { network, offers, loads, .. } = system;
    let total: f64 = hour.demand.iter().sum();
    let tolerance = 1e-9 + 1e-12 * total;
    assert!(out.imbalance_mw(network, offers, loads, &hour.demand) <= tolerance, "imbalance\n{system:?}\n{out:?}");
    let price = &out.price_eur_per_mwh;
    let mut bound = 0.0;
    let mut size = 1.0;
    let mut add = |x: f64| {
        bound += x;
        size += x.abs();
    };
    let block = |bus: usize, cost: f64, used: f64, capacity: f64| {
        assert!((0.0..=capacity).contains(&used), "{used} of {capacity}\n{system:?}\n{out:?}");
        assert!(cost >= price[bus] || used == capacity, "a cheap block is idle\n{system:?}\n{out:?}");
        assert!(cost <= price[bus] || used == 0.0, "a dear block runs\n{system:?}\n{out:?}");
        -(price[bus] - cost).max(0.0) * capacity
    };
    for ((o, &used), &capacity) in offers.iter().zip(&out.generation_mw).zip(&hour.available) {
        add(block(o.bus, o.cost_eur_per_mwh, used, capacity));
    }
    for ((l, &shed), &demand) in loads.iter().zip(&out.shed_mw).zip(&hour.demand) {
        add(block(l.bus, l.value_eur_per_mwh, shed, demand));
        add(price[l.bus] * demand);
    }
    for (((l, &flow), &forward), &reverse) in network.lines.iter().zip(&out.flow_mw).zip(&hour.forward).zip(&hour.reverse) {
        assert!((-reverse..=forward).contains(&flow));
        let rise = price[l.to] - price[l.from];
        assert!(rise <= 0.0 || flow == forward, "an idle line between two prices\n{system:?}\n{out:?}");
        assert!(rise >= 0.0 || flow == -reverse, "an idle line between two prices\n{system:?}\n{out:?}");
        add(-(rise.max(0.0) * forward + (-rise).max(0.0) * reverse));
    }
    assert!((bound - out.cost_eur_per_h).abs() <= 1e-12 * size, "bound {bound}, cost {}\n{system:?}", out.cost_eur_per_h);
    let top = loads.iter().map(|l| l.value_eur_per_mwh).fold(f64::NEG_INFINITY, f64::max);
    assert!(loads.is_empty() || price.iter().all(|p| *p <= top));
    // The ladder at each bus.
    for (a, (low, low_shed)) in loads.iter().zip(&out.shed_mw).enumerate() {
        for (high, high_shed) in loads.iter().zip(&out.shed_mw) {
            if low.bus == high.bus && low.value_eur_per_mwh < high.value_eur_per_mwh {
                assert!(*high_shed == 0.0 || *low_shed == hour.demand[a], "the ladder is broken\n{system:?}\n{out:?}");
            }
        }
    }
}

/// The objective according to a general solver.
fn reference_cost(system: &System, hour: &Hour) -> f64 {
    let mut problem = Problem::new(OptimizationDirection::Minimize);
    let mut balance = vec![Vec::new(); system.network.buses];
    let mut demand = vec![0.0; system.network.buses];
    for (o, &mw) in system.offers.iter().zip(&hour.available) {
        balance[o.bus].push((problem.add_var(o.cost_eur_per_mwh, (0.0, mw)), 1.0));
    }
    for (l, &mw) in system.loads.iter().zip(&hour.demand) {
        balance[l.bus].push((problem.add_var(l.value_eur_per_mwh, (0.0, mw)), 1.0));
        demand[l.bus] += mw;
    }
    for ((l, &forward), &reverse) in system.network.lines.iter().zip(&hour.forward).zip(&hour.reverse) {
        let flow = problem.add_var(0.0, (-reverse, forward));
        balance[l.from].push((flow, -1.0));
        balance[l.to].push((flow, 1.0));
    }
    for (terms, demand) in balance.iter().zip(demand) {
        if !terms.is_empty() {
            problem.add_constraint(terms, ComparisonOp::Eq, demand);
        }
    }
    problem.solve().unwrap().into_solution().unwrap().objective()
}

/// A number of megawatts: zero, a round number (for ties) or any.
fn megawatts() -> impl Strategy<Value = f64> {
    prop_oneof![2 => Just(0.0), 3 => (1_u32..6).prop_map(|n| f64::from(n) * 10.0), 5 => 0.001..500.0_f64]
}

fn cost() -> impl Strategy<Value = f64> {
    prop_oneof![3 => (0_u32..6).prop_map(|n| f64::from(n) * 20.0), 2 => -20.0..150.0_f64, 1 => Just(3000.0)]
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![3 => (1_u32..5).prop_map(|n| f64::from(n) * 1000.0), 1 => Just(60.0), 1 => Just(1e6), 1 => 1.0..5000.0_f64]
}

fn systems() -> impl Strategy<Value = System> {
    (1_usize..9).prop_flat_map(|buses| {
        let lines = prop::collection::vec((0..buses, 1..buses.max(2)), if buses > 1 { 0..14 } else { 0..1 });
        let offers = prop::collection::vec((0..buses, cost()), 0..25);
        let loads = prop::collection::vec((0..buses, value()), 0..14);
        (lines, offers, loads).prop_flat_map(move |(lines, offers, loads)| {
            let network = Network { buses, lines: lines.iter().map(|&(from, hop)| line(from, (from + hop) % buses)).collect() };
            let offers: Vec<Offer> = offers.into_iter().map(|(bus, cost)| offer(bus, cost)).collect();
            let loads: Vec<Load> = loads.into_iter().map(|(bus, value)| load(bus, value)).collect();
            let numbers = |n: usize| prop::collection::vec(megawatts(), n..=n);
            let lines = network.lines.len();
            let hour = (numbers(offers.len()), numbers(loads.len()), numbers(lines), numbers(lines))
                .prop_map(|(available, demand, forward, reverse)| Hour { available, demand, forward, reverse });
            prop::collection::vec(hour, 1..6).prop_map(move |hours| System {
                network: network.clone(),
                offers: offers.clone(),
                loads: loads.clone(),
                hours,
            })
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_answer_is_certified_by_its_prices(system in systems()) {
        let mut warm = dispatcher(&system);
        for hour in &system.hours {
            let out = solve(&system, &mut warm, hour);
            certify(&system, hour, &out);
        }
    }

    #[test]
    fn a_general_solver_finds_the_same_cost(system in systems()) {
        let mut warm = dispatcher(&system);
        for hour in &system.hours {
            let out = solve(&system, &mut warm, hour);
            let expected = reference_cost(&system, hour);
            prop_assert!((out.cost_eur_per_h - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{} {expected}", out.cost_eur_per_h);
        }
    }

    #[test]
    fn the_past_does_not_matter(system in systems()) {
        let mut warm = dispatcher(&system);
        for hour in &system.hours {
            let after = solve(&system, &mut warm, hour);
            let mut fresh = dispatcher(&system);
            let cold = solve(&system, &mut fresh, hour);
            prop_assert_eq!(&cold, &Dispatch { pivots: cold.pivots, ..after.clone() });
            // Once more: the basis holds, and nothing moves.
            let again = solve(&system, &mut warm, hour);
            prop_assert_eq!(again.pivots, 0);
            prop_assert_eq!(&again, &Dispatch { pivots: 0, ..after });
        }
    }
}

#[test]
fn a_long_year_stays_exact() {
    // 500 hours of one system of seven zones, each compared with a cold start and certified.
    let network = Network {
        buses: 7,
        lines: [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 0), (0, 3), (1, 5), (2, 6)].map(|(a, b)| line(a, b)).to_vec(),
    };
    let offers: Vec<Offer> = (0..60).map(|i| offer(i % 7, (i * 37 % 120) as f64)).collect();
    let loads: Vec<Load> = (0..30).map(|i| load(i % 7, [150.0, 1000.0, 8000.0, 1e6][i % 4])).collect();
    let mut state = 1_u64;
    let mut draw = |most: f64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        most * (state >> 33) as f64 / f64::from(1_u32 << 31)
    };
    let hours = (0..500)
        .map(|_| Hour {
            available: (0..60).map(|_| draw(800.0)).collect(),
            demand: (0..30).map(|_| draw(1200.0)).collect(),
            forward: (0..10).map(|_| (draw(900.0) - 100.0).max(0.0)).collect(),
            reverse: (0..10).map(|_| (draw(900.0) - 100.0).max(0.0)).collect(),
        })
        .collect();
    let system = System { network, offers, loads, hours };
    let mut warm = dispatcher(&system);
    let mut cold = dispatcher(&system);
    for hour in &system.hours {
        let out = solve(&system, &mut warm, hour);
        certify(&system, hour, &out);
        cold.reset();
        let fresh = solve(&system, &mut cold, hour);
        assert_eq!(fresh, Dispatch { pivots: fresh.pivots, ..out });
    }
}
