//! The files of RTS-GMLC.

use std::path::{Path, PathBuf};

use bastide_grid::adequacy::{Storage, TwoState};
use bastide_grid::{Branch, Bus, BusKind, Case, Cost, DcLine, Generator};
use jiff::civil::Date;

use super::super::csv::Table;
use super::super::system::Outages;
use super::{RtsGmlc, RtsReserve, RtsUnit};
use crate::diag::Diagnostic;
use crate::keys::Range;
use crate::source::Span;

/// Unit types that an hour-by-hour dispatch leaves out.
const NOT_DISPATCHED: [&str; 3] = ["CSP", "STORAGE", "SYNC_COND"];
/// Grams in a pound (international avoirdupois pound, 1959).
const POUND_G: f64 = 453.592_37;

/// Reads RTS-GMLC from a folder: the files side by side, or the folders `SourceData` and `timeseries_data_files` of the
/// original, or the folder above them.
///
/// Cost of a unit at full load: the heat rate over its output segments, weighted by their lengths, times the fuel price,
/// plus the variable cost.
///
/// # Errors
/// Every mistake found, with its file, line and column.
pub fn read_rts_gmlc(folder: &Path) -> Result<RtsGmlc, Vec<Diagnostic>> {
    let mut reader = Reader { folder, mistakes: Vec::new() };
    let read = reader.all();
    match read {
        Some(read) if reader.mistakes.is_empty() => Ok(read),
        _ => Err(reader.mistakes),
    }
}

/// A day-ahead series file.
struct Hourly {
    table: Table,
    start: String,
}

struct Reader<'a> {
    folder: &'a Path,
    mistakes: Vec<Diagnostic>,
}

