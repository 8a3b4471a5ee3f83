//! Throughput of whole models where only throughput counts: a full queue, batches as large as memory allows.
//!
//! ```text
//! Replica (device, shape, formats, layout) --> room for requests --> Step (seconds by part) --> tokens/s of a full queue,
//!                                                                                             of a fixed batch, of prompts
//! local: one stream of llama.cpp on one or several boards, layers split over them
//! ```
//!
//! The law is a roofline of the sums over all layers (Williams, Waterman and Patterson 2009; Pope et al. 2022, section 3):
//! at the batches of a full queue single kernels no longer matter. [`Parameters`] holds the shares of the data sheet that
//! engines reach, fitted over groups of published rows; [`serving`](super) models latency against load.

pub mod local;
pub mod parameters;

pub use local::{Boards, LocalParameters};
pub use parameters::{Intervals, Parameters, Regime, ScenarioParameters, parameters};

use super::{Architecture, Device, Format, Generation, Term};

/// Layout of a replica: `tensor * pipeline * data` devices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split {
    /// Devices that share each layer's attention and dense feed-forward.
    pub tensor: f64,
    /// Stages of layers.
    pub pipeline: f64,
    /// Groups with requests of their own, over all of which the experts are spread.
    pub data: f64,
}

impl Split {
    /// Tensor and pipeline parallel.
    #[must_use]
    pub fn new(tensor: f64, pipeline: f64) -> Self {
        Self { tensor, pipeline, data: 1.0 }
    }

    /// Devices of the replica.
    #[must_use]
    pub fn devices(&self) -> f64 {
        self.tensor * self.pipeline * self.data
    }
}

/// A model on devices.
#[derive(Clone, Copy, Debug)]
pub struct Replica<'a> {
    /// Device.
    pub device: &'a Device,
    /// Model.
    pub architecture: &'a Architecture,
    /// Format of weights and products.
    pub weights: Format,
    /// Format of keys and values.
    pub cache: Format,
    /// Layout.
    pub split: Split,
    /// Times that decoding reads keys and values: 1, or more where kernels do not share them between queries.
    pub cache_reads: f64,
    /// Host times over those of an engine in Python.
    pub host: f64,
    /// Shares of the data sheet.
    pub parameters: &'a Parameters,
}

/// Seconds of a step of one stage by part.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Step {
    /// Products with the weights of attention, feed-forwards and shared experts \[s\].
    pub dense: f64,
    /// Routed experts \[s\].
    pub experts: f64,
    /// Reading keys and values \[s\].
    pub cache: f64,
    /// Attention within prompts \[s\].
    pub prompts: f64,
    /// Output embedding \[s\].
    pub head: f64,
    /// Collectives \[s\].
    pub links: f64,
    /// Small kernels \[s\].
    pub layers: f64,
    /// The host, which works beside the device \[s\].
    pub host: f64,
    /// Waiting of pipeline stages \[s\].
    pub bubble: f64,
}

/// A full queue in steady state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steady {
    /// Requests that decode in one step of one group.
    pub requests: f64,
    /// The step.
    pub step: Step,
    /// Generated tokens of the whole replica a second.
    pub tokens_per_s: f64,
}

/// Share of memory that engines fill, and what runtime and activations keep of a device \[B\] (TensorRT-LLM's benchmark
/// gives 0.95 of the free memory to keys and values).
const USABLE: f64 = 0.95;
const RUNTIME: f64 = 3e9;

impl Step {
    /// Time of the device without the host \[s\].
    fn device(&self) -> f64 {
        self.dense + self.experts + self.cache + self.prompts + self.head + self.links + self.layers
    }

    /// The whole step: the host runs ahead of the device, and is seen where it is the slower one \[s\].
    #[must_use]
    pub fn total(&self) -> f64 {
        let (device, host) = (self.device(), self.host);
        // A smooth maximum: now one, now the other is late.
        (device.powi(4) + host.powi(4)).sqrt().sqrt() + self.bubble
    }

