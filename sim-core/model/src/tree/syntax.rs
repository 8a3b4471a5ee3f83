//! Reading on behind syntax errors: what the parser gives up on is mended in a copy of the text, and read again.

use std::collections::BTreeSet;

use toml::de::{DeTable, Error};

use super::{Table, table};
use crate::diag::Diagnostic;
use crate::text::{At, Sources};

/// Most syntax errors that one file reports.
const MAX_SYNTAX_ERRORS: usize = 50;
/// Most mistakes that are mended; each costs one more reading.
const MAX_MENDED: usize = 20;
/// Texts above this many bytes are not mended, and not read much further than the mistakes that are reported.
const LARGE: usize = 1 << 20;

/// Parses a document; recovers from syntax errors and reports all of them.
pub fn parse(sources: &Sources, file: u32, diagnostics: &mut Vec<Diagnostic>) -> Table {
    let source = sources.text(file);
    let mut mended = Mended { text: readable(&source).to_owned(), inserted: Vec::new() };
    let mut seen = BTreeSet::new();
    let mut rounds = 0;
    loop {
        let (root, mut errors) = DeTable::parse_recoverable(&mended.text);
        errors.truncate(MAX_SYNTAX_ERRORS * 20);
        errors.sort_by_key(start);
        let mending = rounds < MAX_MENDED && mended.text.len() <= LARGE;
        let mend = errors.iter().enumerate().filter(|_| mending).find_map(|(index, error)| Some((index, mended.mend(error)?)));
        for (index, error) in errors.iter().enumerate() {
            let hint = match &mend {
                Some((first, mend)) if *first == index => Some(mend.hint),
                // What stands on the line of the slip or behind it may be misread; the next reading tells.
                Some((_, mend)) if start(error) >= mend.line_start => continue,
                _ => None,
            };
            let span = error.span().unwrap_or(0..0);
            let at = At { file, start: mended.origin(span.start), end: mended.origin(span.end) };
            // The parser may report one slip several times on its way back to sane ground.
            let place = sources.span(at);
            let (code, message, usual) = words(error.message(), sources.slice(at));
            if seen.len() < MAX_SYNTAX_ERRORS && seen.insert((code, place.line)) {
                diagnostics.push(Diagnostic::error(code, place, message).hint(hint.unwrap_or(usual)));
            }
        }
        let Some((_, mend)) = mend else {
            let place = |offset: usize| mended.origin(offset);
            return table(file, &place, root.into_inner(), &mut |at| {
                let message = format!("`{}` does not fit 64 bits", sources.slice(at));
                diagnostics.push(Diagnostic::error("F0207", sources.span(at), message));
            });
        };
        drop(root);
        mended.apply(&mend);
        rounds += 1;
    }
}

fn start(error: &Error) -> usize {
    error.span().map_or(0, |span| span.start)
}

fn words(message: &str, text: &str) -> (&'static str, String, &'static str) {
    if message.contains("recurs") {
        ("F0108", "values are nested too deep".to_owned(), "at most 80 levels are read")
    } else if message.contains("duplicate key") {
        ("F0110", format!("`{text}` is written twice"), "keep one of the two")
    } else {
        let hint = "TOML has `key = value` lines under `[table]` headings; texts and quantities stand in quotes";
        ("F0109", format!("this is not TOML: {message}"), hint)
    }
}

/// All of a text of usual size; of a large one, as much as has the mistakes that are reported: each of millions of errors would
/// cost time and memory, and nobody reads them.
fn readable(text: &str) -> &str {
    let mut length = LARGE;
    while length < text.len() {
        let Some(end) = text.as_bytes()[length..].iter().position(|byte| *byte == b'\n') else { break };
        // A line break is no part of a longer character.
        let first = &text[..length + end];
        if DeTable::parse_recoverable(first).1.len() > MAX_SYNTAX_ERRORS {
            return first;
        }
        length *= 4;
    }
    text
}

/// A text with what was put into it.
struct Mended {
    text: String,
    /// Offset in the original text and number of bytes, in order of offset.
    inserted: Vec<(usize, usize)>,
}

/// One mistake mended.
struct Mend {
    /// First byte of the line of the mistake.
    line_start: usize,
    /// Where.
    at: usize,
    /// What is put there; nothing blanks the line instead.
    insert: &'static str,
    /// What to do about it.
    hint: &'static str,
}

impl Mended {
    /// The offset in the original text.
    fn origin(&self, offset: usize) -> u32 {
        let mut before = 0;
        for (at, length) in &self.inserted {
            if offset < at + before {
                break;
            }
            if offset < at + before + length {
                return *at as u32;
            }
            before += length;
        }
        (offset - before) as u32
    }

    /// How to mend a mistake behind which the parser loses its way.
    fn mend(&self, error: &Error) -> Option<Mend> {
        let at = start(error);
        let line_start = self.text.get(..at)?.rfind('\n').map_or(0, |end| end + 1);
        let line = self.text[line_start..].lines().next()?;
        let message = error.message();
        let mend = |at, insert, hint| Some(Mend { line_start, at, insert, hint });
        if message.starts_with("key with no value") {
            return mend(at, "", "write `key = value`");
        }
        if message.starts_with("unclosed array table") {
            let insert = if message.contains("`]]`") { "]]" } else { "]" };
            return mend(at, insert, "close the heading: `[[table]]`");
        }
        if message.starts_with("unclosed table") {
            return mend(at, "]", "close the heading: `[table]`");
        }
        // A new key or heading inside a list or inline table: the closing bracket is missing.
        if !(is_key_line(line) || is_heading(line)) || line_start == 0 {
            return None;
        }
        if message.starts_with("missing comma between array elements") || message.starts_with("unexpected `=` in array") {
            return mend(line_start, "]\n", "close the list above with `]`");
        }
        if message.starts_with("missing comma between key-value pairs") && self.text[line_start..at].trim().is_empty() {
            return mend(line_start, "}\n", "close the table above with `}`");
        }
        None
    }

    fn apply(&mut self, mend: &Mend) {
        if mend.insert.is_empty() {
            let end = self.text[mend.line_start..].find('\n').map_or(self.text.len(), |length| mend.line_start + length);
            self.text.replace_range(mend.line_start..end, &" ".repeat(end - mend.line_start));
        } else {
            let origin = self.origin(mend.at) as usize;
            self.text.insert_str(mend.at, mend.insert);
            let position = self.inserted.partition_point(|(at, _)| *at <= origin);
            self.inserted.insert(position, (origin, mend.insert.len()));
        }
    }
}

fn is_bare(text: &str) -> bool {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(bare)
}

fn is_key_line(line: &str) -> bool {
    line.split_once('=').is_some_and(|(key, _)| is_bare(key.trim()))
}

fn is_heading(line: &str) -> bool {
    let line = line.split('#').next().unwrap_or("").trim();
    line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).is_some_and(|name| {
        let inner = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
        is_bare(inner.trim())
    })
}
