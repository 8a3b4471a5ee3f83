//! What a plan says about uncertainty: what runs in each outlook, what is held in reserve, the worst case it was made against.

use bastide_units::TokenRate;

use super::Placement;
use crate::model::{AcceleratorId, ServiceId, SiteId};

/// The part of a plan that only a scenario with outlooks, critical demand or a worst case has. Empty otherwise.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hedge {
    /// What runs in each outlook but the first, which is the plan itself; in the scenario's order.
    pub recourse: Vec<Recourse>,
    /// Capacity held beside what is served, so that critical demand keeps running outside any single site.
    pub reserves: Vec<Reserve>,
    /// Critical demand that nothing covers, by service.
    pub uncovered: Vec<(ServiceId, TokenRate)>,
    /// The worst case that the plan was made against.
    pub worst: Option<Worst>,
}

/// What runs in an outlook.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recourse {
    /// Position of the outlook in the scenario; 1 is the second.
    pub outlook: usize,
    /// Where services run.
    pub placements: Vec<Placement>,
    /// Demand left unserved, by service.
    pub unserved: Vec<(ServiceId, TokenRate)>,
}

/// Capacity held for a service at a site.
#[derive(Clone, Debug, PartialEq)]
pub struct Reserve {
    /// Service.
    pub service: ServiceId,
    /// Site.
    pub site: SiteId,
    /// Accelerators on a mean day, by type.
    pub accelerators: Vec<(AcceleratorId, f64)>,
}

/// A worst case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Worst {
    /// Most sites that could be lost.
    pub sites: u32,
    /// Sites lost in the worst case.
    pub lost: Vec<SiteId>,
    /// Services whose demand rises in it.
    pub raised: Vec<ServiceId>,
    /// Critical demand left unserved in it, by service.
    pub unserved: Vec<(ServiceId, TokenRate)>,
}

impl Hedge {
    /// Whether a plan has nothing of it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
