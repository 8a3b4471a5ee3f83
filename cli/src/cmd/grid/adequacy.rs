//! `grid adequacy`: how often, how long and how much the system falls short.

use bastide_engine::Estimate;
use bastide_grid::adequacy::{
    AdequacyError, ConvolutionOptions, EnumeratedAdequacy, ExactAdequacy, SequentialAdequacy, SequentialOptions, Shortfall,
    SnapshotOptions, SnapshotShortfall, System, TierKind, WeightedMean, convolve, enumerate, sample_snapshots, simulate,
};
use serde_json::{Value, json};

use super::system;
use crate::args::{Format, Global, MethodArg, SystemInput};
use crate::cmd::{aligned, threads};
use crate::exit::Failure;
use crate::output::Output;

pub fn run(args: &SystemInput, method: MethodArg, years: u32, hourly: bool, global: &Global, output: &Output) -> Result<(), Failure> {
    let system = system::system(args, global, output)?.system;
    if method == MethodArg::Importance {
        return snapshots(args, &system, global, output);
    }
    if method != MethodArg::MonteCarlo {
        match exact(&system) {
            Ok(Exact::OneArea(found)) => return tell_exact(&system, &found, hourly, output),
            Ok(Exact::Areas(found)) => return tell_areas(&system, &found, hourly, output),
            Err(AdequacyError::Faults(faults)) => return Err(faults_of(args, &faults)),
            Err(error) if method == MethodArg::Convolution => {
                return Err(Failure::of(&error));
            }
            Err(error) => output.say(&format!("by Monte Carlo: {}", without_hint(&error))),
        }
    }
    let faults = system.check();
    if !faults.is_empty() {
        return Err(faults_of(args, &faults));
    }
    let options = SequentialOptions { years, seed: global.seed.unwrap_or(7), threads: threads(global), ..SequentialOptions::default() };
    let found = simulate(&system, &options).map_err(|error| Failure::sentence(error.to_string()))?;
    tell_sampled(&system, &found, options.seed, output)
}

/// Indices from weighted snapshots.
fn snapshots(args: &SystemInput, system: &System, global: &Global, output: &Output) -> Result<(), Failure> {
    let faults = system.check();
    if !faults.is_empty() {
        return Err(faults_of(args, &faults));
    }
    let options = SnapshotOptions { seed: global.seed.unwrap_or(7), threads: threads(global), ..SnapshotOptions::default() };
    let found = sample_snapshots(system, &options).map_err(|error| Failure::hinted(error.to_string(), "use --method monte-carlo"))?;
    if output.format == Format::Json {
        let mean = |it: &WeightedMean| json!({ "mean": it.mean, "stderr": it.stderr, "n": found.draws });
        let indices = |it: &SnapshotShortfall| {
            json!({
                "lole_h_per_year": mean(&it.lole_h), "lold_d_per_year": mean(&it.peak_days), "eue_mwh_per_year": mean(&it.eue_mwh),
                "lolf_per_year": it.continuous_frequency.as_ref().map(mean), "lolf_hourly_per_year": it.frequency.as_ref().map(mean),
                "duration_h": it.duration_h.as_ref().map(mean),
            })
        };
        let mut value = indices(&found.system);
        let areas = system.areas.iter().zip(&found.areas).map(|(area, it)| {
            let mut one = indices(it);
            one["area"] = json!(area.name);
            one
        });
        value["method"] = json!("importance");
        value["draws"] = json!(found.draws);
        value["seed"] = json!(options.seed);
        value["hours"] = json!(system.hours);
        value["areas"] = areas.collect();
        return output.json("grid-adequacy/1", &value);
    }
    let words = |name: &str, it: &SnapshotShortfall| {
        format!(
            "{name}: LOLE {:.6} ± {:.6} h/y; EUE {:.4} ± {:.4} MWh/y",
            it.lole_h.mean, it.lole_h.stderr, it.eue_mwh.mean, it.eue_mwh.stderr
        )
    };
    output.line(&words("system", &found.system))?;
    if system.areas.len() > 1 {
        system.areas.iter().zip(&found.areas).try_for_each(|(area, it)| output.line(&words(&area.name, it)))?;
    }
    output.line(&format!("weighted snapshots, {} draws, seed {}", found.draws, options.seed))
}

/// What exact methods find.
enum Exact {
    OneArea(ExactAdequacy),
    Areas(EnumeratedAdequacy),
}

fn exact(system: &System) -> Result<Exact, AdequacyError> {
    if system.areas.len() > 1 {
        return enumerate(system).map(Exact::Areas);
    }
    convolve(system, &ConvolutionOptions { snapshots: true, ..ConvolutionOptions::default() }).map(Exact::OneArea)
}

