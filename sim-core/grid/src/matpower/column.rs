//! The columns of the tables, and checks of one value.

use super::Mistakes;
use super::value::{Cell, Table};

/// What a table looks like.
pub(super) struct Layout {
    pub table: &'static str,
    /// Names of the first columns.
    pub columns: &'static [&'static str],
    /// Least columns.
    pub least: usize,
    /// Most columns, with those of a solution and of extensions.
    pub most: usize,
}

pub(super) const BUS: Layout = Layout {
    table: "bus",
    columns: &["bus_i", "type", "Pd", "Qd", "Gs", "Bs", "area", "Vm", "Va", "baseKV", "zone", "Vmax", "Vmin"],
    least: 13,
    most: 17,
};
pub(super) const GEN: Layout =
    Layout { table: "gen", columns: &["bus", "Pg", "Qg", "Qmax", "Qmin", "Vg", "mBase", "status", "Pmax", "Pmin"], least: 10, most: 25 };
pub(super) const BRANCH: Layout = Layout {
    table: "branch",
    columns: &["fbus", "tbus", "r", "x", "b", "rateA", "rateB", "rateC", "ratio", "angle", "status", "angmin", "angmax"],
    least: 11,
    most: 21,
};
pub(super) const DC_LINE: Layout = Layout {
    table: "dcline",
    columns: &[
        "fbus", "tbus", "status", "Pf", "Pt", "Qf", "Qt", "Vf", "Vt", "Pmin", "Pmax", "QminF", "QmaxF", "QminT", "QmaxT", "loss0", "loss1",
    ],
    least: 17,
    most: 23,
};
pub(super) const GEN_COST: Layout =
    Layout { table: "gencost", columns: &["model", "startup", "shutdown", "n"], least: 4, most: usize::MAX };
pub(super) const DC_LINE_COST: Layout = Layout { table: "dclinecost", ..GEN_COST };

/// A row of a table, with the checks of its cells. A cell that was reported by the reader gives 0 silently: the case is lost.
#[derive(Clone, Copy)]
pub(super) struct Row<'t> {
    pub layout: &'static Layout,
    /// Number of the row, from 1.
    pub number: usize,
    pub cells: &'t [Cell],
}

impl Row<'_> {
    /// A mistake in the cell of a column (from 0), said of it: "`x` of row 3 of `branch` is ...".
    pub fn mistake(&self, column: usize, what: &str, hint: &str, mistakes: &mut Mistakes) {
        let at = self.cells[column].at;
        if at != Cell::BAD && !mistakes.is_full() {
            let Layout { table, columns, .. } = self.layout;
            let number = self.number;
            let message = match columns.get(column) {
                Some(name) => format!("`{name}` of row {number} of `{table}` {what}"),
                None => format!("column {} of row {number} of `{table}` {what}", column + 1),
            };
            mistakes.add(at, message, hint);
        }
    }

    /// A mistake about the row, placed at its first cell.
    pub fn row_mistake(&self, what: &str, hint: &str, mistakes: &mut Mistakes) {
        let at = self.cells.iter().map(|cell| cell.at).find(|at| *at != Cell::BAD);
        if let Some(at) = at {
            mistakes.add(at, format!("row {} of `{}` {what}", self.number, self.layout.table), hint);
        }
    }

    /// Whether the cells hold finite numbers: only then they can be compared.
    pub fn are_finite(&self, columns: &[usize]) -> bool {
        columns.iter().all(|column| self.cells[*column].value.is_finite())
    }

    /// A value that may be infinite.
    pub fn number(&self, column: usize, mistakes: &mut Mistakes) -> f64 {
        let Cell { value, at } = self.cells[column];
        if !value.is_nan() {
            return value;
        }
        if at != Cell::BAD {
            self.mistake(column, "is no number: NaN", "expected a number", mistakes);
        }
        0.0
    }

    pub fn finite(&self, column: usize, mistakes: &mut Mistakes) -> f64 {
        let value = self.number(column, mistakes);
        if value.is_finite() {
            return value;
        }
        self.mistake(column, &format!("is not finite: {value}"), "expected a finite number", mistakes);
        0.0
    }

    /// A whole number from `least` on.
    pub fn whole(&self, column: usize, least: u64, mistakes: &mut Mistakes) -> u64 {
        let value = self.finite(column, mistakes);
        // Beyond 2^53 neighbours are the same number.
        if value.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&value) && value as u64 >= least {
            return value as u64;
        }
        self.mistake(column, &format!("is no whole number from {least}: {value}"), "expected a whole number", mistakes);
        least
    }
}

impl Table {
    /// The rows that have as many columns as they should; the others are reported, and are none.
    ///
    /// A matrix has one number of columns: that of most of its rows, if the layout allows it.
    pub fn checked(&self, layout: &'static Layout, mistakes: &mut Mistakes) -> Vec<Option<Row<'_>>> {
        let Layout { columns, least, most, .. } = *layout;
        let mut lengths: Vec<usize> = self.rows().map(<[Cell]>::len).collect();
        lengths.sort_unstable();
        let common = lengths.chunk_by(|a, b| a == b).max_by_key(|same| same.len()).map_or(least, |same| same[0]);
        let expected = common.clamp(least, most);
        let last = self.ends.len();
        let mut rows = Vec::with_capacity(last);
        let mut said = false;
        for (position, cells) in self.rows().enumerate() {
            let row = Row { layout, number: position + 1, cells };
            let found = cells.len();
            if found == expected {
                rows.push(Some(row));
                continue;
            }
            rows.push(None);
            // Where every row is wrong in the same way, the first one says it; what is no value may have hidden others.
            if (found == common && said) || cells.iter().any(|cell| cell.at == Cell::BAD) {
                continue;
            }
            said |= found == common;
            let hint = if expected == least && most < usize::MAX {
                format!("expected {expected}: {}", columns[..least].join(", "))
            } else {
                format!("expected {expected}, as in the other rows")
            };
            row.row_mistake(&format!("has {found} columns, expected {expected}"), &hint, mistakes);
        }
        rows
    }

    /// The only number of a table that is one.
    pub fn scalar(&self, name: &str, mistakes: &mut Mistakes) -> Option<f64> {
        let [Cell { value, at }] = self.cells[..] else {
            let count = self.cells.len();
            mistakes.add(self.at, format!("`{name}` has {count} values"), "expected one number");
            return None;
        };
        if at == Cell::BAD {
            return None;
        }
        if value.is_nan() {
            mistakes.add(at, format!("`{name}` is no number: NaN"), "expected a number");
            return None;
        }
        Some(value)
    }
}
