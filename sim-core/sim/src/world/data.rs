//! Datasets: copies, losses, recovery points, copying again.
//!
//! A dataset is readable at a site if a copy is at a working site (itself or one that it reaches). When the primary is lost, the next
//! copy takes its place, as old as the last synchronisation: synchronisations come every `replication_interval` from a phase drawn once.
//! When the last copy is lost, the last offline backup is restored to its primary site at the bandwidth of a site's access, as old as
//! that backup; without backups the data is lost. A lost copy is made again as soon as its site works and reaches another copy,
//! over the widest path. How old copies become behind a cut: `staleness`.

mod staleness;

use bastide_engine::Stream;
use bastide_units::{Duration, Time};

use super::network::ACCESS_BYTES_PER_S;
use super::site::SiteState;
use super::{CLASS_RETURN, Event, World};
use crate::setup::{Setup, entity_key};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Replica {
    /// A place that an evacuation may bring it to.
    Absent,
    Held,
    Missing,
    Underway,
}

struct DatasetState {
    copies: Vec<Replica>,
    /// Copies that the plan places; those after them are where evacuations may bring it.
    planned: usize,
    /// When what stands abroad was complete there.
    saved: Option<Time>,
    /// Event that each copy was lost by last.
    lost_by: Vec<Option<u64>>,
    /// Phases of synchronisation and backup, as shares of their intervals.
    sync_phase: f64,
    backup_phase: f64,
    /// All copies lost, no backup.
    gone: bool,
    /// A working site has a copy.
    readable: bool,
    since: Time,
    readable_s: f64,
    lost_bytes: f64,
    recovery_point_s: f64,
}

/// All datasets.
pub(crate) struct Data {
    sets: Vec<DatasetState>,
    /// `[dataset * sites + site]`.
    readable: Vec<bool>,
    pub staleness: staleness::Staleness,
    sites: usize,
    pub created: f64,
    pub replicated: f64,
    pub destroyed: f64,
}

impl Data {
    pub(crate) fn new(setup: &Setup, seed: u64, replication: u32) -> Self {
        let sites = setup.model.sites.len();
        let set = |(at, dataset): (usize, &bastide_model::model::Dataset)| {
            let mut stream = Stream::new(seed, replication, entity_key("dataset", &dataset.entity.name, "phase"));
            let mut copies = vec![Replica::Held; setup.planned_replicas[at]];
            copies.resize(setup.replicas[at].len(), Replica::Absent);
            DatasetState {
                copies,
                planned: setup.planned_replicas[at],
                saved: None,
                lost_by: vec![None; setup.replicas[at].len()],
                sync_phase: stream.uniform(),
                backup_phase: stream.uniform(),
                gone: false,
                readable: false,
                since: Time::ZERO,
                readable_s: 0.0,
                lost_bytes: 0.0,
                recovery_point_s: 0.0,
            }
        };
        let created = setup.model.datasets.iter().zip(&setup.planned_replicas).map(|(d, r)| d.size.as_bytes() * *r as f64).sum();
        Self {
            sets: setup.model.datasets.iter().enumerate().map(set).collect(),
            readable: vec![false; setup.model.datasets.len() * sites],
            staleness: staleness::Staleness::new(setup),
            sites,
            created,
            replicated: 0.0,
            destroyed: 0.0,
        }
    }

    #[inline]
    pub(super) fn readable(&self, dataset: usize, site: usize) -> bool {
        self.readable[dataset * self.sites + site]
    }

    /// (lost \[TB\], recovery point \[h\], share of time readable) of a dataset.
    pub(super) fn summary(&self, dataset: usize, end: Time) -> (f64, f64, f64) {
        let set = &self.sets[dataset];
        let open = if set.readable { end.since(set.since).as_s() } else { 0.0 };
        (set.lost_bytes * 1e-12, set.recovery_point_s / 3600.0, ((set.readable_s + open) / end.since(Time::ZERO).as_s()).min(1.0))
    }

    /// Whether the place of a copy works: a store abroad, which needs no accelerators, as long as nothing is known to have hit it.
    fn stands(&self, setup: &Setup, sites: &[SiteState], dataset: usize, copy: usize) -> bool {
        let site = setup.replicas[dataset][copy];
        sites[site].works || (copy >= self.sets[dataset].planned && !setup.built[site])
    }

    /// Sites that hold a copy and work.
    pub(super) fn live_copies<'d>(&'d self, setup: &'d Setup, sites: &'d [SiteState], dataset: usize) -> impl Iterator<Item = usize> + 'd {
        let held = move |copy: &usize| self.sets[dataset].copies[*copy] == Replica::Held && self.stands(setup, sites, dataset, *copy);
        (0..setup.replicas[dataset].len()).filter(held).map(move |copy| setup.replicas[dataset][copy])
    }

    /// Sites that hold a copy, whether they work or not.
    pub(super) fn held_at<'d>(&'d self, setup: &'d Setup, dataset: usize) -> impl Iterator<Item = usize> + 'd {
        let copies = self.sets[dataset].copies.iter().zip(&setup.replicas[dataset]);
        copies.filter(|(copy, _)| **copy == Replica::Held).map(|(_, site)| *site)
    }

    /// Whether no copy is left, and no backup.
    pub(super) fn is_gone(&self, dataset: usize) -> bool {
        self.sets[dataset].gone
    }

    /// Bytes of all copies that exist.
    pub(super) fn held(&self, setup: &Setup) -> f64 {
        let held = |set: &DatasetState| set.copies.iter().filter(|copy| **copy == Replica::Held).count() as f64;
        self.sets.iter().zip(&setup.model.datasets).map(|(set, dataset)| held(set) * dataset.size.as_bytes()).sum()
    }
}

