//! A linear programme on a DC network: columns inject at buses, islands balance, branches have limits.
//!
//! Flows are linear in the injections (PTDF rows, one sparse solve each). Of the limits of thousands of branches a few dozen bind, so
//! rows are added only for limits that an optimum of the rows so far violates (Tejada-Arango, Sánchez-Martín & Ramos 2018, "Security
//! constrained unit commitment using line outage distribution factors"); an optimum that violates none is an optimum of all.

use super::simplex::{Outcome, Simplex};
use crate::factor::{Factor, Singular};
use crate::flow::{DcNetwork, Islands};

/// Violation of a branch limit that is left alone \[MW\].
const TOLERANCE_MW: f64 = 2e-8;
/// Rows of a round: as many as are violated, up to this number, the worst first.
const ROUND: usize = 48;
/// Right-hand sides that the factor solves at once.
const LANES: usize = 4;
/// Outages after which the rows are computed anew instead of being updated.
const UPDATES: u32 = 30;
/// Not a bus, not a row.
pub(crate) const NONE: u32 = u32::MAX;

/// A quantity that is chosen, and what each unit of it injects at up to two buses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub cost: f64,
    pub lower: f64,
    pub upper: f64,
    pub terms: [(u32, f64); 2],
}

impl Column {
    /// Injects at one bus.
    pub(crate) fn at(bus: usize, per_unit: f64, cost: f64, lower: f64, upper: f64) -> Self {
        Self { cost, lower, upper, terms: [(bus as u32, per_unit), (NONE, 0.0)] }
    }
}

/// A row between columns that has nothing to do with the network.
#[derive(Clone, Debug)]
pub(crate) struct SideRow {
    pub terms: Vec<(u32, f64)>,
    pub low: f64,
    pub high: f64,
}

/// A programme, its factor, its rows so far and its last basis.
#[derive(Clone, Debug)]
pub(crate) struct Programme {
    pub network: DcNetwork,
    pub susceptance_mw: Vec<f64>,
    pub shift_mw: Vec<f64>,
    pub islands: Islands,
    factor: Factor,
    pub columns: Vec<Column>,
    pub side: Vec<SideRow>,
    /// Injection by bus that is not chosen \[MW\].
    pub fixed_mw: Vec<f64>,
    /// Limits of the flow by branch \[MW\].
    pub low_mw: Vec<f64>,
    pub high_mw: Vec<f64>,
    pub simplex: Simplex,
    /// Branch of each row after those of islands and side rows.
    rows: Vec<u32>,
    /// Row (in `rows`) of each branch.
    row_of: Vec<u32>,
    /// Flow of the branch per injection at each bus, by row.
    sensitivity: Vec<Vec<f64>>,
    /// Fixed injections and those of phase shifters.
    pushed: Vec<f64>,
    /// Flow by branch of the last solve \[MW\].
    pub flow_mw: Vec<f64>,
    /// Injection by bus of the last solve, without that of phase shifters \[MW\].
    pub injection_mw: Vec<f64>,
    rebuild: bool,
    updates: u32,
    scratch: Vec<u32>,
    block: Vec<[f64; LANES]>,
    work: Vec<[f64; LANES]>,
    angle: Vec<f64>,
    coefficients: Vec<f64>,
    violated: Vec<(f64, u32)>,
    pub pivots: u32,
    pub rounds: u32,
}

impl Programme {
    pub(crate) fn new(
        network: DcNetwork,
        columns: Vec<Column>,
        side: Vec<SideRow>,
        fixed_mw: Vec<f64>,
        low_mw: Vec<f64>,
        high_mw: Vec<f64>,
    ) -> Result<Self, Singular> {
        let (buses, branches) = (network.buses, network.ends.len());
        let susceptance_mw = network.susceptance_mw.clone();
        let shift_mw = network.shift_mw.clone();
        let islands = network.islands(&susceptance_mw);
        let factor = Factor::new(&network, &islands)?;
        Ok(Self {
            network,
            susceptance_mw,
            shift_mw,
            islands,
            factor,
            columns,
            side,
            fixed_mw,
            low_mw,
            high_mw,
            simplex: Simplex::default(),
            rows: Vec::new(),
            row_of: vec![NONE; branches],
            sensitivity: Vec::new(),
            pushed: vec![0.0; buses],
            flow_mw: vec![0.0; branches],
            injection_mw: vec![0.0; buses],
            rebuild: true,
            updates: 0,
            scratch: Vec::new(),
            block: vec![[0.0; LANES]; buses],
            work: vec![[0.0; LANES]; buses],
            angle: vec![0.0; buses],
            coefficients: Vec::new(),
            violated: Vec::new(),
            pivots: 0,
            rounds: 0,
        })
    }

