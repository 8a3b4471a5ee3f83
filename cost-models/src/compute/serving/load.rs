//! A replica at a load: at a rate of requests that arrive on their own ([`Open`]), or with a number of them under way, each
//! followed by another; the largest such number within targets; power.
//!
//! In the closed loop the wait for prefills of others has an exponential tail of its mean (Abate, Choudhury and Whitt 1995,
//! asymptotically exact for M/G/1 queues).

use super::{Batch, Deployment, Latency, LengthLaw, Lengths, Open, OpenState, Scheduler, Speculation};

/// What users can bear.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Targets {
    /// 95th percentile of the time to the first token \[s\].
    pub ttft_p95: f64,
    /// Mean time for each further token \[s\].
    pub tpot: f64,
}

impl Targets {
    /// Nothing is asked.
    pub const NONE: Self = Self { ttft_p95: f64::INFINITY, tpot: f64::INFINITY };
}

/// A replica at a load.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct State {
    /// Latencies and rate.
    pub latency: Latency,
    /// Requests in the replica at a time.
    pub concurrency: f64,
    /// 95th percentile of the time to the first token \[s\].
    pub ttft_p95: f64,
    /// Tokens of answers \[1/s\].
    pub output_tokens_per_s: f64,
    /// Share of the time that goes into prefilling.
    pub prefill_share: f64,
    /// Power between idle (0) and full (1), averaged over time.
    pub activity: f64,
}

