//! Every constraint again, from the plan alone: what a person wrote and what the solver found are checked alike.

use bastide_model::model::{AcceleratorId, Alternative, CampaignId, DatasetId, Model, ServiceId, SiteId, Tier};
use bastide_model::plan::Plan;
use bastide_model::source::Span;
use bastide_units::Power;

mod figures;
mod mark;

pub use mark::{Strictness, recheck};

use mark::{Entry, Mark};

use crate::class::{full_rate, mean_demand, planned_rate};
use crate::cost::{accelerators, cost_lines, objective};
use crate::formulation::investment;
use crate::program::{Group, Program};
use crate::solver::{self, Answer, Limits};
use crate::{backbone, campaign, instance};

mod hedge;

/// One constraint of the scenario against a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// The constraint in words.
    pub name: String,
    /// Whether the plan keeps it, within a millionth of its limit.
    pub ok: bool,
    /// What is left of the limit; negative where it is broken.
    pub slack: f64,
    /// Unit of `slack`.
    pub unit: &'static str,
}

/// Relative tolerance.
const TOLERANCE: f64 = 1e-6;
/// Name of the check of the sum of all cost lines.
const SUM_OF_COSTS: &str = "cost lines match the plan";

/// Collects checks, what the broken ones are about, and the last limit.
pub(crate) struct Checks(Vec<Check>, Vec<Mark>, f64);

impl Checks {
    /// `used <= limit`.
    pub(crate) fn at_most(&mut self, name: impl Into<String>, used: f64, limit: f64, unit: &'static str) -> &mut Self {
        let slack = limit - used;
        self.0.push(Check { name: name.into(), ok: slack >= -TOLERANCE * limit.abs().max(1.0), slack, unit });
        self.2 = limit;
        self
    }
    /// `stated = own`, relative to `scale`.
    fn equal(&mut self, name: impl Into<String>, stated: f64, own: f64, scale: f64, unit: &'static str) -> &mut Self {
        let slack = -(stated - own).abs();
        self.0.push(Check { name: name.into(), ok: slack >= -TOLERANCE * scale, slack, unit });
        self.2 = scale;
        self
    }
    /// What is left of a limit of a size.
    pub(crate) fn slack(&mut self, name: impl Into<String>, slack: f64, size: f64, unit: &'static str) {
        self.0.push(Check { name: name.into(), ok: slack >= -TOLERANCE * size.abs().max(1.0), slack, unit });
    }
    /// Nothing wrong in `wrong` cases.
    pub(crate) fn none(&mut self, name: impl Into<String>, wrong: usize) -> &mut Self {
        self.at_most(name, wrong as f64, 0.0, "exceptions")
    }
}

/// Checks a plan against every constraint of a model, under an alternative.
#[must_use]
pub fn verify(model: &Model, plan: &Plan, alternative: Option<&Alternative>) -> Vec<Check> {
    all(model, plan, alternative).0
}

/// Checks that a plan survives outages that the scenario does not name.
#[must_use]
pub fn verify_outages(model: &Model, plan: &Plan, outages: &[crate::outage::Outage]) -> Vec<Check> {
    let realised = model.realised(plan);
    let mut checks = Checks(Vec::new(), Vec::new(), 0.0);
    outages.iter().for_each(|outage| hedge::survives(&realised, plan, outage, &mut checks));
    checks.0
}

fn all(model: &Model, plan: &Plan, alternative: Option<&Alternative>) -> Checks {
    let mut checks = Checks(Vec::new(), Vec::new(), 0.0);
    if let (Some(roadmap), Some(horizon)) = (&plan.roadmap, &model.growth.horizon) {
        crate::roadmap::verify(model, horizon, plan, roadmap, alternative, &mut checks);
        return checks;
    }
    let (scenario, realised) = (model, model.realised(plan));
    let model = &*realised;
    if !model.investments.is_empty() {
        checks.none("investments as they may be bought", investment::broken(model, plan)).marked(
            "F0985",
            Some(&model.planning.span),
            || (0..plan.investments.len()).map(Entry::Investment),
        );
    }
    let installed = installed(model, plan);
    purchases(model, plan, alternative, &mut checks);
    power(model, plan, alternative, &installed, &mut checks);
    services(model, plan, &mut checks);
    capacity(model, plan, &mut checks);
    campaigns(model, plan, &mut checks);
    datasets(model, plan, &installed, &mut checks);
    links(model, plan, &mut checks);
    let own = alternative.filter(|it| it.survive_site_loss.is_some());
    site_loss(model, plan, &instance::survive(model, alternative), rule(model, own), &mut checks);
    hedge::check(model, plan, alternative, &mut checks);
    let lines = objective(&Plan { cost: cost_lines(scenario, plan), ..plan.clone() });
    // A plan written by a person may state no costs.
    let written = if plan.cost.is_empty() { lines } else { objective(plan) };
    let last = plan.cost.len().wrapping_sub(1);
    checks.equal(SUM_OF_COSTS, written, lines, lines.abs().max(1.0), "EUR/y").marked("F0918", None, || [Entry::Annual(last)]);
    figures::costs(scenario, plan, &mut checks);
    figures::certificate(scenario, plan, &mut checks);
    checks
}

