//! `degraded-links`: the chain of states of a duct.

use bastide_engine::Distribution;
use bastide_units::{Duration, Ratio, Time};

use crate::decode::Cursor;
use crate::keys::Range;
use crate::model::{HazardKind, LinkState, Target, Timing};
use crate::text::At;
use crate::tree::{Entry, Node, Table, Value};

/// Keys of a state.
const KEYS: [&str; 9] = ["name", "bandwidth", "latency_factor", "added_latency", "loss", "duty", "period", "stay", "next"];
/// Most changes of one duct in a history: a slip of a unit otherwise.
const MOST_CHANGES: f64 = 1e6;
/// How far the probabilities of what follows may be from one.
const ROUNDING: f64 = 1e-6;

/// A state as written, and what is still to be looked up.
struct Draft<'t> {
    state: LinkState,
    at: At,
    next: Option<(&'t Table, At)>,
}

pub(super) fn degraded_links(cursor: &mut Cursor<'_, '_>) -> HazardKind {
    let targets = cursor.targets("targets", &["link"]);
    if !cursor.has("targets") {
        cursor.miss("targets");
    }
    // Without a timing the chain runs by itself.
    let timing = (cursor.has("at") || cursor.has("rate")).then(|| super::timing(cursor));
    let (from, until) = match timing {
        Some(Timing::Rate { from, until, .. }) => (from, until),
        Some(Timing::At(at)) => (at, Time::NEVER),
        None => cursor.interval(),
    };
    let drafts = drafts(cursor, timing.is_some());
    HazardKind::DegradedLinks {
        targets: targets.into_iter().filter_map(|(target, _)| if let Target::Link(link) = target { Some(link) } else { None }).collect(),
        timing,
        from,
        until,
        states: resolve(cursor, drafts, timing.is_some()),
    }
}

fn drafts<'t>(cursor: &mut Cursor<'_, 't>, by_events: bool) -> Vec<Draft<'t>> {
    let Some(items) = cursor.list("states") else { return Vec::new() };
    if items.len() < 2 {
        cursor.wrong(
            "F0862",
            "states",
            "`states` has fewer than two states",
            "the first is the normal one, such as `{ name = \"normal\" }`",
        );
    }
    let mut drafts: Vec<Draft> = Vec::with_capacity(items.len());
    for item in items {
        let Some(draft) = draft(cursor, item, by_events && drafts.is_empty()) else { continue };
        if drafts.iter().any(|other| other.state.name == draft.state.name) {
            let message = format!("there are two states `{}`", draft.state.name);
            cursor.ctx.error_hint("F0862", draft.at, message, "rename or remove one");
        }
        drafts.push(draft);
    }
    drafts
}

