//! One replication: a year of the system.
//!
//! Every component has its whole history, but few days are looked at. A day is skipped when in no area the greatest demand of
//! the day could exceed the capacity that is left with everything out that is out at any moment of the day, and storage is
//! full (or charges at full power all day for certain). Nothing happens on such a day, so skipping it changes no result.

use bastide_engine::{Stream, stream_key};

use super::flow::{NOTHING_MW, Network};
use super::path::Outages;
use super::prepare::{DAY, Kind, Prepared};
use super::record::{Layout, Lengths};
use super::{SequentialOptions, Weather};

/// A replication's room to work in, used again and again by one thread; nothing in it outlives a year.
pub(super) struct Year<'a> {
    prepared: &'a Prepared<'a>,
    weather: Option<&'a Weather>,
    layout: Layout,
    seed: u64,
    correlated_forecast: bool,
    forecast: bool,
    /// Whether events are counted in continuous time too.
    continuous: bool,
    outages: Outages,
    /// Steps, from day to day, of the capacity that is out at some moment of the day: by area and day \[MW\].
    step_mw: Vec<f64>,
    /// Least surplus with nothing out, by area and day \[MW\].
    floor_mw: Vec<f64>,
    /// Days on which an area may be short by itself.
    risky: Vec<bool>,
    /// Recorded day behind each day.
    source: Vec<u32>,
    factor: Vec<f64>,
    network: Network,
    /// Outages of the day that is visited.
    near: Vec<u32>,
    /// Capacity out at the hour's beginning, and at any moment of it: by hour of the day and area \[MW\].
    lost_mw: Vec<f64>,
    lost_most_mw: Vec<f64>,
    /// Whether a storage, hydro or tie is out at the hour's beginning: by hour of the day and component.
    down: Vec<bool>,
    /// Content of each storage, then of each hydro \[MWh\].
    content_mwh: Vec<f64>,
    /// Power that storage and hydro gave in the hour \[MW\].
    given_mw: Vec<f64>,
    order: Vec<usize>,
    /// Fuel left of each tier's backup \[MWh\], and the hour of its last run.
    fuel_mwh: Vec<f64>,
    last_run: Vec<Option<usize>>,
    /// Hours for which each tier has been curtailed today.
    curtailed_today: Vec<f64>,
    /// Loss of load by scope in the hour \[MW\].
    loss_mw: Vec<f64>,
    /// Whether each scope is short: at the last visited hour, at the last moment visited; and whether it was on this day.
    short: Vec<bool>,
    short_continuous: Vec<bool>,
    short_today: Vec<bool>,
    /// Length of the event under way \[h\].
    running: Vec<usize>,
    moments: Vec<f64>,
}

impl<'a> Year<'a> {
    pub fn new(prepared: &'a Prepared<'a>, layout: Layout, options: &'a SequentialOptions) -> Self {
        let (areas, days) = (prepared.areas, prepared.days);
        let scopes = prepared.scopes();
        let others = prepared.components.len() - prepared.first_storage;
        let reservoirs = prepared.first_tie - prepared.first_storage;
        Self {
            prepared,
            weather: options.weather.as_ref(),
            layout,
            seed: options.seed,
            correlated_forecast: options.correlated_forecast,
            forecast: prepared.system.areas.iter().any(|area| area.forecast_error > 0.0),
            continuous: prepared.chronology && !prepared.memory,
            outages: Outages::default(),
            step_mw: vec![0.0; areas * (days + 1)],
            floor_mw: vec![0.0; areas * days],
            risky: vec![false; days],
            source: (0..days as u32).collect(),
            factor: vec![1.0; areas],
            network: Network::new(areas, &prepared.system.ties, prepared.levels + 1),
            near: Vec::new(),
            lost_mw: vec![0.0; DAY * areas],
            lost_most_mw: vec![0.0; DAY * areas],
            down: vec![false; DAY * others],
            content_mwh: vec![0.0; reservoirs],
            given_mw: vec![0.0; reservoirs],
            order: Vec::new(),
            fuel_mwh: vec![0.0; prepared.tiers.len()],
            last_run: vec![None; prepared.tiers.len()],
            curtailed_today: vec![0.0; prepared.tiers.len()],
            loss_mw: vec![0.0; scopes],
            short: vec![false; scopes],
            short_continuous: vec![false; scopes],
            short_today: vec![false; scopes],
            running: vec![0; scopes],
            moments: Vec::new(),
        }
    }

