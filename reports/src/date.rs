//! Dates of a study: its start plus hours.

/// Days from 1970-01-01 to a date of the Gregorian calendar (Hinnant, "chrono-compatible low-level date algorithms").
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse.
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `14 Feb 2027`, so many hours after the start (RFC 3339); the hours themselves if the start cannot be read.
#[must_use]
pub fn after(start: &str, hours: f64) -> String {
    minute(start, hours).map_or_else(|| format!("hour {hours:.0}"), |(day, _)| day)
}

/// `14 Feb 2027 06:30`, so many hours after the start (RFC 3339); the hours themselves if the start cannot be read.
#[must_use]
pub fn moment(start: &str, hours: f64) -> String {
    let text = minute(start, hours).map(|(day, minute)| format!("{day} {:02}:{:02}", minute / 60, minute % 60));
    text.unwrap_or_else(|| format!("hour {hours:.2}"))
}

/// The day in words, and the minute of that day.
fn minute(start: &str, hours: f64) -> Option<(String, i64)> {
    let number = |from: usize, to: usize| start.get(from..to).and_then(|text| text.parse::<i64>().ok());
    let parts = (number(0, 4), number(5, 7), number(8, 10));
    let (Some(year), Some(month @ 1..=12), Some(day @ 1..=31)) = parts else { return None };
    let minutes = number(11, 13).unwrap_or(0) * 60 + number(14, 16).unwrap_or(0);
    // A tenth of a second: times are rounded.
    let minutes = (hours * 60.0 + minutes as f64 + 1.0 / 600.0).floor() as i64;
    let (year, month, day) = civil_from_days(days_from_civil(year, month, day) + minutes.div_euclid(1440));
    // The month is 1 to 12 by construction.
    Some((format!("{day} {} {year}", MONTHS[(month - 1) as usize]), minutes.rem_euclid(1440)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_roll_over() {
        assert_eq!(after("2027-01-01T00:00:00Z", 0.0), "1 Jan 2027");
        assert_eq!(after("2027-01-01T00:00:00Z", 23.99), "1 Jan 2027");
        assert_eq!(after("2027-01-01T12:00:00Z", 12.0), "2 Jan 2027");
        assert_eq!(after("2028-02-28T00:00:00Z", 24.0), "29 Feb 2028");
        assert_eq!(after("2027-01-01T00:00:00Z", 8760.0), "1 Jan 2028");
        assert_eq!(after("soon", 5.0), "hour 5");
        assert_eq!(moment("2027-01-01T12:30:00Z", 12.25), "2 Jan 2027 00:45");
        assert_eq!(moment("soon", 5.0), "hour 5.00");
    }

    #[test]
    fn both_ways() {
        for days in [-719_468, -1, 0, 59, 11_016, 20_833, 100_000] {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
        }
    }
}
