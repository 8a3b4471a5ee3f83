//! From a fine cut of quadratic costs to their exact optimum: Newton's method on the optimality conditions with the rows that bind in
//! the last basis, and every quadratic unit at the output that its price asks for (a semismooth method: Qi & Sun 1993).

use super::model::Model;
use super::programme::Programme;

/// Newton steps before the rows that bind are held for the wrong ones.
const STEPS: usize = 40;

/// Moves the values and the duals of the simplex to the optimum of the true costs; false, and nothing moved, where the steps do not
/// settle. The caller checks the answer.
pub(crate) fn polish(model: &Model, live: &[bool], programme: &mut Programme) -> bool {
    let simplex = &programme.simplex;
    let active: Vec<usize> = (0..simplex.row_count()).filter(|&row| !simplex.is_slack(row)).collect();
    let mut values = simplex.values().to_vec();
    let quadratic: Vec<usize> = (0..model.units.len()).filter(|&at| model.units[at].quadratic > 0.0 && live[at]).collect();
    let mut is_linear = vec![true; values.len()];
    for &at in &quadratic {
        model.units[at].columns().for_each(|column| is_linear[column] = false);
    }
    let basic: Vec<usize> = (0..values.len()).filter(|&column| is_linear[column] && simplex.is_basic(column)).collect();
    let (k, size) = (active.len(), active.len() + basic.len());
    let mut dual: Vec<f64> = active.iter().map(|&row| simplex.dual(row)).collect();
    // What is left for quadratic units and basic columns.
    let fixed: Vec<f64> = active
        .iter()
        .map(|&row| {
            let taken =
                simplex.row(row).iter().zip(&values).enumerate().filter(|&(column, _)| is_linear[column] && !simplex.is_basic(column));
            simplex.slack(row) - taken.map(|(_, (a, x))| a * x).sum::<f64>()
        })
        .collect();
    let coefficient = |row: usize, column: usize| simplex.row(active[row])[column];
    let mut output = vec![0.0; quadratic.len()];
    let mut matrix = vec![0.0; size * size];
    let mut step = vec![0.0; size];
    let mut settled = false;
    let mut entries = vec![0.0; k];
    for _ in 0..STEPS {
        matrix.fill(0.0);
        step[..k].copy_from_slice(&fixed);
        for (at, &unit) in quadratic.iter().enumerate() {
            let unit = &model.units[unit];
            let column = unit.first as usize;
            for (row, entry) in entries.iter_mut().enumerate() {
                *entry = coefficient(row, column);
            }
            let price: f64 = entries.iter().zip(&dual).map(|(a, y)| a * y).sum();
            let free = (price - unit.linear) / (2.0 * unit.quadratic);
            output[at] = free.clamp(unit.min_mw, unit.max_mw);
            for (left, entry) in step.iter_mut().zip(&entries) {
                *left -= entry * output[at];
            }
            if free > unit.min_mw && free < unit.max_mw {
                for (row, &entry) in entries.iter().enumerate() {
                    let by = entry / (2.0 * unit.quadratic);
                    if by != 0.0 {
                        let target = &mut matrix[row * size..row * size + k];
                        target.iter_mut().zip(&entries).for_each(|(target, of)| *target += by * of);
                    }
                }
            }
        }
        for (at, &column) in basic.iter().enumerate() {
            let mut left = programme.columns[column].cost;
            for row in 0..k {
                let by = coefficient(row, column);
                matrix[row * size + k + at] = by;
                matrix[(k + at) * size + row] = by;
                step[row] -= by * values[column];
                left -= by * dual[row];
            }
            step[k + at] = left;
        }
        let worst = step[..k].iter().fold(0.0_f64, |most, left| most.max(left.abs()));
        let dearest = step[k..].iter().fold(0.0_f64, |most, left| most.max(left.abs()));
        if worst < 1e-8 && dearest < 1e-9 {
            settled = true;
            break;
        }
        if !solve_dense(&mut matrix, &mut step) {
            return false;
        }
        dual.iter_mut().zip(&step).for_each(|(dual, by)| *dual += by);
        for (&column, by) in basic.iter().zip(&step[k..]) {
            values[column] += by;
        }
    }
    if !settled {
        return false;
    }
    for (&unit, &output) in quadratic.iter().zip(&output) {
        // From the first segment on; the last takes the rest.
        let columns = model.units[unit].columns();
        let mut left = output;
        for column in columns.clone() {
            let (low, high) = (simplex.lower[column], simplex.upper[column]);
            values[column] = if column + 1 == columns.end { left.max(low) } else { left.clamp(low, high) };
            left -= values[column];
        }
    }
    let duals: Vec<(usize, f64)> = active.iter().copied().zip(dual).collect();
    programme.simplex.overwrite(&values, &duals);
    true
}

/// Gauss elimination with row pivots; the right side becomes the solution. False where the matrix is singular.
fn solve_dense(matrix: &mut [f64], right: &mut [f64]) -> bool {
    let n = right.len();
    for column in 0..n {
        let mut best = column;
        for row in column + 1..n {
            if matrix[row * n + column].abs() > matrix[best * n + column].abs() {
                best = row;
            }
        }
        let pivot = matrix[best * n + column];
        if !pivot.is_finite() || pivot.abs() < 1e-11 {
            return false;
        }
        if best != column {
            for at in column..n {
                matrix.swap(best * n + at, column * n + at);
            }
            right.swap(best, column);
        }
        let (upper, lower) = matrix.split_at_mut((column + 1) * n);
        let source = &upper[column * n + column..];
        let taken = right[column];
        for (row, target) in lower.chunks_exact_mut(n).enumerate() {
            let by = target[column] / pivot;
            if by != 0.0 {
                target[column..].iter_mut().zip(source).for_each(|(entry, of)| *entry -= by * of);
                right[column + 1 + row] -= by * taken;
            }
        }
    }
    for row in (0..n).rev() {
        let sum: f64 = (row + 1..n).map(|at| matrix[row * n + at] * right[at]).sum();
        right[row] = (right[row] - sum) / matrix[row * n + row];
    }
    right.iter().all(|value| value.is_finite())
}
