//! Events in words, the chain of causes behind one, and what a lost service cost.

use std::collections::BTreeMap;

use bastide_sim::results::EventFacts;

use crate::number::{self, significant};
use crate::view::words::capital;

/// Stands for the unit of a value that says nothing; the note is a reason.
const REASON: &str = "-";

/// Kinds whose name alone does not say it well: (kind, what happened, unit of the value where the note is not the unit).
const KINDS: &[(&str, &str, &str)] = &[
    ("strike", "Strike", ""),
    ("strike-intercepted", "Strike intercepted", ""),
    ("cable-cut", "Cable cut", ""),
    ("intrusion", "Intrusion", ""),
    ("intrusion-found", "Intruder found", ""),
    ("wiper", "Wiper attack", ""),
    ("common-mode", "Common-mode exploit", ""),
    ("accelerators-down", "Exploited accelerators", "h"),
    ("accelerators-up", "Exploited accelerators back", REASON),
    ("outage", "Outage", ""),
    ("supply-delay", "Late delivery", ""),
    ("site-down", "Failure of a site", "h"),
    ("site-up", "Site back", "h"),
    ("site-wiped", "Wiped site", "1"),
    ("site-clean", "Wiped site under control again", REASON),
    ("site-restored", "Wiped site restored", ""),
    ("line-down", "Failure of a line", "h"),
    ("line-up", "Line back", "h"),
    ("facility-down", "Failure of a facility", "h"),
    ("facility-up", "Facility back", REASON),
    ("link-down", "Failure of a data link", "h"),
    ("link-up", "Data link back", "h"),
    ("bus-down", "Failure of a substation", "h"),
    ("bus-up", "Substation back", "h"),
    ("repair-waits", "Repair waits", "h"),
    ("repair-begins", "Repair begins", ""),
    ("follow-up-strike", "Second strike", ""),
    ("interceptors-exhausted", "Interceptors used up", ""),
    ("unit-down", "Failure of a generating unit", "h"),
    ("unit-up", "Generating unit back", "h"),
    ("generators-start", "Own generators start", ""),
    ("generators-fail", "Own generators do not start", ""),
    ("energised", "Accelerators energised", ""),
    ("service-lost", "Service lost", ""),
    ("service-restored", "Service restored", ""),
    ("spike", "Demand spike", ""),
    ("spike-over", "Demand spike over", ""),
    ("campaign-interrupted", "Campaign interrupted", REASON),
    ("power-cap", "Power cap", ""),
    ("rule-begins", "Rule in force", ""),
    ("rule-ends", "Rule no longer in force", ""),
    ("delivery-held", "Delivery held back", ""),
    ("delivery-refused", "Delivery that never comes", ""),
    ("licences-lapse", "Licences lapse", ""),
    ("operator-leaves", "Operator leaves", ""),
    ("group-left", "Nation leaves its group", ""),
    ("disruption-ends", "Disruption over", REASON),
    ("power-short", "Grid short of power", ""),
    ("delivery-awaited", "Delivery awaited", ""),
    ("nodes-in-repair", "Nodes in repair", ""),
    ("cooling-limit", "Cooling or connection at its limit", ""),
    ("accelerators-reserved", "Accelerators reserved", ""),
    ("copy-lost", "Copy of data lost", ""),
    ("primary-lost", "Primary copy of data lost", ""),
    ("copies-lost", "All copies of data lost, backup kept", ""),
    ("data-lost", "Data lost for ever", ""),
    ("copied", "Data copied again", ""),
];

/// What happened, in words: `Strike`, `Failure of a site`; the kind itself in words if it is new.
#[must_use]
pub fn what(kind: &str) -> String {
    let known = KINDS.iter().find(|known| known.0 == kind);
    known.map_or_else(|| capital(&kind.replace('-', " ")), |known| known.1.to_owned())
}

/// Unit of an event's value: `h`, `1` for a share, words such as `munitions`; empty if it has none.
#[must_use]
pub fn unit(event: &EventFacts) -> &str {
    match KINDS.iter().find(|known| known.0 == event.kind) {
        Some((_, _, REASON)) => "",
        Some((_, _, unit)) if !unit.is_empty() => unit,
        _ if event.note == "share" || event.note.starts_with("share ") => "1",
        _ => &event.note,
    }
}

