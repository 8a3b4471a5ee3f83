//! Cases and expected answers for the tests.

#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

use std::path::PathBuf;

use bastide_grid::{Case, read_matpower};

/// The folder of reference data, or a visible line and `None`.
pub fn folder(test: &str) -> Option<PathBuf> {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("BASTIDE_REFERENCE_DATA").map_or(default, PathBuf::from).join("grid");
    if !folder.is_dir() {
        eprintln!("skipped: {test}: no reference data (set BASTIDE_REFERENCE_DATA)");
        return None;
    }
    Some(folder)
}

/// Rows of a table without its header, cells as text.
pub fn table(folder: &std::path::Path, file: &str) -> Vec<Vec<String>> {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().skip(1).map(|line| line.split(',').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// Row numbers separated by semicolons.
pub fn rows(cell: &str) -> Vec<u32> {
    cell.split(';').filter(|row| !row.is_empty()).map(|row| row.parse().unwrap()).collect()
}

pub fn case(folder: &std::path::Path, file: &str) -> Case {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    read_matpower(&text).unwrap_or_else(|errors| panic!("{}: {errors:?}", path.display()))
}
