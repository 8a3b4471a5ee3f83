//! The kernels on a CPU, against double precision: their arithmetic is tested where there is no GPU.
//!
//! The text of the kernels is compiled by g++ with `tests/emulation.cpp`, and the launches are those of a device. What it
//! cannot show is what only a device has: speed, races between threads, and whether the instructions are what their manual says.

use std::ffi::{CString, c_char, c_int, c_uint, c_void};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use libloading::Library;

use crate::launch::{self, AttentionPointers, Decode, GradientPointers, Joint, Launch, PAGE, Prefill, SOURCES, kernels};
use crate::reference;

type Emulate = unsafe extern "C" fn(*const c_char, *const c_uint, c_uint, c_uint, *mut *mut c_void, c_int) -> c_int;

/// Tests run side by side, each in a folder of its own.
static FOLDERS: AtomicU32 = AtomicU32::new(0);

/// One source, compiled for the CPU.
struct Machine {
    library: Library,
}

/// None, and a line that says so, where there is no g++.
fn machine(file: &str) -> Option<Machine> {
    let (_, source) = SOURCES.into_iter().find(|(name, _)| *name == file).unwrap();
    let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("bastide-emulation-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let text = folder.join("source.cu");
    std::fs::write(&text, source).unwrap();
    let library = folder.join("emulation.so");
    let list = kernels(source).iter().fold(String::new(), |list, name| format!("{list}KERNEL({name})"));
    let output = Command::new("g++")
        .args(["-std=c++17", "-O2", "-w", "-shared", "-fPIC", "-fno-strict-aliasing"])
        .arg(format!("-DSOURCE=\"{}\"", text.display()))
        .arg(format!("-DKERNELS={list}"))
        .arg("-o")
        .arg(&library)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/emulation.cpp"))
        .output();
    let machine = match output {
        Err(error) => {
            #[allow(clippy::print_stderr, reason = "a skipped test says so")]
            {
                eprintln!("skipped: emulation of {file}: no g++ ({error})");
            }
            None
        }
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Some(Machine { library: unsafe { Library::new(&library) }.unwrap() })
        }
    };
    // The open library stays readable without its file.
    std::fs::remove_dir_all(&folder).unwrap();
    machine
}

impl Machine {
    fn run(&self, launch: &Launch, reversed: bool) {
        let name = CString::new(launch.kernel).unwrap();
        let mut arguments: Vec<*mut c_void> = launch.arguments.iter().map(|bits| std::ptr::from_ref(bits).cast_mut().cast()).collect();
        let emulate = unsafe { self.library.get::<Emulate>(b"emulate") }.unwrap();
        let status = unsafe {
            emulate(name.as_ptr(), launch.grid.as_ptr(), launch.block, launch.shared, arguments.as_mut_ptr(), c_int::from(reversed))
        };
        assert_eq!(status, 0, "{}: 1 is an unknown kernel, 2 threads that wait forever", launch.kernel);
    }
}

/// 16-byte aligned memory, as a device gives it.
#[derive(Clone)]
struct Memory {
    words: Vec<u128>,
}

impl Memory {
    fn new(bytes: usize) -> Self {
        // NaN in every format, so that what is not written shows.
        Self { words: vec![u128::MAX; bytes.div_ceil(16)] }
    }

    fn bf16(values: &[f64]) -> Self {
        let mut memory = Self::new(values.len() * 2);
        for (i, value) in values.iter().enumerate() {
            memory.set(i, ((*value as f32).to_bits() >> 16) as u16);
        }
        memory
    }

    fn of<T: Copy>(values: &[T]) -> Self {
        let mut memory = Self::new(size_of_val(values));
        for (i, value) in values.iter().enumerate() {
            memory.set(i, *value);
        }
        memory
    }

    fn set<T: Copy>(&mut self, index: usize, value: T) {
        assert!((index + 1) * size_of::<T>() <= self.words.len() * 16);
        unsafe { self.words.as_mut_ptr().cast::<T>().add(index).write(value) };
    }

