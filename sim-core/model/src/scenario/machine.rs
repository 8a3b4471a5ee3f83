//! What makes machines fail, and what takes them out by plan: `[[failure]]`, `[[maintenance]]`, `[[power_cap]]`, spares of a site.

use bastide_engine::Distribution;
use bastide_units::{Duration, Ratio};

use super::each;
use crate::decode::{Context, Cursor};
use crate::keys::{self, Range};
use crate::model::{AcceleratorId, Failure, FailureDomain, FailureKind, Maintenance, PowerCap, SiteId};
use crate::tree::Table;

/// Decodes `[[failure]]`; a cause of an unknown kind is reported and left out.
pub fn failures(ctx: &mut Context, root: &Table) -> Vec<Failure> {
    let all = each(ctx, root, "failure", |cursor| {
        let entity = cursor.entity();
        let accelerators: Vec<AcceleratorId> =
            cursor.references("accelerators", "accelerator").unwrap_or_default().into_iter().map(AcceleratorId::from_index).collect();
        let sites = sites_of(cursor);
        let domain = [FailureDomain::Node, FailureDomain::Rack, FailureDomain::Hall, FailureDomain::Site]
            [cursor.one_of("domain", keys::FAILURE_DOMAINS)];
        let rate = cursor.quantity("rate");
        let by_age = by_age(cursor);
        let by_job_size = by_job_size(cursor);
        let kind = match cursor.kind()? {
            "crash" => FailureKind::Crash {
                detection: cursor.distribution::<Duration>("detection"),
                repair: cursor.distribution::<Duration>("repair"),
                spare: cursor.boolean("spare"),
            },
            "transient" => FailureKind::Transient { detection: cursor.distribution::<Duration>("detection") },
            "silent" => FailureKind::Silent { detection: cursor.distribution::<Duration>("detection"), repair: repair(cursor) },
            _ => FailureKind::Straggler {
                slowdown: cursor.ratio("slowdown"),
                detection: cursor.distribution::<Duration>("detection"),
                repair: repair(cursor),
            },
        };
        Some(Failure { entity, accelerators, sites, domain, rate, kind, by_age, by_job_size })
    });
    all.into_iter().flatten().collect()
}

fn sites_of(cursor: &mut Cursor<'_, '_>) -> Vec<SiteId> {
    for key in ["accelerators", "sites"] {
        if cursor.list(key).is_some_and(<[_]>::is_empty) {
            cursor.wrong("F0217", key, format!("`{key}` is empty"), "name at least one, or leave the key out for all");
        }
    }
    cursor.references("sites", "site").unwrap_or_default().into_iter().map(SiteId::from_index).collect()
}

/// Repair of a fault that was noticed late, and whether it takes a part.
fn repair(cursor: &mut Cursor<'_, '_>) -> Option<(Distribution, bool)> {
    let spare = cursor.boolean("spare");
    let repair = cursor.distribution_opt::<Duration>("repair");
    if repair.is_none() && spare {
        cursor.wrong("F0215", "spare", "`spare` stands without `repair`", "say how long a repair takes: `repair = \"12 h\"`");
    }
    repair.map(|repair| (repair, spare))
}

fn by_age(cursor: &mut Cursor<'_, '_>) -> Vec<(Duration, f64)> {
    let pairs = cursor.factors::<Duration>("by_age", Range::NotNegative);
    if pairs.first().is_some_and(|(age, _)| *age > 0.0) {
        cursor.wrong("F0811", "by_age", "`by_age` does not begin at age 0", "begin with a pair such as `[\"0 d\", 3]`");
    }
    pairs.into_iter().map(|(age_s, factor)| (Duration::from_s(age_s), factor)).collect()
}

fn by_job_size(cursor: &mut Cursor<'_, '_>) -> Vec<(f64, f64)> {
    let pairs = cursor.factors::<Ratio>("by_job_size", Range::Positive);
    if pairs.first().is_some_and(|(size, _)| *size < 1.0) {
        cursor.wrong("F0811", "by_job_size", "`by_job_size` begins below one accelerator", "the smallest job has one accelerator");
    }
    pairs
}

/// Decodes `[[maintenance]]`.
pub fn maintenances(ctx: &mut Context, root: &Table) -> Vec<Maintenance> {
    each(ctx, root, "maintenance", |cursor| {
        let entity = cursor.entity();
        let sites = sites_of(cursor);
        let (every, duration): (Duration, Duration) = (cursor.quantity("every"), cursor.quantity("duration"));
        let share = cursor.ratio("share");
        if duration < Duration::from_s(60.0) {
            cursor.wrong("F0208", "duration", "`duration` must be at least 1 min", "such as \"8 h\"");
        }
        let (from, until) = cursor.interval();
        let maintenance = Maintenance { entity, sites, every, duration, share, from, until };
        let round = duration * (1.0 / share - 1e-9).ceil().max(1.0);
        if round > every {
            let message = format!("one round takes {:.1} h, and the next begins after {:.1} h", round.as_h(), every.as_h());
            cursor.wrong("F0813", "every", message, "let the rounds come less often, or take a larger `share` at a time");
        }
        maintenance
    })
}

/// Decodes `[[power_cap]]`.
pub fn power_caps(ctx: &mut Context, root: &Table) -> Vec<PowerCap> {
    each(ctx, root, "power_cap", |cursor| {
        let entity = cursor.entity();
        let sites = sites_of(cursor);
        let share = cursor.profile::<Ratio>("share");
        let (from, until) = cursor.interval();
        let day = Duration::from_h(24.0);
        let daily = [("daily_from", "daily_until"), ("daily_until", "daily_from")].map(|(key, other)| {
            let time = cursor.quantity_opt::<Duration>(key);
            if time.is_some() && !cursor.has(other) {
                cursor.wrong("F0215", key, format!("`{key}` stands without `{other}`"), "give both or none");
            }
            if time.is_some_and(|time| time > day) {
                cursor.wrong("F0814", key, format!("`{key}` is no time of day"), "hours since midnight, up to `\"24 h\"`");
            }
            time
        });
        let daily = if let [Some(begin), Some(end)] = daily { Some((begin, end)) } else { None };
        if daily.is_some_and(|(begin, end)| begin == end) {
            cursor.wrong("F0814", "daily_until", "the daily hours are empty", "leave both out for the whole day");
        }
        PowerCap { entity, sites, share, from, until, daily, exponent: cursor.ratio("exponent") }
    })
}

/// Spare parts of a site and the time that replaces one; reports one without the other.
pub fn spares(cursor: &mut Cursor<'_, '_>) -> Option<(u32, Distribution)> {
    let stock = cursor.count_opt("spares");
    let lead_time = cursor.distribution_opt::<Duration>("spare_lead_time");
    match (stock, lead_time) {
        (Some(stock), Some(lead_time)) => return Some((stock, lead_time)),
        (Some(_), None) => {
            let hint = "say how long a new part takes: `spare_lead_time = \"30 d\"`";
            cursor.wrong("F0215", "spares", "`spares` stands without `spare_lead_time`", hint);
        }
        (None, Some(_)) if !cursor.has("spares") => {
            let hint = "say how many parts are in stock, or leave it out";
            cursor.wrong("F0215", "spare_lead_time", "`spare_lead_time` stands without `spares`", hint);
        }
        _ => {}
    }
    None
}
