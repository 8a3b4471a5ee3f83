//! Segments of the management network, attacks on the virtual layer, and exploits of what sites share.

use bastide_engine::Distribution;
use bastide_units::{MoneyRate, Rate};

use super::{Dependant, Facility, FacilityKind, SegmentId, SiteId, Timing};

/// What `[[segment]]` says of the segments, by [`SegmentId`]; those without an entry are closed, unconnected and of one part.
#[derive(Clone, Debug, Default)]
pub struct SegmentGraph {
    /// Whether an attacker may enter there.
    pub exposed: Vec<bool>,
    /// Directed edges: who holds the first may reach the second.
    pub edges: Vec<(SegmentId, SegmentId)>,
    /// Share by which zero trust lowers the rate of spread into a segment and within it.
    pub zero_trust: Vec<f64>,
    /// Parts into which the accelerators of each of its sites are divided.
    pub micro_segments: Vec<u32>,
    /// Yearly cost of all of its measures.
    pub upkeep: Vec<MoneyRate>,
}

impl SegmentGraph {
    /// Whether an attacker may enter a segment.
    #[must_use]
    pub fn is_exposed(&self, segment: usize) -> bool {
        self.exposed.get(segment).copied().unwrap_or(false)
    }
    /// Share of the rate of spread into a segment that is left, 0 to 1.
    #[must_use]
    pub fn openness(&self, segment: usize) -> f64 {
        1.0 - self.zero_trust.get(segment).copied().unwrap_or(0.0)
    }
    /// Parts of each of its sites.
    #[must_use]
    pub fn parts(&self, segment: usize) -> f64 {
        f64::from(self.micro_segments.get(segment).copied().unwrap_or(1).max(1))
    }
    /// Whether two segments have an edge, in either direction.
    #[must_use]
    pub fn joined(&self, a: SegmentId, b: SegmentId) -> bool {
        self.edges.iter().any(|&edge| edge == (a, b) || edge == (b, a))
    }
}

/// How an attack on segments goes, beyond what it wipes.
#[derive(Clone, Debug)]
pub struct CyberAttack {
    /// Where it may enter: positions in the attack's list of segments. Empty for any of them.
    pub entry: Vec<usize>,
    /// Time from entry to detonation \[s\]; `None` for none.
    pub dwell: Option<Distribution>,
    /// Time that he was inside already when the hazard happens \[s\].
    pub inside: Distribution,
    /// Rate at which an edge of the segment graph is crossed during the dwell time; `None` where each further segment is reached
    /// with a probability.
    pub spread_rate: Option<Rate>,
    /// Time from entry until it is found \[s\]; `None` for never. Found before it detonates, it wipes nothing.
    pub detection: Option<Distribution>,
    /// How long the sites of reached segments are isolated when it is found \[s\].
    pub isolation: Distribution,
    /// Share of the offline copies that the attack reached: 0 for intact backups, 1 where none is left.
    pub backups_lost: f64,
    /// Factor on the work of restoration where no backup is left.
    pub rebuild: f64,
    /// Whether all accelerators of a reached site, or of its parts, stand idle until they are restored, rather than those that were wiped.
    pub services_stop: bool,
    /// Which healthy sites are shut down as a precaution.
    pub shutdown: Shutdown,
    /// For how long \[s\].
    pub shutdown_time: Distribution,
    /// Restoration by a team; `None` for restoration in given steps.
    pub recovery: Option<Recovery>,
}

/// Sites that were not reached and are shut down all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// None.
    None,
    /// Those of an operator with a reached site.
    Operator,
    /// Those in segments with an edge from or to a reached one.
    Connected,
    /// All.
    All,
}

/// Restoration by people, one queue over all sites, the most critical tier first.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// People at work at any time.
    pub team: u32,
    /// Time from the attack until work begins \[s\].
    pub assessment: Distribution,
    /// Work on one wiped accelerator \[person s\].
    pub work: Distribution,
    /// Work on a site before its first accelerator comes back \[person s\].
    pub site_work: Distribution,
    /// Work on a facility of a reached segment \[person s\].
    pub facility_work: Distribution,
}

/// An exploit of what sites have in common.
#[derive(Clone, Debug)]
pub struct CommonMode {
    /// Sites that may be hit.
    pub sites: Vec<SiteId>,
    /// When.
    pub timing: Timing,
    /// What sites must share to fail together.
    pub shares: Shared,
    /// The one vendor, firmware, operator, tier or segment that is exploited; `None` for each of them by itself.
    pub only: Option<String>,
    /// Probability that an event hits one site.
    pub probability: f64,
    /// Correlation between the hits of two sites that share it.
    pub correlation: f64,
    /// Time out \[s\].
    pub repair: Distribution,
}

/// What sites may have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shared {
    /// Vendor of accelerators; only those of the vendor stop.
    Vendor,
    /// Firmware of the site.
    Firmware,
    /// Control plane that the sites need: a facility, or a group of them.
    ControlPlane,
    /// Operator.
    Operator,
    /// Tier of the site.
    Tier,
    /// Segment of the management network.
    Segment,
}

impl super::Model {
    /// What a site has of what an exploit may hit; vendors belong to accelerators, not to sites.
    #[must_use]
    pub fn shared(&self, shares: Shared, site: usize) -> Option<&str> {
        let it = self.sites.get(site)?;
        match shares {
            Shared::Vendor => None,
            Shared::Firmware => it.firmware.as_deref(),
            Shared::ControlPlane => {
                let needs = Dependant::Site(SiteId::from_index(site));
                let plane = |facility: &&Facility| facility.kind == FacilityKind::ControlPlane && facility.needed_by.contains(&needs);
                self.facilities.iter().find(plane).map(|facility| facility.group.as_deref().unwrap_or(&facility.entity.name))
            }
            Shared::Operator => Some(&it.operator),
            Shared::Tier => crate::keys::SITE_TIERS.get(it.tier as usize).copied(),
            Shared::Segment => self.segments.get(it.segment.index()).map(String::as_str),
        }
    }
}
