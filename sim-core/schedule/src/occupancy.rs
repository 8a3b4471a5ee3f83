//! What is free on each node now, and who holds the rest.

mod grants;
mod levels;

use crate::ask::{Ask, Models, WHOLE};
use crate::cluster::{Cluster, UNLIMITED};
pub use grants::Grant;
use grants::{Grants, Part};
use levels::Levels;

/// A set of the GPUs of one node: bit `i` is GPU `i`.
pub type GpuSet = u64;

/// Free CPU, memory and thousandths of each GPU, node by node. Placing and giving back allocate nothing once as many grants
/// have been held at a time as ever will be.
#[derive(Clone, Debug)]
pub struct Occupancy {
    /// First GPU of each node, and one past the last of all.
    first: Vec<u32>,
    model: Vec<Option<u32>>,
    cpu: Vec<u64>,
    cpu_free: Vec<u64>,
    memory_free: Vec<u64>,
    /// Free thousandths of each GPU.
    gpu_free: Vec<u16>,
    /// Free thousandths of all GPUs of a node.
    milli_free: Vec<u32>,
    /// Whole free GPUs of a node.
    whole_free: Vec<u32>,
    levels: Levels,
    /// Tasks on a node by their [`kind`]; `kinds` numbers for each node.
    tasks: Vec<u32>,
    kinds: usize,
    /// Number of different kinds on a node.
    distinct: Vec<u32>,
    /// Number of the last change of a node.
    stamp: Vec<u64>,
    changes: u64,
    /// Nodes of the last changes, change `i` at `i` modulo the length.
    log: Vec<u32>,
    grants: Grants,
    total_milli: u64,
    used_milli: u64,
}

/// The kind of a task with GPUs, as GPU clustering tells them apart: 0 for a share, else the number of whole GPUs.
const fn kind(ask: &Ask) -> usize {
    if ask.shares() { 0 } else { ask.gpus as usize }
}

impl Occupancy {
    /// A cluster with everything free.
    #[must_use]
    pub fn new(cluster: &Cluster) -> Self {
        let nodes = &cluster.nodes;
        let mut first = vec![0];
        for node in nodes {
            first.push(first[first.len() - 1] + node.gpus);
        }
        let kinds = nodes.iter().map(|node| node.gpus).max().unwrap_or(0) as usize + 1;
        let whole_free: Vec<u32> = nodes.iter().map(|node| node.gpus).collect();
        Self {
            model: nodes.iter().map(|node| node.model).collect(),
            cpu: nodes.iter().map(|node| node.cpu_milli).collect(),
            cpu_free: nodes.iter().map(|node| node.cpu_milli).collect(),
            memory_free: nodes.iter().map(|node| node.memory_mib).collect(),
            gpu_free: vec![WHOLE as u16; first[nodes.len()] as usize],
            milli_free: whole_free.iter().map(|gpus| gpus * WHOLE).collect(),
            levels: Levels::new(&whole_free),
            whole_free,
            tasks: vec![0; nodes.len() * kinds],
            kinds,
            distinct: vec![0; nodes.len()],
            stamp: vec![0; nodes.len()],
            changes: 0,
            log: vec![0; nodes.len()],
            grants: Grants::default(),
            total_milli: cluster.gpus() * u64::from(WHOLE),
            used_milli: 0,
            first,
        }
    }

