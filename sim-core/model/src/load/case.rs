//! The model of each case, from the tree that the scenario was read into.

use std::sync::Arc;

use super::tidy;
use crate::check;
use crate::decode::Context;
use crate::diag::{Diagnostic, Severity};
use crate::model::Model;
use crate::resolve;
use crate::scenario::case;
use crate::source::Span;
use crate::text::At;
use crate::tree::Table;

/// A case that can be run.
#[derive(Clone, Debug)]
pub struct LoadedCase {
    /// Position in [`Model::cases`].
    pub index: usize,
    /// The scenario as the case changes it.
    pub model: Arc<Model>,
}

/// Resolves each case that changes anything. What is wrong with it, and not in `known`, points at the case. Files that only a case reads become
/// inputs of the scenario.
pub(super) fn cases(ctx: &mut Context, root: &Table, model: &mut Model, known: &[Diagnostic]) -> (Vec<LoadedCase>, Vec<Diagnostic>) {
    let (mut loaded, mut found) = (Vec::new(), Vec::new());
    for (index, case) in model.cases.iter().enumerate().filter(|(_, case)| !case.settings.is_empty()) {
        // Texts and series that were read stay read; everything else is decoded again.
        let mut own = Context::default();
        (own.files, own.cache) = (std::mem::take(&mut ctx.files), std::mem::take(&mut ctx.cache).without_columns());
        own.files.inputs = std::mem::take(&mut model.inputs);
        let (changed, at) = case::apply(&mut own, root, &case.entity.name);
        let sound = own.files.diagnostics.iter().all(|diagnostic| diagnostic.severity != Severity::Error);
        let resolved = if sound { resolve::resolve(&mut own, &changed) } else { None };
        if let Some(resolved) = &resolved {
            check::check(&mut own, resolved);
        }
        let diagnostics = tidy(std::mem::take(&mut own.files.diagnostics), false);
        let new = diagnostics.into_iter().filter(|diagnostic| !known.contains(diagnostic));
        found.extend(new.map(|diagnostic| placed(diagnostic, &own, &case.entity.name, at)));
        (ctx.files, ctx.cache) = (own.files, own.cache);
        model.inputs = std::mem::take(&mut ctx.files.inputs);
        if let Some(resolved) = resolved {
            model.inputs.clone_from(&resolved.model.inputs);
            loaded.push(LoadedCase { index, model: Arc::new(resolved.model) });
        }
    }
    found.dedup();
    (loaded, found)
}

/// A mistake that a case makes elsewhere is told where the case stands: `at`, its changes.
fn placed(mut diagnostic: Diagnostic, ctx: &Context, name: &str, at: At) -> Diagnostic {
    let first = ctx.span(at);
    let last: Span = ctx.span(At { start: at.end, ..at });
    let place = diagnostic.span();
    if place.file == first.file && (first.line..=last.line).contains(&place.line) {
        return diagnostic;
    }
    diagnostic.message = format!("in case `{name}`: {}", diagnostic.message);
    let (span, word) = std::mem::replace(&mut diagnostic.labels[0], (first, String::new()));
    let word = if word.is_empty() { "what is wrong then".to_owned() } else { word };
    diagnostic.labels.insert(1, (span, word));
    diagnostic
}
