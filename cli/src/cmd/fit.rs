//! Where a measured curve has its best value.
//!
//! A checkpoint interval T costs a share of the time: `w / T` for writing, `T / (2 M)` for work that failures undo, and a restart for each
//! failure. The wall clock of a unit of useful work is 1 / goodput, whose expansion in T (Daly 2006, equation 20) is `a / T + b + c T + d T^2`
//! up to the third power of T / M. Of anything else nothing is known: a parabola in the logarithm of the key, through the values around the
//! best one. Both are linear in what was measured, so that leaving out one replication at a time gives the error (jackknife: Efron 1982).

/// The form of the curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Of a ratio of useful time over a checkpoint interval.
    Checkpoints,
    /// A parabola in the logarithm.
    Quadratic,
}

impl Form {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Checkpoints => "checkpoints",
            Self::Quadratic => "quadratic",
        }
    }
    pub const fn words(self) -> &'static str {
        match self {
            Self::Checkpoints => "1 / metric = a / x + b + c x + d x^2",
            Self::Quadratic => "a parabola in log x around the best value",
        }
    }
}

/// The best value of a key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Optimum {
    pub value: f64,
    /// Ends of its interval of 95 % confidence.
    pub low: f64,
    pub high: f64,
    /// The metric there, from the curve.
    pub metric: f64,
    pub form: Form,
    /// Whether the curve is still rising, or falling, at the end of the range.
    pub at_edge: bool,
}

/// Relative differences up to this are rounding.
const SAME: f64 = 1e-12;
/// Normal quantile of 97.5 %.
const Z975: f64 = 1.959_963_984_540_054;

/// The best of some values by what was observed at each: `[value][replication]`, all of the same length. `None` where too little was, or
/// where it is the same at all values.
pub fn optimum(form: Form, values: &[f64], observed: &[Vec<f64>], highest: bool) -> Option<Optimum> {
    let n = observed.first().map_or(0, Vec::len);
    if n < 2 || values.len() != observed.len() || observed.iter().any(|row| row.len() != n) {
        return None;
    }
    let means: Vec<f64> = observed.iter().map(|row| row.iter().sum::<f64>() / n as f64).collect();
    let usable = match form {
        Form::Checkpoints => values.len() >= 5 && highest && observed.iter().flatten().all(|value| *value > 0.0),
        Form::Quadratic => values.len() >= 3 && observed.iter().flatten().all(|value| value.is_finite()),
    };
    let form = if usable { form } else { Form::Quadratic };
    if values.len() < 3 || !means.iter().all(|mean| mean.is_finite()) {
        return None;
    }
    let (least, most) = means.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), mean| (least.min(*mean), most.max(*mean)));
    if most - least <= SAME * most.abs().max(least.abs()) {
        return None;
    }
    let best = best_of(&means, highest);
    if form == Form::Quadratic && (best == 0 || best + 1 == values.len()) {
        let (value, metric) = (values[best], means[best]);
        return Some(Optimum { value, low: value, high: value, metric, form, at_edge: true });
    }
    let curve = Curve::new(form, values, best, highest);
    let without = |left_out: Option<usize>| -> Vec<f64> {
        let one = |row: &Vec<f64>| {
            let kept = row.iter().enumerate().filter(|(at, _)| Some(*at) != left_out);
            let (sum, count) = kept.fold((0.0, 0.0), |(sum, count), (_, value)| (sum + curve.response(*value), count + 1.0));
            sum / count
        };
        observed[curve.from..curve.to].iter().map(one).collect()
    };
    let whole = curve.solve(&without(None))?;
    let (mut sum, mut squares) = (0.0, 0.0);
    for replication in 0..n {
        let place = curve.solve(&without(Some(replication)))?.value.ln();
        sum += place;
        squares += place * place;
    }
    let count = n as f64;
    let error = ((count - 1.0) * (squares / count - (sum / count).powi(2)).max(0.0)).sqrt();
    Some(Optimum { low: whole.value * (-Z975 * error).exp(), high: whole.value * (Z975 * error).exp(), ..whole })
}

