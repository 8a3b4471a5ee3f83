//! Whether every service, campaign and dataset has a place that is legal, near and large enough.

use std::collections::BTreeSet;

use bastide_units::{Quantity, Time};

use crate::decode::{Context, suggestion};
use crate::diag::Diagnostic;
use crate::model::{AcceleratorId, DatasetId, Legality, Model, NationId, SiteId};
use crate::resolve::{Resolved, Subject, latencies, subjects};
use crate::scenario::demand::Demands;
use crate::scenario::rule::{Demand, Rule};
use crate::source::Span;

/// Adds what has no place.
pub fn check(ctx: &mut Context, resolved: &Resolved) {
    let model = &resolved.model;
    let sites = usable_sites(model);
    // While a type is unknown, it may be the one that is large enough.
    let types = if ctx.is_unsure("plan") { Vec::new() } else { usable_types(model) };
    services(ctx, resolved, &sites, &types);
    campaigns(ctx, resolved, &sites, &types);
    datasets(ctx, resolved, &sites);
    idle_rules(ctx, resolved);
}

/// Candidates, and sites that stand.
fn usable_sites(model: &Model) -> Vec<SiteId> {
    let all = (0..model.sites.len()).map(SiteId::from_index);
    all.filter(|id| model.sites[*id].existing || model.planning.candidates.contains(id)).collect()
}

/// Types that may be bought, and types that stand.
fn usable_types(model: &Model) -> Vec<AcceleratorId> {
    let bought = model.planning.accelerators.iter().map(|(id, _)| *id);
    bought.chain(model.fleets.iter().map(|fleet| fleet.accelerator)).collect()
}

/// Sites at which something is legal at some time of the scenario.
fn legal_sites(ctx: &Context, sites: &[SiteId], legality: &[Legality]) -> Vec<SiteId> {
    let end = Time::from(ctx.duration);
    let sometime = |legality: &Legality| legality.from < legality.until && legality.from < end;
    sites.iter().copied().filter(|site| sometime(&legality[site.index()])).collect()
}

/// Whether a dataset has no legal site, which is reported for the dataset.
fn nowhere(ctx: &Context, model: &Model, sites: &[SiteId], dataset: Option<DatasetId>) -> bool {
    dataset.is_some_and(|id| legal_sites(ctx, sites, &model.legal_dataset[id]).is_empty())
}

/// Reports that the rules leave no site, naming each rule once; says the contradiction instead where two rules make one.
fn no_site(
    ctx: &mut Context,
    code: &'static str,
    what: &str,
    subject: &Subject<'_>,
    demands: &Demands,
    rules: &[Rule],
    legality: &[Legality],
) {
    let place = demands.at.map_or_else(|| Span::file("scenario.toml"), |at| ctx.span(at));
    if let Some((first, second, words)) = contradiction(ctx, subject, demands, rules) {
        let message = format!("{words} leave {what} no nation in common");
        let diagnostic = Diagnostic::error("F0607", second, message).label(first, "the other");
        ctx.push(diagnostic.label(place, "what both mean").hint("narrow `applies_to` of one, or widen its `allow`"));
        return;
    }
    let mut diagnostic = Diagnostic::error(code, place, format!("{what} may not be at any site"));
    let mut named: Vec<&str> = Vec::new();
    for (why, span) in legality.iter().filter_map(|legality| legality.forbidden_by.as_ref()) {
        if !named.contains(&why.as_str()) && named.len() < 5 {
            named.push(why);
            diagnostic = diagnostic.label(span.clone(), format!("forbidden by {why}"));
        }
    }
    ctx.push(diagnostic.hint("widen what forbids it, or add a site that satisfies it"));
}

/// A demand of residency: nations, place, words, and when it holds.
type Residency<'a> = (&'a [NationId], Span, String, (Time, Time));

