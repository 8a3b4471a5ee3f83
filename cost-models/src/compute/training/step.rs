//! Time of a training step: pipeline, gradients, optimiser.

use super::super::Term;
use super::super::collective::{Collective, collective_time};
use super::layer::{Parts, Passes, Setting, head, kernel, layer, layer_parameters};
use super::{Layout, Schedule, Sharding, Task};

/// Where the time of a step goes \[s\]. The parts add up to the step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Step {
    /// Forward and backward of every micro-batch on the slowest pipeline stage.
    pub passes: Passes,
    /// Stages that wait for the first and last micro-batches.
    pub bubble: f64,
    /// Activations sent between stages.
    pub point_to_point: f64,
    /// Gradients and weights among data-parallel members, as far as compute does not hide them.
    pub data: f64,
    /// Update of the weights.
    pub optimiser: f64,
    /// Work outside of the layers.
    pub overhead: f64,
    /// Waiting for the slowest of many nodes.
    pub straggle: f64,
}

impl Step {
    /// The whole step \[s\].
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.passes.seconds() + self.bubble + self.point_to_point + self.data + self.optimiser + self.overhead + self.straggle
    }

    /// Tokens for each accelerator and second.
    #[must_use]
    pub fn tokens_per_second(&self, task: Task<'_>, layout: &Layout) -> f64 {
        f64::from(layout.global_batch) * task.sequence_length / (self.seconds() * f64::from(layout.devices))
    }

    /// The parts with their formulas, largest first.
    #[must_use]
    pub fn terms(&self) -> Vec<Term> {
        let both = |part: fn(&Parts) -> f64| part(&self.passes.forward) + part(&self.passes.backward);
        let term = |name, seconds, formula, source| Term { name, seconds, formula, source };
        let mut terms = vec![
            term(
                "matrix products",
                both(|it| it.matrix),
                "micro-batches x layers x sum of 3 products of 2 m n k FLOP, each by the kernel model, x sustained load",
                "Narayanan et al. 2021, section 3; kernel model",
            ),
            term(
                "attention",
                both(|it| it.attention),
                "forward 4 b s^2/2 a d FLOP by the kernel model, backward 2.5 times the work",
                "Dao 2023, FlashAttention-2",
            ),
            term(
                "norms and activations",
                both(|it| it.elementwise),
                "bytes / memory bandwidth: 10 numbers of the width, heads, activation, gradient accumulation",
                "Korthikanti et al. 2022, section 4",
            ),
            term(
                "tensor-parallel communication",
                both(|it| it.tensor),
                "2 all-reduces of 2 b s h bytes in each direction and layer x (1 - overlap)",
                "Shoeybi et al. 2019, section 3; Korthikanti et al. 2022",
            ),
            term(
                "all-to-all of experts",
                both(|it| it.expert),
                "dispatch and combine of 2 b s h k bytes in each direction and layer x (1 - overlap)",
                "Lepikhin et al. 2020; DeepSeek-AI 2024",
            ),
            term(
                "context-parallel communication",
                both(|it| it.context),
                "keys and values round the ring - attention beside it",
                "Liu et al. 2023, Ring Attention",
            ),
            term("launch of kernels", both(|it| it.launch), "max(0, processor's time of a layer - accelerator's)", "fitted"),
            term("recomputation", self.passes.recompute, "one more forward pass", "Chen et al. 2016; Korthikanti et al. 2022"),
            term("pipeline bubble", self.bubble, "one micro-batch on every other stage / v", "Narayanan et al. 2021, section 2.2"),
            term(
                "pipeline communication",
                self.point_to_point,
                "2 v transfers of 2 b s h / t bytes a micro-batch",
                "Narayanan et al. 2021",
            ),
            term(
                "data-parallel communication",
                self.data,
                "reduce-scatter of gradients and all-gather of weights - compute beside it",
                "Rajbhandari et al. 2020, ZeRO; Zhao et al. 2023, FSDP",
            ),
            term(
                "optimiser",
                self.optimiser,
                "(2 state + gradient + weight) bytes x parameters / shards / memory bandwidth",
                "Kingma and Ba 2014; Rajbhandari et al. 2020",
            ),
            term("overhead of the step", self.overhead, "data, gradient norm, logging", "fitted"),
            term("stragglers", self.straggle, "share x log2(nodes)", "Jiang et al. 2024, MegaScale; fitted"),
        ];
        terms.retain(|it| it.seconds > 0.0);
        terms.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        terms
    }
}

