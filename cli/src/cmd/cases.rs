//! Cases of a scenario: which are simulated, and what they tell.

use std::path::Path;

use bastide_model::Loaded;
use bastide_model::diag::{Diagnostic, Severity};
use bastide_model::model::{Case, MetricPattern, Model};
use bastide_reports::number::Scale;
use bastide_sim::record::Layout;
use bastide_sim::results::{CaseFacts, Spread, Study};

use crate::args::CaseInput;
use crate::exit::Failure;

/// A case to simulate.
#[derive(Clone, Copy)]
pub struct CaseJob<'a> {
    pub case: &'a Case,
    /// The scenario as the case changes it; `None` for the scenario itself.
    pub model: Option<&'a Model>,
    /// Histories of each plan.
    pub replications: u32,
}

/// Loads a scenario and checks the metrics that its report names, which only the simulator knows.
pub fn checked(scenario: &Path, sets: &[(String, String)]) -> Result<Loaded, Vec<Diagnostic>> {
    let mut loaded = bastide_model::load(scenario, sets)?;
    loaded.warnings.extend(super::plan::recheck::of_alternatives(&loaded.model, !sets.is_empty()));
    if loaded.warnings.iter().any(|it| it.severity == Severity::Error) {
        return Err(loaded.warnings);
    }
    let report = &loaded.model.report;
    let patterns: Vec<&MetricPattern> =
        report.metrics.iter().chain(report.questions.iter().flat_map(|question| &question.metrics)).collect();
    if patterns.is_empty() {
        return Ok(loaded);
    }
    let layout = Layout::new(&loaded.model);
    let unknown: Vec<Diagnostic> = patterns.into_iter().filter_map(|pattern| unknown(&layout, pattern)).collect();
    if unknown.is_empty() { Ok(loaded) } else { Err(unknown) }
}

fn unknown(layout: &Layout, pattern: &MetricPattern) -> Option<Diagnostic> {
    if layout.metrics.iter().any(|def| pattern.matches(def.entity_kind, &def.entity, def.metric)) {
        return None;
    }
    let known = layout.metrics.iter().map(|def| (def.entity_kind, def.entity.as_str(), def.metric));
    Some(bastide_model::unknown_metric(pattern, known))
}

/// Replications where neither the command line nor the scenario says how many.
const REPLICATIONS: u32 = 200;

/// Replications of each plan: those asked for, else the scenario's.
pub fn replications(model: &Model, asked: Option<u32>) -> u32 {
    asked.or(model.report.replications).unwrap_or(REPLICATIONS)
}

/// The cases that the command line asks for.
pub fn chosen<'a>(loaded: &'a Loaded, input: &CaseInput, replications: u32) -> Result<Vec<CaseJob<'a>>, Failure> {
    let cases = &loaded.model.cases;
    for name in &input.names {
        if cases.iter().all(|case| case.entity.name != *name) {
            let known: Vec<String> = cases.iter().map(|case| format!("`{}`", case.entity.name)).collect();
            let hint = if known.is_empty() { "the scenario has no `[[case]]`".to_owned() } else { format!("known: {}", known.join(", ")) };
            return Err(Failure::hinted(format!("there is no case `{name}`"), hint));
        }
    }
    if input.no_cases {
        return Ok(Vec::new());
    }
    let replications = loaded.model.report.case_replications.map_or(replications, |most| most.min(replications));
    let wanted = |case: &Case| input.names.is_empty() || input.names.contains(&case.entity.name);
    Ok(cases
        .iter()
        .enumerate()
        .filter(|(_, case)| wanted(case))
        .map(|(index, case)| {
            let model = loaded.cases.iter().find(|loaded| loaded.index == index).map(|loaded| &*loaded.model);
            CaseJob { case, model, replications }
        })
        .collect())
}

/// The choice as words of a command.
pub fn words(input: &CaseInput) -> String {
    if input.no_cases {
        return " --no-cases".to_owned();
    }
    input.names.iter().fold(String::new(), |words, name| words + " --case " + name)
}

/// A value for each alternative, and whether it changed beyond error.
type Cells = Vec<Option<(Spread, bool)>>;

/// The first of the metrics that cases are told by, as a table for people: cases down, alternatives across; with significant changes from
/// the scenario itself marked.
pub fn lines(study: &Study) -> Vec<String> {
    let summary = &study.summary;
    let Some(subject) = summary.shown.iter().find(|subject| subject.entity_kind == "tier").or(summary.shown.first()) else {
        return Vec::new();
    };
    if summary.cases.len() < 2 {
        return Vec::new();
    }
    let names: Vec<&str> = summary.alternatives.iter().map(|alternative| alternative.name.as_str()).collect();
    let of = |case: &CaseFacts, name: &str| -> Option<(Spread, bool)> {
        let found = case.estimates.iter().find(|found| found.alternative == name && found.subject == *subject)?;
        let sure = found.change.is_some_and(|change| change.stderr.is_some_and(|stderr| change.mean.abs() > 1.96 * stderr));
        Some((found.estimate, sure))
    };
    let title = |case: &CaseFacts| if case.group.is_empty() { case.title.clone() } else { format!("{}: {}", case.group, case.title) };
    let rows: Vec<(String, Cells)> =
        summary.cases.iter().map(|case| (title(case), names.iter().map(|name| of(case, name)).collect())).collect();
    let magnitude = rows.iter().flat_map(|(_, cells)| cells).flatten().map(|(value, _)| value.mean.abs()).fold(0.0, f64::max);
    let scale = Scale::of(&subject.unit, magnitude);
    let head = format!("{} {}", subject.entity, subject.metric.replace('_', " "));
    let mut table = vec![[vec![head], names.iter().map(|name| (*name).to_owned()).collect()].concat()];
    for (title, cells) in rows {
        let cell = |cell: Option<(Spread, bool)>| {
            cell.map_or_else(String::new, |(value, sure)| {
                format!("{}{}", scale.with_unit(value.mean, value.stderr), if sure { " *" } else { "" })
            })
        };
        table.push([vec![title], cells.into_iter().map(cell).collect()].concat());
    }
    let mut lines = vec![String::new()];
    lines.extend(super::aligned(&table));
    lines.push("* differs from the scenario as written by more than 1.96 standard errors, on the same draws".to_owned());
    lines
}
