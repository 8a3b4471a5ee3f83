//! Alternatives side by side, compared on the same draws.

use bastide_engine::Estimate;
use bastide_sim::Better;
use bastide_sim::results::Study;

use super::{Cell, Facts, Table, is_clear, metric_words};
use crate::ReportError;
use crate::number::Scale;

/// Groups of metrics; `tier` and `T0` stand for every tier and the most critical one.
const GROUPS: &[(&str, &[(&str, &str)])] = &[
    ("Inference", &[("system", "served_share"), ("tier", "served_share")]),
    ("Training", &[("system", "training_progress"), ("system", "training_goodput"), ("system", "accelerator_hours_lost")]),
    ("Money", &[("cost", "cost"), ("system", "cost_per_mtokens")]),
    ("Environment", &[("system", "co2"), ("system", "water"), ("system", "fuel"), ("system", "land")]),
    ("Grid", &[("system", "others_unserved"), ("system", "others_shed_hours"), ("system", "ai_unserved")]),
    ("Sovereignty", &[("system", "effective_sovereignty"), ("system", "hhi_site"), ("system", "residency_violations")]),
];
/// Metrics of the tiers, for a table of their own.
const TIERS: &[(&str, &[(&str, &str)])] = &[
    ("", &[("tier", "served_share")]),
    ("", &[("tier", "hours_below_90")]),
    ("", &[("tier", "hours_below_50")]),
    ("", &[("tier", "time_to_recover")]),
    ("", &[("tier", "latency_p95")]),
    ("", &[("tier", "tokens_lost")]),
];
/// Relative size below which a difference is rounding.
const ROUNDING: f64 = 1e-9;

/// One metric for all alternatives.
#[derive(Clone, Debug)]
pub struct Line {
    /// Heading that it stands under.
    pub group: &'static str,
    /// Kind of entity.
    pub kind: &'static str,
    /// Entity.
    pub entity: String,
    /// Metric.
    pub metric: &'static str,
    /// Unit.
    pub unit: String,
    /// Good direction.
    pub better: Better,
    /// `[alternative][replication]`.
    pub values: Vec<Vec<f64>>,
}

/// The metrics that are compared.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// In order of display.
    pub lines: Vec<Line>,
}

impl Line {
    /// Mean and error of one alternative.
    #[must_use]
    pub fn estimate(&self, alternative: usize) -> Option<Estimate> {
        Estimate::of(&self.values[alternative])
    }

    /// Difference `a - b` on the same draws; nought where it is rounding.
    #[must_use]
    pub fn difference(&self, a: usize, b: usize) -> Option<Estimate> {
        let (left, right) = (&self.values[a], &self.values[b]);
        let size = left.iter().chain(right).fold(0.0_f64, |size, value| size.max(value.abs()));
        let same = left.iter().zip(right).all(|(a, b)| (a - b).abs() <= ROUNDING * size);
        if same { Estimate::paired(left, left) } else { Estimate::paired(left, right) }
    }

    /// Alternatives from best to worst mean; in their own order where no direction is good.
    #[must_use]
    pub fn ranking(&self) -> Vec<usize> {
        let mean = |index: usize| self.estimate(index).map_or(f64::NAN, |x| x.mean);
        let mut order: Vec<usize> = (0..self.values.len()).collect();
        match self.better {
            Better::Higher => order.sort_by(|a, b| mean(*b).total_cmp(&mean(*a))),
            Better::Lower => order.sort_by(|a, b| mean(*a).total_cmp(&mean(*b))),
            Better::Neither => {}
        }
        order
    }

    /// `best` if clearly better than every other, `tied` for those not clearly worse than the best, nothing otherwise.
    #[must_use]
    pub fn marks(&self) -> Vec<&'static str> {
        let mut marks = vec![""; self.values.len()];
        let order = self.ranking();
        if self.better == Better::Neither || order.len() < 2 {
            return marks;
        }
        let leading: Vec<usize> =
            order.iter().copied().filter(|x| *x == order[0] || self.difference(*x, order[0]).is_some_and(|d| !is_clear(&d))).collect();
        let word = if leading.len() == 1 { "best" } else { "tied" };
        // Where all are alike nobody leads.
        if leading.len() < order.len() {
            leading.into_iter().for_each(|index| marks[index] = word);
        }
        marks
    }

    /// The scale for all alternatives.
    #[must_use]
    pub fn scale(&self) -> Scale {
        let largest = (0..self.values.len()).filter_map(|index| self.estimate(index)).map(|x| x.mean.abs()).fold(0.0, f64::max);
        Scale::of(&self.unit, largest)
    }

    /// Words with the tier, without unit.
    #[must_use]
    pub fn words(&self) -> String {
        match self.kind {
            "tier" => format!("{}, {}", metric_words(self.kind, self.metric), self.entity),
            "cost" => "Total cost".to_string(),
            _ => metric_words(self.kind, self.metric),
        }
    }
}