    /// The parts with formula and source.
    #[must_use]
    pub fn terms(&self) -> Vec<Term> {
        let roofline = "Williams, Waterman and Patterson 2009";
        [
            ("dense products", self.dense, "max(2 tokens * parameters / peak, bytes / bandwidth)", roofline),
            (
                "experts",
                self.experts,
                "max(2 k tokens * parameters / peak, touched bytes / bandwidth) + routing traffic",
                "Shazeer et al. 2017",
            ),
            ("keys and values", self.cache, "requests * context * bytes / bandwidth", "Pope et al. 2022, section 3.3"),
            ("prompt attention", self.prompts, "4 * attended * heads * head size / peak", "Dao et al. 2022"),
            ("output embedding", self.head, "2 requests * vocabulary * width / peak", roofline),
            ("links", self.links, "2 all-reduces a layer, or all-to-all of routed tokens", "Shoeybi et al. 2019, section 3"),
            ("small kernels", self.layers, "layers * a", "fitted: data/throughput/inference.toml"),
            ("host (beside the device)", self.host, "a + requests * b", "fitted: data/throughput/inference.toml"),
            ("pipeline waiting", self.bubble, "share * (stages - 1) / stages", "Narayanan et al. 2021, section 2.2"),
        ]
        .into_iter()
        .filter(|(_, seconds, ..)| *seconds > 0.0)
        .map(|(name, seconds, formula, source)| Term { name, seconds, formula, source })
        .collect()
    }
}

