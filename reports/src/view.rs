//! What the report says, computed from a study; the templates only arrange it.

mod adequacy;
mod answer;
mod cases;
mod charts;
mod comparison;
mod incidents;
mod next;
mod places;
mod planning;
mod plans;
pub(crate) mod words;

use bastide_engine::Estimate;
use bastide_sim::results::{AlternativeFacts, Spread, Study};
use serde::Serialize;

use crate::number::{self, Scale};
use crate::{ReportError, date};

pub use adequacy::Adequacy;
pub use answer::{Answer, Card};
pub use cases::{Cases, Group};
pub use comparison::Comparison;
pub use planning::{Planned, Planning};
pub use words::metric_words;

/// A table.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// Column heads; the first column holds row heads.
    pub head: Vec<String>,
    /// Whether each column holds numbers.
    pub numeric: Vec<bool>,
    /// Rows.
    pub rows: Vec<Row>,
    /// Words below.
    pub note: String,
}

/// A row.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Row {
    /// `group`, `total` or nothing.
    pub kind: &'static str,
    /// Cells, the head first.
    pub cells: Vec<Cell>,
}

/// A cell.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Cell {
    /// Text.
    pub text: String,
    /// Smaller text below.
    pub sub: String,
    /// `best`, `tied` or nothing.
    pub mark: &'static str,
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}
impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        text.to_string().into()
    }
}

impl Table {
    /// An empty table; columns whose head begins with `#` hold numbers.
    pub(crate) fn new(caption: impl Into<String>, head: &[&str]) -> Self {
        Self {
            caption: caption.into(),
            numeric: head.iter().map(|word| word.starts_with('#')).collect(),
            head: head.iter().map(|word| word.trim_start_matches('#').to_string()).collect(),
            ..Self::default()
        }
    }

    pub(crate) fn push(&mut self, cells: Vec<Cell>) {
        self.rows.push(Row { kind: "", cells });
    }

    pub(crate) fn group(&mut self, words: &str) {
        self.rows.push(Row { kind: "group", cells: vec![words.into()] });
    }

    pub(crate) fn total(&mut self, cells: Vec<Cell>) {
        self.rows.push(Row { kind: "total", cells });
    }
}

/// A drawing with its words and its numbers.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figure {
    /// Title.
    pub title: String,
    /// How to read it.
    pub caption: String,
    /// The drawing, made by this crate; names in it are escaped.
    pub svg: String,
    /// Its numbers.
    pub table: Option<Table>,
    /// Where they come from.
    pub source: String,
}

/// Name and colour of a series.
#[derive(Clone, Debug, Serialize)]
pub struct Key {
    /// Words.
    pub label: String,
    /// Colour.
    pub colour: usize,
}

/// A line of the list of what to do.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// What and why.
    pub text: String,
    /// The command, if one helps.
    pub command: String,
}

/// A heading with its tables: one alternative's plan, one history.
#[derive(Clone, Debug, Serialize)]
pub struct Part {
    /// Heading.
    pub title: String,
    /// Sentences.
    pub text: Vec<String>,
    /// Tables.
    pub tables: Vec<Table>,
}

