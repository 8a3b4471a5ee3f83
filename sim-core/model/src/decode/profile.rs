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
            if !["series", "column", "scale", "source", "verified"].contains(&entry.key.as_str()) {
                self.ctx.error_hint(
                    "F0202",
                    entry.key_at,
                    format!("a series has no key `{}`", entry.key),
                    "it has `series`, `column` and `scale`",
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
        let ([Some(file), Some(column)], Some(scale)) = (texts, scale) else { return broken };
        match series::column::<Q>(self.ctx, file, column, scale, range) {
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
