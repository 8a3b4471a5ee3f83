//! What messages say, and what they do not say.

use bastide_model::diag::Diagnostic;

use crate::folder::{Folder, minimal, patched};

fn load(text: &str) -> Vec<Diagnostic> {
    match Folder::new().with("scenario.toml", text).load() {
        Ok(loaded) => loaded.warnings,
        Err(list) => list,
    }
}

/// Code, message and hint of the one mistake of a patched minimal scenario.
fn one(from: &str, to: &str) -> (&'static str, String, String) {
    let list = load(&patched(from, to));
    assert_eq!(list.len(), 1, "{list:#?}");
    (list[0].code, list[0].message.clone(), list[0].hint.clone().unwrap_or_default())
}

#[test]
fn a_number_is_not_joined_to_a_unit_that_nobody_wrote() {
    for bare in ["2000000", "\"2000000\""] {
        let (code, message, hint) = one("budget = \"2 M EUR\"", &format!("budget = {bare}"));
        assert_eq!((code, message.as_str()), ("F0205", "`budget` is an amount of money and needs a unit"));
        assert_eq!(hint, "write an amount of money with its unit, in quotes, such as `\"3 bn EUR\"`");
    }
}

#[test]
fn numbers_with_separators() {
    let hint = |written: &str| {
        let (code, _, hint) = one("budget = \"2 M EUR\"", &format!("budget = \"{written}\""));
        assert_eq!(code, "F0207");
        hint.split_once("write ").unwrap().1.to_owned()
    };
    assert_eq!(hint("1,5 M EUR"), "`\"1.5 M EUR\"`");
    assert_eq!(hint("2,000,000 EUR"), "`\"2000000 EUR\"`");
    assert_eq!(hint("2 000 000 EUR"), "`\"2000000 EUR\"`");
    assert_eq!(hint("2.000,50 k EUR"), "`\"2000.50 k EUR\"`");
    assert_eq!(hint("1,500 k EUR"), "`\"1.500 k EUR\"` or `\"1500 k EUR\"`");
    assert_eq!(hint("2,000.5 k EUR"), "`\"2000.5 k EUR\"`");
}

#[test]
fn units_in_words() {
    let (code, _, hint) = one("node_failure_rate = \"0 / d\"", "node_failure_rate = \"6.5 per 1000 node days\"");
    assert_eq!((code, hint.split(';').next().unwrap()), ("F0206", "write `\"6.5 / 1000 node d\"`"));
    let (_, _, hint) = one("duration = \"365 d\"", "duration = \"365 days\"");
    assert!(hint.starts_with("write `\"365 d\"`"), "{hint}");
}

#[test]
fn ratios_out_of_range() {
    assert_eq!(one("headroom = \"100 %\"", "headroom = 70").2, "write `\"70 %\"` if percent are meant, or a number from 0 to 1");
    assert_eq!(one("headroom = \"100 %\"", "headroom = 1.4").2, "such as `0.21` or `\"21 %\"`");
    assert_eq!(one("pue = 1.25", "pue = 0.8").2, "such as `1.2`");
}

#[test]
fn messages_are_one_line() {
    let (code, message, _) = one("budget = \"2 M EUR\"", "budget = \"2 M\\nUSD\"");
    assert_eq!((code, message.as_str()), ("F0206", "`M USD` is not a unit of money"));
}

#[test]
fn integers_that_do_not_fit_are_shown_as_written() {
    let (code, message, _) = one("seed = 7", "seed = 0xFFFFFFFFFFFFFFFFFF");
    assert_eq!((code, message.as_str()), ("F0207", "`0xFFFFFFFFFFFFFFFFFF` does not fit 64 bits"));
}

#[test]
fn a_required_word_cannot_be_left_out() {
    assert_eq!(one("operator = \"state\"", "operator = \"\"").2, "write `operator = \"...\"`");
    assert_eq!(one("operator = \"state\"", "operator = \"state\"\nsegment = \"\"").2, "write a word, or leave the key out");
}

