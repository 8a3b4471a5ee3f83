//! DC optimal power flow against published objectives, HiGHS, Clarabel and finite differences.
//!
//! Longer than other files: all of it shares the random cases and horizons that are made here, and one program is linked once.

#[path = "opf/rts.rs"]
mod rts;

use std::path::PathBuf;

use bastide_grid::opf::{
    Battery, Chronology, ChronologyError, ChronologyInput, ChronologyLine, NodalDispatcher, NodalLine, Opf, OpfError, OpfOptions,
    OpfSolution, OpfStatus, PriorityShedding, ReserveRequirement, Reserves, Shedding, Solver, copper_plate, diagnose, dispatch_hours,
    generators_in_service, optimal_power_flow, priority_shedding, solve_with_clarabel, solve_with_highs,
};
use bastide_grid::{Branch, Bus, BusKind, Case, Convention, Cost, DcLine, Dispatch, Generator, Load, Offer, read_matpower};
use proptest::prelude::*;

#[allow(clippy::print_stderr)] // a skipped test says so
fn reference() -> Option<PathBuf> {
    let folder = std::env::var_os("BASTIDE_REFERENCE_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from)
        .join("grid");
    if folder.is_dir() {
        Some(folder)
    } else {
        eprintln!("skipped: no reference data at {}", folder.display());
        None
    }
}

fn pglib(folder: &std::path::Path, name: &str) -> Case {
    read_matpower(&std::fs::read_to_string(folder.join(format!("pglib/pglib_opf_{name}.m"))).unwrap()).unwrap()
}

fn close(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * a.abs().max(b.abs()).max(1.0)
}

fn bus(number: u64, demand_mw: f64) -> Bus {
    Bus { number, demand_mw, kind: if number == 1 { BusKind::Reference } else { BusKind::Load }, area: 1, ..Bus::default() }
}

fn unit(bus: usize, min_mw: f64, max_mw: f64, cost: Cost) -> Generator {
    Generator { bus, in_service: true, output_mw: 0.0, min_mw, max_mw, cost: Some(cost) }
}

fn linear(linear: f64) -> Cost {
    Cost::Polynomial { quadratic: 0.0, linear, constant: 0.0 }
}

fn branch(from: usize, to: usize, resistance_pu: f64, reactance_pu: f64, rate: f64) -> Branch {
    Branch {
        from,
        to,
        in_service: true,
        resistance_pu,
        reactance_pu,
        rate_a_mw: (rate > 0.0).then_some(rate),
        rate_b_mw: None,
        rate_c_mw: None,
        tap: 1.0,
        shift_deg: 0.0,
        angle_min_deg: None,
        angle_max_deg: None,
    }
}

/// The PJM five-bus system: F. Li and R. Bo, "Small test systems for power system economic studies", IEEE PES General Meeting 2010.
fn five_bus() -> Case {
    Case {
        name: "case5_pjm".to_owned(),
        base_mva: 100.0,
        buses: [0.0, 300.0, 300.0, 400.0, 0.0].iter().enumerate().map(|(at, &mw)| bus(at as u64 + 1, mw)).collect(),
        generators: vec![
            unit(0, 0.0, 40.0, linear(14.0)),
            unit(0, 0.0, 170.0, linear(15.0)),
            unit(2, 0.0, 520.0, linear(30.0)),
            unit(3, 0.0, 200.0, linear(40.0)),
            unit(4, 0.0, 600.0, linear(10.0)),
        ],
        branches: vec![
            branch(0, 1, 0.00281, 0.0281, 400.0),
            branch(0, 3, 0.00304, 0.0304, 426.0),
            branch(0, 4, 0.00064, 0.0064, 426.0),
            branch(1, 2, 0.00108, 0.0108, 426.0),
            branch(2, 3, 0.00297, 0.0297, 426.0),
            branch(3, 4, 0.00297, 0.0297, 240.0),
        ],
        dc_lines: Vec::new(),
    }
}

/// Primal and dual conditions of an answer, from the case alone.
fn check(case: &Case, solution: &OpfSolution, convention: Convention) {
    assert_eq!(solution.status, OpfStatus::Optimal);
    assert!(close(solution.objective, solution.bound, 1e-8), "{} against {}", solution.objective, solution.bound);
    let mut left: Vec<f64> = case.buses.iter().map(|bus| -bus.demand_mw - bus.shunt_mw).collect();
    for (generator, mw) in case.generators.iter().zip(&solution.generator_mw) {
        left[generator.bus] += mw;
        if generator.in_service {
            assert!(*mw >= generator.min_mw - 1e-6 && *mw <= generator.max_mw + 1e-6);
        }
    }
    for (line, mw) in case.dc_lines.iter().zip(&solution.dc_line_mw) {
        if line.in_service {
            left[line.from] -= mw;
            left[line.to] += mw - line.loss_mw - line.loss_share * mw;
        }
    }
    for (branch, flow) in case.branches.iter().zip(&solution.flow_mw) {
        left[branch.from] -= flow;
        left[branch.to] += flow;
        assert!(branch.rate_a_mw.is_none_or(|rate| flow.abs() <= rate + 1e-6));
    }
    for (bus, left) in case.buses.iter().zip(&left) {
        assert!(left.abs() < 1e-5 || bus.kind == BusKind::Isolated, "bus {}: {left}", bus.number);
    }
    for (row, dual) in solution.branch_dual.iter().enumerate() {
        let (low, high) = solution.limit_mw[row];
        let flow = solution.flow_mw[row];
        assert!(*dual < 1e-6 || flow > high - 1e-5, "positive dual away from the upper limit ({convention:?})");
        assert!(*dual > -1e-6 || flow < low + 1e-5, "negative dual away from the lower limit");
    }
}

#[test]
fn the_five_bus_system_costs_what_li_and_bo_published() {
    for convention in [Convention::Matpower, Convention::PowerModels] {
        let solution = optimal_power_flow(&five_bus(), convention, &OpfOptions::default()).unwrap();
        // 17,479.9 $/h in the paper; digits beyond it from solvers.
        assert!(close(solution.objective, 17_479.896_925, 1e-9), "{}", solution.objective);
        check(&five_bus(), &solution, convention);
        // Published prices: A 16.98, B 26.38, C 30.00, D 39.94, E 10.00 $/MWh.
        for (price, published) in solution.price.iter().zip([16.98, 26.38, 30.0, 39.94, 10.0]) {
            assert!((price.unwrap() - published).abs() < 0.006, "{price:?} {published}");
        }
        assert_eq!(solution.solver, Solver::Simplex);
        // The line from D to E is full, towards D: held at its lower limit.
        assert!(solution.branch_dual[5] < -1.0);
    }
}

#[test]
fn pglib_objectives_in_both_conventions() {
    let Some(folder) = reference() else { return };
    let table = std::fs::read_to_string(folder.join("expected_dcopf.csv")).unwrap();
    let mut rows = 0;
    for line in table.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let case = pglib(&folder, cells[0]);
        for (convention, status, objective) in [(Convention::PowerModels, cells[5], cells[6]), (Convention::Matpower, cells[7], cells[8])] {
            let solution = optimal_power_flow(&case, convention, &OpfOptions::default()).unwrap();
            let clarabel = solve_with_clarabel(&case, convention).unwrap();
            let highs = solve_with_highs(&case, convention).unwrap();
            if status == "Infeasible" {
                assert_eq!(solution.status, OpfStatus::Infeasible, "{line}");
                assert_eq!(clarabel.status, OpfStatus::Infeasible, "{line}");
                let diagnosis = diagnose(&case, convention).unwrap();
                assert!(!diagnosis.is_feasible(), "{line}");
            } else {
                let expected: f64 = objective.parse().unwrap();
                assert!(close(solution.objective, expected, 1e-7), "{}: {} {expected}", cells[0], solution.objective);
                assert!(close(clarabel.objective, expected, 1e-7));
                assert!(close(highs.objective, expected, 1e-7));
                check(&case, &solution, convention);
                assert!(diagnose(&case, convention).unwrap().is_feasible());
            }
            rows += 1;
        }
    }
    assert!(rows >= 30);
}

