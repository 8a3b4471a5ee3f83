//! What the grid commands read: cases, source data, scenarios.

use std::path::Path;

use bastide_grid::opf::{OpfOptions, OpfStatus, optimal_power_flow};
use bastide_grid::{Case, Convention, Generator, Singular};
use bastide_model::import::{self, RtsGmlc};
use bastide_model::network;
use serde_json::{Value, json};

use crate::args::{ConventionArg, Global, NetworkInput, Outages, Rows};
use crate::exit::Failure;
use crate::output::Output;

/// A network to ask, with the names of its rows.
pub struct Network {
    /// The network.
    pub case: Case,
    /// AI load in the demand of each bus, or empty \[MW\].
    pub ai_mw: Vec<f64>,
    /// The hour that is shown, where there are several.
    pub hour: Option<usize>,
    /// Whether the outputs are an operating point; sources with hours have none.
    dispatched: bool,
    /// Buses are named, not numbered.
    named: bool,
    /// Units of each generator, where a row is a class of several.
    classes: Vec<u32>,
    branches: Vec<String>,
    dc_lines: Vec<String>,
    units: Vec<String>,
}

impl Network {
    /// The bus as its source calls it: a number in a case file, a name in a scenario.
    pub fn bus(&self, index: usize) -> Value {
        let bus = &self.case.buses[index];
        if self.named { json!(bus.name) } else { json!(bus.number) }
    }
    /// The same in words.
    pub fn bus_word(&self, index: usize) -> String {
        let bus = &self.case.buses[index];
        if self.named { bus.name.clone() } else { bus.number.to_string() }
    }
    /// Finds a bus by its number or name.
    pub fn find_bus(&self, word: &str) -> Result<usize, Failure> {
        let found = self
            .case
            .buses
            .iter()
            .position(|bus| (!self.named && bus.number.to_string() == word) || (!bus.name.is_empty() && bus.name == word));
        found.ok_or_else(|| Failure::hinted(format!("there is no bus `{word}`"), format!("the first buses are {}", self.first_buses())))
    }
    fn first_buses(&self) -> String {
        (0..self.case.buses.len().min(5)).map(|bus| self.bus_word(bus)).collect::<Vec<_>>().join(", ")
    }
    /// Name of a branch, if it has one.
    pub fn branch_name(&self, row: usize) -> Option<&str> {
        self.branches.get(row).map(String::as_str)
    }
    /// Name of a DC line, if it has one.
    pub fn dc_line_name(&self, row: usize) -> Option<&str> {
        self.dc_lines.get(row).map(String::as_str)
    }
    /// Name of a unit, if it has one.
    pub fn unit_name(&self, row: usize) -> Option<&str> {
        self.units.get(row).map(String::as_str)
    }

    /// Rows of all units that `--outage-units` means, after checking that they exist.
    pub fn unit_rows(&self, outages: &Outages) -> Result<Vec<usize>, Failure> {
        let in_service: Vec<usize> = (0..self.case.generators.len()).filter(|&row| self.case.generators[row].in_service).collect();
        let all = (0..self.case.generators.len()).collect();
        let eligible = if outages.unit_file_rows { all } else { in_service };
        let what = if outages.unit_file_rows { "units" } else { "units in service" };
        flat(&outages.outage_units)
            .into_iter()
            .map(|row| eligible.get(row).copied().ok_or_else(|| no_row("unit", row, eligible.len(), what)))
            .collect()
    }

    /// Rows of the branches that `--outage` means, after checking that they exist.
    pub fn branch_rows(&self, outages: &Outages) -> Result<Vec<usize>, Failure> {
        let count = self.case.branches.len();
        flat(&outages.outage)
            .into_iter()
            .map(|row| if row < count { Ok(row) } else { Err(no_row("branch", row, count, "branches")) })
            .collect()
    }

