//! A wall-clock limit that several steps of one search share.

use std::time::Instant;

use bastide_units::Duration;

/// When a search has to end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    start: Instant,
    limit: Duration,
}

impl Deadline {
    /// Starts now.
    #[expect(clippy::disallowed_methods, reason = "a time limit is about the time of day; results that it cut say so")]
    pub(crate) fn new(limit: Duration) -> Self {
        Self { start: Instant::now(), limit }
    }
    /// The end of a share of the time that is left: the rest is kept for what comes after.
    pub(crate) fn part(&self, share: f64) -> Self {
        let kept = self.left() * (1.0 - share);
        Self { start: self.start, limit: Duration::from_s((self.limit.as_s() - kept.as_s()).max(0.0)) }
    }
    /// Time that is left; zero when none is.
    pub(crate) fn left(&self) -> Duration {
        Duration::from_s((self.limit.as_s() - self.start.elapsed().as_secs_f64()).max(0.0))
    }
    /// Whether no time is left.
    pub(crate) fn passed(&self) -> bool {
        self.left().as_s() <= 0.0
    }
}
