//! What attention kernels need to know of a device, measured against the generation that they were fitted on.

use crate::compute::{Device, Format, Generation};

/// Multiprocessors of an H100, on which the kernels were fitted.
const REFERENCE_MULTIPROCESSORS: f64 = 132.0;

/// A device as attention kernels see it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Machine {
    /// Multiprocessors, or for chips of a few large cores as many of an H100 as have their matrix rate.
    pub multiprocessors: f64,
    /// Memory bandwidth \[B/us\].
    pub bandwidth: f64,
    /// Last cache \[B\].
    pub cache: f64,
    /// Multiprocessors over those of an H100: how the cache's bandwidth grows.
    pub width: f64,
    /// Time of a multiprocessor's instructions, over Hopper's.
    pub pace: f64,
    /// Time of a launch, over Hopper's.
    pub launch: f64,
    /// Time of a 16-bit product on a multiprocessor, over Hopper's.
    pub product_16bit: f64,
    /// Time of an 8-bit product on a multiprocessor, over Hopper's.
    pub product_8bit: f64,
    /// Whether matrix units multiply 8-bit floating point.
    pub has_8bit: bool,
}

impl Machine {
    /// A device's.
    #[must_use]
    pub fn of(device: &Device) -> Self {
        // 989.4 and 1979 TFLOP/s on 132 multiprocessors (NVIDIA H100 data sheet).
        let per_multiprocessor = 989.4e12 / REFERENCE_MULTIPROCESSORS;
        let peak = device.peak(Format::Bf16).as_flop_per_s();
        let multiprocessors = match device.generation {
            // A few large cores each: count them as the H100 multiprocessors that would have their matrix rate.
            Generation::Tpu | Generation::Trainium | Generation::Gaudi | Generation::Apple | Generation::Ascend => {
                (peak / per_multiprocessor).round().clamp(8.0, 512.0)
            }
            _ => f64::from(device.multiprocessors.max(1)),
        };
        // Boost clocks by the data sheets, H100 1.83 GHz over: V100 1.53, T4 1.59, A100 1.41, 4090 2.52, B200 1.9. Launches are
        // slower on the software of other vendors.
        let (pace, launch) = match device.generation {
            Generation::Volta => (1.2, 1.1),
            Generation::Turing => (1.15, 1.1),
            Generation::Ampere => (1.3, 1.1),
            Generation::Ada | Generation::BlackwellRtx => (0.75, 1.0),
            Generation::Hopper => (1.0, 1.0),
            Generation::Blackwell => (0.96, 1.0),
            _ => (1.0, 1.5),
        };
        // FlashAttention-2 reaches 50 to 73 % of an A100's peak (Dao 2023), where the H100 kernels reach 53 % of theirs with
        // causal masks and heads of 128; on B200 cuDNN reaches about 55 % (FlashAttention-4, 2026: 1.3 times that is 71 %).
        let easier = if device.generation == Generation::Ampere { 0.85 } else { 1.0 };
        Self {
            multiprocessors,
            bandwidth: (device.memory_bandwidth.as_gb_per_s() * 1e3).max(1.0),
            cache: device.cache.as_bytes().max(1.0),
            width: multiprocessors / REFERENCE_MULTIPROCESSORS,
            pace,
            launch,
            product_16bit: easier * per_multiprocessor * multiprocessors / peak.max(1.0),
            product_8bit: 2.0 * per_multiprocessor * multiprocessors / device.peak(Format::Fp8).as_flop_per_s().max(1.0),
            has_8bit: device.peak_fp8.is_some(),
        }
    }

    /// Time to read `bytes` at a share of the memory's bandwidth, or from the cache at `cache` TB/s where they are still there
    /// from the last time (`warm`) \[us\].
    #[must_use]
    pub fn read(&self, bytes: f64, share: f64, cache: f64, warm: bool) -> f64 {
        let fill = bytes / self.cache;
        // Half is in the cache where the bytes are as many as it holds; the fourth power is the slope that sweeps show.
        let hit = if warm { 1.0 / (1.0 + (fill * fill) * (fill * fill)) } else { 0.0 };
        bytes / (self.bandwidth * share) * (1.0 - hit) + bytes / (cache * 1e6 * self.width) * hit
    }
}

/// Soft maximum `(a^3 + b^3)^(1/3)`.
pub(crate) fn soft_max3(a: f64, b: f64) -> f64 {
    let high = a.max(b);
    if high <= 0.0 || !high.is_finite() {
        return high;
    }
    let (a, b) = (a / high, b / high);
    high * (a * a * a + b * b * b).cbrt()
}

/// Soft maximum `(a^4 + b^4)^(1/4)`.
pub(crate) fn soft_max4(a: f64, b: f64) -> f64 {
    let high = a.max(b);
    if high <= 0.0 || !high.is_finite() {
        return high;
    }
    let (a, b) = (a / high, b / high);
    high * ((a * a) * (a * a) + (b * b) * (b * b)).sqrt().sqrt()
}
