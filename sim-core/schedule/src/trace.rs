//! Reads job logs: which kind a file is, and what all kinds have in common.

mod batsim;
mod cell;
mod file;
mod swf;
mod table;

use std::io::BufRead;
use std::path::Path;

use crate::ask::{Ask, Models};
use crate::cluster::Cluster;
use crate::job::{Job, Names};

/// Most jobs of a log.
pub const MOST_JOBS: usize = 100_000_000;
/// Bad lines that an error or a notice names; the others are counted.
const NAMED: usize = 10;

/// Kinds of job logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Standard Workload Format (Feitelson; Chapin et al. 1999).
    Swf,
    /// CSV of the Helios and Philly kind: `submit_time`, `duration`, `gpu_num`, ..
    Helios,
    /// Pods of the Alibaba GPU trace: `creation_time`, `num_gpu`, `gpu_milli`, ..
    Pods,
    /// JSON of Batsim.
    Batsim,
    /// CSV with units in its column names: `submit_s`, `runtime_s`, `gpus`, ..
    Own,
}

/// How to read a log.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading {
    /// The kind, where it is not to be told from the content.
    pub kind: Option<Kind>,
    /// Go on after bad lines.
    pub skip_bad: bool,
    /// What jobs ask for is all that matters: lines need no times, and all jobs count as submitted at the start.
    pub asks_only: bool,
}

/// A job log.
#[derive(Clone, Debug)]
pub struct Log {
    /// Its kind.
    pub kind: Kind,
    /// Jobs by submission; in the order of the log among those of one moment.
    pub jobs: Vec<Job>,
    /// Words of the jobs.
    pub names: Names,
    /// What the reader did that its user may not expect, in sentences.
    pub notices: Vec<String>,
    /// Bad lines that were skipped.
    pub skipped: usize,
}

impl Log {
    /// What each job asks for of a cluster.
    #[must_use]
    pub fn asks(&self, cluster: &Cluster) -> Vec<Ask> {
        let models = |job: &Job| job.models.map_or(Models::ANY, |name| cluster.models_of(self.names.word(name)));
        self.jobs.iter().map(|job| Ask { models: models(job), ..job.ask }).collect()
    }
}

/// A line that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    /// From 1.
    pub line: u64,
    /// From 1, in characters.
    pub column: u32,
    /// What is wrong with it.
    pub message: String,
}

impl Bad {
    fn new(line: u64, column: u32, message: impl Into<String>) -> Self {
        Self { line, column, message: message.into() }
    }
}

/// Why a log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The file cannot be opened, read or unpacked.
    #[error("cannot read it: {0}")]
    Io(#[from] std::io::Error),
    /// There is nothing in it.
    #[error("the file holds no jobs")]
    Empty,
    /// Its content is of no known kind.
    #[error("{0}")]
    Unknown(String),
    /// Lines that cannot be used: the first ones, and how many there are.
    #[error("{} bad lines", count)]
    Lines {
        /// The first ones.
        first: Vec<Bad>,
        /// How many.
        count: usize,
    },
}

/// What readers fill in.
#[derive(Debug, Default)]
struct Draft {
    asks_only: bool,
    jobs: Vec<Job>,
    names: Names,
    notices: Vec<String>,
    bad: Vec<Bad>,
    bad_count: usize,
    /// Jobs without an end, so without a run time.
    unfinished: usize,
}

impl Draft {
    fn bad(&mut self, bad: Bad) {
        self.bad_count += 1;
        if self.bad.len() < NAMED {
            self.bad.push(bad);
        }
    }

    /// Keeps what one line said.
    fn take(&mut self, line: Result<Option<Job>, Bad>) {
        match line {
            Ok(Some(job)) if self.jobs.len() < MOST_JOBS => self.jobs.push(job),
            Ok(Some(job)) => self.bad(Bad::new(u64::from(job.line), 1, format!("more than {MOST_JOBS} jobs"))),
            Ok(None) => self.unfinished += 1,
            Err(bad) => self.bad(bad),
        }
    }
}

/// Reads a log file, also one that is packed by gzip or as the first file of a zip archive.
///
/// # Errors
/// [`TraceError`]; nothing is left to go on with. With [`Reading::skip_bad`], bad lines are no error as long as some are good.
pub fn read(path: &Path, reading: Reading) -> Result<Log, TraceError> {
    read_from(file::open(path)?, reading)
}

