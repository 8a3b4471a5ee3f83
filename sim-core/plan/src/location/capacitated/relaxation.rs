//! The bound: the rows (1) are taken into the objective at multipliers, one for each customer.
//!
//! ```text
//! L(u) = sum_j u_j + min { sum_i (fixed_i + v_i(u)) y_i : y covers all demand, rows (4) }
//! v_i(u) = min { sum_j (cost_ij - u_j) x_ij : sum_j demand_j x_ij <= capacity_i, 0 <= x_ij <= 1 }
//! ```
//!
//! `L(u)` is a bound on the optimum whatever the multipliers. Its best value is that of the linear relaxation with every row (3) and the
//! covers' integer hull (Cornuejols, Sridharan and Thizy, European Journal of Operational Research 50, 1991: the bound Z_D^K).

use super::cover::{Cover, State};
use super::dense::Dense;

/// A list of profitable columns has those that become so when a multiplier rises by this share.
const MARGIN: f64 = 0.1;

/// Rounding of a sum, as a share of its terms.
const ROUNDING: f64 = 1e-13;

/// Evaluates the bound; keeps its arrays from one evaluation to the next.
pub(super) struct Relaxation<'a> {
    pub dense: &'a Dense,
    /// `fixed_i + v_i(u)` at the last multipliers; meaningless for closed facilities.
    pub value: Vec<f64>,
    /// The facilities of the last evaluation.
    pub cover: Cover,
    /// `1 - sum_i x_ij` at the last multipliers.
    pub slope: Vec<f64>,
    /// Profit per unit of demand below which a facility takes no more.
    threshold: Vec<f64>,
    unit: Vec<f64>,
    /// Cost per unit above which a column is in no list of `near`.
    limit: Vec<f64>,
    /// By facility, the columns that it might serve at a profit.
    near: Vec<Vec<Near>>,
    /// Whether the list is up to date.
    listed: Vec<bool>,
    gains: Vec<(f64, f64)>,
    open: Vec<usize>,
}

/// A column that a facility might serve at a profit.
#[derive(Clone, Copy)]
struct Near {
    cost: f64,
    demand: f64,
    column: usize,
}

impl<'a> Relaxation<'a> {
    pub(super) fn new(dense: &'a Dense) -> Self {
        let (m, n) = (dense.facilities, dense.columns());
        Self {
            dense,
            value: vec![0.0; m],
            cover: Cover::default(),
            slope: vec![0.0; n],
            threshold: vec![0.0; m],
            unit: vec![0.0; n],
            limit: vec![f64::NEG_INFINITY; n],
            near: vec![Vec::new(); m],
            listed: vec![false; m],
            gains: Vec::with_capacity(n),
            open: Vec::new(),
        }
    }

    /// Prepares for multipliers near these: only columns that may become profitable are looked at.
    pub(super) fn focus(&mut self, multipliers: &[f64]) {
        for ((limit, multiplier), demand) in self.limit.iter_mut().zip(multipliers).zip(&self.dense.demand) {
            let unit = multiplier / demand;
            *limit = unit + MARGIN * unit.abs();
        }
        self.listed.fill(false);
    }

    /// `L(u)` with the slopes; `None` if no set of facilities is permitted.
    pub(super) fn evaluate(&mut self, multipliers: &[f64], state: &[State]) -> Option<f64> {
        let dense = self.dense;
        for (at, multiplier) in multipliers.iter().enumerate() {
            self.unit[at] = multiplier / dense.demand[at];
            if self.unit[at] > self.limit[at] {
                self.admit(at);
            }
        }
        for i in (0..dense.facilities).filter(|i| state[*i] != State::Closed) {
            self.value[i] = dense.fixed[i] - self.gain(i);
        }
        let least = self.cover.solve(dense, state, &self.value)?;
        self.slope.fill(1.0);
        for i in 0..dense.facilities {
            let share = self.cover.chosen[i];
            if share > 0.0 {
                self.load(i, share);
            }
        }
        Some(rounded_down(multipliers, least))
    }

    /// Lets a column into the lists where it has become profitable.
    fn admit(&mut self, at: usize) {
        let dense = self.dense;
        let raised = self.unit[at] + MARGIN * self.unit[at].abs();
        let demand = if at < dense.loaded { dense.demand[at] } else { 0.0 };
        for (i, cost) in dense.by_column[at * dense.facilities..(at + 1) * dense.facilities].iter().enumerate() {
            if self.listed[i] && *cost < raised && *cost >= self.limit[at] {
                self.near[i].push(Near { cost: *cost, demand, column: at });
            }
        }
        self.limit[at] = raised;
    }

