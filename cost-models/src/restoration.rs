//! How long it takes to restore what was lost: closed forms, fitted to incidents.
//!
//! Three laws. *Work at a rate*: nothing comes back during a delay (what is hit is found out, foundations are laid), then items come back one
//! after another at the rate at which a limited team works; with more hands than items the rate is no limit, and the plain repair time
//! is. *A ship or convoy*: readiness, permits and passage once, then one repair after another. *Whole incidents*: durations of
//! incidents of one kind are lognormal.
//!
//! `docs/validation.md` says which incidents these are fitted to and how well they predict others.

use bastide_units::Duration;

/// Restoration by a team with more to do than hands: linear in time after a delay.
///
/// `restored(t) = min(items, max(0, t - delay) · rate)`, `rate = people / effort`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Restoration {
    /// Time until the first item comes back -- constant.
    pub delay: Duration,
    /// Items per day that come back after it -- constant.
    pub per_day: f64,
}

impl Restoration {
    /// A team of `people` who need `effort` of one person for each item.
    #[must_use]
    pub fn of_team(delay: Duration, people: f64, effort: Duration) -> Self {
        Self { delay, per_day: people / effort.as_d() }
    }

    /// Through one observation, `items` restored at `after`, with a delay known from elsewhere. `None` if it is not after the delay.
    #[must_use]
    pub fn through(delay: Duration, after: Duration, items: f64) -> Option<Self> {
        let worked = (after - delay).as_d();
        (worked > 0.0 && items > 0.0).then(|| Self { delay, per_day: items / worked })
    }

    /// Items restored `after` the loss, of `items`.
    #[must_use]
    pub fn restored(self, items: f64, after: Duration) -> f64 {
        ((after - self.delay).as_d() * self.per_day).clamp(0.0, items)
    }

    /// When `items` are restored.
    #[must_use]
    pub fn time(self, items: f64) -> Duration {
        self.delay + Duration::from_d(items / self.per_day)
    }

    /// When each of several tiers is complete that are restored in this order, `items` in each.
    pub fn milestones(self, tiers: &[f64]) -> impl Iterator<Item = Duration> + '_ {
        tiers.iter().scan(0.0, move |done, items| {
            *done += items;
            Some(self.time(*done))
        })
    }
}

/// Repairs by one ship, convoy or team that has to come first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expedition {
    /// From the fault until it leaves: readiness, loading of spares -- constant.
    pub readiness: Duration,
    /// Waiting for permits or an escort -- constant.
    pub permits: Duration,
    /// Passage to the place -- constant.
    pub passage: Duration,
    /// Work on one repair in workable weather -- constant.
    pub work: Duration,
    /// Share of the time in which weather lets it work, above 0 -- constant.
    pub workable: f64,
}

impl Expedition {
    /// When the n-th of its repairs is done, from 1, one place next to the other.
    #[must_use]
    pub fn done(self, nth: u32) -> Duration {
        self.readiness + self.permits + self.passage + self.work * (f64::from(nth) / self.workable)
    }
}

/// A lognormal law of durations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Durations {
    /// Median -- output.
    pub median: Duration,
    /// Standard deviation of the logarithm -- output.
    pub sigma: f64,
}

impl Durations {
    /// By the moments of the logarithms (unbiased variance); `None` for fewer than two or for one that is not positive.
    #[must_use]
    pub fn fitted(observed: &[Duration]) -> Option<Self> {
        if observed.len() < 2 || !observed.iter().all(|d| d.as_s() > 0.0 && d.as_s().is_finite()) {
            return None;
        }
        let count = observed.len() as f64;
        let logs = || observed.iter().map(|d| d.as_s().ln());
        let mean = logs().sum::<f64>() / count;
        let variance = logs().map(|log| (log - mean).powi(2)).sum::<f64>() / (count - 1.0);
        Some(Self { median: Duration::from_s(mean.exp()), sigma: variance.sqrt() })
    }

    /// Mean, `median · exp(sigma² / 2)`.
    #[must_use]
    pub fn mean(self) -> Duration {
        self.median * (0.5 * self.sigma * self.sigma).exp()
    }

    /// The duration that lies `z` standard deviations of the logarithm above the median: 1.6449 for the 95th percentile.
    #[must_use]
    pub fn at(self, z: f64) -> Duration {
        self.median * (z * self.sigma).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(days: f64) -> Duration {
        Duration::from_d(days)
    }

    #[test]
    fn a_team_works_at_its_rate_after_the_delay() {
        // 100 people, 8 person-hours for each of 1,200 items: 300 a day, 4 days after a delay of 1.
        let team = Restoration::of_team(days(1.0), 100.0, Duration::from_h(8.0));
        assert!((team.per_day - 300.0).abs() < 1e-9);
        assert_eq!([0.0, 1.0, 2.0, 9.0].map(|at| team.restored(1200.0, days(at)).round()), [0.0, 0.0, 300.0, 1200.0]);
        assert!((team.time(1200.0).as_d() - 5.0).abs() < 1e-12);
        let tiers: Vec<f64> = team.milestones(&[300.0, 0.0, 900.0]).map(Duration::as_d).collect();
        assert!(tiers.iter().zip([2.0, 2.0, 5.0]).all(|(a, b)| (a - b).abs() < 1e-12), "{tiers:?}");
        let again = Restoration::through(days(1.0), days(3.0), 600.0).unwrap();
        assert!((again.per_day - team.per_day).abs() < 1e-9);
        assert_eq!(Restoration::through(days(2.0), days(2.0), 10.0), None);
    }

    #[test]
    fn one_ship_comes_once_and_repairs_one_after_another() {
        let ship = Expedition { readiness: days(1.0), permits: days(0.0), passage: days(3.0), work: days(4.0), workable: 0.8 };
        assert!((ship.done(1).as_d() - 9.0).abs() < 1e-12 && (ship.done(2).as_d() - 14.0).abs() < 1e-12);
    }

    #[test]
    fn logarithms_make_the_law() {
        // e and e^3: median e^2, variance of logs 2.
        let law = Durations::fitted(&[days(1f64.exp()), days(3f64.exp())]).unwrap();
        assert!((law.median.as_d() / 2f64.exp() - 1.0).abs() < 1e-12 && (law.sigma - 2f64.sqrt()).abs() < 1e-12);
        assert!((law.mean().as_d() / 3f64.exp() - 1.0).abs() < 1e-12);
        assert!((law.at(-law.sigma).as_d() - 1.0).abs() < 1e-12);
        assert_eq!(Durations::fitted(&[days(1.0)]), None);
        assert_eq!(Durations::fitted(&[days(1.0), days(0.0)]), None);
    }
}
