//! What a plan promises about outlooks, critical demand and outages.

use bastide_model::model::{AcceleratorId, Alternative, Model, Outlook, ServiceId, SiteId, Tier};
use bastide_model::plan::{Plan, Recourse, Worst};

use super::{Checks, gangs, sites, types};
use crate::class::{critical_demand, full_rate, planned_rate, scenario_demand};
use crate::cost::accelerators;
use crate::instance::{Instance, Relaxed};
use crate::outage::{Outage, outages};
use crate::program::{Group, Program, Sense};
use crate::solver::{self, Answer, Limits};
use crate::state::{demand_in, nominal};
use crate::strike::adversary::{self, Rooms};
use crate::{instance, lazy, strike};

/// Checks outlooks, critical demand, and the outages of the scenario.
pub(super) fn check(model: &Model, plan: &Plan, alternative: Option<&Alternative>, checks: &mut Checks) {
    for it in &plan.hedge.recourse {
        if let Some(outlook) = crate::state::outlooks(model).get(it.outlook) {
            recourse(model, plan, it, outlook, checks);
        }
    }
    let said = plan.hedge.recourse.len();
    let missing = crate::state::outlooks(model).len().saturating_sub(1 + said);
    if !crate::state::outlooks(model).is_empty() && plan.hedge.worst.is_none() {
        checks.none("every outlook has its placement", missing);
    }
    if plan.hedge.worst.is_none() {
        spread(model, plan, alternative, checks);
    }
    if let Some(worst) = &plan.hedge.worst {
        worst_case(model, plan, alternative, worst, checks);
    }
    for outage in outages(model) {
        survives(model, plan, &outage, checks);
    }
}

/// Share of a site's accelerators that can be used in the nominal outlook.
pub(super) fn nominal_share(model: &Model, site: SiteId) -> f64 {
    nominal(model).map_or(1.0, |outlook| outlook.availability[site.index()])
}

/// Accelerators of a type reserved at a site for critical demand, on a mean day.
pub(super) fn reserved(plan: &Plan, site: SiteId, kind: AcceleratorId) -> f64 {
    let here = plan.hedge.reserves.iter().filter(|it| it.site == site).flat_map(|it| &it.accelerators);
    here.filter(|(id, _)| *id == kind).map(|(_, count)| count).sum()
}

fn recourse(model: &Model, plan: &Plan, it: &Recourse, outlook: &Outlook, checks: &mut Checks) {
    let name = &outlook.entity.name;
    let latencies = bastide_model::latencies(model);
    let (mut missing, mut short, mut misplaced) = (0.0_f64, 0.0_f64, 0);
    for (at, service) in model.services.iter().enumerate() {
        let id = ServiceId::from_index(at);
        let demand = demand_in(model, outlook, id);
        let places = || it.placements.iter().filter(|place| place.service == id);
        let unserved: f64 = it.unserved.iter().filter(|(other, _)| *other == id).map(|(_, rate)| rate.as_tokens_per_s()).sum();
        if demand > 0.0 {
            missing = missing.max((places().map(|place| place.share).sum::<f64>() + unserved / demand - 1.0).abs());
        }
        for place in places() {
            let capacity: f64 = place.accelerators.iter().map(|(kind, count)| count * full_rate(model, id, *kind)).sum();
            short = short.max((place.share * demand - capacity) / demand.max(f64::MIN_POSITIVE));
            let copy = |dataset| plan.replicas.iter().any(|copy| copy.dataset == dataset && copy.site == place.site);
            let legal = instance::legal(model, &model.legal_service[at][place.site.index()]);
            let here = legal && instance::near(&latencies, service, place.site) && service.dataset.is_none_or(copy);
            misplaced += usize::from(!here);
        }
    }
    checks.at_most(format!("outlook {name}: shares sum to demand"), missing, 0.0, "share");
    checks.at_most(format!("outlook {name}: accelerators of services"), short, 0.0, "share");
    checks.none(format!("outlook {name}: services run where they may"), misplaced);
    let mut over: f64 = 0.0;
    for site in sites(model) {
        for kind in types(model) {
            let placed = it.placements.iter().filter(|place| place.site == site).flat_map(|place| &place.accelerators);
            let busy: f64 = placed.filter(|(id, _)| *id == kind).map(|(_, count)| count).sum();
            let there = accelerators(model, plan, site, kind) - gangs(model, plan, site, kind, |_| true);
            let room = outlook.availability[site.index()] * there;
            over = over.max((busy / model.policy.headroom - room) / there.max(1.0));
        }
    }
    checks.at_most(format!("outlook {name}: room at sites"), over, 0.0, "share");
}

/// No case is worse than the one that the plan names.
fn worst_case(model: &Model, plan: &Plan, alternative: Option<&Alternative>, worst: &Worst, checks: &mut Checks) {
    let mut own = model.clone();
    own.planning.uncertainty.strike = Some(worst.sites);
    let bare = strike::bare(model);
    let instance = Instance::new(&bare, alternative, &Relaxed::default());
    let tiers = adversary::tiers(model);
    let free = |site: SiteId, kind: AcceleratorId| {
        accelerators(model, plan, site, kind) - gangs(model, plan, site, kind, |id| instance::keeps(model, &tiers, id))
    };
    let copy = |dataset, site| plan.replicas.iter().any(|copy| copy.dataset == dataset && copy.site == site);
    let rooms = Rooms {
        free: instance.sites.iter().map(|site| instance.types.iter().map(|kind| free(site.id, kind.id).max(0.0)).collect()).collect(),
        reads: instance
            .classes
            .iter()
            .map(|class| instance.sites.iter().map(|site| class.dataset.is_none_or(|dataset| copy(dataset, site.id))).collect())
            .collect(),
    };
    let said: f64 = worst.unserved.iter().map(|(id, rate)| instance::value_of_rate(model, *id) * rate.as_tokens_per_s()).sum();
    let found = adversary::worst_case(&own, &instance, &rooms, lazy::LEAST).map_or(f64::INFINITY, |case| case.loss);
    checks.at_most("worst case", found, said, "M EUR/y");
}

