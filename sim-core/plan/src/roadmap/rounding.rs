//! Whole nodes from a program that plans them as a continuous quantity.

use super::formulation::Formulation;
use super::terms::Terms;
use crate::PlanError;
use crate::program::{Column, Program};
use crate::solver::{self, Answer, Found, Limits};

/// Most decisions about nodes that the search counts one by one; beyond, they are rounded.
const FEW: usize = 400;
/// What the solver leaves of a whole number.
const DUST: f64 = 1e-6;

/// Columns that decide about nodes.
fn decisions(formulation: &Formulation) -> Vec<usize> {
    let lists = [&formulation.order, &formulation.energise, &formulation.retire];
    lists.into_iter().flat_map(|list| list.iter().flatten().flatten()).filter_map(|column| *column).collect()
}

/// Those of some stages.
fn decisions_on(formulation: &Formulation, way: &[usize]) -> Vec<usize> {
    let lists = [&formulation.order, &formulation.energise, &formulation.retire];
    lists.into_iter().flat_map(|list| list.iter().flatten()).flat_map(|list| way.iter().filter_map(|stage| list[*stage])).collect()
}

/// Whether nodes can be counted one by one.
pub(super) fn few_nodes(formulation: &Formulation) -> bool {
    decisions(formulation).len() <= FEW
}

/// Makes nodes integer.
pub(super) fn count_nodes(formulation: &mut Formulation) {
    for column in decisions(formulation) {
        formulation.program.columns[column].integer = true;
    }
}

/// The point with whole nodes, and everything else as good as it can be with them; `None` where none was found.
///
/// Of a tree, nodes are whole on the nominal way, which is the one that a plan file holds; the other ways, on which parts of orders may
/// arrive, follow it as continuous quantities.
pub(super) fn round(
    terms: &Terms,
    formulation: &Formulation,
    found: &Found,
    whole: bool,
    limits: &Limits,
) -> Result<Option<Found>, PlanError> {
    let mut values = found.values.clone();
    let way = super::extract::nominal(terms);
    // Where parts of orders arrive even on the nominal way, whole numbers mean nothing.
    let arrives = way.iter().all(|stage| terms.tree.stages[*stage].factors.deliveries >= 1.0);
    if !whole && arrives {
        round_orders(formulation, &mut values, &way);
        for book in 0..terms.books.len() {
            for site in 0..terms.base.sites.len() {
                round_stock(terms, formulation, &mut values, &way, (book, site));
            }
        }
    }
    let mut program = formulation.program.with_integers_fixed(&values);
    if !whole && !arrives {
        return Ok(Some(polish(&program, found, limits)?.unwrap_or_else(|| found.clone())));
    }
    let decided = if whole { decisions(formulation) } else { decisions_on(formulation, &way) };
    for column in &decided {
        fix(&mut program.columns[*column], values[*column].round());
    }
    if let Some(polished) = polish(&program, found, limits)? {
        return Ok(Some(polished));
    }
    // The least service needs every node: let the search find which ones, next to where they were.
    let mut program = formulation.program.with_integers_fixed(&values);
    for column in decided {
        let it = &mut program.columns[column];
        let near = found.values[column];
        (it.lower, it.upper) = ((near - DUST).floor().max(it.lower), (near + 1.0).ceil().min(it.upper));
        it.integer = true;
    }
    polish(&program, found, limits)
}

fn fix(column: &mut Column, value: f64) {
    let value = value.clamp(column.lower, column.upper);
    (column.lower, column.upper, column.integer) = (value, value, false);
}

fn polish(program: &Program, found: &Found, limits: &Limits) -> Result<Option<Found>, PlanError> {
    Ok(match solver::solve(program, limits)? {
        Answer::Found(polished) => Some(Found { bound: found.bound, ..polished }),
        Answer::Infeasible | Answer::Unknown { .. } => None,
    })
}

/// Orders rounded down, with what is lost carried on to the next period where every row has room for another node.
fn round_orders(formulation: &Formulation, values: &mut [f64], way: &[usize]) {
    let program = &formulation.program;
    let mut rows_of = vec![Vec::new(); program.columns.len()];
    let on_way = |list: &Vec<Option<usize>>| -> Vec<usize> { way.iter().filter_map(|stage| list[*stage]).collect() };
    let is_order: Vec<usize> = formulation.order.iter().flatten().flat_map(on_way).collect();
    let mut order = vec![false; program.columns.len()];
    is_order.iter().for_each(|column| order[*column] = true);
    // Rows that compare orders with a limit; stocks follow orders, and are rounded after them.
    for (at, row) in program.rows.iter().enumerate().filter(|(_, row)| row.sense == crate::program::Sense::AtMost) {
        for (column, coefficient) in row.terms.iter().filter(|(column, _)| order[*column]) {
            rows_of[*column].push((at, *coefficient));
        }
    }
    let mut used: Vec<f64> = program.rows.iter().map(|row| row.terms.iter().map(|(column, c)| c * values[*column]).sum()).collect();
    let mut shift = |column: usize, values: &mut [f64], to: f64| {
        for (row, coefficient) in &rows_of[column] {
            used[*row] += coefficient * (to - values[column]);
        }
        values[column] = to;
    };
    let mut wanted = vec![0.0; program.columns.len()];
    for column in is_order {
        wanted[column] = values[column];
        shift(column, values, (values[column] + DUST).floor());
    }
    let room = |column: usize, used: &[f64]| {
        rows_of[column].iter().all(|(row, c)| used[*row] + c <= program.rows[*row].limit + DUST * program.rows[*row].limit.abs().max(1.0))
    };
    for by_stage in formulation.order.iter().flatten() {
        let mut carry = 0.0;
        for column in on_way(by_stage) {
            carry += wanted[column] - values[column];
            if carry >= 1.0 - DUST && room(column, &used) {
                for (row, coefficient) in &rows_of[column] {
                    used[*row] += coefficient;
                }
                values[column] += 1.0;
                carry -= 1.0;
            }
        }
    }
}

/// What is energised and retired, in whole nodes: never more at work than before rounding, never more energised than delivered.
fn round_stock(terms: &Terms, formulation: &Formulation, values: &mut [f64], way: &[usize], (book, site): (usize, usize)) {
    let it = &terms.books[book];
    let mut arriving = vec![0.0; terms.tree.stages.len()];
    for stage in way {
        let Some(order) = formulation.order[book][site][*stage] else { continue };
        if let Some((to, _)) = terms.arrivals(book, *stage).into_iter().find(|(to, _)| way.contains(to)) {
            arriving[to] += values[order];
        }
    }
    let (mut energised, mut retired, mut delivered) = (0.0_f64, 0.0_f64, 0.0_f64);
    let (mut begun, mut left) = (0.0_f64, 0.0_f64);
    let mut history: Vec<f64> = Vec::new();
    for (period, stage) in way.iter().copied().enumerate() {
        delivered += arriving[stage];
        let (Some(energise), Some(retire)) = (formulation.energise[book][site][stage], formulation.retire[book][site][stage]) else {
            history.push(begun);
            continue;
        };
        energised += values[energise];
        retired += values[retire];
        let begins = (energised + DUST).floor().min(delivered).max(begun);
        values[energise] = begins - begun;
        begun = begins;
        history.push(begun);
        let aged = (period + 1).checked_sub(it.life + 1).map_or(0.0, |at| history[at]);
        let leaves = (retired - DUST).ceil().min(begun).max(aged).max(left);
        values[retire] = leaves - left;
        left = leaves;
    }
}
