//! Faults of members: crashes, silent errors, stragglers.

use bastide_model::model::{CampaignMode, CheckpointMode, FailureDomain, FailureKind};
use bastide_units::{Duration, Time};

use super::account::Kind;
use super::{Work, World};
use crate::world::{CLASS_DECISION, Event};

/// What the failure of a member does to its gang.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// The gang hangs at once, and restarts when that was noticed.
    Crash {
        /// From the failure to its notice; zero for that of the campaign.
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

/// A silent fault that nobody has noticed yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Suspect {
    found: Time,
    cause: usize,
    /// Work in the newest checkpoint of before.
    newest: Work,
    /// Work that is left where a newer checkpoint has taken its place.
    stored: Work,
}

/// A slow member.
#[derive(Clone, Copy, Debug)]
pub(super) struct Straggler {
    until: Time,
    pub share: f64,
    pub cause: usize,
}

impl World<'_> {
    /// The gang of a pool's member, as a place in the setup's list: members are counted in accelerators through the running gangs of the pool.
    /// `None` for one that is in none.
    pub(in crate::world) fn gang_at(&self, pool: usize, member: f64) -> Option<usize> {
        let mut before = 0.0;
        self.pool_gangs[pool].iter().copied().filter(|&at| self.gangs[at].running).find(|&at| {
            before += self.gangs[at].held;
            member < before
        })
    }

    /// A member of a gang has a fault, for one of the scenario's causes or for none that it names. If there are spares the gang restarts
    /// with one of them. Several members hit at the same moment are one interruption.
    pub(in crate::world) fn gang_member_fails(&mut self, pool: usize, member: f64, cause: Option<u32>, fault: Fault) {
        let Some(at) = self.gang_at(pool, member) else { return };
        let named = cause;
        let cause = cause.map_or_else(|| self.reason("node"), |cause| cause as usize);
        match fault {
            Fault::Crash { detection } => {
                let own = self.setup.model.campaigns[self.gangs[at].gang.campaign].detection;
                let detection = if detection > Duration::ZERO { detection } else { own };
                self.crash(at, cause, detection, self.members_lost(pool, named));
            }
            Fault::Silent { detection } => self.suspect(at, cause, detection),
            Fault::Slow { share, lasts } => {
                self.advance(at);
                let until = self.now + lasts;
                // Those that have recovered by themselves make room here, too.
                self.gangs[at].stragglers.retain(|straggler| straggler.until > self.now);
                self.gangs[at].stragglers.push(Straggler { until, share: share.clamp(0.0, 1.0), cause });
                if until < self.setup.end {
                    self.queue.schedule(until, CLASS_DECISION, Event::StragglerOver { gang: at as u32 });
                }
                self.set_speed(at);
            }
        }
    }

    /// Members whose memory is lost together when this cause hits a gang.
    fn members_lost(&self, pool: usize, cause: Option<u32>) -> u32 {
        let Some(failure) = cause.and_then(|cause| self.setup.model.failures.get(cause as usize)) else { return 1 };
        match (&failure.kind, failure.domain) {
            // What restarts by itself has kept its memory.
            (FailureKind::Transient { .. }, _) => 0,
            (_, FailureDomain::Node) => 1,
            (_, FailureDomain::Rack) => self.setup.model.accelerators[self.setup.pools[pool].accelerator].nodes_per_rack.unwrap_or(1),
            (_, FailureDomain::Hall | FailureDomain::Site) => u32::MAX,
        }
    }

    fn crash(&mut self, at: usize, cause: usize, detection: Duration, members: u32) {
        self.advance(at);
        let campaign = self.gangs[at].gang.campaign;
        let it = &self.setup.model.campaigns[campaign];
        self.interrupt(at, Kind::Unexpected, cause);
        let again = if let CampaignMode::Elastic { resize, .. } = it.mode {
            detection + resize
        } else {
            self.lose_pending(at, cause);
            if matches!(it.checkpoints.mode, CheckpointMode::InMemory { replicas, .. } if members > replicas) {
                self.lose_memory(at, cause);
            }
            detection + self.restart_time(campaign)
        };
        let state = &mut self.gangs[at];
        state.synced = state.synced.max(self.now + again);
        self.recorder.fine(self.now, "gang-member-failed", "campaign", campaign, again.as_h(), None);
    }

    /// Takes back what was done since the last complete checkpoint.
    pub(super) fn lose_pending(&mut self, at: usize, cause: usize) {
        let state = &mut self.gangs[at];
        let lost = state.writing + state.pending;
        (state.writing, state.pending, state.cycle_s) = (Work::NONE, Work::NONE, 0.0);
        self.lose(at, lost, cause);
    }

    /// Gangs that share what a member does: all islands, which exchange it.
    fn tainted(&self, at: usize) -> std::ops::Range<usize> {
        let campaign = self.gangs[at].gang.campaign;
        let islands = self.setup.gangs.of_campaign[campaign].clone();
        if islands.len() > 1 { islands } else { at..at + 1 }
    }

    fn suspect(&mut self, at: usize, cause: usize, detection: Duration) {
        let found = self.now + detection;
        let campaign = &self.setup.model.campaigns[self.gangs[at].gang.campaign];
        // The storage keeps earlier checkpoints; memory and islands hold the newest state only.
        let one_only = matches!(campaign.mode, CampaignMode::LowCommunication { .. })
            || matches!(campaign.checkpoints.mode, CheckpointMode::InMemory { .. });
        for gang in self.tainted(at) {
            self.advance(gang);
            let state = &mut self.gangs[gang];
            let newest = state.saved + state.writing;
            let stored = if one_only { state.copies.site } else { newest };
            state.suspects.push(Suspect { found, cause, newest, stored });
        }
        if found < self.setup.end {
            self.queue.schedule(found, CLASS_DECISION, Event::FaultFound { gang: at as u32 });
        }
    }

    /// Silent faults are noticed: back to a checkpoint of before.
    pub(in crate::world) fn on_fault_found(&mut self, at: usize) {
        let campaign = self.gangs[at].gang.campaign;
        for gang in self.tainted(at) {
            if self.campaigns[campaign].done {
                return;
            }
            self.advance(gang);
            while let Some(place) = self.gangs[gang].suspects.iter().position(|suspect| suspect.found <= self.now) {
                let suspect = self.gangs[gang].suspects.swap_remove(place);
                self.roll_back(gang, &suspect);
            }
        }
    }

    fn roll_back(&mut self, at: usize, suspect: &Suspect) {
        let campaign = self.gangs[at].gang.campaign;
        let running = self.gangs[at].running;
        if running {
            self.interrupt(at, Kind::Unexpected, suspect.cause);
        }
        self.lose_pending(at, suspect.cause);
        let state = &mut self.gangs[at];
        let good = if state.saved.flop > suspect.newest.flop { suspect.stored } else { state.saved };
        let lost = state.saved - good;
        state.saved = good;
        state.copies.limit(good);
        // Whoever is not found yet goes on spoiling what is done from here.
        for other in &mut state.suspects {
            if other.newest.flop > good.flop {
                (other.newest, other.stored) = (good, good);
            }
        }
        self.lose(at, lost, suspect.cause);
        if running {
            let again = self.restart_time(campaign);
            let state = &mut self.gangs[at];
            state.synced = state.synced.max(self.now + again);
            self.recorder.fine(self.now, "gang-rolled-back", "campaign", campaign, again.as_h(), None);
        }
    }

    pub(in crate::world) fn on_straggler_over(&mut self, at: usize) {
        if self.campaigns[self.gangs[at].gang.campaign].done {
            return;
        }
        self.advance(at);
        let now = self.now;
        self.gangs[at].stragglers.retain(|straggler| straggler.until > now);
        self.set_speed(at);
    }
}
