//! Latencies of full serving configurations: `tpot` and `ttft` against `ttft_ms` and `tpot_ms`.

mod case;
#[cfg(test)]
mod tests;
mod tuning;

use bastide_cost_models::compute::serving::{Disaggregated, Engine, Latency, Parameters, Speculation, Spread, parameters};
use bastide_cost_models::compute::{Conformal, Generation, Prediction, left_out};

use crate::{Answer, Family, Row, Table};
use case::{Case, Drafting};
pub use tuning::{Effort, fit_parameters};

/// Head of the file of parameters.
const PROVENANCE: &str = "\
# What serving engines add to the times of kernels, and intervals of latencies: robust fit of the two latencies of measured
# configurations (InferenceX of SemiAnalysis and runs of NVIDIA, October 2025 to April 2026; github.com/ai-dynamo/aiconfigurator
# 095f58a51, silicon_sample.csv, Apache-2.0) of 14 pairs of model and GPU; 4 more pairs were kept out. Intervals are of fits that
# left each pair out in turn. Written by the fit of the kind of tables `silicon`.
";

/// Serving configurations with a measured `ttft_ms` and `tpot_ms`.
pub struct Silicon;

/// Time of a pass of the model's own draft layer over that of the model: one layer of 61 and the output embedding (DeepSeek-AI
/// 2024, section 2.2).
const DRAFT_COST: f64 = 0.03;

impl Case {
    fn latency(&self, parameters: &Parameters) -> Latency {
        let it = self.current(parameters);
        let aged = (parameters.practice.aging * self.age).exp();
        Latency { tpot: it.tpot * aged, ttft: it.ttft * aged, ..it }
    }

    /// With the software that the parameters describe.
    fn current(&self, parameters: &Parameters) -> Latency {
        let parameters = &self.as_run(parameters);
        let decode = self.deployment(self.decode.layout, parameters);
        let practice = parameters.practice;
        let drafts = self.speculation(parameters);
        let Some(prefill) = self.prefill else {
            return decode.closed_loop(self.concurrency, self.lengths, self.drafts(parameters));
        };
        let workers = if self.decode.layout.data > 1.0 {
            let ratio = self.lengths.output / self.lengths.prompt;
            (practice.decode_wide * ratio.sqrt() * 8.0 / self.decode.layout.devices()).max(1.0)
        } else {
            practice.decode_workers * self.concurrency.powf(practice.decode_growth)
        };
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
            let share = if self.engine == Engine::Sglang { practice.drafting_sglang } else { practice.drafting };
            let between = |a: f64, b: f64| a.powf(1.0 - share) * b.powf(share);
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
        &["model", "accelerator", "backend", "mode", "isl", "osl", "concurrency", "tp_size"]
    }

    fn answer(&self, row: Row<'_>) -> Vec<Answer> {
        let fitted = parameters();
        let case = Case::read(row);
        let latency = case.as_ref().map_err(Clone::clone).and_then(|case| case.fits(fitted).map(|()| case.latency(fitted)));
        [("tpot", "tpot_ms", true), ("ttft", "ttft_ms", false)]
            .into_iter()
            .map(|(metric, column, each)| Answer {
                metric: metric.to_owned(),
                unit: "ms".to_owned(),
                measured: row.number(column),
                outcome: match (&case, &latency) {
                    (Ok(case), Ok(it)) => {
                        let value = 1e3 * if each { it.tpot } else { it.ttft };
                        if value.is_finite() && value > 0.0 {
                            Ok(case.prediction(it, value, each))
                        } else {
                            Err("lengths, concurrency or layout give no finite latency".to_owned())
                        }
                    }
                    (Err(reason), _) | (_, Err(reason)) => Err(reason.clone()),
                },
            })
            .collect()
    }

    fn fit(&self, table: &Table) -> Option<String> {
        let text = toml::to_string(&tuning::fit_with_spread(self, table, &left_out)).ok()?;
        Some(format!("{PROVENANCE}{text}"))
    }
}

impl Case {
    fn prediction(&self, latency: &Latency, value: f64, each: bool) -> Prediction {
        let fitted = &self.as_run(parameters());
        let spread = self.spread(if each { &fitted.tpot } else { &fitted.ttft });
        let deployment = self.deployment(self.decode.layout, fitted);
        let (grade, scale) = deployment.evidence();
        let (low90, high90) = spread.interval(value, scale);
        let terms = match (self.prefill, each) {
            (None, true) => deployment.tpot_terms(latency, self.lengths, self.drafts(fitted)),
            (None, false) => deployment.ttft_terms(latency),
            (Some(_), _) => Vec::new(),
        };
        Prediction { value, low90, high90, grade, terms }
    }

    /// Whether the weights fit, by and large: engines differ in what they keep in how many bits.
    fn fits(&self, parameters: &Parameters) -> Result<(), String> {
        let mut workers = [Some(self.decode), self.prefill].into_iter().flatten();
        workers.try_for_each(|it| match self.deployment(it.layout, parameters).memory() {
            Err(shortage) if shortage.bytes > MEMORY_TOLERANCE * self.device.memory.as_bytes() => Err(format!(
                "the model does not fit: {:.1} GB too few on each of {} devices; {} would hold it",
                shortage.bytes * 1e-9,
                it.layout.devices(),
                shortage.devices
            )),
            _ => Ok(()),
        })
    }

    /// The interval of the row's kind.
    fn spread(&self, of: &Spread) -> Conformal {
        match (self.prefill, self.decode.count) {
            (None, _) => of.together,
            (Some(_), Some(_)) => of.apart,
            (Some(_), None) => of.guessed,
        }
    }

    fn drafts(&self, parameters: &Parameters) -> Option<Speculation> {
        (self.drafting == Drafting::Yes).then(|| self.speculation(parameters))
    }

    /// The model's own draft layer as published runs use it: 3 tokens, 1 where attention is data-parallel in TensorRT-LLM.
    fn speculation(&self, parameters: &Parameters) -> Speculation {
        let balanced = self.prefill.is_none() && self.engine == Engine::TrtLlm && self.decode.layout.data > 1.0;
        Speculation { tokens: if balanced { 1.0 } else { 3.0 }, acceptance: parameters.practice.acceptance, cost: DRAFT_COST }
    }

    /// Parameters with the settings of published runs (recipes of SemiAnalysis InferenceX, 2025 and 2026).
    fn as_run(&self, parameters: &Parameters) -> Parameters {
        let (mut it, practice) = (parameters.clone(), parameters.practice);
        if self.prefill.is_some() {
            return it;
        }
        match self.engine {
            Engine::TrtLlm => {
                if self.decode.layout.data > 1.0 {
                    it.trtllm.wait += practice.balance;
                }
                if self.drafting == Drafting::Yes {
                    // The step's limit holds one prompt beside the drafts.
                    it.trtllm.chunk = self.nominal_prompt + 64.0;
                }
            }
            Engine::Sglang if self.device.generation == Generation::Blackwell => {
                it.sglang.wait += practice.polling * if self.concurrency < 16.0 { 10.0 } else { 30.0 };
            }
            _ => {}
        }
        it
    }
}

/// Share of a device's memory by which our count of weights may be wrong: embeddings, extra layers, scales.
const MEMORY_TOLERANCE: f64 = 0.15;
