//! Waiting in M/M/c: Poisson arrivals, exponential service, `c` servers.

use bastide_units::{Duration, Rate};

/// Probability that an arrival waits (Erlang 1917), for an offered load of `load` servers; 1 where it is not below
/// `servers`. By the recursion of one over Erlang B, 1 + n / load for the n-th server; what overflows there is a wait that never happens.
#[must_use]
pub fn erlang_c(load: f64, servers: u32) -> f64 {
    let count = f64::from(servers);
    if load >= count {
        return 1.0;
    }
    let (per_load, utilisation) = (1.0 / load, load / count);
    let inverse = (1..=servers).fold(1.0, |inverse, n| 1.0 + inverse * (f64::from(n) * per_load));
    1.0 / (utilisation + (1.0 - utilisation) * inverse)
}

/// Waiting time that a share `quantile` of arrivals does not exceed: from `P(W > t) = C exp(-(c mu - lambda) t)`
/// (Kleinrock 1975, section 3.5); `None` without a steady state.
#[must_use]
pub fn waiting_quantile(arrivals: Rate, service: Duration, servers: u32, quantile: f64) -> Option<Duration> {
    let load = (arrivals * service).value();
    if load >= f64::from(servers) {
        return None;
    }
    let waits = erlang_c(load, servers);
    let tail = 1.0 - quantile;
    let decay = f64::from(servers) / service.as_s() - arrivals.as_per_s();
    Some(if waits <= tail { Duration::ZERO } else { Duration::from_s((waits / tail).ln() / decay) })
}

/// Mean waiting time, `C / (c mu - lambda)`; `None` without a steady state.
#[must_use]
pub fn mean_waiting(arrivals: Rate, service: Duration, servers: u32) -> Option<Duration> {
    let load = (arrivals * service).value();
    (load < f64::from(servers))
        .then(|| Duration::from_s(erlang_c(load, servers) / (f64::from(servers) / service.as_s() - arrivals.as_per_s())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_waits_as_often_as_it_is_busy() {
        assert!((erlang_c(0.7, 1) - 0.7).abs() < 1e-12);
        // M/M/1 at 70 %: P95 wait = ln(0.7 / 0.05) / (1 - 0.7) = 8.797 service times.
        let wait = waiting_quantile(Rate::from_per_s(0.7), Duration::from_s(1.0), 1, 0.95).unwrap();
        assert!((wait.as_s() - 8.796_857).abs() < 1e-5);
    }

    #[test]
    fn textbook_value() {
        // Two servers, load 1: Erlang B = (1/2) / (1 + 1 + 1/2) = 0.2; C = 0.2 / (1 - 0.5 * 0.8) = 1/3.
        assert!((erlang_c(1.0, 2) - 1.0 / 3.0).abs() < 1e-12);
        assert!((mean_waiting(Rate::from_per_s(1.0), Duration::from_s(1.0), 2).unwrap().as_s() - 1.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn many_servers_rarely_make_wait() {
        assert!(erlang_c(7_000.0, 10_000) < 1e-100);
        assert_eq!((erlang_c(0.0, 3), erlang_c(1e-300, 3), erlang_c(3.0, 3)), (0.0, 0.0, 1.0));
        assert_eq!(waiting_quantile(Rate::from_per_s(7_000.0), Duration::from_s(1.0), 10_000, 0.95), Some(Duration::ZERO));
        assert_eq!(waiting_quantile(Rate::from_per_s(2.0), Duration::from_s(1.0), 2, 0.95), None);
    }
}
