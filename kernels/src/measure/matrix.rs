//! Matrix products.

use std::time::Instant;

use super::{Bench, Measured, Shelf, sample};
use crate::blas::{Format, Gemm, Product};
use crate::error::CalibrationError;
use crate::gpu::Gpu;
use crate::harness::{Effort, quantile, time};
use crate::reference;

/// Rows of the factors as numbers: `count` values from `at`.
fn values(gpu: &Gpu, format: Format, at: u64, count: u64) -> Result<Vec<f64>, CalibrationError> {
    Ok(match format {
        Format::Bf16 => gpu.download::<u16>(at, count as usize)?.into_iter().map(reference::bf16).collect(),
        Format::Fp8 => gpu.download::<u8>(at, count as usize)?.into_iter().map(reference::e4m3).collect(),
    })
}

/// Error of a result over 24 of its elements, against sums in double precision.
pub(crate) fn error(gpu: &Gpu, format: Format, [m, n, k]: [u64; 3], [x, w, out]: [u64; 3]) -> Result<f64, CalibrationError> {
    let (mut measured, mut exact) = (Vec::new(), Vec::new());
    for (row, column) in sample(m, 24).zip(sample(n, 24).collect::<Vec<_>>().into_iter().rev()) {
        let left = values(gpu, format, x + row * k * format.bytes(), k)?;
        let right = values(gpu, format, w + column * k * format.bytes(), k)?;
        exact.push(left.iter().zip(&right).map(|(a, b)| a * b).sum());
        measured.push(reference::bf16(gpu.download::<u16>(out + (row * n + column) * 2, 1)?[0]));
    }
    Ok(reference::error(&measured, &exact))
}

/// The relative error that a right result may have: its rounding to bf16 alone gives 2e-3; FP8 factors are exact here, but
/// their sums are kept in fewer bits.
pub(crate) fn tolerance(format: Format) -> f64 {
    match format {
        Format::Bf16 => 8e-3,
        Format::Fp8 => 2e-2,
    }
}

pub(crate) fn gemm(bench: &mut Bench, format: Format, [m, n, k]: [u64; 3], cold: bool) -> Result<Measured, CalibrationError> {
    bench.fill(format)?;
    let mut shelf = Shelf::new(bench.inputs);
    let x = shelf.take(m * k * format.bytes())?;
    let bytes = (n * k * format.bytes()).next_multiple_of(256);
    let copies = if cold { bench.copies(bytes, shelf.left()) } else { 1 };
    let w = shelf.take(bytes * u64::from(copies))?;
    let out = Shelf::new(bench.results).take(m * n * 2)?;
    let mut gemm = Gemm::new(&bench.gpu.blas, format, Product::Forward, [m, n, k])?;
    let gpu = &bench.gpu;
    let stream = gpu.stream.cu_stream().cast();
    // SAFETY: arrays of the shapes of the product, inside the bench's memory.
    let run = |gemm: &Gemm, turn: u32| unsafe { gemm.run(w + u64::from(turn % copies) * bytes, x, out, stream) };

    // The library's own order of algorithms is a guess: the fastest is what a tuned engine uses.
    let short = Effort { budget: 2e-3, warm: 2, samples: 5 };
    let mut best = None;
    for algorithm in 0..gemm.algorithms() {
        gemm.choose(algorithm);
        let Ok(timing) = time(gpu, short, copies, &mut |turn| run(&gemm, turn)) else { continue };
        let seconds = quantile(&timing.samples, 0.5);
        if best.is_none_or(|(least, _)| seconds < least) {
            best = Some((seconds, algorithm));
        }
    }
    let (_, algorithm) = best.ok_or(CalibrationError::Blas { what: "cublasLtMatmul", status: 15 })?;
    gemm.choose(algorithm);
    bench.poison(out, m * n * 2)?;
    run(&gemm, 0)?;
    let error = error(gpu, format, [m, n, k], [x, w, out])?;
    let timing = time(gpu, bench.effort, copies, &mut |turn| run(&gemm, turn))?;
    Ok(Measured::checked(timing, error, tolerance(format)))
}

/// Rows, columns and depth of the products that keep a device busy.
const BUSY: u64 = 8192;

/// Large products for a time; returns how many operations they took per second.
pub(crate) fn keep_busy(bench: &mut Bench, until: &mut dyn FnMut() -> bool) -> Result<f64, CalibrationError> {
    bench.fill(Format::Bf16)?;
    let mut size = BUSY;
    while size * size * 4 > bench.inputs.bytes || size * size * 2 > bench.results.bytes {
        size /= 2;
    }
    let mut shelf = Shelf::new(bench.inputs);
    let (x, w) = (shelf.take(size * size * 2)?, shelf.take(size * size * 2)?);
    let out = Shelf::new(bench.results).take(size * size * 2)?;
    let gemm = Gemm::new(&bench.gpu.blas, Format::Bf16, Product::Forward, [size; 3])?;
    let gpu = &bench.gpu;
    let start = Instant::now();
    let mut count = 0u32;
    while !until() {
        for _ in 0..8 {
            // SAFETY: as above.
            unsafe { gemm.run(w, x, out, gpu.stream.cu_stream().cast()) }?;
        }
        gpu.synchronize()?;
        count += 8;
    }
    Ok(2.0 * (size as f64).powi(3) * f64::from(count) / start.elapsed().as_secs_f64().max(1e-9))
}

pub(crate) fn busy(bench: &mut Bench, seconds: f64) -> Result<(), CalibrationError> {
    let start = Instant::now();
    keep_busy(bench, &mut || start.elapsed().as_secs_f64() >= seconds).map(|_| ())
}
