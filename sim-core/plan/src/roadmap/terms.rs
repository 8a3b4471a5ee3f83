//! The sets and coefficients of a roadmap, taken from the model. Power in MW, money in M EUR, time in periods.

use bastide_model::model::{
    AcceleratorId, Alternative, BusId, CampaignId, Fleet, Horizon, Legality, Model, Profile, ServiceId, SiteId, Supply, Tier,
};
use bastide_units::{Duration, Time};

use super::stage::Tree;
use super::worth::Worth;
use crate::campaign;
use crate::class::{self, Class};
use crate::instance::{self, Instance, Relaxed, year_s};
use crate::program::Group;

/// IT power of a site whose limits the search for a conflict leaves out (MW): more than anyone builds.
pub(super) const UNLIMITED: f64 = 1e5;

/// Accelerators of one type under the same conditions.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BookTerms {
    /// Order book; `None` where a type has none.
    pub id: Option<usize>,
    /// Position of the type.
    pub kind: usize,
    /// `open[period]`: whether orders are taken.
    pub open: Vec<bool>,
    /// From order to delivery, in periods.
    pub lead: usize,
    /// `price[period]` of one, at the order [M EUR].
    pub price: Vec<f64>,
    /// What one is worth at the end when it is new: the lowest price of all, so that nobody buys to sell [M EUR].
    pub resale: f64,
    /// Time in service, in periods.
    pub life: usize,
    /// Time in service [y].
    pub life_years: f64,
    /// `sites[site]`: whether it may get them.
    pub sites: Vec<bool>,
}

/// A step by which a site can grow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct StepTerms {
    /// Expansion of the model.
    pub id: usize,
    /// Position of the site.
    pub site: usize,
    /// Connection of a step.
    pub connection: f64,
    /// Room for IT power of a step.
    pub room: f64,
    /// Cost of a step [M EUR].
    pub cost: f64,
    /// From decision to use, in periods.
    pub lead: usize,
    /// First period in which it can be used.
    pub earliest: usize,
    /// Most steps.
    pub most: u32,
}

/// A place and time at which a campaign may begin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Start {
    /// Campaign.
    pub campaign: CampaignId,
    /// Position of the site.
    pub site: usize,
    /// Position of the type.
    pub kind: usize,
    /// Stage in which it begins.
    pub stage: usize,
    /// Periods that it takes.
    pub periods: usize,
    /// How long it trains [y].
    pub years: f64,
    /// Accelerators that it holds, or each of its islands.
    pub accelerators: f64,
    /// Most gangs there: all islands, or the one.
    pub islands: u32,
    /// Cost of its delay [M EUR].
    pub delay_cost: f64,
}

/// Everything that the formulation reads.
pub(super) struct Terms<'m> {
    /// Sites and types, with their costs.
    pub base: Instance<'m>,
    /// How far and how finely it looks.
    pub horizon: &'m Horizon,
    /// Number of periods.
    pub periods: usize,
    /// Money over time.
    pub worth: Worth,
    /// Stages.
    pub tree: Tree,
    /// What may be ordered.
    pub books: Vec<BookTerms>,
    /// Steps of sites.
    pub steps: Vec<StepTerms>,
    /// Services that are placed together; `sites[site * periods + period]`.
    pub classes: Vec<Class>,
    /// `demand[service][period]` [tokens/s].
    pub demand: Vec<Vec<f64>>,
    /// `energy[site][period]` [M EUR per MW of facility power and year].
    pub energy: Vec<Vec<f64>>,
    /// `fleet[site][type][period]`: accelerators that are there in all of the period whatever the plan says.
    pub fleet: Vec<Vec<Vec<f64>>>,
    /// `fleet_at_work[site][type][period]`: those that are there at some time in it.
    pub fleet_at_work: Vec<Vec<Vec<f64>>>,
    /// From the decision to build at a site to its use, in periods.
    pub lead: Vec<usize>,
    /// `roomy[site]`: whether the search for a conflict leaves its room out.
    pub roomy: Vec<bool>,
    /// Where and when campaigns may begin.
    pub starts: Vec<Start>,
}

