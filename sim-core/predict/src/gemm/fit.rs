//! Fits kernels to measured products.

use std::collections::BTreeMap;

use bastide_cost_models::compute::gemm::ratio::{covariance, log_ratio, place};
use bastide_cost_models::compute::gemm::{
    FittedGemm, GemmKernel, GemmLibrary, GemmModel, GemmParameters, MeasuredDevice, RatioPoint, Spread,
};
use bastide_cost_models::compute::{Conformal, Device, Generation, left_out};

use super::Question;
use super::descent::{least_squares, solve};
use crate::fit::Parameter;
use crate::{Family, Row, Table};

/// Support points of a kernel's ratio.
const SUPPORT: usize = 96;
/// Size of the ratio's logarithm away from any point, and of what no smooth ratio explains, from cross-validation by shape.
const RATIO_SIZE: f64 = 0.08;
const RATIO_NOISE: f64 = 0.04;
/// Errors beyond this are odd rows (another algorithm was chosen, another process ran) and pull no further.
const ODD: f64 = 0.4;
/// Weight of what is usual.
const USUAL: f64 = 0.2;
/// What quantiles over few sites are widened by.
const FEW_SITES: f64 = 1.15;
/// Parts of the cross-validation.
const FOLDS: u64 = 5;
/// A measured product.
#[derive(Clone, Copy, Debug)]
pub struct GemmPoint {
    /// Where it ran.
    pub device: &'static Device,
    /// Rows, columns and depth.
    pub shape: [f64; 3],
    /// How long it took \[s\].
    pub seconds: f64,
    /// Whether the weights came from memory every time, not from the cache.
    pub cold: bool,
}

/// What was measured of a kernel on one generation.
#[derive(Default)]
struct Measured<'a> {
    names: Vec<&'a str>,
    points: Vec<GemmPoint>,
}

/// The kernels of a table, from rows that are not left out and that `wanted` picks, at most `limit` of each device and kernel;
/// generations are those of `known`.
#[must_use]
pub fn library(table: &Table, known: &GemmLibrary, limit: usize, wanted: impl Fn(Row<'_>) -> bool) -> GemmLibrary {
    let mut types: BTreeMap<(GemmKernel, &str), Vec<(u64, GemmPoint)>> = BTreeMap::new();
    for row in table.rows().filter(|row| super::Gemm.scored(*row) && wanted(*row)) {
        let (Ok(question), Ok(measured)) = (Question::read(row), row.positive("latency_ms")) else { continue };
        if row.get("group").is_some_and(left_out) {
            continue;
        }
        let point = GemmPoint { device: question.device, shape: question.shape, seconds: measured * 1e-3, cold: false };
        types.entry((question.kernel, question.name)).or_default().push((hash(point.shape), point));
    }
    let mut kernels: BTreeMap<(Generation, GemmKernel), Measured<'_>> = BTreeMap::new();
    for ((kernel, name), mut points) in types {
        // Which ones are left when there are too many is by hash: neither by size nor by place in the table.
        points.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.seconds.total_cmp(&b.1.seconds)));
        points.truncate(limit);
        let Some((_, first)) = points.first() else { continue };
        let measured = kernels.entry((first.device.generation, kernel)).or_default();
        measured.names.push(name);
        measured.points.extend(points.into_iter().map(|(_, point)| point));
    }
    let fitted = kernels
        .into_iter()
        .filter_map(|((_, kernel), Measured { names, points })| {
            let source = format!(
                "{} products on {}, groups whose stable hash is 0 modulo 5 left out; ai-dynamo/aiconfigurator 095f58a51 (TensorRT-LLM \
                 1.0.0 on A100, 1.3.0rc20 on H100 and H200; operands not flushed from the cache; Apache-2.0)",
                points.len(),
                names.join(" and "),
            );
            from_points(known, kernel, &points, &source)
        })
        .collect();
    GemmLibrary { generation: known.generation.clone(), fitted }
}

