//! Schedules of jobs against those that others published, and against closed forms.

#![allow(clippy::print_stdout, reason = "figures and skipped tests are told")]

use std::fmt::Write as _;
use std::path::PathBuf;

use bastide_engine::{Estimate, Stream, stream_key};
use bastide_schedule::outcome::Comparison;
use bastide_schedule::trace::{Kind, Reading, read, read_from};
use bastide_schedule::{Cluster, Log, Packing, Replay, Settings, Summary};

fn summary(log: &Log, cluster: &str, policy: &str) -> Summary {
    let (cluster, policy) = (Cluster::shorthand(cluster).unwrap(), Settings::parse(policy).unwrap());
    let replay = Replay { log, cluster: &cluster, policy: &policy, packing: Packing::Consolidated, seed: 1, skip_bad: false };
    Summary::of(log, &replay.run(&mut ()).unwrap(), None)
}

/// A log of the reference data, where it is.
fn reference(name: &str) -> Option<Log> {
    let folder = std::env::var_os("BASTIDE_REFERENCE_DATA").map_or_else(|| crate::support::root().join("../shared/data"), PathBuf::from);
    let path = folder.join("cluster").join(name);
    if !path.exists() {
        println!("skipped: no reference log {}", path.display());
        return None;
    }
    Some(read(&path, Reading::default()).unwrap())
}

/// Philly jobs of two virtual clusters under the simulator of Helios (Hu et al. 2021, SC '21) with consolidated placement.
fn published(vc: &str, nodes: u32, policy: &str, settings: &str) -> Option<Comparison> {
    let log = reference(&format!("schedules/{vc}_{nodes}_{policy}.csv"))?;
    Some(summary(&log, &format!("{nodes}x8"), settings).published.unwrap())
}

#[test]
fn schedules_are_those_published_to_the_second() {
    for (vc, nodes) in [("2869ce", 16), ("ed69ec", 2)] {
        // Under shortest remaining time, that simulator notices each end a second late.
        for (policy, settings) in [("fifo", "fifo"), ("sjf", "sjf"), ("srtf", "srtf,release_delay_s=1")] {
            let Some(it) = published(vc, nodes, policy, settings) else { return };
            assert_eq!(it.same, it.count, "{vc} {policy}: {it:?}");
            assert_eq!(it.replayed_mean_wait_s, it.mean_wait_s, "{vc} {policy}");
        }
        // Without that second: within 0.1 %.
        let Some(it) = published(vc, nodes, "srtf", "srtf") else { return };
        assert!(it.completion_error.abs() < 1e-3, "{vc}: {it:?}");
    }
}

#[test]
fn logs_of_other_kinds_are_read_whole() {
    let Some(nasa) = reference("swf/NASA-iPSC-1993-3.1-cln.swf.zip") else { return };
    // Its header says: MaxRecords 18239, MaxProcs 128.
    assert_eq!((nasa.kind, nasa.jobs.len()), (Kind::Swf, 18_239));
    let (fifo, easy) = (summary(&nasa, "64x2", "fifo"), summary(&nasa, "64x2", "easy"));
    assert!(easy.mean_wait_s < fifo.mean_wait_s, "{} {}", easy.mean_wait_s, fifo.mean_wait_s);
    assert_eq!(easy.count, 18_239);
    let Some(batsim) = reference("example_workload_hpc_seed1_jobs250.json") else { return };
    assert_eq!((batsim.kind, batsim.jobs.len()), (Kind::Batsim, 250));
    let easy = summary(&batsim, "64x2", "easy");
    assert!(easy.mean_wait_s >= 0.0 && easy.count == 250);
    let Some(pods) = reference("alibaba-gpu-v2023/openb_pod_list_default.csv.gz") else { return };
    assert_eq!((pods.kind, pods.jobs.len()), (Kind::Pods, 8_152));
}

#[test]
fn many_servers_agree_with_erlang() {
    // M/M/8 at 80 %, 20 logs of 20,000 jobs of a GPU each, of which the first 2,000 warm up.
    let waits: Vec<f64> = (0..20)
        .map(|replication| {
            let mut arrivals = Stream::new(3, replication, stream_key("log", "arrival"));
            let mut services = Stream::new(3, replication, stream_key("log", "service"));
            let (mut text, mut now) = ("id,submit_s,runtime_s,gpus\n".to_owned(), 0.0);
            for job in 0..20_000 {
                now += arrivals.exponential(100.0 / 6.4);
                writeln!(text, "{job},{now:.6},{:.6},1", services.exponential(100.0)).unwrap();
            }
            let log = read_from(text.as_bytes(), Reading::default()).unwrap();
            let (cluster, policy) = (Cluster::shorthand("2x4").unwrap(), Settings::parse("fifo").unwrap());
            let replay = Replay { log: &log, cluster: &cluster, policy: &policy, packing: Packing::Consolidated, seed: 1, skip_bad: false };
            let runs = replay.run(&mut ()).unwrap().runs;
            runs[2_000..].iter().map(|run| run.waited.as_s()).sum::<f64>() / 18_000.0
        })
        .collect();
    // C / (c mu - lambda) (Erlang 1917): 8 servers, mu = 1 / 100 s, lambda = 6.4 / 100 s.
    let expected = bastide_cost_models::queueing::erlang_c(6.4, 8) / (0.08 - 0.064);
    let estimate = Estimate::of(&waits).unwrap();
    assert!(estimate.deviation(expected).unwrap().abs() < 3.0, "{estimate:?} {expected}");
}
