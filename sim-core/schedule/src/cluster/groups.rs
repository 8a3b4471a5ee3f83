//! Clusters from TOML: groups of equal nodes.
//!
//! ```toml
//! [[nodes]]
//! name = "big"        # its nodes are big-0, big-1, ..; `node` where absent
//! count = 16          # 1
//! gpus = 8            # 0
//! gpu = "a100"        # any model will do where absent
//! cpus = 96           # never limits where absent
//! memory = "1 TiB"    # never limits where absent
//! rack_size = 4       # nodes of a rack; the whole group where absent
//! ```

use std::collections::BTreeSet;
use std::path::Path;

use bastide_model::diag::Diagnostic;
use bastide_model::keys::nearest;
use bastide_model::source::Span;
use bastide_model::text::{self, At, MAX_TOML, Sources};
use bastide_model::tree::{self, Table, Value};
use bastide_units::{DataSize, ParseQuantityError, Quantity};

use super::{Cluster, MOST_GPUS, MOST_NODES, Node, SIZES};
use crate::ask::Models;

const KEYS: [&str; 7] = ["name", "count", "gpus", "gpu", "cpus", "memory", "rack_size"];
/// Most CPUs of one node.
const MOST_CPUS: f64 = 1e6;
/// Largest memory of one node \[MiB\]: 1 PiB.
const MOST_MEMORY_MIB: f64 = (1_u64 << 30) as f64;
const MIB: f64 = 1_048_576.0;

/// Reads a cluster from a TOML file.
///
/// # Errors
/// Every mistake found, with its file, line and column.
pub fn read(path: &Path, name: &str) -> Result<Cluster, Vec<Diagnostic>> {
    let contents = text::read(path, name, MAX_TOML).map_err(|diagnostic| vec![*diagnostic])?;
    parse(name, &contents.text)
}

/// Reads a cluster from TOML text.
///
/// # Errors
/// As [`read`].
pub fn parse(name: &str, text: &str) -> Result<Cluster, Vec<Diagnostic>> {
    let mut sources = Sources::default();
    let file = sources.add(name, text);
    let mut mistakes = Vec::new();
    let root = tree::parse(&sources, file, &mut mistakes);
    let mut reader = Reader { sources: &sources, mistakes, cluster: Cluster::default(), names: BTreeSet::new() };
    reader.root(&root, file);
    if reader.mistakes.is_empty() { Ok(reader.cluster) } else { Err(reader.mistakes) }
}

struct Reader<'a> {
    sources: &'a Sources,
    mistakes: Vec<Diagnostic>,
    cluster: Cluster,
    /// Names of groups so far.
    names: BTreeSet<String>,
}

