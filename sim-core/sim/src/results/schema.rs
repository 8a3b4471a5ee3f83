//! Columns of the tables and fields of the documents of a results folder.

use bastide_model::plan::{Certificate, CostLine, Price};
use serde::{Deserialize, Serialize};

use super::table::{Kind, TableDef};
use crate::record::Better;

mod adequacy;
mod cases;

pub use adequacy::{
    AdequacyCase, AdequacyFacts, AiCase, HostPointFacts, HostSize, HostingFacts, Mean, ShortfallFacts, YieldFacts, ZoneFacts,
};

pub use cases::{BreakEven, CaseEstimate, CaseFacts, ChangeFacts, Crossing, MarginalCost, QuestionFacts, Standing};

/// Version of the results folder as a whole.
pub const RESULTS_FORMAT: u32 = 1;
/// `schema` of `summary.json`.
pub const SUMMARY_SCHEMA: &str = "bastide/study/1";

use Kind::{Flag, Integer, Number, Text};

pub(super) const ENTITIES: TableDef = TableDef {
    name: "entities",
    version: 1,
    columns: &[
        ("kind", Text),
        ("name", Text),
        ("title", Text),
        ("nation", Text),
        ("latitude", Number),
        ("longitude", Number),
        ("from", Text),
        ("to", Text),
        ("tier", Text),
        ("note", Text),
        ("existing", Flag),
        ("capacity", Number),
        ("capacity_unit", Text),
    ],
};
pub(super) const METRICS: TableDef = TableDef {
    name: "metrics",
    version: 1,
    columns: &[
        ("alternative", Text),
        ("entity_kind", Text),
        ("entity", Text),
        ("metric", Text),
        ("unit", Text),
        ("replication", Integer),
        ("value", Number),
    ],
};
pub(super) const ESTIMATES: TableDef = TableDef {
    name: "estimates",
    version: 1,
    columns: &[
        ("alternative", Text),
        ("entity_kind", Text),
        ("entity", Text),
        ("metric", Text),
        ("unit", Text),
        ("mean", Number),
        ("stderr", Number),
        ("n", Integer),
        ("p05", Number),
        ("p50", Number),
        ("p95", Number),
        ("cvar95", Number),
    ],
};
/// Differences `alternative - reference` on the same draws.
pub(super) const PAIRED: TableDef = TableDef {
    name: "paired",
    version: 1,
    columns: &[
        ("alternative", Text),
        ("reference", Text),
        ("entity_kind", Text),
        ("entity", Text),
        ("metric", Text),
        ("unit", Text),
        ("mean", Number),
        ("stderr", Number),
        ("n", Integer),
        ("p05", Number),
        ("p50", Number),
        ("p95", Number),
    ],
};
pub(super) const TIMELINE: TableDef = TableDef {
    name: "timeline",
    version: 1,
    columns: &[
        ("alternative", Text),
        ("entity_kind", Text),
        ("entity", Text),
        ("channel", Text),
        ("unit", Text),
        ("bin", Integer),
        ("time_h", Number),
        ("mean", Number),
        ("stderr", Number),
        ("p05", Number),
        ("p50", Number),
        ("p95", Number),
    ],
};
pub(super) const EVENTS: TableDef = TableDef {
    name: "events",
    version: 1,
    columns: &[
        ("alternative", Text),
        ("replication", Integer),
        ("time_h", Number),
        ("seq", Integer),
        ("cause_seq", Integer),
        ("kind", Text),
        ("entity_kind", Text),
        ("entity", Text),
        ("value", Number),
        ("note", Text),
    ],
};
pub(super) const ASSUMPTIONS: TableDef = TableDef {
    name: "assumptions",
    version: 1,
    columns: &[("key", Text), ("value", Text), ("source", Text), ("verified", Flag), ("place", Text)],
};
/// All tables.
pub(super) const TABLES: [&TableDef; 7] = [&ENTITIES, &METRICS, &ESTIMATES, &PAIRED, &TIMELINE, &EVENTS, &ASSUMPTIONS];

