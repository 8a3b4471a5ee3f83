//! The command line as a readable table. Flags work before and after the subcommand.
//!
//! Longer than other files: this is the one list of what the program can be asked.

use std::path::PathBuf;

use bastide_model::model::Tier;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Plans and stress-tests sovereign AI factories.
#[derive(Debug, Parser)]
#[command(name = "bastide", version, propagate_version = true, arg_required_else_help = true, max_term_width = 110)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// How to print: for people, one JSON document, or only what was asked for
    #[arg(long, global = true, value_enum, default_value_t = Format::Human, help_heading = "Global options")]
    pub format: Format,
    /// When to colour
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, help_heading = "Global options")]
    pub color: Color,
    /// Random seed [default: the scenario's]
    #[arg(long, global = true, help_heading = "Global options")]
    pub seed: Option<u64>,
    /// Threads for replications; the results do not depend on it [default: all cores]
    #[arg(long, global = true, value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Global options")]
    pub threads: Option<u16>,
    /// Where to write
    #[arg(short, long, global = true, value_name = "PATH", help_heading = "Global options")]
    pub output: Option<PathBuf>,
    /// Override a value of the scenario: --set site.riga.connection='"40 MW"'
    #[arg(long = "set", global = true, value_name = "KEY=VALUE", value_parser = key_value, help_heading = "Global options")]
    pub sets: Vec<(String, String)>,
}

/// How `plan` verifies what it finds.
#[derive(Clone, Debug, Args)]
pub struct VerifyInput {
    /// Simulate the plan, and plan again until each tier is served as wanted
    #[arg(long, conflicts_with = "check")]
    pub verify: bool,
    /// Histories of each round (with --verify) [default: the scenario's, or 40]
    #[arg(short = 'n', long, requires = "verify", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub replications: Option<u32>,
    /// Most rounds (with --verify) [default: the scenario's, or 8]
    #[arg(long, requires = "verify", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rounds: Option<u32>,
    /// Least share of a tier's demand that is served in simulation (with --verify) [default: the scenario's]: --target T0=99.5%
    #[arg(long = "target", requires = "verify", value_name = "TIER=SHARE", value_parser = target)]
    pub target: Vec<(Tier, f64)>,
}

/// `T0=99.5%` or `T0=0.995`.
fn target(text: &str) -> Result<(Tier, f64), String> {
    let form = || format!("`{text}` is no target: write `T0=99.5%`");
    let (tier, share) = text.split_once('=').ok_or_else(form)?;
    let tier = Tier::ALL.into_iter().find(|it| it.name().eq_ignore_ascii_case(tier.trim())).ok_or_else(form)?;
    let (number, scale) = share.trim().strip_suffix('%').map_or((share.trim(), 1.0), |number| (number.trim(), 0.01));
    let share = number.parse::<f64>().map_err(|_| form())? * scale;
    if (0.0..=1.0).contains(&share) { Ok((tier, share)) } else { Err(format!("{}: a share is between 0 and 1", form())) }
}

/// Output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Human,
    /// One JSON document with a `schema` field.
    Json,
    /// Only what was asked for.
    Quiet,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Plan, simulate the plan and its rivals, compare them, write the report
    Study {
        /// Scenario folder or file
        scenario: PathBuf,
        /// Replications of each alternative [default: the scenario's, or 200]
        #[arg(short = 'n', long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        replications: Option<u32>,
        /// Simulate this plan file as `recommended` instead of searching for one
        #[arg(long, value_name = "FILE")]
        plan: Option<PathBuf>,
        /// Which cases
        #[command(flatten)]
        cases: CaseInput,
    },
    /// Find what to build and what to run where, with a proof
    Plan {
        /// Scenario folder or file
        scenario: PathBuf,
        /// Plan this alternative instead of the unrestricted plan
        #[arg(long, value_name = "NAME")]
        alternative: Option<String>,
        /// Check a plan file against the scenario instead of searching
        #[arg(long, value_name = "FILE")]
        check: Option<PathBuf>,
        /// Solver time limit, for example "30 s" [default: the scenario's]
        #[arg(long, value_name = "DURATION")]
        time_limit: Option<String>,
        /// Whether and how the plan is simulated and made again
        #[command(flatten)]
        verify: VerifyInput,
        /// What else to ask
        #[command(flatten)]
        questions: Questions,
    },
    /// Find the order in which data leaves that saves most value, with a proof and beside other orders
    Evacuate {
        /// Scenario folder or file
        scenario: PathBuf,
        /// Only this evacuation
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Time from the order to the loss, instead of the scenario's, for example "2 d"
        #[arg(long, value_name = "DURATION")]
        warning: Option<String>,
        /// Plan that says where the data stands [default: search for one]
        #[arg(long, value_name = "FILE")]
        plan: Option<PathBuf>,
    },
    /// Find the attack that hurts most, with a proof, and the defence that makes it least bad
    Strike(StrikeInput),
    /// Simulate one plan, without rivals and without a report
    Run {
        /// Scenario folder or file
        scenario: PathBuf,
        /// Plan file [default: search for one]
        #[arg(long, value_name = "FILE")]
        plan: Option<PathBuf>,
        /// Replications [default: the scenario's, or 200]
        #[arg(short = 'n', long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        replications: Option<u32>,
        /// Only this replication
        #[arg(long, value_name = "R")]
        replication: Option<u32>,
        /// Print every event of the replication (with --replication)
        #[arg(long, requires = "replication")]
        trace: bool,
        /// Which cases
        #[command(flatten)]
        cases: CaseInput,
    },
    /// Simulate a range of values of one key under the same draws, and say which is best
    Tune(TuneInput),
    /// Render the report of a results folder again
    Report {
        /// Results folder
        folder: PathBuf,
        /// What to write
        #[arg(long = "as", value_enum, default_value_t = ReportKind::Html)]
        kind: ReportKind,
        /// Document of `plan --format json` that the planner's section shows, too: a front, rounds, reasons; may be given several times
        #[arg(long, value_name = "FILE")]
        planning: Vec<PathBuf>,
    },
    /// Compare the alternatives of results folders, with paired errors
    Compare {
        /// Results folders
        #[arg(required = true)]
        folders: Vec<PathBuf>,
    },
    /// Check a scenario, or every scenario below a folder, and report all mistakes at once
    Validate {
        /// Scenario folder or file, or a folder of scenarios
        scenario: PathBuf,
    },
    /// Show a scenario as it was understood
    Show {
        /// Scenario folder or file
        scenario: PathBuf,
        /// With every default written out and the origin of every value
        #[arg(long)]
        resolved: bool,
    },
    /// Start a scenario
    New {
        /// Name of the scenario, and of the folder
        name: String,
    },
    /// Print the JSON Schema of scenarios, or the reference of all keys
    Schema {
        /// As Markdown, for people
        #[arg(long)]
        markdown: bool,
    },
    /// Explain a diagnostic code, a key of the scenario, an accelerator or model of the library, or an event of a results folder
    Explain(ExplainInput),
    /// Questions to the power grid: of a MATPOWER case, RTS-GMLC source data, an adequacy system, or a scenario
    #[command(subcommand)]
    Grid(GridCommand),
    /// Turn other people's files into a scenario
    #[command(subcommand)]
    Import(ImportCommand),
    /// Throughput, time, memory, power and energy of a configuration of accelerators, or of every row of a table
    #[command(subcommand)]
    Predict(PredictCommand),
    /// Serve a trace of requests one by one with continuous batching; or, with --cluster, schedule a log of jobs
    Replay(Box<ReplayInput>),
    /// Measure this machine's GPU: matrix products, memory, attention, launches, links, power
    Calibrate(CalibrateInput),
    /// List the GPUs of this machine
    Devices,
    /// Print a completion script
    Completions {
        /// Shell
        shell: clap_complete::Shell,
    },
}

