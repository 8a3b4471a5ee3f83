//! Interchange of facilities: the best of opening one, closing one, or both at once, until nothing helps (Teitz and Bart 1968; gains and
//! losses of all pairs in one pass: Whitaker 1983, Resende and Werneck, *EJOR* 179, 2007).

use crate::deadline::Deadline;
use crate::location::Location;
use crate::location::near::Near;
use crate::location::record::Record;

/// Local search on the set of open facilities.
pub(super) struct Exchange<'a> {
    pub location: &'a Location,
    /// Cost of a pair, with the price of an unserved customer where it is forbidden.
    most: Vec<f64>,
    /// Cost of having no source, dearer than any.
    void: f64,
    /// Sets from which the search has started.
    seen: Vec<Vec<usize>>,
}

/// Starting points that are remembered, so that none is searched twice in a row.
const MEMORY: usize = 64;

impl<'a> Exchange<'a> {
    pub(super) fn new(location: &'a Location, near: &Near) -> Self {
        let void = near.most.iter().fold(1.0 + near.ceiling.abs(), |void, most| void.max(2.0 * most.abs()));
        Self { location, most: near.most.clone(), void, seen: Vec::new() }
    }

    fn cost(&self, facility: usize, customer: usize) -> f64 {
        let cost = self.location.cost_of(facility, customer);
        if cost.is_finite() { cost } else { self.most[customer] }
    }

    /// Takes a set of facilities as the best answer where it is one.
    pub(super) fn accept(&self, open: &[usize], best: &mut Record<Vec<bool>>) {
        let (fewest, most) = self.location.open;
        if open.len() < fewest || open.len() > most || (open.is_empty() && self.location.customers() > 0) {
            return;
        }
        let mut objective: f64 = open.iter().map(|facility| self.location.fixed[*facility]).sum();
        for customer in 0..self.location.customers() {
            objective += open
                .iter()
                .map(|facility| self.location.cost_of(*facility, customer))
                .filter(|cost| cost.is_finite())
                .fold(f64::INFINITY, f64::min);
        }
        best.offer(objective, || {
            let mut flags = vec![false; self.location.facilities()];
            open.iter().for_each(|facility| flags[*facility] = true);
            flags
        });
    }

    /// Improves a set of facilities and takes the result where it is the best.
    pub(super) fn improve(&mut self, start: &[usize], best: &mut Record<Vec<bool>>, deadline: &Deadline) {
        let (m, n) = (self.location.facilities(), self.location.customers());
        let mut key = start.to_vec();
        key.sort_unstable();
        if start.is_empty() || n == 0 || self.seen.contains(&key) {
            return self.accept(start, best);
        }
        self.seen.push(key);
        if self.seen.len() > MEMORY {
            self.seen.remove(0);
        }
        let (fewest, most) = (self.location.open.0.max(1), self.location.open.1.min(m));
        let mut open = vec![false; m];
        start.iter().for_each(|facility| open[*facility] = true);
        let mut count = start.len();
        // First and second source of each customer.
        let mut first = vec![(self.void, usize::MAX); n];
        let mut second = vec![(self.void, usize::MAX); n];
        let mut loss = vec![0.0; m];
        let mut extra = vec![0.0; m];
        loop {
            first.fill((self.void, usize::MAX));
            second.fill((self.void, usize::MAX));
            for facility in (0..m).filter(|facility| open[*facility]) {
                for customer in 0..n {
                    let cost = self.cost(facility, customer);
                    if cost < first[customer].0 {
                        second[customer] = first[customer];
                        first[customer] = (cost, facility);
                    } else if cost < second[customer].0 {
                        second[customer] = (cost, facility);
                    }
                }
            }
            // What closing a facility costs while no other opens.
            for (loss, fixed) in loss.iter_mut().zip(&self.location.fixed) {
                *loss = -fixed;
            }
            for customer in 0..n {
                loss[first[customer].1] += second[customer].0 - first[customer].0;
            }
            let cheapest = |open: &[bool], values: &dyn Fn(usize) -> f64| {
                let all = (0..m).filter(|facility| open[*facility]).map(|facility| (values(facility), facility));
                all.min_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)))
            };
            let scale: f64 = first.iter().map(|(cost, _)| cost.abs()).sum::<f64>().max(1e-9);
            let mut move_ = (-1e-10 * scale, None, None);
            if count > fewest
                && let Some((change, closed)) = cheapest(&open, &|facility| loss[facility])
                && change < move_.0
            {
                move_ = (change, None, Some(closed));
            }
            for opened in (0..m).filter(|facility| !open[*facility] && self.location.fixed[*facility].is_finite()) {
                let mut gain = -self.location.fixed[opened];
                extra.fill(0.0);
                for customer in 0..n {
                    let cost = self.cost(opened, customer);
                    if cost < first[customer].0 {
                        gain += first[customer].0 - cost;
                        // Closing its first source no longer sends the customer to the second.
                        extra[first[customer].1] += second[customer].0 - first[customer].0;
                    } else if cost < second[customer].0 {
                        extra[first[customer].1] += second[customer].0 - cost;
                    }
                }
                if count < most && -gain < move_.0 {
                    move_ = (-gain, Some(opened), None);
                }
                if let Some((change, closed)) = cheapest(&open, &|facility| loss[facility] - extra[facility])
                    && change - gain < move_.0
                {
                    move_ = (change - gain, Some(opened), Some(closed));
                }
            }
            let (_, opened, closed) = move_;
            if (opened.is_none() && closed.is_none()) || deadline.passed() {
                break;
            }
            if let Some(facility) = opened {
                open[facility] = true;
                count += 1;
            }
            if let Some(facility) = closed {
                open[facility] = false;
                count -= 1;
            }
        }
        let chosen: Vec<usize> = (0..m).filter(|facility| open[*facility]).collect();
        self.accept(&chosen, best);
    }
}
