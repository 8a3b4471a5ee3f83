//! Capacity outage probability table: the law of the available capacity of many independent units.
//!
//! Recursive convolution (Billinton & Allan 1996, sections 2.2 to 2.4). A table is a lattice of capacities when all are
//! multiples of a common step, down to 1 kW; else the list of all states, when they are few; else a lattice to which
//! capacities are rounded, in a direction that the caller chooses.

use super::{AdequacyError, law::STATES, law::UnitLaw};

/// A load that exceeds the capacity by less is served \[MW\]: one watt, far above the rounding of sums of loads.
pub(super) const TOLERANCE_MW: f64 = 1e-6;
/// Capacities closer than this are the same state \[MW\].
const SAME_MW: f64 = 1e-9;
/// Most states of a list.
const MOST_LISTED: usize = 4096;
/// Most states that are listed on the way to a sum.
const MOST_LISTING: usize = 1 << 26;
/// Most steps of work (multiplications) of one table.
const MOST_WORK: f64 = 1e10;

/// What is done with capacities that do not fall on the lattice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rounding {
    /// Shared between both neighbours so that the mean stays.
    KeepMean,
    /// Down: risks are no less than the true ones.
    Down,
    /// Up: risks are no more than the true ones.
    Up,
}

/// A capacity with its long-run probability and the net frequency of arrival in it from above \[1/h\].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct State {
    pub mw: f64,
    pub probability: f64,
    pub flow: f64,
}

/// The capacity of nothing.
pub(super) const NOTHING: State = State { mw: 0.0, probability: 1.0, flow: 0.0 };

/// Identical units at a moment: the capacity of one and its law.
#[derive(Clone, Copy, Debug)]
pub(super) struct Class<'a> {
    pub mw: f64,
    pub count: u32,
    pub law: &'a UnitLaw,
}

impl Class<'_> {
    /// Possible states of one unit, least capacity first.
    pub fn states(&self) -> impl Iterator<Item = State> + use<> {
        let (mw, law, flow) = (self.mw, *self.law, self.law.flow());
        (0..STATES).filter(move |&s| law.probability[s] > 0.0).map(move |s| State {
            mw: mw * law.share[s],
            probability: law.probability[s],
            flow: flow[s],
        })
    }
}

/// The states of a sum of independent capacities; equal capacities are merged. `None` past `most` states, or past the work
/// of listing them one unit at a time.
pub(super) fn sum(list: &[State], class: &Class, most: usize) -> Option<Vec<State>> {
    let one: Vec<State> = class.states().collect();
    let mut list = list.to_vec();
    let mut work = 0;
    for _ in 0..class.count {
        let mut next = Vec::with_capacity(list.len() * one.len());
        for b in &one {
            next.extend(list.iter().map(|a| State {
                mw: a.mw + b.mw,
                probability: a.probability * b.probability,
                flow: a.probability * b.flow + a.flow * b.probability,
            }));
        }
        // Sorted runs, which a stable sort merges in linear time.
        next.sort_by(|a, b| a.mw.total_cmp(&b.mw));
        next.dedup_by(|b, a| {
            let same = b.mw - a.mw <= SAME_MW;
            if same {
                a.probability += b.probability;
                a.flow += b.flow;
            }
            same
        });
        work += next.len();
        if next.len() > most || work > MOST_LISTING {
            return None;
        }
        list = next;
    }
    Some(list)
}

/// Moves sorted states to the multiples of `step`.
pub(super) fn round(list: &[State], step: f64, rounding: Rounding) -> Vec<State> {
    let mut out: Vec<State> = Vec::with_capacity(list.len() + 1);
    let mut add = |k: f64, share: f64, state: &State| {
        if share == 0.0 {
            return;
        }
        let (mw, probability, flow) = (k * step, share * state.probability, share * state.flow);
        // A shared state reaches one neighbour ahead, so the same capacity is among the last two.
        match out.iter_mut().rev().take(2).find(|last| last.mw == mw) {
            Some(last) => {
                last.probability += probability;
                last.flow += flow;
            }
            None => out.push(State { mw, probability, flow }),
        }
    };
    for state in list {
        let x = state.mw / step;
        let near = x.round();
        if (x - near).abs() * step <= SAME_MW {
            add(near, 1.0, state);
        } else {
            match rounding {
                Rounding::Down => add(x.floor(), 1.0, state),
                Rounding::Up => add(x.ceil(), 1.0, state),
                Rounding::KeepMean => {
                    add(x.floor(), 1.0 - (x - x.floor()), state);
                    add(x.floor() + 1.0, x - x.floor(), state);
                }
            }
        }
    }
    out
}