/// Cases to simulate beside the scenario itself.
#[derive(Clone, Debug, Default, Args)]
pub struct CaseInput {
    /// Only this case of the scenario, beside the scenario itself; may be given several times [default: all]
    #[arg(long = "case", value_name = "NAME")]
    pub names: Vec<String>,
    /// Only the scenario itself
    #[arg(long, conflicts_with = "names")]
    pub no_cases: bool,
}

/// What to tune.
#[derive(Clone, Debug, Args)]
pub struct TuneInput {
    /// Scenario folder or file
    pub scenario: PathBuf,
    /// Key to vary: campaign.llama-3.checkpoint_interval
    #[arg(long)]
    pub key: String,
    /// Least value, for example "2 min"
    #[arg(long, value_name = "VALUE")]
    pub from: String,
    /// Greatest value
    #[arg(long, value_name = "VALUE")]
    pub to: String,
    /// Number of values, evenly spaced in logarithms
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(3..=1000))]
    pub points: u32,
    /// Metric that should be high, as KIND.NAME.METRIC, or METRIC of the system [default: goodput of the key's campaign]
    #[arg(long, value_name = "METRIC")]
    pub maximise: Option<String>,
    /// Metric that should be low
    #[arg(long, value_name = "METRIC", conflicts_with = "maximise")]
    pub minimise: Option<String>,
    /// Plan file [default: search for one, once, for the scenario as it stands]
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// Replications of each value
    #[arg(short = 'n', long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub replications: u32,
}

/// What else to ask about a plan.
#[derive(Clone, Debug, Default, Args)]
pub struct Questions {
    /// Plan against the worst loss of so many sites instead of the expectation
    #[arg(long, value_name = "K")]
    pub strike: Option<u32>,
    /// Begin the search with this plan, for example that of the same scenario before a number changed
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    pub start: Option<PathBuf>,
    /// Find so many plans of the Pareto front instead of one plan; with `--output`, a folder for their files
    #[arg(long, value_name = "N", conflicts_with_all = ["check", "why_not", "ranging"], value_parser = clap::value_parser!(u16).range(2..=1000))]
    pub pareto: Option<u16>,
    /// Objectives of the front: cost, unserved, unserved.T0 to unserved.T3, carbon, sovereignty [default: cost,carbon]
    #[arg(long, value_name = "NAME,..", value_delimiter = ',', requires = "pareto")]
    pub objectives: Vec<String>,
    /// Why the plan does not have this site, type or campaign, and what it would cost to have it
    #[arg(long, value_name = "NAME", conflicts_with = "check")]
    pub why_not: Vec<String>,
    /// How far prices, demands and limits may move until other sites or types are better
    #[arg(long, conflicts_with = "check")]
    pub ranging: bool,
}

impl Questions {
    /// Whether anything is asked.
    #[must_use]
    pub fn any(&self) -> bool {
        self.start.is_some() || self.pareto.is_some() || !self.why_not.is_empty() || self.ranging
    }
}

/// Where a network comes from.
#[derive(Clone, Debug, Args)]
pub struct NetworkInput {
    /// MATPOWER case (.m), folder of RTS-GMLC source data, or scenario
    pub case: PathBuf,
    /// Hour of a scenario or of RTS-GMLC, from 0 [default: the hour of the greatest load]
    #[arg(long, value_name = "H")]
    pub hour: Option<usize>,
    /// Susceptance of a branch: 1/(x tap) with phase shifts, or x/(r²+x²) without taps [default: matpower; powermodels for
    /// cascades and shedding by tier, as their models are defined]
    #[arg(long, value_enum)]
    pub convention: Option<ConventionArg>,
}

/// Which susceptance a branch has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ConventionArg {
    /// 1/(x tap), phase shifts count: MATPOWER, pandapower.
    Matpower,
    /// x/(r²+x²), taps and phase shifts ignored: PowerModels.jl, the baseline of PGLib-OPF.
    #[value(alias = "pm")]
    Powermodels,
}