fn best_of(means: &[f64], highest: bool) -> usize {
    let better = |a: &usize, b: &usize| if highest { means[*a].total_cmp(&means[*b]) } else { means[*b].total_cmp(&means[*a]) };
    (0..means.len()).max_by(better).unwrap_or(0)
}

/// A curve that is linear in its coefficients.
struct Curve<'v> {
    form: Form,
    highest: bool,
    /// Values that it goes through, of all.
    from: usize,
    to: usize,
    values: &'v [f64],
    ends: (f64, f64),
}

impl<'v> Curve<'v> {
    /// Through all values, or through the five around the best.
    fn new(form: Form, values: &'v [f64], best: usize, highest: bool) -> Self {
        let ends = (values[0], values[values.len() - 1]);
        let from = if form == Form::Checkpoints { 0 } else { best.saturating_sub(2).min(values.len().saturating_sub(5)) };
        let to = if form == Form::Checkpoints { values.len() } else { (from + 5).min(values.len()) };
        Self { form, highest, from, to, values: &values[from..to], ends }
    }

    /// What the curve is fitted to.
    fn response(&self, value: f64) -> f64 {
        if self.form == Form::Checkpoints { value.recip() } else { value }
    }

    fn terms(&self, x: f64) -> Vec<f64> {
        match self.form {
            Form::Checkpoints => vec![1.0 / x, 1.0, x, x * x],
            Form::Quadratic => vec![1.0, x.ln(), x.ln() * x.ln()],
        }
    }

    /// The best value by least squares. What failures undo varies in proportion to the interval: weights fall with its square.
    fn solve(&self, responses: &[f64]) -> Option<Optimum> {
        let scale = (self.ends.0 * self.ends.1).sqrt();
        let count = self.terms(1.0).len();
        let mut normal = vec![vec![0.0; count + 1]; count];
        for (value, response) in self.values.iter().zip(responses) {
            let x = value / scale;
            let terms = self.terms(x);
            let weight = if self.form == Form::Checkpoints { 1.0 / (x * x) } else { 1.0 };
            for (row, own) in normal.iter_mut().zip(&terms) {
                for (cell, term) in row.iter_mut().zip(terms.iter().chain([response])) {
                    *cell += weight * own * term;
                }
            }
        }
        let k = eliminate(normal)?;
        let (low, high) = (self.ends.0 / scale, self.ends.1 / scale);
        let at = |x: f64| -> f64 { self.terms(x).iter().zip(&k).map(|(term, k)| term * k).sum() };
        let inner = match self.form {
            Form::Checkpoints => {
                let slope = |x: f64| -k[0] / (x * x) + k[2] + 2.0 * k[3] * x;
                bisect(slope, low, high)
            }
            // The best value lies inside: a parabola bent the other way, or with its end outside, is noise.
            Form::Quadratic if (k[2] < 0.0) == self.highest => {
                let (first, last) = (self.values.first()? / scale, self.values.last()? / scale);
                Some((-0.5 * k[1] / k[2]).exp().clamp(first, last))
            }
            Form::Quadratic => return None,
        };
        let x = inner.unwrap_or(if at(low) < at(high) { low } else { high });
        let value = x * scale;
        Some(Optimum { value, low: value, high: value, metric: self.response(at(x)), form: self.form, at_edge: inner.is_none() })
    }
}

/// Where a function rises through zero between two ends.
fn bisect(slope: impl Fn(f64) -> f64, low: f64, high: f64) -> Option<f64> {
    if !(slope(low) < 0.0 && slope(high) > 0.0) {
        return None;
    }
    let (mut low, mut high) = (low.ln(), high.ln());
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if slope(middle.exp()) < 0.0 { low = middle } else { high = middle }
    }
    Some((0.5 * (low + high)).exp())
}

