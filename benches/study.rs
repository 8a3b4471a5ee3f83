//! The steps of a study on the flagship scenario: decoding, planning, one history, writing; beside plain peers in the same run.

use std::fmt::Write;
use std::hint::black_box;
use std::path::Path;

use bastide_model::model::Model;
use bastide_model::plan::Plan;
use bastide_plan::{Outcome, SolveOptions, solve};
use bastide_sim::record::Layout;
use bastide_sim::results::{AlternativeMeta, RunFacts, StudyMeta, StudyWriter};
use bastide_sim::{Options, Simulator};
use criterion::{Criterion, criterion_group, criterion_main};

const FLAGSHIP: &str = "scenarios/baltic-alliance";

fn load(folder: &Path) -> std::sync::Arc<Model> {
    bastide_model::load(folder, &[]).unwrap_or_else(|list| panic!("{list:#?}")).model
}

fn planned(model: &Model) -> Plan {
    match solve(model, None, &SolveOptions::default()).expect("the solver works") {
        Outcome::Planned(plan) => *plan,
        other => panic!("{other:?}"),
    }
}

/// The minimal scenario with further sites until the file has at least `lines` lines.
fn long_scenario(lines: usize) -> String {
    let base = std::fs::read_to_string("scenarios/minimal/scenario.toml").expect("the scenario is there");
    let site = base.split("\n\n").find(|block| block.starts_with("[[site]]")).expect("a site").to_owned();
    let mut text = base;
    let mut number = 0;
    while text.lines().count() < lines {
        for _ in 0..100 {
            number += 1;
            let _ = write!(text, "\n{}\n", site.replace("\"left\"", &format!("\"left-{number}\"")));
        }
    }
    text
}

fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    group.sample_size(10);
    group.bench_function("baltic-alliance, with its series", |b| b.iter(|| black_box(load(Path::new(FLAGSHIP)))));
    let folder = std::env::temp_dir().join(format!("bastide-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("written");
    let text = long_scenario(10_000);
    std::fs::write(folder.join("scenario.toml"), &text).expect("written");
    group.bench_function("10,000 lines, to a checked model", |b| b.iter(|| black_box(load(&folder))));
    group.bench_function("10,000 lines, toml::Table alone", |b| b.iter(|| black_box(text.parse::<toml::Table>().expect("TOML"))));
    group.finish();
    let _ = std::fs::remove_dir_all(&folder);
}

fn plan(c: &mut Criterion) {
    let model = load(Path::new(FLAGSHIP));
    let mut group = c.benchmark_group("plan");
    group.sample_size(10);
    group.bench_function("baltic-alliance, solved to its gap", |b| b.iter(|| black_box(planned(&model))));
    group.finish();
}

fn simulate(c: &mut Criterion) {
    let model = load(Path::new(FLAGSHIP));
    let plan = planned(&model);
    let layout = Layout::new(&model);
    let simulator = Simulator::new(&model, &plan, &layout).expect("the grid is sound");
    let mut group = c.benchmark_group("simulate");
    group.sample_size(10);
    let mut replication = 0;
    group.bench_function("one year of baltic-alliance", |b| {
        b.iter(|| {
            replication += 1;
            black_box(simulator.simulate(7, replication, Options::default()))
        });
    });
    group.finish();
}

fn write(c: &mut Criterion) {
    let model = load(Path::new(FLAGSHIP));
    let plan = planned(&model);
    let layout = Layout::new(&model);
    let simulator = Simulator::new(&model, &plan, &layout).expect("the grid is sound");
    let histories: Vec<_> = (0..20).map(|replication| simulator.simulate(7, replication, Options::default())).collect();
    let file = plan.write(&model);
    let alternatives = [AlternativeMeta { name: &plan.name, title: "Recommended", plan: &plan, file: &file }];
    let run = RunFacts::default();
    let meta = StudyMeta {
        model: &model,
        sets: &[],
        seed: 7,
        replications: 20,
        alternatives: &alternatives,
        version: "bench",
        command: "bench",
        warnings: &[],
        case: None,
        cases: &[],
        run: &run,
    };
    let mut group = c.benchmark_group("write");
    group.sample_size(10);
    let folder = std::env::temp_dir().join(format!("bastide-bench-results-{}", std::process::id()));
    group.bench_function("results of 20 histories", |b| {
        b.iter(|| {
            let mut writer = StudyWriter::create(&folder, &meta).expect("written");
            writer.write_chunk(0, &histories).expect("written");
            writer.finish(&run, Err("not measured here".into())).expect("written");
            std::fs::remove_dir_all(&folder).expect("removed");
        });
    });
    group.bench_function("the same numbers as CSV text", |b| {
        b.iter(|| {
            let mut text = String::new();
            for history in &histories {
                for (def, value) in layout.metrics.iter().zip(&history.metrics) {
                    let _ = writeln!(text, "{},{},{},{},{},{value}", plan.name, def.entity_kind, def.entity, def.metric, def.unit);
                }
                for value in &history.timeline {
                    let _ = writeln!(text, "{value}");
                }
            }
            black_box(text.len())
        });
    });
    group.finish();
}

criterion_group!(benches, decode, plan, simulate, write);
criterion_main!(benches);
