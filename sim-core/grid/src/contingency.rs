//! What the loss of one or two branches or units does to the flows of a case.
//!
//! Flows after the outage of a branch follow from its line outage distribution factors (Sauer 1981): eight outages are solved for at a
//! time, and every monitored branch is looked at once; the matrix of factors is never stored. Outages that split an island have no such
//! factors: both sides are then balanced as [`crate::Cascade`] does, and solved anew. Pairs: see [`Contingency::pairs`].

mod pairs;
mod scan;

use std::sync::Arc;

use bastide_engine::Pool;
use rayon::prelude::*;

use crate::cascade::{Base, Start, State, TOLERANCE};
use crate::case::Case;
use crate::factor::Singular;
use crate::flow::Convention;
use crate::topology::bridges;
pub use pairs::{PairOutage, PairScreening};
use scan::{Found, LANES, Scan};

/// Below this share of a transfer that other paths take, the outage is solved anew: its factors would be rounding noise.
const DELICATE: f64 = 1e-7;

/// A case prepared for contingency screening: the dispatch of the file, and long-term ratings (none or 0: unlimited).
///
/// An overload is |flow| > rating · (1 + 1e-6).
#[derive(Debug)]
pub struct Contingency {
    base: Arc<Base>,
    flow_mw: Vec<f64>,
    limit_mw: Vec<f64>,
    /// 1 / limit, 0 when unlimited.
    inverse: Vec<f64>,
    bridge: Vec<bool>,
}

/// What goes out of service, by its row in the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    /// A line or transformer.
    Branch(u32),
    /// A generating unit.
    Unit(u32),
}

/// Who makes up for a lost unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PickUp {
    /// The other units of its island in proportion to their headroom (capacity − output); loads are cut in proportion when that is not
    /// enough.
    #[default]
    Headroom,
    /// The slack bus of its island, whatever the capacity there: MATPOWER's `rundcpf` with the unit out.
    Slack,
}

/// What to do with outages that split an island.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Splits {
    /// Balance and solve the islands: every outage has numbers.
    #[default]
    Solve,
    /// Say so and no more.
    List,
}

/// What one outage does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outage {
    /// What goes out -- input.
    pub element: Element,
    /// Whether it splits an island -- output.
    pub islanding: bool,
    /// Whether the flows after it are known; the numbers below are 0 otherwise -- output.
    pub solved: bool,
    /// Branches beyond their rating -- output.
    pub overloads: u32,
    /// Largest |flow| / rating -- output.
    pub worst_loading: f64,
    /// The branch of that loading; the first within 1e-9 of it -- output. None when no branch in service has a rating.
    pub worst_row: Option<u32>,
    /// Largest |flow| of a branch \[MW\] -- output.
    pub max_abs_flow_mw: f64,
    /// Load cut off in islands that cannot serve it \[MW\] -- output.
    pub shed_mw: f64,
    /// The AI load among it \[MW\] -- output.
    pub ai_shed_mw: f64,
}

/// A branch beyond its rating after an outage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Overload {
    /// Position in [`Screening::outages`] -- output.
    pub outage: u32,
    /// Row of the overloaded branch -- output.
    pub row: u32,
    /// Its flow \[MW\] -- output.
    pub flow_mw: f64,
}

/// The answer of a screening.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Screening {
    /// Every element in service, in row order -- output.
    pub outages: Vec<Outage>,
    /// Every overload, in the order of the outages -- output.
    pub overloads: Vec<Overload>,
}

impl Screening {
    /// Positions of the outages, the worst loading first; ties in row order.
    #[must_use]
    pub fn ranked_by_overload(&self) -> Vec<u32> {
        self.ranked(|outage| (outage.worst_loading, f64::from(outage.overloads)))
    }

    /// Positions of the outages, the most AI load lost first, then the most load, then the worst loading.
    #[must_use]
    pub fn ranked_by_ai_load_lost(&self) -> Vec<u32> {
        let mut ranked = self.ranked_by_overload();
        let key = |place: u32| (self.outages[place as usize].ai_shed_mw, self.outages[place as usize].shed_mw);
        ranked.sort_by(|&a, &b| descending(key(a), key(b)));
        ranked
    }

    fn ranked(&self, key: impl Fn(&Outage) -> (f64, f64)) -> Vec<u32> {
        let mut ranked: Vec<u32> = (0..self.outages.len() as u32).collect();
        ranked.sort_by(|&a, &b| descending(key(&self.outages[a as usize]), key(&self.outages[b as usize])));
        ranked
    }
}

