//! The queue against a sorted map, and its worst cases.

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
    let first = queue.schedule_cancellable(at(1), 0, 0);
    assert!(queue.cancel(first));
    let second = queue.schedule_cancellable(at(1), 0, 1); // takes the same slot
    assert!(!queue.cancel(first) && !queue.is_pending(first));
    assert!(queue.is_pending(second));
    queue.pop();
    assert!(!queue.cancel(second));
    assert_eq!(queue.peek_time(), None);
}

#[test]
fn heavy_cancelling_does_not_grow_the_queue() {
    let mut queue = Queue::new();
    let mut timer = queue.schedule_cancellable(at(1_000_000), 0, 0);
    for _ in 0..100 {
        queue.schedule(at(1), 0, 1);
    }
    for step in 0..100_000 {
        assert!(queue.cancel(timer));
        timer = queue.schedule_cancellable(at(1_000_000 + step), 0, 0);
    }
    assert_eq!((queue.len(), queue.slots.len()), (101, 1));
    assert!(queue.stale <= 101 + MOST_IN_LIST && queue.buckets.places() < 16 * 500, "{}", queue.buckets.places());
    assert_eq!(drain(&mut queue).len(), 101);
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
    assert!(load(r#"{"now":3,"next_sequence":2,"events":[[4,0,1,1,9],[4,0,0,null,9]],"vacant":[0]}"#));
    assert!(!load(r#"{"now":3,"next_sequence":1,"events":[[4,0,1,null,9]],"vacant":[]}"#));
    assert!(!load(r#"{"now":5,"next_sequence":2,"events":[[4,0,1,null,9]],"vacant":[]}"#));
    assert!(!load(r#"{"now":3,"next_sequence":2,"events":[[4,0,1,null,9],[4,1,1,null,9]],"vacant":[]}"#));
    assert!(!load(r#"{"now":3,"next_sequence":2,"events":[[4,0,1,0,9]],"vacant":[0]}"#));
    assert!(!load(r#"{"now":3,"next_sequence":2,"events":[[4,0,1,4294967295,9]],"vacant":[0]}"#));
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Schedule {
        delay: u64,
        class: u8,
        cancellable: bool,
    },
    /// Many at one moment.
    Burst {
        delay: u64,
        events: u8,
    },
    Cancel(usize),
    Pop,
    PopBefore(u64),
    Peek,
    SaveAndLoad,
    Clone,
}

/// Delays of every size, from the same moment to beyond the last.
fn delay() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => 0_u64..20,
        4 => (0_u32..64, any::<u64>()).prop_map(|(bits, fine)| fine >> bits),
        2 => 3_600_000_000_000_u64..3_600_000_000_100,
        1 => Just(u64::MAX),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        16 => (delay(), 0_u8..3, any::<bool>()).prop_map(|(delay, class, cancellable)| Step::Schedule { delay, class, cancellable }),
        1 => (delay(), any::<u8>()).prop_map(|(delay, events)| Step::Burst { delay, events }),
        6 => any::<usize>().prop_map(Step::Cancel),
        10 => Just(Step::Pop),
        3 => delay().prop_map(Step::PopBefore),
        3 => Just(Step::Peek),
        1 => Just(Step::SaveAndLoad),
        1 => Just(Step::Clone),
    ]
}

/// The queue beside a sorted map that says what it should do.
#[derive(Default)]
struct Pair {
    queue: Queue<u32>,
    model: BTreeMap<(Time, u8, u64), u32>,
    handles: Vec<(EventId, (Time, u8, u64))>,
    now: u64,
}

impl Pair {
    fn schedule(&mut self, delay: u64, class: u8, cancellable: bool) {
        let sequence = self.queue.scheduled();
        // Every fifth is asked for in the past, and so happens now.
        let late = if sequence.is_multiple_of(5) && delay == 0 { 7 } else { 0 };
        let asked = at(self.now.saturating_add(delay).saturating_sub(late));
        let key = (asked.max(at(self.now)), class, sequence);
        let event = sequence as u32;
        if cancellable {
            self.handles.push((self.queue.schedule_cancellable(asked, class, event), key));
        } else {
            self.queue.schedule(asked, class, event);
        }
        self.model.insert(key, event);
    }

    fn expect(&mut self, popped: Option<(Time, u64, u32)>) -> Result<(), TestCaseError> {
        let expected = self.model.pop_first().map(|((time, _, sequence), event)| (time, sequence, event));
        self.now = expected.map_or(self.now, |next| next.0.as_nanos());
        prop_assert_eq!(popped, expected);
        Ok(())
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        let first = self.model.first_key_value().map(|(key, _)| key.0);
        match step {
            Step::Schedule { delay, class, cancellable } => self.schedule(delay, class, cancellable),
            Step::Burst { delay, events } => (0..events).for_each(|event| self.schedule(delay, event % 2, event % 3 == 0)),
            Step::Cancel(pick) if !self.handles.is_empty() => {
                let (id, key) = self.handles[pick % self.handles.len()];
                prop_assert_eq!(self.queue.is_pending(id), self.model.contains_key(&key));
                prop_assert_eq!(self.queue.cancel(id), self.model.remove(&key).is_some());
            }
            Step::Cancel(_) => {}
            Step::Pop => {
                let popped = self.queue.pop();
                self.expect(popped)?;
            }
            Step::PopBefore(delay) => {
                let horizon = at(self.now.saturating_add(delay));
                let popped = self.queue.pop_before(horizon);
                prop_assert_eq!(popped.is_some(), first.is_some_and(|first| first < horizon));
                if popped.is_some() {
                    self.expect(popped)?;
                }
            }
            Step::Peek => prop_assert_eq!(self.queue.peek_time(), first),
            Step::SaveAndLoad => {
                let text = serde_json::to_string(&self.queue).unwrap();
                self.queue = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(serde_json::to_string(&self.queue).unwrap(), text);
            }
            Step::Clone => self.queue = self.queue.clone(),
        }
        prop_assert_eq!(self.queue.len(), self.model.len());
        prop_assert_eq!(self.queue.now(), at(self.now));
        Ok(())
    }
}

/// Runs a queue of `pending` events until `left` have left; each schedules another after a delay that the function gives of the
/// sequence. The moves between buckets stay below ten for each event: a level each, and one when digits are laid anew.
#[rstest::rstest]
#[case::all_at_one_time(|_| 0)]
#[case::bursts(|sequence: u64| 3_600_000_000_000 - (sequence / 997) % 2)]
#[case::nanoseconds(|sequence: u64| sequence % 7)]
#[case::every_power_of_two(|sequence: u64| 1 << (sequence % 55))]
#[case::powers_in_turn(|sequence: u64| 1 << (sequence / 20_000 % 55))]
#[case::two_scales(|sequence: u64| if sequence.is_multiple_of(3) { 31_536_000_000_000_000 } else { sequence * sequence % 1_000 })]
#[case::hours(|sequence: u64| (sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) % 7_200_000_000_000)]
#[case::never(|sequence: u64| if sequence.is_multiple_of(2) { u64::MAX } else { sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 30 })]
fn no_history_costs_more_than_a_level_a_move(#[case] delay: fn(u64) -> u64, #[values(20, 70, 3_000, 100_000)] pending: u64) {
    let mut queue = Queue::new();
    for _ in 0..pending {
        queue.schedule(at(delay(queue.scheduled())), (queue.scheduled() % 3) as u8, 0_u32);
    }
    let mut last = (Time::ZERO, 0);
    for step in 0..2 * pending {
        // Looking ahead must not cost more either.
        if step.is_multiple_of(5) {
            assert_eq!(queue.peek_time().is_some(), !queue.is_empty());
        }
        let (time, sequence, _) = queue.pop().unwrap();
        assert!(time >= last.0);
        last = (time, sequence);
        let next = time.as_nanos().saturating_add(delay(queue.scheduled()));
        queue.schedule(at(next), (queue.scheduled() % 3) as u8, 0);
    }
    assert!(queue.buckets.moves <= 10 * queue.scheduled(), "{} moves of {} events", queue.buckets.moves, queue.scheduled());
    // Chunks in use: full ones, and one for each bucket that has events.
    assert!(queue.buckets.places() as u64 <= 16 * pending + 64, "{} places for {pending}", queue.buckets.places());
    assert!(queue.buckets.places() as u64 <= 2 * pending + 16 * 16_384, "{} places for {pending}", queue.buckets.places());
}

/// What is scheduled before a bucket that was looked at already, many times over.
#[test]
fn looking_ahead_leaves_the_order() {
    let mut queue = Queue::new();
    for event in 0..1_000 {
        queue.schedule(at(1 << 50 | u64::from(event)), 0, event);
    }
    assert_eq!(queue.peek_time(), Some(at(1 << 50)));
    for event in 1_000..100_000 {
        queue.schedule(at(u64::from(event) * 7919 % 100_003), 0, event);
    }
    let times: Vec<u64> = drain(&mut queue).iter().map(|popped| popped.0).collect();
    assert!(times.is_sorted() && times.len() == 100_000);
}

/// Events that come between the clock and what a look ahead has sorted, more than the list takes, and later ones when the clock has
/// come there.
#[test]
fn what_overflowed_after_a_look_ahead_keeps_its_place() {
    const FIRST: u64 = 1 << 30;
    let mut queue = Queue::new();
    let mut due = Vec::new();
    let mut schedule = |queue: &mut Queue<u32>, times: std::ops::Range<u64>| {
        for time in times {
            queue.schedule(at(time), 0, 0);
            due.push(time);
        }
    };
    schedule(&mut queue, FIRST..FIRST + 20);
    schedule(&mut queue, 2 * FIRST..2 * FIRST + 20);
    assert_eq!(queue.peek_time(), Some(at(FIRST)));
    schedule(&mut queue, 1..13);
    schedule(&mut queue, FIRST + 400..FIRST + 402);
    let mut popped: Vec<u64> = (0..13).filter_map(|_| queue.pop()).map(|(time, ..)| time.as_nanos()).collect();
    assert_eq!(queue.now(), at(FIRST));
    schedule(&mut queue, FIRST + 1_000..FIRST + 1_020);
    popped.extend(drain(&mut queue).iter().map(|popped| popped.0));
    due.sort_unstable();
    assert_eq!(popped, due);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn behaves_like_a_sorted_map(steps in prop::collection::vec(step(), 0..900)) {
        let mut pair = Pair::default();
        for step in steps {
            pair.step(step)?;
        }
        while !pair.model.is_empty() {
            pair.step(Step::Pop)?;
        }
        prop_assert!(pair.queue.pop().is_none());
    }
}
