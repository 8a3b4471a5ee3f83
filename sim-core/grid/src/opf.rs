//! DC optimal power flow: the cheapest output of the units of a case within the limits of its branches.
//!
//! minimise the cost of units and DC lines, subject to the balance of every bus, flow and angle limits of every branch, and the limits
//! of every unit; shunts are demand. The flow of a branch follows from the [`Convention`].
//!
//! The fast path is a dual simplex on units alone, with a row for the balance of each island and rows for the branch limits that would
//! be violated; quadratic costs are cut into segments that close in on the optimum. Its answer is kept only with a certificate: all
//! limits of all branches hold within 1e-6 MW, and the Lagrangian bound of its prices is within 1e-9 of its cost. Otherwise HiGHS
//! (Huangfu & Hall 2018) or, for quadratic costs, Clarabel (Goulart & Chen 2024) solves the sparse programme in angles.

mod chronological;
mod diagnosis;
mod full;
mod highs;
mod interior;
mod model;
mod nodal;
mod polish;
mod programme;
mod shedding;
mod simplex;

pub use chronological::{Battery, Chronology, ChronologyError, ChronologyInput, ChronologyLine, copper_plate, dispatch_hours};
pub use diagnosis::{Diagnosis, diagnose};
pub use nodal::{NodalDispatcher, NodalLine};
pub use shedding::{PriorityShedding, Shedding, SheddingAnswer, Tier, generators_in_service, priority_shedding};

use crate::case::Case;
use crate::factor::Singular;
use crate::flow::Convention;
use full::Full;
use model::{ENDLESS_MW, Model, SEGMENTS};
use programme::{Column, NONE, Programme};
use simplex::Outcome;

/// Cuts of quadratic costs before an interior-point method takes over.
const ROUNDS: usize = 12;

/// What is asked besides the case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OpfOptions {
    /// Spinning reserve; none by default -- input.
    pub reserves: Option<Reserves>,
}

/// Spinning reserve: capacity of units in service that is kept free.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reserves {
    /// What each unit may provide, from its ramp and the time of the product; units beyond the end provide none \[MW\] -- input.
    pub max_mw: Vec<f64>,
    /// What is required -- input.
    pub requirements: Vec<ReserveRequirement>,
}

/// A reserve requirement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReserveRequirement {
    /// Area whose units count; none is all units -- input.
    pub area: Option<u64>,
    /// Least sum \[MW\] -- input.
    pub mw: f64,
}

/// How an optimal power flow ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpfStatus {
    /// Optimal, with a certificate.
    Optimal,
    /// Proved: no output of the units respects all limits. [`diagnose`] says where.
    Infeasible,
    /// A unit without limit earns money without end.
    Unbounded,
    /// No verdict.
    Unsolved {
        /// Why.
        reason: String,
    },
}

/// Who found the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Solver {
    /// The dual simplex of this crate.
    Simplex,
    /// HiGHS.
    Highs,
    /// Clarabel.
    Clarabel,
}

/// An optimal power flow. Arrays of numbers are empty unless the status is [`OpfStatus::Optimal`].
#[derive(Clone, Debug, PartialEq)]
pub struct OpfSolution {
    /// How it ended -- output.
    pub status: OpfStatus,
    /// Cost [$/h] -- output.
    pub objective: f64,
    /// What no dispatch undercuts [$/h] -- output.
    pub bound: f64,
    /// Output by generator row \[MW\] -- output.
    pub generator_mw: Vec<f64>,
    /// Spinning reserve by generator row \[MW\] -- output.
    pub reserve_mw: Vec<f64>,
    /// Price by reserve requirement [$/MWh] -- output.
    pub reserve_price: Vec<f64>,
    /// Flow at "from" by DC line row \[MW\] -- output.
    pub dc_line_mw: Vec<f64>,
    /// Flow by branch row \[MW\] -- output.
    pub flow_mw: Vec<f64>,
    /// Limits of the flow by branch row, of rating and angles together \[MW\] -- output.
    pub limit_mw: Vec<(f64, f64)>,
    /// What one more MW in the upper limit of a branch would save, less what one more in its lower limit would: positive where the flow is
    /// held at its upper limit, negative at its lower (MATPOWER's MU_SF − MU_ST) [$/MWh] -- output.
    pub branch_dual: Vec<f64>,
    /// What one more MW of demand costs by bus row; none where a bus is isolated [$/MWh] -- output.
    pub price: Vec<Option<f64>>,
    /// Who found it -- output.
    pub solver: Solver,
    /// Pivots or iterations -- output.
    pub iterations: u32,
}

