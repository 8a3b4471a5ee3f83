//! The only file of this crate that names a solver: good_lp builds the program, HiGHS solves it.
//!
//! One thread and a fixed seed: the same program gives the same answer on every run, unless a time limit cuts it short.

use bastide_units::Duration;
use good_lp::solvers::highs::highs;
use good_lp::variable::UnsolvedProblem;
use good_lp::{Constraint, Expression, ProblemVariables, SolverModel, Variable, constraint, variable};
use highs::{Col, HighsModelStatus, HighsSolutionStatus, Model, RowProblem, SolvedModel};

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

/// What a search may make use of.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Way<'a> {
    /// A point to begin with; one that does not satisfy the program is ignored.
    pub start: Option<&'a [f64]>,
    /// A point with this objective is good enough [M EUR/y].
    pub target: Option<f64>,
    /// No searches in small neighbourhoods of good points: they cost more than they bring where linear programs are large and integers few.
    pub lean: bool,
    /// One of many programs of the same kind: the solver neither begins anew when it has fixed many columns nor looks for points by its
    /// dearest heuristics, which takes longer than to prove a point that is near the best.
    pub brief: bool,
}

/// Solves a program from a point that satisfies it: the search begins with that point as its best, and drops at once whatever cannot be
/// better. A point that does not satisfy the program is ignored.
///
/// # Errors
/// [`PlanError::Solver`] when HiGHS refuses the program or ends in a state that says nothing.
pub(crate) fn solve_from(program: &Program, limits: &Limits, start: Option<&[f64]>) -> Result<Answer, PlanError> {
    solve_in(program, limits, Way { start, ..Way::default() })
}

/// As [`solve_from`], briefly: see [`Way::brief`].
///
/// # Errors
/// [`PlanError::Solver`] when HiGHS refuses the program or ends in a state that says nothing.
pub(crate) fn solve_briefly(program: &Program, limits: &Limits, start: Option<&[f64]>) -> Result<Answer, PlanError> {
    solve_in(program, limits, Way { start, brief: true, ..Way::default() })
}

/// Solves a program in some way.
///
/// # Errors
/// [`PlanError::Solver`] when HiGHS refuses the program or ends in a state that says nothing.
pub(crate) fn solve_in(program: &Program, limits: &Limits, way: Way) -> Result<Answer, PlanError> {
    let Some(scaling) = Scaling::of(program) else { return run(program, limits, way) };
    let start = way.start.map(|values| scaling.point(values));
    Ok(scaling.unscaled(run(&scaling.scaled(program), limits, Way { start: start.as_deref(), ..way })?))
}

fn failed(what: &str) -> PlanError {
    PlanError::Solver(what.to_owned())
}

fn set<V: highs::HighsOptionValue>(model: &mut Model, option: &str, value: V) -> Result<(), PlanError> {
    model.try_set_option(option, value).map_err(|_| failed("an option was refused"))
}

/// A program in the solver's hands.
fn handed(program: &Program, limits: &Limits) -> Result<Model, PlanError> {
    let (unsolved, _, constraints) = express(program);
    let mut problem = unsolved.using(highs);
    for constraint in constraints {
        problem.add_constraint(constraint);
    }
    let mut model = problem.try_into_inner().map_err(|error| failed(&error.to_string()))?;
    model.make_quiet();
    set(&mut model, "threads", 1)?;
    set(&mut model, "parallel", "off")?;
    set(&mut model, "random_seed", 7)?;
    set(&mut model, "mip_rel_gap", limits.gap)?;
    set(&mut model, "mip_abs_gap", 1e-9)?;
    set(&mut model, "mip_feasibility_tolerance", 1e-7)?;
    set(&mut model, "time_limit", limits.time_limit.as_s())?;
    Ok(model)
}

/// Hands a program to the solver.
fn run(program: &Program, limits: &Limits, way: Way) -> Result<Answer, PlanError> {
    let mut model = handed(program, limits)?;
    if let Some(target) = way.target {
        set(&mut model, "objective_target", target)?;
    }
    if way.lean {
        for search in ["rins", "rens", "root_reduced_cost"] {
            set(&mut model, &format!("mip_heuristic_run_{search}"), false)?;
        }
    }
    if way.brief {
        set(&mut model, "mip_allow_restart", false)?;
        set(&mut model, "mip_heuristic_run_root_reduced_cost", false)?;
        set(&mut model, "mip_heuristic_run_feasibility_jump", false)?;
    }
    if let Some(start) = way.start {
        // The constant's column comes last.
        let values: Vec<f64> = start.iter().copied().chain([1.0]).collect();
        model.try_set_solution(Some(&values), None, None, None).map_err(|status| failed(&format!("{status:?}")))?;
    }
    let solved = model.try_solve().map_err(|status| failed(&format!("{status:?}")))?;
    read(&solved, program, limits)
}

/// A linear program to which rows are added: each solve begins where the last one ended.
#[derive(Default)]
pub(crate) struct Growing {
    model: Option<Model>,
    columns: Vec<Col>,
    rows: usize,
    spent: f64,
}

impl Growing {
    /// Gives a column of the program of the last call other bounds.
    pub(crate) fn bound(&mut self, column: usize, lower: f64, upper: f64) {
        if let Some(model) = &mut self.model {
            model.change_column_bounds(self.columns[column], lower..=upper);
        }
    }

    /// Solves a linear program: that of the last call, with further rows at its end.
    ///
    /// # Errors
    /// [`PlanError::Solver`] when HiGHS refuses the program or ends in a state that says nothing.
    #[expect(clippy::disallowed_methods, reason = "a time limit is about the time of day; results that it cut say so")]
    pub(crate) fn solve(&mut self, program: &Program, limits: &Limits) -> Result<Answer, PlanError> {
        if Scaling::of(program).is_some() {
            return solve(program, limits);
        }
        let mut model = match self.model.take() {
            Some(model) => model,
            None => {
                // A column of the solver is its position; only a problem hands them out.
                let mut problem = RowProblem::new();
                self.columns = program.columns.iter().map(|_| problem.add_column(0.0, 0.0..)).collect();
                self.rows = program.rows.len();
                handed(program, limits)?
            }
        };
        for row in &program.rows[self.rows..] {
            let terms = row.terms.iter().map(|(column, coefficient)| (self.columns[*column], *coefficient));
            let added = match row.sense {
                Sense::AtMost => model.try_add_row(..=row.limit, terms),
                Sense::Equal => model.try_add_row(row.limit..=row.limit, terms),
            };
            added.map_err(|status| failed(&format!("{status:?}")))?;
        }
        self.rows = program.rows.len();
        // The solver's clock runs on from call to call.
        set(&mut model, "time_limit", self.spent + limits.time_limit.as_s())?;
        let start = std::time::Instant::now();
        let solved = model.try_solve().map_err(|status| failed(&format!("{status:?}")))?;
        self.spent += start.elapsed().as_secs_f64();
        let answer = read(&solved, program, limits)?;
        self.model = Some(solved.into());
        Ok(answer)
    }
}

/// What the solver found.
fn read(solved: &SolvedModel, program: &Program, limits: &Limits) -> Result<Answer, PlanError> {
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
        | HighsModelStatus::ReachedInterrupt
        | HighsModelStatus::ObjectiveTarget => true,
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
