//! `compare`: which alternative, by how much, on the same draws.

use std::path::PathBuf;

use bastide_sim::results::Study;
use serde_json::json;

use super::simulate;
use crate::args::Format;
use crate::exit::Failure;
use crate::output::Output;

pub fn run(folders: &[PathBuf], output: &Output) -> Result<(), Failure> {
    let studies = folders.iter().map(|folder| simulate::open(folder)).collect::<Result<Vec<Study>, _>>()?;
    if output.format == Format::Json {
        let list: Vec<_> = studies
            .iter()
            .map(|study| {
                json!({
                    "results": study.folder, "scenario": study.summary.scenario.name, "seed": study.summary.seed, "replications": study.summary.replications,
                    "reference": study.summary.reference, "headline": study.summary.headline,
                    "differences": study.summary.estimates.iter().filter(|row| row.difference.is_some()).collect::<Vec<_>>(),
                })
            })
            .collect();
        return output.json("compare/1", &json!({ "studies": list }));
    }
    let table = bastide_reports::compare(&studies).map_err(|error| Failure::sentence(error.to_string()))?;
    output.line(table.trim_end())
}
