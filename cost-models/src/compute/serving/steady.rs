//! Latency of a replica in steady state, in a closed loop of requests.
//!
//! ```text
//! decode    t(n) = step(n requests at context prompt + output / 2)
//! prefill   D(n) = sum over a prompt's chunks of step(n decoding + chunk) - t(n)
//! TPOT      = t(n) / tokens of a verified step + n / output * D(n) * mixing each output token waits for the prefills of others
//! TTFT      = engine + wait for steps as they run + queue + D(n)
//! queue     R = S (1 + (c - 1) k R / (R + Z))                               S = D, Z = output * TPOT
//! n         = min(room, c Z / (Z + TTFT))                                   the rest waits for memory
//! stages    p micro-batches at once: t(n / p), and others' prefills take D / p of each stage
//! ```
//!
//! Agrawal et al. 2024 (chunked prefill beside decoding); Schweitzer 1979 (approximate mean value analysis of a closed
//! queue); Little 1961; Leviathan, Kalman and Matias 2023, equation 1 (tokens of a verified step).

use super::{Batch, Deployment, Step};

/// Mean lengths of requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lengths {
    /// Tokens of a prompt.
    pub prompt: f64,
    /// Tokens of an answer.
    pub output: f64,
}

/// Speculative decoding: a draft proposes tokens that one step of the model verifies (Leviathan, Kalman and Matias 2023).
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Speculation {
    /// Tokens that the draft proposes for a step.
    pub tokens: f64,
    /// Probability that a proposed token is accepted.
    pub acceptance: f64,
    /// Time of one draft pass over that of a step of the model.
    pub cost: f64,
}

impl Speculation {
    /// Tokens that a verified step yields: `(1 - a^(g + 1)) / (1 - a)` (equation 1).
    #[must_use]
    pub fn yielded(&self) -> f64 {
        let (a, g) = (self.acceptance.clamp(0.0, 1.0), self.tokens.max(0.0));
        if a >= 1.0 { g + 1.0 } else { (1.0 - a.powf(g + 1.0)) / (1.0 - a) }
    }
}

/// Latencies of a replica at a load.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Latency {
    /// Mean time to the first token \[s\].
    pub ttft: f64,
    /// Mean time of each further token \[s\].
    pub tpot: f64,
    /// Requests that decode at a time.
    pub decoding: f64,
    /// Requests that wait for memory at a time.
    pub waiting: f64,
    /// Requests served \[1/s\].
    pub rate: f64,
    /// One step of decoding alone \[s\].
    pub step: f64,
    /// What one prompt adds to the steps beside it \[s\].
    pub prefill: f64,
    /// Part of the time to the first token behind other prompts \[s\].
    pub queue: f64,
    /// Part of the time to the first token until memory is free \[s\].
    pub memory_wait: f64,
}

impl Deployment<'_> {
    /// One decoding step of `requests` \[s\], with verified drafts where there are any.
    fn decode_step(&self, requests: f64, context: f64, speculation: Option<Speculation>) -> Step {
        let verified = speculation.map_or(1.0, |it| it.tokens + 1.0);
        // Every proposed token passes through the layers; keys and values are read once for all tokens of a request.
        let mut step = self.step(&Batch { decoding: requests * verified, kept: requests * context, prefill: 0.0, attended: 0.0 });
        if let Some(it) = speculation {
            let draft = step.total() * it.cost * it.tokens;
            step.feed_forward += draft;
        }
        step
    }

    /// Requests of a mean context that the replica works on at once. Where the weights alone do not fit, memory is left out of
    /// account: [`Deployment::memory`] says by how much.
    fn held_at_once(&self, concurrency: f64, context: f64) -> f64 {
        if self.memory().is_ok() { self.room(context).max(1.0).min(concurrency) } else { concurrency }
    }

    /// What a prompt adds to steps in which `decoding` requests decode too \[s\]: as many prompts share a step as requests end
    /// in it.
    fn prefill_cost(&self, decoding: f64, context: f64, lengths: Lengths, alone: f64) -> f64 {
        let Lengths { prompt, output } = lengths;
        let budget = self.parameters.engine(self.engine).chunk;
        let chunks = (prompt / budget).max(1.0);
        let together = (decoding / output).min(budget / prompt).max(1.0);
        let (tokens, attended) = (prompt * together / chunks, prompt * prompt / 2.0 * together / chunks);
        let batch = Batch { decoding, kept: decoding * context, prefill: tokens, attended };
        chunks / together * (self.step(&batch).total() - alone)
    }

    /// Latencies of an aggregated replica (prefill and decoding on the same devices) with `concurrency` requests of these
    /// lengths, each followed by another as it ends.
    #[must_use]
    pub fn closed_loop(&self, concurrency: f64, lengths: Lengths, speculation: Option<Speculation>) -> Latency {
        let Lengths { prompt, output } = lengths;
        let sane = |value: f64| value.is_finite() && value > 0.0;
        if !(sane(concurrency) && sane(prompt) && sane(output)) {
            return Latency::default();
        }
        let overhead = self.parameters.engine(self.engine);
        let context = prompt + output / 2.0;
        let room = self.held_at_once(concurrency, context);
        let yielded = speculation.map_or(1.0, |it| it.yielded());
        let mut it = Latency { decoding: room, ..Latency::default() };
        let mut sure = 0.0;
        // Pipeline stages work on as many micro-batches at once: each token passes all of them, each stage sees a part of the
        // requests at a time.
        let stages = self.layout.pipeline.max(1.0);
        let mut own = 0.0;
        for round in 0..2 {
            let together = it.decoding / stages;
            it.step = self.decode_step(together, context, speculation).total();
            // What a prompt adds hardly depends on how many decode beside it: once is enough.
            if round == 0 {
                let alone = if speculation.is_some() { self.decode_step(together, context, None).total() } else { it.step };
                own = self.prefill_cost(together, context, lengths, alone);
                it.prefill = own / stages;
            }
            it.tpot = it.step / yielded + it.decoding / output * it.prefill * overhead.mixing;
            let think = output * it.tpot;
            let start = overhead.start * (room - 1.0).max(0.0) / 2.0 * it.prefill;
            let response = closed_queue(it.prefill, think, room, overhead.burst) + start;
            // Steps with prompts of others are among those that a new request waits.
            sure = overhead.admission + overhead.wait * it.tpot * yielded + own;
            it.ttft = sure - it.prefill + response;
            it.decoding = room * think / (think + it.ttft);
        }
        let held = output * it.tpot + it.ttft;
        it.waiting = concurrency - room;
        it.queue = (it.ttft - sure).max(0.0);
        it.memory_wait = it.waiting / room * held;
        it.ttft += it.memory_wait;
        it.rate = room / held;
        it
    }
}

