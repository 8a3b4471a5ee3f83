//! Whether a roadmap keeps every constraint of a scenario, worked out from the plan alone.

use bastide_model::model::{AcceleratorId, Alternative, BusId, Horizon, Model, ServiceId, SiteId, Tier, of_year};
use bastide_model::plan::{Lot, Plan, Roadmap};
use bastide_units::Time;

use super::cost::{cost_lines, price};
use super::terms::{demand, fleet, fleet_at_work, legal, supply};
use crate::class::planned_rate;
use crate::program::{Group, Program, Sense};
use crate::solver::{self, Answer, Limits};
use crate::verify::Checks;
use crate::{instance, objective};

/// What a year of dates leaves to rounding \[s\].
const SECOND: f64 = 1.0;

/// Checks a roadmap against every constraint of a model, under an alternative.
pub(crate) fn verify(
    model: &Model,
    horizon: &Horizon,
    plan: &Plan,
    roadmap: &Roadmap,
    alternative: Option<&Alternative>,
    checks: &mut Checks,
) {
    let it = Verify { model, horizon, plan, roadmap, alternative };
    it.lots(checks);
    it.orders(checks);
    it.money(checks);
    it.power(checks);
    it.services(checks);
    it.campaigns(checks);
    it.cost(checks);
}

struct Verify<'a> {
    model: &'a Model,
    horizon: &'a Horizon,
    plan: &'a Plan,
    roadmap: &'a Roadmap,
    alternative: Option<&'a Alternative>,
}

