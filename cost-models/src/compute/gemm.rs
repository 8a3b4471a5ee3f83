//! Time of one dense matrix product.
//!
//! ```text
//! gemm.toml --> GemmLibrary --(device, kernel)--> GemmModel --(m, n, k)--> seconds
//!               fitted kernels and                tile roofline x ratio
//!               facts of generations
//! ```
//!
//! A launch of tiles on the multiprocessors (`model`), times a smooth ratio that measured points carry where the launch model is
//! systematically off (`ratio`); parameters by kernel and chip generation, and how they carry over to other chips (`library`).

pub mod library;
pub mod model;
pub mod ratio;

pub use library::{FittedGemm, GemmLibrary, GenerationFacts, MeasuredDevice, Spread};
pub use model::{GemmModel, GemmParameters};
pub use ratio::{RatioPoint, RatioSurface};

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

/// What runs on the matrix units, and how numbers reach them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GemmKernel {
    /// 16-bit numbers.
    Bf16,
    /// 32-bit numbers in TF32 units.
    Fp32,
    /// 8-bit floating point with scales by tensor; activations are quantised first.
    Fp8,
    /// 8-bit floating point with scales by block; activations are quantised first.
    Fp8Block,
    /// 4-bit floating point; activations are quantised first.
    Fp4,
    /// 8-bit integers on both sides.
    Int8,
    /// 8-bit integer weights that are widened to 16 bits on the way.
    Int8Weights,
    /// 4-bit integer weights that are widened to 16 bits on the way.
    Int4Weights,
}

impl GemmKernel {
    /// The kernel that multiplies in a format.
    #[must_use]
    pub fn of(format: Format) -> Self {
        match format {
            Format::Fp4 => Self::Fp4,
            Format::Int4 => Self::Int4Weights,
            Format::Fp8 => Self::Fp8,
            Format::Fp8Block => Self::Fp8Block,
            Format::Int8 => Self::Int8,
            Format::Bf16 => Self::Bf16,
            Format::Fp32 => Self::Fp32,
        }
    }

    /// Reads the words of published kernel tables: `int8_wo` multiplies 8-bit weights in 16 bits, `sq` (SmoothQuant) in 8.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word.trim().to_ascii_lowercase().as_str() {
            "int8_wo" | "w8a16" => Some(Self::Int8Weights),
            _ => Format::parse(word).map(Self::of),
        }
    }

    /// Format of the weights in memory.
    #[must_use]
    pub fn weights(self) -> Format {
        match self {
            Self::Bf16 => Format::Bf16,
            Self::Fp32 => Format::Fp32,
            Self::Fp8 => Format::Fp8,
            Self::Fp8Block => Format::Fp8Block,
            Self::Fp4 => Format::Fp4,
            Self::Int8 | Self::Int8Weights => Format::Int8,
            Self::Int4Weights => Format::Int4,
        }
    }

    /// Format that the matrix units multiply, and of the activations.
    #[must_use]
    pub fn operands(self) -> Format {
        match self {
            Self::Int8Weights | Self::Int4Weights => Format::Bf16,
            _ => self.weights(),
        }
    }

    /// The measured kernel that is most like this one, for chips and formats that nobody measured.
    #[must_use]
    pub fn like(self) -> &'static [Self] {
        match self {
            Self::Bf16 => &[Self::Bf16, Self::Fp8],
            Self::Fp32 => &[Self::Fp32, Self::Bf16],
            Self::Fp8 => &[Self::Fp8, Self::Int8, Self::Bf16],
            Self::Fp8Block => &[Self::Fp8Block, Self::Fp8, Self::Bf16],
            Self::Fp4 => &[Self::Fp4, Self::Fp8, Self::Bf16],
            Self::Int8 => &[Self::Int8, Self::Fp8, Self::Bf16],
            Self::Int8Weights => &[Self::Int8Weights, Self::Int4Weights, Self::Bf16],
            Self::Int4Weights => &[Self::Int4Weights, Self::Int8Weights, Self::Bf16],
        }
    }
}

