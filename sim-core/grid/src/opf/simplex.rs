//! A dual simplex for programmes of few dense rows and many columns that all have two finite bounds.
//!
//! Each row is `a x - s = 0` with its slack s between two limits, of which one may be infinite. Since every column has two finite
//! bounds, any basis becomes dual feasible by putting its non-basic columns at the right bound: there is no first phase, and the last
//! basis is a start after any change of costs, bounds, rows or limits. Leaving rows by steepest edge (Forrest & Goldfarb 1992, exact
//! weights from the explicit inverse); the ratio test flips bounds while the dual objective still rises (Maros 2003, "long step").
//! Ties go to the larger pivot, then to the lower index. Stalling is broken by a fixed perturbation of the costs, which is taken back.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Pivots after which the inverse is computed again.
const REFRESH: u32 = 64;
/// Least entry of a pivot row that counts at all.
const ENTRY: f64 = 1e-9;
/// Least pivot that is taken without looking for a larger one.
const PIVOT: f64 = 1e-7;
/// Not in the basis.
const NONE: u32 = u32::MAX;

/// How a solve ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Optimal,
    /// Proved: some combination of the rows cannot hold within the bounds.
    Infeasible,
    /// The limit of pivots, or a basis that rounding has spoilt.
    Stuck,
}

/// A linear programme and its last basis.
#[derive(Clone, Debug, Default)]
pub(crate) struct Simplex {
    columns: usize,
    /// By variable: the columns, then the slack of each row.
    cost: Vec<f64>,
    pub(crate) lower: Vec<f64>,
    pub(crate) upper: Vec<f64>,
    value: Vec<f64>,
    reduced: Vec<f64>,
    /// Position in the basis, or [`NONE`].
    place: Vec<u32>,
    at_upper: Vec<bool>,
    /// Row by row.
    rows: Vec<f64>,
    /// Variable at each position of the basis.
    basic: Vec<u32>,
    /// Inverse of the basis: one array per position, one entry per row.
    inverse: Vec<Vec<f64>>,
    /// Squared length of each row of the inverse.
    weight: Vec<f64>,
    /// Costs that the pivots see, and whether they differ from the true ones.
    work_cost: Vec<f64>,
    perturbed: bool,
    /// Whether inverse, values and reduced costs belong to the data.
    fresh: bool,
    since_refresh: u32,
    /// Pivots of the last solve.
    pub(crate) pivots: u32,
    /// Multipliers of the rows that prove infeasibility.
    pub(crate) ray: Vec<f64>,
    // Scratch.
    alpha: Vec<f64>,
    column: Vec<f64>,
    shift: Vec<f64>,
    heap: Vec<Candidate>,
    passed: Vec<Candidate>,
}

/// A variable that may enter the basis.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    ratio: f64,
    size: f64,
    variable: u32,
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Candidate {}
impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Candidate {
    /// The greatest comes first out of the heap: least ratio, then largest pivot, then lowest index.
    fn cmp(&self, other: &Self) -> Ordering {
        other.ratio.total_cmp(&self.ratio).then(self.size.total_cmp(&other.size)).then(other.variable.cmp(&self.variable))
    }
}

impl Simplex {
    /// A programme without rows. Bounds are finite.
    pub(crate) fn new(cost: &[f64], lower: &[f64], upper: &[f64]) -> Self {
        let n = cost.len();
        Self {
            columns: n,
            cost: cost.to_vec(),
            work_cost: cost.to_vec(),
            lower: lower.to_vec(),
            upper: upper.to_vec(),
            value: vec![0.0; n],
            reduced: cost.to_vec(),
            place: vec![NONE; n],
            at_upper: vec![false; n],
            ..Self::default()
        }
    }

    /// Number of rows.
    pub(crate) fn row_count(&self) -> usize {
        self.basic.len()
    }

    /// Value of a column.
    pub(crate) fn value(&self, column: usize) -> f64 {
        self.value[column]
    }

