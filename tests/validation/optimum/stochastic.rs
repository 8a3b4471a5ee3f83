//! Two-stage stochastic programs: textbook problems, stochastic server location, and placements of accelerators.

use std::collections::BTreeMap;
use std::path::Path;

use bastide_model::import::import_placement;
use bastide_plan::SolveOptions;
use bastide_plan::stochastic::{Extensive, Information, Programs, information, uncertainty};
use bastide_units::Duration;
use serde_json::Value;

use super::{Row, model, proven, read, rows};

/// Relative gap of an extensive form.
const GAP: f64 = 1e-7;

fn minutes(minutes: f64) -> Duration {
    Duration::from_s(60.0 * minutes)
}

/// The value that a row asks for: RP, WS, EV, EEV, EVPI or VSS, as the first word of its parameters or the end of its name.
fn asked(row: &Row, it: &Information) -> f64 {
    let words = ["RP", "WS", "EVPI", "EEV", "EV", "VSS"];
    let first = row.params.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or("");
    let last = row.id.rsplit('_').next().unwrap_or("").to_uppercase();
    let word = words.iter().find(|word| **word == first.to_uppercase()).or(words.iter().find(|word| **word == last));
    let value = match word {
        Some(&"RP") | None => Some(it.rp),
        Some(&"WS") => it.ws,
        Some(&"EV") => it.ev,
        Some(&"EEV") => it.eev,
        Some(&"EVPI") => it.evpi(),
        Some(_) => it.vss(),
    };
    value.unwrap_or_else(|| panic!("{}: there is no such value: {it:?}", row.id))
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// Land is given to crops before their yield is known; what animals need is harvested or bought, the rest is sold, some of it above a quota.
fn farm(data: &Value, outlooks: &[(f64, &f64)]) -> Extensive {
    let mut program = Extensive::default();
    let crops: Vec<&String> = data["plant_cost"].as_object().expect("crops").keys().collect();
    let area: Vec<usize> = crops.iter().map(|crop| program.continuous(number(&data["plant_cost"][*crop]), 0.0, f64::INFINITY)).collect();
    area.iter().for_each(|column| program.first_stage(*column));
    program.at_most(area.iter().map(|column| (*column, 1.0)), number(&data["land"]));
    for (probability, factor) in outlooks {
        for (crop, area) in crops.iter().zip(&area) {
            let harvest = number(&data["yield_mean"][*crop]) * **factor;
            let excess = &data["sell"][format!("{crop}_excess")];
            let mut used = vec![(*area, -harvest)];
            let mut need = 0.0;
            if excess.is_null() {
                used.push((program.continuous(-probability * number(&data["sell"][*crop]), 0.0, f64::INFINITY), 1.0));
                need = number(&data["need"][*crop]);
                used.push((program.continuous(probability * number(&data["buy"][*crop]), 0.0, f64::INFINITY), -1.0));
            } else {
                let best = number(&data["sell"][format!("{crop}_quota")]);
                used.push((program.continuous(-probability * best, 0.0, number(&data["quota"])), 1.0));
                used.push((program.continuous(-probability * number(excess), 0.0, f64::INFINITY), 1.0));
            }
            program.at_most(used, -need);
        }
    }
    program
}

#[test]
fn farms() {
    for (row, path) in rows("two-stage linear programs", |row| row.family == "two-stage stochastic LP") {
        let data = json(&path);
        let factors: Vec<f64> = data["scen"].as_object().expect("scenarios").values().map(number).collect();
        let outlooks: Vec<(f64, f64)> = factors.iter().map(|factor| (1.0 / factors.len() as f64, *factor)).collect();
        let mean = outlooks.iter().map(|(probability, factor)| probability * factor).sum();
        let family = Programs::new(|all: &[(f64, &f64)]| farm(&data, all), GAP, minutes(1.0));
        let it = information(&outlooks, &mean, &family, None).expect("solved").expect("feasible");
        println!("{}: {it:?}", row.id);
        assert!(row.agrees(asked(&row, &it)), "{}: {it:?}, published {}", row.id, row.optimum);
    }
}

#[test]
fn newsvendors() {
    for (row, path) in rows("newsvendors", |row| row.family.starts_with("newsvendor")) {
        let data = json(&path);
        let list = |key: &str| -> Vec<f64> { data[key].as_array().expect("a list").iter().map(number).collect() };
        let (demand, weights) = (list("demand"), list("weights"));
        let all: f64 = weights.iter().sum();
        let mut program = Extensive::default();
        let order = program.integer(number(&data["unit_cost"]), 0.0, demand.iter().copied().fold(0.0, f64::max));
        program.first_stage(order);
        for (demand, weight) in demand.iter().zip(&weights) {
            let sold = program.continuous(-number(&data["price"]) * weight / all, 0.0, *demand);
            let left = program.continuous(-number(&data["salvage"]) * weight / all, 0.0, f64::INFINITY);
            program.equal([(sold, 1.0), (left, 1.0), (order, -1.0)], 0.0);
        }
        let it = program.solve(None, GAP, minutes(1.0)).expect("solved").expect("feasible");
        println!("{}: {} with an order of {}", row.id, -it.objective, it.first_stage[0]);
        assert!(row.agrees(-it.objective), "{}: {it:?}, published {}", row.id, row.optimum);
    }
}

/// Parameters of a Pyomo data file: scalars, lists by index, and tables by row.
fn parameters(text: &str) -> BTreeMap<String, Vec<Vec<f64>>> {
    let mut all = BTreeMap::new();
    for part in text.split(';') {
        let Some((head, body)) = part.trim().strip_prefix("param").and_then(|rest| rest.split_once(":=")) else { continue };
        // `Revenue: 1 2 3` has the names of its columns in the head.
        let name = head.split(':').next().unwrap_or("").trim().to_owned();
        let line = |line: &str| line.split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<f64>>();
        all.insert(name, body.lines().map(line).filter(|line| !line.is_empty()).collect());
    }
    all
}

#[test]
fn stochastic_server_location() {
    for (row, folder) in rows("stochastic server location", |row| row.family.starts_with("stochastic server location")) {
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        files.sort();
        let scenario = |path: &std::path::PathBuf| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            name.strip_prefix("Scenario").and_then(|rest| rest.strip_suffix(".dat")).is_some_and(|number| number.parse::<u32>().is_ok())
        };
        let scenarios: Vec<_> = files.iter().filter(|path| scenario(path)).map(|path| parameters(&read(path))).collect();
        let first = scenarios.first().expect("a scenario");
        let (servers, clients, capacity) = (first["NumServers"][0][0] as usize, first["NumClients"][0][0] as usize, first["Capacity"][0][0]);
        let mut program = Extensive::default();
        let open: Vec<usize> = (0..servers).map(|server| program.integer(first["FixedCost"][server][1], 0.0, 1.0)).collect();
        open.iter().for_each(|column| program.first_stage(*column));
        let probability = 1.0 / scenarios.len() as f64;
        for it in &scenarios {
            let mut load: Vec<Vec<(usize, f64)>> = open.iter().map(|column| vec![(*column, -capacity)]).collect();
            for client in (0..clients).filter(|client| it["ClientPresent"][*client][1] > 0.5) {
                let mut sources = Vec::new();
                for (server, load) in load.iter_mut().enumerate() {
                    let column = program.integer(-probability * it["Revenue"][client][server + 1], 0.0, 1.0);
                    sources.push((column, 1.0));
                    load.push((column, it["Demand"][client][server + 1]));
                }
                program.equal(sources, 1.0);
            }
            for mut load in load {
                load.push((program.continuous(1000.0 * probability, 0.0, f64::INFINITY), -1.0));
                program.at_most(load, 0.0);
            }
        }
        let it = program.solve(None, GAP, minutes(10.0)).expect("solved").expect("feasible");
        println!("{}: {}", row.id, it.objective);
        assert!(!it.limited && row.agrees(it.objective), "{}: {it:?}, published {}", row.id, row.optimum);
    }
}

