//! Between devices: copies and sums, by the driver's peer copies and our addition. A library made for it (NCCL) has better
//! algorithms; the points say what the links give to plain copies.

use std::sync::Arc;
use std::time::Instant;

use cudarc::driver::{CudaContext, CudaEvent, CudaStream, result, sys};

use super::{Bench, Measured, sample};
use crate::error::CalibrationError;
use crate::gpu::{Buffer, Kernels, Pinned, refused};
use crate::harness::{Timing, rounded};
use crate::launch::{self, Launch};
use crate::nvml::Nvml;
use crate::reference;
use crate::suite::CollectiveOperation;

/// One device of several: its memory for input, result and what its neighbour sends.
struct Peer {
    // Dropped first to last: the context last.
    input: Buffer,
    work: Buffer,
    inbox: Buffer,
    /// Recorded on the stream after each step.
    sent: CudaEvent,
    kernels: Kernels,
    stream: Arc<CudaStream>,
    context: Arc<CudaContext>,
}

/// Devices 0, 1, 2 ... of the machine, with access to each other.
pub(crate) struct Peers {
    list: Vec<Peer>,
    bytes: u64,
    /// Whether each may read and write its neighbour's memory directly.
    direct: bool,
}

impl Peer {
    fn open(bench: &Bench, ordinal: usize, bytes: u64) -> Result<Self, CalibrationError> {
        let context = CudaContext::new(ordinal).map_err(refused("open a device"))?;
        // SAFETY: streams are ordered by hand, with events.
        unsafe { context.disable_event_tracking() };
        let (major, minor) = context.compute_capability().map_err(refused("ask for the compute capability"))?;
        let kernels = Kernels::compile(bench.gpu.driver_version, major * 10 + minor, &["memory.cu"])?.0;
        let stream = context.new_stream().map_err(refused("make a stream"))?;
        let peer = Self {
            input: Buffer::new(&context, bytes)?,
            work: Buffer::new(&context, bytes)?,
            inbox: Buffer::new(&context, bytes)?,
            sent: context.new_event(None).map_err(refused("make an event"))?,
            kernels,
            stream,
            context,
        };
        peer.launch(&launch::fill_bf16(peer.input.pointer(), ordinal as u32, 1.0, bytes / 2))?;
        peer.stream.synchronize().map_err(refused("wait for a device"))?;
        Ok(peer)
    }

    fn launch(&self, launch: &Launch) -> Result<(), CalibrationError> {
        self.context.bind_to_thread().map_err(refused("bind the context"))?;
        self.kernels.launch(launch, &self.stream)
    }

    /// Sends a part of our memory to a part of another's, on our stream.
    fn send(&self, from: u64, to: &Peer, at: u64, bytes: u64) -> Result<(), CalibrationError> {
        self.context.bind_to_thread().map_err(refused("bind the context"))?;
        // SAFETY: parts of buffers of both devices; callers order the copies that touch them.
        unsafe { result::memcpy_peer_async(to.context.cu_ctx(), at, self.context.cu_ctx(), from, bytes as usize, self.stream.cu_stream()) }
            .map_err(refused("copy between devices"))
    }

    fn values(&self, at: u64, count: u64) -> Result<Vec<f64>, CalibrationError> {
        self.context.bind_to_thread().map_err(refused("bind the context"))?;
        let mut bits = vec![0u16; count as usize];
        // SAFETY: a part of one of our buffers.
        unsafe { result::memcpy_dtoh_sync(&mut bits, at) }.map_err(refused("copy from a device"))?;
        Ok(bits.into_iter().map(reference::bf16).collect())
    }
}

