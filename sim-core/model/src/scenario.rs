//! What the planner wrote: files, layers and tables, decoded.

pub mod campaign;
pub mod case;
pub mod demand;
pub mod evacuation;
pub mod facility;
pub mod files;
pub mod grid;
pub mod grid_event;
pub mod growth;
pub mod header;
pub mod investment;
pub mod layers;
pub mod machine;
pub mod objective;
pub mod operation;
pub mod planning;
pub mod rule;
pub mod series;
pub mod serving;
pub mod site;
pub mod spike;
pub mod threat;
pub mod uncertainty;

use std::collections::BTreeMap;

use crate::decode::{Context, Cursor, is_name};
use crate::diag::Diagnostic;
use crate::keys::{TABLES, TableSpec, nearest, table};
use crate::text::At;
use crate::tree::{Table, Value, name_of};

/// Entries of an array of tables, as they stand.
pub fn entries<'t>(root: &'t Table, name: &str) -> Vec<(&'t Table, At)> {
    let Some(entry) = root.get(name) else { return Vec::new() };
    match &entry.node.value {
        Value::List(items) => {
            items.iter().filter_map(|node| if let Value::Table(table) = &node.value { Some((table, node.at)) } else { None }).collect()
        }
        _ => Vec::new(),
    }
}

/// Decodes every entry of an array of tables, as long as mistakes are listed.
fn each<T>(ctx: &mut Context, root: &Table, name: &'static str, mut decode: impl FnMut(&mut Cursor<'_, '_>) -> T) -> Vec<T> {
    let Some(spec) = table(name) else { return Vec::new() };
    let mut all = Vec::new();
    for (index, (table, at)) in entries(root, name).into_iter().enumerate() {
        if ctx.is_full() {
            break;
        }
        let mut cursor = Cursor::open(ctx, spec, index, table, at);
        all.push(decode(&mut cursor));
        cursor.close();
    }
    all
}

/// Decodes a table that stands at most once; an absent one has only defaults.
fn single<T>(ctx: &mut Context, root: &Table, name: &'static str, decode: impl FnOnce(&mut Cursor<'_, '_>) -> T) -> Option<T> {
    let spec = table(name)?;
    let empty = Table::default();
    let (table, at) = match root.get(name) {
        Some(entry) => match &entry.node.value {
            Value::Table(table) => (table, entry.node.at),
            _ => return None,
        },
        None if spec.required => return None,
        None => (&empty, At::whole(0)),
    };
    let mut cursor = Cursor::open(ctx, spec, 0, table, at);
    let decoded = decode(&mut cursor);
    cursor.close();
    Some(decoded)
}

/// Checks the outline: which tables stand, in which form, and their names.
pub fn outline(ctx: &mut Context, root: &Table) {
    for entry in &root.entries {
        let Some(spec) = table(&entry.key) else {
            if ctx.is_full() {
                break;
            }
            if entry.key != "extends" {
                let near = nearest(&entry.key, TABLES.iter().map(|table| table.name));
                let hint = near.map_or_else(|| "`bastide schema` lists the tables".to_owned(), |near| format!("did you mean `{near}`?"));
                ctx.error_hint("F0201", entry.key_at, format!("there is no table `{}`", entry.key), hint);
            }
            continue;
        };
        let right = form(ctx, spec, &entry.node, entry.key_at);
        if !right && root.get(spec.name).is_some_and(|first| first.key_at == entry.key_at) {
            ctx.broken.insert(spec.name);
        }
    }
    for spec in TABLES.iter().filter(|spec| spec.required && root.get(spec.name).is_none()) {
        let heading = heading(spec);
        let file = At::whole(0);
        ctx.error_hint("F0216", file, format!("the scenario has no `{heading}`"), format!("add `{heading}`: {}", spec.doc));
    }
    for spec in TABLES.iter().filter(|spec| spec.array) {
        let names = collect_names(ctx, spec, root);
        ctx.names.insert(spec.name, names);
    }
}

fn heading(spec: &TableSpec) -> String {
    if spec.array { format!("[[{}]]", spec.name) } else { format!("[{}]", spec.name) }
}

/// Reports a table in the wrong form; `true` if it is right.
fn form(ctx: &mut Context, spec: &'static TableSpec, node: &crate::tree::Node, key_at: At) -> bool {
    let wrong = match (&node.value, spec.array) {
        (Value::List(items), true) => {
            for item in items.iter().filter(|item| !matches!(item.value, Value::Table(_))) {
                ctx.error_hint(
                    "F0204",
                    item.at,
                    format!("an entry of `{}` must be a table, not {}", spec.name, item.value.word()),
                    format!("write it under `[[{}]]`", spec.name),
                );
            }
            spec.required && items.is_empty()
        }
        (Value::Table(_), false) => false,
        _ => true,
    };
    if wrong {
        let message = format!("`{}` must be written as `{}`", spec.name, heading(spec));
        ctx.error_hint(
            "F0204",
            key_at,
            message,
            if spec.array { "double brackets: there may be several" } else { "single brackets: there is one" },
        );
    }
    !wrong
}

fn collect_names(ctx: &mut Context, spec: &TableSpec, root: &Table) -> BTreeMap<String, (usize, At)> {
    let mut names: BTreeMap<String, (usize, At)> = BTreeMap::new();
    let Some(entry) = root.get(spec.name) else { return names };
    let Value::List(items) = &entry.node.value else { return names };
    let tables = items.iter().filter(|item| matches!(item.value, Value::Table(_)));
    for (index, item) in tables.enumerate() {
        if ctx.is_full() {
            break;
        }
        let Some(name) = name_of(item) else { continue };
        let at = if let Value::Table(table) = &item.value { table.get("name").map_or(item.at, |entry| entry.node.at) } else { item.at };
        if let Some((_, first)) = names.get(name) {
            let diagnostic = Diagnostic::error("F0302", ctx.span(at), format!("there are two {}s `{name}`", spec.name));
            let first = ctx.span(*first);
            ctx.push(diagnostic.label(first, "the first is here").hint("rename or remove one"));
        } else if is_name(name) {
            names.insert(name.to_owned(), (index, at));
        }
    }
    names
}
