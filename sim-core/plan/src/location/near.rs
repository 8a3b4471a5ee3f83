//! The sources of each customer in order of cost.

use super::Location;
use super::pick::State;

/// For each customer the facilities that may serve it, cheapest first.
pub(super) struct Near {
    /// Where the sources of a customer begin; one more entry than customers.
    start: Vec<usize>,
    facility: Vec<u32>,
    cost: Vec<f64>,
    /// Multipliers need not exceed this, for each customer: the price of leaving it unserved, dearer than any answer.
    pub most: Vec<f64>,
    /// No answer costs less.
    pub floor: f64,
    /// No answer costs more.
    pub ceiling: f64,
    /// Whether all costs are integers that a sum holds exactly.
    pub integers: bool,
}

impl Near {
    /// None where no answer can exist.
    pub(super) fn new(location: &Location) -> Option<Self> {
        let (m, n) = (location.facilities(), location.customers());
        let fixed: Vec<f64> = location.fixed.iter().copied().filter(|fixed| fixed.is_finite()).collect();
        let (fewest, most) = (location.open.0, location.open.1.min(m));
        if fewest > fixed.len() || fewest > most || (n > 0 && most == 0) {
            return None;
        }
        let (mut start, mut facility, mut cost) = (vec![0], Vec::new(), Vec::new());
        let mut order: Vec<(f64, u32)> = Vec::with_capacity(m);
        let mut ends = Vec::with_capacity(n);
        for customer in 0..n {
            order.clear();
            let may = (0..m).filter(|facility| location.fixed[*facility].is_finite() && location.cost_of(*facility, customer).is_finite());
            order.extend(may.map(|facility| (location.cost_of(facility, customer), u32::try_from(facility).unwrap_or(u32::MAX))));
            order.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
            ends.push((order.first()?.0, order.last()?.0, order.len()));
            facility.extend(order.iter().map(|(_, facility)| *facility));
            cost.extend(order.iter().map(|(cost, _)| *cost));
            start.push(facility.len());
        }
        let floor = ends.iter().map(|(least, _, _)| least).sum::<f64>() + fixed.iter().map(|fixed| fixed.min(0.0)).sum::<f64>();
        let ceiling = ends.iter().map(|(_, dearest, _)| dearest).sum::<f64>() + fixed.iter().map(|fixed| fixed.max(0.0)).sum::<f64>();
        let unserved = 1.0 + (ceiling - floor);
        let most = ends.iter().map(|(_, dearest, sources)| if *sources == m { *dearest } else { dearest + unserved }).collect();
        let integers = cost.iter().chain(&fixed).all(|cost| cost.fract() == 0.0) && ceiling.abs().max(floor.abs()) < 1e15;
        Some(Self { start, facility, cost, most, floor, ceiling, integers })
    }

    /// Forgets the facilities that are closed for good.
    pub(super) fn keep(&mut self, state: &[State]) {
        let (mut kept, mut start) = (0, vec![0]);
        for customer in 0..self.most.len() {
            for at in self.start[customer]..self.start[customer + 1] {
                if state[self.facility[at] as usize] != State::Closed {
                    (self.facility[kept], self.cost[kept]) = (self.facility[at], self.cost[at]);
                    kept += 1;
                }
            }
            start.push(kept);
        }
        self.facility.truncate(kept);
        self.cost.truncate(kept);
        self.start = start;
    }

    /// The sources of a customer that are cheaper than a limit, with their cost.
    pub(super) fn below(&self, customer: usize, limit: f64) -> impl Iterator<Item = (usize, f64)> + '_ {
        let all = self.start[customer]..self.start[customer + 1];
        let sources = self.facility[all.clone()].iter().zip(&self.cost[all]);
        sources.map(|(facility, cost)| (*facility as usize, *cost)).take_while(move |(_, cost)| *cost < limit)
    }

    /// First multipliers: the cost of the second source.
    pub(super) fn start(&self) -> Vec<f64> {
        let second = |customer: usize| {
            let all = self.start[customer]..self.start[customer + 1];
            let costs = &self.cost[all];
            costs.get(1).or(costs.first()).copied().unwrap_or(0.0)
        };
        (0..self.most.len()).map(|customer| second(customer).min(self.most[customer])).collect()
    }
}
