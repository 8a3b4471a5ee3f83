//! The capacity of one area hour by hour, as tables: what exact methods know of its units.

use std::collections::BTreeMap;

use super::{
    AdequacyError, System, Unit,
    copt::{Class, Density, NOTHING, Risk, Rounding, State, Table, round, sum},
    law::UnitLaw,
};

/// Most distinct sets of capacities (by maintenance, season) with a table of their own; units beyond vary every hour.
const MOST_TABLES: usize = 512;
/// Most states, of the units that vary every hour, that are added to a table reading by reading.
const MOST_READINGS: usize = 1 << 14;
/// Cells of a rounded sum of units that vary every hour.
const COARSE_CELLS: f64 = 1024.0;
/// Most cells of all tables together.
const MOST_CELLS_IN_ALL: usize = 1 << 23;

/// How a [`Supply`] is built.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SupplyOptions {
    pub frequency: bool,
    pub rounding: Rounding,
    pub most_cells: usize,
}

/// Tables of the available capacity of one area.
#[derive(Clone, Debug)]
pub(super) struct Supply {
    /// Capacity of units that never fail, by hour; empty for none \[MW\].
    sure_mw: Vec<f64>,
    tables: Vec<Table>,
    /// Table of each hour; empty when there is one.
    table_of_hour: Vec<u32>,
    /// Units that vary every hour.
    varying: Vec<Varying>,
    /// Changes of table between consecutive hours, by the pair of tables.
    edges: BTreeMap<(u32, u32), Edge>,
    /// Whether frequencies are known.
    pub frequency: bool,
    /// Whether no capacity was rounded.
    pub exact: bool,
    rounding: Rounding,
}

/// A class that varies every hour: the law of its sum for units of 1 MW, and their capacity by hour.
#[derive(Clone, Debug)]
struct Varying {
    law: Vec<State>,
    mw: Vec<f64>,
}

/// Units whose capacity changes from one hour to the next, and the table of the others.
#[derive(Clone, Debug)]
struct Edge {
    rest: Table,
    changed: Vec<Pair>,
}

/// A capacity before and after the full hour, with its probability.
#[derive(Clone, Copy, Debug)]
struct Pair {
    before_mw: f64,
    after_mw: f64,
    probability: f64,
}

/// Capacity of one unit of a class in an hour.
pub(super) fn capacity_mw(unit: &Unit, hour: usize) -> f64 {
    if unit.maintenance.iter().any(|range| range.contains(&hour)) {
        0.0
    } else {
        unit.capacity_mw * unit.profile.get(hour).copied().unwrap_or(1.0)
    }
}

/// Capacities of a class by hour; one value when they never change.
fn capacities_mw(unit: &Unit, hours: usize) -> Vec<f64> {
    if unit.profile.is_empty() && unit.maintenance.is_empty() {
        return vec![unit.capacity_mw];
    }
    let mut mw: Vec<f64> = if unit.profile.is_empty() {
        vec![unit.capacity_mw; hours]
    } else {
        unit.profile.iter().map(|share| unit.capacity_mw * share).collect()
    };
    for range in &unit.maintenance {
        mw[range.clone()].fill(0.0);
    }
    if mw.iter().all(|&x| x == mw[0]) {
        mw.truncate(1);
    }
    mw
}

