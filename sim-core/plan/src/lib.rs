//! What to build and what runs where: an exact mixed-integer program with proof, prices and named conflicts.
//!
//! ```text
//! Model --instance--> Instance --formulation--> Program --solver--> values --extract--> Plan
//!                        |                                 |                             |
//!                        '------- conflict (infeasible) <--'-------- prices    cost, verify (from the plan alone)
//! ```
//!
//! `Instance` turns the model into the program's sets and coefficients, `formulation` holds one
//! function per family of variables and constraints, `solver` is the only file that names a solver. [`cost_lines`]
//! and [`verify`](fn@verify) compute cost and constraints again from the plan, without the program.
//!
//! Architecture invariant: a plan never leaves this crate unless its cost lines sum to the objective.

#![forbid(unsafe_code)]

mod backbone;
mod campaign;
mod campaigns_first;
mod carbon;
mod class;
pub mod closed_loop;
mod conflict;
mod cost;
mod deadline;
pub mod evacuation;
mod extract;
#[cfg(test)]
mod fixture;
mod flow;
mod formulation;
mod front;
mod instance;
mod lazy;
pub mod location;
mod objectives;
mod outage;
mod prices;
mod program;
mod ranging;
mod ranked;
pub mod roadmap;
mod scaling;
mod search;
mod siting;
mod solver;
mod start;
mod state;
pub mod stochastic;
mod strengthen;
mod strike;
pub mod survivable;
#[cfg(test)]
mod tests;
mod verify;
mod why_not;

use bastide_model::model::{Alternative, Model, Objective};
use bastide_model::plan::Plan;
use bastide_units::Duration;

pub use conflict::{Conflict, ConflictGroup};
pub use cost::{cost_lines, objective};
pub use front::{Front, FrontOutcome, Point, front};
pub use objectives::{Achieved, achieved};
pub use outage::{Outage, outages};
pub use prices::in_words;
pub use ranging::{Change, End, Input, Range, Ranging, ranging};
pub use ranked::Stage;
pub use verify::{Check, Strictness, recheck, verify, verify_outages};
pub use why_not::{Choice, Forced, Reason, WhyNot, why_not};

use crate::search::Search;
use crate::solver::{Answer, Limits};

/// What the caller may change about the search.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SolveOptions {
    /// Relative gap at which the solver may stop; `None` for the scenario's.
    pub gap: Option<f64>,
    /// Time limit of the solver; `None` for the scenario's. A plan that a limit cut short depends on the machine.
    pub time_limit: Option<Duration>,
    /// Outages that the plan must survive beside those of the scenario.
    pub outages: Vec<Outage>,
}

impl SolveOptions {
    /// When the search of a model may stop.
    pub(crate) fn limits(&self, model: &Model) -> Limits {
        Limits { gap: self.gap.unwrap_or(model.planning.gap).max(0.0), time_limit: self.time_limit.unwrap_or(model.planning.time_limit) }
    }
}

/// How a search ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// A plan with its certificate.
    Planned(Box<Plan>),
    /// No plan exists; these wishes exclude each other.
    Infeasible(Conflict),
    /// The limit came before any plan.
    Unknown {
        /// No plan is cheaper than this [EUR/y]; minus infinity where nothing is known.
        bound_eur: f64,
        /// What stopped the search.
        reason: String,
    },
}

/// Why planning broke off. Fatal: the model is unchanged, no plan exists.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// The solver refused the program or ended in a state that says nothing; fatal.
    #[error("the solver failed: {0}")]
    Solver(String),
    /// A time limit came before any answer where one was needed to go on.
    #[error("the time limit came before an answer")]
    Late,
    /// The plan's own cost does not match the solver's objective; fatal, and a bug.
    #[error("the cost lines sum to {lines} EUR/y, but the program's objective is {objective} EUR/y")]
    Inconsistent {
        /// Sum of the cost lines.
        lines: f64,
        /// Objective of the program.
        objective: f64,
    },
}

/// Name and version of the solver, for certificates.
pub const SOLVER: &str = "HiGHS 1.15, one thread, seed 7";

/// Largest relative difference between the plan's cost lines and the program's objective.
const CONSISTENT: f64 = 1e-6;

/// Finds the cheapest plan for a model, within the gap, or shows why there is none.
///
/// `alternative` restricts the search; its `plan` file, if any, is the caller's to read.
///
/// # Errors
/// [`PlanError`] when the solver breaks off or the result contradicts itself.
pub fn solve(model: &Model, alternative: Option<&Alternative>, options: &SolveOptions) -> Result<Outcome, PlanError> {
    solve_in_order(model, alternative, options, None).map(|(outcome, _)| outcome)
}

/// As [`solve`], with how each of several objectives ended; none where the plan is for its cost alone. With an earlier plan, perhaps for other
/// numbers of the same scenario, the search begins there; the answer is proven in the same way.
///
/// # Errors
/// [`PlanError`] when the solver breaks off or the result contradicts itself.
pub fn solve_in_order(
    model: &Model,
    alternative: Option<&Alternative>,
    options: &SolveOptions,
    earlier: Option<&Plan>,
) -> Result<(Outcome, Vec<Stage>), PlanError> {
    if let Some(horizon) = &model.growth.horizon {
        return Ok((roadmap::solve(model, horizon, alternative, options)?, Vec::new()));
    }
    if model.planning.uncertainty.is_robust() {
        return Ok((solve_robust(model, alternative, options, &options.limits(model))?, Vec::new()));
    }
    let mut search = match Search::laid_out(model, alternative, options)? {
        Ok(search) => search,
        Err(conflict) => return Ok((Outcome::Infeasible(conflict), Vec::new())),
    };
    let start = earlier.map(|plan| search.point_of(plan)).transpose()?.flatten();
    if model.planning.ranking.objectives.iter().any(|it| it.objective != Objective::Cost) {
        return ranked::solve(&search, start);
    }
    let outcome = match search.answer(start.as_deref())? {
        (Answer::Found(found), proof) => Outcome::Planned(Box::new(search.planned(&search.formulation.program, &found, proof)?)),
        (Answer::Infeasible, _) => Outcome::Infeasible(search.conflict()?),
        (Answer::Unknown { bound, reason }, _) => Outcome::Unknown { bound_eur: bound * 1e6, reason },
    };
    Ok((outcome, Vec::new()))
}

/// The same against the worst case.
fn solve_robust(model: &Model, alternative: Option<&Alternative>, options: &SolveOptions, limits: &Limits) -> Result<Outcome, PlanError> {
    let strike::Guarded { mut plan, bound, limited, program } = match strike::solve(model, alternative, options, limits)? {
        strike::Robust::Found(guarded) => *guarded,
        strike::Robust::Infeasible(conflict) => return Ok(Outcome::Infeasible(conflict)),
        strike::Robust::Unknown(bound, reason) => return Ok(Outcome::Unknown { bound_eur: bound * 1e6, reason }),
    };
    plan.name = alternative.map_or_else(|| "recommended".to_owned(), |it| it.entity.name.clone());
    plan.cost = cost_lines(model, &plan);
    plan.certificate = Some(search::certificate(&plan, bound * 1e6, limited, siting::Proof::of(SOLVER, &program)));
    Ok(Outcome::Planned(Box::new(plan)))
}
