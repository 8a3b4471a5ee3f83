//! MATPOWER text: every form that is read, every mistake with its place, and laws over damaged and random cases.

#[path = "support/reference.rs"]
mod reference;

use std::path::Path;

use bastide_grid::{Branch, Bus, BusKind, Case, CaseError, Cost, DcLine, Generator, read_matpower, write_matpower};
use proptest::prelude::*;

/// Three buses in a ring, with each kind of thing; lines and columns of the tests below refer to it.
const SMALL: &str = "function mpc = small
% A comment [ with ' everything { in it
mpc.version = '2';
mpc.baseMVA = 100;
mpc.bus = [
\t10 3 0 0 0 0 1 1 0 230 1 1.1 0.9;
\t20 2 50 10 5 0 1 1 -1.5 230 1 1.1 0.9;
\t30 1 80.5 10 0 0 2 1 0 230 3 1.1 0.9;
];
mpc.gen = [
\t10 60 0 99 -99 1 100 1 200 10;
\t20 70 0 99 -99 1 100 1 150 0;
];
mpc.branch = [
\t10 20 0.01 0.1 0 100 110 120 0 0 1 -360 360;
\t20 30 0.01 0.2 0 0 0 0 1.05 -3 1 -30 30;
\t30 10 0.02 0.3 0 90 0 0 0 0 0 0 0;
];
mpc.gencost = [
\t2 0 0 3 0.02 20 5 0;
\t1 0 0 2 0 0 150 3000;
];
mpc.dcline = [
\t10 30 1 5 4.9 0 0 1 1 -20 40 0 0 0 0 0.5 0.1;
];
mpc.dclinecost = [ 2 0 0 2 1.5 0 ];
mpc.bus_name = { 'North'; 'South ''A'''; \"East, 'B'\" };
";

fn small() -> Case {
    read_matpower(SMALL).unwrap()
}

/// The small case with one stretch of text replaced.
fn with(from: &str, to: &str) -> String {
    assert_eq!(SMALL.matches(from).count(), 1, "{from}");
    SMALL.replace(from, to)
}

fn mistakes(text: &str) -> Vec<CaseError> {
    read_matpower(text).unwrap_err()
}

/// The only mistake of a text: its place, and words of its message and hint.
#[track_caller]
fn only(text: &str, line: usize, column: usize, words: &[&str]) {
    let found = mistakes(text);
    let [CaseError { message, hint, .. }] = found.as_slice() else { panic!("{found:#?}") };
    assert_eq!((found[0].line, found[0].column), (line, column), "{found:#?}");
    let all = format!("{message} / {}", hint.as_deref().unwrap_or_default());
    words.iter().for_each(|word| assert!(all.contains(word), "{word} is not in: {all}"));
}

#[test]
fn small_case() {
    let case = small();
    assert_eq!((case.name.as_str(), case.base_mva), ("small", 100.0));
    let bus = Bus {
        number: 20,
        name: "South 'A'".into(),
        kind: BusKind::Generator,
        demand_mw: 50.0,
        shunt_mw: 5.0,
        area: 1,
        zone: 1,
        angle_deg: -1.5,
        base_kv: 230.0,
    };
    assert_eq!(case.buses[1], bus);
    assert_eq!((case.buses[0].kind, case.buses[2].kind), (BusKind::Reference, BusKind::Load));
    assert_eq!((case.buses[2].name.as_str(), case.buses[2].area, case.buses[2].zone), ("East, 'B'", 2, 3));
    let cost = Some(Cost::Polynomial { quadratic: 0.02, linear: 20.0, constant: 5.0 });
    assert_eq!(case.generators[0], Generator { bus: 0, in_service: true, output_mw: 60.0, min_mw: 10.0, max_mw: 200.0, cost });
    assert_eq!(case.generators[1].cost, Some(Cost::Piecewise(vec![(0.0, 0.0), (150.0, 3000.0)])));
    let branch = Branch {
        from: 1,
        to: 2,
        in_service: true,
        resistance_pu: 0.01,
        reactance_pu: 0.2,
        rate_a_mw: None,
        rate_b_mw: None,
        rate_c_mw: None,
        tap: 1.05,
        shift_deg: -3.0,
        angle_min_deg: Some(-30.0),
        angle_max_deg: Some(30.0),
    };
    assert_eq!(case.branches[1], branch);
    let first = &case.branches[0];
    assert_eq!((first.rate_a_mw, first.rate_b_mw, first.rate_c_mw), (Some(100.0), Some(110.0), Some(120.0)));
    assert_eq!((first.tap, first.angle_min_deg, first.angle_max_deg), (1.0, None, None));
    let last = &case.branches[2];
    assert_eq!((last.in_service, last.rate_a_mw, last.angle_min_deg, last.angle_max_deg), (false, Some(90.0), None, None));
    // -20 MW holds for what arrives: -20 = p - 0.5 - 0.1 p, so p = -19.5 / 0.9.
    let line = DcLine {
        from: 0,
        to: 2,
        in_service: true,
        flow_mw: 5.0,
        min_mw: -19.5 / 0.9,
        max_mw: 40.0,
        loss_mw: 0.5,
        loss_share: 0.1,
        cost: Some(Cost::Polynomial { quadratic: 0.0, linear: 1.5, constant: 0.0 }),
    };
    assert_eq!(case.dc_lines, [line]);
}

#[test]
fn forms_that_mean_the_same() {
    let same = [
        SMALL.replace('\n', "\r\n"),
        format!("\u{feff}{SMALL}"),
        SMALL.replace(";\n", "\n"),
        SMALL.replace(" 0", "  \t0"),
        with("10 60 0 99 -99 1", "10, 60, 0, 99, -99, 1,"),
        with("10 60 0 99 -99 1", "10,60,0,99,-99,1"),
        with("10 60 0 99 -99 1", "10 60 0 ... the rest\n 99 -99 1"),
        with("10 60 0 99 -99 1", "10 +6.0e1 0. 9.9E+1 -0.99d2 1"),
        with("10 60 0 99 -99 1", "5*2 180/3 0 99 -9*11 2^0"),
        with("10 60 0 99 -99 1", "(5 + 5) 59 + 1 0 100-1 -(99) --1"),
        with("10 60 0 99 -99 1", "10 60 -pi Inf -inf NaN"),
        with("10 60 0 99 -99 1", "10 60 1./3 1e-3 +5 .5"),
        with("120 0 0 1 -360 360", "120 0 0 1 -360*2 Inf"),
        with("mpc.gen = [\n", "mpc.gen = [   % 'columns' {\n%{\n 1 2 3 ];\n%{\n%}\n  %}\n\n;\n# octave\n"),
        with("mpc.baseMVA = 100;", "mpc.baseMVA=[ 50+50 ] , % base"),
        with("mpc.version = '2';\n", ""),
        with("mpc.version = '2';", "mpc.version = 2"),
        with("mpc = small", "[ s ] = small(varargin)").replace("mpc.", "s."),
        with("mpc = small\n", "mpc = ...\n small\n") + "end\n",
        with("mpc.gen = [", "mpc.gen = [1 2 3]; mpc.gen = ["),
        SMALL.replace("0.9;\n", "0.9, 11, 12, 13, 14\n"),
        SMALL.replace(";\n];\nmpc.branch", ";];mpc.branch"),
        // Fields that say nothing here, of any shape.
        format!(
            "{SMALL}mpc.gentype = {{'a]' ; {{'b', [1 2; 3 4]'}}}};\nmpc.x.y = struct('a', {{{{1, '}}'}}}}, ...\n 'b', @(k) k');
             mpc.reserves.zones = [1 1\n 1 0]';\nmpc.A = sparse(3, 4); mpc.A(2, :) = [];\nmpc.text = \"it's\";\nVbase = mpc.bus(1, 10) * 1e3;
             [PQ, PV, ...\n REF] = idx_bus; define_constants\nmpc.if.map = [\n1 -2 % ]\n]; warning('x');\n"
        ),
    ];
    for text in same {
        assert_eq!(read_matpower(&text), Ok(small()), "{text}");
    }
}

#[test]
fn version_1() {
    let text = "function [baseMVA, bus, gen, branch, areas, gencost] = old
baseMVA = 10;
bus = [ 1 3 0 0 0 0 1 1 0 1 1 1.1 0.9; 2 1 5 0 0 0 1 1 0 1 1 1.1 0.9 ];
gen = [ 1 5 0 0 0 1 10 1 9 0 ];
branch = [ 1 2 0 0.1 0 7 0 0 0 0 1 ];
areas = [ 1 1 ];
gencost = [ 2 0 0 2 3 0 ];
return;
";
    let case = read_matpower(text).unwrap();
    assert_eq!((case.name.as_str(), case.base_mva, case.buses.len()), ("old", 10.0, 2));
    assert_eq!((case.branches[0].rate_a_mw, case.branches[0].angle_min_deg), (Some(7.0), None));
    assert_eq!(case.generators[0].cost, Some(Cost::Polynomial { quadratic: 0.0, linear: 3.0, constant: 0.0 }));
    only(&text.replace("return", "bus(2, 3) = 7"), 8, 1, &["`bus(2, 3) = 7`", "computed statements are not supported"]);
}

#[test]
fn meaning_of_columns() {
    let branch = |limits: &str| {
        let case = read_matpower(&with("1 -30 30;", &format!("1 {limits};"))).unwrap();
        (case.branches[1].angle_min_deg, case.branches[1].angle_max_deg)
    };
    assert_eq!(branch("0 0"), (None, None));
    assert_eq!(branch("0 360"), (Some(0.0), None));
    assert_eq!(branch("-360 0"), (None, Some(0.0)));
    assert_eq!(branch("-400 20"), (None, Some(20.0)));
    assert_eq!(branch("-20 Inf"), (Some(-20.0), None));
    assert_eq!(branch("5 10"), (Some(5.0), Some(10.0)));
    // Everything at an isolated bus is out of service; nothing about such an element can be wrong but its form.
    let case = read_matpower(&with("20 2 50", "20 4 50").replace("0.01 0.2 0", "0.01 0 0")).unwrap();
    assert_eq!(case.buses[1].kind, BusKind::Isolated);
    assert_eq!(case.generators.iter().map(|unit| unit.in_service).collect::<Vec<_>>(), [true, false]);
    assert!(case.branches.iter().all(|branch| !branch.in_service) && case.dc_lines[0].in_service);
    // Several references, none, and an unlimited rating are legal.
    assert_eq!(read_matpower(&with("20 2 50", "20 3 50")).unwrap().buses[1].kind, BusKind::Reference);
    assert_eq!(read_matpower(&with("10 3 0", "10 2 0")).unwrap().buses[0].kind, BusKind::Generator);
    assert_eq!(read_matpower(&with("100 110 120", "Inf 110 120")).unwrap().branches[0].rate_a_mw, None);
    // A dispatchable load, and a unit that is off with any limits; a status below zero is off for a unit.
    let load = &read_matpower(&with("1 150 0", "1 0 -40")).unwrap().generators[1];
    assert_eq!((load.min_mw, load.max_mw, load.in_service), (-40.0, 0.0, true));
    assert!(!read_matpower(&with("1 150 0", "-1 0 40")).unwrap().generators[1].in_service);
    // Out of service, a branch may have no reactance.
    assert!(read_matpower(&with("0.02 0.3 0", "0.02 0 0")).is_ok());
    // Empty tables and no costs.
    let bare = "mpc.baseMVA = 1; mpc.bus = [7 1 2 0 0 0 1 1 0 1 1 1.1 0.9]; mpc.gen = []; mpc.branch = [\n];";
    let case = read_matpower(bare).unwrap();
    assert_eq!((case.name.as_str(), case.buses[0].number, case.generators.len(), case.branches.len()), ("", 7, 0, 0));
    let text = with("mpc.gencost = [", "mpc.costs = [");
    assert!(read_matpower(&text).unwrap().generators.iter().all(|unit| unit.cost.is_none()));
    // Without losses a negative limit of a DC line is the same at both ends.
    assert_eq!(read_matpower(&with("0.5 0.1;", "0 0;")).unwrap().dc_lines[0].min_mw, -20.0);
}

#[test]
fn costs() {
    let first = |row: &str| read_matpower(&with("2 0 0 3 0.02 20 5 0", row)).unwrap().generators[0].cost.clone();
    let polynomial = |quadratic, linear, constant| Some(Cost::Polynomial { quadratic, linear, constant });
    assert_eq!(first("2 0 0 3 1 2 3 99"), polynomial(1.0, 2.0, 3.0));
    assert_eq!(first("2 0 0 2 1 2 3 4"), polynomial(0.0, 1.0, 2.0));
    assert_eq!(first("2 0 0 1 1 2 3 4"), polynomial(0.0, 0.0, 1.0));
    assert_eq!(first("2 0 0 0 1 2 3 4"), polynomial(0.0, 0.0, 0.0));
    assert_eq!(first("2 NaN Inf 4 0 1 2 3"), polynomial(1.0, 2.0, 3.0));
    assert_eq!(first("1 0 0 2 -5 1 10 -3"), Some(Cost::Piecewise(vec![(-5.0, 1.0), (10.0, -3.0)])));
    let reactive = with("\t1 0 0 2 0 0 150 3000;\n", "\t1 0 0 2 0 0 150 3000;\n 9 0 0 99 NaN 0 0 0;\n 9 0 0 0 0 0 0 0;\n");
    assert_eq!(read_matpower(&reactive), Ok(small()));

    only(&with("2 0 0 3 0.02 20 5 0", "2 0 0 4 0.02 20 5 0"), 20, 10, &["column 5", "`gencost`", "degree 3", "at most a quadratic"]);
    only(&with("2 0 0 3 0.02 20 5 0", "3 0 0 3 0.02 20 5 0"), 20, 2, &["`model` of row 1 of `gencost`", "unknown: 3"]);
    only(&with("2 0 0 3 0.02 20 5 0", "2 0 0 3 0.02 20 NaN 0"), 20, 18, &["column 7", "NaN"]);
    only(&with("2 0 0 3 0.02 20 5 0", "2 0 0 5 0.02 20 5 0"), 20, 2, &["has 8 columns, expected 9"]);
    only(&with("2 0 0 3 0.02 20 5 0", "2 0 0 2.5 0.02 20 5 0"), 20, 8, &["`n` of row 1", "whole number", "2.5"]);
    only(&with("2 0 0 3 0.02 20 5 0", "2 0 0 1e300 0.02 20 5 0"), 20, 8, &["whole number"]);
    only(&with("1 0 0 2 0 0 150 3000", "1 0 0 1 0 0 150 3000"), 21, 8, &["`n`", "at least 2 points"]);
    only(&with("1 0 0 2 0 0 150 3000", "1 0 0 2 150 0 150 3000"), 21, 16, &["column 7", "does not increase: 150 after 150"]);
    only(&with("\t1 0 0 2 0 0 150 3000;\n", ""), 19, 15, &["`gencost` has 1 rows for 2 generators", "2 rows, or 4"]);
    only(&with("[ 2 0 0 2 1.5 0 ]", "[ 2 0 0 2 1.5 0; 2 0 0 2 1 0 ]"), 26, 18, &["`dclinecost` has 2 rows for 1 DC lines"]);
}

#[test]
fn mistakes_in_cells() {
    only(&with("0.01 0.2 0", "0.01 0.0 0"), 16, 13, &["`x` of row 2 of `branch` is zero", "other than 0"]);
    only(&with("100 110 120", "100 -110 120"), 15, 23, &["`rateB` of row 1 of `branch` is negative: -110", "0 for none"]);
    only(&with("1 200 10;", "1 200 210;"), 11, 29, &["`Pmin` of row 1 of `gen` is above `Pmax`: 210 > 200"]);
    only(&with("1.05 -3", "-1.05 -3"), 16, 25, &["`ratio` of row 2 of `branch` is negative"]);
    only(&with("20 30 0.01", "20 20 0.01"), 16, 5, &["`tbus` of row 2 of `branch`", "another bus"]);
    only(&with("10 30 1 5", "30 30 1 5"), 24, 5, &["`tbus` of row 1 of `dcline`"]);
    only(&with("20 30 0.01", "20 40 0.01"), 16, 5, &["`tbus`", "no bus of the case: 40"]);
    only(&with("20 70 0 99", "20.5 70 0 99"), 12, 2, &["`bus` of row 2 of `gen`", "20.5"]);
    only(
        &with("30 1 80.5", "20 1 80.5").replace("20 30 0", "20 10 0").replace("\t30 10", "\t20 10").replace("10 30 1", "10 20 1"),
        8,
        2,
        &["`bus_i` of row 3 of `bus` is that of row 2, too: 20"],
    );
    only(&with("30 1 80.5", "30 5 80.5"), 8, 5, &["`type` of row 3 of `bus` is unknown: 5", "4 (isolated)"]);
    only(&with("30 1 80.5", "30 1 Inf"), 8, 7, &["`Pd`", "not finite"]);
    only(&with("30 1 80.5", "30 1 NaN"), 8, 7, &["`Pd`", "NaN"]);
    only(&with("30 1 80.5", "30 1 1/0"), 8, 7, &["`Pd`", "not finite"]);
    only(&with("1 200 10;", "1 Inf 10;"), 11, 25, &["`Pmax`", "not finite"]);
    only(&with("0.02 0.3 0", "NaN 0.3 0"), 17, 8, &["`r`"]);
    only(&with("1 -30 30;", "1 30 -30;"), 16, 35, &["`angmin`", "30 > -30"]);
    only(&with("-20 40 0 0", "50 40 0 0"), 24, 24, &["`Pmin` of row 1 of `dcline`"]);
    only(&with("0.5 0.1;", "0.5 1;"), 24, 43, &["`loss1`"]);
    only(&with("mpc.baseMVA = 100;", "mpc.baseMVA = -1;"), 4, 15, &["`baseMVA`", "-1"]);
    only(&with("mpc.baseMVA = 100;", "mpc.baseMVA = [1 2];"), 4, 15, &["2 values", "one number"]);
    only(&with("mpc.baseMVA = 100;", "mpc.baseMVA = [];"), 4, 15, &["0 values"]);
    only(&with("mpc.version = '2';", "mpc.version = '3';"), 3, 15, &["`3`", "'2'"]);
    // Columns are characters, not bytes.
    only(&with("mpc.baseMVA = 100;", "mpc.x = 'Žižkov'; mpc.baseMVA = 0;"), 4, 33, &["`baseMVA`"]);
}

#[test]
fn mistakes_in_rows() {
    only(&with("20 2 50 10 5", "20 2 50 5"), 7, 2, &["row 2 of `bus` has 12 columns, expected 13", "Vmin"]);
    only(&with("0.02 0.3 0 90", "0.02 0.3 0 90 90"), 17, 2, &["row 3 of `branch` has 14 columns, expected 13"]);
    only(&with("[ 2 0 0 2 1.5 0 ]", "[ 2 0 0 ]"), 26, 20, &["row 1 of `dclinecost` has 3 columns, expected 4"]);
    only(&with("10 30 1 5 4.9 0 0", "10 30 1 5"), 24, 2, &["row 1 of `dcline` has 14 columns, expected 17", "loss1"]);
    let all = SMALL.replace(" 1.1 0.9;", " 1.1;");
    only(&all, 6, 2, &["row 1 of `bus` has 12 columns, expected 13"]);
    only(&with("\"East, 'B'\"", ""), 27, 16, &["`bus_name` has 2 names for 3 buses"]);
}

#[test]
fn mistakes_of_language() {
    only(&with("20 70 0 99", "20 7o 0 99"), 12, 5, &["`7o` is no number"]);
    only(&with("20 70 0 99", "20 1.2.3 0 99"), 12, 8, &["`.3` does not belong"]);
    only(&with("20 70 0 99", "20 'a b' 0 99"), 12, 5, &["is no number"]);
    only(&with("20 70 0 99", "20 é7 0 99"), 12, 5, &["`é7` is no number"]);
    only(&with("20 70 0 99", "20 70,, 0 99"), 12, 8, &["a value is missing before `,`"]);
    only(&with("20 70 0 99", "20 sqrt(3, 4) 0 99"), 12, 5, &["`sqrt(3, 4)`", "computed statements"]);
    only(&with("20 70 0 99", "20 70:72 0 99"), 12, 7, &["`:72`"]);
    only(&with("20 70 0 99", "20 (70 0 99"), 12, 5, &["not closed"]);
    only(&with("100;\n", "100 * mpc.x;\n"), 4, 21, &["`mpc.x`", "computed"]);
    only(&with("mpc.baseMVA = 100;", "mpc.baseMVA = ;"), 4, 15, &["`;`"]);
    only(&with(" ];\nmpc.bus_name", " ]';\nmpc.bus_name"), 26, 35, &["`'` after the value"]);
    only(&format!("{SMALL}mpc.branch(:, 3) = 1;\n"), 28, 1, &["`mpc.branch(:, 3) = 1` computes the case", "not supported"]);
    only(&format!("{SMALL}for k = 1:3, end\n"), 28, 1, &["for k"]);
    only(&format!("{SMALL}  mpc = scale(mpc);\n"), 28, 3, &["computes"]);
    only(&format!("{SMALL}[mpc.bus, x] = f(1);\n"), 28, 1, &["computes"]);
    only(&format!("{SMALL}mpc.gen.x = 3;\n"), 28, 1, &["computes"]);
    only(&format!("{SMALL}1 2 3;\n"), 28, 1, &["`1` begins no statement", "mpc.field = value"]);
    only(&format!("{SMALL}];\n"), 28, 1, &["`]` closes nothing"]);
    only(&format!("{SMALL}mpc.x = [1 2}};\n"), 28, 13, &["another kind, begun in line 28"]);
    only(&format!("{SMALL}function x = other\n"), 28, 1, &["`function x = other`"]);
    only(&with("function mpc = small", "function small"), 1, 15, &["function mpc = name"]);
    // What is not closed names the line where it begins.
    only(&format!("{SMALL}mpc.x = {{ 1, [\n 2"), 28, 9, &["begun in line 28 is not closed", "`}`", "line 29"]);
    only(&format!("{SMALL}mpc.x = 'abc\n"), 28, 9, &["text begun in line 28 is not closed"]);
    only(&format!("{SMALL}%{{\n mpc.bus = 3\n"), 28, 1, &["block comment begun in line 28"]);
    only(&with("0.9;\n];\nmpc.gen =", "0.9;\nmpc.gen ="), 5, 11, &["matrix `bus` begun in line 5 is not closed", "before line 9"]);
    only(&with("\"East, 'B'\" };\n", ""), 27, 16, &["list `bus_name` begun in line 27 is not closed", "`}`"]);
    let found = mistakes(&SMALL[..SMALL.find("0.01 0.2").unwrap()]);
    assert_eq!((found.len(), found[0].line, found[0].column), (1, 14, 14), "{found:?}");
    assert!(found[0].message.contains("`branch` begun in line 14"));
}

#[test]
fn missing_fields() {
    for (from, field) in [("mpc.baseMVA", "baseMVA"), ("mpc.bus =", "bus"), ("mpc.gen =", "gen"), ("mpc.branch", "branch")] {
        let found = mistakes(&with(from, "mpc.other ="));
        let missing = found.iter().find(|mistake| mistake.message.contains("missing")).unwrap();
        assert_eq!((missing.line, missing.column, &*missing.message), (1, 1, &*format!("the field `{field}` is missing")));
    }
    assert_eq!(mistakes("").len(), 4);
    let bare = "mpc.baseMVA = 1; mpc.bus = []; mpc.gen = []; mpc.branch = [];";
    only(bare, 1, 28, &["`bus` has no rows", "at least one bus"]);
}

#[test]
fn all_mistakes_at_once_in_the_order_of_the_text() {
    let text = with("0.01 0.2 0", "0.01 0 0").replace("100 110 120", "100 -110 x").replace("20 2 50", "20 9 50").replace("= 100;", "= 0;");
    let places: Vec<_> = mistakes(&text).iter().map(|mistake| (mistake.line, mistake.column)).collect();
    assert_eq!(places, [(4, 15), (7, 5), (15, 23), (15, 28), (16, 13)]);
    assert_eq!(mistakes(&SMALL.replace("= [", "= [ bad bad; bad bad bad\n").repeat(9)).len(), 50);
    let shown = mistakes(&text)[0].to_string();
    assert_eq!(shown, "4:15: `baseMVA` is not above zero and finite: 0");
}

/// Neither a panic nor an endless loop, and a case or mistakes within the text.
fn check(text: &str) -> Result<(), String> {
    let Err(found) = read_matpower(text) else { return Ok(()) };
    if found.is_empty() || found.len() > 50 {
        return Err(format!("{} mistakes", found.len()));
    }
    let lines: Vec<&str> = text.split('\n').collect();
    for mistake in found {
        let inside = mistake.line >= 1 && mistake.column >= 1;
        let line = lines.get(mistake.line.wrapping_sub(1)).filter(|line| inside && mistake.column <= line.chars().count() + 1);
        if line.is_none() || mistake.message.is_empty() {
            return Err(format!("{mistake:?} is not in the text"));
        }
    }
    Ok(())
}

#[test]
fn truncated_anywhere() {
    let texts = [SMALL.to_string(), SMALL.replace("North", "Nörd€𝄞"), SMALL.replace(' ', " ...\n ")];
    for text in &texts {
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            check(&text[..end]).unwrap();
            check(&text[end..]).unwrap();
        }
    }
}

