//! Serving of language models in continuous batching: steps, memory, latency against load, power and sizing.
//!
//! ```text
//! Deployment (device, architecture, formats, layout, engine) + Batch --> Step: seconds by part
//!            '--> Memory: weights, cache, tokens that fit                      |
//! Load (concurrency or rate, prompt and answer lengths) --> steady state: TTFT, TPOT, tokens/s, W <--'
//! ```
//!
//! A [`Step`] is one pass of the whole model over a [`Batch`]: requests that decode one token each and prompts, or chunks of
//! prompts, that are prefilled beside them (Agrawal et al. 2024, Sarathi-Serve). Kernel times come from
//! [`gemm`](super::gemm), [`attention`](super::attention) and [`collective`](super::collective); what a whole engine adds to
//! them is in [`Parameters`], fitted once for each engine.

pub mod deployment;
pub mod length;
pub mod load;
pub mod memory;
pub mod open;
pub mod parameters;
pub mod power;
pub mod sizing;
pub mod steady;
pub mod step;
pub mod terms;

pub use deployment::{Deployment, Engine, Layout, LayoutError};
pub use length::LengthLaw;
pub use load::{State, Targets};
pub use memory::{Memory, Shortage};
pub use open::{Open, OpenState, Scheduler};
pub use parameters::{EngineParameters, Parameters, Practice, Spread, parameters};
pub use power::Work;
pub use steady::{Disaggregated, Latency, Lengths, Speculation, closed_queue};
pub use step::{Batch, Step};

#[cfg(test)]
mod tests;
