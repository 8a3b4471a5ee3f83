//! The scenario as it was understood: all layers merged, every default written out.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use crate::diag::{Diagnostic, Severity};
use crate::keys::{Key, Kind, Need, TABLES, TableSpec};
use crate::load;
use crate::model::{AcceleratorId, Campaign, CampaignId, CheckpointInterval, Model, SiteId};
use crate::plan::quoted;
use crate::resolve;
use crate::text::Sources;
use crate::tree::{Node, Table, Value};

/// One TOML document with what every file and override says, each value with its place, and every default.
///
/// # Errors
/// The errors of the scenario.
pub fn show_resolved(path: &Path, sets: &[(String, String)]) -> Result<String, Vec<Diagnostic>> {
    // Whether it can be run at all is the business of `load`; what it says of a sound scenario is left to `validate`.
    let model = load::load(path, sets)?.model;
    let (mut ctx, root) = load::read(path, sets)?;
    resolve::resolve(&mut ctx, &root);
    if ctx.files.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return Err(ctx.files.diagnostics);
    }
    let mut out = String::new();
    for spec in TABLES {
        match root.get(spec.name).map(|entry| &entry.node.value) {
            Some(Value::List(items)) => {
                for item in items {
                    if let Value::Table(table) = &item.value {
                        let _ = writeln!(out, "[[{}]]", spec.name);
                        entry(&mut out, &ctx.files.sources, spec, table);
                        if spec.name == "campaign" {
                            checkpoints(&mut out, &model, table);
                        }
                        out.push('\n');
                    }
                }
            }
            Some(Value::Table(table)) => {
                let _ = writeln!(out, "[{}]", spec.name);
                entry(&mut out, &ctx.files.sources, spec, table);
                out.push('\n');
            }
            None if !spec.array => {
                let _ = writeln!(out, "[{}]", spec.name);
                entry(&mut out, &ctx.files.sources, spec, &Table::default());
                out.push('\n');
            }
            _ => {}
        }
    }
    Ok(out)
}

/// Writing to a String cannot fail.
fn entry(out: &mut String, sources: &Sources, spec: &TableSpec, table: &Table) {
    for key in spec.keys_of(table.text("kind")) {
        if let Some(entry) = table.get(key.name) {
            let _ = writeln!(out, "{} = {}  # {}", key.name, written(&entry.node), sources.place(entry.node.at));
        } else {
            match key.need {
                Need::Default(text) => {
                    let _ = writeln!(out, "{} = {}  # default", key.name, default(key, text));
                }
                Need::Computed(words) => {
                    let _ = writeln!(out, "# {}: {words}", key.name);
                }
                Need::Required | Need::Optional => {}
            }
        }
    }
}

/// What a checkpoint interval that follows from the failures comes to, wherever the campaign may run.
fn checkpoints(out: &mut String, model: &Model, table: &Table) {
    let named = |campaign: &Campaign| Some(campaign.entity.name.as_str()) == table.text("name");
    let Some(at) = model.campaigns.iter().position(named) else { return };
    if matches!(model.campaigns[at].checkpoints.interval, CheckpointInterval::Fixed(_)) {
        return;
    }
    let planned = model.planning.candidates.iter().flat_map(|site| model.planning.accelerators.iter().map(|(kind, _)| (*site, *kind)));
    let places: BTreeSet<(SiteId, AcceleratorId)> =
        planned.chain(model.fleets.iter().map(|fleet| (fleet.site, fleet.accelerator))).collect();
    for (site, kind) in places {
        let interval = model.checkpoint_interval(CampaignId::from_index(at), kind, site);
        let (site, kind) = (&model.sites[site].entity.name, &model.accelerators[kind].entity.name);
        let _ = writeln!(out, "# checkpoint_interval on `{kind}` at `{site}`: {}", bastide_units::display(interval));
    }
}

fn default(key: &Key, text: &str) -> String {
    match key.kind {
        Kind::Words | Kind::Nations | Kind::References(_) | Kind::ListOf(_) => "[]".to_owned(),
        Kind::RatiosOf(_) => "{}".to_owned(),
        Kind::Count(_) | Kind::Integer | Kind::Boolean => text.to_owned(),
        Kind::Ratio(_) | Kind::Profile(..) if text.parse::<f64>().is_ok() => text.to_owned(),
        _ => quoted(text),
    }
}

fn written(node: &Node) -> String {
    match &node.value {
        Value::Text(text) => quoted(text),
        Value::Integer(integer) => integer.to_string(),
        Value::Float(float) => format!("{float:?}"),
        Value::Boolean(boolean) => boolean.to_string(),
        Value::Date(date) => date.to_string(),
        Value::List(items) => format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(", ")),
        Value::Table(table) => {
            let entries: Vec<String> = table.entries.iter().map(|entry| format!("{} = {}", entry.key, written(&entry.node))).collect();
            if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) }
        }
    }
}
