//! Customers come at random to `c` servers, and each takes a random time (M/M/c), beside Erlang's formula.
//!
//! ```text
//! cargo run --release --example mmc -- --servers 50 --load 0.9
//! cargo run --release --example mmc -- --servers 50 --load 0.9 --replications 40
//! cargo run --release --example mmc -- --save-at-half half.json
//! cargo run --release --example mmc -- --resume half.json        # ends with the same bytes
//! ```

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the command line")]

use std::collections::VecDeque;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::atomic::AtomicBool;

use bastide_engine::{Estimate, Pool, Queue, Stream, TimeWeighted, stream_key};
use bastide_units::{Duration, Time};
use serde::{Deserialize, Serialize};

/// The mean service: the unit of every time in the output.
const SERVICE: Duration = Duration::from_s(1.0);
/// The first of these parts of a history warm it up; each of the others is a batch, whose mean is one observation.
const WARM_UP: usize = 2;
const BATCHES: usize = 20;

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Setting {
    servers: u32,
    /// Share of the servers that is busy on average.
    #[serde(with = "bastide_engine::exact")]
    load: f64,
    customers: u64,
    seed: u64,
    replication: u32,
}

impl Setting {
    fn check(&self) -> Result<(), String> {
        if !(self.load > 0.0 && self.load < 1.0) || self.servers == 0 {
            return Err("no steady state: the queue needs servers, and a load between 0 and 1".to_owned());
        }
        if self.customers < (WARM_UP + BATCHES) as u64 || self.customers > u64::from(u32::MAX) {
            return Err(format!("between {} and 4294967295 customers can be counted: {}", WARM_UP + BATCHES, self.customers));
        }
        Ok(())
    }
}

/// What can happen: plain data, dispatched by a `match`.
#[derive(Clone, Copy, Serialize, Deserialize)]
enum Event {
    Arrival,
    Departure,
}

/// Everything that a history needs to go on, and therefore what is saved.
#[derive(Serialize, Deserialize)]
struct Station {
    setting: Setting,
    queue: Queue<Event>,
    arrivals: Stream,
    services: Stream,
    /// Since when each customer waits.
    waiting: VecDeque<Time>,
    busy: TimeWeighted,
    started: u64,
    /// Waits of each part [ns] -- state. Whole numbers, so that no order of summing matters.
    waited: Vec<u128>,
}

impl Station {
    fn new(setting: Setting) -> Self {
        let stream = |purpose| Stream::new(setting.seed, setting.replication, stream_key("station", purpose));
        let mut queue = Queue::new();
        queue.schedule(Time::ZERO, 1, Event::Arrival);
        Self {
            setting,
            queue,
            arrivals: stream("arrival"),
            services: stream("service"),
            waiting: VecDeque::new(),
            busy: TimeWeighted::new(Time::ZERO, 0.0),
            started: 0,
            waited: vec![0; WARM_UP + BATCHES],
        }
    }

    /// Goes on until so many customers have begun their service.
    fn run(&mut self, customers: u64) {
        let between = SERVICE / (self.setting.load * f64::from(self.setting.servers));
        while self.started < customers
            && let Some((now, _, event)) = self.queue.pop()
        {
            match event {
                Event::Arrival => {
                    self.waiting.push_back(now);
                    self.queue.schedule(now + self.arrivals.exponential_duration(between), 1, Event::Arrival);
                }
                Event::Departure => self.busy.add(now, -1.0),
            }
            // At most one customer begins per event: either a server or a customer has just come free.
            if self.busy.value() < f64::from(self.setting.servers)
                && let Some(since) = self.waiting.pop_front()
            {
                self.busy.add(now, 1.0);
                let part = self.started as usize * self.waited.len() / self.setting.customers as usize;
                self.waited[part] += u128::from(now.as_nanos().saturating_sub(since.as_nanos()));
                self.started += 1;
                self.queue.schedule(now + self.services.exponential_duration(SERVICE), 0, Event::Departure);
            }
        }
    }

    fn finish(&mut self) {
        self.run(self.setting.customers);
    }

    /// Mean wait in each batch, in services.
    fn waits(&self) -> Vec<f64> {
        let customers = self.setting.customers as f64 / self.waited.len() as f64;
        self.waited[WARM_UP..].iter().map(|nanos| *nanos as f64 * 1e-9 / SERVICE.as_s() / customers).collect()
    }
}

/// Mean wait in services (Erlang 1917; Gross et al. 2008, "Fundamentals of queueing theory", section 2.3), by the recursion of
/// the loss formula, which does not overflow.
fn erlang_c_wait(servers: u32, load: f64) -> f64 {
    let offered = load * f64::from(servers);
    let lost = (1..=servers).fold(1.0, |lost, n| offered * lost / (f64::from(n) + offered * lost));
    let waits = lost / (1.0 - load * (1.0 - lost));
    waits / (f64::from(servers) - offered)
}

/// The estimate beside the formula.
fn report(setting: Setting, of: &str, waits: &[f64]) -> Result<(), String> {
    let Setting { servers, load, customers, seed, .. } = setting;
    let estimate = Estimate::of(waits).ok_or("nothing was observed")?;
    let exact = erlang_c_wait(servers, load);
    println!("M/M/{servers} at a load of {load}, {customers} customers, seed {seed}; times in mean services");
    println!("mean wait   {} ± {} ({} {of})", estimate.mean, estimate.stderr.unwrap_or(f64::NAN), waits.len());
    println!("Erlang C    {exact}");
    println!("deviation   {:+.2} standard errors", estimate.deviation(exact).unwrap_or(f64::NAN));
    Ok(())
}

fn run(arguments: &[String]) -> Result<(), String> {
    let options = Options::new(
        arguments,
        &["--servers", "--load", "--customers", "--seed", "--replication", "--replications", "--save-at-half", "--resume"],
    )?;
    let mut station = if let Some(file) = options.text("--resume") {
        let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
        let station: Station = serde_json::from_str(&text).map_err(|error| format!("{file}: {error}"))?;
        if station.waited.len() != WARM_UP + BATCHES {
            return Err(format!("{file}: not a history of this program"));
        }
        station
    } else {
        let setting = Setting {
            servers: options.value("--servers", 50)?,
            load: options.value("--load", 0.9)?,
            customers: options.value("--customers", 1_000_000)?,
            seed: options.value("--seed", 1)?,
            replication: options.value("--replication", 0)?,
        };
        Station::new(setting)
    };
    let setting = station.setting;
    setting.check()?;

    let replications: u32 = options.value("--replications", 1)?;
    if replications > 1 {
        let range = setting.replication..setting.replication.saturating_add(replications);
        let means = Pool::new(0).replicate(range, &AtomicBool::new(false), &|_| (), |replication| {
            let mut station = Station::new(Setting { replication, ..setting });
            station.finish();
            let waits = station.waits();
            waits.iter().sum::<f64>() / waits.len() as f64
        });
        return report(setting, "replications", &means.into_iter().flatten().collect::<Vec<f64>>());
    }

    if let Some(file) = options.text("--save-at-half") {
        station.run(setting.customers / 2);
        let text = serde_json::to_string(&station).map_err(|error| error.to_string())?;
        std::fs::write(file, text).map_err(|error| format!("{file}: {error}"))?;
    }
    station.finish();
    report(setting, "batches", &station.waits())?;
    let now = station.queue.now();
    println!("busy        {} of {} servers", station.busy.mean(now), setting.servers);
    println!("replication {}: {} events scheduled, clock {} ns", setting.replication, station.queue.scheduled(), now.as_nanos());
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
