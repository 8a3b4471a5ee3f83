//! What makes machines fail, and what takes them out by plan.

use bastide_engine::Distribution;
use bastide_units::{Duration, Rate, Time};

use super::{AcceleratorId, Entity, Profile, SiteId};

/// What one event takes down together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureDomain {
    /// One node.
    Node,
    /// All nodes of a rack.
    Rack,
    /// All nodes of a hall: its racks hold one type.
    Hall,
    /// All nodes of a site, of the types concerned.
    Site,
}

/// What a failure does to the nodes that it hits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FailureKind {
    /// They are out until repaired; a gang with one of them restarts.
    Crash {
        /// From the failure to its notice by the gang \[s\].
        detection: Distribution,
        /// Work of a crew \[s\].
        repair: Distribution,
        /// Whether the repair takes a spare part.
        spare: bool,
    },
    /// A gang with one of them restarts; there is nothing to repair.
    Transient {
        /// From the failure to its notice by the gang \[s\].
        detection: Distribution,
    },
    /// What a gang with one of them does is wrong until it is noticed.
    Silent {
        /// From the fault to its notice \[s\].
        detection: Distribution,
        /// Repair after that, and whether it takes a spare part; `None` where a restart is enough.
        repair: Option<(Distribution, bool)>,
    },
    /// A gang with one of them is slow until it is noticed.
    Straggler {
        /// Share of its speed that the gang loses.
        slowdown: f64,
        /// From the fault to its notice \[s\].
        detection: Distribution,
        /// Repair after that, and whether it takes a spare part; `None` where it heals by itself.
        repair: Option<(Distribution, bool)>,
    },
}

/// A cause of failures.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Name.
    pub entity: Entity,
    /// Types concerned; empty means all.
    pub accelerators: Vec<AcceleratorId>,
    /// Sites concerned; empty means all.
    pub sites: Vec<SiteId>,
    /// What one event takes down together.
    pub domain: FailureDomain,
    /// Events of one node, rack, hall or site.
    pub rate: Rate,
    /// What it does.
    pub kind: FailureKind,
    /// Factor on the rate from each age on, the first from age zero; empty means one at all ages.
    pub by_age: Vec<(Duration, f64)>,
    /// Factor on the rate of members of a gang, by its number of accelerators; empty means one for all. Between two sizes on a straight
    /// line in logarithms, beyond the ends constant.
    pub by_job_size: Vec<(f64, f64)>,
}

impl Failure {
    /// Whether it concerns a type at a site.
    #[must_use]
    pub fn concerns(&self, accelerator: AcceleratorId, site: SiteId) -> bool {
        (self.accelerators.is_empty() || self.accelerators.contains(&accelerator)) && (self.sites.is_empty() || self.sites.contains(&site))
    }

    /// Factor on the rate of members of a gang of this many accelerators.
    #[must_use]
    pub fn job_factor(&self, accelerators: f64) -> f64 {
        let points = &self.by_job_size;
        match points.iter().position(|(size, _)| *size >= accelerators) {
            None => points.last().map_or(1.0, |(_, factor)| *factor),
            Some(0) => points[0].1,
            Some(at) => {
                let ((low, below), (high, above)) = (points[at - 1], points[at]);
                below * (above / below).powf((accelerators / low).ln() / (high / low).ln())
            }
        }
    }
}

/// A planned outage that comes again and again, of one share of the nodes after the other.
#[derive(Clone, Debug)]
pub struct Maintenance {
    /// Name.
    pub entity: Entity,
    /// Sites concerned; empty means all.
    pub sites: Vec<SiteId>,
    /// From the beginning of one round to that of the next.
    pub every: Duration,
    /// How long each share is out.
    pub duration: Duration,
    /// Share of the nodes that are out at a time.
    pub share: f64,
    /// First round.
    pub from: Time,
    /// No round begins from here on.
    pub until: Time,
}

impl Maintenance {
    /// Whether it concerns a site.
    #[must_use]
    pub fn concerns(&self, site: SiteId) -> bool {
        self.sites.is_empty() || self.sites.contains(&site)
    }

    /// Shares in one round.
    #[must_use]
    pub fn batches(&self) -> u32 {
        // One in three is three shares, not four by rounding.
        (1.0 / self.share - 1e-9).ceil().max(1.0) as u32
    }
}

/// A limit on the power of accelerators, as a share of their full power.
#[derive(Clone, Debug)]
pub struct PowerCap {
    /// Name.
    pub entity: Entity,
    /// Sites concerned; empty means all.
    pub sites: Vec<SiteId>,
    /// Share of the power that is allowed.
    pub share: Profile,
    /// First moment.
    pub from: Time,
    /// End, not included.
    pub until: Time,
    /// Times of day in UTC between which it holds, from midnight; over midnight where the first is the later. `None` for the whole day.
    pub daily: Option<(Duration, Duration)>,
    /// Speed is the share of power to this exponent.
    pub exponent: f64,
}

impl PowerCap {
    /// Whether it concerns a site.
    #[must_use]
    pub fn concerns(&self, site: SiteId) -> bool {
        self.sites.is_empty() || self.sites.contains(&site)
    }

    /// Whether it holds at a moment, in a scenario that starts at this time of day.
    #[must_use]
    pub fn holds(&self, now: Time, start_of_day: Duration) -> bool {
        let in_hours = self.daily_nanos().is_none_or(|(begin, end)| {
            let time = time_of_day(now, start_of_day);
            if begin < end { begin <= time && time < end } else { begin <= time || time < end }
        });
        self.from <= now && now < self.until && in_hours
    }

    /// The first moment after this one at which it may begin or cease to hold.
    #[must_use]
    pub fn next_change(&self, now: Time, start_of_day: Duration) -> Time {
        let time = time_of_day(now, start_of_day);
        let next = |daily: u64| now + Duration::from_s(((daily + DAY - time - 1) % DAY + 1) as f64 * 1e-9);
        let daily = self.daily_nanos().map_or(Time::NEVER, |(begin, end)| next(begin).min(next(end)));
        [self.from, self.until].into_iter().filter(|time| *time > now).fold(daily, Time::min)
    }

    /// Daily hours in nanoseconds since midnight.
    fn daily_nanos(&self) -> Option<(u64, u64)> {
        let nanos = |time: Duration| Time::from(time).as_nanos() % DAY;
        self.daily.map(|(begin, end)| (nanos(begin), nanos(end)))
    }
}

/// Nanoseconds of a day.
const DAY: u64 = 86_400_000_000_000;

fn time_of_day(now: Time, start_of_day: Duration) -> u64 {
    (now.as_nanos() % DAY + Time::from(start_of_day).as_nanos()) % DAY
}
