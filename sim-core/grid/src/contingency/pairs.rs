//! Pairs of outages.
//!
//! With f the flows before and L the factors of single outages, the flow of branch m after the outage of i and j is
//! `f_m + L_mi h_i + L_mj h_j`, where `h_i = (f_i + L_ij f_j) / (1 − L_ij L_ji)` is what i would carry with j out (Güler, Gross & Liu
//! 2007). Since m has a margin `s_m = limit − |f_m|`, it can only be overloaded where `|L_mi| |h_i| / s_m + |L_mj| |h_j| / s_m > 1`.
//! So no m is where the sum of the largest terms is below 1 (Davis & Overbye 2011), and else one of both terms must be above 1/2: every
//! outage keeps its branches sorted by |L| / s, and only the heads of two lists are looked at. Nothing is missed.

use bastide_engine::Pool;
use rayon::prelude::*;

use super::scan::{LANES, Scan};
use super::{Contingency, DELICATE, Element, grain};
use crate::cascade::{State, TOLERANCE};
use crate::topology::{Adjacency, BridgeSearch};

/// Outages whose factors are held at a time.
const TILE: usize = 128;
/// Lists reach down to branches that matter when an outage carries this many times its own flow before, plus this share of the
/// largest flow; beyond, all branches are looked at.
const REACH: (f64, f64) = (4.0, 0.25);

/// What a pair of outages does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairOutage {
    /// What goes out; the first has the lower row -- input.
    pub elements: [Element; 2],
    /// Branches beyond their rating -- output.
    pub overloads: u32,
    /// Largest |flow| / rating -- output.
    pub worst_loading: f64,
    /// The branch of that loading -- output.
    pub worst_row: u32,
}

/// The answer of a screening of pairs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PairScreening {
    /// Pairs of elements in service -- output.
    pub pairs: u64,
    /// Pairs that split an island; [`Contingency::outage`] solves any of them -- output.
    pub islanding: u64,
    /// Those of them where neither outage alone does, in row order -- output.
    pub cuts: Vec<[u32; 2]>,
    /// Pairs that split nothing and overload a branch -- output.
    pub overloaded: u64,
    /// Overloads in all of these -- output.
    pub overloads: u64,
    /// The worst of these pairs, largest loading first -- output.
    pub worst: Vec<PairOutage>,
}

/// Factors of up to [`TILE`] outages.
struct Tile {
    rows: Vec<u32>,
    /// L by outage, then branch.
    lodf: Vec<f64>,
    /// Share of a transfer that other paths take, by outage.
    other: Vec<f64>,
    /// (|L| / margin, branch), largest first, by outage.
    heads: Vec<Vec<(f64, u32)>>,
    /// How far each list reaches.
    reach: Vec<f64>,
}

struct Part {
    screening: PairScreening,
    keep: usize,
}

impl Part {
    fn note(&mut self, pair: PairOutage) {
        self.screening.overloaded += 1;
        self.screening.overloads += u64::from(pair.overloads);
        self.screening.worst.push(pair);
        if self.screening.worst.len() > 2 * self.keep + 1024 {
            self.trim();
        }
    }

    fn trim(&mut self) {
        let worst = &mut self.screening.worst;
        worst.sort_unstable_by(|a, b| b.worst_loading.total_cmp(&a.worst_loading).then(a.elements.cmp(&b.elements)));
        worst.truncate(self.keep);
    }

    fn add(&mut self, other: PairScreening) {
        self.screening.pairs += other.pairs;
        self.screening.islanding += other.islanding;
        self.screening.overloaded += other.overloaded;
        self.screening.overloads += other.overloads;
        self.screening.cuts.extend(other.cuts);
        self.screening.worst.extend(other.worst);
        if self.screening.worst.len() > 2 * self.keep + 1024 {
            self.trim();
        }
    }
}

/// What remains of a scan of one pair.
#[derive(Default)]
struct Seen {
    overloads: u32,
    worst: f64,
    row: u32,
}

impl Seen {
    fn see(&mut self, row: u32, loading: f64) {
        if loading > TOLERANCE {
            self.overloads += 1;
            // Branches are seen in no fixed order: the lower row wins a tie.
            if loading > self.worst || (loading == self.worst && row < self.row) {
                (self.worst, self.row) = (loading, row);
            }
        }
    }
}

