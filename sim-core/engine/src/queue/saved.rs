//! A queue as it is written.

use bastide_units::Time;
use serde::{Deserialize, Serialize};

use super::{Entry, NO_SLOT, Queue, SEQUENCE_BITS, SEQUENCE_MASK, VACANT, is_stale};

/// The pending events in their order, and the slots, so that handles stay valid. How the events are kept follows from it.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Queue")]
pub(super) struct Saved<E> {
    now: Time,
    next_sequence: u64,
    events: Vec<Pending<E>>,
    /// Vacant slots, in the order of their reuse from the end. Events have the others.
    vacant: Vec<u32>,
}

/// Time, class, sequence, slot of the handle if it has one, event.
type Pending<E> = (Time, u8, u64, Option<u32>, E);

impl<E: Copy> From<Queue<E>> for Saved<E> {
    fn from(mut queue: Queue<E>) -> Self {
        let mut entries = queue.list;
        entries.extend(queue.overflow);
        while let Some(mut taken) = queue.buckets.take() {
            while let chunk @ [_, ..] = queue.buckets.chunk(&taken) {
                entries.extend_from_slice(chunk);
                queue.buckets.release(&mut taken);
            }
        }
        entries.retain(|entry| !is_stale(&queue.slots, entry));
        entries.sort_unstable_by_key(Entry::key);
        let pending = |entry: &Entry<E>| {
            let class = (entry.order >> SEQUENCE_BITS) as u8;
            let slot = (entry.slot != NO_SLOT).then_some(entry.slot);
            (Time::from_nanos(entry.time), class, entry.order & SEQUENCE_MASK, slot, entry.event)
        };
        let events = entries.iter().map(pending).collect();
        Self { now: queue.now, next_sequence: queue.next_sequence, events, vacant: queue.vacant }
    }
}

impl<E: Copy> TryFrom<Saved<E>> for Queue<E> {
    type Error = String;

    fn try_from(saved: Saved<E>) -> Result<Self, String> {
        let mut queue = Self::with_capacity(saved.events.len());
        (queue.now, queue.next_sequence) = (saved.now, saved.next_sequence);
        let mut sequences: Vec<u64> = saved.events.iter().map(|pending| pending.2).collect();
        sequences.sort_unstable();
        if sequences.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err("saved queue has two events of one sequence".to_owned());
        }
        if let Some(sequence) = sequences.last().filter(|last| **last >= saved.next_sequence.min(SEQUENCE_MASK)) {
            return Err(format!("saved queue has an event from its future: sequence {sequence}"));
        }
        let mut named: Vec<u32> = saved.events.iter().filter_map(|pending| pending.3).chain(saved.vacant.iter().copied()).collect();
        named.sort_unstable();
        if named.iter().enumerate().any(|(slot, name)| slot as u32 != *name) {
            return Err("saved queue does not name each slot once".to_owned());
        }
        queue.slots = vec![VACANT; named.len()];
        queue.vacant = saved.vacant;
        for (time, class, sequence, slot, event) in saved.events {
            if time < saved.now {
                return Err(format!("saved queue has an event in its past: {} ns", time.as_nanos()));
            }
            let order = (u64::from(class) << SEQUENCE_BITS) | sequence;
            if let Some(slot) = slot {
                queue.slots[slot as usize] = order;
            }
            queue.insert(Entry { time: time.as_nanos(), order, slot: slot.unwrap_or(NO_SLOT), event });
        }
        Ok(queue)
    }
}
