//! From fields to a case: what the columns mean (MATPOWER User's Manual, tables B-1 to B-5).

use super::Mistakes;
use super::column::{self, Layout, Row};
use super::cost::costs;
use super::statement::{Field, Fields, Slot};
use crate::{Branch, Bus, BusKind, Case, DcLine, Generator};

pub(super) fn case(mut fields: Fields, mistakes: &mut Mistakes) -> Case {
    let base_mva = base_mva(&mut fields, mistakes);
    let bus = required(Field::Bus, &mut fields, mistakes);
    let mut buses = buses(&bus, mistakes);
    name_buses(&mut buses, &bus, &fields, mistakes);
    let numbers = Numbers::new(&bus, &buses, mistakes);

    let generator = required(Field::Gen, &mut fields, mistakes);
    let mut generators = rows(&generator, &column::GEN, mistakes, |row, mistakes| self::generator(row, &buses, &numbers, mistakes));
    let gencost = fields.take(Field::GenCost);
    for (unit, cost) in generators.iter_mut().zip(costs(&gencost, &column::GEN_COST, count(&generator), true, mistakes)) {
        unit.cost = cost;
    }
    let branch = required(Field::Branch, &mut fields, mistakes);
    let branches = rows(&branch, &column::BRANCH, mistakes, |row, mistakes| self::branch(row, &buses, &numbers, mistakes));
    let dcline = fields.take(Field::DcLine);
    let mut dc_lines = rows(&dcline, &column::DC_LINE, mistakes, |row, mistakes| dc_line(row, &buses, &numbers, mistakes));
    let dclinecost = fields.take(Field::DcLineCost);
    if !matches!(dcline, Slot::Absent) {
        for (line, cost) in dc_lines.iter_mut().zip(costs(&dclinecost, &column::DC_LINE_COST, count(&dcline), false, mistakes)) {
            line.cost = cost;
        }
    }
    Case { name: fields.name, base_mva, buses, generators, branches, dc_lines }
}

fn required(field: Field, fields: &mut Fields, mistakes: &mut Mistakes) -> Slot {
    let slot = fields.take(field);
    if matches!(slot, Slot::Absent) {
        let name = field.name();
        let hint = match field {
            Field::BaseMva => "expected `mpc.baseMVA = 100` or another base".to_string(),
            Field::Bus => "expected `mpc.bus = [...]`".to_string(),
            _ => format!("expected `mpc.{name} = [...]`, empty if there are none"),
        };
        mistakes.add(fields.at, format!("the field `{name}` is missing"), hint);
    }
    slot
}

/// Number of rows, where the table was read to its end.
fn count(slot: &Slot) -> Option<usize> {
    match slot {
        Slot::Table(table) if table.whole => Some(table.ends.len()),
        _ => None,
    }
}

/// The elements of a table; a row with too few or too many columns is reported and gives none.
fn rows<T>(slot: &Slot, layout: &'static Layout, mistakes: &mut Mistakes, element: impl Fn(&Row<'_>, &mut Mistakes) -> T) -> Vec<T> {
    let Slot::Table(table) = slot else { return Vec::new() };
    table.checked(layout, mistakes).iter().flatten().map(|row| element(row, mistakes)).collect()
}

fn base_mva(fields: &mut Fields, mistakes: &mut Mistakes) -> f64 {
    let Slot::Table(table) = required(Field::BaseMva, fields, mistakes) else { return 1.0 };
    let Some(base) = table.scalar("baseMVA", mistakes) else { return 1.0 };
    if base <= 0.0 || base.is_infinite() {
        mistakes.add(
            table.cells[0].at,
            format!("`baseMVA` is not above zero and finite: {base}"),
            "expected a power base in MVA, such as 100",
        );
    }
    base
}