fn descending(a: (f64, f64), b: (f64, f64)) -> std::cmp::Ordering {
    b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1))
}

/// The memory of one thread for [`Contingency::outage`].
#[derive(Clone, Debug)]
pub struct OutageScratch(State);

impl Contingency {
    /// Prepares a case; `ai_mw` is the part of each bus's demand that is AI load, or empty.
    ///
    /// # Errors
    /// [`Singular`] where negative reactances leave no flow defined.
    pub fn new(case: &Case, convention: Convention, ai_mw: &[f64]) -> Result<Self, Singular> {
        let base = Arc::new(Base::new(case, convention, Start::File, ai_mw)?);
        let mut state = State::new(&base);
        state.solve();
        let limit_mw: Vec<f64> =
            case.branches.iter().map(|branch| branch.rate_a_mw.filter(|rate| *rate > 0.0).unwrap_or(f64::INFINITY)).collect();
        Ok(Self {
            flow_mw: state.flow,
            inverse: limit_mw.iter().map(|limit| 1.0 / limit).collect(),
            limit_mw,
            bridge: bridges(&base.network),
            base,
        })
    }

    /// Flow of each branch before any outage \[MW\].
    #[must_use]
    pub fn base_flow_mw(&self) -> &[f64] {
        &self.flow_mw
    }

    /// Rating of each branch; infinite where there is none \[MW\].
    #[must_use]
    pub fn limit_mw(&self) -> &[f64] {
        &self.limit_mw
    }

    /// Whether the outage of each branch splits an island.
    #[must_use]
    pub fn bridges(&self) -> &[bool] {
        &self.bridge
    }

    /// Memory for one thread.
    #[must_use]
    pub fn scratch(&self) -> OutageScratch {
        OutageScratch(State::new(&self.base))
    }

    /// The outage of any set of branches and units, both by row: the outage (its element the first of them) and the overloads.
    /// Every set has an answer.
    pub fn outage(&self, scratch: &mut OutageScratch, branches: &[u32], units: &[u32]) -> (Outage, Vec<Overload>) {
        let first = branches.first().map(|&row| Element::Branch(row)).or(units.first().map(|&row| Element::Unit(row)));
        let mut overloads = Vec::new();
        let outage = self.solve(&mut scratch.0, first.unwrap_or(Element::Branch(u32::MAX)), branches, units, |row, flow_mw| {
            overloads.push(Overload { outage: 0, row, flow_mw });
        });
        (outage, overloads)
    }

    /// The outage of every branch in service. The result does not depend on the pool.
    #[must_use]
    pub fn branches(&self, pool: &Pool, splits: Splits) -> Screening {
        let in_service = |row: &u32| self.base.network.susceptance_mw[*row as usize] != 0.0;
        let rows: Vec<u32> = (0..self.flow_mw.len() as u32).filter(in_service).collect();
        // One answer per outage in row order; bridges are no part of the blocks.
        let meshed: Vec<u32> = rows.iter().copied().filter(|&row| !self.bridge[row as usize]).collect();
        let split: Vec<u32> = rows.iter().copied().filter(|&row| self.bridge[row as usize]).collect();
        let (blocks, bridges): (Vec<_>, Vec<_>) = pool.install(|| {
            let blocks = meshed
                .par_chunks(LANES)
                .with_min_len(grain(pool))
                .map_init(|| (Scan::new(self), None), |(scan, state), rows| self.block(scan, state, rows));
            let blocks = blocks.collect();
            let solve = |state: &mut State, row: u32| {
                let mut overloads = Vec::new();
                let outage = self.solve(state, Element::Branch(row), &[row], &[], |row, flow| overloads.push((row, flow)));
                (outage, overloads)
            };
            let bridges = match splits {
                Splits::Solve => split
                    .par_iter()
                    .with_min_len(grain(pool))
                    .map_init(|| State::new(&self.base), |state, &row| solve(state, row))
                    .collect(),
                Splits::List => split
                    .iter()
                    .map(|&row| {
                        (Outage { islanding: true, solved: false, ..Outage::new(Element::Branch(row), &Found::default()) }, Vec::new())
                    })
                    .collect(),
            };
            (blocks, bridges)
        });
        let mut meshed = blocks.into_iter().flat_map(|block: Vec<(Outage, Vec<(u32, f64)>)>| block);
        let mut bridges = bridges.into_iter();
        let answers = rows.iter().filter_map(|&row| if self.bridge[row as usize] { bridges.next() } else { meshed.next() });
        collect(answers)
    }

