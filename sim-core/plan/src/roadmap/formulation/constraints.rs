//! The constraints, one function per family.

use bastide_model::model::{CampaignId, DatasetId, Tier};

use super::super::terms::{Terms, UNLIMITED};
use super::Formulation;
use crate::instance::Relaxed;
use crate::program::{Group, Sense};

/// Terms with their factor.
fn scaled(terms: impl IntoIterator<Item = (usize, f64)>, factor: f64) -> impl Iterator<Item = (usize, f64)> {
    terms.into_iter().map(move |(column, coefficient)| (column, coefficient * factor))
}

impl Formulation {
    /// What is decided stays: `open[k-] <= open[k]`, and so for halls, lines and steps; `steps[k] <= most * open[k]`.
    pub(super) fn constraint_once(&mut self, terms: &Terms) {
        for (stage, at) in terms.tree.stages.iter().enumerate() {
            let lists = self.open.iter().chain(&self.hall).chain(&self.line).chain(&self.steps);
            let pairs: Vec<_> = lists.filter_map(|list| at.parent.map(|parent| (list[parent], list[stage]))).collect();
            for (before, now) in pairs {
                self.program.at_most(Group::Structure, [(before, 1.0), (now, -1.0)], 0.0);
            }
            for (at, step) in terms.steps.iter().enumerate() {
                let site = (self.open[step.site][stage], -f64::from(step.most));
                self.program.at_most(Group::Structure, [(self.steps[at][stage], 1.0), site], 0.0);
            }
        }
    }

    /// `waiting[k] = waiting[k-] + arrivals[k] - energise[k]`, `running[k] = running[k-] + energise[k] - retire[k]`.
    pub(super) fn constraint_stock(&mut self, terms: &Terms) {
        for book in 0..terms.books.len() {
            for site in 0..terms.base.sites.len() {
                let mut arrivals = vec![Vec::new(); terms.tree.stages.len()];
                for (from, column) in self.order[book][site].iter().enumerate() {
                    if let Some(column) = column {
                        terms.arrivals(book, from).into_iter().for_each(|(to, share)| arrivals[to].push((*column, -share)));
                    }
                }
                for (stage, arrivals) in arrivals.into_iter().enumerate() {
                    let (Some(energise), Some(retire)) = (self.energise[book][site][stage], self.retire[book][site][stage]) else {
                        continue;
                    };
                    let parent = terms.tree.stages[stage].parent;
                    let stock = |list: &[Option<usize>]| {
                        let before = parent.and_then(|parent| list[parent]).map(|column| (column, -1.0));
                        list[stage].map(|column| (column, 1.0)).into_iter().chain(before).collect::<Vec<_>>()
                    };
                    let (waiting, running) = (stock(&self.waiting[book][site]), stock(&self.running[book][site]));
                    let delivered = waiting.into_iter().chain(arrivals).chain([(energise, 1.0)]);
                    self.program.row(Group::Structure, delivered, Sense::Equal, 0.0);
                    let worked = running.into_iter().chain([(energise, -1.0), (retire, 1.0)]);
                    self.program.row(Group::Structure, worked, Sense::Equal, 0.0);
                }
            }
        }
    }

    /// `running[k] <= sum of energise over the last life`: who has worked for its lifetime has left, first in, first out.
    pub(super) fn constraint_age(&mut self, terms: &Terms) {
        for (book, it) in terms.books.iter().enumerate() {
            for site in 0..terms.base.sites.len() {
                for stage in 0..terms.tree.stages.len() {
                    let Some(running) = self.running[book][site][stage] else { continue };
                    if terms.tree.stages[stage].period < it.life {
                        continue;
                    }
                    let young =
                        terms.tree.back(stage).take(it.life).filter_map(|k| self.energise[book][site][k]).map(|column| (column, -1.0));
                    let row: Vec<_> = young.chain([(running, 1.0)]).collect();
                    self.program.at_most(Group::Structure, row, 0.0);
                }
            }
        }
    }