/// Communication that is not hidden: a share of it can run beside compute, as long as there is compute.
fn exposed(time: f64, overlap: f64, window: f64) -> f64 {
    time - (overlap * time).min(window)
}

/// What a step needs to know of its layers: the part that does not depend on pipeline and data parallelism, so that a search asks
/// the kernels once for many layouts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layers {
    one: Passes,
    head: Passes,
    weights: f64,
    expert_weights: f64,
}

/// An average layer, and the head, of a micro-batch on one accelerator.
pub(crate) fn layers(setting: Setting<'_>, task: Task<'_>, layout: &Layout) -> Layers {
    let it = task.architecture;
    let kernel = kernel(setting.device);
    // An average layer of the model: dense ones and ones with experts.
    let sparse = if it.layers > 0.0 { it.expert_layers() / it.layers } else { 0.0 };
    let mut one = Passes::default();
    let mut weights = 0.0;
    let mut expert_weights = 0.0;
    if sparse < 1.0 {
        one = one.plus(layer(setting, &kernel, task, layout, false), 1.0 - sparse);
        weights += (1.0 - sparse) * layer_parameters(task, layout, false);
    }
    if sparse > 0.0 {
        one = one.plus(layer(setting, &kernel, task, layout, true), sparse);
        let all = layer_parameters(task, layout, true);
        let experts = it.experts.map_or(0.0, |moe| {
            it.matrices * it.hidden * moe.inner * moe.count / (f64::from(layout.expert) * f64::from(layout.expert_tensor))
        });
        weights += sparse * (all - experts);
        expert_weights = sparse * experts;
    }
    Layers { one, head: head(setting, &kernel, task, layout), weights, expert_weights }
}

/// Time of a training step. The layout must have passed its check.
#[must_use]
pub fn step(setting: Setting<'_>, task: Task<'_>, layout: &Layout) -> Step {
    step_of(setting, task, layout, &layers(setting, task, layout))
}

