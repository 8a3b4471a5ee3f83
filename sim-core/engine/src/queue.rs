//! Pending events in a total order.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use bastide_units::Time;
use serde::{Deserialize, Serialize};

use buckets::{Buckets, Survey};
use saved::Saved;

mod buckets;
mod saved;
#[cfg(test)]
mod tests;

/// Bits of the order word that hold the sequence; the class is above. 2^56 events last 200 years at 10 million a second.
const SEQUENCE_BITS: u32 = 56;
const SEQUENCE_MASK: u64 = (1 << SEQUENCE_BITS) - 1;
/// Order word of a slot without an event. No event has it: that would take 2^56 of them.
const VACANT: u64 = u64::MAX;
/// Slot of an event that cannot be cancelled.
const NO_SLOT: u32 = u32::MAX;
/// So many events are kept in one sorted list, without buckets.
const MOST_IN_LIST: usize = 32;
/// So few return to the list from the buckets.
const FEW: usize = 16;
/// Events that the first buckets shall hold, as a power of two.
const EVENTS_PER_BUCKET_LOG2: u32 = 3;

/// Handle of an event that can be cancelled. Stamped with the event's sequence, so the handle of an event that has happened
/// or was cancelled never names a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventId {
    order: u64,
    slot: u32,
}

/// An event with its place in the order. The next to happen is the greatest.
#[derive(Clone, Copy, Debug)]
struct Entry<E> {
    time: u64,
    /// Class in the top 8 bits, sequence below.
    order: u64,
    /// Where its handle's validity is kept, or [`NO_SLOT`].
    slot: u32,
    event: E,
}

impl<E> Entry<E> {
    #[inline]
    fn key(&self) -> u128 {
        (u128::from(self.time) << 64) | u128::from(self.order)
    }
}

impl<E> Ord for Entry<E> {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

impl<E> PartialOrd for Entry<E> {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<E> Eq for Entry<E> {}

/// The set of pending events, and the clock that popping them advances.
///
/// Events come out by (time, class, sequence): earlier first; at the same time the lower class; in the same class the one
/// scheduled first. The order is total, so a history never depends on how the queue keeps its events.
///
/// The events due next lie in a short sorted list, the others in buckets by the highest digit of their time that differs from
/// the clock's (a radix heap with digits of eleven bits, as in Ahuja, Mehlhorn, Orlin & Tarjan 1990, "Faster algorithms for the
/// shortest path problem", whose digits are laid where the density of events asks for it). When the list is empty, the next
/// bucket with few events becomes the list; one with many is spread over finer ones first, so an event moves two or three times
/// between being scheduled and happening, and at most eight times whatever the times are. A small queue is the list alone.
/// What is due in the very moment that is being worked off, beyond a full list, goes to a binary heap. Nothing is
/// allocated per event once the arrays have grown, and they grow to a constant times the most events ever pending.
///
/// Chosen by measurement (`benches/engine.rs`, with 50 to a million events pending): binary and 4-ary heaps fall behind from a
/// thousand events on, the more the larger they are; a radix heap with a bucket per bit takes twice the instructions and four
/// times the memory; digits of 8, 10 and 12 bits took more instructions than 11 with 10,000 and 100,000 events pending.
///
/// Cancelling leaves a stale entry, which is dropped when it is met, or when more are stale than pending.
///
/// Serializing keeps the clock, the pending events and the validity of every [`EventId`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(into = "Saved<E>", try_from = "Saved<E>")]
#[serde(bound(serialize = "E: Copy + Serialize", deserialize = "E: Copy + Deserialize<'de>"))]
pub struct Queue<E: Copy> {
    /// Events due until `list_ends`, sorted, the next one last.
    list: Vec<Entry<E>>,
    list_ends: u64,
    /// Of those also, what a full list could not take.
    overflow: BinaryHeap<Entry<E>>,
    /// Events due later.
    buckets: Buckets<E>,
    /// Order word of the event that each handle names, or [`VACANT`].
    slots: Vec<u64>,
    vacant: Vec<u32>,
    live: usize,
    /// Cancelled events that were not met yet.
    stale: usize,
    next_sequence: u64,
    /// Events that had left when the digits of the buckets were laid.
    left_when_laid: u64,
    now: Time,
}

impl<E: Copy> Queue<E> {
    /// An empty queue at [`Time::ZERO`].
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(0)
    }

    /// An empty queue with room for `events` pending events.
    #[must_use]
    pub fn with_capacity(events: usize) -> Self {
        Self {
            list: Vec::with_capacity(events.min(MOST_IN_LIST)),
            list_ends: u64::MAX,
            overflow: BinaryHeap::new(),
            buckets: Buckets::with_capacity(if events > MOST_IN_LIST { events } else { 0 }),
            slots: Vec::new(),
            vacant: Vec::new(),
            live: 0,
            stale: 0,
            next_sequence: 0,
            left_when_laid: 0,
            now: Time::ZERO,
        }
    }

