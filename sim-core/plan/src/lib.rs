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
mod instance;
mod lazy;
pub mod location;
mod outage;
mod prices;
mod program;
mod search;
mod siting;
pub mod roadmap;
mod solver;
mod state;
pub mod stochastic;
mod strike;
pub mod survivable;
#[cfg(test)]
mod tests;
mod verify;

use bastide_model::model::{Alternative, Model};
use bastide_model::plan::Plan;
use bastide_units::Duration;

pub use conflict::{Conflict, ConflictGroup};
pub use cost::{cost_lines, objective};
pub use outage::{Outage, outages};
pub use verify::{Check, Strictness, recheck, verify, verify_outages};

use crate::search::Search;
use crate::conflict::Extra;
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
        Limits {
            gap: self.gap.unwrap_or(model.planning.gap).max(0.0),
            time_limit: self.time_limit.unwrap_or(model.planning.time_limit),
        }
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
    if let Some(horizon) = &model.growth.horizon {
        return roadmap::solve(model, horizon, alternative, options);
    }
    let limits = options.limits(model);
    if model.planning.uncertainty.is_robust() {
        return solve_robust(model, alternative, options, &limits);
    }
    let laid = match backbone::lay(model, &limits)? {
        Ok(laid) => laid,
        Err(conflict) => return Ok(Outcome::Infeasible(conflict)),
    };
    let mut search = Search::with(model, alternative, options, laid);
    let (answer, proof) = match siting::solve(&search.instance, &search.formulation, &limits)? {
        Some((answer, proof)) => (answer, Some(proof)),
        None => (lazy::solve(&search.instance, &mut search.formulation, &limits)?, None),
    };
    let extra = Extra { outages: &options.outages, links: search.laid.capital };
    match answer {
        Answer::Found(found) => Ok(Outcome::Planned(Box::new(search.planned(&search.formulation.program, &found, proof)?))),
        Answer::Infeasible => Ok(Outcome::Infeasible(conflict::find(model, alternative, extra, &limits)?)),
        Answer::Unknown { bound, reason } => Ok(Outcome::Unknown { bound_eur: bound * 1e6, reason }),
    }
}

/// The same against the worst case.
fn solve_robust(
    model: &Model,
    alternative: Option<&Alternative>,
    options: &SolveOptions,
    limits: &Limits,
) -> Result<Outcome, PlanError> {
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
