//! Parts of the network that are cut off from the rest of the world, and how long they go on.
//!
//! The rest of the world is reached in the nations with `backbone`; without any, it is the part of the network with most hubs (of those alike, the
//! one with most sites, then the first). Looked at when paths have changed. A nation that the network as built does not join to the rest is not
//! partitioned by any event, and is left alone.
//!
//! Bandwidth left to a nation is the most that fits between its hub and the rest of the world (Ford & Fulkerson 1956, by shortest augmenting
//! paths, Edmonds & Karp 1972), against the same of the network as built.
//!
//! Autonomy of a tier is measured for each partition, from the moment at which the first origin is cut off until all are back: the time until
//! the served share of the demand of the origins that are cut off falls below 90 % and stays there for longer than a failover takes. A
//! partition that ends before that counts with its length: the mean is then a lower bound (restricted mean of a censored time).

use std::collections::VecDeque;

use bastide_units::{Duration, Time};

use super::World;
use super::network::{Graph, Paths};
use crate::setup::Setup;

/// Served share from which on a part of the network counts as going on.
const ENOUGH: f64 = 0.9;

/// Something that is cut off by times.
#[derive(Clone, Copy, Default)]
struct Isolation {
    since: Option<Time>,
    total_s: f64,
    seq: Option<u64>,
}

impl Isolation {
    fn hours(&self, end: Time) -> f64 {
        (self.total_s + self.since.map_or(0.0, |since| end.since(since).as_s())) / 3600.0
    }
}

/// Bandwidth between a nation and the rest of the world, over time.
#[derive(Clone, Copy)]
struct Width {
    built: f64,
    now: f64,
    least: f64,
    since: Time,
    integral: f64,
}

/// One tier in the partition under way.
#[derive(Clone, Copy, Default)]
struct Going {
    /// Since when too little is served.
    short_since: Option<Time>,
    /// When it fell for good.
    fell: Option<Time>,
}

/// How long a tier went on in all partitions.
#[derive(Clone, Copy, Default)]
pub(crate) struct Autonomy {
    sum_s: f64,
    partitions: u32,
    fallen: u32,
}

impl Autonomy {
    /// Mean time that it went on \[h\], and share of partitions through which it did.
    pub(super) fn summary(&self) -> (f64, f64) {
        let count = f64::from(self.partitions.max(1));
        (self.sum_s / 3600.0 / count, 1.0 - f64::from(self.fallen) / count)
    }
}

/// What is cut off, and was.
pub(crate) struct Partitions {
    /// Nations and sites that the network as built joins to the rest.
    joined_as_built: Vec<bool>,
    /// By node: nations, then sites.
    nodes: Vec<Isolation>,
    widths: Vec<Width>,
    /// When the partition under way began.
    began: Option<Time>,
    going: [Going; 4],
    pub autonomy: [Autonomy; 4],
    pub count: u32,
    flow: MaxFlow,
}

impl Partitions {
    pub(super) fn new(setup: &Setup) -> Self {
        let (model, graph) = (setup.model, &setup.graph);
        let mut paths = Paths::new(graph);
        paths.solve(graph, &vec![true; graph.width.len()], &graph.latency_s, &vec![false; graph.hubs]);
        let joined_as_built = rest(setup, &paths);
        let mut flow = MaxFlow::new(graph);
        let widths = (0..model.nations.len()).map(|nation| {
            let built = flow.between(graph, &paths, &graph.width, nation, &sinks(setup, nation));
            Width { built, now: built, least: built, since: Time::ZERO, integral: 0.0 }
        });
        Self {
            widths: widths.collect(),
            nodes: vec![Isolation::default(); joined_as_built.len()],
            joined_as_built,
            began: None,
            going: [Going::default(); 4],
            autonomy: [Autonomy::default(); 4],
            count: 0,
            flow,
        }
    }

    /// Event that cut a nation or a site, by its node, off; `None` while it is not.
    pub(super) fn cut_off_by(&self, node: usize) -> Option<u64> {
        let it = &self.nodes[node];
        it.since.and(it.seq)
    }

    /// Hours in which a nation or a site, by its node, was cut off.
    pub(super) fn isolated_hours(&self, node: usize, end: Time) -> f64 {
        self.nodes[node].hours(end)
    }

