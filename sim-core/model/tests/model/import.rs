//! Other people's files in, scenarios and adequacy systems out.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use bastide_grid::adequacy::{TierKind, TwoState, Unit};
use bastide_grid::{BusKind, Convention, Cost, DcNetwork, read_matpower};
use bastide_model::diag::{Diagnostic, Severity};
use bastide_model::import::{
    ImportedScenario, MatpowerOptions, SystemOptions, import_matpower, import_rts_gmlc, read_rts_gmlc, read_system,
};
use bastide_model::network::{AiLoad, adequacy_system, ai_load_of, case_at};
use bastide_units::Power;

use crate::folder::{Folder, scenarios};

/// The published cases and tables, where they lie beside the repository.
fn reference() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("BASTIDE_REFERENCE_DATA").map_or(beside, PathBuf::from).join("grid");
    if folder.is_dir() {
        return Some(folder);
    }
    // Not `eprintln`, which the test harness hides. A line that cannot be written is no reason to fail.
    let _ = writeln!(std::io::stderr(), "skipped: no reference data at {}", folder.display());
    None
}

fn folder_of(scenario: &ImportedScenario) -> Folder {
    scenario.files.iter().fold(Folder::new(), |folder, (path, text)| folder.with(path, text))
}

fn close(got: f64, want: f64, tolerance: f64, what: &str) {
    assert!((got - want).abs() <= tolerance * want.abs().max(1.0), "{what}: {got}, not {want}");
}

fn places(list: &[Diagnostic]) -> Vec<String> {
    list.iter().map(|it| format!("{} {}", it.code, it.span())).collect()
}

/// Three buses, one of everything: a transformer with a shift, an open line, a negative load, a shunt, a dispatchable load, a
/// curved cost, an unlimited line, a DC line, an isolated bus.
const SMALL: &str = "function mpc = small
mpc.version = '2';
mpc.baseMVA = 50;
mpc.bus = [
  1 3  0  0 0 0 1 1 0 138 1 1.1 0.9;
  2 1 90 30 5 0 1 1 0 138 1 1.1 0.9;
  7 1 -8  0 0 0 1 1 0 138 1 1.1 0.9;
  9 4 11  0 0 0 1 1 0 138 1 1.1 0.9;
];
mpc.gen = [
  1 0 0 50 -50 1 100 1 200 10 0 0 0 0 0 0 0 0 0 0 0;
  2 0 0 50 -50 1 100 0 100  0 0 0 0 0 0 0 0 0 0 0 0;
  7 -5 0 0  0 1 100 1 0 -20 0 0 0 0 0 0 0 0 0 0 0;
];
mpc.branch = [
  1 2 0.01 0.1 0 0   0 0 0    0   1 -360 360;
  2 7 0.01 0.2 0 60  0 0 0.95 -5  1 -360 360;
  1 7 0.01 0.3 0 40  0 0 0    0   0 -360 360;
];
mpc.gencost = [
  2 0 0 3 0.02 15 100 0;
  2 0 0 2 30 0 0 0;
  1 0 0 2 -20 -800 0 0;
];
mpc.genfuel = {
  'coal'; % a comment
  'ng';
  'load';
};
mpc.dcline = [
  1 7 1 5 5 0 0 1 1 -10 25 0 0 0 0 0 0;
];
";

fn options(file: &str) -> MatpowerOptions {
    MatpowerOptions { name: None, file: file.to_owned() }
}

