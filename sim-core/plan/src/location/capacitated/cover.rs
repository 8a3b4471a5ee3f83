//! Which facilities to open when each has a value of its own: the cheapest set with enough capacity and a permitted number of members.
//!
//! ```text
//! min   sum_i value_i y_i
//! s.t.  sum_i capacity_i y_i >= all demand
//!       fewest <= sum_i y_i <= most
//! ```

use super::dense::Dense;

/// What is settled about a facility.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing.
    Free,
    /// It is open.
    Open,
    /// It is closed.
    Closed,
}

/// Steps of the enumeration after which the bound of its relaxation must do.
const STEPS: usize = 4_000;

/// Finds covers; keeps its arrays from one to the next.
#[derive(Default)]
pub(super) struct Cover {
    /// The last answer: which facilities are open, shares where the relaxation had to do.
    pub chosen: Vec<f64>,
    order: Vec<usize>,
    items: Vec<Item>,
    trial: Vec<bool>,
    best: Vec<bool>,
}

/// A free facility of the covering problem.
#[derive(Clone, Copy)]
struct Item {
    facility: usize,
    value: f64,
    capacity: f64,
}

/// What a set of settled facilities leaves to be done.
#[derive(Clone, Copy)]
struct Rest {
    need: f64,
    fewest: usize,
    most: usize,
}

impl Cover {
    /// The least total value, with the facilities in `chosen`; `None` if no set is permitted.
    pub(super) fn solve(&mut self, dense: &Dense, state: &[State], value: &[f64]) -> Option<f64> {
        let settled: f64 = (0..dense.facilities).filter(|i| state[*i] == State::Open).map(|i| value[i]).sum();
        let rest = self.rest(dense, state)?;
        self.chosen.clear();
        self.chosen.extend(state.iter().map(|it| if *it == State::Open { 1.0 } else { 0.0 }));
        self.order.sort_by(|a, b| value[*a].total_cmp(&value[*b]).then(a.cmp(b)));
        // By number alone: the cheapest, as many as are worth it or needed.
        let gainful = self.order.iter().take_while(|i| value[**i] < 0.0).count();
        let count = gainful.clamp(rest.fewest, rest.most);
        let by_number: f64 = self.order[..count].iter().map(|i| value[*i]).sum();
        let covered: f64 = self.order[..count].iter().map(|i| dense.capacity[*i]).sum();
        if covered >= rest.need {
            self.order[..count].iter().for_each(|i| self.chosen[*i] = 1.0);
            return Some(settled + by_number);
        }
        // By capacity alone; the larger of both bounds is one.
        let by_capacity = self.by_capacity(dense, value, rest.need);
        if by_number > by_capacity {
            self.order.iter().for_each(|i| self.chosen[*i] = 0.0);
            self.order[..count].iter().for_each(|i| self.chosen[*i] = 1.0);
            return Some(settled + by_number);
        }
        Some(settled + by_capacity)
    }

    /// What is left to do, with the free facilities in `order`; `None` if that is impossible.
    fn rest(&mut self, dense: &Dense, state: &[State]) -> Option<Rest> {
        let open = (0..dense.facilities).filter(|i| state[*i] == State::Open);
        let (number, room) = open.fold((0, 0.0), |(number, room), i| (number + 1, room + dense.capacity[i]));
        self.order.clear();
        self.order.extend((0..dense.facilities).filter(|i| state[*i] == State::Free));
        let most = dense.open.1.checked_sub(number)?.min(self.order.len());
        let need = dense.total * (1.0 - 1e-12) - room;
        // No set covers the need with fewer than the largest would.
        self.order.sort_by(|a, b| dense.capacity[*b].total_cmp(&dense.capacity[*a]));
        let (mut left, mut least) = (need, 0);
        while left > 0.0 {
            left -= dense.capacity[*self.order.get(least)?];
            least += 1;
        }
        let fewest = dense.open.0.saturating_sub(number).max(least);
        (fewest <= most).then_some(Rest { need, fewest, most })
    }

    /// Knapsack of the free facilities: all that are gainful, then the cheapest completion by depth-first search.
    fn by_capacity(&mut self, dense: &Dense, value: &[f64], need: f64) -> f64 {
        self.items.clear();
        let (mut cost, mut need) = (0.0, need);
        for i in &self.order {
            if value[*i] <= 0.0 {
                cost += value[*i];
                need -= dense.capacity[*i];
                self.chosen[*i] = 1.0;
            } else if dense.capacity[*i] > 0.0 {
                self.items.push(Item { facility: *i, value: value[*i], capacity: dense.capacity[*i] });
            }
        }
        if need <= 0.0 {
            return cost;
        }
        self.items.sort_by(|a, b| (a.value * b.capacity).total_cmp(&(b.value * a.capacity)).then(a.facility.cmp(&b.facility)));
        self.trial.clear();
        self.trial.resize(self.items.len(), false);
        let mut search = Search { items: &self.items, trial: &mut self.trial, best: &mut self.best, least: f64::INFINITY, steps: 0 };
        search.descend(0, need, 0.0);
        if search.steps <= STEPS {
            let least = search.least;
            self.items.iter().zip(&self.best).filter(|(_, taken)| **taken).for_each(|(item, _)| self.chosen[item.facility] = 1.0);
            return cost + least;
        }
        // Too many sets: the relaxation, whose last item is taken in part.
        for item in &self.items {
            let share = (need / item.capacity).clamp(0.0, 1.0);
            cost += share * item.value;
            need -= share * item.capacity;
            self.chosen[item.facility] = share;
        }
        cost
    }
}

/// Depth-first search of the knapsack, items by value per capacity (Horowitz and Sahni 1974).
struct Search<'a> {
    items: &'a [Item],
    trial: &'a mut [bool],
    best: &'a mut Vec<bool>,
    least: f64,
    steps: usize,
}

impl Search<'_> {
    fn descend(&mut self, from: usize, need: f64, cost: f64) {
        self.steps += 1;
        if need <= 0.0 {
            if cost < self.least {
                self.least = cost;
                self.best.clear();
                self.best.extend_from_slice(self.trial);
            }
            return;
        }
        if self.steps > STEPS {
            return;
        }
        let (mut bound, mut left) = (cost, need);
        let mut rest = self.items[from..].iter();
        while left > 0.0 {
            // Not even all of the others are enough.
            let Some(item) = rest.next() else { return };
            bound += (left / item.capacity).min(1.0) * item.value;
            left -= item.capacity;
        }
        if bound >= self.least {
            return;
        }
        let item = self.items[from];
        self.trial[from] = true;
        self.descend(from + 1, need - item.capacity, cost + item.value);
        self.trial[from] = false;
        self.descend(from + 1, need, cost);
    }
}
