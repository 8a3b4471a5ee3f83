//! The program of a roadmap: one function for each family of variables and constraints.
//!
//! ```text
//! sets        k stages (period q(k), parent k-), s sites, b order books (type t(b)), e expansions, g classes, v services, j campaigns
//! order[b,s,k]    nodes ordered             energise[b,s,k]  nodes that begin to work      retire[b,s,k]  nodes that leave
//! waiting[b,s,k]  nodes delivered, idle     running[b,s,k]   nodes at work
//! open[s,k]   1 once a site is decided      hall[s,k]  MW of halls decided so far          line[s,k]  MW of own connection so far
//! steps[e,k]  steps decided so far          place[g,s,t,k]  units served                   unserved[v,k]  units not served
//! spare[g,s,t,k]  units that could move to s when any other site is lost
//! kept[b,s,j]     nodes of age j that are at work at the end
//! run[j,s,t,k]    1 if a campaign begins there and then (its islands); train[j,t,k], replica[d,s] as in a plan of one moment
//!
//! min   sum_k p(k) ( v^begin(k) capital(k) + v^end(k) years (upkeep + energy + waiting + unserved) ) - v^H what is left
//!
//! stock    waiting[k] = waiting[k-] + arrivals[k] - energise[k]        arrivals[k] = sum_k' share order[k'],  k' a lead time before
//! work     running[k] = running[k-] + energise[k] - retire[k]
//! age      running[k] <= sum of energise over the last life            (first in, first out)
//! power    IT power[s,k] <= standing + hall[s, k - lead],   PUE * IT power[s,k] <= standing + line[s, k - lead] + steps
//! capacity sum_g (place + spare) / rate <= accelerators                each s, t, k
//! demand   sum_st place[g,s,t,k] + sum_v unserved[v,k] = demand[g,k]
//! loss     sum_{s != l, t} spare[g,s,t,k] >= sum_t place[g,l,t,k]      each protected g, each lost l, each k
//! budget   capital of a year <= budget of the year; all capital <= budget
//! ```
//!
//! v = 1 / (1 + r), p(k) the probability of a stage. What is bought pays for its whole life and gets back, at the end of the
//! horizon, the annuities that are still to come; the objective is the net present value as a yearly payment. With one
//! period, it is that of a plan of one moment.

use bastide_model::model::{CampaignId, DatasetId};

use super::terms::Terms;
use crate::instance::Relaxed;
use crate::program::Program;

mod constraints;

/// Columns by book, site and stage; `None` where there can be none.
pub(super) type Nodes = Vec<Vec<Vec<Option<usize>>>>;
/// Columns by class, site, type and stage; `None` where it may not run.
pub(super) type Places = Vec<Vec<Vec<Vec<Option<usize>>>>>;

/// Nodes that began at a stage and are at work at an end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Kept {
    /// Book.
    pub book: usize,
    /// Site.
    pub site: usize,
    /// End.
    pub leaf: usize,
    /// Stage in which they began.
    pub stage: usize,
    /// Column.
    pub column: usize,
}

/// The program of a roadmap, with the columns of each variable.
pub(super) struct Formulation {
    /// The program.
    pub program: Program,
    /// `order[book][site][stage]`.
    pub order: Nodes,
    /// `energise[book][site][stage]`.
    pub energise: Nodes,
    /// `retire[book][site][stage]`.
    pub retire: Nodes,
    /// `waiting[book][site][stage]`.
    pub waiting: Nodes,
    /// `running[book][site][stage]`.
    pub running: Nodes,
    /// What is left at the end.
    pub kept: Vec<Kept>,
    /// `open[site][stage]`.
    pub open: Vec<Vec<usize>>,
    /// `hall[site][stage]` (MW of IT power).
    pub hall: Vec<Vec<usize>>,
    /// `line[site][stage]` (MW of facility power).
    pub line: Vec<Vec<usize>>,
    /// `steps[expansion][stage]`.
    pub steps: Vec<Vec<usize>>,
    /// `place[class][site][type][stage]`.
    pub place: Places,
    /// `spare[class][site][type][stage]`.
    pub spare: Places,
    /// `unserved[class][member][stage]`.
    pub unserved: Vec<Vec<Vec<usize>>>,
    /// `run[start]`.
    pub run: Vec<usize>,
    /// `train[campaign, type, stage]` of campaigns that run as islands.
    pub train: Vec<(CampaignId, usize, usize, usize)>,
    /// `replica[dataset]`: position of the site and column.
    pub replica: Vec<Vec<(usize, usize)>>,
}

