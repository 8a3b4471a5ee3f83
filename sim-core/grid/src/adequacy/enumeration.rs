//! Exact adequacy of a few areas with ties: every combination of states, with the best exchange in each.

use std::collections::VecDeque;

use super::{
    AdequacyError, System, TierKind,
    check::Named,
    copt::{Class, NOTHING, State, TOLERANCE_MW, sum},
    law::UnitLaw,
    supply::capacity_mw,
};

/// Most states of the capacity of one area, or of all areas and ties together in one hour.
const MOST_STATES: usize = 1 << 20;
/// Most states in all hours.
const MOST_WORK: f64 = 1e9;

/// Indices of a system of areas over its horizon -- output.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EnumeratedAdequacy {
    /// Hours in which any area loses load \[h per horizon\] -- output.
    pub lole_h: f64,
    /// Expected unserved energy \[MWh per horizon\] -- output.
    pub eue_mwh: f64,
    /// Unserved share of the demand, in parts per million -- output.
    pub neue_ppm: f64,
    /// Probability that any area loses load, by hour -- output.
    pub lolp: Vec<f64>,
    /// By area -- output.
    pub areas: Vec<AreaAdequacy>,
}

/// Indices of one area -- output.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AreaAdequacy {
    /// Loss-of-load expectation \[h per horizon\] -- output.
    pub lole_h: f64,
    /// Expected unserved energy \[MWh per horizon\] -- output.
    pub eue_mwh: f64,
}

/// Adequacy of a small system of areas by enumeration of all states of units and ties.
///
/// Each area first serves itself; then surplus flows to deficits so that the least energy is lost in all (maximum flow).
/// Where an area's surplus can reach only some of several deficits, the nearest is served first, then the first in order.
/// Tiers of kind [`TierKind::Firm`] count as load.
///
/// # Errors
///
/// [`AdequacyError::Faults`]; [`AdequacyError::TooLarge`] above a million states an hour; the other variants for storage,
/// hydro, interruptible tiers and forecast errors.
pub fn enumerate(system: &System) -> Result<EnumeratedAdequacy, AdequacyError> {
    check(system)?;
    let laws: Vec<UnitLaw> = system.units.iter().map(UnitLaw::of).collect();
    let mut out = EnumeratedAdequacy {
        areas: vec![AreaAdequacy::default(); system.areas.len()],
        lolp: Vec::with_capacity(system.hours),
        ..EnumeratedAdequacy::default()
    };
    let mut states: Vec<Vec<State>> = Vec::new();
    let (mut last, mut work, mut energy_mwh) = (Vec::new(), 0.0, 0.0);
    let mut exchange = Exchange::of(system);
    for hour in 0..system.hours {
        let capacities: Vec<f64> = system.units.iter().map(|unit| capacity_mw(unit, hour)).collect();
        if hour == 0 || capacities != last {
            states = area_states(system, &laws, &capacities)?;
            last = capacities;
        }
        let combinations = states.iter().map(|list| list.len() as f64).product::<f64>()
            * system.ties.iter().map(|tie| if uncertain(tie.outage.unavailability()) { 2.0 } else { 1.0 }).product::<f64>();
        work += combinations;
        let limit = if combinations > MOST_STATES as f64 { MOST_STATES as f64 } else { MOST_WORK };
        if combinations > MOST_STATES as f64 || work > MOST_WORK {
            let needed = if combinations > limit { combinations } else { work };
            return Err(AdequacyError::TooLarge { what: "the enumeration of all states", needed, limit });
        }
        let load_mw: Vec<f64> = system
            .areas
            .iter()
            .map(|area| {
                let firm = area.tiers.iter().map(|tier| tier.mw[hour]).sum::<f64>();
                energy_mwh += area.load_mw[hour] + firm;
                area.load_mw[hour] + firm - area.variable_mw.get(hour).copied().unwrap_or(0.0)
            })
            .collect();
        let lolp = visit(system, &states, &load_mw, &mut exchange, &mut out);
        out.lole_h += lolp;
        out.lolp.push(lolp);
    }
    out.eue_mwh = out.areas.iter().map(|area| area.eue_mwh).sum();
    out.neue_ppm = if energy_mwh > 0.0 { out.eue_mwh / energy_mwh * 1e6 } else { 0.0 };
    Ok(out)
}

fn uncertain(unavailability: f64) -> bool {
    unavailability > 0.0 && unavailability < 1.0
}

fn check(system: &System) -> Result<(), AdequacyError> {
    let faults = system.check();
    if !faults.is_empty() {
        return Err(AdequacyError::Faults(faults));
    }
    if let Some(storage) = system.storages.first() {
        return Err(AdequacyError::Chronological(Named("storage", 0, &storage.name).owned()));
    }
    if let Some(hydro) = system.hydros.first() {
        return Err(AdequacyError::Chronological(Named("hydro", 0, &hydro.name).owned()));
    }
    for (position, area) in system.areas.iter().enumerate() {
        if area.forecast_error > 0.0 {
            let component = Named("area", position, &area.name).owned();
            return Err(AdequacyError::NotEnumerated { component, what: "a forecast error" });
        }
        if let Some(k) = area.tiers.iter().position(|tier| tier.most_h_per_day < 24.0) {
            return Err(AdequacyError::Chronological(Named("tier", k, &area.tiers[k].name).owned()));
        }
        if let Some(k) = area.tiers.iter().position(|tier| tier.kind == TierKind::Interruptible) {
            let component = Named("tier", k, &area.tiers[k].name).owned();
            return Err(AdequacyError::NotEnumerated { component, what: "interruptible demand" });
        }
    }
    Ok(())
}

