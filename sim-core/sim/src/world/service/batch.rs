//! Batch work: services that may wait, on accelerators that nobody else uses.
//!
//! After all other services and all gangs have theirs, each service with `defer` takes what is left, by tier, then as written: at the sites
//! that the plan names for it, then at their stand-bys, and under `any-legal` at any other. It gives way at once. What waits is one queue for
//! each service, at the hub of its nation, oldest first (`backlog`).

use bastide_units::{Duration, Time};

use super::super::{CLASS_DECISION, Event, World};
use super::backlog::{Backlog, Flowed};
use super::{Served, TINY};
use crate::setup::Setup;

/// Tokens that were served from a backlog have no bin of network latency: they waited for longer than that.
pub(super) const NO_BIN: u32 = u32::MAX;

/// What is known of one service's batch work.
pub(crate) struct Queue {
    service: usize,
    backlog: Backlog,
    /// Service now [tokens/s].
    rate: f64,
    /// Number of the last look at when the backlog is empty.
    version: u32,
    pub sums: Flowed,
}

pub(crate) struct Batch {
    pub queues: Vec<Queue>,
    /// First stream of batch work.
    first_stream: usize,
    /// Accelerators of batch work in each pool.
    pub used: Vec<f64>,
    /// Whether more accelerators of a pool would serve more.
    waits: Vec<bool>,
    scratch: Backlog,
}

impl Batch {
    pub(super) fn new(setup: &Setup) -> Self {
        let queue = |(service, it): (usize, &bastide_model::model::Service)| {
            let limit_s = it.operation.defer?.as_s();
            Some(Queue { service, backlog: Backlog::new(limit_s), rate: 0.0, version: 0, sums: Flowed::default() })
        };
        Self {
            queues: setup.model.services.iter().enumerate().filter_map(queue).collect(),
            first_stream: 0,
            used: vec![0.0; setup.pools.len()],
            waits: vec![false; setup.pools.len()],
            scratch: Backlog::default(),
        }
    }

    /// The queue of a service, if it may wait.
    pub(in crate::world) fn of(&self, service: usize) -> Option<&Queue> {
        self.queues.iter().find(|queue| queue.service == service)
    }
}

impl Queue {
    /// Tokens that wait.
    pub(in crate::world) fn waiting(&self) -> f64 {
        self.backlog.waiting()
    }
}

impl World<'_> {
    /// Whether a change of a pool concerns batch work.
    pub(super) fn batch_concerned(&self, pool: usize) -> bool {
        let batch = &self.services.batch;
        let state = &self.fleet.pools[pool];
        batch.waits[pool] || batch.used[pool] > 0.0 && batch.used[pool] > state.available - state.used - state.gangs
    }

    /// Places batch work again after a change that concerns it alone.
    pub(in crate::world) fn allocate_batch_alone(&mut self) {
        self.integrate_services();
        let first = self.services.batch.first_stream;
        self.services.streams.truncate(first);
        self.allocate_batch();
    }

    /// Places batch work on what is left.
    pub(super) fn allocate_batch(&mut self) {
        self.services.batch.first_stream = self.services.streams.len();
        if self.services.batch.queues.is_empty() {
            return;
        }
        self.dirty.batch = false;
        self.services.batch.used.fill(0.0);
        self.services.batch.waits.fill(false);
        for at in 0..self.services.batch.queues.len() {
            self.allocate_queue(at);
        }
    }

    fn allocate_queue(&mut self, at: usize) {
        let setup = self.setup;
        let service = self.services.batch.queues[at].service;
        let sites = setup.model.sites.len();
        let arrivals = self.services.demand.total[service] * self.placed(service);
        let want = if self.services.batch.queues[at].backlog.is_empty() { arrivals } else { f64::INFINITY };
        let mut left = want;
        let mut rate = 0.0;
        let home = setup.model.services[service].nation.index();
        for &site in &setup.batch_sites[service] {
            if left <= TINY * arrivals {
                break;
            }
            if !self.can_serve(service, home, site) {
                continue;
            }
            let batch_pace = self.services.pace[service];
            let mut here = 0.0;
            for choice in setup.choice_at[service * sites + site].clone().map(|choice| &setup.choices[choice]) {
                let (pool, batch) = (&self.fleet.pools[choice.pool], &mut self.services.batch);
                let per_accelerator = choice.rate * self.sites[site].speed * batch_pace;
                let free = (pool.available - pool.used - pool.gangs - batch.used[choice.pool]).max(0.0);
                let got = left.min(free * per_accelerator);
                batch.waits[choice.pool] |= got < left;
                batch.used[choice.pool] += got / per_accelerator;
                here += got;
                left -= got;
            }
            if here > 0.0 {
                let abroad = setup.model.sites[site].nation != setup.model.services[service].nation;
                self.services.streams.push(Served {
                    service: service as u32,
                    site: site as u32,
                    origin: 0,
                    bin: NO_BIN,
                    rate: here,
                    abroad,
                });
            }
            rate += here;
        }
        let placed = self.placed(service);
        let batch = &mut self.services.batch;
        let queue = &mut batch.queues[at];
        queue.rate = rate;
        queue.version += 1;
        self.services.served[service] = rate;
        self.services.lost[service] = self.services.demand.total[service] * (1.0 - placed);
        let horizon_s = setup.end.since(self.now).as_s();
        if !queue.backlog.is_empty()
            && let Some(seconds) = queue.backlog.empties_in(self.now, arrivals, rate, horizon_s, &mut batch.scratch)
        {
            // Late rather than early by the clock's whole nanoseconds, so that nothing waits then.
            let time = self.now + Duration::from_s(seconds) + Duration::from_s(3e-9);
            if time < setup.end {
                self.queue.schedule(time, CLASS_DECISION, Event::BacklogEmpty { queue: at as u32, version: queue.version });
            }
        }
    }

    pub(in crate::world) fn on_backlog_empty(&mut self, at: usize, version: u32) {
        self.dirty.batch |= self.services.batch.queues[at].version == version;
    }

    /// Lets batch work flow from one moment to another.
    pub(super) fn integrate_batch(&mut self, from: Time, to: Time) {
        let setup = self.setup;
        let period = self.period;
        let services = &mut self.services;
        for (place, queue) in services.batch.queues.iter_mut().enumerate() {
            let placed = setup.calendar.placed(period, queue.service).unwrap_or(setup.placed[queue.service]);
            let arrivals = services.demand.total[queue.service] * placed;
            let flowed = queue.backlog.advance(from, to, arrivals, queue.rate);
            let sums = &mut services.sums[queue.service];
            sums.served += flowed.served;
            sums.lost += flowed.late;
            queue.sums.served += flowed.served;
            queue.sums.late += flowed.late;
            queue.sums.age_s += flowed.age_s;
            queue.sums.waited += flowed.waited;
            queue.sums.most = queue.sums.most.max(flowed.most);
            self.timeline.add(setup.backlog_channel(place), from, to, flowed.waited / to.since(from).as_s() / 1e6);
        }
    }
}
