//! The resolved scenario: checked, dense, immutable. Every engine reads it; none changes it.
//!
//! Names and positions stay beside the numbers only where a message needs them ([`Entity`]). Indices are typed
//! ([`SiteId`]); quantities are typed ([`bastide_units`]). What changes during a history lives in the simulator's world.
//!
//! Longer than other files: this is the one list of what a scenario can say, half of it documentation of units and roles.

mod campaign;
mod case;
mod cyber;
mod disruption;
mod facility;
mod grid_event;
mod growth;
mod investment;
mod link_state;
mod machine;
mod objective;
mod reconstruction;
mod strike;
mod uncertainty;
mod verification;

pub use campaign::{Campaign, CampaignMode, CheckpointInterval, CheckpointMode, Checkpoints, RemoteCheckpoints, SlowExchange};
pub use case::{Axis, Case, MetricPattern, Question};
pub use cyber::{CommonMode, CyberAttack, Recovery, SegmentGraph, Shared, Shutdown};
pub use disruption::{Bar, Disruption, DisruptionKind, Law, Thing};
pub use facility::{Dependant, Facility, FacilityKind};
pub use grid_event::{BusRestoration, GridPolicy, LoadCut, Reconnect, Shedding, SiteSupply};
pub use growth::{Branch, Expansion, ExportCap, Growth, Horizon, Milestone, OrderBook, Path, Supply, of_year};
pub use investment::{Improvement, Investment};
pub use link_state::LinkState;
pub use machine::{Failure, FailureDomain, FailureKind, Maintenance, PowerCap};
pub use objective::{Objective, PlanningPlaces, Ranked, Ranking};
pub use reconstruction::{Damage, RepairDelay, RepairOrder, RepairPool};
pub use strike::{Defence, Effect, FollowUp, Fragility, Group, Harm, Munition, SharedArea, Strike};
pub use uncertainty::{Asset, AssetClass, Critical, Cvar, DemandBudget, Outage, Outlook, Uncertainty};
pub use verification::Verification;

use std::ops::{Index, IndexMut};
use std::path::PathBuf;

use bastide_engine::Distribution;
use bastide_units::{
    Area, Bandwidth, CapacityCost, CapacityRate, CarbonIntensity, ComputeRate, DataSize, Duration, EnergyPrice, Length, Money, MoneyRate,
    Power, Rate, Temperature, Time, TokenPrice, TokenRate, WaterIntensity,
};

use crate::source::Span;

mod evacuation;
mod replica;
mod service;
mod serving;

pub use evacuation::{Courier, DepartureOrder, Evacuation, EvacuationStart};
pub use replica::{LOAD_STEPS, LatencyLaw, LoadTable, MOST_UTILISATION, Places, Replica, Spread, Times, quantile};
pub use service::{DemandNoise, DemandShape, Operation, Readiness, Scaling, Spike, Takeover};
pub use serving::ServingCost;

macro_rules! ids {
    ($( $(#[$doc:meta])* $name:ident ),* $(,)?) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub struct $name(pub u32);
        impl $name {
            /// Position in the model's table.
            #[inline] #[must_use] pub const fn index(self) -> usize { self.0 as usize }
            /// From a position in the model's table.
            #[inline] #[must_use] pub const fn from_index(index: usize) -> Self { Self(index as u32) }
        }
        impl<T> Index<$name> for Vec<T> { type Output = T; #[inline] fn index(&self, id: $name) -> &T { &self[id.index()] } }
        impl<T> IndexMut<$name> for Vec<T> { #[inline] fn index_mut(&mut self, id: $name) -> &mut T { &mut self[id.index()] } }
    )* };
}
ids! {
    /// A nation.
    NationId,
    /// A bus or zone of the grid.
    BusId,
    /// An electric line or interconnector.
    LineId,
    /// A class of identical generating units at a bus.
    GeneratorId,
    /// A storage unit.
    StorageId,
    /// A demand block.
    LoadId,
    /// A site.
    SiteId,
    /// An accelerator type.
    AcceleratorId,
    /// A data link.
    LinkId,
    /// A facility that other things need.
    FacilityId,
    /// A dataset.
    DatasetId,
    /// An inference service.
    ServiceId,
    /// A training campaign.
    CampaignId,
    /// A hazard.
    HazardId,
    /// A type of munition.
    MunitionId,
    /// An hourly series.
    SeriesId,
    /// A rule.
    RuleId,
    /// An investment that a plan may choose.
    InvestmentId,
    /// A segment of the management network, for cyber attacks.
    SegmentId,
}

/// What every named thing of a scenario carries.
#[derive(Clone, Debug, PartialEq)]
pub struct Entity {
    /// Name, unique within its table; the word that files and messages use.
    pub name: String,
    /// Words for people; the name where the scenario gives none.
    pub title: String,
    /// Where the scenario defines it.
    pub span: Span,
}

/// Where a number of the scenario comes from; the report's table of assumptions.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Assumption {
    /// Path of the key: `site.riga.connection`.
    pub key: String,
    /// The value as written.
    pub value: String,
    /// Source in words; `None` if the scenario names none.
    pub source: Option<String>,
    /// Whether the source was seen; `None` if the scenario does not say.
    pub verified: Option<bool>,
    /// File and line.
    pub place: String,
}

/// A quantity that is constant or follows an hourly series; in the base unit of its quantity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Profile {
    /// The same at all times.
    Constant(f64),
    /// `scale * series[hour]`.
    Series {
        /// Which series.
        series: SeriesId,
        /// Factor on it.
        scale: f64,
    },
}

/// An hourly series in the base unit of its quantity, from the scenario's start on; as long as the scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// `series/demand.csv#pl`.
    pub name: String,
    /// One value per step.
    pub values: Vec<f64>,
    /// Their sum: what asks for means asks often, and years have many hours.
    sum: f64,
}

