//! The system as the simulation reads it: dense arrays by hour and area, and by day what decides whether a day is visited.

use bastide_engine::{derive_key, stream_key};

use super::path::Chain;
use super::{SequentialError, Weather};
use crate::adequacy::{System, TierKind};

/// Hours of a day: the block of hours that is visited or skipped as a whole.
pub(super) const DAY: usize = 24;

/// What a component is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A class of units in an area.
    Unit,
    Storage,
    Hydro,
    Tie,
}

/// A component: all members of a class have the same law.
pub(super) struct Component {
    pub kind: Kind,
    /// Position among its kind.
    pub place: usize,
    /// Area, for units.
    pub area: usize,
    /// Capacity of one member \[MW\], for units.
    pub capacity_mw: f64,
    pub chain: Chain,
    /// Key of the stream of each member.
    pub keys: Vec<u64>,
}

/// A tier of an area.
pub(super) struct TierPlace {
    pub area: usize,
    /// Level of priority: 0 is firm load, the highest number is shed first.
    pub level: usize,
    pub firm: bool,
    pub backup_mw: f64,
    pub backup_mwh: f64,
    pub most_h_per_day: f64,
}

/// The prepared system. Series run over the hours of all recorded years, one after the other ("source hours").
pub(super) struct Prepared<'a> {
    pub system: &'a System,
    pub hours: usize,
    pub days: usize,
    pub areas: usize,
    /// Supply with every unit up and none in maintenance, by source hour and area \[MW\].
    pub supply_mw: Vec<f64>,
    /// Firm load, by source hour and area \[MW\].
    pub load_mw: Vec<f64>,
    /// Demand of the tiers together, by source hour and area \[MW\].
    pub tier_sum_mw: Vec<f64>,
    /// Demand of each tier, by tier and source hour \[MW\].
    pub tier_mw: Vec<Vec<f64>>,
    /// Profile of each component by source hour; empty is 1.
    pub profile: Vec<Vec<f64>>,
    pub profile_max: Vec<f64>,
    pub inflow_mwh: Vec<Vec<f64>>,
    /// Least surplus of a day with nothing out, by area and source day \[MW\].
    pub floor_mw: Vec<f64>,
    pub load_max_mw: Vec<f64>,
    pub load_min_mw: Vec<f64>,
    /// Most capacity in maintenance in a calendar day, by area and day \[MW\].
    pub maintenance_mw: Vec<f64>,
    /// Hour of the day with the greatest firm demand: by scope (system, areas) and source day.
    pub peak_hour: Vec<u8>,
    /// Number of source days.
    pub source_days: usize,
    pub components: Vec<Component>,
    /// First storage, hydro, tie among the components.
    pub first_storage: usize,
    pub first_hydro: usize,
    pub first_tie: usize,
    pub tiers: Vec<TierPlace>,
    /// Levels of priority.
    pub levels: usize,
    pub forecast_keys: Vec<u64>,
    /// Hours depend on earlier ones.
    pub memory: bool,
    /// Frequency and duration can be had.
    pub chronology: bool,
    /// Mean firm demand of a year: of the system, then of the areas \[MWh\].
    pub demand_mwh: Vec<f64>,
    /// Storages by area.
    pub storages_of: Vec<Vec<usize>>,
    /// Hydros by area.
    pub hydros_of: Vec<Vec<usize>>,
}

impl<'a> Prepared<'a> {
    pub fn new(system: &'a System, weather: Option<&Weather>) -> Result<Self, SequentialError> {
        super::shape::check(system, weather)?;
        let (hours, areas) = (system.hours, system.areas.len());
        let days = hours.div_ceil(DAY);
        let years = weather.map_or(1, |weather| weather.years.len());
        let components = components(system);
        let source_hours = years * hours;
        let mut prepared = Self {
            system,
            hours,
            days,
            areas,
            supply_mw: vec![0.0; source_hours * areas],
            load_mw: vec![0.0; source_hours * areas],
            tier_sum_mw: vec![0.0; source_hours * areas],
            tier_mw: Vec::new(),
            profile: vec![Vec::new(); system.units.len()],
            profile_max: vec![1.0; system.units.len()],
            inflow_mwh: Vec::new(),
            floor_mw: Vec::new(),
            load_max_mw: Vec::new(),
            load_min_mw: Vec::new(),
            maintenance_mw: vec![0.0; areas * days],
            peak_hour: Vec::new(),
            source_days: years * days,
            first_storage: system.units.len(),
            first_hydro: system.units.len() + system.storages.len(),
            first_tie: system.units.len() + system.storages.len() + system.hydros.len(),
            chronology: components.iter().all(|component| !component.chain.is_hourly()),
            components,
            tiers: Vec::new(),
            levels: 1,
            forecast_keys: keys(system.areas.iter().map(|area| area.name.as_str()), "load forecast"),
            memory: false,
            demand_mwh: vec![0.0; areas + 1],
            storages_of: (0..areas).map(|area| places(system.storages.iter().map(|storage| storage.area), area)).collect(),
            hydros_of: (0..areas).map(|area| places(system.hydros.iter().map(|hydro| hydro.area), area)).collect(),
        };
        prepared.place_tiers();
        prepared.fill(weather, years);
        prepared.summarise(years);
        prepared.memory =
            !system.storages.is_empty() || !system.hydros.is_empty() || prepared.tiers.iter().any(|tier| tier.most_h_per_day < 24.0);
        Ok(prepared)
    }

