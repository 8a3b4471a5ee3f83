//! The event engine beside other sets of pending events and beside other simulators, all in one run.
//!
//! `cargo bench --bench engine` prints CPU time per event and peak memory. With the environment variable `BASTIDE_PEERS` naming
//! a folder, it also runs every program in it, as `PROGRAM mmc 50 0.9 EVENTS` and `PROGRAM hold PENDING EVENTS`, and reads
//! `ns_per_event=... name=... version=...` from its output. `cargo bench --bench engine -- --instructions` counts the
//! instructions per event with valgrind; the counts repeat to the digit.

#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::hint::black_box;
use std::process::Command;

use bastide_engine::{Estimate, Queue, Stream, stream_key};
use bastide_units::{Duration, Time};

#[path = "engine/measure.rs"]
mod measure;
#[path = "engine/models.rs"]
mod models;
#[path = "engine/queues.rs"]
mod queues;

use measure::{Counting, cpu_ns, instructions, median, peak_bytes};
use models::{Delays, Hold, Service, erlang_c_wait};
use queues::{BinHeap, Pending, RadixHeap, StdHeap};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

type Ours = Queue<u32>;
const ROUNDS: usize = 7;
const SERVERS: u32 = 50;
const LOAD: f64 = 0.9;
/// Events of a round, and of a run of another simulator.
const EVENTS: u64 = 400_000;

/// A row of the table.
#[derive(Clone, Copy)]
enum Work {
    Service,
    Hold(u32, Delays),
}

impl Work {
    const ALL: [Self; 6] = [
        Self::Service,
        Self::Hold(1_000, Delays::Exponential),
        Self::Hold(10_000, Delays::Exponential),
        Self::Hold(100_000, Delays::Exponential),
        Self::Hold(1_000_000, Delays::Exponential),
        Self::Hold(100_000, Delays::Fleet),
    ];

    fn name(self) -> String {
        match self {
            Self::Service => format!("M/M/{SERVERS} at {LOAD} load"),
            Self::Hold(pending, Delays::Exponential) => format!("hold, {pending} pending"),
            Self::Hold(pending, Delays::Fleet) => format!("hold, {pending} pending, fleet"),
        }
    }

    /// A simulation that can go on for so many events.
    fn start<Q: Pending + 'static>(self) -> Box<dyn FnMut(u64) -> u64> {
        match self {
            Self::Service => {
                let mut service = Service::<Q>::new(SERVERS, LOAD, 0);
                Box::new(move |events| service.run(events))
            }
            Self::Hold(pending, delays) => {
                let mut hold = Hold::<Q>::new(pending, delays);
                Box::new(move |events| hold.run(events))
            }
        }
    }

    /// CPU time per event \[ns\] with each set of pending events: medians of rounds that take turns.
    fn times(self) -> [f64; 4] {
        let mut runs = [self.start::<Ours>(), self.start::<BinHeap>(), self.start::<StdHeap>(), self.start::<RadixHeap>()];
        let mut times = [const { Vec::new() }; 4];
        for _ in 0..ROUNDS {
            for (run, times) in runs.iter_mut().zip(&mut times) {
                let start = cpu_ns();
                black_box(run(EVENTS));
                times.push((cpu_ns() - start) / EVENTS as f64);
            }
        }
        times.map(median)
    }

    /// What another simulator is asked for; nothing if it has no such model.
    fn arguments(self) -> Option<Vec<String>> {
        match self {
            Self::Service => Some(vec!["mmc".into(), SERVERS.to_string(), LOAD.to_string(), EVENTS.to_string()]),
            Self::Hold(pending, Delays::Exponential) => Some(vec!["hold".into(), pending.to_string(), EVENTS.to_string()]),
            Self::Hold(_, Delays::Fleet) => None,
        }
    }
}

/// Another simulator: a program of the folder `BASTIDE_PEERS`.
struct Peer {
    program: std::path::PathBuf,
    /// Name and version, as it says.
    title: String,
}

fn peers() -> Vec<Peer> {
    let Some(folder) = std::env::var_os("BASTIDE_PEERS") else {
        return Vec::new();
    };
    let mut programs: Vec<_> =
        std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    programs.sort();
    programs.into_iter().map(|program| Peer { program, title: String::new() }).collect()
}

impl Peer {
    /// CPU time per event \[ns\].
    fn time(&mut self, arguments: &[String]) -> Option<f64> {
        let output = Command::new(&self.program).args(arguments).output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let word = |key: &str| text.split_whitespace().find_map(|word| word.strip_prefix(key));
        self.title = format!("{} {}", word("name=")?, word("version=")?);
        word("ns_per_event=")?.parse().ok()
    }
}

fn row(name: &str, cells: impl IntoIterator<Item = String>) {
    print!("{name:<34}");
    for cell in cells {
        print!("{cell:>14}");
    }
    println!();
}

