//! Where the time of a first and of a further token goes.

use super::{Batch, Deployment, Latency, Lengths, Speculation};
use crate::compute::Term;

impl Deployment<'_> {
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
                "a + b * mean step, for each engine",
                "fitted: data/throughput/serving.toml",
            ),
            term("wait for memory", latency.memory_wait, "waiting / held * time that a request holds its memory", "Little 1961"),
        ]
        .into_iter()
        .filter(|term| term.seconds > 0.0)
        .collect()
    }
}
