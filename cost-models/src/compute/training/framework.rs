//! How well training software uses an accelerator: the fitted part of the model.

use std::sync::OnceLock;

use indexmap::IndexMap;
use serde::Deserialize;

use super::super::{Conformal, Device, Generation};

/// What a training framework makes of kernels and links.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    /// Time of matrix products in a training step over that of the kernel alone: clocks under sustained load, shapes and
    /// fusions that miss the best kernel.
    pub matrix: f64,
    /// Time of flash attention over that of the best kernel of the chip.
    pub attention: f64,
    /// Memory traffic of norms, activations and residuals over the least that fused kernels move.
    pub elementwise: f64,
    /// Time of the processor to launch one layer in one direction \[s\]: the floor of a layer's time.
    pub launch: f64,
    /// The same of a layer with experts, whose routing and grouped products are many small kernels \[s\].
    pub expert_launch: f64,
    /// Share of tensor-parallel communication that compute does not hide; above 1 where members wait for each other.
    pub tensor_exposed: f64,
    /// Share of gradient and weight communication among data-parallel members that may run beside compute.
    pub data_overlap: f64,
    /// Share of the experts' all-to-all that compute does not hide; above 1 where members wait for each other.
    pub expert_exposed: f64,
    /// Extra time of the products of experts over one product of all their tokens.
    pub grouped: f64,
    /// Share of the forward pass that selective recomputation repeats (0 where it is the scores of attention alone).
    #[serde(default)]
    pub selective: f64,
    /// Slow-down where weights, gradients and optimiser fill most of the memory: the allocator returns and asks again.
    #[serde(default)]
    pub pressure: f64,
    /// Growth of the step with each doubling of the nodes: stragglers, jitter, launch skew.
    pub straggle: f64,
    /// Work of a step outside of the layers: data, logging, gradient norm \[s\].
    pub step: f64,
}

/// What holds of all frameworks: the chips' share and what the backward pass costs.
#[derive(Clone, Debug, PartialEq, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct Common {
    /// Time of the backward pass of flash attention over that of the forward pass: 2.5 times the products (Dao 2023), at lower
    /// efficiency.
    pub attention_backward: f64,
    /// Share of the peak of memory bandwidth that streaming kernels reach.
    pub stream: f64,
    /// Time of matrix products in sustained training over the kernel alone, by the chips' architecture, on the product with the
    /// architecture's usual power limit: power-limited clocks.
    pub sustained: IndexMap<Generation, f64>,
    /// How clocks under load follow the power limit: time of products falls with (power per peak)^`power`.
    pub power: f64,
    /// How much of the faster peak of 8 and 4 bits products reach: time falls with (peak over that of 16 bits)^`narrow`.
    pub narrow: f64,
    /// How much of the difference between shapes that kernel tables of inference show is there in training, whose products have
    /// thousands of rows and a kernel picked for them: exponent of the kernel's time over that at the efficiency of large products.
    pub shape: f64,
}

impl Common {
    /// Factor of sustained load on a device's matrix products.
    #[must_use]
    pub fn sustained(&self, device: &Device) -> f64 {
        let usual = self.sustained.get(&device.generation).copied().unwrap_or(1.05);
        // Board power over 16-bit peak of the product whose limit is usual [W s / TFLOP]: A100 SXM, H100 SXM, B200 (data sheets).
        let reference = match device.generation {
            Generation::Ampere => 400.0 / 312.0,
            Generation::Hopper => 700.0 / 989.4,
            Generation::Blackwell => 1000.0 / 2250.0,
            _ => return usual,
        };
        let here = device.board_power.as_w() / device.peak_16bit.as_tflop_per_s();
        if here > 0.0 { usual * (reference / here).clamp(0.3, 3.0).powf(self.power) } else { usual }
    }
}

/// The fitted parameters and their provenance.
#[derive(Clone, Debug, PartialEq, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// What they were fitted on, and how well.
    pub provenance: String,
    /// Shared by all.
    pub common: Common,
    /// Residuals, by what is known of the run: `framework` (the framework was fitted), `general` (it was not), `searched` (the
    /// layout is ours), `benchmark` (time to a quality).
    pub residuals: IndexMap<String, Conformal>,
    /// By framework; `general` for those unknown.
    pub framework: IndexMap<String, Framework>,
}