impl Supply {
    /// Tables of the units of the system, all of them in one area. The system has passed its check.
    pub fn of(system: &System, options: SupplyOptions) -> Result<Self, AdequacyError> {
        let hours = system.hours;
        let mut supply = Self {
            sure_mw: Vec::new(),
            tables: Vec::new(),
            table_of_hour: Vec::new(),
            varying: Vec::new(),
            edges: BTreeMap::new(),
            frequency: options.frequency,
            exact: true,
            rounding: options.rounding,
        };
        let mut classes: Vec<(UnitLaw, u32, Vec<f64>)> = Vec::with_capacity(system.units.len());
        for unit in system.units.iter().filter(|unit| unit.count > 0 && unit.capacity_mw > 0.0) {
            let law = UnitLaw::of(unit);
            let mw = capacities_mw(unit, hours);
            if law.is_perfect() {
                supply.sure_mw.resize(hours, 0.0);
                for (hour, sure) in supply.sure_mw.iter_mut().enumerate() {
                    *sure += f64::from(unit.count) * mw[if mw.len() == 1 { 0 } else { hour }];
                }
            } else {
                supply.frequency &= law.rates_known;
                classes.push((law, unit.count, mw));
            }
        }

        // Distinct sets of capacities; the most restless units come last and may have to stay out.
        let changes = |mw: &[f64]| mw.windows(2).filter(|pair| pair[0] != pair[1]).count();
        let mut order: Vec<usize> = (0..classes.len()).filter(|&c| classes[c].2.len() > 1).collect();
        order.sort_by_key(|&c| changes(&classes[c].2));
        let (mut first_hours, mut restless) = (vec![0], vec![false; classes.len()]);
        for c in order {
            let mw = &classes[c].2;
            match refine(&supply.table_of_hour, mw) {
                Some((keys, firsts)) => (supply.table_of_hour, first_hours) = (keys, firsts),
                None => restless[c] = true,
            }
        }
        for ((law, count, mw), _) in classes.iter().zip(&restless).filter(|(_, restless)| **restless) {
            let class = Class { mw: 1.0, count: *count, law };
            let states = sum(&[NOTHING], &class, MOST_READINGS).ok_or(AdequacyError::TooLarge {
                what: "a class of units that varies every hour",
                needed: f64::from(*count),
                limit: MOST_READINGS as f64,
            })?;
            supply.varying.push(Varying { law: states, mw: mw.clone() });
        }
        let readings = supply.varying.iter().map(|class| class.law.len() as f64).product::<f64>();
        supply.exact &= readings <= MOST_READINGS as f64;
        supply.frequency &= supply.exact;

        let mut pairs: Vec<(u32, u32)> = supply.table_of_hour.windows(2).map(|k| (k[0], k[1])).collect();
        pairs.retain(|(before, after)| before != after);
        pairs.sort_unstable();
        pairs.dedup();
        supply.frequency &= pairs.len() <= 4 * MOST_TABLES;
        if !supply.frequency {
            pairs.clear();
        }

        let most_cells = (MOST_CELLS_IN_ALL / (first_hours.len() + pairs.len())).min(options.most_cells).max(2);
        let at = |mw: &[f64], hour: usize| if mw.len() == 1 { mw[0] } else { mw[hour] };
        let mut steady = Vec::with_capacity(classes.len());
        let table = |steady: &[Class], frequency| -> Result<(Table, bool), AdequacyError> {
            let density = Density::of(steady, frequency, options.rounding, most_cells)?;
            let exact = density.exact;
            Ok((Table::of(density), exact))
        };
        for &hour in &first_hours {
            steady.clear();
            for ((law, count, mw), _) in classes.iter().zip(&restless).filter(|(_, restless)| !**restless) {
                steady.push(Class { mw: at(mw, hour), count: *count, law });
            }
            let (table, exact) = table(&steady, supply.frequency)?;
            supply.exact &= exact;
            supply.tables.push(table);
        }
        for pair in pairs {
            let (before, after) = (first_hours[pair.0 as usize], first_hours[pair.1 as usize]);
            steady.clear();
            let mut changed = Some(vec![Pair { before_mw: 0.0, after_mw: 0.0, probability: 1.0 }]);
            for ((law, count, mw), _) in classes.iter().zip(&restless).filter(|(_, restless)| !**restless) {
                let (mw_before, mw_after) = (at(mw, before), at(mw, after));
                if mw_before == mw_after {
                    steady.push(Class { mw: mw_before, count: *count, law });
                } else if let Some(class) = sum(&[NOTHING], &Class { mw: 1.0, count: *count, law }, MOST_READINGS) {
                    changed = changed.and_then(|list| product(&list, &class, mw_before, mw_after));
                } else {
                    changed = None;
                }
            }
            let Some(changed) = changed.filter(|list| list.len() as f64 * readings <= MOST_READINGS as f64) else {
                supply.frequency = false;
                break;
            };
            let (rest, exact) = table(&steady, false)?;
            supply.exact &= exact;
            supply.edges.insert(pair, Edge { rest, changed });
        }
        Ok(supply)
    }

    /// Capacity that is there for certain \[MW\].
    #[inline]
    pub fn sure_mw(&self, hour: usize) -> f64 {
        self.sure_mw.get(hour).copied().unwrap_or(0.0)
    }

    /// All capacity at its highest \[MW\].
    pub fn most_mw(&self) -> f64 {
        let of = |series: &[f64]| series.iter().copied().fold(0.0, f64::max);
        let varying: f64 = self.varying.iter().map(|class| of(&class.mw) * most_mw(&class.law)).sum();
        self.tables.iter().map(Table::most_mw).fold(0.0, f64::max) + of(&self.sure_mw) + varying
    }

    /// Writes the states of the units that vary every hour to `out`; nothing when there are none.
    pub fn readings(&self, hour: usize, out: &mut Vec<State>) {
        out.clear();
        if self.varying.is_empty() {
            return;
        }
        out.push(NOTHING);
        let exact = self.varying.iter().map(|class| class.law.len() as f64).product::<f64>() <= MOST_READINGS as f64;
        let most: f64 = self.varying.iter().map(|class| class.mw[hour] * most_mw(&class.law)).sum();
        let mut next = Vec::new();
        for class in self.varying.iter().filter(|class| class.mw[hour] > 0.0) {
            let of_class = class.law.iter().map(|state| State { mw: state.mw * class.mw[hour], ..*state });
            next.clear();
            if exact {
                next.extend(of_class.flat_map(|b| out.iter().map(move |a| plus(a, &b))));
            } else {
                // On a coarse lattice, sum and merge.
                let step = most / COARSE_CELLS;
                let of_class = round(&of_class.collect::<Vec<_>>(), step, self.rounding);
                next.resize((most / step).round() as usize + self.varying.len() + 2, State { mw: 0.0, probability: 0.0, flow: 0.0 });
                for b in &of_class {
                    for a in out.iter() {
                        let c = plus(a, b);
                        let to = &mut next[(c.mw / step).round() as usize];
                        to.probability += c.probability;
                        to.flow += c.flow;
                    }
                }
                for (k, state) in next.iter_mut().enumerate() {
                    state.mw = k as f64 * step;
                }
                next.retain(|state| state.probability > 0.0);
            }
            std::mem::swap(out, &mut next);
        }
    }

