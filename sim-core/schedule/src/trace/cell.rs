//! Numbers and moments in the cells of a log.

use bastide_units::Time;

use crate::span::{SECOND, Span};

/// Longest time of a log \[s\]: 285 years, so that the sum of two still is a [`Time`].
const LONGEST_S: u64 = 9_000_000_000;
/// Most GPUs, CPUs and the like of one job.
const MOST: f64 = 1e9;

/// Whether a cell says that there is nothing.
pub fn is_missing(text: &str) -> bool {
    matches!(text, "" | "None" | "none" | "null" | "NULL" | "NaT" | "\\N" | "N/A")
}

/// A length of time in seconds: a decimal number from 0.
pub fn span(text: &str) -> Result<Span, String> {
    if let Some(nanos) = decimal(text) {
        return Ok(Span::from_nanos(nanos));
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_nan() => Err(format!("`{text}` is no number")),
        Ok(number) if number < 0.0 => Err(format!("`{text}` is below 0")),
        Ok(number) if number > LONGEST_S as f64 => {
            Err(format!("`{text}` s is longer than 285 years; times of a log are in seconds, not in milliseconds"))
        }
        Ok(number) => Ok(Span::from_s(number)),
        Err(_) => Err(format!("`{text}` is no number of seconds")),
    }
}

/// A moment: seconds, or a date with a time of day (UTC unless it says otherwise).
pub fn moment(text: &str) -> Result<Time, String> {
    if text.contains([':', '/']) || text.get(1..).is_some_and(|rest| rest.contains('-') && !rest.contains(['e', 'E'])) {
        return date(text);
    }
    span(text)
        .map(|it| it.after(Time::ZERO))
        .map_err(|message| message.replace("is no number of seconds", "is neither a number of seconds nor a date"))
}

fn date(text: &str) -> Result<Time, String> {
    let wrong = || format!("`{text}` is no date; write 2017-10-01 13:05:00 or seconds");
    let plain = text.strip_suffix("UTC").unwrap_or(text).trim_end();
    let stamp = plain.parse::<jiff::Timestamp>().or_else(|_| {
        let civil = plain.parse::<jiff::civil::DateTime>()?;
        jiff::tz::TimeZone::UTC.to_timestamp(civil)
    });
    let nanos = stamp.map_err(|_| wrong())?.as_nanosecond();
    u64::try_from(nanos).map(Time::from_nanos).map_err(|_| format!("`{text}` lies before 1970"))
}

/// A decimal number of seconds in nanoseconds, without rounding; `None` for any other way of writing it.
fn decimal(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 10 || fraction.len() > 9 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let whole: u64 = whole.parse().ok().filter(|seconds| *seconds <= LONGEST_S)?;
    let nanos = if fraction.is_empty() { 0 } else { fraction.parse::<u64>().ok()? * 10_u64.pow(9 - fraction.len() as u32) };
    Some(whole * SECOND + nanos)
}

/// A number from 0.
pub fn number(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_nan() => Err(format!("`{text}` is no number")),
        Ok(number) if number < 0.0 => Err(format!("`{text}` is below 0")),
        Ok(number) if number > MOST => Err(format!("`{text}` is too large")),
        Ok(number) => Ok(number),
        Err(_) => Err(format!("`{text}` is no number")),
    }
}

/// A whole number from 0, also written as `8.0`.
pub fn count(text: &str) -> Result<u32, String> {
    let number = number(text)?;
    if number.fract() == 0.0 { Ok(number as u32) } else { Err(format!("`{text}` is no whole number")) }
}

/// A whole number of either sign.
pub fn whole(text: &str) -> Result<i64, String> {
    text.parse().or_else(|_| match text.parse::<f64>() {
        Ok(number) if number.fract() == 0.0 && number.abs() <= MOST => Ok(number as i64),
        _ => Err(format!("`{text}` is no whole number")),
    })
}