impl Replica<'_> {
    /// Weights of layers that every token uses, of one expert in all layers, and of one embedding: numbers.
    fn counts(&self) -> (f64, f64, f64) {
        let it = self.architecture;
        let sparse = it.expert_layers() * it.matrices * it.hidden;
        let dense = it.mixer_parameters() + (it.layers - it.expert_layers()) * it.matrices * it.hidden * it.inner;
        let (shared, one) = it.experts.map_or((0.0, 0.0), |experts| (sparse * experts.shared_inner, sparse * experts.inner));
        (dense + shared, one, it.vocabulary * it.hidden)
    }

    /// Weights of a device \[B\].
    #[must_use]
    pub fn weights_bytes(&self) -> f64 {
        let (dense, one, _) = self.counts();
        let count = self.architecture.experts.map_or(0.0, |experts| experts.count);
        let split = self.split;
        (dense / (split.tensor * split.pipeline) + one * count / split.devices()) * self.weights.bytes()
            + self.architecture.embedding_parameters() * Format::Bf16.bytes() / split.tensor
    }

    /// Keys and values of one token on a device \[B\].
    fn token_bytes(&self) -> f64 {
        let it = &self.architecture.attention;
        let shared = if it.latent.is_some() { 1.0 } else { self.split.tensor.min(it.kv_heads) };
        self.architecture.kept_per_token() * self.cache.bytes() / (self.split.pipeline * shared)
    }

    /// State of a request on a device that does not grow \[B\].
    fn request_bytes(&self) -> f64 {
        let it = &self.architecture.attention;
        self.architecture.layers * it.linear_share * it.linear_state * Format::Fp32.bytes() / (self.split.tensor * self.split.pipeline)
    }

    /// Requests of a number of tokens that fit a group; `None` where the weights do not.
    #[must_use]
    pub fn room(&self, tokens: f64) -> Option<f64> {
        let free = self.device.memory.as_bytes() * USABLE - RUNTIME - self.weights_bytes();
        (free > 0.0).then(|| free / (self.token_bytes() * tokens + self.request_bytes()).max(1.0))
    }

    /// Tokens of context that a layer reads on average: all, or its window.
    fn seen(&self, context: f64) -> f64 {
        let it = &self.architecture.attention;
        context + it.windowed_share * (context.min(it.window.unwrap_or(f64::INFINITY)) - context)
    }

    /// Time of one step of one stage for a group: `requests` that decode at a mean `context`, and `prompt` tokens that attend
    /// to `attended` tokens each.
    #[must_use]
    pub fn step(&self, requests: f64, context: f64, prompt: f64, attended: f64) -> Step {
        let (it, split, fitted, device) = (self.architecture, self.split, self.parameters, self.device);
        let tokens = requests + prompt;
        let (dense, one, embedding) = self.counts();
        let bandwidth = device.memory_bandwidth.as_gb_per_s() * 1e9 * fitted.bandwidth(device.generation);
        let peak = device.peak(self.weights).as_flop_per_s() * fitted.matrix(self.weights, device.generation);
        let half = device.peak(Format::Bf16).as_flop_per_s() * fitted.generation(device.generation);
        let own = split.tensor * split.pipeline;
        let layers = it.layers / split.pipeline;

        let mut step = Step {
            dense: (2.0 * tokens * dense / own / peak).max(dense * self.weights.bytes() / own / bandwidth),
            cache: requests * (self.cache_reads * self.seen(context) * self.token_bytes() + 2.0 * self.request_bytes()) / bandwidth,
            head: 2.0 * requests * embedding / split.tensor / (half * fitted.fp16),
            layers: layers * fitted.layer,
            host: (fitted.step + fitted.request * requests) * fitted.host(device) * self.host,
            ..Step::default()
        };
        let heads = it.attention.heads
            * it.attention
                .latent
                .map_or(it.attention.head_size, |latent| (latent.nope_size + latent.rope_size + it.attention.head_size) / 2.0);
        step.prompts = 4.0 * prompt * self.seen(attended) * heads * it.layers * (1.0 - it.attention.linear_share)
            / own
            / (half * fitted.prompt_attention);
        if let Some(experts) = it.experts {
            let all = tokens * split.data;
            let touched = experts.count * (1.0 - (1.0 - experts.per_token / experts.count).max(0.0).powf(all));
            let products = 2.0 * tokens * experts.per_token * one / own / peak;
            let read = touched * one * self.weights.bytes() / split.devices() / bandwidth;
            // Tokens are sorted by expert, copied to each, and their outputs gathered: passes over the activations.
            let routed = it.expert_layers() * tokens * (1.0 + experts.per_token) * it.hidden * Format::Bf16.bytes() / own;
            step.experts = products.max(read) + fitted.routing * routed / bandwidth;
        }
        let link = device.scale_up_bandwidth.as_gb_per_s() * 1e9 * fitted.links;
        let width = tokens * it.hidden * Format::Bf16.bytes();
        if split.tensor > 1.0 {
            step.links += layers * 2.0 * (2.0 * width * (split.tensor - 1.0) / split.tensor / link + LINK_LATENCY);
        }
        if split.data > 1.0 {
            let copies = it.experts.map_or(1.0, |experts| experts.per_token.min(split.data));
            step.links += layers * 2.0 * (width * copies * (split.data - 1.0) / split.data / link + LINK_LATENCY);
        }
        step.bubble = fitted.bubble * (split.pipeline - 1.0) / split.pipeline * step.total();
        step
    }

    /// A full queue of requests with `prompt` and `answer` tokens, at most `most` of them at once; the step may take
    /// `limit` seconds at most. `None` where the model does not fit, or no batch is fast enough.
    #[must_use]
    pub fn full_queue(&self, prompt: f64, answer: f64, most: f64, limit: f64) -> Option<Steady> {
        let at = |requests: f64| {
            // Each step carries the prompts of the requests that begin in it.
            let step = self.step(requests, prompt + answer / 2.0, requests * prompt / answer.max(1.0), prompt / 2.0);
            Steady { requests, step, tokens_per_s: requests * self.split.data / step.total().max(1e-12) }
        };
        // An engine that never evicts keeps room for the whole answer from the start; late in the queue answers overlap.
        let room = self.room(prompt + answer * self.parameters.reserved)?;
        let stages = self.split.pipeline;
        let most = (room.min(most) / stages).max(1.0);
        let slow = |steady: &Steady| steady.step.total() * stages > limit;
        let full = at(most);
        if !slow(&full) {
            return Some(full);
        }
        // The step grows with the batch: bisect for the largest that is fast enough.
        let (mut low, mut high) = (0.0, most);
        for _ in 0..40 {
            let middle = 0.5 * (low + high);
            if slow(&at(middle)) { high = middle } else { low = middle }
        }
        (low > 1e-3).then(|| at(low))
    }

    /// Time of `batch` prompts of `prompt` tokens, to their first tokens \[s\].
    #[must_use]
    pub fn prompts(&self, batch: f64, prompt: f64) -> Step {
        let mut step = self.step(0.0, 0.0, batch * prompt, prompt / 2.0);
        step.head = self.step(batch, 0.0, 0.0, 0.0).head;
        step
    }

    /// Time of a fixed batch that is filled once: prompts, then `answer` steps \[s\], and a step in its middle.
    #[must_use]
    pub fn fixed_batch(&self, batch: f64, prompt: f64, answer: f64) -> (f64, Step) {
        let step = self.step(batch, prompt + answer / 2.0, 0.0, 0.0);
        let stages = self.split.pipeline;
        (stages * (self.prompts(batch, prompt).total() + answer * step.total()), step)
    }
}

/// Time of a collective that carries nothing (our assumption; NCCL's tests give 8 to 15 us within a node) \[s\].
const LINK_LATENCY: f64 = 1e-5;

/// Whether a generation is one whose boards NVIDIA couples with its own processors over NVLink, and this board is.
pub(crate) fn with_own_processor(device: &Device) -> bool {
    device.vendor == "NVIDIA" && device.host_bandwidth.as_gb_per_s() > 100.0
}

