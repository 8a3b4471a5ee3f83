//! Branch and bound on the facilities, lowest bound first (Goertz and Klose, INFORMS Journal on Computing 24, 2012).
//!
//! In every node the multipliers of the parent are improved a little; facilities whose other decision would cost too much are settled;
//! then the tree branches on the facility that, of those in doubt, raises the bounds most.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::rc::Rc;

use super::ascent::{Climber, Effort};
use super::cover::State;
use super::dense::Dense;
use super::incumbent::Incumbent;
use super::relaxation::Relaxation;
use crate::deadline::Deadline;

const ROOT: Effort = Effort { steps: 500, reach: 1.0, patience: 10 };
const CHILD: Effort = Effort { steps: 60, reach: 0.1, patience: 5 };
const PROBE: Effort = Effort { steps: 15, reach: 0.1, patience: 4 };
/// Facilities that are probed before the tree branches.
const PROBES: usize = 6;
/// Rounds of climbing and settling in one node, while they settle many facilities.
const ROUNDS: usize = 4;
/// Sets of facilities tried around a new incumbent.
const TRIES: usize = 1_000;
/// Numbers of multipliers that open nodes may keep; later nodes begin with those of the root.
const KEPT: usize = 50_000_000;

/// A part of the answers: some facilities are settled.
struct Node {
    state: Vec<State>,
    /// Where its climb begins; any multipliers give a bound, so that half the digits do.
    multipliers: Rc<[f32]>,
    bound: f64,
    number: usize,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Node {}
impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Node {
    /// The lowest bound comes first, then the latest node.
    fn cmp(&self, other: &Self) -> Ordering {
        other.bound.total_cmp(&self.bound).then(self.number.cmp(&other.number))
    }
}

/// One side of a branching.
struct Side {
    bound: f64,
    multipliers: Rc<[f32]>,
}

/// How the tree ended.
pub(super) struct Grown {
    /// No answer is cheaper; infinite if there is none.
    pub bound: f64,
    /// Nodes that were looked at.
    pub nodes: usize,
    /// Whether the time was over before the proof.
    pub limited: bool,
}

/// The search.
pub(super) struct Tree<'a> {
    dense: &'a Dense,
    relaxation: Relaxation<'a>,
    climber: Climber,
    /// The best answer so far.
    pub incumbent: Incumbent<'a>,
    deadline: Deadline,
    gap: f64,
    open: BinaryHeap<Node>,
    /// Multipliers of the root.
    first: Rc<[f32]>,
    /// Lowest bound of what was given up.
    given_up: f64,
    nodes: usize,
    created: usize,
}

impl<'a> Tree<'a> {
    pub(super) fn new(dense: &'a Dense, deadline: Deadline, gap: f64) -> Self {
        let relaxation = Relaxation::new(dense);
        let climber = Climber::new(dense, deadline);
        let first = climber.kept();
        let incumbent = Incumbent::new(dense, deadline);
        let open = BinaryHeap::new();
        Self { dense, relaxation, climber, incumbent, deadline, gap, open, first, given_up: f64::INFINITY, nodes: 0, created: 0 }
    }

    /// Grows the tree until nothing is left or the time is over.
    pub(super) fn grow(&mut self) -> Grown {
        let mut limited = false;
        self.plant();
        while let Some(node) = self.open.pop() {
            let late = self.nodes > 0 && self.deadline.passed();
            if node.bound >= self.goal() {
                // All others have higher bounds.
                self.given_up = self.given_up.min(node.bound);
                self.open.clear();
            } else if late {
                limited = true;
                self.open.push(node);
                break;
            } else {
                self.nodes += 1;
                self.examine(node);
            }
        }
        let pending = self.open.peek().map_or(f64::INFINITY, |node| node.bound);
        Grown { bound: self.given_up.min(pending).min(self.incumbent.cost), nodes: self.nodes, limited }
    }

    /// Opens the root, unless not even all facilities together can serve everyone.
    fn plant(&mut self) {
        let usable = |i: &usize| self.dense.fixed[*i].is_finite();
        let all: Vec<usize> = (0..self.dense.facilities).filter(usable).collect();
        let state = self.dense.fixed.iter().map(|fixed| if fixed.is_finite() { State::Free } else { State::Closed }).collect();
        let feasible = if self.dense.open.1 >= all.len() && self.dense.open.0 <= all.len() {
            self.incumbent.offer(&all)
        } else {
            self.incumbent.can_serve(&all)
        };
        // After the deadline nothing is known.
        if feasible || self.deadline.passed() {
            self.open.push(Node { state, multipliers: self.first.clone(), bound: f64::NEG_INFINITY, number: 0 });
        } else {
            self.nodes = 1;
        }
    }

    /// Parts of the answers with this bound are of no interest.
    fn goal(&self) -> f64 {
        let cost = self.incumbent.cost;
        if cost < f64::INFINITY { cost - self.gap * cost.abs() } else { 2.0 * self.dense.ceiling + 1.0 }
    }

