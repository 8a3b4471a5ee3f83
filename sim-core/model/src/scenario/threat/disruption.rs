//! Hazards of supply, markets and law.

use bastide_engine::Distribution;
use bastide_units::Duration;

use super::super::entries;
use super::timing;
use crate::decode::{Cursor, suggestion};
use crate::keys::{ABOVE_CAPS, RULE_CHANGES};
use crate::model::{AcceleratorId, BusId, Disruption, DisruptionKind, HazardKind, NationId, RuleId, ServiceId, SiteId};
use crate::text::At;
use crate::tree::{Table, Value};

/// Decodes a hazard of one of these kinds; `None` for another kind. Services stand by their place in the scenario's table, sites of
/// operators and what exits forbid are not filled in yet: see `resolve::law`.
pub(super) fn disruption(cursor: &mut Cursor<'_, '_>, kind: &str, root: &Table) -> Option<HazardKind> {
    let effect = match kind {
        "export-cap" => DisruptionKind::ExportCap {
            accelerators: accelerators(cursor),
            nation: NationId(cursor.reference("nation", "nation")),
            cap: cursor.count("cap"),
            waits: cursor.one_of("above", ABOVE_CAPS) == 0,
        },
        "delivery-stop" => {
            DisruptionKind::DeliveryStop { accelerators: accelerators(cursor), backlog: cursor.distribution::<Duration>("backlog") }
        }
        "price-shock" => price_shock(cursor, root),
        "spares-stop" => {
            let sites = cursor.references("sites", "site").map(|list| list.into_iter().map(SiteId::from_index).collect());
            let repair_pools = cursor.references("repair_pools", "repair_pool");
            let of_machines = repair_pools.is_none() || cursor.has("accelerators");
            let sites = sites.unwrap_or_else(|| if of_machines { all_sites(cursor) } else { Vec::new() });
            DisruptionKind::SparesStop { accelerators: accelerators(cursor), sites, repair_pools: repair_pools.unwrap_or_default() }
        }
        "sanction" => sanction(cursor, root),
        "operator-withdrawal" => DisruptionKind::OperatorWithdrawal {
            operators: operators(cursor, root),
            sites: Vec::new(),
            notice: cursor.distribution::<Duration>("notice"),
            handover: cursor.distribution_opt::<Duration>("handover"),
        },
        "model-change" => model_change(cursor, root),
        "rule-change" => DisruptionKind::RuleChange {
            rule: RuleId(cursor.reference("rule", "rule")),
            begins: cursor.one_of("change", RULE_CHANGES) == 0,
        },
        "member-exit" => member_exit(cursor),
        "suspension" => DisruptionKind::Suspension { services: services(cursor), nations: cursor.nations("nations") },
        _ => return None,
    };
    let lasts = match kind {
        "operator-withdrawal" | "member-exit" => None,
        _ => cursor.distribution_opt::<Duration>("lasts"),
    };
    Some(HazardKind::Disruption(Box::new(Disruption { timing: timing(cursor), probability: cursor.ratio("probability"), lasts, effect })))
}

/// Types that the key names; all without it.
fn accelerators(cursor: &mut Cursor<'_, '_>) -> Vec<AcceleratorId> {
    let all = 0..cursor.ctx.accelerators.len();
    cursor.references("accelerators", "accelerator").unwrap_or_else(|| all.collect()).into_iter().map(AcceleratorId::from_index).collect()
}

fn services(cursor: &mut Cursor<'_, '_>) -> Vec<ServiceId> {
    cursor.references("services", "service").unwrap_or_default().into_iter().map(ServiceId::from_index).collect()
}

fn all_sites(cursor: &Cursor<'_, '_>) -> Vec<SiteId> {
    (0..cursor.ctx.names.get("site").map_or(0, std::collections::BTreeMap::len)).map(SiteId::from_index).collect()
}

/// The text of a key of an entry.
fn text<'t>(table: &'t Table, key: &str) -> Option<&'t str> {
    if let Value::Text(text) = &table.get(key)?.node.value { Some(text) } else { None }
}

/// Words of a list that are among some; others are reported.
fn among<'t>(cursor: &mut Cursor<'_, 't>, key: &str, code: &'static str, thing: &str, known: &[&str]) -> Vec<&'t str> {
    let words: Vec<(&str, At)> = cursor.words_at(key).unwrap_or_default();
    let (found, strange): (Vec<_>, Vec<_>) = words.into_iter().partition(|(word, _)| known.contains(word));
    for (word, at) in strange {
        cursor.ctx.error_hint(code, at, format!("there is no {thing} `{word}`"), suggestion(word, known, thing));
    }
    found.into_iter().map(|(word, _)| word).collect()
}

fn operators(cursor: &mut Cursor<'_, '_>, root: &Table) -> Vec<String> {
    let known: Vec<&str> = entries(root, "site").into_iter().filter_map(|(table, _)| text(table, "operator")).collect();
    among(cursor, "operators", "F0880", "operator", &known).into_iter().map(str::to_owned).collect()
}

