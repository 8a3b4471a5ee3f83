//! The sparse factor of a susceptance matrix.
//!
//! The matrix B of the DC equations B θ = P is a weighted graph Laplacian: symmetric, and singular once for each island. It is factored
//! as L D Lᵀ without pivoting, ordered by approximate minimum degree (Amestoy, Davis & Duff 1996), the slack buses last. In exact
//! arithmetic the last pivot of every island is zero and nothing lies below it; that bus is pinned there (1/d = 0), which takes the place
//! of striking out its row and column. So islands can split without any change to the order or to the pattern, which is that of all
//! branches, in service or not.
//!
//! When branches go out, only the columns on the paths from their ends to the root of the elimination tree change (Davis & Hager 1999,
//! section 5). Those are computed again, from the left, with the same operations as the whole factor: the result has the same bits.

mod pattern;

use std::sync::Arc;

use crate::flow::{DcNetwork, Islands};
pub(crate) use pattern::Pattern;

/// A pivot this small beside its diagonal entry is rounding noise.
const NOISE: f64 = 1e-14;

/// L D Lᵀ of the susceptance matrix of a network, with the slack bus of every island pinned.
#[derive(Clone, Debug)]
pub struct Factor {
    pattern: Arc<Pattern>,
    /// The matrix on the pattern of L, and its diagonal.
    off_diagonal: Vec<f64>,
    diagonal: Vec<f64>,
    l: Vec<f64>,
    d: Vec<f64>,
    d_inverse: Vec<f64>,
    /// By position: whether its pivot is taken as zero.
    pinned: Vec<bool>,
    /// By position: the position of the slack of its island, where that is not the pinned bus of the island; else its own.
    slack: Vec<u32>,
    /// Whether any island is pinned at another bus than its slack.
    shifted: bool,
    column: Vec<f64>,
    work: Vec<f64>,
}

/// A pivot is zero: negative reactances cancel the others, and no flow is defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the susceptance matrix is singular: negative reactances cancel the others")]
pub struct Singular;

impl Factor {
    /// Orders and factors the matrix of `network`; `islands` are those of its susceptances and say which buses are pinned.
    ///
    /// # Errors
    /// [`Singular`]; nothing is left behind.
    pub fn new(network: &DcNetwork, islands: &Islands) -> Result<Self, Singular> {
        let n = network.buses;
        let pattern = Arc::new(Pattern::new(network, islands)?);
        let entries = pattern.row.len();
        let mut this = Self {
            pattern,
            off_diagonal: vec![0.0; entries],
            diagonal: vec![0.0; n],
            l: vec![0.0; entries],
            d: vec![0.0; n],
            d_inverse: vec![0.0; n],
            pinned: vec![false; n],
            slack: vec![0; n],
            shifted: false,
            column: vec![0.0; n],
            work: vec![0.0; n],
        };
        this.refactor(network, &network.susceptance_mw, islands)?;
        Ok(this)
    }

    /// Factors again with other susceptances (0 for branches that are out) and their islands, without a new ordering.
    ///
    /// # Errors
    /// [`Singular`]; the factor cannot be used until another call succeeds.
    pub fn refactor(&mut self, network: &DcNetwork, susceptance_mw: &[f64], islands: &Islands) -> Result<(), Singular> {
        debug_assert_eq!(network.ends.len(), self.pattern.ends.len());
        self.off_diagonal.fill(0.0);
        self.diagonal.fill(0.0);
        for ((&(from, to), &b), &entry) in self.pattern.ends.iter().zip(susceptance_mw).zip(&self.pattern.entry) {
            if entry != Pattern::NONE && b != 0.0 {
                self.diagonal[from as usize] += b;
                self.diagonal[to as usize] += b;
                self.off_diagonal[entry as usize] -= b;
            }
        }
        self.pin(islands);
        let mut singular = false;
        for j in 0..self.d.len() {
            singular |= !self.eliminate(j);
        }
        if singular { Err(Singular) } else { Ok(()) }
    }

    /// Pins the last position of each island.
    fn pin(&mut self, islands: &Islands) {
        let pattern = &*self.pattern;
        let mut last = vec![Pattern::NONE; islands.count()];
        self.pinned.fill(false);
        for (position, &bus) in pattern.bus.iter().enumerate() {
            match islands.of[bus as usize] {
                // A bus of no island has no branch in service.
                Islands::NONE => self.pinned[position] = true,
                island => last[island as usize] = position as u32,
            }
        }
        self.shifted = false;
        for (&last, &slack) in last.iter().zip(&islands.slack) {
            if last != Pattern::NONE {
                self.pinned[last as usize] = true;
                self.shifted |= last != pattern.position[slack as usize];
            }
        }
        if self.shifted {
            for (position, &bus) in pattern.bus.iter().enumerate() {
                self.slack[position] = match islands.of[bus as usize] {
                    Islands::NONE => position as u32,
                    island => pattern.position[islands.slack[island as usize] as usize],
                };
            }
        }
    }

