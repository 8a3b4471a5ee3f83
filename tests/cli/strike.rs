//! `strike`: attacks on a case by hand and on scenarios.

use serde_json::Value;

use crate::support::{Scratch, json, run};

/// Two buses and two circuits of 30 MW; 50 MW of load where no unit is. One lost: 20 MW are shed; both: 50.
const CASE: &str = "function mpc = two
mpc.version = '2';
mpc.baseMVA = 100;
mpc.bus = [
 1 3 0 0 0 0 1 1 0 100 1 1.1 0.9;
 2 1 50 0 0 0 1 1 0 100 1 1.1 0.9;
];
mpc.gen = [
 1 50 0 0 0 1 100 1 100 0;
];
mpc.branch = [
 1 2 0 0.1 0 30 0 0 0 0 1 -360 360;
 1 2 0 0.1 0 30 0 0 0 0 1 -360 360;
];
";

fn case(scratch: &Scratch) -> String {
    let path = scratch.join("two.m");
    std::fs::write(&path, CASE).unwrap();
    path.display().to_string()
}

#[test]
fn two_circuits_by_hand() {
    let scratch = Scratch::new("strike");
    let case = case(&scratch);
    let (code, one) = json(&["strike", &case, "--budget", "1", "--best", "5"]);
    assert_eq!((code, one["status"].as_str(), one["unit"].as_str()), (0, Some("optimal"), Some("MW")), "{one:#}");
    let close = |value: &Value, expected: f64| (value.as_f64().unwrap() - expected).abs() < 1e-6;
    assert!(
        close(&one["damage"], 20.0) && close(&one["bound"], 20.0) && close(&one["gap"], 0.0) && close(&one["all_lost"], 50.0),
        "{one:#}"
    );
    assert_eq!(one["attacks"].as_array().unwrap().len(), 3, "nothing, either circuit: {one:#}");
    let (_, both) = json(&["strike", &case, "-k", "2", "--harden", "2"]);
    assert!(close(&both["damage"], 50.0) && both["targets"].as_array().unwrap().len() == 2, "{both:#}");
    let damages: Vec<f64> = both["frontier"].as_array().unwrap().iter().map(|it| it["damage"].as_f64().unwrap().round()).collect();
    assert_eq!(damages, [50.0, 20.0, 0.0]);
    assert_eq!(both["defences"].as_array().unwrap().len(), 2);
    let (_, bus) = json(&["strike", &case, "-k", "2", "--targets", "buses", "--cost", "buses=2"]);
    assert!(close(&bus["damage"], 50.0), "{bus:#}");
}

#[test]
fn bad_questions_say_what_is_wrong() {
    let scratch = Scratch::new("strike-bad");
    let case = case(&scratch);
    for (arguments, words) in [
        (vec!["strike", case.as_str(), "-k", "3"], "more than all 2 targets take"),
        (vec!["strike", case.as_str(), "-k", "1", "--safe", "line.7"], "there is no target `line.7`"),
        (vec!["strike", case.as_str(), "-k", "1", "--targets", "sites"], "has no such target"),
        (vec!["strike", "scenarios/minimal", "-k", "99"], "more than all targets"),
        (vec!["strike", "scenarios/minimal", "-k", "1", "--alternative", "nobody"], "there is no alternative `nobody`"),
        (vec!["strike", "scenarios/minimal", "-k", "1", "--within", "soon"], "`soon` is no time"),
    ] {
        let output = run(&arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn a_scenario_is_attacked_plan_by_plan_and_threads_change_nothing() {
    let with = |threads: &str| {
        run(&["strike", "scenarios/minimal", "-k", "2", "--simulate", "5", "--threads", threads, "--format", "json"]).stdout
    };
    let (one, two) = (with("1"), with("3"));
    assert_eq!(one, two);
    let document: Value = serde_json::from_slice(&one).unwrap();
    let alternatives = document["alternatives"].as_array().unwrap();
    assert_eq!(alternatives.len(), 2, "{document:#}");
    for alternative in alternatives {
        let damages: Vec<f64> = alternative["by_budget"].as_array().unwrap().iter().map(|it| it["damage"].as_f64().unwrap()).collect();
        assert!(damages[1] >= damages[0] && damages[0] >= 0.0, "{alternative:#}");
        assert!(alternative["by_budget"][1]["status"] == "optimal", "{alternative:#}");
        let simulated = &alternative["simulated"];
        assert!(simulated["damage"].as_f64().unwrap() >= simulated["random_most"].as_f64().unwrap() - 1e-6, "{alternative:#}");
    }
}