#[test]
fn brackets_without_end_take_no_time_and_no_stack() {
    for piece in
        ["[", "(", "{", "'", "%{\n", "...\n", "-", "[];", "a,", "mpc.bus = [(", "'\n", "mpc.x = {\n", "1 ", "(1^", "mpc.gen = [1\n", "\"\n"]
    {
        for prefix in ["", "mpc.bus = [", "mpc.bus = [ (", "mpc.x = ", "mpc.bus_name = {", "function "] {
            check(&format!("{prefix}{}", piece.repeat(50_000))).unwrap();
        }
    }
}

/// Names and texts of the reference cases.
fn reference_cases(data: &Path) -> Vec<(String, String)> {
    let mut cases = Vec::new();
    for folder in [data.join("matpower"), data.join("pglib")] {
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "m") {
                let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                cases.push((name, std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    cases.sort();
    cases
}

#[test]
fn reference_cases_have_their_published_sizes() {
    let Some(data) = reference::folder("reference_cases_have_their_published_sizes") else { return };
    let cases = reference_cases(&data);
    assert!(cases.len() >= 21);
    let expected = std::fs::read_to_string(data.join("expected_dcopf.csv")).unwrap();
    let mut compared = 0;
    for (name, text) in &cases {
        let case = read_matpower(text).unwrap_or_else(|mistakes| panic!("{name}: {mistakes:#?}"));
        assert_eq!(&case.name, name);
        assert_eq!(read_matpower(&write_matpower(&case)), Ok(case.clone()), "{name}");
        let short = name.trim_start_matches("pglib_opf_");
        for row in expected.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>()).filter(|row| row[0] == short) {
            let on = case.generators.iter().filter(|unit| unit.in_service).count();
            let sizes = [case.buses.len(), case.branches.len(), on].map(|size| size.to_string());
            assert_eq!(sizes.as_slice(), &row[1..4], "{name}");
            compared += 1;
        }
    }
    assert!(compared >= 15, "{compared}");
}

/// Small pseudo-random numbers (Knuth 1998, volume 2, section 3.3.4), the same in every run.
fn draws(seed: u64) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(seed), |state| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407)))
        .skip(1)
        .map(|state| (state >> 33) as usize)
}

