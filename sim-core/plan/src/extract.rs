//! From the program's values to a plan.

use bastide_model::model::DatasetId;
use bastide_model::plan::{Build, CampaignPlacement, Hedge, Placement, Plan, Replica, StandBy};
use bastide_units::TokenRate;

use self::hedge::hedge;
use crate::formulation::{Formulation, investment};
use crate::instance::Instance;

mod hedge;

/// Shares below this are the solver's dust.
const DUST: f64 = 1e-7;

/// The plan that the values describe, without cost, prices and certificate.
pub(crate) fn plan(instance: &Instance, formulation: &Formulation, values: &[f64]) -> Plan {
    let mut plan = Plan {
        name: String::new(),
        builds: builds(instance, formulation, values),
        investments: investment::chosen(formulation, values),
        placements: Vec::new(),
        standbys: Vec::new(),
        campaigns: Vec::new(),
        replicas: replicas(instance, formulation, values),
        links: Vec::new(),
        unserved: Vec::new(),
        hedge: Hedge::default(),
        cost: Vec::new(),
        prices: Vec::new(),
        roadmap: None,
        certificate: None,
    };
    for (gang, column) in instance.gangs.iter().zip(&formulation.run) {
        if values[*column] > 0.5 {
            plan.campaigns.push(CampaignPlacement {
                campaign: gang.campaign,
                site: instance.sites[gang.site].id,
                accelerator: instance.types[gang.kind].id,
                islands: values[*column].round() as u32,
            });
        }
    }
    for class in 0..instance.classes.len() {
        split(instance, formulation, values, class, &mut plan);
    }
    plan.hedge = hedge(instance, formulation, values);
    plan.placements.sort_by_key(|it| (it.service, it.site));
    plan.standbys.sort_by_key(|it| (it.service, it.of, it.site));
    plan.unserved.sort_by_key(|(service, _)| *service);
    plan
}

fn builds(instance: &Instance, formulation: &Formulation, values: &[f64]) -> Vec<Build> {
    let mut builds = Vec::new();
    for (site, by_type) in formulation.nodes.iter().enumerate() {
        for (kind, column) in by_type.iter().enumerate() {
            let nodes = column.map_or(0.0, |column| values[column].round());
            if nodes > 0.0 {
                let count = (nodes * instance.types[kind].per_node) as u32;
                builds.push(Build { site: instance.sites[site].id, accelerator: instance.types[kind].id, count });
            }
        }
    }
    builds
}

fn replicas(instance: &Instance, formulation: &Formulation, values: &[f64]) -> Vec<Replica> {
    let by_dataset = formulation.replica.iter().enumerate();
    let chosen = |dataset, columns: &[(usize, usize)]| -> Vec<Replica> {
        let here = columns.iter().filter(|(_, column)| values[*column] > 0.5);
        here.map(|(site, _)| Replica { dataset, site: instance.sites[*site].id }).collect()
    };
    by_dataset.flat_map(|(at, columns)| chosen(DatasetId::from_index(at), columns)).collect()
}

/// Splits a class's places and stand-by among its members in proportion to what each of them is served.
fn split(instance: &Instance, formulation: &Formulation, values: &[f64], class: usize, plan: &mut Plan) {
    let it = &instance.classes[class];
    let value = |column: &Option<usize>| column.map_or(0.0, |column| values[column].max(0.0));
    let placed: Vec<Vec<f64>> = formulation.place[class].iter().map(|by_type| by_type.iter().map(value).collect()).collect();
    let total: f64 = placed.iter().flatten().sum();
    let moved = standby(instance, formulation, values, class, &placed);
    for (member, ((service, units), column)) in it.members.iter().zip(&formulation.unserved[class]).enumerate() {
        let unserved = values[*column].clamp(0.0, *units);
        let unserved = if unserved < DUST * units { 0.0 } else { unserved };
        if unserved > 0.0 {
            plan.unserved.push((*service, TokenRate::from_tokens_per_s(unserved * it.tokens_per_unit(*service))));
        }
        let served = units - unserved;
        if total <= 0.0 || served <= DUST * units {
            continue;
        }
        // Share of this service's demand per unit of the class; dust left out is made up by the rest.
        let kept: f64 = placed.iter().map(|by_type| by_type.iter().sum::<f64>()).filter(|here| *here > DUST * total).sum();
        let part = served / kept;
        // A faster service takes fewer accelerators for the same share.
        let faster: f64 = formulation.faster_of(class, member).map(|column| values[column]).sum();
        let work = (served - faster).max(0.0) / kept;
        for (site, by_type) in placed.iter().enumerate() {
            let here: f64 = by_type.iter().sum();
            if here <= DUST * total {
                continue;
            }
            let headroom = instance.model.policy.headroom;
            let taken = by_type.iter().enumerate().filter(|(_, x)| **x > DUST * here);
            let accelerators = taken.map(|(kind, x)| (instance.types[kind].id, x * work * headroom / it.rate[kind])).collect();
            plan.placements.push(Placement {
                service: *service,
                site: instance.sites[site].id,
                share: (here * part / units).min(1.0),
                accelerators,
            });
            let Some(to) = moved.get(site) else { continue };
            let all: f64 = to.iter().filter(|x| **x > DUST * here).sum();
            for (other, x) in to.iter().enumerate().filter(|(_, x)| **x > DUST * here) {
                let share = here * part / units * x / all;
                plan.standbys.push(StandBy { service: *service, of: instance.sites[site].id, site: instance.sites[other].id, share });
            }
        }
    }
}

/// `[lost site][site]`: units of a class that move; empty where none need to. Without variables, in proportion to the room that others have.
fn standby(instance: &Instance, formulation: &Formulation, values: &[f64], class: usize, placed: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let it = &instance.classes[class];
    let count = instance.sites.len();
    if !it.protected {
        return Vec::new();
    }
    if !formulation.standby[class].is_empty() {
        let sum = |by_type: &Vec<Option<usize>>| by_type.iter().flatten().map(|column| values[*column].max(0.0)).sum();
        return formulation.standby[class].iter().map(|by_site| by_site.iter().map(sum).collect()).collect();
    }
    let room: Vec<f64> = (0..count)
        .map(|site| {
            let kinds = (0..instance.types.len()).filter(|kind| formulation.place[class][site][*kind].is_some());
            let room = kinds.map(|kind| {
                let bought = formulation.nodes[site][kind].map_or(0.0, |column| values[column].round() * instance.types[kind].per_node);
                let of_kind = |it: usize| if it == kind { 1.0 } else { 0.0 };
                let contracts = formulation.contracts_at(instance, site, of_kind);
                let rented: f64 = contracts.iter().map(|(column, count)| values[*column].round() * count).sum();
                let gangs = instance
                    .gangs
                    .iter()
                    .zip(&formulation.run)
                    .filter(|(gang, _)| gang.site == site && gang.kind == kind && instance.keeps(gang));
                let kept: f64 = gangs.map(|(gang, column)| gang.accelerators * values[*column].round()).sum();
                it.rate[kind] * (instance.fleet[site][kind] + bought + rented - kept) - placed[site][kind]
            });
            room.sum::<f64>().max(0.0)
        })
        .collect();
    let total: f64 = room.iter().sum();
    let moved = |lost: usize| {
        let load: f64 = placed[lost].iter().sum();
        let others = total - room[lost];
        let part = if others > 0.0 { load / others } else { 0.0 };
        (0..count).map(|site| if site == lost { 0.0 } else { room[site] * part }).collect()
    };
    (0..count).map(moved).collect()
}
