//! A network as outages change it: what is in service, its islands, what units produce and buses take, and the flows.
//!
//! Arrays by "place" are in the order in which the factor eliminates buses, so that solving moves nothing. Everything is allocated once.

use std::sync::Arc;

use crate::case::{BusKind, Case};
use crate::factor::{Dirty, Factor, Singular};
use crate::flow::{Convention, DcNetwork, Islands};
use crate::topology::Splitter;

/// A unit in service at the start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unit {
    pub row: u32,
    pub place: u32,
    /// Output of the start \[MW\].
    pub output_mw: f64,
    pub capacity_mw: f64,
    /// What a dispatchable load takes, as part of the load of its bus \[MW\].
    pub load_mw: f64,
}

/// Which state an outage meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// Every unit produces the same share of its capacity; positive demand only; no shunts, no DC lines (DC-Cascade v1).
    SharedCapacity,
    /// The operating point of the file, the imbalance at the slack as MATPOWER has it.
    File,
}

/// The undisturbed network; shared by all threads.
#[derive(Debug)]
pub(crate) struct Base {
    pub network: DcNetwork,
    pub factor: Factor,
    pub islands: Islands,
    /// Island by place; [`Islands::NONE`] outside the network.
    island: Vec<u32>,
    pub units: Vec<Unit>,
    /// Position in `units` of each row of the case, or `u32::MAX`.
    pub unit_of_row: Vec<u32>,
    /// Load, generation that cannot be controlled, and the part of the load that is AI, by place \[MW\].
    pub load: Vec<f64>,
    pub must_run: Vec<f64>,
    pub ai: Vec<f64>,
    shifts: bool,
    indefinite: bool,
    /// The units cannot serve the load of the start.
    short: bool,
}

impl Base {
    /// `ai_mw`: the part of each bus's demand that is AI load; empty for none.
    pub fn new(case: &Case, convention: Convention, start: Start, ai_mw: &[f64]) -> Result<Self, Singular> {
        let network = DcNetwork::new(case, convention);
        let islands = network.islands(&network.susceptance_mw);
        let factor = Factor::new(&network, &islands)?;
        let n = network.buses;
        let position = &factor.pattern().position;
        let mut island = vec![Islands::NONE; n];
        for (bus, &of) in islands.of.iter().enumerate() {
            island[position[bus] as usize] = of;
        }
        let mut this = Self {
            island,
            units: Vec::new(),
            unit_of_row: vec![u32::MAX; case.generators.len()],
            load: vec![0.0; n],
            must_run: vec![0.0; n],
            ai: vec![0.0; n],
            shifts: network.shift_mw.iter().any(|&shift| shift != 0.0),
            indefinite: network.susceptance_mw.iter().any(|&b| b < 0.0),
            short: false,
            factor,
            islands,
            network,
        };
        this.place_demand(case, start, ai_mw);
        this.place_units(case, start);
        Ok(this)
    }

    fn place_demand(&mut self, case: &Case, start: Start, ai_mw: &[f64]) {
        let position = &self.factor.pattern().position;
        let mut take = |bus: usize, mw: f64| {
            let place = position[bus] as usize;
            if self.island[place] != Islands::NONE && mw.is_finite() {
                let side = if mw >= 0.0 { &mut self.load } else { &mut self.must_run };
                side[place] += mw.abs();
            }
        };
        for (bus, row) in case.buses.iter().enumerate() {
            match start {
                Start::SharedCapacity => take(bus, row.demand_mw.max(0.0)),
                Start::File => {
                    take(bus, row.demand_mw);
                    take(bus, row.shunt_mw);
                }
            }
        }
        if start == Start::File {
            for line in case.dc_lines.iter().filter(|line| line.in_service) {
                take(line.from, line.flow_mw);
                take(line.to, line.loss_mw + line.loss_share * line.flow_mw - line.flow_mw);
            }
        }
        for (bus, (&ai, row)) in ai_mw.iter().zip(&case.buses).enumerate() {
            let place = position[bus] as usize;
            if self.island[place] != Islands::NONE {
                // `max` before `min`: a NaN is no load.
                self.ai[place] = ai.max(0.0).min(row.demand_mw.max(0.0));
            }
        }
    }

