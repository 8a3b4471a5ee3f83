//! Repair of what hazards damage: a queue for each pool of crews and spare parts.
//!
//! A repair first takes a spare part, if it needs one, then a crew; both are waited for in the order of asking, crews also in that of
//! announced value. The crew is busy while it travels, while weather or a missing escort holds it up, and while it works. A part that is
//! used is ordered again at once and comes after its lead time, none before one that was ordered earlier (one-for-one replenishment of a
//! base stock; Sherbrooke 1968, METRIC).
//! A target is out as long as any of its repairs is open. What belongs to no pool is repaired by itself, at once.
//!
//! With crews in the order of asking, each repair is done no later with more crews than with fewer: the queue is G/G/c with the same
//! arrivals and times of service (Kiefer and Wolfowitz 1955). With any number of crews the same holds for spare parts.

use std::collections::VecDeque;

use bastide_engine::Stream;
use bastide_model::model::{Damage, FollowUp, Model, RepairOrder, RepairPool, Target};
use bastide_units::{Duration, Time};

use super::{CLASS_FAILURE, CLASS_RETURN, Event, World};
use crate::setup::{entity_key, target_name};

/// One repair.
#[derive(Clone, Copy)]
struct Job {
    pool: u32,
    target: Target,
    /// Travel and what holds it up, still to come \[s\].
    way_s: f64,
    /// Work that is left \[s\].
    work_s: f64,
    /// Since when it is open.
    since: Time,
    /// When it began to wait for what it waits for.
    asked: Time,
    /// When a crew began with it; `None` while it waits.
    begun: Option<Time>,
    /// Number of the pending end; earlier ones are stale.
    version: u32,
    open: bool,
    /// Event that it follows from.
    cause: u64,
}

/// What a pool has now.
struct PoolState {
    /// Crews that are free; `None` for any number.
    crews: Option<u32>,
    /// Parts in stock; `None` for a stock that never ends.
    parts: Option<u32>,
    /// When the part comes that was ordered last.
    last_part: Time,
    for_crew: VecDeque<u32>,
    for_part: VecDeque<u32>,
    jobs: f64,
    done: f64,
    repair_s: f64,
    crew_wait_s: f64,
    part_wait_s: f64,
    /// When the stock was first used up.
    exhausted: Option<Time>,
}

/// Sums of a pool at the end.
pub(super) struct PoolSums {
    pub jobs: f64,
    pub done: f64,
    pub repair_s: f64,
    pub crew_wait_s: f64,
    pub part_wait_s: f64,
    pub exhausted: Time,
}

/// A second strike that is on its way.
#[derive(Clone, Copy)]
struct SecondStrike {
    target: Target,
    /// The repair that it meets; `None` for one without a pool, which is lengthened already.
    job: Option<u32>,
    repair_s: f64,
    crew_out_s: f64,
    cause: u64,
}

pub(crate) struct Reconstruction {
    jobs: Vec<Job>,
    second: Vec<SecondStrike>,
    pools: Vec<PoolState>,
    /// Targets with their pools, ordered.
    owners: Vec<((u8, u32), u32)>,
}

/// A target as a key that can be ordered.
fn key(target: Target) -> (u8, u32) {
    match target {
        Target::Site(id) => (0, id.0),
        Target::Line(id) => (1, id.0),
        Target::Generator(id) => (2, id.0),
        Target::Bus(id) => (3, id.0),
        Target::Link(id) => (4, id.0),
        Target::Facility(id) => (5, id.0),
    }
}

/// Kind of a target and its position, as events name it.
pub(crate) fn entity(target: Target) -> (&'static str, usize) {
    match target {
        Target::Site(id) => ("site", id.index()),
        Target::Line(id) => ("line", id.index()),
        Target::Generator(id) => ("generator", id.index()),
        Target::Bus(id) => ("bus", id.index()),
        Target::Link(id) => ("link", id.index()),
        Target::Facility(id) => ("facility", id.index()),
    }
}

impl Reconstruction {
    pub(super) fn new(model: &Model) -> Self {
        let pool = |pool: &RepairPool| PoolState {
            crews: pool.crews,
            parts: pool.spares.map(|(stock, _)| stock),
            last_part: Time::ZERO,
            for_crew: VecDeque::new(),
            for_part: VecDeque::new(),
            jobs: 0.0,
            done: 0.0,
            repair_s: 0.0,
            crew_wait_s: 0.0,
            part_wait_s: 0.0,
            exhausted: pool.spares.filter(|(stock, _)| *stock == 0).map(|_| Time::ZERO),
        };
        let pools = model.repair_pools.iter().enumerate();
        let mut owners: Vec<((u8, u32), u32)> =
            pools.flat_map(|(at, pool)| pool.targets.iter().map(move |target| (key(*target), at as u32))).collect();
        owners.sort_unstable();
        Self { jobs: Vec::new(), second: Vec::new(), pools: model.repair_pools.iter().map(pool).collect(), owners }
    }

