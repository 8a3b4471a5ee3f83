//! Starts of a search: a plan as a point of the program, and a point near another one that keeps further rows.

use bastide_model::plan::Plan;

use crate::PlanError;
use crate::program::Program;
use crate::search::Search;
use crate::solver::{Answer, Limits};

/// Share of the time limit that looking for a start may take.
const SHARE: f64 = 0.1;

impl Search<'_> {
    fn short(&self) -> Limits {
        Limits { gap: self.limits.gap, time_limit: self.limits.time_limit * SHARE }
    }

    /// The point that a plan describes, or one near it where the scenario has changed; `None` where there is none. What a plan does not say is
    /// chosen as well as it can be.
    ///
    /// # Errors
    /// [`PlanError`] when the solver breaks off.
    pub(crate) fn point_of(&self, plan: &Plan) -> Result<Option<Vec<f64>>, PlanError> {
        let known = self.said(plan);
        let mut fixed = self.formulation.program.clone();
        for (column, value) in &known {
            let column = &mut fixed.columns[*column];
            let value = value.clamp(column.lower, column.upper);
            (column.lower, column.upper) = (value, value);
        }
        if let Answer::Found(found) = self.solve(&fixed, &self.short(), None)? {
            return self.completed(&self.formulation.program, &found.values);
        }
        let mut values: Vec<f64> = self.formulation.program.columns.iter().map(|column| column.lower).collect();
        known.into_iter().for_each(|(column, value)| values[column] = value);
        self.near(&self.formulation.program, &values)
    }

    /// The integers that a plan says.
    fn said(&self, plan: &Plan) -> Vec<(usize, f64)> {
        let (instance, it) = (&self.instance, &self.formulation);
        let mut known = Vec::new();
        for (at, site) in instance.sites.iter().enumerate() {
            let mut used = instance.stands(at);
            for (kind, column) in it.nodes[at].iter().enumerate() {
                let here = plan.builds.iter().filter(|build| build.site == site.id && build.accelerator == instance.types[kind].id);
                let count: f64 = here.map(|build| f64::from(build.count)).sum();
                used |= count > 0.0;
                known.extend(column.map(|column| (column, count / instance.types[kind].per_node)));
            }
            known.push((it.build[at], f64::from(u8::from(used))));
        }
        for (gang, column) in instance.gangs.iter().zip(&it.run) {
            let place = (gang.campaign, instance.sites[gang.site].id, instance.types[gang.kind].id);
            let here = plan.campaigns.iter().filter(|placed| (placed.campaign, placed.site, placed.accelerator) == place);
            known.push((*column, here.map(|placed| f64::from(placed.islands)).sum()));
        }
        for (dataset, columns) in it.replica.iter().enumerate() {
            for (site, column) in columns {
                let copies = plan.replicas.iter();
                let here = copies.filter(|copy| copy.dataset.index() == dataset && copy.site == instance.sites[*site].id).count();
                known.push((*column, here.min(1) as f64));
            }
        }
        for (at, column) in it.investments.invest.iter().enumerate() {
            let times = plan.investments.iter().filter(|(id, _)| id.index() == at).map(|(_, times)| f64::from(*times));
            known.push((*column, times.sum()));
        }
        known
    }

    /// A point near another one that keeps the rows of a program: the same sites, campaigns and copies, other numbers of nodes.
    ///
    /// # Errors
    /// [`PlanError`] when the solver breaks off.
    pub(crate) fn near(&self, program: &Program, values: &[f64]) -> Result<Option<Vec<f64>>, PlanError> {
        let mut fixed = program.with_integers_fixed(values);
        for column in self.formulation.nodes.iter().flatten().flatten() {
            fixed.columns[*column] = program.columns[*column];
        }
        let Answer::Found(found) = self.solve(&fixed, &self.short(), None)? else { return Ok(None) };
        self.completed(program, &found.values)
    }

    /// The best point of a program with the integers of another one.
    fn completed(&self, program: &Program, values: &[f64]) -> Result<Option<Vec<f64>>, PlanError> {
        match self.solve(&program.with_integers_fixed(values), &self.short(), None)? {
            Answer::Found(found) => Ok(Some(found.values)),
            Answer::Infeasible | Answer::Unknown { .. } => Ok(None),
        }
    }
}
