//! `predict serve`: a replica at a load, or a fleet for a target.

use crate::args::ServeInput;
use crate::exit::Failure;
use crate::output::Output;

pub fn run(_args: &ServeInput, _explain: bool, _output: &Output) -> Result<(), Failure> {
    Err(Failure::sentence("in work"))
}
