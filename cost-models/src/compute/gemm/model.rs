//! Tiles of a product on the multiprocessors of a device.

use serde::{Deserialize, Serialize};

use super::ratio::{RatioSurface, place};
use super::{GemmKernel, GemmLibrary};
use crate::compute::{Device, Format};

/// Rows and columns that tiles have.
const ROWS: [f64; 5] = [16.0, 32.0, 64.0, 128.0, 256.0];
const COLUMNS: [f64; 3] = [64.0, 128.0, 256.0];

/// The tiles among which a library's heuristic chooses (CUTLASS and cuBLAS tile shapes), as indices of rows and columns.
const TILES: [(usize, usize); 11] = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (3, 0), (3, 1), (3, 2), (4, 1)];

/// Blocks for the depth of a tile that libraries try, and their inverses.
const SPLITS: [(f64, f64); 11] = [
    (2.0, 1.0 / 2.0),
    (3.0, 1.0 / 3.0),
    (4.0, 1.0 / 4.0),
    (5.0, 1.0 / 5.0),
    (6.0, 1.0 / 6.0),
    (7.0, 1.0 / 7.0),
    (8.0, 1.0 / 8.0),
    (12.0, 1.0 / 12.0),
    (16.0, 1.0 / 16.0),
    (24.0, 1.0 / 24.0),
    (32.0, 1.0 / 32.0),
];

/// Index of the largest of these up to a number.
const SPLITS_UP_TO: [u8; 33] = [0, 0, 0, 1, 2, 3, 4, 5, 6, 6, 6, 6, 7, 7, 7, 7, 8, 8, 8, 8, 8, 8, 8, 8, 9, 9, 9, 9, 9, 9, 9, 9, 10];

/// Depth of one step of a tile: no split goes below it.
const STEP: f64 = 64.0;

/// What a kernel does with a device. Times are of the device that was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GemmParameters {
    /// Share of the peak that a multiprocessor reaches inside a tile.
    pub compute: f64,
    /// Share of the memory bandwidth that streaming reaches.
    pub memory: f64,
    /// Share of the cache's bandwidth that is reached.
    pub cache: f64,
    /// Part of the cache in which operands of the last call stay.
    pub resident: f64,
    /// How often a multiprocessor's loads are served closer by than the cache (shared tiles, multicast).
    pub reuse: f64,
    /// From the launch to the first tile, and back \[us\].
    pub launch_us: f64,
    /// Start and end of each wave of tiles \[us\].
    pub wave_us: f64,
    /// Shortest time of a unit of depth, however small the tile \[ns\].
    pub depth_ns: f64,
    /// Exponent of the soft maximum of tiles and memory.
    pub sharpness: f64,
    /// Share of waves that are whole: 1 where tiles start together, 0 where persistent blocks share the last wave.
    pub whole_waves: f64,
    /// Largest number of blocks that share the depth of one tile.
    pub splits: f64,
    /// Start of the sum over those blocks \[us\].
    pub reduction_us: f64,
    /// Quantising one activation before the product \[ps\].
    pub activation_ps: f64,
    /// How much longer tiles take where the rows are not a multiple of four, to which a kernel that loads scales with them aligns.
    pub ragged: f64,
    /// Slowing by power in long products, for each e-fold of 100 us at peak.
    pub throttle: f64,
    /// Rows up to which another kernel, of vectors, is taken; 0 where there is none.
    pub vector_rows: f64,
    /// Launch of that kernel \[us\].
    pub vector_launch_us: f64,
    /// Share of the memory bandwidth that it reaches.
    pub vector_memory: f64,
}

/// The time of products of one kernel on one device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GemmModel<'a> {
    parameters: GemmParameters,
    ratio: Option<&'a RatioSurface>,
    multiprocessors: f64,
    /// Peak \[FLOP/us\].
    peak: f64,
    /// Bandwidth of memory \[B/us\].
    memory: f64,
    /// Bandwidth of the cache \[B/us\].
    cache: f64,
    /// Part of the cache where operands stay (B).
    resident: f64,
    weight: f64,
    activation: f64,
    /// Time of a unit of depth of each tile \[us\].
    steps: [f64; TILES.len()],
    /// Times over those of the parameters.
    slower: f64,
    cold: bool,
}

