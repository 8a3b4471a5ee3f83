//! Time of attention over keys and values.
//!
//! ```text
//! Heads, batch, context --> Step, Prompt --(schedule of blocks)--> waves x block | memory --> seconds
//!                                           Single, Grouped, Tiled: attention.toml
//! ```

pub mod calibration;
pub mod decode;
pub mod latent;
pub mod machine;
mod parameters;
pub mod prefill;

use std::sync::OnceLock;

pub use decode::{Parts, Step};
pub use latent::{Latent, latent_attention_time};
pub use machine::Machine;
pub(crate) use parameters::parameters;
pub use parameters::{Fitted, Grouped, Library, Single, Tiled};
pub use prefill::Prompt;

use super::{Conformal, Device, Format, Generation, Grade, Prediction, Term};

/// Heads of one layer on one device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heads {
    /// Query heads.
    pub query: f64,
    /// Key and value heads that they share.
    pub key_value: f64,
    /// Size of a head.
    pub size: f64,
    /// Tokens that a query sees at most (sliding window); infinite for full attention.
    pub window: f64,
    /// Format of keys and values in memory.
    pub cache: Format,
    /// Format of the products.
    pub format: Format,
}

/// Which kernel runs and in what state it finds the last cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Circumstance {
    /// Among the other layers of a model: keys and values come from memory, and heads that share keys share their reading.
    Model,
    /// Alone again and again, as kernel tables measure it: what fits in the last cache stays there; and the kernel that
    /// TensorRT-LLM takes, which has no shared reading for more than 32 queries to a head.
    Table,
}

/// A number above zero and no more than `high`, whatever comes in: 1 for what is no number.
pub(crate) fn positive(value: f64, high: f64) -> f64 {
    if value.is_nan() { 1.0 } else { value.clamp(1e-3, high) }
}

/// The shipped parameters.
///
/// # Panics
/// Never: the file is compiled in, and the tests parse it.
#[must_use]
pub fn library() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        toml::from_str(include_str!("../../data/throughput/attention.toml"))
            // The file is compiled in and the tests of this file parse it: no input of a user reaches this.
            .expect("the compiled-in parameters parse")
    })
}

/// Time of one layer's attention of `batch` prompts of `length` tokens each, after `past` tokens that are already kept \[s\].
#[must_use]
pub fn prefill_attention_time(device: &Device, heads: Heads, batch: f64, length: f64, past: f64) -> f64 {
    library().prefill(&Machine::of(device), heads, batch, length, past, Circumstance::Model).0.total() * 1e-6
}

/// Time of one layer's attention of `batch` tokens, one for each request, over `context` kept tokens each \[s\].
#[must_use]
pub fn decode_attention_time(device: &Device, heads: Heads, batch: f64, context: f64) -> f64 {
    library().decode(&Machine::of(device), heads, batch, context, Circumstance::Model).0.total() * 1e-6
}

/// [`prefill_attention_time`] with its interval \[s\].
#[must_use]
pub fn prefill_attention(device: &Device, heads: Heads, batch: f64, length: f64, past: f64, circumstance: Circumstance) -> Prediction {
    let (parts, spread) = library().prefill(&Machine::of(device), heads, batch, length, past, circumstance);
    predicted(device, parts, spread, "launch + tiles x (tile + keys x key) / multiprocessors")
}

/// [`decode_attention_time`] with its interval \[s\].
#[must_use]
pub fn decode_attention(device: &Device, heads: Heads, batch: f64, context: f64, circumstance: Circumstance) -> Prediction {
    let (parts, spread) = library().decode(&Machine::of(device), heads, batch, context, circumstance);
    predicted(device, parts, spread, "launch + softmax(waves x (block + keys x key), bytes / bandwidth) + join")
}

/// What a prediction for a device rests on, and how much wider its interval is than on the devices that were fitted.
#[must_use]
pub fn evidence(device: &Device) -> (Grade, f64) {
    match device.generation {
        // H100 and H200 SXM, and their kin with as many multiprocessors.
        Generation::Hopper if device.multiprocessors == 132 => (Grade::Interpolated, 1.0),
        Generation::Hopper | Generation::Ampere | Generation::Ada | Generation::Blackwell => (Grade::Transferred, 2.0),
        _ => (Grade::Datasheet, 3.0),
    }
}