    /// Values of the columns.
    pub(crate) fn values(&self) -> &[f64] {
        &self.value[..self.columns]
    }

    /// Coefficients of a row.
    pub(crate) fn row(&self, row: usize) -> &[f64] {
        &self.rows[row * self.columns..(row + 1) * self.columns]
    }

    /// Cost of one more unit in the activity of a row; zero where its limits do not bind.
    pub(crate) fn dual(&self, row: usize) -> f64 {
        let slack = self.columns + row;
        if self.place[slack] == NONE { self.reduced[slack] } else { 0.0 }
    }

    /// Whether neither limit of a row binds in the last basis.
    pub(crate) fn is_slack(&self, row: usize) -> bool {
        self.place[self.columns + row] != NONE
    }

    /// Activity of a row.
    pub(crate) fn slack(&self, row: usize) -> f64 {
        self.value[self.columns + row]
    }

    /// Whether a column is in the last basis.
    pub(crate) fn is_basic(&self, column: usize) -> bool {
        self.place[column] != NONE
    }

    /// Replaces the answer: values of the columns, duals of rows that bind. The basis stays.
    pub(crate) fn overwrite(&mut self, values: &[f64], duals: &[(usize, f64)]) {
        self.value[..self.columns].copy_from_slice(values);
        for &(row, dual) in duals {
            self.reduced[self.columns + row] = dual;
        }
        self.fresh = false;
    }

    /// Appends a row, its slack in the basis.
    pub(crate) fn add_row(&mut self, coefficients: &[f64], low: f64, high: f64) {
        let m = self.basic.len();
        let slack = self.columns + m;
        let mut below = vec![0.0; m + 1];
        for (position, &variable) in self.basic.iter().enumerate() {
            if (variable as usize) < self.columns {
                let by = coefficients[variable as usize];
                if by != 0.0 {
                    below.iter_mut().zip(&self.inverse[position]).for_each(|(entry, of)| *entry += by * of);
                }
            }
        }
        below[m] = -1.0;
        self.inverse.iter_mut().for_each(|row| row.push(0.0));
        self.weight.push(square(&below));
        self.inverse.push(below);
        self.rows.extend_from_slice(coefficients);
        self.cost.push(0.0);
        self.work_cost.push(0.0);
        self.lower.push(low);
        self.upper.push(high);
        self.value.push(coefficients.iter().zip(&self.value).map(|(a, x)| a * x).sum());
        self.reduced.push(0.0);
        self.place.push(m as u32);
        self.at_upper.push(false);
        self.basic.push(slack as u32);
    }

    /// Replaces the coefficients of a row.
    pub(crate) fn set_row(&mut self, row: usize, coefficients: &[f64]) {
        self.rows[row * self.columns..(row + 1) * self.columns].copy_from_slice(coefficients);
        self.fresh = false;
    }

    /// Sets the limits of a row.
    pub(crate) fn set_limits(&mut self, row: usize, low: f64, high: f64) {
        self.set_bounds(self.columns + row, low, high);
    }

    /// Sets the bounds of a variable.
    pub(crate) fn set_bounds(&mut self, variable: usize, low: f64, high: f64) {
        self.lower[variable] = low;
        self.upper[variable] = high;
    }

    /// Sets the cost of a column.
    pub(crate) fn set_cost(&mut self, column: usize, cost: f64) {
        if self.cost[column] != cost {
            self.cost[column] = cost;
            self.work_cost[column] = cost;
            self.fresh = false;
        }
    }

    /// Back to the basis of slacks.
    pub(crate) fn reset(&mut self) {
        self.place.fill(NONE);
        for row in 0..self.basic.len() {
            let slack = self.columns + row;
            self.basic[row] = slack as u32;
            self.place[slack] = row as u32;
        }
        self.fresh = false;
    }