impl Deployment<'_> {
    /// The replica with `concurrency` requests under way.
    #[must_use]
    pub fn state(&self, concurrency: f64, lengths: Lengths, speculation: Option<Speculation>) -> State {
        let it = self.closed_loop(concurrency, lengths, speculation);
        let prefill_share = (it.rate * it.prefill).clamp(0.0, 1.0);
        // Below one request at a time the replica idles in between.
        let busy = concurrency.min(1.0);
        let wait = (it.ttft - it.prefill).max(0.0);
        // P(wait) is the share of time that prefills take; the wait of those who wait is its mean over that.
        let tail = if prefill_share > 0.05 { wait / prefill_share * (prefill_share / 0.05).ln() } else { wait };
        State {
            latency: it,
            concurrency,
            ttft_p95: it.prefill + tail.max(wait),
            output_tokens_per_s: it.rate * lengths.output,
            prefill_share,
            activity: busy * self.activity(&it, lengths),
        }
    }

    /// The scheduler of the replica, with as much memory as weights leave, in vLLM's settings. Data-parallel groups that share
    /// experts step together, as one with the seats of all.
    #[must_use]
    pub fn scheduler(&self) -> Scheduler {
        let it = Scheduler::default();
        let kept = self.memory().map_or(0.0, |memory| memory.tokens);
        Scheduler { seats: it.seats * self.layout.data, tokens: it.tokens * self.layout.data, kept, ..it }
    }

    /// The replica as a service for requests of these lengths that arrive on their own; `None` with pipeline stages, or where
    /// not one request of mean lengths fits.
    #[must_use]
    pub fn open(&self, scheduler: Scheduler, prompt: &LengthLaw, output: &LengthLaw, speculation: Option<Speculation>) -> Option<Open> {
        let sane = scheduler.seats >= 1.0 && scheduler.tokens >= 1.0 && scheduler.kept >= prompt.mean() + output.mean();
        if !sane || self.layout.pipeline > 1.0 {
            return None;
        }
        let step = |batch: &Batch| match speculation {
            None => self.step(batch).total(),
            Some(drafts) => {
                let verified = Batch { decoding: batch.decoding * (drafts.tokens + 1.0), ..*batch };
                let drafting = if batch.decoding > 0.0 {
                    self.step(&Batch { prefill: 0.0, attended: 0.0, ..verified }).total() * drafts.cost * drafts.tokens
                } else {
                    0.0
                };
                self.step(&verified).total() + drafting
            }
        };
        Some(Open::new(&step, scheduler, prompt, output, speculation.map_or(1.0, |it| it.yielded())))
    }

    /// Power between idle (0) and full (1) at a state of an open load.
    #[must_use]
    pub fn activity_at(&self, state: &OpenState, lengths: Lengths) -> f64 {
        // While nobody is there the replica draws what it draws idle.
        let decoding = (state.decoding / state.busy.max(1e-9)).max(1.0);
        self.activity(&Latency { rate: state.rate, decoding, ..Latency::default() }, lengths)
    }

    /// Data-parallel groups that share experts step together; those of a dense model are replicas on their own.
    fn groups(&self) -> (Self, f64) {
        let apart = if self.architecture.experts.is_some() { 1.0 } else { self.layout.data };
        (Deployment { layout: super::Layout { data: self.layout.data / apart, ..self.layout }, ..*self }, apart)
    }

    fn fixed_open(&self, lengths: Lengths, speculation: Option<Speculation>) -> Option<Open> {
        self.open(self.scheduler(), &LengthLaw::fixed(lengths.prompt), &LengthLaw::fixed(lengths.output), speculation)
    }

    /// The largest rate \[1/s\] of requests that arrive on their own, all of these lengths; 0 where not one fits.
    #[must_use]
    pub fn saturation(&self, lengths: Lengths, speculation: Option<Speculation>) -> f64 {
        if self.layout.pipeline > 1.0 {
            return self.largest_load(lengths, speculation, Targets::NONE).map_or(0.0, |state| state.latency.rate);
        }
        let (group, apart) = self.groups();
        group.fixed_open(lengths, speculation).map_or(0.0, |it| it.saturation() * apart)
    }

    /// The replica at a rate of requests \[1/s\] that arrive on their own, all of these lengths; `None` where it cannot serve so
    /// many. Groups that share nothing have equal parts of the rate. With pipeline stages, where the closed loop serves it.
    #[must_use]
    pub fn at_rate(&self, rate: f64, lengths: Lengths, speculation: Option<Speculation>) -> Option<State> {
        if self.layout.pipeline > 1.0 {
            return self.closed_at_rate(rate, lengths, speculation);
        }
        let (group, apart) = self.groups();
        let it = group.fixed_open(lengths, speculation)?.at(rate / apart)?;
        let latency = Latency {
            ttft: it.ttft,
            tpot: if lengths.output > 1.0 { (it.latency - it.ttft) / (lengths.output - 1.0) } else { 0.0 },
            decoding: it.decoding * apart,
            waiting: it.waiting * apart,
            rate,
            step: it.plain,
            prefill: it.prompt,
            queue: it.queue,
            memory_wait: it.blocked,
        };
        Some(State {
            latency,
            concurrency: rate * it.latency,
            ttft_p95: it.ttft_p95,
            output_tokens_per_s: rate * lengths.output,
            prefill_share: (1.0 - it.plain / it.step).clamp(0.0, 1.0) * it.busy,
            activity: group.activity_at(&it, lengths),
        })
    }

    /// The replica where its closed loop serves a rate of requests \[1/s\] (Little 1961: concurrency = rate x time in the
    /// replica); `None` where it cannot serve so many.
    #[must_use]
    pub fn closed_at_rate(&self, rate: f64, lengths: Lengths, speculation: Option<Speculation>) -> Option<State> {
        let most = self.room(lengths.prompt + lengths.output / 2.0);
        if !(rate > 0.0 && most >= 1.0) || self.closed_loop(most, lengths, speculation).rate < rate {
            return None;
        }
        // Below one request at a time the rate is that of one request over the time between two.
        let alone = self.state(1.0, lengths, speculation);
        if rate <= alone.latency.rate {
            let share = rate / alone.latency.rate;
            return Some(State {
                concurrency: share,
                latency: Latency { rate, ..alone.latency },
                output_tokens_per_s: rate * lengths.output,
                prefill_share: alone.prefill_share * share,
                activity: alone.activity * share,
                ..alone
            });
        }
        let at = bisect(1.0, most, |concurrency| self.closed_loop(concurrency, lengths, speculation).rate >= rate);
        let it = self.state(at, lengths, speculation);
        // Kernels change with the batch, and the closed loop's rate has steps there: what arrives is what is served.
        Some(State { latency: Latency { rate, ..it.latency }, output_tokens_per_s: rate * lengths.output, ..it })
    }

    /// The replica at the largest load within the targets; `None` where even one request at a time misses them, or the model
    /// does not fit.
    #[must_use]
    pub fn largest_load(&self, lengths: Lengths, speculation: Option<Speculation>, targets: Targets) -> Option<State> {
        let most = self.room(lengths.prompt + lengths.output / 2.0).min(MOST_REQUESTS * self.layout.data);
        let misses = |concurrency: f64| {
            let it = self.state(concurrency, lengths, speculation);
            it.ttft_p95 > targets.ttft_p95 || it.latency.tpot > targets.tpot
        };
        if most.is_nan() || most < 1.0 || misses(1.0) {
            return None;
        }
        if !misses(most) {
            return Some(self.state(most, lengths, speculation));
        }
        let over = bisect(1.0, most, misses);
        // The last whole number of requests that still meets them.
        Some(self.state((over - 1e-6).floor().max(1.0), lengths, speculation))
    }
}

