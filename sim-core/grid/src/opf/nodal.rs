//! Dispatch on a network with Kirchhoff's second law: the interface of [`crate::Dispatcher`], with a susceptance per line.

use super::full::Full;
use super::highs;
use super::programme::{Column, NONE, Programme};
use super::simplex::Outcome;
use crate::dispatch::Dispatch;
use crate::factor::Singular;
use crate::flow::DcNetwork;
use crate::network::{GridError, Line, Load, Network, Offer};

/// Most that a limit or a demand may be; keeps sums exact enough \[MW\].
const MOST_MW: f64 = 1e7;

/// A line with or without a susceptance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NodalLine {
    /// Bus where a positive flow leaves -- constant.
    pub from: usize,
    /// Bus where a positive flow arrives -- constant.
    pub to: usize,
    /// Susceptance [MW/rad]; none, or zero, is a direct-current line whose flow is chosen -- constant.
    pub susceptance_mw: Option<f64>,
    /// Phase shift of a line with a susceptance, as MATPOWER has it: flow = b (angle from - angle to - shift) \[rad\] -- constant.
    pub shift_rad: f64,
}

/// Network of [`Dispatcher`](crate::Dispatcher)'s kind on which flows obey Kirchhoff's second law. It remembers factor, rows and basis;
/// the cost of an answer does not depend on them, which of several equally cheap answers is given may.
#[derive(Clone, Debug)]
pub struct NodalDispatcher {
    lines: Vec<NodalLine>,
    offers: Vec<Offer>,
    loads: Vec<Load>,
    programme: Programme,
    /// Column of each direct-current line.
    direct: Vec<u32>,
}

impl NodalDispatcher {
    /// Prepares a network.
    ///
    /// # Errors
    /// The first mistake, as [`Network::check`]; [`GridError::Susceptance`] where susceptances are not finite or define no flow.
    pub fn new(buses: usize, lines: &[NodalLine], offers: &[Offer], loads: &[Load]) -> Result<Self, GridError> {
        let plain = Network { buses, lines: lines.iter().map(|line| Line { from: line.from, to: line.to }).collect() };
        plain.check(offers, loads)?;
        if let Some(line) = lines.iter().position(|line| line.susceptance_mw.is_some_and(|b| !b.is_finite()) || !line.shift_rad.is_finite())
        {
            return Err(GridError::Susceptance { line });
        }
        let network = DcNetwork {
            buses,
            ends: lines.iter().map(|line| (line.from as u32, line.to as u32)).collect(),
            susceptance_mw: lines.iter().map(|line| line.susceptance_mw.unwrap_or(0.0)).collect(),
            shift_mw: lines.iter().map(|line| -line.susceptance_mw.unwrap_or(0.0) * line.shift_rad).collect(),
            connected: vec![true; buses],
            slack_rank: vec![0; buses],
            slack_angle_rad: vec![0.0; buses],
        };
        let mut columns: Vec<Column> = offers.iter().map(|offer| Column::at(offer.bus, 1.0, offer.cost_eur_per_mwh, 0.0, 0.0)).collect();
        columns.extend(loads.iter().map(|load| Column::at(load.bus, 1.0, load.value_eur_per_mwh, 0.0, 0.0)));
        let mut direct = vec![NONE; lines.len()];
        for (at, line) in lines.iter().enumerate() {
            if network.susceptance_mw[at] == 0.0 {
                direct[at] = columns.len() as u32;
                let terms = [(line.from as u32, -1.0), (line.to as u32, 1.0)];
                columns.push(Column { cost: 0.0, lower: 0.0, upper: 0.0, terms });
            }
        }
        let limits = (vec![f64::NEG_INFINITY; lines.len()], vec![f64::INFINITY; lines.len()]);
        let singular = |_: Singular| GridError::Susceptance { line: 0 };
        let programme = Programme::new(network, columns, Vec::new(), vec![0.0; buses], limits.0, limits.1).map_err(singular)?;
        Ok(Self { lines: lines.to_vec(), offers: offers.to_vec(), loads: loads.to_vec(), programme, direct })
    }

