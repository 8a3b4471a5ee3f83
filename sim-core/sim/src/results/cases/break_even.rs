//! Where two alternatives change places along an axis.

use bastide_engine::Estimate;
use bastide_model::model::Case;

use super::{Values, less, plain, subject};
use crate::record::{Better, MetricDef};
use crate::results::schema::{BreakEven, Crossing};
use crate::results::write::StudyMeta;

/// Half the width of a 95 % interval in standard errors.
const SIGMAS: f64 = 1.959_963_984_540_054;

/// Each pair of alternatives, in each of these metrics that has a good direction, along each axis with two cases or more.
pub(super) fn all(meta: &StudyMeta<'_>, defs: &[&MetricDef], metrics: &[usize], told: &[(&Case, Values)]) -> Vec<BreakEven> {
    let mut groups: Vec<(&str, &str)> = Vec::new();
    for (case, _) in told {
        let Some(axis) = &case.axis else { continue };
        if groups.iter().all(|(group, _)| *group != case.group) {
            groups.push((&case.group, &axis.title));
        }
    }
    let mut found = Vec::new();
    for (group, axis) in groups {
        let mut points: Vec<(f64, &Values)> = told
            .iter()
            .filter(|(case, _)| case.group == group)
            .filter_map(|(case, values)| Some((case.axis.as_ref()?.value, values)))
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        if points.len() < 2 {
            continue;
        }
        for (at, def) in metrics.iter().map(|at| (*at, defs[*at])).filter(|(_, def)| def.better != Better::Neither) {
            for (index, alternative) in meta.alternatives.iter().enumerate() {
                for (other, against) in meta.alternatives.iter().enumerate().take(index) {
                    let columns: Vec<Vec<f64>> = points.iter().map(|(_, values)| less(&values[at][index], &values[at][other])).collect();
                    // Nothing to tell where the two are the same in every history.
                    if columns.iter().flatten().all(|difference| *difference == 0.0) || columns.iter().any(Vec::is_empty) {
                        continue;
                    }
                    let places: Vec<f64> = points.iter().map(|(value, _)| *value).collect();
                    found.push(BreakEven {
                        group: group.to_owned(),
                        axis: axis.to_owned(),
                        alternative: alternative.name.to_owned(),
                        against: against.name.to_owned(),
                        subject: subject(def),
                        differences: columns.iter().filter_map(|column| plain(column)).collect(),
                        crossings: crossings(&places, &columns),
                        values: places,
                    });
                }
            }
        }
    }
    found
}

/// Where the mean difference, linear between the places, changes its sign, each with its confidence interval.
fn crossings(places: &[f64], columns: &[Vec<f64>]) -> Vec<Crossing> {
    let means: Vec<f64> = columns.iter().map(|column| Estimate::of(column).map_or(0.0, |estimate| estimate.mean)).collect();
    let bounds = bounds(places, columns, &means);
    let mut found = Vec::new();
    let mut last: Option<usize> = None;
    for at in 0..means.len() {
        if means[at] == 0.0 {
            continue;
        }
        if let Some(before) = last.filter(|before| means[*before].signum() != means[at].signum()) {
            // Over a stretch of noughts, its middle.
            let value = if at == before + 1 {
                places[before] + (places[at] - places[before]) * means[before] / (means[before] - means[at])
            } else {
                f64::midpoint(places[before + 1], places[at - 1])
            };
            found.push(Crossing {
                value,
                low: bounds.iter().copied().filter(|bound| *bound <= value).reduce(f64::max),
                high: bounds.iter().copied().filter(|bound| *bound >= value).reduce(f64::min),
            });
        }
        last = Some(at);
    }
    found
}

/// Ends of the stretches in which nought lies within the interpolated difference's interval.
///
/// Between two places, with weight `w` of the second, the difference is `(1-w) a + w b` on each history, so that its mean is linear and its variance
/// quadratic in `w`; `mean^2 = 1.96^2 variance` is a quadratic equation (Fieller 1954, Some problems in interval estimation).
fn bounds(places: &[f64], columns: &[Vec<f64>], means: &[f64]) -> Vec<f64> {
    let mut bounds = Vec::new();
    for at in 1..places.len() {
        let (a, b) = (&columns[at - 1], &columns[at]);
        let (mean_a, slope) = (means[at - 1], means[at] - means[at - 1]);
        let rise: Vec<f64> = less(b, a);
        let (of_a, of_rise, both) = (variance(a, a), variance(&rise, &rise), variance(a, &rise));
        // mean^2 - 1.96^2 variance as c + b w + a w^2
        let squares = SIGMAS * SIGMAS;
        let constant = mean_a * mean_a - squares * of_a;
        let linear = 2.0 * (mean_a * slope - squares * both);
        let quadratic = slope * slope - squares * of_rise;
        let inside = |w: &f64| (0.0..=1.0).contains(w);
        bounds.extend(
            roots(quadratic, linear, constant).into_iter().filter(inside).map(|w| places[at - 1] + w * (places[at] - places[at - 1])),
        );
    }
    bounds
}

