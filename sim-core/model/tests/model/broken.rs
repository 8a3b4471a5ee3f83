//! One slip, one message, at its place.

use rstest::rstest;

use crate::folder::{Folder, codes, found, minimal, patched};

/// Replaces a text, and expects one diagnostic on the line of the replacement, at the column of `mark` in it.
#[rstest]
#[case::wrong_unit("connection = \"1 MW\"", "connection = \"1 MWh\"", "MWh", "F0206")]
#[case::negative("connection = \"1 MW\"", "connection = \"-1 MW\"", "\"-1", "F0208")]
#[case::bare("connection = \"1 MW\"", "connection = 1", "1", "F0205")]
#[case::not_a_number("connection = \"1 MW\"", "connection = \"nan MW\"", "\"nan", "F0207")]
#[case::no_unit("connection = \"1 MW\"", "connection = \"1\"", "\"1\"", "F0205")]
#[case::unknown_key("pue = 1.25", "pux = 1.25", "pux", "F0202")]
#[case::pue_below_one("pue = 1.25", "pue = 0.8", "0.8", "F0209")]
#[case::dangling("bus = \"north\"\ntier", "bus = \"norht\"\ntier", "\"norht", "F0301")]
#[case::word("tier = \"T1\"", "tier = \"T5\"", "\"T5", "F0210")]
#[case::format("format = 1", "format = 2", "2", "F0219")]
#[case::date_text("start = 2027-01-01T00:00:00Z", "start = \"2027-01-01\"", "\"2027", "F0212")]
#[case::name("name = \"right\"", "name = \"Right\"", "\"Right", "F0211")]
#[case::both("mttf = \"190 h\"", "mttf = \"190 h\"\nfailure_rate = \"1 / d\"", "\"1 / d", "F0214")]
#[case::distribution(
    "repair = { dist = \"exponential\", mean = \"10 h\" }",
    "repair = { dist = \"exponental\", mean = \"10 h\" }",
    "\"exponental",
    "F0213"
)]
#[case::latitude("name = \"north\"\n\n[[bus]]", "name = \"north\"\nlatitude = 95\nlongitude = 2\n\n[[bus]]", "95", "F0504")]
#[case::longitude_missing("name = \"north\"\n\n[[bus]]", "name = \"north\"\nlatitude = 55\n\n[[bus]]", "55", "F0215")]
#[case::provenance("budget = \"2 M EUR\"", "budget = { value = \"2 M EUR\", sorce = \"x\" }", "sorce", "F0202")]
#[case::it_above_connection("pue = 1.25", "pue = 1.25\nmax_it_power = \"1 MW\"", "\"1 MW\"", "F0501")]
#[case::reserved("name = \"one-site\"", "name = \"recommended\"", "\"recommended", "F0701")]
#[case::empty("accelerators = [\"card\"]", "accelerators = []", "[]", "F0703")]
#[case::cap("accelerators = [\"card\"]", "accelerators = [{ name = \"card\", cap = 0 }]", "0 }", "F0704")]
#[case::residency("value = \"5 EUR/M tokens\"", "value = \"5 EUR/M tokens\"\nresidency = [\"eu\"]", "\"eu\"", "F0308")]
#[case::latency("value = \"5 EUR/M tokens\"", "value = \"5 EUR/M tokens\"\nmax_latency = \"0 s\"", "\"0 s\"", "F0208")]
#[case::too_large("tokens_per_accelerator = \"10 k tokens/s\"", "model = \"no-such-model\"", "\"no-such", "F0309")]
#[case::survival("max_sites = 1\nsurvive_site_loss = []", "max_sites = 1", "name", "")]
fn marks_the_place(#[case] from: &str, #[case] to: &str, #[case] mark: &str, #[case] code: &str) {
    let text = patched(from, to);
    let place = text.find(to).unwrap() + to.rfind(mark).unwrap_or(0);
    let line = text[..place].matches('\n').count() as u32 + 1;
    let column = (place - text[..place].rfind('\n').map_or(0, |at| at + 1)) as u32 + 1;
    if code.is_empty() {
        // The alternative inherits what must survive: reported at its name, not here.
        assert_eq!(codes(&text).iter().map(|it| it.0.as_str()).collect::<Vec<_>>(), ["F0608"]);
        return;
    }
    assert_eq!(codes(&text), vec![(code.to_owned(), line, column)], "{text}");
}

#[test]
fn finds_all_at_once() {
    let text = minimal()
        .replace("\"1 MW\"", "\"1 MWx\"")
        .replace("bus = \"north\"\ntechnology", "bus = \"noth\"\ntechnology")
        .replace("[policy]", "[polici]");
    let codes: Vec<String> = codes(&text).into_iter().map(|it| it.0).collect();
    assert_eq!(codes, ["F0301", "F0206", "F0206", "F0201"]);
}

#[test]
fn a_syntax_error_hides_nothing_else_and_makes_no_second_message() {
    let text = patched("capacity = \"10 MW\"", "capacity = 10 MW").replace("budget = \"2 M EUR\"", "budget = \"2 M USD\"");
    let codes: Vec<String> = codes(&text).into_iter().map(|it| it.0).collect();
    assert_eq!(codes, ["F0109", "F0206"]);
}