/// What is out of service, by row of the file from 0.
#[derive(Clone, Debug, Default, Args)]
pub struct Outages {
    /// Branch rows that are out, from 0: 3,17
    #[arg(long, alias = "outages", alias = "branches", alias = "outage-branches", value_name = "ROW,..", value_delimiter = ',', value_parser = rows)]
    pub outage: Vec<Rows>,
    /// Units that are out: rows among the units in service, from 0
    #[arg(long, alias = "outage-generators", alias = "outage-gens", alias = "units", alias = "generators", alias = "gens", value_name = "ROW,..", value_delimiter = ',', value_parser = rows)]
    pub outage_units: Vec<Rows>,
    /// Count the rows of --outage-units among all units of the file, in service or not
    #[arg(long)]
    pub unit_file_rows: bool,
}

/// Rows of a list such as `3;17`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows(pub Vec<usize>);

fn rows(text: &str) -> Result<Rows, String> {
    let row = |word: &str| word.parse().map_err(|_| format!("`{word}` is not a row number; write rows from 0, for example 3,17"));
    text.split([';', ' ']).map(str::trim).filter(|word| !word.is_empty()).map(row).collect::<Result<_, _>>().map(Rows)
}

/// Where an adequacy system comes from.
#[derive(Clone, Debug, Args)]
pub struct SystemInput {
    /// Scenario, folder of RTS-GMLC source data, folder with units.csv and a load, or a JSON file of systems
    pub system: PathBuf,
    /// Annual peak that tables of percentages are scaled to: 2850 or "2850 MW"
    #[arg(long, value_name = "MW", value_parser = megawatts)]
    pub peak: Option<f64>,
    /// Another table of units than units.csv
    #[arg(long, value_name = "FILE")]
    pub units: Option<PathBuf>,
    /// Another hourly load than load.csv, or the folder of the tables of percentages
    #[arg(long, value_name = "PATH")]
    pub load: Option<PathBuf>,
    /// Which system of a JSON file
    #[arg(long = "system", alias = "name", value_name = "NAME")]
    pub name: Option<String>,
    /// Copies of the system side by side, joined without limit
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub copies: u32,
    /// Take all areas as one, without limits between them
    #[arg(long)]
    pub copper_plate: bool,
    /// Standard deviation of the load forecast as a share of the load
    #[arg(long, value_name = "SHARE")]
    pub forecast_error: Option<f64>,
    /// Plan whose AI load is added (scenarios only)
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// AI load to add: AREA=MW, firm; append :interruptible, or :backup=MW/HOURS
    #[arg(long = "ai-load", value_name = "AREA=MW[:KIND]")]
    pub ai_load: Vec<String>,
}

fn megawatts(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches("MW").trim().parse::<f64>().ok().filter(|mw| mw.is_finite() && *mw > 0.0);
    number.ok_or_else(|| "write megawatts above 0, for example 2850 or \"2850 MW\"".to_owned())
}

/// How adequacy is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MethodArg {
    /// Exact, where the system allows it, otherwise Monte Carlo.
    Auto,
    /// Exact convolution of capacity outage tables.
    Convolution,
    /// Sequential Monte Carlo.
    MonteCarlo,
    /// Weighted snapshots (importance sampling) until the standard error of LOLE is 1 %: for rare shortages.
    Importance,
}

/// Models of a cascade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CascadeModelArg {
    /// Every overload trips at once; islands balance in proportion.
    #[value(name = "dc-cascade-1")]
    DcCascade1,
    /// Three ratings with delays, operators who re-dispatch, load shed in steps.
    #[value(name = "rated-1")]
    Rated1,
}

/// An attack, and who may defend against it.
#[derive(Clone, Debug, Args)]
pub struct StrikeInput {
    /// What is attacked
    #[command(flatten)]
    pub input: NetworkInput,
    /// Resources of the attacker
    #[arg(short = 'k', long, value_name = "K")]
    pub budget: u32,
    /// Kinds of targets [default: lines of a network; sites, lines, plants, links and facilities of a scenario]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KIND,..")]
    pub targets: Vec<TargetKind>,
    /// Resources that a target of a kind takes: --cost buses=2 [default: 1]
    #[arg(long, value_name = "KIND=N", value_parser = target_cost)]
    pub cost: Vec<(TargetKind, u32)>,
    /// Find the best defence of every number of hardened targets up to this one
    #[arg(long, value_name = "H")]
    pub harden: Option<u32>,
    /// How many of the worst attacks to list
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub best: u16,
    /// Targets that cannot be attacked: line.3, bus.17
    #[arg(long, value_delimiter = ',', value_name = "TARGET,..")]
    pub safe: Vec<String>,
    /// What counts as damage (scenarios; networks count MW)
    #[arg(long, value_enum, default_value_t)]
    pub damage: DamageArg,
    /// Damage counts for this long, for example "30 d" (scenarios) [default: the scenario's duration from its second day on]
    #[arg(long, value_name = "DURATION")]
    pub within: Option<String>,
    /// Attack this alternative only, or `recommended` (scenarios) [default: all]
    #[arg(long, value_name = "NAME")]
    pub alternative: Option<String>,
    /// Attack this plan (scenarios) [default: search for plans]
    #[arg(long, value_name = "FILE", conflicts_with = "alternative")]
    pub plan: Option<PathBuf>,
    /// Simulate the worst attack, and so many random ones of the same budget (scenarios)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub simulate: Option<u32>,
    /// Give up the proof after so many million sets of targets
    #[arg(long, value_name = "MILLIONS")]
    pub effort: Option<u64>,
}

