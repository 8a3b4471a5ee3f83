//! What went wrong: losses of service traced back to their causes.
//!
//! A loss is the time from `service-lost` to the next `service-restored` of that service; its harm is (1 - share served then) times
//! that time: hours of the whole service. It is booked on the first event of its chain of causes.

use std::collections::BTreeMap;

use bastide_engine::Estimate;
use bastide_sim::results::{EventFacts, Study};

use super::{Cell, Facts, Part, Table, words};
use crate::event::{self, Loss};
use crate::number::{self, Scale};
use crate::{ReportError, date};

/// Stands for losses without a cause among the events.
const SHORTAGE: &str = "demand-above-the-capacity-left";
/// Rows of a table of one history or of causes.
const ROWS: usize = 6;

/// A first event with what followed from it.
#[derive(Clone, Debug)]
struct Episode {
    time_h: f64,
    cause: Cause,
    /// Whole-service hours lost.
    harm: f64,
    services: Vec<String>,
    sites: Vec<String>,
}

/// Kind of event, kind of entity, entity.
type Cause = (String, String, String);
/// Harm by cause and replication.
type Causes = BTreeMap<Cause, BTreeMap<u32, f64>>;

/// A history that is shown in full.
#[derive(Clone, Debug)]
struct Shown {
    title: &'static str,
    replication: u32,
    /// Share of demand.
    served: f64,
    episodes: Vec<Episode>,
}

/// All losses of a study.
#[derive(Debug, Default)]
pub(crate) struct Incidents {
    /// By alternative.
    roots: Vec<Causes>,
    /// The thing nearest to the loss: by alternative.
    assets: Vec<Causes>,
    /// Histories shown, by alternative.
    shown: Vec<Vec<Shown>>,
}

impl Incidents {
    pub fn of(study: &Study) -> Result<Self, ReportError> {
        let alternatives = &study.summary.alternatives;
        let mut incidents =
            Self { roots: vec![Causes::new(); alternatives.len()], assets: vec![Causes::new(); alternatives.len()], shown: Vec::new() };
        let served = study.values(&[("system", "all", "served_share")])?;
        for values in served.into_iter().flatten() {
            let mut order: Vec<usize> = (0..values.len()).collect();
            order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
            let mut shown = Vec::new();
            if let (Some(worst), Some(median)) = (order.first(), order.get(order.len() / 2)) {
                for (title, at) in [("Median history", *median), ("Worst history", *worst)] {
                    shown.push(Shown { title, replication: at as u32, served: values[at], episodes: Vec::new() });
                }
            }
            incidents.shown.push(shown);
        }
        incidents.shown.resize(alternatives.len(), Vec::new());
        let end = study.summary.scenario.duration_h;
        study.for_each_history(|name, replication, events| {
            let Some(index) = alternatives.iter().position(|x| x.name == name) else { return };
            let episodes = incidents.book(index, replication, events, end);
            for shown in incidents.shown[index].iter_mut().filter(|shown| shown.replication == replication) {
                shown.episodes.clone_from(&episodes);
            }
        })?;
        Ok(incidents)
    }

    fn book(&mut self, index: usize, replication: u32, events: &[EventFacts], end: f64) -> Vec<Episode> {
        let by_seq: BTreeMap<i64, &EventFacts> = events.iter().map(|event| (event.seq, event)).collect();
        let mut episodes: BTreeMap<i64, Episode> = BTreeMap::new();
        for Loss { at, harm_h: harm, .. } in event::losses(events, end) {
            let lost = &events[at];
            let cause = |event: &EventFacts| event.cause_seq.and_then(|seq| by_seq.get(&seq)).copied();
            let mut sites = Vec::new();
            let (mut root, mut asset) = (lost, None);
            // Causes are earlier events, so the chain ends; the bound is for files that say otherwise.
            for _ in 0..events.len() {
                let Some(next) = cause(root) else { break };
                root = next;
                // The thing nearest to the loss that can be protected.
                if asset.is_none() && matches!(root.entity_kind.as_str(), "site" | "line" | "link" | "generator" | "dataset") {
                    asset = Some(root);
                }
                if root.entity_kind == "site" {
                    sites.push(root.entity.clone());
                }
            }
            let key = |event: &EventFacts| match event.kind.as_str() {
                // Nothing happened at that moment: demand rose above what was left.
                "service-lost" => (SHORTAGE.to_string(), String::new(), String::new()),
                _ => (event.kind.clone(), event.entity_kind.clone(), event.entity.clone()),
            };
            *self.roots[index].entry(key(root)).or_default().entry(replication).or_default() += harm;
            if let Some(asset) = asset {
                *self.assets[index].entry(key(asset)).or_default().entry(replication).or_default() += harm;
            }
            let episode = episodes.entry(root.seq).or_insert_with(|| Episode {
                time_h: root.time_h,
                cause: key(root),
                harm: 0.0,
                services: Vec::new(),
                sites: Vec::new(),
            });
            episode.harm += harm;
            episode.services.push(lost.entity.clone());
            episode.sites.append(&mut sites);
        }
        let mut episodes: Vec<Episode> = episodes.into_values().collect();
        for episode in &mut episodes {
            for list in [&mut episode.services, &mut episode.sites] {
                list.sort();
                list.dedup();
            }
        }
        // By harm, ties by time: the order of `into_values` is that of happening, and the sort is stable.
        episodes.sort_by(|a, b| b.harm.total_cmp(&a.harm));
        episodes
    }

