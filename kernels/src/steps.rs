//! Whole steps of a transformer on a device, to put beside predictions: one decode step and one training step of a model of
//! Llama's form, made of the same matrix products and attention as the calibration and of small kernels for the rest.
//!
//! What an engine does besides is left out: choosing the next token, the loss, the optimiser, communication. Every layer has its own
//! weights, so that they come from memory as they do in reality.

use std::ffi::c_void;
use std::rc::Rc;

use crate::blas::{Format, Gemm, Product};
use crate::error::CalibrationError;
use crate::gpu::{Buffer, Gpu, guarded, refused};
use crate::harness::{Effort, elapsed, quantile, time};
use crate::launch::{self, AttentionPointers, Decode, GradientPointers, Joint, Launch, PAGE, Prefill};
use crate::reference;

/// Dimensions of a dense transformer with grouped heads, gated feed-forward layers and norms before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelShape {
    /// Layers to run.
    pub layers: u32,
    /// Width of the residual stream.
    pub hidden: u32,
    /// Query heads.
    pub heads: u32,
    /// Key and value heads.
    pub kv_heads: u32,
    /// Values per head: 64 or 128.
    pub head_dim: u32,
    /// Width of the feed-forward layer.
    pub intermediate: u32,
    /// Words of the vocabulary; 0 leaves the last product out.
    pub vocabulary: u32,
}

impl ModelShape {
    /// Llama 3 8B with some of its 32 layers.
    #[must_use]
    pub fn llama_3_8b(layers: u32) -> Self {
        Self { layers, hidden: 4096, heads: 32, kv_heads: 8, head_dim: 128, intermediate: 14_336, vocabulary: 128_256 }
    }

    /// (outputs, inputs) of the four products of a layer: queries, keys and values; output; gate and up; down.
    #[must_use]
    pub fn sites(&self) -> [(u64, u64); 4] {
        let [hidden, heads, kv_heads, size, wide] = self.numbers();
        [((heads + 2 * kv_heads) * size, hidden), (hidden, heads * size), (2 * wide, hidden), (hidden, wide)]
    }

    fn numbers(&self) -> [u64; 5] {
        [self.hidden, self.heads, self.kv_heads, self.head_dim, self.intermediate].map(u64::from)
    }

    /// Parameters of the layers and of the last product, norms left out.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        let layer: u64 = self.sites().iter().map(|(n, k)| n * k).sum();
        u64::from(self.layers) * layer + u64::from(self.vocabulary) * u64::from(self.hidden)
    }

    fn check(&self) -> Result<(), CalibrationError> {
        let multiples = [self.hidden, self.intermediate].iter().all(|size| *size > 0 && size.is_multiple_of(16));
        let heads = self.kv_heads > 0 && self.heads.is_multiple_of(self.kv_heads) && self.heads / self.kv_heads <= 16;
        let small = self.layers > 0 && self.layers <= 1024 && self.heads <= 1024 && self.hidden <= 1 << 20 && self.intermediate <= 1 << 20;
        let vocabulary = self.vocabulary.is_multiple_of(16) && self.vocabulary <= 1 << 22;
        if multiples && heads && small && vocabulary && self.heads > 0 && matches!(self.head_dim, 64 | 128) {
            Ok(())
        } else {
            Err(CalibrationError::Shape(format!(
                "a model of {self:?}: heads must divide, widths be multiples of 16, heads have 64 or 128 values"
            )))
        }
    }
}

/// A step, timed.
#[derive(Clone, Debug, PartialEq)]
pub struct StepTiming {
    /// The model.
    pub shape: ModelShape,
    /// Sequences.
    pub sequences: u32,
    /// Tokens of each: in the cache for decode, in the batch for training.
    pub length: u32,
    /// Median time of a step \[s\]; in a graph for decode, in a stream for training.
    pub seconds: f64,
    /// Tenth percentile \[s\].
    pub p10: f64,
    /// Ninetieth percentile \[s\].
    pub p90: f64,
    /// Samples.
    pub samples: usize,
    /// The same step started kernel by kernel in a stream \[s\].
    pub stream_seconds: f64,
    /// Time by kind of work, each kernel timed by itself in a stream, so that the sum is more than a step \[s\].
    pub parts: Vec<(String, f64)>,
    /// Tokens that a step makes (decode) or learns from (training).
    pub tokens: u64,
    /// Whether the result is made of numbers only; a step whose result is not was not computed rightly.
    pub finite: bool,
}

