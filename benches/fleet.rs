//! A fleet of 1,000,000 accelerators for a year: seconds, events and peak memory of one replication on one core, and what each part of
//! it costs. Printed, not sampled by criterion: one history is long, and what is asked is a bound (1 s, 128 MiB).

#![allow(clippy::print_stdout, reason = "a bench says what it found")]

use std::alloc::{GlobalAlloc, Layout as Size, System};
use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bastide_model::plan::Plan;
use bastide_sim::Layout;
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

const SITES: u32 = 10;
const CARDS_PER_SITE: u32 = 100_000;

const HEADER: &str = r#"
[scenario]
format = 1
name = "fleet"
start = 2027-01-01T00:00:00Z
duration = "365 d"
price_year = 2025

[[nation]]
name = "north"

[[accelerator]]
name = "card"
peak = "1000 TFLOP/s"
memory = "80 GB"
memory_bandwidth = "3 TB/s"
power = "1 kW"
idle_share = "30 %"
price = "30 k EUR"
per_node = 8
nodes_per_rack = 4
node_failure_rate = "6.5 / 1000 node d"
node_repair = "1 d"
lifetime = "5 y"
vendor = "example"
vendor_nation = "north"

[plan]
budget = "200 bn EUR"
it_power = "2 GW"
accelerators = ["card"]
discount_rate = "5 %"
"#;

/// 6.5 failures per 1,000 node-days in all (Kokolis et al. 2024), split by an assumption; racks and cooling beside them.
const FAILURES: &str = r#"
[[failure]]
name = "gpu"
kind = "crash"
rate = "3.0 / 1000 node d"
repair = { dist = "lognormal", median = "1 d", p95 = "4 d" }
spare = true
by_age = [["0 d", 2.0], ["90 d", 1.0]]

[[failure]]
name = "host"
kind = "crash"
rate = "1.5 / 1000 node d"
repair = { dist = "lognormal", median = "12 h", p95 = "2 d" }

[[failure]]
name = "network"
kind = "transient"
rate = "1.6 / 1000 node d"
by_job_size = [[1024, 3.7], [4096, 1.0]]

[[failure]]
name = "corruption"
kind = "silent"
rate = "0.1 / 1000 node d"
detection = { dist = "exponential", mean = "1 d" }
repair = "1 d"

[[failure]]
name = "straggler"
kind = "straggler"
rate = "0.3 / 1000 node d"
detection = { dist = "exponential", mean = "4 h" }
slowdown = "10 %"
repair = "6 h"

[[failure]]
name = "rack-power"
kind = "crash"
domain = "rack"
rate = "0.02 / y"
repair = "8 h"

[[failure]]
name = "cooling"
kind = "crash"
domain = "site"
rate = "0.1 / y"
repair = "6 h"
"#;

const OPERATION: &str = r#"
[[maintenance]]
name = "firmware"
every = "90 d"
duration = "4 h"
share = "5 %"

[[power_cap]]
name = "evening"
share = "80 %"
daily_from = "17 h"
daily_until = "20 h"
"#;

const SERVICES: &str = "services";
const CAMPAIGNS: &str = "campaigns";

/// The scenario, its series and its plan, with some of: failures, operation, services, campaigns.
fn scenario(parts: &[&str]) -> (String, String, String) {
    let mut text = HEADER.to_owned();
    let mut plan = "schema = \"bastide/plan/1\"\nname = \"all\"\nscenario = \"fleet\"\n".to_owned();
    for at in 0..SITES {
        let _ = write!(
            text,
            "\n[[bus]]\nname = \"b{at}\"\nnation = \"north\"\nenergy_price = {{ series = \"s.csv\", column = \"price\" }}\n\
             [[generator]]\nname = \"g{at}\"\nbus = \"b{at}\"\ntechnology = \"hydro\"\ncapacity = \"1 GW\"\nunits = 4\ncost = \"{} EUR/MWh\"\ncarbon = \"20 g/kWh\"\nmttf = \"2000 h\"\nrepair = \"48 h\"\n\
             [[load]]\nname = \"l{at}\"\nbus = \"b{at}\"\npower = {{ series = \"s.csv\", column = \"load\" }}\nvalue_of_lost_load = \"10000 EUR/MWh\"\n\
             [[line]]\nname = \"x{at}\"\nfrom = \"b{at}\"\nto = \"b{}\"\ncapacity = \"300 MW\"\n\
             [[site]]\nname = \"s{at}\"\nbus = \"b{at}\"\ntier = \"core\"\nconnection = \"150 MW\"\npue = 1.25\noperator = \"state\"\nbuilding_cost = \"10 M EUR/MW\"\nrepair_crews = 60\nspares = 40\nspare_lead_time = {{ dist = \"exponential\", mean = \"2 d\" }}\nmttf = \"8000 h\"\nrepair = \"12 h\"\nups = \"10 min\"\ngenerator_start = 0.95\nfuel = \"48 h\"\n",
            20 + at,
            (at + 1) % SITES
        );
        let _ = write!(plan, "[[build]]\nsite = \"s{at}\"\naccelerator = \"card\"\ncount = {CARDS_PER_SITE}\n");
    }
    for part in parts {
        match *part {
            SERVICES => (0..SITES).for_each(|at| service(&mut text, &mut plan, at)),
            CAMPAIGNS => (0..SITES / 2).for_each(|at| campaign(&mut text, &mut plan, at)),
            other => text += other,
        }
    }
    (text, series(), plan)
}

