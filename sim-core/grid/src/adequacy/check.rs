//! What is wrong with a system, named by component, and what an adequacy method cannot do.

use std::{fmt, ops::Range};

use super::{System, TwoState};

/// A mistake in a [`System`].
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SystemFault {
    /// The horizon has no hours.
    #[error("the horizon has no hours")]
    NoHours,
    /// A series is not as long as the horizon.
    #[error("{component}: `{series}` needs one value an hour ({expected}), not {found}")]
    Length {
        /// The component.
        component: Component,
        /// Name of the series.
        series: &'static str,
        /// Hours of the horizon.
        expected: usize,
        /// Length of the series.
        found: usize,
    },
    /// A value is out of its range.
    #[error("{component}: `{field}`{} must be {expected}: {value}", hour.map(|hour| format!(" at hour {hour}")).unwrap_or_default())]
    Value {
        /// The component.
        component: Component,
        /// Name of the field.
        field: &'static str,
        /// Position in the series, if the field is one.
        hour: Option<usize>,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        value: f64,
    },
    /// An area that does not exist.
    #[error("{component}: there is no area {area}, the system has {areas}")]
    Area {
        /// The component.
        component: Component,
        /// Position asked for.
        area: usize,
        /// Number of areas.
        areas: usize,
    },
    /// A tie between an area and itself.
    #[error("{component}: joins area {area} with itself")]
    Loop {
        /// The tie.
        component: Component,
        /// The area.
        area: usize,
    },
    /// Planned maintenance outside the horizon.
    #[error("{component}: maintenance from hour {} to {} is not within the horizon of {hours} h", range.start, range.end)]
    Maintenance {
        /// The unit.
        component: Component,
        /// Its maintenance.
        range: Range<usize>,
        /// Hours of the horizon.
        hours: usize,
    },
}

/// A component of a [`System`] in messages: its kind, its position, its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// Kind: "area", "tier", "unit", "storage", "hydro" or "tie".
    pub kind: &'static str,
    /// Position in the array of its kind.
    pub position: usize,
    /// Name, which may be empty.
    pub name: String,
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.is_empty() { write!(f, "{} {}", self.kind, self.position) } else { write!(f, "{} `{}`", self.kind, self.name) }
    }
}

/// Why an adequacy method gives no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AdequacyError {
    /// The system has mistakes; all of them.
    #[error("{}", list(.0))]
    Faults(Vec<SystemFault>),
    /// Exact convolution knows one area.
    #[error("exact convolution covers one area, not {0}; hint: join them to a copper plate, enumerate a small system, or use Monte Carlo")]
    SeveralAreas(usize),
    /// The component links the hours, which the exact methods treat one by one.
    #[error("{0} links the hours, which an exact method cannot follow; hint: use sequential Monte Carlo")]
    Chronological(Component),
    /// The enumeration of several areas does not know this.
    #[error("{component} has {what}, which the enumeration of several areas does not know; hint: use sequential Monte Carlo")]
    NotEnumerated {
        /// The component.
        component: Component,
        /// What it has.
        what: &'static str,
    },
    /// A table would not fit the limits.
    #[error("{what} needs {needed:.3e} steps of work, over the limit of {limit:.3e}; hint: use Monte Carlo")]
    TooLarge {
        /// What would be too large.
        what: &'static str,
        /// What it needs.
        needed: f64,
        /// The limit.
        limit: f64,
    },
    /// An option is out of its range.
    #[error("`{field}` must be {expected}: {value}")]
    Option {
        /// Name of the option.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        value: f64,
    },
}

fn list(faults: &[SystemFault]) -> String {
    faults.iter().map(SystemFault::to_string).collect::<Vec<_>>().join("\n")
}

