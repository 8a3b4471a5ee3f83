//! A row of a training table as a run: which model on what, how laid out, by which software.

use bastide_cost_models::compute::training::{
    Definition, Fixed, GENERAL, Layout, Optimiser, Parameters, Recompute, Schedule, Setting, Sharding, Step, Task, complete, step,
};
use bastide_cost_models::compute::{Architecture, Attention, Device, Format, architecture, architectures};

use crate::Row;
use crate::library::{find_architecture, find_device, nearest};

/// A training run that a row describes.
#[derive(Clone, Debug)]
pub struct Run {
    /// The model: a known shape, or one from the row's figures.
    pub architecture: Architecture,
    /// Tokens of a sequence.
    pub sequence_length: f64,
    /// The accelerator.
    pub device: &'static Device,
    /// Name of the software's parameters.
    pub framework: &'static str,
    /// The layout.
    pub layout: Layout,
    /// Whether parts of the layout are ours.
    pub searched: bool,
    /// Bandwidth of an accelerator's share of the network, where the row says \[B/s\].
    pub network: Option<f64>,
    /// Accelerators of a scale-up domain, where the row says (slices of TPUs).
    pub domain: Option<f64>,
    /// Whether adapters alone learn.
    pub adapters: bool,
    /// How the source counts operations.
    pub definition: Definition,
    /// Parameters as the source counts them.
    pub parameters: f64,
}

impl Run {
    /// The question of the kernel models.
    #[must_use]
    pub fn task(&self) -> Task<'_> {
        Task { architecture: &self.architecture, sequence_length: self.sequence_length }
    }

    /// The setting with some parameters.
    #[must_use]
    pub fn setting<'a>(&self, parameters: &'a Parameters) -> Setting<'a>
    where
        Self: 'a,
    {
        let framework = parameters.framework(self.framework, self.device.generation).0;
        Setting {
            device: self.device,
            network: self.network.unwrap_or_else(|| self.device.scale_out_bandwidth.as_gb_per_s() * 1e9),
            latency: 5e-6,
            domain: self.domain.unwrap_or_else(|| f64::from(self.device.scale_up_domain)),
            framework,
            common: &parameters.common,
            sustained: parameters.sustained(self.device),
            weights_learn: !self.adapters,
        }
    }

    /// Which residuals say how sure a prediction is; `known` where the framework was fitted.
    #[must_use]
    pub fn regime(&self, known: bool) -> &'static str {
        if self.searched && self.framework == "mlperf" {
            "benchmark"
        } else {
            regime(self.framework, known, self.architecture.experts.is_some(), self.searched)
        }
    }

    /// The step, part by part.
    #[must_use]
    pub fn step(&self, parameters: &Parameters) -> Step {
        step(self.setting(parameters), self.task(), &self.layout)
    }
}

/// Which residuals say how sure the time of a step is.
#[must_use]
pub fn regime(framework: &str, known: bool, experts: bool, searched: bool) -> &'static str {
    match (searched, known, experts, framework) {
        (true, ..) => "searched",
        (_, false, ..) => "general",
        // Routing, permutation and grouped products differ more between releases than dense layers.
        (_, _, true, _) => "experts",
        (_, _, _, "composer") => "composer",
        _ => "framework",
    }
}

/// The name of a framework's parameters, by the words of source and framework.
#[must_use]
pub fn framework_of(source: &str, framework: &str, generation_is_tpu: bool) -> &'static str {
    let has = |word: &str| framework.contains(word);
    if has("Composer") {
        "composer"
    } else if has("Bridge") {
        "megatron-bridge"
    } else if has("MegaScale") {
        "megascale"
    } else if has("MaxText") || has("maxtext") {
        if generation_is_tpu { "maxtext-tpu" } else { "maxtext" }
    } else if has("torchtitan") {
        if has("compile") { "torchtitan-compile" } else { "torchtitan" }
    } else if source.contains("DeepSeek-V3") && !has("Megatron") {
        "hai-llm"
    } else if has("Meta") {
        "meta"
    } else if has("PTD-P") || has("DeepSpeed") || source.contains("2104.04473") || source.contains("2205.05198") {
        "megatron-2021"
    } else if has("Megatron") || source.contains("Megatron") {
        "megatron"
    } else if source.contains("MLPerf") {
        "mlperf"
    } else {
        GENERAL
    }
}