fn service(text: &mut String, plan: &mut String, at: u32) {
    let tier = ["T0", "T1", "T2", "T3"][at as usize % 4];
    let _ = write!(
        text,
        "\n[[service]]\nname = \"c{at}\"\nnation = \"north\"\ntier = \"{tier}\"\ndemand = \"200 M tokens/s\"\nprofile = {{ series = \"s.csv\", column = \"use\" }}\ntokens_per_accelerator = \"10 k tokens/s\"\nvalue = \"5 EUR/M tokens\"\n"
    );
    for step in 0..2 {
        let (own, next) = ((at + step) % SITES, (at + step + 1) % SITES);
        let _ = write!(
            plan,
            "[[placement]]\nservice = \"c{at}\"\nsite = \"s{own}\"\nshare = 0.5\n[[stand-by]]\nservice = \"c{at}\"\nof = \"s{own}\"\nsite = \"s{next}\"\nshare = 0.5\n"
        );
    }
}

fn campaign(text: &mut String, plan: &mut String, at: u32) {
    let size = [65_536, 32_768, 16_384, 4_096, 1_024][at as usize % 5];
    let _ = write!(
        text,
        "\n[[campaign]]\nname = \"m{at}\"\nnation = \"north\"\naccelerators = {size}\ncompute = \"1e30 FLOP\"\ndeadline = 2027-12-01T00:00:00Z\ncheckpoint_interval = \"20 min\"\ncheckpoint_time = \"10 s\"\n"
    );
    let _ = write!(plan, "[[campaign]]\ncampaign = \"m{at}\"\nsite = \"s{at}\"\naccelerator = \"card\"\n");
}

/// Price, load and use by hour.
fn series() -> String {
    let mut text = String::from("time,price [EUR/MWh],load [MW],use [1]\n");
    let days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut hour = 0_u32;
    for (month, days) in days.into_iter().enumerate() {
        for day in 1..=days {
            for of_day in 0..24 {
                let phase = f64::from(hour) * std::f64::consts::TAU / 24.0;
                let (price, load, part) = (60.0 + 20.0 * phase.sin(), 300.0 + 60.0 * phase.sin(), 1.0 + 0.4 * phase.sin());
                let _ = writeln!(text, "2027-{:02}-{day:02}T{of_day:02}:00:00Z,{price:.3},{load:.3},{part:.4}", month + 1);
                hour += 1;
            }
        }
    }
    text
}

/// Seconds, events of the record, peak MiB of the best of some histories.
fn measure(name: &str, parts: &[&str]) {
    let folder = std::env::temp_dir().join(format!("bastide-fleet-{}", std::process::id()));
    let (text, series, plan) = scenario(parts);
    std::fs::create_dir_all(&folder).expect("a folder for the scenario");
    std::fs::write(folder.join("scenario.toml"), text).expect("written");
    std::fs::write(folder.join("s.csv"), series).expect("written");
    let loaded = bastide_model::load(&folder, &[]);
    let _ = std::fs::remove_dir_all(&folder);
    let model = loaded.unwrap_or_else(|list| panic!("{list:#?}")).model;
    let plan = Plan::read(&plan, "plan.toml", &model).unwrap_or_else(|list| panic!("{list:#?}"));
    let layout = Layout::new(&model);
    let simulator = Simulator::new(&model, &plan, &layout).expect("a grid that can be dispatched");
    let (mut best, mut peak, mut failures, mut interruptions, mut records) = (f64::INFINITY, 0, 0.0, 0.0, 0);
    for replication in 0..3 {
        let before = HELD.load(Ordering::Relaxed);
        PEAK.store(before, Ordering::Relaxed);
        let start = Instant::now();
        let history = simulator.simulate(7, replication, Options::default());
        best = start.elapsed().as_secs_f64().min(best);
        peak = PEAK.load(Ordering::Relaxed) - before;
        let sum = |kind: &str, metric: &str| -> f64 {
            let rows = layout.metrics.iter().zip(&history.metrics);
            rows.filter(|(def, _)| def.entity_kind == kind && def.metric == metric).fold(0.0, |sum, (_, value)| sum + value)
        };
        failures = sum("failure", "events");
        interruptions = sum("campaign", "interruptions");
        records = history.events.len();
    }
    println!(
        "{name:<44} {best:>7.3} s {:>7.1} MiB {failures:>9.0} failures {interruptions:>7.0} interruptions {records:>7} records",
        peak as f64 / f64::from(1 << 20)
    );
}

fn main() {
    println!("1,000,000 accelerators in 125,000 nodes at {SITES} sites, 365 d, one replication on one core");
    measure("nothing happens but the hours", &[]);
    measure("failures by cause and repairs", &[FAILURES]);
    measure("  and maintenance and power caps", &[FAILURES, OPERATION]);
    measure("  and training", &[FAILURES, OPERATION, CAMPAIGNS]);
    measure("  and services", &[FAILURES, OPERATION, CAMPAIGNS, SERVICES]);
    measure("failure rates of the types, all else", &[CAMPAIGNS, SERVICES]);
}