#[test]
fn strikes_shed_least_value() {
    let Some(folder) = reference() else { return };
    let table = std::fs::read_to_string(folder.join("expected_strikes.csv")).unwrap();
    let list = |cell: &str| -> Vec<usize> { cell.split(';').filter(|word| !word.is_empty()).map(|word| word.parse().unwrap()).collect() };
    let mut last: Option<(String, PriorityShedding, Case)> = None;
    for line in table.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        if last.as_ref().is_none_or(|(name, ..)| name != cells[0]) {
            let case = pglib(&folder, cells[0]);
            let shedding = Shedding::critical_mid_low(&case);
            last = Some((cells[0].to_owned(), PriorityShedding::new(&case, Convention::PowerModels, &shedding).unwrap(), case));
        }
        let (_, warm, case) = last.as_mut().unwrap();
        let on = generators_in_service(case);
        let units: Vec<usize> = list(cells[2]).into_iter().map(|at| on[at]).collect();
        let expected: f64 = cells[10].parse().unwrap();
        let cold = priority_shedding(case, &list(cells[1]), &units, &Shedding::critical_mid_low(case)).unwrap();
        let warm = warm.solve(&list(cells[1]), &units).unwrap();
        for answer in [cold, warm] {
            assert_eq!(answer.status, OpfStatus::Optimal);
            assert!(close(answer.objective, expected, 1e-7), "{line}: {}", answer.objective);
            let shed = 10_000.0 * answer.tier_mw(0) + 3_000.0 * answer.tier_mw(1) + 1_000.0 * answer.tier_mw(2);
            assert!(close(shed, expected, 1e-7));
        }
    }
}

#[test]
fn an_ai_load_is_shed_before_what_is_worth_more() {
    let case = five_bus();
    let shedding = Shedding::shares(&case, &[("all", 1.0, 5000.0)]).with("ai", 200.0, 1, 300.0, 5);
    let mut problem = PriorityShedding::new(&case, Convention::PowerModels, &shedding).unwrap();
    // 1,530 MW of units against 1,300 MW: unit 4 out leaves 930 MW.
    let answer = problem.solve(&[], &[4]).unwrap();
    assert!(close(answer.tier_mw(1), 300.0, 1e-9));
    assert!(answer.tier_mw(0) >= 70.0 - 1e-6);
    // All branches out: every bus for itself, and back again.
    let alone = problem.solve(&[0, 1, 2, 3, 4, 5], &[]).unwrap();
    // Bus 2 has nothing, bus 4 has 200 of 400 MW.
    assert!(close(alone.tier_mw(0), 500.0, 1e-9) && close(alone.tier_mw(1), 300.0, 1e-9));
    assert!(close(problem.solve(&[], &[4]).unwrap().objective, answer.objective, 1e-9));
    assert!(matches!(problem.solve(&[6], &[]), Err(OpfError::UnknownRow { what: "branch", row: 6 })));
}

#[test]
fn what_cannot_be_served_is_named() {
    let mut case = five_bus();
    case.branches[0].rate_a_mw = Some(50.0);
    case.branches[3].rate_a_mw = Some(60.0);
    // Bus 2 takes 300 MW, and its two lines carry 110 MW.
    assert_eq!(optimal_power_flow(&case, Convention::Matpower, &OpfOptions::default()).unwrap().status, OpfStatus::Infeasible);
    let diagnosis = diagnose(&case, Convention::Matpower).unwrap();
    let shed: f64 = diagnosis.unserved.iter().map(|&(_, mw)| mw).sum();
    assert!(diagnosis.unserved.iter().any(|&(bus, mw)| bus == 1 && mw > 189.9), "{diagnosis:?}");
    assert!(shed >= 190.0 - 1e-6 && diagnosis.beyond_limit.is_empty() && diagnosis.surplus.is_empty());

    let mut case = five_bus();
    case.generators[4].min_mw = 590.0;
    case.branches[2].rate_a_mw = Some(100.0);
    // Bus 5 must generate 590 MW, and 340 MW can leave.
    let diagnosis = diagnose(&case, Convention::Matpower).unwrap();
    assert!(diagnosis.surplus.iter().any(|&(bus, mw)| bus == 4 && mw >= 250.0 - 1e-6), "{diagnosis:?}");

    // A phase shifter that drives 20 degrees round a loop, beyond a rating that nothing else can relieve.
    let mut case = five_bus();
    case.buses.iter_mut().for_each(|bus| bus.demand_mw = 0.0);
    case.generators.clear();
    case.branches[0].shift_deg = 20.0;
    case.branches[0].rate_a_mw = Some(10.0);
    let diagnosis = diagnose(&case, Convention::Matpower).unwrap();
    assert!(diagnosis.beyond_limit.iter().any(|&(row, mw)| row == 0 && mw > 1.0), "{diagnosis:?}");
}