    /// `kept[j] <= energise[j]`, `sum_j kept[j] <= running` at each end: the youngest are worth most, so they are the ones that stay.
    pub(super) fn constraint_kept(&mut self, terms: &Terms) {
        for leaf in terms.tree.leaves().collect::<Vec<_>>() {
            for book in 0..terms.books.len() {
                for site in 0..terms.base.sites.len() {
                    let here: Vec<_> = self.kept.iter().filter(|it| (it.leaf, it.book, it.site) == (leaf, book, site)).copied().collect();
                    for kept in &here {
                        let began = self.energise[book][site][kept.stage].map(|column| (column, -1.0));
                        self.program.at_most(Group::Structure, began.into_iter().chain([(kept.column, 1.0)]), 0.0);
                    }
                    if let (Some(running), false) = (self.running[book][site][leaf], here.is_empty()) {
                        let all = here.iter().map(|kept| (kept.column, 1.0)).chain([(running, -1.0)]);
                        self.program.at_most(Group::Structure, all.collect::<Vec<_>>(), 0.0);
                    }
                }
            }
        }
    }

    /// `IT power <= standing + hall`, `PUE * IT power <= standing + line + steps`, both within the site's own limits and only where it is
    /// open, all decided a lead time before.
    pub(super) fn constraint_site_power(&mut self, terms: &Terms, relaxed: &Relaxed) {
        for (at, site) in terms.base.sites.iter().enumerate() {
            let it = &terms.base.model.sites[site.id];
            let standing = terms.standing(at);
            for (stage, here) in terms.tree.stages.iter().enumerate() {
                let rows = self.program.rows.len();
                let power = self.it_power(terms, at, stage);
                let fleet = terms.fleet_power(at, here.period);
                let decided = terms.tree.before(stage, terms.lead[at]);
                let usable = |list: &[usize], factor: f64| decided.map(|k| (list[k], factor));
                let built = |weight: &dyn Fn(usize) -> f64| -> Vec<(usize, f64)> {
                    let steps = terms.steps.iter().enumerate().filter(|(_, step)| step.site == at && step.earliest <= here.period);
                    steps.filter_map(|(e, step)| terms.tree.before(stage, step.lead).map(|k| (self.steps[e][k], -weight(e)))).collect()
                };
                let (room, connection) = (built(&|e| terms.steps[e].room), built(&|e| terms.steps[e].connection));
                let (open, hall, line) = (usable(&self.open[at], 1.0), usable(&self.hall[at], -1.0), usable(&self.line[at], -1.0));
                // Structure: what is used is built. The limits of the site are groups of their own, with their prices.
                if !power.is_empty() {
                    self.program.at_most(Group::Structure, power.iter().copied().chain(hall), standing - fleet);
                    let drawn = scaled(power.iter().copied(), site.pue).chain(line).chain(connection.iter().copied());
                    self.program.at_most(Group::Connection(site.id), drawn.collect::<Vec<_>>(), site.pue * (standing - fleet));
                }
                // A site that stands is open; one that is decided late is not.
                let opened = |limit: f64| if standing > 0.0 { (None, limit) } else { (open.map(|(column, _)| (column, -limit)), 0.0) };
                let (column, limit) = opened(it.max_it_power.as_mw());
                let used = power.iter().copied().chain(room).chain(column).collect::<Vec<_>>();
                self.program.at_most(Group::Room(site.id), used, limit - fleet);
                if relaxed.contains(&Group::Room(site.id)) {
                    let (column, limit) = opened(UNLIMITED);
                    self.program.at_most(Group::Structure, power.iter().copied().chain(column).collect::<Vec<_>>(), limit);
                }
                self.mark(rows, stage);
            }
            for stage in 0..terms.tree.stages.len() {
                let own = it.connection.as_mw();
                let rows = self.program.rows.len();
                let (limit, open) =
                    if standing > 0.0 { (own - site.pue * standing, None) } else { (0.0, Some((self.open[at][stage], -own))) };
                self.program.at_most(Group::Connection(site.id), open.into_iter().chain([(self.line[at][stage], 1.0)]), limit.max(0.0));
                self.mark(rows, stage);
            }
        }
    }

