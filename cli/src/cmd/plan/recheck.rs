//! Plan files are checked again, whoever wrote them: nothing is run that breaks the scenario it is for.

use std::path::Path;

use bastide_model::diag::{Diagnostic, Severity};
use bastide_model::model::{Alternative, Model};
use bastide_model::plan::{Plan, PlanPlaces, check_plan};
use bastide_plan::Strictness;

use crate::args::{Format, Global};
use crate::exit::Failure;
use crate::output::Output;
use crate::render;

/// Reads a plan file. What it breaks ends the command, but for wishes of `[plan]` that a plan without a certificate leaves open, which are told.
pub fn read(model: &Model, file: &Path, global: &Global, output: &Output) -> Result<Plan, Failure> {
    let (plan, places) = parsed(model, file)?;
    let found = found(model, &plan, &places, of_name(model, &plan), None, !global.sets.is_empty());
    let (errors, warnings): (Vec<Diagnostic>, Vec<Diagnostic>) = found.into_iter().partition(|it| it.severity == Severity::Error);
    if output.format == Format::Human {
        // A closed stderr must not stop the work.
        let _ = render::diagnostics(&mut output.err(), &warnings, output.color);
    }
    if errors.is_empty() { Ok(plan) } else { Err(Failure::Diagnostics(errors)) }
}

/// Reads a plan file with the places of its entries.
pub fn parsed(model: &Model, file: &Path) -> Result<(Plan, PlanPlaces), Failure> {
    Plan::read_with_places(&super::super::read_text(file)?, &file.display().to_string(), model).map_err(Failure::Diagnostics)
}

/// The alternative that a plan bears the name of.
pub fn of_name<'a>(model: &'a Model, plan: &Plan) -> Option<&'a Alternative> {
    model.alternatives.iter().find(|alternative| alternative.entity.name == plan.name && alternative.plan.is_none())
}

/// Everything that a plan breaks, in order of line, each place once for each code. `strict`: `None` takes a plan without a certificate as
/// written by hand. `changed`: the scenario's values are not those of its file, so figures of the plan may be of others.
pub fn found(
    model: &Model,
    plan: &Plan,
    places: &PlanPlaces,
    alternative: Option<&Alternative>,
    strict: Option<Strictness>,
    changed: bool,
) -> Vec<Diagnostic> {
    let own = if plan.certificate.is_some() { Strictness::Everything } else { Strictness::ByHand };
    let mut found = check_plan(model, plan, places);
    for mut diagnostic in bastide_plan::recheck(model, plan, places, alternative, strict.unwrap_or(own)) {
        if changed && ["F0918", "F0919"].contains(&diagnostic.code) {
            diagnostic.severity = Severity::Warning;
        }
        // What is about a whole file to one has its line from the other.
        let same =
            |other: &Diagnostic| other.code == diagnostic.code && (other.span() == diagnostic.span() || other.span() == &places.file);
        match found.iter_mut().find(|other| same(other)) {
            // What is a warning to one and an error to the other is an error.
            Some(other) if other.severity == Severity::Warning || other.span() == &places.file => *other = diagnostic,
            Some(_) => {}
            None => found.push(diagnostic),
        }
    }
    found.sort_by_key(|it| (it.span().line, it.span().column));
    found
}

/// What the plan files of a scenario's alternatives break.
pub fn of_alternatives(model: &Model, changed: bool) -> Vec<Diagnostic> {
    let mut all = Vec::new();
    for alternative in &model.alternatives {
        let Some(path) = &alternative.plan else { continue };
        let input = model.inputs.iter().find(|input| model.header.folder.join(&input.path) == *path);
        let Some((input, text)) = input.and_then(|input| Some((input, std::str::from_utf8(&input.bytes).ok()?))) else { continue };
        // What cannot be read at all, and what `load` finds by itself, is reported there.
        let Ok((mut plan, places)) = Plan::read_with_places(text, &input.path, model) else { continue };
        plan.name.clone_from(&alternative.entity.name);
        let known = check_plan(model, &plan, &places);
        // A rival that a person drew may leave the wishes of `[plan]` open: that is what it is compared for.
        let errors = found(model, &plan, &places, None, None, changed).into_iter().filter(|it| it.severity == Severity::Error);
        all.extend(errors.filter(|it| !known.contains(it)));
    }
    all
}
