//! Throughput: kernels, steps of serving and training, the search over layouts, tables, and replays request by request.
//!
//! Times are CPU time of the thread, where the system tells it (Linux), so that other work on the machine does not count. Tables
//! come from the reference data (`BASTIDE_REFERENCE_DATA`) and are skipped where it is absent.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a bench says what it found and what it leaves out")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use bastide_cost_models::compute::attention::{Heads, decode_attention_time};
use bastide_cost_models::compute::collective::{Collective, Fabric, collective_time};
use bastide_cost_models::compute::gemm::{GemmModel, Product, gemm_time};
use bastide_cost_models::compute::serving::sizing::{Demand, size};
use bastide_cost_models::compute::serving::{Batch, Deployment, Engine, Layout, Lengths, Targets};
use bastide_cost_models::compute::training::{self, Fixed, Setting, Task, peak_memory, search, step};
use bastide_cost_models::compute::{Architecture, Device, Format, architecture, device};
use bastide_engine::{Stream, stream_key};
use bastide_predict::replay::{Policy, Request, Requests, Since, StepModel, Trace, profile_of, serve};
use bastide_predict::{Family, Table, evaluate, family_of};
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};

/// Time on the processor.
struct CpuTime;

impl CpuTime {
    fn now() -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        // The kernel brings its account up to date when the thread yields.
        std::thread::yield_now();
        std::fs::read_to_string("/proc/thread-self/schedstat")
            .ok()
            .and_then(|text| text.split(' ').next()?.parse().ok())
            .map_or_else(|| START.get_or_init(Instant::now).elapsed(), Duration::from_nanos)
    }
}

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        Self::now()
    }

    fn end(&self, start: Duration) -> Duration {
        Self::now().saturating_sub(start)
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

/// Whether a filter of the command line asks for this part.
fn wanted(part: &str) -> bool {
    std::env::args().skip(1).filter(|it| !it.starts_with('-')).all(|filter| part.contains(&filter) || filter.contains(part))
}

fn sheet(name: &str) -> &'static Device {
    device(name).expect("the library has it").1
}

fn model(name: &str) -> &'static Architecture {
    architecture(name).expect("the library has it").1
}

/// A number that changes from call to call, so that no call's work is done once for all.
fn turn(count: &mut u32) -> f64 {
    *count = count.wrapping_add(1);
    f64::from(*count % 256)
}

fn kernels(c: &mut Criterion<CpuTime>) {
    let h100 = sheet("h100");
    let mut n = 0;
    let mut group = c.benchmark_group("kernel");
    group.sample_size(10);
    group.bench_function("matrix product, with its look-up", |b| {
        b.iter(|| black_box(gemm_time(h100, Product { m: 1.0 + turn(&mut n), n: 8192.0, k: 8192.0, format: Format::Bf16 })));
    });
    let products = GemmModel::of(h100, Format::Bf16).cold();
    group.bench_function("matrix product, looked up before", |b| {
        b.iter(|| black_box(products.time(1.0 + turn(&mut n), 8192.0, 8192.0)));
    });
    let heads = Heads { query: 32.0, key_value: 8.0, size: 128.0, window: f64::INFINITY, cache: Format::Bf16, format: Format::Bf16 };
    group.bench_function("decode attention", |b| {
        b.iter(|| black_box(decode_attention_time(h100, heads, 1.0 + turn(&mut n), 4096.0)));
    });
    group.bench_function("all-reduce in a domain", |b| {
        b.iter(|| black_box(collective_time(h100, Collective::AllReduce, 1e6 * (1.0 + turn(&mut n)), 8.0, Fabric::ScaleUp)));
    });
    let network = Fabric::Network { inside: 8.0, bandwidth: 50e9, latency: 5e-6 };
    group.bench_function("all-reduce of 1,024 over the network", |b| {
        b.iter(|| black_box(collective_time(h100, Collective::AllReduce, 1e6 * (1.0 + turn(&mut n)), 1024.0, network)));
    });
    group.finish();
}

