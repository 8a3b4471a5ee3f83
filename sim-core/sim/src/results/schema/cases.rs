//! What `summary.json` says of cases.

use serde::{Deserialize, Serialize};

use super::{Spread, Subject};

/// A case: the scenario under another assumption, on the same plans and draws; the first is the scenario itself, `base`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseFacts {
    /// Name.
    pub name: String,
    /// Words for people.
    pub title: String,
    /// Cases that belong together.
    pub group: String,
    /// What orders them, with its unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub axis: Option<String>,
    /// Place on the axis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// What the measure costs \[EUR\].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_eur: Option<f64>,
    /// What it changes; nothing for the scenario itself.
    pub changes: Vec<ChangeFacts>,
    /// Source in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Whether the source was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
    /// Its results folder within that of the study; absent for the scenario itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Replications of each alternative.
    pub replications: u32,
    /// Its estimates.
    pub estimates: Vec<CaseEstimate>,
}

/// A value that a case changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeFacts {
    /// Path.
    pub key: String,
    /// Value as written.
    pub value: String,
}

/// A metric of an alternative in a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseEstimate {
    /// Alternative.
    pub alternative: String,
    /// What it is about.
    #[serde(flatten)]
    pub subject: Subject,
    /// Value.
    pub estimate: Spread,
    /// Difference to the reference alternative in the same case, on the same draws; absent for the reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<Spread>,
    /// Change from the scenario itself, on the same draws; absent for the scenario itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Spread>,
    /// Its place among the alternatives of the case; absent where another is clearly better, where all are alike, or where no direction is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
}

/// Place among alternatives on the same draws; what is within two standard errors of the difference is not told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Clearly better than every other.
    Best,
    /// Not told apart from the best.
    Tied,
}

/// Where two alternatives change places along an axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BreakEven {
    /// Group of cases.
    pub group: String,
    /// What is varied, with its unit.
    pub axis: String,
    /// Alternative.
    pub alternative: String,
    /// The one that it is compared with.
    pub against: String,
    /// Metric.
    #[serde(flatten)]
    pub subject: Subject,
    /// Places on the axis, rising.
    pub values: Vec<f64>,
    /// `alternative - against` at each, on the same draws.
    pub differences: Vec<Spread>,
    /// Where the difference is nought, by linear interpolation; empty if it never is.
    pub crossings: Vec<Crossing>,
}

/// A place on an axis, with its 95 % confidence interval: where the interpolated difference is within 1.96 standard errors of nought
/// (Fieller 1954). An absent end lies beyond the cases.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Crossing {
    /// Place.
    pub value: f64,
    /// Lower end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Upper end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
}

/// What an hour with less than 90 % of demand served, and avoided, costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MarginalCost {
    /// The case that avoids it; absent where two alternatives are compared in the scenario itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// Alternative.
    pub alternative: String,
    /// The alternative that it is compared with; absent where a case is compared with the scenario itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
    /// Tier.
    pub tier: String,
    /// Additional cost \[EUR\]: that of the case, and the change of capital, upkeep and energy.
    pub cost: Spread,
    /// Avoided hours below 90 % \[h\].
    pub hours: Spread,
    /// Cost over hours \[EUR/h\]; absent where the avoided hours are within 1.96 standard errors of nought, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eur_per_hour: Option<f64>,
    /// Its standard error \[EUR/h\] by the delta method (Cochran 1977, section 2.11).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr: Option<f64>,
}

/// A question of the scenario, and the metrics that answer it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuestionFacts {
    /// The question in words.
    pub title: String,
    /// Its metrics, in the order in which it names them.
    pub metrics: Vec<Subject>,
    /// Group of cases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}
