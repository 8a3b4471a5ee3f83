//! The Standard Workload Format: 18 numbers a line, -1 for what is not known, headers behind semicolons (Chapin et al. 1999,
//! "Benchmarks and standards for the evaluation of parallel job schedulers"; version 2.2 of the Parallel Workloads Archive).

use std::io::BufRead;

use bastide_units::Time;

use super::{Bad, Draft, TraceError, cell};
use crate::ask::Ask;
use crate::job::{Job, Published};
use crate::span::Span;

/// Numbers on a line.
pub const FIELDS: usize = 18;

/// Fields by their number in the standard, from 1.
const ID: usize = 1;
const SUBMIT: usize = 2;
const WAIT: usize = 3;
const RUN: usize = 4;
const PROCESSORS: usize = 5;
const ASKED_PROCESSORS: usize = 8;
const ASKED_TIME: usize = 9;
const ASKED_MEMORY: usize = 10;
const STATUS: usize = 11;
const USER: usize = 12;
const QUEUE: usize = 15;

pub fn read(mut text: impl BufRead, draft: &mut Draft) -> Result<(), TraceError> {
    let (mut buffer, mut line, mut parts) = (Vec::new(), 0_u64, 0_usize);
    loop {
        buffer.clear();
        if text.read_until(b'\n', &mut buffer)? == 0 {
            break;
        }
        line += 1;
        let words = String::from_utf8_lossy(&buffer);
        let start = words.trim_start();
        if start.is_empty() || start.starts_with(';') {
            continue;
        }
        let read = job(&words, line, draft, &mut parts);
        draft.take(read);
    }
    if parts > 0 {
        draft.unfinished -= parts;
        draft.notices.push(format!("{parts} lines of parts of jobs left out (status 2 to 4): their jobs stand on lines of their own"));
    }
    draft.notices.push("processors are taken as GPUs: a machine of 128 processors is `--cluster 128x1`".to_owned());
    Ok(())
}

/// A line of 18 words, each with its column.
struct Line<'a> {
    words: [(&'a str, u32); FIELDS],
    number: u64,
}

impl<'a> Line<'a> {
    fn of(text: &'a str, number: u64) -> Result<Self, Bad> {
        let mut words = [("", 1); FIELDS];
        let mut count = 0;
        for word in text.split_ascii_whitespace() {
            if let Some(place) = words.get_mut(count) {
                // A word is a slice of the line.
                let offset = word.as_ptr() as usize - text.as_ptr() as usize;
                *place = (word, text[..offset].chars().count() as u32 + 1);
            }
            count += 1;
        }
        if count == FIELDS { Ok(Self { words, number }) } else { Err(Bad::new(number, 1, format!("{count} numbers instead of {FIELDS}"))) }
    }

    /// The word of a field; `None` for -1, which stands for what is not known.
    fn known(&self, field: usize) -> Option<&'a str> {
        let word = self.words[field - 1].0;
        (word.split('.').next() != Some("-1")).then_some(word)
    }

    fn bad(&self, field: usize, message: impl Into<String>) -> Bad {
        Bad::new(self.number, self.words[field - 1].1, message)
    }

    /// A field read by one of the functions of [`cell`].
    fn read<T>(&self, field: usize, read: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, Bad> {
        self.known(field).map(|word| read(word).map_err(|message| self.bad(field, message))).transpose()
    }

    /// Processors that were used, or else asked for.
    fn processors(&self) -> Result<u32, Bad> {
        for field in [PROCESSORS, ASKED_PROCESSORS] {
            if let Some(processors) = self.read(field, cell::count)?.filter(|it| *it > 0) {
                return Ok(processors);
            }
        }
        Err(self.bad(PROCESSORS, "no number of processors"))
    }
}

/// The job of a line; `None` for one that never ran and for a part of another (counted in `parts`).
fn job(text: &str, number: u64, draft: &mut Draft, parts: &mut usize) -> Result<Option<Job>, Bad> {
    let line = Line::of(text, number)?;
    let submit = line.read(SUBMIT, cell::span)?.ok_or_else(|| line.bad(SUBMIT, "no time of submission"))?.after(Time::ZERO);
    let status = line.known(STATUS).unwrap_or_default();
    let (wait, estimate) = (line.read(WAIT, cell::span)?, line.read(ASKED_TIME, cell::span)?.filter(|it| *it > Span::ZERO));
    let cancelled = |runtime: &Span| status == "5" && *runtime == Span::ZERO;
    let Some(runtime) = line.read(RUN, cell::span)?.filter(|it| !cancelled(it)) else { return Ok(None) };
    let (processors, memory_kb) = (line.processors()?, line.read(ASKED_MEMORY, cell::number)?.unwrap_or(0.0));
    if matches!(status, "2" | "3" | "4") {
        *parts += 1;
        return Ok(None);
    }
    let mut name = |field: usize| line.known(field).and_then(|word| draft.names.name(word));
    Ok(Some(Job {
        id: line.words[ID - 1].0.into(),
        line: number as u32,
        submit,
        runtime,
        estimate,
        // Memory is asked for in kilobytes by each processor.
        ask: Ask { memory_mib: (memory_kb * f64::from(processors) / 1024.0).ceil() as u64, ..Ask::gang_of(processors) },
        models: None,
        user: name(USER),
        nation: None,
        partition: name(QUEUE),
        priority: 0,
        published: Published { start: wait.map(|it| it.after(submit)), wait, completion: wait.map(|it| it + runtime) },
    }))
}