impl Series {
    /// A series of these values, one per step.
    #[must_use]
    pub fn new(name: String, values: Vec<f64>) -> Self {
        let sum = values.iter().sum();
        Self { name, values, sum }
    }
}

/// A resolved scenario.
#[derive(Clone, Debug)]
pub struct Model {
    /// `[scenario]`.
    pub header: Header,
    /// Files read, with their hashes, in reading order.
    pub inputs: Vec<InputFile>,
    /// Where the numbers come from.
    pub assumptions: Vec<Assumption>,
    /// Series, referred to by [`Profile`].
    pub series: Vec<Series>,
    /// Nations.
    pub nations: Vec<Nation>,
    /// Buses.
    pub buses: Vec<Bus>,
    /// Lines.
    pub lines: Vec<Line>,
    /// Generator classes.
    pub generators: Vec<Generator>,
    /// Storage units.
    pub storages: Vec<Storage>,
    /// Demand other than the sites'.
    pub loads: Vec<Load>,
    /// Sites, existing and candidate.
    pub sites: Vec<Site>,
    /// Accelerator types, from the library and the scenario.
    pub accelerators: Vec<Accelerator>,
    /// Fleets that exist or are ordered whatever the plan says.
    pub fleets: Vec<Fleet>,
    /// Data links between nations' hubs and sites.
    pub links: Vec<Link>,
    /// Landing points, substations, control planes and other things that sites, services, links, lines and units need.
    pub facilities: Vec<Facility>,
    /// Datasets.
    pub datasets: Vec<Dataset>,
    /// Services, ordered by tier, then as written. Their order is the order of shedding, last first.
    pub services: Vec<Service>,
    /// Training campaigns.
    pub campaigns: Vec<Campaign>,
    /// Hazards.
    pub hazards: Vec<Hazard>,
    /// Types of munitions.
    pub munitions: Vec<Munition>,
    /// Air defences.
    pub defences: Vec<Defence>,
    /// Crews and spare parts that repair what hazards damage.
    pub repair_pools: Vec<RepairPool>,
    /// Causes of failures of machines.
    pub failures: Vec<Failure>,
    /// Planned outages.
    pub maintenances: Vec<Maintenance>,
    /// Limits on the power of accelerators.
    pub power_caps: Vec<PowerCap>,
    /// Data that leaves under a warning.
    pub evacuations: Vec<Evacuation>,
    /// Flash crowds.
    pub spikes: Vec<Spike>,
    /// Names of the management-network segments.
    pub segments: Vec<String>,
    /// What `[[segment]]` says of them.
    pub segment_graph: SegmentGraph,
    /// `[policy]`.
    pub policy: Policy,
    /// `[plan]`.
    pub planning: Planning,
    /// `[[investment]]`.
    pub investments: Vec<Investment>,
    /// What may be ordered, delivered and connected when, over years.
    pub growth: Growth,
    /// `[[alternative]]`.
    pub alternatives: Vec<Alternative>,
    /// Rules, for histories in which they change.
    pub laws: Vec<Law>,
    /// `legal_service[service][site]`: from and until when the rules let a service run at a site.
    pub legal_service: Vec<Vec<Legality>>,
    /// `legal_campaign[campaign][site]`.
    pub legal_campaign: Vec<Vec<Legality>>,
    /// `legal_dataset[dataset][site]`.
    pub legal_dataset: Vec<Vec<Legality>>,
    /// Tokens per second that one accelerator serves: `token_rate[service][accelerator]`; zero where the model does
    /// not fit a node's memory.
    pub token_rate: Vec<Vec<TokenRate>>,
    /// A replica of each service on each type: `replicas[service][accelerator]`; see [`Model::replica`].
    pub replicas: Vec<Vec<Replica>>,
    /// Training compute rate per accelerator: `training_rate[campaign][accelerator]`; zero where it does not fit.
    pub training_rate: Vec<Vec<ComputeRate>>,
    /// `[[case]]`.
    pub cases: Vec<Case>,
    /// Report settings.
    pub report: ReportSettings,
}

