//! The dated part of a plan over years: what is ordered, built and served when.

pub(crate) mod file;

use bastide_units::{Money, Power, Time, TokenRate};

use crate::model::{AcceleratorId, CampaignId, ServiceId, SiteId};

/// Accelerators that are ordered, delivered, energised and retired together.
#[derive(Clone, Debug, PartialEq)]
pub struct Lot {
    /// Where.
    pub site: SiteId,
    /// Type.
    pub accelerator: AcceleratorId,
    /// How many; whole nodes.
    pub count: u32,
    /// Order book, by its position; `None` where the type has none.
    pub book: Option<usize>,
    /// When the order is placed.
    pub ordered: Time,
    /// When they are delivered, and paid.
    pub delivered: Time,
    /// When they begin to work; `Time::NEVER` if they wait until the end.
    pub energised: Time,
    /// When they leave; `Time::NEVER` if they stay beyond the end.
    pub retired: Time,
}

impl Lot {
    /// Whether they work at a time.
    #[must_use]
    pub fn runs(&self, time: Time) -> bool {
        self.energised <= time && time < self.retired
    }
    /// Whether they are there and not yet energised at a time.
    #[must_use]
    pub fn waits(&self, time: Time) -> bool {
        self.delivered <= time && time < self.energised
    }
}

/// What is built at a site at one moment: it is opened, halls and a part of its own connection are added.
#[derive(Clone, Debug, PartialEq)]
pub struct Works {
    /// Where.
    pub site: SiteId,
    /// When it is decided, and paid.
    pub decided: Time,
    /// When it can be used.
    pub ready: Time,
    /// Whether the site opens with it.
    pub opens: bool,
    /// IT power of the new halls.
    pub it_power: Power,
    /// Connection that is added within that of the site.
    pub connection: Power,
}

/// Steps of an expansion that are built together.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Expansion, by its position.
    pub expansion: usize,
    /// How many.
    pub count: u32,
    /// When it is decided, and paid.
    pub decided: Time,
    /// When it can be used.
    pub ready: Time,
}

/// What is served in a period.
#[derive(Clone, Debug, PartialEq)]
pub struct Period {
    /// Beginning.
    pub from: Time,
    /// Share of a service's demand that a site serves.
    pub served: Vec<(ServiceId, SiteId, f64)>,
    /// Demand left unserved by choice.
    pub unserved: Vec<(ServiceId, TokenRate)>,
    /// Accelerators of a type at a site that services keep busy on a mean day.
    pub busy: Vec<(SiteId, AcceleratorId, f64)>,
}

/// The dated part of a plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Roadmap {
    /// Accelerators, in order of site, type and time.
    pub lots: Vec<Lot>,
    /// Sites, halls and connections, in order of site and time.
    pub works: Vec<Works>,
    /// Expansions, in order of time.
    pub steps: Vec<Step>,
    /// What is served when, in order of time.
    pub periods: Vec<Period>,
    /// When campaigns begin.
    pub starts: Vec<(CampaignId, Time)>,
    /// What it would cost more to plan for the mean of all outlooks, and to live with that plan; `None` without outlooks.
    pub value_of_stochastic_solution: Option<Money>,
    /// What it would save if the outlook were known on the first day; `None` without outlooks.
    pub value_of_perfect_information: Option<Money>,
}

impl Roadmap {
    /// What is served at a time.
    #[must_use]
    pub fn period(&self, time: Time) -> Option<&Period> {
        self.periods.iter().rev().find(|period| period.from <= time)
    }
}
