//! Whether what was resolved is possible and plausible, beyond single tables.

use crate::decode::Context;
use crate::resolve::Resolved;

/// Adds the diagnostics of all checks to the context.
pub fn check(_ctx: &mut Context, _resolved: &Resolved) {}
