//! Tiny instances worked out by hand, laws on random ones, and conflicts.

mod closed_loop;
mod conflicts;
mod hand;
mod investments;
mod laws;
mod objectives;
mod recheck;
mod siting;
mod size;
mod uncertainty;

use bastide_model::model::{Alternative, Model};
use bastide_model::plan::Plan;

use crate::{Outcome, SolveOptions, solve, verify};

/// Solves, and checks whatever comes out.
fn planned(model: &Model, alternative: Option<&Alternative>) -> Plan {
    match solve(model, alternative, &SolveOptions::default()).unwrap() {
        Outcome::Planned(plan) => {
            let broken: Vec<_> = verify(model, &plan, alternative).into_iter().filter(|check| !check.ok).collect();
            assert!(broken.is_empty(), "{broken:#?}\n{plan:#?}");
            *plan
        }
        other => panic!("{other:?}"),
    }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * a.abs().max(b.abs()).max(1.0)
}
