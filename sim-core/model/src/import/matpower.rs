//! MATPOWER cases (format version 2) as scenarios.
//!
//! A case is one hour; the scenario repeats it for a year. Prices are the average incremental cost over the range of a unit
//! (exact for linear costs): the cost at the most output less that at none, over the most output.

use bastide_grid::{Branch, BusKind, Case, Cost, read_matpower};
use petgraph::unionfind::UnionFind;

use super::ImportedScenario;
use super::draft::{Bus, Draft, Generator, Hourly, Line, Load, Names, marginal_cost};
use crate::diag::Diagnostic;
use crate::source::Span;

/// How a case is imported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MatpowerOptions {
    /// Name of the scenario; that of the file where absent.
    pub name: Option<String>,
    /// Name of the file, for messages and sources: `case14.m`.
    pub file: String,
}

/// Reads the text of a MATPOWER case; `file` is its name in messages.
///
/// # Errors
/// Each mistake with its line and column (`F1001`).
pub fn read_case(text: &str, file: &str) -> Result<Case, Vec<Diagnostic>> {
    read_matpower(text).map_err(|mistakes| {
        let place = |line: usize, column: usize| Span {
            line: line as u32,
            column: column as u32,
            text: text.lines().nth(line.saturating_sub(1)).unwrap_or("").chars().take(240).collect::<String>().into(),
            ..Span::file(file)
        };
        let diagnostic = |it: bastide_grid::CaseError| {
            let diagnostic = Diagnostic::error("F1001", place(it.line, it.column), it.message);
            if let Some(hint) = it.hint { diagnostic.hint(hint) } else { diagnostic }
        };
        mistakes.into_iter().map(diagnostic).collect()
    })
}

/// Turns the text of a MATPOWER case into a scenario that validates.
///
/// # Errors
/// Each mistake of the case file with its line and column (`F1001`).
pub fn import_matpower(text: &str, options: &MatpowerOptions) -> Result<ImportedScenario, Vec<Diagnostic>> {
    let case = read_case(text, &options.file)?;
    let fuels = texts_of(text, &["genfuel", "gentype"], case.generators.len());
    let mut import = Import::new(&case, options);
    if import.draft.buses.is_empty() {
        let diagnostic = Diagnostic::error("F1001", Span::file(&options.file), "the case has no bus in service");
        return Err(vec![diagnostic.hint("column 2 of `mpc.bus` is 1, 2 or 3 for a bus in service")]);
    }
    import.generators(&fuels);
    import.lines();
    import.dc_lines();
    import.loads();
    Ok(import.finish())
}

/// Texts of a cell array of the case, one for each generator; empty where it is absent or has another length.
fn texts_of(text: &str, fields: &[&str], count: usize) -> Vec<String> {
    for field in fields {
        let start = text.lines().scan(0, |offset, line| {
            let at = *offset;
            *offset += line.len() + 1;
            Some((at, line))
        });
        let heading = format!("mpc.{field}");
        let Some((at, _)) = start.into_iter().find(|(_, line)| line.trim_start().starts_with(&heading)) else { continue };
        let Some(cells) = text.get(at..).and_then(|rest| rest.split_once('{')).and_then(|(_, rest)| rest.split_once('}')) else { continue };
        let uncommented = cells.0.lines().map(|line| line.split('%').next().unwrap_or(""));
        let found: Vec<String> =
            uncommented.flat_map(|line| line.split(['\'', '"']).skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect();
        if found.len() == count {
            return found;
        }
    }
    Vec::new()
}

struct Import<'a> {
    case: &'a Case,
    file: &'a str,
    draft: Draft,
    /// Position in the draft of each bus that is in service.
    bus: Vec<Option<usize>>,
    /// Names of lines.
    lines: Names,
    /// Capacity that no flow of this grid reaches \[MW\].
    unlimited: f64,
}