#[test]
fn a_case_becomes_a_scenario_that_says_the_same() {
    let scenario = import_matpower(SMALL, &options("cases/small.m")).unwrap_or_else(|list| panic!("{list:#?}"));
    let loaded = folder_of(&scenario).load().unwrap_or_else(|list| panic!("{list:#?}\n{}", scenario.files[0].1));
    let model = &loaded.model;
    assert_eq!(model.header.name, "small");
    assert_eq!(loaded.warnings, vec![]);
    let (case, rows) = case_at(model, 0, &[]);
    assert_eq!(
        case.buses.iter().map(|bus| bus.name.as_str()).collect::<Vec<_>>(),
        ["bus-1", "bus-2", "bus-7"],
        "the isolated bus is left out"
    );
    // 90 MW and a shunt of 5 MW; the negative load of 8 MW is generation.
    close(case.buses[1].demand_mw, 95.0, 1e-12, "load and shunt");
    let names: Vec<&str> = rows.generators.iter().map(|id| model.generators[*id].entity.name.as_str()).collect();
    assert_eq!(names, ["unit-1", "injection-7"]);
    close(case.generators[1].max_mw, 8.0, 1e-12, "injection");
    // 0.02 p² + 15 p over 0..200 MW: 15 + 0.02 * 200.
    let Some(Cost::Polynomial { linear, .. }) = case.generators[0].cost else { panic!("a linear cost") };
    close(linear, 19.0, 1e-12, "average incremental cost");
    assert_eq!(model.generators[0].technology, "coal");
    // The dispatchable load: up to 20 MW, worth 800 / 20 = 40 a megawatt-hour.
    let load = model.loads.iter().find(|load| load.entity.name == "dispatchable-7").expect("a load");
    close(model.at(load.power, 0) / 1e6, 20.0, 1e-12, "dispatchable load");
    close(load.value_of_lost_load.as_eur_per_mwh(), 40.0, 1e-12, "its worth");
    // On 100 MVA: 0.1 * 100 / 50, and 0.2 * 0.95 * 100 / 50.
    assert_eq!(case.branches.len(), 2, "the open line is left out");
    close(case.branches[0].reactance_pu, 0.2, 1e-12, "x");
    close(case.branches[1].reactance_pu, 0.38, 1e-12, "x with tap");
    close(case.branches[1].shift_deg, -5.0, 1e-12, "shift");
    // Nothing in the grid moves a tenth of what the unlimited line carries.
    assert!(case.branches[0].rate_a_mw.is_some_and(|mw| mw > 3000.0));
    assert_eq!(case.branches[1].rate_a_mw, Some(60.0));
    assert_eq!((case.dc_lines[0].min_mw, case.dc_lines[0].max_mw), (-10.0, 25.0));
    let readme = &scenario.files[1].1;
    for word in ["mpc.branch row 3", "mpc.gen row 2", "mpc.bus row 4", "curved cost", "PMIN"] {
        assert!(readme.contains(word), "{word}: {readme}");
    }
}

#[test]
fn every_number_of_an_import_has_a_source() {
    let scenario = import_matpower(SMALL, &options("small.m")).unwrap();
    let model = folder_of(&scenario).load().unwrap().model;
    let grid = ["bus.", "line.", "generator.", "load.", "site.", "service."];
    for assumption in model.assumptions.iter().filter(|it| grid.iter().any(|table| it.key.starts_with(table))) {
        assert!(assumption.source.is_some() && assumption.verified.is_some(), "{assumption:?}");
    }
    let of = |key: &str| model.assumptions.iter().find(|it| it.key == key).and_then(|it| it.source.clone()).unwrap_or_default();
    assert_eq!(of("line.l2-7.reactance"), "small.m, mpc.branch row 2 (2-7): BR_X, TAP, RATE_A");
    assert!(of("load.load-2.value_of_lost_load").starts_with("assumption of the importer"));
}

#[test]
fn a_bad_case_gives_lines_and_columns() {
    let text = SMALL.replace("2 7 0.01 0.2", "2 8 0.01 0.2");
    let list = import_matpower(&text, &options("small.m")).unwrap_err();
    assert!(list.iter().all(|it| it.code == "F1001" && it.span().line == 17 && it.span().column > 0), "{list:#?}");
    assert!(import_matpower("", &options("small.m")).is_err());
    for cut in 0..SMALL.len() {
        // Truncations never panic; what they give validates.
        if let Ok(scenario) = import_matpower(&SMALL[..cut], &options("small.m")) {
            let list = folder_of(&scenario).load().map_or_else(|list| list, |loaded| loaded.warnings);
            assert!(list.iter().all(|it| it.severity == Severity::Warning), "cut at {cut}: {list:#?}");
        }
    }
}

#[test]
fn an_islanded_load_is_left_out_and_said() {
    let text = SMALL.replace("  9 4 11", "  9 1 11");
    let scenario = import_matpower(&text, &options("small.m")).unwrap();
    folder_of(&scenario).load().unwrap_or_else(|list| panic!("{list:#?}"));
    assert!(scenario.files[1].1.contains("its load `load-9` is left out"), "{}", scenario.files[1].1);
}

