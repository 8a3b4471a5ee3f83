//! A replica under load: throughput, latency, power, and the largest load within targets.

use super::{Batch, Deployment, Disaggregated, Latency, Lengths, Memory, Shortage, Speculation};
use crate::compute::Term;

/// How much is asked of a replica.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Load {
    /// So many requests at any time.
    Concurrency(f64),
    /// So many requests arrive \[1/s\].
    Rate(f64),
}

/// Why a replica has no steady state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NoSteadyState {
    /// The model does not fit.
    Memory(Shortage),
    /// More arrives than can be served.
    Overloaded {
        /// The most that can be served \[1/s\].
        rate: f64,
    },
    /// A length or load is not a number above zero.
    Absurd,
}

/// A replica in steady state.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Steady {
    /// Latencies.
    pub latency: Latency,
    /// Requests at any time, waiting ones included.
    pub concurrency: f64,
    /// Tokens of answers \[1/s\].
    pub output_tokens_per_s: f64,
    /// Tokens of prompts \[1/s\].
    pub prompt_tokens_per_s: f64,
    /// Power of all devices of the replica \[W\].
    pub power: f64,
    /// Energy of a token of an answer, its share of prompts included \[J\].
    pub energy_per_token: f64,
    /// Memory of the fullest device.
    pub memory: Memory,
    /// Where the time of a token goes.
    pub terms: Vec<Term>,
}

/// Latencies that a service must keep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Targets {
    /// 95th percentile of the time to the first token \[s\]; infinite where it does not matter.
    pub ttft_p95: f64,
    /// Mean time of each further token \[s\]; infinite where it does not matter.
    pub tpot: f64,
}

impl Targets {
    /// Nothing is asked.
    pub const NONE: Self = Self { ttft_p95: f64::INFINITY, tpot: f64::INFINITY };
}

/// Most requests at a time that are looked at.
const MOST: f64 = 65_536.0;

impl Deployment<'_> {
    /// The replica at a load.
    ///
    /// # Errors
    /// [`NoSteadyState`] where the model does not fit, more arrives than can be served, or a number makes no sense.
    pub fn steady_state(&self, load: Load, lengths: Lengths, speculation: Option<Speculation>) -> Result<Steady, NoSteadyState> {
        let sane = |value: f64| value.is_finite() && value > 0.0;
        let asked = match load {
            Load::Concurrency(it) | Load::Rate(it) => it,
        };
        if !(sane(asked) && sane(lengths.prompt) && sane(lengths.output)) {
            return Err(NoSteadyState::Absurd);
        }
        let memory = self.memory().map_err(NoSteadyState::Memory)?;
        let concurrency = match load {
            Load::Concurrency(it) => it,
            Load::Rate(rate) => {
                let served = |concurrency: f64| self.closed_loop(concurrency, lengths, speculation).rate;
                // Throughput grows with the concurrency until memory is full.
                let most = self.room(lengths.prompt + lengths.output / 2.0).clamp(1.0, MOST);
                if served(most) < rate {
                    return Err(NoSteadyState::Overloaded { rate: served(most) });
                }
                // Below one request at a time the replica idles in between.
                bisect(0.01, most, |concurrency| served(concurrency) >= rate)
            }
        };
        Ok(self.describe(concurrency, lengths, speculation, memory))
    }

    fn describe(&self, concurrency: f64, lengths: Lengths, speculation: Option<Speculation>, memory: Memory) -> Steady {
        let latency = self.closed_loop(concurrency, lengths, speculation);
        let Lengths { prompt, output } = lengths;
        // In a second: the steps of `rate` prompts and of `rate * output` tokens.
        let context = prompt + output / 2.0;
        let step = Batch::decode(latency.decoding.max(1e-9), context);
        let decode = self.work(&step);
        let prefill = self.work(&Batch::prompts(1.0, prompt));
        let steps = if latency.decoding > 0.0 { latency.rate * output / latency.decoding } else { 0.0 };
        let work = super::power::Work {
            flop: decode.flop * steps + prefill.flop * latency.rate,
            // A prompt's weights are read with those of the step beside it.
            bytes: decode.bytes * steps,
        };
        let power = self.device_power(work, 1.0) * self.layout.devices();
        let tokens = latency.rate * output;
        Steady {
            latency,
            concurrency,
            output_tokens_per_s: tokens,
            prompt_tokens_per_s: latency.rate * prompt,
            power,
            energy_per_token: if tokens > 0.0 { power / tokens } else { 0.0 },
            memory,
            terms: self.tpot_terms(&latency, lengths, speculation),
        }
    }

    /// Where the time of a token goes.
    #[must_use]
    pub fn tpot_terms(&self, latency: &Latency, lengths: Lengths, speculation: Option<Speculation>) -> Vec<Term> {
        let context = lengths.prompt + lengths.output / 2.0;
        let mut terms = self.step(&Batch::decode(latency.decoding, context)).terms();
        let others = latency.tpot - latency.step / speculation.map_or(1.0, |it| it.yielded());
        if others > 1e-12 {
            terms.push(Term {
                name: "prompts of others",
                seconds: others,
                formula: "requests / output * (step with a prompt's chunks - step without)",
                source: "Agrawal et al. 2024 (Sarathi-Serve), section 4",
            });
        }
        let drafts = latency.tpot - terms.iter().map(|term| term.seconds).sum::<f64>();
        if speculation.is_some() {
            terms.push(Term {
                name: "drafts, less what they save",
                seconds: drafts,
                formula: "(step of all proposed tokens + drafts) (1 - a) / (1 - a^(g + 1)) - step",
                source: "Leviathan, Kalman and Matias 2023, equation 1",
            });
        }
        terms
    }

    /// Where the time to the first token goes.
    #[must_use]
    pub fn ttft_terms(&self, latency: &Latency) -> Vec<Term> {
        let term = |name, seconds, formula, source| Term { name, seconds, formula, source };
        [
            term("queue", latency.queue, "response of a closed queue - service + share of the start's queue", "Schweitzer 1979"),
            term("prompt", latency.prefill, "sum over chunks of step with the chunk - step without", "Agrawal et al. 2024, section 4"),
            term(
                "schedule and running step",
                latency.ttft - latency.queue - latency.prefill - latency.memory_wait,
                "a + b * step, for each engine",
                "fitted: data/throughput/serving.toml",
            ),
            term("wait for memory", latency.memory_wait, "waiting / held * time that a request holds its memory", "Little 1961"),
        ]
        .into_iter()
        .filter(|term| term.seconds > 0.0)
        .collect()
    }

    /// The largest load that keeps the targets; `None` where not even one request at a time does, or the model does not fit.
    #[must_use]
    pub fn largest_load(&self, lengths: Lengths, targets: Targets, speculation: Option<Speculation>) -> Option<Steady> {
        let memory = self.memory().ok()?;
        let keeps = |concurrency: f64| {
            let it = self.closed_loop(concurrency, lengths, speculation);
            it.rate > 0.0 && it.ttft_p95 <= targets.ttft_p95 && it.tpot <= targets.tpot
        };
        if !keeps(1.0) {
            return None;
        }
        let most = self.room(lengths.prompt + lengths.output / 2.0).clamp(1.0, MOST);
        let concurrency = if keeps(most) { most } else { bisect(1.0, most, |concurrency| !keeps(concurrency)) * (1.0 - 1e-6) };
        Some(self.describe(concurrency.max(1.0), lengths, speculation, memory))
    }
}