/// Two demands of residency that hold at the same time and have no nation in common: their places, and words for both.
fn contradiction(ctx: &Context, subject: &Subject<'_>, demands: &Demands, rules: &[Rule]) -> Option<(Span, Span, String)> {
    let mut seen: Vec<Residency<'_>> = Vec::new();
    if let (Some(nations), Some(at)) = (&demands.residency, demands.residency_at) {
        seen.push((nations, ctx.span(at), "its own `residency`".to_owned(), (Time::ZERO, Time::NEVER)));
    }
    for rule in rules.iter().filter(|rule| rule.means(subject)) {
        let Demand::Residency(nations) = &rule.demand else { continue };
        let words = format!("rule `{}`", rule.entity.name);
        for (other, span, name, (from, until)) in &seen {
            let together = rule.from.max(*from) < rule.until.min(*until);
            if together && !nations.iter().any(|nation| other.contains(nation)) {
                return Some((span.clone(), rule.entity.span.clone(), format!("{name} and {words}")));
            }
        }
        seen.push((nations, rule.entity.span.clone(), words, (rule.from, rule.until)));
    }
    None
}

fn services(ctx: &mut Context, resolved: &Resolved, sites: &[SiteId], types: &[AcceleratorId]) {
    let model = &resolved.model;
    let network = latencies(model);
    for (index, (service, demands)) in model.services.iter().zip(&resolved.services).enumerate() {
        if ctx.is_poisoned("service", demands.index) {
            continue;
        }
        let name = &service.entity.name;
        let legal = legal_sites(ctx, sites, &model.legal_service[index]);
        if legal.is_empty() && nowhere(ctx, model, sites, service.dataset) {
            continue;
        }
        if legal.is_empty() && !sites.is_empty() {
            let subject = subjects::service(service, demands);
            no_site(ctx, "F0602", &format!("service `{name}`"), &subject, demands, &resolved.rules, &model.legal_service[index]);
        }
        let near = |site: &SiteId| {
            service.origins.iter().filter(|(_, share)| *share > 0.0).all(|(nation, _)| {
                let latency = network.get(nation.index()).and_then(|row| row[site.index()]);
                latency.is_some_and(|latency| latency.base() <= service.max_latency.base() || service.max_latency.base().is_nan())
            })
        };
        let reachable: Vec<SiteId> = legal.iter().copied().filter(near).collect();
        if reachable.is_empty() && !legal.is_empty() {
            let place = demands.latency_at.or(demands.at);
            if let Some(at) = place {
                let hint = "raise `max_latency`, add a `[[link]]`, or split the service by origin";
                ctx.error_hint(
                    "F0603",
                    at,
                    format!("requests of service `{name}` reach no legal site in time from all their origins"),
                    hint,
                );
            }
        }
        let fits = types.iter().any(|kind| model.token_rate[index].get(kind.index()).is_none_or(|rate| rate.base() != 0.0));
        // Where the scenario names the types, it says itself that a service runs on no other.
        if !fits && !types.is_empty() && !matches!(demands.tokens_per_accelerator, Some(Err(_))) {
            let kinds: Vec<&str> = types.iter().map(|kind| model.accelerators[*kind].entity.name.as_str()).collect();
            if let Some(at) = demands.model_at.or(demands.at) {
                let hint = "allow a type with more memory per node in `accelerators` of `[plan]`, or choose a smaller model";
                ctx.error_hint("F0601", at, format!("model `{}` fits no node of `{}`", service.model, kinds.join("`, `")), hint);
            }
        }
        if model.planning.survive_site_loss.contains(&service.tier) && reachable.len() == 1 && sites.len() > 1 {
            let only = &model.sites[reachable[0]].entity;
            let message = format!("service `{name}` must survive the loss of a site, and only `{}` may run it", only.name);
            let diagnostic = Diagnostic::error("F0611", service.entity.span.clone(), message);
            ctx.push(
                diagnostic
                    .label(only.span.clone(), "the only site")
                    .hint("allow a second site, or leave its tier out of `survive_site_loss`"),
            );
        }
    }
}

