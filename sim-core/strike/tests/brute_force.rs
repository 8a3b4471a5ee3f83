//! Searches against all subsets.

use bastide_grid::opf::{PriorityShedding, Shedding};
use bastide_grid::{Branch, Bus, BusKind, Case, Convention, Generator};
use bastide_strike::{Attack, Element, Field, Link, Measure, Median, Path, Question, Target, Transmission, frontier, worst};
use proptest::prelude::*;

/// Damage of every set of targets that a budget pays.
fn all<F: Field>(field: &mut F, budget: u32, safe: &[usize]) -> Vec<Attack> {
    fn more<F: Field>(field: &mut F, next: usize, budget: u32, safe: &[usize], prefix: &mut Vec<usize>, found: &mut Vec<Attack>) {
        found.push(Attack { targets: prefix.clone(), damage: field.damage() });
        for target in (next..field.targets()).filter(|it| !safe.contains(it)) {
            if field.cost(target) <= budget {
                let cost = field.cost(target);
                field.enter(target);
                prefix.push(target);
                more(field, target + 1, budget - cost, safe, prefix, found);
                prefix.pop();
                field.leave();
            }
        }
    }
    let mut found = Vec::new();
    more(field, 0, budget, safe, &mut Vec::new(), &mut found);
    found.sort_by(|a, b| b.damage.total_cmp(&a.damage));
    found
}

fn close(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= 1e-6 * b.abs().max(1.0)
}

fn agrees<F: Field + Clone + Sync>(field: &F, budget: u32, best: usize) {
    let expected = all(&mut field.clone(), budget, &[]);
    let answer = worst(field, &Question { best, ..Question::of(budget) });
    assert!(answer.proven && close(answer.bound, expected[0].damage), "{answer:?} {:?}", expected[0]);
    assert_eq!(answer.attacks.len(), best.min(expected.len()), "{answer:?}");
    for (at, (found, expected)) in answer.attacks.iter().zip(&expected).enumerate() {
        assert!(close(found.damage, expected.damage), "{at}: {found:?} {expected:?}");
        let own = all(&mut field.clone(), budget, &[]).into_iter().find(|it| it.targets == found.targets).unwrap();
        assert!(close(found.damage, own.damage), "{found:?} {own:?}");
    }
    let mut sets: Vec<_> = answer.attacks.iter().map(|it| &it.targets).collect();
    sets.sort();
    sets.dedup();
    assert_eq!(sets.len(), answer.attacks.len(), "each attack once");
}

/// The best defence by trying all.
fn best_defence<F: Field + Clone + Sync>(field: &F, budget: u32, measures: &[Measure], most: u32) -> f64 {
    (0..1_u32 << measures.len())
        .filter_map(|chosen| {
            let chosen: Vec<&Measure> = (0..measures.len()).filter(|it| chosen >> it & 1 == 1).map(|it| &measures[it]).collect();
            let cost: u32 = chosen.iter().map(|it| it.cost).sum();
            let safe: Vec<usize> = chosen.iter().flat_map(|it| it.protects.iter().copied()).collect();
            (cost <= most).then(|| all(&mut field.clone(), budget, &safe)[0].damage)
        })
        .fold(f64::INFINITY, f64::min)
}

fn bus(number: u64, demand_mw: f64) -> Bus {
    let kind = if number == 1 { BusKind::Reference } else { BusKind::Load };
    Bus { number, kind, demand_mw, base_kv: 100.0, ..Bus::default() }
}

fn branch((from, to): (usize, usize), reactance_pu: f64, rate: Option<f64>) -> Branch {
    Branch {
        from,
        to,
        in_service: true,
        resistance_pu: 0.0,
        reactance_pu,
        rate_a_mw: rate,
        rate_b_mw: None,
        rate_c_mw: None,
        tap: 1.0,
        shift_deg: 0.0,
        angle_min_deg: None,
        angle_max_deg: None,
    }
}

