//! Networks whose nodes stay connected when any single link is lost.

use bastide_model::import::import_sndlib;
use bastide_model::model::{Endpoint, Model};
use bastide_plan::{Outcome, SolveOptions, solve};
use bastide_units::Money;

use super::{Row, model, proven, read, rows};

/// Ends and lengths \[km\] of a model's links.
pub(super) fn links(model: &Model) -> Vec<(usize, usize, f64)> {
    let hub = |end: Endpoint| match end {
        Endpoint::Nation(id) => id.index(),
        Endpoint::Site(id) => model.sites[id].nation.index(),
    };
    model.links.iter().map(|link| (hub(link.from), hub(link.to), link.build_cost.map_or(0.0, Money::as_eur))).collect()
}

/// The root of a node, paths halved.
fn root(parent: &mut [usize], mut at: usize) -> usize {
    while parent[at] != at {
        parent[at] = parent[parent[at]];
        at = parent[at];
    }
    at
}

/// Length of a minimum spanning tree (Kruskal 1956), if there is one.
fn spanning_tree(nodes: usize, links: &[(usize, usize, f64)]) -> Option<f64> {
    let mut parent: Vec<usize> = (0..nodes).collect();
    let mut order: Vec<_> = links.to_vec();
    order.sort_by(|a, b| a.2.total_cmp(&b.2));
    let (mut length, mut count) = (0.0, 1);
    for (a, b, km) in order {
        let (a, b) = (root(&mut parent, a), root(&mut parent, b));
        if a != b {
            parent[a] = b;
            (length, count) = (length + km, count + 1);
        }
    }
    (count == nodes).then_some(length)
}

/// Fewest links whose loss cuts a network apart, by augmenting paths from the first node to every other.
fn connectivity(nodes: usize, links: &[(usize, usize, f64)]) -> usize {
    let flow = |goal: usize| {
        // `used[link]`: 0 free, 1 from its first end to its second, -1 back.
        let mut used = vec![0_i8; links.len()];
        let mut paths = 0;
        loop {
            let mut came: Vec<Option<(usize, usize)>> = vec![None; nodes];
            let mut open = vec![0];
            while let Some(at) = open.pop() {
                for (link, (a, b, _)) in links.iter().enumerate() {
                    for (from, to, way) in [(*a, *b, 1), (*b, *a, -1)] {
                        if from == at && used[link] != way && to != 0 && came[to].is_none() {
                            came[to] = Some((from, link));
                            open.push(to);
                        }
                    }
                }
            }
            if came[goal].is_none() {
                return paths;
            }
            let mut at = goal;
            while let Some((from, link)) = came[at].filter(|_| at != 0) {
                used[link] += if links[link].0 == from { 1 } else { -1 };
                at = from;
            }
            paths += 1;
        }
    };
    (1..nodes).map(flow).min().unwrap_or(usize::MAX)
}

pub(super) fn network(row: &Row, path: &std::path::Path) -> std::sync::Arc<Model> {
    model(&import_sndlib(&read(path), &row.file).unwrap_or_else(|mistakes| panic!("{}: {mistakes:#?}", row.id)))
}

#[test]
fn the_cheapest_surviving_networks_are_the_published_ones() {
    let known = rows("surviving networks", |row| row.folder() == "sndlib" && row.family.starts_with("minimum-km 2-edge-connected"));
    for (row, path) in known {
        let model = network(&row, &path);
        if row.optimum == "INFEASIBLE" {
            let outcome = solve(&model, None, &SolveOptions::default()).unwrap();
            let Outcome::Infeasible(conflict) = outcome else { panic!("{}: {outcome:?}", row.id) };
            let sentences: String = conflict.groups.iter().map(|group| group.sentence.clone() + "\n").collect();
            let bridges = row.params.split_once("bridge(s):").map_or("", |(_, names)| names);
            for bridge in bridges.split([' ', ';']).filter(|name| !name.is_empty()) {
                let (a, b) = bridge.split_once('-').unwrap_or((bridge, ""));
                assert!(sentences.contains(&format!("{a}-{b}")) || sentences.contains(&format!("{b}-{a}")), "{}: {sentences}", row.id);
            }
            continue;
        }
        let (plan, proof) = proven(&row.id, &model);
        assert!(row.agrees(proof.objective_eur), "{}: {} is published, {} is found", row.id, row.optimum, proof.objective_eur);
        let all = links(&model);
        let built: Vec<_> = plan.links.iter().map(|id| all[id.index()]).collect();
        assert!(connectivity(model.nations.len(), &built) >= 2, "{}", row.id);
    }
}

#[test]
fn lengths_and_connectivity_are_the_published_ones() {
    let known = rows("spanning trees", |row| row.folder() == "sndlib" && row.family == "minimum spanning tree km");
    for (row, path) in known {
        let model = network(&row, &path);
        let length = spanning_tree(model.nations.len(), &links(&model)).unwrap_or(f64::NAN);
        println!("{}: {length}", row.id);
        assert!(row.agrees(length), "{}: {} is published, {length} is found", row.id, row.optimum);
    }
    let known = rows("edge connectivity", |row| row.folder() == "sndlib" && row.family == "global edge connectivity");
    for (row, path) in known {
        let model = network(&row, &path);
        let found = connectivity(model.nations.len(), &links(&model));
        assert!(row.agrees(found as f64), "{}: {} is published, {found} is found", row.id, row.optimum);
    }
}
