//! Poisson processes whose rate changes in time.

use bastide_units::{Duration, Rate, Time};

use crate::random::Stream;

/// More pieces than this are refused: 16 million of them take 400 MB.
const MOST_PIECES: u64 = 1 << 24;

/// From `start` until the next piece.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Piece {
    start: Time,
    /// Events per second -- constant. Finite, not negative.
    rate: f64,
    /// Events expected before `start` -- constant.
    before: f64,
}

/// A Poisson process whose rate is constant between breaks: requests by the hour with their spikes, failures by year of age.
///
/// [`PoissonProcess::next`] is exact: it inverts the expected number of events, so that event n depends on draw n alone, and
/// a higher rate brings every event forward. [`PoissonProcess::next_thinned`] takes any rate that stays below this one. Both
/// have no memory: a history may be resumed from any moment by the time and the stream alone.
#[derive(Clone, Debug, PartialEq)]
pub struct PoissonProcess {
    /// Invariant: by strictly increasing start, the first at [`Time::ZERO`].
    pieces: Vec<Piece>,
}

impl PoissonProcess {
    /// The same rate for ever. `None` unless it is finite and not negative.
    #[must_use]
    pub fn constant(rate: Rate) -> Option<Self> {
        Self::new([(Time::ZERO, rate)])
    }

    /// `rates[h]` in hour h of the history, zero after the last one. `None` unless all are finite and not negative.
    #[must_use]
    pub fn hourly(rates: &[Rate]) -> Option<Self> {
        let hours = (0..).zip(rates).map(|(hour, rate)| (Time::from_hours(hour), *rate));
        Self::new(hours.chain([(Time::from_hours(rates.len() as u64), Rate::ZERO)]))
    }

    /// Each rate from its moment to the next one's; the last for ever, zero before the first. `None` unless the moments
    /// strictly increase, the rates are finite and not negative, and the expected number of events until the last moment is
    /// finite.
    #[must_use]
    pub fn new(pieces: impl IntoIterator<Item = (Time, Rate)>) -> Option<Self> {
        let mut process = Self { pieces: Vec::new() };
        for (start, rate) in pieces {
            if process.pieces.is_empty() && start > Time::ZERO {
                process.pieces.push(Piece { start: Time::ZERO, rate: 0.0, before: 0.0 });
            }
            let before = match process.pieces.last() {
                Some(last) if last.start >= start => return None,
                Some(last) => last.before + last.rate * (start - last.start).as_s(),
                None => 0.0,
            };
            let rate = rate.as_per_s();
            if !(rate >= 0.0 && rate.is_finite() && before.is_finite()) {
                return None;
            }
            process.pieces.push(Piece { start, rate, before });
        }
        (!process.pieces.is_empty()).then_some(process)
    }

    /// The rates of the first `period` again and again until `until`, then zero: a day or a week of hours as a year. `None`
    /// for a period of zero and for more than 2^24 pieces.
    #[must_use]
    pub fn repeated(&self, period: Duration, until: Time) -> Option<Self> {
        let length = Time::from(period).as_nanos();
        let cycle: Vec<Piece> = self.pieces.iter().copied().filter(|piece| piece.start.as_nanos() < length).collect();
        let cycles = until.as_nanos().checked_div(length)?.checked_add(1)?;
        if cycles.checked_mul(cycle.len() as u64)? > MOST_PIECES {
            return None;
        }
        let pieces = (0..cycles).flat_map(|n| cycle.iter().map(move |piece| (n * length, piece)));
        let pieces = pieces.map(|(offset, piece)| (Time::from_nanos(offset.saturating_add(piece.start.as_nanos())), piece.rate));
        let pieces = pieces.take_while(|(start, _)| *start < until).chain([(until, 0.0)]);
        Self::new(pieces.map(|(start, rate)| (start, Rate::from_per_s(rate))))
    }

    /// The rate times `factor` from `from` to `to`: a spike, or a lull. `None` unless the factor leaves the rates finite and
    /// not negative.
    #[must_use]
    pub fn spiked(&self, from: Time, to: Time, factor: f64) -> Option<Self> {
        if from >= to {
            return Some(self.clone());
        }
        let mut starts: Vec<Time> = self.pieces.iter().map(|piece| piece.start).chain([from, to]).collect();
        starts.sort_unstable();
        starts.dedup();
        let within = from..to;
        Self::new(starts.into_iter().map(|start| {
            let rate = self.rate(start);
            (start, if within.contains(&start) { rate * factor } else { rate })
        }))
    }

