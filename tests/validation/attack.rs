//! Attacks on a whole scenario: what the search leaves out is never worse than what it finds.

#![allow(clippy::print_stdout, reason = "tests show their figures")]

use std::sync::Arc;

use bastide_model::load;
use bastide_plan::{Outcome, SolveOptions, solve};
use bastide_strike::world::{self, Measure, World, WorldKind};
use bastide_strike::{Field, Question, Source, frontier, worst};

/// A scenario with its recommended plan.
fn world(scenario: &str, kinds: &[WorldKind], measure: Measure) -> World {
    let loaded = load(&crate::support::root().join("scenarios").join(scenario), &[]).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
    let Ok(Outcome::Planned(plan)) = solve(&loaded.model, None, &SolveOptions::default()) else { panic!("{scenario} has a plan") };
    let model = Arc::new(loaded.model.realised(&plan).into_owned());
    let targets = world::targets(&model, &plan, kinds);
    World::new(model, Arc::new(*plan), targets, measure, Some(12), None)
}

/// Damage of every pair of targets, and of each alone.
fn pairs(world: &World) -> Vec<(Vec<usize>, f64)> {
    let mut field = world.field();
    let count = field.targets();
    let mut found = vec![(vec![], field.damage())];
    for a in 0..count {
        field.enter(a);
        found.push((vec![a], field.damage()));
        for b in a + 1..count {
            field.enter(b);
            found.push((vec![a, b], field.damage()));
            field.leave();
        }
        field.leave();
    }
    found
}

#[test]
fn the_worst_attacks_are_those_of_all_pairs() {
    let kinds = [WorldKind::Sites, WorldKind::Facilities, WorldKind::Links];
    for (scenario, measure) in
        [("central-vs-hybrid", Measure::Money), ("baltic-alliance", Measure::Money), ("central-vs-hybrid", Measure::Tokens)]
    {
        let world = world(scenario, &kinds, measure);
        let mut all = pairs(&world);
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        let answer = worst(&world, &Question { best: 5, ..Question::of(2) });
        assert!(answer.proven, "{scenario}: {answer:?}");
        // Worth bounds damage where it is money: most sets need no look.
        assert!(measure != Measure::Money || answer.looked_at < all.len() as u64, "{scenario}: {} of {}", answer.looked_at, all.len());
        for (found, (targets, damage)) in answer.attacks.iter().zip(&all) {
            let close = (found.damage - damage).abs() <= 1e-6 * damage.abs().max(1.0);
            assert!(close, "{scenario} {measure:?}: {found:?}, all pairs: {targets:?} {damage}");
        }
        println!("{scenario} {measure:?}: {} targets, {} of {} sets", world.targets().len(), answer.looked_at, all.len());
    }
}

#[test]
fn more_resources_do_no_less_and_more_defence_no_more() {
    let world = world("central-vs-hybrid", &WorldKind::SINGLE, Measure::Money);
    let damage: Vec<f64> = (0..4).map(|budget| worst(&world, &Question::of(budget)).bound).collect();
    assert!(damage.windows(2).all(|pair| pair[1] >= pair[0] - 1e-6 * pair[0].abs()), "{damage:?}");
    assert!(damage[3] > 0.0, "{damage:?}");
    let measures: Vec<bastide_strike::Measure> =
        (0..world.targets().len()).map(|target| bastide_strike::Measure { protects: vec![target], cost: 1 }).collect();
    let defences = frontier(&world, &Question::of(2), &measures, 2);
    assert!(defences.iter().all(|it| it.proven), "{defences:?}");
    assert!(
        defences.windows(2).all(|pair| pair[1].attack.damage <= pair[0].attack.damage + 1e-6 * pair[0].attack.damage.abs()),
        "{defences:?}"
    );
}
