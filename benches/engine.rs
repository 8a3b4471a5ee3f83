//! Pending-event set and random streams, beside the standard library's binary heap in the same run.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;

use bastide_engine::{Queue, Stream, stream_key};
use bastide_units::{Duration, Time};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Events per measured round.
const ROUND: u64 = 100_000;

/// The hold model: take the next event, schedule another one a random time later; the number pending stays the same.
fn hold(c: &mut Criterion) {
    let mut group = c.benchmark_group("hold");
    group.throughput(Throughput::Elements(ROUND)).sample_size(10);
    for pending in [1_000_u32, 10_000, 100_000] {
        let mut draws = Stream::new(1, 0, stream_key("bench", "hold"));
        let mut queue = Queue::with_capacity(pending as usize);
        for event in 0..pending {
            queue.schedule(Time::ZERO + draws.exponential_duration(Duration::from_h(1.0)), 0, event);
        }
        group.bench_function(format!("bastide/{pending}"), |b| {
            b.iter(|| {
                for _ in 0..ROUND {
                    if let Some((now, _, event)) = queue.pop() {
                        queue.schedule(now + draws.exponential_duration(Duration::from_h(1.0)), 0, event);
                    }
                }
                black_box(queue.len())
            });
        });
        let mut heap = BinaryHeap::with_capacity(pending as usize);
        let mut sequence = 0_u64;
        for event in 0..pending {
            heap.push(Reverse((Time::ZERO + draws.exponential_duration(Duration::from_h(1.0)), 0_u8, sequence, event)));
            sequence += 1;
        }
        group.bench_function(format!("std BinaryHeap/{pending}"), |b| {
            b.iter(|| {
                for _ in 0..ROUND {
                    if let Some(Reverse((now, class, _, event))) = heap.pop() {
                        heap.push(Reverse((now + draws.exponential_duration(Duration::from_h(1.0)), class, sequence, event)));
                        sequence += 1;
                    }
                }
                black_box(heap.len())
            });
        });
    }
    group.finish();
}

fn draws(c: &mut Criterion) {
    let mut group = c.benchmark_group("draw");
    group.throughput(Throughput::Elements(1));
    let mut stream = Stream::new(1, 0, stream_key("bench", "draw"));
    group.bench_function("uniform", |b| b.iter(|| black_box(stream.uniform())));
    group.bench_function("exponential", |b| b.iter(|| black_box(stream.exponential(1.0))));
    group.bench_function("lognormal", |b| b.iter(|| black_box(stream.lognormal(1.0, 0.5))));
    group.finish();
}

criterion_group!(benches, hold, draws);
criterion_main!(benches);
