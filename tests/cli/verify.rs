//! `plan --verify` and plan files that were tampered with.

use std::path::PathBuf;

use serde_json::Value;

use crate::support::{Scratch, arg, json, root, run, text};

/// The minimal scenario with a third site, power for more, and no loss that must be survived: the first plan is one site.
fn scenario(scratch: &Scratch, more: &str) -> PathBuf {
    let base = std::fs::read_to_string(root().join("scenarios/minimal/scenario.toml")).unwrap();
    std::fs::write(scratch.join("base.toml"), base).unwrap();
    let path = scratch.join("scenario.toml");
    let site = "[[site]]\nname = \"middle\"\nbus = \"north\"\ntier = \"regional\"\nconnection = \"1 MW\"\npue = 1.25\nmttf = \"190 h\"\n\
                repair = { dist = \"exponential\", mean = \"10 h\" }\noperator = \"state\"\nbuilding_cost = \"10 M EUR/MW\"\n";
    let plan = format!("[plan]\nit_power = \"100 kW\"\nsurvive_site_loss = []\n{more}");
    std::fs::write(&path, format!("extends = \"base.toml\"\n\n{plan}\n\n{site}")).unwrap();
    path
}

fn simulated(round: &Value) -> f64 {
    round["service"][0]["simulated"].as_f64().unwrap()
}

#[test]
fn the_loop_cuts_until_the_target_is_met() {
    let scratch = Scratch::new("verify");
    let path = scenario(&scratch, "");
    // A site is up 95 % of the time: one serves 95 %, two 99.75 %, three 99.99 %.
    let arguments = ["plan", arg(&path), "--verify", "-n", "20", "--target", "T1=99.9%"];
    let (code, document) = json(&arguments);
    assert_eq!((code, &document["target_met"]), (0, &Value::Bool(true)), "{document:#}");
    let rounds = document["rounds"].as_array().unwrap();
    // One site, then two, then three; which of sites that are alike is cut first is the search's choice.
    let sites = |round: &Value| (round["objective_eur"].as_f64().unwrap() / rounds[0]["objective_eur"].as_f64().unwrap()).round() as u32;
    for (count, expected) in [(1, 0.95), (2, 0.9975), (3, 0.999_875)] {
        let round = rounds.iter().find(|round| sites(round) == count).unwrap();
        let error = round["service"][0]["stderr"].as_f64().unwrap();
        assert!((simulated(round) - expected).abs() < 4.0 * error + 1e-4, "{round:#}");
    }
    assert!(rounds.windows(2).all(|pair| sites(&pair[0]) <= sites(&pair[1])), "{document:#}");
    assert_eq!(rounds[0]["new_cuts"][0]["kind"], "outage");
    assert!(document["checks"].as_array().unwrap().iter().all(|check| check["ok"] == true));
    let costs: f64 = document["cost"].as_array().unwrap().iter().map(|line| line["annual_eur"].as_f64().unwrap()).sum();
    assert!((costs / document["objective"].as_f64().unwrap() - 1.0).abs() < 1e-9);
    // The same again, on any number of threads.
    let (_, again) = json(&[&arguments[..], &["--threads", "3"]].concat());
    assert_eq!(document, again);
}

#[test]
fn what_no_plan_can_reach_is_said() {
    let scratch = Scratch::new("verify-never");
    let path = scenario(&scratch, "verify = { target = { T1 = 1 }, replications = 20 }");
    let plan = scratch.join("plan.toml");
    let output = run(&["plan", arg(&path), "--verify", "-o", arg(&plan)]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("no plan serves T1 in `loss of ") && said.contains("below its target of 100 %"), "{said}");
    // The best plan so far is written, and is a plan.
    assert_eq!(run(&["plan", arg(&path), "--check", arg(&plan)]).status.code(), Some(0), "{said}");
    // The power of the scenario refuses a second site: the conflict names it.
    let output = run(&["plan", arg(&path), "--verify", "--set", "plan.it_power=\"8 kW\""]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("`IT power`") && said.contains("outage loss of") && said.contains("is served"), "{said}");
}

#[test]
fn a_target_that_means_nothing_is_refused() {
    let refused = |more: &[&str], words: &str| {
        let output = run(&[&["plan", "scenarios/minimal"], more].concat());
        let said = text(&output.stderr);
        assert!(!output.status.success() && said.contains(words), "{more:?}: {said}");
    };
    refused(&["--verify"], "nothing to verify");
    refused(&["--verify", "--target", "T0=99%"], "nothing to verify");
    refused(&["--verify", "--target", "T1=120%"], "between 0 and 1");
    refused(&["--verify", "--target", "T1"], "write `T0=99.5%`");
    refused(&["--rounds", "3"], "--verify");
}

#[test]
fn a_tampered_plan_is_refused_with_its_line() {
    let scratch = Scratch::new("tampered");
    let plan = scratch.join("plan.toml");
    assert_eq!(run(&["plan", "scenarios/minimal", "-o", arg(&plan)]).status.code(), Some(0));
    let written = std::fs::read_to_string(&plan).unwrap();
    let line = |wanted: &str| 1 + written.lines().position(|line| line.starts_with(wanted)).unwrap();
    let cases = [
        ("annual_eur = ", "annual_eur = 7", "F0918", line("annual_eur = ")),
        ("count = 8", "count = 16", "F0909", line("[[build]]")),
        ("bound_eur = ", "bound_eur = 9", "F0919", line("bound_eur = ")),
        ("of = \"right\"\nsite = \"left\"", "of = \"left\"\nsite = \"left\"", "F0904", line("[[stand-by]]")),
    ];
    let tampered = scratch.join("tampered.toml");
    for (from, to, code, at) in cases {
        std::fs::write(&tampered, written.replacen(from, to, 1)).unwrap();
        for command in [&["plan", "scenarios/minimal", "--check"][..], &["run", "scenarios/minimal", "-n", "2", "--plan"]] {
            let out = scratch.join("out");
            let output = run(&[command, &[arg(&tampered), "-o", arg(&out)]].concat());
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains(code) && said.contains(&format!("tampered.toml:{at}:")), "{code} at {at}: {said}");
        }
    }
    // As it was written it passes.
    assert_eq!(run(&["plan", "scenarios/minimal", "--check", arg(&plan)]).status.code(), Some(0));
}
