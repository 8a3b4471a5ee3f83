//! A plan: what is built, what runs where. The solver writes one, a person may write one, the simulator runs one.
//!
//! In memory a plan holds indices of one model; as a file it holds names (`plan.toml`, see [`Plan::read`] and
//! [`Plan::write`]).

mod check;
mod file;
mod hedge;
mod hedge_file;
mod roadmap;

pub use check::{capital, check_plan};
pub(crate) use file::quoted;
pub use file::{PlanPlaces, SCHEMA};
pub use hedge::{Hedge, Recourse, Reserve, Worst};
pub use roadmap::{Lot, Period, Roadmap, Step, Works};

use crate::model::{AcceleratorId, CampaignId, DatasetId, InvestmentId, LinkId, ServiceId, SiteId};
use bastide_units::{Money, TokenRate};

/// Accelerators bought for a site. At most one entry for each pair of site and type.
#[derive(Clone, Debug, PartialEq)]
pub struct Build {
    /// Where.
    pub site: SiteId,
    /// Type.
    pub accelerator: AcceleratorId,
    /// How many; whole nodes.
    pub count: u32,
}

/// Part of a service at a site.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    /// Service.
    pub service: ServiceId,
    /// Site.
    pub site: SiteId,
    /// Share of the service's demand that this site serves when nothing is broken.
    pub share: f64,
    /// Accelerators that this takes on a mean day, by type.
    pub accelerators: Vec<(AcceleratorId, f64)>,
}

/// Capacity kept for the loss of another site.
#[derive(Clone, Debug, PartialEq)]
pub struct StandBy {
    /// Service.
    pub service: ServiceId,
    /// The site whose loss it covers.
    pub of: SiteId,
    /// Where it goes.
    pub site: SiteId,
    /// Share of the service's demand.
    pub share: f64,
}

/// A campaign's site. One that runs as islands has an entry for each site and type that holds some of them.
#[derive(Clone, Debug, PartialEq)]
pub struct CampaignPlacement {
    /// Campaign.
    pub campaign: CampaignId,
    /// Site.
    pub site: SiteId,
    /// Type of accelerator.
    pub accelerator: AcceleratorId,
    /// Islands there; 1 for a campaign that runs as one gang.
    pub islands: u32,
}

/// A copy of a dataset.
#[derive(Clone, Debug, PartialEq)]
pub struct Replica {
    /// Dataset.
    pub dataset: DatasetId,
    /// Site.
    pub site: SiteId,
}

/// One line of the plan's cost [EUR per year, annuities for capital]; the lines sum to the objective.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct CostLine {
    /// `accelerators`, `buildings`, `energy`, `unserved demand`, ...
    pub line: String,
    /// Yearly cost.
    pub annual_eur: f64,
    /// Capital behind it, where there is any; the sum is what the budget limits.
    pub capital_eur: f64,
}

/// How the solver ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SolveStatus {
    /// Proven within the tolerance of the solver.
    Optimal,
    /// Proven within the gap that was asked for.
    WithinGap,
    /// Stopped by a limit with a usable plan.
    LimitWithIncumbent,
    /// Written by a person; nothing proven.
    Manual,
}

/// What binds, and what a unit more would bring.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Price {
    /// The constraint in words: `budget`, `connection of riga`.
    pub constraint: String,
    /// Yearly saving per unit of relaxation, at the chosen builds [EUR/y per `unit`]; positive helps.
    pub annual_eur: f64,
    /// Unit of the constraint's limit: `M EUR`, `MW`, `accelerators`.
    pub unit: String,
    /// Limit.
    pub limit: f64,
    /// Scenario line that sets the limit: `scenario.toml:12:1`.
    pub place: String,
}

/// Proof that a plan is good.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Certificate {
    /// How it ended.
    pub status: SolveStatus,
    /// Solver and version.
    pub solver: String,
    /// Yearly cost, with lost tokens at their value [EUR/y].
    pub objective_eur: f64,
    /// No plan is cheaper than this [EUR/y].
    pub bound_eur: f64,
    /// `(objective - bound) / |objective|`.
    pub gap: f64,
    /// Size of the problem.
    pub rows: usize,
    /// Size of the problem.
    pub columns: usize,
    /// Of which integer.
    pub integers: usize,
}

/// A plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// `recommended`, or the alternative's name.
    pub name: String,
    /// Accelerators bought, ordered by site, then type; those at work at the end, where a roadmap says when.
    pub builds: Vec<Build>,
    /// Investments, and how often each is bought; once per investment.
    pub investments: Vec<(InvestmentId, u32)>,
    /// Where services run; at the end, where a roadmap says when.
    pub placements: Vec<Placement>,
    /// Where they go when a site is lost.
    pub standbys: Vec<StandBy>,
    /// Where campaigns run; campaigns that are absent do not run.
    pub campaigns: Vec<CampaignPlacement>,
    /// Copies of datasets; the first of a dataset is its primary.
    pub replicas: Vec<Replica>,
    /// Links that the plan builds, of those that do not stand yet.
    pub links: Vec<LinkId>,
    /// Demand left unserved by choice, by service.
    pub unserved: Vec<(ServiceId, TokenRate)>,
    /// What it says about uncertainty; empty where the scenario has none.
    pub hedge: Hedge,
    /// Cost lines; they sum to the objective.
    pub cost: Vec<CostLine>,
    /// Binding constraints with their prices, largest saving first.
    pub prices: Vec<Price>,
    /// What happens when, of a plan over years.
    pub roadmap: Option<Box<Roadmap>>,
    /// Proof; `None` for a plan written by a person.
    pub certificate: Option<Certificate>,
}

impl Plan {
    /// Capital that the plan spends.
    #[must_use]
    pub fn capital(&self) -> Money {
        Money::from_eur(self.cost.iter().map(|line| line.capital_eur).sum())
    }
}