    fn place_units(&mut self, case: &Case, start: Start) {
        let position = &self.factor.pattern().position;
        for (row, unit) in case.generators.iter().enumerate() {
            let place = position[unit.bus];
            if !unit.in_service || case.buses[unit.bus].kind == BusKind::Isolated {
                continue;
            }
            self.unit_of_row[row] = self.units.len() as u32;
            let output_mw = if start == Start::File && unit.output_mw.is_finite() { unit.output_mw } else { 0.0 };
            let capacity_mw = if unit.max_mw.is_finite() { unit.max_mw.max(0.0) } else { 0.0 };
            self.units.push(Unit { row: row as u32, place, output_mw, capacity_mw, load_mw: 0.0 });
        }
        match start {
            Start::SharedCapacity => {
                let (load, capacity): (f64, f64) = (self.load.iter().sum(), self.units.iter().map(|unit| unit.capacity_mw).sum());
                self.short = capacity < load;
                let share = if capacity > 0.0 { (load / capacity).min(1.0) } else { 0.0 };
                self.units.iter_mut().for_each(|unit| unit.output_mw = unit.capacity_mw * share);
            }
            Start::File => {
                // The slack of every island takes its imbalance: the first unit there, else the bus itself.
                let mut missing = vec![0.0; self.islands.count()];
                for (place, &island) in self.island.iter().enumerate() {
                    if island != Islands::NONE {
                        missing[island as usize] += self.load[place] - self.must_run[place];
                    }
                }
                self.units.iter().for_each(|unit| missing[self.island[unit.place as usize] as usize] -= unit.output_mw);
                for (&slack, &missing) in self.islands.slack.iter().zip(&missing) {
                    let place = position[slack as usize];
                    match self.units.iter_mut().find(|unit| unit.place == place) {
                        Some(unit) => unit.output_mw += missing,
                        None if missing > 0.0 => self.must_run[place as usize] += missing,
                        None => self.load[place as usize] -= missing,
                    }
                }
                for unit in &mut self.units {
                    // A dispatchable load. A unit that the slack's imbalance drives below zero stays one: it has all its headroom.
                    if unit.output_mw < 0.0 && unit.capacity_mw <= 0.0 {
                        unit.load_mw = -unit.output_mw;
                        self.load[unit.place as usize] += unit.load_mw;
                        unit.output_mw = 0.0;
                    }
                    unit.capacity_mw = unit.capacity_mw.max(unit.output_mw);
                }
            }
        }
    }
}

/// What an outage has made of a [`Base`].
#[derive(Clone, Debug)]
pub(crate) struct State {
    base: Arc<Base>,
    factor: Factor,
    dirty: Dirty,
    splitter: Splitter,
    /// By branch; 0 when out \[MW/rad\].
    pub susceptance: Vec<f64>,
    shift: Vec<f64>,
    /// By place.
    pub island: Vec<u32>,
    pub islands: u32,
    /// By unit \[MW\]; of a unit that is out both are 0.
    pub output: Vec<f64>,
    pub capacity: Vec<f64>,
    /// By place \[MW\].
    pub load: Vec<f64>,
    pub ai: Vec<f64>,
    pub must_run: Vec<f64>,
    injection: Vec<f64>,
    angle: Vec<f64>,
    residual: Vec<f64>,
    /// By branch \[MW\].
    pub flow: Vec<f64>,
    /// By island: load − uncontrolled generation, output, capacity, and the factors that balance it.
    sums: Vec<Balance>,
    gone: Vec<u32>,
    pins: Vec<u32>,
    last: Vec<u32>,
    unit_out: Vec<bool>,
    /// Injections or islands have changed since they were balanced.
    pub unbalanced: bool,
    /// No pivot was rounding noise.
    pub sound: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Balance {
    load: f64,
    must_run: f64,
    output: f64,
    capacity: f64,
    /// New output = `output_share` · output + `headroom_share` · (capacity − output).
    output_share: f64,
    headroom_share: f64,
    load_share: f64,
    must_run_share: f64,
}

impl State {
    pub fn new(base: &Arc<Base>) -> Self {
        let (n, m) = (base.network.buses, base.network.ends.len());
        let mut this = Self {
            base: Arc::clone(base),
            factor: base.factor.clone(),
            dirty: Dirty::new(n),
            splitter: Splitter::new(n),
            susceptance: base.network.susceptance_mw.clone(),
            shift: base.network.shift_mw.clone(),
            island: base.island.clone(),
            islands: base.islands.count() as u32,
            output: vec![0.0; base.units.len()],
            capacity: vec![0.0; base.units.len()],
            load: vec![0.0; n],
            ai: vec![0.0; n],
            must_run: vec![0.0; n],
            injection: vec![0.0; n],
            angle: vec![0.0; n],
            residual: vec![0.0; n],
            flow: vec![0.0; m],
            sums: Vec::with_capacity(n),
            gone: Vec::with_capacity(m),
            pins: Vec::with_capacity(n),
            last: Vec::with_capacity(n),
            unit_out: vec![false; base.units.len()],
            unbalanced: true,
            sound: true,
        };
        this.reset();
        this
    }

