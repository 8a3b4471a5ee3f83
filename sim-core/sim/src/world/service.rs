//! Services: a fluid of tokens per second from origins to accelerators.
//!
//! At each allocation services come in the order of the model (tier, then as written), so that the lowest tier is shed first. For each
//! service first every origin asks the sites that the plan names, in proportion to its shares; then what a site cannot serve goes
//! elsewhere by policy: to the plan's stand-bys in proportion, the rest to whichever stand-by has room; under `any-legal` then to
//! the other sites, nearest to the origin first. A site serves a service where it works, the rules allow it now, the origin reaches it
//! within `max_latency`, and the service's data is readable there.
//!
//! Failover takes time: from the moment at which a site begins to leave requests of a service unserved, for `failover_time` they are lost
//! (`takeover` says how long where a service says how ready its stand-bys are).
//! When a site that was only short of accelerators stops altogether, the time starts again.
//!
//! A service with `scale_target` serves with the replicas that it holds (`replicas`); one with `defer` waits for what nobody else uses
//! (`batch`, `backlog`). How long requests take is told from the allocation and never changes it (`latency`).
//!
//! What is exact without solving again: if no request ever met the limit of a pool, the allocation is the same for every larger
//! capacity, and for every smaller one that still covers what is used and reserved. So most node failures cost nothing here; where
//! requests have known lengths, the times of that pool's requests are summed up to that moment, and where batch work waits, it alone is
//! placed again.

mod backlog;
mod batch;
pub(in crate::world) mod cause;
mod demand;
mod latency;
mod replicas;
mod route;
mod shortfall;
mod sums;
mod takeover;
mod traffic;

use bastide_units::Time;

use super::World;
use crate::record::Options;
use crate::setup::Setup;
pub(crate) use batch::Queue;
pub(crate) use cause::SiteCauses;
pub(crate) use latency::RequestTimes;
pub(crate) use shortfall::Observer;
pub(crate) use sums::{ServiceSums, TierSums};

/// Width of a bin of network latency \[ms\].
const BIN_MS: f64 = 0.1;
/// Number of bins of network latency; the last holds all that is slower.
const BINS: usize = 10_000;
/// Parts of a request flow below this are rounding.
const TINY: f64 = 1e-9;
/// A service counts as disturbed below this share of what the plan places.
const DISTURBED: f64 = 0.999;

/// Whether a pair of service and site serves all that is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lack {
    Nothing,
    /// The site works, but has too few accelerators.
    Capacity,
    /// It cannot serve the service at all.
    Outage,
}

/// A stream of tokens being served.
#[derive(Clone, Copy)]
struct Served {
    service: u32,
    site: u32,
    origin: u32,
    bin: u32,
    rate: f64,
    /// Whether the site lies in another nation than the origin.
    abroad: bool,
}

/// What was left unserved by a flow's planned site.
struct Spill {
    flow: usize,
    rate: f64,
}

pub(crate) struct Services {
    pub demand: demand::Demand,
    traffic: traffic::Traffic,
    served: Vec<f64>,
    lost: Vec<f64>,
    failed_over: Vec<f64>,
    /// Tokens per second that wait for a failover.
    failing_over: Vec<f64>,
    /// State of each pair, and when failover is ready.
    lack: Vec<(Lack, Time)>,
    /// State of each pair in the allocation under way.
    lacks: Vec<Lack>,
    streams: Vec<Served>,
    spills: Vec<Spill>,
    since: Time,
    /// Number of the event that disturbed a service.
    disturbed: Vec<Option<u64>>,
    /// Work of each choice, for replicas and times of requests.
    loads: Vec<latency::Load>,
    /// Whether the loads of a service are needed.
    loaded: Vec<bool>,
    pub latencies: latency::Latencies,
    pub replicas: replicas::Replicas,
    /// Failovers of each pair.
    takeovers: Vec<takeover::PairTakeover>,
    /// Replicas that the scaler wants of each type at the site under way.
    wanted: Vec<f64>,
    /// Accelerators that it wanted at most within its window, by choice.
    wanted_most: Vec<f64>,
    pub batch: batch::Batch,
    /// Factor on the tokens per second of an accelerator, by the model that each service has now.
    pub pace: Vec<f64>,
    pub sums: Vec<ServiceSums>,
    pub tiers: [TierSums; 4],
    network: Vec<Vec<f64>>,
    pub site_tokens: Vec<f64>,
    pub sovereign: f64,
    /// Mean share of sites that work.
    up_share: f64,
    up_since: Time,
    pub up_integral_s: f64,
}

