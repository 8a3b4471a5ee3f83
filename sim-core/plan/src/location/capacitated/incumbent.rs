//! The best answer so far, and the search around it.

use std::collections::BTreeSet;

use super::dense::Dense;
use super::transport::Transport;
use crate::deadline::Deadline;

/// Sets of facilities that are remembered as tried.
const MEMORY: usize = 100_000;

/// The cheapest set of facilities found.
pub(super) struct Incumbent<'a> {
    dense: &'a Dense,
    /// Its cost; infinite before the first.
    pub cost: f64,
    /// Its facilities in order.
    pub open: Vec<usize>,
    /// Facility, column and amount of its routing.
    pub amounts: Vec<(usize, usize, f64)>,
    transport: Transport,
    tried: BTreeSet<Vec<u32>>,
    deadline: Deadline,
}

impl<'a> Incumbent<'a> {
    pub(super) fn new(dense: &'a Dense, deadline: Deadline) -> Self {
        let transport = Transport::new(deadline);
        Self { dense, cost: f64::INFINITY, open: Vec::new(), amounts: Vec::new(), transport, tried: BTreeSet::new(), deadline }
    }

    /// Tries a set of facilities, in order, unless it was tried before; whether it is the new incumbent.
    pub(super) fn offer(&mut self, open: &[usize]) -> bool {
        self.tried.len() < MEMORY && self.tried.insert(open.iter().map(|i| *i as u32).collect()) && self.accept(open)
    }

    /// Makes a set of facilities, in order, the incumbent if it is permitted and cheaper; whether it is.
    pub(super) fn accept(&mut self, open: &[usize]) -> bool {
        if open.len() < self.dense.open.0 || open.len() > self.dense.open.1 {
            return false;
        }
        let Some(cost) = self.transport.route(self.dense, open, self.cost) else { return false };
        self.cost = cost;
        self.open = open.to_vec();
        self.amounts = self.transport.amounts(open).collect();
        true
    }

    /// Whether these facilities could serve everyone, however many may be open; false, too, after the deadline.
    pub(super) fn can_serve(&mut self, open: &[usize]) -> bool {
        self.transport.route(self.dense, open, f64::INFINITY).is_some()
    }

    /// Offers the sets that differ from the incumbent by one facility less, one more, or one exchanged, until none is better; only
    /// facilities that `mean`, the relaxation's opinion, leaves in doubt take part.
    pub(super) fn improve(&mut self, mean: &[f64], mut tries: usize) {
        const DOUBT: f64 = 1e-3;
        let mut better = true;
        while better && tries > 0 {
            better = false;
            let base = self.open.clone();
            let mut leave: Vec<usize> = base.iter().copied().filter(|i| mean[*i] < 1.0 - DOUBT).collect();
            let mut enter: Vec<usize> = (0..mean.len()).filter(|i| mean[*i] > DOUBT && base.binary_search(i).is_err()).collect();
            leave.sort_by(|a, b| mean[*a].total_cmp(&mean[*b]).then(a.cmp(b)));
            enter.sort_by(|a, b| mean[*b].total_cmp(&mean[*a]).then(a.cmp(b)));
            let fewer = leave.iter().map(|out| (Some(*out), None));
            let more = enter.iter().map(|into| (None, Some(*into)));
            let exchanged = enter.iter().flat_map(|into| leave.iter().map(|out| (Some(*out), Some(*into))));
            for (out, into) in fewer.chain(more).chain(exchanged) {
                let mut open: Vec<usize> = base.iter().copied().filter(|i| Some(*i) != out).chain(into).collect();
                open.sort_unstable();
                better = self.offer(&open);
                tries = tries.saturating_sub(1);
                if better || tries == 0 || self.deadline.passed() {
                    break;
                }
            }
        }
    }
}
