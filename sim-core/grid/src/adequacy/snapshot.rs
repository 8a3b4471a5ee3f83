//! Events seen by hourly snapshots: the joint law of the available capacity at two moments one hour apart.
//!
//! The small units form a two-dimensional table of (capacity now, capacity in an hour); the large ones are enumerated
//! against it, so that neither part grows beyond what the other saves.

use std::collections::BTreeMap;

use super::{
    System, TierKind,
    convolution::forecast,
    copt::{TOLERANCE_MW, common_step},
    demand::Demand,
    law::UnitLaw,
    supply::capacity_mw,
};

/// Most steps of work.
const MOST_WORK: f64 = 2e9;
/// Most cells of the two-dimensional table.
const MOST_CELLS: f64 = 3e7;
/// Hours with less than this share of the expected events are left out.
const NEGLIGIBLE: f64 = 1e-14;

/// A unit at two moments: lattice steps of capacity before and after, with the probability.
type Moves = Vec<(usize, usize, f64)>;

/// Expected number of hours with lost load that follow an hour without, or begin the horizon. The chain of each unit is its continuous one, seen
/// every full hour. `None` where rates are unknown, capacities have no common step, or the work is too much.
pub(super) fn snapshot_events(system: &System, demand: &Demand, steps: usize, lolp: &[f64]) -> Option<f64> {
    let laws: Vec<UnitLaw> = system.units.iter().map(UnitLaw::of).collect();
    if laws.iter().any(|law| !law.rates_known) {
        return None;
    }
    // Hours by the pair of capacity sets before and after.
    let mut groups: BTreeMap<Vec<(u64, u64)>, Vec<usize>> = BTreeMap::new();
    let negligible = NEGLIGIBLE * lolp.iter().sum::<f64>() / lolp.len() as f64;
    let constant = system.units.iter().all(|unit| unit.profile.is_empty() && unit.maintenance.is_empty());
    for hour in (1..system.hours).filter(|&hour| lolp[hour] > negligible) {
        let pair = |unit| (capacity_mw(unit, hour - 1).to_bits(), capacity_mw(unit, hour).to_bits());
        let key = if constant { Vec::new() } else { system.units.iter().map(pair).collect() };
        groups.entry(key).or_default().push(hour);
    }
    let forecast = forecast(demand, steps);
    let mut work = 0.0;
    let mut events = lolp.first().copied().unwrap_or(0.0);
    for hours in groups.values() {
        let (before, after) = (hours[0] - 1, hours[0]);
        let capacities = |hour| system.units.iter().map(move |unit| capacity_mw(unit, hour));
        let possible = capacities(before).chain(capacities(after)).zip(laws.iter().chain(&laws));
        let step = common_step(possible.flat_map(|(mw, law)| law.share.map(|share| mw * share)))?;
        let mut classes: Vec<(Moves, u32)> = Vec::new();
        for ((unit, law), (mw_before, mw_after)) in system.units.iter().zip(&laws).zip(capacities(before).zip(capacities(after))) {
            if unit.count > 0 && (mw_before > 0.0 || mw_after > 0.0) {
                classes.push((moves(law, mw_before / step, mw_after / step), unit.count));
            }
        }
        classes.sort_by_key(|class| size(&class.0));
        let (split, cost) = split(&classes, hours.len() * forecast.len())?;
        work += cost;
        if work > MOST_WORK {
            return None;
        }
        let table = Joint::of(&classes[..split]);
        let large = enumerate(&classes[split..]);
        for &hour in hours {
            for &(z, weight) in &forecast {
                let level = |hour| ceiling(counted_mw(demand, hour, z) / step, TOLERANCE_MW / step);
                let (x, y) = (level(hour - 1), level(hour));
                let short: f64 = large.iter().map(|&(a, b, p)| p * table.steps_short(x - a as i64, y - b as i64)).sum();
                events += weight * short;
            }
        }
    }
    Some(events)
}

/// The highest level whose loss counts \[MW\].
fn counted_mw(demand: &Demand, hour: usize, z: f64) -> f64 {
    let mut level = demand.net_mw[hour] + z * demand.deviation_mw.get(hour).copied().unwrap_or(0.0);
    let mut counted = level;
    for tier in demand.tiers.iter().rev() {
        level += tier.mw[hour];
        if tier.kind == TierKind::Firm && tier.mw[hour] > 0.0 {
            counted = level;
        }
    }
    counted
}

/// Number of lattice points below a level; a level below zero has none.
fn ceiling(x: f64, tolerance: f64) -> i64 {
    (x - tolerance).ceil() as i64
}

