//! `predict`: throughput, time, memory, power and energy of configurations.

pub mod calibration;
mod islands;
pub mod library;
pub mod replica;
mod serve;
mod table;
mod train;

use bastide_cost_models::compute::Term;
use bastide_units::format_significant;

use crate::args::{Global, PredictCommand};
use crate::cmd::aligned;
use crate::exit::Failure;
use crate::output::Output;

pub fn run(command: &PredictCommand, global: &Global, output: &Output) -> Result<(), Failure> {
    if let PredictCommand::Serve { calibration: Some(pack), .. } | PredictCommand::Train { calibration: Some(pack), .. } = command {
        calibration::install(pack, output)?;
    }
    let one = match command {
        PredictCommand::Serve { table: Some(_), input, .. } => {
            input.replica.model.is_some() || input.replica.accelerator.is_some() || input.target.is_some()
        }
        PredictCommand::Train { table: Some(_), input, .. } => input.model.is_some() || input.accelerator.is_some(),
        _ => false,
    };
    if one {
        return Err(Failure::hinted("--table answers its own configurations", "leave --model, --accelerator and --target out, or --table"));
    }
    match command {
        PredictCommand::Serve { table: Some(file), explain, .. } | PredictCommand::Train { table: Some(file), explain, .. } => {
            table::run(file, *explain, global, output)
        }
        PredictCommand::Serve { explain, input, .. } => serve::run(input, *explain, global, output),
        PredictCommand::Train { explain, input, .. } => train::run(input, *explain, global, output),
        PredictCommand::Fit { table } => table::fit(table, global, output),
    }
}

/// Writes the document of one configuration to the file that `-o` names, where it names one.
fn keep(document: &serde_json::Value, schema: &str, global: &Global, output: &Output) -> Result<(), Failure> {
    let Some(path) = &global.output else { return Ok(()) };
    let mut document = document.clone();
    document["schema"] = format!("bastide/{schema}").into();
    let text = serde_json::to_string_pretty(&document)? + "\n";
    std::fs::write(path, text).map_err(|error| Failure::sentence(format!("cannot write `{}`: {error}", path.display())))?;
    output.say(&format!("written to `{}`", path.display()));
    Ok(())
}

/// Where a time goes, largest part first.
fn terms(terms: &[Term], whole: f64) -> Vec<String> {
    let mut cells = vec![["part", "ms", "share", "formula", "source"].map(str::to_owned).to_vec()];
    for term in terms.iter().filter(|term| term.seconds > 0.0) {
        cells.push(vec![
            term.name.to_owned(),
            format_significant(term.seconds * 1e3, 4),
            format!("{:.1} %", 100.0 * term.seconds / whole),
            term.formula.to_owned(),
            term.source.to_owned(),
        ]);
    }
    // Words read from the left: only the two numbers are set to the right.
    let numbers: Vec<Vec<String>> = cells.iter().map(|row| row[..3].to_vec()).collect();
    let lines = aligned(&numbers);
    let width = cells.iter().map(|row| row[3].chars().count()).max().unwrap_or(0);
    lines.into_iter().zip(&cells).map(|(line, row)| format!("{line}  {:width$}  {}", row[3], row[4]).trim_end().to_owned()).collect()
}
