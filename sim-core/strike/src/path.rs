//! Shortest-path interdiction: links are made longer, or lost, to lengthen the shortest way between two places (Israeli & Wood 2002,
//! "Shortest-path network interdiction").

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::search::Field;

/// An undirected link.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// One end.
    pub from: usize,
    /// The other end.
    pub to: usize,
    /// Length; not negative.
    pub length: f64,
    /// What an attack adds to it; infinite where it is lost.
    pub delay: f64,
}

/// The way between two places; every link is a target.
#[derive(Clone, Debug)]
pub struct Path {
    links: Vec<Link>,
    at: Vec<Vec<u32>>,
    ends: (usize, usize),
    attacked: Vec<bool>,
    attack: Vec<usize>,
    distance: Vec<f64>,
    by: Vec<u32>,
}

/// A place that is reached.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Reached(f64, usize);

impl Eq for Reached {}
impl PartialOrd for Reached {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Reached {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.total_cmp(&self.0).then(other.1.cmp(&self.1))
    }
}

impl Path {
    /// The shortest way from one of `places` places to another.
    #[must_use]
    pub fn new(places: usize, links: Vec<Link>, from: usize, to: usize) -> Self {
        let mut at = vec![Vec::new(); places];
        for (index, link) in links.iter().enumerate() {
            at[link.from].push(index as u32);
            at[link.to].push(index as u32);
        }
        let count = links.len();
        Self {
            links,
            at,
            ends: (from, to),
            attacked: vec![false; count],
            attack: Vec::new(),
            distance: vec![f64::INFINITY; places],
            by: vec![u32::MAX; places],
        }
    }
}

impl Field for Path {
    fn targets(&self) -> usize {
        self.links.len()
    }
    fn enter(&mut self, target: usize) {
        self.attack.push(target);
        self.attacked[target] = true;
    }
    fn leave(&mut self) {
        if let Some(target) = self.attack.pop() {
            self.attacked[target] = false;
        }
    }
    /// Length of the shortest way (Dijkstra 1959); infinite where there is none.
    fn damage(&mut self) -> f64 {
        self.distance.fill(f64::INFINITY);
        self.by.fill(u32::MAX);
        self.distance[self.ends.0] = 0.0;
        let mut heap = BinaryHeap::from([Reached(0.0, self.ends.0)]);
        while let Some(Reached(so_far, place)) = heap.pop() {
            if so_far > self.distance[place] {
                continue;
            }
            for &index in &self.at[place] {
                let link = self.links[index as usize];
                let other = if link.from == place { link.to } else { link.from };
                let length = so_far + link.length + if self.attacked[index as usize] { link.delay } else { 0.0 };
                if length < self.distance[other] {
                    self.distance[other] = length;
                    self.by[other] = index;
                    heap.push(Reached(length, other));
                }
            }
        }
        self.distance[self.ends.1]
    }
    const NARROWS: bool = true;
    /// Without a link of the shortest way, that way stays.
    fn narrow(&mut self, open: &mut Vec<usize>) {
        let mut place = self.ends.1;
        let mut on_it = vec![false; self.links.len()];
        while place != self.ends.0 && self.by[place] != u32::MAX {
            let index = self.by[place] as usize;
            on_it[index] = true;
            let link = self.links[index];
            place = if link.from == place { link.to } else { link.from };
        }
        open.retain(|target| on_it[*target]);
    }
}
