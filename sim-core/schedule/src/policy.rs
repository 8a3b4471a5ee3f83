//! Scheduling policies as they are set: a word, a list of keys, or a file.

mod claims;
mod conservative;
mod easy;
mod line;
mod quotas;
mod room;
mod settings;
mod waiting;

pub use settings::{Backfill, Cost, Order, Owner, PolicyError, Settings};

use crate::simulation::Desk;

/// What a policy does when something happened. Rules keep the jobs that wait; the [`Desk`] keeps those that run.
pub(crate) trait Rule {
    /// A job waits from now on: it was submitted.
    fn submitted(&mut self, desk: &mut Desk<'_>, job: u32);
    /// A job has ended and its GPUs are free.
    fn ended(&mut self, desk: &mut Desk<'_>, job: u32);
    /// Starts, and stops, what is due now.
    fn decide(&mut self, desk: &mut Desk<'_>);
    /// Number of jobs that wait.
    fn waiting(&self) -> usize;
}

/// The rule of settings.
pub(crate) fn rule(settings: &Settings, shares: &[f64], quotas: &[Option<u64>]) -> Box<dyn Rule> {
    match (settings.order, settings.backfill) {
        (Order::ShortestRemaining, _) => Box::new(claims::Claims::default()),
        _ if !settings.quotas.is_empty() => Box::new(quotas::Quotas::new(settings, quotas)),
        (_, Backfill::Conservative) => Box::new(conservative::Conservative::new(settings)),
        _ => Box::new(line::Line::new(settings, shares)),
    }
}

#[cfg(test)]
mod tests;
