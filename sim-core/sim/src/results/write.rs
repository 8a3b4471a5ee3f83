//! From histories to a results folder.

use std::fs::{self, File, TryLockError};
use std::ops::Range;
use std::path::{Path, PathBuf};

use bastide_engine::{Estimate, cvar};
use bastide_model::model::{Case, Model};
use bastide_model::plan::Plan;

use super::chunk::{ChunkStore, Shape};
use super::schema::{
    ASSUMPTIONS, AdequacyFacts, AlternativeFacts, ENTITIES, ESTIMATES, EVENTS, EstimateFacts, Headline, InputFacts, LawFacts, METRICS,
    Manifest, MetricFacts, OutputFacts, PAIRED, RESULTS_FORMAT, RunFacts, SUMMARY_SCHEMA, SolverFacts, Spread, Subject, Summary, TIMELINE,
};
use super::table::{Cell, TableWriter};
use super::{ResultsError, Study, cases, entities, files, fingerprint};
use crate::record::{Better, History, Layout, entity_name};

const PARTIAL: &str = "partial";
pub(super) const MANIFEST: &str = "manifest.toml";
pub(super) const SUMMARY: &str = "summary.json";

/// Metrics of the headline, for the system or each tier.
const HEADLINE: &[(&str, &str)] = &[
    ("system", "served_share"),
    ("tier", "served_share"),
    ("system", "training_progress"),
    ("system", "training_goodput"),
    ("cost", "cost"),
    ("system", "cost_per_mtokens"),
    ("system", "co2"),
    ("system", "others_unserved"),
    ("system", "effective_sovereignty"),
];

/// Makes the column of cost per tokens one whose mean is expected cost over expected tokens, with the error of that ratio.
///
/// The mean of the histories' own ratios says nothing where a history serves next to no token. Each value becomes
/// `r + (cost - r tokens) / mean tokens`, `r` the ratio of the means: the linearisation of the delta method (Cochran 1977, Sampling
/// Techniques, section 2.11), which mean, error and paired differences then follow without a special case.
fn linearise_cost(layout: &Layout, columns: &mut [Vec<f64>]) {
    let find = |kind, entity, metric| layout.find(kind, entity, metric);
    let (Some(at), Some(tokens)) = (find("system", "all", "cost_per_mtokens"), find("system", "all", "tokens_served")) else { return };
    let lines: Vec<usize> = ["capital", "upkeep", "energy"].into_iter().filter_map(|line| find("cost", line, "cost")).collect();
    let cost: Vec<f64> = (0..columns[at].len()).map(|history| lines.iter().map(|line| columns[*line][history]).sum()).collect();
    let served: f64 = columns[tokens].iter().sum();
    // Without a token there is no ratio; the histories' own noughts stay.
    if served > 0.0 {
        let (ratio, mean) = (cost.iter().sum::<f64>() / served, served / cost.len() as f64);
        columns[at] = cost.iter().zip(&columns[tokens]).map(|(cost, tokens)| ratio + (cost - ratio * tokens) / mean).collect();
    }
}

/// A plan to be simulated.
#[derive(Clone, Copy, Debug)]
pub struct AlternativeMeta<'a> {
    /// Name; a word.
    pub name: &'a str,
    /// Words for people.
    pub title: &'a str,
    /// The plan.
    pub plan: &'a Plan,
    /// The same as a plan file.
    pub file: &'a str,
}

/// What a study consists of.
#[derive(Clone, Copy, Debug)]
pub struct StudyMeta<'a> {
    /// Scenario.
    pub model: &'a Model,
    /// Overrides of the command line.
    pub sets: &'a [String],
    /// Random seed.
    pub seed: u64,
    /// Replications of each alternative.
    pub replications: u32,
    /// Alternatives; the first is the reference of all differences.
    pub alternatives: &'a [AlternativeMeta<'a>],
    /// Version of the program.
    pub version: &'a str,
    /// The command that repeats the study.
    pub command: &'a str,
    /// What the planner should know before trusting it.
    pub warnings: &'a [String],
    /// The case that this is, if it is one: its folder lies below that of its study, which holds the inputs.
    pub case: Option<&'a Case>,
    /// Cases that belong to the study, with their replications; those that change nothing, too.
    pub cases: &'a [(&'a str, u32)],
    /// The machine and the day, as far as known at the start; for the manifest only.
    pub run: &'a RunFacts,
}

