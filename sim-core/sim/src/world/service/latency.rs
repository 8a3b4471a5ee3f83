//! How long requests take: network there and back, and time in the replica at its utilisation.
//!
//! Told from the allocation and never part of it. A service that scales has the utilisation of its own replicas that are ready. All
//! others of a pool share the accelerators that neither gangs nor replicas hold, so theirs is what they use of those.
//!
//! Between two changes every rate is constant. At each change tokens go into the cell of their choice (a service on a type at a site)
//! and utilisation, with the sums of what their times depend on. Means are exact; percentiles treat the tokens of one cell alike.

use bastide_model::model::{Spread, quantile};
use bastide_units::Time;

use super::super::World;
use crate::setup::Setup;

/// Cells of utilisation of each choice.
const CELLS: usize = 64;

/// Work of a choice as allocated.
#[derive(Clone, Copy, Default)]
pub(crate) struct Load {
    /// Tokens per second.
    rate: f64,
    /// Accelerators at work.
    pub used: f64,
    /// Network there and back, times `rate` \[s/s\].
    network: f64,
    /// Time of the replica over its time at full speed.
    stretch: f64,
}

impl Load {
    pub(super) fn add(&mut self, rate: f64, used: f64, there_and_back_s: f64, stretch: f64) {
        if rate > 0.0 {
            self.rate += rate;
            self.used += used;
            self.network += rate * there_and_back_s;
            self.stretch = stretch;
        }
    }
}

/// Tokens served at nearly one utilisation, and sums over them.
#[derive(Clone, Copy, Default)]
struct Cell {
    tokens: f64,
    utilisation: f64,
    network: f64,
    stretch: f64,
}

#[derive(Clone, Copy, Default)]
struct Sums {
    tokens: f64,
    time: f64,
    wait: f64,
}

/// Accelerators of a pool as requests meet them.
#[derive(Clone, Copy, Default)]
struct Room {
    /// That services without replicas of their own share.
    shared: f64,
    /// Of these, at work.
    used: f64,
    since: Time,
}

pub(crate) struct Latencies {
    /// Whether times of requests are summed at all.
    on: bool,
    /// Services with requests of known length.
    measured: Vec<bool>,
    /// Pools in which such services share accelerators.
    shared: Vec<bool>,
    rooms: Vec<Room>,
    /// By choice; empty until used.
    cells: Vec<Vec<Cell>>,
    sums: Vec<Sums>,
}

/// Times of the requests of one service, or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct RequestTimes {
    pub mean_s: f64,
    pub p95_s: f64,
    pub wait_s: f64,
    pub within: f64,
}

/// Tokens of one cell, treated alike.
struct Part {
    tokens: f64,
    network_s: f64,
    /// Speed of the site.
    faster: f64,
    spread: Spread,
    target_s: Option<f64>,
}

impl Part {
    fn through(&self, time_s: f64) -> f64 {
        self.spread.through((time_s - self.network_s) * self.faster)
    }
}

impl Latencies {
    pub(super) fn new(setup: &Setup, on: bool) -> Self {
        let services = setup.model.services.len();
        let mut measured = vec![false; services];
        let mut shared = vec![false; setup.pools.len()];
        for choice in setup.choices.iter().filter(|choice| on && setup.law(choice).is_some()) {
            let operation = &setup.model.services[choice.service].operation;
            if operation.defer.is_none() {
                measured[choice.service] = true;
                shared[choice.pool] |= operation.scaling.is_none();
            }
        }
        Self {
            on: measured.iter().any(|measured| *measured),
            measured,
            shared,
            rooms: vec![Room::default(); setup.pools.len()],
            cells: vec![Vec::new(); setup.choices.len()],
            sums: vec![Sums::default(); services],
        }
    }

    /// Whether times of a service are measured.
    pub(super) fn measures(&self, service: usize) -> bool {
        self.measured[service]
    }

    /// Whether times of requests change with the accelerators of a pool.
    #[inline]
    pub(super) fn is_shared(&self, pool: usize) -> bool {
        self.shared[pool]
    }

