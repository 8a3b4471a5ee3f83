//! Traces drawn from what was published of a service's clients (Xiang et al. 2025, ServeGen): laws of the time between
//! arrivals by client and window, and quantiles of lengths.

use std::collections::BTreeMap;

use bastide_engine::{Stream, stream_key};

use super::request::{Request, Trace, TraceError};
use crate::{Row, Table, TableError};

/// Quantiles of the lengths' columns.
const QUANTILES: [(f64, &str); 7] =
    [(0.10, "p10"), (0.25, "p25"), (0.50, "p50"), (0.75, "p75"), (0.90, "p90"), (0.95, "p95"), (0.99, "p99")];
/// Most requests of a drawn trace.
const MOST_REQUESTS: f64 = 2e8;

/// Which part of the clients' requests to draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Draw {
    /// First second of the tables that is drawn; it is second 0 of the trace.
    pub from: f64,
    /// Second at which it ends.
    pub until: f64,
    /// Arrivals of the trace over those of the tables.
    pub share: f64,
    /// Seed.
    pub seed: u64,
}

type Key = (u64, u64);
type Lengths = BTreeMap<String, [f64; QUANTILES.len()]>;

/// Draws a trace from tables of arrivals (`client, t_s, rate_rps, iat_dist, p1, p2`: Gamma or Weibull, shape and scale in
/// seconds, by window) and lengths (`client, t_s, field, p10 .. p99`). A client's lengths hold until the next ones; a client
/// without takes those of the next client that has some. Fields that end in `_tokens`, `output_tokens` apart, are parts of
/// the prompt.
///
/// # Errors
/// [`TraceError`] with the line; [`TraceError::Empty`] where nothing arrives.
pub fn draw_trace(arrivals: &str, lengths: &str, draw: Draw) -> Result<Trace, TraceError> {
    let sane = draw.from >= 0.0 && draw.until > draw.from && draw.until <= 1e9 && draw.share > 0.0 && draw.share <= 1e6;
    if !sane {
        let message = format!("a trace needs 0 <= from < until and a positive share: {draw:?}");
        return Err(TraceError::Line { line: 0, message });
    }
    let lengths = read_lengths(lengths)?;
    let table = table(arrivals)?;
    let mut windows: BTreeMap<u64, Vec<(f64, Row<'_>)>> = BTreeMap::new();
    for row in table.rows() {
        windows.entry(whole(row, "client")?).or_default().push((number(row, "t_s")?, row));
    }
    let mut requests = Vec::new();
    for (client, mut windows) in windows {
        windows.sort_by(|a, b| a.0.total_cmp(&b.0));
        // The last window is as long as the one before it.
        let last = windows.windows(2).last().map_or(600.0, |pair| pair[1].0 - pair[0].0);
        for (index, (start, row)) in windows.iter().enumerate() {
            let end = windows.get(index + 1).map_or(start + last, |next| next.0).min(draw.until);
            if end <= draw.from || *start >= draw.until {
                continue;
            }
            let rate = number(*row, "rate_rps")?;
            if rate == 0.0 {
                continue;
            }
            let (shape, scale) = (positive(*row, "p1")?, positive(*row, "p2")? / draw.share);
            let law = row.get("iat_dist").unwrap_or_default();
            if !matches!(law, "Gamma" | "Weibull") {
                return Err(wrong(*row, format!("`iat_dist` is neither Gamma nor Weibull: {law}")));
            }
            if requests.len() as f64 + rate * draw.share * (end - start) > MOST_REQUESTS {
                return Err(wrong(*row, format!("more than {MOST_REQUESTS:.0} requests")));
            }
            let lengths = lengths_of(&lengths, client, *start).ok_or_else(|| wrong(*row, "no client has lengths".to_owned()))?;
            let mut times = Stream::new(draw.seed, 0, stream_key("arrivals", "client")).member(client).member(*start as u64);
            let mut sizes = Stream::new(draw.seed, 0, stream_key("lengths", "client")).member(client).member(*start as u64);
            let mut at = *start;
            // A clock that does not advance (a time between arrivals too small for its digits) would never end.
            let most = (10.0 * rate * draw.share * (end - start) + 1000.0) as u64;
            for _ in 0..most {
                at += if law == "Gamma" { times.gamma(shape, scale) } else { times.weibull(shape, scale) };
                if at.is_nan() || at >= end {
                    break;
                }
                let (input, output) = sample(lengths, &mut sizes);
                if at >= draw.from {
                    requests.push(Request { arrival: at - draw.from, input, output });
                }
            }
        }
    }
    requests.sort_by(|a, b| a.arrival.total_cmp(&b.arrival));
    Trace::new(requests)
}

fn table(text: &str) -> Result<Table, TraceError> {
    Table::read(text).map_err(|error| match error {
        TableError::Empty => TraceError::Empty,
        TableError::Csv { line, message } => TraceError::Line { line, message },
        TableError::UnknownColumns { .. } => TraceError::Line { line: 1, message: error.to_string() },
    })
}

fn wrong(row: Row<'_>, message: String) -> TraceError {
    TraceError::Line { line: row.line(), message }
}

fn number(row: Row<'_>, column: &str) -> Result<f64, TraceError> {
    let value = row.number(column).filter(|value| (0.0..1e9).contains(value));
    value.ok_or_else(|| wrong(row, format!("`{column}` is not a number from 0: {}", row.get(column).unwrap_or_default())))
}

fn positive(row: Row<'_>, column: &str) -> Result<f64, TraceError> {
    row.positive(column).map_err(|message| wrong(row, message))
}

fn whole(row: Row<'_>, column: &str) -> Result<u64, TraceError> {
    number(row, column).map(|value| value as u64)
}

fn read_lengths(text: &str) -> Result<BTreeMap<Key, Lengths>, TraceError> {
    let mut lengths: BTreeMap<Key, Lengths> = BTreeMap::new();
    for row in table(text)?.rows() {
        let field = row.get("field").unwrap_or_default();
        if !field.ends_with("_tokens") {
            continue;
        }
        let mut values = [0.0; QUANTILES.len()];
        for (value, (_, column)) in values.iter_mut().zip(QUANTILES) {
            *value = number(row, column)?;
        }
        lengths.entry((whole(row, "client")?, whole(row, "t_s")?)).or_default().insert(field.to_owned(), values);
    }
    Ok(lengths)
}

/// Lengths of a client at a time: its last ones before, its first, or the next client's.
fn lengths_of(all: &BTreeMap<Key, Lengths>, client: u64, at: f64) -> Option<&Lengths> {
    let before = all.range((client, 0)..=(client, at as u64)).next_back();
    before.or_else(|| all.range((client, 0)..).next()).or_else(|| all.iter().next()).map(|(_, lengths)| lengths)
}

fn sample(lengths: &Lengths, stream: &mut Stream) -> (u32, u32) {
    let (mut input, mut output) = (0.0, 0.0);
    for (field, values) in lengths {
        let tokens = quantile(values, stream.uniform());
        if field == "output_tokens" { output += tokens } else { input += tokens }
    }
    (input.round().max(1.0) as u32, output.round().max(1.0) as u32)
}

/// A quantile between published ones; beyond the outermost, these.
fn quantile(values: &[f64; QUANTILES.len()], share: f64) -> f64 {
    let above = QUANTILES.iter().position(|(at, _)| *at >= share);
    match above {
        Some(0) => values[0],
        Some(index) => {
            let (low, high) = (QUANTILES[index - 1].0, QUANTILES[index].0);
            values[index - 1] + (values[index] - values[index - 1]) * (share - low) / (high - low)
        }
        None => values[QUANTILES.len() - 1],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARRIVALS: &str = "client,t_s,rate_rps,iat_cv,iat_dist,p1,p2\n0,0,5,2,Gamma,0.25,0.8\n0,600,10,1,Weibull,1,0.1\n3,0,0,,,,\n";
    const LENGTHS: &str = "client,t_s,field,mean,p10,p25,p50,p75,p90,p95,p99\n\
                           7,0,text_tokens,0,10,20,40,80,100,200,300\n7,0,image_tokens,0,5,5,5,5,5,5,5\n\
                           7,0,image_count,0,1,1,1,1,1,1,1\n7,0,output_tokens,0,1,2,3,4,5,6,7\n";

    #[test]
    fn arrivals_and_lengths_have_the_published_laws() {
        let draw = |seed, share| draw_trace(ARRIVALS, LENGTHS, Draw { from: 0.0, until: 1200.0, share, seed }).unwrap();
        let trace = draw(1, 20.0);
        // 20 * (5 + 10) * 600 requests: 180,000, the first half with a variance of 4 times the mean.
        assert!((trace.requests.len() as f64 / 180_000.0 - 1.0).abs() < 0.02, "{}", trace.requests.len());
        let below = trace.requests.iter().filter(|it| it.input <= 45).count() as f64 / trace.requests.len() as f64;
        assert!((below - 0.5).abs() < 0.02, "{below}");
        assert!(trace.requests.iter().all(|it| (15..=305).contains(&it.input) && (1..=7).contains(&it.output)));
        assert_eq!(trace.requests, draw(1, 20.0).requests);
        assert_ne!(trace.requests, draw(2, 20.0).requests);
    }

    #[test]
    fn bad_tables_are_named() {
        let all = Draw { from: 0.0, until: 1200.0, share: 1.0, seed: 0 };
        let message = |arrivals: &str, lengths: &str, draw| draw_trace(arrivals, lengths, draw).unwrap_err().to_string();
        assert!(message(&ARRIVALS.replace("Weibull", "Cauchy"), LENGTHS, all).starts_with("line 3: `iat_dist` is neither"));
        assert!(message(&ARRIVALS.replace("0.25", "-1"), LENGTHS, all).starts_with("line 2: `p1` is not a number above zero"));
        assert!(message(ARRIVALS, &LENGTHS.replace("300", "x"), all).starts_with("line 2: `p99` is not a number"));
        assert!(message(ARRIVALS, LENGTHS, Draw { until: 0.0, ..all }).contains("0 <= from < until"));
        assert!(message(ARRIVALS, LENGTHS, Draw { from: 5000.0, until: 6000.0, ..all }).contains("no requests"));
        assert!(message(ARRIVALS, LENGTHS, Draw { share: 1e6, ..all }).contains("more than"));
    }
}
