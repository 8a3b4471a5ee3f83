//! Conservative backfilling (Mu'alem & Feitelson 2001, "Utilization, predictability, workloads, and user runtime estimates in
//! scheduling the IBM SP2 with backfilling", IEEE TPDS 12(6)).

use std::collections::{BTreeMap, VecDeque};

use bastide_units::Time;

use super::Rule;
use super::settings::Settings;
use crate::ask::{Ask, Models};
use crate::occupancy::{GpuSet, Occupancy};
use crate::simulation::{Desk, take_at};
use crate::span::Span;

/// A job over its estimate is taken to need this share of it more, and at least [`LEAST_EXTENSION`].
const EXTENSION: f64 = 0.1;
const LEAST_EXTENSION: Span = Span::from_whole_s(60);

/// Nodes and GPUs for a time.
#[derive(Clone, Debug)]
struct Booking {
    job: u32,
    from: Time,
    until: Time,
    ask: Ask,
    places: Vec<(usize, GpuSet)>,
}

/// Every job gets the earliest booking of nodes and GPUs that disturbs no other when it is submitted. When a job ends early, the
/// others move up, each only to where it starts earlier: no booking ever moves back as long as no job runs longer than estimated.
#[derive(Debug)]
pub struct Conservative {
    /// Of the jobs that wait.
    bookings: Vec<Booking>,
    /// Jobs without a booking yet, in the order of submission.
    later: VecDeque<u32>,
    depth: usize,
    /// When jobs over their estimates are now expected to end.
    extended: BTreeMap<u32, Time>,
    ended_early: bool,
    /// When the rule last asked to look again.
    look: Time,
}

impl Conservative {
    pub fn new(settings: &Settings) -> Self {
        Self {
            bookings: Vec::new(),
            later: VecDeque::new(),
            depth: settings.depth.max(1),
            extended: BTreeMap::new(),
            ended_early: false,
            look: Time::ZERO,
        }
    }

    fn expected_end(&self, desk: &Desk<'_>, job: u32) -> Time {
        self.extended.get(&job).copied().unwrap_or_else(|| desk.estimate_left(job).after(desk.since(job)))
    }

    /// What runs, as bookings from now on.
    fn running(&self, desk: &Desk<'_>) -> Vec<Booking> {
        let booking = |job: u32, grant| Booking {
            job,
            from: desk.now(),
            until: self.expected_end(desk, job),
            ask: desk.tasks[job as usize].ask,
            places: desk.occupancy.places(grant).collect(),
        };
        desk.running().iter().map(|run| booking(run.job, &run.grant)).collect()
    }

    /// The earliest booking of a job beside others; `None` if there is no room at all.
    fn earliest(desk: &mut Desk<'_>, job: u32, running: &[Booking], waiting: &[Booking]) -> Option<Booking> {
        let task = &desk.tasks[job as usize];
        // A job of no time still needs its room for a moment.
        let length = task.estimate.max(Span::from_nanos(1));
        let others = || running.iter().chain(waiting);
        let mut changes: Vec<(Time, i64)> = vec![(desk.now(), 0)];
        for it in others() {
            let milli = it.ask.total_gpu_milli() as i64;
            changes.extend([(it.from, milli), (it.until, -milli)]);
        }
        changes.sort_unstable();
        let mut steps: Vec<(Time, i64)> = Vec::with_capacity(changes.len());
        let mut used = 0;
        for (moment, change) in changes {
            used += change;
            match steps.last_mut() {
                Some(last) if last.0 == moment => last.1 = used,
                _ => steps.push((moment, used)),
            }
        }
        let most = desk.capacity().0 as i64 - task.ask.total_gpu_milli() as i64;
        let mut at = 0;
        while at < steps.len() {
            let (from, until) = (steps[at].0, length.after(steps[at].0));
            // A count of GPUs first; what is taken together need not be taken at the same time by others.
            let crowded = (at..steps.len()).take_while(|step| steps[*step].0 < until).find(|step| steps[*step].1 > most);
            if let Some(step) = crowded {
                at = step + 1;
                continue;
            }
            let mut beside = desk.empty.clone();
            for it in others().filter(|it| it.from < until && from < it.until) {
                block(&mut beside, it);
            }
            if let Some(grant) = desk.packer.place(&mut beside, &task.ask) {
                return Some(Booking { job, from, until, ask: task.ask, places: beside.places(&grant).collect() });
            }
            at += 1;
        }
        None
    }

