//! Batch work that waits: a fluid queue, oldest first, with an age limit.
//!
//! What waits is kept as parcels: what came evenly between two times. While arrivals and service have one rate each, the queue is
//! followed exactly from one change of its oldest parcel to the next (a deterministic fluid queue; Newell 1982, chapter 2). What
//! reaches the age limit is worthless and leaves at once.

use std::collections::VecDeque;

use bastide_units::Time;

/// Seconds below which a time is rounding of the clock of whole nanoseconds.
const ROUNDING_S: f64 = 1e-9;

/// What came evenly in a stretch of time and waits.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Parcel {
    /// When the last of it came.
    end: Time,
    /// Length of the stretch that still waits, ending at `end` \[s\].
    left_s: f64,
    /// [tokens/s].
    rate: f64,
}

/// Tokens that wait.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backlog {
    parcels: VecDeque<Parcel>,
    /// Longest wait \[s\].
    limit_s: f64,
}

/// What happened in a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Flowed {
    /// Tokens served.
    pub served: f64,
    /// Tokens that became too old.
    pub late: f64,
    /// Age at completion, summed over the tokens served \[s\].
    pub age_s: f64,
    /// Time integral of what waits [tokens s].
    pub waited: f64,
    /// Most that waited.
    pub most: f64,
    /// Length of the stretch \[s\].
    pub elapsed_s: f64,
}

impl Backlog {
    pub(crate) fn new(limit_s: f64) -> Self {
        Self { parcels: VecDeque::new(), limit_s }
    }

    /// Tokens that wait.
    pub(crate) fn waiting(&self) -> f64 {
        self.parcels.iter().map(|parcel| parcel.left_s * parcel.rate).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parcels.is_empty()
    }

    /// Goes on from one time to another, with arrivals and service at constant rates [tokens/s]. Where nothing waits, service is no
    /// faster than arrivals.
    pub(crate) fn advance(&mut self, from: Time, to: Time, arrivals: f64, service: f64) -> Flowed {
        self.run(from, to.since(from).as_s(), arrivals, service, false)
    }

    /// Time until nothing waits any more \[s\]; `None` if that is not within `horizon_s`.
    pub(crate) fn empties_in(&self, now: Time, arrivals: f64, service: f64, horizon_s: f64, scratch: &mut Self) -> Option<f64> {
        if service <= arrivals {
            return None;
        }
        scratch.parcels.clone_from(&self.parcels);
        scratch.limit_s = self.limit_s;
        let flowed = scratch.run(now, horizon_s, arrivals, service, true);
        (flowed.elapsed_s < horizon_s).then_some(flowed.elapsed_s)
    }

    fn run(&mut self, from: Time, length_s: f64, arrivals: f64, service: f64, until_empty: bool) -> Flowed {
        let mut flowed = Flowed::default();
        let mut waiting = self.waiting();
        flowed.most = waiting;
        // What came since `from` and waits: a stretch that ends now.
        let mut fresh_s = 0.0;
        while flowed.elapsed_s < length_s {
            let rest_s = length_s - flowed.elapsed_s;
            let (oldest_s, left_s, rate) = match self.parcels.front() {
                // A parcel of the past ended before `from`.
                Some(parcel) => (from.since(parcel.end).as_s() + flowed.elapsed_s + parcel.left_s, parcel.left_s, parcel.rate),
                None => (fresh_s, fresh_s, arrivals),
            };
            let of_past = !self.parcels.is_empty();
            if !of_past && (fresh_s <= ROUNDING_S && service >= arrivals || arrivals <= 0.0) {
                if until_empty {
                    break;
                }
                // Nothing waits: what comes is served at once.
                flowed.served += arrivals.min(service) * rest_s;
                flowed.elapsed_s = length_s;
                break;
            }
            // The oldest gets younger by `drain` seconds of arrivals in a second of service; those of today grow by one as well.
            let drain = service / rate;
            let at_limit = oldest_s >= self.limit_s - ROUNDING_S.max(1e-12 * oldest_s) && drain < 1.0;
            let pace = if at_limit { 1.0 } else { drain };
            let growth = if of_past { 0.0 } else { 1.0 };
            let gone_in = if pace > growth { left_s / (pace - growth) } else { f64::INFINITY };
            let old_in = if at_limit || drain >= 1.0 { f64::INFINITY } else { ((self.limit_s - oldest_s) / (1.0 - drain)).max(0.0) };
            let step = gone_in.min(old_in).min(rest_s);
            let late = if at_limit { (rate - service) * step } else { 0.0 };
            let served = service * step;
            let older = oldest_s + (1.0 - pace) * step;
            flowed.served += served;
            flowed.late += late;
            flowed.age_s += served * 0.5 * (oldest_s + older);
            let after = waiting + arrivals * step - served - late;
            flowed.waited += 0.5 * (waiting + after) * step;
            waiting = after.max(0.0);
            flowed.most = flowed.most.max(waiting);
            flowed.elapsed_s += step;
            if arrivals > 0.0 {
                fresh_s += step;
            }
            let gone = step >= gone_in;
            if of_past {
                if gone {
                    self.parcels.pop_front();
                } else if let Some(parcel) = self.parcels.front_mut() {
                    parcel.left_s = (parcel.left_s - pace * step).max(0.0);
                }
            } else {
                fresh_s = if gone { 0.0 } else { (fresh_s - pace * step).max(0.0) };
            }
        }
        if fresh_s > ROUNDING_S && arrivals > 0.0 && !until_empty {
            self.keep(from, length_s, fresh_s, arrivals);
        }
        flowed
    }

