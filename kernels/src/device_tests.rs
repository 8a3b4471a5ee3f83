//! Everything that needs a device: each kernel and each kind of measurement on it, against double precision.

use crate::blas::{Format, Gemm, Product};
use crate::gpu::Gpu;
use crate::launch::{self, AttentionPointers, GradientPointers, Joint, Prefill};
use crate::measure::Bench;
use crate::reference;
use crate::steps::{ModelShape, decode_step, training_step};
use crate::suite::{Activity, Direction, HostMemory, LaunchMode, StreamOperation, Work};
use crate::{CalibrationOptions, calibrate, check};

/// Fails on a void point; prints what was measured.
#[allow(clippy::print_stderr, reason = "figures for the person who runs it")]
fn measure(bench: &mut Bench, work: Work) {
    let point = bench.measure(work).unwrap();
    eprintln!(
        "{work:?}: {:.4e} s ({:.4e} to {:.4e}), {} samples of {} runs, graph {}, error {:?}, {:.4e} FLOP/s, {:.4e} B/s",
        point.median(),
        point.p10(),
        point.p90(),
        point.samples.len(),
        point.runs,
        point.graph,
        point.error,
        work.flops() / point.median(),
        work.device_bytes() as f64 / point.median(),
    );
    assert_eq!(point.void, None, "{work:?}");
    assert!(point.samples.len() >= 5 || matches!(work, Work::Power { .. }), "{work:?}");
}

#[test]
#[ignore = "needs a CUDA device"]
fn every_kind_of_work_is_measured_and_right() {
    let mut bench = Bench::new(Gpu::open(0, &[]).unwrap(), true).unwrap();
    let fp8 = bench.gpu.has_fp8();
    for format in [Format::Bf16, Format::Fp8].into_iter().take(1 + usize::from(fp8)) {
        for (m, n, k) in [(16, 4096, 4096), (128, 1280, 8192), (4096, 4096, 4096)] {
            for cold in [true, false] {
                measure(&mut bench, Work::Gemm { format, m, n, k, cold });
            }
        }
    }
    measure(&mut bench, Work::Gemm { format: Format::Bf16, m: 1, n: 28_672, k: 4096, cold: true });
    for operation in [StreamOperation::Copy, StreamOperation::Read, StreamOperation::Triad] {
        for bytes in [1 << 20, 30 << 20, 1 << 30] {
            measure(&mut bench, Work::Stream { operation, bytes });
        }
    }
    for (heads, kv_heads, head_dim) in [(32, 8, 128), (8, 8, 64), (16, 1, 128)] {
        for (batch, context) in [(1, 1), (3, 777), (64, 4096), (1, 32_768)] {
            measure(&mut bench, Work::DecodeAttention { batch, context, heads, kv_heads, head_dim });
        }
        for (batch, length) in [(1, 5), (2, 300), (1, 4096)] {
            measure(&mut bench, Work::PrefillAttention { batch, length, heads, kv_heads, head_dim });
        }
    }
    for mode in [LaunchMode::Stream, LaunchMode::Graph, LaunchMode::Single] {
        measure(&mut bench, Work::Launch { mode });
    }
    for direction in [Direction::HostToDevice, Direction::DeviceToHost] {
        for memory in [HostMemory::Pinned, HostMemory::Pageable] {
            for bytes in [64 << 10, 64 << 20] {
                measure(&mut bench, Work::Transfer { direction, memory, bytes });
            }
        }
    }
    for activity in [Activity::Idle, Activity::Stream, Activity::Matrix, Activity::Decode] {
        measure(&mut bench, Work::Power { activity });
    }
}

