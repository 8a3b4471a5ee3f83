//! Fits many parameters to smooth errors.

/// Errors beyond this count less and less (logarithms): soft L1.
const SCALE: f64 = 0.1;

/// The values that make the errors smallest, from `start`: least squares of soft-L1 errors by damped steps (Levenberg 1944,
/// Marquardt 1963; weights as in iteratively reweighted least squares, Holland and Welsch 1977). Derivatives are differences.
pub fn least_squares(start: &[f64], rounds: usize, errors: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    const DIFFERENCE: f64 = 1e-4;
    let cost = |errors: &[f64]| -> f64 {
        let each = |error: &f64| 2.0 * SCALE * SCALE * ((1.0 + (error / SCALE).powi(2)).sqrt() - 1.0);
        let sum: f64 = errors.iter().map(each).sum();
        if sum.is_finite() { sum } else { f64::INFINITY }
    };
    let n = start.len();
    let mut at = start.to_vec();
    let mut here = errors(&at);
    let mut value = cost(&here);
    let mut damping = 1e-2;
    for _ in 0..rounds {
        let slopes: Vec<Vec<f64>> = (0..n)
            .map(|index| {
                let mut moved = at.clone();
                moved[index] += DIFFERENCE;
                errors(&moved).iter().zip(&here).map(|(there, here)| (there - here) / DIFFERENCE).collect()
            })
            .collect();
        let weights: Vec<f64> = here.iter().map(|error| 1.0 / (1.0 + (error / SCALE).powi(2)).sqrt()).collect();
        let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).zip(&weights).map(|((a, b), weight)| a * b * weight).sum() };
        let matrix: Vec<Vec<f64>> = slopes.iter().map(|a| slopes.iter().map(|b| dot(a, b)).collect()).collect();
        let right: Vec<f64> = slopes.iter().map(|a| -dot(a, &here)).collect();
        let mut improved = false;
        for _ in 0..8 {
            let mut damped = matrix.clone();
            for (index, row) in damped.iter_mut().enumerate() {
                row[index] *= 1.0 + damping;
                row[index] += 1e-9;
            }
            // A step of a factor of e is as far as the derivatives can be trusted.
            let step = solve(damped, right.clone());
            let trial: Vec<f64> = at.iter().zip(&step).map(|(at, step)| at + step.clamp(-1.0, 1.0)).collect();
            let there = errors(&trial);
            let new = cost(&there);
            if new < value {
                improved = value - new > 1e-7 * value;
                (at, here, value) = (trial, there, new);
                damping = (damping * 0.3).max(1e-6);
                break;
            }
            damping *= 4.0;
        }
        if !improved {
            break;
        }
    }
    at
}

/// Solves a system of linear equations (Gauss, with the largest pivot).
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let n = right.len();
    for column in 0..n {
        let pivot = (column..n).max_by(|a, b| matrix[*a][column].abs().total_cmp(&matrix[*b][column].abs())).unwrap_or(column);
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        if matrix[column][column] == 0.0 {
            continue;
        }
        for row in column + 1..n {
            let factor = matrix[row][column] / matrix[column][column];
            let (above, below) = matrix.split_at_mut(row);
            for (value, above) in below[0].iter_mut().zip(&above[column]) {
                *value -= factor * above;
            }
            right[row] -= factor * right[column];
        }
    }
    let mut values = vec![0.0; n];
    for row in (0..n).rev() {
        let known: f64 = (row + 1..n).map(|index| matrix[row][index] * values[index]).sum();
        values[row] = if matrix[row][row] == 0.0 { 0.0 } else { (right[row] - known) / matrix[row][row] };
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_despite_an_odd_point() {
        // y = 2 + 3 x, and one point far off.
        let points = [(0.0, 2.0), (1.0, 5.0), (2.0, 8.0), (3.0, 11.0), (4.0, 90.0)];
        let at = least_squares(&[0.0, 0.0], 200, |p| points.iter().map(|(x, y)| p[0] + p[1] * x - y).collect());
        assert!((at[0] - 2.0).abs() < 0.1 && (at[1] - 3.0).abs() < 0.1, "{at:?}");
    }

    #[test]
    fn equations_are_solved() {
        // 2 x + y = 5, x + 3 y = 10: x = 1, y = 3.
        let at = solve(vec![vec![2.0, 1.0], vec![1.0, 3.0]], vec![5.0, 10.0]);
        assert!((at[0] - 1.0).abs() < 1e-12 && (at[1] - 3.0).abs() < 1e-12);
    }
}
