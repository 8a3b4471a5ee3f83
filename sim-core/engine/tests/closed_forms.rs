//! The engine against queues and repair shops whose answers are known, within 3 standard errors.

use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;

use bastide_engine::{Estimate, Pool, Queue, Stream, TimeWeighted, stream_key};
use bastide_units::{Duration, Time};

const SEED: u64 = 20_260_401;

fn estimate(replications: u32, body: impl Fn(u32) -> f64 + Sync) -> Estimate {
    let results = Pool::new(2).replicate(0..replications, &AtomicBool::new(false), &|_| (), body);
    let results: Vec<f64> = results.into_iter().flatten().collect();
    Estimate::of(&results).expect("there are replications")
}

fn assert_within_3(estimate: &Estimate, exact: f64, relative_error: f64) {
    let deviation = estimate.deviation(exact).expect("more than one replication");
    assert!(deviation.abs() < 3.0, "{exact} is {deviation} standard errors from {estimate:?}");
    // A wide error would make the check above worthless.
    assert!(estimate.stderr.is_some_and(|stderr| stderr < relative_error * exact), "{estimate:?}");
}

/// Mean wait in an M/M/c queue (Erlang 1917; Gross & Harris 1998, section 2.3), in units of the mean service.
fn erlang_c_wait(servers: u32, load: f64) -> f64 {
    let c = f64::from(servers);
    let mut blocking = 1.0; // Erlang B by its recursion
    for n in 1..=servers {
        blocking = load * blocking / (f64::from(n) + load * blocking);
    }
    let waiting = blocking / (1.0 - load / c * (1.0 - blocking));
    waiting / (c - load)
}

#[derive(Clone, Copy)]
enum Customer {
    Arrives,
    Leaves,
}

fn mmc_mean_wait(replication: u32, servers: u32, load: f64) -> f64 {
    const WARM_UP: u32 = 3_000;
    const COUNTED: u32 = 20_000;
    let mut arrivals = Stream::new(SEED, replication, stream_key("queue", "arrival"));
    let mut services = Stream::new(SEED, replication, stream_key("queue", "service"));
    let (between, service) = (Duration::from_min(1.0 / load), Duration::from_min(1.0));
    let mut queue = Queue::new();
    let mut waiting: VecDeque<Time> = VecDeque::new();
    let (mut idle, mut started, mut waited) = (servers, 0, 0.0);
    queue.schedule(Time::ZERO, 1, Customer::Arrives);
    while let Some((now, _, event)) = queue.pop() {
        match event {
            Customer::Arrives => {
                waiting.push_back(now);
                queue.schedule(now + arrivals.exponential_duration(between), 1, Customer::Arrives);
            }
            Customer::Leaves => idle += 1,
        }
        while idle > 0
            && let Some(since) = waiting.pop_front()
        {
            idle -= 1;
            started += 1;
            if started > WARM_UP {
                waited += (now - since).as_min();
            }
            queue.schedule(now + services.exponential_duration(service), 0, Customer::Leaves);
        }
        if started >= WARM_UP + COUNTED {
            break;
        }
    }
    waited / f64::from(COUNTED)
}

#[test]
fn mmc_wait_is_erlang_c() {
    // M/M/1 at 0.5: rho / (1 - rho) = 1. M/M/3 with 2 erlang: 4 / 9.
    assert!((erlang_c_wait(1, 0.5) - 1.0).abs() < 1e-12);
    assert!((erlang_c_wait(3, 2.0) - 4.0 / 9.0).abs() < 1e-12);
    for (servers, load) in [(1, 0.5), (3, 2.4), (20, 17.0)] {
        let simulated = estimate(40, |replication| mmc_mean_wait(replication, servers, load));
        assert_within_3(&simulated, erlang_c_wait(servers, load), 0.03);
    }
}

#[derive(Clone, Copy)]
enum Machine {
    Fails,
    Repaired,
}

/// Share of machines that work, over time, after a warm-up; `crew` machines are repaired at a time.
fn availability(replication: u32, machines: u32, crew: u32, mttf: Duration, repair: impl Fn(&mut Stream) -> Duration) -> f64 {
    let horizon = Time::from_hours(400_000);
    let warm_up = Time::from_hours(4_000);
    let mut failures = Stream::new(SEED, replication, stream_key("machine", "failure"));
    let mut repairs = Stream::new(SEED, replication, stream_key("machine", "repair"));
    let mut queue = Queue::with_capacity(machines as usize);
    let mut working = TimeWeighted::new(Time::ZERO, f64::from(machines));
    let (mut free, mut broken) = (crew, 0);
    for _ in 0..machines {
        queue.schedule(Time::ZERO + failures.exponential_duration(mttf), 0, Machine::Fails);
    }
    let mut warm = false;
    while let Some((now, _, event)) = queue.pop_before(horizon) {
        if !warm && now >= warm_up {
            working.restart(warm_up);
            warm = true;
        }
        match event {
            Machine::Fails => {
                working.add(now, -1.0);
                broken += 1;
            }
            Machine::Repaired => {
                working.add(now, 1.0);
                free += 1;
                queue.schedule(now + failures.exponential_duration(mttf), 0, Machine::Fails);
            }
        }
        while free > 0 && broken > 0 {
            free -= 1;
            broken -= 1;
            queue.schedule(now + repair(&mut repairs), 0, Machine::Repaired);
        }
    }
    working.mean(horizon) / f64::from(machines)
}

/// Share of machines that work in a repair shop with exponential times: the finite-source queue (Gross & Harris 1998,
/// section 2.7), p(n) = p(n - 1) (N - n + 1) / min(n, crew) * MTTR / MTTF for n broken machines.
fn finite_source_availability(machines: u32, crew: u32, ratio: f64) -> f64 {
    let (mut weight, mut total, mut working) = (1.0, 1.0, f64::from(machines));
    for n in 1..=machines {
        weight *= f64::from(machines - n + 1) / f64::from(n.min(crew)) * ratio;
        total += weight;
        working += weight * f64::from(machines - n);
    }
    working / total / f64::from(machines)
}

#[test]
fn an_unlimited_crew_gives_the_two_state_availability() {
    // MTTF / (MTTF + MTTR) = 100 / 112.
    let (mttf, mttr) = (Duration::from_h(100.0), Duration::from_h(12.0));
    assert!((finite_source_availability(5, 5, 0.12) - 100.0 / 112.0).abs() < 1e-12);
    let simulated = estimate(30, |replication| availability(replication, 5, 5, mttf, |repairs| repairs.exponential_duration(mttr)));
    assert_within_3(&simulated, 100.0 / 112.0, 1e-3);
}

#[test]
fn availability_depends_on_the_mean_repair_only() {
    // Lognormal repair with mean 12 h: median = 12 exp(-sigma^2 / 2).
    let sigma = 0.8_f64;
    let median = 12.0 * (-sigma * sigma / 2.0).exp();
    let simulated = estimate(30, |replication| {
        availability(replication, 5, 5, Duration::from_h(100.0), |repairs| Duration::from_h(repairs.lognormal(median, sigma)))
    });
    assert_within_3(&simulated, 100.0 / 112.0, 1e-3);
}

#[test]
fn a_limited_crew_makes_machines_wait() {
    let (mttf, mttr) = (Duration::from_h(100.0), Duration::from_h(12.0));
    let exact = finite_source_availability(10, 1, 0.12);
    assert!(exact < 0.8);
    let simulated = estimate(30, |replication| availability(replication, 10, 1, mttf, |repairs| repairs.exponential_duration(mttr)));
    assert_within_3(&simulated, exact, 2e-3);
}
