//! `study`: the main job. Plans, simulates the plan and its rivals on the same draws, compares them, writes the report.

use std::path::Path;

use bastide_model::model::{Alternative, Model};
use bastide_model::plan::Plan;
use bastide_plan::{Outcome, SolveOptions};
use bastide_reports::number::Scale;
use bastide_sim::results::{Headline, Study};
use serde_json::{Value, json};

use super::cases;
use super::plan::verification;
use super::simulate::{self, Job};
use crate::args::{CaseInput, Format, Global};
use crate::exit::Failure;
use crate::output::Output;

pub fn run(
    scenario: &Path,
    replications: Option<u32>,
    plan: Option<&Path>,
    cases: &CaseInput,
    global: &Global,
    output: &Output,
) -> Result<(), Failure> {
    let loaded = super::load_with_cases(scenario, global, output)?;
    let model = &loaded.model;
    let replications = cases::replications(model, replications);
    let jobs = cases::chosen(&loaded, cases, replications)?;
    let folder = simulate::default_folder(model, global, "");
    let seed = global.seed.unwrap_or(model.header.seed);
    let mut warnings = Vec::new();
    let (plans, verification) = plans(model, plan, &folder, &mut warnings, global, output)?;
    let command = command(scenario, replications, seed, plan, cases, global);
    let threads = super::threads(global);
    let count = if jobs.is_empty() { String::new() } else { format!(", in {} cases", jobs.len()) };
    output.say(&format!("simulating {} plans{count}, {replications} histories each, seed {seed}, on {threads} threads", plans.len()));
    let job = Job { model, plans: &plans, replications, seed, threads, command: &command, warnings: &warnings, cases: &jobs };
    let study = simulate::simulate(&job, &folder, global, output)?;
    planning(model, &plans, verification, &folder)?;
    let report = bastide_reports::write_report(&folder).map_err(|error| Failure::sentence(error.to_string()))?;

    if output.format == Format::Json {
        return output.json(
            "study/1",
            &json!({
                "report": report, "results": folder, "plan": folder.join("plan.toml"),
                "headline": study.summary.headline, "fingerprint": study.summary.fingerprint, "warnings": study.summary.warnings,
                "cases": study.summary.cases, "break_even": study.summary.break_even, "marginal_costs": study.summary.marginal_costs,
            }),
        );
    }
    if output.format == Format::Human {
        for line in headline(&study).into_iter().chain(cases::lines(&study)) {
            output.line(&line)?;
        }
    }
    output.line(&report.display().to_string())?;
    output.say(&format!("next: open {}; bastide compare {}", report.display(), folder.display()));
    Ok(())
}

/// Leaves what the planner says of its plans beside the results, for the report.
fn planning(model: &Model, plans: &[(String, Plan)], verification: Option<Value>, folder: &Path) -> Result<(), Failure> {
    let mut documents: Vec<Value> = plans.iter().map(|(_, plan)| super::plan::document(model, plan)).collect();
    if let (Some(Value::Object(rounds)), Some(Value::Object(first))) = (verification, documents.first_mut()) {
        first.extend(rounds);
    }
    super::report::write_planning(folder, &documents)
}

/// Plans with their names for people.
type Titled = Vec<(String, Plan)>;

/// The recommended plan, then each alternative's, each from the folder of an interrupted run, from a file, or by search; and what
/// simulation said of the recommended one, where `[plan]` asks for it to be verified.
fn plans(
    model: &Model,
    file: Option<&Path>,
    folder: &Path,
    warnings: &mut Vec<String>,
    global: &Global,
    output: &Output,
) -> Result<(Titled, Option<Value>), Failure> {
    let options = SolveOptions::default();
    let mut verification = None;
    // The loop comes to the same plan again after an interruption, and to its rounds.
    let stored = simulate::stored_plan(model, folder, "recommended").filter(|_| model.planning.verification.is_none());
    let recommended = match (file, stored) {
        (None, None) if model.planning.verification.is_some() => {
            output.say("planning `recommended`, and verifying it");
            let verified = verification::verify(model, None, &model.planning.verification(), &options, global, output)?;
            output.say(&verified.verdict());
            if !verified.met {
                warnings.push(format!("the recommended plan was verified: {}", verified.verdict()));
            }
            verification = Some(verified.document(model));
            verified.answer().plan.clone()
        }
        (Some(file), _) => Plan { name: "recommended".to_owned(), ..super::plan::recheck::read(model, file, global, output)? },
        (None, Some(plan)) => plan,
        (None, None) => {
            output.say("planning `recommended`");
            super::plan::search(model, None, &options, output)?
        }
    };
    tell(model, &recommended, output);
    let mut plans = vec![("Recommended".to_owned(), recommended)];
    for alternative in &model.alternatives {
        if let Some(plan) = of_alternative(model, alternative, folder, &options, warnings, output)? {
            tell(model, &plan, output);
            plans.push((alternative.entity.title.clone(), plan));
        }
    }
    Ok((plans, verification))
}

