//! Integer time.

use std::ops::{Add, AddAssign, Sub};

use crate::Duration;

/// A moment of a simulated history: nanoseconds since its start. Integer, so that equal times are equal on every
/// machine; 64 bits reach 584 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Time(u64);

impl Time {
    /// The start of the history.
    pub const ZERO: Self = Self(0);
    /// Later than every event.
    pub const NEVER: Self = Self(u64::MAX);

    /// From whole nanoseconds.
    #[inline]
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }
    /// Whole nanoseconds since the start.
    #[inline]
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }
    /// From whole hours.
    #[inline]
    #[must_use]
    pub const fn from_hours(hours: u64) -> Self {
        Self(hours.saturating_mul(3_600_000_000_000))
    }
    /// Hours since the start.
    #[inline]
    #[must_use]
    pub fn as_hours(self) -> f64 {
        self.0 as f64 / 3.6e12
    }
    /// Time elapsed since an earlier moment; zero if `earlier` is later.
    #[inline]
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_s(self.0.saturating_sub(earlier.0) as f64 * 1e-9)
    }
}

impl From<Duration> for Time {
    /// Rounds to the nanosecond; negative becomes zero, too long becomes [`Time::NEVER`] (Rust casts saturate).
    #[inline]
    fn from(duration: Duration) -> Self {
        /// 2^52: numbers from here on have no fraction.
        const WHOLE: f64 = 4_503_599_627_370_496.0;
        let nanos = duration.as_s() * 1e9;
        if !(0.0..WHOLE).contains(&nanos) {
            return Self(nanos as u64);
        }
        // The sum is the nearest integer, of two equally near ones the even one; a half counts as `f64::round` counts it: up.
        // A third of the instructions of that function where there is none for it.
        let shifted = nanos + WHOLE;
        let up = u64::from(nanos - (shifted - WHOLE) == 0.5);
        Self(shifted.to_bits() - WHOLE.to_bits() + up)
    }
}

impl Add<Duration> for Time {
    type Output = Self;
    #[inline]
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(Self::from(duration).0))
    }
}

impl AddAssign<Duration> for Time {
    #[inline]
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub for Time {
    type Output = Duration;
    #[inline]
    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_to_the_nanosecond() {
        let mut nanos = vec![0.0, -0.0, -0.7, -3e9, 0.499_999_999_999_999_94, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300];
        for power in 0..70 {
            for near in [-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.5] {
                let x = 2_f64.powi(power) + near;
                nanos.extend([x, x.next_up(), x.next_down(), x / 3.0, x * 1.1]);
            }
        }
        for x in nanos {
            let duration = Duration::from_s(x / 1e9);
            assert_eq!(Time::from(duration).as_nanos(), (duration.as_s() * 1e9).round() as u64, "{x:e}");
        }
    }

    #[test]
    fn saturates_instead_of_wrapping() {
        assert_eq!(Time::NEVER + Duration::from_y(1.0), Time::NEVER);
        assert_eq!(Time::ZERO.since(Time::from_hours(1)), Duration::ZERO);
        assert_eq!((Time::ZERO + Duration::from_h(1.5)).as_hours(), 1.5);
    }
}