#[test]
fn public_cases_import_and_keep_their_flow_data() {
    let Some(reference) = reference() else { return };
    let mut seen = 0;
    for folder in ["matpower", "pglib"] {
        for entry in std::fs::read_dir(reference.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|end| end != "m") {
                continue;
            }
            seen += 1;
            let file = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let scenario = import_matpower(&text, &options(&file)).unwrap_or_else(|list| panic!("{file}: {list:#?}"));
            let loaded = folder_of(&scenario).load().unwrap_or_else(|list| panic!("{file}: {list:#?}"));
            let original = read_matpower(&text).unwrap();
            let (case, _) = case_at(&loaded.model, 0, &[]);
            // What is out of service or isolated is left out; the rest keeps its order.
            let live = |bus: usize| original.buses[bus].kind != BusKind::Isolated;
            let network = DcNetwork::new(&original, Convention::Matpower);
            let kept = (0..original.branches.len()).filter(|row| {
                let branch = &original.branches[*row];
                branch.in_service && live(branch.from) && live(branch.to) && branch.from != branch.to
            });
            let kept: Vec<usize> = kept.collect();
            let again = DcNetwork::new(&case, Convention::Matpower);
            assert_eq!(again.ends.len(), kept.len(), "{file}");
            for (row, old) in kept.into_iter().enumerate() {
                close(again.susceptance_mw[row], network.susceptance_mw[old], 1e-12, &format!("{file}: susceptance of row {old}"));
                close(again.shift_mw[row], network.shift_mw[old], 1e-9, &format!("{file}: shift of row {old}"));
                if let Some(rate) = original.branches[old].rate_a_mw {
                    close(case.branches[row].rate_a_mw.unwrap(), rate, 1e-12, &format!("{file}: rating of row {old}"));
                }
            }
            let demand: f64 =
                original.buses.iter().filter(|bus| bus.kind != BusKind::Isolated).map(|bus| (bus.demand_mw + bus.shunt_mw).max(0.0)).sum();
            let dispatchable: f64 =
                original.generators.iter().filter(|unit| unit.in_service && unit.max_mw <= 0.0).map(|unit| -unit.min_mw).sum();
            close(case.buses.iter().map(|bus| bus.demand_mw).sum(), demand + dispatchable, 1e-9, &format!("{file}: demand"));
            let most: f64 =
                original.generators.iter().filter(|unit| unit.in_service && live(unit.bus)).map(|unit| unit.max_mw.max(0.0)).sum();
            let injected: f64 = original.buses.iter().map(|bus| (-bus.demand_mw - bus.shunt_mw).max(0.0)).sum();
            close(case.generators.iter().map(|unit| unit.max_mw).sum(), most + injected, 1e-9, &format!("{file}: capacity"));
        }
    }
    assert!(seen >= 20, "{seen} cases");
}

#[test]
fn rts_gmlc_has_the_published_costs_and_survives_the_import() {
    let Some(reference) = reference() else { return };
    let folder = reference.join("rts_gmlc");
    let rts = read_rts_gmlc(&folder).unwrap_or_else(|list| panic!("{list:#?}"));
    assert_eq!((rts.hours, rts.case.buses.len(), rts.case.branches.len()), (8784, 73, 120));
    let table = std::fs::read_to_string(folder.join("ed_generators.csv")).unwrap();
    let dispatched: Vec<usize> = (0..rts.units.len()).filter(|row| rts.case.generators[*row].in_service).collect();
    let expected: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert_eq!((dispatched.len(), expected.len()), (153, 153));
    for (row, want) in dispatched.iter().zip(&expected) {
        let (unit, generator) = (&rts.units[*row], &rts.case.generators[*row]);
        assert_eq!(unit.name, want[0]);
        assert_eq!(rts.case.buses[generator.bus].number.to_string(), want[1]);
        close(generator.max_mw, want[2].parse().unwrap(), 1e-12, &unit.name);
        let Some(Cost::Polynomial { linear, .. }) = generator.cost else { panic!("a linear cost") };
        let cost: f64 = want[3].parse().unwrap();
        assert!((linear - cost).abs() <= 1e-6 * cost.abs(), "{}: {linear}, not {cost}", unit.name);
        assert_eq!(unit.max_mw.is_empty(), want[4].is_empty(), "{}", unit.name);
    }
    // 93,082.0152042 MWh in the first day (our own sum over the published series).
    let day: f64 = (0..24).map(|hour| rts.load_mw.iter().map(|bus| bus[hour]).sum::<f64>()).sum();
    close(day, 93_082.015_204_2, 1e-10, "load of the first day");

    let system = rts.adequacy_system();
    assert_eq!(system.areas.len(), 3);
    assert_eq!(system.ties.len(), 3);
    // 107-203 with 175 MW, 113-215 and 123-217 with 500 MW each join areas 1 and 2; 318-223 joins 2 and 3, 325-121 joins 1 and 3,
    // beside the DC line 113-316 of 100 MW.
    let tie = |from: usize, to: usize| {
        system.ties.iter().find(|tie| (tie.from, tie.to) == (from, to)).map(|tie| (tie.forward_mw, tie.backward_mw))
    };
    assert_eq!((tie(0, 1), tie(0, 2), tie(1, 2)), (Some((1175.0, 1175.0)), Some((600.0, 600.0)), Some((500.0, 500.0))));
    let all: u32 = system.units.iter().map(|unit| unit.count).sum();
    let failing = dispatched.iter().filter(|row| rts.units[**row].outage != TwoState::Perfect).count();
    assert_eq!(all as usize, failing);
    close(system.storages[0].energy_mwh, 150.0, 1e-12, "storage");
    close(system.storages[0].charge_efficiency.powi(2), 0.85, 1e-12, "round trip");

    let scenario = import_rts_gmlc(&folder).unwrap();
    let loaded = folder_of(&scenario).load().unwrap_or_else(|list| panic!("{list:#?}"));
    for hour in [0, 4000, 8783] {
        let (case, _) = case_at(&loaded.model, hour, &[]);
        let want = rts.case_at(hour);
        for (bus, wanted) in case.buses.iter().zip(&want.buses) {
            close(bus.demand_mw, wanted.demand_mw, 1e-12, "demand");
        }
        for (row, unit) in dispatched.iter().zip(&case.generators) {
            close(unit.max_mw, want.generators[*row].max_mw, 1e-12, &rts.units[*row].name);
        }
        for (branch, wanted) in case.branches.iter().zip(&want.branches) {
            close(branch.reactance_pu, wanted.reactance_pu * wanted.tap, 1e-12, "x");
        }
    }
}