/// Most requests at once of a data-parallel group: engines' largest default (vLLM `max_num_seqs` 1,024 on large devices;
/// TensorRT-LLM `max_batch_size` 2,048).
const MOST_REQUESTS: f64 = 1024.0;

/// The smallest value between `low` (where `over` is false) and `high` (where it is true) at which `over` turns true.
fn bisect(mut low: f64, mut high: f64, over: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if over(middle) {
            high = middle;
        } else {
            low = middle;
        }
        if high - low < 1e-6 * high {
            break;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::super::{Engine, Layout};
    use super::*;
    use crate::compute::{Format, architecture, device};

    fn replica() -> Deployment<'static> {
        let (h100, llama) = (device("h100").unwrap().1, architecture("llama-3.1-8b").unwrap().1);
        Deployment::new(h100, llama, Format::Fp8, Layout::tensor(1.0), Engine::Vllm)
    }

    const CHAT: Lengths = Lengths { prompt: 1024.0, output: 256.0 };

    #[test]
    fn a_rate_is_served_at_that_rate() {
        let it = replica();
        for rate in [0.01, 0.5, 5.0, 15.0] {
            for state in [it.at_rate(rate, CHAT, None).unwrap(), it.closed_at_rate(rate, CHAT, None).unwrap()] {
                assert!((state.latency.rate / rate - 1.0).abs() < 1e-3, "{rate}: {}", state.latency.rate);
                // Little's law.
                let held = state.latency.ttft + CHAT.output * state.latency.tpot;
                assert!((state.concurrency / (rate * held) - 1.0).abs() < 0.05, "{rate}: {} {}", state.concurrency, rate * held);
            }
        }
        assert!(it.at_rate(1e4, CHAT, None).is_none());
        assert!(it.at_rate(0.0, CHAT, None).is_none() && it.at_rate(f64::NAN, CHAT, None).is_none());
    }

    #[test]
    fn the_largest_load_is_the_last_within_the_targets() {
        let it = replica();
        let targets = Targets { ttft_p95: 1.0, tpot: 0.020 };
        let best = it.largest_load(CHAT, None, targets).unwrap();
        assert!(best.ttft_p95 <= targets.ttft_p95 && best.latency.tpot <= targets.tpot, "{best:?}");
        let next = it.state(best.concurrency + 2.0, CHAT, None);
        assert!(next.ttft_p95 > targets.ttft_p95 || next.latency.tpot > targets.tpot, "{next:?}");
        assert!(it.largest_load(CHAT, None, Targets { ttft_p95: 1e-6, ..targets }).is_none());
    }

    #[test]
    fn more_load_draws_more_power_and_waits_longer() {
        let it = replica();
        let mut before = it.at_rate(0.1, CHAT, None).unwrap();
        for rate in [1.0, 4.0, 10.0] {
            let now = it.at_rate(rate, CHAT, None).unwrap();
            assert!(now.activity > before.activity && now.latency.tpot > before.latency.tpot && now.ttft_p95 >= before.ttft_p95, "{rate}");
            assert!((0.0..=1.0).contains(&now.activity));
            before = now;
        }
    }
}
