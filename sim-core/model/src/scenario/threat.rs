//! `[[hazard]]`.

mod link_state;
mod reconstruction;
mod strike;

pub use reconstruction::repair_pools;
pub use strike::{defences, munitions};

use bastide_units::{Duration, Rate, Time};

use super::each;
use crate::decode::{Context, Cursor};
use crate::diag::Diagnostic;
use crate::keys;
use crate::model::{AcceleratorId, Hazard, HazardKind, SegmentGraph, SegmentId, Site, Target, Timing};
use crate::tree::Table;

mod cyber;
mod disruption;
pub mod segment;

/// Decodes `[[hazard]]`; a hazard of an unknown kind is reported and left out.
pub fn hazards(ctx: &mut Context, root: &Table, segments: &[String], graph: &SegmentGraph, sites: &[Site]) -> Vec<Hazard> {
    let all = each(ctx, root, "hazard", |cursor| {
        let entity = cursor.entity();
        let kind = match cursor.kind()? {
            "random-outage" => {
                let targets = targets(cursor);
                let units = super::grid_event::units(cursor, &targets);
                HazardKind::RandomOutage { targets, timing: timing(cursor), repair: cursor.distribution::<Duration>("repair"), units }
            }
            "blackout" => super::grid_event::blackout(cursor),
            "heatwave" => super::grid_event::heatwave(cursor, sites),
            "fuel-block" => super::grid_event::fuel_block(cursor, sites),
            "generator-failure" => super::grid_event::generator_failure(cursor, sites),
            "strike-campaign" => HazardKind::StrikeCampaign {
                targets: strike::targets(cursor),
                timing: timing(cursor),
                strike: Box::new(strike::strike(cursor, root)),
            },
            "wiper" => cyber::wiper(cursor, segments, graph),
            "common-mode" => cyber::common_mode(cursor),
            "cable-cut" => cable_cut(cursor),
            "degraded-links" => link_state::degraded_links(cursor),
            "supply-delay" => HazardKind::SupplyDelay {
                accelerators: cursor
                    .references("accelerators", "accelerator")
                    .unwrap_or_default()
                    .into_iter()
                    .map(AcceleratorId::from_index)
                    .collect(),
                probability: cursor.ratio("probability"),
                delay: cursor.distribution::<Duration>("delay"),
            },
            other => disruption::disruption(cursor, other, root)?,
        };
        Some(Hazard { entity, kind })
    });
    all.into_iter().flatten().collect()
}

fn targets(cursor: &mut Cursor<'_, '_>) -> Vec<Target> {
    if !cursor.has("targets") {
        cursor.miss("targets");
    }
    cursor.targets("targets", keys::HIT_TARGETS).into_iter().map(|(target, _)| target).collect()
}

fn cable_cut(cursor: &mut Cursor<'_, '_>) -> HazardKind {
    let targets = cursor.targets("targets", &["link"]);
    HazardKind::CableCut {
        targets: targets.into_iter().filter_map(|(target, _)| if let Target::Link(link) = target { Some(link) } else { None }).collect(),
        timing: timing(cursor),
        cuts: cursor.count("cuts"),
        repair: cursor.distribution::<Duration>("repair"),
    }
}

pub(super) fn timing(cursor: &mut Cursor<'_, '_>) -> Timing {
    let end = Time::from(cursor.ctx.duration);
    let at = cursor.date_opt("at");
    let rate = cursor.quantity_opt::<Rate>("rate");
    let (from, until) = cursor.interval();
    match (cursor.has("at"), cursor.has("rate")) {
        (true, true) => cursor.wrong("F0802", "rate", "`at` and `rate` both stand", "either one moment, or a rate"),
        (false, false) => {
            cursor.wrong("F0802", "at", "nothing says when it happens", "give `at = 2027-03-01T06:00:00Z`, or `rate = \"2 / y\"`");
        }
        (true, false) => {
            for key in ["from", "until"] {
                if cursor.has(key) {
                    cursor.wrong("F0802", key, format!("`{key}` stands with `at`"), "`from` and `until` bound a `rate`");
                }
            }
        }
        (false, true) => {}
    }
    for (key, time) in [("at", at), ("from", Some(from))] {
        if time.is_some_and(|time| time >= end) {
            cursor.wrong(
                "F0801",
                key,
                format!("`{key}` lies after the scenario's end: it never happens"),
                "move it, or let the scenario last longer",
            );
        }
    }
    match (at, rate) {
        (Some(at), _) => Timing::At(at),
        (None, rate) => Timing::Rate { rate: rate.unwrap_or(Rate::from_per_s(f64::NAN)), from, until },
    }
}

fn damage(cursor: &mut Cursor<'_, '_>) -> [f64; 3] {
    let given = cursor.ratios_of("damage", keys::HARDENINGS);
    let mut damage = [None; 3];
    for (position, share) in given {
        damage[position] = Some(share);
    }
    if cursor.has("damage") && damage[0].is_none() {
        cursor.wrong("F0203", "damage", "`damage` has no `none`", "such as `{ none = 0.9, hardened = 0.4, bunker = 0.1 }`");
    }
    let none = damage[0].unwrap_or(f64::NAN);
    let hardened = damage[1].unwrap_or(none);
    let result = [none, hardened, damage[2].unwrap_or(hardened)];
    if result[0] < result[1] || result[1] < result[2] {
        cursor.wrong("F0803", "damage", "hardening makes a hit worse", "`none` >= `hardened` >= `bunker`");
    }
    result
}

fn reached(cursor: &mut Cursor<'_, '_>, segments: &[String]) -> Vec<SegmentId> {
    let Some(words) = cursor.words_at("segments") else { return Vec::new() };
    if words.is_empty() {
        cursor.wrong("F0217", "segments", "`segments` is empty", "name segments, or `[\"*\"]` for all");
    }
    let mut reached = Vec::new();
    let all = words.iter().find(|(word, _)| *word == "*").map(|(_, at)| *at);
    for (word, at) in words {
        if let Some(all) = all
            && word != "*"
        {
            let diagnostic = Diagnostic::error("F0303", cursor.ctx.span(at), format!("`{word}` names a segment a second time"));
            let all = cursor.ctx.span(all);
            cursor.ctx.push(diagnostic.label(all, "`*` means all").hint("remove one"));
            continue;
        }
        if word == "*" {
            reached.extend((0..segments.len()).map(SegmentId::from_index));
            continue;
        }
        if let Some(index) = segments.iter().position(|known| known == word) {
            reached.push(SegmentId::from_index(index));
        } else {
            let known: Vec<&str> = segments.iter().map(String::as_str).collect();
            let hint = crate::decode::suggestion(word, &known, "segment");
            cursor.ctx.error_hint("F0301", at, format!("there is no segment `{word}`"), hint);
        }
    }
    reached
}
