//! `calibrate`: measures this machine's GPU, or checks what was measured.

mod steps;

use std::path::{Path, PathBuf};

use bastide_kernels::{CalibrationOptions, Fit, Profile, Report, calibrate, check};
use bastide_units::format_significant;
use serde_json::json;

use crate::args::{CalibrateInput, Format, Global};
use crate::cmd::{aligned, read_text};
use crate::exit::Failure;
use crate::output::Output;

pub fn run(args: &CalibrateInput, global: &Global, output: &Output) -> Result<(), Failure> {
    if let Some(pack) = &args.check {
        return check_pack(pack, output);
    }
    let without = |error: bastide_kernels::CalibrationError| {
        Failure::hinted(error.to_string(), "planning needs no GPU: bastide predict answers from data sheets and public measurements")
    };
    // Said before anything else is: a machine without a device gets one sentence.
    bastide_kernels::devices().map_err(|error| without(error.into()))?;
    let options = CalibrationOptions {
        ordinal: args.device,
        quick: args.quick,
        date: jiff::Zoned::now().date().to_string(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let profile = calibrate(&options, &mut |line| output.say(line)).map_err(without)?;
    let path = write(&profile, global)?;
    let report = check(&profile.to_toml()).map_err(|error| Failure::sentence(format!("the pack cannot be read back: {error}")))?;
    let steps = if args.steps { Some(steps::measure(args.device, &profile, output).map_err(without)?) } else { None };
    if output.format == Format::Json {
        let mut document = document(&report);
        document["pack"] = json!(path);
        if let Some(steps) = &steps {
            document["steps"] = json!(steps);
        }
        return output.json("calibrate/1", &document);
    }
    print(&report, output)?;
    for line in steps.iter().flat_map(|steps| steps::lines(steps)) {
        output.line(&line)?;
    }
    output.line(&path.display().to_string())?;
    output.say(&format!("next: bastide predict serve --calibration {} --model llama-3.1-8b --accelerator ..", path.display()));
    Ok(())
}

/// Writes a pack to a new file.
fn write(profile: &Profile, global: &Global) -> Result<PathBuf, Failure> {
    let name = profile.device.library.clone().unwrap_or_else(|| "gpu".to_owned());
    let path = global.output.clone().unwrap_or_else(|| PathBuf::from(format!("calibration-{name}-{}.toml", profile.run.date)));
    if std::fs::metadata(&path).is_ok_and(|it| it.len() > 0) {
        return Err(Failure::hinted(format!("`{}` exists already", path.display()), "name another file with -o"));
    }
    std::fs::write(&path, profile.to_toml()).map_err(|error| Failure::sentence(format!("cannot write `{}`: {error}", path.display())))?;
    Ok(path)
}

fn check_pack(pack: &Path, output: &Output) -> Result<(), Failure> {
    let report = check(&read_text(pack)?).map_err(|error| Failure::sentence(format!("{}: {error}", pack.display())))?;
    if output.format == Format::Json {
        output.json("calibrate-check/1", &document(&report))?;
    } else {
        print(&report, output)?;
    }
    if report.sound() {
        Ok(())
    } else if output.format == Format::Json {
        Err(Failure::Told)
    } else {
        Err(Failure::sentence(format!("`{}` is doubtful: it drifted, or its fit is not that of its points", pack.display())))
    }
}

fn document(report: &Report) -> serde_json::Value {
    let it = &report.profile;
    let fit: serde_json::Map<String, serde_json::Value> =
        report.fit.values().into_iter().map(|(name, value)| (name, json!(value))).collect();
    let differences: Vec<_> =
        report.differences.iter().map(|(name, stored, now)| json!({ "constant": name, "stored": stored, "fitted": now })).collect();
    let voids: Vec<_> = report.voids.iter().map(|(point, reason)| json!({ "point": point, "reason": reason })).collect();
    json!({
        "device": it.device.name, "accelerator": it.device.library, "date": it.run.date, "driver": it.software.driver,
        "points": it.points.len(), "voids": voids, "drift": report.drift, "fit": fit, "differences": differences, "sound": report.sound(),
    })
}

fn print(report: &Report, output: &Output) -> Result<(), Failure> {
    let it = &report.profile;
    output.line(&format!(
        "{} ({}), {}, driver {}: {} points, {} void",
        it.device.name,
        it.device.library.as_deref().unwrap_or("not in the library"),
        it.run.date,
        it.software.driver,
        it.points.len(),
        report.voids.len()
    ))?;
    let drift = report.drift.map_or_else(|| "not measured".to_owned(), |drift| format!("{:+.2} %", drift * 100.0));
    output.line(&format!("drift of the first point when repeated last: {drift}"))?;
    for (point, reason) in &report.voids {
        output.line(&format!("point {point} is void: {reason}"))?;
    }
    for (name, stored, now) in &report.differences {
        let words = |value: &Option<f64>| value.map_or_else(|| "absent".to_owned(), |value| format_significant(value, 6));
        output.line(&format!("{name}: the pack says {}, its points say {}", words(stored), words(now)))?;
    }
    for line in fit_lines(&report.fit) {
        output.line(&line)?;
    }
    Ok(())
}

fn fit_lines(fit: &Fit) -> Vec<String> {
    aligned(&fit.values().into_iter().map(|(name, value)| vec![name, format_significant(value, 5)]).collect::<Vec<_>>())
}