    /// Runs replication `replication`, writes what the layout asks into `row` (zeros before) and adds the lengths of its events.
    pub fn run(&mut self, replication: u32, row: &mut [f64], lengths: &mut Lengths) {
        self.begin(replication);
        self.draw_outages(replication);
        self.find_risky_days();
        let mut last_visited = usize::MAX;
        for day in 0..self.prepared.days {
            if !self.risky[day] && (!self.prepared.memory || self.pass_quiet_day(day, row)) {
                continue;
            }
            if last_visited.wrapping_add(1) != day {
                // The days between were good ones.
                self.end_events(lengths);
                self.short_continuous.fill(false);
            }
            last_visited = day;
            self.visit(day, row, lengths);
        }
        self.end_events(lengths);
    }

    fn end_events(&mut self, lengths: &mut Lengths) {
        for scope in 0..self.running.len() {
            lengths.add(scope, std::mem::take(&mut self.running[scope]));
        }
        self.short.fill(false);
    }

    /// The state at the first hour, the weather and the forecast errors.
    fn begin(&mut self, replication: u32) {
        let prepared = self.prepared;
        let system = prepared.system;
        if let Some(weather) = self.weather {
            let mut stream = Stream::new(self.seed, replication, stream_key("weather", "year"));
            weather.draw(prepared.hours, &mut stream, &mut self.source);
        }
        if self.forecast {
            for (area, key) in prepared.forecast_keys.iter().enumerate() {
                let key = if self.correlated_forecast { stream_key("all areas", "load forecast") } else { *key };
                let normal = Stream::new(self.seed, replication, key).normal();
                self.factor[area] = (1.0 + system.areas[area].forecast_error * normal).max(0.0);
            }
        }
        let storages = system.storages.iter().map(|storage| storage.initial * storage.energy_mwh);
        let hydros = system.hydros.iter().map(|hydro| hydro.initial * hydro.energy_mwh);
        for (content, initial) in self.content_mwh.iter_mut().zip(storages.chain(hydros)) {
            *content = initial;
        }
        self.last_run.fill(None);
        self.short.fill(false);
        self.short_continuous.fill(false);
        self.running.fill(0);
    }

    fn draw_outages(&mut self, replication: u32) {
        let prepared = self.prepared;
        let horizon_h = prepared.hours as f64;
        let days = prepared.days;
        self.outages.clear();
        self.step_mw.fill(0.0);
        for (place, component) in prepared.components.iter().enumerate() {
            let first = self.outages.lost.len();
            for key in &component.keys {
                component.chain.sample(*key, self.seed, replication, horizon_h, &mut self.outages);
            }
            self.outages.label(place as u32);
            if component.kind == Kind::Unit {
                let most_mw = component.capacity_mw * prepared.profile_max[component.place];
                let step_mw = &mut self.step_mw[component.area * (days + 1)..(component.area + 1) * (days + 1)];
                for outage in first..self.outages.lost.len() {
                    let (begin, end) = (self.outages.first_day[outage] as usize, self.outages.last_day[outage] as usize);
                    let mw = most_mw * self.outages.lost[outage];
                    step_mw[begin] += mw;
                    step_mw[(end + 1).min(days)] -= mw;
                }
            }
        }
    }

