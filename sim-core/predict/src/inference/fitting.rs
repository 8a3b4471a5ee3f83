//! Fit of the shares of the data sheet, stage by stage, and of the intervals from rows that no fit had seen.

use bastide_cost_models::compute::offline::{Parameters, Regime, parameters};
use bastide_cost_models::compute::{Conformal, left_out};

use super::{Family, Inference, Kind, Question};
use crate::Table;
use crate::fit::{Parameter, minimise, robust_loss};

/// A row that was measured.
struct Case {
    question: Question,
    measured: f64,
    /// Rows of one unit are left out together in cross-validation.
    unit: String,
}

/// A parameter: where it is, and the search's range.
struct Knob {
    of: fn(&mut Parameters) -> &mut f64,
    range: Parameter,
}

const fn knob(of: fn(&mut Parameters) -> &mut f64, start: f64, low: f64, high: f64) -> Knob {
    Knob { of, range: Parameter { start, low, high } }
}

/// Regimes that are fitted together, and what they say something about. Later stages take over what earlier ones found.
const STAGES: [(&[Regime], &[Knob]); 5] = [
    (
        &[Regime::FullQueue],
        &[
            knob(|it| &mut it.fp8, 0.65, 0.3, 0.95),
            knob(|it| &mut it.fp4, 0.45, 0.15, 0.95),
            knob(|it| &mut it.matrix_blackwell_rtx, 1.3, 0.5, 2.5),
            knob(|it| &mut it.prompt_attention, 0.5, 0.15, 0.95),
            knob(|it| &mut it.bandwidth, 0.8, 0.4, 1.0),
            knob(|it| &mut it.bandwidth_blackwell, 0.7, 0.3, 1.0),
            knob(|it| &mut it.links, 0.5, 0.1, 1.0),
            knob(|it| &mut it.routing, 6.0, 0.0, 40.0),
            knob(|it| &mut it.layer, 1e-5, 0.0, 6e-5),
            knob(|it| &mut it.step, 5e-3, 0.0, 2e-2),
            knob(|it| &mut it.request, 1.5e-5, 0.0, 5e-5),
            knob(|it| &mut it.own_processor, 1.5, 1.0, 3.0),
            knob(|it| &mut it.bubble, 0.3, 0.0, 2.0),
        ],
    ),
    (
        &[Regime::FixedBatch],
        &[
            knob(|it| &mut it.fp16, 0.65, 0.3, 0.95),
            knob(|it| &mut it.scenario.fixed_batch, 1.0, 0.4, 1.6),
            knob(|it| &mut it.scenario.shared_reads, 0.2, 0.0, 1.0),
            knob(|it| &mut it.scenario.compiled_host, 0.3, 0.0, 1.0),
        ],
    ),
    (
        &[Regime::Scenario],
        &[
            knob(|it| &mut it.scenario.tuned, 1.1, 0.6, 2.0),
            knob(|it| &mut it.scenario.earlier, 0.9, 0.5, 1.2),
            knob(|it| &mut it.scenario.share_of_limit, 0.8, 0.3, 1.0),
            knob(|it| &mut it.scenario.arrivals, 0.95, 0.6, 1.0),
            knob(|it| &mut it.scenario.first_token, 0.9, 0.4, 1.0),
            knob(|it| &mut it.scenario.power_limited, 0.8, 0.75, 0.9),
            knob(|it| &mut it.matrix_cdna, 0.6, 0.2, 1.2),
        ],
    ),
    (
        &[Regime::LocalDecode],
        &[
            knob(|it| &mut it.local.bandwidth, 0.9, 0.5, 1.0),
            knob(|it| &mut it.local.bandwidth_stacked, 0.6, 0.2, 1.0),
            knob(|it| &mut it.local.layer, 1e-4, 0.0, 4e-4),
            knob(|it| &mut it.local.hop, 2e-4, 0.0, 3e-3),
        ],
    ),
    (
        &[Regime::LocalPrefill],
        &[
            knob(|it| &mut it.local.matrix, 0.6, 0.2, 1.0),
            knob(|it| &mut it.local.work_8nm, 3e11, 5e10, 3e12),
            knob(|it| &mut it.local.work_7nm, 6e11, 5e10, 6e12),
            knob(|it| &mut it.local.unpacking, 1.0, 0.0, 6.0),
            knob(|it| &mut it.local.prompt_layer, 1e-4, 0.0, 1e-3),
            knob(|it| &mut it.local.prompt_hop, 1e-3, 0.0, 2e-2),
        ],
    ),
];

/// Rounds of the search.
const ROUNDS: usize = 120;
/// Errors above this pull with a tenth.
const CAP: f64 = 0.4;
/// How much a step of a parameter over its range costs: ties stay near the start.
const RIDGE: f64 = 0.02;

fn cases(table: &Table) -> Vec<Case> {
    table
        .rows()
        .filter(|row| Inference.scored(*row))
        .filter_map(|row| {
            let group = row.get("group").unwrap_or_default();
            let question = Question::of(row).ok()?;
            let measured = row.number("value").filter(|value| *value > 0.0)?;
            let local = matches!(question.kind, Kind::LocalDecode { .. } | Kind::LocalPrefill { .. });
            let unit = if local { row.get("accelerator").unwrap_or_default() } else { group };
            (!left_out(group)).then(|| Case { question, measured, unit: unit.to_owned() })
        })
        .collect()
}