    /// The outage of every unit in service. The result does not depend on the pool.
    #[must_use]
    pub fn units(&self, pool: &Pool, pick_up: PickUp) -> Screening {
        let answers: Vec<_> = pool.install(|| {
            let answer = |state: &mut State, unit: &crate::cascade::Unit| {
                let element = Element::Unit(unit.row);
                let mut overloads = Vec::new();
                let note = |row, flow| overloads.push((row, flow));
                let outage = match pick_up {
                    PickUp::Headroom => self.solve(state, element, &[], &[unit.row], note),
                    PickUp::Slack => {
                        state.reset();
                        state.shift_to_slack(unit);
                        state.solve();
                        self.found(state, element, note)
                    }
                };
                (outage, overloads)
            };
            self.base.units.par_iter().with_min_len(grain(pool)).map_init(|| State::new(&self.base), answer).collect()
        });
        collect(answers.into_iter())
    }

    /// Outages of up to eight branches that are no bridges.
    fn block(&self, scan: &mut Scan, state: &mut Option<State>, rows: &[u32]) -> Vec<(Outage, Vec<(u32, f64)>)> {
        let other = scan.factors(self, rows);
        let scale = std::array::from_fn(|lane| rows.get(lane).map_or(0.0, |&row| self.flow_mw[row as usize]));
        let mut overloads: [Vec<(u32, f64)>; LANES] = Default::default();
        let found = scan.scan(self, &self.flow_mw, scale, rows, |lane, row, flow| overloads[lane].push((row, flow)));
        let answer = |(lane, &row): (usize, &u32)| {
            let element = Element::Branch(row);
            if other[lane].abs() > DELICATE {
                return (Outage::new(element, &found[lane]), std::mem::take(&mut overloads[lane]));
            }
            let mut overloads = Vec::new();
            let state = state.get_or_insert_with(|| State::new(&self.base));
            let outage = self.solve(state, element, &[row], &[], |row, flow| overloads.push((row, flow)));
            (outage, overloads)
        };
        rows.iter().enumerate().map(answer).collect()
    }

    /// Any outage, without factors.
    fn solve(&self, state: &mut State, element: Element, branches: &[u32], units: &[u32], note: impl FnMut(u32, f64)) -> Outage {
        state.reset();
        state.take_units(units);
        state.take_branches(branches);
        let shed = state.balance();
        state.solve();
        let mut outage = self.found(state, element, note);
        outage.islanding = state.islands as usize != self.base.islands.count();
        outage.solved = state.sound;
        if shed {
            outage.shed_mw = state.shed_mw();
            outage.ai_shed_mw = state.ai_shed_mw();
        }
        outage
    }

    /// Looks through the flows of a state.
    fn found(&self, state: &State, element: Element, mut note: impl FnMut(u32, f64)) -> Outage {
        let mut found = Found::default();
        for (row, (&flow, &inverse)) in state.flow.iter().zip(&self.inverse).enumerate() {
            let loading = flow.abs() * inverse;
            found.see(row as u32, flow.abs(), loading, inverse > 0.0 && state.susceptance[row] != 0.0);
            if loading > TOLERANCE {
                found.overloads += 1;
                note(row as u32, flow);
            }
        }
        Outage::new(element, &found)
    }
}

impl Outage {
    fn new(element: Element, found: &Found) -> Self {
        Self {
            element,
            islanding: false,
            solved: true,
            overloads: found.overloads,
            worst_loading: found.worst,
            worst_row: found.row,
            max_abs_flow_mw: found.largest,
            shed_mw: 0.0,
            ai_shed_mw: 0.0,
        }
    }
}

/// Items that a thread takes at least: all of them in a pool of one, so that the work stays on one core.
pub(crate) fn grain(pool: &Pool) -> usize {
    if pool.threads() == 1 { usize::MAX } else { 1 }
}

fn collect(answers: impl Iterator<Item = (Outage, Vec<(u32, f64)>)>) -> Screening {
    let mut screening = Screening::default();
    for (outage, overloads) in answers {
        let place = screening.outages.len() as u32;
        screening.outages.push(outage);
        screening.overloads.extend(overloads.into_iter().map(|(row, flow_mw)| Overload { outage: place, row, flow_mw }));
    }
    screening
}
