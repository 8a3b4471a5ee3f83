//! What a replay tells.

use serde::Serialize;

use super::rank::{Plan, Rank, Times};
use super::request::Trace;

/// From when a request's waiting counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Since {
    /// Its arrival: what a user sees.
    Arrival,
    /// When the engine took it into its queue, between two steps: what vLLM's request statistics say.
    Queue,
}

/// Mean and quantiles of a time \[s\].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Statistics {
    /// Mean.
    pub mean: f64,
    /// Median.
    pub median: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
}

impl Statistics {
    /// Of some values, by linear interpolation between order statistics (Hyndman and Fan 1996, type 7); zeros without any.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_unstable_by(f64::total_cmp);
        let quantile = |share: f64| match values.len() {
            0 => 0.0,
            len => {
                let at = share * (len - 1) as f64;
                let (low, high) = (values[at.floor() as usize], values[at.ceil() as usize]);
                low + (high - low) * at.fract()
            }
        };
        let mean = if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 };
        Self { mean, median: quantile(0.5), p90: quantile(0.9), p95: quantile(0.95), p99: quantile(0.99) }
    }

    /// The statistic of a name: `mean`, `median`, `p90`, `p95`, `p99`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        Some(match name {
            "mean" => self.mean,
            "median" | "p50" => self.median,
            "p90" => self.p90,
            "p95" => self.p95,
            "p99" => self.p99,
            _ => return None,
        })
    }
}

/// Sums over the steps of a group of replicas.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    pub steps: f64,
    pub busy: f64,
    pub decoding: f64,
    pub occupied: f64,
    pub peak: f64,
    pub replicas: usize,
    pub preemptions: u64,
    pub prefilled: u64,
    pub cached: u64,
}

impl Totals {
    pub fn step(&mut self, seconds: f64, steps: f64, plans: &[Plan], ranks: &[Rank]) {
        self.steps += steps;
        self.busy += seconds;
        self.replicas = ranks.len();
        for (plan, rank) in plans.iter().zip(ranks) {
            let occupied = f64::from(rank.blocks.used()) / f64::from(rank.blocks.total());
            self.decoding += seconds * f64::from(plan.decoding);
            self.occupied += seconds * occupied;
            self.peak = self.peak.max(occupied);
        }
    }
}

/// A replay done.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// When each request arrived \[s\].
    pub arrival: Vec<f64>,
    /// Tokens of each answer.
    pub output: Vec<u32>,
    /// When things happened to each request, in the order of the trace.
    pub times: Times,
    /// First arrival to last token \[s\].
    pub makespan: f64,
    /// Tokens of answers.
    pub output_tokens: f64,
    /// Tokens of prompts computed, again after preemptions included.
    pub prefilled_tokens: f64,
    /// Tokens of prompts found in the prefix cache.
    pub cached_tokens: f64,
    /// Steps of all groups of replicas that step together.
    pub steps: f64,
    /// Preemptions.
    pub preemptions: u64,
    /// Mean share of the makespan in which a replica stepped.
    pub utilisation: f64,
    /// Mean number of decoding requests of a replica while it stepped.
    pub mean_batch: f64,
    /// Mean share of blocks in use while stepping.
    pub mean_occupancy: f64,
    /// Largest share of blocks in use.
    pub peak_occupancy: f64,
}

/// Statistics of a replay.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReplaySummary {
    /// Requests, all of them served.
    pub requests: usize,
    /// Time to the first token \[s\].
    pub ttft: Statistics,
    /// Time for each further token \[s\], of answers of more than one.
    pub tpot: Statistics,
    /// Time to the last token \[s\].
    pub latency: Statistics,
    /// Time from arrival to the first scheduled chunk \[s\].
    pub queueing: Statistics,
    /// Requests in a second.
    pub requests_per_s: f64,
    /// Tokens of answers in a second.
    pub output_tokens_per_s: f64,
    /// Tokens of prompts and answers in a second, those from the prefix cache included.
    pub total_tokens_per_s: f64,
    /// First arrival to last token \[s\].
    pub makespan: f64,
    /// Steps of all groups of replicas that step together.
    pub steps: f64,
    /// Preemptions.
    pub preemptions: u64,
    /// Share of prompt tokens found in the prefix cache.
    pub prefix_hit_share: f64,
    /// Mean share of the makespan in which a replica stepped.
    pub utilisation: f64,
    /// Mean number of decoding requests of a replica while it stepped.
    pub mean_batch: f64,
    /// Mean share of blocks in use while stepping.
    pub mean_occupancy: f64,
    /// Largest share of blocks in use.
    pub peak_occupancy: f64,
}