    /// Solves from the last basis.
    pub(crate) fn solve(&mut self) -> Outcome {
        self.pivots = 0;
        self.restore_costs();
        // Large enough never to stop an honest solve; small enough to end within a second.
        let most = 500 + 20 * (self.basic.len() as u32 + 20) + 2 * self.columns as u32;
        if !self.fresh || self.since_refresh >= REFRESH {
            self.refactor();
        }
        if !self.settle() {
            self.refactor();
            if !self.settle() {
                return Outcome::Stuck;
            }
        }
        let mut stalled = 0;
        let mut perturbable = true;
        loop {
            if self.pivots >= most {
                return Outcome::Stuck;
            }
            if self.since_refresh >= REFRESH {
                self.refactor();
                if !self.settle() {
                    return Outcome::Stuck;
                }
            }
            let Some(position) = self.leaving() else {
                if self.perturbed {
                    self.restore_costs();
                    self.price();
                    perturbable = false;
                } else if self.since_refresh == 0 {
                    return Outcome::Optimal;
                } else {
                    self.refactor();
                }
                if !self.settle() {
                    return Outcome::Stuck;
                }
                continue;
            };
            match self.pivot(position) {
                Step::Done { length } => {
                    self.pivots += 1;
                    stalled = if length > 1e-12 { 0 } else { stalled + 1 };
                    if stalled > 40 + self.basic.len() && perturbable {
                        self.perturb();
                        stalled = 0;
                    }
                }
                Step::Unbounded => {
                    if self.since_refresh == 0 && self.proves_infeasible() {
                        return Outcome::Infeasible;
                    }
                    if self.since_refresh == 0 {
                        return Outcome::Stuck;
                    }
                    self.refactor();
                    if !self.settle() {
                        return Outcome::Stuck;
                    }
                }
                Step::Spoilt => {
                    if self.since_refresh == 0 {
                        return Outcome::Stuck;
                    }
                    self.refactor();
                    if !self.settle() {
                        return Outcome::Stuck;
                    }
                }
            }
        }
    }

    fn restore_costs(&mut self) {
        if self.perturbed {
            self.work_cost.copy_from_slice(&self.cost);
            self.perturbed = false;
            self.fresh = false;
        }
    }

    /// Moves the reduced costs of non-basic columns away from zero by small fixed amounts, so that no two are equal.
    fn perturb(&mut self) {
        self.perturbed = true;
        for variable in 0..self.columns {
            if self.place[variable] == NONE && self.lower[variable] < self.upper[variable] {
                // The golden ratio spreads the amounts evenly over [0.5, 1.5).
                let spread = 0.5 + (variable as f64 * 0.618_033_988_749_895).fract();
                let by = 1e-7 * spread * (1.0 + self.cost[variable].abs());
                let by = if self.at_upper[variable] { -by } else { by };
                self.work_cost[variable] += by;
                self.reduced[variable] += by;
            }
        }
    }

    /// Puts non-basic variables at the bound that their reduced cost asks for, and computes the basic ones.
    /// False where a slack would have to sit at an infinite limit.
    fn settle(&mut self) -> bool {
        for variable in 0..self.value.len() {
            if self.place[variable] != NONE {
                continue;
            }
            let (low, high, reduced) = (self.lower[variable], self.upper[variable], self.reduced[variable]);
            let mut upper = if reduced.abs() > 1e-10 { reduced < 0.0 } else { self.at_upper[variable] };
            if low == high {
                upper = false;
            } else if (if upper { high } else { low }).is_infinite() {
                // A slack at a limit that is no more: another variable leaves the basis in its place.
                if reduced.abs() > 1e-10 || (if upper { low } else { high }).is_infinite() {
                    return self.free_slack(variable - self.columns);
                }
                upper = !upper;
            }
            self.at_upper[variable] = upper;
            self.value[variable] = if upper { high } else { low };
        }
        self.compute_basic();
        true
    }