    /// Computes column `j` of L from the columns before it. False: its pivot is noise (and taken as zero) though it is not pinned.
    fn eliminate(&mut self, j: usize) -> bool {
        let pattern = &*self.pattern;
        let range = pattern.column(j);
        let column = &mut self.column;
        for (&row, &value) in pattern.row[range.clone()].iter().zip(&self.off_diagonal[range.clone()]) {
            column[row as usize] = value;
        }
        let mut pivot = self.diagonal[j];
        for &(k, entry) in &pattern.by_row[pattern.row_start[j] as usize..pattern.row_start[j + 1] as usize] {
            let value = self.l[entry as usize];
            if value == 0.0 {
                continue;
            }
            let scaled = value * self.d[k as usize];
            pivot -= scaled * value;
            let below = entry as usize + 1..pattern.start[k as usize + 1] as usize;
            for (&row, &l) in pattern.row[below.clone()].iter().zip(&self.l[below]) {
                column[row as usize] -= scaled * l;
            }
        }
        // The comparison is false for NaN, too.
        let sound = pivot.abs() > NOISE * self.diagonal[j].abs() && pivot.is_finite();
        let use_pivot = sound && !self.pinned[j];
        let inverse = if use_pivot { 1.0 / pivot } else { 0.0 };
        self.d[j] = if use_pivot { pivot } else { 0.0 };
        self.d_inverse[j] = inverse;
        for (&row, l) in pattern.row[range.clone()].iter().zip(&mut self.l[range]) {
            *l = column[row as usize] * inverse;
        }
        use_pivot || self.pinned[j]
    }

    /// Solves for the angles \[rad\] of the injections \[MW\] in place; pinned buses get zero, whatever is asked there.
    pub fn solve(&mut self, rhs: &mut [f64]) {
        let mut work = std::mem::take(&mut self.work);
        for (value, &bus) in work.iter_mut().zip(&self.pattern.bus) {
            *value = rhs[bus as usize];
        }
        self.balance(&mut work, |target, value| *target -= value, |target| *target = 0.0);
        self.solve_ordered(&mut work);
        for (position, &bus) in self.pattern.bus.iter().enumerate() {
            let zero = if self.shifted { work[self.slack[position] as usize] } else { 0.0 };
            rhs[bus as usize] = work[position] - zero;
        }
        self.work = work;
    }

    /// Lets the slack of every island take the imbalance, where another bus is pinned.
    fn balance<T: Copy>(&self, work: &mut [T], subtract: impl Fn(&mut T, T), clear: impl Fn(&mut T)) {
        if self.shifted {
            for (position, (value, &slack)) in work.iter_mut().zip(&self.slack).enumerate() {
                if slack as usize == position {
                    clear(value);
                }
            }
            for (position, &slack) in self.slack.iter().enumerate() {
                if slack as usize != position {
                    let value = work[position];
                    subtract(&mut work[slack as usize], value);
                }
            }
        }
    }

    /// Solves for `W` right-hand sides at once, bus by bus in `rhs`: several times as fast as one by one, since L is read once.
    /// `work` is scratch of the same length. Pinned buses get zero.
    pub fn solve_block<const W: usize>(&self, rhs: &mut [[f64; W]], work: &mut [[f64; W]]) {
        for (value, &bus) in work.iter_mut().zip(&self.pattern.bus) {
            *value = rhs[bus as usize];
        }
        let subtract = |target: &mut [f64; W], value: [f64; W]| target.iter_mut().zip(value).for_each(|(t, v)| *t -= v);
        self.balance(work, subtract, |target| *target = [0.0; W]);
        self.solve_block_ordered(work);
        for (position, &bus) in self.pattern.bus.iter().enumerate() {
            let mut value = work[position];
            if self.shifted {
                subtract(&mut value, work[self.slack[position] as usize]);
            }
            rhs[bus as usize] = value;
        }
    }

    /// The order in which buses are eliminated, and what follows from it.
    pub(crate) fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// Solves in the order of elimination for injections that sum to zero in every island; the last bus of each gets zero.
    pub(crate) fn solve_ordered(&self, x: &mut [f64]) {
        let pattern = &*self.pattern;
        for j in 0..x.len() {
            let value = x[j];
            if value != 0.0 {
                let range = pattern.column(j);
                for (&row, &l) in pattern.row[range.clone()].iter().zip(&self.l[range]) {
                    x[row as usize] -= l * value;
                }
            }
        }
        for j in (0..x.len()).rev() {
            let mut value = x[j] * self.d_inverse[j];
            let range = pattern.column(j);
            for (&row, &l) in pattern.row[range.clone()].iter().zip(&self.l[range]) {
                value -= l * x[row as usize];
            }
            x[j] = value;
        }
    }

