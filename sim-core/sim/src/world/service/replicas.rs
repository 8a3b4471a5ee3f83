//! Replicas that follow the demand.
//!
//! At every allocation a site is asked for so many tokens; the scaler wants the whole replicas that serve them at `scale_target`. It
//! holds the most that it wanted within the last `cooldown`, as the stabilisation window of Kubernetes' horizontal autoscaler does. A replica
//! that is started holds its accelerators at once and serves after its weights are loaded; those that stop give theirs back at once,
//! the ones still loading first. A site that stops loses all; what it starts later computes its caches again.
//!
//! Nothing is polled: replicas change when demand or accelerators do, when one has loaded, and when the window lets go of a peak.

use std::collections::VecDeque;

use bastide_model::model::Scaling;
use bastide_units::Time;

use super::super::{CLASS_DECISION, Event, World};
use crate::setup::Setup;

/// Parts of a replica below this are rounding.
const ROUNDING: f64 = 1e-9;

/// Replicas of a service on one type at one site, counted in accelerators.
#[derive(Clone, Default)]
struct Group {
    /// That serve.
    ready: f64,
    /// That load, with the moment at which they serve, in order.
    starting: VecDeque<(Time, f64)>,
    /// Of both.
    held: f64,
    /// What the scaler wants now.
    wanted: f64,
    /// What it wanted before, until when: falling, and above `wanted`.
    peaks: VecDeque<(Time, f64)>,
    /// When it is next looked at.
    due: Time,
}

impl Group {
    /// Notes what is wanted from now on; returns the most that was wanted within the window.
    fn want(&mut self, now: Time, wanted: f64, scaling: &Scaling) -> f64 {
        if wanted < self.wanted {
            while self.peaks.back().is_some_and(|(_, peak)| *peak <= self.wanted) {
                self.peaks.pop_back();
            }
            self.peaks.push_back((now, self.wanted));
        }
        while self.peaks.back().is_some_and(|(_, peak)| *peak <= wanted) {
            self.peaks.pop_back();
        }
        while self.peaks.front().is_some_and(|(until, _)| *until + scaling.cooldown <= now) {
            self.peaks.pop_front();
        }
        self.wanted = wanted;
        self.peaks.front().map_or(wanted, |(_, peak)| peak.max(wanted))
    }

    /// Gives back all above a number of accelerators, loading ones first.
    fn shrink(&mut self, most: f64) {
        let mut over = self.held - most;
        while over > ROUNDING {
            let Some((_, count)) = self.starting.back_mut() else { break };
            let gone = count.min(over);
            *count -= gone;
            over -= gone;
            if *count <= ROUNDING {
                self.starting.pop_back();
            }
        }
        if over > ROUNDING {
            self.ready = (self.ready - over).max(0.0);
        }
        self.held = self.held.min(most);
    }

    /// Takes over what has loaded.
    fn load(&mut self, now: Time) {
        while self.starting.front().is_some_and(|(time, _)| *time <= now) {
            self.ready += self.starting.pop_front().map_or(0.0, |(_, count)| count);
        }
    }

    /// When something changes by itself.
    fn next(&self, scaling: &Scaling) -> Time {
        let loaded = self.starting.front().map_or(Time::NEVER, |(time, _)| *time);
        let released = self.peaks.front().map_or(Time::NEVER, |(until, _)| *until + scaling.cooldown);
        loaded.min(released)
    }
}

pub(crate) struct Replicas {
    /// By choice.
    groups: Vec<Group>,
    /// Tokens per second that the service under allocation asks of each site.
    asked: Vec<f64>,
    /// Whether a site has the weights of a service: `[service * sites + site]`.
    stored: Vec<bool>,
    /// Accelerators that replicas hold without work in each pool.
    pub idle_in: Vec<f64>,
    /// Whether any service has replicas.
    any: bool,
    /// Whether the replicas of the start stand ready.
    pub warm: bool,
    /// Accelerators held by choice, as one sum for each pool.
    held_in: Vec<f64>,
    /// Time integral of the accelerators that each service holds \[s\].
    pub held_s: Vec<f64>,
}

impl Replicas {
    pub(super) fn new(setup: &Setup) -> Self {
        Self {
            groups: vec![Group { due: Time::NEVER, ..Group::default() }; setup.choices.len()],
            asked: vec![0.0; setup.model.sites.len()],
            stored: setup.named.clone(),
            idle_in: vec![0.0; setup.pools.len()],
            warm: false,
            any: setup.model.services.iter().any(|service| service.operation.scaling.is_some()),
            held_in: vec![0.0; setup.pools.len()],
            held_s: vec![0.0; setup.model.services.len()],
        }
    }

