//! Time of one step: one pass of the whole model over decoding requests and prompts.

use super::Deployment;
use crate::compute::attention::latent::{Latent, latent_attention_time};
use crate::compute::attention::{Heads, decode_attention_time, prefill_attention_time};
use crate::compute::collective::{Collective, Fabric, collective_time, engine_all_reduce_time};
use crate::compute::gemm::{Product, gemm_time};
use crate::compute::{Experts, Format, Generation, Term};

/// What a step works on, over the whole replica.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Batch {
    /// Requests that decode a token each. Averages over steps need not be whole.
    pub decoding: f64,
    /// Tokens of context that are kept for all of them.
    pub kept: f64,
    /// Tokens of prompts in this step.
    pub prefill: f64,
    /// Sum over those tokens of the tokens that each attends to: half the square of a prompt's length for a whole prompt.
    pub attended: f64,
}

impl Batch {
    /// Requests that decode at a mean context.
    #[must_use]
    pub fn decode(requests: f64, context: f64) -> Self {
        Self { decoding: requests, kept: requests * context, prefill: 0.0, attended: 0.0 }
    }

    /// Whole prompts of a length.
    #[must_use]
    pub fn prompts(count: f64, length: f64) -> Self {
        Self { decoding: 0.0, kept: 0.0, prefill: count * length, attended: count * length * length / 2.0 }
    }

    /// Tokens that pass through the layers.
    #[must_use]
    pub fn tokens(&self) -> f64 {
        self.decoding + self.prefill
    }
}

/// Seconds of a step by part.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Step {
    /// Projections of attention \[s\].
    pub projections: f64,
    /// Attention over keys and values, latents or recurrent states \[s\].
    pub attention: f64,
    /// Dense feed-forwards and shared experts \[s\].
    pub feed_forward: f64,
    /// Routed experts \[s\].
    pub experts: f64,
    /// Output embedding \[s\].
    pub head: f64,
    /// Collectives \[s\].
    pub collectives: f64,
    /// Small kernels and the host \[s\].
    pub host: f64,
}

impl Step {
    /// The whole step \[s\].
    #[must_use]
    pub fn total(&self) -> f64 {
        self.projections + self.attention + self.feed_forward + self.experts + self.head + self.collectives + self.host
    }

    /// The parts with formula and source.
    #[must_use]
    pub fn terms(&self) -> Vec<Term> {
        let kernels = "Williams, Waterman and Patterson 2009 (roofline)";
        let term = |name, seconds, formula, source| Term { name, seconds, formula, source };
        [
            term("attention projections", self.projections, "layers * sum of gemm(tokens, n, k)", kernels),
            term(
                "attention",
                self.attention,
                "layers * (bytes of keys and values / bandwidth + 4 * attended * heads * head size / peak)",
                "Pope et al. 2022, section 3.3; Shazeer 2019; DeepSeek-AI 2024, section 2.1 (latent)",
            ),
            term("feed-forward", self.feed_forward, "layers * sum of gemm(tokens, n, k)", kernels),
            term(
                "experts",
                self.experts,
                "layers * max(E (1 - (1 - k/E)^tokens) * bytes / bandwidth, 2 k tokens * parameters / peak) * imbalance",
                "Shazeer et al. 2017; Fedus, Zoph and Shazeer 2022",
            ),
            term("output embedding", self.head, "gemm(requests, vocabulary, hidden)", kernels),
            term(
                "collectives",
                self.collectives,
                "layers * (2 all-reduce(tokens * hidden) or all-gather, reduce-scatter, all-to-all) + stage transfers",
                "Shoeybi et al. 2019, section 3; Lepikhin et al. 2021; Thakur, Rabenseifner and Gropp 2005",
            ),
            term(
                "small kernels and host",
                self.host,
                "layers * a + b + requests * c, for each engine",
                "fitted: data/throughput/serving.toml",
            ),
        ]
        .into_iter()
        .filter(|term| term.seconds > 0.0)
        .collect()
    }
}

