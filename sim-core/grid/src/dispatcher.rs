//! Least-cost dispatch by a dual network simplex.
//!
//! # The linear programme
//!
//! ```text
//! min   sum_g cost_g * generation_g + sum_d value_d * shed_d
//! s.t.  generation + shed + inflow - outflow = demand      at each bus   (dual: price)
//!       0 <= generation_g <= available_g,  0 <= shed_d <= demand_d,  -reverse_l <= flow_l <= forward_l
//! ```
//!
//! It is a minimum-cost flow: one node per bus and a root; offers and sheddable blocks are arcs from the root to their
//! bus, and each line is a forward and a backward arc. A basis is a spanning tree. A subtree of the root holds exactly one
//! *marginal block* and the lines inside it that are not congested: a price zone.
//!
//! # Why the dual simplex
//!
//! Costs never change between hours; available power, demand and limits do. So the last basis stays dual feasible, and
//! only violated tree arcs are pivoted out (Ahuja, Magnanti and Orlin, *Network Flows*, 1993, section 11.9, "parametric and
//! dual network simplex"). One pivot takes the subtree that hangs below a violated arc and moves its price until another arc
//! closes the gap, passing over every block that is too small on the way (the bound-flipping ratio test: Maros,
//! *Computational Techniques of the Simplex Method*, 2003, section 10.2). An hour that moves demand by ten blocks of the
//! merit order is therefore one pivot, and an hour that only moves the marginal block is none.
//!
//! # Exactness and ties
//!
//! Prices inside the algorithm are 64-bit integers: the rank of a cost in the upper bits, a tie-break in the lower ones.
//! Comparing them is exact, and every reported price is the cost of a block, untouched by arithmetic. The tie-break prefers, in
//! this order: generation to shedding; few line crossings (so that power does not circulate between equal prices and
//! an equally dear zone serves itself); a low index. With it the optimal flow is unique.
//!
//! While it looks for the basis, every bus asks for `delta` (1e-9 MW, or 2e-14 of the total demand) more than its demand: the
//! lexicographic perturbation that makes the optimal basis, hence the price, unique, and rules out cycling. The flows
//! are then computed again from the true demand. A zone that is within `buses * delta` below a tie may so keep
//! an imbalance of that size.
//!
//! Both together make the answer a function of the input alone, whatever was solved before, to the last bit. The exception
//! is an input within a fiftieth of `delta` (2e-11 MW) of a perturbed tie, where rounding decides; [`Dispatcher::reset`]
//! removes even that.

use crate::dispatch::Dispatch;
use crate::network::{GridError, Load, Network, Offer};

/// Bits for the tie-break, below the rank of the cost.
const RANK_SHIFT: u32 = 42;
/// Tie-breaks along any path stay below this, so that two of them never reach one rank.
const TIE_SPAN: i64 = 1 << 40;
/// Parent arc of a bus whose zone has its marginal block at this bus.
const BLOCK: usize = usize::MAX;
/// Position of a root in a parent array.
const NONE: usize = usize::MAX;
/// No demand above this one is believed \[MW\]: a thousand times the installed power of the world.
const MOST_DEMAND_MW: f64 = 1e10;
/// Share of `delta` below which a violation is rounding.
const ROUNDING: f64 = 0.02;
/// Pivots between two computations of the bus sums from scratch, against rounding.
const REFRESH: u32 = 64;

/// Where an arc of a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ArcState {
    /// Outside the tree, no flow.
    Empty,
    /// Outside the tree, at its limit.
    Full,
    /// In the tree.
    Tree,
}

/// A direction of a line; line `l` has arcs `2 l` (forward) and `2 l + 1` (backward).
#[derive(Clone, Copy, Debug)]
struct Arc {
    tail: usize,
    head: usize,
    /// Tie-break for a megawatt that takes this arc.
    toll: i64,
    state: ArcState,
    limit_mw: f64,
}

/// A block of the merit order of one bus: an offer, a load that may be shed, or the sentinel that ends the order.
#[derive(Clone, Copy, Debug)]
struct Block {
    key: i64,
    price_eur_per_mwh: f64,
    capacity_mw: f64,
}

