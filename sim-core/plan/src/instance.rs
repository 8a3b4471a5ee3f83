//! The sets and coefficients of the program, taken from the model. Power in MW, money in M EUR and M EUR/y.

use std::collections::BTreeSet;

use bastide_cost_models::finance::capital_recovery_factor;
use bastide_model::model::{
    AcceleratorId, Alternative, BusId, CampaignId, DatasetId, Legality, Model, NationId, Objective, Service, ServiceId, SiteId, SiteTier,
    Tier,
};
use bastide_model::plan::Plan;
use bastide_units::{Duration, Quantity, Temperature, Time};

use crate::campaign::{self, Gang};
use crate::class::{self, Class};
use crate::formulation::investment::{Contract, contracts, untouched};
use crate::outage::{Outage, outages};
use crate::program::Group;
use crate::state::{Nominal, State, expected_price};

/// Groups that the search for a conflict leaves out.
pub(crate) type Relaxed = BTreeSet<Group>;

/// Seconds of a year.
pub(crate) fn year_s() -> f64 {
    Duration::from_y(1.0).as_s()
}

/// A usable site.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SiteTerms {
    /// Site of the model.
    pub id: SiteId,
    /// Whether the plan may put new accelerators there.
    pub buyable: bool,
    /// Whether it stands already.
    pub existing: bool,
    /// Facility power per IT power at the mean temperature.
    pub pue: f64,
    /// Energy, at the expected price of all outlooks [M EUR per MW of facility power and year].
    pub energy: f64,
    /// Opening it, sunk where it stands [M EUR].
    pub fixed_cost: f64,
    /// Building [M EUR per MW of IT power].
    pub building: f64,
    /// Connection [M EUR per MW of facility power].
    pub connection: f64,
    /// Upkeep, whatever the size [M EUR/y].
    pub fixed_upkeep: f64,
    /// Upkeep [M EUR per MW of IT power and year].
    pub upkeep: f64,
}

/// A type that may be bought or is there already.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TypeTerms {
    /// Type of the model.
    pub id: AcceleratorId,
    /// Whether it may be bought.
    pub buyable: bool,
    /// Most that may be bought.
    pub cap: Option<u32>,
    /// Power [MW per accelerator].
    pub power: f64,
    /// Share of it when idle.
    pub idle: f64,
    /// Price [M EUR].
    pub price: f64,
    /// Accelerators per node.
    pub per_node: f64,
    /// Annuity of one euro of it [1/y].
    pub recovery: f64,
}

/// Everything that the formulation reads.
#[derive(Clone)]
pub(crate) struct Instance<'m> {
    /// The model.
    pub model: &'m Model,
    /// The rival architecture, if it is one.
    pub alternative: Option<&'m Alternative>,
    /// Usable sites, in the model's order.
    pub sites: Vec<SiteTerms>,
    /// Types, in the model's order.
    pub types: Vec<TypeTerms>,
    /// `fleet[site][type]`: accelerators that are there whatever the plan says.
    pub fleet: Vec<Vec<f64>>,
    /// Accelerators that investments would add.
    pub contracts: Vec<Contract>,
    /// Services that are placed together.
    pub classes: Vec<Class>,
    /// Where campaigns may run.
    pub gangs: Vec<Gang>,
    /// Tiers that survive the loss of any single site.
    pub survive: Vec<Tier>,
    /// Fewest and most sites.
    pub count: (u32, u32),
    /// Annuity of one euro of buildings and connections [1/y].
    pub building_recovery: f64,
    /// The nominal outlook.
    pub nominal: Nominal,
    /// Every other outlook, then outages.
    pub states: Vec<State>,
    /// Number of outages among them.
    pub outages: usize,
    /// Capital of the links that the plan builds, settled before the rest [M EUR].
    pub links: f64,
}

/// Tiers that survive under an alternative.
pub(crate) fn survive(model: &Model, alternative: Option<&Alternative>) -> Vec<Tier> {
    let own = alternative.and_then(|it| it.survive_site_loss.clone());
    own.unwrap_or_else(|| model.planning.survive_site_loss.clone())
}

/// Fewest and most sites under an alternative.
pub(crate) fn count(model: &Model, alternative: Option<&Alternative>) -> (u32, u32) {
    alternative.and_then(|it| it.count).unwrap_or(model.planning.sites)
}

/// Accelerators of a type that stand at a site when the plan's are energised.
pub(crate) fn fleet(model: &Model, site: SiteId, accelerator: AcceleratorId) -> f64 {
    let here = model.fleets.iter().filter(|it| it.site == site && it.accelerator == accelerator && it.energised <= campaign::ready(model));
    here.map(|it| f64::from(it.count)).sum()
}

