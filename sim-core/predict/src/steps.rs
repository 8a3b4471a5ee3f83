//! Tables of single training steps: time and peak memory.

use bastide_cost_models::compute::Grade;
use bastide_cost_models::compute::training::{parameters, step_parameters};

use crate::training::fit::{Observation, fit};
use crate::training::{Run, prediction};
use crate::{Answer, Family, Row, Table};

/// Rows of measured steps of Megatron-LM: one metric a row.
pub struct Steps;

impl Family for Steps {
    fn name(&self) -> &'static str {
        "steps"
    }

    fn columns(&self) -> &'static [&'static str] {
        &["model", "n_layers_run", "accelerator", "n_acc", "micro_batch_size", "micro_batch_count", "metric", "unit"]
    }

    fn answer(&self, row: Row<'_>) -> Vec<Answer> {
        let metric = row.get("metric").unwrap_or("step_time").to_owned();
        let unit = row.get("unit").unwrap_or_default().to_owned();
        if metric.starts_with("peak_memory") {
            let outcome = crate::steps_memory::answer_memory(row);
            return vec![Answer { metric, unit, measured: row.number("value"), outcome }];
        }
        let parameters = step_parameters();
        let outcome = Run::of_step(row).and_then(|run| match metric.as_str() {
            "step_time" => {
                let step = run.step(parameters);
                let seconds = step.seconds();
                if !(seconds.is_finite() && seconds > 0.0) {
                    return Err("the step has no finite time".to_owned());
                }
                let value = if unit == "s" { seconds } else { 1e3 * seconds };
                Ok(prediction(parameters, run.regime(true), Grade::Transferred, value, step.terms()))
            }
            _ => Err(format!("`{metric}` is not a known metric of steps")),
        });
        vec![Answer { metric, unit, measured: row.number("value"), outcome }]
    }

    fn fit(&self, table: &Table) -> Option<String> {
        let rows: Vec<Observation> = table
            .rows()
            .filter(|row| self.scored(*row) && row.get("metric") == Some("step_time"))
            .filter_map(|row| {
                let milliseconds = row.number("value").filter(|it| *it > 0.0)?;
                let run = Run::of_step(row).ok()?;
                Some(Observation {
                    run,
                    group: row.get("group").unwrap_or_default().to_owned(),
                    sign: 1.0,
                    measured: (milliseconds / 1e3).ln(),
                })
            })
            .collect();
        fit(&rows, parameters(), "steps of Megatron-LM on eight B200 (SimuMax 1.2 release)", 0.01, false)
    }
}
