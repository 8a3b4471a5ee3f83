//! Whether a plan keeps the law, the limits and its own arithmetic.

mod roadmap;

use bastide_units::{Money, Power, Time, TokenRate};

use super::{CampaignPlacement, Plan, PlanPlaces, Roadmap};
use crate::diag::Diagnostic;
use crate::model::{AcceleratorId, CampaignId, InvestmentId, Model, SiteId};

/// Rounding that a solver may leave behind, relative.
const TOLERANCE: f64 = 1e-4;

/// Whether `value` exceeds `limit` by more than rounding.
fn exceeds(value: f64, limit: f64) -> bool {
    value > limit + limit.abs() * TOLERANCE + 1e-9
}

/// Every rule of the scenario that a plan breaks.
#[must_use]
pub fn check_plan(model: &Model, plan: &Plan, places: &PlanPlaces) -> Vec<Diagnostic> {
    let realised = model.realised(plan);
    let mut check = Check { model: &realised, plan, places, found: Vec::new() };
    check.investments();
    check.nodes();
    if let Some(roadmap) = &plan.roadmap {
        check.roadmap(roadmap);
    } else {
        check.power();
        check.money();
    }
    check.placements();
    check.standbys();
    check.capacity();
    check.campaigns();
    check.replicas();
    check.links();
    check.found
}

/// Capital that a plan spends: that of its cost lines, or worked out from its builds where it has none.
///
/// Accelerators at their price; building per IT power; connection per power drawn at the base PUE; opening a site that does not
/// stand yet.
#[must_use]
pub fn capital(model: &Model, plan: &Plan) -> Money {
    if !plan.cost.is_empty() {
        return plan.capital();
    }
    let bought = plan.investments.iter().map(|(id, times)| model.investments[*id].cost * f64::from(*times));
    let mut total = bought.sum::<Money>();
    let mut opened = vec![false; model.sites.len()];
    for build in plan.builds.iter().filter(|build| build.count > 0) {
        let (site, kind) = (&model.sites[build.site], &model.accelerators[build.accelerator]);
        let power = kind.power * f64::from(build.count);
        total += kind.price * f64::from(build.count) + power * site.building_cost + power * site.pue * site.connection_cost;
        if !site.existing && !opened[build.site.index()] {
            total += site.fixed_cost;
            opened[build.site.index()] = true;
        }
    }
    total + plan.links.iter().filter_map(|id| model.links[*id].build_cost).sum::<Money>()
}

struct Check<'a> {
    model: &'a Model,
    plan: &'a Plan,
    places: &'a PlanPlaces,
    found: Vec<Diagnostic>,
}