fn serving(c: &mut Criterion<CpuTime>) {
    let h200 = sheet("h200");
    let dense = Deployment::new(h200, model("llama-3.1-70b"), Format::Fp8, Layout::tensor(4.0), Engine::Vllm);
    let layout = Layout { tensor: 1.0, pipeline: 1.0, expert: 8.0, data: 8.0 };
    let sparse = Deployment::new(h200, model("deepseek-v3"), Format::Fp8Block, layout, Engine::Sglang);
    let lengths = Lengths { prompt: 1024.0, output: 1024.0 };
    let mut n = 0;
    let mut group = c.benchmark_group("serving");
    group.sample_size(10);
    for (name, it) in [("dense", &dense), ("mixture of experts", &sparse)] {
        group.bench_function(format!("one step, {name}"), |b| {
            b.iter(|| black_box(it.step_time(&Batch::decode(1.0 + turn(&mut n), 1500.0))));
        });
        group.bench_function(format!("one configuration (TTFT, TPOT, rate), {name}"), |b| {
            b.iter(|| black_box(it.closed_loop(1.0 + turn(&mut n), lengths, None)));
        });
    }
    let targets = Targets { ttft_p95: 2.0, tpot: 0.05 };
    group.bench_function("fleet for a demand, all layouts, mixture of experts", |b| {
        b.iter(|| black_box(size(&sparse, lengths, None, targets, Demand::Requests(50.0 + turn(&mut n)))));
    });
    group.finish();
}

fn training(c: &mut Criterion<CpuTime>) {
    let setting = Setting::new(sheet("h100"), "meta");
    let llama = Task { architecture: model("llama-3.1-405b"), sequence_length: 8192.0 };
    let sparse = Task { architecture: model("deepseek-v3"), sequence_length: 4096.0 };
    let base = training::Layout { devices: 16_384, global_batch: 2048, ..training::Layout::default() };
    let dense = training::Layout { tensor: 8, pipeline: 16, data: 128, interleaving: 7, ..base };
    let experts =
        training::Layout { devices: 2048, pipeline: 16, data: 128, expert: 64, global_batch: 15_360, precision: Format::Fp8Block, ..base };
    let mut n = 0;
    let mut group = c.benchmark_group("training");
    group.sample_size(10);
    for (name, task, layout) in [("405B on 16,384 H100", llama, dense), ("DeepSeek-V3 on 2,048 H100", sparse, experts)] {
        layout.check(task.architecture).expect("a layout that divides");
        group.bench_function(format!("one step, {name}"), |b| {
            b.iter(|| {
                let task = Task { sequence_length: task.sequence_length + turn(&mut n), ..task };
                black_box(step(setting, task, &layout).seconds())
            });
        });
        group.bench_function(format!("memory, {name}"), |b| {
            b.iter(|| {
                let task = Task { sequence_length: task.sequence_length + turn(&mut n), ..task };
                black_box(peak_memory(&task, &layout).total())
            });
        });
    }
    let few = training::Layout { global_batch: 2048, ..experts };
    for (name, task, base) in [("405B on 16,384 H100", llama, base), ("DeepSeek-V3 on 2,048 H100", sparse, few)] {
        assert_eq!(search(setting, task, &base, &Fixed::NOTHING, 5).len(), 5, "{name}: layouts that fit");
        group.bench_function(format!("search of all layouts, {name}"), |b| {
            b.iter(|| black_box(search(setting, task, &base, &Fixed::NOTHING, 5).len()));
        });
    }
    group.finish();
}

/// Rows to which the reference tables are repeated.
const ROWS: usize = 4000;

fn reference() -> PathBuf {
    std::env::var_os("BASTIDE_REFERENCE_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from)
        .join("ai")
}

/// A table's rows one after the other, again and again, until there are enough.
fn repeated(text: &str) -> String {
    let (head, rows) = text.split_once('\n').expect("a table has a head");
    let mut reader = csv_rows(rows).into_iter().cycle().take(ROWS).peekable();
    assert!(reader.peek().is_some(), "a table has rows");
    reader.fold(format!("{head}\n"), |text, row| text + row + "\n")
}

/// Rows of a CSV, of which quoted ones may go over several lines.
fn csv_rows(text: &str) -> Vec<&str> {
    let (mut rows, mut start, mut quoted) = (Vec::new(), 0, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => {
                rows.push(text[start..at].trim_end_matches('\r'));
                start = at + 1;
            }
            _ => {}
        }
    }
    rows.retain(|row| !row.is_empty());
    rows
}

