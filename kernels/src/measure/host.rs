//! What the host does: starting kernels, copying.

use std::time::Instant;

use cudarc::driver::result;

use super::{Bench, Measured, Shelf};
use crate::blas::Format;
use crate::error::CalibrationError;
use crate::gpu::{Pinned, refused};
use crate::harness::{Timing, elapsed, rounded, time};
use crate::launch;
use crate::nvml::Nvml;
use crate::suite::{Direction, HostMemory, LaunchMode};

/// Kernels in one sample of a launch rate.
const LAUNCHES: u32 = 500;

pub(crate) fn launch_latency(bench: &Bench, mode: LaunchMode) -> Result<Measured, CalibrationError> {
    let gpu = &bench.gpu;
    let empty = launch::empty();
    let many = || (0..LAUNCHES).try_for_each(|_| gpu.launch(&empty));
    let mut timing =
        Timing { runs: if mode == LaunchMode::Single { 1 } else { LAUNCHES }, graph: mode == LaunchMode::Graph, ..Timing::default() };
    let graph = if mode == LaunchMode::Graph { Some(gpu.capture(many)?) } else { None };
    many()?;
    gpu.synchronize()?;
    let (start, end) = (gpu.event()?, gpu.event()?);
    let samples = if mode == LaunchMode::Single { 200 } else { 50 };
    for _ in 0..samples {
        let seconds = match (&graph, mode) {
            (_, LaunchMode::Single) => {
                let clock = Instant::now();
                gpu.launch(&empty)?;
                gpu.synchronize()?;
                clock.elapsed().as_secs_f64()
            }
            (Some(graph), _) => {
                gpu.record(&start)?;
                graph.launch().map_err(refused("start a graph"))?;
                gpu.record(&end)?;
                elapsed(&start, &end)?
            }
            (None, _) => {
                gpu.record(&start)?;
                many()?;
                gpu.record(&end)?;
                elapsed(&start, &end)?
            }
        };
        timing.samples.push(rounded(seconds / f64::from(timing.runs)));
    }
    timing.state = gpu.nvml.as_ref().map(Nvml::state).unwrap_or_default();
    Ok(Measured::plain(timing))
}

/// The host's side of a copy.
enum Host {
    Pinned(Pinned),
    Pageable(Vec<u8>),
}

impl Host {
    fn slice(&mut self) -> &mut [u8] {
        match self {
            Host::Pinned(memory) => memory.slice(),
            Host::Pageable(memory) => memory,
        }
    }
}

pub(crate) fn transfer(bench: &mut Bench, direction: Direction, memory: HostMemory, bytes: u64) -> Result<Measured, CalibrationError> {
    bench.fill(Format::Bf16)?;
    let gpu = &bench.gpu;
    let mut host = match memory {
        HostMemory::Pinned => Host::Pinned(Pinned::new(&gpu.context, bytes as usize)?),
        // Touched, so that its pages exist; not zeros.
        HostMemory::Pageable => Host::Pageable(vec![0x5a; bytes as usize]),
    };
    let at = match direction {
        Direction::HostToDevice => Shelf::new(bench.results).take(bytes)?,
        Direction::DeviceToHost => Shelf::new(bench.inputs).take(bytes)?,
    };
    if direction == Direction::HostToDevice {
        for (i, byte) in host.slice().iter_mut().enumerate().step_by(61) {
            *byte = (i / 61 % 251) as u8;
        }
        bench.poison(at, bytes)?;
    }
    let stream = gpu.stream.cu_stream();
    let mut copy = |_: u32| {
        // SAFETY: both sides have `bytes` bytes, and outlive the copies: the harness waits for the last.
        match direction {
            Direction::HostToDevice => unsafe { result::memcpy_htod_async(at, host.slice(), stream) },
            Direction::DeviceToHost => unsafe { result::memcpy_dtoh_async(host.slice(), at, stream) },
        }
        .map_err(refused("copy between host and device"))
    };
    copy(0)?;
    gpu.synchronize()?;
    let timing = time(gpu, bench.effort, 1, &mut copy);
    gpu.synchronize()?;
    let timing = timing?;
    let part = bytes.min(4096) as usize;
    let mut right = true;
    for offset in [0, bytes as usize - part] {
        right &= gpu.download::<u8>(at + offset as u64, part)? == host.slice()[offset..offset + part];
    }
    Ok(Measured { timing, error: None, rate: None, wrong: (!right).then(|| "wrong result: the copy differs from its source".to_owned()) })
}
