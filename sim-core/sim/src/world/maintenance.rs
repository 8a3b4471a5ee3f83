//! Planned maintenance: one share of a site's nodes after the other, round after round.
//!
//! A share is out for the duration of the maintenance and the next one follows at once, until all nodes had their turn. Of each pool the
//! same share is out, in good order: gangs that no longer fit stop after a checkpoint. Several at one site take different nodes.

use bastide_model::model::{Maintenance, SiteId};
use bastide_units::Time;

use super::{CLASS_FAILURE, Event, World};

#[derive(Clone, Copy, Default)]
pub(crate) struct MaintenanceState {
    /// Shares of the round that have begun; zero between two rounds.
    batch: u32,
    /// Beginning of the round.
    round: Time,
    /// Share of the nodes that is out.
    out: f64,
}

impl World<'_> {
    pub(super) fn begin_maintenance(&mut self) {
        for (at, maintenance) in self.setup.model.maintenances.iter().enumerate() {
            self.queue.schedule(maintenance.from, CLASS_FAILURE, Event::Maintenance { maintenance: at as u32 });
        }
    }

    /// The next share goes out, or the round is through.
    pub(super) fn on_maintenance(&mut self, at: usize) {
        let maintenance = &self.setup.model.maintenances[at];
        let again = Event::Maintenance { maintenance: at as u32 };
        let state = &mut self.maintenances[at];
        if state.batch == maintenance.batches() {
            (state.batch, state.out) = (0, 0.0);
            let next = state.round + maintenance.every;
            if next > self.now {
                self.queue.schedule(next, CLASS_FAILURE, again);
                self.set_maintenance();
                return;
            }
        }
        if state.batch == 0 {
            if self.now >= maintenance.until {
                self.set_maintenance();
                return;
            }
            state.round = self.now;
        }
        // The last share is what is left.
        state.out = maintenance.share.min(1.0 - f64::from(state.batch) * maintenance.share);
        state.batch += 1;
        self.queue.schedule(self.now + maintenance.duration, CLASS_FAILURE, again);
        self.set_maintenance();
    }

    /// Takes over which share of each site's nodes is out.
    fn set_maintenance(&mut self) {
        let setup = self.setup;
        for site in 0..self.sites.len() {
            if !setup.built[site] {
                continue;
            }
            let concerned = |(maintenance, _): &(&Maintenance, _)| maintenance.concerns(SiteId::from_index(site));
            let all = setup.model.maintenances.iter().zip(&self.maintenances);
            let out = all.filter(concerned).map(|(_, state)| state.out).sum::<f64>().min(1.0);
            if out == self.sites[site].in_maintenance {
                continue;
            }
            self.sites[site].in_maintenance = out;
            let seq = self.recorder.event(self.now, "maintenance", "site", site, out, "share of nodes", None);
            self.sites[site].why.maintenance = Some(seq).filter(|_| out > 0.0);
            for pool in setup.site_pools[site].clone() {
                self.refresh_pool(pool);
                // Where it leaves too few for the gangs, they stop for it; where services yield to gangs or gangs to services, the
                // allocation says who goes.
                if self.fleet.pools[pool].available < self.fleet.pools[pool].gangs {
                    self.settle_gangs(pool, "maintenance");
                }
            }
            self.dirty.services = true;
            self.dirty.needs = true;
        }
    }
}
