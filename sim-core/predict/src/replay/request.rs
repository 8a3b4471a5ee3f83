//! Requests of a trace, and the readers of traces.
//!
//! CSV with a header; each column goes by several names in public traces (Azure 2023: `TIMESTAMP, ContextTokens,
//! GeneratedTokens`; BurstGPT: `Timestamp, Request tokens, Response tokens`; tables of ours: `arrival_s, input_tokens, output_tokens`).
//! JSON lines as Mooncake publishes them (Qin et al. 2025): `timestamp` \[ms\], `input_length`, `output_length`, `hash_ids`.

use indexmap::IndexMap;
use serde::Deserialize;

/// Tokens of a prefix block of Mooncake's traces (Qin et al. 2025, section 7).
pub const TRACE_BLOCK: u32 = 512;
/// Longest prompt or answer that is believed: a hundred times the longest context of 2025's models.
const MOST_TOKENS: u32 = 100_000_000;
/// Latest arrival that is believed \[s\]: a hundred years.
const LATEST: f64 = 3.2e9;

/// A request.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Request {
    /// When it arrives \[s\].
    pub arrival: f64,
    /// Tokens of its prompt.
    pub input: u32,
    /// Tokens of its answer.
    pub output: u32,
}

/// Requests in order of arrival.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// The requests.
    pub requests: Vec<Request>,
    /// Line of the file of each request; empty where they come from no file.
    pub lines: Vec<u64>,
    /// Identities of the blocks of each request's prompt, `prefix_block` tokens each: equal ones mean an equal prefix.
    /// One after the other; request `i` has `prefix_ends[i - 1]..prefix_ends[i]`. Empty where the trace knows none.
    pub(super) prefixes: Vec<u32>,
    /// Where each request's blocks end; empty without prefixes.
    pub(super) prefix_ends: Vec<u32>,
    /// Tokens of a prefix block.
    pub(super) prefix_block: u32,
    /// Times of measured requests, in the order of `requests`; empty where the trace has none.
    pub measured: Vec<Measured>,
}

/// What was measured of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// From its entry in the queue to its first token \[s\].
    pub first: f64,
    /// From its entry in the queue to its last token \[s\].
    pub latency: f64,
    /// From the first token to the last, for each token after the first \[s\]; `None` for answers of one token.
    pub per_token: Option<f64>,
}

/// Why a trace cannot be replayed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TraceError {
    /// There is nothing in it.
    #[error("the trace has no requests")]
    Empty,
    /// A column is missing.
    #[error("the trace has no column for {what}; one of: {names}")]
    Column {
        /// What the column would say.
        what: &'static str,
        /// Names that it may have.
        names: String,
    },
    /// A line cannot be read or makes no sense.
    #[error("line {line}: {message}")]
    Line {
        /// Line of the file, from 1.
        line: u64,
        /// What is wrong.
        message: String,
    },
    /// A request comes before the one above it.
    #[error("line {line}: arrival {arrival} s is before that of the line above, {above} s; hint: sort the trace by arrival")]
    Unsorted {
        /// Line of the file, from 1.
        line: u64,
        /// Its arrival \[s\].
        arrival: f64,
        /// Arrival of the line above \[s\].
        above: f64,
    },
}

const ARRIVAL: &[&str] =
    &["arrival_s", "t_s", "arrival", "arrival_time", "arrived_at", "timestamp", "time", "t_ms", "arrival_ms", "arrival_time_ns"];
const INPUT: &[&str] = &[
    "input_tokens",
    "prompt_tokens",
    "num_prefill_tokens",
    "contexttokens",
    "request tokens",
    "input_length",
    "input_toks",
    "input",
    "in",
];
const OUTPUT: &[&str] = &[
    "output_tokens",
    "completion_tokens",
    "num_decode_tokens",
    "generatedtokens",
    "response tokens",
    "output_length",
    "output_toks",
    "output",
    "out",
];

impl Trace {
    /// Requests that come from no file.
    ///
    /// # Errors
    /// As [`Trace::read`], with the position from 1 as line.
    pub fn new(requests: Vec<Request>) -> Result<Self, TraceError> {
        let mut trace = Self::default();
        for (index, it) in requests.into_iter().enumerate() {
            trace.push(index as u64 + 1, it.arrival, f64::from(it.input), f64::from(it.output))?;
        }
        trace.finish()
    }

