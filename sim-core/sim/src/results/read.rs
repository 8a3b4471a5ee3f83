//! From a results folder back to memory, for reports and comparisons.

use std::path::{Path, PathBuf};

use super::schema::{
    ASSUMPTIONS, ENTITIES, EVENTS, METRICS, Manifest, RESULTS_FORMAT, SUMMARY_SCHEMA, Spread, Subject, Summary, TABLES, TIMELINE,
};
use super::table::{self, Cell};
use super::write::{MANIFEST, SUMMARY};
use super::{ResultsError, files};

/// A named thing of the scenario.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EntityFacts {
    /// `nation`, `bus`, `line`, `generator`, `storage`, `load`, `accelerator`, `site`, `link`, `dataset`, `service`,
    /// `campaign` or `hazard`.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Words for people.
    pub title: String,
    /// Its nation.
    pub nation: Option<String>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// One end of a line (bus) or link (`nation.x`, `site.y`); the bus of what hangs on one.
    pub from: Option<String>,
    /// The other end.
    pub to: Option<String>,
    /// Tier of a site, service or campaign.
    pub tier: Option<String>,
    /// Technology, operator, vendor, medium, model or kind of hazard.
    pub note: Option<String>,
    /// Whether a site stands already.
    pub existing: Option<bool>,
    /// Size: connection, capacity, demand.
    pub capacity: Option<f64>,
    /// Unit of `capacity`.
    pub capacity_unit: Option<String>,
}

/// Where a number of the scenario comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct AssumptionFacts {
    /// Path of the key.
    pub key: String,
    /// The value as written.
    pub value: String,
    /// Source in words.
    pub source: Option<String>,
    /// Whether the source was seen.
    pub verified: Option<bool>,
    /// File and line.
    pub place: String,
}

/// A channel of the timeline for one alternative.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// Alternative.
    pub alternative: String,
    /// What it is about.
    pub subject: Subject,
    /// Start of each bin \[h\].
    pub time_h: Vec<f64>,
    /// Mean, error and quantiles over replications in each bin.
    pub values: Vec<Spread>,
}

/// An event.
#[derive(Clone, Debug, PartialEq)]
pub struct EventFacts {
    /// When \[h\].
    pub time_h: f64,
    /// Number within its history.
    pub seq: i64,
    /// The event behind it.
    pub cause_seq: Option<i64>,
    /// What.
    pub kind: String,
    /// Kind of thing.
    pub entity_kind: String,
    /// Its name.
    pub entity: String,
    /// A number whose meaning depends on `kind`.
    pub value: f64,
    /// Words.
    pub note: String,
}

/// A finished study. What is small is in memory; metrics by replication and events are read when asked for.
#[derive(Clone, Debug)]
pub struct Study {
    /// The folder.
    pub folder: PathBuf,
    /// `manifest.toml`.
    pub manifest: Manifest,
    /// `summary.json`.
    pub summary: Summary,
    /// `entities.parquet`.
    pub entities: Vec<EntityFacts>,
    /// `assumptions.parquet`.
    pub assumptions: Vec<AssumptionFacts>,
    /// `timeline.parquet`.
    pub timeline: Vec<Channel>,
}

impl Study {
    /// Opens a results folder and checks every table against its hash.
    ///
    /// # Errors
    /// [`ResultsError`]: absent, unfinished, damaged, or newer than this program.
    pub fn open(folder: &Path) -> Result<Self, ResultsError> {
        let manifest = manifest(folder)?;
        if !manifest.complete {
            return Err(ResultsError::Unfinished(folder.to_path_buf()));
        }
        for def in TABLES {
            check(folder, &manifest, &def.file())?;
        }
        let text = check(folder, &manifest, SUMMARY)?;
        let path = folder.join(SUMMARY);
        let summary: Summary = serde_json::from_slice(&text).map_err(|error| ResultsError::corrupt(&path, error))?;
        if summary.schema != SUMMARY_SCHEMA {
            return Err(ResultsError::corrupt(&path, format!("schema `{}` is not known", summary.schema)));
        }
        let mut study =
            Self { folder: folder.to_path_buf(), manifest, summary, entities: Vec::new(), assumptions: Vec::new(), timeline: Vec::new() };
        study.entities = study.read_entities()?;
        study.assumptions = study.read_assumptions()?;
        study.timeline = study.read_timeline()?;
        Ok(study)
    }

