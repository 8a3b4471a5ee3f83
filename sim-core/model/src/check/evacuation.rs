//! Whether the law ever lets anything of an evacuation leave.

use bastide_units::Time;

use crate::decode::Context;
use crate::diag::Diagnostic;
use crate::model::{Legality, Model};

/// Adds what the law forbids to the end.
pub fn check(ctx: &mut Context, model: &Model) {
    if ctx.is_unsure("dataset") || ctx.is_unsure("evacuation") {
        return;
    }
    let end = Time::from(ctx.duration);
    let sometime = |legality: &Legality| legality.from < legality.until && legality.from < end;
    for evacuation in model.evacuations.iter().filter(|evacuation| !evacuation.datasets.is_empty() && !evacuation.to.is_empty()) {
        let rows = || evacuation.datasets.iter().flat_map(|id| evacuation.to.iter().map(|site| &model.legal_dataset[*id][site.index()]));
        if rows().any(sometime) {
            continue;
        }
        let name = &evacuation.entity.name;
        let message = format!("evacuation `{name}` moves nothing: none of its data may be at any of its `to`");
        let mut diagnostic = Diagnostic::error("F0896", evacuation.entity.span.clone(), message);
        if let Some((why, span)) = rows().find_map(|legality| legality.forbidden_by.as_ref()) {
            diagnostic = diagnostic.label(span.clone(), format!("forbidden by {why}"));
        }
        ctx.push(diagnostic.hint("give the rule that forbids it an `until`, or name places where it may be"));
    }
}
