//! Services: a fluid of tokens per second from origins to accelerators.
//!
//! At each allocation services come in the order of the model (tier, then as written), so that the lowest tier is shed first. For each
//! service first every origin asks the sites that the plan names, in proportion to its shares; then what a site cannot serve goes
//! elsewhere by policy: to the plan's stand-bys in proportion, the rest to whichever stand-by has room; under `any-legal` then to
//! the other sites, nearest to the origin first. A site serves a service where it works, the rules allow it now, the origin reaches it
//! within `max_latency`, and the service's data is readable there.
//!
//! Failover takes time: from the moment at which a site begins to leave requests of a service unserved, for `failover_time` they are lost.
//! When a site that was only short of accelerators stops altogether, the time starts again.
//!
//! What is exact without solving again: if no request ever met the limit of a pool, the allocation is the same for every larger
//! capacity, and for every smaller one that still covers what is used and reserved. So most node failures cost nothing here.

use bastide_model::model::{Failover, Profile};
use bastide_units::Time;

use super::{CLASS_DECISION, Event, World};
use crate::setup::Setup;

/// Width of a latency bin \[ms\].
const BIN_MS: f64 = 0.1;
/// Number of latency bins; the last holds all that is slower.
const BINS: usize = 10_000;
/// Parts of a request flow below this are rounding.
const TINY: f64 = 1e-9;
/// A service counts as disturbed below this share of what the plan places.
const DISTURBED: f64 = 0.999;

/// Whether a pair of service and site serves all that is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lack {
    Nothing,
    /// The site works, but has too few accelerators.
    Capacity,
    /// It cannot serve the service at all.
    Outage,
}

/// A stream of tokens being served.
#[derive(Clone, Copy)]
struct Served {
    service: u32,
    site: u32,
    bin: u32,
    rate: f64,
}