/// The plan of an alternative; `None`, with a warning, if its restrictions leave none.
fn of_alternative(
    model: &Model,
    alternative: &Alternative,
    folder: &Path,
    options: &SolveOptions,
    warnings: &mut Vec<String>,
    output: &Output,
) -> Result<Option<Plan>, Failure> {
    let name = &alternative.entity.name;
    if let Some(file) = &alternative.plan {
        return Ok(Some(Plan { name: name.clone(), ..super::plan::recheck::parsed(model, file)?.0 }));
    }
    if let Some(plan) = simulate::stored_plan(model, folder, name) {
        return Ok(Some(plan));
    }
    output.say(&format!("planning `{name}`"));
    let warning = match bastide_plan::solve(model, Some(alternative), options) {
        Ok(Outcome::Planned(plan)) => return Ok(Some(*plan)),
        Ok(Outcome::Infeasible(conflict)) => {
            let groups: Vec<_> = conflict.groups.iter().map(|group| group.sentence.as_str()).collect();
            format!("alternative `{name}` cannot be built: {}", groups.join("; "))
        }
        Ok(Outcome::Unknown { reason, .. }) => format!("no plan for alternative `{name}` was found: {reason}"),
        Err(error) => return Err(Failure::sentence(format!("planning `{name}` failed: {error}"))),
    };
    output.say(&format!("warning: {warning}; the study goes on without it"));
    warnings.push(warning);
    Ok(None)
}

fn tell(model: &Model, plan: &Plan, output: &Output) {
    for line in super::plan::describe(model, plan) {
        output.say(&line);
    }
}

/// The command that repeats the study, whatever the defaults are.
fn command(scenario: &Path, replications: u32, seed: u64, plan: Option<&Path>, cases: &CaseInput, global: &Global) -> String {
    let mut words = vec!["bastide".to_owned(), "study".to_owned(), quoted(&scenario.display().to_string())];
    words.extend([format!("-n {replications}"), format!("--seed {seed}")]);
    words.extend(plan.map(|file| format!("--plan {}", quoted(&file.display().to_string()))));
    words.extend(global.sets.iter().map(|(key, value)| format!("--set {}", quoted(&format!("{key}={value}")))));
    words.join(" ") + &cases::words(cases)
}

/// A word as a POSIX shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// The headline as a table for people: metrics down, alternatives across.
pub fn headline(study: &Study) -> Vec<String> {
    let names: Vec<&str> = study.summary.alternatives.iter().map(|alternative| alternative.name.as_str()).collect();
    let same = |a: &Headline, b: &Headline| a.metric == b.metric && a.entity == b.entity;
    let mut table = vec![[vec![String::new()], names.iter().map(|name| (*name).to_owned()).collect()].concat()];
    let rows = &study.summary.headline;
    for (at, first) in rows.iter().enumerate() {
        if rows[..at].iter().any(|earlier| same(earlier, first)) {
            continue;
        }
        let of = |name: &&str| rows.iter().find(|row| row.alternative == *name && same(row, first)).map(|row| &row.estimate);
        let values: Vec<_> = names.iter().map(of).collect();
        let magnitude = values.iter().flatten().map(|estimate| estimate.mean.abs()).fold(0.0, f64::max);
        let scale = Scale::of(&first.unit, magnitude);
        let entity = if first.entity == "all" { String::new() } else { format!("{} ", first.entity) };
        let mut row = vec![format!("{entity}{}", first.metric.replace('_', " "))];
        row.extend(
            values.into_iter().map(|value| value.map_or_else(String::new, |estimate| scale.with_unit(estimate.mean, estimate.stderr))),
        );
        table.push(row);
    }
    super::aligned(&table)
}
