//! The search: the relaxation first, sites and steps rounded from it; the whole mixed-integer program only where that is not good enough.
//!
//! Over years, what a site costs to open is small beside what fills it, so that the relaxation is often within the gap of a rounded point
//! ("relax and fix", Pochet and Wolsey 2006, *Production Planning by Mixed Integer Programming*, section 3.6). Its objective is the bound.

use super::formulation::Formulation;
use super::terms::Terms;
use crate::PlanError;
use crate::deadline::Deadline;
use crate::program::Program;
use crate::solver::{self, Answer, Found, Limits};

/// Fewer integer columns than this are left to the solver at once.
const MANY: usize = 200;
/// From which fraction on a site opens or a step is built.
const THRESHOLDS: [f64; 3] = [0.5, 0.1, 0.9];

/// Finds a point within the gap, if there is time.
pub(super) fn search(terms: &Terms, formulation: &Formulation, gap: f64, deadline: &Deadline) -> Result<Answer, PlanError> {
    let program = &formulation.program;
    let whole = |deadline: &Deadline| solver::solve(program, &Limits { gap, time_limit: deadline.left() });
    if program.columns.iter().filter(|column| column.integer).count() < MANY {
        return whole(deadline);
    }
    let mut relaxed = program.clone();
    relaxed.columns.iter_mut().for_each(|column| column.integer = false);
    let root = match solver::solve(&relaxed, &Limits { gap, time_limit: deadline.left() })? {
        Answer::Found(root) if !root.limited => root,
        Answer::Found(_) => return whole(deadline),
        other => return Ok(other),
    };
    let mut best: Option<Found> = None;
    for threshold in THRESHOLDS {
        if deadline.passed() {
            break;
        }
        let fixed = rounded(terms, formulation, program, &root.values, threshold);
        let limits = Limits { gap, time_limit: deadline.left() };
        if let Answer::Found(found) = solver::solve(&fixed, &limits)?
            && best.as_ref().is_none_or(|best| found.objective < best.objective)
        {
            best = Some(Found { bound: root.objective.min(found.objective), limited: found.limited, ..found });
        }
        if best.as_ref().is_some_and(|best| within(best, gap)) {
            break;
        }
    }
    match best {
        Some(best) if within(&best, gap) => Ok(Answer::Found(best)),
        best => Ok(better(best, whole(deadline)?)),
    }
}

fn within(found: &Found, gap: f64) -> bool {
    found.objective - found.bound <= gap * found.objective.abs()
}

/// The better of two points, with the better bound.
fn better(rounded: Option<Found>, whole: Answer) -> Answer {
    match (rounded, whole) {
        (Some(rounded), Answer::Found(whole)) => {
            let bound = rounded.bound.max(whole.bound);
            let (limited, best) = (whole.limited, if whole.objective <= rounded.objective { whole } else { rounded });
            Answer::Found(Found { bound: bound.min(best.objective), limited, ..best })
        }
        (Some(rounded), Answer::Unknown { bound, .. }) => {
            let bound = rounded.bound.max(bound).min(rounded.objective);
            Answer::Found(Found { bound, limited: true, ..rounded })
        }
        (_, other) => other,
    }
}

/// The program with sites and steps fixed next to a point of the relaxation. What they need first, such as an open site, follows them.
fn rounded(terms: &Terms, formulation: &Formulation, program: &Program, values: &[f64], threshold: f64) -> Program {
    let mut program = program.clone();
    let up = |value: f64| (value + 1.0 - threshold + 1e-6).floor();
    let mut fix = |column: usize, value: f64| {
        let it = &mut program.columns[column];
        let value = value.clamp(it.lower, it.upper);
        (it.lower, it.upper, it.integer) = (value, value, false);
    };
    for (step, list) in terms.steps.iter().zip(&formulation.steps) {
        for (stage, column) in list.iter().enumerate() {
            let opens = up(values[formulation.open[step.site][stage]]) >= 1.0;
            fix(*column, if opens { up(values[*column]) } else { 0.0 });
        }
    }
    for column in formulation.open.iter().flatten() {
        fix(*column, up(values[*column]).min(1.0));
    }
    program
}
