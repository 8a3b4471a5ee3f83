//! Who reaches whom, how fast, and over how wide a path.
//!
//! A graph of the nations' hubs and the sites. Each site has an access without name to the hub of its own nation, at once and wide
//! ([`ACCESS_BYTES_PER_S`]); everything else goes over the scenario's links that are up. Latency is one-way, along the
//! quickest path (Dijkstra 1959). Paths are computed again only when a link fails, returns, or changes its state. A link that stands by
//! carries only between parts of the network that nothing else joins.

mod route;
mod way;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bastide_model::model::{Endpoint, Link, LinkId, Model};

pub(crate) use route::Route;

/// Bandwidth of a site's access to its own hub [B/s]: 100 Gbit/s, one port of today's metro equipment (IEEE 802.3ba).
pub(crate) const ACCESS_BYTES_PER_S: f64 = 1.25e10;

/// The network as built.
pub(crate) struct Graph {
    /// Number of hubs, which come first.
    pub hubs: usize,
    nodes: usize,
    /// Edges by node.
    edges: Vec<Vec<Edge>>,
    /// Ends of each link, then of the sites' accesses.
    ends: Vec<(usize, usize)>,
    /// One-way latency of each of them \[s\].
    pub latency_s: Vec<f64>,
    /// Bandwidth of each of them [B/s].
    pub width: Vec<f64>,
    /// Links that are used only where nothing else reaches.
    standby: Vec<usize>,
}

#[derive(Clone, Copy)]
struct Edge {
    other: usize,
    /// Which link; those behind the last link are the sites' accesses.
    link: usize,
}

impl Graph {
    /// The graph of a model where a plan builds some of the links that do not stand yet.
    pub(crate) fn new(model: &Model, built: &[LinkId]) -> Self {
        let hubs = model.nations.len();
        let nodes = hubs + model.sites.len();
        let node = |end: Endpoint| match end {
            Endpoint::Nation(id) => id.index(),
            Endpoint::Site(id) => hubs + id.index(),
        };
        let accesses = model.sites.iter().enumerate().map(|(site, place)| (hubs + site, place.nation.index()));
        let stands = |at: usize| model.links[at].build_cost.is_none() || built.contains(&LinkId::from_index(at));
        // A link that neither stands nor is built leads nowhere.
        let ends_of = |(at, link): (usize, &Link)| (node(link.from), node(if stands(at) { link.to } else { link.from }));
        let ends: Vec<_> = model.links.iter().enumerate().map(ends_of).chain(accesses).collect();
        let mut edges = vec![Vec::new(); nodes];
        let (links, all) = (model.links.len(), ends.len());
        // Accesses first, as a site's own hub is what most look for.
        for link in (links..all).chain(0..links) {
            let (a, b) = ends[link];
            edges[a].push(Edge { other: b, link });
            edges[b].push(Edge { other: a, link });
        }
        let sites = model.sites.len();
        let latency_s = model.links.iter().map(|link| link.latency.as_s().max(0.0)).chain((0..sites).map(|_| 0.0)).collect();
        let bandwidths = model.links.iter().map(|link| link.bandwidth.as_gb_per_s() * 1e9);
        let width = bandwidths.chain((0..sites).map(|_| ACCESS_BYTES_PER_S)).collect();
        let standby = (0..links).filter(|link| model.links[*link].standby).collect();
        Self { hubs, nodes, edges, ends, latency_s, width, standby }
    }

    pub(crate) fn nodes(&self) -> usize {
        self.nodes
    }

    /// Neighbours of a node, and the links to them.
    pub(crate) fn neighbours(&self, node: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.edges[node].iter().map(|edge| (edge.other, edge.link))
    }

    /// Which direction of a link leads away from a node: 0 from its first end, 1 from its second.
    pub(crate) fn side(&self, link: usize, from: usize) -> usize {
        usize::from(self.ends[link].0 != from)
    }

    /// Number of an end of a link.
    pub(crate) fn node(&self, end: Endpoint) -> usize {
        match end {
            Endpoint::Nation(id) => id.index(),
            Endpoint::Site(id) => self.hubs + id.index(),
        }
    }
}

/// Quickest paths over the links that are up.
pub(crate) struct Paths {
    /// `latency[origin * nodes + node]` \[s\]; infinite where there is no path.
    latency: Vec<f64>,
    /// The last link of each of these paths.
    last: Vec<u32>,
    /// Links that carry: those up, without the ones that stand by and are not needed.
    active: Vec<bool>,
    /// Part of the network that each node belongs to.
    island: Vec<usize>,
    nodes: usize,
    hubs: usize,
    heap: BinaryHeap<Reverse<(u64, usize)>>,
}

