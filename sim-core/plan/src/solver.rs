//! The only file of this crate that names a solver: good_lp builds the program, HiGHS solves it.
//!
//! One thread and a fixed seed: the same program gives the same answer on every run, unless a time limit cuts it short.

use bastide_units::Duration;
use good_lp::solvers::highs::highs;
use good_lp::variable::UnsolvedProblem;
use good_lp::{Constraint, Expression, ProblemVariables, SolverModel, Variable, constraint, variable};
use highs::{HighsModelStatus, HighsSolutionStatus};

use crate::PlanError;
use crate::program::{Column, Program, Sense};
use crate::scaling::Scaling;

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limits {
    /// Relative gap.
    pub gap: f64,
    /// Time.
    pub time_limit: Duration,
}

/// A usable point.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    /// Values of the columns.
    pub values: Vec<f64>,
    /// Change of the objective per unit of each row's limit; all zero where there are integers.
    pub duals: Vec<f64>,
    /// Objective [M EUR/y].
    pub objective: f64,
    /// No point is better [M EUR/y].
    pub bound: f64,
    /// Whether a limit ended the search.
    pub limited: bool,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// A point, proven as far as its bound says.
    Found(Found),
    /// No point satisfies all rows.
    Infeasible,
    /// A limit came first.
    Unknown {
        /// No point is better [M EUR/y].
        bound: f64,
        /// What stopped it.
        reason: String,
    },
}

/// The program in good_lp's terms, for any of its solvers.
pub(crate) fn express(program: &Program) -> (UnsolvedProblem, Vec<Variable>, Vec<Constraint>) {
    let mut variables = ProblemVariables::new();
    let columns: Vec<Variable> = program
        .columns
        .iter()
        .map(|column| {
            let definition = variable().min(column.lower).max(column.upper);
            variables.add(if column.integer { definition.integer() } else { definition })
        })
        .collect();
    let expression = |terms: &mut dyn Iterator<Item = (usize, f64)>| {
        let mut sum = Expression::with_capacity(8);
        terms.for_each(|(column, coefficient)| sum.add_mul(coefficient, columns[column]));
        sum
    };
    // The constant as a column: the gap is then relative to all of the cost.
    let constant = variables.add(variable().min(1.0).max(1.0));
    let objective = expression(&mut program.columns.iter().map(|column| column.cost).enumerate()) + program.offset * constant;
    let constraints = program
        .rows
        .iter()
        .map(|row| {
            let sum = expression(&mut row.terms.iter().copied());
            match row.sense {
                Sense::AtMost => constraint::leq(sum, row.limit),
                Sense::Equal => constraint::eq(sum, row.limit),
            }
        })
        .collect();
    (variables.minimise(objective), columns, constraints)
}

/// What no point can be better than, from costs and bounds of the columns alone.
fn trivial_bound(program: &Program) -> f64 {
    let least = |column: &Column| if column.cost >= 0.0 { column.cost * column.lower } else { column.cost * column.upper };
    // Zero times infinity, for a free column without limits, is nothing.
    let terms = program.columns.iter().filter(|column| column.cost != 0.0).map(least);
    program.offset + terms.sum::<f64>()
}

/// Solves a program.
///
/// # Errors
/// [`PlanError::Solver`] when HiGHS refuses the program or ends in a state that says nothing.
pub(crate) fn solve(program: &Program, limits: &Limits) -> Result<Answer, PlanError> {
    solve_from(program, limits, None)
}

/// Solves a program from a point that satisfies it: the search begins with that point as its best, and drops at once whatever cannot be
/// better. A point that does not satisfy the program is ignored.
///
/// # Errors
/// [`PlanError::Solver`] when HiGHS refuses the program or ends in a state that says nothing.
pub(crate) fn solve_from(program: &Program, limits: &Limits, start: Option<&[f64]>) -> Result<Answer, PlanError> {
    solve_with(program, limits, start, Effort::Usual)
}