impl Contingency {
    /// The outage of every pair of branches in service: how many overload a branch or split an island, and the `keep` worst. Exact, and
    /// the same for any pool.
    #[must_use]
    pub fn pairs(&self, pool: &Pool, keep: usize) -> PairScreening {
        let network = &self.base.network;
        let in_service = |row: &u32| network.susceptance_mw[*row as usize] != 0.0;
        let all = (0..self.flow_mw.len() as u32).filter(in_service).count() as u64;
        let meshed: Vec<u32> = (0..self.flow_mw.len() as u32).filter(in_service).filter(|&row| !self.bridge[row as usize]).collect();
        // Branches beyond their rating before any outage have no margin: always looked at.
        let always: Vec<u32> = (0..self.flow_mw.len()).filter(|&row| self.margin(row) <= 0.0).map(|row| row as u32).collect();
        let tiles: Vec<&[u32]> = meshed.chunks(TILE).collect();
        let parts: Vec<PairScreening> = pool.install(|| {
            let starts: Vec<usize> = (0..tiles.len()).collect();
            let cuts = self.cuts(pool, &meshed);
            let task = |(scan, state): &mut (Scan, Option<State>), &start: &usize| {
                let mut part = Part { screening: PairScreening::default(), keep };
                let one = self.tile(scan, tiles[start]);
                for (index, rows) in tiles.iter().enumerate().skip(start) {
                    let two;
                    let two = if index == start {
                        &one
                    } else {
                        two = self.tile(scan, rows);
                        &two
                    };
                    self.tile_pairs(&one, two, &cuts, &always, state, &mut part);
                }
                part.trim();
                part.screening
            };
            let parts = starts.par_iter().with_min_len(grain(pool)).map_init(|| (Scan::new(self), None), task).collect();
            let mut parts: Vec<PairScreening> = parts;
            parts.push(PairScreening { islanding: cuts.len() as u64, cuts, ..PairScreening::default() });
            parts
        });
        let mut total = Part { screening: PairScreening::default(), keep };
        parts.into_iter().for_each(|part| total.add(part));
        total.trim();
        let meshed = meshed.len() as u64;
        let pairs = |n: u64| n * n.saturating_sub(1) / 2;
        total.screening.pairs = pairs(all);
        // A bridge splits an island whatever else goes out.
        total.screening.islanding += pairs(all) - pairs(meshed);
        total.screening
    }

    /// The outage of every branch that is no bridge together with every unit, whose output the others of its island take up in
    /// proportion to headroom (loads are cut where that is not enough): how many overload a branch, and the `keep` worst. The same for
    /// any pool.
    #[must_use]
    pub fn branch_unit_pairs(&self, pool: &Pool, keep: usize) -> PairScreening {
        let in_service = |row: &u32| self.base.network.susceptance_mw[*row as usize] != 0.0;
        let all: Vec<u32> = (0..self.flow_mw.len() as u32).filter(in_service).collect();
        let meshed: Vec<u32> = all.iter().copied().filter(|&row| !self.bridge[row as usize]).collect();
        let units = &self.base.units;
        let mut total = Part { screening: PairScreening::default(), keep };
        let parts: Vec<PairScreening> = pool.install(|| {
            let flows = |state: &mut State, unit: &crate::cascade::Unit| {
                state.reset();
                state.take_units(&[unit.row]);
                state.balance();
                state.solve();
                state.flow.clone()
            };
            let flows: Vec<Vec<f64>> = units.par_iter().with_min_len(grain(pool)).map_init(|| State::new(&self.base), flows).collect();
            let task = |(scan, state): &mut (Scan, State), rows: &[u32]| {
                let mut part = Part { screening: PairScreening::default(), keep };
                let other = scan.factors(self, rows);
                for (unit, flow) in units.iter().zip(&flows) {
                    let scale = std::array::from_fn(|lane| rows.get(lane).map_or(0.0, |&row| flow[row as usize]));
                    let found = scan.scan(self, flow, scale, rows, |_, _, _| ());
                    for (lane, &row) in rows.iter().enumerate() {
                        let elements = [Element::Branch(row), Element::Unit(unit.row)];
                        let (overloads, worst_loading, worst_row) = if other[lane].abs() > DELICATE {
                            (found[lane].overloads, found[lane].worst, found[lane].row)
                        } else {
                            let outage = self.solve(state, elements[0], &[row], &[unit.row], |_, _| ());
                            (outage.overloads, outage.worst_loading, outage.worst_row)
                        };
                        if overloads > 0 {
                            part.note(PairOutage { elements, overloads, worst_loading, worst_row: worst_row.unwrap_or(0) });
                        }
                    }
                }
                part.trim();
                part.screening
            };
            meshed.par_chunks(LANES).with_min_len(grain(pool)).map_init(|| (Scan::new(self), State::new(&self.base)), task).collect()
        });
        parts.into_iter().for_each(|part| total.add(part));
        total.trim();
        total.screening.pairs = (all.len() * units.len()) as u64;
        total.screening.islanding = ((all.len() - meshed.len()) * units.len()) as u64;
        total.screening
    }

