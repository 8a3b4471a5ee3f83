//! The grid's questions, asked through the program.

use std::path::PathBuf;

use serde_json::Value;

use crate::support::{Scratch, arg, json, run, text};

/// The five buses of PJM (F. Li and R. Bo, "Small test systems for power system economic studies", IEEE PES General Meeting 2010), with
/// the rating of 240 MW that binds, and 400 MW elsewhere.
const FIVE_BUS: &str = "function mpc = five_bus
mpc.version = '2';
mpc.baseMVA = 100;
mpc.bus = [
 1 2 0   0 0 0 1 1 0 230 1 1.1 0.9
 2 1 300 0 0 0 1 1 0 230 1 1.1 0.9
 3 2 300 0 0 0 1 1 0 230 1 1.1 0.9
 4 3 400 0 0 0 1 1 0 230 1 1.1 0.9
 5 2 0   0 0 0 1 1 0 230 1 1.1 0.9
];
mpc.gen = [
 1 0 0 0 0 1 100 1 40  0
 1 0 0 0 0 1 100 1 170 0
 3 0 0 0 0 1 100 1 520 0
 4 0 0 0 0 1 100 1 200 0
 5 0 0 0 0 1 100 1 600 0
];
mpc.gencost = [
 2 0 0 2 14 0
 2 0 0 2 15 0
 2 0 0 2 30 0
 2 0 0 2 40 0
 2 0 0 2 10 0
];
mpc.branch = [
 1 2 0.00281 0.0281 0 400 0 0 0 0 1 -360 360
 1 4 0.00304 0.0304 0 0   0 0 0 0 1 -360 360
 1 5 0.00064 0.0064 0 0   0 0 0 0 1 -360 360
 2 3 0.00108 0.0108 0 0   0 0 0 0 1 -360 360
 3 4 0.00297 0.0297 0 0   0 0 0 0 1 -360 360
 4 5 0.00297 0.0297 0 240 0 0 0 0 1 -360 360
];
";

fn case(scratch: &Scratch, text: &str) -> PathBuf {
    let path = scratch.join("case.m");
    std::fs::write(&path, text).expect("the temporary folder can be written");
    path
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn sum(list: &Value, key: &str) -> f64 {
    list.as_array().expect("a list").iter().map(|item| number(&item[key])).sum()
}

#[test]
fn the_published_dispatch_of_five_buses_comes_out() {
    let scratch = Scratch::new("five-bus");
    let path = case(&scratch, FIVE_BUS);
    let (exit, answer) = json(&["grid", "opf", arg(&path)]);
    assert_eq!((exit, answer["schema"].as_str(), answer["status"].as_str()), (0, Some("bastide/grid-opf/1"), Some("optimal")));
    // Li and Bo give 17,480 $/h.
    assert!((number(&answer["objective"]) - 17_479.9).abs() < 0.05, "{}", answer["objective"]);
    assert!((sum(&answer["generators"], "mw") - 1000.0).abs() < 1e-6);
    assert!((number(&answer["branches"][5]["flow_mw"]) + 240.0).abs() < 1e-6);
    // Held at its lower limit.
    assert!(number(&answer["branches"][5]["dual"]) < 0.0);
    let (_, peer) = json(&["grid", "opf", arg(&path), "--highs"]);
    assert!((number(&answer["objective"]) - number(&peer["objective"])).abs() < 1e-4);
    assert_eq!(peer["solver"], "HiGHS");
}

#[test]
fn flows_balance_and_factors_foresee_an_outage() {
    let scratch = Scratch::new("flow");
    let path = case(&scratch, FIVE_BUS);
    let (exit, before) = json(&["grid", "flow", arg(&path), "--factors"]);
    assert_eq!(exit, 0);
    let (_, after) = json(&["grid", "flow", arg(&path), "--outage", "1"]);
    for row in 0..6 {
        let flow = |answer: &Value, row: usize| number(&answer["branches"][row]["flow_mw"]);
        let foreseen = flow(&before, row) + number(&before["lodf"][row][1]) * flow(&before, 1);
        assert!((flow(&after, row) - foreseen).abs() < 1e-6, "branch {row}");
    }
    assert_eq!(before["bridges"].as_array().map(Vec::len), Some(0));
}

#[test]
fn an_infeasible_dispatch_names_buses_and_megawatts_and_can_shed() {
    let scratch = Scratch::new("infeasible");
    // 530 MW more at bus 4 than all units together can give.
    let path = case(&scratch, &FIVE_BUS.replace(" 4 3 400 ", " 4 3 1460 "));
    let (exit, answer) = json(&["grid", "opf", arg(&path)]);
    assert_eq!((exit, answer["status"].as_str()), (1, Some("infeasible")));
    assert!(sum(&answer["infeasible"]["unserved"], "mw") >= 530.0 - 1e-6, "{answer}");
    let output = run(&["grid", "opf", arg(&path)]);
    assert!(text(&output.stderr).contains("cannot be served: bus"), "{}", text(&output.stderr));
    let (exit, answer) = json(&["grid", "opf", arg(&path), "--shed", "5000"]);
    assert_eq!(exit, 0);
    assert!(number(&answer["shed_mw"]) >= 530.0 - 1e-6);
}

#[test]
fn every_outage_set_gets_an_answer() {
    let scratch = Scratch::new("outages");
    let path = case(&scratch, FIVE_BUS);
    let (exit, answer) = json(&["grid", "cascade", arg(&path), "--outage", "0,1,2,3,4,5", "--outage-units", "0;1;2;3;4"]);
    assert_eq!(exit, 0);
    assert_eq!(number(&answer["lost_mw"]), 1000.0);
    // Half of every load at 10,000, 30 % at 3,000, the rest at 1,000.
    assert!((number(&answer["least_cost_shedding"]["objective"]) - 1000.0 * (5000.0 + 900.0 + 200.0)).abs() < 1e-3);
    let (exit, answer) = json(&["grid", "cascade", arg(&path), "--random", "200", "--size", "2"]);
    assert_eq!((exit, answer["draws"].as_u64()), (0, Some(200)));
}

#[test]
fn a_broken_case_is_told_by_line_and_column() {
    let scratch = Scratch::new("broken");
    for (from, to, line) in
        [("0.0281 0 400", "0 0 400", 26), ("0 400 0 0 0 0 1 -360", "0 -400 0 0 0 0 1 -360", 26), ("1 170 0", "1 170", 13)]
    {
        let path = case(&scratch, &FIVE_BUS.replacen(from, to, 1));
        let (exit, answer) = json(&["grid", "opf", arg(&path)]);
        let first = &answer["diagnostics"][0];
        assert_eq!((exit, first["line"].as_u64()), (1, Some(line)), "{first}");
        assert!(first["column"].as_u64().is_some_and(|column| column > 1), "{first}");
    }
    for length in (0..FIVE_BUS.len()).step_by(7) {
        let path = case(&scratch, &FIVE_BUS[..length]);
        let code = run(&["grid", "flow", arg(&path), "--format", "quiet"]).status.code();
        assert!(matches!(code, Some(0 | 1)), "cut at {length}: {code:?}");
    }
}

#[test]
fn rows_that_do_not_exist_are_refused() {
    let scratch = Scratch::new("rows");
    let path = case(&scratch, FIVE_BUS);
    for words in [["--outage", "6"], ["--outage-units", "5"], ["--ai-load", "77=10"]] {
        let output = run(&["grid", "cascade", arg(&path), words[0], words[1]]);
        assert_eq!(output.status.code(), Some(1), "{words:?}");
    }
    assert_eq!(run(&["grid", "cascade", arg(&path), "--outage", "x"]).status.code(), Some(2));
}

#[test]
fn a_case_becomes_a_scenario_that_validates() {
    let scratch = Scratch::new("import");
    let path = case(&scratch, FIVE_BUS);
    let folder = scratch.join("scenario");
    assert_eq!(run(&["import", "matpower", arg(&path), "-o", arg(&folder)]).status.code(), Some(0));
    let checked = run(&["validate", arg(&folder)]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stderr));
    // The same network: the same cost of the peak hour.
    let (_, answer) = json(&["grid", "opf", arg(&folder)]);
    assert!((number(&answer["objective"]) - 17_479.9).abs() < 0.05, "{}", answer["objective"]);
    assert_eq!(run(&["import", "matpower", arg(&path), "-o", arg(&folder)]).status.code(), Some(1));
}

