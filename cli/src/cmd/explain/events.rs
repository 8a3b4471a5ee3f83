//! `explain events`: what there is to explain, the worst first.

use bastide_reports::number::{plain, significant};
use bastide_reports::{date, event};
use bastide_sim::results::{EventFacts, Study};
use serde_json::json;

use super::folder;
use crate::args::{ExplainEvents, Format};
use crate::exit::Failure;
use crate::output::Output;

/// A row of the list.
struct Row {
    replication: u32,
    event: EventFacts,
    /// Hours of whole services that were lost because of it.
    harm_h: f64,
    /// Where its chain of causes begins, if not with itself.
    root: Option<EventFacts>,
}

pub fn run(input: &ExplainEvents, output: &Output) -> Result<(), Failure> {
    let study = folder::open(input.folder.as_deref(), input.case.as_deref(), output)?;
    let alternative = folder::alternative(&study, input.alternative.as_deref())?;
    let mut kinds: Vec<String> = Vec::new();
    let mut rows: Vec<Row> = Vec::new();
    let mut count = 0;
    let end = study.summary.scenario.duration_h;
    let read = study.for_each_history(|name, replication, events| {
        if name != alternative {
            return;
        }
        for event in events {
            if !kinds.contains(&event.kind) {
                kinds.push(event.kind.clone());
            }
        }
        if input.replication.is_some_and(|wanted| wanted != replication) {
            return;
        }
        let harm = harm(events, end);
        for (at, event) in events.iter().enumerate().filter(|(_, event)| event.kind == input.kind) {
            if input.entity.as_ref().is_some_and(|entity| *entity != event.entity) {
                continue;
            }
            count += 1;
            // Only those that can be among the worst are kept.
            if rows.len() < input.most || rows.last().is_some_and(|last| harm[at] > last.harm_h) {
                let root = event::chain(events, at).0.last().filter(|root| **root != at).map(|root| events[*root].clone());
                let place = rows.partition_point(|row| row.harm_h >= harm[at]);
                rows.insert(place, Row { replication, event: event.clone(), harm_h: harm[at], root });
                rows.truncate(input.most);
            }
        }
    });
    read.map_err(|error| Failure::of(&error))?;
    if !kinds.contains(&input.kind) && input.kind != "service-lost" {
        kinds.sort();
        return Err(folder::unknown("event of kind", &input.kind, &kinds.iter().map(String::as_str).collect::<Vec<_>>()));
    }
    if output.format == Format::Json {
        let list: Vec<_> = rows.iter().map(|row| row.json(&study)).collect();
        return output.json(
            "explain-events/1",
            &json!({
                "results": study.folder, "scenario": study.summary.scenario.name, "alternative": alternative, "kind": input.kind,
                "count": count, "events": list,
            }),
        );
    }
    if rows.is_empty() {
        output.line(&format!("no event of kind `{}` in `{alternative}`", input.kind))?;
        let cases = if input.case.is_none() { cases_with(&study, alternative, &input.kind)? } else { Vec::new() };
        if !cases.is_empty() {
            output.say(&format!("there are in the cases {}: add --case NAME", cases.join(", ")));
        }
        return Ok(());
    }
    let head = ["event", "when", "what", "where", "how much", "service hours lost", "began with"];
    let mut table: Vec<Vec<String>> = vec![head.map(str::to_owned).to_vec()];
    table.extend(rows.iter().map(|row| row.cells(&study)));
    for line in left(&table) {
        output.line(&line)?;
    }
    if count > rows.len() {
        output.say(&format!("the worst {} of {count}; --most shows more", rows.len()));
    }
    output.say(&format!("next: bastide explain event {}:{} {}", rows[0].replication, rows[0].event.seq, study.folder.display()));
    Ok(())
}

/// Cases of a study in which an alternative has events of a kind.
fn cases_with(study: &Study, alternative: &str, kind: &str) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    for name in folder::cases(study) {
        let case = folder::open_case(study, &name)?;
        let mut any = false;
        let read = case.for_each_history(|of, _, events| any |= of == alternative && events.iter().any(|event| event.kind == kind));
        read.map_err(|error| Failure::of(&error))?;
        if any {
            found.push(name);
        }
    }
    Ok(found)
}

/// Harm of each event: that of all losses whose chain of causes goes through it.
fn harm(events: &[EventFacts], end_h: f64) -> Vec<f64> {
    let mut harm = vec![0.0; events.len()];
    for loss in event::losses(events, end_h) {
        for at in event::chain(events, loss.at).0 {
            harm[at] += loss.harm_h;
        }
    }
    harm
}

impl Row {
    fn cells(&self, study: &Study) -> Vec<String> {
        let x = &self.event;
        let thing = |event: &EventFacts| folder::thing(study, &event.entity_kind, &event.entity);
        let root = self.root.as_ref().map_or_else(String::new, |root| format!("{}: {}", event::what(&root.kind), thing(root)));
        vec![
            format!("{}:{}", self.replication, x.seq),
            date::moment(&study.summary.scenario.start, x.time_h),
            event::what(&x.kind),
            thing(x),
            event::value(x),
            if self.harm_h > 0.0 { plain("h", self.harm_h) } else { significant(0.0, 1) },
            root,
        ]
    }

    fn json(&self, study: &Study) -> serde_json::Value {
        let x = &self.event;
        json!({
            "event": format!("{}:{}", self.replication, x.seq), "replication": self.replication, "seq": x.seq, "time_h": x.time_h,
            "time": date::moment(&study.summary.scenario.start, x.time_h), "kind": x.kind, "entity_kind": x.entity_kind, "entity": x.entity,
            "value": x.value, "unit": event::unit(x), "note": x.note, "service_hours_lost": self.harm_h,
            "root": self.root.as_ref().map(|root| json!({
                "seq": root.seq, "kind": root.kind, "entity_kind": root.entity_kind, "entity": root.entity,
            })),
        })
    }
}

/// Lines of a table with columns of equal width, all to the left.
fn left(table: &[Vec<String>]) -> Vec<String> {
    let columns = table.first().map_or(0, Vec::len);
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.chars().count())));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    table.iter().map(line).collect()
}