/// Everything on the page.
#[derive(Clone, Debug, Serialize)]
pub struct View {
    /// Who publishes it.
    pub letterhead: String,
    /// Title.
    pub title: String,
    /// Words under the title.
    pub summary: String,
    /// Question.
    pub question: String,
    /// Period, replications, price year.
    pub frame: String,
    /// Answer.
    pub answer: Answer,
    /// Questions of the scenario, answered.
    pub questions: Vec<Part>,
    /// The scenario under other assumptions; absent without cases.
    pub cases: Option<Cases>,
    /// Warnings.
    pub warnings: Vec<String>,
    /// Alternatives and their colours.
    pub legend: Vec<Key>,
    /// Alternatives by metrics.
    pub comparison: Table,
    /// Maps, the reference first.
    pub maps: Vec<Figure>,
    /// Served share by tier.
    pub survival: Vec<Figure>,
    /// Every metric of the tiers.
    pub tiers: Table,
    /// Training.
    pub training: Vec<Figure>,
    /// Campaigns.
    pub campaigns: Table,
    /// Cost.
    pub cost: Vec<Figure>,
    /// Colours of the lines of cost.
    pub cost_legend: Vec<Key>,
    /// Carbon and water.
    pub environment: Vec<Figure>,
    /// Sovereignty and concentration.
    pub sovereignty: Table,
    /// Operators and vendors.
    pub dependencies: Table,
    /// Effect on other users of the grid, by zone.
    pub grid: Table,
    /// Adequacy of the grid; absent for results of an older version.
    pub adequacy: Option<Adequacy>,
    /// What binds, in sentences, by alternative.
    pub prices: Vec<Part>,
    /// Plans by alternative.
    pub plans: Vec<Part>,
    /// What the planner says of them; absent where it left nothing.
    pub planning: Option<Planning>,
    /// Causes of loss over all histories.
    pub causes: Vec<Table>,
    /// The median and the worst history by alternative.
    pub histories: Vec<Part>,
    /// What to do next.
    pub next: Vec<Step>,
    /// Assumptions.
    pub assumptions: Table,
    /// Their tally.
    pub assumptions_text: String,
    /// Conservation.
    pub balance: Table,
    /// Meaning of the metrics.
    pub glossary: Vec<(String, String)>,
    /// Program, seed, replications, fingerprint.
    pub fingerprint: String,
    /// Program and version.
    pub program: String,
    /// Seed.
    pub seed: u64,
    /// Replications.
    pub replications: u32,
    /// The command that repeats the study.
    pub command: String,
    /// Files read, with hashes.
    pub inputs: Table,
}

/// A study with what several sections need.
pub(crate) struct Facts<'a> {
    pub study: &'a Study,
    pub alternatives: &'a [AlternativeFacts],
    pub comparison: Comparison,
    pub incidents: incidents::Incidents,
}

impl<'a> Facts<'a> {
    fn of(study: &'a Study) -> Result<Self, ReportError> {
        Ok(Self {
            study,
            alternatives: &study.summary.alternatives,
            comparison: Comparison::of(study)?,
            incidents: incidents::Incidents::of(study)?,
        })
    }

    /// Title of an entity; its name if it is unknown.
    pub fn title(&self, kind: &str, name: &str) -> String {
        let entity = self.study.entities.iter().find(|x| x.kind == kind && x.name == name);
        entity.map_or_else(|| name.to_string(), |x| x.title.clone())
    }

    pub fn estimate(&self, alternative: usize, kind: &str, entity: &str, metric: &str) -> Option<&'a Spread> {
        self.study.estimate(&self.alternatives[alternative].name, kind, entity, metric)
    }

    /// Names of a kind of entity that have a metric, in order.
    pub fn entities(&self, kind: &str, metric: &str) -> Vec<&'a str> {
        let reference = &self.study.summary.reference;
        let facts = self.study.summary.estimates.iter();
        let wanted = |x: &&bastide_sim::results::EstimateFacts| {
            x.alternative == *reference && x.subject.entity_kind == kind && x.subject.metric == metric
        };
        facts.filter(wanted).map(|x| x.subject.entity.as_str()).collect()
    }

    pub fn unit(&self, kind: &str, metric: &str) -> &'a str {
        let known = self.study.summary.metrics.iter().find(|x| x.entity_kind == kind && x.metric == metric);
        known.map_or("", |x| x.unit.as_str())
    }

    /// One scale for a metric over all alternatives and some entities.
    pub fn scale(&self, kind: &str, entities: &[&str], metric: &str) -> Scale {
        let mut largest = 0.0_f64;
        for alternative in 0..self.alternatives.len() {
            for entity in entities {
                largest = largest.max(self.estimate(alternative, kind, entity, metric).map_or(0.0, |x| x.mean.abs()));
            }
        }
        Scale::of(self.unit(kind, metric), largest)
    }

    /// A row of `value ± error` by alternative.
    pub fn value_cells(&self, kind: &str, entity: &str, metric: &str, scale: &Scale) -> Vec<Cell> {
        (0..self.alternatives.len())
            .map(|index| {
                let estimate = self.estimate(index, kind, entity, metric);
                estimate.map_or_else(|| "\u{2013}".into(), |x| scale.value(x.mean, x.stderr).into())
            })
            .collect()
    }

    /// Column heads: a word, then the alternatives' titles.
    pub fn heads(&self, first: &str) -> (Vec<String>, Vec<bool>) {
        let mut head = vec![first.to_string()];
        head.extend(self.alternatives.iter().map(|x| x.title.clone()));
        let mut numeric = vec![true; head.len()];
        numeric[0] = false;
        (head, numeric)
    }

    pub fn table(&self, caption: impl Into<String>, first: &str) -> Table {
        let (head, numeric) = self.heads(first);
        Table { caption: caption.into(), head, numeric, ..Table::default() }
    }

    /// `365 days`.
    pub fn period(&self) -> String {
        let hours = self.study.summary.scenario.duration_h;
        if hours >= 48.0 {
            format!("{} days", number::significant(hours / 24.0, 4))
        } else {
            format!("{} hours", number::significant(hours, 4))
        }
    }
}

