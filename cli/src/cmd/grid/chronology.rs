//! `grid opf --hours`: the cheapest dispatch of many hours, with batteries.

use bastide_grid::Offer;
use bastide_grid::opf::{Battery, ChronologyInput, ChronologyLine, copper_plate, dispatch_hours};
use bastide_model::import;
use serde_json::json;

use super::input;
use crate::args::{Format, Global, NetworkInput};
use crate::exit::Failure;
use crate::output::Output;

/// Cost of unserved load where none is given [/MWh].
const SHEDDING: f64 = 10_000.0;

/// Hours of a network as plain arrays.
struct Hours {
    name: String,
    bus_names: Vec<String>,
    lines: Vec<ChronologyLine>,
    units: Vec<Offer>,
    /// By hour, then unit.
    available: Vec<f64>,
    /// By hour, then bus.
    demand: Vec<f64>,
}

pub fn run(
    args: &NetworkInput,
    hours: usize,
    plate: bool,
    batteries: &[String],
    shed: Option<f64>,
    global: &Global,
    output: &Output,
) -> Result<(), Failure> {
    let first = args.hour.unwrap_or(0);
    let data = read(args, first, hours, global, output)?;
    let price = shed.unwrap_or(SHEDDING);
    let batteries = batteries.iter().map(|word| battery(word, &data)).collect::<Result<Vec<_>, _>>()?;
    let buses = data.bus_names.len();
    let load_mwh: f64 = data.demand.iter().sum();
    if plate && batteries.is_empty() {
        // One bus and nothing that links the hours: merit order.
        let demand: Vec<f64> = data.demand.chunks(buses.max(1)).map(|hour| hour.iter().sum()).collect();
        let costs: Vec<f64> = data.units.iter().map(|unit| unit.cost_eur_per_mwh).collect();
        let cost: f64 = copper_plate(&costs, &data.available, &demand, price).iter().sum();
        return tell(&data, first, hours, cost, cost, None, None, load_mwh, &[], output);
    }
    let input = ChronologyInput {
        buses,
        lines: if plate { None } else { Some(&data.lines) },
        units: &data.units,
        available_mw: &data.available,
        demand_mw: &data.demand,
        shedding_eur_per_mwh: price,
        batteries: &batteries,
        detail: true,
    };
    let found = dispatch_hours(&input).map_err(|error| Failure::sentence(error.to_string()))?;
    let shed_mwh: f64 = found.shed_mw.iter().sum();
    let generated_mwh: f64 = found.generation_mw.iter().sum();
    tell(&data, first, hours, found.cost_eur, found.bound_eur, Some(shed_mwh), Some(generated_mwh), load_mwh, &found.content_mwh, output)
}

#[allow(clippy::too_many_arguments)]
fn tell(
    data: &Hours,
    first: usize,
    hours: usize,
    cost: f64,
    bound: f64,
    shed: Option<f64>,
    generated: Option<f64>,
    load: f64,
    content: &[f64],
    output: &Output,
) -> Result<(), Failure> {
    if output.format == Format::Json {
        return output.json(
            "grid-dispatch/1",
            &json!({
                "case": data.name, "status": "optimal", "first_hour": first, "hours": hours, "objective": cost, "bound": bound,
                "gap": (cost - bound) / cost.abs().max(1.0), "load_mwh": load, "shed_mwh": shed, "generated_mwh": generated,
                "battery_content_mwh": content,
            }),
        );
    }
    output.line(&format!("cost {cost:.4} of {hours} hours (bound {bound:.4}); load {load:.3} MWh"))?;
    if let Some(shed) = shed {
        output.line(&format!("not served: {shed:.3} MWh"))?;
    }
    Ok(())
}

