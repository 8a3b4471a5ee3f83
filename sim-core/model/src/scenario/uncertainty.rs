//! `[[outlook]]`, `[[outage]]` and what `[plan]` says about them.

use super::demand::Demands;
use super::{each, growth};
use crate::decode::{Context, Cursor};
use crate::keys;
use crate::model::{
    Asset, AssetClass, BusId, Critical, Cvar, DemandBudget, LineId, LinkId, Outage, Outlook, Service, SiteId, Tier, Uncertainty,
};
use crate::text::At;
use crate::tree::Table;
use bastide_units::TokenPrice;

/// How many there are of what outlooks and outages name.
pub struct Known<'a> {
    /// Sites.
    pub sites: usize,
    /// Buses.
    pub buses: usize,
    /// Services, in the model's order.
    pub services: &'a [Service],
    /// Their positions in the scenario's table.
    pub demands: &'a [Demands],
}

/// Decodes outlooks, outages, and the keys of `[plan]` that weigh them; the cursor is at `[plan]`.
pub fn uncertainty(cursor: &mut Cursor<'_, '_>, root: &Table, known: &Known<'_>, least: &[Option<f64>; 4]) -> Uncertainty {
    let outlooks = outlooks(cursor.ctx, root, known);
    let classes = cursor.list_of("survive", keys::ASSETS).unwrap_or_default();
    let mut survive: Vec<AssetClass> = classes.into_iter().map(|position| AssetClass::ALL[position]).collect();
    survive.sort_unstable();
    if !survive.is_empty() && least.iter().all(|share| share.is_none_or(|share| share <= 0.0)) {
        let hint = "say what must be served: `min_service = { T0 = 0.9 }`";
        cursor.wrong("F0965", "survive", "nothing must be served when something is lost", hint);
    }
    let cvar = cursor.inner_table("cvar", &keys::CVAR, cvar);
    let strike = strike(cursor, known);
    let demand_budget = cursor.inner_table("demand_budget", &keys::DEMAND_BUDGET, |inner| DemandBudget {
        services: inner.count("services"),
        rise: inner.ratio("rise"),
    });
    let key = if cursor.has("strike") { "strike" } else { "demand_budget" };
    if demand_budget.is_some() {
        needs_critical(cursor, known, "demand_budget");
    }
    if cvar.is_some() && (strike.is_some() || demand_budget.is_some()) {
        cursor.wrong("F0966", "cvar", format!("`cvar` stands with `{key}`"), "the worst case leaves nothing to weigh: keep one of the two");
    } else if cvar.is_some() && outlooks.len() < 2 {
        cursor.wrong("F0966", "cvar", "`cvar` weighs outlooks, and there is no choice of them", "write two `[[outlook]]` or more");
    }
    let worst_span = cursor.has(key).then(|| cursor.ctx.span(cursor.place(key)));
    Uncertainty { outages: outages(cursor.ctx, root, least), outlooks, survive, cvar, strike, demand_budget, worst_span }
}

fn cvar(cursor: &mut Cursor<'_, '_>) -> Cvar {
    let (level, weight) = (cursor.ratio("level"), cursor.ratio("weight"));
    if level <= 0.0 || level >= 1.0 {
        let hint = "0.95 means the mean of the worst 5 %";
        cursor.wrong("F0966", "level", format!("`level` must be above 0 and below 1: {level}"), hint);
    }
    Cvar { level, weight }
}

fn strike(cursor: &mut Cursor<'_, '_>, known: &Known<'_>) -> Option<u32> {
    let strike = cursor.count_opt("strike")?;
    if strike as usize > known.sites && !cursor.ctx.is_unsure("site") {
        let message = format!("{strike} sites cannot be lost: there are {}", known.sites);
        cursor.wrong("F0967", "strike", message, "lower `strike`");
    }
    needs_critical(cursor, known, "strike");
    Some(strike)
}

/// The worst case counts critical demand only.
fn needs_critical(cursor: &mut Cursor<'_, '_>, known: &Known<'_>, key: &str) {
    let any = known.services.iter().any(|service| service.critical.share != 0.0);
    if !any && !cursor.ctx.is_unsure("service") {
        let hint = "say what must keep running: `critical = \"60 %\"` in a `[[service]]`";
        cursor.wrong("F0967", key, format!("`{key}` counts critical demand, and no service has any"), hint);
    }
}

fn outlooks(ctx: &mut Context, root: &Table, known: &Known<'_>) -> Vec<Outlook> {
    let mut last = None;
    let outlooks = each(ctx, root, "outlook", |cursor| {
        last = Some(cursor.place("probability"));
        Outlook {
            entity: cursor.entity(),
            probability: cursor.ratio("probability"),
            availability: cursor.factors_of("availability", "default_availability", "site", known.sites),
            demand: demand(cursor, known),
            energy_price: cursor.factors_of("energy_price", "default_energy_price", "bus", known.buses),
            branch: growth::branch(cursor),
        }
    });
    growth::tree(ctx, &outlooks);
    // What branches off is given its parent: of those, siblings sum to one.
    let sum: f64 = outlooks.iter().filter(|it| it.branch.parent.is_none()).map(|outlook| outlook.probability).sum();
    if let Some(at) = last
        && (sum - 1.0).abs() > 1e-6
    {
        let message = format!("the probabilities of the outlooks sum to {sum:.6}, not to 1");
        ctx.error_hint("F0960", at, message, "give every possible future its probability");
    }
    outlooks
}

