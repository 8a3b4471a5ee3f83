//! RTS-GMLC as a scenario with hourly series.

use std::fmt::Write as _;
use std::path::Path;

use bastide_grid::Cost;
use bastide_grid::adequacy::TwoState;
use jiff::{Span, Timestamp};

use super::super::ImportedScenario;
use super::super::draft::{self, Draft, Hourly, Names, marginal_cost};
use super::{RtsGmlc, read_rts_gmlc};
use crate::diag::Diagnostic;

/// Turns the source data of RTS-GMLC into a scenario that validates.
///
/// # Errors
/// Every mistake of the source data, with its file, line and column.
pub fn import_rts_gmlc(folder: &Path) -> Result<ImportedScenario, Vec<Diagnostic>> {
    Ok(read_rts_gmlc(folder)?.scenario())
}

/// A series file in the making.
struct SeriesFile {
    titles: Vec<String>,
    columns: Vec<Vec<f64>>,
}

impl RtsGmlc {
    /// The scenario.
    #[must_use]
    pub fn scenario(&self) -> ImportedScenario {
        let mut draft = Draft {
            name: "rts-gmlc".to_owned(),
            title: "RTS-GMLC".to_owned(),
            origin: "Reliability Test System of the Grid Modernization Laboratory Consortium (Barrows et al. 2020), day-ahead series."
                .to_owned(),
            start: self.start.clone(),
            hours: self.hours,
            command: "bastide import rts-gmlc FOLDER".to_owned(),
            nations: self.areas.iter().map(|area| (format!("area-{area}"), format!("Area {area}"))).collect(),
            ..Draft::default()
        };
        let mut names = Names::default();
        for (row, bus) in self.case.buses.iter().enumerate() {
            let fallback = format!("bus-{}", bus.number);
            draft.buses.push(draft::Bus {
                name: if bus.name.is_empty() { names.take(&fallback, &fallback) } else { names.take(&bus.name, &fallback) },
                title: if bus.name.is_empty() { format!("Bus {}", bus.number) } else { format!("{} ({})", bus.name, bus.number) },
                nation: self.area(row),
                place: self.places[row],
                source: format!("RTS-GMLC, bus.csv, bus {}", bus.number),
            });
        }
        self.lines(&mut draft);
        self.generators(&mut draft);
        self.loads(&mut draft);
        for storage in &self.storages {
            draft.storages.push(draft::Storage {
                name: names_of(&storage.name),
                bus: storage.area,
                power: storage.discharge_mw.min(storage.charge_mw),
                energy: storage.energy_mwh,
                efficiency: storage.charge_efficiency * storage.discharge_efficiency,
                initial: storage.initial,
                source: format!("RTS-GMLC, storage.csv and gen.csv, {}", storage.name),
            });
        }
        let total = |hour: usize| self.load_mw.iter().map(|bus| bus[hour]).sum::<f64>();
        draft.peak_mw = (0..self.hours).map(total).fold(0.0, f64::max);
        draft.energy_price = marginal_cost(&draft.generators, draft.peak_mw);
        let largest = self.case.buses.iter().enumerate().max_by(|a, b| a.1.demand_mw.total_cmp(&b.1.demand_mw).then(b.0.cmp(&a.0)));
        draft.site_bus = largest.map_or(0, |(row, _)| row);
        draft.render()
    }

    fn lines(&self, draft: &mut Draft) {
        let mut names = Names::default();
        let most = 10.0 * self.case.generators.iter().map(|unit| unit.max_mw).sum::<f64>();
        for (row, branch) in self.case.branches.iter().enumerate() {
            let (per_year, hours) = self.branch_failures[row];
            let capacity = branch.rate_a_mw.unwrap_or(most);
            let words = if branch.rate_a_mw.is_some() { "" } else { "; no rating: a capacity that cannot bind" };
            draft.lines.push(draft::Line {
                name: names.take(&self.branch_names[row], "l"),
                ends: (branch.from, branch.to),
                capacity,
                reverse_capacity: capacity,
                reactance: Some(branch.reactance_pu * branch.tap),
                phase_shift: branch.shift_deg,
                failures: (per_year > 0.0 && hours > 0.0).then_some((per_year, hours)),
                source: format!(
                    "RTS-GMLC, branch.csv, {}: X, Tr Ratio, Cont Rating, Perm OutRate, Duration{words}",
                    self.branch_names[row]
                ),
            });
        }
        for (line, name) in self.case.dc_lines.iter().zip(&self.dc_names) {
            draft.lines.push(draft::Line {
                name: names.take(name, "dc"),
                ends: (line.from, line.to),
                capacity: line.max_mw,
                reverse_capacity: -line.min_mw,
                reactance: None,
                phase_shift: 0.0,
                failures: None,
                source: format!("RTS-GMLC, dc_branch.csv, {name}: MW Load, taken as capacity both ways"),
            });
            draft
                .remarks
                .push(format!("DC line {name}: the source fixes its flow; here it is chosen up to that power, without loss or failure"));
        }
    }

