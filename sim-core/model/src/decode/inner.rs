//! Tables inside a table, with rows of their own.

use super::Cursor;
use crate::keys::{TableSpec, nearest};
use crate::text::At;
use crate::tree::{Table, Value};

impl<'t> Cursor<'_, 't> {
    /// Decodes the table of a key by its own rows, if it stands.
    pub fn inner_table<T>(&mut self, key: &str, spec: &'static TableSpec, decode: impl FnOnce(&mut Cursor<'_, 't>) -> T) -> Option<T> {
        let (at, table) = (self.place(key), self.subtable(key)?);
        Some(self.inner(key, spec, table, at, decode))
    }

    /// Decodes each table of a list by its own rows; empty if the key is absent.
    pub fn inner_tables<T>(&mut self, key: &str, spec: &'static TableSpec, mut decode: impl FnMut(&mut Cursor<'_, 't>) -> T) -> Vec<T> {
        let items = self.list(key).unwrap_or_default();
        let mut all = Vec::with_capacity(items.len());
        for item in items {
            if let Value::Table(table) = &item.value {
                all.push(self.inner(key, spec, table, item.at, &mut decode));
            } else {
                self.wrong_form(key, item, "a list of tables, in braces");
            }
        }
        all
    }

    fn inner<T>(
        &mut self,
        key: &str,
        spec: &'static TableSpec,
        table: &'t Table,
        at: At,
        decode: impl FnOnce(&mut Cursor<'_, 't>) -> T,
    ) -> T {
        let keys: Vec<&str> = spec.keys.iter().map(|row| row.name).collect();
        for entry in table.entries.iter().filter(|entry| !keys.contains(&entry.key.as_str())) {
            let near = nearest(&entry.key, keys.iter().copied());
            let hint = near.map_or_else(|| format!("it has `{}`", keys.join("`, `")), |near| format!("did you mean `{near}`?"));
            self.ctx.error_hint("F0202", entry.key_at, format!("`{key}` has no key `{}`", entry.key), hint);
        }
        let (source, verified) = (self.source.clone(), self.verified);
        let path = format!("{}.{key}", self.path);
        let mut inner = Cursor { ctx: &mut *self.ctx, table, at, spec, variant: None, path, source, verified, index: 0, poisoned: false };
        let decoded = decode(&mut inner);
        self.poisoned |= inner.poisoned;
        decoded
    }
}
