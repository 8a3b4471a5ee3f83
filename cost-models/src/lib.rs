//! What accelerators, models, buildings and money cost: published figures with their sources, and closed formulas.
//!
//! [`library()`] holds the figures (`data/*.toml`); [`compute`] turns a device and a model into throughput, [`finance`],
//! [`capital`] and [`queueing`] are textbook formulas with their references; [`restoration`] says how long it takes to come back.
//!
//! Architecture invariant: arithmetic only. No clock, no randomness, no files but the tables that are compiled in.

#![forbid(unsafe_code)]

pub mod capital;
pub mod compute;
pub mod finance;
mod library;
pub mod queueing;
pub mod restoration;

pub use library::{AcceleratorData, Figure, Library, ModelData, library};
