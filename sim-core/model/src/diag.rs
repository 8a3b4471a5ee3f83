//! Diagnostics: a user's mistakes, as data. Only the command line renders them.

use crate::source::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing runs.
    Error,
    /// It runs; the planner should look.
    Warning,
}

/// One mistake, with its place and what to do about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// `F0203`; never reused. Explained by `bastide explain`.
    pub code: &'static str,
    /// How bad.
    pub severity: Severity,
    /// One sentence, no full stop, names in backticks.
    pub message: String,
    /// Where; the first is the place itself, further ones are context, each with a word on it (may be empty).
    pub labels: Vec<(Span, String)>,
    /// What to do.
    pub hint: Option<String>,
}

/// A text of the scenario may hold line breaks; a message is one line.
fn one_line(words: String) -> String {
    if words.contains(char::is_control) { words.replace(char::is_control, " ") } else { words }
}

impl Diagnostic {
    /// An error at a place.
    #[must_use]
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Error, message: one_line(message.into()), labels: vec![(span, String::new())], hint: None }
    }
    /// A warning at a place.
    #[must_use]
    pub fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }
    /// With a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(one_line(hint.into()));
        self
    }
    /// With a further place.
    #[must_use]
    pub fn label(mut self, span: Span, word: impl Into<String>) -> Self {
        self.labels.push((span, word.into()));
        self
    }
    /// The place itself.
    #[must_use]
    pub fn span(&self) -> &Span {
        &self.labels[0].0
    }
}
