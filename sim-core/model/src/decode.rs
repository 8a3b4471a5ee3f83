//! A cursor over one table: typed values out, diagnostics collected.
//!
//! A value that cannot be read is reported once and stands as NaN (a number) or as a poisoned entry (a name) until the end;
//! every later check lets those pass, so that one slip makes one message.

mod date;
mod factors;
mod inner;
mod list;
mod munitions;
mod named;
mod number;
mod profile;

pub use number::DISTRIBUTIONS;

use std::collections::{BTreeMap, BTreeSet};

use bastide_units::{Duration, Time};

use crate::diag::Diagnostic;
use crate::keys::{Key, Need, TableSpec, nearest};
use crate::model::{Accelerator, Assumption, Entity, Place, Series};
use crate::scenario::files::Files;
use crate::scenario::series::Cache;
use crate::source::Span;
use crate::text::At;
use crate::tree::{Node, Table, Value};

/// Most mistakes that are listed: beyond, a file is no scenario, or one mistake repeats.
pub const MAX_DIAGNOSTICS: usize = 2000;

/// Names of one table, with position and place of the first that has it.
pub type Names = BTreeMap<String, (usize, At)>;

/// Everything that decoding one scenario gathers.
#[derive(Default)]
pub struct Context {
    /// Files read, and the diagnostics so far.
    pub files: Files,
    /// Names by table.
    pub names: BTreeMap<&'static str, Names>,
    /// Entries with a name that could not be resolved; checks leave them alone.
    pub poisoned: BTreeSet<(&'static str, usize)>,
    /// Tables of the wrong form; what they should hold is not known.
    pub broken: BTreeSet<&'static str>,
    /// Numbers with their sources.
    pub assumptions: Vec<Assumption>,
    /// Series read so far.
    pub series: Vec<Series>,
    /// CSV files read so far.
    pub cache: Cache,
    /// Accelerator types in use: those of the scenario, then those of the library that it names.
    pub accelerators: Vec<Accelerator>,
    /// Groups, with the positions of their nations.
    pub groups: BTreeMap<String, Vec<usize>>,
    /// Whether start and duration are known; without, dates and series are read and not judged.
    pub clock: bool,
    /// Seconds from the Unix epoch to the start.
    pub start_epoch_s: i64,
    /// Hours of the scenario.
    pub hours: usize,
    /// Length of the scenario.
    pub duration: Duration,
}

impl Context {
    /// Place of a stretch.
    #[must_use]
    pub fn span(&self, at: At) -> Span {
        self.files.sources.span(at)
    }
    /// Whether no more mistakes are listed.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.files.diagnostics.len() >= MAX_DIAGNOSTICS
    }
    /// Adds a diagnostic.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if !self.is_full() {
            self.files.diagnostics.push(diagnostic);
        }
    }
    /// Adds an error without a hint.
    pub fn error(&mut self, code: &'static str, at: At, message: impl Into<String>) {
        if self.is_full() {
            return;
        }
        let diagnostic = Diagnostic::error(code, self.span(at), message);
        self.push(diagnostic);
    }
    /// Adds an error with a hint.
    pub fn error_hint(&mut self, code: &'static str, at: At, message: impl Into<String>, hint: impl Into<String>) {
        if self.is_full() {
            return;
        }
        let diagnostic = Diagnostic::error(code, self.span(at), message).hint(hint);
        self.push(diagnostic);
    }
    /// Whether checks should leave an entry alone.
    #[must_use]
    pub fn is_poisoned(&self, table: &'static str, index: usize) -> bool {
        self.poisoned.contains(&(table, index))
    }
    /// Whether anything of a table could not be read.
    #[must_use]
    pub fn is_unsure(&self, table: &str) -> bool {
        self.broken.contains(table) || self.poisoned.iter().any(|(name, _)| *name == table)
    }
    /// Position of a name in a table; reports a name that is not there.
    pub fn lookup(&mut self, table: &'static str, name: &str, at: At) -> Option<usize> {
        let found = match table {
            "accelerator" => self.accelerator(name),
            _ => self.names.get(table).and_then(|names| names.get(name)).map(|(index, _)| *index),
        };
        if found.is_none() && !self.broken.contains(table) {
            let mut known: Vec<&str> = self.names.get(table).map(|names| names.keys().map(String::as_str).collect()).unwrap_or_default();
            if table == "accelerator" {
                known.extend(bastide_cost_models::library().accelerators.keys().map(String::as_str));
            }
            let hint = suggestion(name, &known, table);
            self.error_hint("F0301", at, format!("there is no {table} `{name}`"), hint);
        }
        found
    }
}

