//! Many histories: every plan under the same draws, on all threads.

use std::sync::atomic::AtomicBool;

use bastide_engine::Pool;
use bastide_grid::GridError;
use bastide_model::model::Model;
use bastide_model::plan::Plan;
use bastide_model::shortfall::Shortfalls;

use crate::record::{History, Layout, Options};
use crate::setup::Setup;
use crate::world::World;

/// A plan made ready; each call of [`Simulator::simulate`] is one history.
pub struct Simulator<'a> {
    setup: Setup<'a>,
}

impl<'a> Simulator<'a> {
    /// Makes a plan of this model ready.
    ///
    /// # Errors
    /// [`GridError`] when the grid of the model cannot be dispatched (a line that joins a bus to itself, a price that is not finite); the
    /// checks of the model leave none.
    pub fn new(model: &'a Model, plan: &'a Plan, layout: &'a Layout) -> Result<Self, GridError> {
        Ok(Self { setup: Setup::new(model, plan, layout)? })
    }

    /// Lets evacuations that ask for the best order follow one that a search has found: positions of datasets by evacuation, first to
    /// leave first; `None` for the order of value per byte.
    #[must_use]
    pub fn with_departures(mut self, departures: Vec<Option<Vec<usize>>>) -> Self {
        self.setup.departures = departures;
        self.setup.departures.resize(self.setup.model.evacuations.len(), None);
        self
    }

    /// One history: a function of model, plan, seed and replication.
    #[must_use]
    pub fn simulate(&self, seed: u64, replication: u32, options: Options) -> History {
        World::new(&self.setup, seed, replication, options).run()
    }

    /// One history, with the states in which service of these tiers fell short. The history is that of [`Simulator::simulate`].
    #[must_use]
    pub fn observe(&self, seed: u64, replication: u32, options: Options, tiers: [bool; 4]) -> (History, Shortfalls) {
        World::new(&self.setup, seed, replication, options).run_observed(tiers)
    }
}

/// One history of a plan.
///
/// # Errors
/// As [`Simulator::new`].
pub fn simulate(model: &Model, plan: &Plan, layout: &Layout, seed: u64, replication: u32, options: &Options) -> Result<History, GridError> {
    Ok(Simulator::new(model, plan, layout)?.simulate(seed, replication, *options))
}

/// Runs `n` histories of each plan on `threads` threads (0: one per core): replication r of every plan has the same draws.
///
/// Returns the histories by plan, then by replication; those that `stop` prevented are `None`. All plans of one replication run before those of
/// the next, so that a run that is stopped has pairs to compare. `progress` hears (plan, replication) of each history that has
/// ended, from any thread.
///
/// # Errors
/// As [`Simulator::new`], before anything runs.
#[allow(clippy::too_many_arguments, reason = "what to run, how much, and how to be heard")]
pub fn run(
    model: &Model,
    plans: &[Plan],
    layout: &Layout,
    n: u32,
    seed: u64,
    threads: usize,
    options: Options,
    stop: &AtomicBool,
    progress: &(dyn Fn(usize, u32) + Sync),
) -> Result<Vec<Vec<Option<History>>>, GridError> {
    let simulators = plans.iter().map(|plan| Simulator::new(model, plan, layout)).collect::<Result<Vec<_>, _>>()?;
    let count = plans.len() as u32;
    let mut histories: Vec<Vec<Option<History>>> = plans.iter().map(|_| Vec::with_capacity(n as usize)).collect();
    if count == 0 {
        return Ok(histories);
    }
    let pair = |task: u32| ((task % count) as usize, task / count);
    let done = Pool::new(threads).replicate(
        0..n.saturating_mul(count),
        stop,
        &|task| {
            let (plan, replication) = pair(task);
            progress(plan, replication);
        },
        |task| {
            let (plan, replication) = pair(task);
            simulators[plan].simulate(seed, replication, options)
        },
    );
    for (task, history) in done.into_iter().enumerate() {
        histories[task % plans.len()].push(history);
    }
    Ok(histories)
}
