//! What a plan costs, computed from the plan alone.

use bastide_cost_models::capital::{SitePrices, mean_load};
use bastide_cost_models::finance::annuity;
use bastide_model::model::{AcceleratorId, CampaignId, Model, ServiceId, SiteId};
use bastide_model::plan::{CostLine, Placement, Plan};
use bastide_units::{Duration, EnergyPrice, Money, Power, Quantity};

use crate::formulation::investment;
use crate::{campaign, carbon, instance};

mod hedge;

/// Yearly cost of a plan with lost tokens at their value; the sum of its lines [EUR/y].
#[must_use]
pub fn objective(plan: &Plan) -> f64 {
    plan.cost.iter().map(|line| line.annual_eur).sum()
}

/// Accelerators of a type at a site: the plan's and those that are there.
pub(crate) fn accelerators(model: &Model, plan: &Plan, site: SiteId, kind: AcceleratorId) -> f64 {
    let bought = plan.builds.iter().filter(|it| it.site == site && it.accelerator == kind).map(|it| f64::from(it.count)).sum::<f64>();
    bought + instance::fleet(model, site, kind)
}

/// Accelerators of a type that are busy at a site with these services, averaged over the history.
fn busy(model: &Model, plan: &Plan, placements: &[Placement], site: SiteId, kind: AcceleratorId) -> f64 {
    let services = placements.iter().filter(|it| it.site == site).flat_map(|it| &it.accelerators);
    let gangs = plan.campaigns.iter().filter(|it| it.site == site && it.accelerator == kind);
    services.filter(|(id, _)| *id == kind).map(|(_, count)| count).sum::<f64>()
        + gangs
            .filter_map(|it| {
                let share = (campaign::duration(model, it.campaign, kind)? / model.header.duration).min(1.0);
                Some(share * f64::from(model.held(it.campaign, kind)) * f64::from(it.islands))
            })
            .sum::<f64>()
}

/// Mean power that a site draws from its bus, losses included, in outlooks weighted with their price of energy.
fn facility_power(model: &Model, plan: &Plan, site: SiteId) -> Power {
    let mut load = Power::ZERO;
    for kind in (0..model.accelerators.len()).map(AcceleratorId::from_index) {
        let it = &model.accelerators[kind];
        let count = accelerators(model, plan, site, kind);
        if count > 0.0 {
            load += hedge::expected(model, plan, model.sites[site].bus, |placements| {
                mean_load(it.power * count, it.idle_share, busy(model, plan, placements, site, kind) / count)
            });
        }
    }
    load * instance::mean_pue(model, site)
}

/// Emissions of a plan's energy \[t/y\].
pub(crate) fn carbon_t(model: &Model, plan: &Plan) -> f64 {
    let mut realised = model.realised(plan).into_owned();
    // What emissions weigh does not depend on what energy costs in an outlook.
    realised.planning.uncertainty.outlooks.iter_mut().for_each(|outlook| outlook.energy_price.fill(1.0));
    let model = &realised;
    let of_a_year = carbon::of_a_year(model);
    let sites = (0..model.sites.len()).map(SiteId::from_index);
    sites.map(|site| facility_power(model, plan, site).as_mw() * of_a_year[model.sites[site].bus.index()]).sum()
}

