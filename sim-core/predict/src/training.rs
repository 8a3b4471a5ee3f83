//! Tables of training runs: model FLOP utilisation, rates, times.

pub(crate) mod fit;
mod run;

use bastide_cost_models::compute::training::{Benchmark, Definition, Parameters, memory, parameters, peak_memory, token_flop};
use bastide_cost_models::compute::{Format, Grade, Prediction};

pub use run::Run;

use crate::{Answer, Family, Row, Table};

/// Rows of a training table with the columns of published benchmarks: one metric a row.
pub struct Training;

impl Family for Training {
    fn name(&self) -> &'static str {
        "training"
    }

    fn columns(&self) -> &'static [&'static str] {
        &["model", "accelerator", "n_acc", "seq_len", "tp", "pp", "global_batch", "recompute", "framework", "metric", "unit"]
    }

    fn answer(&self, row: Row<'_>) -> Vec<Answer> {
        let metric = row.get("metric").unwrap_or("MFU").to_owned();
        let unit = row.get("unit").unwrap_or_default().to_owned();
        let outcome = predict(row, &metric, &unit, parameters());
        vec![Answer { metric, unit, measured: row.number("value"), outcome }]
    }

    fn fit(&self, table: &Table) -> Option<String> {
        // Figures of one job differ by 3.8 % between submitters and releases (median, published runs).
        let start = parameters();
        let rows: Vec<fit::Observation> = table.rows().filter(|row| self.scored(*row)).filter_map(|row| observation(row, start)).collect();
        fit::fit(&rows, start, "public training benchmarks, one row a run", 0.04, true)
    }
}

/// What the metric of a row says of a run whose step takes `seconds`.
pub(crate) fn metric_value(run: &Run, row: Row<'_>, metric: &str, unit: &str, seconds: f64) -> Result<f64, String> {
    let layout = &run.layout;
    let devices = f64::from(layout.devices);
    let rate = f64::from(layout.global_batch) * run.sequence_length / (seconds * devices);
    let flop = |definition| rate * token_flop(definition, run.task(), run.parameters);
    let percent = if unit == "%" { 100.0 } else { 1.0 };
    // Utilisation counts against the peak of the format that the products use; published tables of 8-bit runs do the same.
    let peak = run.device.peak(if layout.precision == Format::Fp8Block { Format::Fp8 } else { layout.precision }).as_flop_per_s();
    let tokens = || tokens_of(row).ok_or_else(|| "the number of training tokens is not given".to_owned());
    Ok(match metric {
        "MFU" => percent * flop(run.definition) / peak,
        "HFU" => {
            let again = if layout.recompute == bastide_cost_models::compute::training::Recompute::Full { 4.0 / 3.0 } else { 1.0 };
            percent * flop(run.definition) * again / peak
        }
        "TFLOP_per_s_per_chip" | "TFLOP_per_s_per_gpu" => flop(run.definition) / 1e12,
        "TFLOP_per_s_per_gpu_hw" => flop(Definition::MegatronRecompute) / 1e12,
        "tokens_per_s_per_gpu" | "tokens_per_s_per_chip" => rate,
        "tokens_per_s" => rate * devices,
        "iteration_time" | "step_time" => match unit {
            "ms" => 1e3 * seconds,
            _ => seconds,
        },
        "training_time" => {
            let whole = tokens()? / (rate * devices);
            match unit {
                "days" => whole / 86_400.0,
                "h" | "hours" => whole / 3600.0,
                "min" => whole / 60.0,
                _ => whole,
            }
        }
        "time_to_train" => {
            let benchmark = benchmark_of(row)
                .ok_or("the benchmark is none whose convergence is known: gpt3, llama2_70b_lora, llama31_405b, llama31_8b")?;
            let whole = seconds * benchmark.steps(f64::from(layout.global_batch));
            match unit {
                "s" => whole,
                "h" | "hours" => whole / 3600.0,
                _ => whole / 60.0,
            }
        }
        "gpu_hours_per_T_tokens" => 1e12 / rate / 3600.0,
        it if it.contains("gpu_hours") => tokens()? / rate / 3600.0,
        _ => return Err(format!("`{metric}` is not a known metric of training")),
    })
}

