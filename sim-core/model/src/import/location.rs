//! Location problems of others as scenarios: facilities become sites, customers become services, and one euro a year is one unit of
//! the file's cost.
//!
//! A site costs its fixed cost once (no interest, a year's life) and takes as many accelerators as its capacity is; a service takes as
//! many as its demand is, and what serving it costs stands in `serving_cost`. Nothing else costs anything, and all demand must be served.

mod cap;
mod holmberg;
mod medians;
mod swain;

use std::fmt::Write as _;

use super::ImportedScenario;
use super::draft::Names;
use crate::diag::Diagnostic;
use crate::plan::quoted;

/// Form of a file with a location problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocationForm {
    /// Capacitated warehouse location with split demand (Beasley 1988, OR-Library).
    OrlibCap,
    /// Uncapacitated p-median on a graph (Beasley 1985, OR-Library).
    OrlibPmed,
    /// Capacitated p-median in the plane (Osman and Christofides 1994, OR-Library).
    OrlibPmedcap,
    /// Capacitated location with a single source (Holmberg, Rönnqvist and Yuan 1999).
    Holmberg,
    /// Weighted points in the plane, as in Swain's 55 (1971).
    Swain,
}

/// How a location problem is imported.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LocationOptions {
    /// Name of the file, for messages and sources: `cap41.txt`.
    pub file: String,
    /// What the word `capacity` stands for, in files of the first form that leave it open.
    pub capacity: Option<f64>,
    /// Number of facilities, in the last form.
    pub medians: Option<u32>,
}

/// Turns a location problem into a scenario that validates.
///
/// # Errors
/// Each mistake of the file with its line and column (`F0955`), or the option that it needs (`F0954`).
pub fn import_location(form: LocationForm, text: &str, options: &LocationOptions) -> Result<ImportedScenario, Vec<Diagnostic>> {
    let problem = match form {
        LocationForm::OrlibCap => cap::read(text, options),
        LocationForm::OrlibPmed => medians::read_graph(text, options),
        LocationForm::OrlibPmedcap => medians::read_plane(text, options),
        LocationForm::Holmberg => holmberg::read(text, options),
        LocationForm::Swain => swain::read(text, options),
    }?;
    let command = match form {
        LocationForm::OrlibCap => "orlib-cap",
        LocationForm::OrlibPmed => "orlib-pmed",
        LocationForm::OrlibPmedcap => "orlib-pmedcap",
        LocationForm::Holmberg => "holmberg",
        LocationForm::Swain => "swain",
    };
    Ok(problem.render(command, options))
}

/// A location problem, as a file has it.
struct Problem {
    /// One sentence: what it is.
    title: String,
    /// Form and source of the file.
    origin: &'static str,
    /// Cost of opening each facility.
    fixed: Vec<f64>,
    /// What each facility can serve; none where nothing limits it.
    capacity: Vec<Option<f64>>,
    /// Demand of each customer.
    demand: Vec<f64>,
    /// `cost[facility][customer]`: cost of serving all of a customer; none where it cannot be.
    cost: Vec<Vec<Option<f64>>>,
    /// Most facilities that may be open.
    most: Option<usize>,
    /// Whether each customer has one source.
    single: bool,
}

impl Problem {
    /// The scenario folder.
    fn render(&self, command: &str, options: &LocationOptions) -> ImportedScenario {
        let file = options.file.rsplit(['/', '\\']).next().unwrap_or("");
        let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        let mut words = stem.to_owned();
        let mut repeat = format!("bastide import {command} {file}");
        if let Some(capacity) = options.capacity {
            let _ = write!(words, "-{capacity}");
            let _ = write!(repeat, " --capacity {capacity}");
        }
        if let Some(medians) = options.medians {
            let _ = write!(words, "-p{medians}");
            let _ = write!(repeat, " --medians {medians}");
        }
        let scale = Scale::of(&self.capacity);
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.scenario(&mut text, &Names::default().take(&words, "location"), file, &repeat, &scale);
        let files = vec![
            ("scenario.toml".to_owned(), text),
            ("series/serving-cost.csv".to_owned(), self.matrix()),
            ("README.md".to_owned(), self.readme(&words, file, &repeat, &scale)),
        ];
        ImportedScenario { files }
    }

