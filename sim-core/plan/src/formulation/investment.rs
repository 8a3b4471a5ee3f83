//! Investments: integer purchases that widen limits, add accelerators, or save energy and work.
//!
//! ```text
//! invest[o]     how often investment o is bought
//! cooled[o]     invest[o] * IT power of its site           for each o that lowers the PUE by d
//! eased[o]      invest[o] * mean load of its site
//! spared[o]     invest[o] * new IT power of its site
//! faster[o,v]   invest[o] * (1 - 1/f) * served[v]          for each o that speeds service v up by f
//! ```
//!
//! Each product of a binary `b` and a bounded `0 <= x <= u` is exact (McCormick 1976): `z <= x`, `z <= u b`, `z >= x - u (1 - b)`.

use bastide_cost_models::finance::capital_recovery_factor;
use bastide_model::model::{Investment, InvestmentId, ServiceId, SiteId};

use super::{Formulation, scaled};
use crate::instance::{self, Instance};
use crate::program::Group;

/// Columns of investments.
#[derive(Clone, Debug, Default)]
pub(crate) struct Investments {
    /// `invest[o]`.
    pub invest: Vec<usize>,
    /// `(position of the site, fall of the PUE, column)`.
    pub cooled: Vec<(usize, f64, usize)>,
    /// The same with `spared`.
    pub spared: Vec<(usize, f64, usize)>,
    /// `(class, member, column)`.
    pub faster: Vec<(usize, usize, usize)>,
}

/// Yearly cost of buying an investment once [M EUR/y].
pub(crate) fn yearly(model: &bastide_model::model::Model, it: &Investment) -> f64 {
    let lifetime = it.lifetime.unwrap_or(model.planning.building_lifetime);
    it.cost.as_meur() * capital_recovery_factor(model.planning.discount_rate, lifetime) + it.upkeep.as_eur_per_y() * 1e-6
}

impl Formulation {
    /// `invest[o]` with its annuity and upkeep; none at a site that the plan cannot use.
    pub(super) fn variable_invest(&mut self, instance: &Instance) {
        let model = instance.model;
        for (at, it) in model.investments.iter().enumerate() {
            let usable = it.site.is_none_or(|site| position(instance, site).is_some());
            let most = if usable { f64::from(it.most) } else { 0.0 };
            // What a contract brings draws power and needs upkeep like any other.
            let running: f64 = instance.contracts.iter().filter(|contract| contract.investment == at).map(|it| it.running(instance)).sum();
            let column = self.program.integer(yearly(model, it) + running, 0.0, most);
            self.investments.invest.push(column);
        }
    }

    /// Products of an investment with what it acts on.
    pub(super) fn variable_effects(&mut self, instance: &Instance) {
        let model = instance.model;
        for (at, it) in model.investments.iter().enumerate() {
            let invest = self.investments.invest[at];
            if let (Some(pue), Some(site)) = (it.effect.pue, it.site.and_then(|site| position(instance, site))) {
                self.cooling(instance, invest, site, pue);
            }
            if let Some((factor, services)) = &it.effect.speedup {
                for (class, terms) in instance.classes.iter().enumerate() {
                    for (member, (_, units)) in terms.members.iter().enumerate().filter(|(_, (id, _))| services.contains(id)) {
                        let saving = 1.0 - 1.0 / factor;
                        let column = self.faster(invest, saving, self.unserved[class][member], *units);
                        self.investments.faster.push((class, member, column));
                    }
                }
            }
        }
    }

    fn cooling(&mut self, instance: &Instance, invest: usize, site: usize, pue: f64) {
        let model = instance.model;
        let (id, place) = (instance.sites[site].id, &instance.sites[site]);
        let fall = model.sites[id].pue - pue;
        let (room, there) = (Self::most_power(instance, site), instance.fleet_power(site));
        let power = self.it_power(instance, site);
        let cooled = self.product(invest, power, there, room, 0.0);
        self.investments.cooled.push((site, fall, cooled));

        let new = self.nodes_at(site, |kind| instance.types[kind].per_node * instance.types[kind].power);
        let spared = self.product(invest, new, 0.0, room, -fall * place.connection * instance.building_recovery);
        self.investments.spared.push((site, fall, spared));
    }

    /// `(1 - 1/f) * served` if the investment is bought, with `served = units - unserved`.
    fn faster(&mut self, invest: usize, saving: f64, unserved: usize, units: f64) -> usize {
        self.product(invest, vec![(unserved, -saving)], saving * units, saving * units, 0.0)
    }

    /// In a state: units of a member of a class, of which some stay unserved, that faster services do not need.
    pub(super) fn faster_in(&mut self, instance: &Instance, service: ServiceId, unserved: usize, units: f64) -> Vec<usize> {
        let all = instance.model.investments.iter().zip(self.investments.invest.clone());
        let speedups = all.filter_map(|(it, invest)| Some((it.effect.speedup.as_ref()?, invest)));
        let ours: Vec<_> =
            speedups.filter(|((_, services), _)| services.contains(&service)).map(|((f, _), invest)| (1.0 - 1.0 / f, invest)).collect();
        ours.into_iter().map(|(saving, invest)| self.faster(invest, saving, unserved, units)).collect()
    }

