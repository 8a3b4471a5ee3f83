//! Capacitated location where every customer has a single source, and the capacitated p-median.
//!
//! Relaxing (1) with a multiplier `u_j` for each customer leaves one 0/1 knapsack for each facility (Holmberg, Ronnqvist and Yuan,
//! *EJOR* 113, 1999; for the capacitated p-median: Mulvey and Beck, *EJOR* 18, 1984):
//!
//! ```text
//! L(u) = sum_j u_j + min { sum_i (fixed_i - gain_i) y_i : (4), y in {0, 1} }                                            (6)
//! gain_i = max { sum_j (u_j - cost_ij) x_j : sum_j demand_j x_j <= capacity_i, x in {0, 1} }                             (7)
//! ```
//!
//! That bound is above the one of the linear relaxation. Facilities, and pairs of facility and customer, that would lift it above the
//! best answer are settled; branching on facilities, then on pairs, settles the rest.

mod cover;
mod dual;
mod improve;
mod knapsack;
mod pairs;

use std::rc::Rc;

use super::near::Near;
use super::pick::State;
use super::record::Record;
use super::tree::Tree;
use super::{Located, Location, Search, Sited};
use crate::deadline::Deadline;
use dual::{Ascent, Relaxed};
use pairs::Pairs;

/// Steps of the ascent between two attempts to improve the best answer.
const ROUND: usize = 25;
/// Rounds at the root, and at any other node.
const ROUNDS: (usize, usize) = (80, 4);
/// A node is left when a round lifts its bound by less than this share of what is missing.
const WORTH: f64 = 0.05;
/// Share of a capacity by which a load may exceed it: rounding of sums.
const ROUNDING: f64 = 1e-9;

/// The facility of each customer.
struct Answer {
    open: Vec<bool>,
    source: Vec<usize>,
}

/// A capacity with room for rounding.
fn roomy(capacity: f64) -> f64 {
    capacity + ROUNDING * capacity.abs().max(1.0)
}

/// Whether a load keeps to a capacity.
fn fits(load: f64, capacity: f64) -> bool {
    load <= roomy(capacity)
}

/// A part of the search: some facilities settled, some pairs forbidden.
struct Node {
    state: Vec<State>,
    pairs: Rc<Pairs>,
    multipliers: Rc<Vec<f64>>,
}

/// What to decide next.
enum Branch {
    /// Whether a facility is open.
    Facility(usize),
    /// Whether a facility serves a customer.
    Pair(usize, usize),
}

/// Solves a location problem with a single source for each customer.
pub(super) fn solve(location: &Location, search: &Search) -> Sited {
    let deadline = Deadline::new(search.time_limit);
    let (Some(near), pairs) = (Near::new(location), Pairs::new(location)) else { return Sited::Infeasible };
    if !pairs.complete() {
        return Sited::Infeasible;
    }
    let mut best: Record<Answer> = Record::new(near.ceiling, near.integers);
    let state = location.fixed.iter().map(|fixed| if fixed.is_finite() { State::Free } else { State::Closed }).collect();
    let mut tree = Tree::new(near.floor, Node { state, pairs: Rc::new(pairs), multipliers: Rc::new(near.start()) });
    let relaxed = Relaxed::new(location);
    let mut limited = false;
    while let Some((bound, node)) = tree.next(|bound| bound > best.cutoff() || best.is_within(search.gap, bound)) {
        if deadline.passed() {
            limited = true;
            tree.add(bound, node);
            break;
        }
        let rounds = if tree.looked == 1 { ROUNDS.0 } else { ROUNDS.1 };
        if let Some((raised, branch, node)) = explore(&relaxed, node, &mut best, rounds, &deadline) {
            node.split(&branch).into_iter().for_each(|part| tree.add(bound.max(raised), part));
        }
    }
    let bound = best.proven(tree.bound());
    match best.answer {
        Some(Answer { open, source }) => {
            let shares: Vec<_> = source.into_iter().enumerate().map(|(customer, facility)| (facility, customer, 1.0)).collect();
            let objective = location.value(&open, &shares);
            Sited::Found(Located { open, shares, objective, bound: bound.min(objective), nodes: tree.looked, limited })
        }
        None if limited => Sited::Unknown(bound),
        None => Sited::Infeasible,
    }
}

impl Node {
    /// The two parts of a decision.
    fn split(self, branch: &Branch) -> [Self; 2] {
        let Self { state, pairs, multipliers } = self;
        let with = |state: Vec<State>, pairs: Rc<Pairs>| Self { state, pairs, multipliers: Rc::clone(&multipliers) };
        match *branch {
            Branch::Facility(facility) => [State::Open, State::Closed].map(|settled| {
                let mut state = state.clone();
                state[facility] = settled;
                with(state, Rc::clone(&pairs))
            }),
            Branch::Pair(facility, customer) => {
                let (mut here, mut elsewhere) = (pairs.as_ref().clone(), pairs.as_ref().clone());
                here.bind(facility, customer);
                elsewhere.forbid(facility, customer);
                [with(state.clone(), Rc::new(here)), with(state, Rc::new(elsewhere))]
            }
        }
    }
}

/// Raises the bound of a node, improves the best answer on the way, settles what it can, and says where to branch; none where nothing
/// better is left.
fn explore(relaxed: &Relaxed, node: Node, best: &mut Record<Answer>, rounds: usize, deadline: &Deadline) -> Option<(f64, Branch, Node)> {
    let location = relaxed.location;
    if !node.pairs.complete() {
        return None;
    }
    let mut ascent = Ascent::new(relaxed, node.state, node.pairs.as_ref().clone(), node.multipliers.as_ref().clone());
    for round in 0..rounds {
        let before = ascent.bound();
        for _ in 0..ROUND {
            ascent.step(best.objective);
            if ascent.bound() > best.cutoff() || deadline.passed() {
                break;
            }
        }
        if round == 0 || rounds == ROUNDS.0 {
            let (open, source) = ascent.answer();
            improve::improve(location, &open, &source, best, deadline);
            improve::improve(location, &ascent.favourites(), &vec![None; source.len()], best, deadline);
        }
        if ascent.bound() > best.cutoff() || !ascent.settle(best.cutoff()) {
            return None;
        }
        let missing = best.cutoff() - before;
        if (rounds == ROUNDS.1 && ascent.bound() - before < WORTH * missing) || ascent.converged() || deadline.passed() {
            break;
        }
    }
    let (open, source) = ascent.answer();
    improve::improve(location, &open, &source, best, deadline);
    let Some(branch) = ascent.branch() else {
        // One facility is left for each customer.
        let source: Vec<Option<usize>> = (0..source.len()).map(|customer| ascent.pairs.sources(customer).next()).collect();
        let open: Vec<bool> = ascent.state.iter().map(|state| *state == State::Open).collect();
        improve::improve(location, &open, &source, best, deadline);
        return None;
    };
    let node =
        Node { state: ascent.state.clone(), pairs: Rc::new(ascent.pairs.clone()), multipliers: Rc::new(ascent.multipliers().to_vec()) };
    Some((ascent.bound(), branch, node))
}

#[cfg(test)]
mod tests;
