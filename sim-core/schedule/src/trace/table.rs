//! Job logs as CSV: one table of column names serves the logs of others and our own format.

use std::io::BufRead;

use bastide_units::Time;

use super::{Bad, Draft, Kind, TraceError, cell};
use crate::ask::{Ask, Models, WHOLE};
use crate::job::{Job, Published};
use crate::span::Span;

/// What a column says of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Id,
    Submit,
    Start,
    End,
    Runtime,
    Wait,
    Completion,
    Gpus,
    GpuShare,
    GpuMilli,
    Models,
    Cpus,
    CpuMilli,
    MemoryGib,
    MemoryMib,
    Estimate,
    User,
    Nation,
    Partition,
    Priority,
}

/// Number of meanings: the last has the greatest number.
const MEANINGS: usize = Column::Priority as usize + 1;

/// Names of columns: of our own format; of Helios (Hu et al. 2021) and Philly (Jeon et al. 2019) as it is published with the
/// schedules of simulators; of the pods of the Alibaba GPU trace of 2023.
const NAMES: [(&str, Column); 44] = [
    ("id", Column::Id),
    ("job_id", Column::Id),
    ("jobid", Column::Id),
    ("name", Column::Id),
    ("submit_s", Column::Submit),
    ("submit_time", Column::Submit),
    ("submitted_time", Column::Submit),
    ("creation_time", Column::Submit),
    ("start_s", Column::Start),
    ("start_time", Column::Start),
    ("scheduled_time", Column::Start),
    ("end_s", Column::End),
    ("end_time", Column::End),
    ("finished_time", Column::End),
    ("deletion_time", Column::End),
    ("runtime_s", Column::Runtime),
    ("duration", Column::Runtime),
    ("duration_s", Column::Runtime),
    ("wait_s", Column::Wait),
    ("queue", Column::Wait),
    ("completion_s", Column::Completion),
    ("jct", Column::Completion),
    ("gpus", Column::Gpus),
    ("gpu_num", Column::Gpus),
    ("num_gpu", Column::Gpus),
    ("num_gpus", Column::Gpus),
    ("gpu_share", Column::GpuShare),
    ("gpu_milli", Column::GpuMilli),
    ("gpu_models", Column::Models),
    ("gpu_model", Column::Models),
    ("gpu_spec", Column::Models),
    ("cpus", Column::Cpus),
    ("cpu_num", Column::Cpus),
    ("cpu_milli", Column::CpuMilli),
    ("memory_gib", Column::MemoryGib),
    ("memory_mib", Column::MemoryMib),
    ("estimate_s", Column::Estimate),
    ("walltime_s", Column::Estimate),
    ("user", Column::User),
    ("nation", Column::Nation),
    ("vc", Column::Partition),
    ("partition", Column::Partition),
    ("priority", Column::Priority),
    ("priority_class", Column::Priority),
];

/// Reads a CSV and tells its kind from its columns, unless it is given.
pub fn read(mut text: impl BufRead, kind: Option<Kind>, draft: &mut Draft) -> Result<Kind, TraceError> {
    let delimiter = delimiter(text.fill_buf()?);
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).trim(csv::Trim::All).from_reader(text);
    let header = reader.headers().map_err(unreadable)?.clone();
    let columns = Columns::of(&header, draft)?;
    let kind = kind.unwrap_or_else(|| kind_of(&header));
    let gang = kind != Kind::Pods;
    let mut row = csv::StringRecord::new();
    loop {
        match reader.read_record(&mut row) {
            Ok(false) => break,
            Ok(true) => {
                let line = row.position().map_or(0, csv::Position::line);
                let read = Row { columns: &columns, cells: &row, line }.job(draft, gang);
                draft.take(read);
            }
            Err(error) => match error.kind() {
                csv::ErrorKind::Utf8 { pos, .. } => {
                    draft.bad(Bad::new(pos.as_ref().map_or(0, csv::Position::line), 1, "the line is not UTF-8"));
                }
                _ => return Err(unreadable(error)),
            },
        }
    }
    Ok(kind)
}

fn unreadable(error: csv::Error) -> TraceError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => TraceError::Io(error),
        csv::ErrorKind::Utf8 { pos, .. } => {
            let line = pos.map_or(1, |it| it.line());
            TraceError::Lines { first: vec![Bad::new(line, 1, "the line is not UTF-8")], count: 1 }
        }
        other => TraceError::Unknown(format!("it is no CSV: {other:?}")),
    }
}

