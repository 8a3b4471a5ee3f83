//! The exact Pareto front of two or more objectives, by the epsilon-constraint method.
//!
//! ```text
//! min   f1 + delta * sum_i f_i / unit_i                                 (1)
//! s.t.  f_i <= epsilon_i                       i = 2 ..                 (2)
//!       and every row of the plan's program
//! ```
//!
//! Haimes, Lasdon and Wismer (1971): each Pareto-optimal plan is the best in `f1` for some limits on the others. The small second term of (1)
//! keeps points that are only weakly Pareto-optimal away (augmented: Mavrotas 2009, "Effective implementation of the epsilon-constraint
//! method"). Limits are spread evenly over the range of `f_i`, then the widest interval is halved until there are enough points or nothing
//! lies between two of them.
//!
//! Every point is proven by itself: no plan that keeps its limits has a lower `f1` than its bound. The bound of wider limits holds under
//! tighter ones too, and every plan found that keeps the limits is a start. Half of the limits are worked off from the wide end, half from the
//! tight end, each by itself, so that the answer does not depend on the number of threads.

use bastide_model::model::{Alternative, Model, Objective};
use bastide_model::plan::Plan;

use crate::conflict::Conflict;
use crate::objectives::{Achieved, achieved};
use crate::program::Program;
use crate::search::{Goal, Search};
use crate::siting::Proof;
use crate::solver::{self, Answer};
use crate::{PlanError, SolveOptions};

mod chain;

use chain::{Raw, Walk};

/// Limits tried beyond those asked for, at most, as a multiple of the points.
const MORE: usize = 2;
/// Intervals narrower than this part of the range are not looked into.
const NARROW: f64 = 1e-4;
/// Values closer than this, relative, are the same.
const SAME: f64 = 1e-7;

/// A plan that no other one is better than in every objective.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The plan, with its certificate for the first objective where that is the cost.
    pub plan: Plan,
    /// What it achieves.
    pub achieved: Achieved,
    /// Limits on the other objectives that it was found under, in their units.
    pub limits: Vec<(Objective, f64)>,
    /// First objective, in its unit.
    pub objective: f64,
    /// No plan that keeps the limits has less.
    pub bound: f64,
    /// `(objective - bound) / |objective|`.
    pub gap: f64,
    /// Whether the time limit ended its search.
    pub limited: bool,
}

/// A Pareto front.
#[derive(Clone, Debug, PartialEq)]
pub struct Front {
    /// Objectives; the first is minimised, the others are limited.
    pub objectives: Vec<Objective>,
    /// Points, ordered by the first objective.
    pub points: Vec<Point>,
    /// Plans that were found and removed, because another one is at least as good in every objective.
    pub dominated: usize,
    /// Mixed-integer programs that were solved.
    pub solves: usize,
    /// Whether there may be further points between these.
    pub more: bool,
}

/// How the search for a front ended.
#[derive(Clone, Debug, PartialEq)]
pub enum FrontOutcome {
    /// A front.
    Found(Front),
    /// No plan exists.
    Infeasible(Conflict),
    /// The limit came before any plan.
    Unknown {
        /// No plan has less of the first objective, in its unit.
        bound: f64,
        /// What stopped the search.
        reason: String,
    },
}

/// Finds at least `count` points of the front, where it has them. The first objective is minimised, the others are limited.
///
/// # Errors
/// [`PlanError`] when the solver breaks off or a result contradicts itself.
pub fn front(
    model: &Model,
    alternative: Option<&Alternative>,
    objectives: &[Objective],
    count: usize,
    options: &SolveOptions,
) -> Result<FrontOutcome, PlanError> {
    // What is asked for decides how services are grouped.
    let mut model = model.clone();
    model.planning.ranking.objectives =
        objectives.iter().map(|objective| bastide_model::model::Ranked { objective: *objective, tolerance: 0.0 }).collect();
    let search = match Search::laid_out(&model, alternative, options)? {
        Ok(search) => search,
        Err(conflict) => return Ok(FrontOutcome::Infeasible(conflict)),
    };
    let goals: Vec<Goal> = objectives.iter().map(|objective| search.goal(*objective)).collect();
    let walk = Walk::new(&search, &goals);

    let free = vec![f64::INFINITY; goals.len().saturating_sub(1)];
    let best = match walk.first()? {
        Answer::Found(found) => walk.raw(&found, &free, false)?,
        Answer::Infeasible => return Ok(FrontOutcome::Infeasible(search.conflict()?)),
        Answer::Unknown { bound, reason } => return Ok(FrontOutcome::Unknown { bound: bound * goals[0].unit, reason }),
    };
    let mut raws = vec![best];
    for at in 1..goals.len() {
        raws.extend(walk.end(at)?);
    }
    let grid = grid(&raws, goals.len(), count);
    raws.extend(walk.halves(&grid, &raws)?);
    let more = fill(&walk, &mut raws, goals.len(), count)?;
    Walk::share_bounds(&mut raws);
    let found = raws.len();
    let kept = undominated(raws);
    let points = kept.iter().map(|raw| point(&search, &goals, raw)).collect::<Result<Vec<_>, _>>()?;
    Ok(FrontOutcome::Found(Front { objectives: objectives.to_vec(), dominated: found - points.len(), points, solves: walk.solves(), more }))
}

