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

use std::rc::Rc;

use super::near::Near;
use super::pick::State;
use super::record::Record;
use super::tree::Tree;
use super::{Located, Location, Search, Sited};
use crate::deadline::Deadline;
use dual::Ascent;
use exchange::Exchange;

/// Steps of the ascent between two attempts to improve the best answer.
const ROUND: usize = 40;
/// Rounds at the root, and at any other node.
const ROUNDS: (usize, usize) = (60, 6);
/// A node is left when a round lifts its bound by less than this share of what is missing.
const WORTH: f64 = 0.02;

/// A part of the search: some facilities settled.
struct Node {
    state: Vec<State>,
    multipliers: Rc<Vec<f64>>,
}

/// Solves a location problem whose capacities do not bind.
pub(super) fn solve(location: &Location, search: &Search) -> Sited {
    let deadline = Deadline::new(search.time_limit);
    let Some(near) = Near::new(location) else { return Sited::Infeasible };
    let mut best: Record<Vec<bool>> = Record::new(near.ceiling, near.integers);
    let mut exchange = Exchange::new(location, &near);
    let state: Vec<State> = location.fixed.iter().map(|fixed| if fixed.is_finite() { State::Free } else { State::Closed }).collect();
    let mut tree = Tree::new(near.floor, Node { state, multipliers: Rc::new(near.start()) });
    let (mut near, mut limited) = (near, false);
    while let Some((bound, node)) = tree.next(|bound| bound > best.cutoff() || best.is_within(search.gap, bound)) {
        if deadline.passed() {
            limited = true;
            tree.add(bound, node);
            break;
        }
        let root = tree.looked == 1;
        let rounds = if root { ROUNDS.0 } else { ROUNDS.1 };
        let Some((raised, branch, node)) = explore(&near, node, &mut exchange, &mut best, rounds, &deadline) else { continue };
        if root {
            near.keep(&node.state);
        }
        for settled in [State::Open, State::Closed] {
            let mut state = node.state.clone();
            state[branch] = settled;
            tree.add(bound.max(raised), Node { state, multipliers: Rc::clone(&node.multipliers) });
        }
    }
    let bound = best.proven(tree.bound());
    match &best.answer {
        Some(open) => {
            let shares = nearest(location, open);
            let objective = location.value(open, &shares);
            Sited::Found(Located { open: open.clone(), shares, objective, bound: bound.min(objective), nodes: tree.looked, limited })
        }
        None if limited => Sited::Unknown(bound),
        None => Sited::Infeasible,
    }
}

/// Raises the bound of a node, improves the best answer on the way, settles facilities, and names one to branch on; none where nothing
/// better is left.
fn explore(
    near: &Near,
    node: Node,
    exchange: &mut Exchange,
    best: &mut Record<Vec<bool>>,
    rounds: usize,
    deadline: &Deadline,
) -> Option<(f64, usize, Node)> {
    let mut ascent = Ascent::new(exchange.location, near, node.state, node.multipliers.as_ref().clone());
    for round in 0..rounds {
        let before = ascent.bound();
        for _ in 0..ROUND {
            ascent.step(best.objective);
            if ascent.bound() > best.cutoff() || deadline.passed() {
                break;
            }
        }
        if round == 0 || rounds == ROUNDS.0 {
            exchange.improve(&ascent.favourites(), best, deadline);
        }
        if ascent.bound() > best.cutoff() || !ascent.settle(best.cutoff()) {
            return None;
        }
        if !ascent.state.contains(&State::Free) {
            let open: Vec<usize> = (0..ascent.state.len()).filter(|facility| ascent.state[*facility] == State::Open).collect();
            exchange.accept(&open, best);
            return None;
        }
        let missing = best.cutoff() - before;
        if (round > 0 && rounds == ROUNDS.1 && ascent.bound() - before < WORTH * missing) || ascent.converged() || deadline.passed() {
            break;
        }
    }
    let (bound, branch, state) = (ascent.bound(), ascent.branch(), ascent.state.clone());
    Some((bound, branch, Node { state, multipliers: Rc::new(ascent.multipliers()) }))
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
