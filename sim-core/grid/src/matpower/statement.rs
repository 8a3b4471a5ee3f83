//! Statements: which field is given which value.

use super::Mistakes;
use super::scan::Scanner;
use super::value::{COMPUTED, Names, Table};

/// A field that is a table of numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    BaseMva,
    Bus,
    Gen,
    Branch,
    GenCost,
    DcLine,
    DcLineCost,
}

impl Field {
    const ALL: [Self; 7] = [Self::BaseMva, Self::Bus, Self::Gen, Self::Branch, Self::GenCost, Self::DcLine, Self::DcLineCost];

    pub fn name(self) -> &'static str {
        match self {
            Self::BaseMva => "baseMVA",
            Self::Bus => "bus",
            Self::Gen => "gen",
            Self::Branch => "branch",
            Self::GenCost => "gencost",
            Self::DcLine => "dcline",
            Self::DcLineCost => "dclinecost",
        }
    }
}

/// What the text says about a table.
#[derive(Default)]
pub(super) enum Slot {
    #[default]
    Absent,
    /// It is there, but not as a table: reported already.
    Broken,
    Table(Table),
}

/// What the statements say.
#[derive(Default)]
pub(super) struct Fields {
    /// Name of the function, or empty.
    pub name: String,
    /// Where the function begins.
    pub at: usize,
    tables: [Slot; Field::ALL.len()],
    /// Names of the buses, and where the list begins.
    pub bus_names: Option<(usize, Names)>,
    /// Names of the outputs: one is a structure (version 2), several are the tables (version 1).
    outputs: Vec<String>,
}

impl Fields {
    pub fn take(&mut self, field: Field) -> Slot {
        std::mem::take(&mut self.tables[field as usize])
    }

    /// The field of the structure that a dotted name means; none for a variable.
    fn field<'p>(&self, path: &[&'p str]) -> Option<&'p str> {
        match (self.outputs.as_slice(), path) {
            ([] | [_], [structure, field, ..]) if *structure == self.outputs.first().map_or("mpc", String::as_str) => Some(field),
            ([_, _, ..], [table, ..]) if self.outputs.iter().any(|output| output == table) => Some(table),
            _ => None,
        }
    }

    /// Whether a word, alone, is the structure itself, or a table of version 1.
    fn is_output(&self, word: &str) -> bool {
        if self.outputs.is_empty() { word == "mpc" } else { self.outputs.iter().any(|output| output == word) }
    }
}

/// Reads all statements.
pub(super) fn read(text: &str, mistakes: &mut Mistakes) -> Fields {
    let mut fields = Fields::default();
    let mut scanner = Scanner { text, at: 0, mistakes };
    if text.starts_with('\u{feff}') {
        scanner.at += '\u{feff}'.len_utf8();
    }
    let mut functions = 0;
    loop {
        scanner.skip_gap();
        let begun = scanner.at;
        if scanner.peek().is_none() {
            return fields;
        }
        if scanner.peek() == Some(b'[') {
            scanner.outputs_of_call(&fields);
            continue;
        }
        let path = scanner.path();
        match path.as_slice() {
            [] => {
                // A bracket that closes nothing is reported by the next line.
                if !matches!(scanner.peek(), Some(b']' | b'}' | b')')) {
                    let message = format!("`{}` begins no statement", scanner.rest_of_word());
                    scanner.mistakes.add(begun, message, "expected `mpc.field = value`");
                }
                scanner.skip_statement();
            }
            ["function"] if functions == 0 => {
                functions += 1;
                fields.at = begun;
                scanner.header(&mut fields);
            }
            ["define_constants" | "return" | "endfunction"] => scanner.skip_statement(),
            [word] if word.starts_with("end") => scanner.skip_statement(),
            path if scanner.peek() == Some(b'=') && scanner.byte(1) != Some(b'=') => {
                scanner.at += 1;
                scanner.skip_blanks();
                scanner.assignment(path, begun, &mut fields);
            }
            path => {
                // An index: harmless for what is not read.
                let known = match fields.field(path) {
                    Some(field) => is_read(field),
                    None => scanner.peek() != Some(b'(') || matches!(path[0], "if" | "for" | "while") || fields.is_output(path[0]),
                };
                if known {
                    scanner.computed(begun);
                }
                scanner.skip_statement();
            }
        }
    }
}

/// Whether the case depends on a field.
fn is_read(field: &str) -> bool {
    matches!(field, "version" | "bus_name") || Field::ALL.iter().any(|known| known.name() == field)
}