    /// Bounds one part of the answers, settles what it can, then branches.
    fn examine(&mut self, node: Node) {
        let Node { mut state, multipliers, mut bound, number } = node;
        self.climber.resume(&multipliers);
        let root = self.nodes == 1;
        for _ in 0..ROUNDS {
            let goal = self.goal();
            let incumbent = &mut self.incumbent;
            let effort = if root { &ROOT } else { &CHILD };
            let reached = self.climber.climb(&mut self.relaxation, &state, goal, effort, |relaxation| {
                incumbent.offer(relaxation.opened());
            });
            bound = bound.max(reached);
            self.round(&state, root);
            if bound >= self.goal() {
                self.given_up = self.given_up.min(bound);
                return;
            }
            if root {
                self.first = self.climber.kept();
            }
            if self.deadline.passed() {
                self.push(state, bound, self.climber.kept(), number);
                return;
            }
            let settled = self.settle(&mut state);
            let free = state.iter().filter(|it| **it == State::Free).count();
            if free == 0 {
                let open: Vec<usize> = (0..state.len()).filter(|i| state[*i] == State::Open).collect();
                // The only answer of this part; after the deadline it may not have been routed to the end.
                if !self.incumbent.accept(&open) && self.deadline.passed() {
                    self.push(state, bound, self.climber.kept(), number);
                }
                return;
            }
            if settled < free {
                break;
            }
        }
        self.branch(state, bound);
    }

    /// Tries the facilities that the relaxation likes best.
    fn round(&mut self, state: &[State], root: bool) {
        let mean = &self.climber.mean;
        let mut order: Vec<usize> = (0..state.len()).filter(|i| state[*i] != State::Closed).collect();
        order.sort_by(|a, b| mean[*b].total_cmp(&mean[*a]).then(a.cmp(b)));
        order.truncate(mean.iter().sum::<f64>().round() as usize);
        order.sort_unstable();
        if self.incumbent.offer(&order) || root {
            self.incumbent.improve(mean, TRIES);
        }
    }

    /// Settles facilities that would cost too much the other way; how many.
    fn settle(&mut self, state: &mut [State]) -> usize {
        let goal = self.goal();
        if self.relaxation.evaluate(&self.climber.multipliers, state).is_none() {
            return 0;
        }
        let chosen = self.relaxation.cover.chosen.clone();
        let mut settled = 0;
        for i in 0..state.len() {
            if state[i] == State::Free && !self.deadline.passed() {
                let (same, other) = if chosen[i] > 0.5 { (State::Open, State::Closed) } else { (State::Closed, State::Open) };
                let bound = self.relaxation.otherwise(&self.climber.multipliers, state, i, other);
                if bound >= goal {
                    state[i] = same;
                    self.given_up = self.given_up.min(bound);
                    settled += 1;
                }
            }
        }
        settled
    }

    /// Probes the facilities most in doubt and branches on the best of them.
    fn branch(&mut self, mut state: Vec<State>, bound: f64) {
        let base = self.climber.multipliers.clone();
        let mean = self.climber.mean.clone();
        let doubt = |i: &usize| (mean[*i] - 0.5).abs();
        let mut free: Vec<usize> = (0..state.len()).filter(|i| state[*i] == State::Free).collect();
        free.sort_by(|a, b| doubt(a).total_cmp(&doubt(b)).then(a.cmp(b)));
        let mut best: Option<(f64, usize, [Side; 2])> = None;
        for i in free.into_iter().take(PROBES) {
            let sides = [State::Closed, State::Open].map(|side| {
                state[i] = side;
                self.climber.multipliers.copy_from_slice(&base);
                let goal = self.goal();
                let reached = self.climber.climb(&mut self.relaxation, &state, goal, &PROBE, |_| {});
                Side { bound: reached.max(bound), multipliers: self.climber.kept() }
            });
            state[i] = State::Free;
            if sides.iter().any(|side| side.bound >= self.goal()) {
                // The other side is all that is left.
                self.split(&state, i, sides);
                return;
            }
            // Both sides count: a small rise on one of them is worth little.
            let rise = |side: &Side| (side.bound - bound).max(1e-6 * bound.abs());
            let score = rise(&sides[0]) * rise(&sides[1]);
            if best.as_ref().is_none_or(|(least, _, _)| score > *least) {
                best = Some((score, i, sides));
            }
        }
        if let Some((_, i, sides)) = best {
            self.split(&state, i, sides);
        }
    }

    /// Opens the sides of a branching that are of interest.
    fn split(&mut self, state: &[State], facility: usize, sides: [Side; 2]) {
        for (side, settled) in sides.into_iter().zip([State::Closed, State::Open]) {
            if side.bound >= self.goal() {
                self.given_up = self.given_up.min(side.bound);
                continue;
            }
            let mut state = state.to_vec();
            state[facility] = settled;
            self.created += 1;
            self.push(state, side.bound, side.multipliers, self.created);
        }
    }

    fn push(&mut self, state: Vec<State>, bound: f64, multipliers: Rc<[f32]>, number: usize) {
        let full = self.open.len() * self.dense.columns() > KEPT;
        let multipliers = if full { self.first.clone() } else { multipliers };
        self.open.push(Node { state, multipliers, bound, number });
    }
}
