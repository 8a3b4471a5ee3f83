//! What a plan is for: one objective, or several in their order.

use bastide_units::CarbonPrice;

use super::Tier;
use crate::source::Span;

/// What a plan can keep low.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Objective {
    /// Yearly cost [EUR/y].
    Cost,
    /// Demand that is not served, of all tiers [tokens/s].
    Unserved,
    /// Demand that is not served, of one tier [tokens/s].
    UnservedOf(Tier),
    /// Emissions of the energy [tCO2/y].
    Carbon,
    /// Demand that is served under a foreign operator [tokens/s].
    Sovereignty,
}

impl Objective {
    /// Every objective, in the order of their names in scenarios.
    pub const ALL: [Self; 8] = [
        Self::Cost,
        Self::Unserved,
        Self::UnservedOf(Tier::T0),
        Self::UnservedOf(Tier::T1),
        Self::UnservedOf(Tier::T2),
        Self::UnservedOf(Tier::T3),
        Self::Carbon,
        Self::Sovereignty,
    ];
    /// Names in scenarios and on the command line, as [`Self::ALL`].
    pub const NAMES: &[&str] = &["cost", "unserved", "unserved.T0", "unserved.T1", "unserved.T2", "unserved.T3", "carbon", "sovereignty"];

    /// The objective of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().position(|known| *known == name).map(|at| Self::ALL[at])
    }
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().position(|it| *it == self).map_or("cost", |at| Self::NAMES[at])
    }
    /// Unit of its value.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Cost => "EUR/y",
            Self::Unserved | Self::UnservedOf(_) | Self::Sovereignty => "tokens/s",
            Self::Carbon => "tCO2/y",
        }
    }
}

/// One of several objectives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked {
    /// What is kept low.
    pub objective: Objective,
    /// What later objectives may give away of it, relative to its best value.
    pub tolerance: f64,
}

/// What the plan is for, and where `[plan]` says what.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    /// Objectives, the most important first; not empty.
    pub objectives: Vec<Ranked>,
    /// Price of the plan's emissions, part of the cost.
    pub carbon_price: Option<CarbonPrice>,
    /// Where the keys stand that a conflict can name.
    pub places: PlanningPlaces,
}

impl Ranking {
    /// Cost alone, in a `[plan]` at a place.
    #[must_use]
    pub fn cost(span: &Span) -> Self {
        let places = PlanningPlaces {
            min_service: span.clone(),
            min_sites: span.clone(),
            max_sites: span.clone(),
            survive_site_loss: span.clone(),
            accelerators: span.clone(),
        };
        Self { objectives: vec![Ranked { objective: Objective::Cost, tolerance: 0.0 }], carbon_price: None, places }
    }
}

/// Places of keys of `[plan]`; the table's own where a key does not stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanningPlaces {
    /// `min_service`.
    pub min_service: Span,
    /// `min_sites`.
    pub min_sites: Span,
    /// `max_sites`.
    pub max_sites: Span,
    /// `survive_site_loss`.
    pub survive_site_loss: Span,
    /// `accelerators`.
    pub accelerators: Span,
}