/// Time of a product on a device \[s\], its weights in memory and not in the cache, as in a model whose other layers ran in
/// between. [`GemmModel`] saves the look-up for those who ask often.
#[must_use]
pub fn gemm_time(device: &Device, product: Product) -> f64 {
    GemmModel::of(device, product.format).cold().time(product.m, product.n, product.k)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::{device, devices};

    #[test]
    fn every_device_and_format_has_a_time_that_grows() {
        for (name, it) in devices() {
            for format in [Format::Fp4, Format::Int4, Format::Fp8, Format::Fp8Block, Format::Int8, Format::Bf16, Format::Fp32] {
                let model = GemmModel::of(it, format).cold();
                let time = |m: f64, n: f64, k: f64| gemm_time(it, Product { m, n, k, format });
                for (n, k) in [(1.0, 1.0), (512.0, 8192.0), (8192.0, 8192.0), (1e6, 1e5)] {
                    let mut last = 0.0;
                    for m in [1e-9, 0.5, 1.0, 16.0, 256.0, 4096.0, 65536.0, 1e9] {
                        let seconds = time(m, n, k);
                        assert!(seconds.is_finite() && seconds > 0.0, "{name} {format:?} {m} {n} {k}: {seconds}");
                        assert!(seconds > last * 0.75, "{name} {format:?} {m} {n} {k}: {seconds} after {last}");
                        assert_eq!(seconds, model.time(m, n, k));
                        last = seconds;
                    }
                }
                // Nothing beats the data sheet: 8192^3 takes at least its operations at peak.
                let peak = 2.0 * 8192_f64.powi(3) / it.peak(format).as_flop_per_s();
                let seconds = time(8192.0, 8192.0, 8192.0);
                assert!((peak..peak * 6.0).contains(&seconds), "{name} {format:?}: {} of peak", peak / seconds);
            }
        }
    }

    #[test]
    fn published_products_come_out() {
        // Achievable 16-bit rates, ml-engineering 744d01e, accelerator/README.md (maximum over shapes, so ours may be slower):
        // H200 794.5 TFLOP/s at 2048 x 2048 x 13312, A100 SXM 271.2 TFLOP/s.
        let rate = |name: &str, m: f64, n: f64, k: f64| {
            let it = device(name).unwrap().1;
            2.0 * m * n * k / GemmModel::of(it, Format::Bf16).time(m, n, k) / 1e12
        };
        let h200 = rate("h200", 2048.0, 2048.0, 13312.0);
        assert!((0.75..1.05).contains(&(h200 / 794.5)), "{h200}");
        let a100 = rate("a100", 8192.0, 8192.0, 8192.0);
        assert!((0.85..1.05).contains(&(a100 / 271.2)), "{a100}");
    }

    #[test]
    fn decode_streams_the_weights() {
        // One token through 8192 x 28672 in 16 bits on an H100: 470 MB at 3.35 TB/s are 140 us; kernels reach 75 to 95 % of it.
        let it = device("h100").unwrap().1;
        let seconds = gemm_time(it, Product { m: 1.0, n: 28672.0, k: 8192.0, format: Format::Bf16 });
        assert!((140e-6..190e-6).contains(&seconds), "{seconds}");
    }

    #[test]
    fn time_between_whole_rows_lies_between_their_times() {
        let it = device("h100").unwrap().1;
        let model = GemmModel::of(it, Format::Bf16).cold();
        for m in [1.0_f64, 16.0, 128.0, 129.0, 1000.0, 4096.0] {
            let (low, middle, high) =
                (model.time(m, 4096.0, 4096.0), model.time(m + 0.5, 4096.0, 4096.0), model.time(m + 1.0, 4096.0, 4096.0));
            assert!(middle >= low.min(high) * 0.999 && middle <= low.max(high) * 1.001, "{m}: {low} {middle} {high}");
        }
    }

    #[test]
    fn warm_weights_are_never_slower_than_cold_ones() {
        for (name, it) in devices() {
            let warm = GemmModel::of(it, Format::Bf16);
            for (m, n, k) in [(1.0, 512.0, 512.0), (16.0, 4096.0, 4096.0), (4096.0, 8192.0, 8192.0)] {
                assert!(warm.time(m, n, k) <= warm.cold().time(m, n, k) * (1.0 + 1e-12), "{name} {m} {n} {k}");
            }
        }
    }

    #[test]
    fn words_of_kernel_tables_are_known() {
        for (word, kernel) in [
            ("bfloat16", GemmKernel::Bf16),
            ("int8_wo", GemmKernel::Int8Weights),
            ("int4_wo", GemmKernel::Int4Weights),
            ("sq", GemmKernel::Int8),
            ("fp8_block", GemmKernel::Fp8Block),
        ] {
            assert_eq!(GemmKernel::parse(word), Some(kernel), "{word}");
        }
        assert_eq!(GemmKernel::parse("fp5"), None);
    }
}