#[test]
fn damaged_reference_cases() {
    let Some(data) = reference::folder("damaged_reference_cases") else { return };
    for (name, text) in &reference_cases(&data) {
        let mut random = draws(text.len() as u64);
        for _ in 0..40 {
            let end = (0..=random.next().unwrap() % text.len()).rev().find(|end| text.is_char_boundary(*end)).unwrap();
            check(&text[..end]).unwrap_or_else(|error| panic!("{name} to byte {end}: {error}"));
            check(&text[end..]).unwrap_or_else(|error| panic!("{name} from byte {end}: {error}"));
        }
        for _ in 0..3 {
            let mut lines: Vec<&str> = text.lines().collect();
            for position in (1..lines.len()).rev() {
                lines.swap(position, random.next().unwrap() % (position + 1));
            }
            check(&lines.join("\n")).unwrap_or_else(|error| panic!("{name}, shuffled: {error}"));
        }
    }
}

fn cost() -> impl Strategy<Value = Cost> {
    let number = || -1e4..1e4_f64;
    prop_oneof![
        (number(), number(), number()).prop_map(|(quadratic, linear, constant)| Cost::Polynomial { quadratic, linear, constant }),
        (number(), prop::collection::vec((1e-3..1e3_f64, number()), 2..6)).prop_map(|(start, steps)| {
            let add = |output: &mut f64, (step, cost): (f64, f64)| {
                *output += step;
                Some((*output, cost))
            };
            Cost::Piecewise(steps.into_iter().scan(start, add).collect())
        }),
    ]
}