/// A results folder under way.
#[derive(Debug)]
pub struct StudyWriter<'a> {
    meta: StudyMeta<'a>,
    folder: PathBuf,
    layout: Layout,
    program: String,
    manifest: Manifest,
    chunks: ChunkStore,
    /// Held until the writer is dropped.
    _lock: Option<File>,
}

impl<'a> StudyWriter<'a> {
    /// Starts a results folder, or goes on with one that the same study left unfinished.
    ///
    /// # Errors
    /// [`ResultsError`]; a folder that holds anything else is left as it is.
    pub fn create(folder: &Path, meta: &StudyMeta<'a>) -> Result<Self, ResultsError> {
        let plans: Vec<(&str, &str)> = meta.alternatives.iter().map(|x| (x.name, x.file)).collect();
        if plans.is_empty() || meta.replications == 0 {
            return Err(ResultsError::Mismatch("a study needs an alternative and a replication".to_string()));
        }
        // TOML, which the manifest is written in, has no greater integers.
        if i64::try_from(meta.seed).is_err() {
            return Err(ResultsError::Mismatch(format!("the seed is greater than {}: {}", i64::MAX, meta.seed)));
        }
        let word = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if let Some((name, _)) = plans.iter().find(|(name, _)| !word(name)) {
            return Err(ResultsError::Mismatch(format!("the name of an alternative is not a word: {name}")));
        }
        let mut sets = meta.sets.to_vec();
        sets.extend(meta.cases.iter().map(|(name, replications)| format!("case {name}, {replications} histories")));
        let print = fingerprint(&meta.model.inputs, &sets, meta.seed, meta.replications, &plans, meta.version);
        let resumed = check_folder(folder, &print)?;
        let partial = folder.join(PARTIAL);
        files::create_folder(&partial)?;
        let lock = lock(folder, &partial)?;
        let layout = Layout::new(meta.model);
        let chunks = ChunkStore::open(&partial, &print, Shape::of(&layout), meta.alternatives.len())?;
        let program = format!("bastide {}", meta.version);
        let manifest = manifest(meta, print, &program);
        let mut writer = Self { meta: *meta, folder: folder.to_path_buf(), layout, program, manifest, chunks, _lock: lock };
        if !resumed {
            // The manifest comes first: from now on the folder is known as ours.
            writer.write_manifest()?;
        }
        writer.write_inputs()?;
        Ok(writer)
    }

