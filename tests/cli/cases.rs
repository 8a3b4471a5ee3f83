//! One study under several assumptions: the same plans, the same draws, and what follows from the differences.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Scratch, arg, bastide, files, json, root, run, text};

/// Two sites under a salvo on day ten, in a folder of its own.
fn scenario(scratch: &Scratch, more: &str) -> PathBuf {
    let folder = scratch.join("scenario");
    std::fs::create_dir_all(&folder).expect("a folder");
    let base = root().join("scenarios/minimal/scenario.toml");
    let text = format!(
        r#"extends = '{}'

[scenario]
name = "cases"
title = "Two sites under a salvo"
duration = "60 d"

[[hazard]]
name = "salvo"
kind = "strike-campaign"
targets = ["site.*"]
at = 2027-01-11T00:00:00Z
munitions = 6
interception = "50 %"
damage = {{ none = 0.9 }}
repair = {{ dist = "exponential", mean = "10 d" }}

[[case]]
name = "peace"
title = "No salvo"
group = "war"
set = {{ "hazard.salvo" = false }}

[[case]]
name = "intercepted"
title = "Perfect interception"
group = "war"
set = {{ "hazard.*.interception" = "100 %" }}
cost = "2 M EUR"
source = "assumption: for a test"

[[case]]
name = "few"
axis = "munitions"
value = 2
set = {{ hazard.salvo.munitions = 2 }}

[[case]]
name = "as-is"
axis = "munitions"
value = 6

[[case]]
name = "many"
axis = "munitions"
value = 60
set = {{ hazard.salvo.munitions = 60 }}

[report]
metrics = ["tier.*.served_share", "tier.T1.hours_below_90"]
{more}
"#,
        base.display()
    );
    std::fs::write(folder.join("scenario.toml"), text).expect("written");
    folder
}

const QUESTION: &str = r#"
[[question]]
name = "second"
title = "Does a second site pay under <fire>?"
metrics = ["tier.T1.served_share", "cost.total.cost"]
group = "munitions"
"#;

fn tables(folder: &Path) -> Vec<(String, Vec<u8>)> {
    files(folder).into_iter().filter(|(name, _)| !name.ends_with("manifest.toml") && !name.ends_with("report.html")).collect()
}

fn summary(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("summary.json")).expect("a summary")).expect("JSON")
}

fn mean(summary: &Value, case: &str, alternative: &str, metric: &str) -> f64 {
    let case = summary["cases"].as_array().expect("cases").iter().find(|it| it["name"] == case).expect("the case");
    let row = case["estimates"].as_array().expect("rows").iter().find(|it| it["alternative"] == alternative && it["metric"] == metric);
    row.expect("the metric")["estimate"]["mean"].as_f64().expect("a number")
}