/// Generations with high-bandwidth memory in every data-centre board.
pub(crate) fn stacked_memory(device: &Device) -> bool {
    matches!(
        device.generation,
        Generation::Volta | Generation::Hopper | Generation::Blackwell | Generation::Cdna2 | Generation::Cdna3 | Generation::Cdna4
    ) || device.memory_bandwidth.as_gb_per_s() > 1_200.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::{architecture, device};

    fn replica(device_name: &str, model: &str, weights: Format, split: Split) -> Replica<'static> {
        Replica {
            device: device(device_name).unwrap().1,
            architecture: architecture(model).unwrap().1,
            weights,
            cache: Format::Fp8,
            split,
            cache_reads: 1.0,
            host: 1.0,
            parameters: parameters(),
        }
    }

    #[test]
    fn room_by_hand() {
        // H200: 140.4 GiB * 0.95 - 3 GB = 140.22 GB. Llama 3.3 70B in 8 bits: 68.45e9 of layers and 2.10e9 of embeddings in 16:
        // 72.65 GB. A token keeps 80 * 2 * 8 * 128 = 163,840 B: 67.57e9 / (163,840 * 2,000) = 206 requests.
        let it = replica("h200", "Llama-3.3-70B", Format::Fp8, Split::new(1.0, 1.0));
        assert!((it.weights_bytes() / 72.65e9 - 1.0).abs() < 1e-3, "{}", it.weights_bytes());
        let room = it.room(2_000.0).unwrap();
        assert!((room - 206.0).abs() < 1.0, "{room}");
        assert!(replica("h100", "Llama-3.1-405B", Format::Fp8, Split::new(1.0, 1.0)).room(1.0).is_none());
    }

    #[test]
    fn a_step_by_hand() {
        // 100 requests at 1,000 tokens: weights of 68.45 GB are read once, 16.4 GB of keys and values, at the fitted share.
        let it = replica("h200", "Llama-3.3-70B", Format::Fp8, Split::new(1.0, 1.0));
        let step = it.step(100.0, 1_000.0, 0.0, 0.0);
        let bandwidth = 4.8e12 * it.parameters.bandwidth;
        assert!((step.dense * bandwidth / 68.45e9 - 1.0).abs() < 1e-3, "{step:?}");
        assert!((step.cache * bandwidth / 16.384e9 - 1.0).abs() < 1e-6, "{step:?}");
        assert!(step.prompts == 0.0 && step.links == 0.0 && step.experts == 0.0 && step.bubble == 0.0);
        let parts: f64 = step.terms().iter().map(|term| term.seconds).sum();
        assert!(step.total() <= parts && step.total() >= step.dense + step.cache);
    }

    #[test]
    fn published_throughputs_of_full_queues() {
        // TensorRT-LLM 1.0, performance overview: tokens/s with prompts and answers of a length.
        for (board, model, format, split, prompt, answer, published) in [
            ("h200", "Llama-3.3-70B", Format::Fp8, Split::new(1.0, 1.0), 1000.0, 1000.0, 2909.0),
            ("h100", "Llama-3.1-8B", Format::Fp8, Split::new(1.0, 1.0), 128.0, 2048.0, 22_714.0),
            ("b200", "Llama-3.3-70B", Format::Fp4, Split::new(1.0, 1.0), 2048.0, 2048.0, 4783.0),
            ("RTX-PRO-6000-Blackwell-SE", "Llama-3.3-70B", Format::Fp4, Split::new(1.0, 4.0), 500.0, 2000.0, 6939.0),
        ] {
            let it = replica(board, model, format, split).full_queue(prompt, answer, 2048.0, f64::INFINITY).unwrap();
            let ratio = it.tokens_per_s / published;
            assert!((0.75..1.3).contains(&ratio), "{board} {model}: {:.0}, published {published}", it.tokens_per_s);
        }
    }

    #[test]
    fn a_limit_on_the_step_is_kept() {
        let it = replica("h200", "Llama-3.3-70B", Format::Fp8, Split::new(1.0, 1.0));
        let free = it.full_queue(300.0, 300.0, 2048.0, f64::INFINITY).unwrap();
        let tight = it.full_queue(300.0, 300.0, 2048.0, 0.03).unwrap();
        assert!(tight.step.total() <= 0.03 && tight.requests < free.requests && tight.tokens_per_s < free.tokens_per_s);
        assert!(it.full_queue(300.0, 300.0, 2048.0, 1e-4).is_none());
    }

    #[test]
    fn odd_questions_do_not_panic() {
        let it = replica("h200", "DeepSeek-V3", Format::Fp8, Split { tensor: 1.0, pipeline: 1.0, data: 32.0 });
        for value in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300] {
            let _ = (it.step(value, value, value, value), it.room(value), it.full_queue(value, value, value, value));
            let _ = (it.prompts(value, value), it.fixed_batch(value, value, value));
        }
    }
}
