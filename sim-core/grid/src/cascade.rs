//! Cascades of overload trips.
//!
//! [`Cascade`] prepares a case once; [`Cascade::run`] then follows the outage of any set of branches and units, without allocation and
//! from as many threads as there are [`CascadeScratch`]es. The model is DC-Cascade v1: every branch beyond its rating trips at once, all
//! islands are balanced in proportion, until nothing trips. [`RatedCascade`] has time, rating classes, operators and shedding in steps;
//! [`blackout_sizes`] draws from either.

mod blackout;
mod frequency;
mod rated;
mod state;
mod swing;

use std::sync::Arc;

use crate::case::Case;
use crate::factor::Singular;
use crate::flow::Convention;
pub use blackout::{BlackoutSizes, CascadeModel, blackout_sizes};
pub use frequency::Frequency;
pub use rated::{RatedCascade, RatedRules, RatedScratch};
pub(crate) use state::{Base, Start, State, Unit};
pub use swing::{Loss, Swing, SwingOutcome};

/// A flow counts as an overload beyond the limit times this: rounding trips nothing.
pub(crate) const TOLERANCE: f64 = 1.0 + 1e-6;

/// A case prepared for DC-Cascade v1.
///
/// Demand below zero, shunts and DC lines are ignored. At the start every unit produces the same share of its capacity (all of it when
/// that is less than the load; the first balance then sheds the rest). A branch is rated
/// at the larger of its long-term rating (none or 0: unlimited) and 1.05 times its flow at the start. After the outage, over and over: in
/// every island generation is scaled down in proportion when there is too much, raised in proportion to headroom when there is too
/// little, and when that is not enough loads are scaled down; then every branch beyond its rating trips.
#[derive(Debug)]
pub struct Cascade {
    base: Arc<Base>,
    limit_mw: Vec<f64>,
    /// 1 / rating, 0 when unlimited.
    inverse: Vec<f64>,
    load_mw: f64,
}

/// The memory of one thread.
#[derive(Clone, Debug)]
pub struct CascadeScratch {
    state: State,
    trips: Vec<u32>,
    before: Vec<f64>,
}

impl CascadeScratch {
    /// The network at the end of the last run.
    #[must_use]
    pub fn end(&self) -> CascadeEnd<'_> {
        CascadeEnd(&self.state)
    }
}

/// The network at the end of a cascade.
#[derive(Clone, Copy, Debug)]
pub struct CascadeEnd<'a>(&'a State);

impl CascadeEnd<'_> {
    /// Flow of each branch \[MW\].
    #[must_use]
    pub fn flow_mw(&self) -> &[f64] {
        &self.0.flow
    }

    /// Load that each bus is served \[MW\].
    #[must_use]
    pub fn served_mw(&self) -> Vec<f64> {
        self.0.base().factor.pattern().position.iter().map(|&place| self.0.load[place as usize]).collect()
    }

    /// Output of each unit in service at the start: (row, MW).
    #[must_use]
    pub fn output_mw(&self) -> Vec<(u32, f64)> {
        self.0.base().units.iter().zip(&self.0.output).map(|(unit, &output)| (unit.row, output)).collect()
    }

    /// Largest difference of generation and load in an island \[MW\]: zero but for rounding.
    #[must_use]
    pub fn imbalance_mw(&self) -> f64 {
        self.0.imbalance_mw()
    }
}

/// What a cascade did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Times that branches tripped -- output.
    pub rounds: u32,
    /// Branches that tripped, besides those of the outage -- output.
    pub trips: u32,
    /// Islands at the end -- output.
    pub islands: u32,
    /// Load at the start \[MW\] -- output.
    pub load_mw: f64,
    /// Load not served at the end \[MW\] -- output.
    pub shed_mw: f64,
    /// The AI load among it \[MW\] -- output.
    pub ai_shed_mw: f64,
    /// Smallest |flow / rating − 1| that decided over a trip: near zero, another rounding could have decided otherwise -- output.
    pub min_rel_margin: f64,
    /// False where negative reactances left a part of the network without a defined flow -- output.
    pub sound: bool,
    /// What happened, in order; the first step is the outage itself -- output.
    pub steps: Vec<CascadeStep>,
    /// Branches that tripped, in order of steps -- output.
    pub tripped: Vec<u32>,
    /// Load that a step cut off: (bus, MW), in order of steps -- output.
    pub shed: Vec<(u32, f64)>,
}

/// A step of a cascade.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CascadeStep {
    /// Time since the outage \[s\] -- output. DC-Cascade v1 has no time: 0.
    pub time_s: f64,
    /// Branches in [`Outcome::tripped`] up to this step, its own included -- output.
    pub tripped_end: u32,
    /// Entries in [`Outcome::shed`] up to this step, its own included -- output.
    pub shed_end: u32,
    /// Islands after it -- output.
    pub islands: u32,
    /// Load not served after it \[MW\] -- output.
    pub shed_mw: f64,
}

