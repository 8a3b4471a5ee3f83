//! Values: tables of numbers with simple arithmetic, and lists of names.

use super::scan::Scanner;

/// A number and where it is written.
#[derive(Clone, Copy)]
pub(super) struct Cell {
    pub value: f64,
    /// Offset of its first byte; [`Cell::BAD`] for what was reported already.
    pub at: usize,
}

impl Cell {
    pub const BAD: usize = usize::MAX;
}

/// A matrix by rows.
#[derive(Default)]
pub(super) struct Table {
    /// Where it begins.
    pub at: usize,
    pub cells: Vec<Cell>,
    /// Position in `cells` after the last of each row.
    pub ends: Vec<usize>,
    /// Whether it was read to its end.
    pub whole: bool,
}

impl Table {
    pub fn rows(&self) -> impl Iterator<Item = &[Cell]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.cells[start..*end])
    }

    fn end_row(&mut self) {
        if self.cells.len() > self.ends.last().copied().unwrap_or(0) {
            self.ends.push(self.cells.len());
        }
    }
}

/// Names with their places.
pub(super) type Names = Vec<(usize, String)>;

pub(super) const COMPUTED: &str =
    "expected numbers: computed statements are not supported; load the case in MATPOWER and write it by `savecase`";

/// Brackets within a value; more is no case file, and would use up the stack.
const DEEPEST: usize = 50;

