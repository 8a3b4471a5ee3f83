//! The grid: units, lines, storage, dispatch, energy.
//!
//! Dispatch is solved at each hour and whenever a unit, a line or a site changes its state; in between all powers are constant, so energy
//! is power times time, exactly. AI load is what the sites ask for at a dispatch; what services shift between sites within
//! the hour shows at the next one.
//!
//! Not solved again: an hour in which no input differs, and a unit that fails or returns while its class is not at its limit, before
//! or after. The old answer is then still feasible and optimal: a limit that does not bind carries no price. Kirchhoff's laws do not change that:
//! they are rows of the same linear programme, and what a class can generate is a limit of a single variable in it. A line that leaves or
//! returns changes those rows, and is always solved again.
//!
//! With AC lines, which of several equally cheap answers is given may depend on what was solved before; each history begins without a
//! memory, so that it still depends on nothing but its own course.
//!
//! Units of a class fail as nodes do (see `fleet`): by thinning, each with its own repair. All units are up at the start. Storage offers
//! what it holds over the next hour above `sell_above`, and takes what it has room for over the next hour below `buy_below`.
//!
//! The carbon intensity at a bus is that of what is generated and imported there, traced through the flows by proportional sharing
//! (Bialek 1996, "Tracing the flow of electricity"); what storage gives back carries the mix of its bus.

use bastide_engine::Stream;
use bastide_grid::Dispatch;
use bastide_units::{Duration, Time};

use super::{CLASS_FAILURE, CLASS_RETURN, Event, Outage, World};
use crate::setup::{GridDispatcher, Setup, entity_key};

/// Less than this is rounding \[MW\].
const TINY_MW: f64 = 1e-6;
/// Sweeps beyond one for each bus for which carbon is followed around loops.
const CIRCULATING: usize = 200;

pub(crate) struct Grid {
    pub(super) dispatcher: GridDispatcher,
    pub(super) out: Dispatch,
    pub(super) available: Vec<f64>,
    pub(super) demand: Vec<f64>,
    pub(super) forward: Vec<f64>,
    pub(super) reverse: Vec<f64>,
    since: Time,
    solved: bool,
    /// Units in service of each class.
    units: Vec<u32>,
    /// Things that hold all units of a class out.
    units_held: Vec<u32>,
    unit_streams: Vec<Stream>,
    /// Available power of one unit in this hour \[MW\].
    unit_mw: Vec<f64>,
    pub lines: Vec<Outage>,
    pub buses: Vec<Outage>,
    line_streams: Vec<Stream>,
    /// Energy in each storage \[MWh\].
    stored: Vec<f64>,
    /// Price of energy at each bus in this hour [EUR/MWh].
    energy_price: Vec<f64>,
    /// Carbon intensity at each bus [kg/MWh].
    carbon: Vec<f64>,
    own_mw: Vec<f64>,
    own_kg_per_h: Vec<f64>,
    /// Outages of units that hazards caused: until when, of which class, and the event.
    hit_units: Vec<(Time, usize, u64)>,
    /// Lines and buses that are out.
    lines_out: u32,
    pub sums: GridSums,
}

/// Integrals over time.
pub(crate) struct GridSums {
    pub generated_mwh: f64,
    pub discharged_mwh: f64,
    pub charged_mwh: f64,
    pub storage_lost_mwh: f64,
    pub stored_delta_mwh: f64,
    pub demanded_mwh: f64,
    pub served_mwh: f64,
    pub shed_mwh: f64,
    pub others_shed_mwh: f64,
    pub others_shed_h: f64,
    pub ai_shed_mwh: f64,
    pub co2_t: f64,
    pub water_m3: f64,
    pub bus_shed_mwh: Vec<f64>,
    pub bus_shed_h: Vec<f64>,
    pub bus_price_h: Vec<f64>,
    pub site_mwh: Vec<f64>,
    pub site_eur: Vec<f64>,
    pub site_generator_mwh: Vec<f64>,
    bus_shed_mw: Vec<f64>,
}

