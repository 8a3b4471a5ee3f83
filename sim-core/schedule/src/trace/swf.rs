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

/// The job of a line; `None` for one that never ran and for a part of another (counted in `parts`).
fn job(words: &str, line: u64, draft: &mut Draft, parts: &mut usize) -> Result<Option<Job>, Bad> {
    let mut fields = [("", 1_u32); FIELDS];
    let mut count = 0;
    for word in words.split_ascii_whitespace() {
        if let Some(field) = fields.get_mut(count) {
            // Fields are slices of the line.
            let offset = word.as_ptr() as usize - words.as_ptr() as usize;
            *field = (word, words[..offset].chars().count() as u32 + 1);
        }
        count += 1;
    }
    if count != FIELDS {
        return Err(Bad::new(line, 1, format!("{count} numbers instead of {FIELDS}")));
    }
    // Nothing but -1 stands for what is not known.
    let known = |field: usize| Some(fields[field - 1]).filter(|(word, _)| word.trim_end_matches(".0").trim_end_matches(".00") != "-1");
    let bad = |field: usize| move |message: String| (field, message);
    let span = |field: usize| known(field).map(|(word, _)| cell::span(word).map_err(bad(field))).transpose();
    let amount = |field: usize| known(field).map(|(word, _)| cell::number(word).map_err(bad(field))).transpose();
    let read = || -> Result<Option<(Time, Span, Option<Span>, Option<Span>, u32, f64, bool)>, (usize, String)> {
        let submit = span(SUBMIT)?.ok_or((SUBMIT, "no time of submission".to_owned()))?;
        let processors = match amount(PROCESSORS)?.filter(|it| *it > 0.0) {
            Some(it) => Some(it),
            None => amount(ASKED_PROCESSORS)?.filter(|it| *it > 0.0),
        };
        let status = known(STATUS).map_or("", |(word, _)| word);
        let (wait, run, asked, memory) = (span(WAIT)?, span(RUN)?, span(ASKED_TIME)?, amount(ASKED_MEMORY)?.unwrap_or(0.0));
        let part = matches!(status, "2" | "3" | "4");
        let Some(run) = run.filter(|it| !(status == "5" && *it == Span::ZERO)) else { return Ok(None) };
        let processors = processors.ok_or((PROCESSORS, "no number of processors".to_owned()))?;
        if processors.fract() != 0.0 {
            return Err((PROCESSORS, format!("`{processors}` is no whole number")));
        }
        Ok(Some((submit.after(Time::ZERO), run, wait, asked.filter(|it| *it > Span::ZERO), processors as u32, memory, part)))
    };
    let place = |(field, message): (usize, String)| Bad::new(line, fields[field - 1].1, message);
    let Some((submit, runtime, wait, estimate, processors, memory_kb, part)) = read().map_err(place)? else { return Ok(None) };
    if part {
        *parts += 1;
        return Ok(None);
    }
    let mut name = |field: usize| known(field).and_then(|(word, _)| draft.names.name(word));
    Ok(Some(Job {
        id: fields[ID - 1].0.into(),
        line: line as u32,
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
