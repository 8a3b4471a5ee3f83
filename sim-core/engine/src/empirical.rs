//! Distributions made of observations.

use bastide_units::Quantity;

use crate::random::Stream;

/// The distribution of observed values, each with its weight: repair times of a log, prompt lengths of a trace.
///
/// *Discrete*: the values themselves come again (the bootstrap's resampling). *Interpolated*: also values between
/// neighbours, never beyond the least and the greatest; quantiles are linear between the observations, those of type 7
/// (Hyndman & Fan 1996) where the weights are equal.
#[derive(Clone, Debug, PartialEq)]
pub struct Empirical {
    /// Observations of positive weight in increasing order -- constant.
    values: Vec<f64>,
    /// Discrete: probability of at most this value. Interpolated: the p whose quantile it is -- constant. Ends with 1.
    reached: Vec<f64>,
    interpolated: bool,
}

impl Empirical {
    /// The values come again as they are, in proportion to their weights. `None` unless there are as many weights as values,
    /// all finite, no weight negative and one positive.
    #[must_use]
    pub fn discrete(values: &[f64], weights: &[f64]) -> Option<Self> {
        let sorted = sorted(values, weights)?;
        let mut sum = 0.0;
        let reached = sorted.iter().map(|(_, weight)| {
            sum += weight;
            sum
        });
        Self::new(reached.collect(), &sorted, false)
    }

    /// Also values between the observations: the quantile function is linear between the points (p_k, x_k), where p_k
    /// gathers half of the weight of x_k and of each neighbour before it, from 0 at the least value to 1 at the greatest;
    /// (k - 1) / (n - 1) for equal weights. `None` as for [`Empirical::discrete`].
    #[must_use]
    pub fn interpolated(values: &[f64], weights: &[f64]) -> Option<Self> {
        let sorted = sorted(values, weights)?;
        let (mut sum, mut last) = (0.0, None);
        let reached = sorted.iter().map(|(_, weight)| {
            sum += last.map_or(0.0, |last: f64| 0.5 * (last + weight));
            last = Some(*weight);
            sum
        });
        Self::new(reached.collect(), &sorted, true)
    }

    fn new(mut reached: Vec<f64>, sorted: &[(f64, f64)], interpolated: bool) -> Option<Self> {
        let total = *reached.last()?;
        if total > 0.0 {
            reached.iter_mut().for_each(|sum| *sum /= total);
        }
        // Against rounding, and for a single value, whose sum is 0.
        *reached.last_mut()? = 1.0;
        total.is_finite().then(|| Self { values: sorted.iter().map(|(value, _)| *value).collect(), reached, interpolated })
    }

    /// One value. One 64-bit draw, and the value increases with it.
    #[inline]
    pub fn sample(&self, stream: &mut Stream) -> f64 {
        self.quantile(stream.uniform_interior())
    }

    /// One value as a quantity, for observations in its base unit.
    #[inline]
    pub fn sample_as<Q: Quantity>(&self, stream: &mut Stream) -> Q {
        Q::from_base(self.sample(stream))
    }

    /// The value that is not exceeded with probability `p` [unit of the observations]; `p` outside [0, 1] counts as the nearer
    /// end.
    #[must_use]
    pub fn quantile(&self, p: f64) -> f64 {
        let above = self.reached.partition_point(|reached| *reached < p).min(self.values.len() - 1);
        if above == 0 || !self.interpolated {
            return self.values[above];
        }
        let (low, high) = (self.reached[above - 1], self.reached[above]);
        let share = ((p - low) / (high - low)).min(1.0);
        self.values[above - 1] + (self.values[above] - self.values[above - 1]) * share
    }

    /// Mean [unit of the observations].
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.pieces().map(|(share, low, high)| share * 0.5 * (low + high)).sum()
    }

    /// Variance [unit of the observations squared].
    #[must_use]
    pub fn variance(&self) -> f64 {
        let mean = self.mean();
        // Uniform on [a, b], about the mean: (a^2 + a b + b^2) / 3.
        self.pieces()
            .map(|(share, low, high)| (share, low - mean, high - mean))
            .map(|(share, a, b)| share * (a * a + a * b + b * b) / 3.0)
            .sum()
    }

    /// Probability and ends of each piece of the quantile function; a discrete value is a piece without length.
    fn pieces(&self) -> impl Iterator<Item = (f64, f64, f64)> {
        (0..self.values.len()).map(|k| {
            let before = if k == 0 { 0.0 } else { self.reached[k - 1] };
            let low = if self.interpolated && k > 0 { self.values[k - 1] } else { self.values[k] };
            (self.reached[k] - before, low, self.values[k])
        })
    }
}

