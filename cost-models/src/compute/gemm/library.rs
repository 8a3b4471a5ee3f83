//! Fitted kernels, and how they carry over to other chips.

use std::sync::OnceLock;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{GemmKernel, GemmModel, GemmParameters, RatioPoint, RatioSurface};
use crate::compute::{Conformal, Device, Generation, Grade};

/// What tells a chip generation from another as to matrix products, beyond the data sheet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenerationFacts {
    /// Bandwidth of the last cache for each multiprocessor \[GB/s\].
    pub cache_gb_per_s: f64,
    /// Latencies of launches, waves and pipelines over those of Hopper: its clock over this clock.
    pub latency: f64,
    /// Share of the 16-bit peak that the best large products reach.
    pub achievable: f64,
    /// Whether its libraries keep blocks alive that take tile after tile, so that waves need not be whole.
    pub persistent: bool,
    /// Generations whose measurements stand in, nearest first.
    pub like: Vec<Generation>,
    /// Where these figures come from.
    pub source: String,
}

/// How far measured times lie from predictions, by kind of shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// Mean absolute error of logarithms, cross-validated by shape: rows up to 16, up to 512, above (outer); operands of few, some,
    /// many bytes (inner).
    pub size: [[f64; 3]; 3],
    /// Quantiles of the errors over that size.
    pub conformal: Conformal,
}

/// A device that was measured, and what sets it apart from the others of its generation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasuredDevice {
    /// Title of its data sheet.
    pub title: String,
    /// Its share of the memory bandwidth over that of the parameters.
    pub memory: f64,
    /// Its times over those of the parameters: clocks under load, firmware.
    pub time: f64,
}

/// A kernel as measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FittedGemm {
    /// What ran.
    pub kernel: GemmKernel,
    /// On chips of this generation.
    pub generation: Generation,
    /// The devices that were measured.
    pub devices: Vec<MeasuredDevice>,
    /// Measured products behind the fit.
    pub rows: usize,
    /// Who measured them, and which were kept out.
    pub source: String,
    /// The launch model's parameters.
    pub parameters: GemmParameters,
    /// How far off predictions are.
    pub spread: Spread,
    /// Support points of the ratio of measured to modelled time.
    pub support: Vec<RatioPoint>,
    /// The ratio itself, made when it is first asked for.
    #[serde(skip)]
    pub surface: OnceLock<RatioSurface>,
}

/// The kernels that were measured and the generations they carry over to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GemmLibrary {
    /// Generations by name.
    pub generation: IndexMap<Generation, GenerationFacts>,
    /// Kernels as measured.
    pub fitted: Vec<FittedGemm>,
}

/// What a calibration pack says, for the whole process.
static INSTALLED: OnceLock<GemmLibrary> = OnceLock::new();

impl GemmLibrary {
    /// Reads the library's TOML.
    ///
    /// # Errors
    /// The message of the TOML reader.
    pub fn read(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// The library of this program.
    ///
    /// # Panics
    /// Never: it is compiled in, and the tests parse it.
    #[must_use]
    pub fn shipped() -> &'static Self {
        static LIBRARY: OnceLock<GemmLibrary> = OnceLock::new();
        LIBRARY.get_or_init(|| {
            Self::read(include_str!("../../../data/throughput/gemm.toml"))
                // Compiled in, and parsed by the tests of this file: no input of a user reaches this.
                .expect("the compiled-in library parses")
        })
    }

