//! What is left at a moment after an attack.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bastide_model::model::{Dependant, Endpoint, GeneratorId, LineId, LinkId, Model, NationId, ServiceId, SiteId};
use bastide_units::Quantity;

use super::World;
use super::target::{Loss, needs};

/// What is up, by position in the model.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moment {
    pub sites: Vec<bool>,
    pub buses: Vec<bool>,
    pub lines: Vec<bool>,
    pub generators: Vec<bool>,
    pub links: Vec<bool>,
    pub types: Vec<bool>,
    pub services: Vec<bool>,
    pub facilities: Vec<bool>,
    /// Share of a site's need that batteries and generators can carry.
    pub backup: Vec<f64>,
    /// Whether work stays where the plan put it: before the failover.
    pub as_planned: bool,
}

impl Moment {
    /// What is left `time` seconds after the loss of some targets.
    pub fn of(world: &World, lost: &[usize], time: f64) -> Self {
        let model = &*world.model;
        let stands = |index: usize| {
            let id = LinkId::from_index(index);
            model.links[id].build_cost.is_none() || world.plan.links.contains(&id)
        };
        let mut this = Self {
            sites: vec![true; model.sites.len()],
            buses: vec![true; model.buses.len()],
            lines: vec![true; model.lines.len()],
            generators: vec![true; model.generators.len()],
            links: (0..model.links.len()).map(stands).collect(),
            types: vec![true; model.accelerators.len()],
            services: vec![true; model.services.len()],
            facilities: vec![true; model.facilities.len()],
            backup: model.sites.iter().map(|site| backup(site, time)).collect(),
            as_planned: time < model.policy.failover_time.base(),
        };
        for target in lost.iter().map(|at| &world.targets[*at]).filter(|target| target.repair > time) {
            for loss in &target.losses {
                match *loss {
                    Loss::Site(id) => this.sites[id.index()] = false,
                    Loss::Bus(id) => this.buses[id.index()] = false,
                    Loss::Line(id) => this.lines[id.index()] = false,
                    Loss::Generator(id) => this.generators[id.index()] = false,
                    Loss::Link(id) => this.links[id.index()] = false,
                    Loss::Type(id) => this.types[id.index()] = false,
                    Loss::Facility(id) => this.facilities[id.index()] = false,
                }
            }
        }
        this.follow_facilities(model, time);
        for (index, line) in model.lines.iter().enumerate() {
            this.lines[index] &= this.buses[line.from.index()] && this.buses[line.to.index()];
        }
        for (index, unit) in model.generators.iter().enumerate() {
            this.generators[index] &= this.buses[unit.bus.index()];
        }
        this
    }

    /// What needs a facility that is down, and has no other of its group, is down after its grace.
    fn follow_facilities(&mut self, model: &Model, time: f64) {
        for at in 0..model.facilities.len() {
            if self.facilities[at] {
                continue;
            }
            let facility = &model.facilities.as_slice()[at];
            if time < facility.grace.base() {
                continue;
            }
            for dependant in &facility.needed_by {
                let other = facility.group.as_ref().is_some_and(|group| {
                    let same = model.facilities.iter().enumerate().filter(|(_, it)| it.group.as_ref() == Some(group));
                    same.into_iter().any(|(at, it)| self.facilities[at] && needs(it, *dependant))
                });
                if !other {
                    self.lose(*dependant);
                }
            }
        }
    }

    fn lose(&mut self, dependant: Dependant) {
        match dependant {
            Dependant::Site(id) => self.sites[id.index()] = false,
            Dependant::Service(id) => self.services[id.index()] = false,
            Dependant::Link(id) => self.links[id.index()] = false,
            Dependant::Line(id) => self.lines[id.index()] = false,
            Dependant::Generator(id) => self.generators[id.index()] = false,
        }
    }

    /// Whether a line, a unit or a link works.
    pub fn line(&self, id: LineId) -> bool {
        self.lines[id.index()]
    }
    /// Whether units of a class run.
    pub fn generator(&self, id: GeneratorId) -> bool {
        self.generators[id.index()]
    }
}

