//! A service under an open load in steady state: Poisson arrivals, a warm-up that is thrown away, means with standard errors.

use bastide_cost_models::compute::serving::{LengthLaw, Open, OpenState, Scheduler};
use bastide_engine::{Estimate, Stream, quantile, stream_key};
use serde::Serialize;

use super::StepModel;
use super::outcome::{Outcome, Since};
use super::policy::{Batching, Policy, ReplayError};
use super::request::{Request, Trace, TraceError};

/// Requests that arrive as a Poisson process, with lengths that are independent of each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrivals {
    /// Requests \[1/s\].
    pub rate: f64,
    /// Tokens of a prompt.
    pub prompt: LengthLaw,
    /// Tokens of an answer.
    pub output: LengthLaw,
    /// How many.
    pub requests: usize,
    /// Seed of arrivals and lengths.
    pub seed: u64,
}

impl Arrivals {
    /// Draws them.
    ///
    /// # Errors
    /// [`TraceError`] where there are none, or their times make no sense.
    pub fn trace(&self) -> Result<Trace, TraceError> {
        let stream = |purpose| Stream::new(self.seed, 0, stream_key("service", purpose));
        let count = self.requests;
        // As many as come on average in the time that they take: a Poisson process given its number of arrivals.
        let (mut gaps, mut at) = (stream("arrival"), 0.0);
        let mut times: Vec<f64> = (0..=count)
            .map(|_| {
                at += gaps.exponential(1.0);
                at
            })
            .collect();
        let scale = count as f64 / self.rate / at;
        times.iter_mut().for_each(|time| *time *= scale);
        // Every part of a law as often as it should occur, in random order: means of few requests are those of the law.
        let lengths = |law: &LengthLaw, purpose| {
            let mut draws = stream(purpose);
            let mut lengths: Vec<u32> =
                (0..count).map(|part| law.quantile((part as f64 + draws.uniform()) / count as f64) as u32).collect();
            draws.shuffle(&mut lengths);
            lengths
        };
        let (prompts, outputs) = (lengths(&self.prompt, "prompt"), lengths(&self.output, "output"));
        let requests = (0..count).map(|index| Request { arrival: times[index], input: prompts[index], output: outputs[index] });
        Trace::new(requests.collect())
    }
}

/// Means with standard errors, and the tail, of a replay in steady state.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SteadyState {
    /// Requests that the means are of.
    pub requests: usize,
    /// Requests that left \[1/s\].
    pub rate: f64,
    /// Tokens of answers that were made \[1/s\].
    pub output_tokens_per_s: f64,
    /// Requests that arrived meanwhile \[1/s\].
    pub arrived: f64,
    /// Time to the first token \[s\].
    pub ttft: Mean,
    /// Mean time after the first token over the mean of further tokens \[s\].
    pub tpot: Mean,
    /// Time to the last token \[s\].
    pub latency: Mean,
    /// Requests in the replica, waiting or running.
    pub present: f64,
    /// 95th percentile of the time to the first token \[s\].
    pub ttft_p95: f64,
    /// 95th percentile of the time to the last token \[s\].
    pub latency_p95: f64,
}

/// A mean and its standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Mean {
    /// Mean.
    pub mean: f64,
    /// Its standard error, from means of batches of requests that came one after the other.
    pub error: f64,
}

/// Most requests of a comparison.
const MOST_REQUESTS: usize = 50_000_000;
/// Batches for standard errors (Schmeiser 1982: 10 to 30 do).
const BATCHES: usize = 25;
/// Share of the requests that are thrown away at the start.
const WARM_UP: f64 = 0.2;

impl SteadyState {
    /// Of a replay of requests that arrived at a steady rate; `None` of fewer than a hundred.
    ///
    /// The first fifth is warm-up. Those after it all count, also the last, which the replay serves to their end.
    #[must_use]
    pub fn of(outcome: &Outcome) -> Option<Self> {
        let all = outcome.arrival.len();
        if all < 100 {
            return None;
        }
        let first = (all as f64 * WARM_UP) as usize;
        let counted: Vec<usize> = (first..all).collect();
        let mean = |of: &dyn Fn(usize) -> f64| {
            let batches: Vec<f64> = counted
                .chunks(counted.len().div_ceil(BATCHES))
                .map(|batch| batch.iter().map(|it| of(*it)).sum::<f64>() / batch.len() as f64)
                .collect();
            Estimate::of(&batches).map_or_else(Mean::default, |it| Mean { mean: it.mean, error: it.stderr.unwrap_or(0.0) })
        };
        let ttft: Vec<f64> = counted.iter().map(|it| outcome.ttft(*it, Since::Arrival)).collect();
        let latency: Vec<f64> = counted.iter().map(|it| outcome.latency(*it, Since::Arrival)).collect();
        // Between the first and the last arrival that count the replica is in its steady state.
        let (from, until) = (outcome.arrival[first], outcome.arrival[all - 1]);
        let left = outcome.times.last.iter().filter(|last| (from..until).contains(*last)).count();
        let span = (until - from).max(f64::MIN_POSITIVE);
        let present: f64 = (0..all).map(|it| (outcome.times.last[it].min(until) - outcome.arrival[it].max(from)).max(0.0)).sum();
        // Tokens after the first are made at an even pace, near enough.
        let made: f64 = (0..all)
            .map(|it| {
                let (begin, end) = (outcome.times.first[it], outcome.times.last[it]);
                let within = (end.min(until) - begin.max(from)).max(0.0);
                let rest = if end > begin { f64::from(outcome.output[it] - 1) * within / (end - begin) } else { 0.0 };
                rest + if (from..until).contains(&begin) { 1.0 } else { 0.0 }
            })
            .sum();
        let further = counted.iter().map(|it| f64::from(outcome.output[*it] - 1)).sum::<f64>() / counted.len() as f64;
        let answer = mean(&|it| outcome.times.last[it] - outcome.times.first[it]);
        Some(Self {
            requests: counted.len(),
            rate: left as f64 / span,
            output_tokens_per_s: made / span,
            arrived: (counted.len() - 1) as f64 / span,
            ttft: mean(&|it| outcome.ttft(it, Since::Arrival)),
            tpot: Mean { mean: answer.mean / further.max(1e-9), error: answer.error / further.max(1e-9) },
            latency: mean(&|it| outcome.latency(it, Since::Arrival)),
            present: present / span,
            ttft_p95: quantile(&ttft, 0.95).unwrap_or(0.0),
            latency_p95: quantile(&latency, 0.95).unwrap_or(0.0),
        })
    }
}

