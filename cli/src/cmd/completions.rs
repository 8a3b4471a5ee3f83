//! `completions`: a script for the user's shell.

use clap::CommandFactory;

use crate::args::Cli;
use crate::exit::Failure;
use crate::output::Output;

pub fn run(shell: clap_complete::Shell, output: &Output) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "bastide", &mut script);
    std::io::Write::write_all(&mut output.out(), &script)?;
    Ok(())
}