    fn get<T: Copy>(&self, index: usize) -> T {
        assert!((index + 1) * size_of::<T>() <= self.words.len() * 16);
        unsafe { self.words.as_ptr().cast::<T>().add(index).read() }
    }

    fn at(&self) -> u64 {
        self.words.as_ptr() as u64
    }

    fn values(&self, count: usize) -> Vec<f64> {
        (0..count).map(|i| reference::bf16(self.get(i))).collect()
    }

    fn floats(&self, count: usize) -> Vec<f64> {
        (0..count).map(|i| f64::from(self.get::<f32>(i))).collect()
    }
}

/// Values of about normal distribution that a bf16 holds exactly.
fn normal(seed: u64, count: usize) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..count)
        .map(|_| {
            let sum: f64 = (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
            f64::from(f32::from_bits((sum as f32).to_bits() & 0xffff_0000))
        })
        .collect()
}

#[test]
fn every_kernel_of_a_source_is_found() {
    let names: Vec<&str> = SOURCES.iter().flat_map(|(_, source)| kernels(source)).collect();
    let declared: usize = SOURCES.iter().map(|(_, source)| source.matches("__global__").count()).sum();
    assert_eq!(names.len(), declared);
    assert!(names.contains(&"empty_kernel") && names.contains(&"prefill_attention_128"), "{names:?}");
    assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')), "{names:?}");
}

fn decode_case(machine: &Machine, shape: Decode, splits: u32, reversed: bool) {
    let (heads, size, pages) = (shape.heads as usize, shape.size as usize, shape.pages() as usize);
    let q = normal(1, shape.batch as usize * heads * size);
    // Some pages belong to nobody, and those of the sequences lie in no order.
    let all = pages * shape.batch as usize + 3;
    let numbers: Vec<u32> = (0..all as u32 - 3).map(|i| (i * 7 + 5) % all as u32).collect();
    let row = PAGE as usize * shape.kv_heads as usize * size;
    let cache = all * row;
    let (k, v) = (normal(2, cache), normal(3, cache));
    let (partial, weights) = shape.partial_bytes(splits);
    let memory = [
        Memory::bf16(&q),
        Memory::bf16(&k),
        Memory::bf16(&v),
        Memory::new(q.len() * 2),
        Memory::of(&numbers),
        Memory::new(partial as usize),
        Memory::new(weights as usize),
    ];
    let at = AttentionPointers {
        q: memory[0].at(),
        k: memory[1].at(),
        v: memory[2].at(),
        out: memory[3].at(),
        pages: memory[4].at(),
        partial: memory[5].at(),
        weights: memory[6].at(),
    };
    for launch in launch::decode_attention(shape, splits, at) {
        machine.run(&launch, reversed);
    }
    let mut exact = Vec::new();
    for batch in 0..shape.batch as usize {
        let pages = &numbers[batch * pages..(batch + 1) * pages];
        for head in 0..heads {
            let kv_head = head / (heads / shape.kv_heads as usize);
            let start = (batch * heads + head) * size;
            let key = |token, d| k[reference::cache_at(shape, pages, kv_head, token, d)];
            let value = |token, d| v[reference::cache_at(shape, pages, kv_head, token, d)];
            exact.extend(reference::decode_row(shape, &q[start..start + size], key, value));
        }
    }
    let error = reference::error(&memory[3].values(exact.len()), &exact);
    assert!(error < 6e-3, "{shape:?} in {splits} splits: {error}");
}

#[test]
fn decode_attention_is_right() {
    let Some(machine) = machine("decode.cu") else { return };
    let shape = |batch, context, heads, kv_heads, size| Decode { batch, context, heads, kv_heads, size };
    decode_case(&machine, shape(2, 100, 8, 2, 64), 1, false);
    decode_case(&machine, shape(1, 333, 8, 1, 128), 1, true);
    decode_case(&machine, shape(1, 1, 2, 2, 64), 1, false);
    decode_case(&machine, shape(2, 517, 4, 4, 128), 3, false);
    decode_case(&machine, shape(1, 1024, 16, 1, 64), 4, true);
    decode_case(&machine, shape(1, 48, 16, 1, 128), 3, false);
}

