//! Memory of a replica: weights, and what remains for keys and values.

use super::Deployment;
use crate::compute::Format;

/// Tokens of a block of keys and values (vLLM's default; Kwon et al. 2023).
pub const BLOCK_TOKENS: f64 = 16.0;
/// Share of a device's memory that published runs let engines use: above vLLM's default of 0.90 (our assumption).
pub const USABLE: f64 = 0.94;
/// Bytes for activations, graphs and communication buffers of a device (our assumption from engines' logs).
pub const WORKSPACE: f64 = 2.0e9;

/// Memory of the fullest device of a replica.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Memory {
    /// Weights of a device \[B\].
    pub weights: f64,
    /// Room for keys and values of a device \[B\]; negative where weights alone do not fit.
    pub cache: f64,
    /// Keys and values of one token on a device \[B\].
    pub token: f64,
    /// State of one request on a device that does not grow with its length (linear attention, full windows) \[B\].
    pub request: f64,
    /// Blocks that fit a device.
    pub blocks: f64,
    /// Tokens that fit the whole replica, if requests kept nothing else.
    pub tokens: f64,
}

/// By how much a model does not fit.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Shortage {
    /// Missing on each device \[B\].
    pub bytes: f64,
    /// Fewest devices of this kind over which it would fit, cut by tensors and experts alone.
    pub devices: f64,
}

impl Deployment<'_> {
    /// Weights of a device when a layer is cut over `tensor`, `data` and `pipeline` \[B\].
    fn weights_bytes(&self, tensor: f64, group: f64, pipeline: f64) -> f64 {
        let it = self.architecture;
        let dense = it.layers - it.expert_layers();
        let attention = it.layers * it.attention_parameters() / tensor;
        let feed_forward = dense * it.matrices * it.hidden * it.inner / tensor;
        let (shared, routed) = it.experts.map_or((0.0, 0.0), |experts| {
            let matrix = it.expert_layers() * it.matrices * it.hidden;
            (matrix * experts.shared_inner / tensor, matrix * experts.count * experts.inner / group)
        });
        ((attention + feed_forward + shared) * self.weights.bytes() + routed * self.experts.bytes()) / pipeline
            + it.embedding_parameters() * Format::Bf16.bytes() / tensor
    }

    /// Memory of the fullest device.
    ///
    /// # Errors
    /// [`Shortage`] where not even one block fits beside the weights.
    pub fn memory(&self) -> Result<Memory, Shortage> {
        let (it, layout) = (self.architecture, self.layout);
        let attention = &it.attention;
        let capacity = self.device.memory.as_bytes() * USABLE - WORKSPACE;
        let weights = self.weights_bytes(layout.tensor, layout.expert_group(), layout.pipeline);
        let stage = it.layers / layout.pipeline;
        // A device keeps whole heads; the latent of latent attention is not cut.
        let layer = attention.latent.map_or_else(
            || 2.0 * (attention.kv_heads / layout.tensor).max(1.0) * attention.head_size,
            |latent| latent.kv_rank + latent.rope_size,
        ) * self.cache.bytes();
        let full = stage * (1.0 - attention.linear_share - attention.windowed_share).max(0.0);
        let token = full * layer;
        let request = stage
            * (attention.linear_share * self.linear_state() / layout.tensor
                + attention.windowed_share * attention.window.unwrap_or(0.0) * layer);
        let cache = capacity - weights;
        let missing = token * BLOCK_TOKENS + request - cache;
        if missing > 0.0 {
            let fits = |devices: f64| self.weights_bytes(devices, devices, 1.0) + request < capacity;
            let devices = (0..20).map(|power| f64::from(1 << power)).find(|devices| fits(*devices)).unwrap_or(f64::INFINITY);
            return Err(Shortage { bytes: missing, devices: devices.max(layout.devices() + 1.0) });
        }
        let blocks = if token > 0.0 { (cache / (token * BLOCK_TOKENS)).floor() } else { f64::INFINITY };
        Ok(Memory { weights, cache, token, request, blocks, tokens: blocks * BLOCK_TOKENS * layout.data })
    }

    /// Requests of a mean context that fit the replica at once; 0 where the model does not fit.
    #[must_use]
    pub fn room(&self, context: f64) -> f64 {
        self.memory().map_or(0.0, |memory| {
            let blocks = (context / BLOCK_TOKENS).ceil() * BLOCK_TOKENS;
            (memory.cache / (blocks * memory.token + memory.request).max(1.0)).floor() * self.layout.data
        })
    }
}
