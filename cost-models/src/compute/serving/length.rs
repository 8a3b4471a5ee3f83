//! Laws of the lengths of prompts and answers.

/// How long prompts or answers are \[tokens\]: whole numbers from 1 to a greatest length.
#[derive(Clone, Debug, PartialEq)]
pub struct LengthLaw {
    shape: Shape,
    most: f64,
}

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    Fixed(f64),
    Geometric(f64),
    Uniform(f64, f64),
    /// Median, and standard deviation of the logarithm.
    Lognormal(f64, f64),
    /// In ascending order.
    Empirical(Vec<f64>),
}

/// Greatest length where none is given: the longest context of 2025's models.
const LONGEST: f64 = 1e7;
/// Points into which laws with tails are cut.
const POINTS: usize = 512;

impl LengthLaw {
    fn of(shape: Shape) -> Self {
        Self { shape, most: LONGEST }
    }

    /// Always as long.
    #[must_use]
    pub fn fixed(tokens: f64) -> Self {
        Self::of(Shape::Fixed(tokens))
    }

    /// Ends after each token with the same probability.
    #[must_use]
    pub fn geometric(mean: f64) -> Self {
        Self::of(Shape::Geometric(mean))
    }

    /// Each length between two alike.
    #[must_use]
    pub fn uniform(low: f64, high: f64) -> Self {
        Self::of(Shape::Uniform(low.min(high), high.max(low)))
    }

    /// Lognormal with a mean and a coefficient of variation (standard deviation over mean).
    #[must_use]
    pub fn lognormal(mean: f64, variation: f64) -> Self {
        let variance = (variation * variation).ln_1p();
        Self::of(Shape::Lognormal(mean * (-variance / 2.0).exp(), variance.sqrt()))
    }

    /// As long as those of a trace, each alike; `None` without any.
    #[must_use]
    pub fn empirical(lengths: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut lengths: Vec<f64> = lengths.into_iter().filter(|it| it.is_finite()).collect();
        lengths.sort_unstable_by(f64::total_cmp);
        (!lengths.is_empty()).then(|| Self::of(Shape::Empirical(lengths)))
    }

    /// The same, cut off at a greatest length.
    #[must_use]
    pub fn at_most(mut self, tokens: f64) -> Self {
        self.most = tokens.max(1.0);
        self
    }

    /// The length that a share of all does not exceed, a whole number of tokens.
    #[must_use]
    pub fn quantile(&self, share: f64) -> f64 {
        let share = share.clamp(1e-12, 1.0 - 1e-12);
        let tokens = match &self.shape {
            Shape::Fixed(tokens) => tokens.round(),
            Shape::Geometric(mean) => {
                let stay = 1.0 - 1.0 / mean.max(1.0);
                if stay > 0.0 { ((-share).ln_1p() / stay.ln()).ceil() } else { 1.0 }
            }
            Shape::Uniform(low, high) => (low + (high - low) * share).round(),
            Shape::Lognormal(median, sigma) => (median * (sigma * probit(share)).exp()).round(),
            Shape::Empirical(lengths) => lengths[((share * lengths.len() as f64) as usize).min(lengths.len() - 1)].round(),
        };
        // A length that is no number counts as the shortest.
        tokens.max(1.0).min(self.most)
    }

    /// Lengths with their probabilities, in ascending order: the law itself where few lengths occur, else slices of equal
    /// probability, the last ones finer.
    #[must_use]
    pub fn points(&self) -> Vec<(f64, f64)> {
        if let Shape::Fixed(_) = self.shape {
            return vec![(self.quantile(0.5), 1.0)];
        }
        let mut points: Vec<(f64, f64)> = Vec::with_capacity(POINTS);
        for index in 0..POINTS {
            // Slices shrink towards the upper end, where long lengths are rare but weigh most.
            let edge = |index: usize| 1.0 - (1.0 - index as f64 / POINTS as f64).powi(3);
            let (low, high) = (edge(index), edge(index + 1));
            let tokens = f64::midpoint(self.quantile(low + 0.25 * (high - low)), self.quantile(low + 0.75 * (high - low)));
            match points.last_mut() {
                Some(last) if last.0 == tokens => last.1 += high - low,
                _ => points.push((tokens, high - low)),
            }
        }
        points
    }

