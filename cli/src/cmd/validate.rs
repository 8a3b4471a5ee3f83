//! `validate`: all mistakes of a scenario, or of every scenario below a folder, at once.

use std::io::Write;
use std::path::{Path, PathBuf};

use bastide_model::diag::{Diagnostic, Severity};
use serde_json::json;

use crate::args::{Format, Global};
use crate::exit::Failure;
use crate::output::Output;
use crate::render;

pub fn run(scenario: &Path, global: &Global, output: &Output) -> Result<(), Failure> {
    let cases = cases(scenario);
    let many = cases.len() > 1 || cases.first().is_some_and(|case| case != scenario);
    let checked: Vec<(PathBuf, Vec<Diagnostic>)> = cases.into_iter().map(|case| (case.clone(), check(&case, global))).collect();
    let failed = |list: &[Diagnostic]| list.iter().any(|d| d.severity == Severity::Error);
    let bad = checked.iter().filter(|(_, list)| failed(list)).count();

    if output.format == Format::Json {
        let all: Vec<_> = checked.iter().flat_map(|(_, list)| list.iter().map(render::to_json)).collect();
        let by_case = |(case, list): &(PathBuf, Vec<Diagnostic>)| json!({ "scenario": case, "valid": !failed(list), "diagnostics": list.iter().map(render::to_json).collect::<Vec<_>>() });
        let mut document = json!({ "valid": bad == 0, "diagnostics": all });
        if many {
            document["scenarios"] = checked.iter().map(by_case).collect();
        }
        output.json("validate/1", &document)?;
    } else {
        for (case, list) in &checked {
            if many {
                output.say(&format!("{}: {}", case.display(), if list.is_empty() { "valid".to_owned() } else { render::count(list) }));
            }
            render::diagnostics(&mut output.err(), list, output.color)?;
        }
        if bad == 0 {
            output.say(&format!("valid: {}", scenario.display()));
        } else {
            let mistakes: Vec<_> = checked.iter().flat_map(|(_, list)| list.iter().cloned()).collect();
            let of = if many { format!(" in {bad} of {} scenarios", checked.len()) } else { String::new() };
            writeln!(output.err(), "{}{of}", render::count(&mistakes))?;
            output.say("next: bastide explain CODE says what a code means");
        }
    }
    if bad == 0 { Ok(()) } else { Err(Failure::Told) }
}

fn check(case: &Path, global: &Global) -> Vec<Diagnostic> {
    match super::cases::checked(case, &global.sets) {
        Ok(loaded) => loaded.warnings,
        Err(list) => list,
    }
}

/// The scenarios that a path means: itself, or, for a folder without a `scenario.toml`, each scenario folder and each
/// TOML file directly in it that no other folder's scenario claims.
fn cases(path: &Path) -> Vec<PathBuf> {
    if path.is_file() || path.join("scenario.toml").exists() {
        return vec![path.to_owned()];
    }
    let Ok(entries) = std::fs::read_dir(path) else { return vec![path.to_owned()] };
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|entry| entry.join("scenario.toml").exists() || (entry.is_file() && entry.extension().is_some_and(|kind| kind == "toml")))
        .collect();
    found.sort();
    if found.is_empty() { vec![path.to_owned()] } else { found }
}