impl Deployment<'_> {
    /// Time of a step by part. With pipeline stages it is the time in which a batch passes through all of them.
    #[must_use]
    pub fn step(&self, batch: &Batch) -> Step {
        let tokens = batch.tokens();
        if tokens.is_nan() || tokens <= 0.0 {
            return Step::default();
        }
        let it = self.architecture;
        let (layout, fitted) = (self.layout, self.parameters);
        let overhead = fitted.engine(self.engine);
        let local = self.fullest(batch);
        let bandwidth = self.device.memory_bandwidth.as_gb_per_s() * 1e9;
        let (stream, matrix) = self.shares();
        let product = |m: f64, n: f64, k: f64, format: Format| {
            let product = Product { m, n: n.max(1.0), k: k.max(1.0), format: self.runs_as(format) };
            // Between waiting for memory and for the matrix units.
            let (multiply, read) = (product.flop() / self.device.peak(product.format).as_flop_per_s(), product.bytes() / bandwidth);
            let share = multiply / (multiply + read);
            let stream = stream * if product.format == Format::Fp4 { fitted.unpacking } else { 1.0 };
            (stream + (matrix - stream) * share) * self.in_graph(gemm_time(self.device, product))
        };

        let mut step = Step {
            projections: it.layers * self.projections(local.tokens(), &product),
            attention: self.attention(&local),
            // One output for each decoding request and each prompt; chunks of prompts count as one.
            head: product(
                local.decoding + if local.prefill > 0.0 { 1.0 } else { 0.0 },
                it.vocabulary / layout.tensor,
                it.hidden,
                Format::Bf16,
            ),
            ..Step::default()
        };
        let dense = it.layers - it.expert_layers();
        if dense > 0.0 {
            step.feed_forward += dense * self.feed_forward(local.tokens(), it.inner, &product);
        }
        if let Some(experts) = it.experts {
            if experts.shared_inner > 0.0 {
                step.feed_forward += it.expert_layers() * self.feed_forward(local.tokens(), experts.shared_inner, &product);
            }
            step.experts = it.expert_layers() * self.experts(tokens, experts);
        }
        step.collectives = fitted.collectives * self.collectives(&local, tokens);
        let eager = if local.prefill > 0.0 { overhead.eager } else { 0.0 };
        let passes = fitted.passes * local.tokens() * it.hidden * Format::Bf16.bytes() / bandwidth;
        step.host = it.layers * (overhead.layer + eager + passes)
            + if matches!(self.experts, Format::Fp8 | Format::Fp8Block) { it.expert_layers() * fitted.quantised_layer } else { 0.0 }
            + it.expert_layers() * fitted.routed_layer
            + it.layers * it.attention.linear_share * fitted.linear_layer
            + if it.attention.latent.is_some() { it.layers * fitted.latent_layer } else { 0.0 }
            + overhead.step
            + local.decoding * overhead.request;
        step
    }

    /// The share of a batch of the fullest data-parallel group: requests are spread over the groups, and each has a whole one.
    fn fullest(&self, batch: &Batch) -> Batch {
        let group = |count: f64| if count > 0.0 { (count / self.layout.data).max(1.0_f64.min(count)) } else { 0.0 };
        Batch {
            decoding: group(batch.decoding),
            kept: batch.kept * group(batch.decoding) / batch.decoding.max(1e-9),
            prefill: group(batch.prefill),
            attended: batch.attended * group(batch.prefill) / batch.prefill.max(1e-9),
        }
    }

    /// The attention of a [`step`](Self::step) alone \[s\]: the one part that depends on how many tokens are kept and attended to,
    /// for callers that remember the others by their numbers of tokens.
    #[must_use]
    pub fn attention_of(&self, batch: &Batch) -> f64 {
        if batch.tokens().is_nan() || batch.tokens() <= 0.0 { 0.0 } else { self.attention(&self.fullest(batch)) }
    }

    /// Times over those of the kernel model, of products that wait for memory and for the matrix units.
    fn shares(&self) -> (f64, f64) {
        let it = self.parameters;
        if matches!(self.device.generation, Generation::Blackwell | Generation::BlackwellRtx) {
            (it.products * it.blackwell_stream, it.matrix * it.blackwell_matrix)
        } else {
            (it.products, it.matrix)
        }
    }

    /// Time of a kernel in a graph, of that of the kernel launched alone; a few tenths are its own at least.
    fn in_graph(&self, alone: f64) -> f64 {
        (alone - self.parameters.launch).max(0.3 * alone)
    }

    /// The format that products run in: 4-bit floating point without units for it is unpacked to 16 bits.
    fn runs_as(&self, format: Format) -> Format {
        if format == Format::Fp4 && self.device.peak_fp4.is_none() { Format::Int4 } else { format }
    }

    fn projections(&self, tokens: f64, product: &impl Fn(f64, f64, f64, Format) -> f64) -> f64 {
        let (it, hidden, tensor) = (&self.architecture.attention, self.architecture.hidden, self.layout.tensor);
        match it.latent {
            None => {
                let kv = (it.kv_heads / tensor).max(1.0);
                product(tokens, (it.heads / tensor + 2.0 * kv) * it.head_size, hidden, self.weights)
                    + product(tokens, hidden, it.heads * it.head_size / tensor, self.weights)
            }
            Some(latent) => {
                // Compressions are computed by every device; the up-projections of keys and values are absorbed into queries
                // and outputs in decoding, or multiplied out in prefill: the same parameters are read.
                let heads = it.heads / tensor;
                let query = heads * (latent.nope_size + latent.rope_size);
                product(tokens, latent.query_rank + latent.kv_rank + latent.rope_size, hidden, self.weights)
                    + product(tokens, query, if latent.query_rank > 0.0 { latent.query_rank } else { hidden }, self.weights)
                    + product(tokens, heads * (latent.nope_size + it.head_size), latent.kv_rank, self.weights)
                    + product(tokens, hidden, heads * it.head_size, self.weights)
            }
        }
    }

    fn feed_forward(&self, tokens: f64, inner: f64, product: &impl Fn(f64, f64, f64, Format) -> f64) -> f64 {
        let (hidden, tensor) = (self.architecture.hidden, self.layout.tensor);
        product(tokens, (self.architecture.matrices - 1.0) * inner / tensor, hidden, self.weights)
            + product(tokens, hidden, inner / tensor, self.weights)
    }

    /// Attention of all layers over a data-parallel group's batch.
    fn attention(&self, local: &Batch) -> f64 {
        let (it, layers, tensor, fitted) = (&self.architecture.attention, self.architecture.layers, self.layout.tensor, self.parameters);
        let bandwidth = self.device.memory_bandwidth.as_gb_per_s() * 1e9;
        let context = if local.decoding > 0.0 { local.kept / local.decoding } else { 0.0 };
        // Prompts whose tokens attend to fewer than half of the step's are several.
        let seen = if local.prefill > 0.0 { local.attended / local.prefill } else { 0.0 };
        let (prompts, length, past) = if seen < local.prefill / 2.0 {
            (local.prefill / (2.0 * seen).max(1.0), (2.0 * seen).max(1.0), 0.0)
        } else {
            (1.0, local.prefill, seen - local.prefill / 2.0)
        };
        let heads = Heads {
            query: (it.heads / tensor).max(1.0),
            key_value: (it.kv_heads / tensor).max(1.0),
            size: it.head_size,
            window: f64::INFINITY,
            cache: self.cache,
            format: Format::Bf16,
        };
        let full = layers * (1.0 - it.windowed_share - it.linear_share).max(0.0);
        let mut seconds = 0.0;
        if let Some(latent) = it.latent {
            if local.prefill > 0.0 {
                // Multiplied out: queries and keys of nope + rope, values of head_size.
                let size = (latent.nope_size + latent.rope_size + it.head_size) / 2.0;
                let heads = Heads { key_value: heads.query, size, ..heads };
                seconds += full * fitted.attention * self.in_graph(prefill_attention_time(self.device, heads, prompts, length, past));
            }
            if local.decoding > 0.0 {
                // Absorbed: every device of a tensor group reads the whole latent.
                let heads = Latent { query: heads.query, latent: latent.kv_rank, position: latent.rope_size, cache: self.cache };
                seconds += full * fitted.latent * self.in_graph(latent_attention_time(self.device, heads, local.decoding, context, 1.0));
            }
        } else {
            let windowed = Heads { window: it.window.unwrap_or(f64::INFINITY), ..heads };
            for (layers, heads) in [(full, heads), (layers * it.windowed_share, windowed)] {
                if layers > 0.0 && local.prefill > 0.0 {
                    seconds += layers * fitted.attention * self.in_graph(prefill_attention_time(self.device, heads, prompts, length, past));
                }
                if layers > 0.0 && local.decoding > 0.0 {
                    seconds +=
                        layers * fitted.attention * self.in_graph(decode_attention_time(self.device, heads, local.decoding, context));
                }
            }
        }
        if it.linear_share > 0.0 {
            // Read and written: a 32-bit state of `LINEAR_KEY` numbers for each value channel of a request (Yang et al. 2024).
            let state = self.linear_state() / tensor;
            let flop = 6.0 * local.prefill * (it.heads * it.head_size / tensor) * LINEAR_KEY;
            let peak = self.device.peak(Format::Bf16).as_flop_per_s();
            seconds += layers
                * it.linear_share
                * (2.0 * local.decoding * state / (bandwidth * fitted.state_stream) + flop / (peak * fitted.state_matrix));
        }
        seconds
    }

    /// Bytes of one request's state in one layer of linear attention, over all devices.
    pub(super) fn linear_state(&self) -> f64 {
        let it = &self.architecture.attention;
        it.heads * it.head_size * LINEAR_KEY * Format::Fp32.bytes()
    }

    /// One layer's routed experts, on the fullest device.
    fn experts(&self, tokens: f64, it: Experts) -> f64 {
        let (fitted, layout) = (self.parameters, self.layout);
        let format = self.runs_as(self.experts);
        let share = layout.expert.min(it.count);
        let matrix = self.architecture.matrices * self.architecture.hidden * it.inner * share / layout.expert_group();
        let touched =
            it.count * (1.0 - (1.0 - it.per_token / it.count).powf(tokens * fitted.routing)).max(it.per_token.min(1.0) / it.count);
        let local = (touched / share).max(1.0_f64.min(touched));
        let rows = tokens * it.per_token / share;
        // Chance leaves some rank with more; with many rows on each rank the rest is a lasting preference for some experts.
        let imbalance = if share > 1.0 { 1.0 + fitted.imbalance * (1.0 - 1.0 / share) } else { 1.0 };
        let bytes = local * matrix * self.experts.bytes();
        let flop = 2.0 * (rows + local * fitted.expert_rows) * matrix;
        let bandwidth = self.device.memory_bandwidth.as_gb_per_s() * 1e9 * fitted.expert_stream;
        let peak = self.device.peak(format).as_flop_per_s();
        let gain = peak / self.device.peak(Format::Bf16).as_flop_per_s();
        let peak = peak * fitted.expert_matrix * gain.powf(-fitted.narrow);
        let unpacking = if self.experts == Format::Fp4 { fitted.unpacking } else { 1.0 };
        imbalance * (unpacking * bytes / bandwidth).max(flop / peak)
    }

    /// All collectives of a step.
    fn collectives(&self, local: &Batch, tokens: f64) -> f64 {
        let (it, layout, device) = (self.architecture, self.layout, self.device);
        let width = it.hidden * Format::Bf16.bytes();
        let mine = local.tokens() * width;
        let group = layout.expert_group();
        let over = |operation, bytes, members| {
            self.in_graph(match (operation, self.fabric(members)) {
                (Collective::AllReduce, Fabric::ScaleUp) => engine_all_reduce_time(device, bytes, members),
                (operation, fabric) => collective_time(device, operation, bytes, members, fabric),
            })
        };
        let (dense, sparse) = (it.layers - it.expert_layers(), it.expert_layers());
        // After attention and after a dense feed-forward.
        let mut seconds = (it.layers + dense) * over(Collective::AllReduce, mine, layout.tensor);
        if sparse > 0.0 {
            seconds += sparse
                * if layout.data > 1.0 {
                    // Tokens go to their experts and back: everyone gets all, or each token goes to its experts' ranks.
                    let everyone =
                        over(Collective::AllGather, tokens * width, group) + over(Collective::ReduceScatter, tokens * width, group);
                    let copies = it.experts.map_or(1.0, |experts| experts.per_token.min(layout.expert));
                    let sent = mine / layout.tensor * copies;
                    everyone.min(over(Collective::AllToAll, sent, group) + over(Collective::AllToAll, sent, group))
                } else {
                    over(Collective::AllReduce, mine, group)
                };
        }
        if layout.pipeline > 1.0 {
            seconds += (layout.pipeline - 1.0) * over(Collective::SendReceive, mine / layout.tensor, 2.0);
        }
        seconds
    }

    /// Where `members` devices sit.
    fn fabric(&self, members: f64) -> Fabric {
        let inside = f64::from(self.device.scale_up_domain);
        // Cards without links of their own reach the others of their host over PCIe.
        if members <= inside || (inside <= 1.0 && members <= HOST) {
            Fabric::ScaleUp
        } else {
            Fabric::Network { inside, bandwidth: self.device.scale_out_bandwidth.as_gb_per_s() * 1e9, latency: 5e-6 }
        }
    }
}

/// Accelerators of a host.
const HOST: f64 = 8.0;

/// Numbers of a linear attention's state for each value channel: the key's head size in Qwen3-Next and its successors (2025).
const LINEAR_KEY: f64 = 128.0;
