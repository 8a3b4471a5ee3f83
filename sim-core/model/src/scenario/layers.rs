//! `extends` and `--set`: several texts become one tree, each value still knowing its own file.

use super::files::{Files, relative_to};
use crate::diag::Diagnostic;
use crate::keys::{TABLES, nearest, table};
use crate::source::Span;
use crate::text::{At, MAX_TOML};
use crate::tree::{self, Entry, Node, Table, Value, name_of};

/// Longest chain of `extends`.
const MAX_LAYERS: usize = 32;

/// Reads a file and those that it extends, nearest last.
pub fn read(files: &mut Files, name: &str) -> Option<Table> {
    let mut layers: Vec<(String, Table)> = Vec::new();
    let mut next = Some((name.to_owned(), None));
    while let Some((name, said)) = next.take() {
        let Some((file, _)) = files.read(&name, MAX_TOML, said) else {
            // Without the main file there is nothing; without a base, the files above it still have mistakes of their own.
            files.partial = true;
            break;
        };
        let mut diagnostics = Vec::new();
        let table = tree::parse(&files.sources, file, &mut diagnostics);
        files.diagnostics.append(&mut diagnostics);
        if let Some(entry) = table.get("extends") {
            let at = entry.node.at;
            let span = files.sources.span(at);
            // Until a base is found.
            files.partial = true;
            match &entry.node.value {
                Value::Text(base) => {
                    let base = relative_to(&name, base);
                    if base == name || layers.iter().any(|(earlier, _)| *earlier == base) {
                        let chain: Vec<&str> = layers.iter().map(|(name, _)| name.as_str()).chain([name.as_str(), base.as_str()]).collect();
                        let diagnostic = Diagnostic::error("F0111", span, format!("`extends` goes in a circle: {}", chain.join(" -> ")));
                        files.diagnostics.push(diagnostic.hint("the lowest file extends nothing"));
                    } else if layers.len() >= MAX_LAYERS {
                        files.diagnostics.push(Diagnostic::error(
                            "F0111",
                            span,
                            format!("more than {MAX_LAYERS} files extend one another"),
                        ));
                    } else {
                        files.partial = false;
                        next = Some((base, Some(at)));
                    }
                }
                other => {
                    let path = match other {
                        Value::List(items) => {
                            items.iter().find_map(|item| if let Value::Text(path) = &item.value { Some(path) } else { None })
                        }
                        _ => None,
                    };
                    let hint = format!("write `extends = \"{}\"`: one file, as a text", path.map_or("../base.toml", String::as_str));
                    let message = format!("`extends` must be a path, not {}", other.word());
                    files.diagnostics.push(Diagnostic::error("F0204", span, message).hint(hint));
                }
            }
        }
        layers.push((name, table));
    }
    let (_, mut merged) = layers.pop()?;
    while let Some((_, over)) = layers.pop() {
        tree::merge(&mut merged, over);
    }
    Some(merged)
}

/// Overrides single values: `table.name.key` in arrays of tables, `table.key` otherwise. The name `*` means every entry, and `table.name=false`
/// takes an entry out.
pub fn set(files: &mut Files, root: &mut Table, sets: &[(String, String)]) {
    for (path, text) in sets {
        let label = format!("--set {path}");
        let file = files.sources.add_unplaced(&label, text);
        let fail = |code: &'static str, message: String, hint: String| Diagnostic::error(code, Span::file(&label), message).hint(hint);
        let node = match tree::parse_value(file, text) {
            Ok(node) => node,
            // A shell takes the quotes of `--set plan.budget="3 bn EUR"` away.
            Err(words) if text.trim_start().starts_with(['"', '\'', '[', '{']) => {
                files.diagnostics.push(fail(
                    "F0112",
                    format!("`{text}` is not a TOML value: {words}"),
                    "such as `\"40 MW\"`, `0.5`, `[\"a\", \"b\"]`".to_owned(),
                ));
                continue;
            }
            Err(_) => Node { at: At { file, start: 0, end: text.len() as u32 }, value: Value::Text(text.clone()) },
        };
        let parts: Vec<&str> = path.split('.').map(str::trim).collect();
        if let Err((message, hint)) = put(root, &parts, node.at, &node) {
            files.diagnostics.push(fail("F0113", message, hint));
        }
    }
}