/// Factors on demand by service or tier; a service by its own name counts more than its tier.
fn demand(cursor: &mut Cursor<'_, '_>, known: &Known<'_>) -> Vec<f64> {
    let mut all = vec![cursor.ratio("default_demand"); known.services.len()];
    let (tiers, services): (Vec<_>, Vec<_>) = cursor.named_ratios("demand").into_iter().partition(|(word, ..)| keys::TIERS.contains(word));
    for (word, _, factor) in tiers {
        let of_tier = all.iter_mut().zip(known.services).filter(|(_, service)| keys::TIERS[service.tier as usize] == word);
        of_tier.for_each(|(it, _)| *it = factor);
    }
    for (word, at, factor) in services {
        let Some(index) = cursor.resolve("service", word, at) else { continue };
        if let Some(place) = known.demands.iter().position(|demands| demands.index == index) {
            all[place] = factor;
        }
    }
    all
}

fn outages(ctx: &mut Context, root: &Table, least: &[Option<f64>; 4]) -> Vec<Outage> {
    each(ctx, root, "outage", |cursor| {
        let words = cursor.words_at("down").unwrap_or_default();
        if words.is_empty() && cursor.has("down") {
            cursor.wrong("F0217", "down", "`down` is empty", "name what is lost, such as `site.riga`");
        }
        let down = words.into_iter().filter_map(|(word, at)| asset(cursor, word, at)).collect();
        let mut demand = [cursor.ratio("default_demand"); 4];
        for (word, at, factor) in cursor.named_ratios("demand") {
            match keys::TIERS.iter().position(|tier| *tier == word) {
                Some(tier) => demand[tier] = factor,
                None => {
                    let hint = format!("any of `{}`", keys::TIERS.join("`, `"));
                    cursor.ctx.error_hint("F0202", at, format!("`demand` has no key `{word}`"), hint);
                }
            }
        }
        let mut min_service = [None; 4];
        for (tier, share) in cursor.ratios_of("min_service", keys::TIERS) {
            min_service[tier] = Some(share);
        }
        let asked = |tier: Tier| min_service[tier as usize].or(least[tier as usize]).unwrap_or(0.0);
        if Tier::ALL.iter().all(|tier| asked(*tier) <= 0.0) {
            let hint = "say what must be served: `min_service = { T0 = 0.9 }`, here or in `[plan]`";
            cursor.wrong("F0965", "min_service", "nothing must be served in this outage", hint);
        }
        Outage { entity: cursor.entity(), down, demand, min_service }
    })
}

/// What a word such as `site.riga` or `vendor.nvidia` means.
fn asset(cursor: &mut Cursor<'_, '_>, word: &str, at: At) -> Option<Asset> {
    let (class, name) = word.split_once('.').unwrap_or((word, ""));
    match class {
        "site" => cursor.resolve("site", name, at).map(|index| Asset::Site(SiteId::from_index(index))),
        "link" => cursor.resolve("link", name, at).map(|index| Asset::Link(LinkId::from_index(index))),
        "line" => cursor.resolve("line", name, at).map(|index| Asset::Line(LineId::from_index(index))),
        "bus" => cursor.resolve("bus", name, at).map(|index| Asset::Bus(BusId::from_index(index))),
        "vendor" => {
            let mut known: Vec<&str> = cursor.ctx.accelerators.iter().map(|kind| kind.vendor.as_str()).collect();
            known.sort_unstable();
            known.dedup();
            if known.contains(&name) {
                return Some(Asset::Vendor(name.to_owned()));
            }
            let hint = crate::decode::suggestion(name, &known, "vendor");
            cursor.ctx.error_hint("F0962", at, format!("no accelerator is of the vendor `{name}`"), hint);
            None
        }
        _ => {
            let hint = "write `site.NAME`, `link.NAME`, `line.NAME`, `bus.NAME` or `vendor.NAME`";
            cursor.ctx.error_hint("F0962", at, format!("`{word}` is nothing that a plan can lose"), hint);
            None
        }
    }
}

/// Decodes `critical` and its penalty.
pub fn critical(cursor: &mut Cursor<'_, '_>) -> Critical {
    let share = cursor.ratio("critical");
    let penalty = cursor.quantity_opt::<TokenPrice>("critical_penalty");
    if penalty.is_some() && share == 0.0 {
        cursor.wrong("F0968", "critical_penalty", "`critical_penalty` stands without `critical`", "say which share: `critical = \"60 %\"`");
    }
    Critical { share, penalty }
}
