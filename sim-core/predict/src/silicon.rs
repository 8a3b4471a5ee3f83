//! Latencies of full serving configurations: `tpot` and `ttft` against `ttft_ms` and `tpot_ms`.

mod case;
mod tuning;

use bastide_cost_models::compute::serving::{Disaggregated, Latency, Parameters, Speculation, parameters};
use bastide_cost_models::compute::{Grade, Prediction, left_out};

use crate::{Answer, Family, Row, Table};
use case::{Case, Drafting};
pub use tuning::{dump, fit_parameters, loss_of};

/// Serving configurations with a measured `ttft_ms` and `tpot_ms`.
pub struct Silicon;

/// Time of a pass of the model's own draft layer over that of the model: one layer of 61 and the output embedding (DeepSeek-AI
/// 2024, section 2.2).
const DRAFT_COST: f64 = 0.03;

impl Case {
    fn latency(&self, parameters: &Parameters) -> Latency {
        let decode = self.deployment(self.decode.layout, parameters);
        let practice = parameters.practice;
        let drafts = Speculation { tokens: 3.0, acceptance: practice.acceptance, cost: DRAFT_COST };
        let Some(prefill) = self.prefill else {
            return decode.closed_loop(self.concurrency, self.lengths, (self.drafting == Drafting::Yes).then_some(drafts));
        };
        let workers = practice.decode_workers * self.concurrency.powf(practice.decode_growth);
        let whole = Disaggregated {
            prefill: self.deployment(prefill.layout, parameters),
            prefill_workers: prefill.count,
            decode,
            decode_workers: self.decode.count.unwrap_or(workers).min(self.concurrency.max(1.0)),
        };
        let plain = whole.closed_loop(self.concurrency, self.lengths, None);
        if self.drafting == Drafting::Unknown {
            // Between the two, by how many do.
            let drafted = whole.closed_loop(self.concurrency, self.lengths, Some(drafts));
            let between = |a: f64, b: f64| a.powf(1.0 - practice.drafting) * b.powf(practice.drafting);
            Latency { tpot: between(plain.tpot, drafted.tpot), ttft: between(plain.ttft, drafted.ttft), ..plain }
        } else {
            plain
        }
    }
}

impl Family for Silicon {
    fn name(&self) -> &'static str {
        "silicon"
    }

    fn columns(&self) -> &'static [&'static str] {
        &["model", "accelerator", "backend", "mode", "isl", "osl", "concurrency", "tp_size", "ttft_ms", "tpot_ms"]
    }

    fn answer(&self, row: Row<'_>) -> Vec<Answer> {
        let latency = Case::read(row).map(|case| case.latency(parameters()));
        [("tpot", "tpot_ms", 0), ("ttft", "ttft_ms", 1)]
            .into_iter()
            .map(|(metric, column, which)| Answer {
                metric: metric.to_owned(),
                unit: "ms".to_owned(),
                measured: row.number(column),
                outcome: latency.clone().map(|it| {
                    let value = 1e3 * if which == 0 { it.tpot } else { it.ttft };
                    Prediction { value, low90: value * 0.6, high90: value * 1.6, grade: Grade::Interpolated, terms: Vec::new() }
                }),
            })
            .collect()
    }

    fn fit(&self, table: &Table) -> Option<String> {
        let fitted = fit_parameters(self, table, |group| left_out(group));
        toml::to_string(&fitted).ok()
    }
}

/// Factors of the 90 % intervals of latencies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Intervals {
    /// Of the time to the first token.
    pub ttft: (f64, f64),
    /// Of the time for each further token.
    pub tpot: (f64, f64),
}

/// Factors of the 90 % intervals of a model and device that were not measured together.
#[must_use]
pub fn serving_intervals() -> Intervals {
    Intervals { ttft: (0.6, 1.6), tpot: (0.6, 1.6) }
}

/// What latencies of a deployment rest on: engines were measured on chips of the Hopper and Blackwell generations.
#[must_use]
pub fn serving_grade(it: &bastide_cost_models::compute::serving::Deployment<'_>) -> Grade {
    use bastide_cost_models::compute::Generation;
    if matches!(it.device.generation, Generation::Hopper | Generation::Blackwell) { Grade::Transferred } else { Grade::Datasheet }
}
