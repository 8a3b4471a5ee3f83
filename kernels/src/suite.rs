//! What is measured, as data.

use crate::blas::Format;

/// What a stream kernel does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StreamOperation {
    /// Reads half of the bytes and writes the other half.
    Copy,
    /// Reads.
    Read,
    /// Reads two thirds and writes one: a + s b (McCalpin 1995).
    Triad,
}

/// Way of a copy between host and device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// From the host's memory to the device's.
    HostToDevice,
    /// From the device's memory to the host's.
    DeviceToHost,
}

/// Kind of the host's memory in a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostMemory {
    /// Page-locked: the device copies by itself.
    Pinned,
    /// As programs allocate it: the driver copies through a buffer of its own.
    Pageable,
}

/// How an empty kernel is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LaunchMode {
    /// One after another in a stream: time per kernel.
    Stream,
    /// One after another in a graph: time per kernel.
    Graph,
    /// Once, from the call until the host knows that it is done.
    Single,
}

/// What a device does while its power is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Activity {
    /// Nothing, with a context open.
    Idle,
    /// Copies in its memory.
    Stream,
    /// Large bf16 matrix products.
    Matrix,
    /// Decode attention over a large cache.
    Decode,
}

/// What devices do with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CollectiveOperation {
    /// A copy from one device to the next over their own link.
    PeerCopy,
    /// The same through the host's memory.
    StagedCopy,
    /// A sum over all devices that every one gets, by a ring of peer copies and additions.
    AllReduce,
}

/// One thing to measure. All shapes are those of row-major arrays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Work {
    /// out \[m\]\[n\] = x \[m\]\[k\] times w \[n\]\[k\] transposed.
    Gemm {
        /// Type of x and w.
        format: Format,
        /// Rows of x: tokens.
        m: u64,
        /// Rows of w: outputs of the layer.
        n: u64,
        /// Columns of both: inputs of the layer.
        k: u64,
        /// Whether w comes from memory and not from the cache: runs take turns among copies of it.
        cold: bool,
    },
    /// A stream kernel that goes over the same memory again and again: in the cache where it fits.
    Stream {
        /// What it does.
        operation: StreamOperation,
        /// Bytes read and written in one run.
        bytes: u64,
    },
    /// One new token for each sequence of a batch, over a paged cache.
    DecodeAttention {
        /// Sequences.
        batch: u32,
        /// Tokens in the cache, for each sequence.
        context: u32,
        /// Query heads.
        heads: u32,
        /// Key and value heads.
        kv_heads: u32,
        /// Values per head: 64 or 128.
        head_dim: u32,
    },
    /// Causal attention of whole prompts.
    PrefillAttention {
        /// Sequences.
        batch: u32,
        /// Tokens of each.
        length: u32,
        /// Query heads.
        heads: u32,
        /// Key and value heads.
        kv_heads: u32,
        /// Values per head: 64 or 128.
        head_dim: u32,
    },
    /// An empty kernel.
    Launch {
        /// How it is started.
        mode: LaunchMode,
    },
    /// A copy between host and device.
    Transfer {
        /// Which way.
        direction: Direction,
        /// Kind of the host's memory.
        memory: HostMemory,
        /// Bytes of the copy.
        bytes: u64,
    },
    /// Between devices.
    Collective {
        /// What they do.
        operation: CollectiveOperation,
        /// How many take part.
        devices: u32,
        /// Bytes that each has.
        bytes: u64,
    },
    /// Power while the device does something; its samples are in W, one for each window of time.
    Power {
        /// What it does.
        activity: Activity,
    },
}

/// Layers of models that are served and trained: (outputs n, inputs k).
const SITES: [(u64, u64); 12] = [
    (6144, 4096),   // Llama 3 8B, queries, keys and values
    (4096, 4096),   // its output projection
    (28_672, 4096), // its gate and up projections
    (4096, 14_336), // its down projection
    (1280, 8192),   // Llama 3 70B over 8 devices: the same four
    (8192, 1024),
    (7168, 8192),
    (8192, 3584),
    (10_240, 8192), // Llama 3 70B on one device: attention
    (57_344, 8192), // its gate and up projections
    (2048, 7168),   // an expert of DeepSeek-V3
    (7168, 2048),
];

const QUICK_SITES: [(u64, u64); 4] = [(4096, 4096), (28_672, 4096), (8192, 1024), (7168, 8192)];