/// Why no optimal power flow can be stated. Nothing is left behind; correct the case.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpfError {
    /// Costs must rise ever faster. Fatal.
    #[error("{what} in row {row} has a cost that is not convex")]
    NotConvex {
        /// `generator` or `DC line`.
        what: &'static str,
        /// Row, from 0.
        row: usize,
    },
    /// A number is missing, infinite or zero where it must not be. Fatal.
    #[error("{what} in row {row} has a number that is not finite, or a reactance or tap ratio of zero, or cost points out of order")]
    NotFinite {
        /// What it belongs to.
        what: &'static str,
        /// Row, from 0.
        row: usize,
    },
    /// A row names a bus that does not exist. Fatal.
    #[error("{what} in row {row} names a bus that does not exist")]
    UnknownBus {
        /// What it belongs to.
        what: &'static str,
        /// Row, from 0.
        row: usize,
    },
    /// An outage names a row that does not exist. Correct the outage.
    #[error("there is no {what} in row {row}")]
    UnknownRow {
        /// `branch` or `generator`.
        what: &'static str,
        /// Row, from 0.
        row: usize,
    },
    /// The solver ended without a verdict. Fatal.
    #[error("no verdict: {reason}")]
    NoVerdict {
        /// What it said.
        reason: String,
    },
    /// The network defines no flows. Fatal.
    #[error(transparent)]
    Singular(#[from] Singular),
}

/// An optimal power flow that remembers its factor, its rows and its last basis: after an outage or another demand, the next solve takes
/// a few pivots.
#[derive(Debug)]
pub struct Opf {
    model: Model,
    programme: Programme,
    /// Whether each unit may run.
    live: Vec<bool>,
    /// Of the last solve.
    iterations: u32,
}

impl Opf {
    /// States the problem of a case.
    ///
    /// # Errors
    /// [`OpfError`]: the first mistake.
    pub fn new(case: &Case, convention: Convention, options: &OpfOptions) -> Result<Self, OpfError> {
        let model = Model::new(case, convention, options, true)?;
        let programme = Programme::new(
            model.network.clone(),
            model.columns.clone(),
            model.side.clone(),
            model.fixed_mw.clone(),
            model.low_mw.clone(),
            model.high_mw.clone(),
        )?;
        let live = model.units.iter().map(|unit| unit.first != NONE).collect();
        Ok(Self { model, programme, live, iterations: 0 })
    }

    /// Takes a branch out of service, or puts it back if the case has it in service.
    ///
    /// # Errors
    /// [`OpfError::Singular`].
    pub fn set_branch(&mut self, row: usize, in_service: bool) -> Result<(), OpfError> {
        Ok(self.programme.set_branch(row, in_service)?)
    }

    /// Takes a unit out of service, or puts it back if the case has it in service.
    pub fn set_generator(&mut self, row: usize, in_service: bool) {
        if self.model.units[row].first == NONE {
            return;
        }
        self.live[row] = in_service;
        for at in self.model.units[row].columns() {
            let Column { cost, lower, upper, .. } = self.model.columns[at];
            let (lower, upper) = if in_service { (lower, upper) } else { (0.0, 0.0) };
            self.programme.set_column(at, cost, lower, upper);
        }
        let reserve = self.model.reserve[row];
        if reserve != NONE {
            let upper = if in_service { self.model.columns[reserve as usize].upper } else { 0.0 };
            self.programme.set_column(reserve as usize, 0.0, 0.0, upper);
        }
    }

    /// Sets what a bus takes, shunt included \[MW\].
    pub fn set_demand(&mut self, bus: usize, mw: f64) {
        let change = -mw - self.model.fixed_mw[bus];
        self.model.fixed_mw[bus] += change;
        self.programme.fixed_mw[bus] += change;
    }

