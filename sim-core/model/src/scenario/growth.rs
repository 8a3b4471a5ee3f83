//! `[[order_book]]`, `[[export_cap]]`, `[[expansion]]`, `[[milestone]]`, and what `[plan]` and services say of growth.

use bastide_units::{Duration, Power, Quantity, Ratio, Time};

use super::{each, entries};
use crate::decode::{Context, Cursor};
use crate::diag::Diagnostic;
use crate::keys;
use crate::model::{
    AcceleratorId, Branch, Expansion, ExportCap, Growth, Horizon, Milestone, NationId, OrderBook, Outlook, Path, Planning, Profile, Series,
    SeriesId, Site, SiteId, Supply,
};
use crate::tree::{Table, Value};

/// Most periods of a roadmap: ten years by month.
const MOST_PERIODS: usize = 120;
/// Factors beyond are a slip of the pen.
const MOST_GROWTH: f64 = 1e6;

/// What `[plan]` says of the horizon.
pub fn horizon(cursor: &mut Cursor<'_, '_>) -> Option<Horizon> {
    const PERIODS: [f64; 4] = [1.0 / 12.0, 0.25, 0.5, 1.0];
    let length: Option<Duration> = cursor.quantity_opt("horizon");
    let word = cursor.word_instead("period", keys::PERIODS);
    let period = match word {
        Some(word) => Duration::from_y(PERIODS[keys::PERIODS.iter().position(|known| *known == word).unwrap_or(1)]),
        None if cursor.has("period") => cursor.quantity("period"),
        None => Duration::from_y(0.25),
    };
    let budget_by_year = cursor.by_year("budget_by_year");
    let waiting_cost = cursor.ratio_opt("waiting_cost").unwrap_or(0.0);
    let Some(length) = length else {
        for key in ["period", "budget_by_year", "waiting_cost"] {
            if cursor.has(key) {
                cursor.wrong("F0971", key, format!("`{key}` stands without `horizon`"), "add `horizon = \"10 y\"`, or leave it out");
            }
        }
        return None;
    };
    let horizon = Horizon { length, period, budget_by_year, budget_span: cursor.ctx.span(cursor.place("budget_by_year")), waiting_cost };
    if length > cursor.ctx.duration && cursor.ctx.clock {
        let message = format!("a horizon of {} goes beyond the scenario's end", bastide_units::display(length));
        cursor.wrong("F0977", "horizon", message, "lengthen `duration`, or shorten `horizon`");
    }
    let periods = (length / period).ceil();
    if periods > MOST_PERIODS as f64 {
        let message =
            format!("a horizon of {} has {periods:.0} periods of {}", bastide_units::display(length), bastide_units::display(period));
        cursor.wrong("F0970", "horizon", message, format!("at most {MOST_PERIODS}: lengthen `period`, or shorten `horizon`"));
    }
    Some(horizon)
}

/// Decodes the tables.
pub fn growth(ctx: &mut Context, root: &Table, planning: Option<&Planning>, sites: &[Site], horizon: Option<Horizon>) -> Growth {
    let mut milestones = milestones(ctx, root);
    milestones.sort_by_key(|it| it.from);
    let order_books = order_books(ctx, root, planning);
    let (export_caps, expansions) = (export_caps(ctx, root), expansions(ctx, root, sites));
    let tables = [
        ("order_book", order_books.first().map(|it| &it.entity)),
        ("export_cap", export_caps.first().map(|it| &it.entity)),
        ("milestone", milestones.first().map(|it| &it.entity)),
    ];
    if horizon.is_none() && planning.is_some() {
        for (table, entity) in tables {
            if let Some(entity) = entity {
                let message = format!("`[[{table}]]` stands without `horizon` in `[plan]`: nothing reads it");
                ctx.push(Diagnostic::warning("F0971", entity.span.clone(), message).hint("add `horizon = \"10 y\"` to `[plan]`"));
            }
        }
    }
    for (table, at) in entries(root, "outlook") {
        if horizon.is_none() && table.get("parent").is_some() {
            ctx.error_hint(
                "F0971",
                at,
                "`parent` stands without `horizon` in `[plan]`",
                "without a roadmap, nothing follows: leave it out",
            );
        }
    }
    if horizon.is_some() {
        not_read(ctx, root);
    }
    Growth { horizon, order_books, export_caps, expansions, milestones }
}

