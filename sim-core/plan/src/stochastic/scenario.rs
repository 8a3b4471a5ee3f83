//! The family of a scenario's plans.

use bastide_model::model::{Alternative, Model, Outlook, Tier};
use bastide_model::plan::Plan;

use super::{Family, Information, Solved, information};
use crate::deadline::Deadline;
use crate::formulation::Formulation;
use crate::instance::{Instance, Relaxed};
use crate::program::Group;
use crate::solver::{Answer, Limits};
use crate::{PlanError, SolveOptions, lazy};

/// Plans of a scenario for lists of outlooks; the first of a list is the nominal one.
struct Plans<'m> {
    model: &'m Model,
    alternative: Option<&'m Alternative>,
    options: &'m SolveOptions,
    gap: f64,
    deadline: Deadline,
    /// Name of the nominal outlook and of the mean one: limits of `[plan]` hold in them.
    nominal: [String; 2],
}

/// What outlooks are worth to a plan; `None` where the scenario has no choice of them, or the plan is made against the worst case.
///
/// Values are yearly costs [EUR/y]. In the problem of one outlook that is not the nominal one, what must hold without exception in the nominal
/// outlook is not asked; what has a price is.
///
/// # Errors
/// [`PlanError`] when the solver breaks off.
pub fn uncertainty(
    model: &Model,
    alternative: Option<&Alternative>,
    options: &SolveOptions,
    plan: &Plan,
) -> Result<Option<Information>, PlanError> {
    let uncertainty = &model.planning.uncertainty;
    let (Some(first), Some(certificate)) = (uncertainty.outlooks.first(), &plan.certificate) else { return Ok(None) };
    if uncertainty.outlooks.len() < 2 || plan.hedge.worst.is_some() {
        return Ok(None);
    }
    let outlooks: Vec<(f64, Outlook)> = uncertainty.outlooks.iter().map(|outlook| (outlook.probability, outlook.clone())).collect();
    let mean = mean(first, &outlooks);
    let plans = Plans {
        model,
        alternative,
        options,
        gap: options.gap.unwrap_or(model.planning.gap).max(0.0),
        deadline: Deadline::new(options.time_limit.unwrap_or(model.planning.time_limit)),
        nominal: [first.entity.name.clone(), mean.entity.name.clone()],
    };
    match information(&outlooks, &mean, &plans, Some(certificate.objective_eur)) {
        // Out of time before any answer: what is known is the plan itself.
        Err(PlanError::Late) => Ok(Some(Information { rp: certificate.objective_eur, ws: None, ev: None, eev: None, limited: true })),
        other => other,
    }
}

/// The mean outlook.
fn mean(like: &Outlook, outlooks: &[(f64, Outlook)]) -> Outlook {
    let all: f64 = outlooks.iter().map(|(probability, _)| probability).sum();
    let mean = |of: fn(&Outlook) -> &[f64]| {
        let at = |index: usize| outlooks.iter().map(|(probability, outlook)| probability * of(outlook)[index]).sum::<f64>() / all;
        (0..of(like).len()).map(at).collect::<Vec<f64>>()
    };
    Outlook {
        entity: bastide_model::model::Entity { name: "mean of all outlooks".to_owned(), ..like.entity.clone() },
        probability: 1.0,
        availability: mean(|outlook| &outlook.availability),
        demand: mean(|outlook| &outlook.demand),
        energy_price: mean(|outlook| &outlook.energy_price),
        branch: like.branch.clone(),
    }
}

impl Family<Outlook> for Plans<'_> {
    fn solve(&self, outlooks: &[(f64, &Outlook)], first_stage: Option<&[f64]>) -> Result<Option<Solved>, PlanError> {
        let mut model = self.model.clone();
        let weighted = |(probability, outlook): &(f64, &Outlook)| Outlook { probability: *probability, ..(*outlook).clone() };
        model.planning.uncertainty.outlooks = outlooks.iter().map(weighted).collect();
        let mut relaxed = Relaxed::default();
        if outlooks.first().is_some_and(|(_, first)| !self.nominal.contains(&first.entity.name)) {
            relaxed.extend(Tier::ALL.into_iter().flat_map(|tier| [Group::MinService(tier), Group::Survival(tier)]));
            relaxed.extend((0..model.services.len()).map(|at| Group::Critical(bastide_model::model::ServiceId::from_index(at))));
        }
        let mut instance = Instance::new(&model, self.alternative, &relaxed);
        instance.add_outages(&self.options.outages);
        let mut formulation = Formulation::new(&instance, &relaxed);
        let first = formulation.first_stage();
        for (column, value) in first.iter().zip(first_stage.unwrap_or_default()) {
            let it = &mut formulation.program.columns[*column];
            let value = value.round().clamp(it.lower, it.upper);
            (it.lower, it.upper) = (value, value);
        }
        let limits = Limits { gap: self.gap, time_limit: self.deadline.left() };
        if self.deadline.passed() {
            return Err(PlanError::Late);
        }
        match lazy::solve(&instance, &mut formulation, &limits)? {
            Answer::Found(found) => Ok(Some(Solved {
                objective: found.objective * 1e6,
                bound: found.bound * 1e6,
                first_stage: first.iter().map(|column| found.values[*column]).collect(),
                limited: found.limited,
            })),
            Answer::Infeasible => Ok(None),
            Answer::Unknown { .. } => Err(PlanError::Late),
        }
    }
}
