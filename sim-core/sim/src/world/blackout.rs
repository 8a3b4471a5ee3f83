//! Blackouts and the way back.
//!
//! A bus that loses its supply is dark for its `black_start`; then its capability grows as [`ZoneRestoration`] says, and its loads and sites come
//! back in order as far as capability reaches. The curve is given in megawatts by the load that was lost there, sites apart: what sites take
//! of it, the others wait for. It does not depend on who comes back when, so that a site that waits never slows anybody down.
//!
//! While buses are dark, dispatch is solved for what may be served; what may not is shed. A curve is followed in steps, and each holds what
//! it begins with: the way back is late by half a step on average.

mod switching;

use bastide_engine::{Distribution, Stream};
use bastide_grid::{Dispatch, ZoneRestoration};
use bastide_model::model::{Model, Reconnect};
use bastide_units::{Duration, Time};

use super::grid::Grid;
use super::{CLASS_RETURN, Event, World};
use crate::setup::{Setup, entity_key};

/// Looks at a restoration on its way, and the least and most time between two.
const STEPS: f64 = 100.0;
const LEAST_STEP_H: f64 = 1.0 / 60.0;
const MOST_STEP_H: f64 = 1.0;
/// Times are rounded to the nanosecond \[h\].
const ROUNDING_H: f64 = 1e-9;
/// A bus is back when it serves this share of what was lost: the share at which Red Eléctrica reported the Spanish system back in 2025.
const BACK: f64 = 0.9995;

struct Zone {
    dark: bool,
    since: Time,
    curve: ZoneRestoration,
    /// What a plan of switching serves, where units start without the grid.
    plan: switching::Steps,
    /// Load lost, sites apart, and all of it, for their ratio; `None` until the first dispatch after the blackout \[MW\].
    lost_mw: Option<(f64, f64)>,
    seq: u64,
    version: u32,
    /// Whether the black start is on record.
    began: bool,
    step: Duration,
    black_starts: Stream,
    restorations: Stream,
}

pub(crate) struct Blackouts {
    zones: Vec<Zone>,
    dark: u32,
    /// Loads and sites of each bus in the order in which they come back, as loads of the dispatcher.
    order: Vec<Vec<usize>>,
    /// Until when sites stay off the grid.
    held: Vec<Time>,
    holds: bool,
    /// Shares of loads that protection left, and the event that cut them; empty when nothing is cut.
    kept: Vec<(f64, u64)>,
    // What the dispatcher is given.
    available: Vec<f64>,
    demand: Vec<f64>,
    forward: Vec<f64>,
    reverse: Vec<f64>,
}

impl Zone {
    /// Time since the blackout \[h\].
    fn hours(&self, now: Time) -> f64 {
        now.since(self.since).as_h() + ROUNDING_H
    }

    /// Time from the blackout until it has voltage \[h\].
    fn live_h(&self) -> f64 {
        self.plan.first().map_or(self.curve.start_h, |(hours, _)| hours.min(self.curve.start_h))
    }

    /// Share of what was lost, sites included, that it can serve.
    fn share(&self, hours: f64) -> f64 {
        let (others, all) = self.lost_mw.unwrap_or((0.0, 0.0));
        if all <= 0.0 {
            let live = !self.plan.is_empty() && hours >= self.live_h();
            return if live { 1.0 } else { self.curve.served(hours) };
        }
        // A bus with sites alone comes back as fast as one with other loads.
        let others = if others > 0.0 { others } else { all };
        let by_curve = self.curve.served_of(hours, all / others) * others / all;
        // Where a plan serves the bus, the curve is what is left for one that it never serves in full.
        if self.plan.is_empty() { by_curve } else { (switching::served(&self.plan, hours) / all).min(1.0) }
    }
}

