//! One stream of llama.cpp: prompts and decoding at batch one, layers split over boards, and whether it fits.

use serde::{Deserialize, Serialize};

use super::stacked_memory;
use crate::compute::{Architecture, Device, Generation, Term};

/// Shares of the data sheet that llama.cpp reaches.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalParameters {
    /// Share of the bandwidth of GDDR and LPDDR memory that matrix-vector products reach.
    pub bandwidth: f64,
    /// The same of stacked memory, which one stream does not fill.
    pub bandwidth_stacked: f64,
    /// Kernels of a layer in decoding \[s\].
    pub layer: f64,
    /// From one board to the next \[s\].
    pub hop: f64,
    /// Share of the 16-bit peak, with 16-bit sums, of products in prompts.
    pub matrix: f64,
    /// Operations for each joule of the board's limit, Samsung 8 nm and older [FLOP/J].
    pub work_8nm: f64,
    /// The same, TSMC 7 nm and newer [FLOP/J].
    pub work_7nm: f64,
    /// Passes over the 16-bit weights that unpacking quantised ones costs for each part of a prompt.
    pub unpacking: f64,
    /// Time of a prompt's part in a layer beside its products \[s\].
    pub prompt_layer: f64,
    /// From one board to the next, for each part of a prompt \[s\].
    pub prompt_hop: f64,
}

/// Tokens of a prompt that llama.cpp multiplies at once (`n_ubatch`, its default).
const PART: f64 = 512.0;
/// What the runtime keeps of a board, and buffers of the graph on each \[B\] (llama.cpp's logs: 0.3 to 0.6 GiB for both).
const RUNTIME: f64 = 0.45e9;

/// Boards that share the layers of a model.
#[derive(Clone, Copy, Debug)]
pub struct Boards<'a> {
    /// Kind of the boards.
    pub device: &'a Device,
    /// Model.
    pub architecture: &'a Architecture,
    /// Boards.
    pub count: f64,
    /// Bits of a weight, scales included.
    pub bits: f64,
}

impl Boards<'_> {
    /// Weights \[B\].
    #[must_use]
    pub fn weights(&self) -> f64 {
        self.architecture.shape_parameters() * self.bits / 8.0
    }

    /// What a model of `context` tokens needs, over what the boards have: fits up to 1.
    #[must_use]
    pub fn load(&self, context: f64) -> f64 {
        let memory = self.device.memory.as_bytes();
        // Metal's recommended working set: two thirds of memory up to 36 GiB, three quarters above.
        let usable = match self.device.generation {
            Generation::Apple if memory <= 36.5 * 1_073_741_824.0 => memory * 2.0 / 3.0,
            Generation::Apple => memory * 0.75,
            _ => memory,
        };
        let need = self.weights() + 2.0 * self.architecture.kept_per_token() * context + RUNTIME * self.count;
        need / (usable * self.count).max(1.0)
    }

    /// Numbers that a token multiplies with, without the look-up of its embedding.
    fn token_weights(&self) -> f64 {
        self.architecture.token_parameters()
    }

    /// Bandwidth that matrix-vector products reach [B/s].
    fn bandwidth(&self, fitted: &LocalParameters) -> f64 {
        let share = if stacked_memory(self.device) { fitted.bandwidth_stacked } else { fitted.bandwidth };
        self.device.memory_bandwidth.as_gb_per_s() * 1e9 * share
    }

    /// Time of one token at a mean context, by part \[s\].
    #[must_use]
    pub fn decode(&self, context: f64, fitted: &LocalParameters) -> Vec<Term> {
        let bytes = self.token_weights() * self.bits / 8.0 + 2.0 * self.architecture.kept_per_token() * context;
        terms([
            ("weights and cache", bytes / self.bandwidth(fitted), "bytes / bandwidth"),
            ("kernels", self.architecture.layers * fitted.layer, "layers * a"),
            ("hops", (self.count - 1.0).max(0.0) * fitted.hop, "(boards - 1) * a"),
        ])
    }

    /// Time of a prompt by part \[s\]. Parts of a prompt follow each other through the boards.
    #[must_use]
    pub fn prompt(&self, tokens: f64, fitted: &LocalParameters) -> Vec<Term> {
        let it = self.architecture;
        let parts = (tokens / PART).ceil().max(1.0);
        let attended = 4.0 * tokens * tokens / 2.0 * it.attention.heads * it.attention.head_size * it.layers;
        let work = 2.0 * tokens * (self.token_weights() - it.vocabulary * it.hidden) + attended;
        let device = self.device;
        // Sums of 16 bits run at half the 8-bit integer rate, also on boards that slow down sums of 32 bits.
        let peak = device.peak_int8.map_or(device.peak_16bit.as_flop_per_s(), |it| it.as_flop_per_s() / 2.0);
        let old = device.generation <= Generation::Turing || (device.generation == Generation::Ampere && !stacked_memory(device));
        let joule = if old { fitted.work_8nm } else { fitted.work_7nm };
        let unpacked = if self.bits < 15.5 { fitted.unpacking * parts * 2.0 * self.token_weights() } else { 0.0 };
        // Two parts on four boards take 5 / 8 of the time of one board: (parts + boards - 1) / (parts * boards).
        let share = (parts + self.count - 1.0) / (parts * self.count.max(1.0));
        terms([
            ("products", share * work / (peak * fitted.matrix), "operations / peak"),
            ("power", share * work / (device.board_power.as_w() * joule), "operations / (power * operations per joule)"),
            ("unpacking", share * unpacked / (device.memory_bandwidth.as_gb_per_s() * 1e9), "parts * weights / bandwidth"),
            ("kernels", share * parts * it.layers * fitted.prompt_layer, "parts * layers * a"),
            ("hops", (self.count - 1.0).max(0.0) * parts * fitted.prompt_hop, "parts * (boards - 1) * a"),
        ])
    }
}

