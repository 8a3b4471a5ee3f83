//! `predict`: throughput, time, memory, power and energy of configurations.

mod table;

use crate::args::{Global, PredictCommand};
use crate::exit::Failure;
use crate::output::Output;

pub fn run(command: &PredictCommand, global: &Global, output: &Output) -> Result<(), Failure> {
    match command {
        PredictCommand::Serve { table: Some(file), explain } | PredictCommand::Train { table: Some(file), explain } => {
            table::run(file, *explain, global, output)
        }
        PredictCommand::Fit { table } => table::fit(table, global, output),
        _ => Err(Failure::sentence("not yet")),
    }
}
