//! The scenario's things in names, for readers that have the results folder alone.

use bastide_model::model::{Endpoint, FailureKind, HazardKind, LinkKind, Model, Place, SiteTier};
use bastide_model::plan::Plan;
use bastide_units::Time;

use super::ResultsError;
use super::schema::{BuildFacts, CampaignFacts, PlacementFacts, PlanFacts, ReplicaFacts, ScenarioFacts, StandByFacts, UnservedFacts};
use super::table::{Cell, TableWriter};

#[derive(Default)]
struct Row<'a> {
    kind: &'static str,
    name: &'a str,
    title: &'a str,
    nation: Option<&'a str>,
    place: Option<Place>,
    from: Option<String>,
    to: Option<String>,
    tier: Option<&'static str>,
    note: Option<String>,
    existing: Option<bool>,
    capacity: Option<(f64, &'static str)>,
}

/// Writes every named thing of the model.
pub(super) fn write(model: &Model, table: &mut TableWriter) -> Result<(), ResultsError> {
    for row in rows(model) {
        table.row(&[
            row.kind.into(),
            row.name.into(),
            row.title.into(),
            row.nation.into(),
            row.place.map(|place| place.latitude).into(),
            row.place.map(|place| place.longitude).into(),
            row.from.as_ref().into(),
            row.to.as_ref().into(),
            row.tier.into(),
            row.note.as_ref().into(),
            row.existing.into(),
            row.capacity.map(|capacity| capacity.0).into(),
            Cell::from(row.capacity.map(|capacity| capacity.1)),
        ])?;
    }
    Ok(())
}

