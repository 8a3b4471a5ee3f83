//! The constraints, one function per family.

use bastide_model::model::{CampaignId, DatasetId, Tier};

use super::{Formulation, scaled};
use crate::instance::{Instance, Relaxed, tier_demand};
use crate::program::{Group, Sense};

/// IT power of a site whose limits the search for a conflict leaves out (MW): more than anyone builds.
const UNLIMITED: f64 = 1e5;

impl Formulation {
    /// `IT power <= room * build`, `IT power * PUE <= connection * build`, `accelerators <= most * build`, fleets included; a site in
    /// use has accelerators.
    pub(super) fn constraint_site_power(&mut self, instance: &Instance, relaxed: &Relaxed) {
        for (at, site) in instance.sites.iter().enumerate() {
            let it = &instance.model.sites[site.id];
            let there = instance.fleet_power(at);
            let limits =
                [(Group::Room(site.id), 1.0, it.max_it_power.as_mw()), (Group::Connection(site.id), site.pue, it.connection.as_mw())];
            for (group, factor, limit) in limits {
                let used = (self.build[at], factor * there - limit);
                let mut power: Vec<_> = scaled(self.it_power(instance, at), factor).chain([used]).collect();
                if matches!(group, Group::Room(_)) {
                    power.extend(self.widened(instance, site.id, |it| it.effect.it_power.as_mw()));
                } else {
                    power.extend(self.widened(instance, site.id, |it| it.effect.connection.as_mw()));
                    power.extend(self.cooled_at(at));
                }
                self.program.at_most(group, power, 0.0);
            }
            if let Some(most) = it.max_accelerators {
                let mut bought = self.nodes_at(at, |kind| instance.types[kind].per_node);
                bought.extend(self.contracts_at(instance, at, |_| 1.0));
                let there: f64 = instance.fleet[at].iter().sum();
                let used = (self.build[at], there - f64::from(most));
                self.program.at_most(Group::Accelerators(site.id), bought.into_iter().chain([used]), 0.0);
            }
            if limits.iter().all(|(group, _, _)| relaxed.contains(group)) {
                let power = self.it_power(instance, at).into_iter().chain([(self.build[at], -UNLIMITED)]);
                self.program.at_most(Group::Structure, power, 0.0);
            }
            if !instance.stands(at) {
                let contracts = self.contracts_at(instance, at, |_| -1.0);
                let bought = self.nodes_at(at, |_| -1.0).into_iter().chain(contracts).chain([(self.build[at], 1.0)]);
                self.program.at_most(Group::InUse, bought, 0.0);
            }
        }
    }

    /// `sum_s facility power <= hosting limit` at each bus.
    pub(super) fn constraint_hosting_limit(&mut self, instance: &Instance) {
        for (bus, limit, sites) in instance.hosts() {
            let facility =
                |at: &usize| scaled(self.it_power(instance, *at), instance.sites[*at].pue).chain(self.cooled_at(*at)).collect::<Vec<_>>();
            let power: Vec<_> = sites.iter().flat_map(facility).collect();
            let there: f64 = sites.iter().map(|at| instance.fleet_power(*at) * instance.sites[*at].pue).sum();
            self.program.at_most(Group::Hosting(bus), power, limit - there);
        }
    }

    /// `sum_s IT power <= IT power of the plan`, fleets included.
    pub(super) fn constraint_it_power(&mut self, instance: &Instance) {
        let power: Vec<_> = (0..instance.sites.len()).flat_map(|at| self.it_power(instance, at)).collect();
        let there: f64 = (0..instance.sites.len()).map(|at| instance.fleet_power(at)).sum();
        self.program.at_most(Group::ItPower, power, instance.model.planning.it_power.as_mw() - there);
    }

