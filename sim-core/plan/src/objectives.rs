//! What a plan can be for, as numbers of a plan and as expressions of the program.
//!
//! ```text
//! unserved     sum_v unserved\[v\]                                                                            tokens/s
//! carbon       sum_s intensity(bus of s) * mean facility power of s                                         tCO2/y
//! sovereignty  sum_vst place[v,s,t] where the operator of s is foreign to v                                 tokens/s
//! ```
//!
//! Facility power is that of the cost's energy. The effective-sovereignty index of the
//! simulator is the share of served tokens that is not in the last sum; a sum keeps the program linear, and is zero where the index is one.
//! Where the scenario has outlooks, the first two are expectations over them, and the last is that of the first outlook.

use bastide_cost_models::finance::capital_recovery_factor;
use bastide_model::model::{Model, Objective, ServiceId, SiteId, Tier};
use bastide_model::plan::Plan;

use crate::class::mean_demand;
use crate::formulation::Formulation;
use crate::instance::{Instance, Relaxed, SiteTerms};
use crate::program::Program;
use crate::{carbon, cost};

/// A linear expression over the columns of a program.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Expression {
    /// Column and coefficient, in the unit of the objective; a column may occur twice.
    pub terms: Vec<(usize, f64)>,
    /// Constant.
    pub constant: f64,
}

impl Expression {
    /// Its value at a point.
    pub(crate) fn at(&self, values: &[f64]) -> f64 {
        self.constant + self.terms.iter().map(|(column, coefficient)| coefficient * values[*column]).sum::<f64>()
    }
}

/// An objective as an expression, in its own unit; cost in EUR/y.
pub(crate) fn expression(instance: &Instance, formulation: &Formulation, objective: Objective) -> Expression {
    match objective {
        Objective::Cost => Expression {
            terms: formulation.program.columns.iter().enumerate().map(|(at, column)| (at, column.cost * 1e6)).collect(),
            constant: formulation.program.offset * 1e6,
        },
        Objective::Unserved => unserved(instance, formulation, |_| true),
        Objective::UnservedOf(tier) => unserved(instance, formulation, |it| it == tier),
        Objective::Carbon => emissions(instance),
        Objective::Sovereignty => foreign(instance, formulation),
    }
}

fn unserved(instance: &Instance, formulation: &Formulation, of: impl Fn(Tier) -> bool) -> Expression {
    let mut terms = Vec::new();
    for (class, it) in instance.classes.iter().enumerate() {
        for ((service, _), column) in it.members.iter().zip(&formulation.unserved[class]) {
            if of(instance.model.services[*service].tier) {
                terms.push((*column, instance.nominal.weight * it.tokens_per_unit(*service)));
            }
        }
    }
    // What each outlook leaves unserved counts with its probability.
    for (state, recourse) in instance.states.iter().zip(&formulation.recourse).filter(|(state, _)| state.weight > 0.0) {
        for (part, columns) in state.parts.iter().zip(&recourse.unserved) {
            for ((_, service, _), column) in part.members.iter().zip(columns) {
                if of(instance.model.services[*service].tier) {
                    terms.push((*column, state.weight * instance.classes[part.class].tokens_per_unit(*service)));
                }
            }
        }
    }
    Expression { terms, constant: 0.0 }
}

/// The emissions of the energy. The program's cost is affine in the price of energy at each site: what it would be if energy cost a little
/// more in proportion to its emissions, less what it is at a fixed price.
fn emissions(instance: &Instance) -> Expression {
    let of_a_year = carbon::of_a_year(instance.model);
    let intensity = |site: &SiteTerms| of_a_year[instance.model.sites[site.id].bus.index()];
    let most = instance.sites.iter().map(intensity).fold(0.0, f64::max);
    if most <= 0.0 {
        return Expression::default();
    }
    let at_price = |share: f64| {
        let mut priced = instance.clone();
        for (site, terms) in priced.sites.iter_mut().zip(&instance.sites) {
            // The sign stays, and with it the columns.
            site.energy = terms.energy.signum() * f64::from(u8::from(terms.energy != 0.0)) + share * intensity(terms) / most;
        }
        // What emissions weigh does not depend on what energy costs in an outlook.
        for factors in std::iter::once(&mut priced.nominal.energy).chain(priced.states.iter_mut().map(|state| &mut state.energy)) {
            factors.iter_mut().filter(|factor| **factor > 0.0).for_each(|factor| *factor = 1.0);
        }
        Formulation::without_carbon(&priced, &Relaxed::default()).program
    };
    let (dear, plain) = (at_price(0.5), at_price(0.0));
    let costs = dear.columns.iter().zip(&plain.columns).map(|(dear, plain)| (dear.cost - plain.cost) / 0.5 * most);
    let terms = costs.enumerate().filter(|(_, cost)| *cost != 0.0).collect();
    Expression { terms, constant: (dear.offset - plain.offset) / 0.5 * most }
}

