//! Measures a device, and checks a pack that was stored.

use crate::error::CalibrationError;
use crate::fit::Fit;
use crate::gpu::{Gpu, guarded};
use crate::measure::Bench;
use crate::profile::{DeviceRecord, PackError, Profile, RunRecord, SoftwareRecord};
use crate::suite::suite;

/// What to measure, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalibrationOptions {
    /// Position of the device in the driver's list.
    pub ordinal: usize,
    /// Whether to take the short suite: about 15 s instead of a minute.
    pub quick: bool,
    /// Day of the measurement, for the pack: `2026-05-04`. Libraries do not read the clock.
    pub date: String,
    /// Version of the program, for the pack.
    pub program: String,
}

/// Which attention kernels a pack is about.
const ATTENTION: &str = "own kernels: split decode over pages of 16 tokens, causal prefill in blocks of 128 by 64, both with mma.sync m16n8k16; \
                         no asynchronous matrix instructions of compute capability 9.0";

/// Measures a device: about a minute, or 15 s for the quick suite. `progress` is told what comes next. No setting of the device
/// is changed.
///
/// # Errors
/// [`CalibrationError`] when there is no device, a library is missing, or the device stops answering. A point that goes wrong
/// alone is in the profile, void, with the reason.
pub fn calibrate(options: &CalibrationOptions, progress: &mut dyn FnMut(&str)) -> Result<Profile, CalibrationError> {
    guarded(|| measure(options, progress))
}

fn measure(options: &CalibrationOptions, progress: &mut dyn FnMut(&str)) -> Result<Profile, CalibrationError> {
    progress("opening the device and compiling kernels");
    let gpu = Gpu::open(options.ordinal, &["memory.cu", "decode.cu", "prefill.cu"])?;
    let devices = crate::device::devices()?.len() as u32;
    let nvml = gpu.nvml.as_ref();
    let (highest_sm_mhz, highest_memory_mhz) = nvml.map(crate::nvml::Nvml::highest_clocks_mhz).unwrap_or_default();
    let (link_generation, link_width) = nvml.and_then(crate::nvml::Nvml::link).unzip();
    let run = RunRecord {
        date: options.date.clone(),
        quick: options.quick,
        devices,
        highest_sm_mhz,
        highest_memory_mhz,
        power_limit_w: nvml.and_then(crate::nvml::Nvml::power_limit_w),
        link_generation,
        link_width,
    };
    let software = SoftwareRecord {
        program: options.program.clone(),
        driver: nvml.map(|nvml| nvml.driver().to_owned()).unwrap_or_default(),
        cuda: format!("{}.{}", gpu.driver_version / 1000, gpu.driver_version % 1000 / 10),
        nvrtc: gpu.nvrtc_version.clone(),
        cublaslt: gpu.blas.version(),
        attention: ATTENTION.to_owned(),
    };
    let device = DeviceRecord {
        name: gpu.device.name.clone(),
        compute_capability: gpu.device.compute_capability.clone(),
        multiprocessors: gpu.multiprocessors(),
        memory_bytes: gpu.device.memory_bytes,
        l2_bytes: gpu.l2_bytes,
        library: gpu.device.library.clone(),
    };
    let list = suite(options.quick, gpu.has_fp8(), gpu.free_bytes()?, devices);
    let mut bench = Bench::new(gpu, options.quick)?;
    progress("warming the device");
    bench.warm(if options.quick { 1.0 } else { 3.0 })?;
    let count = list.len();
    let mut points = Vec::with_capacity(count);
    for (i, work) in list.into_iter().enumerate() {
        progress(&format!("{} of {count}: {}", i + 1, work.kind()));
        points.push(bench.measure(work)?);
    }
    let fit = Fit::of(&points, device.library.as_deref());
    Ok(Profile { device, software, run, fit, points })
}

/// What a check of a stored pack found.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The pack.
    pub profile: Profile,
    /// The fit made anew from its points.
    pub fit: Fit,
    /// Constants that differ between the stored fit and the new one: (name, stored, new); absent on one side where a fit lacks
    /// it. Empty for a sound pack of this version.
    pub differences: Vec<(String, Option<f64>, Option<f64>)>,
    /// Points that do not count: position from 0, and why.
    pub voids: Vec<(usize, String)>,
    /// How much slower the first thing was when it was measured again at the end.
    pub drift: Option<f64>,
}

/// A drift of more than this makes a pack doubtful.
const MOST_DRIFT: f64 = 0.05;

impl Report {
    /// Whether the stored fit is that of the points, and the device was as fast at the end as at the beginning.
    #[must_use]
    pub fn sound(&self) -> bool {
        self.differences.is_empty() && self.drift.is_some_and(|drift| drift.abs() <= MOST_DRIFT)
    }
}

/// Reads a pack, fits it again and compares.
///
/// # Errors
/// [`PackError`] when the text is not a sound pack.
pub fn check(text: &str) -> Result<Report, PackError> {
    let profile = Profile::from_toml(text)?;
    let fit = Fit::of(&profile.points, profile.device.library.as_deref());
    let (stored, new) = (profile.fit.values(), fit.values());
    let find = |list: &[(String, f64)], name: &str| list.iter().find(|(other, _)| other == name).map(|(_, value)| *value);
    let mut differences = Vec::new();
    for (name, value) in &stored {
        let other = find(&new, name);
        // Five digits are stored.
        let same = other.is_some_and(|other| (value - other).abs() <= 2e-4 * value.abs().max(other.abs()));
        if !same {
            differences.push((name.clone(), Some(*value), other));
        }
    }
    let missing = new.into_iter().filter(|(name, _)| find(&stored, name).is_none());
    differences.extend(missing.map(|(name, value)| (name, None, Some(value))));
    let voids = profile.points.iter().enumerate().filter_map(|(i, point)| point.void.clone().map(|reason| (i, reason))).collect();
    let drift = profile.drift();
    Ok(Report { profile, fit, differences, voids, drift })
}