#[test]
#[ignore = "needs a CUDA device"]
fn small_and_odd_shapes_are_measured_and_right() {
    let mut bench = Bench::new(Gpu::open(0, &[]).unwrap(), true).unwrap();
    for cold in [true, false] {
        measure(&mut bench, Work::Gemm { format: Format::Bf16, m: 3, n: 48, k: 80, cold });
    }
    for operation in [StreamOperation::Copy, StreamOperation::Read, StreamOperation::Triad] {
        for bytes in [96, 100_000] {
            measure(&mut bench, Work::Stream { operation, bytes });
        }
    }
    for (batch, context, heads, kv_heads, head_dim) in [(2, 300, 4, 2, 64), (1, 1, 3, 3, 128), (1, 515, 8, 1, 64)] {
        measure(&mut bench, Work::DecodeAttention { batch, context, heads, kv_heads, head_dim });
    }
    for (batch, length, heads, kv_heads, head_dim) in [(2, 70, 2, 1, 64), (1, 1, 1, 1, 128)] {
        measure(&mut bench, Work::PrefillAttention { batch, length, heads, kv_heads, head_dim });
    }
    measure(&mut bench, Work::Transfer { direction: Direction::HostToDevice, memory: HostMemory::Pinned, bytes: 5000 });
    measure(&mut bench, Work::Transfer { direction: Direction::DeviceToHost, memory: HostMemory::Pageable, bytes: 1 });
    for mode in [LaunchMode::Stream, LaunchMode::Graph, LaunchMode::Single] {
        measure(&mut bench, Work::Launch { mode });
    }
    measure(&mut bench, Work::Power { activity: Activity::Idle });
    if bench.gpu.has_fp8() {
        measure(&mut bench, Work::Gemm { format: Format::Fp8, m: 16, n: 48, k: 80, cold: true });
    }
    // What cannot be measured is void and says why; the device goes on.
    let wrong = Work::DecodeAttention { batch: 1, context: 64, heads: 7, kv_heads: 2, head_dim: 64 };
    assert!(bench.measure(wrong).unwrap().void.unwrap().contains("7 query heads"));
    let large = Work::Gemm { format: Format::Bf16, m: 1 << 20, n: 1 << 20, k: 1 << 20, cold: true };
    assert!(bench.measure(large).unwrap().void.unwrap().contains("bytes of device memory"));
    measure(&mut bench, Work::Gemm { format: Format::Bf16, m: 3, n: 48, k: 80, cold: true });
}

#[test]
#[ignore = "needs two CUDA devices"]
fn devices_sum_and_copy_rightly() {
    use crate::suite::CollectiveOperation::{AllReduce, PeerCopy, StagedCopy};
    let count = crate::devices().unwrap().len() as u32;
    assert!(count >= 2, "needs two CUDA devices");
    let mut bench = Bench::new(Gpu::open(0, &[]).unwrap(), true).unwrap();
    for operation in [PeerCopy, StagedCopy] {
        measure(&mut bench, Work::Collective { operation, devices: 2, bytes: 64 << 20 });
    }
    for devices in [2, 4, 8].into_iter().filter(|devices| *devices <= count) {
        measure(&mut bench, Work::Collective { operation: AllReduce, devices, bytes: 64 << 20 });
    }
}

/// Values in device memory.
fn values(gpu: &Gpu, at: u64, count: u64) -> Vec<f64> {
    gpu.download::<u16>(at, count as usize).unwrap().into_iter().map(reference::bf16).collect()
}

#[test]
#[ignore = "needs a CUDA device"]
fn gradients_of_products_are_right() {
    let gpu = Gpu::open(0, &[]).unwrap();
    let [m, n, k] = [64u64, 96, 160];
    let buffer = gpu.buffer(1 << 20).unwrap();
    let [x, w, d, out] = [0u64, 1, 2, 3].map(|i| buffer.pointer() + (i << 18));
    for (at, count, seed) in [(x, m * k, 1), (w, n * k, 2), (d, m * n, 3)] {
        gpu.launch(&launch::fill_bf16(at, seed, 1.0, count)).unwrap();
    }
    let [xs, ws, ds] = [(x, m * k), (w, n * k), (d, m * n)].map(|(at, count)| values(&gpu, at, count));
    let [m, n, k] = [m as usize, n as usize, k as usize];
    let run = |product, left, right| {
        let gemm = Gemm::new(&gpu.blas, Format::Bf16, product, [m, n, k].map(|size| size as u64)).unwrap();
        gpu.poison(out, 1 << 18).unwrap();
        // SAFETY: arrays of these shapes.
        unsafe { gemm.run(left, right, out, gpu.stream.cu_stream().cast()) }.unwrap();
    };
    let sum = |rows: usize, columns: usize, depth: usize, term: &dyn Fn(usize, usize, usize) -> f64| -> Vec<f64> {
        (0..rows * columns).map(|i| (0..depth).map(|j| term(i / columns, i % columns, j)).sum()).collect()
    };
    run(Product::Forward, w, x);
    let exact = sum(m, n, k, &|i, j, l| xs[i * k + l] * ws[j * k + l]);
    assert!(reference::error(&values(&gpu, out, exact.len() as u64), &exact) < 8e-3, "forward");
    run(Product::Input, w, d);
    let exact = sum(m, k, n, &|i, j, l| ds[i * n + l] * ws[l * k + j]);
    assert!(reference::error(&values(&gpu, out, exact.len() as u64), &exact) < 8e-3, "input");
    run(Product::Weight, x, d);
    let exact = sum(n, k, m, &|i, j, l| ds[l * n + i] * xs[l * k + j]);
    assert!(reference::error(&values(&gpu, out, exact.len() as u64), &exact) < 8e-3, "weight");
}

