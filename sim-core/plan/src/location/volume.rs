//! The volume algorithm (Barahona and Anbil, *Mathematical Programming* 87, 2000): a subgradient method for Lagrangian bounds. It steps
//! along an average of the subgradients, always from the best multipliers so far; the same average of the answers to the relaxed problem
//! tends to a solution of the linear relaxation.

/// Steps without a better bound until they become shorter.
const PATIENCE: usize = 12;

/// An ascent of a concave function of multipliers.
pub(super) struct Volume {
    /// The best multipliers.
    pub multipliers: Vec<f64>,
    /// Their bound.
    pub bound: f64,
    /// Multipliers to evaluate.
    pub trial: Vec<f64>,
    /// Average of the subgradients.
    direction: Vec<f64>,
    /// Length of the next step, as a share of what seems to be missing over the slope.
    length: f64,
    idle: usize,
}

/// What to do with the answer to a trial.
pub(super) struct Verdict {
    /// The trial is the best so far.
    pub better: bool,
    /// Its share in the average.
    pub share: f64,
}

impl Volume {
    /// Starts at multipliers with their bound and subgradient.
    pub(super) fn new(multipliers: Vec<f64>, bound: f64, slope: &[f64], length: f64) -> Self {
        Self { trial: multipliers.clone(), multipliers, bound, direction: slope.to_vec(), length, idle: 0 }
    }

    /// Sets the multipliers to try next, each at most `most`, on the way to an objective that some answer reaches.
    pub(super) fn propose(&mut self, objective: f64, most: &[f64]) {
        let norm: f64 = self.direction.iter().map(|slope| slope * slope).sum();
        let scale = objective.abs().max(self.bound.abs()).max(1e-9);
        let missing = (objective - self.bound).max(1e-4 * scale);
        let step = if norm > 1e-12 { self.length * 1.05 * missing / norm } else { 0.0 };
        for (at, slope) in self.direction.iter().enumerate() {
            self.trial[at] = (self.multipliers[at] + step * slope).min(most[at]);
        }
        if step == 0.0 {
            self.length = 0.0;
        }
    }

    /// Takes the bound and subgradient of the multipliers on trial.
    pub(super) fn record(&mut self, bound: f64, slope: &[f64]) -> Verdict {
        let (mut norm, mut along, mut own) = (0.0, 0.0, 0.0);
        for (average, slope) in self.direction.iter().zip(slope) {
            norm += average * average;
            along += average * slope;
            own += slope * slope;
        }
        // The mixture of average and new slope that is shortest.
        let span = own - 2.0 * along + norm;
        let most = if self.length > 0.02 { 0.1 } else { 0.03 };
        let share = if span > 0.0 { ((norm - along) / span).clamp(most / 10.0, most) } else { most };
        for (average, slope) in self.direction.iter_mut().zip(slope) {
            *average += share * (slope - *average);
        }
        let better = bound > self.bound;
        if better {
            if along > 0.0 {
                self.length = (self.length * 1.2).min(2.0);
            }
            self.idle = 0;
            self.bound = bound;
            std::mem::swap(&mut self.multipliers, &mut self.trial);
        } else {
            self.idle += 1;
            if self.idle >= PATIENCE {
                self.idle = 0;
                self.length *= 0.66;
            }
        }
        Verdict { better, share }
    }

    /// Whether further steps are too short to matter.
    pub(super) fn converged(&self) -> bool {
        self.length < 1e-4
    }
}