    fn find_risky_days(&mut self) {
        let prepared = self.prepared;
        let (days, source_days) = (prepared.days, prepared.source_days);
        self.risky.fill(false);
        for area in 0..prepared.areas {
            let floor_mw = &mut self.floor_mw[area * days..(area + 1) * days];
            let of = |values: &'a [f64]| &values[area * source_days..(area + 1) * source_days];
            let (base, most, least) = (of(&prepared.floor_mw), of(&prepared.load_max_mw), of(&prepared.load_min_mw));
            let maintenance = &prepared.maintenance_mw[area * days..(area + 1) * days];
            let more = self.factor[area] - 1.0;
            if self.weather.is_none() && !self.forecast {
                for day in 0..days {
                    floor_mw[day] = base[day] - maintenance[day];
                }
            } else {
                for day in 0..days {
                    let source = self.source[day] as usize;
                    // The net demand of an hour changes by (factor - 1) load.
                    let change = if more > 0.0 { more * most[source] } else { more * least[source] };
                    floor_mw[day] = base[source] - change - maintenance[day];
                }
            }
            let mut out_mw = 0.0;
            for ((floor_mw, step_mw), risky) in floor_mw.iter_mut().zip(&self.step_mw[area * (days + 1)..]).zip(&mut self.risky) {
                out_mw += step_mw;
                *floor_mw -= out_mw;
                // Rounding of the sums must not hide a shortfall.
                *risky |= *floor_mw < NOTHING_MW;
            }
        }
    }

    fn is_full(&self, storage: usize) -> bool {
        self.content_mwh[storage] >= self.prepared.system.storages[storage].energy_mwh
    }

    /// A day on which no area can be short: fills the reservoirs. False if it must be visited hour by hour after all.
    fn pass_quiet_day(&mut self, day: usize, row: &mut [f64]) -> bool {
        let prepared = self.prepared;
        let system = prepared.system;
        let day_hours = DAY.min(prepared.hours - day * DAY);
        if !(0..system.storages.len()).all(|storage| self.is_full(storage)) {
            for area in 0..prepared.areas {
                let wanted_mw: f64 = prepared.storages_of[area]
                    .iter()
                    .filter(|storage| !self.is_full(**storage))
                    .map(|storage| system.storages[*storage].charge_mw)
                    .sum();
                if wanted_mw > 0.0 && wanted_mw > self.floor_mw[area * prepared.days + day] {
                    return false;
                }
            }
            let (begin_h, end_h) = ((day * DAY) as f64, ((day + 1) * DAY) as f64);
            for place in (0..self.outages.lost.len()).rev() {
                // Storage comes after the units: only the tail of the list is looked at.
                let component = self.outages.component[place] as usize;
                if component < prepared.first_storage {
                    break;
                }
                let over = self.outages.start_h[place] < end_h && self.outages.end_h[place] > begin_h;
                if component < prepared.first_hydro && over && !self.is_full(component - prepared.first_storage) {
                    return false;
                }
            }
            for (place, storage) in system.storages.iter().enumerate() {
                let room = (storage.energy_mwh - self.content_mwh[place]).max(0.0);
                let stored = (storage.charge_mw * storage.charge_efficiency * day_hours as f64).min(room);
                row[self.layout.storage(place)] += stored / storage.charge_efficiency;
                self.content_mwh[place] = if stored >= room { storage.energy_mwh } else { self.content_mwh[place] + stored };
            }
        }
        let first_hour = self.source_hour(day, 0);
        for (place, hydro) in system.hydros.iter().enumerate() {
            let inflow: f64 = prepared.inflow_mwh[place][first_hour..first_hour + day_hours].iter().sum();
            self.keep_inflow(place, hydro.energy_mwh, inflow, row);
        }
        true
    }

    fn keep_inflow(&mut self, hydro: usize, energy_mwh: f64, inflow_mwh: f64, row: &mut [f64]) {
        let content = &mut self.content_mwh[self.prepared.system.storages.len() + hydro];
        let filled = *content + inflow_mwh;
        row[self.layout.hydro(hydro) + 1] += (filled - energy_mwh).max(0.0);
        *content = filled.min(energy_mwh);
    }

    #[inline]
    fn source_hour(&self, day: usize, hour: usize) -> usize {
        let source = self.source[day] as usize;
        let (year, day) = (source / self.prepared.days, source % self.prepared.days);
        year * self.prepared.hours + day * DAY + hour
    }

