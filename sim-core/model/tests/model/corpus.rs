//! Every bad scenario gives exactly the mistakes that its comments expect: code, file, line and column.

use std::path::{Path, PathBuf};

use bastide_model::expected_diagnostics;

use crate::folder::scenarios;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// `code file:line:column` that the comments of a case expect, in order.
fn expected(case: &Path) -> Vec<String> {
    let mut all = Vec::new();
    let root = if case.is_dir() {
        files(case, &mut all);
        case
    } else {
        all.push(case.to_path_buf());
        case.parent().unwrap()
    };
    let mut expected = Vec::new();
    for path in all {
        let bytes = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        // A mistake of a file as a whole is marked in the scenario, and concerns its plan file.
        let place = |line: u32, column: u32| if line == 0 { "plan.toml".to_owned() } else { format!("{name}:{line}:{column}") };
        let elsewhere: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("#@ ")).collect();
        let here: String = text.replace("#@ ", "#, ");
        expected.extend(expected_diagnostics(&here).into_iter().map(|(code, line, column)| format!("{code} {}", place(line, column))));
        for marked in elsewhere {
            let words: Vec<&str> = marked.split_whitespace().collect();
            assert_eq!(expected_diagnostics(&format!("#@ {marked}")).len(), 1, "{name}: {marked}");
            expected.push(format!("{} {}", words[0], words[1]));
        }
    }
    expected.sort();
    expected
}

#[test]
fn every_bad_scenario_gives_what_its_comments_expect() {
    let entries = std::fs::read_dir(scenarios().join("invalid")).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> = entries.filter(|path| path.is_dir() || path.extension().is_some_and(|end| end == "toml")).collect();
    cases.sort();
    assert!(cases.len() >= 235, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let list = match bastide_model::load(&case, &[]) {
            Ok(loaded) => loaded.warnings,
            Err(list) => list,
        };
        let mut got: Vec<String> = list.iter().map(|it| format!("{} {}", it.code, it.span())).collect();
        got.sort();
        let want = expected(&case);
        if got != want || want.is_empty() {
            wrong.push(format!("{}\n  expected {want:?}\n  got      {got:?}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
