//! Values that follow an hourly series.

use bastide_units::{Quantity, Ratio};

use super::Cursor;
use crate::keys::{Kind, Range};
use crate::model::Profile;
use crate::scenario::series;
use crate::tree::Value;

impl Cursor<'_, '_> {
    /// A profile, if the key stands; NaN after a message.
    pub fn profile_opt<Q: Quantity>(&mut self, key: &str) -> Option<Profile> {
        let node = self.take(key)?;
        let range = match self.row(key).map(|row| row.kind) {
            Some(Kind::Profile(_, range)) => range,
            _ => Range::Any,
        };
        let Value::Table(table) = &node.value else {
            return Some(Profile::Constant(self.number::<Q>(key, node, range).unwrap_or(f64::NAN)));
        };
        let broken = Some(Profile::Constant(f64::NAN));
        for entry in &table.entries {
            if !["series", "column", "scale", "repeat", "growth", "source", "verified"].contains(&entry.key.as_str()) {
                self.ctx.error_hint(
                    "F0202",
                    entry.key_at,
                    format!("a series has no key `{}`", entry.key),
                    "it has `series`, `column`, `scale`, `repeat` and `growth`",
                );
                return broken;
            }
        }
        let mut texts = [None, None];
        for (slot, name) in texts.iter_mut().zip(["series", "column"]) {
            match table.get(name).map(|entry| &entry.node) {
                None => self.ctx.error_hint(
                    "F0203",
                    node.at,
                    format!("the series of `{key}` has no `{name}`"),
                    "such as `{ series = \"series/demand.csv\", column = \"pl\" }`",
                ),
                Some(found) => match &found.value {
                    Value::Text(text) => *slot = Some((text.as_str(), found.at)),
                    _ => self.wrong_form(name, found, "a text"),
                },
            }
        }
        let scale = table.get("scale").map_or(Some(1.0), |entry| self.number::<Ratio>("scale", &entry.node, Range::Any));
        let growth = table.get("growth").map_or(Some(0.0), |entry| self.number::<Ratio>("growth", &entry.node, Range::Any));
        let repeat = match table.get("repeat").map(|entry| &entry.node) {
            None => Some(false),
            Some(node) => match node.value {
                Value::Boolean(repeat) => Some(repeat),
                _ => {
                    self.wrong_form("repeat", node, "true or false");
                    None
                }
            },
        };
        let ([Some(file), Some(column)], Some(scale), Some(growth), Some(repeat)) = (texts, scale, growth, repeat) else {
            return broken;
        };
        if growth <= -1.0 {
            let at = table.get("growth").map_or(node.at, |entry| entry.node.at);
            self.ctx.error_hint("F0508", at, format!("`growth` must be above -1: {growth}"), "a share per year, such as `0.06`");
            return broken;
        }
        match series::column::<Q>(self.ctx, file, column, &series::Course { scale, repeat, growth }, range) {
            Some(series) => Some(Profile::Series { series, scale }),
            None => broken,
        }
    }
    /// A profile, or its default.
    pub fn profile<Q: Quantity>(&mut self, key: &str) -> Profile {
        if let Some(profile) = self.profile_opt::<Q>(key) {
            return profile;
        }
        self.missing(key);
        Profile::Constant(self.default(key).and_then(|text| Q::parse(text).ok()).map_or(f64::NAN, Quantity::base))
    }
}
