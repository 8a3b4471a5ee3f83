//! The event engine against closed forms of reliability: repair, renewal, ageing, checkpoints, demand that changes by the hour.

use bastide_cost_models::compute::training_time::{checkpoint_interval, goodput};
use bastide_engine::{Distribution, PoissonProcess, Queue, Stream, TimeWeighted, stream_key};
use bastide_units::{Duration, Rate, Time};

use crate::events::{assert_poisson, assert_within_3, estimate, values};

const SEED: u64 = 20_260_702;

fn stream(replication: u32, purpose: &str) -> Stream {
    Stream::new(SEED, replication, stream_key("failures", purpose))
}

#[derive(Clone, Copy)]
enum Machine {
    Fails,
    Returns,
}

/// Mean number of running machines, of `wanted`; spares do not age; `crew` machines are repaired at a time. Times in hours.
fn running(wanted: u32, spares: u32, crew: u32, life: Distribution, repair: Distribution, replication: u32) -> f64 {
    let (mut lives, mut repairs) = (stream(replication, "life"), stream(replication, "repair"));
    let (start, end) = (Time::from_hours(2_000), Time::from_hours(100_000));
    let mut queue = Queue::new();
    let mut number = TimeWeighted::new(Time::ZERO, 0.0);
    let (mut ready, mut broken, mut free) = (wanted + spares, 0, crew);
    let (mut now, mut warm) = (Time::ZERO, false);
    loop {
        while ready > 0 && number.value() < f64::from(wanted) {
            ready -= 1;
            number.add(now, 1.0);
            queue.schedule(now + Duration::from_h(life.sample(&mut lives)), 1, Machine::Fails);
        }
        while broken > 0 && free > 0 {
            (broken, free) = (broken - 1, free - 1);
            queue.schedule(now + Duration::from_h(repair.sample(&mut repairs)), 0, Machine::Returns);
        }
        let Some((next, _, event)) = queue.pop_before(end) else { break };
        now = next;
        if !warm && now >= start {
            number.restart(start);
            warm = true;
        }
        match event {
            Machine::Fails => {
                number.add(now, -1.0);
                broken += 1;
            }
            Machine::Returns => (ready, free) = (ready + 1, free + 1),
        }
    }
    number.mean(end)
}

#[test]
fn spares_and_a_crew_agree_with_the_birth_death_chain() {
    // Finite source with spares (Taylor & Jackson 1954): 6 machines, 2 spares, crew of 2, life 100 h, repair 30 h, r = 0.3.
    // w(n) = w(n - 1) min(6, 9 - n) r / min(n, 2): 1, 1.8, 1.62, 1.458, 1.0935, 0.6561, 0.295245, 0.0885735, 0.013286025.
    let weights = [1.0, 1.8, 1.62, 1.458, 1.0935, 0.6561, 0.295_245, 0.088_573_5, 0.013_286_025];
    let total: f64 = weights.iter().sum();
    let exact = (0_u8..).zip(weights).map(|(n, weight)| weight * f64::from(6.min(8 - n))).sum::<f64>() / total;
    assert!((exact - 5.088_208).abs() < 1e-6, "{exact}");
    let exponential = |mean| Distribution::Exponential { mean };
    let simulated = estimate(60, |r| running(6, 2, 2, exponential(100.0), exponential(30.0), r));
    assert_within_3("spares and crew", &simulated, exact, 2e-3);
    // The same with nobody free to wait for: 1 machine, no spare, a crew of one.
    let simulated = estimate(60, |r| running(1, 0, 1, exponential(100.0), exponential(30.0), r));
    assert_within_3("one machine", &simulated, 100.0 / 130.0, 5e-3);
}

#[test]
fn availability_is_mean_life_over_mean_cycle_for_any_laws() {
    // Alternating renewal (Cox 1962): E[up] / (E[up] + E[down]). Weibull of shape 2: mean 100 h Gamma(1.5) = 88.6227 h; shape
    // 0.7: 30 Gamma(1 + 1 / 0.7) = 37.9747 h; lognormal: 7 exp(0.8^2 / 2) = 9.63994 h; fixed 24 h.
    for (life, repair, exact) in [
        (Distribution::Weibull { shape: 2.0, scale: 100.0 }, Distribution::Lognormal { median: 7.0, sigma: 0.8 }, 88.6227 / 98.26264),
        (Distribution::Weibull { shape: 0.7, scale: 30.0 }, Distribution::Fixed(24.0), 37.9747 / 61.9747),
    ] {
        assert!((life.mean() / (life.mean() + repair.mean()) - exact).abs() < 1e-6);
        // Four machines with a crew each are four such processes.
        let simulated = estimate(40, |r| running(4, 0, 4, life, repair, r) / 4.0);
        assert_within_3("availability", &simulated, exact, 2e-3);
    }
}