    /// `capital <= budget`.
    pub(super) fn constraint_budget(&mut self, instance: &Instance) {
        let mut terms = self.invested(instance);
        for (at, site) in instance.sites.iter().enumerate() {
            terms.push((self.build[at], site.fixed_cost));
            terms.extend(self.nodes_at(at, |kind| instance.node_capital(at, kind)));
        }
        self.program.at_most(Group::Budget, terms, instance.model.planning.budget.as_meur() - instance.links);
    }

    /// `sum_s accelerators bought <= cap` of each type that has one.
    pub(super) fn constraint_type_cap(&mut self, instance: &Instance) {
        for (kind, it) in instance.types.iter().enumerate() {
            if let Some(cap) = it.cap {
                let bought: Vec<_> = self.nodes.iter().filter_map(|by_type| by_type[kind].map(|column| (column, it.per_node))).collect();
                self.program.at_most(Group::TypeCap(it.id), bought, f64::from(cap));
            }
        }
    }

    /// `fewest <= sum_s build(s) <= most`.
    pub(super) fn constraint_site_count(&mut self, instance: &Instance) {
        let (fewest, most) = instance.count;
        let used: Vec<_> = self.build.iter().map(|column| (*column, 1.0)).collect();
        self.program.at_most(Group::FewestSites, scaled(used.clone(), -1.0), -f64::from(fewest));
        self.program.at_most(Group::MostSites, used, f64::from(most).min(instance.sites.len() as f64));
    }

    /// `build(s) = 1` for required sites; one that may not be used cannot be.
    pub(super) fn constraint_required(&mut self, instance: &Instance) {
        for required in instance.alternative.iter().flat_map(|it| &it.required) {
            let used = instance.sites.iter().position(|site| site.id == *required).map(|at| (self.build[at], 1.0));
            self.program.row(Group::Required(*required), used, Sense::Equal, 1.0);
        }
    }

    /// `IT power in sites of the tier >= share * IT power`, fleets included.
    pub(super) fn constraint_tier_share(&mut self, instance: &Instance) {
        for (tier, share) in instance.alternative.iter().flat_map(|it| &it.tier_share) {
            let all = 0..instance.sites.len();
            let power: Vec<_> = all.clone().flat_map(|at| scaled(self.it_power(instance, at), *share)).collect();
            let of_tier: Vec<_> = instance.of_tier(*tier).flat_map(|at| scaled(self.it_power(instance, at), -1.0)).collect();
            let there: f64 = all.map(|at| instance.fleet_power(at)).sum();
            let there_of_tier: f64 = instance.of_tier(*tier).map(|at| instance.fleet_power(at)).sum();
            self.program.at_most(Group::TierShare(*tier), power.into_iter().chain(of_tier), there_of_tier - share * there);
        }
    }

    /// `IT power of s <= share * IT power`, fleets included.
    pub(super) fn constraint_site_share(&mut self, instance: &Instance) {
        let Some(share) = instance.alternative.and_then(|it| it.max_site_share) else { return };
        let there: f64 = (0..instance.sites.len()).map(|at| instance.fleet_power(at)).sum();
        for site in 0..instance.sites.len() {
            let all = (0..instance.sites.len()).flat_map(|at| scaled(self.it_power(instance, at), -share));
            let terms: Vec<_> = all.chain(self.it_power(instance, site)).collect();
            self.program.at_most(Group::SiteShare, terms, share * there - instance.fleet_power(site));
        }
    }

    /// `sum_st place + sum_v unserved = demand` of each class.
    pub(super) fn constraint_demand(&mut self, instance: &Instance) {
        for (class, it) in instance.classes.iter().enumerate() {
            let placed = self.place[class].iter().flatten().flatten().map(|column| (*column, 1.0));
            let unserved = self.unserved[class].iter().map(|column| (*column, 1.0));
            let faster = (0..it.members.len()).flat_map(|member| self.faster_of(class, member)).map(|column| (column, 1.0));
            let terms: Vec<_> = placed.chain(unserved).chain(faster).collect();
            self.program.row(Group::Structure, terms, Sense::Equal, it.demand());
        }
    }

