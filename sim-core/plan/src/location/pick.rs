//! Which facilities to open when each has a price of its own: the part of a Lagrangian relaxation that (4) is in.

/// What is settled about a facility.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// May be open or closed.
    Free,
    /// Is open.
    Open,
    /// Is closed.
    Closed,
}

/// `min { sum_i price_i y_i : (4) }` with some facilities settled.
#[derive(Clone, Default)]
pub(super) struct Pick {
    /// Price of each facility; of no account for closed ones.
    pub price: Vec<f64>,
    /// Which ones are open.
    pub picked: Vec<bool>,
    order: Vec<usize>,
}

impl Pick {
    pub(super) fn new(facilities: usize) -> Self {
        Self { price: vec![0.0; facilities], picked: vec![false; facilities], order: Vec::with_capacity(facilities) }
    }

    /// Picks by `price`: those that are open, then the cheapest until there are enough, then whatever has a negative price.
    pub(super) fn choose(&mut self, state: &[State], (fewest, most): (usize, usize)) {
        let Self { price, picked, order } = self;
        order.clear();
        order.extend((0..state.len()).filter(|facility| state[*facility] == State::Free));
        order.sort_unstable_by(|one, other| price[*one].total_cmp(&price[*other]).then(one.cmp(other)));
        let mut opened = 0;
        for (picked, state) in picked.iter_mut().zip(state) {
            *picked = *state == State::Open;
            opened += usize::from(*picked);
        }
        for (at, facility) in order.iter().enumerate().take(most.saturating_sub(opened)) {
            picked[*facility] = at + opened < fewest || price[*facility] < 0.0;
        }
    }

    /// By how much the minimum rises when each free facility is forced to the other side: opened where it is closed, closed where it is
    /// open; infinite where that cannot be.
    pub(super) fn rises(&self, state: &[State], (fewest, most): (usize, usize)) -> Vec<f64> {
        let opened = state.iter().filter(|state| **state == State::Open).count();
        let (least, most) = (fewest.saturating_sub(opened), most.saturating_sub(opened));
        let free = || (0..state.len()).filter(|facility| state[*facility] == State::Free);
        let inside = || free().filter(|facility| self.picked[*facility]);
        let picked = inside().count();
        let worst = inside().map(|facility| self.price[facility]).fold(f64::NEG_INFINITY, f64::max);
        let next = free().filter(|facility| !self.picked[*facility]).map(|facility| self.price[facility]).fold(f64::INFINITY, f64::min);
        let rise = |facility: usize| {
            let own = self.price[facility];
            match (state[facility], self.picked[facility]) {
                (State::Free, true) => {
                    if picked <= least {
                        next - own
                    } else {
                        next.min(0.0) - own
                    }
                }
                (State::Free, false) if most == 0 => f64::INFINITY,
                (State::Free, false) => own - if picked == most { worst } else { worst.max(0.0) },
                (State::Open | State::Closed, _) => f64::INFINITY,
            }
        };
        (0..state.len()).map(rise).collect()
    }

    /// Settles the facilities for which the other side lifts a bound above a limit; false where nothing is left.
    pub(super) fn settle(&self, state: &mut [State], count: (usize, usize), bound: f64, limit: f64) -> bool {
        if !possible(state, count) {
            return false;
        }
        let rises = self.rises(state, count);
        for (facility, rise) in rises.into_iter().enumerate() {
            if state[facility] == State::Free && bound + rise > limit {
                state[facility] = if self.picked[facility] { State::Open } else { State::Closed };
            }
        }
        possible(state, count)
    }
}

/// Whether (4) can still hold.
pub(super) fn possible(state: &[State], (fewest, most): (usize, usize)) -> bool {
    let opened = state.iter().filter(|state| **state == State::Open).count();
    let closed = state.iter().filter(|state| **state == State::Closed).count();
    opened <= most && state.len() - closed >= fewest
}
