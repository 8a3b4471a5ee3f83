//! The program: one function for each family of variables and constraints.
//!
//! ```text
//! sets        s sites, t types, g classes of services, v services, j campaigns, d datasets
//! build\[s\]    1 if the site is used                              nodes[s,t]  nodes bought
//! place[g,s,t] units of a class served (class.rs)                unserved[v] units not served
//! run[j,s,t]  1 if a campaign runs there; its islands there      train[j,t]  1 if a campaign of islands runs on t
//!                                                                replica[d,s] 1 if a copy lies there
//! standby[g,k,s,t] units that move to s when k is lost           home[g,s]   1 if a class of a single site runs there
//!
//! min   annuities + upkeep + energy + serving + value of unserved tokens + value of campaigns not run + delays
//! demand      sum_st place[g,s,t] + sum_v unserved[v] = demand\[g\]
//! capacity    sum_g place / rate + sum_j gang * run <= per_node * nodes + fleet                       each s, t
//! loss of k   sum_{s != k, t} standby[g,k,s,t] = sum_t place[g,k,t]                       each protected g
//!             sum_g (place + standby[k]) / rate + gangs that keep theirs <= accelerators  each k, s != k, t
//! ```
//!
//! When a site is lost, services that need not survive and campaigns of a lower tier give way; headroom stays, so that
//! the survivors' peaks still fit. With one protected class and no dataset, stand-by needs no variables: the rest can
//! take over exactly if its capacity covers the whole class, `sum_{s != k, t} rate * accelerators >= sum_st place`.

use bastide_model::model::{CampaignId, DatasetId};

use crate::instance::{Instance, Relaxed};
use crate::program::{Group, Program};

mod constraints;
pub(crate) mod investment;
mod outlook;
mod single_site;
mod spread;

pub(crate) use outlook::Recourse;
pub(crate) use spread::Spread;

/// The program of an instance, with the columns of each variable.
#[derive(Clone)]
pub(crate) struct Formulation {
    /// The program.
    pub program: Program,
    /// `build[site]`.
    pub build: Vec<usize>,
    /// `nodes[site][type]`; `None` where nothing may be bought.
    pub nodes: Vec<Vec<Option<usize>>>,
    /// `place[class][site][type]`; `None` where it may not run.
    pub place: Vec<Vec<Vec<Option<usize>>>>,
    /// `unserved[class][member]`.
    pub unserved: Vec<Vec<usize>>,
    /// `run[gang]`: whether it runs, or how many islands run there.
    pub run: Vec<usize>,
    /// `train[campaign, type]` of campaigns that run as islands: whether they all do, on that type.
    pub train: Vec<(CampaignId, usize, usize)>,
    /// `replica[dataset]`: position of the site and column.
    pub replica: Vec<Vec<(usize, usize)>>,
    /// `home[class][site]`; empty where a class may be split.
    pub home: Vec<Vec<Option<usize>>>,
    /// Columns of investments.
    pub investments: investment::Investments,
    /// `standby[class][lost site][site][type]`; empty where stand-by needs no variables.
    pub standby: Vec<Vec<Vec<Vec<Option<usize>>>>>,
    /// Classes with critical demand.
    pub spread: Vec<Spread>,
    /// `recourse[state]`.
    pub recourse: Vec<Recourse>,
}

impl Formulation {
    /// Builds the program without the groups in `relaxed`.
    pub(crate) fn new(instance: &Instance, relaxed: &Relaxed) -> Self {
        let mut it = Self::without_carbon(instance, relaxed);
        it.objective_carbon(instance);
        it
    }

