//! Machines fail and wait for one of a few repairers; spares stand in for them. Availability beside the birth-death formula.
//!
//! ```text
//! cargo run --release --example repair_shop -- --machines 20 --spares 2 --crew 2
//! cargo run --release --example repair_shop -- --days 30 --trace 7     # every event of replication 7
//! ```

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the command line")]

use std::collections::VecDeque;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::atomic::AtomicBool;

use bastide_engine::{Distribution, Estimate, Observer, Pool, Queue, Stream, TimeWeighted, stream_key};
use bastide_units::{Duration, Time};

#[derive(Clone, Copy)]
struct Shop {
    /// Machines that should run.
    machines: u32,
    /// Machines beyond those; a spare does not age.
    spares: u32,
    /// Machines that can be repaired at a time.
    crew: u32,
    mean_life: Duration,
    mean_repair: Duration,
    /// Time that is measured, after a warm-up of a tenth of it.
    measured: Duration,
    seed: u64,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Failure { machine: u32 },
    Repaired { machine: u32 },
}

/// Repairs go before failures of the same moment.
const CLASS_REPAIR: u8 = 0;
const CLASS_FAILURE: u8 = 1;

/// One history; the share of the machines that should run and do, over time. `observer` hears every event.
fn simulate(shop: Shop, replication: u32, observer: &mut impl Observer<Event>) -> f64 {
    let life = Distribution::Exponential { mean: shop.mean_life.as_s() };
    let repair = Distribution::Exponential { mean: shop.mean_repair.as_s() };
    // A machine's n-th life and n-th repair are its own: another crew, or a machine more, does not change them.
    let owned = shop.machines.saturating_add(shop.spares);
    let streams = |purpose| {
        let family = Stream::new(shop.seed, replication, stream_key("machine", purpose));
        (0..owned).map(|machine| family.member(u64::from(machine))).collect::<Vec<Stream>>()
    };
    let (mut lives, mut repairs) = (streams("life"), streams("repair"));

    let start = Time::from(shop.measured * 0.1);
    let end = start + shop.measured;
    let mut queue = Queue::with_capacity(owned as usize);
    let mut ready: VecDeque<u32> = (0..owned).collect();
    let mut broken: VecDeque<u32> = VecDeque::new();
    let mut free = shop.crew;
    let mut running = TimeWeighted::new(Time::ZERO, 0.0);
    let mut warm = false;
    let mut now = Time::ZERO;
    loop {
        while running.value() < f64::from(shop.machines)
            && let Some(machine) = ready.pop_front()
        {
            running.add(now, 1.0);
            let life: Duration = life.sample_as(&mut lives[machine as usize]);
            queue.schedule(now + life, CLASS_FAILURE, Event::Failure { machine });
        }
        while free > 0
            && let Some(machine) = broken.pop_front()
        {
            free -= 1;
            let repair: Duration = repair.sample_as(&mut repairs[machine as usize]);
            queue.schedule(now + repair, CLASS_REPAIR, Event::Repaired { machine });
        }
        let Some((next, sequence, event)) = queue.pop_before(end) else {
            break;
        };
        now = next;
        if !warm && now >= start {
            running.restart(start);
            warm = true;
        }
        observer.event(now, sequence, &event);
        match event {
            Event::Failure { machine } => {
                running.add(now, -1.0);
                broken.push_back(machine);
            }
            Event::Repaired { machine } => {
                free += 1;
                ready.push_back(machine);
            }
        }
    }
    if !warm {
        running.restart(start);
    }
    running.mean(end) / f64::from(shop.machines)
}