    /// Sets the limits of the flow of a branch \[MW\].
    pub fn set_limits(&mut self, row: usize, low_mw: f64, high_mw: f64) {
        self.programme.low_mw[row] = low_mw;
        self.programme.high_mw[row] = high_mw;
    }

    /// Solves from what the last solve has left.
    pub fn solve(&mut self) -> OpfSolution {
        let crossed = self.model.units.iter().enumerate().any(|(at, unit)| self.live[at] && unit.min_mw > unit.max_mw);
        if crossed || self.programme.has_crossed_limits() {
            return self.without_answer(OpfStatus::Infeasible);
        }
        let outcome = if self.model.has_quadratic { self.solve_quadratic() } else { self.programme.solve() };
        if !self.model.has_quadratic {
            self.iterations = self.programme.pivots;
        }
        match outcome {
            Outcome::Optimal => {
                let solution = self.read();
                if self.is_certified(&solution) {
                    return solution;
                }
            }
            Outcome::Infeasible => return self.without_answer(OpfStatus::Infeasible),
            Outcome::Stuck => {}
        }
        // The next solve starts anew.
        self.programme.simplex.reset();
        self.solve_full(if self.model.has_quadratic { Solver::Clarabel } else { Solver::Highs })
    }

    /// Solves the sparse programme in angles with another solver: the fall-back, and the peer in comparisons.
    #[must_use]
    pub fn solve_full(&self, solver: Solver) -> OpfSolution {
        let (columns, quadratic, owners) = self.whole_columns();
        let full = Full { programme: &self.programme, columns: &columns, quadratic: &quadratic };
        let answer = if solver == Solver::Clarabel { interior::solve(&full) } else { highs::solve(&full) };
        let found = match answer {
            Ok(found) => found,
            Err(status) => return self.without_answer(status),
        };
        let mut solution = self.without_answer(OpfStatus::Optimal);
        let mut output = vec![0.0; self.model.units.len()];
        solution.reserve_mw = vec![0.0; self.model.reserve.len()];
        for (&owner, &value) in owners.iter().zip(&found.values) {
            match owner {
                Owner::Unit(unit) => output[unit] += value,
                Owner::Reserve(row) => solution.reserve_mw[row] = value,
            }
        }
        let requirements = self.model.reserve.iter().filter(|&&column| column != NONE).count();
        solution.reserve_price = found.side_dual.get(requirements..).unwrap_or_default().to_vec();
        solution.objective = found.objective + self.constant();
        solution.bound = found.bound + self.constant();
        let lines = output.split_off(self.model.reserve.len());
        (solution.generator_mw, solution.dc_line_mw) = (output, lines);
        solution.flow_mw = found.flow_mw;
        solution.branch_dual = found.branch_dual;
        solution.price = found.price;
        solution.solver = solver;
        solution.iterations = found.iterations;
        solution
    }

    /// Columns without the segments of quadratic costs, and whose they are.
    fn whole_columns(&self) -> (Vec<Column>, Vec<f64>, Vec<Owner>) {
        let (mut columns, mut quadratic, mut owners) = (Vec::new(), Vec::new(), Vec::new());
        // Side rows name columns by position: those of units stay one for one unless the cost is quadratic, and then they are equal.
        for (at, unit) in self.model.units.iter().enumerate() {
            for (index, column) in unit.columns().enumerate() {
                let mut whole = self.programme.columns[column];
                if unit.quadratic > 0.0 {
                    (whole.cost, whole.lower, whole.upper) =
                        if index == 0 && self.live[at] { (unit.linear, unit.min_mw, unit.max_mw) } else { (0.0, 0.0, 0.0) };
                }
                columns.push(whole);
                quadratic.push(if index == 0 { unit.quadratic } else { 0.0 });
                owners.push(Owner::Unit(at));
            }
        }
        for (row, &column) in self.model.reserve.iter().enumerate() {
            if column != NONE {
                columns.push(self.programme.columns[column as usize]);
                quadratic.push(0.0);
                owners.push(Owner::Reserve(row));
            }
        }
        (columns, quadratic, owners)
    }

    /// Cost that no column has [$/h].
    fn constant(&self) -> f64 {
        self.model.units.iter().zip(&self.live).filter(|&(_, &live)| live).map(|(unit, _)| unit.constant).sum()
    }

