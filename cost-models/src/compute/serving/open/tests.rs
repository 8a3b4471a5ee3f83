use super::super::Batch;
use super::*;

/// Steps of a time that does not depend on what they do, and of one that grows with the requests.
fn constant(_: &Batch) -> f64 {
    0.01
}

fn growing(batch: &Batch) -> f64 {
    if batch.tokens() > 0.0 { 5e-3 + 1e-4 * batch.decoding + 1e-5 * batch.prefill } else { 0.0 }
}

fn service(step: &dyn Fn(&Batch) -> f64, seats: f64, output: &LengthLaw) -> Open {
    Open::new(step, Scheduler { seats, ..Scheduler::default() }, &LengthLaw::fixed(100.0), output, 1.0)
}

#[test]
fn steps_of_constant_time_make_an_infinite_server() {
    // Nobody disturbs anybody: half a step until it ends, the one that is scheduled, one's own, and a step for each token more.
    for law in [LengthLaw::fixed(101.0), LengthLaw::geometric(101.0), LengthLaw::lognormal(101.0, 1.0)] {
        let it = service(&constant, 1024.0, &law).at(100.0).unwrap();
        assert!((it.ttft / 0.025 - 1.0).abs() < 0.01, "{law:?}: {}", it.ttft);
        assert!((it.latency / (0.025 + 0.01 * (law.mean() - 1.0)) - 1.0).abs() < 0.01, "{law:?}: {}", it.latency);
        assert!((it.decoding / it.rate / (0.01 * (law.mean() - 1.0)) - 1.0).abs() < 0.01);
    }
}

#[test]
fn processor_sharing_agrees_with_its_product_form() {
    // Prompts of a token cost nothing: P(n) = product of rate * steps * s(k) / k (Cohen 1979).
    let free = |batch: &Batch| if batch.tokens() > 0.0 { 5e-3 + 1e-3 * batch.decoding } else { 0.0 };
    let it =
        Open::new(&free, Scheduler { seats: 200.0, ..Scheduler::default() }, &LengthLaw::fixed(1.0), &LengthLaw::geometric(501.0), 1.0);
    let rate = 1.4;
    let (mut weight, mut total, mut number) = (1.0, 1.0, 0.0);
    for n in 1..=200 {
        weight *= rate * 500.0 * (5e-3 + 1e-3 * f64::from(n)) / f64::from(n);
        total += weight;
        number += weight * f64::from(n);
    }
    let ours = it.at(rate).unwrap();
    assert!((ours.decoding / (number / total) - 1.0).abs() < 0.01, "{} {}", ours.decoding, number / total);
}

#[test]
fn one_seat_is_a_queue_with_one_server() {
    // One request at a time, for 102 steps with those in which its seat is kept: M/D/1 (Pollaczek 1930).
    let one = service(&constant, 1.0, &LengthLaw::fixed(101.0));
    let served = 1.02;
    assert!((one.saturation() * served - 1.0).abs() < 0.02, "{}", one.saturation());
    let it = one.at(0.5 / served).unwrap();
    let wait = 0.5 * served / (2.0 * 0.5);
    assert!((it.blocked / wait - 1.0).abs() < 0.1, "{} {wait}", it.blocked);
}

#[test]
fn saturation_is_where_steps_or_seats_are_full() {
    // Seats: each takes 100 decoding steps and two more.
    let seats = service(&growing, 32.0, &LengthLaw::fixed(101.0));
    let rate = seats.saturation();
    let decoding = 32.0 * 100.0 / 102.0;
    let step = 5e-3 + 1e-4 * decoding + 1e-5 * 100.0 * decoding / 100.0;
    assert!((rate * 100.0 * step / decoding - 1.0).abs() < 0.02, "{rate}");
    // Steps: prompts that fill them.
    let long = Open::new(&growing, Scheduler::default(), &LengthLaw::fixed(8000.0), &LengthLaw::fixed(2.0), 1.0);
    let full = 8191.0 / 8000.0 / (5e-3 + 1e-4 + 1e-5 * 8191.0);
    assert!((long.saturation() / full - 1.0).abs() < 0.02, "{} {full}", long.saturation());
}

#[test]
fn latencies_rise_with_the_load() {
    for (seats, law) in [(8.0, LengthLaw::fixed(200.0)), (256.0, LengthLaw::lognormal(300.0, 1.5)), (64.0, LengthLaw::uniform(1.0, 100.0))]
    {
        let it = service(&growing, seats, &law);
        let states: Vec<_> = (1..10).filter_map(|load| it.at(f64::from(load) * 0.1 * it.saturation())).collect();
        assert_eq!(states.len(), 9);
        for pair in states.windows(2) {
            assert!(pair[0].latency <= pair[1].latency && pair[0].load < pair[1].load, "{pair:?}");
            assert!(pair[1].ttft <= pair[1].latency);
        }
    }
}

#[test]
fn answers_of_one_token_are_only_prefilled() {
    let it = service(&growing, 64.0, &LengthLaw::fixed(1.0));
    let low = it.at(0.001 * it.saturation()).unwrap();
    assert!((low.latency / 6e-3 - 1.0).abs() < 0.05 && low.decoding == 0.0, "{low:?}");
    assert!(it.at(0.9 * it.saturation()).unwrap().latency > low.latency);
}

#[test]
fn whatever_is_asked_is_answered_without_a_panic() {
    let odd = [0.0, -1.0, 1e-300, 1.0, 3.5, 1e6, 1e18, f64::INFINITY, f64::NAN];
    let zero = |_: &Batch| 0.0;
    let never = |_: &Batch| f64::NAN;
    for a in odd {
        for b in odd {
            for step in [&growing as &dyn Fn(&Batch) -> f64, &zero, &never] {
                let scheduler = Scheduler { seats: a.min(2000.0), tokens: 100.0, kept: b, ..Scheduler::default() };
                for law in [LengthLaw::fixed(b), LengthLaw::geometric(b), LengthLaw::lognormal(b, a), LengthLaw::uniform(a, b)] {
                    let it = Open::new(step, scheduler, &law, &LengthLaw::fixed(20.0), 1.0);
                    let _ = it.at(it.saturation() * 0.9);
                    let _ = it.at(b);
                }
            }
        }
    }
    assert!(LengthLaw::empirical([]).is_none());
}
