//! Packing: which node, and which of its GPUs, an ask gets.
//!
//! A one-node ask goes to the node with the best score among those where it fits. Among equal scores the node that comes first
//! wins: in the order of the cluster for [`Packing::FirstFit`] and [`Packing::Consolidated`], else in an order that is drawn once
//! from the seed, so that no node is favoured by its place in a file.

pub mod fragmentation;
mod gang;
pub mod inflation;
mod ranking;
mod score;

use bastide_engine::{Stream, stream_key};

use crate::ask::Ask;
use crate::cluster::Cluster;
use crate::occupancy::{GpuSet, Grant, Occupancy};
use fragmentation::TaskMix;
use ranking::Rankings;
use score::{Gradient, Scale};

/// A packing policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Packing {
    /// Any node, each with the same probability; of its GPUs for a share any, too.
    Random,
    /// The node whose free resources are least aligned with the ask (dot product).
    DotProduct,
    /// A node with tasks of the same kind (Xiao et al. 2018, Gandiva), the fuller the better.
    GpuClustering,
    /// Shared GPUs before idle GPUs of used nodes before idle nodes (Weng et al. 2022).
    GpuPacking,
    /// The node with the least left over.
    BestFit,
    /// The node where fragmentation grows least (Weng et al. 2023).
    FragmentationGradient,
    /// The first node in order; a gang takes what is free in order.
    FirstFit,
    /// The node with the fewest whole free GPUs; a gang as few nodes as an empty cluster would give it, or it waits.
    Consolidated,
}

impl Packing {
    /// Every policy and its word.
    pub const ALL: [(&'static str, Self); 8] = [
        ("random", Self::Random),
        ("dot-product", Self::DotProduct),
        ("gpu-clustering", Self::GpuClustering),
        ("gpu-packing", Self::GpuPacking),
        ("best-fit", Self::BestFit),
        ("fgd", Self::FragmentationGradient),
        ("first-fit", Self::FirstFit),
        ("consolidated", Self::Consolidated),
    ];
    /// The policy of a word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == word).map(|(_, packing)| *packing)
    }
    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, packing)| *packing == self).map_or("", |(name, _)| name)
    }
}

/// A packing policy at work on one cluster. It remembers scores along the history of an occupancy; on another occupancy of the cluster,
/// such as a clone on which something is tried out, it places as rightly, and looks at all nodes anew where the histories part.
#[derive(Clone, Debug)]
pub struct Packer {
    packing: Packing,
    scale: Scale,
    /// Only of [`Packing::FragmentationGradient`].
    gradient: Option<Gradient>,
    rankings: Rankings,
    stream: Stream,
    gangs: gang::Gangs,
    /// Nodes and GPUs of the gang in hand.
    places: Vec<(u32, u32)>,
    /// Nodes where the ask in hand fits; only of [`Packing::Random`].
    fitting: Vec<u32>,
}

impl Packer {
    /// A policy at work. `workload` are the asks that will come, or that usually come: fragmentation is measured against them;
    /// other policies do not look at them.
    #[must_use]
    pub fn new(packing: Packing, cluster: &Cluster, workload: &[Ask], seed: u64) -> Self {
        let mut order: Vec<u32> = (0..cluster.nodes.len() as u32).collect();
        Stream::new(seed, 0, stream_key("packing", "order of nodes")).shuffle(&mut order);
        let gradient = (packing == Packing::FragmentationGradient).then(|| Gradient::new(TaskMix::new(workload), cluster.nodes.len()));
        Self {
            packing,
            scale: Scale::of(cluster),
            gradient,
            rankings: Rankings::new(&order),
            stream: Stream::new(seed, 0, stream_key("packing", "choice")),
            gangs: gang::Gangs::new(cluster),
            places: Vec::new(),
            fitting: Vec::new(),
        }
    }

    /// Its policy.
    #[must_use]
    pub const fn packing(&self) -> Packing {
        self.packing
    }