impl Paths {
    pub(crate) fn new(graph: &Graph) -> Self {
        let (nodes, hubs) = (graph.nodes, graph.hubs);
        Self {
            latency: vec![f64::INFINITY; hubs * nodes],
            last: vec![u32::MAX; hubs * nodes],
            active: vec![true; graph.ends.len()],
            island: vec![0; nodes],
            nodes,
            hubs,
            heap: BinaryHeap::new(),
        }
    }

    /// Latency from the hub of a nation to a site \[s\].
    #[inline]
    pub(crate) fn latency_s(&self, origin: usize, site: usize) -> f64 {
        self.latency[origin * self.nodes + self.hubs + site]
    }

    /// Whether two sites reach each other.
    #[inline]
    pub(crate) fn joined(&self, a: usize, b: usize) -> bool {
        self.island[self.hubs + a] == self.island[self.hubs + b]
    }

    /// Whether two nodes reach each other.
    #[inline]
    pub(crate) fn same_island(&self, a: usize, b: usize) -> bool {
        self.island[a] == self.island[b]
    }

    /// Whether a link carries.
    #[inline]
    pub(crate) fn is_active(&self, link: usize) -> bool {
        self.active[link]
    }

    /// Links, without accesses, of the quickest path from the hub of a nation to a site, backwards; empty where there is none.
    pub(crate) fn links<'p>(&'p self, graph: &'p Graph, origin: usize, site: usize) -> impl Iterator<Item = usize> + 'p {
        let links = graph.ends.len() + graph.hubs - graph.nodes;
        let mut node = self.hubs + site;
        std::iter::from_fn(move || {
            let link = self.last[origin * self.nodes + node] as usize;
            if node == origin || link >= graph.ends.len() {
                return None;
            }
            let (a, b) = graph.ends[link];
            node = if a == node { b } else { a };
            Some(link)
        })
        .filter(move |link| *link < links)
    }

    /// Solves again for the hubs that are origins.
    pub(crate) fn solve(&mut self, graph: &Graph, up: &[bool], latency_s: &[f64], origins: &[bool]) {
        self.active.copy_from_slice(up);
        for &link in &graph.standby {
            self.active[link] = false;
        }
        self.islands(graph);
        let needed = |link: &&usize| up[**link] && self.island[graph.ends[**link].0] != self.island[graph.ends[**link].1];
        let needed: Vec<usize> = graph.standby.iter().filter(needed).copied().collect();
        if !needed.is_empty() {
            needed.into_iter().for_each(|link| self.active[link] = true);
            self.islands(graph);
        }
        self.latency.fill(f64::INFINITY);
        self.last.fill(u32::MAX);
        for origin in (0..self.hubs).filter(|&origin| origins[origin]) {
            let latency = &mut self.latency[origin * self.nodes..(origin + 1) * self.nodes];
            let last = &mut self.last[origin * self.nodes..(origin + 1) * self.nodes];
            latency[origin] = 0.0;
            // Bits of non-negative numbers are ordered as the numbers are.
            self.heap.push(Reverse((0, origin)));
            while let Some(Reverse((bits, node))) = self.heap.pop() {
                let seconds = f64::from_bits(bits);
                if seconds > latency[node] {
                    continue;
                }
                for edge in &graph.edges[node] {
                    let there = seconds + latency_s[edge.link];
                    if self.active[edge.link] && there < latency[edge.other] {
                        latency[edge.other] = there;
                        last[edge.other] = edge.link as u32;
                        self.heap.push(Reverse((there.to_bits(), edge.other)));
                    }
                }
            }
        }
    }

    /// Parts of the network that links which carry join.
    fn islands(&mut self, graph: &Graph) {
        self.island.fill(usize::MAX);
        let mut stack = Vec::new();
        for start in 0..self.nodes {
            if self.island[start] != usize::MAX {
                continue;
            }
            self.island[start] = start;
            stack.push(start);
            while let Some(node) = stack.pop() {
                for edge in &graph.edges[node] {
                    if self.active[edge.link] && self.island[edge.other] == usize::MAX {
                        self.island[edge.other] = start;
                        stack.push(edge.other);
                    }
                }
            }
        }
    }

    /// Bandwidth of the widest path between two sites [B/s]; zero where there is none (Pollack 1960).
    pub(crate) fn widest(&self, graph: &Graph, bytes_per_s: &[f64], from: usize, to: usize) -> f64 {
        let mut width = vec![0.0_f64; self.nodes];
        let mut done = vec![false; self.nodes];
        width[self.hubs + from] = f64::INFINITY;
        loop {
            let next = (0..self.nodes)
                .filter(|&node| !done[node] && width[node] > 0.0)
                .max_by(|&a, &b| width[a].total_cmp(&width[b]).then(b.cmp(&a)));
            let Some(node) = next else { return 0.0 };
            if node == self.hubs + to {
                return width[node];
            }
            done[node] = true;
            for edge in graph.edges[node].iter().filter(|edge| self.active[edge.link]) {
                width[edge.other] = width[edge.other].max(width[node].min(bytes_per_s[edge.link]));
            }
        }
    }
}
