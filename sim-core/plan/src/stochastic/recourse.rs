//! Programs in two stages whose first stage is binary and whose second stage has integers.
//!
//! ```text
//! repeat  x      the best first stage not tried yet, with a second stage without integers        bound
//!         v(x)   the program with x held fixed, which falls apart into its outlooks               best
//!         forbid x:  sum of (1 - y_j) over x_j = 1  +  sum of y_j over x_j = 0  >=  1
//! until   bound >= best
//! ```
//!
//! That is the integer L-shaped method (Laporte and Louveaux 1993) with the relaxation itself in the place of its linear cuts. It is quick where the
//! relaxation says nearly what a first stage is worth; after [`ROUNDS`] the whole program is solved from the best point.

use std::collections::BTreeMap;

use crate::PlanError;
use crate::deadline::Deadline;
use crate::program::{Group, Program, Sense};
use crate::solver::{self, Answer, Found, Limits};

/// First stages that are tried before the whole program is.
const ROUNDS: usize = 40;
/// Gap of a part, as a share of that of the whole.
const FINER: f64 = 0.1;
/// By how much a row without free columns may be broken.
const TOLERANCE: f64 = 1e-7;

/// Solves a program whose first stage is some of its columns.
///
/// # Errors
/// [`PlanError::Solver`] when the solver breaks off.
pub(super) fn solve(program: &Program, first: &[usize], limits: &Limits) -> Result<Answer, PlanError> {
    if !suits(program, first) {
        return solver::solve(program, limits);
    }
    let deadline = Deadline::new(limits.time_limit);
    let within = |gap: f64| Limits { gap, time_limit: deadline.left() };
    let mut relaxed = program.relaxed();
    first.iter().for_each(|column| relaxed.columns[*column].integer = true);
    let mut best: Option<Found> = None;
    // No first stage tried so far is better than `tried`, and no other than `bound`.
    let (mut tried, mut bound) = (f64::INFINITY, f64::NEG_INFINITY);
    for _ in 0..ROUNDS {
        if deadline.passed() {
            break;
        }
        let x = match solver::solve(&relaxed, &within(limits.gap * FINER))? {
            Answer::Found(found) => {
                bound = bound.max(found.bound);
                found.values
            }
            Answer::Infeasible => {
                bound = f64::INFINITY;
                Vec::new()
            }
            Answer::Unknown { bound: own, .. } => {
                bound = bound.max(own);
                break;
            }
        };
        match &best {
            Some(it) if it.objective - bound.min(tried) <= limits.gap * it.objective.abs() => {
                return Ok(Answer::Found(Found { bound: bound.min(tried).min(it.objective), ..it.clone() }));
            }
            None if x.is_empty() => return Ok(Answer::Infeasible),
            _ if x.is_empty() => break,
            _ => {}
        }
        match parts(program, first, &x, &within(limits.gap * FINER))? {
            Answer::Found(found) => {
                tried = tried.min(found.bound);
                if best.as_ref().is_none_or(|it| found.objective < it.objective) {
                    best = Some(found);
                }
            }
            Answer::Infeasible => {}
            Answer::Unknown { bound: own, .. } => {
                tried = tried.min(own);
                break;
            }
        }
        let open = |column: &usize| x[*column].round() > 0.5;
        let terms = first.iter().map(|column| (*column, if open(column) { 1.0 } else { -1.0 }));
        relaxed.at_most(Group::Structure, terms, first.iter().filter(|column| open(column)).count() as f64 - 1.0);
    }
    // The whole program, with what is known of it.
    let known = bound.min(tried);
    let limits = Limits { time_limit: deadline.left().max(crate::lazy::SHORTEST), ..*limits };
    Ok(match solver::solve_from(program, &limits, best.as_ref().map(|it| it.values.as_slice()))? {
        Answer::Found(found) => match best.filter(|it| it.objective < found.objective) {
            Some(it) => Answer::Found(Found { bound: found.bound.max(known).min(it.objective), limited: found.limited, ..it }),
            None => Answer::Found(Found { bound: found.bound.max(known).min(found.objective), ..found }),
        },
        Answer::Infeasible => Answer::Infeasible,
        Answer::Unknown { bound: own, reason } => match best {
            Some(it) => Answer::Found(Found { bound: own.max(known).min(it.objective), limited: true, ..it }),
            None => Answer::Unknown { bound: own.max(known), reason },
        },
    })
}