#[test]
fn no_split_of_a_context_is_empty() {
    for context in [1, 15, 16, 17, 255, 257, 512, 4095, 65_536] {
        for batch in [1, 3, 64] {
            let shape = Decode { batch, context, heads: 8, kv_heads: 2, size: 64 };
            let splits = shape.splits(132);
            let per_split = shape.pages().div_ceil(splits);
            assert!(splits >= 1 && (splits - 1) * per_split < shape.pages(), "{shape:?}: {splits}");
        }
    }
}

fn prefill_case(machine: &Machine, shape: Prefill, reversed: bool) {
    let (length, heads, kv_heads, size) = (shape.length as usize, shape.heads as usize, shape.kv_heads as usize, shape.size as usize);
    let batch = shape.batch as usize;
    let (q, k, v) = (
        normal(1, batch * length * heads * size),
        normal(2, batch * length * kv_heads * size),
        normal(3, batch * length * kv_heads * size),
    );
    let memory = [Memory::bf16(&q), Memory::bf16(&k), Memory::bf16(&v), Memory::new(q.len() * 2), Memory::new(batch * heads * length * 4)];
    let at = AttentionPointers {
        q: memory[0].at(),
        k: memory[1].at(),
        v: memory[2].at(),
        out: memory[3].at(),
        partial: memory[4].at(),
        ..AttentionPointers::default()
    };
    machine.run(&launch::prefill_attention(shape, at), reversed);
    let out = memory[3].values(q.len());
    assert!(out.iter().all(|x| x.is_finite()), "{shape:?}: not all written");
    let (mut measured, mut exact) = (Vec::new(), Vec::new());
    for b in 0..batch {
        for row in (0..length).step_by(7).chain([length - 1]) {
            for head in 0..heads {
                let kv_head = head / (heads / kv_heads);
                let start = ((b * length + row) * heads + head) * size;
                let at = |token, d| ((b * length + token) * kv_heads + kv_head) * size + d;
                measured.extend(&out[start..start + size]);
                exact.extend(reference::prefill_row(shape, &q[start..start + size], row, |t, d| k[at(t, d)], |t, d| v[at(t, d)]));
            }
        }
    }
    let error = reference::error(&measured, &exact);
    assert!(error < 6e-3, "{shape:?}: {error}");
}

#[test]
fn prefill_attention_is_right() {
    let Some(machine) = machine("prefill.cu") else { return };
    let shape = |batch, length, heads, kv_heads, size| Prefill { batch, length, heads, kv_heads, size };
    prefill_case(&machine, shape(2, 128, 2, 1, 64), false);
    prefill_case(&machine, shape(1, 200, 2, 2, 128), true);
    prefill_case(&machine, shape(1, 261, 4, 1, 64), false);
    prefill_case(&machine, shape(1, 5, 1, 1, 128), false);
}

