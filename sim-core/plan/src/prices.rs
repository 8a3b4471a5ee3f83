//! What binds, and what a unit more would bring: duals of the program with the sites, campaigns and copies of the plan
//! held fixed and the number of nodes free to move.

use bastide_model::model::{Model, SiteId};
use bastide_model::plan::Price;
use bastide_model::source::Span;
use bastide_units::format_significant;

use crate::PlanError;
use crate::formulation::Formulation;
use crate::instance::Instance;
use crate::program::{Group, Sense};
use crate::solver::{self, Answer, Limits};

/// Savings below this are noise [EUR/y per unit].
const NOISE: f64 = 0.5;

/// Binding constraints with their prices, largest saving first.
///
/// # Errors
/// [`PlanError`] when the solver breaks off.
pub(crate) fn prices(instance: &Instance, formulation: &Formulation, values: &[f64], limits: &Limits) -> Result<Vec<Price>, PlanError> {
    let mut program = formulation.program.with_integers_fixed(values);
    for column in formulation.nodes.iter().flatten().flatten() {
        (program.columns[*column].lower, program.columns[*column].upper) = (0.0, f64::INFINITY);
    }
    // Which sites are used is settled; these rows would only hide the prices of others.
    program.rows.retain(|row| !matches!(row.group, Group::InUse | Group::Order));
    let Answer::Found(found) = solver::solve(&program, limits)? else { return Ok(Vec::new()) };

    let mut prices = Vec::new();
    let unused = |id: SiteId| instance.sites.iter().position(|site| site.id == id).is_some_and(|at| values[formulation.build[at]] < 0.5);
    for (row, dual) in program.rows.iter().zip(&found.duals) {
        // A site that is not used has no room at all in this program: that is no limit of its own.
        if matches!(row.group, Group::Room(id) | Group::Connection(id) | Group::Accelerators(id) if unused(id)) {
            continue;
        }
        if let Some((constraint, unit, size, limit, span)) = words(instance.model, row.group) {
            prices.push(price(constraint, -dual * 1e6 * size, unit, limit, span));
        }
    }
    for (lost, site) in instance.sites.iter().enumerate() {
        let rows = || program.rows.iter().zip(&found.duals).filter(move |(row, _)| row.loss_of == Some(lost));
        // Units of each class at risk; a class's row says what one unit fewer to cover saves.
        let at_risk = |class: usize| formulation.place[class][lost].iter().flatten().map(|column| found.values[*column]).sum::<f64>();
        let protected = (0..instance.classes.len())
            .filter(|class| instance.classes[*class].protected && formulation.place[*class][lost].iter().any(Option::is_some));
        let loads: Vec<f64> = protected.map(at_risk).collect();
        let total: f64 = loads.iter().sum();
        if total <= 0.0 {
            continue;
        }
        let savings = rows().map(|(row, dual)| if row.sense == Sense::Equal { *dual } else { -dual });
        let saving: f64 = savings.zip(&loads).map(|(saving, load)| saving * load / total).sum();
        let name = &instance.model.sites[site.id].entity;
        prices.push(price(format!("loss of {}", name.name), saving * 1e6, "accelerators to replace", total, &name.span));
    }
    prices.retain(|price| price.annual_eur > NOISE);
    prices.sort_by(|a, b| b.annual_eur.total_cmp(&a.annual_eur).then_with(|| a.constraint.cmp(&b.constraint)));
    Ok(prices)
}

/// A price in words: `one more MW of the connection of riga is worth 12 kEUR a year`.
#[must_use]
pub fn in_words(price: &Price) -> String {
    let rounded = format_significant(price.annual_eur, 3).parse().unwrap_or(price.annual_eur);
    let worth = format!("is worth {} a year", bastide_units::display(bastide_units::Money::from_eur(rounded)));
    match price.unit.as_str() {
        "accelerators to replace" => format!("one accelerator fewer to replace at the {} {worth}", price.constraint),
        "percentage points" => format!("one percentage point less of the {} {worth}", price.constraint),
        "accelerators" => format!("one more in the {} {worth}", price.constraint),
        unit => format!("one more {unit} of the {} {worth}", price.constraint),
    }
}

fn price(constraint: String, annual_eur: f64, unit: &str, limit: f64, span: &Span) -> Price {
    // Six digits are all that the solver's tolerance supports.
    let rounded = format_significant(annual_eur, 6).parse().unwrap_or(annual_eur);
    Price { constraint, annual_eur: rounded, unit: unit.to_owned(), limit, place: span.to_string() }
}

/// A group in words: constraint, unit, its size in the row's unit, limit, place. `None` where a price means nothing.
fn words(model: &Model, group: Group) -> Option<(String, &'static str, f64, f64, &Span)> {
    let planning = &model.planning;
    let site = |id: SiteId| &model.sites[id];
    Some(match group {
        Group::Budget => ("budget".to_owned(), "M EUR", 1.0, planning.budget.as_meur(), &planning.budget_span),
        Group::ItPower => ("IT power".to_owned(), "MW", 1.0, planning.it_power.as_mw(), &planning.it_power_span),
        Group::Connection(id) => {
            (format!("connection of {}", site(id).entity.name), "MW", 1.0, site(id).connection.as_mw(), &site(id).entity.span)
        }
        Group::Room(id) => {
            (format!("IT power of {}", site(id).entity.name), "MW", 1.0, site(id).max_it_power.as_mw(), &site(id).entity.span)
        }
        Group::Accelerators(id) => {
            let most = f64::from(site(id).max_accelerators?);
            (format!("accelerators of {}", site(id).entity.name), "accelerators", 1.0, most, &site(id).entity.span)
        }
        Group::Hosting(id) => {
            let bus = &model.buses[id];
            (format!("hosting limit of {}", bus.entity.name), "MW", 1.0, bus.hosting_limit?.as_mw(), &bus.entity.span)
        }
        Group::TypeCap(id) => {
            let cap = planning.accelerators.iter().find(|(kind, _)| *kind == id)?.1?;
            (
                format!("number of {}", model.accelerators[id].entity.name),
                "accelerators",
                1.0,
                f64::from(cap),
                &planning.ranking.places.accelerators,
            )
        }
        Group::MinService(tier) => {
            let least = planning.min_service[tier as usize]?;
            (format!("least service of {}", tier.name()), "percentage points", 0.01, least * 100.0, &planning.ranking.places.min_service)
        }
        Group::YearBudget(_) | Group::OrderBook(_) | Group::ExportCap(_) => return None,
        Group::Structure
        | Group::InUse
        | Group::Order
        | Group::FewestSites
        | Group::MostSites
        | Group::Required(_)
        | Group::TierShare(_)
        | Group::SiteShare => return None,
        Group::Legality(_) | Group::Latency(_) | Group::SingleSite(_) | Group::Survival(_) | Group::Critical(_) => return None,
        Group::LinkLoss => return None,
        Group::Outage(_) | Group::Dataset(_) => return None,
    })
}
