//! Every bad scenario of `scenarios/invalid` gives the code and the column that it expects.

use std::collections::BTreeSet;

use crate::support::{json, root};

/// `(file, code, line, column)` that the comments of a case ask for.
fn expected(case: &str) -> BTreeSet<(String, u64, u64)> {
    let folder = root().join("scenarios/invalid");
    let path = folder.join(case);
    let file = if path.is_dir() { path.join("scenario.toml") } else { path };
    let text = String::from_utf8_lossy(&std::fs::read(file).expect("the case can be read")).into_owned();
    bastide_model::expected_diagnostics(&text).into_iter().map(|(code, line, column)| (code, u64::from(line), u64::from(column))).collect()
}

#[test]
fn every_bad_scenario_gives_the_expected_codes_and_columns() {
    let (exit, document) = json(&["validate", "scenarios/invalid"]);
    assert_eq!(exit, 1);
    let scenarios = document["scenarios"].as_array().expect("a list of scenarios");
    assert!(scenarios.len() >= 60, "only {} bad scenarios", scenarios.len());
    let mut wrong = Vec::new();
    for scenario in scenarios {
        let case = scenario["scenario"].as_str().expect("a path").trim_start_matches("scenarios/invalid/");
        let want = expected(case);
        let diagnostics = scenario["diagnostics"].as_array().expect("a list");
        let got: BTreeSet<(String, u64, u64)> = diagnostics
            .iter()
            .map(|d| (d["code"].as_str().unwrap_or("").to_owned(), d["line"].as_u64().unwrap_or(0), d["column"].as_u64().unwrap_or(0)))
            .collect();
        if want.is_empty() || !want.is_subset(&got) || got.len() > want.len() {
            wrong.push(format!("{case}: expected {want:?}, got {got:?}"));
        }
        if scenario["valid"] != false {
            wrong.push(format!("{case} passes as valid"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
