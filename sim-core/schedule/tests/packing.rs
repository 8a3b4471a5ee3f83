//! Placement: scores by hand on small clusters, gangs, and laws that hold for every policy.

use bastide_schedule::ask::WHOLE;
use bastide_schedule::packing::fragmentation::{NodeState, TaskMix};
use bastide_schedule::packing::inflation::inflate;
use bastide_schedule::{Ask, Cluster, Grant, Models, Occupancy, Packer, Packing};
use proptest::prelude::*;
use rstest::rstest;

/// A big node (0) and a small one (1): the scale is 128 CPUs and 8 GPUs.
const BIG_AND_SMALL: &str = "
[[nodes]]
name = \"big\"
gpus = 8
cpus = 128
[[nodes]]
name = \"small\"
gpus = 2
cpus = 64
";

fn cluster(toml: &str) -> Cluster {
    Cluster::from_toml("cluster.toml", toml).unwrap()
}

fn whole(gpus: u32, cpus: u64) -> Ask {
    Ask { gpus, gpu_milli: WHOLE, cpu_milli: cpus * 1000, memory_mib: 0, models: Models::ANY, gang: false }
}

fn share(gpu_milli: u32) -> Ask {
    Ask { gpu_milli, ..whole(1, 0) }
}

fn node_of(occupancy: &Occupancy, grant: Grant) -> usize {
    occupancy.places(&grant).next().unwrap().0
}

/// One GPU and 16 of 128 CPUs. Dot product: 1 - (1 x 0.125 + 1 x 0.125) / 2 = 0.875, and 1 - (0.5 x 0.125 + 0.25 x 0.125) / 2 = 0.953.
/// Best fit: 1 - (0.875 + 0.875) / 2 = 0.125, and 1 - (0.375 + 0.125) / 2 = 0.75. GPU packing, both idle: 33 - 8 and 33 - 2.
/// GPU clustering, both idle: 25 + 25 x 0, and 25 + 25 x 0.75 = 43.75.
#[rstest]
#[case(Packing::DotProduct, 87, 95)]
#[case(Packing::BestFit, 12, 75)]
#[case(Packing::GpuPacking, 25, 31)]
#[case(Packing::GpuClustering, 25, 43)]
fn scores_of_idle_nodes(#[case] packing: Packing, #[case] big: i32, #[case] small: i32) {
    let cluster = cluster(BIG_AND_SMALL);
    let mut occupancy = Occupancy::new(&cluster);
    let mut packer = Packer::new(packing, &cluster, &[], 1);
    let ask = whole(1, 16);
    assert_eq!(packer.score(&occupancy, 0, &ask), Some(big));
    assert_eq!(packer.score(&occupancy, 1, &ask), Some(small));
    let grant = packer.place(&mut occupancy, &ask).unwrap();
    assert_eq!(node_of(&occupancy, grant), 1);
    // Three GPUs fit the big node alone, whatever the scores.
    let grant = packer.place(&mut occupancy, &whole(3, 16)).unwrap();
    assert_eq!(node_of(&occupancy, grant), 0);
}

/// With half of one GPU of the big node taken. Packing: a share of 300 on it leaves 50 % free before: 100 - 5; a share of 600 and
/// a whole GPU open an idle one: 50 - 1; two whole ones: 50 - 2. Clustering: shares have company, 75 + 25 x 500 / 8000 = 76.6;
/// whole ones only strangers: 1.6.
#[rstest]
#[case(Packing::GpuPacking, share(300), 95)]
#[case(Packing::GpuPacking, share(600), 49)]
#[case(Packing::GpuPacking, whole(1, 0), 49)]
#[case(Packing::GpuPacking, whole(2, 0), 48)]
#[case(Packing::GpuPacking, whole(0, 1), 0)]
#[case(Packing::GpuClustering, share(300), 76)]
#[case(Packing::GpuClustering, whole(1, 0), 1)]
#[case(Packing::GpuClustering, whole(0, 1), 0)]
fn scores_of_a_used_node(#[case] packing: Packing, #[case] ask: Ask, #[case] score: i32) {
    let cluster = cluster(BIG_AND_SMALL);
    let mut occupancy = Occupancy::new(&cluster);
    occupancy.take(0, &share(500)).unwrap();
    assert_eq!(Packer::new(packing, &cluster, &[], 1).score(&occupancy, 0, &ask), Some(score));
}

