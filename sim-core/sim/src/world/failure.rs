//! Failures of nodes, racks, halls and whole sites, by cause.
//!
//! Each cause at each pool is one process (at each site, where it takes a whole site), with draws of its own: nothing that is added
//! elsewhere changes them. Its rate is (units installed) x (rate of one) x (factor of age), and is thinned (Lewis and Shedler 1979): the
//! draw that says which unit fails says also whether its node was up and whether it was a member of a gang. The age of nodes makes a rate
//! that is constant between two birthdays, which is walked through exactly; the size of the gang is a further thinning. So the cost is one
//! event for each failure, whatever the number of nodes.
//!
//! A rack or hall is a stretch of the installed nodes. Those of them that are up are drawn without replacement, as if repairs were spread
//! evenly over the racks; gangs fill racks one after the other, so that one rack is rarely shared. Nodes do not fail while their site is
//! down, nor while they are in maintenance.

use bastide_engine::{Distribution, Stream};
use bastide_model::model::FailureKind;
use bastide_units::{Duration, Time};

use super::campaign::Fault;
use super::repair::Job;
use super::{CLASS_FAILURE, Event, World};
use crate::setup::{Process, Unit};

/// The draws of a process.
pub(crate) struct ProcessState {
    /// Number of the pending event; earlier ones are stale.
    version: u32,
    stream: Stream,
}

impl ProcessState {
    pub(super) fn new(process: &Process, seed: u64, replication: u32) -> Self {
        Self { version: 0, stream: Stream::new(seed, replication, process.key) }
    }
}

/// Nodes of a pool that are up and that one event hits.
#[derive(Clone, Copy)]
struct Hit {
    pool: usize,
    /// Place of the first among those up.
    first: f64,
    nodes: u32,
}

