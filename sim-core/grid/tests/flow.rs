//! DC power flow and sensitivities against reference answers and small networks worked out by hand.

#[path = "support/reference.rs"]
mod reference;

use bastide_grid::{Convention, DcNetwork, Sensitivity, bridges, dc_flow};

const CASES: [&str; 6] = ["case9", "case14", "case24_ieee_rts", "case30", "case118", "case300"];

#[test]
fn flows_of_the_reference() {
    let Some(folder) = reference::folder("flows_of_the_reference") else { return };
    for name in CASES {
        let case = reference::case(&folder, &format!("matpower/{name}.m"));
        let flow = dc_flow(&case, Convention::Matpower).unwrap();
        for row in reference::table(&folder, &format!("expected_dcpf/{name}_branch_flows.csv")) {
            let (branch, mw): (usize, f64) = (row[0].parse().unwrap(), row[3].parse().unwrap());
            // The file has nine digits.
            assert!((flow.flow_mw[branch] - mw).abs() < 1e-6 * mw.abs().max(1.0), "{name} {branch}: {} {mw}", flow.flow_mw[branch]);
        }
        for row in reference::table(&folder, &format!("expected_dcpf/{name}_angles.csv")) {
            let (bus, angle): (u64, f64) = (row[0].parse().unwrap(), row[1].parse().unwrap());
            let place = case.buses.iter().position(|row| row.number == bus).unwrap();
            assert!((flow.angle_deg[place].unwrap() - angle).abs() < 1e-6, "{name} bus {bus}");
        }
    }
}

#[test]
fn sensitivities_of_the_reference() {
    let Some(folder) = reference::folder("sensitivities_of_the_reference") else { return };
    for name in ["case9", "case14", "case30"] {
        let case = reference::case(&folder, &format!("matpower/{name}.m"));
        let sensitivity = Sensitivity::new(DcNetwork::new(&case, Convention::Matpower)).unwrap();
        let all: Vec<usize> = (0..case.branches.len()).collect();
        let ptdf = sensitivity.ptdf(&all);
        for row in reference::table(&folder, &format!("expected_ptdf_lodf/{name}_ptdf.csv")) {
            let branch: usize = row[0].parse().unwrap();
            for (bus, cell) in row[1..].iter().enumerate() {
                let expected: f64 = cell.parse().unwrap();
                assert!((ptdf[branch * case.buses.len() + bus] - expected).abs() < 1e-6, "{name} {branch} {bus}");
            }
        }
        let lodf = sensitivity.lodf(&all);
        for row in reference::table(&folder, &format!("expected_ptdf_lodf/{name}_lodf.csv")) {
            let branch: usize = row[0].parse().unwrap();
            for (out, cell) in row[1..].iter().enumerate() {
                match (&lodf[out], cell.as_str()) {
                    (None, "bridge") => {}
                    (Some(column), cell) => assert!((column[branch] - cell.parse::<f64>().unwrap()).abs() < 1e-6, "{name} {branch} {out}"),
                    (None, cell) => panic!("{name}: {out} is a bridge here, {cell} there"),
                }
            }
        }
    }
    for row in reference::table(&folder, "expected_ptdf_lodf_summary.csv") {
        let case = reference::case(&folder, &format!("matpower/{}.m", row[0]));
        let network = DcNetwork::new(&case, Convention::Matpower);
        let count = bridges(&network).iter().filter(|bridge| **bridge).count();
        assert_eq!(count, row[2].parse::<usize>().unwrap(), "{}", row[0]);
        let sensitivity = Sensitivity::new(network).unwrap();
        let all: Vec<usize> = (0..case.branches.len()).collect();
        let ptdf: f64 = sensitivity.ptdf(&all).iter().map(|value| value.abs()).sum();
        let lodf: f64 = sensitivity.lodf(&all).iter().flatten().flatten().map(|value| value.abs()).sum();
        let (expected_ptdf, expected_lodf): (f64, f64) = (row[3].parse().unwrap(), row[4].parse().unwrap());
        assert!((ptdf - expected_ptdf).abs() < 1e-6 && (lodf - expected_lodf).abs() < 1e-6, "{row:?}: {ptdf} {lodf}");
    }
}