/// What was left unserved by a flow's planned site.
struct Spill {
    flow: usize,
    rate: f64,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct ServiceSums {
    pub demanded: f64,
    pub served: f64,
    pub lost: f64,
    pub failed_over: f64,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct TierSums {
    pub below_90_s: f64,
    pub below_50_s: f64,
    stretch_s: f64,
    pub longest_s: f64,
}

pub(crate) struct Services {
    /// Demand of each service in this hour [tokens/s].
    demand: Vec<f64>,
    served: Vec<f64>,
    lost: Vec<f64>,
    failed_over: Vec<f64>,
    /// State of each pair, and when failover is ready.
    lack: Vec<(Lack, Time)>,
    /// State of each pair in the allocation under way.
    lacks: Vec<Lack>,
    streams: Vec<Served>,
    spills: Vec<Spill>,
    since: Time,
    /// Number of the event that disturbed a service.
    disturbed: Vec<Option<u64>>,
    varying: bool,
    pub sums: Vec<ServiceSums>,
    pub tiers: [TierSums; 4],
    latency: Vec<Vec<f64>>,
    pub site_tokens: Vec<f64>,
    pub sovereign: f64,
    /// Mean share of sites that work.
    up_share: f64,
    up_since: Time,
    pub up_integral_s: f64,
}

impl Services {
    pub(crate) fn new(setup: &Setup) -> Self {
        let model = setup.model;
        let count = model.services.len();
        Self {
            demand: vec![0.0; count],
            served: vec![0.0; count],
            lost: vec![0.0; count],
            failed_over: vec![0.0; count],
            lack: vec![(Lack::Nothing, Time::ZERO); setup.pairs.len()],
            lacks: vec![Lack::Nothing; setup.pairs.len()],
            streams: Vec::with_capacity(4 * setup.flows.len()),
            spills: Vec::with_capacity(setup.flows.len()),
            since: Time::ZERO,
            disturbed: vec![None; count],
            varying: model.services.iter().any(|service| !matches!(service.profile, Profile::Constant(_))),
            sums: vec![ServiceSums::default(); count],
            tiers: [TierSums::default(); 4],
            latency: setup.tier_place.iter().map(|place| vec![0.0; if place.is_some() { BINS } else { 0 }]).collect(),
            site_tokens: vec![0.0; model.sites.len()],
            sovereign: 0.0,
            up_share: 1.0,
            up_since: Time::ZERO,
            up_integral_s: 0.0,
        }
    }

    /// Latency below which a share of a tier's tokens is served \[ms\]; zero when none is.
    pub(super) fn latency_quantile_ms(&self, tier: usize, share: f64) -> f64 {
        let total: f64 = self.latency[tier].iter().sum();
        let mut left = share * total;
        for (bin, tokens) in self.latency[tier].iter().enumerate() {
            left -= tokens;
            if left <= 0.0 && *tokens > 0.0 {
                return bin as f64 * BIN_MS;
            }
        }
        0.0
    }
}

impl World<'_> {
    /// Demand of the hour.
    pub(super) fn services_hour(&mut self) {
        let model = self.setup.model;
        if self.hour == 0 || self.services.varying {
            self.integrate_services();
            for (demand, service) in self.services.demand.iter_mut().zip(&model.services) {
                *demand = service.demand.as_tokens_per_s() * model.at(service.profile, self.hour).max(0.0);
            }
            self.dirty.services = true;
        }
    }

    /// Solves the allocation again, then the campaigns.
    pub(super) fn allocate(&mut self) {
        self.integrate_services();
        self.reserve();
        for pool in &mut self.fleet.pools {
            pool.used = 0.0;
            pool.binding = false;
        }
        self.services.streams.clear();
        for service in 0..self.setup.model.services.len() {
            self.allocate_service(service);
        }
        for pool in 0..self.fleet.pools.len() {
            if !self.setup.pool_campaigns[pool].is_empty() {
                self.settle_gangs(pool, "pre-empted");
            }
        }
        if self.setup.restricted {
            self.audit();
        }
    }

    fn allocate_service(&mut self, service: usize) {
        let setup = self.setup;
        let flows = setup.service_flows[service].clone();
        let demand = self.services.demand[service];
        let mut spills = std::mem::take(&mut self.services.spills);
        spills.clear();
        let (mut served, mut missing) = (0.0, 0.0);
        self.services.lacks[setup.service_pairs[service].clone()].fill(Lack::Nothing);
        for at in flows {
            let flow = setup.flows[at];
            let site = setup.pairs[flow.pair].site;
            let want = demand * flow.weight;
            let can = self.can_serve(service, flow.origin, site);
            let got = if can { self.take(service, flow.origin, site, want, true) } else { 0.0 };
            served += got;
            missing += want - got;
            if want - got > TINY * demand {
                spills.push(Spill { flow: at, rate: want - got });
                let lack = if can { Lack::Capacity } else { Lack::Outage };
                let worst = &mut self.services.lacks[flow.pair];
                *worst = lack.max(*worst);
            }
        }
        for pair in setup.service_pairs[service].clone() {
            self.begin_failover(pair);
        }
        let mut elsewhere = 0.0;
        for spill in &spills {
            let flow = setup.flows[spill.flow];
            if self.services.lack[flow.pair].1 <= self.now {
                elsewhere += self.fail_over(service, flow.pair, flow.origin, spill.rate);
            }
        }
        self.services.spills = spills;
        served += elsewhere;
        self.services.failed_over[service] = elsewhere;
        self.services.served[service] = served;
        // What was asked of sites in vain, and what the plan leaves unserved by choice.
        self.services.lost[service] = (missing - elsewhere + demand * (1.0 - setup.placed[service])).max(0.0);
        self.note_disturbance(service, served, demand * setup.placed[service]);
    }

    /// Sends tokens elsewhere; returns how many found room.
    fn fail_over(&mut self, service: usize, pair: usize, origin: usize, rate: f64) -> f64 {
        let setup = self.setup;
        let policy = setup.model.policy.failover;
        if policy == Failover::None {
            return 0.0;
        }
        let home = setup.pairs[pair].site;
        let mut left = rate;
        for pass in 0..2 {
            for &(site, share) in &setup.pairs[pair].standbys {
                let want = if pass == 0 { (rate * share).min(left) } else { left };
                if want > 0.0 && self.can_serve(service, origin, site) {
                    left -= self.take(service, origin, site, want, false);
                }
            }
        }
        if policy == Failover::AnyLegal && left > TINY * rate {
            let order = setup.others[service].iter().find(|(nation, _)| *nation == origin).map(|(_, order)| order);
            for &site in order.into_iter().flatten() {
                if left <= TINY * rate {
                    break;
                }
                if site != home && self.can_serve(service, origin, site) {
                    left -= self.take(service, origin, site, left, false);
                }
            }
        }
        rate - left
    }

    /// Whether a site can serve a service to an origin now, accelerators apart.
    fn can_serve(&self, service: usize, origin: usize, site: usize) -> bool {
        let demand = &self.setup.model.services[service];
        self.sites[site].speed > 0.0
            && self.setup.model.legal_service[service][site].at(self.now)
            && self.net.paths.latency_s(origin, site) <= demand.max_latency.as_s()
            && demand.dataset.is_none_or(|dataset| self.data.readable(dataset.index(), site))
    }

    /// Takes accelerators for tokens; returns how many tokens per second they serve.
    fn take(&mut self, service: usize, origin: usize, site: usize, want: f64, planned: bool) -> f64 {
        let setup = self.setup;
        let tier = setup.model.services[service].tier as usize;
        let speed = self.sites[site].speed;
        let choices = &setup.choices[setup.choice_at[service * setup.model.sites.len() + site].clone()];
        let mut left = want;
        // First as the plan splits the work between types, then whatever has room, best type first.
        for pass in u8::from(!planned || choices.len() < 2)..2 {
            for choice in choices {
                let ask = if pass == 0 { (want * choice.planned).min(left) } else { left };
                if ask <= 0.0 {
                    continue;
                }
                let pool = &mut self.fleet.pools[choice.pool];
                let rate = choice.rate * speed;
                let free = (pool.available - pool.used - pool.reserve[tier]).max(0.0) * rate;
                if ask > free {
                    pool.binding = true;
                }
                let got = ask.min(free);
                pool.used += got / rate;
                left -= got;
            }
        }
        let got = want - left.max(0.0);
        if got > 0.0 {
            let bin = (self.net.paths.latency_s(origin, site) * (1e3 / BIN_MS)).round().min((BINS - 1) as f64) as u32;
            self.services.streams.push(Served { service: service as u32, site: site as u32, bin, rate: got });
        }
        got
    }

    /// Starts or ends the wait of a pair for its failover.
    fn begin_failover(&mut self, pair: usize) {
        let policy = &self.setup.model.policy;
        let (before, ready) = self.services.lack[pair];
        let now_lacks = self.services.lacks[pair];
        if now_lacks == before {
            return;
        }
        let ready = match now_lacks {
            Lack::Nothing => Time::ZERO,
            // An outage that becomes a mere shortage keeps the routes that it has.
            _ if now_lacks < before => ready,
            _ => self.now + policy.failover_time,
        };
        self.services.lack[pair] = (now_lacks, ready);
        if ready > self.now && policy.failover != Failover::None {
            self.queue.schedule(ready, CLASS_DECISION, Event::Failover);
        }
    }

    /// Records that a service is disturbed, or no longer.
    fn note_disturbance(&mut self, service: usize, served: f64, placed: f64) {
        let share = if placed > 0.0 { served / placed } else { 1.0 };
        let disturbed = share < DISTURBED;
        match (disturbed, self.services.disturbed[service]) {
            (true, None) => {
                let down = self.setup.service_flows[service].clone().find_map(|flow| {
                    let site = self.setup.pairs[self.setup.flows[flow].pair].site;
                    if self.sites[site].is_in_service() { None } else { self.sites[site].down_seq }
                });
                let cause = self.recorder.at(self.now).or(down);
                let seq = self.recorder.event(self.now, "service-lost", "service", service, share, "share served", cause);
                self.services.disturbed[service] = Some(seq);
            }
            (false, Some(lost)) => {
                let cause = self.recorder.at(self.now).unwrap_or(lost);
                self.recorder.event(self.now, "service-restored", "service", service, share, "share served", Some(cause));
                self.services.disturbed[service] = None;
            }
            _ => {}
        }
    }

    /// Looks at what is served, and counts what the rules forbid.
    fn audit(&mut self) {
        let legal = &self.setup.model.legal_service;
        let forbidden = self.services.streams.iter().filter(|s| !legal[s.service as usize][s.site as usize].at(self.now));
        self.violations += forbidden.count() as u64;
    }

    /// Tokens, shares and latencies since the last time.
    pub(super) fn integrate_services(&mut self) {
        let (from, now) = (self.services.since, self.now);
        self.services.since = now;
        if now <= from {
            return;
        }
        let seconds = now.since(from).as_s();
        let setup = self.setup;
        let services = &mut self.services;
        let mut demanded = [0.0; 4];
        let mut served = [0.0; 4];
        for (at, service) in setup.model.services.iter().enumerate() {
            let sums = &mut services.sums[at];
            sums.demanded += services.demand[at] * seconds;
            sums.served += services.served[at] * seconds;
            sums.lost += services.lost[at] * seconds;
            sums.failed_over += services.failed_over[at] * seconds;
            demanded[service.tier as usize] += services.demand[at];
            served[service.tier as usize] += services.served[at];
        }
        let sites = setup.model.sites.len();
        for stream in &services.streams {
            let (service, site) = (stream.service as usize, stream.site as usize);
            let tokens = stream.rate * seconds;
            services.latency[setup.model.services[service].tier as usize][stream.bin as usize] += tokens;
            services.site_tokens[site] += tokens;
            if setup.sovereign[service * sites + site] {
                services.sovereign += tokens;
            }
        }
        for tier in 0..4 {
            let Some(channel) = setup.tier_place[tier] else { continue };
            let share = if demanded[tier] > 0.0 { served[tier] / demanded[tier] } else { 1.0 };
            let sums = &mut services.tiers[tier];
            if share < 0.9 {
                sums.below_90_s += seconds;
                sums.stretch_s += seconds;
                sums.longest_s = sums.longest_s.max(sums.stretch_s);
            } else {
                sums.stretch_s = 0.0;
            }
            if share < 0.5 {
                sums.below_50_s += seconds;
            }
            self.timeline.add(channel, from, now, share);
        }
    }

    /// A site began or ceased to work.
    pub(super) fn sites_up_changed(&mut self) {
        let services = &mut self.services;
        let seconds = self.now.since(services.up_since).as_s();
        services.up_integral_s += services.up_share * seconds;
        self.timeline.add(self.setup.layout.channels.len() - 1, services.up_since, self.now, services.up_share);
        services.up_since = self.now;
        let energised = self.sites.iter().filter(|site| site.energised).count();
        let works = self.sites.iter().filter(|site| site.works).count();
        services.up_share = if energised > 0 { works as f64 / energised as f64 } else { 1.0 };
    }
}
