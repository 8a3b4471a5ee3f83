//! The law of one unit: its states, their long-run probabilities, the rates between them.

use super::{TwoState, Unit};

/// States of a unit: out, derated, full.
pub(super) const STATES: usize = 3;

/// A unit as a continuous-time Markov chain on {out, derated, full}: full <-> out and full <-> derated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct UnitLaw {
    /// Share of the capacity in each state.
    pub share: [f64; STATES],
    /// Long-run probability of each state.
    pub probability: [f64; STATES],
    /// Rates full -> out, out -> full, full -> derated, derated -> full [1/h].
    rates: [f64; 4],
    /// Whether the rates are known; with a mere unavailability they are not.
    pub rates_known: bool,
}

impl UnitLaw {
    /// Given probabilities are kept as they are; the rest is divided by the times, full : out = 1 : MTTR / MTTF.
    pub fn of(unit: &Unit) -> Self {
        let derated = unit.derated.map_or(TwoState::Perfect, |derated| derated.outage);
        let (out_given, out_ratio) = given_and_ratio(unit.outage);
        let (derated_given, derated_ratio) = given_and_ratio(derated);
        let full = (1.0 - out_given - derated_given).max(0.0) / (1.0 + out_ratio + derated_ratio);
        let certain = |outage: TwoState| !matches!(outage, TwoState::Unavailability(q) if q > 0.0 && q < 1.0);
        let (fail, repair) = rates(unit.outage);
        let (derate, restore) = rates(derated);
        Self {
            share: [0.0, unit.derated.map_or(1.0, |derated| derated.capacity_share), 1.0],
            probability: [out_given + full * out_ratio, derated_given + full * derated_ratio, full],
            rates: [fail, repair, derate, restore],
            rates_known: certain(unit.outage) && certain(derated),
        }
    }

    /// Whether the unit is always at its full capacity.
    pub fn is_perfect(&self) -> bool {
        self.probability[2] == 1.0
    }

    /// Net frequency of arrival from above in each state [1/h]: what falls into it less what falls out of it.
    pub fn flow(&self) -> [f64; STATES] {
        let out = self.probability[2] * self.rates[0];
        let derated = self.probability[2] * self.rates[2];
        [out, derated, -out - derated]
    }

    /// Joint probability of the states at two moments one hour apart, `[before][after]`: diag(p) exp(Q).
    pub fn one_hour(&self) -> [[f64; STATES]; STATES] {
        let [fail, repair, derate, restore] = self.rates;
        // Squared `SQUARINGS` times; the Taylor series of the small step is cut where its terms are below one rounding.
        let largest = (fail + derate).max(repair).max(restore);
        let squarings = if largest > 0.25 { (largest * 4.0).log2().ceil().min(60.0) } else { 0.0 };
        let scale = squarings.exp2().recip();
        let step = [
            [-repair * scale, 0.0, repair * scale],
            [0.0, -restore * scale, restore * scale],
            [fail * scale, derate * scale, -(fail + derate) * scale],
        ];
        let identity = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        let (mut sum, mut term) = (identity, identity);
        for n in 1..=16 {
            term = product(&term, &step).map(|row| row.map(|x| x / f64::from(n)));
            for (sum, term) in sum.iter_mut().flatten().zip(term.iter().flatten()) {
                *sum += term;
            }
        }
        for _ in 0..squarings as u32 {
            sum = product(&sum, &sum);
        }
        for (row, p) in sum.iter_mut().zip(self.probability) {
            row.iter_mut().for_each(|x| *x = (*x * p).max(0.0));
        }
        sum
    }
}

/// A given unavailability, or the odds MTTR / MTTF.
fn given_and_ratio(outage: TwoState) -> (f64, f64) {
    match outage {
        TwoState::Perfect => (0.0, 0.0),
        TwoState::Unavailability(share) => (share, 0.0),
        TwoState::Times { mttf_h, mttr_h } => (0.0, mttr_h / mttf_h),
    }
}

fn rates(outage: TwoState) -> (f64, f64) {
    match outage {
        TwoState::Times { mttf_h, mttr_h } => (mttf_h.recip(), mttr_h.recip()),
        TwoState::Perfect | TwoState::Unavailability(_) => (0.0, 0.0),
    }
}

fn product(a: &[[f64; STATES]; STATES], b: &[[f64; STATES]; STATES]) -> [[f64; STATES]; STATES] {
    let mut c = [[0.0; STATES]; STATES];
    for i in 0..STATES {
        for j in 0..STATES {
            c[i][j] = (0..STATES).map(|k| a[i][k] * b[k][j]).sum();
        }
    }
    c
}
