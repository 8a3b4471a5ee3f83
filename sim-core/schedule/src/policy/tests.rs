//! Laws that schedules obey, and small cases worked by hand.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::Settings;
use crate::ask::Ask;
use crate::cluster::Cluster;
use crate::occupancy::Occupancy;
use crate::packing::{Packer, Packing};
use crate::simulation::{Replay, Replayed, Run, SimulationError};
use crate::span::{SECOND, Span};
use crate::trace::{Log, Reading, read_from};

/// Submission, run time, GPUs, estimate: whole seconds.
type Plain = (u64, u64, u32, u64);

fn log(jobs: &[Plain]) -> Log {
    let mut text = "id,submit_s,runtime_s,gpus,estimate_s\n".to_owned();
    for (index, (submit, runtime, gpus, estimate)) in jobs.iter().enumerate() {
        writeln!(text, "{index},{submit},{runtime},{gpus},{estimate}").unwrap();
    }
    read_from(text.as_bytes(), Reading::default()).unwrap()
}

fn replay(log: &Log, cluster: &str, policy: &str) -> Replayed {
    let (cluster, policy) = (Cluster::shorthand(cluster).unwrap(), Settings::parse(policy).unwrap());
    Replay { log, cluster: &cluster, policy: &policy, packing: Packing::Consolidated, seed: 1, skip_bad: false }.run(&mut ()).unwrap()
}

/// Start and end of each job, by the id that is its number \[s\].
fn times(text: &str, cluster: &str, policy: &str) -> Vec<(String, u64, u64)> {
    let log = read_from(text.as_bytes(), Reading::default()).unwrap();
    let replayed = replay(&log, cluster, policy);
    let seconds = |moment: bastide_units::Time| moment.as_nanos() / SECOND;
    replayed
        .jobs
        .iter()
        .zip(&replayed.runs)
        .map(|(job, run)| (log.jobs[*job as usize].id.to_string(), seconds(run.start), seconds(run.end)))
        .collect()
}

fn starts(replayed: &Replayed) -> Vec<u64> {
    replayed.runs.iter().map(|run| run.start.as_nanos() / SECOND).collect()
}

/// Jobs in order of submission.
fn jobs(most_gpus: u32, exact: bool) -> impl Strategy<Value = Vec<Plain>> {
    let job = (0..12_u64, 1..60_u64, 1..=most_gpus, if exact { 0..1_u64 } else { 0..40_u64 });
    prop::collection::vec(job, 1..40).prop_map(|jobs| {
        let mut now = 0;
        let next = |(gap, runtime, gpus, more): (u64, u64, u32, u64)| {
            now += gap;
            (now, runtime, gpus, runtime + more)
        };
        jobs.into_iter().map(next).collect()
    })
}

/// Most GPUs in use at a time, by the runs of jobs that were not pre-empted.
fn most_in_use(jobs: &[Plain], runs: &[Run]) -> i64 {
    let mut changes: Vec<(u64, i64)> = Vec::new();
    for (job, run) in jobs.iter().zip(runs) {
        changes.extend([(run.start.as_nanos(), i64::from(job.2)), (run.end.as_nanos(), -i64::from(job.2))]);
    }
    // What ends at a moment is free for what starts then.
    changes.sort_unstable();
    let in_use = changes.iter().scan(0, |used, (_, change)| {
        *used += change;
        Some(*used)
    });
    in_use.max().unwrap_or(0)
}

/// Conservative backfilling as it is defined, second by second on nodes of one GPU: in order of submission, each as early as enough
/// nodes are free for all of its time, on the first of them.
fn booked(jobs: &[Plain], nodes: usize) -> Vec<u64> {
    let mut taken = vec![[false; 10_000]; nodes];
    let book = |(submit, runtime, gpus, _): &Plain| {
        let free = |from: u64, node: &[bool]| node[from as usize..(from + runtime) as usize].iter().all(|taken| !taken);
        let fits = |from: &u64| taken.iter().filter(|node| free(*from, &node[..])).count() >= *gpus as usize;
        let from = (*submit..10_000).find(fits).unwrap();
        let own: Vec<usize> = (0..nodes).filter(|node| free(from, &taken[*node][..])).take(*gpus as usize).collect();
        own.iter().for_each(|node| taken[*node][from as usize..(from + runtime) as usize].fill(true));
        from
    };
    jobs.iter().map(book).collect()
}

