//! Capacitated location, p-medians, and their single-source forms.

use bastide_model::import::{LocationForm, LocationOptions, import_location};

use super::{Row, data, model, proven, read, rows};

/// The form of a row's file.
fn form(row: &Row) -> Option<LocationForm> {
    match row.folder() {
        "cflp" => Some(LocationForm::OrlibCap),
        "pmedian" => Some(LocationForm::OrlibPmed),
        "cpmp" => Some(LocationForm::OrlibPmedcap),
        "sscflp" => Some(LocationForm::Holmberg),
        "rim" if row.family.starts_with("p-median") => Some(LocationForm::Swain),
        _ => None,
    }
}

/// Checks the rows of some folders.
fn check(folders: &[&str]) {
    let known = rows("location problems", |row| form(row).is_some() && folders.contains(&row.folder()));
    for (row, path) in known {
        let form = form(&row).expect("filtered above");
        let options = LocationOptions {
            file: row.file.clone(),
            capacity: (form == LocationForm::OrlibCap).then(|| row.number_after("by ")).flatten(),
            medians: (form == LocationForm::Swain).then(|| row.number_after("p=")).flatten().map(|p| p as u32),
        };
        let imported = import_location(form, &read(&path), &options).unwrap_or_else(|mistakes| panic!("{}: {mistakes:#?}", row.id));
        let model = model(&imported);
        let (_, proof) = proven(&row.id, &model);
        assert!(row.agrees(proof.objective_eur), "{}: {} is published, {} is found", row.id, row.optimum, proof.objective_eur);
        assert!(proof.solver.starts_with("location search"), "{}", proof.solver);
    }
}

#[test]
fn capacitated_location_has_its_published_optima() {
    check(&["cflp"]);
}

#[test]
fn medians_have_their_published_optima() {
    check(&["pmedian", "rim"]);
}

#[test]
fn single_source_location_has_its_published_optima() {
    check(&["cpmp", "sscflp"]);
}

#[test]
fn the_first_problem_of_holmberg_has_its_published_optimum() {
    let Some(path) = data().map(|data| data.join("sscflp/holmberg_p1.txt")).filter(|path| path.is_file()) else {
        println!("skipped: the first problem of Holmberg, the reference data is not at hand (BASTIDE_REFERENCE_DATA)");
        return;
    };
    let options = LocationOptions { file: "holmberg_p1.txt".into(), ..LocationOptions::default() };
    let model = model(&import_location(LocationForm::Holmberg, &read(&path), &options).unwrap());
    let (_, proof) = proven("holmberg_p1", &model);
    // Holmberg, Ronnqvist and Yuan 1999, "An exact algorithm for the capacitated facility location problems with single sourcing", p1.
    assert!((proof.objective_eur - 8848.0).abs() <= 1e-6 * 8848.0, "{proof:?}");
}

/// Two facilities of capacity 10 at 7 and 9, three customers of 6: by hand. Both must open (18 > 10); the first serves 10 of 18 and the
/// second 8. Costs of a customer from both: 6 and 12, 12 and 6, 9 and 9. Customer 1 wholly from the first (6), customer 2 wholly from the
/// second (6), customer 3 as it fits (9): 7 + 9 + 21 = 37.
const SMALL: &str = " 2 3
 10 7.
 10 9.
 6
 6.00 12.0
 6
 12 6
 6
 9 9
";

#[test]
fn a_small_problem_by_hand() {
    let options = LocationOptions { file: "small.txt".into(), ..LocationOptions::default() };
    let model = model(&import_location(LocationForm::OrlibCap, SMALL, &options).unwrap());
    let (plan, proof) = proven("small", &model);
    assert!((proof.objective_eur - 37.0).abs() < 1e-9, "{proof:?}");
    let line = |name: &str| plan.cost.iter().find(|line| line.line == name).map_or(f64::NAN, |line| line.annual_eur);
    assert_eq!((line("opening of sites"), line("serving")), (16.0, 21.0));
}
