//! `predict train`: a step, the layouts of a run, and what the run takes.

use bastide_cost_models::compute::training::memory::USABLE_FOR_TRAINING;
use bastide_cost_models::compute::training::{
    Candidate, Definition, Fixed, Layout, Optimiser, Recompute, Setting, Sharding, Task, complete, parameters, peak_memory, search,
    smallest, token_flop,
};
use bastide_cost_models::compute::{Device, Format, Grade};
use bastide_units::{Compute, Duration, Tokens, format_significant};
use serde_json::{Value, json};

use super::islands::Islands;
use super::library::{Ownership, find_architecture, find_device, find_format};
use crate::args::{Format as Print, Global, RecomputeArg, ShardingArg, TrainInput};
use crate::cmd::aligned;
use crate::exit::Failure;
use crate::output::Output;

/// Factors of the interval of power: between boards that idle while they wait and all at their limit (our assumption; no power
/// of a training run was fitted).
const POWER: (f64, f64) = (0.85, 1.1);
/// Layouts that a search prints.
const BEST: usize = 5;

pub fn run(args: &TrainInput, explain: bool, global: &Global, output: &Output) -> Result<(), Failure> {
    let missing = |what: &str| {
        Failure::hinted(
            format!("{what} is missing"),
            "for example bastide predict train --model llama-3.1-405b --accelerator h100 --gpus 16384",
        )
    };
    let (name, sheet) = find_device(args.accelerator.as_deref().ok_or_else(|| missing("--accelerator"))?)?;
    let (model, architecture) = find_architecture(args.model.as_deref().ok_or_else(|| missing("--model"))?)?;
    let devices = args.gpus.ok_or_else(|| missing("--gpus"))?;
    let precision = find_format(&args.precision)?;
    let unit = match precision {
        Format::Bf16 => true,
        Format::Fp8 | Format::Fp8Block => sheet.peak_fp8.is_some(),
        Format::Fp4 => sheet.peak_fp4.is_some(),
        Format::Int4 | Format::Int8 | Format::Fp32 => false,
    };
    if !unit {
        return Err(Failure::hinted(
            format!("a {name} does not train in {}", args.precision),
            "one of bf16, and fp8, fp8-block, fp4 where the accelerator has units for them",
        ));
    }
    let task = Task { architecture, sequence_length: f64::from(args.sequence) };
    // Four million tokens of a step, as large models are trained with (Grattafiori et al. 2024: 16 million; Brown et al. 2020:
    // 3.2 million), and at least one sequence for each accelerator up to there.
    let global_batch = args.global_batch.unwrap_or_else(|| (4_194_304 / args.sequence).max(1).next_multiple_of(8));
    let fixed = Fixed {
        tensor: args.tensor,
        pipeline: args.pipeline,
        context: args.context,
        expert: args.expert,
        interleaving: args.interleaving,
        micro_batch: args.micro_batch,
        recompute: args.recompute.map(RecomputeArg::into),
        sharding: args.sharding.map(ShardingArg::into),
    };
    let base = Layout { devices, global_batch, precision, optimiser: Optimiser::ADAM, ..Layout::default() };
    let known = parameters().framework.keys().map(String::as_str);
    if !known.clone().any(|it| it == args.framework) {
        return Err(Failure::hinted(
            format!("no software `{}` was fitted", args.framework),
            format!("one of {}", known.collect::<Vec<_>>().join(", ")),
        ));
    }
    let setting = Setting::new(sheet, &args.framework);
    let found = if args.search { search(setting, task, &base, &fixed, BEST) } else { Vec::new() };
    let chosen = match found.first() {
        Some(best) => *best,
        None => candidate(setting, task, &base, &fixed, args)?,
    };
    fits(&chosen, setting, task, &base, name, sheet)?;

    let islands = Islands::of(args, architecture.parameters, architecture.layers, chosen.step.seconds())?;
    let answer = Answer {
        islands,
        chosen,
        task,
        sheet,
        args,
        ownership: Ownership::of(name, sheet, args.running.pue, args.running.energy_price()?),
    };
    if output.format == Print::Json || global.output.is_some() {
        let mut document = answer.document(model, name);
        document["layouts"] =
            found.iter().map(|it| json!({ "layout": it.layout, "step_time_s": it.step.seconds(), "memory_bytes": it.memory })).collect();
        super::keep(&document, "predict/1", global, output)?;
        if output.format == Print::Json {
            return output.json("predict/1", &document);
        }
    }
    for line in answer.lines(model, name, explain) {
        output.line(&line)?;
    }
    if found.len() > 1 {
        output.line("")?;
        let mut cells = vec![["layout", "step", "memory"].map(str::to_owned).to_vec()];
        cells.extend(found.iter().map(|it| {
            vec![words(&it.layout), format!("{} s", format_significant(it.step.seconds(), 4)), format!("{:.1} GB", it.memory / 1e9)]
        }));
        for line in aligned(&cells) {
            output.line(&line)?;
        }
    }
    Ok(())
}

