//! Pending events in a total order.

use bastide_units::Time;
use serde::{Deserialize, Serialize};

/// Children per node of the heap. Four halves the depth of a binary heap and keeps siblings in two cache lines.
const ARITY: usize = 4;
/// Bits of the order word that hold the sequence; the class is above. 2^56 events last 200 years at 10 million a second.
const SEQUENCE_BITS: u32 = 56;
const SEQUENCE_MASK: u64 = (1 << SEQUENCE_BITS) - 1;
/// Order word of a slot without an event. No event has it: that would take 2^56 of them.
const FREE: u64 = u64::MAX;
/// Heaps up to this size are never compacted: popping clears them soon enough.
const COMPACT_ABOVE: usize = 64;

/// Handle of a scheduled event, for [`Queue::cancel`]. Stamped with the event's sequence, so the handle of an event that has
/// happened or was cancelled never names a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventId {
    order: u64,
    slot: usize,
}

/// What the heap moves: the key, and where the event lies.
#[derive(Clone, Copy, Debug)]
struct Entry {
    time: Time,
    /// Class in the top 8 bits, sequence below.
    order: u64,
    slot: usize,
}

impl Entry {
    #[inline]
    fn key(self) -> u128 {
        (u128::from(self.time.as_nanos()) << 64) | u128::from(self.order)
    }
}

#[derive(Clone, Copy, Debug)]
struct Slot<E> {
    /// Order word of the event that lives here, or [`FREE`].
    order: u64,
    event: E,
}

/// The set of pending events, and the clock that popping them advances.
///
/// Events come out by (time, class, sequence): earlier first; at the same time the lower class; in the same class the one
/// scheduled first. The order is total, so a history never depends on the heap's shape.
///
/// A 4-ary implicit heap of 24-byte entries over a slab of events (`LaMarca` & Ladner 1996, "The influence of caches on the
/// performance of heaps"). Cancelling frees the slot at once and leaves a stale entry, which is dropped when it reaches the
/// top; more stale entries than live ones are swept out together, so memory stays below a constant times the most events
/// ever pending. Nothing is allocated per event once the arrays have grown.
///
/// Serializing keeps the clock, the pending events and the validity of every [`EventId`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(into = "Saved<E>", try_from = "Saved<E>")]
#[serde(bound(serialize = "E: Copy + Serialize", deserialize = "E: Copy + Deserialize<'de>"))]
pub struct Queue<E: Copy> {
    /// Invariant: the top is live, so that `peek_time` needs no search.
    heap: Vec<Entry>,
    slots: Vec<Slot<E>>,
    free: Vec<usize>,
    live: usize,
    next_sequence: u64,
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
            heap: Vec::with_capacity(events),
            slots: Vec::with_capacity(events),
            free: Vec::with_capacity(events),
            live: 0,
            next_sequence: 0,
            now: Time::ZERO,
        }
    }

    /// Adds an event. Lower classes go first among events of one time.
    ///
    /// Time never runs backwards: a `time` before [`Queue::now`] counts as `now`, so the event happens next in the order of
    /// (now, class, sequence). An event at [`Time::NEVER`] is kept and comes last; loops end at a horizon with
    /// [`Queue::pop_before`].
    #[inline]
    pub fn schedule(&mut self, time: Time, class: u8, event: E) -> EventId {
        let order = (u64::from(class) << SEQUENCE_BITS) | (self.next_sequence & SEQUENCE_MASK);
        self.next_sequence += 1;
        let slot = if let Some(slot) = self.free.pop() {
            self.slots[slot] = Slot { order, event };
            slot
        } else {
            self.slots.push(Slot { order, event });
            self.slots.len() - 1
        };
        self.heap.push(Entry { time: time.max(self.now), order, slot });
        self.live += 1;
        let last = self.heap.len() - 1;
        sift_up(&mut self.heap, 0, last);
        EventId { order, slot }
    }

    /// Takes back an event. False if it has happened or was cancelled before. Constant time, amortised.
    pub fn cancel(&mut self, id: EventId) -> bool {
        match self.slots.get_mut(id.slot) {
            Some(slot) if slot.order == id.order && id.order != FREE => slot.order = FREE,
            _ => return false,
        }
        self.free.push(id.slot);
        self.live -= 1;
        if self.heap.len() > COMPACT_ABOVE && self.heap.len() > 2 * self.live {
            self.compact();
        }
        self.drop_stale_top();
        true
    }

    /// True while the event is pending.
    #[inline]
    #[must_use]
    pub fn is_pending(&self, id: EventId) -> bool {
        id.order != FREE && self.slots.get(id.slot).is_some_and(|slot| slot.order == id.order)
    }

    /// Takes the next event with its time and its sequence (unique in the queue's history), and advances the clock to it.
    #[inline]
    pub fn pop(&mut self) -> Option<(Time, u64, E)> {
        let top = *self.heap.first()?;
        let slot = &mut self.slots[top.slot];
        let event = slot.event;
        slot.order = FREE;
        self.free.push(top.slot);
        self.live -= 1;
        remove_top(&mut self.heap);
        self.drop_stale_top();
        self.now = top.time;
        Some((top.time, top.order & SEQUENCE_MASK, event))
    }

    /// As [`Queue::pop`], but only an event that happens before `horizon`; otherwise nothing changes.
    #[inline]
    pub fn pop_before(&mut self, horizon: Time) -> Option<(Time, u64, E)> {
        if self.peek_time()? < horizon { self.pop() } else { None }
    }

    /// Time of the next event.
    #[inline]
    #[must_use]
    pub fn peek_time(&self) -> Option<Time> {
        self.heap.first().map(|entry| entry.time)
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
        self.heap.clear();
        self.slots.clear();
        self.free.clear();
        self.live = 0;
        self.next_sequence = 0;
        self.now = Time::ZERO;
    }

    #[inline]
    fn drop_stale_top(&mut self) {
        while let Some(top) = self.heap.first() {
            if self.slots[top.slot].order == top.order {
                break;
            }
            remove_top(&mut self.heap);
        }
    }

    /// Drops every stale entry and builds the heap anew (Floyd 1964), in linear time.
    #[cold]
    fn compact(&mut self) {
        let slots = &self.slots;
        self.heap.retain(|entry| slots[entry.slot].order == entry.order);
        heapify(&mut self.heap);
    }
}