fn predicted(device: &Device, parts: Parts, spread: Conformal, formula: &'static str) -> Prediction {
    let (grade, scale) = evidence(device);
    let value = parts.total() * 1e-6;
    let (low90, high90) = spread.interval(value, scale);
    let source = "schedule: TensorRT-LLM (NVIDIA); tiles: Dao et al. 2022";
    let work = soft(parts);
    let term = |name, seconds| Term { name, seconds, formula, source };
    let name = if parts.memory > parts.blocks { "reading keys and values" } else { "blocks on the multiprocessors" };
    let terms = vec![term("launch", parts.launch * 1e-6), term(name, work * 1e-6), term("joining split sequences", parts.join * 1e-6)];
    Prediction { value, low90, high90, grade, terms }
}

fn soft(parts: Parts) -> f64 {
    parts.total() - parts.launch - parts.join
}

impl Library {
    /// Parts of a decode step's time, and the interval of its kernel.
    #[must_use]
    pub fn decode(&self, machine: &Machine, heads: Heads, batch: f64, context: f64, circumstance: Circumstance) -> (Parts, Conformal) {
        let step = step(heads, batch, context, circumstance);
        let eight_bit = heads.cache.bytes() <= 1.0 && machine.has_8bit;
        let windowed = step.window < step.context;
        if takes_single(machine, &step, eight_bit, circumstance) {
            let it = if eight_bit { &self.single_8bit } else { &self.single_16bit };
            (it.kernel.parts(machine, &step), it.spread(windowed))
        } else {
            let it = if eight_bit { &self.grouped_8bit } else { &self.grouped_16bit };
            (it.kernel.parts(machine, &step, eight_bit), it.spread(windowed))
        }
    }

    /// Parts of prompts' time, and the interval of their kernel.
    #[must_use]
    pub fn prefill(
        &self,
        machine: &Machine,
        heads: Heads,
        batch: f64,
        length: f64,
        past: f64,
        circumstance: Circumstance,
    ) -> (Parts, Conformal) {
        let prompt = prompt(heads, batch, length, past, circumstance);
        let operands = heads.format.bytes() <= 1.0;
        let cache = heads.cache.bytes() <= 1.0;
        let (it, eight_bit) = match (machine.has_8bit, operands, cache) {
            (true, true, _) => (&self.tiled_8bit, true),
            (true, false, true) => (&self.tiled_mixed, true),
            _ => (&self.tiled_16bit, false),
        };
        (it.kernel.parts(machine, &prompt, eight_bit), it.spread(prompt.windowed()))
    }
}

impl<T> Fitted<T> {
    fn spread(&self, windowed: bool) -> Conformal {
        if windowed { self.windowed } else { self.full }
    }
}

/// A decode step in numbers that kernels can trust.
#[must_use]
pub fn step(heads: Heads, batch: f64, context: f64, circumstance: Circumstance) -> Step {
    Step {
        query: positive(heads.query, 1e5),
        key_value: positive(heads.key_value, 1e5),
        size: positive(heads.size, 1e5),
        number: heads.cache.bytes(),
        batch: positive(batch, 1e9),
        context: positive(context, 1e9),
        window: if heads.window > 0.0 { heads.window.max(1.0) } else { f64::INFINITY },
        warm: circumstance == Circumstance::Table,
    }
}

/// Prompts in numbers that kernels can trust.
#[must_use]
pub fn prompt(heads: Heads, batch: f64, length: f64, past: f64, circumstance: Circumstance) -> Prompt {
    Prompt {
        query: positive(heads.query, 1e5),
        key_value: positive(heads.key_value, 1e5),
        size: positive(heads.size, 1e5),
        number: heads.cache.bytes(),
        operand: heads.format.bytes().clamp(1.0, 2.0),
        batch: positive(batch, 1e9),
        length: positive(length, 1e9),
        past: if past > 0.0 { past.min(1e9) } else { 0.0 },
        window: if heads.window > 0.0 { heads.window.max(1.0) } else { f64::INFINITY },
        warm: circumstance == Circumstance::Table,
    }
}

/// Whether a step runs with blocks for each query head: where no queries share keys; with a 16-bit cache where blocks for
/// each key-value head would leave three quarters of the device idle (TensorRT-LLM, `mayHavePerfGain`); and in its tables with
/// more than 32 queries to a head.
#[must_use]
pub fn takes_single(machine: &Machine, step: &Step, eight_bit: bool, circumstance: Circumstance) -> bool {
    let blocks = step.batch * step.key_value * (step.context / 128.0).floor().max(1.0);
    let idle = !eight_bit && blocks * 4.0 < machine.multiprocessors;
    let group = step.group();
    group < 1.5
        || match circumstance {
            Circumstance::Table => idle || group > 32.0,
            // Elsewhere wide groups always share.
            Circumstance::Model => idle && group <= 8.0,
        }
}

#[cfg(test)]
mod tests;
