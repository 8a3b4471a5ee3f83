//! Clusters from the node list of the Alibaba GPU trace: CSV with the columns `sn`, `cpu_milli`, `memory_mib`, `gpu`, `model`.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use bastide_model::diag::Diagnostic;
use bastide_model::keys::nearest;
use bastide_model::source::Span;
use bastide_model::text::{self, MAX_SERIES};
use csv::{ReaderBuilder, StringRecord};
use flate2::read::MultiGzDecoder;

use super::{Cluster, MOST_GPUS, MOST_NODES, Node, SIZES, UNLIMITED};
use crate::ask::Models;

/// Names of the columns: the node, its GPUs and, where the list has them, the others. A column that is absent, or a cell that is
/// empty, states nothing.
const NAME: [&str; 2] = ["sn", "name"];
const GPUS: [&str; 3] = ["gpu", "gpus", "num_gpu"];
const CPU: [&str; 1] = ["cpu_milli"];
const MEMORY: [&str; 1] = ["memory_mib"];
const MODEL: [&str; 2] = ["model", "gpu_model"];
/// Most mistakes of one list that are told.
const MOST_TOLD: usize = 20;
/// Longest line that a message shows \[characters\].
const SHOWN: usize = 240;

/// Reads a node list, also one that is packed by gzip.
///
/// # Errors
/// Every mistake found, with its file, line and column.
pub fn read(path: &Path, name: &str) -> Result<Cluster, Vec<Diagnostic>> {
    let one = |diagnostic: Box<Diagnostic>| vec![*diagnostic];
    if path.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("gz")) {
        return parse(name, &text::read(path, name, MAX_SERIES).map_err(one)?.text);
    }
    let unreadable = |error: std::io::Error| {
        let message = format!("cannot read `{name}`: {error}");
        vec![Diagnostic::error("F0101", Span::file(name), message).hint("check the path, and that the file is packed by gzip")]
    };
    let packed = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    MultiGzDecoder::new(packed).take(MAX_SERIES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_SERIES {
        let message = format!("`{name}` holds more than {} MB", MAX_SERIES >> 20);
        return Err(vec![Diagnostic::error("F0105", Span::file(name), message).hint("split the file")]);
    }
    parse(name, text::decode(&bytes, name).map_err(one)?)
}

/// Reads a node list from its text.
///
/// # Errors
/// As [`read`].
pub fn parse(name: &str, text: &str) -> Result<Cluster, Vec<Diagnostic>> {
    let mut reader = ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let mut list = List { name, text, mistakes: Vec::new(), cluster: Cluster::default(), lines: BTreeMap::new() };
    let header = reader.headers().cloned().unwrap_or_default();
    let Some(columns) = list.columns(&header) else { return Err(list.mistakes) };
    // Text is UTF-8 and rows may have any length: no other error is left.
    for row in reader.records().filter_map(Result::ok) {
        if list.mistakes.len() >= MOST_TOLD {
            break;
        }
        list.row(&columns, &header, &row);
    }
    if list.mistakes.is_empty() && list.cluster.nodes.is_empty() {
        let span = Span { line: 1, column: 1, ..Span::file(name) };
        list.mistakes
            .push(Diagnostic::error("F1002", span, format!("`{name}` has no nodes")).hint("one row for each node, below the header"));
    }
    if list.mistakes.is_empty() { Ok(list.cluster) } else { Err(list.mistakes) }
}

/// Where the columns stand.
struct Columns {
    name: usize,
    gpus: usize,
    cpu: Option<usize>,
    memory: Option<usize>,
    model: Option<usize>,
}

struct List<'a> {
    name: &'a str,
    text: &'a str,
    mistakes: Vec<Diagnostic>,
    cluster: Cluster,
    /// Line of each name.
    lines: BTreeMap<String, u64>,
}