impl<'a> Import<'a> {
    fn new(case: &'a Case, options: &'a MatpowerOptions) -> Self {
        let file = options.file.rsplit(['/', '\\']).next().unwrap_or("");
        let stem = file.strip_suffix(".m").unwrap_or(file);
        let name = options.name.clone().unwrap_or_else(|| Names::default().take(stem, "case"));
        let mut draft = Draft {
            title: if case.name.is_empty() { name.clone() } else { case.name.clone() },
            origin: format!("MATPOWER case {file}: one hour, repeated for a year."),
            start: "2027-01-01T00:00:00Z".to_owned(),
            hours: 8760,
            command: format!("bastide import matpower {file}"),
            name,
            ..Draft::default()
        };
        let mut areas: Vec<u64> = case.buses.iter().filter(|bus| bus.kind != BusKind::Isolated).map(|bus| bus.area).collect();
        areas.sort_unstable();
        areas.dedup();
        let mut nations = Names::default();
        draft.nations = if areas.len() > 1 {
            areas.iter().map(|area| (nations.take(&format!("area-{area}"), "area"), format!("Area {area}"))).collect()
        } else {
            vec![("grid".to_owned(), "The grid".to_owned())]
        };
        let mut names = Names::default();
        let mut bus_of = vec![None; case.buses.len()];
        for (row, bus) in case.buses.iter().enumerate() {
            if bus.kind == BusKind::Isolated {
                draft.remarks.push(format!(
                    "mpc.bus row {} (bus {}) is isolated in the file, and left out with all at it",
                    row + 1,
                    bus.number
                ));
                continue;
            }
            bus_of[row] = Some(draft.buses.len());
            let fallback = format!("bus-{}", bus.number);
            draft.buses.push(Bus {
                name: if bus.name.is_empty() { names.take(&fallback, &fallback) } else { names.take(&bus.name, &fallback) },
                title: if bus.name.trim().is_empty() {
                    format!("Bus {}", bus.number)
                } else {
                    format!("{} ({})", bus.name.trim(), bus.number)
                },
                nation: if areas.len() > 1 { areas.binary_search(&bus.area).unwrap_or(0) } else { 0 },
                place: None,
                source: format!("{file}, mpc.bus row {} (bus {})", row + 1, bus.number),
            });
        }
        let finite = |value: f64| if value.is_finite() { value } else { 0.0 };
        let moved: f64 = case.buses.iter().map(|bus| bus.demand_mw.abs() + bus.shunt_mw.abs()).sum::<f64>()
            + case.generators.iter().map(|unit| finite(unit.max_mw.abs()) + finite(unit.min_mw.abs())).sum::<f64>();
        let unlimited = (10.0 * moved / 100.0).ceil().max(1.0) * 100.0;
        Self { case, file, draft, bus: bus_of, lines: Names::default(), unlimited }
    }

    fn generators(&mut self, fuels: &[String]) {
        let mut names = Names::default();
        let mut load_names = Names::default();
        let (mut bent, mut least) = (0, 0);
        for (row, unit) in self.case.generators.iter().enumerate() {
            let number = self.case.buses[unit.bus].number;
            let place = format!("mpc.gen row {} (bus {number})", row + 1);
            let Some(bus) = self.bus[unit.bus].filter(|_| unit.in_service) else {
                self.draft.remarks.push(format!("{place} is out of service in the file, and left out"));
                continue;
            };
            let (max, min) = (unit.max_mw.min(self.unlimited), unit.min_mw.max(-self.unlimited));
            if max <= 0.0 && min < 0.0 {
                let value = incremental(unit.cost.as_ref(), min);
                self.draft.loads.push(Load {
                    name: load_names.take(&format!("dispatchable-{number}"), "dispatchable"),
                    bus,
                    power: Hourly::Constant(-min),
                    value: value.map(|value| value.max(0.0)),
                    source: format!(
                        "{}, {place}: a dispatchable load (PMAX is not above 0), worth its average incremental cost",
                        self.file
                    ),
                });
                continue;
            }
            if max <= 0.0 {
                self.draft.remarks.push(format!("{place} has no active power, and is left out"));
                continue;
            }
            least += usize::from(min > 0.0);
            let (cost, words) = match (&unit.cost, incremental(unit.cost.as_ref(), max)) {
                (Some(Cost::Polynomial { quadratic, .. }), Some(cost)) if *quadratic == 0.0 => (cost, "linear cost of mpc.gencost"),
                (_, Some(cost)) => {
                    bent += 1;
                    (cost, "average incremental cost of mpc.gencost from 0 to PMAX")
                }
                (_, None) => (50.0, "no mpc.gencost: 50 is an assumption of the importer"),
            };
            let technology =
                fuels.get(row).filter(|fuel| !fuel.trim().is_empty()).map_or_else(|| "unit".to_owned(), |fuel| fuel.trim().to_owned());
            self.draft.generators.push(Generator {
                name: names.take(&format!("unit-{number}"), "unit"),
                bus,
                technology,
                capacity: max,
                availability: Hourly::Constant(1.0),
                cost,
                carbon: None,
                times: None,
                source: format!("{}, {place}: PMAX; {words}", self.file),
            });
        }
        if bent > 0 {
            self.draft.remarks.push(format!("{bent} units have a curved cost, which is made linear: its average increment from 0 to PMAX"));
        }
        if least > 0 {
            self.draft.remarks.push(format!("{least} units have a least output (PMIN) above 0, which a scenario does not hold"));
        }
    }

