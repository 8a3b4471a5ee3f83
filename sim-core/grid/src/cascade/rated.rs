//! Cascades with time: inverse-time relays by rating class, operators who re-dispatch, islands that shed in steps.

use std::sync::Arc;

use super::frequency::Frequency;
use super::{Base, CascadeEnd, Outcome, Start, State, TOLERANCE};
use crate::case::Case;
use crate::factor::Singular;
use crate::flow::Convention;

/// Rules of [`RatedCascade`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatedRules {
    /// How long a branch stands the reference overload beyond its long-term (A), short-term (B) and emergency (C) rating \[s\] --
    /// constant. 0: it trips at once.
    pub delay_s: [f64; 3],
    /// Overload (flow / rating − 1) that trips after the delay; twice the overload trips in half the time -- constant.
    pub reference_overload: f64,
    /// Time between two actions of the operators, and before the first; infinite for none \[s\] -- constant.
    pub redispatch_s: f64,
    /// What a unit can change its output in a minute, as a share of its capacity -- constant.
    pub ramp_share_per_minute: f64,
    /// Whether operators shed load for what re-dispatch cannot relieve, AI load first where it is interruptible -- constant.
    pub shed_to_relieve: bool,
    /// When the story ends \[s\] -- constant.
    pub horizon_s: f64,
    /// Balance of islands -- constant.
    pub frequency: Frequency,
}

impl Default for RatedRules {
    /// 20 min, 5 min and none for the three ratings (the times that MATPOWER's long-term, short-term and emergency ratings stand for
    /// in most control areas), at 10 % overload; operators every 5 min; 2 % of capacity per minute; four hours.
    fn default() -> Self {
        Self {
            delay_s: [1200.0, 300.0, 0.0],
            reference_overload: 0.1,
            redispatch_s: 300.0,
            ramp_share_per_minute: 0.02,
            shed_to_relieve: true,
            horizon_s: 4.0 * 3600.0,
            frequency: Frequency::default(),
        }
    }
}

/// A case prepared for cascades with time ("rated-1").
///
/// It starts from the dispatch of the file. A branch beyond a rating heats up: its relay gains `overload / (reference · delay)` a second
/// in each class, and trips it at 1; below the rating the relay starts anew (the integrating relays of Eppstein & Hines 2012). Ratings
/// are no less than 1.05 of the flow at the start. In between, operators shift generation, within ramps, from units that load the worst
/// branches to those that relieve them, and shed load where that is not enough. Islands balance by [`Frequency`].
#[derive(Debug)]
pub struct RatedCascade {
    pub(super) base: Arc<Base>,
    rules: RatedRules,
    /// By branch: 1 / rating of the classes, 0 when unlimited.
    inverse: Vec<[f64; 3]>,
    load_mw: f64,
}

/// The memory of one thread.
#[derive(Clone, Debug)]
pub struct RatedScratch {
    state: State,
    heat: Vec<[f64; 3]>,
    trips: Vec<u32>,
    before: Vec<f64>,
    relief: Relief,
}

impl RatedScratch {
    /// The network at the end of the last run.
    #[must_use]
    pub fn end(&self) -> CascadeEnd<'_> {
        CascadeEnd(&self.state)
    }
}

/// Memory of the operators.
#[derive(Clone, Debug, Default)]
struct Relief {
    sensitivity: Vec<f64>,
    /// By unit: what it may still move, up and down \[MW\].
    room: Vec<f64>,
    /// (sensitivity, unit), most loading first.
    units: Vec<(f64, u32)>,
    /// (sensitivity, place), most relieving first.
    loads: Vec<(f64, u32)>,
    overloaded: Vec<(f64, u32)>,
}

/// An action must relieve the branch by this share of what it moves.
const EFFECTIVE: f64 = 0.02;
/// Branches that operators work on at a time.
const WORST: usize = 8;

impl RatedCascade {
    /// Prepares a case; `ai_mw` is the part of each bus's demand that is AI load, or empty.
    ///
    /// # Errors
    /// [`Singular`] where negative reactances leave no flow defined at the start.
    pub fn new(case: &Case, convention: Convention, rules: RatedRules, ai_mw: &[f64]) -> Result<Self, Singular> {
        let base = Arc::new(Base::new(case, convention, Start::File, ai_mw)?);
        let mut state = State::new(&base);
        state.solve();
        let inverse = case.branches.iter().zip(&state.flow).map(|(branch, flow)| {
            [branch.rate_a_mw, branch.rate_b_mw, branch.rate_c_mw].map(|rate| {
                let rate = rate.filter(|rate| *rate > 0.0).unwrap_or(f64::INFINITY);
                1.0 / rate.max(1.05 * flow.abs())
            })
        });
        Ok(Self { inverse: inverse.collect(), rules, load_mw: base.load.iter().sum(), base })
    }