/// What can be attacked in a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TargetKind {
    /// Every branch in service, transformers, too; each circuit by itself.
    #[value(alias = "branches")]
    Lines,
    /// Branches with a ratio, a shift, or two voltages.
    Transformers,
    /// A bus with its branches, units and loads.
    Buses,
    /// Single generating units.
    #[value(alias = "generators")]
    Units,
    /// All units at a bus; in a scenario a class of units, each of which takes a resource.
    Plants,
    /// Buses that transformers join, with all that is there; in a scenario, buses.
    Substations,
    /// Sites of a scenario that hold accelerators.
    Sites,
    /// Data links of a scenario, duct by duct.
    Links,
    /// Facilities of a scenario: landing points, huts, control planes.
    Facilities,
    /// All accelerators of a vendor at once, by one exploit.
    Vendors,
    /// All sites of a segment of the management network at once.
    Segments,
}

/// What counts as damage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DamageArg {
    /// Value of what is not served, and of delay, over the time of repair.
    #[default]
    Money,
    /// Energy that loads go without.
    Energy,
    /// Unserved tokens, ten times as much for each tier.
    Tokens,
    /// Delay of campaigns.
    Delay,
}

impl TargetKind {
    /// One of its kind.
    pub fn word(self) -> &'static str {
        match self {
            Self::Lines => "line",
            Self::Transformers => "transformer",
            Self::Buses => "bus",
            Self::Units => "unit",
            Self::Plants => "plant",
            Self::Substations => "substation",
            Self::Sites => "site",
            Self::Links => "link",
            Self::Facilities => "facility",
            Self::Vendors => "vendor",
            Self::Segments => "segment",
        }
    }
}

/// `buses=2`.
fn target_cost(text: &str) -> Result<(TargetKind, u32), String> {
    let form = || format!("`{text}` is no cost: write `buses=2`");
    let (kind, cost) = text.split_once('=').ok_or_else(form)?;
    let cost = cost.trim().parse::<u32>().ok().filter(|cost| *cost > 0).ok_or_else(form)?;
    Ok((TargetKind::from_str(kind.trim(), true).map_err(|_| form())?, cost))
}

/// Questions to the power grid.
#[derive(Debug, Subcommand)]
pub enum GridCommand {
    /// DC power flow
    Flow {
        /// Network
        #[command(flatten)]
        input: NetworkInput,
        /// Outages
        #[command(flatten)]
        outages: Outages,
        /// Add the matrices of power transfer and line outage distribution factors
        #[arg(long)]
        factors: bool,
    },
    /// DC optimal power flow; with --hours a chronological dispatch
    Opf {
        /// Network
        #[command(flatten)]
        input: NetworkInput,
        /// Outages
        #[command(flatten)]
        outages: Outages,
        /// Let load go unserved at this price [$/MWh], and units run below their least output, so that there is always an answer
        #[arg(long, value_name = "PRICE")]
        shed: Option<f64>,
        /// Shed by tiers of priority at least cost instead: 50/30/20 % of each load at 10000, 3000, 1000 $/MWh, no generation cost
        #[arg(long, conflicts_with = "shed")]
        shed_by_tier: bool,
        /// Spinning reserve that units in service must hold, in MW
        #[arg(long, value_name = "MW")]
        reserve: Option<f64>,
        /// Dispatch this many hours from --hour on (RTS-GMLC and scenarios)
        #[arg(long, value_name = "N", conflicts_with_all = ["outage", "outage_units", "reserve", "shed_by_tier", "highs"])]
        hours: Option<usize>,
        /// One bus: merit order
        #[arg(long, requires = "hours")]
        copper_plate: bool,
        /// Battery: bus=313,mw=50,mwh=200,efficiency=0.85,initial=100
        #[arg(long, value_name = "KEY=VALUE,..", requires = "hours")]
        battery: Vec<String>,
        /// Solve with HiGHS instead of the own method
        #[arg(long)]
        highs: bool,
    },
    /// N-1 or N-2 screening of branches and units
    Contingency {
        /// Network
        #[command(flatten)]
        input: NetworkInput,
        /// Outages at a time
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
        depth: u8,
        /// AI load: BUS=MW
        #[arg(long = "ai-load", value_name = "BUS=MW")]
        ai_load: Vec<String>,
    },
    /// Cascade of overloads after an outage
    Cascade {
        /// Network
        #[command(flatten)]
        input: NetworkInput,
        /// Outages
        #[command(flatten)]
        outages: Outages,
        /// Which model
        #[arg(long, value_enum, default_value_t = CascadeModelArg::DcCascade1)]
        model: CascadeModelArg,
        /// AI load: BUS=MW
        #[arg(long = "ai-load", value_name = "BUS=MW")]
        ai_load: Vec<String>,
        /// Instead of one outage, this many random ones: distribution of the blackout size
        #[arg(long, value_name = "N", conflicts_with_all = ["outage", "outage_units", "black_start"])]
        random: Option<u32>,
        /// Branches out in each random outage
        #[arg(long, default_value_t = 2, value_name = "K")]
        size: u32,
        /// Black-start units: rows among the units in service; adds the order of restoration
        #[arg(long, value_name = "ROW,..", value_delimiter = ',', value_parser = rows)]
        black_start: Vec<Rows>,
    },
    /// Resource adequacy: loss of load, energy not served
    Adequacy {
        /// System
        #[command(flatten)]
        input: SystemInput,
        /// Method
        #[arg(long, value_enum, default_value_t = MethodArg::Auto)]
        method: MethodArg,
        /// Years of Monte Carlo
        #[arg(short = 'n', long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
        years: u32,
        /// Add every hour
        #[arg(long)]
        hourly: bool,
    },
    /// How much AI load a bus or an area can host at a given loss-of-load expectation
    Host {
        /// System
        #[command(flatten)]
        input: SystemInput,
        /// Area or bus
        #[arg(long, value_name = "BUS")]
        at: Option<String>,
        /// Loss-of-load expectation that must hold [h/y]
        #[arg(long, default_value_t = 3.0, value_name = "HOURS")]
        lole: f64,
        /// Share of hours that interruptible AI load may yield
        #[arg(long, default_value_t = 0.01, value_name = "SHARE")]
        yield_share: f64,
        /// Power of generators at the site of the AI load, in MW
        #[arg(long, default_value_t = 0.0, value_name = "MW")]
        backup: f64,
        /// Hours of fuel of those generators
        #[arg(long, default_value_t = 48.0, value_name = "HOURS")]
        backup_hours: f64,
        /// Points of the curve
        #[arg(long, default_value_t = 12, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1000))]
        points: u32,
        /// Method
        #[arg(long, value_enum, default_value_t = MethodArg::Auto)]
        method: MethodArg,
        /// Years of Monte Carlo
        #[arg(short = 'n', long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
        years: u32,
    },
    /// Effective load-carrying capability of a unit
    Elcc {
        /// System
        #[command(flatten)]
        input: SystemInput,
        /// Capacity of the unit to add, in MW
        #[arg(long, value_name = "MW")]
        capacity: f64,
        /// Its forced outage rate
        #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
        forced_outage_rate: f64,
    },
}

