//! `grid opf`: DC optimal power flow, shedding, and chronological dispatch.

use bastide_grid::opf::{
    Diagnosis, Opf, OpfOptions, OpfSolution, OpfStatus, PriorityShedding, ReserveRequirement, Reserves, Shedding, Solver, diagnose,
    optimal_power_flow,
};
use bastide_grid::{Convention, Cost, Generator};
use serde_json::{Value, json};

use super::chronology;
use super::input::{self, Network};
use crate::args::{ConventionArg, Format, Global, GridCommand};
use crate::cmd::aligned;
use crate::exit::Failure;
use crate::output::Output;

pub fn run(command: &GridCommand, global: &Global, output: &Output) -> Result<(), Failure> {
    let GridCommand::Opf { input: args, outages, shed, shed_by_tier, reserve, hours, copper_plate, battery, highs } = command else {
        return Ok(());
    };
    if let Some(hours) = hours {
        return chronology::run(args, *hours, *copper_plate, battery, *shed, global, output);
    }
    let mut network = input::network(args, global, output)?;
    let units = network.case.generators.len();
    let error = |error: bastide_grid::opf::OpfError| Failure::sentence(error.to_string());
    if *shed_by_tier {
        let convention = input::convention(args, ConventionArg::Powermodels);
        let (branches, units) = (network.branch_rows(outages)?, network.unit_rows(outages)?);
        return by_tier(&network, convention, &branches, &units, output);
    }
    let convention = input::convention(args, ConventionArg::Matpower);
    if !network.case.generators.is_empty() && network.case.generators.iter().all(|unit| unit.cost.is_none()) {
        return Err(Failure::hinted(
            format!("`{}` has no costs: there is nothing to choose by", args.case.display()),
            "the case needs `mpc.gencost`; a file that was cut off has lost it",
        ));
    }
    network.take_out(outages)?;
    if let Some(price) = shed {
        allow_shedding(&mut network, *price)?;
    }
    let mut options = OpfOptions::default();
    if let Some(mw) = reserve {
        let max_mw = network.case.generators.iter().take(units).map(|unit| (unit.max_mw - unit.min_mw).max(0.0)).collect();
        options.reserves = Some(Reserves { max_mw, requirements: vec![ReserveRequirement { area: None, mw: *mw }] });
    }
    let solution = if *highs {
        Opf::new(&network.case, convention, &options).map_err(error)?.solve_full(Solver::Highs)
    } else {
        optimal_power_flow(&network.case, convention, &options).map_err(error)?
    };
    let diagnosis = if solution.status == OpfStatus::Infeasible { Some(diagnose(&network.case, convention).map_err(error)?) } else { None };
    if output.format == Format::Json {
        output.json("grid-opf/1", &document(&network, units, convention, &solution, diagnosis.as_ref()))?;
    } else if solution.status == OpfStatus::Optimal {
        people(&network, units, &solution, output)?;
    }
    match &solution.status {
        OpfStatus::Optimal => Ok(()),
        _ if output.format == Format::Json => Err(Failure::Told),
        OpfStatus::Infeasible => Err(Failure::hinted(
            format!("no dispatch serves all load within all limits{}", diagnosis.map_or_else(String::new, |it| why(&network, &it))),
            "--shed PRICE lets load go unserved at a price",
        )),
        OpfStatus::Unbounded => Err(Failure::sentence("a unit without limit earns money without end")),
        OpfStatus::Unsolved { reason } => Err(Failure::sentence(format!("no verdict: {reason}"))),
    }
}

/// Word of a status.
pub fn status(status: &OpfStatus) -> &'static str {
    match status {
        OpfStatus::Optimal => "optimal",
        OpfStatus::Infeasible => "infeasible",
        OpfStatus::Unbounded => "unbounded",
        OpfStatus::Unsolved { .. } => "unsolved",
    }
}

/// Unserved load as a unit at every bus with demand, after those of the case; least outputs go, so that there is always an answer.
fn allow_shedding(network: &mut Network, price: f64) -> Result<(), Failure> {
    if !price.is_finite() {
        return Err(Failure::sentence("the price of unserved load is no finite number"));
    }
    for unit in &mut network.case.generators {
        unit.min_mw = unit.min_mw.min(0.0);
    }
    for bus in 0..network.case.buses.len() {
        let demand = network.case.buses[bus].demand_mw + network.case.buses[bus].shunt_mw;
        if demand > 0.0 {
            let cost = Some(Cost::Polynomial { quadratic: 0.0, linear: price, constant: 0.0 });
            network.case.generators.push(Generator { bus, in_service: true, output_mw: 0.0, min_mw: 0.0, max_mw: demand, cost });
        }
    }
    Ok(())
}

fn shed_by_bus(network: &Network, units: usize, solution: &OpfSolution) -> Vec<f64> {
    let mut shed = vec![0.0; network.case.buses.len()];
    for (unit, mw) in network.case.generators.iter().zip(&solution.generator_mw).skip(units) {
        shed[unit.bus] += mw;
    }
    shed
}

