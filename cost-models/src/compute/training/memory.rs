//! Memory of a training step by part.
//!
//! ```text
//! peak of a stage = weights + gradients + optimiser state + activations of the micro-batches in flight
//!                 + max(logits and the output layer's transients, transients of a layer's backward pass) + buffers
//! ```
//!
//! Everything is counted from the shapes (Korthikanti et al. 2022, Reducing Activation Recomputation; Rajbhandari et al. 2020,
//! ZeRO; the parts that Megatron-LM and Transformer Engine keep), nothing is fitted but the interval. Norms' own weights,
//! biases and the allocator's rounding (512 B for each tensor) are left out: together below 0.1 %.

mod capacity;
mod footprint;

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::super::{Conformal, Format, Grade, Prediction};
use super::layout::{Layout, Recompute, Sharding, Task};
pub use capacity::{Capacity, USABLE_FOR_TRAINING, capacity, smallest};
use footprint::{Footprint, footprint};

/// Workspaces of the matrix library: one of PyTorch and one of Transformer Engine, 32 MiB each on chips since Hopper.
const WORKSPACES: f64 = 2.0 * WORKSPACE;
/// Workspace of one stream of matrix products (B).
const WORKSPACE: f64 = 32.0 * 1024.0 * 1024.0;
/// Streams that share the products of many experts in Transformer Engine, each with a workspace.
const EXPERT_STREAMS: f64 = 4.0;
/// Vocabularies are padded to a multiple of this times the tensor parallelism (Megatron-LM's default).
const VOCABULARY_MULTIPLE: f64 = 128.0;
/// Layers whose whole weights lie in memory at once where weights are sharded: the one at work and the next (PyTorch FSDP).
const GATHERED_LAYERS: f64 = 2.0;

/// Peak memory of the fullest accelerator by part (B).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Memory {
    /// Weights as the products read them (B).
    pub weights: f64,
    /// Gradients as they are accumulated (B).
    pub gradients: f64,
    /// Optimiser state: master copy and moments (B).
    pub optimiser: f64,
    /// Activations of all micro-batches in flight (B).
    pub activations: f64,
    /// Logits, and their gradient or 32-bit copy, at the peak; 0 where the peak is elsewhere (B).
    pub logits: f64,
    /// Transients of the backward pass, gathered weights, unused outputs of fused gradient products, workspaces (B).
    pub buffers: f64,
    /// Pipeline stage of the peak, from 0.
    pub stage: u32,
}

impl Memory {
    /// All parts together (B): what an allocator reports as the peak of allocated memory.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.weights + self.gradients + self.optimiser + self.activations + self.logits + self.buffers
    }
}

/// Micro-batches whose activations a stage keeps at once.
///
/// One forward, one backward: a stage starts as many as there are stages from it to the last (Narayanan et al. 2019, `PipeDream`).
/// Interleaved: `2 (p - stage - 1) + (v - 1) p + 1` chunks of `1 / v` of the stage's layers (Narayanan et al. 2021, section
/// 2.2). ZB-H1 keeps as many as one forward, one backward (Qi et al. 2023).
#[must_use]
pub fn micro_batches_in_flight(layout: &Layout, stage: u32) -> f64 {
    let (stages, chunks) = (f64::from(layout.pipeline), f64::from(layout.interleaving.max(1)));
    let after = (stages - f64::from(stage) - 1.0).max(0.0);
    let micro_batches = layout.micro_batches().ceil().max(1.0);
    if layout.interleaving > 1 && layout.pipeline > 1 {
        (2.0 * after + (chunks - 1.0) * stages + 1.0).min(micro_batches * chunks) / chunks
    } else {
        (after + 1.0).min(micro_batches)
    }
}

/// Peak memory of the fullest accelerator, tokens spread evenly over the experts.
///
/// The layout must have passed [`Layout::check`]; otherwise the figures mean nothing, though none of them panics.
#[must_use]
pub fn peak_memory(task: &Task<'_>, layout: &Layout) -> Memory {
    peak_memory_imbalanced(task, layout, 1.0)
}