/// (query heads, key heads, head size) of attentions: grouped by 4 and by 8, one device's part of 8, not grouped, small heads.
const HEADS: [(u32, u32, u32); 5] = [(32, 8, 128), (64, 8, 128), (8, 1, 128), (32, 32, 128), (32, 8, 64)];

const MIB: u64 = 1 << 20;

/// What to measure on a device, in order; the first point comes again at the end. `fp8`: whether the device has FP8 units;
/// `free_bytes`: device memory that may be used; `devices`: how many devices there are.
#[must_use]
pub fn suite(quick: bool, fp8: bool, free_bytes: u64, devices: u32) -> Vec<Work> {
    let mut list = Vec::new();
    let sites: &[(u64, u64)] = if quick { &QUICK_SITES } else { &SITES };
    let formats: &[Format] = if fp8 { &[Format::Bf16, Format::Fp8] } else { &[Format::Bf16] };
    for &format in formats {
        // FP8 products have dimensions that are multiples of 16.
        let rows: &[u64] = match (quick, format) {
            (true, Format::Bf16) => &[1, 32, 512, 4096],
            (true, Format::Fp8) => &[16, 64, 512, 4096],
            (false, Format::Bf16) => &[1, 8, 32, 128, 512, 2048, 8192],
            (false, Format::Fp8) => &[16, 32, 64, 128, 512, 2048, 8192],
        };
        for &(n, k) in sites {
            list.extend(rows.iter().map(|&m| Work::Gemm { format, m, n, k, cold: true }));
        }
        // The cache helps small products that come back at once: how much, at a few.
        let (n, k) = (4096, 4096);
        list.extend([16, 128].map(|m| Work::Gemm { format, m, n, k, cold: false }));
    }
    let sizes: &[u64] = if quick { &[4, 32, 512, 2048] } else { &[1, 4, 16, 32, 64, 256, 1024, 4096] };
    for operation in [StreamOperation::Copy, StreamOperation::Read, StreamOperation::Triad] {
        list.extend(sizes.iter().map(|&size| Work::Stream { operation, bytes: size * MIB }));
    }
    let heads = &HEADS[..if quick { 2 } else { HEADS.len() }];
    let decode: &[(u32, u32)] = if quick {
        &[(1, 2048), (16, 2048), (64, 4096), (1, 32_768)]
    } else {
        &[(1, 512), (1, 4096), (1, 65_536), (8, 1024), (8, 16_384), (32, 2048), (64, 4096), (128, 1024), (256, 512)]
    };
    let prefill: &[(u32, u32)] = if quick { &[(1, 1024), (1, 8192)] } else { &[(1, 512), (1, 2048), (4, 2048), (1, 8192)] };
    for &(heads, kv_heads, head_dim) in heads {
        list.extend(decode.iter().map(|&(batch, context)| Work::DecodeAttention { batch, context, heads, kv_heads, head_dim }));
    }
    for &(heads, kv_heads, head_dim) in heads.iter().filter(|(heads, kv_heads, _)| heads != kv_heads) {
        list.extend(prefill.iter().map(|&(batch, length)| Work::PrefillAttention { batch, length, heads, kv_heads, head_dim }));
    }
    list.extend([LaunchMode::Stream, LaunchMode::Graph, LaunchMode::Single].map(|mode| Work::Launch { mode }));
    let sizes: &[u64] = if quick { &[64 << 10, 16 * MIB, 128 * MIB] } else { &[64 << 10, MIB, 16 * MIB, 256 * MIB, 1024 * MIB] };
    for direction in [Direction::HostToDevice, Direction::DeviceToHost] {
        for memory in [HostMemory::Pinned, HostMemory::Pageable] {
            // Pageable copies are slow, and no faster for being large.
            let most = if memory == HostMemory::Pageable { 256 * MIB } else { u64::MAX };
            let sizes = sizes.iter().filter(|size| **size <= most);
            list.extend(sizes.map(|&bytes| Work::Transfer { direction, memory, bytes }));
        }
    }
    if devices >= 2 {
        let sizes: &[u64] = if quick { &[MIB, 256 * MIB] } else { &[64 << 10, MIB, 16 * MIB, 256 * MIB, 1024 * MIB] };
        for operation in [CollectiveOperation::PeerCopy, CollectiveOperation::StagedCopy] {
            list.extend(sizes.iter().map(|&bytes| Work::Collective { operation, devices: 2, bytes }));
        }
        for devices in [2, 4, 8].into_iter().filter(|count| *count <= devices) {
            list.extend(sizes.iter().map(|&bytes| Work::Collective { operation: CollectiveOperation::AllReduce, devices, bytes }));
        }
    }
    list.extend([Activity::Idle, Activity::Stream, Activity::Matrix, Activity::Decode].map(|activity| Work::Power { activity }));
    // Half of what is free: the driver, the libraries and the copies that keep weights cold need some.
    list.retain(|work| work.device_bytes() <= free_bytes / 2);
    list.extend(list.first().copied());
    list
}