/// Mistakes of a system that no table can be blamed for.
pub fn faults_of(args: &SystemInput, faults: &[bastide_grid::adequacy::SystemFault]) -> Failure {
    let list: Vec<String> = faults.iter().take(10).map(ToString::to_string).collect();
    Failure::sentence(format!("`{}` is no sound system: {}", args.system.display(), list.join("; ")))
}

/// An error's sentence alone.
pub fn without_hint(error: &AdequacyError) -> String {
    let words = error.to_string();
    words.split_once("; hint: ").map_or(words.clone(), |(sentence, _)| sentence.to_owned())
}

/// Word of a kind of tier.
pub fn kind(kind: TierKind) -> &'static str {
    match kind {
        TierKind::Firm => "firm",
        TierKind::Interruptible => "interruptible",
    }
}

fn tell_exact(system: &System, found: &ExactAdequacy, hourly: bool, output: &Output) -> Result<(), Failure> {
    if output.format == Format::Json {
        let tiers = found.tiers.iter().map(|tier| {
            json!({
                "tier": tier.name, "kind": kind(tier.kind), "demand_mwh": tier.demand_mwh, "yield_h_per_year": tier.yield_h,
                "yield_share": tier.yield_h / system.hours.max(1) as f64, "yield_mwh_per_year": tier.yield_mwh, "lost_h_per_year": tier.lost_h,
                "lost_mwh_per_year": tier.lost_mwh, "fuel_limited": tier.fuel_limited,
            })
        });
        let mut value = json!({
            "method": "convolution", "hours": system.hours, "areas": [{ "area": system.areas[0].name, "lole_h_per_year": found.lole_h, "eue_mwh_per_year": found.eue_mwh }], "lole_h_per_year": found.lole_h,
            "lolh_h_per_year": found.lole_h, "lold_d_per_year": found.lole_days, "eue_mwh_per_year": found.eue_mwh, "neue_ppm": found.neue_ppm,
            "lolf_per_year": found.events, "lolf_hourly_per_year": found.snapshot_events, "mean_duration_h": found.mean_duration_h,
            "energy_mwh": found.energy_mwh, "tiers": tiers.collect::<Vec<_>>(), "exact": found.bounds.is_none(),
        });
        if let Some(bounds) = &found.bounds {
            value["bounds"] =
                json!({ "lole_h_per_year": bounds.lole_h, "lold_d_per_year": bounds.lole_days, "eue_mwh_per_year": bounds.eue_mwh });
        }
        if hourly {
            value["lolp"] = json!(found.lolp);
            value["eue_mwh_by_hour"] = json!(found.eue_by_hour_mwh);
        }
        return output.json("grid-adequacy/1", &value);
    }
    let mut lines = vec![
        format!("LOLE {:.6} h/y, {:.6} d/y (daily peaks)", found.lole_h, found.lole_days),
        format!("EUE {:.4} MWh/y, {:.4} ppm of {:.1} GWh", found.eue_mwh, found.neue_ppm, found.energy_mwh / 1e3),
    ];
    if let Some(events) = found.events {
        let duration = found.mean_duration_h.map_or_else(String::new, |hours| format!(" of {hours:.3} h"));
        let snapshots = found.snapshot_events.map_or_else(String::new, |events| format!("; {events:.6} seen by hourly states"));
        lines.push(format!("LOLF {events:.6} events/y{duration}{snapshots}"));
    }
    if let Some(bounds) = &found.bounds {
        lines.push(format!("capacities were rounded: LOLE lies between {:.6} and {:.6} h/y", bounds.lole_h[0], bounds.lole_h[1]));
    }
    for tier in &found.tiers {
        lines.push(format!("{} ({}) yields {:.4} h/y, {:.3} MWh/y", tier.name, kind(tier.kind), tier.yield_h, tier.yield_mwh));
    }
    lines.push(format!("exact, by convolution, over {} hours", system.hours));
    lines.iter().try_for_each(|line| output.line(line))
}

fn tell_areas(system: &System, found: &EnumeratedAdequacy, hourly: bool, output: &Output) -> Result<(), Failure> {
    // Days in whose riskiest hour load is lost.
    let days: f64 = found.lolp.chunks_exact(24).map(|day| day.iter().copied().fold(0.0, f64::max)).sum();
    if output.format == Format::Json {
        let areas = system
            .areas
            .iter()
            .zip(&found.areas)
            .map(|(area, it)| json!({ "area": area.name, "lole_h_per_year": it.lole_h, "eue_mwh_per_year": it.eue_mwh }));
        let mut value = json!({
            "method": "enumeration", "hours": system.hours, "lole_h_per_year": found.lole_h, "lold_d_per_year": days, "eue_mwh_per_year": found.eue_mwh,
            "neue_ppm": found.neue_ppm, "areas": areas.collect::<Vec<_>>(), "exact": true,
        });
        if hourly {
            value["lolp"] = json!(found.lolp);
        }
        return output.json("grid-adequacy/1", &value);
    }
    output.line(&format!("LOLE {:.6} h/y; EUE {:.4} MWh/y, {:.4} ppm", found.lole_h, found.eue_mwh, found.neue_ppm))?;
    for (area, it) in system.areas.iter().zip(&found.areas) {
        output.line(&format!("{}: LOLE {:.6} h/y, EUE {:.4} MWh/y", area.name, it.lole_h, it.eue_mwh))?;
    }
    output.line(&format!("exact, by enumeration of all states, over {} hours", system.hours))
}