    /// Scopes of the indices: the system, and the areas where there are several.
    pub fn scopes(&self) -> usize {
        if self.areas == 1 { 1 } else { self.areas + 1 }
    }

    /// Levels of priority: firm load, then the firm tiers, then those that have agreed to yield; in each of these two, the
    /// later in the list the better served. A firm tier that stands in the list before an interruptible one is shed
    /// before it, so it ranks with the interruptible.
    fn place_tiers(&mut self) {
        let deepest = |kind_firm: bool| self.system.areas.iter().map(|area| split_tiers(area, kind_firm)).max().unwrap_or(0);
        let firm_levels = deepest(true);
        self.levels = 1 + firm_levels + deepest(false);
        for (place, area) in self.system.areas.iter().enumerate() {
            let firm = split_tiers(area, true);
            let count = area.tiers.len();
            for (position, tier) in area.tiers.iter().enumerate() {
                let depth = count - 1 - position;
                let level = if depth < firm { 1 + depth } else { 1 + firm_levels + depth - firm };
                self.tiers.push(TierPlace {
                    area: place,
                    level,
                    firm: tier.kind == TierKind::Firm,
                    backup_mw: tier.backup_mw,
                    backup_mwh: tier.backup_mw * tier.backup_h,
                    most_h_per_day: tier.most_h_per_day,
                });
            }
        }
    }

    /// Lays the series of the recorded years, or the system's own, one after the other.
    fn fill(&mut self, weather: Option<&Weather>, years: usize) {
        let (system, hours, areas) = (self.system, self.hours, self.areas);
        let record = |year: usize| weather.and_then(|weather| weather.years.get(year));
        self.tier_mw = vec![Vec::with_capacity(years * hours); self.tiers.len()];
        self.inflow_mwh = vec![Vec::with_capacity(years * hours); system.hydros.len()];
        for year in 0..years {
            let base = year * hours * areas;
            let pick = |series: Option<&'_ Vec<f64>>, own: &'a Vec<f64>| -> Vec<f64> {
                series.filter(|series| !series.is_empty()).unwrap_or(own).clone()
            };
            let mut tier_place = 0;
            for (place, area) in system.areas.iter().enumerate() {
                let load = pick(record(year).and_then(|record| record.load_mw.get(place)), &area.load_mw);
                let variable = pick(record(year).and_then(|record| record.variable_mw.get(place)), &area.variable_mw);
                for (hour, load) in load.iter().enumerate() {
                    self.load_mw[base + hour * areas + place] = *load;
                    self.supply_mw[base + hour * areas + place] = variable.get(hour).copied().unwrap_or(0.0);
                }
                for tier in &area.tiers {
                    for (hour, mw) in tier.mw.iter().enumerate() {
                        self.tier_sum_mw[base + hour * areas + place] += mw;
                    }
                    self.tier_mw[tier_place].extend_from_slice(&tier.mw);
                    tier_place += 1;
                }
            }
            for (place, unit) in system.units.iter().enumerate() {
                let profile = pick(record(year).and_then(|record| record.profile.get(place)), &unit.profile);
                let class_mw = f64::from(unit.count) * unit.capacity_mw;
                for hour in 0..hours {
                    self.supply_mw[base + hour * areas + unit.area] += class_mw * profile.get(hour).copied().unwrap_or(1.0);
                }
                if !profile.is_empty() || !self.profile[place].is_empty() {
                    self.profile[place].resize(year * hours, 1.0);
                    self.profile[place].extend(profile.iter().copied().chain(std::iter::repeat(1.0)).take(hours));
                }
            }
            for (place, hydro) in system.hydros.iter().enumerate() {
                let inflow = pick(record(year).and_then(|record| record.inflow_mwh.get(place)), &hydro.inflow_mwh);
                self.inflow_mwh[place].extend(inflow.iter().copied().chain(std::iter::repeat(0.0)).take(hours));
            }
        }
        for profile in &mut self.profile {
            if !profile.is_empty() {
                profile.resize(years * hours, 1.0);
            }
        }
        for (max, profile) in self.profile_max.iter_mut().zip(&self.profile) {
            *max = if profile.is_empty() { 1.0 } else { profile.iter().copied().fold(0.0, f64::max) };
        }
    }