/// The share that runs in the steady state: the finite source with spares (Taylor & Jackson 1954; Gross et al. 2008,
/// "Fundamentals of queueing theory", section 2.7). With n machines broken, min(N, N + S - n) run and min(n, c) are in repair.
fn exact(shop: Shop) -> f64 {
    let owned = shop.machines.saturating_add(shop.spares);
    let ratio = shop.mean_repair.as_s() / shop.mean_life.as_s();
    let running = |broken: u32| f64::from(shop.machines.min(owned - broken));
    let (mut weight, mut total, mut working) = (1.0, 1.0, running(0));
    for broken in 1..=owned {
        weight *= running(broken - 1) * ratio / f64::from(broken.min(shop.crew));
        total += weight;
        working += weight * running(broken);
        // The weights of a large shop may leave the range of numbers.
        if total > 1e200 {
            (weight, total, working) = (weight * 1e-200, total * 1e-200, working * 1e-200);
        }
    }
    working / total / f64::from(shop.machines)
}

fn run(arguments: &[String]) -> Result<(), String> {
    let options = Options::new(
        arguments,
        &["--machines", "--spares", "--crew", "--life-h", "--repair-h", "--days", "--seed", "--replications", "--trace"],
    )?;
    let shop = Shop {
        machines: options.value("--machines", 20)?,
        spares: options.value("--spares", 2)?,
        crew: options.value("--crew", 2)?,
        mean_life: Duration::from_h(options.value("--life-h", 500.0)?),
        mean_repair: Duration::from_h(options.value("--repair-h", 24.0)?),
        measured: Duration::from_d(options.value("--days", 3650.0)?),
        seed: options.value("--seed", 1)?,
    };
    let positive = |duration: Duration| duration > Duration::ZERO && duration.as_s().is_finite();
    if shop.machines == 0 || shop.crew == 0 || ![shop.mean_life, shop.mean_repair, shop.measured].into_iter().all(positive) {
        return Err("a shop has machines, a crew, and times above zero".to_owned());
    }
    if shop.machines.saturating_add(shop.spares) > 1_000_000 {
        return Err("a million machines are the most".to_owned());
    }
    println!("{} machines, {} spares, a crew of {}; seed {}", shop.machines, shop.spares, shop.crew, shop.seed);

    if let Some(replication) = options.text("--trace") {
        let replication = replication.parse().map_err(|_| format!("`--trace` needs a number: {replication}"))?;
        println!("{:>14}  {:>8}  event in replication {replication}", "hour", "sequence");
        let mut print = |now: Time, sequence: u64, event: &Event| println!("{:>14.6}  {sequence:>8}  {event:?}", now.as_hours());
        println!("availability  {}", simulate(shop, replication, &mut print));
        return Ok(());
    }

    let replications = options.value("--replications", 50)?;
    let shares =
        Pool::new(0).replicate(0..replications, &AtomicBool::new(false), &|_| (), |replication| simulate(shop, replication, &mut ()));
    let estimate = Estimate::of(&shares.into_iter().flatten().collect::<Vec<f64>>()).ok_or("no replications")?;
    let exact = exact(shop);
    println!("availability  {} ± {} ({} replications)", estimate.mean, estimate.stderr.unwrap_or(f64::NAN), estimate.n);
    println!("exact         {exact}");
    println!("deviation     {:+.2} standard errors", estimate.deviation(exact).unwrap_or(f64::NAN));
    Ok(())
}

/// `--name value` pairs.
struct Options<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Options<'a> {
    fn new(arguments: &'a [String], known: &[&str]) -> Result<Self, String> {
        let pair = |pair: &'a [String]| match pair {
            [name, value] if known.contains(&name.as_str()) => Ok((name.as_str(), value.as_str())),
            [name, ..] => Err(format!("`{name}` is unknown or lacks its value; known are {}", known.join(", "))),
            [] => Err(String::new()), // chunks are never empty
        };
        arguments.chunks(2).map(pair).collect::<Result<_, _>>().map(Self)
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.0.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    fn value<T: FromStr>(&self, name: &str, default: T) -> Result<T, String> {
        self.text(name).map_or(Ok(default), |text| text.parse().map_err(|_| format!("`{name}` needs a number: {text}")))
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