    /// Rows before those of branches.
    fn head(&self) -> usize {
        self.islands.count() + self.side.len()
    }

    /// Sets the cost and the bounds of a column.
    pub(crate) fn set_column(&mut self, at: usize, cost: f64, lower: f64, upper: f64) {
        let column = &mut self.columns[at];
        (column.cost, column.lower, column.upper) = (cost, lower, upper);
        if !self.rebuild {
            self.simplex.set_cost(at, cost);
            self.simplex.set_bounds(at, lower, upper);
        }
    }

    /// Takes a branch out of service or puts it back.
    ///
    /// # Errors
    /// [`Singular`], as [`Factor::refactor`].
    pub(crate) fn set_branch(&mut self, branch: usize, in_service: bool) -> Result<(), Singular> {
        let (b, shift) = if in_service { (self.network.susceptance_mw[branch], self.network.shift_mw[branch]) } else { (0.0, 0.0) };
        let before = self.susceptance_mw[branch];
        if before == b {
            return Ok(());
        }
        let (from, to) = self.network.ends[branch];
        let (from, to) = (from as usize, to as usize);
        // Flow of the branch per injection, with the network as it was.
        let mut column = std::mem::take(&mut self.angle);
        column.fill(0.0);
        let change = b - before;
        column[from] += change;
        column[to] -= change;
        self.factor.solve(&mut column);
        self.susceptance_mw[branch] = b;
        self.shift_mw[branch] = shift;
        let mut islands = Islands::default();
        self.network.islands_into(&self.susceptance_mw, &mut islands, &mut self.scratch);
        self.factor.refactor(&self.network, &self.susceptance_mw, &islands)?;
        // Sherman & Morrison 1950: how the inverse, and with it every row, changes with one susceptance.
        let divisor = 1.0 + column[from] - column[to];
        self.updates += 1;
        if islands.slack != self.islands.slack || islands.of != self.islands.of || divisor.abs() < 1e-7 || self.updates > UPDATES {
            self.rebuild = true;
        } else if !self.rebuild {
            for at in 0..self.rows.len() {
                if self.rows[at] as usize == branch {
                    continue;
                }
                let row = &mut self.sensitivity[at];
                let by = (row[from] - row[to]) / divisor;
                if by.abs() > 1e-14 {
                    row.iter_mut().zip(&column).for_each(|(entry, of)| *entry -= by * of);
                    self.write_row(at);
                }
            }
            let own = self.row_of[branch];
            if own != NONE {
                self.compute_rows(&[branch as u32], &[own]);
                self.write_row(own as usize);
            }
        }
        self.islands = islands;
        self.angle = column;
        Ok(())
    }

    /// Gives the simplex the coefficients of a branch row again.
    fn write_row(&mut self, at: usize) {
        fill_coefficients(&self.columns, &self.sensitivity[at], &mut self.coefficients);
        self.simplex.set_row(self.islands.count() + self.side.len() + at, &self.coefficients);
    }

    /// Limits of the part of the flow that columns cause \[MW\].
    fn limits(&self, branch: usize, sensitivity: &[f64]) -> (f64, f64) {
        if self.susceptance_mw[branch] == 0.0 {
            return (f64::NEG_INFINITY, f64::INFINITY);
        }
        let pushed: f64 = sensitivity.iter().zip(&self.pushed).map(|(a, p)| a * p).sum();
        let base = pushed + self.shift_mw[branch];
        (self.low_mw[branch] - base, self.high_mw[branch] - base)
    }

    /// Solves from the last basis and rows, adding rows until no limit is violated.
    pub(crate) fn solve(&mut self) -> Outcome {
        self.pivots = 0;
        self.rounds = 0;
        self.pushed.copy_from_slice(&self.fixed_mw);
        self.network.add_shift_injections(&self.shift_mw, &mut self.pushed);
        if self.rebuild {
            self.build();
        } else {
            self.set_heads();
            for at in 0..self.rows.len() {
                let (low, high) = self.limits(self.rows[at] as usize, &self.sensitivity[at]);
                let row = self.head() + at;
                self.simplex.set_limits(row, low, high);
            }
        }
        if self.has_crossed_limits() {
            return Outcome::Infeasible;
        }
        loop {
            self.rounds += 1;
            let outcome = self.simplex.solve();
            self.pivots += self.simplex.pivots;
            if outcome != Outcome::Optimal {
                return outcome;
            }
            self.compute_flows();
            if !self.add_violated() {
                return Outcome::Optimal;
            }
        }
    }

