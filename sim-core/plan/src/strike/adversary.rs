//! The worst case for what is built.
//!
//! Of a case `w` (sites lost, `z_s = 1`; demand raised, `r_v = 1`), what stays unserved is a linear program with prices `l_v` of demand and
//! `m_st` of accelerators. By duality the worst case is one mixed-integer program:
//!
//! ```text
//! max   sum_v demand_v (l_v + rise q_v) - sum_st room_st m_st
//! s.t.  m_st >= rate_vt l_v - rate_vt value_v z_s        each v that may run at s on t
//!       q_v <= l_v,  q_v <= value_v r_v                  (q = l r, exact for binary r)
//!       sum_s z_s <= strike,  sum_v r_v <= services;  0 <= l_v <= value_v,  m >= 0
//! ```
//!
//! A lost site's accelerators have no price (`z_s = 1`), because `l_v` is at most the value of what is lost.

use bastide_model::model::{Model, ServiceId, SiteId, Tier};
use bastide_units::{Duration, TokenRate};

use crate::PlanError;
use crate::class::critical_demand;
use crate::formulation::Formulation;
use crate::instance::{self, Instance, value_of_rate};
use crate::program::{Group, Program, Sense};
use crate::solver::{self, Answer, Limits};
use crate::state::{Part, State};

/// Relative gap within which the worst case is the worst.
const GAP: f64 = 1e-8;
/// Unserved demand below this share of a service's is the solver's dust.
const DUST: f64 = 1e-9;

/// A case, and what it costs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Case {
    /// Sites lost.
    pub lost: Vec<SiteId>,
    /// Services whose demand rises.
    pub raised: Vec<ServiceId>,
    /// Critical demand left unserved, by service.
    pub unserved: Vec<(ServiceId, TokenRate)>,
    /// Its value [M EUR/y].
    pub loss: f64,
}

/// What is built, as the worst case sees it.
pub(crate) struct Rooms {
    /// `free[site][type]`: accelerators that no campaign keeps.
    pub free: Vec<Vec<f64>>,
    /// `reads[class][site]`: whether the data that a class reads lie there, or it reads none.
    pub reads: Vec<Vec<bool>>,
}

/// A service with critical demand.
struct Claim {
    service: ServiceId,
    class: usize,
    /// Critical demand in units.
    demand: f64,
    /// Value of a unit [M EUR/y].
    value: f64,
}

fn claims(model: &Model, instance: &Instance) -> Vec<Claim> {
    let classes = instance.classes.iter().enumerate();
    let all = classes.flat_map(|(at, class)| class.members.iter().map(move |(service, _)| (at, class, *service)));
    let claim = |(at, class, service): (usize, &crate::class::Class, ServiceId)| {
        let tokens = class.tokens_per_unit(service);
        Claim { service, class: at, demand: critical_demand(model, service) / tokens, value: value_of_rate(model, service) * tokens }
    };
    all.map(claim).filter(|claim| claim.demand > 0.0).collect()
}

/// Tiers with critical demand.
pub(crate) fn tiers(model: &Model) -> Vec<Tier> {
    Tier::ALL.into_iter().filter(|tier| model.services.iter().any(|it| it.tier == *tier && it.critical.share > 0.0)).collect()
}

/// The state of a case.
pub(crate) fn state(model: &Model, instance: &Instance, case: &Case) -> State {
    let mut parts: Vec<Part> = Vec::new();
    let rise =
        |service| if case.raised.contains(&service) { model.planning.uncertainty.demand_budget.map_or(0.0, |it| it.rise) } else { 0.0 };
    for claim in claims(model, instance) {
        let class = &instance.classes[claim.class];
        let place = class.members.iter().position(|(id, _)| *id == claim.service).unwrap_or(0);
        let member = (place, claim.service, claim.demand * (1.0 + rise(claim.service)));
        match parts.iter_mut().find(|part| part.class == claim.class) {
            Some(part) => part.members.push(member),
            None => parts.push(Part { class: claim.class, members: vec![member], sites: class.sites.clone() }),
        }
    }
    let tiers = tiers(model);
    let left = |site: SiteId| if case.lost.contains(&site) { 0.0 } else { 1.0 };
    State {
        group: Group::Structure,
        weight: 0.0,
        share: instance.sites.iter().map(|site| vec![left(site.id); instance.types.len()]).collect(),
        energy: vec![0.0; instance.sites.len()],
        parts,
        keeps: instance.gangs.iter().map(|gang| instance::keeps(instance.model, &tiers, gang.campaign)).collect(),
        unserved: [None; 4],
    }
}

/// What a point of the master builds.
pub(crate) fn rooms(model: &Model, instance: &Instance, formulation: &Formulation, values: &[f64]) -> Rooms {
    let tiers = tiers(model);
    let keeps: Vec<bool> = instance.gangs.iter().map(|gang| instance::keeps(model, &tiers, gang.campaign)).collect();
    let free = |site: usize, kind: usize| {
        let bought: f64 = formulation.bought(instance, site, kind).iter().map(|(column, count)| -count * values[*column]).sum();
        let gangs = instance.gangs.iter().zip(&formulation.run).zip(&keeps);
        let here = gangs.filter(|((gang, _), keeps)| **keeps && gang.site == site && gang.kind == kind);
        let kept: f64 = here.map(|((gang, column), _)| gang.accelerators * values[*column]).sum();
        (instance.fleet[site][kind] + bought - kept).max(0.0)
    };
    let has_copy =
        |dataset: usize, site: usize| formulation.replica[dataset].iter().any(|(at, column)| *at == site && values[*column] > 0.5);
    Rooms {
        free: (0..instance.sites.len()).map(|site| (0..instance.types.len()).map(|kind| free(site, kind)).collect()).collect(),
        reads: instance
            .classes
            .iter()
            .map(|class| (0..instance.sites.len()).map(|site| class.dataset.is_none_or(|id| has_copy(id.index(), site))).collect())
            .collect(),
    }
}

