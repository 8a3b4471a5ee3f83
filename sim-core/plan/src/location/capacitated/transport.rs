//! Who is served from where once it is settled which facilities are open: the transportation problem, exactly.
//!
//! Every customer starts at its cheapest facility. Facilities with too much load then pass customers on along the cheapest chains of open
//! facilities, one chain at a time (successive shortest paths: Ahuja, Magnanti and Orlin, Network Flows, 1993, section 9.7). The graph of
//! the chains has one node for each open facility, whatever the number of customers: an arc from `a` to `b` is the customer at `a` that
//! moves to `b` at the least cost per unit. The node potentials are the prices of capacity.

use super::dense::Dense;
use crate::deadline::Deadline;

/// Loads above capacity by less than this share of all demand are rounding.
const ROUNDING: f64 = 1e-12;

/// Chains between two looks at the clock.
const CHAINS: usize = 64;

/// Routes customers; keeps its arrays from one set of facilities to the next.
#[derive(Default)]
pub(super) struct Transport {
    /// When it has to end; never, if absent.
    deadline: Option<Deadline>,
    /// Amounts served, by open facility: column and amount.
    held: Vec<Vec<(u32, f64)>>,
    /// Price of capacity by open facility.
    price: Vec<f64>,
    load: Vec<f64>,
    /// The arcs: least cost per unit of moving a customer from one open facility to another, and that customer's column.
    arc: Vec<f64>,
    mover: Vec<u32>,
    /// Whether the arcs out of a facility are up to date.
    scanned: Vec<bool>,
    distance: Vec<f64>,
    /// The distance of those that are not done.
    pending: Vec<f64>,
    before: Vec<usize>,
    path: Vec<usize>,
}

impl Transport {
    pub(super) fn new(deadline: Deadline) -> Self {
        Self { deadline: Some(deadline), ..Self::default() }
    }

    /// Cost of opening these facilities and serving all from them; `None` if they cannot, or for no less than `cutoff`, or not before
    /// the deadline.
    pub(super) fn route(&mut self, dense: &Dense, open: &[usize], cutoff: f64) -> Option<f64> {
        let k = open.len();
        let opening: f64 = open.iter().map(|i| dense.fixed[*i]).sum();
        let room: f64 = open.iter().map(|i| dense.capacity[*i]).sum();
        if room < dense.total * (1.0 - ROUNDING) {
            return None;
        }
        self.start(dense, open)?;
        let slight = ROUNDING * dense.total;
        let mut cost = opening + self.served(dense, open);
        for chain in 1.. {
            let excess = |a: usize| self.load[a] - dense.capacity[open[a]];
            // Costs at the present prices: a bound on the cost of any routing.
            let bound = cost + (0..k).map(|a| self.price[a] * excess(a)).sum::<f64>();
            if bound >= cutoff || (chain % CHAINS == 0 && self.deadline.is_some_and(|deadline| deadline.passed())) {
                return None;
            }
            let Some(from) = (0..k).find(|a| excess(*a) > (k + 2) as f64 * slight) else { break };
            let to = self.shortest(dense, open, from, slight)?;
            cost += self.pass_on(dense, open, from, to);
        }
        let cost = opening + self.served(dense, open);
        (cost < cutoff).then_some(cost)
    }

    /// Facility, column and amount of the last routing.
    pub(super) fn amounts<'a>(&'a self, open: &'a [usize]) -> impl Iterator<Item = (usize, usize, f64)> + 'a {
        self.held.iter().zip(open).flat_map(|(held, i)| held.iter().map(|(column, amount)| (*i, *column as usize, *amount)))
    }

    /// Every customer at its cheapest facility; `None` if one has none.
    fn start(&mut self, dense: &Dense, open: &[usize]) -> Option<()> {
        let k = open.len();
        self.held.resize_with(k.max(self.held.len()), Vec::new);
        self.held.truncate(k);
        self.held.iter_mut().for_each(Vec::clear);
        self.price.clear();
        self.price.resize(k, 0.0);
        self.load.clear();
        self.load.resize(k, 0.0);
        // What is left of arcs from before is not looked at: nothing is scanned yet.
        self.arc.resize((k * k).max(self.arc.len()), f64::INFINITY);
        self.mover.resize((k * k).max(self.mover.len()), u32::MAX);
        self.scanned.clear();
        self.scanned.resize(k, false);
        for column in 0..dense.columns() {
            let costs = &dense.by_column[column * dense.facilities..(column + 1) * dense.facilities];
            let (mut best, mut least) = (usize::MAX, f64::INFINITY);
            for (a, i) in open.iter().enumerate() {
                if costs[*i] < least {
                    (best, least) = (a, costs[*i]);
                }
            }
            if best == usize::MAX {
                return None;
            }
            self.held[best].push((column as u32, dense.demand[column]));
            if column < dense.loaded {
                self.load[best] += dense.demand[column];
            }
        }
        Some(())
    }

