//! What is generated from the registry, the template, and speed.

use std::fmt::Write as _;

use crate::folder::{Folder, minimal, scenarios};

#[test]
fn the_schema_file_is_up_to_date() {
    let text = serde_json::to_string_pretty(&bastide_model::json_schema()).unwrap() + "\n";
    let path = scenarios().join("schema/scenario.schema.json");
    if std::env::var_os("BASTIDE_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let file = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(file == text, "out of date: BASTIDE_BLESS=1 cargo test -p bastide-model writes it");
}

#[test]
fn reference_and_explanations_name_every_key() {
    let page = bastide_model::reference_markdown();
    for table in bastide_model::keys::TABLES {
        for key in table.keys.iter().chain(table.variants.iter().flat_map(|(_, keys)| keys.iter())) {
            assert!(page.contains(&format!("| `{}` |", key.name)));
            assert!(bastide_model::explain(&format!("{}.{}", table.name, key.name)).is_some());
        }
    }
    assert!(bastide_model::explain("site.connection").unwrap().contains("120 MW"));
    assert_eq!(bastide_model::explain("site.conection"), None);
    assert_eq!(bastide_model::explain("nothing"), None);
}

#[test]
fn a_new_scenario_is_valid() {
    let mut folder = Folder::new();
    for (path, text) in bastide_model::new_scenario("my-country") {
        folder = folder.with(&path, text);
    }
    let loaded = folder.load().unwrap_or_else(|list| panic!("{list:#?}"));
    assert_eq!(loaded.warnings, vec![]);
    assert_eq!(loaded.model.header.name, "my-country");
}

#[test]
fn the_resolved_scenario_is_a_scenario_of_the_same_model() {
    let shown = bastide_model::show_resolved(&scenarios().join("minimal"), &[("site.left.pue".to_owned(), "1.3".to_owned())]).unwrap();
    assert!(shown.contains("pue = 1.3  # --set site.left.pue"), "{shown}");
    assert!(shown.contains("lead_time = \"0 d\"  # default"), "{shown}");
    let again = Folder::new().with("scenario.toml", &shown).load().unwrap_or_else(|list| panic!("{list:#?}\n{shown}")).model;
    let sets = [("site.left.pue".to_owned(), "1.3".to_owned())];
    let first = bastide_model::load(&scenarios().join("minimal"), &sets).unwrap().model;
    assert_eq!(format!("{:?}", again.policy), format!("{:?}", first.policy));
    assert_eq!(
        again.sites.iter().map(|site| site.max_it_power).collect::<Vec<_>>(),
        first.sites.iter().map(|site| site.max_it_power).collect::<Vec<_>>()
    );
    assert_eq!(again.planning.budget, first.planning.budget);
}

/// A scenario of ten thousand lines: sites, services, loads.
pub fn ten_thousand_lines() -> String {
    let mut text = minimal();
    for index in 0..500 {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n[[site]]\nname = \"site-{index}\"\nbus = \"north\"\ntier = \"edge\"\nconnection = \"1 MW\"\npue = 1.2\nmttf = \"100 d\"\n\
             repair = {{ dist = \"lognormal\", median = \"1 d\", p95 = \"3 d\" }}\noperator = \"state\"\nbuilding_cost = {{ value = \"10 M EUR/MW\", source = \"x\" }}\n\
             \n[[service]]\nname = \"service-{index}\"\nnation = \"north\"\ntier = \"T2\"\ntokens_per_accelerator = \"10 k tokens/s\"\ndemand = \"1 k tokens/s\"\nvalue = \"1 EUR/M tokens\"\n"
        );
    }
    text
}

#[test]
fn ten_thousand_lines_decode_quickly() {
    let text = ten_thousand_lines();
    assert!(text.lines().count() >= 9500, "{}", text.lines().count());
    let folder = Folder::new().with("scenario.toml", &text);
    #[allow(clippy::disallowed_methods, reason = "this test is about the time of day")]
    let now = std::time::Instant::now;
    // The best of three: other tests run beside this one.
    let best = (0..3).map(|_| {
        let start = now();
        folder.load().unwrap();
        start.elapsed().as_secs_f64()
    });
    let best = best.fold(f64::INFINITY, f64::min);
    assert!(best < 0.2, "{} lines take {best} s", text.lines().count());
}