/// [`peak_memory`] where the fullest member's routed tokens are `imbalance` times their mean (1 where experts have a fixed
/// capacity; 1.2 to 2 where routing is free).
#[must_use]
pub fn peak_memory_imbalanced(task: &Task<'_>, layout: &Layout, imbalance: f64) -> Memory {
    let it = task.architecture;
    let dense = footprint(task, layout, false, imbalance);
    let sparse = footprint(task, layout, true, imbalance);
    let dense_layers = it.layers - it.expert_layers();
    // More stages than any model has layers fail the layout's check.
    let stages = layout.pipeline.clamp(1, 10_000);
    // Layers are dealt out as evenly as whole layers can be.
    let start = |stage: u32| (it.layers * f64::from(stage) / f64::from(stages)).floor();
    let mut worst = Memory::default();
    for stage in 0..stages {
        let (first, end) = (start(stage), start(stage + 1));
        let here = Stage {
            number: stage,
            stages,
            layers: end - first,
            dense_layers: (dense_layers.min(end) - first).clamp(0.0, (end - first).max(0.0)),
            dense: &dense,
            sparse: &sparse,
        };
        let memory = here.memory(task, layout);
        if memory.total() > worst.total() {
            worst = memory;
        }
    }
    worst
}

struct Stage<'a> {
    number: u32,
    stages: u32,
    layers: f64,
    dense_layers: f64,
    dense: &'a Footprint,
    sparse: &'a Footprint,
}