#[test]
fn units_and_hours_in_tables_are_a_system() {
    let scratch = Scratch::new("system");
    // Two units of 10 MW, each out for 1 h in 10; loads of 15 and 5 MW.
    // Short in hour 1 unless both are up: 1 - 0.81 = 0.19; in hour 2 if both are out: 0.01.
    std::fs::write(scratch.join("units.csv"), "unit,capacity_mw,count,mttf_h,mttr_h\ngas,10,2,90,10\n").expect("writable");
    std::fs::write(scratch.join("load.csv"), "hour,all\n0,15\n1,5\n").expect("writable");
    let folder = scratch.path().to_path_buf();
    let (exit, answer) = json(&["grid", "adequacy", arg(&folder)]);
    assert_eq!(exit, 0, "{answer}");
    assert!((number(&answer["lole_h_per_year"]) - 0.20).abs() < 1e-12, "{answer}");
    // 5 MW with one unit out (0.18), 15 with two (0.01); 5 MW with two out.
    assert!((number(&answer["eue_mwh_per_year"]) - (0.18 * 5.0 + 0.01 * 15.0 + 0.01 * 5.0)).abs() < 1e-12);
    let (_, sampled) = json(&["grid", "adequacy", arg(&folder), "--method", "monte-carlo", "-n", "20000"]);
    let lole = &sampled["lole_h_per_year"];
    assert!((number(&lole["mean"]) - 0.20).abs() <= 3.0 * number(&lole["stderr"]), "{lole}");
    let (_, once) = json(&["grid", "adequacy", arg(&folder), "--method", "monte-carlo", "--threads", "1"]);
    let (_, twice) = json(&["grid", "adequacy", arg(&folder), "--method", "monte-carlo", "--threads", "2"]);
    assert_eq!(once, twice);
    std::fs::write(scratch.join("units.csv"), "unit,capacity_mw,count,mttf_h,mttr_h\ngas,10,2,90,0\n").expect("writable");
    let (exit, answer) = json(&["grid", "adequacy", arg(&folder)]);
    assert_eq!((exit, answer["diagnostics"][0]["line"].as_u64()), (1, Some(2)), "{answer}");
}
