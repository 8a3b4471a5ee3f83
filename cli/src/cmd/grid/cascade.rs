//! `grid cascade`: what follows an outage; how large blackouts are; how the grid comes back.

use bastide_engine::Pool;
use bastide_grid::opf::{Shedding, generators_in_service, priority_shedding};
use bastide_grid::{
    BlackoutSizes, Cascade, CascadeModel, Convention, Outcome, RatedCascade, RatedRules, Restoration, RestorationAction, RestorationRules,
    blackout_sizes, restoration,
};
use serde_json::{Value, json};

use super::input::{self, Network};
use super::opf::status;
use crate::args::{CascadeModelArg, ConventionArg, Format, Global, GridCommand};
use crate::cmd::{aligned, threads};
use crate::exit::Failure;
use crate::output::Output;

/// Shares of the load at which the distribution of blackout sizes is shown.
const SHARES: [f64; 8] = [0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.9];

pub fn run(command: &GridCommand, global: &Global, output: &Output) -> Result<(), Failure> {
    let GridCommand::Cascade { input: args, outages, model, ai_load, random, size, black_start } = command else { return Ok(()) };
    let mut network = input::network(args, global, output)?;
    let convention = input::convention(args, ConventionArg::Powermodels);
    network.add_ai_load(ai_load)?;
    network.split_classes();
    let (branches, units) = (network.branch_rows(outages)?, network.unit_rows(outages)?);
    let singular = |error| network.singular(error);
    let at_once = *model == CascadeModelArg::DcCascade1;
    if let Some(draws) = random {
        let (pool, seed, size) = (Pool::new(threads(global)), global.seed.unwrap_or(7), *size as usize);
        let sizes = if at_once {
            let cascade = Cascade::new(&network.case, convention, &network.ai_mw).map_err(singular)?;
            blackout_sizes(&cascade, &pool, seed, *draws, size, size)
        } else {
            network.dispatch(convention)?;
            let cascade = rated(&network, convention)?;
            blackout_sizes(&cascade, &pool, seed, *draws, size, size)
        };
        return distribution(&network, &sizes, size, seed, output);
    }
    let narrow = |rows: &[usize]| rows.iter().map(|row| *row as u32).collect::<Vec<u32>>();
    let mut outcome = Outcome::default();
    if at_once {
        let cascade = Cascade::new(&network.case, convention, &network.ai_mw).map_err(singular)?;
        cascade.run(&mut cascade.scratch(), &narrow(&branches), &narrow(&units), &mut outcome);
    } else {
        network.dispatch(convention)?;
        let cascade = rated(&network, convention)?;
        CascadeModel::run(&cascade, &mut cascade.scratch(), &narrow(&branches), &narrow(&units), &mut outcome);
    }
    let back = (!black_start.is_empty()).then(|| come_back(&network, &branches, &units, black_start)).transpose()?;
    if output.format == Format::Json {
        let mut document = document(&network, &outcome);
        document["model"] = json!(if at_once { "dc-cascade-1" } else { "rated-1" });
        document["convention"] = json!(input::convention_word(convention));
        document["outage"] = json!(branches);
        document["outage_units"] = json!(units);
        document["least_cost_shedding"] = least_cost(&network, &branches, &units)?;
        if let Some(back) = &back {
            document["restoration"] = restoration_json(&network, back);
        }
        return output.json("grid-cascade/1", &document);
    }
    let mut table = vec![["time [s]", "branches that trip", "islands", "load lost [MW]"].map(str::to_owned).to_vec()];
    for (at, step) in outcome.steps.iter().enumerate() {
        let tripped: Vec<String> = outcome.tripped_in(at).iter().map(ToString::to_string).collect();
        let tripped = if tripped.is_empty() { "-".to_owned() } else { tripped.join(" ") };
        table.push(vec![format!("{:.0}", step.time_s), tripped, step.islands.to_string(), format!("{:.1}", step.shed_mw)]);
    }
    aligned(&table).iter().try_for_each(|line| output.line(line))?;
    output.line(&format!(
        "{} branches trip in {} rounds; {} islands; {:.1} of {:.1} MW lost, {:.1} MW of it AI load",
        outcome.trips, outcome.rounds, outcome.islands, outcome.shed_mw, outcome.load_mw, outcome.ai_shed_mw
    ))?;
    if let Some(back) = &back {
        for share in [0.5, 0.9, 1.0] {
            let when = back.minutes_to(share).map_or_else(|| "not within the plan".to_owned(), |minutes| format!("after {minutes} min"));
            output.line(&format!("{:.0} % of the load served again: {when}", 100.0 * share))?;
        }
    }
    Ok(())
}

fn rated(network: &Network, convention: Convention) -> Result<RatedCascade, Failure> {
    RatedCascade::new(&network.case, convention, RatedRules::default(), &network.ai_mw).map_err(|error| network.singular(error))
}

