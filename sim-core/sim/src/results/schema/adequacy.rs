//! Adequacy of the scenario's grid in `summary.json`.

use serde::{Deserialize, Serialize};

/// A mean with its standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    /// Mean.
    pub mean: f64,
    /// Standard error of the mean; absent for a single simulated year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr: Option<f64>,
}

/// Adequacy without AI load, with that of each plan, and how much more each zone could host. Indices are for 8,760 h.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AdequacyFacts {
    /// How often the scenario's hours were simulated in each case.
    pub repetitions: u32,
    /// The same for each size of hosted load.
    pub host_repetitions: u32,
    /// Hours of the scenario.
    pub hours: usize,
    /// Zones, in the order of all lists by zone.
    pub zones: Vec<ZoneFacts>,
    /// Cases: first without AI load, then each plan's, all under the same failures.
    pub cases: Vec<AdequacyCase>,
    /// Most loss of load that hosting accepts \[h per 8,760 h\].
    pub most_lole_h_per_year: f64,
    /// Most share of the hours in which a hosted load yields.
    pub most_yield_share: f64,
    /// What zones with candidate sites could host beside the reference plan.
    pub hosting: Vec<HostingFacts>,
}

/// A zone of the adequacy study.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ZoneFacts {
    /// Bus, or nation where several buses that AC lines join are one zone.
    pub zone: String,
    /// Its nation.
    pub nation: String,
}

/// How the AI load counts in a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AiCase {
    /// There is none.
    Without,
    /// As the sites of the scenario say.
    AsPlanned,
    /// All of it yields before anyone else.
    Interruptible,
}

/// One case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdequacyCase {
    /// Alternative; absent without AI load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternative: Option<String>,
    /// How its AI load counts.
    pub ai: AiCase,
    /// All zones together: some zone is short.
    pub system: ShortfallFacts,
    /// Each zone.
    pub zones: Vec<ShortfallFacts>,
    /// AI load of each site with accelerators.
    pub sites: Vec<YieldFacts>,
}

/// Loss of load of the firm load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ShortfallFacts {
    /// Hours short.
    pub lole_h_per_year: Mean,
    /// Events.
    pub lolf_per_year: Mean,
    /// Energy not served \[MWh\].
    pub eue_mwh_per_year: Mean,
    /// The same per million of the demand.
    pub neue_ppm: Mean,
}

/// What a site has to yield.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct YieldFacts {
    /// Site.
    pub site: String,
    /// Position of its zone.
    pub zone: usize,
    /// Whether it yields before the firm load by agreement.
    pub interruptible: bool,
    /// Its mean demand \[MW\].
    pub mw: f64,
    /// Hours in which the grid does not give it all.
    pub hours_per_year: Mean,
    /// Those hours as a share of all.
    pub share: Mean,
    /// Energy that the grid does not give it \[MWh\].
    pub mwh_per_year: Mean,
    /// Hours in which its own generators do not replace all of that.
    pub lost_h_per_year: Mean,
    /// Energy that they do not replace \[MWh\].
    pub lost_mwh_per_year: Mean,
}

/// What a zone could host beside the reference plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HostingFacts {
    /// Position of the zone.
    pub zone: usize,
    /// Firm load; absent where the zone is beyond the limit without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firm: Option<HostSize>,
    /// Load that yields first; absent where no size keeps the limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interruptible: Option<HostSize>,
    /// Sizes from small to large.
    pub curve: Vec<HostPointFacts>,
}

/// The largest load that keeps its limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HostSize {
    /// Size \[MW\]; its error is that of the risk over its slope, and the step of the search.
    pub mw: Mean,
    /// Smallest size known to miss the limit \[MW\]; absent where all that was tried keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub misses_mw: Option<f64>,
    /// The risk at that size: LOLE [h per 8,760 h] of firm load, share of the hours of load that yields.
    pub risk: Mean,
}

/// A size of hosted load and what it does. Its hours count as short when any of it is not served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HostPointFacts {
    /// Size \[MW\].
    pub mw: f64,
    /// Hours in which the zone is short, if the load is firm.
    pub firm_lole_h_per_year: Mean,
    /// Share of the hours in which it yields, if it yields first.
    pub yield_share: Mean,
}