    /// Adds an event. Lower classes go first among events of one time.
    ///
    /// Time never runs backwards: a `time` before [`Queue::now`] counts as `now`, so the event happens next in the order of
    /// (now, class, sequence). An event at [`Time::NEVER`] is kept and comes last; loops end at a horizon with
    /// [`Queue::pop_before`].
    #[inline]
    pub fn schedule(&mut self, time: Time, class: u8, event: E) {
        let order = self.next_order(class);
        self.insert(Entry { time: time.max(self.now).as_nanos(), order, slot: NO_SLOT, event });
    }

    /// As [`Queue::schedule`], with a handle for [`Queue::cancel`].
    #[inline]
    pub fn schedule_cancellable(&mut self, time: Time, class: u8, event: E) -> EventId {
        let order = self.next_order(class);
        let slot = if let Some(slot) = self.vacant.pop() {
            self.slots[slot as usize] = order;
            slot
        } else {
            self.slots.push(order);
            // As many slots as slots have numbers would fill 32 GB.
            self.slots.len() as u32 - 1
        };
        self.insert(Entry { time: time.max(self.now).as_nanos(), order, slot, event });
        EventId { order, slot }
    }

    #[inline]
    fn next_order(&mut self, class: u8) -> u64 {
        let order = (u64::from(class) << SEQUENCE_BITS) | (self.next_sequence & SEQUENCE_MASK);
        self.next_sequence += 1;
        order
    }

    #[inline]
    fn insert(&mut self, entry: Entry<E>) {
        self.live += 1;
        if entry.time > self.list_ends { self.buckets.put(entry) } else { self.insert_in_list(entry) }
    }

    #[inline]
    fn insert_in_list(&mut self, entry: Entry<E>) {
        if self.list.len() < MOST_IN_LIST {
            let place = self.list.partition_point(|earlier| *earlier < entry);
            self.list.insert(place, entry);
        } else {
            self.insert_in_full_list(entry);
        }
    }

    #[cold]
    fn insert_in_full_list(&mut self, entry: Entry<E>) {
        let now = self.now.as_nanos();
        // The list can be cut short where the clock has come into it. Before, the buckets could not take an event that is due
        // before it; and what is due in this very moment is never in buckets.
        if self.buckets.base() <= now && now < self.list_ends {
            self.buckets.set_base(now);
            self.list_ends = now;
            let due = self.list.partition_point(|entry| entry.time > now);
            for entry in self.list.drain(..due) {
                self.buckets.put(entry);
            }
            // What came while the buckets began later than the clock: the buckets now hold earlier events than some of it.
            let buckets = &mut self.buckets;
            self.overflow.retain(|entry| {
                let due = entry.time <= now;
                if !due {
                    buckets.put(*entry);
                }
                due
            });
            if entry.time > now {
                return self.buckets.put(entry);
            }
        }
        self.overflow.push(entry);
    }

    /// Takes back an event. False if it has happened or was cancelled before. Constant time, amortised.
    pub fn cancel(&mut self, id: EventId) -> bool {
        if !self.is_pending(id) {
            return false;
        }
        self.vacate(id.slot);
        self.live -= 1;
        self.stale += 1;
        if self.stale > self.live + MOST_IN_LIST {
            self.sweep();
        }
        true
    }

    /// True while the event is pending.
    #[inline]
    #[must_use]
    pub fn is_pending(&self, id: EventId) -> bool {
        id.order != VACANT && self.slots.get(id.slot as usize) == Some(&id.order)
    }

    #[inline]
    fn vacate(&mut self, slot: u32) {
        self.slots[slot as usize] = VACANT;
        self.vacant.push(slot);
    }

    /// Takes the next event with its time and its sequence (unique in the queue's history), and advances the clock to it.
    #[inline]
    pub fn pop(&mut self) -> Option<(Time, u64, E)> {
        self.settle();
        let next = self.list.pop()?;
        if next.slot != NO_SLOT {
            self.vacate(next.slot);
        }
        self.live -= 1;
        self.now = Time::from_nanos(next.time);
        Some((self.now, next.order & SEQUENCE_MASK, next.event))
    }

    /// As [`Queue::pop`], but only an event that happens before `horizon`; otherwise nothing changes.
    #[inline]
    pub fn pop_before(&mut self, horizon: Time) -> Option<(Time, u64, E)> {
        // Buckets that begin later are left alone: near events may still come before them.
        if self.list.is_empty() && self.overflow.is_empty() && self.buckets.begins()? >= horizon.as_nanos() {
            return None;
        }
        if self.peek_time()? < horizon { self.pop() } else { None }
    }

