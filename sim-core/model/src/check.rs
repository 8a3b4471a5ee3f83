//! Whether what was resolved is possible and plausible, beyond single tables.
//!
//! Checks leave poisoned entries alone, and let NaN pass: what could not be read was reported already.

mod cyber;
mod evacuation;
mod frequency;
mod grid;
mod machine;
mod need;
mod placement;
mod planning;
mod scale;
mod strikes;
mod uncertainty;

use crate::decode::Context;
use crate::resolve::Resolved;

/// Adds the diagnostics of all checks to the context.
pub fn check(ctx: &mut Context, resolved: &Resolved) {
    grid::islands(ctx, &resolved.model);
    grid::interruptible(ctx, &resolved.model);
    planning::check(ctx, &resolved.model);
    uncertainty::check(ctx, &resolved.model);
    scale::check(ctx, &resolved.model);
    machine::domains(ctx, &resolved.model);
    need::check(ctx, resolved);
    cyber::common_modes(ctx, &resolved.model);
    strikes::defences(ctx, &resolved.model);
    strikes::munitions(ctx, &resolved.model);
    frequency::check(ctx, &resolved.model);
    // Whether a site is legal or near cannot be said while a nation, bus or site is unknown.
    if ["nation", "bus", "site", "link"].iter().all(|table| !ctx.is_unsure(table)) {
        placement::check(ctx, resolved);
        evacuation::check(ctx, &resolved.model);
    }
}