    /// Brings the slack of a row into the basis, for the column with the largest pivot.
    fn free_slack(&mut self, row: usize) -> bool {
        let mut best: Option<usize> = None;
        for (position, &variable) in self.basic.iter().enumerate() {
            let size = self.inverse[position][row].abs();
            if (variable as usize) < self.columns && size > best.map_or(PIVOT, |at| self.inverse[at][row].abs()) {
                best = Some(position);
            }
        }
        let Some(position) = best else { return false };
        let leaving = self.basic[position] as usize;
        self.place[leaving] = NONE;
        self.place[self.columns + row] = position as u32;
        self.basic[position] = (self.columns + row) as u32;
        self.refactor();
        self.settle()
    }

    /// Computes the inverse from the data, then the reduced costs. Columns that depend on others give way to slacks.
    fn refactor(&mut self) {
        let (n, m) = (self.columns, self.basic.len());
        let columns: Vec<usize> = self.basic.iter().map(|&v| v as usize).filter(|&v| v < n).collect();
        let active: Vec<usize> = (0..m).filter(|&row| self.place[n + row] == NONE).collect();
        let k = columns.len();
        // Gauss-Jordan on [W | I], W the active rows by the basic columns.
        let width = 2 * k;
        let mut work = vec![0.0; k * width];
        for (at, &row) in active.iter().enumerate() {
            for (to, &column) in columns.iter().enumerate() {
                work[at * width + to] = self.rows[row * n + column];
            }
            work[at * width + k + at] = 1.0;
        }
        // Row of `work` that each column was solved with.
        let mut solved_by = vec![usize::MAX; k];
        let mut used = vec![false; k];
        let mut pivot_row = vec![0.0; width];
        for column in 0..k {
            let mut best = usize::MAX;
            let mut size = 1e-9;
            for row in (0..k).filter(|&row| !used[row]) {
                if work[row * width + column].abs() > size {
                    size = work[row * width + column].abs();
                    best = row;
                }
            }
            if best == usize::MAX {
                continue;
            }
            used[best] = true;
            solved_by[column] = best;
            let inverse = 1.0 / work[best * width + column];
            work[best * width..(best + 1) * width].iter_mut().for_each(|entry| *entry *= inverse);
            pivot_row.copy_from_slice(&work[best * width..(best + 1) * width]);
            for row in 0..k {
                let by = work[row * width + column];
                if row != best && by != 0.0 {
                    work[row * width..(row + 1) * width].iter_mut().zip(&pivot_row).for_each(|(entry, of)| *entry -= by * of);
                }
            }
        }
        if used.iter().any(|used| !used) {
            // Dependent: repair the basis and start again; each turn has fewer columns.
            for (&column, &by) in columns.iter().zip(&solved_by) {
                if by == usize::MAX {
                    self.place[column] = NONE;
                }
            }
            for (at, &row) in active.iter().enumerate() {
                if !used[at] {
                    self.place[n + row] = 0;
                }
            }
            let mut position = 0;
            for variable in 0..n + m {
                if self.place[variable] != NONE {
                    self.place[variable] = position;
                    self.basic[position as usize] = variable as u32;
                    position += 1;
                }
            }
            return self.refactor();
        }
        let mut position = 0;
        for (at, &column) in columns.iter().enumerate() {
            let from = &work[solved_by[at] * width + k..(solved_by[at] + 1) * width];
            let row = &mut self.inverse[position];
            row.fill(0.0);
            active.iter().zip(from).for_each(|(&to, &entry)| row[to] = entry);
            self.basic[position] = column as u32;
            self.place[column] = position as u32;
            position += 1;
        }
        for row in 0..m {
            if self.place[n + row] == NONE {
                continue;
            }
            let (above, below) = self.inverse.split_at_mut(position);
            let target = &mut below[0];
            target.fill(0.0);
            for (at, &column) in columns.iter().enumerate() {
                let by = self.rows[row * n + column];
                if by != 0.0 {
                    target.iter_mut().zip(&above[at]).for_each(|(entry, of)| *entry += by * of);
                }
            }
            target[row] = -1.0;
            self.basic[position] = (n + row) as u32;
            self.place[n + row] = position as u32;
            position += 1;
        }
        self.weight.clear();
        self.weight.extend(self.inverse.iter().map(|row| square(row)));
        self.since_refresh = 0;
        self.price();
    }

