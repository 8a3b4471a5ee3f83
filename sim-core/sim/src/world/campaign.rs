//! Training campaigns: gangs that start, stop, shrink and grow.
//!
//! A gang is a synchronous campaign, an elastic one, or one island of one that trains over slow links. It works when its site does, the
//! rules allow it, its data is readable there, and the services leave it whole nodes enough. Its clock of work and checkpoints needs no
//! events (`progress`). Less power slows it down in proportion, and so do missing members of an elastic gang and the slowest straggler.
//!
//! A failed member, a stop of the site or a wipe stops the gang at once (`fault`): what was done since the last complete checkpoint is
//! lost, and training goes on `restart` after the failure was noticed and the accelerators are there again. Where services take
//! accelerators, the data becomes unreadable or the law changes, it stops in good order: nothing is lost but the time. An elastic gang goes on
//! with the whole steps that are left; its survivors hold the state, so that it loses the time of the change alone. An island
//! that is lost loses its work since the last exchange (`exchange`). Copies of checkpoints are made beside the work (`copies`).
//!
//! A campaign with `relocate_after` does not wait for its own site for ever (`relocation`).
//!
//! Every accelerator second from the first start on is useful, or is lost in one way and for one cause (`account`).

mod account;
mod copies;
mod exchange;
mod fault;
mod progress;
mod relocation;

use bastide_engine::Stream;
use bastide_model::model::CampaignMode;
use bastide_units::{Duration, Time};

use super::{CLASS_DECISION, Event, World};
use crate::record::REASONS;
use crate::setup::{Cycle, Gang, Setup, entity_key};
use account::{Kind, Losses};
use copies::Copies;
pub(crate) use copies::Store;
pub(crate) use fault::Fault;
use fault::{Straggler, Suspect};
use progress::Work;

/// What a campaign's gangs have in common.
pub(crate) struct CampaignState {
    done: bool,
    /// First time at work.
    first: Option<Time>,
    /// When it was done.
    end: Time,
    /// Last interruption.
    stopped_at: Time,
    /// When its completion is next looked at.
    due: Time,
    done_flop: f64,
    lost_flop: f64,
    losses: Losses,
    /// How often a gang went on at another site.
    moves: u32,
    /// Draws of restarts.
    stream: Stream,
}

/// One gang.
pub(crate) struct GangState {
    /// Where it is: as planned, or where it went since.
    pub gang: Gang,
    running: bool,
    /// Accelerators that it holds.
    held: f64,
    /// Time up to which the state below is true; later than now during a restart.
    synced: Time,
    /// Time up to which every second is accounted for.
    counted: Time,
    /// Share of full speed that power and cooling allow.
    power: f64,
    /// Share of full speed: members, power and stragglers.
    speed: f64,
    cycle: Cycle,
    /// Work that an interruption leaves, or that was finished in good order.
    saved: Work,
    /// Work in a checkpoint that is being written.
    writing: Work,
    /// Work since the last checkpoint.
    pending: Work,
    /// Time since the last checkpoint was complete or, in the background, begun \[s\].
    cycle_s: f64,
    copies: Copies,
    suspects: Vec<Suspect>,
    stragglers: Vec<Straggler>,
    /// What it now waits or restarts for, and since when.
    cause: usize,
    caused: Time,
    /// Event that stopped it.
    stopped_by: Option<u64>,
    /// Whether its checkpoints have to come back from elsewhere.
    fetch: bool,
    /// Since when it waits for accelerators, once it has started.
    waits_since: Option<Time>,
}

impl GangState {
    fn new(gang: Gang) -> Self {
        Self {
            gang,
            running: false,
            held: 0.0,
            synced: Time::ZERO,
            counted: Time::ZERO,
            power: 0.0,
            speed: 0.0,
            cycle: gang.cycle,
            saved: Work::NONE,
            writing: Work::NONE,
            pending: Work::NONE,
            cycle_s: 0.0,
            copies: Copies::default(),
            suspects: Vec::new(),
            stragglers: Vec::new(),
            cause: 0,
            caused: Time::NEVER,
            stopped_by: None,
            fetch: false,
            waits_since: None,
        }
    }

