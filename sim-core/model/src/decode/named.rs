//! Numbers by the names of another table: `{ riga = 0.5 }`.

use bastide_units::{Quantity, Ratio};

use super::Cursor;
use crate::keys::{Kind, Range};
use crate::text::At;
use crate::tree::Value;

impl<'t> Cursor<'_, 't> {
    /// Ratios by name, in the range of the key's row; empty if the key is absent.
    pub fn named_ratios(&mut self, key: &str) -> Vec<(&'t str, At, f64)> {
        let range = match self.row(key).map(|row| row.kind) {
            Some(Kind::RatiosBy(_, range)) => range,
            _ => Range::Any,
        };
        let Some(table) = self.subtable(key) else { return Vec::new() };
        let read = |entry: &'t crate::tree::Entry| {
            let value = self.number::<Ratio>(&entry.key, &entry.node, range).unwrap_or(f64::NAN);
            (entry.key.as_str(), entry.key_at, value)
        };
        table.entries.iter().map(read).collect()
    }

    /// One factor for each of `len` entries of a table: a default, and what the key says by name.
    pub fn factors_of(&mut self, key: &str, default: &str, table: &'static str, len: usize) -> Vec<f64> {
        let mut all = vec![self.ratio(default); len];
        for (name, at, factor) in self.named_ratios(key) {
            if let Some(index) = self.resolve(table, name, at)
                && let Some(it) = all.get_mut(index)
            {
                *it = factor;
            }
        }
        all
    }

    /// A quantity, or a table of it by the names of another table: positions there and values.
    pub fn quantities_by<Q: Quantity>(&mut self, key: &str, table: &'static str) -> Option<Result<Q, Vec<(usize, Q)>>> {
        let range = self.range(key);
        let node = self.take(key)?;
        let Value::Table(by) = &node.value else {
            return Some(Ok(Q::from_base(self.number::<Q>(key, node, range).unwrap_or(f64::NAN))));
        };
        let mut all = Vec::with_capacity(by.entries.len());
        for entry in &by.entries {
            let value = self.number::<Q>(&entry.key, &entry.node, range).unwrap_or(f64::NAN);
            if let Some(index) = self.resolve(table, &entry.key, entry.key_at) {
                all.push((index, Q::from_base(value)));
            }
        }
        Some(Err(all))
    }
}