/// Whether a plan has accelerators at a site.
pub(crate) fn used(model: &Model, plan: &Plan, site: SiteId) -> bool {
    let built = plan.builds.iter().any(|it| it.site == site && it.count > 0);
    built || model.fleets.iter().any(|it| it.site == site && fleet(model, site, it.accelerator) > 0.0)
}

/// Whether the plan may put new accelerators at a site.
pub(crate) fn buyable(model: &Model, alternative: Option<&Alternative>, site: SiteId) -> bool {
    let allowed = alternative.and_then(|it| it.sites.as_ref()).is_none_or(|sites| sites.contains(&site));
    allowed && model.planning.candidates.contains(&site)
}

/// Allowed from the moment that the plan's accelerators run to the end of the history.
pub(crate) fn legal(model: &Model, legality: &Legality) -> bool {
    let ready = campaign::ready(model);
    legality.from <= ready && legality.until >= (Time::ZERO + model.header.duration).max(ready)
}

/// Power usage effectiveness at the mean temperature.
pub(crate) fn mean_pue(model: &Model, site: SiteId) -> f64 {
    model.pue(site, model.sites[site].temperature.map(|profile| Temperature::from_celsius(model.mean(profile))))
}

/// Whether every origin of a service reaches a site in time, by [`bastide_model::latencies`].
pub(crate) fn near(latencies: &[Vec<Option<Duration>>], service: &Service, site: SiteId) -> bool {
    let in_time = |nation: NationId| latencies[nation.index()][site.index()].is_some_and(|latency| latency <= service.max_latency);
    service.origins.iter().all(|(nation, share)| *share <= 0.0 || in_time(*nation))
}

/// Price of a year of one MW at a bus, at the mean price [M EUR].
fn energy_of_a_year(model: &Model, bus: BusId) -> f64 {
    // EUR/J * 1e6 W/MW * s/y / 1e6 EUR/M EUR.
    model.mean(model.buses[bus].energy_price) * year_s()
}

impl<'m> Instance<'m> {
    /// The sets and coefficients for a model under an alternative, without the groups in `relaxed`.
    pub(crate) fn new(model: &'m Model, alternative: Option<&'m Alternative>, relaxed: &Relaxed) -> Self {
        let planning = &model.planning;
        let ids = |len: usize| (0..len).map(SiteId::from_index);
        let has_fleet = |site: SiteId| model.fleets.iter().any(|it| it.site == site && fleet(model, site, it.accelerator) > 0.0);
        let sites: Vec<SiteTerms> = ids(model.sites.len())
            .filter(|site| buyable(model, alternative, *site) || has_fleet(*site))
            .map(|id| {
                let it = &model.sites[id];
                SiteTerms {
                    id,
                    buyable: buyable(model, alternative, id),
                    existing: it.existing,
                    pue: mean_pue(model, id),
                    energy: energy_of_a_year(model, it.bus) * expected_price(model, it.bus.index()),
                    fixed_cost: if it.existing { 0.0 } else { it.fixed_cost.as_meur() },
                    building: it.building_cost.as_meur_per_mw(),
                    connection: it.connection_cost.as_meur_per_mw(),
                    fixed_upkeep: it.fixed_upkeep.as_eur_per_y() * 1e-6,
                    upkeep: it.upkeep.as_eur_per_mw_y() * 1e-6,
                }
            })
            .collect();
        let types: Vec<TypeTerms> = (0..model.accelerators.len())
            .map(AcceleratorId::from_index)
            .filter_map(|id| {
                let listed = planning.accelerators.iter().find(|(it, _)| *it == id);
                let contract = |site: &SiteTerms| model.investments.iter().any(|it| it.adds(site.id, id));
                let there = sites.iter().any(|site| fleet(model, site.id, id) > 0.0 || contract(site));
                let it = &model.accelerators[id];
                (listed.is_some() || there).then(|| TypeTerms {
                    id,
                    buyable: listed.is_some(),
                    cap: listed.and_then(|(_, cap)| *cap),
                    power: it.power.as_mw(),
                    idle: it.idle_share,
                    price: it.price.as_meur(),
                    per_node: f64::from(it.per_node.max(1)),
                    recovery: capital_recovery_factor(planning.discount_rate, it.lifetime),
                })
            })
            .collect();
        let fleet = sites.iter().map(|site| types.iter().map(|kind| fleet(model, site.id, kind.id)).collect()).collect();
        let mut instance = Self {
            model,
            alternative,
            sites,
            types,
            fleet,
            contracts: Vec::new(),
            classes: Vec::new(),
            gangs: Vec::new(),
            survive: survive(model, alternative),
            count: count(model, alternative),
            building_recovery: capital_recovery_factor(planning.discount_rate, planning.building_lifetime),
            nominal: Nominal { weight: 1.0, share: Vec::new(), energy: Vec::new() },
            states: Vec::new(),
            outages: 0,
            links: 0.0,
        };
        instance.survive.retain(|tier| !relaxed.contains(&Group::Survival(*tier)));
        instance.contracts = contracts(&instance);
        instance.classes = instance.find_classes(relaxed);
        instance.gangs = instance.find_gangs();
        instance.nominal = instance.find_nominal();
        instance.states = instance.outlook_states();
        instance.add_outages(&outages(model));
        instance
    }

