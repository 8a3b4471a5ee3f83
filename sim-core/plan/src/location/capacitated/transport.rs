//! Who is served from where once it is settled which facilities are open: the transportation problem, exactly.
//!
//! Every customer starts at its cheapest facility. Facilities with too much load then pass customers on along the cheapest chains of open
//! facilities, one chain at a time (successive shortest paths: Ahuja, Magnanti and Orlin, Network Flows, 1993, section 9.7). The graph of
//! the chains has one node for each open facility, whatever the number of customers: an arc from `a` to `b` is the customer at `a` that
//! moves to `b` at the least cost per unit. The node potentials are the prices of capacity.

use super::dense::Dense;

/// Loads above capacity by less than this share of all demand are rounding.
const ROUNDING: f64 = 1e-12;

/// The cheapest way from one open facility to another.
#[derive(Clone, Copy)]
struct Link {
    cost: f64,
    column: u32,
}

const NO_LINK: Link = Link { cost: f64::INFINITY, column: u32::MAX };

/// Routes customers; keeps its arrays from one set of facilities to the next.
#[derive(Default)]
pub(super) struct Transport {
    /// Amounts served, by open facility: column and amount.
    held: Vec<Vec<(u32, f64)>>,
    /// Price of capacity by open facility.
    price: Vec<f64>,
    link: Vec<Link>,
    load: Vec<f64>,
    distance: Vec<f64>,
    before: Vec<usize>,
    done: Vec<bool>,
    path: Vec<usize>,
}

impl Transport {
    /// Cost of opening these facilities and serving all from them; `None` if they cannot, or for no less than `cutoff`.
    pub(super) fn route(&mut self, dense: &Dense, open: &[usize], cutoff: f64) -> Option<f64> {
        let k = open.len();
        let opening: f64 = open.iter().map(|i| dense.fixed[*i]).sum();
        if k == 0 {
            return (dense.columns() == 0 && opening < cutoff).then_some(opening);
        }
        let room: f64 = open.iter().map(|i| dense.capacity[*i]).sum();
        if room < dense.total * (1.0 - ROUNDING) {
            return None;
        }
        self.start(dense, open)?;
        for a in 0..k {
            self.scan(dense, open, a);
        }
        let slight = ROUNDING * dense.total;
        let mut cost = opening + self.served(dense, open);
        loop {
            let excess = |a: usize| self.load[a] - dense.capacity[open[a]];
            // Costs at the present prices: a bound on the cost of any routing.
            let bound = cost + (0..k).map(|a| self.price[a] * excess(a)).sum::<f64>();
            if bound >= cutoff {
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
        self.link.clear();
        self.link.resize(k * k, NO_LINK);
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

    /// Finds the links out of `a` anew.
    fn scan(&mut self, dense: &Dense, open: &[usize], a: usize) {
        let k = open.len();
        let links = &mut self.link[a * k..(a + 1) * k];
        links.fill(NO_LINK);
        for (column, _) in &self.held[a] {
            Self::offer(dense, open, a, *column, links);
        }
    }

    /// Lets a customer of `a` be the link to where it moves at less cost than any other.
    fn offer(dense: &Dense, open: &[usize], a: usize, column: u32, links: &mut [Link]) {
        if column as usize >= dense.loaded {
            return;
        }
        let costs = &dense.by_column[column as usize * dense.facilities..(column as usize + 1) * dense.facilities];
        let here = costs[open[a]];
        for (link, i) in links.iter_mut().zip(open) {
            let cost = costs[*i] - here;
            if cost < link.cost {
                *link = Link { cost, column };
            }
        }
    }

    /// The nearest facility with room, by Dijkstra's method with reduced costs; the prices follow.
    fn shortest(&mut self, dense: &Dense, open: &[usize], from: usize, slight: f64) -> Option<usize> {
        let k = open.len();
        self.distance.clear();
        self.distance.resize(k, f64::INFINITY);
        self.before.clear();
        self.before.resize(k, usize::MAX);
        self.done.clear();
        self.done.resize(k, false);
        self.distance[from] = 0.0;
        loop {
            let mut a = usize::MAX;
            for b in 0..k {
                if !self.done[b] && self.distance[b] < f64::INFINITY && (a == usize::MAX || self.distance[b] < self.distance[a]) {
                    a = b;
                }
            }
            if a == usize::MAX {
                return None;
            }
            if self.load[a] < dense.capacity[open[a]] - slight {
                let far = self.distance[a];
                for b in (0..k).filter(|b| self.done[*b]) {
                    self.price[b] += far - self.distance[b];
                }
                return Some(a);
            }
            self.done[a] = true;
            for b in 0..k {
                let reduced = (self.link[a * k + b].cost + self.price[b] - self.price[a]).max(0.0);
                if !self.done[b] && self.distance[a] + reduced < self.distance[b] {
                    self.distance[b] = self.distance[a] + reduced;
                    self.before[b] = a;
                }
            }
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
        let mut amount = excess.min(room);
        for step in self.path.windows(2) {
            let column = self.link[step[0] * k + step[1]].column;
            let held = self.held[step[0]].iter().find(|(it, _)| *it == column).map_or(0.0, |(_, held)| *held);
            amount = amount.min(held);
        }
        let mut cost = 0.0;
        let path = std::mem::take(&mut self.path);
        // The customers that move are those of the links as they stand before the first of them moves.
        let moves: Vec<(usize, usize, Link)> = path.windows(2).map(|step| (step[0], step[1], self.link[step[0] * k + step[1]])).collect();
        self.path = path;
        for (a, b, link) in &moves {
            cost += amount * link.cost;
            let at = self.held[*a].iter().position(|(it, _)| *it == link.column);
            if let Some(at) = at {
                self.held[*a][at].1 -= amount;
                if self.held[*a][at].1 <= 0.0 {
                    self.held[*a].swap_remove(at);
                }
            }
            match self.held[*b].iter_mut().find(|(it, _)| *it == link.column) {
                Some((_, held)) => *held += amount,
                None => self.held[*b].push((link.column, amount)),
            }
        }
        for (a, b, link) in &moves {
            if !self.held[*a].iter().any(|(it, _)| it == &link.column)
                && self.link[a * k..(a + 1) * k].iter().any(|it| it.column == link.column)
            {
                self.scan(dense, open, *a);
            }
            Self::offer(dense, open, *b, link.column, &mut self.link[b * k..(b + 1) * k]);
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
