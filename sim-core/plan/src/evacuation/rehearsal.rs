//! An order carried out with mean trips and nothing broken, by the rules of the simulation.

use bastide_units::Duration;

use super::instance::{Instance, after};

/// When a dataset is out.
#[derive(Clone, Debug, PartialEq)]
pub struct Departure {
    /// Position of the dataset.
    pub dataset: usize,
    /// From the order until its first part leaves; `None` if nothing of it does.
    pub begins: Option<Duration>,
    /// From the order until the last part has left; `None` if it does not by the last loss.
    pub out: Option<Duration>,
    /// Part that leaves over links \[TB\].
    pub link_tb: f64,
    /// Part that leaves by courier \[TB\].
    pub courier_tb: f64,
    /// Share that has left by the last loss.
    pub share: f64,
    /// Probability that all of it has left before the loss.
    pub saved: f64,
}

/// State of one dataset.
#[derive(Clone, Default)]
struct Item {
    left: f64,
    /// On devices that have not left.
    waiting: f64,
    link: f64,
    courier: f64,
    rate: f64,
    begins: Option<f64>,
    out: Option<f64>,
    /// Share that had left by each loss.
    by_loss: Vec<f64>,
}

struct Device {
    fleet: usize,
    /// Next change: free again, or gone with its load.
    time: f64,
    load: Vec<(usize, f64)>,
    idle: bool,
}

const TINY: f64 = 1e-9;

/// Expected share of value saved by an order.
pub(super) fn value(instance: &Instance, order: &[usize]) -> f64 {
    let items = carry_out(instance, order);
    let mut sum = instance.safe_value;
    for (job, item) in instance.jobs.iter().zip(&items) {
        for ((_, probability), share) in instance.losses.iter().zip(&item.by_loss) {
            let part = if instance.partial { *share } else { f64::from(u8::from(*share >= 1.0 - TINY)) };
            sum += probability * job.value * part;
        }
    }
    sum
}

/// Data that leaves by the expected loss [TB].
pub(super) fn saved_tb(instance: &Instance, order: &[usize]) -> f64 {
    let items = carry_out(instance, order);
    let of = |item: &Item| instance.losses.iter().zip(&item.by_loss).map(|((_, probability), share)| probability * share).sum::<f64>();
    instance.jobs.iter().zip(&items).map(|(job, item)| job.size * of(item)).sum()
}

/// What becomes of each dataset, in the order.
pub(super) fn schedule(instance: &Instance, order: &[usize]) -> Vec<Departure> {
    let items = carry_out(instance, order);
    let departure = |job: &usize| {
        let item = &items[*job];
        let whole = |share: &f64| *share >= 1.0 - TINY;
        let kept = instance.losses.iter().zip(&item.by_loss).filter(|(_, share)| whole(share));
        let saved = kept.fold(0.0, |sum, ((_, probability), _)| sum + probability);
        Departure {
            dataset: instance.jobs[*job].dataset,
            begins: item.begins.map(after),
            out: item.out.map(after),
            link_tb: item.link,
            courier_tb: item.courier,
            share: item.by_loss.last().copied().unwrap_or(0.0),
            saved,
        }
    };
    order.iter().map(departure).collect()
}