fn sanction(cursor: &mut Cursor<'_, '_>, root: &Table) -> DisruptionKind {
    let kinds: Vec<(String, String)> = cursor.ctx.accelerators.iter().map(|it| (it.vendor.clone(), it.vendor_nation.clone())).collect();
    let column =
        |second: bool| kinds.iter().map(|(vendor, nation)| if second { nation.as_str() } else { vendor.as_str() }).collect::<Vec<_>>();
    let vendors = among(cursor, "vendors", "F0881", "vendor", &column(false));
    let nations = among(cursor, "vendor_nations", "F0881", "nation of a vendor", &column(true));
    let concerned = |(vendor, nation): &(String, String)| vendors.contains(&vendor.as_str()) || nations.contains(&nation.as_str());
    let accelerators = kinds.iter().enumerate().filter(|(_, kind)| concerned(kind)).map(|(at, _)| AcceleratorId::from_index(at)).collect();
    let whom = ["vendors", "vendor_nations", "operators", "operator_nations"];
    if !whom.iter().any(|key| cursor.has(key)) {
        cursor.wrong("F0884", "name", "the sanction concerns nobody", format!("give `{}`", whom.join("`, `")));
    }
    DisruptionKind::Sanction {
        accelerators,
        operators: operators(cursor, root),
        operator_nations: cursor.nations("operator_nations").unwrap_or_default(),
        sites: Vec::new(),
        licences: cursor.distribution_opt::<Duration>("licences"),
    }
}

fn price_shock(cursor: &mut Cursor<'_, '_>, root: &Table) -> DisruptionKind {
    let (energy, accelerator) = (cursor.ratio("energy_price"), cursor.ratio("accelerator_price"));
    if energy == 1.0 && accelerator == 1.0 {
        cursor.wrong("F0884", "name", "the shock changes no price", "give `energy_price = 2` or `accelerator_price = 1.5`");
    }
    let nations = cursor.nations("nations");
    let names = cursor.ctx.names.get("nation").cloned().unwrap_or_default();
    let concerned = |table: &Table| {
        let nation = text(table, "nation").and_then(|name| names.get(name)).map(|(index, _)| NationId::from_index(*index));
        nations.as_ref().is_none_or(|list| nation.is_some_and(|nation| list.contains(&nation)))
    };
    let buses = entries(root, "bus").into_iter().enumerate().filter(|(_, (table, _))| concerned(table));
    DisruptionKind::PriceShock {
        energy,
        buses: buses.map(|(at, _)| BusId::from_index(at)).collect(),
        accelerator,
        accelerators: accelerators(cursor),
    }
}

fn model_change(cursor: &mut Cursor<'_, '_>, root: &Table) -> DisruptionKind {
    let models: Vec<Option<&str>> = entries(root, "service").into_iter().map(|(table, _)| text(table, "model")).collect();
    let known: Vec<&str> = models.iter().flatten().copied().collect();
    let named = among(cursor, "models", "F0882", "service with the model", &known);
    let mut concerned = services(cursor);
    if !cursor.has("models") && !cursor.has("services") {
        cursor.wrong("F0884", "name", "the change concerns no service", "give `models` or `services`");
    }
    concerned.extend((0..models.len()).filter(|at| models[*at].is_some_and(|model| named.contains(&model))).map(ServiceId::from_index));
    concerned.sort_unstable();
    concerned.dedup();
    let requalification: Option<Distribution> = cursor.distribution_opt::<Duration>("requalification");
    let throughput = cursor.ratio("throughput");
    if requalification.is_none() && throughput == 1.0 {
        cursor.wrong("F0884", "name", "the change of the model changes nothing", "give `requalification` or `throughput`");
    }
    DisruptionKind::ModelChange { services: concerned, requalification, throughput }
}

fn member_exit(cursor: &mut Cursor<'_, '_>) -> DisruptionKind {
    let known = cursor.reference_opt("nation", "nation");
    let nation = NationId::from_index(known.unwrap_or(0));
    let group = cursor.word("group");
    let at = cursor.place("group");
    match cursor.ctx.groups.get(&group) {
        None if cursor.has("group") => {
            let known: Vec<&str> = cursor.ctx.groups.keys().map(String::as_str).collect();
            let hint = suggestion(&group, &known, "group");
            cursor.ctx.error_hint("F0308", at, format!("there is no group `{group}`"), hint);
        }
        Some(members) if known.is_some_and(|nation| !members.contains(&nation)) => {
            cursor.ctx.error_hint("F0883", at, format!("the nation is not a member of `{group}`"), "only a member can leave");
        }
        _ => {}
    }
    DisruptionKind::MemberExit { nation, group, notice: cursor.distribution::<Duration>("notice"), bars: Vec::new() }
}
