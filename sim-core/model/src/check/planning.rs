//! What the plan must reach, against what there is.

use crate::decode::Context;
use crate::diag::Diagnostic;
use crate::model::{Alternative, Model, SiteId};

/// Survival, numbers of sites, power for one node, fleets in their sites.
pub fn check(ctx: &mut Context, model: &Model) {
    let planning = &model.planning;
    let unsure = ctx.poisoned.iter().any(|(table, _)| *table == "site");
    let sites = planning.candidates.len().min(planning.sites.1 as usize);
    if !planning.survive_site_loss.is_empty() && sites < 2 && !unsure {
        let message = format!("no tier survives the loss of a site where at most {sites} can be used");
        let diagnostic = Diagnostic::error("F0608", planning.span.clone(), message);
        ctx.push(diagnostic.hint("give two candidates or more, or leave `survive_site_loss` out"));
    }
    if planning.sites.0 as usize > planning.candidates.len() && planning.sites.0 <= planning.sites.1 && !unsure {
        let message = format!("at least {} sites are asked for, and {} are candidates", planning.sites.0, planning.candidates.len());
        ctx.push(Diagnostic::error("F0702", planning.span.clone(), message).hint("lower `min_sites`, or add candidates"));
    }
    for alternative in model.alternatives.iter().filter(|alternative| alternative.plan.is_none()) {
        survives(ctx, model, alternative, unsure);
    }
    let smallest = planning.accelerators.iter().map(|(id, _)| {
        let kind = &model.accelerators[*id];
        (kind.power * f64::from(kind.per_node)).as_kw()
    });
    let smallest = smallest.fold(f64::INFINITY, f64::min);
    if smallest.is_finite() && smallest > planning.it_power.as_kw() * (1.0 + 1e-9) {
        let message = format!("`it_power` of {:.1} kW is less than one node of {smallest:.1} kW", planning.it_power.as_kw());
        ctx.push(Diagnostic::error("F0705", planning.span.clone(), message).hint("check the unit of `it_power`"));
    }
    let mut power = vec![0.0; model.sites.len()];
    for (index, fleet) in model.fleets.iter().enumerate() {
        if ctx.is_poisoned("fleet", index) {
            continue;
        }
        let site = &model.sites[fleet.site];
        let before = power[fleet.site.index()];
        let now = before + model.accelerators[fleet.accelerator].power.as_mw() * f64::from(fleet.count);
        power[fleet.site.index()] = now;
        let most = site.max_it_power.as_mw() * (1.0 + 1e-9);
        if now > most && before <= most {
            let message = format!(
                "the fleets of site `{}` draw {now:.3} MW of IT power, above its {:.3} MW",
                site.entity.name,
                site.max_it_power.as_mw()
            );
            let diagnostic = Diagnostic::error("F0516", fleet.entity.span.clone(), message);
            ctx.push(diagnostic.label(site.entity.span.clone(), "the site").hint("check `count` and the site's `connection`"));
        }
    }
    if model.services.is_empty() && model.campaigns.is_empty() {
        let diagnostic =
            Diagnostic::warning("F0515", planning.span.clone(), "the scenario has no service and no campaign: nothing to plan for");
        ctx.push(diagnostic.hint("add a `[[service]]` or a `[[campaign]]`"));
    }
}

fn survives(ctx: &mut Context, model: &Model, alternative: &Alternative, unsure: bool) {
    let survive = alternative.survive_site_loss.as_ref().unwrap_or(&model.planning.survive_site_loss);
    let allowed: &[SiteId] = alternative.sites.as_deref().unwrap_or(&model.planning.candidates);
    let (least, most) = alternative.count.unwrap_or(model.planning.sites);
    let usable = allowed.len().min(most as usize);
    if !survive.is_empty() && usable < 2 && !unsure && usable > 0 {
        let message = format!("alternative `{}` uses at most {usable} site, and no tier survives its loss", alternative.entity.name);
        let diagnostic = Diagnostic::error("F0608", alternative.entity.span.clone(), message);
        ctx.push(diagnostic.hint("add `survive_site_loss = []` to the alternative, or allow more sites"));
    }
    if least as usize > allowed.len() && least <= most && !unsure {
        let message = format!("alternative `{}` asks for {least} sites and allows {}", alternative.entity.name, allowed.len());
        ctx.push(Diagnostic::error("F0702", alternative.entity.span.clone(), message).hint("lower `min_sites`, or allow more sites"));
    }
    for (tier, share) in &alternative.tier_share {
        if *share > 0.0 && !allowed.iter().any(|site| model.sites[*site].tier == *tier) && !unsure {
            let message = format!("alternative `{}` wants power in a tier of which it allows no site", alternative.entity.name);
            ctx.push(
                Diagnostic::error("F0711", alternative.entity.span.clone(), message).hint("allow a site of that tier, or remove its share"),
            );
        }
    }
}
