//! The clock of work and checkpoints.
//!
//! A gang works for an interval, pauses, works again, and so on; what it did is safe when the pause ends, or `late` after it where a checkpoint
//! is written in the background. At a constant speed all that has a closed form, so that nothing happens between two changes of
//! speed, however many checkpoints lie there.

use std::ops::{Add, AddAssign, Sub, SubAssign};

use bastide_units::{Duration, Time};

use super::account::Line;
use super::{CLASS_DECISION, Event, GangState, World};

/// What was done in a stretch of work.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Work {
    /// Compute \[FLOP\].
    pub flop: f64,
    /// Accelerator time in which it was done [accelerator s].
    pub accelerator_s: f64,
}

impl Work {
    pub(crate) const NONE: Self = Self { flop: 0.0, accelerator_s: 0.0 };
}

impl Add for Work {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { flop: self.flop + other.flop, accelerator_s: self.accelerator_s + other.accelerator_s }
    }
}

impl AddAssign for Work {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Work {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self { flop: self.flop - other.flop, accelerator_s: self.accelerator_s - other.accelerator_s }
    }
}

impl SubAssign for Work {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

/// Speed of work: per second of it.
#[derive(Clone, Copy)]
struct Pace {
    flop: f64,
    accelerators: f64,
}

impl Pace {
    fn during(self, seconds: f64) -> Work {
        Work { flop: self.flop * seconds, accelerator_s: self.accelerators * seconds }
    }
}

impl GangState {
    /// Goes on for some time at a pace; returns the work done.
    fn go_on(&mut self, pace: Pace, seconds: f64) -> Work {
        let (interval, late) = (self.cycle.interval_s, self.cycle.late_s);
        let length = interval + self.cycle.pause_s;
        let elapsed = self.cycle_s + seconds;
        let cycles = (elapsed / length).floor();
        let rest = elapsed - cycles * length;
        let worked_before = self.cycle_s.min(interval);
        let done;
        if cycles > 0.0 {
            let first = pace.during(interval - worked_before);
            let last = pace.during(rest.min(interval));
            let full = Pace { flop: (cycles - 1.0) * pace.flop, accelerators: (cycles - 1.0) * pace.accelerators }.during(interval);
            let newest = if cycles > 1.0 { pace.during(interval) } else { self.pending + first };
            self.saved += self.writing + self.pending + first + full;
            self.writing = Work::NONE;
            if rest < late {
                self.saved -= newest;
                self.writing = newest;
            }
            self.pending = last;
            done = first + full + last;
        } else {
            done = pace.during(rest.min(interval) - worked_before);
            self.pending += done;
            if rest >= late {
                self.saved += self.writing;
                self.writing = Work::NONE;
            }
        }
        self.cycle_s = rest;
        done
    }

    /// Time of work and checkpoints until this much compute is done, at this rate [FLOP/s] \[s\].
    fn time_to(&self, flop: f64, rate: f64) -> f64 {
        if rate <= 0.0 {
            return f64::INFINITY;
        }
        let (interval, pause) = (self.cycle.interval_s, self.cycle.pause_s);
        let left_s = flop / rate;
        let this_cycle = (interval - self.cycle_s).max(0.0);
        if left_s <= this_cycle {
            return left_s;
        }
        let after = left_s - this_cycle;
        let full = (after / interval).ceil() - 1.0;
        let to_end = interval + pause - self.cycle_s;
        to_end + full * (interval + pause) + (after - full * interval)
    }

    /// Compute done in some time of work and checkpoints, at this rate [FLOP/s] \[FLOP\].
    fn done_in(&self, seconds: f64, rate: f64) -> f64 {
        let (interval, pause) = (self.cycle.interval_s, self.cycle.pause_s);
        let worked = |elapsed: f64| {
            let cycles = (elapsed / (interval + pause)).floor();
            cycles * interval + (elapsed - cycles * (interval + pause)).min(interval)
        };
        rate * (worked(self.cycle_s + seconds.max(0.0)) - worked(self.cycle_s))
    }
}

impl World<'_> {
    /// Does the work up to now, and accounts for every second of it.
    pub(in crate::world) fn advance(&mut self, at: usize) {
        let gang = self.gangs[at].gang;
        let (now, state, campaign) = (self.now, &mut self.gangs[at], &mut self.campaigns[gang.campaign]);
        if campaign.done || campaign.first.is_none() {
            return;
        }
        let counted = state.counted;
        state.counted = now;
        if now <= counted {
            return;
        }
        self.timeline.add_nominal(counted, now, gang.rate);
        let losses = &mut campaign.losses;
        if !state.running {
            losses.add(Line::Waiting, Some(state.cause), gang.size * now.since(counted).as_s());
            return;
        }
        if state.synced > counted {
            losses.add(Line::Recovery, Some(state.cause), gang.size * state.synced.min(now).since(counted).as_s());
        }
        let from = state.synced;
        if from >= now {
            return;
        }
        let pace = Pace { flop: gang.rate * state.speed, accelerators: gang.size * (state.held / gang.held) };
        let seconds = now.since(from).as_s();
        let done = state.go_on(pace, seconds);
        state.synced = now;
        campaign.done_flop += done.flop;
        let worked_s = if pace.accelerators > 0.0 { done.accelerator_s / pace.accelerators } else { 0.0 };
        if state.cycle.pause_s > 0.0 {
            // What is left of a difference of nothing is rounding.
            losses.add(Line::Checkpoints, None, gang.size * (seconds - worked_s).max(0.0));
        }
        if state.speed != 1.0 {
            self.account_for_slowness(at, worked_s);
        }
        let training = self.setup.layout.channels.len() - 4;
        self.timeline.add(training, from, now, done.flop / seconds);
    }

