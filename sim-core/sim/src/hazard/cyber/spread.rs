//! First-passage percolation on the segment graph.

use bastide_engine::Stream;
use bastide_model::model::SegmentId;

/// A directed edge between two segments, by their places in the attack's list.
pub(super) struct Edge {
    pub from: usize,
    pub to: usize,
    pub stream: Stream,
}

/// A segment that an attacker holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Breach {
    pub segment: SegmentId,
    /// Share of each of its sites that he holds.
    pub share: f64,
}

/// Share of a site of so many parts that is breached: one part for certain, each other one with a probability. The expectation, so
/// that with more parts it is never more.
pub(super) fn share(parts: f64, within: f64) -> f64 {
    (1.0 + (parts - 1.0) * within.clamp(0.0, 1.0)) / parts
}

/// When each segment is reached \[s\], from the first; infinite for never. The time of an edge is exponential with `rate` times the
/// openness of the segment that it leads to. Nobody goes through a segment with nothing in it.
pub(super) fn arrivals(edges: &[Edge], event: u64, rate: f64, openness: &[f64], first: usize, open: &[bool]) -> Vec<f64> {
    let count = open.len();
    let wait = |edge: &Edge| {
        let speed = rate * openness[edge.to];
        if speed > 0.0 { edge.stream.member(event).exponential(1.0) / speed } else { f64::INFINITY }
    };
    let waits: Vec<f64> = edges.iter().map(wait).collect();
    let mut time = vec![f64::INFINITY; count];
    let mut done = vec![false; count];
    time[first] = 0.0;
    // Dijkstra (1959), on a graph of tens of segments.
    while let Some(next) = (0..count).filter(|&at| !done[at] && time[at].is_finite()).min_by(|&a, &b| time[a].total_cmp(&time[b])) {
        done[next] = true;
        for (edge, wait) in edges.iter().zip(&waits).filter(|(edge, _)| edge.from == next && open[edge.to]) {
            time[edge.to] = time[edge.to].min(time[next] + wait);
        }
    }
    time
}