    /// Energy that better cooling saves: its load is that of all outlooks, each at its probability and price.
    pub(super) fn variable_eased(&mut self, instance: &Instance) {
        let model = instance.model;
        for (at, it) in model.investments.iter().enumerate() {
            let (Some(pue), Some(site)) = (it.effect.pue, it.site.and_then(|site| position(instance, site))) else { continue };
            let invest = self.investments.invest[at];
            let (fall, room) = (model.sites[instance.sites[site].id].pue - pue, Self::most_power(instance, site));
            let (load, fleet) = self.mean_load(instance, site);
            self.product(invest, load, fleet, room, -fall * instance.sites[site].energy);
        }
    }

    /// Mean IT load of a site, as terms and a constant (MW).
    fn mean_load(&self, instance: &Instance, site: usize) -> (Vec<(usize, f64)>, f64) {
        let headroom = instance.model.policy.headroom;
        let idle = |kind: usize| instance.types[kind].power * instance.types[kind].idle;
        let beyond = |kind: usize| instance.types[kind].power * (1.0 - instance.types[kind].idle);
        let fleet: f64 = (0..instance.types.len()).map(|kind| instance.fleet[site][kind] * idle(kind)).sum();
        let mut load = self.nodes_at(site, |kind| instance.types[kind].per_node * idle(kind));
        load.extend(self.contracts_at(instance, site, idle));
        let busy = |class: usize, kind: usize| headroom / instance.classes[class].rate[kind] * beyond(kind);
        let nominal = instance.nominal.weight * instance.nominal.energy[site];
        for class in 0..instance.classes.len() {
            let placed = self.place[class][site].iter().enumerate();
            load.extend(placed.filter_map(|(kind, column)| column.map(|column| (column, nominal * busy(class, kind)))));
        }
        for (state, recourse) in instance.states.iter().zip(&self.recourse).filter(|(state, _)| state.weight > 0.0) {
            let weight = state.weight * state.energy[site];
            for (part, by_site) in state.parts.iter().zip(&recourse.place) {
                let placed = by_site.get(site).into_iter().flatten().enumerate();
                load.extend(placed.filter_map(|(kind, column)| column.map(|column| (column, weight * busy(part.class, kind)))));
            }
            let used = recourse.load.get(site).into_iter().flatten().enumerate();
            load.extend(used.filter_map(|(kind, column)| column.map(|column| (column, weight * headroom * beyond(kind)))));
        }
        for (gang, column) in instance.gangs.iter().zip(&self.run).filter(|(gang, _)| gang.site == site) {
            load.push((*column, gang.accelerators * gang.busy * beyond(gang.kind)));
        }
        (load, fleet)
    }

    /// More IT power than a site can ever have (MW).
    fn most_power(instance: &Instance, site: usize) -> f64 {
        let id = instance.sites[site].id;
        let added = |it: &Investment| if it.site == Some(id) { it.effect.it_power.as_mw() * f64::from(it.most) } else { 0.0 };
        let model = instance.model;
        model.sites[id].max_it_power.as_mw() + model.investments.iter().map(added).sum::<f64>() + instance.fleet_power(site)
    }

    /// A column `z = binary * (terms + constant)`, where the sum lies between zero and `most`.
    fn product(&mut self, binary: usize, terms: Vec<(usize, f64)>, constant: f64, most: f64, cost: f64) -> usize {
        let z = self.program.continuous(cost, 0.0, most);
        let minus: Vec<_> = scaled(terms.iter().copied(), -1.0).collect();
        self.program.at_most(Group::Structure, minus.into_iter().chain([(z, 1.0)]), constant);
        self.program.at_most(Group::Structure, [(z, 1.0), (binary, -most)], 0.0);
        self.program.at_most(Group::Structure, terms.into_iter().chain([(z, -1.0), (binary, most)]), most - constant);
        z
    }

    /// `invest[o] <= most * build(s)`; `invest[o] <= most * invest[p]` for each p that it requires; no two that rule each other out.
    pub(super) fn constraint_invest(&mut self, instance: &Instance) {
        let model = instance.model;
        let ids = || (0..model.investments.len()).map(InvestmentId::from_index);
        for id in ids() {
            let it = &model.investments[id];
            let (column, most) = (self.investments.invest[id.index()], f64::from(it.most));
            if let Some(site) = it.site.and_then(|site| position(instance, site)) {
                self.program.at_most(Group::Structure, [(column, 1.0), (self.build[site], -most)], 0.0);
            }
            for needed in &it.requires {
                let other = self.investments.invest[needed.index()];
                self.program.at_most(Group::Structure, [(column, 1.0), (other, -most)], 0.0);
            }
            for other in ids().filter(|other| *other > id && model.clash(id, *other)) {
                // At most one of them, however often either could be bought.
                let [a, b] = [id, other].map(|id| (self.investments.invest[id.index()], f64::from(model.investments[id].most)));
                let choice = self.program.integer(0.0, 0.0, 1.0);
                self.program.at_most(Group::Structure, [(a.0, 1.0), (choice, -a.1)], 0.0);
                self.program.at_most(Group::Structure, [(b.0, 1.0), (choice, b.1)], b.1);
            }
        }
    }

