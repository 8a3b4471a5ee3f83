//! Traffic of services over links.
//!
//! Only services with `bytes_per_token` have any. Each flow (service, origin, planned site) takes the quickest path. Where that asks of no link
//! more than it has, nothing is solved. Otherwise all flows share the links max-min fairly, whatever their tier; what a flow may not send is
//! as if its site had too few accelerators. Requests that are sent elsewhere after that take what is left on the path to there, in the order
//! of services. Transfers of data and exchanges of training get what services leave of a link, at least the share of one more flow.

use super::super::World;
use crate::fair_share::max_min;
use crate::setup::Setup;

/// More than this of a link is a shortage, and not rounding.
const FULL: f64 = 1.0 + 1e-9;

#[derive(Default)]
pub(crate) struct Traffic {
    /// Most tokens per second of each flow.
    caps: Vec<f64>,
    /// What is left of each link [B/s].
    left: Vec<f64>,
    /// Flows on each link.
    count: Vec<u32>,
    /// The event since which each link is short.
    short: Vec<Option<u64>>,
    // Flows with traffic: which, of which service, what they ask for [B/s], their paths.
    flows: Vec<(usize, usize)>,
    asked: Vec<f64>,
    starts: Vec<usize>,
    links: Vec<usize>,
}

impl Traffic {
    pub(super) fn new(setup: &Setup) -> Self {
        let links = setup.model.links.len();
        Self {
            caps: vec![f64::INFINITY; setup.flows.len()],
            left: vec![0.0; links],
            count: vec![0; links],
            short: vec![None; links],
            flows: Vec::new(),
            asked: Vec::new(),
            starts: Vec::new(),
            links: Vec::new(),
        }
    }

    /// Most tokens per second that the network carries for a flow.
    #[inline]
    pub(super) fn cap(&self, flow: usize) -> f64 {
        self.caps[flow]
    }
}

impl World<'_> {
    /// Before an allocation: what links carry for each flow.
    pub(super) fn share_links(&mut self) {
        let setup = self.setup;
        let mut traffic = std::mem::take(&mut self.services.traffic);
        traffic.caps.fill(f64::INFINITY);
        traffic.count.fill(0);
        let links = traffic.left.len();
        traffic.left.copy_from_slice(&self.net.width[..links]);
        traffic.flows.clear();
        traffic.asked.clear();
        traffic.links.clear();
        traffic.starts.clear();
        traffic.starts.push(0);
        for (service, &bytes) in setup.bytes_per_token.iter().enumerate().filter(|(_, bytes)| **bytes > 0.0) {
            for at in setup.service_flows[service].clone() {
                let flow = setup.flows[at];
                let site = setup.pairs[flow.pair].site;
                let asked = self.services.demand.of(service, flow.origin, self.weight(at)) * bytes;
                if asked > 0.0 && self.can_serve(service, flow.origin, site) {
                    traffic.flows.push((at, service));
                    traffic.asked.push(asked);
                    traffic.links.extend(self.net.paths.links(&setup.graph, flow.origin, site));
                    traffic.starts.push(traffic.links.len());
                }
            }
        }
        for (flow, asked) in traffic.asked.iter().enumerate() {
            for &link in &traffic.links[traffic.starts[flow]..traffic.starts[flow + 1]] {
                traffic.left[link] -= asked;
                traffic.count[link] += 1;
            }
        }
        let mut any = false;
        for (link, left) in traffic.left.iter().enumerate() {
            let width = self.net.width[link];
            let short = width - left > width * FULL && traffic.count[link] > 0;
            any |= short;
            if short != traffic.short[link].is_some() {
                let share = if width > 0.0 { (width - left) / width } else { 0.0 };
                let kind = if short { "link-short" } else { "link-wide" };
                let cause = if short { self.net.state_seq[link].or_else(|| self.link_cause()) } else { traffic.short[link] };
                let seq = self.recorder.event(self.now, kind, "link", link, share, "traffic asked for / bandwidth", cause);
                traffic.short[link] = short.then_some(seq);
            }
        }
        if any {
            let rates = max_min(&traffic.asked, &traffic.starts, &traffic.links, &self.net.width[..links]);
            traffic.left.copy_from_slice(&self.net.width[..links]);
            for (place, (&(at, service), rate)) in traffic.flows.iter().zip(&rates).enumerate() {
                if *rate < traffic.asked[place] {
                    traffic.caps[at] = rate / setup.bytes_per_token[service];
                }
                for &link in &traffic.links[traffic.starts[place]..traffic.starts[place + 1]] {
                    traffic.left[link] = (traffic.left[link] - rate).max(0.0);
                }
            }
        }
        self.services.traffic = traffic;
    }

    /// Tokens per second of a service that the path from an origin to a site still has room for.
    pub(super) fn path_room(&self, service: usize, origin: usize, site: usize) -> f64 {
        let bytes = self.setup.bytes_per_token[service];
        if bytes <= 0.0 {
            return f64::INFINITY;
        }
        let left = |link: usize| self.services.traffic.left[link].max(0.0);
        self.net.paths.links(&self.setup.graph, origin, site).map(left).fold(f64::INFINITY, f64::min) / bytes
    }

    /// The newest event since which a link is short on the path that a service takes.
    pub(super) fn short_link(&self, service: usize, origin: usize, site: usize) -> Option<u64> {
        if self.setup.bytes_per_token[service] <= 0.0 {
            return None;
        }
        self.net.paths.links(&self.setup.graph, origin, site).filter_map(|link| self.services.traffic.short[link]).max()
    }

    /// Takes the room for tokens that were sent elsewhere.
    pub(super) fn take_path(&mut self, service: usize, origin: usize, site: usize, rate: f64) {
        let bytes = self.setup.bytes_per_token[service];
        if bytes > 0.0 && rate > 0.0 {
            let traffic = &mut self.services.traffic;
            for link in self.net.paths.links(&self.setup.graph, origin, site) {
                traffic.left[link] = (traffic.left[link] - rate * bytes).max(0.0);
                traffic.count[link] += 1;
            }
        }
    }

    /// After an allocation: what transfers may use of each link.
    pub(super) fn free_links(&mut self) {
        let traffic = &self.services.traffic;
        for (link, left) in traffic.left.iter().enumerate() {
            let width = self.net.width[link];
            self.net.free[link] = left.max(width / f64::from(traffic.count[link] + 1));
        }
    }
}
