//! The power grid: zonal dispatch, optimal power flow, contingencies, cascades and adequacy, beside HiGHS (and microlp) in the same run.
//!
//! The PGLib-OPF case of 118 buses and RTS-GMLC come from the reference data (`BASTIDE_REFERENCE_DATA`), larger PGLib cases from the folder
//! that `BASTIDE_PGLIB` names. Where those are absent, networks of the same size are made up; RTS-GMLC is skipped.

#![allow(clippy::print_stderr, reason = "a bench says what it leaves out")]

use std::hint::black_box;
use std::path::{Path, PathBuf};

use bastide_engine::{Pool, Stream, stream_key};
use bastide_grid::adequacy::{
    ConvolutionOptions, SequentialOptions, SnapshotOptions, Storage, System, TwoState, convolve, sample_snapshots, simulate,
};
use bastide_grid::opf::{
    Battery, ChronologyInput, ChronologyLine, Opf, OpfOptions, OpfStatus, copper_plate, dispatch_hours, optimal_power_flow,
    solve_with_highs,
};
use bastide_grid::{
    Branch, Bus, BusKind, Cascade, Case, Contingency, Convention, Cost, DcNetwork, Dispatch, Dispatcher, Generator, Line, Load, Network,
    Offer, Outcome, Splits, read_matpower,
};
use bastide_model::import::{RtsGmlc, read_rts_gmlc};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use good_lp::{Expression, Solution, SolverModel, constraint, variable, variables};

struct Zonal {
    network: Network,
    offers: Vec<Offer>,
    loads: Vec<Load>,
    hours: Vec<(Vec<f64>, Vec<f64>)>,
    limit: Vec<f64>,
}

/// Seven zones, 60 offers, 30 loads, 10 lines; a week of random weather and demand.
fn zonal() -> Zonal {
    let mut draw = Stream::new(1, 0, stream_key("bench", "grid"));
    let network =
        Network { buses: 7, lines: (0..10).map(|i| Line { from: i % 7, to: if i < 7 { (i + 1) % 7 } else { (i + 3) % 7 } }).collect() };
    let offers: Vec<Offer> = (0..60).map(|i| Offer { bus: i % 7, cost_eur_per_mwh: 120.0 * draw.uniform() }).collect();
    let loads: Vec<Load> = (0..30).map(|i| Load { bus: i % 7, value_eur_per_mwh: [1e3, 5e3, 1e4][i % 3] }).collect();
    let hours =
        (0..168).map(|_| ((0..60).map(|_| 300.0 * draw.uniform()).collect(), (0..30).map(|_| 300.0 * draw.uniform()).collect())).collect();
    Zonal { network, offers, loads, hours, limit: (0..10).map(|_| 200.0 + 400.0 * draw.uniform()).collect() }
}

fn linear_programme<S: good_lp::Solver>(case: &Zonal, hour: usize, solver: S) -> f64
where
    S::Model: SolverModel,
{
    let (available, demand) = &case.hours[hour];
    let mut vars = variables!();
    let g: Vec<_> = available.iter().map(|cap| vars.add(variable().min(0.0).max(*cap))).collect();
    let shed: Vec<_> = demand.iter().map(|d| vars.add(variable().min(0.0).max(*d))).collect();
    let f: Vec<_> = case.limit.iter().map(|limit| vars.add(variable().min(-*limit).max(*limit))).collect();
    let cost: Expression = g.iter().zip(&case.offers).map(|(g, o)| *g * o.cost_eur_per_mwh).sum::<Expression>()
        + shed.iter().zip(&case.loads).map(|(s, l)| *s * l.value_eur_per_mwh).sum::<Expression>();
    let mut model = vars.minimise(cost.clone()).using(solver);
    for bus in 0..case.network.buses {
        let mut balance = Expression::from(0.0);
        let mut need = 0.0;
        g.iter().zip(&case.offers).filter(|(_, o)| o.bus == bus).for_each(|(g, _)| balance += *g);
        for ((s, l), d) in shed.iter().zip(&case.loads).zip(demand).filter(|((_, l), _)| l.bus == bus) {
            let _ = l;
            balance += *s;
            need += d;
        }
        for (f, line) in f.iter().zip(&case.network.lines) {
            if line.from == bus {
                balance -= *f;
            }
            if line.to == bus {
                balance += *f;
            }
        }
        model = model.with(constraint!(balance == need));
    }
    model.solve().map_or(f64::NAN, |solution| solution.eval(cost))
}