/// The value with its unit and the note: `96 h, strike`, `20 munitions`, `34 % served`; empty if there is nothing to say.
#[must_use]
pub fn value(event: &EventFacts) -> String {
    let (unit, note) = (unit(event), event.note.as_str());
    if unit.is_empty() && !note.is_empty() {
        return note.to_owned();
    }
    if unit == note {
        return match (event.value, note) {
            (0.0, "") => String::new(),
            (value, "") => significant(value, 3),
            (value, note) => format!("{} {note}", significant(value, 3)),
        };
    }
    let share = note.strip_prefix("share").map(|rest| rest.trim_start_matches(" of").trim());
    if let Some(rest) = share {
        let percent = number::plain("1", event.value);
        return if rest.is_empty() { percent } else { format!("{percent} {rest}") };
    }
    // Zero hours: nobody knew how long.
    let number = if event.value == 0.0 { String::new() } else { number::plain(unit, event.value) };
    [number.as_str(), note].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// Places of an event and of what caused it, of what caused that, and so on, in the events of one history (by `seq`, ascending); the
/// event itself first. The second value tells whether the chain ends because an event has no cause, and not because a cause
/// is not among the events.
#[must_use]
pub fn chain(events: &[EventFacts], from: usize) -> (Vec<usize>, bool) {
    let mut chain = vec![from];
    let mut at = from;
    loop {
        let Some(cause) = events[at].cause_seq else { return (chain, true) };
        // Causes are earlier events; a file that says otherwise must not make a circle.
        match events[..at].binary_search_by_key(&cause, |event| event.seq) {
            Ok(place) => at = place,
            Err(_) => return (chain, false),
        }
        chain.push(at);
    }
}

/// The time from `service-lost` to the next `service-restored` of the same service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss {
    /// Place of the `service-lost` among the events.
    pub at: usize,
    /// When it ended \[h\]; `None` if it lasted to the end of the history.
    pub restored_h: Option<f64>,
    /// (1 - share served at its beginning) times its length \[h\]: hours of the whole service.
    pub harm_h: f64,
}

/// Losses of services in one history that ends at `end_h`, in the order of their beginning.
#[must_use]
pub fn losses(events: &[EventFacts], end_h: f64) -> Vec<Loss> {
    let mut losses: Vec<Loss> = Vec::new();
    let mut open: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, event) in events.iter().enumerate() {
        if event.kind == "service-lost" {
            open.insert(&event.entity, losses.len());
            losses.push(Loss { at, restored_h: None, harm_h: 0.0 });
        } else if event.kind == "service-restored"
            && let Some(loss) = open.remove(event.entity.as_str())
        {
            losses[loss].restored_h = Some(event.time_h);
        }
    }
    for loss in &mut losses {
        let lost = &events[loss.at];
        let hours = loss.restored_h.unwrap_or(end_h) - lost.time_h;
        loss.harm_h = (1.0 - lost.value).clamp(0.0, 1.0) * hours.max(0.0);
    }
    losses
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(time_h: f64, seq: i64, cause_seq: Option<i64>, kind: &str, value: f64, note: &str) -> EventFacts {
        let text = str::to_owned;
        EventFacts { time_h, seq, cause_seq, kind: text(kind), entity_kind: text("site"), entity: text("riga"), value, note: text(note) }
    }

    #[test]
    fn values_read_well() {
        for (kind, number, note, words) in [
            ("strike", 20.0, "munitions", "20 munitions"),
            ("site-down", 96.0, "strike", "96\u{a0}h, strike"),
            ("site-down", 0.0, "no power", "no power"),
            ("site-wiped", 0.8, "", "80\u{a0}%"),
            ("service-lost", 0.34, "share served", "34\u{a0}% served"),
            ("power-cap", 0.5, "share of power", "50\u{a0}% power"),
            ("site-up", 0.0, "", ""),
            ("campaign-interrupted", 0.0, "site", "site"),
            ("new-kind", 3.0, "things", "3 things"),
        ] {
            assert_eq!(value(&event(0.0, 0, None, kind, number, note)), words, "{kind}");
        }
        assert_eq!(what("new-kind"), "New kind");
    }

    #[test]
    fn chains_end_and_losses_are_summed() {
        let events = [
            event(1.0, 4, None, "strike", 1.0, "munitions"),
            event(1.0, 7, Some(4), "site-down", 96.0, "strike"),
            event(2.0, 9, Some(7), "service-lost", 0.25, "share served"),
            event(6.0, 10, Some(7), "service-restored", 1.0, "share served"),
            event(7.0, 11, Some(8), "service-lost", 0.5, "share served"),
            event(8.0, 12, Some(12), "site-down", 0.0, ""),
        ];
        assert_eq!(chain(&events, 2), (vec![2, 1, 0], true));
        assert_eq!(chain(&events, 4), (vec![4], false));
        assert_eq!(chain(&events, 5), (vec![5], false));
        let losses = losses(&events, 10.0);
        assert_eq!(losses[0], Loss { at: 2, restored_h: Some(6.0), harm_h: 3.0 });
        assert_eq!(losses[1], Loss { at: 4, restored_h: None, harm_h: 1.5 });
    }
}
