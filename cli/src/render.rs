//! Diagnostics for a terminal and as JSON.

use std::io::{self, Write};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use bastide_model::diag::{Diagnostic, Severity};
use serde_json::{Value, json};

/// Prints diagnostics for people.
pub fn diagnostics(out: &mut dyn Write, list: &[Diagnostic], color: bool) -> io::Result<()> {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    for diagnostic in list {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let snippets = diagnostic.labels.iter().enumerate().filter(|(_, (span, _))| span.line > 0).map(|(index, (span, word))| {
            let start = byte_of(&span.text, span.column);
            let end = byte_of(&span.text, span.column + span.length).max(start);
            let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
            let annotation = kind.span(start..end);
            let annotation = if word.is_empty() { annotation } else { annotation.label(word.as_str()) };
            Snippet::source(&*span.text).path(&*span.file).line_start(span.line as usize).annotation(annotation)
        });
        let mut group = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code).elements(snippets);
        if diagnostic.span().line == 0 {
            group = group.element(Level::NOTE.message(format!("in {}", diagnostic.span())));
        }
        if let Some(hint) = &diagnostic.hint {
            group = group.element(Level::HELP.with_name("hint").message(hint.as_str()));
        }
        writeln!(out, "{}\n", renderer.render(&[group]))?;
    }
    Ok(())
}

/// Byte offset of a column (characters, from 1) in a line.
fn byte_of(text: &str, column: u32) -> usize {
    text.char_indices().nth(column.saturating_sub(1) as usize).map_or(text.len(), |(at, _)| at)
}

/// One diagnostic as JSON.
pub fn to_json(diagnostic: &Diagnostic) -> Value {
    let span = diagnostic.span();
    json!({
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "file": &*span.file,
        "line": span.line,
        "column": span.column,
        "source_line": &*span.text,
        "hint": diagnostic.hint,
        "related": diagnostic.labels[1..].iter().map(|(span, word)| json!({
            "file": &*span.file, "line": span.line, "column": span.column, "message": word,
        })).collect::<Vec<_>>(),
    })
}

/// `2 errors, 1 warning`.
pub fn count(list: &[Diagnostic]) -> String {
    let errors = list.iter().filter(|d| d.severity == Severity::Error).count();
    let warnings = list.len() - errors;
    let word = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    match (errors, warnings) {
        (_, 0) => word(errors, "error"),
        (0, _) => word(warnings, "warning"),
        _ => format!("{}, {}", word(errors, "error"), word(warnings, "warning")),
    }
}
