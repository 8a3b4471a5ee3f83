//! A scenario in the making: the tables that importers fill, and their text.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::ImportedScenario;
use crate::decode::is_name;
use crate::plan::quoted;

/// Said of every value that the foreign file does not hold.
pub const ASSUMED: &str = "assumption of the importer";
/// Accelerator that the example fleet is made of.
const ACCELERATOR: &str = "b200";
/// Share of the peak demand that the example site may draw.
const SITE_SHARE: f64 = 0.05;
/// PUE of the example site.
const SITE_PUE: f64 = 1.2;

/// A number by hour.
#[derive(Clone, Debug)]
pub enum Hourly {
    /// The same at all hours.
    Constant(f64),
    /// Factor times a column of a series file.
    Series {
        /// Path in the folder.
        file: String,
        /// Column.
        column: String,
        /// Factor.
        scale: f64,
    },
}

/// A bus.
pub struct Bus {
    /// Name.
    pub name: String,
    /// Words for people.
    pub title: String,
    /// Position of its nation.
    pub nation: usize,
    /// Degrees north and east.
    pub place: Option<(f64, f64)>,
    /// Where it comes from.
    pub source: String,
}

/// A line.
pub struct Line {
    /// Name.
    pub name: String,
    /// Positions of its buses.
    pub ends: (usize, usize),
    /// \[MW\]
    pub capacity: f64,
    /// \[MW\]
    pub reverse_capacity: f64,
    /// \[p.u. on 100 MVA\]; none if controlled.
    pub reactance: Option<f64>,
    /// \[degrees\]
    pub phase_shift: f64,
    /// Failures per year, and hours of a repair.
    pub failures: Option<(f64, f64)>,
    /// Where it comes from.
    pub source: String,
}

/// A class of generators.
pub struct Generator {
    /// Name.
    pub name: String,
    /// Position of its bus.
    pub bus: usize,
    /// Technology.
    pub technology: String,
    /// \[MW\]
    pub capacity: f64,
    /// Available share.
    pub availability: Hourly,
    /// \[EUR/MWh\]
    pub cost: f64,
    /// \[g/kWh\]; none is an assumption by technology.
    pub carbon: Option<f64>,
    /// Mean hours to failure and to repair.
    pub times: Option<(f64, f64)>,
    /// Where it comes from.
    pub source: String,
}

/// A load.
pub struct Load {
    /// Name.
    pub name: String,
    /// Position of its bus.
    pub bus: usize,
    /// \[MW\]
    pub power: Hourly,
    /// \[EUR/MWh\]; none is an assumption.
    pub value: Option<f64>,
    /// Where it comes from.
    pub source: String,
}

/// A storage.
pub struct Storage {
    /// Name.
    pub name: String,
    /// Position of its bus.
    pub bus: usize,
    /// \[MW\]
    pub power: f64,
    /// \[MWh\]
    pub energy: f64,
    /// Round trip.
    pub efficiency: f64,
    /// Content at the start.
    pub initial: f64,
    /// Where it comes from.
    pub source: String,
}

/// A scenario in the making.
#[derive(Default)]
pub struct Draft {
    /// Name.
    pub name: String,
    /// Words for people.
    pub title: String,
    /// Where it comes from, for the README.
    pub origin: String,
    /// RFC 3339.
    pub start: String,
    /// Hours.
    pub hours: usize,
    /// Nations: name and title.
    pub nations: Vec<(String, String)>,
    /// Buses.
    pub buses: Vec<Bus>,
    /// Lines.
    pub lines: Vec<Line>,
    /// Generators.
    pub generators: Vec<Generator>,
    /// Loads.
    pub loads: Vec<Load>,
    /// Storage.
    pub storages: Vec<Storage>,
    /// What was left out or changed, one sentence each.
    pub remarks: Vec<String>,
    /// Series files.
    pub series: Vec<(String, String)>,
    /// Position of the bus of the example site.
    pub site_bus: usize,
    /// Most demand of an hour \[MW\].
    pub peak_mw: f64,
    /// What a site pays for energy \[EUR/MWh\].
    pub energy_price: f64,
    /// How to repeat the import.
    pub command: String,
}

/// Names that are unique and may stand in a scenario.
#[derive(Default)]
pub struct Names(BTreeSet<String>);