impl<'a> Scanner<'a> {
    fn computed(&mut self, at: usize) {
        let rest = self.slice(at, self.text.len()).chars();
        let statement: String = rest.take_while(|c| !"\n\r;%".contains(*c)).take(60).collect();
        let statement = statement.trim();
        self.mistakes.add(at, format!("`{statement}` computes the case"), COMPUTED);
    }

    /// Passes a dotted name and the blanks after it.
    fn path(&mut self) -> Vec<&'a str> {
        let mut path = Vec::new();
        loop {
            let word = self.word();
            if word.is_empty() {
                break;
            }
            path.push(word);
            if self.peek() != Some(b'.') || self.is_continuation() {
                break;
            }
            self.at += 1;
        }
        self.skip_blanks();
        path
    }

    /// `function mpc = name` or `function [baseMVA, bus, gen, branch] = name`, the word passed.
    fn header(&mut self, fields: &mut Fields) {
        let several = self.peek() == Some(b'[');
        self.at += usize::from(several);
        let mut outputs = Vec::new();
        loop {
            self.skip_blanks();
            let word = self.word();
            if word.is_empty() {
                break;
            }
            outputs.push(word.to_string());
            self.skip_blanks();
            if !several {
                break;
            }
            self.at += usize::from(self.peek() == Some(b','));
        }
        self.at += usize::from(several && self.peek() == Some(b']'));
        self.skip_blanks();
        let at = self.at;
        if self.peek() == Some(b'=') && !outputs.is_empty() {
            self.at += 1;
            self.skip_blanks();
            fields.name = self.word().to_string();
            fields.outputs = outputs;
        }
        if fields.name.is_empty() {
            self.mistakes.add(at, "the function line is not that of a case", "expected `function mpc = name`");
        }
        self.skip_statement();
    }

    /// `[a, b] = ...`: legal if it names constants, as `idx_bus` does.
    fn outputs_of_call(&mut self, fields: &Fields) {
        let begun = self.at;
        self.skip_statement();
        let outputs = self.slice(begun, self.at).split(']').next().unwrap_or("");
        let mut words = outputs.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        if words.any(|word| fields.is_output(word)) {
            self.computed(begun);
        }
    }

    /// The value of an assignment, and the end of the statement.
    fn assignment(&mut self, path: &[&str], begun: usize, fields: &mut Fields) {
        let Some(name) = fields.field(path) else {
            // A variable is harmless; a new structure may be anything.
            if path.len() == 1 && fields.is_output(path[0]) {
                self.computed(begun);
            }
            return self.skip_statement();
        };
        let known = Field::ALL.into_iter().find(|field| field.name() == name);
        if path.len() > usize::from(fields.outputs.len() < 2) + 1 {
            if is_read(name) {
                self.computed(begun);
            }
            return self.skip_statement();
        }
        if let Some(field) = known {
            let slot = self.table(name).map_or(Slot::Broken, Slot::Table);
            let whole = match &slot {
                Slot::Table(table) => table.whole,
                _ => false,
            };
            fields.tables[field as usize] = slot;
            if whole {
                self.end_of_statement();
            }
            return self.skip_unless_ended();
        }
        match name {
            "bus_name" => {
                let at = self.at;
                fields.bus_names = self.names(name).map(|names| (at, names));
                if fields.bus_names.is_some() {
                    self.end_of_statement();
                }
                self.skip_unless_ended();
            }
            "version" => {
                let at = self.at;
                let version = if matches!(self.peek(), Some(b'\'' | b'"')) {
                    self.quoted()
                } else {
                    self.table(name).map(|table| table.cells.first().map_or(String::new(), |cell| cell.value.to_string()))
                };
                if let Some(version) = version {
                    if !matches!(version.as_str(), "1" | "2") {
                        self.mistakes.add(at, format!("version of the case format that is not known: `{version}`"), "expected '2' or '1'");
                    }
                    self.end_of_statement();
                }
                self.skip_unless_ended();
            }
            _ => self.skip_statement(),
        }
    }

    /// Reports what stands between a value and the end of its statement.
    fn end_of_statement(&mut self) {
        self.skip_blanks();
        if !matches!(self.peek(), None | Some(b'\n' | b';' | b',')) {
            let found = self.rest_of_word();
            self.mistakes.add(self.at, format!("`{found}` after the value"), COMPUTED);
        }
    }

    /// Passes what is left of a statement, unless an assignment begins here: then a bracket was not closed before it.
    fn skip_unless_ended(&mut self) {
        if !self.at_assignment() {
            self.skip_statement();
        }
    }
}