    /// The rate at a moment.
    #[must_use]
    pub fn rate(&self, at: Time) -> Rate {
        Rate::from_per_s(self.pieces[self.place(at)].rate)
    }

    /// Expected number of events from `from` to `to`; zero if `to` is earlier.
    #[must_use]
    pub fn expected(&self, from: Time, to: Time) -> f64 {
        let (first, last) = (self.place(from), self.place(to));
        if first >= last {
            return self.pieces[first].rate * (to - from).as_s();
        }
        let next = self.pieces[first + 1];
        let last = self.pieces[last];
        self.pieces[first].rate * (next.start - from).as_s() + (last.before - next.before) + last.rate * (to - last.start).as_s()
    }

    /// The first event after a moment, [`Time::NEVER`] if there is none: the moment until which as many events are expected as
    /// an exponential draw of mean 1 says (Cinlar 1975, "Introduction to stochastic processes", section 4.7). One 64-bit draw.
    /// Events are at least a nanosecond apart.
    #[inline]
    pub fn next(&self, after: Time, stream: &mut Stream) -> Time {
        let expected = stream.exponential(1.0);
        let at = self.until_expected(after, expected);
        at.max(Time::from_nanos(after.as_nanos().saturating_add(1)))
    }

    /// The first event after a moment and before `until` of a process with this `rate`, by thinning (Lewis & Shedler 1979,
    /// "Simulation of nonhomogeneous Poisson processes by thinning"): candidates come at this process's own rate and are
    /// kept with probability `rate` / own rate. A rate above the own counts as the own.
    ///
    /// Two 64-bit draws for each candidate. The candidates do not depend on `rate`, so of two alternatives the one with the
    /// lower rate has a part of the other's events.
    pub fn next_thinned(&self, after: Time, until: Time, stream: &mut Stream, mut rate: impl FnMut(Time) -> Rate) -> Option<Time> {
        let mut candidate = after;
        loop {
            candidate = self.next(candidate, stream);
            let mark = stream.uniform();
            if candidate >= until {
                return None;
            }
            if mark * self.rate(candidate).as_per_s() < rate(candidate).as_per_s() {
                return Some(candidate);
            }
        }
    }

    /// The piece that holds a moment.
    #[inline]
    fn place(&self, at: Time) -> usize {
        // The first piece starts at zero, so at least one does not start later.
        self.pieces.partition_point(|piece| piece.start <= at).saturating_sub(1)
    }

    #[inline]
    fn until_expected(&self, after: Time, expected: f64) -> Time {
        let place = self.place(after);
        let piece = self.pieces[place];
        // Inside one piece no large sums are subtracted.
        let Some(next) = self.pieces.get(place + 1) else {
            return later(after, expected, piece.rate);
        };
        let left = piece.rate * (next.start - after).as_s();
        if expected < left {
            return later(after, expected, piece.rate).min(next.start);
        }
        let target = next.before + (expected - left);
        // The last piece that starts before the target is reached: it has a rate, or is the last of all.
        let place = self.pieces.partition_point(|piece| piece.before <= target).saturating_sub(1);
        let piece = self.pieces[place];
        later(piece.start, target - piece.before, piece.rate)
    }
}