impl List<'_> {
    fn wrong(&mut self, code: &'static str, row: &StringRecord, column: usize, message: String, hint: impl Into<String>) {
        let line = row.position().map_or(1, csv::Position::line);
        let text = self.text.lines().nth(line as usize - 1).unwrap_or("");
        // Cells are plain words in such lists; where one is quoted, the place is a little early.
        let before: usize = text.split(',').take(column).map(|cell| cell.chars().count() + 1).sum();
        let shown: String = text.chars().take(SHOWN).collect();
        let length = row.get(column).map_or(1, |cell| cell.chars().count().max(1)) as u32;
        let span = Span { line: line as u32, column: before as u32 + 1, length, text: shown.as_str().into(), ..Span::file(self.name) };
        self.mistakes.push(Diagnostic::error(code, span, message).hint(hint));
    }

    fn columns(&mut self, header: &StringRecord) -> Option<Columns> {
        let find = |names: &[&str]| header.iter().position(|title| names.iter().any(|name| title.eq_ignore_ascii_case(name)));
        for (place, title) in header.iter().enumerate() {
            if !title.is_empty() && header.iter().take(place).any(|earlier| earlier == title) {
                self.wrong("F0418", header, place, format!("column `{title}` stands twice"), "rename or remove one");
            }
        }
        let (name, gpus) = (find(&NAME), find(&GPUS));
        for (found, names) in [(name, &NAME[..]), (gpus, &GPUS[..])] {
            if found.is_none() {
                let near = nearest(names[0], header.iter()).map_or_else(String::new, |near| format!("; is it `{near}`?"));
                let hint = format!("a node list has the columns sn,cpu_milli,memory_mib,gpu,model{near}");
                self.wrong("F0403", header, 0, format!("`{}` has no column `{}`", self.name, names[0]), hint);
            }
        }
        if !self.mistakes.is_empty() {
            return None;
        }
        Some(Columns { name: name?, gpus: gpus?, cpu: find(&CPU), memory: find(&MEMORY), model: find(&MODEL) })
    }

    fn row(&mut self, columns: &Columns, header: &StringRecord, row: &StringRecord) {
        if row.iter().all(str::is_empty) {
            return;
        }
        if row.len() != header.len() {
            let message = format!("this row has {} fields, the header has {}", row.len(), header.len());
            self.wrong("F0414", row, row.len().min(header.len()) - 1, message, "every row has one field for each column");
            return;
        }
        let before = self.mistakes.len();
        let name = row.get(columns.name).unwrap_or("").to_owned();
        let line = row.position().map_or(1, csv::Position::line);
        if name.is_empty() {
            self.wrong("F0408", row, columns.name, "a node without a name".to_owned(), "name each node");
        } else if let Some(first) = self.lines.insert(name.clone(), line) {
            self.wrong("F0302", row, columns.name, format!("node `{name}` occurs twice, first on line {first}"), "name each node once");
        }
        let gpus = self.number(row, header, Some(columns.gpus), u64::from(MOST_GPUS)).filter(|gpus| *gpus != UNLIMITED).unwrap_or(0);
        let cpu_milli = self.number(row, header, columns.cpu, 1_000_000_000).unwrap_or(0);
        let memory_mib = self.number(row, header, columns.memory, 1 << 30).unwrap_or(0);
        let model = self.model(row, columns.model);
        if self.cluster.nodes.len() >= MOST_NODES {
            self.wrong("F1102", row, 0, "too many nodes".to_owned(), SIZES);
        }
        if self.mistakes.len() == before {
            self.cluster.nodes.push(Node { name, gpus: gpus as u32, model, cpu_milli, memory_mib, rack: 0 });
        }
    }

    /// A whole number from 0; [`UNLIMITED`] where nothing is stated, `None` after a message.
    fn number(&mut self, row: &StringRecord, header: &StringRecord, column: Option<usize>, most: u64) -> Option<u64> {
        let Some(column) = column else { return Some(UNLIMITED) };
        let (text, title) = (row.get(column).unwrap_or(""), header.get(column).unwrap_or(""));
        if text.is_empty() {
            return Some(UNLIMITED);
        }
        // Tables of other programs write whole numbers as `64000.0`.
        match text.strip_suffix(".0").unwrap_or(text).parse::<u64>() {
            Ok(number) if number <= most => Some(number),
            Ok(number) => {
                self.wrong(
                    "F0208",
                    row,
                    column,
                    format!("`{title}` is out of range: {number}"),
                    format!("a whole number from 0 to {most}"),
                );
                None
            }
            Err(_) => {
                self.wrong(
                    "F0406",
                    row,
                    column,
                    format!("`{title}` is no whole number: `{text}`"),
                    format!("a whole number from 0 to {most}"),
                );
                None
            }
        }
    }

    fn model(&mut self, row: &StringRecord, column: Option<usize>) -> Option<u32> {
        let name = row.get(column?).filter(|name| !name.is_empty())?;
        let known = self.cluster.model(name);
        if known.is_none() {
            if self.cluster.models.len() >= Models::MOST {
                let hint = format!("a cluster has at most {} models", Models::MOST);
                self.wrong("F1102", row, column?, "too many GPU models".to_owned(), hint);
                return None;
            }
            self.cluster.models.push(name.to_owned());
        }
        known.or(Some(self.cluster.models.len() as u32 - 1))
    }
}
