//! How an island finds its balance within seconds: reserve, then shedding in steps, AI load first, then the loss of its units.

use super::state::State;
use crate::flow::Islands;

/// Rules of the balance of an island after a disturbance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frequency {
    /// What a unit can add at once, as a share of its capacity -- constant. 0.05 is the droop answer of a usual turbine to a
    /// quarter of a hertz.
    pub reserve_share: f64,
    /// Whether AI load is shed before all other load, exactly as much as is missing -- constant.
    pub ai_interruptible: bool,
    /// Load that one step of under-frequency shedding cuts, as a share of the island's load -- constant. ENTSO-E's network code on
    /// emergency and restoration (2017/2196, annex): steps of at most 10 %.
    pub step_share: f64,
    /// Number of steps -- constant. The same annex: 50 % at least in the end.
    pub steps: u32,
    /// Whether units trip, and the island goes black, when all steps are not enough; else what is missing is shed exactly -- constant.
    pub units_trip: bool,
}

impl Default for Frequency {
    fn default() -> Self {
        Self { reserve_share: 0.05, ai_interruptible: true, step_share: 0.1, steps: 5, units_trip: true }
    }
}

/// Sums of an island, and what becomes of it.
#[derive(Clone, Copy, Debug, Default)]
struct Island {
    load: f64,
    ai: f64,
    must_run: f64,
    output: f64,
    reserve: f64,
    reserve_used: f64,
    output_kept: f64,
    must_run_kept: f64,
    ai_kept: f64,
    firm_kept: f64,
}

impl State {
    /// Balances every island by `rules`. True if a load has changed.
    pub(crate) fn balance_by_frequency(&mut self, rules: &Frequency) -> bool {
        if !std::mem::take(&mut self.unbalanced) {
            return false;
        }
        let mut islands = vec![Island::default(); self.islands as usize];
        for (place, &island) in self.island.iter().enumerate() {
            if island != Islands::NONE {
                let sum = &mut islands[island as usize];
                sum.load += self.load[place];
                sum.ai += self.ai[place];
                sum.must_run += self.must_run[place];
            }
        }
        let base = std::sync::Arc::clone(self.base());
        let reserve = |output: f64, capacity: f64| (capacity - output).min(rules.reserve_share * capacity).max(0.0);
        for (index, unit) in base.units.iter().enumerate() {
            let sum = &mut islands[self.island[unit.place as usize] as usize];
            sum.output += self.output[index];
            sum.reserve += reserve(self.output[index], self.capacity[index]);
        }
        let mut shed = false;
        for island in &mut islands {
            island.settle(rules);
            shed |= island.firm_kept != 1.0 || island.ai_kept != 1.0;
        }
        for (index, unit) in base.units.iter().enumerate() {
            let island = &islands[self.island[unit.place as usize] as usize];
            let (output, capacity) = (self.output[index], self.capacity[index]);
            self.output[index] = (output + island.reserve_used * reserve(output, capacity)) * island.output_kept;
            if island.firm_kept == 0.0 && island.output_kept == 0.0 {
                self.capacity[index] = 0.0;
            }
        }
        for (place, &of) in self.island.iter().enumerate() {
            if of != Islands::NONE {
                let island = &islands[of as usize];
                let ai = self.ai[place] * island.ai_kept;
                self.load[place] = (self.load[place] - self.ai[place]) * island.firm_kept + ai;
                self.ai[place] = ai;
                self.must_run[place] *= island.must_run_kept;
            }
        }
        self.inject();
        shed
    }
}

impl Island {
    fn settle(&mut self, rules: &Frequency) {
        (self.output_kept, self.must_run_kept, self.ai_kept, self.firm_kept) = (1.0, 1.0, 1.0, 1.0);
        let needed = self.load - self.must_run;
        let mut missing = needed - self.output - self.reserve;
        if missing <= 0.0 {
            let more = needed - self.output;
            if more >= 0.0 {
                self.reserve_used = if self.reserve > 0.0 { more / self.reserve } else { 0.0 };
            } else {
                self.lower(needed);
            }
            return;
        }
        self.reserve_used = 1.0;
        let mut firm = self.load;
        let mut ai_left = self.ai;
        if rules.ai_interruptible {
            let cut = missing.min(self.ai);
            missing -= cut;
            ai_left -= cut;
            self.ai_kept = if self.ai > 0.0 { ai_left / self.ai } else { 1.0 };
            firm -= self.ai;
        }
        if missing > 0.0 {
            let step = rules.step_share * firm;
            // Rounding is no reason for another step.
            let steps = if step > 0.0 { (missing / step - 1e-9).ceil() } else { f64::INFINITY };
            if steps <= f64::from(rules.steps) {
                self.firm_kept = (1.0 - steps * rules.step_share).max(0.0);
            } else if rules.units_trip {
                (self.firm_kept, self.ai_kept, self.output_kept, self.must_run_kept) = (0.0, 0.0, 0.0, 0.0);
                return;
            } else {
                self.firm_kept = if firm > 0.0 { ((firm - missing) / firm).max(0.0) } else { 0.0 };
            }
            if !rules.ai_interruptible {
                self.ai_kept = self.firm_kept;
            }
        }
        let served = if rules.ai_interruptible { firm * self.firm_kept + ai_left } else { firm * self.firm_kept };
        self.output += self.reserve;
        self.lower(served - self.must_run);
    }

    /// Lowers generation to what is needed, the uncontrolled only when that is not enough.
    fn lower(&mut self, needed: f64) {
        if needed >= 0.0 {
            self.output_kept = if self.output > 0.0 { needed / self.output } else { 1.0 };
        } else {
            self.output_kept = 0.0;
            self.must_run_kept = ((self.must_run + needed) / self.must_run).max(0.0);
        }
    }
}