    fn scenario(&self, out: &mut String, name: &str, file: &str, repeat: &str, scale: &Scale) -> std::fmt::Result {
        let all: f64 = self.demand.iter().sum();
        // A watt for each accelerator, and room for all of them anywhere: power is no limit here.
        let accelerators = (scale.accelerators(all) + self.fixed.len() as f64 + 1.0) * 2.0;
        let budget = self.fixed.iter().sum::<f64>() * 2.0 + 1.0;
        writeln!(out, "# {}", self.title)?;
        writeln!(out, "# Written by `{repeat}`; README.md says how the numbers of the file stand here.\n")?;
        writeln!(out, "[scenario]\nformat = 1\nname = {}\ntitle = {}", quoted(name), quoted(&self.title))?;
        writeln!(out, "question = \"Which sites should be open, and which of them serves whom?\"")?;
        writeln!(out, "start = 2027-01-01T00:00:00Z\nduration = \"365 d\"\nprice_year = 2025\n")?;
        writeln!(out, "[[nation]]\nname = \"world\"\n")?;
        writeln!(out, "[[bus]]\nname = \"world\"\nnation = \"world\"\nenergy_price = \"0 EUR/MWh\"\n")?;
        writeln!(
            out,
            "[[generator]]\nname = \"world\"\nbus = \"world\"\ntechnology = \"none\"\ncapacity = \"{} MW\"",
            accelerators * 1e-6
        )?;
        writeln!(out, "cost = \"0 EUR/MWh\"\ncarbon = \"0 g/kWh\"\n")?;
        writeln!(out, "[[accelerator]]\nname = \"unit\"\ntitle = \"What serves {} of demand\"", scale.unit)?;
        writeln!(
            out,
            "peak = \"1 TFLOP/s\"\nmemory = \"1 GB\"\nmemory_bandwidth = \"1 GB/s\"\npower = \"0.001 kW\"\nidle_share = \"0 %\""
        )?;
        writeln!(out, "price = \"0 EUR\"\nper_node = 1\nnode_failure_rate = \"0 / y\"\nnode_repair = \"1 h\"\nlifetime = \"1 y\"")?;
        writeln!(out, "vendor = \"none\"\nvendor_nation = \"world\"")?;
        for (at, (fixed, capacity)) in self.fixed.iter().zip(&self.capacity).enumerate().filter(|(at, _)| self.is_usable(*at)) {
            writeln!(out, "\n[[site]]\nname = \"site-{}\"\nbus = \"world\"\ntier = \"regional\"\noperator = \"world\"", at + 1)?;
            writeln!(out, "connection = \"{} MW\"\npue = 1", accelerators * 1e-6)?;
            if let Some(most) = capacity.and_then(|capacity| scale.count(capacity)) {
                writeln!(out, "max_accelerators = {most}")?;
            }
            writeln!(out, "building_cost = \"0 EUR/MW\"\nfixed_cost = \"{fixed} EUR\"\nsource = {}\nverified = true", quoted(file))?;
        }
        for (at, demand) in self.demand.iter().enumerate() {
            writeln!(out, "\n[[service]]\nname = \"customer-{}\"\nnation = \"world\"\ntier = \"T2\"", at + 1)?;
            writeln!(out, "tokens_per_accelerator = \"{} tokens/s\"\ndemand = \"{} tokens/s\"", scale.unit, self.tokens(*demand))?;
            if self.single {
                writeln!(out, "single_site = true")?;
            }
            writeln!(out, "value = \"0 EUR/M tokens\"\nsource = {}\nverified = true", quoted(file))?;
        }
        writeln!(out, "\n[policy]\nfailover = \"none\"\nfailover_time = \"0 s\"\nheadroom = \"100 %\"")?;
        writeln!(out, "\n[plan]\nbudget = \"{budget} EUR\"\nit_power = \"{} MW\"\naccelerators = [\"unit\"]", accelerators * 1e-6)?;
        writeln!(out, "serving_cost = \"series/serving-cost.csv\"\nmin_service = {{ T2 = 1 }}")?;
        if let Some(most) = self.most {
            writeln!(out, "max_sites = {most}")?;
        }
        writeln!(out, "discount_rate = 0\nbuilding_lifetime = \"1 y\"\ngap = 0\ntime_limit = \"1 h\"")
    }