/// Reads a log from its text.
///
/// # Errors
/// As [`read`].
pub fn read_from(mut text: impl BufRead, reading: Reading) -> Result<Log, TraceError> {
    let mut draft = Draft { asks_only: reading.asks_only, ..Draft::default() };
    file::skip_mark(&mut text)?;
    let kind = match reading.kind {
        Some(kind) => kind,
        None => kind_of(text.fill_buf()?)?,
    };
    let kind = match kind {
        Kind::Swf => swf::read(text, &mut draft).map(|()| kind)?,
        Kind::Batsim => batsim::read(text, &mut draft).map(|()| kind)?,
        Kind::Helios | Kind::Pods | Kind::Own => table::read(text, reading.kind, &mut draft)?,
    };
    finish(kind, draft, reading.skip_bad)
}

/// The kind of a log that begins like this. A CSV comes out as [`Kind::Helios`] until its columns are known.
fn kind_of(start: &[u8]) -> Result<Kind, TraceError> {
    let text = String::from_utf8_lossy(start);
    let first = text.lines().map(str::trim).find(|line| !line.is_empty()).ok_or(TraceError::Empty)?;
    if first.starts_with(['{', '[']) {
        return Ok(Kind::Batsim);
    }
    let numbers = first.split_ascii_whitespace().take_while(|word| word.parse::<f64>().is_ok()).count();
    if first.starts_with(';') || numbers >= swf::FIELDS {
        return Ok(Kind::Swf);
    }
    if first.contains([',', '\t', ';']) {
        return Ok(Kind::Helios);
    }
    Err(TraceError::Unknown(
        "its first line is no header of columns, no line of the Standard Workload Format and no JSON; `--kind` says which it is".to_owned(),
    ))
}

/// Puts the jobs in order, looks for ids that occur twice, and says what happened.
fn finish(kind: Kind, mut draft: Draft, skip_bad: bool) -> Result<Log, TraceError> {
    drop_repeated(&mut draft);
    if draft.bad_count > 0 && (draft.jobs.is_empty() || !skip_bad) {
        draft.bad.sort_by_key(|bad| (bad.line, bad.column));
        return Err(TraceError::Lines { first: draft.bad, count: draft.bad_count });
    }
    if draft.bad_count > 0 {
        let lines: Vec<String> = draft.bad.iter().map(|bad| format!("{}:{}: {}", bad.line, bad.column, bad.message)).collect();
        let more = if draft.bad_count > draft.bad.len() { "; .." } else { "" };
        draft.notices.push(format!("{} bad lines skipped: {}{more}", draft.bad_count, lines.join("; ")));
    }
    if draft.unfinished > 0 {
        draft.notices.push(format!("{} jobs without a run time left out: they never ran or had not ended", draft.unfinished));
    }
    if draft.jobs.is_empty() {
        return Err(TraceError::Empty);
    }
    let late = draft.jobs.windows(2).filter(|pair| pair[1].submit < pair[0].submit).count();
    if late > 0 {
        draft.jobs.sort_by_key(|job| job.submit);
        draft.notices.push(format!("the log was not in order of submission ({late} steps back in time); it was sorted"));
    }
    draft.jobs.shrink_to_fit();
    Ok(Log { kind, jobs: draft.jobs, names: draft.names, notices: draft.notices, skipped: draft.bad_count })
}

/// A second job of one id is a bad line.
fn drop_repeated(draft: &mut Draft) {
    let mut order: Vec<u32> = (0..draft.jobs.len() as u32).collect();
    let jobs = &draft.jobs;
    order.sort_by(|a, b| jobs[*a as usize].id.cmp(&jobs[*b as usize].id).then(a.cmp(b)));
    let mut repeated: Vec<(u32, u32)> = Vec::new();
    let mut first = 0;
    for at in 1..order.len() {
        if jobs[order[at] as usize].id == jobs[order[first] as usize].id {
            repeated.push((order[at], order[first]));
        } else {
            first = at;
        }
    }
    if repeated.is_empty() {
        return;
    }
    repeated.sort_unstable();
    let lines: Vec<Bad> = repeated
        .iter()
        .map(|(second, first)| {
            let (second, first) = (&jobs[*second as usize], &jobs[*first as usize]);
            Bad::new(u64::from(second.line), 1, format!("job id `{}` occurs twice, first on line {}", second.id, first.line))
        })
        .collect();
    for bad in lines {
        draft.bad(bad);
    }
    let mut index = 0;
    draft.jobs.retain(|_| {
        index += 1;
        repeated.binary_search_by_key(&(index - 1), |pair| pair.0).is_err()
    });
}

#[cfg(test)]
mod tests;