    /// Mean share of its bandwidth that a nation had, and the least [Gbit/s].
    pub(super) fn bandwidth(&self, nation: usize, end: Time) -> (f64, f64) {
        let it = &self.widths[nation];
        let integral = it.integral + it.now * end.since(it.since).as_s();
        let whole = it.built * end.since(Time::ZERO).as_s();
        (if whole > 0.0 { integral / whole } else { 1.0 }, it.least * 8e-9)
    }

    /// Whether any origin is cut off.
    #[inline]
    pub(super) fn any(&self) -> bool {
        self.began.is_some()
    }

    #[inline]
    pub(super) fn is_isolated(&self, node: usize) -> bool {
        self.nodes[node].since.is_some()
    }
}

/// Whether each node reaches the rest of the world.
fn rest(setup: &Setup, paths: &Paths) -> Vec<bool> {
    let model = setup.model;
    let nodes = model.nations.len() + model.sites.len();
    let mut anchors: Vec<usize> = (0..model.nations.len()).filter(|at| model.nations[*at].backbone).collect();
    if anchors.is_empty() {
        let size = |node: &usize| {
            let alike = |range: std::ops::Range<usize>| range.filter(|other| paths.same_island(*node, *other)).count();
            (alike(0..model.nations.len()), alike(model.nations.len()..nodes))
        };
        anchors.extend((0..model.nations.len()).rev().max_by_key(size));
    }
    (0..nodes).map(|node| anchors.iter().any(|anchor| paths.same_island(node, *anchor))).collect()
}

/// Where the traffic of a nation goes: the nations with `backbone` other than itself, or all others where there is none.
fn sinks(setup: &Setup, nation: usize) -> Vec<usize> {
    let nations = &setup.model.nations;
    let others = (0..nations.len()).filter(|at| *at != nation);
    let backbone: Vec<usize> = others.clone().filter(|at| nations[*at].backbone).collect();
    if backbone.is_empty() { others.collect() } else { backbone }
}

impl World<'_> {
    /// After paths have changed: who is cut off now, and how much bandwidth is left.
    pub(super) fn partitions_changed(&mut self) {
        let (setup, now) = (self.setup, self.now);
        if setup.model.links.is_empty() && setup.claims.is_empty() {
            return;
        }
        let reaches = rest(setup, &self.net.paths);
        let hubs = setup.graph.hubs;
        // What was served until now belongs to the parts as they were.
        self.integrate_services();
        for (node, reaches) in reaches.iter().enumerate() {
            let it = self.partitions.nodes[node];
            let isolated = !reaches && self.partitions.joined_as_built[node];
            if isolated == it.since.is_some() {
                continue;
            }
            // A site is told apart from its nation only where it alone is cut off.
            let (kind, entity) = if node < hubs { ("nation", node) } else { ("site", node - hubs) };
            let told = node < hubs || !self.partitions.is_isolated(setup.model.sites[node - hubs].nation.index());
            let mut seq = it.seq;
            if isolated && told {
                seq = Some(self.recorder.event(now, "partition", kind, entity, 0.0, "cut off", self.cut_cause(node)));
            } else if let (false, Some(begun)) = (isolated, it.seq) {
                let hours = it.since.map_or(0.0, |since| now.since(since).as_h());
                self.recorder.event(now, "rejoined", kind, entity, hours, "hours cut off", Some(begun));
                seq = None;
            }
            let state = &mut self.partitions.nodes[node];
            state.seq = seq;
            match state.since.take() {
                Some(since) => state.total_s += now.since(since).as_s(),
                None => state.since = Some(now),
            }
        }
        for nation in 0..hubs {
            let sinks = sinks(setup, nation);
            let flow = &mut self.partitions.flow;
            let width = flow.between(&setup.graph, &self.net.paths, &self.net.width, nation, &sinks);
            let it = &mut self.partitions.widths[nation];
            // What stands by is no more than what it stands in for.
            let width = if it.built > 0.0 { width.min(it.built) } else { width };
            if width != it.now {
                it.integral += it.now * now.since(it.since).as_s();
                (it.now, it.since, it.least) = (width, now, it.least.min(width));
            }
        }
        let any = (0..hubs).any(|node| setup.origins[node] && self.partitions.is_isolated(node));
        match (any, self.partitions.began) {
            (true, None) => {
                self.partitions.began = Some(now);
                self.partitions.going = [Going::default(); 4];
                self.partitions.count += 1;
            }
            (false, Some(_)) => self.end_partition(),
            _ => {}
        }
    }

    /// What a part of the network is cut off by: the loss of its own access, or the newest outage of a link; of one that stands by only where
    /// no other is out, as it would not have been needed.
    pub(super) fn cut_cause(&self, node: usize) -> Option<u64> {
        let access = node.checked_sub(self.setup.graph.hubs).and_then(|site| self.net.access_seq[site]);
        let links = self.setup.model.links.iter().zip(&self.net.links);
        let usual = links.filter(|(link, state)| !link.standby && state.out).filter_map(|(_, state)| state.seq).max();
        access.or(usual).or(self.net.last_seq)
    }

    /// Served shares of the origins that are cut off, from one moment to now.
    pub(super) fn integrate_autonomy(&mut self, from: Time) {
        let setup = self.setup;
        let (mut asked, mut served) = ([0.0; 4], [0.0; 4]);
        for (service, it) in setup.model.services.iter().enumerate().filter(|(_, it)| it.operation.defer.is_none()) {
            for &(nation, share) in &it.origins {
                if self.partitions.is_isolated(nation.index()) {
                    asked[it.tier as usize] += self.services.demand.of(service, nation.index(), share);
                }
            }
        }
        for (service, origin, rate) in self.services.served_from() {
            let it = &setup.model.services[service];
            if it.operation.defer.is_none() && self.partitions.is_isolated(origin) {
                served[it.tier as usize] += rate;
            }
        }
        let patience = setup.model.policy.failover_time;
        for tier in 0..4 {
            let going = &mut self.partitions.going[tier];
            if asked[tier] > 0.0 && served[tier] < ENOUGH * asked[tier] {
                let since = *going.short_since.get_or_insert(from);
                if going.fell.is_none() && self.now.since(since) > patience {
                    going.fell = Some(since);
                }
            } else {
                going.short_since = None;
            }
        }
    }

    /// The partition under way is over, or the history is.
    pub(super) fn end_partition(&mut self) {
        let Some(began) = self.partitions.began.take() else { return };
        for (going, autonomy) in self.partitions.going.iter().zip(&mut self.partitions.autonomy) {
            let until = going.fell.unwrap_or(self.now);
            autonomy.sum_s += until.since(began).max(Duration::ZERO).as_s();
            autonomy.partitions += 1;
            autonomy.fallen += u32::from(going.fell.is_some());
        }
    }
}