    /// Books for the jobs that have no booking yet, as many as the depth allows.
    fn book(&mut self, desk: &mut Desk<'_>) {
        if self.later.is_empty() || self.bookings.len() >= self.depth {
            return;
        }
        let running = self.running(desk);
        while self.bookings.len() < self.depth
            && let Some(job) = self.later.pop_front()
        {
            match Self::earliest(desk, job, &running, &self.bookings) {
                Some(booking) => self.bookings.push(booking),
                // Unreachable for a job that an empty cluster holds; it would wait for the next end.
                None => {
                    self.later.push_front(job);
                    return;
                }
            }
        }
    }

    /// Moves each booking to where it starts earlier, if there is such a place.
    fn move_up(&mut self, desk: &mut Desk<'_>) {
        self.bookings.sort_by_key(|it| (it.from, it.job));
        let running = self.running(desk);
        for index in 0..self.bookings.len() {
            let old = self.bookings.remove(index);
            let found = Self::earliest(desk, old.job, &running, &self.bookings).filter(|it| it.from < old.from);
            self.bookings.insert(index, found.unwrap_or(old));
        }
    }

    /// Gives up all bookings and makes them anew: a job has run longer than estimated.
    fn rebook(&mut self, desk: &mut Desk<'_>) {
        let mut jobs: Vec<u32> = self.bookings.drain(..).map(|it| it.job).chain(self.later.drain(..)).collect();
        jobs.sort_unstable();
        self.later.extend(jobs);
        self.book(desk);
    }

    /// Whether a job runs longer than it was expected to; it is then expected to run for a while more.
    fn extend_overruns(&mut self, desk: &Desk<'_>) -> bool {
        let now = desk.now();
        let over: Vec<u32> = desk.running().iter().map(|run| run.job).filter(|job| self.expected_end(desk, *job) <= now).collect();
        for job in &over {
            let more = Span::from_s(desk.estimate_left(*job).as_s() * EXTENSION).max(LEAST_EXTENSION);
            self.extended.insert(*job, more.after(now));
        }
        !over.is_empty()
    }

    /// Starts what is booked for now. False if a place is not free.
    fn start_due(&mut self, desk: &mut Desk<'_>) -> bool {
        let now = desk.now();
        let mut all = true;
        self.bookings.retain(|it| {
            if it.from > now {
                return true;
            }
            match take_at(&mut desk.occupancy, &it.ask, &it.places) {
                Some(grant) => {
                    desk.begin(it.job, grant);
                    false
                }
                None => {
                    all = false;
                    true
                }
            }
        });
        all
    }
}

/// Takes what a booking needs, so far as it is free: bookings of different moments may share places.
fn block(occupancy: &mut Occupancy, booking: &Booking) {
    if take_at(occupancy, &booking.ask, &booking.places).is_some() {
        return;
    }
    let any = Ask { gpus: 0, gpu_milli: booking.ask.gpu_milli, cpu_milli: 0, memory_mib: 0, models: Models::ANY, gang: false };
    for (node, gpus) in &booking.places {
        for gpu in (0..GpuSet::BITS).filter(|gpu| gpus >> gpu & 1 == 1) {
            let free = u32::from(occupancy.gpus_free(*node)[gpu as usize]);
            if free > 0 {
                occupancy.take_on(*node, &Ask { gpus: 1, gpu_milli: any.gpu_milli.min(free), ..any }, 1 << gpu);
            }
        }
        let part = booking.ask.part(gpus.count_ones());
        let (cpu_milli, memory_mib) = (part.cpu_milli.min(occupancy.cpu_free(*node)), part.memory_mib.min(occupancy.memory_free(*node)));
        occupancy.take_on(*node, &Ask { cpu_milli, memory_mib, ..any }, 0);
    }
}

impl Rule for Conservative {
    fn submitted(&mut self, _: &mut Desk<'_>, job: u32) {
        self.later.push_back(job);
    }

    fn ended(&mut self, desk: &mut Desk<'_>, job: u32) {
        self.ended_early |= self.expected_end(desk, job) > desk.now();
        self.extended.remove(&job);
    }

    fn decide(&mut self, desk: &mut Desk<'_>) {
        let late = self.extend_overruns(desk);
        if std::mem::take(&mut self.ended_early) {
            self.move_up(desk);
        }
        if late {
            self.rebook(desk);
        }
        self.book(desk);
        if !self.start_due(desk) {
            self.rebook(desk);
            self.start_due(desk);
        }
        // Those that started have left bookings to make.
        self.book(desk);
        self.start_due(desk);
        let next = self.bookings.iter().map(|it| it.from).min();
        if let Some(next) = next.filter(|next| *next > desk.now() && *next != self.look) {
            self.look = next;
            desk.look_at(next);
        }
    }

    fn waiting(&self) -> usize {
        self.bookings.len() + self.later.len()
    }
}