impl<E: Copy> Default for Queue<E> {
    fn default() -> Self {
        Self::new()
    }
}

/// Moves the entry at `hole` up to its place, not above `root`.
#[inline]
fn sift_up(heap: &mut [Entry], root: usize, mut hole: usize) {
    let entry = heap[hole];
    let key = entry.key();
    while hole > root {
        let parent = (hole - 1) / ARITY;
        if heap[parent].key() <= key {
            break;
        }
        heap[hole] = heap[parent];
        hole = parent;
    }
    heap[hole] = entry;
}

/// Puts `entry` into the subtree at `root`, whose top is vacant. The hole goes down to a leaf first and the entry up from
/// there (Wegener 1993): a late entry belongs near the leaves, so that saves a comparison per level.
#[inline]
fn fill(heap: &mut [Entry], root: usize, entry: Entry) {
    let mut hole = root;
    loop {
        let first = ARITY * hole + 1;
        let least = if let Some(children) = heap.get(first..first + ARITY) {
            let left = usize::from(children[1].key() < children[0].key());
            let right = 2 + usize::from(children[3].key() < children[2].key());
            first + if children[right].key() < children[left].key() { right } else { left }
        } else {
            let mut least = first;
            for child in first + 1..heap.len() {
                if heap[child].key() < heap[least].key() {
                    least = child;
                }
            }
            least
        };
        if least >= heap.len() {
            break;
        }
        heap[hole] = heap[least];
        hole = least;
    }
    heap[hole] = entry;
    sift_up(heap, root, hole);
}

#[inline]
fn remove_top(heap: &mut Vec<Entry>) {
    if let Some(last) = heap.pop()
        && !heap.is_empty()
    {
        fill(heap, 0, last);
    }
}

fn heapify(heap: &mut [Entry]) {
    // The last node with a child is the parent of the last entry.
    let parents = if heap.len() < 2 { 0 } else { (heap.len() - 2) / ARITY + 1 };
    for root in (0..parents).rev() {
        fill(heap, root, heap[root]);
    }
}

/// A queue as it is written: one entry per slot, so that handles stay valid. The heap follows from it.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Queue")]
struct Saved<E> {
    now: Time,
    next_sequence: u64,
    /// (time, class, sequence, event) of each slot.
    slots: Vec<Option<(Time, u8, u64, E)>>,
    /// Vacant slots, in the order of their reuse from the end.
    free: Vec<usize>,
}

