//! Black start: in which order a dead network comes back.
//!
//! A deterministic planner in steps of one minute, after the build-up strategy of restoration plans (Adibi & Fink 1994). Black-start
//! units come up by themselves. From every energised island one switching crew closes branches along the cranking path, shortest by
//! the sum of |x|, to the nearest unit that waits for start-up power; when no unit can be helped, to the nearest dead bus. A unit on line
//! raises its capability by its ramp. Start-up power is reserved first; what is left of an island's capability serves the loads at its
//! live buses, highest priority first. Islands that meet are synchronised. Load once served stays served. Flows are not checked: a path
//! carries little while the network comes back.

mod zone;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::case::{BusKind, Case};
use crate::topology::Adjacency;
pub use zone::ZoneRestoration;

/// Power below this is rounding \[MW\].
const ROUNDING: f64 = 1e-9;

/// Rules of a [`restoration`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RestorationRules {
    /// Start-up power of a unit that cannot start by itself, as a share of its capacity -- constant. Auxiliaries of thermal units
    /// take 5 to 10 %.
    pub start_up_share: f64,
    /// Minutes from start-up power to the first megawatt, and from zero for a black-start unit -- constant.
    pub start_minutes: u32,
    /// What a unit on line adds to its capability in a minute, as a share of its capacity -- constant.
    pub ramp_share_per_minute: f64,
    /// Minutes to close a branch -- constant; at least 1.
    pub switching_minutes: u32,
    /// When the plan ends, finished or not \[min\] -- constant.
    pub horizon_minutes: u32,
}

impl Default for RestorationRules {
    fn default() -> Self {
        Self { start_up_share: 0.07, start_minutes: 30, ramp_share_per_minute: 0.02, switching_minutes: 5, horizon_minutes: 48 * 60 }
    }
}

/// An action of a restoration, rows and buses by their position in the case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RestorationAction {
    /// A bus is live: by a branch, or by the black-start unit there.
    Energise {
        /// The bus.
        bus: u32,
        /// The branch that was closed; none at a black-start unit.
        branch: Option<u32>,
    },
    /// A branch between live islands is closed: they are one from now on.
    Synchronise {
        /// The branch.
        branch: u32,
    },
    /// A unit takes start-up power.
    StartUnit {
        /// Row of the unit.
        unit: u32,
    },
    /// A unit can produce.
    UnitOnLine {
        /// Row of the unit.
        unit: u32,
    },
    /// More of the load of a bus is served.
    PickUp {
        /// The bus.
        bus: u32,
        /// How much more \[MW\].
        mw: f64,
    },
}

/// A restoration plan and its time line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Restoration {
    /// Actions: (minute, what), in order -- output.
    pub actions: Vec<(u32, RestorationAction)>,
    /// By minute from 0: load served \[MW\] -- output.
    pub served_mw: Vec<f64>,
    /// By minute from 0: capability of the units on line \[MW\] -- output.
    pub capability_mw: Vec<f64>,
    /// Positive demand of the network \[MW\] -- output.
    pub load_mw: f64,
}

impl Restoration {
    /// First minute at which this share of the load is served.
    #[must_use]
    pub fn minutes_to(&self, share: f64) -> Option<u32> {
        let goal = share * self.load_mw;
        // Rounding of a sum is no lack of load.
        self.served_mw.iter().position(|served| *served >= goal * (1.0 - 1e-9)).map(|minute| minute as u32)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Cold,
    Starting { ready: u32 },
    OnLine { since: u32 },
}

struct Plan<'a> {
    case: &'a Case,
    rules: RestorationRules,
    adjacency: Adjacency,
    /// By branch: whether it can be closed.
    usable: Vec<bool>,
    /// By bus: the island that has it live.
    island: Vec<Option<u32>>,
    phase: Vec<Phase>,
    served: Vec<f64>,
    order: Vec<u32>,
    /// By island: the path its crew closes, last branch first, and the minute at which the next one is closed.
    crew: Vec<(Vec<u32>, u32)>,
    out: Restoration,
}