    fn lines(&mut self) {
        let mut angles = 0;
        for (row, branch) in self.case.branches.iter().enumerate() {
            let ends = (self.case.buses[branch.from].number, self.case.buses[branch.to].number);
            let place = format!("mpc.branch row {} ({}-{})", row + 1, ends.0, ends.1);
            let (Some(from), Some(to), true) = (self.bus[branch.from], self.bus[branch.to], branch.in_service) else {
                self.draft.remarks.push(format!("{place} is out of service in the file, and left out"));
                continue;
            };
            if from == to {
                self.draft.remarks.push(format!("{place} begins and ends at one bus, and is left out"));
                continue;
            }
            let bounded = |limit: Option<f64>| limit.is_some_and(|limit| limit.abs() < 180.0);
            angles += usize::from(bounded(branch.angle_min_deg) || bounded(branch.angle_max_deg));
            let limit = branch.rate_a_mw.filter(|limit| limit.is_finite() && *limit < self.unlimited);
            let words = if limit.is_some() { "BR_X, TAP, RATE_A" } else { "BR_X, TAP; RATE_A is unlimited: a capacity that cannot bind" };
            let capacity = limit.unwrap_or(self.unlimited);
            self.draft.lines.push(Line {
                name: self.lines.take(&format!("l{}-{}", ends.0, ends.1), "l"),
                ends: (from, to),
                capacity,
                reverse_capacity: capacity,
                reactance: Some(reactance(branch, self.case.base_mva)),
                phase_shift: wrapped(branch.shift_deg),
                failures: None,
                source: format!("{}, {place}: {words}", self.file),
            });
        }
        if angles > 0 {
            self.draft.remarks.push(format!("{angles} branches limit the angle between their ends, which a scenario does not"));
        }
    }

    fn dc_lines(&mut self) {
        for (row, line) in self.case.dc_lines.iter().enumerate() {
            let ends = (self.case.buses[line.from].number, self.case.buses[line.to].number);
            let place = format!("mpc.dcline row {} ({}-{})", row + 1, ends.0, ends.1);
            let (Some(from), Some(to), true) = (self.bus[line.from], self.bus[line.to], line.in_service && line.from != line.to) else {
                self.draft.remarks.push(format!("{place} is out of service in the file, and left out"));
                continue;
            };
            if line.loss_mw != 0.0 || line.loss_share != 0.0 {
                self.draft.remarks.push(format!("{place} has losses in the file, and none here"));
            }
            if line.min_mw > 0.0 || line.max_mw < 0.0 {
                self.draft.remarks.push(format!("{place} has a least flow in the file, and none here"));
            }
            self.draft.lines.push(Line {
                name: self.lines.take(&format!("dc{}-{}", ends.0, ends.1), "dc"),
                ends: (from, to),
                capacity: line.max_mw.clamp(0.0, self.unlimited),
                reverse_capacity: (-line.min_mw).clamp(0.0, self.unlimited),
                reactance: None,
                phase_shift: 0.0,
                failures: None,
                source: format!("{}, {place}: PMIN, PMAX", self.file),
            });
        }
    }