/// The published rule of shortest remaining time first, as it is stated: a decision every second (Hu et al. 2021).
fn by_the_second(jobs: &[Plain], cluster: &str) -> Vec<u64> {
    #[derive(Clone, Copy)]
    struct State {
        job: usize,
        remaining: u64,
        grant: Option<crate::Grant>,
    }
    let cluster = Cluster::shorthand(cluster).unwrap();
    let mut occupancy = Occupancy::new(&cluster);
    let mut packer = Packer::new(Packing::Consolidated, &cluster, &[], 1);
    let (mut waiting, mut running): (Vec<State>, Vec<State>) = (Vec::new(), Vec::new());
    let mut ends = vec![0; jobs.len()];
    let mut left = jobs.len();
    for now in 0.. {
        running.retain_mut(|it| {
            if it.remaining == 0 {
                ends[it.job] = now;
                left -= 1;
                occupancy.give_back(&it.grant.unwrap());
                return false;
            }
            it.remaining -= 1;
            true
        });
        if left == 0 {
            break;
        }
        let new = |job: usize| State { job, remaining: jobs[job].1, grant: None };
        waiting.extend((0..jobs.len()).filter(|job| jobs[*job].0 == now).map(new));
        let mut all: Vec<State> = waiting.iter().chain(&running).copied().collect();
        all.sort_by_key(|it| it.remaining);
        let mut quota = cluster.gpus();
        let (mut stop, mut start) = (Vec::new(), Vec::new());
        for it in all {
            let gpus = u64::from(jobs[it.job].2);
            match (gpus <= quota, it.grant) {
                (true, None) => start.push(it.job),
                (false, Some(_)) => stop.push(it.job),
                _ => {}
            }
            quota -= if gpus <= quota { gpus } else { 0 };
        }
        for job in stop {
            let place = running.iter().position(|it| it.job == job).unwrap();
            let it = running.remove(place);
            occupancy.give_back(&it.grant.unwrap());
            let cost = match jobs[job].2 {
                1 => 7,
                2..=8 => 30,
                _ => 60,
            };
            waiting.push(State { job, remaining: it.remaining + cost, grant: None });
        }
        for job in start {
            if let Some(grant) = packer.place(&mut occupancy, &Ask::gang_of(jobs[job].2)) {
                let place = waiting.iter().position(|it| it.job == job).unwrap();
                running.push(State { grant: Some(grant), ..waiting.remove(place) });
            }
        }
    }
    ends
}