/// Values of positive weight in increasing order with their weights; `None` if there are none or something is not proper.
fn sorted(values: &[f64], weights: &[f64]) -> Option<Vec<(f64, f64)>> {
    let proper = values.iter().all(|value| value.is_finite()) && weights.iter().all(|weight| *weight >= 0.0 && weight.is_finite());
    let mut sorted: Vec<(f64, f64)> = values.iter().copied().zip(weights.iter().copied()).filter(|(_, weight)| *weight > 0.0).collect();
    // Stable, by value alone: equal values keep the order of the observations.
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    (proper && values.len() == weights.len() && !sorted.is_empty()).then_some(sorted)
}

#[cfg(test)]
mod tests {
    use bastide_units::Duration;

    use super::*;
    use crate::{Estimate, quantile, stream_key};

    const VALUES: [f64; 5] = [7.0, 1.0, 3.0, 2.0, 40.0];
    const WEIGHTS: [f64; 5] = [1.0, 4.0, 0.0, 3.0, 2.0];

    #[test]
    fn values_come_again_with_their_weights() {
        let law = Empirical::discrete(&VALUES, &WEIGHTS).unwrap();
        // 1, 2, 7, 40 with 0.4, 0.3, 0.1, 0.2: mean 9.7, mean square 326.5.
        assert!((law.mean() - 9.7).abs() < 1e-12 && (law.variance() - (326.5 - 9.7 * 9.7)).abs() < 1e-9);
        assert_eq!([0.0, 0.4, 0.41, 0.7, 0.75, 0.81, 1.0, 9.0].map(|p| law.quantile(p)), [1.0, 1.0, 2.0, 2.0, 7.0, 40.0, 40.0, 40.0]);
        let mut stream = Stream::new(3, 0, stream_key("empirical", "discrete"));
        let n = 50_000;
        let mut counts = [0_u32; 41];
        for _ in 0..n {
            counts[law.sample(&mut stream) as usize] += 1;
        }
        assert_eq!((stream.position(), counts[3], counts.iter().sum::<u32>()), (2 * n, 0, n as u32));
        for (value, p) in [(1, 0.4), (2, 0.3), (7, 0.1), (40, 0.2)] {
            assert!((f64::from(counts[value]) - n as f64 * p).abs() < 3.5 * (n as f64 * p * (1.0 - p)).sqrt(), "{counts:?}");
        }
    }

    #[test]
    fn equal_weights_interpolate_as_quantiles_of_type_7() {
        let law = Empirical::interpolated(&VALUES, &[0.3; 5]).unwrap();
        for p in [0.0, 0.1, 0.25, 0.5, 0.6, 0.95, 1.0] {
            assert!((law.quantile(p) - quantile(&VALUES, p).unwrap()).abs() < 1e-12, "{p}");
        }
        // Trapezoids over 1, 2, 3, 7, 40: (1.5 + 2.5 + 5 + 23.5) / 4.
        assert!((law.mean() - 8.125).abs() < 1e-12);
    }

    #[test]
    fn interpolated_samples_have_their_moments() {
        let law = Empirical::interpolated(&VALUES, &WEIGHTS).unwrap();
        // 1, 2, 7, 40 weigh 4, 3, 1, 2: steps of 3.5, 2, 1.5 of 7.
        assert!((law.quantile(0.5) - 2.0).abs() < 1e-12 && (law.quantile(5.5 / 7.0) - 7.0).abs() < 1e-12);
        let mut stream = Stream::new(3, 0, stream_key("empirical", "interpolated"));
        let sample: Vec<f64> = (0..100_000).map(|_| law.sample(&mut stream)).collect();
        let mean = Estimate::of(&sample).unwrap();
        assert!(mean.deviation(law.mean()).unwrap().abs() < 3.0, "{mean:?}");
        let squares: Vec<f64> = sample.iter().map(|x| (x - law.mean()).powi(2)).collect();
        let spread = Estimate::of(&squares).unwrap();
        assert!(spread.deviation(law.variance()).unwrap().abs() < 3.0, "{spread:?}");
        assert!(mean.min >= 1.0 && mean.max <= 40.0);
    }

    #[test]
    fn odd_observations_are_refused() {
        assert_eq!(Empirical::discrete(&[], &[]), None);
        assert_eq!(Empirical::discrete(&[1.0], &[]), None);
        assert_eq!(Empirical::discrete(&[1.0], &[0.0]), None);
        assert_eq!(Empirical::interpolated(&[1.0, f64::NAN], &[1.0, 1.0]), None);
        assert_eq!(Empirical::interpolated(&[1.0, 2.0], &[1.0, -1.0]), None);
        assert_eq!(Empirical::discrete(&[1.0, 2.0], &[f64::MAX, f64::MAX]), None);
        let one = Empirical::interpolated(&[5.0], &[2.0]).unwrap();
        assert_eq!((one.mean(), one.variance(), one.quantile(0.3), one.quantile(f64::NAN)), (5.0, 0.0, 5.0, 5.0));
        let hours: Duration = one.sample_as(&mut Stream::new(0, 0, 0));
        assert_eq!(hours.as_s(), 5.0);
    }
}