    /// Times of requests of some services; zero, and one for the share within the target, where there are none.
    pub(in crate::world) fn times(&self, setup: &Setup, of: impl Fn(usize) -> bool) -> RequestTimes {
        let mut sum = Sums::default();
        for (at, it) in self.sums.iter().enumerate().filter(|(at, _)| of(*at)) {
            debug_assert!(self.measured[at] || it.tokens == 0.0);
            sum = Sums { tokens: sum.tokens + it.tokens, time: sum.time + it.time, wait: sum.wait + it.wait };
        }
        if sum.tokens <= 0.0 {
            return RequestTimes { within: 1.0, ..RequestTimes::default() };
        }
        let mut parts: Vec<Part> = Vec::new();
        for (at, cells) in self.cells.iter().enumerate() {
            let choice = &setup.choices[at];
            let (true, Some(law)) = (of(choice.service), setup.law(choice)) else { continue };
            let target = setup.model.services[choice.service].operation.latency_target;
            for cell in cells.iter().filter(|cell| cell.tokens > 0.0) {
                parts.push(Part {
                    tokens: cell.tokens,
                    network_s: cell.network / cell.tokens,
                    faster: cell.tokens / cell.stretch,
                    spread: law.spread(cell.utilisation / cell.tokens),
                    target_s: target.map(bastide_units::Duration::as_s),
                });
            }
        }
        let mean_s = sum.time / sum.tokens;
        let p95_s = quantile(0.95, mean_s, |time_s| parts.iter().map(|part| part.tokens * part.through(time_s)).sum::<f64>() / sum.tokens);
        let (mut asked, mut late) = (0.0, 0.0);
        for part in &parts {
            if let Some(target_s) = part.target_s {
                asked += part.tokens;
                late += part.tokens * (1.0 - part.through(target_s));
            }
        }
        let within = if asked > 0.0 { 1.0 - (late / asked).min(1.0) } else { 1.0 };
        RequestTimes { mean_s, p95_s, wait_s: sum.wait / sum.tokens, within }
    }
}

impl World<'_> {
    /// Takes over how many accelerators requests share in a pool, and what replicas draw.
    pub(super) fn book_pool(&mut self, pool: usize) {
        let held = self.services.replicas.held_in(pool);
        let state = &self.fleet.pools[pool];
        if self.services.latencies.on {
            let shared = state.available - state.gangs - held;
            self.services.latencies.rooms[pool] = Room { shared, used: (state.used - held).max(0.0), since: self.now };
        }
        if held > 0.0 {
            let setup = self.setup;
            let mut idle = 0.0;
            for &at in &setup.pool_choices[pool] {
                let held = self.services.replicas.held(at);
                if held > 0.0 {
                    let utilisation = (self.services.loads[at].used / held).min(1.0);
                    let law = setup.law(&setup.choices[at]);
                    idle += held * (1.0 - law.map_or(utilisation, |law| law.at(utilisation).activity));
                }
            }
            self.services.replicas.idle_in[pool] = idle;
        }
    }

    /// Times of the requests in a pool since the last change.
    pub(super) fn integrate_latency(&mut self, pool: usize) {
        let setup = self.setup;
        let services = &mut self.services;
        let latencies = &mut services.latencies;
        let room = &mut latencies.rooms[pool];
        let seconds = self.now.since(room.since).as_s();
        if seconds <= 0.0 {
            return;
        }
        room.since = self.now;
        let common = if room.shared > 0.0 { (room.used / room.shared).min(1.0) } else { 1.0 };
        for &at in &setup.pool_choices[pool] {
            let (load, choice) = (&services.loads[at], &setup.choices[at]);
            if load.rate <= 0.0 || !latencies.measured[choice.service] {
                continue;
            }
            let Some(law) = setup.law(choice) else { continue };
            let ready = services.replicas.ready(at);
            let own = setup.model.services[choice.service].operation.scaling.is_some();
            let utilisation = if !own {
                common
            } else if ready > 0.0 {
                (load.used / ready).min(1.0)
            } else {
                1.0
            };
            let tokens = load.rate * seconds;
            let times = law.at(utilisation);
            let sums = &mut latencies.sums[choice.service];
            sums.tokens += tokens;
            sums.time += load.network * seconds + tokens * times.mean_s * load.stretch;
            sums.wait += tokens * times.wait_s * load.stretch;
            let cells = &mut latencies.cells[at];
            if cells.is_empty() {
                cells.resize(CELLS, Cell::default());
            }
            let cell = &mut cells[((utilisation * CELLS as f64) as usize).min(CELLS - 1)];
            cell.tokens += tokens;
            cell.utilisation += tokens * utilisation;
            cell.network += load.network * seconds;
            cell.stretch += tokens * load.stretch;
        }
    }

    /// Times of all requests since the last change.
    pub(super) fn integrate_latencies(&mut self) {
        if self.services.latencies.on {
            for pool in 0..self.setup.pools.len() {
                self.integrate_latency(pool);
            }
        }
    }
}