/// Mean of replications with its error, as documents and tables show it; absent fields do not apply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Mean.
    pub mean: f64,
    /// Standard error of the mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr: Option<f64>,
    /// Number of replications.
    pub n: u32,
    /// 5 % quantile.
    pub p05: f64,
    /// Median.
    pub p50: f64,
    /// 95 % quantile.
    pub p95: f64,
    /// Mean of the 5 % greatest values (conditional value at risk).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cvar95: Option<f64>,
}

/// What a value is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject {
    /// `system`, `tier`, `site`, `bus`, ...
    pub entity_kind: String,
    /// Name; empty for the system as a whole.
    pub entity: String,
    /// `served_share`, ...
    pub metric: String,
    /// Unit of the value.
    pub unit: String,
}

/// One line of the headline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Headline {
    /// Metric.
    pub metric: String,
    /// Its entity; absent for the system.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub entity: String,
    /// Alternative.
    pub alternative: String,
    /// Value.
    pub estimate: Spread,
    /// Unit.
    pub unit: String,
    /// Difference to the reference on the same draws; absent for the reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<Spread>,
}

/// `[scenario]` and `[report]` of the scenario.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScenarioFacts {
    /// Short name.
    pub name: String,
    /// Title.
    pub title: String,
    /// Question.
    pub question: String,
    /// Start, RFC 3339.
    pub start: String,
    /// Length of a history.
    pub duration_h: f64,
    /// Year of all prices.
    pub price_year: i64,
    /// Most capital \[EUR\].
    pub budget_eur: f64,
    /// Most IT power \[MW\].
    pub it_power_mw: f64,
    /// Who publishes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub letterhead: Option<String>,
    /// Words under the title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
}

/// Accelerators at a site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BuildFacts {
    /// Site.
    pub site: String,
    /// Type.
    pub accelerator: String,
    /// How many.
    pub count: u32,
    /// Their IT power \[MW\].
    pub it_mw: f64,
}

/// Where a service runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlacementFacts {
    /// Service.
    pub service: String,
    /// Its tier.
    pub tier: String,
    /// Site.
    pub site: String,
    /// Share of its demand.
    pub share: f64,
    /// Accelerators on a mean day.
    pub accelerators: f64,
}

/// Where it goes when a site is lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StandByFacts {
    /// Service.
    pub service: String,
    /// Lost site.
    pub of: String,
    /// Site that takes over.
    pub site: String,
    /// Share of its demand.
    pub share: f64,
}

/// Where a campaign runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CampaignFacts {
    /// Campaign.
    pub campaign: String,
    /// Site.
    pub site: String,
    /// Type.
    pub accelerator: String,
    /// Size of the gang.
    pub accelerators: u32,
}

/// A copy of a dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReplicaFacts {
    /// Dataset.
    pub dataset: String,
    /// Site.
    pub site: String,
}

/// Demand left unserved by choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnservedFacts {
    /// Service.
    pub service: String,
    /// Rate.
    pub tokens_per_s: f64,
}

/// A plan in names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlanFacts {
    /// Accelerators bought.
    pub builds: Vec<BuildFacts>,
    /// Accelerators that stand whatever the plan says.
    pub fleets: Vec<BuildFacts>,
    /// Services.
    pub placements: Vec<PlacementFacts>,
    /// Stand-by.
    pub standbys: Vec<StandByFacts>,
    /// Campaigns.
    pub campaigns: Vec<CampaignFacts>,
    /// Campaigns that do not run.
    pub campaigns_left_out: Vec<String>,
    /// Copies.
    pub replicas: Vec<ReplicaFacts>,
    /// Unserved by choice.
    pub unserved: Vec<UnservedFacts>,
    /// Cost lines; they sum to the objective.
    pub cost: Vec<CostLine>,
    /// What binds.
    pub prices: Vec<Price>,
    /// Proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
}

/// An alternative.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlternativeFacts {
    /// Name.
    pub name: String,
    /// Words for people.
    pub title: String,
    /// Its plan.
    pub plan: PlanFacts,
}

/// Estimates of one alternative in `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EstimateFacts {
    /// Alternative.
    pub alternative: String,
    /// What it is about.
    #[serde(flatten)]
    pub subject: Subject,
    /// Value.
    pub estimate: Spread,
    /// Difference to the reference on the same draws; absent for the reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<Spread>,
}

