//! What the adequacy commands read.

use bastide_grid::adequacy::{System, Tier, TierKind, Unit};
use bastide_grid::opf::{OpfStatus, PriorityShedding, Shedding};
use bastide_grid::{Case, Convention};
use bastide_model::import::{self, SystemOptions};
use bastide_model::network;
use bastide_units::Power;

use super::input;
use crate::args::{Global, SystemInput};
use crate::exit::Failure;
use crate::output::Output;

/// A system, and the areas of the buses that its source names.
pub struct Asked {
    /// The system.
    pub system: System,
    /// Name and area of each bus; empty where the source has none.
    buses: Vec<(String, usize)>,
    /// The network at the hour of its greatest load, where the source has one with AC lines; buses as above.
    case: Option<Case>,
}

/// Reads a system and applies the options that change it.
pub fn system(args: &SystemInput, global: &Global, output: &Output) -> Result<Asked, Failure> {
    let path = &args.system;
    let (mut buses, mut case) = (Vec::new(), None);
    let mut system = if input::is_case(path) {
        return Err(Failure::hinted(
            "a case file says nothing of outages and hours",
            "give RTS-GMLC source data, a folder with units.csv, or a scenario",
        ));
    } else if input::is_rts_gmlc(path) {
        let source = import::read_rts_gmlc(path).map_err(Failure::Diagnostics)?;
        let area = |bus: &bastide_grid::Bus| source.areas.binary_search(&bus.area).unwrap_or(0);
        buses = source.case.buses.iter().map(|bus| (bus.number.to_string(), area(bus))).collect();
        let load = |hour: usize| source.load_mw.iter().map(|bus| bus[hour]).sum::<f64>();
        case = Some(source.case_at(input::peak(source.hours, load)));
        source.adequacy_system()
    } else if path.join("scenario.toml").exists() || path.extension().is_some_and(|kind| kind == "toml") {
        let model = crate::cmd::load(path, global, output)?;
        let ai = match &args.plan {
            Some(plan) => network::ai_load_of(&model, &crate::cmd::plan::recheck::read(&model, plan, global, output)?),
            None => Vec::new(),
        };
        let areas = network::adequacy_areas(&model).0;
        buses = model.buses.iter().zip(areas).map(|(bus, area)| (bus.entity.name.clone(), area)).collect();
        let system = network::adequacy_system(&model, &ai);
        let load = |hour: usize| model.loads.iter().map(|load| model.at(load.power, hour)).sum::<f64>();
        case = Some(network::case_at(&model, input::peak(model.header.hours, load), &[]).0);
        system
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
        buses.iter_mut().for_each(|(_, area)| *area = 0);
    }
    if let Some(share) = args.forecast_error {
        system.areas.iter_mut().for_each(|area| area.forecast_error = share);
    }
    for word in &args.ai_load {
        add_ai_load(&mut system, &buses, word)?;
    }
    Ok(Asked { system, buses, case })
}

impl Asked {
    /// The area that `--at` means: an area, a bus in one, or the only one.
    pub fn area(&self, name: Option<&str>) -> Result<usize, Failure> {
        match name {
            Some(name) => find(&self.system, &self.buses, name),
            None if self.system.areas.len() == 1 => Ok(0),
            None => Err(Failure::hinted("the system has several areas", format!("name one with --at; {}", known(&self.system)))),
        }
    }
}

impl Asked {
    /// Most load that the network can bring to a bus at the hour of its greatest load, with all lines and units in service and
    /// nobody else shed \[MW\]; none where `name` is no bus of an AC network.
    pub fn deliverable_mw(&self, name: Option<&str>) -> Option<f64> {
        let bus = self.buses.iter().position(|(bus, _)| Some(bus.as_str()) == name)?;
        let case = self.case.as_ref()?;
        let joined = case.branches.iter().any(|branch| branch.in_service && (branch.from == bus || branch.to == bus));
        let most: f64 = case.generators.iter().filter(|unit| unit.in_service).map(|unit| unit.max_mw.max(0.0)).sum();
        // What everybody else loses costs more than what the new load gets is worth.
        let shedding = Shedding::shares(case, &[("load", 1.0, 1000.0)]).with("AI load", 1.0, bus, most, case.buses.len());
        let answer = PriorityShedding::new(case, Convention::Matpower, &shedding).ok()?.solve(&[], &[]).ok()?;
        (joined && answer.status == OpfStatus::Optimal).then(|| most - answer.tier_mw(1))
    }
}

fn known(system: &System) -> String {
    format!("the areas are {}", system.areas.iter().map(|area| area.name.as_str()).collect::<Vec<_>>().join(", "))
}

fn find(system: &System, buses: &[(String, usize)], name: &str) -> Result<usize, Failure> {
    let area = system.areas.iter().position(|area| area.name == name);
    let bus = || buses.iter().find(|(bus, _)| bus == name).map(|(_, area)| *area);
    area.or_else(bus).ok_or_else(|| Failure::hinted(format!("there is no area or bus `{name}`"), known(system)))
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

/// `AREA=MW`, `AREA=MW:interruptible`, `AREA=MW:backup=MW/HOURS`.
fn add_ai_load(system: &mut System, buses: &[(String, usize)], word: &str) -> Result<(), Failure> {
    let wrong = || Failure::hinted(format!("`{word}` is no AI load"), "write AREA=MW, AREA=MW:interruptible or AREA=MW:backup=MW/HOURS");
    let (place, rest) = word.split_once('=').ok_or_else(wrong)?;
    let mut parts = rest.split(':');
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0);
    let mw = parts.next().and_then(number).ok_or_else(wrong)?;
    let at = find(system, buses, place.trim())?;
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
