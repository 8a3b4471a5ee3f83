//! Data that leaves under a warning.

use bastide_engine::Distribution;
use bastide_units::{Bandwidth, DataSize, Duration, Money, Time};

use super::{DatasetId, Entity, Hazard, HazardId, HazardKind, Model, SiteId, Timing};

/// When the order to leave is given.
#[derive(Clone, Debug, PartialEq)]
pub enum EvacuationStart {
    /// At one moment.
    At(Time),
    /// Ahead of the first event of a hazard.
    Before {
        /// Hazard.
        hazard: HazardId,
        /// From the order to that event \[s\].
        warning: Distribution,
    },
}

/// What leaves first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DepartureOrder {
    /// What saves most value by the expected loss.
    Optimal,
    /// Most value per byte.
    Value,
    /// As the evacuation lists its data.
    FirstCome,
    /// Drawn anew in each history.
    Random,
}

/// `[[evacuation]]`.
#[derive(Clone, Debug)]
pub struct Evacuation {
    /// Name.
    pub entity: Entity,
    /// What leaves, first come first.
    pub datasets: Vec<DatasetId>,
    /// Sites that it leaves.
    pub from: Vec<SiteId>,
    /// Sites that it goes to.
    pub to: Vec<SiteId>,
    /// When the order is given.
    pub start: EvacuationStart,
    /// From the order to the loss as expected by those who choose the order \[s\]; `None` for no loss that anybody expects.
    pub expected_loss: Option<Distribution>,
    /// What leaves first.
    pub order: DepartureOrder,
    /// Whether part of a dataset is worth its share.
    pub partial: bool,
    /// Share of the links' bandwidth that it gets.
    pub link_share: f64,
    /// Length of the daily time, from midnight UTC, in which links have no power.
    pub power_cuts: Duration,
    /// Devices that carry its data.
    pub couriers: Vec<Courier>,
}

/// `[[courier]]`: storage devices that go to and fro.
#[derive(Clone, Debug)]
pub struct Courier {
    /// Name.
    pub entity: Entity,
    /// Where they go.
    pub to: SiteId,
    /// Number of devices.
    pub devices: u32,
    /// Data on one device.
    pub capacity: DataSize,
    /// At which one device is filled.
    pub load_rate: Bandwidth,
    /// From leaving to being back \[s\].
    pub round_trip: Distribution,
    /// From the order until the devices stand at the first site.
    pub first: Duration,
    /// Probability that a device is lost on its way there.
    pub trip_loss: f64,
    /// When no device can leave.
    pub closed: Option<(Time, Time)>,
    /// People for each device.
    pub staff: u32,
    /// Cost of a round trip.
    pub trip_cost: Money,
}

impl Courier {
    /// When a device that is loaded at a time can leave.
    #[must_use]
    pub fn leaves(&self, loaded: Time) -> Time {
        match self.closed {
            Some((from, until)) if from <= loaded && loaded < until => until,
            _ => loaded,
        }
    }
}

impl Hazard {
    /// When it happens; `None` for what has no first moment that could be warned of.
    #[must_use]
    pub fn timing(&self) -> Option<Timing> {
        match &self.kind {
            HazardKind::RandomOutage { timing, .. }
            | HazardKind::StrikeCampaign { timing, .. }
            | HazardKind::Wiper { timing, .. }
            | HazardKind::CableCut { timing, .. }
            | HazardKind::Blackout { timing, .. } => Some(*timing),
            HazardKind::CommonMode(common) => Some(common.timing),
            _ => None,
        }
    }
}

impl Evacuation {
    /// When the order is expected: its moment, or the mean warning ahead of the first event of its hazard.
    #[must_use]
    pub fn expected_order(&self, model: &Model) -> Time {
        let (hazard, warning) = match &self.start {
            EvacuationStart::At(time) => return *time,
            EvacuationStart::Before { hazard, warning } => (*hazard, warning),
        };
        let first = match model.hazards[hazard].timing() {
            Some(Timing::At(time)) => time,
            Some(Timing::Rate { rate, from, .. }) if rate.as_per_s() > 0.0 => from + Duration::from_s(1.0 / rate.as_per_s()),
            Some(Timing::Rate { .. }) | None => Time::NEVER,
        };
        Time::ZERO + first.since(Time::ZERO + Duration::from_s(warning.mean()))
    }
}