impl Blackouts {
    pub(super) fn new(setup: &Setup, seed: u64, replication: u32) -> Self {
        let model = setup.model;
        let zone = |bus: &bastide_model::model::Bus| {
            let stream = |purpose: &str| Stream::new(seed, replication, entity_key("bus", &bus.entity.name, purpose));
            Zone {
                dark: false,
                since: Time::ZERO,
                curve: ZoneRestoration::between(0.0, 0.0, 0.0),
                plan: Vec::new(),
                lost_mw: None,
                seq: 0,
                version: 0,
                began: false,
                step: Duration::ZERO,
                black_starts: stream("black-start"),
                restorations: stream("restoration"),
            }
        };
        Self {
            zones: model.buses.iter().map(zone).collect(),
            dark: 0,
            order: (0..model.buses.len()).map(|bus| order(setup, bus)).collect(),
            held: vec![Time::ZERO; model.sites.len()],
            holds: false,
            kept: Vec::new(),
            available: Vec::new(),
            demand: Vec::new(),
            forward: Vec::new(),
            reverse: Vec::new(),
        }
    }

    /// Whether anything but units and lines limits what may be served.
    pub(super) const fn limit(&self) -> bool {
        self.dark > 0 || self.holds || !self.kept.is_empty()
    }

    /// Whether protection has cut load that is not back.
    pub(super) const fn cuts(&self) -> bool {
        !self.kept.is_empty()
    }

    pub(super) fn is_dark(&self, bus: usize) -> bool {
        self.zones[bus].dark
    }

    /// Whether a bus has no voltage.
    pub(super) fn is_dead(&self, bus: usize, now: Time) -> bool {
        let zone = &self.zones[bus];
        zone.dark && zone.hours(now) < zone.live_h()
    }

    /// What a lack of power at a site is put down to.
    fn cause(&self, bus: usize, load: usize, site: usize, now: Time) -> Option<u64> {
        let zone = &self.zones[bus];
        if zone.dark || now < self.held[site] {
            return Some(zone.seq);
        }
        self.kept.get(load).filter(|(share, _)| *share < 1.0).map(|(_, seq)| *seq)
    }

    /// Keeps shares of loads until [`World::on_reclose`]; of two cuts the deeper one holds.
    pub(super) fn keep(&mut self, loads: usize, load: usize, share: f64, seq: u64) {
        if self.kept.is_empty() {
            self.kept.resize(loads, (1.0, seq));
        }
        if share < self.kept[load].0 {
            self.kept[load] = (share.max(0.0), seq);
        }
    }

    /// What help the lines of a bus bring from live ones \[MW\].
    fn help_mw(&self, model: &Model, grid: &Grid, bus: usize, now: Time) -> f64 {
        let share = model.buses[bus].restoration.help;
        if share <= 0.0 {
            return 0.0;
        }
        let lines = model.lines.iter().enumerate().map(|(at, line)| {
            let (from, to) = (line.from.index(), line.to.index());
            let (other, limit) = if to == bus {
                (from, grid.forward[at])
            } else if from == bus {
                (to, grid.reverse[at])
            } else {
                return 0.0;
            };
            if self.is_dead(other, now) || self.zones[other].dark { 0.0 } else { limit }
        });
        share * lines.sum::<f64>()
    }

    /// Solves the dispatch of what may be served now.
    pub(super) fn solve(&mut self, setup: &Setup, grid: &mut Grid, now: Time) {
        let model = setup.model;
        self.available.clone_from(&grid.available);
        self.demand.clone_from(&grid.demand);
        self.forward.clone_from(&grid.forward);
        self.reverse.clone_from(&grid.reverse);
        for (demand, (share, _)) in self.demand.iter_mut().zip(&self.kept) {
            *demand *= share;
        }
        self.holds = false;
        for (site, until) in self.held.iter().enumerate() {
            if setup.built[site] && now < *until {
                self.demand[setup.site_load[site]] = 0.0;
                self.holds = true;
            }
        }
        self.measure(setup, grid);
        for bus in 0..self.zones.len() {
            if self.zones[bus].dark {
                self.limit_bus(setup, grid, bus, now);
            }
        }
        for (at, line) in model.lines.iter().enumerate() {
            if self.is_dead(line.from.index(), now) || self.is_dead(line.to.index(), now) {
                (self.forward[at], self.reverse[at]) = (0.0, 0.0);
            }
        }
        grid.dispatcher.solve(&self.available, &self.demand, &self.forward, &self.reverse, &mut grid.out);
        add_cut(&mut grid.out, &grid.demand, &self.demand);
    }

