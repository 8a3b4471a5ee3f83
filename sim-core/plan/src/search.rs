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
use crate::{CONSISTENT, PlanError, SOLVER, SolveOptions, cost_lines, extract, objective, prices};

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
        let polish = || solver::solve(&program.with_integers_fixed(&found.values), &self.limits);
        // With a second stage that was done already, with all the rows that it needs.
        let polished = match (proof.is_none() && self.instance.states.is_empty()).then(polish).transpose()? {
            Some(Answer::Found(polished)) => polished,
            _ => found.clone(),
        };
        let mut plan = extract::plan(&self.instance, &self.formulation, &polished.values);
        plan.name = self.alternative.map_or_else(|| "recommended".to_owned(), |it| it.entity.name.clone());
        plan.links.clone_from(&self.laid.links);
        plan.cost = cost_lines(self.model, &plan);
        let (lines, program_eur) = (objective(&plan), polished.objective * 1e6);
        if (lines - program_eur).abs() > CONSISTENT * program_eur.abs().max(1.0) {
            return Err(PlanError::Inconsistent { lines, objective: program_eur });
        }
        plan.prices = prices::prices(&self.instance, &self.formulation, &polished.values, &self.limits)?;
        let proof = proof.unwrap_or_else(|| Proof::of(SOLVER, program));
        certify(&mut plan, found.bound, found.limited, proof, &self.laid, self.instance.building_recovery);
        Ok(plan)
    }
}

/// Adds the certificate of a plan with its cost lines; the bound is in M EUR/y, and says nothing of the links that are laid.
pub(crate) fn certify(plan: &mut Plan, bound: f64, limited: bool, proof: Proof, laid: &Laid, building_recovery: f64) {
    let lines = objective(plan);
    // What a cheaper network might still save.
    let unsure = (laid.capital - laid.bound).max(0.0) * building_recovery;
    let bound = ((bound - unsure) * 1e6).min(lines);
    let gap = if lines == bound { 0.0 } else { (lines - bound) / lines.abs().max(1.0) };
    let status = match (limited || laid.limited, gap <= CONSISTENT) {
        (true, _) => SolveStatus::LimitWithIncumbent,
        (false, true) => SolveStatus::Optimal,
        (false, false) => SolveStatus::WithinGap,
    };
    plan.certificate = Some(Certificate {
        status,
        solver: proof.solver,
        objective_eur: lines,
        bound_eur: bound,
        gap,
        rows: proof.rows + laid.rows,
        columns: proof.columns + laid.columns,
        integers: proof.integers + laid.columns,
    });
}
