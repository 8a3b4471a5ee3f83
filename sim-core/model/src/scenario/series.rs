//! Hourly series from CSV files, with the place of every mistake.

use std::collections::{BTreeMap, BTreeSet};

use bastide_units::{Duration, Quantity, display};
use csv::StringRecord;

use super::files::{near_file, relative_to};
use crate::decode::{Context, suggestion};
use crate::keys::{Range, nearest};
use crate::model::{Series, SeriesId};
use crate::text::{At, MAX_SERIES};

/// Most mistakes that one file or column reports.
const MAX_REPORTS: usize = 5;
const HOUR_S: i64 = 3600;

/// CSV files read so far, by their path; `None` for one that cannot be used.
#[derive(Default)]
pub struct Cache {
    files: BTreeMap<(String, bool), Option<CsvFile>>,
    columns: BTreeMap<(String, String, &'static str, bool, u64), Option<SeriesId>>,
}

/// What a profile makes of the rows of its column.
pub struct Course {
    /// Factor on every value.
    pub scale: f64,
    /// Whether the rows begin again after the last, as those of one year do in a scenario of ten.
    pub repeat: bool,
    /// Growth \[1/y\], hour by hour from the scenario's start on: `(1 + growth) ^ (hour / 8766)`.
    pub growth: f64,
}

/// Hours of a mean year of the Julian calendar.
const YEAR_H: f64 = 8766.0;

impl Cache {
    /// The files alone, for decoding again into other series.
    #[must_use]
    pub fn without_columns(self) -> Self {
        Self { columns: BTreeMap::new(), ..self }
    }
}

struct CsvFile {
    id: u32,
    header: StringRecord,
    /// The rows of the scenario's hours.
    rows: Vec<StringRecord>,
}

/// One column as a series in the base unit of `Q`; read once, however often it is named.
///
/// `range` is that of the profile, `scale` times the value, growth included.
pub fn column<Q: Quantity>(ctx: &mut Context, file: (&str, At), column: (&str, At), course: &Course, range: Range) -> Option<SeriesId> {
    let name = relative_to(ctx.files.sources.name(file.1.file), file.0);
    let mut cache = std::mem::take(&mut ctx.cache);
    let key = (name.clone(), column.0.to_owned(), Q::NAME, course.repeat, course.growth.to_bits());
    let series = if let Some(series) = cache.columns.get(&key) {
        *series
    } else {
        let read = cache.files.entry((name.clone(), course.repeat)).or_insert_with(|| read(ctx, &name, file.0, file.1, course.repeat));
        let series = read.as_ref().and_then(|read| values::<Q>(ctx, read, &name, column, course, range));
        cache.columns.insert(key, series);
        series
    };
    ctx.cache = cache;
    series
}

/// Where a field of a row stands.
fn field(ctx: &Context, id: u32, record: &StringRecord, index: usize) -> At {
    let (start, end) = cell(&ctx.files.sources.text(id), record, index);
    At { file: id, start, end }
}

/// First byte of a field of a record in its text, and one past its last.
pub(crate) fn cell(text: &str, record: &StringRecord, index: usize) -> (u32, u32) {
    let mut start = record.position().map_or(0, |position| position.byte() as usize);
    // The csv crate places a record before the line breaks that it skips.
    while matches!(text.as_bytes().get(start), Some(b'\n' | b'\r')) {
        start += 1;
    }
    let mut quoted = false;
    let (mut field, mut begin) = (0, start);
    for (offset, byte) in text.as_bytes()[start.min(text.len())..].iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                if field == index {
                    return (begin as u32, (start + offset) as u32);
                }
                field += 1;
                begin = start + offset + 1;
            }
            b'\n' if !quoted => {
                let end = if text.as_bytes()[start..start + offset].ends_with(b"\r") { offset - 1 } else { offset };
                return (begin as u32, (start + end) as u32);
            }
            _ => {}
        }
    }
    (begin as u32, text.len() as u32)
}