#[test]
fn a_cost_that_is_not_convex_names_its_unit() {
    let mut case = five_bus();
    case.generators[2].cost = Some(Cost::Piecewise(vec![(0.0, 0.0), (100.0, 3000.0), (520.0, 5000.0)]));
    let error = optimal_power_flow(&case, Convention::Matpower, &OpfOptions::default()).unwrap_err();
    assert_eq!(error, OpfError::NotConvex { what: "generator", row: 2 });
    case.generators[2].cost = Some(Cost::Polynomial { quadratic: -0.1, linear: 3.0, constant: 0.0 });
    assert!(optimal_power_flow(&case, Convention::Matpower, &OpfOptions::default()).is_err());
}

#[test]
fn a_unit_without_limit_that_is_paid_to_run_is_unbounded() {
    let mut case = five_bus();
    case.generators[0].max_mw = f64::INFINITY;
    case.generators[0].cost = Some(linear(-1.0));
    case.generators.push(unit(0, f64::NEG_INFINITY, 0.0, linear(0.5)));
    assert_eq!(optimal_power_flow(&case, Convention::Matpower, &OpfOptions::default()).unwrap().status, OpfStatus::Unbounded);
}

#[test]
fn reserves_have_a_price() {
    // Two units of 100 MW at 10 and 30 $/MWh, demand 120 MW. Without reserve: 100 + 20. The first may hold 10 MW of reserve, the second 50;
    // of 60 MW in reserve the first gives 10, so it runs at 90, and the second at 30: 900 + 900 = 1800 instead of 1600 $/h.
    let case = Case {
        name: String::new(),
        base_mva: 100.0,
        buses: vec![bus(1, 120.0)],
        generators: vec![unit(0, 0.0, 100.0, linear(10.0)), unit(0, 0.0, 100.0, linear(30.0))],
        ..Case::default()
    };
    let plain = optimal_power_flow(&case, Convention::Matpower, &OpfOptions::default()).unwrap();
    assert!(close(plain.objective, 1600.0, 1e-12));
    let requirements = vec![ReserveRequirement { area: Some(1), mw: 60.0 }, ReserveRequirement { area: None, mw: 10.0 }];
    let options = OpfOptions { reserves: Some(Reserves { max_mw: vec![10.0, 50.0], requirements }) };
    let solution = optimal_power_flow(&case, Convention::Matpower, &options).unwrap();
    assert!(close(solution.objective, 1800.0, 1e-9), "{solution:?}");
    assert!(close(solution.reserve_mw.iter().sum::<f64>(), 60.0, 1e-9));
    let full = Opf::new(&case, Convention::Matpower, &options).unwrap();
    for solver in [Solver::Highs, Solver::Clarabel] {
        assert!(close(full.solve_full(solver).objective, 1800.0, 1e-7));
    }
    // Quarter of the way between corners the price is the slope: the first unit gives way at 20 $/MWh.
    let less = vec![ReserveRequirement { area: Some(1), mw: 55.0 }];
    let options = OpfOptions { reserves: Some(Reserves { max_mw: vec![10.0, 50.0], requirements: less }) };
    let solution = optimal_power_flow(&case, Convention::Matpower, &options).unwrap();
    assert!(close(solution.objective, 1700.0, 1e-9));
    assert!(close(solution.reserve_price[0], 20.0, 1e-9), "{solution:?}");
}

#[test]
fn direct_current_lines_lose_and_cost() {
    // 100 MW at the far end of a line that loses 1 MW and 5 %: 101 / 0.95 MW leave.
    let mut case = Case {
        name: String::new(),
        base_mva: 100.0,
        buses: vec![bus(1, 0.0), bus(2, 100.0)],
        generators: vec![unit(0, 0.0, 500.0, linear(10.0))],
        branches: Vec::new(),
        dc_lines: vec![DcLine {
            from: 0,
            to: 1,
            in_service: true,
            flow_mw: 0.0,
            min_mw: 0.0,
            max_mw: 200.0,
            loss_mw: 1.0,
            loss_share: 0.05,
            cost: Some(linear(2.0)),
        }],
    };
    let solution = optimal_power_flow(&case, Convention::Matpower, &OpfOptions::default()).unwrap();
    assert!(close(solution.objective, 12.0 * 101.0 / 0.95, 1e-12));
    assert!(close(solution.price[1].unwrap(), 12.0 / 0.95, 1e-9));
    check(&case, &solution, Convention::Matpower);
    case.dc_lines[0].max_mw = 50.0;
    assert_eq!(optimal_power_flow(&case, Convention::Matpower, &OpfOptions::default()).unwrap().status, OpfStatus::Infeasible);
    let diagnosis = diagnose(&case, Convention::Matpower).unwrap();
    assert!(close(diagnosis.unserved[0].1, 100.0 - (0.95 * 50.0 - 1.0), 1e-7), "{diagnosis:?}");
}

#[test]
fn piecewise_costs_are_prolonged() {
    // 10 $/MWh to 100 MW, 20 beyond; limits on both sides of the table.
    let cost = Cost::Piecewise(vec![(50.0, 600.0), (100.0, 1100.0), (150.0, 2100.0)]);
    for (demand, expected) in [(20.0, 300.0), (80.0, 900.0), (130.0, 1700.0), (180.0, 2700.0)] {
        let case = Case {
            name: String::new(),
            base_mva: 100.0,
            buses: vec![bus(1, demand)],
            generators: vec![unit(0, 10.0, 200.0, cost.clone())],
            ..Case::default()
        };
        let solution = optimal_power_flow(&case, Convention::Matpower, &OpfOptions::default()).unwrap();
        assert!(close(solution.objective, expected, 1e-12), "{demand}: {}", solution.objective);
    }
}