    /// The study's fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.manifest.fingerprint
    }

    /// The layout of every history.
    #[must_use]
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Replications that are on disk, in order, neighbours joined.
    #[must_use]
    pub fn completed(&self, alternative: usize) -> Vec<Range<u32>> {
        self.chunks.completed(alternative)
    }

    /// Replications that are still to run, in order.
    #[must_use]
    pub fn missing(&self, alternative: usize) -> Vec<Range<u32>> {
        let mut from = 0;
        let mut missing = Vec::new();
        for range in self.completed(alternative) {
            if from < range.start {
                missing.push(from..range.start);
            }
            from = range.end;
        }
        if from < self.meta.replications {
            missing.push(from..self.meta.replications);
        }
        missing
    }

    /// Puts histories of an alternative on disk. Their order does not matter; each run of neighbours becomes a file.
    ///
    /// # Errors
    /// [`ResultsError`]; what was written before stays.
    pub fn write_chunk(&mut self, alternative: usize, histories: &[History]) -> Result<(), ResultsError> {
        if alternative >= self.meta.alternatives.len() {
            return Err(ResultsError::Mismatch(format!("no alternative {alternative}")));
        }
        let mut sorted: Vec<&History> = histories.iter().collect();
        sorted.sort_by_key(|history| history.replication);
        if let Some(last) = sorted.last().filter(|last| last.replication >= self.meta.replications) {
            return Err(ResultsError::Mismatch(format!("replication {} of {}", last.replication, self.meta.replications)));
        }
        for run in sorted.chunk_by(|a, b| a.replication + 1 == b.replication) {
            self.chunks.write(alternative, run)?;
        }
        Ok(())
    }

    /// Writes the tables and the summary, with the [adequacy](crate::adequacy()) of the grid or a warning why it is not known, marks the folder as
    /// complete and removes the partial files.
    ///
    /// # Errors
    /// [`ResultsError::Mismatch`] while replications are missing; otherwise the system's. The same study can be resumed.
    pub fn finish(self, run: &RunFacts, adequacy: Result<AdequacyFacts, String>) -> Result<Summary, ResultsError> {
        self.conclude(run, Some(adequacy), &[])
    }

    /// As [`Self::finish`], for a case, whose grid is not examined apart, with nothing below it, or for a study with its finished cases.
    ///
    /// # Errors
    /// As [`Self::finish`].
    pub fn conclude(
        mut self,
        run: &RunFacts,
        adequacy: Option<Result<AdequacyFacts, String>>,
        studies: &[Study],
    ) -> Result<Summary, ResultsError> {
        for (index, alternative) in self.meta.alternatives.iter().enumerate() {
            if let Some(range) = self.missing(index).first() {
                let name = alternative.name;
                return Err(ResultsError::Mismatch(format!("replications {}..{} of `{name}` are missing", range.start, range.end)));
            }
        }
        let (mut metrics, balance) = self.write_histories()?;
        metrics.iter_mut().for_each(|columns| linearise_cost(&self.layout, columns));
        let estimates = self.write_metrics(&metrics)?;
        let headline = |def: &crate::record::MetricDef| is_headline(def.entity_kind, &def.entity, def.metric);
        let told = cases::summarise(&self.meta, &self.layout, headline, &metrics, studies)?;
        let summary = self.summary(estimates, balance, adequacy, told);
        // Plain maps and finite or null numbers: serde_json cannot refuse them, but its signature can.
        let mut text = serde_json::to_string_pretty(&summary).map_err(|error| ResultsError::corrupt(&self.folder.join(SUMMARY), error))?;
        text.push('\n');
        self.write_file(SUMMARY, text.as_bytes())?;
        self.manifest.run = run.clone();
        self.manifest.run.peak_memory_mib = run.peak_memory_mib.or_else(|| files::peak_memory().map(|bytes| bytes as f64 / 1_048_576.0));
        self.manifest.complete = true;
        self.write_manifest()?;
        let partial = self.folder.join(PARTIAL);
        fs::remove_dir_all(&partial).map_err(|error| ResultsError::io(&partial, error))?;
        Ok(summary)
    }

    fn write_manifest(&self) -> Result<(), ResultsError> {
        let path = self.folder.join(MANIFEST);
        let text = toml::to_string(&self.manifest).map_err(|error| ResultsError::corrupt(&path, error))?;
        files::write(&path, text.as_bytes())
    }

    fn write_file(&mut self, name: &str, bytes: &[u8]) -> Result<(), ResultsError> {
        files::write(&self.folder.join(name), bytes)?;
        self.written(name, blake3::hash(bytes).to_hex().to_string());
        Ok(())
    }

    fn written(&mut self, name: &str, blake3: String) {
        self.manifest.output.push(OutputFacts { path: name.to_string(), blake3 });
    }

    fn table(&self, def: &'static super::table::TableDef) -> Result<TableWriter, ResultsError> {
        TableWriter::create(&self.folder, def, &self.program, &self.manifest.fingerprint)
    }

    /// Copies, plans, entities and assumptions: what is known before anything runs.
    fn write_inputs(&mut self) -> Result<(), ResultsError> {
        let inputs: &[_] = if self.meta.case.is_some() { &[] } else { &self.meta.model.inputs };
        for (input, facts) in inputs.iter().zip(&self.manifest.input) {
            let path = self.folder.join(&facts.copy);
            if let Some(parent) = path.parent() {
                files::create_folder(parent)?;
            }
            files::write(&path, &input.bytes)?;
        }
        files::create_folder(&self.folder.join("plans"))?;
        for (index, alternative) in self.meta.alternatives.iter().enumerate() {
            self.write_file(&format!("plans/{}.toml", alternative.name), alternative.file.as_bytes())?;
            if index == 0 {
                self.write_file("plan.toml", alternative.file.as_bytes())?;
            }
        }
        let mut table = self.table(&ENTITIES)?;
        entities::write(self.meta.model, &mut table)?;
        self.written(&ENTITIES.file(), table.finish()?);
        let mut table = self.table(&ASSUMPTIONS)?;
        for x in &self.meta.model.assumptions {
            table.row(&[(&x.key).into(), (&x.value).into(), x.source.as_ref().into(), x.verified.into(), (&x.place).into()])?;
        }
        self.written(&ASSUMPTIONS.file(), table.finish()?);
        Ok(())
    }

    /// Timeline and events; gives the metrics, `[alternative][metric][replication]`, and the imbalances.
    #[allow(clippy::type_complexity)]
    fn write_histories(&mut self) -> Result<(Vec<Vec<Vec<f64>>>, Vec<LawFacts>), ResultsError> {
        let shape = Shape::of(&self.layout);
        let replications = self.meta.replications as usize;
        let mut timeline = self.table(&TIMELINE)?;
        let mut events = self.table(&EVENTS)?;
        let mut all = Vec::new();
        let mut balance: Vec<LawFacts> = Vec::new();
        for (index, alternative) in self.meta.alternatives.iter().enumerate() {
            let mut metrics = vec![Vec::with_capacity(replications); shape.metrics];
            // By channel and bin, then replication: what a quantile needs.
            let mut bins = vec![Vec::with_capacity(replications); shape.channels * shape.bins];
            for chunk in self.chunks.chunks(index) {
                let chunk = chunk?;
                for history in chunk.metrics.chunks_exact(shape.metrics) {
                    metrics.iter_mut().zip(history).for_each(|(column, value)| column.push(*value));
                }
                for history in chunk.timeline.chunks_exact(shape.channels * shape.bins) {
                    bins.iter_mut().zip(history).for_each(|(column, value)| column.push(*value));
                }
                for event in &chunk.events {
                    let (kind, entity_kind) = (&chunk.words[event.kind as usize], &chunk.words[event.entity_kind as usize]);
                    let note = &chunk.words[event.note as usize];
                    events.row(&[
                        alternative.name.into(),
                        event.replication.into(),
                        (event.time_ns as f64 / 3.6e12).into(),
                        (event.seq as i64).into(),
                        event.cause_seq.map(|seq| seq as i64).into(),
                        kind.into(),
                        entity_kind.into(),
                        entity_name(self.meta.model, entity_kind, event.entity).into(),
                        event.value.into(),
                        Some(note.as_str()).filter(|note| !note.is_empty()).into(),
                    ])?;
                }
                for (law, residual) in chunk.laws {
                    let law = &chunk.words[law as usize];
                    match balance.iter_mut().find(|held| held.law == *law) {
                        Some(held) => held.residual = held.residual.max(residual),
                        None => balance.push(LawFacts { law: law.clone(), residual }),
                    }
                }
            }
            let mut values = Vec::with_capacity(replications);
            for (place, column) in bins.iter().enumerate() {
                let (channel, bin) = (&self.layout.channels[place / shape.bins], place % shape.bins);
                values.clear();
                values.extend(column.iter().map(|value| f64::from(*value)));
                let Some(estimate) = Estimate::of(&values) else { continue };
                timeline.row(&[
                    alternative.name.into(),
                    channel.entity_kind.into(),
                    (&channel.entity).into(),
                    channel.channel.into(),
                    channel.unit.into(),
                    Cell::Integer(bin as i64),
                    (bin as f64 * self.layout.bin.as_h()).into(),
                    estimate.mean.into(),
                    estimate.stderr.into(),
                    estimate.p05.into(),
                    estimate.p50.into(),
                    estimate.p95.into(),
                ])?;
            }
            all.push(metrics);
        }
        self.written(&TIMELINE.file(), timeline.finish()?);
        self.written(&EVENTS.file(), events.finish()?);
        Ok((all, balance))
    }

    /// Values by replication, estimates and paired differences.
    fn write_metrics(&mut self, metrics: &[Vec<Vec<f64>>]) -> Result<Vec<EstimateFacts>, ResultsError> {
        let mut table = self.table(&METRICS)?;
        let mut estimates = self.table(&ESTIMATES)?;
        let mut paired = self.table(&PAIRED)?;
        let mut facts = Vec::new();
        let reference = self.meta.alternatives[0].name;
        for (index, alternative) in self.meta.alternatives.iter().enumerate() {
            for (def, (values, base)) in self.layout.metrics.iter().zip(metrics[index].iter().zip(&metrics[0])) {
                let head = [alternative.name.into(), def.entity_kind.into(), (&def.entity).into(), def.metric.into(), def.unit.into()];
                let [name, entity_kind, entity, metric, unit] = head;
                for (replication, value) in values.iter().enumerate() {
                    table.row(&[name, entity_kind, entity, metric, unit, (replication as u32).into(), (*value).into()])?;
                }
                let Some(estimate) = spread(values, Estimate::of(values), Some(def.better)) else { continue };
                let e = &estimate;
                estimates.row(&[
                    name,
                    entity_kind,
                    entity,
                    metric,
                    unit,
                    e.mean.into(),
                    e.stderr.into(),
                    e.n.into(),
                    e.p05.into(),
                    e.p50.into(),
                    e.p95.into(),
                    e.cvar95.into(),
                ])?;
                let difference = if index == 0 { None } else { spread(values, Estimate::paired(values, base), None) };
                if let Some(d) = &difference {
                    paired.row(&[
                        name,
                        reference.into(),
                        entity_kind,
                        entity,
                        metric,
                        unit,
                        d.mean.into(),
                        d.stderr.into(),
                        d.n.into(),
                        d.p05.into(),
                        d.p50.into(),
                        d.p95.into(),
                    ])?;
                }
                let subject = Subject {
                    entity_kind: def.entity_kind.to_string(),
                    entity: def.entity.clone(),
                    metric: def.metric.to_string(),
                    unit: def.unit.to_string(),
                };
                facts.push(EstimateFacts { alternative: alternative.name.to_string(), subject, estimate, difference });
            }
        }
        for (def, table) in [(&METRICS, table), (&ESTIMATES, estimates), (&PAIRED, paired)] {
            self.written(&def.file(), table.finish()?);
        }
        Ok(facts)
    }

    fn summary(
        &self,
        estimates: Vec<EstimateFacts>,
        balance: Vec<LawFacts>,
        adequacy: Option<Result<AdequacyFacts, String>>,
        told: cases::CaseSummary,
    ) -> Summary {
        let unknown =
            adequacy.as_ref().and_then(|known| known.as_ref().err()).map(|why| format!("adequacy of the grid is not known: {why}"));
        let mut metrics: Vec<MetricFacts> = Vec::new();
        for def in &self.layout.metrics {
            if !metrics.iter().any(|held| held.entity_kind == def.entity_kind && held.metric == def.metric) {
                metrics.push(MetricFacts {
                    entity_kind: def.entity_kind.to_string(),
                    metric: def.metric.to_string(),
                    unit: def.unit.to_string(),
                    better: def.better,
                    meaning: def.meaning.to_string(),
                });
            }
        }
        let mut headline = Vec::new();
        for (kind, metric) in HEADLINE {
            let wanted = |x: &&EstimateFacts| {
                let subject = &x.subject;
                subject.entity_kind == *kind && subject.metric == *metric && is_headline(kind, &subject.entity, metric)
            };
            headline.extend(estimates.iter().filter(wanted).map(|x| Headline {
                metric: x.subject.metric.clone(),
                entity: x.subject.entity.clone(),
                alternative: x.alternative.clone(),
                estimate: x.estimate,
                unit: x.subject.unit.clone(),
                difference: x.difference,
            }));
        }
        let alternatives = (self.meta.alternatives.iter())
            .map(|x| AlternativeFacts {
                name: x.name.to_string(),
                title: x.title.to_string(),
                plan: entities::plan(self.meta.model, x.plan),
            })
            .collect();
        Summary {
            schema: SUMMARY_SCHEMA.to_string(),
            program: self.program.clone(),
            fingerprint: self.manifest.fingerprint.clone(),
            command: self.meta.command.to_string(),
            scenario: entities::scenario(self.meta.model),
            seed: self.meta.seed,
            replications: self.meta.replications,
            reference: self.meta.alternatives[0].name.to_string(),
            headline,
            alternatives,
            estimates,
            metrics,
            balance,
            adequacy: adequacy.and_then(Result::ok),
            case: self.meta.case.map(|case| case.entity.name.clone()),
            shown: told.shown,
            questions: told.questions,
            cases: told.cases,
            break_even: told.break_even,
            marginal_costs: told.marginal_costs,
            warnings: self.meta.warnings.iter().cloned().chain(unknown).collect(),
        }
    }
}