/// What the program of a roadmap does not have.
fn not_read(ctx: &mut Context, root: &Table) {
    let Some(Value::Table(plan)) = root.get("plan").map(|entry| &entry.node.value) else { return };
    let keys = ["survive", "cvar", "strike", "demand_budget"].into_iter().filter_map(|key| Some((key, plan.get(key)?.key_at)));
    let tables = ["outage", "investment"].into_iter().filter_map(|table| Some((table, entries(root, table).first()?.1)));
    for (word, at) in keys.chain(tables).collect::<Vec<_>>() {
        let diagnostic = Diagnostic::warning("F0979", ctx.span(at), format!("a roadmap does not plan for `{word}`"));
        ctx.push(diagnostic.hint("leave out `horizon`, or simulate what it does not plan for"));
    }
}

/// From and until; an interval that is empty is reported.
fn interval(cursor: &mut Cursor<'_, '_>) -> (Time, Time) {
    let (from, until) = (cursor.date_opt("from").unwrap_or(Time::ZERO), cursor.date_opt("until").unwrap_or(Time::NEVER));
    if until <= from {
        let key = if cursor.has("until") { "until" } else { "from" };
        cursor.wrong("F0973", key, "it ends before it begins", "`from` < `until`");
    }
    (from, until)
}

fn order_books(ctx: &mut Context, root: &Table, planning: Option<&Planning>) -> Vec<OrderBook> {
    each(ctx, root, "order_book", |cursor| {
        let entity = cursor.entity();
        let accelerator = cursor.reference_opt("accelerator", "accelerator");
        if let (Some(accelerator), Some(planning)) = (accelerator, planning)
            && planning.accelerators.iter().all(|(id, _)| id.index() != accelerator)
            && !cursor.ctx.is_unsure("plan")
        {
            let hint = "add the type to `accelerators` of `[plan]`";
            cursor.wrong("F0972", "accelerator", format!("book `{}` is of a type that may not be bought", entity.name), hint);
        }
        let (from, until) = interval(cursor);
        let rate = cursor.ratio_opt("price_decline");
        let factors: Vec<Ratio> = cursor.by_year("price_by_year");
        if rate.is_some() && !factors.is_empty() {
            cursor.wrong("F0975", "price_decline", "`price_decline` and `price_by_year` both stand", "keep one of the two");
        }
        let price_path = match rate {
            Some(rate) => Path::Rate(-rate),
            None if factors.is_empty() => Path::Rate(0.0),
            None => Path::ByYear(factors.iter().map(|factor| factor.value()).collect()),
        };
        if rate.is_some_and(|rate| !(-10.0..1.0).contains(&rate)) {
            cursor.wrong("F0976", "price_decline", "a price cannot fall by all of itself", "such as `\"8 %\"`; negative where it rises");
        }
        let kind = accelerator.and_then(|index| cursor.ctx.accelerators.get(index));
        let (price, life) = kind.map_or((Quantity::from_base(f64::NAN), Quantity::from_base(f64::NAN)), |kind| (kind.price, kind.lifetime));
        let lead_time = planning.map_or(Duration::ZERO, |planning| planning.lead_time);
        let caps: Vec<Ratio> = cursor.by_year("cap_by_year");
        OrderBook {
            entity,
            accelerator: AcceleratorId::from_index(accelerator.unwrap_or(0)),
            from,
            until,
            cap: cursor.count_opt("cap"),
            cap_by_year: caps.iter().map(|cap| cap.value()).collect(),
            cap_per_period: cursor.count_opt("cap_per_period"),
            lead_time: cursor.quantity_opt("lead_time").unwrap_or(lead_time),
            price: cursor.quantity_opt("price").unwrap_or(price),
            price_path,
            life: cursor.quantity_opt("remaining_life").unwrap_or(life),
            sites: cursor.references("sites", "site").map(|sites| sites.into_iter().map(SiteId::from_index).collect()),
        }
    })
}

