//! Bandwidth of memory and cache.

use super::{Bench, Measured, Shelf, sample};
use crate::blas::Format;
use crate::error::CalibrationError;
use crate::harness::time;
use crate::launch::{self, CHUNKS_PER_BLOCK, Launch};
use crate::suite::StreamOperation;

/// The launch, and where its inputs and its result are: (inputs, result, bytes of the result).
pub(crate) fn prepare(bench: &Bench, operation: StreamOperation, bytes: u64) -> Result<(Launch, [u64; 2], u64, u64), CalibrationError> {
    let (mut inputs, mut results) = (Shelf::new(bench.inputs), Shelf::new(bench.results));
    Ok(match operation {
        StreamOperation::Copy => {
            let part = (bytes / 2) & !15;
            let (from, to) = (inputs.take(part)?, results.take(part)?);
            (launch::copy(from, to, part), [from, 0], to, part)
        }
        StreamOperation::Read => {
            let blocks = (bytes / 16).div_ceil(CHUNKS_PER_BLOCK);
            let (from, to) = (inputs.take(bytes)?, results.take(blocks * 4)?);
            (launch::read(from, to, bytes & !15), [from, 0], to, blocks * 4)
        }
        StreamOperation::Triad => {
            let part = (bytes / 3) & !15;
            let (a, b, to) = (inputs.take(part)?, inputs.take(part)?, results.take(part)?);
            (launch::triad(a, b, to, part), [a, b], to, part)
        }
    })
}

/// Error of the result at 16 places.
fn error(bench: &Bench, operation: StreamOperation, [a, b]: [u64; 2], to: u64, bytes: u64, total: u64) -> Result<f64, CalibrationError> {
    let gpu = &bench.gpu;
    let (mut wrong, mut norm) = (0.0f64, f64::MIN_POSITIVE);
    for word in sample(bytes / 4, 16) {
        let (measured, exact) = match operation {
            StreamOperation::Copy => {
                let word = |at: u64| gpu.download::<u32>(at + word * 4, 1);
                (f64::from(word(to)?[0]), f64::from(word(a)?[0]))
            }
            StreamOperation::Read => {
                let first = word * CHUNKS_PER_BLOCK * 16;
                let size = (total - first).min(CHUNKS_PER_BLOCK * 16);
                let sum = gpu.download::<u32>(a + first, size as usize / 4)?.into_iter().fold(0, |sum, word| sum ^ word);
                (f64::from(gpu.download::<u32>(to + word * 4, 1)?[0]), f64::from(sum))
            }
            StreamOperation::Triad => {
                let value = |at: u64| -> Result<f64, CalibrationError> { Ok(f64::from(gpu.download::<f32>(at + word * 4, 1)?[0])) };
                (value(to)?, value(a)? + f64::from(launch::TRIAD) * value(b)?)
            }
        };
        wrong += (measured - exact).powi(2);
        norm += exact.powi(2);
    }
    Ok((wrong / norm).sqrt())
}

pub(crate) fn stream(bench: &mut Bench, operation: StreamOperation, bytes: u64) -> Result<Measured, CalibrationError> {
    bench.fill(Format::Bf16)?;
    let (launch, inputs, to, size) = prepare(bench, operation, bytes)?;
    bench.poison(to, size)?;
    bench.launch(&launch)?;
    let error = error(bench, operation, inputs, to, size, bytes & !15)?;
    let timing = time(&bench.gpu, bench.effort, 1, &mut |_| bench.launch(&launch))?;
    // Moved bits are the same bits; the triad rounds to 32-bit floats.
    Ok(Measured::checked(timing, error, if operation == StreamOperation::Triad { 1e-6 } else { 0.0 }))
}
