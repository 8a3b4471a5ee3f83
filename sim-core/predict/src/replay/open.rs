//! A service under an open load in steady state: Poisson arrivals, a warm-up that is thrown away, means with standard errors.

use bastide_cost_models::compute::serving::LengthLaw;
use bastide_engine::{Estimate, Stream, quantile, stream_key};
use serde::Serialize;

use super::outcome::{Outcome, Since};
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
        let (mut gaps, mut prompts, mut outputs) = (stream("arrival"), stream("prompt"), stream("output"));
        let mut at = 0.0;
        let requests = (0..self.requests).map(|_| {
            at += gaps.exponential(1.0 / self.rate);
            let (prompt, output) = (self.prompt.quantile(prompts.uniform()), self.output.quantile(outputs.uniform()));
            Request { arrival: at, input: prompt as u32, output: output as u32 }
        });
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
    /// Requests that arrived meanwhile \[1/s\].
    pub arrived: f64,
    /// Time to the first token \[s\].
    pub ttft: Mean,
    /// Time for each further token, over answers of more than one \[s\].
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
        let mean = |of: &dyn Fn(usize) -> Option<f64>| {
            let batches: Vec<f64> = counted
                .chunks(counted.len().div_ceil(BATCHES))
                .filter_map(|batch| {
                    let values: Vec<f64> = batch.iter().filter_map(|it| of(*it)).collect();
                    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
                })
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
        Some(Self {
            requests: counted.len(),
            rate: left as f64 / span,
            arrived: (counted.len() - 1) as f64 / span,
            ttft: mean(&|it| Some(outcome.ttft(it, Since::Arrival))),
            tpot: mean(&|it| outcome.tpot(it)),
            latency: mean(&|it| Some(outcome.latency(it, Since::Arrival))),
            present: present / span,
            ttft_p95: quantile(&ttft, 0.95).unwrap_or(0.0),
            latency_p95: quantile(&latency, 0.95).unwrap_or(0.0),
        })
    }
}