    /// The program as if emissions had no price.
    pub(crate) fn without_carbon(instance: &Instance, relaxed: &Relaxed) -> Self {
        let mut it = Self {
            program: Program::default(),
            build: Vec::new(),
            nodes: Vec::new(),
            place: Vec::new(),
            unserved: Vec::new(),
            run: Vec::new(),
            train: Vec::new(),
            replica: Vec::new(),
            home: Vec::new(),
            investments: investment::Investments::default(),
            standby: vec![Vec::new(); instance.classes.len()],
            spread: Vec::new(),
            recourse: Vec::new(),
        };
        it.objective_constant(instance);
        it.variable_build(instance);
        it.variable_invest(instance);
        it.variable_nodes(instance, relaxed);
        it.variable_place(instance);
        it.variable_unserved(instance);
        it.variable_run(instance);
        it.variable_replica(instance);
        it.variable_effects(instance);
        it.constraint_invest(instance);
        it.constraint_site_power(instance, relaxed);
        it.constraint_hosting_limit(instance);
        it.constraint_it_power(instance);
        it.constraint_budget(instance);
        it.constraint_type_cap(instance);
        it.constraint_site_count(instance);
        it.constraint_required(instance);
        it.constraint_tier_share(instance);
        it.constraint_site_share(instance);
        it.constraint_spread(instance);
        it.constraint_demand(instance);
        it.constraint_single_site(instance);
        it.constraint_capacity(instance);
        it.constraint_campaign(instance);
        it.constraint_dataset(instance);
        it.constraint_min_service(instance);
        it.constraint_survival(instance);
        it.constraint_order_of_twins(instance);
        it.stage_two(instance, relaxed);
        it.variable_eased(instance);
        it.program.rows.retain(|row| !relaxed.contains(&row.group));
        it
    }

    /// What costs whatever the plan does: links, fleets that are there, campaigns if none of them runs.
    /// Columns that are decided before it is known which outlook comes true, in an order that does not depend on outlooks.
    pub(crate) fn first_stage(&self) -> Vec<usize> {
        let trains = self.train.iter().map(|(.., column)| *column);
        let copies = self.replica.iter().flatten().map(|(_, column)| *column);
        let nodes = self.nodes.iter().flatten().flatten().copied();
        let chosen = self.build.iter().copied().chain(nodes).chain(self.run.iter().copied()).chain(trains).chain(copies);
        chosen.chain(self.investments.invest.iter().copied()).collect()
    }

    /// What costs whatever the plan does: fleets that are there, campaigns if none of them runs.
    fn objective_constant(&mut self, instance: &Instance) {
        self.program.offset += instance.links * instance.building_recovery;
        for (site, place) in instance.sites.iter().enumerate() {
            self.program.offset += instance.fleet_power(site) * place.upkeep;
            for (kind, it) in instance.types.iter().enumerate() {
                self.program.offset += instance.fleet[site][kind] * it.power * it.idle * place.pue * place.energy;
            }
        }
        let years = crate::campaign::years(instance.model);
        self.program.offset += instance.model.campaigns.iter().map(|campaign| campaign.value.as_meur() / years).sum::<f64>();
    }

    /// `build(s)` with the annuity of opening the site and its fixed upkeep.
    fn variable_build(&mut self, instance: &Instance) {
        for (at, site) in instance.sites.iter().enumerate() {
            let cost = site.fixed_cost * instance.building_recovery + site.fixed_upkeep;
            let least = if instance.stands(at) { 1.0 } else { 0.0 };
            self.build.push(self.program.integer(cost, least, 1.0));
        }
    }

    /// `nodes[s,t]` with annuities, upkeep and idle energy.
    fn variable_nodes(&mut self, instance: &Instance, relaxed: &Relaxed) {
        for (at, site) in instance.sites.iter().enumerate() {
            let columns = instance.types.iter().enumerate().map(|(kind, it)| {
                let room = instance.model.sites[site.id].max_it_power.as_mw();
                // Without its room a site could take any number; a million nodes is more than anyone builds.
                let most = if relaxed.contains(&Group::Room(site.id)) {
                    1e6
                } else {
                    let stated = instance.model.sites[site.id].max_accelerators.map_or(1e6, |most| f64::from(most).max(1e6));
                    (room / (it.per_node * it.power) + 1e-9).floor().clamp(0.0, stated)
                };
                (site.buyable && it.buyable).then(|| self.program.integer(instance.node_cost(at, kind), 0.0, most))
            });
            let columns = columns.collect();
            self.nodes.push(columns);
        }
    }

