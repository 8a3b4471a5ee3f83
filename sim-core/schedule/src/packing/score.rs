//! Scores of a node for an ask: whole numbers from 0 to 100, the higher the better.
//!
//! Whole numbers, because the schedulers that these policies come from (Kubernetes' framework, on which the published comparison
//! of Weng et al. 2023 ran) have no others: nearly equal nodes are equal to them, and the order of nodes decides. A finer score
//! packs differently. Resources are relative to the largest node of the cluster.

use super::fragmentation::{NodeState, TaskMix};
use crate::ask::{Ask, WHOLE};
use crate::cluster::{Cluster, MOST_GPUS, UNLIMITED};
use crate::occupancy::{GpuSet, Occupancy};

/// The best score.
const BEST: i32 = 100;

/// Resources of the largest nodes.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Thousandths of a CPU.
    cpu: f64,
    /// Thousandths of GPUs.
    gpu: f64,
}

impl Scale {
    /// Of a cluster; 1 where no node has any, so that nothing divides by zero.
    pub fn of(cluster: &Cluster) -> Self {
        let stated = cluster.nodes.iter().map(|node| node.cpu_milli).filter(|cpu| *cpu != UNLIMITED);
        let cpu = stated.max().unwrap_or(0).max(1) as f64;
        let gpus = cluster.nodes.iter().map(|node| node.gpus).max().unwrap_or(0);
        Self { cpu, gpu: f64::from((gpus * WHOLE).max(1)) }
    }
    /// A CPU relative to the largest; one that never limits counts for nothing.
    fn cpu(self, milli: u64) -> f64 {
        if milli == UNLIMITED { 0.0 } else { milli as f64 / self.cpu }
    }
}

/// Dot product (Grandl et al. 2014, Tetris, turned round): free times asked, summed over CPU and GPU. The less a node's free
/// resources are like the ask, the better: what fits others well is kept for them.
pub fn dot_product(scale: Scale, occupancy: &Occupancy, node: usize, ask: &Ask) -> i32 {
    let cpu = scale.cpu(occupancy.cpu_free(node)) * scale.cpu(ask.cpu_milli);
    let gpu = f64::from(occupancy.milli_free(node)) / scale.gpu * (ask.total_gpu_milli() as f64 / scale.gpu);
    (f64::from(BEST) * (1.0 - f64::midpoint(cpu, gpu))) as i32
}

/// Best fit: what is left of CPU and GPU, each with half the weight; the less the better (Protean, Hadary et al. 2020, ranks so).
pub fn best_fit(scale: Scale, occupancy: &Occupancy, node: usize, ask: &Ask) -> i32 {
    let free = occupancy.cpu_free(node);
    let cpu = if free == UNLIMITED { 0.0 } else { (free - ask.cpu_milli) as f64 / scale.cpu };
    let gpu = (f64::from(occupancy.milli_free(node)) - ask.total_gpu_milli() as f64) / scale.gpu;
    (f64::from(BEST) * (1.0 - (cpu * 0.5 + gpu * 0.5))) as i32
}

/// GPU clustering (Xiao et al. 2018, Gandiva): nodes that have tasks of the same kind and no other, then those that have such and
/// others, then idle nodes, then the rest; among each the fuller the better. Asks without GPUs: all nodes are equal.
pub fn gpu_clustering(scale: Scale, occupancy: &Occupancy, node: usize, ask: &Ask) -> i32 {
    if ask.gpus == 0 {
        return 0;
    }
    let quarter = BEST / 4;
    let class = match occupancy.company(node, ask) {
        (true, 1) => 3,
        (true, _) => 2,
        (false, 0) => 1,
        (false, _) => 0,
    };
    let used = 1.0 - f64::from(occupancy.milli_free(node)) / scale.gpu;
    (f64::from(quarter) * used) as i32 + class * quarter
}

