//! The scenario as it was understood: all layers merged, every default written out.

use std::fmt::Write as _;
use std::path::Path;

use crate::diag::{Diagnostic, Severity};
use crate::keys::{Key, Kind, Need, TABLES, TableSpec};
use crate::load;
use crate::plan::quoted;
use crate::resolve;
use crate::text::Sources;
use crate::tree::{Node, Table, Value};

/// One TOML document with what every file and override says, each value with its place, and every default.
///
/// # Errors
/// The errors of the scenario.
pub fn show_resolved(path: &Path, sets: &[(String, String)]) -> Result<String, Vec<Diagnostic>> {
    // Whether it can be run at all is the business of `load`; what it says of a sound scenario is left to `validate`.
    load::load(path, sets)?;
    let (mut ctx, root) = load::read(path, sets)?;
    resolve::resolve(&mut ctx, &root);
    if ctx.files.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return Err(ctx.files.diagnostics);
    }
    let mut out = String::new();
    for spec in TABLES {
        match root.get(spec.name).map(|entry| &entry.node.value) {
            Some(Value::List(items)) => {
                for item in items {
                    if let Value::Table(table) = &item.value {
                        let _ = writeln!(out, "[[{}]]", spec.name);
                        entry(&mut out, &ctx.files.sources, spec, table);
                    }
                }
            }
            Some(Value::Table(table)) => {
                let _ = writeln!(out, "[{}]", spec.name);
                entry(&mut out, &ctx.files.sources, spec, table);
            }
            None if !spec.array => {
                let _ = writeln!(out, "[{}]", spec.name);
                entry(&mut out, &ctx.files.sources, spec, &Table::default());
            }
            _ => {}
        }
    }
    Ok(out)
}

/// Writing to a String cannot fail.
fn entry(out: &mut String, sources: &Sources, spec: &TableSpec, table: &Table) {
    for key in spec.keys_of(table.text("kind")) {
        if let Some(entry) = table.get(key.name) {
            let _ = writeln!(out, "{} = {}  # {}", key.name, written(&entry.node), sources.place(entry.node.at));
        } else {
            match key.need {
                Need::Default(text) => {
                    let _ = writeln!(out, "{} = {}  # default", key.name, default(key, text));
                }
                Need::Computed(words) => {
                    let _ = writeln!(out, "# {}: {words}", key.name);
                }
                Need::Required | Need::Optional => {}
            }
        }
    }
    out.push('\n');
}

fn default(key: &Key, text: &str) -> String {
    match key.kind {
        Kind::Words | Kind::Nations | Kind::References(_) | Kind::ListOf(_) => "[]".to_owned(),
        Kind::RatiosOf(_) => "{}".to_owned(),
        Kind::Count(_) | Kind::Integer | Kind::Boolean => text.to_owned(),
        Kind::Ratio(_) | Kind::Profile(..) if text.parse::<f64>().is_ok() => text.to_owned(),
        _ => quoted(text),
    }
}

fn written(node: &Node) -> String {
    match &node.value {
        Value::Text(text) => quoted(text),
        Value::Integer(integer) => integer.to_string(),
        Value::Float(float) => format!("{float:?}"),
        Value::Boolean(boolean) => boolean.to_string(),
        Value::Date(date) => date.to_string(),
        Value::List(items) => format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(", ")),
        Value::Table(table) => {
            let entries: Vec<String> = table.entries.iter().map(|entry| format!("{} = {}", entry.key, written(&entry.node))).collect();
            if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) }
        }
    }
}
