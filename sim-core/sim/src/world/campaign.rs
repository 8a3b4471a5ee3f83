//! Training campaigns: synchronous gangs, checkpoints, interruptions.
//!
//! A gang works when its site does, the rules allow it, its data is readable there, and the services leave it all its accelerators.
//! Its clock of work and checkpoints needs no events: work for `checkpoint_interval`, write for `checkpoint_time`, and so on; so the
//! effective speed is interval / (interval + time) of the nominal one. Less power slows it down in proportion.
//!
//! A failed member, a stop of the site or a wipe stops the gang at once: what was done since the last complete checkpoint is lost, and
//! training goes on `restart` after the accelerators are there again. Where services take accelerators, the data becomes unreadable or
//! the law changes, it stops in good order: nothing is lost but the time.

use bastide_units::{Duration, Time};

use super::{CLASS_DECISION, Event, World};

/// Accelerators this close to the gang's size are enough.
const ROUNDING: f64 = 1e-6;

/// What the failure of a member does to its gang.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// The gang hangs at once, and restarts when that was noticed.
    Crash {
        /// From the failure to its notice.
        detection: Duration,
    },
    /// The gang works on, in vain: all that it does and writes from now on is wrong, and is lost when that is noticed.
    Silent {
        /// From the fault to its notice.
        detection: Duration,
    },
    /// The gang works on, at the pace of its slowest member.
    Slow {
        /// Share of its speed that the member has left.
        share: f64,
        /// For how long.
        lasts: Duration,
    },
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CampaignState {
    pub running: bool,
    pub done: bool,
    /// First time at work.
    pub first: Option<Time>,
    /// When it was done.
    pub end: Time,
    /// Time up to which the state below is true; later than now during a restart.
    synced: Time,
    /// Time up to which the timeline knows that it is under way.
    counted: Time,
    /// Last interruption.
    stopped_at: Time,
    /// Share of full speed.
    speed: f64,
    /// Compute in checkpoints, or finished in good order \[FLOP\].
    saved: f64,
    /// Compute since the last checkpoint \[FLOP\].
    pending: f64,
    /// Time since the last checkpoint \[s\].
    cycle_s: f64,
    pub done_flop: f64,
    pub lost_flop: f64,
    pub interruptions: u32,
    /// Event that stopped it.
    stopped_by: Option<u64>,
    /// When its completion is next looked at.
    due: Time,
}

impl CampaignState {
    pub(super) fn useful_flop(&self) -> f64 {
        self.saved + self.pending
    }
}

