//! Second stage: what runs where in each state `k`, an outlook or an outage, on what the first stage built.
//!
//! ```text
//! served[k,g,t]   units of class g served on type t, at any site       unserved[k,v] units not served
//! place[k,g,s,t]  the same at site s, for classes of which the site matters  load[k,s,t] accelerators in use, where energy counts
//!
//! min   ... + sum_k p_k (value of unserved tokens + energy beyond idle)
//! demand      sum_t served[k,g,t] + sum_st place[k,g,s,t] + sum_v unserved[k,v] = demand[k,g]
//! room        room[k,s,t] = share[k,s,t] (per_node * nodes + fleet - gangs) - sum_g place / rate
//!             load[k,s,t] <= room[k,s,t]
//! reach       sum_{g: sites(g) in S} served[k,g,t] / rate <= sum_{s in S} room[k,s,t]       each k, t and set S of sites
//! tier        unserved tokens of a tier <= (1 - least share) * demand                       each outage k
//! ```
//!
//! How fast a type serves a class does not depend on the site. So the second stage need not say where a class runs: some division among
//! sites exists exactly when every set of sites has room for the classes that can only run in it (Gale 1957; Hall 1935). There are many
//! sets, but few of them bind; [`Formulation::reach`] finds those that a solution breaks by a largest flow.
//!
//! ```text
//! risk        z_k >= cost of unserved demand in k - eta;  min ... + weight (eta + sum_k p_k z_k / (1 - level))
//! ```

use super::{Formulation, scaled};
use crate::flow::transport;
use crate::instance::{Instance, Relaxed, value_of_rate};
use crate::program::{Group, Sense};
use crate::state::{State, limited};

/// Sets of sites of which the rows stand from the beginning, for each state and type; more are found when they bind.
const FIRST_SETS: usize = 8;
/// Missing room below this share of a type's load is the solver's dust.
const DUST: f64 = 1e-7;

/// Columns of a state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recourse {
    /// `served[part][type]`; `None` where it may not run.
    pub served: Vec<Vec<Option<usize>>>,
    /// `place[part][site][type]` of parts of which the site matters; empty for others.
    pub place: Vec<Vec<Vec<Option<usize>>>>,
    /// `unserved[part][member]`.
    pub unserved: Vec<Vec<usize>>,
    /// `faster[part]`: units that faster services do not need.
    pub faster: Vec<Vec<usize>>,
    /// `load[site][type]`; `None` where energy does not depend on the load.
    pub load: Vec<Vec<Option<usize>>>,
}

impl Formulation {
    /// Columns and rows of every state.
    pub(super) fn stage_two(&mut self, instance: &Instance, relaxed: &Relaxed) {
        if !(instance.states.is_empty() && self.spread.is_empty()) {
            self.constraint_use(instance);
        }
        for state in &instance.states {
            if relaxed.contains(&state.group) {
                self.recourse.push(Recourse::default());
            } else {
                self.add_state(instance, state);
            }
        }
        self.constraint_risk(instance);
    }

    /// Columns and rows of the next state.
    pub(crate) fn add_state(&mut self, instance: &Instance, state: &State) {
        let at = self.recourse.len();
        let recourse = self.variable_recourse(instance, state);
        self.recourse.push(recourse);
        self.constraint_recourse_demand(instance, at);
        self.constraint_recourse_load(instance, at);
        self.constraint_recourse_tier(instance, at);
        self.constraint_first_sets(instance, at);
    }

