//! The pairs of facility and customer that may still be used.

use crate::location::Location;

/// For each facility the customers that it may serve, with the cost, in order of customers.
#[derive(Clone, Debug)]
pub(super) struct Pairs {
    rows: Vec<Vec<(usize, f64)>>,
    customers: usize,
}

impl Pairs {
    /// All pairs of finite cost where the customer fits into the facility.
    pub(super) fn new(location: &Location) -> Self {
        let n = location.customers();
        let may = |facility: usize, customer: usize| {
            let fits = super::fits(location.demand[customer], location.capacity[facility]);
            fits && location.fixed[facility].is_finite() && location.cost_of(facility, customer).is_finite()
        };
        let row = |facility: usize| {
            (0..n).filter(|customer| may(facility, *customer)).map(|customer| (customer, location.cost_of(facility, customer))).collect()
        };
        Self { rows: (0..location.facilities()).map(row).collect(), customers: n }
    }
    /// The customers of a facility.
    pub(super) fn of(&self, facility: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.rows[facility].iter().copied()
    }
    /// The facilities that may serve a customer.
    pub(super) fn sources(&self, customer: usize) -> impl Iterator<Item = usize> + '_ {
        let rows = self.rows.iter().enumerate();
        rows.filter(move |(_, row)| row.binary_search_by_key(&customer, |(other, _)| *other).is_ok()).map(|(facility, _)| facility)
    }
    /// Forbids all pairs of a facility.
    pub(super) fn clear(&mut self, facility: usize) {
        self.rows[facility].clear();
    }
    /// Keeps the pairs of a facility that satisfy a condition.
    pub(super) fn retain(&mut self, facility: usize, keep: impl Fn(usize, f64) -> bool) {
        self.rows[facility].retain(|(customer, cost)| keep(*customer, *cost));
    }
    /// Whether every customer has a source left.
    pub(super) fn complete(&self) -> bool {
        let mut served = vec![false; self.customers];
        self.rows.iter().flatten().for_each(|(customer, _)| served[*customer] = true);
        !served.contains(&false)
    }
    /// Leaves a customer one facility.
    pub(super) fn bind(&mut self, facility: usize, customer: usize) {
        let others = self.rows.iter_mut().enumerate().filter(|(other, _)| *other != facility);
        others.for_each(|(_, row)| row.retain(|(other, _)| *other != customer));
    }
    /// Forbids a pair.
    pub(super) fn forbid(&mut self, facility: usize, customer: usize) {
        self.rows[facility].retain(|(other, _)| *other != customer);
    }
}
