//! How demand of a service goes up and down, and how the service is run.

use bastide_engine::Distribution;
use bastide_units::{Bandwidth, DataSize, Duration, Rate};

use super::{Entity, NationId, ServiceId, Timing};

/// How demand varies beyond [`Service::profile`](super::Service::profile).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DemandShape {
    /// Factor on the demand of an origin by local hour of the day, of mean one; `None` for the same at all hours.
    pub daily: Option<[f64; 24]>,
    /// Factor by local day of the week, Monday first, of mean one; `None` for the same on all days.
    pub weekly: Option<[f64; 7]>,
    /// Random factor of each hour; `None` where demand is certain.
    pub noise: Option<DemandNoise>,
}

/// A lognormal factor of mean one for each hour, whose logarithm is a stationary autoregressive process of the first order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DemandNoise {
    /// Standard deviation of the factor.
    pub deviation: f64,
    /// Time in which the correlation of the logarithm falls to 1/e; zero for independent hours.
    pub correlation: Duration,
}

impl DemandShape {
    /// Factor on the demand of an origin in the hour that begins `hours` after the Unix epoch (UTC), at its offset from UTC. An
    /// hour that spans two local ones has their time-weighted mean.
    #[must_use]
    pub fn local(&self, hours: i64, utc_offset: Duration) -> f64 {
        if self.daily.is_none() && self.weekly.is_none() {
            return 1.0;
        }
        let offset = utc_offset.as_h();
        let whole = offset.floor();
        let part = offset - whole;
        let first = hours + whole as i64;
        let at = |hour: i64| {
            // The epoch was a Thursday, the fourth day.
            let day = (hour.div_euclid(24) + 3).rem_euclid(7);
            let daily = self.daily.map_or(1.0, |daily| daily[hour.rem_euclid(24) as usize]);
            daily * self.weekly.map_or(1.0, |weekly| weekly[day as usize])
        };
        if part > 0.0 { at(first) * (1.0 - part) + at(first + 1) * part } else { at(first) }
    }
}

/// How a service is run, beyond what every service needs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Operation {
    /// Latency that its users ask for: 95 % of requests, network there and back included; `None` where nobody asks.
    pub latency_target: Option<Duration>,
    /// Replicas that follow the demand; `None` where all accelerators that no gang holds stand ready.
    pub scaling: Option<Scaling>,
    /// How its stand-bys take over; `None` for the time of [`Policy`](super::Policy).
    pub failover: Option<Takeover>,
    /// Services that it cannot do without: it is served at most in the share in which each of them is.
    pub needs: Vec<ServiceId>,
    /// Whether a plan runs all of it at one site when nothing is broken.
    pub single_site: bool,
    /// Batch work: how long tokens may wait before they are worthless; `None` for requests that want an answer at once.
    pub defer: Option<Duration>,
}

/// How ready the stand-bys of a service are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Readiness {
    /// All places serve all the time: no gap.
    ActiveActive,
    /// Replicas stand ready and are switched over to.
    Warm,
    /// The weights are fetched first, then replicas start.
    Cold,
}

/// How the stand-bys of a service take over.
#[derive(Clone, Debug, PartialEq)]
pub struct Takeover {
    /// How ready they are.
    pub readiness: Readiness,
    /// From the loss to service elsewhere, weights apart \[s\]; `None` for that of [`Policy`](super::Policy).
    pub time: Option<Distribution>,
    /// What a cold stand-by fetches first.
    pub weights: DataSize,
}

/// Replicas by demand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaling {
    /// Utilisation of its replicas that the scaler aims at.
    pub target: f64,
    /// Fewest replicas at each site that the plan names for the service.
    pub least: u32,
    /// Most replicas at one site.
    pub most: Option<u32>,
    /// Time of excess until replicas stop.
    pub cooldown: Duration,
    /// Time from the start of a replica until it serves, with its weights on the site's disks.
    pub startup: Duration,
    /// Further time at a site that had no replica ready: caches of keys and values are computed again.
    pub kv_warmup: Duration,
    /// Weights that a replica reads.
    pub weights: DataSize,
    /// Bandwidth at which it reads them.
    pub load_bandwidth: Bandwidth,
}

impl Scaling {
    /// Time from the start of a replica until it serves, with its weights behind a network path.
    #[must_use]
    pub fn fetched(&self, bytes_per_s: f64) -> Duration {
        let local = self.load_bandwidth.as_gb_per_s() * 1e9;
        let slower = if bytes_per_s > 0.0 { bytes_per_s.min(local) } else { local };
        let bytes = self.weights.as_bytes();
        self.startup + Duration::from_s((bytes / slower - bytes / local).max(0.0))
    }
}

/// `[[spike]]`: a flash crowd in three phases (Ari et al. 2003): demand rises, stays, and falls again.
#[derive(Clone, Debug)]
pub struct Spike {
    /// Name.
    pub entity: Entity,
    /// Services that it concerns.
    pub services: Vec<ServiceId>,
    /// Origins that it concerns; `None` for all.
    pub origins: Option<Vec<NationId>>,
    /// When it begins.
    pub timing: Timing,
    /// Factor on the demand at its height.
    pub factor: Distribution,
    /// From ordinary demand to the height.
    pub rise: Duration,
    /// Time at the height \[s\].
    pub duration: Distribution,
    /// From the height to ordinary demand.
    pub decay: Duration,
}

impl Spike {
    /// How often it begins, for what needs a mean: zero for a date.
    #[must_use]
    pub fn rate(&self) -> Rate {
        match self.timing {
            Timing::At(_) => Rate::from_per_s(0.0),
            Timing::Rate { rate, .. } => rate,
        }
    }
}
