//! Packing against the published comparison of six policies on a production cluster.

#![allow(clippy::print_stdout, reason = "tests show their figures, and say when the data is missing")]

use std::io::Read;
use std::path::{Path, PathBuf};

use bastide_schedule::packing::inflation::inflate;
use bastide_schedule::{Ask, Cluster, Models, Packing};
use flate2::read::GzDecoder;

/// Mean and standard deviation, over ten orders of arrival, of the share of GPUs that is allocated \[%\] when the tasks have asked
/// for 100 % and for 130 % of the cluster.
type Allocated = [(f64, f64); 2];

/// Weng et al. 2023, as tabulated with their simulator (hkust-adsl/kubernetes-scheduler-simulator,
/// experiments/analysis/expected_results/analysis_allo_discrete.csv).
const PUBLISHED: [(&str, [(Packing, Allocated); 6]); 2] = [
    (
        "default",
        [
            (Packing::Random, [(86.30, 0.33), (87.47, 0.32)]),
            (Packing::DotProduct, [(90.62, 0.19), (90.85, 0.20)]),
            (Packing::GpuClustering, [(91.65, 0.61), (91.88, 0.62)]),
            (Packing::GpuPacking, [(91.78, 0.53), (92.00, 0.54)]),
            (Packing::BestFit, [(92.86, 0.14), (93.08, 0.13)]),
            (Packing::FragmentationGradient, [(95.23, 0.11), (95.39, 0.08)]),
        ],
    ),
    (
        "gpushare40",
        [
            (Packing::Random, [(84.86, 0.34), (86.00, 0.36)]),
            (Packing::DotProduct, [(89.30, 0.14), (89.56, 0.14)]),
            (Packing::GpuClustering, [(89.76, 0.62), (90.02, 0.59)]),
            (Packing::GpuPacking, [(89.77, 0.53), (90.03, 0.50)]),
            (Packing::BestFit, [(91.44, 0.20), (91.69, 0.21)]),
            (Packing::FragmentationGradient, [(93.96, 0.07), (94.15, 0.07)]),
        ],
    ),
];

/// Orders of arrival, of theirs and of ours.
const SEEDS: u64 = 10;

/// The folder of the trace, if it is at hand.
fn folder() -> Option<PathBuf> {
    let data = std::env::var_os("BASTIDE_REFERENCE_DATA").map_or_else(|| crate::support::root().join("../shared/data"), PathBuf::from);
    Some(data.join("cluster/alibaba-gpu-v2023")).filter(|folder| folder.is_dir())
}

/// The pods of a workload.
fn pods(path: &Path, cluster: &Cluster) -> Vec<Ask> {
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    let place = |title: &str| header.iter().position(|it| *it == title);
    let ask = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |title| cells[place(title).unwrap()].parse::<u64>().unwrap();
        let gpus = number("num_gpu") as u32;
        let models = place("gpu_spec").map_or(Models::ANY, |place| cluster.models_of(cells[place]));
        Ask {
            gpus,
            gpu_milli: number("gpu_milli") as u32,
            cpu_milli: number("cpu_milli"),
            memory_mib: number("memory_mib"),
            models,
            gang: false,
        }
    };
    text.lines().skip(1).map(ask).collect()
}

fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt())
}

/// Each mean lies within two standard errors of the difference: both are means of ten orders drawn at random.
#[test]
fn packings_allocate_as_published() {
    let Some(folder) = folder() else {
        println!("skipped: the Alibaba GPU trace of 2023 is not at hand (BASTIDE_REFERENCE_DATA)");
        return;
    };
    let cluster = Cluster::read(folder.join("openb_node_list_gpu_node.csv.gz").to_str().unwrap()).unwrap();
    assert_eq!((cluster.nodes.len(), cluster.gpus()), (1213, 6212));
    let run = |workload: &str, published: &[(Packing, Allocated)]| -> Vec<String> {
        let asks = pods(&folder.join(format!("openb_pod_list_{workload}.csv.gz")), &cluster);
        assert_eq!(asks.len(), 8152);
        let mut misses = Vec::new();
        for (packing, published) in published {
            let curves: Vec<_> = (0..SEEDS).map(|seed| inflate(&cluster, &asks, *packing, seed, 1.3)).collect();
            for ((mean, deviation), load) in published.iter().zip([100, 130]) {
                let values: Vec<f64> = curves.iter().map(|curve| 100.0 * curve.allocated_at(load).unwrap()).collect();
                let (ours, spread) = mean_and_deviation(&values);
                let error = ((deviation * deviation + spread * spread) / SEEDS as f64).sqrt();
                let line = format!(
                    "{workload} {} at {load} %: {ours:.2} ({spread:.2}), published {mean:.2} ({deviation:.2}), {:+.1} errors",
                    packing.name(),
                    (ours - mean) / error
                );
                println!("{line}");
                if (ours - mean).abs() > 2.0 * error {
                    misses.push(line);
                }
            }
        }
        misses
    };
    let misses: Vec<String> = std::thread::scope(|scope| {
        let threads = PUBLISHED.each_ref().map(|(workload, published)| scope.spawn(|| run(workload, published)));
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(misses.is_empty(), "{misses:#?}");
}