/// Failures of `machines` until `end` [h], each replaced by a new one at once; per machine.
fn renewals(machines: u32, life: Distribution, end: f64, replication: u32) -> f64 {
    let mut lives = stream(replication, "renewal");
    let mut queue = Queue::with_capacity(machines as usize);
    for _ in 0..machines {
        queue.schedule(Time::ZERO + Duration::from_h(life.sample(&mut lives)), 0, ());
    }
    let mut failures = 0_u32;
    while let Some((now, ..)) = queue.pop_before(Time::from(Duration::from_h(end))) {
        failures += 1;
        queue.schedule(now + Duration::from_h(life.sample(&mut lives)), 0, ());
    }
    f64::from(failures) / f64::from(machines)
}

#[test]
fn replaced_machines_fail_as_renewal_theory_says() {
    // Two stages of 100 h (Cox 1962, section 4.3): M(t) = t / 200 - 1/4 + exp(-t / 50) / 4. New machines fail less at first.
    let stages = Distribution::Gamma { shape: 2.0, scale: 100.0 };
    for (t, exact) in [(20.0, 0.017_580), (100.0, 0.283_834), (1000.0, 4.75)] {
        let simulated = estimate(40, |r| renewals(2_000, stages, t, r));
        assert_within_3("two stages", &simulated, exact, 0.03);
    }
    // Weibull, long after the start (Smith 1954): M(t) = t / m + (c^2 - 1) / 2, c the variation. Wear (shape 2): c^2 = 4 / pi - 1
    // = 0.273240; infant mortality (shape 0.7): c^2 = Gamma(1 + 2 / 0.7) / Gamma(1 + 1 / 0.7)^2 - 1 = 2.138686.
    for (shape, squared_variation, lives) in [(2.0, 0.273_240, 5.0), (0.7, 2.138_686, 40.0)] {
        let life = Distribution::Weibull { shape, scale: 100.0 };
        let simulated = estimate(40, |r| renewals(1_000, life, lives * life.mean(), r));
        let exact = lives + 0.5 * (squared_variation - 1.0);
        assert_within_3("Weibull renewal", &simulated, exact, 2e-3);
        // The error is small beside what age adds, too.
        assert!(simulated.stderr.is_some_and(|stderr| stderr < 0.1 * (exact - lives).abs()), "{simulated:?}");
    }
}

#[test]
fn repairs_that_leave_the_age_make_failures_a_power_law_process() {
    // Minimal repair (Barlow & Hunter 1960): failures until t are Poisson with mean (t / scale)^shape; 2.5^1.8 = 5.203458.
    let (shape, scale, end) = (1.8, 1000.0, 2500.0);
    let by_residual_life = |replication| {
        let mut lives = stream(replication, "residual");
        let mut age = 0.0;
        std::iter::from_fn(|| {
            age += lives.weibull_residual(shape, scale, age);
            (age < end).then_some(())
        })
        .count() as f64
    };
    let hazard = |at: Time| Rate::from_per_h(shape / scale * (at.as_hours() / scale).powf(shape - 1.0));
    let last = Time::from(Duration::from_h(end));
    let bound = PoissonProcess::constant(hazard(last)).expect("a rate");
    let by_thinning = |replication| {
        let mut stream = stream(replication, "thinning");
        let mut now = Time::ZERO;
        std::iter::from_fn(|| {
            now = bound.next_thinned(now, last, &mut stream, hazard)?;
            Some(())
        })
        .count() as f64
    };
    let exact = 5.203_458;
    assert!((2.5_f64.powf(shape) - exact).abs() < 1e-6);
    for (what, count) in [("residual life", &by_residual_life as &(dyn Fn(u32) -> f64 + Sync)), ("thinning", &by_thinning)] {
        assert_poisson(what, &values(20_000, count), exact, 5e-3);
    }
}

/// A run that fails at random times, goes back to its last checkpoint, and saves again and again. Hours.
#[derive(Clone, Copy)]
struct Run {
    between_failures: f64,
    write: f64,
    restart: f64,
}

#[derive(Clone, Copy)]
enum Step {
    Saved,
    Failure,
}

