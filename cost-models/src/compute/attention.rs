//! Time of attention over keys and values.

use super::{Device, Format};

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

/// Time of one layer's attention of `batch` prompts of `length` tokens each, after `past` tokens that are already kept \[s\].
#[must_use]
pub fn prefill_attention_time(device: &Device, heads: Heads, batch: f64, length: f64, past: f64) -> f64 {
    let seen = (past + length / 2.0).min(heads.window);
    let flop = 4.0 * batch * length * seen * heads.query * heads.size;
    flop / (device.peak(heads.format).as_flop_per_s() * 0.5) + 5e-6
}

/// Time of one layer's attention of `batch` tokens, one for each request, over `context` kept tokens each \[s\].
#[must_use]
pub fn decode_attention_time(device: &Device, heads: Heads, batch: f64, context: f64) -> f64 {
    let bytes = 2.0 * batch * context.min(heads.window) * heads.key_value * heads.size * heads.cache.bytes();
    bytes / (device.memory_bandwidth.as_gb_per_s() * 1e9 * 0.7) + 5e-6
}
