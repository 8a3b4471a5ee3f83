//! Capacitated facility location with split demand, exactly.

mod ascent;
mod cover;
mod dense;
mod incumbent;
mod relaxation;
mod transport;
mod tree;

use self::dense::Dense;
use self::tree::Tree;
use super::deadline::Deadline;
use super::{Located, Location, Search, Sited};

/// Solves (1) to (4).
pub(crate) fn solve(location: &Location, search: &Search) -> Sited {
    let deadline = Deadline::after(search.time_limit);
    let dense = Dense::new(location);
    let mut tree = Tree::new(&dense, deadline, search.gap.max(1e-9));
    let grown = tree.grow();
    let incumbent = &mut tree.incumbent;
    if incumbent.cost == f64::INFINITY {
        return if grown.limited { Sited::Unknown(grown.bound) } else { Sited::Infeasible };
    }
    let open = incumbent.open.clone();
    // The last routing need not be that of the incumbent.
    let _ = incumbent.transport.route(&dense, &open, f64::INFINITY);
    let share = |(i, column, amount): (usize, usize, f64)| (i, dense.customer[column], amount / dense.demand[column]);
    let mut shares: Vec<(usize, usize, f64)> = incumbent.transport.amounts(&open).map(share).collect();
    shares.sort_by_key(|(facility, customer, _)| (*customer, *facility));
    let mut is_open = vec![false; dense.facilities];
    open.iter().for_each(|i| is_open[*i] = true);
    let objective = location.value(&is_open, &shares);
    Sited::Found(Located {
        open: is_open,
        shares,
        objective,
        bound: grown.bound.min(objective),
        nodes: grown.nodes,
        limited: grown.limited,
    })
}
