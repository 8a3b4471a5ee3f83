//! A calibration pack: what was measured on one device, with everything that is needed to judge it.
//!
//! The text form is TOML (`write.rs`, `read.rs`); the types here are what a kernel model fits itself to.

mod read;
#[cfg(test)]
mod tests;
mod write;

pub use read::PackError;

use serde::{Deserialize, Serialize};

use crate::blas::Format;
use crate::fit::Fit;
use crate::harness::quantile;
use crate::suite::{Activity, CollectiveOperation, Direction, HostMemory, LaunchMode, StreamOperation, Work};

/// Name of the format in a pack.
pub const SCHEMA: &str = "bastide-calibration";
/// Version of the format that this program writes, and the only one that it reads.
pub const VERSION: i64 = 1;

/// The device of a pack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceRecord {
    /// Name that the driver gives.
    pub name: String,
    /// Compute capability: `9.0`.
    pub compute_capability: String,
    /// Streaming multiprocessors.
    pub multiprocessors: u32,
    /// Memory \[B\].
    pub memory_bytes: u64,
    /// Second-level cache \[B\].
    pub l2_bytes: u64,
    /// Name in the library of accelerators, if its data sheet is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub library: Option<String>,
}

/// The software of a pack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoftwareRecord {
    /// Version of this program.
    pub program: String,
    /// Driver: `580.65.06`; empty where NVML does not say.
    pub driver: String,
    /// CUDA version of the driver: `13.0`.
    pub cuda: String,
    /// Compiler of the kernels.
    pub nvrtc: String,
    /// Library of matrix products.
    pub cublaslt: String,
    /// Which attention kernels were measured: figures of others differ.
    pub attention: String,
}

/// When and under what conditions a pack was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// Day, as the caller gave it: `2026-05-04`.
    pub date: String,
    /// Whether this was the short suite.
    pub quick: bool,
    /// Devices of the machine.
    pub devices: u32,
    /// Highest clock of the multiprocessors \[MHz\].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub highest_sm_mhz: Option<f64>,
    /// Highest clock of the memory \[MHz\].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub highest_memory_mhz: Option<f64>,
    /// Power limit in force \[W\].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power_limit_w: Option<f64>,
    /// Generation of the PCI Express link, as it was before the measurements: an idle link may show less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_generation: Option<u32>,
    /// Lanes of the link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_width: Option<u32>,
}

/// State of the device while one thing was measured; absent where it does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Conditions {
    /// Board power \[W\], averaged by the device over about a second.
    pub power_w: Option<f64>,
    /// Temperature \[degrees Celsius\].
    pub temperature_c: Option<f64>,
    /// Clock of the multiprocessors \[MHz\].
    pub sm_mhz: Option<f64>,
    /// Clock of the memory \[MHz\].
    pub memory_mhz: Option<f64>,
    /// Bits of NVML's reasons for a lower clock; 0x4 is the power cap.
    pub throttle: Option<u64>,
}

impl Conditions {
    /// Whether heat, hardware protection or a power brake lowered the clocks: such a point says nothing of the device. Dense
    /// products run against the power cap as a rule, which does not count.
    #[must_use]
    pub fn throttled(&self) -> bool {
        self.throttle.is_some_and(|bits| bits & crate::nvml::THROTTLED != 0)
    }
}

/// One thing measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// What was measured.
    pub work: Work,
    /// Seconds of one run, one value for each sample; W for power.
    pub samples: Vec<f64>,
    /// Runs in a sample.
    pub runs: u32,
    /// Whether a graph started the runs of a sample.
    pub graph: bool,
    /// Error of the result against double precision, relative; absent where there is no arithmetic.
    pub error: Option<f64>,
    /// Work done per second while power was measured: bytes for a stream and for decode, operations for matrices.
    pub rate: Option<f64>,
    /// State of the device.
    pub conditions: Conditions,
    /// Why the point does not count, if so: its result was wrong, it could not be run, the device was throttled.
    pub void: Option<String>,
}

impl Point {
    /// Median of the samples; NaN without any.
    #[must_use]
    pub fn median(&self) -> f64 {
        quantile(&self.samples, 0.5)
    }

    /// Tenth percentile of the samples; NaN without any.
    #[must_use]
    pub fn p10(&self) -> f64 {
        quantile(&self.samples, 0.1)
    }

    /// Ninetieth percentile of the samples; NaN without any.
    #[must_use]
    pub fn p90(&self) -> f64 {
        quantile(&self.samples, 0.9)
    }

    /// Whether the point counts.
    #[must_use]
    pub fn valid(&self) -> bool {
        self.void.is_none() && !self.samples.is_empty()
    }
}

/// A calibration pack.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The device.
    pub device: DeviceRecord,
    /// The software.
    pub software: SoftwareRecord,
    /// The run.
    pub run: RunRecord,
    /// What follows from the points.
    pub fit: Fit,
    /// Everything measured, in the order in which it was: the first once more at the end.
    pub points: Vec<Point>,
}

/// A matrix product: out \[m\]\[n\] = x \[m\]\[k\] times w \[n\]\[k\] transposed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GemmPoint {
    /// Type of the factors.
    pub format: Format,
    /// Rows of x.
    pub m: u64,
    /// Rows of w.
    pub n: u64,
    /// Columns of both.
    pub k: u64,
    /// Whether w came from memory and not from the cache.
    pub cold: bool,
    /// Median time \[s\].
    pub seconds: f64,
}

/// Attention of one new token per sequence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DecodeAttentionPoint {
    /// Sequences.
    pub batch: u32,
    /// Tokens in the cache of each.
    pub context: u32,
    /// Query heads.
    pub heads: u32,
    /// Key and value heads.
    pub kv_heads: u32,
    /// Values per head.
    pub head_dim: u32,
    /// Median time \[s\].
    pub seconds: f64,
}