impl Formulation {
    /// `carbon price * emissions`.
    pub(crate) fn objective_carbon(&mut self, instance: &Instance) {
        let Some(price) = instance.model.planning.ranking.carbon_price else { return };
        let emissions = emissions(instance);
        let per_t = price.as_eur_per_t() * 1e-6;
        self.program.offset += per_t * emissions.constant;
        for (column, tonnes) in emissions.terms {
            self.program.columns[column].cost += per_t * tonnes;
        }
    }
}

fn foreign(instance: &Instance, formulation: &Formulation) -> Expression {
    let mut terms = Vec::new();
    for (class, it) in instance.classes.iter().enumerate() {
        // Where sovereignty counts, every class is one service (see `Instance::find_classes`).
        let Some((service, _)) = it.members.first() else { continue };
        let tokens = it.tokens_per_unit(*service);
        for (site, columns) in formulation.place[class].iter().enumerate() {
            if !sovereign(instance.model, *service, instance.sites[site].id) {
                terms.extend(columns.iter().flatten().map(|column| (*column, tokens)));
            }
        }
    }
    Expression { terms, constant: 0.0 }
}

/// Whether a token of a service served at a site counts as sovereign: the operator is at home in the service's nation or in one that shares a
/// group with it, as in the simulator's effective-sovereignty index.
pub(crate) fn sovereign(model: &Model, service: ServiceId, site: SiteId) -> bool {
    let (home, operator) = (model.services[service].nation, model.sites[site].operator_nation);
    home == operator || model.nations[operator].groups.iter().any(|group| model.nations[home].groups.contains(group))
}

/// The program with another objective, for the search; values of an expression are divided by `unit` so that they are of the size of costs.
pub(crate) fn with_objective(program: &Program, expression: &Expression, unit: f64) -> Program {
    let mut program = program.clone();
    program.columns.iter_mut().for_each(|column| column.cost = 0.0);
    for (column, coefficient) in &expression.terms {
        program.columns[*column].cost += coefficient / unit;
    }
    program.offset = expression.constant / unit;
    program
}

/// What a plan achieves.
#[derive(Clone, Debug, PartialEq)]
pub struct Achieved {
    /// Yearly cost with lost tokens at their value [EUR/y].
    pub cost: f64,
    /// The same every year of the life of buildings, at the discount rate, as one sum \[EUR\].
    pub net_present_cost: f64,
    /// Demand not served, all tiers [tokens/s].
    pub unserved: f64,
    /// Demand not served, by tier [tokens/s].
    pub unserved_by_tier: [f64; 4],
    /// Emissions of the energy [tCO2/y].
    pub carbon: f64,
    /// Demand served under foreign operators [tokens/s].
    pub sovereignty: f64,
    /// Share of the served tokens that is not.
    pub effective_sovereignty: f64,
}

impl Achieved {
    /// The value of an objective, in its unit.
    #[must_use]
    pub fn of(&self, objective: Objective) -> f64 {
        match objective {
            Objective::Cost => self.cost,
            Objective::Unserved => self.unserved,
            Objective::UnservedOf(tier) => self.unserved_by_tier[tier as usize],
            Objective::Carbon => self.carbon,
            Objective::Sovereignty => self.sovereignty,
        }
    }
}

/// What a plan achieves of every objective, from the plan alone.
#[must_use]
pub fn achieved(model: &Model, plan: &Plan) -> Achieved {
    let yearly: f64 = cost::cost_lines(model, plan).iter().map(|line| line.annual_eur).sum();
    let mut unserved_by_tier = [0.0; 4];
    let outlooks = &model.planning.uncertainty.outlooks;
    let probability = |at: usize| outlooks.get(at).map_or(1.0, |outlook| outlook.probability);
    let recourse = plan.hedge.recourse.iter().map(|it| (probability(it.outlook), &it.unserved));
    for (weight, unserved) in std::iter::once((probability(0), &plan.unserved)).chain(recourse) {
        for (service, rate) in unserved {
            unserved_by_tier[model.services[*service].tier as usize] += weight * rate.as_tokens_per_s();
        }
    }
    let (mut served, mut foreign) = (0.0, 0.0);
    for place in &plan.placements {
        let tokens = place.share * mean_demand(model, place.service);
        served += tokens;
        if !sovereign(model, place.service, place.site) {
            foreign += tokens;
        }
    }
    let planning = &model.planning;
    Achieved {
        cost: yearly,
        net_present_cost: yearly / capital_recovery_factor(planning.discount_rate, planning.building_lifetime),
        unserved: unserved_by_tier.iter().sum(),
        unserved_by_tier,
        carbon: cost::carbon_t(model, plan),
        sovereignty: foreign,
        effective_sovereignty: if served > 0.0 { (1.0 - foreign / served).max(0.0) } else { 0.0 },
    }
}
