//! What is summed over time: tokens, shares, latencies.

use super::super::World;
use super::batch::NO_BIN;
use super::{BIN_MS, Services};

#[derive(Clone, Copy, Default)]
pub(crate) struct ServiceSums {
    pub demanded: f64,
    pub served: f64,
    pub lost: f64,
    pub failed_over: f64,
    pub abroad: f64,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct TierSums {
    pub below_90_s: f64,
    pub below_50_s: f64,
    stretch_s: f64,
    pub longest_s: f64,
    /// Integral of 1 - served share \[s\].
    pub area_s: f64,
    pub worst_hour: WorstHour,
}

/// The full hour of the clock in which the least share was served.
#[derive(Clone, Copy)]
pub(crate) struct WorstHour {
    least: f64,
    /// What the hour under way has so far: share times time \[s\].
    sum_s: f64,
}

impl Default for WorstHour {
    fn default() -> Self {
        Self { least: 1.0, sum_s: 0.0 }
    }
}

impl WorstHour {
    /// Adds a share that held from one moment to another \[s since the start\].
    fn add(&mut self, from_s: f64, to_s: f64, share: f64) {
        const HOUR_S: f64 = 3600.0;
        let (first, last) = ((from_s / HOUR_S).floor(), (to_s / HOUR_S).floor());
        if first == last {
            self.sum_s += share * (to_s - from_s);
            return;
        }
        let whole = self.sum_s + share * ((first + 1.0) * HOUR_S - from_s);
        self.least = self.least.min(whole / HOUR_S);
        if last > first + 1.0 {
            self.least = self.least.min(share);
        }
        self.sum_s = share * (to_s - last * HOUR_S);
    }

    pub(in crate::world) fn share(self) -> f64 {
        self.least.clamp(0.0, 1.0)
    }
}

impl Services {
    /// What each service serves to each origin now, in parts: (service, origin, tokens per second).
    pub(in crate::world) fn served_from(&self) -> impl Iterator<Item = (usize, usize, f64)> + '_ {
        self.streams.iter().map(|stream| (stream.service as usize, stream.origin as usize, stream.rate))
    }

    /// Tokens per second that a service loses now.
    pub(in crate::world) fn lost_rate(&self, service: usize) -> f64 {
        self.lost[service]
    }

    /// Latency below which a share of a tier's tokens is served \[ms\]; zero when none is.
    pub(in crate::world) fn latency_quantile_ms(&self, tier: usize, share: f64) -> f64 {
        let total: f64 = self.network[tier].iter().sum();
        let mut left = share * total;
        for (bin, tokens) in self.network[tier].iter().enumerate() {
            left -= tokens;
            if left <= 0.0 && *tokens > 0.0 {
                return bin as f64 * BIN_MS;
            }
        }
        0.0
    }
}

impl World<'_> {
    /// Tokens, shares and latencies since the last time.
    pub(in crate::world) fn integrate_services(&mut self) {
        let (from, now) = (self.services.since, self.now);
        self.services.since = now;
        if now <= from {
            return;
        }
        let seconds = now.since(from).as_s();
        let setup = self.setup;
        if self.misses_facilities() {
            self.integrate_facilities(seconds);
        }
        if self.partitions.any() {
            self.integrate_autonomy(from);
        }
        self.integrate_latencies();
        self.integrate_replicas(seconds);
        self.integrate_batch(from, now);
        self.observe(seconds);
        let services = &mut self.services;
        let mut demanded = [0.0; 4];
        let mut served = [0.0; 4];
        for (at, service) in setup.model.services.iter().enumerate() {
            let sums = &mut services.sums[at];
            sums.demanded += services.demand.total[at] * seconds;
            sums.lost += services.lost[at] * seconds;
            if service.operation.defer.is_some() {
                // What batch work was served is known already, and that it waits disturbs nobody.
                continue;
            }
            sums.served += services.served[at] * seconds;
            sums.failed_over += services.failed_over[at] * seconds;
            demanded[service.tier as usize] += services.demand.total[at];
            served[service.tier as usize] += services.served[at];
        }
        let sites = setup.model.sites.len();
        for stream in &services.streams {
            let (service, site) = (stream.service as usize, stream.site as usize);
            let tokens = stream.rate * seconds;
            if stream.bin != NO_BIN {
                services.network[setup.model.services[service].tier as usize][stream.bin as usize] += tokens;
            }
            services.site_tokens[site] += tokens;
            services.sums[service].abroad += if stream.abroad { tokens } else { 0.0 };
            if setup.sovereign[service * sites + site] {
                services.sovereign += tokens;
            }
        }
        for tier in 0..4 {
            let Some(channel) = setup.tier_place[tier] else { continue };
            let share = if demanded[tier] > 0.0 { served[tier] / demanded[tier] } else { 1.0 };
            let sums = &mut services.tiers[tier];
            sums.area_s += (1.0 - share).max(0.0) * seconds;
            sums.worst_hour.add(from.as_nanos() as f64 * 1e-9, now.as_nanos() as f64 * 1e-9, share);
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
    pub(in crate::world) fn sites_up_changed(&mut self) {
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