/// The indices of an area or of the system.
fn shortfall(it: &Shortfall) -> Value {
    let mut value = json!({
        "lole_h_per_year": it.lole_h, "lolh_h_per_year": it.lole_h, "lold_d_per_year": it.peak_days, "days_with_shortfall_per_year": it.days,
        "eue_mwh_per_year": it.eue_mwh, "neue_ppm": it.neue_ppm, "eue_cvar95_mwh_per_year": it.cvar95_eue_mwh,
    });
    if let Some(events) = &it.events {
        value["lolf_hourly_per_year"] = json!(events.frequency);
        value["lolf_per_year"] = json!(events.continuous_frequency.as_ref().unwrap_or(&events.frequency));
        value["duration_h"] = json!(events.duration_h);
        value["events_by_hours"] = json!(events.lengths);
    }
    value
}

fn tell_sampled(system: &System, found: &SequentialAdequacy, seed: u64, output: &Output) -> Result<(), Failure> {
    if output.format == Format::Json {
        let mut value = shortfall(&found.system);
        let areas = system.areas.iter().zip(&found.areas).map(|(area, it)| {
            let mut one = shortfall(it);
            one["area"] = json!(area.name);
            one
        });
        let tiers = system.areas.iter().zip(&found.tiers).flat_map(|(area, list)| {
            area.tiers.iter().zip(list).map(move |(tier, it)| {
                json!({
                    "tier": tier.name, "area": area.name, "kind": kind(tier.kind), "yield_h_per_year": it.hours, "yield_share": it.hours_share,
                    "yield_mwh_per_year": it.curtailed_mwh, "backup_mwh_per_year": it.backup_mwh, "lost_h_per_year": it.lost_hours,
                    "lost_mwh_per_year": it.lost_mwh,
                })
            })
        });
        let ties =
            system.ties.iter().zip(&found.ties).map(
                |(tie, it)| json!({ "tie": tie.name, "forward_mwh_per_year": it.forward_mwh, "backward_mwh_per_year": it.backward_mwh }),
            );
        let storages = system.storages.iter().zip(&found.storages).map(|(storage, it)| {
            json!({ "storage": storage.name, "charged_mwh_per_year": it.charged_mwh, "discharged_mwh_per_year": it.discharged_mwh })
        });
        value["method"] = json!("monte-carlo");
        value["years"] = json!(found.years);
        value["seed"] = json!(seed);
        value["hours"] = json!(found.hours);
        value["areas"] = areas.collect();
        value["tiers"] = tiers.collect();
        value["ties"] = ties.collect();
        value["storages"] = storages.collect();
        return output.json("grid-adequacy/1", &value);
    }
    let words = |estimate: &Estimate| {
        let error = estimate.stderr.unwrap_or(0.0);
        let digits = if error > 0.0 { (1.0 - error.log10().floor()).clamp(0.0, 9.0) as usize } else { 3 };
        format!("{:.digits$} ± {error:.digits$}", estimate.mean)
    };
    let mut table = vec![["", "LOLE [h/y]", "LOLE [d/y]", "EUE [MWh/y]", "LOLF [1/y]"].map(str::to_owned).to_vec()];
    let row = |name: &str, it: &Shortfall| {
        let events = it
            .events
            .as_ref()
            .map_or_else(|| "-".to_owned(), |events| words(events.continuous_frequency.as_ref().unwrap_or(&events.frequency)));
        vec![name.to_owned(), words(&it.lole_h), words(&it.peak_days), words(&it.eue_mwh), events]
    };
    table.push(row("system", &found.system));
    if system.areas.len() > 1 {
        table.extend(system.areas.iter().zip(&found.areas).map(|(area, it)| row(&area.name, it)));
    }
    aligned(&table).iter().try_for_each(|line| output.line(line))?;
    for (area, list) in system.areas.iter().zip(&found.tiers) {
        for (tier, it) in area.tiers.iter().zip(list) {
            output.line(&format!(
                "{} in {} ({}) yields {} h/y, {} MWh/y",
                tier.name,
                area.name,
                kind(tier.kind),
                words(&it.hours),
                words(&it.curtailed_mwh)
            ))?;
        }
    }
    output.line(&format!("sequential Monte Carlo, {} years of {} hours, seed {seed}", found.years, found.hours))
}
