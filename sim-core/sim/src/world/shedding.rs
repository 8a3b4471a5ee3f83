//! Who goes without power at a bus that has too little, and for how long at a stretch.
//!
//! A load consists of equal feeders. The dispatcher sheds by value; under rolling shedding the same power is cut, but the feeders of all loads of
//! the bus take turns: those next in the ring go off until what is missing is cut, the last of them in part, and after a block it is the
//! turn of the ones behind them. Sites are cut by their value as before. While protection or a blackout decides, nobody takes turns.

use bastide_model::model::Shedding;
use bastide_units::{Duration, Time};

use super::{CLASS_RETURN, Event, World};
use crate::setup::Setup;

/// Less than this is rounding \[MW\].
const TINY_MW: f64 = 1e-6;

pub(crate) struct Turns {
    /// First feeder of each load among all; the last entry is their number.
    first: Vec<usize>,
    /// Feeders of each bus in the order of their turns: load and feeder.
    rings: Vec<Vec<(usize, usize)>>,
    /// Where the turn of a bus begins, and where the next one will.
    next: Vec<(usize, usize)>,
    /// Whether the end of a turn is scheduled.
    pending: Vec<bool>,
    /// Since when feeders are cut; [`Time::NEVER`] where they are not.
    since: Vec<Time>,
    cut: Vec<bool>,
    any: bool,
    /// Longest single cut at each bus \[s\].
    pub longest_s: Vec<f64>,
}

impl Turns {
    pub(super) fn new(setup: &Setup) -> Self {
        let model = setup.model;
        let mut first = vec![0];
        for load in &model.loads {
            first.push(first[first.len() - 1] + load.cut.feeders.max(1) as usize);
        }
        let mut rings = vec![Vec::new(); model.buses.len()];
        let most = model.loads.iter().map(|load| load.cut.feeders.max(1)).max().unwrap_or(0) as usize;
        for feeder in 0..most {
            for (at, load) in model.loads.iter().enumerate() {
                if feeder < load.cut.feeders.max(1) as usize {
                    rings[load.bus.index()].push((at, feeder));
                }
            }
        }
        let feeders = first[model.loads.len()];
        Self {
            first,
            rings,
            next: vec![(0, 0); model.buses.len()],
            pending: vec![false; model.buses.len()],
            since: vec![Time::NEVER; feeders],
            cut: vec![false; feeders],
            any: false,
            longest_s: vec![0.0; model.buses.len()],
        }
    }
}

impl World<'_> {
    /// Shares out what the dispatch sheds, and notes which feeders are cut.
    pub(super) fn share_shedding(&mut self) {
        let model = self.setup.model;
        let shed = self.grid.out.shed_mw[..model.loads.len()].iter().any(|mw| *mw > TINY_MW);
        if !shed && !self.turns.any {
            return;
        }
        let turns = &mut self.turns;
        turns.cut.fill(false);
        for (at, load) in model.loads.iter().enumerate() {
            let (demand, shed) = (self.grid.demand[at], self.grid.out.shed_mw[at]);
            let feeders = load.cut.feeders.max(1) as usize;
            if shed > TINY_MW {
                // Rounding cuts no further feeder.
                let lit = ((demand - shed) / demand * feeders as f64 + 1e-9).floor().max(0.0) as usize;
                turns.cut[turns.first[at] + lit.min(feeders - 1)..turns.first[at + 1]].fill(true);
            }
        }
        if model.policy.grid.shedding == Shedding::Rolling && !self.blackouts.cuts() {
            for bus in 0..model.buses.len() {
                if !self.blackouts.is_dark(bus) {
                    self.take_turns(bus);
                }
            }
        }
        self.note_cuts();
    }

    fn take_turns(&mut self, bus: usize) {
        let model = self.setup.model;
        let turns = &mut self.turns;
        let (demand, shed) = (&self.grid.demand, &mut self.grid.out.shed_mw);
        let ring = &turns.rings[bus];
        let mut missing = 0.0;
        for &(load, feeder) in ring {
            // Each load once.
            missing += if feeder == 0 { shed[load] } else { 0.0 };
        }
        if missing <= TINY_MW {
            return;
        }
        for &(load, feeder) in ring {
            turns.cut[turns.first[load] + feeder] = false;
            shed[load] = 0.0;
        }
        let start = turns.next[bus].0;
        for step in 0..ring.len() {
            let at = (start + step) % ring.len();
            let (load, feeder) = ring[at];
            let power = demand[load] / f64::from(model.loads[load].cut.feeders.max(1));
            let cut = power.min(missing);
            shed[load] += cut;
            turns.cut[turns.first[load] + feeder] = cut > 0.0;
            missing -= cut;
            turns.next[bus].1 = (at + 1) % ring.len();
            if missing <= TINY_MW {
                // What is left is rounding; it stays with this load, so that nothing is lost.
                shed[load] += missing;
                break;
            }
        }
        if !turns.pending[bus] {
            turns.pending[bus] = true;
            let over = self.now + model.policy.grid.shedding_block;
            self.queue.schedule(over, CLASS_RETURN, Event::TurnOver { bus: bus as u32 });
        }
    }

    pub(super) fn on_turn_over(&mut self, bus: usize) {
        let turns = &mut self.turns;
        turns.pending[bus] = false;
        turns.next[bus].0 = turns.next[bus].1;
        self.dirty.grid = true;
    }

    /// Begins and ends cuts of feeders.
    fn note_cuts(&mut self) {
        let now = self.now;
        let turns = &mut self.turns;
        turns.any = false;
        for (load, place) in self.setup.model.loads.iter().enumerate() {
            for feeder in turns.first[load]..turns.first[load + 1] {
                if turns.cut[feeder] {
                    turns.any = true;
                    if turns.since[feeder] == Time::NEVER {
                        turns.since[feeder] = now;
                    }
                } else if turns.since[feeder] != Time::NEVER {
                    let lasted: Duration = now.since(turns.since[feeder]);
                    turns.since[feeder] = Time::NEVER;
                    let longest = &mut turns.longest_s[place.bus.index()];
                    *longest = longest.max(lasted.as_s());
                }
            }
        }
    }

    /// Ends all cuts with the history.
    pub(super) fn finish_shedding(&mut self) {
        self.turns.cut.fill(false);
        self.note_cuts();
    }
}
