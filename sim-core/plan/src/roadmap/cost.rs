//! What a roadmap costs, computed from the plan alone.

use bastide_model::model::{CampaignId, Horizon, Model, SiteId};
use bastide_model::plan::{CostLine, Lot, Plan, Roadmap};
use bastide_units::{Money, Time};

use super::terms::{fleet_at_work, hours, mean_between};
use super::worth::Worth;
use crate::instance::{self, year_s};
use crate::{campaign, instance::mean_pue};

/// The lines of a roadmap's cost per year over the horizon, with the capital behind them; none where the plan has no roadmap.
pub(crate) fn cost_lines(model: &Model, horizon: &Horizon, plan: &Plan) -> Vec<CostLine> {
    let Some(roadmap) = &plan.roadmap else { return Vec::new() };
    let cost = Cost { model, horizon, roadmap, worth: Worth::new(model, horizon) };
    let (not_run, delay) = cost.campaigns(plan);
    let line = |line: &str, (today, capital): (f64, f64)| CostLine {
        line: line.to_owned(),
        annual_eur: today * cost.worth.recovery(),
        capital_eur: capital,
    };
    vec![
        line("accelerators", cost.accelerators()),
        line(
            "opening of sites",
            cost.works(|site| if site.existing { 0.0 } else { site.fixed_cost.as_eur() }, |it, price| if it.opens { price } else { 0.0 }),
        ),
        line("buildings", cost.works(|site| site.building_cost.as_meur_per_mw() * 1e6, |it, price| it.it_power.as_mw() * price)),
        line("grid connections", cost.works(|site| site.connection_cost.as_meur_per_mw() * 1e6, |it, price| it.connection.as_mw() * price)),
        line("expansions", cost.steps()),
        line("upkeep", (cost.upkeep(), 0.0)),
        line("energy", (cost.energy(plan), 0.0)),
        line("waiting accelerators", (cost.waiting(), 0.0)),
        line("unserved demand", (cost.unserved(), 0.0)),
        line("campaigns not run", (not_run, 0.0)),
        line("delay of campaigns", (delay, 0.0)),
    ]
}

/// Adds what the outlooks beside the nominal one change, so that the lines sum to the expected cost [EUR/y].
pub(super) fn rest_of_tree(plan: &mut Plan, expected_eur: f64) {
    let nominal: f64 = plan.cost.iter().map(|line| line.annual_eur).sum();
    plan.cost.push(CostLine { line: "other outlooks".to_owned(), annual_eur: expected_eur - nominal, capital_eur: 0.0 });
}

/// Price of one accelerator of a lot at its order.
pub(super) fn price(model: &Model, lot: &Lot) -> Money {
    lot.book.map_or(model.accelerators[lot.accelerator].price, |book| model.growth.order_books[book].price_at(lot.ordered))
}

struct Cost<'a> {
    model: &'a Model,
    horizon: &'a Horizon,
    roadmap: &'a Roadmap,
    worth: Worth,
}