    fn without_answer(&self, status: OpfStatus) -> OpfSolution {
        OpfSolution {
            status,
            objective: f64::NAN,
            bound: f64::NAN,
            generator_mw: Vec::new(),
            reserve_mw: Vec::new(),
            reserve_price: Vec::new(),
            dc_line_mw: Vec::new(),
            flow_mw: Vec::new(),
            limit_mw: self.programme.low_mw.iter().copied().zip(self.programme.high_mw.iter().copied()).collect(),
            branch_dual: Vec::new(),
            price: Vec::new(),
            solver: Solver::Simplex,
            iterations: self.iterations,
        }
    }

    /// Closes in on the optimum of quadratic costs: chords over a fine zone around the last output, ever finer. The chords lie above the
    /// cost, so every dispatch is feasible and costs no more than the chords say; the Lagrangian of the true cost bounds it from below.
    fn solve_quadratic(&mut self) -> Outcome {
        let units = self.model.units.len();
        let mut centre: Vec<f64> = self.model.units.iter().map(|unit| 0.5 * (unit.min_mw + unit.max_mw)).collect();
        let mut half: Vec<f64> = self.model.units.iter().map(|unit| 0.25 * (unit.max_mw - unit.min_mw)).collect();
        self.iterations = 0;
        for round in 0..ROUNDS {
            for unit in 0..units {
                if self.model.units[unit].quadratic > 0.0 && self.live[unit] {
                    self.set_segments(unit, centre[unit], half[unit]);
                }
            }
            let outcome = self.programme.solve();
            self.iterations += self.programme.pivots;
            if outcome != Outcome::Optimal {
                return outcome;
            }
            let last: Vec<f64> = (0..units).map(|at| self.model.output(at, self.programme.simplex.values())).collect();
            if round >= 2 && polish::polish(&self.model, &self.live, &mut self.programme) {
                self.programme.compute_flows();
                let (cost, bound) = self.cost_and_bound();
                if self.programme.violation_mw() < 1e-7
                    && self.programme.bound_violation() < 1e-7
                    && (cost - bound).abs() < 1e-11 * (cost + self.constant()).abs().max(1.0)
                {
                    return Outcome::Optimal;
                }
            }
            for (at, unit) in self.model.units.iter().enumerate() {
                if unit.quadratic > 0.0 && self.live[at] {
                    let output = last[at];
                    // At the rim of the fine zone the optimum may lie beyond it.
                    let inside = (output - centre[at]).abs() < 0.999 * half[at];
                    let at_limit = output - unit.min_mw < 1e-9 || unit.max_mw - output < 1e-9;
                    if inside || at_limit {
                        half[at] = (half[at] / 6.0).max(1e-7);
                    } else {
                        half[at] = (half[at] * 1.5).min(unit.max_mw - unit.min_mw);
                    }
                    centre[at] = output;
                }
            }
        }
        Outcome::Stuck
    }

    /// Breaks the cost of a quadratic unit at the ends and in the middle of a zone.
    fn set_segments(&mut self, at: usize, centre: f64, half: f64) {
        let unit = &self.model.units[at];
        let (min, max) = (unit.min_mw, unit.max_mw);
        let edges = [min, (centre - half).clamp(min, max), centre.clamp(min, max), (centre + half).clamp(min, max), max];
        for index in 0..SEGMENTS {
            let (from, to) = (edges[index], edges[index + 1]);
            let slope = unit.linear + unit.quadratic * (from + to);
            let (lower, upper) = if index == 0 { (from, to) } else { (0.0, to - from) };
            let column = self.model.units[at].first as usize + index;
            self.programme.set_column(column, slope, lower, upper);
        }
    }