#[test]
fn messages_read_well() {
    let result = Folder::new().with("scenario.toml", patched("pue = 1.25", "pux = 1.25")).load();
    let list = result.unwrap_err();
    assert_eq!(list[0].message, "`site` has no key `pux`");
    assert_eq!(list[0].hint.as_deref(), Some("did you mean `pue`?"));
    assert_eq!(&*list[0].span().text, "pux = 1.25");
    assert_eq!((&*list[0].span().file, list[0].span().length), ("scenario.toml", 3));

    let result = Folder::new().with("scenario.toml", patched("name = \"right\"", "name = \"left\"")).load();
    let list = result.unwrap_err();
    assert_eq!((list[0].code, list[0].message.as_str()), ("F0302", "there are two sites `left`"));
    assert_eq!(list[0].labels.len(), 2);
}

#[test]
fn columns_count_characters() {
    let text = patched("budget = \"2 M EUR\"", "budget = { source = \"Rīgas ēka\", value = \"2 M USD\" }");
    // budget = { source = "Rīgas ēka", value = "2 M USD" }: the unit begins at character 45.
    assert_eq!(codes(&text)[0].2, 45);
}

#[test]
fn files_that_are_no_text() {
    let large = [b"# ".as_slice(), &vec![b'x'; 2 << 20], b"\n[scenario]\n"].concat();
    let cases: [(&[u8], &str, u32, u32); 4] = [
        (b"\xff\xfe[\0s\0", "F0104", 1, 1),
        (b"[scenario]\ntitle = \"R\xeega\"\n", "F0103", 2, 11),
        (b"[scenario]\nname\0 = 1\n", "F0107", 2, 5),
        (&large, "F0106", 1, 1),
    ];
    for (bytes, code, line, column) in cases {
        assert_eq!(found(&Folder::new().with("scenario.toml", bytes).load()), vec![(code.to_owned(), line, column)]);
    }
}

#[test]
fn a_huge_line_is_refused_at_once() {
    let folder = Folder::new();
    let file = std::fs::File::create(folder.path().join("scenario.toml")).unwrap();
    // A sparse file: 100 MB without a line break.
    file.set_len(100 << 20).unwrap();
    assert_eq!(found(&folder.load()), vec![("F0105".to_owned(), 0, 0)]);
}

#[test]
fn deep_nesting_is_refused() {
    let text = format!("{}\n[extra]\nx = {}{}\n", minimal(), "[".repeat(5000), "]".repeat(5000));
    let codes: Vec<String> = codes(&text).into_iter().map(|it| it.0).collect();
    assert!(codes.contains(&"F0108".to_owned()), "{codes:?}");
}

#[test]
fn folders_and_files_that_are_not_there() {
    let missing = bastide_model::load(std::path::Path::new("/no/such/place"), &[]);
    assert_eq!(found(&missing), vec![("F0101".to_owned(), 0, 0)]);
    assert_eq!(found(&Folder::new().load()), vec![("F0102".to_owned(), 0, 0)]);
}

#[test]
fn extends_merges_and_places() {
    let over = "extends = \"../base/scenario.toml\"\n[plan]\nbudget = \"3 M USD\"\n[[site]]\nname = \"left\"\nconnection = \"2 MW\"\n";
    let folder = Folder::new().with("base/scenario.toml", minimal()).with("over/scenario.toml", over);
    let list = bastide_model::load(&folder.path().join("over"), &[]).unwrap_err();
    assert_eq!(list.len(), 1, "{list:#?}");
    assert_eq!(list[0].span().to_string(), "scenario.toml:3:13");

    let folder = folder.with("over/scenario.toml", over.replace("USD", "EUR"));
    let loaded = bastide_model::load(&folder.path().join("over"), &[]).unwrap();
    assert_eq!(loaded.model.planning.budget.as_meur(), 3.0);
    assert_eq!(loaded.model.sites.iter().map(|site| site.connection.as_mw()).collect::<Vec<_>>(), [2.0, 1.0]);
    assert_eq!(loaded.model.inputs.iter().map(|input| input.path.as_str()).collect::<Vec<_>>(), ["scenario.toml", "../base/scenario.toml"]);

    // A mistake in the base is placed in the base.
    let folder = folder.with("base/scenario.toml", patched("pue = 1.25", "pue = 0.1"));
    let list = bastide_model::load(&folder.path().join("over"), &[]).unwrap_err();
    assert_eq!(&*list[0].span().file, "../base/scenario.toml");

    let circle = Folder::new().with("scenario.toml", "extends = \"b.toml\"\n").with("b.toml", "extends = \"scenario.toml\"\n");
    let list = circle.load().unwrap_err();
    let first = list.iter().find(|it| it.code == "F0111").unwrap();
    assert_eq!(first.span().to_string(), "b.toml:1:11");
}

#[test]
fn overrides() {
    let set = |pairs: &[(&str, &str)]| {
        let sets: Vec<(String, String)> = pairs.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect();
        bastide_model::load(&crate::folder::scenarios().join("minimal"), &sets)
    };
    let model = set(&[("site.left.connection", "\"2 MW\""), ("plan.budget", "5 M EUR"), ("policy.headroom", "0.5")]).unwrap().model;
    assert_eq!((model.sites[0].connection.as_mw(), model.planning.budget.as_meur(), model.policy.headroom), (2.0, 5.0, 0.5));
    let wrong = set(&[("site.lefd.pue", "1.1"), ("plan.budget", "[1"), ("sites.left.pue", "1"), ("site.left.pux", "1.1")]).unwrap_err();
    let mut codes: Vec<(&str, &str)> = wrong.iter().map(|it| (it.code, &*it.span().file)).collect();
    codes.sort_unstable();
    let expect = [
        ("F0112", "--set plan.budget"),
        ("F0113", "--set site.lefd.pue"),
        ("F0113", "--set sites.left.pue"),
        ("F0202", "--set site.left.pux"),
    ];
    assert_eq!(codes, expect);
}
