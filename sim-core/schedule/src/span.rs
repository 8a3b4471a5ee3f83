//! Lengths of time, in whole nanoseconds.

use std::ops::{Add, AddAssign, Sub};

use bastide_units::Time;

/// A length of time: whole nanoseconds, so that ends that meet in a log meet here too. Saturates instead of wrapping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Span(u64);

/// Nanoseconds of a second.
pub const SECOND: u64 = 1_000_000_000;

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// From whole nanoseconds.
    #[inline]
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }
    /// From whole seconds.
    #[inline]
    #[must_use]
    pub const fn from_whole_s(seconds: u64) -> Self {
        Self(seconds.saturating_mul(SECOND))
    }
    /// From seconds \[s\], rounded to the nanosecond; negative and NaN become zero (Rust casts saturate).
    #[inline]
    #[must_use]
    pub fn from_s(seconds: f64) -> Self {
        Self((seconds * SECOND as f64).round() as u64)
    }
    /// Whole nanoseconds.
    #[inline]
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }
    /// Seconds \[s\].
    #[inline]
    #[must_use]
    pub fn as_s(self) -> f64 {
        seconds(self.0)
    }
    /// The time from one moment to another; zero if they come in the other order.
    #[inline]
    #[must_use]
    pub const fn between(earlier: Time, later: Time) -> Self {
        Self(later.as_nanos().saturating_sub(earlier.as_nanos()))
    }
    /// The moment this long after another.
    #[inline]
    #[must_use]
    pub const fn after(self, moment: Time) -> Time {
        Time::from_nanos(moment.as_nanos().saturating_add(self.0))
    }
}

/// Seconds of a moment \[s\].
#[inline]
#[must_use]
pub fn as_s(moment: Time) -> f64 {
    seconds(moment.as_nanos())
}

/// Whole seconds are exact: the quotient and the rest are, below 2^53 of either.
fn seconds(nanos: u64) -> f64 {
    (nanos / SECOND) as f64 + (nanos % SECOND) as f64 / SECOND as f64
}

impl Add for Span {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Span {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Span {
    type Output = Self;
    /// Zero where the other is longer.
    #[inline]
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_seconds_stay_whole() {
        for seconds in [0, 1, 3, 1_506_816_000, 9_000_000_000] {
            assert_eq!(Span::from_whole_s(seconds).as_s(), seconds as f64);
        }
        assert_eq!(Span::from_s(-1.0), Span::ZERO);
        assert_eq!(Span::from_s(f64::NAN), Span::ZERO);
        assert_eq!(Span::from_s(1e300).after(Time::ZERO), Time::NEVER);
    }
}
