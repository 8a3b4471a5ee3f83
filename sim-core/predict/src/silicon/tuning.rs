//! The fit of the serving model's parameters.

use std::collections::BTreeSet;

use bastide_cost_models::compute::Conformal;
use bastide_cost_models::compute::serving::{Parameters, Spread, parameters};

use super::Silicon;
use super::case::Case;
use crate::fit::{Parameter, minimise};
use crate::{Family, Row, Table};

/// A free parameter: what to expect of it, range, and where it is kept.
type Free = (&'static str, f64, f64, f64, fn(&mut Parameters) -> &mut f64);

pub(super) const FREE: &[Free] = &[
    ("launch", 3e-6, 0.0, 1e-5, |it| &mut it.launch),
    ("products", 1.0, 0.6, 2.0, |it| &mut it.products),
    ("matrix", 1.25, 0.7, 3.0, |it| &mut it.matrix),
    ("blackwell_stream", 1.0, 0.6, 2.0, |it| &mut it.blackwell_stream),
    ("blackwell_matrix", 1.0, 0.7, 2.5, |it| &mut it.blackwell_matrix),
    ("passes", 40.0, 0.0, 120.0, |it| &mut it.passes),
    ("quantised_layer", 2e-5, 0.0, 8e-5, |it| &mut it.quantised_layer),
    ("practice.aging", 0.1, 0.0, 1.0, |it| &mut it.practice.aging),
    ("routed_layer", 2e-05, 0.0, 8e-5, |it| &mut it.routed_layer),
    ("latent_layer", 5e-06, 0.0, 8e-5, |it| &mut it.latent_layer),
    ("linear_layer", 1.5e-05, 0.0, 8e-5, |it| &mut it.linear_layer),
    ("practice.acceptance", 0.65, 0.2, 0.95, |it| &mut it.practice.acceptance),
    ("practice.drafting", 0.5, 0.0, 1.0, |it| &mut it.practice.drafting),
    ("practice.drafting_sglang", 0.2, 0.0, 1.0, |it| &mut it.practice.drafting_sglang),
    ("practice.decode_workers", 4.0, 0.5, 12.0, |it| &mut it.practice.decode_workers),
    ("practice.decode_growth", 0.1, -0.3, 0.6, |it| &mut it.practice.decode_growth),
    ("practice.decode_wide", 3.0, 1.0, 6.0, |it| &mut it.practice.decode_wide),
    ("practice.balance", 40.0, 0.0, 100.0, |it| &mut it.practice.balance),
    ("practice.polling", 0.5, 0.0, 1.0, |it| &mut it.practice.polling),
    ("practice.prefill_busy", 0.8, 0.1, 1.2, |it| &mut it.practice.prefill_busy),
    ("handover", 0.1, 0.0, 1.0, |it| &mut it.handover),
    ("handover_start", 0.2, 0.0, 1.0, |it| &mut it.handover_start),
    ("attention", 1.0, 0.4, 4.0, |it| &mut it.attention),
    ("collectives", 1.0, 0.3, 4.0, |it| &mut it.collectives),
    ("expert_matrix", 0.6, 0.1, 0.9, |it| &mut it.expert_matrix),
    ("unpacking", 1.15, 0.8, 2.0, |it| &mut it.unpacking),
    ("narrow", 0.4, 0.0, 1.0, |it| &mut it.narrow),
    ("expert_rows", 12.0, 0.0, 40.0, |it| &mut it.expert_rows),
    ("expert_stream", 0.8, 0.2, 0.95, |it| &mut it.expert_stream),
    ("routing", 0.8, 0.2, 1.0, |it| &mut it.routing),
    ("imbalance", 0.2, 0.0, 2.0, |it| &mut it.imbalance),
    ("latent", 1.0, 0.4, 3.0, |it| &mut it.latent),
    ("state_matrix", 0.3, 0.05, 0.9, |it| &mut it.state_matrix),
    ("state_stream", 0.6, 0.1, 0.95, |it| &mut it.state_stream),
    ("vllm.step", 0.0015, 0.0, 8e-3, |it| &mut it.vllm.step),
    ("vllm.layer", 2e-05, 0.0, 8e-5, |it| &mut it.vllm.layer),
    ("vllm.request", 1.5e-05, 0.0, 1e-4, |it| &mut it.vllm.request),
    ("vllm.admission", 0.03, 0.0, 0.3, |it| &mut it.vllm.admission),
    ("vllm.wait", 2.0, 0.0, 10.0, |it| &mut it.vllm.wait),
    ("vllm.mixing", 1.0, 0.3, 2.0, |it| &mut it.vllm.mixing),
    ("vllm.burst", 1.0, 0.3, 2.0, |it| &mut it.vllm.burst),
    ("vllm.start", 0.15, 0.0, 0.5, |it| &mut it.vllm.start),
    ("vllm.eager", 0.0001, 0.0, 4e-4, |it| &mut it.vllm.eager),
    ("sglang.step", 0.0015, 0.0, 8e-3, |it| &mut it.sglang.step),
    ("sglang.layer", 2e-05, 0.0, 8e-5, |it| &mut it.sglang.layer),
    ("sglang.request", 1.5e-05, 0.0, 1e-4, |it| &mut it.sglang.request),
    ("sglang.admission", 0.03, 0.0, 0.3, |it| &mut it.sglang.admission),
    ("sglang.wait", 2.0, 0.0, 40.0, |it| &mut it.sglang.wait),
    ("sglang.mixing", 1.0, 0.3, 2.0, |it| &mut it.sglang.mixing),
    ("sglang.burst", 1.0, 0.3, 2.0, |it| &mut it.sglang.burst),
    ("sglang.start", 0.15, 0.0, 0.5, |it| &mut it.sglang.start),
    ("sglang.eager", 0.0001, 0.0, 2e-4, |it| &mut it.sglang.eager),
    ("trtllm.step", 0.0015, 0.0, 8e-3, |it| &mut it.trtllm.step),
    ("trtllm.layer", 2e-05, 0.0, 8e-5, |it| &mut it.trtllm.layer),
    ("trtllm.request", 1.5e-05, 0.0, 1e-4, |it| &mut it.trtllm.request),
    ("trtllm.admission", 0.03, 0.0, 0.3, |it| &mut it.trtllm.admission),
    ("trtllm.wait", 2.0, 0.0, 10.0, |it| &mut it.trtllm.wait),
    ("trtllm.mixing", 1.0, 0.3, 2.0, |it| &mut it.trtllm.mixing),
    ("trtllm.burst", 1.0, 0.3, 2.0, |it| &mut it.trtllm.burst),
    ("trtllm.start", 0.15, 0.0, 0.5, |it| &mut it.trtllm.start),
    ("trtllm.eager", 0.0001, 0.0, 2e-4, |it| &mut it.trtllm.eager),
];

/// Weight of the squared distance from what is expected, in units of the ranges.
const RIDGE: f64 = 4e-3;

/// How long a fit may take.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Rows that it looks at: more say little more.
    pub rows: usize,
    /// Rounds of the search.
    pub rounds: usize,
}

