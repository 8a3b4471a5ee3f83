//! The way back of a dark network, where the scenario says which units start without a grid: [`restoration`] plans the switching, and
//! each bus follows what that plan serves there.
//!
//! The plan is made once for all buses that go dark in one moment. A live bus at the other end of a line is a unit that starts by itself, of the
//! capacity of the line. A bus that the plan does not reach, or does not serve in full, takes the curve of its own where that is ahead.

use bastide_grid::{Branch, Bus, BusKind, Case, Generator, Restoration, RestorationAction, RestorationRules, restoration};
use bastide_model::network::BASE_MVA;

use super::super::grid::Grid;
use super::Blackouts;
use crate::setup::Setup;

/// Reactance of a line whose flow is chosen: it is as near as an AC line of 100 MVA \[p.u.\].
const CONTROLLED_PU: f64 = 0.1;
/// Power below this is rounding \[MW\].
const TINY_MW: f64 = 1e-9;

/// What a plan serves at a bus: from so many hours after the blackout on, so much \[MW\]; increasing.
pub(super) type Steps = Vec<(f64, f64)>;

/// What is served after some time \[MW\].
pub(super) fn served(steps: &Steps, hours: f64) -> f64 {
    let at = steps.partition_point(|(from, _)| *from <= hours);
    at.checked_sub(1).map_or(0.0, |at| steps[at].1)
}

impl Blackouts {
    /// Plans the way back of buses that have just gone dark, if any unit starts without the grid.
    pub(super) fn plan(&self, setup: &Setup, grid: &Grid, fresh: &[usize]) -> Vec<(usize, Steps)> {
        let model = setup.model;
        if fresh.is_empty() || model.generators.iter().all(|generator| !generator.black_start) {
            return Vec::new();
        }
        let mut case = Case { name: String::new(), base_mva: BASE_MVA, ..Case::default() };
        let mut priority = vec![f64::NEG_INFINITY; self.zones.len()];
        for (at, zone) in self.zones.iter().enumerate() {
            let kind = if zone.dark { BusKind::Load } else { BusKind::Isolated };
            let demand_mw: f64 = if zone.dark { self.order[at].iter().map(|load| grid.demand[*load]).sum() } else { 0.0 };
            case.buses.push(Bus { number: at as u64 + 1, kind, demand_mw, ..Bus::default() });
        }
        for load in &model.loads {
            let best = &mut priority[load.bus.index()];
            *best = best.max(load.cut.priority as f64);
        }
        let unit = |bus: usize, max_mw: f64| Generator { bus, in_service: true, output_mw: 0.0, min_mw: 0.0, max_mw, cost: None };
        let mut starting = Vec::new();
        for (at, generator) in model.generators.iter().enumerate() {
            if generator.black_start {
                starting.push(case.generators.len() as u32);
            }
            case.generators.push(unit(generator.bus.index(), grid.available[at]));
        }
        for (at, line) in model.lines.iter().enumerate() {
            let (from, to) = (line.from.index(), line.to.index());
            let capacity = grid.forward[at].max(grid.reverse[at]);
            if self.zones[from].dark && self.zones[to].dark {
                let reactance_pu = line.reactance_pu.unwrap_or(CONTROLLED_PU);
                case.branches.push(Branch {
                    from,
                    to,
                    in_service: capacity > 0.0,
                    resistance_pu: 0.0,
                    reactance_pu,
                    rate_a_mw: None,
                    rate_b_mw: None,
                    rate_c_mw: None,
                    tap: 1.0,
                    shift_deg: 0.0,
                    angle_min_deg: None,
                    angle_max_deg: None,
                });
            } else if self.zones[from].dark || self.zones[to].dark {
                starting.push(case.generators.len() as u32);
                case.generators.push(unit(if self.zones[from].dark { from } else { to }, capacity));
            }
        }
        let plan = restoration(&case, &starting, &priority, RestorationRules::default());
        fresh.iter().map(|bus| (*bus, steps(&plan, *bus))).collect()
    }
}

fn steps(plan: &Restoration, bus: usize) -> Steps {
    let mut steps: Steps = Vec::new();
    let mut served = 0.0;
    for (minute, action) in &plan.actions {
        let hours = f64::from(*minute) / 60.0;
        match action {
            RestorationAction::Energise { bus: live, .. } if *live as usize == bus => steps.push((hours, served)),
            RestorationAction::PickUp { bus: at, mw } if *at as usize == bus && *mw > TINY_MW => {
                served += mw;
                steps.push((hours, served));
            }
            _ => {}
        }
    }
    steps
}
