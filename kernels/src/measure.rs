//! Measures one thing at a time: prepares its input, checks its result against double precision, then takes its time.

mod attention;
mod host;
mod matrix;
mod peer;
mod power;
mod stream;

use crate::blas::Format;
use crate::error::CalibrationError;
use crate::gpu::{Buffer, Gpu};
use crate::harness::{Effort, Timing};
use crate::launch::{self, Launch};
use crate::nvml::State;
use crate::profile::{Conditions, Point};
use crate::suite::Work;

use peer::Peers;

/// A measurement, or why there is none.
pub(crate) struct Measured {
    pub(crate) timing: Timing,
    pub(crate) error: Option<f64>,
    pub(crate) rate: Option<f64>,
    /// What makes it void.
    pub(crate) wrong: Option<String>,
}

impl Measured {
    /// A timing whose result had an error; more than `tolerance`, or NaN, makes it void.
    fn checked(timing: Timing, error: f64, tolerance: f64) -> Self {
        let wrong = (error.is_nan() || error > tolerance)
            .then(|| format!("wrong result: relative error {error:.2e} against double precision, at most {tolerance:.0e} is right"));
        Self { timing, error: Some(error), rate: None, wrong }
    }

    fn plain(timing: Timing) -> Self {
        Self { timing, error: None, rate: None, wrong: None }
    }
}

/// A part of device memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) at: u64,
    pub(crate) bytes: u64,
}

/// Hands out parts of memory one after another, aligned as every library likes it.
pub(crate) struct Shelf {
    next: u64,
    end: u64,
}

impl Shelf {
    fn new(span: Span) -> Self {
        Self { next: span.at, end: span.at + span.bytes }
    }

    fn left(&self) -> u64 {
        self.end - self.next
    }

    fn take(&mut self, bytes: u64) -> Result<u64, CalibrationError> {
        let size = bytes.next_multiple_of(256);
        if size > self.left() {
            return Err(CalibrationError::Memory { needed: size, free: self.left() });
        }
        let at = self.next;
        self.next += size;
        Ok(at)
    }
}

/// A device with its memory laid out for measuring: inputs that stay as they were filled, and room for results.
pub(crate) struct Bench {
    inputs: Span,
    results: Span,
    filled: Option<Format>,
    effort: Effort,
    quick: bool,
    peers: Option<Peers>,
    // Dropped after the peers, and the device last.
    _memory: Buffer,
    pub(crate) gpu: Gpu,
}

/// Device memory for inputs and results: enough for every point of the suite on a large device.
const MOST_MEMORY: u64 = 12 << 30;

impl Bench {
    pub(crate) fn new(gpu: Gpu, quick: bool) -> Result<Self, CalibrationError> {
        let bytes = (gpu.free_bytes()? / 10 * 6).min(MOST_MEMORY) & !0xfff;
        let memory = gpu.buffer(bytes)?;
        let inputs = (bytes / 3 * 2) & !0xfff;
        Ok(Self {
            inputs: Span { at: memory.pointer(), bytes: inputs },
            results: Span { at: memory.pointer() + inputs, bytes: bytes - inputs },
            filled: None,
            effort: Effort::new(quick),
            quick,
            peers: None,
            _memory: memory,
            gpu,
        })
    }

    fn launch(&self, launch: &Launch) -> Result<(), CalibrationError> {
        self.gpu.launch(launch)
    }

    /// Fills the inputs with normal values of a format; nothing if they are.
    fn fill(&mut self, format: Format) -> Result<(), CalibrationError> {
        if self.filled == Some(format) {
            return Ok(());
        }
        self.filled = None;
        let count = self.inputs.bytes / format.bytes();
        let kernel = if format == Format::Bf16 { "fill_bf16" } else { "fill_e4m3" };
        self.launch(&launch::fill(kernel, self.inputs.at, 1, 1.0, count))?;
        self.gpu.synchronize()?;
        self.filled = Some(format);
        Ok(())
    }

    /// Makes results NaN, so that what is not written shows.
    fn poison(&self, at: u64, bytes: u64) -> Result<(), CalibrationError> {
        self.gpu.poison(at, bytes)
    }