fn dispatch(c: &mut Criterion) {
    let case = zonal();
    let mut dispatcher = Dispatcher::new(&case.network, &case.offers, &case.loads).expect("the case is sound");
    let mut out = Dispatch::default();
    // The peers must agree before they are timed.
    for hour in [0, 50, 100] {
        let (available, demand) = &case.hours[hour];
        dispatcher.solve(available, demand, &case.limit, &case.limit, &mut out);
        for peer in [linear_programme(&case, hour, good_lp::highs), linear_programme(&case, hour, good_lp::microlp)] {
            assert!((out.cost_eur_per_h - peer).abs() <= 1e-6 * peer, "{} {peer}", out.cost_eur_per_h);
        }
    }
    let mut group = c.benchmark_group("dispatch of one hour, 7 zones, 60 offers, 30 loads, 10 lines");
    group.throughput(Throughput::Elements(1)).sample_size(10);
    let mut hour = 0;
    group.bench_function("bastide", |b| {
        b.iter(|| {
            hour = (hour + 1) % case.hours.len();
            let (available, demand) = &case.hours[hour];
            dispatcher.solve(available, demand, &case.limit, &case.limit, &mut out);
            black_box(out.cost_eur_per_h)
        });
    });
    group.bench_function("HiGHS", |b| {
        b.iter(|| {
            hour = (hour + 1) % case.hours.len();
            black_box(linear_programme(&case, hour, good_lp::highs))
        });
    });
    group.bench_function("microlp", |b| {
        b.iter(|| {
            hour = (hour + 1) % case.hours.len();
            black_box(linear_programme(&case, hour, good_lp::microlp))
        });
    });
    group.finish();
}

fn reference() -> PathBuf {
    std::env::var_os("BASTIDE_REFERENCE_DATA").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from)
}

/// A PGLib case by its name, or a network of the same size.
fn pglib(name: &str, buses: usize, branches: usize) -> (String, Case) {
    let file = format!("pglib_opf_case{name}.m");
    let folders = [std::env::var_os("BASTIDE_PGLIB").map(PathBuf::from), Some(reference().join("grid/pglib"))];
    for folder in folders.into_iter().flatten() {
        if let Ok(text) = std::fs::read_to_string(folder.join(&file)) {
            return (name.to_owned(), read_matpower(&text).expect("a published case is sound"));
        }
    }
    eprintln!("{file} is absent: a made-up network of its size is measured instead");
    (format!("{buses} buses, made up"), made_up(buses, branches))
}

/// A meshed network: a ring with chords between neighbours, loads everywhere, cheap units on one side; each line is rated a little above
/// what a dispatch without ratings sends over it, but for one in a hundred, which binds.
fn made_up(buses: usize, branches: usize) -> Case {
    let mut draw = Stream::new(3, 0, stream_key("bench", "network"));
    let mut case = Case { name: format!("made-up-{buses}"), base_mva: 100.0, ..Case::default() };
    for number in 0..buses {
        let kind = if number == 0 { BusKind::Reference } else { BusKind::Load };
        case.buses.push(Bus { number: number as u64 + 1, kind, demand_mw: 60.0 * draw.uniform(), ..Bus::default() });
    }
    for row in 0..branches {
        let from = row % buses;
        let to = if row < buses { (row + 1) % buses } else { (from + 2 + (40.0 * draw.uniform()) as usize) % buses };
        case.branches.push(Branch {
            from,
            to,
            in_service: true,
            resistance_pu: 0.005,
            reactance_pu: 0.02 + 0.1 * draw.uniform(),
            rate_a_mw: None,
            rate_b_mw: None,
            rate_c_mw: None,
            tap: 1.0,
            shift_deg: 0.0,
            angle_min_deg: None,
            angle_max_deg: None,
        });
    }
    for bus in (0..buses).step_by(5) {
        let cost = Some(Cost::Polynomial { quadratic: 0.0, linear: 20.0 + 60.0 * draw.uniform(), constant: 0.0 });
        case.generators.push(Generator { bus, in_service: true, output_mw: 0.0, min_mw: 0.0, max_mw: 260.0, cost });
    }
    let free = optimal_power_flow(&case, Convention::Matpower, &OpfOptions::default()).expect("the network is sound");
    for (row, branch) in case.branches.iter_mut().enumerate() {
        let flow = free.flow_mw[row].abs();
        branch.rate_a_mw = Some(if row % 100 == 7 { 0.9 * flow + 1.0 } else { 1.3 * flow + 30.0 });
    }
    case
}