    /// Whether the limits of a branch in service leave no flow: a proof by itself that nothing is feasible.
    pub(crate) fn has_crossed_limits(&self) -> bool {
        self.low_mw.iter().zip(&self.high_mw).zip(&self.susceptance_mw).any(|((low, high), &b)| low > high && b != 0.0)
    }

    fn build(&mut self) {
        let pick = |of: fn(&Column) -> f64| self.columns.iter().map(of).collect::<Vec<f64>>();
        self.simplex = Simplex::new(&pick(|c| c.cost), &pick(|c| c.lower), &pick(|c| c.upper));
        self.coefficients.clear();
        self.coefficients.resize(self.columns.len(), 0.0);
        for island in 0..self.islands.count() as u32 {
            for (coefficient, column) in self.coefficients.iter_mut().zip(&self.columns) {
                *coefficient = column
                    .terms
                    .iter()
                    .map(|&(bus, by)| if bus != NONE && self.islands.of[bus as usize] == island { by } else { 0.0 })
                    .sum();
            }
            self.simplex.add_row(&self.coefficients, 0.0, 0.0);
        }
        for row in &self.side {
            self.coefficients.fill(0.0);
            for &(column, by) in &row.terms {
                self.coefficients[column as usize] += by;
            }
            self.simplex.add_row(&self.coefficients, row.low, row.high);
        }
        self.set_heads();
        // Rows that mattered before the network changed are likely to matter again.
        let kept = std::mem::take(&mut self.rows);
        self.row_of.fill(NONE);
        self.sensitivity.clear();
        let kept: Vec<u32> = kept.into_iter().filter(|&branch| self.susceptance_mw[branch as usize] != 0.0).collect();
        self.add_rows(&kept);
        self.rebuild = false;
        self.updates = 0;
    }

    /// Balances and side rows.
    fn set_heads(&mut self) {
        let islands = self.islands.count();
        let mut need = vec![0.0; islands];
        for (&island, fixed) in self.islands.of.iter().zip(&self.fixed_mw) {
            if island != Islands::NONE {
                need[island as usize] -= fixed;
            }
        }
        for (row, &need) in need.iter().enumerate() {
            self.simplex.set_limits(row, need, need);
        }
        for (at, row) in self.side.iter().enumerate() {
            self.simplex.set_limits(islands + at, row.low, row.high);
        }
    }

    /// Flows at the values of the columns.
    pub(crate) fn compute_flows(&mut self) {
        self.injection_mw.copy_from_slice(&self.fixed_mw);
        for (column, &value) in self.columns.iter().zip(self.simplex.values()) {
            for &(bus, by) in &column.terms {
                if bus != NONE {
                    self.injection_mw[bus as usize] += by * value;
                }
            }
        }
        self.flows_of_injections();
    }

    /// Flows of [`Self::injection_mw`].
    fn flows_of_injections(&mut self) {
        self.angle.copy_from_slice(&self.injection_mw);
        self.network.add_shift_injections(&self.shift_mw, &mut self.angle);
        self.factor.solve(&mut self.angle);
        self.network.flows(&self.susceptance_mw, &self.shift_mw, &self.angle, &mut self.flow_mw);
    }

    /// Largest imbalance of a bus at the last flows: what rounding has left \[MW\].
    pub(crate) fn residual_mw(&self) -> f64 {
        let mut left = self.injection_mw.clone();
        for (&(from, to), flow) in self.network.ends.iter().zip(&self.flow_mw) {
            left[from as usize] -= flow;
            left[to as usize] += flow;
        }
        let connected = left.iter().zip(&self.islands.of).filter(|&(_, &island)| island != Islands::NONE);
        connected.fold(0.0, |worst, (left, _)| worst.max(left.abs()))
    }

    /// Largest violation of a branch limit at the last flows \[MW\].
    pub(crate) fn violation_mw(&self) -> f64 {
        let mut worst = 0.0_f64;
        for branch in 0..self.flow_mw.len() {
            if self.susceptance_mw[branch] != 0.0 {
                let flow = self.flow_mw[branch];
                worst = worst.max(flow - self.high_mw[branch]).max(self.low_mw[branch] - flow);
            }
        }
        worst
    }

