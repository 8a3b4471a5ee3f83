//! What is learnt from one history: metrics, a timeline, events and balances.
//!
//! The [`Layout`] depends on the model alone, so that the histories of every plan can be paired number by number.
//! Metrics and channels never hold NaN: what stands where nothing can be measured is said in each meaning.

mod balance;
mod layout;

pub use balance::Balance;
pub(crate) use layout::{COST_LINES, REASONS, evacuation_classes, shows_attacks};
pub use layout::{ChannelDef, Layout, MetricDef, entity_name};

use bastide_units::Time;

/// Which direction of a metric is the good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
    /// Neither; it describes.
    Neither,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct EventRecord {
    /// When.
    pub time: Time,
    /// Number of the event in its history, increasing in order of happening; the same with and without `trace`.
    pub seq: u64,
    /// The event that caused it; `None` for what comes from outside. Always an earlier one.
    pub cause_seq: Option<u64>,
    /// What: `strike`, `site-down`, `service-lost`, ...; a fixed word.
    pub kind: &'static str,
    /// Kind of thing it happened to: `hazard`, `site`, `line`, `generator`, `link`, `facility`, `service`, `campaign`, `dataset`, `fleet`, `spike`.
    pub entity_kind: &'static str,
    /// Position in the model's table of that kind; for `fleet`, the position of its site. See [`entity_name`].
    pub entity: u32,
    /// A number whose meaning depends on `kind`: hours out, munitions leaking, share served, accelerators.
    pub value: f64,
    /// Words on it; may be empty.
    pub note: &'static str,
}

/// One simulated history.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// Which replication.
    pub replication: u32,
    /// Values in the order of [`Layout::metrics`].
    pub metrics: Vec<f64>,
    /// Time-weighted mean in each bin, channel by channel: `timeline[channel * bins + bin]`; empty without [`Options::timeline`].
    pub timeline: Vec<f32>,
    /// What happened, in order. Node and generating-unit events only under [`Options::trace`].
    pub events: Vec<EventRecord>,
    /// Totals that must balance.
    pub balance: Balance,
}

/// How much is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Also record node failures and generating-unit outages.
    pub trace: bool,
    /// Record the channels over time: 5 % of the time of a history of 40 sites and 10 services for a year (2026, `tests/world/speed.rs`).
    pub timeline: bool,
    /// Sum up how long requests take, which where all services have requests of known length takes a third of the time of such a history;
    /// without, these metrics are as if lengths were unknown.
    pub latency: bool,
}

impl Default for Options {
    /// All that the results folder holds: no trace.
    fn default() -> Self {
        Self { trace: false, timeline: true, latency: true }
    }
}
