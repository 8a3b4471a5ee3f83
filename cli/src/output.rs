//! stdout is data, stderr is talk.

use std::io::{IsTerminal, Write};

use serde::Serialize;

use crate::args::{Color, Format, Global};
use crate::exit::Failure;

/// Where a command prints.
#[derive(Debug)]
pub struct Output {
    /// How.
    pub format: Format,
    choice: anstream::ColorChoice,
    /// Whether stderr may carry colour.
    pub color: bool,
}

impl Output {
    /// From the global options.
    pub fn new(global: &Global) -> Self {
        let choice = match global.color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        };
        let stderr = anstream::AutoStream::choice(&std::io::stderr());
        let color = match global.color {
            Color::Auto => !matches!(stderr, anstream::ColorChoice::Never),
            Color::Always => true,
            Color::Never => false,
        };
        Self { format: global.format, choice, color }
    }

    /// stdout.
    pub fn out(&self) -> impl Write {
        anstream::AutoStream::new(std::io::stdout().lock(), self.choice)
    }
    /// stderr.
    pub fn err(&self) -> impl Write {
        anstream::AutoStream::new(std::io::stderr().lock(), self.choice)
    }
    /// Whether a progress bar makes sense: people, on a terminal.
    pub fn live(&self) -> bool {
        self.format == Format::Human && std::io::stderr().is_terminal()
    }

    /// A document for machines, under its schema name.
    pub fn json(&self, schema: &str, document: &impl Serialize) -> Result<(), Failure> {
        let mut value = serde_json::to_value(document)?;
        if let Some(object) = value.as_object_mut() {
            object.insert("schema".to_owned(), format!("bastide/{schema}").into());
        }
        let mut out = self.out();
        serde_json::to_writer_pretty(&mut out, &value)?;
        writeln!(out)?;
        Ok(())
    }

    /// A line of talk, for people only.
    pub fn say(&self, text: &str) {
        if self.format == Format::Human {
            // A closed stderr must not stop the work.
            let _ = writeln!(self.err(), "{text}");
        }
    }
    /// A line of data, unless the answer is JSON.
    pub fn line(&self, text: &str) -> Result<(), Failure> {
        if self.format != Format::Json {
            writeln!(self.out(), "{text}")?;
        }
        Ok(())
    }
}
