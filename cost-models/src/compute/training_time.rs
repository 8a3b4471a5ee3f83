//! Training compute, and how much of it survives failures and checkpoints.

use bastide_units::{ComputeRate, Duration, Rate};

/// Training compute rate of one accelerator while it runs: peak times model FLOP utilisation (Chowdhery et al. 2022,
/// appendix B).
#[must_use]
pub fn training_rate(peak: ComputeRate, utilisation: f64) -> ComputeRate {
    peak * utilisation
}

/// Failures per time of a gang of nodes that stops when any of them fails: a series system.
#[must_use]
pub fn gang_failure_rate(node_failure_rate: Rate, nodes: f64) -> Rate {
    node_failure_rate * nodes
}

/// The interval between checkpoints that loses least time: `sqrt(2 w M)` for a checkpoint of length `w` and a mean
/// time between failures `M` (Young 1974), with Daly's higher-order terms (Daly 2006, equation 37):
/// `sqrt(2 w M) * (1 + sqrt(w / (2 M)) / 3 + w / (18 M)) - w` for `w < 2 M`, otherwise `M`.
#[must_use]
pub fn checkpoint_interval(checkpoint_time: Duration, failure_rate: Rate) -> Duration {
    let (write, rate) = (checkpoint_time.as_s(), failure_rate.as_per_s());
    if rate <= 0.0 {
        return Duration::from_s(f64::INFINITY);
    }
    let between = 1.0 / rate;
    if write >= 2.0 * between {
        return Duration::from_s(between);
    }
    let ratio = write / (2.0 * between);
    Duration::from_s((2.0 * write * between).sqrt() * (1.0 + ratio.sqrt() / 3.0 + ratio / 9.0) - write)
}

/// The first-order optimum `sqrt(2 w M)` (Young 1974); infinite where nothing fails.
#[must_use]
pub fn young_interval(checkpoint_time: Duration, failure_rate: Rate) -> Duration {
    Duration::from_s((2.0 * checkpoint_time.as_s() / failure_rate.as_per_s()).sqrt())
}

/// As [`goodput`] for checkpoints of length `w` that are written while training goes on: the newest complete one counts. A snapshot
/// every `T` is of use from `w` later on, so that a stretch between failures keeps `T` times the expected number of complete ones,
/// `exp(-w / M) / (exp(T / M) - 1)`; with the wait for the restart `T exp(-w / M) / (M exp(R / M) (exp(T / M) - 1))`. `T` is at least `w`.
#[must_use]
pub fn goodput_overlapped(interval: Duration, checkpoint_time: Duration, restart: Duration, failure_rate: Rate) -> f64 {
    let interval = if interval < checkpoint_time { checkpoint_time } else { interval };
    goodput(interval, Duration::ZERO, restart, failure_rate) * (-checkpoint_time.as_s() * failure_rate.as_per_s()).exp()
}

/// Effective training time ratio to first order (Kokolis et al. 2024, arXiv 2410.21680): `(1 - r (u + T / 2)) / (1 + w / T)` with
/// failures `r`, time from failure to training `u`, work `T` between checkpoints of length `w`; zero where failures leave nothing.
#[must_use]
pub fn effective_time_ratio(interval: Duration, checkpoint_time: Duration, restart: Duration, failure_rate: Rate) -> f64 {
    let lost = failure_rate.as_per_s() * (restart.as_s() + 0.5 * interval.as_s());
    ((1.0 - lost) / (1.0 + checkpoint_time.as_s() / interval.as_s())).max(0.0)
}

