//! Location problems and networks of others, from their file to a proven plan through the program.

use serde_json::Value;

use crate::support::{Scratch, arg, json, run, text};

/// Three facilities and four customers in the form of OR-Library: the first two are cheap and small. All demand is 40; any two of
/// 20, 20 and 30 take it, 20 + 20 just so.
const CAP: &str = " 3 4
 capacity 100.
 capacity 100.
 30 150.
 10
 10. 40 20
 10
 20 30 10
 10
 30 10 20
 10
 40 20 30
";

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn import(scratch: &Scratch, command: &[&str], name: &str, contents: &str) -> (i32, Value, std::path::PathBuf) {
    let (file, folder) = (scratch.join(name), scratch.join(&format!("{name}-scenario")));
    std::fs::write(&file, contents).expect("the temporary folder can be written");
    let mut arguments = vec!["import", command[0], arg(&file), "-o", arg(&folder)];
    arguments.extend(&command[1..]);
    let (exit, answer) = json(&arguments);
    (exit, answer, folder)
}

#[test]
fn a_location_problem_becomes_a_proven_plan() {
    let scratch = Scratch::new("location");
    let (exit, answer, folder) = import(&scratch, &["orlib-cap", "--capacity", "20"], "small.txt", CAP);
    assert_eq!((exit, answer["schema"].as_str()), (0, Some("bastide/import/1")));
    assert_eq!(answer["files"], serde_json::json!(["scenario.toml", "series/serving-cost.csv", "README.md"]));
    let validated = run(&["validate", arg(&folder)]);
    assert_eq!(validated.status.code(), Some(0), "{}", text(&validated.stderr));
    assert!(!text(&validated.stderr).contains("warning"), "{}", text(&validated.stderr));

    let (exit, plan) = json(&["plan", arg(&folder)]);
    assert_eq!((exit, plan["status"].as_str()), (0, Some("optimal")), "{plan}");
    // 1 and 2 at 200: 10 + 20 and 10 + 20, in all 260. 1 and 3 at 250: 10 + 10 + 20 + 30. 2 and 3: dearer still.
    assert!((number(&plan["objective"]) - 260.0).abs() < 1e-6, "{}", plan["objective"]);
    assert!((number(&plan["bound"]) - 260.0).abs() < 1e-3 && number(&plan["gap"]) <= 1e-6);
    let lines: f64 = plan["cost"].as_array().expect("a list").iter().map(|line| number(&line["annual_eur"])).sum();
    assert!((lines - 260.0).abs() < 1e-6);
    assert!(plan["checks"].as_array().expect("a list").iter().all(|check| check["ok"] == true));
    let shares: f64 = plan["placements"].as_array().expect("a list").iter().map(|place| number(&place["share"])).sum();
    assert!((shares - 4.0).abs() < 1e-9);
    assert!(plan["certificate"]["solver"].as_str().expect("a text").starts_with("location search"), "{}", plan["certificate"]);

    // The plan as a file is the same plan.
    let file = scratch.join("plan.toml");
    assert_eq!(run(&["plan", arg(&folder), "-o", arg(&file), "--format", "quiet"]).status.code(), Some(0));
    let (exit, again) = json(&["plan", arg(&folder), "--check", arg(&file)]);
    assert_eq!(exit, 0, "{again}");
    // A second import does not write over the first.
    assert_eq!(
        run(&["import", "orlib-cap", arg(&scratch.join("small.txt")), "--capacity", "20", "-o", arg(&folder)]).status.code(),
        Some(1)
    );
}

#[test]
fn what_the_file_leaves_open_is_asked_for() {
    let scratch = Scratch::new("location-open");
    let (exit, answer, folder) = import(&scratch, &["orlib-cap"], "small.txt", CAP);
    assert_eq!((exit, answer["schema"].as_str()), (1, Some("bastide/diagnostics/1")));
    let first = &answer["diagnostics"][0];
    assert_eq!((first["code"].as_str(), first["line"].as_u64(), first["column"].as_u64()), (Some("F0954"), Some(2), Some(2)));
    assert!(first["hint"].as_str().expect("a text").contains("--capacity"), "{first}");
    assert!(!folder.exists());
    for capacity in ["0", "nan", "-1"] {
        assert_eq!(
            run(&["import", "orlib-cap", arg(&scratch.join("small.txt")), &format!("--capacity={capacity}")]).status.code(),
            Some(1)
        );
    }
}

