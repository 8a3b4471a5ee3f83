//! What the planner says of its plans: `planning.json` in a results folder.
//!
//! It holds the documents of `plan --format json`, one for each plan. Every field but the name is optional; fields that this version does not know, or
//! knows in another form, are passed over: a part of the planner that says more adds a field there, and its words here.

use std::collections::BTreeMap;
use std::path::Path;

use bastide_sim::results::ResultsError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::ReportError;

/// Name of the file in a results folder.
pub const FILE: &str = "planning.json";
/// Its schema.
pub const SCHEMA: &str = "bastide/planning/1";
/// Most of it that is read \[B\].
const MOST: u64 = 256 << 20;

/// `planning.json`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Planning {
    /// [`SCHEMA`].
    pub schema: String,
    /// Plans, the reference first.
    pub plans: Vec<Document>,
}

/// What is told of one plan.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Document {
    /// Name of the alternative.
    pub alternative: String,
    /// Yearly cost \[EUR/y\].
    pub objective: Option<f64>,
    /// What one unit more of each limit would save.
    #[serde(deserialize_with = "known")]
    pub prices: Vec<Price>,
    /// Period by period.
    #[serde(deserialize_with = "known")]
    pub roadmap: Option<Roadmap>,
    /// Value of knowing more.
    #[serde(deserialize_with = "known")]
    pub uncertainty: Option<Uncertainty>,
    /// The plan in each outlook.
    #[serde(deserialize_with = "known")]
    pub outlooks: Vec<Outlook>,
    /// What a front weighs.
    #[serde(deserialize_with = "known")]
    pub objectives: Vec<Objective>,
    /// Plans of which none is better in everything.
    #[serde(deserialize_with = "known")]
    pub pareto: Vec<Point>,
    /// Plan, simulate, cut, again.
    #[serde(deserialize_with = "known")]
    pub rounds: Vec<Round>,
    /// Why sites were not chosen.
    #[serde(deserialize_with = "known")]
    pub why_not: Vec<Said>,
    /// Which inputs would change the decision.
    #[serde(deserialize_with = "known")]
    pub ranging: Vec<Said>,
}

/// What one unit more of a limit would save.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Price {
    /// The limit; of a roadmap with its year: `hosting limit of west in 2029`.
    pub constraint: String,
    /// Unit of the limit; empty for counts.
    pub unit: String,
    /// Saving \[EUR/y\].
    pub annual_eur: f64,
}

/// A sentence made by the planner.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Said {
    /// The sentence.
    pub sentence: String,
}

/// A plan over periods.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Roadmap {
    /// Periods in their order.
    pub periods: Vec<Period>,
    /// What is bought.
    pub builds: Vec<DatedBuild>,
    /// Steps of connections.
    pub expansions: Vec<Step>,
}

/// One period; counts are of accelerators.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Period {
    /// Words: `2026 Q2`.
    pub name: String,
    /// Its beginning, RFC 3339.
    pub from: String,
    /// Ordered in it.
    pub ordered: f64,
    /// Delivered in it.
    pub delivered: f64,
    /// Put to work in it.
    pub energised: f64,
    /// Taken away in it.
    pub retired: f64,
    /// Delivered and not at work, at its end.
    pub waiting: Option<f64>,
    /// At work at its end.
    pub standing: Option<f64>,
    /// Connection that can be used \[MW\].
    pub connection_mw: Option<f64>,
    /// Facility power of what is at work \[MW\].
    pub facility_mw: Option<f64>,
    /// IT power of what is at work \[MW\].
    pub it_mw: Option<f64>,
    /// Connection without load \[MW\].
    pub stranded_mw: Option<f64>,
    /// Spent in it \[EUR\].
    pub capital_eur: Option<f64>,
    /// Mean demand \[tokens/s\].
    pub demand_tokens_per_s: Option<f64>,
    /// Of which planned to be served \[tokens/s\].
    pub served_tokens_per_s: Option<f64>,
}

/// Accelerators of one order.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct DatedBuild {
    /// Site.
    pub site: String,
    /// Type.
    pub accelerator: String,
    /// Order book.
    pub order_book: Option<String>,
    /// How many.
    pub count: f64,
    /// Date of the order.
    pub ordered: Option<String>,
    /// Date of the delivery.
    pub delivered: Option<String>,
    /// First day at work.
    pub energised: Option<String>,
    /// Last day.
    pub retired: Option<String>,
}

