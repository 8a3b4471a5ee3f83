//! The same plans and draws under several assumptions: what changes, who overtakes whom, and what an avoided hour costs.

mod break_even;

use bastide_engine::Estimate;
use bastide_model::model::{Case, MetricPattern};

use super::schema::{BreakEven, CaseEstimate, CaseFacts, ChangeFacts, MarginalCost, QuestionFacts, Spread, Standing, Subject};
use super::write::{StudyMeta, spread};
use super::{ResultsError, Study};
use crate::record::{Better, Layout, MetricDef};

/// The scenario itself among its cases.
const BASE: &str = "base";
/// Lines of cost that are money spent; what was lost is told by other metrics.
const SPENT: [&str; 3] = ["capital", "upkeep", "energy"];
/// Relative size below which a difference is rounding.
const ROUNDING: f64 = 1e-9;
/// The metric that measures are there to reduce.
const AVOIDED: &str = "hours_below_90";

/// What `summary.json` says of all cases.
#[derive(Clone, Debug, Default)]
pub(super) struct CaseSummary {
    pub cases: Vec<CaseFacts>,
    pub break_even: Vec<BreakEven>,
    pub marginal_costs: Vec<MarginalCost>,
    pub shown: Vec<Subject>,
    pub questions: Vec<QuestionFacts>,
}

/// Values of the metrics that cases are told by: `[metric][alternative][replication]`.
type Values = Vec<Vec<Vec<f64>>>;

/// Compares finished cases with the scenario itself, whose values are `base[alternative][metric of the layout][replication]`.
pub(super) fn summarise(
    meta: &StudyMeta<'_>,
    layout: &Layout,
    headline: impl Fn(&MetricDef) -> bool,
    base: &[Vec<Vec<f64>>],
    studies: &[Study],
) -> Result<CaseSummary, ResultsError> {
    let report = &meta.model.report;
    let shown: Vec<usize> = if report.metrics.is_empty() {
        layout.metrics.iter().enumerate().filter(|(_, def)| headline(def)).map(|(at, _)| at).collect()
    } else {
        named(layout, &report.metrics)
    };
    let questions: Vec<QuestionFacts> = (report.questions.iter())
        .map(|question| QuestionFacts {
            title: question.title.clone(),
            metrics: named(layout, &question.metrics).into_iter().map(|at| subject(&layout.metrics[at])).collect(),
            group: question.group.clone(),
        })
        .collect();
    if meta.cases.is_empty() && report.metrics.is_empty() && questions.is_empty() {
        return Ok(CaseSummary::default());
    }
    let mut summary =
        CaseSummary { shown: shown.iter().map(|at| subject(&layout.metrics[*at])).collect(), questions, ..CaseSummary::default() };
    // In the order of the layout: what tables show, what answers questions, and what costs are made of.
    let asked = |def: &MetricDef| {
        let mut of_questions = report.questions.iter().flat_map(|question| &question.metrics);
        of_questions.any(|pattern| pattern.matches(def.entity_kind, &def.entity, def.metric))
    };
    let told_by = |at: usize| shown.contains(&at) || asked(&layout.metrics[at]);
    let cost = |def: &MetricDef| {
        def.entity_kind == "cost" && SPENT.contains(&def.entity.as_str()) || def.entity_kind == "tier" && def.metric == AVOIDED
    };
    let kept: Vec<usize> = (0..layout.metrics.len()).filter(|at| told_by(*at) || cost(&layout.metrics[*at])).collect();
    let defs: Vec<&MetricDef> = kept.iter().map(|at| &layout.metrics[*at]).collect();
    let of_base: Values = kept.iter().map(|at| base.iter().map(|columns| columns[*at].clone()).collect()).collect();
    let keys: Vec<(&str, &str, &str)> = defs.iter().map(|def| (def.entity_kind, def.entity.as_str(), def.metric)).collect();

    let itself = estimates(meta, &defs, &of_base, None);
    summary.cases.push(CaseFacts {
        name: BASE.to_owned(),
        title: "as written".to_owned(),
        group: String::new(),
        axis: None,
        value: None,
        cost_eur: None,
        changes: Vec::new(),
        source: None,
        verified: None,
        folder: None,
        replications: meta.replications,
        estimates: itself,
    });
    let mut told: Vec<(&Case, Values)> = Vec::new();
    for (name, replications) in meta.cases {
        let Some(case) = meta.model.cases.iter().find(|case| case.entity.name == *name) else { continue };
        let itself = case.settings.is_empty();
        let values = if itself {
            cut(&of_base, *replications)
        } else {
            let missing = || ResultsError::Mismatch(format!("case `{name}` was not simulated"));
            let study = studies.iter().find(|study| study.summary.case.as_deref() == Some(*name)).ok_or_else(missing)?;
            study.values(&keys)?
        };
        let before = cut(&of_base, *replications);
        summary.cases.push(CaseFacts {
            name: case.entity.name.clone(),
            title: case.entity.title.clone(),
            group: case.group.clone(),
            axis: case.axis.as_ref().map(|axis| axis.title.clone()),
            value: case.axis.as_ref().map(|axis| axis.value),
            cost_eur: case.cost.map(bastide_units::Money::as_eur),
            changes: case.settings.iter().map(|(key, value)| ChangeFacts { key: key.clone(), value: value.clone() }).collect(),
            source: case.source.clone(),
            verified: case.verified,
            folder: (!itself).then(|| folder(name)),
            replications: *replications,
            estimates: estimates(meta, &defs, &values, (!itself).then_some(&before)),
        });
        if let Some(cost) = case.cost.filter(|_| !itself) {
            summary.marginal_costs.extend(of_case(meta, &defs, name, cost.as_eur(), &values, &before));
        }
        told.push((case, values));
    }
    if !meta.cases.is_empty() {
        summary.marginal_costs.extend(of_alternatives(meta, &defs, &of_base));
    }
    let of_tables: Vec<usize> = (0..kept.len()).filter(|at| told_by(kept[*at])).collect();
    summary.break_even = break_even::all(meta, &defs, &of_tables, &told);
    Ok(summary)
}

