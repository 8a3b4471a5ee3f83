//! The worked examples as their users run them: programs of their own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Where cargo puts an example: beside the folder of this test's program. `cargo test` builds the examples before; a run of
/// this test alone does not, and then they are built here.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a running program has a path");
    let folder = test.parent().and_then(Path::parent).expect("target/<profile>/deps").join("examples");
    let program = folder.join(name).with_extension(std::env::consts::EXE_EXTENSION);
    if !program.exists() {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--example", name]).current_dir(env!("CARGO_MANIFEST_DIR"));
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        assert!(cargo.status().expect("cargo runs").success());
    }
    program
}

fn run(name: &str, arguments: &[&str]) -> Output {
    Command::new(example(name)).args(arguments).output().expect("the example runs")
}

fn text(output: &Output) -> &str {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::str::from_utf8(&output.stdout).expect("UTF-8")
}

/// The number after a label at the start of a line.
fn number(text: &str, label: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(label)).unwrap_or_else(|| panic!("{label}: {text}"));
    let word = line.split_whitespace().next().unwrap_or_default();
    word.parse().unwrap_or_else(|_| panic!("{label}: {line}"))
}

#[test]
fn a_queue_saved_at_half_time_ends_with_the_same_bytes_in_another_process() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(format!("half-{}.json", std::process::id()));
    let saved = file.to_str().expect("UTF-8");
    let setting = ["--servers", "50", "--load", "0.9", "--customers", "100000", "--seed", "5", "--replication", "3"];
    let whole = run("mmc", &setting);
    let saving = run("mmc", &[&setting[..], &["--save-at-half", saved]].concat());
    let resumed = run("mmc", &["--resume", saved]);
    let again = run("mmc", &["--resume", saved]);
    let bytes = std::fs::read(&file).expect("the snapshot");
    std::fs::remove_file(&file).expect("it was there");
    assert!(text(&whole).contains("clock") && text(&whole).contains("100000 customers"), "{}", text(&whole));
    assert_eq!(text(&whole), text(&saving));
    assert_eq!(text(&whole), text(&resumed));
    assert_eq!(text(&whole), text(&again));
    // Half of the customers are in the snapshot, and what is drawn later is not: it holds a station, not a log.
    assert!(String::from_utf8_lossy(&bytes).contains(r#""started":50000"#) && bytes.len() < 20_000);
}

#[test]
fn the_queue_waits_as_erlang_says() {
    let output = run("mmc", &["--servers", "50", "--load", "0.9", "--customers", "400000"]);
    let of = |label| number(text(&output), label);
    // Erlang C of 45 erlang at 50 servers, in rational arithmetic: 0.363864467207; wait = C / (50 - 45).
    assert!((of("Erlang C ") - 0.072_772_893_4).abs() < 1e-10);
    assert!(of("deviation ").abs() < 3.0 && (of("mean wait ") / of("Erlang C ") - 1.0).abs() < 0.25);
    let output = run("mmc", &["--servers", "2", "--load", "0.75", "--customers", "20000", "--replications", "30"]);
    assert!(number(text(&output), "deviation ").abs() < 3.0, "{}", text(&output));
}

#[test]
fn the_shop_is_as_available_as_the_formula_says() {
    for setting in [
        &["--machines", "20", "--spares", "2", "--crew", "2"][..],
        &["--machines", "10", "--spares", "0", "--crew", "1", "--life-h", "100", "--repair-h", "12"],
        &["--machines", "5", "--spares", "8", "--crew", "20", "--repair-h", "300"],
    ] {
        let output = run("repair_shop", &[setting, &["--days", "2000", "--replications", "30"]].concat());
        assert!(number(text(&output), "deviation ").abs() < 3.0, "{}", text(&output));
    }
}

#[test]
fn a_trace_holds_every_event_of_its_replication() {
    let setting = ["--days", "40", "--trace", "7"];
    let output = run("repair_shop", &setting);
    let events: Vec<&str> = text(&output).lines().filter(|line| line.contains("machine:")).collect();
    let hours: Vec<f64> = events.iter().map(|line| line.split_whitespace().next().unwrap().parse().unwrap()).collect();
    assert!(hours.is_sorted() && *hours.last().unwrap() < 44.0 * 24.0);
    // 20 running machines with a mean life of 500 h over 44 days: 42 failures, and about as many repairs.
    assert!((50..120).contains(&events.len()), "{}", events.len());
    let of = |what: &str| events.iter().filter(|line| line.contains(what)).count();
    assert!(of("Failure") >= of("Repaired") && of("Failure") <= of("Repaired") + 22);
    // Another crew does not change a machine's first life.
    let lone = run("repair_shop", &[&setting[..], &["--crew", "1"]].concat());
    let first = |output: &Output| text(output).lines().find(|line| line.contains("Failure")).map(str::to_owned);
    assert_eq!(first(&output), first(&lone));
}

#[test]
fn bad_options_are_named() {
    for (arguments, word) in [
        (&["--servers", "0"][..], "servers"),
        (&["--load", "1.0"], "load"),
        (&["--load", "NaN"], "load"),
        (&["--customers", "x"], "--customers"),
        (&["--speed", "1"], "--speed"),
        (&["--seed"], "--seed"),
        (&["--resume", "nothing-here.json"], "nothing-here.json"),
    ] {
        let output = run("mmc", arguments);
        assert!(!output.status.success() && output.stdout.is_empty());
        assert!(String::from_utf8_lossy(&output.stderr).contains(word), "{arguments:?}");
    }
    for arguments in [&["--crew", "0"][..], &["--life-h", "0"], &["--days", "inf"], &["--trace", "-1"]] {
        assert!(!run("repair_shop", arguments).status.success(), "{arguments:?}");
    }
}