    /// Looks at every hour of a day.
    fn visit(&mut self, day: usize, row: &mut [f64], lengths: &mut Lengths) {
        let prepared = self.prepared;
        let areas = prepared.areas;
        let day_hours = DAY.min(prepared.hours - day * DAY);
        self.gather(day, day_hours);
        self.short_today.fill(false);
        self.curtailed_today.fill(0.0);
        let source_day = self.source[day] as usize;
        for hour in 0..day_hours {
            let at = self.source_hour(day, hour);
            // With everything out that is out at any moment of the hour, would any area be short?
            if !prepared.memory && !self.set_hour(at, |year, area| year.lost_most_mw[hour * areas + area]) {
                if self.short.contains(&true) {
                    self.end_events(lengths);
                }
                self.short_continuous.fill(false);
                continue;
            }
            let needed = self.set_hour(at, |year, area| year.lost_mw[hour * areas + area]);
            self.loss_mw.fill(0.0);
            if needed {
                self.dispatch(day * DAY + hour, hour, at, row);
            } else if prepared.memory {
                self.store(at, hour, row);
            }
            for scope in 0..self.loss_mw.len() {
                let loss = self.loss_mw[scope];
                let is_short = loss > NOTHING_MW;
                if is_short {
                    let base = self.layout.scope(scope);
                    row[base] += 1.0;
                    row[base + 5] += loss;
                    if !self.short_today[scope] {
                        self.short_today[scope] = true;
                        row[base + 1] += 1.0;
                    }
                    if usize::from(prepared.peak_hour[scope * prepared.source_days + source_day]) == hour {
                        row[base + 2] += 1.0;
                    }
                    if !self.short[scope] {
                        row[base + 3] += 1.0;
                    }
                    self.running[scope] += 1;
                } else if self.short[scope] {
                    lengths.add(scope, std::mem::take(&mut self.running[scope]));
                }
                self.short[scope] = is_short;
            }
            if self.continuous {
                self.count_within(day * DAY + hour, at, row);
            }
        }
    }

    /// Collects the outages of the day and sums them by hour.
    fn gather(&mut self, day: usize, day_hours: usize) {
        let prepared = self.prepared;
        let areas = prepared.areas;
        let begin = day * DAY;
        let begin_h = begin as f64;
        self.near.clear();
        self.outages.on_day(day as u32, &mut self.near);
        self.lost_mw.fill(0.0);
        self.lost_most_mw.fill(0.0);
        self.down.fill(false);
        let others = prepared.components.len() - prepared.first_storage;
        for place in &self.near {
            let place = *place as usize;
            let component_place = self.outages.component[place] as usize;
            let component = &prepared.components[component_place];
            // Out in the hours at whose beginning it is out, and for a part of the hours around.
            let (start_h, stop_h) = (self.outages.start_h[place] - begin_h, self.outages.end_h[place] - begin_h);
            let first = start_h.max(0.0).ceil() as usize;
            let after = (stop_h.ceil() as usize).min(day_hours);
            let first_touched = start_h.max(0.0) as usize;
            if component.kind != Kind::Unit {
                for hour in first..after {
                    self.down[hour * others + component_place - prepared.first_storage] = true;
                }
                continue;
            }
            let mw = component.capacity_mw * self.outages.lost[place];
            let unit = &prepared.system.units[component.place];
            let profile = &prepared.profile[component.place];
            if profile.is_empty() && unit.maintenance.is_empty() {
                for hour in first..after {
                    self.lost_mw[hour * areas + component.area] += mw;
                }
                for hour in first_touched..after {
                    self.lost_most_mw[hour * areas + component.area] += mw;
                }
            } else {
                let source = self.source_hour(day, 0);
                for hour in first_touched..after {
                    if unit.maintenance.iter().any(|out| out.contains(&(begin + hour))) {
                        continue;
                    }
                    let mw = mw * profile.get(source + hour).copied().unwrap_or(1.0);
                    self.lost_most_mw[hour * areas + component.area] += mw;
                    if hour >= first {
                        self.lost_mw[hour * areas + component.area] += mw;
                    }
                }
            }
        }
        for (place, unit) in prepared.system.units.iter().enumerate() {
            for out in &unit.maintenance {
                let source = self.source_hour(day, 0);
                for hour in out.start.max(begin)..out.end.min(begin + day_hours) {
                    // Ranges that overlap count once.
                    let first = unit.maintenance.iter().position(|other| other.contains(&hour));
                    if first.is_some_and(|first| std::ptr::eq(&raw const unit.maintenance[first], out)) {
                        let share = prepared.profile[place].get(source + hour - begin).copied().unwrap_or(1.0);
                        let mw = f64::from(unit.count) * unit.capacity_mw * share;
                        self.lost_mw[(hour - begin) * areas + unit.area] += mw;
                        self.lost_most_mw[(hour - begin) * areas + unit.area] += mw;
                    }
                }
            }
        }
    }

