//! Step times of machines that have been profiled: few physical parameters of a device under an engine.
//!
//! ```text
//! step = host + request * requests + layers * (layer + mixed_layer + products + attention + exchange) + output embedding
//!
//! products  = blend(2 nk / (bandwidth * stream), 2 m nk / (peak * matrix))                 blend(a, b) = (a^q + b^q)^(1/q)
//! experts   = blend(touched * bytes / (bandwidth * stream), 2 k m parameters / (peak * expert_matrix)) + routing
//! attention = kept * bytes / (bandwidth * cache_stream) + attention_start                  where nothing is prefilled
//!           = 4 (attended + tile * kept + start) * heads * size / (peak * attention_matrix)    in mixed steps
//!             start = tile_start * (prompt tokens + tile * requests)
//! exchange  = 2 * (latency + 2 (n - 1)/n bytes / (link * link_share))                      all-reduces of n devices
//! ```
//!
//! In a mixed step one kernel serves prompts and decoding alike, in tiles of `tile` query rows of which a decoding request
//! fills one: its attention is bound by the matrix units, not by memory (FlashAttention, Dao et al. 2022, as vLLM calls it
//! on consumer Blackwell).

use std::sync::OnceLock;

use bastide_cost_models::compute::devices;
use bastide_cost_models::compute::serving::{Batch, Deployment, Engine};
use serde::{Deserialize, Serialize};

use super::StepModel;

/// Parameters of a device under an engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepParameters {
    /// Host time of a step that the device waits for \[s\].
    pub host: f64,
    /// Host time of a step with prompts beyond that, for each layer: such a step is launched in pieces, not as one graph \[s\].
    pub mixed_layer: f64,
    /// Time of a step for each request in it: sampling, and host work that the device waits for \[s\].
    pub request: f64,
    /// Small kernels of a layer \[s\].
    pub layer: f64,
    /// Share of the memory bandwidth that reading weights reaches.
    pub stream: f64,
    /// Share of the peak that large products reach.
    pub matrix: f64,
    /// How sharply products turn from waiting for memory to waiting for the matrix units.
    pub blend: f64,
    /// Share of the peak that grouped products of experts reach.
    pub expert_matrix: f64,
    /// Share of tokens that count as independent in which experts they touch: routing is skewed.
    pub independent: f64,
    /// Routing of tokens to experts, for each layer \[s\].
    pub routing: f64,
    /// Share of the memory bandwidth that reading keys and values reaches.
    pub cache_stream: f64,
    /// Attention of a layer beside that, where many requests decode \[s\].
    pub attention_start: f64,
    /// Share of the peak that attention of prompts reaches.
    pub attention_matrix: f64,
    /// Query rows of a tile of attention, of which a decoding request in a mixed step fills one.
    pub tile: f64,
    /// What starting a row of a tile costs, in tokens of context.
    pub tile_start: f64,
    /// Share of the memory bandwidth that element-wise kernels reach.
    pub activations: f64,
    /// Share of the link's bandwidth that collectives reach.
    pub link_share: f64,
    /// Latency of a collective \[s\].
    pub link_latency: f64,
}

/// A deployment with the parameters of its machine.
#[derive(Clone, Debug)]
pub struct Profiled {
    data: f64,
    expert_layers: f64,
    host: f64,
    mixed_step: f64,
    request: f64,
    small: f64,
    blend: f64,
    /// Dense products of all layers: seconds to read the weights, and seconds for each token.
    dense: [f64; 2],
    /// Experts of all layers: seconds to read all of a device's, and seconds for each token of the group.
    experts: [f64; 2],
    touched: f64,
    independent: f64,
    /// Output embedding: seconds to read it, and for each row.
    head: [f64; 2],
    activations: f64,
    kept: f64,
    attention_start: f64,
    mixed: f64,
    tile: f64,
    tile_start: f64,
    /// Collectives: seconds for each token of a replica, seconds for each token of the group, seconds in all.
    exchange: [f64; 3],
    logits: f64,
}

