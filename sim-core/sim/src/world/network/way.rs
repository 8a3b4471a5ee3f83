//! The way that requests take while nothing is broken.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Graph;

impl Graph {
    /// Links, and accesses of sites behind them, on the quickest path from the hub of a nation to a site over all links, up or not; empty where there is none (Dijkstra 1959).
    pub(crate) fn way(&self, origin: usize, site: usize) -> Vec<usize> {
        let mut latency_s = vec![f64::INFINITY; self.nodes];
        // How each node is reached: from which node, over which link.
        let mut from: Vec<Option<(usize, usize)>> = vec![None; self.nodes];
        latency_s[origin] = 0.0;
        // Bits of non-negative numbers are ordered as the numbers are.
        let mut heap = BinaryHeap::from([Reverse((0_u64, origin))]);
        while let Some(Reverse((bits, node))) = heap.pop() {
            let seconds = f64::from_bits(bits);
            if seconds > latency_s[node] {
                continue;
            }
            for edge in &self.edges[node] {
                let there = seconds + self.latency_s[edge.link];
                if there < latency_s[edge.other] {
                    latency_s[edge.other] = there;
                    from[edge.other] = Some((node, edge.link));
                    heap.push(Reverse((there.to_bits(), edge.other)));
                }
            }
        }
        let mut links = Vec::new();
        let mut at = self.hubs + site;
        while let Some((before, link)) = from[at] {
            links.push(link);
            at = before;
        }
        links
    }
}