    /// Sets supply and demand of an hour; whether an area is short by itself.
    #[inline]
    fn set_hour(&mut self, at: usize, lost_mw: impl Fn(&Self, usize) -> f64) -> bool {
        let prepared = self.prepared;
        let areas = prepared.areas;
        let mut needed = false;
        for area in 0..areas {
            let slot = at * areas + area;
            let supply = prepared.supply_mw[slot] - lost_mw(self, area);
            let load = self.factor[area] * prepared.load_mw[slot];
            // Generation below zero is demand.
            let (supply, load) = if supply < 0.0 { (0.0, load - supply) } else { (supply, load) };
            self.network.supply_mw[area] = supply;
            self.network.unmet_mw[area] = load;
            needed |= supply - load - prepared.tier_sum_mw[slot] < -NOTHING_MW;
        }
        needed
    }

    /// Lays the demand of the tiers into their levels. A tier that has done its hours of the day counts as firm load.
    fn set_tiers(&mut self, at: usize) {
        let areas = self.prepared.areas;
        self.network.unmet_mw[areas..].fill(0.0);
        for (place, tier) in self.prepared.tiers.iter().enumerate() {
            let done = tier.most_h_per_day < DAY as f64 && self.curtailed_today[place] + 1.0 > tier.most_h_per_day + 1e-9;
            let level = if done { 0 } else { tier.level };
            self.network.unmet_mw[level * areas + tier.area] += self.prepared.tier_mw[place][at];
        }
    }

    fn set_ties(&mut self, down: impl Fn(&Self, usize) -> bool) {
        for (place, tie) in self.prepared.system.ties.iter().enumerate() {
            let up = !down(self, place);
            self.network.limit_mw[place] = if up { (tie.forward_mw, tie.backward_mw) } else { (0.0, 0.0) };
        }
        self.network.flow_mw.fill(0.0);
    }

    /// An hour in which an area is short by itself: flows, storage, shedding.
    fn dispatch(&mut self, hour: usize, hour_of_day: usize, at: usize, row: &mut [f64]) {
        let prepared = self.prepared;
        let others = prepared.components.len() - prepared.first_storage;
        self.set_tiers(at);
        self.set_ties(|year, tie| year.down[hour_of_day * others + prepared.first_tie - prepared.first_storage + tie]);
        for level in 0..prepared.levels {
            self.network.serve(level, false);
        }
        if !self.content_mwh.is_empty() {
            self.discharge(at, hour_of_day);
            for level in 0..prepared.levels {
                self.network.serve(level, true);
            }
            self.share_out(at, hour_of_day, row);
            self.charge(hour_of_day, row);
        }
        self.settle(hour, at, Some(row));
        for (place, flow) in self.network.flow_mw.iter().enumerate() {
            row[self.layout.tie(place)] += flow.max(0.0);
            row[self.layout.tie(place) + 1] += (-flow).max(0.0);
        }
    }

