//! The end of a history: sums become metrics, lines of cost, balances.

use bastide_units::{Duration, Power, Time};

use super::World;
use super::service::{Queue, RequestTimes};
use crate::record::{Balance, COST_LINES, History};

/// Diesel per energy of generator sets of 1 to 2 MW at full load [L/MWh]: 0.27 L/kWh, from makers' data sheets (for instance Caterpillar
/// 3516B, 2000 ekW: 0.26 to 0.27 L/kWh at full load).
const DIESEL_L_PER_MWH: f64 = 270.0;
/// Carbon dioxide of diesel [t/L]: 10.19 kg per US gallon, EPA Emission Factors for Greenhouse Gas Inventories (2023).
const DIESEL_T_PER_L: f64 = 10.19e-3 / 3.785_411_784;
const YEAR_H: f64 = 8760.0;
const MILLION: f64 = 1e6;

/// Yearly payment for one unit of capital over a lifetime.
pub(super) fn annuity(rate: f64, years: f64) -> f64 {
    if rate.abs() < 1e-12 { 1.0 / years } else { rate / (1.0 - (1.0 + rate).powf(-years)) }
}

/// Ratio, or a stated value where there is nothing to divide by.
pub(super) fn share(part: f64, whole: f64, otherwise: f64) -> f64 {
    if whole > 0.0 { part / whole } else { otherwise }
}

/// Herfindahl-Hirschman index of sizes by label.
fn concentration<'n>(parts: impl Iterator<Item = (&'n str, f64)>) -> f64 {
    let mut sums: Vec<(&str, f64)> = Vec::new();
    for (label, size) in parts {
        match sums.iter_mut().find(|(known, _)| *known == label) {
            Some((_, sum)) => *sum += size,
            None => sums.push((label, size)),
        }
    }
    let total: f64 = sums.iter().map(|(_, sum)| sum).sum();
    if total > 0.0 { sums.iter().map(|(_, sum)| (sum / total).powi(2)).sum() } else { 0.0 }
}

pub(super) struct Metrics<'l> {
    layout: &'l crate::record::Layout,
    values: Vec<f64>,
}

impl Metrics<'_> {
    pub(super) fn set(&mut self, kind: &str, entity: usize, metric: &str, value: f64) {
        let place = self.layout.position(kind, entity, metric);
        debug_assert!(place.is_some(), "{kind} {entity} has no metric {metric}");
        debug_assert!(value.is_finite(), "{kind} {entity} {metric} is {value}");
        if let Some(place) = place {
            self.values[place] = value;
        }
    }
}

fn set_times(metrics: &mut Metrics, kind: &str, entity: usize, times: RequestTimes) {
    metrics.set(kind, entity, "request_latency", times.mean_s);
    metrics.set(kind, entity, "request_latency_p95", times.p95_s);
    metrics.set(kind, entity, "queueing_delay", times.wait_s);
    metrics.set(kind, entity, "within_target", times.within);
}

