//! Factors by a quantity: `[["0 d", 3], ["90 d", 1]]`; quantities by year: `["800 M EUR", "1 B EUR"]`.

use bastide_units::{Quantity, Ratio};

use super::Cursor;
use crate::keys::{Kind, Range};
use crate::tree::Value;

impl Cursor<'_, '_> {
    /// Pairs of a quantity in its base unit and a factor, the quantity rising; empty if the key is absent.
    pub fn factors<Q: Quantity>(&mut self, key: &str, factor: Range) -> Vec<(f64, f64)> {
        let Some(items) = self.list(key) else { return Vec::new() };
        if items.is_empty() {
            self.wrong("F0217", key, format!("`{key}` is empty"), "write at least one pair, or leave the key out");
        }
        let mut pairs: Vec<(f64, f64)> = Vec::with_capacity(items.len());
        for item in items {
            let Value::List(pair) = &item.value else {
                self.wrong_form(key, item, "a list of pairs, such as `[[1024, 3.7], [4096, 1]]`");
                continue;
            };
            let [at, value] = pair.as_slice() else {
                self.ctx.error_hint("F0204", item.at, format!("an entry of `{key}` must be a pair"), "such as `[1024, 3.7]`");
                continue;
            };
            let at = self.number::<Q>(key, at, Range::NotNegative).unwrap_or(f64::NAN);
            let value = self.number::<Ratio>(key, value, factor).unwrap_or(f64::NAN);
            if pairs.last().is_some_and(|(before, _)| at <= *before) {
                self.ctx.error_hint("F0811", item.at, format!("`{key}` goes back"), "each pair begins above the one before it");
            }
            pairs.push((at, value));
        }
        pairs
    }

    /// Quantities by year; empty if the key is absent.
    pub fn by_year<Q: Quantity>(&mut self, key: &str) -> Vec<Q> {
        let range = match self.row(key).map(|row| row.kind) {
            Some(Kind::ByYear(_, range)) => range,
            _ => Range::Any,
        };
        let Some(items) = self.list(key) else { return Vec::new() };
        if items.is_empty() {
            self.wrong("F0217", key, format!("`{key}` is empty"), "one value for each year, or leave the key out");
        }
        items.iter().map(|item| Q::from_base(self.number::<Q>(key, item, range).unwrap_or(f64::NAN))).collect()
    }
}