impl Comparison {
    /// Reads the values of the compared metrics.
    ///
    /// # Errors
    /// [`ReportError::Results`] if the table of metrics cannot be read.
    pub fn of(study: &Study) -> Result<Self, ReportError> {
        Self::read(study, GROUPS)
    }

    /// The metrics of the tiers.
    ///
    /// # Errors
    /// [`ReportError::Results`] if the table of metrics cannot be read.
    pub(super) fn tiers(study: &Study) -> Result<Self, ReportError> {
        Self::read(study, TIERS)
    }

    fn read(study: &Study, groups: &[(&'static str, &'static [(&'static str, &'static str)])]) -> Result<Self, ReportError> {
        let mut lines = Vec::new();
        for (group, metrics) in groups {
            for (kind, metric) in *metrics {
                let reference = &study.summary.reference;
                let known = study.summary.metrics.iter().find(|x| x.entity_kind == *kind && x.metric == *metric);
                for fact in &study.summary.estimates {
                    let subject = &fact.subject;
                    let wanted = fact.alternative == *reference && subject.entity_kind == *kind && subject.metric == *metric;
                    if wanted && (*kind != "cost" || subject.entity == "total") {
                        let better = known.map_or(Better::Neither, |x| x.better);
                        // An index is not shown in percent.
                        let unit = if metric.starts_with("hhi") { String::new() } else { subject.unit.clone() };
                        let entity = subject.entity.clone();
                        lines.push(Line { group, kind, entity, metric, unit, better, values: Vec::new() });
                    }
                }
            }
        }
        let wanted: Vec<(&str, &str, &str)> = lines.iter().map(|line| (line.kind, line.entity.as_str(), line.metric)).collect();
        let values = study.values(&wanted)?;
        for (line, values) in lines.iter_mut().zip(values) {
            line.values = values;
        }
        Ok(Self { lines })
    }

    /// The line of a metric.
    #[must_use]
    pub fn line(&self, kind: &str, entity: &str, metric: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.kind == kind && line.entity == entity && line.metric == metric)
    }

    pub(super) fn table(&self, facts: &Facts<'_>, caption: &str) -> Table {
        let caption = format!("{caption}: mean ± standard error, and the difference to the first on the same draws");
        let mut table = facts.table(caption, "Metric");
        let mut group = "";
        for line in &self.lines {
            // What is nought everywhere tells nothing, except that the law was kept.
            let empty = line.values.iter().flatten().all(|value| *value == 0.0);
            if empty && line.metric != "residency_violations" && line.metric != "others_unserved" {
                continue;
            }
            if line.group != group {
                group = line.group;
                table.group(group);
            }
            let (scale, marks) = (line.scale(), line.marks());
            let mut head = Cell::from(line.words());
            head.sub = if line.metric.starts_with("hhi") { "0 to 1".to_string() } else { scale.unit.clone() };
            let mut cells = vec![head];
            for (index, mark) in marks.into_iter().enumerate() {
                let Some(estimate) = line.estimate(index) else { continue };
                let mut cell = Cell::from(scale.value(estimate.mean, estimate.stderr));
                cell.mark = mark;
                if let Some(difference) = line.difference(index, 0).filter(|_| index > 0) {
                    cell.sub = if difference.min == 0.0 && difference.max == 0.0 {
                        "the same".to_string()
                    } else {
                        format!("{} {}", scale.signed(difference.mean, difference.stderr), scale.difference_unit())
                    };
                }
                cells.push(cell);
            }
            table.push(cells);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(better: Better, values: &[&[f64]]) -> Line {
        let values = values.iter().map(|x| x.to_vec()).collect();
        Line { group: "", kind: "system", entity: "all".into(), metric: "served_share", unit: "1".into(), better, values }
    }

    #[test]
    fn only_a_clear_lead_is_marked_as_best() {
        // Differences 0.1, 0.1, 0.1, 0.2: mean 0.125, stderr 0.025, five errors away.
        let clear = line(Better::Higher, &[&[0.9, 0.8, 0.9, 0.9], &[0.8, 0.7, 0.8, 0.7]]);
        assert_eq!(clear.marks(), ["best", ""]);
        // Differences +0.1, -0.1, +0.1, -0.08: far below its error.
        let even = line(Better::Higher, &[&[0.9, 0.7, 0.9, 0.7], &[0.8, 0.8, 0.8, 0.78]]);
        assert_eq!(even.marks(), ["", ""]);
        let two = line(Better::Lower, &[&[5.0, 6.0, 5.0, 6.0], &[6.0, 5.0, 5.0, 6.0], &[9.0, 9.0, 9.0, 9.5]]);
        assert_eq!(two.marks(), ["tied", "tied", ""]);
        assert_eq!(line(Better::Neither, &[&[1.0], &[2.0]]).marks(), ["", ""]);
        // One history has no error, so nothing is clear.
        assert_eq!(line(Better::Higher, &[&[1.0], &[2.0]]).marks(), ["", ""]);
    }
}