/// Mean of a profile between two hours.
pub(super) fn mean_between(model: &Model, profile: Profile, from: usize, until: usize) -> f64 {
    let until = until.max(from + 1);
    match profile {
        Profile::Constant(value) => value,
        Profile::Series { .. } => (from..until).map(|hour| model.at(profile, hour)).sum::<f64>() / (until - from) as f64,
    }
}

/// Hours of a period.
pub(super) fn hours(horizon: &Horizon, period: usize) -> (usize, usize) {
    let at = |period: usize| (horizon.period.as_h() * period as f64).round() as usize;
    (at(period), at(period + 1))
}

/// Demand of a service in a period, without outlooks [tokens/s].
pub(super) fn demand(model: &Model, horizon: &Horizon, service: ServiceId, period: usize) -> f64 {
    let it = &model.services[service];
    let (from, until) = hours(horizon, period);
    it.demand.as_tokens_per_s() * mean_between(model, it.profile, from, until).max(0.0)
}

/// Allowed from the beginning of a period to its end.
pub(super) fn legal(legality: &Legality, horizon: &Horizon, period: usize) -> bool {
    legality.from <= horizon.begin(period) && legality.until >= horizon.begin(period + 1).min(Time::ZERO + horizon.length)
}

/// Accelerators of a type that stand at a site in all of a period, whatever the plan says: those that can serve.
pub(super) fn fleet(model: &Model, horizon: &Horizon, site: SiteId, kind: AcceleratorId, period: usize) -> f64 {
    let (begin, end) = span(horizon, period);
    stands(model, site, kind, |it| it.energised <= begin && it.retired >= end)
}

/// The same for those that stand at some time in it: they take power and room, which nobody else has in that period.
pub(super) fn fleet_at_work(model: &Model, horizon: &Horizon, site: SiteId, kind: AcceleratorId, period: usize) -> f64 {
    let (begin, end) = span(horizon, period);
    stands(model, site, kind, |it| it.energised < end && it.retired > begin)
}

fn span(horizon: &Horizon, period: usize) -> (Time, Time) {
    (horizon.begin(period), horizon.begin(period + 1).min(Time::ZERO + horizon.length))
}

fn stands(model: &Model, site: SiteId, kind: AcceleratorId, counts: impl Fn(&Fleet) -> bool) -> f64 {
    let here = model.fleets.iter().filter(|it| it.site == site && it.accelerator == kind && counts(it));
    here.map(|it| f64::from(it.count)).sum()
}

/// What an alternative allows of the supply.
pub(super) fn supply(alternative: Option<&Alternative>) -> Supply {
    alternative.map(|it| it.supply.clone()).unwrap_or_default()
}

impl<'m> Terms<'m> {
    /// The sets and coefficients for a model under an alternative, without the groups in `relaxed`.
    pub(super) fn new(model: &'m Model, horizon: &'m Horizon, alternative: Option<&'m Alternative>, relaxed: &Relaxed) -> Self {
        let base = Instance::new(model, alternative, relaxed);
        let periods = horizon.periods();
        let tree = Tree::new(model, periods);
        let services = (0..model.services.len()).map(ServiceId::from_index);
        let demand = services.map(|id| (0..periods).map(|period| demand(model, horizon, id, period)).collect()).collect();
        let energy = |site: &instance::SiteTerms| {
            let price = model.buses[model.sites[site.id].bus].energy_price;
            let of = |period| {
                let (from, until) = hours(horizon, period);
                // EUR/J * 1e6 W/MW * s/y / 1e6 EUR/M EUR.
                mean_between(model, price, from, until) * year_s()
            };
            (0..periods).map(of).collect()
        };
        let energy = base.sites.iter().map(energy).collect();
        let by_period = |count: &dyn Fn(SiteId, AcceleratorId, usize) -> f64| -> Vec<Vec<Vec<f64>>> {
            let of_type = |site: SiteId, kind: AcceleratorId| (0..periods).map(|period| count(site, kind, period)).collect();
            base.sites.iter().map(|site| base.types.iter().map(|kind| of_type(site.id, kind.id)).collect()).collect()
        };
        let fleet = by_period(&|site, kind, period| fleet(model, horizon, site, kind, period));
        let fleet_at_work = by_period(&|site, kind, period| fleet_at_work(model, horizon, site, kind, period));
        let lead = base.sites.iter().map(|site| horizon.lag(model.sites[site.id].lead_time)).collect();
        let roomy = base.sites.iter().map(|site| relaxed.contains(&Group::Room(site.id))).collect();
        let mut terms = Self {
            base,
            horizon,
            periods,
            worth: Worth::new(model, horizon),
            tree,
            books: Vec::new(),
            steps: Vec::new(),
            classes: Vec::new(),
            demand,
            energy,
            fleet,
            fleet_at_work,
            lead,
            roomy,
            starts: Vec::new(),
        };
        terms.books = terms.find_books();
        let cheapest = terms.tree.stages.iter().map(|stage| stage.factors.accelerator_price).fold(1.0, f64::min);
        terms.books.iter_mut().for_each(|book| book.resale *= cheapest);
        terms.steps = terms.find_steps();
        terms.classes = terms.find_classes(relaxed);
        terms.starts = terms.find_starts();
        terms
    }

