//! Dates: TOML date-times to moments of the history.

use bastide_units::Time;
use toml::value::{Datetime, Offset};

use super::Cursor;
use crate::tree::Value;

impl Cursor<'_, '_> {
    /// Seconds from the Unix epoch, if the key stands and is a date.
    pub fn epoch_opt(&mut self, key: &str) -> Option<f64> {
        let Some(node) = self.take(key) else {
            self.missing(key);
            return None;
        };
        let hint = "write `2027-01-15T00:00:00Z` or `2027-01-15`, without quotes";
        match &node.value {
            Value::Date(date) => {
                let epoch = epoch_seconds(date);
                if epoch.is_none() {
                    self.ctx.error_hint("F0212", node.at, format!("`{key}` is not a moment: {date}"), hint);
                }
                epoch
            }
            Value::Text(text) => {
                self.ctx.error_hint("F0212", node.at, format!("`{key}` is a text, not a date: `{text}`"), hint);
                None
            }
            _ => {
                self.wrong_form(key, node, "a date");
                None
            }
        }
    }

    /// A moment of the history, if the key stands; not before the start.
    pub fn date_opt(&mut self, key: &str) -> Option<Time> {
        let seconds = self.epoch_opt(key).filter(|_| self.ctx.clock)? - self.ctx.start_epoch_s as f64;
        if seconds < 0.0 {
            let code = if self.spec_name() == "hazard" { "F0801" } else { "F0222" };
            self.wrong(code, key, format!("`{key}` lies before the scenario's start"), "leave it out to mean the start");
            return None;
        }
        Some(Time::from_nanos((seconds * 1e9).round() as u64))
    }

    fn spec_name(&self) -> &'static str {
        self.spec.name
    }
}

/// Seconds from the Unix epoch. A date alone is its midnight in UTC; a time without an offset is no moment.
#[must_use]
pub fn epoch_seconds(date: &Datetime) -> Option<f64> {
    let day = date.date?;
    let offset_minutes = match (date.time, date.offset) {
        (None, None) | (Some(_), Some(Offset::Z)) => 0,
        (Some(_), Some(Offset::Custom { minutes })) => i64::from(minutes),
        _ => return None,
    };
    let day = jiff::civil::Date::new(day.year.try_into().ok()?, day.month.try_into().ok()?, day.day.try_into().ok()?).ok()?;
    let midnight = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
    let within = date.time.map_or(0.0, |time| {
        f64::from(time.hour) * 3600.0
            + f64::from(time.minute) * 60.0
            + f64::from(time.second.unwrap_or(0))
            + f64::from(time.nanosecond.unwrap_or(0)) * 1e-9
    });
    Some((midnight - offset_minutes * 60) as f64 + within)
}