    /// The outage of every pair of units, with the rules of [`Self::branch_unit_pairs`].
    #[must_use]
    pub fn unit_pairs(&self, pool: &Pool, keep: usize) -> PairScreening {
        let units = &self.base.units;
        let parts: Vec<PairScreening> = pool.install(|| {
            let task = |state: &mut State, first: usize| {
                let mut part = Part { screening: PairScreening::default(), keep };
                for second in &units[first + 1..] {
                    let elements = [Element::Unit(units[first].row), Element::Unit(second.row)];
                    let outage = self.solve(state, elements[0], &[], &[units[first].row, second.row], |_, _| ());
                    if outage.overloads > 0 {
                        let Some(worst_row) = outage.worst_row else { continue };
                        part.note(PairOutage { elements, overloads: outage.overloads, worst_loading: outage.worst_loading, worst_row });
                    }
                }
                part.trim();
                part.screening
            };
            (0..units.len()).into_par_iter().with_min_len(grain(pool)).map_init(|| State::new(&self.base), task).collect()
        });
        let mut total = Part { screening: PairScreening::default(), keep };
        parts.into_iter().for_each(|part| total.add(part));
        total.trim();
        total.screening.pairs = (units.len() * units.len().saturating_sub(1) / 2) as u64;
        total.screening
    }

    /// Pairs that split an island though neither does alone: with one out, the bridges of what is left that were none before.
    fn cuts(&self, pool: &Pool, meshed: &[u32]) -> Vec<[u32; 2]> {
        let network = &self.base.network;
        let adjacency = Adjacency::new(network.buses, &network.ends);
        let partners = |search: &mut BridgeSearch, &row: &u32| {
            let mut partners = Vec::new();
            let in_service = |other: u32| other != row && network.susceptance_mw[other as usize] != 0.0;
            search.run(&adjacency, in_service, |other| {
                if other > row && !self.bridge[other as usize] {
                    partners.push([row, other]);
                }
            });
            partners.sort_unstable();
            partners
        };
        let lists: Vec<Vec<[u32; 2]>> =
            meshed.par_iter().with_min_len(grain(pool)).map_init(|| BridgeSearch::new(network.buses), partners).collect();
        lists.concat()
    }

    fn margin(&self, row: usize) -> f64 {
        self.limit_mw[row] - self.flow_mw[row].abs()
    }

    fn tile(&self, scan: &mut Scan, rows: &[u32]) -> Tile {
        let branches = self.flow_mw.len();
        let largest = self.flow_mw.iter().fold(0.0, |most: f64, flow| most.max(flow.abs()));
        let mut tile = Tile {
            rows: rows.to_vec(),
            lodf: vec![0.0; rows.len() * branches],
            other: Vec::with_capacity(rows.len()),
            heads: Vec::with_capacity(rows.len()),
            reach: Vec::with_capacity(rows.len()),
        };
        for (block, lodf) in rows.chunks(LANES).zip(tile.lodf.chunks_mut(LANES * branches)) {
            let other = scan.factors(self, block);
            tile.other.extend_from_slice(&other[..block.len()]);
            for (lane, (&row, lodf)) in block.iter().zip(lodf.chunks_mut(branches)).enumerate() {
                lodf.iter_mut().zip(&scan.lodf).for_each(|(to, from)| *to = from[lane]);
                let reach = 0.5 / (REACH.0 * self.flow_mw[row as usize].abs() + REACH.1 * largest);
                let mut head: Vec<(f64, u32)> = Vec::new();
                for (m, &factor) in lodf.iter().enumerate() {
                    let margin = self.margin(m);
                    let ratio = factor.abs() / margin;
                    if margin > 0.0 && ratio >= reach && m != row as usize {
                        head.push((ratio, m as u32));
                    }
                }
                head.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
                tile.heads.push(head);
                tile.reach.push(reach);
            }
        }
        tile
    }