/// The fluid law of a service beside the replay of its requests one by one, of which both have step times and scheduler in common.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The largest rate of all replicas by the law \[1/s\].
    pub saturation: f64,
    /// The law at the rate; `None` above saturation.
    pub fluid: Option<OpenState>,
    /// The replay.
    pub simulated: SteadyState,
}

impl Policy {
    /// The scheduler as the fluid law sees it, for one replica, or all that step together.
    #[must_use]
    pub fn scheduler(&self) -> Scheduler {
        let together = if self.lockstep { f64::from(self.replicas) } else { 1.0 };
        Scheduler {
            seats: together * f64::from(self.max_num_seqs),
            tokens: together * f64::from(self.max_num_batched_tokens),
            kept: together * self.blocks.map_or(f64::INFINITY, |blocks| f64::from(blocks) * f64::from(self.block_size)),
            block: f64::from(self.block_size),
            ahead: self.schedule_ahead,
        }
    }
}

/// The fluid law of a service of which [`settled`](super::settled) gave the policy, and over how many replicas its rate is split.
#[must_use]
pub fn fluid(model: &dyn StepModel, policy: &Policy, prompt: &LengthLaw, output: &LengthLaw) -> (Open, f64) {
    let apart = if policy.lockstep { 1.0 } else { f64::from(policy.replicas) };
    (Open::new(&|batch| model.step_time(batch), policy.scheduler(), prompt, output, 1.0), apart)
}

impl Comparison {
    /// Replays Poisson arrivals and asks the law for the same. Replicas on their own have equal parts of the rate; a router that
    /// looks at queues does better than that.
    ///
    /// # Errors
    /// [`ReplayError`], also for fewer than a hundred requests, rates that are no rates, and other orders than vLLM's.
    pub fn of(model: &dyn StepModel, policy: &Policy, arrivals: &Arrivals) -> Result<Self, ReplayError> {
        let wrong = |setting, must: &str, value: String| Err(ReplayError::Setting { setting, must: must.to_owned(), value });
        if policy.batching != Batching::Chunked {
            return wrong("batching", "chunked: the law knows no other order", format!("{:?}", policy.batching));
        }
        if !(arrivals.rate > 0.0 && arrivals.rate.is_finite()) {
            return wrong("rate", "above 0", arrivals.rate.to_string());
        }
        if !(100..=MOST_REQUESTS).contains(&arrivals.requests) {
            return wrong("requests", &format!("from 100 to {MOST_REQUESTS}"), arrivals.requests.to_string());
        }
        let trace = arrivals.trace().map_err(|error| ReplayError::Setting {
            setting: "rate",
            must: "one at which requests come within a hundred years".to_owned(),
            value: error.to_string(),
        })?;
        let (law, apart) = fluid(model, policy, &arrivals.prompt, &arrivals.output);
        let outcome = super::replay(&trace, model, policy)?;
        let Some(simulated) = SteadyState::of(&outcome) else {
            return wrong("requests", "at least 100", arrivals.requests.to_string());
        };
        Ok(Self { saturation: law.saturation() * apart, fluid: law.at(arrivals.rate / apart), simulated })
    }

    /// Quantities of both: name, simulated with its standard error, by the law. Times in seconds.
    #[must_use]
    pub fn rows(&self, output: f64) -> Vec<(&'static str, Mean, Option<f64>)> {
        let it = &self.simulated;
        let exact = |mean| Mean { mean, error: 0.0 };
        // Of as many that come one after the other as have come.
        let rate = Mean { mean: it.rate, error: it.rate / (it.requests as f64).sqrt() };
        let law = |of: fn(&OpenState) -> f64| self.fluid.as_ref().map(of);
        let tpot = |state: &OpenState| if output > 1.0 { (state.latency - state.ttft) / (output - 1.0) } else { 0.0 };
        vec![
            ("requests_per_s", rate, self.fluid.map(|_| it.arrived)),
            ("latency", it.latency, law(|it| it.latency)),
            ("ttft", it.ttft, law(|it| it.ttft)),
            ("tpot", it.tpot, self.fluid.as_ref().map(tpot)),
            ("latency_p95", exact(it.latency_p95), law(|it| it.latency_p95)),
            ("ttft_p95", exact(it.ttft_p95), law(|it| it.ttft_p95)),
        ]
    }
}