/// Puts a value at a path; a key that it adds stands at `key_at`.
///
/// # Errors
/// What is wrong with the path, and a hint.
pub(super) fn put(root: &mut Table, parts: &[&str], key_at: At, node: &Node) -> Result<(), (String, String)> {
    let form = || "write `table.name.key=value` for an entry of a list, `table.key=value` otherwise".to_owned();
    let did_you = |near: Option<&str>| near.map_or_else(form, |near| format!("did you mean `{near}`?"));
    let [head, rest @ ..] = parts else { return Err(("the path is empty".to_owned(), form())) };
    let Some(spec) = table(head) else {
        return Err((format!("there is no table `{head}`"), did_you(nearest(head, TABLES.iter().map(|table| table.name)))));
    };
    if !spec.array {
        if rest.is_empty() {
            return Err((format!("`{head}` needs a key"), form()));
        }
        if root.get(head).is_none() {
            let value = Value::Table(Table::default());
            root.entries.push(Entry { key: (*head).to_owned(), key_at, node: Node { at: node.at, value } });
        }
        return match root.get_mut(head).map(|entry| &mut entry.node.value) {
            Some(Value::Table(table)) => put_key(table, rest, key_at, node),
            _ => Err((format!("`{head}` is not a table"), form())),
        };
    }
    let [name, rest @ ..] = rest else { return Err((format!("`{head}` needs a name and a key"), form())) };
    let removal = rest.is_empty() && matches!(node.value, Value::Boolean(false));
    if rest.is_empty() && !removal {
        return Err((format!("`{head}.{name}` needs a key"), form()));
    }
    let Some(Value::List(list)) = root.get_mut(head).map(|entry| &mut entry.node.value) else {
        return Err((format!("the scenario has no {head}"), form()));
    };
    let meant = |node: &Node| *name == "*" || name_of(node) == Some(name);
    if !list.iter().any(meant) {
        let near = nearest(name, list.iter().filter_map(name_of));
        return Err((format!("there is no {head} `{name}`"), did_you(near)));
    }
    if removal {
        list.retain(|node| !meant(node));
        return Ok(());
    }
    // The first of a name, as elsewhere; a second one is reported as a duplicate.
    let count = if *name == "*" { usize::MAX } else { 1 };
    for entry in list.iter_mut().filter(|node| meant(node)).take(count) {
        match &mut entry.value {
            Value::Table(table) => put_key(table, rest, key_at, node)?,
            _ => return Err((format!("`{head}.{name}` is not a table"), form())),
        }
    }
    Ok(())
}

/// Puts a value at a path of keys; a key that does not stand is added, and decoding refuses it if it is unknown.
fn put_key(table: &mut Table, keys: &[&str], key_at: At, node: &Node) -> Result<(), (String, String)> {
    let [key, rest @ ..] = keys else { return Err(("the path ends too early".to_owned(), String::new())) };
    if table.get(key).is_none() {
        let value = if rest.is_empty() { Value::Boolean(false) } else { Value::Table(Table::default()) };
        table.entries.push(Entry { key: (*key).to_owned(), key_at, node: Node { at: node.at, value } });
    }
    let Some(entry) = table.get_mut(key) else { return Ok(()) };
    if rest.is_empty() {
        entry.node = node.clone();
        entry.key_at = key_at;
        return Ok(());
    }
    match &mut entry.node.value {
        Value::Table(inner) => put_key(inner, rest, key_at, node),
        _ => Err((format!("`{key}` is a single value"), format!("end the path at `{key}`"))),
    }
}
