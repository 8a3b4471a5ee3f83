//! DC power flow and sensitivities against reference answers and small networks worked out by hand.

#[path = "support/random.rs"]
mod random;
#[path = "support/reference.rs"]
mod reference;

use bastide_grid::{BusKind, Case, Convention, DcNetwork, Factor, Sensitivity, bridges, dc_flow};

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
                    // The table has -1 for an outage on its own branch, bridge or not.
                    (None, "-1.000000000") if branch == out => {}
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

/// Buses 1 (slack), 2, 3 in a triangle of equal lines, bus 4 behind bus 3 by two lines side by side and bus 5 behind bus 4 by one.
fn triangle_with_tail() -> Case {
    let bus = |number: u64, mw: f64| random::bus(number, if number == 1 { BusKind::Reference } else { BusKind::Load }, mw);
    let line = |from, to| random::branch(from, to, 0.1, None);
    Case {
        base_mva: 100.0,
        buses: vec![bus(1, 0.0), bus(2, 0.0), bus(3, 0.0), bus(4, 60.0), bus(5, 30.0)],
        branches: vec![line(0, 1), line(1, 2), line(0, 2), line(2, 3), line(2, 3), line(3, 4)],
        generators: vec![random::unit(0, 90.0, 200.0)],
        ..Case::default()
    }
}

#[test]
fn a_triangle_by_hand() {
    let case = triangle_with_tail();
    let near = |found: &[f64], expected: &[f64]| {
        assert!(found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?} {expected:?}");
    };
    // 90 MW to bus 3: two thirds over the direct line, one third over two; side by side 45 each.
    let flow = dc_flow(&case, Convention::Matpower).unwrap();
    near(&flow.flow_mw.iter().map(|mw| mw / 90.0).collect::<Vec<_>>(), &[1.0 / 3.0, 1.0 / 3.0, 2.0 / 3.0, 0.5, 0.5, 1.0 / 3.0]);
    let network = DcNetwork::new(&case, Convention::Matpower);
    // Lines side by side are no bridges, what hangs by one line is.
    assert_eq!(bridges(&network), [false, false, false, false, false, true]);
    let sensitivity = Sensitivity::new(network).unwrap();
    // An injection at bus 3 and beyond flows back by 1/3 and 2/3; one at bus 2 by 2/3 over line 1 and 1/3 the other way.
    near(&sensitivity.ptdf(&[0]), &[0.0, -2.0 / 3.0, -1.0 / 3.0, -1.0 / 3.0, -1.0 / 3.0]);
    let lodf = sensitivity.lodf(&[0, 2, 3, 5]);
    near(lodf[0].as_ref().unwrap(), &[-1.0, -1.0, 1.0, 0.0, 0.0, 0.0]);
    near(lodf[1].as_ref().unwrap(), &[1.0, 1.0, -1.0, 0.0, 0.0, 0.0]);
    near(lodf[2].as_ref().unwrap(), &[0.0, 0.0, 0.0, -1.0, 1.0, 0.0]);
    assert!(lodf[3].is_none());
    // 1 rad on line 3 drives 100 / 0.1 MW/rad through three lines in a ring: 1000 / 3.
    let ring = 1000.0 / 3.0;
    let psdf = &sensitivity.psdf(&[2])[0];
    assert!(psdf.iter().zip([ring, ring, -ring, 0.0, 0.0, 0.0]).all(|(a, b)| (a - b).abs() < 1e-9), "{psdf:?}");
}

#[test]
fn a_factor_pins_the_slack_of_every_island() {
    let case = triangle_with_tail();
    let network = DcNetwork::new(&case, Convention::Matpower);
    let islands = network.islands(&network.susceptance_mw);
    let mut factor = Factor::new(&network, &islands).unwrap();
    // Without the two lines side by side buses 4 and 5 are an island, whose slack is bus 4.
    let mut susceptance = network.susceptance_mw.clone();
    (susceptance[3], susceptance[4]) = (0.0, 0.0);
    let islands = network.islands(&susceptance);
    assert_eq!(islands.slack, [0, 3]);
    factor.refactor(&network, &susceptance, &islands).unwrap();
    // 100 MW out of bus 5, 300 into bus 2: 100 / 1000 rad below bus 4; 200 and 100 over the two ways, so 0.2 rad. What is asked at the
    // slack buses does not matter.
    let expected = [0.0, 0.2, 0.1, 0.0, -0.1];
    let mut angle = vec![7.0, 300.0, 0.0, -3.0, -100.0];
    let mut block: Vec<[f64; 2]> = angle.iter().map(|mw| [*mw, 2.0 * mw]).collect();
    factor.solve(&mut angle);
    assert!(angle.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{angle:?}");
    let mut work = block.clone();
    factor.solve_block(&mut block, &mut work);
    assert!(block.iter().zip(expected).all(|(a, b)| (a[0] - b).abs() < 1e-12 && (a[1] - 2.0 * b).abs() < 1e-12), "{block:?}");
}
