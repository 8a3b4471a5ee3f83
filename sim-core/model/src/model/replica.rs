//! A replica of a service under load: how long requests take.

use bastide_cost_models::queueing::erlang_c;

/// Utilisation above which the law of a queue without limit is not followed: its steady state is never reached.
pub const MOST_UTILISATION: f64 = 0.995;
/// Steps of a [`LoadTable`].
pub const LOAD_STEPS: usize = 64;

/// A replica of a service on one type of accelerator.
#[derive(Clone, Debug, PartialEq)]
pub struct Replica {
    /// Accelerators of one replica.
    pub accelerators: u32,
    /// How long requests take; `None` where their lengths are unknown.
    pub law: Option<LatencyLaw>,
}

/// Times of a request in the replica at a load.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Times {
    /// Mean time in the replica \[s\].
    pub mean_s: f64,
    /// Of which before work on it begins \[s\].
    pub wait_s: f64,
    /// Share of full power.
    pub activity: f64,
}

/// How long requests take in a replica, by its utilisation: tokens served over the most that it is to serve.
#[derive(Clone, Debug, PartialEq)]
pub enum LatencyLaw {
    /// Requests wait for one of several places (M/M/c).
    Places(Places),
    /// A table of the library's model of the replica.
    Table(Box<LoadTable>),
}

/// M/M/c: Poisson arrivals, exponential service, `count` places, a queue for each replica.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Places {
    /// Requests at a time.
    pub count: u32,
    /// Mean time of service \[s\].
    pub service_s: f64,
}

/// Times at `LOAD_STEPS + 1` utilisations from 0 to 1, even steps apart; linear between.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadTable {
    /// Times.
    pub times: Vec<Times>,
    /// 95th percentile of the time in the replica \[s\].
    pub p95_s: Vec<f64>,
}

impl LatencyLaw {
    /// Times at a utilisation.
    #[must_use]
    pub fn at(&self, utilisation: f64) -> Times {
        match self {
            Self::Places(places) => places.at(utilisation),
            Self::Table(table) => {
                let (step, part) = step(utilisation);
                let between = |of: fn(&Times) -> f64| {
                    let (low, high) = (of(&table.times[step]), of(&table.times[step + 1]));
                    low + (high - low) * part
                };
                Times { mean_s: between(|it| it.mean_s), wait_s: between(|it| it.wait_s), activity: between(|it| it.activity) }
            }
        }
    }

    /// The law of the time in the replica at a utilisation.
    #[must_use]
    pub fn spread(&self, utilisation: f64) -> Spread {
        match self {
            Self::Places(places) => places.spread(utilisation),
            Self::Table(table) => {
                let (step, part) = step(utilisation);
                let mean_s = table.times[step].mean_s + (table.times[step + 1].mean_s - table.times[step].mean_s) * part;
                // P95 of an exponential tail is ln 20 of its mean.
                let tail_s = (self.p95_s(utilisation) - mean_s) / (20.0_f64.ln() - 1.0);
                Spread::Tail { least_s: mean_s - tail_s, tail_s }
            }
        }
    }

    /// 95th percentile of the time in the replica at a utilisation \[s\].
    #[must_use]
    pub fn p95_s(&self, utilisation: f64) -> f64 {
        match self {
            Self::Places(places) => {
                let spread = places.spread(utilisation);
                quantile(0.95, places.at(utilisation).mean_s, |time_s| spread.through(time_s))
            }
            Self::Table(table) => {
                let (step, part) = step(utilisation);
                table.p95_s[step] + (table.p95_s[step + 1] - table.p95_s[step]) * part
            }
        }
    }