/// A disaggregated deployment: prompts are prefilled by workers of their own, which hand keys and values over to others that
/// decode (Zhong et al. 2024, DistServe; Patel et al. 2024, Splitwise).
#[derive(Clone, Copy, Debug)]
pub struct Disaggregated<'a> {
    /// A prefill worker.
    pub prefill: Deployment<'a>,
    /// Prefill workers; `None` chooses as many as keep them busy as published deployments do.
    pub prefill_workers: Option<f64>,
    /// A decode worker.
    pub decode: Deployment<'a>,
    /// Decode workers.
    pub decode_workers: f64,
}

impl Disaggregated<'_> {
    /// Latencies with `concurrency` requests over all workers.
    #[must_use]
    pub fn closed_loop(&self, concurrency: f64, lengths: Lengths, speculation: Option<Speculation>) -> Latency {
        let Lengths { prompt, output } = lengths;
        let sane = |value: f64| value.is_finite() && value > 0.0;
        if !(sane(concurrency) && sane(prompt) && sane(output) && sane(self.decode_workers)) {
            return Latency::default();
        }
        let (decode, prefill, fitted) = (&self.decode, &self.prefill, self.decode.parameters);
        let overhead = fitted.engine(prefill.engine);
        let context = prompt + output / 2.0;
        let room = decode.held_at_once(concurrency / self.decode_workers, context) * self.decode_workers;
        let yielded = speculation.map_or(1.0, |it| it.yielded());
        // Short prompts share a step, also over the groups of data-parallel attention.
        let group = (overhead.chunk * prefill.layout.data / prompt).floor().clamp(1.0, concurrency.max(1.0));
        let alone = prefill.step(&Batch::prompts(1.0, prompt)).total();
        let mut it = Latency { decoding: room, ..Latency::default() };
        let mut sure = 0.0;
        let each = if group > 1.0 { prefill.step(&Batch::prompts(group, prompt)).total() / group } else { alone };
        let architecture = decode.architecture;
        let kept = architecture.kept_per_token() * prompt * decode.cache.bytes();
        let network = decode.device.scale_out_bandwidth.as_gb_per_s() * 1e9 * prefill.layout.tensor.min(decode.layout.tensor);
        let handover = fitted.handover + kept / network;
        for _ in 0..2 {
            it.step = decode.decode_step((it.decoding / self.decode_workers).max(1.0_f64.min(concurrency)), context, speculation).total();
            it.tpot = it.step / yielded;
            let think = output * it.tpot;
            let workers = self
                .prefill_workers
                .unwrap_or_else(|| (concurrency / (think + alone) * each / fitted.practice.prefill_busy.max(1e-3)).ceil().max(1.0));
            it.prefill = each / workers;
            let start = fitted.handover_start * (room - 1.0).max(0.0) / 2.0 * it.prefill;
            let queue = closed_queue(it.prefill, think, room, overhead.burst) - it.prefill;
            sure = overhead.admission + handover + alone + it.step;
            it.ttft = sure + queue + start;
            it.decoding = room * think / (think + it.ttft);
        }
        let held = output * it.tpot + it.ttft;
        it.waiting = concurrency - room;
        it.queue = (it.ttft - sure).max(0.0);
        it.memory_wait = it.waiting / room * held;
        it.ttft += it.memory_wait;
        it.rate = room / held;
        it
    }
}

/// Response time of a server with service time `service`, which `customers` use in turn after thinking for `think` (Schweitzer
/// 1979); `burst` scales the others' claim on it, above 1 where they come in waves.
#[must_use]
pub fn closed_queue(service: f64, think: f64, customers: f64, burst: f64) -> f64 {
    // R^2 + R (Z - S - S (c - 1) k) - S Z = 0.
    let half = (think - service - service * (customers - 1.0).max(0.0) * burst) / 2.0;
    let root = (half * half + service * think).sqrt();
    if half > 0.0 { service * think / (root + half) } else { root - half }
}
