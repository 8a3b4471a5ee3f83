//! Programs whose coefficients are far apart, brought together: the solver's tolerances are made for numbers about one.
//!
//! Rows and continuous columns are multiplied by powers of two, so that no digit is lost; each factor brings the geometric mean of the smallest and
//! the largest coefficient to one (Fulkerson and Wolfe 1962, "An algorithm for scaling matrices"), a few times over. Integers stay as they
//! are. Programs whose coefficients span nine decades or less are left alone.

use crate::program::Program;
use crate::solver::{Answer, Found};

/// Largest ratio of two coefficients that needs no scaling.
const WIDE: f64 = 1e9;
/// Times that rows and columns are gone through.
const SWEEPS: usize = 4;

/// Factors of a program's rows and columns.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scaling {
    rows: Vec<f64>,
    columns: Vec<f64>,
}

/// Smallest and largest size.
fn span(sizes: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let sizes = sizes.filter(|size| *size > 0.0 && size.is_finite());
    sizes.fold(None, |known: Option<(f64, f64)>, size| Some(known.map_or((size, size), |(least, most)| (least.min(size), most.max(size)))))
}

/// The power of two that brings the geometric mean of two sizes to about one.
fn factor((least, most): (f64, f64)) -> f64 {
    // The mean of the logarithms; a product could overflow.
    let exponent = -0.5 * (least.log2() + most.log2());
    exponent.round().clamp(-200.0, 200.0).exp2()
}

impl Scaling {
    /// Factors for a program; `None` where it needs none.
    pub(crate) fn of(program: &Program) -> Option<Self> {
        let coefficients = program.rows.iter().flat_map(|row| &row.terms).map(|(_, coefficient)| coefficient.abs());
        let (least, most) = span(coefficients)?;
        if most / least <= WIDE {
            return None;
        }
        let mut it = Self { rows: vec![1.0; program.rows.len()], columns: vec![1.0; program.columns.len()] };
        for _ in 0..SWEEPS {
            for (factor_of, row) in it.rows.iter_mut().zip(&program.rows) {
                *factor_of = span(row.terms.iter().map(|(column, value)| value.abs() * it.columns[*column])).map_or(1.0, factor);
            }
            let mut spans: Vec<Option<(f64, f64)>> = vec![None; program.columns.len()];
            for (row, by) in program.rows.iter().zip(&it.rows) {
                for (column, value) in &row.terms {
                    let sizes = spans[*column].into_iter().flat_map(|(least, most)| [least, most]).chain([value.abs() * by]);
                    spans[*column] = span(sizes);
                }
            }
            for ((by, column), span) in it.columns.iter_mut().zip(&program.columns).zip(spans) {
                *by = if column.integer { 1.0 } else { span.map_or(1.0, factor) };
            }
        }
        Some(it)
    }

    /// The scaled program: columns count in units of their factor.
    pub(crate) fn scaled(&self, program: &Program) -> Program {
        let mut program = program.clone();
        for (column, by) in program.columns.iter_mut().zip(&self.columns) {
            column.cost *= by;
            column.lower /= by;
            column.upper /= by;
        }
        for (row, by) in program.rows.iter_mut().zip(&self.rows) {
            row.terms.iter_mut().for_each(|(column, coefficient)| *coefficient *= by * self.columns[*column]);
            row.limit *= by;
        }
        program
    }

    /// A point of the program as one of the scaled program.
    pub(crate) fn point(&self, values: &[f64]) -> Vec<f64> {
        values.iter().zip(&self.columns).map(|(value, by)| value / by).collect()
    }

    /// An answer to the scaled program as one to the program.
    pub(crate) fn unscaled(&self, answer: Answer) -> Answer {
        let Answer::Found(found) = answer else { return answer };
        let values = found.values.iter().zip(&self.columns).map(|(value, by)| value * by).collect();
        let duals = found.duals.iter().zip(&self.rows).map(|(dual, by)| dual * by).collect();
        Answer::Found(Found { values, duals, ..found })
    }
}

#[cfg(test)]
mod tests {
    use bastide_units::Duration;

    use super::*;
    use crate::program::{Group, Sense};
    use crate::solver::{self, Limits};

    const LIMITS: Limits = Limits { gap: 0.0, time_limit: Duration::ZERO };

    fn limits() -> Limits {
        Limits { time_limit: Duration::from_s(10.0), ..LIMITS }
    }

    #[test]
    fn numbers_of_one_size_are_left_alone() {
        let mut program = Program::default();
        let x = program.continuous(1.0, 0.0, 10.0);
        program.at_most(Group::Structure, [(x, -1.0)], -3.0);
        assert_eq!(Scaling::of(&program), None);
    }

    #[test]
    fn wild_numbers_give_the_answer_of_tame_ones() {
        // Minimise 2e-7 x + 3 y with x + 1e7 y >= 7e7 and x <= 3e7, once in units of 1e-7 x and once as they are: y = 4, and one more of the
        // limit costs 3e-7.
        let solve = |unit: f64| {
            let mut program = Program::default();
            let x = program.continuous(2e-7 * unit, 0.0, 3e7 / unit);
            let y = program.continuous(3.0, 0.0, 1e3);
            program.row(Group::Structure, [(x, -unit), (y, -1e7)], Sense::AtMost, -7e7);
            let z = program.integer(0.0, 0.0, 1.0);
            program.at_most(Group::Structure, [(z, 1e-6), (y, 1e-6)], 1.0);
            assert!(Scaling::of(&program).is_some());
            let relaxed = program.relaxed();
            let (Answer::Found(whole), Answer::Found(found)) =
                (solver::solve(&program, &limits()).unwrap(), solver::solve(&relaxed, &limits()).unwrap())
            else {
                panic!()
            };
            assert!((whole.objective / 18.0 - 1.0).abs() < 1e-9, "{whole:?}");
            (found.values[x] * unit, found.values[y], found.objective, found.duals[0])
        };
        for unit in [1.0, 1e-7, 1e5] {
            let (x, y, objective, dual) = solve(unit);
            assert!((x / 3e7 - 1.0).abs() < 1e-9 && (y - 4.0).abs() < 1e-9 && (objective / 18.0 - 1.0).abs() < 1e-9, "{x} {y} {objective}");
            assert!((dual / -3e-7 - 1.0).abs() < 1e-6, "{dual}");
        }
    }

    #[test]
    fn factors_are_powers_of_two() {
        let mut program = Program::default();
        let (x, y) = (program.continuous(1.0, 0.0, 1e9), program.integer(1.0, 0.0, 5.0));
        program.at_most(Group::Structure, [(x, 1e-9), (y, 1e5)], 1e5);
        let scaling = Scaling::of(&program).unwrap();
        let exact = |by: &f64| by.log2().fract() == 0.0;
        assert!(scaling.rows.iter().chain(&scaling.columns).all(exact));
        assert_eq!(scaling.columns[y], 1.0);
        let scaled = scaling.scaled(&program);
        let sizes: Vec<f64> = scaled.rows[0].terms.iter().map(|(_, value)| value.abs()).collect();
        assert!(sizes.iter().all(|size| (1e-3..1e3).contains(size)), "{sizes:?}");
    }
}