/// `[scenario]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// Short name.
    pub name: String,
    /// Title for people.
    pub title: String,
    /// The question that the study answers.
    pub question: String,
    /// Start, RFC 3339 in UTC.
    pub start: String,
    /// Seconds from the Unix epoch to the start.
    pub start_epoch_s: i64,
    /// Length of a history.
    pub duration: Duration,
    /// Number of whole hours in `duration`, rounded up.
    pub hours: usize,
    /// Year of all prices.
    pub price_year: i64,
    /// Default random seed.
    pub seed: u64,
    /// Folder of the scenario.
    pub folder: PathBuf,
}

/// One file that the scenario was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFile {
    /// Path relative to the scenario's folder, with forward slashes.
    pub path: String,
    /// The bytes as read, for the copy beside the results.
    pub bytes: std::sync::Arc<[u8]>,
    /// BLAKE3 of the bytes.
    pub hash: String,
}

/// A place on the map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
}

impl Place {
    /// Distance along the great circle \[km\], on a sphere of 6371 km (haversine; Sinnott 1984).
    #[must_use]
    pub fn distance_km(self, other: Self) -> f64 {
        let (from, to) = (self.latitude.to_radians(), other.latitude.to_radians());
        let (north, east) = ((to - from) / 2.0, (other.longitude - self.longitude).to_radians() / 2.0);
        let a = north.sin().powi(2) + from.cos() * to.cos() * east.sin().powi(2);
        2.0 * 6371.0 * a.sqrt().min(1.0).asin()
    }
}

/// A jurisdiction, and the origin of its people's requests.
#[derive(Clone, Debug)]
pub struct Nation {
    /// Name.
    pub entity: Entity,
    /// Groups it belongs to, which rules may name: `eu`, `baltic`.
    pub groups: Vec<String>,
    /// Where its traffic enters the network.
    pub hub: Option<Place>,
    /// Local time less UTC, summer time left out.
    pub utc_offset: Duration,
    /// Whether the rest of the world is reached here: who reaches no such nation is cut off.
    pub backbone: bool,
}

/// A bus or zone.
#[derive(Clone, Debug)]
pub struct Bus {
    /// Name.
    pub entity: Entity,
    /// Nation it lies in.
    pub nation: NationId,
    /// Where to draw it.
    pub place: Option<Place>,
    /// What a site pays for energy here [EUR/J].
    pub energy_price: Profile,
    /// Most AI load that the operator lets connect here.
    pub hosting_limit: Option<Power>,
    /// It in each year from the start, where it changes; the last holds on.
    pub hosting_limit_by_year: Vec<Power>,
    /// Mean carbon intensity of what sites draw here, for plans; `None` to work it out from the power plants.
    pub carbon: Option<CarbonIntensity>,
    /// Standard deviation of the load forecast of a year as a share of the load.
    pub forecast_error: f64,
    /// How it comes back after a blackout.
    pub restoration: BusRestoration,
}

/// How a thing breaks and is repaired; exponential time to failure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reliability {
    /// Failures per time while it works.
    pub failure_rate: Rate,
    /// Time to repair \[s\].
    pub repair: Distribution,
}

/// An electric line, interconnector or corridor with a transfer capacity.
#[derive(Clone, Debug)]
pub struct Line {
    /// Name.
    pub entity: Entity,
    /// From bus.
    pub from: BusId,
    /// To bus.
    pub to: BusId,
    /// Most power from `from` to `to`.
    pub capacity: Power,
    /// Most power from `to` to `from`.
    pub reverse_capacity: Power,
    /// Series reactance with the tap ratio in it \[p.u. on 100 MVA\]; `None` where the flow is chosen (DC, transport).
    pub reactance_pu: Option<f64>,
    /// Phase shift \[degrees\].
    pub phase_shift_deg: f64,
    /// Outages; `None` if it never fails by itself.
    pub reliability: Option<Reliability>,
}

