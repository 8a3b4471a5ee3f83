//! Time of one layer of a micro-batch on one accelerator.

use super::super::attention::{Heads, prefill_attention_time};
use super::super::collective::{Collective, Fabric, collective_time};
use super::super::gemm::GemmModel;
use super::super::{Device, Format};
use super::framework::{Common, Framework};
use super::{Layout, Recompute, Task};

/// Where the time of a layer, or of a micro-batch on a stage, goes \[s\]. Communication is what compute does not hide.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Parts {
    /// Matrix products.
    pub matrix: f64,
    /// Attention over keys and values.
    pub attention: f64,
    /// Norms, activations, residuals, routing: memory traffic.
    pub elementwise: f64,
    /// Tensor and sequence parallelism.
    pub tensor: f64,
    /// All-to-all of experts.
    pub expert: f64,
    /// Keys and values of context parallelism.
    pub context: f64,
    /// Waiting for the processor that launches kernels.
    pub launch: f64,
}

impl Parts {
    /// All together.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.matrix + self.attention + self.elementwise + self.tensor + self.expert + self.context + self.launch
    }

    /// `self + factor * other`.
    #[must_use]
    pub fn plus(self, other: Self, factor: f64) -> Self {
        Self {
            matrix: self.matrix + factor * other.matrix,
            attention: self.attention + factor * other.attention,
            elementwise: self.elementwise + factor * other.elementwise,
            tensor: self.tensor + factor * other.tensor,
            expert: self.expert + factor * other.expert,
            context: self.context + factor * other.context,
            launch: self.launch + factor * other.launch,
        }
    }
}

/// What runs where: the device, its links, the layout and the software.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The accelerator.
    pub device: &'a Device,
    /// Bandwidth of an accelerator's share of the network between scale-up domains, each direction \[B/s\].
    pub network: f64,
    /// Latency of a message of that network \[s\].
    pub latency: f64,
    /// Accelerators of a scale-up domain.
    pub domain: f64,
    /// Software.
    pub framework: &'a Framework,
    /// What holds for all software.
    pub common: &'a Common,
    /// Factor of sustained load on matrix products.
    pub sustained: f64,
    /// Whether the model's own weights learn; adapters alone (Hu et al. 2021, LoRA) need no gradients of the weights.
    pub weights_learn: bool,
}

impl<'a> Setting<'a> {
    /// A device with the network of its reference server and the shipped parameters of a framework.
    #[must_use]
    pub fn new(device: &'a Device, framework: &str) -> Setting<'a> {
        let it = super::parameters();
        Setting {
            device,
            network: device.scale_out_bandwidth.as_gb_per_s() * 1e9,
            latency: 5e-6,
            domain: f64::from(device.scale_up_domain),
            framework: it.framework(framework, device.generation).0,
            common: &it.common,
            sustained: it.sustained(device),
            weights_learn: true,
        }
    }

    /// Where `members` partners sit, of which `inside` could share a domain.
    #[must_use]
    pub fn fabric(&self, members: f64, inside: f64) -> Fabric {
        if members <= inside {
            Fabric::ScaleUp
        } else {
            Fabric::Network { inside: inside.max(1.0).floor(), bandwidth: self.network, latency: self.latency }
        }
    }

    /// Time to move bytes through memory \[s\].
    #[must_use]
    pub fn memory(&self, bytes: f64) -> f64 {
        bytes / (self.device.memory_bandwidth.as_gb_per_s() * 1e9 * self.common.stream)
    }
}

/// Forward and backward pass.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Passes {
    /// Forward.
    pub forward: Parts,
    /// Backward, without recomputation.
    pub backward: Parts,
    /// The forward pass once more, where the layout recomputes.
    pub recompute: f64,
}

impl Passes {
    /// All together \[s\].
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.forward.seconds() + self.backward.seconds() + self.recompute
    }

    /// `self + factor * other`.
    #[must_use]
    pub fn plus(self, other: Self, factor: f64) -> Self {
        Self {
            forward: self.forward.plus(other.forward, factor),
            backward: self.backward.plus(other.backward, factor),
            recompute: self.recompute + factor * other.recompute,
        }
    }
}

