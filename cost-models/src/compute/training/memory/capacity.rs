//! Does a run fit the accelerators, by how much not, and how many would do.

use super::super::layout::{Layout, Sharding, Task};
use super::{Memory, peak_memory};

/// Share of an accelerator's memory that tensors can fill: the rest is fragments of the allocator, communication buffers and
/// the driver (`SimuMax` 1.2, Moore Threads 2026: 0.94 of the reserved memory is allocated at the peak).
pub const USABLE_FOR_TRAINING: f64 = 0.94;

/// Most accelerators that [`smallest`] considers.
const MOST_DEVICES: u32 = 1 << 17;

/// Whether a run fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Capacity {
    /// What the fullest accelerator needs.
    pub memory: Memory,
    /// What tensors can fill of an accelerator (B).
    pub usable: f64,
}

impl Capacity {
    /// Whether it fits.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.memory.total() <= self.usable
    }

    /// What is missing on the fullest accelerator (B); 0 where it fits.
    #[must_use]
    pub fn short(&self) -> f64 {
        (self.memory.total() - self.usable).max(0.0)
    }
}

/// Whether a run fits accelerators with `device_memory` (B) each.
#[must_use]
pub fn capacity(task: &Task<'_>, layout: &Layout, device_memory: f64) -> Capacity {
    Capacity { memory: peak_memory(task, layout), usable: device_memory * USABLE_FOR_TRAINING }
}

/// The fewest accelerators of `device_memory` (B) that the run fits on, with a layout that does it; micro-batch, recomputation,
/// sharding and formats as in `layout`. Tensor parallelism goes up to the `domain` that shares a fast link, pipeline,
/// context and data parallelism over powers of two, pipeline also over divisors of the layers; the global batch is raised to
/// the next multiple where data parallelism needs it. `None` where even 131,072 accelerators would not do.
#[must_use]
pub fn smallest(task: &Task<'_>, layout: &Layout, device_memory: f64, domain: u32) -> Option<(Layout, Memory)> {
    let powers = |most: u32| (0..=31).map(|power| 1_u32 << power).take_while(move |it| *it <= most);
    let layers = if task.architecture.layers.is_finite() { task.architecture.layers.clamp(1.0, 4096.0) as u32 } else { 1 };
    let stages: Vec<u32> = (1..=layers).filter(|it| it.is_power_of_two() || layers.is_multiple_of(*it)).collect();
    // Only sharded state gets smaller with data parallelism; expert parallelism needs members in any case.
    let data = if layout.sharding == Sharding::None && task.architecture.experts.is_none() { 1 } else { 4096 };
    let usable = device_memory * USABLE_FOR_TRAINING;
    let mut best: Option<(Layout, Memory)> = None;
    for tensor in powers(domain.clamp(1, 1024)) {
        for &pipeline in &stages {
            for context in powers(layout.context.clamp(1, 1024)) {
                for data in powers(data) {
                    let devices = u64::from(tensor) * u64::from(pipeline) * u64::from(context) * u64::from(data);
                    let Ok(devices) = u32::try_from(devices) else { break };
                    if devices > best.map_or(MOST_DEVICES, |(it, _)| it.devices) {
                        break;
                    }
                    for expert in powers(if task.architecture.experts.is_some() { tensor * context * data } else { 1 }) {
                        let sequences = data.saturating_mul(layout.micro_batch.max(1));
                        let trial = Layout {
                            devices,
                            tensor,
                            pipeline,
                            context,
                            data,
                            expert,
                            expert_tensor: 1,
                            interleaving: 1,
                            global_batch: layout.global_batch.max(1).div_ceil(sequences).saturating_mul(sequences),
                            ..*layout
                        };
                        if trial.check(task.architecture).is_err() {
                            continue;
                        }
                        let memory = peak_memory(task, &trial);
                        let better = best.is_none_or(|(it, then)| devices < it.devices || memory.total() < then.total());
                        if memory.total() <= usable && better {
                            best = Some((trial, memory));
                        }
                    }
                }
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::super::super::super::architecture;
    use super::*;

    #[test]
    fn llama_8b_needs_two_accelerators_of_80_gb_and_says_by_how_much() {
        let (_, it) = architecture("llama-3.1-8b").unwrap();
        let task = Task { architecture: it, sequence_length: 4096.0 };
        // 8 billion parameters of 18 bytes are 144 GB.
        let one = capacity(&task, &Layout { global_batch: 8, ..Layout::default() }, 80e9);
        assert!(!one.fits() && one.short() > 144e9 - 80e9, "{one:?}");
        let (layout, memory) = smallest(&task, &Layout { global_batch: 8, ..Layout::default() }, 80e9, 8).unwrap();
        assert_eq!(layout.check(it), Ok(()));
        assert!(memory.total() <= 80e9 * USABLE_FOR_TRAINING);
        assert!((3..=4).contains(&layout.devices), "{layout:?}");
        // One fewer power of two of any kind does not fit: nothing smaller was passed over.
        assert!(smallest(&task, &layout, 1e9, 1).is_none_or(|(it, _)| it.devices > layout.devices));
        assert_eq!(smallest(&task, &layout, f64::NAN, 8), None);
        let wild = Layout { context: u32::MAX, micro_batch: u32::MAX, global_batch: u32::MAX, ..layout };
        assert_eq!(smallest(&task, &wild, 80e9, u32::MAX), None);
    }

    #[test]
    fn the_largest_model_is_searched_at_once() {
        let (_, it) = architecture("deepseek-v3").unwrap();
        let task = Task { architecture: it, sequence_length: 4096.0 };
        let (layout, memory) = smallest(&task, &Layout { global_batch: 1024, ..Layout::default() }, 141e9, 8).unwrap();
        assert_eq!(layout.check(it), Ok(()));
        // 671 billion parameters of at least 6 bytes (weights and gradients) over n accelerators of 133 GB each.
        assert!(layout.devices >= 32 && memory.total() <= 141e9 * USABLE_FOR_TRAINING, "{layout:?}");
    }
}