fn backward_case(shape: Prefill, reversed: bool) {
    let (Some(forward), Some(backward)) = (machine("prefill.cu"), machine("backward.cu")) else { return };
    let (length, heads, kv_heads, size) = (shape.length as usize, shape.heads as usize, shape.kv_heads as usize, shape.size as usize);
    let (batch, group) = (shape.batch as usize, heads / kv_heads);
    let (queries, keys) = (batch * length * heads * size, batch * length * kv_heads * size);
    let (q, k, v, d) = (normal(1, queries), normal(2, keys), normal(3, keys), normal(4, queries));
    let inputs = [Memory::bf16(&q), Memory::bf16(&k), Memory::bf16(&v), Memory::bf16(&d)];
    let rows = batch * heads * length * 4;
    let made = [
        Memory::new(queries * 2),
        Memory::new(rows),
        Memory::new(rows),
        Memory::new(queries * 2),
        Memory::new(keys * 2),
        Memory::new(keys * 2),
    ];
    let at = AttentionPointers {
        q: inputs[0].at(),
        k: inputs[1].at(),
        v: inputs[2].at(),
        out: made[0].at(),
        partial: made[1].at(),
        ..AttentionPointers::default()
    };
    let gradients =
        GradientPointers { d_out: inputs[3].at(), delta: made[2].at(), d_q: made[3].at(), d_k: made[4].at(), d_v: made[5].at() };
    forward.run(&launch::prefill_attention(shape, at), reversed);
    for launch in launch::prefill_backward(shape, at, gradients) {
        backward.run(&launch, reversed);
    }
    let [mut d_q, mut d_k, mut d_v] = [vec![0.0; queries], vec![0.0; keys], vec![0.0; keys]];
    for b in 0..batch {
        for head in 0..heads {
            let kv_head = head / group;
            let query_at = |row: usize| ((b * length + row) * heads + head) * size;
            let key_at = |row: usize| ((b * length + row) * kv_heads + kv_head) * size;
            let take = |array: &[f64], at: &dyn Fn(usize) -> usize| -> Vec<Vec<f64>> {
                (0..length).map(|row| array[at(row)..at(row) + size].to_vec()).collect()
            };
            let [a, b, c] =
                reference::prefill_gradients(&take(&q, &query_at), &take(&k, &key_at), &take(&v, &key_at), &take(&d, &query_at));
            for row in 0..length {
                for i in 0..size {
                    d_q[query_at(row) + i] = a[row][i];
                    d_k[key_at(row) + i] += b[row][i];
                    d_v[key_at(row) + i] += c[row][i];
                }
            }
        }
    }
    for (name, exact, measured) in [("dQ", &d_q, &made[3]), ("dK", &d_k, &made[4]), ("dV", &d_v, &made[5])] {
        let error = reference::error(&measured.values(exact.len()), exact);
        assert!(error < 1.5e-2, "{shape:?} {name}: {error}");
    }
}

#[test]
fn gradients_of_attention_are_right() {
    backward_case(Prefill { batch: 2, length: 100, heads: 4, kv_heads: 2, size: 64 }, false);
    backward_case(Prefill { batch: 1, length: 131, heads: 2, kv_heads: 1, size: 128 }, true);
}

#[test]
fn streams_move_what_they_say() {
    let Some(machine) = machine("memory.cu") else { return };
    let bytes = 16 * 3000u64; // three blocks, the last one not full
    let count = bytes as usize / 4;
    let from = Memory::of(&(0..count as u32).map(|i| i.wrapping_mul(2_654_435_761)).collect::<Vec<_>>());
    let to = Memory::new(bytes as usize);
    machine.run(&launch::copy(from.at(), to.at(), bytes), false);
    assert_eq!(from.words, to.words);

    let sums = Memory::new(3 * 4);
    machine.run(&launch::read(from.at(), sums.at(), bytes), false);
    for block in 0..3 {
        let words = (block * 4096)..((block + 1) * 4096).min(count);
        assert_eq!(sums.get::<u32>(block), words.map(|i| from.get::<u32>(i)).fold(0, |a, b| a ^ b), "block {block}");
    }

    let (a, b) = (
        Memory::of(&(0..count).map(|i| i as f32).collect::<Vec<_>>()),
        Memory::of(&(0..count).map(|i| 0.5 * i as f32).collect::<Vec<_>>()),
    );
    machine.run(&launch::triad(a.at(), b.at(), to.at(), bytes), false);
    assert!((0..count).all(|i| to.get::<f32>(i) == 2.5 * i as f32));

    machine.run(&launch::empty(), false);
}

#[test]
fn sums_of_an_all_reduce_are_right() {
    let Some(machine) = machine("memory.cu") else { return };
    let (x, y) = (normal(5, 4096), normal(6, 4096));
    let (a, b, to) = (Memory::bf16(&x), Memory::bf16(&y), Memory::new(8192));
    machine.run(&launch::add(a.at(), b.at(), to.at(), 8192), false);
    let exact: Vec<f64> = x.iter().zip(&y).map(|(a, b)| a + b).collect();
    assert!(reference::error(&to.values(4096), &exact) < 4e-3);
}