fn document(network: &Network, units: usize, convention: Convention, solution: &OpfSolution, diagnosis: Option<&Diagnosis>) -> Value {
    let optimal = solution.status == OpfStatus::Optimal;
    let case = &network.case;
    let mut value = json!({
        "case": case.name, "hour": network.hour, "convention": input::convention_word(convention), "status": status(&solution.status),
        "objective": optimal.then_some(solution.objective), "bound": optimal.then_some(solution.bound),
        "gap": optimal.then(|| (solution.objective - solution.bound).abs() / solution.objective.abs().max(1.0)),
        "solver": match solution.solver { Solver::Simplex => "own dual simplex", Solver::Highs => "HiGHS", Solver::Clarabel => "Clarabel" },
        "iterations": solution.iterations,
    });
    if let OpfStatus::Unsolved { reason } = &solution.status {
        value["reason"] = json!(reason);
    }
    if let Some(diagnosis) = diagnosis {
        value["infeasible"] = diagnosis_json(network, diagnosis);
    }
    if !optimal {
        return value;
    }
    let shed = shed_by_bus(network, units, solution);
    value["generators"] = (0..units)
        .map(|row| {
            let mut unit = json!({ "row": row, "name": network.unit_name(row), "bus": network.bus(case.generators[row].bus), "mw": solution.generator_mw[row] });
            if let Some(reserve) = solution.reserve_mw.get(row).filter(|_| !solution.reserve_price.is_empty()) {
                unit["reserve_mw"] = json!(reserve);
            }
            unit
        })
        .collect();
    value["branches"] = case
        .branches
        .iter()
        .enumerate()
        .map(|(row, branch)| {
            let (low, high) = solution.limit_mw[row];
            json!({
                "row": row, "name": network.branch_name(row), "from": network.bus(branch.from), "to": network.bus(branch.to),
                "flow_mw": solution.flow_mw[row], "limit_mw": branch.rate_a_mw,
                "least_mw": low.is_finite().then_some(low), "most_mw": high.is_finite().then_some(high), "dual": solution.branch_dual[row],
            })
        })
        .collect();
    value["dc_lines"] = case
        .dc_lines
        .iter()
        .enumerate()
        .map(|(row, line)| {
            json!({
                "row": row, "name": network.dc_line_name(row), "from": network.bus(line.from), "to": network.bus(line.to),
                "flow_mw": solution.dc_line_mw[row], "least_mw": line.min_mw, "most_mw": line.max_mw,
            })
        })
        .collect();
    value["buses"] =
        (0..case.buses.len()).map(|bus| json!({ "bus": network.bus(bus), "price": solution.price[bus], "shed_mw": shed[bus] })).collect();
    value["shed_mw"] = json!(shed.iter().sum::<f64>());
    if !solution.reserve_price.is_empty() {
        value["reserve_price"] = json!(solution.reserve_price);
    }
    value
}

fn diagnosis_json(network: &Network, diagnosis: &Diagnosis) -> Value {
    let buses = |list: &[(usize, f64)]| list.iter().map(|(bus, mw)| json!({ "bus": network.bus(*bus), "mw": mw })).collect::<Vec<_>>();
    let branch = |row: usize| json!({ "row": row, "from": network.bus(network.case.branches[row].from), "to": network.bus(network.case.branches[row].to) });
    let beyond = diagnosis.beyond_limit.iter().map(|(row, mw)| {
        let mut value = branch(*row);
        value["mw"] = json!(mw);
        value
    });
    json!({
        "unserved": buses(&diagnosis.unserved), "surplus": buses(&diagnosis.surplus), "beyond_limit": beyond.collect::<Vec<_>>(),
        "crossed_generators": diagnosis.crossed_generators,
        "crossed_branches": diagnosis.crossed_branches.iter().map(|row| branch(*row)).collect::<Vec<_>>(),
    })
}

/// The diagnosis in words.
fn why(network: &Network, diagnosis: &Diagnosis) -> String {
    let list = |items: &[(usize, f64)], name: &dyn Fn(usize) -> String| {
        let mut sorted = items.to_vec();
        sorted.sort_by(|a, b| b.1.total_cmp(&a.1));
        let shown: Vec<String> = sorted.iter().take(8).map(|(at, mw)| format!("{} {mw:.2} MW", name(*at))).collect();
        let more = if items.len() > 8 { format!(" and {} others", items.len() - 8) } else { String::new() };
        shown.join(", ") + &more
    };
    let bus = |at: usize| format!("bus {}", network.bus_word(at));
    let branch = |row: usize| {
        format!("branch {row} {}-{}", network.bus_word(network.case.branches[row].from), network.bus_word(network.case.branches[row].to))
    };
    let mut words = String::new();
    if !diagnosis.unserved.is_empty() {
        words += &format!("; cannot be served: {}", list(&diagnosis.unserved, &bus));
    }
    if !diagnosis.surplus.is_empty() {
        words += &format!("; too much must be generated: {}", list(&diagnosis.surplus, &bus));
    }
    if !diagnosis.beyond_limit.is_empty() {
        words += &format!("; must exceed its limit: {}", list(&diagnosis.beyond_limit, &branch));
    }
    if !diagnosis.crossed_generators.is_empty() {
        words += &format!("; least output above most: unit rows {:?}", diagnosis.crossed_generators);
    }
    if !diagnosis.crossed_branches.is_empty() {
        words += &format!("; limits that leave no flow: branch rows {:?}", diagnosis.crossed_branches);
    }
    words
}