#[test]
fn rts_79_tables_give_its_load_and_units() {
    let Some(reference) = reference() else { return };
    let folder = reference.join("rts79");
    let options = SystemOptions { peak: Some(Power::from_mw(2850.0)), ..SystemOptions::default() };
    let system = read_system(&folder, &options).unwrap_or_else(|list| panic!("{list:#?}"));
    assert_eq!(system.hours, 8736);
    let load = &system.areas[0].load_mw;
    // Published: 15,297 GWh, peak 2,850 MW in week 51 (Tuesday at 17:00 and 18:00); hour 7768 has 2,652.21 MW.
    close(load.iter().sum::<f64>() / 1000.0, 15_297.0, 1e-4, "energy in GWh");
    close(load.iter().copied().fold(0.0, f64::max), 2850.0, 1e-12, "peak");
    close(load[7768], 2652.21, 1e-12, "hour 7768");
    assert_eq!(system.units.iter().map(|unit| unit.count).sum::<u32>(), 32);
    close(system.units.iter().map(|unit| f64::from(unit.count) * unit.capacity_mw).sum(), 3405.0, 1e-12, "capacity");
    assert_eq!(system.units[0].outage, TwoState::Times { mttf_h: 2940.0, mttr_h: 60.0 });

    let roy = SystemOptions { units_file: Some("rbts_units.csv".into()), peak: Some(Power::from_mw(185.0)), ..SystemOptions::default() };
    let system = read_system(&folder, &roy).unwrap();
    close(system.units.iter().map(|unit| unit.capacity_mw).sum(), 240.0, 1e-12, "RBTS");
    assert_eq!(system.units[0].outage, TwoState::Unavailability(0.03));

    let list = read_system(&folder, &SystemOptions::default()).unwrap_err();
    assert_eq!(places(&list), ["F1004 load_weekly_peak_pct.csv:1:1"]);
    assert!(list[0].hint.as_ref().is_some_and(|hint| hint.contains("--peak")));
}

#[test]
fn micro_systems_are_read_by_name() {
    let Some(reference) = reference() else { return };
    let file = reference.join("pras_micro_systems.json");
    let named = |name: &str| SystemOptions { system: Some(name.to_owned()), ..SystemOptions::default() };
    let single = read_system(&file, &named("singlenode_a")).unwrap();
    // Three units of 10 MW that fail, one of 5 to 8 MW that does not.
    assert_eq!((single.hours, single.units.len(), single.areas[0].variable_mw.clone()), (4, 3, vec![5.0, 6.0, 7.0, 8.0]));
    close(single.units[0].outage.unavailability(), 0.1, 1e-12, "rate");
    let two = read_system(&file, &named("test1_two_regions")).unwrap();
    assert_eq!((two.areas.len(), two.ties.len(), two.ties[0].forward_mw), (2, 1, 8.0));
    let list = read_system(&file, &named("singlenode_c")).unwrap_err();
    assert_eq!(list[0].code, "F0301");
    assert!(read_system(&file, &SystemOptions::default()).unwrap_err()[0].hint.as_ref().unwrap().contains("--system singlenode_a"));
}

const LOAD: &str = "hour,north [MW],south [MW]\n0,50,60\n1,55,65\n";

fn system(units: &str) -> Result<bastide_grid::adequacy::System, Vec<Diagnostic>> {
    let folder = Folder::new().with("units.csv", units).with("load.csv", LOAD);
    read_system(folder.path(), &SystemOptions::default())
}