impl Outcome {
    fn clear(&mut self) {
        let Self { steps, tripped, shed, .. } = std::mem::take(self);
        *self = Self { steps, tripped, shed, sound: true, min_rel_margin: f64::INFINITY, ..Self::default() };
        self.steps.clear();
        self.tripped.clear();
        self.shed.clear();
    }

    /// Branches that tripped in step `step`.
    #[must_use]
    pub fn tripped_in(&self, step: usize) -> &[u32] {
        &self.tripped[self.end_before(step).0..self.steps[step].tripped_end as usize]
    }

    /// What step `step` cut off: (bus, MW).
    #[must_use]
    pub fn shed_in(&self, step: usize) -> &[(u32, f64)] {
        &self.shed[self.end_before(step).1..self.steps[step].shed_end as usize]
    }

    fn end_before(&self, step: usize) -> (usize, usize) {
        step.checked_sub(1).map_or((0, 0), |step| (self.steps[step].tripped_end as usize, self.steps[step].shed_end as usize))
    }

    /// Notes a step; `before` holds the loads of the last one, and those of now afterwards.
    fn note(&mut self, time_s: f64, state: &State, before: &mut [f64]) {
        let bus = &state.base().factor.pattern().bus;
        for ((before, &now), &bus) in before.iter_mut().zip(&state.load).zip(bus) {
            if now != *before {
                self.shed.push((bus, *before - now));
                *before = now;
            }
        }
        self.push(time_s, state);
    }

    fn push(&mut self, time_s: f64, state: &State) {
        let shed_mw = if self.shed.is_empty() { 0.0 } else { self.load_mw - state.load.iter().sum::<f64>() };
        self.steps.push(CascadeStep {
            time_s,
            tripped_end: self.tripped.len() as u32,
            shed_end: self.shed.len() as u32,
            islands: state.islands,
            shed_mw,
        });
    }
}

impl Cascade {
    /// Prepares a case; `ai_mw` is the part of each bus's demand that is AI load, or empty. The baseline of PGLib-OPF, and DC-Cascade v1
    /// by its definition, use [`Convention::PowerModels`].
    ///
    /// # Errors
    /// [`Singular`] where negative reactances leave no flow defined at the start.
    pub fn new(case: &Case, convention: Convention, ai_mw: &[f64]) -> Result<Self, Singular> {
        let base = Arc::new(Base::new(case, convention, Start::SharedCapacity, ai_mw)?);
        let mut state = State::new(&base);
        state.balance();
        state.solve();
        let rating = |(row, branch): (usize, &crate::Branch)| {
            let rate = branch.rate_a_mw.filter(|rate| *rate > 0.0).unwrap_or(f64::INFINITY);
            rate.max(1.05 * state.flow[row].abs())
        };
        let ratings: Vec<f64> = case.branches.iter().enumerate().map(rating).collect();
        Ok(Self {
            limit_mw: ratings.iter().map(|rating| rating * TOLERANCE).collect(),
            inverse: ratings.iter().map(|rating| 1.0 / rating).collect(),
            load_mw: base.load.iter().sum(),
            base,
        })
    }

    /// Memory for one thread.
    #[must_use]
    pub fn scratch(&self) -> CascadeScratch {
        let buses = self.base.network.buses;
        CascadeScratch { state: State::new(&self.base), trips: Vec::with_capacity(self.limit_mw.len()), before: vec![0.0; buses] }
    }

    /// Follows the outage of branches and units, both by their row in the case; rows out of service or repeated count once or not.
    pub fn run(&self, scratch: &mut CascadeScratch, branches: &[u32], units: &[u32], outcome: &mut Outcome) {
        let CascadeScratch { state, trips, before } = scratch;
        outcome.clear();
        outcome.load_mw = self.load_mw;
        state.reset();
        before.copy_from_slice(&state.load);
        state.take_units(units);
        state.take_branches(branches);
        loop {
            if state.balance() {
                outcome.note(0.0, state, before);
            } else {
                outcome.push(0.0, state);
            }
            state.solve();
            trips.clear();
            let mut margin = f64::INFINITY;
            for (&flow, &inverse) in state.flow.iter().zip(&self.inverse) {
                margin = margin.min((flow.abs() * inverse - 1.0).abs());
            }
            outcome.min_rel_margin = outcome.min_rel_margin.min(margin);
            for (row, (&flow, &limit)) in state.flow.iter().zip(&self.limit_mw).enumerate() {
                if flow.abs() > limit {
                    trips.push(row as u32);
                }
            }
            if trips.is_empty() {
                break;
            }
            outcome.rounds += 1;
            outcome.trips += trips.len() as u32;
            outcome.tripped.extend_from_slice(trips);
            state.take_branches(trips);
        }
        outcome.islands = state.islands;
        outcome.sound = state.sound;
        if !outcome.shed.is_empty() {
            outcome.shed_mw = self.load_mw - state.load.iter().sum::<f64>();
            outcome.ai_shed_mw = self.base.ai.iter().sum::<f64>() - state.ai.iter().sum::<f64>();
        }
    }
}