/// Whether a difference exceeds what chance explains: twice its standard error.
pub(crate) fn is_clear(difference: &Estimate) -> bool {
    let error = difference.stderr.unwrap_or(f64::INFINITY);
    difference.mean != 0.0 && difference.mean.abs() >= 2.0 * error
}

impl View {
    /// Computes the page.
    ///
    /// # Errors
    /// [`ReportError`] if a table of the study cannot be read or a chart cannot be drawn.
    pub fn of(study: &Study) -> Result<Self, ReportError> {
        let facts = Facts::of(study)?;
        let summary = &study.summary;
        let scenario = &summary.scenario;
        let until = date::after(&scenario.start, scenario.duration_h - 1.0);
        let frame = format!(
            "{} to {until} · {} simulated histories for each alternative · prices of {}",
            date::after(&scenario.start, 0.0),
            summary.replications,
            scenario.price_year
        );
        let (assumptions, assumptions_text) = plans::assumptions(&facts);
        Ok(Self {
            letterhead: scenario.letterhead.clone().unwrap_or_default(),
            title: scenario.title.clone(),
            summary: scenario.summary.clone().unwrap_or_default(),
            question: scenario.question.clone(),
            frame,
            answer: answer::answer(&facts),
            questions: cases::questions(&facts),
            cases: cases::cases(&facts)?,
            warnings: answer::warnings(&facts),
            legend: facts.alternatives.iter().enumerate().map(|(colour, x)| Key { label: x.title.clone(), colour }).collect(),
            comparison: facts.comparison.table(&facts, "Alternatives compared"),
            tiers: Comparison::tiers(study)?.table(&facts, "Service by tier"),
            maps: places::maps(&facts),
            survival: charts::survival(&facts)?,
            training: charts::training(&facts)?,
            campaigns: charts::campaigns(&facts),
            cost: charts::cost(&facts)?,
            cost_legend: charts::cost_legend(&facts),
            environment: charts::environment(&facts)?,
            sovereignty: charts::sovereignty(&facts),
            dependencies: plans::dependencies(&facts),
            grid: charts::grid(&facts),
            adequacy: adequacy::adequacy(&facts)?,
            prices: plans::prices(&facts),
            plans: plans::plans(&facts),
            planning: planning::planning(&facts)?,
            causes: facts.incidents.causes(&facts),
            histories: facts.incidents.histories(&facts),
            next: next::steps(&facts),
            assumptions,
            assumptions_text,
            balance: plans::balance(&facts),
            glossary: words::glossary(study),
            fingerprint: summary.fingerprint.clone(),
            program: summary.program.clone(),
            seed: summary.seed,
            replications: summary.replications,
            command: summary.command.clone(),
            inputs: plans::inputs(&facts),
        })
    }
}
