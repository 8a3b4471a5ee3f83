//! A national plan under uncertainty: 60 candidate sites, 8 types, 40 classes of work, 20 outlooks with lost sites and higher demand, critical
//! work outside any single site, residency. Generated, in the form of `import placement-v1`.

use std::time::Instant;

use bastide_model::import::import_placement;
use bastide_model::load;
use bastide_plan::{Outcome, SolveOptions, solve};
use bastide_units::Duration;

/// Draws between 0 and 1 (Knuth's multiplier for 64 bits, the upper half of the state).
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1_u32 << 31)
    }
    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.next()
    }
    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[((self.next() * of.len() as f64) as usize).min(of.len() - 1)]
    }
}

/// The file of a generated placement.
fn generated(sites: usize, types: usize, works: usize, scenarios: usize) -> String {
    let mut draw = Draws(11);
    let countries = 4;
    let mut text = String::from("{\"kind\":\"placement-v1\",\"seed\":11,\"sites\":[");
    let list = |all: Vec<String>| all.join(",");
    let place = |at: usize, draw: &mut Draws| {
        format!(
            "{{\"id\":{at},\"country\":{},\"power_mw\":{},\"rack_blocks\":{},\"pue\":{:.3},\"fixed\":{:.2},\"energy\":{:.3}}}",
            at % countries,
            draw.one(&[10, 30, 50, 80]),
            draw.one(&[40, 60, 100, 160]),
            draw.between(1.1, 1.5),
            draw.between(4.0, 15.0),
            draw.between(0.4, 1.0)
        )
    };
    text += &list((0..sites).map(|at| place(at, &mut draw)).collect());
    text += "],\"gpus\":[";
    let gpu = |at: usize| {
        let (power, price) = (0.07 * 1.28_f64.powi(at as i32), 0.95 * 1.29_f64.powi(at as i32));
        format!("{{\"id\":{at},\"mw_block\":{power:.4},\"capex\":{price:.4},\"supply\":{}}}", sites * 9 / (2 + at / 2))
    };
    text += &list((0..types).map(gpu).collect());
    text += "],\"workloads\":[";
    let work = |at: usize, draw: &mut Draws| {
        let home = (draw.next() * countries as f64) as usize;
        let kind = draw.next();
        let allowed: Vec<String> = (0..sites)
            .filter(|site| kind > 0.55 || site % countries == home || (kind > 0.35 && site % 7 < 3))
            .map(|site| site.to_string())
            .collect();
        let least = (draw.next() * 4.0) as usize;
        let fits: Vec<usize> = (least.saturating_sub(1)..types).collect();
        let eff = fits.iter().map(|gpu| format!("\"{gpu}\":{:.4}", 1.45_f64.powi(*gpu as i32) * draw.between(0.85, 1.15)));
        let eff = list(eff.collect());
        let fits = list(fits.iter().map(ToString::to_string).collect());
        format!(
            "{{\"id\":{at},\"sites\":[{}],\"gpus\":[{fits}],\"eff\":{{{eff}}},\"demand\":{:.2},\"critical\":{},\"penalty\":{:.2}}}",
            list(allowed),
            draw.between(5.0, 30.0) * sites as f64 * 0.75 / works as f64,
            draw.one(&[0.0, 0.0, 0.6, 1.0]),
            draw.between(8.0, 13.0)
        )
    };
    text += &list((0..works).map(|at| work(at, &mut draw)).collect());
    text += "],\"scenarios\":[";
    let scenario = |at: usize, draw: &mut Draws| {
        let lost = |draw: &mut Draws| if at > 0 && draw.next() < 0.2 { draw.one(&[0.0, 0.6, 0.8]) } else { 1.0 };
        let avail = list((0..sites).map(|_| format!("{:?}", lost(draw))).collect());
        let dmult = list((0..works).map(|_| format!("{:?}", if at == 0 { 1.0 } else { draw.between(0.85, 1.35) })).collect());
        format!("{{\"id\":{at},\"prob\":{:?},\"avail\":[{avail}],\"dmult\":[{dmult}]}}", 1.0 / scenarios as f64)
    };
    text += &list((0..scenarios).map(|at| scenario(at, &mut draw)).collect());
    text + "]}"
}

/// Plans it at a gap of 1e-3 within two minutes, and prints what came of it.
pub fn national() {
    let imported = import_placement(&generated(60, 8, 40, 20), "national.json", None).expect("a placement");
    let folder = std::env::temp_dir().join(format!("bastide-national-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
    for (path, text) in &imported.files {
        std::fs::write(folder.join(path), text).expect("the temporary folder can be written");
    }
    let loaded = load(&folder, &[]).expect("a scenario");
    let options = SolveOptions { gap: Some(1e-3), time_limit: Some(Duration::from_s(120.0)), ..SolveOptions::default() };
    let (start, cpu) = (Instant::now(), super::cpu_ns());
    match solve(&loaded.model, None, &options) {
        Ok(Outcome::Planned(plan)) => {
            let proof = plan.certificate.expect("a plan of the solver has a certificate");
            println!(
                "national plan: {:.3} M EUR/y, bound {:.3}, gap {:.1e}, {:.1} s ({:.1} s of CPU), {} rows, {} columns",
                proof.objective_eur / 1e6,
                proof.bound_eur / 1e6,
                proof.gap,
                start.elapsed().as_secs_f64(),
                (super::cpu_ns() - cpu) / 1e9,
                proof.rows,
                proof.columns
            );
        }
        other => println!("national plan: {other:?}"),
    }
    // What cannot be removed is the system's to clean up.
    let _ = std::fs::remove_dir_all(&folder);
}
