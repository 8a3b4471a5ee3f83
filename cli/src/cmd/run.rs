//! `run`: one plan through the simulator; or one history, event by event.

use std::path::Path;

use bastide_model::model::Model;
use bastide_model::plan::Plan;
use bastide_sim::Options;
use bastide_sim::record::{Layout, entity_name};
use serde_json::json;

use super::cases;
use super::simulate::{self, Job};
use crate::args::{CaseInput, Format, Global};
use crate::exit::Failure;
use crate::output::Output;

#[allow(clippy::too_many_arguments, reason = "what the command line says")]
pub fn run(
    scenario: &Path,
    plan: Option<&Path>,
    replications: Option<u32>,
    replication: Option<u32>,
    trace: bool,
    cases: &CaseInput,
    global: &Global,
    output: &Output,
) -> Result<(), Failure> {
    let loaded = super::load_with_cases(scenario, global, output)?;
    let model = &loaded.model;
    let replications = cases::replications(model, replications);
    let jobs = cases::chosen(&loaded, cases, replications)?;
    let seed = global.seed.unwrap_or(model.header.seed);
    let folder = simulate::default_folder(model, global, "-run");
    let plan = match plan {
        Some(file) => super::plan::recheck::read(model, file, global, output)?,
        None => match simulate::stored_plan(model, &folder, "recommended") {
            Some(plan) => plan,
            None => super::plan::search(model, None, &bastide_plan::SolveOptions::default(), output)?,
        },
    };
    if let Some(replication) = replication {
        // Of the cases that were asked for by name, the history of the first; otherwise the scenario's own.
        let model: &Model = jobs.iter().filter(|_| !cases.names.is_empty()).find_map(|job| job.model).unwrap_or(model);
        let plan = Plan::read(&plan.write(&loaded.model), &plan.name, model).map_err(Failure::Diagnostics)?;
        return one(model, &plan, seed, replication, trace, output);
    }
    let command = format!("bastide run {} -n {replications} --seed {seed}{}", scenario.display(), cases::words(cases));
    let plans = [(plan.name.clone(), plan)];
    let job =
        Job { model, plans: &plans, replications, seed, threads: super::threads(global), command: &command, warnings: &[], cases: &jobs };
    let study = simulate::simulate(&job, &folder, global, output)?;
    if output.format == Format::Json {
        return output
            .json("run/1", &json!({ "results": folder, "summary": folder.join("summary.json"), "headline": study.summary.headline, "cases": study.summary.cases }));
    }
    if output.format == Format::Human {
        for line in
            super::study::headline(&study).into_iter().chain(super::training::lines(&study, &plans[0].1.name)).chain(cases::lines(&study))
        {
            output.line(&line)?;
        }
    }
    output.line(&folder.display().to_string())?;
    output.say(&format!("next: bastide report {}", folder.display()));
    Ok(())
}

/// One history: its metrics and its events, with what caused each.
fn one(model: &Model, plan: &Plan, seed: u64, replication: u32, trace: bool, output: &Output) -> Result<(), Failure> {
    let layout = Layout::new(model);
    let realised = model.realised(plan);
    let simulator = simulate::simulator(&realised, plan, &layout)?;
    let history = simulator.simulate(seed, replication, Options { trace, ..Options::default() });
    if output.format == Format::Json {
        let metrics: Vec<_> = layout
            .metrics
            .iter()
            .zip(&history.metrics)
            .map(|(def, value)| json!({ "entity_kind": def.entity_kind, "entity": def.entity, "metric": def.metric, "unit": def.unit, "value": value }))
            .collect();
        let events: Vec<_> = history
            .events
            .iter()
            .map(|event| {
                json!({
                    "time_h": event.time.as_hours(), "seq": event.seq, "cause_seq": event.cause_seq, "kind": event.kind,
                    "entity_kind": event.entity_kind, "entity": entity_name(model, event.entity_kind, event.entity), "value": event.value, "note": event.note,
                })
            })
            .collect();
        return output.json(
            "history/1",
            &json!({ "plan": plan.name, "seed": seed, "replication": replication, "metrics": metrics, "events": events }),
        );
    }
    for event in &history.events {
        let cause = event.cause_seq.map_or_else(String::new, |seq| format!("  because of {seq}"));
        let note = if event.note.is_empty() { String::new() } else { format!(" ({})", event.note) };
        output.line(&format!(
            "{:>10.3} h  {:>6}  {} {} {}{note} {}{cause}",
            event.time.as_hours(),
            event.seq,
            event.kind,
            event.entity_kind,
            entity_name(model, event.entity_kind, event.entity),
            bastide_units::format_significant(event.value, 6)
        ))?;
    }
    if !trace {
        output.say(&format!("{} events; --trace adds every node and generating unit", history.events.len()));
    }
    Ok(())
}