    fn pool_of(&self, target: Target) -> Option<u32> {
        let found = self.owners.binary_search_by_key(&key(target), |(owned, _)| *owned).ok()?;
        Some(self.owners[found].1)
    }

    /// Sums of a pool, with what still waits.
    pub(super) fn summary(&self, pool: usize, end: Time) -> PoolSums {
        let state = &self.pools[pool];
        let waited = |line: &VecDeque<u32>| -> f64 { line.iter().map(|job| end.since(self.jobs[*job as usize].asked).as_s()).sum() };
        PoolSums {
            jobs: state.jobs,
            done: state.done,
            repair_s: state.repair_s,
            crew_wait_s: state.crew_wait_s + waited(&state.for_crew),
            part_wait_s: state.part_wait_s + waited(&state.for_part),
            exhausted: state.exhausted.unwrap_or(end),
        }
    }
}

impl World<'_> {
    /// Damages a target: it is out until it is repaired, which takes this long once a crew is there. `damage` is `None` where the hazard
    /// knows no states. Nothing happens to a site that the plan has not built, nor to a class of units of which none is in service.
    /// Returns the number of the repair, where it waits in a pool.
    pub(crate) fn damage(&mut self, target: Target, repair_s: f64, damage: Option<Damage>, cause: u64, note: &'static str) -> Option<u32> {
        if let Target::Site(id) = target
            && !self.setup.built[id.index()]
        {
            return None;
        }
        let until = self.now + Duration::from_s(repair_s);
        let Some(pool) = self.reconstruction.pool_of(target) else {
            self.target_out(target, until, cause, note);
            return None;
        };
        if let Target::Generator(id) = target {
            if !self.unit_lost(id.index(), repair_s / 3600.0, Some(cause), note) {
                return None;
            }
        } else {
            if let Some(outage) = self.outage_mut(target) {
                outage.open += 1;
            }
            self.target_out(target, until, cause, note);
        }
        Some(self.ask_for_repair(pool, target, repair_s, damage, cause))
    }

    /// Damages a target, of which so many units at once where it is a class of units.
    pub(crate) fn damage_units(&mut self, target: Target, units: u32, repair_s: f64, cause: u64, note: &'static str) {
        match target {
            Target::Generator(id) if self.reconstruction.pool_of(target).is_none() => {
                self.units_out(id.index(), units, self.now + Duration::from_s(repair_s), Some(cause), note);
            }
            _ => (0..units).for_each(|_| {
                self.damage(target, repair_s, None, cause, note);
            }),
        }
    }

    /// Damages a target that was struck, and sends what follows up. The draws are those of the hit.
    #[allow(clippy::too_many_arguments, reason = "what a hit does")]
    pub(crate) fn struck(
        &mut self,
        target: Target,
        repair_s: f64,
        damage: Option<Damage>,
        follow_up: Option<&FollowUp>,
        mut draws: Stream,
        cause: u64,
        note: &'static str,
    ) {
        let Some(follow_up) = follow_up else {
            self.damage(target, repair_s, damage, cause, note);
            return;
        };
        let comes = draws.bernoulli(follow_up.probability);
        let sample = |distribution: &bastide_engine::Distribution, member| distribution.sample(&mut draws.member(member));
        let (after_s, more_s, crew_out_s) = (sample(&follow_up.after, 1), sample(&follow_up.repair, 2), sample(&follow_up.crew_out, 3));
        // Without a pool the time of the repair is known, so that what meets it lengthens it here.
        let plain = self.reconstruction.pool_of(target).is_none();
        let met = comes && (!plain || after_s < repair_s);
        let job = self.damage(target, repair_s + if met && plain { more_s } else { 0.0 }, damage, cause, note);
        if met {
            let strike = self.reconstruction.second.len() as u32;
            self.reconstruction.second.push(SecondStrike { target, job, repair_s: more_s, crew_out_s, cause });
            self.queue.schedule(self.now + Duration::from_s(after_s), CLASS_FAILURE, Event::FollowUp { strike });
        }
    }

    /// A second strike comes in: a repair that is not done takes longer, and the crew at work is lost for a while.
    pub(super) fn on_follow_up(&mut self, strike: usize) {
        let now = self.now;
        let SecondStrike { target, job, repair_s, crew_out_s, cause } = self.reconstruction.second[strike];
        if job.is_some_and(|job| !self.reconstruction.jobs[job as usize].open) {
            return;
        }
        let (kind, at) = entity(target);
        let seq = self.recorder.event(now, "follow-up-strike", kind, at, repair_s / 3600.0, "hours more", Some(cause));
        let Some(number) = job else { return };
        let job = &mut self.reconstruction.jobs[number as usize];
        job.cause = seq;
        let Some(begun) = job.begun else {
            job.work_s += repair_s;
            return;
        };
        let left_s = (job.way_s + job.work_s - now.since(begun).as_s()).max(0.0);
        let pool = job.pool;
        let limited = self.reconstruction.pools[pool as usize].crews.is_some();
        if crew_out_s > 0.0 && limited {
            // Another crew has to come, and does what is left.
            job.work_s = left_s.min(job.work_s) + repair_s;
            (job.begun, job.asked) = (None, now);
            job.version += 1;
            self.queue.schedule(now + Duration::from_s(crew_out_s), CLASS_RETURN, Event::CrewBack { pool });
            let state = &mut self.reconstruction.pools[pool as usize];
            match &mut state.crews {
                Some(0) => {
                    state.for_crew.push_front(number);
                    self.repair_waits(number, "for another crew");
                }
                Some(crews) => {
                    *crews -= 1;
                    self.begin_job(number);
                }
                None => self.begin_job(number),
            }
        } else {
            (job.way_s, job.work_s) = (0.0, left_s + repair_s);
            self.begin_job(number);
        }
    }

    fn ask_for_repair(&mut self, pool: u32, target: Target, repair_s: f64, damage: Option<Damage>, cause: u64) -> u32 {
        let setup = self.setup;
        let fixed = &setup.model.repair_pools[pool as usize];
        // Draws of this damage: they belong to the pool, the target and the moment, whatever else was damaged before.
        let name = target_name(setup.model, target);
        let mut stream = self.stream(entity_key("repair_pool", &fixed.entity.name, &name)).member(self.now.as_nanos());
        let mut way_s = fixed.mobilisation.sample(&mut stream);
        for (at, delay) in fixed.delays.iter().enumerate() {
            let mut own = stream.member(at as u64 + 1);
            let happens = own.bernoulli(delay.probability);
            let delay_s = delay.delay.sample(&mut own);
            way_s += if happens { delay_s } else { 0.0 };
        }
        let number = self.reconstruction.jobs.len() as u32;
        let now = self.now;
        let job = Job { pool, target, way_s, work_s: repair_s, since: now, asked: now, begun: None, version: 0, open: true, cause };
        self.reconstruction.jobs.push(job);
        let state = &mut self.reconstruction.pools[pool as usize];
        state.jobs += 1.0;
        if damage.is_none_or(|damage| damage >= fixed.spare_for)
            && let Some((_, lead_time)) = &fixed.spares
        {
            // No part overtakes one that was ordered before: a damage less would else keep a quick part from an earlier repair.
            let arrives = (now + Duration::from_s(lead_time.sample(&mut stream.member(0)))).max(state.last_part);
            state.last_part = arrives;
            if arrives < setup.end {
                self.queue.schedule(arrives, CLASS_RETURN, Event::PartArrives { pool });
            }
            if let Some(parts) = &mut state.parts {
                if *parts == 0 {
                    state.for_part.push_back(number);
                    self.repair_waits(number, "for a spare part");
                    return number;
                }
                *parts -= 1;
                if *parts == 0 {
                    state.exhausted.get_or_insert(now);
                }
            }
        }
        self.ask_for_crew(number);
        number
    }

    fn repair_waits(&mut self, number: u32, note: &'static str) {
        let job = self.reconstruction.jobs[number as usize];
        let (kind, at) = entity(job.target);
        let seq = self.recorder.event(self.now, "repair-waits", kind, at, job.work_s / 3600.0, note, Some(job.cause));
        self.reconstruction.jobs[number as usize].cause = seq;
    }

    fn ask_for_crew(&mut self, number: u32) {
        let job = &mut self.reconstruction.jobs[number as usize];
        job.asked = self.now;
        let state = &mut self.reconstruction.pools[job.pool as usize];
        match &mut state.crews {
            Some(0) => {
                state.for_crew.push_back(number);
                self.repair_waits(number, "for a crew");
                return;
            }
            Some(crews) => *crews -= 1,
            None => {}
        }
        self.begin_job(number);
    }

    fn begin_job(&mut self, number: u32) {
        let now = self.now;
        let job = &mut self.reconstruction.jobs[number as usize];
        job.begun = Some(now);
        job.version += 1;
        let (version, until) = (job.version, now + Duration::from_s(job.way_s + job.work_s));
        let (target, cause, hours) = (job.target, job.cause, (job.way_s + job.work_s) / 3600.0);
        self.queue.schedule(until, CLASS_RETURN, Event::RepairDone { job: number, version });
        let (kind, at) = entity(target);
        let seq = self.recorder.event(now, "repair-begins", kind, at, hours, "hours until it is done", Some(cause));
        self.reconstruction.jobs[number as usize].cause = seq;
    }

    /// A crew turns to the next repair.
    pub(super) fn crew_free(&mut self, pool: u32) {
        let setup = self.setup;
        let order = setup.model.repair_pools[pool as usize].order;
        let state = &mut self.reconstruction.pools[pool as usize];
        let Some(crews) = &mut state.crews else { return };
        let next = match order {
            RepairOrder::FirstCome => 0,
            RepairOrder::Value => {
                let jobs = &self.reconstruction.jobs;
                let value = |at: usize| announced_value(setup, jobs[state.for_crew[at] as usize].target);
                // The first of the greatest.
                (0..state.for_crew.len()).rev().max_by(|a, b| value(*a).total_cmp(&value(*b))).unwrap_or(0)
            }
        };
        let Some(number) = state.for_crew.remove(next) else {
            *crews += 1;
            return;
        };
        let job = &self.reconstruction.jobs[number as usize];
        state.crew_wait_s += self.now.since(job.asked).as_s();
        self.begin_job(number);
    }

    pub(super) fn on_part_arrives(&mut self, pool: u32) {
        if self.pool_part_is_held(pool as usize) {
            return;
        }
        let state = &mut self.reconstruction.pools[pool as usize];
        if let Some(number) = state.for_part.pop_front() {
            state.part_wait_s += self.now.since(self.reconstruction.jobs[number as usize].asked).as_s();
            self.ask_for_crew(number);
        } else if let Some(parts) = &mut state.parts {
            *parts += 1;
        }
    }

    pub(super) fn on_repair_done(&mut self, number: u32, version: u32) {
        let job = &mut self.reconstruction.jobs[number as usize];
        if job.version != version || !job.open {
            return;
        }
        job.open = false;
        let (pool, target, open_s) = (job.pool, job.target, self.now.since(job.since).as_s());
        let state = &mut self.reconstruction.pools[pool as usize];
        state.done += 1.0;
        state.repair_s += open_s;
        if let Some(outage) = self.outage_mut(target) {
            outage.open -= 1;
        }
        self.target_back(target);
        self.crew_free(pool);
    }

    /// Whether a target may come back now; it stays out while another repair of it is open.
    fn target_back(&mut self, target: Target) {
        match target {
            Target::Site(id) => self.on_site_back(id.index()),
            Target::Line(id) => self.on_line_back(id.index()),
            Target::Generator(id) => self.unit_rebuilt(id.index()),
            Target::Bus(id) => self.on_bus_back(id.index()),
            Target::Link(id) => self.on_link_back(id.index()),
            Target::Facility(id) => self.on_facility_back(id.index()),
        }
    }

    /// The outage of a target; classes of units have none, they count.
    fn outage_mut(&mut self, target: Target) -> Option<&mut super::Outage> {
        match target {
            Target::Site(id) => Some(&mut self.sites[id.index()].outage),
            Target::Line(id) => Some(&mut self.grid.lines[id.index()]),
            Target::Generator(_) => None,
            Target::Bus(id) => Some(&mut self.grid.buses[id.index()]),
            Target::Link(id) => Some(&mut self.net.links[id.index()]),
            Target::Facility(id) => Some(&mut self.facilities.states[id.index()].outage),
        }
    }
}

/// Announced value: planned IT power of sites, capacity of lines and of one unit of a class, demand at a bus \[MW\]; bandwidth of links
/// [Gbit/s].
fn announced_value(setup: &crate::setup::Setup, target: Target) -> f64 {
    let model = setup.model;
    match target {
        Target::Generator(id) => model.generators[id].capacity.as_mw() / f64::from(model.generators[id].units.max(1)),
        Target::Link(id) => model.links[id].bandwidth.as_gbit_per_s(),
        _ => crate::hazard::size(setup, target),
    }
}