impl Formulation {
    /// Builds the program without the groups in `relaxed`.
    pub(super) fn new(terms: &Terms, relaxed: &Relaxed) -> Self {
        let mut it = Self {
            program: Program::default(),
            order: Vec::new(),
            energise: Vec::new(),
            retire: Vec::new(),
            waiting: Vec::new(),
            running: Vec::new(),
            kept: Vec::new(),
            open: Vec::new(),
            hall: Vec::new(),
            line: Vec::new(),
            steps: Vec::new(),
            place: Vec::new(),
            spare: Vec::new(),
            unserved: Vec::new(),
            run: Vec::new(),
            train: Vec::new(),
            replica: Vec::new(),
        };
        it.objective_constant(terms);
        it.variable_site(terms);
        it.variable_steps(terms);
        it.variable_nodes(terms);
        it.variable_kept(terms);
        it.variable_place(terms);
        it.variable_unserved(terms);
        it.variable_run(terms);
        it.variable_replica(terms);
        it.constraint_once(terms);
        it.constraint_stock(terms);
        it.constraint_age(terms);
        it.constraint_kept(terms);
        it.constraint_site_power(terms, relaxed);
        it.constraint_in_use(terms);
        it.constraint_hosting_limit(terms);
        it.constraint_it_power(terms);
        it.constraint_budget(terms);
        it.constraint_order_books(terms);
        it.constraint_export_caps(terms);
        it.constraint_sites(terms);
        it.constraint_shares(terms);
        it.constraint_demand(terms);
        it.constraint_capacity(terms);
        it.constraint_survival(terms);
        it.constraint_campaigns(terms);
        it.constraint_datasets(terms);
        it.constraint_min_service(terms);
        it.program.rows.retain(|row| !relaxed.contains(&row.group));
        it
    }

    /// What costs whatever the plan does: fleets that are there, campaigns if none of them runs.
    fn objective_constant(&mut self, terms: &Terms) {
        let mut cost = 0.0;
        for (stage, at) in terms.tree.stages.iter().enumerate() {
            let years = terms.years(at.period) * terms.at_end(stage);
            for (site, place) in terms.base.sites.iter().enumerate() {
                cost += terms.fleet_power(site, at.period) * place.upkeep * years;
                for (kind, it) in terms.base.types.iter().enumerate() {
                    cost += terms.fleet_at_work[site][kind][at.period] * it.power * it.idle * terms.energy_cost(site, stage) * years;
                }
            }
        }
        let model = terms.base.model;
        cost +=
            (0..model.campaigns.len()).map(|at| model.campaigns[at].value.as_meur() * terms.due(CampaignId::from_index(at))).sum::<f64>();
        self.program.offset += terms.worth.recovery() * cost;
    }

    /// `open(s,k)`, `hall(s,k)`, `line(s,k)`: decided so far. An addition is paid where it is decided; a site's fixed upkeep runs where it can be used.
    fn variable_site(&mut self, terms: &Terms) {
        let recovery = terms.worth.recovery();
        for (at, site) in terms.base.sites.iter().enumerate() {
            let least = if terms.standing(at) > 0.0 { 1.0 } else { 0.0 };
            let [mut open, mut hall, mut line] = [const { Vec::new() }; 3];
            for stage in 0..terms.tree.stages.len() {
                let addition = |cost: f64| cost * terms.of_addition(stage, |k| terms.building(k));
                let used = terms.after(stage, terms.lead[at]);
                let upkeep: f64 = used.into_iter().map(|k| terms.at_end(k) * terms.years(terms.tree.stages[k].period)).sum();
                open.push(self.program.integer(recovery * (addition(site.fixed_cost) + site.fixed_upkeep * upkeep), least, 1.0));
                hall.push(self.program.continuous(recovery * addition(site.building), 0.0, terms.room(at)));
                line.push(self.program.continuous(recovery * addition(site.connection), 0.0, f64::INFINITY));
            }
            self.open.push(open);
            self.hall.push(hall);
            self.line.push(line);
        }
    }

