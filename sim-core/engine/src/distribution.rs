//! Distributions as a scenario names them.

use bastide_units::Quantity;
use serde::{Deserialize, Serialize};

use crate::random::Stream;
use crate::special::{gamma_quantile, ln_gamma, normal_quantile};

/// The 0.95 quantile of the standard normal distribution.
const Z95: f64 = 1.644_853_626_951_472_2;

/// Distribution of a quantity, in the base unit of whoever holds it (seconds for a duration).
///
/// Parameters must satisfy [`Distribution::is_proper`]; the model checks that. Otherwise methods return some number or NaN but
/// do not panic.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Distribution {
    /// Always this value.
    Fixed(f64),
    /// Without memory: the wait for a random failure.
    Exponential {
        /// Mean [base unit] -- constant. Not negative; infinite means never.
        mean: f64,
    },
    /// Each value between two ends alike.
    Uniform {
        /// Lower end [base unit] -- constant.
        low: f64,
        /// Upper end [base unit] -- constant. Not below `low`.
        high: f64,
    },
    /// An expert's three numbers.
    Triangular {
        /// Least value [base unit] -- constant.
        low: f64,
        /// Most likely value [base unit] -- constant.
        mode: f64,
        /// Greatest value [base unit] -- constant.
        high: f64,
    },
    /// Repairs and restorations with a long tail.
    Lognormal {
        /// Median [base unit] -- constant. Positive.
        median: f64,
        /// Standard deviation of the natural logarithm, a ratio -- constant. Not negative.
        sigma: f64,
    },
    /// Wear (shape above 1) or infant mortality (below 1): survival exp(-(x / scale)^shape) (Weibull 1951).
    Weibull {
        /// Shape, a ratio -- constant. Positive.
        shape: f64,
        /// Scale, the 63.2 % quantile [base unit] -- constant. Positive.
        scale: f64,
    },
    /// Sum of stages; mean shape * scale.
    Gamma {
        /// Shape, a ratio -- constant. Positive.
        shape: f64,
        /// Scale [base unit] -- constant. Positive.
        scale: f64,
    },
}

impl Distribution {
    /// The lognormal distribution with this median and 95th percentile: sigma = ln(p95 / median) / 1.6449.
    /// `None` unless 0 < median <= p95 and both are finite.
    #[must_use]
    pub fn lognormal_from_median_p95(median: f64, p95: f64) -> Option<Self> {
        (median > 0.0 && p95 >= median && p95.is_finite()).then(|| Self::Lognormal { median, sigma: (p95 / median).ln() / Z95 })
    }

    /// True if the parameters make it a distribution.
    #[must_use]
    pub fn is_proper(&self) -> bool {
        let positive = |x: f64| x > 0.0 && x.is_finite();
        match *self {
            Self::Fixed(value) => !value.is_nan(),
            Self::Exponential { mean } => mean >= 0.0,
            Self::Uniform { low, high } => low <= high && (high - low).is_finite(),
            Self::Triangular { low, mode, high } => low <= mode && mode <= high && (high - low).is_finite(),
            Self::Lognormal { median, sigma } => positive(median) && sigma >= 0.0 && sigma.is_finite(),
            Self::Weibull { shape, scale } | Self::Gamma { shape, scale } => positive(shape) && positive(scale),
        }
    }