    fn read(&self, def: &table::TableDef, visit: impl FnMut(&[Cell<'_>]) -> Result<(), String>) -> Result<(), ResultsError> {
        table::read(&self.folder, def, &self.manifest.fingerprint, visit)
    }

    fn read_entities(&self) -> Result<Vec<EntityFacts>, ResultsError> {
        let mut rows = Vec::new();
        self.read(&ENTITIES, |row| {
            let text = |at: usize| row[at].text().map(str::to_string);
            rows.push(EntityFacts {
                kind: required(row, 0)?,
                name: required(row, 1)?,
                title: required(row, 2)?,
                nation: text(3),
                latitude: row[4].number(),
                longitude: row[5].number(),
                from: text(6),
                to: text(7),
                tier: text(8),
                note: text(9),
                existing: row[10].flag(),
                capacity: row[11].number(),
                capacity_unit: text(12),
            });
            Ok(())
        })?;
        Ok(rows)
    }

    fn read_assumptions(&self) -> Result<Vec<AssumptionFacts>, ResultsError> {
        let mut rows = Vec::new();
        self.read(&ASSUMPTIONS, |row| {
            let source = row[2].text().map(str::to_string);
            let (key, value, place) = (required(row, 0)?, required(row, 1)?, required(row, 4)?);
            rows.push(AssumptionFacts { key, value, source, verified: row[3].flag(), place });
            Ok(())
        })?;
        Ok(rows)
    }

    fn read_timeline(&self) -> Result<Vec<Channel>, ResultsError> {
        let n = self.summary.replications;
        let mut channels: Vec<Channel> = Vec::new();
        self.read(&TIMELINE, |row| {
            let number = |at: usize| row[at].number().ok_or_else(|| "a number is missing".to_string());
            if row[5].integer() == Some(0) {
                let subject = Subject {
                    entity_kind: required(row, 1)?,
                    entity: required(row, 2)?,
                    metric: required(row, 3)?,
                    unit: required(row, 4)?,
                };
                channels.push(Channel { alternative: required(row, 0)?, subject, time_h: Vec::new(), values: Vec::new() });
            }
            let channel = channels.last_mut().ok_or("the first bin is missing")?;
            channel.time_h.push(number(6)?);
            let (p05, p50, p95) = (number(9)?, number(10)?, number(11)?);
            channel.values.push(Spread { mean: number(7)?, stderr: row[8].number(), n, p05, p50, p95, cvar95: None });
            Ok(())
        })?;
        Ok(channels)
    }

    /// Estimate of a metric; `None` if the study does not have it.
    #[must_use]
    pub fn estimate(&self, alternative: &str, entity_kind: &str, entity: &str, metric: &str) -> Option<&Spread> {
        self.fact(alternative, entity_kind, entity, metric).map(|fact| &fact.estimate)
    }

    /// Difference to the reference on the same draws; `None` for the reference itself.
    #[must_use]
    pub fn difference(&self, alternative: &str, entity_kind: &str, entity: &str, metric: &str) -> Option<&Spread> {
        self.fact(alternative, entity_kind, entity, metric).and_then(|fact| fact.difference.as_ref())
    }

    fn fact(&self, alternative: &str, entity_kind: &str, entity: &str, metric: &str) -> Option<&super::schema::EstimateFacts> {
        self.summary.estimates.iter().find(|fact| {
            let subject = &fact.subject;
            fact.alternative == alternative && subject.entity_kind == entity_kind && subject.entity == entity && subject.metric == metric
        })
    }

    /// A channel of the timeline.
    #[must_use]
    pub fn channel(&self, alternative: &str, entity_kind: &str, entity: &str, metric: &str) -> Option<&Channel> {
        self.timeline.iter().find(|channel| {
            let subject = &channel.subject;
            channel.alternative == alternative && subject.entity_kind == entity_kind && subject.entity == entity && subject.metric == metric
        })
    }

    /// Values of a metric by replication, for several metrics `(entity_kind, entity, metric)` at once and every alternative:
    /// `[metric][alternative][replication]`.
    ///
    /// # Errors
    /// [`ResultsError`] if the table cannot be read.
    pub fn values(&self, wanted: &[(&str, &str, &str)]) -> Result<Vec<Vec<Vec<f64>>>, ResultsError> {
        let mut values = vec![vec![Vec::new(); self.summary.alternatives.len()]; wanted.len()];
        self.read(&METRICS, |row| {
            let text = |at: usize| row[at].text().unwrap_or_default();
            let Some(at) = wanted.iter().position(|x| *x == (text(1), text(2), text(3))) else { return Ok(()) };
            let alternative = self.summary.alternatives.iter().position(|x| x.name == text(0)).ok_or("unknown alternative")?;
            values[at][alternative].push(row[6].number().unwrap_or(f64::NAN));
            Ok(())
        })?;
        Ok(values)
    }

    /// Shows the events of each history that has any to `visit(alternative, replication, events)`, in order, one history in
    /// memory at a time.
    ///
    /// # Errors
    /// [`ResultsError`] if the table cannot be read.
    pub fn for_each_history(&self, mut visit: impl FnMut(&str, u32, &[EventFacts])) -> Result<(), ResultsError> {
        let mut events: Vec<EventFacts> = Vec::new();
        let mut current: (String, u32) = Default::default();
        self.read(&EVENTS, |row| {
            let alternative = row[0].text().unwrap_or_default();
            let replication = row[1].integer().and_then(|x| u32::try_from(x).ok()).ok_or("a replication is missing")?;
            if (current.0.as_str(), current.1) != (alternative, replication) {
                if !events.is_empty() {
                    visit(&current.0, current.1, &events);
                }
                events.clear();
                current = (alternative.to_string(), replication);
            }
            events.push(EventFacts {
                time_h: row[2].number().unwrap_or_default(),
                seq: row[3].integer().unwrap_or_default(),
                cause_seq: row[4].integer(),
                kind: required(row, 5)?,
                entity_kind: required(row, 6)?,
                entity: required(row, 7)?,
                value: row[8].number().unwrap_or_default(),
                note: row[9].text().unwrap_or_default().to_string(),
            });
            Ok(())
        })?;
        if !events.is_empty() {
            visit(&current.0, current.1, &events);
        }
        Ok(())
    }
}

fn required(row: &[Cell<'_>], at: usize) -> Result<String, String> {
    row[at].text().map(str::to_string).ok_or_else(|| "a word is missing".to_string())
}

/// Reads the manifest and refuses newer formats.
pub(super) fn manifest(folder: &Path) -> Result<Manifest, ResultsError> {
    let path = folder.join(MANIFEST);
    let text = files::read_text(&path)?;
    let broken = |error: toml::de::Error| ResultsError::corrupt(&path, error.message());
    // The version alone first: a newer manifest may have any fields.
    let table: toml::Table = toml::from_str(&text).map_err(broken)?;
    let found = table.get("results_format").and_then(toml::Value::as_integer).and_then(|version| u32::try_from(version).ok());
    match found {
        None => Err(ResultsError::corrupt(&path, "it has no `results_format`")),
        Some(found) if found > RESULTS_FORMAT => Err(ResultsError::Newer { path, found, known: RESULTS_FORMAT }),
        Some(_) => toml::from_str(&text).map_err(broken),
    }
}

/// Reads a file and compares it with its hash in the manifest.
fn check(folder: &Path, manifest: &Manifest, name: &str) -> Result<Vec<u8>, ResultsError> {
    let path = folder.join(name);
    let bytes = files::read(&path)?;
    let known = manifest.output.iter().find(|output| output.path == name);
    match known {
        Some(output) if output.blake3 == blake3::hash(&bytes).to_hex().as_str() => Ok(bytes),
        Some(_) => Err(ResultsError::corrupt(&path, "it was changed since it was written")),
        None => Err(ResultsError::corrupt(&path, "the manifest does not list it")),
    }
}
