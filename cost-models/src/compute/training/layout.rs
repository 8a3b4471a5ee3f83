//! How a training run is spread over accelerators.

use super::super::{Architecture, Format};

/// What each data-parallel member keeps a part of instead of a copy (Rajbhandari et al. 2020, ZeRO).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sharding {
    /// Nothing: every member keeps weights, gradients and optimiser.
    None,
    /// Optimiser state (ZeRO-1, Megatron's distributed optimiser).
    #[default]
    Optimiser,
    /// Optimiser state and gradients (ZeRO-2, FSDP `SHARD_GRAD_OP`).
    Gradients,
    /// Optimiser state, gradients and weights (ZeRO-3, FSDP `FULL_SHARD`).
    Full,
}

/// Activations that the backward pass computes again instead of reading them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recompute {
    /// None: all are kept.
    #[default]
    None,
    /// Attention scores alone (Korthikanti et al. 2022, section 5); flash attention does this by itself.
    Selective,
    /// Every layer keeps its input alone.
    Full,
}

/// Order in which a pipeline stage works on micro-batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// One forward, one backward (Narayanan et al. 2021), interleaved where a stage has several chunks of layers.
    #[default]
    OneForwardOneBackward,
    /// Weight gradients fill the bubble (Qi et al. 2023, ZB-H1).
    ZeroBubble,
}

/// What an update of the weights reads and writes.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Optimiser {
    /// Bytes of a parameter's optimiser state: master copy and moments (B).
    pub state_bytes: f64,
    /// Bytes of a gradient as it is accumulated and reduced (B).
    pub gradient_bytes: f64,
}

impl Optimiser {
    /// Adam in mixed precision with a 32-bit master copy and moments, gradients in 32 bits (Megatron-LM's default with bfloat16).
    pub const ADAM: Self = Self { state_bytes: 12.0, gradient_bytes: 4.0 };
    /// The same with gradients in 16 bits (PyTorch FSDP mixed precision, Megatron with half).
    pub const ADAM_HALF_GRADIENTS: Self = Self { state_bytes: 12.0, gradient_bytes: 2.0 };
}

/// A model and the length of its training sequences.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// The model.
    pub architecture: &'a Architecture,
    /// Tokens of a sequence.
    pub sequence_length: f64,
}

/// How the work is divided: `devices = tensor x context x pipeline x data`.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// Accelerators.
    pub devices: u32,
    /// Tensor parallelism: accelerators that share every matrix of a layer.
    pub tensor: u32,
    /// Pipeline stages.
    pub pipeline: u32,
    /// Context parallelism: accelerators that share a sequence.
    pub context: u32,
    /// Data parallelism: copies that take different sequences.
    pub data: u32,
    /// Expert parallelism: accelerators among which the experts of a layer are dealt out. They are members of the
    /// data-, context- and tensor-parallel groups of a stage, not further accelerators.
    pub expert: u32,
    /// Tensor parallelism within an expert; 1 where experts are whole.
    pub expert_tensor: u32,
    /// Chunks of layers of a pipeline stage (virtual stages, interleaving); 1 without.
    pub interleaving: u32,
    /// Sequences of a micro-batch.
    pub micro_batch: u32,
    /// Sequences of a step, over all accelerators.
    pub global_batch: u32,
    /// Whether norms and dropout share the sequence among the tensor-parallel members (Korthikanti et al. 2022).
    pub sequence_parallel: bool,
    /// What data-parallel members share.
    pub sharding: Sharding,
    /// Data-parallel members that share one copy, where fewer than all do (hybrid sharding: whole copies on every node or slice);
    /// 0 for all.
    #[serde(default)]
    pub sharding_group: u32,
    /// What the backward pass computes again.
    pub recompute: Recompute,
    /// Order of the pipeline.
    pub schedule: Schedule,
    /// Format of the layers' matrix products.
    pub precision: Format,
    /// Whether attention keeps no scores (Dao et al. 2022).
    pub flash_attention: bool,
    /// Whether the loss is computed without a 32-bit copy of the logits.
    pub fused_cross_entropy: bool,
    /// The update of the weights.
    pub optimiser: Optimiser,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            devices: 1,
            tensor: 1,
            pipeline: 1,
            context: 1,
            data: 1,
            expert: 1,
            expert_tensor: 1,
            interleaving: 1,
            micro_batch: 1,
            global_batch: 1,
            sequence_parallel: true,
            sharding: Sharding::Optimiser,
            sharding_group: 0,
            recompute: Recompute::None,
            schedule: Schedule::OneForwardOneBackward,
            precision: Format::Bf16,
            flash_attention: true,
            fused_cross_entropy: true,
            optimiser: Optimiser::ADAM,
        }
    }
}