    /// The distribution of `factor` times the value, for `factor` > 0: another base unit, or a multiplier.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        match *self {
            Self::Fixed(value) => Self::Fixed(value * factor),
            Self::Exponential { mean } => Self::Exponential { mean: mean * factor },
            Self::Uniform { low, high } => Self::Uniform { low: low * factor, high: high * factor },
            Self::Triangular { low, mode, high } => Self::Triangular { low: low * factor, mode: mode * factor, high: high * factor },
            Self::Lognormal { median, sigma } => Self::Lognormal { median: median * factor, sigma },
            Self::Weibull { shape, scale } => Self::Weibull { shape, scale: scale * factor },
            Self::Gamma { shape, scale } => Self::Gamma { shape, scale: scale * factor },
        }
    }

    /// One value. All but `Fixed` (none) and `Gamma` (as many as it needs) take one 64-bit draw.
    #[inline]
    pub fn sample(&self, stream: &mut Stream) -> f64 {
        match *self {
            Self::Fixed(value) => value,
            Self::Exponential { mean } => stream.exponential(mean),
            Self::Uniform { low, high } => low + (high - low) * stream.uniform(),
            Self::Triangular { .. } => self.quantile(stream.uniform()),
            Self::Lognormal { median, sigma } => stream.lognormal(median, sigma),
            Self::Weibull { shape, scale } => stream.weibull(shape, scale),
            Self::Gamma { shape, scale } => stream.gamma(shape, scale),
        }
    }

    /// One value as a quantity, for distributions in its base unit: `repair.sample_as::<Duration>(&mut stream)`.
    #[inline]
    pub fn sample_as<Q: Quantity>(&self, stream: &mut Stream) -> Q {
        Q::from_base(self.sample(stream))
    }

    /// Mean [base unit].
    #[must_use]
    pub fn mean(&self) -> f64 {
        match *self {
            Self::Fixed(value) => value,
            Self::Exponential { mean } => mean,
            Self::Uniform { low, high } => 0.5 * (low + high),
            Self::Triangular { low, mode, high } => (low + mode + high) / 3.0,
            Self::Lognormal { median, sigma } => median * (0.5 * sigma * sigma).exp(),
            Self::Weibull { shape, scale } => scale * ln_gamma(1.0 + 1.0 / shape).exp(),
            Self::Gamma { shape, scale } => shape * scale,
        }
    }

    /// Variance [base unit squared].
    #[must_use]
    pub fn variance(&self) -> f64 {
        match *self {
            Self::Fixed(_) => 0.0,
            Self::Exponential { mean } => mean * mean,
            Self::Uniform { low, high } => (high - low).powi(2) / 12.0,
            Self::Triangular { low, mode, high } => {
                let (a, b) = (mode - low, high - mode);
                (a * a + b * b + a * b) / 18.0
            }
            Self::Lognormal { median, sigma } => median * median * (sigma * sigma).exp() * (sigma * sigma).exp_m1(),
            Self::Weibull { shape, scale } => {
                let first = ln_gamma(1.0 + 1.0 / shape);
                let second = ln_gamma(1.0 + 2.0 / shape);
                scale * scale * (2.0 * first).exp() * (second - 2.0 * first).exp_m1()
            }
            Self::Gamma { shape, scale } => shape * scale * scale,
        }
    }

    /// The value that is not exceeded with probability `p` [base unit]; `p` outside [0, 1] counts as the nearer end, where
    /// unbounded distributions have 0 and infinity. Closed forms, but for `Gamma` a bisection with relative error near 1e-12.
    #[must_use]
    pub fn quantile(&self, p: f64) -> f64 {
        let p = p.clamp(0.0, 1.0);
        match *self {
            Self::Fixed(value) => value,
            Self::Exponential { mean } => scaled_wait(mean, -(-p).ln_1p()),
            Self::Uniform { low, high } => low + (high - low) * p,
            Self::Triangular { low, mode, high } => {
                let (width, rise) = (high - low, mode - low);
                if p * width <= rise { low + (p * width * rise).sqrt() } else { high - ((1.0 - p) * width * (high - mode)).sqrt() }
            }
            Self::Lognormal { median, sigma: 0.0 } => median,
            Self::Lognormal { median, sigma } => median * (sigma * normal_quantile(p)).exp(),
            Self::Weibull { shape, scale } => scale * (-(-p).ln_1p()).powf(1.0 / shape),
            Self::Gamma { .. } if p == 0.0 => 0.0,
            Self::Gamma { .. } if p == 1.0 => f64::INFINITY,
            Self::Gamma { shape, scale } => scale * gamma_quantile(shape, p),
        }
    }
}

/// `mean * wait`, with the ends that a product of zero and infinity would lose: no mean is no wait, and at `p` = 0 neither.
fn scaled_wait(mean: f64, wait: f64) -> f64 {
    if mean == 0.0 || wait == 0.0 { 0.0 } else { mean * wait }
}

#[cfg(test)]
mod tests {
    use bastide_units::Duration;
    use rstest::rstest;

    use super::*;
    use crate::{Estimate, stream_key};

