//! Power of a replica.
//!
//! ```text
//! P = limit * (i + (1 - i) * min(1, s * bytes / (t * bandwidth) + m * flop / (t * peak)))
//! ```
//!
//! Devices draw an idle share `i`, a part that follows how busy memory is and a part that follows how busy the matrix units
//! are. Patel et al. 2024 (POLCA, ASPLOS) measured on servers of the A100 and H100 kind: idle near a fifth of the limit,
//! prompts near the limit, decoding at half to two thirds of it; the constants are read off these figures.

use super::{Batch, Deployment};
use crate::compute::Format;

/// Share of the board's power limit that a loaded but idle device draws.
pub const IDLE_SHARE: f64 = 0.18;
/// Share of the dynamic power at full memory bandwidth.
pub const STREAM_SHARE: f64 = 0.65;
/// Share of the dynamic power at half the data sheet's matrix peak, which large products sustain; in inverse.
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

    /// Power of one device that does `work` in `seconds`, shared with the others of its replica \[W\].
    #[must_use]
    pub fn device_power(&self, work: Work, seconds: f64) -> f64 {
        let limit = self.device.board_power.as_w();
        let devices = self.layout.devices();
        let busy = if seconds > 0.0 {
            let stream = work.bytes / (seconds * devices * self.device.memory_bandwidth.as_gb_per_s() * 1e9);
            let matrix = work.flop / (seconds * devices * self.device.peak(self.weights).as_flop_per_s());
            (STREAM_SHARE * stream + MATRIX_SHARE * matrix).clamp(0.0, 1.0)
        } else {
            0.0
        };
        limit * (IDLE_SHARE + (1.0 - IDLE_SHARE) * busy)
    }
}