    /// The largest utilisation at which the 95th percentile stays within a target \[s\]; `None` if none does. Latency grows with
    /// utilisation.
    #[must_use]
    pub fn within(&self, target_s: f64) -> Option<f64> {
        if self.p95_s(0.0) > target_s {
            return None;
        }
        let (mut low, mut high) = (0.0, 1.0);
        if self.p95_s(1.0) <= target_s {
            return Some(1.0);
        }
        for _ in 0..50 {
            let middle = 0.5 * (low + high);
            if self.p95_s(middle) <= target_s {
                low = middle;
            } else {
                high = middle;
            }
        }
        Some(low)
    }

    /// The law of a replica that is to serve only a share of what it could: the same times at lower utilisations.
    #[must_use]
    pub fn derated(&self, share: f64) -> Self {
        let p95_s = (0..=LOAD_STEPS).map(|step| self.p95_s(share * step as f64 / LOAD_STEPS as f64)).collect();
        let times = (0..=LOAD_STEPS).map(|step| self.at(share * step as f64 / LOAD_STEPS as f64)).collect();
        Self::Table(Box::new(LoadTable { times, p95_s }))
    }
}

/// The step of a table below a utilisation, and the part of the way to the next.
fn step(utilisation: f64) -> (usize, f64) {
    let place = utilisation.clamp(0.0, 1.0) * LOAD_STEPS as f64;
    let step = (place as usize).min(LOAD_STEPS - 1);
    (step, place - step as f64)
}

impl Places {
    fn load(self, utilisation: f64) -> f64 {
        utilisation.clamp(0.0, MOST_UTILISATION) * f64::from(self.count)
    }

    /// Erlang's formula (Erlang 1917): waiting C s / (c - a) (Kleinrock 1975, section 3.5).
    fn at(self, utilisation: f64) -> Times {
        let load = self.load(utilisation);
        let wait_s = erlang_c(load, self.count) * self.service_s / (f64::from(self.count) - load);
        Times { mean_s: self.service_s + wait_s, wait_s, activity: utilisation.clamp(0.0, 1.0) }
    }

    fn spread(self, utilisation: f64) -> Spread {
        let load = self.load(utilisation);
        Spread::Queue { waits: erlang_c(load, self.count), free: f64::from(self.count) - load, service_s: self.service_s }
    }
}

/// How times in a replica spread at one utilisation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spread {
    /// A constant and an exponential tail.
    Tail {
        /// The constant \[s\].
        least_s: f64,
        /// Mean of the tail \[s\].
        tail_s: f64,
    },
    /// M/M/c: those who do not wait have an exponential time; the others the sum of two, of rates 1/s and (c - a)/s.
    Queue {
        /// Probability of a wait.
        waits: f64,
        /// Places free on average, c - a.
        free: f64,
        /// Mean time of service, s \[s\].
        service_s: f64,
    },
}

impl Spread {
    /// Share of requests that are through after a time \[s\].
    #[must_use]
    pub fn through(&self, time_s: f64) -> f64 {
        match *self {
            Self::Tail { least_s, .. } if time_s < least_s => 0.0,
            Self::Tail { least_s, tail_s } => {
                if tail_s > 0.0 {
                    -(-(time_s - least_s) / tail_s).exp_m1()
                } else {
                    1.0
                }
            }
            Self::Queue { .. } if time_s <= 0.0 => 0.0,
            Self::Queue { waits, free, service_s } => {
                let time = time_s / service_s;
                let alone = (-time).exp();
                let longer =
                    if (free - 1.0).abs() < 1e-6 { (1.0 + time) * alone } else { (free * alone - (-free * time).exp()) / (free - 1.0) };
                (1.0 - (1.0 - waits) * alone - waits * longer).clamp(0.0, 1.0)
            }
        }
    }
}

