//! `evacuate`: what leaves first, what that saves, and what other orders would.

use std::path::Path;

use bastide_model::model::{EvacuationStart, Model};
use bastide_plan::evacuation::{Departure, Departures, evacuate};
use bastide_units::{Duration, Quantity};
use serde_json::{Value, json};

use crate::args::{Format, Global};
use crate::exit::Failure;
use crate::output::Output;

pub fn run(
    scenario: &Path,
    name: Option<&str>,
    warning: Option<&str>,
    plan: Option<&Path>,
    global: &Global,
    output: &Output,
) -> Result<(), Failure> {
    let mut model = super::load(scenario, global, output)?;
    if model.evacuations.is_empty() {
        return Err(Failure::hinted("the scenario has no `[[evacuation]]`", "bastide explain evacuation says what one needs"));
    }
    if let Some(text) = warning {
        if !Duration::parse(text).is_ok_and(|warning| warning > Duration::ZERO) {
            return Err(Failure::hinted(format!("`{text}` is no warning"), "write a duration above zero, for example \"2 d\""));
        }
        let mut global = global.clone();
        for evacuation in &model.evacuations {
            let keys: &[&str] =
                if matches!(evacuation.start, EvacuationStart::At(_)) { &["expected_loss"] } else { &["warning", "expected_loss"] };
            for key in keys {
                global.sets.push((format!("evacuation.{}.{key}", evacuation.entity.name), format!("\"{text}\"")));
            }
        }
        model = super::load(scenario, &global, output)?;
    }
    let chosen: Vec<usize> =
        (0..model.evacuations.len()).filter(|at| name.is_none_or(|name| model.evacuations[*at].entity.name == name)).collect();
    if chosen.is_empty() {
        let known: Vec<&str> = model.evacuations.iter().map(|evacuation| evacuation.entity.name.as_str()).collect();
        return Err(Failure::hinted(
            format!("there is no evacuation `{}`", name.unwrap_or("")),
            format!("one of `{}`", known.join("`, `")),
        ));
    }
    let plan = match plan {
        Some(file) => super::plan::recheck::read(&model, file, global, output)?,
        None => super::plan::search(&model, None, &bastide_plan::SolveOptions::default(), output)?,
    };
    let mut found = Vec::with_capacity(chosen.len());
    for at in chosen {
        found.push(evacuate(&model, &plan, at).map_err(|error| Failure::sentence(format!("no order of evacuation: {error}")))?);
    }
    if output.format == Format::Json {
        let all: Vec<Value> = found.iter().map(|it| document(&model, it)).collect();
        return output.json(
            "evacuate/1",
            &json!({ "scenario": model.header.name, "plan": plan.name, "solver": bastide_plan::SOLVER, "evacuations": all }),
        );
    }
    for it in &found {
        for line in lines(&model, it) {
            output.line(&line)?;
        }
    }
    Ok(())
}

fn document(model: &Model, it: &Departures) -> Value {
    let row = |(rank, step): (usize, &Departure)| {
        let dataset = &model.datasets[step.dataset];
        json!({
            "rank": rank + 1, "dataset": dataset.entity.name, "class": dataset.class, "size_tb": dataset.size.as_tb(), "value_eur": dataset.value.as_eur(),
            "begins_h": step.begins.map(Duration::as_h), "out_h": step.out.map(Duration::as_h), "link_tb": step.link_tb, "courier_tb": step.courier_tb,
            "share": step.share, "saved_probability": step.saved,
        })
    };
    let losses: Vec<Value> =
        it.losses.iter().map(|(time, probability)| json!({ "after_h": time / 3600.0, "probability": probability })).collect();
    json!({
        "name": model.evacuations[it.evacuation].entity.name,
        "order": it.schedule.iter().enumerate().map(row).collect::<Vec<_>>(),
        "losses": losses, "size_tb": it.size_tb, "saved_tb": it.saved_tb,
        "value_saved": it.value, "bound": it.bound, "gap": it.gap,
        "other_orders": {
            "value": it.by_value, "first_come": it.first_come,
            "random": { "mean": it.random.0, "stderr": it.random.1, "n": it.random_orders },
        },
    })
}

fn lines(model: &Model, it: &Departures) -> Vec<String> {
    let evacuation = &model.evacuations[it.evacuation].entity;
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    let mut lines = vec![format!(
        "{}: {:.0} of {:.0} TB and {} of the value leave by the loss; no order saves more than {} (gap {:.2e})",
        evacuation.title,
        it.saved_tb,
        it.size_tb,
        percent(it.value),
        percent(it.bound),
        it.gap
    )];
    lines.push(format!(
        "  by value per byte {}; first come, first served {}; at random {} ± {}",
        percent(it.by_value),
        percent(it.first_come),
        percent(it.random.0),
        percent(it.random.1)
    ));
    let time = |time: Option<Duration>| time.map_or_else(|| "-".to_owned(), |time| format!("{:.1}", time.as_h()));
    let mut table =
        vec![["dataset", "TB", "M EUR", "begins h", "out h", "by link TB", "by courier TB", "saved"].map(str::to_owned).to_vec()];
    for step in &it.schedule {
        let dataset = &model.datasets[step.dataset];
        table.push(vec![
            format!("  {}", dataset.entity.name),
            format!("{:.1}", dataset.size.as_tb()),
            format!("{:.2}", dataset.value.as_eur() / 1e6),
            time(step.begins),
            time(step.out),
            format!("{:.1}", step.link_tb),
            format!("{:.1}", step.courier_tb),
            percent(step.saved),
        ]);
    }
    lines.extend(super::aligned(&table));
    lines
}
