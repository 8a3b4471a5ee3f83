//! What cannot be weighed over outlooks.

use crate::decode::Context;
use crate::diag::Diagnostic;
use crate::model::Model;

/// Investments whose effect depends on the load are worked out for one future only.
pub fn check(ctx: &mut Context, model: &Model) {
    let uncertainty = &model.planning.uncertainty;
    // A roadmap makes a tree of its outlooks, and says itself what it cannot weigh.
    if model.growth.horizon.is_some() || (uncertainty.outlooks.is_empty() && !uncertainty.is_robust()) {
        return;
    }
    for it in model.investments.iter().filter(|it| it.effect.pue.is_some() || it.effect.speedup.is_some()) {
        let message = format!("what investment `{}` saves depends on the load, which is not known", it.entity.name);
        let hint = "take it out, or plan for one future: without `[[outlook]]`, `strike` and `demand_budget`";
        ctx.push(Diagnostic::error("F0961", it.entity.span.clone(), message).hint(hint));
    }
}