    /// Computes the reduced costs from the inverse.
    fn price(&mut self) {
        let (n, m) = (self.columns, self.basic.len());
        self.shift.clear();
        self.shift.resize(m, 0.0);
        for (position, &variable) in self.basic.iter().enumerate() {
            let cost = self.work_cost[variable as usize];
            if cost != 0.0 {
                self.shift.iter_mut().zip(&self.inverse[position]).for_each(|(dual, entry)| *dual += cost * entry);
            }
        }
        self.reduced[..n].copy_from_slice(&self.work_cost[..n]);
        for (row, &dual) in self.shift.iter().enumerate() {
            self.reduced[n + row] = dual;
            if dual != 0.0 {
                let coefficients = &self.rows[row * n..(row + 1) * n];
                self.reduced[..n].iter_mut().zip(coefficients).for_each(|(reduced, a)| *reduced -= dual * a);
            }
        }
        for &variable in &self.basic {
            self.reduced[variable as usize] = 0.0;
        }
        self.fresh = true;
    }

    /// Computes the basic variables from the non-basic ones.
    fn compute_basic(&mut self) {
        let (n, m) = (self.columns, self.basic.len());
        for &variable in &self.basic {
            self.value[variable as usize] = 0.0;
        }
        self.shift.clear();
        for row in 0..m {
            let activity = dot(&self.rows[row * n..(row + 1) * n], &self.value[..n]);
            self.shift.push(activity - self.value[n + row]);
        }
        for (position, &variable) in self.basic.iter().enumerate() {
            self.value[variable as usize] = -dot(&self.inverse[position], &self.shift);
        }
    }

    /// The basic variable outside its bounds that costs most by length of its edge.
    fn leaving(&self) -> Option<usize> {
        let mut best = None;
        let mut most = 0.0;
        for (position, &variable) in self.basic.iter().enumerate() {
            let variable = variable as usize;
            let value = self.value[variable];
            let beyond = (self.lower[variable] - value).max(value - self.upper[variable]);
            if beyond > 1e-8 {
                let merit = beyond * beyond / self.weight[position].max(1e-12);
                if merit > most {
                    most = merit;
                    best = Some(position);
                }
            }
        }
        best
    }