impl Disaggregated<'_> {
    /// Power of all devices of all workers \[W\], at these latencies.
    #[must_use]
    pub fn power(&self, latency: &Latency, prefill_workers: f64, lengths: Lengths) -> f64 {
        let Lengths { prompt, output } = lengths;
        let decode = self.decode.work(&Batch::decode(latency.decoding.max(1e-9) / self.decode_workers, prompt + output / 2.0));
        let busy = (latency.rate * output / latency.decoding.max(1e-9) * latency.step).min(1.0);
        let prefill = self.prefill.work(&Batch::prompts((latency.rate / prefill_workers.max(1.0)).max(1e-9), prompt));
        self.decode.device_power(decode, latency.step / busy.max(1e-3)) * self.decode.layout.devices() * self.decode_workers
            + self.prefill.device_power(prefill, 1.0) * self.prefill.layout.devices() * prefill_workers
    }
}

/// Where `above` turns true between `low` and `high`, in logarithms.
fn bisect(low: f64, high: f64, above: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (low.ln(), high.ln());
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        if above(middle.exp()) { high = middle } else { low = middle }
    }
    high.exp()
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
        for rate in [0.05, 0.5, 5.0, 10.0] {
            let state = it.steady_state(Load::Rate(rate), CHAT, None).unwrap();
            assert!((state.latency.rate / rate - 1.0).abs() < 1e-3, "{rate}: {}", state.latency.rate);
            // Little's law.
            let held = state.latency.ttft + CHAT.output * state.latency.tpot;
            assert!((state.concurrency / (rate * held) - 1.0).abs() < 0.05, "{rate}: {} {}", state.concurrency, rate * held);
        }
        assert!(matches!(it.steady_state(Load::Rate(1e5), CHAT, None), Err(NoSteadyState::Overloaded { .. })));
        assert_eq!(it.steady_state(Load::Rate(f64::NAN), CHAT, None), Err(NoSteadyState::Absurd));
    }

    #[test]
    fn the_largest_load_is_the_last_within_the_targets() {
        let it = replica();
        let targets = Targets { ttft_p95: 1.0, tpot: 0.020 };
        let best = it.largest_load(CHAT, targets, None).unwrap();
        assert!(best.latency.ttft_p95 <= targets.ttft_p95 && best.latency.tpot <= targets.tpot, "{best:?}");
        let next = it.closed_loop(best.concurrency * 1.02 + 1.0, CHAT, None);
        assert!(next.ttft_p95 > targets.ttft_p95 || next.tpot > targets.tpot, "{next:?}");
        assert!(it.largest_load(CHAT, Targets { ttft_p95: 1e-6, ..targets }, None).is_none());
    }

    #[test]
    fn more_load_draws_more_power_and_waits_longer() {
        let it = replica();
        let at = |rate: f64| it.steady_state(Load::Rate(rate), CHAT, None).unwrap();
        let mut before = at(0.1);
        for rate in [1.0, 4.0, 8.0] {
            let now = at(rate);
            assert!(now.power > before.power && now.latency.tpot > before.latency.tpot, "{rate}");
            assert!(now.latency.ttft_p95 >= before.latency.ttft_p95 && now.energy_per_token < before.energy_per_token, "{rate}");
            before = now;
        }
    }
}
