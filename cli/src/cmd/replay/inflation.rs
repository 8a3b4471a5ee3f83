//! Jobs of a log that arrive at random and stay, until they have asked for more than there is.

use std::path::Path;

use bastide_engine::Estimate;
use bastide_schedule::cluster::Cluster;
use bastide_schedule::packing::inflation::{Inflation, inflate};
use bastide_schedule::trace::{self, Kind, Reading};
use bastide_schedule::{Ask, Packing};
use serde_json::json;

use crate::args::{Format, Global, JobsInput};
use crate::cmd::aligned;
use crate::exit::Failure;
use crate::output::Output;

/// Steps of the table in per cent of the cluster.
const STEP: u32 = 10;

pub fn run(
    path: &Path,
    cluster: &Cluster,
    packing: Packing,
    until: f64,
    args: &JobsInput,
    global: &Global,
    output: &Output,
) -> Result<(), Failure> {
    let reading = Reading { kind: args.kind.map(Kind::from), skip_bad: args.skip_bad, asks_only: true };
    let log = trace::read(path, reading).map_err(|error| super::jobs::unreadable(path, &error))?;
    for notice in &log.notices {
        output.say(&format!("note: {notice}"));
    }
    let asks: Vec<Ask> = log.asks(cluster);
    let seed = global.seed.unwrap_or(super::jobs::SEED);
    let orders = u64::from(args.orders);
    let curves: Vec<Inflation> = (0..orders).map(|order| inflate(cluster, &asks, packing, seed.wrapping_add(order), until)).collect();

    let last = (until * 100.0).round() as u32;
    let mut loads: Vec<u32> = (STEP..last).step_by(STEP as usize).collect();
    loads.push(last);
    let mut rows = Vec::new();
    for load in loads {
        let over = |share: fn(&bastide_schedule::packing::inflation::Point) -> f64| {
            let values: Vec<f64> = curves.iter().filter_map(|curve| curve.at(load, share)).map(|share| share * 100.0).collect();
            Estimate::of(&values)
        };
        if let (Some(allocated), Some(fragmented)) = (over(|point| point.allocated), over(|point| point.fragmented)) {
            rows.push((load, allocated, fragmented));
        }
    }
    let mean = |of: fn(&Inflation) -> u64| curves.iter().map(|curve| of(curve) as f64).sum::<f64>() / curves.len().max(1) as f64;
    let (placed, turned_away) = (mean(|it| it.placed), mean(|it| it.turned_away));

    if let Some(target) = &global.output {
        let mut text = "arrived_percent,allocated_percent,allocated_sd,fragmented_percent,fragmented_sd\n".to_owned();
        for (load, allocated, fragmented) in &rows {
            text += &format!("{load},{},{},{},{}\n", allocated.mean, deviation(allocated), fragmented.mean, deviation(fragmented));
        }
        std::fs::write(target, text).map_err(|error| Failure::sentence(format!("cannot write `{}`: {error}", target.display())))?;
        output.say(&format!("written to `{}`", target.display()));
    }
    if output.format == Format::Json {
        let points: Vec<_> = rows
            .iter()
            .map(|(load, allocated, fragmented)| {
                json!({ "arrived_percent": load, "allocated_percent": allocated, "allocated_sd": deviation(allocated),
                    "fragmented_percent": fragmented, "fragmented_sd": deviation(fragmented) })
            })
            .collect();
        return output.json(
            "replay-inflation/1",
            &json!({
                "log": { "path": path.display().to_string(), "kind": log.kind, "jobs": log.jobs.len(), "notices": log.notices },
                "cluster": { "nodes": cluster.nodes.len(), "gpus": cluster.gpus(), "models": cluster.models },
                "placement": packing.name(),
                "seed": seed,
                "orders": orders,
                "jobs": { "count": log.jobs.len(), "mean_placed": placed, "mean_turned_away": turned_away },
                "points": points,
            }),
        );
    }
    output.line(&format!(
        "{} jobs of {} arrive at random and stay, until they have asked for {last} % of {} GPUs on {} nodes; placement {}, {orders} orders",
        log.jobs.len(),
        path.display(),
        cluster.gpus(),
        cluster.nodes.len(),
        packing.name()
    ))?;
    output.line(&format!("{placed:.1} placed, {turned_away:.1} turned away on average\n"))?;
    let mut cells = vec![["asked for [%]", "in use [%]", "sd", "free, but no use [%]", "sd"].map(str::to_owned).to_vec()];
    cells.extend(rows.iter().map(|(load, allocated, fragmented)| {
        let two = |value: f64| format!("{value:.2}");
        vec![load.to_string(), two(allocated.mean), two(deviation(allocated)), two(fragmented.mean), two(deviation(fragmented))]
    }));
    for line in aligned(&cells) {
        output.line(&line)?;
    }
    Ok(())
}

/// Standard deviation between orders; 0 of one order.
fn deviation(of: &Estimate) -> f64 {
    of.stderr.map_or(0.0, |error| error * (of.n as f64).sqrt())
}
