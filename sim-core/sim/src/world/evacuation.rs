//! Evacuations: data that leaves under a warning, over links and by courier.
//!
//! When the order is given, the data of an evacuation is put in order once (`order`). From then on everything that can carry takes what
//! stands first in that order, is still there, and may be at the other end by law now:
//!
//! - Devices (`courier`) are filled first, leave when the road is open, and bring what they carry half a round trip later.
//! - Links are a fluid. Data in order takes the widest path from a site that has it to a site that may have it, and leaves to
//!   those after it what it does not fill. Rates hold until something changes: a link, a site, the law, a dataset that is through.
//!
//! When a link, a site or a device is lost, who carries what is decided again from the same order. A dataset is saved when all of it has
//! arrived, wherever its parts did; its copy then stands where the last part arrived. What the law does not let go stays.

mod account;
mod courier;
mod order;

use bastide_engine::Stream;
use bastide_model::model::{EvacuationStart, SiteId};
use bastide_units::{Duration, Time};

use super::network::Route;
use super::{CLASS_DECISION, Event, World};
use crate::setup::{Setup, entity_key};
use courier::Device;

const DAY_S: f64 = 86_400.0;
/// Share of a dataset that is rounding.
const ROUNDING: f64 = 1e-9;

/// One dataset of an evacuation.
#[derive(Clone, Debug)]
pub(super) struct Item {
    dataset: usize,
    class: usize,
    /// Still where it was, on its way nowhere [B].
    left: f64,
    /// On devices [B].
    moving: f64,
    /// Arrived [B].
    saved: f64,
    /// Over links now [B/s].
    rate: f64,
    /// Where links bring it now.
    to: usize,
    /// A copy stands elsewhere.
    safe: bool,
    /// When the last of it was on its way.
    off: Time,
}

impl Item {
    fn through(&self) -> bool {
        self.left <= 0.0 && self.moving <= 0.0
    }
}

pub(super) struct EvacuationState {
    /// Event of the order.
    given: Option<u64>,
    ordered_at: Time,
    /// When the loss is announced for, if for one moment.
    deadline: Option<Time>,
    /// Data in the order in which it leaves.
    items: Vec<Item>,
    devices: Vec<Device>,
    ended: Option<Time>,
    trips: f64,
    cost_eur: f64,
    chance: Stream,
    warning: Stream,
}

/// All evacuations.
pub(crate) struct Evacuations {
    all: Vec<EvacuationState>,
    /// What is left of them in the allocation under way.
    residual: Vec<f64>,
    since: Time,
    version: u32,
    /// First class of each evacuation among all, and their number of bytes that arrived.
    first_class: Vec<usize>,
    saved_by_class: Vec<f64>,
    /// Position of the first channel of the timeline.
    channel: usize,
}

impl Evacuations {
    pub(super) fn new(setup: &Setup, seed: u64, replication: u32) -> Self {
        let model = setup.model;
        let stream = |name: &str, purpose| Stream::new(seed, replication, entity_key("evacuation", name, purpose));
        let state = |evacuation: &bastide_model::model::Evacuation| EvacuationState {
            given: None,
            ordered_at: Time::NEVER,
            deadline: None,
            items: Vec::new(),
            devices: Vec::new(),
            ended: None,
            trips: 0.0,
            cost_eur: 0.0,
            chance: stream(&evacuation.entity.name, "order"),
            warning: stream(&evacuation.entity.name, "warning"),
        };
        let classes: Vec<usize> = crate::record::evacuation_classes(model).map(|(at, _)| at).collect();
        let first_class = (0..model.evacuations.len()).map(|at| classes.partition_point(|of| *of < at)).collect();
        let batch = model.services.iter().filter(|service| service.operation.defer.is_some()).count();
        Self {
            all: model.evacuations.iter().map(state).collect(),
            residual: Vec::new(),
            since: Time::ZERO,
            version: 0,
            first_class,
            saved_by_class: vec![0.0; classes.len()],
            channel: setup.backlog_channel(batch),
        }
    }

    fn active(&self) -> impl Iterator<Item = usize> + '_ {
        self.all.iter().enumerate().filter(|(_, state)| state.given.is_some() && state.ended.is_none()).map(|(at, _)| at)
    }

    /// Since when all of a dataset is on its way or there, if it is and none of it is on a device that is being filled at a site.
    pub(super) fn under_way(&self, dataset: usize, site: usize) -> Option<Time> {
        self.all.iter().find_map(|state| {
            let place = state.items.iter().position(|item| item.dataset == dataset)?;
            let item = &state.items[place];
            let filling = state.devices.iter().any(|device| device.is_filled_at(site, place));
            (item.left <= 0.0 && !filling).then_some(item.off)
        })
    }
}

