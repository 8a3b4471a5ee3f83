//! `[[investment]]`.

use super::demand::Demands;
use super::each;
use crate::decode::{Context, Cursor};
use crate::keys;
use crate::model::{AcceleratorId, Hardening, Improvement, Investment, InvestmentId, Service, ServiceId, Site, SiteId};
use crate::tree::Table;

/// Decodes `[[investment]]`; services in the model's order, with their positions in the scenario beside them. `costed` says whether the plan
/// has serving costs.
pub fn investments(
    ctx: &mut Context,
    root: &Table,
    sites: &[Site],
    services: &[Service],
    demands: &[Demands],
    costed: bool,
) -> Vec<Investment> {
    let mut index = 0;
    each(ctx, root, "investment", |cursor| {
        let entity = cursor.entity();
        let site = cursor.reference_opt("site", "site").map(SiteId::from_index);
        let links = |cursor: &mut Cursor<'_, '_>, key: &str| -> Vec<InvestmentId> {
            let named = if cursor.has(key) { cursor.references(key, "investment").unwrap_or_default() } else { Vec::new() };
            if named.contains(&index) {
                cursor.wrong("F0983", key, format!("investment `{}` names itself", entity.name), "remove it from the list");
            }
            named.into_iter().map(InvestmentId::from_index).collect()
        };
        let (requires, excludes) = (links(cursor, "requires"), links(cursor, "excludes"));
        if requires.iter().any(|id| excludes.contains(id)) {
            cursor.wrong("F0983", "excludes", format!("investment `{}` requires what it excludes", entity.name), "keep one of the two");
        }
        let investment = Investment {
            site,
            most: cursor.count("most"),
            cost: cursor.quantity("cost"),
            lifetime: cursor.quantity_opt("lifetime"),
            upkeep: cursor.quantity("upkeep"),
            requires,
            excludes,
            effect: effect(cursor, demands),
            entity,
        };
        judge(cursor, &investment, sites);
        let faster = investment.effect.speedup.iter().flat_map(|(_, faster)| faster);
        if let Some(service) = faster.map(|id| &services[id.index()]).find(|service| costed || service.critical.share > 0.0) {
            let name = &service.entity.name;
            let message = format!(
                "service `{name}` has {}, and no plan can weigh that against a speedup",
                if costed { "serving costs" } else { "critical demand" }
            );
            cursor.wrong("F0986", "services", message, "leave it out, or write the faster service as a case");
        }
        index += 1;
        investment
    })
}

fn effect(cursor: &mut Cursor<'_, '_>, demands: &[Demands]) -> Improvement {
    for (one, other) in [("accelerator", "count"), ("count", "accelerator"), ("speedup", "services"), ("services", "speedup")] {
        if cursor.has(one) && !cursor.has(other) {
            cursor.wrong("F0982", one, format!("`{one}` stands without `{other}`"), "give both or none");
            cursor.poison();
        }
    }
    let accelerator = cursor.reference_opt("accelerator", "accelerator").map(AcceleratorId::from_index);
    let speedup = cursor.ratio_opt("speedup");
    if speedup.is_some_and(|factor| factor <= 1.0) {
        cursor.wrong("F0984", "speedup", "a `speedup` of one or less saves nothing", "2 means twice the tokens of an accelerator");
    }
    let named = if cursor.has("services") { cursor.references("services", "service") } else { None };
    // The model orders services by tier.
    let services = |named: Vec<usize>| -> Vec<ServiceId> {
        (0..demands.len()).filter(|at| named.contains(&demands[*at].index)).map(ServiceId::from_index).collect()
    };
    let hardening = cursor.has("hardening").then(|| cursor.one_of("hardening", keys::HARDENINGS));
    Improvement {
        connection: cursor.quantity("connection"),
        it_power: cursor.quantity("it_power"),
        accelerators: accelerator.zip(cursor.count_opt("count")),
        pue: cursor.ratio_opt("pue"),
        speedup: speedup.zip(named.map(services)),
        ups: cursor.quantity_opt("ups"),
        generator_start: cursor.ratio_opt("generator_start"),
        fuel: cursor.quantity_opt("fuel"),
        hardening: hardening.map(|word| [Hardening::None, Hardening::Hardened, Hardening::Bunker][word]),
        repair_crews: cursor.count("repair_crews"),
        spares: cursor.count("spares"),
    }
}

/// Keys that change a site.
const OF_SITE: &[&str] =
    &["connection", "it_power", "accelerator", "pue", "ups", "generator_start", "fuel", "hardening", "repair_crews", "spares"];
/// Keys whose value replaces another, so that a second purchase does nothing.
const ONCE: &[&str] = &["pue", "speedup", "ups", "generator_start", "fuel", "hardening"];

fn judge(cursor: &mut Cursor<'_, '_>, it: &Investment, sites: &[Site]) {
    let name = &it.entity.name;
    let changes: Vec<&str> = OF_SITE.iter().copied().filter(|key| cursor.has(key)).collect();
    match (changes.first(), it.site) {
        (Some(key), None) => {
            cursor.wrong("F0980", key, format!("`{key}` of investment `{name}` changes a site, and it has none"), "give its `site`");
        }
        (None, _) if it.effect.speedup.is_none() && !cursor.is_poisoned() => {
            cursor.wrong("F0980", "name", format!("investment `{name}` changes nothing"), "say what it adds: `connection = \"20 MW\"`");
        }
        _ => {}
    }
    if it.most > 1
        && let Some(key) = ONCE.iter().find(|key| cursor.has(key))
    {
        let message = format!("investment `{name}` may be bought {} times, and `{key}` changes once", it.most);
        cursor.wrong("F0981", "most", message, "leave `most` out, or split it into two investments");
    }
    let Some(site) = it.site.and_then(|site| sites.get(site.index())) else { return };
    if let Some(pue) = it.effect.pue
        && pue >= site.pue
    {
        let message = format!("a PUE of {pue} is not below the {} that site `{}` has", site.pue, site.entity.name);
        cursor.wrong("F0984", "pue", message, "an investment improves what is there");
    }
    for (key, endless) in [("repair_crews", site.repair_crews.is_none()), ("spares", site.spares.is_none())] {
        if cursor.has(key) && endless {
            let message = format!("site `{}` has any number of {} already", site.entity.name, key.replace('_', " "));
            cursor.wrong("F0984", key, message, format!("give the site its own `{key}`"));
        }
    }
}
