//! The main job from end to end on the smallest scenario.

use crate::support::{Scratch, arg, bastide, files, json, run, text};

/// The tables of a results folder; the manifest alone may hold facts about the run.
fn tables(folder: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    files(folder).into_iter().filter(|(name, _)| name != "manifest.toml").collect()
}

#[test]
fn threads_do_not_change_a_byte() {
    let scratch = Scratch::new("threads");
    let [one, two] = ["one", "two"].map(|name| scratch.join(name));
    for (folder, threads) in [(&one, "1"), (&two, "2")] {
        let output = run(&["study", "scenarios/minimal", "--seed", "7", "-n", "25", "--threads", threads, "-o", arg(folder)]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    let (one, two) = (tables(&one), tables(&two));
    let names = |list: &[(String, Vec<u8>)]| list.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&one), names(&two));
    assert!(one.iter().filter(|(name, _)| name.ends_with(".parquet")).count() >= 4);
    for ((name, a), (_, b)) in one.iter().zip(&two) {
        assert!(a == b, "`{name}` differs between 1 and 2 threads");
    }
}

#[test]
fn a_seed_changes_the_histories() {
    let scratch = Scratch::new("seeds");
    let documents =
        ["3", "4"].map(|seed| json(&["study", "scenarios/minimal", "--seed", seed, "-n", "10", "-o", arg(&scratch.join(seed))]).1);
    assert_ne!(documents[0]["headline"], documents[1]["headline"]);
}

#[test]
fn a_study_answers_in_json_and_writes_what_it_names() {
    let scratch = Scratch::new("study");
    let folder = scratch.join("results");
    let (exit, document) = json(&["study", "scenarios/minimal", "-n", "10", "-o", arg(&folder)]);
    assert_eq!(exit, 0);
    assert_eq!(document["schema"], "bastide/study/1");
    for key in ["report", "results", "plan"] {
        let path = document[key].as_str().unwrap_or_else(|| panic!("`{key}` is missing: {document}"));
        assert!(std::path::Path::new(path).exists(), "`{key}` names {path}, which does not exist");
    }
    let headline = document["headline"].as_array().expect("a list");
    for row in headline {
        assert!(row["metric"].is_string() && row["alternative"].is_string() && row["unit"].is_string(), "{row}");
        assert!(row["estimate"]["mean"].is_number() && row["estimate"]["n"] == 10, "{row}");
    }
    // The report can be made again from the folder alone, to the same bytes.
    let report = folder.join("report.html");
    let before = std::fs::read(&report).expect("a report");
    std::fs::remove_file(&report).expect("removed");
    assert_eq!(run(&["report", arg(&folder)]).status.code(), Some(0));
    assert!(before == std::fs::read(&report).expect("a report"));
    // The plan file that the study wrote can be given back to it.
    let plan = folder.join("plan.toml");
    let again = run(&["plan", "scenarios/minimal", "--check", arg(&plan)]);
    assert_eq!(again.status.code(), Some(0), "{}", text(&again.stderr));
    let simulated = run(&["run", "scenarios/minimal", "--plan", arg(&plan), "-n", "5", "-o", arg(&scratch.join("run"))]);
    assert_eq!(simulated.status.code(), Some(0), "{}", text(&simulated.stderr));
    let compared = run(&["compare", arg(&folder)]);
    assert_eq!(compared.status.code(), Some(0), "{}", text(&compared.stderr));
}

#[test]
fn a_finished_study_is_shown_again_and_another_one_is_refused() {
    let scratch = Scratch::new("again");
    let folder = scratch.join("results");
    let study = |seed: &str| run(&["study", "scenarios/minimal", "-n", "5", "--seed", seed, "-o", arg(&folder)]);
    assert_eq!(study("1").status.code(), Some(0));
    let before = tables(&folder);
    assert_eq!(study("1").status.code(), Some(0));
    let other = study("2");
    assert_eq!(other.status.code(), Some(1));
    assert!(text(&other.stderr).contains("another study"), "{}", text(&other.stderr));
    assert!(before == tables(&folder), "nothing may change");
}

#[test]
fn a_folder_with_other_things_is_refused_and_left_alone() {
    let scratch = Scratch::new("foreign");
    std::fs::write(scratch.join("thesis.doc"), "years of work").expect("written");
    let output = run(&["study", "scenarios/minimal", "-n", "5", "-o", arg(scratch.path())]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("not empty"), "{}", text(&output.stderr));
    assert_eq!(files(scratch.path()).len(), 1);
}

#[test]
fn an_unwritable_place_is_one_clear_sentence() {
    // A file where a folder should be: refused for root, too, unlike permissions.
    let scratch = Scratch::new("file");
    let file = scratch.join("file");
    std::fs::write(&file, "").expect("written");
    let output = run(&["study", "scenarios/minimal", "-n", "5", "-o", arg(&file.join("results"))]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(stderr.contains("error: ") && !stderr.contains("panicked"), "{stderr}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_one_clear_sentence() {
    let output = bastide(&["schema"]).stdout(std::fs::File::create("/dev/full").expect("opened")).output().expect("starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("error: "), "{}", text(&output.stderr));
}

#[test]
fn an_impossible_plan_names_the_conflict_with_its_lines() {
    let (exit, document) = json(&["plan", "scenarios/minimal", "--set", "plan.budget=\"1 EUR\"", "--set", "plan.min_service={ T1 = 1.0 }"]);
    assert_eq!(exit, 1, "{document}");
    let groups = document["conflict"].as_array().expect("a list of groups");
    assert!(groups.iter().any(|group| group["name"].as_str().unwrap_or("").contains("budget")), "{document}");
    assert!(groups.iter().all(|group| group["places"].as_array().is_some_and(|list| !list.is_empty())), "{document}");
}
