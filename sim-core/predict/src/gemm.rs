//! Tables of matrix products: `accelerator`, `dtype`, `m`, `n`, `k`, `latency_ms`.

mod descent;
pub mod fit;

use bastide_cost_models::compute::gemm::{GemmKernel, GemmLibrary};
use bastide_cost_models::compute::{Device, Prediction, Term, device};

use crate::{Answer, Family, Row, Table};

/// Matrix products, with operands of the last call still in the cache.
#[derive(Clone, Copy, Debug)]
pub struct Gemm;

/// What a row asks.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// Name of the device in the library.
    pub name: &'static str,
    /// The device.
    pub device: &'static Device,
    /// What runs.
    pub kernel: GemmKernel,
    /// Rows, columns and depth.
    pub shape: [f64; 3],
}

impl Question {
    /// Reads a row.
    ///
    /// # Errors
    /// Why the row cannot be answered.
    pub fn read(row: Row<'_>) -> Result<Self, String> {
        let accelerator = row.get("accelerator").ok_or("`accelerator` is empty")?;
        let (name, device) = device(accelerator).ok_or_else(|| format!("no data sheet of `{accelerator}`"))?;
        let dtype = row.get("dtype").ok_or("`dtype` is empty")?;
        let kernel = GemmKernel::parse(dtype).ok_or_else(|| format!("unknown number format `{dtype}`"))?;
        Ok(Self { name, device, kernel, shape: [row.positive("m")?, row.positive("n")?, row.positive("k")?] })
    }

    /// Answers it from a library \[ms\].
    #[must_use]
    pub fn answer(&self, library: &GemmLibrary) -> Prediction {
        let [m, n, k] = self.shape;
        let parts = library.model(self.device, self.kernel).parts(m, n, k);
        let (low, high) = library.interval(self.device, self.kernel, self.shape, parts.total);
        Prediction {
            value: parts.total * 1e3,
            low90: low * 1e3,
            high90: high * 1e3,
            grade: library.grade(self.device, self.kernel),
            terms: vec![
                Term {
                    name: "launch and quantising",
                    seconds: parts.overhead * parts.ratio,
                    formula: "t0 + c m k",
                    source: "fitted, cost-models/data/throughput/gemm.toml",
                },
                Term {
                    name: "tiles and memory",
                    seconds: (parts.total - parts.overhead * parts.ratio).max(0.0),
                    formula: "[tiles^q + (bytes / W)^q]^(1/q), tiles = min over shapes of waves (k step + start)",
                    source: "Williams, Waterman and Patterson 2009, with tile and wave quantisation",
                },
            ],
        }
    }
}

impl Family for Gemm {
    fn name(&self) -> &'static str {
        "gemm"
    }

    fn columns(&self) -> &'static [&'static str] {
        &["accelerator", "dtype", "m", "n", "k", "latency_ms"]
    }

    fn answer(&self, row: Row<'_>) -> Vec<Answer> {
        let outcome = Question::read(row).map(|it| it.answer(GemmLibrary::shipped()));
        vec![Answer { metric: "latency".into(), unit: "ms".into(), measured: row.number("latency_ms"), outcome }]
    }

    fn fit(&self, table: &Table) -> Option<String> {
        let library = fit::library(table, GemmLibrary::shipped(), |_| true);
        fit::render(&library)
    }
}