pub(crate) fn step_of(setting: Setting<'_>, task: Task<'_>, layout: &Layout, layers: &Layers) -> Step {
    let it = task.architecture;
    let framework = setting.framework;
    let stages = f64::from(layout.pipeline);
    let chunks = f64::from(layout.interleaving);
    let micro_batches = layout.micro_batches().max(1.0);
    let &Layers { one, head, weights, expert_weights } = layers;

    // The slowest stage sets the pace: one in the middle, or the last, which has the loss and gives up a layer first.
    let middle = (it.layers / stages).ceil();
    let last = if middle * stages > it.layers { middle - 1.0 } else { middle };
    let (middle_stage, last_stage) = (Passes::default().plus(one, middle), head.plus(one, last));
    let slowest = if layout.pipeline > 1 && middle_stage.seconds() > last_stage.seconds() { middle_stage } else { last_stage };
    // The first and the last micro-batch go through all other stages alone, a chunk at a time.
    let filling = (one.seconds() * it.layers + head.seconds() - slowest.seconds()).max(0.0) / chunks;
    let bubble = match layout.schedule {
        Schedule::OneForwardOneBackward => filling,
        // Forward, backward of inputs and of weights take about a third each; weights fill two of them (Qi et al. 2023, table 1).
        Schedule::ZeroBubble => filling / 3.0,
    };
    let mut it_step = Step { passes: Passes::default().plus(slowest, micro_batches), bubble, ..Step::default() };
    if layout.pipeline > 1 {
        let tokens = f64::from(layout.micro_batch) * task.sequence_length / f64::from(layout.context);
        let bytes = 2.0 * tokens * it.hidden / if layout.sequence_parallel { f64::from(layout.tensor) } else { 1.0 };
        // Neighbours in the pipeline are the last dimension: other nodes, unless all stages share a domain.
        let fabric = setting.fabric(f64::from(layout.devices), setting.domain);
        let one = collective_time(setting.device, Collective::SendReceive, bytes, 2.0, fabric);
        // Interleaved schedules send beside compute; a chunk more often, but half of it hidden.
        let share = if layout.interleaving > 1 { 0.5 } else { 1.0 };
        it_step.point_to_point = 2.0 * one * share * (micro_batches * chunks + stages - 1.0);
    }

    // Gradients and weights among data-parallel members.
    let stage_weights = middle * weights + it.vocabulary * it.hidden / f64::from(layout.tensor);
    let stage_experts = middle * expert_weights;
    let groups = [
        (stage_weights, layout.replicas(), (setting.domain / f64::from(layout.tensor)).max(1.0)),
        (stage_experts, layout.expert_replicas(), (setting.domain / (f64::from(layout.expert) * f64::from(layout.expert_tensor))).max(1.0)),
    ];
    let (forward, backward) = (middle_stage.forward.seconds(), middle_stage.backward.seconds() + middle_stage.recompute);
    let (mut gather, mut reduce, mut between) = (0.0, 0.0, 0.0);
    let learn = if setting.weights_learn { 1.0 } else { 0.0 };
    for (parameters, members, inside) in groups {
        if parameters <= 0.0 || members <= 1.0 {
            continue;
        }
        let all = members;
        let members = if layout.sharding_group > 0 { members.min(f64::from(layout.sharding_group)) } else { members };
        let copies = (all / members).floor();
        if copies > 1.0 {
            // Gradients of a shard are summed over the copies once a step.
            let bytes = learn * layout.optimiser.gradient_bytes * parameters / members;
            between += collective_time(setting.device, Collective::AllReduce, bytes, copies, setting.fabric(copies, 1.0));
        }
        if members <= 1.0 {
            continue;
        }
        let fabric = setting.fabric(members, inside);
        // Layers go one by one in FSDP, in buckets elsewhere.
        let pieces = if layout.sharding == Sharding::Full { middle } else { (middle / 4.0).max(1.0) };
        let time =
            |operation, bytes: f64| pieces * collective_time(setting.device, operation, bytes * parameters / pieces, members, fabric);
        gather += time(Collective::AllGather, 2.0);
        reduce += learn
            * match layout.sharding {
                Sharding::None => time(Collective::AllReduce, layout.optimiser.gradient_bytes),
                _ => time(Collective::ReduceScatter, layout.optimiser.gradient_bytes),
            };
    }
    let overlap = framework.data_overlap;
    it_step.data = match layout.sharding {
        Sharding::None => exposed(reduce, overlap, backward),
        Sharding::Optimiser => learn * exposed(gather, overlap, forward) + exposed(reduce, overlap, backward),
        Sharding::Gradients => exposed(gather, overlap, forward) + micro_batches * exposed(reduce, overlap, backward),
        // Weights are gathered for each pass of each micro-batch.
        Sharding::Full => micro_batches * (exposed(gather, overlap, forward) + exposed(gather + reduce, overlap, backward)),
    };

    it_step.data += exposed(between, overlap, backward);

    // The update reads gradients and states and writes states and weights.
    let traffic = 2.0 * layout.optimiser.state_bytes + layout.optimiser.gradient_bytes + 2.0;
    let group = if layout.sharding_group > 0 { f64::from(layout.sharding_group) } else { f64::INFINITY };
    let shard = |members: f64| if layout.sharding == Sharding::None { 1.0 } else { members.min(group).max(1.0) };
    let owned = groups.iter().map(|(parameters, members, _)| parameters / shard(*members)).sum::<f64>();
    it_step.optimiser = learn * setting.memory(traffic * owned);
    it_step.overhead = framework.step;
    if layout.sharding >= Sharding::Gradients && framework.pressure > 0.0 {
        // States of the shard over the memory: from half full on there is little left for gathered weights and activations.
        let state = (2.0 + layout.optimiser.gradient_bytes + layout.optimiser.state_bytes) * owned / setting.device.memory.as_bytes();
        it_step.overhead += framework.pressure * ((state - 0.5) / 0.1).clamp(0.0, 1.0) * it_step.passes.seconds();
    }
    let nodes = f64::from(layout.devices) / setting.domain.min(8.0);
    it_step.straggle = framework.straggle * nodes.max(1.0).log2() * it_step.seconds();
    it_step
}

#[cfg(test)]
mod tests {
    use super::super::super::{Format, architecture, device};
    use super::super::{Framework, Recompute, Setting};
    use super::*;

    /// Kernels as they are, nothing hidden, nothing on top.
    const PLAIN: Framework = Framework {
        matrix: 1.0,
        attention: 1.0,
        elementwise: 1.0,
        launch: 0.0,
        expert_launch: 0.0,
        tensor_exposed: 1.0,
        data_overlap: 0.0,
        expert_exposed: 1.0,
        grouped: 1.0,
        selective: 0.0,
        pressure: 0.0,
        straggle: 0.0,
        step: 0.0,
    };

