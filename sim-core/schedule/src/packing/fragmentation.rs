//! How much of the free GPUs the usual tasks cannot use.
//!
//! The measure of Weng et al. 2023 ("Beware of Fragmentation", USENIX ATC, section 4.1): of node n and task m,
//! F_n(m) is all that is free of n's GPUs if m cannot run there (too little CPU or GPU, another model, or m needs no GPU at all),
//! and otherwise what is free on those GPUs of n that are too full for m. Over the tasks M, F_n(M) = sum of p_m F_n(m), with the
//! popularity p_m of each kind of task.

use std::collections::BTreeMap;

use crate::ask::{Ask, Models, WHOLE};
use crate::occupancy::Occupancy;

/// Share of the tasks that the kinds cover; rarer kinds are left out (Weng et al. 2023, section 6.1, take the most usual tasks).
const COVERED_PERCENT: u64 = 95;

/// The usual tasks: kinds of asks and how popular they are. Memory does not tell kinds apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskMix {
    demands: Vec<Demand>,
    /// Number of tasks of all kinds.
    tasks: u64,
}

/// Tasks that ask for the same GPUs.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Demand {
    gpus: u32,
    gpu_milli: u16,
    models: Models,
    /// CPU of the kinds, ascending, each with the number of tasks of this demand that ask for as much or less.
    up_to: Vec<(u64, u64)>,
}

/// The state of one node, as the measure sees it.
#[derive(Clone, Copy, Debug)]
pub struct NodeState<'a> {
    /// Free thousandths of a CPU.
    pub cpu_free: u64,
    /// Free thousandths of each GPU.
    pub gpus_free: &'a [u16],
    /// Model of the GPUs.
    pub model: Option<u32>,
}

impl<'a> NodeState<'a> {
    /// The state of a node now.
    #[must_use]
    pub fn of(occupancy: &'a Occupancy, node: usize) -> Self {
        Self { cpu_free: occupancy.cpu_free(node), gpus_free: occupancy.gpus_free(node), model: occupancy.model(node) }
    }
}

impl TaskMix {
    /// The most usual kinds of a workload, down to the one with which they cover 95 % of it. Kinds of the same popularity: the one that
    /// asks for more comes first.
    #[must_use]
    pub fn new<'a>(workload: impl IntoIterator<Item = &'a Ask>) -> Self {
        let mut counts: BTreeMap<(u64, u16, u32, Models), u64> = BTreeMap::new();
        let mut total: u64 = 0;
        for ask in workload {
            let none = ask.gpus == 0 || ask.gpu_milli == 0;
            let kind = if none {
                (ask.cpu_milli, 0, 0, Models::ANY)
            } else {
                (ask.cpu_milli, ask.gpu_milli.min(WHOLE) as u16, ask.gpus, ask.models)
            };
            *counts.entry(kind).or_insert(0) += 1;
            total += 1;
        }
        let mut kinds: Vec<_> = counts.into_iter().collect();
        kinds.sort_by(|(kind, count), (other, others)| others.cmp(count).then(other.cmp(kind)));
        let mut mix = Self::default();
        // Kinds that leave every free GPU unused are counted in `tasks` alone.
        let mut by_demand: BTreeMap<(u32, u16, Models), Vec<(u64, u64)>> = BTreeMap::new();
        for ((cpu, gpu_milli, gpus, models), count) in kinds {
            if mix.tasks * 100 >= total * COVERED_PERCENT {
                break;
            }
            mix.tasks += count;
            if gpus > 0 {
                by_demand.entry((gpus, gpu_milli, models)).or_default().push((cpu, count));
            }
        }
        mix.demands = by_demand.into_iter().map(|((gpus, gpu_milli, models), kinds)| Demand::new(gpus, gpu_milli, models, kinds)).collect();
        mix
    }

    /// F_n(M): thousandths of GPUs of a node that the mix cannot use, on average over its tasks.
    #[must_use]
    pub fn fragmented(&self, state: &NodeState<'_>) -> f64 {
        if self.tasks == 0 { 0.0 } else { self.weighted(state) as f64 / self.tasks as f64 }
    }

    /// F_n(M) times the number of tasks: a whole number, so that equal states are exactly equal.
    #[must_use]
    pub fn weighted(&self, state: &NodeState<'_>) -> u64 {
        let free: u64 = state.gpus_free.iter().map(|free| u64::from(*free)).sum();
        if free == 0 {
            return 0;
        }
        let usable: u64 = self.demands.iter().map(|demand| demand.tasks_with_cpu(state) * demand.usable(state)).sum();
        self.tasks * free - usable
    }

    /// Number of tasks that the mix holds.
    #[must_use]
    pub const fn tasks(&self) -> u64 {
        self.tasks
    }

    /// Thousandths of GPUs of all nodes that the mix cannot use, on average over its tasks.
    #[must_use]
    pub fn fragmented_in_all(&self, occupancy: &Occupancy) -> f64 {
        (0..occupancy.nodes()).map(|node| self.fragmented(&NodeState::of(occupancy, node))).sum()
    }
}

impl Demand {
    fn new(gpus: u32, gpu_milli: u16, models: Models, mut kinds: Vec<(u64, u64)>) -> Self {
        kinds.sort_unstable();
        let mut sum = 0;
        for (_, count) in &mut kinds {
            sum += *count;
            *count = sum;
        }
        Self { gpus, gpu_milli, models, up_to: kinds }
    }

    /// Number of tasks of this demand for which the CPU is enough.
    fn tasks_with_cpu(&self, state: &NodeState<'_>) -> u64 {
        let enough = self.up_to.partition_point(|(cpu, _)| *cpu <= state.cpu_free);
        if enough == 0 { 0 } else { self.up_to[enough - 1].1 }
    }

    /// Free thousandths on the GPUs that are free enough; 0 if there are too few of them.
    fn usable(&self, state: &NodeState<'_>) -> u64 {
        if !self.models.allows(state.model) {
            return 0;
        }
        let (mut enough, mut free) = (0, 0);
        for gpu in state.gpus_free.iter().filter(|gpu| **gpu >= self.gpu_milli) {
            enough += 1;
            free += u64::from(*gpu);
        }
        if enough >= self.gpus { free } else { 0 }
    }
}
