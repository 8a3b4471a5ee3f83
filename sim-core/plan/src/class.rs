//! Services that the program cannot tell apart are placed as one: the fewer, the faster.
//!
//! Two services are alike when they may run at the same sites, read the same dataset, are or are not protected against
//! site loss, run on every type at rates in the same proportion, and cost the same to serve from each site. One that must
//! run at a single site is a class of its own. Their demand is measured in *units*: what one
//! accelerator of the class's reference type serves on a mean day with headroom. The answer is split back in proportion.

use bastide_model::model::{AcceleratorId, DatasetId, Model, ServiceId};
use bastide_units::{Quantity, TokenPrice};

/// Services that are placed together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Class {
    /// Members with their mean demand in units.
    pub members: Vec<(ServiceId, f64)>,
    /// `sites[site]`: whether it may run there.
    pub sites: Vec<bool>,
    /// `rate[type]`: units that one accelerator serves; one for the reference type, zero where it does not fit.
    pub rate: Vec<f64>,
    /// Data that it reads.
    pub dataset: Option<DatasetId>,
    /// Whether it must survive the loss of any single site.
    pub protected: bool,
    /// Units that must keep running outside any single site; a class with some has one member.
    pub critical: f64,
    /// Tokens per second of one unit, by member.
    pub tokens: Vec<f64>,
    /// `serving[site]`: serving a unit from there, its accelerators apart [M EUR/y]; empty where nothing costs anything.
    pub serving: Vec<f64>,
    /// Whether all of it runs at one site.
    pub single_site: bool,
}

impl Class {
    /// Serving a unit from a site, its accelerators apart [M EUR/y].
    pub(crate) fn serving_at(&self, site: usize) -> f64 {
        self.serving.get(site).copied().unwrap_or(0.0)
    }

    /// Demand of all members in units.
    pub(crate) fn demand(&self) -> f64 {
        self.members.iter().map(|(_, units)| units).sum()
    }
    /// Whether serving it at one site is not the same as at another: it reads data, or serving has a cost.
    pub(crate) fn is_placed_by_site(&self) -> bool {
        self.dataset.is_some() || !self.serving.is_empty()
    }
    /// Tokens per second in one unit of a member.
    pub(crate) fn tokens_per_unit(&self, service: ServiceId) -> f64 {
        self.members.iter().position(|(id, _)| *id == service).map_or(1.0, |at| self.tokens[at])
    }
}

/// Mean demand of a service over the history, in no outlook [tokens/s].
pub(crate) fn scenario_demand(model: &Model, service: ServiceId) -> f64 {
    let it = &model.services[service];
    it.demand.as_tokens_per_s() * model.mean(it.profile)
}

/// Mean demand of a service over the history, in the nominal outlook [tokens/s].
pub(crate) fn mean_demand(model: &Model, service: ServiceId) -> f64 {
    let demand = scenario_demand(model, service);
    crate::state::nominal(model).map_or(demand, |outlook| demand * outlook.demand[service.index()])
}

/// Demand that must keep running outside any single site [tokens/s].
pub(crate) fn critical_demand(model: &Model, service: ServiceId) -> f64 {
    scenario_demand(model, service) * model.services[service].critical.share
}

/// Price of one token per second for a year [M EUR/y].
pub(crate) fn value_of(price: TokenPrice) -> f64 {
    price.base() * crate::instance::year_s() * 1e-6
}

/// Tokens per second that one accelerator serves when it is busy all the time, in the service's security mode.
pub(crate) fn full_rate(model: &Model, service: ServiceId, accelerator: AcceleratorId) -> f64 {
    model.token_rate[service.index()][accelerator.index()].as_tokens_per_s() * (1.0 - model.services[service].security_overhead)
}

/// Tokens per second of one accelerator on a mean day, when peaks must fit.
pub(crate) fn planned_rate(model: &Model, service: ServiceId, accelerator: AcceleratorId) -> f64 {
    full_rate(model, service, accelerator) * model.policy.headroom
}

/// One service by itself, as a class; `None` if there is no demand. A service that no type can serve has all rates zero
/// and its demand in tokens per second.
pub(crate) fn single(model: &Model, service: ServiceId, types: &[AcceleratorId], sites: Vec<bool>, protected: bool) -> Option<Class> {
    let demand = mean_demand(model, service);
    let critical = critical_demand(model, service);
    // What has no demand in the nominal outlook may have some in another.
    let ever = crate::state::outlooks(model).iter().any(|outlook| outlook.demand[service.index()] > 0.0);
    if demand <= 0.0 && !(scenario_demand(model, service) > 0.0 && (ever || critical > 0.0)) {
        return None;
    }
    let rates: Vec<f64> = types.iter().map(|kind| planned_rate(model, service, *kind)).collect();
    let reference = rates.iter().copied().find(|rate| *rate > 0.0).unwrap_or(1.0);
    Some(Class {
        members: vec![(service, demand / reference)],
        sites,
        rate: rates.iter().map(|rate| rate / reference).collect(),
        dataset: model.services[service].dataset,
        protected,
        critical: critical / reference,
        tokens: vec![if demand > 0.0 { demand / (demand / reference) } else { reference }],
        serving: Vec::new(),
        single_site: model.services[service].operation.single_site,
    })
}

/// Joins classes that are alike, in order.
pub(crate) fn join(singles: impl Iterator<Item = Class>) -> Vec<Class> {
    let mut classes: Vec<Class> = Vec::new();
    for single in singles {
        let alike = |it: &&mut Class| {
            // First what tells most services apart.
            !(it.single_site || single.single_site)
                && it.serving.iter().zip(&single.serving).all(|(a, b)| (a - b).abs() <= 1e-9 * a.max(*b))
                && it.sites == single.sites
                && it.dataset == single.dataset
                && it.protected == single.protected
                && it.critical == 0.0
                && single.critical == 0.0
                && it.rate.iter().zip(&single.rate).all(|(a, b)| (a - b).abs() <= 1e-9 * a.max(*b))
        };
        match classes.iter_mut().find(alike) {
            Some(class) => {
                class.members.extend(single.members);
                class.tokens.extend(single.tokens);
            }
            None => classes.push(single),
        }
    }
    classes
}
