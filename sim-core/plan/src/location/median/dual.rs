//! The Lagrangian bound (5), raised by the volume algorithm (Barahona and Anbil, *Mathematical Programming* 87, 2000): a subgradient
//! method whose average of the answers to (5) tends to a solution of the linear relaxation, which shows where to branch.

use super::near::Near;
use crate::location::Location;

/// What is settled about a facility.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// May be open or closed.
    Free,
    /// Is open.
    Open,
    /// Is closed.
    Closed,
}

/// Share of rounding errors in a bound.
const ROUNDING: f64 = 1e-13;
/// Steps without a better bound until they become shorter.
const PATIENCE: usize = 12;

/// An ascent at one node of the search.
pub(super) struct Ascent<'a> {
    near: &'a Near,
    fixed: &'a [f64],
    /// Fewest and most facilities.
    count: (usize, usize),
    pub state: Vec<State>,
    /// The best multipliers.
    pub multipliers: Vec<f64>,
    /// `L` of the best multipliers, rounded down.
    pub bound: f64,
    /// `rho` of the best multipliers.
    reduced: Vec<f64>,
    /// The answer to (5) for the best multipliers.
    picked: Vec<bool>,
    /// Average of the answers: how far each facility is open.
    pub weight: Vec<f64>,
    /// Average of the subgradients.
    direction: Vec<f64>,
    length: f64,
    idle: usize,
    steps: usize,
    /// Scratch: multipliers, `rho`, answer, order and subgradient of the step.
    trial: Trial,
}

#[derive(Clone, Default)]
struct Trial {
    multipliers: Vec<f64>,
    reduced: Vec<f64>,
    picked: Vec<bool>,
    order: Vec<u32>,
    slope: Vec<f64>,
}

impl<'a> Ascent<'a> {
    pub(super) fn new(location: &'a Location, near: &'a Near, state: Vec<State>, multipliers: Vec<f64>) -> Self {
        let (m, n) = (location.facilities(), location.customers());
        let trial = Trial {
            multipliers: multipliers.clone(),
            reduced: vec![0.0; m],
            picked: vec![false; m],
            order: Vec::with_capacity(m),
            slope: vec![0.0; n],
        };
        let count = (location.open.0, location.open.1.min(m));
        let mut ascent = Self {
            near,
            fixed: &location.fixed,
            count,
            state,
            multipliers,
            bound: f64::NEG_INFINITY,
            reduced: Vec::new(),
            picked: Vec::new(),
            weight: Vec::new(),
            direction: Vec::new(),
            length: 0.1,
            idle: 0,
            steps: 0,
            trial,
        };
        ascent.bound = ascent.evaluate();
        ascent.reduced.clone_from(&ascent.trial.reduced);
        ascent.picked.clone_from(&ascent.trial.picked);
        ascent.weight = ascent.picked.iter().map(|picked| f64::from(u8::from(*picked))).collect();
        ascent.direction.clone_from(&ascent.trial.slope);
        ascent
    }

    /// `L(u)` for the multipliers on trial, with its answer and slope.
    fn evaluate(&mut self) -> f64 {
        let Trial { multipliers, reduced, picked, order, slope } = &mut self.trial;
        reduced.copy_from_slice(self.fixed);
        let (mut sum, mut size) = (0.0, 0.0);
        for (customer, multiplier) in multipliers.iter().enumerate() {
            sum += multiplier;
            size += multiplier.abs();
            for (facility, cost) in self.near.below(customer, *multiplier) {
                reduced[facility] += cost - multiplier;
            }
        }
        order.clear();
        let mut opened = 0;
        for (facility, state) in self.state.iter().enumerate() {
            picked[facility] = *state == State::Open;
            match state {
                State::Open => opened += 1,
                State::Free => order.push(u32::try_from(facility).unwrap_or(u32::MAX)),
                State::Closed => {}
            }
        }
        order.sort_unstable_by(|one, other| reduced[*one as usize].total_cmp(&reduced[*other as usize]).then(one.cmp(other)));
        for (at, facility) in order.iter().enumerate().take(self.count.1.saturating_sub(opened)) {
            picked[*facility as usize] = at + opened < self.count.0 || reduced[*facility as usize] < 0.0;
        }
        for (facility, _) in picked.iter().enumerate().filter(|(_, picked)| **picked) {
            sum += reduced[facility];
            size += reduced[facility].abs();
        }
        for (customer, multiplier) in multipliers.iter().enumerate() {
            let served = self.near.below(customer, *multiplier).filter(|(facility, _)| picked[*facility]).count();
            slope[customer] = 1.0 - served as f64;
        }
        sum - ROUNDING * size
    }