    /// A site that is open has a node at the end.
    pub(super) fn constraint_in_use(&mut self, terms: &Terms) {
        for leaf in terms.tree.leaves().collect::<Vec<_>>() {
            for site in (0..terms.base.sites.len()).filter(|site| terms.standing(*site) <= 0.0) {
                let Some(decided) = terms.tree.before(leaf, terms.lead[site]) else { continue };
                let nodes = (0..terms.books.len()).filter_map(|book| self.running[book][site][leaf]).map(|column| (column, -1.0));
                let row: Vec<_> = nodes.chain([(self.open[site][decided], 1.0)]).collect();
                self.program.at_most(Group::InUse, row, 0.0);
            }
        }
    }

    /// `sum_s facility power <= hosting limit` at each bus and stage.
    pub(super) fn constraint_hosting_limit(&mut self, terms: &Terms) {
        for (stage, at) in terms.tree.stages.iter().enumerate() {
            let rows = self.program.rows.len();
            for (bus, limit, sites) in terms.hosts(stage) {
                let power: Vec<_> = sites.iter().flat_map(|s| scaled(self.it_power(terms, *s, stage), terms.base.sites[*s].pue)).collect();
                let there: f64 = sites.iter().map(|s| terms.fleet_power(*s, at.period) * terms.base.sites[*s].pue).sum();
                if !power.is_empty() {
                    self.program.at_most(Group::Hosting(bus), power, limit - there);
                }
            }
            self.mark(rows, stage);
        }
    }

    /// `sum_s IT power <= IT power of the plan` at each stage, fleets included.
    pub(super) fn constraint_it_power(&mut self, terms: &Terms) {
        for (stage, at) in terms.tree.stages.iter().enumerate() {
            let sites = 0..terms.base.sites.len();
            let power: Vec<_> = sites.clone().flat_map(|site| self.it_power(terms, site, stage)).collect();
            let there: f64 = sites.map(|site| terms.fleet_power(site, at.period)).sum();
            let rows = self.program.rows.len();
            self.program.at_most(Group::ItPower, power, terms.base.model.planning.it_power.as_mw() - there);
            self.mark(rows, stage);
        }
    }

    /// Capital paid at a stage: additions where they are decided, accelerators where they arrive [M EUR].
    fn capital(&self, terms: &Terms, stage: usize) -> Vec<(usize, f64)> {
        let parent = terms.tree.stages[stage].parent;
        let mut paid = Vec::new();
        let mut addition = |list: &[usize], cost: f64| {
            paid.push((list[stage], cost));
            paid.extend(parent.map(|parent| (list[parent], -cost)));
        };
        for (at, site) in terms.base.sites.iter().enumerate() {
            if terms.standing(at) <= 0.0 {
                addition(&self.open[at], site.fixed_cost);
            }
            addition(&self.hall[at], site.building);
            addition(&self.line[at], site.connection);
        }
        terms.steps.iter().zip(&self.steps).for_each(|(step, list)| addition(list, step.cost));
        for (book, it) in terms.books.iter().enumerate() {
            for from in terms.tree.back(stage) {
                let at = &terms.tree.stages[from];
                let price = it.price[at.period] * at.factors.accelerator_price * terms.base.types[it.kind].per_node;
                let share: f64 = terms.arrivals(book, from).iter().filter(|(to, _)| *to == stage).map(|(_, share)| share).sum();
                if share > 0.0 {
                    paid.extend(self.order[book].iter().filter_map(|by_stage| by_stage[from]).map(|column| (column, share * price)));
                }
            }
        }
        paid
    }

