//! Search for the layouts that train a model fastest.

use super::layer::Setting;
use super::step::{Layers, layers, step_of};
use super::{Layout, Recompute, Sharding, Step, Task, peak_memory};

/// A layout with what it makes of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// The layout.
    pub layout: Layout,
    /// Time of a step, by part.
    pub step: Step,
    /// Memory of the fullest accelerator (B).
    pub memory: f64,
}

/// What the search keeps fixed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fixed {
    /// Tensor parallelism, where given.
    pub tensor: Option<u32>,
    /// Pipeline stages, where given.
    pub pipeline: Option<u32>,
    /// Context parallelism, where given.
    pub context: Option<u32>,
    /// Expert parallelism, where given.
    pub expert: Option<u32>,
    /// Chunks of a stage, where given.
    pub interleaving: Option<u32>,
    /// Sequences of a micro-batch, where given.
    pub micro_batch: Option<u32>,
    /// Recomputation, where given.
    pub recompute: Option<Recompute>,
    /// Sharding, where given.
    pub sharding: Option<Sharding>,
}

impl Fixed {
    /// Nothing is given.
    pub const NOTHING: Self = Self {
        tensor: None,
        pipeline: None,
        context: None,
        expert: None,
        interleaving: None,
        micro_batch: None,
        recompute: None,
        sharding: None,
    };
}

/// Share of an accelerator's memory that a run may plan with: the rest is the context, fragments and collectives' buffers.
pub const PLANNED_MEMORY: f64 = 0.92;

/// Numbers that divide `whole`, smallest first, up to `most`.
fn divisors(whole: u32, most: u32) -> impl Iterator<Item = u32> {
    (1..=whole.min(most)).filter(move |it| whole.is_multiple_of(*it))
}

/// The `keep` fastest layouts that fit, fastest first. `base` gives devices, batch, precision, optimiser and the like.
///
/// Where nothing fits, the candidates are empty; [`smallest`] says what would.
#[must_use]
pub fn search(setting: Setting<'_>, task: Task<'_>, base: &Layout, fixed: &Fixed, keep: usize) -> Vec<Candidate> {
    within(setting, task, base, fixed, keep, setting.device.memory.as_bytes() * PLANNED_MEMORY)
}

