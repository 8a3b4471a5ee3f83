//! `[[repair_pool]]`.

use bastide_units::Duration;

use crate::decode::{Context, Cursor};
use crate::diag::Diagnostic;
use crate::keys::{self, HIT_TARGETS};
use crate::model::{Damage, RepairDelay, RepairOrder, RepairPool, Target};
use crate::scenario::each;
use crate::scenario::machine::spares;
use crate::text::At;
use crate::tree::Table;

/// Decodes `[[repair_pool]]`; a target of two pools is reported.
pub fn repair_pools(ctx: &mut Context, root: &Table) -> Vec<RepairPool> {
    let mut owners: Vec<(Target, At)> = Vec::new();
    each(ctx, root, "repair_pool", |cursor| {
        let entity = cursor.entity();
        if !cursor.has("for") {
            cursor.miss("for");
        }
        let targets = cursor.targets("for", HIT_TARGETS);
        let mut twice = false;
        for (target, at) in &targets {
            if let Some((_, earlier)) = owners.iter().find(|(known, _)| known == target) {
                if !twice {
                    let message = format!("`{}` repairs what another pool repairs", entity.name);
                    let earlier = cursor.ctx.span(*earlier);
                    let diagnostic = Diagnostic::error("F0840", cursor.ctx.span(*at), message).label(earlier, "that pool");
                    cursor.ctx.push(diagnostic.hint("each target belongs to one pool: list it once"));
                }
                twice = true;
            } else {
                owners.push((*target, *at));
            }
        }
        RepairPool {
            entity,
            targets: targets.into_iter().map(|(target, _)| target).collect(),
            crews: cursor.count_opt("crews"),
            mobilisation: cursor.distribution::<Duration>("mobilisation"),
            delays: cursor.inner_tables("delays", &keys::DELAY, delay),
            spares: spares(cursor),
            spare_for: Damage::ALL[cursor.one_of("spare_for", keys::SPARE_DAMAGES)],
            order: [RepairOrder::FirstCome, RepairOrder::Value][cursor.one_of("order", keys::REPAIR_ORDERS)],
        }
    })
}

fn delay(cursor: &mut Cursor<'_, '_>) -> RepairDelay {
    RepairDelay { name: cursor.word("name"), probability: cursor.ratio("probability"), delay: cursor.distribution::<Duration>("delay") }
}