/// Folder of a case within that of its study.
pub(super) fn folder(name: &str) -> String {
    format!("cases/{name}")
}

/// Metrics of patterns, in their order, each once.
fn named(layout: &Layout, patterns: &[MetricPattern]) -> Vec<usize> {
    let mut found: Vec<usize> = Vec::new();
    for pattern in patterns {
        let matches = |at: &usize| {
            let def = &layout.metrics[*at];
            pattern.matches(def.entity_kind, &def.entity, def.metric)
        };
        let new: Vec<usize> = (0..layout.metrics.len()).filter(matches).filter(|at| !found.contains(at)).collect();
        found.extend(new);
    }
    found
}

fn subject(def: &MetricDef) -> Subject {
    Subject {
        entity_kind: def.entity_kind.to_owned(),
        entity: def.entity.clone(),
        metric: def.metric.to_owned(),
        unit: def.unit.to_owned(),
    }
}

/// The first replications: those that a case with fewer has, too.
fn cut(values: &Values, replications: u32) -> Values {
    let first = |column: &Vec<f64>| column[..column.len().min(replications as usize)].to_vec();
    values.iter().map(|alternatives| alternatives.iter().map(first).collect()).collect()
}

fn estimates(meta: &StudyMeta<'_>, defs: &[&MetricDef], values: &Values, before: Option<&Values>) -> Vec<CaseEstimate> {
    let mut all = Vec::new();
    let standings: Vec<Vec<Option<Standing>>> = defs.iter().zip(values).map(|(def, values)| standings(def.better, values)).collect();
    for (index, alternative) in meta.alternatives.iter().enumerate() {
        for (at, def) in defs.iter().enumerate() {
            // A case can take away what a metric is about, such as a cause of failures.
            let Some(column) = values[at].get(index).filter(|column| !column.is_empty()) else { continue };
            let Some(estimate) = spread(column, Estimate::of(column), Some(def.better)) else { continue };
            let paired = |other: &[f64]| (column.len() == other.len()).then(|| plain(&less(column, other))).flatten();
            all.push(CaseEstimate {
                alternative: alternative.name.to_owned(),
                subject: subject(def),
                estimate,
                difference: if index == 0 { None } else { paired(&values[at][0]) },
                change: before.and_then(|before| paired(&before[at][index])),
                standing: standings[at].get(index).copied().flatten(),
            });
        }
    }
    all
}

