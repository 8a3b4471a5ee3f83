//! The model's grid as what dispatches it.

use bastide_grid::opf::{NodalDispatcher, NodalLine};
use bastide_grid::{Dispatch, Dispatcher, GridError, Load, Network, Offer};
use bastide_model::model::Model;
use bastide_model::network::BASE_MVA;

/// Dispatch of the model's grid. Without AC lines all flows are chosen up to transfer capacities; with any, those on AC lines obey Kirchhoff's laws.
#[derive(Clone, Debug)]
pub(crate) enum GridDispatcher {
    Transport(Box<Dispatcher>),
    Nodal(Box<NodalDispatcher>),
}

impl GridDispatcher {
    pub(crate) fn new(model: &Model, offers: &[Offer], loads: &[Load]) -> Result<Self, GridError> {
        let buses = model.buses.len();
        if model.lines.iter().all(|line| line.reactance_pu.is_none()) {
            let lines = model.lines.iter().map(|line| bastide_grid::Line { from: line.from.index(), to: line.to.index() }).collect();
            return Ok(Self::Transport(Box::new(Dispatcher::new(&Network { buses, lines }, offers, loads)?)));
        }
        let line = |line: &bastide_model::model::Line| NodalLine {
            from: line.from.index(),
            to: line.to.index(),
            susceptance_mw: line.reactance_pu.map(|reactance| BASE_MVA / reactance),
            shift_rad: line.phase_shift_deg.to_radians(),
        };
        let lines: Vec<NodalLine> = model.lines.iter().map(line).collect();
        Ok(Self::Nodal(Box::new(NodalDispatcher::new(buses, &lines, offers, loads)?)))
    }

    /// The same without a memory: what a history starts from. This one must not have solved anything.
    pub(crate) fn fresh(&self) -> Self {
        let mut fresh = self.clone();
        if let Self::Transport(dispatcher) = &mut fresh {
            dispatcher.reset();
        }
        fresh
    }

    /// Solves; a line with both limits at zero is out of service.
    pub(crate) fn solve(&mut self, available_mw: &[f64], demand_mw: &[f64], forward_mw: &[f64], reverse_mw: &[f64], out: &mut Dispatch) {
        match self {
            Self::Transport(dispatcher) => dispatcher.solve(available_mw, demand_mw, forward_mw, reverse_mw, out),
            Self::Nodal(dispatcher) => dispatcher.solve(available_mw, demand_mw, forward_mw, reverse_mw, out),
        }
    }
}