/// Company of two kinds: 50 + 25 x 1500 / 8000 = 54.7.
#[test]
fn clustering_prefers_company_of_one_kind() {
    let cluster = cluster(BIG_AND_SMALL);
    let mut occupancy = Occupancy::new(&cluster);
    occupancy.take(0, &share(500)).unwrap();
    let stranger = occupancy.take(0, &whole(1, 0)).unwrap();
    let mut packer = Packer::new(Packing::GpuClustering, &cluster, &[], 1);
    assert_eq!(packer.score(&occupancy, 0, &share(300)), Some(54));
    assert!(occupancy.give_back(&stranger));
    assert_eq!(packer.score(&occupancy, 0, &share(300)), Some(76));
}

/// Half of the tasks ask for half a GPU, half for a whole one. An idle GPU serves both: F = 0. With half taken, 500 are free, which
/// the second half of the tasks cannot use: F = 250. Taking half of an idle GPU: 100 / (1 + e^0.25) = 43.8; the other half of a
/// used one: 100 / (1 + e^-0.25) = 56.2.
#[test]
fn fragmentation_falls_where_the_gradient_leads() {
    let cluster = Cluster::shorthand("2x1").unwrap();
    let workload = [share(500), whole(1, 0)];
    let mix = TaskMix::new(&workload);
    let mut occupancy = Occupancy::new(&cluster);
    assert_eq!(mix.fragmented_in_all(&occupancy), 0.0);
    occupancy.take(1, &share(500)).unwrap();
    assert_eq!(mix.fragmented(&NodeState::of(&occupancy, 1)), 250.0);
    assert_eq!(mix.fragmented_in_all(&occupancy), 250.0);
    let mut packer = Packer::new(Packing::FragmentationGradient, &cluster, &workload, 1);
    assert_eq!(packer.score(&occupancy, 0, &share(500)), Some(43));
    assert_eq!(packer.score(&occupancy, 1, &share(500)), Some(56));
    let grant = packer.place(&mut occupancy, &share(500)).unwrap();
    assert_eq!(node_of(&occupancy, grant), 1);
    assert_eq!(mix.fragmented_in_all(&occupancy), 0.0);
}

/// Four GPUs with 1000, 700, 300 and 300 free of a node with 4 CPUs. A task of 500: the 300s are too small for it, 600 are lost. A task
/// of two whole GPUs finds one: all 2300 are lost. So they are to a task of 8 CPUs, to one of another model and to one without GPUs.
#[rstest]
#[case(share(500), 600.0)]
#[case(share(300), 0.0)]
#[case(whole(1, 0), 1300.0)]
#[case(whole(2, 0), 2300.0)]
#[case(Ask { cpu_milli: 8000, ..share(300) }, 2300.0)]
#[case(Ask { models: Models::of(1), ..share(300) }, 2300.0)]
#[case(whole(0, 1), 2300.0)]
fn fragmentation_of_one_task(#[case] task: Ask, #[case] lost: f64) {
    let state = NodeState { cpu_free: 4000, gpus_free: &[1000, 700, 300, 300], model: Some(0) };
    assert_eq!(TaskMix::new([&task]).fragmented(&state), lost);
}

/// 96 of 100 tasks are of one kind and cover 95 %: the other four, to which the node is useless, do not count.
#[test]
fn rare_tasks_do_not_count() {
    let mut workload = vec![share(500); 96];
    workload.extend([whole(8, 0); 4]);
    let state = NodeState { cpu_free: u64::MAX, gpus_free: &[1000], model: None };
    assert_eq!(TaskMix::new(&workload).fragmented(&state), 0.0);
    workload.extend([whole(8, 0); 4]);
    // 96 of 104: both count.
    assert!((TaskMix::new(&workload).fragmented(&state) - 1000.0 * 8.0 / 104.0).abs() < 1e-9);
}