#[test]
fn fills_are_normal_and_never_repeat() {
    let Some(machine) = machine("memory.cu") else { return };
    let count = 40_000usize;
    let memory = [Memory::new(count * 2), Memory::new(count), Memory::new(count * 4)];
    for (i, kernel) in ["fill_bf16", "fill_e4m3", "fill_float"].into_iter().enumerate() {
        machine.run(&launch::fill(kernel, memory[i].at(), 9, 2.0, count as u64), false);
    }
    let bytes: Vec<f64> = (0..count).map(|i| reference::e4m3(memory[1].get(i))).collect();
    let exact = memory[2].floats(count);
    for (name, values, tolerance) in [("bf16", memory[0].values(count), 3e-3), ("e4m3", bytes, 4e-2), ("float", exact.clone(), 0.0)] {
        let mean = values.iter().sum::<f64>() / count as f64;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count as f64;
        let fourth = values.iter().map(|x| (x - mean).powi(4)).sum::<f64>() / count as f64 / variance.powi(2);
        // Standard errors of 40,000 draws: mean 0.01, variance 4 * 0.007, kurtosis 0.024.
        assert!(mean.abs() < 0.04 && (variance - 4.0).abs() < 0.12 && (fourth - 3.0).abs() < 0.12, "{name}: {mean} {variance} {fourth}");
        // The same draws, rounded: the three formats agree.
        assert!(reference::error(&values, &exact) <= tolerance, "{name}");
    }
    let again = Memory::new(count * 4);
    machine.run(&launch::fill("fill_float", again.at(), 10, 2.0, count as u64), false);
    assert!(reference::error(&again.floats(count), &exact) > 1.0, "another seed gives other values");
}

#[test]
fn e4m3_rounds_to_the_nearest() {
    let Some(machine) = machine("memory.cu") else { return };
    let count = 20_000usize;
    let values: Vec<f64> = (0..127u8).map(reference::e4m3).collect();
    for deviation in [0.004f32, 0.05, 3.0, 300.0] {
        let memory = [Memory::new(count), Memory::new(count * 4)];
        machine.run(&launch::fill("fill_e4m3", memory[0].at(), 3, deviation, count as u64), false);
        machine.run(&launch::fill("fill_float", memory[1].at(), 3, deviation, count as u64), false);
        for (i, exact) in memory[1].floats(count).into_iter().enumerate() {
            let nearest = values.iter().map(|value| (value - exact.abs()).abs()).fold(f64::INFINITY, f64::min);
            let got = reference::e4m3(memory[0].get(i));
            assert!((got - exact).abs() <= nearest * (1.0 + 1e-6), "{exact} became {got}");
        }
    }
}