/// A kernel from its measured products, all of one generation of chips: the parameters, the ratio, and how far off both are on
/// shapes that they had not seen. `None` below 30 products, which cannot tell the parameters apart.
#[must_use]
pub fn from_points(known: &GemmLibrary, kernel: GemmKernel, points: &[GemmPoint], source: &str) -> Option<FittedGemm> {
    let points: Vec<GemmPoint> =
        points.iter().copied().filter(|it| it.seconds > 0.0 && it.shape.iter().all(|size| size.is_finite() && *size > 0.0)).collect();
    let generation = points.first()?.device.generation;
    if points.len() < 30 || points.iter().any(|it| it.device.generation != generation) {
        return None;
    }
    // Which kernels there are besides: splits of the depth that a library tries, and one for vectors.
    let choices = [(1.0, 0.0), (7.0, 0.0), (32.0, 0.0), (1.0, 4.0), (7.0, 4.0)];
    // The one whose errors on sites that it had not seen are least.
    let ((splits, rows), errors) = choices
        .into_iter()
        .map(|(splits, rows)| ((splits, rows), unseen(known, kernel, &points, splits, rows)))
        .min_by(|a, b| mean_size(&a.1).total_cmp(&mean_size(&b.1)))?;
    let found = search(known, kernel, &points, splits, rows);
    Some(FittedGemm {
        kernel,
        generation,
        rows: points.len(),
        source: source.to_owned(),
        spread: spread(kernel, &errors)?,
        support: support(known, kernel, &found, &points),
        parameters: found.parameters,
        devices: found.devices,
        surface: std::sync::OnceLock::new(),
    })
}

/// Logarithms of predicted over measured times of sites that a fit had not seen, with the shapes.
fn unseen(known: &GemmLibrary, kernel: GemmKernel, points: &[GemmPoint], splits: f64, vector_rows: f64) -> Vec<([f64; 3], f64)> {
    let mut errors = Vec::with_capacity(points.len());
    for fold in 0..FOLDS {
        let inside = |it: &&GemmPoint| hash([0.0, it.shape[1], it.shape[2]]) % FOLDS == fold;
        let seen: Vec<GemmPoint> = points.iter().filter(|it| !inside(it)).copied().collect();
        if seen.is_empty() || seen.len() == points.len() {
            continue;
        }
        let found = search(known, kernel, &seen, splits, vector_rows);
        let support = support(known, kernel, &found, &seen);
        errors.extend(points.iter().filter(inside).map(|it| {
            let [m, n, k] = it.shape;
            (it.shape, log_error(known, kernel, &found, it) + log_ratio(&support, place(m, n, k)))
        }));
    }
    errors
}

/// Mean size of errors, odd rows cut.
fn mean_size(errors: &[([f64; 3], f64)]) -> f64 {
    errors.iter().map(|it| it.1.abs().min(1.0)).sum::<f64>() / errors.len().max(1) as f64
}

/// What a search found, without the ratio.
struct Found {
    parameters: GemmParameters,
    devices: Vec<MeasuredDevice>,
}

/// Logarithm of modelled over measured time, without the ratio.
fn log_error(known: &GemmLibrary, kernel: GemmKernel, found: &Found, it: &GemmPoint) -> f64 {
    let own = found.devices.iter().find(|own| own.title == it.device.title).map_or((1.0, 1.0), |own| (own.memory, own.time));
    log_error_of(known.cache_bandwidth(it.device), kernel, found.parameters, own, it)
}

fn log_error_of(cache: f64, kernel: GemmKernel, mut parameters: GemmParameters, (memory, time): (f64, f64), it: &GemmPoint) -> f64 {
    let [m, n, k] = it.shape;
    parameters.memory *= memory;
    let model = GemmModel::new(it.device, cache, kernel, parameters, None);
    let model = if it.cold { model.cold() } else { model };
    (model.time(m, n, k) * time / it.seconds).ln()
}