/// Other people's files.
#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// MATPOWER case file
    Matpower {
        /// Case (.m)
        file: PathBuf,
    },
    /// Folder of RTS-GMLC source data
    RtsGmlc {
        /// Folder
        folder: PathBuf,
    },
    /// Capacitated location problem of OR-Library (cap41, capa, ...): demand may be split
    OrlibCap {
        /// Problem
        file: PathBuf,
        /// What the word `capacity` stands for, in files that leave it open
        #[arg(long, value_name = "N")]
        capacity: Option<f64>,
    },
    /// p-median problem of OR-Library on a graph (pmed1, ...)
    OrlibPmed {
        /// Problem
        file: PathBuf,
    },
    /// Capacitated p-median problem of OR-Library (pmedcap): one source for each customer
    OrlibPmedcap {
        /// Problem
        file: PathBuf,
    },
    /// Capacitated location problem of Holmberg et al.: one source for each customer
    Holmberg {
        /// Problem
        file: PathBuf,
    },
    /// Network of SNDlib (.xml): the cheapest links that survive the loss of any one of them
    Sndlib {
        /// Network
        file: PathBuf,
    },
    /// Two-stage placement of accelerators under uncertainty (placement-v1, JSON)
    PlacementV1 {
        /// Problem
        file: PathBuf,
        /// Plan against the worst loss of so many sites instead of the expectation
        #[arg(long, value_name = "K")]
        strike: Option<u32>,
    },
    /// Weighted points in the plane, such as Swain's 55, as a p-median problem
    Swain {
        /// Points: number, coordinates and population, by commas
        file: PathBuf,
        /// Number of facilities
        #[arg(long, value_name = "P")]
        medians: Option<u32>,
    },
}

/// What running accelerators takes.
#[derive(Clone, Debug, Args)]
pub struct Running {
    /// Facility power over IT power
    #[arg(long, default_value_t = 1.2, value_name = "RATIO", value_parser = at_least_one)]
    pub pue: f64,
    /// Price of electric energy
    #[arg(long, default_value = "85 EUR/MWh", value_name = "PRICE")]
    energy_price: String,
}

impl Running {
    /// The price of electric energy.
    pub fn energy_price(&self) -> Result<bastide_units::EnergyPrice, crate::exit::Failure> {
        bastide_units::Quantity::parse(&self.energy_price).map_err(|_| {
            crate::exit::Failure::hinted(
                format!("`{}` is not a price of energy", self.energy_price),
                "for example --energy-price \"85 EUR/MWh\"",
            )
        })
    }
}

fn at_least_one(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|value: &f64| value.is_finite() && *value >= 1.0)
        .ok_or_else(|| "write a number from 1, for example 1.2".to_owned())
}

fn above_zero(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|value: &f64| value.is_finite() && *value > 0.0).ok_or_else(|| "write a number above 0".to_owned())
}

/// Requests a second.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    // `5`, `5/s` and `5 / s` are rates.
    let spaced = text.split_once('/').map(|(number, time)| format!("{} / {}", number.trim(), time.trim()));
    let unit = || <bastide_units::Rate as bastide_units::Quantity>::parse(&spaced?).ok().map(bastide_units::Rate::as_per_s);
    let value = text.trim().parse().ok().or_else(unit).filter(|value: &f64| value.is_finite() && *value > 0.0);
    value.ok_or_else(|| "write a rate above 0, for example 5 or \"300 / h\"".to_owned())
}

/// A share of the largest load.
pub(crate) fn load(text: &str) -> Result<f64, String> {
    let value = <bastide_units::Ratio as bastide_units::Quantity>::parse(text).ok().map(bastide_units::Ratio::value);
    value.filter(|it| *it > 0.0 && *it < 1.0).ok_or_else(|| "write a share above 0 and below 1, for example \"70 %\"".to_owned())
}

fn tokens(text: &str) -> Result<bastide_units::Tokens, String> {
    let plain = || text.parse::<f64>().ok().map(bastide_units::Tokens::from_tokens);
    let parsed = <bastide_units::Tokens as bastide_units::Quantity>::parse(text).ok().or_else(plain);
    parsed.filter(|it| it.as_tokens() > 0.0).ok_or_else(|| "write tokens, for example \"15 T tokens\" or 15e12".to_owned())
}