    /// The library that predictions use: the one of a calibration pack where one was installed, otherwise that of this program.
    #[must_use]
    pub fn current() -> &'static Self {
        INSTALLED.get().unwrap_or_else(Self::shipped)
    }

    /// Makes this the library that predictions of this process use. Only the first call counts, so that no answer changes
    /// half-way; `false` where a library was installed before.
    pub fn install(self) -> bool {
        INSTALLED.set(self).is_ok()
    }

    /// The same with a kernel as measured here, which takes the place of what was measured on its generation.
    #[must_use]
    pub fn with(mut self, measured: FittedGemm) -> Self {
        self.fitted.retain(|it| (it.kernel, it.generation) != (measured.kernel, measured.generation));
        self.fitted.insert(0, measured);
        self
    }

    /// The facts of a generation; Hopper's where it has none.
    fn facts(&self, generation: Generation) -> &GenerationFacts {
        static HOPPER: OnceLock<GenerationFacts> = OnceLock::new();
        self.generation.get(&generation).or_else(|| self.generation.get(&Generation::Hopper)).unwrap_or_else(|| {
            HOPPER.get_or_init(|| GenerationFacts {
                cache_gb_per_s: 77.0,
                latency: 1.0,
                achievable: 0.8,
                persistent: true,
                like: Vec::new(),
                source: String::new(),
            })
        })
    }

    /// Bandwidth of a device's last cache \[B/s\].
    #[must_use]
    pub fn cache_bandwidth(&self, device: &Device) -> f64 {
        let shared = self.facts(device.generation).cache_gb_per_s * 1e9 * f64::from(device.multiprocessors);
        // A cache is never slower than the memory behind it.
        shared.max(device.memory_bandwidth.as_gb_per_s() * 1.5e9)
    }

    /// The measured kernel that stands for a kernel of a generation: the same kernel of the nearest generation before another
    /// kernel of the same generation.
    #[must_use]
    pub fn fitted(&self, generation: Generation, kernel: GemmKernel) -> Option<&FittedGemm> {
        let near = &self.facts(generation).like;
        kernel
            .like()
            .iter()
            .find_map(|kernel| {
                std::iter::once(&generation)
                    .chain(near)
                    .find_map(|generation| self.fitted.iter().find(|it| it.kernel == *kernel && it.generation == *generation))
            })
            // Whatever was measured is better than nothing.
            .or_else(|| self.fitted.first())
    }

    /// The model of a kernel on a device; a library without any measurement gives the data sheet with usual shares.
    #[must_use]
    pub fn model(&self, device: &Device, kernel: GemmKernel) -> GemmModel<'_> {
        let cache = self.cache_bandwidth(device);
        match self.fitted(device.generation, kernel) {
            Some(fitted) => {
                let mut parameters = self.carried(fitted, device);
                let own = fitted.measured(device);
                parameters.memory *= own.map_or(1.0, |own| own.memory);
                GemmModel::new(device, cache, kernel, parameters, Some(fitted.ratio())).slower(own.map_or(1.0, |own| own.time))
            }
            None => GemmModel::new(device, cache, kernel, GemmParameters::usual(), None),
        }
    }

    /// Parameters as measured on one generation, for another: what the matrix units reach goes with the best that anybody reached,
    /// latencies with the clock, and whole waves with how its libraries launch.
    fn carried(&self, fitted: &FittedGemm, device: &Device) -> GemmParameters {
        let mut it = fitted.parameters;
        if fitted.generation == device.generation {
            return it;
        }
        // Few large units (TPU, Gaudi) finish a tile so much sooner, and could not reach their peaks with the waits of small ones.
        let small = (f64::from(device.multiprocessors) / 100.0).min(1.0);
        it.wave_us *= small;
        it.depth_ns *= small;
        let (from, to) = (self.facts(fitted.generation), self.facts(device.generation));
        let slower = to.latency / from.latency;
        it.compute *= to.achievable / from.achievable;
        for latency in
            [&mut it.launch_us, &mut it.wave_us, &mut it.depth_ns, &mut it.reduction_us, &mut it.activation_ps, &mut it.vector_launch_us]
        {
            *latency *= slower;
        }
        if from.persistent != to.persistent {
            it.whole_waves = if to.persistent { 0.0 } else { 1.0 };
        }
        it
    }

    /// What a prediction rests on.
    #[must_use]
    pub fn grade(&self, it: &Device, kernel: GemmKernel) -> Grade {
        let Some(fitted) = self.fitted(it.generation, kernel) else { return Grade::Datasheet };
        match (fitted.kernel == kernel, fitted.generation == it.generation) {
            (true, true) if fitted.measured(it).is_some() => Grade::Interpolated,
            (true, true) => Grade::Transferred,
            // Generations of one vendor run the same libraries.
            _ if it.vendor == "NVIDIA" => Grade::Transferred,
            _ => Grade::Datasheet,
        }
    }

    /// The 90 % interval around the time of a product.
    #[must_use]
    pub fn interval(&self, device: &Device, kernel: GemmKernel, [m, n, k]: [f64; 3], seconds: f64) -> (f64, f64) {
        let Some(fitted) = self.fitted(device.generation, kernel) else { return (seconds / 2.0, seconds * 2.0) };
        let spread = &fitted.spread;
        let mut size = spread.size_of(kernel, m, n, k);
        // Beyond the measured sizes, a tenth more for every doubling.
        let beyond: f64 = [(m, 0.0, 15.0), (n, 5.0, 16.0), (k, 5.0, 16.0)]
            .iter()
            .map(|(size, low, high)| (low - size.log2()).max(size.log2() - high).max(0.0))
            .sum();
        size *= 1.0 + 0.1 * if beyond.is_finite() { beyond } else { 10.0 };
        // What a fit misses on other devices: from an H200 alone, products of an H100 come out 1.3 times as far off as its own, those
        // of an A100 2.2 times; for other vendors, reasoning.
        size = match self.grade(device, kernel) {
            Grade::Measured | Grade::Interpolated => size,
            Grade::Transferred if fitted.generation == device.generation => size * 1.5,
            Grade::Transferred => size.max(0.08) * 2.5,
            Grade::Datasheet => size.max(0.12) * 3.0,
        };
        spread.conformal.interval(seconds, size)
    }
}

