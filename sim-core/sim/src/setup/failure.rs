//! What fails where: one process for each pool and cause, or for each site and cause that takes a whole site.

use bastide_engine::{Distribution, derive_key, stream_key};
use bastide_model::model::{AcceleratorId, Failure, FailureDomain, FailureKind, Model, SiteId};

use super::{Gangs, Pool};

/// What one event of a process takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Unit {
    /// One node.
    Node,
    /// This many nodes side by side: a rack or a hall.
    Block(u32),
    /// All nodes of its pools.
    Site,
}

/// Events of one cause that hit the nodes of one pool, or of several at one site.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    /// Position in the model's causes; `None` for the failure rate of the type.
    pub cause: Option<u32>,
    pub site: usize,
    /// What it hits: one pool, but for [`Unit::Site`].
    pub pools: Vec<usize>,
    pub unit: Unit,
    /// Events of one unit [1/s].
    pub rate: f64,
    pub kind: FailureKind,
    /// Factor on the rate from each age on \[s\].
    pub by_age: Vec<(f64, f64)>,
    /// Factor on the rate for members of each gang; empty where it is one for all.
    pub by_gang: Vec<f64>,
    /// The largest factor that a node of its pools can have; at least one.
    pub most: f64,
    /// Key of its draws.
    pub key: u64,
}

/// All processes, by pool, then cause; those of whole sites last.
pub(super) fn processes(model: &Model, pools: &[Pool], gangs: &Gangs) -> Vec<Process> {
    let mut processes = Vec::new();
    for (at, pool) in pools.iter().enumerate() {
        let mut any = false;
        for (cause, failure) in concerning(model, pool) {
            any = true;
            if failure.domain != FailureDomain::Site {
                let key = derive_key(pool_key(model, pool), stream_key("failure", &failure.entity.name));
                processes.push(process((model, pools, gangs), (cause, failure), key, pool.site, vec![at]));
            }
        }
        if !any {
            processes.push(of_the_type(model, at, pool));
        }
    }
    for (site, place) in model.sites.iter().enumerate() {
        for (cause, failure) in model.failures.iter().enumerate().filter(|(_, failure)| failure.domain == FailureDomain::Site) {
            let concerned =
                |pool: &Pool| pool.site == site && failure.concerns(AcceleratorId::from_index(pool.accelerator), SiteId::from_index(site));
            let hit: Vec<usize> = (0..pools.len()).filter(|at| concerned(&pools[*at])).collect();
            if !hit.is_empty() {
                let key = stream_key(&format!("site.{}", place.entity.name), &format!("failure.{}", failure.entity.name));
                processes.push(process((model, pools, gangs), (cause, failure), key, site, hit));
            }
        }
    }
    processes
}

fn concerning<'m>(model: &'m Model, pool: &Pool) -> impl Iterator<Item = (usize, &'m Failure)> {
    let (accelerator, site) = (AcceleratorId::from_index(pool.accelerator), SiteId::from_index(pool.site));
    model.failures.iter().enumerate().filter(move |(_, failure)| failure.concerns(accelerator, site))
}

fn pool_key(model: &Model, pool: &Pool) -> u64 {
    let (site, accelerator) = (&model.sites[pool.site].entity.name, &model.accelerators[pool.accelerator].entity.name);
    stream_key(&format!("site.{site}"), &format!("nodes.{accelerator}"))
}

/// The failures of the type itself, where the scenario names no cause.
fn of_the_type(model: &Model, at: usize, pool: &Pool) -> Process {
    let reliability = &model.accelerators[pool.accelerator].node_reliability;
    Process {
        cause: None,
        site: pool.site,
        pools: vec![at],
        unit: Unit::Node,
        rate: reliability.failure_rate.as_per_s(),
        kind: FailureKind::Crash { detection: Distribution::Fixed(0.0), repair: reliability.repair, spare: false },
        by_age: Vec::new(),
        by_gang: Vec::new(),
        most: 1.0,
        key: pool_key(model, pool),
    }
}

fn process(
    (model, all, gangs): (&Model, &[Pool], &Gangs),
    (cause, failure): (usize, &Failure),
    key: u64,
    site: usize,
    pools: Vec<usize>,
) -> Process {
    let nodes_per_rack = pools.first().and_then(|at| model.accelerators[all[*at].accelerator].nodes_per_rack).unwrap_or(1);
    let unit = match failure.domain {
        FailureDomain::Node => Unit::Node,
        FailureDomain::Rack => Unit::Block(nodes_per_rack),
        FailureDomain::Hall => Unit::Block(nodes_per_rack.saturating_mul(model.sites[site].racks_per_hall.unwrap_or(1))),
        FailureDomain::Site => Unit::Site,
    };
    let mut by_gang = Vec::new();
    let mut most = 1.0_f64;
    if !failure.by_job_size.is_empty() {
        by_gang = gangs.all.iter().map(|gang| failure.job_factor(gang.size)).collect();
        let comes_by = |at: usize| std::iter::once(&gangs.all[at]).chain(&gangs.elsewhere[at]).any(|gang| pools.contains(&gang.pool));
        most = by_gang.iter().enumerate().filter(|(at, _)| comes_by(*at)).map(|(_, factor)| *factor).fold(most, f64::max);
    }
    Process {
        cause: Some(cause as u32),
        site,
        pools,
        unit,
        rate: failure.rate.as_per_s(),
        kind: failure.kind,
        by_age: failure.by_age.iter().map(|(age, factor)| (age.as_s(), *factor)).collect(),
        by_gang,
        most,
        key,
    }
}