/// The benchmark of a row: by its group, or by the folder of its source.
fn benchmark_of(row: Row<'_>) -> Option<&'static Benchmark> {
    [row.get("group"), row.get("source_ref")].into_iter().flatten().flat_map(|text| text.split(['/', ' '])).find_map(Benchmark::of)
}

/// Training tokens that a note names: `300B tokens`, `14.8T tokens`.
fn tokens_of(row: Row<'_>) -> Option<f64> {
    let note = row.get("note")?;
    for (at, _) in note.match_indices(" tokens") {
        let before = &note[..at];
        let (number, scale) = if let Some(it) = before.strip_suffix('T') {
            (it, 1e12)
        } else if let Some(it) = before.strip_suffix('B') {
            (it, 1e9)
        } else {
            continue;
        };
        let digits: String = number.chars().rev().take_while(|it| it.is_ascii_digit() || *it == '.').collect();
        let digits: String = digits.chars().rev().collect();
        if let Ok(value) = digits.parse::<f64>() {
            return Some(value * scale);
        }
    }
    None
}

/// A row as a measured run, where its metric falls or grows in proportion to the step's time.
fn observation(row: Row<'_>, parameters: &Parameters) -> Option<fit::Observation> {
    let (metric, unit) = (row.get("metric")?, row.get("unit").unwrap_or_default());
    let measured = row.number("value").filter(|it| *it > 0.0)?;
    let run = Run::of_training(row, parameters).ok()?;
    let one = metric_value(&run, row, metric, unit, 1.0).ok()?;
    let two = metric_value(&run, row, metric, unit, 2.0).ok()?;
    let sign = (two / one).log2().round();
    Some(fit::Observation { run, group: row.get("group").unwrap_or_default().to_owned(), sign, measured: (measured / one).ln() })
}

/// A row is believed to have run where it takes up to so many times an accelerator's memory: descriptions leave recomputation
/// and offloading out.
const BELIEVED: f64 = 3.0;

fn predict(row: Row<'_>, metric: &str, unit: &str, parameters: &Parameters) -> Result<Prediction, String> {
    let run = Run::of_training(row, parameters)?;
    let (needed, room) = (peak_memory(&run.task(), &run.layout).total(), run.device.memory.as_bytes());
    if needed > BELIEVED * room && !run.searched {
        let enough = memory::smallest(&run.task(), &run.layout, room, run.device.scale_up_domain)
            .map_or_else(String::new, |(layout, _)| format!("; {} would hold it", layout.devices));
        return Err(format!("the run does not fit: {:.0} GB of the {:.0} GB of an accelerator{enough}", needed / 1e9, room / 1e9));
    }
    let step = run.step(parameters);
    let seconds = step.seconds();
    if !(seconds.is_finite() && seconds > 0.0) {
        return Err("the step has no finite time".to_owned());
    }
    let value = metric_value(&run, row, metric, unit, seconds)?;
    if !(value.is_finite() && value > 0.0) {
        return Err(format!("`{metric}` has no finite value"));
    }
    let known = parameters.framework(run.framework, run.device.generation).1;
    let grade = if known && !run.searched { Grade::Transferred } else { Grade::Datasheet };
    Ok(prediction(parameters, run.regime(known), grade, value, step.terms()))
}

/// A value with the interval of its regime.
pub(crate) fn prediction(
    parameters: &Parameters,
    regime: &str,
    grade: Grade,
    value: f64,
    terms: Vec<bastide_cost_models::compute::Term>,
) -> Prediction {
    // Regimes are of our making and in the shipped table; a table without one gives a factor of two.
    let (low90, high90) = parameters.residuals.get(regime).map_or((value / 2.0, value * 2.0), |it| it.interval(value, 1.0));
    Prediction { value, low90, high90, grade, terms }
}

/// Factors of the 90 % interval around the time of a step: of a framework that was fitted or not, of a model with experts or
/// without, with a layout that was given or is ours.
#[must_use]
pub fn training_interval(framework: &str, experts: bool, searched: bool) -> (f64, f64) {
    let parameters = parameters();
    let known = parameters.framework.keys().any(|key| key.split('/').next() == Some(framework));
    let it = prediction(parameters, run::regime(framework, known, experts, searched), Grade::Datasheet, 1.0, Vec::new());
    (it.low90, it.high90)
}
