//! The command line as a readable table. Flags work before and after the subcommand.

use std::path::PathBuf;

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
        /// Replications of each alternative
        #[arg(short = 'n', long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        replications: u32,
        /// Simulate this plan file as `recommended` instead of searching for one
        #[arg(long, value_name = "FILE")]
        plan: Option<PathBuf>,
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
    },
    /// Simulate one plan, without rivals and without a report
    Run {
        /// Scenario folder or file
        scenario: PathBuf,
        /// Plan file [default: search for one]
        #[arg(long, value_name = "FILE")]
        plan: Option<PathBuf>,
        /// Replications
        #[arg(short = 'n', long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        replications: u32,
        /// Only this replication
        #[arg(long, value_name = "R")]
        replication: Option<u32>,
        /// Print every event of the replication (with --replication)
        #[arg(long, requires = "replication")]
        trace: bool,
    },
    /// Render the report of a results folder again
    Report {
        /// Results folder
        folder: PathBuf,
        /// What to write
        #[arg(long = "as", value_enum, default_value_t = ReportKind::Html)]
        kind: ReportKind,
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
    /// Explain a diagnostic code, a key of the scenario, or an accelerator or model of the library
    Explain {
        /// For example F0203, site.connection, b200 [default: list all codes]
        word: Option<String>,
        /// Every code with its explanation, as a page of Markdown
        #[arg(long, conflicts_with = "word")]
        markdown: bool,
    },
    /// List the GPUs of this machine
    Devices,
    /// Print a completion script
    Completions {
        /// Shell
        shell: clap_complete::Shell,
    },
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