/// What stands between the columns of the first line.
fn delimiter(start: &[u8]) -> u8 {
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    [b',', b'\t', b';'].into_iter().find(|delimiter| line.contains(delimiter)).unwrap_or(b',')
}

/// Where each meaning stands.
struct Columns {
    places: [Option<usize>; MEANINGS],
    /// Cells of the header.
    width: usize,
}

impl Columns {
    fn of(header: &csv::StringRecord, draft: &mut Draft) -> Result<Self, TraceError> {
        let mut places = [None; MEANINGS];
        let mut unused = Vec::new();
        for (place, name) in header.iter().enumerate() {
            let Some((_, meaning)) = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) else {
                unused.push(format!("`{name}`"));
                continue;
            };
            if let Some(other) = places[*meaning as usize].replace(place) {
                let other = header.get(other).unwrap_or_default();
                return Err(TraceError::Unknown(format!("columns `{other}` and `{name}` say the same: one has to go")));
            }
        }
        let columns = Self { places, width: header.len() };
        let has = |column: Column| columns.places[column as usize].is_some();
        let mut missing = Vec::new();
        let times = !draft.asks_only;
        if times && !has(Column::Submit) {
            missing.push("when jobs were submitted (`submit_s`, `submit_time`, `creation_time`)");
        }
        if times && !has(Column::Runtime) && !has(Column::End) {
            missing.push("how long they ran (`runtime_s`, `duration`, or when they ended)");
        }
        if !has(Column::Gpus) && !has(Column::Cpus) && !has(Column::CpuMilli) {
            missing.push("what they asked for (`gpus`, `gpu_num`, `num_gpu`, `cpus`)");
        }
        if !missing.is_empty() {
            let found: Vec<String> = header.iter().map(|name| format!("`{name}`")).collect();
            return Err(TraceError::Unknown(format!("no column says {}; there are {}", missing.join(", nor "), found.join(", "))));
        }
        if !unused.is_empty() {
            draft.notices.push(format!("columns not used: {}", unused.join(", ")));
        }
        Ok(columns)
    }
}

/// The kind of CSV that has such columns.
fn kind_of(header: &csv::StringRecord) -> Kind {
    let named = |name: &str| header.iter().any(|it| it.eq_ignore_ascii_case(name));
    if named("creation_time") || named("gpu_milli") {
        Kind::Pods
    } else if named("submit_s") {
        Kind::Own
    } else {
        Kind::Helios
    }
}

/// When a job was there.
#[derive(Default)]
struct Times {
    submit: Time,
    runtime: Span,
    published: Published,
}

/// One line.
struct Row<'a> {
    columns: &'a Columns,
    cells: &'a csv::StringRecord,
    line: u64,
}