    /// One pivot.
    fn pivot(&mut self, position: usize) -> Step {
        let (n, m) = (self.columns, self.basic.len());
        let leaving = self.basic[position] as usize;
        let above = self.value[leaving] > self.upper[leaving];
        let bound = if above { self.upper[leaving] } else { self.lower[leaving] };
        let sign = if above { 1.0 } else { -1.0 };
        self.pivot_row(position);

        // Which variables turn first as the dual step grows, and which bounds they may jump over.
        self.heap.clear();
        for variable in 0..n + m {
            if self.place[variable] != NONE || self.lower[variable] >= self.upper[variable] {
                continue;
            }
            let entry = sign * self.alpha[variable];
            if entry.abs() > ENTRY && (entry < 0.0) == self.at_upper[variable] {
                let ratio = (self.reduced[variable] / entry).max(0.0);
                self.heap.push(Candidate { ratio, size: entry.abs(), variable: variable as u32 });
            }
        }
        let mut slope = (self.value[leaving] - bound).abs();
        let mut heap = BinaryHeap::from(std::mem::take(&mut self.heap));
        self.passed.clear();
        while let Some(candidate) = heap.pop() {
            let variable = candidate.variable as usize;
            slope -= candidate.size * (self.upper[variable] - self.lower[variable]);
            self.passed.push(candidate);
            if slope < 0.0 {
                break;
            }
        }
        self.heap = heap.into_vec();
        // Slope still positive: all flips together do not help. Rounding decides within the tolerance of the rows.
        if slope >= 0.0 && (self.passed.is_empty() || slope > 1e-9) {
            self.ray.clear();
            self.ray.extend_from_slice(&self.inverse[position]);
            return Step::Unbounded;
        }
        let largest = self.passed.iter().fold(0.0_f64, |most, candidate| most.max(candidate.size));
        let least = PIVOT.max(1e-3 * largest.min(1.0));
        let Some(chosen) = self.passed.iter().rposition(|candidate| candidate.size >= least.min(largest)) else { return Step::Spoilt };
        if self.passed[chosen].size < PIVOT && self.since_refresh > 0 {
            return Step::Spoilt;
        }
        let entering = self.passed[chosen].variable as usize;
        let length = self.passed[chosen].ratio;

        self.entering_column(entering);
        let pivot = self.column[position];
        if (pivot - self.alpha[entering]).abs() > 1e-7 * (1.0 + pivot.abs()) && self.since_refresh > 0 {
            return Step::Spoilt;
        }

        // Flips.
        if chosen > 0 {
            self.shift.clear();
            self.shift.resize(m, 0.0);
            for at in 0..chosen {
                let variable = self.passed[at].variable as usize;
                let to = if self.at_upper[variable] { self.lower[variable] } else { self.upper[variable] };
                let by = to - self.value[variable];
                self.at_upper[variable] = !self.at_upper[variable];
                self.value[variable] = to;
                if variable >= n {
                    self.shift[variable - n] -= by;
                } else {
                    for (row, sum) in self.shift.iter_mut().enumerate() {
                        *sum += by * self.rows[row * n + variable];
                    }
                }
            }
            for (at, &variable) in self.basic.iter().enumerate() {
                self.value[variable as usize] -= dot(&self.inverse[at], &self.shift);
            }
        }

        // Primal step.
        let step = (self.value[leaving] - bound) / pivot;
        for (&variable, &entry) in self.basic.iter().zip(&self.column) {
            self.value[variable as usize] -= step * entry;
        }
        self.value[entering] += step;
        self.value[leaving] = bound;

        // Dual step.
        let theta = sign * length;
        for (reduced, alpha) in self.reduced.iter_mut().zip(&self.alpha) {
            *reduced -= theta * alpha;
        }
        self.reduced[entering] = 0.0;
        self.reduced[leaving] = -theta;

        // Inverse.
        let mut row = std::mem::take(&mut self.inverse[position]);
        row.iter_mut().for_each(|entry| *entry /= pivot);
        for (at, target) in self.inverse.iter_mut().enumerate() {
            let by = self.column[at];
            if at != position && by.abs() > 1e-14 {
                target.iter_mut().zip(&row).for_each(|(entry, of)| *entry -= by * of);
                self.weight[at] = square(target);
            }
        }
        self.weight[position] = square(&row);
        self.inverse[position] = row;
        self.basic[position] = entering as u32;
        self.place[entering] = position as u32;
        self.place[leaving] = NONE;
        self.at_upper[leaving] = above;
        self.since_refresh += 1;
        Step::Done { length }
    }

    /// Row of the tableau of a basic variable: `x_basic + alpha x = 0`. Zero at basic variables.
    fn pivot_row(&mut self, position: usize) {
        let (n, m) = (self.columns, self.basic.len());
        self.alpha.clear();
        self.alpha.resize(n + m, 0.0);
        let (by_column, by_slack) = self.alpha.split_at_mut(n);
        for (row, &by) in self.inverse[position].iter().enumerate() {
            if by != 0.0 {
                let coefficients = &self.rows[row * n..(row + 1) * n];
                by_column.iter_mut().zip(coefficients).for_each(|(alpha, a)| *alpha += by * a);
                by_slack[row] = -by;
            }
        }
        for &variable in &self.basic {
            self.alpha[variable as usize] = 0.0;
        }
    }