#[test]
fn the_parts_of_a_layer_are_right() {
    let Some(machine) = machine("layer.cu") else { return };
    let (rows, size) = (3usize, 640usize);
    let (x, y, w, d) = (normal(1, rows * size), normal(2, rows * size), normal(3, size), normal(4, rows * size));
    let (before, stream) = (Memory::bf16(&x), Memory::new(rows * size * 2));
    let (added, weight, out) = (Memory::bf16(&y), Memory::bf16(&w), Memory::new(rows * size * 2));
    machine.run(&launch::add_rms_norm(before.at(), added.at(), weight.at(), [stream.at(), out.at()], 3, 640), false);
    let sum: Vec<f64> = x.iter().zip(&y).map(|(a, b)| a + b).collect();
    assert!(reference::error(&stream.values(sum.len()), &sum) < 4e-3);
    let sum = stream.values(sum.len());
    let scale = |row: usize| 1.0 / (sum[row * size..(row + 1) * size].iter().map(|x| x * x).sum::<f64>() / size as f64 + 1e-5).sqrt();
    let exact: Vec<f64> = (0..rows * size).map(|i| sum[i] * scale(i / size) * w[i % size]).collect();
    assert!(reference::error(&out.values(exact.len()), &exact) < 4e-3);

    let alone = Memory::new(rows * size * 2);
    machine.run(&launch::add_rms_norm(stream.at(), 0, weight.at(), [0, alone.at()], 3, 640), false);
    assert_eq!(alone.words, out.words, "the sum's norm is the norm of the sum");

    let (gradient, d_out) = (Memory::bf16(&y), Memory::bf16(&d));
    machine.run(&launch::rms_norm_backward(stream.at(), weight.at(), d_out.at(), gradient.at(), 3, 640), true);
    let exact: Vec<f64> = (0..rows * size)
        .map(|i| {
            let row = i / size;
            let mean = (0..size).map(|j| sum[row * size + j] * w[j] * d[row * size + j]).sum::<f64>() / size as f64;
            y[i] + scale(row) * w[i % size] * d[i] - sum[i] * scale(row).powi(3) * mean
        })
        .collect();
    assert!(reference::error(&gradient.values(exact.len()), &exact) < 4e-3);

    let (heads, kv_heads, head) = (4usize, 2usize, 64usize);
    let all = heads + 2 * kv_heads;
    let joint = normal(7, rows * all * head);
    let memory = [
        Memory::bf16(&joint),
        Memory::new(rows * heads * head * 2),
        Memory::new(rows * kv_heads * head * 2),
        Memory::new(rows * kv_heads * head * 2),
    ];
    let at = Joint { joint: memory[0].at(), q: memory[1].at(), k: memory[2].at(), v: memory[3].at(), slots: 0 };
    machine.run(&launch::split_rotate(at, [4, 2, 64], 3, 100, false, 3), false);
    let turned = |row: usize, which: usize, d: usize| {
        let at = |d: usize| joint[(row * all + which) * head + d];
        let angle = (100.0 + row as f64) * 10_000f64.powf(-((d % 32) as f64) / 32.0);
        if d < 32 { at(d) * angle.cos() - at(d + 32) * angle.sin() } else { at(d - 32) * angle.sin() + at(d) * angle.cos() }
    };
    let exact: Vec<f64> = (0..rows * heads * head).map(|i| turned(i / (heads * head), i / head % heads, i % head)).collect();
    assert!(reference::error(&memory[1].values(exact.len()), &exact) < 4e-3);
    let exact: Vec<f64> =
        (0..rows * kv_heads * head).map(|i| turned(i / (kv_heads * head), heads + i / head % kv_heads, i % head)).collect();
    assert!(reference::error(&memory[2].values(exact.len()), &exact) < 4e-3);
    // There and back again.
    let back = Memory::new(joint.len() * 2);
    machine.run(&launch::split_rotate(Joint { joint: back.at(), ..at }, [4, 2, 64], 3, 100, true, 3), false);
    assert!(reference::error(&back.values(joint.len()), &joint) < 4e-3);

    let silu = |x: f64| x / (1.0 + (-x).exp());
    let joint = Memory::bf16(&[x.clone(), y.clone()].concat());
    let pair = |i: usize| {
        let at = i / size * 2 * size + i % size;
        let value = |at: usize| if at < x.len() { x[at] } else { y[at - x.len()] };
        (value(at), value(at + size))
    };
    let out = Memory::new(rows * size * 2);
    machine.run(&launch::silu_product(joint.at(), out.at(), 3, 640), false);
    let exact: Vec<f64> = (0..rows * size).map(|i| silu(pair(i).0) * pair(i).1).collect();
    assert!(reference::error(&out.values(exact.len()), &exact) < 4e-3);
    let gradient = Memory::new(2 * rows * size * 2);
    machine.run(&launch::silu_product_backward(joint.at(), d_out.at(), gradient.at(), 3, 640), false);
    let step = 1e-5;
    let exact: Vec<f64> = (0..2 * rows * size)
        .map(|at| {
            let (row, column) = (at / (2 * size), at % (2 * size));
            let i = row * size + column % size;
            let (gate, up) = pair(i);
            if column < size { d[i] * up * (silu(gate + step) - silu(gate - step)) / (2.0 * step) } else { d[i] * silu(gate) }
        })
        .collect();
    assert!(reference::error(&gradient.values(exact.len()), &exact) < 4e-3);
}
