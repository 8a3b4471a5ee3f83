//! Growth over years: what to order, build, energise and retire in which period, on which site, under which limits.
//!
//! ```text
//! Model --terms--> Terms --formulation--> Program --search--> values --extract--> Plan with a Roadmap
//!                                                                                   |
//!                                                                    cost, verify (from the plan alone)
//! ```
//!
//! Nodes by the thousand are planned as a continuous quantity and rounded to whole nodes afterwards, within every limit; what runs
//! where then follows anew. The bound is that of the program before rounding, so that it holds for every whole plan.

use bastide_model::model::{Alternative, Horizon, Model, Tier};
use bastide_model::plan::{Certificate, SolveStatus};
use bastide_model::source::Span;
use bastide_units::display;

use crate::deadline::Deadline;
use crate::instance::Relaxed;
use crate::program::{Group, Program};
use crate::solver::{self, Answer, Found, Limits};
use crate::{CONSISTENT, Outcome, PlanError, SOLVER, SolveOptions, conflict, objective};

mod cost;
mod extract;
mod formulation;
mod prices;
mod rounding;
mod search;
mod stage;
mod terms;
#[cfg(test)]
mod tests;
mod verify;
mod worth;

pub(crate) use cost::cost_lines;
pub(crate) use verify::verify;

use formulation::Formulation;
use terms::Terms;

/// Share of the time limit that the search may take.
const SEARCH: f64 = 0.8;

/// The program alone, without some groups: for the search for a conflict.
pub(crate) fn program(model: &Model, horizon: &Horizon, alternative: Option<&Alternative>, relaxed: &Relaxed) -> Program {
    Formulation::new(&Terms::new(model, horizon, alternative, relaxed), relaxed).program
}

/// Limits that only a roadmap has.
pub(crate) fn limits(model: &Model) -> Vec<Group> {
    let Some(horizon) = &model.growth.horizon else { return Vec::new() };
    let years = if horizon.budget_by_year.is_empty() { 0 } else { horizon.year(horizon.periods() - 1) + 1 };
    let books = (0..model.growth.order_books.len() as u32).map(Group::OrderBook);
    let caps = (0..model.growth.export_caps.len() as u32).map(Group::ExportCap);
    books.chain(caps).chain((0..years as u32).map(Group::YearBudget)).collect()
}

/// Whether a tier has a least service at any time.
pub(crate) fn has_least(model: &Model, tier: Tier) -> bool {
    let set = |least: &[Option<f64>; 4]| least[tier as usize].is_some();
    set(&model.planning.min_service) || model.growth.horizon.is_some() && model.growth.milestones.iter().any(|it| set(&it.min_service))
}

/// Such a limit in words: name, sentence, places.
pub(crate) fn limit(model: &Model, group: Group) -> Option<(String, String, Vec<Span>)> {
    Some(match group {
        Group::YearBudget(year) => {
            let horizon = model.growth.horizon.as_ref()?;
            let budget = bastide_model::model::of_year(&horizon.budget_by_year, year as usize)?;
            let when = prices::calendar(model, year as usize);
            let sentence = format!("at most {} of capital in {when}", display(budget));
            (format!("budget of {when}"), sentence, vec![horizon.budget_span.clone()])
        }
        Group::OrderBook(id) => {
            let it = &model.growth.order_books[id as usize].entity;
            (format!("orders of {}", it.name), format!("order book `{}` takes no more orders", it.name), vec![it.span.clone()])
        }
        Group::ExportCap(id) => {
            let it = &model.growth.export_caps[id as usize];
            let sentence = format!("at most {} accelerators are delivered under `{}`", it.cap, it.entity.name);
            (format!("export cap {}", it.entity.name), sentence, vec![it.entity.span.clone()])
        }
        _ => return None,
    })
}

