//! Decode of latent attention (DeepSeek-AI 2024, DeepSeek-V2, section 2.1): one latent of each token is key and value of all
//! query heads.

use super::machine::{Machine, soft_max4};
use super::positive;
use crate::compute::{Device, Format};

/// Latent attention of one layer on one device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latent {
    /// Query heads on this device.
    pub query: f64,
    /// Numbers of the latent that are also the value (512).
    pub latent: f64,
    /// Numbers of the key that carry the position (64).
    pub position: f64,
    /// Format of the cache.
    pub cache: Format,
}

/// Share of memory bandwidth: 3,000 of 3,350 GB/s on an H800 (deepseek-ai/FlashMLA, README, 2025).
const MEMORY: f64 = 0.895;
/// Share of the 16-bit peak: 660 of 989 TFLOP/s on an H800 (deepseek-ai/FlashMLA, README, 2025).
const PRODUCTS: f64 = 0.667;
/// Launch, scheduling and joining of the split sequences, beside products and memory \[us\].
const LAUNCH: f64 = 9.0;
/// Query rows of a tile: fewer heads leave the rest of it idle.
const TILE: f64 = 64.0;

/// Time of one layer's latent attention of `batch` requests over `context` kept tokens each \[s\], with `tokens` query tokens
/// for each request (above one with speculation).
#[must_use]
pub fn latent_attention_time(device: &Device, heads: Latent, batch: f64, context: f64, tokens: f64) -> f64 {
    let machine = Machine::of(device);
    let (batch, context) = (positive(batch, 1e9), positive(context, 1e9));
    let (latent, position) = (positive(heads.latent, 1e5), positive(heads.position, 1e5));
    let rows = (positive(heads.query, 1e5) * positive(tokens, 1e4) / TILE).ceil() * TILE;
    let bytes = batch * context * (latent + position) * heads.cache.bytes();
    // Whoever reads, few requests cannot fill the device: a block for every 64 keys and every tile of queries.
    let filled = (batch * (context / 64.0).ceil() * rows / TILE / machine.multiprocessors).min(1.0);
    let flop = 2.0 * batch * rows * context * (2.0 * latent + position);
    let memory = machine.read(bytes, MEMORY, 1.0, false) / filled;
    // Products run in 16 bits whatever the cache is.
    let products = flop / (device.peak(Format::Bf16).as_flop_per_s().max(1.0) * PRODUCTS) * 1e6 / filled;
    (LAUNCH * machine.launch + soft_max4(memory, products)) * 1e-6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::device;

    #[test]
    fn the_latent_is_read_once_for_all_heads() {
        let device = device("h800").or_else(|| device("h100")).unwrap().1;
        let heads = Latent { query: 16.0, latent: 512.0, position: 64.0, cache: Format::Bf16 };
        // 128 requests over 8,192 tokens: 1.208 GB at 3,000 of 3,350 GB/s are 403 us; heads that share a tile of 64 are free.
        let time = latent_attention_time(device, heads, 128.0, 8192.0, 1.0);
        assert!((390e-6..470e-6).contains(&time), "{time}");
        let four = latent_attention_time(device, Latent { query: 64.0, ..heads }, 128.0, 8192.0, 1.0);
        assert_eq!(time, four);
        // 128 heads: 2 x 128 x 128 x 8192 x 1088 FLOP = 292 GFLOP at 660 TFLOP/s are 443 us, beside the memory.
        let all = latent_attention_time(device, Latent { query: 128.0, ..heads }, 128.0, 8192.0, 1.0);
        assert!((443e-6..560e-6).contains(&all), "{all}");
    }
}