#[test]
fn placements() {
    // Rows such as `tiny_rp`, `tiny_ws`, `tiny_eev` or `tiny_strike1`.
    for (row, path) in rows("placements", |row| row.file.starts_with("placement/")) {
        let words = format!("{} {}", row.id, row.params).to_lowercase();
        let after = words.split_once("strike").map(|(_, rest)| rest.trim_start_matches(|c: char| !c.is_ascii_digit()));
        let strike: Option<u32> = after.and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
        let imported = import_placement(&read(&path), &row.file, strike).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
        let model = model(&imported);
        let (plan, proof) = proven(&row.id, &model);
        let value = match uncertainty(&model, None, &SolveOptions::default(), &plan).expect("solved") {
            Some(it) if strike.is_none() => asked(&row, &it),
            _ => proof.objective_eur,
        };
        println!("{}: {}", row.id, value / 1e6);
        assert!(row.agrees(value / 1e6), "{}: {}, expected {}", row.id, value / 1e6, row.optimum);
    }
}

/// A small placement of our own, worked out by hand: it runs without reference data.
#[test]
fn a_placement_by_hand() {
    // Two sites of one type; a block costs 1 + 0.1 * 1 * 0.5 = 1.05; 2 units of work at efficiency 1, penalty 10; opening costs 1 and 2.
    // The first site is out with probability 0.5. All at the second: 2 + 2 * 1.05 = 4.1. (At the first 1 + 2.1 + 0.5 * 20.)
    let text = r#"{"kind":"placement-v1","seed":0,"sites":[
        {"id":0,"country":0,"power_mw":10,"rack_blocks":10,"pue":1.0,"fixed":1,"energy":0.5},
        {"id":1,"country":0,"power_mw":10,"rack_blocks":10,"pue":1.0,"fixed":2,"energy":0.5}],
        "gpus":[{"id":0,"mw_block":0.1,"capex":1,"perf":1,"memclass":0,"supply":10}],
        "workloads":[{"id":0,"country":0,"sites":[0,1],"gpus":[0],"eff":{"0":1},"demand":2,"critical":CRITICAL,"penalty":10}],
        "scenarios":[{"id":0,"prob":0.5,"avail":[1,1],"dmult":[1]},{"id":1,"prob":0.5,"avail":[0,1],"dmult":[1]}]}"#;
    let solve = |critical: &str, strike: Option<u32>| {
        let imported = import_placement(&text.replace("CRITICAL", critical), "hand.json", strike).expect("imported");
        let model = model(&imported);
        let (plan, proof) = proven("by hand", &model);
        (proof.objective_eur / 1e6, uncertainty(&model, None, &SolveOptions::default(), &plan).expect("solved"))
    };
    let (rp, it) = solve("0", None);
    assert!((rp - 4.1).abs() < 1e-9, "{rp}");
    // Known in advance: 1 + 2.1 at the first, or 4.1. The mean has half of the first site: all at the second, too.
    let it = it.expect("two outlooks");
    assert!((it.ws.expect("solved") - 3.6e6).abs() < 1.0 && (it.evpi().expect("solved") - 0.5e6).abs() < 1.0, "{it:?}");
    assert!((it.eev.expect("solved") - 4.1e6).abs() < 1.0, "{it:?}");
    // All of it critical: both sites with 2 blocks, 3 + 4.2. One site lost at worst: the same builds, without penalty.
    assert!((solve("1", None).0 - 7.2).abs() < 1e-9);
    assert!((solve("1", Some(1)).0 - 7.2).abs() < 1e-9);
}