    /// `steps(e,k)`: steps decided so far.
    fn variable_steps(&mut self, terms: &Terms) {
        for step in &terms.steps {
            let stages = 0..terms.tree.stages.len();
            let cost = stages.map(|stage| terms.worth.recovery() * step.cost * terms.of_addition(stage, |k| terms.building(k)));
            let columns = cost.map(|cost| self.program.integer(cost, 0.0, f64::from(step.most))).collect();
            self.steps.push(columns);
        }
    }

    /// `order(b,s,k)` at its price, paid where it arrives; `energise`, `retire`; `waiting` with its cost;
    /// `running` with upkeep and idle energy.
    fn variable_nodes(&mut self, terms: &Terms) {
        let recovery = terms.worth.recovery();
        for (book, it) in terms.books.iter().enumerate() {
            let kind = &terms.base.types[it.kind];
            let [mut order, mut energise, mut retire, mut waiting, mut running] = [const { Vec::new() }; 5];
            for (site, place) in terms.base.sites.iter().enumerate() {
                let most = terms.most_nodes(book, site);
                let first = it.open.iter().position(|open| *open).filter(|_| it.sites[site] && most > 0.0);
                let mut here: [Vec<Option<usize>>; 5] = [const { Vec::new() }; 5];
                for (stage, at) in terms.tree.stages.iter().enumerate() {
                    let years = terms.years(at.period) * terms.at_end(stage);
                    let arrivals = if first.is_some() && it.open[at.period] { terms.arrivals(book, stage) } else { Vec::new() };
                    let price = it.price[at.period] * at.factors.accelerator_price * kind.per_node;
                    let paid: f64 = arrivals.iter().map(|(to, share)| share * terms.at_begin(*to)).sum();
                    here[0].push((!arrivals.is_empty()).then(|| self.program.continuous(recovery * price * paid, 0.0, f64::INFINITY)));

                    let waits = kind.per_node * kind.price * terms.horizon.waiting_cost * years;
                    let idle = place.upkeep + kind.idle * terms.energy_cost(site, stage);
                    let works = kind.per_node * kind.power * idle * years;
                    let possible = first.is_some_and(|first| first + it.lead <= at.period);
                    let columns = [(0.0, most), (0.0, most), (recovery * waits, f64::INFINITY), (recovery * works, most)];
                    for (list, (cost, upper)) in here[1..].iter_mut().zip(columns) {
                        list.push(possible.then(|| self.program.continuous(cost, 0.0, upper)));
                    }
                }
                for (all, list) in [&mut order, &mut energise, &mut retire, &mut waiting, &mut running].into_iter().zip(here) {
                    all.push(list);
                }
            }
            self.order.push(order);
            self.energise.push(energise);
            self.retire.push(retire);
            self.waiting.push(waiting);
            self.running.push(running);
        }
    }

    /// `kept(b,s,j)` at each end, with what is left of nodes of that age.
    fn variable_kept(&mut self, terms: &Terms) {
        for leaf in terms.tree.leaves() {
            for (book, it) in terms.books.iter().enumerate() {
                let per_node = terms.base.types[it.kind].per_node;
                for site in 0..terms.base.sites.len() {
                    for stage in terms.tree.back(leaf) {
                        let left = terms.worth.left(it.life_years, terms.tree.stages[stage].period);
                        if self.energise[book][site][stage].is_some() && left > 0.0 {
                            let worth = terms.worth.recovery() * terms.end(leaf) * left * it.resale * per_node;
                            let column = self.program.continuous(-worth, 0.0, terms.most_nodes(book, site));
                            self.kept.push(Kept { book, site, leaf, stage, column });
                        }
                    }
                }
            }
        }
    }