    fn loads(&mut self) {
        let mut joined: UnionFind<usize> = UnionFind::new(self.draft.buses.len());
        for line in self.draft.lines.iter().filter(|line| line.capacity > 0.0 || line.reverse_capacity > 0.0) {
            joined.union(line.ends.0, line.ends.1);
        }
        let mut names = Names::default();
        let mut unit_names = Names::default();
        // A negative demand feeds its island like any generator, so those come first.
        for (row, bus) in self.case.buses.iter().enumerate() {
            let injection = -(bus.demand_mw + bus.shunt_mw);
            let Some(at) = self.bus[row].filter(|_| injection > 0.0) else { continue };
            self.draft.generators.push(Generator {
                name: unit_names.take(&format!("injection-{}", bus.number), "injection"),
                bus: at,
                technology: "injection".to_owned(),
                capacity: injection,
                availability: Hourly::Constant(1.0),
                cost: 0.0,
                carbon: None,
                times: None,
                source: format!(
                    "{}, mpc.bus row {} (bus {}): negative PD + GS, taken as generation that costs nothing",
                    self.file,
                    row + 1,
                    bus.number
                ),
            });
        }
        let mut fed = vec![false; self.draft.buses.len()];
        for unit in &self.draft.generators {
            fed[joined.find(unit.bus)] = true;
        }
        let file = self.file;
        for (row, bus) in self.case.buses.iter().enumerate() {
            let demand = bus.demand_mw + bus.shunt_mw;
            let Some(at) = self.bus[row].filter(|_| demand > 0.0) else { continue };
            let words = if bus.shunt_mw == 0.0 { "PD" } else { "PD + GS" };
            self.draft.loads.push(Load {
                name: names.take(&format!("load-{}", bus.number), "load"),
                bus: at,
                power: Hourly::Constant(demand),
                value: None,
                source: format!("{file}, mpc.bus row {} (bus {}): {words}", row + 1, bus.number),
            });
        }
        let remarks = &mut self.draft.remarks;
        let buses = &self.draft.buses;
        self.draft.loads.retain(|load| {
            let served = fed[joined.find(load.bus)];
            if !served {
                remarks.push(format!("{} has no generator on its island; its load `{}` is left out", buses[load.bus].title, load.name));
            }
            served
        });
        let mw = |load: &Load| if let Hourly::Constant(mw) = load.power { mw } else { 0.0 };
        self.draft.peak_mw = self.draft.loads.iter().map(mw).sum();
        let largest = self.draft.loads.iter().max_by(|a, b| mw(a).total_cmp(&mw(b)).then(b.bus.cmp(&a.bus)));
        let strongest = self.draft.generators.iter().max_by(|a, b| a.capacity.total_cmp(&b.capacity).then(b.bus.cmp(&a.bus)));
        self.draft.site_bus = largest.map(|load| load.bus).or(strongest.map(|unit| unit.bus)).unwrap_or(0);
    }

    fn finish(mut self) -> ImportedScenario {
        self.draft.energy_price = marginal_cost(&self.draft.generators, self.draft.peak_mw);
        self.draft.render()
    }
}

/// Series reactance with the tap ratio in it, on 100 MVA \[p.u.\].
fn reactance(branch: &Branch, base_mva: f64) -> f64 {
    let on_base = branch.reactance_pu * branch.tap;
    // The usual base needs no arithmetic, and so loses no bit.
    if base_mva.to_bits() == 100.0_f64.to_bits() { on_base } else { on_base * (100.0 / base_mva) }
}

/// An angle between -180 and 180 degrees.
fn wrapped(degrees: f64) -> f64 {
    if degrees.abs() <= 180.0 { degrees } else { (degrees + 180.0).rem_euclid(360.0) - 180.0 }
}

/// (C(p) - C(0)) / p \[$/MWh\]; none without a cost.
fn incremental(cost: Option<&Cost>, mw: f64) -> Option<f64> {
    match cost? {
        Cost::Polynomial { quadratic, linear, .. } => Some(quadratic * mw + linear),
        Cost::Piecewise(points) => Some((piecewise(points, mw)? - piecewise(points, 0.0)?) / mw),
    }
}

/// Cost at an output, the outer segments prolonged.
fn piecewise(points: &[(f64, f64)], mw: f64) -> Option<f64> {
    let next = points.partition_point(|(at, _)| *at < mw).clamp(1, points.len().checked_sub(1).filter(|last| *last > 0)?);
    let ((x0, y0), (x1, y1)) = (points[next - 1], points[next]);
    Some(y0 + (y1 - y0) / (x1 - x0) * (mw - x0))
}
