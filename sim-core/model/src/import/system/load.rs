//! Hourly load: as numbers by area, or as the percentages of the IEEE Reliability Test System.
//!
//! Source of the percentages' use: IEEE RTS Task Force of the APM Subcommittee, "IEEE Reliability Test System", IEEE Trans. PAS-98(6) 2047-2054, 1979,
//! tables 1 to 3: an hour has the annual peak, times the week's, the day's and the hour's percentage.

use std::path::Path;

use bastide_grid::adequacy::Area;

use super::super::csv::Table;
use super::SystemOptions;
use super::table::name_of;
use crate::diag::Diagnostic;
use crate::keys::Range;
use crate::source::Span;

const WEEKLY: &str = "load_weekly_peak_pct.csv";
const DAILY: &str = "load_daily_peak_pct.csv";
const HOURLY: &str = "load_hourly_pct.csv";
const WEEKS: usize = 52;
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Areas with their load.
pub struct Loads {
    /// Areas.
    pub areas: Vec<Area>,
    /// Hours of the horizon.
    pub hours: usize,
}

/// Reads the load of a folder. `named` are the areas that the units name.
pub fn loads(folder: &Path, options: &SystemOptions, named: &[String], mistakes: &mut Vec<Diagnostic>) -> Option<Loads> {
    let file =
        options.load_file.as_ref().map(|file| folder.join(file)).or_else(|| Some(folder.join("load.csv")).filter(|file| file.exists()));
    if let Some(file) = file {
        let table = Table::read(&file, &name_of(folder, &file), mistakes)?;
        let columns = hourly(&table, mistakes);
        if columns.is_empty() {
            let message = format!("`{}` has no column with a load", table.name());
            mistakes.push(Diagnostic::error("F0403", table.title_span(0), message).hint("one column for each area, in MW"));
            return None;
        }
        let only = columns.len() == 1 && named.len() <= 1;
        let areas = columns.into_iter().map(|(title, _, load_mw)| {
            // The one column of the one area may have any title.
            let name = if only { named.first().cloned().unwrap_or(title) } else { title };
            Area { name, load_mw, ..Area::default() }
        });
        return Some(Loads { areas: areas.collect(), hours: table.len() });
    }
    if ![WEEKLY, DAILY, HOURLY].iter().any(|name| folder.join(name).exists()) {
        let shown = folder.display().to_string();
        let message = format!("`{shown}` holds no load");
        let hint = format!("`load.csv` with a column of MW for each area, or `{WEEKLY}`, `{DAILY}` and `{HOURLY}`");
        mistakes.push(Diagnostic::error("F0101", Span::file(&shown), message).hint(hint));
        return None;
    }
    percentages(folder, options, named, mistakes)
}

/// Columns of numbers by hour: title, position, values. Columns that tell the time are passed over.
pub fn hourly(table: &Table, mistakes: &mut Vec<Diagnostic>) -> Vec<(String, usize, Vec<f64>)> {
    const CLOCK: [&str; 8] = ["time", "hour", "date", "year", "month", "day", "period", ""];
    let titles: Vec<String> = table.titles().into_iter().map(|title| title.split('[').next().unwrap_or("").trim().to_owned()).collect();
    let loads = titles.into_iter().enumerate().filter(|(_, title)| !CLOCK.contains(&title.to_lowercase().as_str()));
    loads.map(|(column, title)| (title, column, table.numbers(column, Range::NotNegative, mistakes))).collect()
}

fn percentages(folder: &Path, options: &SystemOptions, named: &[String], mistakes: &mut Vec<Diagnostic>) -> Option<Loads> {
    let before = mistakes.len();
    let mut read = |name: &str| Table::read(&folder.join(name), name, mistakes);
    let (weekly, daily, by_hour) = (read(WEEKLY), read(DAILY), read(HOURLY));
    if let (true, Some(file)) = (options.peak.is_none(), &weekly) {
        let message = "the load is given in percent of a peak that nobody says".to_owned();
        mistakes.push(Diagnostic::error("F1004", file.title_span(0), message).hint("give the peak: `--peak 2850`"));
    }
    if named.len() > 1 {
        let message = format!("percentages give the load of one area, and the units name {}", named.len());
        mistakes.push(Diagnostic::error("F1004", Span::file(HOURLY), message).hint("give `load.csv` with a column of MW for each area"));
    }
    let (weekly, daily, by_hour) = (weekly?, daily?, by_hour?);
    let weeks = column(&weekly, "pct_of_annual_peak", WEEKS, "weeks", mistakes);
    let days = column(&daily, "pct_of_weekly_peak", DAYS.len(), "days", mistakes);
    in_order(&weekly, "week", |row| (row + 1).to_string(), mistakes);
    in_order(&daily, "day", |row| DAYS.get(row).map_or_else(String::new, |day| (*day).to_owned()), mistakes);
    // Hours from 0, or from 1.
    let first = usize::from(by_hour.find("hour").is_some_and(|column| by_hour.text(0, Some(column)) == "1"));
    in_order(&by_hour, "hour", |row| (row + first).to_string(), mistakes);
    let mut shapes = Vec::new();
    for season in ["winter", "summer", "springfall"] {
        for part in ["weekday", "weekend"] {
            shapes.push(column(&by_hour, &format!("{season}_{part}"), 24, "hours", mistakes));
        }
    }
    let peak = options.peak?.as_mw();
    if mistakes.len() > before {
        return None;
    }
    let mut load_mw = Vec::with_capacity(WEEKS * 7 * 24);
    for (week, of_year) in weeks.iter().enumerate() {
        let season = match week + 1 {
            1..=8 | 44..=52 => 0,
            18..=30 => 1,
            _ => 2,
        };
        for (day, of_week) in days.iter().enumerate() {
            let shape = &shapes[2 * season + usize::from(day >= 5)];
            load_mw.extend(shape.iter().map(|of_day| peak * (of_year / 100.0) * (of_week / 100.0) * (of_day / 100.0)));
        }
    }
    let name = named.first().cloned().unwrap_or_else(|| "system".to_owned());
    Some(Loads { hours: load_mw.len(), areas: vec![Area { name, load_mw, ..Area::default() }] })
}

/// A column of so many percentages.
fn column(table: &Table, title: &str, count: usize, noun: &str, mistakes: &mut Vec<Diagnostic>) -> Vec<f64> {
    let Some(column) = table.column(title, mistakes) else { return vec![0.0; count] };
    let values = table.numbers(column, Range::NotNegative, mistakes);
    if values.len() != count {
        let message = format!("`{}` has {} {noun}, not {count}", table.name(), values.len());
        mistakes
            .push(Diagnostic::error("F0409", table.title_span(column), message).hint(format!("one row for each of the {count} {noun}")));
    }
    values
}

/// Reports the first row that is not the one expected, where the table names its rows.
fn in_order(table: &Table, title: &str, expected: impl Fn(usize) -> String, mistakes: &mut Vec<Diagnostic>) {
    let Some(column) = table.find(title) else { return };
    let wrong = (0..table.len()).find(|row| !table.text(*row, Some(column)).eq_ignore_ascii_case(&expected(*row)));
    if let Some(row) = wrong.filter(|row| !expected(*row).is_empty()) {
        let message = format!("the {title} `{}` stands where `{}` is expected", table.text(row, Some(column)), expected(row));
        mistakes.push(Diagnostic::error("F0410", table.place(row, column), message).hint("rows in order, none left out"));
    }
}