/// Share of the peak that kernels of large products reach, about which shapes vary.
const LARGE: f64 = 0.8;

/// The products of a pass: forward `x W`; backward two of the same work, for inputs and for weights.
struct Products<'a> {
    setting: Setting<'a>,
    kernel: &'a GemmModel<'static>,
    /// Factor of the software, of sustained load and of the format on the kernel's time.
    slower: f64,
    forward: f64,
    backward: f64,
    /// Numbers that go into products: with 8 bits or less each is converted first.
    converted: f64,
}

impl<'a> Products<'a> {
    fn new(setting: Setting<'a>, kernel: &'a GemmModel<'static>, format: Format) -> Self {
        // Kernels for 8 and 4 bits are those for 16 with a faster unit and smaller operands; conversion counts as memory traffic.
        let device = setting.device;
        let faster = device.peak(format).as_flop_per_s() / device.peak_16bit.as_flop_per_s();
        let slower = setting.framework.matrix * setting.sustained * faster.powf(-setting.common.narrow);
        Self { setting, kernel, slower, forward: 0.0, backward: 0.0, converted: 0.0 }
    }

    fn add(&mut self, count: f64, m: f64, n: f64, k: f64, factor: f64) {
        if m <= 0.0 || n <= 0.0 || k <= 0.0 || count <= 0.0 {
            return;
        }
        let ideal = 2.0 * m * n * k / self.setting.device.peak_16bit.as_flop_per_s();
        // Efficiency drawn to that of large products.
        let time = |m, n, k| ideal / LARGE * (self.kernel.time(m, n, k) * LARGE / ideal).powf(self.setting.common.shape);
        let factor = count * factor * self.slower;
        self.forward += factor * time(m, n, k);
        self.backward += factor * (time(m, k, n) + if self.setting.weights_learn { time(n, k, m) } else { 0.0 });
        self.converted += count * m * (k + n);
    }
}

/// The kernels of 16-bit products on a device, looked up once for many layers.
pub(crate) fn kernel(device: &Device) -> GemmModel<'static> {
    GemmModel::of(device, Format::Bf16).cold()
}