fn export_caps(ctx: &mut Context, root: &Table) -> Vec<ExportCap> {
    each(ctx, root, "export_cap", |cursor| {
        let entity = cursor.entity();
        let (from, until) = interval(cursor);
        ExportCap {
            entity,
            nations: cursor.nations("nations").unwrap_or_else(|| (0..cursor.ctx.names["nation"].len()).map(NationId::from_index).collect()),
            accelerators: cursor.references("accelerators", "accelerator").map(types),
            cap: cursor.count("cap"),
            from,
            until,
        }
    })
}

fn expansions(ctx: &mut Context, root: &Table, sites: &[Site]) -> Vec<Expansion> {
    each(ctx, root, "expansion", |cursor| {
        let entity = cursor.entity();
        let site = cursor.reference_opt("site", "site").unwrap_or(0);
        let connection: Power = cursor.quantity("connection");
        let room = sites.get(site).map_or(Power::from_base(f64::NAN), |site| connection / site.pue);
        let it_power = cursor.quantity_opt("it_power").unwrap_or(room);
        if connection <= Power::ZERO && it_power <= Power::ZERO {
            let hint = "give `connection`, `it_power` or both";
            cursor.wrong("F0974", "connection", format!("expansion `{}` adds nothing", entity.name), hint);
        }
        Expansion {
            entity,
            site: SiteId::from_index(site),
            connection,
            it_power,
            cost: cursor.quantity("cost"),
            lead_time: cursor.quantity("lead_time"),
            earliest: cursor.date_opt("earliest").unwrap_or(Time::ZERO),
            most: cursor.count("most"),
        }
    })
}

fn milestones(ctx: &mut Context, root: &Table) -> Vec<Milestone> {
    each(ctx, root, "milestone", |cursor| {
        let mut min_service = [None; 4];
        for (tier, share) in cursor.ratios_of("min_service", keys::TIERS) {
            min_service[tier] = Some(share);
        }
        Milestone { entity: cursor.entity(), from: cursor.date_opt("from").unwrap_or(Time::ZERO), min_service }
    })
}

fn types(positions: Vec<usize>) -> Vec<AcceleratorId> {
    positions.into_iter().map(AcceleratorId::from_index).collect()
}

/// What an alternative allows of the supply.
pub fn supply(cursor: &mut Cursor<'_, '_>) -> Supply {
    let supply = Supply {
        order_books: cursor.references("order_books", "order_book"),
        accelerators: cursor.references("accelerators", "accelerator").map(types),
        export_caps: cursor.references("export_caps", "export_cap"),
        expansions: cursor.references("expansions", "expansion"),
        order_from: cursor.has("order_from").then(|| cursor.date_opt("order_from")).flatten(),
        order_until: cursor.has("order_until").then(|| cursor.date_opt("order_until")).flatten(),
    };
    if supply.accelerators.as_ref().is_some_and(Vec::is_empty) && !cursor.is_poisoned() {
        cursor.wrong("F0217", "accelerators", "`accelerators` is empty", "leave it out to mean all types of `[plan]`");
    }
    supply
}

/// What an outlook says of the years to come.
pub fn branch(cursor: &mut Cursor<'_, '_>) -> Branch {
    Branch {
        parent: cursor.reference_opt("parent", "outlook"),
        from: cursor.has("from").then(|| cursor.date_opt("from")).flatten(),
        accelerator_price: cursor.ratio_opt("accelerator_price").unwrap_or(1.0),
        deliveries: cursor.ratio_opt("deliveries").unwrap_or(1.0),
        delay: cursor.quantity_opt("delay").unwrap_or(Duration::ZERO),
        hosting: cursor.ratio_opt("hosting").unwrap_or(1.0),
    }
}

