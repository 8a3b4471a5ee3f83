//! Kinds of targets of a network.

use bastide_grid::{Case, Convention, DcNetwork};
use bastide_strike::{Element, Target};

use crate::args::TargetKind;

/// A target with its kind.
pub struct Named {
    /// What it is.
    pub kind: TargetKind,
    /// What it takes out.
    pub target: Target,
}

/// All targets of the kinds, kind by kind in the order of the file. What is out of service is none.
pub fn of(case: &Case, kinds: &[TargetKind], cost: &dyn Fn(TargetKind) -> u32) -> Vec<Named> {
    let network = DcNetwork::new(case, Convention::Matpower);
    let lives = |row: &usize| network.susceptance_mw[*row] != 0.0;
    let mut found = Vec::new();
    for &kind in kinds {
        let sets: Vec<Vec<Element>> = match kind {
            TargetKind::Lines => (0..case.branches.len()).filter(lives).map(|row| vec![Element::Branch(row)]).collect(),
            TargetKind::Transformers => {
                (0..case.branches.len()).filter(lives).filter(|row| transforms(case, *row)).map(|row| vec![Element::Branch(row)]).collect()
            }
            TargetKind::Buses => (0..case.buses.len()).filter(|bus| network.connected[*bus]).map(|bus| vec![Element::Bus(bus)]).collect(),
            TargetKind::Units => units(case, &network).map(|row| vec![Element::Generator(row)]).collect(),
            TargetKind::Plants => {
                let plant =
                    |bus: usize| units(case, &network).filter(|row| case.generators[*row].bus == bus).map(Element::Generator).collect();
                (0..case.buses.len()).map(plant).filter(|plant: &Vec<_>| !plant.is_empty()).collect()
            }
            TargetKind::Substations => substations(case, &network),
        };
        let targets = sets.into_iter().map(|elements| Named { kind, target: Target { elements, cost: cost(kind) } });
        found.extend(targets);
    }
    found
}

fn units<'a>(case: &'a Case, network: &'a DcNetwork) -> impl Iterator<Item = usize> + 'a {
    (0..case.generators.len()).filter(|row| case.generators[*row].in_service && network.connected[case.generators[*row].bus])
}

/// Whether a branch joins two voltages, or has a ratio of its own.
fn transforms(case: &Case, row: usize) -> bool {
    let branch = &case.branches[row];
    (branch.tap - 1.0).abs() > 1e-9 || branch.shift_deg != 0.0 || case.buses[branch.from].base_kv != case.buses[branch.to].base_kv
}

/// Buses that transformers join stand on one ground.
fn substations(case: &Case, network: &DcNetwork) -> Vec<Vec<Element>> {
    let mut ground: Vec<usize> = (0..case.buses.len()).collect();
    let joined = |row: &usize| network.susceptance_mw[*row] != 0.0 && transforms(case, *row);
    for row in (0..case.branches.len()).filter(joined) {
        let (a, b) = (ground[case.branches[row].from], ground[case.branches[row].to]);
        ground.iter_mut().filter(|it| **it == a.max(b)).for_each(|it| *it = a.min(b));
    }
    let buses =
        |first: usize| (0..case.buses.len()).filter(|bus| ground[*bus] == first && network.connected[*bus]).map(Element::Bus).collect();
    (0..case.buses.len()).map(buses).filter(|set: &Vec<_>| !set.is_empty()).collect()
}
