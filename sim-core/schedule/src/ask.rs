//! What a job asks for.

/// A GPU that is whole, or taken as a whole: thousandths.
pub const WHOLE: u32 = 1000;

/// A set of the GPU models of one [`Cluster`](crate::Cluster), by their positions in its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Models(u64);

impl Models {
    /// Every model, and GPUs whose model is not stated.
    pub const ANY: Self = Self(u64::MAX);
    /// No model at all: the ask names only models that the cluster does not have.
    pub const NONE: Self = Self(0);
    /// Most models of a cluster; the last bit stands for GPUs without a stated model.
    pub const MOST: usize = 63;

    /// One model.
    #[must_use]
    pub const fn of(model: u32) -> Self {
        if (model as usize) < Self::MOST { Self(1 << model) } else { Self::NONE }
    }
    /// The models of both.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    /// Whether a node with this model (or with GPUs of no stated model) will do.
    #[inline]
    #[must_use]
    pub const fn allows(self, model: Option<u32>) -> bool {
        let place = match model {
            Some(model) => model,
            None => Self::MOST as u32,
        };
        self.0 >> place & 1 == 1
    }
}

/// What one job (task, pod) asks for while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ask {
    /// Number of GPUs, each another one; 0 for a job without.
    pub gpus: u32,
    /// Thousandths of each GPU, 1 to [`WHOLE`]; of no meaning without GPUs.
    pub gpu_milli: u32,
    /// Thousandths of a CPU, of the whole job.
    pub cpu_milli: u64,
    /// Memory \[MiB\], of the whole job.
    pub memory_mib: u64,
    /// GPU models that will do; of no meaning without GPUs.
    pub models: Models,
    /// Whether whole GPUs of several nodes will do. CPU and memory are then split among the nodes by their GPUs, rounded up.
    pub gang: bool,
}

impl Ask {
    /// Whole GPUs of any model and nothing else, on one node or on several.
    #[must_use]
    pub const fn gang_of(gpus: u32) -> Self {
        Self { gpus, gpu_milli: WHOLE, cpu_milli: 0, memory_mib: 0, models: Models::ANY, gang: true }
    }
    /// Thousandths of GPUs in all.
    #[inline]
    #[must_use]
    pub const fn total_gpu_milli(&self) -> u64 {
        self.gpus as u64 * self.gpu_milli as u64
    }
    /// Whether it takes a part of one or more GPUs and leaves the rest to others.
    #[inline]
    #[must_use]
    pub const fn shares(&self) -> bool {
        self.gpus > 0 && self.gpu_milli < WHOLE
    }
    /// Whether it may be spread over nodes: a gang of whole GPUs.
    #[inline]
    #[must_use]
    pub const fn may_spread(&self) -> bool {
        self.gang && self.gpus > 1 && self.gpu_milli == WHOLE
    }
    /// What `gpus` of its GPUs bring with them to one node: the ask of one part of a gang.
    #[inline]
    #[must_use]
    pub fn part(&self, gpus: u32) -> Self {
        if gpus >= self.gpus {
            return *self;
        }
        // A share of the whole, rounded up; 128 bits, since a CPU or memory of many jobs is any number.
        let share = |whole: u64| (u128::from(whole) * u128::from(gpus)).div_ceil(u128::from(self.gpus)) as u64;
        Self { gpus, cpu_milli: share(self.cpu_milli), memory_mib: share(self.memory_mib), ..*self }
    }
}
