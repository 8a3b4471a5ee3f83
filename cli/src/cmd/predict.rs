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
    match command {
        PredictCommand::Serve { table: Some(file), explain, .. } | PredictCommand::Train { table: Some(file), explain, .. } => {
            table::run(file, *explain, global, output)
        }
        PredictCommand::Serve { explain, input, .. } => serve::run(input, *explain, output),
        PredictCommand::Train { explain, input, .. } => train::run(input, *explain, output),
        PredictCommand::Fit { table } => table::fit(table, global, output),
    }
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