impl System {
    /// All mistakes of the system: lengths of series, values out of range, areas that do not exist.
    #[must_use]
    pub fn check(&self) -> Vec<SystemFault> {
        let mut check = Check { hours: self.hours, areas: self.areas.len(), faults: Vec::new() };
        if self.hours == 0 {
            check.faults.push(SystemFault::NoHours);
        }
        for (position, area) in self.areas.iter().enumerate() {
            let component = Named("area", position, &area.name);
            check.series(component, "load_mw", &area.load_mw, FINITE);
            if !area.variable_mw.is_empty() {
                check.series(component, "variable_mw", &area.variable_mw, FINITE);
            }
            check.value(component, "forecast_error", area.forecast_error, NOT_NEGATIVE);
            for (position, tier) in area.tiers.iter().enumerate() {
                let component = Named("tier", position, &tier.name);
                check.series(component, "mw", &tier.mw, NOT_NEGATIVE);
                check.value(component, "backup_mw", tier.backup_mw, NOT_NEGATIVE);
                check.value(component, "backup_h", tier.backup_h, NOT_NEGATIVE_OR_INFINITE);
                check.value(component, "most_h_per_day", tier.most_h_per_day, NOT_NEGATIVE_OR_INFINITE);
            }
        }
        for (position, unit) in self.units.iter().enumerate() {
            let component = Named("unit", position, &unit.name);
            check.area(component, unit.area);
            check.value(component, "capacity_mw", unit.capacity_mw, NOT_NEGATIVE);
            if !unit.profile.is_empty() {
                check.series(component, "profile", &unit.profile, SHARE);
            }
            check.outage(component, unit.outage);
            if let Some(derated) = unit.derated {
                check.value(component, "capacity_share", derated.capacity_share, SHARE);
                check.outage(component, derated.outage);
                if let (TwoState::Unavailability(out), TwoState::Unavailability(part)) = (unit.outage, derated.outage) {
                    check.value(component, "unavailability", out + part, SHARE_OF_BOTH);
                }
            }
            for range in &unit.maintenance {
                if range.start > range.end || range.end > self.hours {
                    let (component, range) = (component.owned(), range.clone());
                    check.faults.push(SystemFault::Maintenance { component, range, hours: self.hours });
                }
            }
        }
        for (position, storage) in self.storages.iter().enumerate() {
            let component = Named("storage", position, &storage.name);
            check.area(component, storage.area);
            check.value(component, "charge_mw", storage.charge_mw, NOT_NEGATIVE);
            check.value(component, "discharge_mw", storage.discharge_mw, NOT_NEGATIVE);
            check.value(component, "energy_mwh", storage.energy_mwh, NOT_NEGATIVE);
            check.value(component, "charge_efficiency", storage.charge_efficiency, POSITIVE_SHARE);
            check.value(component, "discharge_efficiency", storage.discharge_efficiency, POSITIVE_SHARE);
            check.value(component, "initial", storage.initial, SHARE);
            check.outage(component, storage.outage);
        }
        for (position, hydro) in self.hydros.iter().enumerate() {
            let component = Named("hydro", position, &hydro.name);
            check.area(component, hydro.area);
            check.value(component, "power_mw", hydro.power_mw, NOT_NEGATIVE);
            check.value(component, "energy_mwh", hydro.energy_mwh, NOT_NEGATIVE);
            check.series(component, "inflow_mwh", &hydro.inflow_mwh, NOT_NEGATIVE);
            check.value(component, "initial", hydro.initial, SHARE);
            check.outage(component, hydro.outage);
        }
        for (position, tie) in self.ties.iter().enumerate() {
            let component = Named("tie", position, &tie.name);
            check.area(component, tie.from);
            check.area(component, tie.to);
            if tie.from == tie.to {
                check.faults.push(SystemFault::Loop { component: component.owned(), area: tie.from });
            }
            check.value(component, "forward_mw", tie.forward_mw, NOT_NEGATIVE);
            check.value(component, "backward_mw", tie.backward_mw, NOT_NEGATIVE);
            check.outage(component, tie.outage);
        }
        check.faults
    }
}

/// A range of values: in words, least, most.
#[derive(Clone, Copy)]
struct Law(&'static str, f64, f64);

const FINITE: Law = Law("a number of at most 1e12", -1e12, 1e12);
const NOT_NEGATIVE: Law = Law("a number from 0 to 1e12", 0.0, 1e12);
const NOT_NEGATIVE_OR_INFINITE: Law = Law("0 or more", 0.0, f64::INFINITY);
const MEAN_TIME: Law = Law("a time above 0 (from 1e-6 to 1e12 h)", 1e-6, 1e12);
const SHARE: Law = Law("a share from 0 to 1", 0.0, 1.0);
const POSITIVE_SHARE: Law = Law("a share above 0, at most 1", f64::MIN_POSITIVE, 1.0);
/// With room for the rounding of the sum.
const SHARE_OF_BOTH: Law = Law("at most 1 together with the derated state", 0.0, 1.0 + 1e-12);

impl Law {
    /// NaN is in no range.
    fn holds(self, value: f64) -> bool {
        self.1 <= value && value <= self.2
    }
}

#[derive(Clone, Copy)]
pub(super) struct Named<'a>(pub &'static str, pub usize, pub &'a str);

impl Named<'_> {
    pub fn owned(self) -> Component {
        Component { kind: self.0, position: self.1, name: self.2.to_owned() }
    }
}

struct Check {
    hours: usize,
    areas: usize,
    faults: Vec<SystemFault>,
}

impl Check {
    fn series(&mut self, component: Named, series: &'static str, values: &[f64], law: Law) {
        if values.len() != self.hours {
            let (component, expected, found) = (component.owned(), self.hours, values.len());
            self.faults.push(SystemFault::Length { component, series, expected, found });
        }
        if let Some(hour) = values.iter().position(|&value| !law.holds(value)) {
            self.faults.push(SystemFault::Value {
                component: component.owned(),
                field: series,
                hour: Some(hour),
                expected: law.0,
                value: values[hour],
            });
        }
    }

    fn value(&mut self, component: Named, field: &'static str, value: f64, law: Law) {
        if !law.holds(value) {
            let (component, expected) = (component.owned(), law.0);
            self.faults.push(SystemFault::Value { component, field, hour: None, expected, value });
        }
    }

    fn area(&mut self, component: Named, area: usize) {
        if area >= self.areas {
            self.faults.push(SystemFault::Area { component: component.owned(), area, areas: self.areas });
        }
    }

    fn outage(&mut self, component: Named, outage: TwoState) {
        match outage {
            TwoState::Perfect => {}
            TwoState::Unavailability(share) => self.value(component, "unavailability", share, SHARE),
            TwoState::Times { mttf_h, mttr_h } => {
                self.value(component, "mttf_h", mttf_h, MEAN_TIME);
                self.value(component, "mttr_h", mttr_h, MEAN_TIME);
            }
        }
    }
}
