//! States in which services are placed anew on what was built: outlooks that may come true, outages that must be survived.

use bastide_model::model::{Model, Outlook, ServiceId, Tier};

use crate::class::{self, Class};
use crate::instance::{self, Instance};
use crate::outage::Outage;
use crate::program::Group;

/// A state.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    /// Wish of the scenario that its rows stand for.
    pub group: Group,
    /// Probability; zero for an outage, of which only the least service counts.
    pub weight: f64,
    /// `share[site][type]`: share of the accelerators that can be used.
    pub share: Vec<Vec<f64>>,
    /// Factor on the expected price of energy at each site.
    pub energy: Vec<f64>,
    /// What is to be served.
    pub parts: Vec<Part>,
    /// `keeps[gang]`: whether it keeps its accelerators.
    pub keeps: Vec<bool>,
    /// Most of a tier's demand that may stay unserved [tokens/s]; `None` where nothing is asked.
    pub unserved: [Option<f64>; 4],
}

impl State {
    /// Whether two sites fare the same.
    pub(crate) fn treats_alike(&self, a: usize, b: usize) -> bool {
        self.share[a] == self.share[b] && self.energy[a] == self.energy[b] && self.parts.iter().all(|part| part.sites[a] == part.sites[b])
    }
}

/// Members of a class that may run at the same sites in a state.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    /// Class.
    pub class: usize,
    /// Position in the class, service, demand in units.
    pub members: Vec<(usize, ServiceId, f64)>,
    /// `sites[site]`: whether they may run there.
    pub sites: Vec<bool>,
}

impl Part {
    /// Demand of all members in units.
    pub(crate) fn demand(&self) -> f64 {
        self.members.iter().map(|(.., units)| units).sum()
    }
}

/// The nominal outlook: what `[plan]` and the rows of the program without outlooks are about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Nominal {
    /// Probability.
    pub weight: f64,
    /// Share of the accelerators that can be used, by site.
    pub share: Vec<f64>,
    /// Factor on the expected price of energy, by site.
    pub energy: Vec<f64>,
}

/// Outlooks that a plan for one state of the system is made against; those of a roadmap make a tree of their own.
pub(crate) fn outlooks(model: &Model) -> &[Outlook] {
    if model.growth.horizon.is_some() { &[] } else { &model.planning.uncertainty.outlooks }
}

/// The nominal outlook of a model; `None` where the scenario has no outlooks.
pub(crate) fn nominal(model: &Model) -> Option<&Outlook> {
    outlooks(model).first()
}

/// Expected factor on the energy price at a bus.
pub(crate) fn expected_price(model: &Model, bus: usize) -> f64 {
    let outlooks = outlooks(model);
    if outlooks.is_empty() { 1.0 } else { outlooks.iter().map(|outlook| outlook.probability * outlook.energy_price[bus]).sum() }
}

/// Mean demand of a service in an outlook [tokens/s].
pub(crate) fn demand_in(model: &Model, outlook: &Outlook, service: ServiceId) -> f64 {
    class::scenario_demand(model, service) * outlook.demand[service.index()]
}

