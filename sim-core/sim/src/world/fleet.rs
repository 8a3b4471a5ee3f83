//! Nodes: delivery, failure, repair, destruction.
//!
//! Nodes of one type at one site are alike, so their failures are one process of rate (nodes up) x (failure rate), drawn by thinning
//! from the process of all installed nodes (Lewis and Shedler 1979): the same draw says whether the node that fails was up, and whether
//! it was a member of a gang. Each failed node has its own repair. Nodes do not fail while their site is down.

use bastide_engine::Stream;
use bastide_model::model::HazardKind;
use bastide_units::Duration;

use super::campaign::Fault;
use super::{CLASS_FAILURE, CLASS_RETURN, Event, World};
use crate::setup::Setup;

/// Accelerators of one type at one site.
pub(crate) struct PoolState {
    /// Nodes that stand there, up or in repair.
    pub installed: u32,
    pub up: u32,
    /// Repairs under way of nodes that were destroyed since.
    void_repairs: u32,
    version: u32,
    stream: Stream,
    /// Accelerators that can work: up, not wiped, at a site that works.
    pub available: f64,
    /// Accelerators that services use.
    pub used: f64,
    /// Accelerators of running gangs.
    pub gangs: f64,
    /// Accelerators that services of a tier leave to gangs.
    pub reserve: [f64; 4],
    /// The largest reserve that any service may meet when its gangs can run.
    pub reserve_most: f64,
    /// Whether the last allocation was limited by this pool.
    pub binding: bool,
}

pub(crate) struct Fleet {
    pub pools: Vec<PoolState>,
}

impl Fleet {
    pub(crate) fn new(setup: &Setup, seed: u64, replication: u32) -> Self {
        let pool = |pool: &crate::setup::Pool| PoolState {
            installed: 0,
            up: 0,
            void_repairs: 0,
            version: 0,
            stream: Stream::new(seed, replication, pool.key),
            available: 0.0,
            used: 0.0,
            gangs: 0.0,
            reserve: [0.0; 4],
            reserve_most: 0.0,
            binding: false,
        };
        Self { pools: setup.pools.iter().map(pool).collect() }
    }
}

