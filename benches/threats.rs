//! What hazards cost: a year of the flagship scenario with hazards of every kind active, beside the same year without any. Printed, not
//! sampled by criterion: what is asked is a bound on the ratio (2).

#![allow(clippy::print_stdout, reason = "a bench says what it found")]

use std::alloc::{GlobalAlloc, Layout as Size, System};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bastide_model::model::Model;
use bastide_model::plan::Plan;
use bastide_plan::{Outcome, SolveOptions, solve};
use bastide_sim::record::Layout;
use bastide_sim::{Options, Simulator};

/// The system's allocator, with the most bytes that were ever held at once.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: hands every call on to the system's allocator and only counts beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, size: Size) -> *mut u8 {
        let held = HELD.fetch_add(size.size(), Ordering::Relaxed) + size.size();
        PEAK.fetch_max(held, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(size) }
    }
    unsafe fn dealloc(&self, place: *mut u8, size: Size) {
        HELD.fetch_sub(size.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(place, size) }
    }
}

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

/// Milliseconds of a year and MiB held on top, with events of a history.
fn year(model: &Model, plan: &Plan, replications: std::ops::Range<u32>) -> (f64, f64, f64) {
    let layout = Layout::new(model);
    let simulator = Simulator::new(model, plan, &layout).expect("the grid is sound");
    let count = f64::from(replications.end - replications.start);
    let held = HELD.load(Ordering::Relaxed);
    PEAK.store(held, Ordering::Relaxed);
    let begun = Instant::now();
    let events: usize = replications.map(|replication| simulator.simulate(7, replication, Options::default()).events.len()).sum();
    let ms = begun.elapsed().as_secs_f64() * 1e3 / count;
    let mib = (PEAK.load(Ordering::Relaxed) - held) as f64 / 1_048_576.0;
    (ms, mib, events as f64 / count)
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
            let (ms, mib, events) = year(model, &plan, 0..HISTORIES);
            *best = (best.0.min(ms), mib, events);
        }
    }
    println!("one year of baltic-alliance, {HISTORIES} histories, least of {ROUNDS} rounds");
    for ((name, model), (ms, mib, events)) in variants.iter().zip(best) {
        let ratio = ms / best[0].0;
        println!("{name:24} {:2} hazards: {ms:7.1} ms, {ratio:4.2} of the year without; {mib:5.1} MiB, {events:.0} events", kinds(model));
    }
}
