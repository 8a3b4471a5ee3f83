//! What watches a history while it runs.

use bastide_units::Time;

/// Hears every event. A simulation takes one as a parameter, `observer: &mut impl Observer<Event>`, and tells it what it pops;
/// with `()` the call compiles to nothing, so that measuring costs nothing when it is off.
///
/// Closures observe, and so do pairs of observers:
///
/// ```
/// use bastide_engine::{Observer, Queue};
/// use bastide_units::Time;
///
/// fn run(observer: &mut impl Observer<char>) {
///     let mut queue = Queue::new();
///     queue.schedule(Time::from_nanos(5), 0, 'b');
///     queue.schedule(Time::from_nanos(3), 0, 'a');
///     while let Some((now, sequence, event)) = queue.pop() {
///         observer.event(now, sequence, &event);
///     }
/// }
///
/// run(&mut ());
/// let (mut text, mut count) = (String::new(), 0);
/// run(&mut (|_, _, event: &char| text.push(*event), |_, _, _: &char| count += 1));
/// assert_eq!((text.as_str(), count), ("ab", 2));
/// ```
///
/// A simulation with more to tell than its events has a trait of its own, in the same form: methods that do nothing unless
/// they are overridden, and `()` that overrides none.
pub trait Observer<E> {
    /// An event happens at `now`; `sequence` is its number in the order of scheduling.
    #[inline]
    fn event(&mut self, now: Time, sequence: u64, event: &E) {
        let _ = (now, sequence, event);
    }
}

/// Watches nothing.
impl<E> Observer<E> for () {}

impl<E, F: FnMut(Time, u64, &E)> Observer<E> for F {
    #[inline]
    fn event(&mut self, now: Time, sequence: u64, event: &E) {
        self(now, sequence, event);
    }
}

impl<E, A: Observer<E>, B: Observer<E>> Observer<E> for (A, B) {
    #[inline]
    fn event(&mut self, now: Time, sequence: u64, event: &E) {
        self.0.event(now, sequence, event);
        self.1.event(now, sequence, event);
    }
}
