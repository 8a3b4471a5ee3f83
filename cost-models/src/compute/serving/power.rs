//! Power of a replica.
//!
//! ```text
//! P = idle + (limit - idle) * min(1, s * bytes / (t * bandwidth) + m * flop / (t * peak))
//! ```
//!
//! Beyond idle, devices draw a part that follows how busy memory is and a part that follows how busy the matrix units are. Patel et al. 2024 (POLCA, ASPLOS) measured on servers of the A100 and H100 kind: idle near a fifth of the limit,
//! prompts near the limit, decoding at half to two thirds of it; the constants are read off these figures.

use super::{Batch, Deployment, Latency, Lengths};
use crate::compute::Format;

/// Share of the dynamic power at full memory bandwidth.
pub const STREAM_SHARE: f64 = 0.65;
/// Share of the dynamic power at the data sheet's matrix peak: large products, which sustain some 60 % of it, draw the limit.
pub const MATRIX_SHARE: f64 = 1.6;

/// What a step computes and moves, over the whole replica.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Work {
    /// Floating-point operations.
    pub flop: f64,
    /// Bytes read from memory.
    pub bytes: f64,
}

impl Deployment<'_> {
    /// What a step computes and moves.
    #[must_use]
    pub fn work(&self, batch: &Batch) -> Work {
        let it = self.architecture;
        let tokens = batch.tokens();
        if tokens.is_nan() || tokens <= 0.0 {
            return Work::default();
        }
        let attended = batch.kept + batch.attended;
        let flop = 2.0 * tokens * it.token_parameters() + 4.0 * attended * it.layers * it.attention.heads * it.attention.head_size;
        let touched = it.experts.map_or(0.0, |experts| {
            let share = 1.0 - (1.0 - experts.per_token / experts.count.max(1.0)).powf(tokens);
            it.expert_layers() * it.matrices * it.hidden * experts.inner * experts.count * share * self.experts.bytes()
        });
        let routed = it.experts.map_or(0.0, |experts| it.expert_layers() * it.matrices * it.hidden * experts.inner * experts.per_token);
        // Data-parallel attention reads its weights in every group.
        let dense = (it.token_parameters() - routed - it.vocabulary * it.hidden).max(0.0) * self.weights.bytes() * self.layout.data;
        let head = it.vocabulary * it.hidden * Format::Bf16.bytes();
        let kept = it.kept_per_token() * self.cache.bytes() * batch.kept;
        Work { flop, bytes: touched + dense + head + kept }
    }

    /// Power between idle (0) and full (1) of a replica at these latencies.
    #[must_use]
    pub fn activity(&self, latency: &Latency, lengths: Lengths) -> f64 {
        if !(latency.rate > 0.0 && latency.decoding > 0.0) {
            return 0.0;
        }
        let decode = self.work(&Batch::decode(latency.decoding, lengths.prompt + lengths.output / 2.0));
        let prompt = self.work(&Batch::prompts(1.0, lengths.prompt));
        // In a second: steps of all that decode, and prompts, whose weights are read with the step beside them.
        let steps = latency.rate * lengths.output / latency.decoding;
        let devices = self.layout.devices();
        let stream = decode.bytes * steps / (devices * self.device.memory_bandwidth.as_gb_per_s() * 1e9);
        let flop = decode.flop * steps + prompt.flop * latency.rate;
        let matrix = flop / (devices * self.device.peak(self.weights).as_flop_per_s());
        (STREAM_SHARE * stream + MATRIX_SHARE * matrix).clamp(0.0, 1.0)
    }
}
