//! Which campaigns run is decided first: a small tree over that alone, whose linear programs often prove a plan that is already known.
//!
//! ```text
//! ran[j] = sum_st run[j,s,t]     in 0 .. 1, integer                                                       (1)
//! ```
//!
//! A campaign is worth much and takes much, so that the program without whole numbers runs a part of it, spread over many places. No single
//! `run` that is held at zero or one changes that, but `ran` does. Nodes of the tree hold some `ran` at zero or one; the least bound of those
//! that are left is the bound of all (Land and Doig 1960). A node whose `ran` are whole and whose bound does not prove the plan is given to
//! the solver as a program of its own, the best first; after a few of them the whole program is.

use crate::PlanError;
use crate::deadline::Deadline;
use crate::program::{Column, Group, Program, Sense};
use crate::search::Search;
use crate::siting;
use crate::solver::{self, Answer, Found, Limits};

/// Nodes of the tree that are split, at most: each takes two linear programs, and all of them together less than a search.
const NODES: usize = 16;
/// Programs of one choice of campaigns that are solved before the whole one is.
const CHOICES: usize = 3;
/// Distance from a whole number that is the solver's dust.
const DUST: f64 = 1e-6;
/// Error of a linear program's bound, relative: the solver's tolerance.
const ERROR: f64 = 1e-7;
/// Passes over the rows in which bounds of whole numbers are tightened.
const PASSES: usize = 4;

/// A part of the program, with the solution of its relaxation.
struct Node {
    held: Vec<(usize, f64)>,
    bound: f64,
    values: Vec<f64>,
}

impl Search<'_> {
    /// Terms of each `ran`.
    fn ran(&self) -> Vec<Vec<(usize, f64)>> {
        let (gangs, it) = (&self.instance.gangs, &self.formulation);
        let mut campaigns: Vec<_> = gangs.iter().map(|gang| gang.campaign).collect();
        campaigns.sort_unstable();
        campaigns.dedup();
        let terms = campaigns.into_iter().map(|campaign| {
            let trains: Vec<_> = it.train.iter().filter(|(id, ..)| *id == campaign).map(|(.., column)| (*column, 1.0)).collect();
            let runs = gangs.iter().zip(&it.run).filter(|(gang, _)| gang.campaign == campaign).map(|(_, column)| (*column, 1.0));
            if trains.is_empty() { runs.collect() } else { trains }
        });
        terms.collect()
    }

    /// Adds (1) to a program that has this search's columns.
    pub(crate) fn add_ran(&self, program: &mut Program) {
        for terms in self.ran() {
            let column = program.integer(0.0, 0.0, 1.0);
            program.row(Group::Structure, terms.into_iter().chain([(column, -1.0)]), Sense::Equal, 0.0);
        }
    }

    /// A point of this search's program as one of a program that may have (1).
    fn lifted(&self, program: &Program, point: &[f64]) -> Vec<f64> {
        let mut point = point.to_vec();
        point.truncate(program.columns.len());
        if point.len() < program.columns.len() {
            let sums: Vec<f64> = self.ran().iter().map(|terms| terms.iter().map(|(column, by)| by * point[*column]).sum()).collect();
            point.extend(sums);
        }
        point
    }

    /// Solves a program that has (1), or none of it, from a point.
    ///
    /// # Errors
    /// [`PlanError::Solver`] when the solver breaks off.
    pub(crate) fn solve_from(&self, program: &Program, limits: &Limits, start: &[f64]) -> Result<Answer, PlanError> {
        let deadline = Deadline::new(limits.time_limit);
        let within = || Limits { time_limit: deadline.left(), ..*limits };
        let start = self.lifted(program, start);
        if !is_point(program, &start) {
            return solver::solve_from(program, limits, Some(&start));
        }
        let value = program.value(&start);
        let duals = vec![0.0; program.rows.len()];
        let mut best = Found { values: start, duals, objective: value, bound: f64::NEG_INFINITY, limited: false };
        let first = self.formulation.program.columns.len();
        let Some(mut open) = tree(program, first, limits.gap, value, &deadline)? else {
            return solver::solve_from(program, &within(), Some(&best.values));
        };
        // Nodes that have been solved have a bound of their own.
        let mut solved = 0;
        loop {
            let bound = open.iter().map(|node| node.bound).fold(best.objective, f64::min);
            best.bound = bound;
            if best.objective - bound <= limits.gap * best.objective.abs() {
                return Ok(Answer::Found(best));
            }
            let Some(at) = (0..open.len()).min_by(|a, b| open[*a].bound.total_cmp(&open[*b].bound)) else {
                return Ok(Answer::Found(best));
            };
            let several = !open[at].held.is_empty();
            if !several || solved == CHOICES {
                return Ok(match solver::solve_briefly(program, &within(), Some(&best.values))? {
                    Answer::Found(found) => Answer::Found(Found { bound: found.bound.max(bound).min(found.objective), ..found }),
                    // A point is known: only time can have run out.
                    Answer::Infeasible | Answer::Unknown { .. } => Answer::Found(Found { limited: true, ..best }),
                });
            }
            solved += 1;
            let part = held(program, &open[at].held);
            let keeps = open[at].held.iter().all(|(column, value)| (best.values[*column] - value).abs() <= DUST);
            match solver::solve_briefly(&part, &within(), keeps.then_some(best.values.as_slice()))? {
                Answer::Found(found) => {
                    open[at].bound = open[at].bound.max(found.bound);
                    let limited = found.limited;
                    if found.objective < best.objective {
                        best = Found { limited: false, ..found };
                    }
                    if limited {
                        let bound = open.iter().map(|node| node.bound).fold(best.objective, f64::min);
                        return Ok(Answer::Found(Found { bound, limited, ..best }));
                    }
                }
                Answer::Infeasible => {
                    open.swap_remove(at);
                }
                Answer::Unknown { .. } => return Ok(Answer::Found(Found { limited: true, ..best })),
            }
        }
    }
}

