//! `[plan]` and `[[alternative]]`.

mod verification;

use std::path::PathBuf;

use super::files::relative_to;
use super::{each, growth, single};
use crate::decode::{Context, Cursor};
use crate::diag::Diagnostic;
use crate::keys;
use crate::model::{AcceleratorId, Alternative, Horizon, Planning, Site, SiteId, SiteTier, Supply, Tier};
use crate::text::{At, MAX_TOML};
use crate::tree::{Table, Value};
use bastide_units::{Power, display};

/// Decodes `[plan]`.
pub fn planning(
    ctx: &mut Context,
    root: &Table,
    sites: &[Site],
    known: &super::uncertainty::Known<'_>,
    horizon: &mut Option<Horizon>,
) -> Option<Planning> {
    single(ctx, root, "plan", |cursor| {
        let candidates =
            cursor.references("candidates", "site").map_or_else(|| (0..sites.len()).map(SiteId::from_index).collect(), to_sites);
        if candidates.is_empty() && cursor.has("candidates") {
            cursor.wrong("F0217", "candidates", "`candidates` is empty", "leave it out to mean all sites");
            cursor.poison();
        }
        // A name that is not known, or a list that must not be empty, leaves open how many sites there are.
        let unsure = cursor.is_poisoned() || cursor.ctx.is_unsure("site");
        let accelerators = purchases(cursor);
        let mut min_service = [None; 4];
        for (tier, share) in cursor.ratios_of("min_service", keys::TIERS) {
            min_service[tier] = Some(share);
        }
        let count = (cursor.count("min_sites"), cursor.count_opt("max_sites").unwrap_or(sites.len() as u32));
        if count.0 > count.1 {
            let key = if cursor.has("max_sites") { "max_sites" } else { "min_sites" };
            cursor.wrong(
                "F0702",
                key,
                format!("at least {} sites and at most {} cannot both hold", count.0, count.1),
                "`min_sites` <= `max_sites`",
            );
        } else if count.0 as usize > candidates.len() && !unsure {
            let message = format!("at least {} sites are asked for, and {} are candidates", count.0, candidates.len());
            cursor.wrong("F0702", "min_sites", message, "lower `min_sites`, or add candidates");
        }
        let survive_site_loss = tiers(cursor).unwrap_or_default();
        let usable = candidates.len().min(count.1 as usize);
        if !survive_site_loss.is_empty() && usable < 2 && !unsure {
            let message = format!("no tier survives the loss of a site where at most {usable} can be used");
            cursor.wrong("F0608", "survive_site_loss", message, "give two candidates or more, or leave `survive_site_loss` out");
        }
        let survive_link_loss = survive_link_loss(cursor);
        let it_power: Power = cursor.quantity("it_power");
        power_for_a_node(cursor, it_power, &accelerators);
        *horizon = growth::horizon(cursor);
        let ranking = super::objective::ranking(cursor);
        Planning {
            ranking,
            span: cursor.ctx.span(cursor.at),
            budget_span: cursor.ctx.span(cursor.place("budget")),
            it_power_span: cursor.ctx.span(cursor.place("it_power")),
            budget: cursor.quantity("budget"),
            it_power,
            candidates,
            accelerators,
            survive_site_loss,
            min_service,
            uncertainty: super::uncertainty::uncertainty(cursor, root, known, &min_service),
            verification: verification::verification(cursor, min_service),
            sites: count,
            discount_rate: cursor.ratio("discount_rate"),
            // Decoded once the services are known.
            serving_cost: None,
            survive_link_loss,
            building_lifetime: cursor.quantity("building_lifetime"),
            lead_time: cursor.quantity("lead_time"),
            gap: cursor.ratio("gap"),
            time_limit: cursor.quantity("time_limit"),
        }
    })
}

/// `survive_link_loss`; reports it where nations have no links.
fn survive_link_loss(cursor: &mut Cursor<'_, '_>) -> bool {
    let survive = cursor.boolean("survive_link_loss");
    let count = |table: &str| cursor.ctx.names.get(table).map_or(0, std::collections::BTreeMap::len);
    if survive && count("link") == 0 && count("nation") > 1 && !cursor.ctx.is_unsure("link") {
        let hint = "add `[[link]]` entries, with a `build_cost` where they do not stand yet";
        cursor.wrong("F0953", "survive_link_loss", "`survive_link_loss` asks for links, and the scenario has none", hint);
    }
    survive
}

/// Reports a limit on IT power below what the smallest node draws.
fn power_for_a_node(cursor: &mut Cursor<'_, '_>, it_power: Power, accelerators: &[(AcceleratorId, Option<u32>)]) {
    let kinds = accelerators.iter().filter_map(|(id, _)| cursor.ctx.accelerators.get(id.index()));
    let nodes = kinds.map(|kind| kind.power * f64::from(kind.per_node));
    // NaN, for a power that could not be read, is neither below nor above.
    let Some(smallest) = nodes.min_by(|a, b| a.as_w().total_cmp(&b.as_w())) else { return };
    if smallest.as_w() > it_power.as_w() * (1.0 + 1e-9) {
        let message = format!("`it_power` of {} is less than one node of {}", display(it_power), display(smallest));
        cursor.wrong("F0705", "it_power", message, "check the unit of `it_power`");
    }
}