fn arbitrary_case() -> impl Strategy<Value = Case> {
    let bus = ("[a-zA-Z0-9 '\"%;é]{0,8}", 0..4_usize, any::<i32>(), -9.0..9.0_f64, 0..99_u64, -180.0..180.0_f64).prop_map(
        |(name, kind, demand, shunt_mw, area, angle_deg)| Bus {
            number: 0,
            name,
            kind: [BusKind::Load, BusKind::Generator, BusKind::Reference, BusKind::Isolated][kind],
            demand_mw: f64::from(demand) / 1024.0,
            shunt_mw,
            area,
            zone: area + 1,
            angle_deg,
            base_kv: 110.0,
        },
    );
    let generator = (any::<prop::sample::Index>(), any::<bool>(), -1e3..1e3_f64, -1e3..1e3_f64, 0.0..1e3_f64, cost());
    let rate = || prop::option::of(1e-3..1e4_f64);
    let branch = (
        (any::<prop::sample::Index>(), 1..99_usize, any::<bool>(), -1.0..1.0_f64, 1e-6..1.0_f64),
        (rate(), rate(), rate()),
        (0.5..1.5_f64, -30.0..30.0_f64, prop::option::of(-359.0..-1e-9_f64), prop::option::of(1e-9..359.0_f64)),
    );
    let line = (any::<prop::sample::Index>(), 1..99_usize, -1e3..1e3_f64, 0.0..1e3_f64, cost());
    let list = |least| move |bus| prop::collection::vec(bus, least..8);
    let tables = (
        list(2)(bus.boxed()),
        prop::collection::vec(generator, 0..5),
        prop::collection::vec(branch, 0..9),
        prop::collection::vec(line, 0..3),
    );
    ("[a-z][a-z0-9_]{0,9}", 1e-3..1e4_f64, 1..1000_u64, any::<bool>(), tables).prop_map(
        |(name, base_mva, step, costs, (mut buses, generators, branches, lines))| {
            let count = buses.len();
            for (position, bus) in buses.iter_mut().enumerate() {
                // In no order, but each once: 7919 is a prime number above the count.
                bus.number = 1 + (position as u64 * step) % 7919;
            }
            let on = |on: bool, ends: &[usize]| on && ends.iter().all(|end| buses[*end].kind != BusKind::Isolated);
            let ends =
                |from: prop::sample::Index, offset: usize| (from.index(count), (from.index(count) + 1 + offset % (count - 1)) % count);
            let generators = generators.into_iter().map(|(bus, in_service, output_mw, min_mw, span, cost)| {
                let bus = bus.index(count);
                let cost = costs.then_some(cost);
                Generator { bus, in_service: on(in_service, &[bus]), output_mw, min_mw, max_mw: min_mw + span, cost }
            });
            let branches = branches.into_iter().map(|((from, offset, in_service, r, x), (a, b, c), (tap, shift_deg, least, most))| {
                let (from, to) = ends(from, offset);
                Branch {
                    from,
                    to,
                    in_service: on(in_service, &[from, to]),
                    resistance_pu: r,
                    reactance_pu: x,
                    rate_a_mw: a,
                    rate_b_mw: b,
                    rate_c_mw: c,
                    tap,
                    shift_deg,
                    angle_min_deg: least,
                    angle_max_deg: most,
                }
            });
            let dc_lines = lines.into_iter().map(|(from, offset, min_mw, span, cost)| {
                let (from, to) = ends(from, offset);
                let cost = costs.then_some(cost);
                let (flow_mw, max_mw, in_service) = (min_mw / 3.0, min_mw + span, on(true, &[from, to]));
                DcLine { from, to, in_service, flow_mw, min_mw, max_mw, loss_mw: 0.0, loss_share: 0.0, cost }
            });
            let (generators, branches, dc_lines) = (generators.collect(), branches.collect(), dc_lines.collect());
            Case { name, base_mva, generators, branches, dc_lines, buses }
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read(case in arbitrary_case()) {
        let text = write_matpower(&case);
        prop_assert_eq!(read_matpower(&text), Ok(case), "{}", text);
    }

    /// The way to the "to" end and back rounds: limits with losses come back to the last digits.
    #[test]
    fn limits_of_lossy_lines_are_read_again(min in -1e3..1e3_f64, span in 0.0..1e3_f64, loss_mw in 0.0..10.0_f64, loss_share in 0.0..0.5_f64) {
        let mut case = small();
        let line = &mut case.dc_lines[0];
        (line.min_mw, line.max_mw, line.loss_mw, line.loss_share) = (min, min + span, loss_mw, loss_share);
        let read = read_matpower(&write_matpower(&case)).map_err(|mistakes| TestCaseError::fail(format!("{mistakes:?}")))?;
        let (found, expected) = (&read.dc_lines[0], &case.dc_lines[0]);
        prop_assert!((found.min_mw - expected.min_mw).abs() < 1e-12 * (1.0 + expected.min_mw.abs() + loss_mw), "{found:?} {expected:?}");
        prop_assert!((found.max_mw - expected.max_mw).abs() < 1e-12 * (1.0 + expected.max_mw.abs() + loss_mw), "{found:?} {expected:?}");
    }

    #[test]
    fn random_changes(changes in prop::collection::vec((any::<prop::sample::Index>(), "[\\[\\](){};,.'\"%#=\n \t0-9eE+*/^a-z-]|\\PC|.{3}"), 1..9)) {
        let mut text = SMALL.to_string();
        for (index, piece) in changes {
            let at = index.index(text.len());
            let at = (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let length = text[at..].chars().next().map_or(0, char::len_utf8);
            text.replace_range(at..at + length, &piece);
        }
        prop_assert_eq!(check(&text), Ok(()), "{}", text);
    }

    #[test]
    fn shuffled_lines(lines in Just(SMALL.lines().collect::<Vec<_>>()).prop_shuffle()) {
        let text = lines.join("\n");
        prop_assert_eq!(check(&text), Ok(()), "{}", text);
    }

    #[test]
    fn any_text(text in "(mpc|bus|gen|[\\[\\](){};,.'\"%#=\n ]|[0-9]|\\PC){0,60}") {
        prop_assert_eq!(check(&text), Ok(()), "{}", text);
        prop_assert_eq!(check(&format!("mpc.bus = [{text}")), Ok(()), "{}", text);
    }
}
