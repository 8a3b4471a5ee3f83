//! Contingency screening against reference answers, plain solves and small networks worked out by hand.

#[path = "support/reference.rs"]
mod reference;

use bastide_engine::Pool;
use bastide_grid::{Contingency, Convention, Element, Splits};

#[test]
fn single_outages_of_the_reference() {
    let Some(folder) = reference::folder("single_outages_of_the_reference") else { return };
    for name in ["case24_ieee_rts", "case30"] {
        let case = reference::case(&folder, &format!("matpower/{name}.m"));
        let contingency = Contingency::new(&case, Convention::Matpower, &[]).unwrap();
        let screening = contingency.branches(&Pool::new(1), Splits::Solve);
        assert_eq!(screening.outages.len(), case.branches.len());
        for (row, outage) in reference::table(&folder, &format!("expected_n1_{name}.csv")).iter().zip(&screening.outages) {
            let number = |cell: usize| -> f64 { row[cell].parse().unwrap() };
            assert_eq!(outage.element, Element::Branch(row[0].parse().unwrap()));
            assert_eq!(outage.islanding, row[3] == "1", "{name} {row:?}");
            assert!(outage.solved);
            if !outage.islanding {
                assert_eq!(f64::from(outage.overloads), number(4), "{name} {row:?} {outage:?}");
                assert!((outage.worst_loading - number(5)).abs() < 1e-6, "{name} {row:?} {outage:?}");
                assert_eq!(outage.worst_row, Some(row[6].parse().unwrap()), "{name} {row:?} {outage:?}");
                assert!((outage.max_abs_flow_mw - number(7)).abs() < 1e-5, "{name} {row:?} {outage:?}");
            }
        }
    }
}
