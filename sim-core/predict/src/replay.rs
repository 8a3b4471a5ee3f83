//! Serves a trace request by request: continuous batching as an engine does it.
//!
//! ```text
//! Trace (CSV, JSON lines) --> Router --> Rank (scheduler, blocks) --> Group (clock, steps that are alike in one go) --> Outcome
//!                                                      StepModel: seconds of a Batch --'
//! ```
//!
//! The scheduler is vLLM's version 1 (Kwon et al. 2023; Agrawal et al. 2024): decoding first, then prompts in chunks in
//! order of arrival, within tokens, seats and blocks; the request that came last is computed anew where blocks run out.
//! Times come from a [`StepModel`]: a [`Deployment`], or, for machines
//! that have been profiled, a [`Profiled`] one.

mod blocks;
pub mod calibrate;
pub mod clients;
mod engine;
pub mod open;
pub mod outcome;
pub mod policy;
pub mod profile;
mod rank;
pub mod request;
pub mod table;
#[cfg(test)]
mod tests;

use std::cell::RefCell;

use bastide_cost_models::compute::serving::{Batch, Deployment};

pub use calibrate::{Run, calibrate_steps};
pub use clients::{Draw, draw_trace};
pub use open::{Arrivals, Comparison, Mean, SteadyState, fluid};
pub use outcome::{Outcome, ReplaySummary, Since, Statistics};
pub use policy::{Batching, Policy, ReplayError, Routing};
pub use profile::{Profile, Profiled, StepParameters, profile, profile_of};
pub use rank::Times;
pub use request::{Measured, Request, Trace, TraceError};
pub use table::Requests;

/// Blocks of a replica where nobody says how many.
const MOST_BLOCKS: u32 = u32::MAX / 2;

/// Seconds of a step.
pub trait StepModel {
    /// Time of a step over a batch of all replicas that step together \[s\]; positive.
    fn step_time(&self, batch: &Batch) -> f64;
}

/// A deployment that remembers what does not depend on the tokens that are kept: a replay asks for the same numbers of requests
/// again and again.
pub struct Remembered<'a> {
    deployment: Deployment<'a>,
    /// Seconds by decoding requests and tokens of prompts, the latest of those that share a place.
    places: RefCell<Vec<(u32, u32, f64)>>,
}

/// Places to remember steps in.
const PLACES: usize = 1 << 14;

impl<'a> Remembered<'a> {
    /// Of a deployment.
    #[must_use]
    pub fn new(deployment: Deployment<'a>) -> Self {
        Self { deployment, places: RefCell::new(vec![(0, 0, 0.0); PLACES]) }
    }
}

impl StepModel for Remembered<'_> {
    fn step_time(&self, batch: &Batch) -> f64 {
        let (decoding, prefill) = (batch.decoding as u32, batch.prefill as u32);
        if f64::from(decoding) != batch.decoding || f64::from(prefill) != batch.prefill {
            return self.deployment.step(batch).total();
        }
        // Prompts come in all lengths, decoding requests in few.
        let place = (decoding as usize).wrapping_add((prefill as usize).wrapping_mul(0x9e37)) % PLACES;
        let mut places = self.places.borrow_mut();
        let known = &mut places[place];
        if (known.0, known.1) != (decoding, prefill) || known.2 == 0.0 {
            let step = self.deployment.step(batch);
            *known = (decoding, prefill, step.total() - step.attention);
        }
        known.2 + self.deployment.attention_of(batch)
    }
}

impl StepModel for Deployment<'_> {
    fn step_time(&self, batch: &Batch) -> f64 {
        self.step(batch).total()
    }
}

/// Serves the requests of a trace, one by one.
///
/// `blocks` of the policy decides how many blocks of keys and values each replica has; without it they are as good as
/// unlimited. See [`serve`] for those of a deployment.
///
/// # Errors
/// [`ReplayError`] for settings that make no sense, requests longer than the cache, and step times that are no times.
pub fn replay(trace: &Trace, model: &dyn StepModel, policy: &Policy) -> Result<Outcome, ReplayError> {
    engine::run(trace, model, policy, policy.blocks.unwrap_or(MOST_BLOCKS), engine::LONGEST_SKIP)
}

/// Serves the requests of a trace on a deployment: with the parameters of its machine where that has been profiled under its
/// engine (see [`profile()`]), with those of the deployment itself elsewhere. Layout and blocks that the policy leaves open
/// are the deployment's: groups of data-parallel devices that share experts step together; those of a dense model are
/// replicas on their own.
///
/// # Errors
/// [`ReplayError`], also where the model does not fit or the layout has pipeline stages.
pub fn serve(trace: &Trace, deployment: &Deployment<'_>, policy: &Policy) -> Result<Outcome, ReplayError> {
    let (deployment, policy) = settled(deployment, policy)?;
    match profile_of(&deployment) {
        Some(it) => replay(trace, &Profiled::new(&deployment, &it.parameters), &policy),
        None => replay(trace, &Remembered::new(deployment), &policy),
    }
}

/// What one group of replicas steps, and how.
///
/// # Errors
/// [`ReplayError`] where the model does not fit or the layout has pipeline stages.
pub fn settled<'a>(deployment: &Deployment<'a>, policy: &Policy) -> Result<(Deployment<'a>, Policy), ReplayError> {
    let (mut deployment, mut policy) = (*deployment, policy.clone());
    let setting = |setting, must: &str, value: String| ReplayError::Setting { setting, must: must.to_owned(), value };
    policy.check()?;
    deployment.layout.check().map_err(|error| setting("layout", "possible", error.to_string()))?;
    if deployment.layout.pipeline > 1.0 {
        return Err(setting(
            "pipeline",
            "1: batches that follow each other through stages are not replayed",
            deployment.layout.pipeline.to_string(),
        ));
    }
    if deployment.layout.data > 1.0 {
        policy.replicas = deployment.layout.data as u32;
        policy.lockstep = deployment.architecture.experts.is_some();
        if !policy.lockstep {
            deployment.layout.data = 1.0;
        }
    }
    let memory =
        deployment.memory().map_err(|shortage| ReplayError::Memory { missing_gb: shortage.bytes / 1e9, devices: shortage.devices })?;
    if policy.blocks.is_none() {
        // What the engine's log says of a machine that has been profiled is nearer than a rule for all.
        let cache = profile_of(&deployment).map_or(memory.cache, |it| it.usable - memory.weights);
        let blocks = cache / (memory.token.max(1.0) * f64::from(policy.block_size));
        policy.blocks = Some(blocks.clamp(1.0, f64::from(MOST_BLOCKS)) as u32);
    }
    Ok((deployment, policy))
}