/// Possible capacities of each area.
fn area_states(system: &System, laws: &[UnitLaw], capacities: &[f64]) -> Result<Vec<Vec<State>>, AdequacyError> {
    let mut states = vec![vec![NOTHING]; system.areas.len()];
    for ((unit, law), &mw) in system.units.iter().zip(laws).zip(capacities).filter(|(_, mw)| **mw > 0.0) {
        let list = &mut states[unit.area];
        // One area may have no more states than all together; a sum of a class takes its number of steps.
        let many = f64::from(unit.count) * list.len() as f64 > 64.0 * MOST_STATES as f64;
        *list =
            (!many).then(|| sum(list, &Class { mw, count: unit.count, law }, MOST_STATES)).flatten().ok_or(AdequacyError::TooLarge {
                what: "the enumeration of the units of an area",
                needed: f64::from(unit.count) * list.len() as f64,
                limit: MOST_STATES as f64,
            })?;
    }
    Ok(states)
}

/// Adds one hour to `out`; the probability that any area loses load.
fn visit(system: &System, states: &[Vec<State>], load_mw: &[f64], exchange: &mut Exchange, out: &mut EnumeratedAdequacy) -> f64 {
    let areas = states.len();
    // An odometer over areas and uncertain ties.
    let mut choice = vec![0; areas + system.ties.len()];
    let unavailable: Vec<f64> = system.ties.iter().map(|tie| tie.outage.unavailability()).collect();
    let size = |k: usize| if k < areas { states[k].len() } else { 1 + usize::from(uncertain(unavailable[k - areas])) };
    let mut surplus_mw = vec![0.0; areas];
    let mut lolp = 0.0;
    loop {
        let mut probability = 1.0;
        for (area, list) in states.iter().enumerate() {
            let state = list[choice[area]];
            probability *= state.probability;
            surplus_mw[area] = state.mw - load_mw[area];
        }
        if surplus_mw.iter().any(|&mw| mw < -TOLERANCE_MW) {
            for (tie, &q) in unavailable.iter().enumerate() {
                let up = if uncertain(q) { choice[areas + tie] == 0 } else { q == 0.0 };
                if uncertain(q) {
                    probability *= if up { 1.0 - q } else { q };
                }
                exchange.set(tie, up);
            }
            exchange.share(&mut surplus_mw);
            let mut any = false;
            for (area, &mw) in out.areas.iter_mut().zip(&surplus_mw) {
                if mw < -TOLERANCE_MW {
                    any = true;
                    area.lole_h += probability;
                    area.eue_mwh -= probability * mw;
                }
            }
            lolp += if any { probability } else { 0.0 };
        }
        let Some(next) = (0..choice.len()).find(|&k| choice[k] + 1 < size(k)) else { return lolp };
        choice[..next].fill(0);
        choice[next] += 1;
    }
}

/// The network of ties, with what is left of each limit.
struct Exchange {
    /// Arcs out of each area: the area reached and the arc; arc 2t is tie t forward, 2t + 1 backward.
    arcs: Vec<Vec<(usize, usize)>>,
    limit_mw: Vec<f64>,
    left_mw: Vec<f64>,
    reached_by: Vec<Option<(usize, usize)>>,
    queue: VecDeque<usize>,
}

impl Exchange {
    fn of(system: &System) -> Self {
        let mut arcs = vec![Vec::new(); system.areas.len()];
        for (tie, ends) in system.ties.iter().enumerate() {
            arcs[ends.from].push((ends.to, 2 * tie));
            arcs[ends.to].push((ends.from, 2 * tie + 1));
        }
        let limit_mw: Vec<f64> = system.ties.iter().flat_map(|tie| [tie.forward_mw, tie.backward_mw]).collect();
        let (left_mw, reached_by) = (limit_mw.clone(), vec![None; system.areas.len()]);
        Self { arcs, limit_mw, left_mw, reached_by, queue: VecDeque::new() }
    }

    fn set(&mut self, tie: usize, up: bool) {
        for arc in [2 * tie, 2 * tie + 1] {
            self.left_mw[arc] = if up { self.limit_mw[arc] } else { 0.0 };
        }
    }

    /// Sends surplus to deficits along shortest augmenting paths (Edmonds & Karp 1972) until none is left.
    fn share(&mut self, surplus_mw: &mut [f64]) {
        while let Some(deficit) = self.nearest_deficit(surplus_mw) {
            let (mut mw, mut at) = (-surplus_mw[deficit], deficit);
            while let Some((from, arc)) = self.reached_by[at] {
                mw = mw.min(self.left_mw[arc]);
                at = from;
            }
            mw = mw.min(surplus_mw[at]);
            surplus_mw[at] -= mw;
            surplus_mw[deficit] += mw;
            at = deficit;
            while let Some((from, arc)) = self.reached_by[at] {
                self.left_mw[arc] -= mw;
                self.left_mw[arc ^ 1] += mw;
                at = from;
            }
        }
    }

    /// Breadth-first search from all areas with a surplus.
    fn nearest_deficit(&mut self, surplus_mw: &[f64]) -> Option<usize> {
        self.reached_by.fill(None);
        self.queue.clear();
        self.queue.extend((0..surplus_mw.len()).filter(|&area| surplus_mw[area] > TOLERANCE_MW));
        while let Some(area) = self.queue.pop_front() {
            if surplus_mw[area] < -TOLERANCE_MW {
                return Some(area);
            }
            for &(to, arc) in &self.arcs[area] {
                let new = surplus_mw[to] <= TOLERANCE_MW && self.reached_by[to].is_none();
                if new && self.left_mw[arc] > TOLERANCE_MW {
                    self.reached_by[to] = Some((area, arc));
                    self.queue.push_back(to);
                }
            }
        }
        None
    }
}
