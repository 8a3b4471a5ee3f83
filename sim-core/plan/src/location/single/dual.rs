//! The Lagrangian bound (7) and what it settles.

use super::Branch;
use super::cover::Cover;
use super::knapsack::{Item, Knapsack};
use super::pairs::Pairs;
use super::roomy;
use crate::location::Location;
use crate::location::pick::{Pick, State, possible};
use crate::location::volume::Volume;

/// Share of rounding errors in a bound.
const ROUNDING: f64 = 1e-12;

/// Answers to the relaxed problem for one set of multipliers.
#[derive(Clone, Default)]
struct Answer {
    pick: Pick,
    /// The least price of a pick.
    value: f64,
    /// The customers of each facility, whether it is picked or not.
    filling: Vec<Vec<usize>>,
}

/// The relaxed problem.
pub(super) struct Relaxed<'a> {
    pub location: &'a Location,
    /// Whether all demands are integers.
    whole: bool,
    /// Fewest and most facilities.
    count: (usize, usize),
    cover: Cover,
    /// Multipliers have no limit.
    most: Vec<f64>,
}

impl<'a> Relaxed<'a> {
    pub(super) fn new(location: &'a Location) -> Self {
        let whole = location.demand.iter().all(|demand| demand.fract() == 0.0);
        let count = (location.open.0, location.open.1.min(location.facilities()));
        let cover = Cover::new(&location.capacity, location.demand.iter().sum());
        Self { location, whole, count, cover, most: vec![f64::INFINITY; location.customers()] }
    }
}

/// An ascent at one node of the search.
pub(super) struct Ascent<'a> {
    relaxed: &'a Relaxed<'a>,
    pub state: Vec<State>,
    pub pairs: Pairs,
    volume: Volume,
    best: Answer,
    trial: Answer,
    slope: Vec<f64>,
    knapsack: Knapsack,
    items: Vec<Item>,
    /// Average of the answers: how far each facility is open, and how far each pair is used.
    weight: Vec<f64>,
}

impl<'a> Ascent<'a> {
    pub(super) fn new(relaxed: &'a Relaxed<'a>, state: Vec<State>, pairs: Pairs, multipliers: Vec<f64>) -> Self {
        let (m, n) = (relaxed.location.facilities(), relaxed.location.customers());
        let empty = Answer { pick: Pick::new(m), value: 0.0, filling: vec![Vec::new(); m] };
        let mut ascent = Self {
            relaxed,
            state,
            pairs,
            volume: Volume::new(multipliers, f64::NEG_INFINITY, &[], 0.0),
            best: empty.clone(),
            trial: empty,
            slope: vec![0.0; n],
            knapsack: Knapsack::default(),
            items: Vec::with_capacity(n),
            weight: Vec::new(),
        };
        let bound = ascent.evaluate();
        ascent.volume = Volume::new(std::mem::take(&mut ascent.volume.multipliers), bound, &ascent.slope, 0.1);
        ascent.best = ascent.trial.clone();
        ascent.weight = ascent.best.pick.picked.iter().map(|picked| f64::from(u8::from(*picked))).collect();
        ascent
    }

    /// The best bound, rounded down.
    pub(super) fn bound(&self) -> f64 {
        self.volume.bound
    }

    /// Its multipliers.
    pub(super) fn multipliers(&self) -> &[f64] {
        &self.volume.multipliers
    }

    /// Whether further steps are too short to matter.
    pub(super) fn converged(&self) -> bool {
        self.volume.converged()
    }

    /// The customers that a facility gains from.
    fn gather(items: &mut Vec<Item>, location: &Location, pairs: &Pairs, multipliers: &[f64], facility: usize) {
        items.clear();
        for (customer, cost) in pairs.of(facility) {
            let gain = multipliers[customer] - cost;
            if gain > 0.0 {
                items.push(Item { customer, gain, size: location.demand[customer] });
            }
        }
    }

    /// `L(u)` for the multipliers on trial, with its answer and slope.
    fn evaluate(&mut self) -> f64 {
        let multipliers = &self.volume.trial;
        let (mut sum, mut size) = (0.0, 0.0);
        for multiplier in multipliers {
            sum += multiplier;
            size += multiplier.abs();
        }
        for facility in (0..self.state.len()).filter(|facility| self.state[*facility] != State::Closed) {
            Self::gather(&mut self.items, self.relaxed.location, &self.pairs, multipliers, facility);
            let filling = &mut self.trial.filling[facility];
            let gain = self.knapsack.fill(&mut self.items, roomy(self.relaxed.location.capacity[facility]), self.relaxed.whole, filling);
            self.trial.pick.price[facility] = self.relaxed.location.fixed[facility] - gain;
        }
        self.trial.value = self.relaxed.cover.choose(&mut self.trial.pick, &self.state, self.relaxed.count);
        sum += self.trial.value;
        self.slope.fill(1.0);
        for facility in (0..self.state.len()).filter(|facility| self.trial.pick.picked[*facility]) {
            size += self.trial.pick.price[facility].abs() + self.relaxed.location.fixed[facility].abs();
            self.trial.filling[facility].iter().for_each(|customer| self.slope[*customer] -= 1.0);
        }
        sum - ROUNDING * size
    }

