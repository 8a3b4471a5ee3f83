//! `[[evacuation]]` and `[[courier]]`.

use bastide_engine::Distribution;
use bastide_units::{Duration, Time};

use super::each;
use crate::decode::{Context, Cursor, suggestion};
use crate::keys;
use crate::model::{Courier, Dataset, DatasetId, DepartureOrder, Evacuation, EvacuationStart, Hazard, HazardId, SiteId};
use crate::tree::Table;

/// Decodes `[[evacuation]]` with the couriers of each.
pub fn evacuations(ctx: &mut Context, root: &Table, datasets: &[Dataset], hazards: &[Hazard]) -> Vec<Evacuation> {
    let mut evacuations = each(ctx, root, "evacuation", |cursor| evacuation(cursor, datasets, hazards));
    let couriers = each(ctx, root, "courier", |cursor| courier(cursor, &evacuations));
    for (at, courier) in couriers {
        if let Some(evacuation) = at.and_then(|at| evacuations.get_mut(at)) {
            evacuation.couriers.push(courier);
        }
    }
    evacuations
}

fn sites(cursor: &mut Cursor<'_, '_>, key: &str) -> Vec<SiteId> {
    let sites = cursor.references(key, "site").unwrap_or_default();
    if cursor.list(key).is_some_and(<[_]>::is_empty) {
        cursor.wrong("F0217", key, format!("`{key}` is empty"), "name at least one site");
    }
    sites.into_iter().map(SiteId::from_index).collect()
}

fn evacuation(cursor: &mut Cursor<'_, '_>, datasets: &[Dataset], hazards: &[Hazard]) -> Evacuation {
    let entity = cursor.entity();
    let chosen = leaving(cursor, datasets);
    let (from, to) = (sites(cursor, "from"), sites(cursor, "to"));
    if from.iter().any(|site| to.contains(site)) {
        cursor.wrong("F0892", "to", "`to` names a site that is in `from`", "data that stays is not evacuated: name other sites");
    }
    let (start, expected_loss) = start(cursor, hazards);
    let order = [DepartureOrder::Optimal, DepartureOrder::Value, DepartureOrder::FirstCome, DepartureOrder::Random]
        [cursor.one_of("order", keys::DEPARTURE_ORDERS)];
    let power_cuts: Duration = cursor.quantity("power_cuts");
    if power_cuts >= Duration::from_h(24.0) {
        cursor.wrong("F0895", "power_cuts", "`power_cuts` are a whole day or more", "hours of each day, such as \"12 h\"");
    }
    Evacuation {
        entity,
        datasets: chosen,
        from,
        to,
        start,
        expected_loss,
        order,
        partial: cursor.boolean("partial"),
        link_share: cursor.ratio("link_share"),
        power_cuts,
        couriers: Vec::new(),
    }
}

/// Data that leaves: named datasets of named classes.
fn leaving(cursor: &mut Cursor<'_, '_>, datasets: &[Dataset]) -> Vec<DatasetId> {
    let named = cursor.references("datasets", "dataset");
    let mut known: Vec<&str> = datasets.iter().filter_map(|dataset| dataset.class.as_deref()).collect();
    known.sort_unstable();
    known.dedup();
    let classes = cursor.words_at("classes");
    let mut unknown = false;
    for (class, at) in classes.iter().flatten() {
        if !known.contains(class) {
            unknown = true;
            cursor.ctx.error_hint("F0893", *at, format!("no dataset has class `{class}`"), suggestion(class, &known, "class"));
        }
    }
    let of_class =
        |dataset: &Dataset| classes.as_ref().is_none_or(|classes| classes.iter().any(|(class, _)| dataset.class.as_deref() == Some(class)));
    let all = named.unwrap_or_else(|| (0..datasets.len()).collect());
    let chosen: Vec<DatasetId> = all.into_iter().filter(|at| datasets.get(*at).is_some_and(of_class)).map(DatasetId::from_index).collect();
    if chosen.is_empty() && !unknown && !cursor.is_poisoned() {
        let key = if cursor.has("classes") && !cursor.has("datasets") { "classes" } else { "datasets" };
        cursor.wrong("F0892", key, "no data leaves", "name datasets, or classes that they have; without both, all leave");
    }
    chosen
}