/// Whether a metric stands in the headline; of the costs, their sum.
fn is_headline(kind: &str, entity: &str, metric: &str) -> bool {
    HEADLINE.contains(&(kind, metric)) && (kind != "cost" || entity == "total")
}

/// Mean, error and quantiles; CVaR of the bad tail of `values` where their good direction is given.
pub(super) fn spread(values: &[f64], estimate: Option<Estimate>, better: Option<Better>) -> Option<Spread> {
    let e = estimate?;
    let cvar95 = match better {
        None => None,
        Some(Better::Higher) => cvar(&values.iter().map(|value| -value).collect::<Vec<_>>(), 0.95).map(|tail| -tail),
        Some(Better::Lower | Better::Neither) => cvar(values, 0.95),
    };
    Some(Spread { mean: e.mean, stderr: e.stderr, n: u32::try_from(e.n).unwrap_or(u32::MAX), p05: e.p05, p50: e.p50, p95: e.p95, cvar95 })
}

/// Whether the folder holds the same study, unfinished; false if it is new or empty.
fn check_folder(folder: &Path, fingerprint: &str) -> Result<bool, ResultsError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            files::create_folder(folder)?;
            return Ok(false);
        }
        Err(error) => return Err(ResultsError::io(folder, error)),
    };
    let mut empty = true;
    let mut ours = false;
    for entry in entries {
        let entry = entry.map_err(|error| ResultsError::io(folder, error))?;
        ours |= entry.file_name() == MANIFEST;
        // A manifest under way and the folder of partial files are all that an early end can have left.
        let begun = entry.file_name() == PARTIAL || entry.path().extension().is_some_and(|ending| ending == files::TEMPORARY);
        empty &= begun;
    }
    if !ours {
        return if empty { Ok(false) } else { Err(ResultsError::NotEmpty(folder.to_path_buf())) };
    }
    let manifest = super::read::manifest(folder)?;
    if manifest.fingerprint != fingerprint {
        let short = |print: &str| print.chars().take(12).collect();
        let (found, expected) = (short(&manifest.fingerprint), short(fingerprint));
        return Err(ResultsError::OtherStudy { path: folder.to_path_buf(), found, expected });
    }
    if manifest.complete { Err(ResultsError::Complete(folder.to_path_buf())) } else { Ok(true) }
}

