//! Predictions from a calibration pack instead of public measurements.

use std::path::Path;

use bastide_cost_models::compute::device;
use bastide_cost_models::compute::gemm::{GemmKernel, GemmLibrary};
use bastide_kernels::{Format, Profile};
use bastide_predict::gemm::fit::{GemmPoint, from_points};

use crate::cmd::read_text;
use crate::exit::Failure;
use crate::output::Output;

/// Makes predictions of this process use a pack: its matrix products, for its device and others of its generation. Attention
/// and collectives stay those of engines: the pack measures kernels of our own there.
pub fn install(pack: &Path, output: &Output) -> Result<(), Failure> {
    let at = |text: String| Failure::sentence(format!("{}: {text}", pack.display()));
    let text = read_text(pack)?;
    let report = bastide_kernels::check(&text).map_err(|error| at(error.to_string()))?;
    if !report.sound() {
        return Err(at(
            "the pack is doubtful: it drifted, or its fit is not that of its points (bastide calibrate --check says which)".to_owned()
        ));
    }
    let profile = report.profile;
    let library = gemm_library(&profile).map_err(at)?;
    output.say(&format!("matrix products as measured on {} on {}", profile.device.name, profile.run.date));
    library.install();
    Ok(())
}

/// The library of matrix products with what a pack measured.
pub fn gemm_library(profile: &Profile) -> Result<GemmLibrary, String> {
    let name = profile.device.library.as_deref().unwrap_or_default();
    let (name, sheet) = device(name).ok_or_else(|| format!("the library has no data sheet of `{}`", profile.device.name))?;
    let mut library = GemmLibrary::shipped().clone();
    let mut found = false;
    for it in profile.gemm() {
        let format =
            if it.format == Format::Fp8 { bastide_cost_models::compute::Format::Fp8 } else { bastide_cost_models::compute::Format::Bf16 };
        let rate = 2.0 * (it.m * it.n) as f64 * it.k as f64 / it.seconds;
        // Data sheets round their peaks, and clocks boost a little beyond them.
        if rate > 1.1 * sheet.peak(format).as_flop_per_s() {
            return Err(format!("{} x {} x {} ran at {:.0} TFLOP/s, above the peak of `{name}`", it.m, it.n, it.k, rate / 1e12));
        }
    }
    for (format, kernel) in [(Format::Bf16, GemmKernel::Bf16), (Format::Fp8, GemmKernel::Fp8)] {
        let points: Vec<GemmPoint> = profile
            .gemm()
            .iter()
            .filter(|it| it.format == format)
            .map(|it| GemmPoint { device: sheet, shape: [it.m as f64, it.n as f64, it.k as f64], seconds: it.seconds, cold: it.cold })
            .collect();
        let source = format!("calibration pack of {name}, {}, {} products", profile.run.date, points.len());
        if let Some(measured) = from_points(&library, kernel, &points, &source) {
            library = library.with(measured);
            found = true;
        }
    }
    if found { Ok(library) } else { Err("the pack has too few matrix products to fit".to_owned()) }
}