impl Names {
    /// The nearest name to some words; `fallback` where they hold no letter or digit.
    pub fn take(&mut self, words: &str, fallback: &str) -> String {
        let mut slug = String::new();
        for c in words.to_lowercase().chars() {
            if c.is_ascii_alphanumeric() {
                slug.push(c);
            } else if !slug.is_empty() && !slug.ends_with('-') {
                slug.push('-');
            }
        }
        let slug = slug.trim_matches('-');
        let mut base = if slug.is_empty() { fallback.to_owned() } else { slug.to_owned() };
        if !base.starts_with(|c: char| c.is_ascii_lowercase()) {
            base = format!("n{base}");
        }
        base.truncate(52);
        let mut name = base.clone();
        let mut count = 1;
        while !is_name(&name) || self.0.contains(&name) {
            count += 1;
            name = format!("{base}-{count}");
            debug_assert!(count < 1_000_000_000, "names do not run out");
        }
        self.0.insert(name.clone());
        name
    }
}

/// Direct emissions \[g CO2/kWh\] assumed for a technology: emission factors of IPCC 2006 (vol. 2, table 2.2) at usual
/// efficiencies; nothing where no fuel burns.
fn carbon_of(technology: &str) -> (f64, &'static str) {
    let has = |words: &[&str]| {
        words.iter().any(|word| technology.to_lowercase().split(|c: char| !c.is_ascii_alphanumeric()).any(|part| part == *word))
    };
    if has(&["nuclear", "hydro", "wind", "wt", "solar", "pv", "rtpv", "hy", "geothermal", "injection", "battery", "storage"]) {
        (0.0, "no fuel burns")
    } else if has(&["coal", "lignite"]) {
        (900.0, "94.6 g/MJ at 38 %")
    } else if has(&["oil", "dfo", "rfo"]) {
        (730.0, "77.4 g/MJ at 38 %")
    } else if has(&["ng", "gas", "cc", "ct"]) {
        (400.0, "56.1 g/MJ at 50 %")
    } else {
        (400.0, "fuel unknown; taken for gas, 56.1 g/MJ at 50 %")
    }
}

/// A number as TOML texts show it: the shortest that reads back the same.
fn number(value: f64) -> String {
    // Adding zero turns -0 into 0.
    format!("{}", value + 0.0)
}

fn hourly(value: &Hourly, unit: &str) -> String {
    match value {
        Hourly::Constant(value) if unit.is_empty() => float(*value),
        Hourly::Constant(value) => format!("\"{} {unit}\"", number(*value)),
        Hourly::Series { file, column, scale } => {
            format!("{{ series = {}, column = {}, scale = {} }}", quoted(file), quoted(column), float(*scale))
        }
    }
}

/// A TOML float.
fn float(value: f64) -> String {
    format!("{:?}", value + 0.0)
}

fn assumed(value: &str, why: &str) -> String {
    format!("{{ value = {value}, source = {}, verified = false }}", quoted(&format!("{ASSUMED}: {why}")))
}