impl Instance<'_> {
    /// Terms of the nominal outlook.
    pub(crate) fn find_nominal(&self) -> Nominal {
        let sites = self.sites.len();
        match nominal(self.model) {
            None => Nominal { weight: 1.0, share: vec![1.0; sites], energy: vec![1.0; sites] },
            Some(outlook) => Nominal {
                weight: outlook.probability,
                share: self.sites.iter().map(|site| outlook.availability[site.id.index()]).collect(),
                energy: self.energy_factors(outlook),
            },
        }
    }

    /// Factors on the expected price of energy by site; zero where that price is.
    fn energy_factors(&self, outlook: &Outlook) -> Vec<f64> {
        let factor = |bus: usize| {
            let mean = expected_price(self.model, bus);
            if mean > 0.0 { outlook.energy_price[bus] / mean } else { 0.0 }
        };
        self.sites.iter().map(|site| factor(self.model.sites[site.id].bus.index())).collect()
    }

    /// Every outlook but the nominal one.
    pub(crate) fn outlook_states(&self) -> Vec<State> {
        let outlooks = outlooks(self.model).iter().skip(1);
        let state = |outlook: &Outlook| {
            let parts = self.classes.iter().enumerate().map(|(at, class)| {
                let units = |service: ServiceId| demand_in(self.model, outlook, service) / class.tokens_per_unit(service);
                let members = class.members.iter().enumerate().map(|(place, (service, _))| (place, *service, units(*service)));
                Part { class: at, members: members.collect(), sites: class.sites.clone() }
            });
            State {
                group: Group::Structure,
                weight: outlook.probability,
                share: self.sites.iter().map(|site| vec![outlook.availability[site.id.index()]; self.types.len()]).collect(),
                energy: self.energy_factors(outlook),
                parts: parts.collect(),
                keeps: vec![true; self.gangs.len()],
                unserved: [None; 4],
            }
        };
        outlooks.map(state).collect()
    }

    /// An outage; only services of tiers of which something must be served take part.
    pub(crate) fn outage_state(&self, outage: &Outage, group: Group) -> State {
        let tiers = outage.tiers();
        let mut unserved = [None; 4];
        let mut parts: Vec<Part> = Vec::new();
        for tier in &tiers {
            let demand = |service: ServiceId| class::scenario_demand(self.model, service) * outage.demand_factor[*tier as usize];
            let of_tier = (0..self.model.services.len()).map(ServiceId::from_index).filter(|id| self.model.services[*id].tier == *tier);
            let least = outage.min_service[*tier as usize].unwrap_or(0.0);
            unserved[*tier as usize] = Some((1.0 - least) * of_tier.map(demand).sum::<f64>());
        }
        for (at, class) in self.classes.iter().enumerate() {
            for (place, (service, _)) in class.members.iter().enumerate() {
                let tier = self.model.services[*service].tier;
                if tiers.contains(&tier) {
                    let units = class::scenario_demand(self.model, *service) * outage.demand_factor[tier as usize]
                        / class.tokens_per_unit(*service);
                    self.join_part(&mut parts, class, (at, place, *service, units), outage);
                }
            }
        }
        let left = |site: &instance::SiteTerms| outage.left(site.id);
        let of_type =
            |left: f64| self.types.iter().map(move |kind| if outage.down_types.contains(&kind.id) { 0.0 } else { left }).collect();
        State {
            group,
            weight: 0.0,
            share: self.sites.iter().map(|site| of_type(left(site))).collect(),
            energy: vec![0.0; self.sites.len()],
            parts,
            keeps: self.gangs.iter().map(|gang| instance::keeps(self.model, &tiers, gang.campaign)).collect(),
            unserved,
        }
    }

    fn join_part(
        &self,
        parts: &mut Vec<Part>,
        class: &Class,
        (at, place, service, units): (usize, usize, ServiceId, f64),
        outage: &Outage,
    ) {
        let open = |site: &instance::SiteTerms| outage.left(site.id) > 0.0 && !outage.cut_off.contains(&(service, site.id));
        let sites: Vec<bool> = self.sites.iter().zip(&class.sites).map(|(site, may)| *may && open(site)).collect();
        let member = (place, service, units);
        match parts.iter_mut().find(|part| part.class == at && part.sites == sites) {
            Some(part) => part.members.push(member),
            None => parts.push(Part { class: at, members: vec![member], sites }),
        }
    }
}

/// Tokens per second of each tier that a state leaves unserved must stay below its limit: tiers that have one.
pub(crate) fn limited(state: &State) -> impl Iterator<Item = (Tier, f64)> + '_ {
    Tier::ALL.into_iter().filter_map(|tier| Some((tier, state.unserved[tier as usize]?)))
}
