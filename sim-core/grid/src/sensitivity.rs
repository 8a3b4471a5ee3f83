//! How flows answer to injections (PTDF), to outages of branches (LODF) and to phase shifts.
//!
//! Injections are balanced by the slack of each island, as in MATPOWER's `makePTDF`. Rows and columns are solved for on demand, eight at a
//! time; nothing of the size of the network squared is kept.

use crate::factor::{Factor, Singular};
use crate::flow::{DcNetwork, Islands};
use crate::topology::bridges;

/// Right-hand sides that are solved for at once.
const LANES: usize = 8;

/// The sensitivities of a network.
#[derive(Clone, Debug)]
pub struct Sensitivity {
    network: DcNetwork,
    islands: Islands,
    factor: Factor,
    bridge: Vec<bool>,
}

impl Sensitivity {
    /// Factors a network.
    ///
    /// # Errors
    /// [`Singular`] where negative reactances leave no flow defined.
    pub fn new(network: DcNetwork) -> Result<Self, Singular> {
        let islands = network.islands(&network.susceptance_mw);
        let factor = Factor::new(&network, &islands)?;
        let bridge = bridges(&network);
        Ok(Self { network, islands, factor, bridge })
    }

    /// Whether the outage of each branch splits an island.
    #[must_use]
    pub fn bridges(&self) -> &[bool] {
        &self.bridge
    }

    /// The islands.
    #[must_use]
    pub fn islands(&self) -> &Islands {
        &self.islands
    }

    /// Power transfer distribution factors: for each branch of `rows`, the share of an injection at each bus (balanced by the slack of
    /// its island) that flows over it. Row by row; 0 for branches out of service and buses outside the network.
    #[must_use]
    pub fn ptdf(&self, rows: &[usize]) -> Vec<f64> {
        let n = self.network.buses;
        let mut ptdf = vec![0.0; rows.len() * n];
        if n > 0 {
            // B is symmetric: the row of branch k is b_k B⁻¹ (e_from − e_to).
            for (chunk, out) in rows.chunks(LANES).zip(ptdf.chunks_mut(LANES * n)) {
                let angles = self.transfers(chunk);
                for (lane, (&row, out)) in chunk.iter().zip(out.chunks_mut(n)).enumerate() {
                    let b = self.network.susceptance_mw[row];
                    out.iter_mut().zip(&angles).for_each(|(out, angle)| *out = b * angle[lane]);
                }
            }
        }
        ptdf
    }

    /// Line outage distribution factors: for each branch of `rows`, the share of its flow that its outage moves onto each branch; −1
    /// for itself. None where no such numbers exist: the branch is a bridge or out of service, or (with negative reactances) the network
    /// without it is singular.
    #[must_use]
    pub fn lodf(&self, rows: &[usize]) -> Vec<Option<Vec<f64>>> {
        let mut columns = Vec::with_capacity(rows.len());
        for chunk in rows.chunks(LANES) {
            let angles = self.transfers(chunk);
            for (lane, &out) in chunk.iter().enumerate() {
                let transfer = |row: usize| {
                    let (from, to) = self.network.ends[row];
                    self.network.susceptance_mw[row] * (angles[from as usize][lane] - angles[to as usize][lane])
                };
                // What is left to other paths of a transfer between its ends.
                let other = 1.0 - transfer(out);
                let defined = self.network.susceptance_mw[out] != 0.0 && !self.bridge[out] && other != 0.0;
                columns.push(defined.then(|| {
                    let share = |row: usize| if row == out { -1.0 } else { transfer(row) / other };
                    (0..self.network.ends.len()).map(share).collect()
                }));
            }
        }
        columns
    }

    /// Phase shift distribution factors: for each branch of `rows`, how the flow of each branch changes with its phase shift
    /// \[MW/rad\].
    #[must_use]
    pub fn psdf(&self, rows: &[usize]) -> Vec<Vec<f64>> {
        let mut columns = Vec::with_capacity(rows.len());
        for chunk in rows.chunks(LANES) {
            let angles = self.transfers(chunk);
            for (lane, &shifter) in chunk.iter().enumerate() {
                // A shift of φ is an injection of b φ at "from" and −b φ at "to", and −b φ over the branch itself.
                let b = self.network.susceptance_mw[shifter];
                let change = |row: usize| {
                    let (from, to) = self.network.ends[row];
                    let transfer = self.network.susceptance_mw[row] * (angles[from as usize][lane] - angles[to as usize][lane]);
                    b * (transfer - f64::from(u8::from(row == shifter)))
                };
                columns.push((0..self.network.ends.len()).map(change).collect());
            }
        }
        columns
    }

    /// Angles by bus of 1 MW from "from" to "to" of up to eight branches \[rad\].
    fn transfers(&self, rows: &[usize]) -> Vec<[f64; LANES]> {
        let mut angles = vec![[0.0; LANES]; self.network.buses];
        let mut work = angles.clone();
        for (lane, &row) in rows.iter().enumerate() {
            let (from, to) = self.network.ends[row];
            // A branch out of service may join two islands: no such transfer exists.
            if self.network.susceptance_mw[row] != 0.0 {
                angles[from as usize][lane] += 1.0;
                angles[to as usize][lane] -= 1.0;
            }
        }
        self.factor.solve_block(&mut angles, &mut work);
        angles
    }
}