/// Time of one layer: `experts` says whether it is one with a mixture of experts.
#[must_use]
pub(crate) fn layer(setting: Setting<'_>, kernel: &GemmModel<'static>, task: Task<'_>, layout: &Layout, experts: bool) -> Passes {
    let it = task.architecture;
    let (tensor, context) = (f64::from(layout.tensor), f64::from(layout.context));
    let sequences = f64::from(layout.micro_batch);
    let tokens = sequences * task.sequence_length / context;
    let attention = &it.attention;
    let mut products = Products::new(setting, kernel, layout.precision);

    // Projections of attention, of the layers that have it, and of linear mixers in the others.
    let full = 1.0 - attention.linear_share;
    let width = attention.heads * attention.head_size;
    let value_width = attention.kv_heads * attention.head_size;
    let mut score_work = 1.0;
    match attention.latent {
        None => products.add(full, tokens, (width + 2.0 * value_width) / tensor, it.hidden, 1.0),
        Some(latent) => {
            let query = attention.heads * (latent.nope_size + latent.rope_size);
            if latent.query_rank > 0.0 {
                products.add(1.0, tokens, latent.query_rank, it.hidden, 1.0);
                products.add(1.0, tokens, query / tensor, latent.query_rank, 1.0);
            } else {
                products.add(1.0, tokens, query / tensor, it.hidden, 1.0);
            }
            products.add(1.0, tokens, latent.kv_rank + latent.rope_size, it.hidden, 1.0);
            products.add(1.0, tokens, attention.heads * (latent.nope_size + attention.head_size) / tensor, latent.kv_rank, 1.0);
            // Keys are wider than values: work of the scores in proportion.
            score_work = (latent.nope_size + latent.rope_size + attention.head_size) / (2.0 * attention.head_size);
        }
    }
    products.add(full, tokens, it.hidden, width / tensor, 1.0);
    let mut mixer_numbers = 0.0;
    if attention.linear_share > 0.0 && it.hidden > 0.0 {
        // About two thirds of a mixer's weights go in and a third out (Dao and Gu 2024, Mamba-2, section 7); convolution, scan and
        // gate each read and write what comes in.
        let inside = attention.linear_parameters.unwrap_or_else(|| it.attention_parameters()) / it.hidden / tensor;
        products.add(attention.linear_share, tokens, inside * 2.0 / 3.0, it.hidden, 1.0);
        products.add(attention.linear_share, tokens, it.hidden, inside / 3.0, 1.0);
        mixer_numbers = attention.linear_share * tokens * 6.0 * inside;
    }

    // Feed-forward.
    let mut inner_numbers = 0.0;
    let mut routed = 0.0;
    let mut expert_numbers = 0.0;
    match it.experts.filter(|_| experts) {
        None => {
            products.add(1.0, tokens, (it.matrices - 1.0) * it.inner / tensor, it.hidden, 1.0);
            products.add(1.0, tokens, it.hidden, it.inner / tensor, 1.0);
            inner_numbers += tokens * it.matrices * it.inner / tensor;
        }
        Some(moe) => {
            let part = f64::from(layout.expert_tensor);
            // Tokens are dealt out over tensor-parallel members before they go to experts.
            routed = tokens / tensor * moe.per_token;
            let rows = routed * part;
            let local = (moe.count / f64::from(layout.expert)).max(1.0);
            // One product of all rows has the operations of the group; its weights are those of every local expert.
            let grouped = setting.framework.grouped;
            let per_expert = rows / local;
            let together = |n: f64, k: f64, products: &mut Products<'_>| {
                products.add(1.0, rows, n, k, grouped * wave(per_expert));
            };
            together((it.matrices - 1.0) * moe.inner / part, it.hidden, &mut products);
            together(it.hidden, moe.inner / part, &mut products);
            expert_numbers += rows * it.matrices * moe.inner / part;
            if moe.shared_inner > 0.0 {
                products.add(1.0, tokens, (it.matrices - 1.0) * moe.shared_inner / tensor, it.hidden, 1.0);
                products.add(1.0, tokens, it.hidden, moe.shared_inner / tensor, 1.0);
                inner_numbers += tokens * it.matrices * moe.shared_inner / tensor;
            }
            products.add(1.0, tokens / tensor, moe.count, it.hidden, 1.0);
        }
    }

    // Attention over keys and values, of the layers that have them.
    let heads = |window: f64| Heads {
        query: attention.heads / tensor,
        key_value: (attention.kv_heads / tensor).max(1.0),
        size: attention.head_size,
        window,
        cache: Format::Bf16,
        format: Format::Bf16,
    };
    let length = task.sequence_length;
    let mut scores = prefill_attention_time(setting.device, heads(f64::INFINITY), sequences, length, 0.0);
    if let Some(window) = attention.window.filter(|_| attention.windowed_share > 0.0) {
        let short = prefill_attention_time(setting.device, heads(window), sequences, length, 0.0);
        scores += attention.windowed_share * (short - scores);
    }
    scores *= score_work * setting.framework.attention * (1.0 - attention.linear_share) / context;
    let (mut attention_forward, mut attention_backward) = (scores, scores * setting.common.attention_backward);
    if !layout.flash_attention {
        // Scores go through memory (Korthikanti et al. 2022, figure 3): written, masked and normalised, dropped out, read; with
        // gradients about twice that. The products run over the whole square.
        let square = sequences * attention.heads / tensor * length * length / context;
        let product = 4.0 * square * attention.head_size / (setting.device.peak(Format::Bf16).as_flop_per_s() * 0.5);
        attention_forward = product + setting.memory(13.0 * square);
        attention_backward = 2.0 * product + setting.memory(21.0 * square);
        if layout.recompute == Recompute::Selective {
            attention_backward += attention_forward;
        }
    }

    // Memory traffic of what lies between products, 16 bits a number: two norms and two residuals (10 numbers of the width),
    // rotary positions and heads (2 of queries and keys), activation.
    let split = if layout.sequence_parallel { tensor } else { 1.0 };
    let numbers = 10.0 * tokens * it.hidden / split + 2.0 * tokens * (width + value_width) / tensor + inner_numbers + mixer_numbers;
    // Tokens are put in the experts' order and back, and activated, by fused kernels.
    let fused = 4.0 * routed * it.hidden + expert_numbers;
    let mut forward_bytes = 2.0 * (setting.framework.elementwise * numbers + fused);
    // Backward reads the inputs again beside the gradients: 3 numbers for 2 in a norm, 5 for 3 in a gated activation, as many in
    // a residual or a permutation.
    let mut backward_bytes = 1.5 * forward_bytes;
    if layout.precision.bytes() < 2.0 {
        // Read 16 bits, write twice: as it is and transposed (Micikevicius et al. 2022).
        forward_bytes += 4.0 * products.converted * 0.5;
        backward_bytes += 4.0 * products.converted * 0.5;
    }

    // Weight gradients are added to what earlier micro-batches left.
    let weights = layer_parameters(task, layout, experts);
    let learn = if setting.weights_learn { 1.0 } else { 0.0 };
    let accumulate = 2.0 * learn * weights * layout.optimiser.gradient_bytes;
    let mut it_forward =
        Parts { matrix: products.forward, attention: attention_forward, elementwise: setting.memory(forward_bytes), ..Parts::default() };
    let mut it_backward = Parts {
        matrix: products.backward,
        attention: attention_backward,
        elementwise: setting.memory(backward_bytes + accumulate),
        ..Parts::default()
    };

    // Tensor parallelism: two all-reduces of the residual stream in each direction, or as many pairs of all-gather and
    // reduce-scatter (Shoeybi et al. 2019, section 3); a layer of experts has the attention's alone.
    if layout.tensor > 1 {
        let bytes = 2.0 * tokens * it.hidden;
        let fabric = setting.fabric(tensor, setting.domain);
        let one = if layout.sequence_parallel {
            collective_time(setting.device, Collective::AllGather, bytes, tensor, fabric)
                + collective_time(setting.device, Collective::ReduceScatter, bytes, tensor, fabric)
        } else {
            collective_time(setting.device, Collective::AllReduce, bytes, tensor, fabric)
        };
        let times = if experts && layout.expert_tensor == 1 { 1.0 } else { 2.0 };
        let exposed = times * one * setting.framework.tensor_exposed;
        it_forward.tensor = exposed;
        // Sequence parallelism gathers the inputs again for the weights' gradients, beside the product of the inputs' gradients.
        it_backward.tensor = exposed * if layout.sequence_parallel { 1.25 } else { 1.0 };
    }
    if routed > 0.0 && layout.expert > 1 {
        let members = f64::from(layout.expert) * f64::from(layout.expert_tensor);
        let fabric = setting.fabric(members, setting.domain);
        // A token goes to each accelerator once, and over the network to each domain once, to be copied there (DeepSeek-AI 2024,
        // section 3.2.2): of n places, k random experts lie in n (1 - (1 - 1/n)^k).
        let nodes = (members / setting.domain).ceil().max(1.0);
        let per_token = it.experts.map_or(1.0, |moe| moe.per_token).max(1.0);
        let places = if nodes > 1.0 { nodes } else { members };
        let copies = places * (1.0 - (1.0 - 1.0 / places).powf(per_token));
        // The rest stays in the sender's own domain, on faster links.
        let away = if nodes > 1.0 { 1.0 - 1.0 / nodes } else { 1.0 };
        let bytes = 2.0 * routed * it.hidden * copies / per_token * away;
        let one = collective_time(setting.device, Collective::AllToAll, bytes, members, fabric);
        let exposed = 2.0 * one * setting.framework.expert_exposed;
        it_forward.expert = exposed;
        it_backward.expert = exposed;
    }
    if layout.context > 1 {
        // Keys and values go round the ring while attention works on those at hand (Liu et al. 2023); gradients follow backward.
        let kept = attention.latent.map_or(2.0 * value_width / tensor, |latent| latent.kv_rank + latent.rope_size);
        let bytes = 2.0 * tokens * kept * context;
        let fabric = setting.fabric(context, (setting.domain / tensor).max(1.0));
        let one = collective_time(setting.device, Collective::AllGather, bytes, context, fabric);
        it_forward.context = (one - attention_forward).max(0.1 * one);
        it_backward.context = (2.0 * one - attention_backward).max(0.2 * one);
    }
    // A layer lasts as long as the slower of accelerator and processor, with some of both where they are alike.
    let launch = if routed > 0.0 { setting.framework.expert_launch } else { setting.framework.launch };
    let floor = |parts: &mut Parts| {
        let seconds = parts.seconds();
        parts.launch = (seconds.powi(4) + launch.powi(4)).sqrt().sqrt() - seconds;
    };
    floor(&mut it_forward);
    floor(&mut it_backward);
    let recompute = match layout.recompute {
        Recompute::None => 0.0,
        Recompute::Selective => setting.framework.selective * it_forward.seconds(),
        Recompute::Full => it_forward.seconds(),
    };
    Passes { forward: it_forward, backward: it_backward, recompute }
}