impl Peers {
    fn open(bench: &Bench, devices: u32, bytes: u64) -> Result<Self, CalibrationError> {
        let list = (0..devices as usize).map(|ordinal| Peer::open(bench, ordinal, bytes)).collect::<Result<Vec<_>, _>>()?;
        let mut direct = true;
        for (i, peer) in list.iter().enumerate() {
            for neighbour in [(i + 1) % list.len(), (i + list.len() - 1) % list.len()] {
                let other = &list[neighbour];
                let mut can = 0;
                peer.context.bind_to_thread().map_err(refused("bind the context"))?;
                // SAFETY: both contexts live. Access that is there already is as good as access given.
                direct &= unsafe {
                    sys::cuDeviceCanAccessPeer(&raw mut can, peer.context.cu_device(), other.context.cu_device()).result().is_ok()
                        && can != 0
                        && matches!(
                            sys::cuCtxEnablePeerAccess(other.context.cu_ctx(), 0),
                            sys::CUresult::CUDA_SUCCESS | sys::CUresult::CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED
                        )
                };
            }
        }
        Ok(Self { list, bytes, direct })
    }

    fn synchronize(&self) -> Result<(), CalibrationError> {
        self.list.iter().try_for_each(|peer| peer.stream.synchronize().map_err(refused("wait for a device")))
    }

    /// A ring (Patarasuk and Yuan 2009): p - 1 steps that add up one part on each device, p - 1 that hand the sums on. Inputs
    /// stay as they are, so that repetitions do not grow without bound.
    fn all_reduce(&self, bytes: u64) -> Result<(), CalibrationError> {
        let count = self.list.len();
        let part = (bytes / count as u64) & !15;
        for step in 0..2 * (count - 1) {
            let adding = step < count - 1;
            // The part that device i sends in this step, in both halves.
            let which = |i: usize| (i + 2 * count - step) % count;
            for (i, peer) in self.list.iter().enumerate() {
                let next = &self.list[(i + 1) % count];
                let offset = which(i) as u64 * part;
                let from = if step == 0 { &peer.input } else { &peer.work }.pointer() + offset;
                let to = if adding { &next.inbox } else { &next.work }.pointer() + offset;
                peer.send(from, next, to, part)?;
                peer.sent.record(&peer.stream).map_err(refused("record an event"))?;
            }
            for (i, peer) in self.list.iter().enumerate() {
                let before = (i + count - 1) % count;
                peer.stream.wait(&self.list[before].sent).map_err(refused("wait for a device"))?;
                if adding {
                    let offset = which(before) as u64 * part;
                    let [a, b, to] = [&peer.input, &peer.inbox, &peer.work].map(|buffer| buffer.pointer() + offset);
                    peer.launch(&launch::add(a, b, to, part))?;
                }
            }
        }
        Ok(())
    }

    /// Error of the sum at 24 places of the last device.
    fn error(&self, bytes: u64) -> Result<f64, CalibrationError> {
        let part = (bytes / self.list.len() as u64) & !15;
        let (mut measured, mut exact) = (Vec::new(), Vec::new());
        for at in sample(part * self.list.len() as u64 / 2, 24) {
            let Some(last) = self.list.last() else { continue };
            measured.extend(last.values(last.work.pointer() + at * 2, 1)?);
            let mut sum = 0.0;
            for peer in &self.list {
                sum += peer.values(peer.input.pointer() + at * 2, 1)?.iter().sum::<f64>();
            }
            exact.push(sum);
        }
        Ok(reference::error(&measured, &exact))
    }
}