    /// One step of the volume algorithm towards an objective that some answer reaches.
    pub(super) fn step(&mut self, objective: f64) {
        self.steps += 1;
        let norm: f64 = self.direction.iter().map(|slope| slope * slope).sum();
        if norm <= 1e-12 {
            self.length = 0.0;
            return;
        }
        let scale = objective.abs().max(self.bound.abs()).max(1e-9);
        let missing = (objective - self.bound).max(1e-4 * scale);
        let step = self.length * 1.05 * missing / norm;
        for (customer, slope) in self.direction.iter().enumerate() {
            self.trial.multipliers[customer] = (self.multipliers[customer] + step * slope).min(self.near.most[customer]);
        }
        let bound = self.evaluate();
        let along: f64 = self.trial.slope.iter().zip(&self.direction).map(|(one, other)| one * other).sum();
        // The mixture of average and new slope that is shortest.
        let own: f64 = self.trial.slope.iter().map(|slope| slope * slope).sum();
        let span = own - 2.0 * along + norm;
        let most = if self.length > 0.02 { 0.1 } else { 0.03 };
        let share = if span > 0.0 { ((norm - along) / span).clamp(most / 10.0, most) } else { most };
        for (average, slope) in self.direction.iter_mut().zip(&self.trial.slope) {
            *average += share * (slope - *average);
        }
        for (average, picked) in self.weight.iter_mut().zip(&self.trial.picked) {
            *average += share * (f64::from(u8::from(*picked)) - *average);
        }
        if bound > self.bound {
            if along > 0.0 {
                self.length = (self.length * 1.2).min(2.0);
            }
            self.idle = 0;
            self.bound = bound;
            std::mem::swap(&mut self.multipliers, &mut self.trial.multipliers);
            std::mem::swap(&mut self.reduced, &mut self.trial.reduced);
            std::mem::swap(&mut self.picked, &mut self.trial.picked);
        } else {
            self.idle += 1;
            if self.idle >= PATIENCE {
                self.idle = 0;
                self.length *= 0.66;
            }
        }
    }

    /// Whether further steps are too short to matter.
    pub(super) fn converged(&self) -> bool {
        self.length < 1e-4
    }

    /// Settles the facilities whose opening or closing lifts the bound above a limit; false where nothing is left.
    pub(super) fn settle(&mut self, limit: f64) -> bool {
        let opened = self.state.iter().filter(|state| **state == State::Open).count();
        let free: Vec<usize> = (0..self.state.len()).filter(|facility| self.state[*facility] == State::Free).collect();
        if opened > self.count.1 || opened + free.len() < self.count.0 {
            return false;
        }
        let (least, most) = (self.count.0.saturating_sub(opened), self.count.1 - opened);
        let inside = free.iter().copied().filter(|facility| self.picked[*facility]);
        let outside = free.iter().copied().filter(|facility| !self.picked[*facility]);
        let picked = inside.clone().count();
        let worst = inside.map(|facility| self.reduced[facility]).fold(f64::NEG_INFINITY, f64::max);
        let next = outside.map(|facility| self.reduced[facility]).fold(f64::INFINITY, f64::min);
        for facility in free {
            let own = self.reduced[facility];
            let (rise, settled) = if self.picked[facility] {
                (if picked <= least { next - own } else { next.min(0.0) - own }, State::Open)
            } else {
                let leaves = if picked == most { worst } else { worst.max(0.0) };
                (if most == 0 { f64::INFINITY } else { own - leaves }, State::Closed)
            };
            if self.bound + rise > limit {
                self.state[facility] = settled;
            }
        }
        let opened = self.state.iter().filter(|state| **state == State::Open).count();
        let free = self.state.iter().filter(|state| **state == State::Free).count();
        opened <= self.count.1 && opened + free >= self.count.0
    }

    /// The facilities that the averages favour, as many as the current answer to (5) has.
    pub(super) fn favourites(&self) -> Vec<usize> {
        let count = self.picked.iter().filter(|picked| **picked).count();
        let mut order: Vec<usize> = (0..self.state.len()).filter(|facility| self.state[*facility] != State::Closed).collect();
        let value = |facility: usize| if self.state[facility] == State::Open { 2.0 } else { self.weight[facility] };
        order.sort_by(|one, other| {
            value(*other).total_cmp(&value(*one)).then(self.reduced[*one].total_cmp(&self.reduced[*other])).then(one.cmp(other))
        });
        order.truncate(count.clamp(self.count.0.max(1), self.count.1.max(1)));
        order
    }

    /// The free facility that the averages leave most in doubt.
    pub(super) fn branch(&self) -> usize {
        let doubt = |facility: usize| (self.weight[facility].clamp(0.0, 1.0) - 0.5).abs();
        let free = (0..self.state.len()).filter(|facility| self.state[*facility] == State::Free);
        free.min_by(|one, other| doubt(*one).total_cmp(&doubt(*other)).then(self.reduced[*one].total_cmp(&self.reduced[*other])))
            .unwrap_or(0)
    }
}