#[test]
fn chronological_dispatch_of_rts_gmlc() {
    let Some(folder) = reference() else { return };
    let table = std::fs::read_to_string(folder.join("expected_ed.csv")).unwrap();
    for line in table.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let hours: usize = cells[0].parse().unwrap();
        let expected: f64 = cells[3].parse().unwrap();
        let system = rts::read(&folder.join("rts_gmlc"), hours);
        let batteries = [system.battery];
        let input = ChronologyInput {
            buses: system.buses,
            lines: (cells[1] == "nodal").then_some(&system.lines[..]),
            units: &system.units,
            available_mw: &system.available_mw,
            demand_mw: &system.demand_mw,
            shedding_eur_per_mwh: 10_000.0,
            batteries: if cells[2] == "yes" { &batteries } else { &[] },
            detail: hours < 1000,
        };
        let answer = dispatch_hours(&input).unwrap();
        assert!(close(answer.cost_eur, expected, 1e-9), "{line}: {}", answer.cost_eur);
        assert!(answer.bound_eur <= answer.cost_eur * (1.0 + 1e-9));
        assert!(answer.bound_eur >= answer.cost_eur * (1.0 - 1e-9));
        if cells[1] == "copper" {
            let demand: Vec<f64> = system.demand_mw.chunks_exact(system.buses).map(|hour| hour.iter().sum()).collect();
            let cost: Vec<f64> = system.units.iter().map(|unit| unit.cost_eur_per_mwh).collect();
            let merit = copper_plate(&cost, &system.available_mw, &demand, 10_000.0);
            assert!(close(merit.iter().sum(), expected, 1e-10));
        }
    }
}

/// Three batteries in three areas: a day and a week against HiGHS, which sees them as one programme, and a year with its proof.
#[test]
fn several_batteries_in_rts_gmlc() {
    let Some(folder) = reference() else { return };
    for hours in [24, 168, 8760] {
        let system = rts::read(&folder.join("rts_gmlc"), hours);
        // Buses 313, 207 and 118; an area has 24 or 25.
        let batteries = [system.battery, Battery { bus: 24 + 6, ..system.battery }, Battery { bus: 17, ..system.battery }];
        let input = ChronologyInput {
            buses: system.buses,
            lines: Some(&system.lines),
            units: &system.units,
            available_mw: &system.available_mw,
            demand_mw: &system.demand_mw,
            shedding_eur_per_mwh: 10_000.0,
            batteries: &batteries,
            detail: false,
        };
        let found = dispatch_hours(&input).unwrap();
        assert!(found.cost_eur - found.bound_eur <= 1e-9 * found.cost_eur && found.bound_eur <= found.cost_eur * (1.0 + 1e-12));
        check_batteries(&batteries, &found);
        if hours < 1000 {
            assert!(close(found.cost_eur, Whole::new(&input).by_highs(), 1e-9));
        }
        let one = dispatch_hours(&ChronologyInput { batteries: &batteries[..1], ..input }).unwrap();
        assert!(found.cost_eur < one.bound_eur);
    }
}

/// The whole horizon as one programme: columns (cost, lower, upper), and rows (terms, value).
#[derive(Default)]
struct Whole {
    columns: Vec<(f64, f64, f64)>,
    rows: Vec<(Vec<(usize, f64)>, f64)>,
}

impl Whole {
    fn column(&mut self, cost: f64, lower: f64, upper: f64) -> usize {
        self.columns.push((cost, lower, upper));
        self.columns.len() - 1
    }

    fn new(input: &ChronologyInput) -> Self {
        let mut whole = Self::default();
        let free = (f64::NEG_INFINITY, f64::INFINITY);
        let hours = input.demand_mw.len() / input.buses;
        let mut before: Vec<Option<usize>> = vec![None; input.batteries.len()];
        for hour in 0..hours {
            let mut balance: Vec<Vec<(usize, f64)>> = vec![Vec::new(); input.buses];
            for (at, unit) in input.units.iter().enumerate() {
                let most = input.available_mw[hour * input.units.len() + at];
                balance[unit.bus].push((whole.column(unit.cost_eur_per_mwh, 0.0, most), 1.0));
            }
            let angles: Vec<usize> = (0..input.buses).map(|_| whole.column(0.0, free.0, free.1)).collect();
            for (bus, balance) in balance.iter_mut().enumerate() {
                let most = input.demand_mw[hour * input.buses + bus];
                balance.push((whole.column(input.shedding_eur_per_mwh, 0.0, most), 1.0));
            }
            for line in input.lines.unwrap_or_default() {
                let flow = whole.column(0.0, -line.reverse_mw, line.limit_mw);
                balance[line.from].push((flow, -1.0));
                balance[line.to].push((flow, 1.0));
                if let Some(b) = line.susceptance_mw {
                    // Angles in hundredths, whose coefficients are nearer to one.
                    whole.rows.push((vec![(flow, 1.0), (angles[line.from], -0.01 * b), (angles[line.to], 0.01 * b)], 0.0));
                }
            }
            for (battery, before) in input.batteries.iter().zip(&mut before) {
                let charge = whole.column(0.0, 0.0, battery.power_mw);
                let discharge = whole.column(0.0, 0.0, battery.power_mw);
                let bounds = if hour + 1 == hours { battery.final_mwh.map(|end| (end, end)) } else { None };
                let (least, most) = bounds.unwrap_or((0.0, battery.energy_mwh));
                let held = whole.column(0.0, least, most);
                balance[battery.bus].push((charge, -1.0));
                balance[battery.bus].push((discharge, 1.0));
                let mut row = vec![(held, 1.0), (charge, -battery.charge_efficiency), (discharge, 1.0 / battery.discharge_efficiency)];
                row.extend(before.map(|before| (before, -1.0)));
                whole.rows.push((row, if before.is_none() { battery.initial_mwh } else { 0.0 }));
                *before = Some(held);
            }
            for (bus, row) in balance.into_iter().enumerate() {
                whole.rows.push((row, input.demand_mw[hour * input.buses + bus]));
            }
        }
        whole
    }