    /// Puts the completion of a campaign where it now belongs.
    pub(super) fn schedule_completion(&mut self, campaign: usize) {
        let left = self.setup.model.campaigns[campaign].compute.as_flop() - self.useful(campaign).flop;
        let time = self.completion(campaign, left.max(0.0));
        let state = &mut self.campaigns[campaign];
        // Interruptions only put it off; so one pending look is enough unless it comes earlier.
        if time < state.due && time < self.setup.end {
            state.due = time;
            self.queue.schedule(time, CLASS_DECISION, Event::CampaignDone { campaign: campaign as u32 });
        }
    }

    /// When the gangs of a campaign that are at work have done so much more, if nothing happens.
    fn completion(&self, campaign: usize, flop: f64) -> Time {
        let gangs = self.setup.gangs.of_campaign[campaign].clone();
        let rate = |at: usize| self.gangs[at].gang.rate * self.gangs[at].speed;
        if gangs.len() == 1 {
            let at = gangs.start;
            return self.gangs[at].synced.max(self.now) + Duration::from_s(self.gangs[at].time_to(flop, rate(at)));
        }
        let working: Vec<usize> = gangs.filter(|at| self.gangs[*at].running && rate(*at) > 0.0).collect();
        let done_by = |time: Time| {
            let one = |at: &usize| {
                let from = self.gangs[*at].synced;
                if time > from { self.gangs[*at].done_in(time.since(from).as_s(), rate(*at)) } else { 0.0 }
            };
            working.iter().map(one).sum::<f64>()
        };
        let (mut early, mut late) = (self.now.as_nanos(), self.setup.end.as_nanos());
        if done_by(self.setup.end) < flop {
            return Time::NEVER;
        }
        // Work rises with time: 64 halvings leave a nanosecond.
        while early < late {
            let middle = early + (late - early) / 2;
            if done_by(Time::from_nanos(middle)) >= flop { late = middle } else { early = middle + 1 }
        }
        Time::from_nanos(late)
    }

    /// Work of a campaign that is still of use.
    pub(super) fn useful(&self, campaign: usize) -> Work {
        let gangs = self.setup.gangs.of_campaign[campaign].clone();
        gangs.map(|at| self.gangs[at].useful()).fold(Work::NONE, Work::add)
    }

    pub(in crate::world) fn on_campaign_done(&mut self, campaign: usize) {
        if self.campaigns[campaign].due == self.now {
            self.campaigns[campaign].due = Time::NEVER;
        }
        let gangs = self.setup.gangs.of_campaign[campaign].clone();
        if self.campaigns[campaign].done || gangs.clone().all(|at| !self.gangs[at].running) {
            return;
        }
        gangs.clone().for_each(|at| self.advance(at));
        let compute = self.setup.model.campaigns[campaign].compute.as_flop();
        let rate: f64 = gangs.clone().map(|at| self.gangs[at].gang.rate).sum();
        // Times are whole nanoseconds: a few of them at full speed are rounding.
        if self.useful(campaign).flop < compute - rate * 1e-8 - 1e-12 * compute {
            self.schedule_completion(campaign);
            return;
        }
        for at in gangs {
            let state = &mut self.gangs[at];
            state.saved += state.writing + state.pending;
            (state.writing, state.pending, state.running) = (Work::NONE, Work::NONE, false);
        }
        let state = &mut self.campaigns[campaign];
        (state.done, state.end) = (true, self.now);
        let hours = self.setup.model.campaigns[campaign].deadline.since(self.now).as_h();
        self.recorder.event(self.now, "campaign-done", "campaign", campaign, hours, "hours before the deadline", None);
        self.dirty.services = true;
    }
}
