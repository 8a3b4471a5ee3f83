//! The coupled world: what a plan goes through in one history, and what is learnt from many.
//!
//! Architecture invariant: indices and dense arrays only; no text of scenarios, no clock, no solver. A history is a function of model,
//! plan, seed and replication.

#![forbid(unsafe_code)]

// Test helpers name the crate as other crates do.
#[cfg(test)]
extern crate self as bastide_sim;

pub mod record;
pub mod results;

pub use record::{Balance, Better, ChannelDef, EventRecord, History, Layout, MetricDef, Options, entity_name};