impl World<'_> {
    pub(super) fn begin_campaigns(&mut self) {
        for (at, campaign) in self.setup.model.campaigns.iter().enumerate() {
            if self.setup.gangs[at].is_some() {
                self.queue.schedule(campaign.start, CLASS_DECISION, Event::CampaignStart { campaign: at as u32 });
            }
        }
    }

    pub(super) fn on_campaign_start(&mut self, _campaign: usize) {
        self.dirty.services = true;
    }

    /// Whether a campaign wants its accelerators.
    fn wants(&self, campaign: usize) -> bool {
        !self.campaigns[campaign].done && self.now >= self.setup.model.campaigns[campaign].start
    }

    /// What services leave to the gangs of each pool: nothing where they are of the same tier or above and may pre-empt,
    /// or where the gang could not run anyway.
    pub(super) fn reserve(&mut self) {
        for pool in 0..self.fleet.pools.len() {
            if self.setup.pool_campaigns[pool].is_empty() {
                continue;
            }
            let mut reserve = [0.0; 4];
            let mut most = 0.0;
            for &at in &self.setup.pool_campaigns[pool] {
                let campaign = &self.setup.model.campaigns[at];
                let gang = f64::from(campaign.accelerators);
                if !self.wants(at) {
                    continue;
                }
                most += gang;
                if self.fleet.pools[pool].available + ROUNDING < gang {
                    continue;
                }
                for (tier, left) in reserve.iter_mut().enumerate() {
                    let may = self.setup.model.policy.preempt_training && tier <= campaign.tier as usize;
                    *left += if may { 0.0 } else { gang };
                }
            }
            let state = &mut self.fleet.pools[pool];
            (state.reserve, state.reserve_most) = (reserve, most);
        }
    }

    /// Starts and stops the gangs of a pool by what services leave.
    pub(super) fn settle_gangs(&mut self, pool: usize, reason: &'static str) {
        let setup = self.setup;
        let site = setup.pools[pool].site;
        let mut free = self.fleet.pools[pool].available - self.fleet.pools[pool].used;
        let mut gangs = 0.0;
        for &at in &setup.pool_campaigns[pool] {
            let campaign = &setup.model.campaigns[at];
            let gang = f64::from(campaign.accelerators);
            let legal = setup.model.legal_campaign[at][site].at(self.now);
            let reads = campaign.dataset.is_none_or(|dataset| self.data.readable(dataset.index(), site));
            let can = self.wants(at) && self.sites[site].speed > 0.0 && legal && reads && free + ROUNDING >= gang;
            let speed = self.sites[site].speed;
            if self.campaigns[at].running {
                self.advance(at);
                if can {
                    if self.campaigns[at].speed != speed {
                        self.campaigns[at].speed = speed;
                        self.schedule_completion(at);
                    }
                } else {
                    let why = if !legal {
                        "not legal"
                    } else if !reads {
                        "no data"
                    } else {
                        reason
                    };
                    self.stop_gang(at, false, why);
                }
            } else if can {
                self.start_gang(at, speed);
            }
            if self.campaigns[at].running {
                free -= gang;
                gangs += gang;
                self.violations += u64::from(!legal);
            }
        }
        self.fleet.pools[pool].gangs = gangs;
    }

    fn start_gang(&mut self, at: usize, speed: f64) {
        self.advance(at);
        let restart = self.setup.model.campaigns[at].restart;
        let state = &mut self.campaigns[at];
        state.running = true;
        state.speed = speed;
        if state.first.is_none() {
            state.first = Some(self.now);
            state.synced = self.now;
            state.counted = self.now;
            self.recorder.event(self.now, "campaign-start", "campaign", at, 0.0, "", None);
        } else {
            state.synced = self.now + restart;
            let cause = state.stopped_by;
            self.recorder.event(self.now, "campaign-resume", "campaign", at, restart.as_h(), "hours to restart", cause);
        }
        self.campaigns[at].due = Time::NEVER;
        self.schedule_completion(at);
    }

    /// Stops a gang; at once if `hard`, otherwise in good order.
    fn stop_gang(&mut self, at: usize, hard: bool, why: &'static str) {
        self.advance(at);
        if hard {
            self.lose_pending(at);
        }
        let state = &mut self.campaigns[at];
        state.running = false;
        // The loss of a member that leaves too few is one interruption.
        state.interruptions += u32::from(state.interruptions == 0 || state.stopped_at != self.now);
        state.stopped_at = self.now;
        if !hard {
            state.saved += state.pending;
            (state.pending, state.cycle_s) = (0.0, 0.0);
        }
        let cause = self.recorder.at(self.now);
        let seq = self.recorder.event(self.now, "campaign-interrupted", "campaign", at, 0.0, why, cause);
        self.campaigns[at].stopped_by = Some(seq);
    }

    /// Stops all gangs of a pool at once: their site is hit, without power, or wiped.
    pub(super) fn stop_gangs(&mut self, pool: usize, why: &'static str) {
        for &at in &self.setup.pool_campaigns[pool] {
            if self.campaigns[at].running {
                self.stop_gang(at, true, why);
            }
        }
        self.fleet.pools[pool].gangs = 0.0;
    }

    /// The gang of a pool's member, counted in accelerators through the running gangs of the pool; `None` for one that is in none.
    pub(super) fn gang_at(&self, pool: usize, member: f64) -> Option<usize> {
        let mut before = 0.0;
        self.setup.pool_campaigns[pool].iter().copied().filter(|&at| self.campaigns[at].running).find(|&at| {
            before += f64::from(self.setup.model.campaigns[at].accelerators);
            member < before
        })
    }

    /// A member of a gang has a fault, for one of the scenario's causes or for none that it names. If there are spares the gang restarts
    /// with one of them. Several members hit at the same moment are one interruption.
    pub(super) fn gang_member_fails(&mut self, pool: usize, member: f64, _cause: Option<u32>, fault: Fault) {
        let Some(at) = self.gang_at(pool, member) else { return };
        let Fault::Crash { detection } = fault else { return };
        self.advance(at);
        self.lose_pending(at);
        let restart = detection + self.setup.model.campaigns[at].restart;
        let state = &mut self.campaigns[at];
        state.interruptions += u32::from(state.interruptions == 0 || state.stopped_at != self.now);
        state.stopped_at = self.now;
        state.synced = state.synced.max(self.now + restart);
        self.recorder.fine(self.now, "gang-member-failed", "campaign", at, restart.as_h(), None);
    }

    fn lose_pending(&mut self, at: usize) {
        let state = &mut self.campaigns[at];
        state.lost_flop += state.pending;
        (state.pending, state.cycle_s) = (0.0, 0.0);
    }

    /// Does the work up to now.
    pub(super) fn advance(&mut self, at: usize) {
        let Some(gang) = self.setup.gangs[at] else { return };
        let (now, state) = (self.now, &mut self.campaigns[at]);
        if state.done || state.first.is_none() {
            return;
        }
        self.timeline.add_nominal(state.counted, now, gang.rate);
        state.counted = now;
        let from = state.synced;
        if !state.running || from >= now {
            return;
        }
        let campaign = &self.setup.model.campaigns[at];
        let (interval, pause) = cycle(campaign.checkpoint_interval, campaign.checkpoint_time);
        let rate = gang.rate * state.speed;
        let elapsed = state.cycle_s + now.since(from).as_s();
        let cycles = (elapsed / (interval + pause)).floor();
        let rest = elapsed - cycles * (interval + pause);
        let worked_before = state.cycle_s.min(interval);
        let work = if cycles > 0.0 {
            let first = rate * (interval - worked_before);
            let last = rate * rest.min(interval);
            state.saved += state.pending + first + (cycles - 1.0) * rate * interval;
            state.pending = last;
            first + (cycles - 1.0) * rate * interval + last
        } else {
            let more = rate * (rest.min(interval) - worked_before);
            state.pending += more;
            more
        };
        state.cycle_s = rest;
        state.done_flop += work;
        state.synced = now;
        let training = self.setup.layout.channels.len() - 4;
        self.timeline.add(training, from, now, work / now.since(from).as_s());
    }

    /// Time of work and checkpoints until this much compute is done \[s\].
    fn time_to(&self, at: usize, flop: f64) -> f64 {
        let campaign = &self.setup.model.campaigns[at];
        let (interval, pause) = cycle(campaign.checkpoint_interval, campaign.checkpoint_time);
        let state = &self.campaigns[at];
        let rate = self.setup.gangs[at].map_or(0.0, |gang| gang.rate * state.speed);
        if rate <= 0.0 {
            return f64::INFINITY;
        }
        let left_s = flop / rate;
        let this_cycle = (interval - state.cycle_s).max(0.0);
        if left_s <= this_cycle {
            return left_s;
        }
        let after = left_s - this_cycle;
        let full = (after / interval).ceil() - 1.0;
        let to_end = interval + pause - state.cycle_s;
        to_end + full * (interval + pause) + (after - full * interval)
    }

    fn schedule_completion(&mut self, at: usize) {
        let left = self.setup.model.campaigns[at].compute.as_flop() - self.campaigns[at].useful_flop();
        let wait = self.time_to(at, left.max(0.0));
        let state = &mut self.campaigns[at];
        let time = state.synced.max(self.now) + Duration::from_s(wait);
        // Interruptions only put it off; so one pending look is enough unless it comes earlier.
        if time < state.due && time < self.setup.end {
            state.due = time;
            self.queue.schedule(time, CLASS_DECISION, Event::CampaignDone { campaign: at as u32 });
        }
    }

    pub(super) fn on_campaign_done(&mut self, at: usize) {
        let Some(gang) = self.setup.gangs[at] else { return };
        if self.campaigns[at].due == self.now {
            self.campaigns[at].due = Time::NEVER;
        }
        if !self.campaigns[at].running || self.campaigns[at].done {
            return;
        }
        self.advance(at);
        let compute = self.setup.model.campaigns[at].compute.as_flop();
        // Times are whole nanoseconds: a few of them at full speed are rounding.
        if self.campaigns[at].useful_flop() < compute - gang.rate * 1e-8 - 1e-12 * compute {
            self.schedule_completion(at);
            return;
        }
        let state = &mut self.campaigns[at];
        state.saved += state.pending;
        state.pending = 0.0;
        (state.running, state.done, state.end) = (false, true, self.now);
        let hours = self.setup.model.campaigns[at].deadline.since(self.now).as_h();
        self.recorder.event(self.now, "campaign-done", "campaign", at, hours, "hours before the deadline", None);
        self.dirty.services = true;
    }
}

/// Work and pause of a checkpoint cycle \[s\]; without an interval, a checkpoint every second.
fn cycle(interval: Duration, pause: Duration) -> (f64, f64) {
    (interval.as_s().max(1.0), pause.as_s().max(0.0))
}