    pub fn base(&self) -> &Arc<Base> {
        &self.base
    }

    /// Puts everything back into service.
    pub fn reset(&mut self) {
        let base = &*self.base;
        self.factor.restore(&base.factor, &mut self.dirty);
        self.susceptance.copy_from_slice(&base.network.susceptance_mw);
        self.shift.copy_from_slice(&base.network.shift_mw);
        self.island.copy_from_slice(&base.island);
        self.islands = base.islands.count() as u32;
        for ((output, capacity), unit) in self.output.iter_mut().zip(&mut self.capacity).zip(&base.units) {
            (*output, *capacity) = (unit.output_mw, unit.capacity_mw);
        }
        self.load.copy_from_slice(&base.load);
        self.ai.copy_from_slice(&base.ai);
        self.must_run.copy_from_slice(&base.must_run);
        self.unit_out.fill(false);
        // Islands of the start need not balance one by one, and a network with too little capacity cannot.
        self.unbalanced = self.islands > 1 || base.short;
        self.sound = true;
        self.inject();
    }

    /// Takes branches (rows) out of service; those out already, and rows that do not exist, change nothing.
    pub fn take_branches(&mut self, rows: &[u32]) {
        self.gone.clear();
        for &row in rows {
            if let Some(b) = self.susceptance.get_mut(row as usize)
                && *b != 0.0
            {
                *b = 0.0;
                self.shift[row as usize] = 0.0;
                self.gone.push(row);
            }
        }
        if self.gone.is_empty() {
            return;
        }
        let pattern = self.factor.pattern();
        let before = self.islands;
        let out = (&self.gone[..], &pattern.ends[..], &self.susceptance[..]);
        self.splitter.split(&pattern.adjacency, out, &mut self.island, &mut self.islands);
        self.pins.clear();
        if self.islands != before {
            self.unbalanced = true;
            self.last.clear();
            self.last.resize(self.islands as usize, 0);
            for (place, &island) in self.island.iter().enumerate() {
                if island != Islands::NONE {
                    self.last[island as usize] = place as u32;
                }
            }
            self.pins.extend_from_slice(&self.last);
        }
        self.sound &= self.factor.update(&self.susceptance, &self.gone, &self.pins, &mut self.dirty);
    }

    /// Takes units (rows of the case) out of service; those out already, and rows that do not exist, change nothing.
    pub fn take_units(&mut self, rows: &[u32]) {
        for &row in rows {
            let unit = self.base.unit_of_row.get(row as usize).copied().unwrap_or(u32::MAX) as usize;
            if unit < self.unit_out.len() && !self.unit_out[unit] {
                self.unit_out[unit] = true;
                (self.output[unit], self.capacity[unit]) = (0.0, 0.0);
                let Unit { place, load_mw, .. } = self.base.units[unit];
                if load_mw > 0.0 {
                    // Rounding must not leave a negative load.
                    let load = &mut self.load[place as usize];
                    *load = (*load - load_mw).max(0.0);
                }
                self.unbalanced = true;
            }
        }
    }

    /// Balances every island: too much generation is scaled down in proportion (uncontrolled generation only when that is not enough);
    /// too little is raised in proportion to headroom, and loads are scaled down when that is not enough. True if a load has changed.
    pub fn balance(&mut self) -> bool {
        if !std::mem::take(&mut self.unbalanced) {
            return false;
        }
        self.sums.clear();
        self.sums.resize(self.islands as usize, Balance::default());
        for (place, &island) in self.island.iter().enumerate() {
            if island != Islands::NONE {
                let sum = &mut self.sums[island as usize];
                sum.load += self.load[place];
                sum.must_run += self.must_run[place];
            }
        }
        for (index, unit) in self.base.units.iter().enumerate() {
            let sum = &mut self.sums[self.island[unit.place as usize] as usize];
            sum.output += self.output[index];
            sum.capacity += self.capacity[index];
        }
        let mut shed = false;
        for sum in &mut self.sums {
            sum.solve();
            shed |= sum.load_share != 1.0;
        }
        for (index, unit) in self.base.units.iter().enumerate() {
            let sum = &self.sums[self.island[unit.place as usize] as usize];
            let output = self.output[index];
            self.output[index] = sum.output_share * output + sum.headroom_share * (self.capacity[index] - output);
        }
        for (place, &island) in self.island.iter().enumerate() {
            if island != Islands::NONE {
                let sum = &self.sums[island as usize];
                self.load[place] *= sum.load_share;
                self.ai[place] *= sum.load_share;
                self.must_run[place] *= sum.must_run_share;
            }
        }
        self.inject();
        shed
    }