impl Stage<'_> {
    fn sum(&self, part: impl Fn(&Footprint) -> f64) -> f64 {
        self.dense_layers * part(self.dense) + (self.layers - self.dense_layers) * part(self.sparse)
    }

    /// The largest of the kinds of layers that the stage has.
    fn largest(&self, part: impl Fn(&Footprint) -> f64) -> f64 {
        let of = |layers: f64, it: &Footprint| if layers > 0.0 { part(it) } else { 0.0 };
        of(self.dense_layers, self.dense).max(of(self.layers - self.dense_layers, self.sparse))
    }

    fn memory(&self, task: &Task<'_>, layout: &Layout) -> Memory {
        let it = task.architecture;
        let (first, last) = (self.number == 0, self.number + 1 == self.stages);
        let tensor = f64::from(layout.tensor);
        let sequence = if layout.sequence_parallel { tensor } else { 1.0 };
        let bytes = if layout.precision == Format::Fp32 { 4.0 } else { 2.0 };
        let tokens = f64::from(layout.micro_batch) * task.sequence_length / f64::from(layout.context);
        let vocabulary = padded_vocabulary(it.vocabulary, tensor) / tensor;
        let embedding = vocabulary * it.hidden;
        let embeddings = match (first, last) {
            (true, true) if it.tied => 1.0,
            (true, true) => 2.0,
            (true, false) | (false, true) => 1.0,
            (false, false) => 0.0,
        };
        let parameters = self.sum(|layer| layer.dense) + embeddings * embedding;
        let experts = self.sum(|layer| layer.experts);
        let sharded = |from: Sharding, bytes: f64| {
            let by = |members: f64| if layout.sharding >= from { members.max(1.0) } else { 1.0 };
            bytes * (parameters / by(layout.replicas()) + experts / by(layout.expert_replicas()))
        };
        let stream = tokens * it.hidden * bytes;
        let in_flight = micro_batches_in_flight(layout, self.number);
        let mut memory = Memory {
            weights: sharded(Sharding::Full, bytes),
            gradients: sharded(Sharding::Gradients, layout.optimiser.gradient_bytes),
            optimiser: sharded(Sharding::Optimiser, layout.optimiser.state_bytes),
            activations: in_flight * self.sum(|layer| layer.kept) + self.largest(|layer| layer.recomputed),
            logits: 0.0,
            buffers: WORKSPACES + if experts > 0.0 { EXPERT_STREAMS * WORKSPACE } else { 0.0 },
            stage: self.number,
        };
        if !first {
            // The gradient that went to the stage before is still there when the next micro-batch comes.
            memory.buffers += stream / sequence;
        }
        let backward = self.largest(|layer| layer.transient);
        let output =
            if last { Self::output_layer(layout, tokens, vocabulary, stream, stream / sequence, embedding * bytes) } else { (0.0, 0.0) };
        if layout.sharding == Sharding::Full {
            // Whole weights of the layers at work and the gradient of one before it is scattered, 32-bit where so reduced.
            let layer = self.largest(|layer| layer.dense + layer.experts).max(if embeddings > 0.0 { embedding } else { 0.0 });
            memory.buffers += GATHERED_LAYERS * layer * bytes + layer * layout.optimiser.gradient_bytes;
        } else {
            // A product that adds to the gradient itself still returns a tensor of the weight's shape, which Transformer Engine
            // keeps once for every shape.
            let kinds = |layers: f64, it: &Footprint| if layers > 0.0 { it.matrices } else { 0.0 };
            let dense = kinds(self.dense_layers, self.dense);
            let sparse = kinds(self.layers - self.dense_layers, self.sparse);
            // Attention is the same in both kinds of layers: count it once.
            let both = if dense > 0.0 && sparse > 0.0 { self.shared_matrices(task, layout) } else { 0.0 };
            memory.buffers += (dense + sparse - both) * bytes;
        }
        if output.0 + output.1 > backward {
            memory.logits = output.0;
            memory.buffers += output.1;
        } else {
            memory.buffers += backward;
        }
        memory
    }

    /// Matrices that dense and sparse layers have in common: those of attention.
    fn shared_matrices(&self, task: &Task<'_>, layout: &Layout) -> f64 {
        // What a dense layer has beyond its feed-forward.
        (self.dense.matrices - task.architecture.matrices * task.architecture.hidden * task.architecture.inner / f64::from(layout.tensor))
            .max(0.0)
    }

    /// Logits and other transients of the output layer's backward pass (B): the final norm's input and output, the gradient of
    /// the output, in sequence parallelism also the gathered output and the gradient before it is scattered, and the returned
    /// gradient of the weight.
    fn output_layer(layout: &Layout, tokens: f64, vocabulary: f64, stream: f64, part: f64, weight: f64) -> (f64, f64) {
        // The fused loss turns the logits into their gradient in place; otherwise the loss keeps a 32-bit copy beside the
        // 16-bit gradient.
        let logit = if layout.fused_cross_entropy { 2.0 } else { 6.0 };
        let logits = tokens * vocabulary * if layout.precision == Format::Fp32 { 2.0 * logit } else { logit };
        let gathered = if layout.sequence_parallel && layout.tensor > 1 { 2.0 * stream } else { 0.0 };
        (logits, 3.0 * part + gathered + if layout.sharding == Sharding::Full { 0.0 } else { weight })
    }
}

/// Entries of the vocabulary as the embedding has them.
fn padded_vocabulary(entries: f64, tensor: f64) -> f64 {
    let multiple = VOCABULARY_MULTIPLE * tensor;
    (entries / multiple).ceil() * multiple
}

/// Parameters of the interval.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    interval: Conformal,
    #[serde(rename = "provenance")]
    _provenance: String,
}

fn parameters() -> &'static Parameters {
    static TABLE: OnceLock<Parameters> = OnceLock::new();
    TABLE.get_or_init(|| {
        toml::from_str(include_str!("../../../data/throughput/training_memory.toml"))
            // The file is compiled in and the tests of this module parse it: no input of a user reaches this.
            .expect("the compiled-in parameters parse")
    })
}

