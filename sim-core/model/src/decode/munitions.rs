//! Munitions of a salvo: a count, a distribution of it, or either by type; ratios by type of munition.

use bastide_engine::Distribution;
use bastide_units::Ratio;

use super::Cursor;
use crate::keys::Range;
use crate::tree::Value;

impl Cursor<'_, '_> {
    /// Positions of munitions (`None` without types) with their numbers; empty after a message.
    pub fn munitions(&mut self, key: &str) -> Vec<(Option<usize>, Distribution)> {
        let Some(node) = self.take(key) else {
            self.missing(key);
            return Vec::new();
        };
        let Value::Table(table) = &node.value else {
            return vec![(None, Distribution::Fixed(f64::from(self.count(key))))];
        };
        if table.get("dist").is_some() {
            return vec![(None, self.distribution::<Ratio>(key))];
        }
        if table.entries.is_empty() {
            self.wrong("F0217", key, format!("`{key}` is empty"), "such as `{ drone = 30 }`, with a `[[munition]]` of that name");
        }
        let mut groups = Vec::with_capacity(table.entries.len());
        for entry in &table.entries {
            let Some(munition) = self.resolve("munition", &entry.key, entry.key_at) else { continue };
            let count = match &entry.node.value {
                Value::Table(inner) if inner.get("dist").is_some() => self.distribution_of::<Ratio>(&entry.key, entry.node.at, inner),
                _ => self.number::<Ratio>(&entry.key, &entry.node, Range::NotNegative).map(Distribution::Fixed),
            };
            if let Some(Distribution::Fixed(count)) = count
                && count.fract() != 0.0
            {
                self.ctx.error("F0204", entry.node.at, format!("`{}` must be a whole number: {count}", entry.key));
            }
            groups.push((Some(munition), count.unwrap_or(Distribution::Fixed(f64::NAN))));
        }
        groups
    }

    /// A ratio for all munitions, or a table of them by type: (each type, munitions without one).
    pub fn ratio_by_munition(&mut self, key: &str) -> (Vec<f64>, f64) {
        let types = self.ctx.names.get("munition").map_or(0, std::collections::BTreeMap::len);
        let Some(node) = self.take(key) else {
            self.missing(key);
            return (vec![f64::NAN; types], f64::NAN);
        };
        let Value::Table(table) = &node.value else {
            let ratio = self.number::<Ratio>(key, node, Range::Share).unwrap_or(f64::NAN);
            return (vec![ratio; types], ratio);
        };
        let mut ratios = vec![0.0; types];
        for entry in &table.entries {
            let ratio = self.number::<Ratio>(&entry.key, &entry.node, Range::Share).unwrap_or(f64::NAN);
            if let Some(munition) = self.resolve("munition", &entry.key, entry.key_at)
                && let Some(place) = ratios.get_mut(munition)
            {
                *place = ratio;
            }
        }
        (ratios, 0.0)
    }
}