/// Plans the restoration of a dead network.
///
/// `black_start` are rows of units that start by themselves; `priority` by bus says which load comes first (higher first, then in file
/// order; empty for file order). Branches, units and buses out of service in the case stay out.
#[must_use]
pub fn restoration(case: &Case, black_start: &[u32], priority: &[f64], rules: RestorationRules) -> Restoration {
    let rules = RestorationRules { switching_minutes: rules.switching_minutes.max(1), ..rules };
    let connected = |bus: usize| case.buses[bus].kind != BusKind::Isolated;
    let ends: Vec<(u32, u32)> = case.branches.iter().map(|branch| (branch.from as u32, branch.to as u32)).collect();
    let mut order: Vec<u32> = (0..case.buses.len() as u32).filter(|&bus| demand(case, bus) > 0.0).collect();
    let wish = |bus: u32| priority.get(bus as usize).copied().unwrap_or(0.0);
    order.sort_by(|&a, &b| wish(b).total_cmp(&wish(a)));
    let mut plan = Plan {
        case,
        rules,
        adjacency: Adjacency::new(case.buses.len(), &ends),
        usable: case.branches.iter().map(|branch| branch.in_service && connected(branch.from) && connected(branch.to)).collect(),
        island: vec![None; case.buses.len()],
        phase: vec![Phase::Cold; case.generators.len()],
        served: vec![0.0; case.buses.len()],
        out: Restoration { load_mw: order.iter().map(|&bus| demand(case, bus)).sum(), ..Restoration::default() },
        order,
        crew: Vec::new(),
    };
    for &unit in black_start {
        if plan.can_run(unit as usize) && plan.phase[unit as usize] == Phase::Cold {
            plan.phase[unit as usize] = Phase::Starting { ready: rules.start_minutes };
            plan.out.actions.push((0, RestorationAction::StartUnit { unit }));
        }
    }
    for minute in 0..=rules.horizon_minutes {
        let active = plan.minute(minute);
        plan.note(minute);
        if !active {
            break;
        }
    }
    plan.out
}

fn demand(case: &Case, bus: u32) -> f64 {
    let bus = &case.buses[bus as usize];
    if bus.kind == BusKind::Isolated || !bus.demand_mw.is_finite() { 0.0 } else { bus.demand_mw.max(0.0) }
}