    /// Memory for one thread.
    #[must_use]
    pub fn scratch(&self) -> RatedScratch {
        let (buses, branches) = (self.base.network.buses, self.base.network.ends.len());
        RatedScratch {
            state: State::new(&self.base),
            heat: vec![[0.0; 3]; branches],
            trips: Vec::with_capacity(branches),
            before: vec![0.0; buses],
            relief: Relief { sensitivity: vec![0.0; buses], ..Relief::default() },
        }
    }

    /// Follows the outage of branches and units, both by their row in the case.
    pub fn run(&self, scratch: &mut RatedScratch, branches: &[u32], units: &[u32], outcome: &mut Outcome) {
        let RatedScratch { state, heat, trips, before, relief } = scratch;
        let rules = &self.rules;
        outcome.clear();
        outcome.load_mw = self.load_mw;
        state.reset();
        before.copy_from_slice(&state.load);
        heat.fill([0.0; 3]);
        state.take_units(units);
        state.take_branches(branches);
        // Operators who act all the time, or at no number, do not act.
        let between = if rules.redispatch_s > 0.0 { rules.redispatch_s } else { f64::INFINITY };
        let (mut now, mut next_action) = (0.0, between);
        let mut first = true;
        loop {
            state.balance_by_frequency(&rules.frequency);
            state.solve();
            let mut margin = f64::INFINITY;
            let mut next_trip = f64::INFINITY;
            for ((flow, inverse), heat) in state.flow.iter().zip(&self.inverse).zip(heat.iter_mut()) {
                for class in 0..3 {
                    let loading = flow.abs() * inverse[class];
                    margin = margin.min((loading - 1.0).abs());
                    if loading > TOLERANCE {
                        next_trip = next_trip.min((1.0 - heat[class]) * rules.time_at(class, loading));
                    } else {
                        heat[class] = 0.0;
                    }
                }
            }
            outcome.min_rel_margin = outcome.min_rel_margin.min(margin);
            if first || !trips.is_empty() {
                outcome.note(now, state, before);
                first = false;
            }
            trips.clear();
            // The time that passes is computed first, not the time of the event: rounding must not keep a relay from its trip.
            let elapsed = next_trip.max(0.0).min(next_action - now);
            // Without an overload nothing trips, and operators have nothing to do.
            if next_trip == f64::INFINITY || now + elapsed > rules.horizon_s {
                break;
            }
            let acting = elapsed == next_action - now;
            now = if acting { next_action } else { now + elapsed };
            for (row, (heat, inverse)) in heat.iter_mut().zip(&self.inverse).enumerate() {
                let flow = state.flow[row].abs();
                let mut hot = false;
                for class in 0..3 {
                    let loading = flow * inverse[class];
                    if loading > TOLERANCE {
                        let time = rules.time_at(class, loading);
                        heat[class] = if time > 0.0 { heat[class] + elapsed / time } else { 1.0 };
                        hot |= heat[class] >= 1.0 - 1e-9;
                    }
                }
                if hot {
                    trips.push(row as u32);
                }
            }
            if !trips.is_empty() {
                outcome.rounds += 1;
                outcome.trips += trips.len() as u32;
                outcome.tripped.extend_from_slice(trips);
                state.take_branches(trips);
            }
            if acting {
                next_action += between;
                if trips.is_empty() && self.relieve(state, relief) {
                    state.inject();
                    outcome.note(now, state, before);
                }
            }
        }
        outcome.islands = state.islands;
        outcome.sound = state.sound;
        outcome.shed_mw = state.shed_mw();
        outcome.ai_shed_mw = state.ai_shed_mw();
    }