/// Whether outlooks make a tree: nobody is its own ancestor, siblings branch off at the same moment, after their parent, and sum to one.
pub fn tree(ctx: &mut Context, outlooks: &[Outlook]) {
    if ctx.is_unsure("outlook") {
        return;
    }
    for (at, it) in outlooks.iter().enumerate() {
        let mut way = std::iter::successors(it.branch.parent, |at| outlooks[*at].branch.parent).take(outlooks.len());
        if way.any(|other| other == at) {
            let message = format!("outlook `{}` follows itself", it.entity.name);
            ctx.push(Diagnostic::error("F0978", it.entity.span.clone(), message).hint("leave `parent` out where the tree begins"));
            return;
        }
    }
    for (at, it) in outlooks.iter().enumerate() {
        let siblings: Vec<&Outlook> = outlooks.iter().filter(|other| other.branch.parent == it.branch.parent).collect();
        if outlooks.iter().position(|other| other.branch.parent == it.branch.parent) == Some(at) {
            let sum: f64 = siblings.iter().map(|other| other.probability).sum();
            if it.branch.parent.is_some() && (sum - 1.0).abs() > 1e-6 {
                let message = format!("the outlooks that follow the parent of `{}` sum to {sum:.6}, not to 1", it.entity.name);
                ctx.push(
                    Diagnostic::error("F0978", it.entity.span.clone(), message).hint("their probabilities are those given the parent"),
                );
            }
        } else if siblings[0].branch.from != it.branch.from {
            let message = format!("outlook `{}` begins at another moment than `{}`", it.entity.name, siblings[0].entity.name);
            let hint = "what branches off the same parent is known at the same time: give both the same `from`";
            ctx.push(Diagnostic::error("F0978", it.entity.span.clone(), message).hint(hint));
        }
        let before = it.branch.parent.map(|parent| outlooks[parent].branch.from.unwrap_or(Time::ZERO));
        if before.is_some_and(|before| it.branch.from.unwrap_or(Time::ZERO) <= before) {
            let message = format!("outlook `{}` begins no later than the one it follows", it.entity.name);
            ctx.push(Diagnostic::error("F0978", it.entity.span.clone(), message).hint("give it a later `from`"));
        }
    }
}

/// A profile times what `growth` or `demand_by_year` says, hour by hour.
pub fn grown(cursor: &mut Cursor<'_, '_>, profile: Profile) -> Profile {
    let rate = cursor.ratio_opt("growth");
    let factors: Vec<Ratio> = cursor.by_year("demand_by_year");
    if rate.is_some() && !factors.is_empty() {
        cursor.wrong("F0975", "growth", "`growth` and `demand_by_year` both stand", "keep one of the two");
    }
    let path = match rate {
        Some(rate) => Path::Rate(rate),
        None => Path::ByYear(factors.iter().map(|factor| factor.value()).collect()),
    };
    let hours = cursor.ctx.hours;
    let last = path.at(Time::from_hours(hours as u64));
    if rate.is_some_and(|rate| rate <= -1.0) || last > MOST_GROWTH {
        cursor.wrong("F0976", "growth", "demand cannot grow so", format!("above -100 % a year, and at most {MOST_GROWTH:.0} times in all"));
        return profile;
    }
    if path.is_flat() || !last.is_finite() {
        return profile;
    }
    let series = &mut cursor.ctx.series;
    let of = |hour: usize| match profile {
        Profile::Constant(value) => value,
        Profile::Series { series: known, scale } => {
            let values = &series[known].values;
            scale * values.get(hour.min(values.len().saturating_sub(1))).copied().unwrap_or(1.0)
        }
    };
    // Growth goes in steps of a day, each with the middle of it: between two of them nothing changes that the simulator would have to solve.
    let day = |hour: usize| Time::from_hours((hour / 24 * 24 + 12).min(hours) as u64);
    let values = (0..hours).map(|hour| of(hour) * path.at(day(hour))).collect();
    series.push(Series::new("demand with its growth".to_owned(), values));
    Profile::Series { series: SeriesId::from_index(series.len() - 1), scale: 1.0 }
}
