//! Where something was written.

use std::sync::Arc;

/// A stretch of text in one of the scenario's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Path as messages show it: relative to the scenario's folder where possible.
    pub file: Arc<str>,
    /// Line, from 1; 0 if the place has none (a folder, a command-line override).
    pub line: u32,
    /// Column in characters, from 1; 0 with `line`.
    pub column: u32,
    /// Number of characters, at least 1.
    pub length: u32,
    /// The whole line, cut at 240 characters, for display.
    pub text: Arc<str>,
}

impl Span {
    /// A place without a line: a file as a whole, a folder, `--set`.
    #[must_use]
    pub fn file(file: &str) -> Self {
        Self { file: file.into(), line: 0, column: 0, length: 1, text: "".into() }
    }
}

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.line == 0 { f.write_str(&self.file) } else { write!(f, "{}:{}:{}", self.file, self.line, self.column) }
    }
}