    /// Column of the tableau of a variable.
    fn entering_column(&mut self, variable: usize) {
        let n = self.columns;
        let m = self.basic.len();
        self.column.clear();
        if variable >= n {
            self.column.extend(self.inverse.iter().map(|row| -row[variable - n]));
        } else {
            self.shift.clear();
            self.shift.extend((0..m).map(|row| self.rows[row * n + variable]));
            self.column.extend(self.inverse.iter().map(|row| dot(row, &self.shift)));
        }
    }

    /// Whether the rows, combined by [`Self::ray`], exclude every point within the bounds (Farkas 1902). It uses the data alone, and
    /// leaves more than rounding between the combination and zero.
    pub(crate) fn proves_infeasible(&self) -> bool {
        let n = self.columns;
        let (mut least, mut most, mut scale) = (0.0_f64, 0.0_f64, 0.0_f64);
        let mut add = |by: f64, low: f64, high: f64| {
            let (low, high) = if by > 0.0 { (by * low, by * high) } else { (by * high, by * low) };
            least += low;
            most += high;
            scale = scale.max(by.abs());
        };
        let mut combined = vec![0.0; n];
        let size = self.ray.iter().fold(0.0_f64, |most, by| most.max(by.abs()));
        for (row, &by) in self.ray.iter().enumerate() {
            if by.abs() > 1e-12 * size {
                combined.iter_mut().zip(self.row(row)).for_each(|(sum, a)| *sum += by * a);
                add(-by, self.lower[n + row], self.upper[n + row]);
            }
        }
        for (column, &by) in combined.iter().enumerate() {
            if by != 0.0 {
                add(by, self.lower[column], self.upper[column]);
            }
        }
        let margin = 1e-6 * scale.max(1e-12);
        least > margin || most < -margin
    }

    /// A bound that no point within bounds and limits undercuts: the Lagrangian at the duals of the rows (with the true costs).
    pub(crate) fn bound(&self) -> f64 {
        self.bound_with(|column, reduced, low, high| {
            let _ = column;
            if reduced > 0.0 { reduced * low } else { reduced * high }
        })
    }

    /// [`Self::bound`], with the least of `column cost - dual · coefficients` over the bounds of each column given by the caller:
    /// it gets the column, its reduced cost and its bounds.
    pub(crate) fn bound_with(&self, least: impl Fn(usize, f64, f64, f64) -> f64) -> f64 {
        let n = self.columns;
        let mut reduced = self.cost[..n].to_vec();
        let mut sum = 0.0;
        for row in 0..self.basic.len() {
            let dual = self.dual(row);
            // Below it is rounding, and must not meet an infinite limit.
            if dual.abs() > 1e-10 {
                reduced.iter_mut().zip(self.row(row)).for_each(|(reduced, a)| *reduced -= dual * a);
                sum += if dual > 0.0 { dual * self.lower[n + row] } else { dual * self.upper[n + row] };
            }
        }
        for (column, &reduced) in reduced.iter().enumerate() {
            sum += least(column, reduced, self.lower[column], self.upper[column]);
        }
        sum
    }
}

/// What a pivot did.
enum Step {
    Done {
        /// Length of the dual step.
        length: f64,
    },
    /// Nothing can enter.
    Unbounded,
    /// Rounding: compute the inverse again.
    Spoilt,
}

fn square(row: &[f64]) -> f64 {
    dot(row, row)
}

/// Four sums side by side, so that the processor works on them at once; the order is fixed.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let (quads_a, quads_b) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = quads_a.remainder().iter().zip(quads_b.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in quads_a.zip(quads_b) {
        for lane in 0..4 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}