    /// Takes branches and units out of service.
    pub fn take_out(&mut self, outages: &Outages) -> Result<(), Failure> {
        let (branches, units) = (self.branch_rows(outages)?, self.unit_rows(outages)?);
        branches.into_iter().for_each(|row| self.case.branches[row].in_service = false);
        units.into_iter().for_each(|row| self.case.generators[row].in_service = false);
        Ok(())
    }

    /// Adds AI load, each written `BUS=MW`.
    pub fn add_ai_load(&mut self, words: &[String]) -> Result<(), Failure> {
        self.ai_mw.resize(self.case.buses.len(), 0.0);
        for word in words {
            let asked = word.split_once('=').and_then(|(bus, mw)| Some((bus.trim(), mw.trim().parse::<f64>().ok()?)));
            let Some((bus, mw)) = asked.filter(|(_, mw)| mw.is_finite() && *mw >= 0.0) else {
                return Err(Failure::hinted(format!("`{word}` is no AI load"), "write BUS=MW, for example 313=200"));
            };
            let bus = self.find_bus(bus)?;
            self.case.buses[bus].demand_mw += mw;
            self.ai_mw[bus] += mw;
        }
        Ok(())
    }

    /// Makes every unit of a class a row of its own: an outage takes one unit, not the class.
    pub fn split_classes(&mut self) {
        let classes = std::mem::take(&mut self.classes);
        let (mut units, mut names) = (Vec::new(), Vec::new());
        for (row, unit) in std::mem::take(&mut self.case.generators).into_iter().enumerate() {
            let count = classes.get(row).copied().unwrap_or(1).max(1);
            let share = 1.0 / f64::from(count);
            for number in 1..=count {
                let Some(name) = self.units.get(row) else { break };
                names.push(if count > 1 { format!("{name} {number}/{count}") } else { name.clone() });
            }
            let one = Generator { output_mw: unit.output_mw * share, min_mw: unit.min_mw * share, max_mw: unit.max_mw * share, ..unit };
            units.extend(std::iter::repeat_n(one, count as usize));
        }
        self.case.generators = units;
        self.units = names;
    }

    /// Gives a network without an operating point the one of least cost.
    pub fn dispatch(&mut self, convention: Convention) -> Result<(), Failure> {
        if self.dispatched {
            return Ok(());
        }
        let failed = |why: String| {
            Failure::hinted(format!("`{}` has no dispatch: {why}", self.case.name), "bastide grid opf says what cannot be served")
        };
        let found = optimal_power_flow(&self.case, convention, &OpfOptions::default()).map_err(|error| failed(error.to_string()))?;
        if found.status != OpfStatus::Optimal {
            return Err(failed("not all load can be served within all limits".to_owned()));
        }
        self.case.generators.iter_mut().zip(&found.generator_mw).for_each(|(unit, mw)| unit.output_mw = *mw);
        self.case.dc_lines.iter_mut().zip(&found.dc_line_mw).for_each(|(line, mw)| line.flow_mw = *mw);
        self.dispatched = true;
        Ok(())
    }

    /// Says where a network has no flow.
    pub fn singular(&self, error: Singular) -> Failure {
        Failure::hinted(format!("`{}`: {error}", self.case.name), "look at the branches with a negative reactance")
    }
}

