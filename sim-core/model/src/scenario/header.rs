//! `[scenario]`, `[policy]`, `[report]`.

use bastide_units::Duration;

use super::single;
use crate::decode::Context;
use crate::keys;
use crate::model::{Failover, Header, Policy, ReportSettings};
use crate::tree::Table;

/// Decodes `[scenario]` and sets the context's clock.
pub fn header(ctx: &mut Context, root: &Table) -> Option<Header> {
    let (mut header, clock) = single(ctx, root, "scenario", |cursor| {
        match cursor.integer_opt("format") {
            None if !cursor.has("format") => cursor.miss("format"),
            Some(1) | None => {}
            Some(other) => cursor.wrong("F0219", "format", format!("format {other} is not known"), "this program reads format 1"),
        }
        let entity = cursor.entity();
        let question = cursor.text_opt("question").unwrap_or_default();
        let start = cursor.epoch_opt("start");
        if let Some(start) = start
            && start.rem_euclid(3600.0) != 0.0
        {
            cursor.wrong("F0222", "start", "`start` is not a full hour", "series are hourly: start at a full hour, UTC");
        }
        let duration: Duration = cursor.quantity("duration");
        if duration.as_h() < 1.0 || duration.as_y() > 20.0 {
            cursor.wrong("F0208", "duration", "`duration` must be from 1 h to 20 y", "such as \"365 d\"");
        }
        let price_year = cursor.integer_opt("price_year");
        if price_year.is_none() && !cursor.has("price_year") {
            cursor.miss("price_year");
        }
        if price_year.is_some_and(|year| !(1990..=2100).contains(&year)) {
            cursor.wrong("F0208", "price_year", "`price_year` must be from 1990 to 2100", "the year whose euro all prices are in");
        }
        let seed = cursor.integer_opt("seed").unwrap_or(7);
        if seed < 0 {
            cursor.wrong("F0208", "seed", format!("`seed` must be zero or more: {seed}"), "any whole number");
        }
        let clock = start.is_some() && duration.as_h() >= 1.0;
        let start_epoch_s = start.unwrap_or(0.0) as i64;
        let start = jiff::Timestamp::from_second(start_epoch_s).map_or_else(|_| String::new(), |start| start.to_string());
        let duration = if duration.as_h() >= 1.0 && duration.as_y() <= 20.0 { duration } else { Duration::from_h(1.0) };
        let header = Header {
            name: entity.name,
            title: entity.title,
            question,
            start,
            start_epoch_s,
            duration,
            hours: (duration.as_h() - 1e-9).ceil().max(1.0) as usize,
            price_year: price_year.unwrap_or(0),
            seed: u64::try_from(seed).unwrap_or(0),
            folder: std::path::PathBuf::new(),
        };
        (header, clock)
    })?;
    ctx.clock = clock;
    ctx.start_epoch_s = header.start_epoch_s;
    ctx.hours = header.hours;
    ctx.duration = header.duration;
    header.folder.clone_from(&ctx.files.folder);
    Some(header)
}

/// Decodes `[policy]`.
pub fn policy(ctx: &mut Context, root: &Table) -> Option<Policy> {
    single(ctx, root, "policy", |cursor| Policy {
        failover: [Failover::None, Failover::Planned, Failover::AnyLegal][cursor.one_of("failover", keys::FAILOVERS)],
        failover_time: cursor.quantity("failover_time"),
        preempt_training: cursor.boolean("preempt_training"),
        value_of_lost_load: cursor.quantity("value_of_lost_load"),
        headroom: cursor.ratio("headroom"),
        grid: super::grid_event::policy(cursor),
    })
}

/// Decodes `[report]`.
pub fn report(ctx: &mut Context, root: &Table) -> Option<ReportSettings> {
    single(ctx, root, "report", |cursor| ReportSettings {
        letterhead: cursor.text_opt("letterhead"),
        summary: cursor.text_opt("summary"),
        metrics: super::case::patterns(cursor, "metrics"),
        case_replications: cursor.count_opt("case_replications"),
        replications: cursor.count_opt("replications"),
        questions: Vec::new(),
    })
}
