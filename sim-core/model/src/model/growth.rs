//! Growth over years: the horizon of a roadmap, what may be ordered, delivered and connected when.

use bastide_units::{Duration, Money, Power, Time};

use super::{AcceleratorId, Entity, Model, NationId, SiteId};
use crate::source::Span;

/// What a plan over years reads beside the rest of the scenario. Empty in a scenario without any.
#[derive(Clone, Debug, Default)]
pub struct Growth {
    /// `[plan]`: how far and how finely a roadmap looks ahead; `None` for a plan of one moment.
    pub horizon: Option<Horizon>,
    /// `[[order_book]]`.
    pub order_books: Vec<OrderBook>,
    /// `[[export_cap]]`.
    pub export_caps: Vec<ExportCap>,
    /// `[[expansion]]`.
    pub expansions: Vec<Expansion>,
    /// `[[milestone]]`, in order of time.
    pub milestones: Vec<Milestone>,
}

/// What an outlook says of the years to come.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// Outlook that it follows, by its position; `None` for the scenario itself.
    pub parent: Option<usize>,
    /// From when on everybody knows; `None` for the second period.
    pub from: Option<Time>,
    /// Factor on the price of accelerators that are ordered.
    pub accelerator_price: f64,
    /// Share of what is due that arrives; the rest never comes and is not paid.
    pub deliveries: f64,
    /// What is due arrives later by this.
    pub delay: Duration,
    /// Factor on hosting limits.
    pub hosting: f64,
}

impl Default for Branch {
    fn default() -> Self {
        Self { parent: None, from: None, accelerator_price: 1.0, deliveries: 1.0, delay: Duration::ZERO, hosting: 1.0 }
    }
}

/// How far and how finely a roadmap looks ahead.
#[derive(Clone, Debug, PartialEq)]
pub struct Horizon {
    /// How far -- constant.
    pub length: Duration,
    /// Length of a period, by whose beginnings everything happens -- constant.
    pub period: Duration,
    /// Most capital paid in each year from the start; the last holds on. Empty for no such limit.
    pub budget_by_year: Vec<Money>,
    /// Where `budget_by_year` stands.
    pub budget_span: Span,
    /// Yearly cost of an accelerator that is delivered and not energised, as a share of its price \[1/y\].
    pub waiting_cost: f64,
}

impl Horizon {
    /// Number of periods.
    #[must_use]
    pub fn periods(&self) -> usize {
        (self.length / self.period - 1e-9).ceil().max(1.0) as usize
    }
    /// Beginning of a period; the end of the horizon for the one after the last.
    #[must_use]
    pub fn begin(&self, period: usize) -> Time {
        Time::ZERO + self.period * period as f64
    }
    /// Year from the start in which a period begins, from 0.
    #[must_use]
    pub fn year(&self, period: usize) -> usize {
        (self.period.as_y() * period as f64 + 1e-9) as usize
    }
    /// First period that begins at or after a time.
    #[must_use]
    pub fn period_from(&self, time: Time) -> usize {
        (time.since(Time::ZERO) / self.period - 1e-9).ceil().max(0.0) as usize
    }
    /// Period in which a moment lies, within a second.
    #[must_use]
    pub fn period_at(&self, time: Time) -> usize {
        ((time.since(Time::ZERO).as_s() + 1.0) / self.period.as_s()).max(0.0) as usize
    }
    /// Whole periods in which a time has passed.
    #[must_use]
    pub fn lag(&self, time: Duration) -> usize {
        (time / self.period - 1e-9).ceil().max(0.0) as usize
    }
    /// Years of a period.
    #[must_use]
    pub fn years(&self) -> f64 {
        self.period.as_y()
    }
}

/// Accelerators of one type that may be ordered.
#[derive(Clone, Debug)]
pub struct OrderBook {
    /// Name.
    pub entity: Entity,
    /// Type.
    pub accelerator: AcceleratorId,
    /// First order.
    pub from: Time,
    /// End of orders, not included.
    pub until: Time,
    /// Most ordered in all.
    pub cap: Option<u32>,
    /// Most ordered in each year from the start; the last holds on. Empty for no such limit.
    pub cap_by_year: Vec<f64>,
    /// Most ordered in each period.
    pub cap_per_period: Option<u32>,
    /// From order to delivery.
    pub lead_time: Duration,
    /// Price of one at the start, with its share of host, network and storage.
    pub price: Money,
    /// How the price changes.
    pub price_path: Path,
    /// Years in service from energised on.
    pub life: Duration,
    /// Sites that may get them; `None` for all candidates.
    pub sites: Option<Vec<SiteId>>,
}

