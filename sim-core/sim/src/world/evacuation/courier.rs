//! Devices of couriers: filled, on the road, there, and back.

use bastide_engine::{Stream, derive_key};
use bastide_model::model::Evacuation;
use bastide_units::{Duration, Time};

use crate::setup::entity_key;
use crate::world::{CLASS_DECISION, Event, World};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    /// On its way to the first site.
    Coming,
    Idle,
    /// Being filled, or waiting for an open road.
    Loading,
    /// On its way there; half of the round trip [s], and whether it will be lost.
    Underway(f64, bool),
    /// On its way back.
    Returning,
    Lost,
}

pub(super) struct Device {
    pub courier: usize,
    stage: Stage,
    /// Site at which it is filled.
    site: usize,
    /// Data on it: position among the items, bytes.
    load: Vec<(usize, f64)>,
    version: u32,
    trips: Stream,
    pub used: bool,
    /// Event of its departure.
    left: Option<u64>,
}

impl Device {
    /// Whether it is at a site with some of an item on it.
    pub(super) fn is_filled_at(&self, site: usize, place: usize) -> bool {
        self.stage == Stage::Loading && self.site == site && self.load.iter().any(|(at, _)| *at == place)
    }
}

/// All devices of an evacuation. The draws of each are its own, so that more devices leave those of the others as they are.
pub(super) fn devices(evacuation: &Evacuation, seed: u64, replication: u32) -> Vec<Device> {
    let mut all = Vec::new();
    for (at, courier) in evacuation.couriers.iter().enumerate() {
        let key = entity_key("courier", &courier.entity.name, "trips");
        for number in 0..courier.devices {
            let trips = Stream::new(seed, replication, derive_key(key, u64::from(number)));
            all.push(Device { courier: at, stage: Stage::Coming, site: 0, load: Vec::new(), version: 0, trips, used: false, left: None });
        }
    }
    all
}