#[test]
fn cases_share_plans_and_draws_and_any_threads_give_the_same_bytes() {
    let scratch = Scratch::new("cases");
    let scenario = scenario(&scratch, QUESTION);
    let folders = ["1", "2"].map(|threads| {
        let folder = scratch.join(threads);
        let output = run(&["study", arg(&scenario), "-n", "40", "--threads", threads, "-o", arg(&folder)]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        folder
    });
    let (one, two) = (tables(&folders[0]), tables(&folders[1]));
    assert_eq!(one.iter().map(|(name, _)| name).collect::<Vec<_>>(), two.iter().map(|(name, _)| name).collect::<Vec<_>>());
    for ((name, a), (_, b)) in one.iter().zip(&two) {
        assert!(a == b, "`{name}` differs between 1 and 2 threads");
    }
    for case in ["peace", "intercepted", "few", "many"] {
        assert!(one.iter().any(|(name, _)| *name == format!("cases/{case}/events.parquet")), "{case}");
    }
    // What a case is that changes nothing is told by the study itself.
    assert!(!folders[0].join("cases/as-is").exists());

    let summary = summary(&folders[0]);
    // A salvo that is wholly intercepted is none; more munitions serve less; the scenario itself stands among its cases.
    for alternative in ["recommended", "one-site"] {
        let served = |case: &str| mean(&summary, case, alternative, "served_share");
        assert!((served("peace") - served("intercepted")).abs() < 1e-12, "{alternative}");
        assert!(served("peace") > served("few") && served("few") > served("as-is") && served("as-is") > served("many"), "{alternative}");
        assert!((served("base") - served("as-is")).abs() < 1e-15);
    }
    let crossing: Vec<&Value> =
        summary["break_even"].as_array().expect("pairs").iter().filter(|it| it["metric"] == "served_share").collect();
    assert_eq!(crossing.len(), 1, "one pair of alternatives, one tier: {crossing:?}");
    assert_eq!(crossing[0]["values"], serde_json::json!([2.0, 6.0, 60.0]));
    // Hours avoided for two million euro, and the error of their price.
    let costs = summary["marginal_costs"].as_array().expect("costs");
    let price = costs.iter().find(|it| it["case"] == "intercepted" && it["alternative"] == "recommended").expect("a price");
    let (cost, hours) = (price["cost"]["mean"].as_f64().expect("a number"), price["hours"]["mean"].as_f64().expect("a number"));
    assert!((price["eur_per_hour"].as_f64().expect("a price") - cost / hours).abs() < 1e-6 * cost / hours);
    assert!((cost - 2e6).abs() < 1e4 && hours > 0.0 && price["stderr"].as_f64().expect("an error") > 0.0, "{price}");

    // The page says all of it, and the page of a case can be made, too.
    let page = std::fs::read_to_string(folders[0].join("report.html")).expect("a report");
    for words in [
        "Under other assumptions",
        "Does a second site pay under &lt;fire&gt;?",
        "there is no break-even point",
        "What an avoided hour costs",
        "Perfect interception",
    ] {
        assert!(page.contains(words), "{words}");
    }
    assert_eq!(run(&["report", arg(&folders[0]), "--as", "md"]).status.code(), Some(0));
    let brief = std::fs::read_to_string(folders[0].join("report.md")).expect("a report");
    assert!(brief.contains("## Questions and answers") && brief.contains("### Munitions"), "{brief}");
    let case = folders[0].join("cases/many");
    assert_eq!(run(&["report", arg(&case)]).status.code(), Some(0));
    let compared = run(&["compare", arg(&folders[0]), arg(&case)]);
    assert!(text(&compared.stdout).contains("paired"), "{}", text(&compared.stderr));
    // The study again, and a case of it.
    let again = run(&["study", arg(&scenario), "-n", "40", "-o", arg(&folders[0])]);
    assert!(text(&again.stderr).contains("holds this study already"), "{}", text(&again.stderr));
}

#[test]
fn one_case_or_none() {
    let scratch = Scratch::new("some-cases");
    let scenario = scenario(&scratch, "case_replications = 4");
    let [one, none] = ["one", "none"].map(|name| scratch.join(name));
    let (exit, document) = json(&["study", arg(&scenario), "-n", "6", "--case", "many", "-o", arg(&one)]);
    assert_eq!(exit, 0);
    let names: Vec<&str> = document["cases"].as_array().expect("cases").iter().filter_map(|it| it["name"].as_str()).collect();
    assert_eq!(names, ["base", "many"]);
    assert_eq!((&document["cases"][0]["replications"], &document["cases"][1]["replications"]), (&6.into(), &4.into()));
    let row = &document["cases"][1]["estimates"][0];
    assert_eq!((&row["estimate"]["n"], &row["change"]["n"]), (&4.into(), &4.into()));
    assert_eq!(run(&["study", arg(&scenario), "-n", "6", "--no-cases", "-o", arg(&none)]).status.code(), Some(0));
    assert!(!none.join("cases").exists());
    // The histories of the scenario itself are those of the study without cases.
    for table in ["metrics.parquet", "events.parquet"] {
        let rows = |folder: &Path| std::fs::metadata(folder.join(table)).expect("a table").len();
        assert_eq!(rows(&one), rows(&none), "{table}");
    }
    // One history in a case, with its events; and a slip of the pen.
    let (exit, history) = json(&["run", arg(&scenario), "--plan", arg(&none.join("plan.toml")), "--replication", "3", "--case", "many"]);
    assert_eq!(exit, 0);
    let count = |document: &Value| document["events"].as_array().expect("events").iter().filter(|it| it["kind"] == "strike").count();
    let (_, peace) = json(&["run", arg(&scenario), "--plan", arg(&none.join("plan.toml")), "--replication", "3", "--case", "peace"]);
    assert!(count(&history) > 0 && count(&peace) == 0, "{history}");
    let slip = run(&["study", arg(&scenario), "--case", "manny"]);
    assert_eq!(slip.status.code(), Some(1));
    assert!(text(&slip.stderr).contains("no case `manny`"), "{}", text(&slip.stderr));
}

#[test]
fn killed_in_a_case_the_same_command_ends_with_the_same_bytes() {
    let scratch = Scratch::new("killed-case");
    let scenario = scenario(&scratch, "");
    let [whole, cut] = ["whole", "cut"].map(|name| scratch.join(name));
    let study = |folder: &Path| ["study", arg(&scenario), "-n", "150", "--seed", "5", "-o", arg(folder)].map(str::to_owned);
    let words = |list: &[String]| -> Vec<String> { list.to_vec() };
    let undisturbed = bastide(&study(&whole).each_ref().map(String::as_str)).output().expect("starts");
    assert_eq!(undisturbed.status.code(), Some(0), "{}", text(&undisturbed.stderr));

    let list = words(&study(&cut));
    let list: Vec<&str> = list.iter().map(String::as_str).collect();
    let mut child = bastide(&list).args(["--threads", "1"]).stderr(Stdio::null()).stdout(Stdio::null()).spawn().expect("starts");
    // In the middle of the third case.
    let start = Instant::now();
    while child.try_wait().expect("waited").is_none()
        && start.elapsed() < Duration::from_mins(1)
        && std::fs::read_dir(cut.join("cases/few/partial")).map_or(0, Iterator::count) < 3
    {
        std::thread::sleep(Duration::from_millis(1));
    }
    let _ = child.kill();
    let _ = child.wait();
    let resumed = run(&list);
    assert_eq!(resumed.status.code(), Some(0), "{}", text(&resumed.stderr));
    assert!(tables(&whole) == tables(&cut), "a study killed in a case ends with other bytes");
}

#[test]
fn metrics_that_no_history_has_are_refused_where_they_stand() {
    let scratch = Scratch::new("metrics");
    let question = QUESTION.replace("\"cost.total.cost\"", "\"tier.T1.serverd_share\", \"tier.T0.served_share\", \"moon.x.y\"");
    let scenario = scenario(&scratch, &question);
    for command in [&["validate", arg(&scenario)][..], &["study", arg(&scenario), "-n", "2"]] {
        let output = run(command);
        assert_eq!(output.status.code(), Some(1));
        let told = text(&output.stderr).clone();
        for words in [
            "error[F0926]",
            "a tier has no metric `serverd_share`",
            "did you mean `served_share`",
            "there is no tier `T0`",
            "no metrics of a `moon`",
        ] {
            assert!(told.contains(words), "{words}: {told}");
        }
        assert!(told.contains("scenario.toml:55:36"), "{told}");
    }
}