    /// Reads CSV, or JSON lines where the text begins with `{`.
    ///
    /// # Errors
    /// [`TraceError`] with the line.
    pub fn read(text: &str) -> Result<Self, TraceError> {
        let text = text.trim_start_matches('\u{feff}');
        if text.trim_start().starts_with('{') { Self::read_json(text) } else { Self::read_csv(text) }
    }

    fn read_csv(text: &str) -> Result<Self, TraceError> {
        if text.trim().is_empty() {
            return Err(TraceError::Empty);
        }
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let failed =
            |error: &csv::Error| TraceError::Line { line: error.position().map_or(1, csv::Position::line), message: error.to_string() };
        let header: Vec<String> =
            reader.headers().map_err(|error| failed(&error))?.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
        let find = |names: &[&str]| names.iter().find_map(|name| header.iter().position(|it| it == name));
        let column = |what, names: &[&str]| find(names).ok_or_else(|| TraceError::Column { what, names: names.join(", ") });
        let arrival = column("arrival", ARRIVAL)?;
        let (input, output) = (column("tokens of the prompt", INPUT)?, column("tokens of the answer", OUTPUT)?);
        let scale = scale(&header[arrival]);
        let measured = find(&["ttft_ms"]).zip(find(&["e2e_ms", "latency_ms"]));
        let mut trace = Self::default();
        let mut origin = None;
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record).map_err(|error| failed(&error))? {
            let line = record.position().map_or(0, csv::Position::line);
            let number = |index: usize| {
                let text = record.get(index).unwrap_or_default().trim();
                text.parse::<f64>().map_err(|_| TraceError::Line { line, message: format!("`{}` is no number: `{text}`", header[index]) })
            };
            let text = record.get(arrival).unwrap_or_default().trim();
            let at = match text.parse::<f64>() {
                Ok(value) => value * scale,
                // Calendar times count from the first.
                Err(_) => {
                    let at = calendar(text).ok_or_else(|| TraceError::Line {
                        line,
                        message: format!("`{}` is neither a number nor a time like 2023-11-16 18:15:46.68: `{text}`", header[arrival]),
                    })?;
                    at - *origin.get_or_insert(at)
                }
            };
            trace.push(line, at, number(input)?, number(output)?)?;
            if let Some((first, latency)) = measured {
                let (first, latency) = (number(first)? / 1e3, number(latency)? / 1e3);
                if !(first >= 0.0 && latency >= first && latency.is_finite()) {
                    let message = format!("measured times make no sense: first token after {first} s, last after {latency} s");
                    return Err(TraceError::Line { line, message });
                }
                let output = trace.requests.last().map_or(1, |it| it.output);
                let per_token = (output > 1).then(|| (latency - first) / f64::from(output - 1));
                trace.measured.push(Measured { first, latency, per_token });
            }
        }
        trace.finish()
    }

    fn read_json(text: &str) -> Result<Self, TraceError> {
        #[derive(Deserialize)]
        struct Line {
            #[serde(alias = "t_ms")]
            timestamp: f64,
            #[serde(alias = "in")]
            input_length: f64,
            #[serde(alias = "out")]
            output_length: f64,
            #[serde(default, alias = "blocks")]
            hash_ids: Vec<u64>,
        }
        let mut trace = Self { prefix_block: TRACE_BLOCK, ..Self::default() };
        let mut known: IndexMap<u64, ()> = IndexMap::new();
        for (index, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
            let line = index as u64 + 1;
            let it: Line = serde_json::from_str(text).map_err(|error| TraceError::Line { line, message: error.to_string() })?;
            trace.push(line, it.timestamp / 1e3, it.input_length, it.output_length)?;
            trace.prefixes.extend(it.hash_ids.into_iter().map(|id| known.insert_full(id, ()).0 as u32));
            trace.prefix_ends.push(trace.prefixes.len() as u32);
        }
        trace.finish()
    }

    fn push(&mut self, line: u64, arrival: f64, input: f64, output: f64) -> Result<(), TraceError> {
        let wrong = |message| Err(TraceError::Line { line, message });
        if !(0.0..=LATEST).contains(&arrival) {
            return wrong(format!("the arrival must be a number of seconds from 0: {arrival}"));
        }
        for (what, tokens) in [("prompt", input), ("answer", output)] {
            if !(tokens >= 1.0 && tokens <= f64::from(MOST_TOKENS) && tokens.fract() == 0.0) {
                return wrong(format!("tokens of the {what} must be a whole number from 1 to {MOST_TOKENS}: {tokens}"));
            }
        }
        if let Some(above) = self.requests.last().map(|it| it.arrival).filter(|above| *above > arrival) {
            return Err(TraceError::Unsorted { line, arrival, above });
        }
        self.requests.push(Request { arrival, input: input as u32, output: output as u32 });
        self.lines.push(line);
        Ok(())
    }

    fn finish(self) -> Result<Self, TraceError> {
        match self.requests.len() {
            0 => Err(TraceError::Empty),
            len if u32::try_from(len).is_err() || u32::try_from(self.prefixes.len()).is_err() => {
                Err(TraceError::Line { line: 1, message: "more than 4 billion requests or blocks".to_owned() })
            }
            _ => Ok(self),
        }
    }

    /// Prefix blocks of a request's prompt.
    #[must_use]
    pub fn prefix(&self, request: usize) -> &[u32] {
        let Some(end) = self.prefix_ends.get(request) else { return &[] };
        let start = if request == 0 { 0 } else { self.prefix_ends[request - 1] };
        &self.prefixes[start as usize..*end as usize]
    }
}