impl Grid {
    pub(crate) fn new(setup: &Setup, seed: u64, replication: u32) -> Self {
        let model = setup.model;
        let stream = |kind: &str, name: &str| Stream::new(seed, replication, entity_key(kind, name, "outage"));
        let (buses, sites) = (model.buses.len(), model.sites.len());
        Self {
            dispatcher: setup.dispatcher.fresh(),
            out: Dispatch::default(),
            available: vec![0.0; model.generators.len() + model.storages.len()],
            demand: vec![0.0; setup.storage_load + model.storages.len()],
            forward: model.lines.iter().map(|line| line.capacity.as_mw()).collect(),
            reverse: model.lines.iter().map(|line| line.reverse_capacity.as_mw()).collect(),
            since: Time::ZERO,
            solved: false,
            units: model.generators.iter().map(|g| g.units).collect(),
            units_held: vec![0; model.generators.len()],
            unit_streams: model.generators.iter().map(|g| stream("generator", &g.entity.name)).collect(),
            unit_mw: vec![0.0; model.generators.len()],
            lines: vec![Outage::default(); model.lines.len()],
            buses: vec![Outage::default(); buses],
            line_streams: model.lines.iter().map(|line| stream("line", &line.entity.name)).collect(),
            stored: model.storages.iter().map(|s| s.energy.as_mwh() * s.initial).collect(),
            energy_price: vec![0.0; buses],
            carbon: vec![0.0; buses],
            own_mw: vec![0.0; buses],
            own_kg_per_h: vec![0.0; buses],
            hit_units: Vec::new(),
            lines_out: 0,
            sums: GridSums {
                generated_mwh: 0.0,
                discharged_mwh: 0.0,
                charged_mwh: 0.0,
                storage_lost_mwh: 0.0,
                stored_delta_mwh: 0.0,
                demanded_mwh: 0.0,
                served_mwh: 0.0,
                shed_mwh: 0.0,
                others_shed_mwh: 0.0,
                others_shed_h: 0.0,
                ai_shed_mwh: 0.0,
                co2_t: 0.0,
                water_m3: 0.0,
                bus_shed_mwh: vec![0.0; buses],
                bus_shed_h: vec![0.0; buses],
                bus_price_h: vec![0.0; buses],
                site_mwh: vec![0.0; sites],
                site_eur: vec![0.0; sites],
                site_generator_mwh: vec![0.0; sites],
                bus_shed_mw: vec![0.0; buses],
            },
        }
    }

    /// What a shortage of power is put down to: the newest outage of a line, or of a unit that a hazard took out.
    pub(super) fn cause(&self, now: Time) -> Option<u64> {
        let out = || self.lines.iter().chain(&self.buses).filter(|outage| outage.out).filter_map(|outage| outage.seq).max();
        let line = if self.lines_out > 0 { out() } else { None };
        line.max(self.hit_units.iter().filter(|(until, ..)| now < *until).map(|(.., seq)| *seq).max())
    }

    /// Units of a class that can run.
    fn working_units(&self, generator: usize) -> u32 {
        if self.units_held[generator] > 0 { 0 } else { self.units[generator] }
    }

    /// An outage of units that had no end has one now.
    fn forget_hit(&mut self, generator: usize) {
        if let Some(at) = self.hit_units.iter().position(|(until, of, _)| *until == Time::NEVER && *of == generator) {
            self.hit_units.remove(at);
        }
    }

    /// Units of a class in service.
    pub(super) fn units(&self, generator: usize) -> u32 {
        self.units[generator]
    }

    /// Flow over a line at the last dispatch, whatever its direction \[MW\].
    pub(super) fn flow_mw(&self, line: usize) -> f64 {
        self.out.flow_mw.get(line).map_or(0.0, |flow| flow.abs())
    }