#[test]
fn tables_of_two_areas_with_three_states_ties_and_storage() {
    let folder = Folder::new()
        .with("units.csv", "unit,area,capacity_mw,count,mttf_h,mttr_h,forced_outage_rate,derated_mw,derated_probability,maintenance_from_h,maintenance_hours\ncoal,north,100,2,950,50,0.05,60,0.1,1,1\ngas,south,40,,,,0.02,,,,\nsun,south,5,1,,,0,,,,\n")
        .with("hydro.csv", "hydro,area,power_mw,energy_mwh,inflow_mwh\ndam,north,20,400,7\n")
        .with("areas.csv", "area,forecast_error\nsouth,0.03\n")
        .with("tiers.csv", "tier,area,mw,kind,backup_mw,backup_h\nfactory,north,12,firm,6,24\nsmelter,north,4,,,\n")
        .with("load.csv", LOAD)
        .with("ties.csv", "from,to,forward_mw,backward_mw,mttf_h,mttr_h\nnorth,south,30,20,1000,10\n")
        .with("storage.csv", "storage,area,power_mw,energy_mwh,efficiency\nbattery,south,10,40,0.81\n")
        .with("variable.csv", "hour,south\n0,3\n1,4\n");
    let system = read_system(folder.path(), &SystemOptions::default()).unwrap_or_else(|list| panic!("{list:#?}"));
    assert_eq!(system.areas.iter().map(|area| area.name.as_str()).collect::<Vec<_>>(), ["north", "south"]);
    assert_eq!((system.units[0].area, system.units[1].area, system.units[0].count), (0, 1, 2));
    let derated = system.units[0].derated.unwrap();
    assert_eq!((derated.capacity_share, derated.outage), (0.6, TwoState::Unavailability(0.1)));
    assert_eq!(system.units[2].outage, TwoState::Perfect);
    assert_eq!((system.ties[0].forward_mw, system.ties[0].backward_mw), (30.0, 20.0));
    assert_eq!(system.ties[0].outage, TwoState::Times { mttf_h: 1000.0, mttr_h: 10.0 });
    close(system.storages[0].charge_efficiency, 0.9, 1e-12, "one way");
    assert_eq!(system.areas[1].variable_mw, [3.0, 4.0]);
    assert_eq!((system.units[0].maintenance.clone(), system.units[1].maintenance.len()), (std::iter::once(1..2).collect(), 0));
    assert_eq!((system.hydros[0].area, system.hydros[0].inflow_mwh.clone()), (0, vec![7.0, 7.0]));
    assert_eq!((system.areas[0].forecast_error, system.areas[1].forecast_error), (0.0, 0.03));
    let tiers = &system.areas[0].tiers;
    assert_eq!((tiers[0].kind, tiers[0].backup_h, tiers[1].kind, tiers[1].mw[1]), (TierKind::Firm, 24.0, TierKind::Interruptible, 4.0));
}

#[rstest::rstest]
#[case::mttr_zero("unit,area,capacity_mw,mttf_h,mttr_h\na,north,10,100,0\n", "F0208 units.csv:2:16")]
#[case::negative_capacity("unit,area,capacity_mw,mttf_h,mttr_h\na,north,-10,100,5\n", "F0208 units.csv:2:9")]
#[case::rate_above_one("unit,area,capacity_mw,forced_outage_rate\na,north,10,1.5\n", "F0209 units.csv:2:12")]
#[case::contradiction("unit,area,capacity_mw,mttf_h,mttr_h,forced_outage_rate\na,north,10,950,50,0.5\n", "F1003 units.csv:2:19")]
#[case::missing_column("unit,area,mttf_h,mttr_h\na,north,950,50\n", "F0403 units.csv:1:1")]
#[case::no_outages("unit,area,capacity_mw\na,north,10\n", "F0403 units.csv:1:1")]
#[case::ragged("unit,area,capacity_mw,mttf_h,mttr_h\na,north,10,950\n", "F0414 units.csv:2:12")]
#[case::no_number("unit,area,capacity_mw,mttf_h,mttr_h\na,north,ten,950,50\n", "F0406 units.csv:2:9")]
#[case::unknown_area("unit,area,capacity_mw,mttf_h,mttr_h\na,nord,10,950,50\n", "F0301 units.csv:2:3")]
#[case::one_time("unit,area,capacity_mw,mttf_h,mttr_h\na,north,10,950,\n", "F0215 units.csv:2:12")]
#[case::half_a_unit("unit,area,capacity_mw,count,mttf_h,mttr_h\na,north,10,1.5,950,50\n", "F0208 units.csv:2:12")]
#[case::derated_above(
    "unit,area,capacity_mw,mttf_h,mttr_h,derated_mw,derated_probability\na,north,10,950,50,12,0.1\n",
    "F0208 units.csv:2:19"
)]
#[case::no_rows("unit,area,capacity_mw,mttf_h,mttr_h\n", "F1002 units.csv:1:1")]
fn bad_tables_are_placed(#[case] units: &str, #[case] place: &str) {
    let list = system(units).unwrap_err();
    assert_eq!(places(&list), [place], "{list:#?}");
}

#[test]
fn truncated_tables_never_panic() {
    let units = "unit,area,capacity_mw,count,mttf_h,mttr_h,forced_outage_rate,derated_mw,derated_probability\ncoal,north,100,2,950,50,0.05,60,0.1\n\"g,as\",south,40,,,,0.02,,\n";
    for cut in 0..units.len() {
        if let Err(list) = system(&units[..cut]) {
            assert!(list.iter().all(|it| it.span().line > 0 && it.severity == Severity::Error), "cut at {cut}: {list:#?}");
        }
    }
}