/// Finds the cheapest roadmap for a model, within the gap, or shows why there is none.
pub(crate) fn solve(
    model: &Model,
    horizon: &Horizon,
    alternative: Option<&Alternative>,
    options: &SolveOptions,
) -> Result<Outcome, PlanError> {
    let none = Relaxed::default();
    let terms = Terms::new(model, horizon, alternative, &none);
    let mut formulation = Formulation::new(&terms, &none);
    let gap = options.gap.unwrap_or(model.planning.gap).max(0.0);
    let limit = options.time_limit.unwrap_or(model.planning.time_limit);
    let deadline = Deadline::new(limit);
    let search_ends = deadline.part(SEARCH);
    let whole = rounding::few_nodes(&formulation);
    if whole {
        rounding::count_nodes(&mut formulation);
    }
    // Rounding costs something: half of the gap is left to it, and a part of the time.
    let limits = |gap: f64| Limits { gap, time_limit: deadline.left() };
    let found = match search::search(&terms, &formulation, if whole { gap } else { gap / 2.0 }, &search_ends)? {
        Answer::Found(found) => found,
        Answer::Infeasible => {
            return Ok(Outcome::Infeasible(conflict::find(model, alternative, conflict::Extra::default(), &limits(gap))?));
        }
        Answer::Unknown { bound, reason } => {
            // The limit that was asked for, not the part of it that the search had.
            let timed = || format!("no plan was found within the time limit of {}", display(limit));
            let reason = if search_ends.passed() { timed() } else { reason };
            return Ok(Outcome::Unknown { bound_eur: bound * 1e6, reason });
        }
    };
    let Some(rounded) = rounding::round(&terms, &formulation, &found, whole, &limits(gap))? else {
        let reason = "no whole number of nodes was found that keeps every limit".to_owned();
        return Ok(Outcome::Unknown { bound_eur: found.bound * 1e6, reason });
    };
    let mut plan = extract::plan(&terms, &formulation, &rounded.values);
    plan.name = alternative.map_or_else(|| "recommended".to_owned(), |it| it.entity.name.clone());
    plan.cost = cost_lines(model, horizon, &plan);
    let program = rounded.objective * 1e6;
    if !terms.is_plain() {
        cost::rest_of_tree(&mut plan, program);
    }
    let lines = objective(&plan);
    if (lines - program).abs() > CONSISTENT * program.abs().max(1.0) {
        return Err(PlanError::Inconsistent { lines, objective: program });
    }
    plan.prices = prices::prices(&terms, &formulation, &rounded.values, &limits(gap))?;
    let bound = (found.bound * 1e6).min(lines);
    let reached = if lines == bound { 0.0 } else { (lines - bound) / lines.abs().max(1.0) };
    let status = match (reached > gap.max(CONSISTENT), reached <= CONSISTENT) {
        (_, true) => SolveStatus::Optimal,
        (true, false) => SolveStatus::LimitWithIncumbent,
        (false, false) => SolveStatus::WithinGap,
    };
    plan.certificate = Some(Certificate {
        status,
        solver: SOLVER.to_owned(),
        objective_eur: lines,
        bound_eur: bound,
        gap: reached,
        rows: formulation.program.rows.len(),
        columns: formulation.program.columns.len(),
        integers: formulation.program.columns.iter().filter(|column| column.integer).count(),
    });
    if terms.tree.leaves().count() > 1 {
        let value = value_of_stochastic_solution(&terms, &formulation, &found, &limits(gap))?;
        let known = wait_and_see(&terms, gap, &deadline)?.map(|cost| (found.objective - cost).max(0.0));
        if let Some(roadmap) = plan.roadmap.as_mut() {
            roadmap.value_of_stochastic_solution = value.map(bastide_units::Money::from_meur);
            roadmap.value_of_perfect_information = known.map(bastide_units::Money::from_meur);
        }
    }
    Ok(Outcome::Planned(Box::new(plan)))
}

/// What planning for the mean of all outlooks costs more, in expectation [M EUR/y]: what is decided before anything is known is taken from
/// that plan, the rest follows as the outlooks come (Birge and Louveaux 2011, section 4.2). `None` where a limit comes first or the
/// decisions for the mean leave no way in some outlook.
fn value_of_stochastic_solution(
    terms: &Terms,
    formulation: &Formulation,
    found: &Found,
    limits: &Limits,
) -> Result<Option<f64>, PlanError> {
    let means = terms.with_tree(terms.tree.of_means(terms.periods));
    let mean = Formulation::new(&means, &Relaxed::default());
    let Answer::Found(expected) = solver::solve(&mean.program, limits)? else { return Ok(None) };
    let mut program = formulation.program.clone();
    let trunk = (0..terms.tree.stages.len()).filter(|stage| terms.tree.stages[*stage].outlook.is_none());
    for stage in trunk {
        let period = terms.tree.stages[stage].period;
        for (column, of_mean) in formulation.decisions(stage).into_iter().zip(mean.decisions(period)) {
            let (Some(column), Some(of_mean)) = (column, of_mean) else { continue };
            let it = &mut program.columns[column];
            let value = expected.values[of_mean].clamp(it.lower, it.upper);
            let value = if it.integer { value.round() } else { value };
            (it.lower, it.upper) = (value, value);
        }
    }
    Ok(match solver::solve(&program, limits)? {
        Answer::Found(lived) => Some((lived.objective - found.objective).max(0.0)),
        Answer::Infeasible | Answer::Unknown { .. } => None,
    })
}

/// Mean over the outlooks of the best plan for each alone, known from the first day on [M EUR/y]; each within the gap. `None` where a limit
/// comes first or an outlook alone has no plan.
fn wait_and_see(terms: &Terms, gap: f64, deadline: &Deadline) -> Result<Option<f64>, PlanError> {
    let mut mean = 0.0;
    for leaf in terms.tree.leaves() {
        let alone = terms.with_tree(terms.tree.alone(leaf));
        let mut formulation = Formulation::new(&alone, &Relaxed::default());
        if rounding::few_nodes(&formulation) {
            rounding::count_nodes(&mut formulation);
        }
        let Answer::Found(found) = search::search(&alone, &formulation, gap / 2.0, deadline)? else { return Ok(None) };
        if found.limited {
            return Ok(None);
        }
        mean += terms.tree.stages[leaf].probability * found.objective;
    }
    Ok(Some(mean))
}