fn carry_out(instance: &Instance, order: &[usize]) -> Vec<Item> {
    let mut items: Vec<Item> = instance.jobs.iter().map(|job| Item { left: job.size, ..Item::default() }).collect();
    let mut devices = Vec::new();
    for (fleet, it) in instance.fleets.iter().enumerate() {
        devices.extend((0..it.devices).map(|_| Device { fleet, time: it.first, load: Vec::new(), idle: false }));
    }
    let mut now = 0.0;
    let mut loss = 0;
    while loss < instance.losses.len() {
        // Devices whose moment has come leave, or are back.
        for device in devices.iter_mut().filter(|device| !device.idle && device.time <= now + TINY) {
            if device.load.is_empty() {
                device.idle = true;
            } else {
                for (job, part) in device.load.drain(..) {
                    let item = &mut items[job];
                    item.waiting = if item.waiting - part < TINY * instance.jobs[job].size { 0.0 } else { item.waiting - part };
                    item.courier += part;
                    close(item, now);
                }
                device.time = now + instance.fleets[device.fleet].round_trip;
            }
        }
        while loss < instance.losses.len() && instance.losses[loss].0 <= now + TINY {
            for (job, item) in instance.jobs.iter().zip(&mut items) {
                item.by_loss.push(((item.link + item.courier) / job.size).min(1.0));
            }
            loss += 1;
        }
        if loss == instance.losses.len() {
            break;
        }
        let (dark, switch) = instance.power(now);
        load_devices(instance, order, &mut items, &mut devices, now);
        share_links(instance, order, &mut items, now, dark);
        let mut next = switch.min(instance.losses[loss].0);
        next = instance.moments.iter().copied().filter(|moment| *moment > now + TINY).fold(next, f64::min);
        next = devices.iter().filter(|device| !device.idle).map(|device| device.time).fold(next, f64::min);
        next = items.iter().filter(|item| item.rate > 0.0).map(|item| now + item.left / item.rate).fold(next, f64::min);
        let next = next.max(now + 1e-6);
        for (job, item) in instance.jobs.iter().zip(&mut items).filter(|(_, item)| item.rate > 0.0) {
            let mut moved = (item.rate * (next - now)).min(item.left);
            if item.left - moved < TINY * job.size {
                moved = item.left;
            }
            item.left -= moved;
            item.link += moved;
            close(item, next);
        }
        now = next;
    }
    items
}

fn close(item: &mut Item, now: f64) {
    if item.left <= 0.0 && item.waiting <= 0.0 && item.out.is_none() {
        item.out = Some(now);
    }
}

fn share_links(instance: &Instance, order: &[usize], items: &mut [Item], now: f64, dark: bool) {
    let mut free = instance.widths.clone();
    for &at in order {
        let (job, item) = (&instance.jobs[at], &mut items[at]);
        item.rate = 0.0;
        if dark || item.left <= 0.0 {
            continue;
        }
        let mut best = (0.0, None);
        for route in instance.routes.iter().filter(|route| job.may_take(route.from, route.to, now)) {
            let width = route.over.iter().map(|edge| free[*edge]).fold(route.width, f64::min);
            if width > best.0 {
                best = (width, Some(route));
            }
        }
        // The simulation leaves less than a byte a second alone.
        if let (width, Some(route)) = best
            && width > 1e-12
        {
            item.rate = width;
            item.begins.get_or_insert(now);
            route.over.iter().for_each(|edge| free[*edge] -= width);
        }
    }
}

fn load_devices(instance: &Instance, order: &[usize], items: &mut [Item], devices: &mut [Device], now: f64) {
    for device in devices.iter_mut().filter(|device| device.idle) {
        let fleet = &instance.fleets[device.fleet];
        let waits = |at: usize, items: &[Item]| items[at].left > 0.0 && instance.jobs[at].may_ride(fleet.to, now);
        let Some(&first) = order.iter().find(|at| waits(**at, items)) else { continue };
        let site = instance.jobs[first].sources[0];
        let mut room = fleet.capacity;
        if let Some(deadline) = instance.deadline.filter(|deadline| *deadline > now) {
            room = room.min(fleet.rate * (deadline - now));
        }
        let mut bytes = 0.0;
        for &at in order {
            if room > 0.0 && waits(at, items) && instance.jobs[at].sources.contains(&site) {
                let part = items[at].left.min(room);
                room -= part;
                bytes += part;
                items[at].left -= part;
                items[at].waiting += part;
                items[at].begins.get_or_insert(now);
                device.load.push((at, part));
            }
        }
        device.time = fleet.leaves(now + bytes / fleet.rate);
        device.idle = false;
    }
}