    /// Adds rows for the worst violated limits; false if there are none.
    fn add_violated(&mut self) -> bool {
        let mut violated = std::mem::take(&mut self.violated);
        violated.clear();
        for (branch, &flow) in self.flow_mw.iter().enumerate() {
            let beyond = (flow - self.high_mw[branch]).max(self.low_mw[branch] - flow);
            // A row that is there already is kept by the simplex, up to rounding.
            if beyond > TOLERANCE_MW && self.row_of[branch] == NONE && self.susceptance_mw[branch] != 0.0 {
                violated.push((beyond, branch as u32));
            }
        }
        violated.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        violated.truncate(ROUND);
        let branches: Vec<u32> = violated.iter().map(|&(_, branch)| branch).collect();
        self.violated = violated;
        self.add_rows(&branches);
        !branches.is_empty()
    }

    fn add_rows(&mut self, branches: &[u32]) {
        let first = self.rows.len();
        for &branch in branches {
            self.row_of[branch as usize] = self.rows.len() as u32;
            self.rows.push(branch);
            self.sensitivity.push(vec![0.0; self.network.buses]);
        }
        let rows: Vec<u32> = (first as u32..self.rows.len() as u32).collect();
        self.compute_rows(branches, &rows);
        for at in first..self.rows.len() {
            let (low, high) = self.limits(self.rows[at] as usize, &self.sensitivity[at]);
            fill_coefficients(&self.columns, &self.sensitivity[at], &mut self.coefficients);
            self.simplex.add_row(&self.coefficients, low, high);
        }
    }

    /// Computes the sensitivities of branches into rows.
    fn compute_rows(&mut self, branches: &[u32], rows: &[u32]) {
        for (branches, rows) in branches.chunks(LANES).zip(rows.chunks(LANES)) {
            self.block.fill([0.0; LANES]);
            for (lane, &branch) in branches.iter().enumerate() {
                let (from, to) = self.network.ends[branch as usize];
                let b = self.susceptance_mw[branch as usize];
                self.block[from as usize][lane] += b;
                self.block[to as usize][lane] -= b;
            }
            self.factor.solve_block(&mut self.block, &mut self.work);
            for (lane, &row) in rows.iter().enumerate() {
                self.sensitivity[row as usize].iter_mut().zip(&self.block).for_each(|(entry, lanes)| *entry = lanes[lane]);
            }
        }
    }

    /// What one more unit of demand costs at each bus; `None` outside the network.
    pub(crate) fn prices(&self) -> Vec<Option<f64>> {
        let mut price: Vec<Option<f64>> =
            self.islands.of.iter().map(|&island| (island != Islands::NONE).then(|| self.simplex.dual(island as usize))).collect();
        for at in 0..self.rows.len() {
            let dual = self.simplex.dual(self.head() + at);
            if dual != 0.0 {
                for (price, by) in price.iter_mut().zip(&self.sensitivity[at]) {
                    if let Some(price) = price {
                        *price += dual * by;
                    }
                }
            }
        }
        price
    }

    /// Cost of one more unit in the flow of each branch where a limit binds: positive at the lower, negative at the upper.
    pub(crate) fn branch_duals(&self) -> Vec<f64> {
        let mut duals = vec![0.0; self.flow_mw.len()];
        for (at, &branch) in self.rows.iter().enumerate() {
            duals[branch as usize] = self.simplex.dual(self.head() + at);
        }
        duals
    }

    /// Dual of a side row.
    pub(crate) fn side_dual(&self, at: usize) -> f64 {
        self.simplex.dual(self.islands.count() + at)
    }

    /// Sum of cost times value.
    pub(crate) fn objective(&self) -> f64 {
        self.columns.iter().zip(self.simplex.values()).map(|(column, value)| column.cost * value).sum()
    }

    /// Largest excess of a column over its bounds, in the last solve.
    pub(crate) fn bound_violation(&self) -> f64 {
        let columns = self.columns.iter().zip(self.simplex.values());
        columns.fold(0.0, |worst, (c, &value)| worst.max(value - c.upper).max(c.lower - value))
    }
}

fn fill_coefficients(columns: &[Column], sensitivity: &[f64], coefficients: &mut Vec<f64>) {
    coefficients.clear();
    coefficients.extend(columns.iter().map(|column| {
        let sum: f64 = column.terms.iter().map(|&(bus, by)| if bus == NONE { 0.0 } else { by * sensitivity[bus as usize] }).sum();
        // Rounding of the solve, which would only be noise in a pivot row.
        if sum.abs() < 1e-11 { 0.0 } else { sum }
    }));
}
