//! Plans against the worst case: at most so many sites lost, and demand that rises within a budget.
//!
//! ```text
//! min over x of  cost(x) + max over w in U of  min { value of unserved critical demand : what is left of x under w }
//! ```
//!
//! Column-and-constraint generation (Zeng and Zhao 2013): a master program holds a second stage for each worst case found so far, and so
//! bounds the answer from below; for its plan the worst case of all is found, which bounds the answer from above, and joins the
//! master. It ends when the bounds meet; until then the master is solved only as exactly as what is between them asks for. `U` is finite:
//! sites lost are a set of at most `strike`; of demand, at most `services` rise at once (Bertsimas and Sim 2004). Nothing but critical demand
//! counts in the worst case, and nothing but it and what the plan costs by itself counts in the objective: limits of the nominal outlook
//! hold, but its unserved demand and the other outlooks have no price here.

use bastide_model::model::{Alternative, Model};
use bastide_model::plan::{Plan, Worst};

use crate::deadline::Deadline;
use crate::formulation::Formulation;
use crate::instance::{Instance, Relaxed};
use crate::program::{Group, Program};
use crate::solver::{Answer, Found, Limits};
use crate::{Conflict, PlanError, SolveOptions, conflict, extract, lazy};

pub(crate) mod adversary;

use adversary::{Case, worst_case};

/// Relative gap of the first master programs; as the bounds meet, they are solved within a share of what is between them.
const ROUGH: f64 = 1e-3;
/// That share.
const PART: f64 = 0.2;

/// How a search against the worst case ended.
pub(crate) enum Robust {
    /// A plan.
    Found(Box<Guarded>),
    /// These wishes exclude each other.
    Infeasible(Conflict),
    /// A limit came first; no plan is cheaper [M EUR/y].
    Unknown(f64, String),
}

/// A plan against the worst case.
pub(crate) struct Guarded {
    /// The plan, without name, cost and certificate.
    pub plan: Plan,
    /// No plan is cheaper [M EUR/y].
    pub bound: f64,
    /// Whether a limit ended the search.
    pub limited: bool,
    /// The last master program.
    pub program: Program,
}

/// The model without outlooks and critical demand: what the worst case is about is said by its states.
pub(crate) fn bare(model: &Model) -> Model {
    let mut model = model.clone();
    model.planning.uncertainty.outlooks.clear();
    model.planning.uncertainty.cvar = None;
    model.services.iter_mut().for_each(|service| service.critical.share = 0.0);
    model
}

/// The master program: the first stage, and a second stage for each case that it knows.
struct Master<'m> {
    model: &'m Model,
    instance: Instance<'m>,
    formulation: Formulation,
    /// Column of the worst loss.
    worst: usize,
    /// Cases that it knows.
    cases: Vec<Case>,
}

impl<'m> Master<'m> {
    fn new(model: &'m Model, bare: &'m Model, alternative: Option<&'m Alternative>, options: &SolveOptions) -> Self {
        let mut instance = Instance::new(bare, alternative, &Relaxed::default());
        instance.add_outages(&options.outages);
        // The nominal outlook limits the plan and costs nothing.
        instance.nominal.weight = 0.0;
        let mut formulation = Formulation::new(&instance, &Relaxed::default());
        let worst = formulation.program.continuous(1.0, 0.0, f64::INFINITY);
        Self { model, instance, formulation, worst, cases: Vec::new() }
    }

    /// Adds the second stage of a case: `worst >= value of what it leaves unserved`.
    fn add(&mut self, case: Case) {
        let state = adversary::state(self.model, &self.instance, &case);
        let at = self.instance.states.len();
        self.instance.states.push(state);
        self.formulation.add_state(&self.instance, &self.instance.states[at]);
        let loss = self.formulation.losses(&self.instance, Some(at));
        self.formulation.program.at_most(Group::Structure, loss.into_iter().chain([(self.worst, -1.0)]), 0.0);
        self.cases.push(case);
    }

    /// Cost of the first stage of a point [M EUR/y].
    fn fixed(&self, values: &[f64]) -> f64 {
        let program = &self.formulation.program;
        program.offset + self.formulation.first_stage().iter().map(|column| program.columns[*column].cost * values[*column]).sum::<f64>()
    }
}

