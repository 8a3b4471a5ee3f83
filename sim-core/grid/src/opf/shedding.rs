//! Least-cost shedding by priority: what a damaged system can still serve. Every set of outages has an answer.
//!
//! minimise Σ value · shed, subject to the DC equations with ratings; units run anywhere from zero to their maximum at no cost, negative
//! loads may be curtailed for nothing; shunts and angle limits do not count. Shedding everything is always feasible.

use super::full::Full;
use super::model::{ENDLESS_MW, flow_limits};
use super::programme::{Column, NONE, Programme};
use super::simplex::Outcome;
use super::{OpfError, OpfStatus, highs};
use crate::case::{BusKind, Case};
use crate::flow::{Convention, DcNetwork};

/// A class of demand, with what an unserved MWh of it costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Tier {
    /// Name -- input.
    pub name: String,
    /// Value of lost load [$/MWh] -- input.
    pub value: f64,
    /// Demand by bus \[MW\] -- input.
    pub mw: Vec<f64>,
}

/// All demand of a system, by tier.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shedding {
    /// Tiers, in any order -- input.
    pub tiers: Vec<Tier>,
}

impl Shedding {
    /// Splits every positive load of a case by the same shares: (name, share, value).
    #[must_use]
    pub fn shares(case: &Case, shares: &[(&str, f64, f64)]) -> Self {
        let split = |share: f64| case.buses.iter().map(|bus| share * bus.demand_mw.max(0.0)).collect();
        Self { tiers: shares.iter().map(|&(name, share, value)| Tier { name: name.to_owned(), value, mw: split(share) }).collect() }
    }

    /// Half of every load is critical (10,000 $/MWh), three tenths are middling (3,000), the rest is low (1,000).
    #[must_use]
    pub fn critical_mid_low(case: &Case) -> Self {
        Self::shares(case, &[("critical", 0.5, 10_000.0), ("mid", 0.3, 3_000.0), ("low", 0.2, 1_000.0)])
    }

    /// Adds a tier with demand at one bus: an AI site, say.
    #[must_use]
    pub fn with(mut self, name: &str, value: f64, bus: usize, mw: f64, buses: usize) -> Self {
        let mut demand = vec![0.0; buses];
        if let Some(at) = demand.get_mut(bus) {
            *at = mw;
        }
        self.tiers.push(Tier { name: name.to_owned(), value, mw: demand });
        self
    }
}

/// What is shed.
#[derive(Clone, Debug, PartialEq)]
pub struct SheddingAnswer {
    /// How it ended; never infeasible -- output.
    pub status: OpfStatus,
    /// Value of what is shed [$/h] -- output.
    pub objective: f64,
    /// Shed demand by tier, then bus \[MW\] -- output. Where tiers tie, the split is one of several.
    pub shed_mw: Vec<Vec<f64>>,
    /// Output by generator row \[MW\] -- output.
    pub generator_mw: Vec<f64>,
    /// Negative load that is not taken up, by bus \[MW\] -- output.
    pub curtailed_mw: Vec<f64>,
    /// Flow by branch row \[MW\] -- output.
    pub flow_mw: Vec<f64>,
}

impl SheddingAnswer {
    /// Shed demand of a tier \[MW\].
    #[must_use]
    pub fn tier_mw(&self, tier: usize) -> f64 {
        self.shed_mw.get(tier).map_or(0.0, |by_bus| by_bus.iter().sum())
    }
}

/// Shedding on one case, for many sets of outages: factor, rows and basis stay.
#[derive(Clone, Debug)]
pub struct PriorityShedding {
    programme: Programme,
    generators: Vec<Column>,
    /// (tier, bus) of the columns after those of generators.
    tier_bus: Vec<(usize, usize)>,
    /// Buses of the columns after those.
    negative: Vec<usize>,
    tiers: usize,
    generator_column: Vec<u32>,
}

impl PriorityShedding {
    /// States the problem. Demand is that of `shedding`; of the case only negative loads count. Ratings are long-term.
    ///
    /// # Errors
    /// [`OpfError`]: the first mistake.
    pub fn new(case: &Case, convention: Convention, shedding: &Shedding) -> Result<Self, OpfError> {
        super::model::check(case, convention)?;
        let network = DcNetwork::new(case, convention);
        let (low_mw, high_mw) = flow_limits(case, &network, true, false);
        let live = |bus: usize| case.buses[bus].kind != BusKind::Isolated;
        let mut fixed_mw = vec![0.0; case.buses.len()];
        let mut columns = Vec::new();
        let mut generator_column = vec![NONE; case.generators.len()];
        for (row, unit) in case.generators.iter().enumerate() {
            if unit.in_service && live(unit.bus) {
                generator_column[row] = columns.len() as u32;
                columns.push(Column::at(unit.bus, 1.0, 0.0, 0.0, unit.max_mw.clamp(0.0, ENDLESS_MW)));
            }
        }
        for line in case.dc_lines.iter().filter(|line| line.in_service && live(line.from) && live(line.to)) {
            // Nothing forces it to run: otherwise an outage could leave no answer.
            let (low, high) = (line.min_mw.clamp(-ENDLESS_MW, 0.0), line.max_mw.clamp(0.0, ENDLESS_MW));
            let terms = [(line.from as u32, -1.0), (line.to as u32, 1.0 - line.loss_share)];
            columns.push(Column { cost: 0.0, lower: low, upper: high, terms });
        }
        let generators = columns.clone();
        let (mut tier_bus, mut negative) = (Vec::new(), Vec::new());
        for (at, tier) in shedding.tiers.iter().enumerate() {
            if !tier.value.is_finite() || tier.value < 0.0 {
                return Err(OpfError::NotFinite { what: "tier", row: at });
            }
            for (bus, &mw) in tier.mw.iter().enumerate().take(case.buses.len()) {
                if !mw.is_finite() {
                    return Err(OpfError::NotFinite { what: "tier", row: at });
                }
                if mw > 0.0 && live(bus) {
                    fixed_mw[bus] -= mw;
                    tier_bus.push((at, bus));
                    columns.push(Column::at(bus, 1.0, tier.value, 0.0, mw));
                }
            }
        }
        for (bus, at) in case.buses.iter().enumerate() {
            if at.demand_mw < 0.0 && live(bus) {
                fixed_mw[bus] -= at.demand_mw;
                negative.push(bus);
                columns.push(Column::at(bus, -1.0, 0.0, 0.0, -at.demand_mw));
            }
        }
        // Where phase shifters push power round by themselves, a rating below that would leave no answer; model 2 ignores shifts.
        let programme = Programme::new(network, columns, Vec::new(), fixed_mw, low_mw, high_mw)?;
        Ok(Self { programme, generators, tier_bus, negative, tiers: shedding.tiers.len(), generator_column })
    }

