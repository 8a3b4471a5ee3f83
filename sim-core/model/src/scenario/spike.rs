//! `[[spike]]`.

use bastide_units::{Duration, Ratio};

use super::demand::Demands;
use super::{each, threat};
use crate::decode::Context;
use crate::diag::Diagnostic;
use crate::keys;
use crate::model::{Service, ServiceId, Spike, Tier};
use crate::tree::Table;

/// Decodes `[[spike]]`; services in the model's order, with their positions in the scenario beside them.
pub fn spikes(ctx: &mut Context, root: &Table, services: &[Service], demands: &[Demands]) -> Vec<Spike> {
    each(ctx, root, "spike", |cursor| {
        let entity = cursor.entity();
        let named = if cursor.has("services") { cursor.references("services", "service") } else { None };
        let tiers = if cursor.has("tiers") { cursor.list_of("tiers", keys::TIERS) } else { None };
        let origins = if cursor.has("origins") { cursor.nations("origins") } else { None };
        let concerns = |service: &Service, demands: &Demands| {
            named.as_ref().is_none_or(|named| named.contains(&demands.index))
                && tiers.as_ref().is_none_or(|tiers| tiers.iter().any(|tier| Tier::ALL[*tier] == service.tier))
                && origins.as_ref().is_none_or(|from| service.origins.iter().any(|(nation, share)| *share > 0.0 && from.contains(nation)))
        };
        let meant: Vec<ServiceId> = (services.iter().zip(demands).enumerate())
            .filter(|(_, (service, demands))| concerns(service, demands))
            .map(|(at, _)| ServiceId::from_index(at))
            .collect();
        if meant.is_empty() && !cursor.is_poisoned() && !cursor.ctx.is_unsure("service") && !cursor.ctx.is_unsure("nation") {
            let place = cursor.ctx.span(cursor.place("name"));
            let diagnostic = Diagnostic::warning("F0545", place, format!("spike `{}` concerns no service", entity.name));
            cursor.ctx.push(diagnostic.hint("check its `services`, `tiers` and `origins`"));
        }
        Spike {
            entity,
            services: meant,
            origins,
            timing: threat::timing(cursor),
            factor: cursor.distribution::<Ratio>("factor"),
            rise: cursor.quantity("rise"),
            duration: cursor.distribution::<Duration>("duration"),
            decay: cursor.quantity("decay"),
        }
    })
}
