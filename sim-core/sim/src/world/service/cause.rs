//! Why a service is lost: the newest event that keeps a site from serving what it is asked for.
//!
//! What happened at the same moment need not be the reason, and the reason may be long past: a copy that burnt in spring is missed when
//! the other site fails in autumn. So the reason is looked for in the state, at the sites that the plan names for what is unserved
//! and at those that could stand in for them, in the order of what a site needs: to stand and work, the law, a path, the data,
//! accelerators. Of several the newest counts: without it, the service went on.
//!
//! What has lasted for long, or built up bit by bit, has no event of its own; it gets one when it is found to be the reason:
//! `delivery-awaited`, `nodes-in-repair`, `cooling-limit`, `accelerators-reserved` (and `power-short`, see `site`). A loss without a cause is demand above what all sites can
//! serve.

use bastide_model::model::Failover;
use bastide_units::Time;

use super::super::World;
use super::Lack;

/// Events behind the present state of a site; `None` while all is well.
#[derive(Clone, Copy, Default)]
pub(crate) struct SiteCauses {
    /// The grid gives less than it asks for.
    pub power: Option<u64>,
    pub wiped: Option<u64>,
    pub maintenance: Option<u64>,
    pub cap: Option<u64>,
    /// Nodes were destroyed for good.
    pub destroyed: Option<u64>,
    /// What was found out last, and when: several services may be lost for it.
    found: Option<(Time, u64)>,
}