/// Critical demand is served or held outside any one site.
fn spread(model: &Model, plan: &Plan, alternative: Option<&Alternative>, checks: &mut Checks) {
    let latencies = bastide_model::latencies(model);
    for (at, service) in model.services.iter().enumerate().filter(|(_, service)| service.critical.share > 0.0) {
        let id = ServiceId::from_index(at);
        let usable = |site: &SiteId| {
            let there = instance::buyable(model, alternative, *site) || types(model).any(|kind| instance::fleet(model, *site, kind) > 0.0);
            let legal = instance::legal(model, &model.legal_service[at][site.index()]);
            there && legal && instance::near(&latencies, service, *site)
        };
        if sites(model).filter(usable).count() < 2 {
            continue;
        }
        let demand = crate::class::mean_demand(model, id);
        let held = |site: SiteId| {
            let served = plan.placements.iter().filter(|it| it.service == id && it.site == site).map(|it| it.share * demand);
            let kept = plan.hedge.reserves.iter().filter(|it| it.service == id && it.site == site).flat_map(|it| &it.accelerators);
            served.sum::<f64>() + kept.map(|(kind, count)| count * full_rate(model, id, *kind)).sum::<f64>()
        };
        let all: Vec<f64> = sites(model).map(held).collect();
        let outside = all.iter().sum::<f64>() - all.iter().copied().fold(0.0, f64::max);
        let uncovered: f64 = plan.hedge.uncovered.iter().filter(|(other, _)| *other == id).map(|(_, rate)| rate.as_tokens_per_s()).sum();
        let name = &service.entity.name;
        checks.at_most(format!("critical demand of {name} outside any site"), critical_demand(model, id), outside + uncovered, "tokens/s");
        if service.critical.penalty.is_none() {
            checks.at_most(format!("critical demand of {name} is covered"), uncovered, 0.0, "tokens/s");
        }
    }
}

/// What a site and a type are used for: columns with the accelerators that one takes.
type Used = (SiteId, AcceleratorId, Vec<(usize, f64)>);

/// The least service of each tier on what an outage leaves, by a linear program of its own.
pub(super) fn survives(model: &Model, plan: &Plan, outage: &Outage, checks: &mut Checks) {
    let tiers = outage.tiers();
    let latencies = bastide_model::latencies(model);
    let mut program = Program::default();
    let short = program.continuous(1.0, 0.0, f64::INFINITY);
    let mut used: Vec<Used> = Vec::new();
    for tier in &tiers {
        let of_tier = || (0..model.services.len()).map(ServiceId::from_index).filter(|id| model.services[*id].tier == *tier);
        let demand = |id: ServiceId| scenario_demand(model, id) * outage.demand_factor[*tier as usize];
        let all: f64 = of_tier().map(demand).sum();
        if all <= 0.0 {
            continue;
        }
        // Shares of the tier's demand, so that rows are of one size.
        let mut served = vec![(short, -1.0)];
        for id in of_tier() {
            let mut own = Vec::new();
            for site in sites(model).filter(|site| outage.left(*site) > 0.0 && !outage.cut_off.contains(&(id, *site))) {
                let service = &model.services[id];
                let copy = |dataset| plan.replicas.iter().any(|copy| copy.dataset == dataset && copy.site == site);
                let legal = instance::legal(model, &model.legal_service[id.index()][site.index()]);
                if !legal || !instance::near(&latencies, service, site) || !service.dataset.is_none_or(copy) {
                    continue;
                }
                for kind in types(model).filter(|kind| !outage.down_types.contains(kind)) {
                    let rate = planned_rate(model, id, kind);
                    if rate <= 0.0 || accelerators(model, plan, site, kind) <= 0.0 {
                        continue;
                    }
                    let column = program.continuous(0.0, 0.0, demand(id) / all);
                    own.push((column, 1.0));
                    match used.iter_mut().find(|(at, of, _)| (*at, *of) == (site, kind)) {
                        Some((.., terms)) => terms.push((column, all / rate)),
                        None => used.push((site, kind, vec![(column, all / rate)])),
                    }
                }
            }
            served.extend(own.iter().map(|(column, _)| (*column, -1.0)));
            program.at_most(Group::Structure, own, demand(id) / all);
        }
        program.at_most(Group::Structure, served, -outage.min_service[*tier as usize].unwrap_or(0.0));
    }
    for (site, kind, terms) in used {
        let kept = gangs(model, plan, site, kind, |id| instance::keeps(model, &tiers, id));
        let room = outage.left(site) * (accelerators(model, plan, site, kind) - kept);
        program.row(Group::Structure, terms, Sense::AtMost, room);
    }
    let missing = match solver::solve(&program, &Limits { gap: 0.0, time_limit: lazy::LEAST }) {
        Ok(Answer::Found(found)) => found.objective,
        _ => f64::INFINITY,
    };
    let asked: Vec<&str> = tiers.iter().map(|tier: &Tier| tier.name()).collect();
    checks.at_most(format!("outage {}: least service of {}", outage.name, asked.join(", ")), missing, 0.0, "share");
}