fn draft<'t>(cursor: &mut Cursor<'_, 't>, item: &'t Node, waits_for_events: bool) -> Option<Draft<'t>> {
    let Value::Table(table) = &item.value else {
        cursor.ctx.error("F0204", item.at, format!("a state must be a table, not {}", item.value.word()));
        return None;
    };
    for entry in table.entries.iter().filter(|entry| !KEYS.contains(&entry.key.as_str())) {
        let hint = format!("it has `{}`", KEYS.join("`, `"));
        cursor.ctx.error_hint("F0202", entry.key_at, format!("a state has no key `{}`", entry.key), hint);
    }
    let name = match table.get("name").map(|entry| &entry.node.value) {
        Some(Value::Text(name)) if !name.trim().is_empty() => name.clone(),
        _ => {
            cursor.ctx.error_hint("F0203", item.at, "a state needs a `name`", "such as `{ name = \"degraded\", bandwidth = \"30 %\" }`");
            return None;
        }
    };
    let mut ratio = |key: &str, range, otherwise| {
        table.get(key).map_or(otherwise, |entry| cursor.number::<Ratio>(key, &entry.node, range).unwrap_or(f64::NAN))
    };
    let bandwidth = ratio("bandwidth", Range::Share, 1.0);
    let latency_factor = ratio("latency_factor", Range::AtLeastOne, 1.0);
    let loss = ratio("loss", Range::BelowOne, 0.0);
    let duty = ratio("duty", Range::Share, 1.0);
    let mut duration = |key: &str, range| {
        let entry = table.get(key)?;
        Some(Duration::from_s(cursor.number::<Duration>(key, &entry.node, range).unwrap_or(f64::NAN)))
    };
    let added_latency = duration("added_latency", Range::NotNegative).unwrap_or(Duration::ZERO);
    let period = duration("period", Range::Positive);
    let switches = duty > 0.0 && duty < 1.0;
    let place = |key: &str| table.get(key).map_or(item.at, |entry| entry.node.at);
    if switches && period.is_none() {
        cursor.ctx.error_hint(
            "F0862",
            place("duty"),
            "`duty` stands without `period`",
            "say how long up and down take: `period = \"10 min\"`",
        );
    }
    if !switches && period.is_some() && !duty.is_nan() {
        cursor.ctx.error_hint("F0862", place("period"), "`period` stands without a `duty` between 0 and 1", "such as `duty = \"60 %\"`");
    }
    let stay = table.get("stay").map(|entry| cursor.distribution_at::<Duration>("stay", &entry.node));
    if waits_for_events && stay.is_some() {
        let hint = "leave `stay` out, or `at` and `rate`";
        cursor.ctx.error_hint("F0862", place("stay"), "the first state lasts until the hazard happens", hint);
    }
    let next = match table.get("next") {
        None => None,
        Some(Entry { node: Node { value: Value::Table(next), at }, .. }) => Some((next, *at)),
        Some(entry) => {
            cursor.ctx.error(
                "F0204",
                entry.node.at,
                format!("`next` must be a table such as `{{ normal = 1 }}`, not {}", entry.node.value.word()),
            );
            None
        }
    };
    let ends = waits_for_events || stay.is_some();
    if next.is_some() && !ends {
        cursor.ctx.error_hint("F0862", place("next"), "`next` stands without `stay`", "say how long the state lasts: `stay = \"6 h\"`");
    }
    let most = cursor.ctx.duration.as_s() / MOST_CHANGES;
    let shortest = stay.as_ref().map_or(f64::INFINITY, Distribution::mean).min(period.map_or(f64::INFINITY, Duration::as_s));
    if shortest < most {
        let message = format!("state `{name}` changes more than a million times in a history");
        cursor.ctx.error_hint("F0862", item.at, message, "check the units of `stay` and `period`");
    }
    let state = LinkState { name, bandwidth, latency_factor, added_latency, loss, duty, period, stay, next: Vec::new() };
    Some(Draft { state, at: item.at, next })
}

/// Names of what follows to positions; without any, the only other state follows.
fn resolve(cursor: &mut Cursor<'_, '_>, drafts: Vec<Draft>, by_events: bool) -> Vec<LinkState> {
    let names: Vec<String> = drafts.iter().map(|draft| draft.state.name.clone()).collect();
    let count = drafts.len();
    let mut states = Vec::with_capacity(count);
    for (place, mut draft) in drafts.into_iter().enumerate() {
        let mut next = vec![0.0; count];
        match draft.next {
            Some((table, at)) => {
                for entry in &table.entries {
                    let share = cursor.number::<Ratio>(&entry.key, &entry.node, Range::Share).unwrap_or(f64::NAN);
                    match names.iter().position(|name| *name == entry.key) {
                        Some(to) if to != place => next[to] = share,
                        Some(_) => {
                            let message = format!("state `{}` follows itself", entry.key);
                            cursor.ctx.error_hint("F0863", entry.key_at, message, "let its `stay` be longer instead");
                        }
                        None => {
                            let known: Vec<&str> = names.iter().map(String::as_str).collect();
                            let hint = crate::decode::suggestion(&entry.key, &known, "state");
                            cursor.ctx.error_hint("F0863", entry.key_at, format!("there is no state `{}`", entry.key), hint);
                        }
                    }
                }
                let sum: f64 = next.iter().sum();
                let known = table.entries.iter().all(|entry| names.contains(&entry.key) && entry.key != names[place]);
                if known && (sum - 1.0).abs() > ROUNDING {
                    let message = format!("the probabilities of what follows `{}` sum to {sum:.6}, not to 1", names[place]);
                    cursor.ctx.error_hint("F0863", at, message, "give every state that may follow its probability");
                }
                if sum > 0.0 {
                    next.iter_mut().for_each(|share| *share /= sum);
                }
            }
            None if count == 2 => next[1 - place] = 1.0,
            None if draft.state.stay.is_some() || (place == 0 && by_events) => {
                let message = format!("nothing says what follows state `{}`", names[place]);
                cursor.ctx.error_hint("F0863", draft.at, message, "such as `next = { normal = 0.7, off = 0.3 }`");
            }
            None => {}
        }
        draft.state.next = next;
        states.push(draft.state);
    }
    states
}