    fn find_books(&self) -> Vec<BookTerms> {
        let (model, horizon) = (self.base.model, self.horizon);
        let supply = supply(self.base.alternative);
        let (first, end) = (supply.order_from.unwrap_or(Time::ZERO), supply.order_until.unwrap_or(Time::NEVER));
        let begin = |period| horizon.begin(period);
        let mut books = Vec::new();
        for (kind, terms) in self.base.types.iter().enumerate().filter(|(_, it)| it.buyable) {
            if supply.accelerators.as_ref().is_some_and(|types| !types.contains(&terms.id)) {
                continue;
            }
            let own: Vec<usize> =
                (0..model.growth.order_books.len()).filter(|at| model.growth.order_books[*at].accelerator == terms.id).collect();
            if own.is_empty() {
                let it = &model.accelerators[terms.id];
                books.push(BookTerms {
                    id: None,
                    kind,
                    open: (0..self.periods).map(|period| first <= begin(period) && begin(period) < end).collect(),
                    lead: horizon.lag(model.planning.lead_time),
                    price: vec![terms.price; self.periods],
                    resale: terms.price,
                    life: horizon.lag(it.lifetime).max(1),
                    life_years: it.lifetime.as_y(),
                    sites: self.base.sites.iter().map(|site| site.buyable).collect(),
                });
            }
            for id in own.into_iter().filter(|id| supply.order_books.as_ref().is_none_or(|books| books.contains(id))) {
                let it = &model.growth.order_books[id];
                let open = |period| it.from.max(first) <= begin(period) && begin(period) < it.until.min(end);
                let price: Vec<f64> = (0..self.periods).map(|period| it.price_at(begin(period)).as_meur()).collect();
                let may = |site: &instance::SiteTerms| site.buyable && it.sites.as_ref().is_none_or(|sites| sites.contains(&site.id));
                books.push(BookTerms {
                    id: Some(id),
                    kind,
                    open: (0..self.periods).map(open).collect(),
                    lead: horizon.lag(it.lead_time),
                    resale: price.iter().copied().fold(f64::INFINITY, f64::min),
                    price,
                    life: horizon.lag(it.life).max(1),
                    life_years: it.life.as_y(),
                    sites: self.base.sites.iter().map(may).collect(),
                });
            }
        }
        books
    }

    fn find_steps(&self) -> Vec<StepTerms> {
        let (model, horizon) = (self.base.model, self.horizon);
        let supply = supply(self.base.alternative);
        let allowed = |id: &usize| supply.expansions.as_ref().is_none_or(|list| list.contains(id));
        (0..model.growth.expansions.len())
            .filter(allowed)
            .filter_map(|id| {
                let it = &model.growth.expansions[id];
                let site = self.base.sites.iter().position(|site| site.id == it.site)?;
                Some(StepTerms {
                    id,
                    site,
                    connection: it.connection.as_mw(),
                    room: it.it_power.as_mw(),
                    cost: it.cost.as_meur(),
                    lead: horizon.lag(it.lead_time),
                    earliest: horizon.period_from(it.earliest),
                    most: it.most,
                })
            })
            .collect()
    }