/// `written` is how the scenario names the file, `said` where.
fn read(ctx: &mut Context, name: &str, written: &str, said: At, repeat: bool) -> Option<CsvFile> {
    let missing = !ctx.files.folder.join(name).is_file();
    if missing {
        let path = ctx.files.folder.join(name);
        let near = near_file(written, &path);
        let hint = near.unwrap_or_else(|| "the path is relative to the file that says it".to_owned());
        ctx.error_hint("F0401", said, format!("there is no file `{name}`"), hint);
        return None;
    }
    let (id, text) = ctx.files.read(name, MAX_SERIES, Some(said))?;
    // `flexible`: rows of another length get our own message, with a place.
    let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(text.as_bytes());
    let mut records = reader.records().filter_map(Result::ok);
    let Some(header) = records.next() else {
        ctx.error_hint(
            "F0415",
            At::whole(id),
            format!("`{name}` is empty"),
            "a header such as `time,pl [GW],lt [GW]`, then one row for each hour",
        );
        return None;
    };
    let mut broken = !titles(ctx, id, name, &header)?;
    let mut rows: Vec<StringRecord> = Vec::new();
    let mut reports = 0;
    let (mut first, mut last, mut last_step): (Option<i64>, Option<i64>, i64) = (None, None, HOUR_S);
    let start = ctx.start_epoch_s;
    let end = start + ctx.hours as i64 * HOUR_S;
    for record in records {
        if reports >= MAX_REPORTS {
            return None;
        }
        let Some(time) = moment(ctx, id, &record, header.len()) else {
            (reports, broken) = (reports + 1, true);
            last = None;
            continue;
        };
        first.get_or_insert(time);
        let step = last.map_or(HOUR_S, |last| time - last);
        // Rows that are all a quarter of an hour or a day apart are one mistake.
        if step != HOUR_S && step != last_step {
            let at = field(ctx, id, &record, 0);
            let (code, message, hint) = irregular(step, record.get(0).unwrap_or("").trim(), first == last);
            ctx.error_hint(code, at, message, hint);
            (reports, broken) = (reports + 1, true);
        }
        (last, last_step) = (Some(time), step);
        if !ctx.clock || (time > start - HOUR_S && time < end) {
            rows.push(record);
        }
    }
    // Rows that repeat need not reach the end.
    let known = if repeat && !rows.is_empty() { ctx.hours } else { rows.len() };
    if broken || !covers(ctx, At::whole(id), name, said, first, known) {
        return None;
    }
    if ctx.clock {
        rows.truncate(ctx.hours);
    }
    Some(CsvFile { id, header, rows })
}

/// Checks the header: `None` if it is none, `false` if a column stands twice.
fn titles(ctx: &mut Context, id: u32, name: &str, header: &StringRecord) -> Option<bool> {
    let title = header.get(0).unwrap_or("").trim();
    if title != "time" {
        let at = field(ctx, id, header, 0);
        let other = [(';', "semicolons"), ('\t', "tabs")].into_iter().find(|(mark, _)| title.contains(*mark));
        let (message, hint) = match other {
            Some((_, marks)) => {
                (format!("the columns of `{name}` are separated by {marks}"), "separate columns by commas, and write decimals with a point")
            }
            None => (format!("the first column of `{name}` is not `time`"), "a header such as `time,pl [GW],lt [GW]`"),
        };
        ctx.error_hint("F0415", at, message, hint);
        return None;
    }
    let mut seen = BTreeSet::new();
    let mut different = true;
    for (index, column) in header.iter().enumerate() {
        let bare = column.split('[').next().unwrap_or("").trim();
        if !seen.insert(bare) {
            let at = field(ctx, id, header, index);
            ctx.error_hint("F0418", at, format!("column `{bare}` stands twice"), "rename or remove one");
            different = false;
        }
    }
    Some(different)
}

/// The time of a row in seconds of the Unix epoch; `None` after a message.
fn moment(ctx: &mut Context, id: u32, record: &StringRecord, columns: usize) -> Option<i64> {
    if record.len() != columns {
        let at = field(ctx, id, record, record.len().min(columns) - 1);
        let message = format!("this row has {} fields, the header has {columns}", record.len());
        ctx.error_hint("F0414", at, message, "every row has one field for each column; decimals have a point");
        return None;
    }
    let text = record.get(0).unwrap_or("").trim();
    let time = text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second);
    if time.is_none() {
        let at = field(ctx, id, record, 0);
        ctx.error_hint("F0416", at, format!("`{text}` is not a time"), "RFC 3339 in UTC: `2027-01-01T00:00:00Z`");
    }
    time
}

/// Whether rows from `first` on, `count` of them within the scenario, cover it; reports what is missing.
fn covers(ctx: &mut Context, file: At, name: &str, said: At, first: Option<i64>, count: usize) -> bool {
    let Some(first) = first else {
        ctx.error_hint("F0409", file, format!("`{name}` has no rows"), "one row for each hour of the scenario");
        return false;
    };
    let late = first - ctx.start_epoch_s;
    if ctx.clock && late > 0 {
        let message = format!("`{name}` begins {} h after the scenario's start", (late + HOUR_S - 1) / HOUR_S);
        ctx.error_hint("F0413", said, message, "let the scenario start later, or add the hours");
        return false;
    }
    if ctx.clock && count < ctx.hours {
        let message = format!("`{name}` ends {} h before the scenario's end", ctx.hours - count);
        ctx.error_hint("F0409", said, message, "shorten the scenario's `duration`, or add the hours");
        return false;
    }
    true
}