#[test]
#[ignore = "needs a CUDA device"]
fn gradients_of_attention_are_right_on_the_device() {
    let gpu = Gpu::open(0, &[]).unwrap();
    for size in [64u32, 128] {
        // One query head for each key head: the reference's case; groups are tested by emulation.
        let shape = Prefill { batch: 1, length: 333, heads: 2, kv_heads: 2, size };
        let count = u64::from(shape.length * shape.heads * size);
        let buffer = gpu.buffer(16 << 20).unwrap();
        let part = |i: u64| buffer.pointer() + (i << 20);
        for i in 0..4 {
            gpu.launch(&launch::fill_bf16(part(i), i as u32 + 1, 1.0, count)).unwrap();
        }
        gpu.poison(part(4), 8 << 20).unwrap();
        let at = AttentionPointers { q: part(0), k: part(1), v: part(2), out: part(4), partial: part(5), ..AttentionPointers::default() };
        let gradients = GradientPointers { d_out: part(3), delta: part(6), d_q: part(7), d_k: part(8), d_v: part(9) };
        gpu.launch(&launch::prefill_attention(shape, at)).unwrap();
        for launch in launch::prefill_backward(shape, at, gradients) {
            gpu.launch(&launch).unwrap();
        }
        let array = |i: u64| values(&gpu, part(i), count);
        let inputs = [0, 1, 2, 3].map(array);
        let measured = [7, 8, 9].map(array);
        let (length, size) = (shape.length as usize, size as usize);
        for head in 0..2 {
            let rows = |array: &[f64]| -> Vec<Vec<f64>> {
                (0..length).map(|row| array[(row * 2 + head) * size..(row * 2 + head + 1) * size].to_vec()).collect()
            };
            let exact = reference::prefill_gradients(&rows(&inputs[0]), &rows(&inputs[1]), &rows(&inputs[2]), &rows(&inputs[3]));
            for (name, (measured, exact)) in ["dQ", "dK", "dV"].iter().zip(measured.iter().zip(&exact)) {
                let error = reference::error(&rows(measured).concat(), &exact.concat());
                assert!(error < 1.5e-2, "{name} of head {head} of {size}: {error}");
            }
        }
    }
}

