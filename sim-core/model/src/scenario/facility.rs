//! `[[facility]]`.

use std::collections::BTreeMap;

use super::demand::Demands;
use super::each;
use crate::decode::{Context, Cursor};
use crate::diag::Diagnostic;
use crate::keys;
use crate::model::{
    Dependant, Endpoint, Facility, FacilityKind, GeneratorId, Hardening, LineId, LinkId, NationId, SegmentId, ServiceId, Site, SiteId,
};
use crate::text::At;
use crate::tree::Table;

/// Tables whose entries may need a facility.
const DEPENDANTS: [&str; 5] = ["site", "service", "link", "line", "generator"];

/// Decodes `[[facility]]`, with the demands of services in the model's order; segments that only facilities belong to join those of the sites.
pub fn facilities(ctx: &mut Context, root: &Table, sites: &[Site], services: &[Demands], segments: &mut Vec<String>) -> Vec<Facility> {
    let mut groups: BTreeMap<String, (FacilityKind, At)> = BTreeMap::new();
    each(ctx, root, "facility", |cursor| {
        let entity = cursor.entity();
        let kind = kind(cursor);
        let at = stands_at(cursor, &entity.name);
        let home = match at {
            Endpoint::Nation(nation) => nation,
            Endpoint::Site(site) => sites.get(site.index()).map_or(NationId(0), |site| site.nation),
        };
        let group = cursor.word_opt("group");
        if let Some(group) = &group {
            same_kind(cursor, &mut groups, group, kind);
        }
        let segment = cursor.word_opt("segment").map(|segment| {
            let known = segments.iter().position(|known| *known == segment);
            SegmentId::from_index(known.unwrap_or_else(|| {
                segments.push(segment);
                segments.len() - 1
            }))
        });
        Facility {
            entity,
            kind,
            at,
            place: cursor.place_on_map(),
            needed_by: dependants(cursor, services),
            group,
            grace: cursor.quantity("grace"),
            segment,
            operator: cursor.word_opt("operator"),
            operator_nation: cursor.reference_opt("operator_nation", "nation").map_or(home, NationId::from_index),
            hardening: [Hardening::None, Hardening::Hardened, Hardening::Bunker][cursor.one_of("hardening", keys::HARDENINGS)],
            reliability: cursor.reliability(),
        }
    })
}

fn kind(cursor: &mut Cursor<'_, '_>) -> FacilityKind {
    use FacilityKind::{ControlCentre, ControlPlane, FibreHut, Identity, LandingPoint, LicenceServer, Substation};
    [LandingPoint, FibreHut, Substation, ControlCentre, ControlPlane, Identity, LicenceServer][cursor.one_of("kind", keys::FACILITY_KINDS)]
}

fn stands_at(cursor: &mut Cursor<'_, '_>, name: &str) -> Endpoint {
    let (nation, site) = (cursor.reference_opt("nation", "nation"), cursor.reference_opt("site", "site"));
    match (cursor.has("nation"), cursor.has("site")) {
        (true, true) => cursor.wrong("F0860", "site", format!("facility `{name}` has a `nation` and a `site`"), "keep one of them"),
        (false, false) => {
            cursor.wrong("F0860", "nation", format!("facility `{name}` stands nowhere"), "give `nation = \"...\"` or `site = \"...\"`");
        }
        _ => {}
    }
    match site {
        Some(site) => Endpoint::Site(SiteId::from_index(site)),
        None => Endpoint::Nation(NationId::from_index(nation.unwrap_or(0))),
    }
}

fn same_kind(cursor: &mut Cursor<'_, '_>, groups: &mut BTreeMap<String, (FacilityKind, At)>, group: &str, kind: FacilityKind) {
    let at = cursor.place("group");
    match groups.get(group) {
        Some((other, first)) if *other != kind => {
            let message = format!("group `{group}` has a {} and a {}", other.name(), kind.name());
            let diagnostic = Diagnostic::error("F0861", cursor.ctx.span(at), message);
            let first = cursor.ctx.span(*first);
            cursor.ctx.push(diagnostic.label(first, "the first of the group").hint("give each kind a group of its own"));
        }
        Some(_) => {}
        None => {
            groups.insert(group.to_owned(), (kind, at));
        }
    }
}

/// `needed_by`, wildcards spread.
fn dependants(cursor: &mut Cursor<'_, '_>, services: &[Demands]) -> Vec<Dependant> {
    if !cursor.has("needed_by") {
        cursor.miss("needed_by");
    }
    let Some(words) = cursor.words_at("needed_by") else { return Vec::new() };
    if words.is_empty() {
        cursor.wrong("F0217", "needed_by", "`needed_by` is empty", "name at least one thing that needs it, such as `site.*`");
    }
    let mut found: Vec<(Dependant, At)> = Vec::new();
    for (word, at) in words {
        let split = word.split_once('.').and_then(|(kind, name)| Some((*DEPENDANTS.iter().find(|known| **known == kind)?, name)));
        let Some((table, name)) = split else {
            let hint = "write `site.NAME`, `service.NAME`, `link.NAME`, `line.NAME`, `generator.NAME` or `site.*`";
            cursor.ctx.error_hint("F0307", at, format!("`{word}` is nothing that needs a facility"), hint);
            continue;
        };
        let positions: Vec<usize> = if name == "*" {
            let count = cursor.ctx.names.get(table).map_or(0, BTreeMap::len);
            if count == 0 {
                cursor.ctx.error_hint("F0306", at, format!("`{word}` matches nothing"), format!("the scenario has no {table}"));
            }
            (0..count).collect()
        } else {
            cursor.resolve(table, name, at).into_iter().collect()
        };
        for index in positions {
            let dependant = match table {
                "site" => Dependant::Site(SiteId::from_index(index)),
                // The model orders services by tier.
                "service" => {
                    let place = services.iter().position(|demands| demands.index == index);
                    Dependant::Service(ServiceId::from_index(place.unwrap_or(index)))
                }
                "link" => Dependant::Link(LinkId::from_index(index)),
                "line" => Dependant::Line(LineId::from_index(index)),
                _ => Dependant::Generator(GeneratorId::from_index(index)),
            };
            if let Some((_, earlier)) = found.iter().find(|(known, _)| *known == dependant) {
                let first = cursor.ctx.span(*earlier);
                let diagnostic = Diagnostic::error("F0303", cursor.ctx.span(at), format!("`{word}` stands a second time in `needed_by`"));
                cursor.ctx.push(diagnostic.label(first, "first here").hint("remove one"));
                break;
            }
            found.push((dependant, at));
        }
    }
    found.into_iter().map(|(dependant, _)| dependant).collect()
}