    /// [`Self::solve_ordered`] for `W` right-hand sides.
    pub(crate) fn solve_block_ordered<const W: usize>(&self, x: &mut [[f64; W]]) {
        let pattern = &*self.pattern;
        for j in 0..x.len() {
            let value = x[j];
            if value.iter().all(|value| *value == 0.0) {
                continue;
            }
            let range = pattern.column(j);
            for (&row, &l) in pattern.row[range.clone()].iter().zip(&self.l[range]) {
                let target = &mut x[row as usize];
                for lane in 0..W {
                    target[lane] -= l * value[lane];
                }
            }
        }
        for j in (0..x.len()).rev() {
            let inverse = self.d_inverse[j];
            let mut value = x[j].map(|value| value * inverse);
            let range = pattern.column(j);
            for (&row, &l) in pattern.row[range.clone()].iter().zip(&self.l[range]) {
                let source = &x[row as usize];
                for lane in 0..W {
                    value[lane] -= l * source[lane];
                }
            }
            x[j] = value;
        }
    }

    /// Changes the susceptances of branches `rows` to those of `susceptance_mw` and pins positions `pins` besides those pinned before.
    /// `dirty` (by position) collects the columns that are no longer those of the start, for [`Self::restore`]; `path` is scratch.
    /// False: a pivot was noise, and was pinned as well.
    pub(crate) fn update(&mut self, susceptance_mw: &[f64], rows: &[u32], pins: &[u32], dirty: &mut Dirty) -> bool {
        let pattern = Arc::clone(&self.pattern);
        dirty.next += 1;
        let mut lowest = u32::MAX;
        for &row in rows {
            let (from, to) = pattern.ends[row as usize];
            let entry = pattern.entry[row as usize];
            if entry == Pattern::NONE {
                continue;
            }
            let low = from.min(to);
            self.off_diagonal[entry as usize] = 0.0;
            for here in [from, to] {
                let mut sum = 0.0;
                for &(branch, other) in pattern.adjacency.at(here) {
                    let b = susceptance_mw[branch as usize];
                    if other != here && b != 0.0 {
                        sum += b;
                        if here == low && pattern.entry[branch as usize] == entry {
                            self.off_diagonal[entry as usize] -= b;
                        }
                    }
                }
                self.diagonal[here as usize] = sum;
            }
            lowest = lowest.min(low);
            dirty.mark(low, &pattern);
        }
        for &pin in pins {
            if !self.pinned[pin as usize] {
                self.pinned[pin as usize] = true;
                dirty.pins.push(pin);
            }
            lowest = lowest.min(pin);
            dirty.mark(pin, &pattern);
        }
        let mut sound = true;
        for j in lowest as usize..self.d.len() {
            if dirty.round[j] == dirty.next {
                sound &= self.eliminate(j);
            }
        }
        sound
    }

    /// Undoes every [`Self::update`] since `dirty` was clean.
    pub(crate) fn restore(&mut self, base: &Self, dirty: &mut Dirty) {
        for &j in &dirty.columns {
            let j = j as usize;
            let range = self.pattern.column(j);
            self.l[range.clone()].copy_from_slice(&base.l[range.clone()]);
            self.off_diagonal[range.clone()].copy_from_slice(&base.off_diagonal[range]);
            self.diagonal[j] = base.diagonal[j];
            self.d[j] = base.d[j];
            self.d_inverse[j] = base.d_inverse[j];
            dirty.ever[j] = false;
        }
        for &pin in &dirty.pins {
            self.pinned[pin as usize] = base.pinned[pin as usize];
        }
        dirty.columns.clear();
        dirty.pins.clear();
    }

    /// Entries of L below the diagonal.
    #[must_use]
    pub fn fill_in(&self) -> usize {
        self.l.len()
    }
}

/// Which columns of a factor updates have changed.
#[derive(Clone, Debug)]
pub(crate) struct Dirty {
    /// By position: the last update that changed its column.
    round: Vec<u64>,
    next: u64,
    /// By position: whether it is among `columns`.
    ever: Vec<bool>,
    columns: Vec<u32>,
    pins: Vec<u32>,
}

impl Dirty {
    pub fn new(positions: usize) -> Self {
        let (columns, pins) = (Vec::with_capacity(positions), Vec::with_capacity(positions));
        Self { round: vec![0; positions], next: 0, ever: vec![false; positions], columns, pins }
    }

    /// Marks a column and its ancestors.
    fn mark(&mut self, mut column: u32, pattern: &Pattern) {
        while self.round[column as usize] != self.next {
            self.round[column as usize] = self.next;
            if !self.ever[column as usize] {
                self.ever[column as usize] = true;
                self.columns.push(column);
            }
            column = pattern.parent[column as usize];
        }
    }
}
