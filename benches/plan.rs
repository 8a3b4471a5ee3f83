//! Location problems of others (OR-Library: Beasley 1988) by the searches of their own, beside the plain program on HiGHS. Printed, not
//! sampled by criterion: what is asked is a proof within a time.
//!
//! `BASTIDE_REFERENCE_DATA` names the folder of the reference data, `../shared/data` if unset. `-- SECONDS` sets the peer's time limit.

#![allow(clippy::print_stdout, reason = "a bench says what it found")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use bastide_plan::location::{self, Located, Location, Search, Sited};
use bastide_units::Duration;

#[path = "plan/front.rs"]
mod front;
#[allow(dead_code, reason = "each benchmark uses its own part")]
#[path = "engine/measure.rs"]
mod measure;
#[path = "plan/national.rs"]
mod national;

use measure::{Counting, cpu_ns, peak_bytes};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Capacities that stand for the word `capacity` in the files that have it.
const CAPACITIES: [f64; 4] = [5000.0, 6000.0, 7000.0, 8000.0];

/// A file of OR-Library: `m n`, then capacity and fixed cost of each facility, then demand and `m` costs of each customer.
fn read(text: &str, capacity: f64) -> Option<Location> {
    let mut numbers = text.split_whitespace().map(|word| if word == "capacity" { Some(capacity) } else { word.parse().ok() });
    let mut next = || numbers.next().flatten();
    let (m, n) = (next()? as usize, next()? as usize);
    let mut location = Location { fixed: vec![], capacity: vec![], demand: vec![], cost: vec![0.0; m * n], open: (0, m), single: false };
    for _ in 0..m {
        location.capacity.push(next()?);
        location.fixed.push(next()?);
    }
    for customer in 0..n {
        location.demand.push(next()?);
        for facility in 0..m {
            location.cost[facility * n + customer] = next()?;
        }
    }
    Some(location)
}

/// Every problem in a folder with its name: files with the word `capacity` once for each.
fn problems(folder: &Path) -> Vec<(String, Location)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|it| it == "txt")).collect();
    files.sort();
    let mut problems = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).expect("readable");
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let open = text.contains("capacity");
        for capacity in if open { &CAPACITIES[..] } else { &CAPACITIES[..1] } {
            let name = if open { format!("{name} at {capacity}") } else { name.clone() };
            problems.push((name, read(&text, *capacity).expect("a file of OR-Library")));
        }
    }
    problems
}

/// CPU time \[s\], wall time \[s\], most memory \[MiB\] and answer.
fn timed(solve: impl Fn() -> Sited) -> (f64, f64, f64, Option<Located>) {
    let (begun, start) = (cpu_ns(), Instant::now());
    let mut answer = None;
    let bytes = peak_bytes(|| answer = Some(solve()));
    let found = answer.and_then(|sited| if let Sited::Found(found) = sited { Some(found) } else { None });
    ((cpu_ns() - begun) / 1e9, start.elapsed().as_secs_f64(), bytes as f64 / f64::from(1 << 20), found)
}

fn gap(found: Option<&Located>) -> String {
    found.map_or_else(|| "no answer".to_owned(), |it| format!("{:.1e}", (it.objective - it.bound) / it.objective))
}

fn main() {
    // Two minutes by itself: only where asked for, `-- national`.
    if std::env::args().any(|argument| argument == "national") {
        national::national();
        return;
    }
    if std::env::args().any(|argument| argument == "front") {
        front::fronts();
        return;
    }
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let data = std::env::var_os("BASTIDE_REFERENCE_DATA").map_or_else(beside, PathBuf::from);
    let limit = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(30.0);
    let problems = problems(&data.join("opt/cflp"));
    if problems.is_empty() {
        println!("skipped: no location problems in {}", data.display());
        return;
    }
    println!("Capacitated location to a gap of 1e-6; peer: the plain program with every row x <= y on HiGHS, at most {limit} s");
    println!("problem              objective    nodes  CPU [s]  wall [s]  [MiB]      gap |   peer [s]  peer's gap");
    for (name, problem) in &problems {
        let search = Search { gap: 1e-6, time_limit: Duration::from_s(120.0) };
        let (cpu, wall, mib, ours) = timed(|| location::solve(problem, &search).expect("the search works"));
        let peer = Search { time_limit: Duration::from_s(limit), ..search };
        let (_, peer_wall, _, peers) = timed(|| location::solve_plainly(problem, &peer).expect("the solver works"));
        if let Some((ours, peers)) = ours.as_ref().zip(peers.as_ref()).filter(|(_, peers)| !peers.limited) {
            assert!(
                (ours.objective - peers.objective).abs() <= 2e-6 * ours.objective,
                "{name}: {} and {}",
                ours.objective,
                peers.objective
            );
        }
        let (objective, nodes) = ours.as_ref().map_or((f64::NAN, 0), |it| (it.objective, it.nodes));
        let (gap, peers) = (gap(ours.as_ref()), gap(peers.as_ref()));
        println!("{name:<16} {objective:>13.3} {nodes:>8} {cpu:>8.3} {wall:>9.3} {mib:>6.1} {gap:>8} | {peer_wall:>10.2} {peers:>11}");
    }
}