/// Probabilities and flows of all capacities of a set of units.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Density {
    /// Distance of the capacities \[MW\]; 0 for a list.
    pub step: f64,
    /// Capacities of a list, rising; empty for a lattice \[MW\].
    pub mw: Vec<f64>,
    /// Probability of each capacity.
    pub probability: Vec<f64>,
    /// Net frequency of arrival from above; empty without frequencies \[1/h\].
    pub flow: Vec<f64>,
    /// Whether no capacity was rounded.
    pub exact: bool,
}

impl Density {
    /// The density of the sum of all units.
    pub fn of(classes: &[Class], with_flow: bool, rounding: Rounding, most_cells: usize) -> Result<Self, AdequacyError> {
        // Small units first: the table stays short for long.
        let mut classes: Vec<Class> = classes.iter().copied().filter(|class| class.mw > 0.0).collect();
        classes.sort_by(|a, b| a.mw.total_cmp(&b.mw));
        let total: f64 = classes.iter().map(|class| class.mw * f64::from(class.count)).sum();
        let count: f64 = classes.iter().map(|class| f64::from(class.count)).sum();

        if let Some(step) = common_step(classes.iter().flat_map(Class::states).map(|state| state.mw))
            && total / step < most_cells as f64
        {
            within(count * total / step)?;
            let mut density = Self::lattice(step, with_flow);
            let mut scratch = [Vec::new(), Vec::new()];
            for class in &classes {
                let states: Vec<State> = class.states().collect();
                for _ in 0..class.count {
                    density.add(&states, &mut scratch);
                }
            }
            return Ok(Self { exact: true, ..density });
        }

        within(count * MOST_LISTED as f64)?;
        let listed = classes.iter().try_fold(vec![NOTHING], |list, class| sum(&list, class, MOST_LISTED));
        if let Some(list) = listed {
            return Ok(Self {
                step: 0.0,
                mw: list.iter().map(|state| state.mw).collect(),
                probability: list.iter().map(|state| state.probability).collect(),
                flow: if with_flow { list.iter().map(|state| state.flow).collect() } else { Vec::new() },
                exact: true,
            });
        }

        // A class is summed before it is rounded: one rounding for all its units.
        let step = total / most_cells as f64;
        let mut density = Self::lattice(step, with_flow);
        let mut scratch = [Vec::new(), Vec::new()];
        for class in &classes {
            let limit = most_cells;
            let states = sum(&[NOTHING], class, limit).ok_or(AdequacyError::TooLarge {
                what: "a class of units",
                needed: f64::from(class.count),
                limit: limit as f64,
            })?;
            let states = round(&states, step, rounding);
            within((density.probability.len() * states.len()) as f64)?;
            density.add(&states, &mut scratch);
        }
        Ok(density)
    }

    fn lattice(step: f64, with_flow: bool) -> Self {
        let flow = if with_flow { vec![0.0] } else { Vec::new() };
        Self { step, mw: Vec::new(), probability: vec![1.0], flow, exact: false }
    }

    /// Adds an independent capacity to a lattice.
    fn add(&mut self, states: &[State], scratch: &mut [Vec<f64>; 2]) {
        let shift = |state: &State| (state.mw / self.step).round() as usize;
        let (old, most) = (self.probability.len(), states.iter().map(shift).max().unwrap_or(0));
        let [probability, flow] = scratch;
        for buffer in [&mut *probability, &mut *flow] {
            buffer.clear();
            buffer.resize(old + most, 0.0);
        }
        for state in states {
            let k = shift(state);
            if self.flow.is_empty() {
                for (to, p) in probability[k..k + old].iter_mut().zip(&self.probability) {
                    *to += state.probability * p;
                }
            } else {
                let to = probability[k..k + old].iter_mut().zip(&mut flow[k..k + old]);
                for ((to_p, to_d), (p, d)) in to.zip(self.probability.iter().zip(&self.flow)) {
                    *to_p += state.probability * p;
                    *to_d += state.probability * d + state.flow * p;
                }
            }
        }
        std::mem::swap(&mut self.probability, probability);
        if !self.flow.is_empty() {
            std::mem::swap(&mut self.flow, flow);
        }
    }