#[test]
#[ignore = "needs a CUDA device"]
fn parts_of_a_layer_are_right_on_the_device() {
    let gpu = Gpu::open(0, &[]).unwrap();
    let (rows, size) = (5usize, 4096usize);
    let count = (rows * size) as u64;
    let buffer = gpu.buffer(32 << 20).unwrap();
    let part = |i: u64| buffer.pointer() + (i << 20);
    gpu.poison(part(0), 32 << 20).unwrap();
    for i in 0..4 {
        gpu.launch(&launch::fill_bf16(part(i), i as u32 + 1, 1.0, 4 * count)).unwrap();
    }
    gpu.launch(&launch::add_rms_norm(part(0), part(1), part(2), [part(4), part(5)], 5, 4096)).unwrap();
    let [x, y, w, d] = [0, 1, 2, 3].map(|i| values(&gpu, part(i), 4 * count));
    let sum = values(&gpu, part(4), count);
    let exact: Vec<f64> = x.iter().zip(&y).take(rows * size).map(|(a, b)| a + b).collect();
    assert!(reference::error(&sum, &exact) < 4e-3);
    let scale = |row: usize| 1.0 / (sum[row * size..(row + 1) * size].iter().map(|x| x * x).sum::<f64>() / size as f64 + 1e-5).sqrt();
    let exact: Vec<f64> = (0..rows * size).map(|i| sum[i] * scale(i / size) * w[i % size]).collect();
    assert!(reference::error(&values(&gpu, part(5), count), &exact) < 4e-3);

    gpu.launch(&launch::copy(part(1), part(6), count * 2)).unwrap();
    gpu.launch(&launch::rms_norm_backward(part(4), part(2), part(3), part(6), 5, 4096)).unwrap();
    let exact: Vec<f64> = (0..rows * size)
        .map(|i| {
            let row = i / size;
            let mean = (0..size).map(|j| sum[row * size + j] * w[j] * d[row * size + j]).sum::<f64>() / size as f64;
            y[i] + scale(row) * w[i % size] * d[i] - sum[i] * scale(row).powi(3) * mean
        })
        .collect();
    assert!(reference::error(&values(&gpu, part(6), count), &exact) < 4e-3);

    // There and back again.
    let at = Joint { joint: part(0), q: part(7), k: part(8), v: part(9), slots: 0 };
    gpu.launch(&launch::split_rotate(at, [16, 8, 128], 5, 3000, false, 5)).unwrap();
    gpu.launch(&launch::split_rotate(Joint { joint: part(10), ..at }, [16, 8, 128], 5, 3000, true, 5)).unwrap();
    assert!(reference::error(&values(&gpu, part(10), count), &x[..rows * size]) < 4e-3);

    gpu.launch(&launch::silu_product(part(0), part(11), 5, 2048)).unwrap();
    let exact: Vec<f64> = (0..rows * 2048)
        .map(|i| {
            let gate = x[i / 2048 * 4096 + i % 2048];
            gate / (1.0 + (-gate).exp()) * x[i / 2048 * 4096 + 2048 + i % 2048]
        })
        .collect();
    assert!(reference::error(&values(&gpu, part(11), exact.len() as u64), &exact) < 4e-3);
    gpu.launch(&launch::silu_product_backward(part(0), part(3), part(12), 5, 2048)).unwrap();
    let exact: Vec<f64> = (0..rows * size)
        .map(|at| {
            let (row, column) = (at / size, at % 2048);
            let (gate, up) = (x[row * size + column], x[row * size + 2048 + column]);
            let sigmoid = 1.0 / (1.0 + (-gate).exp());
            let d = d[row * 2048 + column];
            if at % size < 2048 { d * up * sigmoid * (1.0 + gate * (1.0 - sigmoid)) } else { d * gate * sigmoid }
        })
        .collect();
    assert!(reference::error(&values(&gpu, part(12), count), &exact) < 4e-3);
}

#[test]
#[ignore = "needs a CUDA device"]
#[allow(clippy::print_stderr, reason = "figures for the person who runs it")]
fn whole_steps_run() {
    let shape = ModelShape::llama_3_8b(4);
    for (batch, context) in [(1, 1024), (64, 4096)] {
        let step = decode_step(0, shape, batch, context).unwrap();
        eprintln!("{step:#?}");
        assert!(step.finite && step.seconds > 0.0 && step.parts.len() >= 5);
    }
    let step = training_step(0, ModelShape::llama_3_8b(2), 2, 4096).unwrap();
    eprintln!("{step:#?}");
    assert!(step.finite && step.seconds > 0.0);
}

#[test]
#[ignore = "needs a CUDA device"]
fn steps_of_a_small_model_run() {
    let shape = ModelShape { layers: 2, hidden: 128, heads: 2, kv_heads: 1, head_dim: 64, intermediate: 256, vocabulary: 512 };
    let step = decode_step(0, shape, 3, 40).unwrap();
    assert!(step.finite && step.tokens == 3 && step.seconds > 0.0, "{step:#?}");
    let step = training_step(0, shape, 2, 70).unwrap();
    assert!(step.finite && step.tokens == 140 && step.seconds > 0.0, "{step:#?}");
}

#[test]
#[ignore = "needs a CUDA device"]
fn a_quick_calibration_is_a_sound_pack() {
    let options = CalibrationOptions { ordinal: 0, quick: true, date: "2026-01-01".to_owned(), program: "test".to_owned() };
    let mut said = 0;
    let profile = calibrate(&options, &mut |_| said += 1).unwrap();
    assert!(said > 50);
    let report = check(&profile.to_toml()).unwrap();
    assert_eq!(report.profile, profile);
    assert!(report.differences.is_empty(), "{:?}", report.differences);
    assert!(report.voids.is_empty(), "{:?}", report.voids);
}

#[test]
fn without_a_device_one_sentence_says_so() {
    let options = CalibrationOptions { ordinal: 999, quick: true, date: String::new(), program: String::new() };
    // On a machine with devices, device 999 is the one that is missing.
    let error = calibrate(&options, &mut |_| {}).unwrap_err().to_string();
    assert!(error.starts_with("cannot calibrate") && !error.contains('\n'), "{error}");
}