    fn variable_recourse(&mut self, instance: &Instance, state: &State) -> Recourse {
        let mut it = Recourse::default();
        let headroom = instance.model.policy.headroom;
        let possible = |this: &Self, site: usize, kind: usize| {
            state.share[site][kind] > 0.0 && (this.nodes[site][kind].is_some() || instance.has(site, kind))
        };
        for part in &state.parts {
            let class = &instance.classes[part.class];
            let may = |this: &Self, site: usize, kind: usize| part.sites[site] && class.rate[kind] > 0.0 && possible(this, site, kind);
            // What serving costs is said for all of the nominal demand.
            let scale = if part.demand() > 0.0 { class.demand() / part.demand() } else { 0.0 };
            let mut place = Vec::new();
            let mut served = vec![None; instance.types.len()];
            if class.is_placed_by_site() {
                for site in 0..instance.sites.len() {
                    let by_type = (0..instance.types.len()).map(|kind| {
                        let energy = headroom / class.rate[kind] * instance.busy_cost(site, kind) * state.energy[site];
                        let cost = state.weight * (energy + class.serving_at(site) * scale);
                        may(self, site, kind).then(|| self.program.continuous(cost, 0.0, part.demand()))
                    });
                    let by_type = by_type.collect();
                    place.push(by_type);
                }
            } else {
                for (kind, column) in served.iter_mut().enumerate() {
                    let anywhere = (0..instance.sites.len()).any(|site| may(self, site, kind));
                    *column = anywhere.then(|| self.program.continuous(0.0, 0.0, part.demand()));
                }
            }
            let unserved = part.members.iter().map(|(_, service, units)| {
                let value = value_of_rate(instance.model, *service) * class.tokens_per_unit(*service);
                self.program.continuous(state.weight * value, 0.0, *units)
            });
            let unserved: Vec<usize> = unserved.collect();
            let members = part.members.iter().zip(&unserved);
            let faster = members.flat_map(|((_, service, units), column)| self.faster_in(instance, *service, *column, *units)).collect();
            it.faster.push(faster);
            it.unserved.push(unserved);
            it.served.push(served);
            it.place.push(place);
        }
        let load = |this: &mut Self, site: usize, kind: usize| {
            let cost = state.weight * state.energy[site] * headroom * instance.busy_cost(site, kind);
            (cost > 0.0 && possible(this, site, kind)).then(|| this.program.continuous(cost, 0.0, f64::INFINITY))
        };
        it.load = (0..instance.sites.len()).map(|site| (0..instance.types.len()).map(|kind| load(self, site, kind)).collect()).collect();
        it
    }

    fn constraint_recourse_demand(&mut self, instance: &Instance, at: usize) {
        for (part, what) in instance.states[at].parts.iter().enumerate() {
            let it = &self.recourse[at];
            let columns = it.served[part]
                .iter()
                .flatten()
                .chain(it.place[part].iter().flatten().flatten())
                .chain(&it.unserved[part])
                .chain(&it.faster[part]);
            let terms: Vec<_> = columns.map(|column| (*column, 1.0)).collect();
            self.program.row(Group::Structure, terms, Sense::Equal, what.demand());
            let Some(dataset) = instance.classes[what.class].dataset else { continue };
            for site in 0..instance.sites.len() {
                let here: Vec<_> = self.recourse[at].place[part][site].iter().flatten().map(|column| (*column, 1.0)).collect();
                if !here.is_empty() {
                    let copy = self.replica_at(dataset, site).map(|column| (column, -what.demand()));
                    self.program.at_most(Group::Dataset(dataset), here.into_iter().chain(copy), 0.0);
                }
            }
        }
    }

    /// `load <= room`, and `0 <= room` where parts that read a dataset take some of it.
    fn constraint_recourse_load(&mut self, instance: &Instance, at: usize) {
        for site in 0..instance.sites.len() {
            for kind in 0..instance.types.len() {
                let (mut terms, there) = self.room(instance, at, site, kind);
                let load = self.recourse[at].load[site][kind];
                let placed = self.recourse[at].place.iter().any(|by_site| by_site.get(site).is_some_and(|by_type| by_type[kind].is_some()));
                terms.extend(load.map(|column| (column, 1.0)));
                if load.is_some() || placed {
                    self.program.at_most(Group::Structure, terms, there);
                }
            }
        }
    }