/// Share of the wall clock that is training kept in the end, for exponential failures, also while restarting
/// (Daly 2006, equation 20): work `T` between checkpoints of length `w`, restart `R`, mean time between failures `M`:
/// `T / (M exp(R / M) (exp((T + w) / M) - 1))`.
#[must_use]
pub fn goodput(interval: Duration, checkpoint_time: Duration, restart: Duration, failure_rate: Rate) -> f64 {
    let (work, write, restart, rate) = (interval.as_s(), checkpoint_time.as_s(), restart.as_s(), failure_rate.as_per_s());
    if rate <= 0.0 {
        return work / (work + write);
    }
    work * rate / ((restart * rate).exp() * ((work + write) * rate).exp_m1())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gang_fails_as_published() {
        // Kokolis et al. 2025: 6.5 per 1,000 node-days; 16,384 accelerators in 2,048 nodes fail every 1.8 h, 131,072 every
        // 0.23 h (24 h * 1000 / (6.5 * 2048) = 1.803 h).
        let rate = Rate::from_per_d(6.5e-3);
        let mttf = |gpus: f64| 1.0 / gang_failure_rate(rate, gpus / 8.0).as_per_h();
        assert!((mttf(16_384.0) - 1.8).abs() < 0.01);
        assert!((mttf(131_072.0) - 0.23).abs() < 0.01);
    }

    #[test]
    fn the_interval_is_youngs_for_cheap_checkpoints() {
        // w = 1 s, M = 20,000 s: sqrt(40,000) = 200 s; Daly takes about 1 s - 1/3 s off.
        let interval = checkpoint_interval(Duration::from_s(1.0), Rate::from_per_s(1.0 / 20_000.0)).as_s();
        assert!((interval - 199.33).abs() < 0.01, "{interval}");
    }

    #[test]
    fn no_other_interval_is_better() {
        for (write, between) in [(10.0, 600.0), (60.0, 3600.0), (120.0, 86_400.0)] {
            let (write, rate) = (Duration::from_s(write), Rate::from_per_s(1.0 / between));
            let best = checkpoint_interval(write, rate);
            let at = |factor: f64| goodput(best * factor, write, Duration::from_min(5.0), rate);
            assert!(at(1.0) > at(0.9) && at(1.0) > at(1.1), "{between}");
        }
    }

    #[test]
    fn the_first_order_is_near_the_exact_one() {
        // Kokolis et al. 2024, 6.5 per 1,000 node-days: for a failure every 1.8 h, checkpoints of 10 s every 5 min and a restart of 5 min.
        let (interval, write, restart) = (Duration::from_min(5.0), Duration::from_s(10.0), Duration::from_min(5.0));
        let rate = gang_failure_rate(Rate::from_per_d(6.5e-3), 2048.0);
        let (first, exact) = (effective_time_ratio(interval, write, restart, rate), goodput(interval, write, restart, rate));
        assert!((first / exact - 1.0).abs() < 0.005, "{first} {exact}");
    }

    #[test]
    fn writing_in_the_background_loses_what_is_not_yet_complete() {
        let (hour, rate) = (Duration::from_h(1.0), Rate::from_per_h(1.0));
        let none = goodput_overlapped(hour, Duration::ZERO, Duration::ZERO, rate);
        assert!((none - 0.581_977).abs() < 1e-6);
        let half = goodput_overlapped(hour, hour * 0.5, Duration::ZERO, rate);
        assert!((half / none - (-0.5_f64).exp()).abs() < 1e-12);
        // A write of two hours stretches the interval to two.
        let two = goodput_overlapped(hour, hour * 2.0, Duration::ZERO, rate);
        assert!((two - 2.0 * (-2.0_f64).exp() / 2.0_f64.exp_m1()).abs() < 1e-12);
        assert!((young_interval(Duration::from_s(30.0), Rate::from_per_h(1.0 / 3.1)).as_s() - 818.3).abs() < 0.1);
    }

    #[test]
    fn goodput_by_hand() {
        // No failures: 55 min of every hour. With one an hour, no checkpoint time, no restart, intervals of an hour:
        // 1 / (e - 1) = 0.58198.
        let hour = Duration::from_h(1.0);
        assert!((goodput(Duration::from_min(55.0), Duration::from_min(5.0), hour, Rate::ZERO) - 55.0 / 60.0).abs() < 1e-12);
        assert!((goodput(hour, Duration::ZERO, Duration::ZERO, Rate::from_per_h(1.0)) - 0.581_977).abs() < 1e-6);
    }
}
