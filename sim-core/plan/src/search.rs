//! One question to the solver: a model's program, which may be solved as it stands or again and again with something changed, and the way
//! from an answer to a plan.

use bastide_model::model::{Alternative, Model};
use bastide_model::plan::{Certificate, Plan, SolveStatus};

use crate::formulation::Formulation;
use crate::backbone::Laid;
use crate::instance::{Instance, Relaxed};
use crate::program::Program;
use crate::siting::Proof;
use crate::solver::{self, Answer, Found, Limits};
use crate::{CONSISTENT, PlanError, SOLVER, SolveOptions, cost_lines, extract, lazy, objective, prices};

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
}

impl<'m> Search<'m> {
    /// The program of a model.
    pub(crate) fn new(model: &'m Model, alternative: Option<&'m Alternative>, options: &SolveOptions) -> Self {
        Self::with(model, alternative, options, Laid::default())
    }

    /// The program of a model, with links that the plan builds.
    pub(crate) fn with(model: &'m Model, alternative: Option<&'m Alternative>, options: &SolveOptions, laid: Laid) -> Self {
        let mut instance = Instance::new(model, alternative, &Relaxed::default());
        instance.add_outages(&options.outages);
        instance.links = laid.capital;
        let formulation = Formulation::new(&instance, &Relaxed::default());
        Self { model, alternative, instance, formulation, limits: options.limits(model), laid }
    }

    /// The plan that an answer describes, with cost, prices and certificate. `program` is the one that was solved: this search's, perhaps
    /// with further rows and other limits.
    ///
    /// # Errors
    /// [`PlanError`] when the solver breaks off or the plan's cost lines do not match the program.
    pub(crate) fn planned(&self, program: &Program, found: &Found, proof: Option<Proof>) -> Result<Plan, PlanError> {
        // Integers are exact only within the solver's tolerance: round them and let the rest follow.
        let polish = || self.polished(program, found);
        let polished = proof.is_none().then(polish).transpose()?.unwrap_or_else(|| found.clone());
        let mut plan = extract::plan(&self.instance, &self.formulation, &polished.values);
        plan.name = self.alternative.map_or_else(|| "recommended".to_owned(), |it| it.entity.name.clone());
        plan.links.clone_from(&self.laid.links);
        plan.cost = cost_lines(self.model, &plan);
        let (lines, program_eur) = (objective(&plan), polished.objective * 1e6);
        if (lines - program_eur).abs() > CONSISTENT * program_eur.abs().max(1.0) {
            return Err(PlanError::Inconsistent { lines, objective: program_eur });
        }
        if proof.as_ref().is_none_or(|proof| proof.priced) {
            plan.prices = prices::prices(&self.instance, &self.formulation, &polished.values, &self.limits)?;
        }
        // What a cheaper network might still save.
        let unsure = (self.laid.capital - self.laid.bound).max(0.0) * self.instance.building_recovery;
        let mut proof = proof.unwrap_or_else(|| Proof::of(SOLVER, program));
        proof.rows += self.laid.rows;
        proof.columns += self.laid.columns;
        proof.integers += self.laid.columns;
        plan.certificate = Some(certificate(&plan, (found.bound - unsure) * 1e6, found.limited || self.laid.limited, proof));
        Ok(plan)
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