impl Profiled {
    /// A deployment on a profiled machine. Pipeline stages, latent and linear attention are those of the deployment's own
    /// step model; here they count as their dense equals.
    #[must_use]
    pub fn new(deployment: &Deployment<'_>, fitted: &StepParameters) -> Self {
        let (it, layout, device) = (deployment.architecture, deployment.layout, deployment.device);
        let bandwidth = device.memory_bandwidth.as_gb_per_s() * 1e9;
        let link = device.scale_up_bandwidth.as_gb_per_s() * 1e9 * fitted.link_share;
        let (tensor, group) = (layout.tensor, layout.expert_group());
        let heads = (it.attention.heads / tensor).max(1.0);
        let kv_heads = (it.attention.kv_heads / tensor).max(1.0);
        let expert_layers = it.expert_layers();
        let dense_layers = it.layers - expert_layers;
        let shared = it.experts.map_or(0.0, |experts| experts.shared_inner);
        let attention = it.layers * it.attention_parameters() / tensor;
        let forward = (dense_layers * it.inner + expert_layers * shared) * it.matrices * it.hidden / tensor;
        let weight = deployment.weights.bytes() / (bandwidth * fitted.stream);
        let peak = device.peak(deployment.weights).as_flop_per_s();
        let dense = attention + forward;
        let head = it.vocabulary * it.hidden / tensor;
        let (experts, touched) = it.experts.map_or(([0.0, 0.0], 0.0), |experts| {
            let matrix = expert_layers * it.matrices * it.hidden * experts.inner;
            let peak = device.peak(deployment.experts).as_flop_per_s();
            let read = experts.count * matrix / group * deployment.experts.bytes() / (bandwidth * fitted.stream);
            ([read, 2.0 * experts.per_token * matrix / group / (peak * fitted.expert_matrix)], experts.per_token / experts.count)
        });
        // Norms read and write the residual twice; queries, keys and values are rotated; the gate is multiplied.
        let wide = (heads + 2.0 * kv_heads) * it.attention.head_size;
        let numbers = it.layers * (6.0 * it.hidden + 2.0 * wide) + (dense_layers * it.inner + expert_layers * shared) * 3.0 / tensor;
        let all_reduce = |members: f64| if members > 1.0 { 2.0 * (members - 1.0) / members } else { 0.0 };
        let times = |members: f64, count: f64| if members > 1.0 { count * fitted.link_latency } else { 0.0 };
        let width = it.hidden * 2.0 / link;
        // After attention and after the feed-forward, and the input embedding once.
        let (sums, exchanges) = if layout.data > 1.0 && expert_layers > 0.0 {
            (it.layers + dense_layers + 1.0, 2.0 * expert_layers)
        } else {
            (2.0 * it.layers + 1.0, 0.0)
        };
        Self {
            data: layout.data,
            expert_layers,
            host: fitted.host,
            mixed_step: it.layers * fitted.mixed_layer,
            request: fitted.request,
            small: it.layers * fitted.layer + expert_layers * fitted.routing,
            blend: fitted.blend,
            dense: [dense * weight, 2.0 * dense / (peak * fitted.matrix)],
            experts,
            touched,
            independent: fitted.independent,
            head: [head * 2.0 / (bandwidth * fitted.stream), 2.0 * head / (device.peak_16bit.as_flop_per_s() * fitted.matrix)],
            activations: numbers * 2.0 / (bandwidth * fitted.activations),
            kept: it.kept_per_token() * deployment.cache.bytes() * kv_heads / it.attention.kv_heads / (bandwidth * fitted.cache_stream),
            attention_start: it.layers * fitted.attention_start,
            mixed: it.layers * 4.0 * heads * it.attention.head_size / (device.peak_16bit.as_flop_per_s() * fitted.attention_matrix),
            tile: fitted.tile,
            tile_start: fitted.tile_start,
            exchange: [
                sums * all_reduce(tensor) * width,
                exchanges * all_reduce(group) / 2.0 * width,
                times(tensor, sums) + times(group, exchanges),
            ],
            logits: it.vocabulary * 2.0 * all_reduce(tensor) / 2.0 / link,
        }
    }