fn optimal_flow(c: &mut Criterion) {
    for (name, buses, branches) in [("118_ieee", 118, 186), ("1354_pegase", 1354, 1991), ("2869_pegase", 2869, 4582)] {
        let (name, case) = pglib(name, buses, branches);
        let ours = optimal_power_flow(&case, Convention::Matpower, &OpfOptions::default()).expect("the case is sound");
        let peer = solve_with_highs(&case, Convention::Matpower).expect("the case is sound");
        // The peers must agree before they are timed.
        assert_eq!((&ours.status, &peer.status), (&OpfStatus::Optimal, &OpfStatus::Optimal));
        assert!((ours.objective - peer.objective).abs() <= 1e-6 * peer.objective, "{} {}", ours.objective, peer.objective);
        let mut group = c.benchmark_group(format!("DC optimal power flow, {name}"));
        group.sample_size(10);
        group.bench_function("bastide, cold", |b| {
            b.iter(|| black_box(optimal_power_flow(&case, Convention::Matpower, &OpfOptions::default()).map(|it| it.objective)));
        });
        group.bench_function("HiGHS, cold", |b| b.iter(|| black_box(solve_with_highs(&case, Convention::Matpower).map(|it| it.objective))));
        let mut warm = Opf::new(&case, Convention::Matpower, &OpfOptions::default()).expect("the case is sound");
        warm.solve();
        let bridges = bastide_grid::bridges(&DcNetwork::new(&case, Convention::Matpower));
        let rows: Vec<usize> = (0..case.branches.len()).filter(|row| !bridges[*row]).step_by(17).collect();
        let mut turn = 0;
        group.bench_function("bastide, after an outage and back, warm", |b| {
            b.iter(|| {
                turn = (turn + 1) % rows.len();
                let mut cost = 0.0;
                for in_service in [false, true] {
                    let _ = warm.set_branch(rows[turn], in_service);
                    cost += warm.solve().objective;
                }
                black_box(cost)
            });
        });
        group.finish();

        let contingency = Contingency::new(&case, Convention::Matpower, &[]).expect("the case is sound");
        let one = Pool::new(1);
        let mut group = c.benchmark_group(format!("contingencies and cascades, {name}"));
        group.sample_size(10);
        group.bench_function("N-1 of all branches, every violation", |b| {
            b.iter(|| black_box(contingency.branches(&one, Splits::List).overloads.len()));
        });
        let cascade = Cascade::new(&case, Convention::PowerModels, &[]).expect("the case is sound");
        let (mut scratch, mut outcome) = (cascade.scratch(), Outcome::default());
        let mut draw = Stream::new(5, 0, stream_key("bench", "attack"));
        let attacks: Vec<Vec<u32>> = (0..500)
            .map(|_| (0..2 + (9.0 * draw.uniform()) as usize).map(|_| (draw.uniform() * case.branches.len() as f64) as u32).collect())
            .collect();
        let mut turn = 0;
        group.bench_function("one attack on 2 to 10 branches, cascade to its end", |b| {
            b.iter(|| {
                turn = (turn + 1) % attacks.len();
                cascade.run(&mut scratch, &attacks[turn], &[], &mut outcome);
                black_box(outcome.shed_mw)
            });
        });
        group.finish();
    }
}

/// Hours of RTS-GMLC as plain arrays.
struct Hours {
    lines: Vec<ChronologyLine>,
    units: Vec<Offer>,
    available: Vec<f64>,
    demand: Vec<f64>,
}

fn hours_of(source: &RtsGmlc, hours: usize) -> Hours {
    let case = &source.case;
    let live: Vec<usize> = (0..case.generators.len()).filter(|unit| case.generators[*unit].in_service).collect();
    let network = DcNetwork::new(case, Convention::Matpower);
    let line = |(branch, b): (&Branch, &f64)| {
        let limit = branch.rate_a_mw.unwrap_or(f64::INFINITY);
        ChronologyLine { from: branch.from, to: branch.to, susceptance_mw: Some(*b), limit_mw: limit, reverse_mw: limit }
    };
    let linear = |unit: &Generator| if let Some(Cost::Polynomial { linear, .. }) = unit.cost { linear } else { 0.0 };
    let mut data = Hours {
        lines: case.branches.iter().zip(&network.susceptance_mw).map(line).collect(),
        units: live
            .iter()
            .map(|unit| Offer { bus: case.generators[*unit].bus, cost_eur_per_mwh: linear(&case.generators[*unit]) })
            .collect(),
        available: Vec::new(),
        demand: Vec::new(),
    };
    for hour in 0..hours {
        data.available.extend(live.iter().map(|unit| source.max_mw(*unit, hour)));
        data.demand.extend(source.load_mw.iter().map(|bus| bus[hour]));
    }
    data
}

fn rts_gmlc() -> Option<RtsGmlc> {
    let folder = reference().join("grid/rts_gmlc");
    let found = read_rts_gmlc(&folder).ok();
    if found.is_none() {
        eprintln!("skipped: RTS-GMLC is not in {}", folder.display());
    }
    found
}

