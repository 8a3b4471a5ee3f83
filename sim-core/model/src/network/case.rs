//! The grid at one hour as a transmission case.

use bastide_grid::{Branch, Bus, BusKind, Case, Cost, DcLine, Generator};
use bastide_units::Power;

use crate::model::{BusId, GeneratorId, LineId, LoadId, Model};

/// Power base of the case, on which the scenario's reactances stand \[MVA\].
pub const BASE_MVA: f64 = 100.0;

/// What the rows of a [`Case`] made by [`case_at`] are in the scenario. Buses are in the scenario's order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CaseRows {
    /// Generator class of each generator row.
    pub generators: Vec<GeneratorId>,
    /// AC line of each branch row.
    pub branches: Vec<LineId>,
    /// Controllable line of each DC row.
    pub dc_lines: Vec<LineId>,
    /// The blocks that the demand of the buses is made of, those of the scenario before the AI load.
    pub loads: Vec<CaseLoad>,
}

/// A block of demand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CaseLoad {
    /// Which load of the scenario; none for AI load.
    pub load: Option<LoadId>,
    /// Position of its bus in [`Case::buses`].
    pub bus: usize,
    /// Demand \[MW\].
    pub mw: f64,
    /// What a lost megawatt-hour costs \[EUR/MWh\]; the lowest is shed first.
    pub value_eur_per_mwh: f64,
}

/// The grid at an hour: loads and available capacities of that hour, `ai_load` as further demand.
///
/// AC lines (with a reactance) are branches, all others DC lines without loss. A generator class is one row; its maximum is
/// that of all its units. Nothing is out of service, nothing has a least output, and outputs are zero: the operating point is
/// what a dispatch finds. Storage has no row. Hours beyond the scenario's end show the last one.
#[must_use]
pub fn case_at(model: &Model, hour: usize, ai_load: &[(BusId, Power)]) -> (Case, CaseRows) {
    let mut case = Case { name: model.header.name.clone(), base_mva: BASE_MVA, ..Case::default() };
    let mut rows = CaseRows::default();
    for (index, bus) in model.buses.iter().enumerate() {
        case.buses.push(Bus {
            number: index as u64 + 1,
            name: bus.entity.name.clone(),
            kind: if index == 0 { BusKind::Reference } else { BusKind::Load },
            area: u64::from(bus.nation.0) + 1,
            zone: u64::from(bus.nation.0) + 1,
            ..Bus::default()
        });
    }
    for (index, load) in model.loads.iter().enumerate() {
        rows.loads.push(CaseLoad {
            load: Some(LoadId::from_index(index)),
            bus: load.bus.index(),
            mw: model.at(load.power, hour) / 1e6,
            value_eur_per_mwh: load.value_of_lost_load.as_eur_per_mwh(),
        });
    }
    for (bus, power) in ai_load {
        let value_eur_per_mwh = model.policy.value_of_lost_load.as_eur_per_mwh();
        rows.loads.push(CaseLoad { load: None, bus: bus.index(), mw: power.as_mw(), value_eur_per_mwh });
    }
    for load in &rows.loads {
        case.buses[load.bus].demand_mw += load.mw;
    }
    for (index, generator) in model.generators.iter().enumerate() {
        let bus = &mut case.buses[generator.bus.index()];
        if bus.kind == BusKind::Load {
            bus.kind = BusKind::Generator;
        }
        rows.generators.push(GeneratorId::from_index(index));
        case.generators.push(Generator {
            bus: generator.bus.index(),
            in_service: true,
            output_mw: 0.0,
            min_mw: 0.0,
            max_mw: generator.capacity.as_mw() * model.at(generator.availability, hour),
            cost: Some(Cost::Polynomial { quadratic: 0.0, linear: generator.cost.as_eur_per_mwh(), constant: 0.0 }),
        });
    }
    for (index, line) in model.lines.iter().enumerate() {
        let (from, to) = (line.from.index(), line.to.index());
        if let Some(reactance_pu) = line.reactance_pu {
            rows.branches.push(LineId::from_index(index));
            case.branches.push(Branch {
                from,
                to,
                in_service: true,
                resistance_pu: 0.0,
                reactance_pu,
                rate_a_mw: Some(line.capacity.as_mw()),
                rate_b_mw: None,
                rate_c_mw: None,
                tap: 1.0,
                shift_deg: line.phase_shift_deg,
                angle_min_deg: None,
                angle_max_deg: None,
            });
        } else {
            rows.dc_lines.push(LineId::from_index(index));
            case.dc_lines.push(DcLine {
                from,
                to,
                in_service: true,
                flow_mw: 0.0,
                min_mw: -line.reverse_capacity.as_mw(),
                max_mw: line.capacity.as_mw(),
                loss_mw: 0.0,
                loss_share: 0.0,
                cost: None,
            });
        }
    }
    (case, rows)
}
