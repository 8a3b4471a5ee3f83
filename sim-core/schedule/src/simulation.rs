//! Jobs on a cluster under a policy, event by event.

use std::collections::BTreeMap;

use bastide_engine::{EventId, Queue, TimeWeighted};
use bastide_units::Time;

use crate::ask::Ask;
use crate::cluster::Cluster;
use crate::job::{Job, Name};
use crate::occupancy::{GpuSet, Grant, Occupancy};
use crate::packing::{Packer, Packing};
use crate::policy::{self, Owner, Settings};
use crate::span::Span;
use crate::trace::Log;

/// Ends come before submissions of the same moment: what they free can be given away at once.
const END: u8 = 0;
const SUBMISSION: u8 = 1;
const LOOK: u8 = 2;

#[derive(Clone, Copy, Debug)]
enum Event {
    Submission(u32),
    End(u32),
    /// The policy wanted to look again.
    Look,
}

/// A job as a policy sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Task {
    pub submit: Time,
    pub runtime: Span,
    pub estimate: Span,
    pub ask: Ask,
    /// Whose share it uses up, from 0; 0 for nobody's.
    pub owner: u32,
    /// Whose quota it uses, from 0; 0 for no nation.
    pub nation: u32,
    pub priority: i64,
}

/// What happened to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// When it first started.
    pub start: Time,
    /// When it ended.
    pub end: Time,
    /// How long it waited in all.
    pub waited: Span,
    /// How often it was pre-empted.
    pub preemptions: u32,
}

/// A finished replay.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// What happened to each job of the log that was replayed.
    pub runs: Vec<Run>,
    /// The jobs of the log, by their positions, in the order of `runs`.
    pub jobs: Vec<u32>,
    /// Share of the GPUs that were in use, on average from the first submission to the last end.
    pub utilisation: f64,
    /// From the first submission to the last end.
    pub makespan: Span,
    /// Jobs without GPUs on a cluster whose CPUs are not stated: nothing limits them, so they were left out.
    pub unlimited: usize,
    /// Jobs that could never run and were left out.
    pub refused: Vec<Refused>,
}

/// A job that can never run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its position in the log.
    pub job: u32,
    /// Why, in a sentence.
    pub why: String,
}

/// Why a replay cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// Jobs that would wait forever.
    #[error("{} jobs can never run", .0.len())]
    NeverRun(Vec<Refused>),
    /// Nothing is left to replay.
    #[error("no job of the log uses anything of the cluster")]
    Nothing,
    /// The policy does not suit the log or the cluster.
    #[error("{0}")]
    Policy(String),
}

/// Who watches a replay.
pub trait Recorder {
    /// Something changed at this moment, and nothing more will.
    fn changed(&mut self, now: Time, occupancy: &Occupancy, running: usize, waiting: usize);
}

/// Nobody watches, and that costs nothing.
impl Recorder for () {
    #[inline]
    fn changed(&mut self, _: Time, _: &Occupancy, _: usize, _: usize) {}
}

/// What is to be replayed, and how.
#[derive(Clone, Debug)]
pub struct Replay<'a> {
    /// The log.
    pub log: &'a Log,
    /// The cluster.
    pub cluster: &'a Cluster,
    /// Who goes first.
    pub policy: &'a Settings,
    /// Which nodes.
    pub packing: Packing,
    /// Seed of placements that draw.
    pub seed: u64,
    /// Leave out jobs that can never run, instead of refusing the log.
    pub skip_bad: bool,
}