#[test]
fn too_little_capacity_is_a_conflict() {
    let scratch = Scratch::new("location-short");
    let (exit, _, folder) = import(&scratch, &["orlib-cap", "--capacity", "4"], "small.txt", CAP);
    assert_eq!(exit, 0);
    let (exit, answer) = json(&["plan", arg(&folder)]);
    assert_eq!((exit, answer["status"].as_str()), (1, Some("infeasible")));
    let names: Vec<&str> = answer["conflict"].as_array().expect("a list").iter().filter_map(|group| group["name"].as_str()).collect();
    assert!(names.contains(&"accelerators of site-3") && names.contains(&"least service of T2"), "{names:?}");
}

#[test]
fn a_file_cut_short_is_refused_where_it_ends() {
    let scratch = Scratch::new("location-cut");
    let (exit, answer, _) = import(&scratch, &["holmberg"], "cut.txt", "2 2\n10 100\n10 100\n5 5\n1 2\n3\n");
    let first = &answer["diagnostics"][0];
    assert_eq!((exit, first["code"].as_str(), first["line"].as_u64()), (1, Some("F0955"), Some(6)));
}

/// A ring of four nodes with both diagonals, and a tail.
fn network(tail: &str) -> String {
    let node = |(id, x, y): (&str, f64, f64)| format!("<node id=\"{id}\"><coordinates><x>{x}</x><y>{y}</y></coordinates></node>\n");
    let link = |(a, b): (&str, &str)| format!("<link id=\"{a}{b}\"><source>{a}</source><target>{b}</target></link>\n");
    let nodes: String = [("A", 0.0, 0.0), ("B", 3.0, 0.0), ("C", 3.0, 4.0), ("D", 0.0, 4.0), ("E", 10.0, 4.0)].map(node).concat();
    let links: String = [("A", "B"), ("B", "C"), ("C", "D"), ("D", "A"), ("A", "C"), ("B", "D"), ("C", "E")].map(link).concat();
    format!(
        "<network><networkStructure><nodes coordinatesType=\"pixel\">\n{nodes}</nodes>\n<links>\n{links}{tail}</links></networkStructure></network>\n"
    )
}

#[test]
fn a_network_is_built_that_survives_the_loss_of_any_link() {
    let scratch = Scratch::new("network");
    let tail = "<link id=\"EB\"><source>E</source><target>B</target></link>\n";
    let (exit, _, folder) = import(&scratch, &["sndlib"], "ring.xml", &network(tail));
    assert_eq!(exit, 0);
    let (exit, plan) = json(&["plan", arg(&folder)]);
    assert_eq!((exit, plan["status"].as_str()), (0, Some("optimal")), "{plan}");
    // E needs both of its links, 7 and sqrt(49 + 16); then A and D: A-B 3, C-D 3, D-A 4 close a ring of all five.
    let least = 7.0 + 65.0_f64.sqrt() + 3.0 + 3.0 + 4.0;
    assert!((number(&plan["objective"]) - least).abs() < 1e-6 * least, "{} {least}", plan["objective"]);
    assert_eq!(plan["links"].as_array().map(Vec::len), Some(5), "{}", plan["links"]);
    assert!(plan["checks"].as_array().expect("a list").iter().all(|check| check["ok"] == true));
    let file = scratch.join("plan.toml");
    assert_eq!(run(&["plan", arg(&folder), "-o", arg(&file), "--format", "quiet"]).status.code(), Some(0));
    // Without one of the links the plan is refused.
    let contents = std::fs::read_to_string(&file).expect("the plan was written").replacen("\n[[link]]\nlink = \"c-d\"\n", "", 1);
    std::fs::write(&file, contents).expect("the temporary folder can be written");
    let (exit, answer) = json(&["plan", arg(&folder), "--check", arg(&file)]);
    let broken: Vec<&Value> = answer["checks"].as_array().expect("a list").iter().filter(|check| check["ok"] == false).collect();
    assert_eq!(exit, 1);
    assert!(broken.iter().any(|check| check["name"] == "nations stay connected when any single link is down"), "{broken:?}");
}

#[test]
fn a_bridge_is_named() {
    let scratch = Scratch::new("bridge");
    let (_, _, folder) = import(&scratch, &["sndlib"], "tail.xml", &network(""));
    let (exit, answer) = json(&["plan", arg(&folder)]);
    assert_eq!((exit, answer["status"].as_str()), (1, Some("infeasible")));
    assert!(answer["conflict"].to_string().contains("C-E"), "{}", answer["conflict"]);
}