/// What a step does, in order.
enum Action {
    Kernel(Launch),
    /// A product by its number, with left factor, right factor and result.
    Product(usize, [u64; 3]),
}

/// A step being put together: its memory, its products, its actions.
struct Step<'a> {
    gpu: &'a Gpu,
    memory: Vec<Buffer>,
    gemms: Vec<((Product, [u64; 3]), Gemm)>,
    actions: Vec<(&'static str, Action)>,
    seed: u32,
}

/// A weight and where its gradient goes.
#[derive(Clone, Copy)]
struct Weight {
    at: u64,
    gradient: u64,
    n: u64,
    k: u64,
}

impl<'a> Step<'a> {
    fn new(gpu: &'a Gpu) -> Self {
        Self { gpu, memory: Vec::new(), gemms: Vec::new(), actions: Vec::new(), seed: 1 }
    }

    fn room(&mut self, bytes: u64) -> Result<u64, CalibrationError> {
        // A little more than asked for: fills write whole groups of four values.
        let buffer = self.gpu.buffer(bytes.next_multiple_of(256))?;
        let at = buffer.pointer();
        self.memory.push(buffer);
        // A result that is never written shows as NaN.
        self.gpu.poison(at, bytes)?;
        Ok(at)
    }

    /// Normal values.
    fn random(&mut self, count: u64, deviation: f32) -> Result<u64, CalibrationError> {
        let at = self.room(count * 2)?;
        self.seed += 1;
        self.gpu.launch(&launch::fill_bf16(at, self.seed, deviation, count.next_multiple_of(4)))?;
        Ok(at)
    }

    fn weight(&mut self, (n, k): (u64, u64), trained: bool) -> Result<Weight, CalibrationError> {
        let at = self.random(n * k, 1.0 / (k as f32).sqrt())?;
        let gradient = if trained { self.room(n * k * 2)? } else { 0 };
        Ok(Weight { at, gradient, n, k })
    }

    fn kernel(&mut self, part: &'static str, launch: Launch) {
        self.actions.push((part, Action::Kernel(launch)));
    }

    fn product(&mut self, part: &'static str, product: Product, dimensions: [u64; 3], pointers: [u64; 3]) -> Result<(), CalibrationError> {
        let known = self.gemms.iter().position(|(key, _)| *key == (product, dimensions));
        let number = match known {
            Some(number) => number,
            None => {
                let mut gemm = Gemm::new(&Rc::clone(&self.gpu.blas), Format::Bf16, product, dimensions)?;
                choose(self.gpu, &mut gemm, pointers)?;
                self.gemms.push(((product, dimensions), gemm));
                self.gemms.len() - 1
            }
        };
        self.actions.push((part, Action::Product(number, pointers)));
        Ok(())
    }

    /// out = x w^T for `rows` rows.
    fn forward(&mut self, weight: Weight, rows: u64, x: u64, out: u64) -> Result<(), CalibrationError> {
        self.product("matrix products", Product::Forward, [rows, weight.n, weight.k], [weight.at, x, out])
    }

    /// Gradients of the input and of the weight.
    fn backward(&mut self, weight: Weight, rows: u64, x: u64, d_out: u64, d_x: u64) -> Result<(), CalibrationError> {
        let dimensions = [rows, weight.n, weight.k];
        self.product("gradients of inputs", Product::Input, dimensions, [weight.at, d_out, d_x])?;
        self.product("gradients of weights", Product::Weight, dimensions, [x, d_out, weight.gradient])
    }

    fn run_one(&self, action: &Action) -> Result<(), CalibrationError> {
        match action {
            Action::Kernel(launch) => self.gpu.launch(launch),
            // SAFETY: `product` was given arrays of the product's shapes, which `memory` keeps.
            Action::Product(number, [left, right, out]) => unsafe {
                let stream: *mut c_void = self.gpu.stream.cu_stream().cast();
                self.gemms[*number].1.run(*left, *right, *out, stream)
            },
        }
    }

