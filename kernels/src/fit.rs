//! What follows from the points: a few constants that describe the device.
//!
//! Lines t = latency + work / rate are fitted by least squares of relative errors, so that short runs count as much as long
//! ones; a latency below zero is taken as zero.

use bastide_cost_models::library;
use serde::{Deserialize, Serialize};

use crate::blas::Format;
use crate::harness::{quantile, rounded};
use crate::profile::{Point, counted};
use crate::suite::{Activity, CollectiveOperation, Direction, HostMemory, LaunchMode, StreamOperation, Work};

/// The constants of a device.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fit {
    /// Time from one empty kernel to the next in a stream \[s\].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub launch_stream_s: Option<f64>,
    /// The same in a graph \[s\].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub launch_graph_s: Option<f64>,
    /// Time until the host knows that one empty kernel is done \[s\].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub launch_single_s: Option<f64>,
    /// Matrix products, by format.
    #[serde(default)]
    pub gemm: Vec<GemmFit>,
    /// Memory, by operation.
    #[serde(default)]
    pub stream: Vec<StreamFit>,
    /// Decode attention: work is bytes of keys and values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decode_attention: Option<Line>,
    /// Prefill attention: work is floating-point operations, half of the square counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefill_attention: Option<Line>,
    /// Links: to the host, and between devices. Work is bytes.
    #[serde(default)]
    pub link: Vec<LinkFit>,
    /// Power, by activity.
    #[serde(default)]
    pub power: Vec<PowerFit>,
}

/// Matrix products of one format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GemmFit {
    /// `bf16` or `fp8`.
    pub format: String,
    /// Rate of large products: median over those of at least 2,048 rows \[FLOP/s\].
    pub rate: f64,
    /// The best rate of any \[FLOP/s\].
    pub best_rate: f64,
    /// Share of the data sheet's dense peak that `rate` is (twice the 16-bit peak for fp8), where the data sheet is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub efficiency: Option<f64>,
    /// Bandwidth at which products of at most 16 rows read their weights: median \[B/s\].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_bandwidth: Option<f64>,
}

/// Memory bandwidth of one stream operation, bytes read and written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamFit {
    /// `copy`, `read` or `triad`.
    pub operation: String,
    /// At the largest size \[B/s\].
    pub memory_bandwidth: f64,
    /// The best of any size \[B/s\].
    pub cache_bandwidth: f64,
    /// The largest size that runs nearer to the best than to the memory's bandwidth \[B\].
    pub cache_bytes: u64,
}

/// t = latency + work / rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Time of no work \[s\].
    pub latency_s: f64,
    /// Work per second.
    pub rate: f64,
    /// Median of the relative errors of the line at its points.
    pub error: f64,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkFit {
    /// `host-to-device pinned`, `peer-copy 2`, `all-reduce 8`.
    pub name: String,
    /// Its line; work is bytes.
    pub line: Line,
}

/// Power during an activity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PowerFit {
    /// `idle`, `stream`, `matrix` or `decode`.
    pub activity: String,
    /// Board power \[W\].
    pub power_w: f64,
    /// Energy of one unit of work: a byte for a stream and for decode, an operation for matrices \[J\].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joule_per_work: Option<f64>,
}

/// Fits a line to (work, seconds); none with fewer than two points or without a rise.
fn line(points: &[(f64, f64)]) -> Option<Line> {
    let points: Vec<(f64, f64)> = points.iter().copied().filter(|(work, seconds)| *work > 0.0 && *seconds > 0.0).collect();
    if points.len() < 2 {
        return None;
    }
    let sum = |term: &dyn Fn(f64, f64) -> f64| points.iter().map(|(work, seconds)| term(1.0 / seconds, work / seconds)).sum::<f64>();
    let [aa, ab, bb, a, b] = [sum(&|u, _| u * u), sum(&|u, v| u * v), sum(&|_, v| v * v), sum(&|u, _| u), sum(&|_, v| v)];
    let determinant = aa * bb - ab * ab;
    let mut latency = (a * bb - b * ab) / determinant;
    let mut inverse = (b * aa - a * ab) / determinant;
    if !latency.is_finite() || latency < 0.0 {
        latency = 0.0;
        inverse = b / bb;
    }
    if !inverse.is_finite() || inverse <= 0.0 {
        return None;
    }
    let errors: Vec<f64> = points.iter().map(|(work, seconds)| ((latency + work * inverse) / seconds - 1.0).abs()).collect();
    Some(Line { latency_s: rounded(latency), rate: rounded(1.0 / inverse), error: rounded(quantile(&errors, 0.5)) })
}

