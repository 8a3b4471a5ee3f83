//! Shares of the data sheet that engines reach when only throughput counts.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::{LocalParameters, with_own_processor};
use crate::compute::{Conformal, Device, Format, Generation};

/// Parameters of the laws of this module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Share of the peak of 16-bit products.
    pub fp16: f64,
    /// Share of the peak of 8-bit products.
    pub fp8: f64,
    /// Share of the peak of 4-bit floating point products.
    pub fp4: f64,
    /// Share of the bandwidth of memory.
    pub bandwidth: f64,
    /// The same for Blackwell, whose faster memory is harder to fill.
    pub bandwidth_blackwell: f64,
    /// Shares of peaks on Blackwell boards with GDDR memory, over those of the other Blackwells: lower limits of power, and
    /// the peaks of their data sheets are at the boost clock.
    pub matrix_blackwell_rtx: f64,
    /// Shares of peaks on CDNA, over those of NVIDIA.
    pub matrix_cdna: f64,
    /// Share of the 16-bit peak of attention within prompts.
    pub prompt_attention: f64,
    /// Share of the bandwidth of links.
    pub links: f64,
    /// Passes over the activations of routed tokens.
    pub routing: f64,
    /// Small kernels of a layer \[s\].
    pub layer: f64,
    /// Host time of a step \[s\].
    pub step: f64,
    /// Host time of a step for each request in it \[s\].
    pub request: f64,
    /// Host times where the device's own processor (Grace) runs the host, over those of others.
    pub own_processor: f64,
    /// Waiting of pipeline stages, as a share of the step.
    pub bubble: f64,
    /// Share of the answer's tokens for which room is kept while a request runs.
    pub reserved: f64,
    /// What tuned submissions reach.
    pub scenario: ScenarioParameters,
    /// One stream of llama.cpp.
    pub local: LocalParameters,
    /// Intervals by regime.
    pub intervals: Intervals,
}

/// What tuned submissions reach (Reddi et al. 2020: MLPerf Inference and its scenarios).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioParameters {
    /// Throughput of a tuned engine over that of its defaults.
    pub tuned: f64,
    /// Throughput of engines of 2023 and 2024 over later ones.
    pub earlier: f64,
    /// Share of the limit on time per token that a mean step may take, so that the 99th percentile keeps it.
    pub share_of_limit: f64,
    /// Share of throughput that remains where requests arrive at random.
    pub arrivals: f64,
    /// Share of that which remains where first tokens must come within half a second.
    pub first_token: f64,
    /// Throughput under a limit of power that is chosen for tokens per joule, over that at full power.
    pub power_limited: f64,
    /// Throughput of a batch that is filled once, by engines of 2023, over the law.
    pub fixed_batch: f64,
    /// Share of repeated reads of keys and values that several queries share, in kernels of 2023.
    pub shared_reads: f64,
    /// Host times of an engine whose loop is compiled, over one in Python.
    pub compiled_host: f64,
}

/// Kinds of questions with errors of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Regime {
    /// A full queue in an engine's own benchmark.
    FullQueue,
    /// A tuned submission.
    Scenario,
    /// A batch that is filled once.
    FixedBatch,
    /// One stream that decodes.
    LocalDecode,
    /// One prompt at a time.
    LocalPrefill,
    /// Anything else.
    Other,
}

/// Interval of each regime.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intervals {
    /// [`Regime::FullQueue`].
    pub full_queue: Conformal,
    /// [`Regime::Scenario`].
    pub scenario: Conformal,
    /// [`Regime::FixedBatch`].
    pub fixed_batch: Conformal,
    /// [`Regime::LocalDecode`].
    pub local_decode: Conformal,
    /// [`Regime::LocalPrefill`].
    pub local_prefill: Conformal,
}

impl Intervals {
    /// Interval of a regime; any other has twice that of a full queue.
    #[must_use]
    pub fn of(&self, regime: Regime) -> (Conformal, f64) {
        match regime {
            Regime::FullQueue => (self.full_queue, 1.0),
            Regime::Scenario => (self.scenario, 1.0),
            Regime::FixedBatch => (self.fixed_batch, 1.0),
            Regime::LocalDecode => (self.local_decode, 1.0),
            Regime::LocalPrefill => (self.local_prefill, 1.0),
            Regime::Other => (self.full_queue, 2.0),
        }
    }
}

impl Parameters {
    /// Share of the peak of products in a format.
    #[must_use]
    pub fn matrix(&self, format: Format, generation: Generation) -> f64 {
        let format = match format {
            Format::Fp4 if generation_has_fp4(generation) => self.fp4,
            Format::Fp8 | Format::Fp8Block | Format::Int8 | Format::Fp4 => self.fp8,
            Format::Int4 | Format::Bf16 | Format::Fp32 => self.fp16,
        };
        format * self.generation(generation)
    }

    /// Shares of peaks of a generation over those of NVIDIA's data-centre boards.
    #[must_use]
    pub fn generation(&self, generation: Generation) -> f64 {
        match generation {
            Generation::BlackwellRtx => self.matrix_blackwell_rtx,
            Generation::Cdna2 | Generation::Cdna3 | Generation::Cdna4 => self.matrix_cdna,
            _ => 1.0,
        }
    }

    /// Share of the bandwidth of memory.
    #[must_use]
    pub fn bandwidth(&self, generation: Generation) -> f64 {
        match generation {
            Generation::Blackwell | Generation::Cdna4 => self.bandwidth_blackwell,
            _ => self.bandwidth,
        }
    }

    /// Host times on a device's server over those of a common one.
    #[must_use]
    pub fn host(&self, device: &Device) -> f64 {
        if with_own_processor(device) { self.own_processor } else { 1.0 }
    }
}

fn generation_has_fp4(generation: Generation) -> bool {
    matches!(generation, Generation::Blackwell | Generation::BlackwellRtx | Generation::Cdna4)
}

/// The fitted parameters.
///
/// # Panics
/// Never: the table is compiled in, and the tests parse it.
#[must_use]
pub fn parameters() -> &'static Parameters {
    static TABLE: OnceLock<Parameters> = OnceLock::new();
    TABLE.get_or_init(|| {
        toml::from_str(include_str!("../../../data/throughput/inference.toml"))
            // The table is compiled in and the tests of this file parse it: no input of a user reaches this.
            .expect("the compiled-in table parses")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_shares() {
        let it = parameters();
        for share in [it.fp16, it.fp8, it.fp4, it.bandwidth, it.bandwidth_blackwell, it.prompt_attention, it.links, it.reserved] {
            assert!((0.05..=1.0).contains(&share), "{share}");
        }
        let scenario = &it.scenario;
        for share in [scenario.share_of_limit, scenario.arrivals, scenario.first_token, scenario.power_limited] {
            assert!((0.2..=1.0).contains(&share), "{share}");
        }
        assert!(it.local.bandwidth <= 1.0 && it.local.matrix <= 1.0);
    }
}