fn buses(slot: &Slot, mistakes: &mut Mistakes) -> Vec<Bus> {
    if let Slot::Table(table) = slot
        && table.whole
        && table.ends.is_empty()
    {
        mistakes.add(table.at, "`bus` has no rows", "expected at least one bus");
    }
    rows(slot, &column::BUS, mistakes, |row, mistakes| {
        let kind = match row.finite(1, mistakes) {
            1.0 => BusKind::Load,
            2.0 => BusKind::Generator,
            3.0 => BusKind::Reference,
            4.0 => BusKind::Isolated,
            other => {
                let hint = "expected 1 (load), 2 (generator), 3 (reference) or 4 (isolated)";
                row.mistake(1, &format!("is unknown: {other}"), hint, mistakes);
                BusKind::Load
            }
        };
        Bus {
            number: row.whole(0, 1, mistakes),
            name: String::new(),
            kind,
            demand_mw: row.finite(2, mistakes),
            shunt_mw: row.finite(4, mistakes),
            area: row.whole(6, 0, mistakes),
            angle_deg: row.finite(8, mistakes),
            base_kv: row.finite(9, mistakes),
            zone: row.whole(10, 0, mistakes),
        }
    })
}

fn name_buses(buses: &mut [Bus], slot: &Slot, fields: &Fields, mistakes: &mut Mistakes) {
    let Some((at, names)) = &fields.bus_names else { return };
    if let Some(count) = count(slot)
        && names.len() != count
        && !names.is_empty()
    {
        mistakes.add(*at, format!("`bus_name` has {} names for {count} buses", names.len()), format!("expected {count} names"));
    }
    for (bus, (_, name)) in buses.iter_mut().zip(names) {
        bus.name.clone_from(name);
    }
}

/// Positions of the buses by number.
struct Numbers {
    sorted: Vec<(u64, usize)>,
    /// Whether the table of buses was read to its end: only then a number that is not there is a mistake.
    whole: bool,
}

impl Numbers {
    fn new(slot: &Slot, buses: &[Bus], mistakes: &mut Mistakes) -> Self {
        let mut sorted: Vec<(u64, usize)> = buses.iter().enumerate().map(|(position, bus)| (bus.number, position)).collect();
        sorted.sort_unstable();
        let Slot::Table(table) = slot else { return Self { sorted, whole: false } };
        // A row that was left out may be the very bus that is looked for.
        let whole = table.whole && table.ends.len() == buses.len();
        if whole {
            for pair in sorted.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
                // Each one takes a walk through the rows.
                if mistakes.is_full() {
                    break;
                }
                let ((number, first), (_, second)) = (pair[0], pair[1]);
                if let Some(cells) = table.rows().nth(second) {
                    let row = Row { layout: &column::BUS, number: second + 1, cells };
                    row.mistake(0, &format!("is that of row {}, too: {number}", first + 1), "expected each number once", mistakes);
                }
            }
        }
        Self { sorted, whole }
    }

    /// Position of the bus whose number is in a cell.
    fn find(&self, row: &Row<'_>, column: usize, mistakes: &mut Mistakes) -> usize {
        let value = row.finite(column, mistakes);
        let found = self.sorted.binary_search_by(|(number, _)| (*number as f64).total_cmp(&value));
        match found {
            Ok(at) => self.sorted[at].1,
            Err(_) => {
                if self.whole && !row.cells[column].value.is_nan() && row.cells[column].value.is_finite() {
                    row.mistake(
                        column,
                        &format!("is no bus of the case: {value}"),
                        "expected a number of the first column of `bus`",
                        mistakes,
                    );
                }
                0
            }
        }
    }
}

fn is_isolated(buses: &[Bus], bus: usize) -> bool {
    buses.get(bus).is_some_and(|bus| bus.kind == BusKind::Isolated)
}

fn generator(row: &Row<'_>, buses: &[Bus], numbers: &Numbers, mistakes: &mut Mistakes) -> Generator {
    let bus = numbers.find(row, 0, mistakes);
    let unit = Generator {
        bus,
        in_service: row.finite(7, mistakes) > 0.0 && !is_isolated(buses, bus),
        output_mw: row.finite(1, mistakes),
        max_mw: row.finite(8, mistakes),
        min_mw: row.finite(9, mistakes),
        cost: None,
    };
    if unit.in_service && unit.min_mw > unit.max_mw && row.are_finite(&[8, 9]) {
        let what = format!("is above `Pmax`: {} > {}", unit.min_mw, unit.max_mw);
        row.mistake(9, &what, "expected `Pmin` at or below `Pmax` for a unit in service", mistakes);
    }
    unit
}

