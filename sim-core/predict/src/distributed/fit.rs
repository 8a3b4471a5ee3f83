//! Fits the few parameters of distributed runs, on the groups that are not left out.

use std::collections::BTreeMap;

use bastide_cost_models::compute::low_communication::{Distributed, parameters};
use bastide_cost_models::compute::{Conformal, left_out};

use super::question::Question;
use crate::fit::{Parameter, minimise};
use crate::{Row, Table};

/// Where the figures come from.
const PROVENANCE: &str = "Fitted by `Distributed::fit` on published tables (Douillard et al. 2025, tables 1 and 4; Charles et al. 2025, \
     table 6; Jaghouar et al. 2024, table 2; Borzunov et al. 2022), whole groups left out; intervals from groups that each fit had not seen.";

/// A number of the parameters.
type Field = fn(&mut Distributed) -> &mut f64;

/// A row's group, question and printed value.
type Seen<'a> = (&'a str, Question<'a>, f64);

pub(super) fn fit(table: &Table) -> Option<String> {
    let seen: Vec<Seen<'_>> = table.rows().filter_map(usable).collect();
    if seen.is_empty() {
        return None;
    }
    let mut it = fitted(&seen);
    it.bandwidth_interval = interval(&seen, |question| question.share.is_some())?;
    it.interval = interval(&seen, |question| question.share.is_none())?;
    PROVENANCE.clone_into(&mut it.provenance);
    toml::to_string(&it).ok()
}

fn usable(row: Row<'_>) -> Option<Seen<'_>> {
    let group = row.get("group").unwrap_or_default();
    if left_out(group) {
        return None;
    }
    Some((group, Question::of(row).ok()?, row.positive("value").ok()?))
}

/// The parameters for some rows; those that the rows say nothing of stay where the search starts.
fn fitted(seen: &[Seen<'_>]) -> Distributed {
    let mut it = Distributed {
        // Where the search starts, so that a fit does not depend on the one before it.
        printed_volume: 8.0,
        inner_mfu: 0.4,
        window_bits: 1e8,
        layer_overhead: 5e-3,
        server_overhead: 2e-2,
        context_bandwidth: 1e11,
        ..parameters().clone()
    };
    // Printed over ours, a median for each study.
    let mut studies: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (_, question, printed) in seen {
        if let Some(bits) = question.share.and_then(|share| question.bandwidth(share).ok()) {
            studies.entry(question.study).or_default().push((printed / (bits / 1e9)).ln());
        }
    }
    let medians: Vec<(&str, f64)> = studies.into_iter().map(|(study, ratios)| (study, median(ratios))).collect();
    if !medians.is_empty() {
        it.printed_otherwise = (medians.iter().map(|it| it.1).sum::<f64>() / medians.len() as f64).exp();
        for (study, ratio) in medians {
            it.printed.insert(study.to_owned(), ratio.exp());
        }
    }
    // Squares: a handful of rows that one mechanism explains each, none of them odd.
    let loss = |it: &Distributed, metrics: &[&str]| -> f64 {
        seen.iter()
            .filter(|(_, question, _)| metrics.contains(&question.metric))
            .map(|(_, question, printed)| question.answer(it).map_or(10.0, |ours| (printed / ours).ln()).powi(2))
            .sum()
    };
    // Each is searched from 1/8 to 8 times its start.
    let parts: [(&[Field], &[&str]); 3] = [
        (&[|it| &mut it.printed_volume], &["terabytes_exchanged"]),
        (&[|it| &mut it.window_bits, |it| &mut it.inner_mfu], &["median_allreduce_time", "compute_utilization", "MFU"]),
        (&[|it| &mut it.layer_overhead, |it| &mut it.server_overhead, |it| &mut it.context_bandwidth], &["decode_steps_per_s"]),
    ];
    for (fields, metrics) in parts {
        if !seen.iter().any(|(_, question, _)| metrics.contains(&question.metric)) {
            continue;
        }
        let with = |it: &Distributed, factors: &[f64]| {
            let mut trial = it.clone();
            for (field, factor) in fields.iter().zip(factors) {
                *field(&mut trial) *= factor.exp();
            }
            trial
        };
        let range = vec![Parameter { start: 0.0, low: -2.1, high: 2.1 }; fields.len()];
        let (factors, _) = minimise(&range, 2000, |factors| loss(&with(&it, factors), metrics));
        it = with(&it, &factors);
    }
    it
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Residuals of every group by a fit to the others.
fn interval(seen: &[Seen<'_>], of: impl Fn(&Question<'_>) -> bool) -> Option<Conformal> {
    let mut groups: Vec<&str> = seen.iter().map(|it| it.0).collect();
    groups.dedup();
    let mut residuals = Vec::new();
    for group in groups {
        let others: Vec<Seen<'_>> = seen.iter().filter(|it| it.0 != group).cloned().collect();
        let parameters = fitted(&others);
        for (_, question, printed) in seen.iter().filter(|it| it.0 == group && of(&it.1)) {
            if let Ok(ours) = question.answer(&parameters) {
                // Either way: so few rows do not show which side errors fall on.
                let residual = (printed / ours).ln();
                residuals.extend([(residual, 1.0), (-residual, 1.0)]);
            }
        }
    }
    Conformal::calibrate(residuals)
}