    /// Places an ask, or says that it does not fit now and changes nothing.
    pub fn place(&mut self, occupancy: &mut Occupancy, ask: &Ask) -> Option<Grant> {
        if let Some(node) = self.node(occupancy, ask) {
            let gpus = match &mut self.gradient {
                Some(gradient) => Some(gradient.score(occupancy, node, ask).1),
                None if self.packing == Packing::Random && ask.shares() => self.any_gpus(occupancy, node, ask),
                None => occupancy.tightest(node, ask),
            };
            return occupancy.take_on(node, ask, gpus?);
        }
        if !ask.may_spread() {
            return None;
        }
        self.places.clear();
        let found = match self.packing {
            Packing::FirstFit => gang::scattered(occupancy, ask, &mut self.places),
            _ => self.gangs.consolidated(occupancy, ask, &mut self.places),
        };
        if found { occupancy.take_gang(ask, &self.places) } else { None }
    }

    /// The score of a node for an ask, 0 to 100: what the policies that score compare. `None` where it does not fit, and for policies
    /// that do not score.
    pub fn score(&mut self, occupancy: &Occupancy, node: usize, ask: &Ask) -> Option<i32> {
        if !occupancy.fits(node, ask) {
            return None;
        }
        match self.packing {
            Packing::DotProduct => Some(score::dot_product(self.scale, occupancy, node, ask)),
            Packing::GpuClustering => Some(score::gpu_clustering(self.scale, occupancy, node, ask)),
            Packing::GpuPacking => Some(score::gpu_packing(occupancy, node, ask)),
            Packing::BestFit => Some(score::best_fit(self.scale, occupancy, node, ask)),
            Packing::FragmentationGradient => self.gradient.as_mut().map(|gradient| gradient.score(occupancy, node, ask).0),
            Packing::Random | Packing::FirstFit | Packing::Consolidated => None,
        }
    }

    /// The node for the whole of an ask.
    fn node(&mut self, occupancy: &Occupancy, ask: &Ask) -> Option<usize> {
        let scale = self.scale;
        let mut best = |score: &mut dyn FnMut(usize) -> i32| self.rankings.best(occupancy, ask, score);
        match (self.packing, &mut self.gradient) {
            (Packing::Random, _) => self.any_node(occupancy, ask),
            (Packing::FirstFit, _) => gang::first(occupancy, ask),
            (Packing::Consolidated, _) => gang::fullest(occupancy, ask),
            (Packing::DotProduct, _) => best(&mut |node| score::dot_product(scale, occupancy, node, ask)),
            (Packing::GpuClustering, _) => best(&mut |node| score::gpu_clustering(scale, occupancy, node, ask)),
            (Packing::GpuPacking, _) => best(&mut |node| score::gpu_packing(occupancy, node, ask)),
            (Packing::BestFit, _) => best(&mut |node| score::best_fit(scale, occupancy, node, ask)),
            (Packing::FragmentationGradient, Some(gradient)) => best(&mut |node| gradient.score(occupancy, node, ask).0),
            // Never: a packer of this policy has a gradient from the start.
            (Packing::FragmentationGradient, None) => None,
        }
    }

    /// Any node where an ask fits.
    fn any_node(&mut self, occupancy: &Occupancy, ask: &Ask) -> Option<usize> {
        self.fitting.clear();
        self.fitting.extend(gang::candidates(occupancy, ask).map(|node| node as u32));
        let count = self.fitting.len();
        (count > 0).then(|| self.fitting[self.stream.index(count)] as usize)
    }

    /// Any GPUs of a node that are free enough for a share.
    fn any_gpus(&mut self, occupancy: &Occupancy, node: usize, ask: &Ask) -> Option<GpuSet> {
        let mut left: GpuSet = 0;
        for (gpu, free) in occupancy.gpus_free(node).iter().enumerate() {
            left |= GpuSet::from(u32::from(*free) >= ask.gpu_milli) << gpu;
        }
        let mut chosen = 0;
        for _ in 0..ask.gpus {
            let count = left.count_ones() as usize;
            if count == 0 {
                return None;
            }
            let skipped = (0..self.stream.index(count)).fold(left, |set, _| set & (set - 1));
            let gpu = skipped & skipped.wrapping_neg();
            chosen |= gpu;
            left &= !gpu;
        }
        Some(chosen)
    }
}