    /// `sum of capital <= budget` on each way to an end; in each year, its budget.
    pub(super) fn constraint_budget(&mut self, terms: &Terms) {
        let capital: Vec<_> = (0..terms.tree.stages.len()).map(|stage| self.capital(terms, stage)).collect();
        for leaf in terms.tree.leaves().collect::<Vec<_>>() {
            let all: Vec<_> = terms.tree.back(leaf).flat_map(|stage| capital[stage].iter().copied()).collect();
            self.program.at_most(Group::Budget, all, terms.base.model.planning.budget.as_meur());
        }
        let year = |stage: usize| terms.horizon.year(terms.tree.stages[stage].period);
        for last in 0..terms.tree.stages.len() {
            let Some(limit) = bastide_model::model::of_year(&terms.horizon.budget_by_year, year(last)) else { return };
            if terms.tree.stages[last].children.iter().any(|child| year(*child) == year(last)) {
                continue;
            }
            let of_year = terms.tree.back(last).filter(|stage| year(*stage) == year(last));
            let paid: Vec<_> = of_year.flat_map(|stage| capital[stage].iter().copied()).collect();
            let rows = self.program.rows.len();
            self.program.at_most(Group::YearBudget(year(last) as u32), paid, limit.as_meur());
            self.mark(rows, last);
        }
    }

    /// Accelerators ordered on the way to a stage, in periods that count.
    fn ordered(&self, terms: &Terms, books: &[usize], last: usize, counts: impl Fn(usize) -> bool) -> Vec<(usize, f64)> {
        let stages: Vec<usize> = terms.tree.back(last).filter(|stage| counts(*stage)).collect();
        let of_book = |book: &usize| {
            let per_node = terms.base.types[terms.books[*book].kind].per_node;
            let columns = self.order[*book].iter().flat_map(|by_stage| stages.iter().filter_map(|stage| by_stage[*stage]));
            columns.map(move |column| (column, per_node)).collect::<Vec<_>>()
        };
        books.iter().flat_map(of_book).collect()
    }

    /// Orders within the caps of their book, of its years and periods, and of their type.
    pub(super) fn constraint_order_books(&mut self, terms: &Terms) {
        let model = terms.base.model;
        let leaves: Vec<usize> = terms.tree.leaves().collect();
        let period = |stage: usize| terms.tree.stages[stage].period;
        for (kind, it) in terms.base.types.iter().enumerate() {
            let books: Vec<usize> = (0..terms.books.len()).filter(|book| terms.books[*book].kind == kind).collect();
            if let Some(cap) = it.cap {
                for leaf in &leaves {
                    let ordered = self.ordered(terms, &books, *leaf, |_| true);
                    self.program.at_most(Group::TypeCap(it.id), ordered, f64::from(cap));
                }
            }
        }
        for (at, book) in terms.books.iter().enumerate() {
            let Some(id) = book.id else { continue };
            let (own, group) = (&model.growth.order_books[id], Group::OrderBook(id as u32));
            if let Some(cap) = own.cap {
                for leaf in &leaves {
                    let ordered = self.ordered(terms, &[at], *leaf, |_| true);
                    self.program.at_most(group, ordered, f64::from(cap));
                }
            }
            for stage in 0..terms.tree.stages.len() {
                let rows = self.program.rows.len();
                if let Some(cap) = own.cap_per_period {
                    let ordered = self.ordered(terms, &[at], stage, |k| k == stage);
                    self.program.at_most(group, ordered, f64::from(cap));
                }
                let year = |stage: usize| terms.horizon.year(period(stage));
                let goes_on = terms.tree.stages[stage].children.iter().any(|child| year(*child) == year(stage));
                if let Some(cap) = bastide_model::model::of_year(&own.cap_by_year, year(stage)).filter(|_| !goes_on) {
                    let ordered = self.ordered(terms, &[at], stage, |k| year(k) == year(stage));
                    self.program.at_most(group, ordered, cap);
                }
                self.mark(rows, stage);
            }
        }
    }

