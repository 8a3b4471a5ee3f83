//! What is free on each node now, and who holds the rest.

mod grants;
mod levels;

use bastide_engine::derive_key;

use crate::ask::{Ask, Models, WHOLE};
use crate::cluster::{Cluster, UNLIMITED};
pub use grants::Grant;
use grants::{Grants, Part};
use levels::Levels;

/// A set of the GPUs of one node: bit `i` is GPU `i`.
pub type GpuSet = u64;

/// A moment in the history of an occupancy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Number of changes so far.
    changes: u64,
    /// Of all of them in their order: 64 bits, which different histories share by chance once in 10^19.
    fingerprint: u64,
}

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
    /// Fingerprint of the history after the last change of a node.
    stamp: Vec<u64>,
    /// The history so far.
    mark: Mark,
    /// Node of each of the last changes and the fingerprint after it, change `i` at `i` modulo the length.
    history: Vec<(u32, u64)>,
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
            mark: Mark::default(),
            history: vec![(0, 0); nodes.len()],
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
    /// Stamp of the last change of a node; the same stamp means the same state, also on another occupancy of the same cluster.
    #[inline]
    #[must_use]
    pub fn stamp(&self, node: usize) -> u64 {
        self.stamp[node]
    }
    /// Number of changes so far; the same number means that nothing changed.
    #[inline]
    #[must_use]
    pub const fn changes(&self) -> u64 {
        self.mark.changes
    }
    /// The history so far; the same mark means the same state, also on another occupancy of the same cluster.
    #[inline]
    #[must_use]
    pub const fn mark(&self) -> Mark {
        self.mark
    }
    /// Nodes that changed since a mark, a node as often as it changed. `None` if the mark is of another history, or so old that it is
    /// as well to look at all nodes.
    #[must_use]
    pub fn changed_since(&self, mark: Mark) -> Option<impl Iterator<Item = usize> + '_> {
        let length = self.history.len() as u64;
        let at = move |change: u64| self.history[(change % length) as usize];
        let recent = self.mark.changes.checked_sub(mark.changes).is_some_and(|changes| changes < length);
        let same = recent && mark.fingerprint == if mark.changes == 0 { 0 } else { at(mark.changes - 1).1 };
        same.then(|| (mark.changes..self.mark.changes).map(move |change| at(change).0 as usize))
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
        while let Some(part) = next.and_then(|grant| self.grants.remove(grant)) {
            self.release(&part);
            next = part.next;
            any = true;
        }
        any
    }

    /// Nodes of a grant and its GPUs on each; nothing once it is given back.
    pub fn places(&self, grant: &Grant) -> impl Iterator<Item = (usize, GpuSet)> + '_ {
        std::iter::successors(self.grants.get(*grant), |part| part.next.and_then(|next| self.grants.get(next)))
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
        self.apply(&part, true);
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
        self.apply(part, false);
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
    fn apply(&mut self, part: &Part, taking: bool) {
        let node = part.node as usize;
        let first = self.first[node] as usize;
        let before = self.whole_free[node];
        for gpu in gpus_in(part.gpus) {
            let free = &mut self.gpu_free[first + gpu];
            let old = *free;
            let new = if taking { old - part.milli } else { old + part.milli };
            *free = new;
            let whole = |free: u16| u32::from(u32::from(free) == WHOLE);
            self.whole_free[node] = self.whole_free[node] + whole(new) - whole(old);
            self.milli_free[node] = self.milli_free[node] + u32::from(new) - u32::from(old);
            self.used_milli = self.used_milli + u64::from(old) - u64::from(new);
        }
        self.levels.change(node, before, self.whole_free[node]);
        let change = [part.gpus, part.cpu, part.memory, u64::from(part.milli) << 32 | u64::from(part.node)];
        self.mark.fingerprint = change.into_iter().fold(derive_key(self.mark.fingerprint, u64::from(taking)), derive_key);
        let length = self.history.len() as u64;
        self.history[(self.mark.changes % length) as usize] = (part.node, self.mark.fingerprint);
        self.mark.changes += 1;
        self.stamp[node] = self.mark.fingerprint;
    }
}

/// The GPUs of a set, in order.
fn gpus_in(set: GpuSet) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(set), |left| Some(left & left.wrapping_sub(1)))
        .take_while(|left| *left != 0)
        .map(|left| left.trailing_zeros() as usize)
}
