//! Fits a few physical parameters to measured rows.

/// A parameter of a model and the range where it makes sense.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    /// Where the search starts.
    pub start: f64,
    /// Smallest sensible value.
    pub low: f64,
    /// Largest sensible value.
    pub high: f64,
}

/// The parameters that make `loss` smallest, and the loss there: coordinate search with a step of its own for each
/// parameter, which grows while it helps and shrinks while it does not, and a step along the last round's move (Hooke and
/// Jeeves 1961). It needs no derivatives, so that robust losses with corners do, and is deterministic.
pub fn minimise(parameters: &[Parameter], rounds: usize, mut loss: impl FnMut(&[f64]) -> f64) -> (Vec<f64>, f64) {
    let inside = |index: usize, value: f64| value.clamp(parameters[index].low, parameters[index].high);
    let mut best: Vec<f64> = parameters.iter().enumerate().map(|(index, it)| inside(index, it.start)).collect();
    let mut steps: Vec<f64> = parameters.iter().map(|it| (it.high - it.low) / 10.0).collect();
    let mut value = loss(&best);
    let mut trial = best.clone();
    let mut floor = f64::INFINITY;
    for _ in 0..rounds {
        let before = best.clone();
        let start = value;
        for index in 0..best.len() {
            let mut improved = false;
            for sign in [1.0, -1.0] {
                trial[index] = inside(index, best[index] + sign * steps[index]);
                let there = loss(&trial);
                if there < value {
                    (value, improved) = (there, true);
                    best[index] = trial[index];
                    // A step that helped is tried in this direction first next time.
                    steps[index] *= 1.6 * sign;
                    break;
                }
                trial[index] = best[index];
            }
            if !improved {
                steps[index] *= 0.5;
            }
        }
        // Go on in the direction of the whole round, ever further while it helps.
        let moved: Vec<f64> = best.iter().zip(&before).map(|(now, then)| now - then).collect();
        let mut reach = 1.0;
        while value < start {
            for index in 0..best.len() {
                trial[index] = inside(index, best[index] + reach * moved[index]);
            }
            let there = loss(&trial);
            if there >= value {
                break;
            }
            value = there;
            best.copy_from_slice(&trial);
            reach *= 2.0;
        }
        trial.copy_from_slice(&best);
        let settled = steps.iter().zip(parameters).all(|(step, it)| step.abs() < 1e-5 * (it.high - it.low).abs());
        if settled {
            // A fresh start from here finds a way out of most corners; without one the search is over.
            if value > floor * 0.999 {
                break;
            }
            floor = value;
            for (step, it) in steps.iter_mut().zip(parameters) {
                *step = (it.high - it.low) / 30.0;
            }
        }
    }
    (best, value)
}

/// Mean of a robust measure of logarithmic errors: absolute, capped so that a few odd rows do not lead.
#[must_use]
pub fn robust_loss(log_errors: impl IntoIterator<Item = f64>, cap: f64) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for error in log_errors {
        // A bit of the excess keeps far rows pulling.
        let size = if error.is_finite() { error.abs() } else { 10.0 };
        sum += size.min(cap) + 0.1 * (size - cap).max(0.0);
        count += 1.0;
    }
    if count == 0.0 { 0.0 } else { sum / count }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curved_valley_is_descended() {
        // Rosenbrock 1960: minimum 0 at (1, 1).
        let range = Parameter { start: -1.2, low: -5.0, high: 5.0 };
        let (at, value) = minimise(&[range, range], 5_000, |x| (1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2));
        assert!(value < 1e-2 && (at[0] - 1.0).abs() < 0.1, "{at:?} {value}");
    }

    #[test]
    fn a_median_is_found_despite_an_odd_row() {
        let rows = [1.0_f64, 1.1, 0.9, 1.0, 50.0];
        let (at, _) = minimise(&[Parameter { start: 5.0, low: 0.1, high: 100.0 }], 500, |x| {
            robust_loss(rows.iter().map(|row| (row / x[0]).ln()), 0.5)
        });
        assert!((at[0] - 1.0).abs() < 0.01, "{at:?}");
    }
}