/// Reads a network: a case file, a folder of RTS-GMLC source data, or a scenario.
pub fn network(args: &NetworkInput, global: &Global, output: &Output) -> Result<Network, Failure> {
    let path = &args.case;
    if is_case(path) {
        let text = crate::cmd::read_text(path)?;
        let case = import::read_case(&text, &path.display().to_string()).map_err(Failure::Diagnostics)?;
        return Ok(Network {
            case,
            ai_mw: Vec::new(),
            hour: None,
            dispatched: true,
            named: false,
            classes: Vec::new(),
            branches: Vec::new(),
            dc_lines: Vec::new(),
            units: Vec::new(),
        });
    }
    if is_rts_gmlc(path) {
        let source = import::read_rts_gmlc(path).map_err(Failure::Diagnostics)?;
        let total = |hour: usize| source.load_mw.iter().map(|bus| bus.get(hour).copied().unwrap_or(0.0)).sum();
        let hour = hour_of(args.hour, source.hours, total)?;
        return Ok(of_rts_gmlc(&source, hour));
    }
    let model = crate::cmd::load(path, global, output)?;
    let hours = model.header.hours;
    let total = |hour: usize| model.loads.iter().map(|load| model.at(load.power, hour)).sum();
    let hour = hour_of(args.hour, hours, total)?;
    let (case, rows) = network::case_at(&model, hour, &[]);
    Ok(Network {
        case,
        ai_mw: Vec::new(),
        hour: Some(hour),
        dispatched: false,
        named: true,
        classes: rows.generators.iter().map(|unit| model.generators[*unit].units).collect(),
        branches: rows.branches.iter().map(|line| model.lines[*line].entity.name.clone()).collect(),
        dc_lines: rows.dc_lines.iter().map(|line| model.lines[*line].entity.name.clone()).collect(),
        units: rows.generators.iter().map(|unit| model.generators[*unit].entity.name.clone()).collect(),
    })
}

fn of_rts_gmlc(source: &RtsGmlc, hour: usize) -> Network {
    Network {
        case: source.case_at(hour),
        ai_mw: Vec::new(),
        hour: Some(hour),
        dispatched: false,
        named: false,
        classes: Vec::new(),
        branches: source.branch_names.clone(),
        dc_lines: source.dc_names.clone(),
        units: source.units.iter().map(|unit| unit.name.clone()).collect(),
    }
}

/// The hour that was asked for, or the one of the greatest load.
fn hour_of(asked: Option<usize>, hours: usize, load: impl Fn(usize) -> f64) -> Result<usize, Failure> {
    match asked {
        Some(hour) if hour >= hours => {
            Err(Failure::hinted(format!("there is no hour {hour}"), format!("the series have hours 0 to {}", hours.saturating_sub(1))))
        }
        Some(hour) => Ok(hour),
        None => Ok(peak(hours, load)),
    }
}

/// The first hour of the greatest load.
pub fn peak(hours: usize, load: impl Fn(usize) -> f64) -> usize {
    (0..hours).max_by(|a, b| load(*a).total_cmp(&load(*b)).then(b.cmp(a))).unwrap_or(0)
}

/// All rows of an option.
pub fn flat(lists: &[Rows]) -> Vec<usize> {
    let mut rows: Vec<usize> = lists.iter().flat_map(|list| list.0.iter().copied()).collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}

fn no_row(what: &str, row: usize, count: usize, among: &str) -> Failure {
    Failure::hinted(format!("there is no {what} row {row}"), format!("the case has {count} {among}, rows 0 to {}", count.saturating_sub(1)))
}

/// The convention that was asked for, or the one of the model.
pub fn convention(args: &NetworkInput, default: ConventionArg) -> Convention {
    match args.convention.unwrap_or(default) {
        ConventionArg::Matpower => Convention::Matpower,
        ConventionArg::Powermodels => Convention::PowerModels,
    }
}

/// Its name.
pub fn convention_word(convention: Convention) -> &'static str {
    match convention {
        Convention::Matpower => "matpower",
        Convention::PowerModels => "powermodels",
    }
}

/// Whether a folder holds RTS-GMLC source data.
pub fn is_rts_gmlc(path: &Path) -> bool {
    !path.join("scenario.toml").exists()
        && ["", "RTS_Data/SourceData", "SourceData"].iter().any(|folder| path.join(folder).join("gen.csv").exists())
}

/// Whether a path is a case file.
pub fn is_case(path: &Path) -> bool {
    path.extension().is_some_and(|kind| kind.eq_ignore_ascii_case("m"))
}
