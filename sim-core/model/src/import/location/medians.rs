//! The p-median problems of OR-Library: on a graph (J.E. Beasley, A note on solving large p-median problems, European Journal of
//! Operational Research 21, 1985) and, with capacities, in the plane (I.H. Osman and N. Christofides, Capacitated clustering problems by
//! hybrid simulated annealing and tabu search, International Transactions in Operational Research 1, 1994).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::{LocationOptions, Problem};
use crate::diag::Diagnostic;
use crate::import::words::Words;
use crate::keys::Range;

/// `n edges p`, then each edge with its length; of an edge that stands twice the last one counts.
pub(super) fn read_graph(text: &str, options: &LocationOptions) -> Result<Problem, Vec<Diagnostic>> {
    let mut words = Words::new(text, &options.file, false);
    let nodes = words.count(1, "the number of nodes").map_or(0, |(count, _)| count);
    let edges = words.count(0, "the number of edges").map_or(0, |(count, _)| count);
    let medians = median_count(&mut words, nodes);
    let mut lengths: BTreeMap<(usize, usize), f64> = BTreeMap::new();
    for edge in 1..=edges {
        if words.ended() {
            break;
        }
        let mut ends = [0, 0];
        for end in &mut ends {
            if let Some((node, at)) = words.count(1, format_args!("an end of edge {edge}")) {
                if node > nodes && nodes > 0 {
                    let message = format!("edge {edge} ends at node {node}, and the file has {nodes}");
                    words.wrong("F0955", at, message, "nodes are numbered from 1");
                }
                *end = node;
            }
        }
        let length = words.number(Range::NotNegative, format_args!("the length of edge {edge}"));
        lengths.insert((ends[0].min(ends[1]), ends[0].max(ends[1])), length);
    }
    words.finish("its last edge")?;
    let mut next: Vec<Vec<(usize, f64)>> = vec![Vec::new(); nodes];
    for ((from, to), length) in lengths {
        next[from - 1].push((to - 1, length));
        next[to - 1].push((from - 1, length));
    }
    Ok(Problem {
        title: format!("{medians}-median of a graph of {nodes} nodes"),
        origin: "Form `pmed` of OR-Library (Beasley 1985): every node is a customer and may be a facility; a cost is the shortest path; of an edge \
                 that stands twice the last one counts.",
        fixed: vec![0.0; nodes],
        capacity: vec![None; nodes],
        demand: vec![1.0; nodes],
        cost: (0..nodes).map(|node| shortest(&next, node)).collect(),
        most: Some(medians),
        single: false,
    })
}

/// Shortest paths from a node (Dijkstra 1959); none where no path leads. Lengths are finite and not negative, so their bits order as they do.
fn shortest(next: &[Vec<(usize, f64)>], from: usize) -> Vec<Option<f64>> {
    let mut done = vec![None; next.len()];
    let mut open = BinaryHeap::from([Reverse((0_u64, from))]);
    while let Some(Reverse((bits, at))) = open.pop() {
        if done[at].is_some() {
            continue;
        }
        let length = f64::from_bits(bits);
        done[at] = Some(length);
        for (to, step) in next[at].iter().filter(|(to, _)| done[*to].is_none()) {
            // Adding zero turns -0 into 0.
            open.push(Reverse(((length + step + 0.0).to_bits(), *to)));
        }
    }
    done
}

/// `number best`, `n p Q`, then for each point its number, coordinates and demand; distances are rounded down.
pub(super) fn read_plane(text: &str, options: &LocationOptions) -> Result<Problem, Vec<Diagnostic>> {
    let mut words = Words::new(text, &options.file, false);
    words.number(Range::Any, "the number of the problem");
    words.number(Range::Any, "the best value known");
    let points = words.count(1, "the number of points").map_or(0, |(count, _)| count);
    let medians = median_count(&mut words, points);
    let capacity = words.number(Range::Positive, "the capacity of a facility");
    let (mut places, mut demand) = (Vec::new(), Vec::new());
    for point in 1..=points {
        if words.ended() {
            break;
        }
        words.number(Range::Any, format_args!("the number of point {point}"));
        let x = words.number(Range::Any, format_args!("the first coordinate of point {point}"));
        places.push((x, words.number(Range::Any, format_args!("the second coordinate of point {point}"))));
        demand.push(words.number(Range::NotNegative, format_args!("the demand of point {point}")));
    }
    words.finish("its last point")?;
    let distance = |a: &(f64, f64), b: &(f64, f64)| Some((a.0 - b.0).hypot(a.1 - b.1).floor());
    Ok(Problem {
        title: format!("Capacitated {medians}-median of {points} points"),
        origin: "Form `pmedcap` of OR-Library (Osman and Christofides 1994): every point is a customer and may be a facility; each customer has one \
                 source; a cost is the distance, rounded down.",
        fixed: vec![0.0; points],
        capacity: vec![Some(capacity); points],
        demand,
        cost: places.iter().map(|a| places.iter().map(|b| distance(a, b)).collect()).collect(),
        most: Some(medians),
        single: true,
    })
}

/// The number of facilities that may be open.
fn median_count(words: &mut Words<'_>, nodes: usize) -> usize {
    let Some((medians, at)) = words.count(1, "the number of medians") else { return 1 };
    if medians > nodes && nodes > 0 {
        words.wrong(
            "F0955",
            at,
            format!("{medians} medians are asked for, and there are {nodes} places for them"),
            "the first line says both",
        );
    }
    medians
}