    /// Notes what buses that have just gone dark have lost, and plans their way back.
    fn measure(&mut self, setup: &Setup, grid: &Grid) {
        let loads = setup.model.loads.len();
        let fresh: Vec<usize> = (0..self.zones.len()).filter(|bus| self.zones[*bus].dark && self.zones[*bus].lost_mw.is_none()).collect();
        for &bus in &fresh {
            let of = |loads: &mut dyn Iterator<Item = &usize>| loads.map(|load| grid.demand[*load]).sum::<f64>();
            let all = of(&mut self.order[bus].iter());
            self.zones[bus].lost_mw = Some((of(&mut self.order[bus].iter().filter(|load| **load < loads)), all));
        }
        for (bus, steps) in self.plan(setup, grid, &fresh) {
            let all = self.zones[bus].lost_mw.map_or(0.0, |(_, all)| all);
            // A plan that never serves all of it is no way back: the curve is.
            let whole = steps.last().is_some_and(|(_, served)| *served >= BACK * all);
            self.zones[bus].plan = if whole { steps } else { Vec::new() };
        }
    }

    /// What may be generated and served at a bus that is coming back.
    fn limit_bus(&mut self, setup: &Setup, grid: &Grid, bus: usize, now: Time) {
        let model = setup.model;
        let help = self.help_mw(model, grid, bus, now);
        let hours = self.zones[bus].hours(now);
        let dead = self.is_dead(bus, now);
        let zone = &self.zones[bus];
        let share = zone.share(hours);
        // A plan of switching counts with its units as they start; what it serves, they carry.
        let units = if zone.plan.is_empty() { share } else { f64::from(u8::from(!dead)) };
        let mut left = if dead { 0.0 } else { share * zone.lost_mw.map_or(0.0, |(_, all)| all) + help };
        for &load in &self.order[bus] {
            let served = self.demand[load].min(left);
            self.demand[load] = served;
            left -= served;
        }
        for (at, storage) in model.storages.iter().enumerate() {
            if storage.bus.index() == bus {
                self.demand[setup.storage_load + at] = 0.0;
                self.available[model.generators.len() + at] *= units;
            }
        }
        for (at, generator) in model.generators.iter().enumerate() {
            if generator.bus.index() == bus {
                self.available[at] *= units;
            }
        }
    }
}

/// Counts what was not even asked of the dispatcher as shed.
fn add_cut(out: &mut Dispatch, wanted: &[f64], asked: &[f64]) {
    for ((shed, wanted), asked) in out.shed_mw.iter_mut().zip(wanted).zip(asked) {
        *shed += wanted - asked;
    }
}

/// Loads and built sites of a bus: by the policy on sites, then priority, then the value of lost load, as written.
fn order(setup: &Setup, bus: usize) -> Vec<usize> {
    let model = setup.model;
    let loads = model.loads.iter().enumerate().filter(|(_, load)| load.bus.index() == bus);
    let mut ranked: Vec<(i32, i64, f64, usize)> =
        loads.map(|(at, load)| (0, -load.cut.priority, -load.value_of_lost_load.as_eur_per_mwh(), at)).collect();
    let group = match model.policy.grid.reconnect {
        Reconnect::ByPriority => 0,
        Reconnect::First => -1,
        Reconnect::Last => 1,
    };
    let value = model.policy.value_of_lost_load.as_eur_per_mwh();
    for (at, site) in model.sites.iter().enumerate().filter(|(at, site)| setup.built[*at] && site.bus.index() == bus) {
        ranked.push((group, -site.supply.priority, -value, setup.site_load[at]));
    }
    ranked.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)).then(a.3.cmp(&b.3)));
    ranked.into_iter().map(|(.., load)| load).collect()
}