    /// Work that is still of use.
    fn useful(&self) -> Work {
        self.saved + self.writing + self.pending
    }
}

pub(super) fn campaigns(setup: &Setup, seed: u64, replication: u32) -> Vec<CampaignState> {
    let causes = setup.model.failures.len() + REASONS.len();
    let state = |campaign: &bastide_model::model::Campaign| CampaignState {
        done: false,
        first: None,
        end: Time::ZERO,
        stopped_at: Time::NEVER,
        due: Time::NEVER,
        done_flop: 0.0,
        lost_flop: 0.0,
        losses: Losses::new(causes),
        moves: 0,
        stream: Stream::new(seed, replication, entity_key("campaign", &campaign.entity.name, "restart")),
    };
    setup.model.campaigns.iter().map(state).collect()
}

pub(super) fn gangs(setup: &Setup) -> Vec<GangState> {
    setup.gangs.all.iter().map(|gang| GangState::new(*gang)).collect()
}

impl World<'_> {
    pub(super) fn begin_campaigns(&mut self) {
        for (at, campaign) in self.setup.model.campaigns.iter().enumerate() {
            if !self.setup.gangs.of_campaign[at].is_empty() {
                self.queue.schedule(campaign.start, CLASS_DECISION, Event::CampaignStart { campaign: at as u32 });
            }
        }
    }

    pub(super) fn on_campaign_start(&mut self, _campaign: usize) {
        self.dirty.services = true;
    }

    /// Place of a reason among the causes.
    fn reason(&self, word: &str) -> usize {
        // Every reason that the world gives is in the list; a test goes through them.
        let at = REASONS.iter().position(|reason| *reason == word).unwrap_or(0);
        self.setup.model.failures.len() + at
    }

    /// Whether a campaign wants its accelerators.
    fn wants(&self, campaign: usize) -> bool {
        !self.campaigns[campaign].done && self.now >= self.setup.model.campaigns[campaign].start
    }

    /// What services leave to the gangs of each pool: nothing where they are of the same tier or above and may pre-empt,
    /// or where the gang could not run anyway.
    pub(super) fn reserve(&mut self) {
        for pool in 0..self.fleet.pools.len() {
            if self.pool_gangs[pool].is_empty() {
                continue;
            }
            let mut reserve = [0.0; 4];
            let mut most = 0.0;
            for &at in &self.pool_gangs[pool] {
                let gang = &self.gangs[at].gang;
                if !self.wants(gang.campaign) {
                    continue;
                }
                let campaign = &self.setup.model.campaigns[gang.campaign];
                most += gang.held;
                let wanted = gang.fits(self.fleet.pools[pool].available);
                for (tier, left) in reserve.iter_mut().enumerate() {
                    let may = self.setup.model.policy.preempt_training && tier <= campaign.tier as usize;
                    *left += if may { 0.0 } else { wanted };
                }
            }
            let state = &mut self.fleet.pools[pool];
            (state.reserve, state.reserve_most) = (reserve, most);
        }
    }

    /// Starts, stops and resizes the gangs of a pool by what services leave.
    pub(super) fn settle_gangs(&mut self, pool: usize, reason: &'static str) {
        let setup = self.setup;
        let site = setup.pools[pool].site;
        let power = self.sites[site].speed;
        let mut free = self.fleet.pools[pool].available - self.fleet.pools[pool].used;
        let mut gangs = 0.0;
        for place in 0..self.pool_gangs[pool].len() {
            let at = self.pool_gangs[pool][place];
            let gang = self.gangs[at].gang;
            let campaign = &setup.model.campaigns[gang.campaign];
            let legal = self.may_train(gang.campaign, site);
            let reads = campaign.dataset.is_none_or(|dataset| self.data.readable(dataset.index(), site));
            let can = self.wants(gang.campaign) && power > 0.0 && legal && reads;
            let size = if can { gang.fits(free) } else { 0.0 };
            if self.gangs[at].running {
                self.advance(at);
                if size > 0.0 {
                    if size != self.gangs[at].held {
                        self.resize(at, size, reason);
                    }
                    if power != self.gangs[at].power {
                        self.gangs[at].power = power;
                        self.set_speed(at);
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
            } else if size > 0.0 {
                self.start_gang(at, size, power);
            }
            if self.gangs[at].running {
                free -= size;
                gangs += size;
                self.violations += u64::from(!legal);
            }
        }
        self.fleet.pools[pool].gangs = gangs;
    }

    /// A draw of the time from the notice of a failure to training again.
    fn restart_time(&mut self, campaign: usize) -> Duration {
        Duration::from_s(self.setup.model.campaigns[campaign].restart.sample(&mut self.campaigns[campaign].stream))
    }

    fn start_gang(&mut self, at: usize, size: f64, power: f64) {
        self.advance(at);
        let campaign = self.gangs[at].gang.campaign;
        if self.campaigns[campaign].first.is_none() {
            self.begin_training(campaign);
            self.recorder.event(self.now, "campaign-start", "campaign", campaign, 0.0, "", None);
        }
        let state = &mut self.gangs[at];
        (state.running, state.held, state.power, state.waits_since) = (true, size, power, None);
        if self.campaigns[campaign].first == Some(self.now) {
            self.gangs[at].synced = self.now;
        } else {
            // An island that starts later than the first begins as if it came back.
            let restart = self.restart_time(campaign) + self.fetch_time(at);
            let state = &mut self.gangs[at];
            state.synced = self.now + restart;
            let cause = state.stopped_by;
            self.recorder.event(self.now, "campaign-resume", "campaign", campaign, restart.as_h(), "hours to restart", cause);
        }
        self.islands_changed(campaign);
        self.campaigns[campaign].due = Time::NEVER;
        self.set_speed(at);
    }

    /// The first start of a campaign: from now on every second counts.
    fn begin_training(&mut self, campaign: usize) {
        self.campaigns[campaign].first = Some(self.now);
        let waits = self.reason("accelerators");
        for at in self.setup.gangs.of_campaign[campaign].clone() {
            (self.gangs[at].counted, self.gangs[at].cause) = (self.now, waits);
            self.begin_copies(at);
        }
        self.next_planned_stop(campaign, 0.5);
    }

    /// Counts an interruption, once for all that stops a campaign at the same moment; says for what cause the gang now waits.
    fn interrupt(&mut self, at: usize, kind: Kind, cause: usize) {
        let now = self.now;
        let state = &mut self.campaigns[self.gangs[at].gang.campaign];
        if state.stopped_at != now {
            state.losses.count(kind, cause);
            state.stopped_at = now;
        }
        self.blame(at, cause);
    }

    /// Says for what cause a gang now waits; what follows at the same moment follows from it.
    fn blame(&mut self, at: usize, cause: usize) {
        let state = &mut self.gangs[at];
        if state.caused != self.now {
            (state.cause, state.caused) = (cause, self.now);
        }
    }

    /// The event that a gang stops for.
    fn stop_cause(&self, at: usize, why: &'static str) -> Option<u64> {
        let gang = &self.setup.gangs.all[at];
        let site = self.setup.pools[gang.pool].site;
        let state = &self.sites[site];
        match why {
            "site" => state.down_seq,
            "wiped" => state.why.wiped,
            "maintenance" => state.why.maintenance,
            "not legal" => self.training_law_cause(gang.campaign, site),
            "no data" => self.setup.model.campaigns[gang.campaign].dataset.and_then(|id| self.data_cause(id.index(), site)),
            // The note says it: a node of its own, its own plan.
            "node" | "planned" => None,
            _ => self.recorder.at(self.now),
        }
    }

    /// Stops a gang; at once if `hard`, otherwise in good order.
    fn stop_gang(&mut self, at: usize, hard: bool, why: &'static str) {
        self.advance(at);
        let campaign = self.gangs[at].gang.campaign;
        let unpowered = why == "site" && self.sites[self.setup.pools[self.gangs[at].gang.pool].site].stopped;
        let cause = self.reason(if unpowered { "power" } else { why });
        self.interrupt(at, Kind::of(why), cause);
        if hard {
            let cause = self.gangs[at].cause;
            self.lose_pending(at, cause);
            self.lose_memory(at, cause);
        }
        let state = &mut self.gangs[at];
        state.running = false;
        if !hard {
            state.saved += state.writing + state.pending;
            (state.writing, state.pending, state.cycle_s) = (Work::NONE, Work::NONE, 0.0);
        }
        let cause = self.stop_cause(at, why);
        let seq = self.recorder.event(self.now, "campaign-interrupted", "campaign", campaign, 0.0, why, cause);
        self.gangs[at].stopped_by = Some(seq);
        self.seek_place(at);
        self.islands_changed(campaign);
    }

    /// Stops all gangs of a pool at once: their site is hit, without power, or wiped.
    pub(super) fn stop_gangs(&mut self, pool: usize, why: &'static str) {
        for place in 0..self.pool_gangs[pool].len() {
            let at = self.pool_gangs[pool][place];
            if self.gangs[at].running {
                self.stop_gang(at, true, why);
            }
            self.break_off_copies(at);
        }
        self.fleet.pools[pool].gangs = 0.0;
    }

    /// Gives an elastic gang another size.
    fn resize(&mut self, at: usize, size: f64, reason: &'static str) {
        let campaign = self.gangs[at].gang.campaign;
        let CampaignMode::Elastic { resize, .. } = self.setup.model.campaigns[campaign].mode else { return };
        let shrinks = size < self.gangs[at].held;
        let cause = self.reason(reason);
        if shrinks {
            self.interrupt(at, Kind::of(reason), cause);
        } else {
            self.blame(at, cause);
        }
        let state = &mut self.gangs[at];
        state.held = size;
        state.synced = state.synced.max(self.now + resize);
        let word = if shrinks { "gang-shrinks" } else { "gang-grows" };
        self.recorder.fine(self.now, word, "campaign", campaign, size, None);
        self.set_speed(at);
    }

    /// Takes over members, power and stragglers; puts the completion where it now belongs.
    fn set_speed(&mut self, at: usize) {
        let held = self.gangs[at].gang.held;
        let state = &mut self.gangs[at];
        let slowest = state.stragglers.iter().map(|straggler| straggler.share).fold(1.0, f64::min);
        state.speed = (state.held / held) * state.power * slowest;
        self.schedule_completion(self.gangs[at].gang.campaign);
    }

    /// Planned stops come at equal intervals, the first after half of one: an operator's calendar, not chance.
    fn next_planned_stop(&mut self, campaign: usize, intervals: f64) {
        let rate = self.setup.model.campaigns[campaign].planned_stops.as_per_s();
        if rate > 0.0 {
            let time = self.now + Duration::from_s((intervals / rate).max(1.0));
            if time < self.setup.end {
                self.queue.schedule(time, CLASS_DECISION, Event::PlannedStop { campaign: campaign as u32 });
            }
        }
    }

    /// Each gang at work writes a checkpoint and restarts.
    pub(super) fn on_planned_stop(&mut self, campaign: usize) {
        if self.campaigns[campaign].done {
            return;
        }
        let write = self.setup.model.campaigns[campaign].checkpoints.time;
        let cause = self.reason("planned");
        for at in self.setup.gangs.of_campaign[campaign].clone() {
            if !self.gangs[at].running {
                continue;
            }
            self.advance(at);
            self.interrupt(at, Kind::Planned, cause);
            let time = self.now + write + self.restart_time(campaign);
            let state = &mut self.gangs[at];
            state.saved += state.writing + state.pending;
            (state.writing, state.pending, state.cycle_s) = (Work::NONE, Work::NONE, 0.0);
            state.synced = state.synced.max(time);
            self.recorder.fine(self.now, "gang-planned-stop", "campaign", campaign, time.since(self.now).as_h(), None);
        }
        self.next_planned_stop(campaign, 1.0);
    }
}
