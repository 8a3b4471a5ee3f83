//! The dated part of a plan as a file: dated `[[build]]`, `[[works]]`, `[[step]]`, `[[period]]`, `[[begin]]`, `[outlooks]`.

use std::fmt::Write as _;

use bastide_units::{Money, Power, Time, TokenRate};

use super::{Lot, Period, Roadmap, Step, Works};
use crate::decode::Cursor;
use crate::keys::Kind::{Boolean, Count, Date, Reference, Settings};
use crate::keys::Need::{Optional, Required};
use crate::keys::{Key, Kind, Need, Range, TableSpec, unit};
use crate::model::{AcceleratorId, CampaignId, Model, ServiceId, SiteId};
use crate::plan::Build;
use crate::plan::file::{float, list, real, row};
use crate::plan::quoted;
use crate::tree::Value;

const POWER: Kind = Kind::Quantity(unit::<Power>(), Range::NotNegative);
const fn date(name: &'static str, need: Need) -> Key {
    row(name, Date, need)
}

/// Keys that make a `[[build]]` a lot.
pub(crate) const LOT: [Key; 5] = [
    row("order_book", Reference("order_book"), Optional),
    date("ordered", Optional),
    date("delivered", Optional),
    date("energised", Optional),
    date("retired", Optional),
];
/// `[[works]]`.
pub(crate) static WORKS: TableSpec = list(
    "works",
    &[
        row("site", Reference("site"), Required),
        date("decided", Required),
        date("ready", Required),
        row("opens", Boolean, Optional),
        row("it_power", POWER, Required),
        row("connection", POWER, Required),
    ],
);
/// `[[step]]`.
pub(crate) static STEP: TableSpec = list(
    "step",
    &[
        row("expansion", Reference("expansion"), Required),
        row("count", Count(Range::AtLeastOne), Required),
        date("decided", Required),
        date("ready", Required),
    ],
);
/// `[[period]]`.
pub(crate) static PERIOD: TableSpec = list(
    "period",
    &[date("from", Required), row("served", Settings, Optional), row("unserved", Settings, Optional), row("busy", Settings, Optional)],
);
/// `[[begin]]`.
pub(crate) static BEGIN: TableSpec = list("begin", &[row("campaign", Reference("campaign"), Required), date("at", Required)]);
/// `[outlooks]`.
pub(crate) static OUTLOOKS: TableSpec = TableSpec {
    name: "outlooks",
    array: false,
    required: false,
    doc: "",
    keys: &[row("value_of_stochastic_solution_eur", Boolean, Optional), row("value_of_perfect_information_eur", Boolean, Optional)],
    variants: &[],
};

impl Roadmap {
    /// Writes the dated part. Writing to a String cannot fail.
    pub(crate) fn write(&self, out: &mut String, model: &Model) {
        let site = |id: SiteId| quoted(&model.sites[id].entity.name);
        let accelerator = |id: AcceleratorId| quoted(&model.accelerators[id].entity.name);
        let service = |id: ServiceId| quoted(&model.services[id].entity.name);
        let stamp = |time: Time| stamp(model, time);
        for lot in &self.lots {
            let _ = write!(
                out,
                "\n[[build]]\nsite = {}\naccelerator = {}\ncount = {}\n",
                site(lot.site),
                accelerator(lot.accelerator),
                lot.count
            );
            if let Some(book) = lot.book {
                let _ = writeln!(out, "order_book = {}", quoted(&model.growth.order_books[book].entity.name));
            }
            let dates = [("ordered", lot.ordered), ("delivered", lot.delivered), ("energised", lot.energised), ("retired", lot.retired)];
            for (key, time) in dates.into_iter().filter(|(_, time)| *time != Time::NEVER) {
                let _ = writeln!(out, "{key} = {}", stamp(time));
            }
        }
        for it in &self.works {
            let _ = write!(out, "\n[[works]]\nsite = {}\ndecided = {}\nready = {}\n", site(it.site), stamp(it.decided), stamp(it.ready));
            if it.opens {
                out.push_str("opens = true\n");
            }
            let _ = writeln!(out, "it_power = \"{} W\"\nconnection = \"{} W\"", it.it_power.as_w(), it.connection.as_w());
        }
        for it in &self.steps {
            let expansion = quoted(&model.growth.expansions[it.expansion].entity.name);
            let (decided, ready) = (stamp(it.decided), stamp(it.ready));
            let _ = write!(out, "\n[[step]]\nexpansion = {expansion}\ncount = {}\ndecided = {decided}\nready = {ready}\n", it.count);
        }
        for (campaign, at) in &self.starts {
            let name = quoted(&model.campaigns[*campaign].entity.name);
            let _ = write!(out, "\n[[begin]]\ncampaign = {name}\nat = {}\n", stamp(*at));
        }
        for period in &self.periods {
            let _ = write!(out, "\n[[period]]\nfrom = {}\n", stamp(period.from));
            let served = period.served.iter().map(|(a, b, share)| (service(*a), format!("{} = {}", site(*b), float(*share))));
            let busy = period.busy.iter().map(|(a, b, count)| (site(*a), format!("{} = {}", accelerator(*b), float(*count))));
            for (key, pairs) in [("served", grouped(served)), ("busy", grouped(busy))] {
                if !pairs.is_empty() {
                    let _ = writeln!(out, "{key} = {{ {} }}", pairs.join(", "));
                }
            }
            let unserved: Vec<String> =
                period.unserved.iter().map(|(id, rate)| format!("{} = {}", service(*id), float(rate.as_tokens_per_s()))).collect();
            if !unserved.is_empty() {
                let _ = writeln!(out, "unserved = {{ {} }}", unserved.join(", "));
            }
        }
        let values = [
            ("value_of_stochastic_solution_eur", self.value_of_stochastic_solution),
            ("value_of_perfect_information_eur", self.value_of_perfect_information),
        ];
        if values.iter().any(|(_, value)| value.is_some()) {
            out.push_str("\n[outlooks]\n");
        }
        for (key, value) in values.into_iter().filter_map(|(key, value)| Some((key, value?))) {
            let _ = writeln!(out, "{key} = {}", float(value.as_eur()));
        }
    }