impl Outcome {
    pub(super) fn new(trace: &Trace, times: Times, totals: &[Totals]) -> Self {
        let sum = |of: fn(&Totals) -> f64| totals.iter().map(of).sum::<f64>();
        let start = trace.requests.first().map_or(0.0, |it| it.arrival);
        let makespan = times.last.iter().copied().fold(start, f64::max) - start;
        let stepped = sum(|it| it.busy * it.replicas as f64).max(f64::MIN_POSITIVE);
        Self {
            arrival: trace.requests.iter().map(|it| it.arrival).collect(),
            output: trace.requests.iter().map(|it| it.output).collect(),
            times,
            makespan,
            output_tokens: trace.requests.iter().map(|it| f64::from(it.output)).sum(),
            prefilled_tokens: sum(|it| it.prefilled as f64),
            cached_tokens: sum(|it| it.cached as f64),
            steps: sum(|it| it.steps),
            preemptions: totals.iter().map(|it| it.preemptions).sum(),
            utilisation: sum(|it| it.busy) / (makespan.max(f64::MIN_POSITIVE) * totals.len().max(1) as f64),
            mean_batch: sum(|it| it.decoding) / stepped,
            mean_occupancy: sum(|it| it.occupied) / stepped,
            peak_occupancy: totals.iter().map(|it| it.peak).fold(0.0, f64::max),
        }
    }

    /// Time from arrival or queue to the first token of a request \[s\].
    #[must_use]
    pub fn ttft(&self, request: usize, since: Since) -> f64 {
        self.times.first[request] - self.begin(request, since)
    }

    /// Time for each token after the first \[s\]; `None` for answers of one token.
    #[must_use]
    pub fn tpot(&self, request: usize) -> Option<f64> {
        let output = self.output[request];
        (output > 1).then(|| (self.times.last[request] - self.times.first[request]) / f64::from(output - 1))
    }

    /// Time from arrival or queue to the last token \[s\].
    #[must_use]
    pub fn latency(&self, request: usize, since: Since) -> f64 {
        self.times.last[request] - self.begin(request, since)
    }

    fn begin(&self, request: usize, since: Since) -> f64 {
        match since {
            Since::Arrival => self.arrival[request],
            Since::Queue => self.times.queued[request],
        }
    }

    /// Statistics.
    #[must_use]
    pub fn summary(&self, since: Since) -> ReplaySummary {
        let all = 0..self.arrival.len();
        let span = self.makespan.max(f64::MIN_POSITIVE);
        ReplaySummary {
            requests: self.arrival.len(),
            ttft: Statistics::of(all.clone().map(|it| self.ttft(it, since))),
            tpot: Statistics::of(all.clone().filter_map(|it| self.tpot(it))),
            latency: Statistics::of(all.clone().map(|it| self.latency(it, since))),
            queueing: Statistics::of(all.clone().map(|it| self.times.scheduled[it] - self.arrival[it])),
            requests_per_s: self.arrival.len() as f64 / span,
            output_tokens_per_s: self.output_tokens / span,
            total_tokens_per_s: (self.output_tokens + self.prefilled_tokens + self.cached_tokens) / span,
            makespan: self.makespan,
            steps: self.steps,
            preemptions: self.preemptions,
            prefix_hit_share: self.cached_tokens / (self.cached_tokens + self.prefilled_tokens).max(1.0),
            utilisation: self.utilisation,
            mean_batch: self.mean_batch,
            mean_occupancy: self.mean_occupancy,
            peak_occupancy: self.peak_occupancy,
        }
    }
}