impl Work {
    /// The word in a pack: `gemm`, `stream`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Work::Gemm { .. } => "gemm",
            Work::Stream { .. } => "stream",
            Work::DecodeAttention { .. } => "decode-attention",
            Work::PrefillAttention { .. } => "prefill-attention",
            Work::Launch { .. } => "launch",
            Work::Transfer { .. } => "transfer",
            Work::Collective { .. } => "collective",
            Work::Power { .. } => "power",
        }
    }

    /// Device memory of one run (B).
    #[must_use]
    pub fn device_bytes(&self) -> u64 {
        match *self {
            Work::Gemm { format, m, n, k, .. } => (m * k + n * k) * format.bytes() + 2 * m * n,
            Work::Stream { bytes, .. } | Work::Transfer { bytes, .. } => bytes,
            Work::DecodeAttention { batch, context, heads, kv_heads, head_dim } => {
                4 * u64::from(head_dim) * u64::from(batch) * (u64::from(context) * u64::from(kv_heads) + u64::from(heads))
            }
            Work::PrefillAttention { batch, length, heads, kv_heads, head_dim } => {
                4 * u64::from(head_dim) * u64::from(batch) * u64::from(length) * u64::from(heads + kv_heads)
            }
            Work::Collective { bytes, .. } => 2 * bytes,
            Work::Launch { .. } | Work::Power { .. } => 0,
        }
    }

    /// Floating-point operations of one run; 0 where arithmetic is not what counts.
    #[must_use]
    pub fn flops(&self) -> f64 {
        match *self {
            Work::Gemm { m, n, k, .. } => 2.0 * m as f64 * n as f64 * k as f64,
            Work::DecodeAttention { batch, context, heads, head_dim, .. } => {
                4.0 * f64::from(batch) * f64::from(context) * f64::from(heads) * f64::from(head_dim)
            }
            // Half of the square: a token attends to those before it.
            Work::PrefillAttention { batch, length, heads, head_dim, .. } => {
                2.0 * f64::from(batch) * f64::from(length) * f64::from(length + 1) * f64::from(heads) * f64::from(head_dim)
            }
            _ => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suite_is_of_the_size_that_a_minute_allows() {
        let full = suite(false, true, 140 << 30, 1);
        let quick = suite(true, true, 140 << 30, 1);
        assert!((200..320).contains(&full.len()), "{}", full.len());
        assert!((60..110).contains(&quick.len()), "{}", quick.len());
        assert_eq!(full.first(), full.last());
        let per_type = full.iter().filter(|work| matches!(work, Work::Gemm { format: Format::Bf16, .. })).count();
        assert!(per_type <= 200, "{per_type}");
    }

    #[test]
    fn a_small_device_measures_what_fits() {
        let list = suite(false, false, 4 << 30, 1);
        assert!(list.iter().all(|work| work.device_bytes() <= 2 << 30));
        assert!(list.iter().all(|work| !matches!(work, Work::Gemm { format: Format::Fp8, .. } | Work::Collective { .. })));
        assert!(list.iter().any(|work| matches!(work, Work::DecodeAttention { .. })));
    }

    #[test]
    fn fp8_products_have_multiples_of_16() {
        for work in suite(false, true, 140 << 30, 8) {
            if let Work::Gemm { format: Format::Fp8, m, n, k, .. } = work {
                assert!(m % 16 == 0 && n % 16 == 0 && k % 16 == 0, "{work:?}");
            }
        }
        assert!(suite(false, true, 140 << 30, 8).iter().any(|work| matches!(work, Work::Collective { devices: 8, .. })));
    }
}
