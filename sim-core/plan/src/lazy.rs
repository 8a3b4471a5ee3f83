//! The search for the best point of a formulation whose second stage has more rows than it pays to write down.

use bastide_units::Duration;

use crate::PlanError;
use crate::deadline::Deadline;
use crate::formulation::Formulation;
use crate::instance::Instance;
use crate::program::Program;
use crate::solver::{self, Answer, Found, Growing, Limits, Way};

/// Rounds in which rows are added to the relaxation; what is still broken then is found at integer points.
const ROUNDS: usize = 40;
/// Programs with so many kinds of nodes get a plan to begin with.
const MANY: usize = 100;
/// Times that sites are chosen, each time with further rows.
const TRIES: usize = 3;
/// Shares of the time left for choosing sites, and for rounding nodes.
const LONG: f64 = 0.7;
const SHORT: f64 = 0.4;
/// Shares of the gap for the choice of sites, for rounding, and for both.
const SITES: f64 = 0.3;
const NODES: f64 = 0.5;
const NEAR: f64 = 0.95;
/// Least gap of the choice of sites.
const ROUGH: f64 = 1e-5;
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
    let (mut best, mut bound) = (None, f64::NEG_INFINITY);
    if nodes.len() < MANY {
        return Ok((best, bound));
    }
    let part = |gap: f64, share: f64| Limits { gap, time_limit: Duration::from_s((deadline.left().as_s() * share).max(SHORTEST.as_s())) };
    let mut start: Option<Found> = dive(instance, formulation, deadline)?;
    for _ in 0..TRIES {
        let mut split = formulation.program.clone();
        nodes.iter().for_each(|column| split.columns[*column].integer = false);
        let lean = Way { lean: true, start: start.as_ref().map(|it| it.values.as_slice()), ..Way::default() };
        let Answer::Found(found) = solver::solve_in(&split, &part((limits.gap * SITES).max(ROUGH), LONG), lean)? else { break };
        bound = bound.max(found.bound);
        // The same sites, with a second stage that keeps all rows: where these cost much, other sites may be better.
        let Answer::Found(free) = rounds(instance, formulation, deadline, split.with_integers_fixed(&found.values), usize::MAX)? else {
            break;
        };
        if start.as_ref().is_none_or(|it| free.objective < it.objective) {
            start = Some(free.clone());
        }
        if !found.limited && free.objective - found.objective > limits.gap * SITES * free.objective.abs() {
            continue;
        }
        let target = near(bound, limits.gap * NEAR);
        for wide in [0.0, 2.0, f64::INFINITY] {
            let mut rounded = formulation.program.clone();
            for (column, value) in rounded.columns.iter_mut().zip(&free.values).filter(|(column, _)| column.integer) {
                (column.lower, column.upper) = ((value + DUST).floor().max(column.lower), (value - DUST).ceil().min(column.upper));
            }
            for column in &nodes {
                let (own, given) = (&mut rounded.columns[*column], formulation.program.columns[*column]);
                (own.lower, own.upper) = ((own.lower - wide).max(given.lower), (own.upper + wide).min(given.upper));
            }
            let start: Option<&Found> = best.as_ref();
            let way = Way { start: start.map(|it| it.values.as_slice()), target: Some(target), ..Way::default() };
            let Answer::Found(found) = solver::solve_in(&rounded, &part(limits.gap * NODES, SHORT), way)? else { continue };
            let fixed = formulation.program.with_integers_fixed(&found.values);
            if let Answer::Found(kept) = rounds(instance, formulation, deadline, fixed, usize::MAX)?
                && best.as_ref().is_none_or(|it| kept.objective < it.objective)
            {
                best = Some(kept);
            }
            if best.as_ref().is_some_and(|it| it.objective <= near(bound, limits.gap)) {
                break;
            }
        }
        break;
    }
    Ok((best, bound))
}

/// The largest objective within a relative gap of a bound.
fn near(bound: f64, gap: f64) -> f64 {
    bound / (1.0 - gap * bound.signum())
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
    program: Program,
    rounds: usize,
) -> Result<Answer, PlanError> {
    Settling { program, growing: Growing::default() }.settle(instance, formulation, deadline, rounds)
}

/// A linear program that shares its rows with a formulation.
struct Settling {
    program: Program,
    growing: Growing,
}

impl Settling {
    fn settle(
        &mut self,
        instance: &Instance,
        formulation: &mut Formulation,
        deadline: &Deadline,
        rounds: usize,
    ) -> Result<Answer, PlanError> {
        for round in 1.. {
            // A plan's own point is completed even where time is short: these programs are small.
            let limits = Limits { gap: 0.0, time_limit: deadline.left().max(LEAST) };
            let found = match self.growing.solve(&self.program, &limits)? {
                Answer::Found(found) => found,
                other => return Ok(other),
            };
            let before = formulation.program.rows.len();
            if formulation.reach(instance, &found.values) == 0 || round >= rounds {
                return Ok(Answer::Found(found));
            }
            self.program.rows.extend_from_slice(&formulation.program.rows[before..]);
        }
        Ok(Answer::Infeasible)
    }

    /// Gives a column other bounds.
    fn bound(&mut self, column: usize, lower: f64, upper: f64) {
        (self.program.columns[column].lower, self.program.columns[column].upper) = (lower, upper);
        self.growing.bound(column, lower, upper);
    }
}

/// Sites to begin with, nodes split: the most used site of the relaxation is opened, or the least used ones are closed, until all are one or
/// the other. The rows of reach found on the way are those that whole sites need.
fn dive(instance: &Instance, formulation: &mut Formulation, deadline: &Deadline) -> Result<Option<Found>, PlanError> {
    let sites = formulation.build.clone();
    let mut settling = Settling { program: formulation.program.relaxed(), growing: Growing::default() };
    let best = loop {
        let Answer::Found(found) = settling.settle(instance, formulation, deadline, ROUNDS)? else { return Ok(None) };
        let part = |column: usize| found.values[column];
        let open: Vec<usize> = sites.iter().copied().filter(|column| (DUST..1.0 - DUST).contains(&part(*column))).collect();
        let Some(most) = open.iter().copied().max_by(|a, b| part(*a).total_cmp(&part(*b))) else { break found };
        if deadline.passed() {
            return Ok(None);
        }
        if part(most) >= 0.5 {
            open.iter()
                .copied()
                .filter(|column| *column == most || part(*column) > 0.9)
                .for_each(|column| settling.bound(column, 1.0, 1.0));
        } else {
            let least = open.iter().copied().map(part).fold(f64::INFINITY, f64::min);
            open.iter().copied().filter(|column| part(*column) <= least.max(0.1)).for_each(|column| settling.bound(column, 0.0, 0.0));
        }
    };
    Ok(Some(best))
}