/// What is wrong with a row that is not one hour after the row before: code, message, hint.
fn irregular(step: i64, text: &str, first: bool) -> (&'static str, String, &'static str) {
    match step {
        0 => ("F0411", format!("the hour {text} stands twice"), "in UTC no hour is repeated; check the change to winter time"),
        step if step > 0 && step % HOUR_S == 0 => {
            let missing = step / HOUR_S - 1;
            let words = if missing == 1 { "one hour is missing".to_owned() } else { format!("{missing} hours are missing") };
            ("F0410", format!("{words} before {text}"), "fill the gap; nothing is interpolated")
        }
        step if step > 0 && first => {
            let apart = display(Duration::from_s(step as f64));
            ("F0412", format!("the rows are {apart} apart, not one hour"), "give one row for each hour, such as the mean over it")
        }
        _ => ("F0412", format!("{text} is not one hour after the row before"), "one row for each hour, in order"),
    }
}

fn values<Q: Quantity>(
    ctx: &mut Context,
    file: &CsvFile,
    name: &str,
    column: (&str, At),
    course: &Course,
    range: Range,
) -> Option<SeriesId> {
    let bare = |text: &str| text.split('[').next().unwrap_or("").trim().to_owned();
    let names: Vec<String> = file.header.iter().skip(1).map(bare).collect();
    let Some(index) = names.iter().position(|known| known == column.0) else {
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        let hint = suggestion(column.0, &known, "column");
        ctx.error_hint("F0403", column.1, format!("`{name}` has no column `{}`", column.0), hint);
        return None;
    };
    let index = index + 1;
    let title = file.header.get(index).unwrap_or("").trim();
    let units: Vec<&str> = Q::UNITS.iter().map(|(unit, _)| if unit.is_empty() { "1" } else { *unit }).collect();
    let Some(unit) = title.split_once('[').and_then(|(_, rest)| rest.strip_suffix(']')).map(str::trim) else {
        let at = field(ctx, file.id, &file.header, index);
        ctx.error_hint(
            "F0404",
            at,
            format!("column `{}` has no unit", column.0),
            format!("write `{} [{}]`; units of {}: {}", column.0, units[0], Q::NAME, units.join(", ")),
        );
        return None;
    };
    let Some(size) = Q::UNITS.iter().zip(&units).find(|(_, name)| **name == unit).map(|((_, size), _)| *size) else {
        let at = field(ctx, file.id, &file.header, index);
        let near = nearest(unit, units.iter().copied()).map_or_else(String::new, |near| format!("did you mean `{near}`? "));
        ctx.error_hint("F0405", at, format!("`{unit}` is not a unit of {}", Q::NAME), format!("{near}units: {}", units.join(", ")));
        return None;
    };
    let mut values = Vec::with_capacity(file.rows.len());
    let mut reports = 0;
    for record in &file.rows {
        let text = record.get(index).unwrap_or("").trim();
        let wrong = match text.parse::<f64>() {
            Ok(value) if !value.is_finite() => {
                Some(("F0407", format!("`{text}` is not a finite number"), "fill the gap; nothing is interpolated".to_owned()))
            }
            Ok(value) => {
                values.push(value * size);
                (!range.holds(value * size * course.scale)).then(|| {
                    let code = if range == Range::Share { "F0509" } else { "F0508" };
                    (code, format!("`{}` must be {}: {text}", column.0, range.words()), "check the column's unit and `scale`".to_owned())
                })
            }
            Err(_) if text.is_empty() => {
                Some(("F0408", format!("a value of `{}` is missing", column.0), "fill the gap; nothing is interpolated".to_owned()))
            }
            Err(_) => Some(("F0406", format!("`{text}` is not a number"), "digits with a decimal point, without a unit".to_owned())),
        };
        if let Some((code, message, hint)) = wrong {
            let at = field(ctx, file.id, record, index);
            ctx.error_hint(code, at, message, hint);
            reports += 1;
            if reports == MAX_REPORTS {
                break;
            }
        }
    }
    if reports > 0 {
        return None;
    }
    if course.repeat && ctx.clock && !values.is_empty() {
        let once = values.len();
        values.extend((once..ctx.hours).map(|hour| values[hour % once]).collect::<Vec<_>>());
    }
    if course.growth != 0.0 {
        for (hour, value) in values.iter_mut().enumerate() {
            *value *= (1.0 + course.growth).powf(hour as f64 / YEAR_H);
        }
        let outside = values.iter().position(|value| !range.holds(value * course.scale));
        if let Some(hour) = outside {
            let message =
                format!("`{}` grows out of what it may be: it must be {}, and is not from hour {hour} on", column.0, range.words());
            ctx.error_hint("F0508", column.1, message, "lower `growth`, or take it out");
            return None;
        }
    }
    ctx.series.push(Series::new(format!("{name}#{}", column.0), values));
    Some(SeriesId::from_index(ctx.series.len() - 1))
}