/// What may close the gap of a pivot.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    /// How far the price of the subtree moves before this arc counts.
    step: i64,
    /// How much of the gap it closes.
    room_mw: f64,
    /// An arc, or the number of arcs + a bus.
    id: usize,
}

/// A tree arc outside its limits.
#[derive(Clone, Copy, Debug)]
struct Violation {
    /// Bus below it.
    bus: usize,
    /// Whether the subtree lacks power (its price rises) or has too much (its price falls).
    lacks: bool,
    amount_mw: f64,
}

/// Solves the hourly dispatch of one network; built once, then called for each change.
///
/// Its memory is the basis of the last solve. After construction (and the first use of a [`Dispatch`]) it allocates nothing.
/// Clone it for another thread.
#[derive(Clone, Debug)]
pub struct Dispatcher {
    buses: usize,
    arcs: Vec<Arc>,
    /// Merit orders of all buses, one after the other.
    blocks: Vec<Block>,
    /// Where the merit order of a bus starts; one more entry than buses.
    start: Vec<usize>,
    /// Place of the sentinel of each bus.
    sentinel: Vec<usize>,
    /// Bus, place in `blocks` and price of each offer, then of each load.
    offer_block: Vec<(usize, usize, f64)>,
    load_block: Vec<(usize, usize, f64)>,

    /// First block of a bus that is not full; in the tree if the parent arc is `BLOCK`.
    next: Vec<usize>,
    parent: Vec<usize>,
    parent_arc: Vec<usize>,
    /// Price of each bus, as an integer.
    key: Vec<i64>,
    /// Buses by depth in the tree, then by place: a function of the tree alone.
    order: Vec<usize>,

    demand_mw: Vec<f64>,
    /// Demand less full blocks and full arcs.
    base_mw: Vec<f64>,
    /// What must arrive at each bus from its parent, for itself and all below.
    need_mw: Vec<f64>,

    first_child: Vec<usize>,
    sibling: Vec<usize>,
    in_subtree: Vec<bool>,
    members: Vec<usize>,
    candidates: Vec<Candidate>,
}