/// Causal attention of whole prompts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PrefillAttentionPoint {
    /// Sequences.
    pub batch: u32,
    /// Tokens of each.
    pub length: u32,
    /// Query heads.
    pub heads: u32,
    /// Key and value heads.
    pub kv_heads: u32,
    /// Values per head.
    pub head_dim: u32,
    /// Median time \[s\].
    pub seconds: f64,
}

/// A stream kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StreamPoint {
    /// What it does.
    pub operation: StreamOperation,
    /// Bytes read and written.
    pub bytes: u64,
    /// Median time \[s\].
    pub seconds: f64,
}

/// A copy between host and device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TransferPoint {
    /// Which way.
    pub direction: Direction,
    /// Kind of the host's memory.
    pub memory: HostMemory,
    /// Bytes.
    pub bytes: u64,
    /// Median time \[s\].
    pub seconds: f64,
}

/// The start of an empty kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LaunchPoint {
    /// How it is started.
    pub mode: LaunchMode,
    /// Median time per kernel \[s\].
    pub seconds: f64,
}

/// Power.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerPoint {
    /// What the device did.
    pub activity: Activity,
    /// Board power \[W\].
    pub power_w: f64,
    /// Work done per second: bytes for a stream and for decode, operations for matrices; none when idle.
    pub rate: Option<f64>,
}

/// Something between devices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CollectivePoint {
    /// What they do.
    pub operation: CollectiveOperation,
    /// How many take part.
    pub devices: u32,
    /// Bytes that each has.
    pub bytes: u64,
    /// Median time \[s\].
    pub seconds: f64,
}

impl Profile {
    /// The points that count, but for the repetition of the first.
    fn counted(&self) -> impl Iterator<Item = (Work, &Point, f64)> {
        counted(&self.points)
    }

    /// Matrix products.
    #[must_use]
    pub fn gemm(&self) -> Vec<GemmPoint> {
        let pick = |(work, _, seconds)| match work {
            Work::Gemm { format, m, n, k, cold } => Some(GemmPoint { format, m, n, k, cold, seconds }),
            _ => None,
        };
        self.counted().filter_map(pick).collect()
    }

    /// Decode attention.
    #[must_use]
    pub fn decode_attention(&self) -> Vec<DecodeAttentionPoint> {
        let pick = |(work, _, seconds)| match work {
            Work::DecodeAttention { batch, context, heads, kv_heads, head_dim } => {
                Some(DecodeAttentionPoint { batch, context, heads, kv_heads, head_dim, seconds })
            }
            _ => None,
        };
        self.counted().filter_map(pick).collect()
    }

    /// Prefill attention.
    #[must_use]
    pub fn prefill_attention(&self) -> Vec<PrefillAttentionPoint> {
        let pick = |(work, _, seconds)| match work {
            Work::PrefillAttention { batch, length, heads, kv_heads, head_dim } => {
                Some(PrefillAttentionPoint { batch, length, heads, kv_heads, head_dim, seconds })
            }
            _ => None,
        };
        self.counted().filter_map(pick).collect()
    }

    /// Stream kernels.
    #[must_use]
    pub fn stream(&self) -> Vec<StreamPoint> {
        let pick = |(work, _, seconds)| match work {
            Work::Stream { operation, bytes } => Some(StreamPoint { operation, bytes, seconds }),
            _ => None,
        };
        self.counted().filter_map(pick).collect()
    }

    /// Copies between host and device.
    #[must_use]
    pub fn transfer(&self) -> Vec<TransferPoint> {
        let pick = |(work, _, seconds)| match work {
            Work::Transfer { direction, memory, bytes } => Some(TransferPoint { direction, memory, bytes, seconds }),
            _ => None,
        };
        self.counted().filter_map(pick).collect()
    }

    /// Starts of kernels.
    #[must_use]
    pub fn launch(&self) -> Vec<LaunchPoint> {
        let pick = |(work, _, seconds)| match work {
            Work::Launch { mode } => Some(LaunchPoint { mode, seconds }),
            _ => None,
        };
        self.counted().filter_map(pick).collect()
    }

    /// Power by activity.
    #[must_use]
    pub fn power(&self) -> Vec<PowerPoint> {
        let pick = |(work, point, power_w): (Work, &Point, f64)| match work {
            Work::Power { activity } => Some(PowerPoint { activity, power_w, rate: point.rate }),
            _ => None,
        };
        self.counted().filter_map(pick).collect()
    }

    /// Between devices.
    #[must_use]
    pub fn collective(&self) -> Vec<CollectivePoint> {
        let pick = |(work, _, seconds)| match work {
            Work::Collective { operation, devices, bytes } => Some(CollectivePoint { operation, devices, bytes, seconds }),
            _ => None,
        };
        self.counted().filter_map(pick).collect()
    }

    /// How much slower the first thing measured was when it was measured again at the end; absent where one of the two is void.
    #[must_use]
    pub fn drift(&self) -> Option<f64> {
        let (first, last) = (self.points.first()?, self.points.last()?);
        let repeated = self.points.len() > 1 && first.work == last.work && first.valid() && last.valid();
        repeated.then(|| last.median() / first.median() - 1.0)
    }
}

pub(crate) fn counted(points: &[Point]) -> impl Iterator<Item = (Work, &Point, f64)> {
    let repeated = points.len() > 1 && points.first().map(|point| point.work) == points.last().map(|point| point.work);
    let end = points.len() - usize::from(repeated);
    points[..end].iter().filter(|point| point.valid()).map(|point| (point.work, point, point.median()))
}
