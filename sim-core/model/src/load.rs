//! From a path to a model.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

mod case;

pub use case::LoadedCase;

use crate::check;
use crate::decode::{Context, MAX_DIAGNOSTICS};
use crate::diag::{Diagnostic, Severity};
use crate::model::Model;
use crate::plan::{Plan, check_plan};
use crate::resolve::{self, Resolved};
use crate::scenario::layers;
use crate::source::Span;
use crate::tree::Table;

/// A scenario that can be run.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The model.
    pub model: Arc<Model>,
    /// Its cases, as written; those that change nothing are left out.
    pub cases: Vec<LoadedCase>,
    /// What the planner should look at.
    pub warnings: Vec<Diagnostic>,
}

/// Reads a scenario: a folder with `scenario.toml`, or a file.
///
/// `sets` are overrides, path and value: `("site.riga.connection", "\"40 MW\"")`.
///
/// # Errors
/// Every mistake found, in order of file, line and column. Nothing can be run then.
pub fn load(path: &Path, sets: &[(String, String)]) -> Result<Loaded, Vec<Diagnostic>> {
    let (mut ctx, root) = read(path, sets)?;
    let resolved = resolve::resolve(&mut ctx, &root);
    if let Some(resolved) = &resolved {
        check::check(&mut ctx, resolved);
    }
    let full = ctx.is_full();
    let mut diagnostics = tidy(std::mem::take(&mut ctx.files.diagnostics), ctx.files.partial);
    if full {
        let message = format!("there are more than {MAX_DIAGNOSTICS} mistakes; the others are not listed");
        let diagnostic = Diagnostic::error("F0114", Span::file(&path.display().to_string()), message);
        diagnostics.push(diagnostic.hint("correct the first ones, and check again"));
    }
    if diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return Err(diagnostics);
    }
    if let Some(resolved) = &resolved {
        diagnostics.extend(plan_files(&resolved.model));
        if diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
            return Err(diagnostics);
        }
    }
    let Some(Resolved { mut model, .. }) = resolved else {
        // Every table without which there is no model reports itself when it is missing.
        diagnostics.push(Diagnostic::error("F0216", Span::file(&path.display().to_string()), "the scenario lacks a table that it needs"));
        return Err(diagnostics);
    };
    let (cases, found) = case::cases(&mut ctx, &root, &mut model, &diagnostics);
    diagnostics.extend(found);
    if diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return Err(diagnostics);
    }
    Ok(Loaded { model: Arc::new(model), cases, warnings: diagnostics })
}

/// What is wrong with the plan files that alternatives name.
fn plan_files(model: &Model) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for alternative in &model.alternatives {
        let Some(path) = &alternative.plan else { continue };
        let input = model.inputs.iter().find(|input| model.header.folder.join(&input.path) == *path);
        let Some((input, text)) = input.and_then(|input| Some((input, std::str::from_utf8(&input.bytes).ok()?))) else { continue };
        match Plan::read_with_places(text, &input.path, model) {
            Ok((mut plan, places)) => {
                plan.name.clone_from(&alternative.entity.name);
                found.extend(check_plan(model, &plan, &places));
            }
            Err(list) => found.extend(list),
        }
    }
    found
}

/// Reads and merges the files. The context holds what is wrong so far.
///
/// # Errors
/// When there is no tree to decode.
pub(crate) fn read(path: &Path, sets: &[(String, String)]) -> Result<(Context, Table), Vec<Diagnostic>> {
    let shown = path.display().to_string();
    let mut ctx = Context::default();
    let name = if path.is_dir() {
        if !path.join("scenario.toml").is_file() {
            let diagnostic = Diagnostic::error("F0102", Span::file(&shown), format!("`{shown}` has no `scenario.toml`"));
            return Err(vec![diagnostic.hint("give the folder of a scenario, or start one with `bastide new NAME`")]);
        }
        ctx.files.folder = path.to_path_buf();
        "scenario.toml".to_owned()
    } else {
        let Some(name) = path.file_name().filter(|_| std::fs::symlink_metadata(path).is_ok()) else {
            let diagnostic = Diagnostic::error("F0101", Span::file(&shown), format!("`{shown}` does not exist"));
            return Err(vec![diagnostic.hint("give the folder of a scenario, or its `.toml` file")]);
        };
        ctx.files.folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    let Some(mut root) = layers::read(&mut ctx.files, &name) else { return Err(tidy(ctx.files.diagnostics, true)) };
    if let Ok(bytes) = std::fs::read(ctx.files.folder.join("README.md")) {
        ctx.files.note("README.md", bytes.into());
    }
    layers::set(&mut ctx.files, &mut root, sets);
    Ok((ctx, root))
}

/// Orders diagnostics and drops those that only follow from others. `partial`: a file that the scenario extends is missing.
fn tidy(mut diagnostics: Vec<Diagnostic>, partial: bool) -> Vec<Diagnostic> {
    let syntax = |diagnostic: &Diagnostic| matches!(diagnostic.code, "F0108" | "F0109" | "F0110");
    let line = |d: &Diagnostic| (Arc::clone(&d.span().file), d.span().line);
    let lines: BTreeSet<_> = diagnostics.iter().filter(|d| syntax(d)).map(line).collect();
    if partial || !lines.is_empty() {
        // What the parser could not read may be just what is missing, or may have been misread.
        let missing = |d: &Diagnostic| {
            matches!(d.code, "F0203" | "F0215" | "F0216" | "F0301" | "F0306" | "F0308" | "F0802")
                // Whether things have a generator or a legal site cannot be said while a whole file is missing.
                || partial && (matches!(d.code, "F0502" | "F0503" | "F0515") || d.code.starts_with("F06"))
        };
        diagnostics.retain(|diagnostic| syntax(diagnostic) || !(lines.contains(&line(diagnostic)) || missing(diagnostic)));
    }
    // What does not fit 64 bits stands as 0 in the tree.
    let place = |d: &Diagnostic| (Arc::clone(&d.span().file), d.span().line, d.span().column);
    let unread: BTreeSet<_> = diagnostics.iter().filter(|d| d.code == "F0207").map(place).collect();
    diagnostics.retain(|diagnostic| diagnostic.code == "F0207" || !unread.contains(&place(diagnostic)));
    diagnostics.sort_by(|a, b| {
        let key = |d: &Diagnostic| (Arc::clone(&d.span().file), d.span().line, d.span().column, d.code);
        key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
    });
    diagnostics.dedup();
    diagnostics
}
