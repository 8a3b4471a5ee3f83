//! Names to indices and rules to intervals: the [`Model`] from its decoded tables.

mod law;
mod legality;
mod network;
mod replica;

pub use legality::{Rules, Subject, subjects};
pub use network::{latencies, latencies_with, latencies_without};

use bastide_units::{ComputeRate, Duration};

use crate::decode::Context;
use crate::model::{Accelerator, Assumption, Campaign, Model, Service};
use crate::scenario::demand::Demands;
use crate::scenario::rule::Rule;
use crate::scenario::{
    self, campaign, case, demand, facility, grid, growth, header, machine, planning, rule, site, spike, threat, uncertainty,
};
use crate::tree::Table;

/// A model, and what only checks need beside it.
pub struct Resolved {
    /// The model.
    pub model: Model,
    /// Demands of services, in the model's order.
    pub services: Vec<Demands>,
    /// Demands of campaigns.
    pub campaigns: Vec<Demands>,
    /// Demands of datasets.
    pub datasets: Vec<Demands>,
    /// Rules.
    pub rules: Vec<Rule>,
}

/// Decodes a merged tree. `None` if a table without which nothing can be said is missing; the context then says why.
pub fn resolve(ctx: &mut Context, root: &Table) -> Option<Resolved> {
    scenario::outline(ctx, root);
    let header = header::header(ctx, root);
    // Dates and series have no meaning without a clock; the rest is decoded all the same, to report all mistakes at once.
    if !ctx.clock {
        (ctx.hours, ctx.duration) = (1, Duration::from_y(20.0));
    }
    let nations = grid::nations(ctx, root);
    let buses = grid::buses(ctx, root);
    let lines = grid::lines(ctx, root);
    let generators = grid::generators(ctx, root);
    let storages = grid::storages(ctx, root);
    let loads = grid::loads(ctx, root);
    site::accelerators(ctx, root);
    let (sites, mut segments) = site::sites(ctx, root, &buses);
    let fleets = site::fleets(ctx, root, &sites);
    let links = site::links(ctx, root);
    let failures = machine::failures(ctx, root);
    let maintenances = machine::maintenances(ctx, root);
    let power_caps = machine::power_caps(ctx, root);
    let (datasets, dataset_demands): (Vec<_>, Vec<_>) = demand::datasets(ctx, root).into_iter().unzip();
    let (services, service_demands): (Vec<_>, Vec<_>) = demand::services(ctx, root).into_iter().unzip();
    let (campaigns, campaign_demands): (Vec<_>, Vec<_>) = campaign::campaigns(ctx, root).into_iter().unzip();
    let rules = rule::rules(ctx, root);
    let facilities = facility::facilities(ctx, root, &sites, &service_demands, &mut segments);
    let segment_graph = threat::segment::segments(ctx, root, &mut segments);
    let (munitions, defences) = (threat::munitions(ctx, root), threat::defences(ctx, root));
    let repair_pools = threat::repair_pools(ctx, root);
    let mut hazards = threat::hazards(ctx, root, &segments, &segment_graph, &sites);
    let evacuations = scenario::evacuation::evacuations(ctx, root, &datasets, &hazards);
    let spikes = spike::spikes(ctx, root, &services, &service_demands);
    let policy = header::policy(ctx, root);
    let known = uncertainty::Known { sites: sites.len(), buses: buses.len(), services: &services, demands: &service_demands };
    let mut horizon = None;
    let mut planning = planning::planning(ctx, root, &sites, &known, &mut horizon);
    let growth = growth::growth(ctx, root, planning.as_ref(), &sites, horizon);
    if let Some(planning) = &mut planning {
        planning.serving_cost = scenario::serving::serving_cost(ctx, root, &sites, &services, &service_demands);
    }
    let costed = planning.as_ref().is_some_and(|planning| planning.serving_cost.is_some());
    let investments = scenario::investment::investments(ctx, root, &sites, &services, &service_demands, costed);
    let alternatives = planning.as_ref().map(|planning| planning::alternatives(ctx, root, planning)).unwrap_or_default();
    let cases = case::cases(ctx, root);
    let mut report = header::report(ctx, root).unwrap_or_default();
    report.questions = case::questions(ctx, root, &cases);
    let (header, policy, planning) = (header?, policy?, planning?);
    if ctx.is_full() {
        return None;
    }

    let judge = Rules { ctx, all: &rules, sites: &sites };
    let legal_dataset = datasets.iter().zip(&dataset_demands).map(|(dataset, demands)| judge.dataset(dataset, demands)).collect::<Vec<_>>();
    let mut legal_service: Vec<_> =
        services.iter().zip(&service_demands).map(|(service, demands)| judge.service(service, demands, &legal_dataset)).collect();
    if let Some(serving) = &planning.serving_cost {
        scenario::serving::close(serving, &mut legal_service);
    }
    let legal_campaign =
        campaigns.iter().zip(&campaign_demands).map(|(campaign, demands)| judge.campaign(campaign, demands, &legal_dataset)).collect();
    let bound = law::Bound {
        services: &services,
        service_demands: &service_demands,
        campaigns: &campaigns,
        campaign_demands: &campaign_demands,
        datasets: &datasets,
        dataset_demands: &dataset_demands,
        sites: &sites,
    };
    bound.settle(ctx, &rules, &mut hazards);
    let laws = bound.laws(&rules);
    let training_rate = campaigns.iter().map(|campaign| training_rates(campaign, &ctx.accelerators)).collect();

    let kinds = std::mem::take(&mut ctx.accelerators);
    let mut library = replica::Library::default();
    let (replicas, token_rate): (Vec<_>, Vec<_>) = (services.iter().zip(&service_demands))
        .map(|(service, demands)| replica::replicas(ctx, &mut library, service, demands, &kinds))
        .unzip();
    ctx.assumptions.extend(services.iter().zip(&service_demands).filter_map(|(service, demands)| served_model(service, demands)));

    let model = Model {
        header,
        inputs: std::mem::take(&mut ctx.files.inputs),
        assumptions: std::mem::take(&mut ctx.assumptions),
        series: std::mem::take(&mut ctx.series),
        nations,
        buses,
        lines,
        generators,
        storages,
        loads,
        sites,
        accelerators: kinds,
        fleets,
        links,
        facilities,
        datasets,
        services,
        campaigns,
        hazards,
        munitions,
        defences,
        repair_pools,
        failures,
        maintenances,
        power_caps,
        evacuations,
        spikes,
        segments,
        segment_graph,
        policy,
        planning,
        growth,
        investments,
        alternatives,
        laws,
        legal_service,
        legal_campaign,
        legal_dataset,
        token_rate,
        replicas,
        training_rate,
        cases,
        report,
    };
    Some(Resolved { model, services: service_demands, campaigns: campaign_demands, datasets: dataset_demands, rules })
}

/// The library's model that a service runs, with its source, where the scenario leaves the throughput to it.
fn served_model(service: &Service, demands: &Demands) -> Option<Assumption> {
    let data = bastide_cost_models::library().models.get(&service.model).filter(|_| demands.tokens_per_accelerator.is_none())?;
    Some(Assumption {
        key: format!("service.{}.model", service.entity.name),
        value: data.title.clone(),
        source: Some(data.source.clone()),
        verified: Some(data.verified),
        place: "library of models".to_owned(),
    })
}

/// Training compute rate of one accelerator of each type: peak by utilisation (MFU; Chowdhery et al. 2022).
fn training_rates(campaign: &Campaign, accelerators: &[Accelerator]) -> Vec<ComputeRate> {
    accelerators.iter().map(|kind| kind.peak * campaign.utilisation).collect()
}