/// When the order is given, and when the loss is expected after it.
fn start(cursor: &mut Cursor<'_, '_>, hazards: &[Hazard]) -> (EvacuationStart, Option<Distribution>) {
    let end = Time::from(cursor.ctx.duration);
    let at = cursor.date_opt("at");
    let hazard = cursor.reference_opt("hazard", "hazard");
    if let Some(hazard) = hazard.and_then(|at| hazards.get(at))
        && hazard.timing().is_none()
    {
        let message = format!("hazard `{}` has no first event to warn of", hazard.entity.name);
        cursor.wrong("F0891", "hazard", message, "name a hazard that happens `at` a moment or at a `rate`, or write `at` here");
    }
    let warning = cursor.distribution_opt::<Duration>("warning");
    match (cursor.has("at"), cursor.has("hazard")) {
        (true, true) => cursor.wrong("F0891", "hazard", "`at` and `hazard` both stand", "either one moment, or a hazard with a `warning`"),
        (false, false) => {
            cursor.wrong(
                "F0891",
                "at",
                "nothing says when the order is given",
                "give `at = 2027-03-01T06:00:00Z`, or `hazard` and `warning`",
            );
        }
        _ => {}
    }
    if warning.is_some() && !cursor.has("hazard") {
        cursor.wrong("F0891", "warning", "`warning` stands without `hazard`", "name what it warns of, or write `expected_loss`");
    }
    if at.is_some_and(|at| at >= end) {
        cursor.wrong("F0891", "at", "`at` lies after the scenario's end: nothing leaves", "move it, or let the scenario last longer");
    }
    let expected = cursor.distribution_opt::<Duration>("expected_loss");
    match hazard {
        Some(hazard) => {
            let warning = warning.unwrap_or(Distribution::Fixed(0.0));
            // After the first event the warning says nothing of the next.
            let known = warning != Distribution::Fixed(0.0);
            let expected = expected.or_else(|| known.then(|| warning.clone()));
            (EvacuationStart::Before { hazard: HazardId::from_index(hazard), warning }, expected)
        }
        None => (EvacuationStart::At(at.unwrap_or(Time::ZERO)), expected),
    }
}

fn courier(cursor: &mut Cursor<'_, '_>, evacuations: &[Evacuation]) -> (Option<usize>, Courier) {
    let entity = cursor.entity();
    let at = cursor.reference_opt("evacuation", "evacuation");
    let evacuation = at.and_then(|at| evacuations.get(at));
    let to = cursor.reference_opt("to", "site").map(SiteId::from_index);
    if let (Some(to), Some(evacuation)) = (to, evacuation)
        && !evacuation.to.contains(&to)
    {
        let message = format!("`to` is none of the sites that evacuation `{}` goes to", evacuation.entity.name);
        cursor.wrong("F0892", "to", message, "name one of its `to`, or leave it out");
    }
    let to = to.or_else(|| evacuation.and_then(|evacuation| evacuation.to.first().copied())).unwrap_or(SiteId(0));
    let (from, until) = (cursor.date_opt("closed_from"), cursor.date_opt("closed_until"));
    for (key, other) in [("closed_from", "closed_until"), ("closed_until", "closed_from")] {
        if cursor.has(key) && !cursor.has(other) {
            cursor.wrong("F0894", key, format!("`{key}` stands without `{other}`"), "say from when until when roads are closed");
        }
    }
    let closed = from.zip(until);
    if closed.is_some_and(|(from, until)| until <= from) {
        cursor.wrong(
            "F0894",
            "closed_until",
            "`closed_until` is not after `closed_from`",
            "roads are closed from one moment until a later one",
        );
    }
    let courier = Courier {
        entity,
        to,
        devices: cursor.count("devices"),
        capacity: cursor.quantity("capacity"),
        load_rate: cursor.quantity("load_rate"),
        round_trip: cursor.distribution::<Duration>("round_trip"),
        first: cursor.quantity("first"),
        trip_loss: cursor.ratio("trip_loss"),
        closed,
        staff: cursor.count("staff"),
        trip_cost: cursor.quantity("trip_cost"),
    };
    (at, courier)
}
