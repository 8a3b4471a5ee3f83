//! What replications tell, and how sure they are.

use serde::{Deserialize, Serialize};

/// A number known from independent replications, with its error.
///
/// The unit is that of the observations. Sums run in the given order, so the estimate does not depend on threads.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Mean.
    pub mean: f64,
    /// Standard error of the mean, sd / sqrt(n) with the n - 1 standard deviation. Absent for a single observation
    /// and where an observation is not finite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr: Option<f64>,
    /// Number of observations.
    pub n: usize,
    /// 5 % quantile of the observations.
    pub p05: f64,
    /// Median of the observations.
    pub p50: f64,
    /// 95 % quantile of the observations.
    pub p95: f64,
    /// Least observation.
    pub min: f64,
    /// Greatest observation.
    pub max: f64,
}

impl Estimate {
    /// The estimate from these observations; `None` without any. Two passes (mean, then squared deviations with the correction
    /// of Chan, Golub & `LeVeque` 1983), quantiles of type 7 (Hyndman & Fan 1996). NaN among them makes the mean NaN.
    #[must_use]
    pub fn of(observations: &[f64]) -> Option<Self> {
        let sorted = sorted(observations);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let n = observations.len();
        let count = n as f64;
        let rough = observations.iter().sum::<f64>() / count;
        let (mut deviations, mut squares) = (0.0, 0.0);
        for x in observations {
            let deviation = x - rough;
            deviations += deviation;
            squares += deviation * deviation;
        }
        // Infinite observations have no deviation; their mean stands as it is.
        let mean = if rough.is_finite() { (rough + deviations / count).clamp(min, max) } else { rough };
        let stderr =
            (n > 1 && rough.is_finite()).then(|| ((squares - deviations * deviations / count).max(0.0) / (count - 1.0) / count).sqrt());
        let at = |p| quantile_of_sorted(&sorted, p);
        Some(Self { mean, stderr, n, p05: at(0.05), p50: at(0.5), p95: at(0.95), min, max })
    }

    /// The estimate of the differences `a[i] - b[i]`: two alternatives under the same draws. `None` if there are none or the
    /// lengths differ.
    #[must_use]
    pub fn paired(a: &[f64], b: &[f64]) -> Option<Self> {
        if a.len() != b.len() {
            return None;
        }
        let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
        Self::of(&differences)
    }

    /// The 95 % confidence interval of the mean under the normal approximation: mean -+ 1.96 stderr.
    #[must_use]
    pub fn normal_ci95(&self) -> Option<(f64, f64)> {
        self.stderr.map(|stderr| (self.mean - 1.959_963_984_540_054 * stderr, self.mean + 1.959_963_984_540_054 * stderr))
    }

    /// How many standard errors the mean lies above `value`; zero where both are equal and there is no error. `None` without
    /// a standard error.
    #[must_use]
    pub fn deviation(&self, value: f64) -> Option<f64> {
        let difference = self.mean - value;
        self.stderr.map(|stderr| if difference == 0.0 { 0.0 } else { difference / stderr })
    }
}

/// Quantile of type 7: linear between the order statistics (Hyndman & Fan 1996, "Sample quantiles in statistical packages";
/// the default of R and `NumPy`). `p` outside [0, 1] counts as the nearer end; `None` without observations.
#[must_use]
pub fn quantile(observations: &[f64], p: f64) -> Option<f64> {
    (!observations.is_empty()).then(|| quantile_of_sorted(&sorted(observations), p))
}

/// Conditional value at risk: the mean of the worst (greatest) `1 - alpha` of the observations, an atom at the quantile split
/// as needed (Rockafellar & Uryasev 2000, "Optimization of conditional value-at-risk", eq. 4):
/// `min over v of v + sum max(x - v, 0) / ((1 - alpha) n)`. 0 gives the mean, 1 the greatest; `None` without
/// observations.
#[must_use]
pub fn cvar(observations: &[f64], alpha: f64) -> Option<f64> {
    let sorted = sorted(observations);
    let max = *sorted.last()?;
    let alpha = alpha.clamp(0.0, 1.0);
    let n = sorted.len() as f64;
    let tail = (1.0 - alpha) * n;
    // Less than one observation in the tail: it is the greatest.
    if tail <= 1.0 {
        return Some(max);
    }
    let place = ((alpha * n).ceil() as usize).clamp(1, sorted.len()) - 1;
    let value_at_risk = sorted[place];
    let excess: f64 = sorted[place..].iter().filter(|x| **x > value_at_risk).map(|x| x - value_at_risk).sum();
    Some(value_at_risk + excess / tail)
}