impl Row<'_> {
    /// The cell of a column, unless it says that there is nothing.
    fn text(&self, column: Column) -> Option<&str> {
        self.columns.places[column as usize].and_then(|place| self.cells.get(place)).filter(|text| !cell::is_missing(text))
    }

    fn bad(&self, column: Column, message: impl Into<String>) -> Bad {
        Bad::new(self.line, self.column_of(self.columns.places[column as usize].unwrap_or(0)), message)
    }

    /// Column of the text in which a cell begins, from 1.
    fn column_of(&self, place: usize) -> u32 {
        let before: usize = self.cells.iter().take(place).map(|cell| cell.chars().count() + 1).sum();
        before as u32 + 1
    }

    /// A cell read by one of the functions of [`cell`].
    fn read<T>(&self, column: Column, read: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, Bad> {
        self.text(column).map(|text| read(text).map_err(|message| self.bad(column, message))).transpose()
    }

    /// Whether cells stand below their columns: a decimal comma, or a quote without an end, moves or swallows what follows.
    fn in_shape(&self) -> Result<(), Bad> {
        if let Some(place) = self.cells.iter().position(|cell| cell.contains('\n')) {
            let message = "a quote opens here and is not closed on its line: it takes in the lines that follow";
            return Err(Bad::new(self.line, self.column_of(place), message));
        }
        if self.cells.iter().skip(self.columns.width).any(|cell| !cell.is_empty()) {
            let message = format!("{} cells under a header of {}", self.cells.len(), self.columns.width);
            return Err(Bad::new(self.line, self.column_of(self.columns.width), message));
        }
        Ok(())
    }

    /// The job; `None` if it has no end.
    fn job(&self, draft: &mut Draft, gang: bool) -> Result<Option<Job>, Bad> {
        if self.cells.len() == 1 && self.cells.get(0).is_none_or(str::is_empty) {
            return Err(Bad::new(self.line, 1, "an empty line"));
        }
        self.in_shape()?;
        let ask = self.ask(gang)?;
        let times = if draft.asks_only { Some(Times::default()) } else { self.times()? };
        let Some(Times { submit, runtime, published }) = times else { return Ok(None) };
        let priority = self.read(Column::Priority, cell::whole)?.unwrap_or(0);
        let estimate = self.read(Column::Estimate, cell::span)?.filter(|it| *it > Span::ZERO);
        let mut name = |column: Column| self.text(column).and_then(|word| draft.names.name(word));
        Ok(Some(Job {
            models: name(Column::Models),
            user: name(Column::User),
            nation: name(Column::Nation),
            partition: name(Column::Partition),
            // A log without ids is counted by its lines.
            id: self.text(Column::Id).map_or_else(|| self.line.to_string().into(), Into::into),
            line: self.line as u32,
            submit,
            runtime,
            estimate,
            ask,
            priority,
            published,
        }))
    }

    /// When the job was submitted, how long it ran, and what happened to it; `None` if it has no end.
    fn times(&self) -> Result<Option<Times>, Bad> {
        let submit = self.read(Column::Submit, cell::moment)?.ok_or_else(|| self.bad(Column::Submit, "no time of submission"))?;
        let start = self.read(Column::Start, cell::moment)?;
        let end = self.read(Column::End, cell::moment)?;
        let earliest = start.unwrap_or(submit);
        if start.is_some_and(|start| start < submit) {
            return Err(self.bad(Column::Start, "it starts before it is submitted"));
        }
        if end.is_some_and(|end| end < earliest) {
            return Err(self.bad(Column::End, "it ends before it starts"));
        }
        let runtime = match (self.read(Column::Runtime, cell::span)?, end) {
            (Some(runtime), _) => runtime,
            (None, Some(end)) => Span::between(earliest, end),
            (None, None) => return Ok(None),
        };
        Ok(Some(Times { submit, runtime, published: self.published(submit, start, end)? }))
    }

    fn ask(&self, gang: bool) -> Result<Ask, Bad> {
        let gpus = self.read(Column::Gpus, cell::count)?;
        let share = self.read(Column::GpuShare, cell::number)?.map(|share| (Column::GpuShare, (share * f64::from(WHOLE)).round()));
        let milli = self.read(Column::GpuMilli, cell::number)?.map(|milli| (Column::GpuMilli, milli));
        // The pods say 0 thousandths for none or for whole ones.
        let part = share.or(milli).filter(|(_, milli)| *milli > 0.0);
        if let Some((column, _)) = part.filter(|(_, milli)| *milli > f64::from(WHOLE) || milli.fract() != 0.0) {
            return Err(self.bad(column, "a share of one GPU is above 0 and at most a whole, in whole thousandths"));
        }
        let gpu_milli = part.map_or(WHOLE, |(_, milli)| milli as u32);
        let cpu_milli = match self.read(Column::CpuMilli, cell::number)? {
            Some(milli) => milli,
            None => self.read(Column::Cpus, cell::number)?.unwrap_or(0.0) * 1000.0,
        };
        let memory_mib = match self.read(Column::MemoryMib, cell::number)? {
            Some(mib) => mib,
            None => self.read(Column::MemoryGib, cell::number)?.unwrap_or(0.0) * 1024.0,
        };
        let gpus = gpus.unwrap_or(0);
        if gpus == 0 && cpu_milli == 0.0 && self.columns.places[Column::Gpus as usize].is_some() && self.text(Column::Gpus).is_none() {
            return Err(self.bad(Column::Gpus, "no number of GPUs"));
        }
        let (cpu_milli, memory_mib) = (cpu_milli.ceil() as u64, memory_mib.ceil() as u64);
        Ok(Ask { gpus, gpu_milli, cpu_milli, memory_mib, models: Models::ANY, gang: gang && gpu_milli == WHOLE })
    }

    fn published(&self, submit: Time, start: Option<Time>, end: Option<Time>) -> Result<Published, Bad> {
        let wait = self.read(Column::Wait, cell::span)?.or_else(|| start.map(|start| Span::between(submit, start)));
        let completion = self.read(Column::Completion, cell::span)?.or_else(|| end.map(|end| Span::between(submit, end)));
        Ok(Published { start, wait, completion })
    }
}
