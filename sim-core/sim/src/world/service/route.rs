//! Where requests go: planned sites, stand-bys, any legal site.

use bastide_model::model::Failover;
use bastide_units::Time;

use super::super::{CLASS_DECISION, Event, World};
use super::{BIN_MS, BINS, DISTURBED, Lack, Served, Spill, TINY};

impl World<'_> {
    pub(super) fn allocate_service(&mut self, service: usize) {
        let setup = self.setup;
        let flows = setup.service_flows[service].clone();
        let demand = self.services.demand.total[service];
        let (lets, _) = self.share_of_needs(service);
        let mut spills = std::mem::take(&mut self.services.spills);
        spills.clear();
        let (mut served, mut missing) = (0.0, 0.0);
        self.services.lacks[setup.service_pairs[service].clone()].fill(Lack::Nothing);
        for at in flows {
            let flow = setup.flows[at];
            let site = setup.pairs[flow.pair].site;
            let asked = self.services.demand.of(service, flow.origin, self.weight(at));
            // Users who fail at what the service needs never come to ask.
            let want = asked * lets;
            missing += asked - want;
            let can = self.can_serve(service, flow.origin, site);
            let got = if can {
                let carried = want.min(self.services.traffic.cap(at));
                self.services.replicas.ask(site, carried);
                self.take(service, flow.origin, site, carried, true)
            } else {
                0.0
            };
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
            self.begin_failover(service, pair);
        }
        let (mut elsewhere, mut failing_over) = (0.0, 0.0);
        for spill in &spills {
            let flow = setup.flows[spill.flow];
            if self.services.lack[flow.pair].1 <= self.now {
                elsewhere += self.fail_over(service, flow.pair, flow.origin, spill.rate);
            } else if setup.model.policy.failover != Failover::None {
                failing_over += spill.rate;
            }
        }
        self.services.spills = spills;
        served += elsewhere;
        self.services.failed_over[service] = elsewhere;
        self.services.failing_over[service] = failing_over;
        self.services.served[service] = served;
        // What was asked of sites in vain, and what the plan leaves unserved by choice.
        self.services.lost[service] = (missing - elsewhere + demand * (1.0 - self.placed(service))).max(0.0);
        self.note_disturbance(service, served, demand * self.placed(service));
    }

    /// The least share in which the services that one needs are served, and the one that it is.
    fn share_of_needs(&self, service: usize) -> (f64, Option<usize>) {
        let mut least = (1.0, None);
        for need in &self.setup.model.services[service].operation.needs {
            let (demand, served) = (self.services.demand.total[need.index()], self.services.served[need.index()]);
            let share = if demand > 0.0 { (served / demand).min(1.0) } else { 1.0 };
            if share < least.0 {
                least = (share, Some(need.index()));
            }
        }
        least
    }

    /// Sends tokens elsewhere; returns how many found room.
    fn fail_over(&mut self, service: usize, pair: usize, origin: usize, rate: f64) -> f64 {
        let setup = self.setup;
        let policy = setup.model.policy.failover;
        if policy == Failover::None {
            return 0.0;
        }
        let home = setup.pairs[pair].site;
        let scaled = setup.model.services[service].operation.scaling.is_some();
        let mut left = rate;
        // What no site was asked to start replicas for yet.
        let mut unasked = if scaled { rate } else { 0.0 };
        for pass in 0..2 {
            for &(site, share) in &setup.pairs[pair].standbys {
                let want = (if pass == 0 { (rate * share).min(left) } else { left }).min(self.path_room(service, origin, site));
                if want > 0.0 && self.can_serve(service, origin, site) {
                    if unasked > 0.0 {
                        unasked -= self.ask_elsewhere(
                            service,
                            site,
                            (if pass == 0 { (rate * share).min(unasked) } else { unasked }).min(self.path_room(service, origin, site)),
                        );
                    }
                    let got = self.take(service, origin, site, want, false);
                    self.take_path(service, origin, site, got);
                    left -= got;
                }
            }
        }
        if policy == Failover::AnyLegal && left > TINY * rate {
            let order = setup.others[service].iter().find(|(nation, _)| *nation == origin).map(|(_, order)| order);
            for &site in order.into_iter().flatten() {
                if left <= TINY * rate {
                    break;
                }
                let want = left.min(self.path_room(service, origin, site));
                if site != home && want > 0.0 && self.can_serve(service, origin, site) {
                    if unasked > 0.0 {
                        unasked -= self.ask_elsewhere(service, site, unasked.min(self.path_room(service, origin, site)));
                    }
                    let got = self.take(service, origin, site, want, false);
                    self.take_path(service, origin, site, got);
                    left -= got;
                }
            }
        }
        rate - left
    }

    /// Whether a site can serve a service to an origin now, accelerators apart.
    pub(super) fn can_serve(&self, service: usize, origin: usize, site: usize) -> bool {
        let demand = &self.setup.model.services[service];
        self.sites[site].speed > 0.0
            && !self.facilities.blocks(service * self.sites.len() + site)
            && self.may_serve(service, site)
            && self.net.paths.latency_s(origin, site) <= demand.max_latency.as_s()
            && demand.dataset.is_none_or(|dataset| self.data.readable(dataset.index(), site))
    }

    /// Takes accelerators for tokens; returns how many tokens per second they serve.
    fn take(&mut self, service: usize, origin: usize, site: usize, want: f64, planned: bool) -> f64 {
        let setup = self.setup;
        let tier = setup.model.services[service].tier as usize;
        let speed = self.sites[site].speed * self.services.pace[service];
        let range = setup.choice_at[service * setup.model.sites.len() + site].clone();
        let loaded = self.services.loaded[service];
        let scaled = setup.model.services[service].operation.scaling.is_some();
        let ready = scaled && self.services.replicas.warm;
        let there_and_back_s = 2.0 * self.net.paths.latency_s(origin, site);
        let mut left = want;
        // First as the plan splits the work between types, then whatever has room, best type first.
        for pass in u8::from(!planned || range.len() < 2)..2 {
            for at in range.clone() {
                let choice = &setup.choices[at];
                let ask = if pass == 0 { (want * choice.planned).min(left) } else { left };
                if ask <= 0.0 {
                    continue;
                }
                let pool = &mut self.fleet.pools[choice.pool];
                let load = &mut self.services.loads[at];
                let rate = choice.rate * speed;
                let free = if ready {
                    (self.services.replicas.ready(at) - load.used).max(0.0) * rate
                } else if scaled {
                    (pool.available - pool.used - pool.reserve[tier] - load.used).max(0.0) * rate
                } else {
                    (pool.available - pool.used - pool.reserve[tier]).max(0.0) * rate
                };
                if ask > free && !scaled {
                    pool.binding = true;
                }
                let got = ask.min(free);
                if !scaled {
                    pool.used += got / rate;
                }
                if loaded {
                    load.add(got, got / rate, there_and_back_s, 1.0 / speed);
                }
                left -= got;
            }
        }
        let got = want - left.max(0.0);
        if got > 0.0 {
            let bin = (self.net.paths.latency_s(origin, site) * (1e3 / BIN_MS)).round().min((BINS - 1) as f64) as u32;
            let abroad = setup.model.sites[site].nation.index() != origin;
            self.services.streams.push(Served {
                service: service as u32,
                site: site as u32,
                origin: origin as u32,
                bin,
                rate: got,
                abroad,
            });
        }
        got
    }

    /// Starts or ends the wait of a pair for its failover.
    fn begin_failover(&mut self, service: usize, pair: usize) {
        let (before, ready) = self.services.lack[pair];
        let now_lacks = self.services.lacks[pair];
        if now_lacks == before {
            let again = self.follow_takeover(service, pair, now_lacks != Lack::Nothing, ready);
            if again != ready {
                self.set_failover(pair, now_lacks, again);
            }
            return;
        }
        let ready = match now_lacks {
            Lack::Nothing => Time::ZERO,
            // An outage that becomes a mere shortage keeps the routes that it has.
            _ if now_lacks < before => ready,
            _ => self.takeover(service, pair),
        };
        let ready = self.follow_takeover(service, pair, now_lacks != Lack::Nothing, ready);
        self.set_failover(pair, now_lacks, ready);
    }

    fn set_failover(&mut self, pair: usize, lack: Lack, ready: Time) {
        self.services.lack[pair] = (lack, ready);
        if ready > self.now && ready < Time::NEVER && self.setup.model.policy.failover != Failover::None {
            self.queue.schedule(ready, CLASS_DECISION, Event::Failover);
        }
    }

    /// Records that a service is disturbed, or no longer.
    fn note_disturbance(&mut self, service: usize, served: f64, placed: f64) {
        let share = if placed > 0.0 { served / placed } else { 1.0 };
        let disturbed = share < DISTURBED;
        match (disturbed, self.services.disturbed[service]) {
            (true, None) => {
                // What it needs is disturbed first, at the same moment or before.
                let needed = self.share_of_needs(service).1.and_then(|need| self.services.disturbed[need]);
                let cause = self.loss_cause(service).max(needed);
                let seq = self.recorder.event(self.now, "service-lost", "service", service, share, "share served", cause);
                self.services.disturbed[service] = Some(seq);
            }
            (false, Some(lost)) => {
                self.recorder.event(self.now, "service-restored", "service", service, share, "share served", Some(lost));
                self.services.disturbed[service] = None;
            }
            _ => {}
        }
    }
}