    /// Least service of each tier.
    fn constraint_recourse_tier(&mut self, instance: &Instance, at: usize) {
        let state = &instance.states[at];
        for (tier, most) in limited(state) {
            let mut terms = Vec::new();
            for (part, columns) in state.parts.iter().zip(&self.recourse[at].unserved) {
                let of_tier = part.members.iter().zip(columns).filter(|((_, id, _), _)| instance.model.services[*id].tier == tier);
                terms.extend(of_tier.map(|((_, id, _), column)| (*column, instance.classes[part.class].tokens_per_unit(*id))));
            }
            // In the unit of the tier's demand, as the rows of the nominal outlook.
            let scale = terms.iter().map(|(_, tokens)| *tokens).fold(most, f64::max).max(f64::MIN_POSITIVE);
            self.program.at_most(state.group, scaled(terms, 1.0 / scale), most / scale);
        }
    }

    /// The rows of reach that are there from the beginning: all sites, and the sets of the classes themselves.
    fn constraint_first_sets(&mut self, instance: &Instance, at: usize) {
        let state = &instance.states[at];
        let mut sets: Vec<Vec<bool>> = vec![vec![true; instance.sites.len()]];
        for part in state.parts.iter().filter(|part| !instance.classes[part.class].is_placed_by_site()) {
            if !sets.contains(&part.sites) {
                sets.push(part.sites.clone());
            }
        }
        sets.truncate(FIRST_SETS);
        for kind in 0..instance.types.len() {
            for set in &sets {
                self.constraint_reach(instance, at, kind, set);
            }
        }
    }

    /// `sum_{g: sites(g) in S} served[k,g,t] / rate <= sum_{s in S} room[k,s,t]`.
    fn constraint_reach(&mut self, instance: &Instance, at: usize, kind: usize, set: &[bool]) {
        let state = &instance.states[at];
        let mut terms = Vec::new();
        for (part, columns) in state.parts.iter().zip(&self.recourse[at].served) {
            let within = part.sites.iter().zip(set).all(|(may, inside)| !may || *inside);
            if let Some(column) = columns[kind].filter(|_| within) {
                terms.push((column, 1.0 / instance.classes[part.class].rate[kind]));
            }
        }
        if terms.is_empty() {
            return;
        }
        let mut there = 0.0;
        for site in (0..set.len()).filter(|site| set[*site]) {
            match self.recourse[at].load[site][kind] {
                Some(load) => terms.push((load, -1.0)),
                None => {
                    let (room, fleet) = self.room(instance, at, site, kind);
                    terms.extend(room);
                    there += fleet;
                }
            }
        }
        self.program.at_most(Group::Structure, terms, there);
    }

    /// Room of a site and type in a state: minus its terms, and its constant.
    fn room(&self, instance: &Instance, at: usize, site: usize, kind: usize) -> (Vec<(usize, f64)>, f64) {
        let state = &instance.states[at];
        let share = state.share[site][kind];
        if share <= 0.0 {
            return (Vec::new(), 0.0);
        }
        let mut terms: Vec<(usize, f64)> = scaled(self.bought(instance, site, kind), share).collect();
        let here = instance.gangs.iter().zip(&self.run).zip(&state.keeps);
        let here = here.filter(|((gang, _), keeps)| **keeps && gang.site == site && gang.kind == kind);
        terms.extend(here.map(|((gang, column), _)| (*column, share * gang.accelerators)));
        for (part, by_site) in state.parts.iter().zip(&self.recourse[at].place) {
            let placed = by_site.get(site).and_then(|by_type| by_type[kind]);
            terms.extend(placed.map(|column| (column, 1.0 / instance.classes[part.class].rate[kind])));
        }
        (terms, share * instance.fleet[site][kind])
    }

