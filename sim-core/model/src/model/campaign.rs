//! Training campaigns: how they spread, what they save, how often they stop.

use bastide_cost_models::compute::training_time;
use bastide_engine::Distribution;
use bastide_units::{Compute, DataSize, Duration, Money, MoneyRate, Rate, Time};

use super::{AcceleratorId, CampaignId, DatasetId, Entity, FailureDomain, FailureKind, Model, NationId, SiteId, Tier};

/// How a campaign spreads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CampaignMode {
    /// One gang at one site: any failed member stops all.
    Synchronous,
    /// One gang at one site that goes on with the members that are left.
    Elastic {
        /// Fewest accelerators.
        least: u32,
        /// Accelerators that come and go together: a data-parallel replica, in whole nodes.
        step: u32,
        /// How long a change of members stops training.
        resize: Duration,
    },
    /// Islands that train alone and exchange what they learnt.
    LowCommunication {
        /// Islands, all of the same size.
        islands: u32,
        /// What they exchange.
        exchange: SlowExchange,
    },
}

/// What islands exchange over slow links, and when (`bastide_cost_models::compute::low_communication`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlowExchange {
    /// Work between two exchanges.
    pub interval: Duration,
    /// Inner steps in that work.
    pub inner_steps: u32,
    /// What each island has to tell the others.
    pub size: DataSize,
    /// Fragments in which it goes.
    pub fragments: u32,
    /// Inner steps that go on while an exchange is under way.
    pub overlap_steps: u32,
    /// How long an exchange stops training, whatever the links; `None` where size and links say so.
    pub time: Option<Duration>,
}

/// Where checkpoints go, and whether training waits for them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CheckpointMode {
    /// To the site's storage; training waits.
    Blocking,
    /// To the site's storage while training goes on; the newest complete one counts.
    Asynchronous,
    /// To the memory of other members; training waits. Lost with them.
    InMemory {
        /// Members that may be lost at once.
        replicas: u32,
        /// Time between two copies to the site's storage, which go on while training does.
        persistent_interval: Duration,
        /// How long such a copy takes.
        persistent_time: Duration,
    },
}

/// Work between two checkpoints.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CheckpointInterval {
    /// As long as this.
    Fixed(Duration),
    /// The first-order optimum for the gang's rate of interruptions (Young 1974).
    Young,
    /// The higher-order optimum (Daly 2006, equation 37).
    Daly,
}

/// Copies of checkpoints at another site.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RemoteCheckpoints {
    /// Where they go.
    pub site: SiteId,
    /// Time between the beginnings of two copies; the next waits until the one before is there.
    pub interval: Duration,
    /// Size of a copy.
    pub size: DataSize,
}

/// What a campaign saves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Checkpoints {
    /// Where to.
    pub mode: CheckpointMode,
    /// Work between two.
    pub interval: CheckpointInterval,
    /// How long writing one takes.
    pub time: Duration,
    /// Whether they are lost with the site's storage.
    pub burn: bool,
    /// Copies elsewhere.
    pub remote: Option<RemoteCheckpoints>,
}

impl Checkpoints {
    /// Training waits for each, and none is ever lost.
    #[must_use]
    pub const fn blocking(interval: Duration, time: Duration) -> Self {
        Self { mode: CheckpointMode::Blocking, interval: CheckpointInterval::Fixed(interval), time, burn: false, remote: None }
    }
}

/// Training of one model.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// Name.
    pub entity: Entity,
    /// Whose.
    pub nation: NationId,
    /// Priority against services at the same site: services of this tier or above may take its accelerators.
    pub tier: Tier,
    /// Work.
    pub compute: Compute,
    /// Size of the gang; of all islands together.
    pub accelerators: u32,
    /// Mode.
    pub mode: CampaignMode,
    /// Share of peak that training reaches while it runs (MFU).
    pub utilisation: f64,
    /// Start.
    pub start: Time,
    /// When it should be done.
    pub deadline: Time,
    /// What it saves.
    pub checkpoints: Checkpoints,
    /// From the failure of a member to its notice, where the cause does not say.
    pub detection: Duration,
    /// From the notice of a failure to training again, once members are there; warm-up included \[s\].
    pub restart: Distribution,
    /// How long a gang that cannot work at its site waits before it goes on at another; `None`: for ever.
    pub relocate_after: Option<Duration>,
    /// Planned stops per time: updates of configuration, data or firmware. Each begins with a checkpoint and ends with a restart.
    pub planned_stops: Rate,
    /// Data it reads.
    pub dataset: Option<DatasetId>,
    /// What a day's delay costs.
    pub cost_of_delay: MoneyRate,
    /// What not running it at all costs.
    pub value: Money,
}

