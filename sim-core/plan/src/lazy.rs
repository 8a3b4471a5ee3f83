//! The search for the best point of a formulation whose second stage has more rows than it pays to write down.

use bastide_units::Duration;

use crate::PlanError;
use crate::deadline::Deadline;
use crate::formulation::Formulation;
use crate::instance::Instance;
use crate::program::Program;
use crate::solver::{self, Answer, Found, Limits};

/// Rounds in which rows are added to the relaxation; what is still broken then is found at integer points.
const ROUNDS: usize = 40;
/// Programs with so many kinds of nodes get a plan to begin with.
const MANY: usize = 100;
/// Share of the time left for each step towards it.
const PART: f64 = 0.35;
/// Relative gap of the first of them.
const ROUGH: f64 = 5e-4;
/// Distance from a whole number that is the solver's dust.
const DUST: f64 = 1e-6;
/// Shortest limit that the solver is given: it then says itself that time ran out.
pub(crate) const SHORTEST: Duration = Duration::from_s(1e-3);
/// Least time for a linear program.
pub(crate) const LEAST: Duration = Duration::from_s(10.0);

/// Solves a formulation, and adds the rows of reach that it needs. The values found keep all of them; the bound is that of a relaxation.
///
/// # Errors
/// [`PlanError::Solver`] when the solver breaks off.
pub(crate) fn solve(instance: &Instance, formulation: &mut Formulation, limits: &Limits) -> Result<Answer, PlanError> {
    solve_from(instance, formulation, limits, None)
}

/// As [`solve`], begun from the integers of a point of a formulation that had only the first of these columns; the others are continuous.
fn solve_from(instance: &Instance, formulation: &mut Formulation, limits: &Limits, integers: Option<&[f64]>) -> Result<Answer, PlanError> {
    if instance.states.is_empty() {
        return solver::solve(&formulation.program, limits);
    }
    let deadline = Deadline::new(limits.time_limit);
    let within = |time_limit| Limits { time_limit, ..*limits };
    let continuous = formulation.program.relaxed();
    if let Answer::Infeasible = rounds(instance, formulation, &deadline, continuous, ROUNDS)? {
        return Ok(Answer::Infeasible);
    }
    let (mut best, mut bound) = match integers {
        Some(known) => {
            let mut values = vec![0.0; formulation.program.columns.len()];
            values.iter_mut().zip(known).for_each(|(value, known)| *value = *known);
            let fixed = formulation.program.with_integers_fixed(&values);
            match rounds(instance, formulation, &deadline, fixed, usize::MAX)? {
                Answer::Found(kept) => (Some(kept), f64::NEG_INFINITY),
                Answer::Infeasible | Answer::Unknown { .. } => (None, f64::NEG_INFINITY),
            }
        }
        None => begin(instance, formulation, limits, &deadline)?,
    };
    loop {
        if let Some(it) = best.as_ref().filter(|it| it.objective - bound <= limits.gap * it.objective.abs()) {
            return Ok(Answer::Found(Found { bound: bound.min(it.objective), limited: false, ..it.clone() }));
        }
        let start = best.as_ref().map(|it| it.values.as_slice());
        let found = match solver::solve_from(&formulation.program, &within(deadline.left().max(SHORTEST)), start)? {
            Answer::Found(found) => found,
            Answer::Infeasible => return Ok(Answer::Infeasible),
            Answer::Unknown { bound: own, reason } => {
                bound = bound.max(own);
                let known = best.map(|it| Found { bound: bound.min(it.objective), limited: true, ..it });
                return Ok(known.map_or(Answer::Unknown { bound, reason }, Answer::Found));
            }
        };
        bound = bound.max(found.bound);
        let whole = formulation.reach(instance, &found.values) == 0;
        if whole {
            // Out of time, an earlier point may be the better one.
            let better = best.filter(|it| it.objective < found.objective).unwrap_or_else(|| found.clone());
            return Ok(Answer::Found(Found { bound: bound.min(better.objective), limited: found.limited, ..better }));
        }
        // The same builds with a second stage that keeps all rows: a plan, if not yet the best.
        let fixed = formulation.program.with_integers_fixed(&found.values);
        if let Answer::Found(kept) = rounds(instance, formulation, &deadline, fixed, usize::MAX)?
            && best.as_ref().is_none_or(|it| kept.objective < it.objective)
        {
            best = Some(kept);
        }
        if let Some(it) = best.as_ref().filter(|_| found.limited) {
            return Ok(Answer::Found(Found { bound: bound.min(it.objective), limited: true, ..it.clone() }));
        }
    }
}