    fn run(&self) -> Result<(), CalibrationError> {
        self.actions.iter().try_for_each(|(_, action)| self.run_one(action))
    }

    /// Time of each kind of work, kernel by kernel: medians of five rounds.
    fn parts(&self) -> Result<Vec<(String, f64)>, CalibrationError> {
        let events = (0..=self.actions.len()).map(|_| self.gpu.event()).collect::<Result<Vec<_>, _>>()?;
        let mut times = vec![Vec::new(); self.actions.len()];
        for _ in 0..5 {
            for ((_, action), event) in self.actions.iter().zip(&events) {
                self.gpu.record(event)?;
                self.run_one(action)?;
            }
            if let Some(last) = events.last() {
                self.gpu.record(last)?;
            }
            self.gpu.synchronize()?;
            for (time, pair) in times.iter_mut().zip(events.windows(2)) {
                time.push(elapsed(&pair[0], &pair[1])?);
            }
        }
        let mut parts: Vec<(String, f64)> = Vec::new();
        for ((part, _), time) in self.actions.iter().zip(&times) {
            let seconds = quantile(time, 0.5);
            match parts.iter_mut().find(|(name, _)| name == part) {
                Some((_, sum)) => *sum += seconds,
                None => parts.push(((*part).to_owned(), seconds)),
            }
        }
        Ok(parts)
    }

    /// Whether `count` values from `at` are numbers, and not all the same.
    fn finite(&self, at: u64, count: u64) -> Result<bool, CalibrationError> {
        let values: Vec<f64> = self.gpu.download::<u16>(at, count.min(1 << 20) as usize)?.into_iter().map(reference::bf16).collect();
        Ok(values.iter().all(|value| value.is_finite()) && values.iter().any(|value| *value != values[0]))
    }
}

/// Takes the fastest of the library's algorithms.
fn choose(gpu: &Gpu, gemm: &mut Gemm, [left, right, out]: [u64; 3]) -> Result<(), CalibrationError> {
    let stream: *mut c_void = gpu.stream.cu_stream().cast();
    let short = Effort { budget: 2e-3, warm: 2, samples: 5 };
    let mut best: Option<(f64, usize)> = None;
    for algorithm in 0..gemm.algorithms() {
        gemm.choose(algorithm);
        // SAFETY: arrays of the product's shapes, from `product`.
        let Ok(timing) = time(gpu, short, 1, &mut |_| unsafe { gemm.run(left, right, out, stream) }) else { continue };
        let seconds = quantile(&timing.samples, 0.5);
        if best.is_none_or(|(least, _)| seconds < least) {
            best = Some((seconds, algorithm));
        }
    }
    let (_, algorithm) = best.ok_or(CalibrationError::Blas { what: "cublasLtMatmul", status: 15 })?;
    gemm.choose(algorithm);
    Ok(())
}

/// Times a decode step: one new token for each of `batch` sequences that have `context` tokens in the cache, the new one
/// included.
///
/// # Errors
/// [`CalibrationError`] when there is no device, the shape makes no sense, or the model and its cache do not fit.
pub fn decode_step(ordinal: usize, shape: ModelShape, batch: u32, context: u32) -> Result<StepTiming, CalibrationError> {
    guarded(|| {
        check_step(shape, batch, context)?;
        let gpu = Gpu::open(ordinal, &[])?;
        time_decode(&gpu, shape, batch, context)
    })
}

fn check_step(shape: ModelShape, sequences: u32, length: u32) -> Result<(), CalibrationError> {
    shape.check()?;
    let tokens = u64::from(sequences) * u64::from(length);
    if tokens == 0 || tokens > 1 << 26 {
        return Err(CalibrationError::Shape(format!("{sequences} sequences of {length} tokens")));
    }
    Ok(())
}

