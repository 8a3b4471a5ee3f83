//! Attention.

use super::{Bench, Measured, Shelf, sample};
use crate::blas::Format;
use crate::error::CalibrationError;
use crate::gpu::Gpu;
use crate::harness::time;
use crate::launch::{self, AttentionPointers, Decode, Launch, PAGE, Prefill};
use crate::reference;

/// A right result's relative error: inputs are exact, weights and results are rounded to bf16.
pub(crate) const TOLERANCE: f64 = 1.5e-2;

fn check_shape(heads: u32, kv_heads: u32, size: u32) -> Result<(), CalibrationError> {
    let fits = kv_heads > 0 && heads.is_multiple_of(kv_heads) && heads / kv_heads <= 16 && matches!(size, 64 | 128);
    let shape = || CalibrationError::Shape(format!("attention of {heads} query heads over {kv_heads} key heads of {size}"));
    if fits { Ok(()) } else { Err(shape()) }
}

/// Rows of `size` values, `stride` values apart.
fn rows(gpu: &Gpu, at: u64, stride: u64, size: u64, count: u64) -> Result<Vec<f64>, CalibrationError> {
    Ok(gpu.download_rows(at, stride * 2, size as usize, count as usize)?.into_iter().map(reference::bf16).collect())
}

/// A decode attention ready to run: its launches for each of the copies of its cache.
pub(crate) struct ReadyDecode {
    pub(crate) launches: Vec<Vec<Launch>>,
    at: AttentionPointers,
    pages: Vec<u32>,
}

/// The pages of a sequence lie in one range, in no order: the next is found by a step that has no divisor with their number.
fn page_numbers(shape: Decode, copies: u32) -> Vec<u32> {
    let pages = u64::from(shape.pages());
    let divides = |mut a: u64, mut b: u64| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a > 1
    };
    let mut step = (pages * 5 / 8).max(1);
    while divides(step, pages) {
        step += 1;
    }
    let sequence = |number: u64| (0..pages).map(move |i| (number * pages + (i * step + number) % pages) as u32);
    (0..u64::from(copies) * u64::from(shape.batch)).flat_map(sequence).collect()
}

pub(crate) fn ready_decode(bench: &Bench, shape: Decode) -> Result<ReadyDecode, CalibrationError> {
    check_shape(shape.heads, shape.kv_heads, shape.size)?;
    let mut inputs = Shelf::new(bench.inputs);
    let mut results = Shelf::new(bench.results);
    let values = u64::from(shape.batch) * u64::from(shape.heads) * u64::from(shape.size) * 2;
    let q = inputs.take(values)?;
    let copies = bench.copies(2 * shape.cache_bytes(), inputs.left().saturating_sub(4096));
    let cache = shape.cache_bytes() * u64::from(copies);
    let (k, v) = (inputs.take(cache)?, inputs.take(cache)?);
    let numbers = page_numbers(shape, copies);
    let splits = shape.splits(bench.gpu.multiprocessors());
    let (partial, weights) = shape.partial_bytes(splits);
    let at = AttentionPointers {
        q,
        k,
        v,
        out: results.take(values)?,
        pages: results.take(numbers.len() as u64 * 4)?,
        partial: results.take(partial)?,
        weights: results.take(weights)?,
    };
    bench.gpu.upload(&numbers, at.pages)?;
    let per_copy = u64::from(shape.batch) * u64::from(shape.pages()) * 4;
    let launches = (0..u64::from(copies))
        .map(|copy| launch::decode_attention(shape, splits, AttentionPointers { pages: at.pages + copy * per_copy, ..at }))
        .collect();
    Ok(ReadyDecode { launches, at, pages: numbers })
}

/// Error of the first copy's result at 3 heads.
fn decode_error(bench: &Bench, shape: Decode, ready: &ReadyDecode) -> Result<f64, CalibrationError> {
    let (size, heads) = (u64::from(shape.size), u64::from(shape.heads));
    let pages = shape.pages() as usize;
    let (mut measured, mut exact) = (Vec::new(), Vec::new());
    for row in sample(u64::from(shape.batch) * heads, 3) {
        let (batch, head) = (row / heads, row % heads);
        let kv_head = head / (heads / u64::from(shape.kv_heads));
        let stride = u64::from(shape.kv_heads) * size;
        let first = batch * pages as u64 * u64::from(PAGE) * stride;
        let offset = (first + kv_head * size) * 2;
        let count = pages as u64 * u64::from(PAGE);
        let keys = rows(&bench.gpu, ready.at.k + offset, stride, size, count)?;
        let values = rows(&bench.gpu, ready.at.v + offset, stride, size, count)?;
        let q = rows(&bench.gpu, ready.at.q + row * size * 2, size, size, 1)?;
        let table = &ready.pages[batch as usize * pages..(batch as usize + 1) * pages];
        let place = |token: usize, d: usize| {
            let page = table[token / PAGE as usize] as usize - batch as usize * pages;
            (page * PAGE as usize + token % PAGE as usize) * size as usize + d
        };
        exact.extend(reference::decode_row(shape, &q, |t, d| keys[place(t, d)], |t, d| values[place(t, d)]));
        measured.extend(rows(&bench.gpu, ready.at.out + row * size * 2, size, size, 1)?);
    }
    Ok(reference::error(&measured, &exact))
}