/// Builds for which something holds.
fn builds_where(plan: &Plan, wanted: impl Fn(&bastide_model::plan::Build) -> bool) -> Vec<Entry> {
    let mut found: Vec<usize> = (0..plan.builds.len()).filter(|at| plan.builds[*at].count > 0 && wanted(&plan.builds[*at])).collect();
    found.sort_by_key(|at| std::cmp::Reverse(plan.builds[*at].count));
    found.into_iter().map(Entry::Build).collect()
}

/// Placements, then stand-bys, of a service at sites for which something holds.
fn uses_where(plan: &Plan, service: ServiceId, wanted: impl Fn(SiteId) -> bool) -> Vec<Entry> {
    let places = plan.placements.iter().enumerate().filter(|(_, it)| it.service == service && wanted(it.site));
    let standbys = plan.standbys.iter().enumerate().filter(|(_, it)| it.service == service && wanted(it.site));
    places.map(|(at, _)| Entry::Placement(at)).chain(standbys.map(|(at, _)| Entry::StandBy(at))).collect()
}

/// Campaigns of the plan for which something holds.
fn runs_where(plan: &Plan, wanted: impl Fn(&bastide_model::plan::CampaignPlacement) -> bool) -> Vec<Entry> {
    plan.campaigns.iter().enumerate().filter(|(_, it)| wanted(it)).map(|(at, _)| Entry::Campaign(at)).collect()
}

fn sites(model: &Model) -> impl Iterator<Item = SiteId> + use<> {
    (0..model.sites.len()).map(SiteId::from_index)
}

fn types(model: &Model) -> impl Iterator<Item = AcceleratorId> + use<> {
    (0..model.accelerators.len()).map(AcceleratorId::from_index)
}

/// IT power by site (MW).
fn installed(model: &Model, plan: &Plan) -> Vec<f64> {
    let of = |site| types(model).map(|kind| model.accelerators[kind].power * accelerators(model, plan, site, kind)).sum::<Power>().as_mw();
    sites(model).map(of).collect()
}

fn purchases(model: &Model, plan: &Plan, alternative: Option<&Alternative>, checks: &mut Checks) {
    let planning = &model.planning;
    let capital: f64 = cost_lines(model, plan).iter().map(|line| line.capital_eur).sum();
    checks
        .at_most("budget", capital * 1e-6, planning.budget.as_meur(), "M EUR")
        .marked("F0908", Some(&planning.budget_span), || builds_where(plan, |_| true));
    let at_no_candidate = |it: &bastide_model::plan::Build| !instance::buyable(model, alternative, it.site);
    checks.none("builds at candidate sites only", plan.builds.iter().filter(|it| at_no_candidate(it)).count()).marked(
        "F0902",
        Some(rule(model, alternative.filter(|it| it.sites.is_some()))),
        || builds_where(plan, at_no_candidate),
    );
    let broken = |it: &&bastide_model::plan::Build| !it.count.is_multiple_of(model.accelerators[it.accelerator].per_node.max(1));
    checks.none("whole nodes", plan.builds.iter().filter(broken).count()).marked("F0911", None, || builds_where(plan, |it| broken(&it)));
    let foreign = |it: &bastide_model::plan::Build| planning.accelerators.iter().all(|(id, _)| *id != it.accelerator);
    checks.none("types of the plan only", plan.builds.iter().filter(|it| foreign(it)).count()).marked(
        "F0903",
        Some(&planning.span),
        || builds_where(plan, foreign),
    );
    for (id, cap) in &planning.accelerators {
        if let Some(cap) = cap {
            let bought: f64 = plan.builds.iter().filter(|it| it.accelerator == *id).map(|it| f64::from(it.count)).sum();
            checks.at_most(format!("number of {}", model.accelerators[*id].entity.name), bought, f64::from(*cap), "accelerators").marked(
                "F0903",
                Some(&planning.span),
                || builds_where(plan, |it| it.accelerator == *id),
            );
        }
    }
}