/// Values of the fitted parameters in order, and the parameters from values.
fn unpack(values: &[f64], splits: f64, vector_rows: f64) -> GemmParameters {
    GemmParameters {
        compute: values[0],
        memory: values[1],
        cache: values[2],
        resident: values[3],
        reuse: values[4],
        launch_us: values[5],
        wave_us: values[6],
        depth_ns: values[7],
        sharpness: values[8],
        whole_waves: values[9],
        reduction_us: values[10],
        activation_ps: values[11],
        throttle: values[12],
        ragged: values[13],
        vector_launch_us: values[14],
        vector_memory: values[15],
        splits,
        vector_rows,
    }
}

/// The launch model's parameters, and what sets the devices apart.
fn search(known: &GemmLibrary, kernel: GemmKernel, points: &[GemmPoint], splits: f64, vector_rows: f64) -> Found {
    // The parameters are of the first device, and of the others but for two factors.
    let mut titles: Vec<&str> = points.iter().map(|it| it.device.title.as_str()).collect();
    titles.sort_unstable();
    titles.dedup();
    let range = |start, low, high| Parameter { start, low, high };
    // The launch is what the smallest products take.
    let floor = points.iter().map(|it| it.seconds * 1e6).fold(f64::INFINITY, f64::min);
    let vector = if vector_rows > 0.0 { 1.0 } else { 0.0 };
    let mut ranges = vec![
        range(0.85, 0.3, 1.2),
        range(0.85, 0.4, 1.2),
        range(0.5, 0.05, 2.0),
        range(0.4, 0.1, 2.0),
        range(2.0, 0.1, 12.0),
        range(floor * 0.8, 0.2, floor * 1.1 + 0.3),
        range(1.0, 0.0, 6.0),
        range(1.0, 0.0, 8.0),
        range(2.0, 1.0, 8.0),
        range(0.5, 0.0, 1.0),
        range(1.0, 0.0, 8.0),
        range(0.1, 0.0, 5.0),
        range(0.02, 0.0, 0.1),
        range(0.0, 0.0, 0.6),
        range(floor * vector, 0.0, (floor * 2.0 + 5.0) * vector),
        range(0.8, 0.3, 0.8 + 0.3 * vector),
    ];
    let shared = ranges.len();
    for _ in 1..titles.len() {
        ranges.extend([range(1.0, 0.8, 1.2), range(1.0, 0.9, 1.1)]);
    }
    let own = |values: &[f64], index: usize| match index {
        0 => (1.0, 1.0),
        _ => (values[shared + 2 * index - 2], values[shared + 2 * index - 1]),
    };
    let places: Vec<(f64, usize)> = points
        .iter()
        .map(|it| (known.cache_bandwidth(it.device), titles.iter().position(|title| *title == it.device.title).unwrap_or(0)))
        .collect();
    let residuals = |values: &[f64]| {
        let trial = unpack(values, splits, vector_rows);
        // What is usual counts as a weak measurement of each parameter, so that few products cannot drive one far.
        let usual = values.iter().zip(&ranges).map(|(value, it)| USUAL * (value - it.start) / (it.high - it.low).max(1e-9));
        points
            .iter()
            .zip(&places)
            .map(|(it, (cache, index))| log_error_of(*cache, kernel, trial, own(values, *index), it))
            .chain(usual)
            .collect()
    };
    // Soft and sharp corners, whole and shared waves, cache and tiles that bound lie in valleys of their own: a start in each.
    let (values, _) = [(1.3, 0.9, 2.0), (2.5, 0.1, 2.0)]
        .into_iter()
        .map(|(sharpness, waves, reuse)| {
            let mut ranges = ranges.clone();
            ranges[8].start = sharpness;
            ranges[9].start = waves;
            ranges[4].start = reuse;
            least_squares(&ranges, residuals)
        })
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap_or_default();
    let devices = titles
        .iter()
        .enumerate()
        .map(|(index, title)| {
            let (memory, time) = own(&values, index);
            MeasuredDevice { title: (*title).to_owned(), memory, time }
        })
        .collect();
    Found { parameters: unpack(&values, splits, vector_rows), devices }
}

