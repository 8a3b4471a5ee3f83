//! `schema`: what a scenario may contain, for editors and for people.

use crate::exit::Failure;
use crate::output::Output;

pub fn run(markdown: bool, output: &Output) -> Result<(), Failure> {
    use std::io::Write;
    let mut out = output.out();
    if markdown {
        out.write_all(bastide_model::reference_markdown().as_bytes())?;
    } else {
        serde_json::to_writer_pretty(&mut out, &bastide_model::json_schema())?;
        writeln!(out)?;
    }
    Ok(())
}
