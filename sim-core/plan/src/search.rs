//! One question to the solver: a model's program, which may be solved as it stands or again and again with something changed, and the way
//! from an answer to a plan.

use bastide_model::model::{Alternative, Model, Objective};
use bastide_model::plan::{Certificate, Plan, SolveStatus};

use crate::backbone::{self, Laid};
use crate::conflict::{self, Conflict, Extra};
use crate::formulation::Formulation;
use crate::instance::{Instance, Relaxed};
use crate::lazy;
use crate::objectives::{self, Expression};
use crate::program::{Group, Program};
use crate::siting::{self, Proof};
use crate::solver::{self, Answer, Found, Limits};
use crate::{CONSISTENT, Outage, PlanError, SOLVER, SolveOptions, cost_lines, extract, objective, prices};

/// What a later objective may give away of an earlier one beyond its tolerance, relative to its largest value: the solver's own tolerance.
const SLACK: f64 = 1e-7;

/// The program of a model under an alternative.
pub(crate) struct Search<'m> {
    /// The model.
    pub model: &'m Model,
    /// The rival architecture, if it is one.
    pub alternative: Option<&'m Alternative>,
    /// Sets and coefficients.
    pub instance: Instance<'m>,
    /// The program, with the columns of each variable.
    pub formulation: Formulation,
    /// When to stop.
    pub limits: Limits,
    /// Links that the plan builds.
    pub laid: Laid,
    /// Outages beside those of the scenario.
    pub outages: Vec<Outage>,
}

/// An objective as the search sees it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Goal {
    /// Which.
    pub objective: Objective,
    /// Its expression, in its own unit.
    pub expression: Expression,
    /// Size of its unit in the search: values of about a hundred are what the solver's tolerances are made for.
    pub unit: f64,
}

impl Goal {
    /// The program with this objective.
    pub(crate) fn of(&self, program: &Program) -> Program {
        objectives::with_objective(program, &self.expression, self.unit)
    }
    /// `expression <= limit`, up to the solver's tolerance: for a limit that a point has reached.
    pub(crate) fn at_most(&self, program: &mut Program, limit: f64) {
        self.at_most_exactly(program, limit + SLACK * 100.0 * self.unit);
    }
    /// `expression <= limit`.
    pub(crate) fn at_most_exactly(&self, program: &mut Program, limit: f64) {
        let terms: Vec<_> = self.expression.terms.iter().map(|(column, coefficient)| (*column, coefficient / self.unit)).collect();
        program.at_most(Group::Structure, terms, (limit - self.expression.constant) / self.unit);
    }
}

impl<'m> Search<'m> {
    /// The program of a model, with the links that it needs; a conflict where no links will do.
    ///
    /// # Errors
    /// [`PlanError`] when the solver breaks off.
    pub(crate) fn laid_out(
        model: &'m Model,
        alternative: Option<&'m Alternative>,
        options: &SolveOptions,
    ) -> Result<Result<Self, Conflict>, PlanError> {
        Ok(backbone::lay(model, &options.limits(model))?.map(|laid| Self::with(model, alternative, options, laid)))
    }

    /// Why no plan exists.
    ///
    /// # Errors
    /// [`PlanError`] when the solver breaks off.
    pub(crate) fn conflict(&self) -> Result<Conflict, PlanError> {
        self.conflict_under(self.alternative)
    }

    /// Why no plan exists under another alternative.
    ///
    /// # Errors
    /// [`PlanError`] when the solver breaks off.
    pub(crate) fn conflict_under(&self, alternative: Option<&Alternative>) -> Result<Conflict, PlanError> {
        let extra = Extra { outages: &self.outages, links: self.laid.capital };
        conflict::find(self.model, alternative, extra, &self.limits)
    }

    /// The program of a model, with links that the plan builds.
    pub(crate) fn with(model: &'m Model, alternative: Option<&'m Alternative>, options: &SolveOptions, laid: Laid) -> Self {
        let mut instance = Instance::new(model, alternative, &Relaxed::default());
        instance.add_outages(&options.outages);
        instance.links = laid.capital;
        let mut formulation = Formulation::new(&instance, &Relaxed::default());
        if model.planning.ranking.objectives.iter().any(|it| it.objective == Objective::Sovereignty) {
            // Twins may have operators of different nations.
            formulation.program.rows.retain(|row| row.group != Group::Order);
        }
        let outages = options.outages.clone();
        Self { model, alternative, instance, formulation, limits: options.limits(model), laid, outages }
    }

    /// Solves the program as it stands, from a point where there is one: as a location problem where it is one.
    ///
    /// # Errors
    /// [`PlanError`] when the solver breaks off.
    pub(crate) fn answer(&mut self, start: Option<&[f64]>) -> Result<(Answer, Option<Proof>), PlanError> {
        if let Some((answer, proof)) = siting::solve(&self.instance, &self.formulation, &self.limits)? {
            return Ok((answer, Some(proof)));
        }
        if start.is_some() && self.instance.states.is_empty() {
            return Ok((self.solve(&self.strengthened(&self.formulation.program), &self.limits, start)?, None));
        }
        Ok((lazy::solve(&self.instance, &mut self.formulation, &self.limits)?, None))
    }

    /// Solves a program made from this one: other costs and limits, further rows. Its point keeps the rows that are found on demand, too;
    /// where there are such rows, a start is of no use.
    ///
    /// # Errors
    /// [`PlanError`] when the solver breaks off.
    pub(crate) fn solve(&self, program: &Program, limits: &Limits, start: Option<&[f64]>) -> Result<Answer, PlanError> {
        if self.instance.states.is_empty() {
            return match start {
                Some(start) => self.solve_from(program, limits, start),
                None => solver::solve(program, limits),
            };
        }
        let mut formulation = self.formulation.clone();
        formulation.program = program.clone();
        lazy::solve(&self.instance, &mut formulation, limits)
    }

