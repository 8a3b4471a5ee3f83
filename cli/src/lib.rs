//! Words for people: the command line, its messages, and the order in which a study's steps are taken.
//!
//! Architecture invariant: the only crate that prints. Every command is a function from arguments to an exit code.

mod args;
mod cmd;
mod exit;
mod output;
mod progress;
mod render;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command, Format};
use exit::Failure;
use output::Output;

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // clap's own exit code is 2 for a usage error and 0 for help and version.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(exit::BUG));
        }
    };
    let output = Output::new(&cli.global);
    let result = std::panic::catch_unwind(|| run(&cli, &output));
    ExitCode::from(match result {
        Ok(Ok(())) => exit::DONE,
        Ok(Err(failure)) => report(&failure, &output),
        Err(_) => {
            let _ = writeln!(output.err(), "this is a bug of bastide {}; the text above helps to find it", env!("CARGO_PKG_VERSION"));
            exit::BUG
        }
    })
}

fn run(cli: &Cli, output: &Output) -> Result<(), Failure> {
    let global = &cli.global;
    match &cli.command {
        Command::Study { scenario, replications, plan, cases } => {
            cmd::study::run(scenario, *replications, plan.as_deref(), cases, global, output)
        }
        Command::Plan { scenario, alternative, check, time_limit, verify, questions } => {
            cmd::plan::run(scenario, alternative.as_deref(), check.as_deref(), time_limit.as_deref(), verify, questions, global, output)
        }
        Command::Run { scenario, plan, replications, replication, trace, cases } => {
            cmd::run::run(scenario, plan.as_deref(), *replications, *replication, *trace, cases, global, output)
        }
        Command::Evacuate { scenario, name, warning, plan } => {
            cmd::evacuate::run(scenario, name.as_deref(), warning.as_deref(), plan.as_deref(), global, output)
        }
        Command::Strike(input) => cmd::strike::run(input, global, output),
        Command::Tune(input) => cmd::tune::run(input, global, output),
        Command::Report { folder, kind, planning } => cmd::report::run(folder, *kind, planning, global, output),
        Command::Compare { folders } => cmd::compare::run(folders, output),
        Command::Validate { scenario } => cmd::validate::run(scenario, global, output),
        Command::Show { scenario, resolved } => cmd::show::run(scenario, *resolved, global, output),
        Command::New { name } => cmd::new::run(name, global, output),
        Command::Schema { markdown } => cmd::schema::run(*markdown, output),
        Command::Explain(input) => cmd::explain::run(input, output),
        Command::Grid(command) => cmd::grid::run(command, global, output),
        Command::Import(command) => cmd::import::run(command, global, output),
        Command::Predict(command) => cmd::predict::run(command, global, output),
        Command::Replay(args) => cmd::replay::run(args, global, output),
        Command::Calibrate(args) => cmd::calibrate::run(args, global, output),
        Command::Devices => cmd::devices::run(output),
        Command::Completions { shell } => cmd::completions::run(*shell, output),
    }
}

/// Says why a command failed and gives its exit code. JSON goes to stdout, so that a machine always reads one document.
fn report(failure: &Failure, output: &Output) -> u8 {
    // Nothing can be done about a closed stream while failing already.
    match failure {
        Failure::BrokenPipe => return exit::DONE,
        Failure::Told => {}
        Failure::Diagnostics(list) if output.format == Format::Json => {
            let list: Vec<_> = list.iter().map(render::to_json).collect();
            let _ = output.json("diagnostics/1", &serde_json::json!({ "diagnostics": list }));
        }
        Failure::Diagnostics(list) => {
            let mut err = output.err();
            let _ = render::diagnostics(&mut err, list, output.color);
            let _ = writeln!(err, "{}", render::count(list));
        }
        Failure::Sentence(text, hint) => {
            if output.format == Format::Json {
                let _ = output.json("error/1", &serde_json::json!({ "error": text, "hint": hint }));
            }
            let mut err = output.err();
            let _ = writeln!(err, "error: {text}");
            if let Some(hint) = hint {
                let _ = writeln!(err, "hint: {hint}");
            }
        }
        Failure::Interrupted(text) => {
            let _ = writeln!(output.err(), "{text}");
            return exit::INTERRUPTED;
        }
    }
    exit::BAD
}