/// Where the scenario states a wish: in `[plan]`, or in the alternative.
fn rule<'a>(model: &'a Model, alternative: Option<&'a Alternative>) -> &'a Span {
    alternative.map_or(&model.planning.span, |it| &it.entity.span)
}

fn power(model: &Model, plan: &Plan, alternative: Option<&Alternative>, installed: &[f64], checks: &mut Checks) {
    let total: f64 = installed.iter().sum();
    checks
        .at_most("IT power", total, model.planning.it_power.as_mw(), "MW")
        .marked("F0909", Some(&model.planning.it_power_span), || builds_where(plan, |_| true));
    let facility = |site: SiteId| installed[site.index()] * instance::mean_pue(model, site);
    for site in sites(model).filter(|site| installed[site.index()] > 0.0) {
        let it = &model.sites[site];
        checks.at_most(format!("IT power of {}", it.entity.name), installed[site.index()], it.max_it_power.as_mw(), "MW").marked(
            "F0907",
            Some(&it.entity.span),
            || builds_where(plan, |build| build.site == site),
        );
        checks.at_most(format!("connection of {}", it.entity.name), facility(site), it.connection.as_mw(), "MW").marked(
            "F0907",
            Some(&it.entity.span),
            || builds_where(plan, |build| build.site == site),
        );
        if let Some(most) = it.max_accelerators {
            let there: f64 = types(model).map(|kind| accelerators(model, plan, site, kind)).sum();
            checks.at_most(format!("accelerators of {}", it.entity.name), there, f64::from(most), "accelerators").marked(
                "F0956",
                Some(&it.entity.span),
                || builds_where(plan, |build| build.site == site),
            );
        }
    }
    for (at, bus) in model.buses.iter().enumerate() {
        if let Some(limit) = bus.hosting_limit {
            let here: f64 = sites(model).filter(|site| model.sites[*site].bus.index() == at).map(facility).sum();
            checks.at_most(format!("hosting limit of {}", bus.entity.name), here, limit.as_mw(), "MW").marked(
                "F0915",
                Some(&bus.entity.span),
                || builds_where(plan, |build| model.sites[build.site].bus.index() == at),
            );
        }
    }
    let (fewest, most) = instance::count(model, alternative);
    let counted = alternative.filter(|it| it.count.is_some());
    let used = installed.iter().filter(|power| **power > 0.0).count() as f64;
    checks.at_most("fewest sites", f64::from(fewest), used, "sites").marked("F0915", Some(rule(model, counted)), Vec::new);
    checks
        .at_most("most sites", used, f64::from(most), "sites")
        .marked("F0915", Some(rule(model, counted)), || builds_where(plan, |_| true).into_iter().rev());
    let required = alternative.iter().flat_map(|it| &it.required);
    checks.none("required sites", required.filter(|site| installed[site.index()] <= 0.0).count()).marked(
        "F0915",
        Some(rule(model, alternative)),
        Vec::new,
    );
    for (tier, share) in alternative.iter().flat_map(|it| &it.tier_share) {
        let here: f64 = sites(model).filter(|site| model.sites[*site].tier == *tier).map(|site| installed[site.index()]).sum();
        checks.at_most(format!("share of {tier:?} sites").to_lowercase(), share * total, here, "MW").marked(
            "F0915",
            Some(rule(model, alternative)),
            || builds_where(plan, |build| model.sites[build.site].tier != *tier),
        );
    }
    if let Some(share) = alternative.and_then(|it| it.max_site_share) {
        let most = installed.iter().copied().fold(0.0, f64::max);
        checks
            .at_most("share of one site", most, share * total, "MW")
            .marked("F0915", Some(rule(model, alternative)), || builds_where(plan, |build| installed[build.site.index()] >= most));
    }
}

