//! Two interconnected markets: D. Kirschen and G. Strbac, *Fundamentals of Power System Economics*, 2nd ed., Wiley 2018, section 5.3.1
//! (Borduria and Syldavia).

use bastide_grid::{Dispatch, Dispatcher, Line, Load, Network, Offer};

/// Supply curves of the book: 10 + 0.01 P in Borduria, 13 + 0.02 P in Syldavia [$/MWh], in steps of 0.5 MW at their mid-points.
const STEP_MW: f64 = 0.5;

fn solve(limit_mw: f64) -> (f64, f64, f64) {
    let curve = |bus: usize, base: f64, slope: f64| {
        (0..4000).map(move |step| Offer { bus, cost_eur_per_mwh: base + slope * STEP_MW * (f64::from(step) + 0.5) })
    };
    let offers: Vec<Offer> = curve(0, 10.0, 0.01).chain(curve(1, 13.0, 0.02)).collect();
    let network = Network { buses: 2, lines: vec![Line { from: 0, to: 1 }] };
    let loads = [Load { bus: 0, value_eur_per_mwh: 1000.0 }, Load { bus: 1, value_eur_per_mwh: 1000.0 }];
    let mut dispatcher = Dispatcher::new(&network, &offers, &loads).expect("the network is sound");
    let mut out = Dispatch::default();
    dispatcher.solve(&vec![STEP_MW; offers.len()], &[500.0, 1500.0], &[limit_mw], &[limit_mw], &mut out);
    (out.price_eur_per_mwh[0], out.price_eur_per_mwh[1], out.flow_mw[0])
}

#[test]
fn kirschen_strbac_unlimited_interconnection() {
    // Published: 24.33 $/MWh in both markets, 933 MW from Borduria to Syldavia.
    let (borduria, syldavia, flow) = solve(2000.0);
    assert!((borduria - 24.333).abs() < 0.01 && (syldavia - 24.333).abs() < 0.01, "{borduria} {syldavia}");
    assert!((flow - 933.3).abs() < 1.0, "{flow}");
}

#[test]
fn kirschen_strbac_limited_interconnection() {
    // Published for 400 MW: 19 $/MWh in Borduria, 35 $/MWh in Syldavia.
    let (borduria, syldavia, flow) = solve(400.0);
    assert!((borduria - 19.0).abs() < 0.01 && (syldavia - 35.0).abs() < 0.011, "{borduria} {syldavia}");
    assert!((flow - 400.0).abs() < 1e-6, "{flow}");
}
