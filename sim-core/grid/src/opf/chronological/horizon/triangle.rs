//! Triangles of small matrices, by row: roots of curvatures, never the curvatures themselves, whose small parts rounding would swallow.

/// Turns the first columns of a matrix of some width into a triangle (Householder 1958). The largest row is eliminated with first, which
/// keeps rows of very different size accurate (Powell & Reid 1969). `scratch` is for its own use.
pub(super) fn triangularise(matrix: &mut [f64], width: usize, columns: usize, scratch: &mut Vec<f64>) {
    let rows = matrix.len() / width;
    for column in 0..columns.min(rows) {
        let mut largest = column;
        let mut sum = 0.0;
        for row in column..rows {
            let entry = matrix[row * width + column];
            sum += entry * entry;
            if entry.abs() > matrix[largest * width + column].abs() {
                largest = row;
            }
        }
        if sum == 0.0 {
            continue;
        }
        for at in column..width {
            matrix.swap(column * width + at, largest * width + at);
        }
        let pivot = matrix[column * width + column];
        let norm = if pivot > 0.0 { -sum.sqrt() } else { sum.sqrt() };
        matrix[column * width + column] = pivot - norm;
        // Rows without an entry stay as they are.
        let scale = 1.0 / (norm * (norm - pivot));
        scratch.clear();
        scratch.resize(width - column - 1, 0.0);
        for row in matrix[column * width..].chunks_exact(width).filter(|row| row[column] != 0.0) {
            let by = scale * row[column];
            scratch.iter_mut().zip(&row[column + 1..]).for_each(|(sum, entry)| *sum += by * entry);
        }
        for row in matrix[column * width..].chunks_exact_mut(width).filter(|row| row[column] != 0.0) {
            let by = row[column];
            row[column] = 0.0;
            row[column + 1..].iter_mut().zip(&*scratch).for_each(|(entry, sum)| *entry -= by * sum);
        }
        matrix[column * width + column] = norm;
    }
}

/// Product with a triangle.
pub(super) fn multiply(root: &[f64], by: &[f64], into: &mut [f64]) {
    let size = by.len();
    for (row, into) in into.iter_mut().enumerate() {
        *into = dot(&root[row * size + row..(row + 1) * size], &by[row..]);
    }
}

/// Adds the product with the transposed triangle.
pub(super) fn multiply_transposed(root: &[f64], by: &[f64], into: &mut [f64]) {
    let size = by.len();
    for (row, by) in by.iter().enumerate() {
        into[row..].iter_mut().zip(&root[row * size + row..(row + 1) * size]).for_each(|(into, root)| *into += by * root);
    }
}

/// Solves with the transposed triangle.
pub(super) fn forward(root: &[f64], right: &mut [f64]) {
    let size = right.len();
    for row in 0..size {
        right[row] /= root[row * size + row];
        let by = right[row];
        right[row + 1..].iter_mut().zip(&root[row * size + row + 1..]).for_each(|(entry, of)| *entry -= by * of);
    }
}

/// Solves with the triangle.
pub(super) fn backward(root: &[f64], right: &mut [f64]) {
    let size = right.len();
    for row in (0..size).rev() {
        let rest = right[row] - dot(&root[row * size + row + 1..(row + 1) * size], &right[row + 1..]);
        right[row] = rest / root[row * size + row];
    }
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
