//! Accumulators over simulated time.

use bastide_units::{Duration, Time};
use serde::{Deserialize, Serialize};

/// Integral over time of a value that changes in steps.
///
/// Calls must come in order of time; one with an earlier `now` counts as at the last.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimeWeighted {
    start: Time,
    last: Time,
    #[serde(with = "crate::exact")]
    value: f64,
    /// Up to `last` [value's unit times s] -- state.
    #[serde(with = "crate::exact")]
    integral: f64,
}

impl TimeWeighted {
    /// A gauge that shows `value` from `start` on.
    #[inline]
    #[must_use]
    pub const fn new(start: Time, value: f64) -> Self {
        Self { start, last: start, value, integral: 0.0 }
    }

    /// The value from `now` on.
    #[inline]
    pub fn set(&mut self, now: Time, value: f64) {
        self.integral = self.integral(now);
        self.last = self.last.max(now);
        self.value = value;
    }

    /// Changes the value by `difference` from `now` on.
    #[inline]
    pub fn add(&mut self, now: Time, difference: f64) {
        self.set(now, self.value + difference);
    }

    /// The present value.
    #[inline]
    #[must_use]
    pub const fn value(&self) -> f64 {
        self.value
    }

    /// Integral from the start to `now` [value's unit times s].
    #[inline]
    #[must_use]
    pub fn integral(&self, now: Time) -> f64 {
        self.integral + self.value * now.since(self.last).as_s()
    }

    /// Mean over the time from the start to `now`; the present value while no time has passed.
    #[inline]
    #[must_use]
    pub fn mean(&self, now: Time) -> f64 {
        let elapsed = now.max(self.last).since(self.start).as_s();
        if elapsed > 0.0 { self.integral(now) / elapsed } else { self.value }
    }

    /// Starts anew at `now` with the present value: the end of a warm-up.
    #[inline]
    pub fn restart(&mut self, now: Time) {
        *self = Self::new(now.max(self.last), self.value);
    }
}

/// Time that a value spends below a threshold, and how often it falls below: outages, hours under 90 %.
///
/// The time is exact: whole nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimeBelow {
    #[serde(with = "crate::exact")]
    threshold: f64,
    last: Time,
    below: bool,
    spent: u64,
    episodes: u64,
}

impl TimeBelow {
    /// A counter for the value that is `value` from `start` on; it is below while `value < threshold`.
    #[inline]
    #[must_use]
    pub fn new(start: Time, threshold: f64, value: f64) -> Self {
        let below = value < threshold;
        Self { threshold, last: start, below, spent: 0, episodes: u64::from(below) }
    }

    /// The value from `now` on. Calls must come in order of time.
    #[inline]
    pub fn set(&mut self, now: Time, value: f64) {
        self.spent = self.nanos(now);
        self.last = self.last.max(now);
        let below = value < self.threshold;
        self.episodes += u64::from(below && !self.below);
        self.below = below;
    }

    /// Time spent below from the start to `now`.
    #[inline]
    #[must_use]
    pub fn time(&self, now: Time) -> Duration {
        Time::from_nanos(self.nanos(now)).since(Time::ZERO)
    }

    /// Number of times the value has fallen below, one for starting there.
    #[inline]
    #[must_use]
    pub const fn episodes(&self) -> u64 {
        self.episodes
    }

    #[inline]
    fn nanos(&self, now: Time) -> u64 {
        let passed = if self.below { now.as_nanos().saturating_sub(self.last.as_nanos()) } else { 0 };
        self.spent.saturating_add(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_weighted_by_their_length() {
        // 2 for 1 h, 5 for 3 h: 17 value-hours, mean 4.25.
        let mut gauge = TimeWeighted::new(Time::from_hours(1), 2.0);
        assert_eq!(gauge.mean(Time::from_hours(1)), 2.0);
        gauge.add(Time::from_hours(2), 3.0);
        assert_eq!(gauge.value(), 5.0);
        assert_eq!(gauge.integral(Time::from_hours(5)) / 3600.0, 17.0);
        assert_eq!(gauge.mean(Time::from_hours(5)), 4.25);
        gauge.restart(Time::from_hours(5));
        assert_eq!(gauge.mean(Time::from_hours(7)), 5.0);
    }

    #[test]
    fn saved_gauges_go_on_with_the_same_bits() {
        for step in 1..2_000_u32 {
            let mut gauge = TimeWeighted::new(Time::ZERO, 1.0 / f64::from(step));
            gauge.add(Time::from_nanos(u64::from(step) * 977), 0.1);
            let mut loaded: TimeWeighted = serde_json::from_str(&serde_json::to_string(&gauge).unwrap()).unwrap();
            assert_eq!(loaded, gauge);
            loaded.set(Time::from_hours(1), f64::INFINITY);
            let again: TimeWeighted = serde_json::from_str(&serde_json::to_string(&loaded).unwrap()).unwrap();
            assert_eq!(again, loaded);
        }
        let below = TimeBelow::new(Time::ZERO, f64::NEG_INFINITY, 0.0);
        assert_eq!(serde_json::from_str::<TimeBelow>(&serde_json::to_string(&below).unwrap()).unwrap(), below);
    }

    #[test]
    fn going_back_in_time_counts_nothing() {
        let mut gauge = TimeWeighted::new(Time::from_hours(2), 1.0);
        gauge.set(Time::from_hours(1), 3.0);
        assert_eq!((gauge.integral(Time::from_hours(1)), gauge.mean(Time::from_hours(3))), (0.0, 3.0));
    }

    #[test]
    fn time_below_counts_episodes() {
        let mut served = TimeBelow::new(Time::ZERO, 0.9, 1.0);
        served.set(Time::from_hours(10), 0.5);
        served.set(Time::from_hours(11), 0.7); // the same episode
        served.set(Time::from_hours(13), 0.9); // at the threshold is not below
        served.set(Time::from_hours(20), 0.0);
        assert_eq!(served.time(Time::from_hours(24)).as_h(), 7.0);
        assert_eq!(served.episodes(), 2);
    }
}