fn sorted(observations: &[f64]) -> Vec<f64> {
    let mut sorted = observations.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// The slice must not be empty.
fn quantile_of_sorted(sorted: &[f64], p: f64) -> f64 {
    let place = p.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let below = (place.floor() as usize).min(sorted.len() - 1);
    let above = (below + 1).min(sorted.len() - 1);
    let share = place - below as f64;
    let (low, high) = (sorted[below], sorted[above]);
    // Equal neighbours, which may be infinite, need no interpolation.
    if share == 0.0 || low == high { low } else { low + (high - low) * share }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_sample_by_hand() {
        // 2, 4, 4, 4, 5, 5, 7, 9: mean 5, squared deviations 32, sd = sqrt(32 / 7), stderr = sqrt(32 / 7 / 8) = sqrt(4 / 7).
        let estimate = Estimate::of(&[9.0, 2.0, 4.0, 5.0, 4.0, 7.0, 4.0, 5.0]).unwrap();
        assert_eq!((estimate.mean, estimate.n, estimate.min, estimate.max), (5.0, 8, 2.0, 9.0));
        assert!((estimate.stderr.unwrap() - (4.0_f64 / 7.0).sqrt()).abs() < 1e-15);
        // Type 7: places 0.35, 3.5 and 6.65 of 0..7.
        assert!((estimate.p05 - 2.7).abs() < 1e-12);
        assert!((estimate.p50 - 4.5).abs() < 1e-12);
        assert!((estimate.p95 - 8.3).abs() < 1e-12);
        let (low, high) = estimate.normal_ci95().unwrap();
        assert!(((high - low) / 2.0 - 1.96 * estimate.stderr.unwrap()).abs() < 1e-4);
        assert!((estimate.deviation(4.0).unwrap() - (7.0_f64 / 4.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn none_and_one_have_no_error() {
        assert_eq!(Estimate::of(&[]), None);
        let one = Estimate::of(&[3.0]).unwrap();
        assert_eq!((one.mean, one.stderr, one.p05, one.p95), (3.0, None, 3.0, 3.0));
        let text = serde_json::to_string(&one).unwrap();
        assert!(!text.contains("stderr"), "{text}");
        assert_eq!(serde_json::from_str::<Estimate>(&text).unwrap(), one);
        assert_eq!((one.normal_ci95(), one.deviation(3.0)), (None, None));
    }

    #[test]
    fn a_far_offset_does_not_spoil_the_error() {
        // 1e9 + {0, 1, 2}: sd 1, stderr 1 / sqrt 3.
        let estimate = Estimate::of(&[1e9, 1e9 + 1.0, 1e9 + 2.0]).unwrap();
        assert!((estimate.stderr.unwrap() - 1.0 / 3_f64.sqrt()).abs() < 1e-12);
        let same = Estimate::of(&[0.1; 10]).unwrap();
        assert_eq!((same.mean, same.stderr, same.deviation(0.1)), (0.1, Some(0.0), Some(0.0)));
    }

    #[test]
    fn pairs_cancel_what_they_share() {
        let estimate = Estimate::paired(&[11.0, 25.0, 37.0], &[10.0, 23.0, 34.0]).unwrap();
        assert_eq!((estimate.mean, estimate.min, estimate.max), (2.0, 1.0, 3.0));
        assert_eq!(Estimate::paired(&[1.0], &[]), None);
    }

    #[test]
    fn the_tail_splits_its_atom() {
        let losses: Vec<f64> = (1..=10).rev().map(f64::from).collect();
        // Worst 20 %: 9 and 10. Worst 25 %: 10, 9 and half of 8: (10 + 9 + 4) / 2.5 = 9.2.
        assert!((cvar(&losses, 0.8).unwrap() - 9.5).abs() < 1e-12);
        assert!((cvar(&losses, 0.75).unwrap() - 9.2).abs() < 1e-12);
        assert!((cvar(&losses, 0.0).unwrap() - 5.5).abs() < 1e-12);
        assert_eq!(cvar(&losses, 0.95), Some(10.0));
        assert_eq!(cvar(&losses, 1.0), Some(10.0));
        assert_eq!(cvar(&[], 0.9), None);
        assert_eq!(cvar(&[0.0, 0.0, 0.0, 6.0], 0.5), Some(3.0));
    }

    #[test]
    fn infinite_observations_pass_through() {
        let estimate = Estimate::of(&[1.0, f64::INFINITY, f64::INFINITY]).unwrap();
        assert_eq!((estimate.mean, estimate.p50, estimate.p95), (f64::INFINITY, f64::INFINITY, f64::INFINITY));
        assert_eq!(estimate.stderr, None);
        assert_eq!(quantile(&[1.0, 2.0], 0.5), Some(1.5));
    }
}