    /// Least cost, by a solver that knows nothing of this crate.
    fn by_microlp(&self) -> f64 {
        let mut problem = microlp::Problem::new(microlp::OptimizationDirection::Minimize);
        let columns: Vec<_> = self.columns.iter().map(|&(cost, lower, upper)| problem.add_var(cost, (lower, upper))).collect();
        for (terms, value) in &self.rows {
            let mut row = microlp::LinearExpr::empty();
            terms.iter().for_each(|&(at, by)| row.add(columns[at], by));
            problem.add_constraint(row, microlp::ComparisonOp::Eq, *value);
        }
        let microlp::SolveOutcome::Solution(solution) = problem.solve().unwrap() else { panic!("interrupted") };
        solution.objective()
    }

    /// Least cost, by HiGHS.
    fn by_highs(&self) -> f64 {
        let mut problem = highs::RowProblem::new();
        let columns: Vec<_> = self.columns.iter().map(|&(cost, lower, upper)| problem.add_column(cost, lower..=upper)).collect();
        for (terms, value) in &self.rows {
            // HiGHS wants each column once in a row; a line may end where it starts.
            let mut row: std::collections::BTreeMap<usize, f64> = std::collections::BTreeMap::new();
            terms.iter().for_each(|&(at, by)| *row.entry(at).or_default() += by);
            problem.add_row(*value..=*value, row.into_iter().map(|(at, by)| (columns[at], by)));
        }
        let mut model = problem.optimise(highs::Sense::Minimise);
        model.make_quiet();
        model.set_option("primal_feasibility_tolerance", 1e-9);
        model.set_option("dual_feasibility_tolerance", 1e-9);
        let solved = model.solve();
        assert_eq!(solved.status(), highs::HighsModelStatus::Optimal);
        solved.objective_value()
    }
}

/// Whether the batteries keep to what they can, and their contents follow from charging and discharging.
fn check_batteries(batteries: &[Battery], found: &Chronology) {
    let count = batteries.len();
    for (at, battery) in batteries.iter().enumerate() {
        let mut held = battery.initial_mwh;
        for place in (at..found.content_mwh.len()).step_by(count) {
            let (charge, discharge, content) = (found.charge_mw[place], found.discharge_mw[place], found.content_mwh[place]);
            held += battery.charge_efficiency * charge - discharge / battery.discharge_efficiency;
            assert!((held - content).abs() < 1e-6 && content > -1e-6 && content < battery.energy_mwh + 1e-6, "{held} {content}");
            assert!(charge.min(discharge) > -1e-6 && charge.max(discharge) < battery.power_mw + 1e-6);
        }
        assert!(battery.final_mwh.is_none_or(|end| (held - end).abs() < 1e-6));
    }
}

#[derive(Clone, Debug)]
struct Horizon {
    buses: usize,
    lines: Vec<ChronologyLine>,
    units: Vec<Offer>,
    available: Vec<f64>,
    demand: Vec<f64>,
    batteries: Vec<Battery>,
}

fn horizons(hours: std::ops::Range<usize>, batteries: std::ops::Range<usize>) -> impl Strategy<Value = Horizon> {
    (2..5_usize, hours, Just(batteries)).prop_flat_map(|(buses, hours, number)| {
        let susceptance = prop_oneof![Just(None), (5..50_i32).prop_map(|b| Some(f64::from(b) * 100.0))];
        let line = (0..buses, 1..buses, susceptance, 0..6_i32, 0..6_i32);
        let unit = (0..buses, -1..8_i32);
        let battery = (0..buses, 0..4_i32, 0..8_i32, 5..11_i32, 5..11_i32, 0..5_i32, any::<bool>());
        (
            proptest::collection::vec(line, 1..6),
            proptest::collection::vec(unit, 1..6),
            proptest::collection::vec(battery, number),
            proptest::collection::vec(0..6_i32, hours * 6),
            proptest::collection::vec(0..7_i32, hours * buses),
        )
            .prop_map(move |(lines, units, batteries, available, demand)| {
                let count = units.len();
                Horizon {
                    buses,
                    lines: lines
                        .iter()
                        .map(|&(from, by, susceptance_mw, limit, reverse)| ChronologyLine {
                            from,
                            to: (from + by) % buses,
                            susceptance_mw,
                            limit_mw: f64::from(limit) * 10.0,
                            reverse_mw: f64::from(reverse) * 10.0,
                        })
                        .collect(),
                    units: units.iter().map(|&(bus, cost)| Offer { bus, cost_eur_per_mwh: f64::from(cost) * 10.0 }).collect(),
                    available: (0..hours * count).map(|at| f64::from(available[at % available.len()]) * 10.0).collect(),
                    demand: demand.iter().map(|&mw| f64::from(mw) * 8.0).collect(),
                    batteries: batteries
                        .iter()
                        .map(|&(bus, power, energy, charge, discharge, start, fixed)| {
                            let energy_mwh = f64::from(energy) * 10.0;
                            let initial_mwh = energy_mwh * f64::from(start) / 4.0;
                            Battery {
                                bus,
                                power_mw: f64::from(power) * 10.0,
                                energy_mwh,
                                charge_efficiency: f64::from(charge) / 10.0,
                                discharge_efficiency: f64::from(discharge) / 10.0,
                                initial_mwh,
                                final_mwh: fixed.then_some(initial_mwh),
                            }
                        })
                        .collect(),
                }
            })
    })
}