    /// `place[g,s,t]` with the energy beyond idle, since a unit keeps `headroom / rate` accelerators busy, and what serving it there costs.
    fn variable_place(&mut self, instance: &Instance) {
        let headroom = instance.model.policy.headroom;
        for class in &instance.classes {
            let mut by_site = Vec::new();
            for site in 0..instance.sites.len() {
                let mut by_type = Vec::new();
                for (kind, rate) in class.rate.iter().enumerate() {
                    let possible = class.sites[site] && *rate > 0.0 && (self.nodes[site][kind].is_some() || instance.has(site, kind));
                    let energy = headroom / rate * instance.busy_cost(site, kind) * instance.nominal.energy[site];
                    let cost = instance.nominal.weight * (energy + class.serving_at(site));
                    by_type.push(possible.then(|| self.program.continuous(cost, 0.0, class.demand())));
                }
                by_site.push(by_type);
            }
            self.place.push(by_site);
        }
    }

    /// `unserved[v]` with the value of the lost tokens.
    fn variable_unserved(&mut self, instance: &Instance) {
        for class in &instance.classes {
            let columns = class.members.iter().map(|(service, units)| {
                let cost = crate::instance::value_of_rate(instance.model, *service) * class.tokens_per_unit(*service);
                self.program.continuous(instance.nominal.weight * cost, 0.0, *units)
            });
            let columns = columns.collect();
            self.unserved.push(columns);
        }
    }

    /// `run[j,s,t]`: the value of running it, less delay and energy beyond idle. Of islands, `run` counts those at a site, and
    /// `train[j,t]` bears value and delay: all of them run, on one type, or none does.
    fn variable_run(&mut self, instance: &Instance) {
        let years = crate::campaign::years(instance.model);
        for gang in &instance.gangs {
            let value = instance.model.campaigns[gang.campaign].value.as_meur() / years;
            let energy = gang.accelerators * gang.busy * instance.busy_cost(gang.site, gang.kind);
            if gang.islands == 1 {
                self.run.push(self.program.integer(gang.delay_cost + energy - value, 0.0, 1.0));
                continue;
            }
            self.run.push(self.program.integer(energy, 0.0, f64::from(gang.islands)));
            if !self.train.iter().any(|(campaign, kind, _)| (*campaign, *kind) == (gang.campaign, gang.kind)) {
                self.train.push((gang.campaign, gang.kind, self.program.integer(gang.delay_cost - value, 0.0, 1.0)));
            }
        }
    }

    /// `replica[d,s]`, free of charge.
    fn variable_replica(&mut self, instance: &Instance) {
        for dataset in (0..instance.model.datasets.len()).map(DatasetId::from_index) {
            let columns = instance.homes(dataset).into_iter().map(|site| (site, self.program.integer(0.0, 0.0, 1.0)));
            let columns = columns.collect();
            self.replica.push(columns);
        }
    }

    /// Terms of `sum_t weight(t) * nodes[s,t]`.
    fn nodes_at(&self, site: usize, weight: impl Fn(usize) -> f64) -> Vec<(usize, f64)> {
        let columns = self.nodes[site].iter().enumerate();
        columns.filter_map(|(kind, column)| column.map(|column| (column, weight(kind)))).collect()
    }

    /// Terms of the new IT power of a site, contracts included (MW).
    fn it_power(&self, instance: &Instance, site: usize) -> Vec<(usize, f64)> {
        let mut power = self.nodes_at(site, |kind| instance.types[kind].per_node * instance.types[kind].power);
        power.extend(self.contracts_at(instance, site, |kind| instance.types[kind].power));
        power
    }
}

/// Terms with their factor.
fn scaled(terms: impl IntoIterator<Item = (usize, f64)>, factor: f64) -> impl Iterator<Item = (usize, f64)> {
    terms.into_iter().map(move |(column, coefficient)| (column, coefficient * factor))
}