/// Reports an element whose ends are the same bus.
fn check_ends(row: &Row<'_>, mistakes: &mut Mistakes) {
    let (from, to) = (row.cells[0].value, row.cells[1].value);
    if from == to {
        row.mistake(1, &format!("is the bus where the row begins: {to}"), "expected another bus", mistakes);
    }
}

fn rate(row: &Row<'_>, column: usize, mistakes: &mut Mistakes) -> Option<f64> {
    let rate = row.number(column, mistakes);
    if rate < 0.0 {
        row.mistake(column, &format!("is negative: {rate}"), "expected a rating in MVA, or 0 for none", mistakes);
    }
    (rate != 0.0 && rate.is_finite()).then_some(rate)
}

fn branch(row: &Row<'_>, buses: &[Bus], numbers: &Numbers, mistakes: &mut Mistakes) -> Branch {
    let from = numbers.find(row, 0, mistakes);
    let to = numbers.find(row, 1, mistakes);
    check_ends(row, mistakes);
    let in_service = row.finite(10, mistakes) != 0.0 && !is_isolated(buses, from) && !is_isolated(buses, to);
    let reactance_pu = row.finite(3, mistakes);
    if in_service && row.cells[3].value == 0.0 {
        row.mistake(3, "is zero", "expected a reactance other than 0 for a branch in service", mistakes);
    }
    let ratio = row.finite(8, mistakes);
    if ratio < 0.0 {
        row.mistake(8, &format!("is negative: {ratio}"), "expected a tap ratio, or 0 for a line", mistakes);
    }
    // Version 1 has no angle limits.
    let limit = |column, mistakes: &mut Mistakes| if row.cells.len() >= 13 { row.number(column, mistakes) } else { 0.0 };
    let (least, most) = (limit(11, mistakes), limit(12, mistakes));
    if in_service && least > most && row.are_finite(&[11, 12]) {
        let what = format!("is above the most angle difference: {least} > {most}");
        row.mistake(11, &what, "expected `angmin` at or below `angmax`", mistakes);
    }
    let limited = least != 0.0 || most != 0.0;
    Branch {
        from,
        to,
        in_service,
        resistance_pu: row.finite(2, mistakes),
        reactance_pu,
        rate_a_mw: rate(row, 5, mistakes),
        rate_b_mw: rate(row, 6, mistakes),
        rate_c_mw: rate(row, 7, mistakes),
        tap: if ratio == 0.0 { 1.0 } else { ratio },
        shift_deg: row.finite(9, mistakes),
        angle_min_deg: (limited && least > -360.0).then_some(least),
        angle_max_deg: (limited && most < 360.0).then_some(most),
    }
}

fn dc_line(row: &Row<'_>, buses: &[Bus], numbers: &Numbers, mistakes: &mut Mistakes) -> DcLine {
    let from = numbers.find(row, 0, mistakes);
    let to = numbers.find(row, 1, mistakes);
    check_ends(row, mistakes);
    let (loss_mw, loss_share) = (row.finite(15, mistakes), row.finite(16, mistakes));
    if loss_share >= 1.0 {
        row.mistake(16, &format!("leaves nothing to arrive: {loss_share}"), "expected a loss below 1 per flow", mistakes);
    }
    let line = DcLine {
        from,
        to,
        in_service: row.finite(2, mistakes) > 0.0 && !is_isolated(buses, from) && !is_isolated(buses, to),
        flow_mw: row.finite(3, mistakes),
        min_mw: from_end(row.finite(9, mistakes), loss_mw, loss_share),
        max_mw: from_end(row.finite(10, mistakes), loss_mw, loss_share),
        loss_mw,
        loss_share,
        cost: None,
    };
    if line.in_service && loss_share < 1.0 && line.min_mw > line.max_mw && row.are_finite(&[9, 10, 15, 16]) {
        let what = format!("is above `Pmax` at the same end: {} > {}", line.min_mw, line.max_mw);
        row.mistake(9, &what, "expected `Pmin` at or below `Pmax` for a line in service", mistakes);
    }
    line
}

/// Limit of the flow at "from" that a limit of the file means: a negative one holds for what arrives at "to".
pub(super) fn from_end(limit: f64, loss_mw: f64, loss_share: f64) -> f64 {
    if limit < 0.0 && (loss_mw != 0.0 || loss_share != 0.0) { (limit + loss_mw) / (1.0 - loss_share) } else { limit }
}