/// A good plan to begin with, and a bound: which sites are used is decided with nodes that may be split, then nodes are rounded up or down at
/// these sites at least cost. Small programs need no such help.
fn begin(
    instance: &Instance,
    formulation: &mut Formulation,
    limits: &Limits,
    deadline: &Deadline,
) -> Result<(Option<Found>, f64), PlanError> {
    let nodes: Vec<usize> = formulation.nodes.iter().flatten().flatten().copied().collect();
    if nodes.len() < MANY {
        return Ok((None, f64::NEG_INFINITY));
    }
    let part = |gap: f64| Limits { gap, time_limit: Duration::from_s((deadline.left().as_s() * PART).max(SHORTEST.as_s())) };
    let mut split = formulation.program.clone();
    nodes.iter().for_each(|column| split.columns[*column].integer = false);
    let Answer::Found(found) = solver::solve(&split, &part(limits.gap.max(ROUGH)))? else { return Ok((None, f64::NEG_INFINITY)) };
    let bound = found.bound;
    formulation.reach(instance, &found.values);
    let mut rounded = formulation.program.clone();
    for (column, value) in rounded.columns.iter_mut().zip(&found.values).filter(|(column, _)| column.integer) {
        (column.lower, column.upper) = ((value + DUST).floor().max(column.lower), (value - DUST).ceil().min(column.upper));
    }
    let Answer::Found(found) = solver::solve(&rounded, &part(limits.gap))? else { return Ok((None, bound)) };
    let fixed = formulation.program.with_integers_fixed(&found.values);
    match rounds(instance, formulation, deadline, fixed, usize::MAX)? {
        Answer::Found(kept) => Ok((Some(kept), bound)),
        Answer::Infeasible | Answer::Unknown { .. } => Ok((None, bound)),
    }
}

/// Solves a formulation as it is, begun from a point of it with fewer states, or without the integers.
///
/// # Errors
/// [`PlanError::Solver`] when the solver breaks off.
pub(crate) fn within(
    instance: &Instance,
    formulation: &mut Formulation,
    limits: &Limits,
    whole: bool,
    start: Option<&[f64]>,
) -> Result<Answer, PlanError> {
    if whole {
        return solve_from(instance, formulation, limits, start);
    }
    let continuous = formulation.program.relaxed();
    complete(instance, formulation, limits, continuous)
}

/// Solves a linear program that shares its columns and rows with a formulation, so that all rows of reach hold.
///
/// # Errors
/// [`PlanError::Solver`] when the solver breaks off.
pub(crate) fn complete(instance: &Instance, formulation: &mut Formulation, limits: &Limits, program: Program) -> Result<Answer, PlanError> {
    rounds(instance, formulation, &Deadline::new(limits.time_limit), program, usize::MAX)
}

/// Solves a linear program that shares its rows with the formulation, until no row of reach is broken or the rounds are over.
fn rounds(
    instance: &Instance,
    formulation: &mut Formulation,
    deadline: &Deadline,
    mut program: Program,
    rounds: usize,
) -> Result<Answer, PlanError> {
    for round in 1.. {
        // A plan's own point is completed even where time is short: these programs are small.
        let limits = Limits { gap: 0.0, time_limit: deadline.left().max(LEAST) };
        let found = match solver::solve(&program, &limits)? {
            Answer::Found(found) => found,
            other => return Ok(other),
        };
        let before = formulation.program.rows.len();
        if formulation.reach(instance, &found.values) == 0 || round >= rounds {
            return Ok(Answer::Found(found));
        }
        program.rows.extend_from_slice(&formulation.program.rows[before..]);
    }
    Ok(Answer::Infeasible)
}
