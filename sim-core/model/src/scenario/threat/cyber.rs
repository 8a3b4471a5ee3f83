//! `[[hazard]]` of kind `wiper` and `common-mode`.

use bastide_units::{Duration, Rate};

use super::{reached, timing};
use crate::decode::{Cursor, suggestion};
use crate::keys;
use crate::model::{CommonMode, CyberAttack, HazardKind, Recovery, SegmentGraph, SegmentId, Shared, Shutdown, SiteId, Target};

pub(super) fn wiper(cursor: &mut Cursor<'_, '_>, names: &[String], graph: &SegmentGraph) -> HazardKind {
    let segments = reached(cursor, names);
    let timing = timing(cursor);
    let ransomware = cursor.one_of("payload", keys::PAYLOADS) == 1;
    let backups = cursor.one_of("backups", keys::BACKUPS);
    let encrypted = cursor.ratio("encrypted");
    let shutdown = cursor.one_of("shutdown", keys::SHUTDOWNS);
    together(cursor, backups == 1, shutdown != 0);
    let restoration = if cursor.has("restoration") { cursor.restoration("restoration") } else { Vec::new() };
    let recovery = recovery(cursor, &restoration);
    let attack = CyberAttack {
        entry: entry(cursor, names, &segments, graph),
        dwell: cursor.distribution_opt::<Duration>("dwell"),
        inside: cursor.distribution::<Duration>("inside"),
        spread_rate: cursor.quantity_opt::<Rate>("spread_rate"),
        detection: cursor.distribution_opt::<Duration>("detection"),
        isolation: cursor.distribution::<Duration>("isolation"),
        backups_lost: [0.0, encrypted, 1.0][backups],
        rebuild: cursor.ratio("rebuild"),
        services_stop: cursor.boolean("services_stop"),
        shutdown: [Shutdown::None, Shutdown::Operator, Shutdown::Connected, Shutdown::All][shutdown],
        shutdown_time: cursor.distribution::<Duration>("shutdown_time"),
        recovery,
    };
    HazardKind::Wiper {
        segments,
        timing,
        spread: cursor.ratio("spread"),
        share: cursor.ratio("share"),
        restoration,
        data_lost: cursor.boolean_opt("data_lost").unwrap_or(ransomware),
        attack: Box::new(attack),
    }
}

/// Reports keys that mean nothing without another.
fn together(cursor: &mut Cursor<'_, '_>, partial: bool, shuts: bool) {
    if cursor.has("spread") && cursor.has("spread_rate") {
        cursor.wrong("F0853", "spread_rate", "`spread` and `spread_rate` both stand", "either a probability, or a rate along the edges");
    }
    for (key, needs, hint) in [
        ("spread_rate", "dwell", "say how long it spreads before it detonates: `dwell = \"30 d\"`"),
        ("inside", "dwell", "what detonates at once was never inside: give `dwell`"),
        ("detection", "dwell", "what detonates at once is not found before: give `dwell`"),
        ("isolation", "detection", "sites are isolated when the attacker is found: give `detection`"),
    ] {
        if cursor.has(key) && !cursor.has(needs) {
            let code = if key == "spread_rate" { "F0853" } else { "F0854" };
            cursor.wrong(code, key, format!("`{key}` stands without `{needs}`"), hint);
        }
    }
    if cursor.has("encrypted") && !partial {
        let hint = "`backups = \"partial\"` loses a share of them";
        cursor.wrong("F0854", "encrypted", "`encrypted` stands without `backups = \"partial\"`", hint);
    }
    if shuts != cursor.has("shutdown_time") {
        let key = if shuts { "shutdown" } else { "shutdown_time" };
        let other = if shuts { "shutdown_time" } else { "shutdown" };
        cursor.wrong("F0854", key, format!("`{key}` stands without `{other}`"), "say what is shut down, and for how long");
    }
}