/// A training run.
#[derive(Clone, Debug, Args)]
pub struct TrainInput {
    /// Model of the library: llama-3.1-405b
    #[arg(long, value_name = "NAME", conflicts_with = "table")]
    pub model: Option<String>,
    /// Accelerator of the library: h100
    #[arg(long, alias = "gpu", value_name = "NAME", conflicts_with = "table")]
    pub accelerator: Option<String>,
    /// Accelerators
    #[arg(long, alias = "devices", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub gpus: Option<u32>,
    /// Tokens of a sequence
    #[arg(long, default_value_t = 8192, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub sequence: u32,
    /// Sequences of a step [default: four million tokens]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub global_batch: Option<u32>,
    /// Tensor parallelism [default: searched]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub tensor: Option<u32>,
    /// Pipeline stages [default: searched]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub pipeline: Option<u32>,
    /// Context parallelism [default: searched]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub context: Option<u32>,
    /// Expert parallelism [default: searched]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub expert: Option<u32>,
    /// Chunks of layers of a pipeline stage [default: searched]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub interleaving: Option<u32>,
    /// Sequences of a micro-batch [default: searched]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub micro_batch: Option<u32>,
    /// Activations computed again in the backward pass [default: searched]
    #[arg(long, value_enum)]
    pub recompute: Option<RecomputeArg>,
    /// What data-parallel members share [default: searched]
    #[arg(long, value_enum)]
    pub sharding: Option<ShardingArg>,
    /// Format of matrix products: bf16, fp8, fp8-block, fp4
    #[arg(long, default_value = "bf16", value_name = "FORMAT")]
    pub precision: String,
    /// Software whose overheads count: megatron, megatron-bridge, composer, maxtext, torchtitan, meta, .., or general
    #[arg(long, default_value = "general", value_name = "NAME")]
    pub framework: String,
    /// Search all layouts and print the best
    #[arg(long)]
    pub search: bool,
    /// Islands of --gpus accelerators each that train alone and exchange over --link
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pub islands: Option<u32>,
    /// Bandwidth of each island's link: "10 Gbit/s"
    #[arg(long, default_value = "10 Gbit/s", value_name = "BANDWIDTH", requires = "islands")]
    pub link: String,
    /// Round trip between islands: "30 ms"
    #[arg(long, default_value = "30 ms", value_name = "DURATION", requires = "islands")]
    pub round_trip: String,
    /// How islands exchange
    #[arg(long, value_enum, default_value_t = ExchangeArg::Streaming, requires = "islands")]
    pub exchange: ExchangeArg,
    /// Steps between exchanges
    #[arg(long, default_value_t = 100, value_name = "H", requires = "islands", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub inner_steps: u32,
    /// Bits of an exchanged number
    #[arg(long, default_value_t = 4.0, value_name = "BITS", requires = "islands", value_parser = above_zero)]
    pub bits: f64,
    /// Tokens of the whole run, for its time, energy and cost: "15 T tokens"
    #[arg(long, value_name = "TOKENS", value_parser = tokens)]
    pub tokens: Option<bastide_units::Tokens>,
    /// Power and prices
    #[command(flatten)]
    pub running: Running,
}

/// Activations computed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RecomputeArg {
    /// None.
    None,
    /// Attention scores alone.
    Selective,
    /// Every layer.
    Full,
}

impl From<RecomputeArg> for bastide_cost_models::compute::training::Recompute {
    fn from(it: RecomputeArg) -> Self {
        match it {
            RecomputeArg::None => Self::None,
            RecomputeArg::Selective => Self::Selective,
            RecomputeArg::Full => Self::Full,
        }
    }
}

/// How islands of a training run exchange what they learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExchangeArg {
    /// Gradients at every step.
    DataParallel,
    /// The whole model every H steps (DiLoCo).
    Diloco,
    /// A few layers at a time, beside five further steps (Streaming DiLoCo).
    Streaming,
    /// The whole model beside the next H steps (Eager DiLoCo).
    Eager,
}

/// What data-parallel members share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ShardingArg {
    /// Nothing.
    None,
    /// Optimiser state (ZeRO-1).
    Optimiser,
    /// And gradients (ZeRO-2).
    Gradients,
    /// And weights (ZeRO-3, FSDP).
    Full,
}

impl From<ShardingArg> for bastide_cost_models::compute::training::Sharding {
    fn from(it: ShardingArg) -> Self {
        match it {
            ShardingArg::None => Self::None,
            ShardingArg::Optimiser => Self::Optimiser,
            ShardingArg::Gradients => Self::Gradients,
            ShardingArg::Full => Self::Full,
        }
    }
}

/// A replica of a model: accelerators, layout, formats, software.
#[derive(Clone, Debug, Default, Args, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReplicaInput {
    /// Model of the library: llama-3.1-70b
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Accelerator of the library: h100
    #[arg(long, alias = "gpu", value_name = "NAME")]
    #[serde(alias = "gpu", alias = "device")]
    pub accelerator: Option<String>,
    /// Tensor parallelism [default: the fewest accelerators that hold the model]
    #[arg(long, alias = "tp", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    #[serde(alias = "tp")]
    pub tensor: Option<u32>,
    /// Pipeline stages [default: 1]
    #[arg(long, alias = "pp", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    #[serde(alias = "pp")]
    pub pipeline: Option<u32>,
    /// Accelerators over which whole experts are spread [default: 1]
    #[arg(long, alias = "ep", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    #[serde(alias = "ep")]
    pub expert: Option<u32>,
    /// Groups that each hold requests of their own and share the experts (attention data parallelism) [default: 1]
    #[arg(long, alias = "dp", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    #[serde(alias = "dp")]
    pub data: Option<u32>,
    /// Format of weights: bf16, fp8, fp8-block, int8, fp4, int4 [default: bf16]
    #[arg(long, alias = "precision", value_name = "FORMAT")]
    #[serde(alias = "precision")]
    pub weights: Option<String>,
    /// Format of experts' weights [default: that of --weights]
    #[arg(long, value_name = "FORMAT")]
    pub experts: Option<String>,
    /// Format of keys and values [default: bf16]
    #[arg(long, value_name = "FORMAT")]
    pub cache: Option<String>,
    /// Software: vllm, sglang, trtllm, llama.cpp, other [default: vllm]
    #[arg(long, value_name = "NAME")]
    pub engine: Option<String>,
}

