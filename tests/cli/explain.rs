//! `explain event` and `explain events`: from a lost service back to where it began.

use crate::support::{Scratch, arg, bastide, json, run, text};

#[test]
fn a_lost_service_is_traced_back() {
    let scratch = Scratch::new("explain");
    let folder = scratch.join("results/minimal");
    assert_eq!(run(&["study", "scenarios/minimal", "-n", "10", "-o", arg(&folder)]).status.code(), Some(0));
    let (code, list) = json(&["explain", "events", arg(&folder), "--most", "5"]);
    assert_eq!(code, 0);
    assert_eq!((list["schema"].as_str(), list["kind"].as_str()), (Some("bastide/explain-events/1"), Some("service-lost")));
    let rows = list["events"].as_array().unwrap();
    assert_eq!(rows.len(), 5);
    let harm: Vec<f64> = rows.iter().map(|row| row["service_hours_lost"].as_f64().unwrap()).collect();
    assert!(harm.is_sorted_by(|a, b| a >= b) && harm[0] > 0.0, "{harm:?}");
    for row in rows {
        let (code, told) = json(&["explain", "event", row["event"].as_str().unwrap(), arg(&folder)]);
        assert_eq!((code, told["schema"].as_str()), (0, Some("bastide/explain-event/1")));
        let chain = told["chain"].as_array().unwrap();
        // Oldest first, each caused by the one before it, and the event itself last.
        assert_eq!(chain.last().unwrap()["seq"], row["seq"]);
        assert!(chain[0]["cause_seq"].is_null() && told["complete"] == true, "{told}");
        assert!(chain.windows(2).all(|pair| pair[1]["cause_seq"] == pair[0]["seq"]), "{told}");
        // Nothing but failures of sites stops this service.
        assert_eq!(chain[0]["kind"], "site-down", "{told}");
    }
    // For people: the chain, then what followed.
    let event = rows[0]["event"].as_str().unwrap();
    let said = text(&run(&["explain", "event", event, arg(&folder)]).stdout);
    let places: Vec<_> = ["Because of", "Failure of a site: ", "=> ", "Service lost: ", "What followed"].map(|word| said.find(word)).into();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{said}");
    // Other kinds, and one thing.
    let (_, list) = json(&["explain", "events", arg(&folder), "--kind", "site-down", "--entity", "left", "--replication", "1"]);
    assert!(list["events"].as_array().unwrap().iter().all(|row| row["entity"] == "left" && row["replication"] == 1), "{list}");
    // Without a folder, the latest of `results`.
    let output = bastide(&["explain", "event", event]).current_dir(scratch.path()).output().unwrap();
    assert_eq!(text(&output.stdout), said);
}

#[test]
fn what_is_not_there_is_said() {
    let scratch = Scratch::new("explain-errors");
    let folder = scratch.join("some");
    assert_eq!(run(&["run", "scenarios/minimal", "-n", "5", "-o", arg(&folder)]).status.code(), Some(0));
    for (arguments, words) in [
        (&["event", "99:1"][..], "there is no replication 99"),
        (&["event", "0:99999999"], "has no event 99999999"),
        (&["event", "0:1", "--alternative", "recomended"], "did you mean `recommended`?"),
        (&["events", "--kind", "service-loss"], "did you mean `service-lost`?"),
        (&["event", "3"], "write REPLICATION:SEQ"),
        (&["event", "-1:3"], "-1"),
        (&["event", "1:-3"], "write REPLICATION:SEQ"),
        (&["events", "--case", "dark"], "there is no case `dark`"),
        (&["events", "--most", "0"], "whole number from 1"),
    ] {
        let output = run(&[&["explain"], arguments, &[arg(&folder)]].concat());
        let said = text(&output.stderr);
        assert!(matches!(output.status.code(), Some(1 | 2)) && said.contains(words), "{arguments:?}: {said}");
    }
    let output = bastide(&["explain", "events"]).current_dir(scratch.path()).output().unwrap();
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("there are no finished results in `results`"), "{said}");
}