#[test]
fn names_far_away_are_not_suggested() {
    let (code, _, hint) = one("bus = \"north\"\ntier", "bus = \"south\"\ntier");
    assert_eq!((code, hint.as_str()), ("F0301", "known: `north`"));
}

#[test]
fn power_for_no_node_shows_what_was_written() {
    let list = load(&patched("it_power = \"16 kW\"", "it_power = \"16 W\""));
    assert_eq!(list[0].message, "`it_power` of 16 W is less than one node of 8 kW");
    assert_eq!(&*list[0].span().text, "it_power = \"16 W\"");
}

#[test]
fn files_that_are_nearly_there() {
    let over = |base: &str| format!("extends = \"{base}\"\n[plan]\nbudget = 2\n");
    let hints = |base: &str| {
        let folder = Folder::new().with("base/scenario.toml", minimal()).with("over/scenario.toml", over(base));
        let list = bastide_model::load(&folder.path().join("over"), &[]).unwrap_err();
        assert_eq!(list.iter().map(|it| it.code).collect::<Vec<_>>(), ["F0101", "F0205"]);
        list[0].hint.clone().unwrap()
    };
    assert_eq!(hints("../base/scenaro.toml"), "did you mean `../base/scenario.toml`?");
    assert_eq!(hints("../base"), "it is a folder: write `../base/scenario.toml`");
    assert_eq!(hints("../base/other.toml"), "check the path; it is relative to the file that says it");

    let text = patched("power = \"2 MW\"", "power = { series = \"series/town.cvs\", column = \"town\" }");
    let list = Folder::new().with("scenario.toml", text).with("series/town.csv", "time,town [MW]\n").load().unwrap_err();
    assert_eq!(list[0].hint.as_deref(), Some("did you mean `series/town.csv`?"));
}

#[test]
fn what_an_overlay_writes_in_another_form_keeps_the_base() {
    let list = |over: &str| {
        let folder =
            Folder::new().with("base/scenario.toml", minimal()).with("scenario.toml", format!("extends = \"base/scenario.toml\"\n{over}"));
        let found = folder.load().unwrap_err();
        found.iter().map(|it| format!("{} {}", it.code, it.span())).collect::<Vec<_>>()
    };
    assert_eq!(list("[service]\nname = \"chat\"\n"), ["F0204 scenario.toml:2:2"]);
    assert_eq!(list("[[plan]]\nbudget = \"1 EUR\"\n"), ["F0204 scenario.toml:2:3"]);
    assert_eq!(list("site = 3\n"), ["F0204 scenario.toml:2:1"]);
    // A table without a name is a new one; `left` is still laid over that of the base.
    assert_eq!(
        list("[[load]]\nname = \"town\"\npower = 3\n[[load]]\npower = \"1 MW\"\nbus = \"north\"\nvalue_of_lost_load = \"1 EUR/kWh\"\n"),
        ["F0205 scenario.toml:4:9", "F0203 scenario.toml:5:1"]
    );
}

#[test]
fn dates_and_series_are_not_judged_without_a_start() {
    let text = patched("start = 2027-01-01T00:00:00Z", "start = \"2027\"")
        .replace("power = \"2 MW\"", "power = { series = \"town.csv\", column = \"town\" }")
        + "[[campaign]]\nname = \"big\"\nnation = \"north\"\ncompute = \"1e20 FLOP\"\naccelerators = 8\nstart = 2027-02-01\ndeadline = 2027-06-01\n";
    let folder =
        Folder::new().with("scenario.toml", text).with("town.csv", "time,town [MW]\n2027-01-01T00:00:00Z,1\n2027-01-01T01:00:00Z,x\n");
    let list = folder.load().unwrap_err();
    assert_eq!(list.iter().map(|it| it.code).collect::<Vec<_>>(), ["F0212", "F0406"], "{list:#?}");
}
