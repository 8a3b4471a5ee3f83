//! Better multipliers: the volume algorithm (Barahona and Anbil, Mathematical Programming 87, 2000).
//!
//! A subgradient method whose direction is a running mean of the slopes. The mean of the facilities' decisions with the same weights tends
//! to a solution of the linear relaxation: it says where to branch.

use std::rc::Rc;

use super::cover::State;
use super::dense::Dense;
use super::relaxation::Relaxation;
use crate::deadline::Deadline;

/// Evaluations between two looks at which columns matter.
const REFOCUS: usize = 50;
/// Most weight of a new slope in the mean.
const WEIGHT: f64 = 0.1;
/// Evaluations after which that weight is halved if the bound rose by less than a thousandth.
const SLOW: usize = 100;
/// How far beyond the goal the steps aim, as a share of it: a goal just out of reach would make them too short.
const BEYOND: f64 = 5e-4;
/// How far above the bound the steps aim at most, as a share of it.
const AIM: f64 = 0.1;

/// Every so many better bounds, the facilities behind them are looked at.
const VISITED: usize = 8;

/// How long to climb.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    /// Most evaluations.
    pub steps: usize,
    /// First length of a step, as a share of what the slope promises.
    pub reach: f64,
    /// Evaluations without success before steps become shorter.
    pub patience: usize,
}

/// Multipliers on their way up; keeps its arrays from one ascent to the next.
pub(super) struct Climber {
    /// The best multipliers.
    pub multipliers: Vec<f64>,
    /// Mean decisions of the last ascent.
    pub mean: Vec<f64>,
    trial: Vec<f64>,
    slope: Vec<f64>,
    /// Length of a unit step by column: multipliers of large customers are larger.
    scale: Vec<f64>,
    deadline: Deadline,
}

impl Climber {
    /// A climber at a first guess: what a customer would pay at the best eighth of the facilities.
    pub(super) fn new(dense: &Dense, deadline: Deadline) -> Self {
        let (m, n) = (dense.facilities, dense.columns());
        let guess = |at: usize| {
            let mut costs: Vec<f64> = dense.by_column[at * m..(at + 1) * m].iter().copied().filter(|cost| cost.is_finite()).collect();
            costs.sort_by(f64::total_cmp);
            costs.get(m / 8).or(costs.last()).map_or(0.0, |cost| cost * dense.demand[at])
        };
        let roots: Vec<f64> = dense.demand.iter().map(|demand| demand.sqrt()).collect();
        let mean = roots.iter().sum::<f64>() / n as f64;
        Self {
            multipliers: (0..n).map(guess).collect(),
            mean: vec![0.0; m],
            trial: vec![0.0; n],
            slope: vec![0.0; n],
            scale: roots.into_iter().map(|root| root / mean).collect(),
            deadline,
        }
    }

    /// The multipliers, to go on from later.
    pub(super) fn kept(&self) -> Rc<[f32]> {
        self.multipliers.iter().map(|multiplier| *multiplier as f32).collect()
    }

    /// Goes back to multipliers that were kept.
    pub(super) fn resume(&mut self, kept: &[f32]) {
        self.multipliers.iter_mut().zip(kept).for_each(|(multiplier, kept)| *multiplier = f64::from(*kept));
    }

    /// Climbs from the present multipliers until the bound reaches `goal`, the effort is spent or the time is over; the best bound, infinite
    /// if no set of facilities is permitted. `visit` sees the relaxation at the first bound and at some of the better ones.
    pub(super) fn climb(
        &mut self,
        relaxation: &mut Relaxation,
        state: &[State],
        goal: f64,
        effort: &Effort,
        mut visit: impl FnMut(&mut Relaxation),
    ) -> f64 {
        relaxation.focus(&self.multipliers);
        let Some(mut best) = relaxation.evaluate(&self.multipliers, state) else { return f64::INFINITY };
        visit(relaxation);
        self.slope.copy_from_slice(&relaxation.slope);
        self.mean.copy_from_slice(&relaxation.cover.chosen);
        let (mut reach, mut weight) = (effort.reach, WEIGHT);
        let (mut rises, mut failures, mut checked) = (0, 0, best);
        for step in 1..effort.steps {
            let square: f64 = self.slope.iter().zip(&self.scale).map(|(slope, scale)| slope * slope * scale).sum();
            if best >= goal || square <= 1e-14 || self.deadline.passed() {
                break;
            }
            if step % REFOCUS == 0 {
                relaxation.focus(&self.multipliers);
            }
            let aim = (goal + BEYOND * goal.abs() - best).min(AIM * best.abs().max(AIM * goal.abs()));
            let length = reach * aim / square;
            for (((trial, multiplier), slope), scale) in self.trial.iter_mut().zip(&self.multipliers).zip(&self.slope).zip(&self.scale) {
                *trial = multiplier + length * slope * scale;
            }
            let Some(bound) = relaxation.evaluate(&self.trial, state) else { break };
            let along = self.average(relaxation, square, weight);
            if bound > best {
                best = bound;
                failures = 0;
                std::mem::swap(&mut self.multipliers, &mut self.trial);
                if along >= 0.0 {
                    reach = (reach * 1.1).min(2.0);
                }
                rises += 1;
                if rises % VISITED == 0 {
                    visit(relaxation);
                }
            } else {
                failures += 1;
                if failures >= effort.patience {
                    failures = 0;
                    reach *= 0.66;
                }
            }
            if step % SLOW == 0 {
                if best < checked + 1e-3 * checked.abs() {
                    weight = (weight / 2.0).max(1e-4);
                }
                checked = best;
            }
        }
        best
    }

    /// Takes the last slope into the mean, with the weight that makes the mean shortest; how far both point the same way.
    fn average(&mut self, relaxation: &Relaxation, square: f64, most: f64) -> f64 {
        let (mut along, mut new_square) = (0.0, 0.0);
        for ((new, old), scale) in relaxation.slope.iter().zip(&self.slope).zip(&self.scale) {
            along += new * old * scale;
            new_square += new * new * scale;
        }
        let span = new_square - 2.0 * along + square;
        let shortest = if span > 0.0 { (square - along) / span } else { most };
        let share = shortest.clamp(most / 10.0, most);
        for (mean, new) in self.slope.iter_mut().zip(&relaxation.slope) {
            *mean += share * (new - *mean);
        }
        for (mean, new) in self.mean.iter_mut().zip(&relaxation.cover.chosen) {
            *mean += share * (new - *mean);
        }
        along
    }
}