/// As [`solve_from`] for one of many programs of the same kind: the solver neither begins anew when it has fixed many columns nor looks
/// for points by its dearest heuristics, which takes longer than to prove a point that is near the best.
///
/// # Errors
/// [`PlanError::Solver`] when HiGHS refuses the program or ends in a state that says nothing.
pub(crate) fn solve_briefly(program: &Program, limits: &Limits, start: Option<&[f64]>) -> Result<Answer, PlanError> {
    solve_with(program, limits, start, Effort::Brief)
}

/// How much the solver does before it branches.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Effort {
    Usual,
    Brief,
}

fn solve_with(program: &Program, limits: &Limits, start: Option<&[f64]>, effort: Effort) -> Result<Answer, PlanError> {
    let Some(scaling) = Scaling::of(program) else { return run(program, limits, start, effort) };
    let start = start.map(|values| scaling.point(values));
    Ok(scaling.unscaled(run(&scaling.scaled(program), limits, start.as_deref(), effort)?))
}

/// Hands a program to the solver.
fn run(program: &Program, limits: &Limits, start: Option<&[f64]>, effort: Effort) -> Result<Answer, PlanError> {
    let failed = |what: &str| PlanError::Solver(what.to_owned());
    let (unsolved, _, constraints) = express(program);
    let mut problem = unsolved.using(highs);
    for constraint in constraints {
        problem.add_constraint(constraint);
    }
    let mut model = problem.try_into_inner().map_err(|error| failed(&error.to_string()))?;
    model.make_quiet();
    let set = |done: Result<(), _>| done.map_err(|_: highs::TrySetOptionError| failed("an option was refused"));
    set(model.try_set_option("threads", 1))?;
    set(model.try_set_option("parallel", "off"))?;
    set(model.try_set_option("random_seed", 7))?;
    set(model.try_set_option("mip_rel_gap", limits.gap))?;
    set(model.try_set_option("mip_abs_gap", 1e-9))?;
    set(model.try_set_option("mip_feasibility_tolerance", 1e-7))?;
    set(model.try_set_option("time_limit", limits.time_limit.as_s()))?;
    if effort == Effort::Brief {
        set(model.try_set_option("mip_allow_restart", false))?;
        set(model.try_set_option("mip_heuristic_run_root_reduced_cost", false))?;
        set(model.try_set_option("mip_heuristic_run_feasibility_jump", false))?;
    }
    if let Some(start) = start {
        // The constant's column comes last.
        let values: Vec<f64> = start.iter().copied().chain([1.0]).collect();
        model.try_set_solution(Some(&values), None, None, None).map_err(|status| failed(&format!("{status:?}")))?;
    }
    let solved = model.try_solve().map_err(|status| failed(&format!("{status:?}")))?;

    let mixed = program.columns.iter().any(|column| column.integer);
    let bound = if mixed { solved.double_info_value(c"mip_dual_bound").unwrap_or(f64::NEG_INFINITY) } else { f64::NEG_INFINITY };
    let usable = solved.primal_solution_status() == HighsSolutionStatus::Feasible;
    let limited = match solved.status() {
        HighsModelStatus::Optimal => false,
        HighsModelStatus::Infeasible => return Ok(Answer::Infeasible),
        // Every column with a negative cost is bounded by demand, so it cannot be unbounded.
        HighsModelStatus::UnboundedOrInfeasible => return Ok(Answer::Infeasible),
        HighsModelStatus::ReachedTimeLimit
        | HighsModelStatus::ReachedIterationLimit
        | HighsModelStatus::ReachedSolutionLimit
        | HighsModelStatus::ReachedMemoryLimit
        | HighsModelStatus::ReachedInterrupt => true,
        status => return Err(failed(&format!("{status:?}"))),
    };
    if !usable {
        let bound = bound.max(trivial_bound(program));
        let reason = format!("no plan was found within the time limit of {}", bastide_units::display(limits.time_limit));
        return Ok(Answer::Unknown { bound, reason });
    }
    let solution = solved.get_solution();
    let objective = solved.objective_value();
    let bound = if mixed { bound } else { objective };
    Ok(Answer::Found(Found {
        values: solution.columns()[..program.columns.len()].to_vec(),
        duals: if mixed { vec![0.0; program.rows.len()] } else { solution.dual_rows().to_vec() },
        objective,
        bound: bound.min(objective),
        limited,
    }))
}
