//! Clarabel, an interior-point method: quadratic costs where the fast path fails, and proofs of infeasibility.

use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettings, DefaultSolver, IPSolver, NonnegativeConeT, SolverStatus, SupportedConeT, ZeroConeT};

use super::OpfStatus;
use super::full::{Found, Full};
use super::programme::NONE;
use crate::flow::Islands;

/// Power in the unit of the solver \[MW\].
const UNIT_MW: f64 = 100.0;

/// Rows `a x + s = b` with s in a cone.
#[derive(Default)]
struct Rows {
    row: Vec<usize>,
    column: Vec<usize>,
    value: Vec<f64>,
    right: Vec<f64>,
}

impl Rows {
    fn add(&mut self, right: f64, terms: impl IntoIterator<Item = (usize, f64)>) -> usize {
        let row = self.right.len();
        for (column, value) in terms {
            self.row.push(row);
            self.column.push(column);
            self.value.push(value);
        }
        self.right.push(right);
        row
    }
}

/// Solves it.
///
/// # Errors
/// The status, if it is not optimal.
pub(crate) fn solve(full: &Full) -> Result<Found, OpfStatus> {
    let programme = full.programme;
    let failed = |what: String| OpfStatus::Unsolved { reason: format!("Clarabel: {what}") };
    let (buses, count) = (programme.network.buses, full.columns.len());
    let mut rows = Rows::default();
    // Equalities: balances, pinned angles, fixed columns.
    let mut terms: Vec<Vec<(usize, f64)>> = vec![Vec::new(); buses];
    let mut right: Vec<f64> = programme.fixed_mw.iter().map(|fixed| -fixed / UNIT_MW).collect();
    for (at, column) in full.columns.iter().enumerate() {
        for &(bus, by) in &column.terms {
            if bus != NONE {
                terms[bus as usize].push((at, by));
            }
        }
    }
    for (row, &(from, to)) in programme.network.ends.iter().enumerate() {
        let (b, shift) = (programme.susceptance_mw[row] / UNIT_MW, programme.shift_mw[row] / UNIT_MW);
        let (from, to) = (from as usize, to as usize);
        if b == 0.0 || from == to {
            continue;
        }
        terms[from].extend([(count + from, -b), (count + to, b)]);
        terms[to].extend([(count + from, b), (count + to, -b)]);
        right[from] += shift;
        right[to] -= shift;
    }
    let mut balance = vec![usize::MAX; buses];
    for (bus, terms) in terms.into_iter().enumerate() {
        let island = programme.islands.of[bus];
        if island == Islands::NONE {
            rows.add(0.0, [(count + bus, 1.0)]);
            continue;
        }
        balance[bus] = rows.add(right[bus], terms);
        if programme.islands.slack[island as usize] as usize == bus {
            rows.add(0.0, [(count + bus, 1.0)]);
        }
    }
    for (at, column) in full.columns.iter().enumerate() {
        if column.lower == column.upper {
            rows.add(column.lower / UNIT_MW, [(at, 1.0)]);
        }
    }
    let equalities = rows.right.len();
    for (at, column) in full.columns.iter().enumerate() {
        if column.lower != column.upper {
            rows.add(column.upper / UNIT_MW, [(at, 1.0)]);
            rows.add(-column.lower / UNIT_MW, [(at, -1.0)]);
        }
    }
    let mut limited = Vec::new();
    for (row, &(from, to)) in programme.network.ends.iter().enumerate() {
        let (b, shift) = (programme.susceptance_mw[row] / UNIT_MW, programme.shift_mw[row]);
        if b == 0.0 {
            continue;
        }
        let (low, high) = ((programme.low_mw[row] - shift) / UNIT_MW, (programme.high_mw[row] - shift) / UNIT_MW);
        let (from, to) = (count + from as usize, count + to as usize);
        if high.is_finite() {
            limited.push((row, rows.add(high, [(from, b), (to, -b)]), 1.0));
        }
        if low.is_finite() {
            limited.push((row, rows.add(-low, [(from, -b), (to, b)]), -1.0));
        }
    }
    let mut sides = Vec::new();
    for side in &programme.side {
        let of = |sign: f64| side.terms.iter().map(move |&(column, by)| (column as usize, sign * by));
        let above = side.high.is_finite().then(|| rows.add(side.high / UNIT_MW, of(1.0)));
        let below = side.low.is_finite().then(|| rows.add(-side.low / UNIT_MW, of(-1.0)));
        sides.push((above, below));
    }
    let inequalities = rows.right.len() - equalities;

    // Costs near one: the tolerances of the solver are then those of the answer.
    let scale = full
        .columns
        .iter()
        .zip(full.quadratic)
        .fold(1e-9_f64, |most, (c, q)| most.max((c.cost * UNIT_MW).abs()).max((2.0 * q * UNIT_MW * c.upper.abs().min(1e5)).abs()));
    let mut linear: Vec<f64> = full.columns.iter().map(|column| column.cost * UNIT_MW / scale).collect();
    linear.resize(count + buses, 0.0);
    let (at, value): (Vec<usize>, Vec<f64>) =
        full.quadratic.iter().enumerate().filter(|(_, q)| **q != 0.0).map(|(at, q)| (at, 2.0 * q * UNIT_MW * UNIT_MW / scale)).unzip();
    let quadratic = CscMatrix::new_from_triplets(count + buses, count + buses, at.clone(), at, value);
    let matrix = CscMatrix::new_from_triplets(rows.right.len(), count + buses, rows.row, rows.column, rows.value);
    let cones: [SupportedConeT<f64>; 2] = [ZeroConeT(equalities), NonnegativeConeT(inequalities)];
    let settings = DefaultSettings {
        verbose: false,
        max_threads: 1,
        max_iter: 300,
        tol_gap_abs: 1e-11,
        tol_gap_rel: 1e-11,
        tol_feas: 1e-10,
        ..DefaultSettings::default()
    };
    let mut solver =
        DefaultSolver::new(&quadratic, &linear, &matrix, &rows.right, &cones, settings).map_err(|error| failed(error.to_string()))?;
    solver.solve();
    let solution = &solver.solution;
    let gap = (solution.obj_val - solution.obj_val_dual).abs();
    let close = gap <= 1e-7 * solution.obj_val.abs().max(1e-3) && solution.r_prim < 1e-7 && solution.r_dual < 1e-7;
    match solution.status {
        SolverStatus::Solved => {}
        // Asked for more than rounding allows, and still as near as promised.
        SolverStatus::AlmostSolved | SolverStatus::InsufficientProgress | SolverStatus::MaxIterations if close => {}
        SolverStatus::PrimalInfeasible => return Err(OpfStatus::Infeasible),
        SolverStatus::DualInfeasible => return Err(OpfStatus::Unbounded),
        status => return Err(failed(format!("{status:?}"))),
    }
    let values: Vec<f64> = solution.x[..count].iter().map(|x| x * UNIT_MW).collect();
    let mut flow_mw = vec![0.0; programme.flow_mw.len()];
    programme.network.flows(&programme.susceptance_mw, &programme.shift_mw, &solution.x[count..], &mut flow_mw);
    // A multiplier belongs to a right side in the unit of the solver.
    let dual = |row: usize| solution.z[row] * scale / UNIT_MW;
    let mut branch_dual = vec![0.0; flow_mw.len()];
    for &(row, at, sign) in &limited {
        branch_dual[row] += sign * dual(at);
    }
    let back = scale;
    Ok(Found {
        objective: solution.obj_val * back,
        bound: solution.obj_val_dual * back,
        values,
        flow_mw,
        branch_dual,
        price: balance.iter().map(|&row| (row != usize::MAX).then(|| -dual(row))).collect(),
        side_dual: sides.iter().map(|&(above, below)| below.map_or(0.0, dual) - above.map_or(0.0, dual)).collect(),
        iterations: solution.iterations,
    })
}