fn services(model: &Model, plan: &Plan, checks: &mut Checks) {
    let latencies = bastide_model::latencies_with(model, &plan.links);
    let mut unserved_by_tier = [0.0; 4];
    for (at, it) in model.services.iter().enumerate() {
        let id = ServiceId::from_index(at);
        let demand = mean_demand(model, id);
        let places = || plan.placements.iter().filter(|place| place.service == id);
        let unserved: f64 = plan.unserved.iter().filter(|(service, _)| *service == id).map(|(_, rate)| rate.as_tokens_per_s()).sum();
        unserved_by_tier[it.tier as usize] += unserved;
        if demand > 0.0 {
            let shares: f64 = places().map(|place| place.share).sum();
            let missing = (shares + unserved / demand - 1.0).abs();
            checks.at_most(format!("shares of {} sum to its demand", it.entity.name), missing, 0.0, "share").marked(
                if shares + unserved / demand > 1.0 { "F0910" } else { "F0917" },
                Some(&it.entity.span),
                || {
                    let own = plan.unserved.iter().position(|(service, _)| *service == id).map(Entry::Unserved);
                    uses_where(plan, id, |_| true)
                        .into_iter()
                        .filter(|entry| matches!(entry, Entry::Placement(_)))
                        .chain(own)
                        .collect::<Vec<_>>()
                },
            );
            for place in places() {
                let capacity: f64 = place.accelerators.iter().map(|(kind, count)| count * full_rate(model, id, *kind)).sum();
                let name = format!("accelerators of {} at {}", it.entity.name, model.sites[place.site].entity.name);
                checks.at_most(name, place.share * demand, capacity, "tokens/s").marked("F0906", Some(&it.entity.span), || {
                    plan.placements.iter().position(|other| std::ptr::eq(other, place)).map(Entry::Placement)
                });
            }
        }
        if it.operation.single_site {
            let homes = places().filter(|place| place.share > 0.0).count();
            checks.at_most(format!("{} runs at one site", it.entity.name), homes as f64, 1.0, "sites").marked(
                "F0957",
                Some(&it.entity.span),
                || uses_where(plan, id, |_| true),
            );
        }
        let standbys = plan.standbys.iter().filter(|standby| standby.service == id).map(|standby| standby.site);
        let used: Vec<SiteId> = places().map(|place| place.site).chain(standbys).collect();
        let illegal = |site: SiteId| !instance::legal(model, &model.legal_service[at][site.index()]);
        let forbidden =
            used.iter().find(|site| illegal(**site)).and_then(|site| model.legal_service[at][site.index()].forbidden_by.as_ref());
        checks.none(format!("{} runs where the rules allow", it.entity.name), used.iter().filter(|site| illegal(**site)).count()).marked(
            "F0905",
            Some(forbidden.map_or(&it.entity.span, |(_, span)| span)),
            || uses_where(plan, id, illegal),
        );
        let far = |site: SiteId| !instance::near(&latencies, it, site);
        checks.none(format!("{} runs near its users", it.entity.name), used.iter().filter(|site| far(**site)).count()).marked(
            "F0914",
            Some(&it.entity.span),
            || uses_where(plan, id, far),
        );
        if let Some(dataset) = it.dataset {
            let has_copy = |site: &SiteId| plan.replicas.iter().any(|copy| copy.dataset == dataset && copy.site == *site);
            checks.none(format!("{} runs where its data lie", it.entity.name), used.iter().filter(|site| !has_copy(site)).count()).marked(
                "F0913",
                Some(&it.entity.span),
                || uses_where(plan, id, |site| !has_copy(&site)),
            );
        }
    }
    for tier in Tier::ALL {
        let demand = instance::tier_demand(model, tier);
        if let Some(least) = model.planning.min_service[tier as usize].filter(|_| demand > 0.0) {
            let served = 1.0 - unserved_by_tier[tier as usize] / demand;
            checks.at_most(format!("least service of {}", tier.name()), least, served, "share").marked(
                "F0917",
                Some(&model.planning.span),
                || {
                    let of_tier = |(service, _): &(ServiceId, _)| model.services[*service].tier == tier;
                    plan.unserved.iter().enumerate().filter(|(_, it)| of_tier(it)).map(|(at, _)| Entry::Unserved(at)).collect::<Vec<_>>()
                },
            );
        }
    }
}

/// Accelerators that gangs hold at a site and type.
fn gangs(model: &Model, plan: &Plan, site: SiteId, kind: AcceleratorId, wanted: impl Fn(CampaignId) -> bool) -> f64 {
    let here = plan.campaigns.iter().filter(|it| it.site == site && it.accelerator == kind && wanted(it.campaign));
    here.map(|it| f64::from(model.held(it.campaign, kind)) * f64::from(it.islands)).sum()
}