const POLICIES: [&str; 8] = ["fifo", "sjf", "srtf", "easy", "conservative", "fair-share", "priority", "easy,order=fair-share"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn work_is_conserved_and_nothing_overlaps(jobs in jobs(24, false)) {
        let log = log(&jobs);
        for policy in POLICIES {
            let replayed = replay(&log, "3x8", policy);
            prop_assert_eq!(replayed.runs.len(), jobs.len());
            let mut gpu_seconds = 0.0;
            for ((submit, runtime, gpus, _), run) in jobs.iter().zip(&replayed.runs) {
                let submit = bastide_units::Time::from_nanos(submit * SECOND);
                let cost = Settings::parse(policy).unwrap().preemption_cost.of(&Ask::gang_of(*gpus));
                let ran = runtime * SECOND + u64::from(run.preemptions) * cost.as_nanos();
                // From submission to end it either waits or runs.
                prop_assert_eq!(Span::between(submit, run.end), run.waited + Span::from_nanos(ran));
                prop_assert!(run.start >= submit && run.end > run.start);
                gpu_seconds += ran as f64 / SECOND as f64 * f64::from(*gpus);
            }
            let used = replayed.utilisation * 24.0 * replayed.makespan.as_s();
            prop_assert!((used - gpu_seconds).abs() < 1e-6 * gpu_seconds, "{policy}: {used} {gpu_seconds}");
            if replayed.runs.iter().all(|run| run.preemptions == 0) {
                prop_assert!(most_in_use(&jobs, &replayed.runs) <= 24, "{policy}");
            }
            prop_assert_eq!(&replay(&log, "3x8", policy).runs, &replayed.runs, "not the same again");
        }
    }

    #[test]
    fn first_in_starts_first(jobs in jobs(16, true)) {
        let starts = starts(&replay(&log(&jobs), "2x8", "fifo"));
        prop_assert!(starts.is_sorted(), "{starts:?}");
    }

    #[test]
    fn easy_never_delays_the_first(jobs in jobs(6, false)) {
        // Nodes of one GPU, so that room is a count.
        let replayed = replay(&log(&jobs), "6x1", "easy");
        let starts = starts(&replayed);
        for (index, (submit, _, gpus, _)) in jobs.iter().enumerate() {
            // It is the first from here on, and by the estimates of what ran then it could start at `latest`.
            let first_since = starts[..index].iter().copied().max().unwrap_or(0).max(*submit);
            let mut ends: Vec<(u64, u32)> = (0..jobs.len())
                .filter(|other| starts[*other] < first_since || (starts[*other] == first_since && *other < index))
                .filter(|other| replayed.runs[*other].end.as_nanos() / SECOND > first_since)
                .map(|other| (starts[other] + jobs[other].3, jobs[other].2))
                .collect();
            ends.sort_unstable();
            let mut free = 6 - ends.iter().map(|end| end.1).sum::<u32>();
            let mut latest = first_since;
            for (end, freed) in ends {
                if free >= *gpus {
                    break;
                }
                free += freed;
                latest = end.max(first_since);
            }
            prop_assert!(starts[index] <= latest, "job {index} starts at {} instead of {latest}", starts[index]);
        }
    }

    #[test]
    fn conservative_books_as_early_as_it_fits(jobs in jobs(6, true)) {
        prop_assert_eq!(starts(&replay(&log(&jobs), "6x1", "conservative")), booked(&jobs, 6));
    }

    #[test]
    fn shortest_remaining_time_is_decided_as_if_every_second(jobs in jobs(24, true)) {
        let ends: Vec<u64> = replay(&log(&jobs), "3x8", "srtf,release_delay_s=1").runs.iter().map(|run| run.end.as_nanos() / SECOND).collect();
        prop_assert_eq!(ends, by_the_second(&jobs, "3x8"));
    }

    #[test]
    fn shortest_first_is_no_worse_on_one_server(runtimes in prop::collection::vec(1..100_u64, 1..30)) {
        let log = log(&runtimes.iter().map(|runtime| (0, *runtime, 1, *runtime)).collect::<Vec<_>>());
        let mean = |policy: &str| replay(&log, "1x1", policy).runs.iter().map(|run| run.end.as_nanos()).sum::<u64>();
        prop_assert!(mean("sjf") <= mean("fifo"));
        // Without pre-emption to gain from, they are the same.
        prop_assert_eq!(mean("sjf"), mean("srtf"));
    }
}

#[test]
fn easy_fills_a_gap_and_fifo_does_not() {
    // 4 GPUs: a holds 2 until 10; b wants 4 and waits; c wants 2 for 5 s and fits before b; d wants 2 for 50 s and would delay b.
    let text = "id,submit_s,runtime_s,gpus\na,0,10,2\nb,1,10,4\nc,2,5,2\nd,3,50,2\n";
    let at = |id: &str, start, end| (id.to_owned(), start, end);
    assert_eq!(times(text, "4x1", "fifo"), [at("a", 0, 10), at("b", 10, 20), at("c", 20, 25), at("d", 20, 70)]);
    assert_eq!(times(text, "4x1", "easy"), [at("a", 0, 10), at("b", 10, 20), at("c", 2, 7), at("d", 20, 70)]);
    assert_eq!(times(text, "4x1", "conservative"), times(text, "4x1", "easy"));
    // Estimates of twice the run time: b is expected at 20, so that d does not fit beside it and c still does.
    assert_eq!(times(text, "4x1", "easy,estimate_factor=2"), times(text, "4x1", "easy"));
}

