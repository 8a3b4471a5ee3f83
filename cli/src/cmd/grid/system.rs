//! What the adequacy commands read.

use bastide_grid::adequacy::{System, Tier, TierKind, Unit};
use bastide_model::import::{self, SystemOptions};
use bastide_model::network;
use bastide_units::Power;

use super::input;
use crate::args::{Global, SystemInput};
use crate::exit::Failure;
use crate::output::Output;

/// Reads a system and applies the options that change it.
pub fn system(args: &SystemInput, global: &Global, output: &Output) -> Result<System, Failure> {
    let path = &args.system;
    let mut system = if input::is_case(path) {
        return Err(Failure::hinted(
            "a case file says nothing of outages and hours",
            "give RTS-GMLC source data, a folder with units.csv, or a scenario",
        ));
    } else if input::is_rts_gmlc(path) {
        import::read_rts_gmlc(path).map_err(Failure::Diagnostics)?.adequacy_system()
    } else if path.join("scenario.toml").exists() || path.extension().is_some_and(|kind| kind == "toml") {
        let model = crate::cmd::load(path, global, output)?;
        let ai = match &args.plan {
            Some(plan) => network::ai_load_of(&model, &crate::cmd::plan::read(&model, plan)?),
            None => Vec::new(),
        };
        network::adequacy_system(&model, &ai)
    } else {
        let options = SystemOptions {
            peak: args.peak.map(Power::from_mw),
            units_file: args.units.as_ref().map(|path| absolute(path)),
            load_file: args.load.as_ref().map(|path| absolute(path)),
            system: args.name.clone(),
        };
        import::read_system(path, &options).map_err(Failure::Diagnostics)?
    };
    if args.copies > 1 {
        copy(&mut system, args.copies as usize);
    }
    if args.copper_plate || args.copies > 1 {
        join(&mut system);
    }
    if let Some(share) = args.forecast_error {
        system.areas.iter_mut().for_each(|area| area.forecast_error = share);
    }
    for word in &args.ai_load {
        add_ai_load(&mut system, word)?;
    }
    Ok(system)
}

/// A file that the user names is one of the folder they stand in, not of the system's.
fn absolute(path: &std::path::Path) -> std::path::PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The system beside itself: every unit and load as often as said.
fn copy(system: &mut System, copies: usize) {
    let factor = copies as f64;
    system.units.iter_mut().for_each(|unit: &mut Unit| unit.count *= copies as u32);
    for area in &mut system.areas {
        area.load_mw.iter_mut().for_each(|mw| *mw *= factor);
        area.variable_mw.iter_mut().for_each(|mw| *mw *= factor);
        for tier in &mut area.tiers {
            tier.mw.iter_mut().for_each(|mw| *mw *= factor);
            tier.backup_mw *= factor;
        }
    }
    let storages = system.storages.clone();
    let hydros = system.hydros.clone();
    for _ in 1..copies {
        system.storages.extend(storages.iter().cloned());
        system.hydros.extend(hydros.iter().cloned());
    }
}

/// All areas as one: ties without limit.
fn join(system: &mut System) {
    let mut areas = std::mem::take(&mut system.areas).into_iter();
    let Some(mut one) = areas.next() else { return };
    let add = |sum: &mut Vec<f64>, more: &[f64]| {
        if sum.is_empty() {
            sum.extend_from_slice(more);
        } else {
            sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        }
    };
    for area in areas {
        add(&mut one.load_mw, &area.load_mw);
        add(&mut one.variable_mw, &area.variable_mw);
        one.tiers.extend(area.tiers);
        one.name = format!("{}+{}", one.name, area.name);
    }
    system.areas = vec![one];
    system.ties.clear();
    system.units.iter_mut().for_each(|unit| unit.area = 0);
    system.storages.iter_mut().for_each(|storage| storage.area = 0);
    system.hydros.iter_mut().for_each(|hydro| hydro.area = 0);
}

/// Finds an area by its name.
pub fn area(system: &System, name: Option<&str>) -> Result<usize, Failure> {
    let names: Vec<&str> = system.areas.iter().map(|area| area.name.as_str()).collect();
    let known = || format!("the areas are {}", names.join(", "));
    match name {
        Some(name) => {
            names.iter().position(|known| *known == name).ok_or_else(|| Failure::hinted(format!("there is no area `{name}`"), known()))
        }
        None if names.len() == 1 => Ok(0),
        None => Err(Failure::hinted("the system has several areas", format!("name one with --at; {}", known()))),
    }
}

/// `AREA=MW`, `AREA=MW:interruptible`, `AREA=MW:backup=MW/HOURS`.
fn add_ai_load(system: &mut System, word: &str) -> Result<(), Failure> {
    let wrong = || Failure::hinted(format!("`{word}` is no AI load"), "write AREA=MW, AREA=MW:interruptible or AREA=MW:backup=MW/HOURS");
    let (place, rest) = word.split_once('=').ok_or_else(wrong)?;
    let mut parts = rest.split(':');
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0);
    let mw = parts.next().and_then(number).ok_or_else(wrong)?;
    let at = area(system, Some(place.trim()))?;
    let mut tier = Tier {
        name: format!("ai-{}", place.trim()),
        kind: TierKind::Firm,
        mw: vec![mw; system.hours],
        backup_mw: 0.0,
        backup_h: 0.0,
        most_h_per_day: 24.0,
    };
    for part in parts {
        if part == "interruptible" {
            tier.kind = TierKind::Interruptible;
        } else if part == "firm" {
            tier.kind = TierKind::Firm;
        } else if let Some((backup, hours)) = part.strip_prefix("backup=").and_then(|it| it.split_once('/')) {
            (tier.backup_mw, tier.backup_h) = (number(backup).ok_or_else(wrong)?, number(hours).ok_or_else(wrong)?);
        } else {
            return Err(wrong());
        }
    }
    // Shed before all others.
    system.areas[at].tiers.insert(0, tier);
    Ok(())
}