fn document(network: &Network, outcome: &Outcome) -> Value {
    let steps = outcome.steps.iter().enumerate().map(|(at, step)| {
        let shed = outcome.shed_in(at).iter().map(|(bus, mw)| json!({ "bus": network.bus(*bus as usize), "mw": mw }));
        json!({
            "step": at, "time_s": step.time_s, "tripped": outcome.tripped_in(at), "islands": step.islands, "shed_mw": step.shed_mw,
            "shed": shed.collect::<Vec<_>>(),
        })
    });
    json!({
        "case": network.case.name, "hour": network.hour, "rounds": outcome.rounds, "trips": outcome.trips, "islands": outcome.islands,
        "load_mw": outcome.load_mw, "lost_mw": outcome.shed_mw, "shed_mw": outcome.shed_mw, "ai_shed_mw": outcome.ai_shed_mw,
        // None: no branch in service has a rating, so nothing was decided.
        "min_rel_margin": outcome.min_rel_margin.is_finite().then_some(outcome.min_rel_margin),
        "sound": outcome.sound, "tripped": outcome.tripped, "steps": steps.collect::<Vec<_>>(),
    })
}

/// What operators with time and knowledge would shed after the same outage, by tiers of priority.
fn least_cost(network: &Network, branches: &[usize], units: &[usize]) -> Result<Value, Failure> {
    let shedding = Shedding::critical_mid_low(&network.case);
    let answer = priority_shedding(&network.case, branches, units, &shedding).map_err(|error| Failure::sentence(error.to_string()))?;
    let mut value = json!({ "status": status(&answer.status), "objective": answer.objective });
    let mut total = 0.0;
    for (at, tier) in shedding.tiers.iter().enumerate() {
        value[format!("shed_{}_mw", tier.name)] = json!(answer.tier_mw(at));
        total += answer.tier_mw(at);
    }
    value["shed_mw"] = json!(total);
    Ok(value)
}

fn distribution(network: &Network, sizes: &BlackoutSizes, size: usize, seed: u64, output: &Output) -> Result<(), Failure> {
    if output.format == Format::Json {
        let exceedance = SHARES.map(|share| {
            let (probability, stderr) = sizes.exceedance(share);
            json!({ "share": share, "probability": probability, "stderr": stderr })
        });
        return output.json(
            "grid-blackouts/1",
            &json!({
                "case": network.case.name, "hour": network.hour, "draws": sizes.shares.len(), "size": size, "seed": seed,
                "lost_share": sizes.share, "trips": sizes.trips, "exceedance": exceedance,
            }),
        );
    }
    let mut table = vec![["share of load lost", "probability of more", "standard error"].map(str::to_owned).to_vec()];
    for share in SHARES {
        let (probability, stderr) = sizes.exceedance(share);
        table.push(vec![format!("{:.0} %", 100.0 * share), format!("{probability:.5}"), format!("{stderr:.5}")]);
    }
    aligned(&table).iter().try_for_each(|line| output.line(line))
}

/// Restoration of the dead network; what the outage took stays out.
fn come_back(network: &Network, branches: &[usize], units: &[usize], black_start: &[crate::args::Rows]) -> Result<Restoration, Failure> {
    let in_service = generators_in_service(&network.case);
    let row = |row: usize| {
        in_service.get(row).map(|row| *row as u32).ok_or_else(|| Failure::sentence(format!("there is no unit in service with row {row}")))
    };
    let rows = input::flat(black_start).into_iter().map(row).collect::<Result<Vec<_>, _>>()?;
    let mut case = network.case.clone();
    branches.iter().for_each(|row| case.branches[*row].in_service = false);
    units.iter().for_each(|row| case.generators[*row].in_service = false);
    Ok(restoration(&case, &rows, &[], RestorationRules::default()))
}

fn restoration_json(network: &Network, back: &Restoration) -> Value {
    let action = |(minute, action): &(u32, RestorationAction)| match *action {
        RestorationAction::Energise { bus, branch } => {
            json!({ "minute": minute, "action": "energise", "bus": network.bus(bus as usize), "branch": branch })
        }
        RestorationAction::Synchronise { branch } => json!({ "minute": minute, "action": "synchronise", "branch": branch }),
        RestorationAction::StartUnit { unit } => json!({ "minute": minute, "action": "start-unit", "unit": unit }),
        RestorationAction::UnitOnLine { unit } => json!({ "minute": minute, "action": "unit-on-line", "unit": unit }),
        RestorationAction::PickUp { bus, mw } => {
            json!({ "minute": minute, "action": "pick-up", "bus": network.bus(bus as usize), "mw": mw })
        }
    };
    json!({
        "load_mw": back.load_mw, "minutes_to_50_percent": back.minutes_to(0.5), "minutes_to_90_percent": back.minutes_to(0.9),
        "minutes_to_all": back.minutes_to(1.0), "actions": back.actions.iter().map(action).collect::<Vec<_>>(),
        "served_mw_by_10_min": back.served_mw.iter().step_by(10).collect::<Vec<_>>(),
    })
}
