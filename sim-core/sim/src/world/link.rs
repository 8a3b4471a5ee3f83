//! Links: faults, cuts, states, and what holds them out.

use bastide_engine::Stream;
use bastide_units::{Duration, Time};

use super::network::Paths;
use super::{CLASS_FAILURE, CLASS_RETURN, Event, Outage, World};
use crate::hazard::Chain;
use crate::setup::{Setup, entity_key};

/// Links and the paths over them.
pub(crate) struct NetworkState {
    pub links: Vec<Outage>,
    /// Links that carry, then sites that have access to the hub of their nation.
    pub up: Vec<bool>,
    /// Latency of each of them now \[s\].
    pub latency_s: Vec<f64>,
    /// Bandwidth of each of them now [B/s].
    pub width: Vec<f64>,
    /// What services leave of it to transfers [B/s].
    pub free: Vec<f64>,
    /// Chains of states of ducts, those that concern each link, and whether they keep it from carrying.
    pub chains: Vec<Chain>,
    pub chains_of: Vec<Vec<usize>>,
    switched_off: Vec<bool>,
    /// Things that hold the access of each site down.
    access_held: Vec<u32>,
    /// Event that cut each site off, while it is.
    pub access_seq: Vec<Option<u64>>,
    /// The event that brought each link into a state that is not the normal one, while it is in one.
    pub state_seq: Vec<Option<u64>>,
    /// The last event that took something out.
    pub last_seq: Option<u64>,
    pub paths: Paths,
    streams: Vec<Stream>,
}

impl NetworkState {
    pub(super) fn new(setup: &Setup, seed: u64, replication: u32) -> Self {
        let (model, graph) = (setup.model, &setup.graph);
        let stream = |name: &str| Stream::new(seed, replication, entity_key("link", name, "outage"));
        Self {
            links: vec![Outage::default(); model.links.len()],
            up: vec![true; graph.width.len()],
            latency_s: graph.latency_s.clone(),
            width: graph.width.clone(),
            free: graph.width.clone(),
            chains: Vec::new(),
            chains_of: vec![Vec::new(); model.links.len()],
            switched_off: vec![false; model.links.len()],
            access_held: vec![0; model.sites.len()],
            access_seq: vec![None; model.sites.len()],
            state_seq: vec![None; model.links.len()],
            last_seq: None,
            paths: Paths::new(graph),
            streams: model.links.iter().map(|link| stream(&link.entity.name)).collect(),
        }
    }
}

impl World<'_> {
    /// Paths over what carries now.
    pub(super) fn solve_paths(&mut self) {
        let net = &mut self.net;
        net.paths.solve(&self.setup.graph, &net.up, &net.latency_s, &self.setup.origins);
        net.free.copy_from_slice(&net.width);
    }

    /// What the widest path between two sites has for transfers [B/s]; zero where there is none.
    pub(super) fn path_width(&self, from: usize, to: usize) -> f64 {
        self.net.paths.widest(&self.setup.graph, &self.net.free, from, to)
    }

    pub(super) fn next_link_failure(&mut self, link: usize, from: Time) {
        if let Some(reliability) = &self.setup.model.links[link].reliability
            && reliability.failure_rate.as_per_s() > 0.0
        {
            let wait = self.net.streams[link].exponential(1.0 / reliability.failure_rate.as_per_s());
            let time = from + Duration::from_s(wait);
            self.queue.schedule(time, CLASS_FAILURE, Event::LinkFails { link: link as u32 });
        }
    }

    pub(super) fn on_link_fails(&mut self, link: usize) {
        let mut again = self.now;
        if let Some(reliability) = self.setup.model.links[link].reliability
            && !self.net.links[link].out
        {
            again = self.now + Duration::from_s(reliability.repair.sample(&mut self.net.streams[link]));
            self.link_out(link, again, None, "fault");
        }
        self.next_link_failure(link, again);
    }

    /// Takes a link out until at least `until`.
    pub(crate) fn link_out(&mut self, link: usize, until: Time, cause: Option<u64>, note: &'static str) {
        let hours = until.since(self.now).as_h();
        let seq = self.recorder.event(self.now, "link-down", "link", link, hours, note, cause);
        self.net.last_seq = Some(seq);
        if self.net.links[link].begin(self.now, until, Some(seq)) {
            self.net.up[link] = false;
            self.dirty.network = true;
        }
        self.queue.schedule(until, CLASS_RETURN, Event::LinkBack { link: link as u32 });
    }

    pub(super) fn on_link_back(&mut self, link: usize) {
        if self.net.links[link].end(self.now) {
            self.link_up(link);
        }
    }

    fn link_up(&mut self, link: usize) {
        self.recorder.event(self.now, "link-up", "link", link, 0.0, "", self.net.links[link].seq);
        self.net.up[link] = true;
        self.dirty.network = true;
        self.copy_missing();
    }

    /// The states of its ducts let a link carry, or not.
    pub(crate) fn switch_link(&mut self, link: usize, carries: bool, cause: Option<u64>) {
        let off = &mut self.net.switched_off[link];
        if *off != carries {
            return;
        }
        *off = !carries;
        if !carries {
            if self.net.links[link].hold(self.now) {
                self.net.links[link].seq = cause;
                self.net.up[link] = false;
                self.dirty.network = true;
                self.recorder.fine(self.now, "link-down", "link", link, 0.0, cause);
            }
        } else if self.net.links[link].release(self.now) {
            self.recorder.fine(self.now, "link-up", "link", link, 0.0, cause);
            self.net.up[link] = true;
            self.dirty.network = true;
            self.copy_missing();
        }
    }

    /// Something that the link needs takes it out until it is released.
    pub(crate) fn hold_link(&mut self, link: usize, cause: Option<u64>, note: &'static str) {
        if self.net.links[link].hold(self.now) {
            let seq = self.recorder.event(self.now, "link-down", "link", link, 0.0, note, cause);
            (self.net.links[link].seq, self.net.last_seq) = (Some(seq), Some(seq));
            self.net.up[link] = false;
            self.dirty.network = true;
        }
    }

    pub(crate) fn release_link(&mut self, link: usize) {
        if self.net.links[link].release(self.now) {
            self.link_up(link);
        }
    }

    /// Something that the access of a site to its hub needs takes it away until it is released.
    pub(crate) fn hold_access(&mut self, site: usize, cause: Option<u64>, note: &'static str) {
        self.net.access_held[site] += 1;
        if self.net.access_held[site] == 1 {
            let seq = self.recorder.event(self.now, "access-lost", "site", site, 0.0, note, cause);
            (self.net.access_seq[site], self.net.last_seq) = (Some(seq), Some(seq));
            self.net.up[self.net.links.len() + site] = false;
            self.dirty.network = true;
        }
    }

    pub(crate) fn release_access(&mut self, site: usize) {
        self.net.access_held[site] = self.net.access_held[site].saturating_sub(1);
        if self.net.access_held[site] == 0 {
            let cause = self.net.access_seq[site].take();
            self.recorder.event(self.now, "access-back", "site", site, 0.0, "", cause);
            self.net.up[self.net.links.len() + site] = true;
            self.dirty.network = true;
            self.copy_missing();
        }
    }
}