    /// Takes a unit out and lets the slack of its island produce what it did, whatever the capacity there.
    pub fn shift_to_slack(&mut self, unit: &Unit) {
        let base = &*self.base;
        let slack = base.islands.slack[base.island[unit.place as usize] as usize];
        // What a dispatchable load takes is a negative output.
        let moved = unit.output_mw - unit.load_mw;
        self.injection[unit.place as usize] -= moved;
        self.injection[base.factor.pattern().position[slack as usize] as usize] += moved;
    }

    /// Load of the start that is not served \[MW\].
    pub fn shed_mw(&self) -> f64 {
        self.base.load.iter().zip(&self.load).map(|(start, now)| start - now).sum()
    }

    /// The AI load among it \[MW\].
    pub fn ai_shed_mw(&self) -> f64 {
        self.base.ai.iter().zip(&self.ai).map(|(start, now)| start - now).sum()
    }

    /// How the flow of a branch, times `sign`, answers to an injection at each place, up to a constant by island.
    pub fn sensitivity(&mut self, row: usize, sign: f64, out: &mut [f64]) {
        out.fill(0.0);
        let (from, to) = self.factor.pattern().ends[row];
        out[from as usize] += sign * self.susceptance[row];
        out[to as usize] -= sign * self.susceptance[row];
        self.factor.solve_ordered(out);
    }

    /// Injections follow from outputs and loads.
    pub fn inject(&mut self) {
        for ((injection, load), must_run) in self.injection.iter_mut().zip(&self.load).zip(&self.must_run) {
            *injection = must_run - load;
        }
        for (unit, output) in self.base.units.iter().zip(&self.output) {
            self.injection[unit.place as usize] += output;
        }
    }

    /// Solves for the flows.
    pub fn solve(&mut self) {
        let base = Arc::clone(&self.base);
        let ends = &self.factor.pattern().ends;
        self.angle.copy_from_slice(&self.injection);
        if base.shifts {
            for (&(from, to), &shift) in ends.iter().zip(&self.shift) {
                self.angle[from as usize] -= shift;
                self.angle[to as usize] += shift;
            }
        }
        if base.indefinite {
            self.residual.copy_from_slice(&self.angle);
        }
        self.factor.solve_ordered(&mut self.angle);
        if base.indefinite {
            // One step of iterative refinement, since the factor is not pivoted.
            for (&(from, to), &b) in ends.iter().zip(&self.susceptance) {
                let flow = b * (self.angle[from as usize] - self.angle[to as usize]);
                self.residual[from as usize] -= flow;
                self.residual[to as usize] += flow;
            }
            self.factor.solve_ordered(&mut self.residual);
            self.angle.iter_mut().zip(&self.residual).for_each(|(angle, step)| *angle += step);
        }
        for ((flow, &(from, to)), &b) in self.flow.iter_mut().zip(ends).zip(&self.susceptance) {
            *flow = b * (self.angle[from as usize] - self.angle[to as usize]);
        }
        if base.shifts {
            self.flow.iter_mut().zip(&self.shift).for_each(|(flow, shift)| *flow += shift);
        }
    }

    /// Largest difference, over the islands, of generation and load \[MW\]: zero but for rounding after [`Self::balance`].
    pub fn imbalance_mw(&self) -> f64 {
        let mut sums = vec![0.0; self.islands as usize];
        for (place, &island) in self.island.iter().enumerate() {
            if island != Islands::NONE {
                sums[island as usize] += self.injection[place];
            }
        }
        sums.into_iter().fold(0.0, |most: f64, sum: f64| most.max(sum.abs()))
    }
}

impl Balance {
    fn solve(&mut self) {
        (self.output_share, self.headroom_share, self.load_share, self.must_run_share) = (1.0, 0.0, 1.0, 1.0);
        let needed = self.load - self.must_run;
        if needed < 0.0 {
            self.output_share = 0.0;
            self.must_run_share = self.load / self.must_run;
        } else if self.output > needed {
            self.output_share = needed / self.output;
        } else if self.output < needed {
            let headroom = self.capacity - self.output;
            let missing = needed - self.output;
            if headroom >= missing && headroom > 0.0 {
                self.headroom_share = missing / headroom;
            } else {
                self.headroom_share = 1.0;
                self.load_share = (self.capacity + self.must_run) / self.load;
            }
        }
    }
}
