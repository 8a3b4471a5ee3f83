//! What a model says: a value, how sure it is, and what it rests on.

use serde::{Deserialize, Serialize};

/// What a prediction rests on, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// This configuration was measured.
    Measured,
    /// Measured on this device around this configuration.
    Interpolated,
    /// Measured on another device of the kind, carried over by the data sheets.
    Transferred,
    /// From the data sheet and general efficiencies alone.
    Datasheet,
}

impl std::fmt::Display for Grade {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Measured => "measured",
            Self::Interpolated => "interpolated",
            Self::Transferred => "transferred",
            Self::Datasheet => "datasheet",
        })
    }
}

/// A part of the time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Term {
    /// What takes the time.
    pub name: &'static str,
    /// How long \[s\].
    pub seconds: f64,
    /// The formula, as text.
    pub formula: &'static str,
    /// Who published it.
    pub source: &'static str,
}

/// A predicted value with its 90 % interval.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prediction {
    /// The value, in the unit of its question.
    pub value: f64,
    /// Lower end of the 90 % interval.
    pub low90: f64,
    /// Upper end of the 90 % interval.
    pub high90: f64,
    /// What it rests on.
    pub grade: Grade,
    /// Where the time goes, where the value is a time or follows from one.
    pub terms: Vec<Term>,
}

/// Split-conformal interval of a positive quantity, in logarithms, scaled by how hard the case is (Papadopoulos et al. 2002;
/// Lei et al. 2018, section 5.2: locally weighted): `value * exp(low * scale) .. value * exp(high * scale)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conformal {
    /// Quantile of `ln(measured / predicted) / scale` below which 5 % lie.
    pub low: f64,
    /// Quantile above which 5 % lie.
    pub high: f64,
}

impl Conformal {
    /// From residuals of rows that the fit had not seen: `(ln(measured / predicted), scale)`. The quantiles are those of
    /// n + 1 points, so that a new row of the same kind lies inside with at least 90 %.
    #[must_use]
    pub fn calibrate(residuals: impl IntoIterator<Item = (f64, f64)>) -> Option<Self> {
        let mut scores: Vec<f64> =
            residuals.into_iter().map(|(residual, scale)| residual / scale).filter(|score| score.is_finite()).collect();
        scores.sort_by(f64::total_cmp);
        let last = scores.len().checked_sub(1)?;
        let rank = |share: f64| ((scores.len() + 1) as f64 * share).ceil() as usize;
        let high = scores[(rank(0.95).max(1) - 1).min(last)];
        let low = scores[last - (rank(0.95).max(1) - 1).min(last)];
        Some(Self { low, high })
    }

    /// The interval of a value whose difficulty is `scale` (1 where the calibration's rows were typical).
    #[must_use]
    pub fn interval(&self, value: f64, scale: f64) -> (f64, f64) {
        // The value itself is always inside, also where the residuals were all on one side.
        (value * (self.low * scale).exp().min(1.0), value * (self.high * scale).exp().max(1.0))
    }
}

/// Whether rows of a group are kept out of every fit, so that errors on them are honest: a fifth of the groups, by the
/// FNV-1a hash of the name (Fowler, Noll and Vo 1991).
#[must_use]
pub fn left_out(group: &str) -> bool {
    let hash = group.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    // The high half is mixed best.
    (hash >> 32).is_multiple_of(5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_covers_nine_of_ten() {
        // Residuals -0.50, -0.49 .. 0.49, 0.50: 101 points. Ranks ceil(102 * 0.95) = 97 from either end: -0.46 and 0.46.
        let it = Conformal::calibrate((-50..=50).map(|i| (f64::from(i) / 100.0, 1.0))).unwrap();
        assert!((it.low + 0.46).abs() < 1e-12 && (it.high - 0.46).abs() < 1e-12, "{it:?}");
        let (low, high) = it.interval(10.0, 2.0);
        assert!((low - 10.0 * (-0.92_f64).exp()).abs() < 1e-12 && (high - 10.0 * 0.92_f64.exp()).abs() < 1e-12);
    }

    #[test]
    fn no_residuals_give_no_interval() {
        assert_eq!(Conformal::calibrate([]), None);
        assert_eq!(Conformal::calibrate([(f64::NAN, 1.0)]), None);
    }

    #[test]
    fn about_a_fifth_of_the_groups_is_left_out() {
        let share = (0..10_000).filter(|i| left_out(&format!("gemm/{i}x{}", i * 7))).count();
        assert!((1_800..2_200).contains(&share), "{share}");
    }
}