    /// Accelerators at work in the last period.
    pub(crate) fn builds(&self) -> Vec<Build> {
        let end = self.periods.last().map_or(Time::ZERO, |period| period.from);
        let mut builds: Vec<Build> = Vec::new();
        for lot in self.lots.iter().filter(|lot| lot.runs(end)) {
            match builds.iter_mut().find(|it| it.site == lot.site && it.accelerator == lot.accelerator) {
                Some(build) => build.count += lot.count,
                None => builds.push(Build { site: lot.site, accelerator: lot.accelerator, count: lot.count }),
            }
        }
        builds.sort_by_key(|it| (it.site, it.accelerator));
        builds
    }
}

/// `a = { x, y }` of neighbours with the same key.
fn grouped(pairs: impl Iterator<Item = (String, String)>) -> Vec<String> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for (key, value) in pairs {
        match groups.last_mut().filter(|(known, _)| *known == key) {
            Some((_, values)) => values.push(value),
            None => groups.push((key, vec![value])),
        }
    }
    groups.into_iter().map(|(key, values)| format!("{key} = {{ {} }}", values.join(", "))).collect()
}

/// A moment as a TOML date.
fn stamp(model: &Model, time: Time) -> String {
    let seconds = model.header.start_epoch_s + (time.as_nanos() / 1_000_000_000).cast_signed();
    // Nanoseconds are below a second's worth; both come from a scenario of at most 20 years after a start that jiff has read.
    let nanos = (time.as_nanos() % 1_000_000_000) as i32;
    jiff::Timestamp::new(seconds, nanos).map_or_else(|_| model.header.start.clone(), |it| it.to_string())
}

/// The lot that a `[[build]]` with dates is.
pub(crate) fn lot(cursor: &mut Cursor<'_, '_>, site: SiteId, accelerator: AcceleratorId, count: u32) -> Option<Lot> {
    if !cursor.has("ordered") {
        for key in ["delivered", "energised", "retired", "order_book"] {
            if cursor.has(key) {
                cursor.wrong("F0927", key, format!("`{key}` stands without `ordered`"), "say when it was ordered, or leave out all dates");
            }
        }
        return None;
    }
    let ordered = cursor.date_opt("ordered").unwrap_or(Time::ZERO);
    let mut later = |key: &str| cursor.has(key).then(|| cursor.date_opt(key)).flatten();
    let (delivered, energised, retired) = (later("delivered"), later("energised"), later("retired"));
    Some(Lot {
        site,
        accelerator,
        count,
        book: cursor.reference_opt("order_book", "order_book"),
        ordered,
        delivered: delivered.unwrap_or(ordered),
        energised: energised.unwrap_or(Time::NEVER),
        retired: retired.unwrap_or(Time::NEVER),
    })
}