/// `ln(measured / predicted)`; infinite where nothing is predicted.
fn error(case: &Case, parameters: &Parameters) -> f64 {
    case.question.value(parameters).map_or(f64::INFINITY, |(value, _)| (case.measured / value).ln())
}

/// One weight for each unit, however many rows it has: what is asked later is other units.
fn loss(cases: &[&Case], parameters: &Parameters) -> f64 {
    let units = cases.chunk_by(|one, other| one.unit == other.unit);
    let errors = units.map(|unit| robust_loss(unit.iter().map(|case| error(case, parameters)), CAP));
    let (sum, count) = errors.fold((0.0, 0.0), |(sum, count), error| (sum + error, count + 1.0));
    sum / f64::max(count, 1.0)
}

fn fit_stage(knobs: &[Knob], cases: &[&Case], start: &Parameters) -> Parameters {
    let ranges: Vec<Parameter> = knobs.iter().map(|knob| knob.range).collect();
    let mut trial = start.clone();
    let (found, _) = minimise(&ranges, ROUNDS, |values| {
        let mut away = 0.0;
        for (knob, value) in knobs.iter().zip(values) {
            *(knob.of)(&mut trial) = *value;
            away += ((value - knob.range.start) / (knob.range.high - knob.range.low)).powi(2);
        }
        loss(cases, &trial) + RIDGE * away
    });
    let mut fitted = start.clone();
    for (knob, value) in knobs.iter().zip(found) {
        *(knob.of)(&mut fitted) = value;
    }
    fitted
}

/// The shortest interval that covers nine of ten residuals and one more: odd rows are on one side (throttled boards), and equal
/// tails would reach for them.
fn shortest(mut residuals: Vec<f64>) -> Option<Conformal> {
    residuals.retain(|it| it.is_finite());
    residuals.sort_by(f64::total_cmp);
    let covered = ((0.9 * (residuals.len() + 1) as f64).ceil() as usize).clamp(1, residuals.len().max(1));
    residuals
        .windows(covered)
        .map(|window| Conformal { low: window[0], high: window[covered - 1] })
        .min_by(|one, other| (one.high - one.low).total_cmp(&(other.high - other.low)))
}

/// Fits every stage on the rows that are not left out.
pub(super) fn fit(table: &Table) -> Option<String> {
    let cases = cases(table);
    let mut fitted = parameters().clone();
    for (regimes, knobs) in &STAGES {
        let mut stage: Vec<&Case> = cases.iter().filter(|case| regimes.contains(&case.question.kind.regime())).collect();
        stage.sort_by(|one, other| one.unit.cmp(&other.unit));
        if stage.is_empty() {
            continue;
        }
        let before = fitted.clone();
        fitted = fit_stage(knobs, &stage, &before);
        // Intervals: each unit by a fit that has not seen it.
        let units: Vec<&[&Case]> = stage.chunk_by(|one, other| one.unit == other.unit).collect();
        let mut residuals = Vec::new();
        for unit in &units {
            let rest: Vec<&Case> = stage.iter().copied().filter(|case| case.unit != unit[0].unit).collect();
            let blind = if rest.is_empty() { before.clone() } else { fit_stage(knobs, &rest, &before) };
            residuals.extend(unit.iter().map(|case| error(case, &blind)));
        }
        let conformal = shortest(residuals)?;
        let intervals = &mut fitted.intervals;
        *match regimes[0] {
            Regime::FixedBatch => &mut intervals.fixed_batch,
            Regime::Scenario => &mut intervals.scenario,
            Regime::LocalDecode => &mut intervals.local_decode,
            Regime::LocalPrefill => &mut intervals.local_prefill,
            Regime::FullQueue | Regime::Other => &mut intervals.full_queue,
        } = conformal;
    }
    let text = toml::to_string(&fitted).ok()?;
    Some(format!("{PROVENANCE}{text}"))
}

/// What the fit rests on.
const PROVENANCE: &str = "# Shares of the data sheet that engines reach when only throughput counts, fitted by `sim-core/predict` on published rows:\n\
    # TensorRT-LLM 1.0 performance overview, TensorRT-LLM 0.5 and 0.6 release notes, MLPerf Inference v4.1 and v5.1 (result files; not\n\
    # official MLPerf metrics), llama.cpp on boards (XiongjieDai's table). Groups that `left_out` names were not used. Intervals are\n\
    # of rows whose group (board, for llama.cpp) the fit had not seen.\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_rows_on_one_side_stay_outside() {
        // 18 residuals from -0.09 to 0.08 and one of -2: ceil(0.9 * 20) = 18 are covered.
        let residuals: Vec<f64> = (0..18).map(|i| f64::from(i) / 100.0 - 0.09).chain([-2.0]).collect();
        let it = shortest(residuals).unwrap();
        assert!((it.low + 0.09).abs() < 1e-12 && (it.high - 0.08).abs() < 1e-12, "{it:?}");
        assert_eq!(shortest(vec![f64::NAN]), None);
    }
}