impl Cost<'_> {
    fn periods(&self) -> usize {
        self.horizon.periods()
    }
    fn sites(&self) -> impl Iterator<Item = SiteId> + use<> {
        (0..self.model.sites.len()).map(SiteId::from_index)
    }

    /// Paid at delivery; at the end worth the annuities still to come, at the lowest price of their book.
    fn accelerators(&self) -> (f64, f64) {
        let (mut today, mut capital) = (0.0, 0.0);
        for lot in &self.roadmap.lots {
            let (kind, count) = (&self.model.accelerators[lot.accelerator], f64::from(lot.count));
            let book = lot.book.map(|book| &self.model.growth.order_books[book]);
            let paid = price(self.model, lot).as_eur() * count;
            let lowest = book.map_or(kind.price.as_eur(), |book| {
                let prices = (0..self.periods()).map(|period| book.price_at(self.horizon.begin(period)).as_eur());
                prices.fold(f64::INFINITY, f64::min)
            });
            let life = book.map_or(kind.lifetime, |book| book.life).as_y();
            let end = Time::ZERO + self.horizon.length;
            let left = match () {
                // What waits to the end is worth nothing.
                () if lot.retired < end || lot.energised >= end => 0.0,
                () => self.worth.left(life, self.horizon.period_from(lot.energised)),
            };
            capital += paid;
            today += paid * self.worth.at_begin(self.horizon.period_from(lot.delivered)) - lowest * count * left * self.worth.end();
        }
        (today, capital)
    }

    fn works(
        &self,
        price: impl Fn(&bastide_model::model::Site) -> f64,
        of: impl Fn(&bastide_model::plan::Works, f64) -> f64,
    ) -> (f64, f64) {
        let (mut today, mut capital) = (0.0, 0.0);
        for it in &self.roadmap.works {
            let site = &self.model.sites[it.site];
            let paid = of(it, price(site));
            capital += paid;
            today += paid * self.worth.building(self.horizon.period_from(it.decided));
        }
        (today, capital)
    }

    fn steps(&self) -> (f64, f64) {
        let (mut today, mut capital) = (0.0, 0.0);
        for it in &self.roadmap.steps {
            let paid = self.model.growth.expansions[it.expansion].cost.as_eur() * f64::from(it.count);
            capital += paid;
            today += paid * self.worth.building(self.horizon.period_from(it.decided));
        }
        (today, capital)
    }

    /// Sum over periods of something per year, as value today.
    fn over_time(&self, of: impl Fn(usize, Time) -> f64) -> f64 {
        let each = |period| of(period, self.horizon.begin(period)) * self.worth.years(period) * self.worth.at_end(period);
        // The sum of nothing is -0.
        (0..self.periods()).map(each).sum::<f64>() + 0.0
    }

    /// IT power at a site in a period, fleets included, and what of it is drawn when idle \[MW\].
    fn it_power(&self, site: SiteId, period: usize) -> (f64, f64) {
        let begin = self.horizon.begin(period);
        let lots =
            self.roadmap.lots.iter().filter(|lot| lot.site == site && lot.runs(begin)).map(|lot| (lot.accelerator, f64::from(lot.count)));
        let kinds = (0..self.model.accelerators.len()).map(bastide_model::model::AcceleratorId::from_index);
        let fleets = kinds.map(|kind| (kind, fleet_at_work(self.model, self.horizon, site, kind, period)));
        lots.chain(fleets).fold((0.0, 0.0), |(full, idle), (kind, count)| {
            let kind = &self.model.accelerators[kind];
            (full + kind.power.as_mw() * count, idle + kind.power.as_mw() * count * kind.idle_share)
        })
    }

    fn upkeep(&self) -> f64 {
        self.over_time(|period, begin| {
            let of_site = |site: SiteId| {
                let it = &self.model.sites[site];
                let stands = (0..self.periods()).any(|period| self.has_fleet(site, period));
                let open = stands || self.roadmap.works.iter().any(|works| works.site == site && works.opens && works.ready <= begin);
                let fixed = if open { it.fixed_upkeep.as_eur_per_y() } else { 0.0 };
                fixed + it.upkeep.as_eur_per_mw_y() * self.it_power(site, period).0
            };
            self.sites().map(of_site).sum()
        })
    }

    fn has_fleet(&self, site: SiteId, period: usize) -> bool {
        self.model.fleets.iter().any(|it| it.site == site && fleet_at_work(self.model, self.horizon, site, it.accelerator, period) > 0.0)
    }

    /// Price of a year of one MW of IT power at a site in a period \[EUR\].
    fn energy_price(&self, site: SiteId, period: usize) -> f64 {
        let (from, until) = hours(self.horizon, period);
        let price = mean_between(self.model, self.model.buses[self.model.sites[site].bus].energy_price, from, until);
        price * 1e6 * year_s() * mean_pue(self.model, site)
    }

    fn energy(&self, plan: &Plan) -> f64 {
        let services = self.over_time(|period, _| {
            let idle: f64 = self.sites().map(|site| self.it_power(site, period).1 * self.energy_price(site, period)).sum();
            let busy = self.roadmap.periods.get(period).into_iter().flat_map(|it| &it.busy);
            let extra = busy.map(|(site, kind, count)| {
                let kind = &self.model.accelerators[*kind];
                count * kind.power.as_mw() * (1.0 - kind.idle_share) * self.energy_price(*site, period)
            });
            idle + extra.sum::<f64>()
        });
        let start = |id| self.roadmap.starts.iter().find(|(campaign, _)| *campaign == id).map(|(_, begin)| *begin);
        let training = plan.campaigns.iter().filter_map(|it| Some(self.training(it, start(it.campaign)?)));
        services + training.sum::<f64>()
    }

    /// Energy beyond idle of a campaign's accelerators at a site, as value today \[EUR\].
    fn training(&self, it: &bastide_model::plan::CampaignPlacement, begin: Time) -> f64 {
        let Some(duration) = campaign::duration(self.model, it.campaign, it.accelerator) else { return 0.0 };
        let kind = &self.model.accelerators[it.accelerator];
        let power =
            kind.power.as_mw() * (1.0 - kind.idle_share) * f64::from(self.model.held(it.campaign, it.accelerator)) * f64::from(it.islands);
        let (mut left, mut period, mut sum) = (duration.as_y(), self.horizon.period_from(begin), 0.0);
        while left > 1e-12 && period < self.periods() {
            let years = left.min(self.worth.years(period));
            sum += power * years * self.energy_price(it.site, period) * self.worth.at_end(period);
            left -= years;
            period += 1;
        }
        sum
    }

    fn waiting(&self) -> f64 {
        let of_lot = |lot: &Lot| f64::from(lot.count) * self.model.accelerators[lot.accelerator].price.as_eur();
        self.horizon.waiting_cost * self.over_time(|_, begin| self.roadmap.lots.iter().filter(|lot| lot.waits(begin)).map(of_lot).sum())
    }

    fn unserved(&self) -> f64 {
        self.over_time(|period, _| {
            let lost = self.roadmap.periods.get(period).into_iter().flat_map(|it| &it.unserved);
            lost.map(|(service, rate)| instance::value_of_rate(self.model, *service) * 1e6 * rate.as_tokens_per_s()).sum()
        })
    }

    /// Value of the campaigns that do not run, and cost of the delay of those that do.
    fn campaigns(&self, plan: &Plan) -> (f64, f64) {
        let (mut not_run, mut late) = (0.0, 0.0);
        for (at, it) in self.model.campaigns.iter().enumerate() {
            let id = CampaignId::from_index(at);
            let lag = self.horizon.lag(it.deadline.since(Time::ZERO)).clamp(1, self.periods());
            let due = self.worth.at_end(lag - 1);
            let placed = plan.campaigns.iter().find(|placed| placed.campaign == id);
            let start = self.roadmap.starts.iter().find(|(campaign, _)| *campaign == id).map(|(_, begin)| *begin);
            let (Some(first), Some(begin)) = (placed, start) else {
                not_run += it.value.as_eur() * due;
                continue;
            };
            if let Some(duration) = campaign::duration(self.model, id, first.accelerator) {
                late += (it.cost_of_delay * (begin + duration).since(it.deadline)).as_eur() * due;
            }
        }
        (not_run, late)
    }
}