impl Check<'_> {
    fn site(&self, id: SiteId) -> &str {
        &self.model.sites[id].entity.name
    }

    fn nodes(&mut self) {
        for (index, build) in self.plan.builds.iter().enumerate() {
            let place = self.places.of(&self.places.builds, index).clone();
            let kind = &self.model.accelerators[build.accelerator];
            if !build.count.is_multiple_of(kind.per_node) {
                let message = format!("{} of `{}` are no whole number of nodes", build.count, kind.entity.name);
                self.found.push(Diagnostic::error("F0911", place.clone(), message).hint(format!("it comes in nodes of {}", kind.per_node)));
            }
            if !self.model.planning.candidates.contains(&build.site) {
                let message = format!("site `{}` is no candidate of the scenario's `[plan]`", self.site(build.site));
                self.found.push(Diagnostic::error("F0902", place.clone(), message).hint("add it to `candidates`, or build elsewhere"));
            }
            match self.model.planning.accelerators.iter().find(|(id, _)| *id == build.accelerator) {
                None => {
                    let message = format!("`{}` may not be bought", kind.entity.name);
                    self.found.push(Diagnostic::error("F0903", place, message).hint("add it to `accelerators` of `[plan]`"));
                }
                Some((_, Some(cap))) => {
                    let bought: u64 = self
                        .plan
                        .builds
                        .iter()
                        .filter(|other| other.accelerator == build.accelerator)
                        .map(|other| u64::from(other.count))
                        .sum();
                    let first = self.plan.builds.iter().position(|other| other.accelerator == build.accelerator);
                    if bought > u64::from(*cap) && first == Some(index) {
                        let message = format!("{bought} of `{}` are bought, and {cap} can be had", kind.entity.name);
                        self.found.push(Diagnostic::error("F0903", place, message).hint("see `cap` in `accelerators` of `[plan]`"));
                    }
                }
                Some((_, None)) => {}
            }
        }
    }

    /// How often each investment is bought, and what it needs or rules out.
    fn investments(&mut self) {
        let model = self.model;
        let name = |id: InvestmentId| &model.investments[id].entity.name;
        let mut bought = std::collections::BTreeSet::new();
        for (index, (id, times)) in self.plan.investments.iter().enumerate() {
            let place = self.places.of(&self.places.investments, index);
            let (it, label) = (&model.investments[*id], "the investment");
            let mut wrong = |message: String, hint: &str| {
                let diagnostic = Diagnostic::error("F0985", place.clone(), message).label(it.entity.span.clone(), label);
                self.found.push(diagnostic.hint(hint));
            };
            if !bought.insert(*id) {
                wrong(format!("investment `{}` stands twice", name(*id)), "add the counts up in one entry");
            }
            if *times > it.most {
                wrong(format!("investment `{}` is bought {times} times, and {} can be had", name(*id), it.most), "see its `most`");
            }
            let with = |id: &InvestmentId| self.plan.investments.iter().any(|(other, times)| other == id && *times > 0);
            if let Some(missing) = it.requires.iter().find(|id| !with(id)) {
                wrong(format!("investment `{}` needs `{}`", name(*id), name(*missing)), "add it to the plan");
            }
            for (other, _) in self.plan.investments.iter().filter(|(other, _)| other != id && *other > *id) {
                if model.clash(*id, *other) {
                    wrong(format!("investment `{}` rules `{}` out", name(*id), name(*other)), "keep one of the two");
                }
            }
        }
    }

    /// IT power of what is built and what stands, by site.
    fn it_power(&self) -> Vec<Power> {
        let mut power = vec![Power::ZERO; self.model.sites.len()];
        for build in &self.plan.builds {
            power[build.site.index()] += self.model.accelerators[build.accelerator].power * f64::from(build.count);
        }
        for fleet in &self.model.fleets {
            power[fleet.site.index()] += self.model.accelerators[fleet.accelerator].power * f64::from(fleet.count);
        }
        power
    }

    fn power(&mut self) {
        let power = self.it_power();
        for (index, used) in power.iter().enumerate() {
            let id = SiteId::from_index(index);
            let site = &self.model.sites[id];
            let Some(build) = self.plan.builds.iter().position(|build| build.site == id) else { continue };
            let place = self.places.of(&self.places.builds, build).clone();
            let there = (0..self.model.accelerators.len()).map(|kind| self.count(id, AcceleratorId::from_index(kind))).sum::<f64>();
            if let Some(most) = site.max_accelerators.filter(|most| there > f64::from(*most)) {
                let message = format!("site `{}` has {there} accelerators and takes {most}", site.entity.name);
                let diagnostic = Diagnostic::error("F0956", place.clone(), message).label(site.entity.span.clone(), "the site");
                self.found.push(diagnostic.hint("build less here"));
            }
            if exceeds(used.as_mw(), site.max_it_power.as_mw()) || exceeds(used.as_mw() * site.pue, site.connection.as_mw()) {
                let most = site.max_it_power.as_mw().min(site.connection.as_mw() / site.pue);
                let message = format!("site `{}` has {:.3} MW of IT power and room for {most:.3} MW", site.entity.name, used.as_mw());
                self.found
                    .push(Diagnostic::error("F0907", place, message).label(site.entity.span.clone(), "the site").hint("build less here"));
            }
        }
        let total: f64 = power.iter().map(|power| power.as_mw()).sum();
        let most = self.model.planning.it_power.as_mw();
        if exceeds(total, most) {
            let message = format!("all sites together have {total:.3} MW of IT power, above the limit of {most:.3} MW");
            self.found.push(
                Diagnostic::error("F0909", self.places.file.clone(), message)
                    .label(self.model.planning.it_power_span.clone(), "`it_power` stands here"),
            );
        }
        let built: std::collections::BTreeSet<SiteId> =
            self.plan.builds.iter().filter(|build| build.count > 0).map(|build| build.site).collect();
        if built.len() > self.model.planning.sites.1 as usize || built.len() < self.model.planning.sites.0 as usize {
            let (least, most) = self.model.planning.sites;
            // An alternative may set its own numbers; the scenario's own only concern the plan that bears no alternative's name.
            if self.model.alternatives.iter().all(|alternative| alternative.entity.name != self.plan.name) {
                let message = format!("{} sites are built, and the scenario wants {least} to {most}", built.len());
                self.found.push(
                    Diagnostic::error("F0902", self.places.file.clone(), message).hint("see `min_sites` and `max_sites` of `[plan]`"),
                );
            }
        }
    }

    fn money(&mut self) {
        let (spent, budget) = (capital(self.model, self.plan).as_meur(), self.model.planning.budget.as_meur());
        if exceeds(spent, budget) {
            let message = format!("the plan spends {spent:.3} M EUR of capital, above the budget of {budget:.3} M EUR");
            self.found.push(
                Diagnostic::error("F0908", self.places.file.clone(), message)
                    .label(self.model.planning.budget_span.clone(), "`budget` stands here"),
            );
        }
    }

    fn placements(&mut self) {
        let network = crate::resolve::latencies_with(self.model, &self.plan.links);
        let mut shares = vec![0.0; self.model.services.len()];
        for (index, placement) in self.plan.placements.iter().enumerate() {
            let place = self.places.of(&self.places.placements, index).clone();
            let service = &self.model.services[placement.service];
            let legality = &self.model.legal_service[placement.service][placement.site.index()];
            if !legality.at(Time::ZERO) {
                self.illegal(&service.entity.name, placement.site, legality, place.clone());
            }
            for (nation, share) in &service.origins {
                let reach = network[nation.index()][placement.site.index()];
                if *share > 0.0 && reach.is_none_or(|latency| latency > service.max_latency) {
                    let message = format!(
                        "requests of `{}` from `{}` do not reach `{}` in time",
                        service.entity.name,
                        self.model.nations[*nation].entity.name,
                        self.site(placement.site)
                    );
                    let hint = format!("`max_latency` is {}", bastide_units::display(service.max_latency));
                    self.found.push(Diagnostic::warning("F0914", place.clone(), message).hint(hint));
                    break;
                }
            }
            let before = shares[placement.service.index()];
            if service.operation.single_site && before > 0.0 && placement.share > 0.0 {
                let message = format!("`{}` runs at a second site, and all of it should run at one", service.entity.name);
                let diagnostic = Diagnostic::error("F0957", place.clone(), message).label(service.entity.span.clone(), "`single_site`");
                self.found.push(diagnostic.hint("place it once, with a share of 1"));
            }
            shares[placement.service.index()] += placement.share;
            if exceeds(shares[placement.service.index()], 1.0) {
                let message = format!("the shares of `{}` sum to {:.4}, above 1", service.entity.name, shares[placement.service.index()]);
                self.found.push(Diagnostic::error("F0910", place.clone(), message).hint("lower one"));
            }
            let wanted = service.demand * (self.model.mean(service.profile) * placement.share);
            let rates = &self.model.token_rate[placement.service];
            let full = placement.accelerators.iter().map(|(id, count)| rates[id.index()] * *count).sum::<TokenRate>();
            let served = full * (1.0 - service.security_overhead);
            if exceeds(wanted.as_tokens_per_s(), served.as_tokens_per_s()) {
                let message = format!(
                    "`{}` needs {} at `{}`, and its accelerators serve {}",
                    service.entity.name,
                    bastide_units::display(wanted),
                    self.site(placement.site),
                    bastide_units::display(served)
                );
                self.found.push(Diagnostic::error("F0906", place, message).hint("build more, or lower the share"));
            }
        }
    }

    fn illegal(&mut self, what: &str, site: SiteId, legality: &crate::model::Legality, place: crate::source::Span) {
        let mut diagnostic = Diagnostic::error("F0905", place, format!("`{what}` may not be at `{}`", self.site(site)));
        if let Some((why, span)) = &legality.forbidden_by {
            diagnostic = diagnostic.label(span.clone(), format!("forbidden by {why}"));
        }
        self.found.push(diagnostic.hint("choose a site that the rules allow"));
    }

    fn standbys(&mut self) {
        for (index, standby) in self.plan.standbys.iter().enumerate() {
            let place = self.places.of(&self.places.standbys, index).clone();
            let service = &self.model.services[standby.service];
            let legality = &self.model.legal_service[standby.service][standby.site.index()];
            if !legality.at(Time::ZERO) {
                self.illegal(&service.entity.name, standby.site, legality, place.clone());
            }
            if standby.site == standby.of {
                let message = format!("`{}` has its stand-by at the site that it stands by for", service.entity.name);
                self.found.push(Diagnostic::error("F0904", place, message).hint("name another site"));
            }
        }
    }

    /// Accelerators of a type at a site, built and standing.
    fn count(&self, site: SiteId, kind: AcceleratorId) -> f64 {
        let built =
            self.plan.builds.iter().filter(|build| build.site == site && build.accelerator == kind).map(|build| f64::from(build.count));
        let standing =
            self.model.fleets.iter().filter(|fleet| fleet.site == site && fleet.accelerator == kind).map(|fleet| f64::from(fleet.count));
        built.chain(standing).sum()
    }

    /// Accelerators that a campaign finds where it is placed: of a roadmap, those of the day on which it begins.
    fn count_for(&self, placed: &CampaignPlacement) -> f64 {
        let (site, kind) = (placed.site, placed.accelerator);
        let begins = |roadmap: &'_ Roadmap| roadmap.starts.iter().find(|(id, _)| *id == placed.campaign).map(|(_, begin)| *begin);
        let Some((roadmap, begin)) = self.plan.roadmap.as_ref().and_then(|it| Some((it, begins(it)?))) else {
            return self.count(site, kind);
        };
        let lots = roadmap.lots.iter().filter(|lot| lot.site == site && lot.accelerator == kind && lot.runs(begin)).map(|lot| lot.count);
        let fleets = self.model.fleets.iter().filter(|it| it.site == site && it.accelerator == kind);
        let fleets = fleets.filter(|it| it.energised <= begin && begin < it.retired).map(|it| it.count);
        lots.chain(fleets).map(f64::from).sum()
    }

    fn capacity(&mut self) {
        let mut used: std::collections::BTreeMap<(SiteId, AcceleratorId), (f64, usize)> = std::collections::BTreeMap::new();
        for (index, placement) in self.plan.placements.iter().enumerate() {
            for (kind, count) in &placement.accelerators {
                used.entry((placement.site, *kind)).or_insert((0.0, index)).0 += count;
            }
        }
        for ((site, kind), (count, index)) in used {
            let most = self.count(site, kind) * self.model.policy.headroom;
            if exceeds(count, most) {
                let place = self.places.of(&self.places.placements, index).clone();
                let name = &self.model.accelerators[kind].entity.name;
                let message =
                    format!("services take {count:.2} of `{name}` at `{}` on a mean day, and {most:.2} are free for them", self.site(site));
                let kept = 100.0 * (1.0 - self.model.policy.headroom);
                let hint = if kept > 0.0 {
                    format!("`headroom` of `[policy]` keeps {kept:.0} % for peaks: build more here, or place less")
                } else {
                    "build more here, or place less".to_owned()
                };
                self.found.push(Diagnostic::error("F0906", place, message).hint(hint));
            }
        }
    }

    fn campaigns(&mut self) {
        let (mut campaigns, mut places) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
        for (index, placed) in self.plan.campaigns.iter().enumerate() {
            let place = self.places.of(&self.places.campaigns, index).clone();
            let campaign = &self.model.campaigns[placed.campaign];
            let legality = &self.model.legal_campaign[placed.campaign][placed.site.index()];
            if !legality.at(campaign.start) {
                self.illegal(&campaign.entity.name, placed.site, legality, place.clone());
            }
            let there = self.count_for(placed);
            let needed = f64::from(campaign.gang()) * f64::from(placed.islands);
            if there < needed {
                let name = &self.model.accelerators[placed.accelerator].entity.name;
                let message =
                    format!("campaign `{}` needs {needed} of `{name}`, and `{}` has {there}", campaign.entity.name, self.site(placed.site));
                self.found.push(Diagnostic::error("F0912", place.clone(), message).hint("build more here, or choose another site"));
            }
            if campaign.islands() == 1 && !campaigns.insert(placed.campaign) {
                let message = format!("campaign `{}` is placed twice", campaign.entity.name);
                self.found.push(Diagnostic::error("F0904", place, message).hint("it runs at one site"));
            } else if !places.insert((placed.campaign, placed.site, placed.accelerator)) {
                let message = format!("campaign `{}` is placed twice at the same site on the same type", campaign.entity.name);
                self.found.push(Diagnostic::error("F0904", place, message).hint("add its `islands` up in one entry"));
            }
        }
        self.islands();
    }

    /// A campaign that runs has all its islands.
    fn islands(&mut self) {
        let mut islands: std::collections::BTreeMap<CampaignId, (u64, usize)> = std::collections::BTreeMap::new();
        for (index, placed) in self.plan.campaigns.iter().enumerate() {
            islands.entry(placed.campaign).or_insert((0, index)).0 += u64::from(placed.islands);
        }
        for (id, (placed, first)) in islands {
            let campaign = &self.model.campaigns[id];
            // One gang that is placed twice was reported already.
            if placed != u64::from(campaign.islands()) && (campaign.islands() > 1 || self.plan.campaigns[first].islands > 1) {
                let place = self.places.of(&self.places.campaigns, first).clone();
                let message = format!("campaign `{}` runs as {}, and the plan places {placed}", campaign.entity.name, campaign.islands());
                self.found.push(Diagnostic::error("F0833", place, message).hint("place all of its islands, each at a site"));
            }
        }
    }

    /// A plan builds links that do not stand yet, each once.
    fn links(&mut self) {
        let mut seen = std::collections::BTreeSet::new();
        for (index, id) in self.plan.links.iter().enumerate() {
            let place = self.places.of(&self.places.links, index).clone();
            let link = &self.model.links[*id];
            if link.build_cost.is_none() {
                let diagnostic = Diagnostic::error("F0958", place.clone(), format!("link `{}` stands already", link.entity.name));
                self.found.push(diagnostic.label(link.entity.span.clone(), "it has no `build_cost`").hint("remove it from the plan"));
            }
            if !seen.insert(*id) {
                let message = format!("link `{}` is built twice", link.entity.name);
                self.found.push(Diagnostic::error("F0904", place, message).hint("remove one"));
            }
        }
    }

    fn replicas(&mut self) {
        let mut seen = std::collections::BTreeSet::new();
        for (index, replica) in self.plan.replicas.iter().enumerate() {
            let place = self.places.of(&self.places.replicas, index).clone();
            let name = &self.model.datasets[replica.dataset].entity.name;
            let legality = &self.model.legal_dataset[replica.dataset][replica.site.index()];
            if !legality.at(Time::ZERO) {
                self.illegal(name, replica.site, legality, place.clone());
            }
            if !seen.insert((replica.dataset, replica.site)) {
                let message = format!("dataset `{name}` has two copies at `{}`", self.site(replica.site));
                self.found.push(Diagnostic::error("F0904", place, message).hint("a copy at the same site saves nothing"));
            }
        }
        for (index, dataset) in self.model.datasets.iter().enumerate() {
            let copies = seen.iter().filter(|(id, _)| id.index() == index).count();
            if copies < dataset.replicas as usize {
                let message = format!("dataset `{}` has {copies} of {} copies", dataset.entity.name, dataset.replicas);
                self.found.push(
                    Diagnostic::error("F0913", self.places.file.clone(), message).hint("add `[[replica]]` entries at different sites"),
                );
            }
        }
    }
}