impl FittedGemm {
    /// What was found of a device, if it was measured.
    #[must_use]
    pub fn measured(&self, device: &Device) -> Option<&MeasuredDevice> {
        self.devices.iter().find(|it| it.title == device.title)
    }

    /// Ratio of measured to modelled time over the shapes.
    #[must_use]
    pub fn ratio(&self) -> &RatioSurface {
        self.surface.get_or_init(|| RatioSurface::new(&self.support))
    }
}

impl Spread {
    /// Index of a shape's kind.
    #[must_use]
    pub fn kind(kernel: GemmKernel, m: f64, n: f64, k: f64) -> (usize, usize) {
        let rows = if m <= 16.0 { 0 } else { 1 + usize::from(m > 512.0) };
        let weights = n * k * kernel.weights().bytes();
        let bytes = if weights <= 2e6 { 0 } else { 1 + usize::from(weights > 32e6) };
        (rows, bytes)
    }

    /// Usual size of the error for a shape.
    #[must_use]
    pub fn size_of(&self, kernel: GemmKernel, m: f64, n: f64, k: f64) -> f64 {
        let (rows, bytes) = Self::kind(kernel, m, n, k);
        self.size[rows][bytes]
    }
}

impl GemmParameters {
    /// Shares and latencies of tuned libraries on recent chips: where a fit starts, and what stands where nothing was measured
    /// (shares: ml-engineering, accelerator pages; launch: gpu-benches, 2.4 us in a stream on an H200).
    #[must_use]
    pub fn usual() -> Self {
        Self {
            compute: 0.85,
            memory: 0.85,
            cache: 0.6,
            resident: 0.4,
            reuse: 3.0,
            launch_us: 3.0,
            wave_us: 1.0,
            depth_ns: 1.0,
            sharpness: 2.0,
            whole_waves: 0.5,
            splits: 32.0,
            reduction_us: 2.0,
            activation_ps: 0.0,
            ragged: 0.0,
            throttle: 0.03,
            vector_rows: 0.0,
            vector_launch_us: 0.0,
            vector_memory: 0.8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::{Format, device, devices};

    #[test]
    fn the_compiled_in_library_is_complete() {
        let library = GemmLibrary::shipped();
        for (name, it) in devices() {
            assert!(library.generation.contains_key(&it.generation), "{name}: {:?}", it.generation);
            let cache = library.cache_bandwidth(it) / (it.memory_bandwidth.as_gb_per_s() * 1e9);
            assert!((1.5..60.0).contains(&cache), "{name}: {cache}");
        }
        for it in &library.fitted {
            assert!(
                it.source.len() > 20
                    && it.rows >= 30
                    && it.devices.iter().all(|own| devices().values().any(|known| known.title == own.title)),
                "{:?}",
                it.kernel
            );
            // Support points are knots of a smooth ratio, not a table: at most 96, and no ratio beyond 2.
            assert!(it.support.len() <= 96 && it.support.iter().flatten().all(|value| value.is_finite()));
        }
    }

    #[test]
    fn grades_say_what_was_measured() {
        let grade = |name: &str, format| GemmLibrary::shipped().grade(device(name).unwrap().1, GemmKernel::of(format));
        assert_eq!(grade("h200", Format::Bf16), Grade::Interpolated);
        assert_eq!(grade("a100", Format::Int4), Grade::Interpolated);
        assert_eq!(grade("gh200", Format::Bf16), Grade::Transferred);
        assert_eq!(grade("b200", Format::Fp4), Grade::Transferred);
        assert_eq!(grade("mi300x", Format::Bf16), Grade::Datasheet);
    }

    #[test]
    fn a_library_without_measurements_knows_the_data_sheet() {
        let library = GemmLibrary { generation: IndexMap::new(), fitted: Vec::new() };
        let it = device("h100").unwrap().1;
        let seconds = library.model(it, GemmKernel::Bf16).time(8192.0, 8192.0, 8192.0);
        assert!((1.1e-3..2.2e-3).contains(&seconds), "{seconds}");
        assert_eq!(library.grade(it, GemmKernel::Bf16), Grade::Datasheet);
    }
}
