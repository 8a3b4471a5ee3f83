//! How old copies grow that are cut off from the primary.
//!
//! The primary is the first copy that stands at a working site. A copy that does not reach it is as old as the last synchronisation was when it was
//! cut off, and grows older with the clock; when it reaches the primary again, it is synchronised at once. With `max_staleness` it is read no
//! longer from that age on.

use bastide_units::{Duration, Time};

use super::super::{CLASS_DECISION, Event, World};
use super::age_s;
use crate::setup::Setup;

/// A copy that is cut off.
#[derive(Clone, Copy)]
struct Cut {
    since: Time,
    /// Age when it was cut off \[s\].
    age_s: f64,
    /// The event that it is too old, once it is.
    stale: Option<u64>,
}

impl Cut {
    fn age_s(&self, now: Time) -> f64 {
        self.age_s + now.since(self.since).as_s()
    }
}

/// All copies that are cut off, and how old they became.
pub(crate) struct Staleness {
    /// `[dataset * sites + site]`.
    cuts: Vec<Option<Cut>>,
    most_s: Vec<f64>,
    sites: usize,
}

impl Staleness {
    pub(super) fn new(setup: &Setup) -> Self {
        let (datasets, sites) = (setup.model.datasets.len(), setup.model.sites.len());
        Self { cuts: vec![None; datasets * sites], most_s: vec![0.0; datasets], sites }
    }

    /// Greatest age of a copy of a dataset while it was cut off \[h\].
    pub(in crate::world) fn most_h(&self, dataset: usize, end: Time) -> f64 {
        let open = self.cuts[dataset * self.sites..(dataset + 1) * self.sites].iter().flatten().map(|cut| cut.age_s(end));
        open.fold(self.most_s[dataset], f64::max) / 3600.0
    }

    /// The event that a copy is too old to be read, while it is.
    pub(super) fn seq(&self, dataset: usize, site: usize) -> Option<u64> {
        self.cuts[dataset * self.sites + site].and_then(|cut| cut.stale)
    }
}

impl World<'_> {
    /// Takes over which copies reach the primary; drops those that are too old from the sites with a copy that works, the primary's first.
    pub(super) fn age_copies(&mut self, dataset: usize, live: &mut Vec<usize>) {
        let (setup, now) = (self.setup, self.now);
        if setup.replicas[dataset].len() < 2 {
            return;
        }
        let model = &setup.model.datasets[dataset];
        for &site in &setup.replicas[dataset] {
            let place = dataset * setup.model.sites.len() + site;
            let is_cut = live.contains(&site) && live.first().is_some_and(|primary| !self.net.paths.joined(*primary, site));
            match (is_cut, self.data.staleness.cuts[place]) {
                (true, None) => {
                    let age_s = age_s(now, model.replication_interval, self.data.sets[dataset].sync_phase);
                    self.data.staleness.cuts[place] = Some(Cut { since: now, age_s, stale: None });
                    if let Some(most) = model.max_staleness {
                        // A nanosecond late rather than early.
                        let time = now + Duration::from_s((most.as_s() - age_s).max(0.0) + 1e-9);
                        if time < setup.end {
                            self.queue.schedule(time, CLASS_DECISION, Event::CopyAges);
                        }
                    }
                }
                (false, Some(cut)) => {
                    let most = &mut self.data.staleness.most_s[dataset];
                    *most = most.max(cut.age_s(now));
                    self.data.staleness.cuts[place] = None;
                }
                _ => {}
            }
            if let (Some(most), Some(cut)) = (model.max_staleness, self.data.staleness.cuts[place])
                && cut.age_s(now) >= most.as_s()
            {
                live.retain(|other| *other != site);
                if cut.stale.is_none() {
                    let hub = setup.model.sites[site].nation.index();
                    let cause = self
                        .partitions
                        .cut_off_by(setup.graph.hubs + site)
                        .max(self.partitions.cut_off_by(hub))
                        .or_else(|| self.link_cause());
                    let seq = self.recorder.event(now, "copy-stale", "dataset", dataset, cut.age_s(now) / 3600.0, "hours old", cause);
                    self.data.staleness.cuts[place] = Some(Cut { stale: Some(seq), ..cut });
                }
            }
        }
    }
}