    /// `sum_g (place + reserve) / rate <= share * (accelerators - gangs)` at each site and type; `share` is one but in a nominal outlook
    /// that says otherwise.
    pub(super) fn constraint_capacity(&mut self, instance: &Instance) {
        for site in 0..instance.sites.len() {
            let share = instance.nominal.share[site];
            for kind in 0..instance.types.len() {
                let placed =
                    (0..instance.classes.len()).filter_map(|class| Self::need(instance, class, self.place[class][site][kind], kind));
                let gangs = self.gangs_at(instance, site, kind, |_| true);
                if share < 1.0 && !gangs.is_empty() {
                    let there = gangs.clone().into_iter().chain(self.bought(instance, site, kind));
                    self.program.at_most(Group::Structure, there, instance.fleet[site][kind]);
                }
                let reserved = self.spread.iter().filter_map(|it| Self::need(instance, it.class, it.reserve[site][kind], kind));
                let there = scaled(gangs.into_iter().chain(self.bought(instance, site, kind)), share);
                let used: Vec<_> = placed.chain(reserved).chain(there).collect();
                if !used.is_empty() {
                    self.program.at_most(Group::Structure, used, share * instance.fleet[site][kind]);
                }
            }
        }
    }

    /// `sum_st run <= 1` for each campaign, or `sum_s run = islands * train` on each type and `sum_t train <= 1`; data must be there.
    pub(super) fn constraint_campaign(&mut self, instance: &Instance) {
        for (at, campaign) in instance.model.campaigns.iter().enumerate() {
            let id = CampaignId::from_index(at);
            let gangs: Vec<_> = instance.gangs.iter().zip(&self.run).filter(|(gang, _)| gang.campaign == id).collect();
            let islands = f64::from(campaign.islands());
            let types: Vec<_> = self.train.iter().copied().filter(|(campaign, ..)| *campaign == id).collect();
            for (_, kind, train) in &types {
                let there = gangs.iter().filter(|(gang, _)| gang.kind == *kind).map(|(_, column)| (**column, 1.0));
                let terms: Vec<_> = there.chain([(*train, -islands)]).collect();
                self.program.row(Group::Structure, terms, Sense::Equal, 0.0);
            }
            let runs: Vec<_> = if types.is_empty() {
                gangs.iter().map(|(_, column)| (**column, 1.0)).collect()
            } else {
                types.iter().map(|(.., train)| (*train, 1.0)).collect()
            };
            if !runs.is_empty() {
                self.program.at_most(Group::Structure, runs, 1.0);
            }
            let Some(dataset) = campaign.dataset else { continue };
            for site in 0..instance.sites.len() {
                let here: Vec<_> = gangs.iter().filter(|(gang, _)| gang.site == site).map(|(_, column)| (**column, 1.0)).collect();
                if !here.is_empty() {
                    let copy = self.replica_at(dataset, site).map(|column| (column, -islands));
                    self.program.at_most(Group::Dataset(dataset), here.into_iter().chain(copy), 0.0);
                }
            }
        }
    }

    /// `sum_s replica = copies`, `replica <= build`, `place <= demand * replica` for services that read it.
    pub(super) fn constraint_dataset(&mut self, instance: &Instance) {
        for (at, dataset) in instance.model.datasets.iter().enumerate() {
            let id = DatasetId::from_index(at);
            let copies: Vec<_> = self.replica[at].iter().map(|(_, column)| (*column, 1.0)).collect();
            self.program.row(Group::Dataset(id), copies, Sense::Equal, f64::from(dataset.replicas));
            for (site, column) in &self.replica[at] {
                self.program.at_most(Group::Structure, [(*column, 1.0), (self.build[*site], -1.0)], 0.0);
            }
        }
        for (class, it) in instance.classes.iter().enumerate() {
            let Some(dataset) = it.dataset else { continue };
            for site in 0..instance.sites.len() {
                let placed: Vec<_> = self.place[class][site].iter().flatten().map(|column| (*column, 1.0)).collect();
                if !placed.is_empty() {
                    let copy = self.replica_at(dataset, site).map(|column| (column, -it.demand()));
                    self.program.at_most(Group::Dataset(dataset), placed.into_iter().chain(copy), 0.0);
                }
            }
        }
    }

