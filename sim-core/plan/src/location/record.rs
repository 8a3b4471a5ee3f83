//! The best answer so far, and what a bound must reach to end the search for a better one.

/// Costs closer than this, relative to the best answer, count as equal.
const EQUAL: f64 = 1e-9;
/// What rounding may have added to a bound that is to be rounded up.
const DUST: f64 = 1e-6;

/// The best answer so far.
pub(super) struct Record<T> {
    pub answer: Option<T>,
    /// Its cost; before there is one, a number that no answer exceeds.
    pub objective: f64,
    /// Whether all costs are integers: only then is a better answer better by one at least, and a bound may be rounded up.
    integers: bool,
}

impl<T> Record<T> {
    pub(super) fn new(ceiling: f64, integers: bool) -> Self {
        Self { answer: None, objective: ceiling, integers }
    }
    /// Takes an answer that is better.
    pub(super) fn offer(&mut self, objective: f64, answer: impl FnOnce() -> T) {
        if objective.is_finite() && (self.answer.is_none() || objective < self.objective) {
            (self.answer, self.objective) = (Some(answer()), objective);
        }
    }
    /// Nothing whose bound exceeds this is worth a look.
    pub(super) fn cutoff(&self) -> f64 {
        match (&self.answer, self.integers) {
            (None, _) => self.objective + EQUAL * self.objective.abs(),
            (Some(_), true) => self.objective - 1.0 + DUST,
            (Some(_), false) => self.objective - EQUAL * self.objective.abs(),
        }
    }
    /// What a bound of what is left means for all answers.
    pub(super) fn proven(&self, bound: f64) -> f64 {
        let bound = bound.min(self.cutoff());
        let bound = if self.integers { (bound - DUST / 2.0).ceil() + 0.0 } else { bound };
        if self.answer.is_some() { bound.min(self.objective) } else { bound }
    }
    /// Whether the best answer is within a relative gap of a bound.
    pub(super) fn is_within(&self, gap: f64, bound: f64) -> bool {
        self.answer.is_some() && self.objective - self.proven(bound) <= gap * self.objective.abs()
    }
}
