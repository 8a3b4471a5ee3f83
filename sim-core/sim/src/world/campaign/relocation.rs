//! Gangs that go on at another site.
//!
//! A gang of a campaign with `relocate_after` that cannot work at its site for that long looks for another: one that works, where the rules
//! allow it, its data is readable, and accelerators of its type are free. It takes the first of the plan's sites that has the most of them free,
//! and stays there. Checkpoints out of reach of what hit the site go with it; those in its storage come along if the site still
//! works and is reached, otherwise the copies at another site count, if there are any. Islands at work elsewhere hold the state.
//!
//! What services use is left to them: a gang takes nothing from a service of any tier when it moves in.

use bastide_model::model::CampaignMode;

use super::World;
use super::copies::Store;
use crate::setup::Gang;
use crate::world::{CLASS_DECISION, Event};

impl World<'_> {
    /// A gang has stopped: if it is still waiting when its patience is over, it looks for another site.
    pub(super) fn seek_place(&mut self, at: usize) {
        let gang = &self.gangs[at].gang;
        let Some(patience) = self.setup.model.campaigns[gang.campaign].relocate_after else { return };
        self.gangs[at].waits_since.get_or_insert(self.now);
        if self.setup.gangs.elsewhere[at].is_empty() {
            return;
        }
        self.queue.schedule(self.now + patience, CLASS_DECISION, Event::SeekPlace { gang: at as u32 });
    }

    pub(in crate::world) fn on_seek_place(&mut self, at: usize) {
        let campaign = self.gangs[at].gang.campaign;
        let patience = self.setup.model.campaigns[campaign].relocate_after;
        let over = self.gangs[at].waits_since.zip(patience).is_some_and(|(since, patience)| since + patience <= self.now);
        if over && !self.campaigns[campaign].done && !self.seeking.contains(&at) {
            self.seeking.push(at);
            self.seeking.sort_by_key(|&at| (self.setup.model.campaigns[self.gangs[at].gang.campaign].tier, at));
        }
    }

    /// Moves the first gang that finds a place; true if one did.
    pub(in crate::world) fn relocate(&mut self) -> bool {
        if self.seeking.is_empty() {
            return false;
        }
        let (gangs, campaigns) = (&self.gangs, &self.campaigns);
        self.seeking.retain(|&at| gangs[at].waits_since.is_some() && !campaigns[gangs[at].gang.campaign].done);
        let found = self.seeking.iter().enumerate().find_map(|(place, &at)| self.place_for(at).map(|gang| (place, at, gang)));
        let Some((place, at, gang)) = found else { return false };
        self.seeking.remove(place);
        self.move_gang(at, gang);
        true
    }

    /// The other site with most free accelerators that a gang can work at now.
    fn place_for(&self, at: usize) -> Option<Gang> {
        let setup = self.setup;
        let own = self.gangs[at].gang.pool;
        let free = |gang: &Gang| {
            let pool = &self.fleet.pools[gang.pool];
            pool.available - pool.used - pool.gangs - self.services.batch.used[gang.pool]
        };
        let works = |gang: &&Gang| {
            let site = setup.pools[gang.pool].site;
            let campaign = &setup.model.campaigns[gang.campaign];
            gang.pool != own
                && self.sites[site].speed > 0.0
                && setup.model.legal_campaign[gang.campaign][site].at(self.now)
                && campaign.dataset.is_none_or(|dataset| self.data.readable(dataset.index(), site))
                && gang.fits(free(gang)) > 0.0
        };
        let places = setup.gangs.elsewhere[at].iter().chain(std::iter::once(&setup.gangs.all[at])).filter(works);
        // The first of those that are alike.
        places.copied().reduce(|best, gang| if free(&gang) > free(&best) { gang } else { best })
    }

    fn move_gang(&mut self, at: usize, gang: Gang) {
        let setup = self.setup;
        self.advance(at);
        self.bring_checkpoints(at, setup.pools[gang.pool].site);
        let old = self.gangs[at].gang.pool;
        self.pool_gangs[old].retain(|&other| other != at);
        self.pool_gangs[gang.pool].push(at);
        let tier = |at: usize| (setup.model.campaigns[setup.gangs.all[at].campaign].tier, at);
        self.pool_gangs[gang.pool].sort_by_key(|&at| tier(at));
        let state = &mut self.gangs[at];
        let waited_h = state.waits_since.map_or(0.0, |since| self.now.since(since).as_h());
        state.gang = gang;
        if !matches!(setup.model.campaigns[gang.campaign].mode, CampaignMode::LowCommunication { .. }) {
            state.cycle = gang.cycle;
            state.cycle_s = 0.0;
        }
        self.campaigns[gang.campaign].moves += 1;
        let cause = self.gangs[at].stopped_by;
        let seq = self.recorder.event(self.now, "campaign-moves", "campaign", gang.campaign, waited_h, "hours waited", cause);
        self.gangs[at].stopped_by = Some(seq);
        self.dirty.services = true;
    }

    /// What a gang can take along from its site's storage, or has to do without.
    fn bring_checkpoints(&mut self, at: usize, to: usize) {
        let gang = self.gangs[at].gang;
        let burn = self.setup.model.campaigns[gang.campaign].checkpoints.burn;
        let islands = self.setup.gangs.of_campaign[gang.campaign].clone();
        let held_elsewhere = islands.clone().any(|other| other != at && self.gangs[other].running);
        let from = self.setup.pools[gang.pool].site;
        let reached = self.sites[from].works && self.net.paths.joined(from, to);
        if !burn || held_elsewhere || reached {
            return;
        }
        let cause = self.gangs[at].cause;
        self.fall_back(at, Store::Remote, cause);
        let state = &mut self.gangs[at];
        state.copies.limit(state.saved);
        state.fetch = state.saved.flop > 0.0;
    }
}