prop_compose! {
    fn cases()(buses in 3..8_usize)(
        demand in proptest::collection::vec(prop_oneof![Just(0.0), 1.0..60.0, -10.0..0.0], buses),
        tree in proptest::collection::vec(any::<proptest::sample::Index>(), buses - 1),
        extra in proptest::collection::vec((0..buses, 0..buses), 0..7),
        x in proptest::collection::vec(0.01..0.5, 16),
        rate in proptest::collection::vec(proptest::option::weighted(0.8, prop_oneof![4 => 5.0..70.0, 1 => Just(0.0)]), 16),
        units in proptest::collection::vec((0..buses, 5.0..90.0), 1..5),
        buses in Just(buses),
    ) -> Case {
        let trunk = tree.iter().enumerate().map(|(at, to)| (at + 1, to.index(at + 1)));
        let ends: Vec<(usize, usize)> = trunk.chain(extra.into_iter().filter(|(a, b)| a != b)).collect();
        Case {
            name: "random".into(),
            base_mva: 100.0,
            buses: (0..buses).map(|at| bus(at as u64 + 1, demand[at])).collect(),
            generators: units
                .into_iter()
                .map(|(bus, max_mw)| Generator { bus, in_service: true, output_mw: 0.0, min_mw: 0.0, max_mw, cost: None })
                .collect(),
            branches: ends.iter().enumerate().map(|(at, ends)| branch(*ends, x[at % 16], rate[at % 16])).collect(),
            dc_lines: Vec::new(),
        }
    }
}

