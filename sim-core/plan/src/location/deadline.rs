//! The wall clock of a search.

use std::time::Instant;

use bastide_units::Duration;

/// When a search must answer with what it has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    start: Instant,
    limit: f64,
}

impl Deadline {
    /// A deadline that begins now.
    #[expect(
        clippy::disallowed_methods,
        reason = "a wall-clock limit cannot be kept without the clock; an answer that it cut short says so"
    )]
    pub(crate) fn after(limit: Duration) -> Self {
        Self { start: Instant::now(), limit: limit.as_s() }
    }
    /// Whether the time is over; a limit that is no number is over at once.
    pub(crate) fn passed(&self) -> bool {
        let spent = self.start.elapsed().as_secs_f64();
        spent >= self.limit || self.limit.is_nan()
    }
}
