//! Whether racks and halls that fail have a size.

use crate::decode::Context;
use crate::diag::Diagnostic;
use crate::model::{AcceleratorId, Failure, FailureDomain, Model, SiteId};

/// Racks and halls have as many nodes as the types and sites say.
pub fn domains(ctx: &mut Context, model: &Model) {
    for (index, failure) in model.failures.iter().enumerate() {
        if !ctx.is_poisoned("failure", index) {
            rack_has_a_size(ctx, model, failure);
            hall_has_a_size(ctx, model, failure);
        }
    }
}

fn rack_has_a_size(ctx: &mut Context, model: &Model, failure: &Failure) {
    if !matches!(failure.domain, FailureDomain::Rack | FailureDomain::Hall) {
        return;
    }
    let concerned = |id: usize| failure.accelerators.is_empty() || failure.accelerators.contains(&AcceleratorId::from_index(id));
    let mut types = model.accelerators.iter().enumerate();
    if let Some((_, kind)) = types.find(|(id, kind)| concerned(*id) && kind.nodes_per_rack.is_none()) {
        let name = &kind.entity.name;
        let message = format!("failure `{}` hits racks, and `{name}` does not say how many nodes make one", failure.entity.name);
        let hint = format!("give `nodes_per_rack` in `[[accelerator]]` `{name}`, or list other `accelerators`");
        ctx.push(Diagnostic::error("F0812", failure.entity.span.clone(), message).hint(hint));
    }
}

fn hall_has_a_size(ctx: &mut Context, model: &Model, failure: &Failure) {
    if failure.domain != FailureDomain::Hall {
        return;
    }
    let concerned = |id: usize| failure.sites.is_empty() || failure.sites.contains(&SiteId::from_index(id));
    let mut sites = model.sites.iter().enumerate();
    if let Some((_, site)) = sites.find(|(id, site)| concerned(*id) && site.racks_per_hall.is_none()) {
        let name = &site.entity.name;
        let message = format!("failure `{}` hits halls, and site `{name}` does not say how many racks make one", failure.entity.name);
        let diagnostic = Diagnostic::error("F0812", failure.entity.span.clone(), message).label(site.entity.span.clone(), "the site");
        ctx.push(diagnostic.hint(format!("give `racks_per_hall` in site `{name}`, or list other `sites`")));
    }
}