#[test]
fn a_job_over_its_estimate_delays_but_stops_nothing() {
    let text = "id,submit_s,runtime_s,gpus,estimate_s\na,0,500,2,10\nb,1,10,4,10\nc,2,5,2,5\n";
    for policy in ["easy", "conservative"] {
        let times = times(text, "4x1", policy);
        assert_eq!((times[1].1, times[1].2), (500, 510), "{policy} {times:?}");
    }
}

#[test]
fn priority_takes_the_room_of_the_least_and_latest() {
    let text = "id,submit_s,runtime_s,gpus,priority\nlow,0,100,4,1\nlower,0,100,4,0\nhigh,10,10,4,5\n";
    let at = |id: &str, start, end| (id.to_owned(), start, end);
    // `lower` ran for 10 s of 100, waits for 10 s, and pays 30 s: it ends at 20 + 90 + 30.
    assert_eq!(times(text, "2x4", "priority"), [at("low", 0, 100), at("lower", 0, 140), at("high", 10, 20)]);
    assert_eq!(times(text, "2x4", "priority,preempt=false")[2], at("high", 100, 110));
    assert_eq!(times(text, "2x4", "priority,preemption_cost_s=0")[1], at("lower", 0, 110));
}

#[test]
fn shares_are_fair_between_users() {
    // One GPU: ann comes with three jobs, bob with two a little later. After ann's first it is bob's turn, and so on.
    let text = "id,submit_s,runtime_s,gpus,user\n1,0,10,1,ann\n2,0,10,1,ann\n3,0,10,1,ann\n4,1,10,1,bob\n5,1,10,1,bob\n";
    let order = |policy: &str| {
        let mut times = times(text, "1x1", policy);
        times.sort_by_key(|it| it.1);
        times.into_iter().map(|it| it.0).collect::<String>()
    };
    assert_eq!(order("fifo"), "12345");
    assert_eq!(order("fair-share"), "14253");
    // With three times the share of bob, three jobs of ann weigh as much as one of his, less what has decayed since.
    assert_eq!(order("fair-share,shares=ann:3"), "14235");
}

#[test]
fn quotas_lend_and_reclaim() {
    // 4 GPUs, 2 for each nation. France borrows all; Poland comes and gets its 2 back from the job that started last.
    let text = "id,submit_s,runtime_s,gpus,nation\nf1,0,100,2,france\nf2,1,100,2,france\np1,10,50,2,poland\n";
    let at = |id: &str, start, end| (id.to_owned(), start, end);
    let quotas = "quotas=france:2/poland:2,preemption_cost_s=5";
    // f2 ran for 9 s of 100 and goes on when p1 has ended: 60 + 91 + 5.
    assert_eq!(times(text, "4x1", quotas), [at("f1", 0, 100), at("f2", 1, 156), at("p1", 10, 60)]);
    let alone = times(text, "4x1", "quotas=france:2/poland:2,borrow=false");
    assert_eq!(alone, [at("f1", 0, 100), at("f2", 100, 200), at("p1", 10, 60)]);
}

#[test]
fn a_job_that_never_fits_is_named() {
    let text = "id,submit_s,runtime_s,gpus\nsmall,0,10,1\nhuge,1,10,17\n";
    let log = read_from(text.as_bytes(), Reading::default()).unwrap();
    let (cluster, policy) = (Cluster::shorthand("2x8").unwrap(), Settings::parse("fifo").unwrap());
    let mut it = Replay { log: &log, cluster: &cluster, policy: &policy, packing: Packing::Consolidated, seed: 1, skip_bad: false };
    match it.run(&mut ()) {
        Err(SimulationError::NeverRun(refused)) => {
            assert_eq!(refused[0].why, "job `huge` asks for 17 GPUs; the cluster has 16 GPUs on 2 nodes, at most 8 on one");
        }
        other => panic!("{other:?}"),
    }
    it.skip_bad = true;
    let replayed = it.run(&mut ()).unwrap();
    assert_eq!((replayed.runs.len(), replayed.refused.len()), (1, 1));
}

#[test]
fn jobs_of_no_time_end_at_once() {
    for policy in POLICIES {
        let times = times("id,submit_s,runtime_s,gpus\na,0,0,8\nb,0,5,8\nc,0,0,8\n", "1x8", policy);
        assert!(times.iter().all(|it| it.2 <= 5), "{policy} {times:?}");
    }
}