impl Services {
    pub(crate) fn new(setup: &Setup, seed: u64, replication: u32, options: Options) -> Self {
        let model = setup.model;
        let count = model.services.len();
        let latencies = latency::Latencies::new(setup, options.latency);
        let scaled = |at: usize| model.services[at].operation.scaling.is_some();
        Self {
            demand: demand::Demand::new(setup, seed, replication),
            traffic: traffic::Traffic::new(setup),
            served: vec![0.0; count],
            lost: vec![0.0; count],
            failed_over: vec![0.0; count],
            failing_over: vec![0.0; count],
            lack: vec![(Lack::Nothing, Time::ZERO); setup.pairs.len()],
            lacks: vec![Lack::Nothing; setup.pairs.len()],
            streams: Vec::with_capacity(4 * setup.flows.len()),
            spills: Vec::with_capacity(setup.flows.len()),
            since: Time::ZERO,
            disturbed: vec![None; count],
            loads: vec![latency::Load::default(); setup.choices.len()],
            loaded: (0..count).map(|at| scaled(at) || latencies.measures(at)).collect(),
            latencies,
            replicas: replicas::Replicas::new(setup),
            takeovers: takeover::takeovers(setup, seed, replication),
            wanted: Vec::new(),
            wanted_most: vec![0.0; setup.choices.len()],
            batch: batch::Batch::new(setup),
            pace: vec![1.0; count],
            sums: vec![ServiceSums::default(); count],
            tiers: [TierSums::default(); 4],
            network: setup.tier_place.iter().map(|place| vec![0.0; if place.is_some() { BINS } else { 0 }]).collect(),
            site_tokens: vec![0.0; model.sites.len()],
            sovereign: 0.0,
            up_share: 1.0,
            up_since: Time::ZERO,
            up_integral_s: 0.0,
        }
    }
}

impl World<'_> {
    /// Solves the allocation again, then the campaigns, then the batch work.
    pub(super) fn allocate(&mut self) {
        self.integrate_services();
        self.reserve();
        if self.setup.any_traffic {
            self.share_links();
        }
        for pool in &mut self.fleet.pools {
            pool.used = 0.0;
            pool.binding = false;
        }
        self.services.streams.clear();
        self.services.loads.fill(latency::Load::default());
        let setup = self.setup;
        for &service in &setup.service_order {
            let operation = &self.setup.model.services[service].operation;
            if operation.defer.is_some() {
                continue;
            }
            if let Some(scaling) = &operation.scaling {
                self.ready_replicas(service, scaling);
                self.allocate_service(service);
                self.scale_replicas(service, scaling);
            } else {
                self.allocate_service(service);
            }
        }
        for pool in 0..self.fleet.pools.len() {
            if !self.pool_gangs[pool].is_empty() {
                self.settle_gangs(pool, "pre-empted");
            }
        }
        self.sum_replicas();
        if self.setup.any_traffic {
            self.free_links();
        }
        self.allocate_batch();
        for pool in 0..self.fleet.pools.len() {
            self.book_pool(pool);
        }
        if self.setup.restricted {
            self.audit();
        }
        self.look();
    }

    /// Takes over a new number of accelerators, or of gangs, that leaves the allocation of services as it is.
    pub(super) fn pool_changed(&mut self, pool: usize) {
        if self.services.latencies.is_shared(pool) {
            self.integrate_latency(pool);
            self.book_pool(pool);
        }
        self.dirty.batch |= self.batch_concerned(pool);
    }

    /// Looks at what is served, and counts what the rules forbid.
    fn audit(&mut self) {
        let forbidden = self.services.streams.iter().filter(|s| !self.may_serve(s.service as usize, s.site as usize));
        self.violations += forbidden.count() as u64;
    }
}
