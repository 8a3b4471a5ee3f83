//! Sequential Monte Carlo simulation of adequacy: years of random failures and repairs, hour by hour.
//!
//! Every component fails and is repaired in continuous time (or, where only its unavailability is known, is drawn anew each
//! hour) and begins in its stationary distribution. The state at the beginning of an hour holds for the hour, in which:
//!
//! 1. each area serves its firm load from its own units; surplus flows to the areas that are short, as much as the ties allow;
//! 2. the same for the tiers, the last in the list first;
//! 3. storage and hydro serve what is left, in the same order; hydro otherwise keeps its inflow as long as the reservoir
//!    holds it;
//! 4. what is still not served is shed: so an interruptible tier of one area yields before the firm load of another goes dark, if
//!    the ties allow;
//! 5. surplus charges storage, its own area's first.
//!
//! A tier that has been curtailed for its most hours of the day is served like firm load until the next day. Curtailment of
//! firm tiers counts as loss of load whether or not their own generators run.
//!
//! Every draw is a function of (seed, replication, name of the component, member): results do not depend on threads, and two
//! systems that differ in one component see the same failures of all others.

mod flow;
mod indices;
mod path;
mod prepare;
mod record;
mod shape;
mod snapshot;
mod tilt;
mod year;

use std::sync::atomic::AtomicBool;

use bastide_engine::Pool;

pub use indices::{Events, HydroUse, SequentialAdequacy, Shortfall, StorageUse, TieUse, TierUse};
pub use snapshot::{SnapshotAdequacy, SnapshotOptions, SnapshotShortfall, WeightedMean, sample_snapshots};

use super::System;
use super::weather::Weather;

/// Replications that one thread runs in a row.
const BLOCK: u32 = 512;

/// How to simulate.
#[derive(Clone, Debug, PartialEq)]
pub struct SequentialOptions {
    /// Replications -- input.
    pub years: u32,
    /// Seed of every draw -- input.
    pub seed: u64,
    /// Threads; 0 is one per core -- input. Does not change a bit of the results.
    pub threads: usize,
    /// One load forecast error for all areas instead of one each -- input.
    pub correlated_forecast: bool,
    /// Recorded years to draw the series from, instead of those of the system -- input.
    pub weather: Option<Weather>,
}

impl Default for SequentialOptions {
    fn default() -> Self {
        Self { years: 1000, seed: 0, threads: 1, correlated_forecast: false, weather: None }
    }
}

/// Why a system was not simulated. Nothing is left behind; the call can be repeated with other input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SequentialError {
    /// The input contradicts itself.
    #[error("{0}")]
    Input(String),
    /// The method cannot treat the system.
    #[error("{0}")]
    Method(String),
}

/// Simulates a system.
///
/// # Errors
/// Where the arrays of the system or of the weather do not fit each other, or no year is asked for.
pub fn simulate(system: &System, options: &SequentialOptions) -> Result<SequentialAdequacy, SequentialError> {
    if options.years == 0 {
        return Err(SequentialError::Input("at least one year expected".into()));
    }
    let prepared = prepare::Prepared::new(system, options.weather.as_ref())?;
    let layout = record::Layout::new(&prepared);
    let width = layout.width();
    let pool = Pool::new(options.threads);
    let blocks = pool.replicate(0..options.years.div_ceil(BLOCK), &AtomicBool::new(false), &|_| (), |block| {
        let first = block * BLOCK;
        let count = BLOCK.min(options.years - first);
        let mut year = year::Year::new(&prepared, layout, options);
        let mut rows = vec![0.0; width * count as usize];
        let mut lengths = record::Lengths::new(prepared.scopes());
        for (replication, row) in (first..first + count).zip(rows.chunks_exact_mut(width)) {
            year.run(replication, row, &mut lengths);
        }
        (rows, lengths)
    });
    let mut lengths = record::Lengths::new(prepared.scopes());
    let mut rows = Vec::with_capacity(blocks.len());
    for (block, more) in blocks.into_iter().flatten() {
        lengths.merge(&more);
        rows.push(block);
    }
    Ok(indices::summarise(&prepared, layout, &rows, &lengths, options.years))
}
