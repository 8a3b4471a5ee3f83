//! Several objectives in their order: each is brought as low as it goes while the earlier ones keep their best value, up to the tolerance
//! that the scenario gives them (lexicographic or preemptive goal programming; Ijiri 1965, *Management Goals and Accounting for Control*).

use bastide_model::model::{Objective, Ranked};

use crate::search::Search;
use crate::siting::Proof;
use crate::solver::Answer;
use crate::{Outcome, PlanError};

/// How one objective of several ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Which.
    pub objective: Objective,
    /// What the later ones might give away of it, relative.
    pub tolerance: f64,
    /// Its best value found, in its unit.
    pub value: f64,
    /// No plan that keeps the earlier objectives has less.
    pub bound: f64,
    /// Whether the time limit ended the search.
    pub limited: bool,
}

/// Solves for the objectives of the scenario in their order; cost comes last where the scenario does not name it. Later stages begin with the
/// point of the earlier one.
///
/// # Errors
/// [`PlanError`] when the solver breaks off or the result contradicts itself.
pub(crate) fn solve(search: &Search, mut start: Option<Vec<f64>>) -> Result<(Outcome, Vec<Stage>), PlanError> {
    let mut wishes = search.model.planning.ranking.objectives.clone();
    if wishes.iter().all(|it| it.objective != Objective::Cost) {
        wishes.push(Ranked { objective: Objective::Cost, tolerance: 0.0 });
    }
    let mut program = search.formulation.program.clone();
    let mut stages: Vec<Stage> = Vec::new();
    let mut limited = false;
    for wish in wishes {
        let goal = search.goal(wish.objective);
        let staged = goal.of(&program);
        let found = match search.solve(&staged, &search.limits, start.as_deref())? {
            Answer::Found(found) => found,
            Answer::Infeasible if stages.is_empty() => {
                return Ok((Outcome::Infeasible(search.conflict()?), stages));
            }
            Answer::Unknown { bound, reason } if stages.is_empty() => {
                let bound_eur = if wish.objective == Objective::Cost { bound * 1e6 } else { f64::NEG_INFINITY };
                return Ok((Outcome::Unknown { bound_eur, reason }, stages));
            }
            // The earlier point keeps every row within the tolerance that it was found with.
            Answer::Infeasible | Answer::Unknown { .. } => break,
        };
        let polished = search.polished(&staged, &found)?;
        let value = goal.expression.at(&polished.values);
        let bound = (found.bound * goal.unit).min(value);
        limited |= found.limited;
        stages.push(Stage { objective: wish.objective, tolerance: wish.tolerance, value, bound, limited: found.limited });
        goal.at_most(&mut program, value + wish.tolerance * value.abs());
        start = Some(polished.values);
    }
    let Some(values) = start else {
        return Err(PlanError::Solver("no objective was solved for".to_owned()));
    };
    let mut plan = search.drawn(&values)?;
    // Under outlooks and outages, rows that are found on demand bear prices, too; they are not known here.
    if search.instance.states.is_empty() {
        plan.prices = crate::prices::prices(&search.instance, &search.formulation, &values, &search.limits)?;
    }
    let bound = stages.iter().find(|stage| stage.objective == Objective::Cost).map_or(f64::NEG_INFINITY, |stage| stage.bound);
    plan.certificate = Some(search.certificate(&plan, Proof::of(crate::SOLVER, &program), bound, limited));
    Ok((Outcome::Planned(Box::new(plan)), stages))
}