fn to_sites(positions: Vec<usize>) -> Vec<SiteId> {
    positions.into_iter().map(SiteId::from_index).collect()
}

fn tiers(cursor: &mut Cursor<'_, '_>) -> Option<Vec<Tier>> {
    let mut tiers: Vec<Tier> = cursor.list_of("survive_site_loss", keys::TIERS)?.into_iter().map(|position| Tier::ALL[position]).collect();
    tiers.sort_unstable();
    Some(tiers)
}

fn purchases(cursor: &mut Cursor<'_, '_>) -> Vec<(AcceleratorId, Option<u32>)> {
    let Some(items) = cursor.list("accelerators") else { return Vec::new() };
    if items.is_empty() {
        cursor.wrong("F0703", "accelerators", "the plan may buy no accelerator", "name at least one type, such as `[\"b200\"]`");
    }
    let mut bought: Vec<(AcceleratorId, Option<u32>)> = Vec::new();
    for item in items {
        let (name, at, cap) = match &item.value {
            Value::Text(name) => (name.as_str(), item.at, None),
            Value::Table(table) => {
                for entry in table.entries.iter().filter(|entry| !["name", "cap"].contains(&entry.key.as_str())) {
                    cursor.ctx.error_hint(
                        "F0202",
                        entry.key_at,
                        format!("a purchase has no key `{}`", entry.key),
                        "it has `name` and `cap`",
                    );
                }
                let Some(name) = table.text("name") else {
                    cursor.ctx.error_hint("F0203", item.at, "a purchase has no `name`", "such as `{ name = \"b200\", cap = 50000 }`");
                    continue;
                };
                let cap = table.get("cap").map(|entry| cap(cursor, &entry.node));
                (name, table.get("name").map_or(item.at, |entry| entry.node.at), cap)
            }
            other => {
                let word = other.word();
                cursor.ctx.error_hint(
                    "F0204",
                    item.at,
                    format!("`accelerators` must hold names, not {word}"),
                    "such as `[\"b200\", { name = \"h100\", cap = 800 }]`",
                );
                continue;
            }
        };
        let Some(index) = cursor.ctx.lookup("accelerator", name, at) else {
            cursor.poison();
            continue;
        };
        let id = AcceleratorId::from_index(index);
        if bought.iter().any(|(known, _)| *known == id) {
            cursor.ctx.error_hint("F0303", at, format!("`{name}` stands twice in `accelerators`"), "remove one");
        } else {
            bought.push((id, cap));
        }
    }
    bought
}

fn cap(cursor: &mut Cursor<'_, '_>, node: &crate::tree::Node) -> u32 {
    match node.value {
        Value::Integer(cap) if (1..=i64::from(u32::MAX)).contains(&cap) => cap as u32,
        Value::Integer(cap) => {
            cursor.ctx.error_hint(
                "F0704",
                node.at,
                format!("`cap` must be one or more: {cap}"),
                "leave a type that may not be bought out of the list",
            );
            1
        }
        _ => {
            let word = node.value.word();
            cursor.ctx.error("F0204", node.at, format!("`cap` must be a whole number, not {word}"));
            1
        }
    }
}