    /// Deliveries to some nations between two moments within an export cap.
    pub(super) fn constraint_export_caps(&mut self, terms: &Terms) {
        let model = terms.base.model;
        for id in terms.export_caps() {
            let cap = &model.growth.export_caps[id];
            let counts = |stage: usize| {
                let begin = terms.horizon.begin(terms.tree.stages[stage].period);
                cap.from <= begin && begin < cap.until
            };
            for leaf in terms.tree.leaves().collect::<Vec<_>>() {
                let way: Vec<usize> = terms.tree.back(leaf).collect();
                let mut delivered = Vec::new();
                for (book, it) in terms.books.iter().enumerate() {
                    let kind = &terms.base.types[it.kind];
                    for from in &way {
                        let arrivals = terms.arrivals(book, *from);
                        let share: f64 = arrivals.iter().filter(|(to, _)| way.contains(to) && counts(*to)).map(|(_, share)| share).sum();
                        let sites = (0..terms.base.sites.len()).filter(|site| cap.counts(model, terms.base.sites[*site].id, kind.id));
                        delivered
                            .extend(sites.filter_map(|site| self.order[book][site][*from]).map(|column| (column, share * kind.per_node)));
                    }
                }
                self.program.at_most(Group::ExportCap(id as u32), delivered, f64::from(cap.cap));
            }
        }
    }

    /// `sum_s open <= most` at each stage; the fewest and the required at each end.
    pub(super) fn constraint_sites(&mut self, terms: &Terms) {
        let (fewest, most) = terms.base.count;
        for leaf in terms.tree.leaves().collect::<Vec<_>>() {
            let usable = |site: usize| terms.tree.before(leaf, terms.lead[site]).map(|k| (self.open[site][k], 1.0));
            let used: Vec<_> = (0..self.open.len()).filter_map(usable).collect();
            let all: Vec<_> = self.open.iter().map(|list| (list[leaf], 1.0)).collect();
            self.program.at_most(Group::FewestSites, scaled(used, -1.0).collect::<Vec<_>>(), -f64::from(fewest));
            self.program.at_most(Group::MostSites, all, f64::from(most).min(self.open.len() as f64));
            for required in terms.base.alternative.iter().flat_map(|it| &it.required) {
                let site = terms.base.sites.iter().position(|site| site.id == *required);
                let open = site.and_then(|site| terms.tree.before(leaf, terms.lead[site]).map(|k| (self.open[site][k], 1.0)));
                self.program.row(Group::Required(*required), open, Sense::Equal, 1.0);
            }
        }
    }

    /// `IT power in sites of the tier >= share * IT power`, `IT power of s <= share * IT power`, at each stage, fleets included.
    pub(super) fn constraint_shares(&mut self, terms: &Terms) {
        let Some(alternative) = terms.base.alternative else { return };
        for (stage, at) in terms.tree.stages.iter().enumerate() {
            let all = 0..terms.base.sites.len();
            let there: f64 = all.clone().map(|site| terms.fleet_power(site, at.period)).sum();
            for (tier, share) in &alternative.tier_share {
                let power: Vec<_> = all.clone().flat_map(|site| scaled(self.it_power(terms, site, stage), *share)).collect();
                let of_tier: Vec<usize> = terms.base.of_tier(*tier).collect();
                let own: Vec<_> = of_tier.iter().flat_map(|site| scaled(self.it_power(terms, *site, stage), -1.0)).collect();
                let there_of_tier: f64 = of_tier.iter().map(|site| terms.fleet_power(*site, at.period)).sum();
                self.program.at_most(
                    Group::TierShare(*tier),
                    power.into_iter().chain(own).collect::<Vec<_>>(),
                    there_of_tier - share * there,
                );
            }
            if let Some(share) = alternative.max_site_share {
                for site in all.clone() {
                    let rest: Vec<_> = all.clone().flat_map(|other| scaled(self.it_power(terms, other, stage), -share)).collect();
                    let power = rest.into_iter().chain(self.it_power(terms, site, stage)).collect::<Vec<_>>();
                    self.program.at_most(Group::SiteShare, power, share * there - terms.fleet_power(site, at.period));
                }
            }
        }
    }

    /// `sum_st place + sum_v unserved = demand` of each class at each stage.
    pub(super) fn constraint_demand(&mut self, terms: &Terms) {
        for class in 0..terms.classes.len() {
            for stage in 0..terms.tree.stages.len() {
                let placed = self.place[class].iter().flatten().filter_map(|by_stage| by_stage[stage]).map(|column| (column, 1.0));
                let unserved = self.unserved[class].iter().map(|by_stage| (by_stage[stage], 1.0));
                let row: Vec<_> = placed.chain(unserved).collect();
                self.program.row(Group::Structure, row, Sense::Equal, terms.class_units(class, stage));
            }
        }
    }

