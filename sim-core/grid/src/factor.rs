//! The sparse factor of a susceptance matrix.
//!
//! The matrix B of the DC equations B θ = P is a weighted graph Laplacian: symmetric, and singular once for each island. The slack bus of
//! every island is pinned: its row and column become those of the identity. B is then factored as L D Lᵀ without pivoting
//! (QDLDL; ordering by approximate minimum degree: Amestoy, Davis & Duff 1996). The pattern is that of all branches, in service or
//! not, so that an outage changes numbers only and never the ordering.

use clarabel::algebra::CscMatrix;
use clarabel::qdldl::{QDLDLFactorisation, QDLDLSettingsBuilder};

use crate::flow::{DcNetwork, Islands};

/// L D Lᵀ of the susceptance matrix of a network, with the slack bus of every island pinned.
#[derive(Debug)]
pub struct Factor {
    ldl: QDLDLFactorisation<f64>,
    /// Where each branch adds its off-diagonal entry, in the numbering of the matrix that was factored.
    off_diagonal: Vec<usize>,
    diagonal: Vec<usize>,
    indices: Vec<usize>,
    values: Vec<f64>,
    pinned: Vec<bool>,
}

/// A pivot is zero: negative reactances cancel the others, and no flow is defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the susceptance matrix is singular: negative reactances cancel the others")]
pub struct Singular;

impl Factor {
    /// Orders and factors the matrix of `network`; `islands` say which buses are pinned.
    ///
    /// # Errors
    /// [`Singular`]; nothing is left behind.
    pub fn new(network: &DcNetwork, islands: &Islands) -> Result<Self, Singular> {
        let n = network.buses;
        let mut columns: Vec<Vec<usize>> = (0..n).map(|bus| vec![bus]).collect();
        for &(from, to) in &network.ends {
            let (low, high) = (from.min(to) as usize, from.max(to) as usize);
            columns[high].push(low);
        }
        let mut colptr = Vec::with_capacity(n + 1);
        let mut rowval = Vec::new();
        colptr.push(0);
        for column in &mut columns {
            column.sort_unstable();
            column.dedup();
            rowval.extend_from_slice(column);
            colptr.push(rowval.len());
        }
        // The diagonal is the last entry of each column of the upper triangle.
        let diagonal: Vec<usize> = (0..n).map(|bus| colptr[bus + 1] - 1).collect();
        let place = |&(from, to): &(u32, u32)| {
            let (low, high) = (from.min(to) as usize, from.max(to) as usize);
            // Every branch has put its entry into its column, so the search finds it.
            colptr[high] + columns[high].binary_search(&low).unwrap_or(0)
        };
        let off_diagonal = network.ends.iter().map(place).collect();
        let entries = rowval.len();
        let mut this = Self {
            // A factor of the identity pattern of no bus: replaced below, once the values are known.
            ldl: empty()?,
            off_diagonal,
            diagonal,
            indices: (0..entries).collect(),
            values: vec![0.0; entries],
            pinned: vec![false; n],
        };
        this.fill(network, &network.susceptance_mw, islands);
        if n > 0 {
            let matrix = CscMatrix::new(n, n, colptr, rowval, this.values.clone());
            this.ldl = factorise(&matrix)?;
        }
        Ok(this)
    }

    /// Factors again with other susceptances (0 for branches that are out) and islands, without a new ordering.
    ///
    /// # Errors
    /// [`Singular`]; the factor cannot be used until another call succeeds.
    pub fn refactor(&mut self, network: &DcNetwork, susceptance_mw: &[f64], islands: &Islands) -> Result<(), Singular> {
        self.fill(network, susceptance_mw, islands);
        self.ldl.update_values(&self.indices, &self.values);
        self.ldl.refactor().map_err(|_| Singular)
    }

    fn fill(&mut self, network: &DcNetwork, susceptance_mw: &[f64], islands: &Islands) {
        self.values.fill(0.0);
        self.pinned.fill(false);
        for &slack in &islands.slack {
            self.pinned[slack as usize] = true;
        }
        // A bus of no island has no branch in service.
        for (bus, &island) in islands.of.iter().enumerate() {
            self.pinned[bus] |= island == Islands::NONE;
        }
        for ((&(from, to), &b), &place) in network.ends.iter().zip(susceptance_mw).zip(&self.off_diagonal) {
            let (from, to) = (from as usize, to as usize);
            self.values[self.diagonal[from]] += b;
            self.values[self.diagonal[to]] += b;
            if !self.pinned[from] && !self.pinned[to] {
                self.values[place] -= b;
            }
        }
        for (bus, &place) in self.diagonal.iter().enumerate() {
            if self.pinned[bus] {
                self.values[place] = 1.0;
            }
        }
    }

    /// Solves for the angles \[rad\] of the injections \[MW\] in place; pinned buses get zero, whatever is asked there.
    pub fn solve(&mut self, rhs: &mut [f64]) {
        for (value, &pinned) in rhs.iter_mut().zip(&self.pinned) {
            if pinned {
                *value = 0.0;
            }
        }
        if !rhs.is_empty() {
            self.ldl.solve(rhs);
        }
    }

    /// Solves for `W` right-hand sides at once, bus by bus in `rhs`: several times as fast as one by one, since L is read once.
    /// `work` is scratch of the same length. Pinned buses get zero.
    pub fn solve_block<const W: usize>(&self, rhs: &mut [[f64; W]], work: &mut [[f64; W]]) {
        let (perm, l) = (&self.ldl.perm, &self.ldl.L);
        for (value, &bus) in work.iter_mut().zip(perm) {
            *value = if self.pinned[bus] { [0.0; W] } else { rhs[bus] };
        }
        for column in 0..work.len() {
            let x = work[column];
            if x.iter().all(|value| *value == 0.0) {
                continue;
            }
            let range = l.colptr[column]..l.colptr[column + 1];
            for (&row, &value) in l.rowval[range.clone()].iter().zip(&l.nzval[range]) {
                let target = &mut work[row];
                for lane in 0..W {
                    target[lane] -= value * x[lane];
                }
            }
        }
        for column in (0..work.len()).rev() {
            let inverse = self.ldl.Dinv[column];
            let mut x = work[column].map(|value| value * inverse);
            let range = l.colptr[column]..l.colptr[column + 1];
            for (&row, &value) in l.rowval[range.clone()].iter().zip(&l.nzval[range]) {
                let source = &work[row];
                for lane in 0..W {
                    x[lane] -= value * source[lane];
                }
            }
            work[column] = x;
        }
        for (value, &bus) in work.iter().zip(perm) {
            rhs[bus] = *value;
        }
    }

    /// Entries of L below the diagonal.
    #[must_use]
    pub fn fill_in(&self) -> usize {
        self.ldl.nnzL()
    }
}

fn factorise(matrix: &CscMatrix<f64>) -> Result<QDLDLFactorisation<f64>, Singular> {
    // Regularisation would move the answer of an indefinite matrix.
    let settings = QDLDLSettingsBuilder::default().regularize_enable(false).build().map_err(|_| Singular)?;
    QDLDLFactorisation::new(matrix, Some(settings)).map_err(|_| Singular)
}

fn empty() -> Result<QDLDLFactorisation<f64>, Singular> {
    factorise(&CscMatrix::new(1, 1, vec![0, 1], vec![0], vec![1.0]))
}