    /// By day: the least surplus, the extremes of the load, the peak hours, the maintenance.
    fn summarise(&mut self, years: usize) {
        let (hours, areas, days) = (self.hours, self.areas, self.days);
        let source_days = years * days;
        self.floor_mw = vec![f64::INFINITY; areas * source_days];
        self.load_max_mw = vec![0.0; areas * source_days];
        self.load_min_mw = vec![f64::INFINITY; areas * source_days];
        self.peak_hour = vec![0; (areas + 1) * source_days];
        let firm_tiers: Vec<(usize, usize)> =
            self.tiers.iter().enumerate().filter(|(_, tier)| tier.firm).map(|(place, tier)| (place, tier.area)).collect();
        for year in 0..years {
            for day in 0..days {
                let source_day = year * days + day;
                let mut peak_mw = vec![f64::NEG_INFINITY; areas + 1];
                for hour in day * DAY..((day + 1) * DAY).min(hours) {
                    let at = (year * hours + hour) * areas;
                    let mut system_mw = 0.0;
                    for area in 0..areas {
                        let load = self.load_mw[at + area];
                        let slot = area * source_days + source_day;
                        let surplus = self.supply_mw[at + area] - load - self.tier_sum_mw[at + area];
                        self.floor_mw[slot] = self.floor_mw[slot].min(surplus);
                        self.load_max_mw[slot] = self.load_max_mw[slot].max(load);
                        self.load_min_mw[slot] = self.load_min_mw[slot].min(load);
                        let tiers: f64 = firm_tiers
                            .iter()
                            .filter(|(_, place)| *place == area)
                            .map(|(tier, _)| self.tier_mw[*tier][year * hours + hour])
                            .sum();
                        let firm = load + tiers;
                        system_mw += firm;
                        self.demand_mwh[area + 1] += firm / years as f64;
                        if firm > peak_mw[area + 1] {
                            peak_mw[area + 1] = firm;
                            self.peak_hour[(area + 1) * source_days + source_day] = (hour - day * DAY) as u8;
                        }
                    }
                    self.demand_mwh[0] += system_mw / years as f64;
                    if system_mw > peak_mw[0] {
                        peak_mw[0] = system_mw;
                        self.peak_hour[source_day] = (hour - day * DAY) as u8;
                    }
                }
            }
        }
        for (place, unit) in self.system.units.iter().enumerate() {
            let class_mw = f64::from(unit.count) * unit.capacity_mw * self.profile_max[place];
            for day in 0..days {
                let (begin, end) = (day * DAY, (day + 1) * DAY);
                if unit.maintenance.iter().any(|out| out.start < end && out.end > begin && out.start < out.end) {
                    self.maintenance_mw[unit.area * days + day] += class_mw;
                }
            }
        }
    }
}

/// Tiers of an area that rank with the firm load: those after the last interruptible one. Or the number of the rest.
fn split_tiers(area: &crate::adequacy::Area, firm: bool) -> usize {
    let firm_count = area.tiers.iter().rev().take_while(|tier| tier.kind == TierKind::Firm).count();
    if firm { firm_count } else { area.tiers.len() - firm_count }
}

fn places(areas: impl Iterator<Item = usize>, wanted: usize) -> Vec<usize> {
    areas.enumerate().filter(|(_, area)| *area == wanted).map(|(place, _)| place).collect()
}

/// Keys of the streams of named things. A name that comes again has a stream of its own, by how often it has come before.
fn keys<'n>(names: impl Iterator<Item = &'n str>, purpose: &str) -> Vec<u64> {
    let mut seen = std::collections::BTreeMap::new();
    names
        .map(|name| {
            let again = seen.entry(name).or_insert(0_u64);
            let key = derive_key(stream_key(name, purpose), *again);
            *again += 1;
            key
        })
        .collect()
}

/// Units, storage, hydro and ties, in this order.
fn components(system: &System) -> Vec<Component> {
    let unit_keys = keys(system.units.iter().map(|unit| unit.name.as_str()), "unit outage");
    let storage_keys = keys(system.storages.iter().map(|storage| storage.name.as_str()), "storage outage");
    let hydro_keys = keys(system.hydros.iter().map(|hydro| hydro.name.as_str()), "hydro outage");
    let tie_keys = keys(system.ties.iter().map(|tie| tie.name.as_str()), "tie outage");
    let mut components: Vec<Component> = Vec::new();
    for (place, (unit, key)) in system.units.iter().zip(unit_keys).enumerate() {
        components.push(Component {
            kind: Kind::Unit,
            place,
            area: unit.area,
            capacity_mw: unit.capacity_mw,
            chain: Chain::new(unit.outage, unit.derated),
            keys: (0..u64::from(unit.count)).map(|member| derive_key(key, member)).collect(),
        });
    }
    let single = |kind, place, area, outage, key| Component {
        kind,
        place,
        area,
        capacity_mw: 0.0,
        chain: Chain::new(outage, None),
        keys: vec![key],
    };
    let storages = system.storages.iter().zip(storage_keys).enumerate();
    components.extend(storages.map(|(place, (storage, key))| single(Kind::Storage, place, storage.area, storage.outage, key)));
    let hydros = system.hydros.iter().zip(hydro_keys).enumerate();
    components.extend(hydros.map(|(place, (hydro, key))| single(Kind::Hydro, place, hydro.area, hydro.outage, key)));
    let ties = system.ties.iter().zip(tie_keys).enumerate();
    components.extend(ties.map(|(place, (tie, key))| single(Kind::Tie, place, tie.from, tie.outage, key)));
    components
}
