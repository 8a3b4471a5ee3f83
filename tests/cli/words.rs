//! Usage, streams and exit codes.

use std::io::Read;
use std::process::Stdio;

use crate::support::{Scratch, arg, bastide, json, run, text};

#[test]
fn a_usage_error_exits_with_2_and_help_with_0() {
    assert_eq!(run(&["study"]).status.code(), Some(2));
    assert_eq!(run(&["no-such-command"]).status.code(), Some(2));
    assert_eq!(run(&["--help"]).status.code(), Some(0));
    assert_eq!(run(&["--version"]).status.code(), Some(0));
}

#[test]
fn flags_work_before_and_after_the_command() {
    let before = run(&["--format", "json", "validate", "scenarios/minimal"]);
    let after = run(&["validate", "scenarios/minimal", "--format", "json"]);
    assert_eq!(before.status.code(), Some(0));
    assert_eq!(before.stdout, after.stdout);
}

#[test]
fn a_missing_scenario_is_one_clear_sentence() {
    let output = run(&["validate", "no/such/folder"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no/such/folder"), "{}", text(&output.stderr));
    let (exit, document) = json(&["study", "no/such/folder"]);
    assert_eq!(exit, 1);
    assert_eq!(document["diagnostics"][0]["severity"], "error");
}

#[test]
fn a_closed_pipe_is_no_error() {
    let mut child = bastide(&["schema"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    let mut first = [0; 16];
    child.stdout.take().expect("piped").read_exact(&mut first).expect("some output");
    let output = child.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(0));
    assert!(!text(&output.stderr).contains("panicked"), "{}", text(&output.stderr));
}

#[test]
fn a_new_scenario_is_valid_and_is_not_written_over() {
    let scratch = Scratch::new("new");
    let folder = scratch.join("my-country");
    assert_eq!(run(&["new", "my-country", "-o", arg(&folder)]).status.code(), Some(0));
    let checked = run(&["validate", arg(&folder)]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stderr));
    let again = run(&["new", "my-country", "-o", arg(&folder)]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("not empty"));
    assert_eq!(run(&["new", "My Country"]).status.code(), Some(1));
}

#[test]
fn every_code_and_every_table_is_explained() {
    let listed = run(&["explain"]);
    assert_eq!(listed.status.code(), Some(0));
    let codes: Vec<String> = text(&listed.stdout).lines().filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect();
    assert!(codes.len() >= 40, "only {} codes", codes.len());
    for word in ["site.connection", "b200", codes[0].as_str()] {
        assert_eq!(run(&["explain", word]).status.code(), Some(0), "explain {word}");
    }
    let unknown = run(&["explain", "site.conection"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(text(&unknown.stderr).contains("site.connection"), "{}", text(&unknown.stderr));
}

#[test]
fn the_resolved_scenario_is_a_valid_scenario() {
    let scratch = Scratch::new("resolved");
    let shown = run(&["show", "scenarios/minimal", "--resolved"]);
    assert_eq!(shown.status.code(), Some(0), "{}", text(&shown.stderr));
    std::fs::write(scratch.join("scenario.toml"), &shown.stdout).expect("written");
    let checked = run(&["validate", arg(scratch.path())]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stderr));
}

#[test]
fn set_overrides_one_value_and_suggests_a_near_name() {
    let (exit, document) = json(&["validate", "scenarios/minimal", "--set", "site.left.connection=\"2 MW\""]);
    assert_eq!(exit, 0, "{document}");
    let (exit, document) = json(&["validate", "scenarios/minimal", "--set", "site.lft.connection=\"2 MW\""]);
    assert_eq!(exit, 1);
    assert!(document.to_string().contains("left"), "{document}");
}

#[test]
fn devices_lists_gpus_or_says_why_not() {
    let output = run(&["devices"]);
    match output.status.code() {
        Some(0) => assert!(!output.stdout.is_empty()),
        Some(1) => assert!(text(&output.stderr).contains("NVIDIA"), "{}", text(&output.stderr)),
        other => panic!("exit code {other:?}"),
    }
}

#[test]
fn generated_files_are_up_to_date() {
    for (arguments, path) in [
        (&["schema"][..], "scenarios/schema/scenario.schema.json"),
        (&["schema", "--markdown"][..], "docs/scenario.md"),
        (&["explain", "--markdown"][..], "docs/errors.md"),
    ] {
        let now = text(&run(arguments).stdout);
        let stored = std::fs::read_to_string(crate::support::root().join(path)).unwrap_or_default();
        assert!(now == stored, "`{path}` is out of date: run `make generated`");
    }
}
