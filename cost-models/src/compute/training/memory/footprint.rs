//! What one layer keeps in a member's memory: parameters, and activations from the forward to the backward pass.

use super::super::super::{Architecture, Format};
use super::super::layout::{Layout, Recompute, Task};

/// Bytes of a number between layers: residual stream, queries, outputs of matrix products. Also where products run in 8 bits.
const STREAM: f64 = 2.0;

/// One layer's share on one accelerator.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Footprint {
    /// Parameters shared by the dense data-parallel group.
    pub dense: f64,
    /// Parameters of routed experts, shared by the experts' data-parallel group.
    pub experts: f64,
    /// Parameters of one of each distinct matrix (one expert stands for all).
    pub matrices: f64,
    /// Activations kept for the backward pass (B).
    pub kept: f64,
    /// Largest transient of the layer's backward pass, beside what is kept (B).
    pub transient: f64,
    /// Activations without recomputation, while the backward pass of a recomputed layer works (B).
    pub recomputed: f64,
}

/// Numbers that divide the work of a member.
#[derive(Clone, Copy, Debug)]
struct Shares {
    /// Tokens of a micro-batch on the member, before tensor parallelism.
    tokens: f64,
    /// Tensor parallelism.
    tensor: f64,
    /// Tensor parallelism of what sequence parallelism divides, else 1.
    sequence: f64,
    /// Bytes of a matrix product's kept input.
    input: f64,
    /// Bytes of a number between layers.
    stream: f64,
}

impl Shares {
    fn of(task: &Task<'_>, layout: &Layout) -> Self {
        let tensor = f64::from(layout.tensor);
        let stream = if layout.precision == Format::Fp32 { 4.0 } else { STREAM };
        Self {
            tokens: f64::from(layout.micro_batch) * task.sequence_length / f64::from(layout.context),
            tensor,
            sequence: if layout.sequence_parallel { tensor } else { 1.0 },
            // 8-bit products keep their inputs in 8 bits (Transformer Engine); weight-only formats train in 16.
            input: if matches!(layout.precision, Format::Fp8 | Format::Fp8Block) { 1.0 } else { stream },
            stream,
        }
    }
}

/// The layer at a position: with a mixture of experts where `sparse`. `imbalance` is the fullest expert-parallel member's
/// routed tokens over their mean.
pub(super) fn footprint(task: &Task<'_>, layout: &Layout, sparse: bool, imbalance: f64) -> Footprint {
    let it = task.architecture;
    let shares = Shares::of(task, layout);
    let mut sum = attention(it, layout, &shares, task.sequence_length);
    let part = match it.experts.filter(|_| sparse) {
        None => feed_forward(it.hidden, it.inner, it.matrices, &shares),
        Some(_) => mixture(it, layout, &shares, imbalance),
    };
    sum.dense += part.dense;
    sum.experts += part.experts;
    sum.matrices += part.matrices;
    // The backward pass reaches attention when the feed-forward's activations are gone.
    sum.transient = part.transient.max(sum.transient - part.kept);
    sum.kept += part.kept;
    sum.recomputed = sum.kept;
    if layout.recompute == Recompute::Full {
        // The layer's input alone (Chen et al. 2016); the rest comes back one layer at a time.
        sum.kept = shares.tokens * it.hidden * shares.stream / shares.sequence;
        sum.recomputed -= sum.kept;
    } else {
        sum.recomputed = 0.0;
    }
    sum
}

/// Norm before a block: its input, and its output as the input of the block's products (Korthikanti et al. 2022, section 4).
fn norm(hidden: f64, shares: &Shares) -> f64 {
    shares.tokens * hidden * (shares.stream + shares.input) / shares.sequence
}