    /// Capacity of a state \[MW\].
    pub fn capacity_mw(&self, state: usize) -> f64 {
        if self.step > 0.0 { state as f64 * self.step } else { self.mw[state] }
    }
}

fn within(needed: f64) -> Result<(), AdequacyError> {
    let (what, limit) = ("a capacity outage probability table", MOST_WORK);
    if needed > limit { Err(AdequacyError::TooLarge { what, needed, limit }) } else { Ok(()) }
}

/// The greatest step, a whole number of kilowatts, of which all capacities are multiples.
pub(super) fn common_step(capacities_mw: impl Iterator<Item = f64>) -> Option<f64> {
    let mut step = 0_u64;
    for mw in capacities_mw.filter(|&mw| mw > 0.0) {
        let kw = mw * 1000.0;
        if kw > 1e12 || kw.round() < 1.0 || (kw - kw.round()).abs() > SAME_MW * 1000.0 {
            return None;
        }
        let (mut a, mut b) = (kw.round() as u64, step);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        step = a;
    }
    Some(if step == 0 { 1.0 } else { step as f64 / 1000.0 })
}

/// What a level of load meets.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Risk {
    /// Probability that the available capacity is less.
    pub short: f64,
    /// Expected power not served \[MW\].
    pub unserved_mw: f64,
    /// Frequency of falling below it \[1/h\].
    pub falls: f64,
}

/// A density, summed up for fast reading.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Table {
    step: f64,
    steps_per_mw: f64,
    mw: Vec<f64>,
    /// Position k: the risk of a level at the state k - 1, with that state among those below.
    cells: Vec<Risk>,
}

impl Table {
    pub fn of(density: Density) -> Self {
        let states = density.probability.len();
        let mut cells = Vec::with_capacity(states + 1);
        let mut risk = Risk::default();
        cells.push(risk);
        let mut below_mw = 0.0;
        for state in 0..states {
            let mw = density.capacity_mw(state);
            risk.unserved_mw += risk.short * (mw - below_mw);
            risk.short += density.probability[state];
            risk.falls += density.flow.get(state).copied().unwrap_or(0.0);
            below_mw = mw;
            cells.push(risk);
        }
        let steps_per_mw = if density.step > 0.0 { density.step.recip() } else { 0.0 };
        Self { step: density.step, steps_per_mw, mw: density.mw, cells }
    }

    /// Number of states below a level.
    #[inline]
    fn position(&self, level_mw: f64) -> usize {
        let level_mw = level_mw - TOLERANCE_MW;
        if self.step > 0.0 {
            // Casts saturate: a negative level has no state below it.
            let x = level_mw * self.steps_per_mw;
            let whole = x as usize;
            (whole + usize::from(whole as f64 != x && x > 0.0)).min(self.cells.len() - 1)
        } else {
            self.mw.partition_point(|&mw| mw < level_mw)
        }
    }

    /// The risk of a level \[MW\].
    #[inline]
    pub fn at(&self, level_mw: f64) -> Risk {
        let position = self.position(level_mw);
        if position == 0 {
            return Risk::default();
        }
        let below_mw = if self.step > 0.0 { (position - 1) as f64 * self.step } else { self.mw[position - 1] };
        let cell = self.cells[position];
        Risk { unserved_mw: cell.unserved_mw + cell.short * (level_mw - below_mw), ..cell }
    }

    /// The highest capacity \[MW\].
    pub fn most_mw(&self) -> f64 {
        self.mw.last().copied().unwrap_or((self.cells.len() - 2) as f64 * self.step)
    }
}