    /// Adds what came since `from` and still waits.
    fn keep(&mut self, from: Time, length_s: f64, fresh_s: f64, rate: f64) {
        let end = from + bastide_units::Duration::from_s(length_s);
        match self.parcels.back_mut() {
            Some(last) if last.rate == rate && last.end == from && fresh_s >= length_s => {
                last.left_s += fresh_s;
                last.end = end;
            }
            _ => self.parcels.push_back(Parcel { end, left_s: fresh_s, rate }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Time {
        Time::ZERO + bastide_units::Duration::from_s(seconds)
    }
    fn near(value: f64, expected: f64) {
        assert!((value - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{value}, expected {expected}");
    }

    #[test]
    fn a_triangle_fills_and_drains() {
        let mut queue = Backlog::new(1e6);
        // 30/s against 10/s for 100 s: 2,000 wait; the last to be served came at t/3.
        let up = queue.advance(at(0.0), at(100.0), 30.0, 10.0);
        near(up.served, 1000.0);
        near(queue.waiting(), 2000.0);
        near(up.waited, 100_000.0);
        // The token served at t came at t/3: age 2t/3, mean 33.33 s.
        near(up.age_s, 1000.0 * 100.0 / 3.0);
        // No arrivals, 20/s: empty after 100 s.
        let mut scratch = Backlog::default();
        near(queue.empties_in(at(100.0), 0.0, 20.0, 1e9, &mut scratch).unwrap(), 100.0);
        assert_eq!(queue.empties_in(at(100.0), 0.0, 20.0, 99.0, &mut scratch), None);
        let down = queue.advance(at(100.0), at(300.0), 0.0, 20.0);
        near(down.served, 2000.0);
        near(down.waited, 100_000.0);
        // At 100 s the age is 66.67 s; at 200 s the last, which came at 100 s, is 100 s old: mean 83.33 s.
        near(down.age_s, 2000.0 * (200.0 / 3.0 + 100.0) / 2.0);
        assert!(queue.is_empty() && down.late == 0.0);
    }

    #[test]
    fn what_is_too_old_leaves_at_once() {
        let mut queue = Backlog::new(50.0);
        // 30/s against 10/s: the age of the oldest, 2t/3, is 50 s at 75 s. From then on 20/s become late.
        let flowed = queue.advance(at(0.0), at(100.0), 30.0, 10.0);
        near(flowed.served, 1000.0);
        near(flowed.late, 25.0 * 20.0);
        near(queue.waiting(), 1500.0);
        near(flowed.age_s, 10.0 * (75.0 * 25.0 + 25.0 * 50.0));
        // Without any service, all is late after 50 s, none before it is 50 s old.
        let rest = queue.advance(at(100.0), at(140.0), 0.0, 0.0);
        near(rest.late, 40.0 * 30.0);
        near(queue.advance(at(140.0), at(200.0), 0.0, 0.0).late, 300.0);
        assert!(queue.is_empty());
    }

    #[test]
    fn late_work_makes_room_for_the_preview() {
        let mut queue = Backlog::new(50.0);
        queue.advance(at(0.0), at(100.0), 30.0, 0.0);
        near(queue.waiting(), 1500.0);
        // 20/s: oldest (50 s old) leave at 30/s, of which 20 served: gone after 50 s, not after 75 s.
        near(queue.empties_in(at(100.0), 0.0, 20.0, 1e9, &mut Backlog::default()).unwrap(), 50.0);
        let flowed = queue.advance(at(100.0), at(150.0), 0.0, 20.0);
        near(flowed.served, 1000.0);
        near(flowed.late, 500.0);
        assert!(queue.waiting() < 1e-6);
    }

    #[test]
    fn tokens_are_conserved_in_any_steps() {
        let rates = [(3.0, 5.0), (40.0, 10.0), (40.0, 0.0), (0.0, 7.0), (12.0, 12.0), (0.0, 0.0), (9.0, 30.0), (1e-3, 1e-6)];
        for limit in [1.0, 17.0, 60.0, 1e9] {
            let (mut whole, mut parts) = (Backlog::new(limit), Backlog::new(limit));
            let (mut a, mut b, mut came) = (Flowed::default(), Flowed::default(), 0.0);
            let add = |sum: &mut Flowed, it: Flowed| {
                (sum.served, sum.late, sum.age_s) = (sum.served + it.served, sum.late + it.late, sum.age_s + it.age_s);
                sum.waited += it.waited;
            };
            for round in 0..40 {
                let (arrivals, service) = rates[(round * 5 + 3) % rates.len()];
                let start = 50.0 * round as f64;
                add(&mut a, whole.advance(at(start), at(start + 50.0), arrivals, service));
                for part in 0..10 {
                    add(&mut b, parts.advance(at(start + 5.0 * f64::from(part)), at(start + 5.0 * f64::from(part + 1)), arrivals, service));
                }
                came += 50.0 * arrivals;
            }
            near(a.served + a.late + whole.waiting(), came);
            near(b.served, a.served);
            near(b.late, a.late);
            near(b.age_s, a.age_s);
            near(b.waited, a.waited);
        }
    }
}
