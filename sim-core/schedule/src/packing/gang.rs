//! First fit, and gangs over several nodes.

use std::collections::BTreeMap;

use crate::ask::{Ask, WHOLE};
use crate::cluster::{Cluster, Node};
use crate::occupancy::Occupancy;

/// Fewest whole free GPUs of a node where an ask can fit.
const fn least_whole(ask: &Ask) -> u32 {
    if ask.gpu_milli == WHOLE { ask.gpus } else { 0 }
}

/// Nodes where an ask fits, in order.
pub fn candidates(occupancy: &Occupancy, ask: &Ask) -> impl Iterator<Item = usize> {
    occupancy.nodes_with(least_whole(ask)).filter(|node| occupancy.fits(*node, ask))
}

/// The first node in order where an ask fits.
pub fn first(occupancy: &Occupancy, ask: &Ask) -> Option<usize> {
    candidates(occupancy, ask).next()
}

/// The node with the fewest whole free GPUs where an ask fits; the first in order among equals.
pub fn fullest(occupancy: &Occupancy, ask: &Ask) -> Option<usize> {
    let levels = least_whole(ask)..=occupancy.most_whole_free();
    levels.flat_map(|level| occupancy.nodes_with_exactly(level)).find(|node| occupancy.fits(*node, ask))
}

/// Whole GPUs wherever they are free, in the order of the nodes. False if there are not enough.
pub fn scattered(occupancy: &Occupancy, ask: &Ask, places: &mut Vec<(u32, u32)>) -> bool {
    spread(occupancy, ask, occupancy.nodes_with(1), places)
}

/// As many whole GPUs of each node in turn as there are, until there are enough.
fn spread(occupancy: &Occupancy, ask: &Ask, nodes: impl Iterator<Item = usize>, places: &mut Vec<(u32, u32)>) -> bool {
    let mut left = ask.gpus;
    for node in nodes {
        let most = occupancy.whole_free(node).min(left);
        if let Some(gpus) = (1..=most).rev().find(|gpus| occupancy.fits(node, &ask.part(*gpus))) {
            places.push((node as u32, gpus));
            left -= gpus;
        }
        if left == 0 {
            return true;
        }
    }
    false
}

/// Consolidated gangs: as few nodes as an empty cluster would give.
#[derive(Clone, Debug)]
pub struct Gangs {
    /// Different nodes of the cluster without their names, and how many there are of each.
    classes: Vec<(Node, u32)>,
    /// Rack of each node.
    racks: Vec<u32>,
    /// Nodes that a gang could take, by rack.
    free: Vec<usize>,
}

impl Gangs {
    /// Takes a cluster apart into classes of equal nodes.
    pub fn new(cluster: &Cluster) -> Self {
        let mut classes = BTreeMap::new();
        for node in cluster.nodes.iter().filter(|node| node.gpus > 0) {
            *classes.entry((node.gpus, node.model, node.cpu_milli, node.memory_mib)).or_insert(0) += 1;
        }
        let class = |((gpus, model, cpu_milli, memory_mib), count)| (Node { gpus, model, cpu_milli, memory_mib, ..Node::bare() }, count);
        let racks: Vec<u32> = cluster.nodes.iter().map(|node| node.rack).collect();
        let free = vec![0; racks.iter().max().map_or(0, |most| *most as usize + 1)];
        Self { classes: classes.into_iter().map(class).collect(), racks, free }
    }

    /// The largest number of GPUs by node with which the cluster, all free, could hold a gang: so many on each node and the rest
    /// on one more.
    fn size(&self, ask: &Ask) -> Option<u32> {
        let largest = self.classes.iter().map(|(node, _)| node.gpus).max().unwrap_or(0).min(ask.gpus);
        (1..=largest).rev().find(|size| {
            let (full, rest) = (ask.gpus / size, ask.gpus % size);
            let holding = |gpus: u32| -> u64 {
                let part = ask.part(gpus);
                self.classes.iter().filter(|(node, _)| node.could_hold(&part)).map(|(_, count)| u64::from(*count)).sum()
            };
            holding(*size) >= u64::from(full) && (rest == 0 || holding(rest) > u64::from(full))
        })
    }

    /// Full nodes, and the rest on the node with the most whole free GPUs of those that remain (the consolidated placement of Hu
    /// et al. 2021, Helios); in as few racks as are free, else in the order of the nodes. False if they are not free now.
    pub fn consolidated(&mut self, occupancy: &Occupancy, ask: &Ask, places: &mut Vec<(u32, u32)>) -> bool {
        let Some(size) = self.size(ask) else {
            // Nodes too different for equal parts: the freest first.
            let freest_first = (1..=occupancy.most_whole_free()).rev().flat_map(|level| occupancy.nodes_with_exactly(level));
            return spread(occupancy, ask, freest_first, places);
        };
        let (full, rest) = ((ask.gpus / size) as usize, ask.gpus % size);
        let whole = ask.part(size);
        let tightest_first = (size..=occupancy.most_whole_free()).flat_map(|level| occupancy.nodes_with_exactly(level));
        places.extend(tightest_first.filter(|node| occupancy.fits(*node, &whole)).map(|node| (node as u32, size)));
        if places.len() < full {
            return false;
        }
        self.by_rack(full + usize::from(rest > 0), places);
        places.truncate(full);
        if rest == 0 {
            return true;
        }
        let part = ask.part(rest);
        let freest_first = (rest..=occupancy.most_whole_free()).rev().flat_map(|level| occupancy.nodes_with_exactly(level));
        let taken = |node: usize| places.iter().any(|(place, _)| *place as usize == node);
        let racks = &self.racks;
        let near = |node: usize| places.iter().any(|(place, _)| racks[*place as usize] == racks[node]);
        let mut free = freest_first.filter(|node| occupancy.fits(*node, &part) && !taken(*node));
        let first = free.next();
        let last = first.filter(|node| near(*node)).or_else(|| free.find(|node| near(*node))).or(first);
        places.extend(last.map(|node| (node as u32, rest)));
        places.len() > full
    }

    /// Sorts nodes by rack: first the rack with the fewest of them that has `enough`, then the racks with the most. Nodes of one rack
    /// keep their order.
    fn by_rack(&mut self, enough: usize, places: &mut [(u32, u32)]) {
        let racks = &self.racks;
        if self.free.len() <= 1 {
            return;
        }
        self.free.fill(0);
        for (node, _) in places.iter() {
            self.free[racks[*node as usize] as usize] += 1;
        }
        let free = &self.free;
        places.sort_by_key(|(node, _)| {
            let rack = racks[*node as usize];
            let count = free[rack as usize];
            if count >= enough { (0, count, rack) } else { (1, usize::MAX - count, rack) }
        });
    }
}
