//! Disruptions of supply, markets and law: hazards that stop no machine, but what machines need.

use bastide_engine::Distribution;
use bastide_units::Time;

use super::{AcceleratorId, BusId, CampaignId, Entity, NationId, RuleId, ServiceId, SiteId, Timing};

/// A hazard of supply, markets or law.
#[derive(Clone, Debug)]
pub struct Disruption {
    /// When it begins.
    pub timing: Timing,
    /// Probability that an occurrence comes true.
    pub probability: f64,
    /// How long it lasts \[s\]; `None` for the rest of the history.
    pub lasts: Option<Distribution>,
    /// What it does.
    pub effect: DisruptionKind,
}

/// What a disruption does.
#[derive(Clone, Debug)]
pub enum DisruptionKind {
    /// A nation gets no more than so many accelerators of some types while it lasts.
    ExportCap {
        /// Types; each has its own account.
        accelerators: Vec<AcceleratorId>,
        /// Nation of the sites.
        nation: NationId,
        /// Most accelerators delivered while it lasts.
        cap: u32,
        /// Whether what is above it waits for the end; otherwise it never comes.
        waits: bool,
    },
    /// What is due while it lasts comes later.
    DeliveryStop {
        /// Types.
        accelerators: Vec<AcceleratorId>,
        /// From the end until the deliveries that were held arrive \[s\].
        backlog: Distribution,
    },
    /// Prices are others while it lasts.
    PriceShock {
        /// Factor on the price of energy, at these buses.
        energy: f64,
        /// Buses.
        buses: Vec<BusId>,
        /// Factor on the price of accelerators that are delivered.
        accelerator: f64,
        /// Types.
        accelerators: Vec<AcceleratorId>,
    },
    /// Spare parts on order come when it ends.
    SparesStop {
        /// Types whose parts do not come.
        accelerators: Vec<AcceleratorId>,
        /// Sites that get none.
        sites: Vec<SiteId>,
        /// Repair pools that get none, by their position.
        repair_pools: Vec<usize>,
    },
    /// Neither deliveries nor spare parts, perhaps no licences.
    Sanction {
        /// Types concerned at every site: by vendor and the vendor's nation.
        accelerators: Vec<AcceleratorId>,
        /// Operators whose sites are concerned with every type.
        operators: Vec<String>,
        /// Nations of such operators.
        operator_nations: Vec<NationId>,
        /// Their sites.
        sites: Vec<SiteId>,
        /// From the beginning until licences lapse and what is concerned stands still \[s\]; `None` if they hold.
        licences: Option<Distribution>,
    },
    /// Sites stop because nobody runs them.
    OperatorWithdrawal {
        /// Operators.
        operators: Vec<String>,
        /// Their sites.
        sites: Vec<SiteId>,
        /// From the announcement to the stop \[s\].
        notice: Distribution,
        /// From the stop until another operator runs a site \[s\]; `None` for never.
        handover: Option<Distribution>,
    },
    /// Services must be qualified again with another model, or run at another pace.
    ModelChange {
        /// Services that use the model.
        services: Vec<ServiceId>,
        /// Time out of service \[s\].
        requalification: Option<Distribution>,
        /// Factor on tokens per second afterwards.
        throughput: f64,
    },
    /// A rule comes into force, or ceases to.
    RuleChange {
        /// Which.
        rule: RuleId,
        /// Into force, or out of it.
        begins: bool,
    },
    /// A nation leaves a group that rules and residency refer to.
    MemberExit {
        /// Who.
        nation: NationId,
        /// Which group.
        group: String,
        /// From the announcement to the exit \[s\].
        notice: Distribution,
        /// What is then forbidden.
        bars: Vec<Bar>,
    },
    /// A regulator forbids services.
    Suspension {
        /// Services.
        services: Vec<ServiceId>,
        /// Nations at whose sites they are forbidden; `None` for everywhere.
        nations: Option<Vec<NationId>>,
    },
}

/// What is forbidden at a site once a nation has left a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// By which rule, while it is in force; `None` for the residency that the thing itself demands.
    pub rule: Option<RuleId>,
    /// What.
    pub thing: Thing,
    /// Where.
    pub site: SiteId,
}

/// What runs at a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A service.
    Service(ServiceId),
    /// A campaign.
    Campaign(CampaignId),
}

/// A rule as a history sees it: when it is in force, and what it forbids then.
#[derive(Clone, Debug)]
pub struct Law {
    /// Name.
    pub entity: Entity,
    /// First moment.
    pub from: Time,
    /// End.
    pub until: Time,
    /// What it forbids, apart from what the things themselves rule out.
    pub bars: Vec<(Thing, SiteId)>,
}

impl DisruptionKind {
    /// The kind's name in scenarios and among events.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ExportCap { .. } => "export-cap",
            Self::DeliveryStop { .. } => "delivery-stop",
            Self::PriceShock { .. } => "price-shock",
            Self::SparesStop { .. } => "spares-stop",
            Self::Sanction { .. } => "sanction",
            Self::OperatorWithdrawal { .. } => "operator-withdrawal",
            Self::ModelChange { .. } => "model-change",
            Self::RuleChange { .. } => "rule-change",
            Self::MemberExit { .. } => "member-exit",
            Self::Suspension { .. } => "suspension",
        }
    }
}
