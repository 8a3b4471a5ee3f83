//! The sparse programme in angles, for solvers that see all of it at once.

use super::programme::{Column, Programme};

/// A programme with its columns, which may have quadratic costs.
#[derive(Debug)]
pub(crate) struct Full<'a> {
    pub programme: &'a Programme,
    pub columns: &'a [Column],
    /// Quadratic cost by column [$/MW²h].
    pub quadratic: &'a [f64],
}

/// An optimum.
#[derive(Debug)]
pub(crate) struct Found {
    pub values: Vec<f64>,
    pub objective: f64,
    pub bound: f64,
    pub flow_mw: Vec<f64>,
    /// Sign as in [`super::OpfSolution::branch_dual`].
    pub branch_dual: Vec<f64>,
    pub price: Vec<Option<f64>>,
    pub side_dual: Vec<f64>,
    pub iterations: u32,
}

/// Limits of branches that may be exceeded at a cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slacks {
    /// Of a MW beyond a limit.
    pub cost: f64,
}