/// Where the time of a product goes \[s\].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GemmParts {
    /// All of it.
    pub total: f64,
    /// Launch, and quantising the activations.
    pub overhead: f64,
    /// Tiles on the multiprocessors, were memory free.
    pub tiles: f64,
    /// Bytes from memory and cache, were the multiprocessors free.
    pub bytes: f64,
    /// Measured over modelled time around this shape.
    pub ratio: f64,
}

impl GemmModel<'static> {
    /// The model of a format on a device, with the parameters of this program. Operands of the last call that fit the cache are
    /// still there, as in a benchmark that repeats one product.
    #[must_use]
    pub fn of(device: &Device, format: Format) -> Self {
        GemmLibrary::current().model(device, GemmKernel::of(format))
    }
}

impl<'a> GemmModel<'a> {
    /// The model of a kernel on a device with parameters for it. `cache` is the bandwidth of the last cache \[B/s\].
    #[must_use]
    pub fn new(device: &Device, cache: f64, kernel: GemmKernel, parameters: GemmParameters, ratio: Option<&'a RatioSurface>) -> Self {
        let multiprocessors = f64::from(device.multiprocessors.max(1));
        let peak = device.peak(kernel.operands()).as_flop_per_s() * 1e-6;
        let cache = cache * 1e-6 * parameters.cache;
        let (weight, activation) = (kernel.weights().bytes(), kernel.operands().bytes());
        // The largest of operations, loads, and the latency of the pipeline.
        let unit_rate = 2.0 * multiprocessors / (peak * parameters.compute);
        let unit_load = multiprocessors / (cache * parameters.reuse);
        let steps = TILES.map(|(rows, columns)| {
            let (rows, columns) = (ROWS[rows], COLUMNS[columns]);
            (rows * columns * unit_rate).max((rows * activation + columns * weight) * unit_load).max(parameters.depth_ns * 1e-3)
        });
        Self {
            ratio,
            multiprocessors,
            peak,
            memory: device.memory_bandwidth.as_gb_per_s() * 1e3,
            cache,
            resident: device.cache.as_bytes() * parameters.resident,
            weight,
            activation,
            steps,
            slower: 1.0,
            cold: false,
            parameters,
        }
    }

    /// The same with weights that come from memory every time, as in a model whose other layers ran in between.
    #[must_use]
    pub fn cold(mut self) -> Self {
        self.cold = true;
        self
    }

    /// The same with another launch \[s\] and activations that come quantised, as where a layer before does that and launches are in
    /// a graph.
    #[must_use]
    pub fn fused(mut self, launch: f64) -> Self {
        self.parameters.launch_us = launch * 1e6;
        self.parameters.vector_launch_us = launch * 1e6;
        self.parameters.activation_ps = 0.0;
        self
    }

    /// The same with every time multiplied by a factor.
    #[must_use]
    pub fn slower(mut self, factor: f64) -> Self {
        self.slower = factor;
        self
    }

    /// Time of a product of `m` rows, `n` columns and depth `k` \[s\].
    #[must_use]
    pub fn time(&self, m: f64, n: f64, k: f64) -> f64 {
        self.parts(m, n, k).total
    }

    /// Where the time goes.
    #[must_use]
    pub fn parts(&self, m: f64, n: f64, k: f64) -> GemmParts {
        // A launch has at least one row; and beyond 10^9 of anything there is no product, only a slip that must not overflow.
        let inside = |size: f64| if size >= 1.0 { size.min(1e9) } else { 1.0 };
        let (m, n, k) = (inside(m), inside(n), inside(k));
        let it = &self.parameters;
        let bytes = self.bytes_time(m, n, k);
        let tiles = self.tiles_time(m, n, k);
        let mut overhead = it.launch_us + it.activation_ps * 1e-6 * m * k;
        // t = [tiles^q + bytes^q]^(1/q) + launch: the roofline with a soft maximum (Williams, Waterman and Patterson 2009).
        let (large, small) = (tiles.max(bytes), tiles.min(bytes));
        let mut body = large * (1.0 + (small / large).powf(it.sharpness)).powf(1.0 / it.sharpness);
        if m < it.vector_rows + 1.0 && it.vector_rows > 0.0 {
            // Between the last whole row of one kernel and the first of the other, an average is a mixture of both.
            let share = (it.vector_rows + 1.0 - m).min(1.0);
            let vector = (n * k * self.weight + m * (k * self.activation + n * 2.0)) / (self.memory * it.vector_memory);
            body = share * vector + (1.0 - share) * body;
            overhead = share * it.vector_launch_us + (1.0 - share) * overhead;
        }
        let ratio = self.slower * self.ratio.map_or(1.0, |ratio| ratio.log(place(m, n, k)).exp());
        GemmParts { total: (body + overhead) * ratio * 1e-6, overhead: overhead * 1e-6, tiles: tiles * 1e-6, bytes: bytes * 1e-6, ratio }
    }