/// Who leads: the best alternative and those that are not clearly worse.
fn standings(better: Better, values: &[Vec<f64>]) -> Vec<Option<Standing>> {
    let mean = |column: &[f64]| Estimate::of(column).map_or(f64::NAN, |estimate| estimate.mean);
    let goodness = |index: usize| match better {
        Better::Higher => mean(&values[index]),
        Better::Lower => -mean(&values[index]),
        Better::Neither => f64::NAN,
    };
    let best = (0..values.len()).filter(|index| !goodness(*index).is_nan()).max_by(|a, b| goodness(*a).total_cmp(&goodness(*b)));
    let mut standings = vec![None; values.len()];
    let Some(best) = best else { return standings };
    let behind = |index: usize| {
        let difference = Estimate::of(&less(&values[best], &values[index]));
        difference.is_some_and(|d| d.mean != 0.0 && d.stderr.is_some_and(|stderr| d.mean.abs() >= 2.0 * stderr))
    };
    let leading: Vec<usize> = (0..values.len()).filter(|index| !behind(*index)).collect();
    if leading.len() < values.len() {
        let standing = if leading.len() == 1 { Standing::Best } else { Standing::Tied };
        leading.into_iter().for_each(|index| standings[index] = Some(standing));
    }
    standings
}

/// Money spent by each history of an alternative.
fn spent(defs: &[&MetricDef], values: &Values, alternative: usize) -> Vec<f64> {
    let mut sum = Vec::new();
    for (def, values) in defs.iter().zip(values) {
        if def.entity_kind == "cost" && SPENT.contains(&def.entity.as_str()) {
            sum.resize(values[alternative].len(), 0.0);
            sum.iter_mut().zip(&values[alternative]).for_each(|(sum, value)| *sum += value);
        }
    }
    sum
}

/// Each tier's hours that measures avoid.
fn tiers<'a>(defs: &'a [&'a MetricDef]) -> impl Iterator<Item = (usize, &'a str)> {
    defs.iter().enumerate().filter(|(_, def)| def.entity_kind == "tier" && def.metric == AVOIDED).map(|(at, def)| (at, def.entity.as_str()))
}

/// Differences of two alternatives or cases on the same draws; nought where one is rounding.
fn less(a: &[f64], b: &[f64]) -> Vec<f64> {
    let rounded = |(a, b): (&f64, &f64)| if (a - b).abs() <= ROUNDING * a.abs().max(b.abs()) { 0.0 } else { a - b };
    a.iter().zip(b).map(rounded).collect()
}

/// What the hours cost that a case avoids, for each alternative and tier.
fn of_case(meta: &StudyMeta<'_>, defs: &[&MetricDef], name: &str, cost: f64, values: &Values, before: &Values) -> Vec<MarginalCost> {
    let mut all = Vec::new();
    for (index, alternative) in meta.alternatives.iter().enumerate() {
        let money: Vec<f64> = less(&spent(defs, values, index), &spent(defs, before, index)).iter().map(|change| change + cost).collect();
        for (at, tier) in tiers(defs) {
            let hours = less(&before[at][index], &values[at][index]);
            all.extend(ratio(&money, &hours).map(|facts| MarginalCost {
                case: Some(name.to_owned()),
                alternative: alternative.name.to_owned(),
                tier: tier.to_owned(),
                ..facts
            }));
        }
    }
    all
}