    /// Asks a site for tokens.
    #[inline]
    pub(super) fn ask(&mut self, site: usize, rate: f64) {
        self.asked[site] += rate;
    }

    /// Accelerators that serve.
    #[inline]
    pub(super) fn ready(&self, choice: usize) -> f64 {
        self.groups[choice].ready
    }

    /// Accelerators that serve or load.
    #[inline]
    pub(super) fn held(&self, choice: usize) -> f64 {
        self.groups[choice].held
    }

    /// Accelerators that serve or load in a pool.
    #[inline]
    pub(super) fn held_in(&self, pool: usize) -> f64 {
        self.held_in[pool]
    }
}

impl World<'_> {
    /// Asks a site that requests of a service come to for want of another; returns for how many it has room.
    pub(super) fn ask_elsewhere(&mut self, service: usize, site: usize, rate: f64) -> f64 {
        let setup = self.setup;
        let range = setup.choice_at[service * setup.model.sites.len() + site].clone();
        let target = setup.model.services[service].operation.scaling.map_or(1.0, |scaling| scaling.target);
        let speed = self.sites[site].speed * self.services.pace[service];
        let room: f64 = range.map(|at| self.room(service, at) * setup.choices[at].rate * speed * target).sum();
        let asked = rate.min((room - self.services.replicas.asked[site]).max(0.0));
        self.services.replicas.ask(site, asked);
        asked
    }

    /// Accelerators that a service may hold of a choice.
    fn room(&self, service: usize, choice: usize) -> f64 {
        let tier = self.setup.model.services[service].tier as usize;
        let pool = &self.fleet.pools[self.setup.choices[choice].pool];
        (pool.available - pool.used - pool.reserve[tier]).max(0.0)
    }

    /// Before a service is allocated: replicas that have loaded serve; those whose accelerators are gone are gone.
    pub(super) fn ready_replicas(&mut self, service: usize, _scaling: &Scaling) {
        let setup = self.setup;
        self.services.replicas.asked.fill(0.0);
        for at in setup.service_choices(service) {
            let choice = &setup.choices[at];
            let replica = setup.replica_size(choice);
            let room = if self.sites[choice.site].speed > 0.0 { whole_down(self.room(service, at), replica) } else { 0.0 };
            let group = &mut self.services.replicas.groups[at];
            if group.held > room {
                group.shrink(room);
            }
            group.load(self.now);
        }
    }

    /// After a service was allocated: starts and stops replicas, and takes the accelerators of all that it holds.
    pub(super) fn scale_replicas(&mut self, service: usize, scaling: &Scaling) {
        let setup = self.setup;
        let sites = setup.model.sites.len();
        for site in 0..sites {
            let range = setup.choice_at[service * sites + site].clone();
            if range.is_empty() {
                continue;
            }
            self.want_replicas(service, site, scaling);
            let none_ready = range.clone().all(|at| self.services.replicas.groups[at].ready <= 0.0);
            for at in range {
                self.follow(service, at, scaling, none_ready);
            }
        }
    }

    /// What the scaler wants of each type at a site: first as the plan splits the work, then the best type that has room.
    fn want_replicas(&mut self, service: usize, site: usize, scaling: &Scaling) {
        let setup = self.setup;
        let range = setup.choice_at[service * setup.model.sites.len() + site].clone();
        let speed = self.sites[site].speed * self.services.pace[service];
        let asked = if speed > 0.0 { self.services.replicas.asked[site] } else { 0.0 };
        let least = if speed > 0.0 && setup.named[service * setup.model.sites.len() + site] { scaling.least } else { 0 };
        let wants = &mut self.services.replicas.asked;
        wants[site] = 0.0;
        let mut left = asked;
        let (mut replicas_left, mut total) = (scaling.most.map_or(f64::INFINITY, f64::from), 0.0);
        let mut wanted = std::mem::take(&mut self.services.wanted);
        wanted.clear();
        wanted.resize(range.len(), 0.0);
        for pass in 0..3 {
            for (place, at) in range.clone().enumerate() {
                let choice = &setup.choices[at];
                let replica = setup.replica_size(choice);
                let per_replica = choice.rate * speed * scaling.target * replica;
                let room = (whole_down(self.room(service, at), replica) / replica).round();
                let more = match pass {
                    0 => (asked * choice.planned).min(left) / per_replica,
                    1 => left / per_replica,
                    // Fewest replicas, whatever is asked.
                    _ => f64::from(least) - total,
                };
                if more > ROUNDING {
                    let count = (more - ROUNDING).ceil();
                    let got = count.min(room - wanted[place]).min(replicas_left).max(0.0);
                    if pass < 2 {
                        left -= if got < count { got * per_replica } else { more * per_replica };
                    }
                    if got < count && got < replicas_left {
                        self.fleet.pools[choice.pool].binding = true;
                    }
                    wanted[place] += got;
                    replicas_left -= got;
                    total += got;
                }
            }
        }
        for (place, at) in range.enumerate() {
            let replica = setup.replica_size(&setup.choices[at]);
            let group = &mut self.services.replicas.groups[at];
            let most = group.want(self.now, wanted[place] * replica, scaling);
            self.services.wanted_most[at] = most;
        }
        self.services.wanted = wanted;
    }

    /// Starts and stops replicas of a choice, and schedules when that goes on.
    fn follow(&mut self, service: usize, at: usize, scaling: &Scaling, none_ready: bool) {
        let setup = self.setup;
        let choice = &setup.choices[at];
        let most = self.services.wanted_most[at];
        let room = whole_down(self.room(service, at), setup.replica_size(choice));
        let hold = most.min(if self.sites[choice.site].speed > 0.0 { room } else { 0.0 });
        if most > hold {
            self.fleet.pools[choice.pool].binding = true;
        }
        let held = self.services.replicas.groups[at].held;
        if hold > held + ROUNDING {
            let count = hold - held;
            if self.now == Time::ZERO {
                self.services.replicas.groups[at].ready += count;
            } else {
                let wait = self.time_to_serve(service, choice.site, scaling, none_ready);
                let time = self.now + wait;
                self.services.replicas.groups[at].starting.push_back((time, count));
                self.recorder.fine(self.now, "replicas-start", "service", service, count, None);
            }
            self.services.replicas.groups[at].held = hold;
        } else if hold < held - ROUNDING {
            self.services.replicas.groups[at].shrink(hold);
            self.recorder.fine(self.now, "replicas-stop", "service", service, held - hold, None);
        }
        let group = &mut self.services.replicas.groups[at];
        self.fleet.pools[choice.pool].used += group.held;
        let due = group.next(scaling);
        if due != group.due {
            group.due = due;
            if due < setup.end {
                self.queue.schedule(due, CLASS_DECISION, Event::Replicas { choice: at as u32 });
            }
        }
    }

    /// From the start of replicas until they serve.
    fn time_to_serve(&mut self, service: usize, site: usize, scaling: &Scaling, none_ready: bool) -> bastide_units::Duration {
        let setup = self.setup;
        let sites = setup.model.sites.len();
        let stored = std::mem::replace(&mut self.services.replicas.stored[service * sites + site], true);
        let mut wait = scaling.startup;
        if !stored {
            // From the site with the widest path of those that have the weights.
            let holders = (0..sites).filter(|&other| setup.named[service * sites + other] && self.sites[other].works);
            let width = |other: usize| self.path_width(other, site);
            wait = scaling.fetched(holders.map(width).fold(0.0, f64::max));
        }
        if none_ready { wait + scaling.kv_warmup } else { wait }
    }

    /// Replicas of a choice have loaded, or a peak has left the window.
    pub(in crate::world) fn on_replicas(&mut self, choice: usize) {
        let group = &mut self.services.replicas.groups[choice];
        if group.due == self.now {
            group.due = Time::NEVER;
            self.dirty.services = true;
        }
    }

    /// Accelerators held since the last change, and what pools hold now.
    pub(super) fn integrate_replicas(&mut self, seconds: f64) {
        let replicas = &mut self.services.replicas;
        if replicas.any {
            for (choice, group) in self.setup.choices.iter().zip(&replicas.groups) {
                replicas.held_s[choice.service] += group.held * seconds;
            }
        }
    }

    /// Sums what pools hold after an allocation.
    pub(super) fn sum_replicas(&mut self) {
        let replicas = &mut self.services.replicas;
        if replicas.any {
            // The first allocation says how many stand ready; the second serves with those.
            self.dirty.services |= !std::mem::replace(&mut replicas.warm, true);
            replicas.held_in.fill(0.0);
            replicas.idle_in.fill(0.0);
            for (choice, group) in self.setup.choices.iter().zip(&replicas.groups) {
                replicas.held_in[choice.pool] += group.held;
            }
        }
    }
}

/// The accelerators of whole replicas among some.
fn whole_down(accelerators: f64, replica: f64) -> f64 {
    (accelerators / replica + ROUNDING).floor() * replica
}
