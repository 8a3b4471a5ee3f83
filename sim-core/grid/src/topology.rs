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
#[derive(Clone, Debug, Default)]
pub(crate) struct Splitter {
    /// By bus: the last split that reached it, and the source it was reached from.
    reached: Vec<(u64, u32)>,
    split: u64,
    sources: Vec<Source>,
    /// Buses by source, in the order in which they were reached.
    found: Vec<Vec<u32>>,
    /// By island: the last split that asked, and the parts of it that may still be joined.
    open_parts: Vec<(u64, u32)>,
}

/// An end of a branch that is out, and the search from there.
#[derive(Clone, Copy, Debug)]
struct Source {
    island: u32,
    /// Next of its buses to be looked at.
    next: u32,
    /// A source that it has met, towards the one that stands for the part; itself there.
    leader: u32,
    /// Of the part that it stands for: sources that go on.
    going: u32,
    /// Of the part that it stands for: searched to its end.
    dry: bool,
    /// Number of a dry part.
    number: u32,
}

impl Splitter {
    pub fn new(buses: usize) -> Self {
        Self { reached: vec![(0, 0); buses], open_parts: vec![(0, 0); buses], ..Self::default() }
    }

    /// Gives numbers to the parts into which islands fall since branches `rows`, of these `ends`, are out: one part of each keeps its
    /// number, the others get new ones from `count` on. `susceptance` is 0 for every branch that is out.
    ///
    /// From all ends of these branches searches take turns, and those that meet are one part. Where the network is meshed they meet
    /// soon; where it splits, the smaller parts run dry, and the largest is never searched to its end.
    pub fn split(
        &mut self,
        adjacency: &Adjacency,
        (rows, ends, susceptance): (&[u32], &[(u32, u32)], &[f64]),
        island: &mut [u32],
        count: &mut u32,
    ) {
        self.split += 1;
        self.sources.clear();
        let mut open_islands = 0;
        for &row in rows {
            let (from, to) = ends[row as usize];
            for bus in [from, to] {
                if from == to || self.reached[bus as usize].0 == self.split {
                    continue;
                }
                let source = self.sources.len() as u32;
                self.reached[bus as usize] = (self.split, source);
                if self.found.len() == self.sources.len() {
                    self.found.push(Vec::new());
                }
                let found = &mut self.found[source as usize];
                found.clear();
                found.push(bus);
                let island = island[bus as usize];
                self.sources.push(Source { island, next: 0, leader: source, going: 1, dry: false, number: u32::MAX });
                let parts = &mut self.open_parts[island as usize];
                if parts.0 != self.split {
                    *parts = (self.split, 0);
                }
                parts.1 += 1;
                open_islands += u32::from(parts.1 == 2);
            }
        }
        while open_islands > 0 {
            for source in 0..self.sources.len() {
                let Source { island, next, .. } = self.sources[source];
                let parts = &mut self.open_parts[island as usize].1;
                let Some(&bus) = self.found[source].get(next as usize) else { continue };
                if *parts < 2 {
                    continue;
                }
                self.sources[source].next += 1;
                for &(branch, other) in adjacency.at(bus) {
                    if susceptance[branch as usize] == 0.0 {
                        continue;
                    }
                    let (split, by) = self.reached[other as usize];
                    if split != self.split {
                        self.reached[other as usize] = (self.split, source as u32);
                        self.found[source].push(other);
                        continue;
                    }
                    let (here, there) = (leader(&mut self.sources, source), leader(&mut self.sources, by as usize));
                    if here != there {
                        self.sources[here].going += self.sources[there].going;
                        self.sources[there].leader = here as u32;
                        *parts -= 1;
                        open_islands -= u32::from(*parts == 1);
                    }
                }
                if self.sources[source].next as usize == self.found[source].len() {
                    let here = leader(&mut self.sources, source);
                    self.sources[here].going -= 1;
                    // The last part keeps the number of the island.
                    if self.sources[here].going == 0 && *parts > 1 {
                        self.sources[here].dry = true;
                        *parts -= 1;
                        open_islands -= u32::from(*parts == 1);
                    }
                }
            }
        }
        for source in 0..self.sources.len() {
            let here = leader(&mut self.sources, source);
            let part = &mut self.sources[here];
            if part.dry {
                if part.number == u32::MAX {
                    part.number = *count;
                    *count += 1;
                }
                let number = part.number;
                self.found[source].iter().for_each(|&bus| island[bus as usize] = number);
            }
        }
    }
}

/// The source that stands for the part of a source.
fn leader(sources: &mut [Source], mut source: usize) -> usize {
    while sources[source].leader as usize != source {
        let above = sources[source].leader as usize;
        sources[source].leader = sources[above].leader;
        source = above;
    }
    source
}