    fn find_classes(&self, relaxed: &Relaxed) -> Vec<Class> {
        let model = self.base.model;
        let latencies = bastide_model::latencies(model);
        let types: Vec<AcceleratorId> = self.base.types.iter().map(|kind| kind.id).collect();
        let singles = (0..model.services.len()).map(ServiceId::from_index).filter_map(|id| {
            let it = &model.services[id];
            let mut may_run = Vec::with_capacity(self.base.sites.len() * self.periods);
            for site in &self.base.sites {
                let near = relaxed.contains(&Group::Latency(id)) || instance::near(&latencies, it, site.id);
                let legality = &model.legal_service[id.index()][site.id.index()];
                let allowed = |period| relaxed.contains(&Group::Legality(id)) || legal(legality, self.horizon, period);
                may_run.extend((0..self.periods).map(|period| near && allowed(period)));
            }
            class::single(model, id, &types, may_run, self.base.survive.contains(&it.tier))
        });
        class::join(singles)
    }

    fn find_starts(&self) -> Vec<Start> {
        let (model, horizon) = (self.base.model, self.horizon);
        let mut starts = Vec::new();
        for id in (0..model.campaigns.len()).map(CampaignId::from_index) {
            let it = &model.campaigns[id];
            for (kind, terms) in self.base.types.iter().enumerate() {
                let Some(duration) = campaign::duration(model, id, terms.id) else { continue };
                let years = duration.as_y();
                let periods = horizon.lag(duration).max(1);
                for (site, place) in self.base.sites.iter().enumerate() {
                    let legality = &model.legal_campaign[id.index()][place.id.index()];
                    for (stage, at) in self.tree.stages.iter().enumerate() {
                        let begin = horizon.begin(at.period);
                        let fits = at.period + periods <= self.periods && legality.from <= begin && begin + duration <= legality.until;
                        if begin < it.start || !fits {
                            continue;
                        }
                        let delay = (begin + duration).since(it.deadline);
                        starts.push(Start {
                            campaign: id,
                            site,
                            kind,
                            stage,
                            periods,
                            years,
                            accelerators: f64::from(model.held(id, terms.id)),
                            islands: it.islands(),
                            delay_cost: (it.cost_of_delay * delay).as_meur(),
                        });
                    }
                }
            }
        }
        starts
    }