    /// Sums what was not served into the loss of each scope; with a row, also counts what each tier yields.
    fn settle(&mut self, hour: usize, at: usize, mut row: Option<&mut [f64]>) {
        let prepared = self.prepared;
        let areas = prepared.areas;
        self.loss_mw.fill(0.0);
        let several = areas > 1;
        for area in 0..areas {
            let mw = self.network.unmet_mw[area];
            self.loss_mw[0] += mw;
            if several {
                self.loss_mw[area + 1] += mw;
            }
        }
        for (place, tier) in prepared.tiers.iter().enumerate() {
            let done = tier.most_h_per_day < DAY as f64 && self.curtailed_today[place] + 1.0 > tier.most_h_per_day + 1e-9;
            if done {
                continue;
            }
            // Only one tier of an area has a level.
            let mw = self.network.unmet_mw[tier.level * areas + tier.area].min(prepared.tier_mw[place][at]);
            if tier.firm {
                self.loss_mw[0] += mw;
                if several {
                    self.loss_mw[tier.area + 1] += mw;
                }
            }
            if mw <= NOTHING_MW {
                continue;
            }
            if let Some(row) = row.as_deref_mut() {
                self.curtailed_today[place] += 1.0;
                let base = self.layout.tier(place);
                row[base] += 1.0;
                row[base + 1] += mw;
                if self.last_run[place].is_none_or(|last| hour - last > DAY) {
                    self.fuel_mwh[place] = tier.backup_mwh;
                }
                let own = mw.min(tier.backup_mw).min(self.fuel_mwh[place]);
                if own > 0.0 {
                    self.fuel_mwh[place] -= own;
                    self.last_run[place] = Some(hour);
                }
                let lost = mw - own;
                row[base + 3] += own;
                if lost > NOTHING_MW {
                    row[base + 2] += 1.0;
                    row[base + 4] += lost;
                }
            }
        }
    }

    /// Power that storage and hydro could give in the hour \[MW\].
    fn deliverable(&self, reservoir: usize, at: usize, hour_of_day: usize) -> f64 {
        let prepared = self.prepared;
        let others = prepared.components.len() - prepared.first_storage;
        if self.down[hour_of_day * others + reservoir] {
            return 0.0;
        }
        let storages = prepared.system.storages.len();
        if reservoir < storages {
            let storage = &prepared.system.storages[reservoir];
            storage.discharge_mw.min(self.content_mwh[reservoir] * storage.discharge_efficiency)
        } else {
            let hydro = &prepared.system.hydros[reservoir - storages];
            hydro.power_mw.min(self.content_mwh[reservoir] + prepared.inflow_mwh[reservoir - storages][at])
        }
    }

    fn discharge(&mut self, at: usize, hour_of_day: usize) {
        let storages = self.prepared.system.storages.len();
        for area in 0..self.prepared.areas {
            let prepared = self.prepared;
            let stored: f64 = prepared.storages_of[area].iter().map(|place| self.deliverable(*place, at, hour_of_day)).sum();
            let hydro: f64 = prepared.hydros_of[area].iter().map(|place| self.deliverable(storages + place, at, hour_of_day)).sum();
            self.network.reserve_mw[area] = stored + hydro;
        }
    }

    /// Shares what an area's reserve gave among its reservoirs, those that can go on longest first: this keeps the most power
    /// for the longest time (Evans, Tindemans & Angeli 2019).
    fn share_out(&mut self, at: usize, hour_of_day: usize, row: &mut [f64]) {
        let prepared = self.prepared;
        let storages = prepared.system.storages.len();
        self.given_mw.fill(0.0);
        for area in 0..prepared.areas {
            let mut order = std::mem::take(&mut self.order);
            order.clear();
            order.extend(prepared.storages_of[area].iter().copied().chain(prepared.hydros_of[area].iter().map(|place| storages + place)));
            let could: f64 = order.iter().map(|place| self.deliverable(*place, at, hour_of_day)).sum();
            let mut wanted = could - self.network.reserve_mw[area];
            if wanted > 0.0 {
                order.sort_by(|a, b| self.hours_left(*b, at).total_cmp(&self.hours_left(*a, at)));
                for place in &order {
                    let given = self.deliverable(*place, at, hour_of_day).min(wanted);
                    if given > 0.0 {
                        wanted -= given;
                        self.given_mw[*place] = given;
                    }
                }
            }
            self.order = order;
        }
        for place in 0..storages {
            let given = self.given_mw[place];
            let storage = &prepared.system.storages[place];
            self.content_mwh[place] = (self.content_mwh[place] - given / storage.discharge_efficiency).max(0.0);
            row[self.layout.storage(place) + 1] += given;
        }
        self.run_hydro(at, row);
    }

