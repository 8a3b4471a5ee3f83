//! Max-min fair shares of links: progressive filling (Bertsekas & Gallager 1992, "Data Networks", second edition, section 6.5.2).
//!
//! All flows grow alike; one stops when it has what it asks for, or when a link on its path is full. The outcome is the only allocation in
//! which no flow can gain without taking from one that has no more than it.

/// Rates of flows that ask for `demands` over paths of links with `capacity`; all in one unit.
///
/// The path of flow `f` is `links[starts[f]..starts[f + 1]]`, each link at most once. A flow without links gets what it asks for. What is
/// negative or NaN counts as zero.
///
/// # Panics
/// If `starts` has another length than `demands` and one, or a link has no capacity in the list.
#[must_use]
pub fn max_min(demands: &[f64], starts: &[usize], links: &[usize], capacity: &[f64]) -> Vec<f64> {
    assert_eq!(starts.len(), demands.len() + 1, "one path for each flow");
    let path = |flow: usize| &links[starts[flow]..starts[flow + 1]];
    let mut rates = vec![0.0; demands.len()];
    // What is left of each link, and the flows on it that still grow.
    let mut left: Vec<f64> = capacity.iter().map(|width| width.max(0.0)).collect();
    let mut growing = vec![0_u32; capacity.len()];
    let mut open: Vec<usize> = (0..demands.len()).filter(|flow| demands[*flow] > 0.0).collect();
    open.retain(|&flow| {
        if path(flow).is_empty() {
            rates[flow] = demands[flow];
        }
        !path(flow).is_empty()
    });
    open.sort_by(|a, b| demands[*a].total_cmp(&demands[*b]));
    for &flow in &open {
        path(flow).iter().for_each(|link| growing[*link] += 1);
    }
    let mut level = 0.0;
    while let Some(&first) = open.first() {
        let full = |link: &usize| growing[*link] > 0;
        let bottleneck =
            (0..capacity.len()).filter(full).min_by(|a, b| per_flow(&left, &growing, *a).total_cmp(&per_flow(&left, &growing, *b)));
        let step = bottleneck.map_or(f64::INFINITY, |link| per_flow(&left, &growing, link));
        let by_demand = demands[first] - level <= step;
        let rise = if by_demand { demands[first] - level } else { step };
        level = if by_demand { demands[first] } else { level + step };
        for (left, growing) in left.iter_mut().zip(&growing).filter(|(_, growing)| **growing > 0) {
            *left = (*left - rise * f64::from(*growing)).max(0.0);
        }
        // Those that have what they ask for, or those on the link that is full.
        let stops =
            |flow: usize| if by_demand { demands[flow] <= level } else { bottleneck.is_some_and(|link| path(flow).contains(&link)) };
        open.retain(|&flow| {
            let stop = stops(flow);
            if stop {
                rates[flow] = level;
                path(flow).iter().for_each(|link| growing[*link] -= 1);
            }
            !stop
        });
    }
    rates
}

fn per_flow(left: &[f64], growing: &[u32], link: usize) -> f64 {
    left[link] / f64::from(growing[link])
}