    /// As [`Search::solve`] without a start, for the first of many programs of the same kind.
    ///
    /// # Errors
    /// [`PlanError`] when the solver breaks off.
    pub(crate) fn briefly(&self, program: &Program, limits: &Limits) -> Result<Answer, PlanError> {
        if self.instance.states.is_empty() { solver::solve_briefly(program, limits, None) } else { self.solve(program, limits, None) }
    }

    /// An objective of this program.
    pub(crate) fn goal(&self, objective: Objective) -> Goal {
        let expression = objectives::expression(&self.instance, &self.formulation, objective);
        let columns = &self.formulation.program.columns;
        let reach = |(column, coefficient): &(usize, f64)| (coefficient * columns[*column].upper.min(1e6)).abs();
        let largest = expression.terms.iter().map(reach).fold(expression.constant.abs(), f64::max);
        let unit = match objective {
            Objective::Cost => 1e6,
            // A power of two keeps the coefficients exact.
            _ if largest > 0.0 && largest.is_finite() => (largest / 100.0).log2().round().exp2(),
            _ => 1.0,
        };
        Goal { objective, expression, unit }
    }

    /// The integers of a point rounded, and what is continuous chosen anew for them: integers are exact only within the solver's tolerance.
    ///
    /// # Errors
    /// [`PlanError`] when the solver breaks off.
    pub(crate) fn polished(&self, program: &Program, found: &Found) -> Result<Found, PlanError> {
        let fixed = program.with_integers_fixed(&found.values);
        let answer = if self.instance.states.is_empty() {
            solver::solve(&fixed, &self.limits)?
        } else {
            lazy::complete(&self.instance, &mut self.formulation.clone(), &self.limits, fixed)?
        };
        Ok(match answer {
            Answer::Found(polished) => polished,
            Answer::Infeasible | Answer::Unknown { .. } => found.clone(),
        })
    }

    /// The plan that a point describes, with its cost.
    ///
    /// # Errors
    /// [`PlanError::Inconsistent`] when the plan's cost lines do not match the program.
    pub(crate) fn drawn(&self, values: &[f64]) -> Result<Plan, PlanError> {
        let mut plan = extract::plan(&self.instance, &self.formulation, values);
        plan.name = self.alternative.map_or_else(|| "recommended".to_owned(), |it| it.entity.name.clone());
        plan.links.clone_from(&self.laid.links);
        plan.cost = cost_lines(self.model, &plan);
        let (lines, program_eur) = (objective(&plan), self.formulation.program.value(values) * 1e6);
        if (lines - program_eur).abs() > CONSISTENT * program_eur.abs().max(1.0) {
            return Err(PlanError::Inconsistent { lines, objective: program_eur });
        }
        Ok(plan)
    }

    /// The certificate of a plan for a program: no plan that keeps its rows costs less than the bound [EUR/y].
    pub(crate) fn certificate(&self, plan: &Plan, proof: Proof, bound_eur: f64, limited: bool) -> Certificate {
        // What a cheaper network might still save.
        let unsure = (self.laid.capital - self.laid.bound).max(0.0) * self.instance.building_recovery;
        let laid = &self.laid;
        let (rows, columns, integers) = (proof.rows + laid.rows, proof.columns + laid.columns, proof.integers + laid.columns);
        certificate(plan, bound_eur - unsure * 1e6, limited || laid.limited, Proof { rows, columns, integers, ..proof })
    }

    /// The plan that an answer describes, with cost, prices and certificate. `program` is the one that was solved, with cost as its objective:
    /// this search's, perhaps with further rows and other limits.
    ///
    /// # Errors
    /// [`PlanError`] when the solver breaks off or the plan's cost lines do not match the program.
    pub(crate) fn planned(&self, program: &Program, found: &Found, proof: Option<Proof>) -> Result<Plan, PlanError> {
        // A location problem's answer needs no polish.
        let polished = if proof.is_some() { found.clone() } else { self.polished(program, found)? };
        let mut plan = self.drawn(&polished.values)?;
        if proof.as_ref().is_none_or(|proof| proof.priced) {
            plan.prices = prices::prices(&self.instance, &self.formulation, &polished.values, &self.limits)?;
        }
        plan.certificate =
            Some(self.certificate(&plan, proof.unwrap_or_else(|| Proof::of(SOLVER, program)), found.bound * 1e6, found.limited));
        Ok(plan)
    }
}

/// The certificate of a plan with its cost lines: no plan costs less than the bound [EUR/y].
pub(crate) fn certificate(plan: &Plan, bound_eur: f64, limited: bool, proof: Proof) -> Certificate {
    let lines = objective(plan);
    let bound = bound_eur.min(lines);
    let gap = if lines == bound { 0.0 } else { (lines - bound) / lines.abs().max(1.0) };
    let status = match (limited, gap <= CONSISTENT) {
        (true, _) => SolveStatus::LimitWithIncumbent,
        (false, true) => SolveStatus::Optimal,
        (false, false) => SolveStatus::WithinGap,
    };
    Certificate {
        status,
        solver: proof.solver,
        objective_eur: lines,
        bound_eur: bound,
        gap,
        rows: proof.rows,
        columns: proof.columns,
        integers: proof.integers,
    }
}
