//! The event engine against closed forms of queues: several servers, any law of service, priorities.
//!
//! Times are in seconds; a mean service takes about one.

use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;

use bastide_cost_models::queueing::mean_waiting;
use bastide_engine::{Distribution, Estimate, EventId, Pool, Queue, Stream, stream_key};
use bastide_units::{Duration, Rate, Time};

const SEED: u64 = 20_260_701;

/// What replications 0..n give.
pub fn values(n: u32, body: impl Fn(u32) -> f64 + Sync) -> Vec<f64> {
    Pool::new(2).replicate(0..n, &AtomicBool::new(false), &|_| (), body).into_iter().flatten().collect()
}

pub fn estimate(n: u32, body: impl Fn(u32) -> f64 + Sync) -> Estimate {
    Estimate::of(&values(n, body)).expect("some replications")
}

/// Observations with the mean and the variance of a Poisson count, each within 3 standard errors.
pub fn assert_poisson(what: &str, counts: &[f64], mean: f64, relative_error: f64) {
    assert_within_3(what, &Estimate::of(counts).expect("some counts"), mean, relative_error);
    let squares: Vec<f64> = counts.iter().map(|count| (count - mean).powi(2)).collect();
    assert_within_3(&format!("{what}, variance"), &Estimate::of(&squares).expect("some counts"), mean, 0.08);
}

/// Within 3 standard errors, and those small enough that the check can fail.
pub fn assert_within_3(what: &str, estimate: &Estimate, exact: f64, relative_error: f64) {
    let deviation = estimate.deviation(exact).expect("more than one replication");
    assert!(deviation.abs() < 3.0, "{what}: {exact} is {deviation} standard errors from {estimate:?}");
    assert!(estimate.stderr.is_some_and(|stderr| stderr < relative_error * exact.abs()), "{what}: {estimate:?}");
}

/// Customers of one priority: Poisson arrivals [1/s] and a law of service [s].
#[derive(Clone, Copy)]
struct Class {
    rate: f64,
    service: Distribution,
}

impl Class {
    fn exponential(rate: f64, mean: f64) -> Self {
        Self { rate, service: Distribution::Exponential { mean } }
    }

    fn load(&self) -> f64 {
        self.rate * self.service.mean()
    }

    /// Mean work that a random arrival finds in service from this class: lambda E[S^2] / 2.
    fn residual(&self) -> f64 {
        0.5 * self.rate * (self.service.variance() + self.service.mean().powi(2))
    }
}

/// Servers for customers of several classes, the first the most urgent; in a class first come, first served.
#[derive(Clone, Copy)]
struct Station<'a> {
    servers: usize,
    classes: &'a [Class],
    /// More urgent customers interrupt others, who go on later where they were.
    preemptive: bool,
}

#[derive(Clone, Copy)]
enum Event {
    Arrival { class: usize },
    Departure { server: usize },
}

#[derive(Clone, Copy)]
struct Customer {
    class: usize,
    arrived: Time,
    service: Duration,
    left: Duration,
}

#[derive(Clone, Copy)]
struct Served {
    customer: Customer,
    since: Time,
    departure: EventId,
}