#[test]
fn a_battery_that_cannot_reach_its_end_says_so() {
    let battery = Battery {
        bus: 0,
        power_mw: 1.0,
        energy_mwh: 100.0,
        charge_efficiency: 0.9,
        discharge_efficiency: 0.9,
        initial_mwh: 0.0,
        final_mwh: Some(50.0),
    };
    let input = ChronologyInput {
        buses: 1,
        lines: None,
        units: &[Offer { bus: 0, cost_eur_per_mwh: 5.0 }],
        available_mw: &[100.0, 100.0],
        demand_mw: &[10.0, 10.0],
        shedding_eur_per_mwh: 1000.0,
        batteries: &[battery],
        detail: true,
    };
    assert_eq!(dispatch_hours(&input), Err(ChronologyError::Unreachable));
    assert!(matches!(dispatch_hours(&ChronologyInput { available_mw: &[1.0], ..input }), Err(ChronologyError::Length { .. })));
    let odd = [Battery { charge_efficiency: 0.0, ..battery }];
    assert_eq!(dispatch_hours(&ChronologyInput { batteries: &odd, ..input }), Err(ChronologyError::Battery(0)));
}

/// Contents that leave no choice, and batteries that can nothing.
#[test]
fn several_batteries_without_a_choice() {
    let battery = Battery {
        bus: 0,
        power_mw: 10.0,
        energy_mwh: 100.0,
        charge_efficiency: 0.9,
        discharge_efficiency: 0.8,
        initial_mwh: 0.0,
        final_mwh: Some(36.0),
    };
    let idle = Battery { power_mw: 0.0, initial_mwh: 30.0, final_mwh: None, ..battery };
    let empty = Battery { energy_mwh: 0.0, final_mwh: None, ..battery };
    let free = Battery { initial_mwh: 100.0, final_mwh: Some(50.0), ..battery };
    let batteries = [battery, idle, empty, free];
    let input = ChronologyInput {
        buses: 1,
        lines: None,
        units: &[Offer { bus: 0, cost_eur_per_mwh: 5.0 }, Offer { bus: 0, cost_eur_per_mwh: 50.0 }],
        available_mw: &[40.0; 8],
        demand_mw: &[20.0, 30.0, 40.0, 50.0],
        shedding_eur_per_mwh: 1000.0,
        batteries: &batteries,
        detail: true,
    };
    // The first charges at 10 MW in every hour; the last gives 40 MW in five turns of at most 10.
    let found = dispatch_hours(&input).unwrap();
    let whole = Whole::new(&input).by_highs();
    assert!(close(found.cost_eur, whole, 1e-9) && close(found.bound_eur, whole, 1e-9), "{} {} {whole}", found.cost_eur, found.bound_eur);
    check_batteries(&batteries, &found);
    assert!(close(found.content_mwh[0], 9.0, 1e-9) && close(found.content_mwh[12], 36.0, 1e-9));
    let more = [Battery { final_mwh: Some(36.1), ..battery }, idle];
    assert_eq!(dispatch_hours(&ChronologyInput { batteries: &more, ..input }), Err(ChronologyError::Unreachable));
    let nothing = dispatch_hours(&ChronologyInput { available_mw: &[], demand_mw: &[], batteries: &[free; 2], ..input });
    assert_eq!(nothing, Err(ChronologyError::Unreachable));
    let least = [idle, Battery { power_mw: 0.0, ..empty }];
    let alone = dispatch_hours(&ChronologyInput { batteries: &[], ..input }).unwrap();
    assert!(close(dispatch_hours(&ChronologyInput { batteries: &least, ..input }).unwrap().cost_eur, alone.cost_eur, 1e-9));
}

/// A corridor has a limit each way.
#[test]
fn corridors_have_two_limits() {
    let corridor = |susceptance_mw| ChronologyLine { from: 0, to: 1, susceptance_mw, limit_mw: 10.0, reverse_mw: 3.0 };
    for lines in [[corridor(None)], [corridor(Some(1000.0))]] {
        for (cheap, flow) in [(0, 10.0), (1, -3.0)] {
            let units = [Offer { bus: cheap, cost_eur_per_mwh: 1.0 }, Offer { bus: 1 - cheap, cost_eur_per_mwh: 20.0 }];
            let input = ChronologyInput {
                buses: 2,
                lines: Some(&lines),
                units: &units,
                available_mw: &[100.0; 2],
                demand_mw: &[30.0; 2],
                shedding_eur_per_mwh: 1000.0,
                batteries: &[],
                detail: true,
            };
            let found = dispatch_hours(&input).unwrap();
            assert!(close(found.flow_mw[0], flow, 1e-9), "{:?}", found.flow_mw);
            assert!(close(found.cost_eur, 30.0 + flow.abs() + 20.0 * (30.0 - flow.abs()), 1e-9));
        }
    }
    let undefined = [ChronologyLine { reverse_mw: f64::NAN, ..corridor(None) }];
    let input = ChronologyInput {
        buses: 2,
        lines: Some(&undefined),
        units: &[],
        available_mw: &[],
        demand_mw: &[1.0; 2],
        shedding_eur_per_mwh: 1000.0,
        batteries: &[],
        detail: false,
    };
    assert!(matches!(dispatch_hours(&input), Err(ChronologyError::Network(_))));
}

/// Numbers that make networks with ties, islands, parallel branches, negative reactances, and infeasible demands.
#[derive(Clone, Debug)]
struct Draft {
    buses: usize,
    demand: Vec<i32>,
    branches: Vec<(usize, usize, i32, i32, i32, i32)>,
    units: Vec<(usize, i32, i32, i32, i32)>,
    dc: Vec<(usize, usize, i32, i32)>,
}

fn drafts() -> impl Strategy<Value = Draft> {
    (1..9_usize).prop_flat_map(|buses| {
        (
            proptest::collection::vec(-2..9_i32, buses),
            proptest::collection::vec((0..buses, 0..buses, 1..8_i32, 0..9_i32, -3..4_i32, 0..6_i32), 0..14),
            proptest::collection::vec((0..buses, -4..3_i32, 0..12_i32, -1..5_i32, 0..4_i32), 1..12),
            proptest::collection::vec((0..buses, 0..buses, 0..5_i32, 0..3_i32), 0..3),
        )
            .prop_map(move |(demand, branches, units, dc)| Draft { buses, demand, branches, units, dc })
    })
}

