//! The inflation experiment: tasks arrive one after the other until they have asked for more than there is, and none leaves.
//!
//! After Weng et al. 2023, section 6: the tasks of a workload arrive in random order; then more of them, drawn from it at random
//! with replacement, until the GPUs asked for reach a multiple of the cluster's. A task that fits nowhere is turned away and
//! counts as arrived.

use bastide_engine::{Stream, stream_key};

use super::fragmentation::{NodeState, TaskMix};
use super::{Packer, Packing};
use crate::ask::Ask;
use crate::cluster::Cluster;
use crate::occupancy::Occupancy;

/// The cluster after one more task has arrived. Shares are of all GPUs of the cluster.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Share of the GPUs that all tasks so far asked for; above 1 when they asked for more than there are.
    pub arrived: f64,
    /// Share of the GPUs that is taken.
    pub allocated: f64,
    /// Share of the GPUs that is free and that the usual tasks cannot use ([`TaskMix::fragmented`]).
    pub fragmented: f64,
}

/// What happened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inflation {
    /// One point for each task, in order of arrival.
    pub points: Vec<Point>,
    /// Number of tasks that found a place.
    pub placed: u64,
    /// Number of tasks that were turned away.
    pub turned_away: u64,
}

impl Inflation {
    /// Mean of a share while the arrived load rounds to this per cent of the cluster, as the published curves are drawn; over the per
    /// cents beside it where none does, and `None` where the load never came near.
    #[must_use]
    pub fn at(&self, percent: u32, share: impl Fn(&Point) -> f64) -> Option<f64> {
        let rounded = |point: &Point| (point.arrived * 100.0).round_ties_even();
        let mean = |reach: f64| {
            let near = self.points.iter().filter(|point| (rounded(point) - f64::from(percent)).abs() <= reach);
            let (sum, n) = near.fold((0.0, 0), |(sum, n), point| (sum + share(point), n + 1));
            (n > 0).then(|| sum / f64::from(n))
        };
        mean(0.0).or_else(|| mean(1.0))
    }

    /// Share of the GPUs that is taken at an arrived load in per cent of the cluster.
    #[must_use]
    pub fn allocated_at(&self, percent: u32) -> Option<f64> {
        self.at(percent, |point| point.allocated)
    }
}

/// Largest load that arrives, in multiples of the cluster.
pub const MOST_LOAD: f64 = 100.0;

/// Lets the tasks of a workload arrive until they have asked for `until` times the GPUs of the cluster (1.3 for 130 %), at most
/// [`MOST_LOAD`]. A workload that asks for more is cut short. Without GPUs in the cluster or in the workload, the workload arrives once.
#[must_use]
pub fn inflate(cluster: &Cluster, workload: &[Ask], packing: Packing, seed: u64, until: f64) -> Inflation {
    let mut occupancy = Occupancy::new(cluster);
    let mut packer = Packer::new(packing, cluster, workload, seed);
    let mix = TaskMix::new(workload);
    let mut fragmented: Vec<f64> = (0..occupancy.nodes()).map(|node| mix.fragmented(&NodeState::of(&occupancy, node))).collect();
    let mut all_fragmented: f64 = fragmented.iter().sum();

    let total = occupancy.total_gpu_milli();
    let endless = total > 0 && workload.iter().any(|ask| ask.total_gpu_milli() > 0);
    let until = if until > MOST_LOAD { MOST_LOAD } else { until };
    let limit = if endless { until * total as f64 } else { f64::INFINITY };
    let share = |milli: f64| if total == 0 { 0.0 } else { milli / total as f64 };

    let mut arrivals = Arrivals::new(workload, seed);
    let mut inflation = Inflation::default();
    let mut arrived: u64 = 0;
    while let Some(ask) = arrivals.next(endless) {
        let with_it = arrived.saturating_add(ask.total_gpu_milli());
        if with_it as f64 > limit || limit.is_nan() {
            break;
        }
        arrived = with_it;
        match packer.place(&mut occupancy, &ask) {
            Some(grant) => {
                inflation.placed += 1;
                for (node, _) in occupancy.places(&grant) {
                    let now = mix.fragmented(&NodeState::of(&occupancy, node));
                    all_fragmented += now - std::mem::replace(&mut fragmented[node], now);
                }
            }
            None => inflation.turned_away += 1,
        }
        let allocated = occupancy.utilisation();
        inflation.points.push(Point { arrived: share(arrived as f64), allocated, fragmented: share(all_fragmented.max(0.0)) });
    }
    inflation
}

/// Tasks in the order in which they arrive.
struct Arrivals<'a> {
    workload: &'a [Ask],
    order: Vec<u32>,
    next: usize,
    draws: Stream,
}

impl<'a> Arrivals<'a> {
    fn new(workload: &'a [Ask], seed: u64) -> Self {
        let mut order: Vec<u32> = (0..workload.len() as u32).collect();
        Stream::new(seed, 0, stream_key("inflation", "order of tasks")).shuffle(&mut order);
        Self { workload, order, next: 0, draws: Stream::new(seed, 0, stream_key("inflation", "further tasks")) }
    }
    /// The next task; if `endless`, drawn from the workload once all of it has arrived.
    fn next(&mut self, endless: bool) -> Option<Ask> {
        let first = self.order.get(self.next).copied();
        self.next += 1;
        let further = || self.draws.index(self.workload.len());
        first.map(|place| place as usize).or_else(|| endless.then(further)).and_then(|place| self.workload.get(place).copied())
    }
}