impl Verify<'_> {
    fn periods(&self) -> std::ops::Range<usize> {
        0..self.horizon.periods()
    }
    fn sites(&self) -> impl Iterator<Item = SiteId> + use<> {
        (0..self.model.sites.len()).map(SiteId::from_index)
    }
    fn types(&self) -> impl Iterator<Item = AcceleratorId> + use<> {
        (0..self.model.accelerators.len()).map(AcceleratorId::from_index)
    }
    fn year(&self, time: Time) -> usize {
        self.horizon.year(self.horizon.period_at(time))
    }
    /// Accelerators of a type at work at a site in all of a period, fleets included.
    fn running(&self, site: SiteId, kind: AcceleratorId, period: usize) -> f64 {
        self.bought(site, kind, period) + fleet(self.model, self.horizon, site, kind, period)
    }
    fn bought(&self, site: SiteId, kind: AcceleratorId, period: usize) -> f64 {
        let begin = self.horizon.begin(period);
        let lots = self.roadmap.lots.iter().filter(|lot| lot.site == site && lot.accelerator == kind && lot.runs(begin));
        lots.map(|lot| f64::from(lot.count)).sum()
    }
    /// Most IT power at a site in a period \[MW\].
    fn it_power(&self, site: SiteId, period: usize) -> f64 {
        let count = |kind| self.bought(site, kind, period) + fleet_at_work(self.model, self.horizon, site, kind, period);
        self.types().map(|kind| self.model.accelerators[kind].power.as_mw() * count(kind)).sum()
    }

    /// Each lot: whole nodes, candidate, type, lead time, life.
    fn lots(&self, checks: &mut Checks) {
        let count = |wrong: &dyn Fn(&Lot) -> bool| self.roadmap.lots.iter().filter(|lot| wrong(lot)).count();
        let book = |lot: &Lot| lot.book.map(|book| &self.model.growth.order_books[book]);
        let later = |a: Time, b: Time| a.since(b).as_s() > SECOND;
        let allowed = supply(self.alternative);
        checks.none("whole nodes", count(&|lot| !lot.count.is_multiple_of(self.model.accelerators[lot.accelerator].per_node.max(1))));
        checks.none("builds at candidate sites only", count(&|lot| !instance::buyable(self.model, self.alternative, lot.site)));
        let foreign = |lot: &Lot| {
            self.model.planning.accelerators.iter().all(|(id, _)| *id != lot.accelerator)
                || allowed.accelerators.as_ref().is_some_and(|types| !types.contains(&lot.accelerator))
        };
        checks.none("types of the plan only", count(&foreign));
        let wrong_book = |lot: &Lot| match book(lot) {
            Some(book) => {
                book.accelerator != lot.accelerator
                    || later(book.from, lot.ordered)
                    || book.until <= lot.ordered
                    || book.sites.as_ref().is_some_and(|sites| !sites.contains(&lot.site))
                    || allowed.order_books.as_ref().is_some_and(|books| lot.book.is_some_and(|id| !books.contains(&id)))
            }
            None => self.model.growth.order_books.iter().any(|book| book.accelerator == lot.accelerator),
        };
        checks.none("orders from open books", count(&wrong_book));
        let window = |lot: &Lot| {
            allowed.order_from.is_some_and(|from| later(from, lot.ordered)) || allowed.order_until.is_some_and(|until| until <= lot.ordered)
        };
        checks.none("orders while the alternative orders", count(&window));
        let early = |lot: &Lot| {
            let lead = book(lot).map_or(self.model.planning.lead_time, |book| book.lead_time);
            later(lot.ordered + lead, lot.delivered) || later(lot.delivered, lot.energised)
        };
        checks.none("lead times", count(&early));
        let old = |lot: &Lot| {
            let life = book(lot).map_or(self.model.accelerators[lot.accelerator].lifetime, |book| book.life);
            let end = Time::ZERO + self.horizon.length;
            // A life ends within a period: they stay to its end.
            lot.energised < end && later(lot.retired.min(end), lot.energised + self.horizon.period * self.horizon.lag(life).max(1) as f64)
        };
        checks.none("lifetimes", count(&old));
    }

    fn orders(&self, checks: &mut Checks) {
        let sum =
            |counts: &dyn Fn(&Lot) -> bool| self.roadmap.lots.iter().filter(|lot| counts(lot)).map(|lot| f64::from(lot.count)).sum::<f64>();
        for (id, cap) in &self.model.planning.accelerators {
            if let Some(cap) = cap {
                let name = format!("number of {}", self.model.accelerators[*id].entity.name);
                checks.at_most(name, sum(&|lot| lot.accelerator == *id), f64::from(*cap), "accelerators");
            }
        }
        for (id, book) in self.model.growth.order_books.iter().enumerate() {
            let name = &book.entity.name;
            if let Some(cap) = book.cap {
                checks.at_most(format!("orders of {name}"), sum(&|lot| lot.book == Some(id)), f64::from(cap), "accelerators");
            }
            if let Some(cap) = book.cap_per_period {
                let most = self.periods().map(|period| sum(&|lot| lot.book == Some(id) && self.horizon.period_at(lot.ordered) == period));
                checks.at_most(format!("orders of {name} in a period"), most.fold(0.0, f64::max), f64::from(cap), "accelerators");
            }
            for year in 0..=self.horizon.year(self.horizon.periods() - 1) {
                if let Some(cap) = of_year(&book.cap_by_year, year) {
                    let ordered = sum(&|lot| lot.book == Some(id) && self.year(lot.ordered) == year);
                    checks.at_most(format!("orders of {name} in year {}", year + 1), ordered, cap, "accelerators");
                }
            }
        }
        let allowed = supply(self.alternative);
        for (id, cap) in self.model.growth.export_caps.iter().enumerate() {
            if allowed.export_caps.as_ref().is_none_or(|list| list.contains(&id)) {
                let counts =
                    |lot: &Lot| cap.from <= lot.delivered && lot.delivered < cap.until && cap.counts(self.model, lot.site, lot.accelerator);
                checks.at_most(format!("export cap {}", cap.entity.name), sum(&counts), f64::from(cap.cap), "accelerators");
            }
        }
    }

    fn money(&self, checks: &mut Checks) {
        let paid_by = |counts: &dyn Fn(Time) -> bool| -> f64 {
            let lots = self.roadmap.lots.iter().filter(|lot| counts(lot.delivered));
            let works = self.roadmap.works.iter().filter(|it| counts(it.decided)).map(|it| {
                let site = &self.model.sites[it.site];
                let opening = if it.opens && !site.existing { site.fixed_cost.as_meur() } else { 0.0 };
                opening
                    + it.it_power.as_mw() * site.building_cost.as_meur_per_mw()
                    + it.connection.as_mw() * site.connection_cost.as_meur_per_mw()
            });
            let steps = self.roadmap.steps.iter().filter(|it| counts(it.decided));
            lots.map(|lot| price(self.model, lot).as_meur() * f64::from(lot.count)).sum::<f64>()
                + works.sum::<f64>()
                + steps.map(|it| self.model.growth.expansions[it.expansion].cost.as_meur() * f64::from(it.count)).sum::<f64>()
        };
        checks.at_most("budget", paid_by(&|_| true), self.model.planning.budget.as_meur(), "M EUR");
        for year in 0..=self.horizon.year(self.horizon.periods() - 1) {
            if let Some(limit) = of_year(&self.horizon.budget_by_year, year) {
                checks.at_most(format!("budget of year {}", year + 1), paid_by(&|time| self.year(time) == year), limit.as_meur(), "M EUR");
            }
        }
    }

    /// What is at work against what is built and allowed, in the fullest period.
    fn power(&self, checks: &mut Checks) {
        let facility = |site: SiteId, period: usize| self.it_power(site, period) * instance::mean_pue(self.model, site);
        for site in self.sites() {
            let it = &self.model.sites[site];
            let pue = instance::mean_pue(self.model, site);
            let of_fleets = |period: usize| -> f64 {
                self.types()
                    .map(|kind| self.model.accelerators[kind].power.as_mw() * fleet_at_work(self.model, self.horizon, site, kind, period))
                    .sum()
            };
            let standing = self.periods().map(of_fleets).fold(0.0, f64::max);
            let mut slack = [f64::INFINITY; 3];
            for period in self.periods() {
                let (now, used) = (self.horizon.begin(period), self.it_power(site, period));
                let works = || self.roadmap.works.iter().filter(|works| works.site == site && works.ready <= now);
                let steps = || {
                    let ready = self.roadmap.steps.iter().filter(|step| step.ready <= now);
                    ready
                        .map(|step| (&self.model.growth.expansions[step.expansion], f64::from(step.count)))
                        .filter(|(step, _)| step.site == site)
                };
                let open = standing > 0.0 || works().any(|works| works.opens);
                let room = if open { it.max_it_power.as_mw() } else { 0.0 }
                    + steps().map(|(step, count)| step.it_power.as_mw() * count).sum::<f64>();
                let own =
                    (standing * pue + works().map(|it| it.connection.as_mw()).sum::<f64>()).min(it.connection.as_mw().max(standing * pue));
                let connection = own + steps().map(|(step, count)| step.connection.as_mw() * count).sum::<f64>();
                let halls = standing + works().map(|it| it.it_power.as_mw()).sum::<f64>();
                for (slack, left) in slack.iter_mut().zip([halls - used, room - used, connection - used * pue]) {
                    *slack = slack.min(left);
                }
            }
            if self.roadmap.lots.iter().any(|lot| lot.site == site) {
                for (name, slack) in ["halls", "IT power", "connection"].into_iter().zip(slack) {
                    checks.slack(format!("{name} of {}", it.entity.name), slack, it.max_it_power.as_mw(), "MW");
                }
            }
        }
        for (id, step) in self.model.growth.expansions.iter().enumerate() {
            let built: u32 = self.roadmap.steps.iter().filter(|it| it.expansion == id).map(|it| it.count).sum();
            if built > 0 {
                checks.at_most(format!("steps of {}", step.entity.name), f64::from(built), f64::from(step.most), "steps");
                let early = |it: &&bastide_model::plan::Step| {
                    it.expansion == id && (it.decided + step.lead_time).max(step.earliest).since(it.ready).as_s() > SECOND
                };
                checks.none(format!("lead time of {}", step.entity.name), self.roadmap.steps.iter().filter(early).count());
            }
        }
        let hasty =
            self.roadmap.works.iter().filter(|it| (it.decided + self.model.sites[it.site].lead_time).since(it.ready).as_s() > SECOND);
        checks.none("lead times of sites", hasty.count());
        for bus in (0..self.model.buses.len()).map(BusId::from_index) {
            let left = self.periods().filter_map(|period| {
                let limit = self.model.hosting_limit(bus, self.horizon.year(period))?.as_mw();
                let here = self.sites().filter(|site| self.model.sites[*site].bus == bus);
                Some(limit - here.map(|site| facility(site, period)).sum::<f64>())
            });
            if let Some(slack) = left.min_by(f64::total_cmp) {
                checks.slack(format!("hosting limit of {}", self.model.buses[bus].entity.name), slack, 1.0, "MW");
            }
        }
        let most = self.periods().map(|period| self.sites().map(|site| self.it_power(site, period)).sum::<f64>()).fold(0.0, f64::max);
        checks.at_most("IT power", most, self.model.planning.it_power.as_mw(), "MW");
        let used: Vec<SiteId> = self.sites().filter(|site| self.periods().any(|period| self.it_power(*site, period) > 0.0)).collect();
        let (fewest, most) = instance::count(self.model, self.alternative);
        checks.at_most("fewest sites", f64::from(fewest), used.len() as f64, "sites");
        checks.at_most("most sites", used.len() as f64, f64::from(most), "sites");
        let required = self.alternative.iter().flat_map(|it| &it.required);
        checks.none("required sites", required.filter(|site| !used.contains(site)).count());
        if let Some(period) = self.periods().last() {
            let total: f64 = self.sites().map(|site| self.it_power(site, period)).sum();
            for (tier, share) in self.alternative.iter().flat_map(|it| &it.tier_share) {
                let here: f64 =
                    self.sites().filter(|site| self.model.sites[*site].tier == *tier).map(|site| self.it_power(site, period)).sum();
                checks.at_most(format!("share of {tier:?} sites").to_lowercase(), share * total, here, "MW");
            }
            if let Some(share) = self.alternative.and_then(|it| it.max_site_share) {
                let largest = self.sites().map(|site| self.it_power(site, period)).fold(0.0, f64::max);
                checks.at_most("share of one site", largest, share * total, "MW");
            }
        }
    }

    /// What is served in each period: where it may, by accelerators that are at work, and as much as must be.
    fn services(&self, checks: &mut Checks) {
        let latencies = bastide_model::latencies(self.model);
        let first_outlook = self.model.planning.uncertainty.outlooks.is_empty();
        checks.none("a period for each of the horizon", self.horizon.periods().abs_diff(self.roadmap.periods.len()));
        let (mut missing, mut illegal, mut fullest, mut lacking): (f64, usize, f64, f64) = (0.0, 0, 0.0, 0.0);
        let mut least: Vec<f64> = vec![f64::INFINITY; Tier::ALL.len()];
        let survive = instance::survive(self.model, self.alternative);
        for (period, at) in self.roadmap.periods.iter().enumerate().take(self.horizon.periods()) {
            let mut by_tier = [(0.0, 0.0); 4];
            let mut loads: Vec<(ServiceId, SiteId, f64)> = Vec::new();
            for id in (0..self.model.services.len()).map(ServiceId::from_index) {
                let it = &self.model.services[id];
                let wanted = demand(self.model, self.horizon, id, period);
                let served: Vec<_> = at.served.iter().filter(|(service, ..)| *service == id).collect();
                let lost: f64 = at.unserved.iter().filter(|(service, _)| *service == id).map(|(_, rate)| rate.as_tokens_per_s()).sum();
                // In an outlook demand is another; shares are still shares.
                let shares: f64 = served.iter().map(|(.., share)| share).sum();
                if wanted > 0.0 && first_outlook {
                    missing = missing.max((shares + lost / wanted - 1.0).abs());
                }
                by_tier[it.tier as usize].0 += wanted;
                by_tier[it.tier as usize].1 += lost;
                for (_, site, share) in served {
                    let legality = &self.model.legal_service[id.index()][site.index()];
                    illegal += usize::from(!legal(legality, self.horizon, period) || !instance::near(&latencies, it, *site));
                    illegal += usize::from(
                        it.dataset.is_some_and(|set| !self.plan.replicas.iter().any(|copy| copy.dataset == set && copy.site == *site)),
                    );
                    loads.push((id, *site, share * wanted));
                }
            }
            for site in self.sites().filter(|_| first_outlook) {
                let there: Vec<_> = self
                    .types()
                    .map(|kind| (kind, self.running(site, kind, period) - self.gangs(site, kind, period)))
                    .filter(|it| it.1 > 0.0)
                    .collect();
                let needs: Vec<_> = loads.iter().filter(|(_, at, _)| *at == site).map(|(id, _, load)| (*id, *load)).collect();
                fullest = fullest.max(crate::verify::filling(self.model, &needs, &there));
                for (kind, busy) in at.busy.iter().filter(|it| it.0 == site).map(|it| (it.1, it.2)) {
                    let most = self.running(site, kind, period) * self.model.policy.headroom;
                    fullest = fullest.max(if most > 0.0 { busy / most } else { f64::INFINITY });
                }
                let busy: Vec<_> = at.busy.iter().filter(|it| it.0 == site).map(|it| (it.1, it.2 / self.model.policy.headroom)).collect();
                lacking = lacking.max(crate::verify::filling(self.model, &needs, &busy));
            }
            if first_outlook {
                fullest = fullest.max(self.loss(period, &loads, &survive));
            }
            for tier in Tier::ALL {
                let (wanted, lost) = by_tier[tier as usize];
                if let Some(least_share) =
                    self.model.least_service(tier, self.horizon.begin(period)).filter(|_| wanted > 0.0 && first_outlook)
                {
                    let slack = 1.0 - lost / wanted - least_share;
                    least[tier as usize] = least[tier as usize].min(slack);
                }
            }
        }
        checks.at_most("shares sum to the demand in each period", missing, 0.0, "share");
        checks.none("services run where they may in each period", illegal);
        checks.at_most("accelerators in each period, with any one site lost", fullest, 1.0, "share");
        checks.at_most("accelerators that are busy in each period", lacking, 1.0, "share");
        for (tier, slack) in Tier::ALL.into_iter().zip(least).filter(|(_, slack)| slack.is_finite()) {
            checks.slack(format!("least service of {}", tier.name()), slack, 1.0, "share");
        }
    }

    /// Accelerators that campaigns hold.
    fn gangs(&self, site: SiteId, kind: AcceleratorId, period: usize) -> f64 {
        let here = self.plan.campaigns.iter().filter(|it| it.site == site && it.accelerator == kind);
        here.filter_map(|it| {
            let (_, begin) = self.roadmap.starts.iter().find(|(id, _)| *id == it.campaign)?;
            let lasts = self.horizon.lag(crate::campaign::duration(self.model, it.campaign, kind)?).max(1);
            let first = self.horizon.period_at(*begin);
            (first..first + lasts).contains(&period).then(|| f64::from(self.model.held(it.campaign, kind)) * f64::from(it.islands))
        })
        .sum()
    }

    /// Fullest site when any one is lost: protected services stay or move to where they may run, unprotected ones give way.
    fn loss(&self, period: usize, loads: &[(ServiceId, SiteId, f64)], survive: &[Tier]) -> f64 {
        let latencies = bastide_model::latencies(self.model);
        let protected: Vec<_> = loads.iter().filter(|(id, ..)| survive.contains(&self.model.services[*id].tier)).copied().collect();
        let mut services: Vec<ServiceId> = protected.iter().map(|it| it.0).collect();
        services.sort_unstable();
        services.dedup();
        let lost: Vec<SiteId> = self.sites().filter(|site| protected.iter().any(|(_, at, load)| at == site && *load > 0.0)).collect();
        let full = |lost: SiteId| -> f64 {
            let mut program = Program::default();
            let fill = program.continuous(1.0, 0.0, f64::INFINITY);
            let mut used = std::collections::BTreeMap::<(SiteId, AcceleratorId), Vec<(usize, f64)>>::new();
            for id in &services {
                let mut all = Vec::new();
                for site in self.sites().filter(|site| *site != lost) {
                    let legality = &self.model.legal_service[id.index()][site.index()];
                    let may = legal(legality, self.horizon, period) && instance::near(&latencies, &self.model.services[*id], site);
                    let mut here = Vec::new();
                    for kind in self.types().filter(|_| may) {
                        let (rate, there) = (planned_rate(self.model, *id, kind), self.running(site, kind, period));
                        if rate > 0.0 && there > 0.0 {
                            let column = program.continuous(0.0, 0.0, f64::INFINITY);
                            used.entry((site, kind)).or_insert_with(|| vec![(fill, -there)]).push((column, 1.0 / rate));
                            here.push((column, 1.0));
                        }
                    }
                    let stays: f64 = protected.iter().filter(|it| it.0 == *id && it.1 == site).map(|it| it.2).sum();
                    program.at_most(Group::Structure, here.iter().map(|(column, _)| (*column, -1.0)), -stays);
                    all.extend(here);
                }
                let whole: f64 = protected.iter().filter(|it| it.0 == *id).map(|it| it.2).sum();
                program.row(Group::Structure, all, Sense::Equal, whole);
            }
            used.into_values().for_each(|row| program.at_most(Group::Structure, row, 0.0));
            match solver::solve(&program, &Limits { gap: 0.0, time_limit: self.model.planning.time_limit }) {
                Ok(Answer::Found(found)) => found.objective,
                _ => f64::INFINITY,
            }
        };
        lost.into_iter().map(full).fold(0.0, f64::max)
    }

    fn campaigns(&self, checks: &mut Checks) {
        let wrong = self.plan.campaigns.iter().filter(|it| {
            let Some((_, begin)) = self.roadmap.starts.iter().find(|(id, _)| *id == it.campaign) else { return true };
            let legality = &self.model.legal_campaign[it.campaign.index()][it.site.index()];
            let Some(duration) = crate::campaign::duration(self.model, it.campaign, it.accelerator) else { return true };
            let set = self.model.campaigns[it.campaign].dataset;
            *begin < self.model.campaigns[it.campaign].start
                || legality.from > *begin
                || *begin + duration > legality.until
                || set.is_some_and(|set| !self.plan.replicas.iter().any(|copy| copy.dataset == set && copy.site == it.site))
        });
        checks.none("campaigns run where and when they may", wrong.count());
        for (at, set) in self.model.datasets.iter().enumerate() {
            let mut homes: Vec<SiteId> =
                self.plan.replicas.iter().filter(|copy| copy.dataset.index() == at).map(|copy| copy.site).collect();
            homes.sort_unstable();
            homes.dedup();
            checks.at_most(format!("copies of {}", set.entity.name), f64::from(set.replicas), homes.len() as f64, "copies");
        }
    }

    fn cost(&self, checks: &mut Checks) {
        let mut again = Plan { cost: cost_lines(self.model, self.horizon, self.plan), ..self.plan.clone() };
        // What the other outlooks change cannot be worked out from the nominal way alone.
        again.cost.extend(self.plan.cost.iter().filter(|line| line.line == "other outlooks").cloned());
        let (lines, written) = (objective(&again), objective(self.plan));
        checks.slack("cost lines match the plan", -(lines - written).abs(), lines, "EUR/y");
    }
}