    /// Adds outages that the plan must survive.
    pub(crate) fn add_outages(&mut self, outages: &[Outage]) {
        for outage in outages {
            let state = self.outage_state(outage, Group::Outage(self.outages));
            self.states.push(state);
            self.outages += 1;
        }
    }

    fn find_classes(&self, relaxed: &Relaxed) -> Vec<Class> {
        let model = self.model;
        let latencies = bastide_model::latencies(model);
        let types: Vec<AcceleratorId> = self.types.iter().map(|kind| kind.id).collect();
        let singles = (0..model.services.len()).map(ServiceId::from_index).filter_map(|id| {
            let it = &model.services[id];
            let may_run = |site: &SiteTerms| {
                let allowed = relaxed.contains(&Group::Legality(id)) || legal(model, &model.legal_service[id.index()][site.id.index()]);
                let in_time = relaxed.contains(&Group::Latency(id)) || near(&latencies, it, site.id);
                allowed && in_time
            };
            let mut class = class::single(model, id, &types, self.sites.iter().map(may_run).collect(), self.survive.contains(&it.tier))?;
            if let Some(serving) = &model.planning.serving_cost {
                // Without any demand nothing is served, and nothing is paid for it.
                let units = if class.demand() > 0.0 { class.demand() } else { f64::INFINITY };
                class.serving = self.sites.iter().map(|site| serving.annual_eur(id, site.id) * 1e-6 / units).collect();
            }
            Some(class)
        });
        // Members of one class may lie in different nations: where sovereignty counts, each service is placed by itself.
        let apart = model.planning.ranking.objectives.iter().any(|it| it.objective == Objective::Sovereignty);
        if apart { singles.collect() } else { class::join(singles) }
    }

    fn find_gangs(&self) -> Vec<Gang> {
        let model = self.model;
        let mut gangs = Vec::new();
        for id in (0..model.campaigns.len()).map(CampaignId::from_index) {
            let campaign = &model.campaigns[id];
            for (kind, terms) in self.types.iter().enumerate() {
                let Some(duration) = campaign::duration(model, id, terms.id) else { continue };
                let delay = campaign::delay(model, campaign, duration);
                for (site, place) in self.sites.iter().enumerate() {
                    if campaign::legal(model, id, place.id, duration) {
                        gangs.push(Gang {
                            campaign: id,
                            site,
                            kind,
                            accelerators: f64::from(model.held(id, terms.id)),
                            islands: campaign.islands(),
                            busy: (duration / model.header.duration).min(1.0),
                            delay_cost: (campaign.cost_of_delay * delay).as_meur() / campaign::years(model),
                        });
                    }
                }
            }
        }
        gangs
    }

    /// Whether a gang keeps its accelerators when a protected service needs them.
    pub(crate) fn keeps(&self, gang: &Gang) -> bool {
        keeps(self.model, &self.survive, gang.campaign)
    }

    /// Sites where a dataset may lie, as positions.
    pub(crate) fn homes(&self, dataset: DatasetId) -> Vec<usize> {
        let legal_at = |site: &SiteTerms| legal(self.model, &self.model.legal_dataset[dataset.index()][site.id.index()]);
        (0..self.sites.len()).filter(|at| legal_at(&self.sites[*at])).collect()
    }

    /// Buses with sites, as (bus, its hosting limit in MW, positions of the sites).
    pub(crate) fn hosts(&self) -> Vec<(BusId, f64, Vec<usize>)> {
        let buses = (0..self.model.buses.len()).map(BusId::from_index);
        buses
            .filter_map(|bus| {
                let limit = self.model.buses[bus].hosting_limit?.as_mw();
                let here: Vec<usize> = (0..self.sites.len()).filter(|at| self.model.sites[self.sites[*at].id].bus == bus).collect();
                (!here.is_empty()).then_some((bus, limit, here))
            })
            .collect()
    }