/// `did you mean ...`, or the names there are.
pub(crate) fn suggestion(word: &str, known: &[&str], noun: &str) -> String {
    if let Some(near) = nearest(word, known.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    match known.len() {
        0 => format!("the scenario has no {noun}"),
        1..=12 => format!("known: {}", known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
        count => format!("none of the {count} names is close to it"),
    }
}

/// A cursor over one table.
pub struct Cursor<'c, 't> {
    /// What decoding gathers.
    pub ctx: &'c mut Context,
    /// The table.
    pub table: &'t Table,
    /// Its heading.
    pub at: At,
    spec: &'static TableSpec,
    variant: Option<String>,
    path: String,
    source: Option<String>,
    verified: Option<bool>,
    index: usize,
    poisoned: bool,
}

impl<'c, 't> Cursor<'c, 't> {
    /// Opens the entry `index` of a table and reports the keys that it does not know.
    pub fn open(ctx: &'c mut Context, spec: &'static TableSpec, index: usize, table: &'t Table, at: At) -> Self {
        let path = if spec.array { format!("{}.{}", spec.name, table.text("name").unwrap_or("?")) } else { spec.name.to_owned() };
        let variant = (!spec.variants.is_empty()).then(|| table.text("kind").unwrap_or("").to_owned());
        let mut cursor = Self { ctx, table, at, spec, variant, path, source: None, verified: None, index, poisoned: false };
        cursor.refuse_unknown_keys();
        if spec.array && spec.keys.iter().any(|key| key.name == "source") {
            cursor.source = cursor.text_opt("source");
            cursor.verified = cursor.boolean_opt("verified");
        }
        cursor
    }

    fn refuse_unknown_keys(&mut self) {
        let kind_known = self.spec.variants.iter().any(|(name, _)| Some(*name) == self.variant.as_deref());
        let known: Vec<&str> = self.spec.keys_of(self.variant.as_deref()).map(|key| key.name).collect();
        // Without a kind, a key of any kind may be meant.
        let any: Vec<&str> = self.spec.variants.iter().flat_map(|(_, keys)| keys.iter().map(|key| key.name)).collect();
        for entry in &self.table.entries {
            let name = entry.key.as_str();
            if self.ctx.is_full() {
                break;
            }
            if known.contains(&name) || (!kind_known && any.contains(&name)) {
                continue;
            }
            let (message, hint) = if any.contains(&name) {
                let kinds: Vec<&str> =
                    self.spec.variants.iter().filter(|(_, keys)| keys.iter().any(|key| key.name == name)).map(|(kind, _)| *kind).collect();
                let kind = self.variant.as_deref().unwrap_or("");
                (format!("a {} of kind `{kind}` has no key `{name}`", self.spec.name), format!("it belongs to `{}`", kinds.join("`, `")))
            } else {
                let hint = nearest(name, known.iter().copied()).map_or_else(
                    || format!("`bastide explain {}` lists its keys", self.spec.name),
                    |near| format!("did you mean `{near}`?"),
                );
                (format!("`{}` has no key `{name}`", self.spec.name), hint)
            };
            self.ctx.error_hint("F0202", entry.key_at, message, hint);
        }
    }

    /// The kind, if it is one that the table knows; reports it otherwise.
    pub fn kind(&mut self) -> Option<&'static str> {
        let kinds: Vec<&'static str> = self.spec.variants.iter().map(|(name, _)| *name).collect();
        self.one_of_opt("kind", &kinds).map(|index| kinds[index])
    }

    /// Reports values that a check found wrong together: at the key if it stands, else at the heading.
    pub fn wrong(&mut self, code: &'static str, key: &str, message: impl Into<String>, hint: impl Into<String>) {
        let at = self.place(key);
        self.ctx.error_hint(code, at, message, hint);
    }
    /// Where the value of a key stands; the heading if it is absent.
    #[must_use]
    pub fn place(&self, key: &str) -> At {
        self.table.get(key).map_or(self.at, |entry| entry.node.at)
    }
    /// Whether the key stands.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.table.get(key).is_some()
    }
    /// Marks the entry as one that checks leave alone.
    pub const fn poison(&mut self) {
        self.poisoned = true;
    }
    /// Whether a name in it could not be resolved.
    #[must_use]
    pub const fn is_poisoned(&self) -> bool {
        self.poisoned
    }
    /// Ends; remembers whether the entry is usable.
    pub fn close(self) {
        if self.poisoned {
            self.ctx.poisoned.insert((self.spec.name, self.index));
        }
    }

    /// The registry's row of a key.
    fn row(&self, key: &str) -> Option<&'static Key> {
        let row = self.spec.keys_of(self.variant.as_deref()).find(|row| row.name == key);
        debug_assert!(row.is_some() || !self.spec.variants.is_empty(), "{}.{key} is not in the registry", self.spec.name);
        row
    }
    /// The default text of a key, if it has one.
    fn default(&self, key: &str) -> Option<&'static str> {
        match self.row(key)?.need {
            Need::Default(text) => Some(text),
            _ => None,
        }
    }
    /// Reports a missing key if it is required.
    fn missing(&mut self, key: &str) {
        if self.row(key).is_some_and(|row| row.need == Need::Required) {
            self.miss(key);
        }
    }
    /// Reports a missing key.
    pub fn miss(&mut self, key: &str) {
        let hint = self.row(key).map_or_else(String::new, |row| format!("add `{key} = {}`: {}", crate::keys::example(row), row.doc));
        self.ctx.error_hint("F0203", self.at, format!("`{}` has no `{key}`", self.path), hint);
    }

    /// The value of a key without its provenance, and its assumption noted if it is a number.
    fn take(&mut self, key: &str) -> Option<&'t Node> {
        let node = &self.table.get(key)?.node;
        let (inner, source, verified) = self.unwrap_provenance(node);
        if self.row(key).is_some_and(|row| row.kind.is_number()) {
            self.assume(key, inner, source, verified);
        }
        Some(inner)
    }

    fn unwrap_provenance(&mut self, node: &'t Node) -> (&'t Node, Option<String>, Option<bool>) {
        let Value::Table(table) = &node.value else { return (node, None, None) };
        let (Some(inner), None) = (table.get("value"), table.get("dist")) else { return (node, None, None) };
        let (mut source, mut verified) = (None, None);
        for entry in &table.entries {
            match (entry.key.as_str(), &entry.node.value) {
                ("value", _) => {}
                ("source", Value::Text(text)) => source = Some(text.clone()),
                ("verified", Value::Boolean(seen)) => verified = Some(*seen),
                ("source" | "verified", other) => {
                    let form = if entry.key == "source" { "a text" } else { "true or false" };
                    self.ctx.error("F0204", entry.node.at, format!("`{}` must be {form}, not {}", entry.key, other.word()));
                }
                _ => {
                    let hint = "a value with provenance has `value`, `source` and `verified`";
                    self.ctx.error_hint("F0202", entry.key_at, format!("a value has no key `{}`", entry.key), hint);
                }
            }
        }
        (&inner.node, source, verified)
    }

    fn assume(&mut self, key: &str, node: &Node, source: Option<String>, verified: Option<bool>) {
        let sources = &self.ctx.files.sources;
        let written = sources.slice(node.at);
        let value =
            if let Value::Text(text) = &node.value { text.clone() } else { written.split_whitespace().collect::<Vec<_>>().join(" ") };
        let assumption = Assumption {
            key: format!("{}.{key}", self.path),
            value,
            source: source.or_else(|| self.source.clone()),
            verified: verified.or(self.verified),
            place: sources.place(node.at),
        };
        self.ctx.assumptions.push(assumption);
    }

    /// Reports a value of the wrong form.
    fn wrong_form(&mut self, key: &str, node: &Node, form: &str) {
        self.ctx.error("F0204", node.at, format!("`{key}` must be {form}, not {}", node.value.word()));
    }

    /// Name, title and place.
    pub fn entity(&mut self) -> Entity {
        let name = self.name();
        let title = self.text_opt("title").unwrap_or_else(|| name.clone());
        let span = self.ctx.span(self.place("name"));
        Entity { name, title, span }
    }

    /// The name; lower-case letters, digits and hyphens.
    pub fn name(&mut self) -> String {
        let Some(node) = self.take("name") else {
            self.missing("name");
            return String::new();
        };
        let Value::Text(name) = &node.value else {
            self.wrong_form("name", node, "a text");
            return String::new();
        };
        if !is_name(name) {
            let hint = "lower-case letters, digits and hyphens, starting with a letter, at most 64: `riga-2`";
            self.ctx.error_hint("F0211", node.at, format!("`{name}` is not a name"), hint);
        }
        name.clone()
    }

    /// A text, if it stands.
    pub fn text_opt(&mut self, key: &str) -> Option<String> {
        let Some(node) = self.take(key) else {
            self.missing(key);
            return None;
        };
        if let Value::Text(text) = &node.value {
            Some(text.clone())
        } else {
            self.wrong_form(key, node, "a text");
            None
        }
    }
    /// A text that is not empty, if it stands.
    pub fn word_opt(&mut self, key: &str) -> Option<String> {
        let word = self.text_opt(key)?;
        if word.trim().is_empty() {
            let required = self.row(key).is_some_and(|row| row.need == Need::Required);
            let hint = if required { format!("write `{key} = \"...\"`") } else { "write a word, or leave the key out".to_owned() };
            self.wrong("F0217", key, format!("`{key}` is empty"), hint);
        }
        Some(word)
    }
    /// A text that is not empty.
    pub fn word(&mut self, key: &str) -> String {
        self.word_opt(key).unwrap_or_default()
    }
    /// `true` or `false`, if it stands.
    pub fn boolean_opt(&mut self, key: &str) -> Option<bool> {
        let node = self.take(key)?;
        if let Value::Boolean(boolean) = &node.value {
            Some(*boolean)
        } else {
            self.wrong_form(key, node, "true or false");
            None
        }
    }
    /// `true` or `false`.
    pub fn boolean(&mut self, key: &str) -> bool {
        self.boolean_opt(key).unwrap_or(self.default(key) == Some("true"))
    }
    /// Position of one of some words, if it stands and is one of them.
    pub fn one_of_opt(&mut self, key: &str, words: &[&str]) -> Option<usize> {
        let Some(node) = self.take(key) else {
            self.missing(key);
            return None;
        };
        let Value::Text(text) = &node.value else {
            self.wrong_form(key, node, "a word");
            return None;
        };
        let found = words.iter().position(|word| word == text);
        if found.is_none() {
            let near = nearest(text, words.iter().copied()).map_or_else(String::new, |near| format!("did you mean `{near}`? "));
            let hint = format!("{near}one of `{}`", words.join("`, `"));
            self.ctx.error_hint("F0210", node.at, format!("`{key}` cannot be `{text}`"), hint);
        }
        found
    }
    /// Position of one of some words; the default's, or the first where it cannot be read.
    pub fn one_of(&mut self, key: &str, words: &[&str]) -> usize {
        let default = self.default(key).and_then(|default| words.iter().position(|word| *word == default));
        self.one_of_opt(key, words).or(default).unwrap_or(0)
    }

    /// Position of a named entry of another table, if the key stands and the entry exists.
    pub fn reference_opt(&mut self, key: &str, table: &'static str) -> Option<usize> {
        let Some(node) = self.take(key) else {
            if self.row(key).is_some_and(|row| row.need == Need::Required) {
                self.missing(key);
                self.poison();
            }
            return None;
        };
        let Value::Text(name) = &node.value else {
            self.wrong_form(key, node, "a name in quotes");
            self.poison();
            return None;
        };
        self.resolve(table, name, node.at)
    }
    /// Position of a name; poisons this entry if there is none, or if that one is poisoned.
    pub fn resolve(&mut self, table: &'static str, name: &str, at: At) -> Option<usize> {
        let found = self.ctx.lookup(table, name, at);
        if found.is_none_or(|index| self.ctx.is_poisoned(table, index)) {
            self.poison();
        }
        found
    }
    /// Position of a named entry of another table; 0 in a poisoned entry where it cannot be read.
    pub fn reference(&mut self, key: &str, table: &'static str) -> u32 {
        self.reference_opt(key, table).unwrap_or(0) as u32
    }

    /// Degrees north and east: both or none.
    pub fn place_on_map(&mut self) -> Option<Place> {
        let (latitude, longitude) = (self.degrees("latitude", 90.0), self.degrees("longitude", 180.0));
        match (self.has("latitude"), self.has("longitude")) {
            (true, false) => self.wrong("F0215", "latitude", "`latitude` stands without `longitude`", "give both or none"),
            (false, true) => self.wrong("F0215", "longitude", "`longitude` stands without `latitude`", "give both or none"),
            _ => {}
        }
        Some(Place { latitude: latitude?, longitude: longitude? })
    }

    /// Moments of a half-open interval; reports an empty one.
    pub fn interval(&mut self) -> (Time, Time) {
        let (from, until) = (self.date_opt("from"), self.date_opt("until"));
        if let (Some(from), Some(until)) = (from, until)
            && until <= from
        {
            self.wrong("F0221", "until", "`until` is not after `from`", "the interval is from `from` up to, not including, `until`");
        }
        (from.unwrap_or(Time::ZERO), until.unwrap_or(Time::NEVER))
    }
}

/// Whether a text is a name.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.len() <= 64 && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(valid)
}