impl Station<'_> {
    /// Mean time of each class in the station without its service; the first tenth of the customers is not counted.
    fn mean_waits(&self, customers: u32, replication: u32) -> Vec<f64> {
        let streams = |purpose| {
            let family = Stream::new(SEED, replication, stream_key("station", purpose));
            (0..self.classes.len() as u64).map(|class| family.member(class)).collect::<Vec<Stream>>()
        };
        let (mut arrivals, mut services) = (streams("arrival"), streams("service"));
        let mut queue = Queue::new();
        let mut waiting: Vec<VecDeque<Customer>> = vec![VecDeque::new(); self.classes.len()];
        let mut serving: Vec<Option<Served>> = vec![None; self.servers];
        let mut idle: Vec<usize> = (0..self.servers).collect();
        let mut waited = vec![(0.0, 0_u32); self.classes.len()];
        let mut departed = 0;
        for (class, stream) in arrivals.iter_mut().enumerate() {
            let first = Time::ZERO + Duration::from_s(stream.exponential(1.0 / self.classes[class].rate));
            queue.schedule(first, 1, Event::Arrival { class });
        }
        while departed < customers
            && let Some((now, _, event)) = queue.pop()
        {
            match event {
                Event::Arrival { class } => {
                    let between = Duration::from_s(arrivals[class].exponential(1.0 / self.classes[class].rate));
                    queue.schedule(now + between, 1, Event::Arrival { class });
                    let service = self.classes[class].service.sample_as(&mut services[class]);
                    waiting[class].push_back(Customer { class, arrived: now, service, left: service });
                }
                Event::Departure { server } => {
                    let Some(Served { customer, .. }) = serving[server].take() else { continue };
                    idle.push(server);
                    departed += 1;
                    if departed > customers / 10 {
                        let (sum, count) = &mut waited[customer.class];
                        *sum += (now - customer.arrived - customer.service).as_s();
                        *count += 1;
                    }
                }
            }
            let Some(urgent) = waiting.iter().position(|line| !line.is_empty()) else { continue };
            if idle.is_empty() && self.preemptive {
                // The least urgent in service gives way, and stays first of its class.
                let least = (0..self.servers).max_by_key(|server| serving[*server].map(|served| served.customer.class));
                if let Some((server, served)) = least.and_then(|server| Some((server, serving[server]?)))
                    && served.customer.class > urgent
                {
                    queue.cancel(served.departure);
                    let left = served.customer.left - (now - served.since);
                    waiting[served.customer.class].push_front(Customer { left, ..served.customer });
                    serving[server] = None;
                    idle.push(server);
                }
            }
            if let Some(server) = idle.pop()
                && let Some(customer) = waiting[urgent].pop_front()
            {
                let departure = queue.schedule_cancellable(now + customer.left, 0, Event::Departure { server });
                serving[server] = Some(Served { customer, since: now, departure });
            }
        }
        waited.into_iter().map(|(sum, count)| sum / f64::from(count)).collect()
    }

    fn check(&self, what: &str, exact: &[f64], customers: u32, replications: u32, relative_error: f64) {
        let runs = Pool::new(2).replicate(0..replications, &AtomicBool::new(false), &|_| (), |r| self.mean_waits(customers, r));
        for (class, exact) in exact.iter().enumerate() {
            let waits: Vec<f64> = runs.iter().flatten().map(|waits| waits[class]).collect();
            let estimate = Estimate::of(&waits).expect("some replications");
            assert_within_3(&format!("{what}, class {class}"), &estimate, *exact, relative_error);
        }
    }
}

#[test]
fn several_servers_wait_as_erlang_says() {
    // Erlang 1917. M/M/1 at 0.7: 0.7 / 0.3 = 2.3333; 50 servers at 0.9: 0.363864 / 5 = 0.0727729 (rational arithmetic).
    for (servers, load, exact, customers, error) in
        [(1, 0.7, Some(7.0 / 3.0), 60_000, 0.02), (10, 0.85, None, 60_000, 0.03), (50, 0.9, Some(0.072_772_893_440), 100_000, 0.04)]
    {
        let rate = load * f64::from(servers);
        let formula = mean_waiting(Rate::from_per_s(rate), Duration::from_s(1.0), servers).expect("a steady state").as_s();
        assert!(exact.is_none_or(|exact: f64| (formula - exact).abs() < 1e-9), "{formula}");
        let station = Station { servers: servers as usize, classes: &[Class::exponential(rate, 1.0)], preemptive: false };
        station.check(&format!("M/M/{servers}"), &[formula], customers, 30, error);
    }
}

