//! Answers that others published, beside ours. `docs/validation.md` is the table; each row names its test here.

#[path = "../support/mod.rs"]
mod support;

mod attack;
mod dispatch;
mod events;
mod failures;
mod fluid;
mod grid;
mod incidents;
mod incidents_simulated;
mod machines;
mod minimal;
mod optimum;
mod packing;
mod queueing;
mod schedule;

mod throughput;
mod training;
