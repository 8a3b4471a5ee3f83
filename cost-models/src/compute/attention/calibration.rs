//! Fits the kernels to points that were measured on one device.

use super::machine::Machine;
use super::{Circumstance, Conformal, Device, Heads, Library};

/// A measured decode step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DecodePoint {
    /// Heads.
    pub heads: Heads,
    /// Requests.
    pub batch: f64,
    /// Kept tokens of each.
    pub context: f64,
    /// Measured time \[s\].
    pub seconds: f64,
    /// How it was measured.
    pub circumstance: Circumstance,
}

/// A measured prefill.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PrefillPoint {
    /// Heads.
    pub heads: Heads,
    /// Prompts.
    pub batch: f64,
    /// Tokens of each.
    pub length: f64,
    /// Measured time \[s\].
    pub seconds: f64,
    /// How it was measured.
    pub circumstance: Circumstance,
}

/// How a device's kernels differ from the shipped ones: factors on times.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Factors([f64; 3]);

impl Library {
    /// The shipped kernels adjusted to a device's points: launch, blocks and memory of decode by `decode`, those of prefill by
    /// `prefill`. Each has three factors within a quarter and four times the shipped time, so that a few points suffice; a kind
    /// without points stays as shipped. Intervals are those of the points' own errors where there are twenty or more.
    #[must_use]
    pub fn from_points(&self, device: &Device, decode: &[DecodePoint], prefill: &[PrefillPoint]) -> Self {
        let machine = Machine::of(device);
        let errors = |library: &Self| -> Vec<f64> {
            let it = |point: &DecodePoint| {
                let parts = library.decode(&machine, point.heads, point.batch, point.context, point.circumstance).0;
                (point.seconds * 1e6 / parts.total()).ln()
            };
            decode.iter().map(it).filter(|error| error.is_finite()).collect()
        };
        let mut adjusted = self.clone();
        if let Some(errors) = adjust(&mut adjusted, Self::with_decode, errors) {
            for spread in [&mut adjusted.single_16bit.full, &mut adjusted.single_8bit.full] {
                *spread = errors;
            }
            for spread in [&mut adjusted.grouped_16bit.full, &mut adjusted.grouped_8bit.full] {
                *spread = errors;
            }
        }
        let errors = |library: &Self| -> Vec<f64> {
            let it = |point: &PrefillPoint| {
                let parts = library.prefill(&machine, point.heads, point.batch, point.length, 0.0, point.circumstance).0;
                (point.seconds * 1e6 / parts.total()).ln()
            };
            prefill.iter().map(it).filter(|error| error.is_finite()).collect()
        };
        if let Some(errors) = adjust(&mut adjusted, Self::with_prefill, errors) {
            for it in [&mut adjusted.tiled_16bit, &mut adjusted.tiled_mixed, &mut adjusted.tiled_8bit] {
                it.full = errors;
            }
        }
        adjusted
    }

    fn with_decode(&self, Factors([launch, blocks, memory]): Factors) -> Self {
        let mut it = self.clone();
        for kernel in [&mut it.single_16bit.kernel, &mut it.single_8bit.kernel] {
            kernel.launch *= launch;
            for time in [&mut kernel.block, &mut kernel.block_size, &mut kernel.first_load, &mut kernel.key, &mut kernel.key_size] {
                *time *= blocks;
            }
            kernel.memory /= memory;
        }
        for kernel in [&mut it.grouped_16bit.kernel, &mut it.grouped_8bit.kernel] {
            for time in [&mut kernel.launch, &mut kernel.launch_rows, &mut kernel.launch_size] {
                *time *= launch;
            }
            for time in [&mut kernel.block, &mut kernel.block_size, &mut kernel.key, &mut kernel.key_size] {
                *time *= blocks;
            }
            kernel.memory /= memory;
        }
        it
    }

    fn with_prefill(&self, Factors([launch, blocks, memory]): Factors) -> Self {
        let mut it = self.clone();
        for kernel in [&mut it.tiled_16bit.kernel, &mut it.tiled_mixed.kernel, &mut it.tiled_8bit.kernel] {
            kernel.launch *= launch;
            for time in [&mut kernel.tile_64, &mut kernel.tile_128, &mut kernel.tile_256] {
                *time *= blocks;
            }
            for time in [&mut kernel.key_64, &mut kernel.key_128, &mut kernel.key_192, &mut kernel.key_256] {
                *time *= blocks;
            }
            kernel.memory /= memory;
        }
        it
    }
}

/// Searches the factors with the smallest mean absolute error, by steps that halve; the interval of what is left.
fn adjust(library: &mut Library, with: impl Fn(&Library, Factors) -> Library, errors: impl Fn(&Library) -> Vec<f64>) -> Option<Conformal> {
    const ENOUGH: usize = 20;
    let shipped = library.clone();
    let loss = |factors: Factors| {
        let errors = errors(&with(&shipped, factors));
        let strays: f64 = factors.0.iter().map(|it| it.ln().abs()).sum();
        // A factor that the points say nothing of stays at one.
        errors.iter().map(|it| it.abs()).sum::<f64>() / errors.len().max(1) as f64 + 1e-3 * strays
    };
    if errors(&shipped).is_empty() {
        return None;
    }
    let (mut best, mut value) = (Factors([1.0; 3]), loss(Factors([1.0; 3])));
    let mut step = 0.5_f64;
    while step > 1e-3 {
        let mut improved = false;
        for index in 0..best.0.len() {
            for sign in [1.0, -1.0] {
                let mut trial = best;
                trial.0[index] = (trial.0[index] * (sign * step).exp()).clamp(0.25, 4.0);
                let there = loss(trial);
                if there < value {
                    (best, value, improved) = (trial, there, true);
                    break;
                }
            }
        }
        if !improved {
            step /= 2.0;
        }
    }
    *library = with(&shipped, best);
    let errors = errors(library);
    if errors.len() < ENOUGH { None } else { Conformal::calibrate(errors.into_iter().map(|error| (error, 1.0))) }
}
