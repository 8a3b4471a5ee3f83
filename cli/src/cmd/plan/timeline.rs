//! A plan over years as JSON: period by period, what is ordered, delivered and energised, and which megawatts wait.

use bastide_model::model::{Model, ServiceId, SiteId};
use bastide_model::plan::{Lot, Plan, Roadmap};
use bastide_units::{Temperature, Time};
use serde_json::{Value, json};

/// The `roadmap` of a document; `None` for a plan of one moment.
pub fn timeline(model: &Model, plan: &Plan) -> Option<Value> {
    let roadmap = plan.roadmap.as_deref()?;
    let begins: Vec<Time> = roadmap.periods.iter().map(|period| period.from).collect();
    let first = begins.first()?;
    let end = model.growth.horizon.as_ref().map_or(Time::ZERO + model.header.duration, |horizon| Time::ZERO + horizon.length);
    let ends = begins.iter().skip(1).copied().chain([end.max(*first)]);
    let periods: Vec<Value> = begins.iter().copied().zip(ends).map(|(from, until)| period(model, roadmap, from, until)).collect();
    Some(json!({
        "periods": periods,
        "builds": roadmap.lots.iter().map(|lot| build(model, lot)).collect::<Vec<_>>(),
        "expansions": roadmap.steps.iter().map(|step| {
            let expansion = &model.growth.expansions[step.expansion];
            json!({
                "site": name(model, expansion.site), "expansion": expansion.entity.name, "steps": step.count,
                "decided": date(model, step.decided), "usable": date(model, step.ready),
            })
        }).collect::<Vec<_>>(),
        "works": roadmap.works.iter().map(|works| json!({
            "site": name(model, works.site), "opens": works.opens, "it_mw": works.it_power.as_mw(), "connection_mw": works.connection.as_mw(),
            "decided": date(model, works.decided), "usable": date(model, works.ready),
        })).collect::<Vec<_>>(),
    }))
}

fn name(model: &Model, site: SiteId) -> &str {
    &model.sites[site].entity.name
}

/// RFC 3339; null for what never comes.
fn date(model: &Model, time: Time) -> Value {
    let seconds = model.header.start_epoch_s.checked_add((time.as_nanos() / 1_000_000_000).cast_signed());
    let stamp = (time != Time::NEVER).then(|| seconds.and_then(|it| jiff::Timestamp::from_second(it).ok())).flatten();
    stamp.map_or(Value::Null, |stamp| stamp.to_string().into())
}

fn build(model: &Model, lot: &Lot) -> Value {
    json!({
        "site": name(model, lot.site), "accelerator": model.accelerators[lot.accelerator].entity.name,
        "order_book": lot.book.map(|book| &model.growth.order_books[book].entity.name), "count": lot.count,
        "ordered": date(model, lot.ordered), "delivered": date(model, lot.delivered), "energised": date(model, lot.energised),
        "retired": date(model, lot.retired),
    })
}

/// Flows in `[from, until)`, fleets included, and what stands just before `until`.
fn period(model: &Model, roadmap: &Roadmap, from: Time, until: Time) -> Value {
    let inside = |time: Time| from <= time && time < until;
    let last = Time::from_nanos(until.as_nanos().saturating_sub(1)).max(from);
    let sum = |of: &dyn Fn(&Lot) -> bool| roadmap.lots.iter().filter(|lot| of(lot)).map(|lot| u64::from(lot.count)).sum::<u64>();
    let fleet = |of: &dyn Fn(Time, Time) -> bool| {
        model.fleets.iter().filter(|it| of(it.energised, it.retired)).map(|it| u64::from(it.count)).sum::<u64>()
    };
    let (mut it_mw, mut facility_mw) = (0.0, 0.0);
    let running = (roadmap.lots.iter().filter(|lot| lot.runs(last)).map(|lot| (lot.site, lot.accelerator, lot.count)))
        .chain(model.fleets.iter().filter(|it| it.energised <= last && last < it.retired).map(|it| (it.site, it.accelerator, it.count)));
    for (site, accelerator, count) in running {
        let mw = f64::from(count) * model.accelerators[accelerator].power.as_mw();
        it_mw += mw;
        facility_mw += mw * pue(model, site);
    }
    let connection_mw = connection(model, roadmap, last);
    let (demand, served) = service(model, roadmap, from, until);
    json!({
        "name": quarter(model, from), "from": date(model, from), "until": date(model, until),
        "ordered": sum(&|lot| inside(lot.ordered)),
        "delivered": sum(&|lot| inside(lot.delivered)),
        "energised": sum(&|lot| inside(lot.energised)) + fleet(&|energised, _| inside(energised)),
        "retired": sum(&|lot| inside(lot.retired)) + fleet(&|_, retired| inside(retired)),
        "waiting": sum(&|lot| lot.waits(last)),
        "standing": sum(&|lot| lot.runs(last)) + fleet(&|energised, retired| energised <= last && last < retired),
        "connection_mw": connection_mw, "facility_mw": facility_mw, "it_mw": it_mw, "stranded_mw": (connection_mw - facility_mw).max(0.0),
        "capital_eur": capital(model, roadmap, &inside),
        "demand_tokens_per_s": demand, "served_tokens_per_s": served,
    })
}