/// Steps of a connection.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Step {
    /// Site.
    pub site: String,
    /// Name of the expansion.
    pub expansion: String,
    /// How many steps.
    pub steps: f64,
    /// When they are decided.
    pub decided: Option<String>,
    /// When they can be used.
    pub usable: Option<String>,
}

/// Value of knowing more.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Uncertainty {
    /// Cost of the plan that hedges.
    pub rp: Option<f64>,
    /// Mean cost if the outlook were known at the start.
    pub ws: Option<f64>,
    /// Cost of the plan for the mean outlook, if the mean came.
    pub ev: Option<f64>,
    /// Mean cost of that plan over the outlooks.
    pub eev: Option<f64>,
    /// `rp - ws`.
    pub evpi: Option<f64>,
    /// `eev - rp`.
    pub vss: Option<f64>,
    /// `EUR/y` or `EUR`.
    pub unit: Option<String>,
    /// Whether a time limit cut it short.
    pub limited: bool,
}

/// One outlook.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Outlook {
    /// Name.
    pub name: String,
    /// Probability.
    pub probability: f64,
    /// Demand that it leaves unserved, by service.
    pub unserved: Vec<Unserved>,
}

/// Demand left unserved.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Unserved {
    /// Rate \[tokens/s\].
    pub tokens_per_s: f64,
}

/// Something that is weighed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Objective {
    /// Name.
    pub name: String,
    /// Unit.
    pub unit: String,
}

/// A point of a front: values by the names of the objectives, and more.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Point(pub BTreeMap<String, Value>);

impl Point {
    /// Value of an objective; a tier's unserved demand stands in a table of its own.
    #[must_use]
    pub fn value(&self, objective: &str) -> Option<f64> {
        let plain = self.0.get(objective).or_else(|| self.0.get(&objective.replace(['-', ' '], "_")));
        let of_tier = || self.0.get("unserved_by_tier")?.get(objective.rsplit(['-', '_', ' ']).next()?.to_ascii_uppercase());
        plain.or_else(of_tier)?.as_f64().filter(|value| value.is_finite())
    }
    /// A number that is no objective.
    #[must_use]
    pub fn number(&self, key: &str) -> Option<f64> {
        self.0.get(key)?.as_f64()
    }
    /// A word.
    #[must_use]
    pub fn word(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.as_str()
    }
}

/// A round of planning and simulating.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Round {
    /// From 1.
    pub round: u32,
    /// Cost of its plan.
    pub objective_eur: Option<f64>,
    /// Cuts added after it, in words.
    pub added: Vec<String>,
    /// Service by tier.
    pub service: Vec<Service>,
}

/// Service of a tier in a round.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Service {
    /// Tier.
    pub tier: String,
    /// Least share asked for.
    pub target: Option<f64>,
    /// Share in the plan.
    pub planned: Option<f64>,
    /// Share in simulation.
    pub simulated: Option<f64>,
    /// Standard error of it.
    pub stderr: Option<f64>,
    /// Whether it meets the target within its error.
    pub met: Option<bool>,
}

/// A part of a document; nothing where it has another form than this version knows.
fn known<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(source: D) -> Result<T, D::Error> {
    let value = Value::deserialize(source)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

/// Reads what the planner says in a results folder; nothing where the file is absent.
///
/// # Errors
/// [`ReportError::Results`] if it cannot be read.
pub fn read(folder: &Path) -> Result<Option<Planning>, ReportError> {
    let path = folder.join(FILE);
    match std::fs::metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ResultsError::io(&path, error).into()),
        Ok(found) if found.len() > MOST => {
            return Err(ResultsError::corrupt(&path, format!("it is larger than {MOST} bytes")).into());
        }
        Ok(_) => {}
    }
    let bytes = std::fs::read(&path).map_err(|error| ResultsError::io(&path, error))?;
    let planning: Planning = serde_json::from_slice(&bytes).map_err(|error| ResultsError::corrupt(&path, error))?;
    if planning.schema != SCHEMA {
        return Err(ResultsError::corrupt(&path, format!("its schema is `{}`, not `{SCHEMA}`", planning.schema)).into());
    }
    Ok(Some(planning))
}
