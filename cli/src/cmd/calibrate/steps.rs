//! Whole steps of a transformer, measured and predicted from the pack of the same card.

use bastide_cost_models::compute::gemm::{GemmKernel, GemmLibrary};
use bastide_cost_models::compute::{Device, Format, device};
use bastide_kernels::{CalibrationError, ModelShape, Profile, StepTiming, decode_step, training_step};
use bastide_units::format_significant;

use crate::cmd::aligned;
use crate::cmd::predict::calibration;
use crate::output::Output;

/// Layers that run: enough that the output embedding is a small part, few enough for any card.
const LAYERS: u32 = 8;
/// Kernels of a layer that are neither products nor attention: norms, rotations, activation, residuals.
const SMALL_KERNELS: f64 = 6.0;
/// Products of our backward attention over those of the forward pass.
const BACKWARD_ATTENTION: f64 = 3.5;

/// A step beside its prediction.
#[derive(Debug, serde::Serialize)]
pub struct Compared {
    /// What it was.
    pub step: String,
    /// Measured median \[s\].
    pub measured_s: f64,
    /// Predicted \[s\].
    pub predicted_s: f64,
    /// Predicted over measured, less 1.
    pub error: f64,
}

/// Measures and predicts some steps of a model of Llama 3 8B's shape.
pub fn measure(ordinal: usize, profile: &Profile, output: &Output) -> Result<Vec<Compared>, CalibrationError> {
    let shape = ModelShape::llama_3_8b(LAYERS);
    let Some((_, sheet)) = profile.device.library.as_deref().and_then(device) else {
        output.say("steps are not predicted: the library has no data sheet of this device");
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for (batch, context) in [(1, 2048), (32, 2048), (128, 4096)] {
        output.say(&format!("decode step, {batch} sequences of {context} tokens"));
        found.push(compared("decode", &decode_step(ordinal, shape, batch, context)?, decode(sheet, profile, shape, batch, context)));
    }
    for (sequences, length) in [(1, 4096), (4, 2048)] {
        output.say(&format!("training step, {sequences} sequences of {length} tokens"));
        found.push(compared(
            "training",
            &training_step(ordinal, shape, sequences, length)?,
            training(sheet, profile, shape, sequences, length),
        ));
    }
    Ok(found)
}

fn compared(what: &str, measured: &StepTiming, predicted: f64) -> Compared {
    Compared {
        step: format!("{what}, {} sequences of {} tokens", measured.sequences, measured.length),
        measured_s: measured.seconds,
        predicted_s: predicted,
        error: predicted / measured.seconds - 1.0,
    }
}

/// Products of a pass over `tokens` rows.
fn products(sheet: &Device, profile: &Profile, shape: ModelShape, tokens: f64, head_rows: f64) -> f64 {
    // A pack with too few products leaves the program's own library.
    let library = calibration::gemm_library(profile).unwrap_or_else(|_| GemmLibrary::shipped().clone());
    let model = library.model(sheet, GemmKernel::of(Format::Bf16)).cold();
    let time = |m: f64, n: u64, k: u64| model.time(m, n as f64, k as f64);
    let layer: f64 = shape.sites().iter().map(|(n, k)| time(tokens, *n, *k)).sum();
    f64::from(shape.layers) * layer + time(head_rows, u64::from(shape.vocabulary), u64::from(shape.hidden))
}

/// Kernels between the products: numbers read and written over the bandwidth, and their launches in a graph.
fn between(sheet: &Device, profile: &Profile, shape: ModelShape, tokens: f64) -> f64 {
    let numbers = 12.0 * f64::from(shape.hidden) + 3.0 * f64::from(shape.intermediate);
    let bandwidth = sheet.memory_bandwidth.as_gb_per_s() * 1e9 * 0.8;
    f64::from(shape.layers) * (2.0 * numbers * tokens / bandwidth + SMALL_KERNELS * profile.fit.launch_graph_s.unwrap_or(1.5e-6))
}

fn decode(sheet: &Device, profile: &Profile, shape: ModelShape, batch: u32, context: u32) -> f64 {
    let bytes = 4.0 * f64::from(batch) * f64::from(context) * f64::from(shape.kv_heads * shape.head_dim);
    // The kernel is our own, and so is the line that was fitted to it.
    let attention = profile.fit.decode_attention.as_ref().map_or(0.0, |line| line.latency_s + bytes / line.rate);
    let tokens = f64::from(batch);
    products(sheet, profile, shape, tokens, tokens) + between(sheet, profile, shape, tokens) + f64::from(shape.layers) * attention
}

fn training(sheet: &Device, profile: &Profile, shape: ModelShape, sequences: u32, length: u32) -> f64 {
    let tokens = f64::from(sequences) * f64::from(length);
    let flop = 2.0 * tokens * f64::from(length) * f64::from(shape.heads * shape.head_dim);
    let attention = profile.fit.prefill_attention.as_ref().map_or(0.0, |line| line.latency_s + flop / line.rate);
    // Two products for each of the forward pass.
    3.0 * (products(sheet, profile, shape, tokens, tokens) + between(sheet, profile, shape, tokens))
        + f64::from(shape.layers) * (1.0 + BACKWARD_ATTENTION) * attention
}

/// Steps as a table.
pub fn lines(steps: &[Compared]) -> Vec<String> {
    let mut cells = vec![["step", "measured ms", "predicted ms", "error"].map(str::to_owned).to_vec()];
    cells.extend(steps.iter().map(|it| {
        vec![
            it.step.clone(),
            format_significant(it.measured_s * 1e3, 4),
            format_significant(it.predicted_s * 1e3, 4),
            format!("{:+.1} %", it.error * 100.0),
        ]
    }));
    aligned(&cells)
}