/// The layout of the arguments, with what they leave open chosen for speed.
fn candidate(setting: Setting<'_>, task: Task<'_>, base: &Layout, fixed: &Fixed, args: &TrainInput) -> Result<Candidate, Failure> {
    // What does not divide is said of the layout that was asked for, before anything is searched around it.
    let (tensor, pipeline, context) = (args.tensor.unwrap_or(1), args.pipeline.unwrap_or(1), args.context.unwrap_or(1));
    if let (Some(_), Some(_)) = (args.tensor, args.pipeline) {
        let group = tensor.saturating_mul(pipeline).saturating_mul(context).max(1);
        let (micro_batch, data) = (args.micro_batch.unwrap_or(1), base.devices / group);
        let asked = Layout { tensor, pipeline, context, data, expert: args.expert.unwrap_or(1), micro_batch, ..*base };
        asked.check(task.architecture).map_err(|error| Failure::sentence(error.to_string()))?;
    }
    complete(setting, task, base, fixed).ok_or_else(|| {
        Failure::hinted(
            format!("no layout divides {} accelerators and {} sequences as asked", base.devices, base.global_batch),
            "leave --tensor, --pipeline or --micro-batch open, or take a --global-batch that the accelerators divide",
        )
    })
}

/// Says by how much a run does not fit and what would.
fn fits(chosen: &Candidate, setting: Setting<'_>, task: Task<'_>, base: &Layout, name: &str, sheet: &Device) -> Result<(), Failure> {
    let room = sheet.memory.as_bytes() * USABLE_FOR_TRAINING;
    if chosen.memory <= room {
        return Ok(());
    }
    let enough = smallest(setting, task, base, 1 << 17).map_or_else(
        || "no number of them up to 131,072 would".to_owned(),
        |it| format!("{} of them would, as {}", it.layout.devices, words(&it.layout)),
    );
    Err(Failure::hinted(
        format!(
            "the run does not fit: {:.1} GB of the {:.1} GB that tensors can fill of a {name} ({:.1} GB too much) as {}",
            chosen.memory / 1e9,
            room / 1e9,
            (chosen.memory - room) / 1e9,
            words(&chosen.layout)
        ),
        enough,
    ))
}

/// A layout in words.
fn words(it: &Layout) -> String {
    let mut words = format!("tensor {} x pipeline {} x data {}", it.tensor, it.pipeline, it.data);
    for (name, value) in [("context", it.context), ("expert", it.expert), ("interleaving", it.interleaving)] {
        if value > 1 {
            words += &format!(", {name} {value}");
        }
    }
    let recompute = match it.recompute {
        Recompute::None => "",
        Recompute::Selective => ", scores recomputed",
        Recompute::Full => ", layers recomputed",
    };
    let sharding = match it.sharding {
        Sharding::None => ", nothing sharded",
        Sharding::Optimiser => "",
        Sharding::Gradients => ", gradients sharded",
        Sharding::Full => ", weights sharded",
    };
    format!("{words}, micro-batch {}{recompute}{sharding}", it.micro_batch)
}

/// What is said of a run.
struct Answer<'a> {
    islands: Option<Islands>,
    chosen: Candidate,
    task: Task<'a>,
    sheet: &'a Device,
    args: &'a TrainInput,
    ownership: Ownership,
}