    /// Terms of `sum_o weight(t) * accelerators of o * invest[o]` of the contracts at a site.
    pub(crate) fn contracts_at(&self, instance: &Instance, site: usize, weight: impl Fn(usize) -> f64) -> Vec<(usize, f64)> {
        let here = instance.contracts.iter().filter(|contract| contract.site == site);
        here.map(|contract| (self.investments.invest[contract.investment], contract.count * weight(contract.kind))).collect()
    }

    /// What investments add to a limit of a site, as terms of the left-hand side.
    pub(super) fn widened(&self, instance: &Instance, site: SiteId, added: impl Fn(&Investment) -> f64) -> Vec<(usize, f64)> {
        let here = instance.model.investments.iter().zip(&self.investments.invest).filter(|(it, _)| it.site == Some(site));
        here.map(|(it, column)| (*column, -added(it))).collect()
    }

    /// Facility power that better cooling takes off a site, as terms of the left-hand side.
    pub(super) fn cooled_at(&self, site: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.investments.cooled.iter().filter(move |(at, ..)| *at == site).map(|(_, fall, column)| (*column, -fall))
    }

    /// Capital of investments, less the connection that better cooling spares [M EUR].
    pub(super) fn invested(&self, instance: &Instance) -> Vec<(usize, f64)> {
        let bought = instance.model.investments.iter().zip(&self.investments.invest).map(|(it, column)| (*column, it.cost.as_meur()));
        let spared = self.investments.spared.iter().map(|(site, fall, column)| (*column, -fall * instance.sites[*site].connection));
        bought.chain(spared).collect()
    }

    /// Units of a member of a class that a faster service does not need.
    pub(crate) fn faster_of(&self, class: usize, member: usize) -> impl Iterator<Item = usize> + '_ {
        self.investments.faster.iter().filter(move |(at, of, _)| (*at, *of) == (class, member)).map(|(.., column)| *column)
    }
}

/// Accelerators that an investment adds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Contract {
    /// Position of the investment.
    pub investment: usize,
    /// Position of the site.
    pub site: usize,
    /// Position of the type.
    pub kind: usize,
    /// Accelerators, each time that it is bought.
    pub count: f64,
}

impl Contract {
    /// Upkeep and idle energy of its accelerators [M EUR/y].
    fn running(&self, instance: &Instance) -> f64 {
        let (place, it) = (&instance.sites[self.site], &instance.types[self.kind]);
        self.count * it.power * (place.upkeep + it.idle * place.pue * place.energy)
    }
}

/// Position of a usable site.
fn position(instance: &Instance, site: SiteId) -> Option<usize> {
    instance.sites.iter().position(|it| it.id == site)
}

/// Contracts at usable sites.
pub(crate) fn contracts(instance: &Instance) -> Vec<Contract> {
    let all = instance.model.investments.iter().enumerate();
    all.filter_map(|(investment, it)| {
        let (kind, count) = it.effect.accelerators?;
        let kind = instance.types.iter().position(|terms| terms.id == kind)?;
        Some(Contract { investment, site: position(instance, it.site?)?, kind, count: f64::from(count) })
    })
    .collect()
}

/// The plan's investments.
pub(crate) fn chosen(formulation: &Formulation, values: &[f64]) -> Vec<(InvestmentId, u32)> {
    let times = formulation.investments.invest.iter().map(|column| values[*column].round().max(0.0) as u32);
    times.enumerate().filter(|(_, times)| *times > 0).map(|(at, times)| (InvestmentId::from_index(at), times)).collect()
}

/// Whether two sites have the same investments to choose from: none.
pub(crate) fn untouched(instance: &Instance, site: usize) -> bool {
    let id = instance.sites[site].id;
    instance.model.investments.iter().all(|it| it.site != Some(id))
}

/// Checks that investments are bought as their words allow.
pub(crate) fn broken(model: &bastide_model::model::Model, plan: &bastide_model::plan::Plan) -> usize {
    let times = |id: InvestmentId| plan.investments.iter().filter(|(it, _)| *it == id).map(|(_, times)| *times).sum::<u32>();
    let ids = || (0..model.investments.len()).map(InvestmentId::from_index).filter(|id| times(*id) > 0);
    let wrong = |id: InvestmentId| {
        let it = &model.investments[id];
        usize::from(times(id) > it.most)
            + it.requires.iter().filter(|needed| times(**needed) == 0).count()
            + ids().filter(|other| *other > id && model.clash(id, *other)).count()
            + usize::from(it.site.is_some_and(|site| !instance::used(model, plan, site)))
    };
    ids().map(wrong).sum()
}