/// Share of a site's need that is carried without the grid, so long after it is gone: batteries, then generators that start with a probability, as
/// long as fuel lasts; then as much of the time as tanks are full.
fn backup(site: &bastide_model::model::Site, time: f64) -> f64 {
    let (ups, fuel) = (site.ups.base(), site.fuel.base());
    if time < ups {
        return 1.0;
    }
    if time < ups.max(0.0) + fuel {
        return site.generator_start;
    }
    let refuel = site.refuel.mean();
    let part = fuel / (fuel + refuel);
    if part.is_finite() { site.generator_start * part } else { 0.0 }
}

/// Ways of requests: `ways[nation][site]`, the latency \[s\] and the links on the way; none that leads.
pub(crate) type Ways = Vec<Vec<Option<(f64, Vec<u32>)>>>;

/// The quickest way from each nation's hub to each site over the links that are up; links that stand by carry only where nothing else leads.
pub(crate) fn ways(model: &Model, up: &[bool]) -> Ways {
    let nations = model.nations.len();
    let node = |end: Endpoint| match end {
        Endpoint::Nation(id) => id.index(),
        Endpoint::Site(id) => nations + id.index(),
    };
    let edges = |standby: bool| {
        let mut edges: Vec<Vec<(usize, f64, u32)>> = vec![Vec::new(); nations + model.sites.len()];
        for (index, link) in model.links.iter().enumerate().filter(|(index, link)| up[*index] && (standby || !link.standby)) {
            let (a, b, latency) = (node(link.from), node(link.to), link.latency.base());
            edges[a].push((b, latency, index as u32));
            edges[b].push((a, latency, index as u32));
        }
        for (index, site) in model.sites.iter().enumerate() {
            edges[site.nation.index()].push((nations + index, 0.0, u32::MAX));
            edges[nations + index].push((site.nation.index(), 0.0, u32::MAX));
        }
        edges
    };
    let (usual, all) = (edges(false), edges(true));
    (0..nations)
        .map(|origin| {
            let (reached, at_worst) = (shortest(&usual, origin), shortest(&all, origin));
            let way = |site: usize| way_to(&reached, origin, nations + site).or_else(|| way_to(&at_worst, origin, nations + site));
            (0..model.sites.len()).map(way).collect()
        })
        .collect()
}

/// By node: latency, the node before, the link from there (Dijkstra 1959).
fn shortest(edges: &[Vec<(usize, f64, u32)>], origin: usize) -> Vec<Option<(f64, usize, u32)>> {
    let mut found: Vec<Option<(f64, usize, u32)>> = vec![None; edges.len()];
    let mut done = vec![false; edges.len()];
    found[origin] = Some((0.0, origin, u32::MAX));
    // Latencies are not negative: their bits order as they do.
    let mut open = BinaryHeap::from([Reverse((0_u64, origin))]);
    while let Some(Reverse((bits, at))) = open.pop() {
        if std::mem::replace(&mut done[at], true) {
            continue;
        }
        for &(next, step, link) in &edges[at] {
            let latency = f64::from_bits(bits) + step;
            if latency.is_finite() && found[next].is_none_or(|(known, ..)| latency < known) {
                found[next] = Some((latency, at, link));
                open.push(Reverse((latency.to_bits(), next)));
            }
        }
    }
    found
}

fn way_to(found: &[Option<(f64, usize, u32)>], origin: usize, goal: usize) -> Option<(f64, Vec<u32>)> {
    let (latency, ..) = found[goal]?;
    let (mut links, mut at) = (Vec::new(), goal);
    while at != origin {
        let (_, before, link) = found[at]?;
        links.extend((link != u32::MAX).then_some(link));
        at = before;
    }
    Some((latency, links))
}

/// Whether requests of a service from a nation arrive at a site in time.
pub(crate) fn arrives<'a>(model: &Model, ways: &'a Ways, service: ServiceId, nation: NationId, site: SiteId) -> Option<&'a [u32]> {
    let (latency, links) = ways[nation.index()][site.index()].as_ref()?;
    (*latency <= model.services[service].max_latency.base()).then_some(links.as_slice())
}