/// What the hours cost that one alternative avoids against another, in the scenario itself; of each pair the one that avoids more comes first.
fn of_alternatives(meta: &StudyMeta<'_>, defs: &[&MetricDef], values: &Values) -> Vec<MarginalCost> {
    let mut all = Vec::new();
    for (index, alternative) in meta.alternatives.iter().enumerate() {
        for (other, against) in meta.alternatives.iter().enumerate().take(index) {
            let money = less(&spent(defs, values, index), &spent(defs, values, other));
            for (at, tier) in tiers(defs) {
                let hours = less(&values[at][other], &values[at][index]);
                let worse = hours.iter().sum::<f64>() < 0.0;
                let turned = |column: &[f64]| if worse { column.iter().map(|x| -x).collect() } else { column.to_vec() };
                let (alternative, against) = if worse { (against, alternative) } else { (alternative, against) };
                all.extend(ratio(&turned(&money), &turned(&hours)).map(|facts| MarginalCost {
                    alternative: alternative.name.to_owned(),
                    against: Some(against.name.to_owned()),
                    tier: tier.to_owned(),
                    ..facts
                }));
            }
        }
    }
    all
}

/// Mean cost over mean hours, with the error of that ratio: `r + (cost - r hours) / mean hours`, the linearisation of the delta method
/// (Cochran 1977, Sampling Techniques, section 2.11), on paired histories.
fn ratio(money: &[f64], hours: &[f64]) -> Option<MarginalCost> {
    let (cost, avoided) = (plain(money)?, plain(hours)?);
    let sure = avoided.stderr.is_some_and(|stderr| avoided.mean > 1.96 * stderr) && avoided.mean > 0.0;
    let ratio = sure.then(|| cost.mean / avoided.mean);
    let linear = ratio.map(|ratio| money.iter().zip(hours).map(|(cost, hours)| (cost - ratio * hours) / avoided.mean).collect::<Vec<_>>());
    let stderr = linear.and_then(|linear| Estimate::of(&linear)?.stderr);
    Some(MarginalCost {
        case: None,
        alternative: String::new(),
        against: None,
        tier: String::new(),
        cost,
        hours: avoided,
        eur_per_hour: ratio,
        stderr,
    })
}

/// Mean, error and quantiles.
fn plain(values: &[f64]) -> Option<Spread> {
    spread(values, Estimate::of(values), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_rounding_is_no_difference() {
        assert_eq!(less(&[0.1 + 0.2, 661.5, 2.0, 0.0], &[0.3, 661.5 + 1e-13, 1.0, 1e-300]), [0.0, 0.0, 1.0, -1e-300]);
        // 0.3 against 0.1 + 0.2 in every history: nobody leads.
        assert_eq!(standings(Better::Higher, &[vec![0.3; 3], vec![0.1 + 0.2; 3]]), [None, None]);
        assert_eq!(standings(Better::Lower, &[vec![2.0; 3], vec![1.0; 3], vec![3.0; 3]]), [None, Some(Standing::Best), None]);
        assert_eq!(standings(Better::Higher, &[vec![2.0, 1.0], vec![1.0, 2.0], vec![0.0; 2]])[2], None);
        assert_eq!(standings(Better::Neither, &[vec![2.0; 3], vec![1.0; 3]]), [None, None]);
    }

    #[test]
    fn an_hour_costs_the_ratio_of_means_with_the_error_of_their_ratio() {
        // 100 EUR for 2, 4 and 6 hours: 25 EUR/h; residuals 100 - 25 h = 50, 0, -50, over 4 h: 12.5, 0, -12.5; stderr 12.5 / sqrt(3).
        let facts = ratio(&[100.0; 3], &[2.0, 4.0, 6.0]).unwrap();
        assert_eq!(facts.eur_per_hour, Some(25.0));
        assert!((facts.stderr.unwrap() - 12.5 / 3.0_f64.sqrt()).abs() < 1e-12);
        // No hours, or hours within their error: no price.
        assert_eq!(ratio(&[100.0; 3], &[0.0; 3]).unwrap().eur_per_hour, None);
        assert_eq!(ratio(&[100.0; 3], &[-2.0, 4.0, 1.0]).unwrap().eur_per_hour, None);
        assert!(ratio(&[], &[]).is_none());
    }
}
