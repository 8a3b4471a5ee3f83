//! Time of one dense matrix product.

use super::{Device, Format};

/// A product of an `m x k` with a `k x n` matrix: `m` tokens through a layer of `k` inputs and `n` outputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Product {
    /// Rows: tokens. Averages over steps need not be whole.
    pub m: f64,
    /// Columns: outputs of the layer.
    pub n: f64,
    /// Depth: inputs of the layer.
    pub k: f64,
    /// Format of weights and activations; 4-bit integers are weights alone.
    pub format: Format,
}

impl Product {
    /// Floating-point operations.
    #[must_use]
    pub fn flop(&self) -> f64 {
        2.0 * self.m * self.n * self.k
    }

    /// Bytes that the product must at least move: weights and activations in, 16-bit results out.
    #[must_use]
    pub fn bytes(&self) -> f64 {
        let activation = if self.format == Format::Int4 { 2.0 } else { self.format.bytes() };
        self.n * self.k * self.format.bytes() + self.m * self.k * activation + self.m * self.n * 2.0
    }
}

/// Time of a product on a device \[s\].
#[must_use]
pub fn gemm_time(device: &Device, product: Product) -> f64 {
    // Shares of the data sheet that large products and streaming reads reach, and the launch of a kernel: starting values.
    let compute = product.flop() / (device.peak(product.format).as_flop_per_s() * 0.75);
    let memory = product.bytes() / (device.memory_bandwidth.as_gb_per_s() * 1e9 * 0.82);
    compute.max(memory) + 3e-6
}