impl Campaign {
    /// Gangs that it runs as.
    #[must_use]
    pub const fn islands(&self) -> u32 {
        match self.mode {
            CampaignMode::LowCommunication { islands, .. } => islands,
            _ => 1,
        }
    }

    /// Accelerators of one of its gangs.
    #[must_use]
    pub fn gang(&self) -> u32 {
        self.accelerators / self.islands().max(1)
    }

    /// Share of the wall clock that is training kept in the end, when a gang is interrupted at this rate and spares are at hand. An elastic
    /// gang loses nothing but the time of a change; an island nothing but the work since the last exchange.
    #[must_use]
    pub fn goodput(&self, interval: Duration, interruptions: Rate) -> f64 {
        let restart = self.detection + Duration::from_s(self.restart.mean());
        let write = self.checkpoints.time;
        match self.mode {
            CampaignMode::Elastic { resize, .. } => {
                let pause = (self.detection + resize).as_s() * interruptions.as_per_s();
                training_time::goodput(interval, write, Duration::ZERO, Rate::ZERO) / (1.0 + pause)
            }
            CampaignMode::LowCommunication { exchange, .. } => {
                training_time::goodput(exchange.interval, exchange.time.unwrap_or(Duration::ZERO), restart, interruptions)
            }
            CampaignMode::Synchronous if self.checkpoints.mode == CheckpointMode::Asynchronous => {
                training_time::goodput_overlapped(interval, write, restart, interruptions)
            }
            CampaignMode::Synchronous => training_time::goodput(interval, write, restart, interruptions),
        }
    }
}

impl Model {
    /// Accelerators that a gang of a campaign holds on a type: whole nodes.
    #[must_use]
    pub fn held(&self, campaign: CampaignId, accelerator: AcceleratorId) -> u32 {
        let per_node = self.accelerators[accelerator].per_node.max(1);
        self.campaigns[campaign].gang().div_ceil(per_node).saturating_mul(per_node)
    }

    /// Interruptions of one gang of a campaign per time, by failures of its members, at a site or at one that no cause names: a series
    /// system. Causes count with their factor for the size of the job and their mean factor over the ages of the history; a gang takes
    /// whole racks. Stragglers interrupt nothing.
    #[must_use]
    pub fn interruption_rate(&self, campaign: CampaignId, accelerator: AcceleratorId, site: SiteId) -> Rate {
        let kind = &self.accelerators[accelerator];
        let size = f64::from(self.campaigns[campaign].gang());
        let nodes = (size / f64::from(kind.per_node.max(1))).ceil();
        let mut causes = self.failures.iter().filter(|cause| cause.concerns(accelerator, site)).peekable();
        if causes.peek().is_none() {
            return training_time::gang_failure_rate(kind.node_reliability.failure_rate, nodes);
        }
        let racks = (nodes / f64::from(kind.nodes_per_rack.unwrap_or(1).max(1))).ceil();
        let halls = (racks / f64::from(self.sites[site].racks_per_hall.unwrap_or(1).max(1))).ceil();
        causes
            .filter(|cause| !matches!(cause.kind, FailureKind::Straggler { .. }))
            .map(|cause| {
                let domains = match cause.domain {
                    FailureDomain::Node => nodes,
                    FailureDomain::Rack => racks,
                    FailureDomain::Hall => halls,
                    FailureDomain::Site => 1.0,
                };
                cause.rate * (domains * cause.job_factor(size) * mean_factor(&cause.by_age, self.header.duration))
            })
            .sum()
    }

    /// Work between two checkpoints of a campaign on a type at a site; at most the length of the history.
    #[must_use]
    pub fn checkpoint_interval(&self, campaign: CampaignId, accelerator: AcceleratorId, site: SiteId) -> Duration {
        let checkpoints = &self.campaigns[campaign].checkpoints;
        let rate = self.interruption_rate(campaign, accelerator, site);
        let best = match checkpoints.interval {
            CheckpointInterval::Fixed(interval) => return interval,
            CheckpointInterval::Young => training_time::young_interval(checkpoints.time, rate),
            CheckpointInterval::Daly => training_time::checkpoint_interval(checkpoints.time, rate),
        };
        if best < self.header.duration { best } else { self.header.duration }
    }
}

/// Mean over a history of a factor that holds from each age on.
fn mean_factor(by_age: &[(Duration, f64)], history: Duration) -> f64 {
    let ends = by_age.iter().skip(1).map(|(age, _)| *age).chain([history]);
    let total: f64 = by_age
        .iter()
        .zip(ends)
        .map(|((from, factor), to)| {
            let to = if to < history { to } else { history };
            factor * (to - *from).as_s().max(0.0)
        })
        .sum();
    if by_age.is_empty() { 1.0 } else { total / history.as_s() }
}
