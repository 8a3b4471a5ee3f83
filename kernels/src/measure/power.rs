//! Power while the device does one thing for seconds.

use std::time::{Duration, Instant};

use super::{Bench, Measured, attention, matrix, stream};
use crate::blas::Format;
use crate::error::CalibrationError;
use crate::harness::{Timing, quantile, rounded};
use crate::launch::{Decode, Launch};
use crate::suite::{Activity, StreamOperation};

/// The power of a window: from the device's energy counter, or the median of its power readings where it has none.
#[derive(Default)]
struct Meter {
    /// Clock and energy at the start of the window.
    from: Option<(Instant, Option<f64>)>,
    readings: Vec<f64>,
    samples: Vec<f64>,
}

/// A busy stream of launches for a time; returns how many times the list was run, per second.
fn repeat(bench: &Bench, launches: &[Vec<Launch>], until: &mut dyn FnMut() -> bool) -> Result<f64, CalibrationError> {
    let start = Instant::now();
    let mut count = 0u32;
    while !until() {
        for _ in 0..8 {
            for launch in &launches[count as usize % launches.len()] {
                bench.launch(launch)?;
            }
            count += 1;
        }
        bench.gpu.synchronize()?;
    }
    Ok(f64::from(count) / start.elapsed().as_secs_f64().max(1e-9))
}

/// The cache that decode reads: 64 sequences of 4,096 tokens, or what fits.
fn decode_shape(bench: &Bench) -> Decode {
    let mut shape = Decode { batch: 64, context: 4096, heads: 32, kv_heads: 8, size: 128 };
    while shape.batch > 1 && 2 * shape.cache_bytes() > bench.inputs.bytes / 2 {
        shape.batch /= 2;
    }
    shape
}

pub(crate) fn power(bench: &mut Bench, activity: Activity) -> Result<Measured, CalibrationError> {
    bench.fill(Format::Bf16)?;
    if bench.gpu.nvml.as_ref().is_none_or(|nvml| nvml.state().power_w.is_none() && nvml.energy_j().is_none()) {
        return Err(CalibrationError::Driver { what: "power".to_owned(), reason: "the device does not say what it draws".to_owned() });
    }
    // An average of about a second stands behind every reading: the windows start a second after the work.
    let (windows, seconds, settle) = if bench.quick { (1, 1.0, 0.7) } else { (2, 1.25, 1.0) };
    let mut meter = Meter::default();
    let mut timing = Timing { runs: 1, ..Timing::default() };
    let begin = Instant::now();
    // Called every few milliseconds of work; says when to stop. It has NVML to itself for the time.
    let nvml = bench.gpu.nvml.take();
    let mut watch = || {
        let Some(nvml) = &nvml else { return true };
        if begin.elapsed().as_secs_f64() < settle {
            return false;
        }
        let state = nvml.state();
        meter.readings.extend(state.power_w);
        timing.state = state;
        match meter.from {
            None => meter.from = Some((Instant::now(), nvml.energy_j())),
            Some((start, energy)) if start.elapsed().as_secs_f64() >= seconds => {
                let now = nvml.energy_j();
                let elapsed = start.elapsed().as_secs_f64();
                let counted = energy.zip(now).map(|(from, to)| (to - from) / elapsed).filter(|watts| *watts > 0.0);
                meter.samples.push(rounded(counted.unwrap_or_else(|| quantile(&meter.readings, 0.5))));
                meter.readings.clear();
                meter.from = Some((Instant::now(), now));
            }
            Some(_) => {}
        }
        meter.samples.len() >= windows
    };
    let rate = match activity {
        Activity::Idle => {
            while !watch() {
                std::thread::sleep(Duration::from_millis(20));
            }
            Ok(None)
        }
        Activity::Matrix => matrix::keep_busy(bench, &mut watch).map(Some),
        Activity::Stream => {
            let bytes = (2 << 30).min(bench.results.bytes / 2);
            stream::prepare(bench, StreamOperation::Copy, bytes)
                .and_then(|(launch, ..)| repeat(bench, &[vec![launch]], &mut watch))
                .map(|runs| Some(runs * bytes as f64))
        }
        Activity::Decode => {
            let shape = decode_shape(bench);
            attention::ready_decode(bench, shape)
                .and_then(|ready| repeat(bench, &ready.launches, &mut watch))
                .map(|runs| Some(runs * 2.0 * shape.cache_bytes() as f64))
        }
    };
    timing.samples = meter.samples;
    bench.gpu.nvml = nvml;
    Ok(Measured { timing, error: None, rate: rate?.map(rounded), wrong: None })
}
