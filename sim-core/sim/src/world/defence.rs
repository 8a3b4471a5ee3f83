//! Air defences: shots, interceptors in stock, resupply.
//!
//! A munition that comes through to a defended target is shot at until it is down, the shots at one munition are spent, or the stock is
//! empty. Whether shot k brings munition n down is drawn from the munition: more interceptors or better ones engage the same munitions with
//! the same draws, spend no more on each, and so leak no more.

use bastide_engine::{Stream, stream_key};
use bastide_model::model::{Defence, Model};
use bastide_units::Time;

use super::World;

/// What a defence has now.
pub(crate) struct DefenceState {
    /// Interceptors in stock at `at`, a whole number.
    stock: f64,
    at: Time,
    pub engaged: f64,
    pub downed: f64,
    pub spent: f64,
    pub exhausted: Option<Time>,
}

pub(super) fn states(model: &Model) -> Vec<DefenceState> {
    let state = |defence: &Defence| DefenceState {
        stock: defence.interceptors.map_or(f64::INFINITY, f64::from),
        at: Time::ZERO,
        engaged: 0.0,
        downed: 0.0,
        spent: 0.0,
        exhausted: None,
    };
    model.defences.iter().map(state).collect()
}

fn probability(defence: &Defence, munition: Option<usize>) -> f64 {
    munition.map_or(defence.interception_untyped, |at| defence.interception.get(at).copied().unwrap_or(0.0))
}

impl World<'_> {
    /// Interceptors in stock now.
    fn stock(&self, defence: usize) -> f64 {
        let (state, fixed) = (&self.defences[defence], &self.setup.model.defences[defence]);
        let most = fixed.interceptors.map_or(f64::INFINITY, f64::from);
        // Deliveries come by the calendar, one by one, whatever was spent: so a stock that is greater stays so.
        let delivered = |time: Time| (fixed.resupply.as_per_s() * time.since(Time::ZERO).as_s() + 1e-9).floor();
        (state.stock + delivered(self.now) - delivered(state.at)).min(most)
    }

    /// Probability that a munition passes a defence as it is now.
    pub(crate) fn leak_probability(&self, defence: usize, munition: Option<usize>) -> f64 {
        let fixed = &self.setup.model.defences[defence];
        let shots = self.stock(defence).min(f64::from(fixed.shots));
        (1.0 - probability(fixed, munition)).powf(shots)
    }

    /// A defence engages a munition; true if it brings it down.
    pub(crate) fn engage(&mut self, defence: usize, munition: Option<usize>, own: &Stream) -> bool {
        let fixed = &self.setup.model.defences[defence];
        let probability = probability(fixed, munition);
        if probability <= 0.0 {
            return false;
        }
        let mut stock = self.stock(defence);
        let mut draws = own.member(stream_key(&fixed.entity.name, "shots"));
        let (mut shots, mut down) = (0, false);
        while shots < fixed.shots && stock >= 1.0 && !down {
            stock -= 1.0;
            shots += 1;
            down = draws.bernoulli(probability);
        }
        let now = self.now;
        let state = &mut self.defences[defence];
        let empty = stock < 1.0;
        (state.stock, state.at) = (stock, now);
        state.spent += f64::from(shots);
        state.engaged += f64::from(u8::from(shots > 0));
        state.downed += f64::from(u8::from(down));
        if empty && shots > 0 {
            state.exhausted.get_or_insert(now);
            self.recorder.event(now, "interceptors-exhausted", "defence", defence, self.defences[defence].spent, "spent so far", None);
        }
        down
    }
}
