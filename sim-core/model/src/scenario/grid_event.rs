//! What buses, sites, hazards and `[policy]` say about blackouts, heat, fuel, shedding and cascades.

use bastide_units::{Duration, Time};

use super::threat::timing;
use crate::decode::Cursor;
use crate::keys;
use crate::model::{BusId, BusRestoration, GridPolicy, HazardKind, Reconnect, Shedding, Site, SiteId, SiteSupply, Target};

/// More turns than a day has minutes are a slip.
const MOST_FEEDERS: u32 = 1440;

/// Decodes how a bus comes back.
pub fn restoration(cursor: &mut Cursor<'_, '_>) -> BusRestoration {
    let restoration = BusRestoration {
        black_start: cursor.distribution::<Duration>("black_start"),
        restored_after: cursor.distribution::<Duration>("restored_after"),
        head_start: cursor.ratio("head_start"),
        lag: cursor.quantity("restoration_lag"),
        help: cursor.ratio("restoration_help"),
    };
    let (start, full) = (restoration.black_start.mean(), restoration.restored_after.mean());
    if full < start {
        let key = if cursor.has("restored_after") { "restored_after" } else { "black_start" };
        let message = format!("all load is back after {:.3} h, the first only after {:.3} h", full / 3600.0, start / 3600.0);
        cursor.wrong("F0870", key, message, "`restored_after` counts from the blackout, too: it holds `black_start`");
    }
    restoration
}

/// Decodes the equal parts of a load.
pub fn feeders(cursor: &mut Cursor<'_, '_>) -> u32 {
    let feeders = cursor.count("feeders");
    if feeders > MOST_FEEDERS {
        cursor.wrong("F0871", "feeders", format!("{feeders} feeders take turns"), format!("at most {MOST_FEEDERS}"));
    }
    feeders
}

/// Decodes how a site takes power again.
pub fn supply(cursor: &mut Cursor<'_, '_>) -> SiteSupply {
    SiteSupply {
        priority: cursor.integer_opt("priority").unwrap_or(0),
        reconnect_after: cursor.quantity("reconnect_after"),
        common_start: cursor.ratio_opt("common_start"),
    }
}

/// Decodes what happens within seconds and minutes.
pub fn policy(cursor: &mut Cursor<'_, '_>) -> GridPolicy {
    let policy = GridPolicy {
        cascades: cursor.boolean("cascades"),
        inertia: cursor.quantity("inertia"),
        reserve: cursor.ratio("reserve"),
        collapse_share: cursor.ratio_opt("collapse_share"),
        reclose: cursor.quantity("reclose"),
        shedding: [Shedding::ByValue, Shedding::Rolling][cursor.one_of("shedding", keys::SHEDDINGS)],
        shedding_block: cursor.quantity("shedding_block"),
        reconnect: [Reconnect::ByPriority, Reconnect::First, Reconnect::Last][cursor.one_of("reconnect", keys::RECONNECTS)],
    };
    // Shorter turns than switching takes; without this a history would consist of turns.
    if policy.shedding_block < Duration::from_min(5.0) {
        cursor.wrong("F0871", "shedding_block", "a turn of rolling shedding is shorter than 5 min", "such as \"2 h\"");
    }
    policy
}

/// Decodes `units` of a random outage, after its targets.
pub fn units(cursor: &mut Cursor<'_, '_>, targets: &[Target]) -> Option<f64> {
    if !cursor.has("units") {
        return None;
    }
    if !targets.is_empty() && !targets.iter().any(|target| matches!(target, Target::Generator(_))) {
        cursor.wrong("F0872", "units", "no target has units", "`units` says how many of a `generator.NAME` an outage takes");
    }
    if cursor.word_instead("units", keys::ALL).is_some() { Some(1.0) } else { cursor.ratio_opt("units") }
}