impl Run {
    /// Wall clock per useful time of about `work` hours in whole intervals, with the same failures for every interval.
    fn slowdown(self, interval: f64, work: f64, replication: u32) -> f64 {
        let mut failures = stream(replication, "failure");
        let mean = Duration::from_h(self.between_failures);
        let (segment, restart) = (Duration::from_h(interval + self.write), Duration::from_h(self.restart));
        let segments = (work / interval).round();
        let mut queue = Queue::new();
        let mut saved = 0.0;
        queue.schedule(Time::ZERO + failures.exponential_duration(mean), 1, Step::Failure);
        let mut saving = queue.schedule_cancellable(Time::ZERO + segment, 0, Step::Saved);
        while saved < segments
            && let Some((now, _, step)) = queue.pop()
        {
            match step {
                Step::Saved => {
                    saved += 1.0;
                    saving = queue.schedule_cancellable(now + segment, 0, Step::Saved);
                }
                Step::Failure => {
                    queue.cancel(saving);
                    queue.schedule(now + failures.exponential_duration(mean), 1, Step::Failure);
                    saving = queue.schedule_cancellable(now + restart + segment, 0, Step::Saved);
                }
            }
        }
        queue.now().as_hours() / (segments * interval)
    }

    fn rate(self) -> Rate {
        Rate::from_per_h(1.0 / self.between_failures)
    }

    /// Daly 2006, equation 20, per useful time: M exp(R / M) (exp((T + w) / M) - 1) / T.
    fn exact_slowdown(self, interval: f64) -> f64 {
        let mean = self.between_failures;
        mean * (self.restart / mean).exp() * ((interval + self.write) / mean).exp_m1() / interval
    }
}

#[test]
fn checkpointed_work_takes_the_time_that_daly_says_and_least_at_his_interval() {
    for (write, replications, error) in [(5.0 / 60.0, 500, 1e-3), (0.5, 500, 2e-3)] {
        let run = Run { between_failures: 24.0, write, restart: 10.0 / 60.0 };
        let best = checkpoint_interval(Duration::from_h(write), run.rate()).as_h();
        let [half, at, twice] = [0.5, 1.0, 2.0].map(|factor| {
            let interval = best * factor;
            let exact = run.exact_slowdown(interval);
            let formula = goodput(Duration::from_h(interval), Duration::from_h(write), Duration::from_h(run.restart), run.rate());
            assert!((formula * exact - 1.0).abs() < 1e-12);
            let simulated = estimate(replications, |r| run.slowdown(interval, 720.0, r));
            assert_within_3("completion", &simulated, exact, error);
            simulated.mean
        });
        // Time lost is c / T for checkpoints and b T for failures (Young 1974). From three intervals: B = b T = 4/3 (q + p / 2) and
        // C = c / T = p + B / 2 with p = f(T / 2) - f(T) and q = f(2 T) - f(T); the least is at T sqrt(C / B).
        let (p, q) = (half - at, twice - at);
        let b = 4.0 / 3.0 * (q + 0.5 * p);
        let least = ((p + 0.5 * b) / b).sqrt();
        assert!(p > 0.0 && q > 0.0 && (least - 1.0).abs() < 0.05, "{least}: {half} {at} {twice}");
    }
}

/// Kokolis et al. 2024's expected effective training time ratio, to the first order of failures.
fn expected_ettr(run: Run, interval: f64) -> f64 {
    (1.0 - (run.restart + 0.5 * interval) / run.between_failures) / (1.0 + run.write / interval)
}

#[test]
fn effective_training_time_is_that_of_kokolis() {
    // Kokolis et al. 2024 (arXiv 2410.21680): E[ETTR] = (1 - N r_f (u0 + dt / 2)) / (1 + w / dt), 6.5 failures per 1,000 node-days.
    // 128 GPUs: 16 nodes, a failure every 230.8 h; restart 5 min, checkpoints of 10 s every hour: 0.994709.
    let of = |nodes: f64| Run { between_failures: 24_000.0 / (6.5 * nodes), write: 10.0 / 3600.0, restart: 5.0 / 60.0 };
    let (few, interval) = (of(16.0), 1.0);
    assert!((expected_ettr(few, interval) - 0.994_709).abs() < 1e-6, "{}", expected_ettr(few, interval));
    let simulated = estimate(400, |r| 1.0 / few.slowdown(interval, 2_000.0, r));
    assert_within_3("ETTR of 128 GPUs", &simulated, expected_ettr(few, interval), 1e-4);
    // 16,384 GPUs: 2,048 nodes, a failure every 1.803 h; checkpoints every 10 min: 0.892678, of the first order. To all orders
    // (Daly 2006) 0.895734: the formula, which counts no second failure during a loss, is 0.34 % low.
    let (many, interval) = (of(2048.0), 1.0 / 6.0);
    assert!((expected_ettr(many, interval) - 0.892_678).abs() < 1e-6, "{}", expected_ettr(many, interval));
    let simulated = estimate(200, |r| 1.0 / many.slowdown(interval, 1_000.0, r));
    assert_within_3("ETTR of 16,384 GPUs", &simulated, 1.0 / many.exact_slowdown(interval), 1e-3);
    assert!((simulated.mean / expected_ettr(many, interval) - 1.0).abs() < 5e-3, "{simulated:?}");
}

