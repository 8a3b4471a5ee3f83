//! Least network latency from each nation to each site when every link is up.

use std::collections::BTreeMap;

use bastide_units::{Duration, Quantity};

use crate::model::{Endpoint, LinkId, Model};

/// `latencies(model)[nation][site]`: the least sum of one-way latencies over the links; a site is at its own nation's hub.
/// `None` where no path leads. Links that do not stand yet carry nothing.
#[must_use]
pub fn latencies(model: &Model) -> Vec<Vec<Option<Duration>>> {
    between(model, &[], &[])
}

/// [`latencies`] where a plan builds some of the links that do not stand yet.
#[must_use]
pub fn latencies_with(model: &Model, built: &[LinkId]) -> Vec<Vec<Option<Duration>>> {
    between(model, built, &[])
}

/// [`latencies`] when these links are down.
#[must_use]
pub fn latencies_without(model: &Model, down: &[LinkId]) -> Vec<Vec<Option<Duration>>> {
    between(model, &[], down)
}

fn between(model: &Model, built: &[LinkId], down: &[LinkId]) -> Vec<Vec<Option<Duration>>> {
    let nations = model.nations.len();
    let nodes = nations + model.sites.len();
    let node = |end: Endpoint| match end {
        Endpoint::Nation(id) => id.index(),
        Endpoint::Site(id) => nations + id.index(),
    };
    let join = |standby: bool| {
        let mut edges: Vec<Vec<(usize, f64)>> = vec![Vec::new(); nodes];
        let mut join = |a: usize, b: usize, cost: f64| {
            if a < nodes && b < nodes {
                edges[a].push((b, cost));
                edges[b].push((a, cost));
            }
        };
        let stands = |index: usize| model.links[index].build_cost.is_none() || built.contains(&LinkId::from_index(index));
        let up = |index: usize| stands(index) && !down.contains(&LinkId::from_index(index));
        for (_, link) in model.links.iter().enumerate().filter(|(index, link)| up(*index) && (standby || !link.standby)) {
            join(node(link.from), node(link.to), link.latency.base());
        }
        for (index, site) in model.sites.iter().enumerate() {
            join(site.nation.index(), nations + index, 0.0);
        }
        edges
    };
    let (usual, all) = (join(false), join(true));
    (0..nations)
        .map(|origin| {
            // What stands by carries only where nothing else leads.
            let (reached, at_worst) = (shortest(&usual, origin), shortest(&all, origin));
            let latency = |site: usize| reached.get(&(nations + site)).or(at_worst.get(&(nations + site)));
            (0..model.sites.len()).map(|site| latency(site).map(|seconds| Duration::from_s(*seconds))).collect()
        })
        .collect()
}

/// Dijkstra (1959) by a queue ordered by cost and node; costs are finite and not negative, so their bits order as they do.
fn shortest(edges: &[Vec<(usize, f64)>], origin: usize) -> BTreeMap<usize, f64> {
    let mut done = BTreeMap::new();
    let mut open = std::collections::BTreeSet::from([(0_u64, origin)]);
    while let Some((bits, at)) = open.pop_first() {
        if done.contains_key(&at) {
            continue;
        }
        let cost = f64::from_bits(bits);
        done.insert(at, cost);
        for (next, step) in &edges[at] {
            if step.is_finite() && !done.contains_key(next) {
                open.insert(((cost + step).to_bits(), *next));
            }
        }
    }
    done
}
