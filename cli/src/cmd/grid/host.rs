//! `grid host`: how much AI load a bus or an area can host.

use bastide_grid::adequacy::{AdequacyError, HostOptions, Hosting, SequentialOptions, Size, host, host_sampled};
use serde_json::{Value, json};

use super::{adequacy, system};
use crate::args::{Format, Global, GridCommand, MethodArg};
use crate::cmd::{aligned, threads};
use crate::exit::Failure;
use crate::output::Output;

pub fn run(command: &GridCommand, global: &Global, output: &Output) -> Result<(), Failure> {
    let GridCommand::Host { input, at, lole, yield_share, backup, backup_hours, points, method, years } = command else { return Ok(()) };
    let asked = system::system(input, global, output)?;
    let area = asked.area(at.as_deref())?;
    let deliverable = asked.deliverable_mw(at.as_deref());
    let system = asked.system;
    let faults = system.check();
    if !faults.is_empty() {
        return Err(adequacy::faults_of(input, &faults));
    }
    let options = HostOptions {
        most_lole_h: *lole,
        most_yield_share: *yield_share,
        backup_mw: *backup,
        backup_h: *backup_hours,
        points: *points as usize,
        ..HostOptions::default()
    };
    let name = &system.areas[area].name;
    let fuel = *backup > 0.0 && backup_hours.is_finite();
    let exact = if *method == MethodArg::MonteCarlo || (fuel && *method == MethodArg::Auto) { None } else { Some(host(&system, &options)) };
    match exact {
        Some(Ok(found)) => return tell(&found, at.as_deref().unwrap_or(name), &options, None, deliverable, output),
        Some(Err(error @ AdequacyError::Option { .. })) => return Err(Failure::sentence(error.to_string())),
        Some(Err(error)) if *method == MethodArg::Convolution => return Err(Failure::of(&error)),
        Some(Err(error)) => output.say(&format!("by Monte Carlo: {}", adequacy::without_hint(&error))),
        None => {}
    }
    let sequential =
        SequentialOptions { years: *years, seed: global.seed.unwrap_or(7), threads: threads(global), ..SequentialOptions::default() };
    let found = host_sampled(&system, area, &options, &sequential).map_err(|error| Failure::sentence(error.to_string()))?;
    tell(&found.hosting, at.as_deref().unwrap_or(name), &options, Some((found.years, sequential.seed)), deliverable, output)
}

fn size(size: Option<&Size>) -> Value {
    size.map_or(Value::Null, |it| json!({ "mw": it.mw, "misses_mw": it.misses_mw, "risk_h_per_year": it.risk, "stderr": it.stderr }))
}

fn tell(
    found: &Hosting,
    at: &str,
    options: &HostOptions,
    sampled: Option<(u32, u64)>,
    deliverable: Option<f64>,
    output: &Output,
) -> Result<(), Failure> {
    if output.format == Format::Json {
        let curve = found.curve.iter().map(|point| {
            json!({
                "mw": point.mw, "lole_h_per_year": point.firm_lole_h, "lole_stderr": point.firm_lole_stderr_h, "eue_mwh_per_year": point.firm_eue_mwh,
                "others_lole_h_per_year": point.others_lole_h, "yield_h_per_year": point.yield_h, "yield_stderr": point.yield_stderr_h,
                "yield_share": point.yield_share, "yield_mwh_per_year": point.yield_mwh, "yield_energy_share": point.yield_energy_share,
                "lost_h_per_year": point.lost_h, "lost_mwh_per_year": point.lost_mwh, "lost_energy_share": point.lost_energy_share,
            })
        });
        return output.json(
            "grid-host/1",
            &json!({
                "at": at, "method": if sampled.is_some() { "monte-carlo" } else { "convolution" }, "years": sampled.map(|it| it.0), "seed": sampled.map(|it| it.1),
                "target_lole_h_per_year": options.most_lole_h, "target_yield_share": options.most_yield_share,
                "base": { "lole_h_per_year": found.lole_h, "eue_mwh_per_year": found.eue_mwh },
                "firm_mw": found.firm.map(|it| it.mw), "interruptible_mw": found.interruptible.map(|it| it.mw), "backed_up_mw": found.backed_up.map(|it| it.mw),
                "firm": size(found.firm.as_ref()), "interruptible": size(found.interruptible.as_ref()), "backed_up": size(found.backed_up.as_ref()),
                "network_mw": deliverable, "backup_mw": options.backup_mw, "backup_hours": options.backup_h, "fuel_without_end": found.fuel_limited,
                "curve": curve.collect::<Vec<_>>(),
            }),
        );
    }
    output.line(&format!("{at} without AI load: LOLE {:.4} h/y, EUE {:.3} MWh/y", found.lole_h, found.eue_mwh))?;
    let words = |it: Option<&Size>| {
        it.map_or_else(
            || "none".to_owned(),
            |it| if it.misses_mw.is_none() { format!("more than {:.1} MW", it.mw) } else { format!("{:.1} MW", it.mw) },
        )
    };
    output.line(&format!("firm AI load at LOLE {} h/y: {}", options.most_lole_h, words(found.firm.as_ref())))?;
    let share = 100.0 * options.most_yield_share;
    output.line(&format!("interruptible AI load that yields in at most {share} % of hours: {}", words(found.interruptible.as_ref())))?;
    if options.backup_mw > 0.0 {
        let fuel = if found.fuel_limited { ", fuel without end" } else { "" };
        let backup = format!("{} MW of generators for {} h{fuel}", options.backup_mw, options.backup_h);
        output.line(&format!("with {backup}, dark in at most {share} % of hours: {}", words(found.backed_up.as_ref())))?;
    }
    let mut table = vec![
        ["AI load [MW]", "LOLE if firm [h/y]", "EUE if firm [MWh/y]", "yields if interruptible [h/y]", "share of hours", "share of energy"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let with = |value: f64, stderr: f64| if sampled.is_some() { format!("{value:.2} ± {stderr:.2}") } else { format!("{value:.3}") };
    for point in &found.curve {
        table.push(vec![
            format!("{:.1}", point.mw),
            with(point.firm_lole_h, point.firm_lole_stderr_h),
            format!("{:.1}", point.firm_eue_mwh),
            with(point.yield_h, point.yield_stderr_h),
            format!("{:.3} %", 100.0 * point.yield_share),
            format!("{:.4} %", 100.0 * point.yield_energy_share),
        ]);
    }
    aligned(&table).iter().try_for_each(|line| output.line(line))?;
    output.line(&sampled.map_or_else(
        || "exact, by convolution".to_owned(),
        |(years, seed)| format!("sequential Monte Carlo, {years} years for each number, seed {seed}"),
    ))
}
