//! `grid contingency`: what the loss of one or two branches or units does.

use bastide_engine::Pool;
use bastide_grid::{Contingency, Element, Outage, Overload, PairScreening, PickUp, Screening, Splits};
use serde_json::{Value, json};

use super::input::{self, Network};
use crate::args::{ConventionArg, Format, Global, NetworkInput};
use crate::cmd::{aligned, threads};
use crate::exit::Failure;
use crate::output::Output;

/// Overloads of a kind that are listed; where the dispatch itself overloads lines, every outage does.
const OVERLOADS: usize = 100_000;
/// Pairs that are listed.
const PAIRS: usize = 1000;

pub fn run(args: &NetworkInput, depth: u8, ai_load: &[String], global: &Global, output: &Output) -> Result<(), Failure> {
    let mut network = input::network(args, global, output)?;
    let convention = input::convention(args, ConventionArg::Matpower);
    network.add_ai_load(ai_load)?;
    network.split_classes();
    network.dispatch(convention)?;
    let contingency = Contingency::new(&network.case, convention, &network.ai_mw).map_err(|error| network.singular(error))?;
    let pool = Pool::new(threads(global));
    if depth == 2 {
        return pairs(&network, &contingency, &pool, input::convention_word(convention), output);
    }
    let branches = contingency.branches(&pool, Splits::Solve);
    let units = contingency.units(&pool, PickUp::Headroom);
    if output.format == Format::Json {
        let list = |screening: &Screening, islanding: bool| {
            let of_kind = screening.overloads.iter().filter(|it| screening.outages[it.outage as usize].islanding == islanding);
            of_kind.take(OVERLOADS).map(|it| overload(&network, &contingency, screening, it)).collect::<Vec<_>>()
        };
        // By rank; the numbers of branches that split an island stand apart, for they are of another kind.
        let whole: Vec<&Outage> =
            branches.ranked_by_overload().iter().map(|at| &branches.outages[*at as usize]).filter(|it| !it.islanding).collect();
        return output.json(
            "grid-contingency/1",
            &json!({
                "case": network.case.name, "hour": network.hour, "convention": input::convention_word(convention), "depth": 1,
                "cases": branches.outages.iter().map(|it| outage(&network, it)).collect::<Vec<_>>(),
                "units": units.outages.iter().map(|it| outage(&network, it)).collect::<Vec<_>>(),
                "islanding": branches.outages.iter().filter(|it| it.islanding).map(|it| row(it.element)).collect::<Vec<_>>(),
                "overloads": list(&branches, false), "islanding_overloads": list(&branches, true), "unit_overloads": list(&units, false),
                "overloads_in_all": branches.overloads.len() + units.overloads.len(), "overloads_listed_at_most": OVERLOADS,
                "outages_with_overload": branches.outages.iter().filter(|it| !it.islanding && it.overloads > 0).count(),
                "worst": whole.first().map(|it| outage(&network, it)),
                "worst_unit": units.ranked_by_overload().first().map(|at| outage(&network, &units.outages[*at as usize])),
                "ranked_by_ai_load_lost": branches.ranked_by_ai_load_lost().iter().map(|at| row(branches.outages[*at as usize].element)).collect::<Vec<_>>(),
            }),
        );
    }
    let mut table =
        vec![["outage", "loading", "overloads", "worst branch", "load cut off [MW]", "AI load cut off [MW]"].map(str::to_owned).to_vec()];
    for (screening, most) in [(&branches, 15), (&units, 5)] {
        for at in screening.ranked_by_overload().into_iter().take(most) {
            let it = &screening.outages[at as usize];
            let worst = it.worst_row.map_or_else(String::new, |row| words(&network, Element::Branch(row)));
            let loading = format!("{:.1} %", 100.0 * it.worst_loading);
            let split = if it.islanding { " (splits)" } else { "" };
            table.push(vec![
                words(&network, it.element) + split,
                loading,
                it.overloads.to_string(),
                worst,
                format!("{:.1}", it.shed_mw),
                format!("{:.1}", it.ai_shed_mw),
            ]);
        }
    }
    aligned(&table).iter().try_for_each(|line| output.line(line))?;
    let count = |screening: &Screening| screening.outages.iter().filter(|it| it.overloads > 0).count();
    output.say(&format!(
        "{} branch outages, {} overload something, {} split the network; {} unit outages, {} overload something",
        branches.outages.len(),
        count(&branches),
        branches.outages.iter().filter(|it| it.islanding).count(),
        units.outages.len(),
        count(&units)
    ));
    Ok(())
}

