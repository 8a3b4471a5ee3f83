//! Facilities: what other things need to work.

use bastide_units::Duration;

use super::{Endpoint, Entity, GeneratorId, Hardening, LineId, LinkId, NationId, Place, Reliability, SegmentId, ServiceId, SiteId};

/// What a facility is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FacilityKind {
    /// Where a submarine cable comes ashore.
    LandingPoint,
    /// Amplifiers and junctions of a fibre route.
    FibreHut,
    /// Transformers and switchgear.
    Substation,
    /// From where a network is run.
    ControlCentre,
    /// The virtual layer that starts and stops work.
    ControlPlane,
    /// Who may log in.
    Identity,
    /// Whether software may run.
    LicenceServer,
}

impl FacilityKind {
    /// The word of the scenario.
    #[must_use]
    pub const fn name(self) -> &'static str {
        crate::keys::FACILITY_KINDS[self as usize]
    }
    /// Whether it is reached over the network by what needs it; the others are part of a network themselves.
    #[must_use]
    pub const fn is_remote(self) -> bool {
        matches!(self, Self::ControlCentre | Self::ControlPlane | Self::Identity | Self::LicenceServer)
    }
}

/// What needs a facility.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dependant {
    /// A site.
    Site(SiteId),
    /// A service, at every site.
    Service(ServiceId),
    /// A data link.
    Link(LinkId),
    /// An electric line.
    Line(LineId),
    /// All units of a class.
    Generator(GeneratorId),
}

/// Something that other things need.
#[derive(Clone, Debug)]
pub struct Facility {
    /// Name.
    pub entity: Entity,
    /// What it is.
    pub kind: FacilityKind,
    /// Where it is on the network.
    pub at: Endpoint,
    /// Where to draw it.
    pub place: Option<Place>,
    /// What needs it, each once.
    pub needed_by: Vec<Dependant>,
    /// What needs several facilities of a group needs any one of them.
    pub group: Option<String>,
    /// How long what needs it goes on without it.
    pub grace: Duration,
    /// Segment of the management network.
    pub segment: Option<SegmentId>,
    /// Who runs it.
    pub operator: Option<String>,
    /// Where the operator is at home.
    pub operator_nation: NationId,
    /// How well it withstands a hit.
    pub hardening: Hardening,
    /// Outages; `None` if it never fails by itself.
    pub reliability: Option<Reliability>,
}
