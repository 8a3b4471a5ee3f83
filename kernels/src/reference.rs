//! The same results in double precision on the CPU, by the plainest loops: what every measured kernel is checked against.

use crate::launch::{Decode, Prefill};

/// A bf16 as its number.
pub(crate) fn bf16(bits: u16) -> f64 {
    f64::from(f32::from_bits(u32::from(bits) << 16))
}

/// An E4M3 as its number (Micikevicius et al. 2022).
pub(crate) fn e4m3(bits: u8) -> f64 {
    let sign = if bits & 0x80 == 0 { 1.0 } else { -1.0 };
    let (exponent, mantissa) = (i32::from(bits >> 3 & 15), f64::from(bits & 7));
    if bits & 0x7f == 0x7f {
        f64::NAN
    } else if exponent == 0 {
        sign * mantissa / 512.0
    } else {
        sign * (1.0 + mantissa / 8.0) * 2f64.powi(exponent - 7)
    }
}

/// ||measured - exact|| / ||exact|| over a sample of a result; NaN where anything measured is.
pub(crate) fn error(measured: &[f64], exact: &[f64]) -> f64 {
    let difference: f64 = measured.iter().zip(exact).map(|(a, b)| (a - b).powi(2)).sum();
    let norm: f64 = exact.iter().map(|b| b * b).sum();
    (difference / norm.max(f64::MIN_POSITIVE)).sqrt()
}

/// Softmax of scores times rows of values.
fn attend(scores: &[f64], value: impl Fn(usize, usize) -> f64, size: usize) -> Vec<f64> {
    let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = scores.iter().map(|s| (s - top).exp()).collect();
    let total: f64 = weights.iter().sum();
    (0..size).map(|d| weights.iter().enumerate().map(|(i, w)| w * value(i, d)).sum::<f64>() / total).collect()
}

/// One head of one sequence of a decode attention; `q` is that head's query, `rows` give (keys, values) of a token.
pub(crate) fn decode_row(shape: Decode, q: &[f64], key: impl Fn(usize, usize) -> f64, value: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let size = shape.size as usize;
    let scores: Vec<f64> =
        (0..shape.context as usize).map(|token| (0..size).map(|d| q[d] * key(token, d)).sum::<f64>() / (size as f64).sqrt()).collect();
    attend(&scores, value, size)
}

#[cfg(test)]
/// Position of (token, dimension) of one key head in a paged cache.
pub(crate) fn cache_at(shape: Decode, pages: &[u32], kv_head: usize, token: usize, d: usize) -> usize {
    let (page, kv_heads, size) = (crate::launch::PAGE as usize, shape.kv_heads as usize, shape.size as usize);
    ((pages[token / page] as usize * page + token % page) * kv_heads + kv_head) * size + d
}

/// One row of one head of a causal attention.
pub(crate) fn prefill_row(
    shape: Prefill,
    q: &[f64],
    row: usize,
    key: impl Fn(usize, usize) -> f64,
    value: impl Fn(usize, usize) -> f64,
) -> Vec<f64> {
    let size = shape.size as usize;
    let scores: Vec<f64> = (0..=row).map(|token| (0..size).map(|d| q[d] * key(token, d)).sum::<f64>() / (size as f64).sqrt()).collect();
    attend(&scores, value, size)
}

/// Gradients (dQ, dK, dV) of one head of a causal attention with as many key heads as query heads; all \[row\]\[dimension\].
#[cfg(test)]
pub(crate) fn prefill_gradients(q: &[Vec<f64>], k: &[Vec<f64>], v: &[Vec<f64>], d_out: &[Vec<f64>]) -> [Vec<Vec<f64>>; 3] {
    let (length, size) = (q.len(), q[0].len());
    let scale = 1.0 / (size as f64).sqrt();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let zero = vec![vec![0.0; size]; length];
    let [mut d_q, mut d_k, mut d_v] = [zero.clone(), zero.clone(), zero];
    for i in 0..length {
        let scores: Vec<f64> = (0..=i).map(|j| dot(&q[i], &k[j]) * scale).collect();
        let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = scores.iter().map(|s| (s - top).exp()).sum();
        let p: Vec<f64> = scores.iter().map(|s| (s - top).exp() / total).collect();
        let dp: Vec<f64> = (0..=i).map(|j| dot(&d_out[i], &v[j])).collect();
        let delta = dot(&p, &dp);
        for j in 0..=i {
            let ds = p[j] * (dp[j] - delta) * scale;
            for d in 0..size {
                d_q[i][d] += ds * k[j][d];
                d_k[j][d] += ds * q[i][d];
                d_v[j][d] += p[j] * d_out[i][d];
            }
        }
    }
    [d_q, d_k, d_v]
}