    fn task(name: &str) -> Task<'static> {
        Task { architecture: architecture(name).unwrap().1, sequence_length: 4096.0 }
    }

    fn setting() -> Setting<'static> {
        Setting { framework: &PLAIN, ..Setting::new(device("h100").unwrap().1, "general") }
    }

    fn close(a: f64, b: f64) -> bool {
        (a / b - 1.0).abs() < 1e-9
    }

    #[test]
    fn the_bubble_is_the_published_one() {
        // Narayanan et al. 2021, section 2.2: (p - 1) / (v m) of the time of compute, of stages that are alike: 80 layers in 8 stages,
        // 16 micro-batches; the head makes the last stage longer, so a model without a vocabulary.
        let known = architecture("llama-3.1-70b").unwrap().1;
        let it = super::super::super::Architecture { vocabulary: 0.0, ..known.clone() };
        let task = Task { architecture: &it, sequence_length: 4096.0 };
        let base = Layout { devices: 64, tensor: 8, pipeline: 8, global_batch: 16, ..Layout::default() };
        for (interleaving, share) in [(1, 7.0 / 16.0), (2, 7.0 / 32.0), (5, 7.0 / 80.0)] {
            let step = step(setting(), task, &Layout { interleaving, ..base });
            assert!(close(step.bubble, share * step.passes.seconds()), "{interleaving}: {} {}", step.bubble, step.passes.seconds());
        }
        let filled = step(setting(), task, &Layout { schedule: Schedule::ZeroBubble, ..base });
        assert!(close(filled.bubble, 7.0 / 48.0 * filled.passes.seconds()));
    }

    #[test]
    fn micro_batches_add_up_and_recomputation_is_a_forward_pass() {
        let base = Layout { devices: 8, tensor: 8, global_batch: 4, ..Layout::default() };
        let one = step(setting(), task("llama-3.1-8b"), &base);
        let two = step(setting(), task("llama-3.1-8b"), &Layout { global_batch: 8, ..base });
        assert!(close(two.passes.seconds(), 2.0 * one.passes.seconds()));
        assert!(close(two.optimiser, one.optimiser));
        let full = step(setting(), task("llama-3.1-8b"), &Layout { recompute: Recompute::Full, ..base });
        // The layers' forward pass, without the head.
        assert!(full.passes.recompute > 0.9 * one.passes.forward.seconds() && full.passes.recompute < one.passes.forward.seconds());
        let sum: f64 = two.terms().iter().map(|it| it.seconds).sum();
        assert!(close(sum, two.seconds()));
    }

    #[test]
    fn model_operations_take_at_least_their_time_at_peak() {
        for name in ["llama-3.1-8b", "deepseek-v3", "gpt-oss-120b", "mixtral-8x7b", "nemotron-3-nano"] {
            for precision in [Format::Bf16, Format::Fp8] {
                let layout = Layout { devices: 64, data: 64, expert: 8, global_batch: 64, precision, ..Layout::default() };
                let it = task(name);
                let layout = if it.architecture.experts.is_some() { layout } else { Layout { expert: 1, ..layout } };
                let rate = step(setting(), it, &layout).tokens_per_second(it, &layout);
                let flop = 6.0 * it.architecture.token_parameters();
                let peak = device("h100").unwrap().1.peak(precision).as_flop_per_s();
                assert!(rate > 0.0 && rate * flop < peak, "{name} {precision:?}: {}", rate * flop / peak);
            }
        }
    }

    #[test]
    fn absurd_figures_give_no_panic() {
        let huge = Layout {
            devices: u32::MAX,
            tensor: u32::MAX,
            pipeline: u32::MAX,
            context: u32::MAX,
            data: u32::MAX,
            expert: u32::MAX,
            expert_tensor: u32::MAX,
            interleaving: u32::MAX,
            micro_batch: u32::MAX,
            global_batch: u32::MAX,
            ..Layout::default()
        };
        let zero = Layout { tensor: 0, pipeline: 0, context: 0, data: 0, interleaving: 0, micro_batch: 0, ..huge };
        for length in [0.0, -1.0, 1e300, f64::NAN, f64::INFINITY] {
            for name in ["llama-3.1-8b", "deepseek-v3"] {
                let it = Task { sequence_length: length, ..task(name) };
                for layout in [huge, zero] {
                    let _ = step(setting(), it, &layout).terms();
                }
            }
        }
    }
}