fn case_of(draft: &Draft, quadratic: bool) -> Case {
    let mut case = Case {
        name: String::new(),
        base_mva: 100.0,
        buses: (0..draft.buses).map(|at| bus(at as u64 + 1, f64::from(draft.demand[at]) * 10.0)).collect(),
        ..Case::default()
    };
    for &(from, by, x, rate, shift, angle) in &draft.branches {
        let to = (from + by) % draft.buses;
        if to == from {
            continue;
        }
        let mut row = branch(from, to, 0.01, f64::from(x) * 0.02, f64::from(rate) * 20.0);
        row.shift_deg = f64::from(shift);
        if angle == 0 {
            (row.angle_min_deg, row.angle_max_deg) = (Some(-1.5), Some(2.0));
        }
        case.branches.push(row);
    }
    for &(bus, min, span, cost, kind) in &draft.units {
        let min_mw = f64::from(min.max(0)) * 5.0;
        let slope = f64::from(cost) * 7.0;
        let cost = match kind {
            0 => Cost::Piecewise(vec![(0.0, 3.0), (20.0, 3.0 + 20.0 * slope), (50.0, 3.0 + 50.0 * slope + 30.0 * 4.0)]),
            1 if quadratic => Cost::Polynomial { quadratic: 0.02, linear: slope, constant: 5.0 },
            _ => linear(slope),
        };
        case.generators.push(unit(bus, min_mw, min_mw + f64::from(span) * 20.0, cost));
    }
    for &(from, by, most, loss) in &draft.dc {
        let to = (from + by) % draft.buses;
        if to != from {
            case.dc_lines.push(DcLine {
                from,
                to,
                in_service: true,
                flow_mw: 0.0,
                min_mw: -f64::from(most) * 5.0,
                max_mw: f64::from(most) * 10.0,
                loss_mw: 0.0,
                loss_share: 0.02 * f64::from(loss),
                cost: None,
            });
        }
    }
    case
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_networks_cost_what_highs_says(draft in drafts()) {
        let case = case_of(&draft, false);
        for convention in [Convention::Matpower, Convention::PowerModels] {
            let ours = optimal_power_flow(&case, convention, &OpfOptions::default()).unwrap();
            let highs = solve_with_highs(&case, convention).unwrap();
            prop_assert_eq!(&ours.status, &highs.status);
            let diagnosis = diagnose(&case, convention).unwrap();
            prop_assert_eq!(diagnosis.is_feasible(), ours.status == OpfStatus::Optimal, "{:?}", diagnosis);
            if ours.status == OpfStatus::Optimal {
                prop_assert_eq!(ours.solver, Solver::Simplex);
                prop_assert!(close(ours.objective, highs.objective, 1e-7), "{} {}", ours.objective, highs.objective);
                check(&case, &ours, convention);
            }
        }
    }

    #[test]
    fn random_quadratic_networks_cost_what_clarabel_says(draft in drafts()) {
        let case = case_of(&draft, true);
        let ours = optimal_power_flow(&case, Convention::Matpower, &OpfOptions::default()).unwrap();
        let clarabel = solve_with_clarabel(&case, Convention::Matpower).unwrap();
        if ours.status == OpfStatus::Optimal {
            check(&case, &ours, Convention::Matpower);
            if clarabel.status == OpfStatus::Optimal {
                prop_assert!(close(ours.objective, clarabel.objective, 1e-6), "{} {}", ours.objective, clarabel.objective);
            }
        } else {
            prop_assert_eq!(ours.status, OpfStatus::Infeasible);
            prop_assert_ne!(clarabel.status, OpfStatus::Optimal);
        }
    }

    #[test]
    fn the_last_basis_does_not_change_the_cost(draft in drafts(), steps in proptest::collection::vec((0..4_u8, any::<proptest::sample::Index>()), 1..12)) {
        let mut case = case_of(&draft, true);
        let mut opf = Opf::new(&case, Convention::Matpower, &OpfOptions::default()).unwrap();
        let original = case.clone();
        for (kind, index) in steps {
            match kind {
                0 if !case.branches.is_empty() => {
                    let row = index.index(case.branches.len());
                    case.branches[row].in_service = !case.branches[row].in_service;
                    opf.set_branch(row, case.branches[row].in_service).unwrap();
                }
                1 => {
                    let row = index.index(case.generators.len());
                    case.generators[row].in_service = !case.generators[row].in_service;
                    opf.set_generator(row, case.generators[row].in_service);
                }
                2 => {
                    let bus = index.index(case.buses.len());
                    case.buses[bus].demand_mw = if case.buses[bus].demand_mw == original.buses[bus].demand_mw { 15.0 } else { original.buses[bus].demand_mw };
                    opf.set_demand(bus, case.buses[bus].demand_mw);
                }
                _ => {}
            }
            let warm = opf.solve();
            let cold = optimal_power_flow(&case, Convention::Matpower, &OpfOptions::default()).unwrap();
            prop_assert_eq!(&warm.status, &cold.status);
            if cold.status == OpfStatus::Optimal {
                prop_assert!(close(warm.objective, cold.objective, 1e-8), "{} {}", warm.objective, cold.objective);
            }
        }
    }

    #[test]
    fn prices_are_derivatives(draft in drafts(), at in any::<proptest::sample::Index>()) {
        let case = case_of(&draft, true);
        let solution = optimal_power_flow(&case, Convention::Matpower, &OpfOptions::default()).unwrap();
        if solution.status != OpfStatus::Optimal {
            return Ok(());
        }
        let bus = at.index(case.buses.len());
        // The cost is convex in the demand, so a price lies between the slopes to both sides.
        let cost = |by: f64| {
            let mut case = case.clone();
            case.buses[bus].demand_mw += by;
            optimal_power_flow(&case, Convention::Matpower, &OpfOptions::default()).unwrap()
        };
        let price = solution.price[bus].unwrap();
        let (more, less) = (cost(0.01), cost(-0.01));
        if more.status == OpfStatus::Optimal {
            prop_assert!((more.objective - solution.objective) / 0.01 >= price - 1e-4 * (1.0 + price.abs()));
        }
        if less.status == OpfStatus::Optimal {
            prop_assert!((solution.objective - less.objective) / 0.01 <= price + 1e-4 * (1.0 + price.abs()));
        }
        // The same for the upper limit of a branch.
        if let Some(row) = (0..case.branches.len()).find(|&row| solution.branch_dual[row] > 1e-6) {
            let mut opf = Opf::new(&case, Convention::Matpower, &OpfOptions::default()).unwrap();
            let (low, high) = solution.limit_mw[row];
            opf.set_limits(row, low, high + 0.01);
            let wider = opf.solve();
            prop_assert!((solution.objective - wider.objective) / 0.01 <= solution.branch_dual[row] * (1.0 + 1e-4) + 1e-4);
        }
    }

    #[test]
    fn storage_over_hours_costs_what_one_programme_says(horizon in horizons(3..9, 1..5)) {
        let input = ChronologyInput {
            buses: horizon.buses,
            lines: Some(&horizon.lines),
            units: &horizon.units,
            available_mw: &horizon.available,
            demand_mw: &horizon.demand,
            shedding_eur_per_mwh: 500.0,
            batteries: &horizon.batteries,
            detail: true,
        };
        let ours = dispatch_hours(&input).unwrap();
        let whole = Whole::new(&input).by_microlp();
        prop_assert!(close(ours.cost_eur, whole, 1e-7), "{} {}", ours.cost_eur, whole);
        check_batteries(&horizon.batteries, &ours);
    }

    #[test]
    fn nodal_dispatch_costs_what_one_programme_says(horizon in horizons(3..9, 1..2), outages in proptest::collection::vec(any::<u8>(), 10)) {
        let lines: Vec<NodalLine> = horizon
            .lines
            .iter()
            .map(|line| NodalLine { from: line.from, to: line.to, susceptance_mw: line.susceptance_mw, shift_rad: 0.0 })
            .collect();
        let loads: Vec<Load> = (0..horizon.buses).map(|bus| Load { bus, value_eur_per_mwh: 500.0 }).collect();
        let mut dispatcher = NodalDispatcher::new(horizon.buses, &lines, &horizon.units, &loads).unwrap();
        let mut out = Dispatch::default();
        let units = horizon.units.len();
        for (hour, demand) in horizon.demand.chunks_exact(horizon.buses).enumerate() {
            let available = &horizon.available[hour * units..(hour + 1) * units];
            let mut limits: Vec<f64> = horizon.lines.iter().map(|line| line.limit_mw).collect();
            let mut reverse: Vec<f64> = horizon.lines.iter().map(|line| line.reverse_mw).collect();
            let out_of_service = usize::from(outages[hour % 10]);
            if out_of_service < limits.len() {
                limits[out_of_service] = 0.0;
                reverse[out_of_service] = 0.0;
            }
            dispatcher.solve(available, demand, &limits, &reverse, &mut out);
            prop_assert!(out.optimal);
            let left: Vec<ChronologyLine> = horizon
                .lines
                .iter()
                .zip(limits.iter().zip(&reverse))
                .filter(|(_, (limit, reverse))| **limit + **reverse > 0.0)
                .map(|(line, (&limit_mw, &reverse_mw))| ChronologyLine { limit_mw, reverse_mw, ..*line })
                .collect();
            let whole = Whole::new(&ChronologyInput {
                buses: horizon.buses,
                lines: Some(&left),
                units: &horizon.units,
                available_mw: available,
                demand_mw: demand,
                shedding_eur_per_mwh: 500.0,
                batteries: &[],
                detail: false,
            })
            .by_microlp();
            prop_assert!(close(out.cost_eur_per_h, whole, 1e-8), "hour {hour}: {} {}", out.cost_eur_per_h, whole);
            for ((flow, limit), reverse) in out.flow_mw.iter().zip(&limits).zip(&reverse) {
                prop_assert!(*flow <= limit + 1e-6 && -flow <= reverse + 1e-6);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn several_batteries_over_days_cost_what_highs_says(horizon in horizons(24..97, 2..6)) {
        let input = ChronologyInput {
            buses: horizon.buses,
            lines: Some(&horizon.lines),
            units: &horizon.units,
            available_mw: &horizon.available,
            demand_mw: &horizon.demand,
            shedding_eur_per_mwh: 500.0,
            batteries: &horizon.batteries,
            detail: false,
        };
        let ours = dispatch_hours(&input).unwrap();
        let whole = Whole::new(&input).by_highs();
        prop_assert!(close(ours.cost_eur, whole, 1e-7), "{} {}", ours.cost_eur, whole);
        // Batteries may make the rest free: what it costs without them, or to shed what they move in an hour, is the scale then.
        let without = dispatch_hours(&ChronologyInput { batteries: &[], ..input }).unwrap().cost_eur.abs();
        let scale = horizon.batteries.iter().fold(without.max(1.0), |most, battery| most.max(battery.power_mw * 500.0));
        prop_assert!((ours.cost_eur - ours.bound_eur).abs() <= 1e-8 * scale, "{} {}", ours.cost_eur, ours.bound_eur);
        check_batteries(&horizon.batteries, &ours);
    }

    #[test]
    fn merit_order_costs_what_one_programme_says(
        cost in proptest::collection::vec(-2..30_i32, 1..40),
        available in proptest::collection::vec(-1..10_i32, 120),
        demand in proptest::collection::vec(-5..200_i32, 3),
    ) {
        let cost: Vec<f64> = cost.iter().map(|&cost| f64::from(cost)).collect();
        let available: Vec<f64> = available[..3 * cost.len()].iter().map(|&mw| f64::from(mw)).collect();
        let demand: Vec<f64> = demand.iter().map(|&mw| f64::from(mw)).collect();
        let found = copper_plate(&cost, &available, &demand, 25.0);
        for (hour, available) in available.chunks_exact(cost.len()).enumerate() {
            let mut merit: Vec<(f64, f64)> = cost.iter().copied().zip(available.iter().copied()).chain([(25.0, f64::INFINITY)]).collect();
            merit.sort_by(|a, b| a.0.total_cmp(&b.0));
            let (mut left, mut sum) = (demand[hour].max(0.0), 0.0);
            for (cost, available) in merit {
                let mw = available.clamp(0.0, left);
                sum += cost * mw;
                left -= mw;
            }
            prop_assert!(close(found[hour], sum, 1e-12), "{} {}", found[hour], sum);
        }
    }
}