    /// Mean of a power of the length.
    #[must_use]
    pub fn moment(&self, power: i32) -> f64 {
        self.points().iter().map(|(tokens, share)| share * tokens.powi(power)).sum()
    }

    /// Mean length.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.moment(1)
    }
}

/// Quantile of the standard normal distribution, to 1e-9 (Acklam 2003).
fn probit(share: f64) -> f64 {
    let rational = |x: f64, above: &[f64], below: &[f64]| {
        let horner = |of: &[f64]| of.iter().fold(0.0, |sum, it| sum * x + it);
        horner(above) / horner(below)
    };
    let tail = |share: f64| {
        rational(
            (-2.0 * share.ln()).sqrt(),
            &[
                -7.784_894_002_430_293e-3,
                -0.322_396_458_041_136_5,
                -2.400_758_277_161_838,
                -2.549_732_539_343_734,
                4.374_664_141_464_968,
                2.938_163_982_698_783,
            ],
            &[7.784_695_709_041_462e-3, 0.322_467_129_070_039_8, 2.445_134_137_142_996, 3.754_408_661_907_416, 1.0],
        )
    };
    if share < 0.024_25 {
        tail(share)
    } else if share > 1.0 - 0.024_25 {
        -tail(1.0 - share)
    } else {
        let (x, square) = (share - 0.5, (share - 0.5) * (share - 0.5));
        x * rational(
            square,
            &[
                -39.696_830_286_653_76,
                220.946_098_424_520_5,
                -275.928_510_446_968_7,
                138.357_751_867_269,
                -30.664_798_066_147_16,
                2.506_628_277_459_239,
            ],
            &[-54.476_098_798_224_06, 161.585_836_858_040_9, -155.698_979_859_886_6, 66.801_311_887_719_72, -13.280_681_552_885_72, 1.0],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_spreads_are_those_asked_for() {
        let spread = |law: &LengthLaw| (law.moment(2) / law.mean().powi(2) - 1.0).sqrt();
        for variation in [0.2, 0.8, 1.5] {
            let law = LengthLaw::lognormal(500.0, variation);
            assert!((law.mean() / 500.0 - 1.0).abs() < 0.01 && (spread(&law) / variation - 1.0).abs() < 0.05, "{variation}");
        }
        let geometric = LengthLaw::geometric(40.0);
        assert!((geometric.mean() / 40.0 - 1.0).abs() < 0.01 && (spread(&geometric) - (1.0_f64 - 1.0 / 40.0).sqrt()).abs() < 0.02);
        let uniform = LengthLaw::uniform(1.0, 99.0);
        assert!((uniform.mean() - 50.0).abs() < 0.3 && (spread(&uniform) - (99.0_f64.powi(2) / 12.0).sqrt() / 50.0).abs() < 0.01);
        assert_eq!(LengthLaw::fixed(7.4).points(), [(7.0, 1.0)]);
        let trace = LengthLaw::empirical([30.0, 10.0, 20.0]).unwrap();
        assert!((trace.mean() - 20.0).abs() < 0.1 && trace.quantile(0.0) == 10.0 && trace.quantile(1.0) == 30.0);
        assert!((trace.clone().at_most(15.0).mean() - 40.0 / 3.0).abs() < 0.1);
    }

    #[test]
    fn normal_quantiles_are_known() {
        for (share, quantile) in [(0.5, 0.0), (0.975, 1.959_963_985), (0.01, -2.326_347_874), (0.999_999, 4.753_424_309)] {
            assert!((probit(share) - quantile).abs() < 1e-7, "{share}");
        }
    }
}