#[inline]
fn later(start: Time, expected: f64, rate: f64) -> Time {
    if rate > 0.0 { start + Duration::from_s(expected / rate) } else { Time::NEVER }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::special::gamma_p;
    use crate::{Estimate, stream_key};

    fn stream(purpose: &str) -> Stream {
        Stream::new(20_260_501, 0, stream_key("process", purpose))
    }

    fn per_hour(rates: &[f64]) -> Vec<Rate> {
        rates.iter().map(|rate| Rate::from_per_h(*rate)).collect()
    }

    /// Probability of a chi-square statistic this large with so many degrees of freedom.
    fn chi_square_tail(statistic: f64, freedom: usize) -> f64 {
        1.0 - gamma_p(freedom as f64 / 2.0, statistic / 2.0)
    }

    #[test]
    fn counts_per_hour_are_poisson_with_the_hour_s_rate() {
        let day: [f64; 24] = std::array::from_fn(|hour| if hour == 3 { 0.0 } else { 2.0 + (hour as f64 - 12.0).abs() });
        let (days, spike) = (400, 10.0);
        // On day 7 the hour from 10:30 to 11:30 is a spike.
        let (from, to) =
            (Time::from_nanos(7 * 86_400_000_000_000 + 37_800_000_000_000), Time::from_nanos(7 * 86_400_000_000_000 + 41_400_000_000_000));
        let process = PoissonProcess::hourly(&per_hour(&day))
            .and_then(|process| process.repeated(Duration::from_d(1.0), Time::from_hours(24 * days)))
            .and_then(|process| process.spiked(from, to, spike))
            .unwrap();
        let mut stream = stream("hours");
        let mut counts = vec![0_u32; 24 * days as usize];
        let mut now = Time::ZERO;
        loop {
            now = process.next(now, &mut stream);
            if now == Time::NEVER {
                break;
            }
            counts[now.as_hours() as usize] += 1;
        }
        // Mean and dispersion of each hour of the day; the day of the spike is left out.
        let mut statistic = 0.0;
        for (hour, mean) in day.iter().enumerate() {
            let of_hour: Vec<f64> =
                counts.iter().skip(hour).step_by(24).enumerate().filter(|(d, _)| *d != 7).map(|(_, n)| f64::from(*n)).collect();
            let n = of_hour.len() as f64;
            if *mean == 0.0 {
                assert_eq!(of_hour.iter().sum::<f64>(), 0.0);
                continue;
            }
            statistic += (of_hour.iter().sum::<f64>() - n * mean).powi(2) / (n * mean);
            let squares: Vec<f64> = of_hour.iter().map(|x| (x - mean).powi(2)).collect();
            let spread = Estimate::of(&squares).unwrap();
            assert!(spread.deviation(*mean).unwrap().abs() < 3.5, "variance of hour {hour}: {spread:?}");
        }
        assert!(chi_square_tail(statistic, 23) > 1e-3, "{statistic}");
        // 10:00 to 12:00 on day 7: half an hour each of the usual rates (4 and 3 an hour), half an hour each of ten times those.
        let in_spike = f64::from(counts[7 * 24 + 10] + counts[7 * 24 + 11]);
        let expected = 0.5 * (4.0 + 3.0) * (1.0 + spike);
        assert!((process.expected(Time::from_hours(7 * 24 + 10), Time::from_hours(7 * 24 + 12)) - expected).abs() < 1e-9);
        assert!((in_spike - expected).abs() < 3.5 * expected.sqrt(), "{in_spike} of {expected}");
    }

    #[test]
    fn thinning_follows_any_rate_below_the_bound() {
        // lambda(t) = 30 (1 + sin(2 pi t / 24 h)) an hour: in hour h 30 (1 + 24 / (2 pi) (cos(2 pi h / 24) - cos(2 pi (h + 1) / 24))).
        let bound = PoissonProcess::constant(Rate::from_per_h(60.0)).unwrap();
        let angle = |hours: f64| std::f64::consts::TAU * hours / 24.0;
        let rate = |at: Time| Rate::from_per_h(30.0 * (1.0 + angle(at.as_hours()).sin()));
        let mut stream = stream("sine");
        let (mut counts, mut now, days) = ([0_u32; 24], Time::ZERO, 300);
        let end = Time::from_hours(24 * days);
        while let Some(at) = bound.next_thinned(now, end, &mut stream, rate) {
            assert!(at > now);
            now = at;
            counts[now.as_hours() as usize % 24] += 1;
        }
        let statistic: f64 = (0_u8..24)
            .zip(counts)
            .map(|(hour, count)| {
                let (from, to) = (angle(f64::from(hour)), angle(f64::from(hour) + 1.0));
                let expected = days as f64 * 30.0 * (1.0 + 24.0 / std::f64::consts::TAU * (from.cos() - to.cos()));
                (f64::from(count) - expected).powi(2) / expected
            })
            .sum();
        assert!(chi_square_tail(statistic, 24) > 1e-3, "{statistic}: {counts:?}");
        // Two draws, a whole block, for each candidate; there are about 60 an hour.
        let candidates = stream.position() as f64 / 4.0;
        assert!((candidates - 60.0 * 24.0 * days as f64).abs() < 4.0 * (60.0 * 24.0 * days as f64).sqrt());
    }

    #[test]
    fn the_lower_rate_has_a_part_of_the_events() {
        let bound = PoissonProcess::hourly(&per_hour(&[5.0, 50.0, 0.0, 20.0])).unwrap();
        let events = |share: f64| {
            let (mut stream, mut now, mut events) = (stream("part"), Time::ZERO, Vec::new());
            while let Some(at) = bound.next_thinned(now, Time::from_hours(4), &mut stream, |at| bound.rate(at) * share) {
                now = at;
                events.push(at);
            }
            events
        };
        let (all, half) = (events(1.0), events(0.5));
        assert!(half.iter().all(|at| all.contains(at)) && half.len() < all.len());
        // A rate above the bound is cut to it.
        assert_eq!(events(7.0), all);
        assert_eq!(events(0.0), []);
        assert_eq!(events(f64::NAN), []);
    }

    #[test]
    fn improper_rates_are_refused() {
        let rate = Rate::from_per_h;
        assert_eq!(PoissonProcess::constant(rate(-1.0)), None);
        assert_eq!(PoissonProcess::constant(rate(f64::NAN)), None);
        assert_eq!(PoissonProcess::constant(rate(f64::INFINITY)), None);
        assert_eq!(PoissonProcess::new([]), None);
        assert_eq!(PoissonProcess::new([(Time::from_hours(1), rate(1.0)), (Time::from_hours(1), rate(2.0))]), None);
        assert_eq!(PoissonProcess::new([(Time::ZERO, Rate::from_per_s(1e308)), (Time::NEVER, rate(1.0))]), None);
        let process = PoissonProcess::hourly(&per_hour(&[1.0, 2.0])).unwrap();
        assert_eq!(process.repeated(Duration::ZERO, Time::from_hours(9)), None);
        assert_eq!(process.repeated(Duration::from_s(1e-9), Time::NEVER), None);
        assert_eq!(process.spiked(Time::ZERO, Time::from_hours(1), -1.0), None);
        assert_eq!(process.spiked(Time::from_hours(1), Time::ZERO, -1.0).as_ref(), Some(&process));
    }

    #[test]
    fn the_end_of_the_rates_is_the_end_of_the_events() {
        let mut stream = stream("end");
        let process = PoissonProcess::hourly(&per_hour(&[100.0])).unwrap();
        assert_eq!(process.next(Time::from_hours(1), &mut stream), Time::NEVER);
        assert_eq!(PoissonProcess::hourly(&[]).unwrap().next(Time::ZERO, &mut stream), Time::NEVER);
        assert_eq!(process.next(Time::NEVER, &mut stream), Time::NEVER);
        // Rates beyond the clock's step end too.
        let fast = PoissonProcess::constant(Rate::from_per_s(1e200)).unwrap();
        assert_eq!(fast.next_thinned(Time::ZERO, Time::from_nanos(1000), &mut stream, |_| Rate::ZERO), None);
        let late = PoissonProcess::new([(Time::from_hours(5), Rate::from_per_h(1e6))]).unwrap();
        assert!(late.next(Time::ZERO, &mut stream) >= Time::from_hours(5));
        assert_eq!(late.rate(Time::ZERO), Rate::ZERO);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]
        /// Between a moment and the next event as many are expected as the draw says.
        #[test]
        fn next_inverts_expected(rates in prop::collection::vec(prop_oneof![Just(0.0), 0.01..1000.0], 1..50), at in 0.0..60.0, seed: u64) {
            let process = PoissonProcess::hourly(&per_hour(&rates)).unwrap();
            let after = Time::from(Duration::from_h(at));
            let mut stream = Stream::new(seed, 0, 0);
            let drawn = Stream::new(seed, 0, 0).exponential(1.0);
            let next = process.next(after, &mut stream);
            prop_assert_eq!(stream.position(), 2);
            if next == Time::NEVER {
                prop_assert!(process.expected(after, Time::NEVER) <= drawn + 1e-9);
            } else {
                // A nanosecond at 1,000 an hour is 3e-10 events.
                prop_assert!((process.expected(after, next) - drawn).abs() < 1e-9, "{} {}", process.expected(after, next), drawn);
            }
        }
    }
}
