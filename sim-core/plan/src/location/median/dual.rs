//! The Lagrangian bound (5) at one node of the search.

use crate::location::Location;
use crate::location::near::Near;
use crate::location::pick::{Pick, State};
use crate::location::volume::Volume;

/// Share of rounding errors in a bound.
const ROUNDING: f64 = 1e-13;

/// An ascent at one node of the search.
pub(super) struct Ascent<'a> {
    near: &'a Near,
    fixed: &'a [f64],
    /// Fewest and most facilities.
    count: (usize, usize),
    pub state: Vec<State>,
    volume: Volume,
    /// The answer to (5) for the best multipliers, and for those on trial.
    best: Pick,
    trial: Pick,
    slope: Vec<f64>,
    /// Average of the answers: how far each facility is open.
    weight: Vec<f64>,
}

impl<'a> Ascent<'a> {
    pub(super) fn new(location: &'a Location, near: &'a Near, state: Vec<State>, multipliers: Vec<f64>) -> Self {
        let (m, n) = (location.facilities(), location.customers());
        let mut ascent = Self {
            near,
            fixed: &location.fixed,
            count: (location.open.0, location.open.1.min(m)),
            state,
            volume: Volume::new(multipliers, f64::NEG_INFINITY, &[], 0.0),
            best: Pick::new(m),
            trial: Pick::new(m),
            slope: vec![0.0; n],
            weight: Vec::new(),
        };
        let bound = ascent.evaluate();
        ascent.volume = Volume::new(std::mem::take(&mut ascent.volume.multipliers), bound, &ascent.slope, 0.1);
        ascent.best = ascent.trial.clone();
        ascent.weight = ascent.best.picked.iter().map(|picked| f64::from(u8::from(*picked))).collect();
        ascent
    }

    /// The best bound, rounded down.
    pub(super) fn bound(&self) -> f64 {
        self.volume.bound
    }

    /// Its multipliers.
    pub(super) fn multipliers(self) -> Vec<f64> {
        self.volume.multipliers
    }

    /// `L(u)` for the multipliers on trial, with its answer and slope.
    fn evaluate(&mut self) -> f64 {
        let (multipliers, price) = (&self.volume.trial, &mut self.trial.price);
        price.copy_from_slice(self.fixed);
        let (mut sum, mut size) = (0.0, 0.0);
        for (customer, multiplier) in multipliers.iter().enumerate() {
            sum += multiplier;
            size += multiplier.abs();
            for (facility, cost) in self.near.below(customer, *multiplier) {
                price[facility] += cost - multiplier;
            }
        }
        self.trial.choose(&self.state, self.count);
        let Pick { price, picked, .. } = &self.trial;
        for (facility, _) in picked.iter().enumerate().filter(|(_, picked)| **picked) {
            sum += price[facility];
            size += price[facility].abs();
        }
        for (customer, multiplier) in multipliers.iter().enumerate() {
            let served = self.near.below(customer, *multiplier).filter(|(facility, _)| picked[*facility]).count();
            self.slope[customer] = 1.0 - served as f64;
        }
        sum - ROUNDING * size
    }

    /// One step towards an objective that some answer reaches.
    pub(super) fn step(&mut self, objective: f64) {
        self.volume.propose(objective, &self.near.most);
        let bound = self.evaluate();
        let verdict = self.volume.record(bound, &self.slope);
        for (average, picked) in self.weight.iter_mut().zip(&self.trial.picked) {
            *average += verdict.share * (f64::from(u8::from(*picked)) - *average);
        }
        if verdict.better {
            std::mem::swap(&mut self.best, &mut self.trial);
        }
    }

    /// Whether further steps are too short to matter.
    pub(super) fn converged(&self) -> bool {
        self.volume.converged()
    }

    /// Settles the facilities whose opening or closing lifts the bound above a limit; false where nothing is left.
    pub(super) fn settle(&mut self, limit: f64) -> bool {
        self.best.settle(&mut self.state, self.count, self.volume.bound, limit)
    }

    /// The facilities that the averages favour, as many as the current answer to (5) has.
    pub(super) fn favourites(&self) -> Vec<usize> {
        let count = self.best.picked.iter().filter(|picked| **picked).count();
        let mut order: Vec<usize> = (0..self.state.len()).filter(|facility| self.state[*facility] != State::Closed).collect();
        let value = |facility: usize| if self.state[facility] == State::Open { 2.0 } else { self.weight[facility] };
        let price = |facility: usize| self.best.price[facility];
        order.sort_by(|one, other| value(*other).total_cmp(&value(*one)).then(price(*one).total_cmp(&price(*other))).then(one.cmp(other)));
        order.truncate(count.clamp(self.count.0.max(1), self.count.1.max(1)));
        order
    }

    /// The free facility that the averages leave most in doubt.
    pub(super) fn branch(&self) -> usize {
        let doubt = |facility: usize| (self.weight[facility].clamp(0.0, 1.0) - 0.5).abs();
        let price = |facility: usize| self.best.price[facility];
        let free = (0..self.state.len()).filter(|facility| self.state[*facility] == State::Free);
        free.min_by(|one, other| doubt(*one).total_cmp(&doubt(*other)).then(price(*one).total_cmp(&price(*other)))).unwrap_or(0)
    }
}