    /// Output of a class at the last dispatch \[MW\].
    pub(super) fn output_mw(&self, generator: usize) -> f64 {
        self.out.generation_mw.get(generator).copied().unwrap_or(0.0)
    }

    /// Sets a number; true if it is another one than before.
    fn set(values: &mut [f64], at: usize, value: f64) -> bool {
        let changed = values[at] != value;
        values[at] = value;
        changed
    }

    /// Carbon intensity of each bus by proportional sharing: (own generation + imports) by (own intensity, that of the exporter).
    ///
    /// Flows of the transport model have no cycles in an optimum, nor have those of AC lines without phase shifters, which run from high angles to
    /// low: as many sweeps as buses reach the exact answer. Controllable lines and phase shifters beside AC lines can drive flows around a loop; then each sweep
    /// shrinks the error by the share that circulates, until it is rounding.
    fn trace_carbon(&mut self, setup: &Setup) {
        let model = setup.model;
        self.own_mw.fill(0.0);
        self.own_kg_per_h.fill(0.0);
        for (generator, mw) in model.generators.iter().zip(&self.out.generation_mw) {
            let bus = generator.bus.index();
            self.own_mw[bus] += mw;
            self.own_kg_per_h[bus] += mw * generator.carbon.as_g_per_kwh();
        }
        for _ in 0..model.buses.len() + CIRCULATING {
            let mut moved = false;
            for bus in 0..model.buses.len() {
                let (mut mw, mut kg) = (self.own_mw[bus], self.own_kg_per_h[bus]);
                for (line, &flow) in model.lines.iter().zip(&self.out.flow_mw) {
                    let from = if flow > 0.0 && line.to.index() == bus {
                        line.from
                    } else if flow < 0.0 && line.from.index() == bus {
                        line.to
                    } else {
                        continue;
                    };
                    mw += flow.abs();
                    kg += flow.abs() * self.carbon[from];
                }
                let intensity = if mw > TINY_MW { kg / mw } else { 0.0 };
                moved |= (intensity - self.carbon[bus]).abs() > 1e-9 * intensity;
                self.carbon[bus] = intensity;
            }
            if !moved {
                break;
            }
        }
    }
}