fn chronology(c: &mut Criterion) {
    let Some(source) = rts_gmlc() else { return };
    let data = hours_of(&source, 8760);
    let battery = |bus: usize| Battery {
        bus,
        power_mw: 50.0,
        energy_mwh: 200.0,
        charge_efficiency: 0.85_f64.sqrt(),
        discharge_efficiency: 0.85_f64.sqrt(),
        initial_mwh: 100.0,
        final_mwh: None,
    };
    let at = |number: u64| source.case.buses.iter().position(|bus| bus.number == number).expect("the bus exists");
    let batteries = [battery(at(313)), battery(at(207)), battery(at(118))];
    let input = |batteries| ChronologyInput {
        buses: source.case.buses.len(),
        lines: Some(&data.lines),
        units: &data.units,
        available_mw: &data.available,
        demand_mw: &data.demand,
        shedding_eur_per_mwh: 10_000.0,
        batteries,
        detail: false,
    };
    let mut group = c.benchmark_group("RTS-GMLC, chronological dispatch");
    group.sample_size(10).throughput(Throughput::Elements(8760));
    group.bench_function("bastide, 8,760 hours, nodal", |b| b.iter(|| black_box(dispatch_hours(&input(&[])).map(|it| it.cost_eur))));
    group.bench_function("bastide, 8,760 hours, nodal, one battery", |b| {
        b.iter(|| black_box(dispatch_hours(&input(&batteries[..1])).map(|it| it.cost_eur)));
    });
    group.bench_function("bastide, 8,760 hours, nodal, three batteries", |b| {
        b.iter(|| black_box(dispatch_hours(&input(&batteries)).map(|it| it.cost_eur)));
    });
    let costs: Vec<f64> = data.units.iter().map(|unit| unit.cost_eur_per_mwh).collect();
    let total: Vec<f64> = data.demand.chunks(source.case.buses.len()).map(|hour| hour.iter().sum()).collect();
    group
        .bench_function("bastide, 8,760 hours, one bus", |b| b.iter(|| black_box(copper_plate(&costs, &data.available, &total, 10_000.0))));
    group.throughput(Throughput::Elements(168));
    let cases: Vec<Case> = (0..168).map(|hour| source.case_at(hour)).collect();
    group.bench_function("HiGHS, 168 hours one by one, nodal", |b| {
        b.iter(|| cases.iter().map(|case| solve_with_highs(case, Convention::Matpower).map_or(f64::NAN, |it| it.objective)).sum::<f64>());
    });
    group.finish();
}

fn adequacy(c: &mut Criterion) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/rts-79");
    let model = bastide_model::load(&folder, &[]).expect("the bundled scenario is sound").model;
    let system: System = bastide_model::network::adequacy_system(&model, &[]);
    let mut group = c.benchmark_group("RTS-79, adequacy");
    group.sample_size(10);
    let plain = ConvolutionOptions { frequency: false, ..ConvolutionOptions::default() };
    group.bench_function("exact indices, table from scratch", |b| b.iter(|| black_box(convolve(&system, &plain).map(|it| it.lole_h))));
    group.bench_function("the same with the frequency of events", |b| {
        b.iter(|| black_box(convolve(&system, &ConvolutionOptions::default()).map(|it| it.lole_h)));
    });
    group.bench_function("LOLE to 1 % by weighted snapshots", |b| {
        b.iter(|| black_box(sample_snapshots(&system, &SnapshotOptions::default()).map(|it| it.system.lole_h.stderr)));
    });
    let years = SequentialOptions { years: 20_000, ..SequentialOptions::default() };
    group.throughput(Throughput::Elements(20_000));
    group.bench_function("sequential years", |b| b.iter(|| black_box(simulate(&system, &years).map(|it| it.system.lole_h.mean))));
    group.finish();

    let Some(source) = rts_gmlc() else { return };
    let mut system = source.adequacy_system();
    // Storage that outages empty: the capacity of RTS-GMLC is ample.
    let storage = |area: usize| Storage {
        name: format!("battery-{area}"),
        area,
        charge_mw: 50.0,
        discharge_mw: 50.0,
        energy_mwh: 200.0,
        charge_efficiency: 0.85,
        discharge_efficiency: 1.0,
        initial: 1.0,
        outage: TwoState::Perfect,
    };
    system.storages.extend((0..system.areas.len()).map(storage));
    let mut group = c.benchmark_group("RTS-GMLC, three areas with storage, adequacy");
    for stress in [1.0, 1.15] {
        let mut stressed = system.clone();
        stressed.areas.iter_mut().for_each(|area| area.load_mw.iter_mut().for_each(|mw| *mw *= stress));
        let years = SequentialOptions { years: 2000, ..SequentialOptions::default() };
        group.sample_size(10).throughput(Throughput::Elements(2000));
        group.bench_function(format!("sequential years, load times {stress}"), |b| {
            b.iter(|| black_box(simulate(&stressed, &years).map(|it| it.system.lole_h.mean)));
        });
    }
    group.finish();
}

criterion_group!(benches, dispatch, optimal_flow, chronology, adequacy);
criterion_main!(benches);
