//! Repairs: first a spare part, then a crew, then the work. Both are waited for in the order of asking, at each site on its own.
//!
//! A part that is used is ordered again at once and comes after the lead time, whatever else is on order (one-for-one replenishment of
//! a base stock; Sherbrooke 1968, METRIC). A crew works on one repair at a time; a rack or hall that fails as a whole is one repair
//! of one crew with one part. Nodes that are destroyed while they wait are dropped when their turn comes.

use std::collections::VecDeque;

use bastide_engine::Stream;
use bastide_units::{Duration, Time};

use super::{CLASS_FAILURE, CLASS_RETURN, Event, World};
use crate::setup::{Setup, entity_key};

/// Nodes to be repaired together.
#[derive(Clone, Copy)]
pub(crate) struct Job {
    cause: Option<u32>,
    pool: u32,
    nodes: u32,
    /// Whether it takes a part.
    spare: bool,
    /// Whether its nodes are out: their fault was noticed.
    out: bool,
    work: Duration,
    /// Since when its nodes are out.
    since: Time,
    /// When it began to wait for what it waits for.
    asked: Time,
}

impl Job {
    pub(super) fn new(cause: Option<u32>, pool: usize, nodes: u32, work: Duration, spare: bool, now: Time) -> Self {
        Self { cause, pool: pool as u32, nodes, spare, out: false, work, since: now, asked: now }
    }
}

/// Crews and parts of one site.
struct Workshop {
    /// Crews that are free; `None` for any number.
    crews: Option<u32>,
    /// Parts in stock; `None` for a stock that never ends.
    parts: Option<u32>,
    for_crew: VecDeque<u32>,
    for_part: VecDeque<u32>,
    /// When the stock was first used up.
    exhausted: Option<Time>,
    lead_times: Stream,
}

/// Sums of one cause.
#[derive(Clone, Copy, Default)]
pub(crate) struct CauseSums {
    pub events: f64,
    /// Nodes taken out.
    pub nodes: f64,
    /// Time that nodes were out \[node s\].
    pub out_node_s: f64,
    pub repairs: f64,
    /// Time of repairs that are done, waiting included \[s\].
    pub repair_s: f64,
    pub crew_wait_s: f64,
    pub part_wait_s: f64,
}

pub(crate) struct Repairs {
    /// Jobs by number; those of `free` stand for nothing.
    jobs: Vec<Job>,
    free: Vec<u32>,
    shops: Vec<Workshop>,
    /// One for each cause, then one for the failures of the types themselves.
    sums: Vec<CauseSums>,
}

impl Repairs {
    pub(super) fn new(setup: &Setup, seed: u64, replication: u32) -> Self {
        let shop = |site: &bastide_model::model::Site| Workshop {
            crews: site.repair_crews,
            parts: site.spares.map(|(stock, _)| stock),
            for_crew: VecDeque::new(),
            for_part: VecDeque::new(),
            exhausted: site.spares.filter(|(stock, _)| *stock == 0).map(|_| Time::ZERO),
            lead_times: Stream::new(seed, replication, entity_key("site", &site.entity.name, "spare")),
        };
        Self {
            jobs: Vec::new(),
            free: Vec::new(),
            shops: setup.model.sites.iter().map(shop).collect(),
            sums: vec![CauseSums::default(); setup.model.failures.len() + 1],
        }
    }

    fn of(&mut self, cause: Option<u32>) -> &mut CauseSums {
        let last = self.sums.len() - 1;
        &mut self.sums[cause.map_or(last, |cause| cause as usize)]
    }

    pub(super) fn count_event(&mut self, cause: Option<u32>) {
        self.of(cause).events += 1.0;
    }

    fn add(&mut self, job: Job) -> u32 {
        if let Some(number) = self.free.pop() {
            self.jobs[number as usize] = job;
            return number;
        }
        self.jobs.push(job);
        (self.jobs.len() - 1) as u32
    }

    /// Ends a job: its nodes work again, or are no more.
    fn close(&mut self, number: u32, now: Time, done: bool) {
        let job = &mut self.jobs[number as usize];
        let (cause, out_s, nodes) = (job.cause, now.since(job.since).as_s(), f64::from(job.nodes));
        job.out = false;
        self.free.push(number);
        let sums = self.of(cause);
        sums.out_node_s += nodes * out_s;
        if done {
            sums.repairs += 1.0;
            sums.repair_s += out_s;
        }
    }

    /// From the start until a repair first waited for a part [h]; the whole history where none did.
    pub(super) fn parts_last_h(&self, site: usize, end: Time) -> f64 {
        self.shops[site].exhausted.unwrap_or(end).as_hours()
    }

    /// Sums of a cause at the end, with what is still out and waiting.
    pub(super) fn summary(&self, cause: usize, end: Time) -> CauseSums {
        let mut sums = self.sums[cause];
        let mine = |job: &&Job| job.cause == Some(cause as u32);
        for job in self.jobs.iter().filter(|job| job.out).filter(mine) {
            sums.out_node_s += f64::from(job.nodes) * end.since(job.since).as_s();
        }
        for shop in &self.shops {
            let waited = |line: &VecDeque<u32>| -> f64 {
                line.iter().map(|number| &self.jobs[*number as usize]).filter(mine).map(|job| end.since(job.asked).as_s()).sum()
            };
            sums.crew_wait_s += waited(&shop.for_crew);
            sums.part_wait_s += waited(&shop.for_part);
        }
        sums
    }
}