#[test]
fn bad_json_is_placed() {
    let read = |text: &str| {
        let folder = Folder::new().with("system.json", text);
        read_system(&folder.path().join("system.json"), &SystemOptions::default())
    };
    assert!(read("{\"load\": [10, 12],\n \"gens\": [{\"cap\": 10, \"lam\": 0.1, \"mu\": 0.9}]}").is_ok());
    for (text, line) in [
        ("{\"load\": [10, 12],\n \"gens\": [{\"cap\": 10, \"lam\": 1.5, \"mu\": 0.9}]}", 2),
        ("{\"load\": [10, -12],\n \"gens\": []}", 1),
        ("{\"load\": [10, 12],\n \"gens\": [{\"cap\": 10, \"lam\": 0.1", 2),
        ("{\"load\": [10, 12],\n \"gens\": [{\"cap\": 10, \"lam\": 0.1, \"mu\": 0}]}", 0),
        ("{\"load\": [],\n \"gens\": []}", 0),
    ] {
        let list = read(text).unwrap_err();
        assert_eq!((list[0].code, list[0].span().line), ("F1005", line), "{text}: {list:#?}");
    }
}

#[test]
fn the_minimal_scenario_as_an_adequacy_system() {
    let text = crate::folder::minimal()
        .replace(
            "cost = \"5 EUR/MWh\"",
            "mttf = \"1900 h\"\nrepair = { dist = \"uniform\", low = \"50 h\", high = \"150 h\" }\ncost = \"5 EUR/MWh\"",
        )
        .replace("units = 1\n", "units = 2\n")
        + "\n[[load]]\nname = \"smelter\"\nbus = \"north\"\npower = \"3 MW\"\nvalue_of_lost_load = \"300 EUR/MWh\"\ninterruptible = true\n";
    let model = Folder::new().with("scenario.toml", text).load().unwrap_or_else(|list| panic!("{list:#?}")).model;
    let ai = [AiLoad::constant("factory", bastide_model::model::BusId(0), Power::from_mw(1.5), TierKind::Firm)];
    let system = adequacy_system(&model, &ai);
    assert_eq!((system.hours, system.areas.len(), system.units.len()), (8760, 1, 1));
    let (area, unit) = (&system.areas[0], &system.units[0]);
    assert_eq!((area.load_mw[0], area.load_mw[8759]), (2.0, 2.0), "the town; the smelter is a tier");
    // The smelter at 300 goes before the AI load at policy.value_of_lost_load, 1000.
    assert_eq!(
        area.tiers.iter().map(|tier| (tier.name.as_str(), tier.kind, tier.mw[17])).collect::<Vec<_>>(),
        [("smelter", TierKind::Interruptible, 3.0), ("factory", TierKind::Firm, 1.5)]
    );
    assert_eq!((unit.count, unit.capacity_mw), (2, 5.0));
    let TwoState::Times { mttf_h, mttr_h } = unit.outage else { panic!("times") };
    close(mttf_h, 1900.0, 1e-12, "mttf");
    close(mttr_h, 100.0, 1e-12, "mean of the repair");
    let (case, rows) = case_at(&model, 0, &[(bastide_model::model::BusId(0), Power::from_mw(1.5))]);
    close(case.buses[0].demand_mw, 6.5, 1e-12, "2 + 3 + 1.5");
    assert_eq!(rows.loads.iter().map(|load| load.value_eur_per_mwh.round()).collect::<Vec<_>>(), [10000.0, 300.0, 1000.0]);
}

#[test]
fn a_plan_draws_its_full_power_behind_its_batteries() {
    let text = crate::folder::minimal().replacen(
        "pue = 1.25",
        "pue = 1.25\nups = \"30 min\"\ngenerator_start = 0.9\nfuel = \"48 h\"\ninterruptible = true",
        1,
    );
    let model = Folder::new().with("scenario.toml", text).load().unwrap_or_else(|list| panic!("{list:#?}")).model;
    let plan = bastide_model::plan::Plan::read(
        "schema = \"bastide/plan/1\"\nscenario = \"minimal\"\n[[build]]\nsite = \"left\"\naccelerator = \"card\"\ncount = 16\n",
        "plan.toml",
        &model,
    )
    .unwrap_or_else(|list| panic!("{list:#?}"));
    let loads = ai_load_of(&model, &plan);
    assert_eq!(loads.len(), 1);
    // 16 cards of 1 kW at a PUE of 1.25.
    close(loads[0].mw[0], 0.02, 1e-12, "facility power");
    close(loads[0].backup.as_mw(), 0.02, 1e-12, "backup");
    close(loads[0].backup_for.as_h(), 48.5, 1e-12, "fuel and UPS");
    assert_eq!(loads[0].kind, TierKind::Interruptible);
}

