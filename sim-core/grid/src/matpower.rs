//! MATPOWER case files: text in, [`Case`] out, and back.
//!
//! A case file is a MATLAB function that fills a structure. [`read_matpower`] reads the statements that give the tables as numbers,
//! and skips every field that says nothing about active power. It runs no programme: a statement that computes a table is a
//! mistake with a place, never a silent difference from what MATPOWER would read. Format: MATPOWER User's Manual, version 8.0
//! (Zimmerman and Murillo-Sánchez, 2024), appendix B.
//!
//! Three steps, one file each: `scan` knows the language (blanks, comments, brackets, text), `statement` and `value` the
//! assignments, `build`, `column` and `cost` what the columns mean.

use crate::Case;

mod build;
mod column;
mod cost;
mod scan;
mod statement;
mod value;
mod write;

pub use write::write_matpower;

/// A mistake in a case file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct CaseError {
    /// Line, from 1 -- output.
    pub line: usize,
    /// Column in characters, from 1 -- output.
    pub column: usize,
    /// What is wrong -- output.
    pub message: String,
    /// What was expected, or what to do -- output.
    pub hint: Option<String>,
}

/// Reads the text of a MATPOWER case: format version 2 (`mpc.bus = [...]`), or version 1 (a function with several outputs).
///
/// Elements at isolated buses are out of service in the answer; a tap ratio of 0 is 1, a rating of 0 or `Inf` is none, an angle
/// limit at or beyond 360 degrees is none, and so are two angle limits of 0. The limits of a DC line that are negative hold at its
/// "to" end (MATPOWER's `toggle_dcline`); they are brought to the "from" end.
///
/// # Errors
/// Every mistake found, in the order of the text; a text with more than 50 reports 50.
pub fn read_matpower(text: &str) -> Result<Case, Vec<CaseError>> {
    let mut mistakes = Mistakes::default();
    let fields = statement::read(text, &mut mistakes);
    let case = build::case(fields, &mut mistakes);
    if mistakes.list.is_empty() { Ok(case) } else { Err(mistakes.placed(text)) }
}

/// Mistakes found so far. The offsets are in bytes; lines and columns are counted once, at the end.
#[derive(Default)]
struct Mistakes {
    list: Vec<Mistake>,
}

struct Mistake {
    at: usize,
    message: String,
    hint: Option<String>,
}

impl Mistakes {
    /// More would help nobody: they follow from the first ones.
    const MOST: usize = 50;

    fn is_full(&self) -> bool {
        self.list.len() >= Self::MOST
    }

    fn add(&mut self, at: usize, message: impl Into<String>, hint: impl Into<String>) {
        if !self.is_full() {
            self.list.push(Mistake { at, message: message.into(), hint: Some(hint.into()) });
        }
    }

    fn placed(mut self, text: &str) -> Vec<CaseError> {
        self.list.sort_by_key(|mistake| mistake.at);
        // A byte order mark is no column.
        let first = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let (mut line, mut start, mut seen) = (1, first, first);
        let place = |Mistake { at, message, hint }| {
            let at = at.clamp(first, text.len());
            for (offset, _) in text.as_bytes()[seen..at].iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
                line += 1;
                start = seen + offset + 1;
            }
            seen = at;
            // Bytes that continue a character of UTF-8 are no columns.
            let column = 1 + text.as_bytes()[start..at].iter().filter(|byte| **byte & 0xC0 != 0x80).count();
            CaseError { line, column, message, hint }
        };
        self.list.into_iter().map(place).collect()
    }
}