/// The time by which a share is through, for a distribution that grows from zero to one; `scale_s` is a time of its order. By false position
/// (Illinois; Dowell and Jarratt 1971), and by halves where the distribution jumps.
pub fn quantile(share: f64, scale_s: f64, through: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut below) = (0.0, -share);
    let mut high = scale_s.max(1e-9);
    let mut above = through(high) - share;
    for _ in 0..60 {
        if above >= 0.0 {
            break;
        }
        (low, below) = (high, above);
        high *= 2.0;
        above = through(high) - share;
    }
    let (mut halve, mut last) = (false, None);
    for _ in 0..120 {
        let width = high - low;
        if width <= 1e-12 * high || above == 0.0 {
            break;
        }
        let part = if halve || above <= below { 0.5 } else { (-below / (above - below)).clamp(1e-3, 1.0 - 1e-3) };
        let middle = low + width * part;
        let value = through(middle) - share;
        let right = value >= 0.0;
        if right {
            (high, above) = (middle, value);
        } else {
            (low, below) = (middle, value);
        }
        // The end that stayed twice counts half.
        match (last == Some(right), right) {
            (true, true) => below *= 0.5,
            (true, false) => above *= 0.5,
            _ => {}
        }
        last = Some(right);
        halve = high - low > 0.5 * width;
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_place_is_mm1() {
        let law = LatencyLaw::Places(Places { count: 1, service_s: 2.0 });
        // M/M/1 at 75 %: time 2 / (1 - 0.75) = 8 s, exponential, so P95 = 8 ln 20.
        assert!((law.at(0.75).mean_s - 8.0).abs() < 1e-12);
        assert!((law.at(0.75).wait_s - 6.0).abs() < 1e-12);
        assert!((law.p95_s(0.75) - 8.0 * 20.0_f64.ln()).abs() < 1e-6);
        assert!((law.spread(0.75).through(8.0) - (1.0 - (-1.0_f64).exp())).abs() < 1e-12);
        // P95 of 2 / (1 - u) ln 20 within 12 s: u = 1 - ln 20 / 6.
        assert!((law.within(12.0).unwrap() - (1.0 - 20.0_f64.ln() / 6.0)).abs() < 1e-9);
        assert_eq!(law.within(1.0), None);
        assert!(law.at(1.0).mean_s.is_finite() && law.at(f64::INFINITY).mean_s.is_finite());
    }

    #[test]
    fn the_mean_is_the_integral_of_what_is_not_through() {
        for (count, utilisation) in [(1, 0.5), (2, 0.5), (3, 2.0 / 3.0), (8, 0.9), (64, 0.97)] {
            let law = LatencyLaw::Places(Places { count, service_s: 1.0 });
            let step = 1e-3;
            let spread = law.spread(utilisation);
            let sum: f64 = (0..400_000).map(|at| (1.0 - spread.through((f64::from(at) + 0.5) * step)) * step).sum();
            let mean = law.at(utilisation).mean_s;
            assert!((sum / mean - 1.0).abs() < 1e-4, "{count} {utilisation}: {sum} {mean}");
        }
    }

    #[test]
    fn a_table_keeps_mean_and_tail() {
        let places = LatencyLaw::Places(Places { count: 4, service_s: 1.0 });
        let table = places.derated(0.8);
        for utilisation in [0.0, 0.25, 0.5, 1.0] {
            assert!((table.at(utilisation).mean_s / places.at(0.8 * utilisation).mean_s - 1.0).abs() < 1e-3);
            let p95 = table.p95_s(utilisation);
            assert!((p95 / places.p95_s(0.8 * utilisation) - 1.0).abs() < 1e-3);
            assert!((table.spread(utilisation).through(p95) - 0.95).abs() < 1e-9);
        }
        let even = LatencyLaw::Table(Box::new(LoadTable {
            times: vec![Times { mean_s: 3.0, wait_s: 0.0, activity: 1.0 }; LOAD_STEPS + 1],
            p95_s: vec![3.0; LOAD_STEPS + 1],
        }));
        assert_eq!((even.spread(0.5).through(2.9), even.spread(0.5).through(3.1)), (0.0, 1.0));
        assert!((quantile(0.95, 1.0, |time| even.spread(0.5).through(time)) - 3.0).abs() < 1e-9);
    }
}
