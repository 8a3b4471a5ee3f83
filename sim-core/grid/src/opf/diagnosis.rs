//! Why there is no dispatch: the least that must give way.
//!
//! minimise shed demand + surplus + penalty · MW beyond limits. The penalty is so high that a limit is exceeded only where neither
//! shedding nor throwing power away helps.

use super::full::{Full, Slacks};
use super::model::Model;
use super::programme::{Column, Programme};
use super::{OpfError, OpfOptions, OpfStatus, highs};
use crate::case::Case;
use crate::flow::Convention;

/// Cost of a MW beyond a branch limit, when one of shed demand or surplus costs 1.
const BEYOND: f64 = 1000.0;
/// Below it is rounding \[MW\].
const SMALL_MW: f64 = 1e-6;

/// What must give way for a dispatch to exist. All empty: the case is feasible.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diagnosis {
    /// Buses (rows) that cannot be served, and by how much \[MW\] -- output.
    pub unserved: Vec<(usize, f64)>,
    /// Buses (rows) where more must be generated than anyone can take, and how much \[MW\] -- output.
    pub surplus: Vec<(usize, f64)>,
    /// Branches (rows) whose limits must be exceeded, and by how much \[MW\] -- output.
    pub beyond_limit: Vec<(usize, f64)>,
    /// Generators (rows) whose least output is above their most -- output.
    pub crossed_generators: Vec<usize>,
    /// Branches (rows) whose rating and angle limits leave no flow -- output.
    pub crossed_branches: Vec<usize>,
}

impl Diagnosis {
    /// Whether nothing has to give way.
    #[must_use]
    pub fn is_feasible(&self) -> bool {
        *self == Self::default()
    }
}

/// Says what must give way in a case.
///
/// # Errors
/// [`OpfError`]: the first mistake in the case, or no verdict.
pub fn diagnose(case: &Case, convention: Convention) -> Result<Diagnosis, OpfError> {
    let mut model = Model::new(case, convention, &OpfOptions::default(), false)?;
    let mut diagnosis = Diagnosis::default();
    for (row, (low, high)) in model.low_mw.iter_mut().zip(&mut model.high_mw).enumerate() {
        if low > high {
            diagnosis.crossed_branches.push(row);
            (*low, *high) = (f64::NEG_INFINITY, f64::INFINITY);
        }
    }
    for unit in 0..case.generators.len() {
        if model.units[unit].min_mw > model.units[unit].max_mw && !model.units[unit].columns().is_empty() {
            diagnosis.crossed_generators.push(unit);
        }
    }
    let buses = case.buses.len();
    // What a bus must take: demand, and what DC lines cannot help but draw.
    let mut must: Vec<f64> = model.fixed_mw.iter().map(|fixed| (-fixed).max(0.0)).collect();
    for column in &mut model.columns {
        column.cost = 0.0;
        if column.lower > column.upper {
            (column.lower, column.upper) = (column.upper, column.lower);
        }
        for &(bus, by) in &column.terms {
            if by < 0.0 {
                must[bus as usize] += (-by * column.lower).max(0.0);
            } else if by > 0.0 {
                must[bus as usize] += (-by * column.upper).max(0.0);
            }
        }
    }
    let mut columns = model.columns;
    let first = columns.len();
    for (bus, must) in must.into_iter().enumerate() {
        columns.push(Column::at(bus, 1.0, 1.0, 0.0, must));
        columns.push(Column::at(bus, -1.0, 1.0, 0.0, super::model::ENDLESS_MW));
    }
    let quadratic = vec![0.0; columns.len()];
    let programme = Programme::new(model.network, Vec::new(), Vec::new(), model.fixed_mw, model.low_mw, model.high_mw)?;
    let full = Full { programme: &programme, columns: &columns, quadratic: &quadratic };
    let (found, beyond) = highs::solve_elastic(&full, Slacks { cost: BEYOND }).map_err(|status| match status {
        OpfStatus::Unsolved { reason } => OpfError::NoVerdict { reason },
        other => OpfError::NoVerdict { reason: format!("the elastic programme is {other:?}") },
    })?;
    for bus in 0..buses {
        let (shed, spilt) = (found.values[first + 2 * bus], found.values[first + 2 * bus + 1]);
        if shed > SMALL_MW {
            diagnosis.unserved.push((bus, shed));
        }
        if spilt > SMALL_MW {
            diagnosis.surplus.push((bus, spilt));
        }
    }
    diagnosis.beyond_limit = beyond.into_iter().filter(|&(_, mw)| mw > SMALL_MW).collect();
    Ok(diagnosis)
}