fn time_decode(gpu: &Gpu, shape: ModelShape, batch: u32, context: u32) -> Result<StepTiming, CalibrationError> {
    let mut step = Step::new(gpu);
    let [hidden, heads, kv_heads, size, wide] = shape.numbers();
    let rows = u64::from(batch);
    let attention = Decode { batch, context, heads: shape.heads, kv_heads: shape.kv_heads, size: shape.head_dim };
    let splits = attention.splits(gpu.multiprocessors());
    let (partial, weights) = attention.partial_bytes(splits);
    let pages = attention.pages();
    // Pages of the sequences take turns, as they do when sequences grow together.
    let page = |sequence: u32, i: u32| i * batch + sequence;
    let table: Vec<u32> = (0..batch).flat_map(|sequence| (0..pages).map(move |i| page(sequence, i))).collect();
    let last = context - 1;
    let slots: Vec<u32> = (0..batch).map(|sequence| page(sequence, last / PAGE) * PAGE + last % PAGE).collect();
    let places = [step.room(table.len() as u64 * 4)?, step.room(rows * 4)?];
    gpu.upload(&table, places[0])?;
    gpu.upload(&slots, places[1])?;

    let stream = step.random(rows * hidden, 1.0)?;
    let [normed, projected] = [step.room(rows * hidden * 2)?, step.room(rows * hidden * 2)?];
    let joint = step.room(rows * (heads + 2 * kv_heads) * size * 2)?;
    let [q, attended] = [step.room(rows * heads * size * 2)?, step.room(rows * heads * size * 2)?];
    let [gate_up, activated] = [step.room(rows * 2 * wide * 2)?, step.room(rows * wide * 2)?];
    let [partial, weights] = [step.room(partial)?, step.room(weights)?];
    let norm = step.random(hidden, 1.0)?;
    let mut added = 0;
    for _ in 0..shape.layers {
        let [first, second, third, fourth] = shape.sites().map(|site| step.weight(site, false));
        let [first, second, third, fourth] = [first?, second?, third?, fourth?];
        let cache = attention.cache_bytes() / 2;
        let [k, v] = [step.random(cache, 1.0)?, step.random(cache, 1.0)?];
        step.kernel("norms", launch::add_rms_norm(stream, added, norm, [stream, normed], batch, shape.hidden));
        step.forward(first, rows, normed, joint)?;
        let at = Joint { joint, q, k, v, slots: places[1] };
        step.kernel("rotation", launch::split_rotate(at, [shape.heads, shape.kv_heads, shape.head_dim], 1, last, false, batch));
        let at = AttentionPointers { q, k, v, out: attended, pages: places[0], partial, weights };
        for launch in launch::decode_attention(attention, splits, at) {
            step.kernel("attention", launch);
        }
        step.forward(second, rows, attended, projected)?;
        step.kernel("norms", launch::add_rms_norm(stream, projected, norm, [stream, normed], batch, shape.hidden));
        step.forward(third, rows, normed, gate_up)?;
        step.kernel("activation", launch::silu_product(gate_up, activated, batch, shape.intermediate));
        step.forward(fourth, rows, activated, projected)?;
        added = projected;
    }
    step.kernel("norms", launch::add_rms_norm(stream, added, norm, [stream, normed], batch, shape.hidden));
    let (mut result, mut count) = (normed, rows * hidden);
    if shape.vocabulary > 0 {
        let head = step.weight((u64::from(shape.vocabulary), hidden), false)?;
        (result, count) = (step.room(rows * head.n * 2)?, rows * head.n);
        step.forward(head, rows, normed, result)?;
    }
    step.run()?;
    let finite = step.finite(result, count)?;
    let effort = Effort { budget: 1.0, warm: 10, samples: 100 };
    let stream_timing = time(gpu, effort, 1, &mut |_| step.run())?;
    let graph = gpu.capture(|| step.run())?;
    let timing = time(gpu, Effort { warm: 50, ..effort }, 1, &mut |_| graph.launch().map_err(refused("start a graph")))?;
    Ok(StepTiming {
        shape,
        sequences: batch,
        length: context,
        seconds: quantile(&timing.samples, 0.5),
        p10: quantile(&timing.samples, 0.1),
        p90: quantile(&timing.samples, 0.9),
        samples: timing.samples.len(),
        stream_seconds: quantile(&stream_timing.samples, 0.5),
        parts: step.parts()?,
        tokens: rows,
        finite,
    })
}