/// Decodes `[[alternative]]`.
pub fn alternatives(ctx: &mut Context, root: &Table, planning: &Planning) -> Vec<Alternative> {
    let mut seen: Vec<(String, Alternative, At)> = Vec::new();
    each(ctx, root, "alternative", |cursor| {
        let entity = cursor.entity();
        if entity.name == "recommended" {
            cursor.wrong("F0701", "name", "the name `recommended` is taken by the unrestricted plan", "choose another name");
        }
        let plan = cursor.word_opt("plan").and_then(|said| plan_file(cursor, &said));
        let sites = cursor.references("sites", "site").map(to_sites);
        if sites.as_ref().is_some_and(Vec::is_empty)
            && cursor.table.get("sites").is_some_and(|entry| matches!(&entry.node.value, Value::List(items) if items.is_empty()))
        {
            cursor.wrong(
                "F0217",
                "sites",
                format!("alternative `{}` may use no site", entity.name),
                "leave `sites` out to mean all candidates",
            );
        }
        let required = cursor.references("required", "site").map(to_sites).unwrap_or_default();
        for (key, listed) in [("sites", sites.as_deref().unwrap_or_default()), ("required", &required)] {
            if listed.iter().any(|site| !planning.candidates.contains(site)) && !cursor.ctx.is_unsure("plan") {
                cursor.wrong(
                    "F0710",
                    key,
                    format!("`{key}` names a site that is no candidate of `[plan]`"),
                    "add it to `candidates`, or remove it here",
                );
            }
        }
        if let Some(sites) = &sites
            && required.iter().any(|site| !sites.contains(site))
        {
            cursor.wrong("F0709", "required", "`required` names a site that `sites` leaves out", "add it to `sites`");
        }
        let (least, most) = (cursor.count_opt("min_sites"), cursor.count_opt("max_sites"));
        let count = (least.is_some() || most.is_some()).then(|| (least.unwrap_or(planning.sites.0), most.unwrap_or(planning.sites.1)));
        if let Some((least, most)) = count {
            let key = if cursor.has("max_sites") { "max_sites" } else { "min_sites" };
            if least > most {
                cursor.wrong(
                    "F0702",
                    key,
                    format!("at least {least} sites and at most {most} cannot both hold"),
                    "`min_sites` <= `max_sites`",
                );
            } else if required.len() > most as usize {
                cursor.wrong(
                    "F0702",
                    key,
                    format!("{} sites are required and at most {most} are allowed", required.len()),
                    "raise `max_sites`",
                );
            }
        }
        let tier_share: Vec<(SiteTier, f64)> = cursor
            .ratios_of("tier_share", keys::SITE_TIERS)
            .into_iter()
            .map(|(tier, share)| ([SiteTier::Core, SiteTier::Regional, SiteTier::Edge, SiteTier::Pool][tier], share))
            .collect();
        let sum: f64 = tier_share.iter().map(|(_, share)| share).sum();
        if sum > 1.0 + 1e-9 {
            cursor.wrong("F0711", "tier_share", format!("the least shares sum to {sum:.3}, above 1"), "lower one");
        }
        let max_site_share = cursor.ratio_opt("max_site_share");
        let most_sites =
            sites.as_ref().map_or(planning.candidates.len(), Vec::len).min(count.map_or(usize::MAX, |(_, most)| most as usize));
        if let Some(share) = max_site_share
            && share * (most_sites as f64) < 1.0 - 1e-9
        {
            let message = format!("{most_sites} sites with at most {share:.3} of the IT power each cannot hold all of it");
            cursor.wrong("F0711", "max_site_share", message, "raise it, or allow more sites");
        }
        let survive_site_loss = tiers(cursor);
        let supply = growth::supply(cursor);
        let alternative = Alternative { entity, plan, sites, count, required, tier_share, max_site_share, survive_site_loss, supply };
        // What a file or a name that cannot be read would have said is not known.
        if !cursor.is_poisoned() && cursor.has("plan") == alternative.plan.is_some() {
            same_as_before(cursor, &alternative, &mut seen);
        }
        alternative
    })
}

/// Reads the plan file's bytes, so that they are noted among the inputs.
fn plan_file(cursor: &mut Cursor<'_, '_>, said: &str) -> Option<PathBuf> {
    for key in ["sites", "required", "min_sites", "max_sites", "tier_share", "max_site_share", "survive_site_loss"] {
        if cursor.has(key) {
            cursor.wrong("F0707", key, format!("`{key}` restricts a search, and `plan` replaces it"), "keep one of the two");
        }
    }
    let at = cursor.place("plan");
    let name = relative_to(cursor.ctx.files.sources.name(at.file), said);
    cursor.ctx.files.read(&name, MAX_TOML, Some(at))?;
    Some(cursor.ctx.files.folder.join(name))
}

fn same_as_before(cursor: &mut Cursor<'_, '_>, alternative: &Alternative, seen: &mut Vec<(String, Alternative, At)>) {
    let body = |other: &Alternative| {
        (
            other.plan.clone(),
            other.sites.clone(),
            other.count,
            other.required.clone(),
            other.tier_share.clone(),
            other.max_site_share,
            other.survive_site_loss.clone(),
            other.supply.clone(),
        )
    };
    let at = cursor.place("name");
    let span = cursor.ctx.span(at);
    let (twin, words) = match seen.iter().find(|(_, other, _)| body(other) == body(alternative)) {
        Some((name, _, earlier)) => (Some(*earlier), format!("alternative `{}` is the same as `{name}`", alternative.entity.name)),
        None if body(alternative) == (None, None, None, Vec::new(), Vec::new(), None, None, Supply::default()) => {
            (None, format!("alternative `{}` restricts nothing", alternative.entity.name))
        }
        None => {
            seen.push((alternative.entity.name.clone(), alternative.clone(), at));
            return;
        }
    };
    let mut diagnostic = Diagnostic::warning("F0706", span, words).hint("it will give the same plan a second time");
    if let Some(earlier) = twin {
        diagnostic = diagnostic.label(cursor.ctx.span(earlier), "the first is here");
    }
    cursor.ctx.push(diagnostic);
}