/// Hours and megawatt-hours short of units of whole megawatts, by convolution of their two states.
fn one_area(units: &[Unit], load: &[f64]) -> (f64, f64) {
    let mut available = vec![1.0];
    for unit in units {
        let (mw, rate) = (unit.capacity_mw.round() as usize, unit.outage.unavailability());
        for _ in 0..unit.count {
            let mut next = vec![0.0; available.len() + mw];
            for (state, probability) in available.iter().enumerate() {
                next[state] += probability * rate;
                next[state + mw] += probability * (1.0 - rate);
            }
            available = next;
        }
    }
    let short = |need: f64| {
        let states = available.iter().enumerate().take_while(|(mw, _)| (*mw as f64) < need - 1e-6);
        states.fold((0.0, 0.0), |(hours, energy), (mw, probability)| (hours + probability, energy + probability * (need - mw as f64)))
    };
    load.iter().map(|need| short(*need)).fold((0.0, 0.0), |sum, now| (sum.0 + now.0, sum.1 + now.1))
}

#[test]
fn rts_79_as_a_scenario_is_the_published_system() {
    let folder = scenarios().join("rts-79");
    let loaded = bastide_model::load(&folder, &[]).unwrap_or_else(|list| panic!("{list:#?}"));
    assert_eq!(loaded.warnings, vec![]);
    let model = &loaded.model;
    let (case, _) = case_at(model, 0, &[]);
    assert_eq!((case.buses.len(), case.branches.len()), (24, 38));
    let system = adequacy_system(model, &[]);
    assert_eq!(system.hours, 8736);
    let units: u32 = system.units.iter().map(|unit| unit.count).sum();
    let capacity: f64 = system.units.iter().map(|unit| f64::from(unit.count) * unit.capacity_mw).sum();
    assert_eq!(units, 32);
    close(capacity, 3405.0, 1e-12, "capacity");
    let load: Vec<f64> = (0..system.hours).map(|hour| system.areas.iter().map(|area| area.load_mw[hour]).sum()).collect();
    close(load.iter().copied().fold(0.0, f64::max), 2850.0, 1e-9, "peak");
    close(load.iter().sum::<f64>() / 1000.0, 15_297.0, 1e-4, "energy in GWh");
    // The table of outage rates of 1979: FOR of the nine classes.
    for (mw, rate) in
        [(12.0, 0.02), (20.0, 0.1), (50.0, 0.01), (76.0, 0.02), (100.0, 0.04), (155.0, 0.04), (197.0, 0.05), (350.0, 0.08), (400.0, 0.12)]
    {
        let unit = system.units.iter().find(|unit| (unit.capacity_mw - mw).abs() < 1e-9).unwrap_or_else(|| panic!("no unit of {mw} MW"));
        close(unit.outage.unavailability(), rate, 1e-9, "forced outage rate");
    }
    // Published (Allan, Billinton & Abdel-Gawad 1986): 9.39418 h and 1,176 MWh a year, lines ignored.
    let (lole, eue) = one_area(&system.units, &load);
    close(lole, 9.39418, 1e-6, "LOLE");
    close(eue, 1176.298, 1e-6, "EUE");
    let Some(reference) = reference() else { return };
    let options = SystemOptions { peak: Some(Power::from_mw(2850.0)), ..SystemOptions::default() };
    let tables = read_system(&reference.join("rts79"), &options).unwrap();
    for (hour, want) in tables.areas[0].load_mw.iter().enumerate() {
        close(load[hour], *want, 1e-9, "load");
    }
    // Reactances and ratings are those of MATPOWER's case of the same system, whose taps this scenario leaves out.
    let text = std::fs::read_to_string(reference.join("matpower/case24_ieee_rts.m")).unwrap();
    let published = read_matpower(&text).unwrap();
    for (branch, want) in case.branches.iter().zip(&published.branches) {
        assert_eq!((branch.from, branch.to), (want.from, want.to));
        close(branch.reactance_pu, want.reactance_pu, 1e-12, "x");
        close(branch.rate_a_mw.unwrap(), want.rate_a_mw.unwrap(), 1e-12, "rating");
    }
}