/// The search with a memory of its own (B).
fn within(setting: Setting<'_>, task: Task<'_>, base: &Layout, fixed: &Fixed, keep: usize, capacity: f64) -> Vec<Candidate> {
    let it = task.architecture;
    let mut best: Vec<Candidate> = Vec::with_capacity(keep + 1);
    let one_or = |given: Option<u32>, all: Vec<u32>| given.map_or(all, |it| vec![it]);
    let widest = if setting.domain >= 16.0 && setting.domain <= 72.0 { 16 } else { (setting.domain as u32).clamp(1, 16) };
    let count = it.layers.clamp(1.0, 10_000.0) as u32;
    let tensors = one_or(fixed.tensor, [1, 2, 4, 8, 16].into_iter().filter(|t| *t <= widest).collect());
    let pipelines = one_or(
        fixed.pipeline,
        (1..=count).filter(|p| count.is_multiple_of(*p) || (p.is_power_of_two() && (count + 2).is_multiple_of(*p))).collect(),
    );
    let contexts =
        one_or(fixed.context, [1, 2, 4, 8, 16].into_iter().filter(|c| task.sequence_length / f64::from(*c) >= 4096.0 || *c == 1).collect());
    let recomputes = one_or_copy(fixed.recompute, &[Recompute::None, Recompute::Full]);
    let shardings = one_or_copy(fixed.sharding, &[Sharding::Optimiser, Sharding::Full]);
    let wide = u64::from;
    for &tensor in &tensors {
        for &context in &contexts {
            let inner = wide(tensor) * wide(context);
            if inner == 0 || inner > wide(base.devices) || !wide(base.devices).is_multiple_of(inner) {
                continue;
            }
            let members = (wide(base.devices) / inner) as u32;
            let micro = one_or(fixed.micro_batch, divisors(base.global_batch, 32).collect());
            let experts = one_or(fixed.expert, expert_choices(it.experts.map_or(1.0, |moe| moe.count), base.devices));
            for &micro_batch in &micro {
                for &expert in &experts {
                    let mut known: [Option<Layers>; 3] = [None; 3];
                    for &pipeline in &pipelines {
                        if pipeline == 0 || !members.is_multiple_of(pipeline) {
                            continue;
                        }
                        let data = members / pipeline;
                        if !wide(base.global_batch).is_multiple_of(wide(data) * wide(micro_batch.max(1))) {
                            continue;
                        }
                        let most = count.div_ceil(pipeline).max(1);
                        let chunks = one_or(
                            fixed.interleaving,
                            if pipeline == 1 {
                                vec![1]
                            } else {
                                divisors(most, 20).filter(|v| v * pipeline <= count.max(pipeline)).collect()
                            },
                        );
                        for &interleaving in &chunks {
                            for &sharding in &shardings {
                                // Weights gathered for each micro-batch of a pipeline are never worth it.
                                if sharding == Sharding::Full && (pipeline > 1 || data * context == 1) && fixed.sharding.is_none() {
                                    continue;
                                }
                                for &recompute in &recomputes {
                                    let layout = Layout {
                                        tensor,
                                        pipeline,
                                        context,
                                        data,
                                        expert,
                                        interleaving,
                                        micro_batch,
                                        sharding,
                                        recompute,
                                        ..*base
                                    };
                                    if layout.check(it).is_err() {
                                        break;
                                    }
                                    let memory = peak_memory(&task, &layout).total();
                                    // A memory that is no number does not fit either.
                                    if memory.is_nan() || memory > capacity {
                                        continue;
                                    }
                                    let parts = known[recompute as usize].get_or_insert_with(|| layers(setting, task, &layout));
                                    let step = step_of(setting, task, &layout, parts);
                                    let seconds = step.seconds();
                                    let at = best.partition_point(|it| it.step.seconds() <= seconds);
                                    if seconds.is_finite() && at < keep {
                                        best.insert(at, Candidate { layout, step, memory });
                                        best.truncate(keep);
                                    }
                                    // Recomputing what fits is only slower.
                                    break;
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    best
}

fn one_or_copy<T: Copy>(given: Option<T>, all: &[T]) -> Vec<T> {
    given.map_or_else(|| all.to_vec(), |it| vec![it])
}

fn expert_choices(count: f64, members: u32) -> Vec<u32> {
    if count <= 1.0 {
        return vec![1];
    }
    let count = count.clamp(1.0, 65_536.0) as u32;
    (0..12).map(|power| 1_u32 << power).filter(|it| count.is_multiple_of(*it) && members.is_multiple_of(*it)).collect()
}

/// The smallest number of accelerators, in whole scale-up domains or parts of one, on which a layout fits, with the fastest
/// layout there; `None` where none up to `most` does.
#[must_use]
pub fn smallest(setting: Setting<'_>, task: Task<'_>, base: &Layout, most: u32) -> Option<Candidate> {
    let mut devices = 1_u32;
    while devices <= most {
        // The batch grows to the next that the accelerators share evenly.
        let global_batch = base.global_batch.max(1).next_multiple_of(devices);
        let here = Layout { devices, global_batch, ..*base };
        if let Some(found) = search(setting, task, &here, &Fixed::NOTHING, 1).first() {
            return Some(*found);
        }
        devices = devices.checked_mul(2)?;
    }
    None
}

/// Layout parts that a description leaves open, chosen for speed; a layout that the memory formula says does not fit is taken
/// all the same, since someone ran it.
#[must_use]
pub fn complete(setting: Setting<'_>, task: Task<'_>, base: &Layout, fixed: &Fixed) -> Option<Candidate> {
    if let Some(found) = search(setting, task, base, fixed, 1).first() {
        return Some(*found);
    }
    within(setting, task, base, fixed, 1, f64::INFINITY).first().copied()
}

#[cfg(test)]
mod tests {
    use super::super::super::{architecture, device};
    use super::super::step;
    use super::*;

    fn llama() -> Task<'static> {
        Task { architecture: architecture("llama-3.1-405b").unwrap().1, sequence_length: 8192.0 }
    }

    #[test]
    fn a_large_run_has_layouts_that_fit_and_none_given_is_faster() {
        let setting = Setting::new(device("h100").unwrap().1, "meta");
        let base = Layout { devices: 16_384, global_batch: 2048, ..Layout::default() };
        let found = search(setting, llama(), &base, &Fixed::NOTHING, 5);
        assert_eq!(found.len(), 5);
        for pair in found.windows(2) {
            assert!(pair[0].step.seconds() <= pair[1].step.seconds());
        }
        for it in &found {
            assert!(it.layout.check(llama().architecture).is_ok());
            assert!(it.memory <= setting.device.memory.as_bytes() * PLANNED_MEMORY);
            assert!((step(setting, llama(), &it.layout).seconds() / it.step.seconds() - 1.0).abs() < 1e-12);
        }
        let fixed = Fixed { tensor: Some(8), pipeline: Some(16), ..Fixed::NOTHING };
        let given = complete(setting, llama(), &base, &fixed).unwrap();
        assert_eq!((given.layout.tensor, given.layout.pipeline), (8, 16));
        assert!(given.step.seconds() >= found[0].step.seconds() || given.memory > setting.device.memory.as_bytes() * PLANNED_MEMORY);
    }

    #[test]
    fn the_smallest_fleet_fits_and_half_of_it_does_not() {
        let setting = Setting::new(device("h100").unwrap().1, "general");
        let base = Layout { global_batch: 512, ..Layout::default() };
        let found = smallest(setting, llama(), &base, 1 << 20).unwrap();
        // 405e9 parameters of 18 bytes are 7.3 TB: 98 accelerators of 74 GB at least.
        assert!((128..=1024).contains(&found.layout.devices), "{}", found.layout.devices);
        let half = Layout { devices: found.layout.devices / 2, ..base };
        assert!(search(setting, llama(), &half, &Fixed::NOTHING, 1).is_empty());
    }
}
