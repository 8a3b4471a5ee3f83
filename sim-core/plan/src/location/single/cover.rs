//! Which facilities to open when together they must hold all demand: (4) with a row that follows from (1) and (2), but not from (6).

use super::roomy;
use crate::location::pick::{Pick, State, possible};

/// Nodes of a tree; then the bound of its root counts.
const NODES: usize = 4_000;

/// The row `sum_i capacity_i y_i >= demand`.
pub(super) struct Cover {
    capacity: Vec<f64>,
    demand: f64,
}

/// A facility that may be opened.
struct Item {
    facility: usize,
    price: f64,
    size: f64,
}

impl Cover {
    pub(super) fn new(capacity: &[f64], demand: f64) -> Self {
        // More than all demand is of no use; sums in another order may differ by rounding.
        let capacity = capacity.iter().map(|capacity| roomy(*capacity).clamp(0.0, demand)).collect();
        Self { capacity, demand: (2.0 * demand - roomy(demand)).max(0.0) }
    }

    /// Picks by price under (4) and the row; no choice costs less than the number returned, infinite where there is none.
    pub(super) fn choose(&self, pick: &mut Pick, state: &[State], count: (usize, usize)) -> f64 {
        if !possible(state, count) {
            return f64::INFINITY;
        }
        pick.choose(state, count);
        let sum = |pick: &Pick, of: &dyn Fn(usize) -> f64| (0..state.len()).filter(|facility| pick.picked[*facility]).map(of).sum::<f64>();
        let simple = sum(pick, &|facility| pick.price[facility]);
        if sum(pick, &|facility| self.capacity[facility]) >= self.demand {
            return simple;
        }
        let open = |facility: &usize| state[*facility] == State::Open;
        let base: f64 = (0..state.len()).filter(open).map(|facility| pick.price[facility]).sum();
        let held: f64 = (0..state.len()).filter(open).map(|facility| self.capacity[facility]).sum();
        let opened = (0..state.len()).filter(open).count();
        let free = (0..state.len()).filter(|facility| state[*facility] == State::Free);
        let mut items: Vec<Item> =
            free.map(|facility| Item { facility, price: pick.price[facility], size: self.capacity[facility] }).collect();
        let rate = |item: &Item| if item.price <= 0.0 { item.price.min(-f64::MIN_POSITIVE) } else { item.price / item.size };
        items.sort_by(|one, other| rate(one).total_cmp(&rate(other)).then(one.facility.cmp(&other.facility)));
        let (least, most) = (count.0.saturating_sub(opened), count.1 - opened);
        let (value, chosen) = cheapest(&items, self.demand - held, least, most);
        if let Some(chosen) = chosen {
            for (at, item) in items.iter().enumerate() {
                pick.picked[item.facility] = chosen[at];
            }
        }
        simple.max(base + value)
    }
}

/// The cheapest items that together reach a size, with a count from `least` to `most`: a bound, and the best choice found. Items are in
/// order of price per size, those of negative price first.
fn cheapest(items: &[Item], need: f64, least: usize, most: usize) -> (f64, Option<Vec<bool>>) {
    let Some(floor) = relaxed(items, need) else { return (f64::INFINITY, None) };
    let (mut best, mut value) = (None, f64::INFINITY);
    let mut taken = vec![false; items.len()];
    let (mut at, mut held, mut spent, mut count, mut nodes) = (0, 0.0, 0.0, 0, 0);
    loop {
        while at < items.len() && count < most && relaxed(&items[at..], need - held).is_some_and(|more| spent + more < value) {
            taken[at] = true;
            (held, spent, count, at) = (held + items[at].size, spent + items[at].price, count + 1, at + 1);
            nodes += 1;
            if held >= need && count >= least && spent < value {
                (value, best) = (spent, Some(taken.clone()));
            }
        }
        if at == 0 && held >= need && least == 0 && spent < value {
            (value, best) = (spent, Some(taken.clone()));
        }
        if nodes > NODES {
            return (floor, best);
        }
        let Some(last) = taken.iter().rposition(|taken| *taken) else { return (value, best) };
        taken[last] = false;
        (held, spent, count, at) = (held - items[last].size, spent - items[last].price, count - 1, last + 1);
    }
}

/// The same with parts of items and any count; none where all of them are too few.
fn relaxed(items: &[Item], mut need: f64) -> Option<f64> {
    let mut spent = 0.0;
    for item in items {
        if item.price >= 0.0 {
            if need <= 0.0 {
                return Some(spent);
            }
            if item.size >= need {
                return Some(spent + item.price * need / item.size);
            }
        }
        (need, spent) = (need - item.size, spent + item.price);
    }
    (need <= 1e-9).then_some(spent)
}
