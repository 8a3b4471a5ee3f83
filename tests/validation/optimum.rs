//! Optima that others published, found and proven through the whole chain: their file, the importer, the scenario, the plan.
//!
//! Every row of the reference table whose family is known is checked; a row of the same family and its file need no change here.

#![allow(clippy::print_stdout, reason = "tests show their figures, and say when the data is missing")]

mod backbone;
mod interdiction;
mod location;
mod placement;
mod stochastic;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use bastide_model::import::ImportedScenario;
use bastide_model::load;
use bastide_model::model::Model;
use bastide_model::plan::{Certificate, Plan};
use bastide_plan::{Outcome, SolveOptions, cost_lines, objective, solve, verify};

use crate::support::Scratch;

/// Largest relative gap of a proof.
const PROVEN: f64 = 1e-6;

/// A row of the reference table.
#[derive(Clone, Debug, Default)]
struct Row {
    id: String,
    family: String,
    file: String,
    params: String,
    optimum: String,
    tolerance: String,
}

impl Row {
    /// The folder of its file.
    fn folder(&self) -> &str {
        self.file.split('/').next().unwrap_or("")
    }
    /// The number after some words of the parameters.
    fn number_after(&self, words: &str) -> Option<f64> {
        let rest = self.params.split_once(words)?.1.trim_start();
        rest.split(|c: char| !(c.is_ascii_digit() || c == '.')).next()?.parse().ok()
    }
    /// Whether a value is the published one, within the tolerance of the table.
    fn agrees(&self, value: f64) -> bool {
        let published: f64 = self.optimum.parse().unwrap_or_else(|_| panic!("{}: `{}` is no number", self.id, self.optimum));
        let mut words = self.tolerance.split_whitespace();
        let size = words.next().and_then(|word| word.parse::<f64>().ok());
        match (size, words.next()) {
            (Some(size), Some("rel")) => (value - published).abs() <= size * published.abs(),
            (Some(size), _) => (value - published).abs() <= size,
            // Exact, but for the rounding of sums.
            (None, _) => (value - published).abs() <= 1e-6 * published.abs().max(1.0),
        }
    }
}

/// The folder of the reference data, if it is at hand.
fn data() -> Option<PathBuf> {
    let data = std::env::var_os("BASTIDE_REFERENCE_DATA").map_or_else(|| crate::support::root().join("../shared/data"), PathBuf::from);
    Some(data.join("opt")).filter(|folder| folder.join("expected.csv").is_file())
}

/// The rows of the table that a test knows; says so where there are none.
fn rows(what: &str, wanted: impl Fn(&Row) -> bool) -> Vec<(Row, PathBuf)> {
    let Some(folder) = data() else {
        println!("skipped: {what}, the reference data is not at hand (BASTIDE_REFERENCE_DATA)");
        return Vec::new();
    };
    let text = std::fs::read_to_string(folder.join("expected.csv")).expect("the table can be read");
    let mut lines = text.lines().map(cells);
    let header = lines.next().unwrap_or_default();
    let at = |title: &str| header.iter().position(|it| it == title).unwrap_or_else(|| panic!("the table has no column `{title}`"));
    let columns = ["id", "family", "file", "params", "optimum", "tolerance"].map(at);
    let row = |cells: Vec<String>| {
        let cell = |index: usize| cells.get(columns[index]).cloned().unwrap_or_default();
        Row { id: cell(0), family: cell(1), file: cell(2), params: cell(3), optimum: cell(4), tolerance: cell(5) }
    };
    lines.map(row).filter(|row| wanted(row)).map(|row| (row.clone(), folder.join(&row.file))).collect()
}

/// The cells of a line of CSV.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut quoted) = (vec![String::new()], false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            _ => cells.last_mut().expect("there is always one").push(c),
        }
    }
    cells
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The model of an imported scenario, which has no mistakes and no warnings.
fn model(imported: &ImportedScenario) -> Arc<Model> {
    let scratch = Scratch::new("optimum");
    for (path, text) in &imported.files {
        let path = scratch.join(path);
        std::fs::create_dir_all(path.parent().expect("files lie in folders")).expect("the temporary folder can be written");
        std::fs::write(path, text).expect("the temporary folder can be written");
    }
    let loaded = load(scratch.path(), &[]).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
    assert!(loaded.warnings.is_empty(), "{:#?}", loaded.warnings);
    loaded.model
}

/// A proven plan: the gap is closed, its cost lines sum to the objective, and every constraint holds outside the solver.
fn proven(name: &str, model: &Model) -> (Plan, Certificate) {
    let start = Instant::now();
    let outcome = solve(model, None, &SolveOptions::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
    let Outcome::Planned(plan) = outcome else { panic!("{name}: {outcome:?}") };
    let proof = plan.certificate.clone().expect("a plan of the solver has a certificate");
    println!(
        "{name}: {} with bound {}, gap {:.1e}, {:.2} s, {}",
        proof.objective_eur,
        proof.bound_eur,
        proof.gap,
        start.elapsed().as_secs_f64(),
        proof.solver
    );
    assert!(proof.gap <= PROVEN, "{name}: {proof:?}");
    assert!(proof.bound_eur <= proof.objective_eur * (1.0 + 1e-12), "{name}: {proof:?}");
    let lines: f64 = cost_lines(model, &plan).iter().map(|line| line.annual_eur).sum();
    let same = |other: f64| (lines - other).abs() <= 1e-9 * lines.abs().max(1.0);
    assert!(same(objective(&plan)) && same(proof.objective_eur), "{name}: {lines} {} {proof:?}", objective(&plan));
    let broken: Vec<_> = verify(model, &plan, None).into_iter().filter(|check| !check.ok).collect();
    assert!(broken.is_empty(), "{name}: {broken:#?}");
    (*plan, proof)
}