/// A class of identical generating units.
#[derive(Clone, Debug)]
pub struct Generator {
    /// Name.
    pub entity: Entity,
    /// Where it feeds in.
    pub bus: BusId,
    /// Technology in words: `wind`, `hard coal`.
    pub technology: String,
    /// Capacity of all units together.
    pub capacity: Power,
    /// Number of units, each with an equal share of the capacity and its own outages.
    pub units: u32,
    /// Availability by hour (wind, water, maintenance), a ratio of capacity.
    pub availability: Profile,
    /// Marginal cost.
    pub cost: EnergyPrice,
    /// Direct emissions.
    pub carbon: CarbonIntensity,
    /// Outages of one unit.
    pub reliability: Option<Reliability>,
    /// Whether its units start without the grid.
    pub black_start: bool,
}

/// A storage unit that buys below one price and sells above another.
#[derive(Clone, Debug)]
pub struct Storage {
    /// Name.
    pub entity: Entity,
    /// Where it is connected.
    pub bus: BusId,
    /// Most charging and discharging power, at the grid.
    pub power: Power,
    /// Energy content.
    pub energy: bastide_units::Energy,
    /// Round-trip efficiency, lost on charging.
    pub efficiency: f64,
    /// Charges where energy is cheaper than this.
    pub buy_below: EnergyPrice,
    /// Discharges where energy is dearer than this.
    pub sell_above: EnergyPrice,
    /// Content at the start, as a share of `energy`.
    pub initial: f64,
}

/// A block of demand at a bus.
#[derive(Clone, Debug)]
pub struct Load {
    /// Name.
    pub entity: Entity,
    /// Where.
    pub bus: BusId,
    /// Demand by hour \[W\].
    pub power: Profile,
    /// What a lost unit of energy costs its users; the lowest is shed first.
    pub value_of_lost_load: EnergyPrice,
    /// Whether its users have agreed to yield.
    pub interruptible: bool,
    /// How it is cut and comes back.
    pub cut: LoadCut,
}

/// Size class of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SiteTier {
    /// Hardened, few.
    Core,
    /// National or regional centre.
    Regional,
    /// Small, near its users.
    Edge,
    /// Hosts of a market or of private people.
    Pool,
}

/// How well a site withstands a hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hardening {
    /// An ordinary building.
    None,
    /// Protected walls, dispersed halls.
    Hardened,
    /// Underground or military grade.
    Bunker,
}

/// A place for accelerators.
#[derive(Clone, Debug)]
pub struct Site {
    /// Name.
    pub entity: Entity,
    /// Bus that feeds it.
    pub bus: BusId,
    /// Jurisdiction.
    pub nation: NationId,
    /// Size class.
    pub tier: SiteTier,
    /// Where it stands.
    pub place: Option<Place>,
    /// Whether it stands already; if not, the plan may build it.
    pub existing: bool,
    /// Limit of the grid connection.
    pub connection: Power,
    /// Whether it has agreed to yield to the grid.
    pub interruptible: bool,
    /// Power usage effectiveness at or below `free_cooling`.
    pub pue: f64,
    /// Rise of PUE per degree above `free_cooling`.
    pub pue_rise_per_degree: f64,
    /// Outdoor temperature up to which PUE is at its base.
    pub free_cooling: Temperature,
    /// Outdoor temperature \[degC\]; without one, PUE stays at its base.
    pub temperature: Option<Profile>,
    /// Outdoor temperature above which cooling capacity falls.
    pub cooling_limit: Temperature,
    /// Share of IT power lost per degree above `cooling_limit`.
    pub cooling_loss_per_degree: f64,
    /// Water per IT energy.
    pub wue: WaterIntensity,
    /// How long the UPS carries the load.
    pub ups: Duration,
    /// Probability that the on-site generators start when called; zero where there are none.
    pub generator_start: f64,
    /// How long the fuel lasts at full load.
    pub fuel: Duration,
    /// Time from an empty tank to a full one \[s\].
    pub refuel: Distribution,
    /// Time from returned power to full service \[s\].
    pub restart: Distribution,
    /// How it takes power again after a blackout.
    pub supply: SiteSupply,
    /// Internal outages (cooling, fire, operation).
    pub reliability: Option<Reliability>,
    /// Time to rebuild after a hit that took it out comes with the hazard; this is how well it withstands one.
    pub hardening: Hardening,
    /// Who runs it.
    pub operator: String,
    /// Where the operator is at home.
    pub operator_nation: NationId,
    /// Certificates held.
    pub certifications: Vec<String>,
    /// Firmware of its management controllers, in words; sites with the same may be exploited together.
    pub firmware: Option<String>,
    /// Segment of the management network.
    pub segment: SegmentId,
    /// Land taken, by full IT power [ha per W].
    pub land: Area,
    /// Cost of opening the site, whatever its size.
    pub fixed_cost: Money,
    /// Building, power and cooling per IT power.
    pub building_cost: CapacityCost,
    /// Grid connection per connection power used.
    pub connection_cost: CapacityCost,
    /// Staff and upkeep, whatever the size.
    pub fixed_upkeep: MoneyRate,
    /// Staff and upkeep per IT power.
    pub upkeep: CapacityRate,
    /// Most IT power that the site has room for.
    pub max_it_power: Power,
    /// From the decision to build until halls and connection can be used, in a roadmap.
    pub lead_time: Duration,
    /// Most accelerators that it takes, whatever their types; `None` where nothing but power limits them.
    pub max_accelerators: Option<u32>,
    /// Racks of a hall, for failures of halls.
    pub racks_per_hall: Option<u32>,
    /// Repairs of nodes at a time; `None` for any number.
    pub repair_crews: Option<u32>,
    /// Spare parts in stock at the start, and the time in which one that was used is replaced \[s\]; `None` for a stock that never ends.
    pub spares: Option<(u32, Distribution)>,
}