/// Finds the plan whose cost together with its worst case is least.
///
/// # Errors
/// [`PlanError`] when the solver breaks off.
pub(crate) fn solve(
    model: &Model,
    alternative: Option<&Alternative>,
    options: &SolveOptions,
    limits: &Limits,
) -> Result<Robust, PlanError> {
    let deadline = Deadline::new(limits.time_limit);
    let bare = bare(model);
    let mut master = Master::new(model, &bare, alternative, options);
    let mut best: Option<(f64, Vec<f64>, Case)> = None;
    let (mut bound, mut limited) = (f64::NEG_INFINITY, false);
    // Worst cases of the relaxation first: they are many of those that whole numbers need, and cheaper to find.
    for whole in [false, true] {
        let mut gap = ROUGH.max(limits.gap);
        loop {
            let within = Limits { time_limit: deadline.left(), gap };
            let start = best.as_ref().map(|(_, values, _)| values.as_slice());
            let found = match lazy::within(&master.instance, &mut master.formulation, &within, whole, start)? {
                Answer::Found(found) => found,
                Answer::Infeasible => {
                    return Ok(Robust::Infeasible(conflict::find(
                        &bare,
                        alternative,
                        conflict::Extra { outages: &options.outages, links: 0.0 },
                        &within,
                    )?));
                }
                Answer::Unknown { bound: own, reason } => {
                    if best.is_none() {
                        return Ok(Robust::Unknown(bound.max(own), reason));
                    }
                    limited = true;
                    break;
                }
            };
            // A relaxation that time cut short bounds nothing.
            if whole || !found.limited {
                bound = bound.max(found.bound);
            }
            let values = if whole { rounded(&master.formulation, &found) } else { found.values };
            let rooms = adversary::rooms(model, &master.instance, &master.formulation, &values);
            let case = worst_case(model, &master.instance, &rooms, deadline.left().max(lazy::LEAST))?;
            let total = master.fixed(&values) + case.loss;
            let known = master.cases.iter().any(|it| (&it.lost, &it.raised) == (&case.lost, &case.raised));
            if whole && best.as_ref().is_none_or(|(objective, ..)| total < *objective) {
                best = Some((total, values, case.clone()));
            }
            let least = best.as_ref().map_or(total, |(objective, ..)| *objective);
            let close = least - bound <= limits.gap * least.abs();
            let exact = known && gap <= limits.gap;
            limited |= whole && !close && (found.limited || (!exact && deadline.passed()));
            if close || found.limited || deadline.passed() {
                break;
            }
            // A case that the master knows already cannot raise its bound: it is the master that has to be more exact.
            if known {
                if !whole || exact {
                    break;
                }
                gap = (gap * PART).max(limits.gap);
                continue;
            }
            if whole {
                gap = gap.min(PART * (least - bound) / least.abs().max(f64::MIN_POSITIVE)).max(limits.gap);
            }
            master.add(case);
        }
    }
    let Some((objective, values, case)) = best else {
        return Ok(Robust::Unknown(
            bound,
            format!("no plan was found within the time limit of {}", bastide_units::display(limits.time_limit)),
        ));
    };
    let mut plan = placed(&bare, alternative, options, &master.formulation, &values, limits)?;
    let sites = model.planning.uncertainty.strike.unwrap_or(0);
    plan.hedge.worst = Some(Worst { sites, lost: case.lost, raised: case.raised, unserved: case.unserved });
    Ok(Robust::Found(Box::new(Guarded { plan, bound: bound.min(objective), limited, program: master.formulation.program })))
}

/// A point with its integers rounded.
fn rounded(formulation: &Formulation, found: &Found) -> Vec<f64> {
    let columns = formulation.program.columns.iter().zip(&found.values);
    columns.map(|(column, value)| if column.integer { value.round() } else { *value }).collect()
}

/// The plan of a first stage: what runs where while nothing is lost, at least cost.
fn placed(
    bare: &Model,
    alternative: Option<&Alternative>,
    options: &SolveOptions,
    master: &Formulation,
    values: &[f64],
    limits: &Limits,
) -> Result<Plan, PlanError> {
    let mut instance = Instance::new(bare, alternative, &Relaxed::default());
    instance.add_outages(&options.outages);
    let mut formulation = Formulation::new(&instance, &Relaxed::default());
    for (column, chosen) in formulation.first_stage().into_iter().zip(master.first_stage()) {
        let it = &mut formulation.program.columns[column];
        (it.lower, it.upper) = (values[chosen], values[chosen]);
    }
    let limits = Limits { time_limit: limits.time_limit.max(lazy::LEAST), ..*limits };
    match lazy::solve(&instance, &mut formulation, &limits)? {
        Answer::Found(found) => Ok(extract::plan(&instance, &formulation, &found.values)),
        Answer::Infeasible | Answer::Unknown { .. } => Err(PlanError::Late),
    }
}
