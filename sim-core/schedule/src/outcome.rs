//! What a replay comes to: times of jobs, by quantile and by group, beside what the log itself says.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::ask::WHOLE;
use crate::job::{Job, Name};
use crate::simulation::{Replayed, Run};
use crate::span::{Span, as_s};
use crate::timeline::Timeline;
use crate::trace::Log;

/// A job shorter than this counts as this long in its slowdown: 10 s (Feitelson et al. 1997, "Theory and practice in parallel job
/// scheduling").
const SHORTEST_S: f64 = 10.0;
/// Groups of one kind that a summary names.
const MOST_GROUPS: usize = 200;

/// Mean and quantiles of a number of jobs or of moments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Distribution {
    /// Mean.
    pub mean: f64,
    /// Median.
    pub p50: f64,
    /// 90 % quantile.
    pub p90: f64,
    /// 95 % quantile.
    pub p95: f64,
    /// 99 % quantile.
    pub p99: f64,
    /// Greatest.
    pub max: f64,
}

impl Distribution {
    /// Of numbers, each as good as another; quantiles of type 7 (Hyndman & Fan 1996). Zeros without any.
    #[must_use]
    pub fn of(mut values: Vec<f64>) -> Self {
        if values.is_empty() {
            return Self::default();
        }
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        values.sort_unstable_by(f64::total_cmp);
        let last = values.len() - 1;
        let at = |p: f64| {
            let place = p * last as f64;
            let (below, above) = (values[place.floor() as usize], values[place.ceil() as usize]);
            below + (above - below) * place.fract()
        };
        Self { mean, p50: at(0.5), p90: at(0.9), p95: at(0.95), p99: at(0.99), max: values[last] }
    }

    /// Of values that held for lengths of time: the least value that holds for at least this share of the time. Zeros without any
    /// time.
    #[must_use]
    pub fn over_time(mut values: Vec<(f64, Span)>) -> Self {
        values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let total: f64 = values.iter().map(|(_, span)| span.as_s()).sum();
        if total <= 0.0 {
            return Self::default();
        }
        let mean = values.iter().map(|(value, span)| value * span.as_s()).sum::<f64>() / total;
        let at = |p: f64| {
            let mut left = p * total;
            let reached = values.iter().find(|(_, span)| {
                left -= span.as_s();
                left <= 0.0
            });
            reached.or(values.last()).map_or(0.0, |(value, _)| *value)
        };
        Self { mean, p50: at(0.5), p90: at(0.9), p95: at(0.95), p99: at(0.99), max: at(1.0) }
    }
}

/// Jobs of one user, nation, partition or number of GPUs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Number of jobs.
    pub count: usize,
    /// GPU hours of their run times.
    pub gpu_hours: f64,
    /// Mean time from submission to end \[s\].
    pub mean_completion_s: f64,
    /// Mean wait \[s\].
    pub mean_wait_s: f64,
    /// Mean bounded slowdown.
    pub mean_slowdown: f64,
}

/// The schedule of the log beside ours.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Comparison {
    /// Jobs of which the log says when they ended.
    pub count: usize,
    /// Mean time from submission to end by the log \[s\].
    pub mean_completion_s: f64,
    /// By ours, of the same jobs \[s\].
    pub replayed_mean_completion_s: f64,
    /// Ours over the log's, less 1.
    pub completion_error: f64,
    /// Mean wait by the log \[s\].
    pub mean_wait_s: f64,
    /// By ours \[s\].
    pub replayed_mean_wait_s: f64,
    /// Jobs whose start and end are those of the log, to the second.
    pub same: usize,
    /// Largest difference of an end \[s\].
    pub largest_difference_s: f64,
    /// The job where it is.
    pub largest_at: String,
}

