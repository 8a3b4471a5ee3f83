//! `grid`: questions to the power grid. One file per question.

mod adequacy;
mod cascade;
mod chronology;
mod contingency;
mod elcc;
mod flow;
mod host;
pub mod input;
mod opf;
mod system;

use crate::args::{Global, GridCommand};
use crate::exit::Failure;
use crate::output::Output;

pub fn run(command: &GridCommand, global: &Global, output: &Output) -> Result<(), Failure> {
    match command {
        GridCommand::Flow { input, outages, factors } => flow::run(input, outages, *factors, global, output),
        GridCommand::Opf { .. } => opf::run(command, global, output),
        GridCommand::Contingency { input, depth, ai_load } => contingency::run(input, *depth, ai_load, global, output),
        GridCommand::Cascade { .. } => cascade::run(command, global, output),
        GridCommand::Adequacy { input, method, years, hourly } => adequacy::run(input, *method, *years, *hourly, global, output),
        GridCommand::Host { .. } => host::run(command, global, output),
        GridCommand::Elcc { input, capacity, forced_outage_rate } => elcc::run(input, *capacity, *forced_outage_rate, global, output),
    }
}