    /// Demand that a scenario can hold: one that is zero must be served, too, and takes next to nothing.
    fn tokens(&self, demand: f64) -> f64 {
        let least = 1e-12 * self.demand.iter().copied().fold(1.0, f64::max);
        demand.max(least)
    }

    /// Whether a facility can serve anything.
    fn is_usable(&self, facility: usize) -> bool {
        self.capacity[facility].is_none_or(|capacity| capacity > 0.0)
    }

    /// A row for each customer, a column for each facility.
    fn matrix(&self) -> String {
        let usable: Vec<usize> = (0..self.fixed.len()).filter(|at| self.is_usable(*at)).collect();
        let mut out = "service".to_owned();
        for at in &usable {
            let _ = write!(out, ",site-{}", at + 1);
        }
        for customer in 0..self.demand.len() {
            let _ = write!(out, "\ncustomer-{}", customer + 1);
            for at in &usable {
                let _ = match self.cost[*at][customer] {
                    // Adding zero turns -0 into 0.
                    Some(cost) => write!(out, ",{}", cost + 0.0),
                    None => write!(out, ","),
                };
            }
        }
        out.push('\n');
        out
    }

    fn readme(&self, name: &str, file: &str, repeat: &str, scale: &Scale) -> String {
        let mut out = format!("# {name}\n\n{}.\n\n{}\n\n## How the file stands here\n\n", self.title, self.origin);
        let _ = writeln!(
            out,
            "- one unit of the file's cost is one EUR a year: `fixed_cost` is paid off in one year without interest, and nothing else costs anything"
        );
        let _ = writeln!(
            out,
            "- `series/serving-cost.csv` has the cost of serving all of a customer from a site; where it is empty, it cannot be served from there"
        );
        let _ = writeln!(out, "- one accelerator serves {} of demand; `max_accelerators` of a site is its capacity", scale.unit);
        if scale.rounded {
            let _ = writeln!(
                out,
                "- capacities have more digits than whole accelerators can hold: they are rounded down to multiples of {}",
                scale.unit
            );
        }
        let closed = (0..self.fixed.len()).filter(|at| !self.is_usable(*at)).count();
        if closed > 0 {
            let _ = writeln!(out, "- {closed} facilities without capacity are left out");
        }
        let _ = writeln!(out, "- all demand must be served (`min_service`); power, energy and failures play no part");
        let _ = write!(out, "\nEvery number is that of `{file}`.\n\n## Repeat\n\n`{repeat}`, then `bastide plan .`\n");
        out
    }
}

/// How much demand an accelerator serves: so little that every capacity is a whole number of them.
struct Scale {
    unit: f64,
    rounded: bool,
}

impl Scale {
    fn of(capacity: &[Option<f64>]) -> Self {
        let known: Vec<f64> = capacity.iter().flatten().copied().filter(|capacity| *capacity > 0.0).collect();
        let most = known.iter().copied().fold(0.0, f64::max);
        let fits = |unit: f64| most / unit <= f64::from(u32::MAX);
        let whole = |unit: f64| known.iter().all(|capacity| ((capacity / unit).round() * unit - capacity).abs() <= 1e-10 * capacity);
        let finer = (0..=12).map(|digits| 10_f64.powi(-digits));
        let coarser = (1..=300).map(|digits| 10_f64.powi(digits));
        let units: Vec<f64> = finer.rev().chain(coarser).filter(|unit| fits(*unit)).collect();
        // One unit of demand where that will do, else the coarsest that is exact, else the finest that there is.
        let exact = units.iter().copied().filter(|unit| whole(*unit));
        let nearest = exact.min_by(|a, b| a.log10().abs().total_cmp(&b.log10().abs()));
        let unit = nearest.or_else(|| units.first().copied()).unwrap_or(1.0);
        Self { unit, rounded: !whole(unit) }
    }
    /// Accelerators that a demand takes.
    fn accelerators(&self, demand: f64) -> f64 {
        demand / self.unit
    }
    /// Whole accelerators of a capacity.
    fn count(&self, capacity: f64) -> Option<u32> {
        let count = capacity / self.unit;
        let count = if (count.round() - count).abs() <= 1e-9 * count { count.round() } else { count.floor() };
        (count >= 1.0 && count <= f64::from(u32::MAX)).then_some(count as u32)
    }
}
