//! How a command ends.

use bastide_model::diag::Diagnostic;

/// Exit code 0: done.
pub const DONE: u8 = 0;
/// Exit code 1: the input or the answer is bad.
pub const BAD: u8 = 1;
/// Exit code 70: a bug of this program.
pub const BUG: u8 = 70;
/// Exit code 130: interrupted; the same command goes on.
pub const INTERRUPTED: u8 = 130;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub enum Failure {
    /// Mistakes in the input, already complete; rendered at the end.
    Diagnostics(Vec<Diagnostic>),
    /// The document that says why was printed already.
    Told,
    /// One sentence and a hint.
    Sentence(String, Option<String>),
    /// Stopped by the user; what was written stays.
    Interrupted(String),
    /// The reader of our output went away: nothing is wrong.
    BrokenPipe,
}

impl Failure {
    /// One sentence.
    pub fn sentence(text: impl Into<String>) -> Self {
        Self::Sentence(text.into(), None)
    }
    /// An error of an engine, whose words may end in a hint of their own.
    pub fn of(error: &impl ToString) -> Self {
        let words = error.to_string();
        match words.split_once("; hint: ") {
            Some((sentence, hint)) => Self::hinted(sentence, hint),
            None => Self::sentence(words),
        }
    }
    /// One sentence and what to do about it.
    pub fn hinted(text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Sentence(text.into(), Some(hint.into()))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            Self::BrokenPipe
        } else {
            Self::sentence(format!("cannot write the output: {error}"))
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::from(std::io::Error::from(error))
    }
}
