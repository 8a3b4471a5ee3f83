//! The event engine against closed forms of queueing and reliability.

use std::sync::atomic::AtomicBool;

use bastide_engine::{Estimate, Pool, Queue, Stream, TimeWeighted, stream_key};
use bastide_units::{Duration, Time};

#[derive(Clone, Copy)]
enum Event {
    Arrival,
    Departure,
    Failure,
    Repair,
}

/// Mean number in an M/M/c queue over a long run, in units of the mean service time.
fn mean_in_system(servers: u32, load: f64, replication: u32) -> f64 {
    let mut arrivals = Stream::new(11, replication, stream_key("queue", "arrival"));
    let mut services = Stream::new(11, replication, stream_key("queue", "service"));
    let mut queue = Queue::with_capacity(1024);
    let hour = Duration::from_h(1.0);
    let gap = hour / (load * f64::from(servers));
    let (warm, end) = (Time::from_hours(500), Time::from_hours(6_500));
    let mut present: u32 = 0;
    let mut number = TimeWeighted::new(Time::ZERO, 0.0);
    let mut warmed = false;
    queue.schedule(Time::ZERO, 0, Event::Arrival);
    while let Some((now, _, event)) = queue.pop_before(end) {
        if !warmed && now >= warm {
            number.restart(now);
            warmed = true;
        }
        match event {
            Event::Arrival => {
                present += 1;
                if present <= servers {
                    queue.schedule(now + services.exponential_duration(hour), 0, Event::Departure);
                }
                queue.schedule(now + arrivals.exponential_duration(gap), 0, Event::Arrival);
            }
            _ => {
                present -= 1;
                if present >= servers {
                    queue.schedule(now + services.exponential_duration(hour), 0, Event::Departure);
                }
            }
        }
        number.set(now, f64::from(present));
    }
    number.mean(end)
}

fn estimate(n: u32, body: impl Fn(u32) -> f64 + Sync) -> Estimate {
    let values: Vec<f64> = Pool::new(2).replicate(0..n, &AtomicBool::new(false), &|_| (), body).into_iter().flatten().collect();
    Estimate::of(&values).expect("some replications")
}

#[test]
fn mmc_agrees_with_erlang() {
    // Erlang C (A. K. Erlang, 1917). c = 2, rho = 0.75: P(wait) = 0.642857, Lq = C rho / (1 - rho) = 1.928571, L = Lq + 1.5 = 3.428571
    // (the textbook value of D. Gross et al., Fundamentals of Queueing Theory, section 3.3, by its formula).
    let estimate = estimate(60, |replication| mean_in_system(2, 0.75, replication));
    assert!(estimate.deviation(3.428_571).expect("an error").abs() < 3.0, "{estimate:?}");
    let waiting = bastide_cost_models::queueing::erlang_c(1.5, 2);
    assert!((waiting - 0.642_857).abs() < 1e-6, "{waiting}");
}

#[test]
fn machine_repair_agrees_with_the_birth_death_chain() {
    // Machine interference (C. Palm, 1947): 4 machines, MTTF 10 h, one crew, MTTR 2 h. With r = 0.2 the weights of k machines down
    // are 4!/(4-k)! r^k: 1, 0.8, 0.48, 0.192, 0.0384; mean down = (0.8 + 0.96 + 0.576 + 0.1536) / 2.5104 = 0.991714.
    let estimate = estimate(60, |replication| {
        let mut failures = Stream::new(5, replication, stream_key("shop", "failure"));
        let mut repairs = Stream::new(5, replication, stream_key("shop", "repair"));
        let mut queue = Queue::with_capacity(16);
        let end = Time::from_hours(50_000);
        for _ in 0..4 {
            queue.schedule(Time::ZERO + failures.exponential_duration(Duration::from_h(10.0)), 0, Event::Failure);
        }
        let mut down: u32 = 0;
        let mut gauge = TimeWeighted::new(Time::ZERO, 0.0);
        while let Some((now, _, event)) = queue.pop_before(end) {
            match event {
                Event::Failure => {
                    down += 1;
                    if down == 1 {
                        queue.schedule(now + repairs.exponential_duration(Duration::from_h(2.0)), 0, Event::Repair);
                    }
                }
                _ => {
                    down -= 1;
                    queue.schedule(now + failures.exponential_duration(Duration::from_h(10.0)), 0, Event::Failure);
                    if down > 0 {
                        queue.schedule(now + repairs.exponential_duration(Duration::from_h(2.0)), 0, Event::Repair);
                    }
                }
            }
            gauge.set(now, f64::from(down));
        }
        gauge.mean(end)
    });
    assert!(estimate.deviation(0.991_714).expect("an error").abs() < 3.0, "{estimate:?}");
}
