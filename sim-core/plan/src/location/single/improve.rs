//! Answers by local search: customers shift and swap, facilities move under their customers. Too much load is priced, and the price
//! rises until the answer keeps to the capacities (strategic oscillation, Glover 1977).

use super::{Answer, fits};
use crate::deadline::Deadline;
use crate::location::Location;
use crate::location::record::Record;

/// Rises of the price of load above capacity.
const RISES: usize = 8;
/// Passes over all moves for one price.
const PASSES: usize = 60;

/// An answer under repair.
struct Draft<'a> {
    location: &'a Location,
    open: Vec<bool>,
    source: Vec<usize>,
    load: Vec<f64>,
    /// Price of a unit of load above capacity.
    price: f64,
    /// Cost of a forbidden pair.
    forbidden: f64,
}

/// Improves a proposal and takes the result where it is the best answer.
pub(super) fn improve(location: &Location, open: &[bool], source: &[Option<usize>], best: &mut Record<Answer>, deadline: &Deadline) {
    if !open.contains(&true) {
        return;
    }
    let mut draft = Draft::new(location, open, source, best.objective);
    if draft.fits() {
        draft.offer(best);
    }
    for _ in 0..RISES {
        for _ in 0..PASSES {
            let shifted = draft.shift();
            let swapped = draft.swap();
            if !(shifted || swapped || draft.relocate()) || deadline.passed() {
                break;
            }
        }
        if draft.fits() {
            return draft.offer(best);
        }
        draft.price *= 4.0;
    }
}

impl<'a> Draft<'a> {
    fn new(location: &'a Location, open: &[bool], wishes: &[Option<usize>], ceiling: f64) -> Self {
        let (m, n) = (location.facilities(), location.customers());
        let demand: f64 = location.demand.iter().sum();
        let mut draft = Self {
            location,
            open: open.to_vec(),
            source: vec![usize::MAX; n],
            load: vec![0.0; m],
            price: 1.0,
            forbidden: 1.0 + 2.0 * ceiling.abs(),
        };
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|one, other| location.demand[*other].total_cmp(&location.demand[*one]).then(one.cmp(other)));
        let mut spent = 0.0;
        for wished in [true, false] {
            for customer in order.iter().copied().filter(|customer| wishes[*customer].is_some() == wished) {
                let size = location.demand[customer];
                let rank =
                    |facility: usize| (fits(draft.load[facility] + size, location.capacity[facility]), draft.cost(facility, customer));
                let sources = (0..m).filter(|facility| open[*facility]);
                let cheapest = sources.min_by(|one, other| {
                    let (one, other) = (rank(*one), rank(*other));
                    other.0.cmp(&one.0).then(one.1.total_cmp(&other.1))
                });
                // At least one facility is open.
                let Some(facility) = wishes[customer].or(cheapest) else { continue };
                draft.source[customer] = facility;
                draft.load[facility] += size;
                spent += draft.cost(facility, customer).abs().min(draft.forbidden);
            }
        }
        draft.price = if demand > 0.0 { (2.0 * spent / demand).max(1e-9) } else { 1.0 };
        draft
    }

    fn cost(&self, facility: usize, customer: usize) -> f64 {
        let cost = self.location.cost_of(facility, customer);
        if cost.is_finite() { cost } else { self.forbidden }
    }

    /// Price of a load at a facility.
    fn excess(&self, facility: usize, load: f64) -> f64 {
        self.price * (load - self.location.capacity[facility]).max(0.0)
    }

    /// Takes the draft as the best answer where it is one.
    fn offer(&self, best: &mut Record<Answer>) {
        let pairs: Vec<_> = self.source.iter().enumerate().map(|(customer, facility)| (*facility, customer, 1.0)).collect();
        let count = self.open.iter().filter(|open| **open).count();
        if (self.location.open.0..=self.location.open.1).contains(&count) {
            best.offer(self.location.value(&self.open, &pairs), || Answer { open: self.open.clone(), source: self.source.clone() });
        }
    }

    fn fits(&self) -> bool {
        (0..self.load.len()).all(|facility| fits(self.load[facility], self.location.capacity[facility]))
    }

    /// Gain that counts as one.
    fn least(&self) -> f64 {
        1e-9 * self.price.max(1.0)
    }

    /// Moves each customer to its best facility.
    fn shift(&mut self) -> bool {
        let mut any = false;
        for customer in 0..self.source.len() {
            let (from, size) = (self.source[customer], self.location.demand[customer]);
            let leaves = self.cost(from, customer) + self.excess(from, self.load[from]) - self.excess(from, self.load[from] - size);
            let joins = |to: usize| self.cost(to, customer) + self.excess(to, self.load[to] + size) - self.excess(to, self.load[to]);
            let others = (0..self.open.len()).filter(|to| self.open[*to] && *to != from).map(|to| (joins(to), to));
            if let Some((cost, to)) = others.min_by(|one, other| one.0.total_cmp(&other.0))
                && cost < leaves - self.least()
            {
                self.source[customer] = to;
                self.load[from] -= size;
                self.load[to] += size;
                any = true;
            }
        }
        any
    }

    /// Swaps the facilities of two customers.
    fn swap(&mut self) -> bool {
        let mut any = false;
        for one in 0..self.source.len() {
            for other in one + 1..self.source.len() {
                let (here, there) = (self.source[one], self.source[other]);
                if here == there {
                    continue;
                }
                let more = self.location.demand[other] - self.location.demand[one];
                let change = self.cost(there, one) + self.cost(here, other) - self.cost(here, one) - self.cost(there, other)
                    + self.excess(here, self.load[here] + more)
                    - self.excess(here, self.load[here])
                    + self.excess(there, self.load[there] - more)
                    - self.excess(there, self.load[there]);
                if change < -self.least() {
                    self.source.swap(one, other);
                    self.load[here] += more;
                    self.load[there] -= more;
                    any = true;
                }
            }
        }
        any
    }

    /// Moves a facility under its customers; closes it where nobody needs it.
    fn relocate(&mut self) -> bool {
        let (fewest, mut count) = (self.location.open.0, self.open.iter().filter(|open| **open).count());
        let mut any = false;
        for from in 0..self.open.len() {
            if !self.open[from] {
                continue;
            }
            let customers: Vec<usize> = (0..self.source.len()).filter(|customer| self.source[*customer] == from).collect();
            if customers.is_empty() && count > fewest && count > 1 && self.location.fixed[from] > 0.0 {
                self.open[from] = false;
                count -= 1;
                any = true;
                continue;
            }
            let served = |facility: usize| customers.iter().map(|customer| self.cost(facility, *customer)).sum::<f64>();
            let value = |facility: usize| self.location.fixed[facility] + served(facility) + self.excess(facility, self.load[from]);
            let others = (0..self.open.len()).filter(|to| !self.open[*to] && self.location.fixed[*to].is_finite());
            let cheapest = others.map(|to| (value(to), to)).min_by(|one, other| one.0.total_cmp(&other.0));
            if let Some((_, to)) = cheapest.filter(|(cost, _)| *cost < value(from) - self.least()) {
                customers.iter().for_each(|customer| self.source[*customer] = to);
                (self.open[from], self.open[to]) = (false, true);
                (self.load[to], self.load[from]) = (self.load[from], 0.0);
                any = true;
            }
        }
        any
    }
}
