use bastide_units::Duration;
use proptest::prelude::*;

use super::*;

const SEARCH: Search = Search { gap: 1e-9, time_limit: Duration::from_s(60.0) };

fn backbone(nodes: usize, links: &[(usize, usize, f64)]) -> Backbone {
    Backbone { nodes, links: links.to_vec(), built: vec![false; links.len()], terminals: (0..nodes).collect() }
}

fn network(backbone: &Backbone) -> Network {
    match solve(backbone, &SEARCH).unwrap() {
        Surviving::Found(network) => network,
        other @ Surviving::Infeasible { .. } => panic!("{other:?}"),
    }
}

/// A square with sides 1, 2, 3, 4 and diagonals 1 and 5: the cycle 0-1-2-3 costs 10, with the cheap diagonal 0-2 instead of
/// 2-3: node 3 has one link only. The cycle 0-2-1-3 would cost 1 + 2 + 5 + 4 = 12, the cycle 0-1-3-2: 1 + 5 + 3 + 1 = 10.
#[test]
fn the_cheapest_cycle_of_a_square() {
    let links = [(0, 1, 1.0), (1, 2, 2.0), (2, 3, 3.0), (3, 0, 4.0), (0, 2, 1.0), (1, 3, 5.0)];
    let found = network(&backbone(4, &links));
    assert!((found.objective - 10.0).abs() < 1e-9 && (found.bound - 10.0).abs() < 1e-6, "{found:?}");
}

/// 0-1 by two parallel links of 1 and 3; a third of 9 is not needed.
#[test]
fn parallel_links_back_each_other_up() {
    let found = network(&backbone(2, &[(0, 1, 1.0), (0, 1, 9.0), (1, 0, 3.0)]));
    assert_eq!((found.chosen, found.objective), (vec![true, false, true], 4.0));
}

/// A link that stands is free: the ring over it costs 2 + 2, a second link beside it 3.
#[test]
fn what_stands_is_free() {
    let mut given = backbone(3, &[(0, 1, 50.0), (1, 2, 2.0), (2, 0, 2.0), (0, 1, 3.0), (0, 1, 4.0)]);
    given.terminals = vec![0, 1];
    given.built[0] = true;
    let found = network(&given);
    assert_eq!((found.chosen, found.objective), (vec![true, false, false, true, false], 3.0));
}

/// Two triangles joined by one link: that link is to blame. Without it they are apart.
#[test]
fn bridges_are_named() {
    let links = [(0, 1, 1.0), (1, 2, 1.0), (2, 0, 1.0), (2, 3, 1.0), (3, 4, 1.0), (4, 5, 1.0), (5, 3, 1.0)];
    let mut given = backbone(6, &links);
    assert_eq!(solve(&given, &SEARCH).unwrap(), Surviving::Infeasible { bridges: vec![3], apart: None });
    given.links[3].2 = f64::INFINITY;
    assert_eq!(solve(&given, &SEARCH).unwrap(), Surviving::Infeasible { bridges: vec![], apart: Some((0, 3)) });
    // Terminals on one side do not need it.
    given.terminals = vec![0, 2];
    assert!((network(&given).objective - 3.0).abs() < 1e-9);
}

/// Nothing to connect: nothing to build. A link from a node to itself, or to a node out of range, is no help and no harm.
#[test]
fn odd_input_is_answered() {
    for terminals in [vec![], vec![1], vec![1, 1]] {
        let given = Backbone { nodes: 0, links: vec![(0, 0, 1.0), (0, 7, 2.0)], built: vec![], terminals };
        let found = network(&given);
        assert!(found.objective == 0.0 && found.chosen == [false, false], "{found:?}");
    }
    let cost = [f64::NAN, f64::INFINITY];
    let given = backbone(2, &[(0, 1, cost[0]), (0, 1, cost[1]), (0, 1, 0.0), (0, 1, 1e300)]);
    assert_eq!(network(&given).chosen, [false, false, true, true]);
}

/// Without time there is still a network, and the bound stays true.
#[test]
fn no_time_is_said_so() {
    let links = [(0, 1, 1.0), (1, 2, 2.0), (2, 3, 3.0), (3, 0, 4.0), (0, 2, 1.0), (1, 3, 5.0)];
    let search = Search { time_limit: Duration::from_s(0.0), ..SEARCH };
    let Surviving::Found(found) = solve(&backbone(4, &links), &search).unwrap() else { panic!("there is a network") };
    assert!(found.limited && found.bound <= 10.0 && found.objective >= 10.0);
}

fn backbones() -> impl Strategy<Value = Backbone> {
    let link = (0..6usize, 0..6usize, 0..20u32);
    (prop::collection::vec((link, prop::bool::weighted(0.1)), 1..12), prop::collection::vec(0..6usize, 0..6)).prop_map(
        |(links, terminals)| Backbone {
            nodes: 6,
            built: links.iter().map(|(_, built)| *built).collect(),
            links: links.iter().map(|((from, to, cost), _)| (*from, *to, f64::from(*cost))).collect(),
            terminals,
        },
    )
}

/// Whether the terminals are connected without a link, by union of neighbours.
fn connected(given: &Backbone, chosen: &[bool], without: usize) -> bool {
    let mut group: Vec<usize> = (0..given.nodes).collect();
    for _ in 0..given.nodes {
        for (link, (from, to, _)) in given.links.iter().enumerate() {
            if chosen[link] && link != without {
                let low = group[*from].min(group[*to]);
                (group[*from], group[*to]) = (low, low);
            }
        }
    }
    given.terminals.windows(2).all(|pair| group[pair[0]] == group[pair[1]])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// The same as the best of all subsets of links.
    #[test]
    fn as_cheap_as_the_best_of_all_networks(given in backbones()) {
        let count = given.links.len();
        let survives = |chosen: &[bool]| (0..=count).all(|without| connected(&given, chosen, without));
        let cost = |chosen: &[bool]| (0..count).filter(|link| chosen[*link] && !given.built[*link]).map(|link| given.links[link].2).sum::<f64>();
        let subsets = (0..1_usize << count).map(|mask| (0..count).map(|link| mask >> link & 1 == 1 || given.built[link]).collect::<Vec<_>>());
        let best = subsets.filter(|chosen| survives(chosen)).map(|chosen| cost(&chosen)).fold(f64::INFINITY, f64::min);
        match solve(&given, &SEARCH).unwrap() {
            Surviving::Found(found) => {
                prop_assert!(survives(&found.chosen) && (cost(&found.chosen) - found.objective).abs() < 1e-9);
                prop_assert!((found.objective - best).abs() < 1e-6 && (found.bound - best).abs() < 1e-5 && found.bound <= found.objective, "{found:?} {best}");
            }
            Surviving::Infeasible { bridges, apart } => {
                prop_assert!(best.is_infinite());
                let all = vec![true; count];
                prop_assert!(bridges.iter().all(|link| !connected(&given, &all, *link)));
                prop_assert_eq!(apart.is_some(), !connected(&given, &all, count));
            }
        }
    }
}