impl World<'_> {
    pub(super) fn begin_evacuations(&mut self) {
        for (at, evacuation) in self.setup.model.evacuations.iter().enumerate() {
            let time = match &evacuation.start {
                EvacuationStart::At(time) => *time,
                EvacuationStart::Before { hazard, warning } => {
                    let first = self.first_of_hazard[hazard.index()];
                    let ahead = Duration::from_s(warning.sample(&mut self.evacuations.all[at].warning));
                    if first == Time::NEVER { first } else { Time::ZERO + first.since(Time::ZERO + ahead) }
                }
            };
            if time < self.setup.end {
                self.queue.schedule(time, CLASS_DECISION, Event::EvacuationOrder { evacuation: at as u32 });
            }
        }
    }

    pub(super) fn on_evacuation_order(&mut self, at: usize) {
        self.advance_evacuations();
        let setup = self.setup;
        let evacuation = &setup.model.evacuations[at];
        let items = self.leaving(at);
        let bytes: f64 = items.iter().map(|item| item.left).sum();
        // An order without warning follows what has just happened.
        let cause = self.recorder.at(self.now);
        let seq = self.recorder.event(self.now, "evacuation-begins", "evacuation", at, bytes * 1e-12, "TB to move", cause);
        let devices = courier::devices(evacuation, self.seed, self.replication);
        for (number, device) in devices.iter().enumerate() {
            let stands = self.now + evacuation.couriers[device.courier].first;
            let step = Event::DeviceStep { evacuation: at as u32, device: number as u32, version: 0 };
            self.queue.schedule(stands, CLASS_DECISION, step);
        }
        let state = &mut self.evacuations.all[at];
        (state.given, state.ordered_at, state.items, state.devices) = (Some(seq), self.now, items, devices);
        if let Some(bastide_engine::Distribution::Fixed(seconds)) = evacuation.expected_loss {
            state.deadline = Some(self.now + Duration::from_s(seconds));
        }
        self.dirty.evacuations = true;
    }

    pub(super) fn on_evacuation_step(&mut self, version: u32) {
        self.dirty.evacuations |= version == self.evacuations.version;
    }

    /// Whether a site has a copy of a dataset that can be read there.
    fn is_source(&self, dataset: usize, site: usize) -> bool {
        self.sites[site].works && self.data.held_at(self.setup, dataset).any(|place| place == site)
    }

    /// Whether data may arrive at a site now.
    fn may_arrive(&self, dataset: usize, site: usize) -> bool {
        self.setup.model.legal_dataset[dataset][site].at(self.now) && !self.sites[site].outage.out
    }

    /// Decides again who carries what.
    pub(super) fn go_on_evacuating(&mut self) {
        if self.evacuations.active().next().is_none() {
            return;
        }
        self.advance_evacuations();
        let active: Vec<usize> = self.evacuations.active().collect();
        self.evacuations.residual.clone_from(&self.net.free);
        let mut next = Time::NEVER;
        for at in active {
            self.unload_lost_sites(at);
            self.close_items(at, None);
            self.load_devices(at);
            next = next.min(self.share_out_links(at));
            self.end_evacuation(at);
        }
        self.evacuations.version += 1;
        if next < self.setup.end {
            let version = self.evacuations.version;
            self.queue.schedule(next, CLASS_DECISION, Event::EvacuationStep { version });
        }
    }

    /// Gives the links to the data of an evacuation, in its order; returns when that has to be done again.
    fn share_out_links(&mut self, at: usize) -> Time {
        let (setup, now) = (self.setup, self.now);
        let evacuation = &setup.model.evacuations[at];
        let mut next = Time::NEVER;
        let cut_s = evacuation.power_cuts.as_s();
        let mut dark = false;
        if cut_s > 0.0 {
            let day_s = (setup.model.header.start_epoch_s as f64 + now.since(Time::ZERO).as_s()).rem_euclid(DAY_S);
            dark = day_s + 1e-6 < cut_s;
            next = now + Duration::from_s((if dark { cut_s } else { DAY_S }) - day_s + 1e-9);
        }
        let routes = self.evacuation_routes(at);
        let capacities = &self.net.free;
        let mut free: Vec<f64> =
            self.evacuations.residual.iter().zip(capacities).map(|(left, width)| left.min(width * evacuation.link_share)).collect();
        let mut items = std::mem::take(&mut self.evacuations.all[at].items);
        for item in &mut items {
            item.rate = 0.0;
            if dark || item.left <= 0.0 {
                continue;
            }
            let mut best: (f64, Option<(&Route, usize)>) = (0.0, None);
            for (from, row) in evacuation.from.iter().zip(&routes) {
                if !self.is_source(item.dataset, from.index()) {
                    continue;
                }
                for (to, routes) in evacuation.to.iter().zip(row).filter(|(to, _)| self.may_arrive(item.dataset, to.index())) {
                    for route in routes {
                        let width = route.over.iter().map(|edge| free[*edge]).fold(route.bytes_per_s, f64::min);
                        if width > best.0 {
                            best = (width, Some((route, to.index())));
                        }
                    }
                }
            }
            // Less than a byte a second is rounding of what others left.
            if let (width, Some((route, to))) = best
                && width > 1.0
            {
                (item.rate, item.to) = (width, to);
                for edge in &route.over {
                    free[*edge] -= width;
                    self.evacuations.residual[*edge] -= width;
                }
                next = next.min(now + Duration::from_s(item.left / width + 1e-9));
            }
        }
        self.evacuations.all[at].items = items;
        next
    }

    /// Widest paths from where an evacuation leaves to where it goes.
    fn evacuation_routes(&self, at: usize) -> Vec<Vec<Vec<Route>>> {
        let setup = self.setup;
        let evacuation = &setup.model.evacuations[at];
        let node = |site: &SiteId| setup.graph.node_of_site(site.index());
        let route = |from: &SiteId, to: &SiteId| self.net.paths.routes(&setup.graph, &self.net.free, node(from), node(to));
        evacuation.from.iter().map(|from| evacuation.to.iter().map(|to| route(from, to)).collect()).collect()
    }

    /// Moves what links carried since the last time.
    pub(super) fn advance_evacuations(&mut self) {
        let (since, now) = (self.evacuations.since, self.now);
        if now <= since {
            return;
        }
        self.chart_evacuations(since, now);
        let seconds = now.since(since).as_s();
        let evacuations = &mut self.evacuations;
        for (state, first) in evacuations.all.iter_mut().zip(&evacuations.first_class) {
            for item in state.items.iter_mut().filter(|item| item.rate > 0.0) {
                let size = self.setup.model.datasets[item.dataset].size.as_bytes();
                let mut moved = (item.rate * seconds).min(item.left);
                if item.left - moved <= ROUNDING * size + 2e-9 * item.rate {
                    moved = item.left;
                }
                item.left -= moved;
                item.saved += moved;
                if item.left <= 0.0 {
                    item.off = now;
                }
                evacuations.saved_by_class[first + item.class] += moved;
            }
        }
        evacuations.since = now;
    }

    /// Records what is through by now; `device`: the event that brought the last of it, where links did not.
    fn close_items(&mut self, at: usize, device: Option<(u64, usize)>) {
        let Some(given) = self.evacuations.all[at].given else { return };
        for place in 0..self.evacuations.all[at].items.len() {
            let item = &mut self.evacuations.all[at].items[place];
            let arrived = item.through() && !item.safe;
            if arrived {
                item.safe = true;
                item.rate = 0.0;
                let (cause, to) = device.unwrap_or((given, item.to));
                let dataset = item.dataset;
                self.copy_saved(dataset, to, cause);
            }
        }
    }

    /// Ends an evacuation of which nothing is left, or nothing can be saved any more.
    fn end_evacuation(&mut self, at: usize) {
        let gone = |item: &Item| item.moving <= 0.0 && self.data.is_gone(item.dataset);
        let state = &self.evacuations.all[at];
        let done = state.items.iter().all(|item| item.safe || gone(item));
        if let (true, Some(given)) = (done, state.given) {
            let hours = self.now.since(state.ordered_at).as_h();
            let lost = state.items.iter().any(|item| !item.safe);
            let cause = if lost { self.recorder.at(self.now).unwrap_or(given) } else { given };
            let note = if lost { "hours; the rest is lost" } else { "hours; all is saved" };
            self.recorder.event(self.now, "evacuation-ends", "evacuation", at, hours, note, Some(cause));
            self.evacuations.all[at].ended = Some(self.now);
        }
    }
}
