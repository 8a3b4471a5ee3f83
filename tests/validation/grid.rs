//! Adequacy of the IEEE RTS-79 as the bundled scenario has it, against published indices, and hosting against brute force.

use serde_json::Value;

use crate::support::json;

const RTS: &str = "scenarios/rts-79";

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// R. N. Allan, R. Billinton and N. M. K. Abdel-Gawad, "The IEEE Reliability Test System - extensions to and evaluation of the generating
/// system", IEEE Trans. Power Systems 1(4), 1986: 9.39418 h/y, 1,176 MWh/y, 1.36886 d/y.
#[test]
fn rts_79_has_the_published_indices() {
    let (exit, answer) = json(&["grid", "adequacy", RTS]);
    assert_eq!(exit, 0, "{answer}");
    assert!((number(&answer["lole_h_per_year"]) - 9.39418).abs() < 5e-6, "{}", answer["lole_h_per_year"]);
    assert!((number(&answer["lold_d_per_year"]) - 1.36886).abs() < 5e-6, "{}", answer["lold_d_per_year"]);
    assert!((number(&answer["eue_mwh_per_year"]) - 1176.0).abs() < 0.5, "{}", answer["eue_mwh_per_year"]);
}

#[test]
fn sequential_years_of_rts_79_agree_with_convolution() {
    let (_, exact) = json(&["grid", "adequacy", RTS]);
    let (exit, sampled) = json(&["grid", "adequacy", RTS, "--method", "monte-carlo", "-n", "40000"]);
    assert_eq!(exit, 0, "{sampled}");
    for index in ["lole_h_per_year", "lold_d_per_year", "eue_mwh_per_year", "lolf_per_year", "lolf_hourly_per_year"] {
        let (mean, stderr) = (number(&sampled[index]["mean"]), number(&sampled[index]["stderr"]));
        assert!((mean - number(&exact[index])).abs() <= 3.0 * stderr, "{index}: {mean} +- {stderr} against {}", exact[index]);
    }
    let (_, weighted) = json(&["grid", "adequacy", RTS, "--method", "importance"]);
    let (mean, stderr) = (number(&weighted["lole_h_per_year"]["mean"]), number(&weighted["lole_h_per_year"]["stderr"]));
    assert!(stderr <= 0.01 * mean, "{stderr} of {mean}");
    assert!((mean - number(&exact["lole_h_per_year"])).abs() <= 3.0 * stderr, "{mean} +- {stderr}");
}

/// What hosting says, asked again by adding the load.
#[test]
fn hosting_is_what_adequacy_says_with_the_load_added() {
    let (exit, answer) = json(&["grid", "host", RTS, "--lole", "20", "--points", "3"]);
    assert_eq!(exit, 0, "{answer}");
    let at = answer["at"].as_str().expect("a name");
    let firm = number(&answer["firm_mw"]);
    assert!(firm > 50.0, "{firm}");
    let with = |mw: f64, kind: &str| json(&["grid", "adequacy", RTS, "--ai-load", &format!("{at}={mw}{kind}")]).1;
    assert!(number(&with(firm, "")["lole_h_per_year"]) <= 20.0);
    assert!(number(&with(firm + 0.1, "")["lole_h_per_year"]) > 20.0);
    let interruptible = number(&answer["interruptible_mw"]);
    let yielding = with(interruptible, ":interruptible");
    assert!(number(&yielding["tiers"][0]["yield_share"]) <= 0.01);
    // Nobody else is worse off.
    assert!((number(&yielding["lole_h_per_year"]) - 9.39418).abs() < 5e-6);
    for point in answer["curve"].as_array().expect("a curve") {
        let again = with(number(&point["mw"]), "");
        assert!((number(&again["lole_h_per_year"]) - number(&point["lole_h_per_year"])).abs() < 1e-9 * number(&point["lole_h_per_year"]));
    }
    // By Monte Carlo, the same within its error.
    let (_, sampled) = json(&["grid", "host", RTS, "--lole", "20", "--points", "0", "--method", "monte-carlo", "-n", "4000"]);
    let size = number(&sampled["firm_mw"]);
    let exact = number(&with(size, "")["lole_h_per_year"]);
    let stderr = number(&sampled["firm"]["stderr"]);
    assert!((exact - 20.0).abs() <= 4.0 * stderr, "{size} MW: {exact} h/y, error {stderr}");
}
