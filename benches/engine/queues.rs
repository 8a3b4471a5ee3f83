//! Other sets of pending events, to compare with: the same keys, the same total order, nothing else.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bastide_engine::Queue;
use bastide_units::Time;

/// What a simulation needs of a set of pending events. Times are in ns.
pub trait Pending {
    const NAME: &str;
    fn with_capacity(events: usize) -> Self;
    fn push(&mut self, time: u64, event: u32);
    fn pop(&mut self) -> Option<(u64, u32)>;
}

impl Pending for Queue<u32> {
    const NAME: &str = "bastide";
    fn with_capacity(events: usize) -> Self {
        Queue::with_capacity(events)
    }
    #[inline]
    fn push(&mut self, time: u64, event: u32) {
        self.schedule(Time::from_nanos(time), 0, event);
    }
    #[inline]
    fn pop(&mut self) -> Option<(u64, u32)> {
        self.pop().map(|(time, _, event)| (time.as_nanos(), event))
    }
}

/// Time, class and sequence, event.
type Entry = (u64, u64, u32);

/// The standard library's heap.
pub struct StdHeap {
    heap: BinaryHeap<Reverse<Entry>>,
    sequence: u64,
}

impl Pending for StdHeap {
    const NAME: &str = "std heap";
    fn with_capacity(events: usize) -> Self {
        Self { heap: BinaryHeap::with_capacity(events), sequence: 0 }
    }
    #[inline]
    fn push(&mut self, time: u64, event: u32) {
        self.heap.push(Reverse((time, self.sequence, event)));
        self.sequence += 1;
    }
    #[inline]
    fn pop(&mut self) -> Option<(u64, u32)> {
        self.heap.pop().map(|Reverse((time, _, event))| (time, event))
    }
}

/// The binary heap of the textbooks, as most simulators have it.
pub struct BinHeap {
    heap: Vec<Entry>,
    sequence: u64,
}

impl Pending for BinHeap {
    const NAME: &str = "binary heap";
    fn with_capacity(events: usize) -> Self {
        Self { heap: Vec::with_capacity(events), sequence: 0 }
    }
    #[inline]
    fn push(&mut self, time: u64, event: u32) {
        let entry = (time, self.sequence, event);
        self.sequence += 1;
        let mut hole = self.heap.len();
        self.heap.push(entry);
        while hole > 0 {
            let parent = (hole - 1) / 2;
            if self.heap[parent] < entry {
                break;
            }
            self.heap[hole] = self.heap[parent];
            hole = parent;
        }
        self.heap[hole] = entry;
    }
    #[inline]
    fn pop(&mut self) -> Option<(u64, u32)> {
        let last = self.heap.pop()?;
        let Some(&top) = self.heap.first() else {
            return Some((last.0, last.2));
        };
        let mut hole = 0;
        loop {
            let mut child = 2 * hole + 1;
            if child + 1 < self.heap.len() && self.heap[child + 1] < self.heap[child] {
                child += 1;
            }
            if child >= self.heap.len() || last < self.heap[child] {
                break;
            }
            self.heap[hole] = self.heap[child];
            hole = child;
        }
        self.heap[hole] = last;
        Some((top.0, top.2))
    }
}

/// The radix heap of Ahuja, Mehlhorn, Orlin & Tarjan (1990) with one bucket per bit and a vector per bucket: the best of the
/// simple ones at large sizes.
pub struct RadixHeap {
    buckets: Vec<Vec<Entry>>,
    last: u64,
    sequence: u64,
}

impl RadixHeap {
    #[inline]
    fn bucket(&self, time: u64) -> usize {
        (u64::BITS - (time ^ self.last).leading_zeros()) as usize
    }
}

impl Pending for RadixHeap {
    const NAME: &str = "radix heap";
    fn with_capacity(_: usize) -> Self {
        Self { buckets: vec![Vec::new(); 65], last: 0, sequence: 0 }
    }
    #[inline]
    fn push(&mut self, time: u64, event: u32) {
        let entry = (time, self.sequence, event);
        self.sequence += 1;
        let bucket = self.bucket(time);
        if bucket == 0 {
            let place = self.buckets[0].partition_point(|later| *later > entry);
            self.buckets[0].insert(place, entry);
        } else {
            self.buckets[bucket].push(entry);
        }
    }
    #[inline]
    fn pop(&mut self) -> Option<(u64, u32)> {
        if self.buckets[0].is_empty() {
            let first = self.buckets.iter().position(|bucket| !bucket.is_empty())?;
            let mut entries = std::mem::take(&mut self.buckets[first]);
            self.last = entries.iter().map(|entry| entry.0).min()?;
            for entry in entries.drain(..) {
                let bucket = self.bucket(entry.0);
                self.buckets[bucket].push(entry);
            }
            self.buckets[first] = entries;
            self.buckets[0].sort_unstable_by(|one, other| other.cmp(one));
        }
        self.buckets[0].pop().map(|(time, _, event)| (time, event))
    }
}