impl Replay<'_> {
    /// Replays the log to its end.
    ///
    /// # Errors
    /// [`SimulationError`], before anything is simulated.
    pub fn run(&self, recorder: &mut impl Recorder) -> Result<Replayed, SimulationError> {
        let log = self.log;
        let asks = log.asks(self.cluster);
        let mut packer = Packer::new(self.packing, self.cluster, &asks, self.seed);
        let owners = Owners::of(log, self.policy)?;
        let total = self.cluster.gpus();

        // Left out or refused before the first event, so that nothing waits forever.
        let cpus_known = self.cluster.nodes.iter().any(|node| node.cpu_milli != crate::cluster::UNLIMITED);
        let mut known: BTreeMap<Ask, bool> = BTreeMap::new();
        let (mut jobs, mut refused, mut unlimited) = (Vec::with_capacity(asks.len()), Vec::new(), 0);
        for (index, ask) in asks.iter().enumerate() {
            if ask.gpus == 0 && !cpus_known {
                unlimited += 1;
                continue;
            }
            let fits = *known.entry(*ask).or_insert_with(|| packer.place(&mut Occupancy::new(self.cluster), ask).is_some());
            let why = if fits { owners.refuses(index, ask) } else { Some(too_large(&log.jobs[index], log, ask, self.cluster, total)) };
            match why {
                None => jobs.push(index as u32),
                Some(why) => refused.push(Refused { job: index as u32, why }),
            }
        }
        if !refused.is_empty() && !self.skip_bad {
            return Err(SimulationError::NeverRun(refused));
        }
        if jobs.is_empty() {
            return Err(SimulationError::Nothing);
        }

        let task = |index: &u32| {
            let job = &log.jobs[*index as usize];
            Task {
                submit: job.submit,
                runtime: job.runtime,
                estimate: self.policy.estimate(job) + self.policy.release_delay,
                ask: asks[*index as usize],
                owner: owners.owner[*index as usize],
                nation: owners.nation[*index as usize],
                priority: job.priority,
            }
        };
        let tasks: Vec<Task> = jobs.iter().map(task).collect();
        drop(asks);
        let mut desk = Desk::new(&tasks, self.cluster, packer, self.policy);
        let mut rule = policy::rule(self.policy, &owners.shares, &owners.quotas);
        desk.run_all(rule.as_mut(), recorder);

        let (first, last) = (tasks[0].submit, desk.now());
        let (capacity, ..) = desk.capacity();
        let utilisation = if capacity == 0 { 0.0 } else { desk.used.mean(last) / capacity as f64 };
        Ok(Replayed { runs: desk.runs(), jobs, utilisation, makespan: Span::between(first, last), unlimited, refused })
    }
}

/// A job that the cluster cannot hold, named with what it asks for and what there is.
fn too_large(job: &Job, log: &Log, ask: &Ask, cluster: &Cluster, total: u64) -> String {
    let mut asked = Vec::new();
    if ask.gpus > 0 {
        let share = if ask.shares() { format!(" (0.{:03} of each)", ask.gpu_milli) } else { String::new() };
        let model = job.models.map_or(String::new(), |name| format!(" of model {}", log.names.word(name)));
        asked.push(format!("{} GPUs{share}{model}", ask.gpus));
    }
    if ask.cpu_milli > 0 {
        asked.push(format!("{} CPUs", ask.cpu_milli as f64 / 1000.0));
    }
    if ask.memory_mib > 0 {
        asked.push(format!("{} MiB", ask.memory_mib));
    }
    let largest = cluster.nodes.iter().map(|node| node.gpus).max().unwrap_or(0);
    format!(
        "job `{}` asks for {}; the cluster has {total} GPUs on {} nodes, at most {largest} on one",
        job.id,
        asked.join(", "),
        cluster.nodes.len()
    )
}

/// Whose shares and quotas jobs use.
struct Owners {
    /// By job of the log.
    owner: Vec<u32>,
    nation: Vec<u32>,
    /// By owner.
    shares: Vec<f64>,
    /// By nation: thousandths of GPUs, if it has a quota.
    quotas: Vec<Option<u64>>,
    names: Vec<String>,
    borrow: bool,
}

impl Owners {
    fn of(log: &Log, policy: &Settings) -> Result<Self, SimulationError> {
        let number = |name: Option<Name>| name.map_or(0, |name| name.index() as u32 + 1);
        let of = |job: &Job| match policy.share_by {
            Owner::User => job.user,
            Owner::Nation => job.nation,
            Owner::Partition => job.partition,
        };
        let place = |word: &str| log.names.find(word).map(|name| name.index() + 1);
        let mut shares = vec![1.0; log.names.len() + 1];
        for (word, share) in &policy.shares {
            let place =
                place(word).ok_or_else(|| SimulationError::Policy(format!("`{word}` has a share, but nobody in the log has that name")))?;
            shares[place] = *share;
        }
        let mut quotas = vec![None; log.names.len() + 1];
        for (word, quota) in &policy.quotas {
            let place =
                place(word).ok_or_else(|| SimulationError::Policy(format!("nation `{word}` has a quota, but no job in the log")))?;
            quotas[place] = Some(u64::from(*quota) * u64::from(crate::ask::WHOLE));
        }
        Ok(Self {
            owner: log.jobs.iter().map(|job| number(of(job))).collect(),
            nation: log.jobs.iter().map(|job| number(job.nation)).collect(),
            shares,
            names: if policy.quotas.is_empty() { Vec::new() } else { log.jobs.iter().map(|job| job.id.to_string()).collect() },
            quotas,
            borrow: policy.borrow || policy.quotas.is_empty(),
        })
    }