/// An accelerator type.
#[derive(Clone, Debug)]
pub struct Accelerator {
    /// Name in the library or the scenario: `b200`.
    pub entity: Entity,
    /// Dense 16-bit peak.
    pub peak: ComputeRate,
    /// Memory.
    pub memory: DataSize,
    /// Memory bandwidth.
    pub memory_bandwidth: Bandwidth,
    /// IT power per accelerator with its share of host, network and storage.
    pub power: Power,
    /// Share of `power` drawn when idle.
    pub idle_share: f64,
    /// Price with its share of host, network and storage.
    pub price: Money,
    /// Accelerators per node.
    pub per_node: u32,
    /// Nodes of a rack, for failures of racks and halls.
    pub nodes_per_rack: Option<u32>,
    /// Failures of one node, and their repair.
    pub node_reliability: Reliability,
    /// Years in service.
    pub lifetime: Duration,
    /// Company that makes it.
    pub vendor: String,
    /// Home of the company (ISO name in words); for the sovereignty index.
    pub vendor_nation: String,
}

/// Accelerators that exist or are ordered whatever the plan says.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// Name.
    pub entity: Entity,
    /// Where.
    pub site: SiteId,
    /// Type.
    pub accelerator: AcceleratorId,
    /// How many.
    pub count: u32,
    /// When they are energised.
    pub energised: Time,
    /// When they leave; `Time::NEVER` if they stay.
    pub retired: Time,
}

/// End of a data link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// The hub of a nation.
    Nation(NationId),
    /// A site.
    Site(SiteId),
}

/// A fibre route, submarine cable or satellite path. Every site also reaches its own nation's hub without a named link.
#[derive(Clone, Debug)]
pub struct Link {
    /// Name.
    pub entity: Entity,
    /// One end.
    pub from: Endpoint,
    /// Other end.
    pub to: Endpoint,
    /// `fibre`, `submarine`, `satellite`.
    pub kind: LinkKind,
    /// Capacity.
    pub bandwidth: Bandwidth,
    /// One-way latency.
    pub latency: Duration,
    /// Length of the route.
    pub length: Option<Length>,
    /// What it costs to build one that does not stand yet; `None` for one that stands.
    pub build_cost: Option<Money>,
    /// Ducts in which it lies; links of one duct are cut together.
    pub ducts: Vec<String>,
    /// Used only where nothing else reaches.
    pub standby: bool,
    /// Faults.
    pub reliability: Option<Reliability>,
}

/// Medium of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkKind {
    /// On land.
    Fibre,
    /// Under the sea.
    Submarine,
    /// By satellite.
    Satellite,
}