fn capacity(model: &Model, plan: &Plan, checks: &mut Checks) {
    for site in sites(model) {
        for kind in types(model) {
            let placed = plan.placements.iter().filter(|it| it.site == site).flat_map(|it| &it.accelerators);
            let busy: f64 = placed.filter(|(id, _)| *id == kind).map(|(_, count)| count).sum();
            let share = hedge::nominal_share(model, site);
            let used =
                (busy + hedge::reserved(plan, site, kind)) / model.policy.headroom + share * gangs(model, plan, site, kind, |_| true);
            let there = share * accelerators(model, plan, site, kind);
            if used > 0.0 || there > 0.0 {
                let name = format!("{} at {}", model.accelerators[kind].entity.name, model.sites[site].entity.name);
                let uses = |it: &bastide_model::plan::Placement| it.site == site && it.accelerators.iter().any(|(id, _)| *id == kind);
                checks.at_most(name, used, there, "accelerators").marked("F0906", Some(&model.sites[site].entity.span), || {
                    let places = plan.placements.iter().enumerate().filter(|(_, it)| uses(it)).map(|(at, _)| Entry::Placement(at));
                    places.chain(runs_where(plan, |it| it.site == site && it.accelerator == kind)).collect::<Vec<_>>()
                });
            }
        }
    }
}

fn campaigns(model: &Model, plan: &Plan, checks: &mut Checks) {
    for (at, it) in model.campaigns.iter().enumerate() {
        let id = CampaignId::from_index(at);
        let placed: Vec<_> = plan.campaigns.iter().filter(|placed| placed.campaign == id).collect();
        if it.islands() == 1 {
            checks.at_most(format!("{} runs once", it.entity.name), placed.len() as f64, 1.0, "sites").marked(
                "F0904",
                Some(&it.entity.span),
                || runs_where(plan, |placed| placed.campaign == id),
            );
        }
        let islands: u32 = placed.iter().map(|placed| placed.islands).sum();
        checks.none(format!("{} runs whole", it.entity.name), usize::from(islands != 0 && islands != it.islands())).marked(
            "F0833",
            Some(&it.entity.span),
            || runs_where(plan, |placed| placed.campaign == id),
        );
        let types = placed.iter().filter(|other| other.accelerator != placed[0].accelerator).count();
        checks
            .none(format!("{} runs on one type", it.entity.name), types)
            .marked("F0912", Some(&it.entity.span), || runs_where(plan, |placed| placed.campaign == id));
        let wrong = |placed: &bastide_model::plan::CampaignPlacement| {
            let legal =
                campaign::duration(model, id, placed.accelerator).is_some_and(|duration| campaign::legal(model, id, placed.site, duration));
            let has_data =
                it.dataset.is_none_or(|dataset| plan.replicas.iter().any(|copy| copy.dataset == dataset && copy.site == placed.site));
            !legal || !has_data
        };
        checks.none(format!("{} runs where it may", it.entity.name), placed.iter().filter(|placed| wrong(placed)).count()).marked(
            "F0905",
            Some(&it.entity.span),
            || runs_where(plan, |placed| placed.campaign == id && wrong(placed)),
        );
    }
}

fn datasets(model: &Model, plan: &Plan, installed: &[f64], checks: &mut Checks) {
    for (at, it) in model.datasets.iter().enumerate() {
        let id = DatasetId::from_index(at);
        let mut homes: Vec<SiteId> = plan.replicas.iter().filter(|copy| copy.dataset == id).map(|copy| copy.site).collect();
        let wrong = |site: SiteId| installed[site.index()] <= 0.0 || !instance::legal(model, &model.legal_dataset[at][site.index()]);
        let copies = |wanted: &dyn Fn(SiteId) -> bool| -> Vec<Entry> {
            let found = plan.replicas.iter().enumerate().filter(|(_, copy)| copy.dataset == id && wanted(copy.site));
            found.map(|(at, _)| Entry::Replica(at)).collect()
        };
        checks.none(format!("{} lies where it may", it.entity.name), homes.iter().filter(|site| wrong(**site)).count()).marked(
            "F0905",
            Some(&it.entity.span),
            || copies(&wrong),
        );
        homes.sort();
        homes.dedup();
        checks.at_most(format!("copies of {}", it.entity.name), f64::from(it.replicas), homes.len() as f64, "copies").marked(
            "F0913",
            Some(&it.entity.span),
            || copies(&|_| true),
        );
    }
}

/// Links that are built do not stand yet; with them the loss of any single link cuts nobody off.
fn links(model: &Model, plan: &Plan, checks: &mut Checks) {
    if !plan.links.is_empty() {
        checks.none("builds links that do not stand", plan.links.iter().filter(|id| model.links[**id].build_cost.is_none()).count());
    }
    if model.planning.survive_link_loss {
        let wrong = match backbone::faults(model, &plan.links) {
            Ok(bridges) => bridges.len(),
            Err(apart) => apart.len(),
        };
        checks.none("nations stay connected when any single link is down", wrong);
    }
}

