//! Nodes: delivery, what can work, destruction. What fails is in `failure`, what comes back in `repair`.
//!
//! Nodes of one type at one site are alike and are counted, never listed. Where a place among them matters, those that are up come first,
//! and the first of those are the members of the running gangs, gang after gang.

use bastide_model::model::HazardKind;
use bastide_units::{Duration, Time};

use super::failure::ProcessState;
use super::{CLASS_RETURN, Event, World};
use crate::setup::Setup;

/// Accelerators of one type at one site.
pub(crate) struct PoolState {
    /// Nodes that stand there, up or in repair.
    pub installed: u32,
    pub up: u32,
    /// Nodes delivered, by the moment at which they were energised.
    pub cohorts: Vec<(Time, u32)>,
    /// Nodes up with a fault that nobody has noticed.
    pub faulty: u32,
    /// Repairs under way or waiting of nodes that were destroyed since.
    pub void_repairs: u32,
    /// Faults to be noticed of nodes that were destroyed since.
    pub void_faults: u32,
    /// Out until then, by an exploit of their vendor, and the event that says so.
    pub out_until: Time,
    pub out_by: Option<u64>,
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
    /// Event for which a delivery comes late or not at all.
    pub late: Option<u64>,
    /// Event by which its licences lapsed.
    pub unlicensed: Option<u64>,
}

pub(crate) struct Fleet {
    pub pools: Vec<PoolState>,
    pub processes: Vec<ProcessState>,
}

impl Fleet {
    pub(crate) fn new(setup: &Setup, seed: u64, replication: u32) -> Self {
        let pool = |_: &crate::setup::Pool| PoolState {
            installed: 0,
            up: 0,
            cohorts: Vec::new(),
            faulty: 0,
            void_repairs: 0,
            void_faults: 0,
            out_until: Time::ZERO,
            out_by: None,
            available: 0.0,
            used: 0.0,
            gangs: 0.0,
            reserve: [0.0; 4],
            reserve_most: 0.0,
            binding: false,
            late: None,
            unlicensed: None,
        };
        Self {
            pools: setup.pools.iter().map(pool).collect(),
            processes: setup.processes.iter().map(|process| ProcessState::new(process, seed, replication)).collect(),
        }
    }
}

