//! `verify` of `[plan]`.

use crate::decode::Cursor;
use crate::keys;
use crate::model::Verification;

/// Decodes `verify`. Without targets of its own it takes those of `min_service`; there must be one.
pub fn verification(cursor: &mut Cursor<'_, '_>, min_service: [Option<f64>; 4]) -> Option<Verification> {
    cursor.inner_table("verify", &keys::VERIFICATION, |cursor| {
        let mut target = if cursor.has("target") { [None; 4] } else { min_service };
        for (tier, share) in cursor.ratios_of("target", keys::TIERS) {
            target[tier] = Some(share);
        }
        if target.iter().all(Option::is_none) {
            let key = if cursor.has("target") { "target" } else { "verify" };
            cursor.wrong("F0217", key, "no tier has a target", "give `target = { T1 = \"99 %\" }`, or `min_service` of `[plan]`");
        }
        let span = Some(cursor.ctx.span(cursor.at));
        Verification { span, target, replications: cursor.count("replications"), rounds: cursor.count("rounds") }
    })
}
