//! The power chain of a site.

use crate::support::*;

/// A second bus without generation, at the end of a line that is out for 48 h from the tenth day on.
const SOUTH: &str = r#"
[[bus]]
name = "south"
nation = "north"
energy_price = "80 EUR/MWh"

[[line]]
name = "link"
from = "north"
to = "south"
capacity = "50 MW"

[[hazard]]
name = "storm"
kind = "random-outage"
targets = ["line.link"]
at = 2027-01-11T00:00:00Z
repair = "48 h"
"#;

fn islanded(keys: &str) -> Run {
    let south = site("left", &format!("bus = \"south\"\n{keys}"));
    let model = load(&[&header("100 d"), BASE, SOUTH, &card(NO_FAILURES), &south, &chat(8, "")]);
    simulate(&model, &plan(&model, &(build("left", 8) + &place("left", 1.0))), 1)
}

const YEAR_H: f64 = 2400.0;

#[test]
fn without_ups_and_generators_it_stops_at_once() {
    let run = islanded("restart = \"6 h\"");
    close(run.value("site", "left", "availability"), 1.0 - 54.0 / YEAR_H);
    close(run.value("service", "chat", "served_share"), 1.0 - 54.0 / YEAR_H);
    close(run.value("site", "left", "hours_curtailed"), 54.0);
    assert_eq!(run.value("site", "left", "outages"), 1.0);
    // Asked for 10 kW over 48 h, got nothing.
    close(run.value("system", "all", "ai_unserved"), 0.48);
    let events = &run.histories[0].events;
    let find = |kind: &str| events.iter().find(|event| event.kind == kind).unwrap();
    assert_eq!(find("site-down").cause_seq, Some(find("line-down").seq));
    assert_eq!(find("line-down").cause_seq, Some(find("outage").seq));
    assert_eq!(find("service-lost").cause_seq, Some(find("site-down").seq));
}

#[test]
fn the_ups_bridges_for_its_time() {
    close(islanded("ups = \"30 min\"").value("site", "left", "availability"), 1.0 - 47.5 / YEAR_H);
    assert_eq!(islanded("ups = \"49 h\"").value("site", "left", "availability"), 1.0);
}

#[test]
fn generators_run_until_the_tank_is_empty() {
    // 24 h at full load; the delivery comes after 100 h, too late.
    let run = islanded("generator_start = 1\nfuel = \"24 h\"\nrefuel = \"100 h\"");
    close(run.value("site", "left", "generator_hours"), 24.0);
    close(run.value("site", "left", "availability"), 1.0 - 24.0 / YEAR_H);
    // 10 kW x 24 h x 0.27 L/kWh.
    close(run.value("site", "left", "fuel"), 64.8);
    // The delivery after 30 h brings it back for the rest.
    let run = islanded("generator_start = 1\nfuel = \"24 h\"\nrefuel = \"30 h\"");
    close(run.value("site", "left", "generator_hours"), 42.0);
    close(run.value("site", "left", "availability"), 1.0 - 6.0 / YEAR_H);
    // One that comes before the tank is empty leaves no gap.
    let run = islanded("generator_start = 1\nfuel = \"24 h\"\nrefuel = \"20 h\"");
    assert_eq!(run.value("site", "left", "availability"), 1.0);
    close(run.value("site", "left", "generator_hours"), 48.0);
}

#[test]
fn more_fuel_never_hurts() {
    let served = |fuel: u32| {
        let keys = format!(
            "bus = \"south\"\nups = \"5 min\"\ngenerator_start = 0.9\nfuel = \"{fuel} h\"\nrefuel = {{ dist = \"exponential\", mean = \"36 h\" }}\nrestart = \"3 h\""
        );
        let lines = SOUTH.replace(
            "capacity = \"50 MW\"",
            "capacity = \"50 MW\"\nmttf = \"200 h\"\nrepair = { dist = \"exponential\", mean = \"40 h\" }",
        );
        let model = load(&[&header("365 d"), BASE, &lines, &card(NO_FAILURES), &site("left", &keys), &chat(8, "")]);
        simulate(&model, &plan(&model, &(build("left", 8) + &place("left", 1.0))), 30).values("service", "chat", "served_share")
    };
    let ladder: Vec<Vec<f64>> = [6, 12, 24, 48, 96].into_iter().map(served).collect();
    for pair in ladder.windows(2) {
        assert!(pair[0].iter().zip(&pair[1]).all(|(less, more)| *more >= less - 1e-12), "{pair:?}");
    }
    assert!(ladder[0].iter().sum::<f64>() < ladder[4].iter().sum::<f64>());
}

#[test]
fn partial_curtailment_slows_down_without_a_stop() {
    // The line carries 4 kW of the 10 kW.
    let south = site("left", "bus = \"south\"");
    let lines = SOUTH.replace("50 MW", "4 kW");
    let model = load(&[&header("100 d"), BASE, &lines[..lines.find("[[hazard]]").unwrap()], &card(NO_FAILURES), &south, &chat(8, "")]);
    let run = simulate(&model, &plan(&model, &(build("left", 8) + &place("left", 1.0))), 1);
    close(run.value("service", "chat", "served_share"), 0.4);
    assert_eq!(run.value("site", "left", "availability"), 1.0);
    assert_eq!(run.value("site", "left", "outages"), 0.0);
    close(run.value("site", "left", "hours_curtailed"), 2400.0);
}

#[test]
fn heat_costs_power_and_capacity() {
    // 30 degC: PUE 1.25 + 12 x 0.01 = 1.37; cooling 5 degrees above its limit at 2 % each: 90 % of the speed.
    let hot = "temperature = \"30 degC\"\npue_rise = 0.01\nfree_cooling = \"18 degC\"\ncooling_limit = \"25 degC\"\ncooling_loss = 0.02\nwue = \"2 L/kWh\"";
    let model = load(&[&header("100 d"), BASE, &card(NO_FAILURES), &site("left", hot), &chat(8, "")]);
    let run = simulate(&model, &plan(&model, &(build("left", 8) + &place("left", 1.0))), 1);
    close(run.value("service", "chat", "served_share"), 0.9);
    close(run.value("site", "left", "energy"), 8e-3 * 0.9 * 1.37 * 2400.0);
    close(run.value("system", "all", "water"), 8.0 * 0.9 * 2400.0 * 2e-3);
}

#[test]
fn storage_shifts_energy_and_loses_some() {
    let storage = r#"
[[storage]]
name = "battery"
bus = "north"
power = "1 MW"
energy = "10 MWh"
efficiency = "80 %"
buy_below = "50 EUR/MWh"
sell_above = "200 EUR/MWh"
initial = "0 %"
[[hazard]]
name = "trip"
kind = "random-outage"
targets = ["generator.hydro"]
at = 2027-01-11T00:00:00Z
repair = "24 h"
"#;
    let model = load(&[&header("100 d"), BASE, storage, &card(NO_FAILURES), &site("left", "")]);
    let run = simulate(&model, &plan(&model, ""), 1);
    let balance = &run.histories[0].balance;
    // The town asks for 2 MW over 24 h; the battery gives its 10 MWh, at first 1 MW.
    close(balance.shed_mwh, 38.0);
    close(balance.discharged_mwh, 10.0);
    close(run.value("bus", "north", "shed_hours"), 24.0);
    assert!((balance.charged_mwh - 25.0).abs() < 1e-6, "{}", balance.charged_mwh);
}
