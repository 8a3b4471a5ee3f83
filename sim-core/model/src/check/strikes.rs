//! Whether defences defend anything.

use crate::decode::Context;
use crate::diag::Diagnostic;
use crate::model::{Model, Place};

/// Something stands within the radius of each defence.
pub fn defences(ctx: &mut Context, model: &Model) {
    for (index, defence) in model.defences.iter().enumerate() {
        let (Some((centre, radius)), false) = (defence.area, ctx.is_poisoned("defence", index)) else { continue };
        let sites = model.sites.iter().filter_map(|site| site.place);
        let places: Vec<Place> = sites.chain(model.buses.iter().filter_map(|bus| bus.place)).collect();
        let nearest = places.iter().map(|place| centre.distance_km(*place)).fold(f64::INFINITY, f64::min);
        if defence.targets.is_empty() && nearest > radius.as_km() {
            let message = format!("nothing stands within the radius of defence `{}`", defence.entity.name);
            let hint = if nearest.is_finite() {
                format!("the nearest place is {nearest:.0} km from its centre")
            } else {
                "no site or bus has a `latitude` and a `longitude`".to_owned()
            };
            ctx.push(Diagnostic::error("F0842", defence.entity.span.clone(), message).hint(hint));
        }
    }
}
