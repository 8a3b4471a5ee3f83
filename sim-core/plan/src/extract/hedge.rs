//! The hedge of a plan from the program's values: where each outlook's services run, what is held in reserve.

use bastide_model::plan::{Hedge, Placement, Recourse, Reserve};
use bastide_units::TokenRate;

use super::DUST;
use crate::flow::transport;
use crate::formulation::Formulation;
use crate::instance::Instance;

/// What the values say about outlooks and critical demand.
pub(super) fn hedge(instance: &Instance, formulation: &Formulation, values: &[f64]) -> Hedge {
    let mut hedge = Hedge::default();
    let outlooks = instance.states.iter().enumerate().filter(|(at, _)| at + instance.outages < instance.states.len());
    hedge.recourse = outlooks.map(|(at, _)| recourse(instance, formulation, values, at)).collect();
    for it in &formulation.spread {
        let class = &instance.classes[it.class];
        let service = class.members[0].0;
        let headroom = instance.model.policy.headroom;
        for (site, by_type) in it.reserve.iter().enumerate() {
            let held = by_type.iter().enumerate().filter_map(|(kind, column)| Some((kind, values[(*column)?])));
            let held: Vec<_> = held.filter(|(_, units)| *units > DUST * class.critical).collect();
            if !held.is_empty() {
                let accelerators =
                    held.iter().map(|(kind, units)| (instance.types[*kind].id, units * headroom / class.rate[*kind])).collect();
                hedge.reserves.push(Reserve { service, site: instance.sites[site].id, accelerators });
            }
        }
        let missing = it.uncovered.map_or(0.0, |column| values[column]);
        if missing > DUST * class.critical {
            hedge.uncovered.push((service, TokenRate::from_tokens_per_s(missing * class.tokens_per_unit(service))));
        }
    }
    // One that may run at a single site has nothing outside it: its critical demand is not counted.
    hedge.reserves.sort_by_key(|it| (it.service, it.site));
    hedge.uncovered.sort_by_key(|(service, _)| *service);
    hedge
}

/// What runs where in an outlook: some flow from classes to sites exists for each type, because the rows of reach hold.
#[expect(clippy::needless_range_loop, reason = "a type is a position in several lists")]
fn recourse(instance: &Instance, formulation: &Formulation, values: &[f64], at: usize) -> Recourse {
    let (state, columns) = (&instance.states[at], &formulation.recourse[at]);
    let mut it = Recourse { outlook: at + 1, ..Recourse::default() };
    // accelerators[part][site][type], in units of the reference type's service
    let mut placed = vec![vec![vec![0.0; instance.types.len()]; instance.sites.len()]; state.parts.len()];
    for kind in 0..instance.types.len() {
        let (needs, room) = formulation.needs(instance, at, kind, values);
        let flow = transport(&needs, &room).flow;
        for (part, by_site) in flow.iter().enumerate() {
            let rate = instance.classes[state.parts[part].class].rate[kind];
            by_site.iter().enumerate().for_each(|(site, used)| placed[part][site][kind] += used * rate);
        }
    }
    for (part, by_site) in columns.place.iter().enumerate() {
        for (site, by_type) in by_site.iter().enumerate() {
            for (kind, column) in by_type.iter().enumerate() {
                placed[part][site][kind] += column.map_or(0.0, |column| values[column].max(0.0));
            }
        }
    }
    for (part, what) in state.parts.iter().enumerate() {
        let class = &instance.classes[what.class];
        let total: f64 = placed[part].iter().flatten().sum();
        for ((_, service, units), column) in what.members.iter().zip(&columns.unserved[part]) {
            let unserved = values[*column].clamp(0.0, *units);
            let unserved = if unserved < DUST * units { 0.0 } else { unserved };
            if unserved > 0.0 {
                it.unserved.push((*service, TokenRate::from_tokens_per_s(unserved * class.tokens_per_unit(*service))));
            }
            let served = units - unserved;
            if total <= 0.0 || served <= DUST * units {
                continue;
            }
            let kept: f64 = placed[part].iter().map(|by_type| by_type.iter().sum::<f64>()).filter(|here| *here > DUST * total).sum();
            for (site, by_type) in placed[part].iter().enumerate() {
                let here: f64 = by_type.iter().sum();
                if here <= DUST * total {
                    continue;
                }
                let taken = by_type.iter().enumerate().filter(|(_, x)| **x > DUST * here);
                let busy = |x: f64, kind: usize| x * served / kept * instance.model.policy.headroom / class.rate[kind];
                let accelerators = taken.map(|(kind, x)| (instance.types[kind].id, busy(*x, kind))).collect();
                let share = here * served / kept / units;
                it.placements.push(Placement { service: *service, site: instance.sites[site].id, share, accelerators });
            }
        }
    }
    it.placements.sort_by_key(|it| (it.service, it.site));
    it.unserved.sort_by_key(|(service, _)| *service);
    it
}
