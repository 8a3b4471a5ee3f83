//! Tails of times: a part with a known distribution, and waits that most do not have and that are exponential where they are
//! (Abate, Choudhury and Whitt 1995, asymptotically exact for M/G/1 queues).

/// A wait: the share of requests that have it, and their mean \[s\].
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    share: f64,
    mean: f64,
}

impl Wait {
    /// Of a mean over all, with the share of those that wait.
    pub fn new(mean: f64, share: f64) -> Self {
        let share = share.clamp(0.0, 1.0);
        if mean > 0.0 && share > 0.0 { Self { share, mean: mean / share } } else { Self { share: 0.0, mean: 1.0 } }
    }

    fn exceeds(self, time: f64) -> f64 {
        if time < 0.0 { 1.0 } else { self.share * (-time / self.mean).exp() }
    }
}

/// Probability that two independent waits exceed a time together.
fn exceed(a: Wait, b: Wait, time: f64) -> f64 {
    if time < 0.0 {
        return 1.0;
    }
    let gap = a.mean - b.mean;
    let both = if gap.abs() < 1e-6 * a.mean {
        (1.0 + time / a.mean) * (-time / a.mean).exp()
    } else {
        (a.mean * (-time / a.mean).exp() - b.mean * (-time / b.mean).exp()) / gap
    };
    a.share * b.share * both + (1.0 - b.share) * a.exceeds(time) + (1.0 - a.share) * b.exceeds(time)
}

/// The time that 95 % do not exceed \[s\]: of `known` times with their shares, and two waits beside them.
pub(super) fn percentile(known: &[(f64, f64)], a: Wait, b: Wait) -> f64 {
    let over = |time: f64| known.iter().map(|(base, share)| share * exceed(a, b, time - base)).sum::<f64>();
    let mut low = 0.0;
    let mut high = known.iter().map(|it| it.0).fold(0.0, f64::max) + 8.0 * (a.mean * a.share.min(1.0) + b.mean).max(1e-9);
    while over(high) > 0.05 && high < 1e12 {
        high *= 2.0;
    }
    for _ in 0..50 {
        let middle = f64::midpoint(low, high);
        if over(middle) > 0.05 { low = middle } else { high = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_tails() {
        let none = Wait::new(0.0, 0.0);
        assert!((percentile(&[(2.0, 1.0)], none, none) - 2.0).abs() < 1e-9);
        // An exponential wait of all: ln 20 times its mean.
        assert!((percentile(&[(2.0, 1.0)], Wait::new(3.0, 1.0), none) - 2.0 - 3.0 * 20_f64.ln()).abs() < 1e-9);
        // One in ten waits 3 s on average: half of these exceed the 95th percentile.
        assert!((percentile(&[(2.0, 1.0)], none, Wait::new(0.3, 0.1)) - 2.0 - 3.0 * 2_f64.ln()).abs() < 1e-9);
        // Two alike: an Erlang law of two stages, whose 95th percentile is 4.7439 means of a stage.
        assert!((percentile(&[(0.0, 1.0)], Wait::new(1.0, 1.0), Wait::new(1.0, 1.0)) - 4.7439).abs() < 1e-3);
        // Of known times the one below which 95 % lie.
        assert!((percentile(&[(1.0, 0.95), (9.0, 0.05)], none, none) - 1.0).abs() < 1e-6);
    }
}
