//! Wipers: entry into the management network, spread over its segments, destruction of the virtual layer.
//!
//! The attacker enters one segment of those that are open to him and have something in them, all alike. Without a segment graph each
//! further segment is reached by itself with the probability of spreading. With `spread_rate` he goes along the edges of the graph: the
//! time that an edge takes is exponential, and a segment is reached at the shortest of all paths (first-passage percolation: Hammersley
//! and Welsh 1965) if that is within the dwell time. Found before that, he wipes nothing.
//!
//! Every event has a number, and draws of its own by that number: of the attack, of each segment, edge, site and dataset. So an edge
//! that zero trust slows, a part that micro-segmentation saves, an earlier detection change nothing else.

mod spread;

use bastide_engine::{Distribution, Stream};
use bastide_model::model::{CyberAttack, HazardKind, Model, SegmentId};
use bastide_units::Duration;

use crate::setup::Setup;
use crate::world::{CLASS_FAILURE, Event, World};
pub(crate) use spread::Breach;
use spread::Edge;

/// Draws of the attacks of one hazard, beyond its times and segments; each stream has a member for each event.
pub(crate) struct Draws {
    edges: Vec<Edge>,
    dwell: Stream,
    inside: Stream,
    detection: Stream,
    isolation: Stream,
    assessment: Stream,
    shutdown: Stream,
    sites: Vec<Stream>,
    datasets: Vec<Stream>,
    facilities: Vec<Stream>,
    /// Events so far.
    events: u64,
}

impl Draws {
    pub(super) fn new(model: &Model, segments: &[SegmentId], stream: &dyn Fn(&str) -> Stream) -> Self {
        let place = |segment: SegmentId| segments.iter().position(|known| *known == segment);
        let name = |segment: SegmentId| model.segments[segment.index()].as_str();
        let edge = |&(from, to): &(SegmentId, SegmentId)| {
            let stream = stream(&format!("edge.{}>{}", name(from), name(to)));
            Some(Edge { from: place(from)?, to: place(to)?, stream })
        };
        Self {
            edges: model.segment_graph.edges.iter().filter_map(edge).collect(),
            dwell: stream("dwell"),
            inside: stream("inside"),
            detection: stream("detection"),
            isolation: stream("isolation"),
            assessment: stream("assessment"),
            shutdown: stream("shutdown"),
            sites: model.sites.iter().map(|site| stream(&format!("site.{}", site.entity.name))).collect(),
            datasets: model.datasets.iter().map(|dataset| stream(&format!("dataset.{}", dataset.entity.name))).collect(),
            facilities: model.facilities.iter().map(|facility| stream(&format!("facility.{}", facility.entity.name))).collect(),
            events: 0,
        }
    }

    /// How long the sites of an attack that was found are isolated.
    pub(crate) fn isolation(&self, attack: &CyberAttack, number: u64) -> Duration {
        duration(&attack.isolation, &self.isolation, number)
    }
    /// Time until the team begins.
    pub(crate) fn assessment(&self, law: &Distribution, number: u64) -> Duration {
        duration(law, &self.assessment, number)
    }
    /// How long healthy sites are shut down.
    pub(crate) fn shutdown(&self, attack: &CyberAttack, number: u64) -> Duration {
        duration(&attack.shutdown_time, &self.shutdown, number)
    }
    /// Draws of a site in one event; the first says whether its storage is hit.
    pub(crate) fn site(&self, site: usize, number: u64) -> Stream {
        self.sites[site].member(number)
    }
    /// Draws of a facility in one event; the first says whether it is hit.
    pub(crate) fn facility(&self, facility: usize, number: u64) -> Stream {
        self.facilities[facility].member(number)
    }
    /// Whether the offline copy of a dataset is lost in one event, given the share that is.
    pub(crate) fn backup_lost(&self, dataset: usize, number: u64, share: f64) -> bool {
        self.datasets[dataset].member(number).bernoulli(share)
    }
}

fn duration(law: &Distribution, stream: &Stream, number: u64) -> Duration {
    Duration::from_s(law.sample(&mut stream.member(number)).max(0.0))
}

/// An attacker in the network, until he strikes or is found.
pub(crate) struct Intrusion {
    pub hazard: usize,
    /// Number of the event among those of its hazard.
    pub number: u64,
    pub cause: Option<u64>,
    /// Whether he is found before he strikes.
    pub found: bool,
    pub breaches: Vec<Breach>,
}

