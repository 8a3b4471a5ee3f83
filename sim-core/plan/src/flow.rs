//! Who is served from where on one type of accelerator: a flow from needs to sites, or the sites that are too few.

/// Flow below this share of all needs is dust.
const DUST: f64 = 1e-12;

/// A flow, and the cut that limits it.
pub(crate) struct Transport {
    /// `flow[need][site]`.
    pub flow: Vec<Vec<f64>>,
    /// What could not be sent.
    pub missing: f64,
    /// Sites of the least cut: those that the unserved needs could use are all full.
    pub full: Vec<bool>,
}

/// A largest flow (Ford and Fulkerson 1956, shortest augmenting paths as by Edmonds and Karp 1972) from `needs`, each of which may use the
/// sites of its row, into `room`. Where some of it is missing, the needs that can only use the sites in `full` exceed their room (Gale 1957).
pub(crate) fn transport(needs: &[(f64, &[bool])], room: &[f64]) -> Transport {
    let total: f64 = needs.iter().map(|(need, _)| need).sum();
    let dust = DUST * total.max(1.0);
    let mut flow = vec![vec![0.0; room.len()]; needs.len()];
    let mut left: Vec<f64> = needs.iter().map(|(need, _)| need.max(0.0)).collect();
    let mut free: Vec<f64> = room.iter().map(|room| room.max(0.0)).collect();
    // A direct pass first: most of the flow needs no detour.
    for (need, (_, may)) in needs.iter().enumerate() {
        for site in (0..room.len()).filter(|site| may[*site]) {
            let step = left[need].min(free[site]);
            if step > 0.0 {
                flow[need][site] += step;
                left[need] -= step;
                free[site] -= step;
            }
        }
    }
    loop {
        // Breadth first from the unserved needs: a site reaches the needs that it serves already.
        let mut from_need = vec![None; room.len()];
        let mut from_site: Vec<Option<usize>> = vec![None; needs.len()];
        let mut seen: Vec<bool> = left.iter().map(|left| *left > dust).collect();
        let mut queue: std::collections::VecDeque<usize> = (0..needs.len()).filter(|need| seen[*need]).collect();
        let mut end = None;
        'search: while let Some(need) = queue.pop_front() {
            for site in (0..room.len()).filter(|site| needs[need].1[*site]) {
                if from_need[site].is_some() {
                    continue;
                }
                from_need[site] = Some(need);
                if free[site] > dust {
                    end = Some(site);
                    break 'search;
                }
                for other in 0..needs.len() {
                    if !seen[other] && flow[other][site] > dust {
                        seen[other] = true;
                        from_site[other] = Some(site);
                        queue.push_back(other);
                    }
                }
            }
        }
        let Some(end) = end else {
            let full = from_need.iter().map(Option::is_some).collect();
            return Transport { flow, missing: left.iter().sum(), full };
        };
        // Along the path back to its need: the narrowest part, then the change.
        let mut path = Vec::new();
        let mut site = end;
        let mut step = free[end];
        while let Some(need) = from_need[site] {
            path.push((need, site, from_site[need]));
            match from_site[need] {
                Some(before) => {
                    step = step.min(flow[need][before]);
                    site = before;
                }
                None => {
                    step = step.min(left[need]);
                    left[need] -= step;
                    break;
                }
            }
        }
        free[end] -= step;
        for (need, to, before) in path {
            flow[need][to] += step;
            if let Some(before) = before {
                flow[need][before] -= step;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detour_frees_the_site_that_only_one_need_can_use() {
        // The first need takes the first site; the second can only use that one, so the first moves.
        let (both, first) = ([true, true], [true, false]);
        let it = transport(&[(3.0, &both), (4.0, &first)], &[4.0, 5.0]);
        assert!(it.missing < 1e-9);
        assert!((it.flow[0][1] - 3.0).abs() < 1e-9 && (it.flow[1][0] - 4.0).abs() < 1e-9);
    }

    #[test]
    fn the_cut_names_the_sites_that_are_too_few() {
        let (both, first) = ([true, true], [true, false]);
        let it = transport(&[(3.0, &both), (6.0, &first)], &[4.0, 5.0]);
        assert!((it.missing - 2.0).abs() < 1e-9);
        assert_eq!(it.full, [true, false], "6 of the second need against a room of 4");
    }
}