impl Reader<'_> {
    fn wrong(&mut self, code: &'static str, at: At, message: String, hint: impl Into<String>) {
        let span = self.sources.span(at);
        // What is no TOML has a value of some form all the same: one slip makes one message.
        if self.mistakes.iter().all(|earlier| *earlier.span() != span) {
            self.mistakes.push(Diagnostic::error(code, span, message).hint(hint));
        }
    }

    fn root(&mut self, root: &Table, file: u32) {
        for entry in root.entries.iter().filter(|entry| entry.key != "nodes") {
            self.wrong("F0201", entry.key_at, format!("a cluster has no `{}`", entry.key), "it has `[[nodes]]` and nothing else");
        }
        let Some(entry) = root.get("nodes") else {
            // What is no TOML was told already.
            if self.mistakes.is_empty() {
                let span = Span { line: 1, column: 1, ..self.sources.span(At::whole(file)) };
                let hint = "add `[[nodes]]` with `count`, `gpus`, `gpu`, `cpus` and `memory`";
                self.mistakes.push(Diagnostic::error("F0216", span, "the cluster has no `[[nodes]]`").hint(hint));
            }
            return;
        };
        let Value::List(groups) = &entry.node.value else {
            self.wrong("F0204", entry.key_at, "`nodes` must be a list of tables".to_owned(), "write `[[nodes]]`");
            return;
        };
        let mut racks = 0;
        for group in groups {
            match &group.value {
                Value::Table(table) => self.group(table, group.at, &mut racks),
                other => self.wrong("F0204", group.at, format!("a group of nodes is a table, not {}", other.word()), "write `[[nodes]]`"),
            }
        }
        if self.mistakes.is_empty() && self.cluster.nodes.is_empty() {
            self.wrong("F0217", entry.node.at, "the cluster has no nodes".to_owned(), "add `[[nodes]]`");
        }
    }

    fn group(&mut self, table: &Table, at: At, racks: &mut u32) {
        for entry in table.entries.iter().filter(|entry| !KEYS.contains(&entry.key.as_str())) {
            let near =
                nearest(&entry.key, KEYS).map_or_else(|| format!("keys: {}", KEYS.join(", ")), |near| format!("did you mean `{near}`?"));
            self.wrong("F0202", entry.key_at, format!("`nodes` has no key `{}`", entry.key), near);
        }
        let name = self.text(table, "name").unwrap_or_else(|| self.free_name());
        let count = self.whole(table, "count", 1, MOST_NODES as u64).unwrap_or(1);
        let gpus = self.whole(table, "gpus", 0, u64::from(MOST_GPUS)).unwrap_or(0);
        let model = self.text(table, "gpu").and_then(|model| self.model(model, table, at));
        let cpus = self.cpus(table);
        let memory = self.memory(table);
        let rack = self.whole(table, "rack_size", 1, MOST_NODES as u64).unwrap_or(count);
        if self.cluster.nodes.len() as u64 + count > MOST_NODES as u64 {
            self.wrong("F1102", at, format!("too many nodes: {}", self.cluster.nodes.len() as u64 + count), SIZES);
            return;
        }
        if !self.names.insert(name.clone()) {
            let place = table.get("name").map_or(at, |entry| entry.node.at);
            self.wrong("F0302", place, format!("two groups are called `{name}`"), "give each group its own name");
        }
        let node = Node { gpus: gpus as u32, model, cpu_milli: cpus, memory_mib: memory, ..Node::bare() };
        for index in 0..count {
            let name = format!("{name}-{index}");
            self.cluster.nodes.push(Node { name, rack: *racks + (index / rack) as u32, ..node.clone() });
        }
        *racks += count.div_ceil(rack) as u32;
    }

    /// `node`, `node2`, .. for a group without a name.
    fn free_name(&self) -> String {
        let numbered = (2..).map(|number| format!("node{number}"));
        // The numbers do not end before one is free.
        std::iter::once("node".to_owned()).chain(numbered).find(|name| !self.names.contains(name)).unwrap_or_default()
    }

    fn model(&mut self, model: String, table: &Table, at: At) -> Option<u32> {
        let place = table.get("gpu").map_or(at, |entry| entry.node.at);
        if model.contains('|') {
            self.wrong(
                "F0211",
                place,
                format!("`{model}` is no GPU model"),
                "a node has one model; a bar stands between the models of a job",
            );
            return None;
        }
        let known = self.cluster.model(&model);
        if known.is_none() && self.cluster.models.len() >= Models::MOST {
            self.wrong("F1102", place, "too many GPU models".to_owned(), format!("a cluster has at most {} models", Models::MOST));
            return None;
        }
        Some(known.unwrap_or_else(|| {
            self.cluster.models.push(model);
            self.cluster.models.len() as u32 - 1
        }))
    }

    fn text(&mut self, table: &Table, key: &str) -> Option<String> {
        let entry = table.get(key)?;
        match &entry.node.value {
            Value::Text(text) if text.trim().is_empty() => {
                self.wrong("F0217", entry.node.at, format!("`{key}` is empty"), "write a word, or leave the key out");
                None
            }
            Value::Text(text) => Some(text.trim().to_owned()),
            other => {
                self.wrong(
                    "F0204",
                    entry.node.at,
                    format!("`{key}` must be a text, not {}", other.word()),
                    format!("write `{key} = \"...\"`"),
                );
                None
            }
        }
    }

    fn whole(&mut self, table: &Table, key: &str, least: u64, most: u64) -> Option<u64> {
        let entry = table.get(key)?;
        let range = format!("a whole number from {least} to {most}");
        match &entry.node.value {
            Value::Integer(number) if u64::try_from(*number).is_ok_and(|number| (least..=most).contains(&number)) => Some(*number as u64),
            Value::Integer(number) => {
                self.wrong("F0208", entry.node.at, format!("`{key}` is out of range: {number}"), range);
                None
            }
            other => {
                self.wrong("F0204", entry.node.at, format!("`{key}` must be a whole number, not {}", kind(other)), range);
                None
            }
        }
    }

    /// Thousandths of a CPU.
    fn cpus(&mut self, table: &Table) -> u64 {
        let Some(entry) = table.get("cpus") else { return super::UNLIMITED };
        let number = match &entry.node.value {
            Value::Integer(number) => *number as f64,
            Value::Float(number) => *number,
            other => {
                let message = format!("`cpus` must be a number, not {}", other.word());
                self.wrong("F0204", entry.node.at, message, "a number of CPUs, as in `cpus = 96`");
                return super::UNLIMITED;
            }
        };
        // NaN is in no range.
        if !(0.0..=MOST_CPUS).contains(&number) {
            self.wrong("F0208", entry.node.at, format!("`cpus` is out of range: {number}"), format!("a number from 0 to {MOST_CPUS}"));
            return super::UNLIMITED;
        }
        (number * 1000.0).round() as u64
    }

    /// Memory \[MiB\].
    fn memory(&mut self, table: &Table) -> u64 {
        const FORM: &str = "write `memory = \"1 TiB\"`";
        let Some(entry) = table.get("memory") else { return super::UNLIMITED };
        let at = entry.node.at;
        let text = match &entry.node.value {
            Value::Text(text) => text,
            Value::Integer(_) | Value::Float(_) => {
                self.wrong("F0205", at, "`memory` is a data size and needs a unit".to_owned(), FORM);
                return super::UNLIMITED;
            }
            other => {
                self.wrong("F0204", at, format!("`memory` must be a text, not {}", other.word()), FORM);
                return super::UNLIMITED;
            }
        };
        let refused = match DataSize::parse(text) {
            Ok(size) if (0.0..=MOST_MEMORY_MIB).contains(&(size.base() / MIB)) => return (size.base() / MIB).floor() as u64,
            Ok(_) => ("F0208", format!("`memory` is out of range: {text}"), "from 0 to 1 PiB".to_owned()),
            Err(ParseQuantityError::NoUnit) => ("F0205", "`memory` is a data size and needs a unit".to_owned(), FORM.to_owned()),
            Err(ParseQuantityError::UnknownUnit(unit, _)) => {
                let units: Vec<&str> = DataSize::UNITS.iter().map(|(unit, _)| *unit).collect();
                ("F0206", format!("`{unit}` is not a unit of data size"), format!("units: {}", units.join(", ")))
            }
            Err(_) => ("F0207", format!("`memory` has no number: `{text}`"), FORM.to_owned()),
        };
        self.wrong(refused.0, at, refused.1, refused.2);
        super::UNLIMITED
    }
}

/// What a value is, telling a number with a fraction from others.
fn kind(value: &Value) -> String {
    if let Value::Float(number) = value { format!("{number}") } else { value.word().to_owned() }
}