/// [`peak_memory`] in bytes with its interval and grade.
///
/// The residuals behind the interval are of Megatron-LM with Transformer Engine, bfloat16, the optimiser sharded and nothing
/// recomputed: interpolated there, wider with the distance in tokens of a member; transferred and ten times wider elsewhere.
#[must_use]
pub fn memory_prediction(task: &Task<'_>, layout: &Layout) -> Prediction {
    let value = peak_memory(task, layout).total();
    let measured_kind = layout.precision == Format::Bf16
        && layout.sharding == Sharding::Optimiser
        && layout.recompute == Recompute::None
        && layout.flash_attention
        && layout.fused_cross_entropy
        && layout.interleaving == 1;
    let tokens = f64::from(layout.micro_batch) * task.sequence_length / f64::from(layout.context.max(1));
    let distance = (tokens / MEASURED_TOKENS).log2().abs();
    let scale = (1.0 + 0.5 * if distance.is_finite() { distance } else { 0.0 }) * if measured_kind { 1.0 } else { 10.0 };
    let (low90, high90) = parameters().interval.interval(value, scale);
    let grade = if measured_kind { Grade::Interpolated } else { Grade::Transferred };
    Prediction { value, low90, high90, grade, terms: Vec::new() }
}

/// Tokens of a micro-batch on a member in most of the measured runs.
const MEASURED_TOKENS: f64 = 4096.0;

#[cfg(test)]
mod tests {
    use super::super::super::architecture;
    use super::*;

    const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

    fn shallow(name: &str, layers: f64) -> super::super::super::Architecture {
        let mut it = architecture(name).unwrap().1.clone();
        it.layers = layers;
        if let Some(experts) = &mut it.experts {
            experts.dense_layers = experts.dense_layers.min(1.0);
        }
        it
    }

    fn base() -> Layout {
        Layout { devices: 8, global_batch: 32, ..Layout::default() }
    }

    #[test]
    fn published_peaks_are_met_within_half_a_percent() {
        // SimuMax 1.2 (Moore Threads 2026), Megatron-LM on 8 B200: measured peaks of allocated memory in GiB.
        let llama = shallow("llama-3.1-70b", 12.0);
        let mut large = shallow("llama-3.1-405b", 4.0);
        // These runs take 16 groups of keys and values where the published model has 8.
        large.attention.kv_heads = 16.0;
        let sparse = shallow("deepseek-v2", 4.0);
        let cases = [
            (&llama, 4096.0, Layout { tensor: 2, data: 4, ..base() }, 60.68),
            (&llama, 4096.0, Layout { tensor: 8, data: 1, ..base() }, 28.29),
            (&large, 4096.0, Layout { pipeline: 2, data: 4, ..base() }, 87.08),
            (&large, 32768.0, Layout { context: 8, data: 1, ..base() }, 139.22),
            (&sparse, 4096.0, Layout { expert: 8, data: 8, ..base() }, 45.63),
            (&sparse, 4096.0, Layout { expert: 4, pipeline: 2, data: 4, ..base() }, 44.7),
        ];
        for (architecture, sequence_length, layout, measured) in cases {
            let memory = peak_memory(&Task { architecture, sequence_length }, &layout);
            let error = memory.total() / GIB / measured - 1.0;
            assert!(error.abs() < 0.005, "{} {measured}: {error}", architecture.title);
        }
    }

    #[test]
    fn the_state_is_sharded_as_zero_says() {
        // Rajbhandari et al. 2020, figure 1: with Adam and 16-bit gradients 16 bytes for each parameter; over 64 members
        // 4 + 12/64, 2 + 14/64 and 16/64.
        let llama = shallow("llama-3.1-8b", 32.0);
        let task = Task { architecture: &llama, sequence_length: 2048.0 };
        let parameters = llama.shape_parameters();
        for (sharding, bytes) in [
            (Sharding::None, 16.0),
            (Sharding::Optimiser, 4.0 + 12.0 / 64.0),
            (Sharding::Gradients, 2.0 + 14.0 / 64.0),
            (Sharding::Full, 16.0 / 64.0),
        ] {
            let layout = Layout {
                devices: 64,
                data: 64,
                global_batch: 64,
                sharding,
                optimiser: super::super::Optimiser::ADAM_HALF_GRADIENTS,
                ..Layout::default()
            };
            let memory = peak_memory(&task, &layout);
            let state = memory.weights + memory.gradients + memory.optimiser;
            assert!((state / (bytes * parameters) - 1.0).abs() < 1e-3, "{sharding:?}: {}", state / parameters);
        }
    }

