//! Where the factor of a susceptance matrix can have entries.

use clarabel::algebra::CscMatrix;
use clarabel::qdldl::{QDLDLFactorisation, QDLDLSettingsBuilder};

use super::Singular;
use crate::flow::{DcNetwork, Islands};
use crate::topology::Adjacency;

/// The elimination order and the pattern of L: they depend on which branches exist, not on which are in service.
#[derive(Debug)]
pub(crate) struct Pattern {
    /// Bus at each position of the elimination order -- constant.
    pub bus: Vec<u32>,
    /// Position of each bus -- constant.
    pub position: Vec<u32>,
    /// Positions of the "from" and "to" end of each branch -- constant.
    pub ends: Vec<(u32, u32)>,
    /// First entry of each column of L, and the number of entries -- constant.
    pub start: Vec<u32>,
    /// Row of each entry of L below the diagonal, increasing by column -- constant.
    pub row: Vec<u32>,
    /// Parent of each column in the elimination tree; itself for a root -- constant.
    pub parent: Vec<u32>,
    /// First of the entries that a row has, and the number of entries -- constant.
    pub row_start: Vec<u32>,
    /// The entries by row: (column, entry) -- constant.
    pub by_row: Vec<(u32, u32)>,
    /// Entry of each branch; [`Pattern::NONE`] where both ends are one bus -- constant.
    pub entry: Vec<u32>,
    /// The branches by position -- constant.
    pub adjacency: Adjacency,
}

impl Pattern {
    /// Of a branch whose ends are one bus.
    pub const NONE: u32 = u32::MAX;

    pub fn new(network: &DcNetwork, islands: &Islands) -> Result<Self, Singular> {
        let n = network.buses;
        let bus = order(network, islands)?;
        let mut position = vec![0; n];
        for (place, &bus) in bus.iter().enumerate() {
            position[bus as usize] = place as u32;
        }
        let ends: Vec<(u32, u32)> = network.ends.iter().map(|&(from, to)| (position[from as usize], position[to as usize])).collect();
        // Column j of L: the branches to later positions, and what the columns of its children have below j (Liu 1990).
        let mut columns: Vec<Vec<u32>> = vec![Vec::new(); n];
        for &(from, to) in &ends {
            if from != to {
                columns[from.min(to) as usize].push(from.max(to));
            }
        }
        let mut parent: Vec<u32> = (0..n as u32).collect();
        for j in 0..n {
            let mut column = std::mem::take(&mut columns[j]);
            column.sort_unstable();
            column.dedup();
            if let Some((&first, rest)) = column.split_first() {
                parent[j] = first;
                columns[first as usize].extend_from_slice(rest);
            }
            columns[j] = column;
        }
        let mut start = vec![0];
        let mut row = Vec::new();
        let mut row_start = vec![0; n + 1];
        for column in &columns {
            row.extend_from_slice(column);
            start.push(row.len() as u32);
            column.iter().for_each(|&i| row_start[i as usize + 1] += 1);
        }
        (0..n).for_each(|i| row_start[i + 1] += row_start[i]);
        let mut next = row_start.clone();
        let mut by_row = vec![(0, 0); row.len()];
        for j in 0..n {
            for entry in start[j]..start[j + 1] {
                let place = &mut next[row[entry as usize] as usize];
                by_row[*place as usize] = (j as u32, entry);
                *place += 1;
            }
        }
        let entry_of = |&(from, to): &(u32, u32)| {
            let (low, high) = (from.min(to), from.max(to));
            // Every branch between two buses has put its entry into its column.
            columns[low as usize].binary_search(&high).map_or(Self::NONE, |place| start[low as usize] + place as u32)
        };
        let entry = ends.iter().map(entry_of).collect();
        let adjacency = Adjacency::new(n, &ends);
        Ok(Self { bus, position, ends, start, row, parent, row_start, by_row, entry, adjacency })
    }

    /// Entries of column `j` of L.
    pub fn column(&self, j: usize) -> std::ops::Range<usize> {
        self.start[j] as usize..self.start[j + 1] as usize
    }
}

/// Approximate minimum degree, the slack of each island last.
fn order(network: &DcNetwork, islands: &Islands) -> Result<Vec<u32>, Singular> {
    let n = network.buses;
    if n == 0 {
        return Ok(Vec::new());
    }
    let mut columns: Vec<Vec<usize>> = (0..n).map(|bus| vec![bus]).collect();
    for &(from, to) in &network.ends {
        columns[from.max(to) as usize].push(from.min(to) as usize);
    }
    let mut colptr = vec![0];
    let mut rowval = Vec::new();
    for column in &mut columns {
        column.sort_unstable();
        column.dedup();
        rowval.extend_from_slice(column);
        colptr.push(rowval.len());
    }
    let values = vec![1.0; rowval.len()];
    let settings = QDLDLSettingsBuilder::default().logical(true).build().map_err(|_| Singular)?;
    let logical = QDLDLFactorisation::<f64>::new(&CscMatrix::new(n, n, colptr, rowval, values), Some(settings)).map_err(|_| Singular)?;
    let mut last = vec![false; n];
    islands.slack.iter().for_each(|&slack| last[slack as usize] = true);
    let (slacks, others): (Vec<usize>, Vec<usize>) = logical.perm.iter().partition(|&&bus| last[bus]);
    Ok(others.into_iter().chain(slacks).map(|bus| bus as u32).collect())
}
