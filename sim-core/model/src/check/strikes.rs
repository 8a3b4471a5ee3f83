//! Whether defences defend anything, and campaigns can be simulated.

use crate::decode::Context;
use crate::diag::Diagnostic;
use crate::model::{HazardKind, Model, Place, Timing};

/// Most munitions of one campaign in a history, on average.
const MOST_MUNITIONS: f64 = 1e8;

/// Something stands within the radius of each defence.
pub fn defences(ctx: &mut Context, model: &Model) {
    for (index, defence) in model.defences.iter().enumerate() {
        let (Some((centre, radius)), false) = (defence.area, ctx.is_poisoned("defence", index)) else { continue };
        let sites = model.sites.iter().filter_map(|site| site.place);
        let buses = model.buses.iter().filter_map(|bus| bus.place);
        let facilities = model.facilities.iter().filter_map(|facility| facility.place);
        let places: Vec<Place> = sites.chain(buses).chain(facilities).collect();
        let nearest = places.iter().map(|place| centre.distance_km(*place)).fold(f64::INFINITY, f64::min);
        if defence.targets.is_empty() && nearest > radius.as_km() {
            let message = format!("nothing stands within the radius of defence `{}`", defence.entity.name);
            let hint = if nearest.is_finite() {
                format!("the nearest place is {nearest:.0} km from its centre")
            } else {
                "no site, bus or facility has a `latitude` and a `longitude`".to_owned()
            };
            ctx.push(Diagnostic::error("F0842", defence.entity.span.clone(), message).hint(hint));
        }
    }
}

/// The munitions of a history can be counted.
pub fn munitions(ctx: &mut Context, model: &Model) {
    for (index, hazard) in model.hazards.iter().enumerate() {
        let HazardKind::StrikeCampaign { timing: Timing::Rate { rate, from, until }, strike, .. } = &hazard.kind else { continue };
        let time_s = (*until).min(model.header.duration.into()).since(*from).as_s();
        let salvo: f64 = strike.munitions.iter().map(|group| group.count.mean()).sum();
        let expected = rate.as_per_s() * time_s * salvo;
        // A salvo of more than a million is reported where it stands.
        if salvo <= 1e6 && expected > MOST_MUNITIONS && !ctx.is_poisoned("hazard", index) {
            let message = format!("campaign `{}` fires {expected:.0e} munitions in a history", hazard.entity.name);
            ctx.push(Diagnostic::error("F0846", hazard.entity.span.clone(), message).hint("lower its `rate` or its `munitions`"));
        }
    }
}