    fn served(&self, dense: &Dense, open: &[usize]) -> f64 {
        self.amounts(open).map(|(i, column, amount)| amount * dense.by_column[column * dense.facilities + i]).sum()
    }

    /// Finds the arcs out of `a` anew.
    fn scan(&mut self, dense: &Dense, open: &[usize], a: usize) {
        let k = open.len();
        self.arc[a * k..(a + 1) * k].fill(f64::INFINITY);
        self.scanned[a] = true;
        for at in 0..self.held[a].len() {
            self.offer(dense, open, a, self.held[a][at].0);
        }
    }

    /// Lets a customer of `a` be the mover to where it moves at less cost than any other.
    fn offer(&mut self, dense: &Dense, open: &[usize], a: usize, column: u32) {
        if column as usize >= dense.loaded {
            return;
        }
        let k = open.len();
        let costs = &dense.by_column[column as usize * dense.facilities..(column as usize + 1) * dense.facilities];
        let here = costs[open[a]];
        let arcs = self.arc[a * k..(a + 1) * k].iter_mut().zip(&mut self.mover[a * k..(a + 1) * k]);
        for ((arc, mover), i) in arcs.zip(open) {
            let cost = costs[*i] - here;
            if cost < *arc {
                (*arc, *mover) = (cost, column);
            }
        }
    }

    /// The nearest facility with room, by Dijkstra's method with reduced costs; the prices follow.
    fn shortest(&mut self, dense: &Dense, open: &[usize], from: usize, slight: f64) -> Option<usize> {
        let k = open.len();
        self.distance.clear();
        self.distance.resize(k, f64::INFINITY);
        self.distance[from] = 0.0;
        self.pending.clear();
        self.pending.resize(k, f64::INFINITY);
        self.before.clear();
        self.before.resize(k, usize::MAX);
        let mut a = from;
        loop {
            let far = self.distance[a];
            if self.load[a] < dense.capacity[open[a]] - slight {
                for (price, distance) in self.price.iter_mut().zip(&self.distance) {
                    *price += (far - distance).max(0.0);
                }
                return Some(a);
            }
            if !self.scanned[a] {
                self.scan(dense, open, a);
            }
            self.pending[a] = f64::INFINITY;
            let base = far - self.price[a];
            let (mut next, mut least) = (usize::MAX, f64::INFINITY);
            for b in 0..k {
                // Not below `far`: a reduced cost below zero is rounding.
                let distance = (base + self.arc[a * k + b] + self.price[b]).max(far);
                if distance < self.distance[b] {
                    self.distance[b] = distance;
                    self.pending[b] = distance;
                    self.before[b] = a;
                }
                if self.pending[b] < least {
                    (next, least) = (b, self.pending[b]);
                }
            }
            if next == usize::MAX {
                return None;
            }
            a = next;
        }
    }

    /// Passes as much as it can along the chain; what that costs.
    fn pass_on(&mut self, dense: &Dense, open: &[usize], from: usize, to: usize) -> f64 {
        let k = open.len();
        self.path.clear();
        self.path.push(to);
        let mut at = to;
        while at != from {
            at = self.before[at];
            self.path.push(at);
        }
        self.path.reverse();
        let excess = self.load[from] - dense.capacity[open[from]];
        let room = dense.capacity[open[to]] - self.load[to];
        // The customers that move are those of the arcs as they stand before the first of them moves.
        let moves: Vec<(usize, usize, u32)> =
            self.path.windows(2).map(|step| (step[0], step[1], self.mover[step[0] * k + step[1]])).collect();
        let mut amount = excess.min(room);
        for (a, _, column) in &moves {
            let held = self.held[*a].iter().find(|(it, _)| it == column).map_or(0.0, |(_, held)| *held);
            amount = amount.min(held);
        }
        let mut cost = 0.0;
        for (a, b, column) in &moves {
            cost += amount * self.arc[a * k + b];
            if let Some(at) = self.held[*a].iter().position(|(it, _)| it == column) {
                self.held[*a][at].1 -= amount;
                if self.held[*a][at].1 <= 0.0 {
                    self.held[*a].swap_remove(at);
                }
            }
            match self.held[*b].iter_mut().find(|(it, _)| it == column) {
                Some((_, held)) => *held += amount,
                None => self.held[*b].push((*column, amount)),
            }
        }
        for (a, b, column) in &moves {
            if !self.held[*a].iter().any(|(it, _)| it == column) {
                self.scanned[*a] = false;
            }
            if self.scanned[*b] {
                self.offer(dense, open, *b, *column);
            }
        }
        self.load[from] -= amount;
        self.load[to] += amount;
        if amount >= excess {
            self.load[from] = dense.capacity[open[from]];
        }
        if amount >= room {
            self.load[to] = dense.capacity[open[to]];
        }
        cost
    }
}
