//! A front of plans beside one solve, and a plan found again after one number changed beside the search without a start. CPU time of the
//! process, since a front uses two threads.

use std::path::Path;
use std::time::Instant;

use bastide_model::model::{BusId, Model, Objective, ServiceId};
use bastide_model::plan::Plan;
use bastide_plan::{FrontOutcome, Input, Outcome, SolveOptions, front, solve_in_order};

use super::measure::process_cpu_ns;

/// Points asked for.
const POINTS: usize = 12;

/// CPU time \[s\], wall time \[s\] and what was done.
fn timed<T>(work: impl FnOnce() -> T) -> (f64, f64, T) {
    let (begun, start) = (process_cpu_ns(), Instant::now());
    let done = work();
    ((process_cpu_ns() - begun) / 1e9, start.elapsed().as_secs_f64(), done)
}

fn planned(model: &Model, earlier: Option<&Plan>) -> Plan {
    match solve_in_order(model, None, &SolveOptions::default(), earlier).expect("the solver works").0 {
        Outcome::Planned(plan) => *plan,
        other => panic!("{other:?}"),
    }
}

fn eur(plan: &Plan) -> (f64, f64) {
    plan.certificate.as_ref().map_or((f64::NAN, f64::NAN), |it| (it.objective_eur, it.gap))
}

/// Prints both.
pub fn fronts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/baltic-alliance");
    let model = bastide_model::load(&folder, &[]).unwrap_or_else(|list| panic!("{list:#?}")).model;
    println!("baltic-alliance             CPU [s]  wall [s]  of one solve");
    let (one, wall, plan) = timed(|| planned(&model, None));
    println!("one plan                   {one:>8.2}  {wall:>8.2}");
    let (cpu, wall, outcome) = timed(|| front(&model, None, &[Objective::Cost, Objective::Carbon], POINTS, &SolveOptions::default()));
    let FrontOutcome::Found(front) = outcome.expect("the solver works") else { panic!("a front exists") };
    let gap = front.points.iter().map(|point| point.gap).fold(0.0, f64::max);
    println!("front of {:>2} points         {cpu:>8.2}  {wall:>8.2}  {:>5.1}  (gaps up to {gap:.1e})", front.points.len(), cpu / one);
    println!("\none number changed          cold [s]  again [s]  ratio  EUR/y, gap: cold; again");
    let (bus, service) = (Input::Energy(BusId(0)), Input::Demand(ServiceId(0)));
    for (name, input, factor) in [
        ("energy price + 10 %", bus, 1.1),
        ("energy price + 1 %", bus, 1.01),
        ("demand + 10 %", service, 1.1),
        ("demand - 10 %", service, 0.9),
    ] {
        let model = input.scaled(&model, factor);
        let (cold, _, without) = timed(|| planned(&model, None));
        let (again, _, with) = timed(|| planned(&model, Some(&plan)));
        let ((a, gap_a), (b, gap_b)) = (eur(&without), eur(&with));
        println!("{name:<26} {cold:>9.2} {again:>10.2} {:>6.2}  {a:.0}, {gap_a:.1e}; {b:.0}, {gap_b:.1e}", again / cold);
    }
}