/// Support points, spread over the measured shapes, with the weights that a Gaussian process of them would have (Quinonero-Candela
/// and Rasmussen 2005, equation 16).
fn support(known: &GemmLibrary, kernel: GemmKernel, found: &Found, points: &[GemmPoint]) -> Vec<RatioPoint> {
    let places: Vec<[f64; 3]> = points.iter().map(|it| place(it.shape[0], it.shape[1], it.shape[2])).collect();
    let targets: Vec<f64> = points.iter().map(|it| -log_error(known, kernel, found, it).clamp(-ODD, ODD)).collect();
    let knots = spread_out(&places);
    let size = knots.len();
    let mut matrix = vec![0.0; size * size];
    let mut right = vec![0.0; size];
    let noise = (RATIO_NOISE / RATIO_SIZE).powi(2);
    for (at, target) in places.iter().zip(&targets) {
        let row: Vec<f64> = knots.iter().map(|knot| covariance(*knot, *at)).collect();
        for i in 0..size {
            right[i] += row[i] * target;
            for j in 0..=i {
                matrix[i * size + j] += row[i] * row[j];
            }
        }
    }
    for i in 0..size {
        for j in 0..=i {
            matrix[i * size + j] += noise * (covariance(knots[i], knots[j]) + if i == j { 1e-6 } else { 0.0 });
        }
    }
    let weights = solve(matrix, right);
    knots.into_iter().zip(weights).map(|([m, n, k], weight)| [m, n, k, weight]).collect()
}

/// Places of a quarter doubling, each the farthest from those before it (Gonzalez 1985).
fn spread_out(places: &[[f64; 3]]) -> Vec<[f64; 3]> {
    let mut rounded: Vec<[f64; 3]> = places.iter().map(|at| at.map(|value| (value * 4.0).round() / 4.0)).collect();
    rounded.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])).then(a[2].total_cmp(&b[2])));
    rounded.dedup();
    let square = |a: [f64; 3], b: [f64; 3]| (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2) + (a[2] - b[2]).powi(2);
    let mut chosen: Vec<[f64; 3]> = rounded.first().copied().into_iter().collect();
    let mut distance: Vec<f64> = rounded.iter().map(|at| chosen.first().map_or(0.0, |first| square(*at, *first))).collect();
    while chosen.len() < SUPPORT {
        let Some((index, far)) = distance.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1)) else { break };
        if far == 0.0 {
            break;
        }
        let next = rounded[index];
        for (distance, at) in distance.iter_mut().zip(&rounded) {
            *distance = distance.min(square(*at, next));
        }
        chosen.push(next);
    }
    chosen
}

/// Sizes of the cross-validated errors by kind of shape, each drawn to the mean of all as ten errors of that size would, and the
/// quantiles over them.
fn spread(kernel: GemmKernel, errors: &[([f64; 3], f64)]) -> Option<Spread> {
    let mean = mean_size(errors);
    let mut sums = [[(mean * 10.0, 10.0); 3]; 3];
    for ([m, n, k], error) in errors {
        let (rows, bytes) = Spread::kind(kernel, *m, *n, *k);
        let (sum, count) = &mut sums[rows][bytes];
        *sum += error.abs().min(1.0);
        *count += 1.0;
    }
    let size = sums.map(|row| row.map(|(sum, count)| (sum / count).max(1e-3)));
    let residuals = errors.iter().map(|([m, n, k], error)| {
        let (rows, bytes) = Spread::kind(kernel, *m, *n, *k);
        (-error, size[rows][bytes])
    });
    let found = Conformal::calibrate(residuals)?;
    // Products of one site err together, so that quantiles over some fifty sites are themselves uncertain: room for that.
    Some(Spread { size, conformal: Conformal { low: found.low * FEW_SITES, high: found.high * FEW_SITES } })
}

