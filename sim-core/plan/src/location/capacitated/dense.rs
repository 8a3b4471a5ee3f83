//! A location problem as the search reads it: costs per unit of demand, customers without demand last.

use crate::location::Location;

/// Rearranged arrays of a [`Location`].
pub(super) struct Dense {
    /// Number of facilities.
    pub facilities: usize,
    /// Cost of opening.
    pub fixed: Vec<f64>,
    /// Capacity, at most all demand.
    pub capacity: Vec<f64>,
    /// Customer of the location behind each column: those with demand first.
    pub customer: Vec<usize>,
    /// Number of customers with demand.
    pub loaded: usize,
    /// Demand by column; one for those without, so that a share and a cost mean the same for them.
    pub demand: Vec<f64>,
    /// All demand.
    pub total: f64,
    /// Cost per unit of demand by facility, then column; infinite where it may not be.
    pub unit: Vec<f64>,
    /// The same by column, then facility.
    pub by_column: Vec<f64>,
    /// Fewest and most open facilities.
    pub open: (usize, usize),
    /// No feasible answer costs more.
    pub ceiling: f64,
}

impl Dense {
    /// Rearranges a problem.
    pub(super) fn new(location: &Location) -> Self {
        let (m, n) = (location.facilities(), location.customers());
        let (mut customer, idle): (Vec<usize>, Vec<usize>) = (0..n).partition(|j| location.demand[*j] > 0.0);
        let loaded = customer.len();
        customer.extend(idle);
        let demand: Vec<f64> = customer.iter().enumerate().map(|(at, j)| if at < loaded { location.demand[*j] } else { 1.0 }).collect();
        let total: f64 = demand[..loaded].iter().sum();
        let cost = |i: usize, at: usize| {
            let cost = location.cost_of(i, customer[at]);
            if cost.is_nan() { f64::INFINITY } else { cost / demand[at] }
        };
        let unit: Vec<f64> = (0..m).flat_map(|i| (0..n).map(move |at| (i, at))).map(|(i, at)| cost(i, at)).collect();
        let by_column: Vec<f64> = (0..n).flat_map(|at| (0..m).map(move |i| (i, at))).map(|(i, at)| unit[i * n + at]).collect();
        let dearest = (0..n).map(|at| {
            let finite = by_column[at * m..(at + 1) * m].iter().copied().filter(|cost| cost.is_finite());
            finite.fold(f64::NEG_INFINITY, f64::max).max(0.0) * demand[at]
        });
        let ceiling =
            location.fixed.iter().filter(|fixed| fixed.is_finite()).map(|fixed| fixed.max(0.0)).sum::<f64>() + dearest.sum::<f64>();
        Self {
            facilities: m,
            fixed: location.fixed.clone(),
            capacity: location.capacity.iter().map(|capacity| if *capacity > 0.0 { capacity.min(total) } else { 0.0 }).collect(),
            customer,
            loaded,
            demand,
            total,
            unit,
            by_column,
            open: (location.open.0, location.open.1.min(m)),
            ceiling,
        }
    }
    /// Number of columns, one for each customer.
    pub(super) fn columns(&self) -> usize {
        self.customer.len()
    }
}
