//! What exists: areas with their loads, units, storage, hydro, ties, hour by hour.

use std::ops::Range;

/// A power system over a chronological horizon of hours (8,736, 8,760, 8,784 or any other number).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct System {
    /// Hours of the horizon -- constant. Every series has as many.
    pub hours: usize,
    /// Areas; inside one nothing limits the flow -- constant.
    pub areas: Vec<Area>,
    /// Classes of identical units -- constant.
    pub units: Vec<Unit>,
    /// Storage -- constant.
    pub storages: Vec<Storage>,
    /// Energy-limited hydro -- constant.
    pub hydros: Vec<Hydro>,
    /// Ties between areas -- constant.
    pub ties: Vec<Tie>,
}

/// An area: a country, a zone or a bus.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Area {
    /// Name -- constant.
    pub name: String,
    /// Firm load by hour \[MW\] -- constant. Shed last.
    pub load_mw: Vec<f64>,
    /// Generation without outages that is taken as it comes (wind, sun, run of river), by hour, or empty \[MW\] -- constant.
    pub variable_mw: Vec<f64>,
    /// Standard deviation of the load forecast as a share of the load; one normal factor a year -- constant.
    pub forecast_error: f64,
    /// Further demand, shed before the firm load in the order of this list -- constant.
    pub tiers: Vec<Tier>,
}

/// Demand that is shed before the firm load: AI load, demand response.
#[derive(Clone, Debug, PartialEq)]
pub struct Tier {
    /// Name -- constant.
    pub name: String,
    /// How its curtailment counts -- constant.
    pub kind: TierKind,
    /// Demand by hour \[MW\] -- constant. For demand response: the part of the area's load that can be asked to stop.
    pub mw: Vec<f64>,
    /// Power of its own generators behind the meter, that keep it running when it is shed \[MW\] -- constant.
    pub backup_mw: f64,
    /// Hours of fuel of those generators at full power, refilled when it has not run for a day -- constant.
    pub backup_h: f64,
    /// Most hours in a day for which it may be curtailed; 24 has no limit -- constant.
    pub most_h_per_day: f64,
}

/// How the curtailment of a tier counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TierKind {
    /// Its curtailment is a loss of load, like that of the firm load.
    Firm,
    /// It has agreed to yield: its curtailment is reported, but is no loss of load.
    Interruptible,
}

/// A class of identical units, each with its own failures.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// Name -- constant.
    pub name: String,
    /// Position of its area -- constant.
    pub area: usize,
    /// Number of units -- constant.
    pub count: u32,
    /// Capacity of one unit \[MW\] -- constant.
    pub capacity_mw: f64,
    /// Available share of the capacity by hour when up, or empty for 1 -- constant.
    pub profile: Vec<f64>,
    /// Failures between full capacity and none -- constant.
    pub outage: TwoState,
    /// A derated state, for a unit with three -- constant.
    pub derated: Option<DeratedState>,
    /// Planned maintenance: hours in which the whole class is out -- constant.
    pub maintenance: Vec<Range<usize>>,
}

/// Failure and repair of a component; all rates are constant in time (exponential sojourns).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TwoState {
    /// Never fails.
    Perfect,
    /// Only its long-run unavailability is known: indices of frequency and duration cannot be had.
    Unavailability(f64),
    /// Mean time to failure and mean time to repair \[h\], both positive.
    Times {
        /// Mean time to failure \[h\] -- constant.
        mttf_h: f64,
        /// Mean time to repair \[h\] -- constant.
        mttr_h: f64,
    },
}

impl TwoState {
    /// Long-run probability of being out (forced outage rate): MTTR / (MTTF + MTTR).
    #[must_use]
    pub fn unavailability(self) -> f64 {
        match self {
            Self::Perfect => 0.0,
            Self::Unavailability(share) => share,
            Self::Times { mttf_h, mttr_h } => mttr_h / (mttf_h + mttr_h),
        }
    }
}

/// The third state of a unit: reached from full capacity and left to it, beside the full outage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeratedState {
    /// Share of the capacity that is left -- constant.
    pub capacity_share: f64,
    /// Failures to it, mean time between them while up, and mean time to return; or its long-run probability -- constant.
    pub outage: TwoState,
}

/// Storage.
#[derive(Clone, Debug, PartialEq)]
pub struct Storage {
    /// Name -- constant.
    pub name: String,
    /// Position of its area -- constant.
    pub area: usize,
    /// Most charging power \[MW\] -- constant.
    pub charge_mw: f64,
    /// Most discharging power \[MW\] -- constant.
    pub discharge_mw: f64,
    /// Energy content \[MWh\] -- constant.
    pub energy_mwh: f64,
    /// Share of the charged energy that is stored -- constant.
    pub charge_efficiency: f64,
    /// Share of the energy taken out that is delivered -- constant.
    pub discharge_efficiency: f64,
    /// Content at the start as a share of the energy -- constant.
    pub initial: f64,
    /// Failures -- constant.
    pub outage: TwoState,
}

/// Hydro with a reservoir and an inflow.
#[derive(Clone, Debug, PartialEq)]
pub struct Hydro {
    /// Name -- constant.
    pub name: String,
    /// Position of its area -- constant.
    pub area: usize,
    /// Most power \[MW\] -- constant.
    pub power_mw: f64,
    /// Reservoir \[MWh\] -- constant.
    pub energy_mwh: f64,
    /// Inflow by hour; what the reservoir cannot hold is spilt \[MWh\] -- constant.
    pub inflow_mwh: Vec<f64>,
    /// Content at the start as a share of the reservoir -- constant.
    pub initial: f64,
    /// Failures -- constant.
    pub outage: TwoState,
}

/// A tie between two areas.
#[derive(Clone, Debug, PartialEq)]
pub struct Tie {
    /// Name -- constant.
    pub name: String,
    /// Area at one end -- constant.
    pub from: usize,
    /// Area at the other end -- constant.
    pub to: usize,
    /// Most power from `from` to `to` \[MW\] -- constant.
    pub forward_mw: f64,
    /// Most power from `to` to `from` \[MW\] -- constant.
    pub backward_mw: f64,
    /// Failures -- constant.
    pub outage: TwoState,
}