pub(crate) fn decode(bench: &mut Bench, shape: Decode) -> Result<Measured, CalibrationError> {
    bench.fill(Format::Bf16)?;
    let ready = ready_decode(bench, shape)?;
    bench.poison(ready.at.out, u64::from(shape.batch) * u64::from(shape.heads) * u64::from(shape.size) * 2)?;
    let run = |turn: u32| ready.launches[turn as usize % ready.launches.len()].iter().try_for_each(|launch| bench.launch(launch));
    run(0)?;
    let error = decode_error(bench, shape, &ready)?;
    let timing = time(&bench.gpu, bench.effort, ready.launches.len() as u32, &mut |turn| run(turn))?;
    Ok(Measured::checked(timing, error, TOLERANCE))
}

/// Error of a result at 4 rows.
fn prefill_error(bench: &Bench, shape: Prefill, at: AttentionPointers) -> Result<f64, CalibrationError> {
    let (size, heads, kv_heads, length) =
        (u64::from(shape.size), u64::from(shape.heads), u64::from(shape.kv_heads), u64::from(shape.length));
    let (mut measured, mut exact) = (Vec::new(), Vec::new());
    let rows_of = sample(u64::from(shape.batch) * length, 4).collect::<Vec<_>>();
    for (row, head) in rows_of.into_iter().zip(sample(heads, 4).collect::<Vec<_>>().into_iter().rev()) {
        let (batch, position) = (row / length, row % length);
        let kv_head = head / (heads / kv_heads);
        let stride = kv_heads * size;
        let offset = (batch * length * stride + kv_head * size) * 2;
        let keys = rows(&bench.gpu, at.k + offset, stride, size, position + 1)?;
        let values = rows(&bench.gpu, at.v + offset, stride, size, position + 1)?;
        let place = (row * heads + head) * size * 2;
        let q = rows(&bench.gpu, at.q + place, size, size, 1)?;
        let take = |array: &[f64], t: usize, d: usize| array[t * size as usize + d];
        exact.extend(reference::prefill_row(shape, &q, position as usize, |t, d| take(&keys, t, d), |t, d| take(&values, t, d)));
        measured.extend(rows(&bench.gpu, at.out + place, size, size, 1)?);
    }
    Ok(reference::error(&measured, &exact))
}

pub(crate) fn prefill(bench: &mut Bench, shape: Prefill) -> Result<Measured, CalibrationError> {
    check_shape(shape.heads, shape.kv_heads, shape.size)?;
    bench.fill(Format::Bf16)?;
    let tokens = u64::from(shape.batch) * u64::from(shape.length);
    let queries = tokens * u64::from(shape.heads * shape.size) * 2;
    let keys = tokens * u64::from(shape.kv_heads * shape.size) * 2;
    let mut inputs = Shelf::new(bench.inputs);
    let at = AttentionPointers {
        q: inputs.take(queries)?,
        k: inputs.take(keys)?,
        v: inputs.take(keys)?,
        out: Shelf::new(bench.results).take(queries)?,
        ..AttentionPointers::default()
    };
    let launch = launch::prefill_attention(shape, at);
    bench.poison(at.out, queries)?;
    bench.launch(&launch)?;
    let error = prefill_error(bench, shape, at)?;
    let timing = time(&bench.gpu, bench.effort, 1, &mut |_| bench.launch(&launch))?;
    Ok(Measured::checked(timing, error, TOLERANCE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_belongs_to_one_sequence() {
        for (batch, context, copies) in [(1, 1, 1), (3, 100, 2), (2, 512, 5), (4, 65_536, 1)] {
            let shape = Decode { batch, context, heads: 8, kv_heads: 2, size: 64 };
            let mut pages = page_numbers(shape, copies);
            let per_sequence = shape.pages() as usize;
            for (number, sequence) in pages.chunks(per_sequence).enumerate() {
                let range = number * per_sequence..(number + 1) * per_sequence;
                assert!(sequence.iter().all(|page| range.contains(&(*page as usize))), "sequence {number}");
            }
            pages.sort_unstable();
            assert!(pages.iter().enumerate().all(|(i, page)| i == *page as usize), "{batch} {context} {copies}");
        }
    }
}
