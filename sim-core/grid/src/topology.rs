//! Which branches hold a network together.

use crate::flow::DcNetwork;

/// Branches by bus.
#[derive(Clone, Debug)]
pub(crate) struct Adjacency {
    start: Vec<u32>,
    /// (branch, bus at its other end).
    incident: Vec<(u32, u32)>,
}

impl Adjacency {
    pub fn new(buses: usize, ends: &[(u32, u32)]) -> Self {
        let mut start = vec![0; buses + 1];
        ends.iter().flat_map(|&(from, to)| [from, to]).for_each(|bus| start[bus as usize + 1] += 1);
        (0..buses).for_each(|bus| start[bus + 1] += start[bus]);
        let mut next = start.clone();
        let mut incident = vec![(0, 0); 2 * ends.len()];
        for (branch, &(from, to)) in ends.iter().enumerate() {
            for (here, there) in [(from, to), (to, from)] {
                let place = &mut next[here as usize];
                incident[*place as usize] = (branch as u32, there);
                *place += 1;
            }
        }
        Self { start, incident }
    }

    /// Branches at a bus, in row order.
    pub fn at(&self, bus: u32) -> &[(u32, u32)] {
        &self.incident[self.start[bus as usize] as usize..self.start[bus as usize + 1] as usize]
    }
}

/// Search for bridges; holds its memory.
#[derive(Clone, Debug)]
pub(crate) struct BridgeSearch {
    entered: Vec<u32>,
    lowest: Vec<u32>,
    /// (bus, branch it was entered by, branches of the bus seen).
    stack: Vec<(u32, u32, u32)>,
}

impl BridgeSearch {
    pub fn new(buses: usize) -> Self {
        Self { entered: vec![0; buses], lowest: vec![0; buses], stack: Vec::with_capacity(buses) }
    }

    /// Calls `found` for every bridge of the branches that `in_service` lets through (Tarjan 1974, without recursion). A branch, not
    /// a bus, is what the search does not go back by: so parallel branches are no bridges.
    pub fn run(&mut self, adjacency: &Adjacency, in_service: impl Fn(u32) -> bool, mut found: impl FnMut(u32)) {
        const NONE: u32 = u32::MAX;
        self.entered.fill(0);
        let mut clock = 0;
        for root in 0..self.entered.len() as u32 {
            if self.entered[root as usize] != 0 {
                continue;
            }
            clock += 1;
            (self.entered[root as usize], self.lowest[root as usize]) = (clock, clock);
            self.stack.push((root, NONE, 0));
            while let Some((bus, by, seen)) = self.stack.last_mut() {
                let (here, by) = (*bus, *by);
                if let Some(&(branch, there)) = adjacency.at(here).get(*seen as usize) {
                    *seen += 1;
                    if branch == by || !in_service(branch) {
                        continue;
                    }
                    if self.entered[there as usize] == 0 {
                        clock += 1;
                        (self.entered[there as usize], self.lowest[there as usize]) = (clock, clock);
                        self.stack.push((there, branch, 0));
                    } else {
                        self.lowest[here as usize] = self.lowest[here as usize].min(self.entered[there as usize]);
                    }
                } else {
                    self.stack.pop();
                    if let Some(&(above, _, _)) = self.stack.last() {
                        let lowest = self.lowest[here as usize];
                        self.lowest[above as usize] = self.lowest[above as usize].min(lowest);
                        if lowest > self.entered[above as usize] {
                            found(by);
                        }
                    }
                }
            }
        }
    }
}

/// Whether each branch in service is a bridge: its outage splits an island. By graph search, so exact whatever the reactances.
#[must_use]
pub fn bridges(network: &DcNetwork) -> Vec<bool> {
    let adjacency = Adjacency::new(network.buses, &network.ends);
    let mut bridge = vec![false; network.ends.len()];
    let in_service = |branch: u32| network.susceptance_mw[branch as usize] != 0.0;
    BridgeSearch::new(network.buses).run(&adjacency, in_service, |branch| bridge[branch as usize] = true);
    bridge
}

/// Search for the parts that an outage leaves; holds its memory.
#[derive(Clone, Debug)]
pub(crate) struct Splitter {
    /// By bus: the last search, and the side of it, that reached it.
    reached: Vec<u64>,
    search: u64,
    sides: [Vec<u32>; 2],
    /// By island: the last split in which a part kept its number.
    kept: Vec<u64>,
}

impl Splitter {
    pub fn new(buses: usize) -> Self {
        let side = || Vec::with_capacity(buses);
        Self { reached: vec![0; buses], search: 0, sides: [side(), side()], kept: vec![0; buses] }
    }

    /// Gives numbers to the parts into which islands fall since branches `rows`, of these `ends`, are out: one part of each keeps its
    /// number, the others get new ones from `count` on. `susceptance` is 0 for every branch that is out.
    pub fn split(
        &mut self,
        adjacency: &Adjacency,
        (rows, ends, susceptance): (&[u32], &[(u32, u32)], &[f64]),
        island: &mut [u32],
        count: &mut u32,
    ) {
        let ends = rows.iter().map(|&row| ends[row as usize]);
        // While the ends of every branch are still joined, so is everything.
        if ends.clone().all(|(from, to)| self.joined(adjacency, susceptance, from, to)) {
            return;
        }
        // Every part that an island falls into holds an end of a branch that is out.
        self.search += 2;
        let split = self.search;
        for bus in ends.flat_map(|(from, to)| [from, to]) {
            if self.reached[bus as usize] == split {
                continue;
            }
            let part = &mut self.sides[0];
            part.clear();
            part.push(bus);
            self.reached[bus as usize] = split;
            let mut next = 0;
            while let Some(&bus) = part.get(next) {
                next += 1;
                for &(branch, other) in adjacency.at(bus) {
                    if susceptance[branch as usize] != 0.0 && self.reached[other as usize] != split {
                        self.reached[other as usize] = split;
                        part.push(other);
                    }
                }
            }
            let kept = &mut self.kept[island[bus as usize] as usize];
            if *kept == split {
                part.iter().for_each(|&bus| island[bus as usize] = *count);
                // A part with a new number has been searched to its end: no other part asks for that number.
                *count += 1;
            } else {
                *kept = split;
            }
        }
    }

    /// Whether a path joins two buses: from both of them searches take turns, which meet soon where the network is meshed.
    fn joined(&mut self, adjacency: &Adjacency, susceptance: &[f64], from: u32, to: u32) -> bool {
        if from == to {
            return true;
        }
        self.search += 2;
        let mut next = [0, 0];
        for (side, bus) in [from, to].into_iter().enumerate() {
            self.sides[side].clear();
            self.sides[side].push(bus);
            self.reached[bus as usize] = self.search + side as u64;
        }
        loop {
            for side in 0..2 {
                let Some(&bus) = self.sides[side].get(next[side]) else { return false };
                next[side] += 1;
                for &(branch, other) in adjacency.at(bus) {
                    if susceptance[branch as usize] == 0.0 {
                        continue;
                    }
                    let reached = &mut self.reached[other as usize];
                    if *reached == self.search + 1 - side as u64 {
                        return true;
                    }
                    if *reached != self.search + side as u64 {
                        *reached = self.search + side as u64;
                        self.sides[side].push(other);
                    }
                }
            }
        }
    }
}
