//! Links that the plan builds, so that nations stay connected when any single link is down.
//!
//! The hubs of nations are the nodes; a site is at the hub of its nation and cannot lose it. Those of candidate sites, of sites that
//! stand and of the origins of services must stay connected; others may carry. This part of the plan shares nothing with the rest but the
//! budget, so that the cheapest network ([`survivable`]) is part of every cheapest plan: it leaves most of the budget, and its
//! annuity is a constant of the program. Where services may run is decided without the links that the plan builds: a plan never relies on
//! them, and may be dearer than one that did.

use std::collections::BTreeSet;

use bastide_model::model::{Endpoint, LinkId, Model, NationId};

use crate::PlanError;
use crate::conflict::{Conflict, ConflictGroup};
use crate::location::Search;
use crate::solver::Limits;
use crate::survivable::{self, Backbone, Surviving};

/// The links of a plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Laid {
    /// Those that it builds.
    pub links: Vec<LinkId>,
    /// What they cost [M EUR].
    pub capital: f64,
    /// No network costs less [M EUR].
    pub bound: f64,
    /// Rows that the proof needed.
    pub rows: usize,
    /// Links that could be built.
    pub columns: usize,
    /// Whether a limit ended the search.
    pub limited: bool,
}

/// The cheapest links for `survive_link_loss`, none where the scenario does not ask; or why there are none.
///
/// # Errors
/// [`PlanError`] when the solver breaks off.
pub(crate) fn lay(model: &Model, limits: &Limits) -> Result<Result<Laid, Conflict>, PlanError> {
    if !model.planning.survive_link_loss {
        return Ok(Ok(Laid::default()));
    }
    let backbone = backbone(model);
    match survivable::solve(&backbone, &Search { gap: limits.gap, time_limit: limits.time_limit })? {
        Surviving::Found(network) => {
            let built = |at: &usize| network.chosen[*at] && !backbone.built[*at];
            Ok(Ok(Laid {
                links: (0..model.links.len()).filter(built).map(LinkId::from_index).collect(),
                capital: network.objective,
                bound: network.bound,
                rows: network.cuts,
                columns: backbone.built.iter().filter(|stands| !**stands).count(),
                limited: network.limited,
            }))
        }
        Surviving::Infeasible { bridges, apart } => Ok(Err(conflict(model, &bridges, apart))),
    }
}

/// Node of an end: the hub of its nation.
fn hub(model: &Model, end: Endpoint) -> usize {
    match end {
        Endpoint::Nation(id) => id.index(),
        Endpoint::Site(id) => model.sites[id].nation.index(),
    }
}

/// Nations that must stay connected.
fn terminals(model: &Model) -> BTreeSet<usize> {
    let sites = model.sites.iter().enumerate();
    let used = sites.filter(|(at, site)| site.existing || model.planning.candidates.iter().any(|id| id.index() == *at));
    let origins = model.services.iter().flat_map(|service| &service.origins).filter(|(_, share)| *share > 0.0);
    used.map(|(_, site)| site.nation.index()).chain(origins.map(|(nation, _)| nation.index())).collect()
}

/// The network of a model, costs in M EUR.
fn backbone(model: &Model) -> Backbone {
    let ends = |link: &bastide_model::model::Link| (hub(model, link.from), hub(model, link.to));
    let cost = |link: &bastide_model::model::Link| link.build_cost.map_or(0.0, bastide_units::Money::as_meur);
    Backbone {
        nodes: model.nations.len(),
        links: model.links.iter().map(|link| (ends(link).0, ends(link).1, cost(link))).collect(),
        built: model.links.iter().map(|link| link.build_cost.is_none()).collect(),
        terminals: terminals(model).into_iter().collect(),
    }
}

/// Links without which some of the nations that must stay connected are cut off, in a network of some of the links; all nations that
/// are cut off already come as `Err`.
pub(crate) fn faults(model: &Model, built: &[LinkId]) -> Result<Vec<LinkId>, Vec<NationId>> {
    let there = |at: usize| model.links[LinkId::from_index(at)].build_cost.is_none() || built.contains(&LinkId::from_index(at));
    let links: Vec<usize> = (0..model.links.len()).filter(|at| there(*at)).collect();
    let terminals = terminals(model);
    let apart = cut_off(model, &links, None, &terminals);
    if !apart.is_empty() {
        return Err(apart);
    }
    let bridge = |at: &&usize| !cut_off(model, &links, Some(**at), &terminals).is_empty();
    Ok(links.iter().filter(bridge).map(|at| LinkId::from_index(*at)).collect())
}

/// Terminals that the first one does not reach without a link.
fn cut_off(model: &Model, links: &[usize], lost: Option<usize>, terminals: &BTreeSet<usize>) -> Vec<NationId> {
    let Some(first) = terminals.first() else { return Vec::new() };
    let mut next: Vec<Vec<usize>> = vec![Vec::new(); model.nations.len()];
    for at in links.iter().filter(|at| Some(**at) != lost) {
        let link = &model.links[LinkId::from_index(*at)];
        let (a, b) = (hub(model, link.from), hub(model, link.to));
        next[a].push(b);
        next[b].push(a);
    }
    let mut reached = vec![false; model.nations.len()];
    let mut open = vec![*first];
    while let Some(at) = open.pop() {
        if !std::mem::replace(&mut reached[at], true) {
            open.extend(next[at].iter().filter(|other| !reached[**other]));
        }
    }
    terminals.iter().filter(|at| !reached[**at]).map(|at| NationId::from_index(*at)).collect()
}

/// No network survives: the links that cannot be spared, or the nations that nothing joins.
fn conflict(model: &Model, bridges: &[usize], apart: Option<(usize, usize)>) -> Conflict {
    let plan = model.planning.span.clone();
    let wish = ConflictGroup {
        name: "survival of link loss".to_owned(),
        sentence: "nations with sites or users stay connected when any single link is down".to_owned(),
        spans: vec![plan],
    };
    let mut groups = vec![wish];
    for at in bridges {
        let link = &model.links[LinkId::from_index(*at)].entity;
        groups.push(ConflictGroup {
            name: format!("link {}", link.name),
            sentence: format!("`{}` ({}) is the only link between parts of the network, with all links built", link.name, link.title),
            spans: vec![link.span.clone()],
        });
    }
    if let (Some((a, b)), true) = (apart, bridges.is_empty()) {
        let (a, b) = (&model.nations[NationId::from_index(a)].entity, &model.nations[NationId::from_index(b)].entity);
        groups.push(ConflictGroup {
            name: format!("links between {} and {}", a.name, b.name),
            sentence: format!("no links lead from `{}` to `{}`, with all links built", a.name, b.name),
            spans: vec![a.span.clone(), b.span.clone()],
        });
    }
    Conflict { groups }
}