/// Solves linear equations, the right side in the last column; `None` where they have no one solution.
fn eliminate(mut rows: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let count = rows.len();
    for column in 0..count {
        let pivot = (column..count).max_by(|a, b| rows[*a][column].abs().total_cmp(&rows[*b][column].abs()))?;
        rows.swap(column, pivot);
        let own = rows[column].clone();
        if !own[column].is_finite() || own[column] == 0.0 {
            return None;
        }
        for (at, row) in rows.iter_mut().enumerate() {
            if at != column {
                let factor = row[column] / own[column];
                row.iter_mut().zip(&own).for_each(|(cell, own)| *cell -= factor * own);
            }
        }
    }
    let solved: Vec<f64> = (0..count).map(|at| rows[at][count] / rows[at][at]).collect();
    solved.iter().all(|value| value.is_finite()).then_some(solved)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(from: f64, to: f64, points: i32) -> Vec<f64> {
        (0..points).map(|at| from * (to / from).powf(f64::from(at) / f64::from(points - 1))).collect()
    }

    #[test]
    fn the_optimum_of_daly_is_found() {
        // Goodput by Daly's equation 20 with w = 0.5 min, M = 186 min: best at 13.3 min (equation 37). A little noise, alike at all values.
        let exact = |t: f64| t / (186.0 * (10.0_f64 / 186.0).exp() * ((t + 0.5) / 186.0).exp_m1());
        let values = grid(2.0, 60.0, 12);
        let observed: Vec<Vec<f64>> =
            values.iter().map(|t| (0..50).map(|r| exact(*t) * (1.0 + 1e-3 * f64::from(r % 7 - 3))).collect()).collect();
        let best = optimum(Form::Checkpoints, &values, &observed, true).unwrap();
        let (mut t, mut most) = (2.0, 0.0);
        for step in 0..60_000 {
            let x = 2.0 + 1e-3 * f64::from(step);
            if exact(x) > most {
                (t, most) = (x, exact(x));
            }
        }
        assert!((best.value / t - 1.0).abs() < 0.01, "{best:?} {t}");
        assert!(!best.at_edge && best.low <= best.value && best.value <= best.high);
    }

    #[test]
    fn a_parabola_is_met_and_its_error_is_that_of_its_noise() {
        // -(ln x - 1)^2, shifted sideways by 0.1 in every other replication.
        let values = grid(1.0, 10.0, 9);
        let observed: Vec<Vec<f64>> =
            values.iter().map(|x| (0..40).map(|r| -(x.ln() - 1.0 - 0.1 * f64::from(r % 2 * 2 - 1)).powi(2)).collect()).collect();
        let best = optimum(Form::Quadratic, &values, &observed, true).unwrap();
        assert!((best.value.ln() - 1.0).abs() < 1e-9, "{best:?}");
        // Standard error 0.1 / sqrt(39); times 1.96.
        assert!(((best.high / best.value).ln() / (1.96 * 0.1 / 39.0_f64.sqrt()) - 1.0).abs() < 0.01, "{best:?}");
    }

    #[test]
    fn a_slope_without_top_ends_at_the_edge() {
        let values = grid(1.0, 10.0, 6);
        let observed: Vec<Vec<f64>> = values.iter().map(|x| vec![x.ln(); 3]).collect();
        let best = optimum(Form::Quadratic, &values, &observed, true).unwrap();
        assert!(best.at_edge && (best.value - 10.0).abs() < 1e-9, "{best:?}");
        assert!(optimum(Form::Quadratic, &values, &observed, false).unwrap().value < 1.1);
    }

    #[test]
    fn odd_values_do_not_panic() {
        for odd in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300] {
            let observed = vec![vec![odd; 3]; 6];
            let _ = optimum(Form::Checkpoints, &grid(1.0, 10.0, 6), &observed, true);
            let _ = optimum(Form::Quadratic, &[odd; 6], &observed, false);
        }
        assert_eq!(optimum(Form::Quadratic, &[], &[], true), None);
        assert_eq!(optimum(Form::Quadratic, &[1.0, 2.0, 3.0], &[vec![1.0], vec![1.0], vec![1.0]], true), None);
    }
}
