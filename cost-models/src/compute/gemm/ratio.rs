//! The smooth ratio of measured to modelled time over the shapes, from a few support points.

/// A support point: logarithms to base 2 of rows, columns and depth, and its weight.
pub type RatioPoint = [f64; 4];

/// Distance at which a support point no longer counts, in doublings of a size.
pub const RADIUS: f64 = 12.0;

/// Shapes that the ratio is defined for, in doublings; outside, the nearest of them counts.
const RANGE: [(f64, f64); 3] = [(0.0, 16.0), (5.0, 17.0), (5.0, 17.0)];

/// The place of a shape among the support points.
#[must_use]
pub fn place(m: f64, n: f64, k: f64) -> [f64; 3] {
    let [rows, columns, depth] = RANGE;
    [m.log2().clamp(rows.0, rows.1), n.log2().clamp(columns.0, columns.1), k.log2().clamp(depth.0, depth.1)]
}

/// The positive definite function of compact support that is smooth to second order, `(1 - r)^4 (4 r + 1)` (Wendland 1995), at
/// the distance of two places. It falls as a Matern covariance of the same width does, and needs no exponential.
#[must_use]
pub fn covariance(a: [f64; 3], b: [f64; 3]) -> f64 {
    let square = (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2) + (a[2] - b[2]).powi(2);
    let r = (square.sqrt() * (1.0 / RADIUS)).min(1.0);
    let rest = (1.0 - r) * (1.0 - r);
    rest * rest * (4.0 * r + 1.0)
}

/// Logarithm of the ratio at a place: the mean of a Gaussian process on its support points (Quinonero-Candela and Rasmussen
/// 2005, section 4, subset of regressors).
#[must_use]
pub fn log_ratio(support: &[RatioPoint], at: [f64; 3]) -> f64 {
    support.iter().map(|[m, n, k, weight]| weight * covariance([*m, *n, *k], at)).sum()
}

/// The logarithm of the ratio at every whole doubling, so that asking for it costs a few loads. Between them it is interpolated in
/// three directions; support points reach twelve doublings, so that this is right to a hundredth.
#[derive(Clone, Debug, PartialEq)]
pub struct RatioSurface {
    values: Vec<f64>,
}

/// Lattice points along rows, and along columns and depth.
const ROWS: usize = 17;
const SIDE: usize = 13;

impl RatioSurface {
    /// The surface of support points.
    #[must_use]
    pub fn new(support: &[RatioPoint]) -> Self {
        let [rows, columns, depth] = RANGE;
        let mut values = Vec::with_capacity(ROWS * SIDE * SIDE);
        for i in 0..ROWS {
            for j in 0..SIDE {
                for l in 0..SIDE {
                    values.push(log_ratio(support, [rows.0 + i as f64, columns.0 + j as f64, depth.0 + l as f64]));
                }
            }
        }
        Self { values }
    }

    /// Logarithm of the ratio at a place of [`place`].
    #[must_use]
    pub fn log(&self, at: [f64; 3]) -> f64 {
        let [rows, columns, depth] = RANGE;
        let cell = |value: f64, low: f64, points: usize| {
            let offset = (value - low).max(0.0);
            let index = (offset as usize).min(points - 2);
            (index, (offset - index as f64).min(1.0))
        };
        let ((i, x), (j, y), (l, z)) = (cell(at[0], rows.0, ROWS), cell(at[1], columns.0, SIDE), cell(at[2], depth.0, SIDE));
        let line = |i: usize, j: usize| {
            let start = (i * SIDE + j) * SIDE + l;
            self.values[start] * (1.0 - z) + self.values[start + 1] * z
        };
        let plane = |i: usize| line(i, j) * (1.0 - y) + line(i, j + 1) * y;
        plane(i) * (1.0 - x) + plane(i + 1) * x
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_support_point_fades_with_distance() {
        // At 6 doublings of 12: r = 0.5, (1/2)^4 * 3 = 0.1875; at 12, nothing.
        assert_eq!(covariance([0.0, 5.0, 5.0], [0.0, 5.0, 5.0]), 1.0);
        assert!((covariance([0.0, 5.0, 5.0], [6.0, 5.0, 5.0]) - 0.1875).abs() < 1e-12);
        assert_eq!(log_ratio(&[[0.0, 5.0, 5.0, 2.0]], [12.0, 5.0, 5.0]), 0.0);
    }

    #[test]
    fn the_surface_follows_its_support_points() {
        let support = [[3.0, 8.0, 11.0, 0.2], [9.5, 12.0, 6.0, -0.3], [15.0, 16.0, 14.0, 0.1]];
        let surface = RatioSurface::new(&support);
        for i in 0..200 {
            let t = f64::from(i) / 200.0;
            let at = [16.0 * t, 5.0 + 12.0 * (t * 7.0).fract(), 5.0 + 12.0 * (t * 3.0).fract()];
            assert!((surface.log(at) - log_ratio(&support, at)).abs() < 2e-2, "{at:?}");
        }
        assert_eq!(surface.log([3.0, 8.0, 11.0]), log_ratio(&support, [3.0, 8.0, 11.0]));
        assert_eq!(surface.log([16.0, 17.0, 17.0]), log_ratio(&support, [16.0, 17.0, 17.0]));
    }

    #[test]
    fn shapes_outside_the_range_have_the_ratio_of_its_edge() {
        assert_eq!(place(1e-3, 1.0, 1e9), [0.0, 5.0, 17.0]);
    }
}