fn read(args: &NetworkInput, first: usize, hours: usize, global: &Global, output: &Output) -> Result<Hours, Failure> {
    let path = &args.case;
    let beyond = |most: usize| {
        let message = format!("hours {first} to {} are asked for", first + hours);
        Failure::hinted(message, format!("the series have {most} hours"))
    };
    if input::is_rts_gmlc(path) {
        let source = import::read_rts_gmlc(path).map_err(Failure::Diagnostics)?;
        if hours == 0 || first + hours > source.hours {
            return Err(beyond(source.hours));
        }
        let case = &source.case;
        let live: Vec<usize> = (0..case.generators.len()).filter(|&unit| case.generators[unit].in_service).collect();
        let mut data = Hours {
            name: case.name.clone(),
            bus_names: case.buses.iter().map(|bus| bus.number.to_string()).collect(),
            lines: lines_of(case, args),
            units: live
                .iter()
                .map(|&unit| Offer { bus: case.generators[unit].bus, cost_eur_per_mwh: linear(&case.generators[unit]) })
                .collect(),
            available: Vec::with_capacity(hours * live.len()),
            demand: Vec::with_capacity(hours * case.buses.len()),
        };
        for hour in first..first + hours {
            data.available.extend(live.iter().map(|&unit| source.max_mw(unit, hour)));
            data.demand.extend(source.load_mw.iter().map(|bus| bus[hour]));
        }
        return Ok(data);
    }
    if input::is_case(path) {
        return Err(Failure::hinted("a case file has one hour", "leave out --hours, or give RTS-GMLC source data or a scenario"));
    }
    let model = crate::cmd::load(path, global, output)?;
    if hours == 0 || first + hours > model.header.hours {
        return Err(beyond(model.header.hours));
    }
    let (case, _) = bastide_model::network::case_at(&model, first, &[]);
    let mut data = Hours {
        name: case.name.clone(),
        bus_names: case.buses.iter().map(|bus| bus.name.clone()).collect(),
        lines: lines_of(&case, args),
        units: case.generators.iter().map(|unit| Offer { bus: unit.bus, cost_eur_per_mwh: linear(unit) }).collect(),
        available: Vec::with_capacity(hours * case.generators.len()),
        demand: Vec::with_capacity(hours * case.buses.len()),
    };
    for hour in first..first + hours {
        let (now, _) = bastide_model::network::case_at(&model, hour, &[]);
        data.available.extend(now.generators.iter().map(|unit| unit.max_mw));
        data.demand.extend(now.buses.iter().map(|bus| bus.demand_mw));
    }
    Ok(data)
}

fn linear(unit: &bastide_grid::Generator) -> f64 {
    match unit.cost {
        Some(bastide_grid::Cost::Polynomial { linear, .. }) => linear,
        // Sources with hours have linear costs only.
        _ => 0.0,
    }
}

fn lines_of(case: &bastide_grid::Case, args: &NetworkInput) -> Vec<ChronologyLine> {
    let network = bastide_grid::DcNetwork::new(case, input::convention(args, crate::args::ConventionArg::Matpower));
    let branches = case.branches.iter().zip(&network.susceptance_mw).filter(|(_, b)| **b != 0.0);
    let mut lines: Vec<ChronologyLine> = branches
        .map(|(branch, b)| ChronologyLine {
            from: branch.from,
            to: branch.to,
            susceptance_mw: Some(*b),
            limit_mw: branch.rate_a_mw.unwrap_or(f64::INFINITY),
            reverse_mw: branch.rate_a_mw.unwrap_or(f64::INFINITY),
        })
        .collect();
    let direct = case.dc_lines.iter().filter(|line| line.in_service);
    lines.extend(direct.map(|line| ChronologyLine {
        from: line.from,
        to: line.to,
        susceptance_mw: None,
        limit_mw: line.max_mw,
        reverse_mw: -line.min_mw,
    }));
    lines
}

/// `bus=313,mw=50,mwh=200,efficiency=0.85,initial=100`.
fn battery(word: &str, data: &Hours) -> Result<Battery, Failure> {
    let wrong = || {
        Failure::hinted(
            format!("`{word}` is no battery"),
            "write bus=313,mw=50,mwh=200,efficiency=0.85,initial=100; efficiency is that of a round trip",
        )
    };
    let (mut bus, mut power, mut energy, mut efficiency, mut initial, mut last) = (None, None, None, 0.85, None, None);
    for part in word.split(',') {
        let (key, value) = part.split_once('=').ok_or_else(wrong)?;
        let number = || value.trim().parse::<f64>().map_err(|_| wrong());
        match key.trim() {
            "bus" => bus = data.bus_names.iter().position(|name| name == value.trim()),
            "mw" => power = Some(number()?),
            "mwh" => energy = Some(number()?),
            "efficiency" => efficiency = number()?,
            "initial" => initial = Some(number()?),
            "final" => last = Some(number()?),
            _ => return Err(wrong()),
        }
    }
    let (Some(bus), Some(power_mw), Some(energy_mwh)) = (bus, power, energy) else { return Err(wrong()) };
    let one_way = efficiency.sqrt();
    Ok(Battery {
        bus,
        power_mw,
        energy_mwh,
        charge_efficiency: one_way,
        discharge_efficiency: one_way,
        initial_mwh: initial.unwrap_or(energy_mwh / 2.0),
        final_mwh: last,
    })
}