    /// `sum_g (place + spare) / rate + gangs <= accelerators` at each site, type and stage.
    pub(super) fn constraint_capacity(&mut self, terms: &Terms) {
        for site in 0..terms.base.sites.len() {
            for kind in 0..terms.base.types.len() {
                for (stage, at) in terms.tree.stages.iter().enumerate() {
                    let mut used: Vec<(usize, f64)> = Vec::new();
                    for (class, it) in terms.classes.iter().enumerate() {
                        let columns = [self.place[class][site][kind][stage], self.spare[class][site][kind][stage]];
                        used.extend(columns.into_iter().flatten().map(|column| (column, 1.0 / it.rate[kind])));
                    }
                    for (start, column) in terms.starts.iter().zip(&self.run).filter(|(it, _)| it.site == site && it.kind == kind) {
                        let first = terms.tree.stages[start.stage].period;
                        if (first..first + start.periods).contains(&at.period) && terms.tree.on_way(stage, first) == Some(start.stage) {
                            used.push((*column, start.accelerators));
                        }
                    }
                    let books = (0..terms.books.len()).filter(|book| terms.books[*book].kind == kind);
                    let bought = books.filter_map(|book| self.running[book][site][stage]);
                    let usable = terms.availability(site, stage);
                    used.extend(bought.map(|column| (column, -usable * terms.base.types[kind].per_node)));
                    if !used.is_empty() {
                        self.program.at_most(Group::Structure, used, usable * terms.fleet[site][kind][at.period]);
                    }
                }
            }
        }
    }

    /// `sum_{s != l, t} spare(g,s,t) >= sum_t place(g,l,t)` of each protected class for each lost site, at each stage. What is kept free
    /// for a class is kept for it whichever site is lost: enough, and with one protected class no more than needed.
    pub(super) fn constraint_survival(&mut self, terms: &Terms) {
        for class in (0..terms.classes.len()).filter(|class| terms.classes[*class].protected) {
            for stage in 0..terms.tree.stages.len() {
                for lost in 0..terms.base.sites.len() {
                    let at_risk: Vec<_> =
                        self.place[class][lost].iter().filter_map(|by_stage| by_stage[stage]).map(|column| (column, 1.0)).collect();
                    if at_risk.is_empty() {
                        continue;
                    }
                    let others = (0..terms.base.sites.len()).filter(|site| *site != lost);
                    let spare = others.flat_map(|site| self.spare[class][site].iter().filter_map(|by_stage| by_stage[stage]));
                    let row: Vec<_> = spare.map(|column| (column, -1.0)).chain(at_risk).collect();
                    self.program.at_most(Group::Structure, row, 0.0);
                }
            }
        }
    }

    /// Each campaign runs at most once on each way; its islands all run, on one type; its data lie there.
    pub(super) fn constraint_campaigns(&mut self, terms: &Terms) {
        for (at, campaign) in terms.base.model.campaigns.iter().enumerate() {
            let id = CampaignId::from_index(at);
            let islands = f64::from(campaign.islands());
            let runs: Vec<_> =
                terms.starts.iter().zip(&self.run).filter(|(start, _)| start.campaign == id).map(|(s, c)| (*s, *c)).collect();
            let trains: Vec<_> = self.train.iter().copied().filter(|(campaign, ..)| *campaign == id).collect();
            for (_, kind, stage, train) in &trains {
                let there = runs.iter().filter(|(start, _)| start.kind == *kind && start.stage == *stage).map(|(_, column)| (*column, 1.0));
                let row: Vec<_> = there.chain([(*train, -islands)]).collect();
                self.program.row(Group::Structure, row, Sense::Equal, 0.0);
            }
            for leaf in terms.tree.leaves().collect::<Vec<_>>() {
                let way: Vec<usize> = terms.tree.back(leaf).collect();
                let once: Vec<_> = if islands > 1.0 {
                    trains.iter().filter(|it| way.contains(&it.2)).map(|it| (it.3, 1.0)).collect()
                } else {
                    runs.iter().filter(|(start, _)| way.contains(&start.stage)).map(|(_, column)| (*column, 1.0)).collect()
                };
                if !once.is_empty() {
                    self.program.at_most(Group::Structure, once, 1.0);
                }
            }
            let Some(dataset) = campaign.dataset else { continue };
            for (start, column) in &runs {
                let copy = self.replica_at(dataset, start.site).map(|copy| (copy, -islands));
                self.program.at_most(Group::Dataset(dataset), copy.into_iter().chain([(*column, 1.0)]), 0.0);
            }
        }
    }