    /// Causes by mean harm: (words, estimate, share of histories).
    fn ranked(facts: &Facts<'_>, causes: &Causes) -> Vec<(String, Estimate, f64)> {
        let n = facts.study.summary.replications as usize;
        let mut ranked = Vec::new();
        for (cause, harm) in causes {
            let mut values = vec![0.0; n];
            for (replication, harm) in harm {
                if let Some(value) = values.get_mut(*replication as usize) {
                    *value = *harm;
                }
            }
            let Some(estimate) = Estimate::of(&values) else { continue };
            ranked.push((cause_words(facts, cause), estimate, harm.len() as f64 / n as f64));
        }
        ranked.sort_by(|a, b| b.1.mean.total_cmp(&a.1.mean));
        ranked
    }

    /// The largest first cause and the most harmful single thing of an alternative.
    pub fn largest(&self, facts: &Facts<'_>, index: usize) -> [Option<(String, Estimate, f64)>; 2] {
        [&self.roots[index], &self.assets[index]].map(|causes| Self::ranked(facts, causes).into_iter().next())
    }

    /// Causes of all losses, a table for each alternative.
    pub fn causes(&self, facts: &Facts<'_>) -> Vec<Table> {
        (facts.alternatives.iter().zip(&self.roots))
            .filter(|(_, causes)| !causes.is_empty())
            .map(|(alternative, causes)| {
                let caption = format!("{}: first causes of lost service, over all histories", alternative.title);
                let head = ["First cause", "#Service hours lost per history", "#Histories hit [%]"];
                let mut table = Table::new(caption, &head);
                let scale = Scale::of("h", 1.0);
                for (words, estimate, share) in Self::ranked(facts, causes).into_iter().take(ROWS) {
                    let harm = scale.value(estimate.mean, estimate.stderr);
                    table.push(vec![words.into(), harm.into(), number::significant(100.0 * share, 2).into()]);
                }
                table
            })
            .collect()
    }

    /// The median and the worst history of each alternative.
    pub fn histories(&self, facts: &Facts<'_>) -> Vec<Part> {
        let start = &facts.study.summary.scenario.start;
        (facts.alternatives.iter().zip(&self.shown))
            .map(|(alternative, shown)| {
                let mut tables = Vec::new();
                for Shown { title, replication, served, episodes } in shown {
                    let caption = format!("{title} (replication {replication}): {} of demand served", number::plain("1", *served));
                    let mut table = Table::new(caption, &["When", "What", "Sites", "Services", "#Service hours lost"]);
                    for x in episodes.iter().take(ROWS) {
                        let titles = |kind: &str, names: &[String]| names.iter().map(|name| facts.title(kind, name)).collect::<Vec<_>>();
                        table.push(vec![
                            date::after(start, x.time_h).into(),
                            cause_words(facts, &x.cause).into(),
                            words::list(&titles("site", &x.sites), 3).into(),
                            words::list(&titles("service", &x.services), 3).into(),
                            number::significant(x.harm, 3).into(),
                        ]);
                    }
                    if episodes.is_empty() {
                        table.push(vec![Cell::from("\u{2013}"), "No service was lost".into(), "".into(), "".into(), "0".into()]);
                    }
                    tables.push(table);
                }
                Part { title: alternative.title.clone(), text: Vec::new(), tables }
            })
            .collect()
    }
}

fn cause_words(facts: &Facts<'_>, (kind, entity_kind, entity): &Cause) -> String {
    let what = event::what(kind);
    if entity.is_empty() { what } else { format!("{what}: {}", facts.title(entity_kind, entity)) }
}