#[test]
fn one_server_waits_as_pollaczek_and_khinchine_say() {
    // Pollaczek 1930, Khinchine 1932: W = rho / (1 - rho) (1 + c^2) / 2 services; at rho = 0.7: 7/3 (1 + c^2) / 2.
    for (law, service, squared_variation) in [
        ("M/D/1", Distribution::Fixed(1.0), 0.0),
        ("Erlang of 4 stages", Distribution::Gamma { shape: 4.0, scale: 0.25 }, 0.25),
        ("uniform", Distribution::Uniform { low: 0.0, high: 2.0 }, 1.0 / 3.0),
        ("lognormal", Distribution::Lognormal { median: (-0.5_f64).exp(), sigma: 1.0 }, 1_f64.exp_m1()),
        // Gamma(1 + 2) = 2, Gamma(1 + 4) = 24: mean 2 scale, mean square 24 scale^2.
        ("Weibull, shape 1/2", Distribution::Weibull { shape: 0.5, scale: 0.5 }, 5.0),
    ] {
        let class = Class { rate: 0.7, service };
        let exact = 7.0 / 3.0 * 0.5 * (1.0 + squared_variation);
        assert!((class.residual() / 0.3 - exact).abs() < 1e-9 && (class.load() - 0.7).abs() < 1e-9, "{law}");
        Station { servers: 1, classes: &[class], preemptive: false }.check(law, &[exact], 60_000, 30, 0.04);
    }
}

/// Cobham 1954: W_k = W_0 / ((1 - s_{k-1}) (1 - s_k)), s_k the load of class k and those above it, per server.
fn cobham(found: f64, loads: &[f64]) -> Vec<f64> {
    let mut above = 0.0;
    let wait = |load: &f64| {
        let with = above + load;
        let wait = found / ((1.0 - above) * (1.0 - with));
        above = with;
        wait
    };
    loads.iter().map(wait).collect()
}

#[test]
fn priorities_wait_as_cobham_says() {
    // One server, three laws. W_0 = (0.2 * 2 + 0.3 * 0.64 + 0.2 * (1.5^2 + 0.75)) / 2 = 0.596; loads 0.2, 0.24, 0.3.
    let classes = [
        Class::exponential(0.2, 1.0),
        Class { rate: 0.3, service: Distribution::Fixed(0.8) },
        Class { rate: 0.2, service: Distribution::Uniform { low: 0.0, high: 3.0 } },
    ];
    let exact = cobham(0.596, &[0.2, 0.24, 0.3]);
    assert!((exact[0] - 0.745).abs() < 1e-12 && (exact[2] - 0.596 / (0.56 * 0.26)).abs() < 1e-12);
    assert!((classes.iter().map(Class::residual).sum::<f64>() - 0.596).abs() < 1e-12);
    Station { servers: 1, classes: &classes, preemptive: false }.check("M/G/1 with priorities", &exact, 60_000, 30, 0.04);
    // Three servers, one law: W_0 = C(3, 2.4) / 3 is the wait without priorities times 1 - 0.8.
    let classes = [Class::exponential(0.9, 1.0), Class::exponential(1.5, 1.0)];
    let together = mean_waiting(Rate::from_per_s(2.4), Duration::from_s(1.0), 3).expect("a steady state").as_s();
    let exact = cobham(together * 0.2, &[0.3, 0.5]);
    Station { servers: 3, classes: &classes, preemptive: false }.check("M/M/3 with priorities", &exact, 60_000, 30, 0.04);
}

#[test]
fn interrupting_priorities_wait_as_white_and_christie_say() {
    // White & Christie 1958, preemptive resume: T_k = (E[S_k] (1 - s_k) + sum of lambda_i E[S_i^2] / 2 over i <= k)
    // / ((1 - s_{k-1}) (1 - s_k)); the first class sees M/M/1 alone. Loads 0.3, 0.2, 0.25; sums of residuals 0.3, 0.4, 0.9.
    let classes = [Class::exponential(0.3, 1.0), Class::exponential(0.4, 0.5), Class::exponential(0.125, 2.0)];
    let time = |mean: f64, found: f64, above: f64, with: f64| (mean * (1.0 - with) + found) / ((1.0 - above) * (1.0 - with));
    let exact = [time(1.0, 0.3, 0.0, 0.3) - 1.0, time(0.5, 0.4, 0.3, 0.5) - 0.5, time(2.0, 0.9, 0.5, 0.75) - 2.0];
    assert!((exact[0] - 3.0 / 7.0).abs() < 1e-12);
    assert!((classes.iter().map(Class::residual).sum::<f64>() - 0.9).abs() < 1e-12);
    Station { servers: 1, classes: &classes, preemptive: true }.check("M/M/1, interrupting", &exact, 60_000, 30, 0.04);
}
