//! What is not known when a plan is made: possible futures, outages to survive, and how the plan weighs them.

use bastide_units::TokenPrice;

use super::{Branch, BusId, Entity, LineId, LinkId, SiteId};
use crate::source::Span;

/// Everything that a plan is made against beyond the scenario's own demand. Empty by default: the scenario comes true.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Uncertainty {
    /// Possible futures; their probabilities sum to one. The first is the nominal one, in which limits of `[plan]` hold.
    pub outlooks: Vec<Outlook>,
    /// Outages in which the least service must still be given.
    pub outages: Vec<Outage>,
    /// Classes of assets of which the loss of any single one must be survived.
    pub survive: Vec<AssetClass>,
    /// Weight on the worst outlooks.
    pub cvar: Option<Cvar>,
    /// Plan against the worst loss of at most so many sites, instead of the expectation.
    pub strike: Option<u32>,
    /// Plan against the worst rise of demand within a budget, instead of the expectation.
    pub demand_budget: Option<DemandBudget>,
    /// Where `[plan]` says one of the last two.
    pub worst_span: Option<Span>,
}

impl Uncertainty {
    /// Whether the plan is made against the worst case instead of the expectation.
    #[must_use]
    pub const fn is_robust(&self) -> bool {
        self.strike.is_some() || self.demand_budget.is_some()
    }
}

/// `[[outlook]]`: a possible future.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlook {
    /// Name.
    pub entity: Entity,
    /// Probability.
    pub probability: f64,
    /// Share of each site's accelerators that can be used, by site of the model.
    pub availability: Vec<f64>,
    /// Factor on the demand of each service of the model.
    pub demand: Vec<f64>,
    /// Factor on the energy price at each bus of the model.
    pub energy_price: Vec<f64>,
    /// What it says of the years to come.
    pub branch: Branch,
}

impl Outlook {
    /// Whether everything is as the scenario says.
    #[must_use]
    pub fn is_neutral(&self) -> bool {
        self.availability.iter().chain(&self.demand).chain(&self.energy_price).all(|factor| *factor == 1.0)
    }
}

/// `[[outage]]`: what is lost at once, and what must be served all the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Outage {
    /// Name.
    pub entity: Entity,
    /// What is lost.
    pub down: Vec<Asset>,
    /// Factor on the demand of each tier.
    pub demand: [f64; 4],
    /// Least share of each tier's demand that must be served; `None` for that of `[plan]`.
    pub min_service: [Option<f64>; 4],
}

/// Something that can be lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asset {
    /// A site, with all its accelerators.
    Site(SiteId),
    /// A data link.
    Link(LinkId),
    /// A line of the grid.
    Line(LineId),
    /// A substation: everything that is connected at the bus.
    Bus(BusId),
    /// All accelerators of a vendor.
    Vendor(String),
}

/// A class of assets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AssetClass {
    /// Sites.
    Site,
    /// Data links.
    Link,
    /// Lines of the grid.
    Line,
    /// Buses.
    Bus,
    /// Vendors of accelerators.
    Vendor,
}

impl AssetClass {
    /// All of them, in the order of the words of `survive`.
    pub const ALL: [Self; 5] = [Self::Site, Self::Link, Self::Line, Self::Bus, Self::Vendor];
}

/// Conditional value at risk of the cost of unserved demand: its mean over the worst `1 - level` of probability (Rockafellar and Uryasev 2000).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cvar {
    /// Confidence level, above 0 and below 1.
    pub level: f64,
    /// Weight in the objective, beside the expected cost.
    pub weight: f64,
}

/// Demand of at most so many services is above its mean at once (Bertsimas and Sim 2004).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DemandBudget {
    /// Most services whose demand rises.
    pub services: u32,
    /// By which share it rises.
    pub rise: f64,
}

/// `service.critical`: what must keep running outside any single site.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Critical {
    /// Share of the mean demand; zero for none.
    pub share: f64,
    /// Price of a token that is not covered; `None` where all must be.
    pub penalty: Option<TokenPrice>,
}