/// Data with copies.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Name.
    pub entity: Entity,
    /// Owner.
    pub nation: NationId,
    /// Size.
    pub size: DataSize,
    /// Class, which rules and evacuations may name.
    pub class: Option<String>,
    /// What losing it for good costs; what an evacuation order weighs.
    pub value: Money,
    /// Copies that the plan must place at different sites.
    pub replicas: u32,
    /// Time between two synchronisations of the copies: the recovery point when the primary is lost.
    pub replication_interval: Duration,
    /// Greatest age at which a copy cut off from the primary is read; `None` for any.
    pub max_staleness: Option<Duration>,
    /// Time between two offline backups, which no wiper reaches; `None` without any.
    pub backup_interval: Option<Duration>,
}

/// How much an interruption of a service matters; `T0` is shed last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Tier {
    /// Defence and emergency.
    T0,
    /// Government, health, energy.
    T1,
    /// Finance and industry.
    T2,
    /// Everything else.
    T3,
}

impl Tier {
    /// All, most critical first.
    pub const ALL: [Self; 4] = [Self::T0, Self::T1, Self::T2, Self::T3];
    /// `T0`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        ["T0", "T1", "T2", "T3"][self as usize]
    }
}

/// Inference demand.
#[derive(Clone, Debug)]
pub struct Service {
    /// Name.
    pub entity: Entity,
    /// Whose service: the law that applies.
    pub nation: NationId,
    /// Criticality.
    pub tier: Tier,
    /// Model in words.
    pub model: String,
    /// Demand averaged over the year, all origins.
    pub demand: TokenRate,
    /// Factor on the demand by hour.
    pub profile: Profile,
    /// Shares of demand by origin; they sum to one.
    pub origins: Vec<(NationId, f64)>,
    /// Most one-way network latency from origin to site.
    pub max_latency: Duration,
    /// Data that must be readable where the service runs.
    pub dataset: Option<DatasetId>,
    /// What a token takes on the network, requests and protocol with it; `None` where traffic is no matter.
    pub bytes_per_token: Option<DataSize>,
    /// Value of a token to its user; what a lost one costs.
    pub value: TokenPrice,
    /// What must keep running outside any single site.
    pub critical: Critical,
    /// Slow-down by the security mode: throughput is multiplied by `1 - overhead`.
    pub security_overhead: f64,
    /// People who depend on it.
    pub users: Option<u32>,
    /// How demand varies beyond `profile`.
    pub shape: DemandShape,
    /// How it is run.
    pub operation: Operation,
}

/// A target of a hazard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A site.
    Site(SiteId),
    /// A line.
    Line(LineId),
    /// A generator class (one unit per hit).
    Generator(GeneratorId),
    /// A substation: everything that is connected at the bus.
    Bus(BusId),
    /// A data link.
    Link(LinkId),
    /// A facility, and with it what needs it.
    Facility(FacilityId),
}

/// When a hazard happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Timing {
    /// Once, at a time.
    At(Time),
    /// As a Poisson process between two times.
    Rate {
        /// Events per time.
        rate: Rate,
        /// First possible moment.
        from: Time,
        /// Last possible moment.
        until: Time,
    },
}

/// A process that makes events.
#[derive(Clone, Debug)]
pub struct Hazard {
    /// Name.
    pub entity: Entity,
    /// What it does.
    pub kind: HazardKind,
}

