//! Where to open facilities, and who is served from where: the classic location problems, to proven optimality.
//!
//! ```text
//! min   sum_i fixed_i y_i + sum_ij cost_ij x_ij
//! s.t.  sum_i x_ij = 1                       every customer j is served           (1)
//!       sum_j demand_j x_ij <= capacity_i y_i                                     (2)
//!       x_ij <= y_i                                                               (3)
//!       fewest <= sum_i y_i <= most                                               (4)
//!       y_i in {0, 1};  x_ij in [0, 1], or in {0, 1} with a single source
//! ```
//!
//! A placement of services is such a problem when all that it chooses is which sites to open and which of them serves whom: capacitated
//! facility location, the p-median, and their single-source forms. The general program solves them too, but its bounds are weak for them;
//! each form has its own search here.

mod capacitated;
mod general;
mod median;
mod near;
mod pick;
mod record;
mod single;
mod tree;
mod volume;

use bastide_units::Duration;

use crate::PlanError;

/// A location problem of `m` facilities and `n` customers. Costs and the objective share one unit of money; demand and capacity share one
/// unit of work.
#[derive(Clone, Debug, PartialEq)]
pub struct Location {
    /// Cost of opening a facility; `m` numbers, not negative.
    pub fixed: Vec<f64>,
    /// What an open facility can serve; `m` numbers, infinite where nothing limits it.
    pub capacity: Vec<f64>,
    /// Demand of a customer; `n` numbers, not negative.
    pub demand: Vec<f64>,
    /// `cost[i * n + j]`: serving all of customer `j` from facility `i`; infinite where it may not be.
    pub cost: Vec<f64>,
    /// Fewest and most facilities that may be open.
    pub open: (usize, usize),
    /// Whether every customer has a single source.
    pub single: bool,
}

/// When a search may stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Search {
    /// Relative gap `(objective - bound) / |objective|`.
    pub gap: f64,
    /// Wall-clock limit.
    pub time_limit: Duration,
}

/// A feasible answer with its bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Located {
    /// Which facilities are open.
    pub open: Vec<bool>,
    /// Facility, customer and share of its demand, ordered by customer, then facility; shares are positive.
    pub shares: Vec<(usize, usize, f64)>,
    /// Cost of this answer, computed from `open` and `shares`.
    pub objective: f64,
    /// No answer is cheaper.
    pub bound: f64,
    /// Nodes of the search tree, one for a problem that needed no branching.
    pub nodes: usize,
    /// Whether the time limit ended the search.
    pub limited: bool,
}

/// How a search ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Sited {
    /// An answer, proven as far as its bound says.
    Found(Located),
    /// No answer exists.
    Infeasible,
    /// The time limit came before any answer; no answer is cheaper than this.
    Unknown(f64),
}

impl Location {
    /// Number of facilities.
    #[must_use]
    pub fn facilities(&self) -> usize {
        self.fixed.len()
    }
    /// Number of customers.
    #[must_use]
    pub fn customers(&self) -> usize {
        self.demand.len()
    }
    /// Cost of serving all of a customer from a facility.
    #[must_use]
    pub fn cost_of(&self, facility: usize, customer: usize) -> f64 {
        self.cost[facility * self.customers() + customer]
    }
    /// Cost of an answer.
    #[must_use]
    pub fn value(&self, open: &[bool], shares: &[(usize, usize, f64)]) -> f64 {
        let opened = self.fixed.iter().zip(open).filter(|(_, open)| **open).map(|(fixed, _)| fixed);
        let served = shares.iter().map(|(facility, customer, share)| share * self.cost_of(*facility, *customer));
        opened.sum::<f64>() + served.sum::<f64>()
    }
    /// Whether no capacity can bind.
    #[must_use]
    pub fn is_uncapacitated(&self) -> bool {
        let all: f64 = self.demand.iter().sum();
        self.capacity.iter().all(|capacity| *capacity >= all)
    }
}

/// Finds the cheapest answer within the gap, or shows that none exists.
///
/// # Errors
/// [`PlanError::Solver`] when the solver breaks off.
pub fn solve(location: &Location, search: &Search) -> Result<Sited, PlanError> {
    if location.is_uncapacitated() {
        return Ok(median::solve(location, search));
    }
    Ok(if location.single { single::solve(location, search) } else { capacitated::solve(location, search) })
}

/// The same by the general program with every row (3), for any form: what the searches are compared with.
///
/// # Errors
/// [`PlanError::Solver`] when the solver breaks off.
pub fn solve_plainly(location: &Location, search: &Search) -> Result<Sited, PlanError> {
    general::solve(location, search)
}