fn people(network: &Network, units: usize, solution: &OpfSolution, output: &Output) -> Result<(), Failure> {
    let mut table = vec![["unit", "bus", "output [MW]"].map(str::to_owned).to_vec()];
    for row in 0..units {
        let name = network.unit_name(row).map_or_else(|| row.to_string(), str::to_owned);
        table.push(vec![name, network.bus_word(network.case.generators[row].bus), format!("{:.3}", solution.generator_mw[row])]);
    }
    aligned(&table).iter().try_for_each(|line| output.line(line))?;
    let mut table = vec![["limit that binds", "from", "to", "flow [MW]", "worth [/MWh]"].map(str::to_owned).to_vec()];
    for (row, branch) in network.case.branches.iter().enumerate().filter(|(row, _)| solution.branch_dual[*row].abs() > 1e-6) {
        let name = network.branch_name(row).map_or_else(|| row.to_string(), str::to_owned);
        let numbers = [format!("{:.3}", solution.flow_mw[row]), format!("{:.4}", solution.branch_dual[row])];
        table.push([vec![name, network.bus_word(branch.from), network.bus_word(branch.to)], numbers.to_vec()].concat());
    }
    if table.len() > 1 {
        aligned(&table).iter().try_for_each(|line| output.line(line))?;
    }
    let prices: Vec<f64> = solution.price.iter().flatten().copied().collect();
    let (least, most) = prices.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), price| (low.min(*price), high.max(*price)));
    output
        .line(&format!("cost {:.6} per hour (bound {:.6}); prices {least:.4} to {most:.4} per MWh", solution.objective, solution.bound))?;
    let shed: f64 = shed_by_bus(network, units, solution).iter().sum();
    if shed > 0.0 {
        output.line(&format!("not served: {shed:.3} MW"))?;
    }
    Ok(())
}

fn by_tier(network: &Network, convention: Convention, branches: &[usize], units: &[usize], output: &Output) -> Result<(), Failure> {
    let shedding = Shedding::critical_mid_low(&network.case);
    let error = |error: bastide_grid::opf::OpfError| Failure::sentence(error.to_string());
    let answer = PriorityShedding::new(&network.case, convention, &shedding).map_err(error)?.solve(branches, units).map_err(error)?;
    if output.format != Format::Json {
        for (at, tier) in shedding.tiers.iter().enumerate() {
            output.line(&format!(
                "{} ({} per MWh): {:.4} of {:.4} MW shed",
                tier.name,
                tier.value,
                answer.tier_mw(at),
                tier.mw.iter().sum::<f64>()
            ))?;
        }
        return output.line(&format!("cost of shedding {:.6} per hour, {}", answer.objective, status(&answer.status)));
    }
    let tiers = shedding
        .tiers
        .iter()
        .enumerate()
        .map(|(at, tier)| json!({ "tier": tier.name, "value": tier.value, "shed_mw": answer.tier_mw(at) }));
    let shed = |bus: usize| answer.shed_mw.iter().map(|tier| tier.get(bus).copied().unwrap_or(0.0)).sum::<f64>();
    let case = &network.case;
    output.json(
        "grid-shedding/1",
        &json!({
            "case": case.name, "hour": network.hour, "convention": input::convention_word(convention), "status": status(&answer.status),
            "objective": answer.objective, "tiers": tiers.collect::<Vec<_>>(), "shed_mw": (0..case.buses.len()).map(shed).sum::<f64>(),
            "buses": (0..case.buses.len()).map(|bus| json!({ "bus": network.bus(bus), "shed_mw": shed(bus) })).collect::<Vec<_>>(),
            "generators": case.generators.iter().zip(&answer.generator_mw).enumerate().map(|(row, (unit, mw))| json!({ "row": row, "bus": network.bus(unit.bus), "mw": mw })).collect::<Vec<_>>(),
            "branches": case.branches.iter().zip(&answer.flow_mw).enumerate().map(|(row, (branch, mw))| json!({
                "row": row, "from": network.bus(branch.from), "to": network.bus(branch.to), "flow_mw": mw, "limit_mw": branch.rate_a_mw,
            })).collect::<Vec<_>>(),
        }),
    )
}