impl Answer<'_> {
    /// Value, and factors of the 90 % interval of times.
    fn interval(&self) -> (f64, f64) {
        bastide_predict::training_interval(&self.args.framework, self.task.architecture.experts.is_some(), self.layout_is_ours())
    }

    fn layout_is_ours(&self) -> bool {
        self.args.tensor.is_none() || self.args.pipeline.is_none()
    }

    fn grade(&self) -> Grade {
        if self.layout_is_ours() { Grade::Datasheet } else { Grade::Transferred }
    }

    fn utilisation(&self) -> f64 {
        let layout = &self.chosen.layout;
        let flop = token_flop(Definition::Causal, self.task, self.task.architecture.active_parameters);
        let peak = self.sheet.peak(if layout.precision == Format::Fp8Block { Format::Fp8 } else { layout.precision }).as_flop_per_s();
        self.chosen.step.tokens_per_second(self.task, layout) * flop / peak
    }

    /// Share of the step in which the matrix units or the memory work.
    fn busy(&self) -> f64 {
        let step = &self.chosen.step;
        let waiting = step.bubble + step.point_to_point + step.data + step.straggle;
        1.0 - waiting / step.seconds()
    }

    /// A run of so many tokens: time, GPU-hours, energy, cost.
    fn whole(&self, tokens: Tokens) -> Run {
        // Islands share the tokens, and wait for each other's.
        let (count, share) = self.islands.as_ref().map_or((1.0, 1.0), |it| (f64::from(it.count), it.utilisation));
        let devices = f64::from(self.chosen.layout.devices) * count;
        let rate = self.chosen.step.tokens_per_second(self.task, &self.chosen.layout) * devices * share;
        let time = Duration::from_s(tokens.as_tokens() / rate);
        let (energy, written_off) = self.ownership.cost(self.busy(), time);
        let flop =
            Compute::from_flop(tokens.as_tokens() * token_flop(Definition::Causal, self.task, self.task.architecture.active_parameters));
        Run {
            time,
            gpu_hours: time.as_h() * devices,
            energy_mwh: (self.ownership.facility_power(self.busy()) * time).as_mwh() * devices,
            energy_eur: energy.as_eur() * devices,
            written_off_eur: written_off.map(|it| it.as_eur() * devices),
            flop: flop.as_flop(),
        }
    }

    fn power_mw(&self) -> f64 {
        self.ownership.facility_power(self.busy()).as_mw() * f64::from(self.chosen.layout.devices)
    }

    fn document(&self, model: &str, name: &str) -> Value {
        let (low, high) = self.interval();
        let layout = &self.chosen.layout;
        let seconds = self.chosen.step.seconds();
        let rate = self.chosen.step.tokens_per_second(self.task, layout);
        let grade = self.grade();
        let row = |metric: &str, unit: &str, value: f64, low: f64, high: f64| json!({ "metric": metric, "unit": unit, "predicted": value, "low90": value * low, "high90": value * high, "grade": grade });
        let mut rows = vec![
            row("step_time", "s", seconds, low, high),
            row("tokens_per_s", "tokens/s", rate * f64::from(layout.devices), 1.0 / high, 1.0 / low),
            row("tokens_per_s_per_gpu", "tokens/s", rate, 1.0 / high, 1.0 / low),
            row("MFU", "%", self.utilisation() * 100.0, 1.0 / high, 1.0 / low),
            row("power", "MW", self.power_mw(), POWER.0, POWER.1),
        ];
        let memory = bastide_cost_models::compute::training::memory::memory_prediction(&self.task, layout);
        rows.push(json!({
            "metric": "memory", "unit": "B", "predicted": memory.value, "low90": memory.low90, "high90": memory.high90, "grade": memory.grade,
            "parts": peak_memory(&self.task, layout),
        }));
        rows[0]["terms"] = json!(self.chosen.step.terms());
        let mut document =
            json!({ "model": model, "accelerator": name, "layout": layout, "sequence_tokens": self.task.sequence_length, "rows": rows });
        if let Some(islands) = &self.islands {
            document["islands"] = islands.document();
        }
        if let Some(tokens) = self.args.tokens {
            document["run"] = json!(self.whole(tokens));
        }
        document
    }

    fn lines(&self, model: &str, name: &str, explain: bool) -> Vec<String> {
        let (low, high) = self.interval();
        let layout = &self.chosen.layout;
        let significant = |value: f64| format_significant(value, 4);
        let range = |value: f64, low: f64, high: f64| {
            format!("{} ({} to {})", significant(value), format_significant(value * low, 3), format_significant(value * high, 3))
        };
        let seconds = self.chosen.step.seconds();
        let rate = self.chosen.step.tokens_per_second(self.task, layout);
        let memory = peak_memory(&self.task, layout);
        let gb = |bytes: f64| format!("{:.1}", bytes / 1e9);
        let mut lines = vec![
            format!(
                "{model} on {} {name}, {} sequences of {} tokens a step: {}",
                layout.devices,
                layout.global_batch,
                self.task.sequence_length,
                words(layout)
            ),
            format!("step            {} s; 90 % interval in brackets, grade {}", range(seconds, low, high), self.grade()),
            format!(
                "rate            {} tokens/s per accelerator; {} in all",
                range(rate, 1.0 / high, 1.0 / low),
                significant(rate * f64::from(layout.devices))
            ),
            format!("utilisation     {} % of the peak (6 N + 6 L h s)", range(self.utilisation() * 100.0, 1.0 / high, 1.0 / low)),
            format!(
                "memory          {} GB of {} GB: weights {}, gradients {}, optimiser {}, activations {}, logits {}, buffers {}",
                gb(memory.total()),
                gb(self.sheet.memory.as_bytes()),
                gb(memory.weights),
                gb(memory.gradients),
                gb(memory.optimiser),
                gb(memory.activations),
                gb(memory.logits),
                gb(memory.buffers)
            ),
            format!("power           {} MW at the facility (PUE {})", significant(self.power_mw()), self.args.running.pue),
        ];
        lines.extend(self.islands.iter().flat_map(Islands::lines));
        if let Some(tokens) = self.args.tokens {
            let run = self.whole(tokens);
            lines.push(format!(
                "run             {} d, {} GPU-hours, {} FLOP, {} MWh",
                range(run.time.as_d(), low, high),
                significant(run.gpu_hours),
                significant(run.flop),
                significant(run.energy_mwh)
            ));
            let owned = run.written_off_eur.map_or_else(
                || "the library has no price of this accelerator".to_owned(),
                |it| format!("{} EUR of accelerators written off", significant(it)),
            );
            lines.push(format!("cost            {} EUR of energy; {owned}", significant(run.energy_eur)));
        }
        if explain {
            lines.push(String::new());
            lines.extend(super::terms(&self.chosen.step.terms(), seconds));
        }
        lines
    }
}

/// What a run takes.
#[derive(serde::Serialize)]
struct Run {
    #[serde(rename = "time_s")]
    time: Duration,
    gpu_hours: f64,
    energy_mwh: f64,
    energy_eur: f64,
    written_off_eur: Option<f64>,
    flop: f64,
}