impl<E: Copy> From<Queue<E>> for Saved<E> {
    fn from(queue: Queue<E>) -> Self {
        let mut slots: Vec<Option<(Time, u8, u64, E)>> = vec![None; queue.slots.len()];
        for entry in &queue.heap {
            let slot = &queue.slots[entry.slot];
            if slot.order == entry.order {
                let class = (entry.order >> SEQUENCE_BITS) as u8;
                slots[entry.slot] = Some((entry.time, class, entry.order & SEQUENCE_MASK, slot.event));
            }
        }
        Self { now: queue.now, next_sequence: queue.next_sequence, slots, free: queue.free }
    }
}

impl<E: Copy> TryFrom<Saved<E>> for Queue<E> {
    type Error = String;

    fn try_from(saved: Saved<E>) -> Result<Self, String> {
        let mut queue = Self::with_capacity(saved.slots.len());
        queue.now = saved.now;
        queue.next_sequence = saved.next_sequence;
        // A vacant slot needs some event to hold; with none pending there is none, and then no slot is needed either.
        let Some(filler) = saved.slots.iter().flatten().next().map(|pending| pending.3) else {
            return Ok(queue);
        };
        let mut sequences: Vec<u64> = Vec::with_capacity(saved.slots.len());
        for (slot, pending) in saved.slots.into_iter().enumerate() {
            let Some((time, class, sequence, event)) = pending else {
                queue.slots.push(Slot { order: FREE, event: filler });
                continue;
            };
            if sequence >= saved.next_sequence || sequence >= SEQUENCE_MASK {
                return Err(format!("saved queue has an event from its future: sequence {sequence}"));
            }
            if time < saved.now {
                return Err(format!("saved queue has an event in its past: {} ns", time.as_nanos()));
            }
            let order = (u64::from(class) << SEQUENCE_BITS) | sequence;
            sequences.push(sequence);
            queue.slots.push(Slot { order, event });
            queue.heap.push(Entry { time, order, slot });
        }
        sequences.sort_unstable();
        if sequences.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err("saved queue has two events of one sequence".to_owned());
        }
        let vacant = (0..queue.slots.len()).filter(|slot| queue.slots[*slot].order == FREE);
        let mut listed = saved.free.clone();
        listed.sort_unstable();
        if !vacant.eq(listed) {
            return Err("saved queue lists other vacant slots than it has".to_owned());
        }
        queue.free = saved.free;
        queue.live = queue.heap.len();
        heapify(&mut queue.heap);
        Ok(queue)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn at(nanos: u64) -> Time {
        Time::from_nanos(nanos)
    }

    fn drain(queue: &mut Queue<u32>) -> Vec<(u64, u64, u32)> {
        std::iter::from_fn(|| queue.pop()).map(|(time, sequence, event)| (time.as_nanos(), sequence, event)).collect()
    }

    #[test]
    fn orders_by_time_then_class_then_sequence() {
        let mut queue = Queue::new();
        queue.schedule(at(5), 1, 0);
        queue.schedule(at(5), 0, 1);
        queue.schedule(at(5), 1, 2);
        queue.schedule(at(3), 255, 3);
        queue.schedule(at(5), 0, 4);
        assert_eq!(queue.peek_time(), Some(at(3)));
        assert_eq!(drain(&mut queue), [(3, 3, 3), (5, 1, 1), (5, 4, 4), (5, 0, 0), (5, 2, 2)]);
        assert_eq!(queue.now(), at(5));
        assert!(queue.is_empty() && queue.pop().is_none());
    }

    #[test]
    fn an_event_in_the_past_happens_now() {
        let mut queue = Queue::new();
        queue.schedule(at(10), 0, 0);
        queue.pop();
        queue.schedule(at(10), 1, 1);
        queue.schedule(at(4), 2, 2);
        queue.schedule(at(4), 0, 3);
        assert_eq!(drain(&mut queue), [(10, 3, 3), (10, 1, 1), (10, 2, 2)]);
    }

    #[test]
    fn the_horizon_is_not_crossed() {
        let mut queue = Queue::new();
        queue.schedule(at(1), 0, 0);
        queue.schedule(at(2), 0, 1);
        queue.schedule(Time::NEVER, 0, 2);
        assert_eq!(queue.pop_before(at(2)).map(|popped| popped.2), Some(0));
        assert!(queue.pop_before(at(2)).is_none());
        assert_eq!((queue.now(), queue.len()), (at(1), 2));
        queue.pop();
        assert!(queue.pop_before(Time::NEVER).is_none());
    }

    #[test]
    fn an_old_handle_names_nothing() {
        let mut queue = Queue::new();
        let first = queue.schedule(at(1), 0, 0);
        assert!(queue.cancel(first));
        let second = queue.schedule(at(1), 0, 1); // takes the same slot
        assert!(!queue.cancel(first) && !queue.is_pending(first));
        assert!(queue.is_pending(second));
        queue.pop();
        assert!(!queue.cancel(second));
        assert_eq!(queue.peek_time(), None);
    }