/// `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// [`SUMMARY_SCHEMA`].
    pub schema: String,
    /// Program and version.
    pub program: String,
    /// See [`fingerprint`](super::fingerprint).
    pub fingerprint: String,
    /// The command that repeats the study.
    pub command: String,
    /// Scenario.
    pub scenario: ScenarioFacts,
    /// Seed.
    pub seed: u64,
    /// Replications of each alternative.
    pub replications: u32,
    /// The alternative that the others are compared with.
    pub reference: String,
    /// What matters most.
    pub headline: Vec<Headline>,
    /// Alternatives and their plans, the reference first.
    pub alternatives: Vec<AlternativeFacts>,
    /// Every estimate.
    pub estimates: Vec<EstimateFacts>,
    /// What the metrics mean.
    pub metrics: Vec<MetricFacts>,
    /// Conservation over all histories of all alternatives.
    pub balance: Vec<LawFacts>,
    /// Adequacy of the grid; absent in folders of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adequacy: Option<AdequacyFacts>,
    /// The case that this folder is of; absent for the scenario itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// Metrics that tables of cases show.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shown: Vec<Subject>,
    /// Questions of the scenario.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<QuestionFacts>,
    /// The scenario under other assumptions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<CaseFacts>,
    /// Where alternatives change places.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub break_even: Vec<BreakEven>,
    /// What an avoided hour costs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marginal_costs: Vec<MarginalCost>,
    /// What the planner should know before trusting it.
    pub warnings: Vec<String>,
}

/// What a metric means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricFacts {
    /// Kind of entity.
    pub entity_kind: String,
    /// Name.
    pub metric: String,
    /// Unit.
    pub unit: String,
    /// Good direction.
    pub better: Better,
    /// What it says.
    pub meaning: String,
}

/// A law of conservation and how well the histories keep it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LawFacts {
    /// Law: `tokens`, `money`, ...
    pub law: String,
    /// Largest relative imbalance over all histories.
    pub residual: f64,
}

/// A file read, and its copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFacts {
    /// Path relative to the scenario.
    pub path: String,
    /// Copy below `inputs/`.
    pub copy: String,
    /// BLAKE3.
    pub blake3: String,
}

/// A table or document written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputFacts {
    /// File.
    pub path: String,
    /// BLAKE3 of its bytes.
    pub blake3: String,
}

/// What depends on the machine and the day; nowhere else in the folder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunFacts {
    /// Threads.
    pub threads: usize,
    /// Start, RFC 3339; empty if unknown.
    #[serde(default)]
    pub started: String,
    /// End, RFC 3339; empty if unknown.
    #[serde(default)]
    pub finished: String,
    /// Wall-clock time \[s\].
    #[serde(default)]
    pub wall_s: f64,
    /// Peak memory \[MiB\].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_memory_mib: Option<f64>,
    /// Source revision of the program, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

/// How a plan was found; in the manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SolverFacts {
    /// Alternative.
    pub alternative: String,
    /// Its plan file.
    pub plan: String,
    /// Proof; absent for a plan written by a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
}

/// `manifest.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`RESULTS_FORMAT`].
    pub results_format: u32,
    /// Version of the scenario format read.
    pub scenario_format: u32,
    /// Version of the plan format written.
    pub plan_format: u32,
    /// Program and version.
    pub program: String,
    /// Scenario's name.
    pub scenario: String,
    /// See [`fingerprint`](super::fingerprint).
    pub fingerprint: String,
    /// Seed.
    pub seed: u64,
    /// Replications of each alternative.
    pub replications: u32,
    /// False while replications are missing.
    pub complete: bool,
    /// Overrides of the command line.
    pub sets: Vec<String>,
    /// The machine and the day.
    pub run: RunFacts,
    /// Alternatives, the reference first.
    #[serde(default)]
    pub alternative: Vec<SolverFacts>,
    /// Files read.
    #[serde(default)]
    pub input: Vec<InputFacts>,
    /// Files written.
    #[serde(default)]
    pub output: Vec<OutputFacts>,
}