/// 12 GPUs on 8-GPU nodes: one whole node, and 4 on the freest of the others.
#[test]
fn a_gang_takes_whole_nodes_and_one_more() {
    let cluster = Cluster::shorthand("4x8").unwrap();
    let mut occupancy = Occupancy::new(&cluster);
    let mut packer = Packer::new(Packing::Consolidated, &cluster, &[], 1);
    for (node, gpus) in [(0, 2), (1, 3), (3, 5)] {
        occupancy.take(node, &whole(gpus, 0)).unwrap();
    }
    let grant = packer.place(&mut occupancy, &Ask::gang_of(12)).unwrap();
    let mut places: Vec<(usize, u32)> = occupancy.places(&grant).map(|(node, gpus)| (node, gpus.count_ones())).collect();
    places.sort_unstable();
    assert_eq!(places, [(0, 4), (2, 8)]);
    // 10 are free, but on no whole node.
    assert_eq!(occupancy.used_gpu_milli(), 22_000);
    assert_eq!(packer.place(&mut occupancy, &Ask::gang_of(9)), None);
    assert_eq!(occupancy.used_gpu_milli(), 22_000);
    // First fit does not mind.
    let scattered = Packer::new(Packing::FirstFit, &cluster, &[], 1).place(&mut occupancy, &Ask::gang_of(9)).unwrap();
    assert_eq!(occupancy.places(&scattered).count(), 3);
    assert!(occupancy.give_back(&scattered) && occupancy.give_back(&grant));
    assert_eq!(occupancy.used_gpu_milli(), 10_000);
    assert!(!occupancy.give_back(&grant), "it is back already");
    // 5 GPUs: the fullest node that has them.
    let five = packer.place(&mut occupancy, &whole(5, 0)).unwrap();
    assert_eq!(node_of(&occupancy, five), 1);
}

#[test]
fn a_gang_stays_in_one_rack() {
    let cluster = cluster("[[nodes]]\ncount = 6\ngpus = 8\nrack_size = 2");
    let mut occupancy = Occupancy::new(&cluster);
    let mut packer = Packer::new(Packing::Consolidated, &cluster, &[], 1);
    occupancy.take(0, &whole(1, 0)).unwrap();
    let racks = |occupancy: &Occupancy, grant: &Grant| {
        let mut racks: Vec<u32> = occupancy.places(grant).map(|(node, _)| cluster.nodes[node].rack).collect();
        racks.sort_unstable();
        racks
    };
    let two = packer.place(&mut occupancy, &Ask::gang_of(16)).unwrap();
    assert_eq!(racks(&occupancy, &two), [1, 1]);
    // Three whole nodes are left, two of them together; the rest of 20 goes beside them.
    let three = packer.place(&mut occupancy, &Ask::gang_of(20)).unwrap();
    assert_eq!(racks(&occupancy, &three), [0, 2, 2]);
}

#[test]
fn models_cpu_and_memory_limit_where_they_are_stated() {
    let cluster = cluster("[[nodes]]\ngpus = 2\ngpu = \"t4\"\ncpus = 4\nmemory = \"8 GiB\"\n[[nodes]]\ngpus = 2\ngpu = \"v100\"");
    let occupancy = Occupancy::new(&cluster);
    let fits = |ask: Ask| [occupancy.fits(0, &ask), occupancy.fits(1, &ask)];
    assert_eq!(fits(whole(1, 4)), [true, true]);
    assert_eq!(fits(whole(1, 5)), [false, true]);
    assert_eq!(fits(Ask { memory_mib: 8193, ..whole(1, 0) }), [false, true]);
    assert_eq!(fits(Ask { models: cluster.models_of("t4"), ..whole(1, 0) }), [true, false]);
    assert_eq!(fits(Ask { models: cluster.models_of("t4|v100"), ..whole(1, 0) }), [true, true]);
    assert_eq!(fits(Ask { models: cluster.models_of("h100"), ..whole(1, 0) }), [false, false]);
    assert_eq!(fits(Ask { models: cluster.models_of("h100"), ..whole(0, 1) }), [true, true]);
    assert_eq!(cluster.models_of(" | "), Models::ANY);
}