    /// Moving operands and results once \[us\]: from the cache where all of them fit, the more from memory the less they do.
    fn bytes_time(&self, m: f64, n: f64, k: f64) -> f64 {
        let weights = n * k * self.weight;
        let others = m * (k * self.activation + n * 2.0);
        let over = (weights + others) / self.resident;
        let missed = 1.0 - 1.0 / (1.0 + over * over * over);
        let (from_memory, from_cache) = (1.0 / (self.memory * self.parameters.memory), 1.0 / self.cache);
        let mixed = missed * from_memory + (1.0 - missed) * from_cache;
        others * mixed + weights * if self.cold { from_memory.max(mixed) } else { mixed }
    }

    /// The fastest tiling \[us\].
    fn tiles_time(&self, m: f64, n: f64, k: f64) -> f64 {
        let it = &self.parameters;
        let inverse = 1.0 / self.multiprocessors;
        let mut best = f64::INFINITY;
        let sums = 8.0 * m * n / self.cache;
        let inverse_sums = 1.0 / sums;
        let (depth, deepest) = (k.max(STEP), (k / STEP).min(it.splits));
        let waves = |blocks: f64| {
            let shared = (blocks * inverse).max(1.0);
            if it.whole_waves > 0.0 { shared + it.whole_waves * (whole(blocks, self.multiprocessors, inverse) - shared) } else { shared }
        };
        let (down, across) = (ROWS.map(|rows| whole(m, rows, 1.0 / rows)), COLUMNS.map(|columns| whole(n, columns, 1.0 / columns)));
        for ((rows, columns), step) in TILES.into_iter().zip(self.steps) {
            let tiles = down[rows] * across[columns];
            best = best.min(waves(tiles) * (depth * step + it.wave_us));
            // Blocks that share the depth of a tile while there are multiprocessors for them; their sums are written and read in 32
            // bits. With one wave, k step / s + s sums is least at s = sqrt(k step / sums); numbers from there on count.
            if deepest < 2.0 || tiles > self.multiprocessors {
                continue;
            }
            let free = self.multiprocessors / tiles;
            let most = deepest.min(2.0 * free);
            let likely = (depth * step * inverse_sums).sqrt().min(free).min(32.0) as usize;
            for (splits, share) in SPLITS.iter().skip(usize::from(SPLITS_UP_TO[likely])).take(3) {
                if *splits > most {
                    break;
                }
                let steps = (depth * share * (1.0 / STEP) + 0.999_999) as i64 as f64 * STEP;
                best = best.min(waves(tiles * splits) * (steps * step + it.wave_us) + it.reduction_us + splits * sums);
            }
        }
        let long = 2.0 * m * n * k / self.peak * 1e-2;
        // One row off a multiple is as far off as any; between, the mixture of both.
        let off = m - (m * 0.25) as i64 as f64 * 4.0;
        let ragged = off.min(4.0 - off).min(1.0);
        best * (1.0 + it.throttle * long.ln_1p()) * (1.0 + it.ragged * ragged)
    }
}

