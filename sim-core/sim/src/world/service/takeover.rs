//! How long stand-bys take to serve what a site leaves, by how ready a service keeps them.
//!
//! Active-active: no time. Warm: the service's `failover_time`, drawn anew for each loss. Cold: the same, and before that the
//! weights come from the nearest copy of the service's dataset, or from the hub of its nation where it has none, over the widest path
//! to the stand-by that has them first; where no path leads, nothing begins until one does.

use bastide_engine::Stream;
use bastide_model::model::{Failover, Readiness, Takeover};
use bastide_units::{Duration, Time};

use super::super::World;
use crate::setup::{Setup, entity_key};

/// One for each pair of service and planned site.
pub(crate) struct PairTakeover {
    times: Stream,
    /// Event that began the failover under way.
    begun: Option<u64>,
    /// Time that the failover takes once weights can be fetched, while they cannot.
    waiting: Option<Duration>,
}

pub(super) fn takeovers(setup: &Setup, seed: u64, replication: u32) -> Vec<PairTakeover> {
    let mut all = Vec::with_capacity(setup.pairs.len());
    for (service, pairs) in setup.service_pairs.iter().enumerate() {
        for pair in &setup.pairs[pairs.clone()] {
            let name = format!("{}.{}", setup.model.services[service].entity.name, setup.model.sites[pair.site].entity.name);
            let times = Stream::new(seed, replication, entity_key("service", &name, "failover"));
            all.push(PairTakeover { times, begun: None, waiting: None });
        }
    }
    all
}

impl World<'_> {
    /// When the stand-bys of a pair serve what its site begins to leave now.
    pub(super) fn takeover(&mut self, service: usize, pair: usize) -> Time {
        let model = self.setup.model;
        let Some(takeover) = &model.services[service].operation.failover else {
            return self.now + model.policy.failover_time;
        };
        let state = &mut self.services.takeovers[pair];
        // Drawn for each loss, however ready the stand-bys are.
        let drawn = takeover.time.as_ref().map(|time| Duration::from_s(time.sample(&mut state.times)));
        let switch =
            if takeover.readiness == Readiness::ActiveActive { Duration::ZERO } else { drawn.unwrap_or(model.policy.failover_time) };
        let ready = self.fetched(service, pair, takeover, switch);
        if model.policy.failover != Failover::None {
            let site = self.setup.pairs[pair].site;
            let down = if self.sites[site].works { None } else { self.sites[site].down_seq };
            let cause = down.or_else(|| self.recorder.at(self.now));
            let hours = if ready < Time::NEVER { ready.since(self.now).as_h() } else { 0.0 };
            let note = if ready < Time::NEVER { "hours until stand-bys serve" } else { "no path to the weights" };
            let seq = self.recorder.event(self.now, "failover-begins", "service", service, hours, note, cause);
            self.services.takeovers[pair].begun = Some(seq);
        }
        ready
    }

    /// Looks again at a failover under way: whether weights can be fetched now, and whether it is through. Returns when it is ready.
    pub(super) fn follow_takeover(&mut self, service: usize, pair: usize, lacks: bool, ready: Time) -> Time {
        let Some(begun) = self.services.takeovers[pair].begun else { return ready };
        let mut ready = ready;
        if let (Some(switch), Some(takeover)) =
            (self.services.takeovers[pair].waiting, &self.setup.model.services[service].operation.failover)
        {
            ready = self.fetched(service, pair, takeover, switch);
        }
        if !lacks || ready <= self.now {
            let note = if lacks { "stand-bys serve" } else { "the site serves again" };
            self.recorder.event(self.now, "failover-ends", "service", service, 0.0, note, Some(begun));
            let state = &mut self.services.takeovers[pair];
            (state.begun, state.waiting) = (None, None);
        }
        ready
    }

    /// When a failover that takes `switch` is through, with the weights on their way from now on.
    fn fetched(&mut self, service: usize, pair: usize, takeover: &Takeover, switch: Duration) -> Time {
        let bytes = takeover.weights.as_bytes();
        let way = if bytes > 0.0 { self.quickest_fetch(service, pair, bytes) } else { Some(0.0) };
        self.services.takeovers[pair].waiting = if way.is_none() { Some(switch) } else { None };
        way.map_or(Time::NEVER, |seconds| self.now + switch + Duration::from_s(seconds))
    }

    /// Least time to bring weights to a site that may take over [s]; `None` where no path leads.
    fn quickest_fetch(&self, service: usize, pair: usize, bytes: f64) -> Option<f64> {
        let (setup, model) = (self.setup, self.setup.model);
        let home = setup.pairs[pair].site;
        let mut targets: Vec<usize> = setup.pairs[pair].standbys.iter().map(|(site, _)| *site).collect();
        if model.policy.failover == Failover::AnyLegal {
            targets.extend(setup.others[service].iter().flat_map(|(_, order)| order.iter().copied()));
        }
        let targets = targets.into_iter().filter(|&site| site != home && self.sites[site].works);
        let graph = &setup.graph;
        let mut sources: Vec<usize> = Vec::new();
        if let Some(dataset) = model.services[service].dataset {
            sources.extend(self.data.live_copies(setup, &self.sites, dataset.index()).map(|site| graph.node_of_site(site)));
        } else {
            sources.push(model.services[service].nation.index());
        }
        let seconds = |target: usize| {
            let node = graph.node_of_site(target);
            let width = |from: &usize| {
                let route = || self.net.paths.route(graph, &self.net.free, *from, node);
                if *from == node { f64::INFINITY } else { route().map_or(0.0, |route| route.bytes_per_s) }
            };
            let widest = sources.iter().map(width).fold(0.0, f64::max);
            (widest > 0.0).then(|| bytes / widest)
        };
        targets.filter_map(seconds).min_by(f64::total_cmp)
    }
}
