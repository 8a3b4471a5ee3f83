//! Where service falls short: for each tier that is looked at, the tokens that it loses in each state of its sites, with the events
//! behind them. What the plan leaves unserved by choice, what waits for a failover and what comes before the plan's accelerators are due
//! is no matter of the state and is summed apart.

use std::collections::{BTreeMap, BTreeSet};

use bastide_model::model::{Service, ServiceId, SiteId};
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

/// What a tier loses by an allocation, until the next one.
struct Moment {
    /// Tokens per second asked for, less what is left unserved by choice and what waits for a failover.
    asked: f64,
    served: f64,
    lost: f64,
    /// `None` before most of the plan's accelerators are due.
    state: Option<State>,
    /// Tokens per second lost, by what stands behind it.
    because: BTreeMap<String, f64>,
}

/// Collects what tiers lose.
pub(crate) struct Observer {
    /// Tiers that are looked at.
    tiers: [bool; 4],
    /// `latencies[nation][site]` when all links are up.
    latencies: Vec<Vec<Option<Duration>>>,
    /// What the last allocation leaves lost; `None` where nothing is.
    moments: [Option<Moment>; 4],
    pub found: Shortfalls,
}

impl Observer {
    pub(crate) fn new(setup: &Setup, tiers: [bool; 4]) -> Self {
        let latencies = bastide_model::latencies(setup.model);
        Self { tiers, latencies, moments: [const { None }; 4], found: Shortfalls::default() }
    }
}

/// A tier's tokens per second of one service, split: (by choice, failing over, the rest that is lost).
fn split(world: &World, service: usize) -> (f64, f64, f64) {
    let (demand, lost) = (world.services.demand.total[service], world.services.lost[service]);
    let by_choice = (demand * (1.0 - world.setup.placed[service])).clamp(0.0, lost);
    let failing_over = world.services.failing_over[service].clamp(0.0, lost - by_choice);
    (by_choice, failing_over, lost - by_choice - failing_over)
}

impl World<'_> {
    /// Looks at an allocation: the state that it was made in holds until the next one.
    pub(super) fn look(&mut self) {
        let Some(mut observer) = self.observer.take() else { return };
        for tier in bastide_model::model::Tier::ALL.into_iter().filter(|tier| observer.tiers[*tier as usize]) {
            let model = self.setup.model;
            let (mut asked, mut served, mut lost) = (0.0, 0.0, 0.0);
            let mut short = Vec::new();
            let of_tier = |(_, service): &(usize, &Service)| service.tier == tier && service.operation.defer.is_none();
            for (at, _) in model.services.iter().enumerate().filter(of_tier) {
                let demand = self.services.demand.total[at];
                let (by_choice, failing_over, rest) = split(self, at);
                asked += demand - by_choice - failing_over;
                served += demand - self.services.lost[at];
                if rest > ROUNDING * demand {
                    short.push((at, rest));
                    lost += rest;
                }
            }
            observer.moments[tier as usize] = (lost > ROUNDING * asked).then(|| {
                let mut because = BTreeMap::new();
                for (service, rest) in &short {
                    for name in self.reasons(*service) {
                        *because.entry(name).or_default() += rest;
                    }
                }
                let state = self.mostly_due().then(|| self.state(&short, &observer.latencies));
                Moment { asked, served, lost, state, because }
            });
        }
        self.observer = Some(observer);
    }

    /// Sums up what is lost since the last allocation.
    pub(super) fn observe(&mut self, seconds: f64) {
        let Some(mut observer) = self.observer.take() else { return };
        for (at, service) in self.setup.model.services.iter().enumerate() {
            let sums = &mut observer.found.tiers[service.tier as usize];
            let lost = self.services.lost[at];
            sums.demanded += self.services.demand.total[at] * seconds;
            sums.lost += lost * seconds;
            if service.operation.defer.is_some() {
                sums.batch += lost * seconds;
                continue;
            }
            let (by_choice, failing_over, _) = split(self, at);
            sums.by_choice += by_choice * seconds;
            sums.failing_over += failing_over * seconds;
        }
        for tier in bastide_model::model::Tier::ALL {
            let Some(moment) = &observer.moments[tier as usize] else { continue };
            let Some(state) = &moment.state else {
                observer.found.tiers[tier as usize].not_due += moment.lost * seconds;
                continue;
            };
            let found = observer.found.states.entry((tier, state.clone())).or_default();
            found.seconds += seconds;
            found.asked += moment.asked * seconds;
            found.lost += moment.lost * seconds;
            if moment.served > ROUNDING * moment.asked {
                let bin = (moment.asked / moment.served / BIN).floor().clamp(0.0, f64::from(LAST_BIN)) as u32;
                *found.by_ratio.entry(bin).or_default() += moment.served * seconds;
            }
            for (name, rate) in &moment.because {
                *found.because.entry(name.clone()).or_default() += rate * seconds;
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
    #[expect(clippy::needless_range_loop, reason = "a site is a position in several lists")]
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