fn pairs(network: &Network, contingency: &Contingency, pool: &Pool, convention: &str, output: &Output) -> Result<(), Failure> {
    let kinds = [
        ("branches", contingency.pairs(pool, PAIRS)),
        ("branch_and_unit", contingency.branch_unit_pairs(pool, PAIRS)),
        ("units", contingency.unit_pairs(pool, PAIRS)),
    ];
    if output.format == Format::Json {
        let list = |pairs: &PairScreening| {
            let worst = pairs.worst.iter().map(|it| {
                json!({
                    "outage": it.elements.map(|element| element_json(network, element)), "overloads": it.overloads,
                    "worst_loading": it.worst_loading, "worst_row": it.worst_row,
                })
            });
            json!({
                "pairs": pairs.pairs, "islanding": pairs.islanding, "cuts": pairs.cuts, "overloaded": pairs.overloaded,
                "overloads": pairs.overloads, "worst": worst.collect::<Vec<_>>(),
            })
        };
        let mut document = json!({ "case": network.case.name, "hour": network.hour, "convention": convention, "depth": 2 });
        let all: u64 = kinds.iter().map(|(_, pairs)| pairs.pairs).sum();
        document["cases"] = json!(all);
        document["islanding"] = json!(kinds[0].1.cuts);
        document["worst"] = json!(list(&kinds[0].1)["worst"].get(0));
        document["overloads"] = list(&kinds[0].1)["worst"].clone();
        for (name, pairs) in &kinds {
            document[*name] = list(pairs);
        }
        return output.json("grid-contingency/1", &document);
    }
    let mut table = vec![["outages", "loading", "overloads", "worst branch"].map(str::to_owned).to_vec()];
    for (_, pairs) in &kinds {
        for it in pairs.worst.iter().take(10) {
            let both = it.elements.map(|element| words(network, element)).join(" and ");
            let worst = words(network, Element::Branch(it.worst_row));
            table.push(vec![both, format!("{:.1} %", 100.0 * it.worst_loading), it.overloads.to_string(), worst]);
        }
    }
    aligned(&table).iter().try_for_each(|line| output.line(line))?;
    for (name, pairs) in &kinds {
        output.say(&format!(
            "{}: {} pairs, {} overload something, {} split the network",
            name.replace('_', " "),
            pairs.pairs,
            pairs.overloaded,
            pairs.islanding
        ));
    }
    Ok(())
}

fn row(element: Element) -> u32 {
    match element {
        Element::Branch(row) | Element::Unit(row) => row,
    }
}

fn words(network: &Network, element: Element) -> String {
    match element {
        Element::Branch(row) => {
            let branch = &network.case.branches[row as usize];
            let name = network.branch_name(row as usize).map_or_else(|| format!("branch {row}"), str::to_owned);
            format!("{name} {}-{}", network.bus_word(branch.from), network.bus_word(branch.to))
        }
        Element::Unit(row) => {
            let name = network.unit_name(row as usize).map_or_else(|| format!("unit {row}"), str::to_owned);
            format!("{name} at {}", network.bus_word(network.case.generators[row as usize].bus))
        }
    }
}

fn element_json(network: &Network, element: Element) -> Value {
    match element {
        Element::Branch(row) => {
            let branch = &network.case.branches[row as usize];
            json!({ "branch": row, "name": network.branch_name(row as usize), "from": network.bus(branch.from), "to": network.bus(branch.to) })
        }
        Element::Unit(row) => {
            json!({ "unit": row, "name": network.unit_name(row as usize), "bus": network.bus(network.case.generators[row as usize].bus) })
        }
    }
}

fn outage(network: &Network, it: &Outage) -> Value {
    let mut value = element_json(network, it.element);
    let numbers = json!({
        "outage": row(it.element), "islanding": it.islanding, "n_overloads": it.overloads, "worst_loading": it.worst_loading,
        "worst_row": it.worst_row, "max_abs_flow_mw": it.max_abs_flow_mw, "shed_mw": it.shed_mw, "ai_shed_mw": it.ai_shed_mw,
    });
    if let (Value::Object(value), Value::Object(numbers)) = (&mut value, numbers) {
        value.extend(numbers);
    }
    value
}

fn overload(network: &Network, contingency: &Contingency, screening: &Screening, it: &Overload) -> Value {
    let branch = &network.case.branches[it.row as usize];
    let out = &screening.outages[it.outage as usize];
    json!({
        "outage": row(out.element), "islanding": out.islanding, "branch": it.row, "from": network.bus(branch.from), "to": network.bus(branch.to),
        "flow_mw": it.flow_mw, "limit_mw": contingency.limit_mw()[it.row as usize],
    })
}
