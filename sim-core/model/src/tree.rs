//! TOML as a tree with positions, ordered as written.

mod syntax;

pub use syntax::parse;

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};
use toml::value::Datetime;

use crate::text::At;

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

/// Parses one value: the right side of `--set`.
///
/// # Errors
/// The parser's words.
pub fn parse_value(file: u32, text: &str) -> Result<Node, String> {
    let (value, errors) = DeValue::parse_recoverable(text);
    if let Some(error) = errors.first() {
        return Err(error.message().to_owned());
    }
    let mut too_large = false;
    let at = At { file, start: 0, end: text.len() as u32 };
    let node = node(at, &|offset| offset as u32, value.into_inner(), &mut |_| too_large = true);
    if too_large { Err("a number does not fit 64 bits".to_owned()) } else { Ok(node) }
}

/// `place` gives the offset in the file of an offset in the text that was parsed; `report` takes the places of integers that
/// do not fit.
fn table(file: u32, place: &dyn Fn(usize) -> u32, source: DeTable<'_>, report: &mut dyn FnMut(At)) -> Table {
    let mut entries: Vec<Entry> = source
        .into_iter()
        .map(|(key, value)| {
            let key_at = At { file, start: place(key.span().start), end: place(key.span().end) };
            let at = At { file, start: place(value.span().start), end: place(value.span().end) };
            Entry { key: key.into_inner().into_owned(), key_at, node: node(at, place, value.into_inner(), report) }
        })
        .collect();
    entries.sort_by_key(|entry| entry.key_at.start);
    Table { entries }
}

fn node(at: At, place: &dyn Fn(usize) -> u32, value: DeValue<'_>, report: &mut dyn FnMut(At)) -> Node {
    let value = match value {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(integer) => {
            if let Ok(integer) = i64::from_str_radix(integer.as_str(), integer.radix()) {
                Value::Integer(integer)
            } else {
                report(at);
                Value::Integer(0)
            }
        }
        DeValue::Float(float) => Value::Float(float.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(boolean) => Value::Boolean(boolean),
        DeValue::Datetime(date) => Value::Date(date),
        DeValue::Array(items) => Value::List(
            items
                .into_iter()
                .map(|item| {
                    let at = At { file: at.file, start: place(item.span().start), end: place(item.span().end) };
                    node(at, place, item.into_inner(), report)
                })
                .collect(),
        ),
        DeValue::Table(entries) => Value::Table(table(at.file, place, entries, report)),
    };
    Node { at, value }
}

/// Lays one document over another: top-level tables key by key, arrays of tables entry by entry by `name`.
pub fn merge(base: &mut Table, over: Table) {
    for entry in over.entries {
        let Some(existing) = base.get_mut(&entry.key) else {
            base.entries.push(entry);
            continue;
        };
        match (&mut existing.node.value, entry.node.value) {
            (Value::Table(base), Value::Table(over)) => merge_keys(base, over),
            (Value::List(base), Value::List(over)) if is_tables(base) && is_tables(&over) => merge_named(base, over),
            // Another form than the base has: one of the two is a mistake, which decoding reports where it stands.
            (_, value) => base.entries.push(Entry { key: entry.key, key_at: entry.key_at, node: Node { at: entry.node.at, value } }),
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

fn is_tables(list: &[Node]) -> bool {
    list.iter().all(|node| matches!(node.value, Value::Table(_)))
}

fn merge_named(base: &mut Vec<Node>, over: Vec<Node>) {
    let mut positions: BTreeMap<String, usize> = BTreeMap::new();
    for (index, node) in base.iter().enumerate() {
        if let Some(name) = name_of(node) {
            positions.entry(name.to_owned()).or_insert(index);
        }
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
