//! Tables of matrix products: `accelerator`, `dtype`, `m`, `n`, `k`, `latency_ms`.

mod descent;
pub mod fit;

use bastide_cost_models::compute::gemm::{GemmKernel, GemmLibrary};
use bastide_cost_models::compute::{Device, Prediction, Term};

use crate::library::find_device;
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
        let (name, device) = find_device(accelerator)?;
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
        &["accelerator", "dtype", "m", "n", "k"]
    }

    fn answer(&self, row: Row<'_>) -> Vec<Answer> {
        let outcome = Question::read(row).map(|it| it.answer(GemmLibrary::current()));
        vec![Answer { metric: "latency".into(), unit: "ms".into(), measured: row.number("latency_ms"), outcome }]
    }

    fn fit(&self, table: &Table) -> Option<String> {
        let library = fit::library(table, GemmLibrary::shipped(), usize::MAX, |_| true);
        fit::render(&library)
    }
}

#[cfg(test)]
mod tests {
    use bastide_cost_models::compute::left_out;

    use super::*;
    use crate::{Summary, evaluate};

    /// The reference table, or `None` with a visible line where there is none.
    fn reference() -> Option<Table> {
        let folder = std::env::var("BASTIDE_REFERENCE_DATA")
            .map_or_else(|_| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), Into::into);
        match std::fs::read_to_string(folder.join("ai/calibration_gemm.csv")) {
            Ok(text) => Some(Table::read(&text).unwrap()),
            Err(_) => {
                #[expect(clippy::print_stderr, reason = "a skipped test says so")]
                {
                    eprintln!("skipped: no reference table of matrix products (BASTIDE_REFERENCE_DATA)");
                }
                None
            }
        }
    }

    /// Mean and median error of a library on the rows that `wanted` picks.
    fn errors(table: &Table, library: &GemmLibrary, wanted: impl Fn(Row<'_>) -> bool) -> (f64, f64) {
        let mut errors: Vec<f64> = table
            .rows()
            .filter(|row| wanted(*row))
            .map(|row| (Question::read(row).unwrap().answer(library).value / row.number("latency_ms").unwrap() - 1.0).abs())
            .collect();
        errors.sort_by(f64::total_cmp);
        (errors.iter().sum::<f64>() / errors.len() as f64, errors[errors.len() / 2])
    }

    fn is_left_out(row: Row<'_>) -> bool {
        left_out(row.get("group").unwrap())
    }

    #[test]
    fn shapes_that_the_fit_had_not_seen_are_predicted() {
        let Some(table) = reference() else { return };
        let summaries = evaluate(&Gemm, &table).summaries();
        let part = |name: &str| -> &Summary { summaries.iter().find(|it| it.name == name).unwrap() };
        let it = part("left out");
        assert!(it.unsupported == 0 && it.n > 500, "{it:?}");
        assert!(it.median < 0.042 && it.mean < 0.072 && it.p90 < 0.17, "{it:?}");
        assert!((0.85..0.95).contains(&it.coverage) && it.half_width < 0.2, "{it:?}");
        assert!(part("fitted").mean < 0.05, "{:?}", part("fitted"));
    }

    #[test]
    fn two_hundred_products_of_each_kind_are_enough() {
        let Some(table) = reference() else { return };
        let library = fit::library(&table, GemmLibrary::shipped(), 200, |_| true);
        let (mean, median) = errors(&table, &library, is_left_out);
        assert!(mean < 0.073 && median < 0.043, "{mean} {median}");
    }

    #[test]
    fn an_h200_alone_predicts_other_devices() {
        let Some(table) = reference() else { return };
        let library = fit::library(&table, GemmLibrary::shipped(), usize::MAX, |row| row.get("accelerator") == Some("H200-SXM"));
        let of = |accelerator: &'static str, dtype: &'static str| {
            let wanted = move |row: Row<'_>| row.get("accelerator") == Some(accelerator) && row.get("dtype") == Some(dtype);
            errors(&table, &library, wanted).0
        };
        for (accelerator, dtype, most) in [
            ("H100-SXM-80GB", "bfloat16", 0.08),
            ("H100-SXM-80GB", "fp8", 0.08),
            ("H100-SXM-80GB", "fp8_block", 0.10),
            ("A100-SXM-80GB", "bfloat16", 0.13),
        ] {
            let mean = of(accelerator, dtype);
            assert!(mean < most, "{accelerator} {dtype}: {mean}");
        }
    }

    #[test]
    fn a_row_that_cannot_be_answered_says_why() {
        let table = Table::read(
            "accelerator,dtype,m,n,k,latency_ms\nH200-SXM,fp8,16,4096,2048,0.0137\nZ80,fp8,1,1,1,1\nH200-SXM,fp5,1,1,1,1\n\
             H200-SXM,fp8,0,1,1,1\nH200-SXM,fp8,1,,1,1\n",
        )
        .unwrap();
        let answers: Vec<Answer> = table.rows().flat_map(|row| Gemm.answer(row)).collect();
        // Published for this product: 13.7 us (aiconfigurator 095f58a51, TensorRT-LLM 1.3.0rc20).
        let first = answers[0].outcome.as_ref().unwrap();
        assert!((first.value / 0.0137 - 1.0).abs() < 0.1 && first.low90 < first.value && first.value < first.high90, "{first:?}");
        assert!((first.terms.iter().map(|it| it.seconds).sum::<f64>() * 1e3 / first.value - 1.0).abs() < 1e-9);
        let reasons: Vec<&str> = answers[1..].iter().map(|it| it.outcome.as_ref().unwrap_err().as_str()).collect();
        assert_eq!(
            reasons,
            [
                "unknown accelerator `Z80`; nearest: `3080`, `4080`, `h800`",
                "unknown number format `fp5`",
                "`m` is not a number above zero: 0",
                "`n` is empty"
            ]
        );
    }
}