    /// Lists the columns that a facility might serve at a profit.
    fn list(&mut self, i: usize) {
        let dense = self.dense;
        let n = dense.columns();
        let near = &mut self.near[i];
        near.clear();
        for (at, (cost, limit)) in dense.unit[i * n..(i + 1) * n].iter().zip(&self.limit).enumerate() {
            if cost < limit {
                near.push(Near { cost: *cost, demand: if at < dense.loaded { dense.demand[at] } else { 0.0 }, column: at });
            }
        }
        self.listed[i] = true;
    }

    /// `-v_i(u)`: the best load of one facility.
    fn gain(&mut self, i: usize) -> f64 {
        if !self.listed[i] {
            self.list(i);
        }
        self.gains.clear();
        let (mut weight, mut profit) = (0.0, 0.0);
        let mut idle = 0.0;
        for near in &self.near[i] {
            let ratio = self.unit[near.column] - near.cost;
            if ratio > 0.0 {
                if near.demand > 0.0 {
                    self.gains.push((ratio, near.demand));
                    weight += near.demand;
                    profit += ratio * near.demand;
                } else {
                    idle += ratio;
                }
            }
        }
        let capacity = self.dense.capacity[i];
        if weight <= capacity {
            self.threshold[i] = 0.0;
            return idle + profit;
        }
        let (threshold, profit) = fill(&mut self.gains, capacity, self.threshold[i]);
        self.threshold[i] = threshold;
        idle + profit
    }

    /// Takes the load of an open facility off the slopes.
    fn load(&mut self, i: usize, share: f64) {
        let threshold = self.threshold[i];
        let mut left = self.dense.capacity[i];
        for near in &self.near[i] {
            let ratio = self.unit[near.column] - near.cost;
            if ratio > if near.demand > 0.0 { threshold } else { 0.0 } {
                self.slope[near.column] -= share;
                left -= near.demand;
            }
        }
        if threshold > 0.0 {
            for near in self.near[i].iter().filter(|near| near.demand > 0.0) {
                if self.unit[near.column] - near.cost == threshold && left > 0.0 {
                    let part = (left / near.demand).min(1.0);
                    self.slope[near.column] -= share * part;
                    left -= part * near.demand;
                }
            }
        }
    }

    /// The bound if a free facility were settled the other way than in the last evaluation; infinite if no set is then permitted.
    pub(super) fn otherwise(&mut self, multipliers: &[f64], state: &mut [State], i: usize, other: State) -> f64 {
        let before = std::mem::replace(&mut state[i], other);
        let least = self.cover.solve(self.dense, state, &self.value);
        state[i] = before;
        least.map_or(f64::INFINITY, |least| rounded_down(multipliers, least))
    }

    /// The facilities of the last evaluation.
    pub(super) fn opened(&mut self) -> &[usize] {
        self.open.clear();
        self.open.extend((0..self.dense.facilities).filter(|i| self.cover.chosen[*i] > 0.5));
        &self.open
    }
}

/// The bound from its parts, less what rounding may have added.
fn rounded_down(multipliers: &[f64], least: f64) -> f64 {
    let sum: f64 = multipliers.iter().sum();
    let size: f64 = multipliers.iter().map(|multiplier| multiplier.abs()).sum();
    sum + least - ROUNDING * (size + least.abs())
}

/// Fills a capacity with the most profitable of items that do not all fit: the profit per weight of the last, and the profit.
///
/// The threshold is found by partition, as a median is (Balas and Zemel 1980), first around the `guess`.
fn fill(items: &mut [(f64, f64)], capacity: f64, guess: f64) -> (f64, f64) {
    let (mut low, mut high) = (0, items.len());
    let (mut left, mut profit) = (capacity, 0.0);
    let mut pivot = guess;
    while low < high {
        // Better than the pivot first.
        let (mut weight, mut gained, mut middle) = (0.0, 0.0, low);
        for at in low..high {
            if items[at].0 > pivot {
                weight += items[at].1;
                gained += items[at].0 * items[at].1;
                items.swap(at, middle);
                middle += 1;
            }
        }
        if weight > left {
            high = middle;
        } else {
            left -= weight;
            profit += gained;
            // Those equal to the pivot.
            let mut equal = 0.0;
            let mut end = middle;
            for at in middle..high {
                if items[at].0 == pivot {
                    equal += items[at].1;
                    items.swap(at, end);
                    end += 1;
                }
            }
            if equal >= left && end > middle {
                return (pivot, profit + left * pivot);
            }
            left -= equal;
            profit += equal * pivot;
            low = end;
        }
        if low < high {
            let (a, b, c) = (items[low].0, items[usize::midpoint(low, high)].0, items[high - 1].0);
            pivot = a.max(b).min(a.min(b).max(c));
        }
    }
    (0.0, profit)
}
