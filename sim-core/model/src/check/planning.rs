//! What the plan must reach, against what there is.

use crate::decode::Context;
use crate::diag::Diagnostic;
use crate::model::{Alternative, Model, SiteId};

/// Alternatives, fleets in their sites, whether there is anything to plan for.
pub fn check(ctx: &mut Context, model: &Model) {
    let planning = &model.planning;
    let unsure = ctx.is_unsure("site") || ctx.is_unsure("plan");
    for alternative in model.alternatives.iter().filter(|alternative| alternative.plan.is_none()) {
        survives(ctx, model, alternative, unsure);
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
    crowded(ctx, model);
    let to_build = planning.survive_link_loss && model.links.iter().any(|link| link.build_cost.is_some());
    if !to_build && model.services.is_empty() && model.campaigns.is_empty() && !ctx.is_unsure("service") && !ctx.is_unsure("campaign") {
        let diagnostic =
            Diagnostic::warning("F0515", planning.span.clone(), "the scenario has no service and no campaign: nothing to plan for");
        ctx.push(diagnostic.hint("add a `[[service]]` or a `[[campaign]]`"));
    }
}

/// Fleets have room in their sites.
fn crowded(ctx: &mut Context, model: &Model) {
    let mut there = vec![0_u64; model.sites.len()];
    for (index, fleet) in model.fleets.iter().enumerate() {
        if ctx.is_poisoned("fleet", index) {
            continue;
        }
        let site = &model.sites[fleet.site];
        let Some(most) = site.max_accelerators else { continue };
        let before = there[fleet.site.index()];
        let now = before + u64::from(fleet.count);
        there[fleet.site.index()] = now;
        if now > u64::from(most) && before <= u64::from(most) {
            let message = format!("{now} accelerators stand at site `{}`, above its {most}", site.entity.name);
            let diagnostic = Diagnostic::error("F0952", fleet.entity.span.clone(), message);
            ctx.push(diagnostic.label(site.entity.span.clone(), "the site").hint("check `count` and the site's `max_accelerators`"));
        }
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
