//! `show`: a scenario as it was understood.

use std::path::Path;

use serde_json::json;

use crate::args::{Format, Global};
use crate::exit::Failure;
use crate::output::Output;

pub fn run(scenario: &Path, resolved: bool, global: &Global, output: &Output) -> Result<(), Failure> {
    if resolved {
        let text = bastide_model::show_resolved(scenario, &global.sets).map_err(Failure::Diagnostics)?;
        return match output.format {
            Format::Json => output.json("scenario/1", &json!({ "toml": text })),
            _ => super::write_or_print(&text, global, output),
        };
    }
    let model = super::load(scenario, global, output)?;
    let counts = [
        ("nations", model.nations.len()),
        ("buses", model.buses.len()),
        ("lines", model.lines.len()),
        ("generator classes", model.generators.len()),
        ("storage units", model.storages.len()),
        ("loads", model.loads.len()),
        ("sites", model.sites.len()),
        ("links", model.links.len()),
        ("datasets", model.datasets.len()),
        ("services", model.services.len()),
        ("campaigns", model.campaigns.len()),
        ("hazards", model.hazards.len()),
        ("alternatives", model.alternatives.len()),
        ("sourced values", model.assumptions.len()),
    ];
    if output.format == Format::Json {
        let counts: serde_json::Map<_, _> = counts.iter().map(|(name, n)| (name.replace(' ', "_"), json!(n))).collect();
        return output.json(
            "show/1",
            &json!({
                "name": model.header.name, "title": model.header.title, "question": model.header.question,
                "start": model.header.start, "hours": model.header.hours, "counts": counts,
                "files": model.inputs.iter().map(|file| json!({ "path": file.path, "blake3": file.hash })).collect::<Vec<_>>(),
            }),
        );
    }
    output.line(&format!("{} — {}", model.header.name, model.header.title))?;
    output.line(&model.header.question)?;
    output.line(&format!("from {} for {} hours", model.header.start, model.header.hours))?;
    for (name, count) in counts.iter().filter(|(_, count)| *count > 0) {
        output.line(&format!("{count:>6} {name}"))?;
    }
    output.say("next: bastide show --resolved, bastide validate, bastide study");
    Ok(())
}