impl Scanner<'_> {
    /// A matrix in brackets, or one number as a matrix; none (and a mistake) if it is something else.
    pub fn table(&mut self, name: &str) -> Option<Table> {
        let mut table = Table { at: self.at, whole: true, ..Table::default() };
        if self.peek() == Some(b'[') {
            self.matrix(&mut table, name);
        } else {
            let at = self.at;
            let value = self.sum(0, false)?;
            table.cells.push(Cell { value, at });
            table.end_row();
        }
        Some(table)
    }

    fn matrix(&mut self, table: &mut Table, name: &str) {
        let begun = self.at;
        self.at += 1;
        // Whether a `,` may come: after a value only.
        let mut after_value = false;
        let mut row_start = true;
        loop {
            self.skip_blanks();
            let Some(byte) = self.peek() else {
                self.unclosed(begun, &format!("the matrix `{name}`"));
                // The row that was being written is nobody's mistake.
                table.whole = false;
                return;
            };
            match byte {
                b']' => {
                    self.at += 1;
                    table.end_row();
                    return;
                }
                b';' | b'\n' => {
                    self.at += 1;
                    table.end_row();
                    (after_value, row_start) = (false, true);
                }
                b',' => {
                    if !after_value {
                        self.mistakes.add(self.at, format!("a value is missing before `,` in `{name}`"), "expected a number");
                    }
                    self.at += 1;
                    after_value = false;
                }
                _ if row_start && byte.is_ascii_alphabetic() && self.at_assignment() => {
                    self.unclosed(begun, &format!("the matrix `{name}`"));
                    table.whole = false;
                    return;
                }
                _ => {
                    table.cells.push(self.cell());
                    (after_value, row_start) = (true, false);
                }
            }
        }
    }

    /// One value of a matrix. What is wrong is reported, and passed to the next blank, `,`, `;` or `]`.
    fn cell(&mut self) -> Cell {
        let at = self.at;
        // Nearly every value is a plain number, followed by something that cannot continue an expression.
        if let Some(value) = self.plain() {
            return Cell { value, at };
        }
        let value = self.sum(0, true);
        let ended = matches!(self.peek(), None | Some(b' ' | b'\t' | b'\r' | b'\n' | b',' | b';' | b']' | b'%' | b'#' | b'\x0b' | b'\x0c'))
            || self.is_continuation();
        match value {
            Some(value) if ended => Cell { value, at },
            value => {
                if value.is_some() {
                    let found = self.rest_of_word();
                    self.mistakes.add(self.at, format!("`{found}` does not belong into a table of numbers"), COMPUTED);
                }
                self.skip_word();
                Cell { value: f64::NAN, at: Cell::BAD }
            }
        }
    }

    /// A number with its sign, if what follows shows that it is a value of its own; otherwise nothing is passed.
    fn plain(&mut self) -> Option<f64> {
        let begun = self.at;
        let text = self.text.as_bytes();
        let mut end = begun + usize::from(matches!(text.get(begun), Some(b'-' | b'+')));
        while matches!(text.get(end), Some(b'0'..=b'9' | b'.')) {
            end += 1;
        }
        if matches!(text.get(end), Some(b'e' | b'E')) {
            end += 1 + usize::from(matches!(text.get(end + 1), Some(b'-' | b'+')));
            while matches!(text.get(end), Some(b'0'..=b'9')) {
                end += 1;
            }
        }
        let mut next = end;
        while matches!(text.get(next), Some(b' ' | b'\t')) {
            next += 1;
        }
        let follows = match text.get(next) {
            Some(b',' | b';' | b'\n' | b'\r' | b']' | b'%') => true,
            // `1 2` and `1 -2` are two values, `1 - 2` is one.
            Some(b'0'..=b'9') => next > end,
            Some(b'-' | b'+') => next > end && matches!(text.get(next + 1), Some(b'0'..=b'9' | b'.')),
            _ => false,
        };
        let value = if follows { self.slice(begun, end).parse().ok()? } else { return None };
        self.at = end;
        Some(value)
    }

    /// Sum of products; none (and a mistake) if it is no number. In a row of a matrix, blanks end a value.
    fn sum(&mut self, depth: usize, in_row: bool) -> Option<f64> {
        let mut total = self.product(depth, in_row)?;
        loop {
            let mark = self.at;
            self.skip_blanks();
            let sign = match self.peek() {
                Some(b'+') => 1.0,
                Some(b'-') => -1.0,
                _ => break self.at = mark,
            };
            if in_row && self.at > mark && !matches!(self.byte(1), Some(b' ' | b'\t')) {
                break self.at = mark;
            }
            self.at += 1;
            self.skip_blanks();
            total += sign * self.product(depth, in_row)?;
        }
        Some(total)
    }

    fn product(&mut self, depth: usize, in_row: bool) -> Option<f64> {
        let mut total = self.signed(depth, in_row)?;
        loop {
            let mark = self.at;
            self.skip_blanks();
            let dot = usize::from(self.peek() == Some(b'.'));
            let times = match self.byte(dot) {
                Some(b'*') => true,
                Some(b'/') => false,
                _ => break self.at = mark,
            };
            self.at += 1 + dot;
            self.skip_blanks();
            let factor = self.signed(depth, in_row)?;
            total = if times { total * factor } else { total / factor };
        }
        Some(total)
    }

    /// A power with its signs: `-2^2` is -4.
    fn signed(&mut self, depth: usize, in_row: bool) -> Option<f64> {
        let sign = self.signs();
        let mut total = self.primary(depth, in_row)?;
        loop {
            let mark = self.at;
            self.skip_blanks();
            let dot = usize::from(self.peek() == Some(b'.'));
            if self.byte(dot) != Some(b'^') {
                break self.at = mark;
            }
            self.at += 1 + dot;
            self.skip_blanks();
            let sign = self.signs();
            total = total.powf(sign * self.primary(depth, in_row)?);
        }
        Some(sign * total)
    }

    fn signs(&mut self) -> f64 {
        let mut sign = 1.0;
        while let Some(byte @ (b'+' | b'-')) = self.peek() {
            if byte == b'-' {
                sign = -sign;
            }
            self.at += 1;
        }
        sign
    }

    fn primary(&mut self, depth: usize, in_row: bool) -> Option<f64> {
        let at = self.at;
        match self.peek() {
            Some(b'0'..=b'9' | b'.') => {
                let end = self.number_end();
                let number = self.slice(at, end);
                let value = number.parse().or_else(|_| number.replace(['d', 'D'], "e").parse());
                let glued = self.text.as_bytes().get(end).copied();
                if let (Ok(value), false) = (value, glued.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80))
                {
                    self.at = end;
                    return Some(value);
                }
            }
            Some(b'(') if depth < DEEPEST => {
                self.at += 1;
                self.skip_blanks();
                let value = self.sum(depth + 1, false)?;
                self.skip_blanks();
                if self.peek() == Some(b')') {
                    self.at += 1;
                    return Some(value);
                }
                self.mistakes.add(at, "the bracket is not closed", "expected `)`");
                return None;
            }
            Some(byte) if byte.is_ascii_alphabetic() => {
                let word = self.word();
                let value = match word {
                    "pi" => Some(std::f64::consts::PI),
                    _ if word.eq_ignore_ascii_case("inf") => Some(f64::INFINITY),
                    _ if word.eq_ignore_ascii_case("nan") => Some(f64::NAN),
                    _ => None,
                };
                if value.is_some() {
                    return value;
                }
                self.at = at;
                let found = self.rest_of_word();
                self.mistakes.add(at, format!("`{found}` is no number"), COMPUTED);
                return None;
            }
            _ => {}
        }
        let found = self.rest_of_word();
        let message = if found.is_empty() { "a number is missing".to_string() } else { format!("`{found}` is no number") };
        let hint = if in_row || depth > 0 { "expected a number" } else { "expected a number or a matrix in `[` and `]`" };
        self.mistakes.add(at, message, hint);
        None
    }

    /// Where the number that begins here ends.
    fn number_end(&self) -> usize {
        let text = self.text.as_bytes();
        let digits = |mut end: usize| {
            while matches!(text.get(end), Some(b'0'..=b'9')) {
                end += 1;
            }
            end
        };
        let mut end = digits(self.at);
        // The dot of `1./3`, `1.*3`, `1.^3` and `1...` belongs to what follows.
        if text.get(end) == Some(&b'.') && !matches!(text.get(end + 1), Some(b'*' | b'/' | b'^' | b'\'' | b'.')) {
            end = digits(end + 1);
        }
        if matches!(text.get(end), Some(b'e' | b'E' | b'd' | b'D')) {
            let sign = usize::from(matches!(text.get(end + 1), Some(b'-' | b'+')));
            let exponent = digits(end + 1 + sign);
            if exponent > end + 1 + sign {
                end = exponent;
            }
        }
        end
    }

    /// What stands here up to the next blank, `,`, `;` or bracket that ends, for a message: at most 24 characters.
    pub fn rest_of_word(&self) -> &str {
        let rest = self.slice(self.at, self.text.len());
        let mut depth = 0_i32;
        let mut end = 0;
        for c in rest.chars().take(24) {
            depth += i32::from(c == '(') - i32::from(c == ')');
            if end > 0 && (c == '\n' || (depth <= 0 && (c.is_whitespace() || ",;]}%".contains(c))) || depth < 0) {
                break;
            }
            end += c.len_utf8();
        }
        rest[..end].trim()
    }

    /// Passes what is no value, with round brackets and quotes that belong to it.
    fn skip_word(&mut self) {
        let mut depth = 0_usize;
        let begun = self.at;
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' => return,
                b'(' => depth += 1,
                b')' => depth = depth.saturating_sub(1),
                b'"' | b'\'' if self.at == begun => {
                    if self.quoted().is_none() {
                        return;
                    }
                    continue;
                }
                b' ' | b'\t' | b'\r' | b',' | b';' | b']' if depth == 0 => return,
                b'%' | b'#' => return,
                b'.' if self.is_continuation() => return,
                _ => {}
            }
            self.at += 1;
        }
    }

    /// A list of names in braces; none (and a mistake) if it is something else.
    pub fn names(&mut self, name: &str) -> Option<Names> {
        if self.peek() != Some(b'{') {
            self.mistakes.add(self.at, format!("`{name}` is no list of names"), "expected names in quotes, between `{` and `}`");
            return None;
        }
        let begun = self.at;
        self.at += 1;
        let mut names = Names::new();
        loop {
            self.skip_gap();
            let at = self.at;
            match self.peek() {
                None => {
                    self.unclosed(begun, &format!("the list `{name}`"));
                    return None;
                }
                Some(b'}') => {
                    self.at += 1;
                    return Some(names);
                }
                Some(b'\'' | b'"') => names.push((at, self.quoted()?)),
                Some(byte) if byte.is_ascii_alphabetic() && self.at_assignment() => {
                    self.unclosed(begun, &format!("the list `{name}`"));
                    return None;
                }
                Some(_) => {
                    let found = self.rest_of_word();
                    self.mistakes.add(at, format!("`{found}` is no name"), "expected a text in quotes");
                    return None;
                }
            }
        }
    }
}
