//! Capacitated facility location with split demand, exactly: a small tree over the facilities with Lagrangian bounds.
//!
//! ```text
//! relaxation   the bound at given multipliers: a knapsack for each facility, and one over all (cover)
//! ascent       better multipliers
//! transport    the cost of a settled set of facilities, exactly
//! incumbent    the best set so far, and a search around it
//! tree         settles facilities by their bounds, and branches
//! ```
//!
//! No solver takes part. A bound is the relaxation's value at multipliers that are known, never a result that merely converged; every
//! answer is a routing of its own. The gap is closed down to [`LEAST_GAP`].

mod ascent;
mod cover;
mod dense;
mod incumbent;
mod relaxation;
#[cfg(test)]
mod tests;
mod transport;
mod tree;

use self::dense::Dense;
use self::tree::Tree;
use super::{Located, Location, Search, Sited};
use crate::deadline::Deadline;

/// Smallest relative gap that is looked for: below it, sums of doubles decide.
const LEAST_GAP: f64 = 1e-9;

/// Solves (1) to (4).
pub(crate) fn solve(location: &Location, search: &Search) -> Sited {
    let deadline = Deadline::new(search.time_limit);
    let dense = Dense::new(location);
    let mut tree = Tree::new(&dense, deadline, search.gap.max(LEAST_GAP));
    let grown = tree.grow();
    let incumbent = &tree.incumbent;
    if incumbent.cost == f64::INFINITY {
        return if grown.limited { Sited::Unknown(grown.bound) } else { Sited::Infeasible };
    }
    let share = |(i, column, amount): &(usize, usize, f64)| (*i, dense.customer[*column], amount / dense.demand[*column]);
    let mut shares: Vec<(usize, usize, f64)> = incumbent.amounts.iter().map(share).collect();
    shares.sort_by_key(|(facility, customer, _)| (*customer, *facility));
    let mut open = vec![false; dense.facilities];
    incumbent.open.iter().for_each(|i| open[*i] = true);
    let objective = location.value(&open, &shares);
    Sited::Found(Located { open, shares, objective, bound: grown.bound.min(objective), nodes: grown.nodes, limited: grown.limited })
}