impl World<'_> {
    fn device_step(&mut self, at: usize, device: usize, time: Time, stage: Stage) {
        let it = &mut self.evacuations.all[at].devices[device];
        it.stage = stage;
        it.version += 1;
        let version = it.version;
        if time < self.setup.end {
            self.queue.schedule(time, CLASS_DECISION, Event::DeviceStep { evacuation: at as u32, device: device as u32, version });
        }
    }

    pub(in crate::world) fn on_device(&mut self, at: usize, device: usize, version: u32) {
        let it = &mut self.evacuations.all[at].devices[device];
        if it.version != version {
            return;
        }
        match it.stage {
            Stage::Coming | Stage::Returning => {
                it.stage = Stage::Idle;
                self.dirty.evacuations = true;
            }
            Stage::Loading => self.device_leaves(at, device),
            Stage::Underway(way_s, lost) => self.device_arrives(at, device, way_s, lost),
            Stage::Idle | Stage::Lost => {}
        }
    }

    fn device_leaves(&mut self, at: usize, device: usize) {
        let courier = &self.setup.model.evacuations[at].couriers[self.evacuations.all[at].devices[device].courier];
        let state = &mut self.evacuations.all[at];
        let it = &mut state.devices[device];
        // Both drawn for every trip, so that the next one is the same whatever becomes of this.
        let way_s = 0.5 * courier.round_trip.sample(&mut it.trips);
        let lost = it.trips.bernoulli(courier.trip_loss);
        it.used = true;
        state.trips += 1.0;
        state.cost_eur += courier.trip_cost.as_eur();
        let bytes: f64 = it.load.iter().map(|(_, bytes)| bytes).sum();
        let given = state.given;
        let seq = self.recorder.event(self.now, "courier-leaves", "evacuation", at, bytes * 1e-12, "TB", given);
        self.evacuations.all[at].devices[device].left = Some(seq);
        self.device_step(at, device, self.now + Duration::from_s(way_s), Stage::Underway(way_s, lost));
    }

    fn device_arrives(&mut self, at: usize, device: usize, way_s: f64, lost: bool) {
        self.advance_evacuations();
        let evacuations = &mut self.evacuations;
        let first = evacuations.first_class[at];
        let state = &mut evacuations.all[at];
        let load = std::mem::take(&mut state.devices[device].load);
        let left = state.devices[device].left;
        let mut bytes = 0.0;
        let parts: Vec<usize> = load.iter().map(|(place, _)| state.items[*place].dataset).collect();
        for (place, part) in load {
            let item = &mut state.items[place];
            item.moving -= part;
            let size = self.setup.model.datasets[item.dataset].size.as_bytes();
            if item.moving < super::ROUNDING * size {
                item.moving = 0.0;
            }
            bytes += part;
            if lost {
                item.left += part;
            } else {
                item.saved += part;
                evacuations.saved_by_class[first + item.class] += part;
            }
        }
        let kind = if lost { "courier-lost" } else { "courier-arrives" };
        let seq = self.recorder.event(self.now, kind, "evacuation", at, bytes * 1e-12, "TB", left);
        if lost {
            self.device_step(at, device, Time::NEVER, Stage::Lost);
            for dataset in parts {
                self.lose_unless_held(dataset, seq);
            }
        } else {
            let to = self.setup.model.evacuations[at].couriers[self.evacuations.all[at].devices[device].courier].to.index();
            self.close_items(at, Some((seq, to)));
            self.device_step(at, device, self.now + Duration::from_s(way_s), Stage::Returning);
        }
        self.dirty.evacuations = true;
    }

    /// Fills devices that stand idle from what leaves first.
    pub(super) fn load_devices(&mut self, at: usize) {
        let setup = self.setup;
        let evacuation = &setup.model.evacuations[at];
        for device in 0..self.evacuations.all[at].devices.len() {
            if self.evacuations.all[at].devices[device].stage != Stage::Idle {
                continue;
            }
            let courier = &evacuation.couriers[self.evacuations.all[at].devices[device].courier];
            let to = courier.to.index();
            let state = &self.evacuations.all[at];
            let from_of = |dataset: usize| evacuation.from.iter().map(|site| site.index()).find(|site| self.is_source(dataset, *site));
            let waits = |item: &&super::Item| item.left > 0.0 && self.may_arrive(item.dataset, to);
            let Some(site) = state.items.iter().filter(waits).find_map(|item| from_of(item.dataset)) else { continue };
            let rate = courier.load_rate.as_gb_per_s() * 1e9;
            let mut room = courier.capacity.as_bytes();
            if let Some(deadline) = state.deadline.filter(|deadline| *deadline > self.now) {
                // Better half full than too late.
                room = room.min(rate * deadline.since(self.now).as_s());
            }
            let mut load = Vec::new();
            for (place, item) in state.items.iter().enumerate() {
                if room > 0.0 && waits(&item) && self.is_source(item.dataset, site) {
                    let part = item.left.min(room);
                    room -= part;
                    load.push((place, part));
                }
            }
            let bytes: f64 = load.iter().map(|(_, part)| part).sum();
            for (place, part) in &load {
                let item = &mut self.evacuations.all[at].items[*place];
                item.left -= part;
                item.moving += part;
                if item.left <= 0.0 {
                    item.off = self.now;
                }
            }
            let it = &mut self.evacuations.all[at].devices[device];
            (it.site, it.load) = (site, load);
            let leaves = courier.leaves(self.now + Duration::from_s(bytes / rate));
            self.device_step(at, device, leaves, Stage::Loading);
        }
    }

    /// Devices that were being filled where the data is no more: what they had is lost with it.
    pub(super) fn unload_lost_sites(&mut self, at: usize) {
        for device in 0..self.evacuations.all[at].devices.len() {
            let it = &self.evacuations.all[at].devices[device];
            if it.stage != Stage::Loading {
                continue;
            }
            let site = it.site;
            let burnt = |(place, _): &(usize, f64)| {
                let dataset = self.evacuations.all[at].items[*place].dataset;
                !self.data.held_at(self.setup, dataset).any(|held| held == site)
            };
            if !it.load.iter().any(burnt) {
                continue;
            }
            let state = &mut self.evacuations.all[at];
            for (place, part) in std::mem::take(&mut state.devices[device].load) {
                state.items[place].moving = (state.items[place].moving - part).max(0.0);
                state.items[place].left += part;
            }
            self.device_step(at, device, Time::NEVER, Stage::Idle);
        }
    }
}