/// Why a layout cannot run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutError {
    /// What does not divide, with the nearest values that do.
    pub message: String,
}

impl std::fmt::Display for LayoutError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for LayoutError {}

impl Layout {
    /// Micro-batches that each pipeline works through in a step.
    #[must_use]
    pub fn micro_batches(&self) -> f64 {
        f64::from(self.global_batch) / (f64::from(self.data) * f64::from(self.micro_batch))
    }

    /// Accelerators that hold the same dense weights and share their gradients: data times context parallelism.
    #[must_use]
    pub fn replicas(&self) -> f64 {
        f64::from(self.data) * f64::from(self.context)
    }

    /// Accelerators that hold the same experts and share their gradients.
    #[must_use]
    pub fn expert_replicas(&self) -> f64 {
        f64::from(self.tensor) * self.replicas() / (f64::from(self.expert) * f64::from(self.expert_tensor))
    }

    /// Whether the layout can run the model: whether everything divides.
    ///
    /// # Errors
    /// [`LayoutError`] says what does not and which values near it do.
    pub fn check(&self, architecture: &Architecture) -> Result<(), LayoutError> {
        let fail = |message: String| Err(LayoutError { message });
        for (value, what) in [
            (self.devices, "devices"),
            (self.tensor, "tensor parallelism"),
            (self.pipeline, "pipeline stages"),
            (self.context, "context parallelism"),
            (self.data, "data parallelism"),
            (self.expert, "expert parallelism"),
            (self.expert_tensor, "tensor parallelism of experts"),
            (self.interleaving, "interleaving"),
            (self.micro_batch, "micro-batch"),
            (self.global_batch, "global batch"),
        ] {
            if value == 0 {
                return fail(format!("{what} must be at least 1"));
            }
        }
        let wide = |value: u32| u64::from(value);
        let model = wide(self.tensor).saturating_mul(wide(self.pipeline)).saturating_mul(wide(self.context));
        let product = model.saturating_mul(wide(self.data));
        if product != wide(self.devices) {
            let fit = (wide(self.devices) / model).max(1);
            return fail(format!(
                "tensor {} x pipeline {} x context {} x data {} is {product}, not {} devices; \
                 data parallelism {fit} makes {} devices",
                self.tensor,
                self.pipeline,
                self.context,
                self.data,
                self.devices,
                fit.saturating_mul(model)
            ));
        }
        let divides = |whole: f64, part: u32, what: &str, by: &str| -> Result<(), LayoutError> {
            if whole > 0.0 && whole % f64::from(part) == 0.0 {
                return Ok(());
            }
            Err(LayoutError { message: format!("{what} {whole} do not divide by {by} {part}; {}", nearest(whole, part)) })
        };
        let heads = architecture.attention.heads;
        divides(heads, self.tensor, "attention heads", "tensor parallelism")?;
        // Fewer key-value heads than members are copied, which works where members divide by heads.
        let kv_heads = architecture.attention.kv_heads;
        if kv_heads > 0.0 && kv_heads % f64::from(self.tensor) != 0.0 && f64::from(self.tensor) % kv_heads != 0.0 {
            return fail(format!(
                "key-value heads {kv_heads} do not divide by tensor parallelism {}; {}",
                self.tensor,
                nearest(kv_heads, self.tensor)
            ));
        }
        let chunks = self.pipeline.saturating_mul(self.interleaving);
        // A last stage may have fewer layers (Llama 3 and DeepSeek-V3 do so), an empty one is an error.
        if f64::from(chunks) > architecture.layers.max(1.0) {
            return fail(format!(
                "{} pipeline stages with {} chunks each are more than the model's {} layers",
                self.pipeline, self.interleaving, architecture.layers
            ));
        }
        if self.pipeline == 1 && self.interleaving > 1 {
            return fail(format!("interleaving {} needs at least 2 pipeline stages", self.interleaving));
        }
        divides(
            f64::from(self.global_batch),
            self.data.saturating_mul(self.micro_batch),
            "global batch: sequences",
            "data parallelism times micro-batch",
        )?;
        match architecture.experts {
            None if self.expert > 1 => return fail(format!("expert parallelism {} of a model without experts", self.expert)),
            None => {}
            Some(experts) => {
                divides(experts.count, self.expert, "experts", "expert parallelism")?;
                let members = wide(self.tensor) * wide(self.context) * wide(self.data);
                let part = wide(self.expert).saturating_mul(wide(self.expert_tensor));
                if members % part != 0 {
                    return fail(format!(
                        "the {members} accelerators of a pipeline stage do not divide by expert parallelism {} times tensor \
                         parallelism of experts {}; {}",
                        self.expert,
                        self.expert_tensor,
                        nearest(members as f64, self.expert)
                    ));
                }
            }
        }
        Ok(())
    }
}

