//! What binds when, and what a unit more would bring: duals of the program with sites, steps, campaigns and copies of the plan held fixed
//! and nodes free to move.

use std::collections::BTreeMap;

use bastide_model::model::{Model, SiteId};
use bastide_model::plan::Price;
use bastide_model::source::Span;
use bastide_units::{Time, format_significant};

use super::formulation::Formulation;
use super::terms::Terms;
use crate::PlanError;
use crate::program::Group;
use crate::solver::{self, Answer, Limits};

/// Savings below this are noise [EUR/y per unit].
const NOISE: f64 = 0.5;

/// Binding limits by year with their prices, largest saving first. A price is what a unit more in all of that year saves, as a yearly
/// payment over the horizon.
pub(super) fn prices(terms: &Terms, formulation: &Formulation, values: &[f64], limits: &Limits) -> Result<Vec<Price>, PlanError> {
    let mut program = formulation.program.with_integers_fixed(values);
    for list in [&formulation.order, &formulation.energise, &formulation.retire] {
        for column in list.iter().flatten().flatten().filter_map(|column| *column) {
            (program.columns[column].lower, program.columns[column].upper) = (0.0, f64::INFINITY);
        }
    }
    program.rows.retain(|row| row.group != Group::InUse);
    let Answer::Found(found) = solver::solve(&program, limits)? else { return Ok(Vec::new()) };
    let year = |stage: usize| terms.horizon.year(terms.tree.stages[stage].period);
    let mut sums: BTreeMap<(Group, Option<usize>), f64> = BTreeMap::new();
    // A site that is not open yet has no room at all in this program: that is no limit of its own.
    let closed = |id: SiteId, stage: usize| {
        let Some(at) = terms.base.sites.iter().position(|site| site.id == id) else { return false };
        let open = terms.tree.before(stage, terms.lead[at]).is_some_and(|decided| values[formulation.open[at][decided]] >= 0.5);
        terms.standing(at) <= 0.0 && !open
    };
    for (row, dual) in program.rows.iter().zip(&found.duals).filter(|(row, _)| row.group != Group::Structure) {
        if let (Group::Room(id) | Group::Connection(id), Some(stage)) = (row.group, row.stage)
            && closed(id, stage)
        {
            continue;
        }
        *sums.entry((row.group, row.stage.map(year))).or_default() -= dual;
    }
    let model = terms.base.model;
    let mut prices: Vec<Price> = sums.into_iter().filter_map(|((group, year), saving)| price(terms, model, group, year, saving)).collect();
    prices.retain(|price| price.annual_eur > NOISE);
    prices.sort_by(|a, b| b.annual_eur.total_cmp(&a.annual_eur).then_with(|| a.constraint.cmp(&b.constraint)));
    Ok(prices)
}

/// Year of the calendar in which a year of the horizon begins.
pub(super) fn calendar(model: &Model, year: usize) -> String {
    let begin = Time::ZERO + bastide_units::Duration::from_y(year as f64 + 0.5);
    let start: String = model.header.start.chars().take(4).collect();
    // The middle of the year falls in the calendar's year wherever the start lies before July.
    let months: f64 = model.header.start.get(5..7).and_then(|month| month.parse().ok()).unwrap_or(1.0);
    let first: f64 = start.parse().unwrap_or(0.0);
    let middle = first + (months - 1.0) / 12.0 + begin.since(Time::ZERO).as_y();
    format!("{}", middle.floor())
}

fn price(terms: &Terms, model: &Model, group: Group, year: Option<usize>, saving: f64) -> Option<Price> {
    let planning = &model.planning;
    let when = year.map_or_else(String::new, |year| format!(" in {}", calendar(model, year)));
    let at = year.unwrap_or(0);
    let (name, unit, size, limit, span): (String, &str, f64, f64, &Span) = match group {
        Group::Budget => ("budget".to_owned(), "M EUR", 1.0, planning.budget.as_meur(), &planning.budget_span),
        Group::YearBudget(_) => {
            let limit = bastide_model::model::of_year(&terms.horizon.budget_by_year, at)?;
            ("budget".to_owned(), "M EUR", 1.0, limit.as_meur(), &terms.horizon.budget_span)
        }
        Group::ItPower => ("IT power".to_owned(), "MW", 1.0, planning.it_power.as_mw(), &planning.it_power_span),
        Group::Connection(id) => {
            let it = &model.sites[id];
            (format!("connection of {}", it.entity.name), "MW", 1.0, it.connection.as_mw(), &it.entity.span)
        }
        Group::Room(id) => {
            let it = &model.sites[id];
            (format!("IT power of {}", it.entity.name), "MW", 1.0, it.max_it_power.as_mw(), &it.entity.span)
        }
        Group::Hosting(id) => {
            let bus = &model.buses[id];
            (format!("hosting limit of {}", bus.entity.name), "MW", 1.0, model.hosting_limit(id, at)?.as_mw(), &bus.entity.span)
        }
        Group::TypeCap(id) => {
            let cap = planning.accelerators.iter().find(|(kind, _)| *kind == id)?.1?;
            (format!("number of {}", model.accelerators[id].entity.name), "accelerators", 1.0, f64::from(cap), &planning.span)
        }
        Group::OrderBook(id) => {
            let book = &model.growth.order_books[id as usize];
            let by_year = bastide_model::model::of_year(&book.cap_by_year, at).filter(|_| year.is_some());
            let limit = by_year.or(book.cap_per_period.filter(|_| year.is_some()).map(f64::from)).or(book.cap.map(f64::from))?;
            (format!("orders of {}", book.entity.name), "accelerators", 1.0, limit, &book.entity.span)
        }
        Group::ExportCap(id) => {
            let cap = &model.growth.export_caps[id as usize];
            (format!("export cap {}", cap.entity.name), "accelerators", 1.0, f64::from(cap.cap), &cap.entity.span)
        }
        Group::MinService(tier) => {
            let least = model.least_service(tier, terms.horizon.begin(0) + bastide_units::Duration::from_y(at as f64 + 0.999))?;
            (format!("least service of {}", tier.name()), "percentage points", 0.01, least * 100.0, &planning.span)
        }
        _ => return None,
    };
    // Six digits are all that the solver's tolerance supports.
    let annual_eur = saving * 1e6 * size;
    let annual_eur = format_significant(annual_eur, 6).parse().unwrap_or(annual_eur);
    Some(Price { constraint: format!("{name}{when}"), annual_eur, unit: unit.to_owned(), limit, place: span.to_string() })
}