    /// Whether a class may run at a site in a period.
    pub(super) fn may_run(&self, class: usize, site: usize, period: usize) -> bool {
        self.classes[class].sites[site * self.periods + period]
    }
    /// Demand of a member of a class at a stage, in the class's units.
    pub(super) fn units(&self, service: ServiceId, units: f64, stage: usize) -> f64 {
        let it = &self.tree.stages[stage];
        let rate = self.demand[service.index()][it.period] * it.factors.demand.get(service.index()).copied().unwrap_or(1.0);
        rate / self.tokens_per_unit(service, units)
    }
    /// Tokens per second in one unit of a service's class.
    pub(super) fn tokens_per_unit(&self, service: ServiceId, units: f64) -> f64 {
        crate::class::mean_demand(self.base.model, service) / units
    }
    /// Least service of a tier at a stage.
    pub(super) fn least_service(&self, tier: Tier, stage: usize) -> Option<f64> {
        self.base.model.least_service(tier, self.horizon.begin(self.tree.stages[stage].period))
    }
    /// Power of a node [MW of IT power].
    pub(super) fn node_power(&self, book: usize) -> f64 {
        let kind = &self.base.types[self.books[book].kind];
        kind.per_node * kind.power
    }
    /// IT power of the fleets at a stage \[MW\].
    pub(super) fn fleet_power(&self, site: usize, period: usize) -> f64 {
        self.base.types.iter().zip(&self.fleet_at_work[site]).map(|(kind, fleet)| kind.power * fleet[period]).sum()
    }
    /// IT power of the fleets when it is greatest: their halls and connections stand \[MW\].
    pub(super) fn standing(&self, site: usize) -> f64 {
        (0..self.periods).map(|period| self.fleet_power(site, period)).fold(0.0, f64::max)
    }
    /// Years of a period, the last of which the horizon may cut.
    pub(super) fn years(&self, period: usize) -> f64 {
        self.worth.years(period)
    }
    /// Factor on what is paid at the beginning of a stage, its probability included.
    pub(super) fn at_begin(&self, stage: usize) -> f64 {
        let it = &self.tree.stages[stage];
        it.probability * self.worth.at_begin(it.period)
    }
    /// Factor on what is paid at the end of a stage, its probability included.
    pub(super) fn at_end(&self, stage: usize) -> f64 {
        let it = &self.tree.stages[stage];
        it.probability * self.worth.at_end(it.period)
    }
    /// Value today of a euro that a building costs at a stage, less what is left of it at the end.
    pub(super) fn building(&self, stage: usize) -> f64 {
        let it = &self.tree.stages[stage];
        it.probability * self.worth.building(it.period)
    }
    /// Whether everything ordered arrives on time, on the one way that there is: then lots are whole nodes.
    pub(super) fn is_plain(&self) -> bool {
        self.tree.leaves().count() == 1 && self.tree.stages.iter().all(|it| it.factors == super::stage::Factors::none(self.base.model))
    }
    /// The same with other stages.
    pub(super) fn with_tree(&self, tree: Tree) -> Self {
        let mut terms = Self::new(self.base.model, self.horizon, self.base.alternative, &Relaxed::default());
        terms.tree = tree;
        terms.starts = terms.find_starts();
        terms
    }
    /// Lag of deliveries at a stage, in periods.
    pub(super) fn delay(&self, stage: usize) -> usize {
        let delay: Duration = self.tree.stages[stage].factors.delay;
        self.horizon.lag(delay)
    }
    /// Where orders of a stage arrive: stage and share of them. Their outlook is the one in which they are due.
    pub(super) fn arrivals(&self, book: usize, stage: usize) -> Vec<(usize, f64)> {
        let due = self.tree.stages[stage].period + self.books[book].lead;
        let mut found = Vec::new();
        for at in self.tree.below(stage) {
            if self.tree.stages[at].period != due {
                continue;
            }
            let (share, delay) = (self.tree.stages[at].factors.deliveries, self.delay(at));
            found.extend(self.tree.below(at).into_iter().filter(|to| self.tree.stages[*to].period == due + delay).map(|to| (to, share)));
        }
        found
    }
    /// Cost of what has been decided so far at a stage, where each addition costs `of` the stage in which it is decided.
    pub(super) fn of_addition(&self, stage: usize, of: impl Fn(usize) -> f64) -> f64 {
        of(stage) - self.tree.stages[stage].children.iter().map(|child| of(*child)).sum::<f64>()
    }
    /// Stages so many periods after one.
    pub(super) fn after(&self, stage: usize, periods: usize) -> Vec<usize> {
        let due = self.tree.stages[stage].period + periods;
        self.tree.below(stage).into_iter().filter(|at| self.tree.stages[*at].period == due).collect()
    }
    /// Value today of a euro at the end of the horizon, times the probability of that end.
    pub(super) fn end(&self, leaf: usize) -> f64 {
        self.tree.stages[leaf].probability * self.worth.end()
    }
    /// Energy for a MW of IT power that is busy in all of a stage [M EUR/y].
    pub(super) fn energy_cost(&self, site: usize, stage: usize) -> f64 {
        let at = &self.tree.stages[stage];
        self.base.sites[site].pue
            * self.energy[site][at.period]
            * at.factors.energy_price[self.base.model.sites[self.base.sites[site].id].bus.index()]
    }
    /// Energy beyond idle of one accelerator of a campaign, from its beginning to its end, as value today.
    pub(super) fn busy_energy(&self, start: &Start) -> f64 {
        let it = &self.base.types[start.kind];
        let first = self.tree.stages[start.stage].period;
        let mut left = start.years;
        let mut sum = 0.0;
        // Where the tree branches meanwhile, the first branch stands for all.
        let mut stage = Some(start.stage);
        while let Some(at) = stage.filter(|at| self.tree.stages[*at].period < first + start.periods) {
            let years = left.min(self.years(self.tree.stages[at].period));
            let end = self.at_end(at) / self.tree.stages[at].probability;
            sum += it.power * (1.0 - it.idle) * self.energy_cost(start.site, at) * years * end;
            left -= years;
            stage = self.tree.stages[at].children.first().copied();
        }
        sum
    }
    /// Value today of a euro at the end of the period in which a campaign is due.
    pub(super) fn due(&self, campaign: CampaignId) -> f64 {
        let due = self.base.model.campaigns[campaign].deadline.since(Time::ZERO);
        let periods = self.horizon.lag(due).clamp(1, self.periods);
        self.worth.at_end(periods - 1)
    }
    /// Most IT power of a site, all steps included \[MW\].
    pub(super) fn room(&self, site: usize) -> f64 {
        if self.roomy[site] {
            return UNLIMITED;
        }
        let steps = self.steps.iter().filter(|step| step.site == site);
        self.base.model.sites[self.base.sites[site].id].max_it_power.as_mw()
            + steps.map(|step| f64::from(step.most) * step.room).sum::<f64>()
    }
    /// Whether a site has room for all that its connection carries, with every step.
    pub(super) fn roomy_for_connection(&self, site: usize) -> bool {
        let (it, pue) = (&self.base.model.sites[self.base.sites[site].id], self.base.sites[site].pue);
        let enough = |room: f64, connection: f64| room * pue >= connection * (1.0 - 1e-9);
        enough(it.max_it_power.as_mw(), it.connection.as_mw())
            && self.steps.iter().filter(|step| step.site == site).all(|step| enough(step.room, step.connection))
    }
    /// Most nodes of a book that fit in a site.
    pub(super) fn most_nodes(&self, book: usize, site: usize) -> f64 {
        // A million nodes is more than anyone builds.
        (self.room(site) / self.node_power(book) + 1e-9).floor().clamp(0.0, 1e6)
    }
    /// Demand of a class at a stage, in its units.
    pub(super) fn class_units(&self, class: usize, stage: usize) -> f64 {
        self.classes[class].members.iter().map(|(service, units)| self.units(*service, *units, stage)).sum()
    }
    /// Share of a site's accelerators that can be used at a stage.
    pub(super) fn availability(&self, site: usize, stage: usize) -> f64 {
        self.tree.stages[stage].factors.availability[self.base.sites[site].id.index()]
    }
    /// Buses with sites and a hosting limit at a stage, as (bus, limit in MW, positions of the sites).
    pub(super) fn hosts(&self, stage: usize) -> Vec<(BusId, f64, Vec<usize>)> {
        let at = &self.tree.stages[stage];
        let buses = (0..self.base.model.buses.len()).map(BusId::from_index);
        buses
            .filter_map(|bus| {
                let limit = self.base.model.hosting_limit(bus, self.horizon.year(at.period))?.as_mw() * at.factors.hosting;
                let here = (0..self.base.sites.len()).filter(|site| self.base.model.sites[self.base.sites[*site].id].bus == bus);
                let here: Vec<usize> = here.collect();
                (!here.is_empty()).then_some((bus, limit, here))
            })
            .collect()
    }
    /// Export caps that hold, by position.
    pub(super) fn export_caps(&self) -> Vec<usize> {
        let supply = supply(self.base.alternative);
        let all = 0..self.base.model.growth.export_caps.len();
        all.filter(|id| supply.export_caps.as_ref().is_none_or(|list| list.contains(id))).collect()
    }
    /// Sites where a dataset may lie in all of the horizon, as positions.
    pub(super) fn homes(&self, dataset: bastide_model::model::DatasetId) -> Vec<usize> {
        let legal_at = |at: &usize| {
            let legality = &self.base.model.legal_dataset[dataset.index()][self.base.sites[*at].id.index()];
            (0..self.periods).all(|period| legal(legality, self.horizon, period))
        };
        (0..self.base.sites.len()).filter(legal_at).collect()
    }
}