    /// The hydro gives what `given_mw` says and takes the hour's inflow.
    fn run_hydro(&mut self, at: usize, row: &mut [f64]) {
        let prepared = self.prepared;
        let storages = prepared.system.storages.len();
        for (place, hydro) in prepared.system.hydros.iter().enumerate() {
            let given = self.given_mw[storages + place];
            row[self.layout.hydro(place)] += given;
            self.keep_inflow(place, hydro.energy_mwh, prepared.inflow_mwh[place][at] - given, row);
        }
    }

    /// Hours for which a reservoir could give its full power.
    fn hours_left(&self, reservoir: usize, at: usize) -> f64 {
        let system = self.prepared.system;
        let storages = system.storages.len();
        let (energy, power) = if reservoir < storages {
            let storage = &system.storages[reservoir];
            (self.content_mwh[reservoir] * storage.discharge_efficiency, storage.discharge_mw)
        } else {
            let inflow = self.prepared.inflow_mwh[reservoir - storages][at];
            (self.content_mwh[reservoir] + inflow, system.hydros[reservoir - storages].power_mw)
        };
        if power > 0.0 { energy / power } else { 0.0 }
    }

    /// Power that a storage would take in the hour \[MW\].
    fn chargeable(&self, storage: usize, hour_of_day: usize) -> f64 {
        let prepared = self.prepared;
        let others = prepared.components.len() - prepared.first_storage;
        if self.down[hour_of_day * others + storage] || self.given_mw[storage] > 0.0 {
            return 0.0;
        }
        let what = &prepared.system.storages[storage];
        what.charge_mw.min((what.energy_mwh - self.content_mwh[storage]) / what.charge_efficiency).max(0.0)
    }

    /// Surplus charges storage, its own area's first; in an area those that would be empty soonest come first.
    fn charge(&mut self, hour_of_day: usize, row: &mut [f64]) {
        let prepared = self.prepared;
        let level = prepared.levels;
        let base = level * prepared.areas;
        let mut any = false;
        for area in 0..prepared.areas {
            let room: f64 = prepared.storages_of[area].iter().map(|storage| self.chargeable(*storage, hour_of_day)).sum();
            self.network.unmet_mw[base + area] = room;
            any |= room > 0.0;
        }
        if !any {
            return;
        }
        self.network.serve(level, false);
        for area in 0..prepared.areas {
            let mut order = std::mem::take(&mut self.order);
            order.clear();
            order.extend_from_slice(&prepared.storages_of[area]);
            let room: f64 = order.iter().map(|storage| self.chargeable(*storage, hour_of_day)).sum();
            let mut got = room - self.network.unmet_mw[base + area];
            if order.len() > 1 {
                order.sort_by(|a, b| self.hours_left(*a, 0).total_cmp(&self.hours_left(*b, 0)));
            }
            for place in &order {
                let taken = self.chargeable(*place, hour_of_day).min(got);
                if taken > 0.0 {
                    let storage = &prepared.system.storages[*place];
                    got -= taken;
                    let content = self.content_mwh[*place] + taken * storage.charge_efficiency;
                    let full = content >= storage.energy_mwh * (1.0 - 1e-12);
                    self.content_mwh[*place] = if full { storage.energy_mwh } else { content };
                    row[self.layout.storage(*place)] += taken;
                }
            }
            self.order = order;
        }
    }

