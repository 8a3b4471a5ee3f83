//! What can be attacked in a world.

use bastide_engine::Distribution;
use bastide_model::model::{
    AcceleratorId, BusId, Dependant, Facility, FacilityId, GeneratorId, LineId, LinkId, Model, SegmentId, SiteId, Target,
};
use bastide_model::plan::Plan;
use bastide_units::{Duration, Quantity};

/// Kinds of targets in a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WorldKind {
    /// Sites that hold accelerators.
    Sites,
    /// Substations: a bus with all that is connected there.
    Buses,
    /// Electric lines.
    Lines,
    /// Classes of generating units, all units of a class; each takes a resource.
    Plants,
    /// Data links; those of one duct go together.
    Links,
    /// Facilities: landing points, huts, control planes and the like.
    Facilities,
    /// All accelerators of a vendor at once, by one exploit.
    Vendors,
    /// All sites of a segment of the management network at once.
    Segments,
}

impl WorldKind {
    /// All.
    pub const ALL: [Self; 8] =
        [Self::Sites, Self::Buses, Self::Lines, Self::Plants, Self::Links, Self::Facilities, Self::Vendors, Self::Segments];

    /// What an attack on single things may aim at: neither whole zones nor what one exploit reaches.
    pub const SINGLE: [Self; 5] = [Self::Sites, Self::Lines, Self::Plants, Self::Links, Self::Facilities];

    /// One of its kind.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sites => "site",
            Self::Buses => "bus",
            Self::Lines => "line",
            Self::Plants => "plant",
            Self::Links => "link",
            Self::Facilities => "facility",
            Self::Vendors => "vendor",
            Self::Segments => "segment",
        }
    }
}

/// Something that is lost together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    Site(SiteId),
    Bus(BusId),
    Line(LineId),
    Generator(GeneratorId),
    Link(LinkId),
    Facility(FacilityId),
    /// Accelerators of a type, at every site.
    Type(AcceleratorId),
}

/// What one resource of the attacker takes out.
#[derive(Clone, Debug, PartialEq)]
pub struct WorldTarget {
    /// Kind.
    pub kind: WorldKind,
    /// Name: `riga`.
    pub name: String,
    /// Resources that it takes; at least 1.
    pub cost: u32,
    /// Time out, on average \[s\].
    pub repair: f64,
    /// Whether an attacker who knows what is announced alone knows of it: its worth then is its announced size \[MW\].
    pub announced_mw: f64,
    pub(crate) losses: Vec<Loss>,
}

impl WorldTarget {
    /// `site.riga`.
    #[must_use]
    pub fn word(&self) -> String {
        format!("{}.{}", self.kind.word(), self.name)
    }

    /// What a hazard of the simulator hits for the same loss. Accelerators of one vendor are no target there.
    #[must_use]
    pub fn hits(&self) -> Vec<Target> {
        let hit = |loss: &Loss| match *loss {
            Loss::Site(id) => Some(Target::Site(id)),
            Loss::Bus(id) => Some(Target::Bus(id)),
            Loss::Line(id) => Some(Target::Line(id)),
            Loss::Generator(id) => Some(Target::Generator(id)),
            Loss::Link(id) => Some(Target::Link(id)),
            Loss::Facility(id) => Some(Target::Facility(id)),
            Loss::Type(_) => None,
        };
        self.losses.iter().filter_map(hit).collect()
    }
}

/// Mean times out where nothing in the scenario says so \[d\]: assumptions.
const DEFAULT_DAYS: [f64; 8] = [60.0, 21.0, 7.0, 90.0, 14.0, 14.0, 10.0, 10.0];

