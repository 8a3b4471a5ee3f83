//! DC-Cascade v1 against reference answers, a plain implementation and small networks worked out by hand.

#[path = "support/reference.rs"]
mod reference;

use bastide_grid::{Cascade, Convention, Outcome};

#[test]
fn strikes_of_the_reference() {
    let Some(folder) = reference::folder("strikes_of_the_reference") else { return };
    let mut checked = 0;
    let mut wrong = Vec::new();
    let rows = reference::table(&folder, "expected_strikes.csv");
    for row in &rows {
        let number = |cell: usize| -> f64 { row[cell].parse().unwrap() };
        let case = reference::case(&folder, &format!("pglib/pglib_opf_{}.m", row[0]));
        let cascade = Cascade::new(&case, Convention::PowerModels, &[]).unwrap();
        let (mut scratch, mut outcome) = (cascade.scratch(), Outcome::default());
        // Units are counted among those in service.
        let in_service: Vec<u32> = (0..case.generators.len() as u32).filter(|&unit| case.generators[unit as usize].in_service).collect();
        let units: Vec<u32> = reference::rows(&row[2]).into_iter().map(|unit| in_service[unit as usize]).collect();
        cascade.run(&mut scratch, &reference::rows(&row[1]), &units, &mut outcome);
        if number(8) < 1e-6 {
            continue;
        }
        checked += 1;
        let counts = [outcome.rounds, outcome.trips, outcome.islands].map(f64::from);
        let same = counts == [number(3), number(4), number(5)]
            && (outcome.load_mw - number(6)).abs() < 1e-6
            && (outcome.shed_mw - number(7)).abs() < 1e-6
            && (outcome.min_rel_margin - number(8)).abs() <= 0.006 * number(8);
        if !same {
            wrong.push(format!("{row:?}: {counts:?} {} {} {}", outcome.load_mw, outcome.shed_mw, outcome.min_rel_margin));
        }
    }
    assert!(wrong.is_empty(), "{} of {checked} rows differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(checked > 0);
}
