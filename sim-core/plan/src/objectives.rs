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

use bastide_cost_models::finance::capital_recovery_factor;
use bastide_model::model::{Model, Objective, ServiceId, SiteId, Tier};
use bastide_model::plan::Plan;

use crate::class::mean_demand;
use crate::formulation::{Formulation, tokens_per_unit};
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
        for ((service, units), column) in it.members.iter().zip(&formulation.unserved[class]) {
            if of(instance.model.services[*service].tier) {
                terms.push((*column, tokens_per_unit(instance, *service, *units)));
            }
        }
    }
    Expression { terms, constant: 0.0 }
}

/// The emissions of the energy. The program's cost is affine in the price of energy at each site: what it would be if energy cost its
/// emissions, less what it would be if energy were free.
fn emissions(instance: &Instance) -> Expression {
    let of_a_year = carbon::of_a_year(instance.model);
    let at_price = |price: &dyn Fn(&SiteTerms) -> f64| {
        let mut priced = Instance::new(instance.model, instance.alternative, &Relaxed::default());
        priced.sites.iter_mut().for_each(|site| site.energy = price(site));
        Formulation::new(&priced, &Relaxed::default()).program
    };
    let dear = at_price(&|site| of_a_year[instance.model.sites[site.id].bus.index()]);
    let free = at_price(&|_| 0.0);
    let costs = dear.columns.iter().zip(&free.columns).map(|(dear, free)| dear.cost - free.cost);
    Expression { terms: costs.enumerate().filter(|(_, cost)| *cost != 0.0).collect(), constant: dear.offset - free.offset }
}

fn foreign(instance: &Instance, formulation: &Formulation) -> Expression {
    let mut terms = Vec::new();
    for (class, it) in instance.classes.iter().enumerate() {
        // Where sovereignty counts, every class is one service (see `Instance::find_classes`).
        let Some((service, units)) = it.members.first() else { continue };
        let tokens = tokens_per_unit(instance, *service, *units);
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
    /// The same every year of the life of buildings, at the discount rate, as one sum [EUR].
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
    for (service, rate) in &plan.unserved {
        unserved_by_tier[model.services[*service].tier as usize] += rate.as_tokens_per_s();
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