fn definition_of(source: &str, metric: &str) -> Definition {
    if metric.contains("_hw") {
        Definition::MegatronRecompute
    } else if ["MegaScale", "Megatron", "Korthikanti", "Bridge", "SimuMax"].iter().any(|it| source.contains(it)) {
        Definition::Megatron
    } else {
        // Chowdhery's, whole squares of scores included, is what most sources use (torchtitan, llm-foundry); Llama 3 does not say, and its
        // figures at 131,072 tokens agree with it.
        Definition::Palm
    }
}

/// A count in a column, or why it is none.
fn count(row: Row<'_>, column: &str) -> Result<Option<u32>, String> {
    if row.get(column).is_none_or(|it| it.eq_ignore_ascii_case("n/a")) {
        return Ok(None);
    }
    let value = row.positive(column)?;
    if value.fract() == 0.0 && value <= 1e7 {
        Ok(Some(value as u32))
    } else {
        Err(format!("`{column}` is not a whole number up to ten million: {value}"))
    }
}

/// The number before a unit in a text: `8x200Gb` before `Gb` gives 200 and its multiplier 8.
fn network_of(text: &str) -> Option<f64> {
    for (at, _) in text.match_indices("Gb") {
        let before = text[..at].trim_end();
        let tail: String = before.chars().rev().take_while(|it| it.is_ascii_digit() || *it == 'x').collect();
        let tail: String = tail.chars().rev().collect();
        let mut parts = tail.rsplit('x').map(str::parse::<f64>);
        let Some(Ok(speed)) = parts.next() else { continue };
        // Of 8 accelerators in a node that share so many links; one link each where no count is given.
        let links = parts.next().and_then(Result::ok).unwrap_or(8.0);
        if speed > 0.0 && links > 0.0 {
            return Some(links * speed / 8.0 / 8.0 * 1e9);
        }
    }
    None
}

/// A GPT by its layers and width, or MaxText's default shape by its parameters alone.
fn shape(row: Row<'_>, layers: Option<f64>, hidden: Option<f64>, parameters: Option<f64>) -> Result<Architecture, String> {
    let base = Architecture {
        title: row.get("model").unwrap_or("a GPT").to_owned(),
        aliases: Vec::new(),
        layers: 0.0,
        hidden: 0.0,
        inner: 0.0,
        matrices: 2.0,
        vocabulary: 51_200.0,
        tied: true,
        attention: Attention { head_size: 128.0, ..Attention::default() },
        experts: None,
        parameters: 0.0,
        active_parameters: 0.0,
        source: "layers and width of the row".to_owned(),
        year: 0,
        verified: false,
    };
    if row.get("arch").is_some_and(|it| it.contains("MoE")) {
        let name = row.get("model").unwrap_or_default();
        return Err(format!("the shape of `{name}` is not known; nearest: {}", nearest(name, architectures().keys().map(String::as_str))));
    }
    if let (Some(layers), Some(hidden)) = (layers, hidden) {
        let heads = (hidden / 128.0).round().max(1.0);
        let attention = Attention { heads, kv_heads: heads, head_size: hidden / heads, ..base.attention };
        let mut it = Architecture { layers, hidden, inner: 4.0 * hidden, attention, ..base };
        it.parameters = parameters.unwrap_or_else(|| it.shape_parameters());
        it.active_parameters = it.parameters;
        return Ok(it);
    }
    let Some(parameters) = parameters else {
        let name = row.get("model").unwrap_or_default();
        return Err(format!("the shape of `{name}` is not known; nearest: {}", nearest(name, architectures().keys().map(String::as_str))));
    };
    // MaxText's `global_parameter_scale`: the 1B model's width 2048, 16 heads, inner 7168 and 16 layers doubled in turn.
    let doublings = (parameters / 1e9).max(1.0).log2().round() as i32;
    let (all, rest) = (doublings / 3, doublings % 3);
    let double = |times: i32| 2.0_f64.powi(times);
    let heads = 16.0 * double(all + i32::from(rest > 0));
    let attention = Attention { heads, kv_heads: heads, ..base.attention };
    let mut it = Architecture {
        layers: 16.0 * double(all),
        hidden: 2048.0 * double(all + i32::from(rest > 1)),
        inner: 7168.0 * double(all + i32::from(rest > 0)),
        matrices: 3.0,
        vocabulary: 32_000.0,
        tied: false,
        attention,
        ..base
    };
    it.parameters = it.shape_parameters();
    it.active_parameters = it.parameters;
    Ok(it)
}

