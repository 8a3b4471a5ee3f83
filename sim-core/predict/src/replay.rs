//! Serves a trace request by request: continuous batching as an engine does it.
//!
//! ```text
//! Trace (CSV, JSON lines) --> Router --> Rank (scheduler, blocks) --> Group (clock, steps that are alike in one go) --> Outcome
//!                                                      StepModel: seconds of a Batch --'
//! ```
//!
//! The scheduler is vLLM's version 1 (Kwon et al. 2023; Agrawal et al. 2024): decoding first, then prompts in chunks in
//! order of arrival, within tokens, seats and blocks; the request that came last is computed anew where blocks run out.
//! Times come from a [`StepModel`]: a [`Deployment`](bastide_cost_models::compute::serving::Deployment), or, for machines
//! that have been profiled, a [`Profiled`] one.

mod blocks;
pub mod calibrate;
mod engine;
pub mod outcome;
pub mod policy;
pub mod profile;
mod rank;
pub mod request;

use bastide_cost_models::compute::serving::{Batch, Deployment, Memory};

pub use calibrate::{Run, calibrate_steps};
pub use outcome::{Outcome, ReplaySummary, Since, Statistics};
pub use policy::{Batching, Policy, ReplayError, Routing};
pub use profile::{Profiled, StepParameters, profile};
pub use rank::Times;
pub use request::{Measured, Request, Trace, TraceError};

/// Seconds of a step.
pub trait StepModel {
    /// Time of a step over a batch of all replicas that step together \[s\]; positive.
    fn step_time(&self, batch: &Batch) -> f64;
}

impl StepModel for Deployment<'_> {
    fn step_time(&self, batch: &Batch) -> f64 {
        self.step(batch).total()
    }
}

/// Serves the requests of a trace, one by one.
///
/// `blocks` of the policy decides how many blocks of keys and values each replica has; without it they are unlimited. See
/// [`with_memory`] for those of a deployment.
///
/// # Errors
/// [`ReplayError`] for settings that make no sense, requests longer than the cache, and step times that are no times.
pub fn replay(trace: &Trace, model: &dyn StepModel, policy: &Policy) -> Result<Outcome, ReplayError> {
    engine::run(trace, model, policy, policy.blocks.unwrap_or(u32::MAX / 2))
}

/// A policy with the layout of a deployment and the blocks that fit its memory, where the policy does not set them: replicas
/// that share a mixture of experts step together; other data-parallel ones are on their own.
///
/// # Errors
/// [`ReplayError::Memory`] where the model does not fit.
pub fn with_memory(deployment: &Deployment<'_>, policy: &Policy) -> Result<Policy, ReplayError> {
    let mut policy = policy.clone();
    if policy.blocks.is_none() {
        let Memory { cache, token, .. } =
            deployment.memory().map_err(|shortage| ReplayError::Memory { missing_gb: shortage.bytes / 1e9, devices: shortage.devices })?;
        let blocks = cache / (token.max(1.0) * f64::from(policy.block_size.max(1)));
        policy.blocks = Some(blocks.min(f64::from(u32::MAX / 2)) as u32);
    }
    if deployment.layout.data > 1.0 {
        policy.replicas = deployment.layout.data as u32;
        policy.lockstep = true;
    }
    Ok(policy)
}