/// Sixteen tasks of one GPU on 2x4, until 200 %: eight are placed, then all is full. The curve is the identity up to 100 %.
#[test]
fn inflation_fills_the_cluster() {
    let cluster = Cluster::shorthand("2x4").unwrap();
    let curve = inflate(&cluster, &[whole(1, 0); 3], Packing::BestFit, 7, 2.0);
    assert_eq!((curve.placed, curve.turned_away, curve.points.len()), (8, 8, 16));
    assert_eq!(curve.allocated_at(50), Some(0.5));
    assert_eq!(curve.allocated_at(100), Some(1.0));
    assert_eq!(curve.allocated_at(200), Some(1.0));
    assert_eq!(curve.allocated_at(40), None);
    assert_eq!(curve, inflate(&cluster, &[whole(1, 0); 3], Packing::BestFit, 7, 2.0));
    // Nothing to inflate: the workload arrives once.
    assert_eq!(inflate(&cluster, &[whole(0, 1); 3], Packing::BestFit, 7, 2.0).points.len(), 3);
    assert_eq!(inflate(&cluster, &[], Packing::BestFit, 7, 2.0).points.len(), 0);
    assert_eq!(inflate(&Cluster::default(), &[whole(1, 0); 3], Packing::FragmentationGradient, 7, 2.0).turned_away, 3);
    assert_eq!(inflate(&cluster, &[whole(1, 0); 3], Packing::BestFit, 7, f64::NAN).points.len(), 0);
    // Cut short.
    assert_eq!(inflate(&cluster, &[whole(1, 0); 300], Packing::BestFit, 7, 0.5).points.len(), 4);
}

fn any_packing() -> impl Strategy<Value = Packing> {
    prop::sample::select(Packing::ALL.iter().map(|(_, packing)| *packing).collect::<Vec<_>>())
}

fn any_ask() -> impl Strategy<Value = Ask> {
    let gpus = prop_oneof![Just(0), Just(1), Just(1), 1_u32..6, 6_u32..20];
    let milli = prop_oneof![Just(WHOLE), Just(WHOLE), 1_u32..=WHOLE, Just(250), Just(500)];
    (gpus, milli, 0_u64..20_000, 0_u64..10_000, 0_u32..4, any::<bool>()).prop_map(
        |(gpus, gpu_milli, cpu_milli, memory_mib, model, gang)| Ask {
            gpus,
            gpu_milli,
            cpu_milli,
            memory_mib,
            models: if model == 3 { Models::ANY } else { Models::of(model) },
            gang,
        },
    )
}

const MIXED: &str = "
[[nodes]]
name = \"a\"
count = 4
gpus = 8
gpu = \"x\"
cpus = 64
memory = \"64 GiB\"
rack_size = 2
[[nodes]]
name = \"b\"
count = 3
gpus = 3
gpu = \"y\"
cpus = 12.5
[[nodes]]
name = \"c\"
count = 2
cpus = 32
[[nodes]]
name = \"d\"
gpus = 1
";

