//! Where service falls short: for each tier that is looked at, the tokens that it loses in each state of its sites, with the events
//! behind them. What the plan leaves unserved by choice, what waits for a failover and what comes before the plan's accelerators are due
//! is no matter of the state and is summed apart.

use std::collections::BTreeSet;

use bastide_model::model::{ServiceId, SiteId};
use bastide_model::shortfall::{BIN, LAST_BIN, LOST_SITE, Shortfalls, State};
use bastide_units::Duration;

use super::super::World;
use crate::record::entity_name;
use crate::setup::Setup;

/// Shares of a tier's demand below this are rounding.
const ROUNDING: f64 = 1e-6;
/// Share of its users that a service must reach from a site to count as reaching it.
const REACH: f64 = 0.5;
/// Share of the ordered accelerators that must be due for a state to be the plan's.
const DUE: f64 = 0.5;

/// Collects what tiers lose.
pub(crate) struct Observer {
    /// Tiers that are looked at.
    tiers: [bool; 4],
    /// `latencies[nation][site]` when all links are up.
    latencies: Vec<Vec<Option<Duration>>>,
    pub found: Shortfalls,
}

impl Observer {
    pub(crate) fn new(setup: &Setup, tiers: [bool; 4]) -> Self {
        Self { tiers, latencies: bastide_model::latencies(setup.model), found: Shortfalls::default() }
    }
}

impl World<'_> {
    /// What is lost in the time since the last allocation.
    pub(super) fn observe(&mut self, seconds: f64) {
        let Some(mut observer) = self.observer.take() else { return };
        for tier in bastide_model::model::Tier::ALL {
            let model = self.setup.model;
            let sums = &mut observer.found.tiers[tier as usize];
            let (mut asked, mut served, mut short) = (0.0, 0.0, 0.0);
            let mut services = Vec::new();
            for (at, service) in model.services.iter().enumerate().filter(|(_, service)| service.tier == tier) {
                let (demand, lost) = (self.services.demand.total[at], self.services.lost[at]);
                sums.demanded += demand * seconds;
                sums.lost += lost * seconds;
                if service.operation.defer.is_some() {
                    sums.batch += lost * seconds;
                    continue;
                }
                let by_choice = (demand * (1.0 - self.setup.placed[at])).clamp(0.0, lost);
                let failing_over = self.services.failing_over[at].clamp(0.0, lost - by_choice);
                let rest = lost - by_choice - failing_over;
                sums.by_choice += by_choice * seconds;
                sums.failing_over += failing_over * seconds;
                asked += demand - by_choice - failing_over;
                served += demand - lost;
                if rest > ROUNDING * demand {
                    services.push((at, rest));
                    short += rest;
                }
            }
            if short <= ROUNDING * asked || !observer.tiers[tier as usize] {
                continue;
            }
            if !self.mostly_due() {
                sums.not_due += short * seconds;
                continue;
            }
            let state = self.state(&services, &observer.latencies);
            let found = observer.found.states.entry((tier, state)).or_default();
            found.seconds += seconds;
            found.asked += asked * seconds;
            found.lost += short * seconds;
            if served > ROUNDING * asked {
                let bin = (asked / served / BIN).floor().clamp(0.0, f64::from(LAST_BIN)) as u32;
                *found.by_ratio.entry(bin).or_default() += served * seconds;
            }
            for (service, rest) in services {
                for name in self.reasons(service) {
                    *found.because.entry(name).or_default() += rest * seconds;
                }
            }
        }
        self.observer = Some(observer);
    }

    /// Whether most of what is ordered should be there by now.
    fn mostly_due(&self) -> bool {
        let (mut due, mut all) = (0.0, 0.0);
        for pool in &self.setup.pools {
            for order in &pool.orders {
                let count = f64::from(order.nodes) * pool.per_node;
                all += count;
                due += if order.due <= self.now { count } else { 0.0 };
            }
        }
        due >= DUE * all
    }

    /// What is missing for services that fall short.
    fn state(&self, services: &[(usize, f64)], latencies: &[Vec<Option<Duration>>]) -> State {
        let (setup, model) = (self.setup, self.setup.model);
        let mut state = State::default();
        for site in 0..self.sites.len() {
            let (mut concerned, mut reached) = (false, false);
            let mut cut_off = Vec::new();
            for &(service, _) in services {
                let able = if setup.built[site] {
                    !setup.choice_at[service * self.sites.len() + site].is_empty()
                } else {
                    model.legal_service[service][site].at(self.now)
                };
                if !able {
                    continue;
                }
                let it = &model.services[service];
                let (mut near, mut now) = (0.0, 0.0);
                for (origin, share) in &it.origins {
                    if latencies[origin.index()][site].is_some_and(|latency| latency <= it.max_latency) {
                        near += share;
                        now += if self.reaches(service, origin.index(), site) { *share } else { 0.0 };
                    }
                }
                if near > 0.0 {
                    concerned = true;
                    reached |= now > 0.0;
                    if now <= REACH * near {
                        cut_off.push((ServiceId::from_index(service), SiteId::from_index(site)));
                    }
                }
            }
            let id = SiteId::from_index(site);
            let left = self.capacity_left(site);
            if concerned && (!reached || left < LOST_SITE) {
                state.down.push(id);
            } else if concerned {
                state.cut_off.extend(cut_off);
                let quarters = (4.0 * left + 1e-9).floor() as u8;
                if quarters < 3 {
                    state.weak.push((id, quarters));
                }
            }
        }
        state
    }

    /// Whether a service could be served at a site now; of a site that is not built, whether its users would reach it.
    fn reaches(&self, service: usize, origin: usize, site: usize) -> bool {
        if self.setup.built[site] {
            return self.can_serve(service, origin, site);
        }
        self.net.paths.latency_s(origin, site) <= self.setup.model.services[service].max_latency.as_s()
    }

    /// Share of its accelerators that a site can use, at its speed; one where it has none.
    fn capacity_left(&self, site: usize) -> f64 {
        let (mut there, mut ordered) = (0.0, 0.0);
        for pool in self.setup.site_pools[site].clone() {
            let due: u32 = self.setup.pools[pool].orders.iter().filter(|order| order.due <= self.now).map(|order| order.nodes).sum();
            ordered += f64::from(due) * self.setup.pools[pool].per_node;
            there += self.fleet.pools[pool].available;
        }
        if ordered > 0.0 { there * self.sites[site].speed / ordered } else { 1.0 }
    }

    /// What stands in the chain of events behind a service's loss: `hazard.x`, `site.y`, `line.z`.
    fn reasons(&self, service: usize) -> BTreeSet<String> {
        let events = &self.recorder.events;
        let mut next = self.services.disturbed[service];
        let mut names = BTreeSet::new();
        while let Some(seq) = next {
            let Some(event) = events.get(events.partition_point(|event| event.seq < seq)).filter(|event| event.seq == seq) else { break };
            if event.entity_kind != "service" {
                names.insert(format!("{}.{}", event.entity_kind, entity_name(self.setup.model, event.entity_kind, event.entity)));
            }
            // A cause is always an earlier event, so this ends.
            next = event.cause_seq.filter(|cause| *cause < seq);
        }
        names
    }
}