impl World<'_> {
    /// All processes of a pool start afresh: they have no memory.
    pub(super) fn restart_failures(&mut self, pool: usize) {
        let setup = self.setup;
        for &process in &setup.pool_processes[pool] {
            self.restart(process);
        }
    }

    /// The processes of the causes of a pool start afresh. Those of the types themselves keep the event that they have drawn.
    pub(super) fn restart_causes(&mut self, pool: usize) {
        let setup = self.setup;
        for &process in &setup.pool_processes[pool] {
            if setup.processes[process].cause.is_some() {
                self.restart(process);
            }
        }
    }

    fn restart(&mut self, process: usize) {
        self.fleet.processes[process].version += 1;
        self.next_failure(process);
    }

    fn next_failure(&mut self, process: usize) {
        let fixed = &self.setup.processes[process];
        let installed: u32 = fixed.pools.iter().map(|pool| self.fleet.pools[*pool].installed).sum();
        let rate = fixed.rate * f64::from(units(fixed.unit, installed)) * fixed.most;
        if rate > 0.0 {
            let state = &mut self.fleet.processes[process];
            let time = if fixed.by_age.is_empty() {
                self.now + Duration::from_s(state.stream.exponential(1.0 / rate))
            } else {
                let work_s = state.stream.exponential(1.0 / rate);
                self.by_age(fixed, work_s)
            };
            if time < self.setup.end {
                let version = self.fleet.processes[process].version;
                self.queue.schedule(time, CLASS_FAILURE, Event::Failure { process: process as u32, version });
            }
        }
    }

    /// When the factor of age has summed up to this much time \[s\].
    fn by_age(&self, process: &Process, work_s: f64) -> Time {
        let cohorts = || process.pools.iter().flat_map(|pool| &self.fleet.pools[*pool].cohorts);
        let nodes: f64 = cohorts().map(|(_, nodes)| f64::from(*nodes)).sum();
        let (mut at, mut left_s) = (self.now, work_s);
        loop {
            let (mut factor, mut birthday) = (0.0, Time::NEVER);
            for (energised, count) in cohorts() {
                let age_s = at.since(*energised).as_s();
                // Times are whole nanoseconds, and seconds are rounded: a birthday is reached when less than that is missing.
                let reached = process.by_age.partition_point(|(from_s, _)| *from_s <= age_s * (1.0 + 1e-12) + 1e-9);
                factor += f64::from(*count) / nodes * process.by_age[..reached].last().map_or(1.0, |(_, factor)| *factor);
                if let Some((next_s, _)) = process.by_age.get(reached) {
                    birthday = birthday.min(*energised + Duration::from_s(*next_s));
                }
            }
            let until_s = birthday.since(at).as_s();
            if birthday >= self.setup.end || factor * until_s >= left_s {
                return if factor > 0.0 { at + Duration::from_s(left_s / factor) } else { Time::NEVER };
            }
            left_s -= factor * until_s;
            at = birthday;
        }
    }

    pub(super) fn on_failure(&mut self, process: usize, version: u32) {
        if self.fleet.processes[process].version != version {
            return;
        }
        let fixed = &self.setup.processes[process];
        let draw = self.fleet.processes[process].stream.uniform();
        if self.sites[fixed.site].works {
            match fixed.unit {
                Unit::Node => {
                    if let Some(hit) = self.node(fixed.pools[0], draw) {
                        self.fail(process, &[hit]);
                    }
                }
                Unit::Block(size) => {
                    if let Some(hit) = self.block(process, size, draw) {
                        self.fail(process, &[hit]);
                    }
                }
                Unit::Site => {
                    let all = |pool: &usize| Hit { pool: *pool, first: 0.0, nodes: self.fleet.pools[*pool].up };
                    let hits: Vec<Hit> = fixed.pools.iter().map(all).filter(|hit| hit.nodes > 0).collect();
                    self.fail(process, &hits);
                }
            }
        }
        self.next_failure(process);
    }

    /// One of the installed nodes, if it is up.
    fn node(&self, pool: usize, draw: f64) -> Option<Hit> {
        let state = &self.fleet.pools[pool];
        let node = draw * f64::from(state.installed);
        let up = f64::from(state.up) * (1.0 - self.sites[self.setup.pools[pool].site].in_maintenance);
        (node < up).then_some(Hit { pool, first: node, nodes: 1 })
    }

    /// One of the blocks of the installed nodes: those of them that are up.
    fn block(&mut self, process: usize, size: u32, draw: f64) -> Option<Hit> {
        let pool = self.setup.processes[process].pools[0];
        let state = &self.fleet.pools[pool];
        let blocks = units(Unit::Block(size), state.installed);
        let start = ((draw * f64::from(blocks)) as u32).min(blocks.saturating_sub(1)) * size.max(1);
        let length = size.min(state.installed - start.min(state.installed));
        let nodes = without_replacement(&mut self.fleet.processes[process].stream, state.installed, state.up, length);
        let share_up = f64::from(state.up) / f64::from(state.installed.max(1));
        let first = (f64::from(start) * share_up).round().min(f64::from(state.up - nodes));
        (nodes > 0).then_some(Hit { pool, first, nodes })
    }

    /// Whether the event happens, given the size of the gang that it would hit.
    fn happens(&mut self, process: usize, hits: &[Hit]) -> bool {
        let fixed = &self.setup.processes[process];
        if fixed.most <= 1.0 && fixed.by_gang.is_empty() {
            return true;
        }
        let Some(hit) = hits.first() else { return false };
        let gang = self.gang_at(hit.pool, hit.first * self.setup.pools[hit.pool].per_node);
        let factor = gang.map_or(1.0, |gang| fixed.by_gang[gang]);
        self.fleet.processes[process].stream.uniform() * fixed.most < factor
    }

    fn fail(&mut self, process: usize, hits: &[Hit]) {
        if !self.happens(process, hits) || hits.is_empty() {
            return;
        }
        let fixed = &self.setup.processes[process];
        self.repairs.count_event(fixed.cause);
        let stream = &mut self.fleet.processes[process].stream;
        let mut draw = |distribution: &Distribution| Duration::from_s(distribution.sample(stream));
        // What the gang sees; what is repaired at once; what is repaired when the fault is noticed.
        let (fault, at_once, later) = match &fixed.kind {
            FailureKind::Crash { detection, repair, spare } => {
                (Fault::Crash { detection: draw(detection) }, Some((draw(repair), *spare)), None)
            }
            FailureKind::Transient { detection } => (Fault::Crash { detection: draw(detection) }, None, None),
            FailureKind::Silent { detection, repair } => {
                let detection = draw(detection);
                (Fault::Silent { detection }, None, repair.as_ref().map(|(repair, spare)| (detection, draw(repair), *spare)))
            }
            FailureKind::Straggler { slowdown, detection, repair } => {
                let lasts = draw(detection);
                let later = repair.as_ref().map(|(repair, spare)| (lasts, draw(repair), *spare));
                (Fault::Slow { share: 1.0 - slowdown, lasts }, None, later)
            }
        };
        for &hit in hits {
            if let Some((work, spare)) = at_once {
                self.fleet.pools[hit.pool].up -= hit.nodes;
                self.begin_repair(Job::new(fixed.cause, hit.pool, hit.nodes, work, spare, self.now));
            } else if let Some((detection, work, spare)) = later {
                let state = &mut self.fleet.pools[hit.pool];
                // A node with two faults is noticed for both, and repaired for the first.
                state.faulty += hit.nodes;
                self.notice(Job::new(fixed.cause, hit.pool, hit.nodes, work, spare, self.now), detection);
            }
            self.tell_gangs(hit, fixed.cause, fault);
            if at_once.is_some() {
                self.nodes_changed(hit.pool);
            }
        }
    }

    /// Tells each gang that has one of these nodes, once.
    fn tell_gangs(&mut self, hit: Hit, cause: Option<u32>, fault: Fault) {
        let per_node = self.setup.pools[hit.pool].per_node;
        let member = hit.first * per_node;
        if hit.nodes == 1 {
            if member < self.fleet.pools[hit.pool].gangs {
                self.gang_member_fails(hit.pool, member, cause, fault);
            }
            return;
        }
        let mut told: Vec<(usize, f64)> = Vec::new();
        for node in 0..hit.nodes {
            let member = member + (f64::from(node) + 0.5) * per_node;
            if member >= self.fleet.pools[hit.pool].gangs {
                break;
            }
            match self.gang_at(hit.pool, member) {
                Some(gang) if told.last().is_none_or(|(last, _)| *last != gang) => told.push((gang, member)),
                _ => {}
            }
        }
        // From the last: a gang that stops moves those behind it.
        for (_, member) in told.into_iter().rev() {
            self.gang_member_fails(hit.pool, member, cause, fault);
        }
    }
}

/// Units of an installed number of nodes that can fail.
fn units(unit: Unit, installed: u32) -> u32 {
    match unit {
        Unit::Node => installed,
        Unit::Block(size) => installed.div_ceil(size.max(1)),
        Unit::Site => installed.min(1),
    }
}

/// How many of `count` of the installed nodes are up, drawn without replacement: hypergeometric.
fn without_replacement(stream: &mut Stream, installed: u32, up: u32, count: u32) -> u32 {
    if up == installed {
        return count;
    }
    let (mut left, mut up_left) = (f64::from(installed), f64::from(up));
    let before = up_left;
    for _ in 0..count {
        if stream.uniform() * left < up_left {
            up_left -= 1.0;
        }
        left -= 1.0;
    }
    (before - up_left) as u32
}
