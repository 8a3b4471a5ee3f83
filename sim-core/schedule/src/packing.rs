//! Packing: which node, and which of its GPUs, an ask gets.
//!
//! A one-node ask goes to the node with the best score among those where it fits. Among equal scores the node that comes first
//! wins: in the order of the cluster for [`Packing::FirstFit`] and [`Packing::Consolidated`], else in an order that is drawn once
//! from the seed, so that no node is favoured by its place in a file.

mod gang;

use bastide_engine::{Stream, stream_key};

use crate::ask::Ask;
use crate::cluster::Cluster;
use crate::occupancy::{Grant, Occupancy};

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

/// A packing policy at work on one cluster.
#[derive(Clone, Debug)]
pub struct Packer {
    packing: Packing,
    /// Nodes in the order in which ties are broken.
    order: Vec<u32>,
    stream: Stream,
    /// Nodes and GPUs of the gang in hand.
    places: Vec<(u32, u32)>,
    gangs: gang::Gangs,
}

impl Packer {
    /// A policy at work. `workload` are the asks that will come, or that usually come: fragmentation is measured against them;
    /// other policies do not look at them.
    #[must_use]
    pub fn new(packing: Packing, cluster: &Cluster, workload: &[Ask], seed: u64) -> Self {
        let _ = workload;
        let mut order: Vec<u32> = (0..cluster.nodes.len() as u32).collect();
        if !matches!(packing, Packing::FirstFit | Packing::Consolidated) {
            Stream::new(seed, 0, stream_key("packing", "order of nodes")).shuffle(&mut order);
        }
        Self {
            packing,
            order,
            stream: Stream::new(seed, 0, stream_key("packing", "choice")),
            places: Vec::new(),
            gangs: gang::Gangs::new(cluster),
        }
    }

    /// Its policy.
    #[must_use]
    pub const fn packing(&self) -> Packing {
        self.packing
    }

    /// Places an ask, or says that it does not fit now and changes nothing.
    pub fn place(&mut self, occupancy: &mut Occupancy, ask: &Ask) -> Option<Grant> {
        let node = match self.packing {
            Packing::FirstFit => gang::first(occupancy, ask),
            Packing::Consolidated => gang::fullest(occupancy, ask),
            _ => self.order.iter().map(|node| *node as usize).find(|node| occupancy.fits(*node, ask)),
        };
        if let Some(node) = node {
            return occupancy.take(node, ask);
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
}