    /// Why a job could not run even on an empty cluster.
    fn refuses(&self, job: usize, ask: &Ask) -> Option<String> {
        if self.borrow {
            return None;
        }
        let quota = self.quotas[self.nation[job] as usize].unwrap_or(0) / u64::from(crate::ask::WHOLE);
        let more = ask.total_gpu_milli() > quota * u64::from(crate::ask::WHOLE);
        more.then(|| format!("job `{}` asks for {} GPUs; its nation has a quota of {quota} and may not borrow", self.names[job], ask.gpus))
    }
}

/// A job that runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Running {
    pub job: u32,
    pub grant: Grant,
    /// Number in the order of starting.
    pub sequence: u64,
    end: EventId,
}

/// How far a job is.
#[derive(Clone, Copy, Debug)]
struct Track {
    /// To run, at its last start or stop.
    remaining: Span,
    /// To run by its estimate, at its last start or stop.
    estimate: Span,
    /// When it last started, stopped or was submitted.
    since: Time,
    /// Place among those that run, if it does.
    place: u32,
    start: Time,
    end: Time,
    waited: Span,
    preemptions: u32,
}

/// No place.
const NOWHERE: u32 = u32::MAX;

/// Where jobs are started and stopped.
pub(crate) struct Desk<'a> {
    pub tasks: &'a [Task],
    pub occupancy: Occupancy,
    /// With everything free.
    pub empty: Occupancy,
    pub packer: Packer,
    policy: &'a Settings,
    events: Queue<Event>,
    tracks: Vec<Track>,
    running: Vec<Running>,
    started: u64,
    used: TimeWeighted,
    capacity: (u64, u64, u64),
}

impl<'a> Desk<'a> {
    fn new(tasks: &'a [Task], cluster: &Cluster, packer: Packer, policy: &'a Settings) -> Self {
        let track = |task: &Task| Track {
            remaining: task.runtime,
            estimate: task.estimate,
            since: task.submit,
            place: NOWHERE,
            start: Time::NEVER,
            end: Time::NEVER,
            waited: Span::ZERO,
            preemptions: 0,
        };
        let occupancy = Occupancy::new(cluster);
        let sum = |of: fn(&crate::Node) -> u64| cluster.nodes.iter().map(of).fold(0, u64::saturating_add);
        let capacity = (occupancy.total_gpu_milli(), sum(|node| node.cpu_milli), sum(|node| node.memory_mib));
        let mut events = Queue::new();
        events.schedule(tasks[0].submit, SUBMISSION, Event::Submission(0));
        Self {
            tasks,
            empty: occupancy.clone(),
            occupancy,
            packer,
            policy,
            events,
            tracks: tasks.iter().map(track).collect(),
            running: Vec::new(),
            started: 0,
            used: TimeWeighted::new(tasks[0].submit, 0.0),
            capacity,
        }
    }

    /// All events of one moment, then one decision.
    fn run_all(&mut self, rule: &mut dyn policy::Rule, recorder: &mut impl Recorder) {
        while let Some(moment) = self.events.peek_time() {
            while self.events.peek_time() == Some(moment)
                && let Some((_, _, event)) = self.events.pop()
            {
                match event {
                    Event::Submission(job) => {
                        // Only the next one is pending: memory does not grow with the log.
                        if let Some(next) = self.tasks.get(job as usize + 1) {
                            self.events.schedule(next.submit, SUBMISSION, Event::Submission(job + 1));
                        }
                        rule.submitted(self, job);
                    }
                    Event::End(job) => {
                        self.end(job);
                        rule.ended(self, job);
                    }
                    Event::Look => {}
                }
            }
            rule.decide(self);
            self.used.set(moment, self.occupancy.used_gpu_milli() as f64);
            recorder.changed(moment, &self.occupancy, self.running.len(), rule.waiting());
        }
    }

