//! Stopped half-way, a study loses nothing and goes on to the same bytes.

#![cfg(unix)]

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{Scratch, arg, bastide, files, run, text};

const STUDY: [&str; 6] = ["study", "scenarios/minimal", "--seed", "7", "-n", "600"];

fn interrupt(signal: &str) {
    let scratch = Scratch::new(signal);
    let [whole, cut] = ["whole", "cut"].map(|name| scratch.join(name));
    let undisturbed = bastide(&STUDY).args(["-o", arg(&whole)]).output().expect("starts");
    assert_eq!(undisturbed.status.code(), Some(0), "{}", text(&undisturbed.stderr));

    let mut child =
        bastide(&STUDY).args(["-o", arg(&cut), "--threads", "1"]).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("starts");
    // Wait until something has been written, so that there is something to lose.
    let start = Instant::now();
    while child.try_wait().expect("waited").is_none()
        && start.elapsed() < Duration::from_mins(1)
        && std::fs::read_dir(cut.join("partial")).map_or(0, Iterator::count) < 2
    {
        std::thread::sleep(Duration::from_millis(2));
    }
    let _ = std::process::Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
    let output = child.wait_with_output().expect("ends");
    if signal == "INT" && output.status.code() != Some(0) {
        assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains("same command"), "{}", text(&output.stderr));
    }

    let resumed = run(&[&STUDY[..], &["-o", arg(&cut)]].concat());
    assert_eq!(resumed.status.code(), Some(0), "{}", text(&resumed.stderr));
    let tables = |folder| files(folder).into_iter().filter(|(name, _)| name != "manifest.toml").collect::<Vec<_>>();
    assert!(tables(&whole) == tables(&cut), "an interrupted study ends with other bytes");
}

#[test]
fn ctrl_c_keeps_what_was_written() {
    interrupt("INT");
}

#[test]
fn a_kill_keeps_what_was_written() {
    interrupt("KILL");
}
