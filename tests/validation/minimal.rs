//! `scenarios/minimal` against the hand calculation in its README.

use std::sync::atomic::AtomicBool;

use bastide_engine::{Estimate, Pool};
use bastide_model::model::Model;
use bastide_model::plan::Plan;
use bastide_plan::{Outcome, SolveOptions, solve};
use bastide_sim::record::Layout;
use bastide_sim::{History, Options, Simulator};

use crate::support::root;

fn histories(model: &Model, plan: &Plan, n: u32) -> (Layout, Vec<History>) {
    let layout = Layout::new(model);
    let simulator = Simulator::new(model, plan, &layout).expect("the grid is sound");
    let body = |replication| simulator.simulate(7, replication, Options::default());
    let done = Pool::new(2).replicate(0..n, &AtomicBool::new(false), &|_| (), body);
    (layout, done.into_iter().flatten().collect())
}

fn estimate(layout: &Layout, histories: &[History], subject: (&str, &str, &str)) -> Estimate {
    let at = layout.find(subject.0, subject.1, subject.2).unwrap_or_else(|| panic!("no metric {subject:?}"));
    Estimate::of(&histories.iter().map(|history| history.metrics[at]).collect::<Vec<_>>()).expect("histories")
}

#[track_caller]
fn within_three_errors(estimate: &Estimate, by_hand: f64, what: &str) {
    let error = estimate.stderr.expect("several histories");
    assert!(
        (estimate.mean - by_hand).abs() <= 3.0 * error + 1e-9 * by_hand.abs(),
        "{what}: {} ± {error}, by hand {by_hand}",
        estimate.mean
    );
}

#[test]
fn minimal_agrees_with_the_hand_calculation() {
    let model = bastide_model::load(&root().join("scenarios/minimal"), &[]).expect("valid").model;
    let plan = |alternative| match solve(&model, alternative, &SolveOptions::default()).expect("solved") {
        Outcome::Planned(plan) => *plan,
        other => panic!("{other:?}"),
    };
    // (plan, accelerators, served share): see the README.
    for (plan, accelerators, served) in [(plan(None), 16, 0.9975), (plan(Some(&model.alternatives[0])), 8, 0.95)] {
        assert_eq!(plan.builds.iter().map(|build| build.count).sum::<u32>(), accelerators, "{}", plan.name);
        let (layout, histories) = histories(&model, &plan, 400);
        let of = |kind, entity, metric| estimate(&layout, &histories, (kind, entity, metric));
        let mw = f64::from(accelerators) / 1000.0;
        let energy = mw * 1.25 * 8760.0 * 0.95;
        let tokens_m = 80_000.0 * 31_536_000.0 / 1e6;

        for build in &plan.builds {
            within_three_errors(&of("site", &model.sites[build.site].entity.name, "availability"), 0.95, "availability");
        }
        within_three_errors(&of("tier", "T1", "served_share"), served, "served share");
        within_three_errors(&of("system", "all", "ai_energy"), energy, "energy [MWh]");
        within_three_errors(&of("cost", "energy", "cost"), energy * 80.0, "energy cost [EUR]");
        within_three_errors(&of("tier", "T1", "tokens_lost"), (1.0 - served) * tokens_m, "tokens lost [M]");
        within_three_errors(&of("cost", "lost tokens", "cost"), (1.0 - served) * tokens_m * 5.0, "cost of lost tokens [EUR]");
        // Capital is certain: 30,000 EUR per accelerator over 5 years and 10 M EUR/MW over 20 years, both at 5 %.
        let capital = f64::from(accelerators) * 30_000.0 * 0.230_974_798 + mw * 1e7 * 0.080_242_587;
        let line = of("cost", "capital", "cost");
        assert!((line.mean - capital).abs() < 1e-6 * capital, "capital: {} by hand {capital}", line.mean);
        within_three_errors(&of("cost", "total", "cost"), capital + energy * 80.0 + (1.0 - served) * tokens_m * 5.0, "total cost [EUR]");
        assert_eq!(of("system", "all", "others_unserved").mean, 0.0);
        for history in &histories {
            for (law, residual) in history.balance.residuals() {
                assert!(residual.abs() < 1e-9, "{law} of replication {} is off by {residual:e}", history.replication);
            }
        }
    }
}
