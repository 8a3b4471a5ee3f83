//! Nations and the electric grid.

use bastide_units::{Duration, EnergyPrice, Power, Ratio};

use super::{each, grid_event};
use crate::decode::{Context, Cursor};
use crate::diag::Diagnostic;
use crate::model::{Bus, BusId, Generator, Line, Load, LoadCut, Nation, NationId, Storage};
use crate::tree::Table;

/// Decodes `[[nation]]` and sets the context's groups.
pub fn nations(ctx: &mut Context, root: &Table) -> Vec<Nation> {
    let nations = each(ctx, root, "nation", |cursor| {
        let entity = cursor.entity();
        let mut groups = Vec::new();
        for (group, at) in cursor.words_at("groups").unwrap_or_default() {
            if let Some((_, nation)) = cursor.ctx.names.get("nation").and_then(|names| names.get(group)) {
                let diagnostic = Diagnostic::error("F0310", cursor.ctx.span(at), format!("group `{group}` has the name of a nation"));
                let nation = cursor.ctx.span(*nation);
                cursor.ctx.push(diagnostic.label(nation, "the nation").hint("rename the group: lists of nations may name either"));
            } else {
                groups.push(group.to_owned());
            }
        }
        let utc_offset: Duration = cursor.quantity("utc_offset");
        // Places keep from UTC-12 (Baker Island) to UTC+14 (Kiribati).
        if utc_offset.as_h() < -12.0 || utc_offset.as_h() > 14.0 {
            cursor.wrong("F0541", "utc_offset", "no place on earth has this local time", "from `-12 h` to `14 h`, such as `2 h` for Riga");
        }
        Nation { entity, groups, hub: cursor.place_on_map(), utc_offset, backbone: cursor.boolean("backbone") }
    });
    for (index, nation) in nations.iter().enumerate() {
        for group in &nation.groups {
            ctx.groups.entry(group.clone()).or_default().push(index);
        }
    }
    nations
}

/// Decodes `[[bus]]`.
pub fn buses(ctx: &mut Context, root: &Table) -> Vec<Bus> {
    each(ctx, root, "bus", |cursor| Bus {
        entity: cursor.entity(),
        nation: NationId(cursor.reference("nation", "nation")),
        place: cursor.place_on_map(),
        energy_price: cursor.profile::<EnergyPrice>("energy_price"),
        hosting_limit: cursor.quantity_opt("hosting_limit"),
        hosting_limit_by_year: cursor.by_year("hosting_limit_by_year"),
        carbon: cursor.quantity_opt("carbon"),
        forecast_error: cursor.ratio("forecast_error"),
        restoration: grid_event::restoration(cursor),
    })
}

/// Decodes `[[line]]`.
pub fn lines(ctx: &mut Context, root: &Table) -> Vec<Line> {
    each(ctx, root, "line", |cursor| {
        let entity = cursor.entity();
        let (from, to) = (cursor.reference_opt("from", "bus"), cursor.reference_opt("to", "bus"));
        if from.is_some() && from == to {
            cursor.wrong("F0304", "to", format!("line `{}` begins and ends at the same bus", entity.name), "name two different buses");
        }
        let capacity: Power = cursor.quantity("capacity");
        let reverse_capacity = cursor.quantity_opt("reverse_capacity").unwrap_or(capacity);
        let reactance_pu = reactance(cursor, &entity.name, capacity, reverse_capacity);
        let phase_shift_deg = cursor.degrees("phase_shift", 180.0).unwrap_or(0.0);
        Line {
            entity,
            from: BusId::from_index(from.unwrap_or(0)),
            to: BusId::from_index(to.unwrap_or(0)),
            capacity,
            reverse_capacity,
            reactance_pu,
            phase_shift_deg,
            reliability: cursor.reliability(),
        }
    })
}

/// The reactance of an AC line, and what does not go with it.
fn reactance(cursor: &mut Cursor<'_, '_>, line: &str, capacity: Power, reverse_capacity: Power) -> Option<f64> {
    let reactance = cursor.ratio_opt("reactance");
    if reactance == Some(0.0) {
        cursor.wrong(
            "F0517",
            "reactance",
            format!("line `{line}` has no reactance: its flow would be without bound"),
            "give its reactance in p.u. on 100 MVA, or leave the key out if its flow is controlled",
        );
        return Some(f64::NAN);
    }
    if reactance.is_some() && reverse_capacity < capacity || reactance.is_some() && reverse_capacity > capacity {
        cursor.wrong(
            "F0518",
            "reverse_capacity",
            format!("line `{line}` obeys Kirchhoff's laws and has two capacities"),
            "what heats a line does not depend on the direction: leave out `reverse_capacity`, or `reactance` if its flow is controlled",
        );
    }
    if reactance.is_none() && cursor.has("phase_shift") {
        cursor.wrong(
            "F0215",
            "phase_shift",
            "`phase_shift` stands without `reactance`",
            "a controlled flow has no use for it: leave it out",
        );
    }
    reactance
}

/// Decodes `[[generator]]`.
pub fn generators(ctx: &mut Context, root: &Table) -> Vec<Generator> {
    each(ctx, root, "generator", |cursor| Generator {
        entity: cursor.entity(),
        bus: BusId(cursor.reference("bus", "bus")),
        technology: cursor.word("technology"),
        capacity: cursor.quantity("capacity"),
        units: cursor.count("units"),
        availability: cursor.profile::<Ratio>("availability"),
        cost: cursor.quantity("cost"),
        carbon: cursor.quantity("carbon"),
        reliability: cursor.reliability(),
        black_start: cursor.boolean("black_start"),
    })
}

/// Decodes `[[storage]]`.
pub fn storages(ctx: &mut Context, root: &Table) -> Vec<Storage> {
    each(ctx, root, "storage", |cursor| {
        let storage = Storage {
            entity: cursor.entity(),
            bus: BusId(cursor.reference("bus", "bus")),
            power: cursor.quantity("power"),
            energy: cursor.quantity("energy"),
            efficiency: cursor.ratio("efficiency"),
            buy_below: cursor.quantity("buy_below"),
            sell_above: cursor.quantity("sell_above"),
            initial: cursor.ratio("initial"),
        };
        if storage.buy_below >= storage.sell_above {
            let name = &storage.entity.name;
            cursor.wrong(
                "F0507",
                "sell_above",
                format!("storage `{name}` sells at or below the price at which it buys"),
                "`sell_above` must be above `buy_below`",
            );
        }
        storage
    })
}

/// Decodes `[[load]]`.
pub fn loads(ctx: &mut Context, root: &Table) -> Vec<Load> {
    each(ctx, root, "load", |cursor| Load {
        entity: cursor.entity(),
        bus: BusId(cursor.reference("bus", "bus")),
        power: cursor.profile::<Power>("power"),
        value_of_lost_load: cursor.quantity("value_of_lost_load"),
        interruptible: cursor.boolean("interruptible"),
        cut: LoadCut { priority: cursor.integer_opt("priority").unwrap_or(0), feeders: grid_event::feeders(cursor) },
    })
}