/// Room for one flow at a time, by shortest augmenting paths.
struct MaxFlow {
    /// What is left of each link towards its second end, and towards its first.
    left: Vec<[f64; 2]>,
    came: Vec<Option<(usize, usize)>>,
    seen: Vec<bool>,
    open: VecDeque<usize>,
}

impl MaxFlow {
    fn new(graph: &Graph) -> Self {
        let nodes = graph.nodes();
        Self { left: Vec::new(), came: vec![None; nodes], seen: vec![false; nodes], open: VecDeque::new() }
    }

    /// Most that fits from one node to any of some others, over links that carry [B/s].
    fn between(&mut self, graph: &Graph, paths: &Paths, width: &[f64], from: usize, sinks: &[usize]) -> f64 {
        self.left.clear();
        self.left.extend(width.iter().enumerate().map(|(link, width)| if paths.is_active(link) { [*width; 2] } else { [0.0; 2] }));
        let mut total = 0.0;
        while let Some(sink) = self.augment(graph, from, sinks) {
            let (mut node, mut least) = (sink, f64::INFINITY);
            while let Some((link, before)) = self.came[node] {
                least = least.min(self.left[link][graph.side(link, before)]);
                node = before;
            }
            node = sink;
            while let Some((link, before)) = self.came[node] {
                let side = graph.side(link, before);
                self.left[link][side] -= least;
                self.left[link][1 - side] += least;
                node = before;
            }
            total += least;
        }
        total
    }

    /// The nearest sink that something still fits to; the way to it is in `came`.
    fn augment(&mut self, graph: &Graph, from: usize, sinks: &[usize]) -> Option<usize> {
        self.came.fill(None);
        self.seen.fill(false);
        self.open.clear();
        self.seen[from] = true;
        self.open.push_back(from);
        while let Some(node) = self.open.pop_front() {
            if sinks.contains(&node) {
                return Some(node);
            }
            for (other, link) in graph.neighbours(node) {
                if !self.seen[other] && self.left[link][graph.side(link, node)] > 0.0 {
                    self.seen[other] = true;
                    self.came[other] = Some((link, node));
                    self.open.push_back(other);
                }
            }
        }
        None
    }
}