/// Where a class may run on what is built: site, type and units per accelerator.
fn places<'a>(instance: &'a Instance, rooms: &'a Rooms, class: usize) -> impl Iterator<Item = (usize, usize, f64)> + 'a {
    let it = &instance.classes[class];
    let sites = (0..instance.sites.len()).filter(move |site| it.sites[*site] && rooms.reads[class][*site]);
    let all = sites.flat_map(move |site| (0..instance.types.len()).map(move |kind| (site, kind, it.rate[kind])));
    all.filter(|(site, kind, rate)| *rate > 0.0 && rooms.free[*site][*kind] > 0.0)
}

/// The worst case of all.
///
/// # Errors
/// [`PlanError`] when the solver breaks off or runs out of time.
pub(crate) fn worst_case(model: &Model, instance: &Instance, rooms: &Rooms, time_limit: Duration) -> Result<Case, PlanError> {
    let uncertainty = &model.planning.uncertainty;
    let (strike, budget) = (f64::from(uncertainty.strike.unwrap_or(0)), uncertainty.demand_budget);
    let claims = claims(model, instance);
    let mut program = Program::default();
    let used = |site: usize| rooms.free[site].iter().any(|free| *free > 0.0);
    let lost: Vec<Option<usize>> =
        (0..instance.sites.len()).map(|site| (strike > 0.0 && used(site)).then(|| program.integer(0.0, 0.0, 1.0))).collect();
    let price: Vec<Vec<usize>> =
        rooms.free.iter().map(|by_type| by_type.iter().map(|free| program.continuous(*free, 0.0, f64::INFINITY)).collect()).collect();
    let mut raised = Vec::new();
    for claim in &claims {
        let demand = program.continuous(-claim.demand, 0.0, claim.value);
        if let Some(budget) = budget {
            let rise = program.integer(0.0, 0.0, 1.0);
            let both = program.continuous(-claim.demand * budget.rise, 0.0, claim.value);
            program.at_most(Group::Structure, [(both, 1.0), (demand, -1.0)], 0.0);
            program.at_most(Group::Structure, [(both, 1.0), (rise, -claim.value)], 0.0);
            raised.push(rise);
        }
        for (site, kind, rate) in places(instance, rooms, claim.class) {
            let gone = lost[site].map(|column| (column, -rate * claim.value));
            let terms: Vec<_> = [(demand, rate), (price[site][kind], -1.0)].into_iter().chain(gone).collect();
            program.at_most(Group::Structure, terms, 0.0);
        }
    }
    program.at_most(Group::Structure, lost.iter().flatten().map(|column| (*column, 1.0)), strike);
    let most = budget.map_or(0.0, |budget| f64::from(budget.services));
    program.at_most(Group::Structure, raised.iter().map(|column| (*column, 1.0)), most);
    let Answer::Found(found) = solver::solve(&program, &Limits { gap: GAP, time_limit })? else { return Err(PlanError::Late) };
    let chosen = |column: usize| found.values[column] > 0.5;
    let mut case = Case {
        lost: lost.iter().zip(&instance.sites).filter(|(column, _)| column.is_some_and(chosen)).map(|(_, site)| site.id).collect(),
        raised: claims.iter().zip(&raised).filter(|(_, column)| chosen(**column)).map(|(claim, _)| claim.service).collect(),
        unserved: Vec::new(),
        loss: 0.0,
    };
    suffer(model, instance, rooms, &claims, &mut case, time_limit)?;
    Ok(case)
}

/// What a case leaves unserved at best.
fn suffer(
    model: &Model,
    instance: &Instance,
    rooms: &Rooms,
    claims: &[Claim],
    case: &mut Case,
    time_limit: Duration,
) -> Result<(), PlanError> {
    let rise = model.planning.uncertainty.demand_budget.map_or(0.0, |budget| budget.rise);
    let mut program = Program::default();
    let mut used: Vec<Vec<Vec<(usize, f64)>>> = vec![vec![Vec::new(); instance.types.len()]; instance.sites.len()];
    let mut columns = Vec::new();
    for claim in claims {
        let demand = claim.demand * (1.0 + if case.raised.contains(&claim.service) { rise } else { 0.0 });
        let unserved = program.continuous(claim.value, 0.0, demand);
        columns.push((claim, demand, unserved));
        let mut served = vec![(unserved, 1.0)];
        for (site, kind, rate) in places(instance, rooms, claim.class).filter(|(site, ..)| !case.lost.contains(&instance.sites[*site].id)) {
            let column = program.continuous(0.0, 0.0, demand);
            served.push((column, 1.0));
            used[site][kind].push((column, 1.0 / rate));
        }
        program.row(Group::Structure, served, Sense::Equal, demand);
    }
    for (site, by_type) in used.into_iter().enumerate() {
        for (kind, terms) in by_type.into_iter().enumerate().filter(|(_, terms)| !terms.is_empty()) {
            program.at_most(Group::Structure, terms, rooms.free[site][kind]);
        }
    }
    let Answer::Found(found) = solver::solve(&program, &Limits { gap: 0.0, time_limit })? else { return Err(PlanError::Late) };
    for (claim, demand, column) in columns {
        let unserved = found.values[column].clamp(0.0, demand);
        if unserved > DUST * demand {
            let tokens = instance.classes[claim.class].tokens_per_unit(claim.service);
            case.unserved.push((claim.service, TokenRate::from_tokens_per_s(unserved * tokens)));
            case.loss += unserved * claim.value;
        }
    }
    case.unserved.sort_by_key(|(service, _)| *service);
    Ok(())
}