/// Share of a site that is still wiped some time after an attack that wiped a share of it, where it is restored in steps.
pub(crate) fn wiped_share(kind: &HazardKind, share: f64, since: Duration) -> f64 {
    let HazardKind::Wiper { restoration, .. } = kind else { return 0.0 };
    // Times are rounded to the nanosecond.
    let reached = restoration.iter().filter(|(after, _)| after.as_s() <= since.as_s() + 1e-9);
    let restored = reached.map(|(_, restored)| *restored).fold(0.0, f64::max);
    share * (1.0 - restored).max(0.0)
}

/// Whether there is something in a segment: a site of the plan, or none of the scenario, as in a network of offices.
fn present(setup: &Setup, segment: SegmentId) -> bool {
    let mut sites = setup.model.sites.iter().enumerate().filter(|(_, site)| site.segment == segment).peekable();
    sites.peek().is_none() || sites.any(|(site, _)| setup.built[site])
}

impl World<'_> {
    /// An attacker enters.
    pub(super) fn wiper(&mut self, hazard: usize) {
        let setup = self.setup;
        let HazardKind::Wiper { segments, spread, attack, .. } = &setup.model.hazards[hazard].kind else { return };
        let graph = &setup.model.segment_graph;
        let state = &mut self.hazards[hazard];
        let Some(draws) = &mut state.attack else { return };
        let number = draws.events;
        draws.events += 1;
        // An attacker does not enter where there is nothing. Each segment draws its own lot, and the highest of those present is the
        // way in: plans that share segments then share the attack, too.
        let chance = |segment: SegmentId| spread * graph.openness(segment.index());
        let lots: Vec<(f64, bool)> = (state.targets.iter_mut().zip(segments))
            .map(|(stream, segment)| (stream.uniform(), stream.bernoulli(chance(*segment))))
            .collect();
        let open: Vec<bool> = segments.iter().map(|segment| present(setup, *segment)).collect();
        let way_in = |at: &usize| open[*at] && (attack.entry.is_empty() || attack.entry.contains(at));
        let first = (0..segments.len()).filter(way_in).max_by(|&a, &b| lots[a].0.total_cmp(&lots[b].0));
        let dwell_s = attack.dwell.map_or(0.0, |law| duration(&law, &draws.dwell, number).as_s());
        let found_s = attack.detection.map_or(f64::INFINITY, |law| duration(&law, &draws.detection, number).as_s());
        let time_s = dwell_s.min(found_s);
        let parts = |at: usize| graph.parts(segments[at].index());
        let breaches: Vec<Breach> = match (first, attack.spread_rate) {
            (None, _) => Vec::new(),
            (Some(first), Some(rate)) => {
                let openness: Vec<f64> = segments.iter().map(|segment| graph.openness(segment.index())).collect();
                let arrivals = spread::arrivals(&draws.edges, number, rate.as_per_s(), &openness, first, &open);
                let within = |at: usize| -(-rate.as_per_s() * openness[at] * (time_s - arrivals[at])).exp_m1();
                let reached = (0..segments.len()).filter(|&at| arrivals[at] <= time_s);
                reached.map(|at| Breach { segment: segments[at], share: spread::share(parts(at), within(at)) }).collect()
            }
            (Some(first), None) => {
                let reached = (0..segments.len()).filter(|&at| at == first || lots[at].1);
                reached.map(|at| Breach { segment: segments[at], share: spread::share(parts(at), chance(segments[at])) }).collect()
            }
        };
        let left_s = (time_s - duration(&attack.inside, &draws.inside, number).as_s()).max(0.0);
        let days = dwell_s / 86_400.0;
        let cause = (attack.dwell.is_some()).then(|| {
            self.recorder.event(self.now, "intrusion", "hazard", hazard, days, "days from entry to detonation unless found", None)
        });
        let intrusion = Intrusion { hazard, number, cause, found: found_s < dwell_s, breaches };
        if left_s > 0.0 {
            let time = self.now + Duration::from_s(left_s);
            let place = self.cyber.remember(intrusion);
            self.queue.schedule(time, CLASS_FAILURE, Event::IntrusionEnds { intrusion: place });
        } else {
            self.end_intrusion(&intrusion);
        }
    }
}