/// Times a training step, forward and backward, of `sequences` sequences of `length` tokens; activations are kept, nothing is
/// computed twice but the scores of the attention.
///
/// # Errors
/// [`CalibrationError`] when there is no device, the shape makes no sense, or the model and its activations do not fit.
pub fn training_step(ordinal: usize, shape: ModelShape, sequences: u32, length: u32) -> Result<StepTiming, CalibrationError> {
    guarded(|| {
        check_step(shape, sequences, length)?;
        let gpu = Gpu::open(ordinal, &[])?;
        time_training(&gpu, shape, sequences, length)
    })
}

/// What the backward pass of a layer needs of the forward pass.
struct Kept {
    weights: [Weight; 4],
    entry: u64,
    entry_normed: u64,
    at: AttentionPointers,
    middle: u64,
    middle_normed: u64,
    gate_up: u64,
    activated: u64,
}

fn time_training(gpu: &Gpu, shape: ModelShape, sequences: u32, length: u32) -> Result<StepTiming, CalibrationError> {
    let mut step = Step::new(gpu);
    let [hidden, heads, kv_heads, size, wide] = shape.numbers();
    let tokens = sequences * length;
    let rows = u64::from(tokens);
    let head_shape = [shape.heads, shape.kv_heads, shape.head_dim];
    let attention = Prefill { batch: sequences, length, heads: shape.heads, kv_heads: shape.kv_heads, size: shape.head_dim };
    let (wide_joint, narrow) = (rows * (heads + 2 * kv_heads) * size * 2, rows * hidden * 2);
    let joint = step.room(wide_joint)?;
    let norm = step.random(hidden, 1.0)?;
    let mut stream = step.random(rows * hidden, 1.0)?;
    let mut added = 0;
    let mut kept = Vec::new();
    for _ in 0..shape.layers {
        let [first, second, third, fourth] = shape.sites().map(|site| step.weight(site, true));
        let weights = [first?, second?, third?, fourth?];
        let entry = if added == 0 { stream } else { step.room(narrow)? };
        let [entry_normed, middle, middle_normed] = [step.room(narrow)?, step.room(narrow)?, step.room(narrow)?];
        let [projected, down] = [step.room(narrow)?, step.room(narrow)?];
        let at = AttentionPointers {
            q: step.room(rows * heads * size * 2)?,
            k: step.room(rows * kv_heads * size * 2)?,
            v: step.room(rows * kv_heads * size * 2)?,
            out: step.room(rows * heads * size * 2)?,
            partial: step.room(rows * heads * 4)?,
            ..AttentionPointers::default()
        };
        let [gate_up, activated] = [step.room(rows * 2 * wide * 2)?, step.room(rows * wide * 2)?];
        step.kernel("norms", launch::add_rms_norm(stream, added, norm, [entry, entry_normed], tokens, shape.hidden));
        step.forward(weights[0], rows, entry_normed, joint)?;
        let apart = Joint { joint, q: at.q, k: at.k, v: at.v, slots: 0 };
        step.kernel("rotation", launch::split_rotate(apart, head_shape, length, 0, false, tokens));
        step.kernel("attention", launch::prefill_attention(attention, at));
        step.forward(weights[1], rows, at.out, projected)?;
        step.kernel("norms", launch::add_rms_norm(entry, projected, norm, [middle, middle_normed], tokens, shape.hidden));
        step.forward(weights[2], rows, middle_normed, gate_up)?;
        step.kernel("activation", launch::silu_product(gate_up, activated, tokens, shape.intermediate));
        step.forward(weights[3], rows, activated, down)?;
        (stream, added) = (middle, down);
        kept.push(Kept { weights, entry, entry_normed, at, middle, middle_normed, gate_up, activated });
    }
    // Fresh in every step: gradients that are added to it would grow without bound.
    let (seed, d_stream) = (step.random(rows * hidden, 1e-2)?, step.room(narrow)?);
    step.kernel("norms", launch::copy(seed, d_stream, narrow));
    let d_normed = step.room(narrow)?;
    if shape.vocabulary > 0 {
        let head = step.weight((u64::from(shape.vocabulary), hidden), true)?;
        let [last, normed, logits] = [step.room(narrow)?, step.room(narrow)?, step.room(rows * head.n * 2)?];
        step.kernel("norms", launch::add_rms_norm(stream, added, norm, [last, normed], tokens, shape.hidden));
        step.forward(head, rows, normed, logits)?;
        // The scores stand for the gradient of the loss: the same bytes and operations.
        step.backward(head, rows, normed, logits, d_normed)?;
        step.kernel("norms", launch::rms_norm_backward(last, norm, d_normed, d_stream, tokens, shape.hidden));
    }
    let [d_joint, d_attended] = [step.room(wide_joint)?, step.room(rows * heads * size * 2)?];
    let [d_activated, d_gate_up] = [step.room(rows * wide * 2)?, step.room(rows * 2 * wide * 2)?];
    let gradients = GradientPointers {
        d_out: d_attended,
        delta: step.room(rows * heads * 4)?,
        d_q: step.room(rows * heads * size * 2)?,
        d_k: step.room(rows * kv_heads * size * 2)?,
        d_v: step.room(rows * kv_heads * size * 2)?,
    };
    for layer in kept.iter().rev() {
        let [first, second, third, fourth] = layer.weights;
        step.backward(fourth, rows, layer.activated, d_stream, d_activated)?;
        step.kernel("activation", launch::silu_product_backward(layer.gate_up, d_activated, d_gate_up, tokens, shape.intermediate));
        step.backward(third, rows, layer.middle_normed, d_gate_up, d_normed)?;
        step.kernel("norms", launch::rms_norm_backward(layer.middle, norm, d_normed, d_stream, tokens, shape.hidden));
        step.backward(second, rows, layer.at.out, d_stream, d_attended)?;
        for launch in launch::prefill_backward(attention, layer.at, gradients) {
            step.kernel("gradients of attention", launch);
        }
        let apart = Joint { joint: d_joint, q: gradients.d_q, k: gradients.d_k, v: gradients.d_v, slots: 0 };
        step.kernel("rotation", launch::split_rotate(apart, head_shape, length, 0, true, tokens));
        step.backward(first, rows, layer.entry_normed, d_joint, d_normed)?;
        step.kernel("norms", launch::rms_norm_backward(layer.entry, norm, d_normed, d_stream, tokens, shape.hidden));
    }
    step.run()?;
    let mut finite = step.finite(d_stream, rows * hidden)?;
    for weight in kept.iter().flat_map(|layer| layer.weights) {
        finite &= step.finite(weight.gradient, weight.n * weight.k)?;
    }
    let timing = time(gpu, Effort { budget: 3.0, warm: 5, samples: 50 }, 1, &mut |_| step.run())?;
    let seconds = quantile(&timing.samples, 0.5);
    Ok(StepTiming {
        shape,
        sequences,
        length,
        seconds,
        p10: quantile(&timing.samples, 0.1),
        p90: quantile(&timing.samples, 0.9),
        samples: timing.samples.len(),
        stream_seconds: seconds,
        parts: step.parts()?,
        tokens: rows,
        finite,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_its_parameters() {
        // 32 layers, 8.03e9 with both embeddings; one of them is a lookup and not a product.
        let parameters = ModelShape::llama_3_8b(32).parameters() as f64;
        assert!((parameters - (8.03e9 - 0.525e9)).abs() < 1e7, "{parameters}");
    }

    #[test]
    fn absurd_shapes_are_refused_before_any_device_is_asked() {
        let shape = ModelShape::llama_3_8b(2);
        for wrong in [
            ModelShape { kv_heads: 0, ..shape },
            ModelShape { heads: 33, ..shape },
            ModelShape { head_dim: 96, ..shape },
            ModelShape { layers: 0, ..shape },
            ModelShape { hidden: u32::MAX, ..shape },
        ] {
            assert!(matches!(decode_step(0, wrong, 1, 16), Err(CalibrationError::Shape(_))), "{wrong:?}");
        }
        assert!(matches!(decode_step(0, shape, 0, 16), Err(CalibrationError::Shape(_))));
        assert!(matches!(training_step(0, shape, u32::MAX, u32::MAX), Err(CalibrationError::Shape(_))));
    }
}