    /// `place(g,s,t,k)` with the energy beyond idle, and `spare(g,s,t,k)`, free of charge.
    fn variable_place(&mut self, terms: &Terms) {
        let headroom = terms.base.model.policy.headroom;
        for (class, it) in terms.classes.iter().enumerate() {
            let (mut places, mut spares) = (Vec::new(), Vec::new());
            for site in 0..terms.base.sites.len() {
                let (mut by_type, mut spare_by_type) = (Vec::new(), Vec::new());
                for (kind, rate) in it.rate.iter().enumerate() {
                    let (mut place, mut spare) = (Vec::new(), Vec::new());
                    for (stage, at) in terms.tree.stages.iter().enumerate() {
                        let there = terms.fleet[site][kind][at.period] > 0.0
                            || (0..terms.books.len())
                                .any(|book| terms.books[book].kind == kind && self.running[book][site][stage].is_some());
                        let possible = terms.may_run(class, site, at.period) && *rate > 0.0 && there;
                        let units = terms.class_units(class, stage);
                        let busy = terms.base.types[kind].power * (1.0 - terms.base.types[kind].idle) * terms.energy_cost(site, stage);
                        let cost = headroom / rate * busy * terms.years(at.period) * terms.at_end(stage) * terms.worth.recovery();
                        place.push(possible.then(|| self.program.continuous(cost, 0.0, units)));
                        spare.push((possible && it.protected).then(|| self.program.continuous(0.0, 0.0, units)));
                    }
                    by_type.push(place);
                    spare_by_type.push(spare);
                }
                places.push(by_type);
                spares.push(spare_by_type);
            }
            self.place.push(places);
            self.spare.push(spares);
        }
    }

    /// `unserved(v,k)` with the value of the lost tokens.
    fn variable_unserved(&mut self, terms: &Terms) {
        for class in &terms.classes {
            let mut by_member = Vec::new();
            for (service, units) in &class.members {
                let value = crate::instance::value_of_rate(terms.base.model, *service) * terms.tokens_per_unit(*service, *units);
                let mut by_stage = Vec::new();
                for (stage, at) in terms.tree.stages.iter().enumerate() {
                    let cost = value * terms.years(at.period) * terms.at_end(stage) * terms.worth.recovery();
                    by_stage.push(self.program.continuous(cost, 0.0, terms.units(*service, *units, stage)));
                }
                by_member.push(by_stage);
            }
            self.unserved.push(by_member);
        }
    }

    /// `run(j,s,t,k)`: the value of running it, less delay and energy beyond idle; of islands, `train(j,t,k)` bears value and delay.
    fn variable_run(&mut self, terms: &Terms) {
        for start in &terms.starts {
            let recovery = terms.worth.recovery() * terms.tree.stages[start.stage].probability;
            let value = terms.base.model.campaigns[start.campaign].value.as_meur() * terms.due(start.campaign);
            let delay = start.delay_cost * terms.due(start.campaign);
            let energy = start.accelerators * terms.busy_energy(start);
            if start.islands == 1 {
                self.run.push(self.program.integer(recovery * (delay + energy - value), 0.0, 1.0));
                continue;
            }
            self.run.push(self.program.integer(recovery * energy, 0.0, f64::from(start.islands)));
            if !self.train.iter().any(|it| (it.0, it.1, it.2) == (start.campaign, start.kind, start.stage)) {
                let column = self.program.integer(recovery * (delay - value), 0.0, 1.0);
                self.train.push((start.campaign, start.kind, start.stage, column));
            }
        }
    }

    /// `replica(d,s)`, free of charge, for all of the horizon.
    fn variable_replica(&mut self, terms: &Terms) {
        for dataset in (0..terms.base.model.datasets.len()).map(DatasetId::from_index) {
            let columns = terms.homes(dataset).into_iter().map(|site| (site, self.program.integer(0.0, 0.0, 1.0)));
            let columns = columns.collect();
            self.replica.push(columns);
        }
    }

    /// Terms of the bought IT power of a site at a stage (MW).
    fn it_power(&self, terms: &Terms, site: usize, stage: usize) -> Vec<(usize, f64)> {
        let books = 0..terms.books.len();
        books.filter_map(|book| self.running[book][site][stage].map(|column| (column, terms.node_power(book)))).collect()
    }
    /// Columns of what is decided at a stage: orders, sites, halls, lines, steps. Programs of the same terms list them in the same order.
    pub(super) fn decisions(&self, stage: usize) -> Vec<Option<usize>> {
        let orders = self.order.iter().flatten().map(|list| list[stage]);
        let built = self.open.iter().chain(&self.hall).chain(&self.line).chain(&self.steps).map(|list| Some(list[stage]));
        orders.chain(built).collect()
    }
}
