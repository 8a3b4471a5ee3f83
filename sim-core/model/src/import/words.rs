//! Files that are a stream of numbers: words one after the other, each with its place.

use std::fmt::Display;

use crate::diag::Diagnostic;
use crate::keys::Range;
use crate::source::Span;
use crate::text::{At, Sources};

/// Most mistakes that one file reports.
const MAX_REPORTS: usize = 20;

/// The words of a file, from the first to the last.
pub struct Words<'a> {
    text: &'a str,
    sources: Sources,
    file: u32,
    next: usize,
    /// Whether commas part words, too.
    commas: bool,
    ended: bool,
    mistakes: Vec<Diagnostic>,
}

impl<'a> Words<'a> {
    /// The words of a text; `commas` part them like blanks where they may.
    pub fn new(text: &'a str, name: &str, commas: bool) -> Self {
        let mut sources = Sources::default();
        let file = sources.add(name, text);
        Self { text, sources, file, next: 0, commas, ended: false, mistakes: Vec::new() }
    }
    /// Whether a word was wanted after the last one.
    pub const fn ended(&self) -> bool {
        self.ended
    }
    /// Whether all words were taken.
    pub fn is_over(&mut self) -> bool {
        let next = self.next;
        let over = self.take().is_none();
        self.next = next;
        over
    }
    /// Where the word that was taken last stands.
    pub fn span(&self, at: At) -> Span {
        self.sources.span(at)
    }
    /// Notes a mistake at a place.
    pub fn wrong(&mut self, code: &'static str, at: At, message: impl Into<String>, hint: impl Into<String>) {
        if self.mistakes.len() < MAX_REPORTS {
            let span = self.span(at);
            self.mistakes.push(Diagnostic::error(code, span, message).hint(hint));
        }
    }

    fn parts(&self, c: char) -> bool {
        c.is_whitespace() || (self.commas && c == ',')
    }
    fn take(&mut self) -> Option<(&'a str, At)> {
        let rest = &self.text[self.next..];
        let start = self.next + rest.find(|c| !self.parts(c))?;
        let word = &self.text[start..];
        let word = &word[..word.find(|c| self.parts(c)).unwrap_or(word.len())];
        self.next = start + word.len();
        Some((word, At { file: self.file, start: start as u32, end: self.next as u32 }))
    }
    /// The next word; `None` at the end of the file, which is reported once.
    pub fn word(&mut self, what: impl Display) -> Option<(&'a str, At)> {
        let found = self.take();
        if found.is_none() && !std::mem::replace(&mut self.ended, true) {
            let end = self.text.trim_end().len() as u32;
            let at = At { file: self.file, start: end.saturating_sub(1), end };
            self.wrong(
                "F0955",
                at,
                format!("the file ends where {what} should stand"),
                "the file is cut short, or its counts are too large",
            );
        }
        found
    }
    /// A number within a range; NaN after a message.
    pub fn number(&mut self, range: Range, what: impl Display) -> f64 {
        let Some((word, at)) = self.word(&what) else { return f64::NAN };
        self.read(word, at, range, what)
    }
    /// A word as a number within a range; NaN after a message.
    pub fn read(&mut self, word: &str, at: At, range: Range, what: impl Display) -> f64 {
        let message = match word.parse::<f64>() {
            Ok(value) if value.is_finite() && range.holds(value) => return value,
            Ok(value) if value.is_finite() => format!("{what} must be {}: {word}", range.words()),
            Ok(_) => format!("{what} is not a finite number: {word}"),
            Err(_) => format!("{what} is not a number: `{}`", word.chars().take(40).collect::<String>()),
        };
        self.wrong("F0955", at, message, "digits with a decimal point; the file may be of another form");
        f64::NAN
    }
    /// A whole number from `least` on, with its place; `None` after a message.
    pub fn count(&mut self, least: u32, what: impl Display) -> Option<(usize, At)> {
        let (word, at) = self.word(&what)?;
        // Some files write whole numbers as `5.`.
        let value = word.trim_end_matches('.').parse::<u32>().ok().filter(|value| *value >= least);
        if value.is_none() {
            let message = format!("{what} must be a whole number, {least} or more: `{}`", word.chars().take(40).collect::<String>());
            self.wrong("F0955", at, message, "the file may be of another form");
        }
        value.map(|value| (value as usize, at))
    }
    /// Reports words after the last one that is wanted; then what was wrong, if anything was.
    ///
    /// # Errors
    /// Every mistake so far.
    pub fn finish(mut self, last: impl Display) -> Result<(), Vec<Diagnostic>> {
        if !self.ended
            && let Some((_, at)) = self.take()
        {
            self.wrong("F0955", at, format!("the file goes on after {last}"), "its counts are too small, or it is of another form");
        }
        if self.mistakes.is_empty() { Ok(()) } else { Err(self.mistakes) }
    }
}