    /// Sites of a tier, as positions.
    pub(crate) fn of_tier(&self, tier: SiteTier) -> impl Iterator<Item = usize> + '_ {
        (0..self.sites.len()).filter(move |at| self.model.sites[self.sites[*at].id].tier == tier)
    }

    /// IT power of the fleets that are there (MW).
    pub(crate) fn fleet_power(&self, site: usize) -> f64 {
        self.types.iter().zip(&self.fleet[site]).map(|(kind, count)| kind.power * count).sum()
    }

    /// Whether a site is there whatever the plan says: its fleets run.
    pub(crate) fn stands(&self, site: usize) -> bool {
        self.fleet[site].iter().any(|count| *count > 0.0)
    }

    /// Whether accelerators of a type are at a site, or an investment could bring them.
    pub(crate) fn has(&self, site: usize, kind: usize) -> bool {
        self.fleet[site][kind] > 0.0 || self.contracts.iter().any(|contract| (contract.site, contract.kind) == (site, kind))
    }

    /// Capital of a node of a type at a site [M EUR].
    pub(crate) fn node_capital(&self, site: usize, kind: usize) -> f64 {
        let (place, it) = (&self.sites[site], &self.types[kind]);
        it.per_node * (it.price + it.power * (place.building + place.pue * place.connection))
    }

    /// Yearly cost of a node of a type at a site when it is idle [M EUR/y].
    pub(crate) fn node_cost(&self, site: usize, kind: usize) -> f64 {
        let (place, it) = (&self.sites[site], &self.types[kind]);
        let building = (place.building + place.pue * place.connection) * self.building_recovery;
        it.per_node * (it.price * it.recovery + it.power * (building + place.upkeep + it.idle * place.pue * place.energy))
    }

    /// Yearly cost of the energy that an accelerator draws beyond idle when it is always busy [M EUR/y].
    pub(crate) fn busy_cost(&self, site: usize, kind: usize) -> f64 {
        let (place, it) = (&self.sites[site], &self.types[kind]);
        it.power * (1.0 - it.idle) * place.pue * place.energy
    }

    /// Interchangeable candidates, in order: the same data, the same neighbours, no name of their own in any rule.
    pub(crate) fn twins(&self) -> Vec<Vec<usize>> {
        let mut families: Vec<Vec<usize>> = Vec::new();
        for site in (0..self.sites.len()).filter(|at| self.sites[*at].buyable && !self.stands(*at)) {
            match families.iter_mut().find(|family| self.alike(family[0], site)) {
                Some(family) => family.push(site),
                None => families.push(vec![site]),
            }
        }
        families.retain(|family| family.len() > 1);
        families
    }

    fn alike(&self, a: usize, b: usize) -> bool {
        let model = self.model;
        let (id, other) = (self.sites[a].id, self.sites[b].id);
        let (one, two) = (&model.sites[id], &model.sites[other]);
        let required = |site: SiteId| self.alternative.is_some_and(|it| it.required.contains(&site));
        let legal_dataset = |site: SiteId| model.legal_dataset.iter().map(move |row| legal(model, &row[site.index()]));
        let gangs = |at: usize| self.gangs.iter().filter(move |gang| gang.site == at).map(|gang| (gang.campaign, gang.kind));
        SiteTerms { id, ..self.sites[b].clone() } == self.sites[a]
            && one.bus == two.bus
            && one.nation == two.nation
            && one.tier == two.tier
            && one.connection == two.connection
            && one.max_it_power == two.max_it_power
            && one.max_accelerators == two.max_accelerators
            && required(id) == required(other)
            && self.nominal.share[a] == self.nominal.share[b]
            && self.nominal.energy[a] == self.nominal.energy[b]
            && self.states.iter().all(|state| state.treats_alike(a, b))
            && untouched(self, a)
            && untouched(self, b)
            && self.classes.iter().all(|class| class.sites[a] == class.sites[b] && class.serving_at(a) == class.serving_at(b))
            && legal_dataset(id).eq(legal_dataset(other))
            && gangs(a).eq(gangs(b))
    }
}

/// Whether a campaign keeps its accelerators when services of these tiers need them.
pub(crate) fn keeps(model: &Model, survive: &[Tier], campaign: CampaignId) -> bool {
    let below_all = survive.iter().all(|tier| *tier <= model.campaigns[campaign].tier);
    !(model.policy.preempt_training && below_all)
}

/// A tier's mean demand [tokens/s].
pub(crate) fn tier_demand(model: &Model, tier: Tier) -> f64 {
    let of_tier = (0..model.services.len()).map(ServiceId::from_index).filter(|id| model.services[*id].tier == tier);
    of_tier.map(|id| class::mean_demand(model, id)).sum()
}

/// Value of one token per second lost for a year [M EUR/y].
pub(crate) fn value_of_rate(model: &Model, service: ServiceId) -> f64 {
    model.services[service].value.base() * year_s() * 1e-6
}
