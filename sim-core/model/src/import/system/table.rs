//! A folder of tables.

use std::ops::Range;
use std::path::Path;

use bastide_grid::adequacy::{Area, DeratedState, Hydro, Storage, System, Tie, Tier, TierKind, TwoState, Unit};

use super::super::csv::Table;
use super::load::{Loads, hourly, loads};
use super::{Outages, SystemOptions};
use crate::diag::Diagnostic;
use crate::keys::{Range as Limits, nearest};

/// Most units of one row.
const MOST_UNITS: f64 = 100_000.0;

/// Reads the tables of a folder.
pub fn read(folder: &Path, units: &Path, options: &SystemOptions) -> Result<System, Vec<Diagnostic>> {
    let mut mistakes = Vec::new();
    let table = Table::read(units, &name_of(folder, units), &mut mistakes);
    let areas = table.as_ref().map(areas_of).unwrap_or_default();
    let loads = loads(folder, options, &areas, &mut mistakes);
    let (Some(table), Some(Loads { mut areas, hours })) = (table, loads) else { return Err(mistakes) };
    let units = units_of(&table, &areas, hours, &mut mistakes);
    if let Some(variable) = optional(folder, "variable.csv", &mut mistakes) {
        variables(&variable, &mut areas, hours, &mut mistakes);
    }
    let ties = optional(folder, "ties.csv", &mut mistakes).map(|table| ties_of(&table, &areas, &mut mistakes)).unwrap_or_default();
    let storages =
        optional(folder, "storage.csv", &mut mistakes).map(|table| storages_of(&table, &areas, &mut mistakes)).unwrap_or_default();
    let hydros =
        optional(folder, "hydro.csv", &mut mistakes).map(|table| hydros_of(&table, &areas, hours, &mut mistakes)).unwrap_or_default();
    if let Some(table) = optional(folder, "areas.csv", &mut mistakes) {
        forecasts(&table, &mut areas, &mut mistakes);
    }
    if let Some(table) = optional(folder, "tiers.csv", &mut mistakes) {
        tiers(&table, &mut areas, hours, &mut mistakes);
    }
    if mistakes.is_empty() { Ok(System { hours, areas, units, storages, hydros, ties }) } else { Err(mistakes) }
}

