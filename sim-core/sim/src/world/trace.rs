//! Events and the timeline as they are written during a history.

use bastide_units::Time;

use crate::record::{EventRecord, Layout};

/// Writes events and numbers them.
pub(crate) struct Recorder {
    pub events: Vec<EventRecord>,
    next_seq: u64,
    /// Moment and number of the last event that is recorded with and without trace.
    last: (Time, Option<u64>),
    /// The same of events of hazards.
    hazard: (Time, Option<u64>),
    trace: bool,
}

impl Recorder {
    pub(crate) fn new(trace: bool) -> Self {
        Self { events: Vec::new(), next_seq: 0, last: (Time::ZERO, None), hazard: (Time::ZERO, None), trace }
    }

    /// Records an event; returns its number.
    #[allow(clippy::too_many_arguments, reason = "the columns of one row")]
    pub(crate) fn event(
        &mut self,
        time: Time,
        kind: &'static str,
        entity_kind: &'static str,
        entity: usize,
        value: f64,
        note: &'static str,
        cause_seq: Option<u64>,
    ) -> u64 {
        let seq = self.next_seq;
        self.next_seq += 1;
        self.last = (time, Some(seq));
        if entity_kind == "hazard" {
            self.hazard = self.last;
        }
        self.events.push(EventRecord { time, seq, cause_seq, kind, entity_kind, entity: entity as u32, value, note });
        seq
    }

    /// Records an event of the fine grain, and gives it a number in any case.
    pub(crate) fn fine(
        &mut self,
        time: Time,
        kind: &'static str,
        entity_kind: &'static str,
        entity: usize,
        value: f64,
        cause_seq: Option<u64>,
    ) {
        let seq = self.next_seq;
        self.next_seq += 1;
        if self.trace {
            self.events.push(EventRecord { time, seq, cause_seq, kind, entity_kind, entity: entity as u32, value, note: "" });
        }
    }

    /// The last event of this very moment: what a consequence without a cause of its own follows from.
    pub(crate) fn at(&self, now: Time) -> Option<u64> {
        if self.last.0 == now { self.last.1 } else { None }
    }

    /// The last event of a hazard at this very moment.
    pub(crate) fn hazard_at(&self, now: Time) -> Option<u64> {
        if self.hazard.0 == now { self.hazard.1 } else { None }
    }
}

/// Time integrals of the channels by bin, added to where a value changes; without bins nothing is kept.
pub(crate) struct Timeline {
    bins: usize,
    bin_nanos: u64,
    sums: Vec<f64>,
    /// Nominal training speed by bin, the denominator of the training channel.
    pub nominal: Vec<f64>,
}

impl Timeline {
    pub(crate) fn new(layout: &Layout, on: bool) -> Self {
        let bins = if on { layout.bins } else { 0 };
        Self {
            bins,
            bin_nanos: Time::from(layout.bin).as_nanos().max(1),
            sums: vec![0.0; layout.channels.len() * bins],
            nominal: vec![0.0; bins],
        }
    }

    /// Whether nothing is kept.
    pub(crate) const fn is_off(&self) -> bool {
        self.bins == 0
    }

    /// Adds a value that held from one moment to another.
    #[inline]
    pub(crate) fn add(&mut self, channel: usize, from: Time, to: Time, value: f64) {
        let (bins, length) = (self.bins, self.bin_nanos);
        if bins == 0 {
            return;
        }
        spread(&mut self.sums[channel * bins..(channel + 1) * bins], length, from, to, value);
    }

    /// Adds nominal training speed.
    pub(crate) fn add_nominal(&mut self, from: Time, to: Time, value: f64) {
        if self.bins == 0 {
            return;
        }
        spread(&mut self.nominal, self.bin_nanos, from, to, value);
    }

    /// Means over time, and the training channel as a ratio (one where no campaign is under way).
    pub(crate) fn finish(mut self, end: Time, training: usize) -> Vec<f32> {
        for (place, sum) in self.sums.iter_mut().enumerate() {
            let (channel, bin) = (place / self.bins, place % self.bins);
            if channel == training {
                let nominal = self.nominal[bin];
                *sum = if nominal > 0.0 { *sum / nominal } else { 1.0 };
            } else {
                let start = bin as u64 * self.bin_nanos;
                let stop = (start + self.bin_nanos).min(end.as_nanos());
                *sum /= (stop.saturating_sub(start).max(1)) as f64 * 1e-9;
            }
        }
        self.sums.into_iter().map(|value| value as f32).collect()
    }
}

#[inline]
fn spread(bins: &mut [f64], length: u64, from: Time, to: Time, value: f64) {
    let (mut start, stop) = (from.as_nanos(), to.as_nanos());
    while start < stop {
        let bin = (start / length) as usize;
        let next = stop.min((bin as u64 + 1) * length);
        let Some(sum) = bins.get_mut(bin) else { return };
        *sum += value * (next - start) as f64 * 1e-9;
        start = next;
    }
}
