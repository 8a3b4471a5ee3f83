//! The two studies over years, in short: planned by the year, written, read again; and what is said where there is no plan.

use crate::support::{Scratch, arg, json, run, text};

const INDIA: &str = "scenarios/india-growth";
const SUPPLY: &str = "scenarios/supply-shock";

/// Plans by the year at a wide gap, and checks the file that is written; gives the document.
fn planned(name: &str, scenario: &str, more: &[&str]) -> serde_json::Value {
    let scratch = Scratch::new(name);
    let file = scratch.join("plan.toml");
    let sets = ["--set", "plan.period=\"year\"", "--set", "plan.gap=0.05"];
    let (exit, document) = json(&[&["plan", scenario, "-o", arg(&file)], sets.as_slice(), more].concat());
    assert_eq!(exit, 0, "{document}");
    let broken = document["checks"].as_array().expect("a list").iter().filter(|check| check["ok"] != true).count();
    assert_eq!(broken, 0, "{}", document["checks"]);
    let again = run(&[&["plan", scenario, "--check", arg(&file)], sets.as_slice()].concat());
    assert_eq!(again.status.code(), Some(0), "{}", text(&again.stderr));
    document
}

#[test]
fn growth_under_power_limits_is_planned_against_its_outlooks() {
    let document = planned("india", INDIA, &[]);
    assert!(
        document["prices"]
            .as_array()
            .is_some_and(|list| list.iter().any(|price| price["constraint"].as_str().is_some_and(|it| it.starts_with("hosting limit of"))))
    );
    let worth = &document["uncertainty"];
    assert!(worth["vss"].as_f64().is_some_and(|value| value >= 0.0) && worth["evpi"].as_f64().is_some_and(|value| value >= 0.0), "{worth}");
}

#[test]
fn a_plan_with_hardware_that_leaves_before_the_end_is_read_again() {
    // Campaigns of 2028 and 2029 run on what has left by 2031.
    let document = planned("supply", SUPPLY, &["--alternative", "used"]);
    assert!(document["campaigns"].as_array().is_some_and(|list| !list.is_empty()), "{document}");
}

#[test]
fn service_that_no_budget_pays_for_names_both() {
    let sets = ["--set", "plan.budget=\"10 M EUR\"", "--set", "plan.min_service={ T0 = 0.99 }"];
    let output = run(&[&["plan", SUPPLY], sets.as_slice()].concat());
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("`budget`") && said.contains("`least service of T0`") && said.contains("scenario.toml:"), "{said}");
}

#[test]
fn a_limit_that_comes_before_any_plan_is_said_with_the_bound() {
    let output = run(&["plan", SUPPLY, "--time-limit", "1 ms"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("time limit of 1 ms") && said.contains("no plan costs less than"), "{said}");
}