    /// Number of nodes.
    #[inline]
    #[must_use]
    pub const fn nodes(&self) -> usize {
        self.model.len()
    }
    /// Free thousandths of each GPU of a node.
    #[inline]
    #[must_use]
    pub fn gpus_free(&self, node: usize) -> &[u16] {
        &self.gpu_free[self.first[node] as usize..self.first[node + 1] as usize]
    }
    /// Number of GPUs of a node.
    #[inline]
    #[must_use]
    pub fn gpus(&self, node: usize) -> u32 {
        self.first[node + 1] - self.first[node]
    }
    /// Model of a node's GPUs.
    #[inline]
    #[must_use]
    pub fn model(&self, node: usize) -> Option<u32> {
        self.model[node]
    }
    /// Thousandths of a CPU of a node, free or not; [`UNLIMITED`] where not stated.
    #[inline]
    #[must_use]
    pub fn cpu(&self, node: usize) -> u64 {
        self.cpu[node]
    }
    /// Free thousandths of a CPU of a node; [`UNLIMITED`] where not stated.
    #[inline]
    #[must_use]
    pub fn cpu_free(&self, node: usize) -> u64 {
        self.cpu_free[node]
    }
    /// Free memory of a node \[MiB\]; [`UNLIMITED`] where not stated.
    #[inline]
    #[must_use]
    pub fn memory_free(&self, node: usize) -> u64 {
        self.memory_free[node]
    }
    /// Free thousandths of all GPUs of a node together.
    #[inline]
    #[must_use]
    pub fn milli_free(&self, node: usize) -> u32 {
        self.milli_free[node]
    }
    /// Whole free GPUs of a node.
    #[inline]
    #[must_use]
    pub fn whole_free(&self, node: usize) -> u32 {
        self.whole_free[node]
    }
    /// Number of the last change of a node; the same number means the same state.
    #[inline]
    #[must_use]
    pub fn stamp(&self, node: usize) -> u64 {
        self.stamp[node]
    }
    /// Number of changes so far; the same number means that nothing changed.
    #[inline]
    #[must_use]
    pub const fn changes(&self) -> u64 {
        self.changes
    }
    /// Nodes that changed since there were `seen` changes, a node as often as it changed; `None` if there were so many that it is as
    /// well to look at all nodes.
    pub fn changed_since(&self, seen: u64) -> Option<impl Iterator<Item = usize> + '_> {
        let length = self.log.len() as u64;
        let close = self.changes.checked_sub(seen).is_some_and(|changes| changes <= length);
        close.then(|| (seen..self.changes).map(move |change| self.log[(change % length) as usize] as usize))
    }
    /// Whether a node has a task like this ask (a share of a GPU, or the same number of whole GPUs), and how many different kinds
    /// of tasks with GPUs it has.
    #[inline]
    #[must_use]
    pub fn company(&self, node: usize, ask: &Ask) -> (bool, u32) {
        let kind = kind(ask);
        (kind < self.kinds && self.tasks[node * self.kinds + kind] > 0, self.distinct[node])
    }
    /// Nodes with at least `whole` free GPUs, in order.
    pub fn nodes_with(&self, whole: u32) -> impl Iterator<Item = usize> + '_ {
        self.levels.at_least(whole)
    }
    /// Nodes with exactly `whole` free GPUs, in order.
    pub fn nodes_with_exactly(&self, whole: u32) -> impl Iterator<Item = usize> + '_ {
        self.levels.exactly(whole)
    }
    /// Most whole free GPUs of any node.
    #[must_use]
    pub fn most_whole_free(&self) -> u32 {
        self.levels.highest()
    }
    /// Number of nodes with exactly `whole` free GPUs.
    #[must_use]
    pub fn count_with_exactly(&self, whole: u32) -> u32 {
        self.levels.count(whole)
    }
    /// Thousandths of all GPUs of the cluster, free or not.
    #[must_use]
    pub const fn total_gpu_milli(&self) -> u64 {
        self.total_milli
    }
    /// Thousandths of GPUs that are taken.
    #[must_use]
    pub const fn used_gpu_milli(&self) -> u64 {
        self.used_milli
    }
    /// Share of the GPUs that is taken; 0 without GPUs.
    #[must_use]
    pub fn utilisation(&self) -> f64 {
        if self.total_milli == 0 { 0.0 } else { self.used_milli as f64 / self.total_milli as f64 }
    }

    /// Whether a node has room for the whole ask now.
    #[inline]
    #[must_use]
    pub fn fits(&self, node: usize, ask: &Ask) -> bool {
        if self.cpu_free[node] < ask.cpu_milli || self.memory_free[node] < ask.memory_mib {
            return false;
        }
        if ask.gpus == 0 {
            return true;
        }
        if !ask.models.allows(self.model[node]) || u64::from(self.milli_free[node]) < ask.total_gpu_milli() {
            return false;
        }
        if self.whole_free[node] >= ask.gpus {
            return ask.gpu_milli <= WHOLE;
        }
        ask.shares() && self.gpus_free(node).iter().filter(|free| u32::from(**free) >= ask.gpu_milli).count() >= ask.gpus as usize
    }

    /// Whether models allow a node at all.
    #[must_use]
    pub fn allows(&self, node: usize, models: Models) -> bool {
        models.allows(self.model[node])
    }

    /// The GPUs of a node that fit an ask tightest: those with the least free that is enough, lower numbers first. `None` if there
    /// are not enough.
    #[must_use]
    pub fn tightest(&self, node: usize, ask: &Ask) -> Option<GpuSet> {
        let free = self.gpus_free(node);
        let mut chosen: GpuSet = 0;
        for _ in 0..ask.gpus {
            let usable = free.iter().enumerate().filter(|(gpu, free)| u32::from(**free) >= ask.gpu_milli && chosen >> gpu & 1 == 0);
            let (gpu, _) = usable.min_by_key(|(gpu, free)| (**free, *gpu))?;
            chosen |= 1 << gpu;
        }
        Some(chosen)
    }

    /// Takes what an ask wants of one node, on the GPUs that fit tightest. `None`, and nothing changed, if it does not fit.
    pub fn take(&mut self, node: usize, ask: &Ask) -> Option<Grant> {
        let gpus = self.tightest(node, ask)?;
        self.take_on(node, ask, gpus)
    }

    /// Takes what an ask wants of one node, on these GPUs. `None`, and nothing changed, if it does not fit.
    pub fn take_on(&mut self, node: usize, ask: &Ask, gpus: GpuSet) -> Option<Grant> {
        let part = self.occupy(node, ask, gpus)?;
        Some(self.grants.insert(part, None))
    }

    /// Takes whole GPUs of several nodes for one gang: pairs of node and number of GPUs. `None`, and nothing changed, if any part
    /// does not fit or there is none.
    pub fn take_gang(&mut self, ask: &Ask, places: &[(u32, u32)]) -> Option<Grant> {
        let mut grant = None;
        for (node, gpus) in places {
            let (node, part) = (*node as usize, ask.part(*gpus));
            let taken = self.tightest(node, &part).and_then(|set| self.occupy(node, &part, set));
            let Some(taken) = taken else {
                if let Some(grant) = grant {
                    self.give_back(&grant);
                }
                return None;
            };
            grant = Some(self.grants.insert(taken, grant));
        }
        grant
    }

    /// Frees what a grant holds. False, and nothing changed, if it was given back before.
    pub fn give_back(&mut self, grant: &Grant) -> bool {
        let mut next = Some(*grant);
        let mut any = false;
        while let Some(part) = next.and_then(|grant| self.grants.remove(&grant)) {
            self.release(&part);
            next = part.next;
            any = true;
        }
        any
    }

    /// Nodes of a grant and its GPUs on each; nothing once it is given back.
    pub fn places(&self, grant: &Grant) -> impl Iterator<Item = (usize, GpuSet)> + '_ {
        std::iter::successors(self.grants.get(grant), |part| part.next.as_ref().and_then(|next| self.grants.get(next)))
            .map(|part| (part.node as usize, part.gpus))
    }

    fn occupy(&mut self, node: usize, ask: &Ask, gpus: GpuSet) -> Option<Part> {
        if !self.fits(node, ask) || gpus.count_ones() != ask.gpus || self.gpus(node) < GpuSet::BITS - gpus.leading_zeros() {
            return None;
        }
        let milli = ask.gpu_milli as u16;
        if gpus_in(gpus).any(|gpu| self.gpus_free(node)[gpu] < milli) {
            return None;
        }
        let part = Part { node: node as u32, kind: kind(ask) as u32, gpus, milli, cpu: ask.cpu_milli, memory: ask.memory_mib, next: None };
        self.apply(&part, |free, milli| free - milli);
        if self.cpu_free[node] != UNLIMITED {
            self.cpu_free[node] -= part.cpu;
        }
        if self.memory_free[node] != UNLIMITED {
            self.memory_free[node] -= part.memory;
        }
        if gpus != 0 {
            let tasks = &mut self.tasks[node * self.kinds + part.kind as usize];
            *tasks += 1;
            self.distinct[node] += u32::from(*tasks == 1);
        }
        Some(part)
    }

    fn release(&mut self, part: &Part) {
        let node = part.node as usize;
        self.apply(part, |free, milli| free + milli);
        if self.cpu_free[node] != UNLIMITED {
            self.cpu_free[node] += part.cpu;
        }
        if self.memory_free[node] != UNLIMITED {
            self.memory_free[node] += part.memory;
        }
        if part.gpus != 0 {
            let tasks = &mut self.tasks[node * self.kinds + part.kind as usize];
            *tasks -= 1;
            self.distinct[node] -= u32::from(*tasks == 0);
        }
    }

    /// Changes the free thousandths of the GPUs of a part, and what follows from them.
    fn apply(&mut self, part: &Part, change: impl Fn(u16, u16) -> u16) {
        let node = part.node as usize;
        let first = self.first[node] as usize;
        let before = self.whole_free[node];
        for gpu in gpus_in(part.gpus) {
            let free = &mut self.gpu_free[first + gpu];
            let old = *free;
            *free = change(old, part.milli);
            let new = *free;
            let whole = |free: u16| u32::from(u32::from(free) == WHOLE);
            self.whole_free[node] = self.whole_free[node] + whole(new) - whole(old);
            self.milli_free[node] = self.milli_free[node] + u32::from(new) - u32::from(old);
            self.used_milli = self.used_milli + u64::from(old) - u64::from(new);
        }
        self.levels.change(node, before, self.whole_free[node]);
        let length = self.log.len() as u64;
        self.log[(self.changes % length) as usize] = node as u32;
        self.changes += 1;
        self.stamp[node] = self.changes;
    }
}

/// The GPUs of a set, in order.
fn gpus_in(set: GpuSet) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(set), |left| Some(left & left.wrapping_sub(1)))
        .take_while(|left| *left != 0)
        .map(|left| left.trailing_zeros() as usize)
}