/// The kinds of hazard.
#[derive(Clone, Debug)]
pub enum HazardKind {
    /// Outages of single things at random times, beyond their own reliability.
    RandomOutage {
        /// Each is hit independently.
        targets: Vec<Target>,
        /// When, for each target.
        timing: Timing,
        /// Time out \[s\].
        repair: Distribution,
        /// Share of the units of a class that an outage takes; `None` for one unit.
        units: Option<f64>,
    },
    /// Salvos of missiles or drones.
    StrikeCampaign {
        /// What may be aimed at, for [`Aim::List`] in its order; sites that the plan did not build drop out.
        targets: Vec<Target>,
        /// Salvos.
        timing: Timing,
        /// What comes, and what it does.
        strike: Box<Strike>,
    },
    /// Destruction of the virtual layer of segments.
    Wiper {
        /// Segments that can be reached.
        segments: Vec<SegmentId>,
        /// When.
        timing: Timing,
        /// Probability that each further segment is reached after the first.
        spread: f64,
        /// Share of each reached site that is wiped.
        share: f64,
        /// Restoration: (time since the attack, share of the wiped part restored), increasing, ends at 1. Empty where a team restores.
        restoration: Vec<(Duration, f64)>,
        /// Whether online replicas at wiped sites are lost.
        data_lost: bool,
        /// Entry, dwell, spread on the segment graph, detection, backups, recovery team.
        attack: Box<CyberAttack>,
    },
    /// Exploits of what sites have in common.
    CommonMode(Box<CommonMode>),
    /// Cuts of data links; all links of the same duct go together.
    CableCut {
        /// Which links.
        targets: Vec<LinkId>,
        /// When; each event cuts one duct of the targets, chosen at random.
        timing: Timing,
        /// Ducts cut by one event.
        cuts: u32,
        /// Time out \[s\].
        repair: Distribution,
    },
    /// Buses that lose all supply at once, and come back as `Bus::restoration` says.
    Blackout {
        /// Which.
        buses: Vec<BusId>,
        /// When.
        timing: Timing,
    },
    /// Heat on top of the sites' temperatures, and what it takes from generators and lines.
    Heatwave {
        /// Sites concerned.
        sites: Vec<SiteId>,
        /// How much hotter \[°C\].
        degrees: f64,
        /// Generators and lines that are derated.
        targets: Vec<Target>,
        /// Share of their capacity that they lose.
        derating: f64,
        /// First moment.
        from: Time,
        /// End, not included.
        until: Time,
        /// Probability that it comes.
        probability: f64,
    },
    /// No fuel is delivered to sites.
    FuelBlock {
        /// Sites concerned.
        sites: Vec<SiteId>,
        /// First moment.
        from: Time,
        /// End, not included: what was due comes then.
        until: Time,
        /// Probability that it comes.
        probability: f64,
    },
    /// A common cause, such as bad fuel, that keeps generators of many sites from starting.
    GeneratorFailure {
        /// Sites concerned.
        sites: Vec<SiteId>,
        /// Probability of a start where it is there.
        start: f64,
        /// First moment.
        from: Time,
        /// End, not included.
        until: Time,
        /// Probability that the cause is there, in a history.
        probability: f64,
    },
    /// Ducts that pass through states.
    DegradedLinks {
        /// Links whose ducts do, each duct by itself.
        targets: Vec<LinkId>,
        /// Events that make a duct leave the first state, for each duct; `None` for a chain that runs by itself.
        timing: Option<Timing>,
        /// When the first state begins.
        from: Time,
        /// When all ducts return to it for good.
        until: Time,
        /// The states.
        states: Vec<LinkState>,
    },
    /// A disruption of supply, markets or law.
    Disruption(Box<Disruption>),
    /// Late deliveries.
    SupplyDelay {
        /// Types concerned; empty means all.
        accelerators: Vec<AcceleratorId>,
        /// Probability that it happens.
        probability: f64,
        /// How late \[s\].
        delay: Distribution,
    },
}

/// How an attacker chooses targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aim {
    /// All alike.
    Random,
    /// In proportion to announced size: IT power of sites, capacity of lines and units.
    Value,
    /// At what serves most at that moment, times the probability of taking it out; never at what is out.
    Adaptive,
    /// By a list, in its order, again and again.
    List,
}

/// What happens to requests when their site is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failover {
    /// Nothing: they wait for it.
    None,
    /// To the stand-by of the plan.
    Planned,
    /// To the stand-by, then to any legal site with free accelerators.
    AnyLegal,
}

/// `[policy]`.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Failover.
    pub failover: Failover,
    /// Time until another site has taken over.
    pub failover_time: Duration,
    /// Whether services may take the accelerators of campaigns of a lower tier.
    pub preempt_training: bool,
    /// What the sites' load is worth in the shedding ladder of the grid.
    pub value_of_lost_load: EnergyPrice,
    /// Most share of a site's accelerators that services may fill on a mean day, so that peaks fit.
    pub headroom: f64,
    /// What happens on the grid within seconds and minutes.
    pub grid: GridPolicy,
}

/// `[plan]`.
#[derive(Clone, Debug)]
pub struct Planning {
    /// Where the scenario has it, for messages about conflicts.
    pub span: Span,
    /// Where `budget` stands.
    pub budget_span: Span,
    /// Where `it_power` stands.
    pub it_power_span: Span,
    /// What the plan is for.
    pub ranking: Ranking,
    /// Most capital spent.
    pub budget: Money,
    /// Most IT power of all sites together.
    pub it_power: Power,
    /// Sites that may be used.
    pub candidates: Vec<SiteId>,
    /// Types that may be bought, with a cap on the number where there is one.
    pub accelerators: Vec<(AcceleratorId, Option<u32>)>,
    /// Tiers that must survive the loss of any single site.
    pub survive_site_loss: Vec<Tier>,
    /// Least share of each tier's mean demand that must be served; `None` leaves it to the value of lost tokens.
    pub min_service: [Option<f64>; 4],
    /// Outlooks, outages, and how the plan weighs them.
    pub uncertainty: Uncertainty,
    /// Whether, and how far, the plan must hold in simulation.
    pub verification: Option<Verification>,
    /// Fewest and most sites.
    pub sites: (u32, u32),
    /// Weighted cost of capital per year.
    pub discount_rate: f64,
    /// Yearly cost of serving services from sites, where the scenario gives it.
    pub serving_cost: Option<ServingCost>,
    /// Whether all ends of links stay connected when any single link is down.
    pub survive_link_loss: bool,
    /// Life of buildings and connections.
    pub building_lifetime: Duration,
    /// From order to energised.
    pub lead_time: Duration,
    /// Relative gap at which the solver may stop.
    pub gap: f64,
    /// Time limit for the solver.
    pub time_limit: Duration,
}