    /// Conditional value at risk of the cost of unserved demand (Rockafellar and Uryasev 2000, equation 12).
    fn constraint_risk(&mut self, instance: &Instance) {
        let Some(cvar) = instance.model.planning.uncertainty.cvar else { return };
        let threshold = self.program.continuous(cvar.weight, 0.0, f64::INFINITY);
        let mut losses = vec![(instance.nominal.weight, self.losses(instance, None))];
        for (at, state) in instance.states.iter().enumerate().filter(|(_, state)| state.weight > 0.0) {
            losses.push((state.weight, self.losses(instance, Some(at))));
        }
        for (weight, terms) in losses.into_iter().filter(|(weight, _)| *weight > 0.0) {
            let excess = self.program.continuous(cvar.weight * weight / (1.0 - cvar.level), 0.0, f64::INFINITY);
            self.program.at_most(Group::Structure, terms.into_iter().chain([(threshold, -1.0), (excess, -1.0)]), 0.0);
        }
    }

    /// Cost of unserved demand if a state comes true [M EUR/y]; of the nominal outlook for `None`.
    pub(crate) fn losses(&self, instance: &Instance, at: Option<usize>) -> Vec<(usize, f64)> {
        let value = |class: usize, service| value_of_rate(instance.model, service) * instance.classes[class].tokens_per_unit(service);
        match at {
            None => {
                let members = instance.classes.iter().zip(&self.unserved).enumerate();
                members
                    .flat_map(|(at, (it, columns))| it.members.iter().zip(columns).map(move |((id, _), column)| (*column, value(at, *id))))
                    .collect()
            }
            Some(at) => {
                let parts = instance.states[at].parts.iter().zip(&self.recourse[at].unserved);
                let of_part = |part: &crate::state::Part, columns: &[usize]| -> Vec<_> {
                    part.members.iter().zip(columns).map(|((_, id, _), column)| (*column, value(part.class, *id))).collect()
                };
                parts.flat_map(|(part, columns)| of_part(part, columns)).collect()
            }
        }
    }

    /// Adds the rows of reach that these values break; says how many.
    pub(crate) fn reach(&mut self, instance: &Instance, values: &[f64]) -> usize {
        let mut found = 0;
        for at in 0..instance.states.len() {
            for kind in 0..instance.types.len() {
                let Some(full) = self.broken_set(instance, at, kind, values) else { continue };
                self.constraint_reach(instance, at, kind, &full);
                found += 1;
            }
        }
        found
    }

    fn broken_set(&self, instance: &Instance, at: usize, kind: usize, values: &[f64]) -> Option<Vec<bool>> {
        if self.recourse[at].served.is_empty() {
            return None;
        }
        let (needs, room) = self.needs(instance, at, kind, values);
        let total: f64 = needs.iter().map(|(need, _)| need).sum();
        let it = transport(&needs, &room);
        (it.missing > DUST * total.max(1.0)).then_some(it.full)
    }

    /// What each part needs of a type, and the room of each site.
    pub(crate) fn needs<'i>(&self, instance: &'i Instance, at: usize, kind: usize, values: &[f64]) -> (Vec<(f64, &'i [bool])>, Vec<f64>) {
        let state = &instance.states[at];
        let need = |part: usize, class: usize| {
            let column = self.recourse[at].served.get(part).and_then(|by_type| by_type[kind]);
            column.map_or(0.0, |column| values[column].max(0.0) / instance.classes[class].rate[kind])
        };
        let needs = state.parts.iter().enumerate().map(|(part, it)| (need(part, it.class), it.sites.as_slice())).collect();
        let room = |site: usize| match self.recourse[at].load.get(site).and_then(|by_type| by_type[kind]) {
            Some(load) => values[load].max(0.0),
            None => {
                let (terms, there) = self.room(instance, at, site, kind);
                (there - terms.iter().map(|(column, coefficient)| coefficient * values[*column]).sum::<f64>()).max(0.0)
            }
        };
        (needs, (0..instance.sites.len()).map(room).collect())
    }
}