impl Plan<'_> {
    fn can_run(&self, unit: usize) -> bool {
        self.case.generators.get(unit).is_some_and(|unit| {
            unit.in_service && unit.max_mw > 0.0 && unit.max_mw.is_finite() && self.case.buses[unit.bus].kind != BusKind::Isolated
        })
    }

    fn start_up_mw(&self, unit: usize) -> f64 {
        self.rules.start_up_share * self.case.generators[unit].max_mw
    }

    /// What happens in a minute. False when nothing can happen any more.
    fn minute(&mut self, now: u32) -> bool {
        let mut waiting = false;
        for unit in 0..self.phase.len() {
            if let Phase::Starting { ready } = self.phase[unit] {
                if ready > now {
                    waiting = true;
                    continue;
                }
                self.phase[unit] = Phase::OnLine { since: now };
                self.out.actions.push((now, RestorationAction::UnitOnLine { unit: unit as u32 }));
                let bus = self.case.generators[unit].bus;
                if self.island[bus].is_none() {
                    self.island[bus] = Some(self.crew.len() as u32);
                    self.crew.push((Vec::new(), 0));
                    self.out.actions.push((now, RestorationAction::Energise { bus: bus as u32, branch: None }));
                }
            }
        }
        for island in 0..self.crew.len() as u32 {
            self.close(island, now);
        }
        let mut ramping = false;
        for island in 0..self.crew.len() as u32 {
            let (mut free, limit) = self.free_mw(island, now);
            ramping |= limit > free + ROUNDING;
            for unit in 0..self.phase.len() {
                let need = self.start_up_mw(unit);
                if self.phase[unit] == Phase::Cold && self.can_run(unit) && self.at(unit) == Some(island) && need <= free + ROUNDING {
                    self.phase[unit] = Phase::Starting { ready: now + self.rules.start_minutes };
                    self.out.actions.push((now, RestorationAction::StartUnit { unit: unit as u32 }));
                    free -= need;
                    waiting = true;
                }
            }
            // Units that wait for start-up power come before loads.
            let wanted = (0..self.phase.len())
                .filter(|&unit| self.phase[unit] == Phase::Cold && self.can_run(unit) && self.at(unit) == Some(island))
                .map(|unit| self.start_up_mw(unit));
            let reserved = wanted.fold(f64::INFINITY, f64::min);
            // Only what will become enough is worth waiting for.
            let keep = if reserved <= limit + ROUNDING { reserved } else { 0.0 };
            waiting |= keep > 0.0;
            free -= keep;
            for index in 0..self.order.len() {
                let bus = self.order[index];
                let more = (demand(self.case, bus) - self.served[bus as usize]).min(free);
                if self.island[bus as usize] == Some(island) && more > ROUNDING {
                    self.served[bus as usize] += more;
                    free -= more;
                    self.out.actions.push((now, RestorationAction::PickUp { bus, mw: more }));
                }
            }
            if self.crew[island as usize].0.is_empty() {
                self.send(island, now, limit);
            }
            waiting |= !self.crew[island as usize].0.is_empty();
        }
        waiting || (ramping && self.load_waits())
    }

    fn at(&self, unit: usize) -> Option<u32> {
        self.island[self.case.generators[unit].bus]
    }

    fn load_waits(&self) -> bool {
        self.order.iter().any(|&bus| self.island[bus as usize].is_some() && demand(self.case, bus) - self.served[bus as usize] > ROUNDING)
    }

    /// Capability of an island that is not used: now, and when all its units on line or starting have ramped up \[MW\].
    fn free_mw(&self, island: u32, now: u32) -> (f64, f64) {
        let (mut free, mut limit) = (0.0, 0.0);
        for (unit, phase) in self.phase.iter().enumerate() {
            if self.at(unit) != Some(island) {
                continue;
            }
            let capacity = self.case.generators[unit].max_mw;
            match *phase {
                Phase::Cold => {}
                Phase::Starting { .. } => {
                    free -= self.start_up_mw(unit);
                    limit += capacity;
                }
                Phase::OnLine { since } => {
                    free += (self.rules.ramp_share_per_minute * f64::from(now - since)).min(1.0) * capacity;
                    limit += capacity;
                }
            }
        }
        let used: f64 = (0..self.served.len()).filter(|&bus| self.island[bus] == Some(island)).map(|bus| self.served[bus]).sum();
        (free - used, limit - used)
    }

    /// Closes the branch that is due.
    fn close(&mut self, island: u32, now: u32) {
        let (path, due) = &mut self.crew[island as usize];
        if path.is_empty() || *due > now {
            return;
        }
        let Some(branch) = path.pop() else { return };
        *due = now + self.rules.switching_minutes;
        let row = &self.case.branches[branch as usize];
        match (self.island[row.from], self.island[row.to]) {
            (Some(from), Some(to)) if from != to => {
                // The lower number stays; the crew of the other one is done.
                let (keep, drop) = (from.min(to), from.max(to));
                self.island.iter_mut().filter(|of| **of == Some(drop)).for_each(|of| *of = Some(keep));
                self.crew[drop as usize].0.clear();
                self.crew[keep as usize].0.clear();
                self.out.actions.push((now, RestorationAction::Synchronise { branch }));
            }
            (Some(of), None) => self.energise(row.to, of, branch, now),
            (None, Some(of)) => self.energise(row.from, of, branch, now),
            // Another crew was there first.
            _ => {}
        }
    }

    fn energise(&mut self, bus: usize, island: u32, branch: u32, now: u32) {
        self.island[bus] = Some(island);
        self.out.actions.push((now, RestorationAction::Energise { bus: bus as u32, branch: Some(branch) }));
    }

    /// Gives the crew of an island its next path: to the nearest unit that it can start, else to the nearest dead bus.
    fn send(&mut self, island: u32, now: u32, limit: f64) {
        if !self.island.contains(&Some(island)) {
            return;
        }
        let n = self.island.len();
        let (mut distance, mut by) = (vec![f64::INFINITY; n], vec![u32::MAX; n]);
        // Distances are not negative, so their bits are in order.
        let mut queue = BinaryHeap::new();
        for (bus, distance) in distance.iter_mut().enumerate() {
            if self.island[bus] == Some(island) {
                *distance = 0.0;
                queue.push(Reverse((0u64, bus as u32)));
            }
        }
        let mut startable = vec![false; n];
        for unit in 0..self.phase.len() {
            if self.phase[unit] == Phase::Cold && self.can_run(unit) && self.start_up_mw(unit) <= limit + ROUNDING {
                startable[self.case.generators[unit].bus] = true;
            }
        }
        let (mut unit_bus, mut dead_bus) = (None, None);
        while let Some(Reverse((bits, bus))) = queue.pop() {
            if f64::from_bits(bits) > distance[bus as usize] {
                continue;
            }
            if self.island[bus as usize] != Some(island) {
                dead_bus = dead_bus.or(Some(bus));
                if startable[bus as usize] {
                    unit_bus = Some(bus);
                    break;
                }
            }
            for &(branch, other) in self.adjacency.at(bus) {
                let x = self.case.branches[branch as usize].reactance_pu.abs();
                let through = distance[bus as usize] + if x.is_finite() { x } else { 0.0 };
                if self.usable[branch as usize] && through < distance[other as usize] {
                    distance[other as usize] = through;
                    by[other as usize] = branch;
                    queue.push(Reverse((through.to_bits(), other)));
                }
            }
        }
        let mut path = Vec::new();
        let mut bus = unit_bus.or(dead_bus);
        while let Some(here) = bus
            && by[here as usize] != u32::MAX
        {
            let branch = by[here as usize];
            path.push(branch);
            let row = &self.case.branches[branch as usize];
            bus = Some(if row.to == here as usize { row.from } else { row.to } as u32);
        }
        self.crew[island as usize] = (path, now + self.rules.switching_minutes);
    }

    fn note(&mut self, now: u32) {
        self.out.served_mw.push(self.served.iter().sum());
        let capability = self.phase.iter().enumerate().map(|(unit, phase)| match *phase {
            Phase::OnLine { since } => {
                (self.rules.ramp_share_per_minute * f64::from(now - since)).min(1.0) * self.case.generators[unit].max_mw
            }
            Phase::Cold | Phase::Starting { .. } => 0.0,
        });
        self.out.capability_mw.push(capability.sum());
    }
}