/// Two buses in two areas, in the folders of the original, for a day.
fn small_rts(generator: &str) -> Folder {
    let day = |columns: &str, cells: &str| {
        (1..=24).fold(format!("Year,Month,Day,Period,{columns}\n"), |text, hour| text + &format!("2020,2,29,{hour},{cells}\n"))
    };
    let header = "GEN UID,Bus ID,Unit Group,Unit Type,Category,PMax MW,FOR,MTTF Hr,MTTR Hr,Fuel Price $/MMBTU,Output_pct_0,Output_pct_1,HR_avg_0,HR_incr_1,VOM,\
                  Emissions CO2 Lbs/MMBTU";
    let none = (1..=24).fold("Year,Month,Day,Period\n".to_owned(), |text, hour| text + &format!("2020,2,29,{hour}\n"));
    Folder::new()
        .with("SourceData/bus.csv", "Bus ID,Bus Name,Bus Type,MW Load,Area\n101,Abel,Ref,30,1\n201,Bach,PQ,10,2\n")
        .with(
            "SourceData/branch.csv",
            "UID,From Bus,To Bus,R,X,Cont Rating,Tr Ratio,Perm OutRate,Duration\nA1,101,201,0.01,0.1,50,1.05,0.4,10\n",
        )
        .with("SourceData/gen.csv", format!("{header}\n{generator}\n201_WIND_1,201,WIND,WIND,Wind,20,0,0,0,0,0,0,0,0,0,0\n"))
        .with("timeseries_data_files/Load/DAY_AHEAD_regional_Load.csv", day("1,2", "40,12"))
        .with("timeseries_data_files/WIND/DAY_AHEAD_wind.csv", day("201_WIND_1", "5"))
        .with("timeseries_data_files/PV/DAY_AHEAD_pv.csv", &none)
        .with("timeseries_data_files/RTPV/DAY_AHEAD_rtpv.csv", &none)
        .with("timeseries_data_files/Hydro/DAY_AHEAD_hydro.csv", &none)
}

#[test]
fn a_small_rts_gmlc_by_hand() {
    let folder = small_rts("101_CT_1,101,U20,CT,Oil CT,20,0.1,450,50,10,0.5,1,12000,10000,2,160");
    let rts = read_rts_gmlc(folder.path()).unwrap_or_else(|list| panic!("{list:#?}"));
    assert_eq!((rts.hours, rts.start.as_str()), (24, "2020-02-29T00:00:00Z"));
    // (0.5 * 12000 + 0.5 * 10000) BTU/kWh * 10 $/MMBTU / 1000 + 2.
    let Some(Cost::Polynomial { linear, .. }) = rts.case.generators[0].cost else { panic!("a linear cost") };
    close(linear, 112.0, 1e-12, "cost");
    // 160 lb/MMBTU * 11000 BTU/kWh * 453.59237 g/lb / 1e6.
    close(rts.units[0].carbon_g_per_kwh, 798.322_571_2, 1e-12, "carbon");
    assert_eq!((rts.load_mw[0][5], rts.load_mw[1][5]), (40.0, 12.0), "the only bus of an area has all its load");
    let system = rts.adequacy_system();
    assert_eq!(system.areas[1].variable_mw, vec![5.0; 24]);
    assert_eq!(system.units[0].outage, TwoState::Times { mttf_h: 450.0, mttr_h: 50.0 });
    close(system.ties[0].forward_mw, 50.0, 1e-12, "tie");
    // A folder of RTS-GMLC is an adequacy system as it stands.
    assert_eq!(read_system(folder.path(), &SystemOptions::default()).unwrap(), system);
    let loaded = folder_of(&import_rts_gmlc(folder.path()).unwrap()).load().unwrap_or_else(|list| panic!("{list:#?}"));
    let (case, _) = case_at(&loaded.model, 7, &[]);
    close(case.branches[0].reactance_pu, 0.105, 1e-12, "x with tap");
    close(case.generators[1].max_mw, 5.0, 1e-12, "wind");
    assert!(loaded.model.lines[0].reliability.is_some());
}

#[rstest::rstest]
#[case::unknown_bus("101_CT_1,111,U20,CT,Oil CT,20,0.1,450,50,10,0.5,1,12000,10000,2,160", "F0301 gen.csv:2:10")]
#[case::no_number("101_CT_1,101,U20,CT,Oil CT,x,0.1,450,50,10,0.5,1,12000,10000,2,160", "F0406 gen.csv:2:28")]
#[case::repair_in_no_time("101_CT_1,101,U20,CT,Oil CT,20,0.1,450,0,10,0.5,1,12000,10000,2,160", "F0208 gen.csv:2:39")]
#[case::contradiction("101_CT_1,101,U20,CT,Oil CT,20,0.2,450,50,10,0.5,1,12000,10000,2,160", "F1003 gen.csv:2:31")]
#[case::ragged("101_CT_1,101,U20,CT", "F0414 gen.csv:2:18")]
#[case::twice("201_WIND_1,201,WIND,WIND,Wind,4,0,0,0,0,0,0,0,0,0,0", "F0302 gen.csv:3:1")]
fn bad_rts_gmlc_is_placed(#[case] generator: &str, #[case] place: &str) {
    let list = read_rts_gmlc(small_rts(generator).path()).unwrap_err();
    assert!(places(&list).contains(&place.to_owned()), "{list:#?}");
}