impl Fit {
    /// Fits the constants to the points that count. `accelerator` is the device's name in the library of accelerators.
    #[must_use]
    pub fn of(points: &[Point], accelerator: Option<&str>) -> Self {
        let counted: Vec<(Work, &Point, f64)> = counted(points).collect();
        let launch = |which| {
            counted.iter().find(|(work, ..)| matches!(work, Work::Launch { mode } if *mode == which)).map(|(.., seconds)| rounded(*seconds))
        };
        let times = |pick: &dyn Fn(&Work) -> Option<f64>| -> Vec<(f64, f64)> {
            counted.iter().filter_map(|(work, _, seconds)| pick(work).map(|amount| (amount, *seconds))).collect()
        };
        let decode = times(&|work| match *work {
            Work::DecodeAttention { batch, context, kv_heads, head_dim, .. } => {
                Some(4.0 * f64::from(batch) * f64::from(context) * f64::from(kv_heads) * f64::from(head_dim))
            }
            _ => None,
        });
        let prefill = times(&|work| matches!(work, Work::PrefillAttention { .. }).then(|| work.flops()));
        let peak = accelerator.and_then(|name| library().accelerators.get(name)).map(|data| data.peak.value.as_flop_per_s());
        Self {
            launch_stream_s: launch(LaunchMode::Stream),
            launch_graph_s: launch(LaunchMode::Graph),
            launch_single_s: launch(LaunchMode::Single),
            gemm: [Format::Bf16, Format::Fp8].into_iter().filter_map(|format| gemm(&counted, format, peak)).collect(),
            stream: [StreamOperation::Copy, StreamOperation::Read, StreamOperation::Triad]
                .into_iter()
                .filter_map(|operation| stream(&counted, operation))
                .collect(),
            decode_attention: line(&decode),
            prefill_attention: line(&prefill),
            link: links(&times),
            power: [Activity::Idle, Activity::Stream, Activity::Matrix, Activity::Decode]
                .into_iter()
                .filter_map(|activity| power(&counted, activity))
                .collect(),
        }
    }

    /// Every constant with its name, in order: `gemm.bf16.rate`.
    #[must_use]
    pub fn values(&self) -> Vec<(String, f64)> {
        let mut list = Vec::new();
        let mut add = |name: String, value: Option<f64>| list.extend(value.map(|value| (name, value)));
        add("launch_stream_s".to_owned(), self.launch_stream_s);
        add("launch_graph_s".to_owned(), self.launch_graph_s);
        add("launch_single_s".to_owned(), self.launch_single_s);
        for gemm in &self.gemm {
            let format = &gemm.format;
            add(format!("gemm.{format}.rate"), Some(gemm.rate));
            add(format!("gemm.{format}.best_rate"), Some(gemm.best_rate));
            add(format!("gemm.{format}.efficiency"), gemm.efficiency);
            add(format!("gemm.{format}.weight_bandwidth"), gemm.weight_bandwidth);
        }
        for stream in &self.stream {
            let operation = &stream.operation;
            add(format!("stream.{operation}.memory_bandwidth"), Some(stream.memory_bandwidth));
            add(format!("stream.{operation}.cache_bandwidth"), Some(stream.cache_bandwidth));
            add(format!("stream.{operation}.cache_bytes"), Some(stream.cache_bytes as f64));
        }
        let links = self.link.iter().map(|link| (format!("link.{}", link.name), link.line));
        let attention = [("decode_attention", self.decode_attention), ("prefill_attention", self.prefill_attention)];
        let attention = attention.into_iter().filter_map(|(name, line)| line.map(|line| (name.to_owned(), line)));
        for (name, line) in attention.chain(links) {
            add(format!("{name}.latency_s"), Some(line.latency_s));
            add(format!("{name}.rate"), Some(line.rate));
            add(format!("{name}.error"), Some(line.error));
        }
        for power in &self.power {
            add(format!("power.{}.power_w", power.activity), Some(power.power_w));
            add(format!("power.{}.joule_per_work", power.activity), power.joule_per_work);
        }
        list
    }

    /// Whether every constant is a number that is not negative.
    pub(crate) fn plausible(&self) -> bool {
        self.values().iter().all(|(_, value)| value.is_finite() && *value >= 0.0)
    }
}