    #[test]
    fn a_transformer_layer_keeps_what_korthikanti_counts() {
        // Korthikanti et al. 2022, table 2: s b h (34 + 5 a s / h) bytes without parallelism, of which dropout masks (4 s b h)
        // and, here, the inputs of norms are counted alike. GPT-3 175B: h 12288, a 96, s 2048: 5 a s / h = 80.
        let gpt = shallow("gpt-3-175b", 1.0);
        let task = Task { architecture: &gpt, sequence_length: 2048.0 };
        let layout = Layout { flash_attention: false, ..Layout::default() };
        let it = footprint(&task, &layout, false, 1.0);
        let unit = 2048.0 * 12288.0;
        // Norms 8, queries, keys, values and output 8, feed-forward 8 + 8 and the scores' 80; no dropout.
        assert!((it.kept / unit - 112.0).abs() < 0.1, "{}", it.kept / unit);
    }

    #[test]
    fn micro_batches_in_flight_by_schedule() {
        let it = Layout { devices: 4, pipeline: 4, global_batch: 16, ..Layout::default() };
        let at = |layout: &Layout| (0..4).map(|stage| micro_batches_in_flight(layout, stage)).collect::<Vec<_>>();
        assert_eq!(at(&it), [4.0, 3.0, 2.0, 1.0]);
        // Two micro-batches cannot be four in flight.
        assert_eq!(at(&Layout { global_batch: 2, ..it }), [2.0, 2.0, 2.0, 1.0]);
        // Two chunks: 2 * 3 + 4 + 1 = 11 halves, as 1 + (p - 1) / (p v) = 1.375 of 4 (Korthikanti et al. 2022, section 4.2.3).
        assert_eq!(at(&Layout { interleaving: 2, ..it }), [5.5, 4.5, 3.5, 2.5]);
    }

    #[test]
    fn recomputation_and_longer_sequences_go_the_right_way() {
        let llama = shallow("llama-3.1-8b", 32.0);
        let at = |layout: &Layout, sequence_length: f64| peak_memory(&Task { architecture: &llama, sequence_length }, layout);
        let none = at(&base(), 4096.0);
        let full = at(&Layout { recompute: super::super::Recompute::Full, ..base() }, 4096.0);
        assert!(full.activations < none.activations / 4.0 && full.weights.to_bits() == none.weights.to_bits());
        assert!(at(&base(), 8192.0).activations > 1.99 * none.activations);
        let shared = at(&Layout { sequence_parallel: false, tensor: 8, ..base() }, 4096.0);
        assert!(shared.activations > at(&Layout { tensor: 8, ..base() }, 4096.0).activations);
        let loss = at(&Layout { fused_cross_entropy: false, ..base() }, 4096.0);
        assert!((loss.logits / none.logits - 3.0).abs() < 1e-9);
    }

    #[test]
    fn odd_values_give_numbers_and_no_panic() {
        let llama = shallow("llama-3.1-8b", 0.0);
        for sequence_length in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300] {
            let _ = peak_memory(&Task { architecture: &llama, sequence_length }, &Layout { pipeline: 0, context: 0, ..base() });
            let _ =
                peak_memory(&Task { architecture: &llama, sequence_length }, &Layout { pipeline: u32::MAX, tensor: u32::MAX, ..base() });
        }
        assert!(parameters().interval.low <= 0.0 && parameters().interval.high >= 0.0);
    }
}