    fn blended(&self, memory: f64, compute: f64) -> f64 {
        if memory <= 0.0 || compute <= 0.0 {
            return memory.max(compute).max(0.0);
        }
        let (large, small) = if memory > compute { (memory, compute) } else { (compute, memory) };
        large * (1.0 + (small / large).powf(self.blend)).powf(1.0 / self.blend)
    }
}

impl StepModel for Profiled {
    fn step_time(&self, batch: &Batch) -> f64 {
        let total = batch.tokens();
        let tokens = total / self.data;
        let requests = batch.decoding / self.data;
        let kept = batch.kept / self.data;
        let mixed = batch.prefill > 0.0;
        let rows = requests + if mixed { 1.0 } else { 0.0 };
        let mut seconds = self.host
            + self.request * rows
            + self.small
            + self.blended(self.dense[0], self.dense[1] * tokens)
            + self.blended(self.head[0], self.head[1] * rows)
            + self.activations * tokens
            + self.exchange[0] * tokens
            + self.exchange[1] * total
            + self.exchange[2]
            + self.logits * rows;
        if self.expert_layers > 0.0 {
            let touched = 1.0 - (1.0 - self.touched).powf(total * self.independent);
            seconds += self.blended(self.experts[0] * touched, self.experts[1] * total);
        }
        let stream = kept * self.kept;
        seconds
            + if mixed {
                let rows = batch.attended / self.data + self.tile_start * batch.prefill / self.data;
                self.mixed_step + (self.mixed * (rows + self.tile * (kept + self.tile_start * requests))).max(stream)
            } else {
                stream + self.attention_start * (requests / 64.0).min(1.0)
            }
    }
}

/// A machine that has been profiled.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Device, by its name in the library.
    pub device: String,
    /// Engine and version.
    pub engine: String,
    /// Where the parameters come from.
    pub source: String,
    /// Models whose measured requests the parameters were fitted to.
    pub models: Vec<String>,
    /// Half width of the 90 % interval, as logarithm, of times per token and latencies: the largest error of parameters fitted
    /// to one of the models on the other.
    pub spread: f64,
    /// The same of times to the first token.
    pub spread_first: f64,
    /// Memory of a device that weights, keys and values get under the engine's default share \[B\].
    pub usable: f64,
    /// Parameters that kernels measured alone tell, and a first guess of the others: where a calibration starts.
    pub kernels: StepParameters,
    /// Parameters fitted to measured requests from there.
    pub parameters: StepParameters,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    profile: Vec<Profile>,
}

/// Every profile.
///
/// # Panics
/// Never: the table is compiled in, and the tests parse it.
#[must_use]
pub fn profiles() -> &'static [Profile] {
    static PROFILES: OnceLock<Vec<Profile>> = OnceLock::new();
    PROFILES.get_or_init(|| {
        let table: Table = toml::from_str(include_str!("../../../../cost-models/data/throughput/replay.toml"))
            // The table is compiled in and the tests parse it: no input of a user reaches this.
            .expect("the compiled-in table parses");
        table.profile
    })
}

/// The profile of a device by its name in the library (`rtx-pro-6000`), where it has one.
#[must_use]
pub fn profile(device: &str) -> Option<&'static Profile> {
    profiles().iter().find(|it| it.device == device)
}

/// The profile that holds for a deployment: of its device and engine, for models with full attention.
#[must_use]
pub fn profile_of(deployment: &Deployment<'_>) -> Option<&'static Profile> {
    let attention = &deployment.architecture.attention;
    let plain = attention.latent.is_none() && attention.windowed_share == 0.0 && attention.linear_share == 0.0;
    let same = |it: &&Profile| {
        Engine::parse(&it.engine) == deployment.engine && devices().get(&it.device).is_some_and(|device| device == deployment.device)
    };
    if plain { profiles().iter().find(same) } else { None }
}
