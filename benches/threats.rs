//! What hazards cost: a year of the flagship scenario with hazards of every kind active, beside the same year without any. Printed, not
//! sampled by criterion: what is asked is a bound on the ratio (2).

#![allow(clippy::print_stdout, reason = "a bench says what it found")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bastide_model::model::Model;
use bastide_model::plan::Plan;
use bastide_plan::{Outcome, SolveOptions, solve};
use bastide_sim::record::Layout;
use bastide_sim::{Options, Simulator};

#[allow(dead_code, reason = "each benchmark uses its own part")]
#[path = "engine/measure.rs"]
mod measure;

use measure::{Counting, cpu_ns, peak_bytes};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Histories timed in each round, and rounds.
const HISTORIES: u32 = 20;
const ROUNDS: usize = 5;

/// The flagship scenario without some of its tables, with further text, loaded from a folder of its own.
fn variant(word: &str, keep_hazards: bool, more: &str) -> Arc<Model> {
    let flagship = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/baltic-alliance");
    let text = std::fs::read_to_string(flagship.join("scenario.toml")).expect("the scenario is there");
    let series = flagship.join("series");
    let text = text.replace("\"series/", &format!("\"{}/", series.to_str().expect("UTF-8")));
    let mut kept = String::new();
    let mut skips = false;
    for line in text.lines() {
        if line.starts_with('[') {
            skips = !keep_hazards && line == "[[hazard]]";
        }
        if !skips {
            kept += line;
            kept.push('\n');
        }
    }
    let folder: PathBuf = std::env::temp_dir().join(format!("bastide-bench-threats-{word}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("written");
    std::fs::write(folder.join("scenario.toml"), kept + more).expect("written");
    let model = bastide_model::load(&folder, &[]).unwrap_or_else(|list| panic!("{list:#?}")).model;
    let _ = std::fs::remove_dir_all(&folder);
    model
}

/// CPU time of a year \[ms\], memory held on top \[MiB\], events of a history.
fn year(model: &Model, plan: &Plan) -> (f64, f64, f64) {
    let layout = Layout::new(model);
    let simulator = Simulator::new(model, plan, &layout).expect("the grid is sound");
    let count = f64::from(HISTORIES);
    let (mut events, mut ns) = (0, 0.0);
    let bytes = peak_bytes(|| {
        let begun = cpu_ns();
        events = (0..HISTORIES).map(|replication| simulator.simulate(7, replication, Options::default()).events.len()).sum();
        ns = cpu_ns() - begun;
    });
    (ns / 1e6 / count, bytes as f64 / 1_048_576.0, events as f64 / count)
}

fn main() {
    // Cargo passes `--bench`; a test run of the benches must not take minutes.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let variants = [
        ("no hazards", variant("none", false, "")),
        ("those of the scenario", variant("own", true, "")),
        ("every kind", variant("all", true, include_str!("threats/hazards.toml"))),
    ];
    let plan = match solve(&variants[0].1, None, &SolveOptions::default()).expect("the solver works") {
        Outcome::Planned(plan) => *plan,
        other => panic!("{other:?}"),
    };
    let kinds = |model: &Model| model.hazards.len();
    let mut best = [(f64::INFINITY, 0.0, 0.0); 3];
    // In turns, so that what else the machine does meets all alike; the least is the least disturbed.
    for _ in 0..ROUNDS {
        for (best, (_, model)) in best.iter_mut().zip(&variants) {
            let (ms, mib, events) = year(model, &plan);
            *best = (best.0.min(ms), mib, events);
        }
    }
    println!("one year of baltic-alliance, CPU time, {HISTORIES} histories, least of {ROUNDS} rounds");
    for ((name, model), (ms, mib, events)) in variants.iter().zip(best) {
        let ratio = ms / best[0].0;
        println!("{name:24} {:2} hazards: {ms:7.1} ms, {ratio:4.2} of the year without; {mib:5.1} MiB, {events:.0} events", kinds(model));
    }
}
