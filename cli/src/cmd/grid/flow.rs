//! `grid flow`: DC power flow.

use bastide_grid::{DcNetwork, Islands, Sensitivity, dc_flow};
use serde_json::json;

use super::input::{self, Network};
use crate::args::{ConventionArg, Format, Global, NetworkInput, Outages};
use crate::cmd::aligned;
use crate::exit::Failure;
use crate::output::Output;

pub fn run(args: &NetworkInput, outages: &Outages, factors: bool, global: &Global, output: &Output) -> Result<(), Failure> {
    let mut network = input::network(args, global, output)?;
    let convention = input::convention(args, ConventionArg::Matpower);
    network.dispatch(convention)?;
    network.take_out(outages)?;
    let flow = dc_flow(&network.case, convention).map_err(|error| network.singular(error))?;
    if output.format == Format::Json {
        let mut document = json!({
            "case": network.case.name,
            "hour": network.hour,
            "convention": input::convention_word(convention),
            "buses": buses(&network, &flow.angle_deg, &flow.islands),
            "branches": network.case.branches.iter().zip(&flow.flow_mw).enumerate().map(|(row, (branch, mw))| json!({
                "row": row, "name": network.branch_name(row), "from": network.bus(branch.from), "to": network.bus(branch.to),
                "flow_mw": mw, "limit_mw": branch.rate_a_mw, "loading": branch.rate_a_mw.filter(|limit| *limit > 0.0).map(|limit| mw.abs() / limit),
            })).collect::<Vec<_>>(),
            "dc_lines": network.case.dc_lines.iter().enumerate().map(|(row, line)| json!({
                "row": row, "name": network.dc_line_name(row), "from": network.bus(line.from), "to": network.bus(line.to),
                "flow_mw": if line.in_service { line.flow_mw } else { 0.0 },
            })).collect::<Vec<_>>(),
            "islands": flow.islands.slack.iter().enumerate().map(|(at, slack)| json!({
                "slack": network.bus(*slack as usize), "slack_mw": flow.slack_mw[at],
                "buses": flow.islands.of.iter().filter(|island| **island as usize == at).count(),
            })).collect::<Vec<_>>(),
        });
        if factors {
            let sensitivity = Sensitivity::new(DcNetwork::new(&network.case, convention)).map_err(|error| network.singular(error))?;
            let rows: Vec<usize> = (0..network.case.branches.len()).collect();
            // One row for each branch, one column for each bus; and one column for each outage, null for a bridge.
            let ptdf = sensitivity.ptdf(&rows);
            document["ptdf"] = ptdf.chunks(network.case.buses.len().max(1)).map(|row| json!(row)).collect();
            let columns = sensitivity.lodf(&rows);
            // An outage takes all of its own branch's flow, a bridge's too.
            let own = |row: usize, out: usize| (row == out && sensitivity.bridges()[row]).then_some(-1.0);
            let share = |row: usize, (out, column): (usize, &Option<Vec<f64>>)| column.as_ref().map(|shares| shares[row]).or(own(row, out));
            let lodf = |row: usize| columns.iter().enumerate().map(|column| share(row, column)).collect::<Vec<_>>();
            document["lodf"] = rows.iter().map(|row| json!(lodf(*row))).collect();
            document["bridges"] = rows.iter().filter(|row| sensitivity.bridges()[**row]).map(|row| json!(row)).collect();
        }
        return output.json("grid-flow/1", &document);
    }
    let mut table = vec![["row", "from", "to", "flow [MW]", "limit [MW]"].map(str::to_owned).to_vec()];
    for (row, (branch, mw)) in network.case.branches.iter().zip(&flow.flow_mw).enumerate() {
        let limit = branch.rate_a_mw.map_or_else(|| "-".to_owned(), |limit| format!("{limit:.1}"));
        table.push(vec![row.to_string(), network.bus_word(branch.from), network.bus_word(branch.to), format!("{mw:.3}"), limit]);
    }
    aligned(&table).iter().try_for_each(|line| output.line(line))?;
    for (slack, mw) in flow.islands.slack.iter().zip(&flow.slack_mw) {
        output.say(&format!("island balanced at bus {}: {mw:+.3} MW", network.bus_word(*slack as usize)));
    }
    Ok(())
}

fn buses(network: &Network, angle_deg: &[Option<f64>], islands: &Islands) -> Vec<serde_json::Value> {
    let of = |bus: usize| (islands.of[bus] != Islands::NONE).then(|| islands.of[bus]);
    (0..network.case.buses.len()).map(|bus| json!({ "bus": network.bus(bus), "angle_deg": angle_deg[bus], "island": of(bus) })).collect()
}
