//! The widest path between two places, and what it takes up on its way.

use super::{Graph, Paths};

/// A path as wide as any (Pollack 1960), the one over the fewest edges among those that the search meets first.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Route {
    /// Width when nobody else uses it [B/s].
    pub bytes_per_s: f64,
    /// What it takes up: links by their position, then accesses of sites.
    pub over: Vec<usize>,
}

impl Graph {
    /// Node of a site.
    pub(crate) const fn node_of_site(&self, site: usize) -> usize {
        self.hubs + site
    }
}

/// Most routes between two places that an evacuation uses.
const ROUTES: usize = 4;

impl Paths {
    /// Widest paths between two nodes, each without the narrowest parts of those before it.
    pub(crate) fn routes(&self, graph: &Graph, widths: &[f64], from: usize, to: usize) -> Vec<Route> {
        let mut open = widths.to_vec();
        let mut routes = Vec::new();
        while routes.len() < ROUTES
            && let Some(route) = self.route(graph, &open, from, to).filter(|route| !route.over.is_empty())
        {
            for edge in route.over.iter().filter(|edge| widths[**edge] <= route.bytes_per_s) {
                open[*edge] = 0.0;
            }
            routes.push(route);
        }
        routes
    }

    /// The widest path between two nodes over what carries, at these widths [B/s].
    pub(crate) fn route(&self, graph: &Graph, widths: &[f64], from: usize, to: usize) -> Option<Route> {
        let mut width = vec![0.0_f64; self.nodes];
        let mut came: Vec<Option<(usize, usize)>> = vec![None; self.nodes];
        let mut done = vec![false; self.nodes];
        width[from] = f64::INFINITY;
        loop {
            let open = (0..self.nodes).filter(|&node| !done[node] && width[node] > 0.0);
            let node = open.max_by(|&a, &b| width[a].total_cmp(&width[b]).then(b.cmp(&a)))?;
            if node == to {
                break;
            }
            done[node] = true;
            for edge in graph.edges[node].iter().filter(|edge| self.active[edge.link]) {
                let through = width[node].min(widths[edge.link]);
                if !done[edge.other] && through > width[edge.other] {
                    width[edge.other] = through;
                    came[edge.other] = Some((node, edge.link));
                }
            }
        }
        let mut over = Vec::new();
        let mut at = to;
        while let Some((before, edge)) = came[at] {
            over.push(edge);
            at = before;
        }
        Some(Route { bytes_per_s: width[to], over })
    }
}