/// The nation of an accelerator is its vendor's; the note of a site is its operator with the operator's home.
fn rows(model: &Model) -> Vec<Row<'_>> {
    let nation = |id: bastide_model::model::NationId| Some(model.nations[id].entity.name.as_str());
    let bus = |id: bastide_model::model::BusId| &model.buses[id].entity.name;
    let mut rows = Vec::new();
    for x in &model.nations {
        let name = Some(x.entity.name.as_str());
        rows.push(Row { kind: "nation", name: &x.entity.name, title: &x.entity.title, nation: name, place: x.hub, ..Row::default() });
    }
    for x in &model.buses {
        let base = Row { kind: "bus", name: &x.entity.name, title: &x.entity.title, ..Row::default() };
        rows.push(Row { nation: nation(x.nation), place: x.place, capacity: x.hosting_limit.map(|limit| (limit.as_mw(), "MW")), ..base });
    }
    for x in &model.lines {
        let base = Row { kind: "line", name: &x.entity.name, title: &x.entity.title, ..Row::default() };
        let (from, to) = (Some(bus(x.from).clone()), Some(bus(x.to).clone()));
        rows.push(Row { from, to, capacity: Some((x.capacity.as_mw(), "MW")), ..base });
    }
    for x in &model.generators {
        let base =
            Row { kind: "generator", name: &x.entity.name, title: &x.entity.title, from: Some(bus(x.bus).clone()), ..Row::default() };
        rows.push(Row { note: Some(x.technology.clone()), capacity: Some((x.capacity.as_mw(), "MW")), ..base });
    }
    for x in &model.storages {
        let base = Row { kind: "storage", name: &x.entity.name, title: &x.entity.title, ..Row::default() };
        rows.push(Row { from: Some(bus(x.bus).clone()), capacity: Some((x.power.as_mw(), "MW")), ..base });
    }
    for x in &model.loads {
        let base = Row { kind: "load", name: &x.entity.name, title: &x.entity.title, ..Row::default() };
        rows.push(Row { from: Some(bus(x.bus).clone()), ..base });
    }
    for x in &model.accelerators {
        let base = Row { kind: "accelerator", name: &x.entity.name, title: &x.entity.title, ..Row::default() };
        rows.push(Row { nation: Some(&x.vendor_nation), note: Some(x.vendor.clone()), capacity: Some((x.power.as_kw(), "kW")), ..base });
    }
    for x in &model.sites {
        let base =
            Row { kind: "site", name: &x.entity.name, title: &x.entity.title, nation: nation(x.nation), place: x.place, ..Row::default() };
        let (from, capacity) = (Some(bus(x.bus).clone()), Some((x.connection.as_mw(), "MW")));
        let note = Some(format!("{}, {}", x.operator, model.nations[x.operator_nation].entity.title));
        rows.push(Row { from, tier: Some(tier(x.tier)), note, existing: Some(x.existing), capacity, ..base });
    }
    for x in &model.links {
        let base = Row { kind: "link", name: &x.entity.name, title: &x.entity.title, ..Row::default() };
        let end = |end| match end {
            Endpoint::Nation(id) => Some(format!("nation.{}", model.nations[id].entity.name)),
            Endpoint::Site(id) => Some(format!("site.{}", model.sites[id].entity.name)),
        };
        let medium = match x.kind {
            LinkKind::Fibre => "fibre",
            LinkKind::Submarine => "submarine",
            LinkKind::Satellite => "satellite",
        };
        let note = Some(medium.to_string());
        rows.push(Row { from: end(x.from), to: end(x.to), note, capacity: Some((x.bandwidth.as_gbit_per_s(), "Gbit/s")), ..base });
    }
    for x in &model.facilities {
        let base = Row { kind: "facility", name: &x.entity.name, title: &x.entity.title, place: x.place, ..Row::default() };
        let from = match x.at {
            Endpoint::Nation(id) => format!("nation.{}", model.nations[id].entity.name),
            Endpoint::Site(id) => format!("site.{}", model.sites[id].entity.name),
        };
        let home = &model.nations[x.operator_nation].entity.title;
        let note = x.operator.as_ref().map_or_else(|| home.clone(), |operator| format!("{operator}, {home}"));
        rows.push(Row { from: Some(from), note: Some(format!("{}: {note}", x.kind.name())), ..base });
    }
    for x in &model.datasets {
        let base = Row { kind: "dataset", name: &x.entity.name, title: &x.entity.title, nation: nation(x.nation), ..Row::default() };
        rows.push(Row { capacity: Some((x.size.as_tb(), "TB")), ..base });
    }
    for x in &model.services {
        let base = Row { kind: "service", name: &x.entity.name, title: &x.entity.title, nation: nation(x.nation), ..Row::default() };
        let capacity = Some((x.demand.as_tokens_per_s(), "tokens/s"));
        rows.push(Row { tier: Some(x.tier.name()), note: Some(x.model.clone()), capacity, ..base });
    }
    for x in &model.campaigns {
        let base = Row { kind: "campaign", name: &x.entity.name, title: &x.entity.title, nation: nation(x.nation), ..Row::default() };
        rows.push(Row { tier: Some(x.tier.name()), capacity: Some((f64::from(x.accelerators), "accelerators")), ..base });
    }
    for x in &model.failures {
        let kind = match x.kind {
            FailureKind::Crash { .. } => "crash",
            FailureKind::Transient { .. } => "transient failure",
            FailureKind::Silent { .. } => "silent fault",
            FailureKind::Straggler { .. } => "straggler",
        };
        rows.push(Row { kind: "failure", name: &x.entity.name, title: &x.entity.title, note: Some(kind.to_string()), ..Row::default() });
    }
    for x in &model.defences {
        rows.push(Row { kind: "defence", name: &x.entity.name, title: &x.entity.title, ..Row::default() });
    }
    for x in &model.repair_pools {
        rows.push(Row { kind: "repair_pool", name: &x.entity.name, title: &x.entity.title, ..Row::default() });
    }
    for x in &model.laws {
        rows.push(Row { kind: "rule", name: &x.entity.name, title: &x.entity.title, ..Row::default() });
    }
    for x in &model.hazards {
        let kind = match x.kind {
            HazardKind::RandomOutage { .. } => "random outage",
            HazardKind::Blackout { .. } => "blackout",
            HazardKind::Heatwave { .. } => "heatwave",
            HazardKind::FuelBlock { .. } => "fuel block",
            HazardKind::GeneratorFailure { .. } => "common failure of generators",
            HazardKind::StrikeCampaign { .. } => "strike campaign",
            HazardKind::Wiper { .. } => "wiper",
            HazardKind::CommonMode(_) => "common-mode exploit",
            HazardKind::CableCut { .. } => "cable cut",
            HazardKind::DegradedLinks { .. } => "degraded links",
            HazardKind::Disruption(ref it) => it.effect.name(),
            HazardKind::SupplyDelay { .. } => "supply delay",
        };
        rows.push(Row { kind: "hazard", name: &x.entity.name, title: &x.entity.title, note: Some(kind.to_string()), ..Row::default() });
    }
    rows
}

