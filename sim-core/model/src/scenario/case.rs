//! `[[case]]` and `[[question]]`, and a scenario's tree as a case changes it.

use super::{each, layers};
use crate::decode::{Context, Cursor};
use crate::diag::Diagnostic;
use crate::keys::{self, nearest};
use crate::model::{Assumption, Axis, Case, MetricPattern, Question};
use crate::text::At;
use crate::tree::{Node, Table, Value};

/// Tables of which no case can change anything: what is studied, what is planned, and how it is told.
const FIXED: &[&str] = &["scenario", "plan", "alternative", "case", "report", "question"];
/// Keys of `[plan]` that change no plan: how its cost is spread over years.
const FREE: &[&str] = &["plan.discount_rate", "plan.building_lifetime"];
/// Tables whose entries plans and metrics name.
const NAMED: &[&str] = &["nation", "bus", "site", "accelerator", "fleet", "dataset", "service", "campaign"];

/// One change: its path, where it is written, and the new value.
struct Setting<'t> {
    path: String,
    key_at: At,
    node: &'t Node,
}

/// Decodes `[[case]]`.
pub fn cases(ctx: &mut Context, root: &Table) -> Vec<Case> {
    let mut places: Vec<At> = Vec::new();
    let mut all: Vec<Case> = Vec::new();
    let decoded = each(ctx, root, "case", |cursor| {
        let entity = cursor.entity();
        if entity.name == "base" {
            cursor.wrong("F0920", "name", "the name `base` is taken by the scenario itself", "choose another name");
        }
        let source = cursor.table.text("source").map(str::to_owned);
        let verified = match cursor.table.get("verified").map(|entry| &entry.node.value) {
            Some(Value::Boolean(seen)) => Some(*seen),
            _ => None,
        };
        let settings = cursor.subtable("set").map(settings).unwrap_or_default();
        for setting in &settings {
            note(cursor, &entity.name, setting, source.as_deref(), verified);
        }
        let settings = settings.iter().map(|setting| (setting.path.clone(), written(&cursor.ctx.files.sources, setting.node))).collect();
        let axis = axis(cursor);
        let group = cursor.word_opt("group").or_else(|| axis.as_ref().map(|axis| axis.title.clone()));
        let group = group.unwrap_or_else(|| "cases".to_owned());
        let cost = cursor.has("cost").then(|| cursor.quantity("cost"));
        let place = if cursor.has("axis") { cursor.place("axis") } else { cursor.place("name") };
        (Case { entity, group, axis, cost, settings, source, verified }, place)
    });
    for (case, place) in decoded {
        let earlier = all.iter().zip(&places).find(|(other, _)| other.group == case.group && clash(other, &case));
        if let Some((other, first)) = earlier {
            let words = match (&other.axis, &case.axis) {
                (Some(a), Some(b)) if a.title == b.title => {
                    format!("two cases of group `{}` stand at {} on `{}`", case.group, b.value, b.title)
                }
                _ => format!("the cases of group `{}` are not all on one axis", case.group),
            };
            let diagnostic = Diagnostic::error("F0922", ctx.span(place), words).label(ctx.span(*first), "the other is here");
            ctx.push(diagnostic.hint("a group has one axis and one case at each value, or no axis; put the case into another `group`"));
        }
        places.push(place);
        all.push(case);
    }
    all
}

/// Whether two cases of one group contradict each other.
fn clash(a: &Case, b: &Case) -> bool {
    match (&a.axis, &b.axis) {
        (Some(a), Some(b)) => a.title != b.title || a.value == b.value,
        (None, None) => false,
        _ => true,
    }
}

/// `axis` and `value`.
fn axis(cursor: &mut Cursor<'_, '_>) -> Option<Axis> {
    let title = cursor.word_opt("axis");
    let value = match cursor.table.get("value").map(|entry| (&entry.node.value, entry.node.at)) {
        None => None,
        Some((Value::Integer(value), _)) => Some(*value as f64),
        Some((Value::Float(value), _)) if value.is_finite() => Some(*value),
        Some((other, at)) => {
            let hint = "write `value = 30`; the unit stands in `axis`";
            cursor.ctx.error_hint("F0204", at, format!("`value` must be a finite bare number, not {}", other.word()), hint);
            return None;
        }
    };
    for (stands, other) in [("axis", "value"), ("value", "axis")] {
        if cursor.has(stands) && !cursor.has(other) {
            cursor.wrong(
                "F0921",
                stands,
                format!("`{stands}` stands without `{other}`"),
                "an ordered case has `axis = \"hits\"` and `value = 30`",
            );
        }
    }
    Some(Axis { title: title?, value: value? })
}

/// Decodes `[[question]]`.
pub fn questions(ctx: &mut Context, root: &Table, cases: &[Case]) -> Vec<Question> {
    let unsure = ctx.is_unsure("case");
    each(ctx, root, "question", |cursor| {
        cursor.name();
        let title = cursor.text_opt("title").unwrap_or_default();
        let metrics = patterns(cursor, "metrics");
        if !cursor.has("metrics") {
            cursor.miss("metrics");
        }
        let group = cursor.word_opt("group");
        if let Some(group) = &group
            && !unsure
            && cases.iter().all(|case| case.group != *group)
        {
            let near = nearest(group, cases.iter().map(|case| case.group.as_str()));
            let hint = near.map_or_else(|| "a group of `[[case]]`".to_owned(), |near| format!("did you mean `{near}`?"));
            cursor.wrong("F0923", "group", format!("there is no group of cases `{group}`"), hint);
        }
        Question { title, metrics, group }
    })
}

