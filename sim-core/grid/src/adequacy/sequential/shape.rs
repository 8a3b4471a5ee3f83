//! What the arrays of a system must be for the simulation to read them.

use super::{SequentialError, Weather};
use crate::adequacy::{DeratedState, System, TwoState};

/// Refuses what the simulation cannot read, with the words for the first thing found.
pub(super) fn check(system: &System, weather: Option<&Weather>) -> Result<(), SequentialError> {
    match fault(system).or_else(|| weather.and_then(|weather| fault_of_weather(system, weather))) {
        Some(what) => Err(SequentialError::Input(what)),
        None => Ok(()),
    }
}

fn fault(system: &System) -> Option<String> {
    let (hours, areas) = (system.hours, system.areas.len());
    let number = |value: f64| value.is_finite() && value >= 0.0;
    let share = |value: f64| (0.0..=1.0).contains(&value);
    if hours == 0 || areas == 0 {
        return Some("a system needs at least one hour and one area".into());
    }
    for area in &system.areas {
        let name = &area.name;
        if area.load_mw.len() != hours || !area.load_mw.iter().all(|mw| number(*mw)) {
            return Some(format!("load of area `{name}`: {hours} hours that are not negative expected"));
        }
        if !(area.variable_mw.is_empty() || area.variable_mw.len() == hours) || !area.variable_mw.iter().all(|mw| mw.is_finite()) {
            return Some(format!("variable generation of area `{name}`: none or {hours} hours expected"));
        }
        if !number(area.forecast_error) {
            return Some(format!("forecast error of area `{name}` is negative or no number"));
        }
        for tier in &area.tiers {
            let numbers = number(tier.backup_mw) && number(tier.backup_h) && number(tier.most_h_per_day);
            if tier.mw.len() != hours || !tier.mw.iter().all(|mw| number(*mw)) || !numbers {
                return Some(format!("tier `{}` of area `{name}`: {hours} hours and numbers that are not negative expected", tier.name));
            }
        }
    }
    for unit in &system.units {
        let series = unit.profile.is_empty() || unit.profile.len() == hours;
        if unit.area >= areas || !number(unit.capacity_mw) || !series || !unit.profile.iter().all(|value| number(*value)) {
            return Some(format!("unit `{}`: an area, a capacity, none or {hours} hours of a profile expected", unit.name));
        }
        let derated = unit.derated.is_none_or(|derated| share(derated.capacity_share));
        if !derated || !law(unit.outage, unit.derated) {
            return Some(format!("outages of unit `{}`: positive times, or probabilities whose sum is at most 1, expected", unit.name));
        }
    }
    for storage in &system.storages {
        let numbers = number(storage.charge_mw) && number(storage.discharge_mw) && number(storage.energy_mwh) && share(storage.initial);
        let efficient = |value: f64| value > 0.0 && value <= 1.0;
        let efficiencies = efficient(storage.charge_efficiency) && efficient(storage.discharge_efficiency);
        if storage.area >= areas || !numbers || !efficiencies || !law(storage.outage, None) {
            return Some(format!("storage `{}`: an area, numbers that are not negative, efficiencies above 0 expected", storage.name));
        }
    }
    for hydro in &system.hydros {
        let series = hydro.inflow_mwh.is_empty() || hydro.inflow_mwh.len() == hours;
        let numbers = number(hydro.power_mw) && number(hydro.energy_mwh) && share(hydro.initial);
        if hydro.area >= areas || !numbers || !series || !hydro.inflow_mwh.iter().all(|mwh| number(*mwh)) || !law(hydro.outage, None) {
            return Some(format!("hydro `{}`: an area, numbers that are not negative, {hours} hours of inflow expected", hydro.name));
        }
    }
    for tie in &system.ties {
        let numbers = number(tie.forward_mw) && number(tie.backward_mw);
        if tie.from >= areas || tie.to >= areas || tie.from == tie.to || !numbers || !law(tie.outage, None) {
            return Some(format!("tie `{}`: two areas and limits that are not negative expected", tie.name));
        }
    }
    None
}

fn law(outage: TwoState, derated: Option<DeratedState>) -> bool {
    let known = |law: TwoState| match law {
        TwoState::Perfect => Some(0.0),
        TwoState::Unavailability(share) => (0.0..=1.0).contains(&share).then_some(share),
        TwoState::Times { mttf_h, mttr_h } => (mttf_h > 0.0 && mttr_h > 0.0 && mttf_h.is_finite() && mttr_h.is_finite()).then_some(0.0),
    };
    let second = derated.map_or(Some(0.0), |derated| known(derated.outage));
    known(outage).zip(second).is_some_and(|(first, second)| first + second <= 1.0)
}

fn fault_of_weather(system: &System, weather: &Weather) -> Option<String> {
    if weather.years.is_empty() {
        return Some("weather needs at least one recorded year".into());
    }
    for (place, year) in weather.years.iter().enumerate() {
        let counts = [
            ("load", &year.load_mw, system.areas.len(), 0.0),
            ("variable generation", &year.variable_mw, system.areas.len(), f64::MIN),
            ("profile", &year.profile, system.units.len(), 0.0),
            ("inflow", &year.inflow_mwh, system.hydros.len(), 0.0),
        ];
        for (what, series, most, least) in counts {
            let fits = |values: &Vec<f64>| {
                values.is_empty() || values.len() == system.hours && values.iter().all(|value| value.is_finite() && *value >= least)
            };
            if series.len() > most || !series.iter().all(fits) {
                return Some(format!("{what} of recorded year {place}: at most {most} series of {} hours expected", system.hours));
            }
        }
    }
    None
}
