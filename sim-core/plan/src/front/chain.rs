//! The steps of a front: from one set of limits to the next, with starts and bounds from what was found before.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::found_at;
use crate::PlanError;
use crate::program::Program;
use crate::search::{Goal, Search};
use crate::solver::{Answer, Found, Limits};

/// Weight of the other objectives beside the first, each in the size that the search gives it.
const DELTA: f64 = 1e-6;

/// Gap of the first point, as a share of that asked for.
const FIRST: f64 = 0.2;

/// Points on either side that a start is made from.
const NEAR: usize = 2;

/// A point of the program with what it is worth.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Raw {
    /// Values of the columns.
    pub point: Vec<f64>,
    /// Values of the objectives, in their units.
    pub values_of: Vec<f64>,
    /// Limits on all but the first.
    pub limits: Vec<f64>,
    /// No point that keeps the limits has less of the first.
    pub bound: f64,
    /// Whether the time limit ended its search.
    pub limited: bool,
}

/// A search that is repeated under other limits.
pub(super) struct Walk<'s> {
    search: &'s Search<'s>,
    goals: &'s [Goal],
    /// The program with the first objective.
    program: Program,
    /// The program with the first objective and a little of the others.
    augmented: Program,
    solves: AtomicUsize,
}

impl<'s> Walk<'s> {
    pub(super) fn new(search: &'s Search<'s>, goals: &'s [Goal]) -> Self {
        let strong = search.strengthened(&search.formulation.program);
        let program = goals[0].of(&strong);
        let mut augmented = program.clone();
        for goal in &goals[1..] {
            for (column, coefficient) in &goal.expression.terms {
                augmented.columns[*column].cost += DELTA * coefficient / goal.unit;
            }
        }
        Self { search, goals, program, augmented, solves: AtomicUsize::new(0) }
    }

    /// Programs solved so far.
    pub(super) fn solves(&self) -> usize {
        self.solves.load(Ordering::Relaxed)
    }

    /// The first objective without limits on the others.
    pub(super) fn first(&self) -> Result<Answer, PlanError> {
        self.solves.fetch_add(1, Ordering::Relaxed);
        // A tight bound here proves other points near it.
        let limits = Limits { gap: self.search.limits.gap * FIRST, ..self.search.limits };
        self.search.briefly(&self.program, &limits)
    }

    /// A program under limits; `reached` where a point has reached them.
    fn under(&self, program: &Program, limits: &[f64], reached: bool) -> Program {
        let mut program = program.clone();
        for (goal, limit) in self.goals[1..].iter().zip(limits).filter(|(_, limit)| limit.is_finite()) {
            if reached { goal.at_most(&mut program, *limit) } else { goal.at_most_exactly(&mut program, *limit) }
        }
        program
    }

    /// A point found under limits, its integers rounded and its continuous part made efficient.
    pub(super) fn raw(&self, found: &Found, limits: &[f64], reached: bool) -> Result<Raw, PlanError> {
        let rounded = self.under(&self.augmented, limits, reached).with_integers_fixed(&found.values);
        let point = match self.search.solve(&rounded, &self.search.limits, None)? {
            Answer::Found(polished) => polished.values,
            Answer::Infeasible | Answer::Unknown { .. } => found.values.clone(),
        };
        let values_of: Vec<f64> = self.goals.iter().map(|goal| goal.expression.at(&point)).collect();
        let bound = (found.bound * self.goals[0].unit).min(values_of[0]);
        Ok(Raw { point, values_of, limits: limits.to_vec(), bound, limited: found.limited })
    }

    /// The point at the far end of an objective: as little of it as there can be, then as little of the first as that allows.
    pub(super) fn end(&self, at: usize) -> Result<Option<Raw>, PlanError> {
        let least = self.goals[at].of(&self.program);
        self.solves.fetch_add(1, Ordering::Relaxed);
        // The best point of the first is far from it: no start.
        let Answer::Found(found) = self.search.briefly(&least, &self.search.limits)? else { return Ok(None) };
        let found = self.search.polished(&least, &found)?;
        let value = self.goals[at].expression.at(&found.values);
        let mut limits = vec![f64::INFINITY; self.goals.len() - 1];
        limits[at - 1] = value;
        self.solves.fetch_add(1, Ordering::Relaxed);
        let program = self.under(&self.program, &limits, true);
        let Some(found) = found_at(&program, self.search, Some(&found.values))? else { return Ok(None) };
        self.raw(&found, &limits, true).map(Some)
    }