impl World<'_> {
    /// Schedules deliveries, late where a supply delay says so.
    pub(super) fn begin_fleet(&mut self) {
        let setup = self.setup;
        let mut delay_s = vec![0.0; setup.model.accelerators.len()];
        let mut late_by = vec![None; setup.model.accelerators.len()];
        for (place, hazard) in setup.model.hazards.iter().enumerate() {
            if let HazardKind::SupplyDelay { accelerators, probability, delay } = &hazard.kind {
                let late_s = crate::hazard::supply::delay_s(self, &hazard.entity.name, *probability, delay);
                let late = late_s > 0.0;
                let seq = late.then(|| self.recorder.event(self.now, "supply-delay", "hazard", place, late_s / 86_400.0, "days", None));
                for (at, sum) in delay_s.iter_mut().enumerate() {
                    if accelerators.is_empty() || accelerators.iter().any(|id| id.index() == at) {
                        *sum += late_s;
                        late_by[at] = seq.or(late_by[at]);
                    }
                }
            }
        }
        for (at, pool) in setup.pools.iter().enumerate() {
            for order in &pool.orders {
                if order.on_order {
                    self.fleet.pools[at].late = late_by[pool.accelerator];
                }
                let late = Duration::from_s(if order.on_order { delay_s[pool.accelerator] } else { 0.0 });
                let (pool, nodes) = (at as u32, order.nodes);
                if order.retired < setup.end {
                    self.queue.schedule(order.retired, CLASS_RETURN, Event::Retired { pool, nodes });
                }
                let event = match order.delivered {
                    None => Event::Energised { pool, nodes, bought: order.bought },
                    Some(_) => Event::Delivered { pool, nodes, energise: order.due },
                };
                let time = order.delivered.unwrap_or(order.due) + late;
                if time < setup.end || order.delivered.is_none() {
                    self.queue.schedule(time, CLASS_RETURN, event);
                }
            }
        }
    }

    pub(super) fn on_energised(&mut self, pool: usize, nodes: u32, bought: bool) {
        let nodes = self.admit(pool, nodes, bought, None);
        self.switch_on(pool, nodes);
    }

    /// What a roadmap ordered is there: it works from its date on, or at once if that has passed.
    pub(super) fn on_delivered(&mut self, pool: usize, nodes: u32, energise: Time) {
        let nodes = self.admit(pool, nodes, true, Some(energise));
        let time = energise.max(self.now);
        if nodes > 0 && time < self.setup.end {
            self.queue.schedule(time, CLASS_RETURN, Event::SwitchedOn { pool: pool as u32, nodes });
        }
    }

    /// Nodes leave at the end of their life: the oldest, those in repair in proportion.
    pub(super) fn on_retired(&mut self, pool: usize, nodes: u32) {
        let gone = nodes.min(self.fleet.pools[pool].installed);
        if gone == 0 {
            return;
        }
        let site = self.setup.pools[pool].site;
        let count = f64::from(gone) * self.setup.pools[pool].per_node;
        self.recorder.event(self.now, "retired", "fleet", site, count, "accelerators", None);
        let state = &mut self.fleet.pools[pool];
        let share = f64::from(gone) / f64::from(state.installed);
        let in_repair = state.installed - state.up;
        let of_repair = ((f64::from(in_repair) * share).round() as u32).clamp(gone.saturating_sub(state.up), gone.min(in_repair));
        state.installed -= gone;
        state.up -= gone - of_repair;
        state.void_repairs += of_repair;
        let of_faulty = ((f64::from(state.faulty) * share).round() as u32).min(state.faulty);
        state.faulty -= of_faulty;
        state.void_faults += of_faulty;
        let mut left = gone;
        for (_, nodes) in &mut state.cohorts {
            let out = left.min(*nodes);
            *nodes -= out;
            left -= out;
        }
        state.cohorts.retain(|(_, nodes)| *nodes > 0);
        self.restart_causes(pool);
        self.set_ceiling(site);
        self.nodes_changed(pool);
        self.dirty.services = true;
        self.dirty.grid = true;
    }

    pub(super) fn switch_on(&mut self, pool: usize, nodes: u32) {
        if nodes == 0 {
            return;
        }
        let site = self.setup.pools[pool].site;
        let count = f64::from(nodes) * self.setup.pools[pool].per_node;
        self.recorder.event(self.now, "energised", "fleet", site, count, "accelerators", None);
        let state = &mut self.fleet.pools[pool];
        state.installed += nodes;
        state.up += nodes;
        state.cohorts.push((self.now, nodes));
        self.restart_failures(pool);
        self.site_energised(site);
        self.set_ceiling(site);
        self.refresh_site(site, None, "");
        // A site that works already does not change with a further delivery.
        self.refresh_pool(pool);
        self.dirty.services = true;
        self.dirty.grid = true;
        self.copy_missing();
    }

    /// Takes over a new number of nodes up. Allocation stands exactly as it is if no service asked this pool for more than it had,
    /// and it still has what they use and what gangs reserve.
    pub(super) fn nodes_changed(&mut self, pool: usize) {
        self.refresh_pool(pool);
        let state = &self.fleet.pools[pool];
        if state.binding || state.available < state.used + state.reserve_most {
            self.dirty.services = true;
        } else if !self.pool_gangs[pool].is_empty() {
            self.settle_gangs(pool, "accelerators");
        }
        self.pool_changed(pool);
    }

    /// Accelerators of a pool that can work.
    pub(super) fn refresh_pool(&mut self, pool: usize) {
        let site = &self.sites[self.setup.pools[pool].site];
        let state = &mut self.fleet.pools[pool];
        let usable = if site.works && self.now >= state.out_until && state.unlicensed.is_none() {
            (1.0 - site.wiped) * (1.0 - site.in_maintenance)
        } else {
            0.0
        };
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
            let of_faulty = ((f64::from(state.faulty) * share).round() as u32).min(state.faulty);
            state.faulty -= of_faulty;
            state.void_faults += of_faulty;
            self.refresh_pool(pool);
            self.restart_causes(pool);
        }
        self.sites[site].why.destroyed = self.recorder.hazard_at(self.now).or(self.sites[site].down_seq);
        self.dirty.services = true;
        self.dirty.grid = true;
    }

    /// IT power that a site's nodes draw \[MW\]: (now, if all were at work).
    pub(super) fn it_power(&self, site: usize) -> (f64, f64) {
        let (mut now, mut full) = (0.0, 0.0);
        for pool in self.setup.site_pools[site].clone() {
            let (fixed, state) = (&self.setup.pools[pool], &self.fleet.pools[pool]);
            let up = f64::from(state.up) * (1.0 - self.sites[site].in_maintenance) * fixed.per_node;
            let busy = (state.used + state.gangs + self.services.batch.used[pool] - self.services.replicas.idle_in[pool]).min(up);
            let cap = self.sites[site].cap;
            now += (busy * cap + (up - busy) * fixed.idle_share.min(cap)) * fixed.power_mw;
            full += f64::from(state.installed) * fixed.per_node * fixed.power_mw;
        }
        (now, full)
    }
}
