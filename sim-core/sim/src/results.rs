//! The results folder: what a study leaves behind, and the only thing that a report reads.
//!
//! ```text
//! manifest.toml           versions, fingerprint, seed, hashes, certificates; wall-clock facts nowhere else
//! inputs/                 copies of the files read
//! plan.toml, plans/       the reference plan, and all
//! entities.parquet        the scenario's things in names
//! assumptions.parquet     where its numbers come from
//! metrics.parquet         every metric of every history
//! estimates.parquet       mean, standard error, quantiles, CVaR
//! paired.parquet          differences to the reference on the same draws
//! timeline.parquet        mean, error and quantiles by bin
//! events.parquet          what happened, with causes
//! summary.json            headline, estimates, plans, meanings
//! partial/                finished replications, only while the study runs
//! cases/NAME/             the same of each case, inputs apart
//! ```
//!
//! Architecture invariant: the bytes of the tables and of the summary are a function of the fingerprint.

mod cases;
mod chunk;
mod entities;
mod error;
mod files;
mod fingerprint;
mod read;
mod schema;
mod table;
#[cfg(test)]
mod tests;
mod write;

pub use error::ResultsError;
pub use files::peak_memory;
pub use fingerprint::fingerprint;
pub use read::{AssumptionFacts, Channel, EntityFacts, EventFacts, Study};
pub use schema::{
    AdequacyCase, AdequacyFacts, AiCase, AlternativeFacts, BreakEven, BuildFacts, CampaignFacts, CaseEstimate, CaseFacts, ChangeFacts,
    Crossing, EstimateFacts, Headline, HostPointFacts, HostSize, HostingFacts, InputFacts, LawFacts, Manifest, MarginalCost, Mean,
    MetricFacts, OutputFacts, PlacementFacts, PlanFacts, QuestionFacts, RESULTS_FORMAT, ReplicaFacts, RunFacts, SUMMARY_SCHEMA,
    ScenarioFacts, ShortfallFacts, SolverFacts, Spread, StandByFacts, Standing, Subject, Summary, UnservedFacts, YieldFacts, ZoneFacts,
};
pub use write::{AlternativeMeta, StudyMeta, StudyWriter};
