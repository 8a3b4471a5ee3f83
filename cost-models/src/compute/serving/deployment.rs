//! A model on devices: formats, parallel layout and engine.

use super::{Parameters, parameters};
use crate::compute::{Architecture, Device, Format, Generation, Grade};

/// Serving software, as far as its habits differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// vLLM (Kwon et al. 2023), version 1 engine.
    Vllm,
    /// SGLang (Zheng et al. 2024).
    Sglang,
    /// TensorRT-LLM.
    TrtLlm,
    /// llama.cpp.
    LlamaCpp,
    /// Any other: the mean of the known ones.
    Other,
}

impl Engine {
    /// Reads the names that tables use: `vllm`, `SGLang`, `TensorRT-LLM PyTorch backend (trtllm-bench)`.
    #[must_use]
    pub fn parse(name: &str) -> Self {
        let name = crate::compute::device::plain(name);
        if name.contains("vllm") {
            Self::Vllm
        } else if name.contains("sglang") {
            Self::Sglang
        } else if name.contains("trt") {
            Self::TrtLlm
        } else if name.contains("llamacpp") || name.contains("llamabench") {
            Self::LlamaCpp
        } else {
            Self::Other
        }
    }
}

/// How a replica is cut: `tensor * data * pipeline` devices, the experts of a layer over `tensor * data` of them.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Layout {
    /// Tensor parallel: devices that share the heads of one attention (and dense feed-forwards).
    pub tensor: f64,
    /// Pipeline stages.
    pub pipeline: f64,
    /// Expert parallel: devices over which whole experts are spread; `tensor * data / expert` devices share each expert.
    pub expert: f64,
    /// Attention data parallel: groups that each hold their own requests, with their own copy of attention's weights.
    pub data: f64,
}

/// Why a layout cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutError(pub String);

impl std::fmt::Display for LayoutError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LayoutError {}

impl Layout {
    /// Tensor parallel alone.
    #[must_use]
    pub fn tensor(devices: f64) -> Self {
        Self { tensor: devices, pipeline: 1.0, expert: 1.0, data: 1.0 }
    }

    /// Devices of a replica.
    #[must_use]
    pub fn devices(&self) -> f64 {
        self.tensor * self.data * self.pipeline
    }

    /// Devices that share the experts of one layer.
    #[must_use]
    pub fn expert_group(&self) -> f64 {
        self.tensor * self.data
    }

    /// Whether every degree is a whole number from 1 and the experts' divides the group.
    ///
    /// # Errors
    /// [`LayoutError`] names the degree.
    pub fn check(&self) -> Result<(), LayoutError> {
        for (name, degree) in [("tensor", self.tensor), ("pipeline", self.pipeline), ("expert", self.expert), ("attention data", self.data)]
        {
            if !(1.0..=1e5).contains(&degree) || degree.fract() != 0.0 {
                return Err(LayoutError(format!("{name} parallel must be a whole number from 1 to 100,000: {degree}")));
            }
        }
        if self.expert_group() % self.expert != 0.0 {
            return Err(LayoutError(format!(
                "expert parallel {} does not divide tensor x attention data parallel {}",
                self.expert,
                self.expert_group()
            )));
        }
        Ok(())
    }
}

/// A replica of a model.
#[derive(Clone, Copy, Debug)]
pub struct Deployment<'a> {
    /// Device.
    pub device: &'a Device,
    /// Model.
    pub architecture: &'a Architecture,
    /// Format of the weights of attention and dense feed-forwards.
    pub weights: Format,
    /// Format of the weights of experts.
    pub experts: Format,
    /// Format of keys and values.
    pub cache: Format,
    /// How the replica is cut.
    pub layout: Layout,
    /// Serving software.
    pub engine: Engine,
    /// What engines add to kernels, fitted.
    pub parameters: &'a Parameters,
}

/// Widening of intervals on chips of generations without measured configurations (our assumption).
const UNKNOWN_DEVICE: f64 = 1.5;

impl Deployment<'_> {
    /// What latencies rest on, and how much wider their intervals are than on the chips that were measured: engines were on those
    /// of the Hopper and Blackwell generations.
    #[must_use]
    pub fn evidence(&self) -> (Grade, f64) {
        if matches!(self.device.generation, Generation::Hopper | Generation::Blackwell) {
            (Grade::Transferred, 1.0)
        } else {
            (Grade::Datasheet, UNKNOWN_DEVICE)
        }
    }
}

impl<'a> Deployment<'a> {
    /// A replica with all weights in one format, keys and values in 16 bits, and the fitted parameters.
    #[must_use]
    pub fn new(device: &'a Device, architecture: &'a Architecture, weights: Format, layout: Layout, engine: Engine) -> Self {
        Self { device, architecture, weights, experts: weights, cache: Format::Bf16, layout, engine, parameters: parameters() }
    }
}