impl OrderBook {
    /// Price at the time of order.
    #[must_use]
    pub fn price_at(&self, time: Time) -> Money {
        self.price * self.price_path.at(time)
    }
}

/// A factor over the years.
#[derive(Clone, Debug, PartialEq)]
pub enum Path {
    /// `(1 + rate) ^ years`.
    Rate(f64),
    /// Factors at the beginning of each year, straight lines between, constant after the last.
    ByYear(Vec<f64>),
}

impl Path {
    /// Factor at a time.
    #[must_use]
    pub fn at(&self, time: Time) -> f64 {
        let years = time.since(Time::ZERO).as_y();
        match self {
            Self::Rate(rate) => (1.0 + rate).powf(years),
            Self::ByYear(factors) => {
                let before = years.floor() as usize;
                match (factors.get(before), factors.get(before + 1)) {
                    (Some(here), Some(next)) => here + (next - here) * (years - before as f64),
                    _ => factors.last().copied().unwrap_or(1.0),
                }
            }
        }
    }
    /// Whether it is one at all times.
    #[must_use]
    pub fn is_flat(&self) -> bool {
        match self {
            Self::Rate(rate) => *rate == 0.0,
            Self::ByYear(factors) => factors.iter().all(|factor| *factor == 1.0),
        }
    }
}

/// Most accelerators that are delivered to the sites of some nations between two moments, counted together.
#[derive(Clone, Debug)]
pub struct ExportCap {
    /// Name.
    pub entity: Entity,
    /// Nations.
    pub nations: Vec<NationId>,
    /// Types; `None` for all.
    pub accelerators: Option<Vec<AcceleratorId>>,
    /// Most.
    pub cap: u32,
    /// First delivery that counts.
    pub from: Time,
    /// End, not included.
    pub until: Time,
}

impl ExportCap {
    /// Whether a type at a site counts.
    #[must_use]
    pub fn counts(&self, model: &Model, site: SiteId, accelerator: AcceleratorId) -> bool {
        self.nations.contains(&model.sites[site].nation) && self.accelerators.as_ref().is_none_or(|types| types.contains(&accelerator))
    }
}

/// A step by which a site can grow: connection, room, or both.
#[derive(Clone, Debug)]
pub struct Expansion {
    /// Name.
    pub entity: Entity,
    /// Site.
    pub site: SiteId,
    /// Connection that a step adds.
    pub connection: Power,
    /// Room for IT power that a step adds.
    pub it_power: Power,
    /// Cost of a step.
    pub cost: Money,
    /// From the decision to use.
    pub lead_time: Duration,
    /// First moment at which one can be used.
    pub earliest: Time,
    /// Most steps.
    pub most: u32,
}

/// Least service from a date on.
#[derive(Clone, Debug)]
pub struct Milestone {
    /// Name.
    pub entity: Entity,
    /// From.
    pub from: Time,
    /// Least share of each tier's demand that must be served from then on; `None` leaves it as it was.
    pub min_service: [Option<f64>; 4],
}

/// What an alternative allows of the supply; `None` for everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Supply {
    /// Order books, by position.
    pub order_books: Option<Vec<usize>>,
    /// Types.
    pub accelerators: Option<Vec<AcceleratorId>>,
    /// Export caps that hold, by position.
    pub export_caps: Option<Vec<usize>>,
    /// Expansions, by position.
    pub expansions: Option<Vec<usize>>,
    /// First order.
    pub order_from: Option<Time>,
    /// End of orders, not included.
    pub order_until: Option<Time>,
}

/// Value of a list by year; the last holds on.
#[must_use]
pub fn of_year<T: Copy>(values: &[T], year: usize) -> Option<T> {
    values.get(year).or(values.last()).copied()
}

impl Model {
    /// Least service of a tier at a time: that of the last milestone that names it, or that of `[plan]`.
    #[must_use]
    pub fn least_service(&self, tier: super::Tier, time: Time) -> Option<f64> {
        let set = self.growth.milestones.iter().rev().filter(|it| it.from <= time).find_map(|it| it.min_service[tier as usize]);
        set.or(self.planning.min_service[tier as usize])
    }
    /// Most load of sites at a bus in a year from the start.
    #[must_use]
    pub fn hosting_limit(&self, bus: super::BusId, year: usize) -> Option<Power> {
        of_year(&self.buses[bus].hosting_limit_by_year, year).or(self.buses[bus].hosting_limit)
    }
}