impl World<'_> {
    pub(super) fn finish(mut self) -> History {
        let end = self.setup.end;
        self.finish_grid();
        self.integrate_services();
        self.advance_evacuations();
        self.end_partition();
        self.sites_up_changed();
        for gang in 0..self.gangs.len() {
            self.advance(gang);
        }
        let mut metrics = Metrics { layout: self.setup.layout, values: vec![0.0; self.setup.layout.metrics.len()] };
        let mut balance = Balance::default();
        self.finish_services(&mut metrics, &mut balance);
        self.finish_campaigns(&mut metrics, &mut balance);
        self.finish_sites(&mut metrics);
        self.finish_networks(&mut metrics);
        self.finish_energy(&mut metrics, &mut balance);
        self.finish_data(&mut metrics, &mut balance);
        self.finish_evacuations(&mut metrics);
        self.finish_failures(&mut metrics);
        self.finish_cyber(&mut metrics);
        self.finish_defence_and_repair(&mut metrics);
        self.finish_costs(&mut metrics, &mut balance);
        let training = self.setup.layout.channels.len() - 4;
        History {
            replication: self.replication,
            metrics: metrics.values,
            timeline: self.timeline.finish(end, training),
            events: self.recorder.events,
            balance,
        }
    }

    fn finish_services(&self, metrics: &mut Metrics, balance: &mut Balance) {
        let model = self.setup.model;
        let mut tiers = [(0.0, 0.0, 0.0); 4];
        let mut with_users = 0;
        for (at, (service, sums)) in model.services.iter().zip(&self.services.sums).enumerate() {
            let queue = self.services.batch.of(at);
            let waiting = queue.map_or(0.0, Queue::waiting);
            // What may still wait is neither served nor lost.
            let settled = (sums.demanded - waiting).max(0.0);
            metrics.set("service", at, "served_share", share(sums.served, settled, 1.0).min(1.0));
            metrics.set("service", at, "tokens_served", sums.served / MILLION);
            metrics.set("service", at, "tokens_lost", sums.lost / MILLION);
            metrics.set("service", at, "failed_over_share", share(sums.failed_over, sums.served, 0.0));
            metrics.set("service", at, "abroad_share", share(sums.abroad, sums.served, 0.0).min(1.0));
            if let Some(flowed) = queue.map(|queue| &queue.sums) {
                metrics.set("service", at, "tokens_waiting", waiting / MILLION);
                metrics.set("service", at, "tokens_late", flowed.late / MILLION);
                metrics.set("service", at, "backlog_mean", flowed.waited / self.setup.end.since(Time::ZERO).as_s() / MILLION);
                metrics.set("service", at, "backlog_max", flowed.most / MILLION);
                metrics.set("service", at, "completion_age", share(flowed.age_s, flowed.served, 0.0) / 3600.0);
            }
            if let Some(users) = service.users {
                let hours = share(sums.lost, sums.demanded, 0.0) * self.setup.end.as_hours();
                metrics.set("users", with_users, "hours_lost", f64::from(users) * hours / MILLION);
                with_users += 1;
            }
            let held = self.services.replicas.held_s[at] / self.setup.end.since(Time::ZERO).as_s();
            metrics.set("service", at, "accelerators_held", held);
            let times = self.services.latencies.times(self.setup, |of| of == at);
            set_times(metrics, "service", at, times);
            balance.tokens_waiting += waiting;
            let tier = &mut tiers[service.tier as usize];
            *tier = (tier.0 + settled, tier.1 + sums.served, tier.2 + sums.lost);
            balance.tokens_demanded += sums.demanded;
            balance.tokens_served += sums.served;
            balance.tokens_lost += sums.lost;
        }
        for (tier, (demanded, served, lost)) in tiers.into_iter().enumerate() {
            let Some(place) = self.setup.tier_place[tier] else { continue };
            let sums = &self.services.tiers[tier];
            metrics.set("tier", place, "served_share", share(served, demanded, 1.0).min(1.0));
            metrics.set("tier", place, "hours_below_90", sums.below_90_s / 3600.0);
            metrics.set("tier", place, "hours_below_50", sums.below_50_s / 3600.0);
            metrics.set("tier", place, "time_to_recover", sums.longest_s / 3600.0);
            metrics.set("tier", place, "resilience_area", sums.area_s / 3600.0);
            metrics.set("tier", place, "worst_hour_share", sums.worst_hour.share());
            let (lost_tb, recovery_h) = self.data_of_tier(tier);
            metrics.set("tier", place, "data_lost", lost_tb);
            metrics.set("tier", place, "recovery_point", recovery_h);
            metrics.set("tier", place, "latency_p95", self.services.latency_quantile_ms(tier, 0.95));
            let (autonomy, kept) = self.partitions.autonomy[tier].summary();
            metrics.set("tier", place, "autonomy", autonomy);
            metrics.set("tier", place, "autonomy_kept", kept);
            metrics.set("tier", place, "tokens_served", served / MILLION);
            metrics.set("tier", place, "tokens_lost", lost / MILLION);
            let times = self.services.latencies.times(self.setup, |of| model.services[of].tier as usize == tier);
            set_times(metrics, "tier", place, times);
        }
        let (settled, served) = (balance.tokens_demanded - balance.tokens_waiting, balance.tokens_served);
        metrics.set("system", 0, "served_share", share(served, settled, 1.0).min(1.0));
        metrics.set("system", 0, "tokens_served", served / MILLION);
        metrics.set("system", 0, "tokens_lost", balance.tokens_lost / MILLION);
        metrics.set("system", 0, "effective_sovereignty", share(self.services.sovereign, served, 0.0).min(1.0));
        metrics.set("system", 0, "partitions", f64::from(self.partitions.count));
        metrics.set("system", 0, "residency_violations", self.violations as f64);
    }

    /// Data lost \[TB\] and largest recovery point \[h\] of the datasets of a tier's services.
    fn data_of_tier(&self, tier: usize) -> (f64, f64) {
        let model = self.setup.model;
        let mut sets: Vec<usize> = Vec::new();
        for service in model.services.iter().filter(|service| service.tier as usize == tier) {
            sets.extend(service.dataset.map(bastide_model::model::DatasetId::index).filter(|id| !sets.contains(id)));
        }
        let of = |set: usize| self.data.summary(set, self.setup.end);
        sets.into_iter().map(of).fold((0.0, 0.0), |(lost, point): (f64, f64), (tb, hours, _)| (lost + tb, point.max(hours)))
    }

    fn finish_sites(&self, metrics: &mut Metrics) {
        let (setup, end) = (self.setup, self.setup.end);
        let sums = &self.grid.sums;
        let (mut land, mut dry) = (0.0, 0_u32);
        for (site, state) in self.sites.iter().enumerate() {
            if !setup.built[site] {
                continue;
            }
            land += setup.model.sites[site].land.as_ha();
            metrics.set("site", site, "built", 1.0);
            metrics.set("site", site, "it_power", setup.it_mw[site]);
            metrics.set("site", site, "availability", state.availability(end));
            metrics.set("site", site, "outages", f64::from(state.outages));
            metrics.set("site", site, "isolated_hours", self.partitions.isolated_hours(setup.graph.hubs + site, end));
            metrics.set("site", site, "hours_curtailed", state.hours_curtailed(end));
            metrics.set("site", site, "energy", sums.site_mwh[site]);
            metrics.set("site", site, "energy_cost", sums.site_eur[site]);
            metrics.set("site", site, "generator_hours", state.generator_hours(end));
            metrics.set("site", site, "fuel", sums.site_generator_mwh[site] * DIESEL_L_PER_MWH);
            metrics.set("site", site, "fuel_exhausted_after", state.fuel_exhausted_after(end));
            metrics.set("site", site, "spares_exhausted_after", self.repairs.parts_last_h(site, end));
            dry += u32::from(state.ran_dry());
            metrics.set("site", site, "tokens_served", self.services.site_tokens[site] / MILLION);
        }
        metrics.set("system", 0, "land", land);
        metrics.set("system", 0, "sites_out_of_fuel", f64::from(dry));
        let total_s = end.since(Time::ZERO).as_s();
        metrics.set("system", 0, "sites_up_share", self.services.up_integral_s / total_s);
        metrics.set("system", 0, "it_power", setup.it_mw.iter().sum());
        let by_site = setup.model.sites.iter().zip(&setup.it_mw);
        metrics.set("system", 0, "hhi_site", concentration(by_site.clone().map(|(site, mw)| (site.entity.name.as_str(), *mw))));
        metrics.set("system", 0, "hhi_operator", concentration(by_site.map(|(site, mw)| (site.operator.as_str(), *mw))));
        let by_vendor = setup.pools.iter().map(|pool| {
            let nodes: u32 = pool.orders.iter().map(|order| order.nodes).sum();
            (setup.model.accelerators[pool.accelerator].vendor.as_str(), f64::from(nodes) * pool.per_node * pool.power_mw)
        });
        metrics.set("system", 0, "hhi_vendor", concentration(by_vendor));
    }

    fn finish_networks(&self, metrics: &mut Metrics) {
        let end = self.setup.end;
        let hours = end.as_hours();
        for bus in 0..self.setup.model.buses.len() {
            metrics.set("bus", bus, "shed_energy", self.grid.sums.bus_shed_mwh[bus]);
            metrics.set("bus", bus, "shed_hours", self.grid.sums.bus_shed_h[bus]);
            metrics.set("bus", bus, "price", self.grid.sums.bus_price_h[bus] / hours);
            metrics.set("bus", bus, "longest_cut", self.turns.longest_s[bus] / 3600.0);
        }
        metrics.set("system", 0, "longest_cut", self.turns.longest_s.iter().fold(0.0, |most, s| f64::max(most, *s)) / 3600.0);
        for (at, line) in self.grid.lines.iter().enumerate() {
            metrics.set("line", at, "availability", line.availability(end));
        }
        for (at, link) in self.net.links.iter().enumerate() {
            metrics.set("link", at, "availability", link.availability(end));
        }
        if !self.setup.model.links.is_empty() {
            for nation in 0..self.setup.model.nations.len() {
                let (left, least) = self.partitions.bandwidth(nation, end);
                metrics.set("nation", nation, "isolated_hours", self.partitions.isolated_hours(nation, end));
                metrics.set("nation", nation, "bandwidth_left", left);
                metrics.set("nation", nation, "bandwidth_least", least);
            }
        }
        for (at, facility) in self.facilities.states.iter().enumerate() {
            metrics.set("facility", at, "availability", facility.up_share(end));
            metrics.set("facility", at, "outages", f64::from(facility.outages));
            metrics.set("facility", at, "service_hours_stopped", facility.service_s / 3600.0);
            metrics.set("facility", at, "tokens_lost", facility.tokens_lost / MILLION);
        }
    }

    fn finish_energy(&self, metrics: &mut Metrics, balance: &mut Balance) {
        let sums = &self.grid.sums;
        let own_mwh: f64 = sums.site_generator_mwh.iter().sum();
        let fuel_l = own_mwh * DIESEL_L_PER_MWH;
        metrics.set("system", 0, "ai_energy", sums.site_mwh.iter().sum());
        metrics.set("system", 0, "ai_unserved", sums.ai_shed_mwh);
        metrics.set("system", 0, "generator_energy", own_mwh);
        metrics.set("system", 0, "fuel", fuel_l);
        metrics.set("system", 0, "co2", sums.co2_t + fuel_l * DIESEL_T_PER_L);
        metrics.set("system", 0, "water", sums.water_m3);
        metrics.set("system", 0, "others_unserved", sums.others_shed_mwh);
        metrics.set("system", 0, "others_shed_hours", sums.others_shed_h);
        balance.generated_mwh = sums.generated_mwh;
        balance.discharged_mwh = sums.discharged_mwh;
        balance.charged_mwh = sums.charged_mwh;
        balance.demanded_mwh = sums.demanded_mwh;
        balance.served_mwh = sums.served_mwh;
        balance.shed_mwh = sums.shed_mwh;
        balance.storage_lost_mwh = sums.storage_lost_mwh;
        balance.stored_delta_mwh = sums.stored_delta_mwh;
    }

    fn finish_data(&self, metrics: &mut Metrics, balance: &mut Balance) {
        for dataset in 0..self.setup.model.datasets.len() {
            let (lost_tb, recovery_h, readable) = self.data.summary(dataset, self.setup.end);
            metrics.set("dataset", dataset, "data_lost", lost_tb);
            metrics.set("dataset", dataset, "recovery_point", recovery_h);
            metrics.set("dataset", dataset, "readable_share", readable);
            metrics.set("dataset", dataset, "staleness_max", self.data.staleness.most_h(dataset, self.setup.end));
        }
        balance.bytes_created = self.data.created;
        balance.bytes_replicated = self.data.replicated;
        balance.bytes_lost = self.data.destroyed;
        balance.bytes_held = self.data.held(self.setup);
    }

    fn finish_failures(&self, metrics: &mut Metrics) {
        for cause in 0..self.setup.model.failures.len() {
            let sums = self.repairs.summary(cause, self.setup.end);
            metrics.set("failure", cause, "events", sums.events);
            metrics.set("failure", cause, "nodes_out", sums.nodes);
            metrics.set("failure", cause, "node_hours_lost", sums.out_node_s / 3600.0);
            metrics.set("failure", cause, "time_to_repair", share(sums.repair_s / 3600.0, sums.repairs, 0.0));
            metrics.set("failure", cause, "part_wait", sums.part_wait_s / 3600.0);
            metrics.set("failure", cause, "crew_wait", sums.crew_wait_s / 3600.0);
        }
    }

    fn finish_defence_and_repair(&self, metrics: &mut Metrics) {
        for (at, defence) in self.defences.iter().enumerate() {
            metrics.set("defence", at, "engaged", defence.engaged);
            metrics.set("defence", at, "downed", defence.downed);
            metrics.set("defence", at, "interceptors_spent", defence.spent);
            metrics.set("defence", at, "exhausted_after", defence.exhausted.unwrap_or(self.setup.end).as_hours());
        }
        for pool in 0..self.setup.model.repair_pools.len() {
            let sums = self.reconstruction.summary(pool, self.setup.end);
            metrics.set("repair_pool", pool, "jobs", sums.jobs);
            metrics.set("repair_pool", pool, "repaired", sums.done);
            metrics.set("repair_pool", pool, "time_to_repair", share(sums.repair_s / 3600.0, sums.done, 0.0));
            metrics.set("repair_pool", pool, "crew_wait", sums.crew_wait_s / 3600.0);
            metrics.set("repair_pool", pool, "spare_wait", sums.part_wait_s / 3600.0);
            metrics.set("repair_pool", pool, "spares_exhausted_after", sums.exhausted.as_hours());
        }
    }

    /// Capital as the plan states it, or as an annuity of the model's prices where the plan states none.
    fn capital_eur(&self) -> f64 {
        let model = self.setup.model;
        let stated: f64 = self
            .setup
            .plan
            .cost
            .iter()
            .filter(|line| line.capital_eur > 0.0 || line.line == "investments")
            .map(|line| line.annual_eur)
            .sum();
        if stated > 0.0 || self.setup.plan.builds.is_empty() {
            return stated;
        }
        let rate = model.planning.discount_rate;
        let of_building = annuity(rate, model.planning.building_lifetime.as_y());
        let mut yearly = 0.0;
        for build in &self.setup.plan.builds {
            let (accelerator, site) = (&model.accelerators[build.accelerator], &model.sites[build.site]);
            let it = accelerator.power * f64::from(build.count);
            yearly += f64::from(build.count) * accelerator.price.as_eur() * annuity(rate, accelerator.lifetime.as_y());
            yearly += (it * site.building_cost).as_eur() * of_building;
            yearly += (it * site.pue * site.connection_cost).as_eur() * of_building;
        }
        for (site, place) in model.sites.iter().enumerate() {
            if !place.existing && self.setup.built[site] {
                yearly += place.fixed_cost.as_eur() * of_building;
            }
        }
        yearly
    }

    fn finish_costs(&self, metrics: &mut Metrics, balance: &mut Balance) {
        let model = self.setup.model;
        let duration = Duration::from_h(self.setup.end.as_hours());
        let capital = (self.capital_eur() + self.supply.extra_yearly_eur) * duration.as_h() / YEAR_H;
        let mut upkeep = 0.0;
        for (site, place) in model.sites.iter().enumerate() {
            if self.setup.built[site] {
                upkeep += ((place.fixed_upkeep + Power::from_mw(self.setup.it_mw[site]) * place.upkeep) * duration).as_eur();
            }
        }
        upkeep += model.segment_graph.upkeep.iter().map(|cost| (*cost * duration).as_eur()).sum::<f64>();
        let energy: f64 = self.grid.sums.site_eur.iter().sum();
        let lost: f64 =
            model.services.iter().zip(&self.services.sums).map(|(s, sums)| sums.lost * s.value.as_eur_per_mtokens() / MILLION).sum();
        let mut training = 0.0;
        for (at, campaign) in model.campaigns.iter().enumerate() {
            training += match self.training_ended(at) {
                Some(stop) => (campaign.cost_of_delay * stop.since(campaign.deadline)).as_eur(),
                None => campaign.value.as_eur(),
            };
        }
        let lines = [capital, upkeep, energy, lost, training];
        let total = lines.iter().sum();
        for (at, value) in lines.into_iter().chain([total]).enumerate() {
            metrics.set("cost", at, "cost", value);
        }
        balance.money_lines = COST_LINES.into_iter().zip(lines).collect();
        balance.money_total = total;
        let mtokens = balance.tokens_served / MILLION;
        metrics.set("system", 0, "cost_per_mtokens", share(capital + upkeep + energy, mtokens, 0.0));
    }
}