/// Decodes a blackout.
pub fn blackout(cursor: &mut Cursor<'_, '_>) -> HazardKind {
    let named = if cursor.has("buses") { cursor.references("buses", "bus") } else { None };
    if named.as_ref().is_some_and(Vec::is_empty) && !cursor.is_poisoned() {
        cursor.wrong("F0217", "buses", "`buses` is empty", "name buses, or leave the key out for all");
    }
    let all = cursor.ctx.names.get("bus").map_or(0, std::collections::BTreeMap::len);
    let buses = named.unwrap_or_else(|| (0..all).collect());
    HazardKind::Blackout { buses: buses.into_iter().map(BusId::from_index).collect(), timing: timing(cursor) }
}

/// Decodes a heatwave.
pub fn heatwave(cursor: &mut Cursor<'_, '_>, sites: &[Site]) -> HazardKind {
    let nations = if cursor.has("nations") { cursor.nations("nations") } else { None };
    if nations.is_some() && cursor.has("sites") {
        cursor.wrong("F0872", "nations", "`sites` and `nations` both stand", "name either sites, or nations");
    }
    let mut concerned = of_sites(cursor, sites);
    if let Some(nations) = nations {
        concerned.retain(|id| sites.get(id.index()).is_some_and(|site| nations.contains(&site.nation)));
    }
    let targets: Vec<Target> = if cursor.has("targets") {
        cursor.targets("targets", &["generator", "line"]).into_iter().map(|(target, _)| target).collect()
    } else {
        Vec::new()
    };
    let (degrees, derating) = (cursor.ratio("degrees"), cursor.ratio("derating"));
    if cursor.has("derating") != cursor.has("targets") {
        let (there, other) = if cursor.has("derating") { ("derating", "targets") } else { ("targets", "derating") };
        cursor.wrong("F0215", there, format!("`{there}` stands without `{other}`"), "say what is derated, and by how much");
    }
    if degrees == 0.0 && !cursor.has("derating") {
        cursor.wrong("F0872", "degrees", "a heatwave without heat", "give `degrees = 8`, or `derating` with `targets`");
    }
    let (from, until) = window(cursor);
    HazardKind::Heatwave { sites: concerned, degrees, targets, derating, from, until, probability: cursor.ratio("probability") }
}

/// Decodes a stop of deliveries.
pub fn fuel_block(cursor: &mut Cursor<'_, '_>, sites: &[Site]) -> HazardKind {
    let (from, until) = window(cursor);
    HazardKind::FuelBlock { sites: with_generators(cursor, sites), from, until, probability: cursor.ratio("probability") }
}

/// Decodes a common cause of failures to start.
pub fn generator_failure(cursor: &mut Cursor<'_, '_>, sites: &[Site]) -> HazardKind {
    let (from, until) = window(cursor);
    let sites = with_generators(cursor, sites);
    HazardKind::GeneratorFailure { sites, start: cursor.ratio("start"), from, until, probability: cursor.ratio("probability") }
}

/// When it holds; reports one that begins after the end.
fn window(cursor: &mut Cursor<'_, '_>) -> (Time, Time) {
    let (from, until) = cursor.interval();
    if from >= Time::from(cursor.ctx.duration) {
        let message = "`from` lies after the scenario's end: it never happens";
        cursor.wrong("F0801", "from", message, "move it, or let the scenario last longer");
    }
    (from, until)
}

fn of_sites(cursor: &mut Cursor<'_, '_>, sites: &[Site]) -> Vec<SiteId> {
    let named = if cursor.has("sites") { cursor.references("sites", "site") } else { None };
    named.map_or_else(|| (0..sites.len()).map(SiteId::from_index).collect(), |named| named.into_iter().map(SiteId::from_index).collect())
}

/// Sites concerned, of which at least one must have generators.
fn with_generators(cursor: &mut Cursor<'_, '_>, sites: &[Site]) -> Vec<SiteId> {
    let concerned = of_sites(cursor, sites);
    let has = |id: &SiteId| sites.get(id.index()).is_none_or(|site| site.generator_start.is_nan() || site.generator_start > 0.0);
    if !sites.is_empty() && !concerned.iter().any(has) && !cursor.is_poisoned() && !cursor.ctx.is_unsure("site") {
        let key = if cursor.has("sites") { "sites" } else { "kind" };
        cursor.wrong("F0872", key, "none of the sites has generators", "give a site `generator_start` and `fuel`, or leave the hazard out");
    }
    concerned
}