    /// `unserved <= (1 - least share) * demand` of each tier, in tokens per second relative to the tier's demand.
    pub(super) fn constraint_min_service(&mut self, instance: &Instance) {
        for tier in Tier::ALL {
            let demand = tier_demand(instance.model, tier);
            let Some(least) = instance.model.planning.min_service[tier as usize] else { continue };
            if demand <= 0.0 {
                continue;
            }
            let mut terms = Vec::new();
            for (class, it) in instance.classes.iter().enumerate() {
                for ((service, _), column) in it.members.iter().zip(&self.unserved[class]) {
                    if instance.model.services[*service].tier == tier {
                        terms.push((*column, it.tokens_per_unit(*service) / demand));
                    }
                }
            }
            self.program.at_most(Group::MinService(tier), terms, 1.0 - least);
        }
    }

    /// The loss of any single site leaves room for all protected classes elsewhere.
    pub(super) fn constraint_survival(&mut self, instance: &Instance) {
        let protected: Vec<usize> = (0..instance.classes.len()).filter(|class| instance.classes[*class].protected).collect();
        match protected.as_slice() {
            [] => {}
            [only] if instance.classes[*only].dataset.is_none() => self.constraint_cover(instance, *only),
            _ => self.constraint_standby(instance, &protected),
        }
    }

    /// One class: `sum_st place <= sum_{s != k, t} rate * (accelerators - gangs that keep theirs)` for each lost `k`.
    fn constraint_cover(&mut self, instance: &Instance, class: usize) {
        let it = &instance.classes[class];
        let may_run = |column: &Option<usize>| column.is_some();
        let usable: Vec<Vec<bool>> = self.place[class].iter().map(|by_type| by_type.iter().map(may_run).collect()).collect();
        for lost in (0..instance.sites.len()).filter(|site| usable[*site].contains(&true)) {
            let mut terms: Vec<_> = self.place[class].iter().flatten().flatten().map(|column| (*column, 1.0)).collect();
            let mut there = 0.0;
            for site in (0..instance.sites.len()).filter(|site| *site != lost) {
                for kind in (0..instance.types.len()).filter(|kind| usable[site][*kind]) {
                    let rate = it.rate[kind] * instance.nominal.share[site];
                    terms.extend(scaled(self.bought(instance, site, kind), rate));
                    terms.extend(scaled(self.gangs_at(instance, site, kind, |gang| instance.keeps(gang)), rate));
                    there += rate * instance.fleet[site][kind];
                }
            }
            self.program.at_most(Group::Structure, terms, there);
            self.mark_loss(lost);
        }
    }