/// How many pieces of `size` cover `total`, at least one. Where the last piece holds less than one whole row, the mean of without
/// and with it. `inverse` is `1 / size`.
fn whole(total: f64, size: f64, inverse: f64) -> f64 {
    // A cast, as `floor` is a call on the oldest processors that we build for; the bit more keeps exact multiples whole.
    let full = (total * inverse + 1e-9) as i64 as f64;
    (full + (total - full * size).clamp(0.0, 1.0)).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::device;

    fn plain() -> GemmParameters {
        GemmParameters {
            compute: 1.0,
            memory: 1.0,
            cache: 1.0,
            resident: 1.0,
            reuse: 1e6,
            launch_us: 2.0,
            wave_us: 0.0,
            depth_ns: 0.0,
            sharpness: 1.0,
            whole_waves: 1.0,
            splits: 1.0,
            reduction_us: 0.0,
            activation_ps: 0.0,
            ragged: 0.0,
            throttle: 0.0,
            vector_rows: 0.0,
            vector_launch_us: 0.0,
            vector_memory: 1.0,
        }
    }

    #[test]
    fn a_product_by_hand() {
        // A100: 312 TFLOP/s on 108 multiprocessors. 128 x 256 tiles of 1536 x 4608: 12 x 18 = 216 = 2 waves, all of them full:
        // 2 * 1536 * 4608 * 8192 / 312e12 = 371.67 us. Bytes: (4608 + 1536) * 8192 * 2 + 1536 * 4608 * 2 = 114,819,072 B, all
        // from memory but for the share 1 / (1 + (114.8/40)^3) = 0.04056 from the cache at 5 TB/s:
        // 114.819e6 * (0.95944 / 2.039e6 + 0.04056 / 5e6) = 54.96 us. Sum (sharpness 1) and launch: 428.6 us.
        let it = device("a100").unwrap().1;
        let parts = GemmModel::new(it, 5e12, GemmKernel::Bf16, plain(), None).parts(1536.0, 4608.0, 8192.0);
        assert!((parts.tiles - 371.67e-6).abs() < 1e-7, "{parts:?}");
        assert!((parts.bytes - 54.96e-6).abs() < 1e-7, "{parts:?}");
        assert!((parts.total - 428.63e-6).abs() < 2e-7, "{parts:?}");
    }

    #[test]
    fn one_tile_more_costs_a_wave() {
        // One row more than 1536 leaves tiles of 16 x 64 best, as loads cost nothing here: 97 x 72 of them are 64.67 waves, so 65,
        // where 96 x 72 were 64.
        let it = device("a100").unwrap().1;
        let model = GemmModel::new(it, 5e12, GemmKernel::Bf16, plain(), None);
        let (full, over) = (model.parts(1536.0, 4608.0, 8192.0).tiles, model.parts(1537.0, 4608.0, 8192.0).tiles);
        assert!((over / full - 65.0 / 64.0).abs() < 1e-9, "{full} {over}");
        let smooth = GemmModel::new(it, 5e12, GemmKernel::Bf16, GemmParameters { whole_waves: 0.0, ..plain() }, None);
        assert!(smooth.parts(1537.0, 4608.0, 8192.0).tiles < over);
    }

    #[test]
    fn splits_help_where_tiles_are_few_and_depth_is_large() {
        let it = device("h100").unwrap().1;
        let slow = GemmParameters { depth_ns: 1.0, ..plain() };
        let alone = GemmModel::new(it, 9e12, GemmKernel::Bf16, slow, None).time(16.0, 256.0, 16384.0);
        let split = GemmModel::new(it, 9e12, GemmKernel::Bf16, GemmParameters { splits: 32.0, ..slow }, None).time(16.0, 256.0, 16384.0);
        assert!(split < alone / 2.0, "{alone} {split}");
    }

    #[test]
    fn pieces_cover_the_whole() {
        for (total, pieces) in [(128.0, 1.0), (129.0, 2.0), (128.25, 1.25), (0.5, 1.0), (1e9 * 128.0, 1e9)] {
            assert_eq!(whole(total, 128.0, 1.0 / 128.0), pieces, "{total}");
        }
        assert_eq!(whole(108.0 * 7.0, 108.0, 1.0 / 108.0), 7.0);
    }

    #[test]
    fn a_fused_product_saves_its_launch() {
        let model = GemmModel::of(device("h200").unwrap().1, Format::Fp8);
        let saved = model.parts(4096.0, 4096.0, 4096.0).overhead - model.fused(1e-6).parts(4096.0, 4096.0, 4096.0).overhead;
        // Some ten us of launch, and 16.8 million activations at some 2 ps.
        assert!((30e-6..60e-6).contains(&saved), "{saved}");
    }

    #[test]
    fn nothing_overflows() {
        let it = device("h100").unwrap().1;
        let model = GemmModel::of(it, Format::Bf16);
        for size in [f64::NAN, -1.0, 0.0, 1e-300, 1e300, f64::INFINITY] {
            for seconds in [model.time(size, 4096.0, 4096.0), model.time(4096.0, size, size), model.time(size, size, size)] {
                assert!(seconds.is_finite() && seconds > 0.0, "{size}: {seconds}");
            }
        }
    }
}