    /// An hour without shortage in a system with reservoirs.
    fn store(&mut self, at: usize, hour_of_day: usize, row: &mut [f64]) {
        let prepared = self.prepared;
        self.given_mw.fill(0.0);
        if !(0..prepared.system.storages.len()).all(|storage| self.is_full(storage)) {
            let areas = prepared.areas;
            let others = prepared.components.len() - prepared.first_storage;
            self.set_ties(|year, tie| year.down[hour_of_day * others + prepared.first_tie - prepared.first_storage + tie]);
            for area in 0..areas {
                let demand = self.network.unmet_mw[area] + prepared.tier_sum_mw[at * areas + area];
                self.network.supply_mw[area] = (self.network.supply_mw[area] - demand).max(0.0);
            }
            self.charge(hour_of_day, row);
            for (place, flow) in self.network.flow_mw.iter().enumerate() {
                row[self.layout.tie(place)] += flow.max(0.0);
                row[self.layout.tie(place) + 1] += (-flow).max(0.0);
            }
        }
        self.run_hydro(at, row);
    }

    /// Counts the events that begin in the hour in continuous time: at its first moment, and after each failure or repair in it.
    fn count_within(&mut self, hour: usize, at: usize, row: &mut [f64]) {
        let prepared = self.prepared;
        self.count_moment(row);
        let (begin_h, end_h) = (hour as f64, (hour + 1) as f64);
        let mut moments = std::mem::take(&mut self.moments);
        moments.clear();
        for place in &self.near {
            for time in [self.outages.start_h[*place as usize], self.outages.end_h[*place as usize]] {
                if time > begin_h && time < end_h {
                    moments.push(time);
                }
            }
        }
        moments.sort_unstable_by(f64::total_cmp);
        for moment in &moments {
            let needed = self.set_hour(at, |year, area| year.lost_at(*moment, hour, at, area));
            self.loss_mw.fill(0.0);
            if needed {
                self.set_tiers(at);
                self.set_ties(|year, tie| year.tie_down_at(*moment, tie));
                for level in 0..prepared.levels {
                    self.network.serve(level, false);
                }
                self.settle(hour, at, None);
            }
            self.count_moment(row);
        }
        self.moments = moments;
    }

    fn count_moment(&mut self, row: &mut [f64]) {
        for scope in 0..self.loss_mw.len() {
            let is_short = self.loss_mw[scope] > NOTHING_MW;
            if is_short && !self.short_continuous[scope] {
                row[self.layout.scope(scope) + 4] += 1.0;
            }
            self.short_continuous[scope] = is_short;
        }
    }

    /// Capacity out in an area at a moment \[MW\].
    fn lost_at(&self, moment: f64, hour: usize, at: usize, area: usize) -> f64 {
        let prepared = self.prepared;
        let mut lost = 0.0;
        for place in &self.near {
            let place = *place as usize;
            if self.outages.start_h[place] <= moment && moment < self.outages.end_h[place] {
                let component = &prepared.components[self.outages.component[place] as usize];
                if component.kind == Kind::Unit && component.area == area {
                    let unit = &prepared.system.units[component.place];
                    if !unit.maintenance.iter().any(|out| out.contains(&hour)) {
                        let share = prepared.profile[component.place].get(at).copied().unwrap_or(1.0);
                        lost += component.capacity_mw * self.outages.lost[place] * share;
                    }
                }
            }
        }
        for (place, unit) in prepared.system.units.iter().enumerate() {
            if unit.area == area && unit.maintenance.iter().any(|out| out.contains(&hour)) {
                let share = prepared.profile[place].get(at).copied().unwrap_or(1.0);
                lost += f64::from(unit.count) * unit.capacity_mw * share;
            }
        }
        lost
    }

    fn tie_down_at(&self, moment: f64, tie: usize) -> bool {
        self.near.iter().any(|place| {
            let place = *place as usize;
            self.outages.component[place] as usize == self.prepared.first_tie + tie
                && self.outages.start_h[place] <= moment
                && moment < self.outages.end_h[place]
        })
    }
}