/// Limits evenly spread over the ranges of the objectives beyond the first, the ends left out.
fn grid(raws: &[Raw], goals: usize, count: usize) -> Vec<Vec<f64>> {
    let range = |at: usize| {
        let values = || raws.iter().map(|raw| raw.values_of[at]);
        (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max))
    };
    let others = goals.saturating_sub(1);
    if others == 0 || count < 2 {
        return Vec::new();
    }
    // As many steps along each objective as give about `count` points in all.
    let steps = ((count as f64).powf(1.0 / others as f64).ceil() as usize).max(2);
    let mut grid: Vec<Vec<f64>> = vec![Vec::new()];
    for at in 1..goals {
        let (least, most) = range(at);
        let along: Vec<f64> = if most - least <= SAME * most.abs() {
            vec![most]
        } else if others == 1 {
            (1..steps - 1).map(|step| most - (most - least) * step as f64 / (steps - 1) as f64).collect()
        } else {
            (0..steps).map(|step| most - (most - least) * step as f64 / (steps - 1) as f64).collect()
        };
        grid = grid.iter().flat_map(|limits| along.iter().map(|limit| limits.iter().copied().chain([*limit]).collect())).collect();
    }
    grid
}

/// Halves the widest interval of a front of two objectives until it has enough points; whether further ones may lie between them.
fn fill(walk: &Walk, raws: &mut Vec<Raw>, goals: usize, count: usize) -> Result<bool, PlanError> {
    if goals != 2 {
        return Ok(true);
    }
    // Below these limits, down to the next point, nothing is cheaper than that point.
    let mut closed: Vec<f64> = Vec::new();
    let mut just_closed = false;
    for _ in 0..MORE * count {
        let kept = undominated(raws.clone());
        let Some((low, high)) = widest(&kept, &closed) else { return Ok(false) };
        if kept.len() >= count {
            return Ok(true);
        }
        // What is empty below its middle may well be empty up to the next point: one search right below that point tells.
        let limit = if just_closed && closed.contains(&low) { high - 0.5 * NARROW * range(&kept) } else { 0.5 * (low + high) };
        just_closed = false;
        match walk.at(&[limit], raws)? {
            Some(raw) => {
                if raw.values_of[1] <= low * (1.0 + SAME) || kept.iter().any(|other| dominates(other, &raw)) {
                    closed.push(limit);
                    just_closed = true;
                }
                raws.push(raw);
            }
            None => {
                closed.push(limit);
                just_closed = true;
            }
        }
    }
    Ok(true)
}

/// Range of the second objective.
fn range(kept: &[Raw]) -> f64 {
    let values = || kept.iter().map(|raw| raw.values_of[1]);
    values().fold(f64::NEG_INFINITY, f64::max) - values().fold(f64::INFINITY, f64::min)
}

/// The widest interval between two points, less what is known to be empty.
fn widest(kept: &[Raw], closed: &[f64]) -> Option<(f64, f64)> {
    let mut values: Vec<f64> = kept.iter().map(|raw| raw.values_of[1]).collect();
    values.sort_by(f64::total_cmp);
    let range = range(kept);
    let intervals = values.windows(2).map(|pair| {
        let low = closed.iter().copied().filter(|limit| (pair[0]..pair[1]).contains(limit)).fold(pair[0], f64::max);
        (low, pair[1])
    });
    intervals.filter(|(low, high)| high - low > NARROW * range).max_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)))
}

/// At least as good in every objective, better in one.
fn dominates(one: &Raw, other: &Raw) -> bool {
    let mut pairs = one.values_of.iter().zip(&other.values_of);
    let slack = |b: f64| SAME * b.abs();
    pairs.all(|(a, b)| *a <= b + slack(*b))
}

/// The points that no other one dominates, ordered by the first objective; of equal ones the first.
fn undominated(mut raws: Vec<Raw>) -> Vec<Raw> {
    raws.sort_by(|a, b| {
        a.values_of.iter().zip(&b.values_of).map(|(a, b)| a.total_cmp(b)).find(|it| it.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    });
    let mut kept: Vec<Raw> = Vec::new();
    for raw in raws {
        if !kept.iter().any(|other| dominates(other, &raw)) {
            // Within the tolerance, a later one may still be better in the others.
            kept.retain(|other| !dominates(&raw, other));
            kept.push(raw);
        }
    }
    kept
}

fn point(search: &Search, goals: &[Goal], raw: &Raw) -> Result<Point, PlanError> {
    let mut plan = search.drawn(&raw.point)?;
    let bound = raw.bound.min(raw.values_of[0]);
    if goals[0].objective == Objective::Cost {
        plan.certificate = Some(search.certificate(&plan, Proof::of(crate::SOLVER, &search.formulation.program), bound, raw.limited));
    }
    let limits = goals[1..].iter().zip(&raw.limits).filter(|(_, limit)| limit.is_finite()).map(|(goal, limit)| (goal.objective, *limit));
    let objective = raw.values_of[0];
    let gap = if objective == bound { 0.0 } else { (objective - bound) / objective.abs().max(1.0) };
    Ok(Point { achieved: achieved(search.model, &plan), limits: limits.collect(), objective, bound, gap, limited: raw.limited, plan })
}

/// Solves a program from a start, counting nothing: for ends and steps alike.
fn found_at(program: &Program, search: &Search, start: Option<&[f64]>) -> Result<Option<solver::Found>, PlanError> {
    match search.solve(program, &search.limits, start)? {
        Answer::Found(found) => Ok(Some(found)),
        Answer::Infeasible | Answer::Unknown { .. } => Ok(None),
    }
}
