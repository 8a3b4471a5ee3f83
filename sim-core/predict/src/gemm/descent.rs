//! Least squares with bounds and odd rows.

use crate::fit::Parameter;

/// Residuals above this count by their size, not its square (`soft L1`).
const SOFT: f64 = 0.05;
/// Step of the numerical derivatives, as a part of the range: over the corners that whole tiles make.
const STEP: f64 = 2e-3;
/// Steps at most.
const STEPS: usize = 80;

/// The parameters that make the soft absolute residuals least, and their mean: Levenberg's and Marquardt's damped least squares
/// (Marquardt 1963) with the weights of `sqrt(1 + (r / s)^2)` recomputed in each step (Holland and Welsch 1977). Parameters stay in
/// their ranges. For some ten parameters and hundreds of residuals it takes a hundredth of the evaluations of a coordinate search.
pub(super) fn least_squares(ranges: &[Parameter], residuals: impl Fn(&[f64]) -> Vec<f64>) -> (Vec<f64>, f64) {
    let size = ranges.len();
    let width: Vec<f64> = ranges.iter().map(|it| it.high - it.low).collect();
    let mut at: Vec<f64> = ranges.iter().map(|it| it.start.clamp(it.low, it.high)).collect();
    let mut errors = residuals(&at);
    let mut cost = soft(&errors);
    let mut damping = 1e-2;
    for _ in 0..STEPS {
        // Derivatives by parts of the range; parameters without a range stay.
        let columns: Vec<Vec<f64>> = (0..size)
            .map(|j| {
                if width[j] <= 0.0 {
                    return vec![0.0; errors.len()];
                }
                let mut there = at.clone();
                let sign = if at[j] + STEP * width[j] > ranges[j].high { -1.0 } else { 1.0 };
                there[j] += sign * STEP * width[j];
                residuals(&there).iter().zip(&errors).map(|(there, here)| (there - here) * sign / STEP).collect()
            })
            .collect();
        let weights: Vec<f64> = errors.iter().map(|error| 1.0 / (1.0 + (error / SOFT).powi(2)).sqrt()).collect();
        let product = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).zip(&weights).map(|((a, b), w)| a * b * w).sum() };
        let slope: Vec<f64> = columns.iter().map(|column| -product(column, &errors)).collect();
        // A parameter at its bound that would leave does not take part.
        let free: Vec<usize> = (0..size)
            .filter(|&j| {
                let room = 1e-9 * width[j];
                width[j] > 0.0 && !(slope[j] > 0.0 && at[j] >= ranges[j].high - room || slope[j] < 0.0 && at[j] <= ranges[j].low + room)
            })
            .collect();
        let normal: Vec<f64> =
            free.iter().flat_map(|&i| free.iter().map(move |&j| (i, j))).map(|(i, j)| product(&columns[i], &columns[j])).collect();
        let mut improved = false;
        for _ in 0..12 {
            let mut matrix = normal.clone();
            for i in 0..free.len() {
                matrix[i * free.len() + i] += damping * (normal[i * free.len() + i] + 1e-6 * errors.len() as f64);
            }
            let moves = solve(matrix, free.iter().map(|&j| slope[j]).collect());
            let mut there = at.clone();
            for (&j, step) in free.iter().zip(&moves) {
                there[j] = (at[j] + step.clamp(-0.3, 0.3) * width[j]).clamp(ranges[j].low, ranges[j].high);
            }
            let next = residuals(&there);
            let value = soft(&next);
            if value < cost {
                improved = value < cost * (1.0 - 1e-5);
                (at, errors, cost) = (there, next, value);
                damping = (damping * 0.3).max(1e-7);
                break;
            }
            damping *= 3.0;
        }
        if !improved {
            break;
        }
        damping = damping.min(1e3);
    }
    (at, cost)
}

/// Mean of the soft absolute residuals; what is not a number counts as a factor of e^10.
fn soft(errors: &[f64]) -> f64 {
    let one = |error: f64| {
        let error = if error.is_finite() { error } else { 10.0 };
        SOFT * ((1.0 + (error / SOFT).powi(2)).sqrt() - 1.0)
    };
    errors.iter().copied().map(one).sum::<f64>() / errors.len().max(1) as f64
}

/// Solves a symmetric positive definite system, of which the lower half is given by rows (Cholesky).
pub(super) fn solve(mut matrix: Vec<f64>, mut right: Vec<f64>) -> Vec<f64> {
    let size = right.len();
    for j in 0..size {
        for i in j..size {
            let inner: f64 = (0..j).map(|l| matrix[i * size + l] * matrix[j * size + l]).sum();
            let rest = matrix[i * size + j] - inner;
            // The diagonal's noise or damping keeps it above zero; the floor is for rounding.
            matrix[i * size + j] = if i == j { rest.max(1e-12).sqrt() } else { rest / matrix[j * size + j] };
        }
    }
    for i in 0..size {
        let inner: f64 = (0..i).map(|l| matrix[i * size + l] * right[l]).sum();
        right[i] = (right[i] - inner) / matrix[i * size + i];
    }
    for i in (0..size).rev() {
        let inner: f64 = (i + 1..size).map(|l| matrix[l * size + i] * right[l]).sum();
        right[i] = (right[i] - inner) / matrix[i * size + i];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_by_hand() {
        // 4 x + 2 y = 10, 2 x + 3 y = 9: x = 1.5, y = 2.
        let solution = solve(vec![4.0, 0.0, 2.0, 3.0], vec![10.0, 9.0]);
        assert!((solution[0] - 1.5).abs() < 1e-12 && (solution[1] - 2.0).abs() < 1e-12, "{solution:?}");
    }

    #[test]
    fn a_curve_is_found_despite_an_odd_row() {
        // y = 3 exp(-0.7 x), one of twenty rows ten times too large; b has no effect beyond its bound.
        let rows: Vec<(f64, f64)> =
            (0..20).map(|i| (f64::from(i) / 5.0, 3.0 * (-0.7 * f64::from(i) / 5.0).exp() * if i == 7 { 10.0 } else { 1.0 })).collect();
        let ranges = [Parameter { start: 1.0, low: 0.1, high: 10.0 }, Parameter { start: 0.1, low: 0.0, high: 2.0 }];
        let (at, _) = least_squares(&ranges, |v| rows.iter().map(|(x, y)| (v[0] * (-v[1] * x).exp() / y).ln()).collect());
        assert!((at[0] - 3.0).abs() < 0.05 && (at[1] - 0.7).abs() < 0.02, "{at:?}");
    }
}
