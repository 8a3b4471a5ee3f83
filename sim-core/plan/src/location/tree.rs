//! The parts of a search that are still open, the one with the lowest bound first.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A part of the search.
struct Part<T> {
    bound: f64,
    /// Later parts first among equals: they are nearer to an answer.
    number: usize,
    node: T,
}

impl<T> Ord for Part<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.bound.total_cmp(&self.bound).then(self.number.cmp(&other.number))
    }
}
impl<T> PartialOrd for Part<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> PartialEq for Part<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl<T> Eq for Part<T> {}

/// A search tree.
pub(super) struct Tree<T> {
    parts: BinaryHeap<Part<T>>,
    number: usize,
    /// Nodes that were looked at.
    pub looked: usize,
}

impl<T> Tree<T> {
    /// Starts with a root.
    pub(super) fn new(bound: f64, root: T) -> Self {
        Self { parts: BinaryHeap::from([Part { bound, number: 0, node: root }]), number: 0, looked: 0 }
    }
    /// Adds a part.
    pub(super) fn add(&mut self, bound: f64, node: T) {
        self.number += 1;
        self.parts.push(Part { bound, number: self.number, node });
    }
    /// Takes the part with the lowest bound, unless that is enough to end the search.
    pub(super) fn next(&mut self, enough: impl FnOnce(f64) -> bool) -> Option<(f64, T)> {
        if enough(self.bound()) {
            return None;
        }
        let part = self.parts.pop()?;
        self.looked += 1;
        Some((part.bound, part.node))
    }
    /// The lowest bound of what is open; infinite where nothing is.
    pub(super) fn bound(&self) -> f64 {
        self.parts.peek().map_or(f64::INFINITY, |part| part.bound)
    }
}
