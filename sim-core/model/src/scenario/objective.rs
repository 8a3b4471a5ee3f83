//! `objective` and `carbon_price` of `[plan]`.

use crate::decode::Cursor;
use crate::keys::{OBJECTIVES, Range, nearest};
use crate::model::{Objective, PlanningPlaces, Ranked, Ranking};
use crate::text::At;
use crate::tree::{Node, Value};
use bastide_units::Ratio;

/// Decodes what the plan is for, and notes where the keys of `[plan]` stand.
pub fn ranking(cursor: &mut Cursor<'_, '_>) -> Ranking {
    let place = |key: &str| cursor.ctx.span(cursor.place(key));
    let places = PlanningPlaces {
        min_service: place("min_service"),
        min_sites: place("min_sites"),
        max_sites: place("max_sites"),
        survive_site_loss: place("survive_site_loss"),
        accelerators: place("accelerators"),
    };
    let mut objectives: Vec<Ranked> = Vec::new();
    for (ranked, at) in objectives_of(cursor) {
        if objectives.iter().any(|earlier| earlier.objective == ranked.objective) {
            let message = format!("`{}` stands twice in `objective`", ranked.objective.name());
            cursor.ctx.error_hint("F0990", at, message, "it is kept where it stands first: remove the other");
        } else {
            objectives.push(ranked);
        }
    }
    if objectives.is_empty() {
        objectives.push(Ranked { objective: Objective::Cost, tolerance: 0.0 });
    }
    Ranking { objectives, carbon_price: cursor.quantity_opt("carbon_price"), places }
}

fn objectives_of(cursor: &mut Cursor<'_, '_>) -> Vec<(Ranked, At)> {
    let Some(entry) = cursor.table.get("objective") else { return Vec::new() };
    let items = match &entry.node.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(&entry.node),
    };
    if items.is_empty() {
        cursor.wrong("F0990", "objective", "the plan is for nothing", "leave `objective` out to mean the cost");
    }
    items.iter().filter_map(|item| objective(cursor, item)).collect()
}

/// `"cost"` or `{ name = "unserved", tolerance = "1 %" }`.
fn objective(cursor: &mut Cursor<'_, '_>, item: &Node) -> Option<(Ranked, At)> {
    let (name, at, tolerance) = match &item.value {
        Value::Text(name) => (name.as_str(), item.at, 0.0),
        Value::Table(table) => {
            for entry in table.entries.iter().filter(|entry| !["name", "tolerance"].contains(&entry.key.as_str())) {
                let message = format!("an objective has no key `{}`", entry.key);
                cursor.ctx.error_hint("F0202", entry.key_at, message, "it has `name` and `tolerance`");
            }
            let Some(name) = table.text("name") else {
                cursor.ctx.error_hint(
                    "F0203",
                    item.at,
                    "an objective has no `name`",
                    "such as `{ name = \"unserved\", tolerance = \"1 %\" }`",
                );
                return None;
            };
            let tolerance = table.get("tolerance").and_then(|entry| cursor.number::<Ratio>("tolerance", &entry.node, Range::Share));
            (name, table.get("name").map_or(item.at, |entry| entry.node.at), tolerance.unwrap_or(0.0))
        }
        other => {
            let word = other.word();
            cursor.ctx.error_hint(
                "F0204",
                item.at,
                format!("`objective` must hold names, not {word}"),
                "such as `[\"unserved\", \"cost\"]`",
            );
            return None;
        }
    };
    let Some(objective) = Objective::named(name) else {
        let known = || OBJECTIVES.iter().copied();
        let hint = nearest(name, known())
            .map_or_else(|| format!("any of `{}`", OBJECTIVES.join("`, `")), |near| format!("did you mean `{near}`?"));
        cursor.ctx.error_hint("F0210", at, format!("`objective` cannot hold `{name}`"), hint);
        return None;
    };
    Some((Ranked { objective, tolerance }, at))
}