fn moves(law: &UnitLaw, steps_before: f64, steps_after: f64) -> Moves {
    let joint = law.one_hour();
    let mut out = Moves::new();
    for (before, row) in joint.iter().enumerate() {
        for (after, &p) in row.iter().enumerate().filter(|(_, p)| **p > 0.0) {
            let steps = |steps: f64, state: usize| (steps * law.share[state]).round() as usize;
            out.push((steps(steps_before, before), steps(steps_after, after), p));
        }
    }
    merge(out)
}

fn merge(mut moves: Moves) -> Moves {
    moves.sort_by_key(|a| (a.0, a.1));
    moves.dedup_by(|b, a| {
        let same = (a.0, a.1) == (b.0, b.1);
        if same {
            a.2 += b.2;
        }
        same
    });
    moves
}

fn size(moves: &Moves) -> (usize, usize) {
    let most = |f: fn(&(usize, usize, f64)) -> usize| moves.iter().map(f).max().unwrap_or(0);
    (most(|m| m.0), most(|m| m.1))
}

/// Number of classes, smallest first, that form the table, and the work; the rest is enumerated for each reading.
fn split(classes: &[(Moves, u32)], readings: usize) -> Option<(usize, f64)> {
    // Joint states of the rest, by how many of the largest classes it has.
    let mut states = vec![1.0; classes.len() + 1];
    for (k, (moves, count)) in classes.iter().enumerate().rev() {
        // Multisets of `count` moves: binomial(count + moves - 1, moves - 1), counted from above.
        let of_class: f64 = (1..moves.len()).map(|i| (f64::from(*count) + i as f64) / i as f64).product();
        states[k] = states[k + 1] * of_class;
    }
    let (mut nx, mut ny, mut convolving) = (1.0, 1.0, 0.0);
    let mut best: Option<(usize, f64)> = None;
    for k in 0..=classes.len() {
        if k > 0 {
            let (moves, count) = &classes[k - 1];
            let (sx, sy) = size(moves);
            for _ in 0..*count {
                (nx, ny) = (nx + sx as f64, ny + sy as f64);
                convolving += moves.len() as f64 * nx * ny;
                if convolving > MOST_WORK {
                    return best;
                }
            }
        }
        let cost = convolving + 4.0 * states[k] * readings as f64;
        if nx * ny <= MOST_CELLS && cost <= MOST_WORK && best.is_none_or(|(_, least)| cost < least) {
            best = Some((k, cost));
        }
    }
    best
}

fn enumerate(classes: &[(Moves, u32)]) -> Moves {
    let mut list = vec![(0, 0, 1.0)];
    for (moves, count) in classes {
        for _ in 0..*count {
            let sums = moves.iter().flat_map(|b| list.iter().map(move |a| (a.0 + b.0, a.1 + b.1, a.2 * b.2)));
            list = merge(sums.collect());
        }
    }
    list
}

/// Cumulative joint law on a lattice: `at(x, y)` = P(before < x, after < y).
struct Joint {
    nx: usize,
    ny: usize,
    below: Vec<f64>,
}

impl Joint {
    fn of(classes: &[(Moves, u32)]) -> Self {
        let (mut nx, mut ny, mut p) = (1, 1, vec![1.0]);
        let mut next: Vec<f64> = Vec::new();
        for (moves, count) in classes {
            let (sx, sy) = size(moves);
            for _ in 0..*count {
                let (mx, my) = (nx + sx, ny + sy);
                next.clear();
                next.resize(mx * my, 0.0);
                for &(a, b, q) in moves {
                    for i in 0..nx {
                        let from = &p[i * ny..(i + 1) * ny];
                        let to = (i + a) * my + b;
                        for (to, from) in next[to..to + ny].iter_mut().zip(from) {
                            *to += q * from;
                        }
                    }
                }
                std::mem::swap(&mut p, &mut next);
                (nx, ny) = (mx, my);
            }
        }
        // One more row and column for "all".
        let width = ny + 1;
        let mut below = vec![0.0; (nx + 1) * width];
        for i in 0..nx {
            let mut row = 0.0;
            for j in 0..ny {
                row += p[i * ny + j];
                below[(i + 1) * width + j + 1] = below[i * width + j + 1] + row;
            }
        }
        Self { nx, ny, below }
    }

    /// P(before >= x, after < y).
    fn steps_short(&self, x: i64, y: i64) -> f64 {
        let (x, y) = (x.clamp(0, self.nx as i64) as usize, y.clamp(0, self.ny as i64) as usize);
        let width = self.ny + 1;
        self.below[self.nx * width + y] - self.below[x * width + y]
    }
}