/// The parts of a program that may have points below `value`: together they hold all of them. `None` where a linear program gave no bound.
fn tree(program: &Program, first: usize, gap: f64, value: f64, deadline: &Deadline) -> Result<Option<Vec<Node>>, PlanError> {
    let mut relaxed = program.clone();
    tighten(&mut relaxed);
    let ran: Vec<usize> = (first..program.columns.len()).filter(|column| relaxed.columns[*column].integer).collect();
    let relaxed = relaxed.relaxed();
    let solve = |held_at: Vec<(usize, f64)>| -> Result<Option<Option<Node>>, PlanError> {
        let limits = Limits { gap: 0.0, time_limit: deadline.left() };
        Ok(match solver::solve(&held(&relaxed, &held_at), &limits)? {
            Answer::Found(found) if !found.limited => {
                Some(Some(Node { bound: found.objective - ERROR * found.objective.abs(), held: held_at, values: found.values }))
            }
            Answer::Infeasible => Some(None),
            Answer::Found(_) | Answer::Unknown { .. } => None,
        })
    };
    let Some(root) = solve(Vec::new())? else { return Ok(None) };
    let (mut open, mut whole): (Vec<Node>, Vec<Node>) = (root.into_iter().collect(), Vec::new());
    for _ in 0..NODES {
        // Parts that cannot matter stay as they are: their bound is good enough.
        let wanted = |node: &Node| value - node.bound > gap * value.abs();
        let worst = |a: &usize, b: &usize| open[*a].bound.total_cmp(&open[*b].bound);
        let Some(at) = (0..open.len()).filter(|at| wanted(&open[*at])).min_by(worst) else { break };
        let node = open.swap_remove(at);
        let part = |column: &usize| (node.values[*column] - node.values[*column].round()).abs();
        let free = ran.iter().filter(|column| !node.held.iter().any(|(held, _)| held == *column));
        // Of those that are whole by themselves, the other choice is soon out of question.
        let Some(column) = free.copied().max_by(|a, b| part(a).total_cmp(&part(b))) else {
            whole.push(node);
            continue;
        };
        for value in [0.0, 1.0] {
            let Some(child) = solve(node.held.iter().copied().chain([(column, value)]).collect())? else { return Ok(None) };
            open.extend(child);
        }
    }
    open.extend(whole);
    Ok(Some(open))
}

/// Whether a point keeps the rows, bounds and whole numbers of a program.
fn is_point(program: &Program, values: &[f64]) -> bool {
    let within = |(column, value): (&Column, &f64)| {
        let slack = DUST * value.abs().max(1.0);
        let whole = !column.integer || (value - value.round()).abs() <= DUST;
        whole && *value >= column.lower - slack && *value <= column.upper + slack
    };
    program.columns.iter().zip(values).all(within) && siting::is_feasible(program, values)
}

fn held(program: &Program, held: &[(usize, f64)]) -> Program {
    let mut program = program.clone();
    for (column, value) in held {
        (program.columns[*column].lower, program.columns[*column].upper) = (*value, *value);
    }
    program
}

/// Tightens the bounds of whole numbers to what each row leaves them, rounded: a gang that does not fit at a site does not run there.
fn tighten(program: &mut Program) {
    let columns = &mut program.columns;
    for _ in 0..PASSES {
        let mut changed = false;
        for row in &program.rows {
            changed |= tighten_by(columns, &row.terms, 1.0, row.limit);
            if row.sense == Sense::Equal {
                changed |= tighten_by(columns, &row.terms, -1.0, -row.limit);
            }
        }
        if !changed {
            return;
        }
    }
}

/// The same by `by * terms <= limit`.
fn tighten_by(columns: &mut [Column], terms: &[(usize, f64)], by: f64, limit: f64) -> bool {
    let least = |column: &Column, coefficient: f64| coefficient * if coefficient > 0.0 { column.lower } else { column.upper };
    let sum: f64 = terms.iter().map(|(column, coefficient)| least(&columns[*column], by * coefficient)).sum();
    if !sum.is_finite() {
        return false;
    }
    let mut changed = false;
    for (column, coefficient) in terms.iter().map(|(column, coefficient)| (*column, by * coefficient)) {
        let it = &mut columns[column];
        if !it.integer {
            continue;
        }
        // What the other terms leave; bounds that change only widen what is left for the rest.
        let room = (limit - (sum - least(it, coefficient))) / coefficient;
        if coefficient > 0.0 && (room + DUST).floor() < it.upper {
            it.upper = (room + DUST).floor().max(it.lower);
            changed = true;
        } else if coefficient < 0.0 && (room - DUST).ceil() > it.lower {
            it.lower = (room - DUST).ceil().min(it.upper);
            changed = true;
        }
    }
    changed
}