impl Dispatcher {
    /// Builds the merit orders and the first basis.
    ///
    /// # Errors
    /// [`GridError`] when an index does not exist, a line is a loop, a price is not finite, or there are more buses and
    /// blocks than the integer prices can tell apart (50,000 buses with 100,000 blocks can).
    pub fn new(network: &Network, offers: &[Offer], loads: &[Load]) -> Result<Self, GridError> {
        network.check(offers, loads)?;
        let buses = network.buses;
        let sources = offers.len() + loads.len() + buses;
        let too_large = GridError::TooLarge { buses, blocks: offers.len() + loads.len() };
        let toll = i64::try_from(buses + 1).map_or(0, |n| TIE_SPAN / n);
        let stride = i64::try_from(sources + 1).map_or(0, |n| (toll / 32) / n);
        if stride < 1 || sources >= 1 << (62 - RANK_SHIFT) {
            return Err(too_large);
        }

        // The price of a megawatt that nobody can serve.
        let top = if loads.is_empty() {
            offers.iter().map(|o| o.cost_eur_per_mwh).fold(0.0, f64::max)
        } else {
            loads.iter().map(|l| l.value_eur_per_mwh).fold(f64::NEG_INFINITY, f64::max)
        };
        // (price, kind, index in kind, bus): generation before shedding before the sentinel at the same price. Adding zero makes
        // one zero of the two.
        let mut list: Vec<(f64, u8, usize, usize)> = Vec::with_capacity(sources);
        list.extend(offers.iter().enumerate().map(|(i, o)| (o.cost_eur_per_mwh + 0.0, 0, i, o.bus)));
        list.extend(loads.iter().enumerate().map(|(i, l)| (l.value_eur_per_mwh + 0.0, 1, i, l.bus)));
        list.extend((0..buses).map(|bus| (top + 0.0, 2, bus, bus)));
        list.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));

        let mut at_bus = vec![Vec::new(); buses];
        let mut rank = 0_i64;
        let mut tie = 0_i64;
        for (place, &(price, kind, index, bus)) in list.iter().enumerate() {
            if place > 0 && (price, kind) != (list[place - 1].0, list[place - 1].1) {
                rank += 1;
            }
            tie += stride;
            let key = (rank << RANK_SHIFT) + tie;
            let capacity_mw = if kind == 2 { f64::INFINITY } else { 0.0 };
            at_bus[bus].push((Block { key, price_eur_per_mwh: price, capacity_mw }, kind, index));
        }

        // Each bus has one sentinel, of infinite capacity. Offers dearer than the cap come after it and never run: at the cap, all
        // demand is shed.
        let mut blocks = Vec::with_capacity(sources);
        let mut sentinel = Vec::with_capacity(buses);
        let mut start = Vec::with_capacity(buses + 1);
        let mut offer_block = vec![(0, 0, 0.0); offers.len()];
        let mut load_block = vec![(0, 0, 0.0); loads.len()];
        for (bus, list) in at_bus.iter().enumerate() {
            start.push(blocks.len());
            for &(block, kind, index) in list {
                match kind {
                    0 => offer_block[index] = (bus, blocks.len(), block.price_eur_per_mwh),
                    1 => load_block[index] = (bus, blocks.len(), block.price_eur_per_mwh),
                    _ => sentinel.push(blocks.len()),
                }
                blocks.push(block);
            }
        }
        start.push(blocks.len());

        let mut arcs = Vec::with_capacity(2 * network.lines.len());
        for (line, ends) in network.lines.iter().enumerate() {
            let toll = toll + scatter(line) % (toll / 16).max(1);
            let arc = |tail, head| Arc { tail, head, toll, state: ArcState::Empty, limit_mw: 0.0 };
            arcs.push(arc(ends.from, ends.to));
            arcs.push(arc(ends.to, ends.from));
        }

        let mut dispatcher = Self {
            buses,
            blocks,
            start,
            sentinel,
            offer_block,
            load_block,
            next: vec![0; buses],
            parent: vec![NONE; buses],
            parent_arc: vec![BLOCK; buses],
            key: vec![0; buses],
            order: Vec::with_capacity(buses),
            demand_mw: vec![0.0; buses],
            base_mw: vec![0.0; buses],
            need_mw: vec![0.0; buses],
            first_child: vec![NONE; buses],
            sibling: vec![NONE; buses],
            in_subtree: vec![false; buses],
            members: Vec::with_capacity(buses),
            candidates: Vec::with_capacity(buses + arcs.len()),
            arcs,
        };
        dispatcher.reset();
        Ok(dispatcher)
    }

    /// Forgets the last basis. The next answer costs a cold start and is independent of all earlier calls, to the last bit.
    ///
    /// Call it at the start of each replication.
    pub fn reset(&mut self) {
        // Each bus is a zone at the top price. Sentinels differ by less than a toll, so all lines are dual feasible.
        for bus in 0..self.buses {
            self.next[bus] = self.sentinel[bus];
            self.key[bus] = self.blocks[self.sentinel[bus]].key;
        }
        self.parent.fill(NONE);
        self.parent_arc.fill(BLOCK);
        for arc in &mut self.arcs {
            arc.state = ArcState::Empty;
        }
        self.reorder();
    }

    /// Finds the least-cost dispatch for the available power of each offer, the demand of each load and the limits of each line in
    /// both directions \[MW\].
    ///
    /// A solution always exists, because all demand may be shed. A negative or undefined number counts as zero; available power and limits
    /// may be infinite.
    ///
    /// # Panics
    /// When a slice is not as long as the offers, loads or lines of the construction.
    pub fn solve(&mut self, available_mw: &[f64], demand_mw: &[f64], forward_mw: &[f64], reverse_mw: &[f64], out: &mut Dispatch) {
        assert_eq!(available_mw.len(), self.offer_block.len(), "one available power per offer");
        assert_eq!(demand_mw.len(), self.load_block.len(), "one demand per load");
        assert_eq!(forward_mw.len() * 2, self.arcs.len(), "one forward limit per line");
        assert_eq!(reverse_mw.len() * 2, self.arcs.len(), "one reverse limit per line");
        let total_mw = self.load_inputs(available_mw, demand_mw, forward_mw, reverse_mw);
        let delta = 1e-9 + 2e-14 * total_mw;

        out.pivots = 0;
        out.optimal = self.optimise(delta, &mut out.pivots);
        if !out.optimal {
            self.reset();
            out.optimal = self.optimise(delta, &mut out.pivots);
        }
        if !out.optimal {
            self.each_for_itself();
        }
        if out.pivots > 0 {
            self.sum_base();
        }
        self.sweep(0.0);
        self.write(demand_mw, out);
        if !out.optimal {
            self.reset();
        }
    }

    /// Takes the numbers of this solve, with all limits cut to what can matter; returns the total demand \[MW\].
    fn load_inputs(&mut self, available_mw: &[f64], demand_mw: &[f64], forward_mw: &[f64], reverse_mw: &[f64]) -> f64 {
        self.demand_mw.fill(0.0);
        let mut total_mw = 0.0;
        for (&(bus, place, _), &mw) in self.load_block.iter().zip(demand_mw) {
            let mw = positive(mw, MOST_DEMAND_MW);
            self.blocks[place].capacity_mw = mw;
            self.demand_mw[bus] += mw;
            total_mw += mw;
        }
        // No offer and no line carries more than the total demand in an optimum; twice as much never binds.
        let most_mw = 2.0 * total_mw + 1.0;
        for (&(_, place, _), &mw) in self.offer_block.iter().zip(available_mw) {
            self.blocks[place].capacity_mw = positive(mw, most_mw);
        }
        for (pair, (&forward, &reverse)) in self.arcs.chunks_exact_mut(2).zip(forward_mw.iter().zip(reverse_mw)) {
            pair[0].limit_mw = positive(forward, most_mw);
            pair[1].limit_mw = positive(reverse, most_mw);
        }
        self.sum_base();
        total_mw
    }

    /// Demand less full blocks and full arcs, at each bus, always in the same order of addition.
    fn sum_base(&mut self) {
        for bus in 0..self.buses {
            let full: f64 = self.blocks[self.start[bus]..self.next[bus]].iter().map(|b| b.capacity_mw).sum();
            self.base_mw[bus] = self.demand_mw[bus] - full;
        }
        for arc in &self.arcs {
            if arc.state == ArcState::Full {
                self.base_mw[arc.head] -= arc.limit_mw;
                self.base_mw[arc.tail] += arc.limit_mw;
            }
        }
    }

    /// Pivots until nothing is violated; false after the pivot limit.
    fn optimise(&mut self, delta: f64, pivots: &mut u32) -> bool {
        let most = 1000 + 50 * (self.arcs.len() + self.blocks.len());
        for count in 1..=most {
            let Some(violation) = self.sweep(delta) else { return true };
            self.pivot(violation);
            *pivots += 1;
            if count % REFRESH as usize == 0 {
                self.sum_base();
            }
        }
        false
    }

    /// Computes the flow on each tree arc, from the leaves to the root, and finds the worst violation.
    fn sweep(&mut self, delta: f64) -> Option<Violation> {
        for (need, base) in self.need_mw.iter_mut().zip(&self.base_mw) {
            *need = base + delta;
        }
        let mut worst: Option<Violation> = None;
        // Below it is rounding.
        let mut amount_mw = ROUNDING * delta;
        for &bus in self.order.iter().rev() {
            let need = self.need_mw[bus];
            let at = self.parent_arc[bus];
            // Lack and excess of the subtree, given what its parent arc can carry.
            let (lack, excess) = if at == BLOCK {
                (need - self.blocks[self.next[bus]].capacity_mw, -need)
            } else {
                self.need_mw[self.parent[bus]] += need;
                let arc = &self.arcs[at];
                if arc.head == bus { (need - arc.limit_mw, -need) } else { (need, -need - arc.limit_mw) }
            };
            if lack > amount_mw {
                amount_mw = lack;
                worst = Some(Violation { bus, lacks: true, amount_mw });
            }
            if excess > amount_mw {
                amount_mw = excess;
                worst = Some(Violation { bus, lacks: false, amount_mw });
            }
        }
        worst
    }

    /// Takes a violated arc out of the tree, moves the price of the subtree below it, and hangs the subtree up again.
    fn pivot(&mut self, Violation { bus: top, lacks, amount_mw }: Violation) {
        self.collect_subtree(top);
        self.remove_parent_arc(top, lacks);
        self.collect_candidates(lacks);

        let arcs = self.arcs.len();
        let mut gap_mw = amount_mw;
        let mut entering: Option<usize> = None;
        let mut travelled = 0;
        loop {
            // The nearest; the first of equals.
            let mut nearest: Option<usize> = None;
            let mut step = i64::MAX;
            for (at, candidate) in self.candidates.iter().enumerate() {
                if candidate.step < step {
                    step = candidate.step;
                    nearest = Some(at);
                }
            }
            // Running out of candidates is rounding, since all demand can be shed and all generation stopped: the last one stays.
            let Some(at) = nearest else { break };
            if let Some(passed) = entering {
                self.flip(passed, lacks);
            }
            let Candidate { room_mw, id, .. } = self.candidates[at];
            entering = Some(id);
            travelled = step;
            if room_mw >= gap_mw {
                break;
            }
            gap_mw -= room_mw;
            self.candidates[at] = if id < arcs {
                Candidate { step: i64::MAX, room_mw: 0.0, id }
            } else {
                // Its block is flipped in the next turn, unless nothing else is left.
                let bus = id - arcs;
                let place = if lacks { Some(self.next[bus] + 1) } else { self.next[bus].checked_sub(2) };
                self.block_candidate(bus, place, lacks)
            };
        }

        let by = if lacks { travelled } else { -travelled };
        for &bus in &self.members {
            self.key[bus] += by;
        }
        match entering {
            Some(id) if id >= arcs => {
                let bus = id - arcs;
                if !lacks {
                    self.next[bus] -= 1;
                    self.base_mw[bus] += self.blocks[self.next[bus]].capacity_mw;
                }
                self.hang(top, bus, NONE, BLOCK);
            }
            Some(id) => {
                self.set_arc(id, ArcState::Empty);
                self.arcs[id].state = ArcState::Tree;
                let Arc { tail, head, .. } = self.arcs[id];
                let (below, above) = if self.in_subtree[head] { (head, tail) } else { (tail, head) };
                self.hang(top, below, above, id);
            }
            // Nothing could enter: put the arc back where it was. Not reached, since each bus has a sentinel above and an
            // excess comes from a full block or arc.
            None => {
                let at = self.parent_arc[top];
                if at == BLOCK {
                    if lacks {
                        self.next[top] -= 1;
                        self.base_mw[top] += self.blocks[self.next[top]].capacity_mw;
                    }
                } else {
                    self.set_arc(at, ArcState::Empty);
                    self.arcs[at].state = ArcState::Tree;
                }
            }
        }
        for &bus in &self.members {
            self.in_subtree[bus] = false;
        }
        self.reorder();
    }

    /// Marks and lists the buses at and below one bus.
    fn collect_subtree(&mut self, top: usize) {
        self.members.clear();
        self.members.push(top);
        self.in_subtree[top] = true;
        let mut read = 0;
        while read < self.members.len() {
            let mut child = self.first_child[self.members[read]];
            while child != NONE {
                self.in_subtree[child] = true;
                self.members.push(child);
                child = self.sibling[child];
            }
            read += 1;
        }
    }

    /// Leaves the parent arc of a bus at the limit that it violates.
    fn remove_parent_arc(&mut self, bus: usize, lacks: bool) {
        let at = self.parent_arc[bus];
        if at == BLOCK {
            if lacks {
                self.base_mw[bus] -= self.blocks[self.next[bus]].capacity_mw;
                self.next[bus] += 1;
            }
        } else {
            let full = (self.arcs[at].head == bus) == lacks;
            self.arcs[at].state = ArcState::Empty;
            if full {
                self.set_arc(at, ArcState::Full);
            }
        }
    }

    /// Lists what may help the marked subtree: the next block of each of its buses, and lines across its border.
    fn collect_candidates(&mut self, lacks: bool) {
        self.candidates.clear();
        for at in 0..self.members.len() {
            let bus = self.members[at];
            let place = if lacks { Some(self.next[bus]) } else { self.next[bus].checked_sub(1) };
            let candidate = self.block_candidate(bus, place, lacks);
            self.candidates.push(candidate);
        }
        for (pair_at, pair) in self.arcs.chunks_exact(2).enumerate() {
            let (from, to) = (pair[0].tail, pair[0].head);
            if self.in_subtree[from] == self.in_subtree[to] {
                continue;
            }
            for (side, arc) in pair.iter().enumerate() {
                let inward = self.in_subtree[arc.head];
                let wanted = if inward == lacks { ArcState::Empty } else { ArcState::Full };
                if arc.state == wanted {
                    let step = (arc.toll + self.key[arc.tail] - self.key[arc.head]).abs();
                    self.candidates.push(Candidate { step, room_mw: arc.limit_mw, id: 2 * pair_at + side });
                }
            }
        }
    }

    /// The block at a place as a candidate of its bus, or one that is never chosen where the merit order ends.
    fn block_candidate(&self, bus: usize, place: Option<usize>, lacks: bool) -> Candidate {
        let id = self.arcs.len() + bus;
        match place {
            Some(place) if place >= self.start[bus] && place < self.start[bus + 1] => {
                let block = &self.blocks[place];
                let step = if lacks { block.key - self.key[bus] } else { self.key[bus] - block.key };
                Candidate { step, room_mw: block.capacity_mw, id }
            }
            _ => Candidate { step: i64::MAX, room_mw: 0.0, id },
        }
    }

    /// Moves a candidate that was passed over to its other limit.
    fn flip(&mut self, id: usize, lacks: bool) {
        if id < self.arcs.len() {
            let state = if self.arcs[id].state == ArcState::Full { ArcState::Empty } else { ArcState::Full };
            self.set_arc(id, state);
        } else {
            let bus = id - self.arcs.len();
            if lacks {
                self.base_mw[bus] -= self.blocks[self.next[bus]].capacity_mw;
                self.next[bus] += 1;
            } else {
                self.next[bus] -= 1;
                self.base_mw[bus] += self.blocks[self.next[bus]].capacity_mw;
            }
        }
    }

    /// Fills or empties an arc outside the tree, and books its flow at both ends.
    fn set_arc(&mut self, at: usize, state: ArcState) {
        let arc = &mut self.arcs[at];
        if arc.state != state {
            let by = if state == ArcState::Full { arc.limit_mw } else { -arc.limit_mw };
            self.base_mw[arc.head] -= by;
            self.base_mw[arc.tail] += by;
            arc.state = state;
        }
    }

    /// Hangs the subtree of `top` by its bus `below` under `above`, turning the arcs between `below` and `top`.
    fn hang(&mut self, top: usize, below: usize, above: usize, arc: usize) {
        let (mut bus, mut parent, mut parent_arc) = (below, above, arc);
        loop {
            let (old_parent, old_arc) = (self.parent[bus], self.parent_arc[bus]);
            self.parent[bus] = parent;
            self.parent_arc[bus] = parent_arc;
            if bus == top {
                return;
            }
            (parent, parent_arc, bus) = (bus, old_arc, old_parent);
        }
    }

    /// Lists the buses by depth, so that each comes after its parent.
    fn reorder(&mut self) {
        self.first_child.fill(NONE);
        self.order.clear();
        for bus in (0..self.buses).rev() {
            let parent = self.parent[bus];
            if parent != NONE {
                self.sibling[bus] = self.first_child[parent];
                self.first_child[parent] = bus;
            }
        }
        for bus in 0..self.buses {
            if self.parent[bus] == NONE {
                self.order.push(bus);
            }
        }
        let mut read = 0;
        while read < self.order.len() {
            let mut child = self.first_child[self.order[read]];
            while child != NONE {
                self.order.push(child);
                child = self.sibling[child];
            }
            read += 1;
        }
    }

    /// The feasible basis without any flow on lines, for the case that the pivot limit is reached.
    fn each_for_itself(&mut self) {
        self.reset();
        for bus in 0..self.buses {
            let mut left_mw = self.demand_mw[bus];
            let mut place = self.start[bus];
            while place < self.sentinel[bus] && self.blocks[place].capacity_mw < left_mw {
                left_mw -= self.blocks[place].capacity_mw;
                place += 1;
            }
            self.next[bus] = place;
        }
        self.sum_base();
    }

    /// Reads the answer from the tree.
    fn write(&self, demand_mw: &[f64], out: &mut Dispatch) {
        out.resize(self.buses, self.arcs.len() / 2, self.offer_block.len(), self.load_block.len());
        for &bus in &self.order {
            let parent = self.parent[bus];
            out.price_eur_per_mwh[bus] =
                if parent == NONE { self.blocks[self.next[bus]].price_eur_per_mwh } else { out.price_eur_per_mwh[parent] };
        }
        out.total_generation_mw = 0.0;
        out.generation_cost_eur_per_h = 0.0;
        for (mw, &(bus, place, price)) in out.generation_mw.iter_mut().zip(&self.offer_block) {
            *mw = self.output(bus, place);
            out.total_generation_mw += *mw;
            out.generation_cost_eur_per_h += price * *mw;
        }
        out.total_shed_mw = 0.0;
        let mut shed_cost = 0.0;
        for ((mw, &(bus, place, price)), &demand) in out.shed_mw.iter_mut().zip(&self.load_block).zip(demand_mw) {
            *mw = self.output(bus, place).min(positive(demand, MOST_DEMAND_MW));
            out.total_shed_mw += *mw;
            shed_cost += price * *mw;
        }
        out.cost_eur_per_h = out.generation_cost_eur_per_h + shed_cost;
        for (flow, pair) in out.flow_mw.iter_mut().zip(self.arcs.chunks_exact(2)) {
            let full = |arc: &Arc| if arc.state == ArcState::Full { arc.limit_mw } else { 0.0 };
            *flow = full(&pair[0]) - full(&pair[1]);
        }
        for bus in 0..self.buses {
            let at = self.parent_arc[bus];
            if at != BLOCK {
                let arc = &self.arcs[at];
                let need = self.need_mw[bus];
                let along = if arc.head == bus { need } else { -need }.clamp(0.0, arc.limit_mw);
                out.flow_mw[at / 2] += if at.is_multiple_of(2) { along } else { -along };
            }
        }
    }

    /// Power of the block at a place of the merit order of a bus \[MW\].
    fn output(&self, bus: usize, place: usize) -> f64 {
        let next = self.next[bus];
        if place < next {
            self.blocks[place].capacity_mw
        } else if place == next && self.parent_arc[bus] == BLOCK {
            self.need_mw[bus].clamp(0.0, self.blocks[place].capacity_mw)
        } else {
            0.0
        }
    }
}

/// A number of megawatts between zero and a limit; zero where it is undefined.
fn positive(mw: f64, most_mw: f64) -> f64 {
    // `max` returns the other operand for an undefined one; `clamp` would pass it on.
    mw.max(0.0).min(most_mw)
}

/// A fixed scatter of small integers over 31 bits (the finaliser of Steele, Lea and Flood, "Fast splittable pseudorandom
/// number generators", 2014): tells the tolls of lines apart.
fn scatter(index: usize) -> i64 {
    let mut z = (index as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    i64::from((z >> 33) as u32)
}
