//! Attacks on an electric network.

use bastide_grid::opf::Shedding;
use bastide_strike::{Element, Transmission};
use serde_json::{Value, json};

use super::targets::{self, Named};
use super::{Subject, ask};
use crate::args::{ConventionArg, Global, StrikeInput, TargetKind};
use crate::cmd::grid::input::{self, Network};
use crate::exit::Failure;
use crate::output::Output;

pub fn run(strike: &StrikeInput, global: &Global, output: &Output) -> Result<(), Failure> {
    let mut network = input::network(&strike.input, global, output)?;
    network.split_classes();
    let convention = input::convention(&strike.input, ConventionArg::Matpower);
    let kinds = if strike.targets.is_empty() { vec![TargetKind::Lines] } else { strike.targets.clone() };
    let cost = |kind: TargetKind| strike.cost.iter().find(|(of, _)| *of == kind).map_or(1, |(_, cost)| *cost);
    let named = targets::of(&network.case, &kinds, &cost);
    if named.is_empty() {
        return Err(Failure::hinted(format!("`{}` has no such target", network.case.name), "name other kinds of --targets"));
    }
    let safe = safe(&network, &named, &strike.safe)?;
    let shedding = Shedding::shares(&network.case, &[("load", 1.0, 1.0)]);
    let list = named.iter().map(|it| it.target.clone()).collect();
    let field = Transmission::new(&network.case, convention, &shedding, list)
        .map_err(|error| Failure::hinted(format!("`{}`: {error}", network.case.name), "bastide grid flow says more of the case"))?;
    let subject = Subject {
        name: network.case.name.clone(),
        unit: "MW",
        total: field.total(),
        word: &|target| word(&network, &named[target]),
        json: &|target| document(&network, &named[target]),
        about: json!({ "hour": network.hour, "convention": input::convention_word(convention) }),
    };
    ask(&field, &subject, safe, strike, global, output)
}

/// Targets that `--safe` names: by their words, or by the row of a line.
fn safe(network: &Network, named: &[Named], words: &[String]) -> Result<Vec<usize>, Failure> {
    let mut safe = Vec::new();
    for asked in words {
        let same = |it: &Named| word(network, it).eq_ignore_ascii_case(asked) || short(it).eq_ignore_ascii_case(asked);
        let found: Vec<usize> = (0..named.len()).filter(|at| same(&named[*at])).collect();
        if found.is_empty() {
            let first: Vec<String> = named.iter().take(3).map(short).collect();
            return Err(Failure::hinted(format!("there is no target `{asked}`"), format!("the first are {}", first.join(", "))));
        }
        safe.extend(found);
    }
    safe.sort_unstable();
    safe.dedup();
    Ok(safe)
}

/// `line.7`: the kind and its first row.
fn short(it: &Named) -> String {
    let row = it.target.elements.first().map_or(0, |element| match *element {
        Element::Branch(row) | Element::Generator(row) | Element::Bus(row) => row,
    });
    format!("{}.{row}", it.kind.word())
}

fn word(network: &Network, it: &Named) -> String {
    let bus = |bus: usize| network.bus_word(bus);
    let element = |element: &Element| match *element {
        Element::Branch(row) => {
            let branch = &network.case.branches[row];
            let name = network.branch_name(row).map_or_else(|| format!("{} {row}", it.kind.word()), str::to_owned);
            format!("{name} ({}-{})", bus(branch.from), bus(branch.to))
        }
        Element::Generator(row) => {
            let name = network.unit_name(row).map_or_else(|| format!("unit {row}"), str::to_owned);
            format!("{name} at {}", bus(network.case.generators[row].bus))
        }
        Element::Bus(row) => format!("bus {}", bus(row)),
    };
    match (it.kind, it.target.elements.as_slice()) {
        (TargetKind::Plants, [Element::Generator(row), ..]) => format!("plant at {}", bus(network.case.generators[*row].bus)),
        (TargetKind::Substations, elements) => {
            let buses = elements.iter().map(element).map(|it| it.trim_start_matches("bus ").to_owned());
            format!("substation {}", buses.collect::<Vec<_>>().join("+"))
        }
        (_, elements) => elements.iter().map(element).collect::<Vec<_>>().join("+"),
    }
}

fn document(network: &Network, it: &Named) -> Value {
    let element = |element: &Element| match *element {
        Element::Branch(row) => {
            let branch = &network.case.branches[row];
            json!({ "row": row, "name": network.branch_name(row), "from": network.bus(branch.from), "to": network.bus(branch.to) })
        }
        Element::Generator(row) => {
            json!({ "row": row, "name": network.unit_name(row), "bus": network.bus(network.case.generators[row].bus) })
        }
        Element::Bus(row) => json!({ "row": row, "bus": network.bus(row) }),
    };
    let mut value = match it.target.elements.as_slice() {
        [one] => element(one),
        many => json!({ "elements": many.iter().map(element).collect::<Vec<_>>() }),
    };
    value["kind"] = json!(it.kind.word());
    value["target"] = json!(short(it));
    value["cost"] = json!(it.target.cost);
    value
}
