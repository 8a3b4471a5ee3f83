//! Uncapacitated location and the p-median: Lagrangian bounds, interchange, and branch and bound on the facilities.
//!
//! With enough capacity everywhere each customer goes to its cheapest open facility, so only `y` is to be searched. Relaxing (1) with a
//! multiplier `u_j` for each customer leaves a problem that is solved by sorting (Narula, Ogbu and Samuelsson, *Operations Research* 25,
//! 1977; Beasley, *EJOR* 65, 1993):
//!
//! ```text
//! L(u) = sum_j u_j + min { sum_i rho_i y_i : (4), y in {0, 1} }      rho_i = fixed_i + sum_j min(0, cost_ij - u_j)      (5)
//! ```
//!
//! Its best bound is that of the linear relaxation, which is close to the optimum for these problems. Facilities whose opening or closing
//! would lift the bound above the best answer are settled; branching settles the rest.

mod dual;
mod exchange;
mod near;

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::rc::Rc;

use super::{Located, Location, Search, Sited};
use crate::deadline::Deadline;
use dual::{Ascent, State};
use exchange::Exchange;
use near::Near;

/// Steps of the ascent between two attempts to improve the best answer.
const ROUND: usize = 40;
/// Rounds at the root, and at any other node.
const ROUNDS: (usize, usize) = (60, 6);
/// A node is left when a round lifts its bound by less than this share of what is missing.
const WORTH: f64 = 0.02;
/// Costs closer than this, relative to the best answer, count as equal.
const EQUAL: f64 = 1e-9;

/// A part of the search: some facilities settled.
struct Node {
    bound: f64,
    /// Older nodes first among equals.
    number: usize,
    state: Vec<State>,
    multipliers: Rc<Vec<f64>>,
}

impl Ord for Node {
    fn cmp(&self, other: &Self) -> Ordering {
        other.bound.total_cmp(&self.bound).then(other.number.cmp(&self.number))
    }
}
impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Node {}

/// The best answer so far, and what a bound must reach to end the search for a better one.
pub(super) struct Best {
    open: Option<Vec<bool>>,
    /// Cost of the best answer; before there is one, a number that no answer exceeds.
    objective: f64,
    /// Whether every cost is an integer, so that a better answer is better by one at least.
    integers: bool,
}

impl Best {
    /// Nothing whose bound exceeds this is worth a look.
    fn cutoff(&self) -> f64 {
        match (&self.open, self.integers) {
            (None, _) => self.objective + EQUAL * self.objective.abs(),
            (Some(_), true) => self.objective - 1.0 + 1e-6,
            (Some(_), false) => self.objective - EQUAL * self.objective.abs(),
        }
    }
    /// What a bound means for the answers: with integers it may be rounded up.
    fn proven(&self, bound: f64) -> f64 {
        let bound = if self.integers { (bound - 5e-7).ceil() + 0.0 } else { bound };
        if self.open.is_some() { bound.min(self.objective) } else { bound }
    }
}

/// Solves a location problem whose capacities do not bind.
pub(super) fn solve(location: &Location, search: &Search) -> Sited {
    let deadline = Deadline::new(search.time_limit);
    let Some(near) = Near::new(location) else { return Sited::Infeasible };
    let mut best = Best { open: None, objective: near.ceiling, integers: near.integers };
    let mut exchange = Exchange::new(location, &near);
    let root: Vec<State> = location.fixed.iter().map(|fixed| if fixed.is_finite() { State::Free } else { State::Closed }).collect();
    let mut nodes = BinaryHeap::from([Node { bound: near.floor, number: 0, state: root, multipliers: Rc::new(near.start()) }]);
    let (mut number, mut looked, mut limited, mut near) = (0, 0, false, near);
    let mut proven = f64::INFINITY;
    while let Some(mut node) = nodes.pop() {
        proven = node.bound;
        if node.bound > best.cutoff()
            || (best.open.is_some() && best.objective - best.proven(node.bound) <= search.gap * best.objective.abs())
        {
            break;
        }
        if deadline.passed() {
            limited = true;
            break;
        }
        looked += 1;
        let root = looked == 1;
        let Some(branch) = explore(location, &near, &mut node, &mut exchange, &mut best, if root { ROUNDS.0 } else { ROUNDS.1 }, &deadline)
        else {
            proven = f64::INFINITY;
            continue;
        };
        if root {
            near.keep(&node.state);
        }
        let (bound, multipliers) = (node.bound, node.multipliers);
        for settled in [State::Open, State::Closed] {
            let mut state = node.state.clone();
            state[branch] = settled;
            number += 1;
            nodes.push(Node { bound, number, state, multipliers: Rc::clone(&multipliers) });
        }
        proven = f64::INFINITY;
    }
    let bound = best.proven(proven.min(best.cutoff()));
    match &best.open {
        Some(open) => {
            let shares = nearest(location, open);
            let objective = location.value(open, &shares);
            Sited::Found(Located { open: open.clone(), shares, objective, bound: bound.min(objective), nodes: looked, limited })
        }
        None if limited => Sited::Unknown(proven),
        None => Sited::Infeasible,
    }
}

/// Raises the bound of a node, improves the best answer on the way, settles facilities, and names one to branch on; none where nothing
/// better is left.
fn explore(
    location: &Location,
    near: &Near,
    node: &mut Node,
    exchange: &mut Exchange,
    best: &mut Best,
    rounds: usize,
    deadline: &Deadline,
) -> Option<usize> {
    let mut ascent = Ascent::new(location, near, node.state.clone(), node.multipliers.as_ref().clone());
    for round in 0..rounds {
        let before = ascent.bound;
        for _ in 0..ROUND {
            ascent.step(best.objective);
            if ascent.bound > best.cutoff() {
                break;
            }
        }
        if round == 0 || rounds == ROUNDS.0 {
            exchange.improve(&ascent.favourites(), best);
        }
        if ascent.bound > best.cutoff() || !ascent.settle(best.cutoff()) {
            return None;
        }
        if !ascent.state.contains(&State::Free) {
            let open: Vec<usize> = (0..ascent.state.len()).filter(|facility| ascent.state[*facility] == State::Open).collect();
            exchange.accept(&open, best);
            return None;
        }
        let missing = best.cutoff() - before;
        if (round > 0 && rounds == ROUNDS.1 && ascent.bound - before < WORTH * missing) || ascent.converged() || deadline.passed() {
            break;
        }
    }
    node.bound = node.bound.max(ascent.bound);
    let branch = ascent.branch();
    node.state = ascent.state;
    node.multipliers = Rc::new(ascent.multipliers);
    Some(branch)
}

/// Every customer from its cheapest open facility, the first one among equals.
fn nearest(location: &Location, open: &[bool]) -> Vec<(usize, usize, f64)> {
    let sources: Vec<usize> = (0..open.len()).filter(|facility| open[*facility]).collect();
    let cheapest = |customer: usize| {
        let finite = sources.iter().filter(|facility| location.cost_of(**facility, customer).is_finite());
        finite.min_by(|one, other| location.cost_of(**one, customer).total_cmp(&location.cost_of(**other, customer)))
    };
    (0..location.customers()).filter_map(|customer| cheapest(customer).map(|facility| (*facility, customer, 1.0))).collect()
}

#[cfg(test)]
mod tests;