    /// How many copies of an input to take turns among, so that each comes from memory: three times the cache together.
    fn copies(&self, bytes: u64, room: u64) -> u32 {
        let wanted = (3 * self.gpu.l2_bytes).div_ceil(bytes.max(1)).min(u64::from(crate::harness::MOST_RUNS));
        wanted.min(room / bytes.max(1)).max(1) as u32
    }

    /// Keeps the device busy with large products until its clocks have settled.
    pub(crate) fn warm(&mut self, seconds: f64) -> Result<(), CalibrationError> {
        matrix::busy(self, seconds)
    }

    /// Measures one thing. What goes wrong with it becomes the reason of a void point; only a device that no longer answers
    /// is an error.
    pub(crate) fn measure(&mut self, work: Work) -> Result<Point, CalibrationError> {
        let done = match work {
            Work::Gemm { format, m, n, k, cold } => matrix::gemm(self, format, [m, n, k], cold),
            Work::Stream { operation, bytes } => stream::stream(self, operation, bytes),
            Work::DecodeAttention { batch, context, heads, kv_heads, head_dim } => {
                attention::decode(self, launch::Decode { batch, context, heads, kv_heads, size: head_dim })
            }
            Work::PrefillAttention { batch, length, heads, kv_heads, head_dim } => {
                attention::prefill(self, launch::Prefill { batch, length, heads, kv_heads, size: head_dim })
            }
            Work::Launch { mode } => host::launch_latency(self, mode),
            Work::Transfer { direction, memory, bytes } => host::transfer(self, direction, memory, bytes),
            Work::Collective { operation, devices, bytes } => peer::collective(self, operation, devices, bytes),
            Work::Power { activity } => power::power(self, activity),
        };
        // An illegal access leaves the context unusable: everything after it would fail as well.
        self.gpu.synchronize()?;
        let (measured, mut void) = match done {
            Ok(measured) => {
                let wrong = measured.wrong.clone();
                (measured, wrong)
            }
            Err(error) => (Measured::plain(Timing::default()), Some(error.to_string())),
        };
        let conditions = conditions(measured.timing.state);
        if void.is_none() && conditions.throttled() {
            void = Some("throttled: heat, hardware protection or a power brake lowered the clocks".to_owned());
        }
        if void.is_none() && !measured.timing.samples.iter().all(|sample| sample.is_finite() && *sample > 0.0) {
            void = Some("a sample is not a positive number".to_owned());
        }
        let samples: Vec<f64> = measured.timing.samples.into_iter().filter(|sample| sample.is_finite() && *sample > 0.0).collect();
        if void.is_none() && samples.is_empty() {
            void = Some("no sample".to_owned());
        }
        Ok(Point {
            work,
            samples,
            runs: measured.timing.runs,
            graph: measured.timing.graph,
            error: measured.error.filter(|error| error.is_finite()),
            rate: measured.rate,
            conditions,
            void,
        })
    }
}

fn conditions(state: State) -> Conditions {
    Conditions {
        power_w: state.power_w,
        temperature_c: state.temperature_c,
        sm_mhz: state.sm_mhz,
        memory_mhz: state.memory_mhz,
        throttle: state.throttle,
    }
}

/// Positions of a sample of `count` out of `range`, the first and last among them, always the same.
fn sample(range: u64, count: u64) -> impl Iterator<Item = u64> {
    let last = range.saturating_sub(1);
    [0, last].into_iter().chain((1..count.saturating_sub(1)).map(move |i| {
        // Weyl's sequence with the golden ratio: even, and not in step with tiles of a power of two.
        (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11) % range.max(1)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shelf_is_aligned_and_ends() {
        let mut shelf = Shelf::new(Span { at: 4096, bytes: 1024 });
        assert_eq!(shelf.take(100).unwrap(), 4096);
        assert_eq!(shelf.take(300).unwrap(), 4096 + 256);
        assert!(matches!(shelf.take(300), Err(CalibrationError::Memory { needed: 512, free: 256 })));
    }

    #[test]
    fn samples_are_inside_and_spread() {
        let list: Vec<u64> = sample(1000, 24).collect();
        assert_eq!(list.len(), 24);
        assert!(list.contains(&0) && list.contains(&999) && list.iter().all(|i| *i < 1000));
        assert!(list.iter().filter(|i| **i < 500).count() > 5 && list.iter().filter(|i| **i >= 500).count() > 5);
        assert!(sample(1, 4).all(|i| i == 0));
    }
}
