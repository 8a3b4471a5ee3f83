//! Bridges, components and minimum cuts of an undirected graph with terminals.

use std::collections::VecDeque;

use super::Backbone;

/// Capacities below this carry nothing.
const DUST: f64 = 1e-9;

/// The graph of a backbone.
pub(super) struct Graph {
    pub nodes: usize,
    /// In ascending order, each once.
    pub terminals: Vec<usize>,
    links: Vec<(usize, usize)>,
    /// Link and neighbour, for each node.
    around: Vec<Vec<(usize, usize)>>,
}

/// Why a network does not survive the loss of a link.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Faults {
    /// Links whose loss separates terminals, in ascending order.
    pub bridges: Vec<usize>,
    /// Two terminals that are not connected at all.
    pub apart: Option<(usize, usize)>,
    /// Sets of nodes with terminals inside and outside, and fewer than two links across.
    pub sides: Vec<Vec<bool>>,
}

impl Graph {
    pub(super) fn new(backbone: &Backbone) -> Self {
        let ends = backbone.links.iter().flat_map(|(from, to, _)| [*from, *to]);
        let nodes = ends.chain(backbone.terminals.iter().copied()).map(|node| node + 1).fold(backbone.nodes, usize::max);
        let mut terminals = backbone.terminals.clone();
        terminals.sort_unstable();
        terminals.dedup();
        let links: Vec<(usize, usize)> = backbone.links.iter().map(|(from, to, _)| (*from, *to)).collect();
        let mut around = vec![Vec::new(); nodes];
        for (link, (from, to)) in links.iter().enumerate().filter(|(_, (from, to))| from != to) {
            around[*from].push((link, *to));
            around[*to].push((link, *from));
        }
        Self { nodes, terminals, links, around }
    }

    /// Whether a link joins two nodes, and not one with itself.
    pub(super) fn joins(&self, link: usize) -> bool {
        self.links[link].0 != self.links[link].1
    }

    /// The links with one end in a set of nodes.
    pub(super) fn across<'a>(&'a self, side: &'a [bool]) -> impl Iterator<Item = usize> + 'a {
        self.links.iter().enumerate().filter(|(_, (from, to))| side[*from] != side[*to]).map(|(link, _)| link)
    }

    /// What separates terminals in the network of the chosen links, or would with one link less (bridges: Tarjan 1974).
    pub(super) fn faults(&self, chosen: &[bool]) -> Faults {
        let mut faults = Faults::default();
        let mut terminal = vec![0_usize; self.nodes];
        self.terminals.iter().for_each(|node| terminal[*node] = 1);
        // In the order of discovery; `inside` counts the terminals of the subtree, which is a run of this order.
        let mut order: Vec<usize> = Vec::with_capacity(self.nodes);
        let mut found = vec![usize::MAX; self.nodes];
        let mut low = vec![usize::MAX; self.nodes];
        let mut inside = vec![0_usize; self.nodes];
        for root in &self.terminals {
            if found[*root] != usize::MAX {
                continue;
            }
            let start = order.len();
            let mut path = vec![(*root, usize::MAX, 0)];
            let mut weak: Vec<(usize, usize, usize)> = Vec::new();
            (found[*root], low[*root]) = (start, start);
            order.push(*root);
            while let Some((node, over, next)) = path.last_mut() {
                let (node, over) = (*node, *over);
                if let Some((link, neighbour)) = self.around[node].get(*next).copied() {
                    *next += 1;
                    if !chosen[link] || link == over {
                        continue;
                    }
                    if found[neighbour] == usize::MAX {
                        (found[neighbour], low[neighbour]) = (order.len(), order.len());
                        order.push(neighbour);
                        path.push((neighbour, link, 0));
                    } else {
                        low[node] = low[node].min(found[neighbour]);
                    }
                    continue;
                }
                path.pop();
                inside[node] += terminal[node];
                if let Some((parent, _, _)) = path.last() {
                    low[*parent] = low[*parent].min(low[node]);
                    inside[*parent] += inside[node];
                    if low[node] == found[node] {
                        weak.push((over, node, order.len()));
                    }
                }
            }
            let members = &order[start..];
            let all = inside[*root];
            if all < self.terminals.len() {
                faults.sides.push(self.side(members));
                if faults.apart.is_none() {
                    let other = self.terminals.iter().find(|node| !members.contains(node));
                    faults.apart = other.map(|other| (*root, *other));
                }
            }
            for (link, node, end) in weak.into_iter().filter(|(_, node, _)| (1..all).contains(&inside[*node])) {
                faults.bridges.push(link);
                faults.sides.push(self.side(&order[found[node]..end]));
            }
        }
        faults.bridges.sort_unstable();
        faults
    }

    fn side(&self, members: &[usize]) -> Vec<bool> {
        let mut side = vec![false; self.nodes];
        members.iter().for_each(|node| side[*node] = true);
        side
    }

    /// Sets of nodes that separate the first terminal from another one with less weight across than `least`.
    pub(super) fn thin_cuts(&self, weight: &[f64], least: f64) -> Vec<Vec<bool>> {
        let Some((source, sinks)) = self.terminals.split_first() else { return Vec::new() };
        let mut cuts: Vec<Vec<bool>> = Vec::new();
        for sink in sinks {
            // A cut found for an earlier terminal may hold for this one, too.
            if let Some(side) = self.cut(weight, *source, *sink, least)
                && !cuts.contains(&side)
            {
                cuts.push(side);
            }
        }
        cuts
    }

    /// The side of the source in a minimum cut (Edmonds and Karp 1972), where that is below `least`.
    fn cut(&self, weight: &[f64], source: usize, sink: usize, least: f64) -> Option<Vec<bool>> {
        // Flow from the first end of a link to the second; negative the other way.
        let mut flow = vec![0.0; self.links.len()];
        let mut through = 0.0;
        loop {
            let mut over = vec![usize::MAX; self.nodes];
            let mut reached = vec![false; self.nodes];
            reached[source] = true;
            let mut queue = VecDeque::from([source]);
            while let Some(node) = queue.pop_front() {
                for (link, neighbour) in &self.around[node] {
                    if !reached[*neighbour] && self.room(weight, &flow, *link, node) > DUST {
                        (reached[*neighbour], over[*neighbour]) = (true, *link);
                        queue.push_back(*neighbour);
                    }
                }
                if reached[sink] {
                    break;
                }
            }
            if !reached[sink] {
                return Some(reached);
            }
            let mut path = Vec::new();
            let mut node = sink;
            while node != source {
                let link = over[node];
                let (from, to) = self.links[link];
                let before = if to == node { from } else { to };
                path.push((link, before));
                node = before;
            }
            let more = path.iter().map(|(link, from)| self.room(weight, &flow, *link, *from)).fold(f64::INFINITY, f64::min);
            for (link, from) in path {
                flow[link] += if self.links[link].0 == from { more } else { -more };
            }
            through += more;
            if through >= least {
                return None;
            }
        }
    }

    /// What a link can still carry from a node.
    fn room(&self, weight: &[f64], flow: &[f64], link: usize, from: usize) -> f64 {
        weight[link] - if self.links[link].0 == from { flow[link] } else { -flow[link] }
    }
}