impl Effort {
    /// For the parameters that ship.
    pub const FULL: Self = Self { rows: 600, rounds: 50 };
    /// For the errors on groups that a fit had not seen.
    pub const QUICK: Self = Self { rows: 240, rounds: 18 };
}

/// Which interval a row belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Together,
    Apart,
    Guessed,
}

/// A row's kind and its logarithmic error.
type Residual = (Kind, f64);

impl Kind {
    fn of(case: &Case) -> Self {
        match (case.prefill, case.decode.count) {
            (None, _) => Self::Together,
            (Some(_), Some(_)) => Self::Apart,
            (Some(_), None) => Self::Guessed,
        }
    }
}

struct Measured {
    case: Case,
    tpot: f64,
    ttft: f64,
    weight: f64,
}

fn measured(family: &Silicon, table: &Table, skip: &dyn Fn(&str) -> bool, rows: usize) -> Vec<Measured> {
    let usable = |row: &Row<'_>| family.scored(*row) && !skip(row.get("group").unwrap_or_default());
    let mut sizes = std::collections::BTreeMap::new();
    for row in table.rows().filter(usable) {
        *sizes.entry(row.get("group").unwrap_or_default()).or_insert(0.0) += 1.0;
    }
    let stride = (table.rows().filter(usable).count() / rows.max(1)).max(1);
    table
        .rows()
        .filter(usable)
        .step_by(stride)
        .filter_map(|row| {
            let case = Case::read(row).ok()?;
            let (tpot, ttft) = (row.positive("tpot_ms").ok()?, row.positive("ttft_ms").ok()?);
            // Between one vote for each row and one for each group.
            let size: f64 = sizes[row.get("group").unwrap_or_default()];
            Some(Measured { case, tpot: tpot * 1e-3, ttft: ttft * 1e-3, weight: 1.0 / size.sqrt() })
        })
        .collect()
}

