//! Files that are too large or no scenario at all: refused quickly, with few words.

use std::io::Write as _;

use crate::folder::{Folder, found, minimal, patched};

#[allow(clippy::disallowed_methods, reason = "these tests are about the time of day")]
fn seconds(work: impl FnOnce()) -> f64 {
    let start = std::time::Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

/// Writes 100 MB of one line.
fn hundred_megabytes(folder: &Folder, name: &str) {
    let mut file = std::fs::File::create(folder.path().join(name)).unwrap();
    let block = vec![b'x'; 1 << 20];
    for _ in 0..100 {
        file.write_all(&block).unwrap();
    }
}

#[test]
fn a_scenario_of_100_mb_is_refused_by_its_size() {
    let folder = Folder::new();
    hundred_megabytes(&folder, "scenario.toml");
    let mut list = Vec::new();
    let time = seconds(|| list = found(&folder.load()));
    assert_eq!(list, vec![("F0105".to_owned(), 0, 0)]);
    assert!(time < 0.2, "{time} s");
}

#[test]
fn a_series_of_100_mb_is_refused_by_its_size() {
    let text = patched("power = \"2 MW\"", "power = { series = \"town.csv\", column = \"town\" }");
    let folder = Folder::new().with("scenario.toml", text);
    hundred_megabytes(&folder, "town.csv");
    let mut list = Vec::new();
    let time = seconds(|| list = found(&folder.load()));
    assert_eq!(list.iter().map(|it| it.0.as_str()).collect::<Vec<_>>(), ["F0105"]);
    assert!(time < 0.2, "{time} s");
}

/// Twelve megabytes of a text over and over.
fn junk(line: &str) -> String {
    line.repeat((12 << 20) / line.len())
}

#[test]
fn junk_ends_soon() {
    let sites = "[[site]]\nname = \"x\"\n";
    let cases = [
        ("words", junk("x\n")),
        ("quotes", junk("\"\n")),
        ("bare values", junk("a = b\n")),
        ("open lists", junk("a = [\n")),
        ("headings", junk("[[[\n")),
        ("numbers", junk("1.5;2;3\n")),
        ("sites of one name", junk(sites)),
        ("a scenario, then junk", minimal() + &junk("x\n")),
        ("keys", (0..700_000).fold(String::new(), |text, index| text + "key" + &index.to_string() + " = 1\n")),
        ("tables", (0..700_000).fold(String::new(), |text, index| text + "[t" + &index.to_string() + "]\nk = 1\n")),
        ("keys of a plan", (0..700_000).fold("[plan]\n".to_owned(), |text, index| text + "key" + &index.to_string() + " = 1\n")),
    ];
    for (name, text) in cases {
        let folder = Folder::new().with("scenario.toml", &text);
        let mut list = Vec::new();
        let time = seconds(|| list = folder.load().unwrap_err());
        assert!((1..=2001).contains(&list.len()), "{name}: {} mistakes", list.len());
        // It takes less than two; other tests run beside this one.
        assert!(time < 5.0, "{name}: {time} s");
    }
}

#[test]
fn more_mistakes_than_anybody_reads_are_cut() {
    let text = minimal() + &"[[load]]\nname = \"town-2\"\n".repeat(3000);
    let list = Folder::new().with("scenario.toml", text).load().unwrap_err();
    assert_eq!((list.len(), list[2000].code), (2001, "F0114"));
}
