//! Who reaches whom, how fast, and over how wide a path.
//!
//! A graph of the nations' hubs and the sites. Each site has an access without name to the hub of its own nation, at once and wide
//! ([`ACCESS_BYTES_PER_S`]); everything else goes over the scenario's links that are up. Latency is one-way, along the
//! quickest path (Dijkstra 1959). Paths are computed again only when a link fails or returns.

mod route;
mod way;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bastide_model::model::{Endpoint, Model};

pub(crate) use route::{Route, capacities};

/// Bandwidth of a site's access to its own hub [B/s]: 100 Gbit/s, one port of today's metro equipment (IEEE 802.3ba).
pub(crate) const ACCESS_BYTES_PER_S: f64 = 1.25e10;

/// The network as built.
pub(crate) struct Graph {
    /// Number of hubs, which come first.
    pub hubs: usize,
    nodes: usize,
    /// Edges by node.
    edges: Vec<Vec<Edge>>,
}

#[derive(Clone, Copy)]
struct Edge {
    other: usize,
    latency_s: f64,
    bytes_per_s: f64,
    /// Which link; those behind the last link are the sites' accesses.
    link: usize,
}

impl Edge {
    fn is_up(&self, up: &[bool]) -> bool {
        up[self.link]
    }
}

impl Graph {
    pub(crate) fn new(model: &Model) -> Self {
        let hubs = model.nations.len();
        let nodes = hubs + model.sites.len();
        let mut edges = vec![Vec::new(); nodes];
        let mut join = |a: usize, b: usize, latency_s, bytes_per_s, link| {
            edges[a].push(Edge { other: b, latency_s, bytes_per_s, link });
            edges[b].push(Edge { other: a, latency_s, bytes_per_s, link });
        };
        for (site, place) in model.sites.iter().enumerate() {
            join(hubs + site, place.nation.index(), 0.0, ACCESS_BYTES_PER_S, model.links.len() + site);
        }
        let node = |end: Endpoint| match end {
            Endpoint::Nation(id) => id.index(),
            Endpoint::Site(id) => hubs + id.index(),
        };
        for (at, link) in model.links.iter().enumerate() {
            let bandwidth = link.bandwidth.as_gb_per_s() * 1e9;
            join(node(link.from), node(link.to), link.latency.as_s().max(0.0), bandwidth, at);
        }
        Self { hubs, nodes, edges }
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
    /// Part of the network that each node belongs to.
    island: Vec<usize>,
    nodes: usize,
    hubs: usize,
    heap: BinaryHeap<Reverse<(u64, usize)>>,
}

impl Paths {
    pub(crate) fn new(graph: &Graph) -> Self {
        let (nodes, hubs) = (graph.nodes, graph.hubs);
        Self { latency: vec![f64::INFINITY; hubs * nodes], island: vec![0; nodes], nodes, hubs, heap: BinaryHeap::new() }
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

    /// Solves again for the hubs that are origins.
    pub(crate) fn solve(&mut self, graph: &Graph, up: &[bool], origins: &[bool]) {
        self.latency.fill(f64::INFINITY);
        for origin in (0..self.hubs).filter(|&origin| origins[origin]) {
            let latency = &mut self.latency[origin * self.nodes..(origin + 1) * self.nodes];
            latency[origin] = 0.0;
            // Bits of non-negative numbers are ordered as the numbers are.
            self.heap.push(Reverse((0, origin)));
            while let Some(Reverse((bits, node))) = self.heap.pop() {
                let seconds = f64::from_bits(bits);
                if seconds > latency[node] {
                    continue;
                }
                for edge in &graph.edges[node] {
                    let there = seconds + edge.latency_s;
                    if edge.is_up(up) && there < latency[edge.other] {
                        latency[edge.other] = there;
                        self.heap.push(Reverse((there.to_bits(), edge.other)));
                    }
                }
            }
        }
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
                    if edge.is_up(up) && self.island[edge.other] == usize::MAX {
                        self.island[edge.other] = start;
                        stack.push(edge.other);
                    }
                }
            }
        }
    }

    /// Bandwidth of the widest path between two sites [B/s]; zero where there is none (Pollack 1960).
    pub(crate) fn widest(&self, graph: &Graph, up: &[bool], from: usize, to: usize) -> f64 {
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
            for edge in graph.edges[node].iter().filter(|edge| edge.is_up(up)) {
                width[edge.other] = width[edge.other].max(width[node].min(edge.bytes_per_s));
            }
        }
    }
}
