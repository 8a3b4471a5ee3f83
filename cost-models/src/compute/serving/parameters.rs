//! What serving engines add to the times of kernels: fitted parameters.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::Engine;
use crate::compute::Conformal;

/// Overheads of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineParameters {
    /// Host time of a step that does not overlap with the device \[s\].
    pub step: f64,
    /// Small kernels of a layer (norms, rotary positions, quantisation, routing) and the gaps between them \[s\].
    pub layer: f64,
    /// Host time of a step for each request in it (scheduling, sampling, detokenisation) \[s\].
    pub request: f64,
    /// Host time of a layer in steps with prompts, which are not captured as graphs \[s\].
    pub eager: f64,
    /// Tokens of prompts that a step takes at most.
    pub chunk: f64,
    /// Time from a request's arrival to its first place in a schedule, and from its first token to the client \[s\].
    pub admission: f64,
    /// Steps, with prompts of others where they have them, that a new request waits before its own begins.
    pub wait: f64,
    /// Share of a prompt's time that delays the tokens of the requests beside it.
    pub mixing: f64,
    /// Others' claim on prefill over that of independent arrivals: requests that started at once also end in waves.
    pub burst: f64,
    /// Share of requests that find a queue of all others: those of a benchmark's start.
    pub start: f64,
}

/// What published benchmarks do where their tables do not say it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Practice {
    /// Probability that a token drafted by the model's own extra layer is accepted.
    pub acceptance: f64,
    /// Growth of times with the age of the software: logarithm for each year before [`Practice::EPOCH`].
    pub aging: f64,
    /// Share of disaggregated runs of models with such a layer that use it, with TensorRT-LLM.
    pub drafting: f64,
    /// The same with SGLang.
    pub drafting_sglang: f64,
    /// Decode workers of a disaggregated deployment at one request at a time, each built for short latencies: tensor parallel.
    pub decode_workers: f64,
    /// Growth of their count with the concurrency: exponent.
    pub decode_growth: f64,
    /// Decode workers of eight devices where each is built for throughput (data-parallel attention), with as long answers as
    /// prompts; fewer where each has more devices, and by the root of the ratio where prompts are longer.
    pub decode_wide: f64,
    /// Steps that a request waits where attention's data-parallel groups wait for each other to have prompts (TensorRT-LLM's
    /// `enable_balance`, with `timeout_iters` 60).
    pub balance: f64,
    /// Share of the interval at which the scheduler looks for new requests that one waits (SGLang's `scheduler-recv-interval`).
    pub polling: f64,
    /// Share of the time that prefill workers are busy, to which their count is chosen.
    pub prefill_busy: f64,
}

/// 90 % intervals of a latency, from fits that had not seen the group.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// Prefill and decoding on the same devices.
    pub together: Conformal,
    /// Apart, with the count of workers known.
    pub apart: Conformal,
    /// Apart, with the count of workers guessed.
    pub guessed: Conformal,
}

impl Practice {
    /// The year, with its fraction, of the software that the other parameters describe.
    pub const EPOCH: f64 = 2026.3;
}

/// Parameters of the serving model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Launch of a kernel that a graph saves: kernel models are of kernels timed one by one \[s\].
    pub launch: f64,
    /// Times of matrix products that wait for memory over those of the kernel model.
    pub products: f64,
    /// Times of matrix products that wait for the matrix units over those of the kernel model.
    pub matrix: f64,
    /// Times on Blackwell of products that wait for memory over what the data sheet's ratio to Hopper says.
    pub blackwell_stream: f64,
    /// Times on Blackwell of products that wait for the matrix units over what the data sheet's ratio to Hopper says.
    pub blackwell_matrix: f64,
    /// Times of products with 4-bit weights that wait for memory over those of their bytes.
    pub unpacking: f64,
    /// Passes over a token's residual stream in a layer by kernels that are no products (norms, activations, quantisation).
    pub passes: f64,
    /// Small kernels of a layer with 8-bit experts, which scale activations by blocks \[s\].
    pub quantised_layer: f64,
    /// Small kernels of a layer with experts: routing, sorting, gathering \[s\].
    pub routed_layer: f64,
    /// Small kernels of a layer with latent attention \[s\].
    pub latent_layer: f64,
    /// Small kernels of a layer with linear attention: convolution, gates, state \[s\].
    pub linear_layer: f64,
    /// Times of attention in an engine over those of the kernel model.
    pub attention: f64,
    /// Times of collectives in an engine over those of the collective model.
    pub collectives: f64,
    /// Share of the 16-bit peak that grouped products of experts reach.
    pub expert_matrix: f64,
    /// How far narrower formats gain: share of the peak falls with this power of the peak over that of 16 bits.
    pub narrow: f64,
    /// Rows of an expert's product at which it runs at half its speed; as many are lost for each expert that is touched.
    pub expert_rows: f64,
    /// Share of the memory bandwidth that reading experts reaches.
    pub expert_stream: f64,
    /// Share of tokens that count as independent in which experts they touch: routing is skewed and tokens of a text are alike.
    pub routing: f64,
    /// Load of the fullest expert rank over the mean, less 1, where experts are spread over many.
    pub imbalance: f64,
    /// Times of latent attention in decoding over those of its kernel model.
    pub latent: f64,
    /// Share of the peak that linear attention reaches.
    pub state_matrix: f64,
    /// Share of the memory bandwidth that recurrent states reach.
    pub state_stream: f64,
    /// Time that a request needs from its prefill worker to its decode worker, beside the transfer of keys and values \[s\].
    pub handover: f64,
    /// Share of disaggregated requests that find a queue of all others.
    pub handover_start: f64,
    /// Interval of the time of a token.
    pub tpot: Spread,
    /// Interval of the time to the first token.
    pub ttft: Spread,
    /// What benchmarks do where they do not say it.
    pub practice: Practice,
    /// vLLM.
    pub vllm: EngineParameters,
    /// SGLang.
    pub sglang: EngineParameters,
    /// TensorRT-LLM.
    pub trtllm: EngineParameters,
}

impl Parameters {
    /// Overheads of an engine; those without measurements get the mean of the known ones.
    #[must_use]
    pub fn engine(&self, engine: Engine) -> EngineParameters {
        match engine {
            Engine::Vllm => self.vllm,
            Engine::Sglang => self.sglang,
            Engine::TrtLlm => self.trtllm,
            Engine::LlamaCpp | Engine::Other => {
                let mean = |of: fn(&EngineParameters) -> f64| (of(&self.vllm) + of(&self.sglang) + of(&self.trtllm)) / 3.0;
                EngineParameters {
                    step: mean(|it| it.step),
                    layer: mean(|it| it.layer),
                    request: mean(|it| it.request),
                    eager: mean(|it| it.eager),
                    chunk: mean(|it| it.chunk),
                    admission: mean(|it| it.admission),
                    wait: mean(|it| it.wait),
                    mixing: mean(|it| it.mixing),
                    burst: mean(|it| it.burst),
                    start: mean(|it| it.start),
                }
            }
        }
    }
}

/// The fitted parameters.
///
/// # Panics
/// Never: the table is compiled in, and the tests parse it.
#[must_use]
pub fn parameters() -> &'static Parameters {
    static TABLE: OnceLock<Parameters> = OnceLock::new();
    TABLE.get_or_init(|| {
        toml::from_str(include_str!("../../../data/throughput/serving.toml"))
            // The table is compiled in and the tests of this file parse it: no input of a user reaches this.
            .expect("the compiled-in table parses")
    })
}
