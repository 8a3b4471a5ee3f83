//! Jobs that wait, in the order of a policy.

use std::collections::{BTreeMap, BTreeSet};

use bastide_units::Time;

use super::settings::{Order, Settings};
use crate::simulation::Task;
use crate::span::Span;

/// Doublings of the weight of use after which all weights are scaled back, far below 2^1023.
const MOST_DOUBLINGS: f64 = 500.0;

/// Jobs that wait.
#[derive(Debug)]
pub enum Waiting {
    /// By a key that does not change; by submission among equals, which is the order of jobs.
    Sorted {
        /// What makes the key.
        order: Order,
        /// Key, job.
        jobs: BTreeSet<(u64, u32)>,
    },
    /// Owners by what they used of their share, their jobs by submission.
    Fair(Fair),
}

impl Waiting {
    pub fn new(settings: &Settings, shares: &[f64]) -> Self {
        match settings.order {
            Order::FairShare => Self::Fair(Fair::new(settings.half_life, shares)),
            order => Self::Sorted { order, jobs: BTreeSet::new() },
        }
    }

    fn key(order: Order, task: &Task) -> u64 {
        match order {
            Order::Shortest => task.runtime.as_nanos(),
            // Greater first: the order of signed numbers, upside down.
            Order::Priority => !(task.priority as u64 ^ (1 << 63)),
            Order::Arrival | Order::ShortestRemaining | Order::FairShare => 0,
        }
    }

    pub fn insert(&mut self, job: u32, task: &Task) {
        match self {
            Self::Sorted { order, jobs } => {
                jobs.insert((Self::key(*order, task), job));
            }
            Self::Fair(fair) => {
                fair.waiting.entry(task.owner).or_default().insert(job);
                fair.jobs += 1;
            }
        }
    }

    pub fn remove(&mut self, job: u32, task: &Task) {
        match self {
            Self::Sorted { order, jobs } => {
                jobs.remove(&(Self::key(*order, task), job));
            }
            Self::Fair(fair) => {
                let Some(jobs) = fair.waiting.get_mut(&task.owner) else { return };
                fair.jobs -= usize::from(jobs.remove(&job));
                if jobs.is_empty() {
                    fair.waiting.remove(&task.owner);
                }
            }
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Sorted { jobs, .. } => jobs.len(),
            Self::Fair(fair) => fair.jobs,
        }
    }

    /// The job whose turn it is.
    pub fn first(&self) -> Option<u32> {
        match self {
            Self::Sorted { jobs, .. } => jobs.first().map(|(_, job)| *job),
            Self::Fair(fair) => fair.first(),
        }
    }

    /// The jobs in order, at most so many.
    pub fn in_order(&self, most: usize, into: &mut Vec<u32>) {
        into.clear();
        match self {
            Self::Sorted { jobs, .. } => into.extend(jobs.iter().map(|(_, job)| *job).take(most)),
            Self::Fair(fair) => {
                let mut owners: Vec<u32> = fair.waiting.keys().copied().collect();
                owners.sort_by(|a, b| fair.before(*a, *b));
                into.extend(owners.iter().flat_map(|owner| &fair.waiting[owner]).copied().take(most));
            }
        }
    }

    /// A job has started: its owner is charged for what it is expected to use.
    pub fn charge(&mut self, now: Time, task: &Task, expected: Span) {
        if let Self::Fair(fair) = self {
            fair.add(now, task, expected.as_s());
        }
    }

    /// A job that was charged for at `since` has used another time than expected: the difference is put right, with the weight
    /// of the charge.
    pub fn settle(&mut self, since: Time, task: &Task, expected: Span, used: Span) {
        if let Self::Fair(fair) = self {
            fair.add(since, task, used.as_s() - expected.as_s());
        }
    }
}

/// Fair share: the owner goes first who used least of its share; use loses half its weight in every half-life (Kay & Lauder
/// 1988, "A fair share scheduler"; Slurm's multifactor priority).
#[derive(Debug)]
pub struct Fair {
    waiting: BTreeMap<u32, BTreeSet<u32>>,
    jobs: usize,
    /// Use by owner over its share \[GPU s\], with the weight of `origin`: instead of the past losing weight, the present gains it.
    used: Vec<f64>,
    shares: Vec<f64>,
    origin: Time,
    half_life: Span,
}

impl Fair {
    fn new(half_life: Span, shares: &[f64]) -> Self {
        Self { waiting: BTreeMap::new(), jobs: 0, used: vec![0.0; shares.len()], shares: shares.to_vec(), origin: Time::ZERO, half_life }
    }

    fn before(&self, a: u32, b: u32) -> std::cmp::Ordering {
        self.used[a as usize].total_cmp(&self.used[b as usize]).then(a.cmp(&b))
    }

    fn first(&self) -> Option<u32> {
        let (_, jobs) = self.waiting.iter().min_by(|(a, _), (b, _)| self.before(**a, **b))?;
        jobs.first().copied()
    }

    fn add(&mut self, at: Time, task: &Task, seconds: f64) {
        let doublings = |origin: Time| {
            let (after, before) = (Span::between(origin, at).as_s(), Span::between(at, origin).as_s());
            (after - before) / self.half_life.as_s()
        };
        let mut weight = doublings(self.origin);
        if weight > MOST_DOUBLINGS {
            let scale = (-weight).exp2();
            for used in &mut self.used {
                *used *= scale;
            }
            self.origin = at;
            weight = 0.0;
        }
        let gpus = task.ask.total_gpu_milli() as f64 / f64::from(crate::ask::WHOLE);
        let owner = task.owner as usize;
        self.used[owner] = (self.used[owner] + gpus * seconds * weight.exp2() / self.shares[owner]).max(0.0);
    }
}