impl World<'_> {
    /// Schedules deliveries, late where a supply delay says so.
    pub(super) fn begin_fleet(&mut self) {
        let setup = self.setup;
        let mut delay_s = vec![0.0; setup.model.accelerators.len()];
        for (place, hazard) in setup.model.hazards.iter().enumerate() {
            if let HazardKind::SupplyDelay { accelerators, probability, delay } = &hazard.kind {
                let late_s = crate::hazard::supply::delay_s(self, &hazard.entity.name, *probability, delay);
                if late_s > 0.0 {
                    self.recorder.event(self.now, "supply-delay", "hazard", place, late_s / 86_400.0, "days", None);
                }
                for (at, sum) in delay_s.iter_mut().enumerate() {
                    if accelerators.is_empty() || accelerators.iter().any(|id| id.index() == at) {
                        *sum += late_s;
                    }
                }
            }
        }
        for (at, pool) in setup.pools.iter().enumerate() {
            for order in &pool.orders {
                let late = if order.on_order { delay_s[pool.accelerator] } else { 0.0 };
                let time = order.due + Duration::from_s(late);
                self.queue.schedule(time, CLASS_RETURN, Event::Energised { pool: at as u32, nodes: order.nodes });
            }
        }
    }

    pub(super) fn on_energised(&mut self, pool: usize, nodes: u32) {
        let site = self.setup.pools[pool].site;
        let count = f64::from(nodes) * self.setup.pools[pool].per_node;
        self.recorder.event(self.now, "energised", "fleet", site, count, "accelerators", None);
        let state = &mut self.fleet.pools[pool];
        state.installed += nodes;
        state.up += nodes;
        // Without memory, the process of the larger number may start afresh.
        state.version += 1;
        self.next_node_failure(pool);
        self.site_energised(site);
        self.set_ceiling(site);
        self.refresh_site(site, None, "");
        self.dirty.services = true;
        self.dirty.grid = true;
        self.copy_missing();
    }

    fn next_node_failure(&mut self, pool: usize) {
        let state = &mut self.fleet.pools[pool];
        let rate = self.setup.pools[pool].failure_rate * f64::from(state.installed);
        if rate > 0.0 {
            let time = self.now + Duration::from_s(state.stream.exponential(1.0 / rate));
            if time < self.setup.end {
                let version = state.version;
                self.queue.schedule(time, CLASS_FAILURE, Event::NodeFails { pool: pool as u32, version });
            }
        }
    }

    pub(super) fn on_node_fails(&mut self, pool: usize, version: u32) {
        let site = self.setup.pools[pool].site;
        let state = &mut self.fleet.pools[pool];
        if state.version != version {
            return;
        }
        let node = state.stream.uniform() * f64::from(state.installed);
        if node < f64::from(state.up) && self.sites[site].works {
            let repair_s = self.setup.pools[pool].repair.sample(&mut state.stream);
            state.up -= 1;
            let member = node * self.setup.pools[pool].per_node;
            self.queue.schedule(self.now + Duration::from_s(repair_s), CLASS_RETURN, Event::NodeRepaired { pool: pool as u32 });
            self.recorder.fine(self.now, "node-down", "fleet", site, repair_s / 3600.0, None);
            if member < self.fleet.pools[pool].gangs {
                self.gang_member_fails(pool, member, None, Fault::Crash { detection: Duration::ZERO });
            }
            self.nodes_changed(pool);
        }
        self.next_node_failure(pool);
    }

    pub(super) fn on_node_repaired(&mut self, pool: usize) {
        let state = &mut self.fleet.pools[pool];
        if state.void_repairs > 0 {
            state.void_repairs -= 1;
            return;
        }
        state.up += 1;
        let site = self.setup.pools[pool].site;
        self.recorder.fine(self.now, "node-up", "fleet", site, 0.0, None);
        self.nodes_changed(pool);
    }

    /// Takes over a new number of nodes up. Allocation stands exactly as it is if no service asked this pool for more than it had,
    /// and it still has what they use and what gangs reserve.
    fn nodes_changed(&mut self, pool: usize) {
        self.refresh_pool(pool);
        let state = &self.fleet.pools[pool];
        if state.binding || state.available < state.used + state.reserve_most {
            self.dirty.services = true;
        } else if !self.setup.pool_campaigns[pool].is_empty() {
            self.settle_gangs(pool, "accelerators");
        }
    }

    /// Accelerators of a pool that can work.
    pub(super) fn refresh_pool(&mut self, pool: usize) {
        let site = &self.sites[self.setup.pools[pool].site];
        let state = &mut self.fleet.pools[pool];
        let usable = if site.works { 1.0 - site.wiped } else { 0.0 };
        state.available = f64::from(state.up) * self.setup.pools[pool].per_node * usable;
    }

    /// Destroys a share of a site's nodes for good, those in repair in proportion.
    pub(crate) fn destroy_nodes(&mut self, site: usize, share: f64) {
        for pool in self.setup.site_pools[site].clone() {
            let state = &mut self.fleet.pools[pool];
            let gone = (f64::from(state.installed) * share).round().min(f64::from(state.installed)) as u32;
            let in_repair = state.installed - state.up;
            let of_repair = ((f64::from(in_repair) * share).round() as u32).clamp(gone.saturating_sub(state.up), gone.min(in_repair));
            state.installed -= gone;
            state.up -= gone - of_repair;
            state.void_repairs += of_repair;
            self.refresh_pool(pool);
        }
        self.dirty.services = true;
        self.dirty.grid = true;
    }

    /// IT power that a site's nodes draw \[MW\]: (now, if all were at work).
    pub(super) fn it_power(&self, site: usize) -> (f64, f64) {
        let (mut now, mut full) = (0.0, 0.0);
        for pool in self.setup.site_pools[site].clone() {
            let (fixed, state) = (&self.setup.pools[pool], &self.fleet.pools[pool]);
            let up = f64::from(state.up) * fixed.per_node;
            let busy = (state.used + state.gangs).min(up);
            now += (busy + (up - busy) * fixed.idle_share) * fixed.power_mw;
            full += f64::from(state.installed) * fixed.per_node * fixed.power_mw;
        }
        (now, full)
    }
}
