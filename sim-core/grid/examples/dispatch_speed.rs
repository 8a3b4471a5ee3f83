//! Time per solve of a random system whose data change every hour: 7 zones, 60 offers, 30 loads, 10 lines.
//!
//! `cargo run --release -p bastide-grid --example dispatch_speed [BUSES OFFERS LOADS LINES HOURS]`

use bastide_grid::{Dispatch, Dispatcher, Line, Load, Network, Offer};

/// A fixed sequence of numbers in [0, 1) (SplitMix64).
struct Sequence(u64);

impl Sequence {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() * n as f64) as usize
    }
}

fn main() {
    let given: Vec<usize> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let size = |at: usize, default: usize| given.get(at).copied().unwrap_or(default);
    let (buses, offers, loads, lines, hours) = (size(0, 7), size(1, 60), size(2, 30), size(3, 10), size(4, 8760));
    let mut draw = Sequence(1);

    let mut network = Network { buses, lines: Vec::new() };
    for l in 0..lines {
        // A ring, then chords.
        let from = l % buses;
        let to = if l < buses { (l + 1) % buses } else { (from + 2 + draw.below(buses.max(4) - 3)) % buses };
        if from != to {
            network.lines.push(Line { from, to });
        }
    }
    let lines = network.lines.len();
    let offer: Vec<Offer> = (0..offers).map(|i| Offer { bus: i % buses, cost_eur_per_mwh: (draw.next() * 120.0).round() }).collect();
    let load: Vec<Load> =
        (0..loads).map(|i| Load { bus: i % buses, value_eur_per_mwh: [150.0, 1000.0, 8000.0, 100_000.0][draw.below(4)] }).collect();
    let size_mw: Vec<f64> = (0..offers).map(|_| 100.0 + 900.0 * draw.next()).collect();
    let demand_mw: Vec<f64> = (0..loads).map(|_| 200.0 + 900.0 * draw.next()).collect();
    let limit_mw: Vec<f64> = (0..lines).map(|_| 200.0 + 800.0 * draw.next()).collect();
    // One offer in four is weather; the others and the lines are out now and then.
    let inputs: Vec<[Vec<f64>; 3]> = (0..hours)
        .map(|hour| {
            let t = hour as f64 / 24.0 * std::f64::consts::TAU;
            let wind = 0.5 + 0.4 * (t / 3.7).sin();
            let available = size_mw.iter().enumerate().map(|(i, mw)| {
                if i % 4 == 0 {
                    mw * wind * (0.7 + 0.3 * draw.next())
                } else if draw.next() < 0.03 {
                    0.0
                } else {
                    *mw
                }
            });
            let available = available.collect();
            let demand = demand_mw.iter().map(|mw| mw * (0.8 + 0.3 * t.sin() + 0.1 * draw.next())).collect();
            let limit = limit_mw.iter().map(|mw| if draw.next() < 0.01 { 0.0 } else { *mw }).collect();
            [available, demand, limit]
        })
        .collect();

    let mut dispatcher = Dispatcher::new(&network, &offer, &load).expect("the indices above are in range");
    let mut out = Dispatch::default();
    for cold in [false, true, false] {
        let (mut pivots, mut shed, mut cost, mut congested) = (0_u64, 0.0, 0.0, 0);
        #[expect(clippy::disallowed_methods, reason = "measures time; nothing else depends on it")]
        let begin = std::time::Instant::now();
        for [available, demand, limit] in &inputs {
            if cold {
                dispatcher.reset();
            }
            dispatcher.solve(available, demand, limit, limit, &mut out);
            pivots += u64::from(out.pivots);
            shed += out.total_shed_mw;
            cost += out.cost_eur_per_h;
            congested += usize::from(out.price_eur_per_mwh.iter().any(|p| *p != out.price_eur_per_mwh[0]));
            assert!(out.optimal);
        }
        let seconds = begin.elapsed().as_secs_f64();
        println!(
            "{buses} zones, {offers} offers, {loads} loads, {lines} lines, {hours} hours, {}: {:.2} us per solve, {:.2} pivots per solve, \
             {shed:.0} MWh shed, {congested} congested hours, {cost:.6e} EUR",
            if cold { "cold" } else { "warm" },
            seconds * 1e6 / hours as f64,
            pivots as f64 / hours as f64,
        );
    }
}