    #[rstest]
    #[case::exponential(Distribution::Exponential { mean: 3.0 })]
    #[case::uniform(Distribution::Uniform { low: -2.0, high: 5.0 })]
    #[case::triangular(Distribution::Triangular { low: 1.0, mode: 2.0, high: 6.0 })]
    #[case::right_triangle(Distribution::Triangular { low: 0.0, mode: 4.0, high: 4.0 })]
    #[case::lognormal(Distribution::Lognormal { median: 7.0, sigma: 0.6 })]
    #[case::infant_mortality(Distribution::Weibull { shape: 0.7, scale: 100.0 })]
    #[case::wear(Distribution::Weibull { shape: 2.5, scale: 3.0 })]
    #[case::gamma_small(Distribution::Gamma { shape: 0.4, scale: 2.0 })]
    #[case::gamma(Distribution::Gamma { shape: 3.0, scale: 0.5 })]
    #[case::gamma_large(Distribution::Gamma { shape: 400.0, scale: 10.0 })]
    fn samples_agree_with_moments_and_quantiles(#[case] distribution: Distribution) {
        assert!(distribution.is_proper());
        let mut stream = Stream::new(4, 0, stream_key("distribution", "test"));
        let sample: Vec<f64> = (0..100_000).map(|_| distribution.sample(&mut stream)).collect();
        let mean = distribution.mean();
        let estimate = Estimate::of(&sample).unwrap();
        assert!(estimate.deviation(mean).unwrap().abs() < 3.0, "mean {mean}: {estimate:?}");
        let squares: Vec<f64> = sample.iter().map(|x| (x - mean).powi(2)).collect();
        let spread = Estimate::of(&squares).unwrap();
        assert!(spread.deviation(distribution.variance()).unwrap().abs() < 3.0, "variance {}: {spread:?}", distribution.variance());
        for p in [0.02, 0.25, 0.5, 0.9, 0.99] {
            // The share below the quantile is binomial.
            let quantile = distribution.quantile(p);
            let below = sample.iter().filter(|x| **x <= quantile).count() as f64 / 1e5;
            assert!((below - p).abs() < 3.5 * (p * (1.0 - p) / 1e5).sqrt(), "{p}: {below}");
        }
        let doubled = distribution.scaled(2.0);
        assert!((doubled.mean() / mean - 2.0).abs() < 1e-12 && (doubled.variance() / distribution.variance() - 4.0).abs() < 1e-9);
    }

    #[test]
    fn lognormal_keeps_its_two_numbers() {
        let repair = Distribution::lognormal_from_median_p95(7.0, 21.0).unwrap();
        assert!((repair.quantile(0.5) - 7.0).abs() < 1e-12);
        assert!((repair.quantile(0.95) - 21.0).abs() < 1e-12);
        assert_eq!(Distribution::lognormal_from_median_p95(7.0, 6.0), None);
        assert_eq!(Distribution::lognormal_from_median_p95(0.0, 6.0), None);
        assert_eq!(Distribution::lognormal_from_median_p95(7.0, f64::NAN), None);
    }

    #[test]
    fn ends_are_where_they_belong() {
        let ends = |distribution: Distribution| (distribution.quantile(0.0), distribution.quantile(1.0));
        assert_eq!(ends(Distribution::Exponential { mean: 2.0 }), (0.0, f64::INFINITY));
        assert_eq!(ends(Distribution::Gamma { shape: 2.0, scale: 1.0 }), (0.0, f64::INFINITY));
        assert_eq!(ends(Distribution::Triangular { low: 1.0, mode: 1.0, high: 3.0 }), (1.0, 3.0));
        assert_eq!(ends(Distribution::Triangular { low: 1.0, mode: 1.0, high: 1.0 }), (1.0, 1.0));
        assert_eq!(ends(Distribution::Lognormal { median: 1.0, sigma: 0.0 }), (1.0, 1.0));
        assert!(!Distribution::Uniform { low: 2.0, high: 1.0 }.is_proper());
        assert!(!Distribution::Exponential { mean: f64::NAN }.is_proper());
        assert!(Distribution::Exponential { mean: f64::INFINITY }.is_proper());
    }

    #[test]
    fn samples_carry_the_unit_of_the_holder() {
        let mut stream = Stream::new(0, 0, 0);
        let hour: Duration = Distribution::Fixed(3600.0).sample_as(&mut stream);
        assert_eq!((hour.as_h(), stream.position()), (1.0, 0));
    }
}