    /// The risk of a level net of the certain capacity; `readings` are those of the hour.
    #[inline]
    pub fn at(&self, hour: usize, level_mw: f64, readings: &[State]) -> Risk {
        let table = self.table(hour);
        if readings.is_empty() {
            return table.at(level_mw);
        }
        let mut all = Risk::default();
        for state in readings {
            let risk = table.at(level_mw - state.mw);
            all.short += state.probability * risk.short;
            all.unserved_mw += state.probability * risk.unserved_mw;
            all.falls += state.probability * risk.falls + state.flow * risk.short;
        }
        all
    }

    /// The table, when it is the same in all hours and there is nothing beside it.
    pub fn only_table(&self) -> Option<&Table> {
        let plain = self.tables.len() == 1 && self.varying.is_empty() && self.sure_mw.is_empty();
        plain.then(|| &self.tables[0])
    }

    fn table(&self, hour: usize) -> &Table {
        &self.tables[self.table_of_hour.get(hour).copied().unwrap_or(0) as usize]
    }

    /// Whether units change their capacity between this hour and the next.
    #[inline]
    pub fn changes_after(&self, hour: usize) -> bool {
        !self.varying.is_empty() || self.table_of_hour.get(hour).zip(self.table_of_hour.get(hour + 1)).is_some_and(|(a, b)| a != b)
    }

    /// Probability that the state of the units at the end of `hour` serves `before_mw` in it, and not `after_mw` in the
    /// next hour; the levels are net of the certain capacity.
    pub fn steps_short(&self, hour: usize, before_mw: f64, after_mw: f64) -> f64 {
        let key = |hour: usize| self.table_of_hour.get(hour).copied().unwrap_or(0);
        let nothing = [Pair { before_mw: 0.0, after_mw: 0.0, probability: 1.0 }];
        let (rest, mut changed) = match self.edges.get(&(key(hour), key(hour + 1))) {
            Some(edge) => (&edge.rest, edge.changed.clone()),
            None => (self.table(hour), nothing.to_vec()),
        };
        for class in &self.varying {
            // Within the limit: the number of states was checked when the supply was built.
            if let Some(next) = product(&changed, &class.law, class.mw[hour], class.mw[hour + 1]) {
                changed = next;
            }
        }
        let pairs = changed.iter().map(|pair| {
            let short_after = rest.at(after_mw - pair.after_mw).short;
            let short_before = rest.at(before_mw - pair.before_mw).short;
            pair.probability * (short_after - short_before).max(0.0)
        });
        pairs.sum()
    }
}

fn plus(a: &State, b: &State) -> State {
    State { mw: a.mw + b.mw, probability: a.probability * b.probability, flow: a.probability * b.flow + a.flow * b.probability }
}

fn most_mw(law: &[State]) -> f64 {
    law.iter().map(|state| state.mw).fold(0.0, f64::max)
}

fn product(list: &[Pair], law: &[State], before_mw: f64, after_mw: f64) -> Option<Vec<Pair>> {
    if list.len() * law.len() > MOST_READINGS {
        return None;
    }
    let pairs = law.iter().flat_map(|b| {
        list.iter().map(move |a| Pair {
            before_mw: a.before_mw + b.mw * before_mw,
            after_mw: a.after_mw + b.mw * after_mw,
            probability: a.probability * b.probability,
        })
    });
    Some(pairs.collect())
}

/// Splits sets of hours by a further capacity: the set of each hour and the first hour of each set; `None` past the limit.
fn refine(keys: &[u32], mw: &[f64]) -> Option<(Vec<u32>, Vec<usize>)> {
    let mut seen: BTreeMap<(u32, u64), u32> = BTreeMap::new();
    let mut refined = Vec::with_capacity(mw.len());
    let mut firsts = Vec::new();
    let mut last = None;
    for (hour, mw) in mw.iter().enumerate() {
        let pair = (keys.get(hour).copied().unwrap_or(0), mw.to_bits());
        let key = match last {
            Some((same, key)) if same == pair => key,
            _ => *seen.entry(pair).or_insert_with(|| {
                firsts.push(hour);
                firsts.len() as u32 - 1
            }),
        };
        if firsts.len() > MOST_TABLES {
            return None;
        }
        last = Some((pair, key));
        refined.push(key);
    }
    Some((refined, firsts))
}