    /// All pairs of an outage of `one` and a later one of `two`.
    fn tile_pairs(&self, one: &Tile, two: &Tile, cuts: &[[u32; 2]], always: &[u32], state: &mut Option<State>, part: &mut Part) {
        let branches = self.flow_mw.len();
        let (Some(&first), Some(&last)) = (two.rows.first(), two.rows.last()) else { return };
        let mut partner = vec![false; two.rows.len()];
        for (a, &i) in one.rows.iter().enumerate() {
            let mine = &one.lodf[a * branches..(a + 1) * branches];
            partner.fill(false);
            let from = cuts.partition_point(|pair| *pair < [i, first]);
            for &[_, j] in cuts[from..].iter().take_while(|pair| **pair <= [i, last]) {
                if let Ok(place) = two.rows.binary_search(&j) {
                    partner[place] = true;
                }
            }
            for (c, &j) in two.rows.iter().enumerate() {
                if j <= i || partner[c] {
                    continue;
                }
                let theirs = &two.lodf[c * branches..(c + 1) * branches];
                let (on_j, on_i) = (mine[j as usize], theirs[i as usize]);
                let determinant = 1.0 - on_i * on_j;
                let elements = [Element::Branch(i), Element::Branch(j)];
                // `other` is what a delicate outage leaves; the determinant what a delicate pair does.
                let sound = one.other[a].abs() > DELICATE && two.other[c].abs() > DELICATE && determinant.abs() > DELICATE;
                if !sound {
                    let state = state.get_or_insert_with(|| State::new(&self.base));
                    let outage = self.solve(state, elements[0], &[i, j], &[], |_, _| ());
                    if outage.overloads > 0 {
                        let (overloads, worst_loading) = (outage.overloads, outage.worst_loading);
                        part.note(PairOutage { elements, overloads, worst_loading, worst_row: outage.worst_row.unwrap_or(0) });
                    }
                    continue;
                }
                let (f_i, f_j) = (self.flow_mw[i as usize], self.flow_mw[j as usize]);
                let (h_i, h_j) = ((f_i + on_i * f_j) / determinant, (f_j + on_j * f_i) / determinant);
                let top = |head: &[(f64, u32)], reach: f64| head.first().map_or(reach, |head| head.0);
                let bound = top(&one.heads[a], one.reach[a]) * h_i.abs() + top(&two.heads[c], two.reach[c]) * h_j.abs();
                if bound <= 1.0 && always.is_empty() {
                    continue;
                }
                let mut seen = Seen::default();
                let mut look = |m: u32| {
                    if m != i && m != j {
                        let flow = self.flow_mw[m as usize] + mine[m as usize] * h_i + theirs[m as usize] * h_j;
                        seen.see(m, flow.abs() * self.inverse[m as usize]);
                    }
                };
                let (least_i, least_j) = (0.5 / h_i.abs(), 0.5 / h_j.abs());
                if bound > 1.0 && (least_i < one.reach[a] || least_j < two.reach[c]) {
                    (0..branches as u32).for_each(look);
                } else {
                    always.iter().for_each(|&m| look(m));
                    if bound > 1.0 {
                        one.heads[a].iter().take_while(|head| head.0 >= least_i).for_each(|head| look(head.1));
                        for &(ratio, m) in &two.heads[c] {
                            if ratio < least_j {
                                break;
                            }
                            // Those of the first list have been looked at.
                            if mine[m as usize].abs() / self.margin(m as usize) < least_i || m == i {
                                look(m);
                            }
                        }
                    }
                }
                if seen.overloads > 0 {
                    part.note(PairOutage { elements, overloads: seen.overloads, worst_loading: seen.worst, worst_row: seen.row });
                }
            }
        }
    }
}