    /// Finds a least-cost dispatch; the arguments are those of [`crate::Dispatcher::solve`]: available power by offer, demand by load and
    /// limits by line in both directions, all in MW. A line with both limits at zero is out of service, and then carries no angle. Numbers
    /// below zero and undefined ones count as zero. Load that is not served is shed.
    ///
    /// [`Dispatch::optimal`] is false, and the dispatch is all shed, in the one case that has no answer: phase-free lines of negative
    /// susceptance that leave no flow defined.
    pub fn solve(
        &mut self,
        available_mw: &[f64],
        demand_mw: &[f64],
        limit_forward_mw: &[f64],
        limit_reverse_mw: &[f64],
        out: &mut Dispatch,
    ) {
        let (offers, loads) = (self.offers.len(), self.loads.len());
        out.resize(self.programme.network.buses, self.lines.len(), offers, loads);
        // `max` returns the other operand for an undefined one; `clamp` would pass it on.
        let positive = |mw: f64| MOST_MW.min(mw.max(0.0));
        let programme = &mut self.programme;
        programme.fixed_mw.fill(0.0);
        for (at, (offer, &mw)) in self.offers.iter().zip(available_mw).enumerate() {
            programme.set_column(at, offer.cost_eur_per_mwh, 0.0, positive(mw));
        }
        for (at, (load, &mw)) in self.loads.iter().zip(demand_mw).enumerate() {
            programme.fixed_mw[load.bus] -= positive(mw);
            programme.set_column(offers + at, load.value_eur_per_mwh, 0.0, positive(mw));
        }
        let mut defined = true;
        for at in 0..self.lines.len() {
            let (forward, reverse) = (positive(limit_forward_mw[at]), positive(limit_reverse_mw[at]));
            if self.direct[at] == NONE {
                let open = forward == 0.0 && reverse == 0.0;
                defined &= programme.set_branch(at, !open).is_ok();
                programme.low_mw[at] = -reverse;
                programme.high_mw[at] = forward;
            } else {
                programme.set_column(self.direct[at] as usize, 0.0, -reverse, forward);
            }
        }
        // Values of lost load below zero would pay for shedding, which a balance with free shedding takes; negative offers likewise.
        let outcome = if defined { programme.solve() } else { Outcome::Stuck };
        out.pivots = programme.pivots;
        out.optimal = outcome == Outcome::Optimal && programme.violation_mw() <= 1e-6 && programme.residual_mw() <= 1e-6;
        let mut values = programme.simplex.values().to_vec();
        let mut price = programme.prices();
        out.flow_mw.copy_from_slice(&programme.flow_mw);
        if !out.optimal && defined {
            let quadratic = vec![0.0; programme.columns.len()];
            if let Ok(found) = highs::solve(&Full { programme, columns: &programme.columns, quadratic: &quadratic }) {
                (values, price) = (found.values, found.price);
                out.flow_mw.copy_from_slice(&found.flow_mw);
                out.optimal = true;
            }
            programme.simplex.reset();
        }
        if !out.optimal {
            values.clear();
            values.resize(programme.columns.len(), 0.0);
            for (value, &mw) in values[offers..].iter_mut().zip(demand_mw) {
                *value = positive(mw);
            }
            out.flow_mw.fill(0.0);
        }
        out.generation_mw.copy_from_slice(&values[..offers]);
        out.shed_mw.copy_from_slice(&values[offers..offers + loads]);
        for (at, &column) in self.direct.iter().enumerate() {
            if column != NONE {
                out.flow_mw[at] = values[column as usize];
            }
        }
        for (to, price) in out.price_eur_per_mwh.iter_mut().zip(price) {
            *to = price.unwrap_or(0.0);
        }
        out.total_generation_mw = out.generation_mw.iter().sum();
        out.total_shed_mw = out.shed_mw.iter().sum();
        out.generation_cost_eur_per_h = self.offers.iter().zip(&out.generation_mw).map(|(offer, mw)| offer.cost_eur_per_mwh * mw).sum();
        let shed_cost: f64 = self.loads.iter().zip(&out.shed_mw).map(|(load, mw)| load.value_eur_per_mwh * mw).sum();
        out.cost_eur_per_h = out.generation_cost_eur_per_h + shed_cost;
    }
}