impl World<'_> {
    /// Nodes with a fault that is noticed after a while.
    pub(super) fn notice(&mut self, job: Job, detection: Duration) {
        let number = self.repairs.add(job);
        self.queue.schedule(self.now + detection, CLASS_FAILURE, Event::Noticed { job: number });
    }

    /// A fault is noticed: its nodes, if they are still there and up, go to repair.
    pub(super) fn on_noticed(&mut self, number: usize) {
        let mut job = self.repairs.jobs[number];
        self.repairs.free.push(number as u32);
        let pool = job.pool as usize;
        let state = &mut self.fleet.pools[pool];
        let void = state.void_faults.min(job.nodes);
        state.void_faults -= void;
        state.faulty -= (job.nodes - void).min(state.faulty);
        job.nodes = (job.nodes - void).min(state.up);
        if job.nodes > 0 {
            state.up -= job.nodes;
            (job.since, job.asked) = (self.now, self.now);
            self.begin_repair(job);
            self.nodes_changed(pool);
        }
    }

    /// Nodes that are out ask for a part, if they need one, then for a crew.
    pub(super) fn begin_repair(&mut self, job: Job) {
        let site = self.setup.pools[job.pool as usize].site;
        let hours = job.work.as_h();
        let number = self.repairs.add(Job { out: true, ..job });
        let sums = self.repairs.of(job.cause);
        sums.nodes += f64::from(job.nodes);
        let mut waits = false;
        if job.spare
            && let Some((_, lead_time)) = &self.setup.model.sites[site].spares
        {
            let shop = &mut self.repairs.shops[site];
            let arrives = self.now + Duration::from_s(lead_time.sample(&mut shop.lead_times));
            self.queue.schedule(arrives, CLASS_RETURN, Event::SpareArrives { site: site as u32, pool: job.pool });
            match &mut shop.parts {
                Some(0) => {
                    shop.for_part.push_back(number);
                    waits = true;
                }
                Some(parts) => {
                    *parts -= 1;
                    if *parts == 0 {
                        shop.exhausted.get_or_insert(self.now);
                    }
                }
                None => {}
            }
        }
        if !waits {
            self.ask_for_a_crew(site, number);
        }
        self.recorder.fine(self.now, "node-down", "fleet", site, hours, None);
    }

    fn ask_for_a_crew(&mut self, site: usize, number: u32) {
        self.repairs.jobs[number as usize].asked = self.now;
        let shop = &mut self.repairs.shops[site];
        match &mut shop.crews {
            Some(0) => shop.for_crew.push_back(number),
            Some(crews) => {
                *crews -= 1;
                self.work_on(number);
            }
            None => self.work_on(number),
        }
    }

    fn work_on(&mut self, number: u32) {
        let work = self.repairs.jobs[number as usize].work;
        self.queue.schedule(self.now + work, CLASS_RETURN, Event::Repaired { job: number });
    }

    /// A crew turns to the next job whose nodes have not been destroyed meanwhile.
    fn crew_is_free(&mut self, site: usize) {
        if self.repairs.shops[site].crews.is_none() {
            return;
        }
        while let Some(number) = self.repairs.shops[site].for_crew.pop_front() {
            let job = self.repairs.jobs[number as usize];
            self.repairs.of(job.cause).crew_wait_s += self.now.since(job.asked).as_s();
            let state = &mut self.fleet.pools[job.pool as usize];
            if state.void_repairs < job.nodes {
                self.work_on(number);
                return;
            }
            state.void_repairs -= job.nodes;
            self.repairs.close(number, self.now, false);
        }
        if let Some(crews) = &mut self.repairs.shops[site].crews {
            *crews += 1;
        }
    }

    pub(super) fn on_spare_arrives(&mut self, site: usize, pool: usize) {
        if self.part_is_held(site, pool) {
            return;
        }
        let shop = &mut self.repairs.shops[site];
        if let Some(number) = shop.for_part.pop_front() {
            let job = self.repairs.jobs[number as usize];
            self.repairs.of(job.cause).part_wait_s += self.now.since(job.asked).as_s();
            self.ask_for_a_crew(site, number);
        } else if let Some(parts) = &mut shop.parts {
            *parts += 1;
        }
    }

    pub(super) fn on_repaired(&mut self, number: usize) {
        let job = self.repairs.jobs[number];
        let pool = job.pool as usize;
        let site = self.setup.pools[pool].site;
        let state = &mut self.fleet.pools[pool];
        let void = state.void_repairs.min(job.nodes);
        state.void_repairs -= void;
        state.up += job.nodes - void;
        self.repairs.close(number as u32, self.now, void < job.nodes);
        self.crew_is_free(site);
        if void < job.nodes {
            self.recorder.fine(self.now, "node-up", "fleet", site, 0.0, None);
            self.nodes_changed(pool);
        }
    }
}
