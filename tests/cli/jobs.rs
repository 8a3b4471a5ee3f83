//! `replay` of job logs: what it prints and writes, and what it says of bad input.

use crate::support::{Scratch, arg, files, json, run, text};

const LOG: &str = "\
id,submit_s,runtime_s,gpus,user,nation
a,0,10,2,ann,france
b,1,10,4,bob,poland
c,2,5,2,ann,france
d,3,50,2,bob,poland
";

#[test]
fn jobs_are_scheduled_and_summed_up() {
    let scratch = Scratch::new("jobs");
    let (log, rows) = (scratch.join("log.csv"), scratch.join("rows.csv"));
    std::fs::write(&log, LOG).unwrap();
    let (code, document) = json(&["replay", arg(&log), "--cluster", "4x1", "--policy", "easy", "-o", arg(&rows)]);
    assert_eq!((code, document["schema"].as_str()), (0, Some("bastide/replay-jobs/1")));
    let jobs = &document["jobs"];
    // Completions 10, 19, 5 and 67 s; waits 0, 9, 0 and 17 s.
    assert_eq!((jobs["count"].as_u64(), jobs["mean_completion_s"].as_f64()), (Some(4), Some(25.25)));
    assert_eq!((jobs["mean_wait_s"].as_f64(), jobs["wait_s"]["max"].as_f64()), (Some(6.5), Some(17.0)));
    assert_eq!(jobs["by"]["nation"][0]["name"], "poland");
    // (20 + 40 + 10 + 100) GPU s of 4 GPUs for 70 s.
    assert!((jobs["utilisation"].as_f64().unwrap() - 170.0 / 280.0).abs() < 1e-12);
    let rows = std::fs::read_to_string(&rows).unwrap();
    assert!(rows.contains("\nb,1,10,4,bob,poland,,10,20,9,19,0\n"), "{rows}");

    let output = run(&["replay", arg(&log), "--cluster", "4x1"]);
    let said = text(&output.stdout);
    assert!(said.contains("4 jobs of ") && said.contains("policy fifo, placement consolidated"), "{said}");
}

#[test]
fn a_folder_holds_tables_and_plots() {
    let scratch = Scratch::new("jobs-folder");
    let (log, folder) = (scratch.join("log.csv"), scratch.join("out"));
    std::fs::write(&log, LOG).unwrap();
    let arguments = ["replay", arg(&log), "--cluster", "1x4", "-o", arg(&folder)];
    assert_eq!(run(&arguments).status.code(), Some(0));
    let written = files(&folder);
    let names: Vec<&str> = written.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["fragmentation.svg", "in-use.svg", "jobs.csv", "summary.json", "timeline.csv", "times.svg", "waiting.svg"]);
    for (name, bytes) in written.iter().filter(|(name, _)| std::path::Path::new(name).extension().is_some_and(|it| it == "svg")) {
        let svg = text(bytes);
        assert!(svg.starts_with("<svg") && svg.contains("xmlns=") && svg.trim_end().ends_with("</svg>"), "{name}: {svg}");
    }
    let timeline = text(&written[4].1);
    assert!(timeline.starts_with("time_s,gpus_in_use,running_jobs,waiting_jobs,fragmentation\n0,2,1,0,1.000000\n"), "{timeline}");
    let again = run(&arguments);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("is not empty"), "{}", text(&again.stderr));
}

#[test]
fn bad_logs_say_where() {
    let scratch = Scratch::new("jobs-bad");
    let log = scratch.join("log.csv");
    let fails = |content: &str, more: &[&str], words: &[&str]| {
        std::fs::write(&log, content).unwrap();
        let output = run(&[&["replay", arg(&log), "--cluster", "2x4"], more].concat());
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        for word in words {
            assert!(said.contains(word), "{word}: {said}");
        }
    };
    fails(&LOG.replace("c,2,5", "c,2,-5"), &[], &["log.csv:4:5: `-5` is below 0", "--skip-bad"]);
    fails(&LOG.replace("c,2", "a,2"), &[], &["log.csv:4:1: job id `a` occurs twice, first on line 2"]);
    fails(&LOG.replace("10,4", "10,9"), &[], &["log.csv:3: job `b` asks for 9 GPUs; the cluster has 8 GPUs on 2 nodes, at most 4 on one"]);
    fails(LOG, &["--policy", "lifo"], &["`lifo` is no policy; there are fifo, sjf"]);
    fails(LOG, &["--placement", "best"], &["`best` is no placement", "first-fit"]);
    fails("", &[], &["there is no job in it"]);
    fails("arrival_s,input_tokens,output_tokens\n1,2,3\n", &[], &["no column says when jobs were submitted", "without --cluster"]);

    std::fs::write(&log, LOG.replace("c,2,5", "c,2,nan").replace("10,4", "10,9")).unwrap();
    let (code, document) = json(&["replay", arg(&log), "--cluster", "2x4", "--skip-bad"]);
    assert_eq!((code, document["jobs"]["count"].as_u64()), (0, Some(2)));
    assert_eq!((document["log"]["bad_lines_skipped"].as_u64(), document["log"]["never_run"].as_u64()), (Some(1), Some(1)));
    let (code, document) = json(&["replay", arg(&log), "--cluster", "2x4"]);
    assert_eq!(code, 1);
    assert!(document["error"].as_str().unwrap().contains(":4:5: `nan` is no number"), "{document}");
    // Without a cluster there are no jobs.
    assert_eq!(run(&["replay", arg(&log), "--policy", "fifo"]).status.code(), Some(2));
}
