//! Inference over a pipeline of distant stages: every token passes all of them, and waits on the way.

/// A model in the memory of several servers that a token passes in turn (Borzunov et al. 2022, Petals, arXiv 2209.01188).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DecodeChain {
    /// Servers.
    pub servers: f64,
    /// Layers of the model.
    pub layers: f64,
    /// Time of a layer beyond reading its weights: kernels launched one by one \[s\].
    pub layer_overhead: f64,
    /// Bytes of a layer's weights (B).
    pub layer_bytes: f64,
    /// Bandwidth at which a server reads weights \[B/s\].
    pub bandwidth: f64,
    /// Bytes of keys and values of the whole context, over all layers (B).
    pub context_bytes: f64,
    /// Bandwidth at which a server reads keys and values \[B/s\].
    pub context_bandwidth: f64,
    /// Time a server takes for a request beside its layers: unpacking, queueing, checking \[s\].
    pub server_overhead: f64,
    /// Round-trip time between two servers, or the client and one \[s\].
    pub round_trip: f64,
    /// Bytes of one token's hidden state (B).
    pub state_bytes: f64,
    /// Bandwidth of a link \[bit/s\].
    pub link: f64,
}

impl DecodeChain {
    /// Time of one token \[s\]: client to server to server and back are `servers + 1` hops of half a round trip; the hidden
    /// state is sent on each.
    #[must_use]
    pub fn token_time(&self) -> f64 {
        let hops = self.servers + 1.0;
        self.layers * (self.layer_overhead + self.layer_bytes / self.bandwidth)
            + self.context_bytes / self.context_bandwidth
            + self.servers * self.server_overhead
            + hops * (0.5 * self.round_trip + 8.0 * self.state_bytes / self.link)
    }
}

/// Micro-batches per second that leave a decode pipeline: `micro_batches` go round `stages` that each take `stage_time` \[s\] and
/// are `hop` \[s\] apart (the last next to the first again). One comes back to the first stage after `stages (stage_time + hop)`, in
/// which a stage can serve `micro_batches` of them: the rest is bubble.
#[must_use]
pub fn pipeline_rate(stages: f64, micro_batches: f64, stage_time: f64, hop: f64) -> f64 {
    let round = stages * (stage_time + hop);
    micro_batches / round.max(micro_batches * stage_time)
}

/// Share of the throughput that a pipeline loses when its stages are `hop` \[s\] apart instead of next to each other, with as many
/// micro-batches under way. With as many micro-batches as stages, which is what vLLM keeps, it is `hop / (stage_time + hop)`:
/// 25 ms between two regions and 18 ms for a stage lose 58 %.
#[must_use]
pub fn pipeline_loss(stages: f64, micro_batches: f64, stage_time: f64, hop: f64) -> f64 {
    1.0 - pipeline_rate(stages, micro_batches, stage_time, hop) / pipeline_rate(stages, micro_batches, stage_time, 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipeline_over_two_regions_loses_58_percent() {
        assert!((pipeline_loss(2.0, 2.0, 0.018, 0.025) - 25.0 / 43.0).abs() < 1e-12);
        // Twice as many micro-batches halve what is missing; enough of them fill the bubble.
        assert!((pipeline_loss(2.0, 4.0, 0.018, 0.025) - (1.0 - 2.0 * 18.0 / 43.0)).abs() < 1e-12);
        assert!(pipeline_loss(2.0, 5.0, 0.018, 0.025).abs() < 1e-12);
    }

    #[test]
    fn a_token_by_hand() {
        let it = DecodeChain {
            servers: 3.0,
            layers: 70.0,
            layer_overhead: 0.005,
            layer_bytes: 2.5e9,
            bandwidth: 1.25e12,
            context_bytes: 0.0,
            context_bandwidth: 1e11,
            server_overhead: 0.02,
            round_trip: 0.005,
            state_bytes: 28_672.0,
            link: 1e8,
        };
        // 70 * 7 ms + 60 ms + 4 * (2.5 ms + 2.29 ms).
        assert!((it.token_time() - (0.49 + 0.06 + 4.0 * (0.0025 + 0.002_293_76))).abs() < 1e-9);
    }
}