/// A stable number of a shape: FNV-1a over its bits (Fowler, Noll and Vo 1991).
fn hash(shape: [f64; 3]) -> u64 {
    let hash = shape
        .iter()
        .flat_map(|size| size.to_bits().to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    hash >> 32
}

/// The library as TOML, with as many digits as the fits support.
#[must_use]
pub fn render(library: &GemmLibrary) -> Option<String> {
    let mut value = toml::Value::try_from(library).ok()?;
    round(&mut value);
    Some(format!(
        "# Matrix products: kernels as measured, and what carries them over to other generations. `fitted` is written by the fit of\n\
         # the family `gemm`; generations are written by hand.\n\n{}",
        toml::to_string(&value).ok()?
    ))
}

/// Rounds every number to five digits.
fn round(value: &mut toml::Value) {
    match value {
        toml::Value::Float(number) if *number != 0.0 => {
            let scale = 10_f64.powi(4 - number.abs().log10().floor() as i32);
            *number = (*number * scale).round() / scale;
        }
        toml::Value::Array(items) => items.iter_mut().for_each(round),
        toml::Value::Table(items) => items.iter_mut().for_each(|(_, item)| round(item)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use bastide_cost_models::compute::device;

    use super::*;

    fn points(count: usize) -> Vec<GemmPoint> {
        // What a made-up kernel takes on an H100: sizes in thirds of a doubling, without noise.
        let known = GemmLibrary::shipped();
        let it = device("h100").unwrap().1;
        let truth = GemmParameters { compute: 0.75, memory: 0.9, launch_us: 5.0, whole_waves: 1.0, ..GemmParameters::usual() };
        let model = GemmModel::new(it, known.cache_bandwidth(it), GemmKernel::Bf16, truth, None);
        (0..count)
            .map(|i| {
                let size = |salt: u64, low: f64, doublings: u64| {
                    let step = hash([i as f64, salt as f64, 0.5]) % (3 * doublings);
                    (low * 2_f64.powf(step as f64 / 3.0)).round()
                };
                let shape = [size(1, 1.0, 14), size(2, 64.0, 9), size(3, 64.0, 9)];
                GemmPoint { device: it, shape, seconds: model.time(shape[0], shape[1], shape[2]), cold: false }
            })
            .collect()
    }

    #[test]
    fn a_calibration_finds_what_it_was_made_from() {
        let fitted = from_points(GemmLibrary::shipped(), GemmKernel::Bf16, &points(200), "made up").unwrap();
        let it = &fitted.parameters;
        assert!((it.compute / 0.75 - 1.0).abs() < 0.05 && (it.memory / 0.9 - 1.0).abs() < 0.05, "{it:?}");
        let library = GemmLibrary::shipped().clone().with(fitted);
        let model = library.model(device("h100").unwrap().1, GemmKernel::Bf16);
        let errors: Vec<f64> =
            points(400)[200..].iter().map(|it| (model.time(it.shape[0], it.shape[1], it.shape[2]) / it.seconds - 1.0).abs()).collect();
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        assert!(mean < 0.02, "{mean}");
    }

    #[test]
    fn too_few_or_mixed_products_are_refused() {
        let known = GemmLibrary::shipped();
        assert!(from_points(known, GemmKernel::Bf16, &[], "none").is_none());
        assert!(from_points(known, GemmKernel::Bf16, &points(20), "few").is_none());
        let mut mixed = points(100);
        mixed[7].device = device("a100").unwrap().1;
        assert!(from_points(known, GemmKernel::Bf16, &mixed, "mixed").is_none());
        let broken: Vec<GemmPoint> = points(100).into_iter().map(|it| GemmPoint { seconds: f64::NAN, ..it }).collect();
        assert!(from_points(known, GemmKernel::Bf16, &broken, "broken").is_none());
    }

    #[test]
    fn a_library_is_read_back_as_rendered() {
        let text = render(GemmLibrary::shipped()).unwrap();
        let again = GemmLibrary::read(&text).unwrap();
        assert_eq!(again.fitted.len(), GemmLibrary::shipped().fitted.len());
        assert_eq!(render(&again).unwrap(), text);
    }
}
