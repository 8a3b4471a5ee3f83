//! One file per command.

pub mod calibrate;
mod cases;
pub mod compare;
pub mod completions;
pub mod devices;
pub mod evacuate;
pub mod explain;
mod fit;
pub mod grid;
pub mod import;
pub mod new;
pub mod plan;
pub mod predict;
pub mod replay;
pub mod report;
pub mod run;
pub mod schema;
pub mod show;
mod simulate;
pub mod strike;
pub mod study;
mod training;
pub mod tune;
pub mod validate;

use std::path::Path;
use std::sync::Arc;

use bastide_model::Loaded;
use bastide_model::model::Model;

use crate::args::Global;
use crate::exit::Failure;
use crate::output::Output;
use crate::render;

/// Loads a scenario; warnings are printed, errors end the command.
pub fn load(scenario: &Path, global: &Global, output: &Output) -> Result<Arc<Model>, Failure> {
    load_with_cases(scenario, global, output).map(|loaded| loaded.model)
}

/// Loads a scenario with its cases.
pub fn load_with_cases(scenario: &Path, global: &Global, output: &Output) -> Result<Loaded, Failure> {
    let loaded = cases::checked(scenario, &global.sets).map_err(Failure::Diagnostics)?;
    if !loaded.warnings.is_empty() && output.format == crate::args::Format::Human {
        // A closed stderr must not stop the work.
        let _ = render::diagnostics(&mut output.err(), &loaded.warnings, output.color);
    }
    Ok(loaded)
}

/// Threads to use.
pub fn threads(global: &Global) -> usize {
    global.threads.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from)
}

/// Reads a text file that the user named.
pub fn read_text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::sentence(format!("cannot read `{}`: {error}", path.display())))
}

/// Writes to the file that `-o` names, or to stdout.
pub fn write_or_print(text: &str, global: &Global, output: &Output) -> Result<(), Failure> {
    match &global.output {
        Some(path) => {
            std::fs::write(path, text).map_err(|error| Failure::sentence(format!("cannot write `{}`: {error}", path.display())))?;
            output.say(&format!("written to `{}`", path.display()));
            Ok(())
        }
        None => {
            use std::io::Write;
            output.out().write_all(text.as_bytes())?;
            Ok(())
        }
    }
}

/// Lines of a table with columns of equal width; the first column to the left, the others to the right.
pub fn aligned(table: &[Vec<String>]) -> Vec<String> {
    let columns = table.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| table.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            let gap = " ".repeat(width - cell.chars().count());
            if column == 0 { format!("{cell}{gap}") } else { format!("{gap}{cell}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    table.iter().map(line).collect()
}
