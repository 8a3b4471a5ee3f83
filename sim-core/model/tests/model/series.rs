//! Hourly series: what is read, and every way in which a file can be wrong.

use rstest::rstest;

use crate::folder::{Folder, found, patched};

/// Two days of the minimal scenario with its load from a series.
fn scenario() -> String {
    patched("duration = \"365 d\"", "duration = \"2 d\"")
        .replace("power = \"2 MW\"", "power = { series = \"series/load.csv\", column = \"town\", scale = 2 }")
}

fn rows(from: usize, count: usize, value: impl Fn(usize) -> String) -> String {
    let mut text = "time,other [1],town [MW]\n".to_owned();
    for hour in from..from + count {
        text = format!("{text}2027-01-{:02}T{:02}:00:00Z,1,{}\n", 1 + hour / 24, hour % 24, value(hour));
    }
    text
}

fn folder(csv: &str) -> Folder {
    Folder::new().with("scenario.toml", scenario()).with("series/load.csv", csv)
}

#[test]
fn reads_values_in_base_units() {
    let loaded = folder(&rows(0, 60, |hour| format!("0.{hour:02}"))).load().unwrap();
    let power = loaded.model.loads[0].power;
    // Scale 2 times 0.05 MW in hour 5.
    assert!((loaded.model.at(power, 5) - 100_000.0).abs() < 1e-6);
    assert_eq!(loaded.model.series[0].values.len(), 48);
    assert_eq!(loaded.model.series[0].name, "series/load.csv#town");
    assert!(loaded.model.inputs.iter().any(|input| input.path == "series/load.csv"));
}

/// Expects one diagnostic with this code in the CSV, at this line and column.
#[rstest]
#[case::not_a_number("F0406", "\n2027-01-01T04:00:00Z,1,1\n", "\n2027-01-01T04:00:00Z,1,one\n", 6, 24)]
#[case::not_finite("F0407", "\n2027-01-01T04:00:00Z,1,1\n", "\n2027-01-01T04:00:00Z,1,NaN\n", 6, 24)]
#[case::empty("F0408", "\n2027-01-01T04:00:00Z,1,1\n", "\n2027-01-01T04:00:00Z,1,\n", 6, 24)]
#[case::negative("F0508", "\n2027-01-01T04:00:00Z,1,1\n", "\n2027-01-01T04:00:00Z,1,-1\n", 6, 24)]
#[case::gap("F0410", "\n2027-01-01T04:00:00Z,1,1\n", "\n", 6, 1)]
#[case::twice("F0411", "\n2027-01-01T04:00:00Z,1,1\n", "\n2027-01-01T04:00:00Z,1,1\n2027-01-01T04:00:00Z,1,1\n", 7, 1)]
#[case::time("F0416", "2027-01-01T04:00:00Z,", "01.01.2027,", 6, 1)]
#[case::lengths("F0414", "2027-01-01T04:00:00Z,1,1", "2027-01-01T04:00:00Z,1,1,5", 6, 24)]
#[case::no_unit("F0404", "town [MW]", "town", 1, 16)]
#[case::wrong_unit("F0405", "town [MW]", "town [MWh]", 1, 16)]
#[case::no_time("F0415", "time,", "date,", 1, 1)]
#[case::column_twice("F0418", "other [1]", "town [kW]", 1, 16)]
fn marks_the_cell(#[case] code: &str, #[case] from: &str, #[case] to: &str, #[case] line: u32, #[case] column: u32) {
    let csv = rows(0, 48, |_| "1".to_owned());
    assert!(csv.contains(from));
    // The gap leaves the day short by an hour; a longer file keeps it to one message.
    let csv = csv.replacen(from, to, 1) + "2027-01-03T00:00:00Z,1,1\n";
    let result = folder(&csv).load();
    assert_eq!(found(&result), vec![(code.to_owned(), line, column)]);
    assert_eq!(&*result.unwrap_err()[0].span().file, "series/load.csv");
}

#[test]
fn marks_the_line_that_names_the_file() {
    let named = |csv: &str| {
        let list = folder(csv).load().unwrap_err();
        assert_eq!(list.len(), 1, "{list:#?}");
        assert_eq!(&*list[0].span().file, "scenario.toml");
        list[0].code
    };
    assert_eq!(named(&rows(0, 40, |_| "1".to_owned())), "F0409");
    assert_eq!(named(&rows(3, 50, |_| "1".to_owned())), "F0413");
    assert_eq!(named(&rows(0, 48, |_| "1".to_owned()).replace("town [MW]", "city [MW]")), "F0403");
    let missing = Folder::new().with("scenario.toml", scenario()).load().unwrap_err();
    assert_eq!((missing[0].code, missing.len()), ("F0401", 1));
}

#[test]
fn wrong_encoding_has_a_place() {
    let mut bytes = rows(0, 48, |_| "1".to_owned()).into_bytes();
    let place = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    bytes[place] = 0xE9;
    let folder = Folder::new().with("scenario.toml", scenario()).with("series/load.csv", bytes);
    let list = folder.load().unwrap_err();
    assert_eq!((list[0].code, list[0].span().to_string().as_str()), ("F0103", "series/load.csv:2:1"));
}

/// The minimal scenario over three days with a load of one day that comes again, and grows.
fn growing(keys: &str) -> Folder {
    let load = format!("power = {{ series = \"series/load.csv\", column = \"town\", {keys} }}");
    let scenario = patched("duration = \"365 d\"", "duration = \"3 d\"").replace("power = \"2 MW\"", &load);
    Folder::new().with("scenario.toml", scenario).with("series/load.csv", rows(0, 24, |hour| format!("1.{hour:02}")))
}

#[test]
fn a_day_comes_again_and_grows() {
    let loaded = growing("repeat = true, growth = \"6 %\", scale = 2").load().unwrap();
    let power = loaded.model.loads[0].power;
    assert_eq!(loaded.model.series[0].values.len(), 72);
    for hour in [0_usize, 5, 23, 24, 53, 71] {
        let expected = 2e6 * (1.0 + 0.01 * (hour % 24) as f64) * 1.06_f64.powf(hour as f64 / 8766.0);
        assert!((loaded.model.at(power, hour) - expected).abs() < 1e-3, "{hour}");
    }
}

#[rstest]
#[case::too_short("scale = 1", "F0409")]
#[case::no_boolean("repeat = 1", "F0204")]
#[case::shrinks_below_nothing("repeat = true, growth = -1", "F0508")]
#[case::no_number("repeat = true, growth = \"fast\"", "F0207")]
fn growth_that_cannot_be(#[case] keys: &str, #[case] code: &str) {
    let codes: Vec<String> = found(&growing(keys).load()).into_iter().map(|(code, _, _)| code).collect();
    assert_eq!(codes, [code]);
}

#[test]
fn availability_may_not_grow_above_one() {
    let scenario = patched("duration = \"365 d\"", "duration = \"2 d\"").replace(
        "cost = \"5 EUR/MWh\"",
        "cost = \"5 EUR/MWh\"\navailability = { series = \"series/load.csv\", column = \"other\", repeat = true, growth = 0.5 }",
    );
    assert!(scenario.contains("growth"));
    let result = Folder::new().with("scenario.toml", scenario).with("series/load.csv", rows(0, 24, |_| "1".to_owned())).load();
    assert_eq!(found(&result)[0].0, "F0508");
}