/// Seconds of one unit of a column.
fn scale(column: &str) -> f64 {
    if column.ends_with("_ms") {
        1e-3
    } else if column.ends_with("_ns") {
        1e-9
    } else {
        1.0
    }
}

/// Seconds of a time like `2023-11-16 18:15:46.6805900` since 1 March of year 0 (Hinnant 2013, days from civil).
fn calendar(text: &str) -> Option<f64> {
    let (date, time) = text.split_once([' ', 'T'])?;
    let mut date = date.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let mut time = time.trim_end_matches('Z').split(':').map(|part| part.parse::<f64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let fits = (1..=12).contains(&month) && (1..=31).contains(&day) && (0..=9999).contains(&year);
    if !fits || ![hour, minute, second].iter().all(|part| (0.0..=61.0).contains(part)) {
        return None;
    }
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (153 * month + 2) / 5 + day - 1;
    Some(days as f64 * 86_400.0 + hour * 3600.0 + minute * 60.0 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_traces_are_read_by_their_columns() {
        let azure = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-12-31 23:59:59.5,374,44\n2024-01-01 00:00:01.25,396,109\n";
        let trace = Trace::read(azure).unwrap();
        assert_eq!(trace.requests[1], Request { arrival: 1.75, input: 396, output: 109 });
        let ours = "request,input_tokens,output_tokens,arrival_s,ttft_ms,e2e_ms\n0,10,3,0.5,100,300\n";
        let trace = Trace::read(ours).unwrap();
        assert_eq!(trace.requests[0], Request { arrival: 0.5, input: 10, output: 3 });
        assert!((trace.measured[0].per_token.unwrap() - 0.1).abs() < 1e-12);
        let mooncake = "{\"timestamp\": 0, \"input_length\": 1100, \"output_length\": 5, \"hash_ids\": [7, 9, 4]}\n\
                        {\"t_ms\": 250, \"in\": 600, \"out\": 2, \"blocks\": [7, 5]}\n";
        let trace = Trace::read(mooncake).unwrap();
        assert_eq!((trace.requests[1].arrival, trace.prefix(0), trace.prefix(1)), (0.25, &[0, 1, 2][..], &[0, 3][..]));
    }

    #[test]
    fn bad_lines_are_named() {
        let message = |text: &str| Trace::read(text).unwrap_err().to_string();
        assert_eq!(message(""), "the trace has no requests");
        assert_eq!(message("arrival_s,input_tokens,output_tokens\n"), "the trace has no requests");
        assert!(message("arrival_s,input_tokens\n0,1\n").contains("no column for tokens of the answer"));
        let head = "arrival_s,input_tokens,output_tokens\n";
        assert!(message(&format!("{head}0,5,5\n1,-3,5\n")).starts_with("line 3: tokens of the prompt must be"));
        assert!(message(&format!("{head}0,5,5\n1,3,0\n")).starts_with("line 3: tokens of the answer must be"));
        assert!(message(&format!("{head}nan,5,5\n")).starts_with("line 2: the arrival must be"));
        assert!(message(&format!("{head}2,5,5\n1,5,5\n")).starts_with("line 3: arrival 1 s is before"));
        assert!(message(&format!("{head}0,5,1e30\n")).starts_with("line 2: "));
        assert!(message(&format!("{head}0,x,1\n")).contains("`input_tokens` is no number: `x`"));
        assert!(message(&format!("{head}0,1\n")).starts_with("line 2: "));
        assert!(message("{\"timestamp\": 0}\n").starts_with("line 1: missing field"));
    }
}
