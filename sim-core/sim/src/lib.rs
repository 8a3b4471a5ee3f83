//! The coupled world: what a plan goes through in one history, and what is learnt from many.
//!
//! Architecture invariant: indices and dense arrays only; no text of scenarios, no clock, no solver. A history is a function of model,
//! plan, seed and replication.

#![forbid(unsafe_code)]

// Test support that the report's tests share names this crate from outside.
#[cfg(test)]
extern crate self as bastide_sim;

pub mod adequacy;
pub mod fair_share;
mod hazard;
pub mod record;
pub mod results;
pub mod run;
mod setup;
mod world;

pub use adequacy::adequacy;
pub use record::{Balance, Better, ChannelDef, EventRecord, History, Layout, MetricDef, Options, entity_name};
pub use run::{Simulator, run, simulate};