    /// One action of the operators, on the worst overloads of the long-term rating in turn. True if anything moved.
    fn relieve(&self, state: &mut State, relief: &mut Relief) -> bool {
        let rules = &self.rules;
        let ramp = rules.ramp_share_per_minute * rules.redispatch_s / 60.0;
        relief.room.clear();
        relief.room.extend(state.capacity.iter().map(|capacity| capacity * ramp));
        relief.overloaded.clear();
        for (row, (flow, inverse)) in state.flow.iter().zip(&self.inverse).enumerate() {
            let loading = flow.abs() * inverse[0];
            if loading > TOLERANCE {
                relief.overloaded.push((loading, row as u32));
            }
        }
        relief.overloaded.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        relief.overloaded.truncate(WORST);
        let mut moved = false;
        for index in 0..relief.overloaded.len() {
            let row = relief.overloaded[index].1 as usize;
            // The actions for earlier branches have changed this one, too.
            let flow = state.flow[row];
            let mut excess = flow.abs() - 1.0 / self.inverse[row][0];
            if excess <= 0.0 {
                continue;
            }
            state.sensitivity(row, flow.signum(), &mut relief.sensitivity);
            let island = state.island[self.base.factor.pattern().ends[row].0 as usize];
            relief.units.clear();
            for (unit, place) in self.base.units.iter().map(|unit| unit.place as usize).enumerate() {
                if state.island[place] == island {
                    relief.units.push((relief.sensitivity[place], unit as u32));
                }
            }
            relief.units.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            let before = excess;
            shift(&relief.units, &mut relief.room, state, &mut excess);
            if rules.shed_to_relieve && excess > 0.0 {
                relief.loads.clear();
                for (place, &of) in state.island.iter().enumerate() {
                    if of == island && state.load[place] > 0.0 {
                        relief.loads.push((relief.sensitivity[place], place as u32));
                    }
                }
                relief.loads.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                for ai_only in [true, false] {
                    if !ai_only || rules.frequency.ai_interruptible {
                        cut(&relief.units, &relief.loads, ai_only, state, &mut excess);
                    }
                }
            }
            if excess < before {
                moved = true;
                state.inject();
                state.solve();
            }
        }
        moved
    }
}

impl RatedRules {
    /// Time to trip of a cold relay at a loading beyond 1 \[s\].
    fn time_at(&self, class: usize, loading: f64) -> f64 {
        self.delay_s[class] * self.reference_overload / (loading - 1.0)
    }
}

/// Moves output from units that load a branch to units that relieve it, the most effective pair first.
fn shift(units: &[(f64, u32)], room: &mut [f64], state: &mut State, excess: &mut f64) {
    let (mut high, mut low) = (0, units.len());
    while high + 1 < low && *excess > 0.0 {
        let ((s_high, down), (s_low, up)) = (units[high], units[low - 1]);
        let effect = s_high - s_low;
        if effect < EFFECTIVE {
            break;
        }
        let (down, up) = (down as usize, up as usize);
        let most_down = room[down].min(state.output[down]);
        let most_up = room[up].min(state.capacity[up] - state.output[up]);
        let step = most_down.min(most_up).min(*excess / effect).max(0.0);
        state.output[down] -= step;
        state.output[up] += step;
        room[down] -= step;
        room[up] -= step;
        *excess -= step * effect;
        // The one that is spent makes way; the last step spends none, and ends the loop by its excess.
        if most_down <= most_up {
            high += 1;
        } else {
            low -= 1;
        }
    }
}

/// Sheds load that relieves a branch together with output that loads it, the most effective pair first; ramps do not bind a unit that
/// loses its load.
fn cut(units: &[(f64, u32)], loads: &[(f64, u32)], ai_only: bool, state: &mut State, excess: &mut f64) {
    let (mut unit, mut load) = (0, 0);
    while unit < units.len() && load < loads.len() && *excess > 0.0 {
        let ((s_unit, down), (s_load, place)) = (units[unit], loads[load]);
        let effect = s_unit - s_load;
        if effect < EFFECTIVE {
            break;
        }
        let (down, place) = (down as usize, place as usize);
        let most_cut = if ai_only { state.ai[place] } else { state.load[place] };
        let most_down = state.output[down];
        let step = most_down.min(most_cut).min(*excess / effect).max(0.0);
        state.output[down] -= step;
        state.load[place] = (state.load[place] - step).max(0.0);
        state.ai[place] = if ai_only { (state.ai[place] - step).max(0.0) } else { state.ai[place].min(state.load[place]) };
        *excess -= step * effect;
        if most_down <= most_cut {
            unit += 1;
        } else {
            load += 1;
        }
    }
}
