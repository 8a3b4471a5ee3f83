//! What a scenario says about blackouts, the way back, shedding and cascades.

use bastide_engine::Distribution;
use bastide_units::Duration;

/// How a bus comes back after a blackout; see `ZoneRestoration` of `bastide-grid`.
#[derive(Clone, Debug, PartialEq)]
pub struct BusRestoration {
    /// Time from the blackout to its first load \[s\].
    pub black_start: Distribution,
    /// Time from the blackout until all of the lost load could be served \[s\].
    pub restored_after: Distribution,
    /// What black-start units carry as soon as they run, as a share of the lost load.
    pub head_start: f64,
    /// Mean time by which load follows capability.
    pub lag: Duration,
    /// Share of the capacity of lines from live buses that helps.
    pub help: f64,
}

impl Default for BusRestoration {
    fn default() -> Self {
        Self {
            black_start: Distribution::Fixed(2.0 * 3600.0),
            restored_after: Distribution::Fixed(12.0 * 3600.0),
            head_start: 0.0,
            lag: Duration::ZERO,
            help: 0.0,
        }
    }
}

/// How a load is cut and comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadCut {
    /// Higher comes back first.
    pub priority: i64,
    /// Equal parts that are cut in turn.
    pub feeders: u32,
}

impl Default for LoadCut {
    fn default() -> Self {
        Self { priority: 0, feeders: 1 }
    }
}

/// How a site loses power and takes it again.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SiteSupply {
    /// Higher comes back first.
    pub priority: i64,
    /// Least time from the loss of its bus until it takes power from the grid again.
    pub reconnect_after: Duration,
    /// Probability that its generators start under a common cause; `None` for that of the hazard.
    pub common_start: Option<f64>,
}

/// How a shortage is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shedding {
    /// The load with the lowest value of lost load goes first, for as long as it takes.
    ByValue,
    /// Feeders take turns.
    Rolling,
}

/// When sites come back after a blackout of their bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reconnect {
    /// Among the loads, by priority, then by the value of lost load.
    ByPriority,
    /// Before all loads.
    First,
    /// When all loads at their bus are served.
    Last,
}

/// What happens on the grid within seconds and minutes.
#[derive(Clone, Debug, PartialEq)]
pub struct GridPolicy {
    /// Whether sudden losses can cascade.
    pub cascades: bool,
    /// Inertia constant of what turns.
    pub inertia: Duration,
    /// What a unit can add within half a minute, as a share of its capacity.
    pub reserve: f64,
    /// Generation lost at once, as a share of the load of its island, at which the island collapses whatever its frequency; `None` for
    /// the frequency alone.
    pub collapse_share: Option<f64>,
    /// Time until lines that protection opened and load that it cut are back.
    pub reclose: Duration,
    /// How a shortage is shared.
    pub shedding: Shedding,
    /// Length of a turn of rolling shedding.
    pub shedding_block: Duration,
    /// When sites come back.
    pub reconnect: Reconnect,
}

impl Default for GridPolicy {
    fn default() -> Self {
        Self {
            cascades: false,
            inertia: Duration::from_s(4.0),
            reserve: 0.05,
            collapse_share: None,
            reclose: Duration::from_min(30.0),
            shedding: Shedding::ByValue,
            shedding_block: Duration::from_h(2.0),
            reconnect: Reconnect::ByPriority,
        }
    }
}
