//! CSV tables with named columns and the place of every cell. Text stays text until a cell is asked for.

use std::path::Path;
use std::sync::Arc;

use ::csv::{ReaderBuilder, StringRecord};

use crate::decode::suggestion;
use crate::diag::Diagnostic;
use crate::keys::Range;
use crate::scenario::series::cell;
use crate::source::Span;
use crate::text::{self, At, MAX_SERIES, Sources};

/// Most mistakes that one table reports.
const MAX_REPORTS: usize = 20;

/// A table.
pub struct Table {
    name: String,
    text: Arc<str>,
    header: StringRecord,
    rows: Vec<StringRecord>,
}

impl Table {
    /// Reads a file: a header, then at least one row, all of the same length.
    pub fn read(path: &Path, name: &str, mistakes: &mut Vec<Diagnostic>) -> Option<Self> {
        match text::read(path, name, MAX_SERIES) {
            Ok(contents) => Self::parse(name, &contents.text, mistakes),
            Err(diagnostic) => {
                mistakes.push(*diagnostic);
                None
            }
        }
    }

    fn parse(name: &str, text: &Arc<str>, mistakes: &mut Vec<Diagnostic>) -> Option<Self> {
        let mut reader = ReaderBuilder::new().flexible(true).has_headers(false).from_reader(text.as_bytes());
        let mut records = reader.records().filter_map(Result::ok);
        let header = records.next().unwrap_or_default();
        let mut table = Self { name: name.to_owned(), text: Arc::clone(text), header, rows: records.collect() };
        // A last line of commas or blanks is what spreadsheets leave behind.
        table.rows.retain(|row| row.iter().any(|field| !field.trim().is_empty()));
        if table.rows.is_empty() {
            let hint = "a header with the names of the columns, then one row for each entry";
            mistakes.push(
                Diagnostic::error("F1002", Span { line: 1, column: 1, ..Span::file(name) }, format!("`{name}` has no rows")).hint(hint),
            );
            return None;
        }
        let (columns, before) = (table.header.len(), mistakes.len());
        for row in table.rows.iter().filter(|row| row.len() != columns).take(MAX_REPORTS) {
            let span = table.span(row, row.len().min(columns).saturating_sub(1));
            let message = format!("this row has {} fields, the header has {columns}", row.len());
            mistakes.push(Diagnostic::error("F0414", span, message).hint("every row has one field for each column; decimals have a point"));
        }
        for (index, title) in table.header.iter().enumerate() {
            if !title.trim().is_empty() && table.header.iter().take(index).any(|earlier| earlier.trim() == title.trim()) {
                let message = format!("column `{}` stands twice", title.trim());
                mistakes.push(Diagnostic::error("F0418", table.span(&table.header, index), message).hint("rename or remove one"));
            }
        }
        (mistakes.len() == before).then_some(table)
    }

    /// Name of the file, as messages show it.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }
    /// Names of the columns.
    pub fn titles(&self) -> Vec<&str> {
        self.header.iter().map(str::trim).collect()
    }
    /// Position of a column, if there is one.
    pub fn find(&self, column: &str) -> Option<usize> {
        self.header.iter().position(|title| title.trim() == column)
    }
    /// Position of a column; reports one that is not there.
    pub fn column(&self, column: &str, mistakes: &mut Vec<Diagnostic>) -> Option<usize> {
        let found = self.find(column);
        if found.is_none() {
            let hint = suggestion(column, &self.titles(), "column");
            mistakes.push(Diagnostic::error("F0403", self.title_span(0), format!("`{}` has no column `{column}`", self.name)).hint(hint));
        }
        found
    }
    /// Where the title of a column stands.
    pub fn title_span(&self, column: usize) -> Span {
        self.span(&self.header, column)
    }
    /// Where a cell stands.
    pub fn place(&self, row: usize, column: usize) -> Span {
        self.span(&self.rows[row], column)
    }
    /// A cell as text; empty where the column is absent.
    pub fn text(&self, row: usize, column: Option<usize>) -> &str {
        column.and_then(|column| self.rows[row].get(column)).unwrap_or("").trim()
    }
    /// Whether a cell says nothing: no column, empty, or `NA`.
    pub fn is_blank(&self, row: usize, column: Option<usize>) -> bool {
        matches!(self.text(row, column), "" | "NA" | "N/A")
    }
    /// A number within a range; NaN after a message, and where the column is absent.
    pub fn number(&self, row: usize, column: Option<usize>, range: Range, mistakes: &mut Vec<Diagnostic>) -> f64 {
        let Some(column) = column else { return f64::NAN };
        let text = self.text(row, Some(column));
        let title = self.header.get(column).unwrap_or("").trim();
        let (code, message, hint) = match text.parse::<f64>() {
            Ok(value) if value.is_finite() && range.holds(value) => return value,
            Ok(value) if value.is_finite() => {
                let code = if matches!(range, Range::Share | Range::PositiveShare | Range::BelowOne) { "F0209" } else { "F0208" };
                (code, format!("`{title}` must be {}: {text}", range.words()), "check the unit of the column")
            }
            Ok(_) => ("F0407", format!("`{title}` is not a finite number: {text}"), "nothing is filled in"),
            Err(_) if text.is_empty() => ("F0408", format!("a value of `{title}` is missing"), "nothing is filled in"),
            Err(_) => ("F0406", format!("`{title}` is not a number: `{text}`"), "digits with a decimal point, without a unit"),
        };
        if mistakes.iter().filter(|it| *it.span().file == *self.name).count() < MAX_REPORTS {
            mistakes.push(Diagnostic::error(code, self.place(row, column), message).hint(hint));
        }
        f64::NAN
    }
    /// A number, or `default` where the cell says nothing.
    pub fn number_or(&self, row: usize, column: Option<usize>, range: Range, default: f64, mistakes: &mut Vec<Diagnostic>) -> f64 {
        if self.is_blank(row, column) { default } else { self.number(row, column, range, mistakes) }
    }
    /// A column of numbers within a range.
    pub fn numbers(&self, column: usize, range: Range, mistakes: &mut Vec<Diagnostic>) -> Vec<f64> {
        (0..self.len()).map(|row| self.number(row, Some(column), range, mistakes)).collect()
    }

    fn span(&self, record: &StringRecord, column: usize) -> Span {
        let mut sources = Sources::default();
        let file = sources.add(&self.name, Arc::clone(&self.text));
        let (start, end) = cell(&self.text, record, column);
        sources.span(At { file, start, end })
    }
}