/// All targets of some kinds: what a plan has built, and what stands.
#[must_use]
pub fn targets(model: &Model, plan: &Plan, kinds: &[WorldKind]) -> Vec<WorldTarget> {
    let mut found: Vec<WorldTarget> = Vec::new();
    for &kind in kinds {
        let first = found.len();
        let mut units: Vec<u32> = Vec::new();
        let mut add = |name: &str, repair: Option<f64>, announced_mw: f64, losses: Vec<Loss>| {
            let repair =
                repair.filter(|s| s.is_finite() && *s > 0.0).unwrap_or_else(|| Duration::from_d(DEFAULT_DAYS[kind as usize]).base());
            found.push(WorldTarget { kind, name: name.to_owned(), cost: 1, repair, announced_mw, losses });
        };
        let struck = |target: Target| struck(model, target);
        match kind {
            WorldKind::Sites => {
                for id in sites(model, plan) {
                    let site = &model.sites[id];
                    let repair = struck(Target::Site(id)).or(site.reliability.as_ref().map(|it| mean(&it.repair)));
                    add(&site.entity.name, repair, site.max_it_power.as_mw(), vec![Loss::Site(id)]);
                }
            }
            WorldKind::Buses => {
                for (index, bus) in model.buses.iter().enumerate() {
                    let id = BusId::from_index(index);
                    let load: f64 = model.loads.iter().filter(|load| load.bus == id).map(|load| model.mean(load.power) / 1e6).sum();
                    add(&bus.entity.name, struck(Target::Bus(id)), load, vec![Loss::Bus(id)]);
                }
            }
            WorldKind::Lines => {
                for (index, line) in model.lines.iter().enumerate() {
                    let id = LineId::from_index(index);
                    let repair = struck(Target::Line(id)).or(line.reliability.as_ref().map(|it| mean(&it.repair)));
                    add(&line.entity.name, repair, line.capacity.as_mw(), vec![Loss::Line(id)]);
                }
            }
            WorldKind::Plants => {
                for (index, unit) in model.generators.iter().enumerate() {
                    let id = GeneratorId::from_index(index);
                    let repair = struck(Target::Generator(id)).or(unit.reliability.as_ref().map(|it| mean(&it.repair)));
                    add(&unit.entity.name, repair, unit.capacity.as_mw(), vec![Loss::Generator(id)]);
                    // Every unit takes a resource of its own.
                    units.push(unit.units.max(1));
                }
            }
            WorldKind::Links => links(model, plan, &mut add),
            WorldKind::Facilities => {
                for (index, it) in model.facilities.iter().enumerate() {
                    let id = FacilityId::from_index(index);
                    let repair = struck(Target::Facility(id)).or(it.reliability.as_ref().map(|it| mean(&it.repair)));
                    add(&it.entity.name, repair, 0.0, vec![Loss::Facility(id)]);
                }
            }
            WorldKind::Vendors => {
                let used = |index: &usize| {
                    let id = AcceleratorId::from_index(*index);
                    plan.builds.iter().any(|it| it.accelerator == id) || model.fleets.iter().any(|it| it.accelerator == id)
                };
                let mut vendors: Vec<&str> = (0..model.accelerators.len())
                    .filter(used)
                    .map(|at| model.accelerators[AcceleratorId::from_index(at)].vendor.as_str())
                    .collect();
                vendors.sort_unstable();
                vendors.dedup();
                for vendor in vendors {
                    let of = (0..model.accelerators.len()).map(AcceleratorId::from_index);
                    let losses = of.filter(|id| model.accelerators[*id].vendor == vendor).map(Loss::Type).collect();
                    add(vendor, None, 0.0, losses);
                }
            }
            WorldKind::Segments => {
                for (index, name) in model.segments.iter().enumerate() {
                    let id = SegmentId::from_index(index);
                    let sites = sites(model, plan).filter(|site| model.sites[*site].segment == id).map(Loss::Site);
                    let facilities = model.facilities.iter().enumerate().filter(|(_, it)| it.segment == Some(id));
                    let losses: Vec<Loss> = sites.chain(facilities.map(|(at, _)| Loss::Facility(FacilityId::from_index(at)))).collect();
                    if !losses.is_empty() {
                        add(name, None, 0.0, losses);
                    }
                }
            }
        }
        found[first..].iter_mut().zip(units).for_each(|(target, units)| target.cost = units);
    }
    found
}

/// Sites with accelerators.
fn sites(model: &Model, plan: &Plan) -> impl Iterator<Item = SiteId> {
    let has: Vec<SiteId> = plan.builds.iter().map(|it| it.site).chain(model.fleets.iter().map(|it| it.site)).collect();
    (0..model.sites.len()).map(SiteId::from_index).filter(move |id| has.contains(id))
}

/// Takes a target: name, time out \[s\], announced size \[MW\], what is lost.
type Add<'a> = &'a mut dyn FnMut(&str, Option<f64>, f64, Vec<Loss>);

/// Links by duct, and links without one.
fn links(model: &Model, plan: &Plan, add: Add<'_>) {
    let stands =
        |index: usize| model.links[LinkId::from_index(index)].build_cost.is_none() || plan.links.contains(&LinkId::from_index(index));
    let mut ducts: Vec<&str> = Vec::new();
    for (index, link) in model.links.iter().enumerate().filter(|(index, _)| stands(*index)) {
        let id = LinkId::from_index(index);
        let repair = struck(model, Target::Link(id)).or(link.reliability.as_ref().map(|it| mean(&it.repair)));
        if link.ducts.is_empty() {
            add(&link.entity.name, repair, 0.0, vec![Loss::Link(id)]);
        }
        for duct in link.ducts.iter().filter(|duct| !ducts.contains(&duct.as_str())).collect::<Vec<_>>() {
            ducts.push(duct);
            let inside = (0..model.links.len()).filter(|at| stands(*at) && model.links[LinkId::from_index(*at)].ducts.contains(duct));
            let losses: Vec<Loss> = inside.map(|at| Loss::Link(LinkId::from_index(at))).collect();
            add(duct, repair, 0.0, losses);
        }
    }
}

/// Mean time out after a hit by a strike of the scenario that aims at it.
fn struck(model: &Model, target: Target) -> Option<f64> {
    model.hazards.iter().find_map(|hazard| match &hazard.kind {
        bastide_model::model::HazardKind::StrikeCampaign { targets, strike, .. } if targets.contains(&target) => {
            Some(mean(&strike.effects[2].repair))
        }
        bastide_model::model::HazardKind::RandomOutage { targets, repair, .. } if targets.contains(&target) => Some(mean(repair)),
        _ => None,
    })
}

fn mean(distribution: &Distribution) -> f64 {
    distribution.mean()
}

/// What needs a facility.
pub(crate) fn needs(facility: &Facility, dependant: Dependant) -> bool {
    facility.needed_by.contains(&dependant)
}