/// `[[alternative]]`: a rival architecture under the same budget and power.
#[derive(Clone, Debug)]
pub struct Alternative {
    /// Name.
    pub entity: Entity,
    /// A plan file instead of a search.
    pub plan: Option<PathBuf>,
    /// Sites allowed; `None` for all candidates.
    pub sites: Option<Vec<SiteId>>,
    /// Fewest and most sites; overrides `[plan]`.
    pub count: Option<(u32, u32)>,
    /// Sites that must be built.
    pub required: Vec<SiteId>,
    /// Least share of IT power in sites of a tier.
    pub tier_share: Vec<(SiteTier, f64)>,
    /// Most share of IT power at any one site.
    pub max_site_share: Option<f64>,
    /// Tiers that must survive the loss of any single site; overrides `[plan]`.
    pub survive_site_loss: Option<Vec<Tier>>,
    /// What it allows of the supply of a roadmap.
    pub supply: Supply,
}

/// When something is legal: the half-open interval in which every rule allows it. Empty when `from >= until`.
#[derive(Clone, Debug, PartialEq)]
pub struct Legality {
    /// From.
    pub from: Time,
    /// Until.
    pub until: Time,
    /// The first rule or key that forbids it at the start, for messages.
    pub forbidden_by: Option<(String, Span)>,
}

impl Legality {
    /// Allowed at a time.
    #[inline]
    #[must_use]
    pub fn at(&self, time: Time) -> bool {
        self.from <= time && time < self.until
    }
    /// Allowed at all times of the scenario.
    #[must_use]
    pub fn always(&self) -> bool {
        self.from == Time::ZERO && self.until == Time::NEVER
    }
}

/// `[report]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReportSettings {
    /// Who publishes it.
    pub letterhead: Option<String>,
    /// Words under the title.
    pub summary: Option<String>,
    /// Metrics that the tables of cases show; the headline if empty.
    pub metrics: Vec<MetricPattern>,
    /// Most replications of each case; those of the study if absent.
    pub case_replications: Option<u32>,
    /// Replications of each plan where the command line says nothing.
    pub replications: Option<u32>,
    /// `[[question]]`.
    pub questions: Vec<Question>,
}

impl Model {
    /// A replica of a service on a type; one accelerator with unknown times where the model does not say.
    #[must_use]
    pub fn replica(&self, service: usize, accelerator: usize) -> Replica {
        let known = self.replicas.get(service).and_then(|row| row.get(accelerator));
        known.cloned().unwrap_or(Replica { accelerators: 1, law: None })
    }

    /// Value of a profile in an hour, in the base unit of its quantity.
    #[inline]
    #[must_use]
    pub fn at(&self, profile: Profile, hour: usize) -> f64 {
        match profile {
            Profile::Constant(value) => value,
            Profile::Series { series, scale } => {
                let values = &self.series[series].values;
                scale * values[hour.min(values.len() - 1)]
            }
        }
    }

    /// Mean of a profile over the scenario, in the base unit of its quantity.
    #[must_use]
    pub fn mean(&self, profile: Profile) -> f64 {
        match profile {
            Profile::Constant(value) => value,
            Profile::Series { series, scale } => {
                let it = &self.series[series];
                scale * it.sum / it.values.len() as f64
            }
        }
    }

    /// Power usage effectiveness of a site at an outdoor temperature: base up to free cooling, then linear.
    #[must_use]
    pub fn pue(&self, site: SiteId, temperature: Option<Temperature>) -> f64 {
        let site = &self.sites[site];
        let above = temperature.map_or(0.0, |now| (now - site.free_cooling).as_celsius().max(0.0));
        site.pue + site.pue_rise_per_degree * above
    }
}