/// The team and its work, or nothing where restoration comes in steps.
fn recovery(cursor: &mut Cursor<'_, '_>, restoration: &[(Duration, f64)]) -> Option<Recovery> {
    let assessment = cursor.distribution::<Duration>("assessment");
    let steps = cursor.has("restoration");
    if cursor.has("team") {
        if steps {
            let hint = "either the steps, or the team and its work";
            cursor.wrong("F0852", "restoration", "`team` and `restoration` both stand", hint);
        }
        if !cursor.has("work") && !cursor.has("site_work") {
            let hint = "give `work = \"6 h\"`, hours of one person for one accelerator, or `site_work`";
            cursor.wrong("F0852", "team", "`team` has nothing to do", hint);
        }
        return Some(Recovery {
            team: cursor.count("team"),
            assessment,
            work: cursor.distribution::<Duration>("work"),
            site_work: cursor.distribution::<Duration>("site_work"),
            facility_work: cursor.distribution::<Duration>("facility_work"),
        });
    }
    if !steps {
        cursor.miss("restoration");
    }
    for key in ["work", "site_work", "facility_work", "rebuild", "services_stop"] {
        if cursor.has(key) {
            cursor.wrong("F0852", key, format!("`{key}` stands without `team`"), "say how many people are at work: `team = 50`");
        }
    }
    if steps && cursor.has("assessment") {
        // What the steps say holds; an assessment beside them can only contradict.
        let begins_s = assessment.quantile(0.0);
        if let (Some((first, _)), Some((last, _))) = (restoration.first(), restoration.last())
            && first.as_s() < begins_s
        {
            let ends = if last.as_s() < begins_s { "ends" } else { "begins" };
            let message = format!("the restoration {ends} before the assessment is over, {:.1} h after the detonation", begins_s / 3600.0);
            cursor.wrong("F0851", "restoration", message, "steps count from the detonation");
        }
    }
    None
}

/// Positions of the ways in among the attack's segments.
fn entry(cursor: &mut Cursor<'_, '_>, names: &[String], segments: &[SegmentId], graph: &SegmentGraph) -> Vec<usize> {
    let Some(words) = cursor.words_at("entry") else {
        let exposed: Vec<usize> = (0..segments.len()).filter(|&at| graph.is_exposed(segments[at].index())).collect();
        if exposed.is_empty() && cursor.has("spread_rate") {
            let hint = "set `exposed = true` in a `[[segment]]`, or give `entry`";
            cursor.wrong("F0850", "spread_rate", "the attack has no way into the segment graph", hint);
        }
        return exposed;
    };
    if words.is_empty() {
        cursor.wrong("F0850", "entry", "`entry` is empty", "name the segments of which the attacker enters one");
    }
    let mut entry = Vec::new();
    for (word, at) in words {
        match names.iter().position(|name| name == word) {
            None => {
                let known: Vec<&str> = names.iter().map(String::as_str).collect();
                let hint = suggestion(word, &known, "segment");
                cursor.ctx.error_hint("F0301", at, format!("there is no segment `{word}`"), hint);
            }
            Some(index) => match segments.iter().position(|segment| segment.index() == index) {
                Some(place) => entry.push(place),
                None => {
                    let message = format!("the attack enters `{word}`, which is not among its `segments`");
                    cursor.ctx.error_hint("F0856", at, message, "add it to `segments`");
                }
            },
        }
    }
    entry
}

pub(super) fn common_mode(cursor: &mut Cursor<'_, '_>) -> HazardKind {
    let sites: Vec<SiteId> = if cursor.has("targets") {
        let targets = cursor.targets("targets", &["site"]);
        targets.into_iter().filter_map(|(target, _)| if let Target::Site(site) = target { Some(site) } else { None }).collect()
    } else {
        (0..cursor.ctx.names.get("site").map_or(0, std::collections::BTreeMap::len)).map(SiteId::from_index).collect()
    };
    let shares = [Shared::Vendor, Shared::Firmware, Shared::ControlPlane, Shared::Operator, Shared::Tier, Shared::Segment]
        [cursor.one_of("shares", keys::SHARED)];
    HazardKind::CommonMode(Box::new(CommonMode {
        sites,
        timing: timing(cursor),
        shares,
        only: cursor.word_opt("only"),
        probability: cursor.ratio("probability"),
        correlation: cursor.ratio("correlation"),
        repair: cursor.distribution::<Duration>("repair"),
    }))
}