/// For the loss of each site: protected services are covered, and the others have room for them.
fn site_loss(model: &Model, plan: &Plan, survive: &[Tier], rule: &Span, checks: &mut Checks) {
    let protected = |id: ServiceId| survive.contains(&model.services[id].tier);
    for lost in sites(model) {
        let at_risk: Vec<_> = plan.placements.iter().filter(|it| it.site == lost && protected(it.service) && it.share > 0.0).collect();
        if at_risk.is_empty() {
            continue;
        }
        let name = &model.sites[lost].entity.name;
        let standbys = || plan.standbys.iter().filter(|it| it.of == lost && it.site != lost);
        let uncovered = |it: &bastide_model::plan::Placement| {
            it.share - standbys().filter(|to| to.service == it.service).map(|to| to.share).sum::<f64>()
        };
        checks
            .at_most(format!("loss of {name}: stand-by"), at_risk.iter().map(|it| uncovered(it)).fold(0.0, f64::max), 0.0, "share")
            .marked("F0916", Some(rule), || {
                let open = |it: &bastide_model::plan::Placement| it.site == lost && protected(it.service) && uncovered(it) > TOLERANCE;
                plan.placements.iter().enumerate().filter(|(_, it)| open(it)).map(|(at, _)| Entry::Placement(at)).collect::<Vec<_>>()
            });
        let mut fullest: f64 = 0.0;
        for site in sites(model).filter(|site| *site != lost) {
            let here = plan.placements.iter().filter(|it| it.site == site && protected(it.service)).map(|it| (it.service, it.share));
            let moved = standbys().filter(|it| it.site == site && protected(it.service)).map(|it| (it.service, it.share));
            let needs: Vec<_> = here.chain(moved).map(|(id, share)| (id, share * mean_demand(model, id))).collect();
            let keeps = |kind| gangs(model, plan, site, kind, |id| instance::keeps(model, survive, id));
            let there: Vec<_> = types(model)
                .map(|kind| (kind, hedge::nominal_share(model, site) * (accelerators(model, plan, site, kind) - keeps(kind))))
                .filter(|(_, count)| *count > 0.0)
                .collect();
            fullest = fullest.max(filling(model, &needs, &there));
        }
        checks.at_most(format!("loss of {name}: room elsewhere"), fullest, 1.0, "share").marked("F0916", Some(rule), || {
            let moved = plan.standbys.iter().enumerate().filter(|(_, it)| it.of == lost && protected(it.service));
            moved.map(|(at, _)| Entry::StandBy(at)).collect::<Vec<_>>()
        });
    }
}

/// Least share of a site's accelerators that can carry these services (tokens per second each), infinite if none can.
/// One type is a division; with several, services are spread over types by a small linear program.
pub(crate) fn filling(model: &Model, needs: &[(ServiceId, f64)], there: &[(AcceleratorId, f64)]) -> f64 {
    if needs.iter().all(|(_, need)| *need <= 0.0) {
        return 0.0;
    }
    if let [(kind, count)] = there {
        return needs.iter().map(|(id, need)| need / planned_rate(model, *id, *kind) / count).sum();
    }
    // Minimise the share f: sum_type x = need of each service, sum_service x / rate <= f * count of each type.
    let mut program = Program::default();
    let share = program.continuous(1.0, 0.0, f64::INFINITY);
    let mut used: Vec<Vec<(usize, f64)>> = there.iter().map(|(_, count)| vec![(share, -count)]).collect();
    for (id, need) in needs {
        let mut parts = Vec::new();
        for ((kind, _), used) in there.iter().zip(&mut used) {
            let rate = planned_rate(model, *id, *kind);
            if rate > 0.0 {
                let part = program.continuous(0.0, 0.0, 1.0);
                used.push((part, need / rate));
                parts.push((part, 1.0));
            }
        }
        program.row(Group::Structure, parts, crate::program::Sense::Equal, 1.0);
    }
    used.into_iter().for_each(|terms| program.at_most(Group::Structure, terms, 0.0));
    match solver::solve(&program, &Limits { gap: 0.0, time_limit: model.planning.time_limit }) {
        Ok(Answer::Found(found)) => found.objective,
        _ => f64::INFINITY,
    }
}