    /// One step towards an objective that some answer reaches.
    pub(super) fn step(&mut self, objective: f64) {
        self.volume.propose(objective, &self.relaxed.most);
        let bound = self.evaluate();
        let verdict = self.volume.record(bound, &self.slope);
        for (average, picked) in self.weight.iter_mut().zip(&self.trial.pick.picked) {
            *average += verdict.share * (f64::from(u8::from(*picked)) - *average);
        }
        if verdict.better {
            std::mem::swap(&mut self.best, &mut self.trial);
        }
    }

    /// Settles facilities, and forbids pairs, that lift the bound above a limit; false where nothing is left.
    #[expect(clippy::needless_range_loop, reason = "a facility is a position in several lists")]
    pub(super) fn settle(&mut self, limit: f64) -> bool {
        if self.volume.bound.is_infinite() {
            return false;
        }
        // How the bound rises when a facility is forced to the other side.
        let mut rises = vec![0.0; self.state.len()];
        let mut pick = self.best.pick.clone();
        for facility in 0..self.state.len() {
            if self.state[facility] == State::Free {
                let (flipped, settled) =
                    if self.best.pick.picked[facility] { (State::Closed, State::Open) } else { (State::Open, State::Closed) };
                self.state[facility] = flipped;
                rises[facility] = self.relaxed.cover.choose(&mut pick, &self.state, self.relaxed.count) - self.best.value;
                self.state[facility] = if self.volume.bound + rises[facility] > limit { settled } else { State::Free };
            }
        }
        if !possible(&self.state, self.relaxed.count) {
            return false;
        }
        for facility in 0..self.state.len() {
            if self.state[facility] == State::Closed {
                self.pairs.clear(facility);
                continue;
            }
            let multipliers = &self.volume.multipliers;
            Self::gather(&mut self.items, self.relaxed.location, &self.pairs, multipliers, facility);
            let mut filling = Vec::new();
            let capacity = roomy(self.relaxed.location.capacity[facility]);
            let gain = self.knapsack.fill(&mut self.items, capacity, self.relaxed.whole, &mut filling);
            let opening = if self.best.pick.picked[facility] { 0.0 } else { rises[facility] };
            let room = limit - self.volume.bound - opening;
            let (knapsack, demand) = (&self.knapsack, &self.relaxed.location.demand);
            // What the facility gains when it must serve this customer beside the best others.
            let forced = |customer: usize, cost: f64| multipliers[customer] - cost + knapsack.within(capacity - demand[customer], gain);
            self.pairs.retain(facility, |customer, cost| gain - forced(customer, cost) <= room || filling.contains(&customer));
        }
        self.pairs.complete()
    }

    /// The facilities picked for the best multipliers, and for each customer the picked facility that took it at the least cost.
    pub(super) fn answer(&self) -> (Vec<bool>, Vec<Option<usize>>) {
        let mut source: Vec<Option<usize>> = vec![None; self.slope.len()];
        let picked = &self.best.pick.picked;
        for facility in (0..picked.len()).filter(|facility| picked[*facility]) {
            for customer in &self.best.filling[facility] {
                let cost = |facility: usize| self.relaxed.location.cost_of(facility, *customer);
                if source[*customer].is_none_or(|kept| cost(facility) < cost(kept)) {
                    source[*customer] = Some(facility);
                }
            }
        }
        (picked.clone(), source)
    }

    /// The facilities that the averages favour, as many as are picked.
    pub(super) fn favourites(&self) -> Vec<bool> {
        let count = self.best.pick.picked.iter().filter(|picked| **picked).count();
        let mut order: Vec<usize> = (0..self.state.len()).filter(|facility| self.state[*facility] != State::Closed).collect();
        let value = |facility: usize| if self.state[facility] == State::Open { 2.0 } else { self.weight[facility] };
        order.sort_by(|one, other| value(*other).total_cmp(&value(*one)).then(one.cmp(other)));
        let mut open = vec![false; self.state.len()];
        order.iter().take(count).for_each(|facility| open[*facility] = true);
        open
    }

    /// The free facility that the averages leave most in doubt; else a customer that no facility, or more than one, took.
    pub(super) fn branch(&self) -> Option<Branch> {
        let doubt = |facility: usize| (self.weight[facility].clamp(0.0, 1.0) - 0.5).abs();
        let free = (0..self.state.len()).filter(|facility| self.state[*facility] == State::Free);
        if let Some(facility) = free.min_by(|one, other| doubt(*one).total_cmp(&doubt(*other))) {
            return Some(Branch::Facility(facility));
        }
        let location = self.relaxed.location;
        let mut taken = vec![0_usize; location.customers()];
        let picked = || (0..self.state.len()).filter(|facility| self.best.pick.picked[*facility]);
        picked().flat_map(|facility| &self.best.filling[facility]).for_each(|customer| taken[*customer] += 1);
        let undecided = |customer: &usize| self.pairs.sources(*customer).count() > 1;
        let odd = (0..taken.len()).filter(|customer| taken[*customer] != 1).filter(undecided);
        let size = |customer: &usize| location.demand[*customer];
        let any = || (0..taken.len()).filter(undecided);
        let largest = odd
            .max_by(|one, other| size(one).total_cmp(&size(other)))
            .or_else(|| any().max_by(|one, other| size(one).total_cmp(&size(other))));
        let customer = largest?;
        let price = |facility: &usize| location.cost_of(*facility, customer);
        let facility = self.pairs.sources(customer).min_by(|one, other| price(one).total_cmp(&price(other)))?;
        Some(Branch::Pair(facility, customer))
    }
}