impl Run {
    /// The run that a row of `training.csv` describes, with open parts of the layout chosen for speed by `parameters`.
    ///
    /// # Errors
    /// Why the row cannot be answered, for its `reason`.
    pub fn of_training(row: Row<'_>, parameters: &Parameters) -> Result<Self, String> {
        let text = |column: &str| row.get(column).unwrap_or_default();
        let source = format!("{} {}", text("source"), text("source_ref"));
        let name = row.get("accelerator").ok_or("`accelerator` is empty")?;
        let (_, device) = find_device(name)?;
        let tpu = device.generation == bastide_cost_models::compute::Generation::Tpu;
        // DeepSeek's figures without a framework are of its own.
        let own = if text("model") == "DeepSeek-V3" { "DeepSeek-V3 " } else { "" };
        let framework = framework_of(&format!("{own}{source}"), text("framework"), tpu);
        let known = row.get("params_b").map(|_| row.positive("params_b")).transpose()?.map(|it| it * 1e9);
        let model = row.get("model").unwrap_or_default();
        let adapters = model.contains("LoRA") || row.get("note").is_some_and(|it| it.contains("LoRA Performance"));
        let plain = model.replace("LoRA", "");
        let layers = row.get("layers").map(|_| row.positive("layers")).transpose()?;
        let hidden = row.get("hidden").map(|_| row.positive("hidden")).transpose()?;
        let alias =
            if framework == "maxtext" && known.is_some_and(|it| (it / 6.74e9 - 1.0).abs() < 0.01) { "llama-7b" } else { plain.trim() };
        let it = match architecture(alias) {
            Some((_, it)) => {
                let mut it = it.clone();
                // A variant of a known model with other layers or width is the row's.
                if let Some(layers) = layers.filter(|layers| (layers - it.layers).abs() > 0.5) {
                    it.layers = layers;
                }
                if hidden.is_some_and(|hidden| (hidden / it.hidden - 1.0).abs() > 0.01) { shape(row, layers, hidden, known)? } else { it }
            }
            None => shape(row, layers, hidden, known)?,
        };
        let sequence_length = match row.get("seq_len") {
            Some(_) => row.positive("seq_len")?,
            None if framework == "maxtext" || framework == "hai-llm" => 4096.0,
            None => 2048.0,
        };
        if sequence_length > 1e9 {
            return Err(format!("`seq_len` is beyond any model: {sequence_length}"));
        }
        let devices = count(row, "n_acc")?.ok_or("`n_acc` is empty")?;
        let precision = match row.get("precision") {
            // Scales by row made the products of early releases as slow as 16 bits (torchtitan's benchmark pages).
            Some(word) if word.contains("rowwise") => Format::Bf16,
            Some(word) if word.contains("vendor") => benchmark_precision(device, &source),
            Some(word) => {
                Format::parse(word.split([' ', '(']).next().unwrap_or(word)).or_else(|| Format::parse(word)).unwrap_or(Format::Bf16)
            }
            // DeepSeek-AI 2024, DeepSeek-V3, section 3.3.
            None if framework == "hai-llm" => Format::Fp8,
            None => Format::Bf16,
        };
        let early = framework == "megatron-2021";
        let words = text("recompute").to_ascii_lowercase();
        let recompute = match words.as_str() {
            "" => None,
            it if it.contains("selective") => Some(Recompute::Selective),
            it if it.contains("full") => Some(Recompute::Full),
            _ => Some(Recompute::None),
        };
        let sharded = text("framework");
        let sharding = if sharded.contains("FULL_SHARD")
            || sharded.contains("FSDP") && !sharded.contains("FSDP=0") && !sharded.contains("GRAD_OP") && framework != "meta"
        {
            Some(Sharding::Full)
        } else if sharded.contains("SHARD_GRAD_OP") {
            Some(Sharding::Gradients)
        } else if framework == "maxtext" || framework == "maxtext-tpu" {
            Some(Sharding::Full)
        } else if framework == "meta" {
            // Weights stay gathered after the forward pass (Llama 3, section 3.3.2).
            Some(Sharding::Optimiser)
        } else if early && !sharded.contains("DeepSpeed") {
            Some(Sharding::None)
        } else {
            Some(Sharding::Optimiser)
        };
        // FSDP reduces gradients in 16 bits; adapters are small.
        let optimiser = if adapters {
            Optimiser { state_bytes: 0.0, gradient_bytes: 0.0 }
        } else if sharding == Some(Sharding::Full) || sharding == Some(Sharding::Gradients) {
            Optimiser::ADAM_HALF_GRADIENTS
        } else {
            Optimiser::ADAM
        };
        let slices = tpu.then(|| sharded.split_whitespace().find_map(|it| it.parse::<f64>().ok())).flatten().filter(|it| *it >= 1.0);
        let fixed = Fixed {
            tensor: count(row, "tp")?,
            pipeline: count(row, "pp")?,
            context: count(row, "cp")?,
            expert: count(row, "ep")?,
            interleaving: count(row, "vp")?,
            micro_batch: count(row, "micro_batch")?,
            recompute: recompute.or(match framework {
                "megatron-bridge" | "megascale" | "megatron" | "meta" | "maxtext" => Some(Recompute::None),
                "maxtext-tpu" if !source.contains("MLPerf") => Some(Recompute::Full),
                _ => None,
            }),
            sharding,
        };
        let data = count(row, "dp")?;
        let model = u64::from(fixed.tensor.unwrap_or(1)) * u64::from(fixed.pipeline.unwrap_or(1)) * u64::from(fixed.context.unwrap_or(1));
        let members = data.unwrap_or_else(|| (u64::from(devices) / model.max(1)).clamp(1, u64::from(u32::MAX)) as u32);
        let global_batch = match row.get("global_batch") {
            Some(batch) => match batch.parse::<f64>() {
                Ok(_) => count(row, "global_batch")?.unwrap_or(1),
                Err(_) => {
                    let each = batch.split_whitespace().next().and_then(|it| it.parse::<u32>().ok());
                    each.and_then(|it| it.checked_mul(members)).ok_or_else(|| format!("`global_batch` cannot be read: {batch}"))?
                }
            },
            None if framework == "maxtext" => members.saturating_mul(4),
            None if framework == "maxtext-tpu" => members.saturating_mul(tpu_batch(device, &it)),
            // Large runs of unknown layout take tens of millions of tokens a step: Llama 3 16, DeepSeek-V3 63.
            None if fixed.tensor.is_none() => {
                let sequences = (32e6 / sequence_length).clamp(1.0, 1e6) as u32;
                sequences.max(1).next_multiple_of(members.clamp(1, 1_000_000))
            }
            // One sequence for each accelerator: about what large runs use.
            None => members.saturating_mul(fixed.micro_batch.unwrap_or(1)).max(devices / members.max(1) * members),
        };
        let context_only = data.is_some() && fixed.context.is_none();
        let base = Layout {
            devices,
            global_batch,
            precision,
            optimiser,
            sequence_parallel: !early || words.contains("sequence"),
            flash_attention: !early,
            fused_cross_entropy: !early && framework != "composer",
            data: members,
            schedule: if framework == "hai-llm" { Schedule::ZeroBubble } else { Schedule::OneForwardOneBackward },
            // MaxText shards inside a slice or node and copies between them.
            sharding_group: match (framework, slices) {
                ("maxtext", _) => device.scale_up_domain,
                ("maxtext-tpu", Some(slices)) => (f64::from(devices) / slices) as u32,
                _ => 0,
            },
            ..Layout::default()
        };
        let fixed = Fixed {
            context: fixed.context.or((context_only || fixed.tensor.is_some() || fixed.micro_batch.is_some()).then_some(1)),
            ..fixed
        };
        let fixed = match framework {
            "maxtext" | "maxtext-tpu" => Fixed { tensor: Some(1), pipeline: Some(1), context: Some(1), ..fixed },
            _ => fixed,
        };
        let mut run = Self {
            architecture: it,
            sequence_length,
            device,
            framework,
            layout: base,
            searched: fixed.tensor.is_none() || fixed.pipeline.is_none() || framework.starts_with("maxtext"),
            network: network_of(sharded).or_else(|| slice_network(device)).or_else(|| {
                let note = text("note");
                note.find("RDMA").and_then(|_| network_of(&note.replace("Gb/s", "Gb")))
            }),
            domain: slices.map(|it| f64::from(devices) / it),
            adapters,
            definition: definition_of(&source, text("metric")),
            parameters: 0.0,
        };
        run.parameters = known.unwrap_or(run.architecture.parameters);
        run.layout = match (fixed.tensor, fixed.pipeline, fixed.micro_batch) {
            (Some(tensor), Some(pipeline), Some(micro_batch)) => {
                let layout = Layout {
                    tensor,
                    pipeline,
                    micro_batch,
                    context: fixed.context.unwrap_or(1),
                    expert: fixed.expert.unwrap_or(1),
                    interleaving: fixed.interleaving.unwrap_or(1),
                    recompute: fixed.recompute.unwrap_or(Recompute::None),
                    sharding: fixed.sharding.unwrap_or(Sharding::Optimiser),
                    ..base
                };
                layout.check(&run.architecture).map_err(|error| error.message)?;
                layout
            }
            _ => {
                complete(run.setting(parameters), run.task(), &base, &fixed)
                    .ok_or("no layout of these accelerators and batch runs the model")?
                    .layout
            }
        };
        Ok(run)
    }