impl Reader<'_> {
    /// Where a file lies, in any of the layouts.
    fn find(&self, name: &str) -> Option<PathBuf> {
        let roots = [self.folder.to_path_buf(), self.folder.join("RTS_Data"), self.folder.join("..")];
        let direct = [self.folder.join(name)].into_iter().chain(roots.iter().map(|root| root.join("SourceData").join(name)));
        let mut candidates: Vec<PathBuf> = direct.collect();
        for root in &roots {
            let Ok(entries) = std::fs::read_dir(root.join("timeseries_data_files")) else { continue };
            let mut inside: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path().join(name))).collect();
            inside.sort();
            candidates.extend(inside);
        }
        candidates.into_iter().find(|path| path.is_file())
    }

    fn optional(&mut self, name: &str) -> Option<Table> {
        let path = self.find(name)?;
        Table::read(&path, name, &mut self.mistakes)
    }

    fn table(&mut self, name: &str) -> Option<Table> {
        let Some(path) = self.find(name) else {
            let shown = self.folder.display().to_string();
            let diagnostic = Diagnostic::error("F0101", Span::file(&shown), format!("`{shown}` has no `{name}`"));
            self.mistakes.push(diagnostic.hint("give the folder of the source data of RTS-GMLC, with its day-ahead series"));
            return None;
        };
        Table::read(&path, name, &mut self.mistakes)
    }

    fn all(&mut self) -> Option<RtsGmlc> {
        let (buses, branches, units) = (self.table("bus.csv"), self.table("branch.csv"), self.table("gen.csv"));
        let load = self.table("DAY_AHEAD_regional_Load.csv").and_then(|table| self.clock(table));
        let (buses, branches, units, load) = (buses?, branches?, units?, load?);
        let mut case = Case { name: "RTS-GMLC".to_owned(), base_mva: 100.0, ..Case::default() };
        let places = self.buses(&buses, &mut case)?;
        let (branch_names, branch_failures) = self.branches(&branches, &mut case)?;
        let mut read = RtsGmlc {
            start: load.start.clone(),
            hours: load.table.len(),
            load_mw: Vec::new(),
            units: Vec::new(),
            branch_names,
            branch_failures,
            dc_names: Vec::new(),
            areas: case.buses.iter().map(|bus| bus.area).collect(),
            storages: Vec::new(),
            reserves: Vec::new(),
            places,
            case,
        };
        read.areas.sort_unstable();
        read.areas.dedup();
        self.loads(&load.table, &mut read);
        self.units(&units, &mut read)?;
        for name in ["DAY_AHEAD_wind.csv", "DAY_AHEAD_pv.csv", "DAY_AHEAD_rtpv.csv", "DAY_AHEAD_hydro.csv"] {
            if let Some(series) = self.table(name).and_then(|table| self.clock(table)) {
                self.maxima(&series, &mut read);
            }
        }
        if let Some(table) = self.optional("dc_branch.csv") {
            self.dc_lines(&table, &mut read);
        }
        if let Some(table) = self.optional("storage.csv") {
            self.storages(&table, &units, &mut read);
        }
        if let Some(table) = self.optional("reserves.csv") {
            self.reserves(&table, &mut read);
        }
        Some(read)
    }

    /// Checks that the rows of a series are hours in order, from period 1 of a day.
    fn clock(&mut self, table: Table) -> Option<Hourly> {
        let columns: Vec<usize> =
            ["Year", "Month", "Day", "Period"].iter().filter_map(|name| table.column(name, &mut self.mistakes)).collect();
        let [year, month, day, period] = *columns else { return None };
        let mut expected: Option<(Date, i64)> = None;
        let mut start = None;
        for row in 0..table.len() {
            let whole = |column| table.text(row, Some(column)).parse::<i64>().ok();
            let date = whole(year).zip(whole(month)).zip(whole(day)).and_then(|((year, month), day)| {
                Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
            });
            let hour = whole(period).filter(|hour| (1..=24).contains(hour));
            let (Some(date), Some(hour)) = (date, hour) else {
                let column = if date.is_none() { year } else { period };
                let message = "`Year`, `Month`, `Day`, `Period` of this row are no hour".to_owned();
                self.mistakes.push(Diagnostic::error("F0416", table.place(row, column), message).hint("a date, and a period from 1 to 24"));
                return None;
            };
            if expected.is_some_and(|expected| expected != (date, hour)) || (expected.is_none() && hour != 1) {
                let message = "this row is not one hour after the row before".to_owned();
                self.mistakes.push(Diagnostic::error("F0410", table.place(row, period), message).hint("24 periods a day, none left out"));
                return None;
            }
            start.get_or_insert(date);
            expected = Some(if hour < 24 { (date, hour + 1) } else { (date.tomorrow().ok()?, 1) });
        }
        Some(Hourly { table, start: format!("{}T00:00:00Z", start?) })
    }

    fn buses(&mut self, table: &Table, case: &mut Case) -> Option<Vec<Option<(f64, f64)>>> {
        let (number, load) = (table.column("Bus ID", &mut self.mistakes)?, table.column("MW Load", &mut self.mistakes));
        let area = table.column("Area", &mut self.mistakes);
        let (name, kind, kv) = (table.find("Bus Name"), table.find("Bus Type"), table.find("BaseKV"));
        let (angle, shunt, zone) = (table.find("V Angle"), table.find("MW Shunt G"), table.find("Zone"));
        let (latitude, longitude) = (table.find("lat"), table.find("lng"));
        let mut places = Vec::new();
        for row in 0..table.len() {
            let mistakes = &mut self.mistakes;
            let id = table.number(row, Some(number), Range::Positive, mistakes);
            let bus = Bus {
                number: id as u64,
                name: table.text(row, name).to_owned(),
                kind: match table.text(row, kind).to_lowercase().as_str() {
                    "ref" => BusKind::Reference,
                    "pv" => BusKind::Generator,
                    _ => BusKind::Load,
                },
                demand_mw: table.number(row, load, Range::NotNegative, mistakes),
                shunt_mw: table.number_or(row, shunt, Range::Any, 0.0, mistakes),
                area: table.number(row, area, Range::NotNegative, mistakes) as u64,
                zone: table.number_or(row, zone, Range::NotNegative, 0.0, mistakes) as u64,
                angle_deg: table.number_or(row, angle, Range::Any, 0.0, mistakes),
                base_kv: table.number_or(row, kv, Range::NotNegative, 0.0, mistakes),
            };
            if case.buses.iter().any(|known| known.number == bus.number) {
                let message = format!("there are two buses {}", bus.number);
                mistakes.push(Diagnostic::error("F0302", table.place(row, number), message).hint("`Bus ID` is unique"));
            }
            case.buses.push(bus);
            let at = (latitude.is_some() && longitude.is_some() && !table.is_blank(row, latitude))
                .then(|| (table.number(row, latitude, Range::Any, mistakes), table.number(row, longitude, Range::Any, mistakes)));
            places.push(at.filter(|(north, east)| north.abs() <= 90.0 && east.abs() <= 180.0));
        }
        Some(places)
    }

    /// Position of the bus that a cell names; reports one that is not there.
    fn bus(&mut self, table: &Table, row: usize, column: usize, case: &Case) -> usize {
        let id = table.number(row, Some(column), Range::NotNegative, &mut self.mistakes);
        if id.is_nan() {
            return 0;
        }
        case.buses.iter().position(|bus| bus.number == id as u64).unwrap_or_else(|| {
            let message = format!("there is no bus {id}");
            self.mistakes.push(Diagnostic::error("F0301", table.place(row, column), message).hint("`bus.csv` lists the buses"));
            0
        })
    }

    #[allow(clippy::type_complexity, reason = "names beside failures, taken apart at once")]
    fn branches(&mut self, table: &Table, case: &mut Case) -> Option<(Vec<String>, Vec<(f64, f64)>)> {
        let mistakes = &mut self.mistakes;
        let (from, to) = (table.column("From Bus", mistakes)?, table.column("To Bus", mistakes)?);
        let (x, rate_a) = (table.column("X", mistakes)?, table.column("Cont Rating", mistakes));
        let (name, r, tap) = (table.find("UID"), table.find("R"), table.find("Tr Ratio"));
        let (rate_b, rate_c) = (table.find("LTE Rating"), table.find("STE Rating"));
        let (failures, hours) = (table.find("Perm OutRate"), table.find("Duration"));
        let (mut names, mut outages) = (Vec::new(), Vec::new());
        for row in 0..table.len() {
            let ends = (self.bus(table, row, from, case), self.bus(table, row, to, case));
            let mistakes = &mut self.mistakes;
            let before = mistakes.len();
            let reactance_pu = table.number(row, Some(x), Range::Any, mistakes);
            if mistakes.len() == before && reactance_pu == 0.0 {
                let message = "a branch has no reactance".to_owned();
                mistakes.push(Diagnostic::error("F0517", table.place(row, x), message).hint("`X` in p.u. on 100 MVA"));
            }
            // As in MATPOWER, 0 means no limit, and no transformer.
            let mut rating = |column| Some(table.number_or(row, column, Range::NotNegative, 0.0, mistakes)).filter(|mw| *mw != 0.0);
            let (rate_a_mw, rate_b_mw, rate_c_mw) = (rating(rate_a), rating(rate_b), rating(rate_c));
            let tap = table.number_or(row, tap, Range::NotNegative, 0.0, mistakes);
            outages.push((
                table.number_or(row, failures, Range::NotNegative, 0.0, mistakes),
                table.number_or(row, hours, Range::NotNegative, 0.0, mistakes),
            ));
            let title = table.text(row, name);
            names.push(if title.is_empty() { format!("branch-{}", row + 1) } else { title.to_owned() });
            case.branches.push(Branch {
                from: ends.0,
                to: ends.1,
                in_service: true,
                resistance_pu: table.number_or(row, r, Range::Any, 0.0, mistakes),
                reactance_pu,
                rate_a_mw,
                rate_b_mw,
                rate_c_mw,
                tap: if tap == 0.0 { 1.0 } else { tap },
                shift_deg: 0.0,
                angle_min_deg: None,
                angle_max_deg: None,
            });
        }
        Some((names, outages))
    }

    /// Load of the areas, spread over their buses in proportion to their `MW Load`.
    fn loads(&mut self, table: &Table, read: &mut RtsGmlc) {
        let total = |area: u64| read.case.buses.iter().filter(|bus| bus.area == area).map(|bus| bus.demand_mw).sum::<f64>();
        let mut by_area = Vec::new();
        for area in &read.areas {
            let Some(column) = table.column(&area.to_string(), &mut self.mistakes) else { return };
            by_area.push((table.numbers(column, Range::NotNegative, &mut self.mistakes), total(*area)));
        }
        read.load_mw = (0..read.case.buses.len())
            .map(|bus| {
                let (hours, total) = &by_area[read.area(bus)];
                let share = if *total > 0.0 { read.case.buses[bus].demand_mw / total } else { 0.0 };
                hours.iter().map(|mw| mw * share).collect()
            })
            .collect();
    }

    fn units(&mut self, table: &Table, read: &mut RtsGmlc) -> Option<()> {
        let mistakes = &mut self.mistakes;
        let (name, bus, kind) = (table.column("GEN UID", mistakes), table.column("Bus ID", mistakes), table.column("Unit Type", mistakes));
        let (capacity, fuel_price) = (table.column("PMax MW", mistakes), table.column("Fuel Price $/MMBTU", mistakes));
        let (name, bus, kind, capacity) = (name?, bus?, kind?, capacity?);
        let (group, category) = (table.find("Unit Group"), table.find("Category"));
        let (output, vom, carbon) = (table.find("MW Inj"), table.find("VOM"), table.find("Emissions CO2 Lbs/MMBTU"));
        let outages = Outages { mttf: table.find("MTTF Hr"), mttr: table.find("MTTR Hr"), rate: table.find("FOR") };
        for row in 0..table.len() {
            let at = self.bus(table, row, bus, &read.case);
            let mistakes = &mut self.mistakes;
            let title = table.text(row, Some(name)).to_owned();
            if read.units.iter().any(|known| known.name == title) {
                let message = format!("there are two units `{title}`");
                mistakes.push(Diagnostic::error("F0302", table.place(row, name), message).hint("`GEN UID` is unique"));
            }
            let in_service = !NOT_DISPATCHED.contains(&table.text(row, Some(kind)).to_uppercase().as_str());
            // Columns of units that are not dispatched mean other things (solar thermal has ratios there).
            let heat = if in_service { heat_rate(table, row, mistakes) } else { 0.0 };
            let mut cell = |column| if in_service { table.number_or(row, column, Range::NotNegative, 0.0, mistakes) } else { 0.0 };
            let (fuel, vom, pounds) = (cell(fuel_price), cell(vom), cell(carbon));
            let outage = outages.read(table, row, &format!("unit `{title}`"), mistakes);
            read.case.generators.push(Generator {
                bus: at,
                in_service,
                output_mw: table.number_or(row, output, Range::Any, 0.0, mistakes),
                min_mw: 0.0,
                max_mw: table.number(row, Some(capacity), Range::NotNegative, mistakes),
                cost: Some(Cost::Polynomial { quadratic: 0.0, linear: heat * fuel / 1000.0 + vom, constant: 0.0 }),
            });
            read.units.push(RtsUnit {
                name: title,
                group: table.text(row, group).to_owned(),
                technology: table.text(row, category.or(Some(kind))).to_owned(),
                max_mw: Vec::new(),
                outage: if in_service { outage } else { TwoState::Perfect },
                // lb/MMBTU times BTU/kWh: a millionth of a pound per kWh.
                carbon_g_per_kwh: pounds * heat * 1e-6 * POUND_G,
            });
        }
        Some(())
    }

    /// Hourly maxima of wind, sun and water.
    fn maxima(&mut self, series: &Hourly, read: &mut RtsGmlc) {
        let table = &series.table;
        if table.len() != read.hours || series.start != read.start {
            let message = format!(
                "`{}` has {} hours from {}, the load has {} from {}",
                table.name(),
                table.len(),
                series.start,
                read.hours,
                read.start
            );
            self.mistakes.push(Diagnostic::error("F0409", table.place(0, 0), message).hint("all series cover the same hours"));
            return;
        }
        for (column, title) in table.titles().into_iter().enumerate() {
            if ["Year", "Month", "Day", "Period"].contains(&title) {
                continue;
            }
            let Some(unit) = read.units.iter().position(|unit| unit.name == title) else {
                let message = format!("there is no unit `{title}`");
                self.mistakes.push(Diagnostic::error("F0301", table.title_span(column), message).hint("`gen.csv` lists the units"));
                continue;
            };
            let most = read.case.generators[unit].max_mw;
            let values = table.numbers(column, Range::NotNegative, &mut self.mistakes);
            if let Some(row) = values.iter().position(|mw| *mw > most) {
                let message = format!("`{title}` gives {} MW, and its capacity is {most} MW", values[row]);
                self.mistakes
                    .push(Diagnostic::error("F0508", table.place(row, column), message).hint("`PMax MW` of `gen.csv` is its most output"));
            }
            read.units[unit].max_mw = values;
        }
    }

    fn dc_lines(&mut self, table: &Table, read: &mut RtsGmlc) {
        let mistakes = &mut self.mistakes;
        let columns = (table.column("From Bus", mistakes), table.column("To Bus", mistakes), table.column("MW Load", mistakes));
        let (Some(from), Some(to), Some(power)) = columns else { return };
        let name = table.find("UID");
        for row in 0..table.len() {
            let ends = (self.bus(table, row, from, &read.case), self.bus(table, row, to, &read.case));
            let most = table.number(row, Some(power), Range::NotNegative, &mut self.mistakes);
            read.dc_names.push(table.text(row, name).to_owned());
            read.case.dc_lines.push(DcLine {
                from: ends.0,
                to: ends.1,
                in_service: false,
                flow_mw: 0.0,
                min_mw: -most,
                max_mw: most,
                loss_mw: 0.0,
                loss_share: 0.0,
                cost: None,
            });
        }
    }

    /// Storage: units of type `STORAGE`, with the upper reservoir of `storage.csv`.
    fn storages(&mut self, table: &Table, units: &Table, read: &mut RtsGmlc) {
        let mistakes = &mut self.mistakes;
        let (name, volume) = (table.column("GEN UID", mistakes), table.column("Max Volume GWh", mistakes));
        let (Some(name), Some(volume)) = (name, volume) else { return };
        let (initial, position) = (table.find("Initial Volume GWh"), table.find("position"));
        let (pump, efficiency) = (units.find("Pump Load MW"), units.find("Storage Roundtrip Efficiency"));
        let kind = units.find("Unit Type");
        for row in 0..table.len() {
            let title = table.text(row, Some(name));
            if table.text(row, position) == "tail" {
                continue;
            }
            let Some(unit) = read.units.iter().position(|unit| unit.name == title) else {
                let message = format!("there is no unit `{title}`");
                mistakes.push(Diagnostic::error("F0301", table.place(row, name), message).hint("`gen.csv` lists the units"));
                continue;
            };
            if !units.text(unit, kind).eq_ignore_ascii_case("STORAGE") {
                continue;
            }
            let discharge_mw = read.case.generators[unit].max_mw;
            let energy_mwh = 1000.0 * table.number(row, Some(volume), Range::Positive, mistakes);
            let content = 1000.0 * table.number_or(row, initial, Range::NotNegative, 0.0, mistakes);
            let charge_mw = units.number_or(unit, pump, Range::NotNegative, discharge_mw, mistakes);
            let one_way = (units.number_or(unit, efficiency, Range::Positive, 85.0, mistakes) / 100.0).min(1.0).sqrt();
            read.storages.push(Storage {
                name: title.to_owned(),
                area: read.case.generators[unit].bus,
                charge_mw,
                discharge_mw,
                energy_mwh,
                charge_efficiency: one_way,
                discharge_efficiency: one_way,
                initial: (content / energy_mwh).min(1.0),
                outage: TwoState::Perfect,
            });
        }
    }

    fn reserves(&mut self, table: &Table, read: &mut RtsGmlc) {
        let mistakes = &mut self.mistakes;
        let (requirement, regions) = (table.column("Requirement (MW)", mistakes), table.column("Eligible Regions", mistakes));
        let (name, within) = (table.find("Reserve Product"), table.find("Timeframe (sec)"));
        let (categories, direction) = (table.find("Eligible Device SubCategories"), table.find("Direction"));
        let list = |text: &str| -> Vec<String> {
            text.trim_matches(['(', ')']).split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
        };
        for row in 0..table.len() {
            read.reserves.push(RtsReserve {
                name: table.text(row, name).to_owned(),
                within_s: table.number_or(row, within, Range::NotNegative, 0.0, mistakes),
                requirement_mw: table.number(row, requirement, Range::NotNegative, mistakes),
                areas: list(table.text(row, regions)).iter().filter_map(|area| area.parse().ok()).collect(),
                categories: list(table.text(row, categories)),
                up: !table.text(row, direction).eq_ignore_ascii_case("down"),
            });
        }
    }
}

/// Mean heat rate at full output \[BTU/kWh\]: the first point's average, then the increments over their segments.
fn heat_rate(table: &Table, row: usize, mistakes: &mut Vec<Diagnostic>) -> f64 {
    let (mut heat, mut output) = (0.0, 0.0);
    for segment in 0..5 {
        let (share, rate) =
            (table.find(&format!("Output_pct_{segment}")), if segment == 0 { "HR_avg_0".to_owned() } else { format!("HR_incr_{segment}") });
        let rate = table.find(&rate);
        if table.is_blank(row, share) || table.is_blank(row, rate) {
            break;
        }
        let share = table.number(row, share, Range::NotNegative, mistakes);
        if share.is_nan() || share <= output {
            break;
        }
        heat += (share - output) * table.number(row, rate, Range::NotNegative, mistakes);
        output = share;
    }
    if output > 0.0 { heat / output } else { 0.0 }
}