    /// Several classes: stand-by as variables.
    fn constraint_standby(&mut self, instance: &Instance, protected: &[usize]) {
        let sites = 0..instance.sites.len();
        for class in protected {
            let it = &instance.classes[*class];
            for lost in sites.clone() {
                let at_risk: Vec<_> = self.place[*class][lost].iter().flatten().map(|column| (*column, -1.0)).collect();
                let mut by_site = vec![vec![None; instance.types.len()]; instance.sites.len()];
                if !at_risk.is_empty() {
                    for site in sites.clone().filter(|site| *site != lost) {
                        for (moved, placed) in by_site[site].iter_mut().zip(&self.place[*class][site]) {
                            *moved = placed.map(|_| self.program.continuous(0.0, 0.0, it.demand()));
                        }
                        // Data that a service reads must lie where it moves to.
                        if let Some(dataset) = it.dataset {
                            let moved: Vec<_> = by_site[site].iter().flatten().map(|column| (*column, 1.0)).collect();
                            let copy = self.replica_at(dataset, site).map(|column| (column, -it.demand()));
                            self.program.at_most(Group::Dataset(dataset), moved.into_iter().chain(copy), 0.0);
                        }
                    }
                    let moved = by_site.iter().flatten().flatten().map(|column| (*column, 1.0));
                    let terms: Vec<_> = moved.chain(at_risk).collect();
                    self.program.row(Group::Structure, terms, Sense::Equal, 0.0);
                    self.mark_loss(lost);
                }
                self.standby[*class].push(by_site);
            }
        }
        for lost in sites.clone() {
            for site in sites.clone().filter(|site| *site != lost) {
                for kind in 0..instance.types.len() {
                    let moved: Vec<_> = protected
                        .iter()
                        .filter_map(|class| Self::need(instance, *class, self.standby[*class][lost][site][kind], kind))
                        .collect();
                    if moved.is_empty() {
                        continue;
                    }
                    let placed = protected.iter().filter_map(|class| Self::need(instance, *class, self.place[*class][site][kind], kind));
                    let gangs = self.gangs_at(instance, site, kind, |gang| instance.keeps(gang));
                    let share = instance.nominal.share[site];
                    let there = scaled(gangs.into_iter().chain(self.bought(instance, site, kind)), share);
                    let used: Vec<_> = moved.into_iter().chain(placed).chain(there).collect();
                    self.program.at_most(Group::Structure, used, share * instance.fleet[site][kind]);
                }
            }
        }
    }

    /// Twins are used in order, the largest first: cuts away copies of the same plan.
    pub(super) fn constraint_order_of_twins(&mut self, instance: &Instance) {
        for pair in instance.twins().iter().flat_map(|family| family.windows(2)) {
            let (first, second) = (pair[0], pair[1]);
            self.program.at_most(Group::Order, [(self.build[second], 1.0), (self.build[first], -1.0)], 0.0);
            let (less, more) = (self.it_power(instance, second), scaled(self.it_power(instance, first), -1.0));
            self.program.at_most(Group::Order, less.into_iter().chain(more), 0.0);
        }
    }

    /// Accelerators that a column of a class takes on a type.
    fn need(instance: &Instance, class: usize, column: Option<usize>, kind: usize) -> Option<(usize, f64)> {
        column.map(|column| (column, 1.0 / instance.classes[class].rate[kind]))
    }

    /// Minus the accelerators bought or under contract.
    pub(crate) fn bought(&self, instance: &Instance, site: usize, kind: usize) -> Vec<(usize, f64)> {
        let bought = self.nodes[site][kind].map(|column| (column, -instance.types[kind].per_node));
        let of_kind = |it: usize| if it == kind { -1.0 } else { 0.0 };
        bought.into_iter().chain(self.contracts_at(instance, site, of_kind).into_iter().filter(|(_, count)| *count != 0.0)).collect()
    }

    /// Accelerators of gangs.
    fn gangs_at(
        &self,
        instance: &Instance,
        site: usize,
        kind: usize,
        wanted: impl Fn(&crate::campaign::Gang) -> bool,
    ) -> Vec<(usize, f64)> {
        let here = instance.gangs.iter().zip(&self.run).filter(|(gang, _)| gang.site == site && gang.kind == kind && wanted(gang));
        here.map(|(gang, column)| (*column, gang.accelerators)).collect()
    }

    pub(super) fn replica_at(&self, dataset: DatasetId, site: usize) -> Option<usize> {
        self.replica[dataset.index()].iter().find(|(at, _)| *at == site).map(|(_, column)| *column)
    }

    fn mark_loss(&mut self, lost: usize) {
        if let Some(row) = self.program.rows.last_mut() {
            row.loss_of = Some(lost);
        }
    }
}
