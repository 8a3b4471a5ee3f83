//! The scenario under other assumptions, and the questions that a study answers.

use bastide_units::Money;

use super::Entity;
use crate::source::Span;

/// `[[case]]`: the scenario with some values changed, under the same plans and the same draws.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Name.
    pub entity: Entity,
    /// Cases that belong together.
    pub group: String,
    /// Where it stands among ordered cases.
    pub axis: Option<Axis>,
    /// What the measure costs over the scenario; `None` where the scenario does not say.
    pub cost: Option<Money>,
    /// What changes: (path, value as written). Empty: the scenario itself, which gives it its place on the axis.
    pub settings: Vec<(String, String)>,
    /// Source in words.
    pub source: Option<String>,
    /// Whether the source was seen.
    pub verified: Option<bool>,
}

/// A place on an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// What is varied, with its unit.
    pub title: String,
    /// How much of it.
    pub value: f64,
}

/// `[[question]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The question in words.
    pub title: String,
    /// Metrics that answer it.
    pub metrics: Vec<MetricPattern>,
    /// Group of cases in which they are shown.
    pub group: Option<String>,
}

/// One or several metrics: `tier.T0.served_share`, `tier.*.served_share`; `served_share` alone is the system's.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricPattern {
    /// Kind of entity.
    pub kind: String,
    /// Entity, or `*`.
    pub entity: String,
    /// Metric.
    pub metric: String,
    /// Where the scenario says it.
    pub span: Span,
}

impl MetricPattern {
    /// Reads `kind.entity.metric`, where the entity may hold points, or the name of a metric of the system.
    #[must_use]
    pub fn read(text: &str, span: Span) -> Self {
        let parts = text.split_once('.').and_then(|(kind, rest)| Some((kind, rest.rsplit_once('.')?)));
        let (kind, (entity, metric)) = parts.unwrap_or(("system", ("all", text)));
        Self { kind: kind.to_owned(), entity: entity.to_owned(), metric: metric.to_owned(), span }
    }

    /// Whether a metric is meant.
    #[must_use]
    pub fn matches(&self, kind: &str, entity: &str, metric: &str) -> bool {
        self.kind == kind && self.metric == metric && (self.entity == "*" || self.entity == entity)
    }
}
