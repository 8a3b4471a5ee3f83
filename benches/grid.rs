//! Hourly dispatch of a zonal network, beside the same linear programme in microlp and HiGHS in the same run.

use std::hint::black_box;

use bastide_engine::{Stream, stream_key};
use bastide_grid::{Dispatch, Dispatcher, Line, Load, Network, Offer};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use good_lp::{Expression, Solution, SolverModel, constraint, variable, variables};

struct Case {
    network: Network,
    offers: Vec<Offer>,
    loads: Vec<Load>,
    hours: Vec<(Vec<f64>, Vec<f64>)>,
    limit: Vec<f64>,
}

/// Seven zones, 60 offers, 30 loads, 10 lines; a week of random weather and demand.
fn case() -> Case {
    let mut draw = Stream::new(1, 0, stream_key("bench", "grid"));
    let network =
        Network { buses: 7, lines: (0..10).map(|i| Line { from: i % 7, to: if i < 7 { (i + 1) % 7 } else { (i + 3) % 7 } }).collect() };
    let offers: Vec<Offer> = (0..60).map(|i| Offer { bus: i % 7, cost_eur_per_mwh: 120.0 * draw.uniform() }).collect();
    let loads: Vec<Load> = (0..30).map(|i| Load { bus: i % 7, value_eur_per_mwh: [1e3, 5e3, 1e4][i % 3] }).collect();
    let hours =
        (0..168).map(|_| ((0..60).map(|_| 300.0 * draw.uniform()).collect(), (0..30).map(|_| 300.0 * draw.uniform()).collect())).collect();
    Case { network, offers, loads, hours, limit: (0..10).map(|_| 200.0 + 400.0 * draw.uniform()).collect() }
}

fn linear_programme<S: good_lp::Solver>(case: &Case, hour: usize, solver: S) -> f64
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
    let case = case();
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

criterion_group!(benches, dispatch);
criterion_main!(benches);