fn campaigns(ctx: &mut Context, resolved: &Resolved, sites: &[SiteId], types: &[AcceleratorId]) {
    let model = &resolved.model;
    for (index, (campaign, demands)) in model.campaigns.iter().zip(&resolved.campaigns).enumerate() {
        if ctx.is_poisoned("campaign", demands.index) {
            continue;
        }
        let name = &campaign.entity.name;
        let legal = legal_sites(ctx, sites, &model.legal_campaign[index]);
        if legal.is_empty() && nowhere(ctx, model, sites, campaign.dataset) {
            continue;
        }
        if legal.is_empty() && !sites.is_empty() {
            let subject = subjects::campaign(campaign, demands);
            no_site(ctx, "F0604", &format!("campaign `{name}`"), &subject, demands, &resolved.rules, &model.legal_campaign[index]);
            continue;
        }
        let gang = f64::from(campaign.gang());
        let room = |site: &SiteId, kind: &AcceleratorId| {
            model.accelerators[*kind].power.as_w() * gang > model.sites[*site].max_it_power.as_w() * (1.0 + 1e-9)
        };
        let too_large = !types.is_empty() && legal.iter().all(|site| types.iter().all(|kind| room(site, kind)));
        if let (true, Some(at)) = (too_large && !legal.is_empty(), demands.gang_at.or(demands.at)) {
            let most = legal.iter().map(|site| model.sites[*site].max_it_power.as_mw()).fold(0.0, f64::max);
            let message = format!("the gang of campaign `{name}` has room at no legal site");
            ctx.error_hint("F0610", at, message, format!("the largest has {most:.3} MW of IT power: train with fewer accelerators"));
        }
    }
}

fn datasets(ctx: &mut Context, resolved: &Resolved, sites: &[SiteId]) {
    let model = &resolved.model;
    for (index, (dataset, demands)) in model.datasets.iter().zip(&resolved.datasets).enumerate() {
        if ctx.is_poisoned("dataset", demands.index) {
            continue;
        }
        let name = &dataset.entity.name;
        let legal = legal_sites(ctx, sites, &model.legal_dataset[index]);
        if legal.is_empty() && !sites.is_empty() {
            let subject = subjects::dataset(dataset, demands);
            no_site(ctx, "F0605", &format!("dataset `{name}`"), &subject, demands, &resolved.rules, &model.legal_dataset[index]);
        } else if legal.len() < dataset.replicas as usize
            && let Some(at) = demands.replicas_at.or(demands.at)
        {
            let message = format!("dataset `{name}` wants {} copies at different sites, and {} may hold it", dataset.replicas, legal.len());
            ctx.error_hint("F0606", at, message, "ask for fewer copies, or allow more sites");
        }
    }
}

/// Rules that mean nothing in the scenario, and classes that nothing has.
fn idle_rules(ctx: &mut Context, resolved: &Resolved) {
    let model = &resolved.model;
    let all = resolved.services.iter().chain(&resolved.campaigns).chain(&resolved.datasets);
    let classes: BTreeSet<&str> = all.filter_map(|demands| demands.class.as_deref()).collect();
    for rule in &resolved.rules {
        let unknown: Vec<_> = rule.scope.classes.iter().flatten().filter(|(class, _)| !classes.contains(class.as_str())).collect();
        for (class, at) in &unknown {
            let known: Vec<&str> = classes.iter().copied().collect();
            let message = format!("no service, campaign or dataset is of class `{class}`");
            let diagnostic = Diagnostic::warning("F0311", ctx.span(*at), message);
            ctx.push(diagnostic.hint(suggestion(class, &known, "class")));
        }
        if !unknown.is_empty() {
            continue;
        }
        let services = model.services.iter().zip(&resolved.services).any(|(it, demands)| rule.means(&subjects::service(it, demands)));
        let campaigns = model.campaigns.iter().zip(&resolved.campaigns).any(|(it, demands)| rule.means(&subjects::campaign(it, demands)));
        let datasets = model.datasets.iter().zip(&resolved.datasets).any(|(it, demands)| rule.means(&subjects::dataset(it, demands)));
        if !(services || campaigns || datasets) {
            let message = format!("rule `{}` applies to nothing in the scenario", rule.entity.name);
            ctx.push(Diagnostic::warning("F0609", rule.entity.span.clone(), message).hint("check the lists of its `applies_to`"));
        }
    }
}
