//! `explain event`: what an event follows from, back to where it began, and what followed from it.

use bastide_reports::{date, event};
use bastide_sim::results::{EventFacts, Study};
use serde_json::{Value, json};

use super::folder;
use crate::args::{ExplainEvent, Format};
use crate::exit::Failure;
use crate::output::Output;

/// Consequences of one event that are shown to people; the others are counted.
const WIDTH: usize = 10;
/// Consequences that are shown to people in all.
const LINES: usize = 40;
/// Steps from the event to a consequence that is shown.
const DEPTH: usize = 4;

pub fn run(input: &ExplainEvent, output: &Output) -> Result<(), Failure> {
    let study = folder::open(input.folder.as_deref(), input.case.as_deref(), output)?;
    let alternative = folder::alternative(&study, input.alternative.as_deref())?;
    let (replication, seq) = input.event;
    let events = folder::history(&study, alternative, replication)?;
    let at = events.binary_search_by_key(&seq, |event| event.seq).map_err(|place| missing(&events, place, input.event, alternative))?;
    let told = Told { study: &study, events: &events, losses: event::losses(&events, study.summary.scenario.duration_h) };
    let (mut chain, complete) = event::chain(&events, at);
    chain.reverse();
    if output.format == Format::Json {
        return output.json(
            "explain-event/1",
            &json!({
                "results": study.folder, "scenario": study.summary.scenario.name, "alternative": alternative, "replication": replication,
                "event": told.json(at), "chain": chain.iter().map(|at| told.json(*at)).collect::<Vec<_>>(), "complete": complete,
                "consequences": told.tree(at, 0),
            }),
        );
    }
    output.line(&format!("{}, {alternative}, replication {replication}", study.summary.scenario.name))?;
    output.line("\nBecause of")?;
    if !complete {
        output.line("  (an event that these results do not hold)")?;
    }
    for (step, at) in chain.iter().enumerate() {
        let mark = if step + 1 == chain.len() { "=> " } else { "   " };
        output.line(&format!("{mark}{}", told.line(*at, step)))?;
    }
    output.line("\nWhat followed")?;
    if told.followers(at).next().is_none() {
        output.line("   nothing that was recorded")?;
    }
    let mut lines = LINES;
    told.print(at, 0, &mut lines, output)
}

fn missing(events: &[EventFacts], place: usize, (replication, seq): (u32, i64), alternative: &str) -> Failure {
    if events.is_empty() {
        let text = format!("nothing was recorded in replication {replication} of `{alternative}`");
        return Failure::hinted(text, "bastide explain events lists what there is to explain");
    }
    let near = [place.checked_sub(1), Some(place)].into_iter().flatten().filter_map(|at| events.get(at)).map(|event| event.seq.to_string());
    let near = near.collect::<Vec<_>>().join(" and ");
    let text = format!("replication {replication} of `{alternative}` has no event {seq}");
    Failure::hinted(text, format!("the nearest are {near}; bastide explain events lists what there is to explain"))
}

/// One history, ready to be told.
struct Told<'s> {
    study: &'s Study,
    events: &'s [EventFacts],
    losses: Vec<event::Loss>,
}

impl Told<'_> {
    fn loss(&self, at: usize) -> Option<&event::Loss> {
        self.losses.iter().find(|loss| loss.at == at)
    }

    /// Places of what an event caused.
    fn followers(&self, at: usize) -> impl Iterator<Item = usize> + '_ {
        let seq = self.events[at].seq;
        (at + 1..self.events.len()).filter(move |later| self.events[*later].cause_seq == Some(seq))
    }

    fn line(&self, at: usize, indent: usize) -> String {
        let x = &self.events[at];
        let mut text = format!(
            "{:>17}  #{:<6}{}{}",
            date::moment(&self.study.summary.scenario.start, x.time_h),
            x.seq,
            "  ".repeat(indent),
            event::what(&x.kind)
        );
        let parts = [(": ", folder::thing(self.study, &x.entity_kind, &x.entity)), (", ", event::value(x))];
        for (joint, part) in parts.into_iter().filter(|(_, part)| !part.is_empty()) {
            text += joint;
            text += &part;
        }
        if let Some(loss) = self.loss(at) {
            let hours = bastide_reports::number::plain("h", loss.harm_h);
            let until = match loss.restored_h {
                Some(hour) => format!("until {}", date::moment(&self.study.summary.scenario.start, hour)),
                None => "to the end".to_owned(),
            };
            text += &format!(", {until}: {hours} of the whole service");
        }
        text
    }

    /// Prints what followed, and what followed from that, until so many lines are full.
    fn print(&self, at: usize, depth: usize, lines: &mut usize, output: &Output) -> Result<(), Failure> {
        let followers: Vec<usize> = self.followers(at).collect();
        let mut shown = 0;
        for &next in followers.iter().take(WIDTH) {
            if *lines == 0 {
                break;
            }
            *lines -= 1;
            shown += 1;
            output.line(&format!("   {}", self.line(next, depth)))?;
            if depth + 1 < DEPTH {
                self.print(next, depth + 1, lines, output)?;
            }
        }
        if followers.len() > shown {
            output.line(&format!("   {}{} more", " ".repeat(27 + 2 * depth), followers.len() - shown))?;
        }
        Ok(())
    }

    fn json(&self, at: usize) -> Value {
        let x = &self.events[at];
        let kind = if x.entity_kind == "fleet" { "site" } else { &x.entity_kind };
        let mut value = json!({
            "time_h": x.time_h, "time": date::moment(&self.study.summary.scenario.start, x.time_h), "seq": x.seq, "cause_seq": x.cause_seq,
            "kind": x.kind, "what": event::what(&x.kind), "entity_kind": x.entity_kind, "entity": x.entity,
            "title": folder::title(self.study, kind, &x.entity), "value": x.value, "unit": event::unit(x), "note": x.note,
        });
        if let Some(loss) = self.loss(at) {
            value["restored_h"] = loss.restored_h.into();
            value["service_hours_lost"] = loss.harm_h.into();
        }
        value
    }

    /// Consequences of an event with their own, as far as they are shown to people, too; all of a step, however many.
    fn tree(&self, at: usize, depth: usize) -> Vec<Value> {
        let one = |next| {
            let mut value = self.json(next);
            if depth + 1 < DEPTH {
                value["consequences"] = self.tree(next, depth + 1).into();
            }
            value
        };
        self.followers(at).map(one).collect()
    }
}