/// What a replay comes to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Number of jobs.
    pub count: usize,
    /// Mean time from submission to end \[s\].
    pub mean_completion_s: f64,
    /// Mean wait, all waits of a job together \[s\].
    pub mean_wait_s: f64,
    /// Mean bounded slowdown: completion over run time, of at least 10 s.
    pub mean_slowdown: f64,
    /// Time from submission to end \[s\].
    pub completion_s: Distribution,
    /// Wait \[s\].
    pub wait_s: Distribution,
    /// Bounded slowdown.
    pub slowdown: Distribution,
    /// Share of the GPUs in use, on average.
    pub utilisation: f64,
    /// Share of the GPUs in use, over time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utilisation_over_time: Option<Distribution>,
    /// Share of the free GPUs on nodes that are partly in use, over time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fragmentation: Option<Distribution>,
    /// Jobs that wait, over time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Distribution>,
    /// Pre-emptions.
    pub preemptions: u64,
    /// From the first submission to the last end \[s\].
    pub makespan_s: f64,
    /// GPU hours of the run times.
    pub gpu_hours: f64,
    /// By user, nation, partition and number of GPUs, where the log says them.
    pub by: BTreeMap<&'static str, Vec<Group>>,
    /// The schedule of the log, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<Comparison>,
}

/// Bounded slowdown (Feitelson et al. 1997).
fn slowdown(job: &Job, run: &Run) -> f64 {
    (Span::between(job.submit, run.end).as_s() / job.runtime.as_s().max(SHORTEST_S)).max(1.0)
}

fn gpu_hours(job: &Job) -> f64 {
    job.runtime.as_s() / 3600.0 * job.ask.total_gpu_milli() as f64 / f64::from(WHOLE)
}

impl Summary {
    /// Of a replay, with what was recorded over time, if it was.
    #[must_use]
    pub fn of(log: &Log, replayed: &Replayed, timeline: Option<(&Timeline, u64)>) -> Self {
        let pairs = || replayed.jobs.iter().map(|job| &log.jobs[*job as usize]).zip(&replayed.runs);
        let completion_s = Distribution::of(pairs().map(|(job, run)| Span::between(job.submit, run.end).as_s()).collect());
        let wait_s = Distribution::of(pairs().map(|(_, run)| run.waited.as_s()).collect());
        let slowdown = Distribution::of(pairs().map(|(job, run)| slowdown(job, run)).collect());
        let over_time = |value: &dyn Fn(&crate::timeline::Point) -> f64| {
            timeline.map(|(it, _)| Distribution::over_time(it.spans().map(|(point, span)| (value(point), span)).collect()))
        };
        let total = timeline.map_or(1.0, |(_, milli)| milli.max(1) as f64);
        Self {
            count: replayed.runs.len(),
            mean_completion_s: completion_s.mean,
            mean_wait_s: wait_s.mean,
            mean_slowdown: slowdown.mean,
            completion_s,
            wait_s,
            slowdown,
            utilisation: replayed.utilisation,
            utilisation_over_time: over_time(&|point| point.gpu_milli as f64 / total),
            fragmentation: over_time(&|point| point.fragmentation),
            waiting: over_time(&|point| f64::from(point.waiting)),
            preemptions: replayed.runs.iter().map(|run| u64::from(run.preemptions)).sum(),
            makespan_s: replayed.makespan.as_s(),
            gpu_hours: pairs().map(|(job, _)| gpu_hours(job)).sum(),
            by: groups(log, replayed),
            published: Comparison::of(pairs()),
        }
    }
}