const NAMES: [&str; 4] = [Ours::NAME, BinHeap::NAME, StdHeap::NAME, RadixHeap::NAME];

fn print_times() {
    let mut peers = peers();
    println!("CPU time per event [ns], draws included");
    row("", NAMES.map(String::from));
    let mut of_peers = Vec::new();
    for work in Work::ALL {
        let times = work.times();
        row(&work.name(), times.map(|time| format!("{time:.0}")));
        if let Some(arguments) = work.arguments() {
            of_peers.push((work.name(), peers.iter_mut().map(|peer| peer.time(&arguments)).collect::<Vec<_>>()));
        }
    }
    if !peers.is_empty() {
        println!("\nOther simulators, one run each");
        row("", peers.iter().map(|peer| peer.title.clone()));
        for (name, times) in of_peers {
            row(&name, times.into_iter().map(|time| time.map_or("-".into(), |time| format!("{time:.0}"))));
        }
    }
}

fn print_memory() {
    fn peak<Q: Pending>() -> String {
        let bytes = peak_bytes(|| Hold::<Q>::new(1_000_000, Delays::Exponential));
        format!("{:.0}", bytes as f64 / f64::from(1 << 20))
    }
    println!("\nPeak memory with 1000000 pending [MiB]");
    row("", NAMES.map(String::from));
    row("hold", [peak::<Ours>(), peak::<BinHeap>(), peak::<StdHeap>(), peak::<RadixHeap>()]);
}

fn print_draws() {
    fn time(mut draw: impl FnMut(&mut Stream) -> f64) -> String {
        let mut stream = Stream::new(1, 0, stream_key("bench", "draw"));
        let rounds = (0..ROUNDS).map(|_| {
            let start = cpu_ns();
            let sum: f64 = (0..EVENTS).map(|_| draw(&mut stream)).sum();
            black_box(sum);
            (cpu_ns() - start) / EVENTS as f64
        });
        format!("{:.1}", median(rounds.collect()))
    }
    println!("\nCPU time per draw [ns]");
    row("", ["uniform", "exponential", "as time", "normal", "lognormal"].map(String::from));
    let hour = Duration::from_h(1.0);
    row(
        "Philox4x32-10",
        [
            time(Stream::uniform),
            time(|stream| stream.exponential(1.0)),
            time(|stream| (Time::ZERO + stream.exponential_duration(hour)).as_nanos() as f64),
            time(Stream::normal),
            time(|stream| stream.lognormal(1.0, 0.5)),
        ],
    );
}

fn print_wait() {
    let waits: Vec<f64> = (0..20)
        .map(|replication| {
            let mut service = Service::<Ours>::new(SERVERS, LOAD, replication);
            service.run(1_000_000);
            service.waited as f64 / service.served as f64 / 3.6e12
        })
        .collect();
    let exact = erlang_c_wait(SERVERS, LOAD);
    println!("\nMean wait in M/M/{SERVERS} at {LOAD} load, in service times, 20 replications of 1000000 events");
    if let Some(Estimate { mean, stderr: Some(error), .. }) = Estimate::of(&waits) {
        println!("{mean:.5} ± {error:.5}; Erlang C: {exact:.5} ({:+.1} standard errors)", (mean - exact) / error);
    }
}

/// Instructions per event, from the difference of two lengths.
fn print_instructions() {
    println!("Instructions per event, draws included (valgrind --tool=callgrind)");
    row("", NAMES.map(String::from));
    for at in 0..3 {
        let count = |queue: &str, events: u64| {
            instructions(&["--count".into(), queue.into(), at.to_string(), events.to_string()]).map(|count| count as f64)
        };
        let cells = NAMES.map(|queue| match (count(queue, 100_000), count(queue, 300_000)) {
            (Some(short), Some(long)) => format!("{:.1}", (long - short) / 200_000.0),
            _ => "no valgrind".into(),
        });
        row(&Work::ALL[at].name(), cells);
    }
}

/// What valgrind looks at.
fn run_counted(queue: &str, work: Work, events: u64) {
    let mut run = match queue {
        Ours::NAME => work.start::<Ours>(),
        BinHeap::NAME => work.start::<BinHeap>(),
        StdHeap::NAME => work.start::<StdHeap>(),
        _ => work.start::<RadixHeap>(),
    };
    black_box(run(events));
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--count", queue, work, events] => {
            let work = work.parse().ok().and_then(|at: usize| Work::ALL.get(at)).copied().unwrap_or(Work::Service);
            run_counted(queue, work, events.parse().unwrap_or(0));
        }
        ["--instructions"] => print_instructions(),
        _ => {
            print_times();
            print_memory();
            print_draws();
            print_wait();
        }
    }
}