/// The lines of a plan's yearly cost, with the capital behind them. Capital is paid off by annuities over the lifetime of
/// accelerators and of buildings and connections; what stands already is sunk, but its upkeep and energy count. Energy is
/// the mean load (idle draw, and the rest with the work) at the mean PUE and the mean price of the bus; values that occur
/// once, such as a campaign's, are spread over the history, but at least over a year.
#[must_use]
pub fn cost_lines(model: &Model, plan: &Plan) -> Vec<CostLine> {
    let realised = model.realised(plan);
    let model = &*realised;
    let planning = &model.planning;
    let per_building = |money: Money| annuity(money, planning.discount_rate, planning.building_lifetime).as_eur_per_y();
    let [mut opening, mut building, mut connection, mut fleet] = [(0.0, 0.0); 4];
    let (mut upkeep, mut energy) = (0.0, 0.0);
    for site in (0..model.sites.len()).map(SiteId::from_index) {
        let place = &model.sites[site];
        let pue = instance::mean_pue(model, site);
        let prices = SitePrices {
            fixed: if place.existing { Money::ZERO } else { place.fixed_cost },
            building: place.building_cost,
            connection: place.connection_cost,
            fixed_upkeep: place.fixed_upkeep,
            upkeep: place.upkeep,
            energy: EnergyPrice::from_base(model.mean(model.buses[place.bus].energy_price)),
        };
        let (mut bought, mut installed, mut price) = (Power::ZERO, Power::ZERO, Money::ZERO);
        for kind in (0..model.accelerators.len()).map(AcceleratorId::from_index) {
            let it = &model.accelerators[kind];
            let count = accelerators(model, plan, site, kind);
            if count <= 0.0 {
                continue;
            }
            let new = count - instance::fleet(model, site, kind);
            bought += it.power * new;
            installed += it.power * count;
            price += it.price * new;
            fleet.0 += annuity(it.price * new, planning.discount_rate, it.lifetime).as_eur_per_y();
        }
        if installed <= Power::ZERO {
            continue;
        }
        let capital = prices.capital(bought, bought * pue, price);
        let operation = prices.operation(installed, facility_power(model, plan, site));
        for (line, money) in [(&mut opening, capital.fixed), (&mut building, capital.building), (&mut connection, capital.connection)] {
            *line = (line.0 + per_building(money), line.1 + money.as_eur());
        }
        fleet.1 += capital.accelerators.as_eur();
        upkeep += operation.upkeep.as_eur_per_y();
        energy += operation.energy.as_eur_per_y();
    }
    let bought = || plan.investments.iter().map(|(id, times)| (&model.investments[*id], f64::from(*times)));
    let yearly = bought().map(|(it, times)| investment::yearly(model, it) * times).sum::<f64>() * 1e6;
    let invested = bought().map(|(it, times)| it.cost.as_eur() * times).sum::<f64>();
    let unserved = hedge::expected_loss(model, plan);
    let (not_run, delay) = campaigns(model, plan);
    let serving = model.planning.serving_cost.as_ref().map(|costs| {
        let of = |all: &[Placement]| all.iter().map(|it| it.share * costs.annual_eur(it.service, it.site)).sum::<f64>();
        let annual = hedge::expected_cost(model, plan, of);
        CostLine { line: "serving".to_owned(), annual_eur: annual, capital_eur: 0.0 }
    });
    let line = |line: &str, (annual_eur, capital_eur)| CostLine { line: line.to_owned(), annual_eur, capital_eur };
    let mut lines = vec![
        line("accelerators", fleet),
        line("opening of sites", opening),
        line("buildings", building),
        line("grid connections", connection),
        line("upkeep", (upkeep, 0.0)),
        line("energy", (energy, 0.0)),
        line("unserved demand", (unserved, 0.0)),
        line("campaigns not run", (not_run, 0.0)),
        line("delay of campaigns", (delay, 0.0)),
    ];
    if !model.investments.is_empty() {
        lines.insert(4, line("investments", (yearly, invested)));
    }
    if model.links.iter().any(|link| link.build_cost.is_some()) {
        let money: Money = plan.links.iter().filter_map(|id| model.links[*id].build_cost).sum();
        lines.push(line("links", (per_building(money), money.as_eur())));
    }
    lines.extend(serving);
    if let Some(price) = planning.ranking.carbon_price {
        lines.push(line("carbon", (carbon_t(model, plan) * price.as_eur_per_t(), 0.0)));
    }
    lines.extend(hedge::lines(model, plan).into_iter().map(|(name, annual_eur)| line(name, (annual_eur, 0.0))));
    lines
}

pub(crate) fn lost_value(model: &Model, service: ServiceId, tokens_per_s: f64) -> f64 {
    model.services[service].value.base() * tokens_per_s * Duration::from_y(1.0).as_s()
}

/// Value of the campaigns that do not run, and cost of the delay of those that do [EUR/y].
fn campaigns(model: &Model, plan: &Plan) -> (f64, f64) {
    let years = campaign::years(model);
    let (mut not_run, mut late) = (0.0, 0.0);
    for (at, it) in model.campaigns.iter().enumerate() {
        let id = CampaignId::from_index(at);
        let placed = plan.campaigns.iter().find(|placed| placed.campaign == id);
        match placed.and_then(|placed| campaign::duration(model, id, placed.accelerator)) {
            Some(duration) => late += (it.cost_of_delay * campaign::delay(model, it, duration)).as_eur() / years,
            None => not_run += it.value.as_eur() / years,
        }
    }
    (not_run, late)
}