/// `2028 Q3`, or the date where the period does not begin a quarter within a fortnight.
fn quarter(model: &Model, from: Time) -> String {
    let Value::String(stamp) = date(model, from) else { return String::new() };
    let part = |range: std::ops::Range<usize>| stamp.get(range).and_then(|text| text.parse::<u32>().ok());
    let (Some(year), Some(month), Some(day)) = (part(0..4), part(5..7), part(8..10)) else { return stamp };
    // Quarters of 91.3 days drift from the calendar's by some days.
    match (month % 3, day) {
        (1, 1..=15) => format!("{year} Q{}", month.div_ceil(3)),
        (0, 17..) if month == 12 => format!("{} Q1", year + 1),
        (0, 17..) => format!("{year} Q{}", month / 3 + 1),
        _ => format!("{year}-{month:02}-{day:02}"),
    }
}

/// Facility power per IT power of a site at its mean temperature.
fn pue(model: &Model, site: SiteId) -> f64 {
    model.pue(site, model.sites[site].temperature.map(|profile| Temperature::from_celsius(model.mean(profile))))
}

/// Connection that can be used: that of the fleets, works and steps that are ready \[MW\].
fn connection(model: &Model, roadmap: &Roadmap, at: Time) -> f64 {
    let fleets = |site: SiteId, time: Time| {
        let here = model.fleets.iter().filter(|it| it.site == site && it.energised <= time && time < it.retired);
        here.map(|it| f64::from(it.count) * model.accelerators[it.accelerator].power.as_mw()).sum::<f64>()
    };
    // Halls and connections of the fleets stand from the start, as the planner counts.
    let standing = (0..model.sites.len()).map(SiteId::from_index).map(|site| {
        let moments = model.fleets.iter().filter(|it| it.site == site).map(|it| it.energised);
        pue(model, site) * moments.map(|time| fleets(site, time)).fold(0.0, f64::max)
    });
    let standing = standing.sum::<f64>();
    let works = roadmap.works.iter().filter(|works| works.ready <= at);
    let steps = roadmap.steps.iter().filter(|step| step.ready <= at);
    standing
        + works.map(|works| works.connection.as_mw()).sum::<f64>()
        + steps.map(|step| f64::from(step.count) * model.growth.expansions[step.expansion].connection.as_mw()).sum::<f64>()
}

/// What is paid: accelerators at delivery at their price at the order, works and steps when they are decided \[EUR\].
fn capital(model: &Model, roadmap: &Roadmap, inside: &dyn Fn(Time) -> bool) -> f64 {
    let lots = roadmap.lots.iter().filter(|lot| inside(lot.delivered)).map(|lot| {
        let price = lot.book.map_or(model.accelerators[lot.accelerator].price, |book| model.growth.order_books[book].price_at(lot.ordered));
        price.as_eur() * f64::from(lot.count)
    });
    let works = roadmap.works.iter().filter(|works| inside(works.decided)).map(|works| {
        let site = &model.sites[works.site];
        let opening = if works.opens && !site.existing { site.fixed_cost.as_eur() } else { 0.0 };
        opening
            + 1e6
                * (site.building_cost.as_meur_per_mw() * works.it_power.as_mw()
                    + site.connection_cost.as_meur_per_mw() * works.connection.as_mw())
    });
    let steps = roadmap.steps.iter().filter(|step| inside(step.decided));
    lots.sum::<f64>()
        + works.sum::<f64>()
        + steps.map(|step| f64::from(step.count) * model.growth.expansions[step.expansion].cost.as_eur()).sum::<f64>()
}

/// Mean demand and what is planned to be served of it \[tokens/s\].
fn service(model: &Model, roadmap: &Roadmap, from: Time, until: Time) -> (f64, f64) {
    let Some(period) = roadmap.period(from) else { return (0.0, 0.0) };
    let hours = from.as_hours() as usize..(until.as_hours().ceil() as usize).min(model.header.hours).max(from.as_hours() as usize + 1);
    let count = hours.len() as f64;
    let mut total = (0.0, 0.0);
    for id in (0..model.services.len()).map(ServiceId::from_index) {
        let it = &model.services[id];
        let factor = hours.clone().map(|hour| model.at(it.profile, hour)).sum::<f64>() / count;
        let demand = it.demand.as_tokens_per_s() * factor;
        let share: f64 = period.served.iter().filter(|(service, _, _)| *service == id).map(|(_, _, share)| share).sum();
        total = (total.0 + demand, total.1 + demand * share.min(1.0));
    }
    total
}