/// Keeps a second process out; file systems without locks do without.
fn lock(folder: &Path, partial: &Path) -> Result<Option<File>, ResultsError> {
    let path = partial.join("lock");
    let file = File::create(&path).map_err(|error| ResultsError::io(&path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(ResultsError::Busy(folder.to_path_buf())),
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

fn manifest(meta: &StudyMeta<'_>, fingerprint: String, program: &str) -> Manifest {
    let inputs = if meta.case.is_some() { "../../inputs" } else { "inputs" };
    Manifest {
        results_format: RESULTS_FORMAT,
        scenario_format: 1,
        plan_format: 1,
        program: program.to_string(),
        scenario: meta.model.header.name.clone(),
        fingerprint,
        seed: meta.seed,
        replications: meta.replications,
        complete: false,
        sets: meta.sets.to_vec(),
        run: meta.run.clone(),
        alternative: (meta.alternatives.iter())
            .map(|x| SolverFacts {
                alternative: x.name.to_string(),
                plan: format!("plans/{}.toml", x.name),
                certificate: x.plan.certificate.clone(),
            })
            .collect(),
        input: (meta.model.inputs.iter())
            .map(|x| InputFacts { path: x.path.clone(), copy: format!("{inputs}/{}", files::copy_path(&x.path)), blake3: x.hash.clone() })
            .collect(),
        output: Vec::new(),
    }
}
