//! Latencies of full serving configurations: `tpot` and `ttft` against `ttft_ms` and `tpot_ms`.

mod case;
mod tuning;

use bastide_cost_models::compute::serving::{Latency, Parameters, parameters};
use bastide_cost_models::compute::{Grade, Prediction, left_out};

use crate::{Answer, Family, Row, Table};
use case::Case;
pub use tuning::{dump, fit_parameters, loss_of};

/// Serving configurations with a measured `ttft_ms` and `tpot_ms`.
pub struct Silicon;

impl Case {
    fn latency(&self, parameters: &Parameters) -> Latency {
        let decode = self.deployment(self.decode.layout, parameters);
        decode.closed_loop(self.concurrency, self.lengths, self.speculation)
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