impl World<'_> {
    /// The event that a service is lost for.
    pub(super) fn loss_cause(&mut self, service: usize) -> Option<u64> {
        let setup = self.setup;
        let sites = setup.model.sites.len();
        let mut newest = None;
        let mut slow: Option<usize> = None;
        for at in setup.service_flows[service].clone() {
            let flow = setup.flows[at];
            let lack = self.services.lacks[flow.pair];
            if lack == Lack::Nothing {
                continue;
            }
            let pair = &setup.pairs[flow.pair];
            let mut places: Vec<usize> = vec![pair.site];
            if setup.model.policy.failover != Failover::None {
                places.extend(pair.standbys.iter().map(|(site, _)| *site));
            }
            if setup.model.policy.failover == Failover::AnyLegal {
                let able = |site: &usize| setup.built[*site] && !setup.choice_at[service * sites + *site].is_empty();
                places.extend((0..sites).filter(able));
            }
            for site in places {
                newest = newest.max(self.obstacle(service, flow.origin, site));
                slow = slow.or(Some(site).filter(|_| lack == Lack::Capacity));
            }
        }
        newest.or_else(|| slow.and_then(|site| self.found_out(service, site)))
    }

    /// The newest event that keeps a site from serving all that it was planned to serve, or from serving at all.
    fn obstacle(&mut self, service: usize, origin: usize, site: usize) -> Option<u64> {
        let state = &self.sites[site];
        if !state.energised {
            return Some(self.awaited(site));
        }
        if !state.works {
            return state.down_seq;
        }
        if !self.may_serve(service, site) {
            return self.law_cause(service, site);
        }
        let demand = &self.setup.model.services[service];
        if self.facilities.blocks(service * self.sites.len() + site) {
            return self.facilities.blocked_seq[service];
        }
        if self.net.paths.latency_s(origin, site) > demand.max_latency.as_s() {
            return self.path_cause(origin, site);
        }
        if let Some(dataset) = demand.dataset
            && !self.data.readable(dataset.index(), site)
        {
            return self.data_cause(dataset.index(), site);
        }
        let why = &state.why;
        let state_of_site = [why.power, why.wiped, why.maintenance, why.cap, why.destroyed].into_iter().max().flatten();
        state_of_site
            .max(self.still_cause(site))
            .max(self.short_link(service, origin, site))
            .max(self.services.demand.crowd_seq(self.setup.model, service))
            .max(self.displaced(service, site))
    }

    /// The newest event for which a pool of a site stands still: its licences lapsed, or something that it shares with others failed.
    fn still_cause(&self, site: usize) -> Option<u64> {
        let pools = self.setup.site_pools[site].clone().map(|pool| &self.fleet.pools[pool]);
        pools.filter_map(|pool| pool.unlicensed.max(pool.out_by.filter(|_| self.now < pool.out_until))).max()
    }

    /// Why others use the site more than planned: the newest stop of a site that its guests are planned at.
    fn displaced(&self, service: usize, site: usize) -> Option<u64> {
        let setup = self.setup;
        let guests = self.services.streams.iter().filter(|s| s.site as usize == site && s.service as usize != service);
        let away = |guest: usize| {
            let pairs = setup.service_pairs[guest].clone().map(|pair| setup.pairs[pair].site);
            pairs.filter(|home| *home != site && !self.sites[*home].works).filter_map(|home| self.sites[home].down_seq).max()
        };
        guests.filter_map(|guest| away(guest.service as usize)).max()
    }

    /// The newest outage or state of a link on the way that requests took when all links were up; of any link where that way is whole.
    fn path_cause(&self, origin: usize, site: usize) -> Option<u64> {
        let out = |link: usize| self.net.links.get(link).filter(|link| link.out).and_then(|link| link.seq);
        let seq = |link: &usize| out(*link).max(self.net.state_seq.get(*link).copied().flatten());
        let way = self.setup.graph.way(origin, site);
        let cut_off = self.partitions.cut_off_by(origin).max(self.partitions.cut_off_by(self.setup.graph.node_of_site(site)));
        let link = || way.iter().filter_map(seq).max().max(self.net.access_seq[site]).or_else(|| self.link_cause());
        if self.net.paths.latency_s(origin, site).is_finite() { link() } else { cut_off.or_else(link) }
    }

    /// The newest outage of a link.
    pub(in crate::world) fn link_cause(&self) -> Option<u64> {
        self.net.links.iter().filter(|link| link.out).filter_map(|link| link.seq).max()
    }

    /// What the state alone shows, as an event of its own.
    fn found_out(&mut self, service: usize, site: usize) -> Option<u64> {
        if let Some((at, seq)) = self.sites[site].why.found
            && at == self.now
        {
            return Some(seq);
        }
        let pools = self.setup.site_pools[site].clone();
        let ordered = |pool: usize| self.setup.pools[pool].expected(self.now);
        let nodes = |count: &dyn Fn(usize) -> u32| pools.clone().map(count).sum::<u32>();
        let (ordered, installed) = (nodes(&ordered), nodes(&|pool| self.fleet.pools[pool].installed));
        let out = nodes(&|pool| self.fleet.pools[pool].installed - self.fleet.pools[pool].up);
        let tier = self.setup.model.services[service].tier as usize;
        let reserved: f64 = pools.clone().map(|pool| self.fleet.pools[pool].reserve[tier]).sum();
        let speed = self.sites[site].speed;
        let parts = if out > 0 { self.parts_cause(site) } else { None };
        let (kind, value, note) = if installed < ordered && self.sites[site].why.destroyed.is_none() {
            return Some(self.awaited(site));
        } else if out > 0 {
            ("nodes-in-repair", f64::from(out), "nodes")
        } else if speed < 1.0 {
            ("cooling-limit", speed, "share of speed")
        } else if reserved > 0.0 {
            ("accelerators-reserved", reserved, "accelerators for training")
        } else {
            return None;
        };
        let seq = self.recorder.event(self.now, kind, "fleet", site, value, note, parts);
        self.sites[site].why.found = Some((self.now, seq));
        Some(seq)
    }

    /// Accelerators that a site still waits for: because a delivery is late, or because none is due yet.
    fn awaited(&mut self, site: usize) -> u64 {
        if let Some((at, seq)) = self.sites[site].why.found
            && at == self.now
        {
            return seq;
        }
        let setup = self.setup;
        let mut missing = 0.0;
        for pool in setup.site_pools[site].clone() {
            let ordered = setup.pools[pool].expected(self.now);
            missing += f64::from(ordered.saturating_sub(self.fleet.pools[pool].installed)) * setup.pools[pool].per_node;
        }
        let cause = setup.site_pools[site].clone().filter_map(|pool| self.fleet.pools[pool].late).max();
        let seq = self.recorder.event(self.now, "delivery-awaited", "fleet", site, missing, "accelerators", cause);
        self.sites[site].why.found = Some((self.now, seq));
        seq
    }
}