fn attention(it: &Architecture, layout: &Layout, shares: &Shares, sequence: f64) -> Footprint {
    let part = &it.attention;
    let (tokens, tensor, stream) = (shares.tokens, shares.tensor, shares.stream);
    let heads = part.heads / tensor;
    let out = heads * part.head_size;
    let mut sum = Footprint { kept: norm(it.hidden, shares), ..Footprint::default() };
    let (query, key, value) = match part.latent {
        None => {
            // Members share a key-value head where there are fewer heads than members.
            let kv = (part.kv_heads / tensor).max(1.0_f64.min(part.kv_heads)) * part.head_size;
            sum.dense = it.hidden * (2.0 * out + 2.0 * kv);
            sum.matrices = sum.dense;
            (out, kv, kv)
        }
        Some(latent) => {
            // DeepSeek-AI 2024, section 2.1. The projections down are whole on every member, those up are by heads.
            let query = heads * (latent.nope_size + latent.rope_size);
            let (down, up) =
                if latent.query_rank > 0.0 { (it.hidden * latent.query_rank, latent.query_rank * query) } else { (0.0, it.hidden * query) };
            let kv_down = it.hidden * (latent.kv_rank + latent.rope_size);
            let kv_up = latent.kv_rank * heads * (latent.nope_size + part.head_size);
            sum.dense = down + up + kv_down + kv_up + out * it.hidden;
            sum.matrices = sum.dense;
            // The compressed queries, keys and values before and after their norms.
            let compressed =
                latent.query_rank * (stream + shares.input) + (latent.kv_rank + latent.rope_size) * stream + latent.kv_rank * shares.input;
            sum.kept += tokens * compressed / shares.sequence;
            // Keys are expanded to whole heads, the shared rotary part copied into each.
            (query, query, out)
        }
    };
    let own_output = if shares.input < stream { out * shares.input } else { 0.0 };
    // Attention keeps queries, keys, values and its output (Dao et al. 2022), which is the output projection's input too.
    sum.kept += tokens * ((query + key + value + out) * stream + own_output);
    if layout.context > 1 {
        // The output before it is exchanged back to its owners is a tensor of its own.
        sum.kept += tokens * out * stream;
    }
    if layout.flash_attention {
        // The logarithm of each row's sum, in 32 bits.
        sum.kept += tokens * heads * 4.0;
    } else if layout.recompute == Recompute::None {
        // Scores, softmax and dropout mask: 5 bytes for each pair of tokens (Korthikanti et al. 2022, equation 1).
        sum.kept += tokens * heads * sequence * 5.0 / 2.0 * stream;
    }
    // Gradients of all four, and the residual stream's, gathered where members share the sequence.
    sum.transient = (tokens * (query + key + value + out) + residual(it.hidden, shares)) * stream;
    sum
}

/// Numbers of the residual stream's gradient in a block's backward pass, with the gathered one where members share the sequence.
fn residual(hidden: f64, shares: &Shares) -> f64 {
    let gathered = if shares.sequence > 1.0 { 1.0 } else { 0.0 };
    shares.tokens * hidden * (gathered + 1.0 / shares.sequence)
}

fn feed_forward(hidden: f64, inner: f64, matrices: f64, shares: &Shares) -> Footprint {
    let inner = inner / shares.tensor;
    // The gate and the up projection are one product.
    let first = (matrices - 1.0) * inner;
    Footprint {
        dense: matrices * hidden * inner,
        matrices: matrices * hidden * inner,
        kept: norm(hidden, shares) + shares.tokens * (first * shares.stream + inner * shares.input),
        // Either the gradient of the products' inner tensor with that of the gathered output, or, when the activation's input
        // for the second product is gone, the gradient of the first product's output: what was kept goes as it is used.
        transient: (residual(hidden, shares) + shares.tokens * first.max(inner)) * shares.stream,
        ..Footprint::default()
    }
}

fn mixture(it: &Architecture, layout: &Layout, shares: &Shares, imbalance: f64) -> Footprint {
    let Some(experts) = it.experts else { return Footprint::default() };
    let (dealt, split) = (f64::from(layout.expert), f64::from(layout.expert_tensor));
    let shared = feed_forward(it.hidden, experts.shared_inner, it.matrices, shares);
    // Every member sends as many tokens as it receives where routing is even; members of an expert's tensor-parallel group
    // hold all tokens of the group.
    let routed = shares.tokens / shares.sequence * experts.per_token * imbalance * split;
    let inner = experts.inner / split;
    let first = (it.matrices - 1.0) * inner;
    let one = it.matrices * it.hidden * inner;
    // Logits, probabilities and the choice, in 32 bits.
    let router = shares.tokens / shares.sequence * experts.count * 4.0 * 3.0;
    let shared_kept = if experts.shared_inner > 0.0 { shared.kept } else { norm(it.hidden, shares) };
    Footprint {
        dense: shared.dense + it.hidden * experts.count,
        experts: one * experts.count / dealt,
        matrices: shared.matrices + one,
        kept: shared_kept + router + routed * (it.hidden * shares.input + first * shares.stream + inner * shares.input),
        // The gradient of the experts' outputs on both sides of its exchange; after it, as in a dense feed-forward.
        transient: (residual(it.hidden, shares) + routed * (2.0 * it.hidden).max(it.hidden + inner).max(first)) * shares.stream,
        ..Footprint::default()
    }
}