/// A path as messages show it: relative to the folder where possible.
pub fn name_of(folder: &Path, path: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

fn optional(folder: &Path, name: &str, mistakes: &mut Vec<Diagnostic>) -> Option<Table> {
    folder.join(name).exists().then(|| Table::read(&folder.join(name), name, mistakes)).flatten()
}

/// Areas that the units name, in the order of their appearance.
fn areas_of(table: &Table) -> Vec<String> {
    let mut areas: Vec<String> = Vec::new();
    if let Some(column) = table.find("area") {
        for row in 0..table.len() {
            let name = table.text(row, Some(column));
            if !name.is_empty() && areas.iter().all(|known| known != name) {
                areas.push(name.to_owned());
            }
        }
    }
    areas
}

/// Position of the area that a cell names.
fn area_at(table: &Table, row: usize, column: Option<usize>, areas: &[Area], mistakes: &mut Vec<Diagnostic>) -> usize {
    let Some(column) = column else {
        if areas.len() > 1 && row == 0 {
            let message = format!("`{}` has no column `area`, and there are {} areas", table.name(), areas.len());
            mistakes.push(Diagnostic::error("F0403", table.title_span(0), message).hint("name the area of each row"));
        }
        return 0;
    };
    let name = table.text(row, Some(column));
    if let Some(found) = areas.iter().position(|area| area.name == name) {
        return found;
    }
    let near = nearest(name, areas.iter().map(|area| area.name.as_str())).map(|near| format!("did you mean `{near}`?"));
    let hint = near.unwrap_or_else(|| "areas are the columns of the load table".to_owned());
    mistakes.push(Diagnostic::error("F0301", table.place(row, column), format!("there is no area `{name}`")).hint(hint));
    0
}

fn units_of(table: &Table, areas: &[Area], hours: usize, mistakes: &mut Vec<Diagnostic>) -> Vec<Unit> {
    let capacity = table.column("capacity_mw", mistakes);
    let outages = Outages::of(table, "", "forced_outage_rate");
    if outages.rate.is_none() && (outages.mttf.is_none() || outages.mttr.is_none()) {
        let message = format!("`{}` does not say how its units fail", table.name());
        let hint = "columns `mttf_h` and `mttr_h`, or `forced_outage_rate`";
        mistakes.push(Diagnostic::error("F0403", table.title_span(0), message).hint(hint));
        return Vec::new();
    }
    let derated = table.find("derated_mw");
    let derated_outages = Outages::of(table, "derated_", "derated_probability");
    let (name, count, area) = (table.find("unit").or_else(|| table.find("unit_group")), table.find("count"), table.find("area"));
    let mut units = Vec::with_capacity(table.len());
    for row in 0..table.len() {
        let title = table.text(row, name);
        let title = if title.is_empty() { format!("unit-{}", row + 1) } else { title.to_owned() };
        let owner = format!("unit `{title}`");
        let capacity_mw = table.number(row, capacity, Limits::NotNegative, mistakes);
        let before = mistakes.len();
        let number = table.number_or(row, count, Limits::NotNegative, 1.0, mistakes);
        if let Some(column) = count
            && mistakes.len() == before
            && (number.fract() != 0.0 || number > MOST_UNITS)
        {
            let message = format!("`count` must be a whole number up to {MOST_UNITS}: {number}");
            mistakes.push(Diagnostic::error("F0208", table.place(row, column), message));
        }
        if !outages.any(table, row) {
            let column = outages.rate.or(outages.mttf).unwrap_or(0);
            let hint = "`mttf_h` and `mttr_h`, or `forced_outage_rate`; a rate of 0 never fails";
            mistakes.push(Diagnostic::error("F0215", table.place(row, column), format!("{owner} does not say how it fails")).hint(hint));
        }
        let outage = outages.read(table, row, &owner, mistakes);
        let third = derated.filter(|column| !table.is_blank(row, Some(*column)));
        let third = third.and_then(|column| third_state(table, row, column, &owner, (capacity_mw, outage), &derated_outages, mistakes));
        units.push(Unit {
            name: title,
            area: area_at(table, row, area, areas, mistakes),
            count: number as u32,
            capacity_mw,
            profile: Vec::new(),
            outage,
            derated: third,
            maintenance: maintenance(table, row, hours, mistakes),
        });
    }
    units
}

fn third_state(
    table: &Table,
    row: usize,
    column: usize,
    owner: &str,
    (capacity_mw, full): (f64, TwoState),
    outages: &Outages,
    mistakes: &mut Vec<Diagnostic>,
) -> Option<DeratedState> {
    let left = table.number(row, Some(column), Limits::NotNegative, mistakes);
    if left > capacity_mw {
        let message = format!("{owner} is left with more than its capacity when derated: {left} MW of {capacity_mw} MW");
        mistakes.push(Diagnostic::error("F0208", table.place(row, column), message).hint("`derated_mw` is what is left"));
    }
    if !outages.any(table, row) {
        let hint = "`derated_probability`, or `derated_mttf_h` and `derated_mttr_h`";
        mistakes
            .push(Diagnostic::error("F0215", table.place(row, column), format!("{owner} does not say how often it is derated")).hint(hint));
        return None;
    }
    let outage = outages.read(table, row, owner, mistakes);
    if let (TwoState::Unavailability(derated), Some(at)) = (outage, outages.rate)
        && derated + full.unavailability() > 1.0 + 1e-12
    {
        let message = format!("{owner} is out or derated with a probability of {}", derated + full.unavailability());
        mistakes.push(Diagnostic::error("F0209", table.place(row, at), message).hint("the probabilities of the states sum to at most 1"));
    }
    (capacity_mw > 0.0 && outage != TwoState::Perfect).then(|| DeratedState { capacity_share: left / capacity_mw, outage })
}

fn variables(table: &Table, areas: &mut [Area], hours: usize, mistakes: &mut Vec<Diagnostic>) {
    for (title, column, values) in hourly(table, mistakes) {
        let Some(area) = areas.iter_mut().find(|area| area.name == title) else {
            let message = format!("there is no area `{title}`");
            mistakes.push(Diagnostic::error("F0301", table.title_span(column), message).hint("areas are the columns of the load table"));
            continue;
        };
        if values.len() != hours {
            let message = format!("`{}` has {} hours, the load has {hours}", table.name(), values.len());
            mistakes.push(Diagnostic::error("F0409", table.title_span(column), message).hint("one row for each hour of the load"));
            return;
        }
        area.variable_mw = values;
    }
}

fn ties_of(table: &Table, areas: &[Area], mistakes: &mut Vec<Diagnostic>) -> Vec<Tie> {
    let (from, to) = (table.column("from", mistakes), table.column("to", mistakes));
    let forward = table.column("forward_mw", mistakes);
    let (Some(from), Some(to), Some(forward)) = (from, to, forward) else { return Vec::new() };
    let backward = table.find("backward_mw");
    let outages = Outages::of(table, "", "forced_outage_rate");
    let mut ties = Vec::with_capacity(table.len());
    for row in 0..table.len() {
        let ends = (area_at(table, row, Some(from), areas, mistakes), area_at(table, row, Some(to), areas, mistakes));
        let name = format!("{}-{}", table.text(row, Some(from)), table.text(row, Some(to)));
        if table.text(row, Some(from)) == table.text(row, Some(to)) {
            let message = "a tie begins and ends in the same area".to_owned();
            mistakes.push(Diagnostic::error("F0304", table.place(row, to), message).hint("name two different areas"));
        }
        let forward_mw = table.number(row, Some(forward), Limits::NotNegative, mistakes);
        let backward_mw = table.number_or(row, backward, Limits::NotNegative, forward_mw, mistakes);
        let outage = outages.read(table, row, &format!("tie `{name}`"), mistakes);
        ties.push(Tie { name, from: ends.0, to: ends.1, forward_mw, backward_mw, outage });
    }
    ties
}

fn storages_of(table: &Table, areas: &[Area], mistakes: &mut Vec<Diagnostic>) -> Vec<Storage> {
    let energy = table.column("energy_mwh", mistakes);
    let charge = table.find("charge_mw").or_else(|| table.find("power_mw"));
    let discharge = table.find("discharge_mw").or_else(|| table.find("power_mw"));
    if charge.is_none() || discharge.is_none() {
        table.column("power_mw", mistakes);
        return Vec::new();
    }
    let (name, area, efficiency, initial) = (table.find("storage"), table.find("area"), table.find("efficiency"), table.find("initial"));
    let outages = Outages::of(table, "", "forced_outage_rate");
    let mut storages = Vec::with_capacity(table.len());
    for row in 0..table.len() {
        let title = table.text(row, name);
        let title = if title.is_empty() { format!("storage-{}", row + 1) } else { title.to_owned() };
        // Half of the loss on the way in, half on the way out.
        let one_way = table.number_or(row, efficiency, Limits::PositiveShare, 0.85, mistakes).sqrt();
        storages.push(Storage {
            area: area_at(table, row, area, areas, mistakes),
            charge_mw: table.number(row, charge, Limits::NotNegative, mistakes),
            discharge_mw: table.number(row, discharge, Limits::NotNegative, mistakes),
            energy_mwh: table.number(row, energy, Limits::NotNegative, mistakes),
            charge_efficiency: one_way,
            discharge_efficiency: one_way,
            initial: table.number_or(row, initial, Limits::Share, 0.5, mistakes),
            outage: outages.read(table, row, &format!("storage `{title}`"), mistakes),
            name: title,
        });
    }
    storages
}

/// One block of planned maintenance of a class of units.
fn maintenance(table: &Table, row: usize, hours: usize, mistakes: &mut Vec<Diagnostic>) -> Vec<Range<usize>> {
    let (from, length) = (table.find("maintenance_from_h"), table.find("maintenance_hours"));
    if table.is_blank(row, from) || table.is_blank(row, length) {
        return Vec::new();
    }
    let before = mistakes.len();
    let (first, count) = (table.number(row, from, Limits::NotNegative, mistakes), table.number(row, length, Limits::NotNegative, mistakes));
    if mistakes.len() > before || count == 0.0 {
        return Vec::new();
    }
    if let Some(column) = from
        && first + count > hours as f64
    {
        let message = format!("maintenance ends at hour {}, and the load at {hours}", first + count);
        mistakes.push(Diagnostic::error("F0208", table.place(row, column), message).hint("hours count from 0"));
        return Vec::new();
    }
    std::iter::once(first as usize..(first + count) as usize).collect()
}

fn hydros_of(table: &Table, areas: &[Area], hours: usize, mistakes: &mut Vec<Diagnostic>) -> Vec<Hydro> {
    let (power, energy) = (table.column("power_mw", mistakes), table.column("energy_mwh", mistakes));
    let inflow = table.column("inflow_mwh", mistakes);
    let (name, area, initial) = (table.find("hydro"), table.find("area"), table.find("initial"));
    let outages = Outages::of(table, "", "forced_outage_rate");
    let mut hydros = Vec::with_capacity(table.len());
    for row in 0..table.len() {
        let title = table.text(row, name);
        let title = if title.is_empty() { format!("hydro-{}", row + 1) } else { title.to_owned() };
        hydros.push(Hydro {
            area: area_at(table, row, area, areas, mistakes),
            power_mw: table.number(row, power, Limits::NotNegative, mistakes),
            energy_mwh: table.number(row, energy, Limits::NotNegative, mistakes),
            inflow_mwh: vec![table.number(row, inflow, Limits::NotNegative, mistakes); hours],
            initial: table.number_or(row, initial, Limits::Share, 0.5, mistakes),
            outage: outages.read(table, row, &format!("hydro `{title}`"), mistakes),
            name: title,
        });
    }
    hydros
}

/// Errors of the load forecast by area.
fn forecasts(table: &Table, areas: &mut [Area], mistakes: &mut Vec<Diagnostic>) {
    let (Some(area), error) = (table.column("area", mistakes), table.find("forecast_error")) else { return };
    for row in 0..table.len() {
        let position = area_at(table, row, Some(area), areas, mistakes);
        let value = table.number_or(row, error, Limits::BelowOne, 0.0, mistakes);
        if let Some(area) = areas.get_mut(position) {
            area.forecast_error = value;
        }
    }
}

/// Demand that is shed before the firm load, in the order of its rows.
fn tiers(table: &Table, areas: &mut [Area], hours: usize, mistakes: &mut Vec<Diagnostic>) {
    let (Some(mw), name) = (table.column("mw", mistakes), table.find("tier")) else { return };
    let (area, kind, most) = (table.find("area"), table.find("kind"), table.find("most_h_per_day"));
    let (backup, fuel) = (table.find("backup_mw"), table.find("backup_h"));
    for row in 0..table.len() {
        let position = area_at(table, row, area, areas, mistakes);
        let title = table.text(row, name);
        let kind = match (table.text(row, kind), kind) {
            ("firm", _) => TierKind::Firm,
            ("interruptible" | "", _) | (_, None) => TierKind::Interruptible,
            (other, Some(column)) => {
                let message = format!("`kind` cannot be `{other}`");
                mistakes.push(Diagnostic::error("F0210", table.place(row, column), message).hint("`firm` or `interruptible`"));
                TierKind::Interruptible
            }
        };
        let tier = Tier {
            name: if title.is_empty() { format!("tier-{}", row + 1) } else { title.to_owned() },
            kind,
            mw: vec![table.number(row, Some(mw), Limits::NotNegative, mistakes); hours],
            backup_mw: table.number_or(row, backup, Limits::NotNegative, 0.0, mistakes),
            backup_h: table.number_or(row, fuel, Limits::NotNegative, 0.0, mistakes),
            most_h_per_day: table.number_or(row, most, Limits::NotNegative, 24.0, mistakes).min(24.0),
        };
        if let Some(area) = areas.get_mut(position) {
            area.tiers.push(tier);
        }
    }
}