    /// `sum_s replica = copies`, at sites that are open in the end; `place <= demand * replica` for services that read it.
    pub(super) fn constraint_datasets(&mut self, terms: &Terms) {
        for (at, dataset) in terms.base.model.datasets.iter().enumerate() {
            let id = DatasetId::from_index(at);
            let copies: Vec<_> = self.replica[at].iter().map(|(_, column)| (*column, 1.0)).collect();
            self.program.row(Group::Dataset(id), copies, Sense::Equal, f64::from(dataset.replicas));
            for (site, column) in self.replica[at].clone() {
                for leaf in terms.tree.leaves().collect::<Vec<_>>() {
                    let open = terms.tree.before(leaf, terms.lead[site]).map(|k| (self.open[site][k], -1.0));
                    self.program.at_most(Group::Structure, open.into_iter().chain([(column, 1.0)]), 0.0);
                }
            }
        }
        for (class, it) in terms.classes.iter().enumerate() {
            let Some(dataset) = it.dataset else { continue };
            for site in 0..terms.base.sites.len() {
                for stage in 0..terms.tree.stages.len() {
                    let columns = self.place[class][site].iter().chain(&self.spare[class][site]);
                    let placed: Vec<_> = columns.filter_map(|by_stage| by_stage[stage]).map(|column| (column, 1.0)).collect();
                    if !placed.is_empty() {
                        let most = 2.0 * terms.class_units(class, stage);
                        let copy = self.replica_at(dataset, site).map(|column| (column, -most));
                        self.program.at_most(Group::Dataset(dataset), placed.into_iter().chain(copy).collect::<Vec<_>>(), 0.0);
                    }
                }
            }
        }
    }

    /// `unserved <= (1 - least share) * demand` of each tier at each stage, relative to the tier's demand.
    pub(super) fn constraint_min_service(&mut self, terms: &Terms) {
        for tier in Tier::ALL {
            for stage in 0..terms.tree.stages.len() {
                let Some(least) = terms.least_service(tier, stage) else { continue };
                let (mut row, mut demand) = (Vec::new(), 0.0);
                for (class, it) in terms.classes.iter().enumerate() {
                    for ((service, units), by_stage) in it.members.iter().zip(&self.unserved[class]) {
                        if terms.base.model.services[*service].tier == tier {
                            let tokens = terms.tokens_per_unit(*service, *units);
                            demand += tokens * terms.units(*service, *units, stage);
                            row.push((by_stage[stage], tokens));
                        }
                    }
                }
                if demand > 0.0 {
                    let rows = self.program.rows.len();
                    self.program.at_most(Group::MinService(tier), scaled(row, 1.0 / demand).collect::<Vec<_>>(), 1.0 - least);
                    self.mark(rows, stage);
                }
            }
        }
    }

    /// Says in which stage the rows from one on hold.
    fn mark(&mut self, from: usize, stage: usize) {
        self.program.rows[from..].iter_mut().for_each(|row| row.stage = Some(stage));
    }

    fn replica_at(&self, dataset: DatasetId, site: usize) -> Option<usize> {
        self.replica[dataset.index()].iter().find(|(at, _)| *at == site).map(|(_, column)| *column)
    }
}
