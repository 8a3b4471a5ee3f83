//! How right the predictions of a table are.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::{Answer, Family, Table};

/// The answers of a row.
#[derive(Clone, Debug)]
pub struct RowAnswers {
    /// Line of the file.
    pub line: u64,
    /// The row's `id`, where it has one.
    pub id: String,
    /// The row's `group`, where it has one.
    pub group: String,
    /// Whether the row counts in the summary.
    pub scored: bool,
    /// Whether no fit has seen the row's group.
    pub left_out: bool,
    /// The answers.
    pub answers: Vec<Answer>,
}

/// Errors of a set of answers, in the absolute percentage error `|predicted / measured - 1|`.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Summary {
    /// What is summed up: a group, or `fitted`, `left out`, `all`.
    pub name: String,
    /// What was asked.
    pub metric: String,
    /// Answers with a measured value that count.
    pub n: usize,
    /// Rows that count and are not supported.
    pub unsupported: usize,
    /// Median error.
    pub median: f64,
    /// Mean error.
    pub mean: f64,
    /// 90th percentile of the error.
    pub p90: f64,
    /// Median of the signed error `predicted / measured - 1`: the bias.
    pub bias: f64,
    /// Share of measured values inside the 90 % interval.
    pub coverage: f64,
    /// Median of the interval's half width over the value.
    pub half_width: f64,
}

/// A table answered.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// Kind of the table.
    pub family: &'static str,
    /// One entry for each row of the table.
    pub rows: Vec<RowAnswers>,
}

/// Whether the shipped parameters of a kind of table were fitted on a group.
///
/// # Panics
/// Never: the list is compiled in, and the tests parse it.
#[must_use]
pub fn fitted_on(family: &str, group: &str) -> bool {
    static GROUPS: OnceLock<BTreeMap<String, Vec<String>>> = OnceLock::new();
    let groups = GROUPS.get_or_init(|| {
        toml::from_str(include_str!("../../../cost-models/data/throughput/groups.toml"))
            // The list is compiled in, and the tests of this file parse it: no input of a user reaches this.
            .expect("the compiled-in list parses")
    });
    groups.get(family).is_some_and(|groups| groups.binary_search_by(|it| it.as_str().cmp(group)).is_ok())
}

/// Answers every row of a table.
#[must_use]
pub fn evaluate(family: &dyn Family, table: &Table) -> Evaluation {
    let rows = table
        .rows()
        .map(|row| {
            let group = row.get("group").unwrap_or_default().to_owned();
            RowAnswers {
                line: row.line(),
                id: row.get("id").unwrap_or_default().to_owned(),
                scored: family.scored(row),
                left_out: !fitted_on(family.name(), &group),
                group,
                answers: family.answer(row),
            }
        })
        .collect();
    Evaluation { family: family.name(), rows }
}

impl Evaluation {
    /// Errors by metric of all rows, of those fitted and those left out, and of each group.
    #[must_use]
    pub fn summaries(&self) -> Vec<Summary> {
        let mut sets: BTreeMap<(u8, String, String), Vec<&Answer>> = BTreeMap::new();
        for row in self.rows.iter().filter(|row| row.scored) {
            for answer in row.answers.iter().filter(|answer| answer.measured.is_some_and(|value| value > 0.0)) {
                let part = if row.left_out { (2, "left out") } else { (1, "fitted") };
                for (rank, name) in [(0, "all"), part, (3, row.group.as_str())] {
                    if !name.is_empty() {
                        sets.entry((rank, name.to_owned(), answer.metric.clone())).or_default().push(answer);
                    }
                }
            }
        }
        sets.into_iter().map(|((_, name, metric), answers)| Summary::of(name, metric, &answers)).collect()
    }
}

impl Summary {
    fn of(name: String, metric: String, answers: &[&Answer]) -> Self {
        let pairs: Vec<_> = answers.iter().filter_map(|it| it.outcome.as_ref().ok().zip(it.measured)).collect();
        let sorted = |values: &dyn Fn(&(&bastide_cost_models::compute::Prediction, f64)) -> f64| {
            let mut values: Vec<f64> = pairs.iter().map(values).collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let quantile = |values: &[f64], share: f64| match values.len() {
            0 => 0.0,
            len => {
                let at = share * (len - 1) as f64;
                let (low, high) = (values[at.floor() as usize], values[at.ceil() as usize]);
                low + (high - low) * at.fract()
            }
        };
        let n = pairs.len();
        let share = |count: f64| if n == 0 { 0.0 } else { count / n as f64 };
        let errors = sorted(&|(predicted, measured)| (predicted.value / measured - 1.0).abs());
        Self {
            name,
            metric,
            n,
            unsupported: answers.len() - n,
            median: quantile(&errors, 0.5),
            mean: share(errors.iter().sum()),
            p90: quantile(&errors, 0.9),
            bias: quantile(&sorted(&|(predicted, measured)| predicted.value / measured - 1.0), 0.5),
            coverage: share(pairs.iter().filter(|(it, measured)| (it.low90..=it.high90).contains(measured)).count() as f64),
            half_width: quantile(&sorted(&|(it, _)| (it.high90 - it.low90) / (2.0 * it.value)), 0.5),
        }
    }
}

#[cfg(test)]
mod tests {
    use bastide_cost_models::compute::left_out;

    use super::*;

    #[test]
    fn a_group_is_fitted_or_left_out() {
        assert!(fitted_on("training", "llama3-405b-T4") && !left_out("llama3-405b-T4"));
        assert!(!fitted_on("training", "mpt-1b/h100_80gb") && left_out("mpt-1b/h100_80gb"));
        assert!(!fitted_on("training", "") && !fitted_on("training", "a table of my own") && !fitted_on("nothing", "bloom"));
    }
}
