//! The best node for each ask, kept up to date: only nodes that changed are scored again.

use std::collections::BTreeMap;

use crate::ask::Ask;
use crate::occupancy::{Mark, Occupancy};

/// Most scores that are kept in all; beyond, the ranking of the ask that came first is given up.
const MOST_SCORES: usize = 1 << 24;

/// Stands for a node where the ask does not fit.
const UNFIT: i32 = -1;

/// Rankings of nodes, one for each different ask.
#[derive(Clone, Debug)]
pub struct Rankings {
    /// Position of each node in the order that breaks ties.
    rank: Vec<u32>,
    places: BTreeMap<Ask, usize>,
    rankings: Vec<Ranking>,
    /// Which ranking is given up next.
    next: usize,
}

/// The nodes for one ask, as a tournament.
#[derive(Clone, Debug)]
struct Ranking {
    ask: Ask,
    /// The state of the occupancy that it is of; `None` of none yet.
    seen: Option<Mark>,
    /// Score of each node.
    score: Vec<i32>,
    /// Winner of each match; the final is at 1, the first round from `score.len()` on, where each node stands for itself.
    winner: Vec<u32>,
}

impl Rankings {
    /// No rankings yet. `order` are the nodes in the order that breaks ties.
    pub fn new(order: &[u32]) -> Self {
        let mut rank = vec![0; order.len()];
        for (position, node) in order.iter().enumerate() {
            rank[*node as usize] = position as u32;
        }
        Self { rank, places: BTreeMap::new(), rankings: Vec::new(), next: 0 }
    }

    /// The node with the best score where an ask fits; the first in the order among equals.
    pub fn best(&mut self, occupancy: &Occupancy, ask: &Ask, score: &mut dyn FnMut(usize) -> i32) -> Option<usize> {
        if occupancy.nodes() == 0 {
            return None;
        }
        let place = self.place(ask);
        let ranking = &mut self.rankings[place];
        ranking.update(&self.rank, occupancy, &mut |node| if occupancy.fits(node, ask) { score(node) } else { UNFIT });
        let best = ranking.winner[1] as usize;
        (ranking.score[best] != UNFIT).then_some(best)
    }

    /// The ranking of an ask; a new one if it has none.
    fn place(&mut self, ask: &Ask) -> usize {
        if let Some(place) = self.places.get(ask) {
            return *place;
        }
        let nodes = self.rank.len();
        let place = if self.rankings.len() * nodes < MOST_SCORES {
            self.rankings.push(Ranking { ask: *ask, seen: None, score: vec![UNFIT; nodes], winner: vec![0; 2 * nodes] });
            self.rankings.len() - 1
        } else {
            let place = self.next;
            self.next = (place + 1) % self.rankings.len();
            let given_up = &mut self.rankings[place];
            self.places.remove(&given_up.ask);
            (given_up.ask, given_up.seen) = (*ask, None);
            place
        };
        self.places.insert(*ask, place);
        place
    }
}

impl Ranking {
    fn update(&mut self, rank: &[u32], occupancy: &Occupancy, score: &mut dyn FnMut(usize) -> i32) {
        let nodes = rank.len();
        match self.seen.and_then(|seen| occupancy.changed_since(seen)) {
            Some(changed) => {
                for node in changed {
                    let new = score(node);
                    if new != self.score[node] {
                        self.score[node] = new;
                        self.replay(rank, node);
                    }
                }
            }
            None => {
                for node in 0..nodes {
                    self.score[node] = score(node);
                    self.winner[nodes + node] = node as u32;
                }
                for game in (1..nodes).rev() {
                    self.play(rank, game);
                }
            }
        }
        self.seen = Some(occupancy.mark());
    }

    /// Plays every match of a node again.
    fn replay(&mut self, rank: &[u32], node: usize) {
        let mut game = rank.len() + node;
        while game > 1 {
            game /= 2;
            self.play(rank, game);
        }
    }

    fn play(&mut self, rank: &[u32], game: usize) {
        let (one, other) = (self.winner[2 * game], self.winner[2 * game + 1]);
        let strength = |node: u32| (self.score[node as usize], std::cmp::Reverse(rank[node as usize]));
        self.winner[game] = if strength(one) > strength(other) { one } else { other };
    }
}