/// A replica at a load, or a fleet for a target.
#[derive(Clone, Debug, Args)]
pub struct ServeInput {
    /// The replica
    #[command(flatten)]
    pub replica: ReplicaInput,
    /// Mean tokens of a prompt
    #[arg(long, alias = "isl", default_value_t = 1024.0, value_name = "TOKENS", value_parser = at_least_one)]
    pub prompt: f64,
    /// Mean tokens of an answer
    #[arg(long, alias = "osl", default_value_t = 256.0, value_name = "TOKENS", value_parser = at_least_one)]
    pub answer: f64,
    /// Requests at a time on the replica [default: as many as readers can bear: 2 s to 95 % of first tokens, 50 ms a token]
    #[arg(long, value_name = "N", value_parser = above_zero)]
    pub concurrency: Option<f64>,
    /// Requests a second that come to the replica on their own, instead: 5 or "300 / h"
    #[arg(long, value_name = "RATE", value_parser = rate, conflicts_with_all = ["concurrency", "target"])]
    pub rate: Option<f64>,
    /// The same as a share of the largest rate: "70 %"
    #[arg(long, value_name = "SHARE", value_parser = load, conflicts_with_all = ["concurrency", "target", "rate"])]
    pub load: Option<f64>,
    /// Serve that many requests at this rate one by one too, and say how the two differ
    #[arg(long, value_name = "REQUESTS", num_args = 0..=1, default_missing_value = "20000", conflicts_with_all = ["concurrency", "target"])]
    pub check: Option<usize>,
    /// Probability that a drafted token is accepted (speculative decoding)
    #[arg(long, value_name = "SHARE")]
    pub acceptance: Option<f64>,
    /// Tokens that a draft proposes
    #[arg(long, default_value_t = 3.0, value_name = "N", value_parser = above_zero, requires = "acceptance")]
    pub drafted: f64,
    /// Size a fleet: users=20000,think=30 s,tokens=1024/256,ttft_p95=2 s,tpot=50 ms; or requests=50 / s; or tokens=20 bn tokens/d
    #[arg(long, value_name = "KEY=VALUE,..", conflicts_with = "concurrency")]
    pub target: Option<String>,
    /// Power and prices
    #[command(flatten)]
    pub running: Running,
}

/// Questions to the models of throughput.
#[derive(Debug, Subcommand)]
pub enum PredictCommand {
    /// Serving: time to first token, time per output token, tokens per second
    Serve {
        /// CSV of configurations; kinds of tables are told by their columns
        #[arg(long, value_name = "FILE")]
        table: Option<PathBuf>,
        /// Say where the time goes, term by term, with formula and source
        #[arg(long)]
        explain: bool,
        /// Matrix products as measured in this calibration pack instead of public measurements
        #[arg(long, value_name = "PACK")]
        calibration: Option<PathBuf>,
        /// One configuration
        #[command(flatten)]
        input: Box<ServeInput>,
    },
    /// Training: step time, utilisation, memory
    Train {
        /// CSV of configurations; kinds of tables are told by their columns
        #[arg(long, value_name = "FILE")]
        table: Option<PathBuf>,
        /// Say where the time goes, term by term, with formula and source
        #[arg(long)]
        explain: bool,
        /// Matrix products as measured in this calibration pack instead of public measurements
        #[arg(long, value_name = "PACK")]
        calibration: Option<PathBuf>,
        /// One configuration
        #[command(flatten)]
        input: Box<TrainInput>,
    },
    /// Fit the parameters of a kind of table to its rows that are not left out
    Fit {
        /// CSV of measured configurations
        table: PathBuf,
    },
}

/// What `calibrate` does.
#[derive(Clone, Debug, Args)]
pub struct CalibrateInput {
    /// The short suite: about 15 s instead of a minute
    #[arg(long)]
    pub quick: bool,
    /// Which GPU of this machine, from 0
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub device: usize,
    /// Time whole decode and training steps too, beside what the pack predicts for them
    #[arg(long)]
    pub steps: bool,
    /// Check a stored pack instead: its checksum, its points, its fit made anew
    #[arg(long, value_name = "PACK", conflicts_with_all = ["quick", "device", "steps"])]
    pub check: Option<PathBuf>,
}

/// How requests or jobs are replayed.
#[derive(Clone, Debug, Args)]
pub struct ReplayInput {
    /// Requests: CSV with arrival, prompt and answer tokens, or JSON lines with timestamp, input_length, output_length. Jobs: a log
    /// in SWF, CSV (of the Helios and Philly kind, Alibaba GPU pods, or the own format) or Batsim JSON, also .gz or .zip
    #[arg(
        value_name = "REQUESTS or JOBS",
        required = false,
        required_unless_present = "poisson",
        default_value_if("poisson", clap::builder::ArgPredicate::IsPresent, "--poisson")
    )]
    pub trace: PathBuf,
    /// Jobs
    #[command(flatten)]
    pub jobs: JobsInput,
    /// Requests that arrive on their own instead of those of a trace, served one by one and by the fluid law:
    /// rate=5,input=1024,output=256,requests=20000; load=70 % instead of a rate; input_cv, output_cv, input_law, output_law
    /// (fixed, geometric, uniform, lognormal), lengths=TRACE, seed
    #[arg(long, value_name = "KEY=VALUE,..", conflicts_with_all = ["trace", "cluster"])]
    pub poisson: Option<String>,
    /// The service: a TOML file, or model=llama-3.1-8b,accelerator=h100,tensor=1,max_num_seqs=128; keys are those of the options
    /// below and of the scheduler [default: from the file's name, ACCELERATOR_MODEL.csv]
    #[arg(long, value_name = "FILE or KEY=VALUE,..")]
    pub service: Option<String>,
    /// The replica
    #[command(flatten)]
    pub replica: ReplicaInput,
    /// Most requests that run at once in a replica [default: 256]
    #[arg(long, value_name = "N")]
    pub max_num_seqs: Option<u32>,
    /// Most tokens of a step of a replica [default: 8192]
    #[arg(long, value_name = "N")]
    pub max_num_batched_tokens: Option<u32>,
    /// Step times from the data sheet alone, also where the machine has been profiled
    #[arg(long)]
    pub datasheet: bool,
}

