//! Who needs which facilities.

use bastide_model::model::{Dependant, FacilityKind, Model, NationId};
use bastide_units::Duration;

use crate::world::network::Graph;

/// Something that goes without a facility when no facility of a group is there for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claimant {
    /// The site stops.
    Site(usize),
    /// The site has no access to the hub of its nation.
    Access(usize),
    /// The site gets nothing from the grid.
    Supply(usize),
    /// The service is not served at the site.
    ServiceAt { service: usize, site: usize },
    /// The link is out.
    Link(usize),
    /// The line is out.
    Line(usize),
    /// All units of the class are out.
    Generator(usize),
}

/// What needs any one of some facilities.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub by: Claimant,
    /// Facilities any of which is enough.
    pub members: Vec<usize>,
    /// Where it reaches them from; `None` where it need not.
    pub node: Option<usize>,
    /// How long it goes on without.
    pub grace: Duration,
    /// What is missing, in words.
    pub note: &'static str,
}

/// Claims in the order of the facilities that make them; one for each thing and group.
pub(super) fn claims(model: &Model, built: &[bool], able: &dyn Fn(usize, usize) -> bool, graph: &Graph) -> Vec<Claim> {
    let mut claims: Vec<Claim> = Vec::new();
    for (at, facility) in model.facilities.iter().enumerate() {
        let group = |other: usize| other == at || (facility.group.is_some() && model.facilities[other].group == facility.group);
        for &dependant in &facility.needed_by {
            let members: Vec<usize> = (0..model.facilities.len())
                .filter(|&other| group(other) && model.facilities[other].needed_by.contains(&dependant))
                .collect();
            // The first of the group speaks for all.
            if members[0] != at {
                continue;
            }
            let grace = members.iter().map(|member| model.facilities[*member].grace).fold(Duration::ZERO, Duration::max);
            let foreign = |home| members.iter().all(|member| is_foreign(model, model.facilities[*member].operator_nation, home));
            let mut claim = |by, node, home: Option<NationId>| {
                let note = missing(facility.kind, home.is_some_and(foreign));
                claims.push(Claim { by, members: members.clone(), node, grace, note });
            };
            let is_power = facility.kind == FacilityKind::Substation;
            match dependant {
                Dependant::Link(id) => claim(Claimant::Link(id.index()), None, None),
                Dependant::Line(id) => claim(Claimant::Line(id.index()), None, None),
                Dependant::Generator(id) => claim(Claimant::Generator(id.index()), None, None),
                Dependant::Site(id) if !built[id.index()] => {}
                Dependant::Site(id) if is_power => claim(Claimant::Supply(id.index()), None, None),
                Dependant::Site(id) if facility.kind.is_remote() => {
                    claim(Claimant::Site(id.index()), Some(graph.hubs + id.index()), Some(model.sites[id].nation));
                }
                Dependant::Site(id) => claim(Claimant::Access(id.index()), None, None),
                Dependant::Service(id) => {
                    for site in (0..model.sites.len()).filter(|&site| able(id.index(), site)) {
                        let node = if is_power { None } else { Some(graph.hubs + site) };
                        claim(Claimant::ServiceAt { service: id.index(), site }, node, Some(model.services[id].nation));
                    }
                }
            }
        }
    }
    claims
}

/// An operator is foreign where it is at home in another nation that shares no group with this one.
fn is_foreign(model: &Model, operator: NationId, home: NationId) -> bool {
    let (operator_groups, home_groups) = (&model.nations[operator].groups, &model.nations[home].groups);
    operator != home && !operator_groups.iter().any(|group| home_groups.contains(group))
}

fn missing(kind: FacilityKind, foreign: bool) -> &'static str {
    match (kind, foreign) {
        (FacilityKind::LandingPoint, _) => "no landing point",
        (FacilityKind::FibreHut, _) => "no fibre hut",
        (FacilityKind::Substation, _) => "no substation",
        (FacilityKind::ControlCentre, false) => "no control centre",
        (FacilityKind::ControlCentre, true) => "no foreign control centre",
        (FacilityKind::ControlPlane, false) => "no control plane",
        (FacilityKind::ControlPlane, true) => "no foreign control plane",
        (FacilityKind::Identity, false) => "no identity",
        (FacilityKind::Identity, true) => "no foreign identity",
        (FacilityKind::LicenceServer, false) => "no licence server",
        (FacilityKind::LicenceServer, true) => "no foreign licence server",
    }
}