/// Whether the first stage is binary and to be decided, and only the second has other integers.
fn suits(program: &Program, first: &[usize]) -> bool {
    let mut later: Vec<bool> = program.columns.iter().map(|column| column.integer).collect();
    first.iter().for_each(|column| later[*column] = false);
    let binary = first.iter().map(|column| &program.columns[*column]).all(|it| it.integer && it.lower >= 0.0 && it.upper <= 1.0);
    let free = first.iter().any(|column| program.columns[*column].lower < program.columns[*column].upper);
    binary && free && later.into_iter().any(|integer| integer)
}

/// Solves a program with some columns held at their rounded values, each part that has no row in common with the others for itself.
fn parts(program: &Program, held: &[usize], values: &[f64], limits: &Limits) -> Result<Answer, PlanError> {
    let deadline = Deadline::new(limits.time_limit);
    let mut fixed: Vec<Option<f64>> = vec![None; program.columns.len()];
    held.iter().for_each(|column| fixed[*column] = Some(values[*column].round()));
    // The part of a column is the least column that rows tie it to.
    let mut part: Vec<usize> = (0..program.columns.len()).collect();
    for row in &program.rows {
        let free = row.terms.iter().map(|(column, _)| *column).filter(|column| fixed[*column].is_none());
        free.reduce(|a, b| {
            let (a, b) = (root(&mut part, a), root(&mut part, b));
            part[a.max(b)] = a.min(b);
            a.min(b)
        });
    }
    let mut members: BTreeMap<usize, (Program, Vec<usize>)> = BTreeMap::new();
    let mut place = vec![0; program.columns.len()];
    for (at, column) in program.columns.iter().enumerate().filter(|(at, _)| fixed[*at].is_none()) {
        let (own, columns) = members.entry(root(&mut part, at)).or_default();
        place[at] = own.columns.len();
        own.columns.push(*column);
        columns.push(at);
    }
    for row in &program.rows {
        let limit = row.limit - row.terms.iter().filter_map(|(column, by)| Some(by * fixed[*column]?)).sum::<f64>();
        let terms: Vec<(usize, f64)> = row.terms.iter().copied().filter(|(column, _)| fixed[*column].is_none()).collect();
        match terms.first() {
            Some((column, _)) => {
                let (own, _) = members.entry(root(&mut part, *column)).or_default();
                own.row(row.group, terms.iter().map(|(column, by)| (place[*column], *by)), row.sense, limit);
            }
            None if limit < -TOLERANCE || (row.sense == Sense::Equal && limit > TOLERANCE) => return Ok(Answer::Infeasible),
            None => {}
        }
    }
    let cost = |(column, value): (usize, f64)| program.columns[column].cost * value;
    let known: f64 = fixed.iter().enumerate().filter_map(|(column, value)| Some(cost((column, (*value)?)))).sum();
    let start = program.offset + known;
    let mut all = Found {
        values: fixed.iter().map(|value| value.unwrap_or(0.0)).collect(),
        duals: vec![0.0; program.rows.len()],
        objective: start,
        bound: start,
        limited: false,
    };
    for (own, columns) in members.into_values() {
        let limits = Limits { time_limit: deadline.left().max(crate::lazy::SHORTEST), ..*limits };
        match solver::solve(&own, &limits)? {
            Answer::Found(found) => {
                columns.iter().zip(&found.values).for_each(|(column, value)| all.values[*column] = *value);
                (all.objective, all.bound) = (all.objective + found.objective, all.bound + found.bound);
                all.limited |= found.limited;
            }
            Answer::Infeasible => return Ok(Answer::Infeasible),
            // The other parts may be worth anything.
            Answer::Unknown { reason, .. } => return Ok(Answer::Unknown { bound: f64::NEG_INFINITY, reason }),
        }
    }
    Ok(Answer::Found(all))
}