impl Parameters {
    /// The parameters of a framework on a chip: those of `name/architecture`, else those of `name`, else the general ones with `false`.
    #[must_use]
    pub fn framework(&self, name: &str, generation: Generation) -> (&Framework, bool) {
        let here = self.framework.iter().find(|(key, _)| {
            key.strip_prefix(name).and_then(|rest| rest.strip_prefix('/')).is_some_and(|rest| rest == generation_name(generation))
        });
        match here.map(|it| it.1).or_else(|| self.framework.get(name)) {
            Some(it) => (it, true),
            None => (self.framework.get(GENERAL).unwrap_or(&FALLBACK), false),
        }
    }

    /// Sustained-load factor of a device's matrix products.
    #[must_use]
    pub fn sustained(&self, device: &Device) -> f64 {
        self.common.sustained(device)
    }
}

/// A chip's architecture as the table spells it.
#[must_use]
pub fn generation_name(generation: Generation) -> &'static str {
    match generation {
        Generation::Volta => "volta",
        Generation::Turing => "turing",
        Generation::Ampere => "ampere",
        Generation::Ada => "ada",
        Generation::Hopper => "hopper",
        Generation::Blackwell => "blackwell",
        Generation::BlackwellRtx => "blackwell-rtx",
        Generation::Cdna2 => "cdna2",
        Generation::Cdna3 => "cdna3",
        Generation::Cdna4 => "cdna4",
        Generation::Gaudi => "gaudi",
        Generation::Xe2 => "xe2",
        Generation::Tpu => "tpu",
        Generation::Trainium => "trainium",
        Generation::Apple => "apple",
        Generation::Ascend => "ascend",
    }
}

/// Kernels as they are, nothing hidden: for a table without general parameters.
const FALLBACK: Framework = Framework {
    matrix: 1.0,
    attention: 1.0,
    elementwise: 1.0,
    launch: 0.0,
    expert_launch: 0.0,
    tensor_exposed: 1.0,
    data_overlap: 0.0,
    expert_exposed: 1.0,
    grouped: 1.0,
    selective: 0.0,
    pressure: 0.0,
    straggle: 0.0,
    step: 0.0,
};

/// Name of the parameters for frameworks that were not fitted.
pub const GENERAL: &str = "general";

/// The shipped parameters.
///
/// # Panics
/// Never: the table is compiled in, and the tests parse it.
#[must_use]
pub fn parameters() -> &'static Parameters {
    static PARAMETERS: OnceLock<Parameters> = OnceLock::new();
    PARAMETERS.get_or_init(|| {
        toml::from_str(include_str!("../../../data/throughput/training.toml"))
            // The table is compiled in and the tests of this file parse it: no input of a user reaches this.
            .expect("the compiled-in table parses")
    })
}

/// The shipped parameters of Megatron-LM on Blackwell, by measured single steps.
///
/// # Panics
/// Never: the table is compiled in, and the tests parse it.
#[must_use]
pub fn step_parameters() -> &'static Parameters {
    static PARAMETERS: OnceLock<Parameters> = OnceLock::new();
    PARAMETERS.get_or_init(|| {
        toml::from_str(include_str!("../../../data/throughput/steps.toml"))
            // The table is compiled in and the tests of this file parse it: no input of a user reaches this.
            .expect("the compiled-in table parses")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_parameters_are_plausible() {
        let it = parameters();
        assert!(it.provenance.len() > 20);
        assert!(it.framework.contains_key(GENERAL));
        for (name, framework) in &it.framework {
            assert!((0.5..3.0).contains(&framework.matrix), "{name}");
            assert!((0.0..=1.0).contains(&framework.data_overlap), "{name}");
        }
        for (name, conformal) in &it.residuals {
            assert!(conformal.low < 0.0 && conformal.high > 0.0, "{name}");
        }
    }
}