/// GPU packing (Weng et al. 2022, MLaaS in the wild): shared GPUs first, the tighter the better; then idle GPUs of used nodes, the
/// fewer the better; then idle nodes, the smaller the better. Asks without GPUs: all nodes are equal.
pub fn gpu_packing(occupancy: &Occupancy, node: usize, ask: &Ask) -> i32 {
    if ask.gpus == 0 {
        return 0;
    }
    let idle = occupancy.whole_free(node) as i32;
    if idle == occupancy.gpus(node) as i32 {
        return (BEST / 3 - idle).max(0);
    }
    let Some(chosen) = occupancy.tightest(node, ask) else { return 0 };
    let free = occupancy.gpus_free(node).iter().enumerate().filter(|(gpu, _)| chosen >> gpu & 1 == 1).map(|(_, free)| u32::from(*free));
    let opened = free.clone().filter(|free| *free == WHOLE).count() as i32;
    if opened > 0 {
        return (BEST / 2 - opened).max(BEST / 3);
    }
    // Per cent of each shared GPU that is free.
    let percent: u32 = free.map(|free| free * 100 / WHOLE).sum();
    (BEST - percent as i32 / 10).max(BEST / 2)
}

/// Fragmentation gradient descent (Weng et al. 2023, algorithm 1): the node, and of a shared ask the GPU, where fragmentation F
/// grows least. The score is the logistic function of the fall of F in GPUs, in per cent.
#[derive(Clone, Debug)]
pub struct Gradient {
    mix: TaskMix,
    /// F of each node, with the stamp of the state that it is of.
    before: Vec<(u64, u64)>,
    /// Free thousandths of the GPUs of the node in hand.
    after: [u16; MOST_GPUS as usize],
}

impl Gradient {
    /// Against this mix of tasks.
    pub fn new(mix: TaskMix, nodes: usize) -> Self {
        Self { mix, before: vec![(u64::MAX, 0); nodes], after: [0; MOST_GPUS as usize] }
    }

    /// The best score of a node for an ask that fits it, and the GPUs with which it has it; the first GPU among equals.
    pub fn score(&mut self, occupancy: &Occupancy, node: usize, ask: &Ask) -> (i32, GpuSet) {
        let before = self.before(occupancy, node);
        let free = occupancy.gpus_free(node);
        if ask.gpus != 1 || !ask.shares() {
            let chosen = occupancy.tightest(node, ask).unwrap_or(0);
            return (self.score_of(occupancy, node, ask, before, chosen), chosen);
        }
        let mut best = (-1, 0);
        for (gpu, milli) in free.iter().enumerate() {
            // GPUs with as much free as an earlier one score as it does.
            if u32::from(*milli) >= ask.gpu_milli && !free[..gpu].contains(milli) {
                let score = self.score_of(occupancy, node, ask, before, 1 << gpu);
                if score > best.0 {
                    best = (score, 1 << gpu);
                }
            }
        }
        best
    }

    fn before(&mut self, occupancy: &Occupancy, node: usize) -> u64 {
        let stamp = occupancy.stamp(node);
        let (known, weighted) = &mut self.before[node];
        if *known != stamp {
            *weighted = self.mix.weighted(&NodeState::of(occupancy, node));
            *known = stamp;
        }
        *weighted
    }

    fn score_of(&mut self, occupancy: &Occupancy, node: usize, ask: &Ask, before: u64, chosen: GpuSet) -> i32 {
        let free = occupancy.gpus_free(node);
        let after = &mut self.after[..free.len()];
        after.copy_from_slice(free);
        for (gpu, milli) in after.iter_mut().enumerate().filter(|(gpu, _)| chosen >> gpu & 1 == 1) {
            debug_assert!(u32::from(*milli) >= ask.gpu_milli, "GPU {gpu} is too full");
            *milli -= ask.gpu_milli as u16;
        }
        let cpu = occupancy.cpu_free(node);
        let cpu_free = if cpu == UNLIMITED { cpu } else { cpu - ask.cpu_milli };
        let state = NodeState { cpu_free, gpus_free: after, model: occupancy.model(node) };
        let fall = (before as f64 - self.mix.weighted(&state) as f64) / self.mix.tasks().max(1) as f64 / f64::from(WHOLE);
        (f64::from(BEST) / (1.0 + (-fall).exp())) as i32
    }
}