    fn runs(&self) -> Vec<Run> {
        let run = |track: &Track| Run { start: track.start, end: track.end, waited: track.waited, preemptions: track.preemptions };
        self.tracks.iter().map(run).collect()
    }

    pub fn now(&self) -> Time {
        self.events.now()
    }

    /// Thousandths of GPUs, thousandths of CPUs and memory \[MiB\] of the whole cluster.
    pub const fn capacity(&self) -> (u64, u64, u64) {
        self.capacity
    }

    /// Jobs that run, in no order that means anything.
    pub fn running(&self) -> &[Running] {
        &self.running
    }

    /// A job that runs.
    pub fn run(&self, job: u32) -> Option<&Running> {
        self.running.get(self.tracks[job as usize].place as usize)
    }

    /// When the job last started, stopped or was submitted.
    pub fn since(&self, job: u32) -> Time {
        self.tracks[job as usize].since
    }

    /// Time that the job still has to run.
    pub fn remaining(&self, job: u32) -> Span {
        let track = &self.tracks[job as usize];
        if track.place == NOWHERE { track.remaining } else { track.remaining - Span::between(track.since, self.now()) }
    }

    /// Time that the job has to run by its estimate, from its last start or stop on.
    pub fn estimate_left(&self, job: u32) -> Span {
        self.tracks[job as usize].estimate
    }

    /// When a running job ends by its estimate; a job that is over it may end at any moment from now on.
    pub fn expected_end(&self, job: u32) -> Time {
        let track = &self.tracks[job as usize];
        track.estimate.after(track.since).max(Span::from_nanos(1).after(self.now()))
    }

    /// Starts a job if it finds room now.
    pub fn start(&mut self, job: u32) -> bool {
        match self.packer.place(&mut self.occupancy, &self.tasks[job as usize].ask) {
            Some(grant) => {
                self.begin(job, grant);
                true
            }
            None => false,
        }
    }

    /// Starts a job that has its room.
    pub fn begin(&mut self, job: u32, grant: Grant) {
        let now = self.now();
        let track = &mut self.tracks[job as usize];
        track.waited += Span::between(track.since, now);
        track.since = now;
        track.place = self.running.len() as u32;
        track.start = track.start.min(now);
        let end = (track.remaining + self.policy.release_delay).after(now);
        let end = self.events.schedule_cancellable(end, END, Event::End(job));
        self.running.push(Running { job, grant, sequence: self.started, end });
        self.started += 1;
    }

    /// Stops a job, which then has to run for the rest and the cost of stopping.
    pub fn preempt(&mut self, job: u32) {
        let now = self.now();
        let Some(run) = self.leave(job) else { return };
        self.events.cancel(run.end);
        let cost = self.policy.preemption_cost.of(&self.tasks[job as usize].ask);
        let track = &mut self.tracks[job as usize];
        let ran = Span::between(track.since, now);
        track.remaining = track.remaining - ran + cost;
        track.estimate = track.estimate - ran + cost;
        track.since = now;
        track.preemptions += 1;
    }

    /// Looks again at this moment, though nothing may happen then.
    pub fn look_at(&mut self, moment: Time) -> EventId {
        self.events.schedule_cancellable(moment, LOOK, Event::Look)
    }

    fn end(&mut self, job: u32) {
        self.leave(job);
        let now = self.now();
        self.tracks[job as usize].end = now;
    }

    /// Takes a job from those that run and frees what it holds.
    fn leave(&mut self, job: u32) -> Option<Running> {
        let place = std::mem::replace(&mut self.tracks[job as usize].place, NOWHERE);
        if place as usize >= self.running.len() {
            return None;
        }
        let run = self.running.swap_remove(place as usize);
        if let Some(moved) = self.running.get(place as usize) {
            self.tracks[moved.job as usize].place = place;
        }
        self.occupancy.give_back(&run.grant);
        Some(run)
    }
}

/// Takes given GPUs of given nodes, where they are free.
pub(crate) fn take_at(occupancy: &mut Occupancy, ask: &Ask, places: &[(usize, GpuSet)]) -> Option<Grant> {
    if let [(node, gpus)] = places {
        return occupancy.take_on(*node, ask, *gpus);
    }
    // Parts of a gang are whole GPUs: which ones of a node makes no difference.
    let gang: Vec<(u32, u32)> = places.iter().map(|(node, gpus)| (*node as u32, gpus.count_ones())).collect();
    occupancy.take_gang(ask, &gang)
}