/// The least column of a part, paths halved.
fn root(part: &mut [usize], mut at: usize) -> usize {
    while part[at] != at {
        part[at] = part[part[at]];
        at = part[at];
    }
    at
}

#[cfg(test)]
mod tests {
    use bastide_units::Duration;

    use super::*;

    /// A small program of binary first stages and integer second stages, from a seed.
    fn random(seed: u64) -> (Program, Vec<usize>) {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut draw = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 33) % below
        };
        let mut program = Program { offset: 3.0, ..Program::default() };
        let first: Vec<usize> = (0..3 + draw(3)).map(|_| program.integer(4.0 + draw(12) as f64, 0.0, 1.0)).collect();
        program.at_most(Group::Structure, first.iter().map(|column| (*column, 1.0)), 1.0 + draw(first.len() as u64) as f64);
        for _ in 0..=draw(3) {
            let used: Vec<usize> = first.iter().map(|_| program.integer(-(1.0 + draw(9) as f64), 0.0, 1.0 + draw(3) as f64)).collect();
            for (open, used) in first.iter().zip(&used) {
                program.at_most(Group::Structure, [(*used, 1.0 + draw(3) as f64), (*open, -(2.0 + draw(3) as f64))], 0.0);
            }
            let spare = program.continuous(5.0 + draw(20) as f64, 0.0, 50.0);
            let terms = used.iter().map(|column| (*column, -(1.0 + draw(4) as f64))).chain([(spare, -1.0)]);
            program.at_most(Group::Structure, terms.collect::<Vec<_>>(), -(draw(9) as f64 + 0.5));
        }
        (program, first)
    }

    #[test]
    fn first_stages_tried_one_by_one_are_as_good_as_the_whole_program() {
        let limits = Limits { gap: 1e-7, time_limit: Duration::from_s(60.0) };
        for seed in 1..60 {
            let (program, first) = random(seed);
            assert!(suits(&program, &first));
            let Answer::Found(whole) = solver::solve(&program, &limits).unwrap() else { panic!("{seed}") };
            let Answer::Found(tried) = solve(&program, &first, &limits).unwrap() else { panic!("{seed}") };
            assert!((whole.objective - tried.objective).abs() < 1e-5, "{seed}: {} {}", whole.objective, tried.objective);
            assert!(tried.bound <= tried.objective && tried.objective - tried.bound <= 1e-5, "{seed}: {tried:?}");
            assert!((program.value(&tried.values) - tried.objective).abs() < 1e-6, "{seed}");
            // Rows hold, and integers are whole.
            for row in &program.rows {
                let sum: f64 = row.terms.iter().map(|(column, by)| by * tried.values[*column]).sum();
                assert!(sum <= row.limit + 1e-6, "{seed}: {row:?}");
            }
            assert!(program.columns.iter().zip(&tried.values).all(|(it, value)| !it.integer || (value - value.round()).abs() < 1e-6));
        }
    }

    #[test]
    fn no_first_stage_may_have_an_answer() {
        let mut program = Program::default();
        let open = program.integer(1.0, 0.0, 1.0);
        let used = program.integer(1.0, 0.0, 9.0);
        // Twice a whole number is never 3; without whole numbers it is.
        program.row(Group::Structure, [(used, 2.0)], Sense::Equal, 3.0);
        program.at_most(Group::Structure, [(used, 1.0), (open, -9.0)], 0.0);
        let limits = Limits { gap: 1e-7, time_limit: Duration::from_s(60.0) };
        assert_eq!(solve(&program, &[open], &limits).unwrap(), Answer::Infeasible);
    }

    #[test]
    fn time_that_is_over_is_said() {
        let (program, first) = random(1);
        let limits = Limits { gap: 1e-7, time_limit: Duration::from_s(0.0) };
        match solve(&program, &first, &limits).unwrap() {
            Answer::Found(found) => assert!(found.bound <= found.objective),
            Answer::Unknown { bound, .. } => assert!(bound.is_finite()),
            Answer::Infeasible => panic!("it has an answer"),
        }
    }
}