impl Draft {
    /// The files.
    pub fn render(self) -> ImportedScenario {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut text);
        let mut files = vec![("scenario.toml".to_owned(), text), ("README.md".to_owned(), self.readme())];
        files.extend(self.series);
        ImportedScenario { files }
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let site_mw = self.site_mw();
        writeln!(out, "# {}", self.origin)?;
        writeln!(out, "# Written by an importer; values that the source does not hold say `{ASSUMED}`.")?;
        for remark in &self.remarks {
            writeln!(out, "# {}", remark.replace(char::is_control, " "))?;
        }
        writeln!(out, "\n[scenario]\nformat = 1\nname = {}\ntitle = {}", quoted(&self.name), quoted(&self.title))?;
        let bus = &self.buses[self.site_bus];
        let question = format!(
            "What does an AI site of {} MW ({} % of the peak) at {} do to this grid?",
            number(site_mw),
            SITE_SHARE * 100.0,
            bus.title
        );
        writeln!(out, "question = {}\nstart = {}\nduration = \"{} h\"\nprice_year = 2025", quoted(&question), self.start, self.hours)?;
        for (name, title) in &self.nations {
            writeln!(out, "\n[[nation]]\nname = {}\ntitle = {}", quoted(name), quoted(title))?;
        }
        for bus in &self.buses {
            writeln!(out, "\n[[bus]]\nname = {}\ntitle = {}", quoted(&bus.name), quoted(&bus.title))?;
            writeln!(out, "nation = {}", quoted(&self.nations[bus.nation].0))?;
            if let Some((latitude, longitude)) = bus.place {
                writeln!(out, "latitude = {}\nlongitude = {}", float(latitude), float(longitude))?;
            }
            let price = assumed(
                &format!("\"{} EUR/MWh\"", number(self.energy_price)),
                "cost of the dearest unit that the peak needs, by merit order without a network",
            );
            writeln!(out, "energy_price = {price}\nsource = {}\nverified = true", quoted(&bus.source))?;
        }
        for line in &self.lines {
            let (from, to) = (&self.buses[line.ends.0].name, &self.buses[line.ends.1].name);
            writeln!(out, "\n[[line]]\nname = {}\nfrom = {}\nto = {}", quoted(&line.name), quoted(from), quoted(to))?;
            writeln!(out, "capacity = \"{} MW\"", number(line.capacity))?;
            if let Some(reactance) = line.reactance {
                writeln!(out, "reactance = {}", float(reactance))?;
                if line.phase_shift != 0.0 {
                    writeln!(out, "phase_shift = {}", float(line.phase_shift))?;
                }
            } else {
                writeln!(out, "reverse_capacity = \"{} MW\"", number(line.reverse_capacity))?;
            }
            if let Some((per_year, hours)) = line.failures {
                writeln!(
                    out,
                    "failure_rate = \"{} / y\"\nrepair = {{ dist = \"exponential\", mean = \"{} h\" }}",
                    number(per_year),
                    number(hours)
                )?;
            }
            writeln!(out, "source = {}\nverified = true", quoted(&line.source))?;
        }
        self.write_units(out)?;
        self.write_question(out, site_mw)
    }

    fn write_units(&self, out: &mut String) -> std::fmt::Result {
        for unit in &self.generators {
            let bus = &self.buses[unit.bus].name;
            writeln!(
                out,
                "\n[[generator]]\nname = {}\nbus = {}\ntechnology = {}",
                quoted(&unit.name),
                quoted(bus),
                quoted(&unit.technology)
            )?;
            writeln!(out, "capacity = \"{} MW\"", number(unit.capacity))?;
            if !matches!(unit.availability, Hourly::Constant(1.0)) {
                writeln!(out, "availability = {}", hourly(&unit.availability, ""))?;
            }
            writeln!(out, "cost = \"{} EUR/MWh\"", number(unit.cost))?;
            let carbon = unit.carbon.map_or_else(
                || {
                    let (grams, why) = carbon_of(&unit.technology);
                    assumed(&format!("\"{} g/kWh\"", number(grams)), why)
                },
                |grams| format!("\"{} g/kWh\"", number(grams)),
            );
            writeln!(out, "carbon = {carbon}")?;
            if let Some((mttf, mttr)) = unit.times {
                writeln!(out, "mttf = \"{} h\"\nrepair = {{ dist = \"exponential\", mean = \"{} h\" }}", number(mttf), number(mttr))?;
            }
            writeln!(out, "source = {}\nverified = true", quoted(&unit.source))?;
        }
        for storage in &self.storages {
            let bus = &self.buses[storage.bus].name;
            writeln!(out, "\n[[storage]]\nname = {}\nbus = {}", quoted(&storage.name), quoted(bus))?;
            writeln!(out, "power = \"{} MW\"\nenergy = \"{} MWh\"", number(storage.power), number(storage.energy))?;
            writeln!(out, "efficiency = {}\ninitial = {}", float(storage.efficiency), float(storage.initial))?;
            let below = assumed(&format!("\"{} EUR/MWh\"", number(0.5 * self.energy_price)), "half the energy price");
            let above = assumed(&format!("\"{} EUR/MWh\"", number(self.energy_price.max(0.0) + 1.0)), "above the energy price");
            writeln!(out, "buy_below = {below}\nsell_above = {above}\nsource = {}\nverified = true", quoted(&storage.source))?;
        }
        for load in &self.loads {
            let bus = &self.buses[load.bus].name;
            writeln!(out, "\n[[load]]\nname = {}\nbus = {}\npower = {}", quoted(&load.name), quoted(bus), hourly(&load.power, "MW"))?;
            let value = load.value.map_or_else(
                || assumed("\"10000 EUR/MWh\"", "usual value of lost load in studies of adequacy"),
                |value| format!("\"{} EUR/MWh\"", number(value)),
            );
            writeln!(out, "value_of_lost_load = {value}\nsource = {}\nverified = true", quoted(&load.source))?;
        }
        Ok(())
    }

    /// Power of the example site: a share of the peak, at least that of a few nodes.
    fn site_mw(&self) -> f64 {
        (SITE_SHARE * self.peak_mw).max(1.0)
    }

    /// One site and one service in proportion to the grid, so that there is something to plan and to simulate.
    fn write_question(&self, out: &mut String, site_mw: f64) -> std::fmt::Result {
        let bus = &self.buses[self.site_bus];
        let it_mw = site_mw / SITE_PUE;
        // The library says 1.88 kW for a B200 with its share of the node; half of the power is left for peaks.
        let tokens = it_mw * 1e3 / 1.88 * 0.5 * 1500.0;
        let why = quoted(&format!("{ASSUMED}: a question in proportion to the grid; replace it by yours"));
        writeln!(out, "\n# --- what is asked of this grid: replace it by your own question ---")?;
        writeln!(
            out,
            "\n[[site]]\nname = \"ai\"\ntitle = {}\nbus = {}\ntier = \"core\"",
            quoted(&format!("AI site at {}", bus.title)),
            quoted(&bus.name)
        )?;
        writeln!(
            out,
            "connection = \"{} MW\"\npue = {SITE_PUE}\nups = \"10 min\"\ngenerator_start = 0.98\nfuel = \"48 h\"",
            number(site_mw)
        )?;
        writeln!(
            out,
            "operator = \"operator\"\nbuilding_cost = \"10 M EUR/MW\"\nconnection_cost = \"0.4 M EUR/MW\"\nupkeep = \"300 k EUR/MW/y\""
        )?;
        writeln!(out, "source = {why}\nverified = false")?;
        writeln!(out, "\n[[service]]\nname = \"chat\"\nnation = {}\ntier = \"T2\"", quoted(&self.nations[bus.nation].0))?;
        writeln!(
            out,
            "tokens_per_accelerator = \"1500 tokens/s\"\ndemand = \"{} tokens/s\"\nvalue = \"4 EUR/M tokens\"",
            number(tokens.round())
        )?;
        writeln!(out, "source = {why}\nverified = false")?;
        writeln!(out, "\n[plan]\nbudget = \"{} M EUR\"\nit_power = \"{} MW\"", number((it_mw * 80.0).ceil()), number(it_mw))?;
        writeln!(out, "accelerators = [\"{ACCELERATOR}\"]\ndiscount_rate = \"6 %\"")
    }

    fn readme(&self) -> String {
        let mut out = format!("# {}\n\n{}\n\n", self.name, self.origin);
        let (lines, units) = (self.lines.len(), self.generators.len());
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "{} buses, {lines} lines, {units} generators, {} loads, {} storages; peak demand {:.1} MW; {} h from {}.\n",
            self.buses.len(),
            self.loads.len(),
            self.storages.len(),
            self.peak_mw,
            self.hours,
            self.start
        );
        out.push_str("## What was left out or changed\n\n");
        for remark in &self.remarks {
            let _ = writeln!(out, "- {remark}");
        }
        if self.remarks.is_empty() {
            out.push_str("- nothing\n");
        }
        let _ = write!(
            out,
            "\n## Assumptions\n\nEach stands beside its value as `{ASSUMED}`; `bastide show --resolved .` and the report list them all. Prices in the source's \
             dollars are taken as euro one for one. The site `ai`, the service `chat` and `[plan]` are an example in proportion to the grid ({} % of \
             the peak): replace them by your question.\n\n## Repeat\n\n`{}`, then `bastide validate .` and `bastide study .`\n",
            SITE_SHARE * 100.0,
            self.command
        );
        out
    }
}

/// Cost of the dearest unit that a demand needs when units run in the order of their cost, networks aside; 50 where there is none.
pub fn marginal_cost(units: &[Generator], demand_mw: f64) -> f64 {
    let mut order: Vec<(f64, f64)> = units.iter().map(|unit| (unit.cost, unit.capacity)).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut left = demand_mw;
    for (cost, mw) in &order {
        left -= mw;
        if left <= 0.0 {
            return *cost;
        }
    }
    order.last().map_or(50.0, |(cost, _)| *cost)
}