    #[test]
    fn heavy_cancelling_does_not_grow_the_heap() {
        let mut queue = Queue::new();
        let mut timer = queue.schedule(at(1_000_000), 0, 0);
        for _ in 0..100 {
            queue.schedule(at(1), 0, 1);
        }
        for step in 0..100_000 {
            assert!(queue.cancel(timer));
            timer = queue.schedule(at(1_000_000 + step), 0, 0);
        }
        assert_eq!(queue.len(), 101);
        assert!(queue.heap.len() <= 2 * 101 + 1, "{}", queue.heap.len());
        assert!(queue.slots.len() <= 102);
    }

    #[test]
    fn clearing_starts_anew() {
        let mut queue = Queue::with_capacity(4);
        queue.schedule(at(7), 0, 0);
        queue.pop();
        queue.schedule(at(9), 0, 1);
        queue.clear();
        assert_eq!((queue.now(), queue.len(), queue.scheduled()), (Time::ZERO, 0, 0));
        queue.schedule(at(2), 0, 5);
        assert_eq!(drain(&mut queue), [(2, 0, 5)]);
    }

    #[test]
    fn a_corrupt_saved_queue_is_refused() {
        let load = |text: &str| serde_json::from_str::<Queue<u32>>(text).is_ok();
        assert!(load(r#"{"now":3,"next_sequence":2,"slots":[[4,0,1,9],null],"free":[1]}"#));
        assert!(!load(r#"{"now":3,"next_sequence":1,"slots":[[4,0,1,9]],"free":[]}"#));
        assert!(!load(r#"{"now":5,"next_sequence":2,"slots":[[4,0,1,9]],"free":[]}"#));
        assert!(!load(r#"{"now":3,"next_sequence":2,"slots":[[4,0,1,9],[4,1,1,9]],"free":[]}"#));
        assert!(!load(r#"{"now":3,"next_sequence":2,"slots":[[4,0,1,9],null],"free":[0]}"#));
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Schedule { delay: u64, class: u8 },
        Cancel(usize),
        Pop,
        SaveAndLoad,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            8 => (0_u64..20, 0_u8..3).prop_map(|(delay, class)| Step::Schedule { delay, class }),
            6 => any::<usize>().prop_map(Step::Cancel),
            3 => Just(Step::Pop),
            1 => Just(Step::SaveAndLoad),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn behaves_like_a_sorted_map(steps in prop::collection::vec(step(), 0..600)) {
            let mut queue: Queue<u32> = Queue::new();
            let mut model: BTreeMap<(Time, u8, u64), u32> = BTreeMap::new();
            let mut handles: Vec<(EventId, (Time, u8, u64))> = Vec::new();
            let (mut sequence, mut now) = (0_u64, 0_u64);
            for step in steps {
                match step {
                    Step::Schedule { delay, class } => {
                        let key = (at(now + delay), class, sequence);
                        let event = sequence as u32;
                        handles.push((queue.schedule(key.0, class, event), key));
                        model.insert(key, event);
                        sequence += 1;
                    }
                    Step::Cancel(pick) if !handles.is_empty() => {
                        let (id, key) = handles[pick % handles.len()];
                        prop_assert_eq!(queue.is_pending(id), model.contains_key(&key));
                        prop_assert_eq!(queue.cancel(id), model.remove(&key).is_some());
                    }
                    Step::Cancel(_) => {}
                    Step::Pop => {
                        let expected = model.pop_first().map(|((time, _, sequence), event)| (time, sequence, event));
                        now = expected.map_or(now, |popped| popped.0.as_nanos());
                        prop_assert_eq!(queue.pop(), expected);
                    }
                    Step::SaveAndLoad => {
                        let text = serde_json::to_string(&queue).unwrap();
                        queue = serde_json::from_str(&text).unwrap();
                    }
                }
                prop_assert_eq!(queue.len(), model.len());
                prop_assert_eq!(queue.peek_time(), model.first_key_value().map(|(key, _)| key.0));
                prop_assert_eq!(queue.now(), at(now));
                prop_assert!(queue.heap.len() <= COMPACT_ABOVE.max(2 * queue.len() + 1));
            }
            while let Some(((time, _, sequence), event)) = model.pop_first() {
                prop_assert_eq!(queue.pop(), Some((time, sequence, event)));
            }
            prop_assert!(queue.pop().is_none());
        }
    }
}
