//! Copies of checkpoints, made while training goes on: from memory to the site's storage, and from a site to another.
//!
//! A copy holds the newest complete checkpoint of the moment at which it begins. The next begins an interval later, or when the one before is
//! there. Copies to another site take the widest path of the moment at which they begin; without one that copy is left out.
//! A site that is hit or without power breaks off its copies. What an island has told the others is in their storage, too.

use bastide_model::model::{CampaignMode, CheckpointMode};
use bastide_units::Duration;

use super::{Work, World};
use crate::world::network::ACCESS_BYTES_PER_S;
use crate::world::{CLASS_DECISION, CLASS_RETURN, Event};

/// Where a copy goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    /// The site's storage.
    Site,
    /// Another site.
    Remote,
}

/// Copies of a gang's checkpoints.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Copies {
    pub site: Work,
    pub remote: Work,
    under_way: [Option<Work>; 2],
}

impl Copies {
    /// No copy holds more than this: what it held beyond is wrong.
    pub(super) fn limit(&mut self, work: Work) {
        let limit = |copy: &mut Work| {
            if copy.flop > work.flop {
                *copy = work;
            }
        };
        limit(&mut self.site);
        limit(&mut self.remote);
        self.under_way.iter_mut().flatten().for_each(limit);
    }
}

impl World<'_> {
    /// Time between the beginnings of two copies; `None` where none are made.
    fn copy_interval(&self, at: usize, store: Store) -> Option<Duration> {
        let gang = self.gangs[at].gang;
        let campaign = &self.setup.model.campaigns[gang.campaign];
        match (store, campaign.mode, campaign.checkpoints.mode) {
            (Store::Remote, ..) => campaign.checkpoints.remote.map(|remote| remote.interval),
            (Store::Site, CampaignMode::LowCommunication { .. }, _) => Some(Duration::from_s(gang.checkpoint_s)),
            (Store::Site, _, CheckpointMode::InMemory { persistent_interval, .. }) => Some(persistent_interval),
            _ => None,
        }
    }

    /// How long a copy takes that begins now; `None` where there is no way.
    fn copy_time(&self, at: usize, store: Store) -> Option<Duration> {
        let gang = self.gangs[at].gang;
        let checkpoints = &self.setup.model.campaigns[gang.campaign].checkpoints;
        match (store, checkpoints.mode) {
            (Store::Site, CheckpointMode::InMemory { persistent_time, .. }) => Some(persistent_time),
            (Store::Site, _) => Some(checkpoints.time),
            (Store::Remote, _) => {
                let remote = checkpoints.remote?;
                let from = self.setup.pools[gang.pool].site;
                if from == remote.site.index() {
                    return Some(Duration::from_s(remote.size.as_bytes() / ACCESS_BYTES_PER_S));
                }
                let width = self.path_width(from, remote.site.index());
                (width > 0.0).then(|| Duration::from_s(remote.size.as_bytes() / width.min(ACCESS_BYTES_PER_S)))
            }
        }
    }

    /// Schedules the first copies of a gang.
    pub(super) fn begin_copies(&mut self, at: usize) {
        for store in [Store::Site, Store::Remote] {
            self.next_copy(at, store, Duration::ZERO);
        }
    }

    fn next_copy(&mut self, at: usize, store: Store, not_before: Duration) {
        if let Some(interval) = self.copy_interval(at, store) {
            let wait = if interval < not_before { not_before } else { interval };
            let time = self.now + if wait.as_s() < 1.0 { Duration::from_s(1.0) } else { wait };
            if time < self.setup.end {
                self.queue.schedule(time, CLASS_DECISION, Event::CheckpointCopy { gang: at as u32, store });
            }
        }
    }

    pub(in crate::world) fn on_checkpoint_copy(&mut self, at: usize, store: Store) {
        let gang = self.gangs[at].gang;
        if self.campaigns[gang.campaign].done {
            return;
        }
        self.advance(at);
        let site = self.setup.pools[gang.pool].site;
        let time = if self.sites[site].works || self.kept_by_others(at, store) { self.copy_time(at, store) } else { None };
        if let Some(time) = time {
            self.gangs[at].copies.under_way[store as usize] = Some(self.gangs[at].saved);
            self.queue.schedule(self.now + time, CLASS_RETURN, Event::CheckpointCopied { gang: at as u32, store });
        }
        self.next_copy(at, store, time.unwrap_or(Duration::ZERO));
    }

    /// Whether other islands hold what this one has told them, and write it to their storage.
    fn kept_by_others(&self, at: usize, store: Store) -> bool {
        let mut islands = self.setup.gangs.of_campaign[self.gangs[at].gang.campaign].clone();
        store == Store::Site && islands.any(|other| other != at && self.gangs[other].running)
    }

    /// A gang's site stops: its copies under way are void.
    pub(super) fn break_off_copies(&mut self, at: usize) {
        for store in [Store::Site, Store::Remote] {
            if !self.kept_by_others(at, store) {
                self.gangs[at].copies.under_way[store as usize] = None;
            }
        }
    }

    pub(in crate::world) fn on_checkpoint_copied(&mut self, at: usize, store: Store) {
        let copies = &mut self.gangs[at].copies;
        if let Some(work) = copies.under_way[store as usize].take() {
            match store {
                Store::Site => copies.site = work,
                Store::Remote => copies.remote = work,
            }
        }
    }

    /// A gang's state in memory is lost with its members, and with the last of the islands: what is left is in the storage.
    pub(super) fn lose_memory(&mut self, at: usize, cause: usize) {
        let campaign = self.gangs[at].gang.campaign;
        let it = &self.setup.model.campaigns[campaign];
        let gangs = self.setup.gangs.of_campaign[campaign].clone();
        if matches!(it.mode, CampaignMode::LowCommunication { .. }) {
            if gangs.clone().all(|other| other == at || !self.gangs[other].running) {
                gangs.for_each(|gang| self.fall_back(gang, Store::Site, cause));
            }
        } else if matches!(it.checkpoints.mode, CheckpointMode::InMemory { .. }) {
            self.fall_back(at, Store::Site, cause);
        }
    }

    /// A site's storage burns or is wiped, and the checkpoints in it, unless they are kept out of reach. Islands elsewhere hold the state; others fall back to the copies at
    /// another site, which have to come back first.
    pub(in crate::world) fn lose_checkpoints(&mut self, site: usize) {
        for pool in self.setup.site_pools[site].clone() {
            for place in 0..self.pool_gangs[pool].len() {
                let at = self.pool_gangs[pool][place];
                let campaign = self.gangs[at].gang.campaign;
                let elsewhere = self.setup.gangs.of_campaign[campaign].clone().any(|other| other != at && self.gangs[other].running);
                let burn = self.setup.model.campaigns[campaign].checkpoints.burn;
                if !burn || self.campaigns[campaign].first.is_none() || self.campaigns[campaign].done || elsewhere {
                    continue;
                }
                self.advance(at);
                let cause = self.gangs[at].cause;
                self.fall_back(at, Store::Remote, cause);
                let state = &mut self.gangs[at];
                state.copies.limit(state.saved);
                state.fetch = state.saved.flop > 0.0;
            }
        }
    }

    /// Takes back all work but what a store holds.
    pub(super) fn fall_back(&mut self, at: usize, store: Store, cause: usize) {
        let state = &mut self.gangs[at];
        let left = match store {
            Store::Site => state.copies.site,
            Store::Remote => state.copies.remote,
        };
        if left.flop < state.saved.flop {
            let lost = state.saved - left;
            state.saved = left;
            self.lose(at, lost, cause);
        }
    }

    /// Time in which checkpoints come back from another site, where they have to.
    pub(super) fn fetch_time(&mut self, at: usize) -> Duration {
        if !std::mem::take(&mut self.gangs[at].fetch) {
            return Duration::ZERO;
        }
        self.copy_time(at, Store::Remote).unwrap_or(Duration::ZERO)
    }
}