    fn generators(&self, draft: &mut Draft) {
        let mut names = Names::default();
        let mut file = SeriesFile { titles: Vec::new(), columns: Vec::new() };
        for (row, (unit, generator)) in self.units.iter().zip(&self.case.generators).enumerate() {
            if !generator.in_service || generator.max_mw <= 0.0 {
                if self.storages.iter().all(|storage| storage.name != unit.name) {
                    draft.remarks.push(format!("{} ({}) is left out: it is not part of an hourly dispatch", unit.name, unit.technology));
                }
                continue;
            }
            let name = names.take(&unit.name, "unit");
            let availability = if unit.max_mw.is_empty() {
                Hourly::Constant(1.0)
            } else {
                let column = file.column(&name, unit.max_mw.iter().map(|mw| mw / generator.max_mw).collect());
                Hourly::Series { file: AVAILABILITY.to_owned(), column, scale: 1.0 }
            };
            let cost = if let Some(Cost::Polynomial { linear, .. }) = generator.cost { linear } else { 0.0 };
            let times = if let TwoState::Times { mttf_h, mttr_h } = unit.outage { Some((mttf_h, mttr_h)) } else { None };
            draft.generators.push(draft::Generator {
                name,
                bus: generator.bus,
                technology: unit.technology.to_lowercase(),
                capacity: generator.max_mw,
                availability,
                cost,
                carbon: Some(unit.carbon_g_per_kwh),
                times,
                source: format!(
                    "RTS-GMLC, gen.csv row {}, {}: heat rate at full load, Fuel Price, VOM, CO2, MTTF, MTTR",
                    row + 1,
                    unit.name
                ),
            });
        }
        if !file.titles.is_empty() {
            draft.series.push((AVAILABILITY.to_owned(), file.render(&self.start, "1")));
        }
    }

    fn loads(&self, draft: &mut Draft) {
        let mut file = SeriesFile { titles: Vec::new(), columns: Vec::new() };
        for (index, area) in self.areas.iter().enumerate() {
            let mut sum = vec![0.0; self.hours];
            for (_, load) in self.load_mw.iter().enumerate().filter(|(bus, _)| self.area(*bus) == index) {
                for (total, mw) in sum.iter_mut().zip(load) {
                    *total += mw;
                }
            }
            file.titles.push(format!("area-{area}"));
            file.columns.push(sum);
        }
        for (row, bus) in self.case.buses.iter().enumerate().filter(|(_, bus)| bus.demand_mw > 0.0) {
            let total: f64 = self.case.buses.iter().filter(|other| other.area == bus.area).map(|other| other.demand_mw).sum();
            draft.loads.push(draft::Load {
                name: format!("load-{}", bus.number),
                bus: row,
                power: Hourly::Series { file: LOAD.to_owned(), column: format!("area-{}", bus.area), scale: bus.demand_mw / total },
                value: None,
                source: format!("RTS-GMLC, DAY_AHEAD_regional_Load.csv by the share of bus {} in MW Load of bus.csv", bus.number),
            });
        }
        draft.series.push((LOAD.to_owned(), file.render(&self.start, "MW")));
    }
}

const AVAILABILITY: &str = "series/availability.csv";
const LOAD: &str = "series/load.csv";

fn names_of(words: &str) -> String {
    Names::default().take(words, "storage")
}

impl SeriesFile {
    /// The column with these values: one that is there already, or a new one of this name.
    fn column(&mut self, name: &str, values: Vec<f64>) -> String {
        if let Some(found) = self.columns.iter().position(|known| *known == values) {
            return self.titles[found].clone();
        }
        self.titles.push(name.to_owned());
        self.columns.push(values);
        name.to_owned()
    }

    fn render(&self, start: &str, unit: &str) -> String {
        let mut out = String::from("time");
        // Writing to a String cannot fail.
        for title in &self.titles {
            let _ = write!(out, ",{title} [{unit}]");
        }
        out.push('\n');
        let start: Timestamp = start.parse().unwrap_or(Timestamp::UNIX_EPOCH);
        for hour in 0..self.columns.first().map_or(0, Vec::len) {
            let time = start.checked_add(Span::new().hours(hour as i64)).unwrap_or(start);
            let _ = write!(out, "{time}");
            for column in &self.columns {
                let _ = write!(out, ",{}", column[hour]);
            }
            out.push('\n');
        }
        out
    }
}
