//! Network latency from a nation's hub to a site with every link up.

use bastide_model::model::{Endpoint, Model, NationId, SiteId};
use bastide_units::Duration;
use petgraph::algo::dijkstra;
use petgraph::graph::{NodeIndex, UnGraph};

/// One-way latencies, `[nation][site]` [s]; infinite where no path exists.
pub(crate) struct Reach(Vec<Vec<f64>>);

impl Reach {
    /// Shortest paths over all links; a site hangs on its nation's hub without extra latency.
    pub(crate) fn new(model: &Model) -> Self {
        let hubs = model.nations.len();
        let mut graph = UnGraph::<(), f64>::default();
        let nodes: Vec<NodeIndex> = (0..hubs + model.sites.len()).map(|_| graph.add_node(())).collect();
        let node = |end: Endpoint| match end {
            Endpoint::Nation(nation) => nodes[nation.index()],
            Endpoint::Site(site) => nodes[hubs + site.index()],
        };
        for (at, site) in model.sites.iter().enumerate() {
            graph.add_edge(nodes[hubs + at], nodes[site.nation.index()], 0.0);
        }
        for link in &model.links {
            graph.add_edge(node(link.from), node(link.to), link.latency.as_s().max(0.0));
        }
        let from = |hub: usize| {
            let found = dijkstra(&graph, nodes[hub], None, |edge| *edge.weight());
            (0..model.sites.len()).map(|at| found.get(&nodes[hubs + at]).copied().unwrap_or(f64::INFINITY)).collect()
        };
        Self((0..hubs).map(from).collect())
    }

    /// Whether every origin reaches the site in time.
    pub(crate) fn within(&self, origins: &[(NationId, f64)], site: SiteId, limit: Duration) -> bool {
        origins.iter().all(|(nation, share)| *share <= 0.0 || self.0[nation.index()][site.index()] <= limit.as_s() + 1e-12)
    }
}