pub(crate) fn collective(
    bench: &mut Bench,
    operation: CollectiveOperation,
    devices: u32,
    bytes: u64,
) -> Result<Measured, CalibrationError> {
    if bench.peers.as_ref().is_none_or(|peers| peers.list.len() != devices as usize || peers.bytes < bytes) {
        bench.peers = None;
        // Large enough for the sizes to come, where there is room.
        let room = (1 << 30).min(bench.gpu.free_bytes()? / 8);
        bench.peers = Some(Peers::open(bench, devices, bytes.max(room & !0xfff))?);
    }
    let Some(peers) = &bench.peers else { return Ok(Measured::plain(Timing::default())) };
    if operation == CollectiveOperation::PeerCopy && !peers.direct {
        return Err(CalibrationError::Driver { what: "peer copy".to_owned(), reason: "the devices cannot access each other".to_owned() });
    }
    let [first, second] = [&peers.list[0], &peers.list[1]];
    let staging = match operation {
        CollectiveOperation::StagedCopy => Some(Pinned::new(&first.context, bytes as usize)?),
        _ => None,
    };
    let mut staging = staging;
    let mut run = || -> Result<(), CalibrationError> {
        match (operation, &mut staging) {
            (CollectiveOperation::PeerCopy, _) => first.send(first.input.pointer(), second, second.inbox.pointer(), bytes),
            (CollectiveOperation::AllReduce, _) => peers.all_reduce(bytes),
            (CollectiveOperation::StagedCopy, Some(staging)) => {
                let slice = staging.slice();
                first.context.bind_to_thread().map_err(refused("bind the context"))?;
                // SAFETY: the pinned memory outlives both copies, and the second waits for the first.
                unsafe { result::memcpy_dtoh_async(slice, first.input.pointer(), first.stream.cu_stream()) }
                    .map_err(refused("copy from a device"))?;
                first.sent.record(&first.stream).map_err(refused("record an event"))?;
                second.stream.wait(&first.sent).map_err(refused("wait for a device"))?;
                second.context.bind_to_thread().map_err(refused("bind the context"))?;
                // SAFETY: as above.
                unsafe { result::memcpy_htod_async(second.inbox.pointer(), slice, second.stream.cu_stream()) }
                    .map_err(refused("copy to a device"))?;
                // The next run writes the staging memory: not before this one has read it.
                second.sent.record(&second.stream).map_err(refused("record an event"))?;
                first.stream.wait(&second.sent).map_err(refused("wait for a device"))
            }
            (CollectiveOperation::StagedCopy, None) => Ok(()),
        }
    };
    run()?;
    peers.synchronize()?;
    let error = match operation {
        CollectiveOperation::AllReduce => peers.error(bytes)?,
        _ => {
            let place = (bytes / 2).min(512);
            let exact = first.values(first.input.pointer() + bytes - 2 * place, place)?;
            reference::error(&second.values(second.inbox.pointer() + bytes - 2 * place, place)?, &exact)
        }
    };
    // The host's clock: no event times across devices. Enough runs that its own share is small.
    let clock = Instant::now();
    run()?;
    peers.synchronize()?;
    let runs = (2e-3 / clock.elapsed().as_secs_f64().max(1e-6)).ceil().clamp(1.0, 50.0) as u32;
    let mut timing = Timing { runs, ..Timing::default() };
    let mut spent = 0.0;
    while timing.samples.len() < 50 && (timing.samples.len() < 5 || spent < 2.0 * bench.effort.budget) {
        let clock = Instant::now();
        (0..runs).try_for_each(|_| run())?;
        peers.synchronize()?;
        let seconds = clock.elapsed().as_secs_f64();
        spent += seconds;
        timing.samples.push(rounded(seconds / f64::from(runs)));
    }
    timing.state = bench.gpu.nvml.as_ref().map(Nvml::state).unwrap_or_default();
    bench.gpu.context.bind_to_thread().map_err(refused("bind the context"))?;
    // Rounded to bf16 at each of the additions.
    Ok(Measured::checked(timing, error, if operation == CollectiveOperation::AllReduce { 2e-2 } else { 0.0 }))
}

#[cfg(test)]
mod tests {
    /// The ring on plain numbers: the same indices as `all_reduce`.
    #[test]
    fn a_ring_gives_every_device_every_sum() {
        for count in [2usize, 3, 4, 8] {
            let input: Vec<Vec<u64>> = (0..count).map(|i| (0..count).map(|c| 1 << (8 * (i % 8)) << (c % 2)).collect()).collect();
            let mut work = vec![vec![0u64; count]; count];
            for step in 0..2 * (count - 1) {
                let adding = step < count - 1;
                let which = |i: usize| (i + 2 * count - step) % count;
                let sent: Vec<u64> = (0..count).map(|i| if step == 0 { input[i][which(i)] } else { work[i][which(i)] }).collect();
                for i in 0..count {
                    let before = (i + count - 1) % count;
                    let c = which(before);
                    work[i][c] = sent[before] + if adding { input[i][c] } else { 0 };
                }
            }
            for c in 0..count {
                let sum: u64 = input.iter().map(|device| device[c]).sum();
                assert!(work.iter().all(|device| device[c] == sum), "{count} devices, part {c}");
            }
        }
    }
}