    /// The run that a row of `training_steps_memory.csv` describes.
    ///
    /// # Errors
    /// Why the row cannot be answered, for its `reason`.
    pub fn of_step(row: Row<'_>) -> Result<Self, String> {
        let name = row.get("accelerator").ok_or("`accelerator` is empty")?;
        let (_, device) = find_device(name)?;
        let name = row.get("model").ok_or("`model` is empty")?;
        let (_, known) = find_architecture(name)?;
        let mut it = known.clone();
        if let Some(layers) = row.get("n_layers_run").map(|_| row.positive("n_layers_run")).transpose()? {
            it.layers = layers;
        }
        let one = |column: &str| count(row, column).map(|it| it.unwrap_or(1));
        let (data, micro_batch) = (one("dp")?, one("micro_batch_size")?);
        let batches = one("micro_batch_count")?;
        let layout = Layout {
            devices: count(row, "n_acc")?.ok_or("`n_acc` is empty")?,
            tensor: one("tp")?,
            pipeline: one("pp")?,
            context: one("cp")?,
            data,
            expert: one("ep")?,
            micro_batch,
            global_batch: data.checked_mul(micro_batch).and_then(|it| it.checked_mul(batches)).ok_or("the batch is beyond any run")?,
            precision: row.get("precision").and_then(Format::parse).unwrap_or(Format::Bf16),
            ..Layout::default()
        };
        layout.check(&it).map_err(|error| error.message)?;
        Ok(Self {
            parameters: it.shape_parameters(),
            architecture: it,
            sequence_length: row.positive("seq_len")?.min(1e9),
            device,
            framework: "megatron-lm",
            layout,
            searched: false,
            network: None,
            domain: None,
            adapters: false,
            definition: Definition::Megatron,
        })
    }
}