/// Covariance of two means over the same histories.
fn variance(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len().min(b.len()) as f64;
    if n < 2.0 {
        return 0.0;
    }
    let (mean_a, mean_b) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b)).sum::<f64>() / (n - 1.0) / n
}

/// Real roots of `a x^2 + b x + c`, without cancellation.
fn roots(a: f64, b: f64, c: f64) -> Vec<f64> {
    if a == 0.0 {
        return if b == 0.0 { Vec::new() } else { vec![-c / b] };
    }
    let discriminant = b * b - 4.0 * a * c;
    if discriminant < 0.0 {
        return Vec::new();
    }
    let q = -0.5 * (b + b.signum() * discriminant.sqrt());
    let mut found = vec![q / a];
    if q != 0.0 {
        found.push(c / q);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_noise_the_crossing_is_exact_and_so_is_its_interval() {
        // -1 at 0, +3 at 40: nought at 10.
        let found = crossings(&[0.0, 40.0], &[vec![-1.0, -1.0], vec![3.0, 3.0]]);
        assert_eq!(found.len(), 1);
        let Crossing { value, low, high } = found[0];
        assert!((value - 10.0).abs() < 1e-12);
        assert!((low.unwrap() - 10.0).abs() < 1e-6 && (high.unwrap() - 10.0).abs() < 1e-6);
    }

    #[test]
    fn noise_that_is_the_same_at_both_ends_moves_the_crossing_by_its_error_over_the_slope() {
        // Difference e_r + slope * v, slope 0.1: nought at -mean(e) / 0.1, half-width 1.96 * stderr / 0.1.
        let noise = [-2.0, 0.0, -1.0, -3.0, 1.0];
        let column = |value: f64| noise.iter().map(|e| e + 0.1 * value).collect::<Vec<_>>();
        let found = crossings(&[0.0, 10.0, 40.0], &[column(0.0), column(10.0), column(40.0)]);
        let estimate = Estimate::of(&noise).unwrap();
        let half = SIGMAS * estimate.stderr.unwrap() / 0.1;
        assert_eq!(found.len(), 1);
        assert!((found[0].value - 10.0).abs() < 1e-9, "{found:?}");
        assert!(found[0].low.is_none(), "10 - {half} lies below the first case: {found:?}");
        assert!((found[0].high.unwrap() - (10.0 + half)).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn no_change_of_sign_is_no_crossing_and_noughts_between_two_signs_are_one() {
        assert!(crossings(&[0.0, 1.0, 2.0], &[vec![0.0; 2], vec![1.0; 2], vec![2.0; 2]]).is_empty());
        let found = crossings(&[0.0, 1.0, 2.0, 3.0], &[vec![-1.0; 2], vec![0.0; 2], vec![0.0; 2], vec![2.0; 2]]);
        assert_eq!(found.len(), 1);
        assert!((found[0].value - 1.5).abs() < 1e-12);
        // There and back again.
        assert_eq!(crossings(&[0.0, 1.0, 2.0], &[vec![-1.0; 2], vec![1.0; 2], vec![-1.0; 2]]).len(), 2);
    }

    #[test]
    fn equations_of_any_degree_have_their_roots() {
        assert_eq!(roots(0.0, 0.0, 1.0), Vec::<f64>::new());
        assert_eq!(roots(0.0, 2.0, -1.0), [0.5]);
        assert_eq!(roots(1.0, 0.0, 1.0), Vec::<f64>::new());
        let mut both = roots(1.0, -3.0, 2.0);
        both.sort_by(f64::total_cmp);
        assert_eq!(both, [1.0, 2.0]);
        assert!(roots(1.0, 0.0, -4.0).contains(&2.0) && roots(1.0, 0.0, -4.0).contains(&-2.0));
    }
}
