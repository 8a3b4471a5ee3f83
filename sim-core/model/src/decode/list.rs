//! Lists: words, names, nations, targets; tables of ratios.

use std::collections::BTreeMap;

use bastide_units::{Duration, Ratio};

use super::{Cursor, suggestion};
use crate::keys::Range;
use crate::model::{BusId, Endpoint, FacilityId, GeneratorId, LineId, LinkId, NationId, SiteId, Target};
use crate::text::At;
use crate::tree::{Node, Table, Value};

impl<'t> Cursor<'_, 't> {
    /// The entries of a list, if the key stands.
    pub(crate) fn list(&mut self, key: &str) -> Option<&'t [Node]> {
        let Some(node) = self.take(key) else {
            self.missing(key);
            return None;
        };
        if let Value::List(items) = &node.value {
            Some(items)
        } else {
            self.wrong_form(key, node, "a list, in brackets");
            None
        }
    }

    /// The different texts of a list with their places; `None` if the key is absent.
    pub fn words_at(&mut self, key: &str) -> Option<Vec<(&'t str, At)>> {
        let items = self.list(key)?;
        let mut first: BTreeMap<&str, At> = BTreeMap::new();
        let mut words = Vec::with_capacity(items.len());
        for item in items {
            let Value::Text(text) = &item.value else {
                self.wrong_form(key, item, "a list of texts");
                continue;
            };
            if let Some(earlier) = first.insert(text, item.at) {
                let span = self.ctx.span(earlier);
                let diagnostic =
                    crate::diag::Diagnostic::error("F0303", self.ctx.span(item.at), format!("`{text}` stands twice in `{key}`"));
                self.ctx.push(diagnostic.label(span, "first here").hint("remove one"));
                continue;
            }
            words.push((text.as_str(), item.at));
        }
        Some(words)
    }
    /// The texts of a list that is read elsewhere, too; nothing is reported.
    pub fn plain_words(&self, key: &str) -> Vec<String> {
        let items = self.table.get(key).map(|entry| &entry.node.value);
        let Some(Value::List(items)) = items else { return Vec::new() };
        items.iter().filter_map(|item| if let Value::Text(text) = &item.value { Some(text.clone()) } else { None }).collect()
    }
    /// The texts of a list; empty if the key is absent.
    pub fn words(&mut self, key: &str) -> Vec<String> {
        self.words_at(key).unwrap_or_default().into_iter().map(|(word, _)| word.to_owned()).collect()
    }
    /// Positions of the names of a list in a table; `None` if the key is absent.
    pub fn references(&mut self, key: &str, table: &'static str) -> Option<Vec<usize>> {
        let words = self.words_at(key)?;
        Some(words.into_iter().filter_map(|(name, at)| self.resolve(table, name, at)).collect())
    }
    /// Positions of the words of a list among some; `None` if the key is absent.
    pub fn list_of(&mut self, key: &str, known: &[&str]) -> Option<Vec<usize>> {
        let words = self.words_at(key)?;
        let mut positions = Vec::with_capacity(words.len());
        for (word, at) in words {
            match known.iter().position(|name| *name == word) {
                Some(position) => positions.push(position),
                None => {
                    self.ctx.error_hint("F0210", at, format!("`{key}` cannot hold `{word}`"), format!("any of `{}`", known.join("`, `")));
                }
            }
        }
        Some(positions)
    }
    /// Nations of a list of nations or groups; `None` if the key is absent or the list empty.
    pub fn nations(&mut self, key: &str) -> Option<Vec<NationId>> {
        let words = self.words_at(key)?;
        if words.is_empty() {
            return None;
        }
        let mut nations = Vec::new();
        for (word, at) in words {
            nations.extend(self.nation_or_group(word, at));
        }
        nations.sort_unstable();
        nations.dedup();
        Some(nations)
    }
    /// Nations that a word means: one nation, or the members of a group.
    pub fn nation_or_group(&mut self, word: &str, at: At) -> Vec<NationId> {
        let nation = self.ctx.names.get("nation").and_then(|names| names.get(word)).map(|(index, _)| *index);
        let members = self.ctx.groups.get(word).cloned().unwrap_or_default();
        let all: Vec<NationId> = nation.into_iter().chain(members).map(NationId::from_index).collect();
        if all.is_empty() {
            let nations = self.ctx.names.get("nation").into_iter().flat_map(|names| names.keys());
            let known: Vec<&str> = nations.chain(self.ctx.groups.keys()).map(String::as_str).collect();
            let hint = suggestion(word, &known, "nation");
            self.ctx.error_hint("F0308", at, format!("there is no nation or group `{word}`"), hint);
            self.poison();
        }
        all
    }

    /// A table of ratios by word; empty if the key is absent.
    pub fn ratios(&mut self, key: &str) -> Vec<(&'t str, At, f64)> {
        let Some(node) = self.take(key) else {
            self.missing(key);
            return Vec::new();
        };
        let Value::Table(table) = &node.value else {
            self.wrong_form(key, node, "a table of ratios, such as `{ T0 = 0.99 }`");
            return Vec::new();
        };
        let mut ratios = Vec::with_capacity(table.entries.len());
        for entry in &table.entries {
            let value = self.number::<Ratio>(&entry.key, &entry.node, Range::Share).unwrap_or(f64::NAN);
            ratios.push((entry.key.as_str(), entry.key_at, value));
        }
        ratios
    }
    /// A table of ratios by one of some words.
    pub fn ratios_of(&mut self, key: &str, known: &[&str]) -> Vec<(usize, f64)> {
        let mut found = Vec::new();
        for (word, at, value) in self.ratios(key) {
            match known.iter().position(|name| *name == word) {
                Some(position) => found.push((position, value)),
                None => {
                    self.ctx.error_hint("F0202", at, format!("`{key}` has no key `{word}`"), format!("any of `{}`", known.join("`, `")));
                }
            }
        }
        found
    }

    /// Factors of mean one from a list of `N` weights, if the key stands and can be read; weights are zero or more, not all zero.
    pub fn shape<const N: usize>(&mut self, key: &str) -> Option<[f64; N]> {
        let items = self.list(key)?;
        if items.len() != N {
            self.wrong("F0540", key, format!("`{key}` has {} weights, not {N}", items.len()), format!("write {N} numbers"));
            return None;
        }
        let mut weights = [0.0; N];
        for (weight, item) in weights.iter_mut().zip(items) {
            *weight = self.number::<Ratio>(key, item, Range::NotNegative)?;
        }
        let mean = weights.iter().sum::<f64>() / N as f64;
        if mean <= 0.0 || !mean.is_finite() {
            self.wrong("F0540", key, format!("the weights of `{key}` have no sum"), "at least one above zero, none beyond measure");
            return None;
        }
        Some(weights.map(|weight| weight / mean))
    }

    /// One end of a link.
    pub fn endpoint(&mut self, key: &str) -> Option<Endpoint> {
        let Some(node) = self.take(key) else {
            self.missing(key);
            self.poison();
            return None;
        };
        let Value::Text(text) = &node.value else {
            self.wrong_form(key, node, "a text");
            self.poison();
            return None;
        };
        match text.split_once('.') {
            Some(("nation", name)) => self.resolve("nation", name, node.at).map(|index| Endpoint::Nation(NationId::from_index(index))),
            Some(("site", name)) => self.resolve("site", name, node.at).map(|index| Endpoint::Site(SiteId::from_index(index))),
            _ => {
                self.poison();
                self.ctx.error_hint("F0307", node.at, format!("`{text}` is no end of a link"), "write `nation.NAME` or `site.NAME`");
                None
            }
        }
    }

    /// Targets of a hazard, wildcards spread, with their places.
    pub fn targets(&mut self, key: &str, allowed: &[&str]) -> Vec<(Target, At)> {
        let Some(words) = self.words_at(key) else { return Vec::new() };
        if words.is_empty() {
            self.wrong("F0217", key, format!("`{key}` is empty"), "name at least one target, such as `site.*`");
        }
        let mut targets: Vec<(Target, At)> = Vec::new();
        for (word, at) in words {
            let kinds = ["site", "line", "generator", "link", "bus", "facility"];
            let split = word.split_once('.').and_then(|(kind, name)| Some((*kinds.iter().find(|known| **known == kind)?, name)));
            let Some((table, name)) = split else {
                self.ctx.error_hint(
                    "F0307",
                    at,
                    format!("`{word}` is no target"),
                    "write `site.NAME`, `line.NAME`, `generator.NAME`, `link.NAME`, `bus.NAME`, `facility.NAME` or `site.*`",
                );
                continue;
            };
            if !allowed.contains(&table) {
                self.ctx.error_hint(
                    "F0305",
                    at,
                    format!("`{word}` is not a {}", allowed.join(" or a ")),
                    "this kind of hazard cannot hit it",
                );
                continue;
            }
            let found: Vec<usize> = if name == "*" {
                let count = self.ctx.names.get(table).map_or(0, BTreeMap::len);
                if count == 0 {
                    self.ctx.error_hint("F0306", at, format!("`{word}` matches nothing"), format!("the scenario has no {table}"));
                }
                (0..count).collect()
            } else {
                self.resolve(table, name, at).into_iter().collect()
            };
            for index in found {
                let target = match table {
                    "site" => Target::Site(SiteId::from_index(index)),
                    "line" => Target::Line(LineId::from_index(index)),
                    "bus" => Target::Bus(BusId::from_index(index)),
                    "generator" => Target::Generator(GeneratorId::from_index(index)),
                    "facility" => Target::Facility(FacilityId::from_index(index)),
                    _ => Target::Link(LinkId::from_index(index)),
                };
                match targets.iter().find(|(known, _)| *known == target) {
                    Some((_, earlier)) => {
                        let span = self.ctx.span(*earlier);
                        let diagnostic =
                            crate::diag::Diagnostic::error("F0303", self.ctx.span(at), format!("`{word}` names a target a second time"));
                        self.ctx.push(diagnostic.label(span, "first here").hint("remove one"));
                        break;
                    }
                    None => targets.push((target, at)),
                }
            }
        }
        targets
    }

    /// A table inside this one, if the key stands.
    pub fn subtable(&mut self, key: &str) -> Option<&'t Table> {
        let node = self.take(key)?;
        if let Value::Table(table) = &node.value {
            Some(table)
        } else {
            self.wrong_form(key, node, "a table, in braces");
            None
        }
    }

    /// Restoration steps of a wiper.
    pub fn restoration(&mut self, key: &str) -> Vec<(Duration, f64)> {
        let Some(items) = self.list(key) else { return Vec::new() };
        if items.is_empty() {
            self.wrong("F0217", key, format!("`{key}` is empty"), "write at least `{ after = \"5 d\", restored = 1 }`");
        }
        let mut steps: Vec<(Duration, f64)> = Vec::with_capacity(items.len());
        for item in items {
            let Value::Table(table) = &item.value else {
                self.wrong_form(key, item, "a list of tables `{ after = \"2 d\", restored = 0.5 }`");
                continue;
            };
            for entry in table.entries.iter().filter(|entry| !["after", "restored"].contains(&entry.key.as_str())) {
                self.ctx.error_hint(
                    "F0202",
                    entry.key_at,
                    format!("a restoration step has no key `{}`", entry.key),
                    "it has `after` and `restored`",
                );
            }
            let (Some(after), Some(restored)) = (table.get("after"), table.get("restored")) else {
                self.ctx.error_hint(
                    "F0203",
                    item.at,
                    "a restoration step needs `after` and `restored`",
                    "such as `{ after = \"2 d\", restored = 0.5 }`",
                );
                continue;
            };
            let after_s = self.number::<Duration>("after", &after.node, Range::NotNegative).unwrap_or(f64::NAN);
            let share = self.number::<Ratio>("restored", &restored.node, Range::Share).unwrap_or(f64::NAN);
            if let Some((earlier, less)) = steps.last()
                && (after_s <= earlier.as_s() || share < *less)
            {
                self.ctx.error_hint("F0505", item.at, "restoration goes back", "steps must rise in time, and `restored` must not fall");
            }
            steps.push((Duration::from_s(after_s), share));
        }
        if let (Some((_, last)), Some(item)) = (steps.last(), items.last())
            && *last < 1.0
        {
            self.ctx.error_hint("F0505", item.at, format!("restoration ends at {last}, not at 1"), "add a last step with `restored = 1`");
        }
        steps
    }
}