fn terms<const N: usize>(parts: [(&'static str, f64, &'static str); N]) -> Vec<Term> {
    parts
        .into_iter()
        .filter(|(_, seconds, _)| *seconds > 0.0)
        .map(|(name, seconds, formula)| Term { name, seconds, formula, source: "fitted: data/throughput/inference.toml" })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::{architecture, device};

    fn boards(device_name: &str, model: &str, count: f64, bits: f64) -> Boards<'static> {
        Boards { device: device(device_name).unwrap().1, architecture: architecture(model).unwrap().1, count, bits }
    }

    #[test]
    fn sixteen_gigabytes_hold_eight_billion_weights() {
        // 8.03e9 weights of 2 B are 16.06 GB; with 1,024 tokens of 131 kB and the runtime 16.64 GB of 17.17.
        let load = boards("4080", "Llama-3-8B", 1.0, 16.0).load(1024.0);
        assert!((load - 16.64 / 17.17).abs() < 0.005, "{load}");
        assert!(boards("4070 Ti", "Llama-3-8B", 1.0, 16.0).load(1024.0) > 1.0);
        assert!(boards("4090", "Llama-3-70B", 1.0, 4.85).load(1024.0) > 1.0);
        assert!(boards("4090", "Llama-3-70B", 2.0, 4.85).load(1024.0) < 1.0);
    }

    #[test]
    fn a_token_reads_the_weights_once() {
        let fitted = LocalParameters {
            bandwidth: 1.0,
            bandwidth_stacked: 1.0,
            layer: 1e-4,
            hop: 1e-3,
            matrix: 1.0,
            work_8nm: 1e15,
            work_7nm: 1e15,
            unpacking: 0.0,
            prompt_layer: 0.0,
            prompt_hop: 0.0,
        };
        // 7.5e9 weights of 2 B at 1.008 TB/s: 14.9 ms; 32 layers of 0.1 ms; one hop of 1 ms.
        let it = boards("4090", "Llama-3-8B", 2.0, 16.0);
        let seconds: f64 = it.decode(0.0, &fitted).iter().map(|term| term.seconds).sum();
        assert!((seconds - (2.0 * 7.505e9 / 1.008e12 + 3.2e-3 + 1e-3)).abs() < 2e-5, "{seconds}");
        // 1,024 tokens in two parts over two boards: 3 / 4 of the products on one, at 330 TFLOP/s.
        let prompt = it.prompt(1024.0, &fitted);
        let one = boards("4090", "Llama-3-8B", 1.0, 16.0).prompt(1024.0, &fitted);
        assert!((prompt[0].seconds / one[0].seconds - 0.75).abs() < 1e-9);
    }
}