    /// True cost of the last dispatch, and what no dispatch undercuts; both without the constants [$/h].
    fn cost_and_bound(&self) -> (f64, f64) {
        let simplex = &self.programme.simplex;
        if !self.model.has_quadratic {
            return (self.programme.objective(), simplex.bound());
        }
        let mut cost = 0.0;
        let mut of_column = vec![NONE; self.programme.columns.len()];
        for (at, unit) in self.model.units.iter().enumerate() {
            if unit.quadratic > 0.0 && self.live[at] {
                let output = self.model.output(at, simplex.values());
                cost += (unit.linear + unit.quadratic * output) * output;
                unit.columns().for_each(|column| of_column[column] = at as u32);
            } else {
                cost += unit.columns().map(|column| self.programme.columns[column].cost * simplex.value(column)).sum::<f64>();
            }
        }
        let bound = simplex.bound_with(|column, reduced, low, high| {
            if of_column[column] == NONE {
                return if reduced > 0.0 { reduced * low } else { reduced * high };
            }
            let unit = &self.model.units[of_column[column] as usize];
            if column != unit.first as usize {
                return 0.0;
            }
            // Least of quadratic p² + (linear − price) p.
            let linear = unit.linear - (self.programme.columns[column].cost - reduced);
            let p = (-linear / (2.0 * unit.quadratic)).clamp(unit.min_mw, unit.max_mw);
            (unit.quadratic * p + linear) * p
        });
        (cost, bound)
    }

    fn is_certified(&self, solution: &OpfSolution) -> bool {
        let gap = solution.objective - solution.bound;
        let size = solution.objective.abs().max(self.programme.columns.iter().fold(1.0, |most, c| most.max(c.cost.abs())));
        solution.status == OpfStatus::Unbounded
            || (gap.abs() <= 1e-9 * size
                && self.programme.violation_mw() <= 1e-6
                && self.programme.residual_mw() <= 1e-6
                && self.programme.bound_violation() <= 1e-6)
    }

    /// The answer of the last solve of the fast path.
    fn read(&self) -> OpfSolution {
        let values = self.programme.simplex.values();
        let (cost, bound) = self.cost_and_bound();
        let mut output: Vec<f64> = (0..self.model.units.len()).map(|unit| self.model.output(unit, values)).collect();
        let mut status = OpfStatus::Optimal;
        if output.iter().any(|mw| mw.abs() > 0.999 * ENDLESS_MW) {
            status = OpfStatus::Unbounded;
        }
        let dc_line_mw = output.split_off(self.model.reserve.len());
        let units_with_reserve = self.model.reserve.iter().filter(|&&column| column != NONE).count();
        let of_reserve = |&column: &u32| if column == NONE { 0.0 } else { values[column as usize] };
        OpfSolution {
            status,
            objective: cost + self.constant(),
            bound: bound + self.constant(),
            generator_mw: output,
            reserve_mw: self.model.reserve.iter().map(of_reserve).collect(),
            reserve_price: (units_with_reserve..self.programme.side.len()).map(|at| self.programme.side_dual(at)).collect(),
            dc_line_mw,
            flow_mw: self.programme.flow_mw.clone(),
            branch_dual: self.programme.branch_duals().iter().map(|dual| -dual).collect(),
            price: self.programme.prices(),
            ..self.without_answer(OpfStatus::Optimal)
        }
    }
}

/// Whose a column is.
#[derive(Clone, Copy, Debug)]
enum Owner {
    Unit(usize),
    Reserve(usize),
}

/// The optimal power flow of a case.
///
/// # Errors
/// [`OpfError`]: the first mistake in the case.
pub fn optimal_power_flow(case: &Case, convention: Convention, options: &OpfOptions) -> Result<OpfSolution, OpfError> {
    Ok(Opf::new(case, convention, options)?.solve())
}

/// The optimal power flow of a case by HiGHS alone, all rows at once: the peer in comparisons. Quadratic costs go to its QP solver,
/// which is known to fail on some cases.
///
/// # Errors
/// [`OpfError`]: the first mistake in the case.
pub fn solve_with_highs(case: &Case, convention: Convention) -> Result<OpfSolution, OpfError> {
    Ok(Opf::new(case, convention, &OpfOptions::default())?.solve_full(Solver::Highs))
}

/// The optimal power flow of a case by Clarabel alone.
///
/// # Errors
/// [`OpfError`]: the first mistake in the case.
pub fn solve_with_clarabel(case: &Case, convention: Convention) -> Result<OpfSolution, OpfError> {
    Ok(Opf::new(case, convention, &OpfOptions::default())?.solve_full(Solver::Clarabel))
}