/// How jobs are scheduled.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Jobs on a cluster")]
pub struct JobsInput {
    /// Cluster: nodes x GPUs such as 16x8 or 16x8+4x4, or a file of nodes (.toml, .csv)
    #[arg(long, value_name = "16x8 or FILE")]
    pub cluster: Option<String>,
    /// Who goes first: fifo, sjf, srtf, easy, conservative, fair-share, priority, quotas; with keys as in
    /// easy,estimate_factor=2; or a TOML file [default: fifo]
    #[arg(long, value_name = "WORD,KEY=VALUE,.. or FILE", requires = "cluster")]
    pub policy: Option<String>,
    /// Which nodes a job gets: consolidated, first-fit, best-fit, fgd, dot-product, gpu-packing, gpu-clustering, random
    /// [default: consolidated]
    #[arg(long, value_name = "WORD", requires = "cluster")]
    pub placement: Option<String>,
    /// Instead of the log's times: its jobs arrive at random and stay, until they have asked for this share of the GPUs: 130%
    #[arg(long, value_name = "LOAD", requires = "cluster", value_parser = percentage)]
    pub until: Option<f64>,
    /// Random orders of arrival (with --until)
    #[arg(long, default_value_t = 10, value_name = "N", requires = "until", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub orders: u32,
    /// Kind of the log [default: told by its content]
    #[arg(long, value_enum, requires = "cluster")]
    pub kind: Option<LogKind>,
    /// Go on without bad lines and without jobs that can never run, and count them
    #[arg(long, requires = "cluster")]
    pub skip_bad: bool,
}

fn percentage(text: &str) -> Result<f64, String> {
    let number = text.trim().strip_suffix('%').and_then(|it| it.trim().parse::<f64>().ok()).map(|percent| percent / 100.0);
    let most = bastide_schedule::packing::inflation::MOST_LOAD;
    number
        .filter(|it| *it >= 0.01 && *it <= most)
        .ok_or_else(|| format!("write a share of the GPUs from 1% to {}%, for example 130%", most * 100.0))
}

/// Kinds of job logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogKind {
    /// Standard Workload Format.
    Swf,
    /// CSV of the Helios and Philly kind.
    #[value(alias = "philly")]
    Helios,
    /// Pods of the Alibaba GPU trace.
    #[value(alias = "alibaba")]
    Pods,
    /// Workload of Batsim.
    Batsim,
    /// The own CSV, with units in column names.
    Own,
}

impl From<LogKind> for bastide_schedule::trace::Kind {
    fn from(kind: LogKind) -> Self {
        match kind {
            LogKind::Swf => Self::Swf,
            LogKind::Helios => Self::Helios,
            LogKind::Pods => Self::Pods,
            LogKind::Batsim => Self::Batsim,
            LogKind::Own => Self::Own,
        }
    }
}

/// What to explain.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ExplainInput {
    /// For example F0203, site.connection, b200 [default: list all codes]
    pub word: Option<String>,
    /// Every code with its explanation, as a page of Markdown
    #[arg(long, conflicts_with = "word")]
    pub markdown: bool,
    /// A question to a results folder
    #[command(subcommand)]
    pub question: Option<ExplainQuestion>,
}

/// Questions to a results folder.
#[derive(Debug, Subcommand)]
pub enum ExplainQuestion {
    /// What an event follows from, back to where it began, and what followed from it
    Event(ExplainEvent),
    /// List events, those first that cost the most service
    Events(ExplainEvents),
}

/// One event.
#[derive(Debug, Args)]
pub struct ExplainEvent {
    /// Replication and number of the event, as `explain events` lists them: 3:41
    #[arg(value_name = "REPLICATION:SEQ", value_parser = event_number)]
    pub event: (u32, i64),
    /// Results folder [default: the latest of results/]
    pub folder: Option<PathBuf>,
    /// In which alternative [default: recommended]
    #[arg(long, value_name = "NAME")]
    pub alternative: Option<String>,
    /// In which case of the scenario [default: the scenario itself]
    #[arg(long, value_name = "NAME")]
    pub case: Option<String>,
}

/// Events of a kind.
#[derive(Debug, Args)]
pub struct ExplainEvents {
    /// Results folder [default: the latest of results/]
    pub folder: Option<PathBuf>,
    /// Which kind
    #[arg(long, default_value = "service-lost", value_name = "KIND")]
    pub kind: String,
    /// Only those of this service, site, hazard ...
    #[arg(long, value_name = "NAME")]
    pub entity: Option<String>,
    /// Only those of this replication
    #[arg(long, value_name = "R")]
    pub replication: Option<u32>,
    /// How many
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = most)]
    pub most: usize,
    /// In which alternative [default: recommended]
    #[arg(long, value_name = "NAME")]
    pub alternative: Option<String>,
    /// In which case of the scenario [default: the scenario itself]
    #[arg(long, value_name = "NAME")]
    pub case: Option<String>,
}

fn most(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|most| (1..=100_000).contains(most)).ok_or_else(|| "write a whole number from 1 to 100000".to_owned())
}

fn event_number(text: &str) -> Result<(u32, i64), String> {
    let numbers = text.split_once(':').and_then(|(replication, seq)| Some((replication.trim().parse().ok()?, seq.trim().parse().ok()?)));
    numbers
        .filter(|(_, seq)| *seq >= 0)
        .ok_or_else(|| "write REPLICATION:SEQ, for example 3:41; `bastide explain events` lists them".to_owned())
}

/// What `report` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportKind {
    /// A self-contained page.
    Html,
    /// Text for pasting.
    Md,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.trim().to_owned())),
        _ => Err("write KEY=VALUE, for example site.riga.connection='\"40 MW\"'".to_owned()),
    }
}