/// Decodes `[[works]]`.
pub(crate) fn works(cursor: &mut Cursor<'_, '_>) -> Works {
    Works {
        site: SiteId(cursor.reference("site", "site")),
        decided: cursor.date_opt("decided").unwrap_or(Time::ZERO),
        ready: cursor.date_opt("ready").unwrap_or(Time::ZERO),
        opens: cursor.boolean_opt("opens").unwrap_or(false),
        it_power: cursor.quantity("it_power"),
        connection: cursor.quantity("connection"),
    }
}

/// Decodes `[[step]]`.
pub(crate) fn step(cursor: &mut Cursor<'_, '_>) -> Step {
    Step {
        expansion: cursor.reference_opt("expansion", "expansion").unwrap_or(0),
        count: cursor.count("count"),
        decided: cursor.date_opt("decided").unwrap_or(Time::ZERO),
        ready: cursor.date_opt("ready").unwrap_or(Time::ZERO),
    }
}

/// Decodes `[[begin]]`.
pub(crate) fn begin(cursor: &mut Cursor<'_, '_>) -> (CampaignId, Time) {
    (CampaignId(cursor.reference("campaign", "campaign")), cursor.date_opt("at").unwrap_or(Time::ZERO))
}

/// Decodes `[outlooks]`: the value of the stochastic solution and of perfect information.
pub(crate) fn outlooks(cursor: &mut Cursor<'_, '_>) -> [Option<Money>; 2] {
    ["value_of_stochastic_solution_eur", "value_of_perfect_information_eur"]
        .map(|key| cursor.has(key).then(|| Money::from_eur(real(cursor, key))))
}

/// Decodes `[[period]]`.
pub(crate) fn period(cursor: &mut Cursor<'_, '_>) -> Period {
    let pairs = |cursor: &mut Cursor<'_, '_>, key, outer, inner| nested(cursor, key, outer, inner);
    Period {
        from: cursor.date_opt("from").unwrap_or(Time::ZERO),
        served: pairs(cursor, "served", "service", "site")
            .into_iter()
            .map(|(a, b, share)| (ServiceId::from_index(a), SiteId::from_index(b), share))
            .collect(),
        unserved: numbers(cursor, "unserved", "service")
            .into_iter()
            .map(|(at, rate)| (ServiceId::from_index(at), TokenRate::from_tokens_per_s(rate)))
            .collect(),
        busy: pairs(cursor, "busy", "site", "accelerator")
            .into_iter()
            .map(|(a, b, count)| (SiteId::from_index(a), AcceleratorId::from_index(b), count))
            .collect(),
    }
}

/// Numbers by name, zero or more.
fn numbers(cursor: &mut Cursor<'_, '_>, key: &str, table: &'static str) -> Vec<(usize, f64)> {
    let Some(entries) = cursor.subtable(key) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in &entries.entries {
        if let (Some(at), Some(value)) = (cursor.ctx.lookup(table, &entry.key, entry.key_at), number(cursor, &entry.key, &entry.node)) {
            found.push((at, value));
        }
    }
    found
}

/// Numbers by two names.
fn nested(cursor: &mut Cursor<'_, '_>, key: &str, outer: &'static str, inner: &'static str) -> Vec<(usize, usize, f64)> {
    let Some(entries) = cursor.subtable(key) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in &entries.entries {
        let Some(first) = cursor.ctx.lookup(outer, &entry.key, entry.key_at) else { continue };
        let Value::Table(table) = &entry.node.value else {
            cursor.ctx.error_hint("F0204", entry.node.at, format!("`{}` must be a table", entry.key), format!("`{{ {inner} = 0.5 }}`"));
            continue;
        };
        for entry in &table.entries {
            if let (Some(second), Some(value)) =
                (cursor.ctx.lookup(inner, &entry.key, entry.key_at), number(cursor, &entry.key, &entry.node))
            {
                found.push((first, second, value));
            }
        }
    }
    found
}

fn number(cursor: &mut Cursor<'_, '_>, key: &str, node: &crate::tree::Node) -> Option<f64> {
    match node.value {
        Value::Float(float) if float >= 0.0 && float.is_finite() => Some(float),
        Value::Integer(integer) if integer >= 0 => Some(integer as f64),
        _ => {
            cursor.ctx.error("F0208", node.at, format!("`{key}` must be a number, zero or more"));
            None
        }
    }
}