impl World<'_> {
    /// A bus loses all supply, or loses it again on its way back.
    pub(crate) fn black_out(&mut self, bus: usize, cause: Option<u64>, note: &'static str) {
        let model = self.setup.model;
        let place = &model.buses[bus].restoration;
        let zone = &mut self.blackouts.zones[bus];
        let hours = |law: &Distribution, stream: &mut Stream| law.sample(stream).max(0.0) / 3600.0;
        let start = hours(&place.black_start, &mut zone.black_starts);
        let full = hours(&place.restored_after, &mut zone.restorations).max(start);
        // What is there at once need not be regained.
        let ramp_per_h = if full > start { (1.0 - place.head_start) / (full - start) } else { f64::INFINITY };
        zone.curve = ZoneRestoration { start_h: start, head_start: place.head_start, ramp_per_h, lag_h: place.lag.as_h() };
        let seq = self.recorder.event(self.now, "blackout", "bus", bus, full, note, cause);
        self.blackouts.dark += u32::from(!zone.dark);
        (zone.dark, zone.since, zone.seq, zone.lost_mw) = (true, self.now, seq, None);
        zone.plan.clear();
        zone.step = Duration::from_h(((full - start) / STEPS).clamp(LEAST_STEP_H, MOST_STEP_H));
        zone.version += 1;
        zone.began = false;
        let version = zone.version;
        // With a plan of switching the first load may come at any minute.
        let first = if model.generators.iter().any(|generator| generator.black_start) { zone.step } else { Duration::from_h(start) };
        let first = self.now + first;
        self.queue.schedule(first, CLASS_RETURN, Event::BlackStart { bus: bus as u32, version });
        for (site, place) in model.sites.iter().enumerate() {
            if place.bus.index() == bus && self.setup.built[site] && place.supply.reconnect_after > Duration::ZERO {
                let until = self.now + place.supply.reconnect_after;
                self.blackouts.held[site] = self.blackouts.held[site].max(until);
                self.queue.schedule(until, CLASS_RETURN, Event::Reclose);
            }
        }
        for (at, line) in model.lines.iter().enumerate() {
            if (line.from.index() == bus || line.to.index() == bus) && !self.grid.lines[at].out {
                self.lost_line(at, seq);
            }
        }
        self.dirty.grid = true;
    }

    pub(super) fn on_black_start(&mut self, bus: usize, version: u32) {
        let zone = &mut self.blackouts.zones[bus];
        if !zone.dark || zone.version != version {
            return;
        }
        let since = zone.hours(self.now);
        self.dirty.grid = true;
        if zone.lost_mw.is_some() && zone.share(since) >= BACK {
            zone.dark = false;
            self.blackouts.dark -= 1;
            let seq = zone.seq;
            self.recorder.event(self.now, "bus-restored", "bus", bus, since, "hours", Some(seq));
            return;
        }
        if !zone.began && since >= zone.live_h() {
            zone.began = true;
            let seq = zone.seq;
            self.recorder.event(self.now, "black-start", "bus", bus, since, "hours", Some(seq));
        }
        let next = self.now + zone.step;
        self.queue.schedule(next, CLASS_RETURN, Event::BlackStart { bus: bus as u32, version });
    }

    /// Load that protection cut, or a site that waited, may come back.
    pub(super) fn on_reclose(&mut self) {
        self.dirty.grid = true;
    }

    /// What protection cut comes back; a later cut of the same time stays for its own.
    pub(super) fn on_cut_over(&mut self, seq: u64) {
        for kept in &mut self.blackouts.kept {
            if kept.1 == seq {
                kept.0 = 1.0;
            }
        }
        if self.blackouts.kept.iter().all(|(share, _)| *share >= 1.0) {
            self.blackouts.kept.clear();
        }
        self.dirty.grid = true;
    }

    /// What a lack of power at a site is put down to, where it is no general one.
    pub(super) fn power_cause(&self, site: usize) -> Option<u64> {
        let bus = self.setup.model.sites[site].bus.index();
        self.blackouts.cause(bus, self.setup.site_load[site], site, self.now)
    }
}