fn gemm(counted: &[(Work, &Point, f64)], which: Format, peak: Option<f64>) -> Option<GemmFit> {
    let (mut large, mut all, mut small) = (Vec::new(), Vec::new(), Vec::new());
    for (work, _, seconds) in counted {
        let Work::Gemm { format, m, n, k, cold: true } = *work else { continue };
        if format != which {
            continue;
        }
        let rate = work.flops() / seconds;
        all.push(rate);
        if m >= 2048 {
            large.push(rate);
        }
        if m <= 16 {
            small.push(n as f64 * k as f64 * format.bytes() as f64 / seconds);
        }
    }
    let best = all.iter().copied().fold(f64::NAN, f64::max);
    let rate = if large.is_empty() { best } else { quantile(&large, 0.5) };
    let double = if which == Format::Fp8 { 2.0 } else { 1.0 };
    rate.is_finite().then(|| GemmFit {
        format: which.word().to_owned(),
        rate: rounded(rate),
        best_rate: rounded(best),
        efficiency: peak.map(|peak| rounded(rate / (peak * double))),
        weight_bandwidth: (!small.is_empty()).then(|| rounded(quantile(&small, 0.5))),
    })
}

fn stream(counted: &[(Work, &Point, f64)], which: StreamOperation) -> Option<StreamFit> {
    let mut curve: Vec<(u64, f64)> = counted
        .iter()
        .filter_map(|(work, _, seconds)| match *work {
            Work::Stream { operation, bytes } if operation == which => Some((bytes, bytes as f64 / seconds)),
            _ => None,
        })
        .collect();
    curve.sort_by_key(|(bytes, _)| *bytes);
    let (_, memory) = *curve.last()?;
    let best = curve.iter().map(|(_, bandwidth)| *bandwidth).fold(memory, f64::max);
    let cached = curve.iter().filter(|(_, bandwidth)| *bandwidth > f64::midpoint(memory, best)).map(|(bytes, _)| *bytes).max();
    Some(StreamFit {
        operation: which.word().to_owned(),
        memory_bandwidth: rounded(memory),
        cache_bandwidth: rounded(best),
        cache_bytes: cached.unwrap_or(0),
    })
}

/// (work, seconds) of the points that a function picks, with what it calls their work.
type Times<'a> = dyn Fn(&dyn Fn(&Work) -> Option<f64>) -> Vec<(f64, f64)> + 'a;

fn links(times: &Times<'_>) -> Vec<LinkFit> {
    let mut list = Vec::new();
    for way in [Direction::HostToDevice, Direction::DeviceToHost] {
        for kind in [HostMemory::Pinned, HostMemory::Pageable] {
            let points = times(&|work| match *work {
                Work::Transfer { direction, memory, bytes } if (direction, memory) == (way, kind) => Some(bytes as f64),
                _ => None,
            });
            let name = format!("{} {}", way.word(), kind.word());
            list.extend(line(&points).map(|line| LinkFit { name, line }));
        }
    }
    for what in [CollectiveOperation::PeerCopy, CollectiveOperation::StagedCopy, CollectiveOperation::AllReduce] {
        for count in [2, 4, 8] {
            let points = times(&|work| match *work {
                Work::Collective { operation, devices, bytes } if (operation, devices) == (what, count) => Some(bytes as f64),
                _ => None,
            });
            let name = format!("{} {count}", what.word());
            list.extend(line(&points).map(|line| LinkFit { name, line }));
        }
    }
    list
}

fn power(counted: &[(Work, &Point, f64)], which: Activity) -> Option<PowerFit> {
    let (_, point, power) = counted.iter().find(|(work, ..)| matches!(work, Work::Power { activity } if *activity == which))?;
    let rate = point.rate.filter(|rate| *rate > 0.0);
    Some(PowerFit { activity: which.word().to_owned(), power_w: rounded(*power), joule_per_work: rate.map(|rate| rounded(power / rate)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_again() {
        // 5 us and 1 TB/s, exactly.
        let points: Vec<(f64, f64)> = [1e5, 1e6, 1e8, 1e9].map(|work| (work, 5e-6 + work / 1e12)).to_vec();
        let fit = line(&points).unwrap();
        assert!((fit.latency_s / 5e-6 - 1.0).abs() < 1e-3 && (fit.rate / 1e12 - 1.0).abs() < 1e-3 && fit.error < 1e-3, "{fit:?}");
    }

    #[test]
    fn a_line_has_no_negative_latency() {
        let fit = line(&[(1.0, 0.9), (2.0, 2.0), (4.0, 4.2)]).unwrap();
        assert_eq!(fit.latency_s, 0.0);
        assert!((0.9..1.1).contains(&fit.rate), "{fit:?}");
        assert_eq!(line(&[(1.0, 1.0)]), None);
        assert_eq!(line(&[(1.0, 1.0), (0.0, 3.0), (f64::NAN, 1.0)]), None);
    }
}
