//! What it is worth to plan for several futures, and to know the one that comes.
//!
//! ```text
//! RP    min over x of E[f(x, w)]                 the plan for all outlooks (recourse problem)
//! WS    E[min over x of f(x, w)]                 if the outlook were known before building (wait and see)
//! EV    min over x of f(x, E[w])                 the plan for the mean outlook
//! EEV   E[f(x_EV, w)]                            what that plan costs when the outlooks come true
//! EVPI  RP - WS                                  expected value of perfect information
//! VSS   EEV - RP                                 value of the stochastic solution
//! ```
//!
//! All of it minimised (Birge and Louveaux 2011, *Introduction to Stochastic Programming*, section 4). WS <= RP <= EEV holds as long as what
//! is asked in each outlook does not depend on the list it stands in.

use bastide_units::Duration;

use crate::PlanError;
use crate::deadline::Deadline;
use crate::program::{Group, Program, Sense};
use crate::solver::{Answer, Limits};

mod recourse;
mod scenario;

pub use scenario::uncertainty;

/// Values of a family of problems.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Information {
    /// Recourse problem.
    pub rp: f64,
    /// Wait and see; `None` where some outlook alone has no answer.
    pub ws: Option<f64>,
    /// Problem of the mean outlook; `None` where it has no answer.
    pub ev: Option<f64>,
    /// Expected result of its answer; `None` where that answer is none in some outlook.
    pub eev: Option<f64>,
    /// Whether a time limit ended one of the searches: then values are not proven, and some may be missing.
    pub limited: bool,
}

impl Information {
    /// Expected value of perfect information.
    #[must_use]
    pub fn evpi(&self) -> Option<f64> {
        self.ws.map(|ws| self.rp - ws)
    }
    /// Value of the stochastic solution.
    #[must_use]
    pub fn vss(&self) -> Option<f64> {
        self.eev.map(|eev| eev - self.rp)
    }
}

/// An answer to one problem of the family.
#[derive(Clone, Debug, PartialEq)]
pub struct Solved {
    /// Its objective.
    pub objective: f64,
    /// No answer is better.
    pub bound: f64,
    /// Values of the first stage, in an order that all problems of the family share.
    pub first_stage: Vec<f64>,
    /// Whether a time limit ended the search.
    pub limited: bool,
}

/// What solves a problem of the family: outlooks with their probabilities, and a first stage to hold fixed. `None` where it has no answer.
pub trait Family<O> {
    /// Solves the problem of these outlooks.
    ///
    /// # Errors
    /// [`PlanError`] when the solver breaks off.
    fn solve(&self, outlooks: &[(f64, &O)], first_stage: Option<&[f64]>) -> Result<Option<Solved>, PlanError>;
}

/// The values of a family. `mean` is the mean outlook; `rp` is the answer to the recourse problem where it is known already.
///
/// # Errors
/// [`PlanError`] when the solver breaks off. `None` where the recourse problem has no answer.
pub fn information<O>(outlooks: &[(f64, O)], mean: &O, family: &impl Family<O>, rp: Option<f64>) -> Result<Option<Information>, PlanError> {
    let all: Vec<(f64, &O)> = outlooks.iter().map(|(probability, outlook)| (*probability, outlook)).collect();
    let mut limited = false;
    let rp = match rp {
        Some(rp) => rp,
        None => match family.solve(&all, None)? {
            Some(solved) => {
                limited |= solved.limited;
                solved.objective
            }
            None => return Ok(None),
        },
    };
    let mut ws = Some(0.0);
    for (probability, outlook) in all.iter().filter(|(probability, _)| *probability > 0.0) {
        let Some(sum) = ws else { break };
        let alone = family.solve(&[(1.0, *outlook)], None)?;
        limited |= alone.as_ref().is_some_and(|it| it.limited);
        ws = alone.map(|it| sum + probability * it.objective);
    }
    let expected = family.solve(&[(1.0, mean)], None)?;
    let result = match &expected {
        Some(it) => family.solve(&all, Some(&it.first_stage))?,
        None => None,
    };
    limited |= expected.iter().chain(&result).any(|it| it.limited);
    Ok(Some(Information { rp, ws, ev: expected.map(|it| it.objective), eev: result.map(|it| it.objective), limited }))
}

/// A mixed-integer program in two stages, written out for all its outlooks (extensive form).
#[derive(Clone, Debug, Default)]
pub struct Extensive {
    program: Program,
    first_stage: Vec<usize>,
}

impl Extensive {
    /// Adds a continuous column with its cost and bounds.
    pub fn continuous(&mut self, cost: f64, lower: f64, upper: f64) -> usize {
        self.program.continuous(cost, lower, upper)
    }
    /// Adds an integer column with its cost and bounds.
    pub fn integer(&mut self, cost: f64, lower: f64, upper: f64) -> usize {
        self.program.integer(cost, lower, upper)
    }
    /// Says that a column is decided before the outlook is known.
    pub fn first_stage(&mut self, column: usize) {
        self.first_stage.push(column);
    }
    /// `terms <= limit`.
    pub fn at_most(&mut self, terms: impl IntoIterator<Item = (usize, f64)>, limit: f64) {
        self.program.at_most(Group::Structure, terms, limit);
    }
    /// `terms = limit`.
    pub fn equal(&mut self, terms: impl IntoIterator<Item = (usize, f64)>, limit: f64) {
        self.program.row(Group::Structure, terms, Sense::Equal, limit);
    }
    /// Solves it, with some columns of the first stage held fixed.
    ///
    /// # Errors
    /// [`PlanError`] when the solver breaks off.
    pub fn solve(mut self, first_stage: Option<&[f64]>, gap: f64, time_limit: Duration) -> Result<Option<Solved>, PlanError> {
        for (column, value) in self.first_stage.iter().zip(first_stage.unwrap_or_default()) {
            let it = &mut self.program.columns[*column];
            let value = if it.integer { value.round() } else { *value };
            // A value within the solver's tolerance of a bound is meant to be at it.
            (it.lower, it.upper) = (value.clamp(it.lower, it.upper), value.clamp(it.lower, it.upper));
        }
        match recourse::solve(&self.program, &self.first_stage, &Limits { gap, time_limit })? {
            Answer::Found(found) => {
                let values = self.first_stage.iter().map(|column| found.values[*column]).collect();
                Ok(Some(Solved { objective: found.objective, bound: found.bound, first_stage: values, limited: found.limited }))
            }
            Answer::Infeasible => Ok(None),
            Answer::Unknown { reason, .. } => Err(PlanError::Solver(reason)),
        }
    }
}

/// A family of programs: what builds the extensive form of some outlooks.
pub struct Programs<F> {
    /// Builds the extensive form.
    pub build: F,
    /// Relative gap of each program.
    pub gap: f64,
    deadline: Deadline,
}

impl<F> Programs<F> {
    /// A family that is solved within a relative gap and, all of it together, within a time limit.
    pub fn new(build: F, gap: f64, time_limit: Duration) -> Self {
        Self { build, gap, deadline: Deadline::new(time_limit) }
    }
}

impl<O, F: Fn(&[(f64, &O)]) -> Extensive> Family<O> for Programs<F> {
    fn solve(&self, outlooks: &[(f64, &O)], first_stage: Option<&[f64]>) -> Result<Option<Solved>, PlanError> {
        (self.build)(outlooks).solve(first_stage, self.gap, self.deadline.left())
    }
}
