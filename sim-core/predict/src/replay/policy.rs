//! How an engine forms its batches.

use serde::{Deserialize, Serialize};

/// Which work a step takes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Batching {
    /// Decoding requests first, then prompts in chunks that fill the step (Agrawal et al. 2024, Sarathi-Serve; vLLM's version
    /// 1 engine).
    Chunked,
    /// Prompts first, in steps of their own, while decoding waits (Yu et al. 2022, Orca with whole prompts; vLLM's version 0
    /// engine, TensorRT-LLM without chunked context).
    PrefillFirst,
    /// A batch is admitted when the last one is done (FasterTransformer).
    Static,
}

/// Which replica a request goes to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Routing {
    /// One after the other.
    RoundRobin,
    /// To the lowest `4 * waiting + running`, from counts that are refreshed every `refresh` seconds and, in between, grow by
    /// the router's own choices (vLLM's data-parallel coordinator, 2025: 0.1 s).
    LeastLoaded {
        /// Time between refreshed counts \[s\].
        refresh: f64,
    },
}

/// Settings of an engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Which work a step takes first.
    pub batching: Batching,
    /// Most requests that run at once in a replica.
    pub max_num_seqs: u32,
    /// Most tokens of a step of a replica.
    pub max_num_batched_tokens: u32,
    /// Most tokens of one prompt in a step; `None`: as many as the step has room for.
    pub longest_chunk: Option<u32>,
    /// Tokens of a block of keys and values.
    pub block_size: u32,
    /// Blocks of a replica; `None`: as many as the deployment's memory holds.
    pub blocks: Option<u32>,
    /// Whether a prompt is admitted only where all of it fits, not just its first chunk.
    pub reserve_whole_prompt: bool,
    /// Whether blocks of equal prefixes are kept and shared, and those of preempted requests found again.
    pub prefix_caching: bool,
    /// Whether the next step is scheduled while this one runs (vLLM's asynchronous scheduling, default since 2025): a request
    /// that arrives waits for the step that is already scheduled, and a seat is free one step later.
    pub schedule_ahead: bool,
    /// Replicas (data parallel).
    pub replicas: u32,
    /// Whether replicas step together, as those do that share experts.
    pub lockstep: bool,
    /// Which replica a request goes to.
    pub routing: Routing,
}

impl Default for Policy {
    /// vLLM's version 1 engine, version 0.19, as its server starts it.
    fn default() -> Self {
        Self {
            batching: Batching::Chunked,
            max_num_seqs: 256,
            max_num_batched_tokens: 8192,
            longest_chunk: None,
            block_size: 16,
            blocks: None,
            reserve_whole_prompt: true,
            prefix_caching: true,
            schedule_ahead: true,
            replicas: 1,
            lockstep: false,
            routing: Routing::LeastLoaded { refresh: 0.1 },
        }
    }
}

/// Why a replay cannot run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ReplayError {
    /// A setting makes no sense.
    #[error("{setting} must be {must}: {value}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// What it must be.
        must: String,
        /// What it is.
        value: String,
    },
    /// A request is longer than the cache.
    #[error("line {line}: a request of {tokens} tokens is longer than the cache of a replica, {capacity} tokens")]
    TooLong {
        /// Line of the trace, from 1.
        line: u64,
        /// Prompt and answer.
        tokens: u64,
        /// What the cache holds.
        capacity: u64,
    },
    /// The model does not fit the devices.
    #[error("the model does not fit: {missing_gb:.1} GB are missing on each device; hint: at least {devices} devices")]
    Memory {
        /// Missing on each device (GB).
        missing_gb: f64,
        /// Fewest devices over which it would fit.
        devices: f64,
    },
    /// A step took no sensible time.
    #[error("the model of steps gives {seconds} s for a step of {decoding} decoding requests and {prefill} tokens of prompts")]
    StepTime {
        /// What it gave \[s\].
        seconds: f64,
        /// Decoding requests of the step.
        decoding: f64,
        /// Tokens of prompts.
        prefill: f64,
    },
}

impl Policy {
    /// Whether the settings make sense together.
    ///
    /// # Errors
    /// [`ReplayError::Setting`] names the first that does not.
    pub fn check(&self) -> Result<(), ReplayError> {
        let wrong = |setting, must: &str, value: String| Err(ReplayError::Setting { setting, must: must.to_owned(), value });
        for (setting, value) in [
            ("max_num_seqs", self.max_num_seqs),
            ("max_num_batched_tokens", self.max_num_batched_tokens),
            ("block_size", self.block_size),
            ("replicas", self.replicas),
            ("blocks", self.blocks.unwrap_or(1)),
            ("longest_chunk", self.longest_chunk.unwrap_or(1)),
        ] {
            if value == 0 {
                return wrong(setting, "at least 1", "0".to_owned());
            }
        }
        if self.max_num_batched_tokens < self.max_num_seqs && self.batching == Batching::Chunked {
            return wrong("max_num_batched_tokens", "at least max_num_seqs", self.max_num_batched_tokens.to_string());
        }
        if self.block_size > 4096 {
            return wrong("block_size", "at most 4096", self.block_size.to_string());
        }
        if self.replicas > 100_000 {
            return wrong("replicas", "at most 100000", self.replicas.to_string());
        }
        match self.routing {
            Routing::LeastLoaded { refresh } if !(refresh >= 0.0 && refresh.is_finite()) => {
                wrong("refresh", "a number of seconds from 0", refresh.to_string())
            }
            _ => Ok(()),
        }
    }
}