/// Time since the last of the moments that come every `interval` from a phase \[s\].
fn age_s(now: Time, interval: Duration, phase: f64) -> f64 {
    let interval = interval.as_s();
    if interval <= 0.0 { 0.0 } else { (now.since(Time::ZERO).as_s() + phase * interval) % interval }
}

impl World<'_> {
    /// Copies that the plan places where the rules never allow them.
    pub(super) fn illegal_replicas(&self) -> u64 {
        let legal = &self.setup.model.legal_dataset;
        let planned = |dataset: usize| self.setup.replicas[dataset].iter().take(self.setup.planned_replicas[dataset]);
        let sites = |dataset: usize| planned(dataset).filter(move |site| !legal[dataset][**site].at(Time::ZERO));
        (0..legal.len()).map(|dataset| sites(dataset).count() as u64).sum()
    }

    /// Works out again what is readable where.
    pub(super) fn refresh_data(&mut self) {
        let mut changed = false;
        let mut live: Vec<usize> = Vec::new();
        for dataset in 0..self.data.sets.len() {
            live.clear();
            live.extend(self.data.live_copies(self.setup, &self.sites, dataset));
            let any = !live.is_empty();
            self.age_copies(dataset, &mut live);
            for site in 0..self.data.sites {
                let reads = live.iter().any(|copy| self.net.paths.joined(*copy, site));
                let place = dataset * self.data.sites + site;
                changed |= self.data.readable[place] != reads;
                self.data.readable[place] = reads;
            }
            let set = &mut self.data.sets[dataset];
            if any != set.readable {
                if set.readable {
                    set.readable_s += self.now.since(set.since).as_s();
                }
                (set.readable, set.since) = (any, self.now);
            }
        }
        self.dirty.services |= changed;
    }

    /// Destroys the copies at a site, and the checkpoints in its storage.
    pub(crate) fn lose_replicas(&mut self, site: usize, cause: Option<u64>) {
        self.lose_replicas_and_backups(site, cause, &[]);
    }

    /// Destroys the copies at a site, and the offline backups of those datasets for which it says so.
    pub(crate) fn lose_replicas_and_backups(&mut self, site: usize, cause: Option<u64>, backup_lost: &[bool]) {
        self.lose_checkpoints(site);
        self.advance_evacuations();
        for dataset in 0..self.data.sets.len() {
            let at = self.setup.replicas[dataset].iter().position(|place| *place == site);
            if let Some(at) = at.filter(|&at| self.data.sets[dataset].copies[at] == Replica::Held) {
                self.lose_replica(dataset, at, cause, !backup_lost.get(dataset).copied().unwrap_or(false));
            }
        }
        self.dirty.data = true;
    }

    fn lose_replica(&mut self, dataset: usize, at: usize, cause: Option<u64>, backed_up: bool) {
        let model = &self.setup.model.datasets[dataset];
        let now = self.now;
        let under_way = self.evacuations.under_way(dataset, self.setup.replicas[dataset][at]);
        let set = &mut self.data.sets[dataset];
        let primary = set.copies.iter().position(|copy| *copy == Replica::Held) == Some(at);
        set.copies[at] = Replica::Missing;
        self.data.destroyed += model.size.as_bytes();
        let left = set.copies.contains(&Replica::Held);
        let next = set.copies.iter().position(|copy| *copy == Replica::Held);
        let (kind, hours, note) = if left && primary {
            let mut age = age_s(now, model.replication_interval, set.sync_phase);
            // What was carried abroad is as old as its arrival unless the two places still reach each other.
            if let (Some(saved), Some(next)) = (set.saved, next)
                && next >= set.planned
                && !self.net.paths.joined(self.setup.replicas[dataset][at], self.setup.replicas[dataset][next])
            {
                age = now.since(saved).as_s();
            }
            set.recovery_point_s = set.recovery_point_s.max(age);
            ("primary-lost", age / 3600.0, "hours of changes lost")
        } else if left {
            ("copy-lost", 0.0, "")
        } else if let (Some(interval), true) = (model.backup_interval, backed_up) {
            let age = age_s(now, interval, set.backup_phase);
            set.recovery_point_s = set.recovery_point_s.max(age);
            ("copies-lost", age / 3600.0, "hours since the last backup")
        } else if let Some(off) = under_way {
            let age = now.since(off).as_s();
            set.recovery_point_s = set.recovery_point_s.max(age);
            ("copies-lost", age / 3600.0, "hours since all of it was on its way elsewhere")
        } else {
            set.gone = true;
            set.lost_bytes += model.size.as_bytes();
            set.recovery_point_s = set.recovery_point_s.max(now.since(Time::ZERO).as_s());
            ("data-lost", model.size.as_tb(), "TB")
        };
        let seq = self.recorder.event(now, kind, "dataset", dataset, hours, note, cause);
        self.data.sets[dataset].lost_by[at] = Some(seq);
    }

    /// The newest event that keeps a dataset from being read at a site.
    pub(super) fn data_cause(&self, dataset: usize, site: usize) -> Option<u64> {
        let set = &self.data.sets[dataset];
        let why = |(at, &place): (usize, &usize)| match set.copies[at] {
            Replica::Held if !self.sites[place].works => self.sites[place].down_seq,
            Replica::Held if self.data.staleness.seq(dataset, place).is_some() => self.data.staleness.seq(dataset, place),
            Replica::Held if !self.net.paths.joined(place, site) => self.link_cause(),
            Replica::Held | Replica::Absent => None,
            Replica::Missing | Replica::Underway => set.lost_by[at],
        };
        self.setup.replicas[dataset].iter().enumerate().filter_map(why).max()
    }

    /// Begins to make missing copies again where that is possible now.
    pub(crate) fn copy_missing(&mut self) {
        for dataset in 0..self.data.sets.len() {
            if self.data.sets[dataset].gone {
                continue;
            }
            let size = self.setup.model.datasets[dataset].size.as_bytes();
            let replicas = &self.setup.replicas[dataset];
            let from_backup = !self.data.sets[dataset].copies.contains(&Replica::Held);
            for at in 0..replicas.len() {
                let site = replicas[at];
                if self.data.sets[dataset].copies[at] != Replica::Missing || !self.sites[site].works || self.sites[site].storage_wiped {
                    continue;
                }
                let width = if from_backup {
                    // One restoration at a time; the other copies follow from it. Without a backup, the copy is on its way elsewhere.
                    let none = self.setup.model.datasets[dataset].backup_interval.is_none();
                    if none || self.data.sets[dataset].copies.contains(&Replica::Underway) { 0.0 } else { ACCESS_BYTES_PER_S }
                } else {
                    let held = replicas
                        .iter()
                        .enumerate()
                        .filter(|(copy, _)| self.data.sets[dataset].copies[*copy] == Replica::Held)
                        .filter(|(copy, _)| self.data.stands(self.setup, &self.sites, dataset, *copy));
                    let widths = held.map(|(_, place)| self.path_width(*place, site));
                    widths.fold(0.0, f64::max).min(ACCESS_BYTES_PER_S)
                };
                if width > 0.0 {
                    self.data.sets[dataset].copies[at] = Replica::Underway;
                    let time = self.now + Duration::from_s(size / width);
                    self.queue.schedule(time, CLASS_RETURN, Event::Copied { dataset: dataset as u32, replica: at as u32 });
                }
            }
        }
    }

    /// A dataset is complete at a site that an evacuation brings it to.
    pub(super) fn copy_saved(&mut self, dataset: usize, site: usize, cause: u64) {
        let model = &self.setup.model.datasets[dataset];
        let set = &mut self.data.sets[dataset];
        if let Some(copy) = self.setup.replicas[dataset].iter().position(|place| *place == site)
            && set.copies[copy] != Replica::Held
        {
            set.copies[copy] = Replica::Held;
            self.data.replicated += model.size.as_bytes();
        }
        set.saved.get_or_insert(self.now);
        self.recorder.event(self.now, "copy-saved", "dataset", dataset, model.size.as_tb(), "TB", Some(cause));
        self.dirty.data = true;
    }

    /// What was on its way is lost, too: with it a dataset of which nothing else is left.
    pub(super) fn lose_unless_held(&mut self, dataset: usize, cause: u64) {
        let model = &self.setup.model.datasets[dataset];
        let set = &mut self.data.sets[dataset];
        if set.gone || model.backup_interval.is_some() || set.copies.contains(&Replica::Held) {
            return;
        }
        set.gone = true;
        set.lost_bytes += model.size.as_bytes();
        set.recovery_point_s = set.recovery_point_s.max(self.now.since(Time::ZERO).as_s());
        self.recorder.event(self.now, "data-lost", "dataset", dataset, model.size.as_tb(), "TB", Some(cause));
    }

    pub(super) fn on_copied(&mut self, dataset: usize, replica: usize) {
        let site = self.setup.replicas[dataset][replica];
        // A site that was hit meanwhile starts again when it is back.
        let works = self.sites[site].works && !self.sites[site].storage_wiped;
        self.data.sets[dataset].copies[replica] = if works { Replica::Held } else { Replica::Missing };
        if works {
            self.data.replicated += self.setup.model.datasets[dataset].size.as_bytes();
            let cause = self.data.sets[dataset].lost_by[replica];
            self.recorder.event(self.now, "copied", "dataset", dataset, replica as f64, "which copy", cause);
            self.dirty.data = true;
        }
        self.copy_missing();
    }
}
