//! What a roadmap changes over time: which site serves which share of a service in which period.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bastide_model::model::Model;
use bastide_model::plan::{Placement, Plan};
use bastide_units::Time;

use super::Routes;

/// Shares of demand by period; empty for a plan of one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calendar {
    /// Beginnings of the periods.
    pub begins: Vec<Time>,
    /// Share of its service's demand that a flow asks for: `[period][flow]`.
    weights: Vec<Vec<f64>>,
    /// Share of each service's demand that is placed: `[period][service]`.
    placed: Vec<Vec<f64>>,
}

/// The plan with every place of every period, so that routes exist for all of them.
pub(super) fn everywhere(plan: &Plan) -> Cow<'_, Plan> {
    let Some(roadmap) = &plan.roadmap else { return Cow::Borrowed(plan) };
    let mut sums = BTreeMap::new();
    for (service, site, share) in roadmap.periods.iter().flat_map(|period| &period.served) {
        *sums.entry((*service, *site)).or_insert(0.0) += share / roadmap.periods.len() as f64;
    }
    let known = |service, site| plan.placements.iter().find(|it| it.service == service && it.site == site);
    let placement = |((service, site), share)| {
        let accelerators = known(service, site).map(|it| it.accelerators.clone()).unwrap_or_default();
        Placement { service, site, share, accelerators }
    };
    Cow::Owned(Plan { placements: sums.into_iter().map(placement).collect(), ..plan.clone() })
}

impl Calendar {
    pub(super) fn new(model: &Model, plan: &Plan, routes: &Routes, latency: &crate::world::network::Paths) -> Self {
        let Some(roadmap) = &plan.roadmap else { return Self::default() };
        let mut calendar = Self::default();
        let key = |routes: &Routes, at: usize| (routes.pairs[routes.flows[at].pair].site, routes.flows[at].origin);
        for period in &roadmap.periods {
            let served = period.served.iter().map(|(service, site, share)| Placement {
                service: *service,
                site: *site,
                share: *share,
                accelerators: Vec::new(),
            });
            let now = super::routes(model, &Plan { placements: served.collect(), ..plan.clone() }, latency);
            let (mut weights, mut placed) = (vec![0.0; routes.flows.len()], vec![0.0; model.services.len()]);
            for (service, placed) in placed.iter_mut().enumerate() {
                for at in routes.service_flows[service].clone() {
                    let same = now.service_flows[service].clone().find(|other| key(&now, *other) == key(routes, at));
                    weights[at] = same.map_or(0.0, |other| now.flows[other].weight);
                    *placed += weights[at];
                }
            }
            calendar.begins.push(period.from);
            calendar.weights.push(weights);
            calendar.placed.push(placed);
        }
        calendar
    }

    /// Share of its service's demand that a flow asks for; `None` where nothing changes.
    #[inline]
    pub(crate) fn weight(&self, period: usize, flow: usize) -> Option<f64> {
        self.weights.get(period).map(|weights| weights[flow])
    }
    /// Share of a service's demand that is placed; `None` where nothing changes.
    #[inline]
    pub(crate) fn placed(&self, period: usize, service: usize) -> Option<f64> {
        self.placed.get(period).map(|placed| placed[service])
    }
}