/// A list of metrics; whether there are such metrics is known where histories are measured.
pub fn patterns(cursor: &mut Cursor<'_, '_>, key: &str) -> Vec<MetricPattern> {
    if !cursor.has(key) {
        return Vec::new();
    }
    let words = cursor.words_at(key).unwrap_or_default();
    words.into_iter().map(|(word, at)| MetricPattern::read(word, cursor.ctx.span(at))).collect()
}

/// The changes of a table `set`: keys in quotes are whole paths; without quotes, the tables inside one another are a path as well.
fn settings(table: &Table) -> Vec<Setting<'_>> {
    let mut all = Vec::new();
    for entry in &table.entries {
        nested(entry.key.clone(), entry.key_at, &entry.node, &mut all);
    }
    all
}

fn nested<'t>(path: String, key_at: At, node: &'t Node, all: &mut Vec<Setting<'t>>) {
    let mut parts = path.split('.');
    let needed = if parts.next().and_then(keys::table).is_some_and(|spec| spec.array) { 3 } else { 2 };
    match &node.value {
        Value::Table(inner) if parts.count() + 1 < needed && !inner.entries.is_empty() => {
            for entry in &inner.entries {
                nested(format!("{path}.{}", entry.key), entry.key_at, &entry.node, all);
            }
        }
        _ => all.push(Setting { path, key_at, node }),
    }
}

fn written(sources: &crate::text::Sources, node: &Node) -> String {
    if let Value::Text(text) = &node.value { text.clone() } else { sources.slice(node.at).split_whitespace().collect::<Vec<_>>().join(" ") }
}

/// A changed value is an assumption like any other.
fn note(cursor: &mut Cursor<'_, '_>, case: &str, setting: &Setting<'_>, source: Option<&str>, verified: Option<bool>) {
    let sources = &cursor.ctx.files.sources;
    let assumption = Assumption {
        key: format!("case.{case}: {}", setting.path),
        value: written(sources, setting.node),
        source: source.map(str::to_owned),
        verified,
        place: sources.place(setting.node.at),
    };
    cursor.ctx.assumptions.push(assumption);
}

/// The tree as a case has it, and where its changes stand; what cannot be changed is reported.
pub fn apply(ctx: &mut Context, root: &Table, name: &str) -> (Table, At) {
    let mut changed = root.clone();
    let case = super::entries(root, "case").into_iter().find(|(table, _)| table.text("name") == Some(name));
    let set = case.and_then(|(table, _)| table.get("set")).map(|entry| &entry.node);
    let Some(Node { value: Value::Table(set), at }) = set else { return (changed, At::whole(0)) };
    for setting in settings(set) {
        let parts: Vec<&str> = setting.path.split('.').map(str::trim).collect();
        let list = keys::table(parts[0]).is_some_and(|spec| spec.array);
        let fixed = FIXED.contains(&parts[0]) && !FREE.contains(&setting.path.as_str());
        let removed = list && parts.len() == 2 && NAMED.contains(&parts[0]) && matches!(setting.node.value, Value::Boolean(false));
        let renamed = list && parts.len() == 3 && parts[2] == "name";
        if fixed || removed || renamed {
            let hint = "a case keeps plans, time, seed and names: write another scenario that `extends` this one";
            ctx.error_hint("F0924", setting.key_at, format!("a case cannot change `{}`", setting.path), hint);
        } else if let Err((message, hint)) = layers::put(&mut changed, &parts, setting.key_at, setting.node) {
            ctx.error_hint("F0925", setting.key_at, message, hint);
        }
    }
    (changed, *at)
}

/// The mistake of naming a metric that the scenario does not have; `known` are its metrics by kind, entity and name.
#[must_use]
pub fn unknown_metric<'a>(pattern: &MetricPattern, known: impl Iterator<Item = (&'a str, &'a str, &'a str)>) -> Diagnostic {
    let known: Vec<_> = known.collect();
    let of_kind: Vec<_> = known.iter().filter(|(kind, ..)| *kind == pattern.kind).collect();
    let entity_known = pattern.entity == "*" || of_kind.iter().any(|(_, entity, _)| *entity == pattern.entity);
    let (message, near, form) = if of_kind.is_empty() {
        let form = "write `kind.name.metric`, such as `tier.*.served_share`, or a metric of the system";
        (format!("there are no metrics of a `{}`", pattern.kind), nearest(&pattern.kind, known.iter().map(|(kind, ..)| *kind)), form)
    } else if entity_known {
        let message = format!("a {} has no metric `{}`", pattern.kind, pattern.metric);
        (message, nearest(&pattern.metric, of_kind.iter().map(|(.., metric)| *metric)), "`summary.json` of a study lists the metrics")
    } else {
        let message = format!("there is no {} `{}`", pattern.kind, pattern.entity);
        (message, nearest(&pattern.entity, of_kind.iter().map(|(_, entity, _)| *entity)), "`*` means every one")
    };
    let hint = near.map_or_else(|| form.to_owned(), |near| format!("did you mean `{near}`?"));
    Diagnostic::error("F0926", pattern.span.clone(), message).hint(hint)
}