impl World<'_> {
    pub(super) fn begin_grid(&mut self) {
        for generator in 0..self.grid.units.len() {
            self.next_unit_failure(generator);
        }
        for line in 0..self.grid.lines.len() {
            self.next_line_failure(line, Time::ZERO);
        }
    }

    /// What one unit of a class can give now: its series, less heat; nothing at a dead bus \[MW\].
    fn unit_now(&self, generator: usize) -> f64 {
        let class = &self.setup.model.generators[generator];
        if self.grid.buses[class.bus.index()].out {
            return 0.0;
        }
        class.capacity.as_mw() / f64::from(class.units.max(1))
            * self.setup.model.at(class.availability, self.hour)
            * self.heat.generators[generator]
    }

    /// Series of the hour.
    pub(super) fn grid_hour(&mut self) {
        let model = self.setup.model;
        let hour = self.hour;
        let mut changed = !self.grid.solved;
        for at in 0..model.generators.len() {
            let unit = self.unit_now(at);
            let grid = &mut self.grid;
            grid.unit_mw[at] = unit;
            let units = grid.working_units(at);
            changed |= Grid::set(&mut grid.available, at, unit * f64::from(units));
        }
        for (at, load) in model.loads.iter().enumerate() {
            changed |= Grid::set(&mut self.grid.demand, at, model.at(load.power, hour) * 1e-6);
        }
        self.set_energy_prices();
        // Storage has changed with its content; what sites ask for is looked at when services are settled.
        self.dirty.grid |= changed | !model.storages.is_empty();
        self.dirty.needs = true;
    }

    /// Prices of the hour.
    pub(super) fn set_energy_prices(&mut self) {
        let model = self.setup.model;
        for ((price, factor), bus) in self.grid.energy_price.iter_mut().zip(&self.supply.energy_factor).zip(&model.buses) {
            // EUR/J to EUR/MWh.
            *price = model.at(bus.energy_price, self.hour) * 3.6e9 * factor;
        }
    }

    /// Whether any site would now ask for another power than at the last dispatch.
    pub(super) fn needs_changed(&self) -> bool {
        (0..self.sites.len()).any(|site| self.setup.built[site] && self.facility_need(site) != self.sites[site].need_mw)
    }

    /// Solves the dispatch and passes power on to the sites.
    pub(super) fn dispatch(&mut self) {
        self.integrate_grid();
        self.cascade();
        let setup = self.setup;
        let model = setup.model;
        for site in 0..self.sites.len() {
            if setup.built[site] {
                let need = self.facility_need(site);
                self.sites[site].need_mw = need;
                self.grid.demand[setup.site_load[site]] = if self.sites[site].supply_held > 0 { 0.0 } else { need };
            }
        }
        let grid = &mut self.grid;
        for (at, storage) in model.storages.iter().enumerate() {
            let room = storage.energy.as_mwh() - grid.stored[at];
            let power = if grid.buses[storage.bus.index()].out { 0.0 } else { storage.power.as_mw() };
            grid.available[model.generators.len() + at] = power.min(grid.stored[at].max(0.0));
            grid.demand[setup.storage_load + at] = power.min((room / storage.efficiency.max(1e-9)).max(0.0));
        }
        if self.blackouts.limit() {
            self.blackouts.solve(setup, grid, self.now);
        } else {
            grid.dispatcher.solve(&grid.available, &grid.demand, &grid.forward, &grid.reverse, &mut grid.out);
        }
        grid.solved = true;
        grid.trace_carbon(setup);
        self.share_shedding();
        self.note_served();
        let cause = self.grid.cause(self.now);
        for site in 0..self.sites.len() {
            if !setup.built[site] {
                continue;
            }
            let need = self.sites[site].need_mw;
            let mut cause = cause;
            if self.sites[site].supply_held > 0 {
                // It asks in vain, and nobody else goes without for it.
                let load = setup.site_load[site];
                (self.grid.demand[load], self.grid.out.shed_mw[load]) = (need, need);
                cause = self.sites[site].supply_seq.or(cause);
            }
            let shed = self.grid.out.shed_mw[setup.site_load[site]];
            self.sites[site].grid_share = if need > 0.0 { 1.0 - shed / need } else { 1.0 };
            self.power_step(site, self.power_cause(site).or(cause));
        }
    }

    /// Energy, money, carbon and water since the last time.
    pub(super) fn integrate_grid(&mut self) {
        let (from, now) = (self.grid.since, self.now);
        self.grid.since = now;
        if now <= from || !self.grid.solved {
            return;
        }
        let hours = now.since(from).as_h();
        let setup = self.setup;
        let model = setup.model;
        let grid = &mut self.grid;
        let sums = &mut grid.sums;
        let generators = model.generators.len();

        for (at, storage) in model.storages.iter().enumerate() {
            let discharged = grid.out.generation_mw[generators + at] * hours;
            let load = setup.storage_load + at;
            let charged = (grid.demand[load] - grid.out.shed_mw[load]) * hours;
            let lost = charged * (1.0 - storage.efficiency);
            grid.stored[at] += charged - lost - discharged;
            sums.discharged_mwh += discharged;
            sums.charged_mwh += charged;
            sums.storage_lost_mwh += lost;
        }
        sums.generated_mwh += grid.out.generation_mw[..generators].iter().sum::<f64>() * hours;

        sums.bus_shed_mw.fill(0.0);
        let mut others_shed = 0.0;
        for ((load, demand), shed) in model.loads.iter().zip(&grid.demand).zip(&grid.out.shed_mw) {
            sums.demanded_mwh += demand * hours;
            sums.served_mwh += (demand - shed) * hours;
            sums.shed_mwh += shed * hours;
            if *shed > 0.0 {
                sums.bus_shed_mw[load.bus.index()] += shed;
                others_shed += shed;
            }
        }
        for bus in 0..model.buses.len() {
            sums.bus_price_h[bus] += grid.out.price_eur_per_mwh[bus] * hours;
            if sums.bus_shed_mw[bus] > TINY_MW {
                sums.bus_shed_mwh[bus] += sums.bus_shed_mw[bus] * hours;
                sums.bus_shed_h[bus] += hours;
            }
        }
        if others_shed > TINY_MW {
            sums.others_shed_mwh += others_shed * hours;
            sums.others_shed_h += hours;
        }

        let mut ai_mw = 0.0;
        for (site, state) in self.sites.iter().enumerate() {
            if !setup.built[site] {
                continue;
            }
            let load = setup.site_load[site];
            // What was asked for at the dispatch; the state may have moved on since.
            let (need, shed) = (grid.demand[load], grid.out.shed_mw[load]);
            let served = need - shed;
            let own = if state.running { shed } else { 0.0 };
            let bus = model.sites[site].bus.index();
            sums.demanded_mwh += need * hours;
            sums.served_mwh += served * hours;
            sums.shed_mwh += shed * hours;
            sums.ai_shed_mwh += shed * hours;
            sums.site_mwh[site] += served * hours;
            sums.site_eur[site] += served * hours * grid.energy_price[bus];
            sums.site_generator_mwh[site] += own * hours;
            sums.co2_t += served * hours * grid.carbon[bus] * 1e-3;
            // m3/J to m3/MWh.
            let water = bastide_units::Quantity::base(model.sites[site].wue) * 3.6e9;
            sums.water_m3 += (served + own) * hours / state.pue * water;
            ai_mw += served + own;
        }
        self.timeline.add(setup.layout.channels.len() - 3, from, now, ai_mw);
        self.timeline.add(setup.layout.channels.len() - 2, from, now, others_shed);
    }

    pub(super) fn finish_grid(&mut self) {
        self.integrate_grid();
        self.finish_shedding();
        let model = self.setup.model;
        let start: f64 = model.storages.iter().map(|s| s.energy.as_mwh() * s.initial).sum();
        self.grid.sums.stored_delta_mwh = self.grid.stored.iter().sum::<f64>() - start;
    }

    // Generating units.

    fn next_unit_failure(&mut self, generator: usize) {
        let class = &self.setup.model.generators[generator];
        if let Some(reliability) = &class.reliability {
            let rate = reliability.failure_rate.as_per_s() * f64::from(class.units);
            if rate > 0.0 {
                let wait = self.grid.unit_streams[generator].exponential(1.0 / rate);
                let time = self.now + Duration::from_s(wait);
                self.queue.schedule(time, CLASS_FAILURE, Event::UnitFails { generator: generator as u32 });
            }
        }
    }

    pub(super) fn on_unit_fails(&mut self, generator: usize) {
        let class = &self.setup.model.generators[generator];
        if let Some(reliability) = &class.reliability {
            let unit = self.grid.unit_streams[generator].uniform() * f64::from(class.units);
            if unit < f64::from(self.grid.units[generator]) {
                let repair_s = reliability.repair.sample(&mut self.grid.unit_streams[generator]);
                // Where it may cascade, it is a cause.
                let seq = if self.setup.model.policy.grid.cascades {
                    Some(self.recorder.event(self.now, "unit-down", "generator", generator, repair_s / 3600.0, "fault", None))
                } else {
                    self.recorder.fine(self.now, "unit-down", "generator", generator, repair_s / 3600.0, None);
                    None
                };
                self.units_down(generator, 1, self.now + Duration::from_s(repair_s), seq);
            }
        }
        self.next_unit_failure(generator);
    }

    /// One unit of a class is hit; nothing happens if none is in service.
    pub(crate) fn unit_out(&mut self, generator: usize, until: Time, cause: Option<u64>, note: &'static str) {
        self.units_out(generator, 1, until, cause, note);
    }

    /// One unit of a class is out until it is repaired; false if none is in service.
    pub(super) fn unit_lost(&mut self, generator: usize, hours: f64, cause: Option<u64>, note: &'static str) -> bool {
        if self.grid.units[generator] == 0 {
            return false;
        }
        let seq = self.recorder.event(self.now, "unit-down", "generator", generator, hours, note, cause);
        self.grid.hit_units.push((Time::NEVER, generator, seq));
        self.lost_units(generator, 1, self.grid.units[generator], Some(seq));
        self.grid.units[generator] -= 1;
        self.units_changed(generator);
        true
    }

    /// The units at a bus go off for this reason, or come back.
    pub(super) fn set_bus(&mut self, bus: usize, off: Option<u64>) {
        let model = self.setup.model;
        if off.is_some() {
            self.grid.lines_out += 1;
        } else {
            self.grid.lines_out -= 1;
        }
        for (at, _) in model.generators.iter().enumerate().filter(|(_, generator)| generator.bus.index() == bus) {
            if off.is_some() {
                self.lost_units(at, 1, 1, off);
            }
            self.grid.unit_mw[at] = self.unit_now(at);
            self.grid.available[at] = self.grid.unit_mw[at] * f64::from(self.grid.working_units(at));
        }
        self.dirty.grid = true;
    }

    /// So many units of a class are hit at once, or as many as are in service.
    pub(crate) fn units_out(&mut self, generator: usize, units: u32, until: Time, cause: Option<u64>, note: &'static str) {
        let units = units.min(self.grid.units[generator]);
        if units > 0 {
            let hours = until.since(self.now).as_h();
            let seq = self.recorder.event(self.now, "unit-down", "generator", generator, hours, note, cause);
            let now = self.now;
            self.grid.hit_units.retain(|(until, ..)| now < *until);
            self.grid.hit_units.push((until, generator, seq));
            self.units_down(generator, units, until, Some(seq));
        }
    }

    fn units_down(&mut self, generator: usize, units: u32, until: Time, seq: Option<u64>) {
        self.lost_units(generator, units, self.grid.units[generator], seq);
        self.grid.units[generator] -= units;
        self.queue.schedule(until, CLASS_RETURN, Event::UnitsRepaired { generator: generator as u32, units });
        self.units_changed(generator);
    }

    pub(super) fn on_units_repaired(&mut self, generator: usize, units: u32) {
        self.grid.units[generator] += units;
        self.recorder.fine(self.now, "unit-up", "generator", generator, 0.0, None);
        self.units_changed(generator);
    }

    /// A pool has repaired a unit.
    pub(super) fn unit_rebuilt(&mut self, generator: usize) {
        self.grid.forget_hit(generator);
        self.on_units_repaired(generator, 1);
    }

    fn units_changed(&mut self, generator: usize) {
        let grid = &mut self.grid;
        let before = grid.available[generator];
        let after = grid.unit_mw[generator] * f64::from(grid.working_units(generator));
        grid.available[generator] = after;
        let output = grid.out.generation_mw.get(generator).copied().unwrap_or(0.0);
        let slack_before = output < before - TINY_MW || after <= before;
        let slack_after = output < after - TINY_MW || output == 0.0;
        self.dirty.grid |= !(slack_before && slack_after) || self.blackouts.limit();
    }

    // Heat.

    /// Takes over what heat leaves of generators and lines.
    pub(crate) fn derate_grid(&mut self) {
        for line in 0..self.grid.lines.len() {
            if !self.grid.lines[line].out {
                self.rate_line(line);
            }
        }
        self.grid_hour();
        self.dirty.grid = true;
    }

    fn rate_line(&mut self, line: usize) {
        let place = &self.setup.model.lines[line];
        let left = self.heat.lines[line];
        self.grid.forward[line] = place.capacity.as_mw() * left;
        self.grid.reverse[line] = place.reverse_capacity.as_mw() * left;
    }

    /// Something that a class needs takes all its units out until it is released.
    pub(crate) fn hold_units(&mut self, generator: usize, cause: Option<u64>, note: &'static str) {
        self.grid.units_held[generator] += 1;
        if self.grid.units_held[generator] == 1 {
            let seq =
                self.recorder.event(self.now, "units-down", "generator", generator, f64::from(self.grid.units[generator]), note, cause);
            self.grid.hit_units.push((Time::NEVER, generator, seq));
            self.lost_units(generator, 1, 1, Some(seq));
            self.units_changed(generator);
        }
    }

    pub(crate) fn release_units(&mut self, generator: usize) {
        self.grid.units_held[generator] = self.grid.units_held[generator].saturating_sub(1);
        if self.grid.units_held[generator] == 0 {
            let units = f64::from(self.grid.units[generator]);
            self.recorder.event(self.now, "units-up", "generator", generator, units, "", None);
            self.grid.forget_hit(generator);
            self.units_changed(generator);
        }
    }

    // Lines.

    fn next_line_failure(&mut self, line: usize, from: Time) {
        if let Some(reliability) = &self.setup.model.lines[line].reliability
            && reliability.failure_rate.as_per_s() > 0.0
        {
            let wait = self.grid.line_streams[line].exponential(1.0 / reliability.failure_rate.as_per_s());
            self.queue.schedule(from + Duration::from_s(wait), CLASS_FAILURE, Event::LineFails { line: line as u32 });
        }
    }

    pub(super) fn on_line_fails(&mut self, line: usize) {
        let mut again = self.now;
        if let Some(reliability) = &self.setup.model.lines[line].reliability
            && !self.grid.lines[line].out
        {
            again = self.now + Duration::from_s(reliability.repair.sample(&mut self.grid.line_streams[line]));
            self.line_out(line, again, None, "fault");
        }
        self.next_line_failure(line, again);
    }

    /// Takes a line out until at least `until`.
    pub(crate) fn line_out(&mut self, line: usize, until: Time, cause: Option<u64>, note: &'static str) {
        let hours = until.since(self.now).as_h();
        let seq = self.recorder.event(self.now, "line-down", "line", line, hours, note, cause);
        if self.grid.lines[line].begin(self.now, until, Some(seq)) {
            self.line_gone(line, seq);
        }
        self.queue.schedule(until, CLASS_RETURN, Event::LineBack { line: line as u32 });
    }

    fn line_gone(&mut self, line: usize, seq: u64) {
        self.lost_line(line, seq);
        self.grid.lines_out += 1;
        self.grid.forward[line] = 0.0;
        self.grid.reverse[line] = 0.0;
        self.dirty.grid = true;
    }

    pub(super) fn on_line_back(&mut self, line: usize) {
        if self.grid.lines[line].end(self.now) {
            self.line_up(line);
        }
    }

    fn line_up(&mut self, line: usize) {
        self.recorder.event(self.now, "line-up", "line", line, 0.0, "", self.grid.lines[line].seq);
        self.grid.lines_out -= 1;
        self.rate_line(line);
        self.dirty.grid = true;
    }

    /// Something that the line needs takes it out until it is released.
    pub(crate) fn hold_line(&mut self, line: usize, cause: Option<u64>, note: &'static str) {
        if self.grid.lines[line].hold(self.now) {
            let seq = self.recorder.event(self.now, "line-down", "line", line, 0.0, note, cause);
            self.grid.lines[line].seq = Some(seq);
            self.line_gone(line, seq);
        }
    }

    pub(crate) fn release_line(&mut self, line: usize) {
        if self.grid.lines[line].release(self.now) {
            self.line_up(line);
        }
    }
}