/// Every branch, every unit and every other bus, of different costs.
fn targets(case: &Case, kinds: u8) -> Vec<Target> {
    let branches = (0..case.branches.len()).map(|row| Target { elements: vec![Element::Branch(row)], cost: 1 });
    let units = (0..case.generators.len()).map(|row| Target { elements: vec![Element::Generator(row)], cost: 2 });
    let buses = (0..case.buses.len()).step_by(2).map(|row| Target { elements: vec![Element::Bus(row)], cost: 2 });
    match kinds {
        0 => branches.collect(),
        1 => branches.chain(units).collect(),
        _ => branches.take(4).chain(units).chain(buses).collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn networks(case in cases(), kinds in 0..3_u8, budget in 0..4_u32, best in 1..6_usize, tiers in any::<bool>()) {
        let shedding = if tiers { Shedding::critical_mid_low(&case) } else { Shedding::shares(&case, &[("all", 1.0, 1.0)]) };
        let field = Transmission::new(&case, Convention::Matpower, &shedding, targets(&case, kinds)).unwrap();
        agrees(&field, budget, best);
    }

    #[test]
    fn damage_is_what_is_shed(case in cases(), lost in proptest::collection::btree_set(0..16_usize, 0..5)) {
        let shedding = Shedding::shares(&case, &[("all", 1.0, 1.0)]);
        let lost: Vec<usize> = lost.into_iter().filter(|row| *row < case.branches.len()).collect();
        let mut field = Transmission::new(&case, Convention::Matpower, &shedding, targets(&case, 0)).unwrap();
        lost.iter().for_each(|row| field.enter(*row));
        let bound = field.bound();
        let shed = PriorityShedding::new(&case, Convention::Matpower, &shedding).unwrap().solve(&lost, &[]).unwrap().objective;
        prop_assert!(close(field.damage(), shed), "{} {shed}", field.damage());
        prop_assert!(bound >= shed - 1e-6 * shed.max(1.0), "a response is no better than the best: {bound} {shed}");
    }

    #[test]
    fn defences(case in cases(), kinds in 0..2_u8, budget in 1..3_u32, costs in proptest::collection::vec(1..3_u32, 5)) {
        let shedding = Shedding::shares(&case, &[("all", 1.0, 1.0)]);
        let field = Transmission::new(&case, Convention::Matpower, &shedding, targets(&case, kinds)).unwrap();
        let count = field.targets();
        let measures: Vec<Measure> =
            costs.iter().enumerate().map(|(at, cost)| Measure { protects: vec![at % count, (3 * at + 1) % count], cost: *cost }).collect();
        let found = frontier(&field, &Question::of(budget), &measures, 3);
        for (most, defence) in found.iter().enumerate() {
            let expected = best_defence(&field, budget, &measures, most as u32);
            prop_assert!(defence.proven && close(defence.attack.damage, expected), "{most}: {defence:?} {expected}");
        }
        prop_assert!(found.windows(2).all(|pair| pair[1].attack.damage <= pair[0].attack.damage + 1e-9), "more defence does no harm");
    }

    #[test]
    fn more_resources_do_no_less(case in cases(), kinds in 0..3_u8) {
        let shedding = Shedding::shares(&case, &[("all", 1.0, 1.0)]);
        let field = Transmission::new(&case, Convention::Matpower, &shedding, targets(&case, kinds)).unwrap();
        let damage: Vec<f64> = (0..4).map(|budget| worst(&field, &Question::of(budget)).bound).collect();
        prop_assert!(damage.windows(2).all(|pair| pair[1] >= pair[0] - 1e-9), "{damage:?}");
    }

    #[test]
    fn medians(cost in proptest::collection::vec(proptest::collection::vec(0.0..100.0, 7), 1..9), budget in 0..4_u32, best in 1..5_usize) {
        agrees(&Median::new(&cost), budget, best);
        let measures: Vec<Measure> = (0..7).map(|at| Measure { protects: vec![at], cost: 1 }).collect();
        for defence in frontier(&Median::new(&cost), &Question::of(budget), &measures, 2).iter().enumerate() {
            let expected = best_defence(&Median::new(&cost), budget, &measures, defence.0 as u32);
            prop_assert!(close(defence.1.attack.damage, expected), "{defence:?} {expected}");
        }
    }

    #[test]
    fn paths(
        links in proptest::collection::vec((0..6_usize, 0..6_usize, 1.0..10.0, prop_oneof![1.0..10.0, Just(f64::INFINITY)]), 5..12),
        budget in 0..4_u32,
    ) {
        let links: Vec<Link> = links.into_iter().map(|(from, to, length, delay)| Link { from, to, length, delay }).collect();
        let field = Path::new(6, links, 0, 5);
        let expected = all(&mut field.clone(), budget, &[]);
        let answer = worst(&field, &Question::of(budget));
        prop_assert!(answer.proven && close(answer.bound, expected[0].damage), "{answer:?} {:?}", expected[0]);
    }
}

/// Two buses and two lines of 30 MW: a load of 50 MW, units of 100 MW at the other end, by hand. One line lost: 20 MW are shed; both: 50.
#[test]
fn two_lines_by_hand() {
    let case = Case {
        name: "two".into(),
        base_mva: 100.0,
        buses: vec![bus(1, 0.0), bus(2, 50.0)],
        generators: vec![Generator { bus: 0, in_service: true, output_mw: 0.0, min_mw: 0.0, max_mw: 100.0, cost: None }],
        branches: vec![branch((0, 1), 0.1, Some(30.0)), branch((0, 1), 0.1, Some(30.0))],
        dc_lines: Vec::new(),
    };
    let shedding = Shedding::shares(&case, &[("all", 1.0, 1.0)]);
    let field = Transmission::new(&case, Convention::Matpower, &shedding, targets(&case, 0)).unwrap();
    let damage = |budget: u32| worst(&field, &Question::of(budget)).attacks[0].clone();
    assert_eq!(damage(0), Attack { targets: vec![], damage: 0.0 });
    assert!(close(damage(1).damage, 20.0) && damage(1).targets == [0]);
    assert!(close(damage(2).damage, 50.0) && damage(2).targets == [0, 1]);
    let measures: Vec<Measure> = (0..2).map(|at| Measure { protects: vec![at], cost: 1 }).collect();
    let found = frontier(&field, &Question::of(2), &measures, 2);
    let damages: Vec<f64> = found.iter().map(|it| it.attack.damage.round()).collect();
    assert_eq!(damages, [50.0, 20.0, 0.0]);
}

#[test]
fn any_number_of_threads_finds_the_same() {
    let cost: Vec<Vec<f64>> = (0..30).map(|i| (0..14).map(|j| f64::from((i * 37 + j * 61) % 97)).collect()).collect();
    let field = Median::new(&cost);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| worst(&field, &Question { best: 4, ..Question::of(4) }))
    };
    assert_eq!(with(1), with(3));
}