    /// Time of the next event. It may sort the next events out of the others, and so takes `&mut self`.
    #[inline]
    #[must_use]
    pub fn peek_time(&mut self) -> Option<Time> {
        self.settle();
        self.list.last().map(|entry| Time::from_nanos(entry.time))
    }

    /// Number of pending events; cancelled ones do not count.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.live
    }

    /// True when nothing is pending.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Time of the last popped event; [`Time::ZERO`] at the start.
    #[inline]
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// Number of events ever scheduled, which is the sequence of the next one.
    #[inline]
    #[must_use]
    pub fn scheduled(&self) -> u64 {
        self.next_sequence
    }

    /// Back to an empty queue at [`Time::ZERO`] and sequence 0, keeping the memory for the next replication. Handles from
    /// before must not be used again.
    pub fn clear(&mut self) {
        self.list.clear();
        self.list_ends = u64::MAX;
        self.overflow.clear();
        self.buckets.clear();
        self.slots.clear();
        self.vacant.clear();
        (self.live, self.stale, self.next_sequence, self.left_when_laid) = (0, 0, 0, 0);
        self.now = Time::ZERO;
    }

    /// Brings the next event to the end of the list, if any is pending.
    #[inline]
    fn settle(&mut self) {
        if self.stale > 0 || !self.overflow.is_empty() {
            self.settle_anew();
        } else if self.list.is_empty() {
            self.refill();
        }
    }

    #[inline(never)]
    fn settle_anew(&mut self) {
        loop {
            if self.overflow.peek() > self.list.last() {
                self.list.extend(self.overflow.pop());
            }
            let Some(next) = self.list.last() else {
                if self.refill() {
                    continue;
                }
                return;
            };
            if self.stale == 0 || !is_stale(&self.slots, next) {
                return;
            }
            self.list.pop();
            self.stale -= 1;
        }
    }

    /// Fills the empty list from the buckets. False if these are empty too.
    #[inline(never)]
    fn refill(&mut self) -> bool {
        let few = self.live + self.stale <= FEW;
        while let Some(mut taken) = self.buckets.take() {
            if few || self.buckets.is_small(&taken) {
                loop {
                    let chunk = self.buckets.chunk(&taken);
                    if chunk.is_empty() {
                        break;
                    }
                    self.list.extend_from_slice(chunk);
                    self.buckets.release(&mut taken);
                }
                if few {
                    continue;
                }
                self.buckets.set_base(taken.first);
                self.list_ends = taken.last;
            } else {
                let survey = self.buckets.survey(&taken);
                self.buckets.set_base(survey.first);
                self.list_ends = survey.first;
                self.lay_digits(survey);
                self.buckets.spread(taken, &mut self.list);
            }
            if !self.list.is_empty() {
                sort(&mut self.list);
                return true;
            }
        }
        // Whatever comes now goes to the list.
        self.list_ends = u64::MAX;
        self.buckets.set_base(0);
        sort(&mut self.list);
        !self.list.is_empty()
    }

    /// Lays the digits of the buckets so that the first ones will hold a handful of events each, where that has changed. Only
    /// when a good part of the pending events is about to be spread, and as many have left since the last time.
    fn lay_digits(&mut self, survey: Survey) {
        let bit = survey.mean_gap.max(1).ilog2() + EVENTS_PER_BUCKET_LOG2;
        let left = self.next_sequence - self.live as u64;
        let due = 16 * survey.count >= self.live as u64 && left - self.left_when_laid >= self.live as u64;
        if due && !self.buckets.has_digit_near(bit) {
            self.left_when_laid = left;
            self.buckets.lay(bit);
        }
    }

    /// Drops the cancelled events.
    #[cold]
    fn sweep(&mut self) {
        let slots = &self.slots;
        self.list.retain(|entry| !is_stale(slots, entry));
        self.overflow.retain(|entry| !is_stale(slots, entry));
        self.buckets.retain(|entry| !is_stale(slots, entry));
        self.stale = 0;
    }
}

#[inline]
fn is_stale<E>(slots: &[u64], entry: &Entry<E>) -> bool {
    entry.slot != NO_SLOT && slots[entry.slot as usize] != entry.order
}

/// Sorts, the earliest last: by insertion where that is fastest.
#[inline]
fn sort<E: Copy>(list: &mut [Entry<E>]) {
    if list.len() > 2 * FEW {
        return list.sort_unstable();
    }
    for sorted in 1..list.len() {
        let entry = list[sorted];
        let mut place = sorted;
        while place > 0 && list[place - 1] > entry {
            list[place] = list[place - 1];
            place -= 1;
        }
        list[place] = entry;
    }
}

impl<E: Copy> Default for Queue<E> {
    fn default() -> Self {
        Self::new()
    }
}
