//! From a case to text.

use std::fmt::Write as _;

use super::build::from_end;
use crate::{BusKind, Case, Cost, DcLine};

/// Writes a case as MATPOWER text, format version 2, so that [`crate::read_matpower`] reads the same case again. Columns of
/// reactive power and voltage, which a [`Case`] does not have, hold 0 or 1 p.u.
///
/// What the format cannot say is written as near as it allows: an element without a cost among others with one costs 0, two
/// angle limits of exactly 0 read as none, a line end in a name is a blank, and other characters than letters, digits and `_` in the name
/// of the case are `_`.
#[must_use]
pub fn write_matpower(case: &Case) -> String {
    let mut text = String::new();
    if !case.name.is_empty() {
        let clean = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let name: String = case.name.chars().map(clean).collect();
        let prefix = if name.starts_with(|c: char| c.is_ascii_digit()) { "case" } else { "" };
        text.push_str(&format!("function mpc = {prefix}{name}\n"));
    }
    text.push_str(&format!("mpc.version = '2';\nmpc.baseMVA = {};\n", number(case.base_mva)));
    buses(case, &mut text);
    generators(case, &mut text);
    branches(case, &mut text);
    dc_lines(case, &mut text);
    text
}

/// A field, its columns named in a comment.
fn matrix(text: &mut String, field: &str, columns: &str, rows: impl Iterator<Item = Vec<f64>>) {
    text.push_str(&format!("\n%\t{columns}\nmpc.{field} = [\n"));
    for row in rows {
        for value in row {
            // Writing to a string cannot fail.
            let _ = write!(text, "\t{}", number(value));
        }
        text.push_str(";\n");
    }
    text.push_str("];\n");
}

/// The shortest text that reads as the same number.
fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 { value.to_string() } else { format!("{value:?}") }
}

fn flag(on: bool) -> f64 {
    f64::from(u8::from(on))
}

fn buses(case: &Case, text: &mut String) {
    let columns = "bus_i\ttype\tPd\tQd\tGs\tBs\tarea\tVm\tVa\tbaseKV\tzone\tVmax\tVmin";
    let rows = case.buses.iter().map(|bus| {
        let kind = match bus.kind {
            BusKind::Load => 1.0,
            BusKind::Generator => 2.0,
            BusKind::Reference => 3.0,
            BusKind::Isolated => 4.0,
        };
        let (number, area, zone) = (bus.number as f64, bus.area as f64, bus.zone as f64);
        vec![number, kind, bus.demand_mw, 0.0, bus.shunt_mw, 0.0, area, 1.0, bus.angle_deg, bus.base_kv, zone, 1.1, 0.9]
    });
    matrix(text, "bus", columns, rows);
    if case.buses.iter().any(|bus| !bus.name.is_empty()) {
        text.push_str("\nmpc.bus_name = {\n");
        for bus in &case.buses {
            text.push_str(&format!("\t'{}';\n", bus.name.replace('\n', " ").replace('\'', "''")));
        }
        text.push_str("};\n");
    }
}

fn generators(case: &Case, text: &mut String) {
    let bus_number = |position: usize| case.buses.get(position).map_or(0.0, |bus| bus.number as f64);
    let rows = case.generators.iter().map(|unit| {
        let (bus, on) = (bus_number(unit.bus), flag(unit.in_service));
        vec![bus, unit.output_mw, 0.0, 0.0, 0.0, 1.0, case.base_mva, on, unit.max_mw, unit.min_mw]
    });
    matrix(text, "gen", "bus\tPg\tQg\tQmax\tQmin\tVg\tmBase\tstatus\tPmax\tPmin", rows);
    costs(text, "gencost", &case.generators.iter().map(|unit| unit.cost.as_ref()).collect::<Vec<_>>());
}

fn costs(text: &mut String, field: &str, costs: &[Option<&Cost>]) {
    if costs.iter().all(Option::is_none) {
        return;
    }
    let mut rows: Vec<Vec<f64>> = costs
        .iter()
        .map(|cost| match cost {
            None => vec![2.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0],
            Some(Cost::Polynomial { quadratic, linear, constant }) => vec![2.0, 0.0, 0.0, 3.0, *quadratic, *linear, *constant],
            Some(Cost::Piecewise(points)) => {
                let head = [1.0, 0.0, 0.0, points.len() as f64];
                head.into_iter().chain(points.iter().flat_map(|(output, cost)| [*output, *cost])).collect()
            }
        })
        .collect();
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    rows.iter_mut().for_each(|row| row.resize(width, 0.0));
    matrix(text, field, "model\tstartup\tshutdown\tn\tc(n-1) ... c0, or x1 y1 ... xn yn", rows.into_iter());
}

fn branches(case: &Case, text: &mut String) {
    let bus_number = |position: usize| case.buses.get(position).map_or(0.0, |bus| bus.number as f64);
    let rows = case.branches.iter().map(|branch| {
        let (from, to, on) = (bus_number(branch.from), bus_number(branch.to), flag(branch.in_service));
        let [a, b, c] = [branch.rate_a_mw, branch.rate_b_mw, branch.rate_c_mw].map(|rate| rate.unwrap_or(0.0));
        let (least, most) = (branch.angle_min_deg.unwrap_or(-360.0), branch.angle_max_deg.unwrap_or(360.0));
        vec![from, to, branch.resistance_pu, branch.reactance_pu, 0.0, a, b, c, branch.tap, branch.shift_deg, on, least, most]
    });
    matrix(text, "branch", "fbus\ttbus\tr\tx\tb\trateA\trateB\trateC\tratio\tangle\tstatus\tangmin\tangmax", rows);
}

fn dc_lines(case: &Case, text: &mut String) {
    if case.dc_lines.is_empty() {
        return;
    }
    let bus_number = |position: usize| case.buses.get(position).map_or(0.0, |bus| bus.number as f64);
    let rows = case.dc_lines.iter().map(|line| {
        let (from, to, on) = (bus_number(line.from), bus_number(line.to), flag(line.in_service));
        let arriving = line.flow_mw - line.loss_mw - line.loss_share * line.flow_mw;
        let [least, most] = [line.min_mw, line.max_mw].map(|limit| file_limit(limit, line));
        let mut row = vec![from, to, on, line.flow_mw, arriving, 0.0, 0.0, 1.0, 1.0, least, most];
        row.extend([0.0, 0.0, 0.0, 0.0, line.loss_mw, line.loss_share]);
        row
    });
    let columns = "fbus\ttbus\tstatus\tPf\tPt\tQf\tQt\tVf\tVt\tPmin\tPmax\tQminF\tQmaxF\tQminT\tQmaxT\tloss0\tloss1";
    matrix(text, "dcline", columns, rows);
    costs(text, "dclinecost", &case.dc_lines.iter().map(|line| line.cost.as_ref()).collect::<Vec<_>>());
}

/// What the file says for a limit at "from": the limit at "to", if it is negative there.
fn file_limit(limit: f64, line: &DcLine) -> f64 {
    if limit >= 0.0 {
        return limit;
    }
    let near = limit * (1.0 - line.loss_share) - line.loss_mw;
    // The way there and back rounds: a neighbour may come back exactly.
    let neighbours = [limit, near, near.next_down(), near.next_up(), near.next_down().next_down(), near.next_up().next_up()];
    let exact = |file: &f64| from_end(*file, line.loss_mw, line.loss_share) == limit;
    neighbours.into_iter().find(exact).unwrap_or(near)
}
