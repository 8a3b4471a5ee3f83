//! The inner loop: eight outages over all monitored branches.

use super::Contingency;
use crate::cascade::TOLERANCE;

/// Outages that are looked at together.
pub(super) const LANES: usize = 8;
/// Branches whose largest loading is known before any of them is looked at again.
const CHUNK: usize = 64;
/// Loadings this close to the worst are the same but for rounding.
const TIE: f64 = 1.0 + 1e-9;

/// What one outage does to the flows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Found {
    pub overloads: u32,
    pub worst: f64,
    pub row: Option<u32>,
    pub largest: f64,
    row_worst: f64,
}

impl Found {
    pub fn see(&mut self, row: u32, flow: f64, loading: f64, rated: bool) {
        self.largest = if flow > self.largest { flow } else { self.largest };
        self.worst = if loading > self.worst { loading } else { self.worst };
        if rated && (self.row.is_none() || loading > self.row_worst * TIE) {
            (self.row, self.row_worst) = (Some(row), loading);
        }
    }
}

/// Memory of one thread.
pub(super) struct Scan {
    angle: Vec<[f64; LANES]>,
    /// Line outage distribution factors of the block, by branch.
    pub lodf: Vec<[f64; LANES]>,
}

impl Scan {
    pub fn new(contingency: &Contingency) -> Self {
        let network = &contingency.base.network;
        Self { angle: vec![[0.0; LANES]; network.buses], lodf: vec![[0.0; LANES]; network.ends.len()] }
    }

    /// Computes the factors of up to eight outages into `lodf` (−1 on the row itself); returns the share of a transfer between the ends
    /// of each that other paths take.
    pub fn factors(&mut self, contingency: &Contingency, rows: &[u32]) -> [f64; LANES] {
        let factor = &contingency.base.factor;
        let ends = &factor.pattern().ends;
        let susceptance = &contingency.base.network.susceptance_mw;
        self.angle.fill([0.0; LANES]);
        for (lane, &row) in rows.iter().enumerate() {
            let (from, to) = ends[row as usize];
            self.angle[from as usize][lane] += 1.0;
            self.angle[to as usize][lane] -= 1.0;
        }
        factor.solve_block_ordered(&mut self.angle);
        let mut other = [1.0; LANES];
        for (lane, &row) in rows.iter().enumerate() {
            let (from, to) = ends[row as usize];
            other[lane] -= susceptance[row as usize] * (self.angle[from as usize][lane] - self.angle[to as usize][lane]);
        }
        let inverse = other.map(|other| 1.0 / other);
        for ((lodf, &(from, to)), &b) in self.lodf.iter_mut().zip(ends).zip(susceptance) {
            let (from, to) = (&self.angle[from as usize], &self.angle[to as usize]);
            for lane in 0..LANES {
                lodf[lane] = b * (from[lane] - to[lane]) * inverse[lane];
            }
        }
        for (lane, &row) in rows.iter().enumerate() {
            self.lodf[row as usize][lane] = -1.0;
        }
        other
    }

    /// Flows `flow + lodf · scale` of all branches: the worst of each lane, and every overload to `note`. `scale` is the flow of each
    /// outage before it.
    pub fn scan(
        &self,
        contingency: &Contingency,
        flow_mw: &[f64],
        scale: [f64; LANES],
        rows: &[u32],
        mut note: impl FnMut(usize, u32, f64),
    ) -> [Found; LANES] {
        let inverse = &contingency.inverse;
        let mut found = [Found::default(); LANES];
        let mut chunk_of_worst = [usize::MAX; LANES];
        let mut chunk_worst = [-1.0; LANES];
        for (chunk, ((flows, lodf), inverse)) in flow_mw.chunks(CHUNK).zip(self.lodf.chunks(CHUNK)).zip(inverse.chunks(CHUNK)).enumerate() {
            let (mut worst, mut largest) = ([0.0; LANES], [0.0; LANES]);
            for ((&flow, lodf), &inverse) in flows.iter().zip(lodf).zip(inverse) {
                for lane in 0..LANES {
                    let flow = (flow + lodf[lane] * scale[lane]).abs();
                    let loading = flow * inverse;
                    largest[lane] = if flow > largest[lane] { flow } else { largest[lane] };
                    worst[lane] = if loading > worst[lane] { loading } else { worst[lane] };
                }
            }
            for (lane, found) in found.iter_mut().enumerate().take(rows.len()) {
                found.largest = found.largest.max(largest[lane]);
                found.worst = found.worst.max(worst[lane]);
                if worst[lane] > chunk_worst[lane] * TIE && worst[lane] > 0.0 {
                    (chunk_of_worst[lane], chunk_worst[lane]) = (chunk, worst[lane]);
                }
                if worst[lane] > TOLERANCE {
                    for (place, ((&flow, lodf), &inverse)) in flows.iter().zip(lodf).zip(inverse).enumerate() {
                        let flow = flow + lodf[lane] * scale[lane];
                        if flow.abs() * inverse > TOLERANCE {
                            found.overloads += 1;
                            note(lane, (chunk * CHUNK + place) as u32, flow);
                        }
                    }
                }
            }
        }
        for (lane, found) in found.iter_mut().enumerate().take(rows.len()) {
            if chunk_of_worst[lane] == usize::MAX {
                // No rated branch carries anything.
                let rated = |row: &usize| inverse[*row] > 0.0 && contingency.base.network.susceptance_mw[*row] != 0.0;
                found.row = (0..flow_mw.len()).find(|row| rated(row) && rows[lane] as usize != *row).map(|row| row as u32);
            } else {
                let start = chunk_of_worst[lane] * CHUNK;
                let loading = |row: usize| (flow_mw[row] + self.lodf[row][lane] * scale[lane]).abs() * inverse[row];
                let same = |row: &usize| loading(*row) * TIE >= chunk_worst[lane];
                found.row = (start..(start + CHUNK).min(flow_mw.len())).find(same).map(|row| row as u32);
            }
        }
        found
    }
}
