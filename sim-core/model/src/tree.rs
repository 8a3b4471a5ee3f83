//! TOML as a tree with positions, ordered as written.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};
use toml::value::Datetime;

use crate::diag::Diagnostic;
use crate::text::{At, Sources};

/// Most syntax errors that one file reports.
const MAX_SYNTAX_ERRORS: usize = 50;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where.
    pub at: At,
    /// What.
    pub value: Value,
}

/// A TOML value.
#[derive(Clone, Debug)]
pub enum Value {
    /// A string.
    Text(String),
    /// An integer of 64 bits.
    Integer(i64),
    /// A float.
    Float(f64),
    /// `true`, `false`.
    Boolean(bool),
    /// A date, or a date and time.
    Date(Datetime),
    /// An array.
    List(Vec<Node>),
    /// A table.
    Table(Table),
}

impl Value {
    /// What it is, in words.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Integer(_) | Self::Float(_) => "a bare number",
            Self::Boolean(_) => "true or false",
            Self::Date(_) => "a date",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// One key of a table.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Name.
    pub key: String,
    /// Where the key stands.
    pub key_at: At,
    /// Its value.
    pub node: Node,
}

/// A table; keys in the order in which they are written.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Keys and values.
    pub entries: Vec<Entry>,
}

impl Table {
    /// The entry of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
    /// The entry of a key, to change.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.key == key)
    }
    /// The text of a key, if it is a text.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        match &self.get(key)?.node.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Parses a document; recovers from syntax errors and reports all of them.
pub fn parse(sources: &Sources, file: u32, diagnostics: &mut Vec<Diagnostic>) -> Table {
    let text = sources.text(file);
    let (root, errors) = DeTable::parse_recoverable(&text);
    let mut seen = std::collections::BTreeSet::new();
    for error in errors.iter().take(MAX_SYNTAX_ERRORS) {
        let span = error.span().unwrap_or(0..0);
        let at = At { file, start: span.start as u32, end: span.end as u32 };
        let message = error.message();
        let (code, message, hint) = if message.contains("recurs") {
            ("F0108", "values are nested too deep".to_owned(), "at most 80 levels are read")
        } else if message.contains("duplicate key") {
            ("F0110", format!("`{}` is written twice", sources.slice(at)), "keep one of the two")
        } else {
            (
                "F0109",
                format!("this is not TOML: {message}"),
                "TOML has `key = value` lines under `[table]` headings; texts and quantities stand in quotes",
            )
        };
        // The parser may report one slip several times on its way back to sane ground.
        let place = sources.span(at);
        if seen.insert((code, place.line)) {
            diagnostics.push(Diagnostic::error(code, place, message).hint(hint));
        }
    }
    table(file, root.into_inner(), &mut |at, message| {
        diagnostics.push(Diagnostic::error("F0207", sources.span(at), message));
    })
}

/// Parses one value: the right side of `--set`.
///
/// # Errors
/// The parser's words.
pub fn parse_value(file: u32, text: &str) -> Result<Node, String> {
    let (value, errors) = DeValue::parse_recoverable(text);
    if let Some(error) = errors.first() {
        return Err(error.message().to_owned());
    }
    let mut problem = None;
    let at = At { file, start: 0, end: text.len() as u32 };
    let node = node(file, at, value.into_inner(), &mut |_, message| problem = Some(message));
    problem.map_or(Ok(node), Err)
}

fn table(file: u32, source: DeTable<'_>, report: &mut dyn FnMut(At, String)) -> Table {
    let mut entries: Vec<Entry> = source
        .into_iter()
        .map(|(key, value)| {
            let span = key.span();
            let key_at = At { file, start: span.start as u32, end: span.end as u32 };
            let span = value.span();
            let at = At { file, start: span.start as u32, end: span.end as u32 };
            Entry { key: key.into_inner().into_owned(), key_at, node: node(file, at, value.into_inner(), report) }
        })
        .collect();
    entries.sort_by_key(|entry| entry.key_at.start);
    Table { entries }
}

fn node(file: u32, at: At, value: DeValue<'_>, report: &mut dyn FnMut(At, String)) -> Node {
    let value = match value {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(integer) => Value::Integer(integer),
            Err(_) => {
                report(at, format!("`{}` does not fit 64 bits", integer.as_str()));
                Value::Integer(0)
            }
        },
        DeValue::Float(float) => Value::Float(float.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(boolean) => Value::Boolean(boolean),
        DeValue::Datetime(date) => Value::Date(date),
        DeValue::Array(items) => Value::List(
            items
                .into_iter()
                .map(|item| {
                    let span = item.span();
                    node(file, At { file, start: span.start as u32, end: span.end as u32 }, item.into_inner(), report)
                })
                .collect(),
        ),
        DeValue::Table(entries) => Value::Table(table(file, entries, report)),
    };
    Node { at, value }
}

/// Lays one document over another: top-level tables key by key, arrays of tables entry by entry by `name`, all else replaced.
pub fn merge(base: &mut Table, over: Table) {
    for entry in over.entries {
        let Some(existing) = base.get_mut(&entry.key) else {
            base.entries.push(entry);
            continue;
        };
        match (&mut existing.node.value, entry.node.value) {
            (Value::Table(base), Value::Table(over)) => merge_keys(base, over),
            (Value::List(base), Value::List(over)) if is_named(base) && is_named(&over) => merge_named(base, over),
            (_, value) => existing.node = Node { at: entry.node.at, value },
        }
    }
}

fn merge_keys(base: &mut Table, over: Table) {
    for entry in over.entries {
        match base.get_mut(&entry.key) {
            Some(existing) => *existing = entry,
            None => base.entries.push(entry),
        }
    }
}

/// The name of an entry of an array of tables.
#[must_use]
pub fn name_of(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Table(table) => table.text("name"),
        _ => None,
    }
}

fn is_named(list: &[Node]) -> bool {
    list.iter().all(|node| name_of(node).is_some())
}

fn merge_named(base: &mut Vec<Node>, over: Vec<Node>) {
    let mut positions: BTreeMap<String, usize> = BTreeMap::new();
    for (index, node) in base.iter().enumerate() {
        positions.entry(name_of(node).unwrap_or_default().to_owned()).or_insert(index);
    }
    for node in over {
        // Each base entry is laid over once: a second entry of this name is a duplicate, which decoding reports.
        let position = name_of(&node).and_then(|name| positions.remove(name));
        match (position.and_then(|index| base.get_mut(index)), node) {
            (Some(Node { value: Value::Table(base), .. }), Node { value: Value::Table(over), .. }) => merge_keys(base, over),
            (_, node) => base.push(node),
        }
    }
}