    /// What is shed with these branch rows and generator rows out of service.
    ///
    /// # Errors
    /// [`OpfError`]: a row that does not exist, or negative reactances that leave no flow defined.
    pub fn solve(&mut self, branch_out: &[usize], generator_out: &[usize]) -> Result<SheddingAnswer, OpfError> {
        if let Some(&row) = branch_out.iter().find(|&&row| row >= self.programme.low_mw.len()) {
            return Err(OpfError::UnknownRow { what: "branch", row });
        }
        if let Some(&row) = generator_out.iter().find(|&&row| row >= self.generator_column.len()) {
            return Err(OpfError::UnknownRow { what: "generator", row });
        }
        let answer = self.damaged(branch_out, generator_out);
        for &row in generator_out {
            if let Some(column) = self.generators.get(self.generator_column[row] as usize) {
                let (at, upper) = (self.generator_column[row] as usize, column.upper);
                self.programme.set_column(at, 0.0, 0.0, upper);
            }
        }
        for &row in branch_out.iter().rev() {
            self.programme.set_branch(row, true)?;
        }
        answer
    }

    fn damaged(&mut self, branch_out: &[usize], generator_out: &[usize]) -> Result<SheddingAnswer, OpfError> {
        for &row in branch_out {
            self.programme.set_branch(row, false)?;
        }
        for &row in generator_out {
            if self.generator_column[row] != NONE {
                self.programme.set_column(self.generator_column[row] as usize, 0.0, 0.0, 0.0);
            }
        }
        let mut status = OpfStatus::Optimal;
        let outcome = self.programme.solve();
        let objective = self.programme.objective();
        let certified = outcome == Outcome::Optimal
            && (objective - self.programme.simplex.bound()).abs() <= 1e-9 * objective.abs().max(1e3)
            && self.programme.violation_mw() <= 1e-6
            && self.programme.residual_mw() <= 1e-6;
        let (mut values, mut flow_mw) = (self.programme.simplex.values().to_vec(), self.programme.flow_mw.clone());
        if !certified {
            let quadratic = vec![0.0; self.programme.columns.len()];
            match highs::solve(&Full { programme: &self.programme, columns: &self.programme.columns, quadratic: &quadratic }) {
                Ok(found) => (values, flow_mw) = (found.values, found.flow_mw),
                Err(failed) => status = failed,
            }
            self.programme.simplex.reset();
        }
        let buses = self.programme.network.buses;
        let mut shed_mw = vec![vec![0.0; buses]; self.tiers];
        let mut curtailed_mw = vec![0.0; buses];
        let first = self.generators.len();
        for (&(tier, bus), &value) in self.tier_bus.iter().zip(&values[first..]) {
            shed_mw[tier][bus] = value.max(0.0);
        }
        for (&bus, &value) in self.negative.iter().zip(&values[first + self.tier_bus.len()..]) {
            curtailed_mw[bus] = value.max(0.0);
        }
        let objective = self.programme.columns.iter().zip(&values).map(|(column, value)| column.cost * value).sum();
        let output = |&column: &u32| if column == NONE { 0.0 } else { values[column as usize] };
        let generator_mw = self.generator_column.iter().map(output).collect();
        Ok(SheddingAnswer { status, objective, shed_mw, generator_mw, curtailed_mw, flow_mw })
    }
}

/// What is shed, least value first, with these branch rows and generator rows out of service; PowerModels' susceptances, as in the
/// published interdiction models.
///
/// # Errors
/// [`OpfError`]: the first mistake.
pub fn priority_shedding(
    case: &Case,
    branch_out: &[usize],
    generator_out: &[usize],
    shedding: &Shedding,
) -> Result<SheddingAnswer, OpfError> {
    PriorityShedding::new(case, Convention::PowerModels, shedding)?.solve(branch_out, generator_out)
}

/// Rows of the generators in service, in order: what a table counts that leaves the others out.
#[must_use]
pub fn generators_in_service(case: &Case) -> Vec<usize> {
    (0..case.generators.len()).filter(|&row| case.generators[row].in_service).collect()
}
