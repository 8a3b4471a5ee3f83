//! Files as text: reading with limits, and byte offsets to lines and columns.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use crate::diag::Diagnostic;
use crate::source::Span;

/// Largest TOML file that is read; a scenario of ten thousand lines has 0.3 MB.
pub const MAX_TOML: u64 = 16 << 20;
/// Largest CSV file that is read.
pub const MAX_SERIES: u64 = 64 << 20;
/// Longest line.
const MAX_LINE: usize = 1 << 20;
/// Characters of a line that a message shows.
const SHOWN: usize = 240;

/// A stretch of bytes in one of the [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    /// Which file.
    pub file: u32,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl At {
    /// Start of a file.
    #[must_use]
    pub const fn whole(file: u32) -> Self {
        Self { file, start: 0, end: 0 }
    }
}

struct SourceFile {
    name: Arc<str>,
    text: Arc<str>,
    /// Byte offset of each line's first byte; empty for a source without lines.
    lines: Vec<u32>,
}

/// Every text that the scenario was read from.
#[derive(Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

impl Sources {
    /// Adds a file.
    pub fn add(&mut self, name: &str, text: impl Into<Arc<str>>) -> u32 {
        let text = text.into();
        let starts = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(index, _)| index as u32 + 1);
        let lines = std::iter::once(0).chain(starts).collect();
        self.files.push(SourceFile { name: name.into(), text, lines });
        self.files.len() as u32 - 1
    }

    /// Adds a text that has a name but no lines: a command-line override, the built-in defaults.
    pub fn add_unplaced(&mut self, name: &str, text: &str) -> u32 {
        self.files.push(SourceFile { name: name.into(), text: text.into(), lines: Vec::new() });
        self.files.len() as u32 - 1
    }

    /// Name of a file as messages show it.
    #[must_use]
    pub fn name(&self, file: u32) -> &str {
        &self.files[file as usize].name
    }

    /// The whole text of a file.
    #[must_use]
    pub fn text(&self, file: u32) -> Arc<str> {
        Arc::clone(&self.files[file as usize].text)
    }

    /// The text of a stretch.
    #[must_use]
    pub fn slice(&self, at: At) -> &str {
        self.files[at.file as usize].text.get(at.start as usize..at.end as usize).unwrap_or("")
    }

    /// `scenario.toml:12`, or the name of a source without lines.
    #[must_use]
    pub fn place(&self, at: At) -> String {
        let file = &self.files[at.file as usize];
        if file.lines.is_empty() { file.name.to_string() } else { format!("{}:{}", file.name, line_of(&file.lines, at.start) + 1) }
    }

    /// Line, column and text of a stretch.
    #[must_use]
    pub fn span(&self, at: At) -> Span {
        let file = &self.files[at.file as usize];
        if file.lines.is_empty() {
            return Span { file: Arc::clone(&file.name), ..Span::file("") };
        }
        let line = line_of(&file.lines, at.start);
        let begin = file.lines[line] as usize;
        let end = file.lines.get(line + 1).map_or(file.text.len(), |next| *next as usize);
        let text = file.text[begin..end].trim_end_matches(['\n', '\r']);
        // Offsets of a parser that recovered from an error may lie inside a character.
        let start = floor_boundary(&file.text, at.start as usize).max(begin);
        let stop = floor_boundary(&file.text, at.end as usize).clamp(start, begin + text.len().max(start - begin));
        let column = file.text[begin..start].chars().count() as u32 + 1;
        let length = (file.text[start..stop].chars().count() as u32).max(1);
        let shown: Arc<str> = text.char_indices().nth(SHOWN).map_or(text, |(cut, _)| &text[..cut]).into();
        Span { file: Arc::clone(&file.name), line: line as u32 + 1, column, length, text: shown }
    }
}

fn line_of(lines: &[u32], offset: u32) -> usize {
    lines.partition_point(|start| *start <= offset) - 1
}

fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// A file's bytes and text.
pub struct Contents {
    /// As read.
    pub bytes: Arc<[u8]>,
    /// Without a UTF-8 byte-order mark.
    pub text: Arc<str>,
}

/// Reads a text file of at most `limit` bytes.
///
/// # Errors
/// `F0101` missing or unreadable, `F0103` not UTF-8, `F0104` UTF-16, `F0105` too large, `F0106` a line too long, `F0107` a NUL byte.
pub fn read(path: &Path, name: &str, limit: u64) -> Result<Contents, Box<Diagnostic>> {
    let unreadable = |error: &std::io::Error| {
        let words = match error.kind() {
            std::io::ErrorKind::NotFound => format!("`{name}` does not exist"),
            std::io::ErrorKind::PermissionDenied => format!("no permission to read `{name}`"),
            std::io::ErrorKind::IsADirectory => format!("`{name}` is a folder"),
            _ => format!("cannot read `{name}`: {error}"),
        };
        Box::new(Diagnostic::error("F0101", Span::file(name), words).hint("check the path; it is relative to the file that says it"))
    };
    let too_large = || {
        let message = format!("`{name}` is larger than {} MB", limit >> 20);
        Box::new(Diagnostic::error("F0105", Span::file(name), message).hint("split the file, or keep long series in CSV files"))
    };
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(&error))?;
    if !metadata.is_file() {
        return Err(Box::new(Diagnostic::error("F0101", Span::file(name), format!("`{name}` is not a file"))));
    }
    if metadata.len() > limit {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize + 1);
    let file = std::fs::File::open(path).map_err(|error| unreadable(&error))?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > limit {
        return Err(too_large());
    }
    let text: Arc<str> = decode(&bytes, name)?.into();
    Ok(Contents { bytes: bytes.into(), text })
}

/// Bytes to text.
///
/// # Errors
/// `F0103`, `F0104`, `F0106`, `F0107` as for [`read`].
pub fn decode<'a>(bytes: &'a [u8], name: &str) -> Result<&'a str, Box<Diagnostic>> {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        let diagnostic = Diagnostic::error("F0104", Span { line: 1, column: 1, ..Span::file(name) }, format!("`{name}` is UTF-16"));
        return Err(Box::new(diagnostic.hint("save it as UTF-8")));
    }
    let bytes = bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(bytes);
    let at = |offset: usize| {
        let valid = String::from_utf8_lossy(&bytes[..offset]);
        let line = valid.matches('\n').count() as u32 + 1;
        let tail = valid.rsplit('\n').next().unwrap_or("");
        let shown = tail.chars().take(SHOWN).collect::<String>();
        Span { line, column: tail.chars().count() as u32 + 1, text: shown.as_str().into(), ..Span::file(name) }
    };
    let mut offset = 0;
    for line in bytes.split(|byte| *byte == b'\n') {
        if line.len() > MAX_LINE {
            let mut span = at(offset);
            span.text = String::from_utf8_lossy(&line[..SHOWN]).as_ref().into();
            let message = format!("a line of {:.1} MB is longer than 1 MB", line.len() as f64 / 1e6);
            return Err(Box::new(Diagnostic::error("F0106", span, message).hint("write long lists over several lines")));
        }
        offset += line.len() + 1;
    }
    if let Some(offset) = bytes.iter().position(|byte| *byte == 0) {
        let hint = "the file is not text, or its disk was full when it was written";
        return Err(Box::new(Diagnostic::error("F0107", at(offset), format!("`{name}` holds a NUL byte")).hint(hint)));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let diagnostic = Diagnostic::error("F0103", at(error.valid_up_to()), format!("`{name}` is not UTF-8"));
        Box::new(diagnostic.hint("save it as UTF-8; Latin-1 and Windows code pages are not read"))
    })
}