    /// The best point under limits, begun from what is known.
    pub(super) fn at(&self, limits: &[f64], known: &[Raw]) -> Result<Option<Raw>, PlanError> {
        let program = self.under(&self.program, limits, false);
        let keeps = |raw: &&Raw| raw.values_of[1..].iter().zip(limits).all(|(value, limit)| value <= limit);
        let by_first = |a: &&Raw, b: &&Raw| a.values_of[0].total_cmp(&b.values_of[0]);
        let mut start = known.iter().filter(keeps).min_by(by_first).map(|raw| (raw.values_of[0], raw.point.clone()));
        // The dearest points that break the limits and the cheapest that keep them are the closest ones.
        let mut breaking: Vec<&Raw> = known.iter().filter(|raw| !keeps(raw)).collect();
        breaking.sort_by(|a, b| by_first(b, a));
        let mut keeping: Vec<&Raw> = known.iter().filter(keeps).collect();
        keeping.sort_by(by_first);
        for near in breaking.into_iter().take(NEAR).chain(keeping.into_iter().take(NEAR)) {
            let Some(repaired) = self.search.near(&program, &near.point)? else { continue };
            let value = self.goals[0].expression.at(&repaired);
            if start.as_ref().is_none_or(|(best, _)| value < *best) {
                start = Some((value, repaired));
            }
        }
        let bound = known.iter().filter(|raw| wider(&raw.limits, limits)).map(|raw| raw.bound).fold(f64::NEG_INFINITY, f64::max);
        if let Some((value, point)) = &start
            && value - bound <= self.search.limits.gap * value.abs()
        {
            let found = Found {
                values: point.clone(),
                duals: Vec::new(),
                objective: value / self.goals[0].unit,
                bound: bound / self.goals[0].unit,
                limited: false,
            };
            return self.raw(&found, limits, false).map(Some);
        }
        self.solves.fetch_add(1, Ordering::Relaxed);
        let Some(found) = found_at(&program, self.search, start.as_ref().map(|(_, point)| point.as_slice()))? else { return Ok(None) };
        self.raw(&found, limits, false).map(Some)
    }

    /// The limits of a grid in their order: the first half from the front, the second half from the back, each with what it has found itself.
    pub(super) fn halves(&self, grid: &[Vec<f64>], known: &[Raw]) -> Result<Vec<Raw>, PlanError> {
        let (front, back) = grid.split_at(grid.len().div_ceil(2));
        let walk = |limits: &mut dyn Iterator<Item = &Vec<f64>>| -> Result<Vec<Raw>, PlanError> {
            let mut known = known.to_vec();
            let begun = known.len();
            for limits in limits {
                known.extend(self.at(limits, &known)?);
            }
            Ok(known.split_off(begun))
        };
        let (first, second) = std::thread::scope(|scope| {
            let other = scope.spawn(|| walk(&mut back.iter().rev()));
            let first = walk(&mut front.iter());
            (first, other.join())
        });
        let second = second.map_err(|_| PlanError::Solver("a thread broke off".to_owned()))?;
        let mut all = first?;
        all.extend(second?);
        Ok(all)
    }

    /// A bound under wider limits holds under tighter ones.
    pub(super) fn share_bounds(raws: &mut [Raw]) {
        let bounds: Vec<(Vec<f64>, f64)> = raws.iter().map(|raw| (raw.limits.clone(), raw.bound)).collect();
        for raw in raws {
            let best = bounds.iter().filter(|(limits, _)| wider(limits, &raw.limits)).map(|(_, bound)| *bound);
            raw.bound = best.fold(raw.bound, f64::max).min(raw.values_of[0]);
        }
    }
}

/// Whether everything that keeps `tight` keeps `wide`.
fn wider(wide: &[f64], tight: &[f64]) -> bool {
    wide.iter().zip(tight).all(|(wide, tight)| wide >= tight)
}