/// Requests present at `at` when each stays an exponential time of mean `stay`.
fn present(next: impl Fn(Time, &mut Stream) -> Time, stay: Duration, at: Time, replication: u32) -> f64 {
    #[derive(Clone, Copy)]
    enum Request {
        Comes,
        Goes,
    }
    let (mut arrivals, mut stays) = (stream(replication, "request"), stream(replication, "stay"));
    let mut queue = Queue::new();
    let mut number = 0.0;
    queue.schedule(next(Time::ZERO, &mut arrivals), 0, Request::Comes);
    while let Some((now, _, event)) = queue.pop_before(at) {
        match event {
            Request::Comes => {
                number += 1.0;
                queue.schedule(next(now, &mut arrivals), 0, Request::Comes);
                queue.schedule(now + stays.exponential_duration(stay), 0, Request::Goes);
            }
            Request::Goes => number -= 1.0,
        }
    }
    number
}

#[test]
fn demand_that_changes_fills_servers_as_eick_massey_and_whitt_say() {
    // Infinitely many servers, Poisson demand lambda(t): the number present is Poisson with mean E[S] E[lambda(t - S_e)] (Eick, Massey
    // & Whitt 1993). 20 (1 + 0.5 sin(2 pi t / 24)) an hour, stays of 2 h: gamma = 2 pi 2 / 24 = 0.523599 and
    // m(t) = 40 (1 + 0.5 (sin(w t) - gamma cos(w t)) / (1 + gamma^2)); at 30 h 55.696669, at 36 h 48.218757.
    let turn = |hours: f64| (std::f64::consts::TAU * hours / 24.0).sin();
    let rate = |at: Time| Rate::from_per_h(20.0 * (1.0 + 0.5 * turn(at.as_hours())));
    let bound = PoissonProcess::constant(Rate::from_per_h(30.0)).expect("a rate");
    let thinned = |now: Time, stream: &mut Stream| bound.next_thinned(now, Time::from_hours(72), stream, rate).unwrap_or(Time::NEVER);
    let stay = Duration::from_h(2.0);
    for (hour, exact) in [(30, 55.696_669), (36, 48.218_757)] {
        assert_poisson("sine", &values(1_500, |r| present(thinned, stay, Time::from_hours(hour), r)), exact, 5e-3);
    }
    // By the hour: 40 an hour for 12 h, none for 12 h, a spike of five times from 30 h to 31 h. m' = lambda - m / 2:
    // m(12) = 80 (1 - e^-6), m(24) = m(12) e^-6, m(30) = 80 + (m(24) - 80) e^-3, m(31) = 400 + (m(30) - 400) e^-1/2.
    let day: Vec<Rate> = (0..24).map(|hour| Rate::from_per_h(if hour < 12 { 40.0 } else { 0.0 })).collect();
    let hourly = PoissonProcess::hourly(&day)
        .and_then(|day| day.repeated(Duration::from_d(1.0), Time::from_hours(72)))
        .and_then(|days| days.spiked(Time::from_hours(30), Time::from_hours(31), 5.0))
        .expect("rates");
    for (hour, exact) in [(24, 0.197_809), (30, 76.026_883), (31, 203.500_372)] {
        let next = |now, stream: &mut Stream| hourly.next(now, stream);
        let numbers = values(1_500, |r| present(next, stay, Time::from_hours(hour), r));
        // At 24 h a fifth of a request is left: few counts, a wide error.
        assert_poisson("hourly", &numbers, exact, if hour == 24 { 0.08 } else { 5e-3 });
    }
}

#[test]
fn requests_by_the_hour_are_poisson_counts() {
    // Counts of each hour over 2,000 days: mean and variance lambda; at night none.
    let day = [0.5, 0.0, 3.0, 40.0];
    let rates: Vec<Rate> = day.iter().map(|rate| Rate::from_per_h(*rate)).collect();
    let days = 2_000_u32;
    let end = Time::from_hours(u64::from(days) * 4);
    let process = PoissonProcess::hourly(&rates).and_then(|day| day.repeated(Duration::from_h(4.0), end)).expect("rates");
    let mut counts = vec![[0_u32; 4]; days as usize];
    let (mut now, mut requests) = (Time::ZERO, stream(0, "counts"));
    loop {
        now = process.next(now, &mut requests);
        if now >= end {
            break;
        }
        let hour = now.as_nanos() / 3_600_000_000_000;
        counts[hour as usize / 4][hour as usize % 4] += 1;
    }
    for (hour, mean) in day.into_iter().enumerate() {
        let of_hour: Vec<f64> = counts.iter().map(|day| f64::from(day[hour])).collect();
        if mean == 0.0 {
            assert!(of_hour.iter().all(|count| *count == 0.0));
        } else {
            assert_poisson("requests", &of_hour, mean, 0.04);
        }
    }
}
