//! The language below the statements: blanks, continuations, comments, text in quotes, brackets.
//!
//! Every step moves forward, and what is looked at twice is at most the rest of one run of blanks, so that the time is linear.

use super::Mistakes;

/// A place in the text.
pub(super) struct Scanner<'a> {
    pub text: &'a str,
    pub at: usize,
    pub mistakes: &'a mut Mistakes,
}

impl<'a> Scanner<'a> {
    pub fn peek(&self) -> Option<u8> {
        self.byte(0)
    }

    /// The byte `ahead` of the place.
    pub fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    pub fn slice(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to).unwrap_or("")
    }

    /// Line of an offset, from 1. For messages only: it counts from the start of the text, so not for those that are not kept.
    fn line(&self, at: usize) -> usize {
        if self.mistakes.is_full() {
            return 0;
        }
        1 + self.slice(0, at).matches('\n').count()
    }

    /// Passes blanks, continuations and a comment: what may stand between two values of a row.
    pub fn skip_blanks(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\r' | b'\x0b' | b'\x0c') => self.at += 1,
                Some(b'.') if self.is_continuation() => {
                    self.skip_line();
                    self.at = (self.at + 1).min(self.text.len());
                }
                Some(b'%' | b'#') => self.skip_comment(),
                _ => return,
            }
        }
    }

    /// Passes blanks, comments, line ends, `;` and `,`: what may stand between two statements.
    pub fn skip_gap(&mut self) {
        loop {
            self.skip_blanks();
            match self.peek() {
                Some(b'\n' | b';' | b',') => self.at += 1,
                _ => return,
            }
        }
    }

    pub fn is_continuation(&self) -> bool {
        self.text.as_bytes()[self.at..].starts_with(b"...")
    }

    /// Goes to the end of the line (its line end not passed).
    fn skip_line(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    }

    /// Passes a comment: to the end of the line, or a block of lines from `%{` to `%}`, each alone on its line.
    fn skip_comment(&mut self) {
        let begun = self.at;
        let before = &self.text.as_bytes()[..begun];
        let alone_before = before.iter().rev().find(|byte| !matches!(byte, b' ' | b'\t')).is_none_or(|byte| *byte == b'\n');
        self.skip_line();
        if !alone_before || !is_fence(self.slice(begun, self.at), '{') {
            return;
        }
        let mut depth = 1_usize;
        while depth > 0 {
            if self.at >= self.text.len() {
                let line = self.line(begun);
                self.mistakes.add(begun, format!("the block comment begun in line {line} is not closed"), "expected `%}` alone on a line");
                return;
            }
            self.at += 1;
            let start = self.at;
            self.skip_line();
            let line = self.slice(start, self.at);
            if is_fence(line, '{') {
                depth += 1;
            } else if is_fence(line, '}') {
                depth -= 1;
            }
        }
    }

    /// Passes a name: letters, digits, `_`; empty if none is here.
    pub fn word(&mut self) -> &'a str {
        let begun = self.at;
        if self.peek().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_') {
            while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                self.at += 1;
            }
        }
        self.slice(begun, self.at)
    }

    /// Passes a text in quotes, of which a doubled one is a quote; none (and a mistake) if the line ends before.
    pub fn quoted(&mut self) -> Option<String> {
        let (begun, quote) = (self.at, self.peek()?);
        self.at += 1;
        let mut text = String::new();
        loop {
            let from = self.at;
            while self.peek().is_some_and(|byte| byte != quote && byte != b'\n') {
                self.at += 1;
            }
            text.push_str(self.slice(from, self.at));
            if self.peek() != Some(quote) {
                let line = self.line(begun);
                let quote = char::from(quote);
                self.mistakes.add(
                    begun,
                    format!("the text begun in line {line} is not closed"),
                    format!("expected `{quote}` before the end of the line"),
                );
                return None;
            }
            self.at += 1;
            if self.peek() != Some(quote) {
                return Some(text);
            }
            text.push(char::from(quote));
            self.at += 1;
        }
    }

    /// Whether an assignment begins here: then a bracket that is still open was forgotten.
    pub fn at_assignment(&mut self) -> bool {
        let begun = self.at;
        let mut found = !self.word().is_empty();
        while found && self.peek() == Some(b'.') && !self.is_continuation() {
            self.at += 1;
            found = !self.word().is_empty();
        }
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        found &= self.peek() == Some(b'=') && self.byte(1) != Some(b'=');
        self.at = begun;
        found
    }

    pub fn unclosed(&mut self, begun: usize, what: &str) {
        let close = closing(self.text.as_bytes().get(begun).copied());
        let line = self.line(begun);
        let end = self.line(self.at);
        let hint = if self.at >= self.text.len() {
            format!("expected `{close}` before the end of the text in line {end}")
        } else {
            format!("expected `{close}` before line {end}, where an assignment begins")
        };
        self.mistakes.add(begun, format!("{what} begun in line {line} is not closed"), hint);
    }

    /// Passes the rest of a statement, whatever it is.
    pub fn skip_statement(&mut self) {
        let mut open: Vec<usize> = Vec::new();
        let mut line_start = false;
        while let Some(byte) = self.peek() {
            if line_start && !open.is_empty() && byte.is_ascii_alphabetic() && self.at_assignment() {
                break;
            }
            line_start &= matches!(byte, b' ' | b'\t' | b'\r');
            match byte {
                b'%' | b'#' => self.skip_comment(),
                b'.' if self.is_continuation() => self.skip_blanks(),
                b'\n' | b';' | b',' if open.is_empty() => return,
                b'\n' => {
                    line_start = true;
                    self.at += 1;
                }
                b'"' => drop(self.quoted()),
                b'\'' if self.is_transpose() => self.at += 1,
                b'\'' => drop(self.quoted()),
                b'[' | b'{' | b'(' => {
                    open.push(self.at);
                    self.at += 1;
                }
                b']' | b'}' | b')' => {
                    let found = char::from(byte);
                    match open.pop() {
                        None => self.mistakes.add(self.at, format!("`{found}` closes nothing"), "expected a bracket that opens before it"),
                        Some(begun) => {
                            let close = closing(self.text.as_bytes().get(begun).copied());
                            if close != found {
                                let line = self.line(begun);
                                let message = format!("`{found}` closes a bracket of another kind, begun in line {line}");
                                self.mistakes.add(self.at, message, format!("expected `{close}`"));
                            }
                        }
                    }
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
        if let Some(begun) = open.first() {
            self.unclosed(*begun, "the bracket");
        }
    }

    /// Whether a `'` here transposes what stands directly before it.
    fn is_transpose(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.text.as_bytes().get(at));
        before.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b')' | b']' | b'}' | b'\'' | b'.' | b'"'))
    }
}

/// Whether a line is `%{` or `%}` and nothing else.
fn is_fence(line: &str, bracket: char) -> bool {
    line.trim().strip_prefix(['%', '#']).and_then(|rest| rest.strip_prefix(bracket)).is_some_and(str::is_empty)
}

fn closing(open: Option<u8>) -> char {
    match open {
        Some(b'(') => ')',
        Some(b'{') => '}',
        _ => ']',
    }
}