impl Comparison {
    fn of<'a>(pairs: impl Iterator<Item = (&'a Job, &'a Run)>) -> Option<Self> {
        let mut sums = Self::default();
        let mut waits = 0_usize;
        for (job, run) in pairs {
            let Some(completion) = job.published.completion else { continue };
            let ours = Span::between(job.submit, run.end).as_s();
            sums.count += 1;
            sums.mean_completion_s += completion.as_s();
            sums.replayed_mean_completion_s += ours;
            let mut same = (ours - completion.as_s()).abs() < 0.5;
            if let Some(start) = job.published.start {
                same &= (as_s(start) - as_s(run.start)).abs() < 0.5;
            }
            sums.same += usize::from(same);
            if let Some(wait) = job.published.wait {
                waits += 1;
                sums.mean_wait_s += wait.as_s();
                sums.replayed_mean_wait_s += run.waited.as_s();
            }
            let difference = (ours - completion.as_s()).abs();
            if difference > sums.largest_difference_s {
                sums.largest_difference_s = difference;
                sums.largest_at = job.id.to_string();
            }
        }
        let (count, waits) = (sums.count as f64, waits.max(1) as f64);
        sums.mean_completion_s /= count;
        sums.replayed_mean_completion_s /= count;
        sums.mean_wait_s /= waits;
        sums.replayed_mean_wait_s /= waits;
        sums.completion_error =
            if sums.mean_completion_s > 0.0 { sums.replayed_mean_completion_s / sums.mean_completion_s - 1.0 } else { 0.0 };
        (sums.count > 0).then_some(sums)
    }
}

/// Sums of a group.
#[derive(Clone, Copy, Default)]
struct Sums {
    count: usize,
    gpu_hours: f64,
    completion: f64,
    wait: f64,
    slowdown: f64,
}

impl Sums {
    fn add(&mut self, job: &Job, run: &Run) {
        self.count += 1;
        self.gpu_hours += gpu_hours(job);
        self.completion += Span::between(job.submit, run.end).as_s();
        self.wait += run.waited.as_s();
        self.slowdown += slowdown(job, run);
    }

    fn group(&self, name: String) -> Group {
        let count = self.count as f64;
        Group {
            name,
            count: self.count,
            gpu_hours: self.gpu_hours,
            mean_completion_s: self.completion / count,
            mean_wait_s: self.wait / count,
            mean_slowdown: self.slowdown / count,
        }
    }
}

/// Classes of jobs by their GPUs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Size {
    None,
    /// A part of one or several.
    Shares,
    /// Whole ones, to a power of two.
    UpTo(u32),
}

fn groups(log: &Log, replayed: &Replayed) -> BTreeMap<&'static str, Vec<Group>> {
    type Owner = fn(&Job) -> Option<Name>;
    let mut by = BTreeMap::new();
    let pairs = || replayed.jobs.iter().map(|job| &log.jobs[*job as usize]).zip(&replayed.runs);
    let kinds: [(_, Owner); 3] = [("user", |job| job.user), ("nation", |job| job.nation), ("partition", |job| job.partition)];
    for (kind, name) in kinds {
        let mut sums: BTreeMap<Name, Sums> = BTreeMap::new();
        for (job, run) in pairs() {
            if let Some(name) = name(job) {
                sums.entry(name).or_default().add(job, run);
            }
        }
        let mut groups: Vec<Group> = sums.into_iter().map(|(name, sums)| sums.group(log.names.word(name).to_owned())).collect();
        // The greatest first; a log of thousands of users names those.
        groups.sort_by(|a, b| b.gpu_hours.total_cmp(&a.gpu_hours).then_with(|| a.name.cmp(&b.name)));
        groups.truncate(MOST_GROUPS);
        if !groups.is_empty() {
            by.insert(kind, groups);
        }
    }
    let mut sizes: BTreeMap<Size, Sums> = BTreeMap::new();
    for (job, run) in pairs() {
        let class = match job.ask.gpus {
            _ if job.ask.shares() => Size::Shares,
            0 => Size::None,
            gpus => Size::UpTo(gpus.checked_next_power_of_two().unwrap_or(u32::MAX)),
        };
        sizes.entry(class).or_default().add(job, run);
    }
    let name = |size: Size| match size {
        Size::None => "none".to_owned(),
        Size::Shares => "shares".to_owned(),
        Size::UpTo(most @ (1 | 2)) => most.to_string(),
        Size::UpTo(most) => format!("{} to {most}", most / 2 + 1),
    };
    by.insert("gpus", sizes.into_iter().map(|(class, sums)| sums.group(name(class))).collect());
    by
}