/// Share of the network between slices of TPUs \[B/s\]: the pod's bandwidth over its chips (Google Cloud documentation of TPU v5e,
/// v5p and v6e: 6.4 Tb/s for 256, 50 Gb/s a chip, 25.6 Tb/s for 256; recalled).
fn slice_network(device: &Device) -> Option<f64> {
    [("v5e", 3.125e9), ("v5p", 6.25e9), ("v6e", 12.5e9)].iter().find(|(name, _)| device.title.contains(name)).map(|it| it.1)
}

/// Format that submitters of MLPerf Training use: 8 bits where the chip has them, 4 bits on Blackwell from v5.1 on (NVIDIA 2025).
fn benchmark_precision(device: &Device, source: &str) -> Format {
    if device.generation == bastide_cost_models::compute::Generation::Tpu {
        // Google's submissions mix 8-bit integers and 16 bits; which products do is not published with the results.
        Format::Bf16
    } else if device.peak_fp4.is_some() && source.contains("v5.1") {
        Format::Fp4
    } else if device.peak_fp8.is_some() {
        Format::Fp8
    } else {
        Format::Bf16
    }
}

/// Sequences of 2,048 tokens for each TPU that fit beside a model sharded over a slice (MaxText's `per_device_batch_size`).
fn tpu_batch(device: &Device, it: &Architecture) -> u32 {
    // What full recomputation keeps: the layers' inputs, and the logits of the loss.
    let state = 16.0 * it.shape_parameters() / 256.0;
    let each = 2048.0 * (2.0 * it.layers * it.hidden + 8.0 * it.vocabulary);
    (((device.memory.as_bytes() * 0.6 - state) / each).floor().clamp(1.0, 8.0)) as u32
}