/// The divisors of `whole` next to `part`, in words.
fn nearest(whole: f64, part: u32) -> String {
    let whole = if whole.is_finite() && (1.0..=1e9).contains(&whole) { whole as u32 } else { return "nothing near divides".to_owned() };
    let divides = |it: &u32| whole.is_multiple_of(*it);
    // The search is short: a divisor of what people use lies near, and 1 and the whole always divide.
    let below = (1..=part.min(whole)).rev().take(100_000).find(divides).unwrap_or(1);
    let above = (part.min(whole)..=whole).take(100_000).find(divides);
    match above {
        Some(above) if above != below => format!("{below} and {above} do"),
        _ => format!("{below} does"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::architecture;
    use super::*;

    fn llama() -> &'static Architecture {
        architecture("llama-3.1-405b").unwrap().1
    }

    #[test]
    fn the_published_layout_of_llama_3_divides() {
        // Llama 3 (2024), Table 4: 16,384 accelerators, TP 8, CP 1, PP 16, DP 128, 16 sequences for each.
        let it = Layout {
            devices: 16_384,
            tensor: 8,
            pipeline: 16,
            data: 128,
            global_batch: 2048,
            sharding: Sharding::Full,
            ..Layout::default()
        };
        assert_eq!(it.check(llama()), Ok(()));
        // 2,048 sequences over 128 members of one sequence each: 16.
        assert!((it.micro_batches() - 16.0).abs() < 1e-12);
    }

    #[test]
    fn what_does_not_divide_is_named_with_what_does() {
        let base = Layout { devices: 8, tensor: 8, global_batch: 8, ..Layout::default() };
        let message = |it: Layout| it.check(llama()).unwrap_err().message;
        assert!(message(Layout { data: 2, ..base }).contains("data parallelism 1 makes 8 devices"));
        assert_eq!(
            message(Layout { devices: 7, tensor: 7, ..base }),
            "attention heads 128 do not divide by tensor parallelism 7; 4 and 8 do"
        );
        assert!(message(Layout { expert: 2, ..base }).contains("without experts"));
        assert!(message(Layout { tensor: 0, ..base }).contains("tensor parallelism must be at least 1"));
        assert!(message(Layout { devices: 2000, tensor: 1, pipeline: 2000, ..base }).contains("126 layers"));
        assert!(message(Layout { interleaving: 2, ..base }).contains("at least 2"));
        assert!(message(Layout { devices: u32::MAX, tensor: u32::MAX, pipeline: u32::MAX, ..base }).contains("not 4294967295 devices"));
    }
}