/// What a node has free, all of it.
fn state(occupancy: &Occupancy) -> Vec<(u64, u64, Vec<u16>, u32, u32)> {
    let of = |node| {
        let gpus = occupancy.gpus_free(node).to_vec();
        (occupancy.cpu_free(node), occupancy.memory_free(node), gpus, occupancy.milli_free(node), occupancy.whole_free(node))
    };
    (0..occupancy.nodes()).map(of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Jobs come and go: nothing is ever taken twice, a placed ask has what it asked for and stood where its score was best, and all
    /// is free again at the end.
    #[test]
    fn occupancy_is_conserved(packing in any_packing(), asks in prop::collection::vec((any_ask(), any::<bool>()), 1..120), seed in 0_u64..100) {
        let cluster = cluster(MIXED);
        let mut occupancy = Occupancy::new(&cluster);
        let empty = state(&occupancy);
        let workload: Vec<Ask> = asks.iter().map(|(ask, _)| *ask).collect();
        let mut packer = Packer::new(packing, &cluster, &workload, seed);
        let mut held: Vec<(Grant, Ask)> = Vec::new();
        for (index, (ask, leaves)) in asks.iter().enumerate() {
            let scores: Vec<Option<i32>> = (0..occupancy.nodes()).map(|node| packer.score(&occupancy, node, ask)).collect();
            let fits = (0..occupancy.nodes()).any(|node| occupancy.fits(node, ask));
            let before = (state(&occupancy), occupancy.used_gpu_milli());
            match packer.place(&mut occupancy, ask) {
                Some(grant) => {
                    let places: Vec<_> = occupancy.places(&grant).collect();
                    prop_assert_eq!(places.iter().map(|(_, gpus)| gpus.count_ones()).sum::<u32>(), ask.gpus);
                    prop_assert_eq!(places.len() == 1, fits, "one node if it fits one");
                    prop_assert!(fits || ask.may_spread());
                    prop_assert_eq!(occupancy.used_gpu_milli(), before.1 + ask.total_gpu_milli());
                    for (node, _) in &places {
                        prop_assert!(ask.gpus == 0 || occupancy.allows(*node, ask.models));
                    }
                    if fits && scores.iter().any(Option::is_some) {
                        prop_assert_eq!(scores[places[0].0], scores.iter().copied().max().flatten());
                    }
                    held.push((grant, *ask));
                }
                None => {
                    prop_assert!(!fits);
                    prop_assert_eq!(&state(&occupancy), &before.0);
                }
            }
            if *leaves && !held.is_empty() {
                let (grant, _) = held.swap_remove(index % held.len());
                prop_assert!(occupancy.give_back(&grant));
                prop_assert!(!occupancy.give_back(&grant));
            }
            let used: u64 = held.iter().map(|(_, ask)| ask.total_gpu_milli()).sum();
            prop_assert_eq!(occupancy.used_gpu_milli(), used);
            for (node, (cpu, memory, gpus, milli, whole)) in state(&occupancy).into_iter().enumerate() {
                prop_assert!(cpu <= empty[node].0 && memory <= empty[node].1);
                prop_assert!(gpus.iter().all(|free| u32::from(*free) <= WHOLE));
                prop_assert_eq!(milli, gpus.iter().map(|free| u32::from(*free)).sum::<u32>());
                prop_assert_eq!(whole as usize, gpus.iter().filter(|free| u32::from(**free) == WHOLE).count());
                prop_assert!(occupancy.nodes_with_exactly(whole).any(|other| other == node));
            }
        }
        for (grant, _) in &held {
            prop_assert!(occupancy.give_back(grant));
        }
        prop_assert_eq!(state(&occupancy), empty);
        prop_assert_eq!(occupancy.used_gpu_milli(), 0);
    }

    /// A packer that also tries things out on a clone places as one that does not.
    #[test]
    fn trying_out_changes_nothing(packing in any_packing(), asks in prop::collection::vec((any_ask(), 0_u32..4), 1..60)) {
        prop_assume!(packing != Packing::Random);
        let cluster = cluster(MIXED);
        let workload: Vec<Ask> = asks.iter().map(|(ask, _)| *ask).collect();
        let run = |tries: bool| {
            let mut occupancy = Occupancy::new(&cluster);
            let mut packer = Packer::new(packing, &cluster, &workload, 5);
            let mut held = Vec::new();
            for (index, (ask, what)) in asks.iter().enumerate() {
                if tries {
                    let mut trial = occupancy.clone();
                    if let (Some(grant), true) = (held.first(), *what == 3) {
                        trial.give_back(grant);
                    }
                    for other in workload.iter().skip(index).take(3) {
                        packer.place(&mut trial, other);
                    }
                }
                held.extend(packer.place(&mut occupancy, ask));
                if *what == 0 && !held.is_empty() {
                    occupancy.give_back(&held.swap_remove(index % held.len()));
                }
            }
            state(&occupancy)
        };
        prop_assert_eq!(run(true), run(false));
    }

    /// What the empty cluster could hold is placed on it, and nothing else: no job waits for ever.
    #[test]
    fn what_could_be_held_is_held(packing in any_packing(), ask in any_ask()) {
        let cluster = cluster(MIXED);
        let placed = Packer::new(packing, &cluster, &[ask], 1).place(&mut Occupancy::new(&cluster), &ask);
        prop_assert_eq!(placed.is_some(), cluster.could_hold(&ask));
    }

    /// The same seed places alike.
    #[test]
    fn placement_is_repeatable(packing in any_packing(), asks in prop::collection::vec(any_ask(), 1..40)) {
        let cluster = cluster(MIXED);
        let run = || {
            let mut occupancy = Occupancy::new(&cluster);
            let mut packer = Packer::new(packing, &cluster, &asks, 5);
            let grants: Vec<Option<Grant>> = asks.iter().map(|ask| packer.place(&mut occupancy, ask)).collect();
            (grants, state(&occupancy))
        };
        prop_assert_eq!(run(), run());
    }
}