/// Time of products with few rows for each expert over that with many: tiles of 128 rows are filled up.
fn wave(rows: f64) -> f64 {
    let rows = rows.max(1.0);
    // Rows of an expert vary: on average half a tile is wasted.
    (rows + 64.0) / rows
}

/// Weights of one layer on one accelerator.
#[must_use]
pub fn layer_parameters(task: Task<'_>, layout: &Layout, experts: bool) -> f64 {
    let it = task.architecture;
    let tensor = f64::from(layout.tensor);
    let attention = it.attention_parameters() / tensor;
    attention
        + match it.experts.filter(|_| experts) {
            None => it.matrices * it.hidden * it.inner / tensor,
            Some(moe) => {
                it.matrices * it.hidden * moe.inner * moe.count / (f64::from(layout.expert) * f64::from(layout.expert_tensor))
                    + it.matrices * it.hidden * moe.shared_inner / tensor
                    + it.hidden * moe.count
            }
        }
}

/// Time of the output embedding and the loss of a micro-batch.
#[must_use]
pub(crate) fn head(setting: Setting<'_>, kernel: &GemmModel<'static>, task: Task<'_>, layout: &Layout) -> Passes {
    let it = task.architecture;
    let tensor = f64::from(layout.tensor);
    let tokens = f64::from(layout.micro_batch) * task.sequence_length / f64::from(layout.context);
    let mut products = Products::new(setting, kernel, Format::Bf16);
    products.add(1.0, tokens, it.vocabulary / tensor, it.hidden, 1.0);
    // Logits are written, read for maximum and sum, and read again; without fusion a 32-bit copy comes on top.
    let logits = tokens * it.vocabulary / tensor;
    let each = if layout.fused_cross_entropy { 4.0 } else { 14.0 };
    let learn = if setting.weights_learn { 1.0 } else { 0.0 };
    let gradient = 2.0 * learn * it.vocabulary * it.hidden / tensor * layout.optimiser.gradient_bytes;
    Passes {
        forward: Parts { matrix: products.forward, elementwise: setting.memory(each * logits), ..Parts::default() },
        backward: Parts { matrix: products.backward, elementwise: setting.memory(each * logits + gradient), ..Parts::default() },
        recompute: 0.0,
    }
}
