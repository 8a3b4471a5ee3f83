//! Exploits of what sites share.

use crate::decode::Context;
use crate::diag::Diagnostic;
use crate::model::{CommonMode, HazardKind, Model, Shared};

/// What `shares` means, in words of the scenario.
const fn noun(shares: Shared) -> &'static str {
    match shares {
        Shared::Vendor => "vendor",
        Shared::Firmware => "firmware",
        Shared::ControlPlane => "control-plane",
        Shared::Operator => "operator",
        Shared::Tier => "tier",
        Shared::Segment => "segment",
    }
}

/// Reports common-mode exploits of what no target has.
pub fn common_modes(ctx: &mut Context, model: &Model) {
    if ["site", "accelerator", "hazard"].iter().any(|table| ctx.is_unsure(table)) {
        return;
    }
    for hazard in &model.hazards {
        let HazardKind::CommonMode(exploit) = &hazard.kind else { continue };
        // What is no site was reported.
        if exploit.sites.is_empty() {
            continue;
        }
        let known = shared_by_targets(model, exploit);
        let noun = noun(exploit.shares);
        let (message, hint) = match &exploit.only {
            Some(only) if !known.contains(&only.as_str()) => {
                (format!("no target of `{}` has the {noun} `{only}`", hazard.entity.name), crate::decode::suggestion(only, &known, noun))
            }
            None if known.is_empty() => {
                (format!("no target of `{}` has a {noun}", hazard.entity.name), format!("give the sites that share one the key `{noun}`"))
            }
            _ => continue,
        };
        ctx.push(Diagnostic::error("F0857", hazard.entity.span.clone(), message).hint(hint));
    }
}

/// What the targets of an exploit may share, each once.
fn shared_by_targets<'m>(model: &'m Model, exploit: &CommonMode) -> Vec<&'m str> {
    let mut known: Vec<&str> = match exploit.shares {
        Shared::Vendor => model.accelerators.iter().map(|kind| kind.vendor.as_str()).collect(),
        _ => exploit.sites.iter().filter_map(|site| model.shared(exploit.shares, site.index())).collect(),
    };
    known.sort_unstable();
    known.dedup();
    known
}