const fn tier(tier: SiteTier) -> &'static str {
    match tier {
        SiteTier::Core => "core",
        SiteTier::Regional => "regional",
        SiteTier::Edge => "edge",
        SiteTier::Pool => "pool",
    }
}

/// `[scenario]`, `[plan]` and `[report]` in brief.
pub(super) fn scenario(model: &Model) -> ScenarioFacts {
    let header = &model.header;
    ScenarioFacts {
        name: header.name.clone(),
        title: header.title.clone(),
        question: header.question.clone(),
        start: header.start.clone(),
        duration_h: header.duration.as_h(),
        price_year: header.price_year,
        budget_eur: model.planning.budget.as_eur(),
        it_power_mw: model.planning.it_power.as_mw(),
        letterhead: model.report.letterhead.clone(),
        summary: model.report.summary.clone(),
    }
}

/// A plan in names.
pub(super) fn plan(model: &Model, plan: &Plan) -> PlanFacts {
    let site = |id: bastide_model::model::SiteId| model.sites[id].entity.name.clone();
    let service = |id: bastide_model::model::ServiceId| model.services[id].entity.name.clone();
    let dataset = |id: bastide_model::model::DatasetId| model.datasets[id].entity.name.clone();
    let build = |at, accelerator: bastide_model::model::AcceleratorId, count: u32| {
        let kind = &model.accelerators[accelerator];
        BuildFacts { site: site(at), accelerator: kind.entity.name.clone(), count, it_mw: f64::from(count) * kind.power.as_mw() }
    };
    PlanFacts {
        builds: plan.builds.iter().map(|x| build(x.site, x.accelerator, x.count)).collect(),
        // Of a plan over years, builds are those of the last period; so are fleets.
        fleets: (model.fleets.iter())
            .filter(|x| plan.roadmap.is_none() || x.retired >= Time::ZERO + model.header.duration)
            .map(|x| build(x.site, x.accelerator, x.count))
            .collect(),
        placements: (plan.placements.iter())
            .map(|x| PlacementFacts {
                service: service(x.service),
                tier: model.services[x.service].tier.name().to_string(),
                site: site(x.site),
                share: x.share,
                accelerators: x.accelerators.iter().map(|(_, count)| count).sum(),
            })
            .collect(),
        standbys: (plan.standbys.iter())
            .map(|x| StandByFacts { service: service(x.service), of: site(x.of), site: site(x.site), share: x.share })
            .collect(),
        campaigns: (plan.campaigns.iter())
            .map(|x| CampaignFacts {
                campaign: model.campaigns[x.campaign].entity.name.clone(),
                site: site(x.site),
                accelerator: model.accelerators[x.accelerator].entity.name.clone(),
                accelerators: model.campaigns[x.campaign].gang() * x.islands,
            })
            .collect(),
        campaigns_left_out: (model.campaigns.iter().enumerate())
            .filter(|(index, _)| plan.campaigns.iter().all(|x| x.campaign.index() != *index))
            .map(|(_, x)| x.entity.name.clone())
            .collect(),
        replicas: plan.replicas.iter().map(|x| ReplicaFacts { dataset: dataset(x.dataset), site: site(x.site) }).collect(),
        unserved: (plan.unserved.iter())
            .map(|(id, rate)| UnservedFacts { service: service(*id), tokens_per_s: rate.as_tokens_per_s() })
            .collect(),
        cost: plan.cost.clone(),
        prices: plan.prices.clone(),
        certificate: plan.certificate.clone(),
    }
}