fn loss(rows: &[Measured], parameters: &Parameters) -> f64 {
    let (mut sum, mut weights) = (0.0, 0.0);
    let size = |ratio: f64, cap: f64| {
        let error = if ratio > 0.0 && ratio.is_finite() { (ratio - 1.0).abs() } else { 10.0 };
        error.min(cap) + 0.2 * (error - cap).max(0.0)
    };
    for row in rows {
        let it = row.case.latency(parameters);
        sum += row.weight * (size(it.tpot / row.tpot, 0.4) + 0.8 * size(it.ttft / row.ttft, 0.6));
        weights += row.weight;
    }
    sum / weights.max(1e-9)
}

/// Parameters that fit the rows whose group is not skipped.
#[must_use]
pub fn fit_parameters(family: &Silicon, table: &Table, skip: impl Fn(&str) -> bool, effort: Effort) -> Parameters {
    let rows = measured(family, table, &skip, effort.rows);
    let prior: Vec<Parameter> = FREE.iter().map(|(_, start, low, high, _)| Parameter { start: *start, low: *low, high: *high }).collect();
    let set = |values: &[f64]| {
        let mut it = parameters().clone();
        for ((.., at), value) in FREE.iter().zip(values) {
            *at(&mut it) = *value;
        }
        it
    };
    // What rows say little about stays near what is expected of it.
    let away = |values: &[f64]| -> f64 {
        values.iter().zip(&prior).map(|(value, it)| ((value - it.start) / (it.high - it.low)).powi(2)).sum::<f64>() * RIDGE
    };
    let (best, _) = minimise(&prior, effort.rounds, |values| loss(&rows, &set(values)) + away(values));
    set(&best)
}

/// Parameters with the intervals of groups that a fit had not seen: each group is left out in turn.
pub(super) fn fit_with_spread(family: &Silicon, table: &Table, skip: &dyn Fn(&str) -> bool) -> Parameters {
    let groups: BTreeSet<&str> = table.rows().filter_map(|row| row.get("group")).filter(|group| !skip(group)).collect();
    let mut residuals: [Vec<Residual>; 2] = [Vec::new(), Vec::new()];
    for group in groups {
        let fitted = fit_parameters(family, table, |it| skip(it) || it == group, Effort::QUICK);
        for row in table.rows().filter(|row| family.scored(*row) && row.get("group") == Some(group)) {
            let (Ok(case), Some(tpot), Some(ttft)) = (Case::read(row), row.number("tpot_ms"), row.number("ttft_ms")) else { continue };
            let it = case.latency(&fitted);
            let kind = Kind::of(&case);
            residuals[0].push((kind, (tpot * 1e-3 / it.tpot).ln()));
            residuals[1].push((kind, (ttft * 1e-3 / it.ttft).ln()));
        }
    }
    let spread = |of: &[Residual], before: Spread| {
        let quantiles = |kinds: &[Kind], before: Conformal| {
            let chosen: Vec<_> = of.iter().filter(|it| kinds.contains(&it.0)).map(|it| (it.1, 1.0)).collect();
            Conformal::calibrate(chosen).unwrap_or(before)
        };
        Spread {
            together: quantiles(&[Kind::Together], before.together),
            apart: quantiles(&[Kind::Apart], before.apart),
            guessed: quantiles(&[Kind::Guessed], before.guessed),
        }
    };
    let it = fit_parameters(family, table, skip, Effort::FULL);
    Parameters { tpot: spread(&residuals[0], it.tpot), ttft: spread(&residuals[1], it.ttft), ..it }
}