fn tables(c: &mut Criterion<CpuTime>) {
    let requests = Requests::new(|name| std::fs::read_to_string(reference().join(name)).map_err(|error| error.to_string()));
    let mut group = c.benchmark_group("table of 4,000 rows, read and answered");
    group.sample_size(10).sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(ROWS as u64));
    for name in [
        "calibration_gemm",
        "calibration_attention",
        "calibration_collectives",
        "inference",
        "inference_silicon_e2e",
        "training",
        "training_steps_memory",
        "distributed",
        "inference_requests_summary",
    ] {
        let path = reference().join(name).with_extension("csv");
        let Ok(text) = std::fs::read_to_string(&path) else {
            eprintln!("skipped: no reference table at {}", path.display());
            continue;
        };
        let text = repeated(&text);
        let answered = |text: &str| {
            let table = Table::read(text).expect("a reference table is sound");
            let mut family: &dyn Family = family_of(&table).expect("a known kind");
            if family.name() == requests.name() {
                family = &requests;
            }
            let evaluation = evaluate(family, &table);
            (evaluation.rows.len(), evaluation.summaries().len())
        };
        assert_eq!(answered(&text).0, ROWS, "{name}");
        group.bench_function(name, |b| b.iter(|| black_box(answered(&text))));
    }
    group.finish();
}

/// Requests of chat: Poisson arrivals, lognormal lengths with means of 860 and 650 tokens, as in the measured request files.
fn requests(count: usize, rate: f64) -> Trace {
    let mut draw = Stream::new(1, 0, stream_key("bench", "requests"));
    let mut at = 0.0;
    let mut length = |median: f64| 1.0 + draw.lognormal(median, 0.8).min(16_000.0);
    let lengths: Vec<(f64, f64)> = (0..count).map(|_| (length(625.0), length(470.0))).collect();
    let requests = lengths.into_iter().map(|(input, output)| {
        at += draw.exponential(1.0 / rate);
        Request { arrival: at, input: input as u32, output: output as u32 }
    });
    Trace::new(requests.collect()).expect("drawn requests are sound")
}

/// Largest memory that the process has had \[MiB\], since `reset` where the system lets it be reset.
fn peak_mib(reset: bool) -> f64 {
    if reset {
        let _ = std::fs::write("/proc/self/clear_refs", "5");
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok()).map_or(f64::NAN, |kib| kib / 1024.0)
}

/// A million requests on one replica of Llama-3.1-8B, at a load below and one above what it can carry: of a machine that has been
/// profiled, and of one with the kernels' models alone.
fn replays(_: &mut Criterion<CpuTime>) {
    const MILLION: usize = 1_000_000;
    if !wanted("replay") {
        return;
    }
    for name in ["rtx-pro-6000", "h100"] {
        let it = Deployment::new(sheet(name), model("llama-3.1-8b"), Format::Bf16, Layout::tensor(1.0), Engine::Vllm);
        let policy = Policy::default();
        let most = serve(&requests(2000, 1e3), &it, &policy).expect("it is served").summary(Since::Arrival).requests_per_s;
        for (load, share) in [("light", 0.1), ("half", 0.5), ("saturated", 1.5)] {
            let trace = requests(MILLION, share * most);
            let before = peak_mib(true);
            let start = CpuTime.start();
            let summary = serve(&trace, &it, &policy).expect("it is served").summary(Since::Arrival);
            let seconds = CpuTime.end(start).as_secs_f64();
            println!(
                "replay of {MILLION} requests, {name} ({}), {load} load ({:.1} requests/s, {:.0} decode at a time): {seconds:.2} s of CPU, \
                 {:.0} requests/s; memory {:.0} MiB, {before:.0} of them before it began",
                if profile_of(&it).is_some() { "profiled" } else { "kernels" },
                share * most,
                summary.mean_batch,
                MILLION as f64 / seconds,
                peak_mib(false),
            );
        }
    }
}

criterion_group!(
    name = benches;
    config = Criterion::default().with_measurement(CpuTime).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(2));
    targets = kernels, serving, training, tables, replays
);
criterion_main!(benches);
