//! Just enough of MATPOWER's format for tidy files: one row by line, plain numbers.

use bastide_grid::{Branch, Bus, BusKind, Case, Cost, DcLine, Generator};

fn table(text: &str, name: &str) -> Vec<Vec<f64>> {
    let Some(start) = text.find(&format!("mpc.{name} = [")) else { return Vec::new() };
    let body = &text[start..];
    let body = &body[body.find('[').unwrap() + 1..];
    let body = &body[..body.find(']').unwrap()];
    body.lines()
        .map(|line| line.split('%').next().unwrap().trim().trim_end_matches(';'))
        .filter(|line| !line.is_empty())
        .map(|line| line.split_whitespace().map(|word| word.parse().unwrap()).collect())
        .collect()
}

/// The case of a text.
pub fn read(text: &str) -> Case {
    let after = &text[text.find("mpc.baseMVA").unwrap()..];
    let base_mva: f64 = after[after.find('=').unwrap() + 1..after.find(';').unwrap()].trim().parse().unwrap();
    let buses: Vec<Bus> = table(text, "bus")
        .iter()
        .map(|row| Bus {
            number: row[0] as u64,
            kind: [BusKind::Load, BusKind::Generator, BusKind::Reference, BusKind::Isolated][row[1] as usize - 1],
            demand_mw: row[2],
            shunt_mw: row[4],
            area: row[6] as u64,
            ..Bus::default()
        })
        .collect();
    let numbers: std::collections::BTreeMap<u64, usize> = buses.iter().enumerate().map(|(at, bus)| (bus.number, at)).collect();
    let bus = |number: f64| numbers[&(number as u64)];
    let costs = table(text, "gencost");
    let cost = |row: &Vec<f64>| {
        let count = row[3] as usize;
        let of = &row[4..];
        if row[0] == 1.0 {
            return Cost::Piecewise((0..count).map(|at| (of[2 * at], of[2 * at + 1])).collect());
        }
        let power = |power: usize| if count > power { of[count - 1 - power] } else { 0.0 };
        Cost::Polynomial { quadratic: power(2), linear: power(1), constant: power(0) }
    };
    let generators = table(text, "gen")
        .iter()
        .enumerate()
        .map(|(at, row)| Generator {
            bus: bus(row[0]),
            in_service: row[7] > 0.0,
            output_mw: row[1],
            max_mw: row[8],
            min_mw: row[9],
            cost: costs.get(at).map(cost),
        })
        .collect();
    let rate = |mw: f64| (mw != 0.0).then_some(mw);
    let branches = table(text, "branch")
        .iter()
        .map(|row| Branch {
            from: bus(row[0]),
            to: bus(row[1]),
            in_service: row[10] != 0.0,
            resistance_pu: row[2],
            reactance_pu: row[3],
            rate_a_mw: rate(row[5]),
            rate_b_mw: rate(row[6]),
            rate_c_mw: rate(row[7]),
            tap: if row[8] == 0.0 { 1.0 } else { row[8] },
            shift_deg: row[9],
            angle_min_deg: (row[11] > -360.0 && row[11] != 0.0).then_some(row[11]),
            angle_max_deg: (row[12] < 360.0 && row[12] != 0.0).then_some(row[12]),
        })
        .collect();
    let dc_costs = table(text, "dclinecost");
    let dc_lines = table(text, "dcline")
        .iter()
        .enumerate()
        .map(|(at, row)| DcLine {
            from: bus(row[0]),
            to: bus(row[1]),
            in_service: row[2] > 0.0,
            flow_mw: row[3],
            min_mw: row[9],
            max_mw: row[10],
            loss_mw: row[15],
            loss_share: row[16],
            cost: dc_costs.get(at).map(cost),
        })
        .collect();
    Case { name: String::new(), base_mva, buses, generators, branches, dc_lines }
}
